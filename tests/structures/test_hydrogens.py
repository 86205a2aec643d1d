"""Hydrogens left out of a file: seen where they are missing, and put where they were."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

from xanes_core.errors import StructureError
from xanes_core.structures import environment
from xanes_core.structures.examples import list_examples, load_example
from xanes_core.structures.hydrogens import add_hydrogens, lacks_hydrogens, missing_hydrogens

EXAMPLES = [example.key for example in list_examples()]


def bare(atoms):
    return atoms[atoms.numbers != 1]


def owner_of(heavy, hydrogens):
    """Index of the atom that each hydrogen is nearest to."""
    return np.linalg.norm(hydrogens[:, None] - heavy.positions, axis=2).argmin(axis=1)


def carries_ch(atoms):
    """Whether a hydrogen lies within 1.2 A of a carbon."""
    carbon = atoms.positions[atoms.numbers == 6]
    hydrogen = atoms.positions[atoms.numbers == 1]
    if not len(carbon) or not len(hydrogen):
        return False
    return bool((np.linalg.norm(carbon[:, None] - hydrogen, axis=2) < 1.2).any())


@pytest.mark.parametrize("key", EXAMPLES)
def test_complete_examples_are_left_alone_and_stripped_ones_are_noticed(key):
    atoms = load_example(key)
    assert not lacks_hydrogens(atoms)
    assert lacks_hydrogens(bare(atoms)) == carries_ch(atoms)


@pytest.mark.parametrize("key", EXAMPLES)
def test_hydrogens_come_back_where_they_were_or_it_is_said_why_not(key):
    atoms = load_example(key)
    stripped = bare(atoms)
    missing = missing_hydrogens(stripped)
    if missing.doubts or not missing.counts:
        with pytest.raises(StructureError, match=r"without guessing|No atom lacks"):
            add_hydrogens(stripped)
        return
    full = add_hydrogens(stripped)
    assert full.get_chemical_formula() == atoms.get_chemical_formula()
    np.testing.assert_array_equal(full.positions[: len(stripped)], stripped.positions)
    before, after = (a.positions[a.numbers == 1] for a in (atoms, full))
    owners = [owner_of(stripped, hydrogens) for hydrogens in (before, after)]
    carried = [np.bincount(own, minlength=len(stripped)) for own in owners]
    np.testing.assert_array_equal(*carried)
    # alone on its atom a hydrogen has one place; methyl and amine groups may be turned
    apart = np.linalg.norm(before[:, None] - after, axis=2).min(axis=1)
    alone = carried[0][owners[0]] == 1
    assert (apart[alone] < 0.35).all()
    assert (apart < 1.1).all()
    assert not missing_hydrogens(full).counts


def test_most_examples_get_their_hydrogens_back():
    done = 0
    stripped = [bare(load_example(key)) for key in EXAMPLES]
    for atoms in filter(lacks_hydrogens, stripped):
        done += not missing_hydrogens(atoms).doubts
    assert done >= 20


@pytest.mark.parametrize(
    ("name", "added"),
    [
        ("CH4", 4), ("C2H6", 6), ("C2H4", 4), ("C2H2", 2), ("C6H6", 6), ("C5H5N", 5),
        ("CH3OH", 4), ("CH3CN", 3), ("CH3CH2NH2", 7), ("C3H4_C2v", 4), ("CH3CONH2", 5), ("H2O", 2),
    ],
)  # fmt: skip
def test_molecules_get_as_many_as_they_had(name, added):
    whole = molecule(name)
    full = add_hydrogens(bare(whole))
    assert full.get_chemical_formula() == whole.get_chemical_formula()
    assert (full.numbers == 1).sum() == added
    # as far from their atoms as from the others in the molecule, within what a turn changes
    for atoms in (whole, full):
        assert np.min(atoms.get_all_distances()[np.triu_indices(len(atoms), 1)]) > 0.9


def test_a_methane_is_a_tetrahedron_and_a_ring_stays_flat():
    methane = add_hydrogens(Atoms("C", [[1.0, 2.0, 3.0]]))
    arms = methane.positions[1:] - methane.positions[0]
    np.testing.assert_allclose(np.linalg.norm(arms, axis=1), 1.09)
    cosines = (arms @ arms.T)[np.triu_indices(4, 1)] / 1.09**2
    np.testing.assert_allclose(cosines, -1 / 3, atol=1e-3)
    ring = molecule("C6H6")
    full = add_hydrogens(bare(ring))
    assert np.ptp(full.positions[:, 2]) < 1e-6
    np.testing.assert_allclose(np.linalg.norm(full.positions[6:], axis=1), 2.49, atol=0.03)


@pytest.mark.parametrize("name", ["CO", "CO2", "CCl4", "CF4", "HCN", "OCS", "C2F4", "C2Cl4", "CS2"])
def test_carbon_that_carries_none_is_no_reason_for_a_note(name):
    atoms = bare(molecule(name)) if name != "HCN" else Atoms("CN", [[0, 0, 0], [0, 0, 1.16]])
    assert not lacks_hydrogens(atoms)


@pytest.mark.parametrize("symbol", ["O", "N", "C", "Cl"])
def test_an_atom_on_a_metal_alone_is_no_reason_for_a_note(symbol):
    arms = 2.05 * np.vstack([np.eye(3), -np.eye(3)])
    assert not lacks_hydrogens(Atoms(f"Fe{symbol}6", np.vstack([np.zeros(3), arms])))


def test_an_oxide_has_none_to_miss():
    rutile = Atoms("TiO2", cell=[4.6, 4.6, 2.96], pbc=True, positions=np.eye(3) * 2.0)
    assert not lacks_hydrogens(rutile)
    assert missing_hydrogens(Atoms()).counts == {}


def test_a_ligand_in_a_crystal_gets_them_across_the_border_of_the_cell():
    ring = bare(molecule("C6H6"))
    ring.set_cell([9.0, 9.0, 6.0])
    ring.pbc = True
    ring.wrap()
    full = add_hydrogens(ring)
    assert (full.numbers == 1).sum() == 6
    distances = full.get_all_distances(mic=True)[6:, :6].min(axis=1)
    np.testing.assert_allclose(distances, 1.09, atol=1e-6)


@pytest.mark.parametrize(
    ("atoms", "why"),
    [
        (Atoms("FeO", [[0, 0, 0], [0, 0, 2.1]]), "water, hydroxide or oxide"),
        (Atoms("FeN", [[0, 0, 0], [0, 0, 2.1]]), "ammonia, amide or nitride"),
        (Atoms("FeC", [[0, 0, 0], [0, 0, 2.0]]), "a methyl or a carbide"),
        (Atoms("FeS", [[0, 0, 0], [0, 0, 2.3]]), "may or may not carry one"),
        (Atoms("FeP", [[0, 0, 0], [0, 0, 2.3]]), "too few bonds"),
        (Atoms("FeB", [[0, 0, 0], [0, 0, 2.1]]), "too few bonds"),
        (Atoms("FeSi", [[0, 0, 0], [0, 0, 2.3]]), "too few bonds"),
        (Atoms("CO", [[0, 0, 0], [0, 0, 1.31]]), "may be OH or O"),
        (Atoms("CC", [[0, 0, 0], [0, 0, 1.42]]), "may be CH2 or CH3"),
        (Atoms("CCC", [[0, 0, 0], [0, 0, 1.45], [1.34, 0, -0.77]]), "may be CH or CH2"),
        (bare(molecule("C4H4NH")), "a pyrrole, an amide"),
    ],
)
def test_where_geometry_cannot_tell_nothing_is_added(atoms, why):
    with pytest.raises(StructureError, match=f"cannot be added without guessing.*{why}"):
        add_hydrogens(atoms)


def test_nothing_missing_is_said():
    with pytest.raises(StructureError, match="No atom lacks hydrogens"):
        add_hydrogens(molecule("C6H6"))


def test_atoms_too_close_for_hydrogens_are_refused():
    near = bare(molecule("C6H6"))
    other = near.copy()
    other.positions += [0.0, 3.6, 0.0]
    with pytest.raises(StructureError, match="no room"):
        add_hydrogens(near + other)


def test_a_complex_keeps_its_first_shell_and_its_facts():
    ferrocene = load_example("ferrocene")
    stripped = bare(ferrocene)
    stripped.info = {"charge": 0, "notes": "as read"}
    full = add_hydrogens(stripped)
    assert full.info == {"charge": 0}
    assert len(stripped) == 11
    np.testing.assert_allclose(
        environment(full, 0).distances_ang, environment(ferrocene, 0).distances_ang, atol=0.06
    )

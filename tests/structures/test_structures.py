"""Environments, sites and checks against closed forms and an independent neighbour list."""

import itertools

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, make_supercell
from ase.neighborlist import neighbor_list

from xanes_core.errors import StructureError, XanesError
from xanes_core.structures.checks import validate_structure
from xanes_core.structures.environments import Environment, environment
from xanes_core.structures.sites import Site, absorber_elements, absorber_sites, select_sites

A_NIO = 4.177


def fecl4() -> Atoms:
    arm = 2.2 / np.sqrt(3)
    signs = [(1, 1, 1), (-1, -1, 1), (-1, 1, -1), (1, -1, -1)]
    return Atoms("FeCl4", positions=[(0, 0, 0), *(arm * np.array(s) for s in signs)])


def nio(cubic: bool = False) -> Atoms:
    return bulk("NiO", "rocksalt", a=A_NIO, cubic=cubic)


def skewed() -> Atoms:
    """Rock salt described by a very oblique cell of the same lattice."""
    return make_supercell(nio(), [[1, 0, 0], [2, 1, 0], [-2, 1, 1]])


def slab() -> Atoms:
    return fcc111("Cu", (1, 1, 3), a=3.61, vacuum=9.0)


def chain() -> Atoms:
    """Along an oblique second vector; the other two are missing."""
    axis = np.array([1.0, -2.0, 2.0]) / 3
    cell = [(0, 0, 0), 3.8 * axis, (0, 0, 0)]
    return Atoms("CuO", positions=[(0, 0, 0), 1.9 * axis], cell=cell, pbc=(0, 1, 0))


def shells(env: Environment) -> dict[tuple[int, float], int]:
    pairs = zip(env.numbers.tolist(), np.round(env.distances_ang, 6).tolist(), strict=True)
    counts: dict[tuple[int, float], int] = {}
    for pair in pairs:
        counts[pair] = counts.get(pair, 0) + 1
    return counts


def sorted_rows(env: Environment) -> np.ndarray:
    rows = np.column_stack([env.numbers, env.distances_ang, env.positions_ang])
    return rows[np.lexsort(np.round(rows, 6).T)]


# ------------------------------------------------------------------ environment


@pytest.mark.parametrize("make", [nio, lambda: nio(cubic=True), skewed])
@pytest.mark.parametrize("element", ["Ni", "O"])
def test_rock_salt_shells(make, element):
    """Sites at (h, k, l) a/2: unlike neighbours for odd h + k + l, like ones for even."""
    atoms = make()
    index = atoms.get_chemical_symbols().index(element)
    like, unlike = (28, 8) if element == "Ni" else (8, 28)
    expected: dict[tuple[int, float], int] = {}
    for hkl in itertools.product(range(-3, 4), repeat=3):
        distance = A_NIO / 2 * np.linalg.norm(hkl)
        if 0 < distance < 6.0:
            key = (unlike if sum(hkl) % 2 else like, round(float(distance), 6))
            expected[key] = expected.get(key, 0) + 1
    found = shells(environment(atoms, index))
    assert found == expected
    # the first shells by heart: 6 at a/2, 12 at a/sqrt 2, 8 at a sqrt 3/2
    assert found[(unlike, round(A_NIO / 2, 6))] == 6
    assert found[(like, round(A_NIO / np.sqrt(2), 6))] == 12
    assert found[(unlike, round(A_NIO * np.sqrt(3) / 2, 6))] == 8


def test_one_atom_cell_sees_its_own_images():
    env = environment(bulk("Cu", "fcc", a=3.61), 0)
    counts = list(shells(env).values())
    assert counts[:5] == [12, 6, 24, 12, 24]  # fcc coordination shells
    np.testing.assert_allclose(env.distances_ang[:12], 3.61 / np.sqrt(2), rtol=1e-12)
    assert set(env.numbers) == {29}
    assert env.absorber_z == 29


@pytest.mark.parametrize("make", [fecl4, nio, skewed, slab, chain])
@pytest.mark.parametrize("r_cut_ang", [2.5, 6.0, 9.3])
def test_environment_equals_library_neighbour_list(make, r_cut_ang):
    atoms = make()
    for index in range(len(atoms)):
        env = environment(atoms, index, r_cut_ang)
        i, j, d, vec = neighbor_list("ijdD", atoms, r_cut_ang)
        own = (i == index) & (d < r_cut_ang)
        ref = Environment(0, atoms.numbers[j[own]], vec[own], d[own])
        np.testing.assert_allclose(sorted_rows(env), sorted_rows(ref), atol=1e-9)
        assert (np.diff(env.distances_ang) >= 0).all()
        np.testing.assert_allclose(
            np.linalg.norm(env.positions_ang, axis=1), env.distances_ang, rtol=1e-12
        )


def test_molecule_environment_and_the_order_of_its_atoms():
    atoms = fecl4()
    env = environment(atoms, 0)
    np.testing.assert_allclose(env.distances_ang, 2.2, rtol=1e-12)
    np.testing.assert_array_equal(env.numbers, [17] * 4)
    np.testing.assert_allclose(environment(atoms, 1).positions_ang[0], -atoms.positions[1])


def test_radius_is_exclusive():
    atoms = Atoms("FeO", positions=[(0, 0, 0), (0, 0, 2.0)])
    assert len(environment(atoms, 0, 2.0).numbers) == 0
    assert len(environment(atoms, 0, np.nextafter(2.0, 3)).numbers) == 1


def test_lone_atom_has_an_empty_environment():
    env = environment(Atoms("Fe"), 0)
    assert env.positions_ang.shape == (0, 3)
    assert env.distances_ang.shape == (0,)


def test_slab_has_no_neighbours_across_the_vacuum():
    atoms = slab()
    atoms.cell[2] = (0.7, 0.3, 7.0)  # short and oblique, but not periodic: it must not matter
    env = environment(atoms, 0)
    reference = environment(slab(), 0)
    np.testing.assert_allclose(sorted_rows(env), sorted_rows(reference), atol=1e-9)
    assert env.positions_ang[:, 2].max() <= np.ptp(atoms.positions[:, 2]) + 1e-9


@pytest.mark.parametrize("make", [nio, skewed, slab, chain])
def test_environment_ignores_lattice_translations_and_wrapping(make):
    atoms = make()
    reference = sorted_rows(environment(atoms, 0))
    moved = atoms.copy()
    rng = np.random.default_rng(0)
    shifts = rng.integers(-4, 5, (len(atoms), 3)) * atoms.pbc
    moved.positions += shifts @ atoms.cell.array + (0.3, -0.2, 0.9)
    np.testing.assert_allclose(sorted_rows(environment(moved, 0)), reference, atol=1e-9)
    moved.wrap()
    np.testing.assert_allclose(sorted_rows(environment(moved, 0)), reference, atol=1e-9)


def test_environment_leaves_its_input_alone():
    atoms = skewed()
    before = atoms.copy()
    environment(atoms, 1).positions_ang[:] = 0.0
    assert atoms == before


@pytest.mark.parametrize(
    ("absorber", "r_cut_ang", "message"),
    [
        (5, 6.0, "There is no atom 5: the structure has 5 atoms"),
        (-1, 6.0, "There is no atom -1"),
        (1.0, 6.0, "must be an atom index .* not a float"),
        (True, 6.0, "must be an atom index .* not a bool"),
        (0, 0.0, "radius of the environment must lie between 0 and 20 A"),
        (0, np.nan, "radius of the environment"),
        (0, 21.0, "radius of the environment"),
    ],
)
def test_environment_refuses(absorber, r_cut_ang, message):
    with pytest.raises(StructureError, match=message):
        environment(fecl4(), absorber, r_cut_ang)


def test_environment_refuses_a_cell_of_no_size():
    atoms = Atoms("Fe", cell=np.eye(3) * 1e-3, pbc=True)
    with pytest.raises(StructureError, match="too small to be real"):
        environment(atoms, 0)


# ------------------------------------------------------------------ sites


def magnetite() -> Atoms:
    from ase.spacegroup import crystal

    return crystal(
        ["Fe", "Fe", "O"],
        [(0.125,) * 3, (0.5,) * 3, (0.2549,) * 3],
        spacegroup=227,
        setting=2,
        cellpar=[8.396] * 3 + [90] * 3,
    )


def test_magnetite_has_a_tetrahedral_and_an_octahedral_site():
    atoms = magnetite()
    first, second = absorber_sites(atoms, "Fe")
    assert (first.multiplicity, second.multiplicity) == (8, 16)
    assert (first.equivalent, second.equivalent) == (tuple(range(8)), tuple(range(8, 24)))
    tetrahedral = 8.396 * np.sqrt(3) * (0.2549 - 0.125)
    np.testing.assert_allclose(environment(atoms, 0).distances_ang[:4], tetrahedral, rtol=1e-6)
    octahedral = environment(atoms, 8)
    assert (octahedral.numbers[:6] == 8).all()
    assert np.ptp(octahedral.distances_ang[:6]) < 1e-6


def test_sites_do_not_depend_on_the_description_of_the_crystal():
    atoms = magnetite()
    rng = np.random.default_rng(1)
    order = rng.permutation(len(atoms))
    shuffled = atoms[order]
    shuffled.positions += rng.integers(-2, 3, (len(atoms), 3)) @ atoms.cell.array
    found = absorber_sites(shuffled, "Fe")
    assert sorted(site.multiplicity for site in found) == [8, 16]
    for site in found:
        assert site.index == min(site.equivalent)
        assert len({int(order[i]) < 8 for i in site.equivalent}) == 1


def test_two_metals_have_their_own_sites():
    atoms = bulk("NiO", "rocksalt", a=A_NIO, cubic=True)
    atoms.symbols[0] = "Fe"
    assert absorber_elements(atoms) == ("Fe", "Ni")
    assert [(s.element, s.multiplicity) for s in absorber_sites(atoms)] == [("Fe", 1), ("Ni", 3)]
    assert absorber_sites(atoms, "Ni") == [Site(2, "Ni", 3, (2, 4, 6))]


def test_the_layers_of_a_slab():
    sites = absorber_sites(slab())
    assert [(s.index, s.multiplicity) for s in sites] == [(0, 2), (1, 1)]


def test_sites_of_a_distorted_crystal_are_single():
    atoms = nio(cubic=True)
    atoms.rattle(0.2, seed=3)
    assert [s.multiplicity for s in absorber_sites(atoms)] == [1, 1, 1, 1]


def test_every_metal_of_a_molecule_is_a_site():
    atoms = Atoms("Fe2O", positions=[(-1.8, 0, 0), (1.8, 0, 0), (0, 0, 0)])
    assert absorber_sites(atoms) == [Site(0, "Fe", 1, (0,)), Site(1, "Fe", 1, (1,))]


@pytest.mark.parametrize("failure", ["none", "raises"])
def test_without_symmetry_every_atom_is_a_site(monkeypatch, failure):
    def fails(*args, **kwargs):
        if failure == "raises":
            raise RuntimeError("no symmetry")

    monkeypatch.setattr("spglib.get_symmetry_dataset", fails)
    sites = absorber_sites(nio(cubic=True))
    assert [(s.index, s.multiplicity) for s in sites] == [(0, 1), (2, 1), (4, 1), (6, 1)]


def test_large_cells_are_not_searched_for_symmetry(monkeypatch):
    monkeypatch.setattr("xanes_core.structures.sites.MAX_SYMMETRY_ATOMS", 7)
    assert len(absorber_sites(nio(cubic=True))) == 4


def test_no_metal_no_sites():
    assert absorber_sites(Atoms("H2O", positions=np.eye(3))) == []
    assert absorber_elements(Atoms("AuMo", positions=[(0, 0, 0), (0, 0, 3)])) == ()


def test_elements_come_in_order_of_atomic_number():
    atoms = Atoms("ZnTiFeAg", positions=np.arange(12).reshape(4, 3))
    assert absorber_elements(atoms) == ("Ti", "Fe", "Zn")


# ------------------------------------------------------------------ select_sites


@pytest.mark.parametrize("absorber", [0, "0", " 0 ", np.int64(0), "Fe", "fe", "all", "ALL", None])
def test_ways_to_name_the_absorber(absorber):
    assert select_sites(fecl4(), absorber) == [Site(0, "Fe", 1, (0,))]


def test_selection_by_index_is_that_atom_alone():
    assert select_sites(nio(cubic=True), 4) == [Site(4, "Ni", 1, (4,))]
    assert select_sites(nio(cubic=True), "Ni") == [Site(0, "Ni", 4, (0, 2, 4, 6))]


def test_the_absorber_named_by_the_file_counts_only_without_a_choice():
    atoms = Atoms("Fe2O", positions=[(-1.8, 0, 0), (1.8, 0, 0), (0, 0, 0)])
    atoms.info["absorber"] = 1
    assert [s.index for s in select_sites(atoms)] == [1]
    assert [s.index for s in select_sites(atoms, "all")] == [0, 1]
    atoms.info["absorber"] = 0.5  # not an index: as if it were not there
    assert [s.index for s in select_sites(atoms)] == [0, 1]
    atoms.info["absorber"] = 2
    with pytest.raises(StructureError, match="Atom 2 is O, which is not a supported absorber"):
        select_sites(atoms)


@pytest.mark.parametrize(
    ("absorber", "message"),
    [
        ("Au", "Au is not a supported absorber element: choose one of Ti, V,"),
        ("banana<script>", "That is not a supported absorber element"),
        ("X", "That is not a supported absorber element"),
        ("", "That is not a supported absorber element"),
        ("Cu", "There is no Cu in the structure .*: choose Fe"),
        (1, "Atom 1 is Cl, which is not a supported absorber: choose an atom of Fe"),
        ("7", "There is no atom 7: .* counted from 0 to 4"),
        ("-1", "There is no atom -1"),
        (1.5, "must be an atom index, an element symbol or 'all', not a float"),
        (True, "not a bool"),
    ],
)
def test_selection_refuses(absorber, message):
    with pytest.raises(StructureError, match=message):
        select_sites(fecl4(), absorber)


def test_several_metals_need_a_choice():
    atoms = Atoms("FeNiCu", positions=np.diag([3.0, 3.0, 3.0]))
    with pytest.raises(StructureError, match=r"several supported metals \(Fe, Ni, Cu\): name the"):
        select_sites(atoms)
    with pytest.raises(StructureError, match=r"There is no Zn .*: choose Fe or Ni or Cu"):
        select_sites(atoms, "Zn")


def test_a_structure_without_metal():
    water = Atoms("OH2", positions=[(0, 0, 0), (0.76, 0, 0.59), (-0.76, 0, 0.59)])
    with pytest.raises(StructureError, match=r"\(H2O\) holds no supported metal: the models cover"):
        select_sites(water)
    with pytest.raises(StructureError, match=r"There is no Fe .* give a structure with one"):
        select_sites(water, "Fe")
    with pytest.raises(StructureError, match=r"Atom 0 is O.* the models cover"):
        select_sites(water, 0)


def test_long_formulas_are_cut_in_messages():
    numbers = np.arange(31, 71)
    atoms = Atoms(numbers, positions=np.arange(120).reshape(40, 3))
    with pytest.raises(StructureError, match=r"\.\.\.\) holds no supported metal") as caught:
        select_sites(atoms)
    assert len(str(caught.value)) < 200


# ------------------------------------------------------------------ validate_structure


@pytest.mark.parametrize("make", [fecl4, nio, skewed, slab, chain, magnetite])
def test_good_structures_pass(make):
    atoms = make()
    before = atoms.copy()
    assert validate_structure(atoms) is None
    assert atoms == before


def with_position(value: float) -> Atoms:
    atoms = fecl4()
    atoms.positions[3, 1] = value
    return atoms


def flat_cell() -> Atoms:
    return Atoms("Fe", cell=[(3, 0, 0), (0, 3, 0), (3, 3, 0)], pbc=True)


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        ("FeO", "must be an ase.Atoms object, not str"),
        (Atoms(), "has no atoms"),
        (Atoms("H" * 10_001), "has 10,001 atoms; at most 10,000"),
        (Atoms("FeX", positions=[(0, 0, 0), (0, 0, 3)]), "Atom 1 is a dummy atom"),
        (Atoms(numbers=[26, 200]), "atomic number 200, which is no element"),
        (Atoms(numbers=[-3]), "atomic number -3, which is no element"),
        (with_position(np.nan), "Atom 3 has a coordinate that is not a finite number"),
        (with_position(-np.inf), "Atom 3 has a coordinate that is not a finite number"),
        (with_position(2e4), "Atom 3 lies more than 10,000 A from the origin"),
        (Atoms("FeO", positions=[(0, 0, 0), (0, 0, 0.39)]), r"Atoms 0 \(Fe\) and 1 \(O\) lie 0.39"),
        (flat_cell(), "The cell has no volume"),
        (Atoms("Fe", cell=[(3, 0, 0), (6, 0, 0), (0, 0, 3)], pbc=True), "The cell has no volume"),
        (Atoms("Fe", cell=[(3, 0, 0), (6, 0, 0), (0, 0, 0)], pbc=(1, 1, 0)), "has no volume"),
        (Atoms("Fe", pbc=True), "periodic along a direction whose cell vector is zero"),
        (Atoms("Fe", cell=[3, 3, np.inf], pbc=True), "not a finite number: check its lengths"),
        (Atoms("Fe", cell=[3, 3, 2e4], pbc=True), "A cell vector is longer than 10,000 A"),
        (Atoms("Fe", cell=[0.5, 0.5, 0.5], pbc=True), r"cell of 0.125 A\^3 is too small for 1"),
        (Atoms("Fe", cell=[0.3, 9, 9], pbc=True), "0.30 A from its own periodic image"),
        (Atoms("Fe", cell=[0, 0, 0.3], pbc=(0, 0, 1)), "0.30 A from its own periodic image"),
        (
            Atoms("FeO", positions=[(0, 0, 0.1), (0, 0, 4.9)], cell=[5, 5, 5], pbc=True),
            r"Atoms 0 \(Fe\) and 1 \(O\) lie 0.20 A apart, counting periodic images",
        ),
        (
            Atoms("FeO", positions=[(0, 0, 0), (5, 5, -5)], cell=[5, 5, 5], pbc=True),
            "lie 0.00 A apart, counting periodic images",
        ),
    ],
)
def test_validation_refuses(atoms, message):
    with pytest.raises(StructureError, match=message):
        validate_structure(atoms)


def test_a_cell_of_a_molecule_is_not_looked_at():
    atoms = fecl4()
    atoms.cell = [0.1, 0.1, 0.1]
    validate_structure(atoms)
    assert len(environment(atoms, 0).numbers) == 4


@pytest.mark.parametrize("offset", np.linspace(-7, 7, 9))
def test_coincidence_is_found_wherever_the_pair_lies(offset):
    """Also when the pair lies across a face, an edge or a corner of an oblique cell."""
    cell = np.array([(4.0, 0, 0), (2.5, 4.1, 0), (-3.0, 1.0, 3.9)])
    point = np.array([offset, 0.3 * offset, -offset])
    near = point + (0.2, -0.15, 0.1) + np.array([2, -1, 1]) @ cell
    far = point + (0.4, -0.3, 0.2) + np.array([2, -1, 1]) @ cell
    with pytest.raises(StructureError, match=r"lie 0\.27 A apart"):
        validate_structure(Atoms("FeO", positions=[point, near], cell=cell, pbc=True))
    validate_structure(Atoms("FeO", positions=[point, far], cell=cell, pbc=True))


def test_a_reduction_that_fails_is_explained(monkeypatch):
    def fails(*args, **kwargs):
        raise RuntimeError("no convergence")

    monkeypatch.setattr("xanes_core.structures.checks.minkowski_reduce", fails)
    with pytest.raises(StructureError, match="too distorted"):
        validate_structure(nio())


def test_structure_errors_are_errors_of_the_library():
    assert issubclass(StructureError, XanesError)

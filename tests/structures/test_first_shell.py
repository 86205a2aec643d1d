"""Geometry and ligand families of complexes whose chemistry is known."""

import numpy as np
import pytest
from ase import Atoms

from xanes_core.structures.environments import environment
from xanes_core.structures.examples import list_examples, load_example
from xanes_core.structures.first_shell import (
    FAMILIES,
    GEOMETRIES,
    TETRAHEDRAL_TAU4,
    bond_limit_ang,
    coordination,
)

EXAMPLES = {example.key: example for example in list_examples()}


def of_example(key):
    atoms, example = load_example(key), EXAMPLES[key]
    index = atoms.get_chemical_symbols().index(example.element)
    return coordination(environment(atoms, index))


@pytest.mark.parametrize(
    ("key", "geometry", "families"),
    [
        ("ferrocene", "sandwich", {"face-bound ring"}),
        ("cymantrene", "half-sandwich", {"face-bound ring", "carbonyl"}),
        ("titanocene-dichloride", "sandwich", {"face-bound ring", "halide"}),
        ("nickel-tetracarbonyl", "tetrahedral", {"carbonyl"}),
        ("tetracyanonickelate-ii", "square-planar", {"cyanide or isocyanide"}),
        ("iron-pentacarbonyl", "five-coordinate", {"carbonyl"}),
        ("hexaaquairon-ii", "octahedral", {"oxygen"}),
        ("iron-tris-bipyridine", "octahedral", {"N-heterocycle"}),
        ("hexaamminecobalt-iii", "octahedral", {"nitrogen, other"}),
        ("iron-porphine-bis-imidazole", "octahedral", {"N-heterocycle"}),
        ("manganese-pentacarbonyl-bromide", "octahedral", {"carbonyl", "halide"}),
        ("tetrathiolatozinc-ii", "tetrahedral", {"sulfur or selenium"}),
        ("tetrachlorozincate-ii", "tetrahedral", {"halide"}),
        ("vanadyl-bis-acac", "five-coordinate", {"oxygen"}),
        ("copper-bis-acac", "square-planar", {"oxygen"}),
        ("tetraacetonitrilecopper-i", "tetrahedral", {"nitrogen, other"}),
    ],
)
def test_examples(key, geometry, families):
    found = of_example(key)
    assert (found.geometry, found.families) == (geometry, families)
    assert found.number == EXAMPLES[key].coordination_number


def test_bonds_reach_to_a_multiple_of_the_sum_of_covalent_radii():
    iron, oxygen, hydrogen = 1.32, 0.66, 0.31  # Cordero et al. 2008
    assert bond_limit_ang(26, 8) == pytest.approx(1.25 * (iron + oxygen))
    numbers = np.array([26, 8, 1])
    radii = np.array([iron, oxygen, hydrogen])
    np.testing.assert_allclose(bond_limit_ang(26, numbers), 1.25 * (iron + radii))
    np.testing.assert_allclose(
        bond_limit_ang(numbers[:, None], numbers, 1.1), 1.1 * (radii[:, None] + radii)
    )


def test_everything_has_a_known_name():
    for key in EXAMPLES:
        found = of_example(key)
        assert found.geometry in GEOMETRIES
        assert found.families <= set(FAMILIES)


def four(angle_deg):
    """Four fluorides: two pairs, each open by this angle; tau4 = (360 - 2 angle) / 141."""
    half = np.radians(angle_deg) / 2
    up = [[np.sin(half), 0, np.cos(half)], [-np.sin(half), 0, np.cos(half)]]
    down = [[0, np.sin(half), -np.cos(half)], [0, -np.sin(half), -np.cos(half)]]
    return Atoms("ZnF4", 1.9 * np.array([[0, 0, 0], *up, *down]))


def test_tau4_decides_between_square_and_tetrahedron():
    limit = (360 - 141 * TETRAHEDRAL_TAU4) / 2
    for angle, name in ((limit - 1, "tetrahedral"), (limit + 1, "square-planar")):
        assert coordination(environment(four(angle), 0)).geometry == name


def test_the_carbon_of_a_carboxylate_is_no_donor():
    """Its two oxygens bind and hold it within bonding distance."""
    oxygens = [[1.75, 1.08, 0], [1.75, -1.08, 0]]
    atoms = Atoms("FeO2C", [[0, 0, 0], *oxygens, [2.45, 0, 0]])
    found = coordination(environment(atoms, 0))
    assert found.families == {"oxygen"}
    assert found.geometry == "two- or three-coordinate"


def test_hydrogen_binds_only_as_hydride():
    atoms = Atoms("FeHOH", [[0, 0, 0], [1.55, 0, 0], [-2.0, 0, 0], [-2.3, 0.9, 0]])
    assert coordination(environment(atoms, 0)).families == {"hydride", "oxygen"}


def test_an_absorber_alone():
    found = coordination(environment(Atoms("Fe"), 0))
    assert (found.number, found.families) == (0, frozenset())
    assert found.geometry == "two- or three-coordinate"


def test_order_and_orientation_do_not_matter():
    atoms = load_example("cymantrene")
    wanted = of_example("cymantrene")
    atoms.rotate(40, (1, 2, 3))
    metal = atoms.get_chemical_symbols().index("Mn")
    order = np.random.default_rng(0).permutation(len(atoms))
    shuffled = atoms[order]
    index = int(np.flatnonzero(order == metal)[0])
    assert coordination(environment(shuffled, index)) == wanted

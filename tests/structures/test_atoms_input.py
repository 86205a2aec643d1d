"""Inputs of ATOMS: expected numbers from the crystals' own geometry."""

import numpy as np
import pytest

from xanes_core.errors import StructureError
from xanes_core.structures import read_structures

COPPER = """title = copper, a = 3.61 of course
! a comment
space = F m 3 m
a = 3.61   rmax = 6.0  core = Cu1
edge = K
atoms
! At.type  x  y  z  tag
  Cu  0.0  0.0  0.0  Cu1
"""
CORUNDUM = """title hematite
space = R -3 c
a = 5.038, c = 13.772
core = Fe  rmax=5.0
atom
  Fe 0 0 0.35530
  O  0.3059 0.0 1/4  O1
"""
SPINEL = """space = F d 3 m
shift = 1/8 1/8 1/8
a=8.394 core=FeB
atoms
  Fe 0.125 0.125 0.125 FeA
  Fe 0.5   0.5   0.5   FeB
  O  0.2549 0.2549 0.2549
"""
PYRITE = """space P a 3  a = 5.418
core Fe
basis
  Fe 0 0 0  Fe 1.0
  S  0.3847 0.3847 0.3847  S 1.0
"""


def read(text, name="atoms.inp"):
    (atoms,) = read_structures(text.encode(), name=name)
    return atoms


def shell(atoms, element, count):
    """Distances (A) of the absorber's nearest neighbours of an element."""
    i = atoms.info["absorber"]
    many = atoms.repeat((3, 3, 3))
    centre = 13 * len(atoms) + i
    others = [j for j, s in enumerate(many.get_chemical_symbols()) if s == element and j != centre]
    return np.sort(np.linalg.norm(many.positions[others] - many.positions[centre], axis=1))[:count]


@pytest.mark.parametrize("name", ["atoms.inp", "copper_inp.txt", "cu.atoms"])
def test_copper_is_the_cubic_cell_with_twelve_neighbours(name):
    atoms = read(COPPER, name)
    assert atoms.get_chemical_formula() == "Cu4"
    np.testing.assert_allclose(shell(atoms, "Cu", 13)[:12], 3.61 / np.sqrt(2.0))
    assert shell(atoms, "Cu", 13)[12] == pytest.approx(3.61)


@pytest.mark.parametrize("shorthand", ["fcc", "FCC", "F m -3 m", "fm-3m", "fm3m", "225"])
def test_names_of_structures_stand_for_their_groups(shorthand):
    assert len(read(COPPER.replace("F m 3 m", shorthand))) == 4


def test_hematite_has_hexagonal_axes_and_three_and_three_oxygens():
    atoms = read(CORUNDUM)
    assert atoms.get_chemical_formula() == "Fe12O18"
    np.testing.assert_allclose(atoms.cell.angles(), [90, 90, 120])
    np.testing.assert_allclose(shell(atoms, "O", 6), [1.946] * 3 + [2.116] * 3, atol=0.005)


def test_a_shift_leads_to_the_first_origin_and_the_core_to_its_site():
    with pytest.raises(StructureError, match="has two origins"):
        read(SPINEL.replace("shift = 1/8 1/8 1/8\n", ""))
    atoms = read(SPINEL)
    assert atoms.get_chemical_formula() == "Fe24O32"
    oxygens = shell(atoms, "O", 7)
    np.testing.assert_allclose(oxygens[:6], oxygens[0])
    assert oxygens[0] == pytest.approx(2.06, abs=0.02)
    assert oxygens[6] > 3.0


def test_pyrite_with_basis_and_occupancies():
    np.testing.assert_allclose(shell(read(PYRITE), "S", 6), [2.264] * 6, atol=0.005)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (COPPER.replace("space = F m 3 m", "space ="), "names no space group"),
        (COPPER.replace("a = 3.61   rmax", "rmax"), "names no edge a"),
        (COPPER.replace("  Cu  0.0  0.0  0.0  Cu1\n", ""), "lists no atoms"),
        (COPPER.replace("F m 3 m", "Q 17"), "is not known"),
        (COPPER.replace("core = Cu1", "core = Zn"), "is none of its atoms"),
        (COPPER.replace("Cu  0.0  0.0  0.0  Cu1", "Cu  0.0  0.0"), "needs an element and x y z"),
        (COPPER.replace("Cu  0.0", "Cu  1/0"), "is no fraction"),
        (COPPER.replace("edge = K", "shift = 0.5 0.5"), "needs three numbers"),
        (COPPER.replace("a = 3.61   rmax", "a = wide   rmax"), "is not a number"),
    ],
)
def test_what_is_missing_is_named(text, message):
    with pytest.raises(StructureError, match=message):
        read(text)

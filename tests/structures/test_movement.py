"""Two geometries of one molecule: bonds, coordination, and how far atoms moved."""

import numpy as np
import pytest
from ase import Atoms

from xanes_core.errors import StructureError
from xanes_core.structures.movement import BondChange, compare_geometries

AXES = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1.0]])


def octahedron(radii_ang=2.0):
    radii = np.broadcast_to(radii_ang, 6)
    return Atoms("FeO6", [(0, 0, 0), *(radii[:, None] * AXES)])


def turned(atoms):
    atoms = atoms.copy()
    atoms.rotate(40, (1, 2, 3))
    atoms.translate((3.0, -2.0, 1.0))
    return atoms


def test_a_molecule_turned_and_moved_has_not_changed():
    found = compare_geometries(octahedron(), turned(octahedron()), 0)
    assert found.rmsd_ang == pytest.approx(0, abs=1e-9)
    assert (found.number_before, found.number_after) == (6, 6)
    assert [bond.change_ang for bond in found.first_shell] == pytest.approx([0] * 6, abs=1e-9)
    assert not found.moved_a_lot


def test_bonds_before_and_after_come_by_length_with_their_change():
    start, end = octahedron([2.0, 2.0, 1.9, 1.9, 2.1, 2.1]), octahedron(2.0)
    found = compare_geometries(start, turned(end), 0)
    assert [bond.atoms[1] for bond in found.first_shell] == [3, 4, 1, 2, 5, 6]
    changes = [bond.change_ang for bond in found.first_shell]
    assert changes == pytest.approx([0.1, 0.1, 0, 0, -0.1, -0.1])
    # root mean square over seven atoms, four of which moved by 0.1 A
    assert found.rmsd_ang == pytest.approx(np.sqrt(4 * 0.1**2 / 7))
    assert not found.moved_a_lot


def test_a_ligand_that_left_is_a_broken_bond_and_a_lower_coordination_number():
    found = compare_geometries(octahedron(), octahedron([2, 2, 2, 2, 2, 3.5]), 0)
    assert found.broken == (BondChange((0, 6), 2.0, 3.5),)
    assert found.formed == ()
    assert (found.number_before, found.number_after) == (6, 5)
    assert len(found.first_shell) == 6
    assert found.moved_a_lot
    back = compare_geometries(octahedron([2, 2, 2, 2, 2, 3.5]), octahedron(), 0)
    assert back.formed == (BondChange((0, 6), 3.5, 2.0),)
    assert (back.number_before, back.number_after) == (5, 6)


def test_a_bond_between_ligands_counts_too():
    end = octahedron()
    end.positions[1] = 2.0 * np.array([np.cos(0.35), np.sin(0.35), 0])
    end.positions[3] = 2.0 * np.array([np.cos(0.35 + 0.7), np.sin(0.35 + 0.7), 0])
    found = compare_geometries(octahedron(), end, 0)
    assert [bond.atoms for bond in found.formed] == [(1, 3)]
    assert found.number_before == found.number_after == 6
    assert found.moved_a_lot


@pytest.mark.parametrize(("change_ang", "a_lot"), [(0.19, False), (0.21, True)])
def test_one_bond_that_changed_much_is_a_lot(change_ang, a_lot):
    found = compare_geometries(octahedron(), octahedron([2, 2, 2, 2, 2, 2 + change_ang]), 0)
    assert found.broken == found.formed == ()
    assert found.moved_a_lot is a_lot


def test_crossing_the_limit_by_a_hair_breaks_no_bond():
    """Fe-O counts up to 1.25 (1.32 + 0.66) = 2.475 A."""
    found = compare_geometries(
        octahedron([2, 2, 2, 2, 2, 2.45]), octahedron([2, 2, 2, 2, 2, 2.5]), 0
    )
    assert found.broken == ()
    assert (found.number_before, found.number_after) == (6, 5)


def test_hydrogens_count_neither_in_rmsd_nor_as_bonds_among_themselves():
    start = Atoms("OH2", [(0, 0, 0), (0.96, 0, 0), (-0.24, 0.93, 0)])
    end = start.copy()
    end.positions[2] = (0.96, 0.7, 0)
    found = compare_geometries(start, end, 0)
    assert found.rmsd_ang == pytest.approx(0, abs=1e-9)
    assert found.formed == ()


@pytest.mark.parametrize(
    ("other", "absorber", "message"),
    [
        (Atoms("FeO5N", octahedron().positions), 0, "of the same atoms in one order"),
        (octahedron(), 7, "an index from 0 to 6"),
        (Atoms("FeO6", octahedron().positions, cell=[9, 9, 9], pbc=True), 0, "these are periodic"),
    ],
)
def test_refusals(other, absorber, message):
    with pytest.raises(StructureError, match=message):
        compare_geometries(octahedron(), other, absorber)

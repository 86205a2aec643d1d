"""From the sites that a file lists to the atoms that are there: disorder settled, cell filled."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from xanes_core.structures.formats.disorder import (
    FULL_OCCUPANCY,
    AsymmetricUnit,
    disorder_note,
    major_groups,
    one_orientation,
    refuse_partial_absorbers,
)
from xanes_core.structures.formats.symmetry import Operations, fill_cell
from xanes_core.structures.formats.text import Note


def crystal(
    unit: AsymmetricUnit, cell: np.ndarray | None, operations: Operations, note: str = ""
) -> Atoms:
    """Full cell of a crystal with one alternative of what is disordered.

    Parameters
    ----------
    unit : AsymmetricUnit
        What the file lists.
    cell : numpy.ndarray, (3, 3), or None
        Cell vectors (A); None for a molecule, whose coordinates are in A.
    operations : Operations
        Symmetry.
    note : str, optional
        What a reader should know of the file already.

    Returns
    -------
    ase.Atoms
        ``info["notes"]`` says what was left out.

    Raises
    ------
    StructureError
        The absorber itself is disordered, more atoms than the limit, or disorder beyond sense.
    """
    refuse_partial_absorbers(unit)
    kept, minor = major_groups(unit)
    unit = unit.only(kept)
    if cell is None:
        atoms = Atoms(unit.symbols, positions=unit.fractions)
        site, operation = np.arange(len(atoms)), np.zeros(len(atoms), dtype=int)
    else:
        filled = fill_cell(unit.symbols, unit.fractions, cell, operations, unit.partial)
        atoms, site, operation = filled.atoms, filled.site, filled.operation
    stays = one_orientation(atoms, site, operation, unit)
    there = np.bincount(site[stays], minlength=len(unit)) > 0
    lone = [
        label
        for label, group, share, is_there in zip(
            unit.labels, unit.groups, unit.occupancies, there, strict=True
        )
        if share < FULL_OCCUPANCY and not group and is_there
    ]
    said = [disorder_note(minor, int((~stays).sum()), lone), operations.note, note]
    atoms = atoms[stays]
    text = " ".join(sentence for sentence in said if sentence)
    if text:
        atoms.info["notes"] = Note(text)
    return atoms


def distances_ang(
    points: np.ndarray, cell: np.ndarray | None, operations: Operations, site: int
) -> np.ndarray:
    """Distances (A) of a site from all others and their images, nearest first.

    `points` (n, 3) are fractional, or in A where there is no cell.
    """
    others = np.delete(points, site, axis=0)
    if cell is None:
        return np.sort(np.linalg.norm(others - points[site], axis=1))
    images = np.einsum("kij,nj->kni", operations.rotations, others)
    near = (images + operations.translations[:, None] - points[site]).reshape(-1, 3)
    near -= np.round(near)
    return np.sort(np.linalg.norm(near @ cell, axis=1))

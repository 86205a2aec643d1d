"""What an absorber sees: the atoms around it, periodic images included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from xanes_core.constants import R_CUT_ANG
from xanes_core.errors import StructureError
from xanes_core.structures.checks import periodic_cell, reduced_cell
from xanes_core.structures.sites import checked_index

#: Largest radius of an environment (A).
MAX_R_CUT_ANG = 20.0


@dataclass(frozen=True)
class Environment:
    """Atoms around an absorber, the absorber itself not among them.

    Attributes
    ----------
    absorber_z : int
        Atomic number of the absorber.
    numbers : numpy.ndarray (m,)
        Atomic numbers of the neighbours.
    positions_ang : numpy.ndarray (m, 3)
        Positions relative to the absorber (A).
    distances_ang : numpy.ndarray (m,)
        Distances from the absorber (A), ascending.
    """

    absorber_z: int
    numbers: np.ndarray
    positions_ang: np.ndarray
    distances_ang: np.ndarray


def environment(atoms: Atoms, absorber: int = 0, r_cut_ang: float = R_CUT_ANG) -> Environment:
    """Neighbours of an atom within a radius, periodic images included.

    Parameters
    ----------
    atoms : ase.Atoms
        Molecule, crystal, slab or chain (any ``pbc``); left as it is.
    absorber : int
        Index of the central atom, from 0.
    r_cut_ang : float
        Radius (A); atoms at ``r >= r_cut_ang`` are left out.

    Returns
    -------
    Environment
        In a crystal it includes the images of the absorber itself.

    Raises
    ------
    StructureError
        Index out of range, radius not in (0, 20] A, or a cell that makes no sense.
    """
    index = checked_index(atoms, absorber)
    if not (np.isfinite(r_cut_ang) and 0.0 < r_cut_ang <= MAX_R_CUT_ANG):
        raise StructureError(
            f"The radius of the environment must lie between 0 and {MAX_R_CUT_ANG:g} A."
        )
    positions = atoms.positions - atoms.positions[index]
    numbers = atoms.numbers
    keep = np.arange(len(atoms)) != index
    if atoms.pbc.any():
        positions, source, is_home = _with_images(atoms, positions, r_cut_ang)
        numbers = numbers[source]
        keep = ~(is_home & (source == index))
    distances = np.linalg.norm(positions, axis=1)
    inside = np.flatnonzero(keep & (distances < r_cut_ang))
    order = inside[np.argsort(distances[inside], kind="stable")]
    return Environment(
        absorber_z=int(atoms.numbers[index]),
        numbers=numbers[order].astype(int),
        positions_ang=positions[order],
        distances_ang=distances[order],
    )


def _with_images(
    atoms: Atoms, relative_ang: np.ndarray, r_cut_ang: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All images that may lie within the radius: positions (k, 3), atom (k,), is it the nearest.

    Only one centre is needed, so the images are counted out here rather than by a neighbour list
    of all atoms, which is far slower for large cells.
    """
    pbc = atoms.pbc
    cell = reduced_cell(periodic_cell(atoms), pbc)
    inverse = np.linalg.inv(cell)
    fractions = relative_ang @ inverse
    fractions[:, pbc] -= np.round(fractions[:, pbc])
    # distance between lattice planes: no image further than r_cut / height + 1/2 cells counts
    heights = 1.0 / np.linalg.norm(inverse, axis=0)
    reach = np.where(pbc, np.ceil(r_cut_ang / heights + 0.5), 0).astype(int)
    if len(atoms) * np.prod(2.0 * reach + 1.0) > 5e7:
        raise StructureError("The cell is too small to be real: check its lengths and angles.")
    shifts = np.stack(
        np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), axis=-1
    ).reshape(-1, 3)
    positions = ((fractions[None] + shifts[:, None]) @ cell).reshape(-1, 3)
    source = np.tile(np.arange(len(atoms)), len(shifts))
    is_home = np.repeat((shifts == 0).all(axis=1), len(atoms))
    return positions, source, is_home

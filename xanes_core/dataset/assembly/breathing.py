"""Moving ligands out or in, so that a training set holds bonds that no relaxation gives."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from xanes_core.errors import AssemblyError

#: Factors that make sense; beyond them ligands leave or fall into the metal.
FACTORS = (0.8, 1.5)
#: Atoms nearer than this many covalent sums belong to one ligand; bind to the metal.
_BOND, _METAL_BOND = 1.15, 1.25


def breathe(atoms: Atoms, factor: float) -> Atoms:
    """Copy of a complex with all metal-ligand bonds longer or shorter by a factor.

    Each ligand moves as a rigid piece, by the mean of what its donors would have to move: bonds to
    ligands with one donor, and the height of a ring, scale exactly; a chelate follows the mean of
    its donors, and a macrocycle around the metal stays.

    Parameters
    ----------
    atoms : ase.Atoms
        The metal is atom 0; left as it is.
    factor : float
        New over old bond length.

    Raises
    ------
    AssemblyError
        The factor is out of range, or there is nothing beside the metal.
    """
    if not FACTORS[0] <= factor <= FACTORS[1]:
        raise AssemblyError(
            f"a factor of {factor:g} for the bond lengths makes no sense: give one from "
            f"{FACTORS[0]:g} to {FACTORS[1]:g}"
        )
    if len(atoms) < 2:
        raise AssemblyError("there are no ligands to move: give a complex, its metal first")
    moved: Atoms = atoms.copy()
    moved.calc = None
    from_metal = atoms.positions[1:] - atoms.positions[0]
    numbers = atoms.numbers[1:]
    radii = covalent_radii[numbers]
    bonded = cdist(from_metal, from_metal) < _BOND * np.add.outer(radii, radii)
    reach = np.linalg.norm(from_metal, axis=1) / (radii + covalent_radii[atoms.numbers[0]])
    _, piece = connected_components(bonded, directed=False)
    for label in range(piece.max() + 1):
        members = np.flatnonzero(piece == label)
        donors = _donors(members, numbers, reach)
        shift = (factor - 1.0) * from_metal[donors].mean(axis=0)
        moved.positions[1 + members] += shift
    return moved


def _donors(members: np.ndarray, numbers: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Atoms of a ligand that bind: near enough, hydrogen only if nothing else is."""
    heavy = members[numbers[members] != 1]
    for some in (heavy, members):
        near: np.ndarray = some[reach[some] < _METAL_BOND]
        if len(near):
            return near
    nearest: np.ndarray = members[[reach[members].argmin()]]
    return nearest

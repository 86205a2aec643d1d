"""Do atoms of a molecule stand too close to each other: the check and its limits."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from scipy.spatial import cKDTree

from xanes_core.theory.base import TheoryError

#: Atoms nearer than this times the sum of their covalent radii have run into each other.
BROKEN_CONTACT = 0.62
#: The same for a structure that is to be relaxed, which may be rough.
ROUGH_CONTACT = 0.45


def closest_contact(atoms: Atoms) -> tuple[float, int, int]:
    """Smallest distance in units of the sum of covalent radii, and the two atoms.

    Infinity and (0, 0) for a single atom.
    """
    radii = covalent_radii[atoms.numbers]
    reach = 2.0 * radii.max()
    pairs = cKDTree(atoms.positions).query_pairs(reach, output_type="ndarray")
    if len(pairs) == 0:
        return np.inf, 0, 0
    i, j = pairs.T
    distances = np.linalg.norm(atoms.positions[i] - atoms.positions[j], axis=1)
    ratios = distances / (radii[i] + radii[j])
    best = int(ratios.argmin())
    return float(ratios[best]), int(i[best]), int(j[best])


def check_contacts(atoms: Atoms, limit: float, advice: str) -> None:
    """Raise a TheoryError where two atoms are nearer than ``limit`` covalent sums."""
    ratio, i, j = closest_contact(atoms)
    if ratio < limit:
        symbols = atoms.get_chemical_symbols()
        raise TheoryError(
            f"atoms {i} ({symbols[i]}) and {j} ({symbols[j]}) are {ratio:.2f} times the sum of "
            f"their covalent radii apart (at least {limit:g} is needed): {advice}"
        )

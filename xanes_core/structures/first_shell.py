"""The first shell in a chemist's words: donor atoms, coordination number, geometry, ligands.

Everything is read off the structure, not off the name of a ligand, so that it means the same for
training records, examples and a user's file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase.data import atomic_numbers, chemical_symbols, covalent_radii
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from xanes_core.constants import NONMETALS
from xanes_core.structures.environments import Environment

#: A neighbour counts as bonded up to this multiple of the sum of covalent radii.
BOND_FACTOR = 1.25
#: A bonded atom that is this much further from its covalent distance (A) than an atom next to it
#: is held by that one, such as the carbon between the two oxygens of a carboxylate.
HELD_BY_OTHER_ANG = 0.2
#: From this many bonded atoms in a row a ligand counts as bound through its face.
HAPTIC_ATOMS = 3
#: Four donors are a tetrahedron from this tau4 on (0 for a square, 1 for a tetrahedron; Yang,
#: Powell and Houser, Dalton Trans. 2007, 955).
TETRAHEDRAL_TAU4 = 0.5
GEOMETRIES = (
    "two- or three-coordinate",
    "tetrahedral",
    "square-planar",
    "five-coordinate",
    "octahedral",
    "seven- or more-coordinate",
    "half-sandwich",
    "sandwich",
)
FAMILIES = (
    "carbonyl",
    "cyanide or isocyanide",
    "carbon, other",
    "face-bound ring",
    "phosphine",
    "N-heterocycle",
    "nitrogen, other",
    "oxygen",
    "sulfur or selenium",
    "halide",
    "hydride",
)
_HALOGENS = tuple(atomic_numbers[s] for s in ("F", "Cl", "Br", "I"))
_H, _C, _N, _O = (atomic_numbers[s] for s in "HCNO")
#: Atoms further off than this belong to no ligand's first two atoms (A).
_REACH_ANG = 5.0


@dataclass(frozen=True)
class Coordination:
    """What surrounds an absorber.

    Attributes
    ----------
    number : int
        Donor atoms, a ring of five counted five, see :func:`coordination_number`.
    geometry : str
        One of ``GEOMETRIES``; a face-bound ligand takes one place.
    families : frozenset of str
        Those of ``FAMILIES`` that occur among the donors.
    """

    number: int
    geometry: str
    families: frozenset[str]


def bond_limit_ang(
    z: int | np.ndarray, other: int | np.ndarray, factor: float = BOND_FACTOR
) -> float | np.ndarray:
    """Largest distance (A) at which two elements count as bonded.

    Parameters
    ----------
    z, other : int or numpy.ndarray of int
        Atomic numbers; arrays are broadcast against each other.
    factor : float, optional
        Multiple of the sum of the covalent radii (Cordero et al., Dalton Trans. 2008, 2832).
    """
    limit: float | np.ndarray = factor * (covalent_radii[z] + covalent_radii[other])
    return limit


def coordination_number(env: Environment) -> int:
    """Neighbours within 1.25 times the sum of covalent radii (a ring of five counts five).

    Metals count where there is nothing else, so that NiO has six neighbours and nickel twelve.
    """
    near = env.numbers[env.distances_ang <= bond_limit_ang(env.absorber_z, env.numbers)]
    ligands = np.isin(near, NONMETALS)
    return int(ligands.sum() or near.size)


def coordination(env: Environment) -> Coordination:
    """Describe the first shell of an absorber."""
    near = np.isin(env.numbers, NONMETALS) & (env.distances_ang < _REACH_ANG)
    numbers, positions = env.numbers[near], env.positions_ang[near]
    distance = cdist(positions, positions)
    bonds = distance <= bond_limit_ang(numbers[:, None], numbers)
    np.fill_diagonal(bonds, False)
    donors = donor_atoms(env.absorber_z, numbers, env.distances_ang[near], bonds)
    labels = connected_components(bonds[np.ix_(donors, donors)], directed=False)[1]
    parts = [donors[labels == label] for label in np.unique(labels)]
    places = [positions[part].mean(axis=0) for part in parts]
    faces = sum(len(part) >= HAPTIC_ATOMS for part in parts)
    families = {
        "face-bound ring" if len(part) >= HAPTIC_ATOMS else _family(int(atom), numbers, bonds)
        for part in parts
        for atom in part
    }
    return Coordination(coordination_number(env), _geometry(places, faces), frozenset(families))


def donor_atoms(z: int, numbers: np.ndarray, r_ang: np.ndarray, bonds: np.ndarray) -> np.ndarray:
    """Indices of the atoms that bind an absorber themselves.

    Parameters
    ----------
    z : int
        Atomic number of the absorber.
    numbers, r_ang : numpy.ndarray, (n,)
        Atomic numbers and distances from the absorber (A) of the atoms around it, metals left out.
    bonds : numpy.ndarray of bool, (n, n)
        Which of them are bonded.
    """
    bonded = r_ang <= bond_limit_ang(z, numbers)
    excess = np.where(bonded, r_ang - covalent_radii[numbers], np.inf)
    nearest = np.where(bonds, excess[None, :], np.inf).min(axis=1, initial=np.inf)
    held = excess > nearest + HELD_BY_OTHER_ANG
    ligand_hydrogen = (numbers == _H) & bonds.any(axis=1)
    return np.flatnonzero(bonded & ~held & ~ligand_hydrogen)


def _geometry(places: list[np.ndarray], faces: int) -> str:
    if faces:
        return "half-sandwich" if faces == 1 else "sandwich"
    count = len(places)
    if count == 4:
        return "tetrahedral" if _tau4(np.array(places)) >= TETRAHEDRAL_TAU4 else "square-planar"
    if count < 4:
        return "two- or three-coordinate"
    return {5: "five-coordinate", 6: "octahedral"}.get(count, "seven- or more-coordinate")


def _tau4(places: np.ndarray) -> float:
    unit = places / np.linalg.norm(places, axis=1, keepdims=True)
    angles = np.degrees(np.arccos(np.clip(unit @ unit.T, -1, 1)))[np.triu_indices(4, 1)]
    return float((360.0 - np.sort(angles)[-2:].sum()) / 141.0)


def _family(atom: int, numbers: np.ndarray, bonds: np.ndarray) -> str:
    z, partners = int(numbers[atom]), np.flatnonzero(bonds[atom])
    partner_z = numbers[partners].tolist()
    if z == _C:
        by_partner = {(_O,): "carbonyl", (_N,): "cyanide or isocyanide"}
        return by_partner.get(tuple(partner_z), "carbon, other")
    if z == _N:
        in_ring = len(partners) == 2 and _closes_ring(atom, partners, bonds)
        return "N-heterocycle" if in_ring else "nitrogen, other"
    if z in _HALOGENS:
        return "halide"
    named = {"O": "oxygen", "H": "hydride", "P": "phosphine", "As": "phosphine"}
    return named.get(chemical_symbols[z], "sulfur or selenium" if z in (16, 34) else "other")


def _closes_ring(atom: int, partners: np.ndarray, bonds: np.ndarray) -> bool:
    """Tell whether an atom and its two neighbours are in one ring of five or six."""
    others = bonds.copy()
    others[atom] = others[:, atom] = False
    reached = np.zeros(len(bonds), dtype=bool)
    reached[partners[0]] = True
    for _ in range(4):
        reached |= others[reached].any(axis=0)
    return bool(reached[partners[1]])

"""Hydrogens that a structure file leaves out, as X-ray structures often do.

Which atoms lack hydrogens is read off lengths and angles by rules of thumb (below); where these
leave a doubt, nothing is added. RDKit, a kept library, places what is missing: its own perception
of bonds wants all hydrogens and the charge, which such a file does not have. Hydrides on a metal
leave no trace and are not found.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols, covalent_radii
from ase.neighborlist import neighbor_list

from xanes_core.constants import NONMETALS
from xanes_core.errors import StructureError
from xanes_core.structures.first_shell import BOND_FACTOR

_H, _B, _C, _N, _O, _SI, _P, _S, _AS, _SE = (
    atomic_numbers[symbol] for symbol in ("H", "B", "C", "N", "O", "Si", "P", "S", "As", "Se")
)
#: Three bonds with angles that sum to this or more are flat, to the second or less a pyramid (deg).
_FLAT_DEG, _PYRAMID_DEG = 354.0, 346.0
#: From this angle on two bonds are in line (deg).
_LINEAR_DEG = 158.0
#: The same where one of them is short enough to be one of two double bonds: bent isocyanates.
_BENT_TRIPLE_DEG = 140.0
#: Length of a bond over that of a single bond: shorter than the first is a double or aromatic bond,
#: longer than the second a single one; in between the angle decides.
_SHORT, _LONG = 0.94, 0.972
#: Shorter than the first is a triple bond, than the second perhaps one of two double bonds at an
#: atom.
_TRIPLE, _CUMULATED = 0.82, 0.86
#: The same as the first two for an atom at the end of a chain, where a double bond is not aromatic.
_END_SHORT, _END_LONG = 0.90, 0.95
#: An atom next to one that is bound to the same metal by a bond as short as its own, or shorter, in
#: units of the covalent sum and up to this, is held by that one or is part of a face.
_SAME_FACE = 0.12
#: Bonds to hydrogen (A): means of X-H lengths from neutron diffraction (Allen and Bruno, Acta
#: Cryst. B 66, 380 (2010), doi 10.1107/S0108768110012048), to 0.01 A.
_X_H_ANG = {_B: 1.19, _C: 1.09, _N: 1.01, _O: 0.98, _P: 1.40}
#: An added hydrogen that would lie nearer to another atom than this has no room (A).
_ROOM_ANG = 1.35
_SHOWN_DOUBTS = 3


@dataclass(frozen=True)
class MissingHydrogens:
    """What geometry says of hydrogens that are not there.

    Attributes
    ----------
    counts : dict of int to int
        How many are missing, by the index of the atom that should carry them.
    doubts : tuple of str
        Atoms that may or may not carry more, each with the reason.
    """

    counts: dict[int, int]
    doubts: tuple[str, ...]


@dataclass(frozen=True)
class _Bond:
    """One bond of an atom: the other end, where it is, and its length over a single bond's."""

    index: int
    number: int
    vector: np.ndarray
    length: float
    ratio: float


@dataclass
class _Around:
    """The bonds of one atom; a metal that binds a neighbour as well, or better, is left out."""

    heavy: list[_Bond] = field(default_factory=list)
    hydrogens: list[_Bond] = field(default_factory=list)
    metals: list[_Bond] = field(default_factory=list)

    @property
    def bonds(self) -> list[_Bond]:
        return [*self.heavy, *self.metals, *self.hydrogens]

    def angles_deg(self) -> list[float]:
        """Angles between all pairs of bonds."""
        units = [bond.vector / bond.length for bond in self.bonds]
        return [float(np.degrees(np.arccos(np.clip(a @ b, -1, 1)))) for a, b in _pairs(units)]

    def shortest(self) -> float:
        """Length of the shortest bond to a nonmetal over that of a single bond."""
        return min((bond.ratio for bond in self.heavy), default=1.0)


def _pairs(units: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(combinations(units, 2))


class _Doubt(StructureError):
    """Why it cannot be said how many hydrogens an atom carries."""


def missing_hydrogens(atoms: Atoms) -> MissingHydrogens:
    """Hydrogens that lengths and angles say are missing, atom by atom.

    Parameters
    ----------
    atoms : ase.Atoms
        Molecule or crystal. Not modified.
    """
    around = _surroundings(atoms)
    counts: dict[int, int] = {}
    doubts = []
    for index, number in enumerate(atoms.numbers.tolist()):
        rule = _RULES.get(number)
        if rule is None:
            continue
        try:
            count = rule(around, index)
        except _Doubt as doubt:
            doubts.append(f"{chemical_symbols[number]} (atom {index + 1}) {doubt}")
            continue
        if count > 0:
            counts[index] = count
    return MissingHydrogens(counts, tuple(doubts))


def lacks_hydrogens(atoms: Atoms) -> bool:
    """Whether at least half of the carbons that carry hydrogens have lost them in this file.

    Carbonyls, cyanides, halides of carbon and carbonates carry none and do not count.
    """
    if not (atoms.numbers == _C).any():
        return False
    bare = sum(atoms.numbers[index] == _C for index in missing_hydrogens(atoms).counts)
    if not bare:
        return False
    around = _surroundings(atoms)
    complete = sum(
        bool(around[index].hydrogens) for index in np.flatnonzero(atoms.numbers == _C).tolist()
    )
    return bool(bare >= complete)


def add_hydrogens(atoms: Atoms) -> Atoms:
    """The structure with the hydrogens that it lacks behind its own atoms, which stay as they are.

    Parameters
    ----------
    atoms : ase.Atoms
        Molecule or crystal. Not modified.

    Returns
    -------
    ase.Atoms
        With ``info`` of the original but its notes.

    Raises
    ------
    StructureError
        Nothing is missing, it cannot be said how many an atom carries, or there is no room.
    """
    missing = missing_hydrogens(atoms)
    if missing.doubts:
        more = len(missing.doubts) - _SHOWN_DOUBTS
        said = "; ".join(missing.doubts[:_SHOWN_DOUBTS]) + (
            f"; and {more} more" if more > 0 else ""
        )
        raise StructureError(
            f"Hydrogens cannot be added without guessing: {said}. "
            "Add them in the program that the structure comes from."
        )
    if not missing.counts:
        raise StructureError("No atom lacks hydrogens: use the structure as it is.")
    around = _surroundings(atoms)
    placed = [
        atoms.positions[index] + vector
        for index, count in missing.counts.items()
        for vector in _directions(atoms, around, index, count)
    ]
    full: Atoms = atoms.copy()
    full += Atoms(f"H{len(placed)}", positions=placed)
    full.info = {key: value for key, value in atoms.info.items() if key != "notes"}
    _check_room(full, len(atoms))
    return full


def _check_room(full: Atoms, n_before: int) -> None:
    """Refuse an added hydrogen on top of an atom that is not its own."""
    first, second, distance = neighbor_list("ijd", full, _ROOM_ANG)
    is_added = first >= n_before
    heavy = is_added & (full.numbers[second] != _H)
    # its own atom is its only neighbour of another element
    crowded = np.bincount(first[heavy], minlength=len(full))[n_before:] > 1
    near = is_added & (full.numbers[second] == _H) & (distance < _ROOM_ANG)
    if crowded.any() or near.any():
        raise StructureError(
            "Hydrogens have no room where they would be: the structure may hold disordered "
            "alternatives; choose one of them, or add hydrogens in another program."
        )


# --- what is bonded to what ----------------------------------------------------------------------


def _surroundings(atoms: Atoms) -> list[_Around]:
    """Bonds of every atom, periodic images included."""
    found = [_Around() for _ in range(len(atoms))]
    if not len(atoms):
        return found
    first, second, length, vector = neighbor_list(
        "ijdD", atoms, (BOND_FACTOR * covalent_radii[atoms.numbers]).tolist()
    )
    numbers = atoms.numbers
    is_metal = ~np.isin(numbers, NONMETALS)
    single = covalent_radii[numbers[first]] + covalent_radii[numbers[second]]
    pairs = (first.tolist(), second.tolist(), length.tolist(), (length / single).tolist())
    for i, j, distance, ratio, towards in zip(*pairs, vector, strict=True):
        bond = _Bond(j, int(numbers[j]), towards, distance, ratio)
        if is_metal[j]:
            found[i].metals.append(bond)
        elif numbers[j] == _H:
            found[i].hydrogens.append(bond)
        elif numbers[i] != _H:
            found[i].heavy.append(bond)
    reach = [{bond.index: bond.ratio for bond in own.metals} for own in found]
    for own in found:
        own.metals = [
            metal
            for metal in own.metals
            if not any(
                reach[bond.index].get(metal.index, np.inf) < metal.ratio + _SAME_FACE
                for bond in own.heavy
            )
        ]
    return found


def _ring_size(around: list[_Around], index: int, largest: int = 7) -> int:
    """Atoms in the smallest ring of nonmetals through an atom; 0 for none up to `largest`."""
    seen: dict[int, tuple[int, int]] = {}
    waiting = deque((bond.index, bond.index, 1) for bond in around[index].heavy)
    for start, branch, depth in waiting:
        seen[start] = (branch, depth)
    smallest = 0
    while waiting:
        at, branch, depth = waiting.popleft()
        for bond in around[at].heavy:
            if bond.index == index:
                continue
            known = seen.get(bond.index)
            if known is None:
                if 2 * depth < largest:
                    seen[bond.index] = (branch, depth + 1)
                    waiting.append((bond.index, branch, depth + 1))
            elif known[0] != branch:
                size = depth + known[1] + 1
                smallest = min(smallest or size, size)
    return smallest if smallest <= largest else 0


# --- how many an atom carries: rules of thumb ----------------------------------------------------


def _of_three(own: _Around) -> int:
    """Hydrogens on an atom with three bonds: none where flat, one on a pyramid."""
    total = sum(own.angles_deg())
    if total >= _FLAT_DEG:
        return 0
    if total <= _PYRAMID_DEG:
        return 1
    raise _Doubt("is neither flat nor a pyramid")


def _carbon(around: list[_Around], index: int) -> int:
    own = around[index]
    total = len(own.bonds)
    if total >= 4:
        return 0
    if total == 3:
        return _of_three(own)
    if total == 0:
        return 4
    if not own.heavy:
        raise _Doubt("is bound to a metal alone: a methyl or a carbide")
    if total == 1:
        return _end_carbon(around, own.heavy[0])
    angle = own.angles_deg()[0]
    bent_from_deg = _BENT_TRIPLE_DEG if own.shortest() < _CUMULATED else _LINEAR_DEG
    if angle >= bent_from_deg or own.shortest() < _TRIPLE:
        return 0
    ratios = sorted(bond.ratio for bond in own.heavy)
    if ratios[0] <= _SHORT or (len(ratios) == 2 and ratios[1] < _LONG):
        return 1
    if ratios[0] >= _LONG or angle < 115.0:
        return 2
    raise _Doubt("may be CH or CH2 by its bond lengths")


def _end_carbon(around: list[_Around], bond: _Bond) -> int:
    """Hydrogens on a carbon with a single bond to a nonmetal."""
    triple = {_C: 1.26, _N: 1.22, _O: 1.20, _S: 1.58, _P: 1.60}.get(bond.number, 0.0)
    if bond.length < triple:
        return 1 if bond.number == _C else 0
    if bond.ratio >= _END_LONG or (bond.length > 1.38 and _has_triple(around[bond.index])):
        return 3
    if bond.ratio <= _END_SHORT and bond.number in (_C, _N, _O):
        return 2
    raise _Doubt("may be CH2 or CH3 by its bond length")


def _has_triple(own: _Around) -> bool:
    """Whether an atom is in a triple bond, which draws its other neighbours near."""
    return len(own.heavy) == 2 and own.angles_deg()[0] > _LINEAR_DEG and own.shortest() < _TRIPLE


def _nitrogen(around: list[_Around], index: int) -> int:
    own = around[index]
    total = len(own.bonds)
    if own.hydrogens or total >= 4:
        return 0
    if total == 3:
        return _of_three(own) if own.metals else 0
    if not own.heavy:
        if len(own.metals) == 1 and own.metals[0].length < 1.75:
            return 0
        raise _Doubt("has no neighbour but metals: ammonia, amide or nitride")
    if total == 2 and own.angles_deg()[0] >= _LINEAR_DEG:
        return 0
    return _bound_nitrogen(own) if own.metals else _free_nitrogen(around, index)


def _bound_nitrogen(own: _Around) -> int:
    """Hydrogens on a nitrogen with one nonmetal and one metal, bent."""
    bond = own.heavy[0]
    if bond.number != _C or bond.ratio < _TRIPLE:
        return 0  # azide, nitrosyl, bent isocyanate
    if bond.ratio <= _END_SHORT:
        return 1
    if bond.ratio >= _LONG and own.angles_deg()[0] < 118.0:
        return 2
    raise _Doubt("may be an amine or a deprotonated one")


def _free_nitrogen(around: list[_Around], index: int) -> int:
    """Hydrogens on a nitrogen with one or two nonmetals and no metal."""
    own = around[index]
    if len(own.heavy) == 1:
        bond = own.heavy[0]
        if bond.number != _C or bond.length < 1.22:
            return 0
        if bond.length <= 1.30:
            return 1
        if bond.length >= 1.325:
            return 2
        raise _Doubt("may be NH or NH2 by its bond length")
    ratios = sorted(bond.ratio for bond in own.heavy)
    if ratios[0] <= 0.88:
        return 0
    if ratios[0] >= _LONG:
        return 1
    ring = _ring_size(around, index)
    if ratios[1] <= 0.955 and ring == 6:
        return 0
    if ratios[0] > _END_SHORT and ring != 5:
        return 1  # an amide, an aniline: without a metal it keeps its proton
    raise _Doubt("may or may not carry one: a pyrrole, an amide or their anions")


def _oxygen(around: list[_Around], index: int) -> int:
    own = around[index]
    if own.hydrogens or len(own.heavy) >= 2:
        return 0
    if not own.heavy:
        if not own.metals:
            return 2
        if len(own.metals) == 1 and own.metals[0].length < 1.75:
            return 0
        raise _Doubt("has no neighbour but metals: water, hydroxide or oxide")
    bond = own.heavy[0]
    if bond.number in (_B, _SI) and not own.metals:
        raise _Doubt("may or may not carry one")
    oxygens = sum(other.number == _O for other in around[bond.index].heavy)
    if bond.number == _N and not own.metals and bond.length > 1.30 and oxygens == 1:
        raise _Doubt("may be an oxime or its anion")
    if bond.number != _C:
        return 0
    if own.metals:
        if bond.ratio < _LONG:
            return 0
        raise _Doubt("may be an alcohol or an alkoxide")
    if bond.length <= 1.28:
        return 0
    if bond.length >= 1.335:
        return 1
    raise _Doubt("may be OH or O by its bond length")


def _sulfur(around: list[_Around], index: int) -> int:
    own = around[index]
    if len(own.bonds) >= 2:
        return 0
    if own.heavy and (own.heavy[0].number != _C or own.heavy[0].length < 1.70):
        return 0
    raise _Doubt("may or may not carry one")


def _phosphorus(around: list[_Around], index: int) -> int:
    own = around[index]
    if len(own.bonds) >= 4 or own.hydrogens:
        return 0
    if len(own.bonds) == 3:
        return _of_three(own) if own.metals else 0
    raise _Doubt("has too few bonds to tell")


def _boron(around: list[_Around], index: int) -> int:
    own = around[index]
    if len(own.bonds) >= 4:
        return 0
    if len(own.bonds) == 3:
        return _of_three(own)
    raise _Doubt("has too few bonds to tell")


def _silicon(around: list[_Around], index: int) -> int:
    if len(around[index].bonds) >= 4:
        return 0
    raise _Doubt("has too few bonds to tell")


_RULES = {
    _B: _boron,
    _C: _carbon,
    _N: _nitrogen,
    _O: _oxygen,
    _SI: _silicon,
    _P: _phosphorus,
    _AS: _phosphorus,
    _S: _sulfur,
    _SE: _sulfur,
}


# --- where they go -------------------------------------------------------------------------------


def _directions(atoms: Atoms, around: list[_Around], index: int, count: int) -> list[np.ndarray]:
    """Vectors (A) from an atom to the hydrogens that it lacks, by RDKit.

    The atom is handed over with its neighbours and theirs, so that a methyl group finds its place.
    """
    from rdkit import Chem  # a fifth of a second, for the few who need it
    from rdkit.Geometry import Point3D

    own = around[index]
    total = len(own.bonds) + count
    kind = Chem.HybridizationType
    shape = {2: kind.SP, 3: kind.SP2, 4: kind.SP3}[4 if _is_bent_like_sp3(own, total) else total]
    molecule = Chem.RWMol()
    positions = [np.zeros(3)]

    def add(number: int, position: np.ndarray, bonded_to: int | None) -> int:
        atom = Chem.Atom(number)
        atom.SetNoImplicit(True)
        here = int(molecule.AddAtom(atom))
        if bonded_to is not None:
            molecule.AddBond(bonded_to, here, Chem.BondType.SINGLE)
            positions.append(position)
        return here

    centre = add(int(atoms.numbers[index]), np.zeros(3), None)
    for bond in own.bonds:
        neighbour = add(bond.number, bond.vector, centre)
        for further in around[bond.index].heavy:
            place = bond.vector + further.vector
            if np.linalg.norm(place) > 0.1:  # not the atom itself
                add(further.number, place, neighbour)
    atom = molecule.GetAtomWithIdx(centre)
    atom.SetNumExplicitHs(count)
    conformer = Chem.Conformer(molecule.GetNumAtoms())
    for at, position in enumerate(positions):
        conformer.SetAtomPosition(at, Point3D(*(float(x) for x in position)))
    molecule.AddConformer(conformer)
    molecule.UpdatePropertyCache(strict=False)
    atom.SetHybridization(shape)
    full = Chem.AddHs(molecule, addCoords=True, onlyOnAtoms=[centre])
    vectors = full.GetConformer().GetPositions()[molecule.GetNumAtoms() :]
    length = _X_H_ANG.get(int(atoms.numbers[index]), 1.48)
    return [length * vector / np.linalg.norm(vector) for vector in np.asarray(vectors)]


def _is_bent_like_sp3(own: _Around, total: int) -> bool:
    """Whether lone pairs make an atom with fewer than four bonds a tetrahedron: water, an amine."""
    if total >= 4 or own.shortest() < _END_LONG:
        return False
    return not own.heavy or total < 4

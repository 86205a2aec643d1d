"""Which moves make sense for a structure: their names in a chemist's words, and how far they go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from scipy.spatial.distance import cdist

from xanes_core.errors import StructureError
from xanes_core.structures.deform import Movable
from xanes_core.structures.ligands import Ligand, covalent_sum_ang, place_vectors
from xanes_core.structures.moves import Move

#: Two ligands that lie further apart than this are a trans pair (deg).
TRANS_DEG = 150.0
#: Widest ranges: bonds and absorber (A), angles and turns (deg).
STRETCH_ANG, SHIFT_ANG, BEND_DEG, TURN_DEG = (-0.3, 0.5), (-0.4, 0.4), (-25.0, 25.0), (-90.0, 90.0)
#: Bodies nearer than their covalent sum and this run into each other (A); the absorber and what
#: does not bind it keep the same distance.
_GAP_ANG = 0.4
#: Shortest bonds, as a share of the covalent sum.
_SHORTEST = 0.75
#: What is tight from the start may become this much tighter (A).
_SLACK_ANG = 0.02
#: Parts of a range that are tried where all of it is too much.
_STEPS = 5


@dataclass(frozen=True)
class Suggestion:
    """A move that makes sense for a structure.

    Attributes
    ----------
    move : Move
    label : str
        In a chemist's words: ``"All six Fe-O bonds"``.
    low, high : float
        Values between which no atoms run into each other, in the unit of the move.
    """

    move: Move
    label: str
    low: float
    high: float


def suggest_moves(atoms: Atoms | Movable, absorber: int = 0) -> tuple[Suggestion, ...]:
    """Moves by an amount that make sense for a structure, the most telling first.

    Parameters
    ----------
    atoms : ase.Atoms or Movable
        Molecule or cluster; of one that is prepared the absorber is known.
    absorber : int, optional
        Index of the absorber.

    Raises
    ------
    StructureError
        As :class:`~xanes_core.structures.Movable`.
    """
    body = atoms if isinstance(atoms, Movable) else Movable(atoms, absorber)
    room = _Room(body)
    found = []
    for move in _candidates(body):
        try:
            low, high = room.limits(move)
        except StructureError:
            continue  # it would tear something, or change nothing
        if low < high:
            found.append(Suggestion(move, move_label(body, move), low, high))
    return tuple(found)


def move_limits(body: Movable, move: Move) -> tuple[float, float]:
    """Values (lowest, highest) of a move between which no atoms run into each other.

    Raises
    ------
    StructureError
        The structure cannot make the move.
    """
    return _Room(body).limits(move)


def move_label(body: Movable, move: Move) -> str:
    """A move in a chemist's words.

    Raises
    ------
    StructureError
        It names what is not there.
    """
    ligands = body.moved_by(move)
    titles = [ligand.title for ligand in ligands]
    if move.kind == "all":
        return _all_label(body, ligands)
    if move.kind in ("ligand", "bond"):
        return titles[0][:1].upper() + titles[0][1:] + _length(body, ligands[0])
    if move.kind == "pair":
        first, second = (f"{x.name} {x.number}" for x in ligands)
        if ligands[0].name == ligands[1].name:
            second = str(ligands[1].number)
        return f"Pair of {first} and {second}"
    if move.kind == "angle":
        angle = f"({body.start(move):.0f}\u00b0)"
        return f"Angle {titles[0]} \u2013 {body.element} \u2013 {titles[1]} {angle}"
    if move.kind == "turn":
        return f"Turn {titles[0]}"
    if move.kind == "offcentre":
        if not ligands:
            return f"{body.element} along {', '.join(f'{x:g}' for x in move.direction)}"
        if not ligands[0].encloses:
            return f"{body.element} towards {titles[0]}"
        if body.is_flat(ligands[0]):
            return f"{body.element} out of the plane of {titles[0]}"
        donor = ligands[0].donors[0]
        return f"{body.element} towards {body.atoms.symbols[donor]} (atom {donor})"
    if move.kind == "metal":
        return f"{move.word} in place of {body.element}"
    return f"Without {titles[0]}" if move.kind == "remove" else f"{move.word} for {titles[0]}"


def _candidates(body: Movable) -> list[Move]:
    """Moves of all kinds, whether or not the structure can make them."""
    moves = [Move("all")] if len(body.ligands) > 1 else []
    donors = sorted({s for x in body.ligands for s in x.symbols})
    some = [Move("all", word=s) for s in donors if len(donors) > 1]
    moves += [move for move in some if len(body.moved_by(move)) > 1]
    moves += [Move("ligand", (x.number,)) for x in body.ligands]
    numbers = [x.number for x in body.ligands if not x.encloses]
    angles = [(a, b) for a in numbers for b in numbers if a < b]
    trans = [p for p in angles if (body.start(Move("angle", p)) or 0.0) > TRANS_DEG]
    if len(body.ligands) > 2:
        moves += [Move("pair", p) for p in trans]
    moves += [Move("angle", p) for p in angles if p not in trans]
    moves += [Move("turn", (x.number,)) for x in body.ligands]
    behind = {b for _, b in trans}  # reached by negative values
    moves += [Move("offcentre", (x.number,)) for x in body.ligands if x.number not in behind]
    return moves


class _Room:
    """How near bodies and bonds of a structure may come."""

    def __init__(self, body: Movable) -> None:
        self._body = body
        numbers, absorber = body.atoms.numbers, body.absorber
        owner = np.full(len(numbers), -1)
        for ligand in body.ligands:
            owner[list(ligand.atoms)] = ligand.number
        wanted = covalent_sum_ang(numbers[:, None], numbers) + _GAP_ANG
        wanted[owner[:, None] == owner] = -np.inf  # within a body, and of what stands still
        wanted[absorber, owner > 0] = wanted[owner > 0, absorber] = -np.inf
        self._wanted_ang = wanted
        self._donors = [i for ligand in body.ligands for i in ligand.donors]
        self._shortest_ang = _SHORTEST * covalent_sum_ang(
            int(numbers[absorber]), numbers[self._donors]
        )
        self._least_ang = np.minimum(0.0, self._free_ang(body.atoms.positions)) - _SLACK_ANG

    def limits(self, move: Move) -> tuple[float, float]:
        """Values between which nothing collides."""
        self._body.check(move)
        if move.is_change:
            return 0.0, 1.0
        widest = {"angle": BEND_DEG, "turn": TURN_DEG, "offcentre": SHIFT_ANG}
        low, high = widest.get(move.kind, STRETCH_ANG)
        rings = [len(p) for x in self._body.moved_by(move) for p in x.places if len(p) > 2]
        if move.kind == "turn" and rings:  # further on it looks the same again
            low, high = -180.0 / rings[0], 180.0 / rings[0]
        return self._reach(move, low), self._reach(move, high)

    def _reach(self, move: Move, end: float) -> float:
        """Largest part of `end` up to which nothing collides."""
        for step in range(_STEPS, 0, -1):
            value = end * step / _STEPS
            try:
                ways = [self._body.positions([move], [part]) for part in (value, value / 2)]
            except StructureError:
                continue
            if all((self._free_ang(way) >= self._least_ang).all() for way in ways):
                return round(value, 6)
        return 0.0

    def _free_ang(self, positions: np.ndarray) -> np.ndarray:
        """Free space (A) around each atom, then of each bond; negative: too near."""
        gaps = (cdist(positions, positions) - self._wanted_ang).min(axis=1)
        r_ang = np.linalg.norm(positions[self._donors] - positions[self._body.absorber], axis=1)
        return np.concatenate([gaps, r_ang - self._shortest_ang])


def _length(body: Movable, ligand: Ligand) -> str:
    places = place_vectors(body.atoms.positions, body.absorber, ligand)
    mean = float(np.linalg.norm(places, axis=1).mean())
    is_face = max(len(place) for place in ligand.places) > 1
    to = "centre" if is_face else "/".join(sorted(set(ligand.symbols)))
    return f", {body.element}\u2013{to} {mean:.2f} \u00c5"


def _all_label(body: Movable, ligands: list[Ligand]) -> str:
    faces = [x for x in ligands if max(len(place) for place in x.places) > 1]
    donors = sorted({s for x in ligands for s in x.symbols})
    if not faces and len(donors) == 1:
        what, count = f"{body.element}\u2013{donors[0]} bonds", sum(len(x.places) for x in ligands)
    else:
        names = {x.name for x in ligands}
        count = len(ligands)
        what = f"{names.pop()}s" if len(names) == 1 and faces else "ligands"
    return f"Both {what}" if count == 2 else f"All {_count(count)} {what}"


def _count(number: int) -> str:
    words = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[number - 2] if 2 <= number <= 10 else str(number)

"""Moving ligands and absorbers: pure functions from a structure and values to a new structure.

>>> from xanes_core.structures import load_example, parse_move, apply_moves
>>> atoms = load_example("hexaaquairon-ii")
>>> longer = apply_moves(atoms, 0, [parse_move("all")], [0.1])

Every ligand moves as one rigid body, so that no bond but those to the absorber changes. A value is
counted from the structure as it came: 0 gives it back, and what one value does its negative
undoes. Several moves are made one after the other, each about the places that the ones before
have led to; changes (swap, remove, metal) come last and use the numbers of the start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols
from scipy.spatial.distance import cdist

from xanes_core.errors import StructureError
from xanes_core.structures.environments import environment
from xanes_core.structures.ligands import (
    Ligand,
    covalent_sum_ang,
    find_ligands,
    place_vectors,
)
from xanes_core.structures.moves import Move
from xanes_core.structures.simple_ligands import METAL_ANG, SIMPLE_LIGANDS
from xanes_core.structures.sites import checked_index

#: Radius of the cluster that is cut out of a crystal (A): what models see, and room to move.
CLUSTER_ANG = 8.0
#: Nearest that a place may come to the absorber (A).
MIN_BOND_ANG = 0.8
#: Nearest that the middle of a ligand's places may come to it (A): beyond, it points elsewhere.
MIN_AHEAD_ANG = 0.05
#: Angles at the absorber that define no plane, or would by the end of the move (deg).
FLAT_ANGLES_DEG = (5.0, 175.0)
#: Donors are in a plane where they reach out of it less than this share of their width.
FLAT_SHARE = 0.4
#: A ligand whose atoms are all this near to its axis (A) looks the same after a turn.
LINEAR_ANG = 0.1


@dataclass(frozen=True, eq=False)
class Movable:
    """A structure prepared to be moved many times, as a fit does.

    Attributes
    ----------
    atoms : ase.Atoms
        Molecule or cluster; see :func:`cluster_around` for crystals.
    absorber : int
        Index of the absorber.
    ligands : tuple of Ligand
        Found from connectivity, by number from 1.

    Raises
    ------
    StructureError
        There is no such atom, the structure is periodic, or nothing binds the absorber.
    """

    atoms: Atoms
    absorber: int = 0
    ligands: tuple[Ligand, ...] = field(init=False)
    _known: set[Move] = field(init=False, default_factory=set, repr=False)

    def __post_init__(self) -> None:
        index = checked_index(self.atoms, self.absorber)
        kept = self.atoms.copy()
        kept.calc = None
        ligands = find_ligands(kept, index)
        if not ligands:
            raise StructureError(
                f"Nothing binds {kept.symbols[index]} (atom {index}), so there is nothing to move: "
                "choose another absorber."
            )
        object.__setattr__(self, "atoms", kept)
        object.__setattr__(self, "absorber", index)
        object.__setattr__(self, "ligands", ligands)

    @property
    def element(self) -> str:
        """Element of the absorber."""
        return str(self.atoms.symbols[self.absorber])

    # --- moving ------------------------------------------------------------------------------
    def positions(self, moves: Sequence[Move], values: Sequence[float]) -> np.ndarray:
        """Positions (n, 3) in A after moves by amounts; no changes among them.

        Raises
        ------
        StructureError
            A move that this structure cannot make, or a value that leads into the absorber.
        """
        positions: np.ndarray = self.atoms.positions.copy()
        for move, value in _pairs(moves, values):
            if move.is_change:
                raise StructureError(f"{move.text} changes atoms: use apply for it.")
            self._make(positions, move, value)
        return positions

    def apply(self, moves: Sequence[Move], values: Sequence[float]) -> Atoms:
        """New structure after all moves; ``info["absorber"]`` is the absorber's index in it.

        Raises
        ------
        StructureError
            As :meth:`positions`; a change whose value is neither 0 nor 1.
        """
        pairs = _pairs(moves, values)
        moved = self.atoms.copy()
        amounts = [(move, value) for move, value in pairs if not move.is_change]
        moved.positions = self.positions([m for m, _ in amounts], [v for _, v in amounts])
        changes = []
        for move, value in pairs:
            if move.is_change:
                self.check(move)
                if value not in (0.0, 1.0):
                    raise StructureError(f"{move.text} is made or not: give the value 1 or 0.")
                changes += [move] if value else []
        return self._changed(moved, changes)

    def check(self, move: Move) -> None:
        """Refuse a move that would tear a ligand or does not make sense here.

        Raises
        ------
        StructureError
            With the reason and what to do instead.
        """
        if move in self._known:
            return
        ligands = self.moved_by(move)
        checks: dict[str, Callable[[Move, list[Ligand]], None]] = {
            "all": self._check_slide,
            "ligand": self._check_slide,
            "bond": self._check_bond,
            "pair": self._check_slide,
            "angle": self._check_angle,
            "turn": self._check_turn,
            "swap": self._check_swap,
            "remove": self._check_remove,
        }
        if move.kind in checks:
            checks[move.kind](move, ligands)
        self._known.add(move)

    def moved_by(self, move: Move) -> list[Ligand]:
        """Ligands that a move names; for ``angle`` the one that moves, then the one that stays.

        Raises
        ------
        StructureError
            There is none of that number, element or atom.
        """
        if move.kind == "all":
            chosen = [x for x in self.ligands if not move.word or move.word in x.symbols]
            if not chosen:
                raise StructureError(
                    f"No ligand binds {self.element} through {move.word}: donors here are "
                    f"{', '.join(sorted({s for x in self.ligands for s in x.symbols}))}."
                )
            return chosen
        if move.kind == "bond":
            found = [x for x in self.ligands if move.numbers[0] in x.donors]
            if not found:
                raise StructureError(
                    f"Atom {move.numbers[0]} does not bind {self.element}: its donors are the "
                    f"atoms {', '.join(str(i) for x in self.ligands for i in x.donors)}."
                )
            return found
        for number in move.numbers:
            if not 1 <= number <= len(self.ligands):
                raise StructureError(
                    f"There is no ligand {number} here: {self.element} has {len(self.ligands)}, "
                    f"{', '.join(x.title for x in self.ligands)}."
                )
        return [self.ligands[number - 1] for number in move.numbers]

    def _make(self, positions: np.ndarray, move: Move, value: float) -> None:
        """Move `positions` in place."""
        self.check(move)
        ligands = self.moved_by(move)
        if move.kind == "angle":
            self._bend(positions, ligands, value)
        elif move.kind == "turn":
            axis = self._direction(positions, ligands[0])
            _rotate(positions, list(ligands[0].atoms), positions[self.absorber], axis, value)
        elif move.kind == "offcentre":
            if ligands:
                axis = self._direction(positions, ligands[0])
            else:
                axis = _unit(np.array(move.direction))
            if ligands and not ligands[0].encloses:
                self._keep_apart(positions, ligands[0], value)
            positions[self.absorber] += value * axis
        else:
            for ligand in ligands:
                self._slide(positions, ligand, value)

    def _slide(self, positions: np.ndarray, ligand: Ligand, value: float) -> None:
        """Move a ligand outwards until its places lie `value` further off on average."""
        places = place_vectors(positions, self.absorber, ligand)
        axis = _unit(places.mean(axis=0))
        step = value if len(places) == 1 else _step_for(places, axis, value)
        if step is None or not _stays_outside(places, axis, step):
            raise StructureError(
                f"{ligand.title} cannot come {-value:.2f} A nearer to {self.element}: "
                "give a smaller value."
            )
        positions[list(ligand.atoms)] += step * axis

    def _keep_apart(self, positions: np.ndarray, ligand: Ligand, value: float) -> None:
        places = place_vectors(positions, self.absorber, ligand)
        if not _stays_outside(places, _unit(places.mean(axis=0)), -value):
            raise StructureError(
                f"{self.element} cannot move {value:.2f} A towards {ligand.title}: "
                "give a smaller value."
            )

    def _bend(self, positions: np.ndarray, ligands: list[Ligand], value: float) -> None:
        moving, staying = (self._direction(positions, ligand) for ligand in ligands)
        angle = _angle_deg(moving, staying) + value
        low, high = FLAT_ANGLES_DEG
        if not low <= angle <= high:
            raise StructureError(
                f"The angle between {ligands[0].title} and {ligands[1].title} would become "
                f"{angle:.0f} degrees: keep it between {low:g} and {high:g}."
            )
        axis = _unit(np.cross(staying, moving))
        _rotate(positions, list(ligands[0].atoms), positions[self.absorber], axis, value)

    def _direction(self, positions: np.ndarray, ligand: Ligand) -> np.ndarray:
        """From the absorber to a ligand; of one all around off its plane, or to its first donor."""
        if not ligand.encloses:
            return _unit(place_vectors(positions, self.absorber, ligand).mean(axis=0))
        # fixed by the ligand alone, so that the way back is the same
        places = np.array([positions[list(place)].mean(axis=0) for place in ligand.places])
        centred = places - places.mean(axis=0)
        return _plane_normal(centred) if _is_flat(centred) else _unit(centred[0])

    def is_flat(self, ligand: Ligand) -> bool:
        """Whether the places of a ligand lie in a plane, as those of a porphyrin."""
        places = place_vectors(self.atoms.positions, self.absorber, ligand)
        return _is_flat(places - places.mean(axis=0))

    def start(self, move: Move) -> float | None:
        """What a move changes, before it: mean bond length (A) or angle (deg); None for others."""
        ligands = self.moved_by(move)
        positions = self.atoms.positions
        if move.kind in ("all", "ligand", "bond", "pair"):
            lengths = [
                np.linalg.norm(place_vectors(positions, self.absorber, x), axis=1).mean()
                for x in ligands
            ]
            return float(np.mean(lengths))
        if move.kind == "angle":
            return _angle_deg(*(self._direction(positions, x) for x in ligands))
        return None

    # --- what cannot be ------------------------------------------------------------------------
    def _check_slide(self, move: Move, ligands: list[Ligand]) -> None:
        around = [ligand for ligand in ligands if ligand.encloses]
        if not around:
            return
        free = [ligand.number for ligand in ligands if not ligand.encloses]
        instead = f"Instead offcentre:{around[0].number} moves {self.element}"
        if free and move.kind != "ligand":
            instead += f"; the others can move: {', '.join(f'ligand:{n}' for n in free)}"
        raise StructureError(
            f"{around[0].title} stands all around {self.element}: lengthening its bonds would tear "
            f"it. {instead}."
        )

    def _check_bond(self, move: Move, ligands: list[Ligand]) -> None:
        ligand, donor = ligands[0], move.numbers[0]
        if len(ligand.donors) > 1:
            others = ", ".join(str(i) for i in ligand.donors if i != donor)
            raise StructureError(
                f"Atom {donor} ({self.atoms.symbols[donor]}) is one of the donors of "
                f"{ligand.title}, beside {others}: moving it alone would tear the ligand. "
                f"ligand:{ligand.number} moves it as one body."
            )
        self._check_slide(move, ligands)

    def _check_angle(self, move: Move, ligands: list[Ligand]) -> None:
        for ligand in ligands:
            if ligand.encloses:
                raise StructureError(
                    f"{ligand.title} stands all around {self.element} and has no direction: "
                    "bend two other ligands."
                )
        a, b = (self._direction(self.atoms.positions, ligand) for ligand in ligands)
        angle = _angle_deg(a, b)
        if not FLAT_ANGLES_DEG[0] < angle < FLAT_ANGLES_DEG[1]:
            raise StructureError(
                f"{ligands[0].title} and {ligands[1].title} lie on one line with {self.element}, "
                "which leaves open where to bend: name one beside that line to bend away from."
            )

    def _check_turn(self, move: Move, ligands: list[Ligand]) -> None:
        if ligands[0].encloses:
            raise StructureError(
                f"{ligands[0].title} stands all around {self.element}: turning it would move every "
                "donor. Turn another ligand."
            )
        if self._is_linear(ligands[0]):
            raise StructureError(
                f"{ligands[0].title} lies on its own axis: turning it changes nothing. "
                "Bend it with angle, or turn another ligand."
            )

    def _check_swap(self, move: Move, ligands: list[Ligand]) -> None:
        if self.element not in METAL_ANG:
            raise StructureError(
                f"Bond lengths of simple ligands are known for {', '.join(METAL_ANG)}, not for "
                f"{self.element}: choose an absorber among these."
            )
        if ligands[0].is_chelate or ligands[0].bridged:
            what = "several donors" if ligands[0].is_chelate else "another metal"
            raise StructureError(
                f"{ligands[0].title} has {what}, so that no simple ligand can take its place: "
                f"remove it with remove:{ligands[0].number}, or swap another."
            )

    def _check_remove(self, move: Move, ligands: list[Ligand]) -> None:
        if len(self.ligands) == 1:
            raise StructureError(
                f"{ligands[0].title} is the only ligand: without it {self.element} would be bare. "
                "Swap it for another one."
            )

    def _is_linear(self, ligand: Ligand) -> bool:
        own = self.atoms.positions[list(ligand.atoms)] - self.atoms.positions[self.absorber]
        axis = self._direction(self.atoms.positions, ligand)
        return bool(np.linalg.norm(own - np.outer(own @ axis, axis), axis=1).max() < LINEAR_ANG)

    # --- changes ----------------------------------------------------------------------------------
    def _changed(self, moved: Atoms, changes: list[Move]) -> Atoms:
        named = [n for move in changes for n in move.numbers]
        if len(set(named)) < len(named) or sum(m.kind == "metal" for m in changes) > 1:
            raise StructureError("One thing is changed twice: give each ligand one change.")
        if sum(m.kind == "remove" for m in changes) >= len(self.ligands):
            raise StructureError(f"Nothing would be left around {self.element}: keep a ligand.")
        for move in changes:
            if move.kind == "metal":
                self._change_metal(moved, move.word)
        gone = [i for n in named for i in self.ligands[n - 1].atoms]
        kept = np.setdiff1d(np.arange(len(moved)), gone)
        result: Atoms = moved[kept]
        index = int(np.flatnonzero(kept == self.absorber)[0])
        for move in changes:
            if move.kind == "swap":
                ligand = self.ligands[move.numbers[0] - 1]
                result += _placed(
                    result, index, move.word, self._direction(moved.positions, ligand)
                )
        result.info["absorber"] = index
        return result

    def _change_metal(self, moved: Atoms, element: str) -> None:
        """Another absorber, each ligand as much further off as covalent radii say."""
        old, new = int(moved.numbers[self.absorber]), atomic_numbers[element]
        positions = moved.positions
        for ligand in self.ligands:
            if ligand.encloses:
                continue
            donors = moved.numbers[list(ligand.donors)]
            ratio = float(np.mean(covalent_sum_ang(new, donors) / covalent_sum_ang(old, donors)))
            places = place_vectors(positions, self.absorber, ligand)
            self._slide(positions, ligand, (ratio - 1) * np.linalg.norm(places, axis=1).mean())
        moved.positions = positions
        moved.numbers[self.absorber] = new


def apply_moves(
    atoms: Atoms, absorber: int, moves: Sequence[Move], values: Sequence[float]
) -> Atoms:
    """New structure after moves, see :class:`Movable`, which is faster for many values.

    Parameters
    ----------
    atoms : ase.Atoms
        Molecule or cluster; left as it is.
    absorber : int
        Index of the absorber.
    moves : sequence of Move
        Made one after the other.
    values : sequence of float, one for each move
        In A or degrees; 1 or 0 for a change.

    Raises
    ------
    StructureError
        A move that the structure cannot make, with the reason.
    """
    return Movable(atoms, absorber).apply(moves, values)


def cluster_around(atoms: Atoms, absorber: int, radius_ang: float = CLUSTER_ANG) -> Atoms:
    """Surroundings of one absorber as a cluster, the absorber first and at the origin.

    Parameters
    ----------
    atoms : ase.Atoms
        Crystal or molecule; left as it is.
    absorber : int
        Index of the absorber.
    radius_ang : float, optional
        Atoms nearer than this are kept (A).

    Raises
    ------
    StructureError
        As :func:`xanes_core.structures.environment`.
    """
    around = environment(atoms, absorber, radius_ang)
    cluster = Atoms(
        numbers=[around.absorber_z, *around.numbers.tolist()],
        positions=np.vstack([np.zeros(3), around.positions_ang]),
    )
    cluster.info["absorber"] = 0
    return cluster


def _pairs(moves: Sequence[Move], values: Sequence[float]) -> list[tuple[Move, float]]:
    if len(moves) != len(values):
        raise StructureError(
            f"{len(moves)} moves need as many values, not {len(values)}: give one for each."
        )
    amounts = [float(value) for value in values]
    for move, value in zip(moves, amounts, strict=True):
        if not np.isfinite(value):
            raise StructureError(f"The value of {move.text} is not a finite number: correct it.")
    return list(zip(moves, amounts, strict=True))


def _stays_outside(places: np.ndarray, axis: np.ndarray, step: float) -> bool:
    """Whether places along an axis stay on their side of the absorber, and off it, after a step."""
    moved = places + step * axis
    ahead = float(moved.mean(axis=0) @ axis)
    return ahead > MIN_AHEAD_ANG and float(np.linalg.norm(moved, axis=1).min()) >= MIN_BOND_ANG


def _step_for(places: np.ndarray, axis: np.ndarray, value: float) -> float | None:
    """Step along an axis after which places are `value` further off on average; None: too near.

    The mean distance is convex in the step, so that Newton's method cannot miss.
    """
    goal = float(np.linalg.norm(places, axis=1).mean()) + value
    step = 0.0
    for _ in range(60):
        moved = places + step * axis
        lengths = np.linalg.norm(moved, axis=1)
        slope = float(np.mean(moved @ axis / lengths))
        miss = float(lengths.mean()) - goal
        if slope < 0.05:
            return None
        if abs(miss) < 1e-14 * max(goal, 1.0):
            break
        step -= miss / slope
        if abs(miss) < 1e-13:
            break
    return step


def _unit(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / np.linalg.norm(vector))


def _angle_deg(a: np.ndarray, b: np.ndarray) -> float:
    """Angle between unit vectors; exact near 0 and 180 degrees as well."""
    return float(np.degrees(2 * np.arctan2(np.linalg.norm(a - b), np.linalg.norm(a + b))))


def _rotate(
    positions: np.ndarray, atoms: list[int], centre: np.ndarray, axis: np.ndarray, angle_deg: float
) -> None:
    """Turn some atoms about an axis through a centre, in place (Rodrigues' formula)."""
    angle = np.radians(angle_deg)
    own = positions[atoms] - centre
    along = np.outer(own @ axis, axis)
    across = np.cross(axis, own)
    positions[atoms] = centre + along + np.cos(angle) * (own - along) + np.sin(angle) * across


def _is_flat(centred: np.ndarray) -> bool:
    """Whether points (n, 3) around their centre lie in a plane, nearly, and not on a line."""
    thin, middle, wide = np.sqrt(np.linalg.eigvalsh(centred.T @ centred).clip(0.0))
    return bool(thin < FLAT_SHARE * wide < middle)


def _plane_normal(centred: np.ndarray) -> np.ndarray:
    """Normal of the plane through points around their centre; its side follows from their order."""
    normal = np.linalg.eigh(centred.T @ centred)[1][:, 0]
    side = np.cross(centred[:-1], centred[1:]).sum(axis=0) @ normal
    return np.asarray(normal if side >= 0 else -normal)


def _placed(atoms: Atoms, absorber: int, name: str, axis: np.ndarray) -> Atoms:
    """A simple ligand along a direction, turned to where most room is."""
    simple = SIMPLE_LIGANDS[name]
    length = METAL_ANG[chemical_symbols[atoms.numbers[absorber]]] + simple.bond_ang
    # turned from an atom beside the axis, so that the orientation of the whole does not matter
    others = np.delete(atoms.positions, absorber, axis=0) - atoms.positions[absorber]
    beside = np.vstack([others - np.outer(others @ axis, axis), np.eye(3)])
    side = next(v for v in beside if np.linalg.norm(v) > LINEAR_ANG)
    side = _unit(side - (side @ axis) * axis)
    frame = np.array([side, np.cross(axis, side), axis])
    donor = atoms.positions[absorber] + length * axis
    options = []
    for turn in np.radians(np.arange(0, 360, 15)):
        spin = np.array(
            [[np.cos(turn), np.sin(turn), 0], [-np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
        )
        placed = donor + simple.positions_ang @ spin @ frame
        options.append((round(float(cdist(placed, atoms.positions).min()), 6), placed))
    best = max(options, key=lambda option: option[0])[1]
    return Atoms(numbers=simple.numbers, positions=best)

"""A move of ligands or absorber as a word that a command line, a link and a page can carry.

==================  ====  =====================================================================
word                unit  what it does
==================  ====  =====================================================================
``all``             A     every ligand along its bond, outwards, by one amount
``all:N``           A     likewise those that bind through nitrogen
``ligand:2``        A     ligand 2 along its bond, outwards
``bond:7``          A     the ligand that atom 7 binds through, along that bond; a chelate cannot
``pair:1,4``        A     two ligands along their bonds by one amount
``angle:1,2``       deg   ligand 1 about the absorber, away from ligand 2 in the plane of both
``turn:3``          deg   ligand 3 about its bond
``offcentre:2``     A     absorber towards ligand 2; where that stands all around, out of the plane
                          of its donors, or towards the first of them
``offcentre:0,0,1`` A     absorber along a direction in the coordinates of the file
``remove:3``              ligand 3 is taken away
``swap:3,Cl``             ligand 3 gives way to a simple one
``metal:Co``              another metal, bonds scaled by covalent radii
==================  ====  =====================================================================

Ligands are counted from 1, in the order in which their donors stand in the file; atoms from 0. A
value of 0 always is the structure as it came; for the last three, which have no unit, 1 makes the
change.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ase.data import atomic_numbers

from xanes_core.constants import ABSORBERS
from xanes_core.errors import StructureError
from xanes_core.structures.simple_ligands import SIMPLE_LIGANDS

_INTEGER = re.compile(r"\d{1,6}")
_MAX_LENGTH = 80


@dataclass(frozen=True)
class MoveKind:
    """What all moves of a kind have in common.

    Attributes
    ----------
    unit : str
        ``"A"``, ``"deg"``, or empty for a change that is made or not.
    n_numbers : int
        Ligands (or atoms) that the word names.
    example : str
        A word of this kind.
    """

    unit: str
    n_numbers: int
    example: str


#: Kinds of moves by the first part of their words.
MOVE_KINDS: Mapping[str, MoveKind] = MappingProxyType(
    {
        "all": MoveKind("A", 0, "all or all:N"),
        "ligand": MoveKind("A", 1, "ligand:2"),
        "bond": MoveKind("A", 1, "bond:7"),
        "pair": MoveKind("A", 2, "pair:1,4"),
        "angle": MoveKind("deg", 2, "angle:1,2"),
        "turn": MoveKind("deg", 1, "turn:3"),
        "offcentre": MoveKind("A", 1, "offcentre:2 or offcentre:0,0,1"),
        "remove": MoveKind("", 1, "remove:3"),
        "swap": MoveKind("", 1, "swap:3,Cl"),
        "metal": MoveKind("", 0, "metal:Co"),
    }
)


@dataclass(frozen=True)
class Move:
    """One way in which a structure can change; :func:`parse_move` reads it from its word.

    Attributes
    ----------
    kind : str
        One of ``MOVE_KINDS``.
    numbers : tuple of int
        Ligands, from 1; of ``bond`` the donor atom, from 0.
    word : str
        Element of ``all:N`` and ``metal:Co``, ligand of ``swap:3,Cl``; else empty.
    direction : tuple of three float, or empty
        Of ``offcentre:0,0,1``.
    """

    kind: str
    numbers: tuple[int, ...] = ()
    word: str = ""
    direction: tuple[float, ...] = ()

    @property
    def unit(self) -> str:
        """``"A"``, ``"deg"``, or empty for a change that is made or not."""
        return MOVE_KINDS[self.kind].unit

    @property
    def is_change(self) -> bool:
        """Whether it is made or not, rather than by an amount."""
        return not self.unit

    @property
    def text(self) -> str:
        """The word that :func:`parse_move` reads."""
        parts = [str(n) for n in self.numbers] + [f"{x:g}" for x in self.direction]
        parts += [self.word] if self.word else []
        return f"{self.kind}:{','.join(parts)}" if parts else self.kind

    def __str__(self) -> str:
        return self.text


def parse_move(text: str) -> Move:
    """Move from its word, such as ``"all"``, ``"ligand:2"`` or ``"angle:1,2"``.

    Whether a structure has such ligands is for :class:`~xanes_core.structures.Movable` to say.

    Raises
    ------
    StructureError
        The word is of no known kind, or does not name what its kind needs.
    """
    word = str(text).strip()[:_MAX_LENGTH]
    kind, _, rest = word.partition(":")
    kind = kind.strip().lower()
    if kind not in MOVE_KINDS:
        raise StructureError(
            f"There is no move {word!r}: give one such as "
            f"{', '.join(k.example for k in MOVE_KINDS.values())}."
        )
    parts = [part.strip() for part in rest.split(",")] if rest.strip() else []
    if kind == "offcentre" and len(parts) == 3:
        return Move(kind, direction=_direction(word, parts))
    wanted = MOVE_KINDS[kind].n_numbers
    numbers = tuple(int(part) for part in parts[:wanted] if _INTEGER.fullmatch(part))
    if len(numbers) != wanted or (kind != "bond" and 0 in numbers):
        raise _malformed(word, kind)
    tail = parts[wanted:]
    if len(set(numbers)) != len(numbers):
        raise StructureError(f"{word!r} names ligand {numbers[0]} twice: give two ligands.")
    return Move(kind, numbers, _tail(word, kind, tail))


def _tail(word: str, kind: str, tail: list[str]) -> str:
    """What follows the numbers: an element, the name of a ligand, or nothing."""
    needed = {"metal": (1,), "swap": (1,), "all": (0, 1)}.get(kind, (0,))
    if len(tail) not in needed:
        raise _malformed(word, kind)
    if not tail:
        return ""
    if kind == "swap":
        by_lower = {name.lower(): name for name in SIMPLE_LIGANDS}
        if tail[0].lower() not in by_lower:
            raise StructureError(
                f"{word!r} asks for an unknown ligand: choose one of {', '.join(SIMPLE_LIGANDS)}."
            )
        return by_lower[tail[0].lower()]
    symbol = tail[0].capitalize()
    if kind == "metal" and symbol not in ABSORBERS:
        raise StructureError(
            f"{word!r} asks for a metal that no model knows: choose one of {', '.join(ABSORBERS)}."
        )
    if symbol not in atomic_numbers or symbol == "X":
        raise StructureError(f"{word!r} names no element: give donors as in all:N.")
    return symbol


def _direction(word: str, parts: list[str]) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in parts)
    except ValueError:
        raise _malformed(word, "offcentre") from None
    if not all(math.isfinite(v) for v in values) or math.hypot(*values) < 1e-6:
        raise StructureError(f"{word!r} names no direction: give one such as offcentre:0,0,1.")
    return values


def _malformed(word: str, kind: str) -> StructureError:
    return StructureError(
        f"{word!r} is incomplete or has too much: write {MOVE_KINDS[kind].example}."
    )

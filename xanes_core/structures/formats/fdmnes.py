"""Structures in FDMNES input: a crystal by its space group, or a molecule."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import numpy as np
from ase import Atoms

from xanes_core.errors import StructureError
from xanes_core.structures.formats.symmetry import (
    IDENTITY,
    cell_of_parameters,
    fill_cell,
    space_group_operations,
)
from xanes_core.structures.formats.text import (
    UNFINISHED_NOTE,
    Note,
    is_number,
    is_whole,
    parse_number,
    parse_symbol,
    quote,
    refuse_many,
    symbol_or_none,
)

#: FDMNES keywords that open a list of atoms; the value says whether it is a crystal.
_FDMNES_LISTS = {
    "crystal": True,
    "cristal": True,
    "crystal_t": True,
    "molecule": False,
    "molecule_t": False,
}
_FDMNES_FILES = re.compile(r"(cif_file|pdb_file|crystal_p|flapw.*|film.*|xyz_file)\Z")
_FDMNES_INDEX = ("absorber", "absorbeur")

Line = tuple[int, list[str]]


def fdmnes_lines(lines: list[str]) -> list[Line]:
    """Numbered words of an FDMNES input without comments and blank lines."""
    split = ((i, line.partition("!")[0].split()) for i, line in enumerate(lines, start=1))
    return [(i, words) for i, words in split if words]


def is_fdmnes(lines: list[str]) -> bool:
    """Whether a file has an FDMNES keyword that gives the structure, with what belongs below it."""
    content = fdmnes_lines(lines)
    for (_, words), (_, below) in itertools.pairwise(content):
        key = words[0].lower()
        if key in _FDMNES_LISTS and len(below) > 2 and all(map(is_number, below[:3])):
            return True
        if _FDMNES_FILES.match(key) and len(words) == 1:
            return True
    return any(words[0].lower() in _FDMNES_LISTS for _, words in content[-1:])


def read_fdmnes(lines: list[str]) -> Iterator[Atoms]:
    """Structure of an FDMNES input.

    Atoms are given by atomic number, or by their place in the list under ``Atom`` where there is
    one; coordinates are in units of the cell. A single ``Absorber`` goes to
    ``info["absorber"]``.

    Raises
    ------
    StructureError
        No atoms in the file itself, no sensible cell, or a line that is no atom.
    """
    content = fdmnes_lines(lines)
    blocks = _fdmnes_blocks(content)
    opener = next((key for key in blocks if key in _FDMNES_LISTS), None)
    if opener is None:
        raise StructureError(
            "The FDMNES input refers to another file for its structure: give that file itself."
            if any(_FDMNES_FILES.match(key) for key in blocks)
            else "The FDMNES input has no Crystal or Molecule block: give one with the atoms."
        )
    start, block = blocks[opener]
    where = f"Line {start} (FDMNES {opener.capitalize()})"
    if not block:
        raise StructureError(f"{where}: the line with the cell a b c alpha beta gamma is missing.")
    number, words = block[0]
    numeric = [word for word in words[:6] if is_number(word)]
    if len(numeric) not in (3, 6):
        raise StructureError(f"Line {number}: the cell must be given as a b c alpha beta gamma.")
    values = [parse_number(word, f"Line {number}") for word in numeric]
    cell = cell_of_parameters(
        values if len(values) == 6 else [*values, 90, 90, 90], f"Line {number}"
    )
    elements = _listed_elements(blocks)
    refuse_many(len(block) - 1)
    rows = [_fdmnes_atom(row, elements, "occupancy" in blocks) for row in block[1:]]
    if not rows:
        raise StructureError(f"{where}: no atoms follow the cell: the file is incomplete.")
    symbols = [symbol for symbol, _ in rows]
    fractions = np.array([xyz for _, xyz in rows])
    if _FDMNES_LISTS[opener]:
        operations = IDENTITY
        if "spgroup" in blocks and blocks["spgroup"][1]:
            operations = space_group_operations(" ".join(blocks["spgroup"][1][0][1]))
        filled = fill_cell(symbols, fractions, cell, operations)
        atoms, firsts = filled.atoms, [filled.first_of(i) for i in range(len(rows))]
    else:
        atoms, firsts = Atoms(symbols, positions=fractions @ cell), list(range(len(rows)))
    named = [w for key in _FDMNES_INDEX if key in blocks for _, ws in blocks[key][1] for w in ws]
    if len(named) == 1 and is_whole(named[0]) and 0 < int(named[0]) <= len(firsts):
        atoms.info["absorber"] = firsts[int(named[0]) - 1]
    if not any(words[0].lower() == "end" for _, words in content):
        atoms.info["notes"] = Note(UNFINISHED_NOTE)
    yield atoms


def _fdmnes_blocks(content: list[Line]) -> dict[str, tuple[int, list[Line]]]:
    """Lines behind each keyword, the first word of a line that begins with a letter.

    Atoms may be given by their symbols: a keyword stands alone, or with fewer numbers.
    """
    blocks: dict[str, tuple[int, list[Line]]] = {}
    current: list[Line] = []
    previous = ""
    for number, words in content:
        key = words[0].lower()
        # what follows Filout, Spgroup ... is a name, not a keyword
        value_expected = previous in ("filout", "spgroup") and not current
        if key == "end" and not value_expected:
            break
        is_atom = previous in (*_FDMNES_LISTS, "atom") and _has_symbol_first(words, previous)
        if key[0].isalpha() and not value_expected and not is_atom:
            current = []
            previous = key
            alike = [k for k in blocks if k == key or {k, key} <= _FDMNES_LISTS.keys()]
            if alike and key in (*_FDMNES_LISTS, "atom", "spgroup"):
                raise StructureError(
                    f"Line {number}: {quote(words[0])} comes after {quote(alike[0])}, which gave "
                    "the same: keep the one that holds."
                )
            blocks.setdefault(key, (number, current))
        else:
            current.append((number, words))
    return blocks


def _has_symbol_first(words: list[str], block: str) -> bool:
    """Whether a line of a list of atoms is one that begins with a symbol or another word."""
    if block == "atom":
        known = symbol_or_none(words[0]) is not None
        return known and len(words) > 1 and all(map(is_number, words[1:]))
    return len(words) > 3 and all(map(is_number, words[1:4]))


def _listed_elements(blocks: dict[str, tuple[int, list[Line]]]) -> list[str] | None:
    """Elements of the list under ``Atom``; None where atoms are given by atomic number."""
    if "atom" not in blocks:
        return None
    elements = []
    for number, words in blocks["atom"][1]:
        elements.append(parse_symbol(words[0], f"Line {number}"))
    return elements


def _fdmnes_atom(
    row: Line, elements: list[str] | None, occupancies: bool
) -> tuple[str, list[float]]:
    number, words = row
    where = f"Line {number}"
    if len(words) < 4:
        raise StructureError(
            f"{where}: {quote(' '.join(words))} should hold an atomic number (or index) and "
            "three coordinates."
        )
    if occupancies and len(words) > 4 and parse_number(words[4], where) < 0.999:
        raise StructureError(
            f"{where}: the atom is only partly occupied ({quote(words[4])}): "
            "partly occupied sites are not handled."
        )
    xyz = [parse_number(word, where) for word in words[1:4]]
    if elements is None or words[0].isalpha():
        return parse_symbol(words[0], where), xyz
    if not (is_whole(words[0]) and 0 < int(words[0]) <= len(elements)):
        raise StructureError(
            f"{where}: {quote(words[0])} is no index into the list of {len(elements)} kinds under "
            "the keyword Atom: correct one of them."
        )
    return elements[int(words[0]) - 1], xyz

"""Readers of our own: plain xyz, mol/sdf. Text in, ``Atoms`` out."""

from __future__ import annotations

import re

from ase import Atoms

from xanes_core.errors import StructureError
from xanes_core.structure_checks import MAX_ATOMS
from xanes_core.structure_text import is_number, parse_count, parse_number, parse_symbol, quote

_EXTENDED = re.compile(r"(?:^|\s)(lattice|properties)\s*=", re.IGNORECASE)


def split_xyz(lines: list[str]) -> list[tuple[int, list[str]]]:
    """Cut an xyz file into frames: (line number of the first atom, lines of the frame).

    The lines of a frame are the comment and the atoms. Blank lines between frames are skipped;
    the announced number of atoms is checked against the lines that are there.
    """
    frames = []
    at = 0
    while True:
        while at < len(lines) and not lines[at].strip():
            at += 1
        if at >= len(lines):
            return frames
        words = lines[at].split()
        if len(words) != 1:
            raise StructureError(
                f"Line {at + 1}: {quote(lines[at])} stands where the number of atoms "
                "of a frame belongs: the count above may be too small."
            )
        count = parse_count(words[0], f"Line {at + 1}")
        body = lines[at + 1 : at + 2 + count]
        n_there = sum(bool(line.strip()) for line in body[1:])
        if n_there < count:
            raise StructureError(
                f"Line {at + 1} announces {count:,} atoms, but {n_there:,} lines of atoms follow: "
                "the file is incomplete or the number is wrong."
            )
        frames.append((at + 3, body))
        at += 2 + count


def read_xyz_atom(line: str, number: int) -> tuple[str, list[float]]:
    """Symbol and position (A) of one line of plain xyz; further columns are ignored."""
    words = line.split()
    where = f"Line {number}"
    if len(words) < 4:
        raise StructureError(
            f"{where}: {quote(line)} should read: element symbol (or number) and x y z in A."
        )
    symbol = parse_symbol(words[0], where)
    return symbol, [parse_number(word, where) for word in words[1:4]]


def atoms_of_lines(lines: list[str], first: int) -> Atoms:
    """Molecule of lines ``symbol x y z`` whose first has the number ``first``."""
    rows = [read_xyz_atom(line, first + i) for i, line in enumerate(lines)]
    return Atoms([symbol for symbol, _ in rows], positions=[xyz for _, xyz in rows])


def is_extended(comment: str) -> bool:
    """Whether a comment line is one of extended xyz."""
    return bool(_EXTENDED.search(comment))


def looks_headless(lines: list[str]) -> bool:
    """Whether the file is bare atom lines without the two header lines."""
    first = next((line.split() for line in lines if line.strip()), [])
    return len(first) >= 4 and all(is_number(word) for word in first[1:4])


def read_headless(lines: list[str]) -> Atoms:
    """Molecule of bare lines ``symbol x y z``."""
    kept = [(i + 1, line) for i, line in enumerate(lines) if line.strip()]
    if len(kept) > MAX_ATOMS:
        raise StructureError(f"The file has {len(kept):,} lines; at most {MAX_ATOMS:,} are read.")
    rows = [read_xyz_atom(line, number) for number, line in kept]
    return Atoms([symbol for symbol, _ in rows], positions=[xyz for _, xyz in rows])

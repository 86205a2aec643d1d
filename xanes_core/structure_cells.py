"""Readers of POSCAR (VASP) and gen (DFTB+) files. Lines in, one structure out.

The lines are checked and written anew before the library reads them: left to itself it trusts the
announced counts, and for a POSCAR without elements it opens other files of the folder.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator

from ase import Atoms
from ase.io import read as ase_read

from xanes_core.errors import StructureError
from xanes_core.structure_text import is_number, parse_count, parse_number, parse_symbol, quote
from xanes_core.structure_xyz import refuse_many


def read_poscar(lines: list[str]) -> Iterator[Atoms]:
    """Structure of a POSCAR or CONTCAR file, elements in the file itself (VASP 5 or line 1)."""
    words = [re.split(r"[!#]", line, maxsplit=1)[0].split() for line in lines]
    if len(lines) < 8 or not all(words[1:6]):
        raise StructureError(
            "The POSCAR file is incomplete: it needs a comment, the scale, three cell vectors, "
            "elements, their counts, the kind of coordinates and the atoms."
        )
    named = not words[5][0].isdigit()
    elements = words[5] if named else lines[0].split()
    at = 6 if named else 5
    n_kinds = len(words[at])
    if len(elements) < n_kinds or (named and len(elements) != n_kinds):
        raise StructureError(
            f"Line {at + 1}: there are {n_kinds} counts for {len(elements)} elements: the POSCAR "
            "file must name the elements in the line above the counts."
        )
    symbols = [
        parse_symbol(e.split("/")[0], f"Line {6 if named else 1}") for e in elements[:n_kinds]
    ]
    count = sum(parse_count(word, f"Line {at + 1}") for word in words[at])
    refuse_many(count)
    selective = words[at + 1][:1] and words[at + 1][0][0].lower() == "s"
    first = at + 3 if selective else at + 2
    mode = words[first - 1]
    if not mode or mode[0][0].lower() not in "dck":
        raise StructureError(
            f"Line {first}: {quote(lines[first - 1])} should say Direct or Cartesian."
        )
    body = words[first : first + count]
    n_there = sum(len(row) >= 3 for row in body)
    if n_there < count:
        raise StructureError(
            f"The POSCAR file announces {count:,} atoms, but {n_there:,} lines of coordinates "
            "follow: the file is incomplete or a number is wrong."
        )
    vectors = [_numbers(words[i][:3], f"Line {i + 1}") for i in (2, 3, 4)]
    scales = [word for word in words[1][:3] if is_number(word)]
    text = ["structure", " ".join(_numbers(scales[: 3 if len(scales) == 3 else 1], "Line 2"))]
    text += [" ".join(vector) for vector in vectors]
    text += [" ".join(symbols), " ".join(words[at]), mode[0]]
    for i, row in enumerate(body):
        text.append(" ".join(_numbers(row[:3], f"Line {first + i + 1}")))
    yield _with_ase("\n".join(text) + "\n", "vasp")


def _numbers(words: list[str], where: str) -> list[str]:
    """Words that are finite numbers, written in a way that every reader knows."""
    if len(words) not in (1, 3):
        raise StructureError(f"{where}: three numbers are needed.")
    return [repr(parse_number(word, where)) for word in words]


def is_gen(lines: list[str]) -> bool:
    """Whether the first line is one of the gen format: a count and C, S, F or H."""
    words = next((line.split() for line in lines if line.strip() and line.lstrip()[0] != "#"), [])
    return len(words) == 2 and words[0].isdigit() and words[1].upper() in ("C", "S", "F", "H")


def read_gen(lines: list[str]) -> Iterator[Atoms]:
    """Structure of a gen file (DFTB+): cluster, supercell or fractional coordinates."""
    kept = [
        (i, line.partition("#")[0].split())
        for i, line in enumerate(lines, start=1)
        if line.partition("#")[0].strip()
    ]
    if len(kept) < 3 or not is_gen(lines) or kept[0][1][1].upper() == "H":
        raise StructureError(
            "The gen file must begin with the number of atoms and C (cluster), S (supercell) or "
            "F (fractional), then the elements, then the atoms; helical cells are not handled."
        )
    kind = kept[0][1][1].upper()
    count = parse_count(kept[0][1][0], f"Line {kept[0][0]}")
    needed = count if kind == "C" else count + 4
    if len(kept) - 2 < needed:
        raise StructureError(
            f"The gen file announces {count:,} atoms, but {len(kept) - 2:,} lines follow "
            f"where {needed:,} are needed: the file is incomplete or the number is wrong."
        )
    symbols = [parse_symbol(word, f"Line {kept[1][0]}") for word in kept[1][1]]
    text = [f"{count} {kind}", " ".join(symbols)]
    for number, words in kept[2 : 2 + count]:
        where = f"Line {number}"
        if len(words) < 5 or not (words[1].isdecimal() and 0 < int(words[1][:9]) <= len(symbols)):
            raise StructureError(
                f"{where}: an atom of the gen format needs a number, the index of its element "
                f"(1 to {len(symbols)}) and x y z."
            )
        text.append(" ".join([words[0], words[1], *_numbers(words[2:5], where)]))
    for number, words in kept[2 + count : 2 + needed]:
        text.append(" ".join(_numbers(words[:3], f"Line {number}")))
    yield _with_ase("\n".join(text) + "\n", "gen")


def _with_ase(text: str, name: str) -> Atoms:
    """Hand checked and rewritten text to a reader of the library, always by explicit format."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ase_read(io.StringIO(text), format=name)

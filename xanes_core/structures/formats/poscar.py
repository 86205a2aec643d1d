"""Reader of POSCAR files (VASP). Lines in, one structure out.

The lines are checked and written anew before the library reads them: left to itself it trusts the
announced counts, and for a POSCAR without elements it opens other files of the folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ase import Atoms

from xanes_core.errors import StructureError
from xanes_core.structures.formats.text import (
    is_number,
    is_whole,
    parse_count,
    parse_symbol,
    plain_numbers,
    quote,
    read_with_ase,
    refuse_many,
)


def is_poscar(lines: list[str]) -> bool:
    """Whether the lines behind the first are a scale and three vectors."""
    words = [line.split() for line in lines[1:5]]
    return (
        len(lines) > 7
        and bool(words[0])
        and is_number(words[0][0])
        and all(len(row) >= 3 and all(map(is_number, row[:3])) for row in words[1:])
    )


def read_poscar(lines: list[str]) -> Iterator[Atoms]:
    """Structure of a POSCAR or CONTCAR file, elements in the file itself (VASP 5 or line 1).

    Raises
    ------
    StructureError
        Incomplete, without elements, or a line that is not what belongs there.
    """
    words = [re.split(r"[!#]", line, maxsplit=1)[0].split() for line in lines]
    if len(lines) < 8 or not all(words[1:6]):
        raise StructureError(
            "The POSCAR file is incomplete: it needs a comment, the scale, three cell vectors, "
            "elements, their counts, the kind of coordinates and the atoms."
        )
    named = not is_whole(words[5][0])
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
    following = words[first + count] if first + count < len(words) else []
    if len(following) >= 3 and all(map(is_number, following[:3])):  # velocities: after a blank
        raise StructureError(
            f"The POSCAR file announces {count:,} atoms, but more lines of coordinates follow: "
            "correct the numbers of atoms."
        )
    vectors = [plain_numbers(words[i][:3], f"Line {i + 1}") for i in (2, 3, 4)]
    scales = [word for word in words[1][:3] if is_number(word)]
    text = ["structure", " ".join(plain_numbers(scales[: 3 if len(scales) == 3 else 1], "Line 2"))]
    text += [" ".join(vector) for vector in vectors]
    text += [" ".join(symbols), " ".join(words[at]), mode[0]]
    for i, row in enumerate(body):
        text.append(" ".join(plain_numbers(row[:3], f"Line {first + i + 1}")))
    yield read_with_ase("\n".join(text) + "\n", "vasp")

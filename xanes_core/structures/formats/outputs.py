"""Last geometry of outputs of Gaussian, ORCA and xTB: lines in, one molecule out.

ASE reads some of these whole, with energies and forces that nobody asks for here, and stops at runs
that broke off; the tables of coordinates are the same in every version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from ase import Atoms
from ase.units import Bohr

from xanes_core.errors import StructureError
from xanes_core.structures.formats.text import Note, is_number, parse_number, refuse_many
from xanes_core.structures.formats.xyz import atoms_of_rows

Row = tuple[int, str]

_ORCA_TABLE = re.compile(r"\s*CARTESIAN COORDINATES \(ANGSTROEM\)")
#: What follows the last row of a table of Gaussian or ORCA.
_TABLE_END = re.compile(r"\s*-*\s*\Z")
_XTB_TABLE = re.compile(r"\s*final structure:")


def is_gaussian(lines: list[str]) -> bool:
    """Whether a file is an output of Gaussian."""
    return any("Entering Gaussian System" in line or "Gaussian, Inc." in line for line in lines)


def is_orca(lines: list[str]) -> bool:
    """Whether a file is an output of ORCA."""
    return any(re.match(r"\s*\* +O +R +C +A +\*", line) for line in lines) or any(
        _ORCA_TABLE.match(line) for line in lines
    )


def is_xtb(lines: list[str]) -> bool:
    """Whether a file is an output of xTB."""
    return any(re.search(r"x T B|xtb version|\bxTB\b.*Grimme", line) for line in lines)


def read_gaussian(lines: list[str]) -> Iterator[Atoms]:
    """Last geometry of a Gaussian output, in the standard orientation where it is printed."""
    for word in ("Standard", "Input", "Z-Matrix"):
        starts = [i for i, line in enumerate(lines) if line.strip().startswith(f"{word} orient")]
        if starts:
            yield _last(lines, starts, 5, _gaussian_row, "Gaussian")
            return
    raise _no_geometry("Gaussian")


def read_orca(lines: list[str]) -> Iterator[Atoms]:
    """Last geometry of an ORCA output."""
    starts = [i for i, line in enumerate(lines) if _ORCA_TABLE.match(line)]
    if not starts:
        raise _no_geometry("ORCA")
    yield _last(lines, starts, 2, _symbol_row, "ORCA")


def read_xtb(lines: list[str]) -> Iterator[Atoms]:
    """Final structure of an xTB output: a table in bohr (``$coord``), an xyz or a mol block.

    Raises
    ------
    StructureError
        The run printed no final structure, or not all of it.
    """
    starts = [i for i, line in enumerate(lines) if _XTB_TABLE.match(line)]
    if not starts:
        raise _no_geometry("xTB")
    in_bohr = any(line.strip().startswith("$coord") for line in lines[starts[-1] :][:6])
    rows: list[Row] = []
    for i in range(starts[-1] + 1, len(lines)):
        words = lines[i].split()
        if len(words) >= 4 and all(is_number(word) for word in words[:3]) and words[3].isalpha():
            rows.append((i + 1, " ".join([words[3], *words[:3]])))
        elif len(words) == 4 and words[0].isalpha() and all(map(is_number, words[1:])):
            rows.append((i + 1, lines[i]))
        elif rows:
            break
    if not rows:
        raise _no_geometry("xTB")
    announced = lines[starts[-1] + 2].strip() if starts[-1] + 2 < len(lines) else ""
    if announced.isdecimal() and int(announced) != len(rows):
        raise StructureError(
            f"The xTB output announces {announced[:12]} atoms and prints {len(rows)}: it broke off "
            "or is damaged; take the whole output, or xtbopt.xyz beside it."
        )
    refuse_many(len(rows))
    atoms = atoms_of_rows(rows)
    if in_bohr:
        atoms.positions *= Bohr
    yield atoms


def _last(
    lines: list[str],
    starts: Sequence[int],
    skip: int,
    row_of: Callable[[list[str]], str | None],
    program: str,
) -> Atoms:
    """Molecule of the last table; `skip` lines lie between its title and its first row.

    A table at which the output breaks off may lack atoms: the one before it is taken.
    """
    rows, end = _table(lines, starts[-1] + skip, row_of)
    # the last line of a file may be half a row
    cut_off = end >= len(lines) - 1 and not (end < len(lines) and _TABLE_END.match(lines[end]))
    if cut_off and len(starts) > 1:
        starts = starts[:-1]
        rows, end = _table(lines, starts[-1] + skip, row_of)
    if not rows and end < len(lines):
        raise _no_geometry(program)
    if end == len(lines) or not _TABLE_END.match(lines[end]):
        where = "at its end" if end == len(lines) else f"at line {end + 1}"
        raise StructureError(
            f"The last table of coordinates of the {program} output breaks off {where}, so atoms "
            "may be missing: take the whole output, or give the geometry as xyz."
        )
    refuse_many(len(rows))
    atoms = atoms_of_rows(rows)
    if cut_off:
        atoms.info["notes"] = Note(
            f"The {program} output breaks off in a table of coordinates: the one before it."
        )
    elif len(starts) > 1:
        atoms.info["notes"] = Note(f"The last of {len(starts)} geometries of the {program} output.")
    return atoms


def _table(
    lines: list[str], start: int, row_of: Callable[[list[str]], str | None]
) -> tuple[list[Row], int]:
    """Rows of a table, and the number of the line that ends it."""
    rows: list[Row] = []
    for i in range(start, len(lines)):
        row = row_of(lines[i].split())
        if row is None:
            return rows, i
        rows.append((i + 1, row))
    return rows, len(lines)


def _gaussian_row(words: list[str]) -> str | None:
    """Centre, atomic number, type, x, y, z; dummy atoms have the number -1 or 0."""
    if len(words) != 6 or not all(is_number(word) for word in words):
        return None
    parse_number(words[3], "Coordinates of the Gaussian output")
    return " ".join([words[1], *words[3:]])


def _symbol_row(words: list[str]) -> str | None:
    return " ".join(words) if len(words) == 4 and all(map(is_number, words[1:])) else None


def _no_geometry(program: str) -> StructureError:
    return StructureError(
        f"The {program} output holds no table of coordinates: the run ended before its first one; "
        "give its input geometry instead."
    )

"""Reader of SHELX files (res, ins): lines in, the full unit cell out.

Instructions are those of SHELXL (G. M. Sheldrick, Acta Cryst. C 71, 3 (2015),
doi 10.1107/S2053229614024218).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
from ase import Atoms

from xanes_core.errors import StructureError
from xanes_core.structures.formats.crystal import crystal
from xanes_core.structures.formats.disorder import AsymmetricUnit
from xanes_core.structures.formats.symmetry import (
    Operations,
    cell_of_parameters,
    is_group,
    listed_operations,
)
from xanes_core.structures.formats.text import (
    UNFINISHED_NOTE,
    parse_number,
    parse_symbol,
    quote,
    refuse_many,
)

_INSTRUCTIONS = frozenset((
    "ABIN", "ACTA", "AFIX", "ANIS", "ANSC", "ANSR", "BASF", "BIND", "BLOC", "BOND", "BUMP", "CELL",
    "CGLS", "CHIV", "CONF", "CONN", "DAMP", "DANG", "DEFS", "DELU", "DFIX", "DISP", "EADP", "END",
    "EQIV", "EXTI", "EXYZ", "FEND", "FLAT", "FMAP", "FRAG", "FREE", "FVAR", "GRID", "HFIX", "HKLF",
    "HTAB", "ISOR", "LATT", "LAUE", "LIST", "L.S.", "MERG", "MORE", "MOVE", "MPLA", "NCSY", "NEUT",
    "OMIT", "PART", "PLAN", "PRIG", "REM", "RESI", "RIGU", "RTAB", "SADI", "SAME", "SFAC", "SHEL",
    "SIMU", "SIZE", "SPEC", "STIR", "SUMP", "SWAT", "SYMM", "TEMP", "TITL", "TREF", "TWIN", "TWST",
    "UNIT", "WGHT", "WIGL", "WPDB", "XNPD", "ZERR", "PATT", "PHAN", "INIT", "ESEL", "EGEN", "TIME",
    "BEDE", "LONE", "ANOM",
))  # fmt: skip
#: Centring vectors by the number of LATT.
_CENTRING = {
    1: (), 2: ((0.5, 0.5, 0.5),), 3: ((2 / 3, 1 / 3, 1 / 3), (1 / 3, 2 / 3, 2 / 3)),
    4: ((0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)), 5: ((0, 0.5, 0.5),), 6: ((0.5, 0, 0.5),),
    7: ((0.5, 0.5, 0),),
}  # fmt: skip
#: Orders of the point groups of special positions.
_SITE_ORDERS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 48)


def is_shelx(lines: list[str]) -> bool:
    """Whether a file has the cell and the scattering factors of SHELX."""
    starts = {line[:4].upper() for line in lines}
    return "CELL" in starts and "SFAC" in starts


def read_shelx(lines: list[str]) -> Iterator[Atoms]:
    """Structure of a res or ins file, hydrogens and disorder (PART) as in a cif file.

    Raises
    ------
    StructureError
        No cell, no atoms, or a line that is no atom.
    """
    cell: list[float] = []
    elements: list[str] = []
    free: list[float] = []
    operations = ["x,y,z"]
    lattice, part, complete = 1, "0", False
    atoms: list[tuple[str, str, list[float], float, str]] = []
    for number, text in _instructions(lines):
        words = text.split()
        word, where = words[0].upper()[:4], f"Line {number}"
        if word == "CELL":
            if cell:
                raise StructureError(f"{where}: a second CELL: keep the one that holds.")
            cell = [parse_number(value, where) for value in words[2:8]]
        elif word == "LATT" and len(words) > 1:
            lattice = _whole(words[1], where)
        elif word == "SYMM":
            operations.append(text[4:].strip().replace(" ", "").lower())
        elif word == "SFAC":
            elements += _elements(words[1:], where)
        elif word == "FVAR":
            free += [parse_number(value, where) for value in words[1:]]
        elif word == "PART":
            part = words[1] if len(words) > 1 else "0"
        elif word in ("HKLF", "END"):
            complete = True
            break
        elif word not in _INSTRUCTIONS and not re.match(r"REM|\+|Q\d", words[0], re.I):
            if "_" in words[0] and words[0].split("_")[0].upper() in _INSTRUCTIONS:
                continue  # restraints of a residue: SADI_CCF3
            atoms.append(_atom(words, where, elements, free, part))
            refuse_many(len(atoms))
    if len(cell) != 6:
        raise StructureError("The SHELX file has no complete CELL instruction: add it.")
    if not atoms:
        raise StructureError("The SHELX file lists no atoms: give the res file of a solution.")
    labels, symbols, points, shares, parts = zip(*atoms, strict=True)
    unit = AsymmetricUnit(
        labels, symbols, np.array(points), np.array(shares), [""] * len(atoms), parts
    )
    note = "" if complete else UNFINISHED_NOTE
    yield crystal(unit, cell_of_parameters(cell, "CELL"), _operations(operations, lattice), note)


def _instructions(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Numbered instructions, continued lines (``=`` at the end) joined."""
    carried, start = "", 0
    for number, line in enumerate(lines, start=1):
        text = carried + line.split("!", 1)[0].rstrip()
        start = start if carried else number
        if text.endswith("="):
            carried = text[:-1] + " "
            continue
        carried = ""
        if text.strip() and not text[0].isspace():
            yield start, text
    if carried.strip():
        raise StructureError(
            f"Line {start}: {quote(carried)} is to be continued on the next line (=), but the file "
            "ends: it was cut off."
        )


def _whole(word: str, where: str) -> int:
    value = parse_number(word, where)
    if value != round(value):
        raise StructureError(f"{where}: {quote(word)} should be a whole number.")
    return int(value)


def _elements(words: Sequence[str], where: str) -> list[str]:
    """Elements of an SFAC line: a list, or one with its scattering factors."""
    found = []
    for word in words:
        if re.match(r"[A-Za-z$]", word):
            found.append(parse_symbol(word.lstrip("$"), where))
        else:
            break
    return found


def _atom(
    words: list[str], where: str, elements: Sequence[str], free: Sequence[float], part: str
) -> tuple[str, str, list[float], float, str]:
    if len(words) < 5:
        raise StructureError(
            f"{where}: {quote(' '.join(words))} should hold a name, the number of its scattering "
            "factor and x y z."
        )
    index = _whole(words[1], where)
    if not 0 < index <= len(elements):
        raise StructureError(
            f"{where}: there is no scattering factor number {index} among {len(elements)} (SFAC)."
        )
    point = [_coordinate(parse_number(word, where), free, where) for word in words[2:5]]
    group = "" if part == "0" else part
    share = 1.0
    if len(words) > 5:
        share = _share(parse_number(words[5], where), free, where, grouped=bool(group))
    return words[0], elements[index - 1], point, share, group


def _coordinate(value: float, free: Sequence[float], where: str) -> float:
    """Coordinate of a SHELX parameter: 10 + p is fixed at p, 10 m + p is p times variable m."""
    variable = int(np.floor((value + 5.0) / 10.0))
    rest = value - 10.0 * variable
    if variable in (0, 1):
        return rest
    return rest * _variable(variable, free, where)


def _share(value: float, free: Sequence[float], where: str, *, grouped: bool) -> float:
    """Share of a site: 11 is 1; 10.5 half, for special positions; 21, -21 by free variable 2.

    SHELX counts the multiplicity of a special position into this number, so that an atom on a
    mirror plane has 10.5 and is there in every cell: outside of a disordered part, fixed shares of
    one over the order of a point group count as one.
    """
    variable = int(np.floor((abs(value) + 5.0) / 10.0))
    rest = abs(value) - 10.0 * variable
    if variable <= 1:
        multiple = 1.0 / rest if rest > 0 else 1.0
        special = abs(multiple - round(multiple)) < 0.02 and round(multiple) in _SITE_ORDERS
        return 1.0 if special and not grouped else rest
    share = _variable(variable, free, where)
    return rest * (share if value > 0 else 1.0 - share)


def _variable(number: int, free: Sequence[float], where: str) -> float:
    if not 0 < number <= len(free):
        raise StructureError(f"{where}: there is no free variable {number} (FVAR).")
    return free[number - 1]


def _operations(texts: Sequence[str], lattice: int) -> Operations:
    centring = _CENTRING.get(abs(lattice))
    if centring is None:
        raise StructureError(f"LATT {lattice} is no lattice of SHELX (1 to 7): correct it.")
    listed = listed_operations(texts, complete=False)
    rotations, translations = listed.rotations, listed.translations
    if lattice > 0:
        rotations = np.concatenate([rotations, -rotations])
        translations = np.concatenate([translations, -translations])
    vectors = np.array([(0.0, 0.0, 0.0), *centring])
    operations = Operations(
        np.concatenate([rotations] * len(vectors)),
        np.concatenate([translations + vector for vector in vectors]),
    )
    if not is_group(operations):
        raise StructureError(
            "The LATT and SYMM instructions do not form a group: one is missing or damaged."
        )
    return operations

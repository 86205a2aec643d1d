"""Reader of mol and sdf files, V2000 and V3000. Lines in, frames out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ase import Atoms
from scipy.spatial import cKDTree

from xanes_core.constants import ABSORBERS
from xanes_core.errors import StructureError
from xanes_core.structures.formats.text import is_number, is_whole, parse_count
from xanes_core.structures.formats.xyz import atoms_of_rows

#: Nearer than this (A) no atom but hydrogen comes to a metal: nitrido and oxo ligands at 1.54 A.
_SHORTEST_METAL_BOND_ANG = 1.5
#: Nearest distances of all atoms within this factor: a drawing.
_ALL_ALIKE = 1.08


def is_mol(lines: list[str]) -> bool:
    """Whether a file has the counts line or the end of a mol record."""
    counts = any("V2000" in line or "V3000" in line for line in lines[:12])
    return counts or any(line.startswith("M  END") for line in lines)


def read_mol(lines: list[str]) -> Iterator[Atoms | StructureError]:
    """Records of a mol or sdf file, V2000 and V3000; the reason in place of one that is wrong."""
    start = 0
    for end in [*(i for i, line in enumerate(lines) if line.startswith("$$$$")), len(lines)]:
        for at, behind in _records(lines, start, end):
            try:
                yield _mol_record(lines[at:behind], at)
            except StructureError as error:
                yield error
        start = end + 1


def _records(lines: list[str], start: int, end: int) -> Iterator[tuple[int, int]]:
    """Records of a part without ``$$$$``: one, or several where these lines were lost."""
    counts = [i for i in range(start, end) if lines[i].rstrip().endswith(("V2000", "V3000"))]
    starts = [start, *(max(i - 3, start) for i in counts[1:])]
    for at, behind in zip(starts, [*starts[1:], end], strict=True):
        if any(line.strip() for line in lines[at:behind]):
            yield at, behind


def _mol_record(record: list[str], offset: int) -> Atoms:
    # people's editors add or drop blank lines at the top: the counts line says what it is
    header = next(
        (i for i, line in enumerate(record[:12]) if "V2000" in line or "V3000" in line), 3
    )
    if header >= len(record):
        raise StructureError(
            f"Line {offset + 1}: the mol record ends before its counts line (line 4): "
            "the file is incomplete."
        )
    n_ends = sum(line.startswith("M  END") for line in record)
    if n_ends > 1:
        raise StructureError(
            f"Line {offset + 1}: the mol record has {n_ends} lines M  END: put a line $$$$ between "
            "its structures."
        )
    if "V3000" in record[header]:
        atoms = _mol_v3000(record, offset)
    else:
        atoms = _mol_v2000(record, header, offset)
    flat = len(atoms) > 1 and not atoms.positions[:, 2].any()
    tagged = record[max(header - 2, 0)][20:22].upper() == "2D"
    if flat and (tagged or is_drawing(atoms)):
        raise StructureError(
            "The mol file is a drawing in two dimensions: give three-dimensional coordinates."
        )
    if "V3000" not in record[header]:
        _check_bonds(record, header, len(atoms), f"Line {offset + header + 1}")
    if not n_ends:
        raise StructureError(
            f"The mol record at line {offset + 1} has no line M  END: the file was cut off; write "
            "it again from the program it comes from."
        )
    return atoms


def is_drawing(atoms: Atoms) -> bool:
    """Whether a flat structure is a drawing: its metal is no farther from atoms than they are.

    A rule of thumb. In a drawing all bonds are about as long; in a molecule a metal is 1.6 A and
    more from its donors, and hydrogen 1.1 A or less from its partner.
    """
    if len(atoms) < 3:
        return False
    metal = np.isin(atoms.get_chemical_symbols(), ABSORBERS)
    if not metal.any():
        return False
    # two nearest, the first is the atom itself; a table of all pairs could be of any size
    distances, indices = cKDTree(atoms.positions).query(atoms.positions, k=2)
    nearest, partner = distances[:, 1], indices[:, 1]
    heavy = ~metal & (atoms.numbers > 1)
    if heavy.any():
        to_metal, _ = cKDTree(atoms.positions[heavy]).query(atoms.positions[metal])
        if to_metal.min() < _SHORTEST_METAL_BOND_ANG:
            return True
    organic = ~metal & ~metal[partner]
    return bool(organic.any()) and bool(nearest.max() < _ALL_ALIKE * nearest.min())


def _mol_v2000(record: list[str], header: int, offset: int) -> Atoms:
    where = f"Line {offset + header + 1}"
    field = record[header][:3].strip() if header >= 3 else record[header].split()[0]
    count = parse_count(field, where)
    body = []
    for line in record[header + 1 : header + 1 + count]:
        if line.startswith("M  ") or _is_bond(line):
            break
        body.append(line)
    following = record[header + 1 + count : header + 2 + count]
    if len(body) == count and following and _is_atom(following[0]):
        raise StructureError(
            f"{where} announces {count:,} atoms, but more lines of atoms follow: "
            "correct the number."
        )
    if len(body) < count:
        raise StructureError(
            f"{where} announces {count:,} atoms, but {len(body):,} lines of atoms follow: "
            "the file is incomplete or the number is wrong."
        )
    rows = []
    for i, line in enumerate(body):
        words = line.split()
        if len(words) < 4 or not all(is_number(word) for word in words[:3]):
            # numbers may touch each other in the fixed columns of the format
            words = [line[0:10].strip(), line[10:20].strip(), line[20:30].strip(), line[31:34]]
            if not all(is_number(word) for word in words[:3]):
                raise StructureError(
                    f"Line {offset + header + 2 + i} is no line of an atom, with three coordinates "
                    "and a symbol: the file is damaged; write it again."
                )
        rows.append((offset + header + 2 + i, " ".join(words[:4])))
    return atoms_of_rows(rows, 3, (0, 1, 2))


def _is_atom(line: str) -> bool:
    """Whether a line is one of the atom block: three coordinates and a symbol."""
    words = line.split()
    return len(words) > 3 and all(map(is_number, words[:3])) and words[3][0].isalpha()


def _is_bond(line: str) -> bool:
    """Whether a line is one of the bond block: whole numbers alone."""
    words = line.split()
    return len(words) > 2 and all(map(is_whole, words))


def _check_bonds(record: list[str], header: int, n_atoms: int, where: str) -> None:
    """Raise a StructureError where bonds that the counts line announces are not there."""
    field = record[header][3:6].strip()
    n_bonds = int(field) if is_whole(field) else 0
    lines = record[header + 1 + n_atoms : header + 1 + n_atoms + n_bonds]
    there = sum(bool(line.strip()) and line[0] in " 0123456789" for line in lines)
    if there < n_bonds:
        raise StructureError(
            f"{where} announces {n_bonds:,} bonds, but {there:,} lines of bonds follow: "
            "the file is incomplete or a number is wrong."
        )


def _mol_v3000(record: list[str], offset: int) -> Atoms:
    rows: list[tuple[int, str]] = []
    count: int | None = None
    inside = complete = False
    carried = ""
    for i, line in enumerate(record):
        if not line.startswith("M  V30 "):
            continue
        text = carried + line[6:].strip()
        carried = text[:-1] + " " if text.endswith("-") else ""
        words = text.split()
        if carried or not words:
            continue
        if words[0].upper() == "COUNTS" and len(words) > 1:
            count = parse_count(words[1], f"Line {offset + i + 1}")
        elif [word.upper() for word in words[:2]] == ["BEGIN", "ATOM"]:
            inside = True
        elif [word.upper() for word in words[:2]] == ["END", "ATOM"]:
            inside, complete = False, True
        elif inside:
            rows.append((offset + i + 1, " ".join(words[1:5])))
    if count is None or len(rows) != count or not complete:
        raise StructureError(
            f"The V3000 record at line {offset + 1} announces {count or 0:,} atoms, but has "
            f"{len(rows):,} lines of atoms: the file is incomplete or the number is wrong."
        )
    return atoms_of_rows(rows, 0, (1, 2, 3))

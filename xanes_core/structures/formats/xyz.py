"""Readers of xyz and extended xyz. Lines in, frames out.

They are our own because the library's readers trust the announced number of atoms, know neither
labels nor atomic numbers, and cannot say which line is at fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from xanes_core.constants import ABSORBERS
from xanes_core.errors import StructureError
from xanes_core.structures.checks import MIN_DISTANCE_ANG
from xanes_core.structures.formats.text import (
    is_number,
    parse_count,
    parse_number,
    parse_symbol,
    quote,
    refuse_many,
)

_EXTENDED = re.compile(
    r"(?:^|\s)(?:lattice|properties|pbc)=|(?:^|\s)(?:lattice|properties|pbc)\s*=\s*\"", re.I
)
#: Words of a comment that say that the numbers are no coordinates in A.
_OTHER_UNITS = {
    "in bohr": re.compile(
        r"\bunits?\s*[=:]\s*\W?(bohr|a\.?u\.?)(?!\w)"
        r"|\b(coord\w*|positions?|geometry|xyz)\W+((are|given|in)\s+)*(bohr|a\.u\.|atomic units)",
        re.I,
    ),
    "fractions of a cell": re.compile(
        r"\b(fractional|scaled)\s+(coord\w*|positions?)|\bunits?\s*[=:]\s*\W?frac", re.I
    ),
}
#: No metal comes as near as this to anything but hydrogen (A); carbon does to its oxygen.
_NO_METAL_ANG = 1.4
_KNOWN = frozenset(chemical_symbols[1:])
_MAX_COMMENT = 20_000
_MAX_COLUMNS = 500


def is_xyz(lines: list[str]) -> bool:
    """Whether a file begins with a number of atoms and has atom lines, or has these alone."""
    kept = [line.split() for line in lines[:60] if line.strip()]
    counted = bool(kept) and len(kept[0]) == 1 and kept[0][0].isdigit()
    third = next((w for w in kept[1:3] if len(w) > 3 and all(map(is_number, w[1:4]))), None)
    return (counted and (third is not None or len(kept) < 3)) or looks_headless(lines)


def looks_headless(lines: list[str]) -> bool:
    """Whether the file is bare lines ``symbol x y z`` without the two header lines of xyz."""
    first = next((line.split() for line in lines if line.strip()), [])
    return len(first) >= 4 and all(is_number(word) for word in first[1:4])


def read_xyz(lines: list[str]) -> Iterator[Atoms | StructureError]:
    """Frames of a plain or extended xyz file; a file of bare atom lines is one frame.

    A frame with a line that is wrong gives the reason instead, and the next ones are read.

    Raises
    ------
    StructureError
        A frame is cut off, or where the next one begins cannot be told.
    """
    if looks_headless(lines):
        kept = [(i + 1, line) for i, line in enumerate(lines) if line.strip()]
        refuse_many(len(kept))
        yield atoms_of_rows(kept, 0, (1, 2, 3))
        return
    at = _next_written(lines, 0)
    while at < len(lines):
        comment, rows, at = _xyz_frame(lines, at)
        _check_units(comment, f"Line {rows[0][0] - 1}")
        at = _next_written(lines, at)
        if looks_headless(lines[at : at + 1]):  # more atoms than announced: it is incomplete
            _xyz_frame(lines, at)
        try:
            yield _extended(comment, rows) if _EXTENDED.search(comment) else atoms_of_rows(rows)
        except StructureError as error:
            yield error


def _check_units(comment: str, where: str) -> None:
    """Raise a StructureError where a comment says that the numbers are no coordinates in A."""
    for what, pattern in _OTHER_UNITS.items():
        if pattern.search(comment[:_MAX_COMMENT]):
            raise StructureError(
                f"{where}: by its comment the coordinates are {what}: an xyz file has them in "
                "angstrom; convert them, and say so in the comment."
            )


def _next_written(lines: list[str], at: int) -> int:
    """Index of the first line from ``at`` on that is not blank."""
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at


def every_frame(lines: list[str]) -> list[Atoms]:
    """Frames of an xyz file that must all be sound.

    Raises
    ------
    StructureError
        Any of them is not.
    """
    frames = []
    for atoms in read_xyz(lines):
        if isinstance(atoms, StructureError):
            raise atoms
        frames.append(atoms)
    return frames


def _xyz_frame(lines: list[str], at: int) -> tuple[str, list[tuple[int, str]], int]:
    """Comment, numbered atom lines and the index behind the frame whose count is at ``at``."""
    words = lines[at].split()
    if len(words) != 1:
        raise StructureError(
            f"Line {at + 1}: {quote(lines[at])} stands where a number of atoms belongs: an xyz "
            "file has the number of atoms, a comment line, then one line per atom."
        )
    count = parse_count(words[0], f"Line {at + 1}")
    comment = lines[at + 1] if at + 1 < len(lines) else ""
    rows: list[tuple[int, str]] = []
    end = at + 2
    while end < len(lines) and len(rows) < count:
        if lines[end].strip():
            rows.append((end + 1, lines[end]))
        end += 1
    if len(rows) < count:
        hint = (
            f"line {at + 2} must be a comment (it may be blank)."
            if looks_headless([comment])
            else "the file is incomplete or the number is wrong."
        )
        raise StructureError(
            f"Line {at + 1} announces {count:,} atoms, but {len(rows):,} lines of atoms follow: "
            + hint
        )
    return comment, rows, end


def atoms_of_rows(
    rows: list[tuple[int, str]], species: int = 0, xyz: tuple[int, int, int] = (1, 2, 3)
) -> Atoms:
    """Molecule of numbered lines with the symbol and x, y, z (A) in the given columns."""
    symbols: list[str] = []
    positions: list[tuple[float, float, float]] = []
    capitals = []
    x, y, z = xyz
    for number, line in rows:
        words = line.split()
        try:  # the fast way; whatever it cannot take is looked at closely
            symbol = words[species]
            if symbol not in _KNOWN or "_" in line or not line.isascii():
                raise ValueError
            position = (float(words[x]), float(words[y]), float(words[z]))
        except (ValueError, IndexError):
            symbol, position = _careful_row(words, number, species, xyz)
            if symbol in ABSORBERS and words[species][:2].isupper():
                capitals.append(len(symbols))
        symbols.append(symbol)
        positions.append(position)
    finite = np.isfinite(positions).all(axis=1)
    if not finite.all():
        number, line = rows[int(np.argmin(finite))]
        _careful_row(line.split(), number, species, xyz)
    atoms = Atoms(symbols, positions=positions)
    for i in capitals:
        _refuse_light_atom(atoms, i, *rows[i])
    return atoms


def _refuse_light_atom(atoms: Atoms, index: int, number: int, line: str) -> None:
    """Raise a StructureError where a metal in capitals is too near to others to be one (CO)."""
    others = (atoms.numbers > 1) & (np.arange(len(atoms)) != index)
    distances = np.linalg.norm(atoms.positions[others] - atoms.positions[index], axis=1)
    if len(distances) and MIN_DISTANCE_ANG < distances.min() < _NO_METAL_ANG:
        raise StructureError(
            f"Line {number}: {quote(line)} reads as {atoms.symbols[index]}, but another atom is "
            f"{distances.min():.2f} A away, nearer than any metal comes: write C for carbon, or "
            f"{atoms.symbols[index]} with a small letter where it is one."
        )


def _careful_row(
    words: list[str], number: int, species: int, xyz: tuple[int, int, int]
) -> tuple[str, tuple[float, float, float]]:
    where = f"Line {number}"
    if len(words) <= max(species, *xyz):
        raise StructureError(
            f"{where}: {quote(' '.join(words))} should hold an element symbol (or number) and "
            "x y z in A."
        )
    symbol = parse_symbol(words[species], where)
    x, y, z = (parse_number(words[i], where) for i in xyz)
    return symbol, (x, y, z)


def _extended(comment: str, rows: list[tuple[int, str]]) -> Atoms:
    where = f"Line {rows[0][0] - 1}"
    if len(comment) > _MAX_COMMENT:
        raise StructureError(f"{where}: the comment line is too long: shorten it.")
    from ase.io.extxyz import key_val_str_to_dict  # loads part of SciPy; plain xyz does without

    try:
        info = key_val_str_to_dict(comment)
    except Exception as exc:
        raise StructureError(
            f"{where}: {quote(comment)} is not a valid comment line of extended xyz: "
            "check the quotes and the nine numbers of Lattice."
        ) from exc
    known = {str(key).lower(): key for key in info}
    for name in ("lattice", "properties", "pbc"):
        if len(re.findall(rf"(?:^|\s){name}\s*=", comment, re.I)) > 1:
            raise StructureError(f"{where}: {name} is there twice: keep the one that holds.")
    properties = info.pop(known["properties"], "") if "properties" in known else ""
    species, xyz = _columns(str(properties), where) if properties else (0, (1, 2, 3))
    lattice = info.pop(known["lattice"], None) if "lattice" in known else None
    pbc = info.pop(known["pbc"], None) if "pbc" in known else None
    atoms = atoms_of_rows(rows, species, xyz)
    if lattice is not None:
        cell = np.asarray(lattice)
        if cell.size != 9 or cell.dtype.kind not in "if":
            raise StructureError(
                f'{where}: Lattice must hold nine numbers: Lattice="ax ay az ...".'
            )
        # the library gives the nine numbers as a transposed matrix
        atoms.cell = cell.T if cell.shape == (3, 3) else cell.reshape(3, 3)
    atoms.pbc = lattice is not None if pbc is None else _pbc(pbc, where)
    atoms.info = info
    return atoms


def _pbc(value: object, where: str) -> np.ndarray:
    if isinstance(value, str):  # the library knows the key in small letters alone
        words = {"T": True, "TRUE": True, "1": True, "F": False, "FALSE": False, "0": False}
        value = [words.get(word, -1) for word in value.upper().split()]
    flags = np.ravel(np.asarray(value))
    if flags.size not in (1, 3) or flags.dtype.kind not in "bi" or not np.isin(flags, (0, 1)).all():
        raise StructureError(f'{where}: pbc must be three letters T or F: pbc="T T T".')
    return np.broadcast_to(flags.astype(bool), 3)


def _columns(properties: str, where: str) -> tuple[int, tuple[int, int, int]]:
    """Columns of species (or Z) and position by ``Properties=species:S:1:pos:R:3...``."""
    fields = properties.split(":")
    at = 0
    columns: dict[str, int] = {}
    for name, letter, width in zip(fields[::3], fields[1::3], fields[2::3], strict=False):
        size = int(width) if width.isascii() and width.isdigit() and len(width) < 4 else 0
        if letter not in ("R", "I", "S", "L") or not 0 < size <= _MAX_COLUMNS:
            break
        expected = {"pos": ("R", 3), "species": ("S", 1), "Z": ("I", 1)}.get(name)
        if expected == (letter, size):
            columns[name] = at
        at += size
    else:
        if len(fields) % 3 == 0 and "pos" in columns and ("species" in columns or "Z" in columns):
            pos = columns["pos"]
            return columns.get("species", columns.get("Z", 0)), (pos, pos + 1, pos + 2)
    raise StructureError(
        f"{where}: {quote(properties)} does not describe columns of extended xyz with symbols and "
        "positions: write Properties=species:S:1:pos:R:3 and any further columns."
    )

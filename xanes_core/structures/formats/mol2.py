"""Reader of Tripos mol2 files: lines in, frames out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ase import Atoms

from xanes_core.errors import StructureError
from xanes_core.structures.formats.text import parse_count, quote, refuse_many, symbol_or_none
from xanes_core.structures.formats.xyz import atoms_of_rows

_MOLECULE, _ATOM = "@<TRIPOS>MOLECULE", "@<TRIPOS>ATOM"


def is_mol2(lines: list[str]) -> bool:
    """Whether a file has the section headers of mol2."""
    return any(line.lstrip().upper().startswith("@<TRIPOS>") for line in lines)


def read_mol2(lines: list[str]) -> Iterator[Atoms | StructureError]:
    """Molecules of a mol2 file; the reason in place of one that is wrong.

    The element is the atom type up to its dot (``C.ar``, ``Co.oh``), which programs write with
    care, unlike atom names.
    """
    starts = [i for i, line in enumerate(lines) if line.strip().upper() == _MOLECULE]
    if not starts:
        yield StructureError(f"The mol2 file has no section {quote(_MOLECULE)}: it is incomplete.")
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        try:
            yield _molecule(lines, start, end)
        except StructureError as error:
            yield error


def _molecule(lines: list[str], start: int, end: int) -> Atoms:
    if start + 2 >= end:
        raise StructureError(f"Line {start + 1}: the molecule has no counts: the file is cut off.")
    count = parse_count((lines[start + 2].split() or [""])[0], f"Line {start + 3}")
    header = next((i for i in range(start, end) if lines[i].strip().upper() == _ATOM), None)
    if header is None:
        raise StructureError(f"Line {start + 1}: the molecule has no section {quote(_ATOM)}.")
    if sum(line.strip().upper() == _ATOM for line in lines[start:end]) > 1:
        raise StructureError(
            f"Line {start + 1}: the molecule has more than one section {quote(_ATOM)}: a line "
            f"{quote(_MOLECULE)} is missing."
        )
    rows = []
    for number, line in enumerate(lines[header + 1 : end], start=header + 2):
        if line.startswith("@"):
            break
        if line.strip() and not line.startswith("#"):
            rows.append((number, _row(line.split(), number)))
    refuse_many(len(rows))
    if len(rows) != count:
        raise StructureError(
            f"Line {start + 3} announces {count:,} atoms, but {len(rows):,} lines of atoms follow: "
            "the file is incomplete or the number is wrong."
        )
    return atoms_of_rows(rows, 0, (1, 2, 3))


def _row(words: list[str], number: int) -> str:
    if len(words) < 6:
        raise StructureError(
            f"Line {number}: {quote(' '.join(words))} should hold a number, a name, x y z and the "
            "atom type."
        )
    kind = words[5].partition(".")[0]
    letters = re.match(r"[A-Za-z]{0,2}", words[1])
    if symbol_or_none(kind) is None and kind.upper() in ("ANY", "HEV", "HET", "HAL") and letters:
        kind = letters.group()  # a query type: the name has the element
    return " ".join([kind, *words[2:5]])

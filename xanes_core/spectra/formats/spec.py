"""SPEC files: scans, each with its command (``#S``) and the names of its columns (``#L``)."""

from __future__ import annotations

import re

import numpy as np

from xanes_core.errors import SpectrumError
from xanes_core.spectra.scans import MIN_POINTS
from xanes_core.spectra.table import (
    MAX_COLUMNS,
    MAX_HEADER,
    MAX_LINE,
    MAX_NAME,
    MAX_ROWS,
    Table,
    clean,
    headers_of,
)

#: Most scans of a file.
MAX_SCANS = 2_000
_SCAN = re.compile(r"^#S[ \t]+[0-9]{1,9}\b", re.MULTILINE)
_LABELS = re.compile(r"^#L[ \t]+\S", re.MULTILINE)


def is_spec(text: str) -> bool:
    """Whether a text has a scan with named columns."""
    return _SCAN.search(text) is not None and _LABELS.search(text) is not None


def read_spec(text: str) -> dict[str, Table]:
    """Scans of ten points or more by their number and command.

    Raises
    ------
    SpectrumError
        No scan has ten points, or there are too many scans or rows.
    """
    lines = re.split(r"\r\n|\r|\n", text)
    starts = [i for i, line in enumerate(lines) if _SCAN.match(line)]
    if len(starts) > MAX_SCANS:
        raise SpectrumError(f"the SPEC file holds more than {MAX_SCANS} scans; export some of them")
    # what stands before the first scan is said of all
    common = [line for line in lines[: starts[0]] if line[:1] == "#"]
    tables: dict[str, Table] = {}
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        table = _scan(lines[start:end], common)
        if table is None:
            continue
        title = name = clean(lines[start][2:], MAX_NAME)
        n = 2
        while name in tables:  # files that were continued count from 1 again
            name, n = f"{title} ({n})", n + 1
        tables[name] = table
    if not tables:
        raise SpectrumError(
            f"no scan of the SPEC file has {MIN_POINTS} points and named columns (#L)"
        )
    return tables


def _scan(lines: list[str], common: list[str]) -> Table | None:
    names: list[str] = []
    rows: list[list[float]] = []
    head = [*common, *(line for line in lines if line[:1] == "#")]
    in_mca, unreadable = False, 0
    for line in lines:
        if line.startswith("#L"):
            names = [w for w in re.split(r"\s{2,}|\t", line[2:MAX_HEADER].strip()) if w]
        # spectra of a multichannel analyser go on as long as lines end in a backslash
        in_a_row = in_mca or line.startswith("@")
        in_mca = in_a_row and line.endswith("\\")
        if in_a_row or not line.strip() or line[:1] == "#":
            continue
        row = _row(line)
        if row is None:
            unreadable += 1
        else:
            rows.append(row)
        if len(rows) > MAX_ROWS:
            raise SpectrumError(f"a scan of the SPEC file has more than {MAX_ROWS} rows")
    width = len(names)
    if width == 1 or (rows and width != len(rows[0])):
        # some write a single blank between the names
        names = [w for line in lines if line.startswith("#L") for w in line[2:].split()]
        width = len(names)
    kept = [row for row in rows if len(row) == width]
    if not 2 <= width <= MAX_COLUMNS or len(kept) < MIN_POINTS:
        return None
    lost = unreadable + len(rows) - len(kept)
    notes = (f"{lost} lines that do not fit the table were left out",) if lost else ()
    values = np.array(kept, dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    named = tuple(_unique([clean(name, MAX_NAME) for name in names]))
    headers = {**headers_of(head), "Scan.command": clean(lines[0][2:])}
    return Table(values, named, ("",) * width, True, headers, notes, "spec")


def _row(line: str) -> list[float] | None:
    # Python takes 1_000 for a number
    if len(line) > MAX_LINE or "_" in line:
        return None
    try:
        return [float(word) for word in line.split()]
    except ValueError:
        return None


def _unique(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
    counts: dict[str, int] = {}
    result = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        result.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    return result

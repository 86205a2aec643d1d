"""The 9809 format of the Photon Factory, SPring-8, Aichi and Saga: counts over a crystal's angle.

A header names the crystal and its lattice spacing, ``Mono :   SI(111)   D= 3.13551 A``; three lines
before the counts name the columns, what each detector is (``Mode``) and its dark counts per second
(``Offset``).
"""

from __future__ import annotations

import re

import numpy as np

from xanes_core.errors import SpectrumError
from xanes_core.spectra.table import (
    HEADER_LINES,
    MAX_COLUMNS,
    MAX_HEADER,
    MAX_LINE,
    MAX_ROWS,
    Table,
    clean,
)

_SPACING = re.compile(r"\bD\s*=\s*([0-9]{1,2}\.[0-9]{1,8})\s*A", re.IGNORECASE)
_ANGLES = re.compile(r"^\s*Angle\s?\(c\)\s+Angle\s?\(o\)\s+time", re.IGNORECASE)
#: What the numbers of the line ``Mode`` stand for; the rest are rates and resets of the detectors.
_MODES = {"1": "i0", "2": "itrans", "3": "ifluor"}


def is_photon_factory(text: str) -> bool:
    """Whether the first line names the format."""
    return re.match(r"[#\s]*9809\b", text) is not None


def read_photon_factory(text: str) -> dict[str, Table]:
    """The scan of a file, over the angle that was reached.

    Dark counts are subtracted; the counts of several fluorescence detectors stay apart.

    Raises
    ------
    SpectrumError
        The header lacks the lattice spacing, the names or the modes of the columns; no rows.
    """
    lines = re.split(r"\r\n|\r|\n", text)
    head = [line[:MAX_HEADER].lstrip("#") for line in lines[:HEADER_LINES]]
    spacing = next((m[1] for m in map(_SPACING.search, head) if m), None)
    start = next((i for i, line in enumerate(head) if _ANGLES.match(line)), None)
    if spacing is None or start is None:
        raise SpectrumError(
            "the header of the 9809 file names no lattice spacing (D= ... A) or no columns "
            "(Angle(c), Angle(o)); export it again from the beamline, or as energy and mu"
        )
    modes, offsets = _modes_and_offsets(head[start + 1 : start + 5])
    rows = [row for row in map(_row, lines[start + 1 :]) if row]
    if len(rows) > MAX_ROWS:
        raise SpectrumError(f"the 9809 file has more than {MAX_ROWS} rows")
    width = 3 + len(modes)
    values = np.array([row for row in rows if len(row) == width], dtype=np.float64)
    if not modes or values.size == 0:
        raise SpectrumError(
            "the 9809 file has no rows of two angles, a time and a count for each detector of its "
            "line 'Mode'; export it again from the beamline"
        )
    notes: tuple[str, ...] = ()
    if len(offsets) == len(modes) and any(offsets):
        values[:, 3:] -= values[:, 2:3] * np.array(offsets)
        notes = ("dark counts subtracted, as the line Offset says",)
    if lost := len(rows) - len(values):
        notes += (f"{lost} lines that do not fit the table were left out",)
    names = ["angle demanded", "angle reached", "time", *_detectors(modes)]
    units = ("deg", "deg", "s", *("counts" for _ in modes))
    headers = {"Mono.d_spacing": spacing, "title": clean(" ".join(head[2:3]))}
    headers = {key: value for key, value in headers.items() if value}
    return {"scan": Table(values, tuple(names), units, True, headers, notes, "9809")}


def _modes_and_offsets(lines: list[str]) -> tuple[list[str], list[float]]:
    """Modes of the detectors and their dark counts per second; the two angles and time have 0."""
    modes: list[str] = []
    offsets: list[float] = []
    for line in lines:
        word, *numbers = line.split() or [""]
        if word == "Mode":
            modes = numbers[2:][:MAX_COLUMNS]
        elif word == "Offset":
            row = _row(" ".join(numbers))
            offsets = row[2:] if row else []
    return modes, offsets


def _detectors(modes: list[str]) -> list[str]:
    counts: dict[str, int] = {}
    names = []
    for mode in modes:
        name = _MODES.get(mode, "icr")
        counts[name] = counts.get(name, 0) + 1
        names.append(f"{name}{counts[name]}" if modes.count(mode) > 1 or name == "icr" else name)
    return names


def _row(line: str) -> list[float] | None:
    # Python takes 1_000 for a number
    if len(line) > MAX_LINE or "_" in line:
        return None
    try:
        return [float(word) for word in line.split()] or None
    except ValueError:
        return None

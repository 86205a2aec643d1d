"""From the bytes of a file to its text; the table that readers make of it; JSON."""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass, field

import numpy as np

from xanes_core.errors import SpectrumError

#: Largest file (bytes), most rows, most columns and longest line (characters) that are read.
MAX_BYTES = 20 * 1024 * 1024
MAX_ROWS = 200_000
MAX_COLUMNS = 200
MAX_LINE = 10_000
#: Most header entries kept and longest value (characters) of one.
MAX_HEADERS = 200
MAX_HEADER_VALUE = 500

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]+")


@dataclass
class Table:
    """Numbers (n, c) with NaN for what is missing, names of the columns and the file's header."""

    values: np.ndarray
    names: list[str]
    units: list[str]
    named: bool
    headers: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    kind: str = "table"


def clean(text: str, limit: int = MAX_HEADER_VALUE) -> str:
    """Text on one line, without control characters, cut at ``limit`` characters."""
    return " ".join(_UNPRINTABLE.sub(" ", text[: 2 * limit]).split())[:limit]


def decode(raw: bytes) -> str:
    """Text of a file in UTF-8, UTF-16, UTF-32 (with or without BOM) or Latin-1/Windows-1252."""
    if len(raw) > MAX_BYTES:
        raise SpectrumError(
            f"the file is larger than {MAX_BYTES // 2**20} MiB; export the spectrum alone"
        )
    if not raw.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise SpectrumError("the file is empty")
    text = _decode(raw)
    sample = text[:100_000]
    odd = sum(1 for c in sample if (c < " " and c not in "\t\r\n\f\x1a") or c in "\x7f\ufffd")
    if odd > 0.01 * len(sample):
        raise SpectrumError(
            "this is not a text file; export the spectrum as text (CSV, XDI or columns)"
        )
    return text.replace("\0", "")


def _decode(raw: bytes) -> str:
    boms = (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    )
    for bom, encoding in boms:
        if raw.startswith(bom):
            return raw.decode(encoding, errors="replace")
    head = raw[:2000]
    # ASCII text in UTF-16 without its mark has a zero in every second byte.
    if len(head) > 20 and head[1::2].count(0) > 0.8 * len(head[1::2]):
        return raw.decode("utf-16-le", errors="replace")
    if len(head) > 20 and head[0::2].count(0) > 0.8 * len(head[0::2]):
        return raw.decode("utf-16-be", errors="replace")
    for encoding in ("utf-8", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


def parse_json(text: str) -> Table:
    """Read an object with lists of equal length (columns), or a list of rows."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpectrumError(f"the JSON cannot be read: {clean(str(error), 100)}") from error
    if isinstance(content, dict):
        inner = [v for v in content.values() if isinstance(v, dict) and _columns(v)]
        headers = {
            clean(str(k), 60): clean(str(v))
            for source in (content, content.get("metadata"))
            if isinstance(source, dict)
            for k, v in list(source.items())[:MAX_HEADERS]
            if isinstance(v, str | int | float) and not isinstance(v, bool)
        }
        columns = _columns(content) or (_columns(inner[0]) if inner else {})
    elif isinstance(content, list) and all(isinstance(r, list) and len(r) == 2 for r in content):
        columns, headers = {"energy": [r[0] for r in content], "mu": [r[1] for r in content]}, {}
    else:
        columns, headers = {}, {}
    if len(columns) < 2:
        raise SpectrumError(
            'the JSON holds no spectrum; expected lists of equal length, such as "energy_ev" and '
            '"mu"'
        )
    if len(next(iter(columns.values()))) > MAX_ROWS:
        raise SpectrumError(f"the file has more than {MAX_ROWS} rows; export one spectrum")
    values = np.array([[_json_number(v) for v in c] for c in columns.values()]).T
    values[~np.isfinite(values)] = np.nan
    names = [clean(name, 60) or f"column {i + 1}" for i, name in enumerate(columns)]
    return Table(values, names, [""] * len(names), True, headers, kind="json")


def _columns(content: dict) -> dict[str, list]:
    """Lists of scalars that are as long as the first of them whose name starts with an e."""
    lists = {
        str(k): v
        for k, v in content.items()
        if isinstance(v, list) and v and not any(isinstance(x, list | dict | str) for x in v)
    }
    first = next((v for k, v in lists.items() if k.lower().startswith("e")), None)
    return {k: v for k, v in lists.items() if first is not None and len(v) == len(first)}


def _json_number(value: object) -> float:
    try:
        return float(value) if value is not None and not isinstance(value, bool) else float("nan")
    except (TypeError, ValueError, OverflowError):
        return float("nan")

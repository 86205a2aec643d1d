"""From the text of a spectrum file to a table of numbers, its column names and its header.

People's files differ in everything: separators, decimal marks, comment signs. Nothing here knows
what a column means.
"""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from xanes_core.errors import SpectrumError
from xanes_core.files import text_of

#: Lines before the table that are looked at for header entries and names of columns, and the
#: longest of each (characters): patterns must not crawl through megabytes.
HEADER_LINES, MAX_HEADER = 2_000, 2_048
LABEL_LINES, MAX_LABELS = 50, 2_000
COMMENT_SIGNS = "#%!;"
#: Words in brackets after a column's name that are its unit.
UNITS = {
    "ev", "kev", "counts", "a.u.", "arb. units", "ha", "hartree", "ry", "rydberg", "deg", "degree",
    "degrees", "°", "mdeg", "millidegrees", "rad", "mrad", "a", "å", "ang", "angstrom", "nm", "pm",
    "1/a", "a^-1", "å^-1", "s", "sec", "ms", "v", "mv", "na", "pa", "ua", "ma", "cps", "hz",
    "khz", "mhz", "kcps", "mcps", "cts", "kcts", "c/s", "counts/s", "cts/s", "1/s",
}  # fmt: skip
#: Files that are no text, by their first bytes, with what to do.
_SIGNATURES = {
    b"PK\x03\x04": "a zip archive or an office document; export the sheet as CSV, or unpack it",
    b"%PDF": "a PDF document; export the numbers as text",
    b"BZh": "a bzip2 archive; unpack it",
    b"\xfd7zXZ": "an xz archive; unpack it",
}
_MISSING = {
    "", "nan", "-nan", "+nan", "inf", "-inf", "+inf", "na", "n/a", "#n/a", "-", "--", "null",
}  # fmt: skip
_EXPONENT = r"(?:[eEdD][+-]?\d{1,4}|[+-]\d{3})?"
_POINT = re.compile(rf"[+-]?(?:\d+\.?\d*|\.\d+){_EXPONENT}", re.ASCII)
_COMMA = re.compile(rf"[+-]?(?:\d+(?:,\d+)?|,\d+){_EXPONENT}", re.ASCII)
#: Header of a data frame without names: an empty cell, then 0, 1, 2 ...
_FRAME_HEADER = re.compile(r"[,;\t]0([,;\t]\d{1,3})*")
_HEADER = re.compile(r"([A-Za-z][\w .\-]{0,80}?) ?[:=] ?(\S.*)")
_NUMBERED = (
    re.compile(r"(?<!\S)(\d{1,3})_(\S+(?:\s+\([^)]{1,12}\))?)"),
    re.compile(r"(?<!\S)(\d{1,3})\)\s*([^*]{1,60}?)(?=\s*\*|\s+\d{1,3}\)|\s*$)"),
)
_XDI_COLUMN = re.compile(r"column[._ ]?(\d{1,4})", re.IGNORECASE)
#: What begins the names of our own entries in an XDI file, and what began them once.
FAMILY, _OLD_FAMILY = "XANES_Explorer", "XanesExplorer"
#: What a JSON file of ours says in its entry ``format``.
JSON_FORMAT = "xanes-explorer spectrum"

#: Absolute energies (eV) are higher, and an absorption has fewer edge steps.
_LOWEST_ENERGY, _MOST_STEPS = 200.0, 10.0

#: Columns of FEFF's xmu.dat.
FEFF_NAMES = ("omega", "e", "k", "mu", "mu0", "chi")

# A dialect: the character between columns (None = white space) and the decimal mark.
Dialect = tuple[str | None, str]
_DIALECTS: tuple[Dialect, ...] = (
    (None, "."),
    (";", "."),
    (";", ","),
    (",", "."),
    ("\t", "."),
    ("\t", ","),
    (None, ","),
)
#: Largest file (bytes), most rows, most columns and longest line (characters) that are read.
MAX_BYTES = 20 * 1024 * 1024
MAX_ROWS = 200_000
MAX_COLUMNS = 200
MAX_LINE = 10_000
#: Most header entries kept, and the longest name and value (characters) of one: with its family a
#: line of XDI stays below the 2,048 characters that the format recommends.
MAX_HEADERS = 200
MAX_NAME, MAX_HEADER_VALUE = 60, 1_900
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]+")


def _tokens(line: str, separator: str | None) -> list[str]:
    parts = line.split(separator, MAX_COLUMNS + 1)
    return [p.strip().strip('"').strip() for p in parts]


def _number(token: str, decimal: str) -> float | None:
    """Value of a token, NaN for a missing one, None for what is no number."""
    if (_POINT if decimal == "." else _COMMA).fullmatch(token):
        text = token.replace(",", ".").replace("D", "e").replace("d", "e")
        try:
            return float(text)
        except ValueError:  # an exponent of three digits without its letter: 0.1-101
            return float(re.sub(r"([+-]\d{3})$", r"e\1", text))
    if token.lower() in _MISSING or (len(token) > 3 and not token.strip("*")):
        return float("nan")
    return None


def _row(line: str, dialect: Dialect) -> list[float] | None:
    """Numbers of a line of at least two columns, or None."""
    if len(line) > MAX_LINE:
        return None
    tokens = _tokens(line, dialect[0])
    if not 2 <= len(tokens) <= MAX_COLUMNS:
        return None
    row = []
    for token in tokens:
        value = _number(token, dialect[1])
        if value is None:
            return None
        row.append(value)
    return row if any(v == v for v in row) else None


def _choose_dialect(lines: list[str]) -> Dialect:
    """Dialect under which most of the lines are rows of the same width."""
    sample = lines[:: max(1, len(lines) // 200)]

    def score(dialect: Dialect) -> int:
        widths = Counter(len(r) for r in (_row(line, dialect) for line in sample) if r)
        return max(widths.values(), default=0)

    best = max(_DIALECTS, key=score)  # the first of equals: the plainest reading
    if score(best) == 0:
        single = sum(_number(x.strip(), d) is not None for x in sample for d in (".", ","))
        if single:
            raise SpectrumError(
                "the file has a single column of numbers; a spectrum needs energy and absorption"
            )
        raise SpectrumError(
            "no table of numbers was found; expected two or more columns, energy and absorption"
        )
    return best


def parse_table(text: str, *, max_rows: int = MAX_ROWS) -> Table:
    """Read a text of columns; comments, names and stray lines are sorted out from the rows.

    Parameters
    ----------
    text : str
        Content of the file.
    max_rows : int, optional
        Most rows that are read.

    Raises
    ------
    SpectrumError
        No table, a single column, too many rows, rows of many widths, or commas that are both
        decimal marks and separators.
    """
    # Only real line ends split: a form feed or U+2028 inside a comment must not start a row.
    lines = re.split(r"\r\n|\r|\n", text)
    index = bool(_FRAME_HEADER.fullmatch(lines[0][:MAX_LABELS].strip("\ufeff ")))
    lines = [line.strip() for line in lines[index:]]
    lines = [line.strip("\x1a\ufeff") for line in lines]
    plain = [line for line in lines if line and line[0] in '+-.,0123456789"nN']
    if not plain:
        raise SpectrumError(
            "no table of numbers was found; expected two or more columns, energy and absorption"
        )
    dialect = _choose_dialect(plain)
    head: list[str] = []
    rows: list[list[float]] = []
    stray = 0
    for line in lines:
        if not line:
            continue
        row = None if line[0] in COMMENT_SIGNS else _row(line, dialect)
        if row is not None:
            rows.append(row)
            if len(rows) > max_rows:
                raise _too_long(max_rows)
        elif not rows:
            head.append(line)
        elif line[0] not in COMMENT_SIGNS:
            stray += 1
    table = _assemble(rows, head, stray, dialect)
    if not index:
        return table
    return replace(table, names=("index", *table.names[1:]), named=True)


def _too_long(max_rows: int) -> SpectrumError:
    return SpectrumError(f"the file has more than {max_rows} rows; export one spectrum")


def _assemble(rows: list[list[float]], head: list[str], stray: int, dialect: Dialect) -> Table:
    width = Counter(len(row) for row in rows).most_common(1)[0][0]
    kept = [row for row in rows if len(row) == width]
    dropped = stray + len(rows) - len(kept)
    if dropped > max(2, 0.2 * len(kept)):
        raise SpectrumError(
            f"{dropped} lines do not fit the table of {width} columns; export the spectrum again "
            "as plain columns"
        )
    notes: tuple[str, ...] = ()
    if dropped:
        notes = (f"{dropped} lines that do not fit the table were left out",)
    values = np.array(kept, dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    if dialect[1] == ",":
        notes += ("decimal commas were read",)
    else:
        _refuse_two_commas(values, kept, head, dialect)
    empty: np.ndarray = np.all(np.isnan(values), axis=0)
    while width > 2 and empty[width - 1]:  # a separator at the end of every line
        width -= 1
    values = values[:, :width]
    names, units, named = _names(head, width, dialect[0])
    if not named and _is_feff(values):
        names, named = FEFF_NAMES, True
        notes += ("columns without names were taken for those of FEFF's xmu.dat",)
    headers = headers_of(head)
    return Table(values, names, units, named, headers, notes, _format_of(head), _lead(head))


def _is_feff(values: np.ndarray) -> bool:
    """Whether six columns are those of FEFF: omega and e run in parallel, mu is mu0 (1 + chi)."""
    if values.shape[1] != len(FEFF_NAMES) or values.shape[0] < 3 or np.isnan(values).any():
        return False
    omega, e, _, mu, mu0, chi = values.T
    parallel = np.ptp(omega - e) < 0.01 and np.ptp(omega) > 1.0 and omega[0] > 300.0
    return bool(parallel and np.allclose(mu, mu0 * (1.0 + chi), rtol=0.0, atol=1e-3))


def _lead(head: list[str]) -> str:
    """First word of the last line before the numbers that is more than a rule."""
    for line in reversed(head[-LABEL_LINES:]):
        words = line[:MAX_LABELS].lstrip(COMMENT_SIGNS + " \t-").split()
        if words:
            return words[0].strip(",;")
    return ""


def _refuse_two_commas(
    values: np.ndarray, rows: list[list[float]], head: list[str], dialect: Dialect
) -> None:
    """7112,5,0,123 is read as four integers; say so where it shows."""
    if dialect[0] != "," or values.shape[1] < 3:
        return
    if values.shape[1] == 3:  # 7112,0,123: whole energies, and an absorption cut in two
        digits = values[:, 1:]
        energies = values[:, 0].min() > _LOWEST_ENERGY and bool(np.all(np.diff(values[:, 0]) > 0))
        cut = bool(np.all((digits == np.round(digits)) & (digits >= 0)))
        if cut and energies and digits[:, 0].max() < _MOST_STEPS and np.ptp(digits[:, 1]) > 50:
            raise _two_commas()
    if values.shape[1] % 2:
        return
    whole = bool(np.all((values == np.round(values)) | np.isnan(values)))
    # energies repeat without their decimals; where they do not, the absorption has one digit left
    repeated = bool(np.any(np.diff(values[:, 0]) == 0))
    one_digit = values.shape[1] == 4 and bool(np.all(np.abs(values[:, 2]) < 10))
    # names for half as many columns: each number was cut in two
    half = bool(_labels(head[-1], values.shape[1] // 2, ",")) if head else False
    before_the_comma = bool(np.all(values[:, ::2] == np.round(values[:, ::2])))
    halved = half and before_the_comma
    if (halved or (whole and (repeated or one_digit))) and len(rows) > 2:
        raise _two_commas()


def _two_commas() -> SpectrumError:
    return SpectrumError(
        "commas seem to be both decimal marks and separators; export with semicolons or tabs "
        "between the columns"
    )


def _format_of(head: list[str]) -> str:
    """Which program wrote the file, as far as its first lines show."""
    first = head[0].lstrip("# ") if head else ""
    if re.search(r"\bAthena\b(?!\.)", first):
        return "athena"
    if first.startswith("XDI/"):
        return "xdi"
    # what a header entry quotes, such as the column that a curve came from, tells nothing
    text = "\n".join(x for x in head[:60] if x[0] not in COMMENT_SIGNS or not _entry(x))
    if "<xanes>" in text.lower() or "FDMNES" in text:
        return "fdmnes"
    return "feff" if re.search(r"\bomega\b.*\bmu0\b", text) else "table"


def _entry(line: str) -> tuple[str, str] | None:
    """Name and value of a header line, in one line without double blanks; None for others."""
    match = _HEADER.fullmatch(" ".join(line[:MAX_HEADER].lstrip(COMMENT_SIGNS + " \t").split()))
    return (match[1], match[2]) if match else None


def _names(
    head: list[str], width: int, separator: str | None
) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """Column names and units: from XDI's ``Column.N``, else from the last fitting header line."""
    names, units = [f"column {i + 1}" for i in range(width)], [""] * width
    declared = False
    for line in head[:HEADER_LINES]:
        entry = _entry(line)
        column = _XDI_COLUMN.fullmatch(entry[0]) if entry else None
        if entry and column and 1 <= int(column[1]) <= width:
            words = entry[1].split("||")[0].split()
            if words:
                names[int(column[1]) - 1] = words[0]
                units[int(column[1]) - 1] = " ".join(words[1:3])
                declared = True
    if not declared and (listed := _legend(head, width)):
        names, declared = listed, True
    if not declared:
        for line in reversed(head[-LABEL_LINES:]):
            labels = _labels(line, width, separator)
            if labels:
                names, declared = labels, True
                break
    for i, name in enumerate(names):
        unit = re.search(r"[\[(]\s*([^\])]+)[\])]\s*$", name)
        if unit and unit[1].strip().lower() in UNITS:
            names[i], units[i] = name[: unit.start()].strip() or name, unit[1].strip()
    seen: Counter[str] = Counter()
    for i, name in enumerate(names):
        # some number their columns: (2) I0
        name = re.sub(r"^\(\d{1,3}\)\s*(?=\S)", "", clean(name, MAX_NAME)) or f"column {i + 1}"
        seen[name] += 1
        names[i] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return tuple(names), tuple(units), declared


def _legend(head: list[str], width: int) -> list[str] | None:
    """Names of columns in the legends of beamlines, which number them or give each a line."""
    lines = [line[:MAX_LABELS].lstrip(COMMENT_SIGNS + " \t") for line in head[:HEADER_LINES]]
    # SSRL: a line per column after "Data:"
    if "Data:" in lines:
        listed = lines[lines.index("Data:") + 1 :][:width]
        return listed if len(listed) == width else None
    # APS 12-BM: 1_energy (eV) 2_i0; APS 20-ID and 9-BM: 1) Energy * 2) I0
    for pattern in _NUMBERED:
        found: dict[int, str] = {}
        for line in lines:
            for number, label in pattern.findall(line):
                found.setdefault(int(number), label.strip())
        if set(range(1, width + 1)) <= set(found) and _tells_energy(found.values()):
            return [found[i] for i in range(1, width + 1)]
    # APS 20-BM of old, its last line: Mono Energy * Preset time * I0 * It
    starred = [word.strip() for word in lines[-1].split("*")] if lines else []
    if width > 1 and len(starred) == width and all(starred) and _tells_energy(starred):
        return starred
    # CLS: (1) "$(Energy)" "$(I0)"
    for line in reversed(lines[-LABEL_LINES:]):
        quoted = re.findall(r"\$\(([^()]{1,60})\)", line) if line.startswith("(1)") else []
        if len(quoted) == width:
            return list(quoted)
    return None


def _tells_energy(labels: Iterable[str]) -> bool:
    return any(re.search(r"energy|angle|theta|\bev\b", label, re.IGNORECASE) for label in labels)


def _labels(line: str, width: int, separator: str | None) -> list[str] | None:
    """Words of a header line, when there are as many as columns and they are no numbers."""
    if len(line) > MAX_LABELS:
        return None
    body = re.sub(r"^#L\s", "", line).lstrip(COMMENT_SIGNS + " \t")
    body = re.sub(r"\s*@#\s*$", "", body)
    for words in (
        _tokens(body, separator),
        _tokens(body, ","),
        _tokens(body, ";"),
        [w.strip() for w in re.split(r"\s{2,}|\t", body)],
        re.sub(r"\s+([\[(][^\])]*[\])])", r"\1", body).split(),
        body.split(),
    ):
        while words and not words[-1]:
            words = words[:-1]
        # a data frame leaves the name of its index empty
        if len(words) == width and width > 1 and not words[0]:
            words[0] = "index"
        # 1.7863E-03 has a letter too, and a sentence has commas: FEFF's header is full of both
        letters = [bool(re.search(r"[^\W\d]", w)) and _number(w, ".") is None for w in words]
        if (
            len(words) == width
            and all(letters)
            and not any(w.endswith((":", ",", "=")) for w in words)
        ):
            return words
    return None


def headers_of(head: list[str]) -> dict[str, str]:
    """Entries of header lines by their names."""
    headers: dict[str, str] = {}
    for line in head[:HEADER_LINES]:
        if line[0] not in COMMENT_SIGNS:
            _fdmnes_header(line[:MAX_HEADER], headers)
            continue
        entry = _entry(line)
        if entry and len(headers) < MAX_HEADERS:
            name = entry[0].removeprefix(f"{FAMILY}.").removeprefix(f"{_OLD_FAMILY}.")
            headers.setdefault(clean(name, MAX_NAME), clean(entry[1]))
    return headers


def _fdmnes_header(line: str, headers: dict[str, str]) -> None:
    """``7112.0  26  1 ... = E_edge, Z, n_edge, ...``: the first line of an FDMNES output."""
    left, equals, right = line.partition("=")
    if equals and right.strip().lower().startswith("e_edge"):
        labels = [w.strip() for w in right.split(",")]
        for label, value in zip(labels, left.split(), strict=False):
            headers[f"fdmnes.{clean(label, MAX_NAME)}"] = clean(value)


@dataclass(frozen=True)
class Table:
    """Numbers of a file and what is said beside them.

    Attributes
    ----------
    values : numpy.ndarray, (n, c)
        NaN for what is missing; read-only.
    names, units : tuple of str, (c,)
        Of the columns; a unit that is not given is empty.
    named : bool
        Whether the names are the file's own.
    headers : mapping of str to str
        Entries of the header by their names, our own ones without their family.
    notes : tuple of str
        What was mended.
    source_format : str
        Program or format that wrote the file; ``table`` where nothing tells.
    lead : str
        First word of the last line before the numbers, which may name the first column where the
        others have no names.
    """

    values: np.ndarray
    names: tuple[str, ...]
    units: tuple[str, ...]
    named: bool
    headers: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    source_format: str = "table"
    lead: str = ""

    def __post_init__(self) -> None:
        self.values.flags.writeable = False


def clean(text: str, limit: int = MAX_HEADER_VALUE) -> str:
    """Text on one line, without control characters, cut at ``limit`` characters."""
    return " ".join(_UNPRINTABLE.sub(" ", text[: 2 * limit]).split())[:limit]


def _too_large() -> SpectrumError:
    return SpectrumError(
        f"the file is larger than {MAX_BYTES // 2**20} MiB; export the spectrum alone"
    )


def unpacked(raw: bytes) -> bytes:
    """Content of a file; of a gzip archive no more than a file may hold.

    Raises
    ------
    SpectrumError
        It is too large, or a damaged archive.
    """
    if len(raw) > MAX_BYTES:
        raise _too_large()
    if not raw.startswith(b"\x1f\x8b"):
        return raw
    packed = zlib.decompressobj(wbits=31)
    try:
        content = packed.decompress(raw, MAX_BYTES + 1)
    except zlib.error as error:
        raise SpectrumError("the gzip archive is damaged; export or copy the file again") from error
    if len(content) > MAX_BYTES:
        raise _too_large()
    if not packed.eof:
        raise SpectrumError("the gzip archive is cut off; export or copy the file again")
    return content


def decode(raw: bytes) -> str:
    """Text of a file, see :func:`~xanes_core.files.text_of`; gzip is unpacked.

    Raises
    ------
    SpectrumError
        It is empty, too large, damaged, or no text.
    """
    raw = unpacked(raw)
    for mark, what in _SIGNATURES.items():
        if raw.startswith(mark):
            raise SpectrumError(f"this is {what}")
    if not raw.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise SpectrumError("the file is empty")
    text = text_of(raw)
    sample = text[:100_000]
    odd = sum(1 for c in sample if (c < " " and c not in "\t\r\n\f\x1a") or c in "\x7f\ufffd")
    if odd > 0.01 * len(sample):
        raise SpectrumError(
            "this is not a text file; export the spectrum as text (CSV, XDI or columns)"
        )
    return text.replace("\0", "")


def parse_json(text: str, *, max_rows: int = MAX_ROWS) -> Table:
    """Read an object with lists of equal length (columns), or a list of rows.

    Parameters
    ----------
    text : str
        Content of the file.
    max_rows : int, optional
        Most rows that are read.

    Raises
    ------
    SpectrumError
        No JSON, no lists of equal length in it, or too many rows.
    """
    try:
        content = json.loads(text, object_pairs_hook=_each_name_once)
    except RecursionError as error:
        raise SpectrumError(
            "the JSON cannot be read: it is nested too deeply; export lists such as 'energy_ev' "
            "and 'mu'"
        ) from error
    except ValueError as error:
        said = str(error).partition(":")[0]  # what follows is for programmers
        raise SpectrumError(
            f"the JSON cannot be read ({clean(said, 100)}); export the file again"
        ) from error
    columns: dict[str, list[object]] = {}
    headers: dict[str, str] = {}
    if isinstance(content, dict):
        inner = [v for v in content.values() if isinstance(v, dict) and _columns(v)]
        headers = _json_headers(content)
        columns = _columns(content) or (_columns(inner[0]) if inner else {})
    elif isinstance(content, list) and all(isinstance(r, list) and len(r) == 2 for r in content):
        columns = {"energy": [r[0] for r in content], "mu": [r[1] for r in content]}
    if len(columns) < 2:
        raise SpectrumError(
            'the JSON holds no spectrum; expected lists of equal length, such as "energy_ev" and '
            '"mu"'
        )
    if len(next(iter(columns.values()))) > max_rows:
        raise _too_long(max_rows)
    values = np.array([[_json_number(v) for v in c] for c in columns.values()]).T
    values[~np.isfinite(values)] = np.nan
    names = tuple(clean(name, MAX_NAME) or f"column {i + 1}" for i, name in enumerate(columns))
    return Table(values, names, ("",) * len(names), True, headers, source_format="json")


def _each_name_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Object of JSON; a SpectrumError where it gives a list twice, of which the last would win."""
    names = Counter(name for name, value in pairs if isinstance(value, list))
    twice = [name for name, n in names.items() if n > 1]
    if twice:
        raise SpectrumError(
            f"the JSON gives {clean(twice[0], MAX_NAME)!r} twice; keep the one that holds"
        )
    return dict(pairs)


def _json_headers(content: dict[str, object]) -> dict[str, str]:
    """Entries of the object and of its ``metadata``; of a file of ours E0 and the latter alone."""
    own = content.get("format") == JSON_FORMAT
    places = ({"e0_ev": content.get("e0_ev")} if own else content, content.get("metadata"))
    return {
        clean(str(name), MAX_NAME): clean(str(value))
        for place in places
        if isinstance(place, dict)
        for name, value in list(place.items())[:MAX_HEADERS]
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    }


def _columns(content: dict[str, object]) -> dict[str, list[object]]:
    """Lists of scalars that are as long as the first of them whose name starts with an e."""
    lists = {
        str(k): v
        for k, v in content.items()
        if isinstance(v, list) and v and not any(isinstance(x, list | dict | str) for x in v)
    }
    first = next((v for k, v in lists.items() if k.lower().startswith("e")), None)
    return {k: v for k, v in lists.items() if first is not None and len(v) == len(first)}


def _json_number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return float("nan")
    try:
        return float(value)
    except OverflowError:
        return float("nan")

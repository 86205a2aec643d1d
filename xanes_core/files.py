"""Files: where they lie, what they are called, their text, and writing them in one piece."""

from __future__ import annotations

import codecs
import contextlib
import csv
import hashlib
import io
import os
import re
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from xanes_core.errors import DatasetError

_PACKAGE = Path(__file__).resolve().parent
_IN_WHEEL = _PACKAGE / "_app"
#: Folder of app.py, the pages, models and data: the top of a checkout, or, where an installed wheel
#: brought them, a folder inside the package.
PROJECT = _IN_WHEEL if _IN_WHEEL.is_dir() else _PACKAGE.parent
#: Environment variable that names the folder of the cache.
CACHE_VARIABLE = "XANES_CACHE_DIR"
#: Longest name in bytes: file systems allow 255 for name, number and extension together.
_MAX_NAME = 80
_UNSAFE = re.compile(r"[^\w.-]+", re.ASCII)
#: Encodings by the mark that a text begins with; that of UTF-16 is the beginning of one of UTF-32.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: How many bytes are looked at for the zeros of UTF-16.
_HEAD_BYTES = 2000
#: Text that is a number, whatever sign it starts with.
_NUMBER = re.compile(r"[-+]?((\d+\.?\d*|\.\d+)(e[-+]?\d+)?|inf|nan)", re.IGNORECASE)


def project_data(name: str, option: str = "--data") -> Path:
    """Where training data of the project lie, such as ``data/feff10``.

    `option` is what a person says otherwise where they lie.

    Raises
    ------
    DatasetError
        The package was installed from a wheel, in which training data do not travel.
    """
    if PROJECT == _IN_WHEEL:
        raise DatasetError(
            f"{name} is not part of the installed package: say with {option} where it lies, or "
            "work in the source of the project"
        )
    return PROJECT / name


def write_bytes(path: str | Path, data: bytes) -> Path:
    """Write ``data`` to ``path`` at once: into a temporary file beside it, then renamed.

    Parameters
    ----------
    path : str or Path
        Target; its folder is made if it is not there. An existing file is replaced.
    data : bytes
        Content.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return Path(path)


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a file to write that takes the place of ``path`` at the end, unless something fails.

    Parameters
    ----------
    path : str or Path
        As in :func:`write_bytes`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(descriptor)
    try:
        yield Path(temporary)
        os.chmod(temporary, 0o644)  # mkstemp makes files that only their owner reads
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def sha256_of(data: bytes) -> str:
    """SHA-256 of ``data`` as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def text_of(data: bytes) -> str:
    """Text of a person's file; never fails, so the caller judges whether it is one.

    UTF-8, UTF-16 and UTF-32 by their marks, which are taken off; UTF-16 without one where the
    text is mostly ASCII; else UTF-8, or Windows-1252 or Latin-1 where it is none. What a marked
    encoding does not know becomes U+FFFD.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    # ASCII in UTF-16 has a zero in every second byte, and hardly one in the others
    head = data[:_HEAD_BYTES]
    half = len(head) / 2
    first, second = head[::2].count(0), head[1::2].count(0)
    if min(first, second) < 0.1 * half and max(first, second) > 0.6 * half:
        encoding = "utf-16-be" if first > second else "utf-16-le"
        return data.decode(encoding, errors="replace")
    for encoding in ("utf-8", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def array_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as a compressed ``npz`` archive."""
    buffer = io.BytesIO()
    # NumPy's types take every name for its one flag, allow_pickle
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def read_arrays(data: bytes, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Inverse of :func:`array_bytes`; nothing is unpickled.

    With `names`, the arrays of these names that are there; no others are unpacked.

    Raises
    ------
    ValueError
        The bytes are no such archive, a damaged one, or hold Python objects.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            wanted = stored.files if names is None else [n for n in names if n in stored.files]
            return {name: stored[name] for name in wanted}
    except Exception as error:  # zip, zlib and numpy have many ways to say that it is damaged
        raise ValueError(f"no readable npz archive: {error}") from error


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as a CSV table, each ended by a line feed.

    Text that a spreadsheet would take for a formula (it starts with =, +, - or @ and is no number)
    gets an apostrophe before it, and line breaks become spaces, so that a row stays one line. None
    is an empty cell.

    Parameters
    ----------
    rows : iterable of sequence
        Cells, those of the header first.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows([_cell(value) for value in row] for row in rows)
    return buffer.getvalue()


def _cell(value: object) -> object:
    """A cell that no spreadsheet takes for a formula, and no reader for two lines."""
    if not isinstance(value, str):
        return value
    text = " ".join(value.split())
    return (
        f"'{text}"
        if text.startswith(("=", "+", "-", "@")) and not _NUMBER.fullmatch(text)
        else text
    )


def safe_name(name: str, taken: set[str] | None = None) -> str:
    """A file name (no folder, no extension of ours) made from a user's `name`.

    Letters and digits of ASCII, dot, dash and underscore stay, up to 80 of them; accents are
    dropped, subscripts become digits, letters of other scripts their code (``u9244``), so that
    names stay apart. A name already in `taken` gets a number, and the result is added to `taken`.
    """
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    base = _UNSAFE.sub("_", _ascii(base)).strip("._-")
    base = base[:_MAX_NAME] or "structure"
    if taken is None:
        return base
    unique, n = base, 2
    # file systems that ignore case would let one spectrum overwrite another
    while unique.lower() in taken:
        unique, n = f"{base}_{n}", n + 1
    taken.add(unique.lower())
    return unique


def _ascii(text: str) -> str:
    """`text` in letters of ASCII, other letters by their code, anything else as it is."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(
        f"u{ord(c):04x}" if c.isalnum() and not c.isascii() else c
        for c in plain
        if not unicodedata.combining(c)
    )


def cache_folder() -> Path:
    """Folder for results: ``XANES_CACHE_DIR``, else ``xanes-explorer`` in the user's cache folder.

    The user's cache folder is ``XDG_CACHE_HOME`` where that is an absolute path, else ``~/.cache``.
    """
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).expanduser()
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "xanes-explorer"

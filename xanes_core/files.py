"""Files: where they lie, what they may be called, and writing so that nobody sees half of one."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tempfile
import unicodedata
from collections.abc import Mapping
from pathlib import Path

import numpy as np

#: Folder that holds the package, and beside it the pages, models and data.
PROJECT = Path(__file__).resolve().parent.parent
#: Environment variable that names the folder of the cache.
CACHE_VARIABLE = "XANES_CACHE_DIR"
#: Longest name in bytes: file systems allow 255 for name, number and extension together.
_MAX_NAME = 80
_UNSAFE = re.compile(r"[^\w.-]+")


def write_bytes(path: str | Path, data: bytes) -> Path:
    """Write ``data`` to ``path`` at once: into a temporary file beside it, then renamed.

    Parameters
    ----------
    path : str or Path
        Target; its folder is made if it is not there. An existing file is replaced.
    data : bytes
        Content.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        os.chmod(temporary, 0o644)  # mkstemp makes files that only their owner reads
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def sha256_of(data: bytes) -> str:
    """SHA-256 of ``data`` as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def array_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as a compressed ``npz`` archive."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def read_arrays(data: bytes) -> dict[str, np.ndarray]:
    """Inverse of :func:`array_bytes`; nothing is unpickled.

    Raises
    ------
    ValueError
        The bytes are no such archive, a damaged one, or hold Python objects.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except Exception as error:  # zip, zlib and numpy have many ways to say that it is damaged
        raise ValueError(f"no readable npz archive: {error}") from error


def safe_name(name: str, taken: set[str] | None = None) -> str:
    """A file name (no folder, no extension of ours) made from a user's `name`.

    Letters of any script, digits, dot, dash and underscore stay, up to 80 bytes; a name already in
    `taken` gets a number, and the result is added to `taken`.
    """
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    base = _UNSAFE.sub("_", unicodedata.normalize("NFC", base)).strip("._-")
    base = base.encode()[:_MAX_NAME].decode(errors="ignore") or "structure"
    if taken is None:
        return base
    unique, n = base, 2
    # file systems that ignore case would let one spectrum overwrite another
    while unique.lower() in taken:
        unique, n = f"{base}_{n}", n + 1
    taken.add(unique.lower())
    return unique


def cache_folder() -> Path:
    """Folder for results: ``XANES_CACHE_DIR``, else ``xanes-explorer`` in the user's cache folder.

    The user's cache folder is ``XDG_CACHE_HOME`` where that is an absolute path, else ``~/.cache``.
    """
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).expanduser()
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "xanes-explorer"

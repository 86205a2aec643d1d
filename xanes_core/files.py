"""Writing files so that nobody ever sees half of one, and telling them apart."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np


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

"""The files of a model: where they lie, what they are called, reading and writing them whole.

Nothing is ever unpickled. ``SHA256SUMS`` has the format of the ``sha256sum`` program and is checked
whenever a file is read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from xanes_core.errors import ModelError
from xanes_core.files import read_arrays, sha256_of, write_bytes

CARD, WEIGHTS, REPORT, SUMS = "card.json", "weights.npz", "report.npz", "SHA256SUMS"


def models_folder() -> Path:
    """Folder of the models: ``$XANES_MODELS``, or ``models`` beside the package."""
    told = os.environ.get("XANES_MODELS")
    return Path(told) if told else Path(__file__).resolve().parent.parent / "models"


def write_model_files(target: Path, contents: Mapping[str, bytes]) -> None:
    """Write the files of a model and their checksums; a reader never sees half of one."""
    sums = "".join(f"{sha256_of(data)}  {name}\n" for name, data in contents.items())
    for name, data in {**contents, SUMS: sums.encode()}.items():
        write_bytes(target / name, data)
    if REPORT not in contents:
        (target / REPORT).unlink(missing_ok=True)


def verified(folder: Path, names: Sequence[str]) -> dict[str, bytes]:
    """Contents of files of the model in ``folder``.

    Raises
    ------
    ModelError
        A file is missing or is not that of the checksum.
    """
    contents = {name: read_model_file(folder / name) for name in (*names, SUMS)}
    sums = listed(contents.pop(SUMS))
    for name, data in contents.items():
        if sums.get(name) != sha256_of(data):
            raise ModelError(
                f"{name} of model {folder.name} does not match its checksum: the file is damaged "
                "or was changed; restore the model's folder"
            )
    return contents


def listed(sums: bytes) -> dict[str, str]:
    """Checksums by file name."""
    lines = [line.split() for line in sums.decode("ascii", "replace").splitlines()]
    return {line[1]: line[0] for line in lines if len(line) == 2}


def unpacked(data: bytes, key: str, what: str) -> dict[str, np.ndarray]:
    """Inverse of :func:`~xanes_core.files.array_bytes`.

    Raises
    ------
    ModelError
        It is no such archive.
    """
    try:
        return read_arrays(data)
    except ValueError as error:
        raise ModelError(f"{what} of model {key} cannot be read ({error})") from error


def read_model_file(file: Path) -> bytes:
    """Read a file of a model, or say which one is missing."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{file.name} of model {file.parent.name} cannot be read ({error.strerror}); restore "
            "the model's folder"
        ) from error

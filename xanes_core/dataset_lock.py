"""Locks on a training set, so that two runs do not work against each other."""

from __future__ import annotations

import contextlib
import importlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from xanes_core.dataset_store import INCOMING
from xanes_core.errors import DatasetError


@contextlib.contextmanager
def locked(folder: Path, purpose: str, *, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a lock on a training set; the operating system takes it back from a killed process.

    Parameters
    ----------
    folder : Path
        The training set.
    purpose : str
        What is done under it (a word); different purposes do not exclude each other.
    wait_s : float, optional
        How long to wait for whoever holds it (s).

    Raises
    ------
    DatasetError
        Somebody else holds it, or the folder cannot be written.
    """
    path = folder / INCOMING / f"{purpose}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = open(path, "a+", encoding="utf-8")  # noqa: SIM115  (closed below)
    except OSError as error:
        raise DatasetError(
            f"{folder} cannot be written ({error.strerror}): choose another folder with --data"
        ) from error
    with stream:
        until = time.monotonic() + wait_s
        while not _take(stream):
            if time.monotonic() >= until:
                stream.seek(0)
                holder = stream.read(20).strip() or "unknown"
                raise DatasetError(
                    f"another run (process {holder}) does `{purpose}` in {folder}: wait for its "
                    "end, or choose another folder with --data"
                )
            time.sleep(0.05)
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield


def _take(stream: IO[str]) -> bool:
    """Try to lock an open file; it is free again when the file is closed or its process ends."""
    try:
        if os.name == "nt":
            system = importlib.import_module("msvcrt")
            stream.seek(0)
            system.locking(stream.fileno(), system.LK_NBLCK, 1)
        else:
            system = importlib.import_module("fcntl")
            system.flock(stream, system.LOCK_EX | system.LOCK_NB)
    except OSError:
        return False
    return True

"""Scratch folders of calculations: made, cleared away, and swept where their process was killed.

A folder belongs to the process that holds the lock on the file beside it (``flock``). The kernel
gives the lock back however a process ends, and knows it across containers that share a disk, where
numbers of processes mean nothing: a folder whose lock is free belongs to nobody.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from xanes_core.errors import SetupError

try:
    import fcntl
except ImportError:  # Windows has no such locks: nothing is swept there
    fcntl = None  # type: ignore[assignment]

#: What names of scratch folders begin with; of an earlier version, without a lock, too.
PREFIXES = ("xanes-theory-", "xanes-relax-")
_LOCK = ".lock"
#: A folder without a lock is of an earlier version: so long (s) does no calculation take.
_UNLOCKED_S = 86400.0
#: What has to fit into a scratch folder (bytes) for a failure to be the calculation's own.
_PROBE_BYTES = 512 * 1024
_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota of the disk is used up",
    errno.EROFS: "the disk can only be read",
    errno.EACCES: "it may not be written",
    errno.EIO: "the disk does not answer",
}


@contextlib.contextmanager
def scratch_folder(prefix: str = PREFIXES[0], parent: str | Path | None = None) -> Iterator[Path]:
    """Temporary folder of a calculation; those of processes that were killed are swept first.

    Parameters
    ----------
    prefix : str, optional
        One of ``PREFIXES``.
    parent : str or Path, optional
        Where it is made; the temporary folder of the system if left out.

    Raises
    ------
    SetupError
        It cannot be made.
    """
    where = Path(tempfile.gettempdir() if parent is None else parent)
    sweep(where)
    with contextlib.ExitStack() as stack:
        try:
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=where))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            stack.enter_context(_owned(folder))
        except OSError as error:
            raise SetupError(full_disk(error, where)) from error
        yield folder


@contextlib.contextmanager
def _owned(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder. The file gets its name only when it is locked."""
    lock = folder.with_name(folder.name + _LOCK)
    descriptor, unnamed = tempfile.mkstemp(dir=folder)  # no child process inherits it
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.replace(unnamed, lock)
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def sweep(parent: str | Path | None = None, *, now_s: float | None = None) -> list[str]:
    """Remove scratch folders whose process is gone; return their names.

    Parameters
    ----------
    parent : str or Path, optional
        Where to look; the temporary folder of the system if left out.
    now_s : float, optional
        Time that ages are counted from (s since 1970).
    """
    if fcntl is None:
        return []
    where = Path(tempfile.gettempdir() if parent is None else parent)
    now = time.time() if now_s is None else now_s
    swept = []
    with contextlib.suppress(OSError):
        for path in where.iterdir():
            if path.name.startswith(PREFIXES):
                with contextlib.suppress(OSError):  # it is in use, or another process sweeps too
                    swept += _swept(path) if path.suffix == _LOCK else _swept_unlocked(path, now)
    return swept


def _swept_unlocked(folder: Path, now_s: float) -> list[str]:
    """Name of a folder without a lock, of an earlier version, if it was old and is removed."""
    about = folder.lstat()
    has_lock = folder.with_name(folder.name + _LOCK).exists()
    if has_lock or not folder.is_dir() or folder.is_symlink() or about.st_uid != os.getuid():
        return []
    if now_s - about.st_mtime < _UNLOCKED_S:
        return []
    shutil.rmtree(folder)
    return [folder.name]


def _swept(lock: Path) -> list[str]:
    """Name of the folder of a lock, now removed; none where a process holds it."""
    folder = lock.with_name(lock.name.removesuffix(_LOCK))
    descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
    try:
        if os.fstat(descriptor).st_uid != os.getuid():
            return []
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
        lock.unlink()
    finally:
        os.close(descriptor)
    return [folder.name]


def full_disk(error: OSError, folder: str | Path) -> str:
    """What is wrong with a scratch folder, and what to do about it."""
    where = Path(folder)
    if where.name.startswith(PREFIXES):
        where = where.parent
    why = _FULL.get(error.errno or 0, error.strerror or type(error).__name__)
    return (
        f"calculations have no room in {where}: {why}. Make room there, or name another folder in "
        "TMPDIR"
    )


def lack_of_room(folder: str | Path | None = None) -> str:
    """Why a calculation cannot write where it works; empty where it can.

    Asked after a failure, to tell whether it says anything about what was calculated.

    Parameters
    ----------
    folder : str or Path, optional
        The temporary folder of the system if left out.
    """
    where = Path(tempfile.gettempdir() if folder is None else folder)
    try:
        with tempfile.TemporaryFile(dir=where) as stream:
            stream.write(b"\0" * _PROBE_BYTES)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        return full_disk(error, where)
    return ""

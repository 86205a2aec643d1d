"""Uploaded files, read in processes that may take so much time and memory and no more.

A process is kept warm, since its start takes about a second. It reads one file after another, and
another takes its place when it has read many, when a file took it beyond its limits, or when the
session that waited for it has gone. Only short files of plain text are read here: they cost less
than the way there and back.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from ase import Atoms

from pages.parts.shared.session import owner
from pages.parts.shared.settings import whole_number
from xanes_core.errors import SpectrumError, StructureError
from xanes_core.spectra import Table, read_tables
from xanes_core.structures import read_structures, validate_structure

#: Plain xyz files, and spectra in columns, up to this size (bytes) are read without a process: some
#: 1,500 atoms or 2,000 points, 20 ms.
SMALL_BYTES = 64 * 1024
#: Files after which a process is replaced, so that nothing can pile up in it.
FILES_OF_A_PROCESS = 200
#: Longest answer (bytes): 1,000,000 atoms take 28 MB.
MAX_ANSWER_BYTES = 128 * 1024 * 1024
_START_S = 60.0
#: Share of a processor that a file gets at worst: its time by the clock is so many times longer.
_BUSY = 3.0
_POLL_S = 0.05
_STEP_BYTES = 256 * 1024
_GZIP = b"\x1f\x8b"
_WORKER = Path(__file__).with_name("guard_worker.py")
_LENGTHS = struct.Struct("<QQ")


@dataclass(frozen=True)
class ReadLimits:
    """What a file may cost, and how many are read at once over all sessions.

    ``seconds`` (of a processor; on a busy machine up to three times as long by the clock) and
    ``memory_bytes`` are for one file.
    """

    seconds: float = 10
    memory_bytes: int = 1024**3
    processes: int = 2

    @classmethod
    def of_environment(cls) -> ReadLimits:
        """Defaults, or what whoever runs the server has set."""
        return cls(
            whole_number("XANES_READ_SECONDS", int(cls.seconds)),
            whole_number("XANES_READ_MB", cls.memory_bytes // 2**20) * 2**20,
            whole_number("XANES_READERS", max(cls.processes, (os.cpu_count() or 1))),
        )


class _Gone(Exception):
    """Nobody waits for the answer any more."""


class _Ended(Exception):
    """The process ended, or what it said makes no sense."""


class _Process:
    """One process, and the pipe to it."""

    def __init__(self, memory_bytes: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_WORKER), str(memory_bytes)],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path),
                "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise _Ended
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)
        self._ready = False
        self.files = 0

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def read(
        self, order: dict[str, str], data: bytes, seconds: float, alive: Callable[[], bool]
    ) -> tuple[dict[str, Any], bytes]:
        """Answer to one file; the order says its name and what it is.

        Raises
        ------
        TimeoutError
            It took longer than it may.
        _Gone, _Ended
            See there.
        """
        if not self._ready:
            self._exchange(b"", _START_S, alive)
            self._ready = True
        self.files += 1
        text = json.dumps(order).encode()
        return self._exchange(_LENGTHS.pack(len(text), len(data)) + text + data, seconds, alive)

    def _exchange(
        self, question: bytes, seconds: float, alive: Callable[[], bool]
    ) -> tuple[dict[str, Any], bytes]:
        """Send a question while listening to the answer, so that neither side can block."""
        begin, spent_s = time.monotonic(), self._processor_s()
        left, answer, wanted, n_text = memoryview(question), bytearray(), _LENGTHS.size, -1
        while len(answer) < wanted:
            waited_s = time.monotonic() - begin
            if waited_s > _BUSY * seconds or (
                waited_s > seconds and self._processor_s() - spent_s > seconds
            ):
                raise TimeoutError
            if not alive():
                raise _Gone
            readable, writable, _ = select.select(
                [self._out], [self._in] if left else [], [], _POLL_S
            )
            try:
                if writable:
                    left = left[os.write(self._in, left[:_STEP_BYTES]) :]
                part = os.read(self._out, _STEP_BYTES) if readable else None
            except BlockingIOError:
                continue
            except OSError as error:
                raise _Ended from error
            if part == b"":
                raise _Ended
            answer += part or b""
            if n_text < 0 and len(answer) >= _LENGTHS.size:
                n_text, n_data = _LENGTHS.unpack(answer[: _LENGTHS.size])
                wanted += n_text + n_data
                if wanted > MAX_ANSWER_BYTES:
                    raise _Ended
        body = bytes(answer[_LENGTHS.size :])
        try:
            said = json.loads(body[:n_text])
        except ValueError as error:
            raise _Ended from error
        return said, body[n_text:]

    def _processor_s(self) -> float:
        """Seconds of a processor that it has taken; else of the clock."""
        try:
            stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii", errors="replace")
            fields = stat.rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError, AttributeError):
            return time.monotonic()

    def kill(self) -> None:
        """End it and close the pipe."""
        with contextlib.suppress(ProcessLookupError, PermissionError, AttributeError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


class Readers:
    """Processes that read files, for all sessions of a server.

    Parameters
    ----------
    limits : ReadLimits
        What one file may cost, and how many are read at once.
    """

    def __init__(self, limits: ReadLimits) -> None:
        self.limits = limits
        self._room = threading.BoundedSemaphore(limits.processes)
        self._lock = threading.Lock()
        self._idle: list[_Process] = []

    def warm(self) -> None:
        """Start a process that waits for a file, unless one does; returns at once."""
        with self._lock:
            if not self._idle:
                self._idle.append(_Process(self.limits.memory_bytes))

    def close(self) -> None:
        """End the processes that wait."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.kill()

    def read(self, data: bytes, name: str, alive: Callable[[], bool] = lambda: True) -> list[Atoms]:
        """Every frame of a file, as :func:`xanes_core.structures.read_structures` gives them.

        Parameters
        ----------
        data : bytes
            The file.
        name : str
            Its name, for the format.
        alive : callable, optional
            Whether somebody still waits; asked twenty times a second.

        Raises
        ------
        StructureError
            The file is wrong, took more time or memory than it may, ended the process that read
            it, or nobody waits any more.
        """
        said, numbers = self._ask({"kind": "structures", "name": name}, data, alive)
        return _frames(said, numbers)

    def read_tables(
        self, data: bytes, name: str, alive: Callable[[], bool] = lambda: True
    ) -> dict[str, Table]:
        """Tables of a file of spectra, as :func:`xanes_core.spectra.read_tables` gives them.

        Parameters
        ----------
        data, name, alive
            As in :meth:`read`.

        Raises
        ------
        SpectrumError
            As :meth:`read`.
        """
        try:
            said, numbers = self._ask({"kind": "spectra", "name": name}, data, alive)
        except StructureError as error:
            raise SpectrumError(str(error)) from error
        return _tables(said, numbers)

    def _ask(
        self, order: dict[str, str], data: bytes, alive: Callable[[], bool]
    ) -> tuple[dict[str, Any], bytes]:
        """Sound answer to an order; a StructureError in place of any other."""
        with self._place(alive):
            with self._lock:
                process = self._idle.pop() if self._idle else None
            process = process or _Process(self.limits.memory_bytes)
            sound = False
            try:
                said, numbers = process.read(order, data, self.limits.seconds, alive)
                sound = "memory" not in said and process.files < FILES_OF_A_PROCESS
                self._refuse(said)
                return said, numbers
            except TimeoutError as error:
                raise StructureError(
                    f"Reading it took longer than {self.limits.seconds:g} s and was stopped: keep "
                    "fewer frames or the atoms alone, or read it on the command line."
                ) from error
            except _Gone as error:
                raise StructureError("Reading was stopped, since nobody waits for it.") from error
            except _Ended as error:
                sound = False
                raise StructureError(
                    "The process that read it ended: the file is damaged or made to do harm. "
                    "Write it again from the program it comes from."
                ) from error
            finally:
                self._take_back(process, sound)

    def _refuse(self, said: dict[str, Any]) -> None:
        """Raise a StructureError where an answer says why there is none."""
        if "memory" in said:
            raise StructureError(
                f"Reading it takes more than {self.limits.memory_bytes // 2**20:,} MB of memory: "
                "keep fewer frames or the atoms alone, or read it on the command line."
            )
        if "error" in said:
            raise StructureError(str(said["error"]))

    def _take_back(self, process: _Process, sound: bool) -> None:
        if not sound:
            process.kill()
            process = _Process(self.limits.memory_bytes)
        with self._lock:
            if len(self._idle) < self.limits.processes:
                self._idle.append(process)
                return
        process.kill()

    @contextlib.contextmanager
    def _place(self, alive: Callable[[], bool]) -> Iterator[None]:
        """Wait until fewer files than the limit are read."""
        while not self._room.acquire(timeout=_POLL_S):
            if not alive():
                raise StructureError("Reading was stopped, since nobody waits for it.")
        try:
            yield
        finally:
            self._room.release()


def _frames(said: dict[str, Any], data: bytes) -> list[Atoms]:
    """Structures of an answer, every number of it checked."""
    try:
        counts = [int(count) for count in said["counts"]]
        total, n_frames = sum(counts), len(counts)
        if min(counts) < 1 or len(data) != 28 * total + 72 * n_frames:
            raise ValueError
        numbers = np.frombuffer(data, "<i4", total).astype(int)
        positions = np.frombuffer(data, "<f8", 3 * total, 4 * total).reshape(-1, 3)
        cells = np.frombuffer(data, "<f8", 9 * n_frames, 28 * total).reshape(-1, 3, 3)
        frames, start = [], 0
        for n, pbc, cell, info in zip(counts, said["pbc"], cells, said["info"], strict=True):
            rows = slice(start, start + n)
            periodic = [bool(flag) for flag in pbc]
            frames.append(
                Atoms(
                    numbers[rows],
                    positions=positions[rows],
                    cell=cell if any(periodic) else None,
                    pbc=periodic,
                    info={str(key): _plain(value) for key, value in info.items()},
                )
            )
            start += n
        validate_structure(frames[0])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StructureError(
            "It could not be read as a structure file: check its format and extension."
        ) from error
    return frames


def _plain(value: object) -> object:
    if not isinstance(value, bool | int | float | str):
        raise ValueError("neither a number nor text")
    return value


def _tables(said: dict[str, Any], data: bytes) -> dict[str, Table]:
    """Tables of an answer, every part of it checked."""
    tables, start = {}, 0
    try:
        for one in said["tables"]:
            n_rows, n_columns = (int(n) for n in one["shape"])
            if min(n_rows, n_columns) < 0 or start + 8 * n_rows * n_columns > len(data):
                raise ValueError
            values = np.frombuffer(data, "<f8", n_rows * n_columns, start)
            start += values.nbytes
            names, units, notes = (tuple(map(str, one[k])) for k in ("names", "units", "notes"))
            if len(names) != n_columns or len(units) != n_columns:
                raise ValueError
            tables[str(one["key"])] = Table(
                values.reshape(n_rows, n_columns),
                names,
                units,
                bool(one["named"]),
                {str(key): str(value) for key, value in one["headers"].items()},
                notes,
                str(one["source_format"]),
                str(one["lead"]),
            )
        if start != len(data) or not tables:
            raise ValueError
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SpectrumError(
            "it could not be read as a spectrum; check its format and export it again"
        ) from error
    return tables


def is_cheap(data: bytes, name: str) -> bool:
    """Whether a file costs next to nothing whatever is in it: a short plain xyz file."""
    return len(data) <= SMALL_BYTES and name.lower().endswith(".xyz") and b"=" not in data


@st.cache_resource(max_entries=1, show_spinner=False)
def readers() -> Readers:
    """The processes of this server, one of them started."""
    found = Readers(ReadLimits.of_environment())
    found.warm()
    return found


def read_structures_guarded(data: bytes, name: str) -> list[Atoms]:
    """Every frame of an uploaded file, within the limits of time and memory.

    Raises
    ------
    StructureError
        As :meth:`Readers.read`.
    """
    if is_cheap(data, name):
        return read_structures(data, name=name)
    return readers().read(data, name, owner()[1])


def read_tables_guarded(data: bytes, name: str) -> dict[str, Table]:
    """Tables of an uploaded file of spectra, within the limits of time and memory.

    Raises
    ------
    SpectrumError
        As :meth:`Readers.read_tables`.
    """
    if len(data) <= SMALL_BYTES and not data.startswith(_GZIP):
        return read_tables(data, name=name)
    return readers().read_tables(data, name, owner()[1])

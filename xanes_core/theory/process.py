"""Run programs and Python functions in processes that can be stopped at any moment.

A Python function runs in a fresh interpreter that never imports the caller's main script, so
neither a dashboard nor a notebook needs a guard; its argument and result travel as JSON. Each
process leads its own group: killing the group also ends what the process has started.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from xanes_core.errors import TheoryError
from xanes_core.theory.scratch import scratch_folder
from xanes_core.theory.watch import Watch

#: How often (s) a running process is looked at.
POLL_S = 0.1
#: Last lines of an engine's log that a result keeps.
LOG_LINES = 40
#: FEFF10 frees its large arrays in each step and asks for them again. The GNU C library would give
#: them back to the kernel in between, which costs up to half of the time of a large complex: keep
#: them (32 MiB is the most that its older versions take as a threshold).
_KEEP_MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024**2),
    "MALLOC_TRIM_THRESHOLD_": str(1024**3),
}
_WORKER = Path(__file__).with_name("worker.py")


class WorkerFailed(TheoryError):
    """The function raised, or its process died.

    Attributes
    ----------
    error_type : str
        Name of the exception; empty where the process died.
    """

    def __init__(self, message: str, error_type: str = "") -> None:
        super().__init__(message)
        self.error_type = error_type


@contextlib.contextmanager
def working_folder(work_dir: str | Path | None) -> Iterator[Path]:
    """Folder of a run: a temporary one, or an empty one of the caller's that stays.

    Raises
    ------
    TheoryError
        The folder is not empty, or cannot be made.
    """
    if work_dir is None:
        with scratch_folder() as folder:
            yield folder
        return
    folder = Path(work_dir).resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        empty = not any(folder.iterdir())
    except OSError as error:
        raise TheoryError(
            f"the working folder cannot be used ({error.strerror}): choose another"
        ) from error
    if not empty:
        raise TheoryError("the working folder is not empty: give an empty or a new one")
    yield folder


def read_if_there(path: Path) -> str:
    """Text of a file that another program writes; empty where there is none."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and everything it started. Safe on one that has ended."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    process.wait()


def _environment() -> dict[str, str]:
    """Environment of a child: this interpreter's import path, our settings where none are made."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)}
    for name, value in {"OMP_NUM_THREADS": "1", **_KEEP_MEMORY}.items():
        env.setdefault(name, value)
    return env


def run_program(
    command: list[str],
    *,
    folder: Path,
    log: Path,
    watch: Watch,
    on_tick: Callable[[], None] | None = None,
) -> int:
    """Run a program in a folder, its output into a log, and return its exit code.

    Raises
    ------
    TheoryError
        The program cannot be started.
    TheoryCancelled, TheoryTimeout
        It was stopped; nothing of it runs on.
    """
    with open(log, "ab") as stream:
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise TheoryError(
                f"{watch.what} cannot be started ({error.strerror}): check that the program can "
                "be executed"
            ) from error
    try:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(POLL_S)
            watch.check()
            if on_tick is not None:
                on_tick()
    finally:
        _kill(process)


def run_function(
    function: Callable[[Any, Callable[[Any], None]], Any],
    job: Any,
    *,
    log: Path,
    watch: Watch,
    on_message: Callable[[Any], None] | None = None,
    on_tick: Callable[[], None] | None = None,
) -> Any:
    """Call ``function(job, report)`` in a process of its own and return what it returns.

    Parameters
    ----------
    function : callable
        Module-level function of a Python file; its file is run afresh over there.
    job : JSON
        Its first argument. The second, ``report``, sends JSON to ``on_message``.
    log : Path
        File that takes everything printed over there, by Fortran too.
    watch : Watch
        Time limit and cancellation.
    on_message, on_tick : callable, optional
        Called here, in this thread: with each message, and about ten times a second.

    Raises
    ------
    WorkerFailed
        The function raised, or its process died.
    TheoryCancelled, TheoryTimeout
        It was stopped; nothing of it runs on.
    """
    order = {
        "file": function.__code__.co_filename,
        "function": function.__name__,
        "job": job,
        "log": str(log),
    }
    process = subprocess.Popen(
        [sys.executable, "-P", str(_WORKER)],
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    # both are pipes, so neither is None
    stdin, stdout = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    try:
        with contextlib.suppress(BrokenPipeError):
            stdin.write(json.dumps(order).encode() + b"\n")
            stdin.flush()
        for message in _messages(stdout, watch, on_tick):
            if message["kind"] == "result":
                return message["content"]
            if message["kind"] == "error":
                raise WorkerFailed(message["content"]["text"], message["content"]["type"])
            if on_message is not None:
                on_message(message["content"])
        code = process.wait()
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        raise WorkerFailed(f"{watch.what}: the worker process ended {how}")
    finally:
        _kill(process)
        for stream in (stdin, stdout):
            with contextlib.suppress(OSError):
                stream.close()


def _messages(
    stdout: IO[bytes], watch: Watch, on_tick: Callable[[], None] | None
) -> Iterator[dict[str, Any]]:
    """Messages of a worker until its end, the watch checked in between."""
    lines: queue.Queue[bytes | None] = queue.Queue()

    def read() -> None:
        with contextlib.suppress(ValueError, OSError):
            for line in stdout:
                lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        watch.check()
        try:
            line = lines.get(timeout=POLL_S)
        except queue.Empty:
            if on_tick is not None:
                on_tick()
            continue
        if line is None:
            return
        yield json.loads(line)

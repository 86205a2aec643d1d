"""Start of a worker process: one job in, messages and one result out.

Run as a script by :mod:`xanes_core.theory.process`, never imported by it. It imports nothing of
the library, so it starts at once, and it moves file descriptors 1 and 2 into a log before the job
runs: what a Fortran program prints ends there. The job is one line of JSON on standard input, which
then stays open: its end means that the parent is gone, and the worker ends with all its children.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any


def _end_with_parent() -> None:
    """Wait for the end of standard input, then end this process and its children."""
    while os.read(0, 4096):
        pass
    if hasattr(os, "killpg") and os.getpgid(0) == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def _load(path: str, name: str) -> Callable[[Any, Callable[[Any], None]], Any]:
    """Return the function ``name`` of the Python file ``path``."""
    spec = importlib.util.spec_from_file_location("xanes_worker_job", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    function: Callable[[Any, Callable[[Any], None]], Any] = getattr(module, name)
    return function


def _read_line() -> bytes:
    """First line of standard input, read without taking more than the pipe gives."""
    parts: list[bytes] = []
    while not parts or b"\n" not in parts[-1]:
        part = os.read(0, 65536)
        if not part:
            raise SystemExit("no job was sent")
        parts.append(part)
    return b"".join(parts).partition(b"\n")[0]


def main() -> None:
    """Do the job that stands on standard input."""
    order = json.loads(_read_line())
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def send(kind: str, content: object) -> None:
        channel.write(json.dumps({"kind": kind, "content": content}) + "\n")
        channel.flush()

    try:
        function = _load(order["file"], order["function"])
        result = function(order["job"], lambda message: send("message", message))
        send("result", result)
    except BaseException as error:
        traceback.print_exc()
        send("error", {"type": type(error).__name__, "text": str(error)})
    channel.close()
    # Fortran libraries may hang while the interpreter takes them down; everything is said.
    os._exit(0)


if __name__ == "__main__":
    main()

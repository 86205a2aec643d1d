"""Process in which uploaded files are read: bytes in, plain numbers out, again and again.

Run as a script by :mod:`pages.parts.shared.guard`, never imported by it. An answer is a length of
text and one of numbers, JSON, then arrays of fixed types: what a hostile file may have made of this
process is data to the other side, never an object.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from xanes_core.errors import XanesError
from xanes_core.spectra import read_tables
from xanes_core.structures import read_structures

#: JSON, and the bytes of arrays.
Answer = tuple[dict[str, Any], bytes]
#: Lengths of the two parts of a message (bytes): text, then data.
LENGTHS = struct.Struct("<QQ")


def main() -> None:
    """Read files until the other side closes the pipe."""
    channel = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints must not get among the answers
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    read_structures(b"1\n\nFe 0 0 0\n", name="warm.xyz")
    _limit_memory(int(sys.argv[1]))
    _write(channel, {"ready": True}, b"")
    while True:
        text, data = (_read(0, length) for length in LENGTHS.unpack(_read(0, LENGTHS.size)))
        order = json.loads(text)
        said, numbers = _answer(_KINDS[order["kind"]], order["name"], data)
        _write(channel, said, numbers)


def _answer(read: Callable[[str, bytes], Answer], name: str, data: bytes) -> Answer:
    try:
        return read(name, data)
    except XanesError as error:
        if isinstance(error.__cause__, MemoryError):
            return {"memory": True}, b""
        return {"error": str(error)}, b""
    except MemoryError:
        return {"memory": True}, b""
    except Exception:  # a reader may fail in ways nobody foresaw
        return {"failed": True}, b""


def _structures(name: str, data: bytes) -> Answer:
    """Atomic numbers (int32), positions and cells (A, float64) of all frames, one after another."""
    frames = read_structures(data, name=name)
    said = {
        "counts": [len(atoms) for atoms in frames],
        "pbc": [atoms.pbc.tolist() for atoms in frames],
        "info": [dict(atoms.info) for atoms in frames],
    }
    numbers = np.concatenate([atoms.numbers for atoms in frames]).astype("<i4")
    positions = np.concatenate([atoms.positions for atoms in frames]).astype("<f8")
    cells = np.array([atoms.cell.array for atoms in frames]).astype("<f8")
    return said, numbers.tobytes() + positions.tobytes() + cells.tobytes()


def _spectra(name: str, data: bytes) -> Answer:
    """Values (float64) of the tables of a file, one after another."""
    tables = read_tables(data, name=name)
    said = [
        {
            "key": key,
            "names": table.names,
            "units": table.units,
            "named": table.named,
            "headers": dict(table.headers),
            "notes": table.notes,
            "source_format": table.source_format,
            "lead": table.lead,
            "shape": table.values.shape,
        }
        for key, table in tables.items()
    ]
    values = [np.ascontiguousarray(table.values, "<f8").tobytes() for table in tables.values()]
    return {"tables": said}, b"".join(values)


_KINDS = {"structures": _structures, "spectra": _spectra}


def _limit_memory(n_bytes: int) -> None:
    """Allow so much memory beyond what is taken already; where the system knows such limits."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # not on every system

        with open("/proc/self/statm", encoding="ascii") as stream:
            taken = int(stream.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + n_bytes, taken + n_bytes))


def _end_with_parent(parent: int) -> None:
    """End this process soon after the one that started it, also amid a long file."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _read(descriptor: int, length: int) -> bytes:
    parts, left = [], length
    while left:
        part = os.read(descriptor, min(left, 1024 * 1024))
        if not part:
            os._exit(0)  # the other side is gone
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _write(descriptor: int, said: dict[str, Any], data: bytes) -> None:
    text = json.dumps(said).encode()
    with contextlib.suppress(BrokenPipeError):
        for part in (LENGTHS.pack(len(text), len(data)), text, data):
            view = memoryview(part)
            while view:
                view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    main()

"""What every command says to a person, and how."""

from __future__ import annotations

import sys
from pathlib import Path

from xanes_core.errors import XanesError
from xanes_core.files import write_bytes

#: Exit status when anything was wrong with the input.
BAD_INPUT = 2


def write_out(target: Path, data: bytes) -> None:
    """Write a file that ``--out`` names; an XanesError where that cannot be."""
    try:
        write_bytes(target, data)
    except OSError as error:
        raise XanesError(
            f"cannot write {target} ({error.strerror}); choose another --out"
        ) from error


def complain(message: str, file: str | None = None) -> None:
    """Write one line to standard error, whatever the message or the file name contain."""
    text = f"{file}: {message}" if file else message
    line = " ".join(text.split())
    print("".join(c if c.isprintable() else "?" for c in line), file=sys.stderr)

"""Progress and interruption of commands that calculate for hours."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from xanes_core.dataset.run import Spread, Stop
from xanes_core.dataset.task import ComplexOutcome
from xanes_core.errors import XanesError
from xanes_core.files import write_bytes

#: Exit status when anything was wrong with the input.
BAD_INPUT = 2


class Bar:
    """Progress on standard error, with a line above it for each complex."""

    def __init__(self) -> None:
        self.bar = tqdm(unit=" complexes", file=sys.stderr, dynamic_ncols=True, smoothing=0.1)

    def plan(self, total: int) -> None:
        """Say how many are to come."""
        self.bar.reset(total)

    def show(self, outcome: ComplexOutcome) -> None:
        """Write one line for a complex and move on."""
        name = outcome.task.name
        if outcome.record is None:
            line = f"{name} failed ({outcome.stage}): {outcome.reason}"
        else:
            info, atoms = outcome.task.info, outcome.task.atoms
            told = f"{info.get('template', '')} {len(atoms)} atoms {outcome.seconds:.0f} s"
            notes = [curve.note for curve in outcome.record.curves.values() if curve.note]
            line = " ".join([name, told, *notes])
            self.bar.update()
        line = "".join(c if c.isprintable() else "?" for c in " ".join(line.split()))
        self.bar.write(line[:200], file=sys.stderr)


@contextmanager
def progress_bar() -> Iterator[Bar]:
    """A :class:`Bar` that is closed whatever happens."""
    shown = Bar()
    try:
        yield shown
    finally:
        shown.bar.close()


@contextmanager
def stoppable(spread: Spread) -> Iterator[Stop]:
    """Let Ctrl-C and SIGTERM end the run in good order; a second one ends it at once.

    Threads end their calculations when they are told; other processes cannot be told, and are
    ended by joblib when it sees the interruption.
    """
    stop = Stop()

    def end(number: int, frame: object) -> None:
        again = stop.event.is_set()
        stop.event.set()
        if again or spread.backend != "threading":
            raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _write(target: Path, data: bytes) -> None:
    try:
        write_bytes(target, data)
    except OSError as error:
        raise XanesError(
            f"cannot write {target} ({error.strerror}); choose another --out"
        ) from error


def _complain(message: str, file: str | None = None) -> None:
    """Write one line to standard error, whatever the message or the file name contain."""
    text = f"{file}: {message}" if file else message
    line = " ".join(text.split())
    print("".join(c if c.isprintable() else "?" for c in line), file=sys.stderr)

"""How a run is followed and stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xanes_core.errors import TheoryCancelled, TheoryError, TheoryTimeout


@dataclass(frozen=True)
class Progress:
    """Where a run is.

    ``stage`` is a phrase for people, ``done`` of ``total`` stages are finished, ``elapsed_s`` is
    the time since the start (s) and ``detail`` what the stage itself reports, often empty.
    """

    stage: str
    done: int
    total: int
    elapsed_s: float
    detail: str = ""


#: Set, or returning true, when the run is to stop.
Cancel = threading.Event | Callable[[], bool] | None
OnProgress = Callable[[Progress], None] | None


def is_cancelled(cancel: Cancel) -> bool:
    """Whether an event is set or a callable says stop; None never does."""
    if cancel is None:
        return False
    return cancel.is_set() if isinstance(cancel, threading.Event) else bool(cancel())


@dataclass(frozen=True)
class RunOptions:
    """How a run is followed and stopped, and where it keeps its files.

    Attributes
    ----------
    on_progress : callable, optional
        Called in the caller's thread with a :class:`Progress` whenever the run gets further.
    cancel : threading.Event or callable, optional
        Set, or returning true, when the run is to stop; checked ten times a second.
    time_limit_s : float, optional
        For the whole run (s); what the engine allows if left out.
    work_dir : path, optional
        Empty folder that keeps the program's files; a temporary one if left out.
    """

    on_progress: OnProgress = None
    cancel: Cancel = None
    time_limit_s: float | None = None
    work_dir: str | Path | None = None


class Watch:
    """Time limit, cancellation and progress of one run, shared by its steps.

    Parameters
    ----------
    what : str
        Name of the run in messages.
    time_limit_s : float
        Seconds from now.
    cancel : threading.Event, callable or None
        Checked as often as the run is looked at.
    on_progress : callable, optional
        Called with a :class:`Progress` whenever the run gets further.

    Raises
    ------
    TheoryError
        A time limit that is not a positive number.
    """

    def __init__(
        self,
        what: str,
        time_limit_s: float,
        cancel: Cancel = None,
        on_progress: OnProgress = None,
    ) -> None:
        if not (isinstance(time_limit_s, int | float) and time_limit_s > 0):
            raise TheoryError(f"the time limit must be positive, in seconds; got {time_limit_s!r}")
        self.what = what
        self.time_limit_s = float(time_limit_s)
        self.cancel = cancel
        self.on_progress = on_progress
        self.start = time.monotonic()
        #: Where the run is, for the message when it is stopped.
        self.stage = ""

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.start

    def report(self, stage: str, done: int, total: int, detail: str = "") -> None:
        """Keep where the run is, and tell whoever follows it."""
        self.stage = stage
        if self.on_progress is not None:
            self.on_progress(Progress(stage, done, total, self.elapsed_s, detail))

    def check(self) -> None:
        """Raise TheoryCancelled or TheoryTimeout when it is time to stop."""
        where = f" (at: {self.stage})" if self.stage else ""
        if is_cancelled(self.cancel):
            raise TheoryCancelled(f"{self.what} was cancelled{where}")
        if self.elapsed_s > self.time_limit_s:
            raise TheoryTimeout(
                f"{self.what} did not finish within {self.time_limit_s:g} s{where}: allow more "
                "time or make the calculation smaller"
            )

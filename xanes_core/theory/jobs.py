"""Calculations in the background: one per owner, few at a time, the others wait in line.

A job is a thread; its work runs in child processes (see :mod:`xanes_core.theory.process`), so the
thread only waits, and stopping it ends them. Nothing here depends on what is calculated.
"""

from __future__ import annotations

import atexit
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from xanes_core.errors import TheoryCancelled, TheoryError, XanesError
from xanes_core.theory.scratch import sweep
from xanes_core.theory.watch import Progress

Status = Literal["waiting", "running", "finished", "failed", "cancelled"]
#: A job does its work with two callables: to report progress, and to ask whether to stop.
Work = Callable[[Callable[[Progress], None], Callable[[], bool]], Any]

#: Environment variables: jobs at the same time, jobs that may wait for their turn, and jobs that
#: may begin within an hour, of one owner and of all.
JOBS_VARIABLE = "XANES_MAX_JOBS"
WAITING_VARIABLE = "XANES_MAX_WAITING"
OWNER_VARIABLE = "XANES_JOBS_PER_SESSION"
SERVER_VARIABLE = "XANES_JOBS_PER_HOUR"
#: Jobs that may wait where nothing else is said.
MAX_WAITING = 50
#: Jobs of one owner within an hour where nothing else is said: one a minute, as fast as they run.
MAX_PER_OWNER = 60
#: Seconds for which the owner of a job may be gone (a lost connection) before the job ends.
GRACE_S = 60.0
_LOOK_S = 0.2


@dataclass(frozen=True)
class JobState:
    """Where a job is at one moment.

    Attributes
    ----------
    status : {"waiting", "running", "finished", "failed", "cancelled"}
        The last three are final.
    ahead : int
        Jobs to end before a waiting one may run.
    progress : Progress or None
        What the work reported last.
    elapsed_s : float
        Time since the work began (s), until its end.
    message : str
        Why it failed or where it was cancelled; empty otherwise.
    """

    status: Status
    ahead: int = 0
    progress: Progress | None = None
    elapsed_s: float = 0.0
    message: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in ("finished", "failed", "cancelled")


class Job:
    """One calculation; made by :meth:`JobRunner.submit`. Safe to use from any thread.

    Attributes
    ----------
    title : str
        What it is, for people.
    tag : Any
        Whatever the owner wants to remember about it.
    result : Any
        What the work returned; None before and where it failed.
    """

    def __init__(self, title: str, tag: Any, alive: Callable[[], bool], grace_s: float) -> None:
        self.title = title
        self.tag = tag
        self.result: Any = None
        self._alive = alive
        self._grace_s = grace_s
        self._seen_s = time.monotonic()
        self._cancel = threading.Event()
        self._status: Status = "waiting"
        self._message = ""
        self._progress: Progress | None = None
        self._start_s: float | None = None
        self._end_s: float | None = None
        self._ahead: Callable[[], int] = lambda: 0

    def state(self) -> JobState:
        """Where it is now."""
        start = self._start_s
        end = time.monotonic() if self._end_s is None else self._end_s
        status = self._status
        return JobState(
            status,
            self._ahead() if status == "waiting" else 0,
            self._progress,
            0.0 if start is None else end - start,
            self._message,
        )

    def cancel(self) -> None:
        """Ask it to stop; it does so within a fraction of a second."""
        self._cancel.set()

    def should_stop(self) -> bool:
        """Whether it was cancelled, or its owner has been gone for longer than the grace."""
        now = time.monotonic()
        if self._alive():
            self._seen_s = now
        return self._cancel.is_set() or now - self._seen_s > self._grace_s

    def _begin(self) -> None:
        self._start_s = time.monotonic()
        self._status = "running"

    def _report(self, progress: Progress) -> None:
        self._progress = progress

    def _do(self, work: Work) -> None:
        """Do the work; whatever happens ends as a status and a sentence."""
        status: Status = "failed"
        try:
            self.result = work(self._report, self.should_stop)
            status = "finished"
        except TheoryCancelled as error:
            status, self._message = "cancelled", str(error)
        except XanesError as error:
            self._message = str(error)
        except Exception as error:  # a thread that dies without a word would look like a long run
            self._message = f"the calculation broke off unexpectedly ({type(error).__name__})"
        finally:
            self._finish(status)

    def _finish(self, status: Status, message: str = "") -> None:
        self._end_s = time.monotonic()
        self._message = message or self._message
        self._status = status


@dataclass(frozen=True)
class Quotas:
    """How many jobs may begin within a time.

    Attributes
    ----------
    per_owner, per_server : int or None
        Jobs of one owner, and of all owners together; None for no limit.
    window_s : float
        The time (s).
    """

    per_owner: int | None = MAX_PER_OWNER
    per_server: int | None = None
    window_s: float = 3600.0

    @classmethod
    def of_environment(cls) -> Quotas:
        """Those of ``XANES_JOBS_PER_SESSION`` and ``XANES_JOBS_PER_HOUR``; 0 is no limit."""
        return cls(
            _number(OWNER_VARIABLE, MAX_PER_OWNER) or None, _number(SERVER_VARIABLE, 0) or None
        )


class JobRunner:
    """Runs jobs in the order in which they came.

    Parameters
    ----------
    max_running : int, optional
        Jobs at the same time; :func:`default_max_running` if left out.
    max_waiting : int, optional
        Jobs that may wait.
    grace_s : float, optional
        How long (s) the owner of a job may be gone.
    quotas : Quotas, optional
        How many may begin within an hour; those of the environment if left out.
    """

    def __init__(
        self,
        max_running: int | None = None,
        *,
        max_waiting: int | None = None,
        grace_s: float = GRACE_S,
        quotas: Quotas | None = None,
    ) -> None:
        self.max_running = default_max_running() if max_running is None else max_running
        self.max_waiting = (
            _number(WAITING_VARIABLE, MAX_WAITING) if max_waiting is None else max_waiting
        )
        self.grace_s = grace_s
        self.quotas = Quotas.of_environment() if quotas is None else quotas
        self._changed = threading.Condition()
        # owners and jobs by arrival; the first `max_running` may run
        self._line: list[tuple[str, Job]] = []
        sweep()  # what a server that was killed left of its calculations
        # when jobs were taken on within the window of the quotas, and whose they were
        self._taken: deque[tuple[float, str]] = deque()
        atexit.register(self.close)  # a program on the PATH would outlive this process

    def submit(
        self,
        work: Work,
        *,
        owner: str,
        title: str,
        tag: Any = None,
        alive: Callable[[], bool] = lambda: True,
    ) -> Job:
        """Start a job, or put it in line.

        Parameters
        ----------
        work : callable
            ``work(report, should_stop)``; its value is the job's result. A
            :class:`~xanes_core.errors.TheoryCancelled` ends the job as cancelled, any other
            error of the library as failed, with its sentence.
        owner : str
            Who it belongs to; each may have one that has not ended.
        title, tag
            Kept with the job.
        alive : callable, optional
            Whether the owner is still there; asked often, so it has to be quick.

        Raises
        ------
        TheoryError
            The owner has a job already, too many are waiting, or a quota is met.
        """
        job = Job(title, tag, alive, self.grace_s)
        with self._changed:
            if any(name == owner and not job.state().ended for name, job in self._line):
                raise TheoryError("another calculation of yours has not ended: wait, or cancel it")
            if len(self._line) >= self.max_running + self.max_waiting:
                raise TheoryError(
                    f"{self.max_waiting} calculations are waiting already: try again later, or "
                    "download the input and run it elsewhere"
                )
            self._keep_quotas(owner)
            self._line.append((owner, job))
            job._ahead = lambda: max(self._place(job) - self.max_running + 1, 0)
        threading.Thread(target=self._live, args=(job, work), daemon=True).start()
        return job

    def job_of(self, owner: str) -> Job | None:
        """The job of an owner that has not ended; None where there is none."""
        found = (job for name, job in tuple(self._line) if name == owner)
        return next((job for job in found if not job.state().ended), None)

    def _keep_quotas(self, owner: str) -> None:
        """Count a job that is taken on; a TheoryError where its owner or the server had enough."""
        now, quotas = time.monotonic(), self.quotas
        while self._taken and now - self._taken[0][0] >= quotas.window_s:
            self._taken.popleft()
        own = [taken_s for taken_s, name in self._taken if name == owner]
        everyone = [taken_s for taken_s, _ in self._taken]
        for times, most, whose in (
            (own, quotas.per_owner, "for each session"),
            (everyone, quotas.per_server, "for all people together"),
        ):
            if most is not None and len(times) >= most:
                wait_min = math.ceil((times[-most] + quotas.window_s - now) / 60)
                raise TheoryError(
                    f"this server begins {most} calculations an hour {whose}, and they are used "
                    f"up: try again in {wait_min} min, or download the input and run it elsewhere"
                )
        self._taken.append((now, owner))

    def close(self) -> None:
        """Cancel every job and wait a moment for their processes to end."""
        with self._changed:
            for _, job in self._line:
                job.cancel()
            self._changed.wait_for(lambda: not self._line, timeout=3.0)

    def _place(self, job: Job) -> int:
        """Number of jobs before this one; those that have ended count no more."""
        return next((i for i, (_, other) in enumerate(tuple(self._line)) if other is job), 0)

    def _live(self, job: Job, work: Work) -> None:
        try:
            with self._changed:
                while self._place(job) >= self.max_running and not job.should_stop():
                    self._changed.wait(_LOOK_S)
            if job.should_stop():
                job._finish("cancelled", "cancelled before it began")
                return
            job._begin()
            job._do(work)
        finally:
            with self._changed:
                self._line = [entry for entry in self._line if entry[1] is not job]
                self._changed.notify_all()


def default_max_running() -> int:
    """Jobs at the same time: ``XANES_MAX_JOBS`` where it is a number, else all processors but one.

    One processor is left to the pages.
    """
    return max(_number(JOBS_VARIABLE, (os.cpu_count() or 1) - 1), 1)


def _number(variable: str, otherwise: int) -> int:
    """Whole number that an environment variable holds; `otherwise` where it holds none."""
    named = os.environ.get(variable, "")
    return int(named) if named.isdecimal() else otherwise

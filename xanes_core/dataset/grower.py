"""The loop of a growing training set: hand out tasks, store what comes back, list what failed."""

from __future__ import annotations

import contextlib
import importlib.util
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice, zip_longest
from typing import Any

from joblib import Parallel, delayed, parallel_config

from xanes_core.dataset.store import FAILURES_FILE, Store
from xanes_core.dataset.task import Outcome, Stop, Task, Tools, run_task
from xanes_core.errors import DatasetError

#: Tasks that are handed out at once, per job: many, for cores idle at the end of a round.
ROUND = 48
#: Candidates in a row that are all known, or cannot be assembled, before a source counts as empty.
MAX_KNOWN = 2000
#: Failures in a row after which a run is thought to be broken.
MAX_FAILURES = 40

OnOutcome = Callable[[Outcome], None]
OnPlan = Callable[[int], None]
BACKENDS = ("threading", "loky", "dask")


@dataclass
class GrowReport:
    """What a run did.

    Attributes
    ----------
    stored, failed : collections.Counter
        New records and failures by element.
    before : int
        Records that were there.
    exhausted : list of str
        Elements for which no further new complex was found.
    stopped : bool
        Whether it was stopped before its end.
    """

    stored: Counter = field(default_factory=Counter)
    failed: Counter = field(default_factory=Counter)
    before: int = 0
    exhausted: list[str] = field(default_factory=list)
    stopped: bool = False


@dataclass
class Known:
    """What is not to be done again: names of records and of failures, identities of both."""

    names: set[str]
    failed: set[str]
    identities: set[str]

    @classmethod
    def of(cls, store: Store) -> Known:
        """What a training set has, packed or waiting, and what failed.

        Raises
        ------
        DatasetError
            A file of the set is damaged.
        """
        stored, failures = store.records(), store.failures()
        told = [record.info.get("identity") for record in stored]
        told += [failure.get("identity") for failure in failures]
        return cls(
            names={record.name for record in stored},
            failed={failure["name"] for failure in failures},
            identities={identity for identity in told if identity},
        )


class Grower:
    """Takes tasks from sources, one per element, until each element has what it should have.

    Parameters
    ----------
    store : Store
        The training set.
    spread : Spread
        Where tasks run.
    tools : Tools
        What calculates.
    stop : Stop
        Ends it early.
    on_outcome : callable, optional
        Called here with each :class:`~xanes_core.dataset.task.Outcome`.
    known : Known, optional
        What is not to be done again; what the set knows if left out.
    """

    def __init__(
        self,
        store: Store,
        spread: Spread,
        tools: Tools,
        stop: Stop,
        on_outcome: OnOutcome | None = None,
        *,
        known: Known | None = None,
    ) -> None:
        self.store, self.spread, self.stop = store, spread, stop
        self.known = Known.of(store) if known is None else known
        self.report = GrowReport()
        self._work = partial(run_task, tools=tools, stop=stop)
        self._on_outcome = on_outcome or (lambda outcome: None)
        self._in_a_row = 0
        self._group: dict[str, str] = {}

    def run(self, sources: dict[str, Iterable[Outcome | Task]], missing: dict[str, int]) -> None:
        """Do tasks until no element misses records any more, or the sources are empty.

        Parameters
        ----------
        sources : dict of str to iterable of Task or Outcome
            By element, or by any other group.
        missing : dict of str to int
            New records wanted, by the same.

        Raises
        ------
        DatasetError
            A machine lacks a program or disk space; 40 complexes failed in a row.
        """
        streams = {element: iter(source) for element, source in sources.items()}
        missing = dict(missing)
        try:
            with self.spread.workers() as spread:
                while not self.stop.event.is_set():
                    batch = self._next_round(streams, missing)
                    if not batch:
                        break
                    with closing(spread(self._work, batch)) as outcomes:
                        for outcome in outcomes:
                            missing[self._group[outcome.task.name]] -= self._take(outcome)
        except KeyboardInterrupt:
            self.stop.event.set()
        except DatasetError:
            self.stop.event.set()  # the threads that still calculate end with it
            raise
        self.report.stopped = self.stop.event.is_set()

    def run_list(
        self, tasks: Iterable[Task], lacking: int, count: int | None, on_plan: OnPlan | None
    ) -> None:
        """Do the tasks of one source: ``count`` of those that are lacking, all for None."""
        wanted = lacking if count is None else min(count, lacking)
        if on_plan is not None:
            on_plan(wanted)
        self.run({"all": tasks}, {"all": wanted})

    def _next_round(
        self, streams: dict[str, Iterator[Outcome | Task]], missing: dict[str, int]
    ) -> list[Task]:
        """Return fresh tasks, the elements in turn: no more than can be needed."""
        room = ROUND * max(1, self.spread.n_jobs)
        by_element = []
        for element, stream in streams.items():
            wanted = min(missing[element], -(-room // len(streams)))
            tasks = list(islice(self._fresh(stream), wanted))
            self._group.update((task.name, element) for task in tasks)
            if len(tasks) < wanted and element not in self.report.exhausted:
                self.report.exhausted.append(element)
            by_element.append(tasks)
        mixed = chain.from_iterable(zip_longest(*by_element))
        return [task for task in mixed if task is not None]

    def _fresh(self, stream: Iterator[Outcome | Task]) -> Iterator[Task]:
        """Tasks that nobody has done; ends after many in a row that are known."""
        known = 0
        for item in stream:
            if self.stop.event.is_set() or known > MAX_KNOWN:
                return
            known += 1
            task = item.task if isinstance(item, Outcome) else item
            if task.name in self.known.names or task.name in self.known.failed:
                continue
            if isinstance(item, Outcome):
                self._take(item)
            elif task.identity not in self.known.identities:
                self.known.identities.add(task.identity)
                known = 0
                yield task

    def _take(self, outcome: Outcome) -> bool:
        """Store what came back; whether it is a new record."""
        if outcome.stage == "stopped":
            return False
        if outcome.stage == "setup":
            raise DatasetError(f"nothing can be calculated: {outcome.reason}")
        if outcome.record is not None:
            self.store.write(outcome.record)
            self.known.names.add(outcome.task.name)
            self.report.stored[outcome.task.element] += 1
            self._in_a_row = 0
        else:
            self.store.add_failure(outcome.as_failure())
            self.known.failed.add(outcome.task.name)
            self.report.failed[outcome.task.element] += 1
            self._in_a_row += 1
        self._on_outcome(outcome)
        if self._in_a_row >= MAX_FAILURES:
            raise DatasetError(
                f"{MAX_FAILURES} complexes failed in a row, the last one at the stage "
                f"{outcome.stage}: {outcome.reason}; see {FAILURES_FILE}"
            )
        return outcome.record is not None


@dataclass(frozen=True)
class Spread:
    """Where tasks run: a joblib backend, how many at once, and the address of a Dask scheduler."""

    backend: str = "threading"
    n_jobs: int = 1
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise DatasetError(
                f"there is no backend {self.backend!r}: choose {', '.join(BACKENDS)}"
            )
        if (self.scheduler is not None) != (self.backend == "dask"):
            raise DatasetError("a scheduler's address and the backend dask belong together")

    @contextlib.contextmanager
    def workers(self) -> Iterator[Callable[..., Iterator[Any]]]:
        """``run(function, tasks)``: what the function returns, in order of completion.

        Raises
        ------
        DatasetError
            Dask is not installed, or its scheduler does not answer.
        """
        with contextlib.ExitStack() as stack:
            options: dict[str, Any] = {"n_jobs": self.n_jobs}
            if self.backend == "dask":
                stack.enter_context(_dask_client(self.scheduler))
                options["n_jobs"] = -1  # the cluster knows how many
            stack.enter_context(parallel_config(backend=self.backend, **options))
            yield _run


def _run(function: Callable[[Any], Any], tasks: Iterable[Any]) -> Iterator[Any]:
    spread = Parallel(return_as="generator_unordered", batch_size=1)
    return spread(delayed(function)(task) for task in tasks)


def _dask_client(address: str) -> contextlib.AbstractContextManager:
    if importlib.util.find_spec("distributed") is None:
        raise DatasetError("the backend dask needs: pip install 'xanes-explorer[dask]'")
    from distributed import Client

    try:
        return Client(address, timeout=10)
    except (OSError, TimeoutError, ValueError) as error:
        raise DatasetError(
            f"no Dask scheduler answers at {address} ({type(error).__name__}): start one with "
            "`dask scheduler`, then workers with `dask worker ADDRESS`"
        ) from error

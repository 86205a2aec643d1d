"""The loop of a growing training set: hand out tasks, store what comes back, list what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice, zip_longest

from xanes_core.dataset.run import Run
from xanes_core.dataset.store import FAILURES_FILE, Store
from xanes_core.dataset.task import ComplexOutcome, ComplexTask, TaskStream, run_task
from xanes_core.errors import DatasetError
from xanes_core.theory import sweep


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

    stored: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
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
        identities = [record.info.get("identity") for record in stored]
        identities += [failure.get("identity") for failure in failures]
        return cls(
            names={record.name for record in stored},
            failed={failure["name"] for failure in failures},
            identities={identity for identity in identities if identity},
        )


class Grower:
    """Takes tasks from sources, one per element, until each element has what it should have.

    Parameters
    ----------
    store : Store
        The training set; new records wait where it says.
    run : Run
        How it is done.
    known : Known, optional
        What is not to be done again; what the set knows if left out.

    Raises
    ------
    DatasetError
        A file of the set is damaged.
    """

    def __init__(self, store: Store, run: Run, known: Known | None = None) -> None:
        self.store, self.run = store, run
        self.known = Known.of(store) if known is None else known
        self.report = GrowReport()
        self._in_a_row = 0
        self._group: dict[str, str] = {}

    def grow(self, sources: Mapping[str, TaskStream], missing: Mapping[str, int]) -> None:
        """Do tasks until no element misses records any more, or the sources are empty.

        Parameters
        ----------
        sources : dict of str to iterator of ComplexTask or ComplexOutcome
            By element, or by any other group.
        missing : dict of str to int
            New records wanted, by the same.

        Raises
        ------
        DatasetError
            A machine lacks a program or disk space; too many complexes failed in a row.
        """
        stop, missing = self.run.stop.event, dict(missing)
        sweep()  # what a killed run left of its calculations
        do_task = partial(run_task, tools=self.run.tools, stop=self.run.stop)
        self.run.on_plan(sum(missing.values()))
        try:
            with self.run.spread.workers() as work:
                while not stop.is_set():
                    tasks = self._next_round(sources, missing)
                    if not tasks:
                        break
                    with closing(work(do_task, tasks)) as outcomes:
                        for outcome in outcomes:
                            missing[self._group[outcome.task.name]] -= self._take(outcome)
        except KeyboardInterrupt:
            stop.set()
        except DatasetError:
            stop.set()  # the threads that still calculate end with it
            raise
        self.report.stopped = stop.is_set()

    def grow_list(self, tasks: Iterable[ComplexTask], lacking: int, count: int | None) -> None:
        """Do the tasks of one source: ``count`` of those that are lacking, all for None.

        Raises
        ------
        DatasetError
            As for :meth:`grow`.
        """
        self.grow({"all": iter(tasks)}, {"all": lacking if count is None else min(count, lacking)})

    def _next_round(
        self, sources: Mapping[str, TaskStream], missing: Mapping[str, int]
    ) -> list[ComplexTask]:
        """Return fresh tasks, the elements in turn: no more than can be needed."""
        room = self.run.round_size * max(1, self.run.spread.n_jobs)
        by_element = []
        for element, source in sources.items():
            wanted = min(missing[element], -(-room // len(sources)))
            tasks = list(islice(self._fresh(source), wanted))
            self._group.update((task.name, element) for task in tasks)
            if len(tasks) < wanted and element not in self.report.exhausted:
                self.report.exhausted.append(element)
            by_element.append(tasks)
        mixed = chain.from_iterable(zip_longest(*by_element))
        return [task for task in mixed if task is not None]

    def _fresh(self, source: TaskStream) -> Iterator[ComplexTask]:
        """Tasks that nobody has done; ends after many in a row that are known."""
        in_a_row = 0
        for item in source:
            if self.run.stop.event.is_set() or in_a_row > self.run.max_known:
                return
            in_a_row += 1
            task = item.task if isinstance(item, ComplexOutcome) else item
            if task.name in self.known.names or task.name in self.known.failed:
                continue
            if isinstance(item, ComplexOutcome):
                self._take(item)
            elif task.identity not in self.known.identities:
                self.known.identities.add(task.identity)
                in_a_row = 0
                yield task

    def _take(self, outcome: ComplexOutcome) -> bool:
        """Store what came back; whether it is a new record."""
        if outcome.stage == "stopped":
            return False
        if outcome.stage == "setup":
            raise DatasetError(
                f"nothing can be calculated: {outcome.reason}. Nothing is listed as failed for it; "
                "the same command goes on from here"
            )
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
        self.run.on_outcome(outcome)
        if self._in_a_row >= self.run.max_failures:
            raise DatasetError(
                f"{self.run.max_failures} complexes failed in a row, the last one at the stage "
                f"{outcome.stage}: {outcome.reason}; see {FAILURES_FILE}"
            )
        return outcome.record is not None

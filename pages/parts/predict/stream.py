"""Predictions of many structures, made behind the page and kept for the session.

A run goes over its tasks twice: first the spectra, some hundred a second, then the numbers read off
them with their spread over the networks, some forty a second. What is kept of a structure is small
(:func:`xanes_core.model.slim`), and is used again whatever is shown next.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from ase import Atoms

from pages.parts.predict.features import summary_columns
from xanes_core.errors import XanesError
from xanes_core.model import BatchResult, Prediction, SpectrumModel, predict_each, slim

#: Results kept in a session, about 10 kB each; the oldest go first.
MAX_KEPT = 6000
#: Structures predicted together: what a reader waits for after Stop.
_CHUNK = 16
#: Runs at one time: the pages of all readers stay quick.
_SLOTS = threading.BoundedSemaphore(max((os.cpu_count() or 2) // 2, 1))

TaskKey = tuple[str, int | str, str]


@dataclass(frozen=True, eq=False)
class Task:
    """One structure to predict: ``key`` is its hash, its absorber and its model."""

    key: TaskKey
    atoms: Atoms
    absorber: int | str


class Run:
    """Predictions of tasks, put into `known` as they are made."""

    def __init__(
        self,
        tasks: Sequence[Task],
        known: MutableMapping[TaskKey, BatchResult],
        models: Mapping[str, SpectrumModel],
        alive: Callable[[], bool] = lambda: True,
    ) -> None:
        unique = {task.key: task for task in tasks}
        self._tasks = sorted(unique.values(), key=lambda task: task.key[2])
        self._known, self._models, self._alive = known, models, alive
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        #: Whether every spectrum is there; numbers may be missing.
        self.spectra_done = False

    def start(self) -> None:
        """Work behind the page."""
        self._thread.start()

    def finish(self) -> None:
        """Work now, and return when it is done."""
        self._predict()

    def stop(self) -> None:
        """Make nothing more; what is done is kept."""
        self._stop.set()

    def wait(self, timeout_s: float) -> None:
        """Wait for the end of a run that was started."""
        self._thread.join(timeout_s)

    @property
    def running(self) -> bool:
        """Whether it works behind the page."""
        return self._thread.is_alive()

    def covers(self, keys: Sequence[TaskKey]) -> bool:
        """Whether all these are among its tasks."""
        return {task.key for task in self._tasks}.issuperset(keys)

    def progress(self) -> tuple[int, int, int]:
        """Spectra that are there, numbers that are there, and how many of each there will be."""
        found = [self._known.get(task.key) for task in self._tasks]
        spectra = sum(one is not None for one in found)
        return spectra, sum(is_complete(one) for one in found), len(found)

    def _work(self) -> None:
        with _SLOTS:
            self._predict()

    def _predict(self) -> None:
        for task, found in self._each(lambda one: one is None):
            error = str(found) if isinstance(found, XanesError) else ""
            spectrum = slim(found) if isinstance(found, Prediction) else None
            self._keep(task.key, BatchResult("", spectrum, error))
        self.spectra_done = not self._stopped()
        for task, found in self._each(lambda one: not is_complete(one)):
            if isinstance(found, Prediction):
                result = BatchResult("", slim(found), extra=summary_columns(found))
                self._keep(task.key, result)

    def _keep(self, key: TaskKey, result: BatchResult) -> None:
        self._known[key] = result
        while len(self._known) > MAX_KEPT:
            del self._known[next(iter(self._known))]

    def _each(
        self, wanted: Callable[[BatchResult | None], bool]
    ) -> Iterator[tuple[Task, Prediction | XanesError]]:
        """Predictions of the tasks whose result is wanted, until somebody stops it."""
        for model_key, own in groupby(self._tasks, key=lambda task: task.key[2]):
            tasks = [task for task in own if wanted(self._known.get(task.key))]
            pairs = ((task.atoms, task.absorber) for task in tasks)
            found = predict_each(self._models[model_key], pairs, chunk=_CHUNK)
            for task in tasks:
                if self._stopped():
                    return
                yield task, next(found)

    def _stopped(self) -> bool:
        return self._stop.is_set() or not self._alive()


def is_complete(result: BatchResult | None) -> bool:
    """Whether nothing more is to be found out: numbers are read, or there is no spectrum."""
    return result is not None and (result.prediction is None or bool(result.extra))


def named(result: BatchResult, name: str) -> BatchResult:
    """The result under the name of a file."""
    return replace(result, name=name)

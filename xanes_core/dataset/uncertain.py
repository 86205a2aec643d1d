"""Growing where the network is unsure: theory only for the most uncertain of a relaxed pool.

Complexes are taken one after the other: each time the one whose calibrated standard deviation,
averaged over the spectrum, times its distance to the nearest one taken before, in the space of
scaled features, is largest. Of five siblings only the first is still far from what is taken.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
from ase import Atoms
from scipy.spatial.distance import cdist

from xanes_core.dataset.grow import Growth, candidate_sources
from xanes_core.dataset.grower import Grower, GrowReport, Known
from xanes_core.dataset.pack import working_on
from xanes_core.dataset.run import Run, unwatched
from xanes_core.dataset.store import INCOMING, NewRecord, Store, read_record
from xanes_core.dataset.task import ComplexOutcome, ComplexTask, TaskStream
from xanes_core.errors import DatasetError
from xanes_core.model import SpectrumModel
from xanes_core.spectra import SpectrumKind

POOL = f"{INCOMING}/pool"
#: Complexes of the pool for each one that is wanted.
POOL_FACTOR = 4


def grow_uncertain(
    folder: str | Path,
    growth: Growth,
    model: SpectrumModel,
    run: Run | None = None,
    *,
    pool: int | None = None,
    on_pool: Callable[[int], None] = unwatched,
) -> GrowReport:
    """Grow a training set by those complexes of a pool on which a model is least sure.

    The pool waits in ``incoming/pool`` until all that is wanted of it is stored, so a run that was
    interrupted makes the same choice again.

    Parameters
    ----------
    folder, growth, run
        As for :func:`~xanes_core.dataset.grow.grow`.
    model : SpectrumModel
        Its calibrated uncertainty decides.
    pool : int, optional
        Complexes to relax in all; four times ``growth.count`` if left out.
    on_pool : callable, optional
        Called with the number of complexes that the pool still lacks.

    Raises
    ------
    DatasetError
        As there; the pool is not larger than what is wanted, or the model lacks an element.
    AssemblyError
        As there.
    """
    size = POOL_FACTOR * growth.count if pool is None else pool
    if size <= growth.count:
        raise DatasetError(f"a pool of {size} leaves no choice: make it larger than the count")
    lacking = sorted(set(growth.elements) - set(model.elements))
    if lacking:
        raise DatasetError(f"model {model.key} does not know {', '.join(lacking)}")
    run, wide = run or Run(), replace(growth, count=size)
    candidates = candidate_sources(wide, run)
    with working_on(folder, "grow") as store:
        relaxed = _relaxed_pool(store, wide, candidates, replace(run, on_plan=on_pool))
        grower = Grower(store, run)
        present = growth.present(grower.known.names)
        grower.report.before = present.total()
        if run.stop.event.is_set():
            grower.report.stopped = True
            return grower.report
        # the complexes of the pool are known as such; here their names decide
        grower.known.identities.clear()
        chosen = {element: _telling_first(tasks, model) for element, tasks in relaxed.items()}
        grower.grow(chosen, growth.missing(present))
        if not grower.report.stopped:
            shutil.rmtree(store.folder / POOL, ignore_errors=True)
    return grower.report


def _relaxed_pool(
    store: Store, growth: Growth, candidates: Mapping[str, TaskStream], run: Run
) -> dict[str, list[ComplexTask]]:
    """Relax what the pool lacks; theory for all of it by element, in the order of the names."""
    known, pool = Known.of(store), replace(store, inside=POOL)
    present = _pool_tasks(pool, growth)
    for task in chain.from_iterable(present.values()):
        known.names.add(task.name)
        known.identities.add(task.identity)
    missing = growth.missing({element: len(tasks) for element, tasks in present.items()})
    sources = {element: map(_without_theory, stream) for element, stream in candidates.items()}
    Grower(pool, run, known).grow(sources, missing)
    size = growth.targets()
    return {element: tasks[: size[element]] for element, tasks in _pool_tasks(pool, growth).items()}


def _pool_tasks(pool: Store, growth: Growth) -> dict[str, list[ComplexTask]]:
    """Theory for the relaxed complexes of the pool."""
    tasks: dict[str, list[ComplexTask]] = {element: [] for element in growth.elements}
    for path in pool.waiting():
        record = read_record(path)
        for element in growth.present([record.name]):
            if record.atoms is not None:
                tasks[element].append(_with_theory(record, record.atoms, element, growth.kinds))
    return tasks


def _with_theory(
    record: NewRecord, atoms: Atoms, element: str, kinds: tuple[SpectrumKind, ...]
) -> ComplexTask:
    info = {key: value for key, value in atoms.info.items() if key != "recipe"}
    return ComplexTask(
        name=record.name,
        element=element,
        identity=info["identity"],
        atoms=atoms,
        info=info,
        spectra=kinds,
        relaxes=False,
        recipe=record.recipe,
    )


def _without_theory(item: ComplexOutcome | ComplexTask) -> ComplexOutcome | ComplexTask:
    if isinstance(item, ComplexOutcome):
        return item
    return replace(item, spectra=(), info={**item.info, "strategy": "uncertain"})


def _telling_first(tasks: list[ComplexTask], model: SpectrumModel) -> Iterator[ComplexTask]:
    """The tasks of an element, those first that tell most."""
    if not tasks:
        return
    x = np.array([model.descriptor.transform(task.atoms, 0) for task in tasks])
    uncertainty = model.predict_features(x).std.mean(axis=1)
    for row in choose(uncertainty, model.ensemble.scaler.transform(x)):
        yield tasks[row]


def choose(uncertainty: np.ndarray, scaled: np.ndarray) -> list[int]:
    """Order in which to take samples that are uncertain and unlike each other.

    Parameters
    ----------
    uncertainty : numpy.ndarray, (n,)
        Not negative.
    scaled : numpy.ndarray, (n, d)
        Scaled features.

    Returns
    -------
    list of int
        All n rows: first the most uncertain one, then each time the one with the largest product
        of uncertainty and distance to the nearest of those before.
    """
    nearest = np.ones(len(uncertainty))
    free = np.ones(len(uncertainty), dtype=bool)
    order: list[int] = []
    for _ in range(len(uncertainty)):
        row = int(np.argmax(np.where(free, uncertainty * nearest, -np.inf)))
        distance = cdist(scaled, scaled[row : row + 1])[:, 0]
        nearest = np.minimum(nearest, distance) if order else distance
        free[row] = False
        order.append(row)
    return order

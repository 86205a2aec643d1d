"""Growing where the network is unsure: theory only for the most uncertain of a relaxed pool.

Complexes are taken one after the other: each time the one whose calibrated standard deviation,
averaged over the spectrum, times its distance to the nearest one taken before, in the space of
scaled features, is largest. Of five siblings only the first is still far from what is taken.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.spatial.distance import cdist

from xanes_core.dataset.assembly import Assembler
from xanes_core.dataset.grow import Growth, candidate_tasks, still_missing
from xanes_core.dataset.grower import Grower, GrowReport, Known, OnOutcome, OnPlan
from xanes_core.dataset.pack import working_on
from xanes_core.dataset.store import INCOMING, NewRecord, Store, read_record
from xanes_core.dataset.task import Outcome, Stop, Task, Tools
from xanes_core.errors import DatasetError
from xanes_core.model import SpectrumModel

POOL = f"{INCOMING}/pool"
#: Complexes of the pool for each one that is wanted.
POOL_FACTOR = 4


def grow_uncertain(
    folder: str | Path,
    growth: Growth,
    model: SpectrumModel,
    *,
    pool: int | None = None,
    tools: Tools | None = None,
    stop: Stop | None = None,
    on_pool: OnPlan | None = None,
    on_plan: OnPlan | None = None,
    on_outcome: OnOutcome | None = None,
    assembler: Assembler | None = None,
) -> GrowReport:
    """Grow a training set by those complexes of a pool on which a model is least sure.

    The pool waits in ``incoming/pool`` until all that is wanted of it is stored, so a run that was
    interrupted makes the same choice again.

    Parameters
    ----------
    model : SpectrumModel
        Its calibrated uncertainty decides.
    pool : int, optional
        Complexes to relax in all; four times ``growth.count`` if left out.
    on_pool : callable, optional
        Called with the number of complexes that the pool still lacks.
    folder, growth, tools, stop, on_plan, on_outcome, assembler
        As for :func:`~xanes_core.dataset.grow.grow`.

    Raises
    ------
    DatasetError
        As there; the pool is not larger than what is wanted, or the model lacks an element.
    """
    size = POOL_FACTOR * growth.count if pool is None else pool
    if size <= growth.count:
        raise DatasetError(f"a pool of {size} leaves no choice: make it larger than the count")
    lacking = sorted(set(growth.elements) - set(model.elements))
    if lacking:
        raise DatasetError(f"model {model.key} does not know {', '.join(lacking)}")
    assembler = Assembler(growth.shares, focus=growth.focus) if assembler is None else assembler
    tools, stop = tools or Tools(), stop or Stop()
    with working_on(folder, "grow") as store:
        spare = replace(growth, count=size).targets()
        relaxed = _fill(store, growth, spare, assembler, tools, stop, on_pool, on_outcome)
        grower = Grower(store, growth.spread, tools, stop, on_outcome)
        missing = still_missing(growth, grower)
        if stop.event.is_set():
            grower.report.stopped = True
            return grower.report
        # the complexes of the pool are known as such; here their names decide
        grower.known.identities.clear()
        if on_plan is not None:
            on_plan(sum(missing.values()))
        chosen = {
            element: _as_tasks(relaxed[element], model, growth.spectra)
            for element in growth.elements
        }
        grower.run(chosen, missing)
        if not grower.report.stopped:
            shutil.rmtree(store.folder / POOL, ignore_errors=True)
    return grower.report


def _fill(
    store: Store,
    growth: Growth,
    spare: dict[str, int],
    assembler: Assembler,
    tools: Tools,
    stop: Stop,
    on_pool: OnPlan | None,
    on_outcome: OnOutcome | None,
) -> dict[str, list[NewRecord]]:
    """Relax what the pool lacks; all of it by element, in the order of the names."""
    known, pool = Known.of(store), replace(store, inside=POOL)
    there = _pool(pool, growth)
    for record in (record for records in there.values() for record in records):
        known.names.add(record.name)
        known.identities.add(record.atoms.info["identity"])
    missing = {element: max(0, spare[element] - len(there[element])) for element in spare}
    if on_pool is not None:
        on_pool(sum(missing.values()))
    sources = {
        element: map(_without_theory, candidate_tasks(growth, element, assembler))
        for element in growth.elements
    }
    Grower(pool, growth.spread, tools, stop, on_outcome, known=known).run(sources, missing)
    relaxed = _pool(pool, growth)
    return {element: records[: spare[element]] for element, records in relaxed.items()}


def _pool(pool: Store, growth: Growth) -> dict[str, list[NewRecord]]:
    records = [read_record(path) for path in pool.waiting()]
    return {
        element: [r for r in records if r.name.startswith(f"{element}_{growth.seed}_")]
        for element in growth.elements
    }


def _without_theory(item: Outcome | Task) -> Outcome | Task:
    if isinstance(item, Outcome):
        return item
    return replace(item, spectra=(), info={**item.info, "strategy": "uncertain"})


def _as_tasks(
    records: list[NewRecord], model: SpectrumModel, spectra: tuple[str, ...]
) -> Iterator[Task]:
    """Theory for the relaxed complexes of an element, the most telling ones first."""
    if not records:
        return
    x = np.array([model.convention.transform(record.atoms, 0) for record in records])
    uncertainty = model.predict_features(x).std.mean(axis=1)
    for row in choose(uncertainty, model.ensemble.scaler.transform(x)):
        record = records[row]
        info = {key: value for key, value in record.atoms.info.items() if key != "recipe"}
        yield Task(
            name=record.name,
            element=record.atoms.get_chemical_symbols()[0],
            identity=info["identity"],
            atoms=record.atoms,
            info=info,
            spectra=spectra,
            relaxes=False,
            recipe=record.recipe,
        )


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

"""Learning curves: the error on a fixed held-out set against the number of training samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from xanes_core.errors import DatasetError
from xanes_core.model import Ensemble
from xanes_core.training.fitting import fit_ensemble
from xanes_core.training.recipes import TrainingData

#: Entry of a record's comment line that says how it was chosen, and what it may say.
STRATEGY, STRATEGIES = "strategy", ("random", "uncertain")
#: Fewest records of either strategy worth comparing.
MIN_RECORDS = 8


@dataclass(frozen=True)
class Subsets:
    """What a curve is measured on.

    Attributes
    ----------
    shares : tuple of float
        Parts of the training samples.
    n_repeats : int
        Random subsets averaged at each size.
    n_members : int
        Networks fitted to each subset, at most.
    """

    shares: tuple[float, ...] = (0.125, 0.25, 0.5, 0.75, 1.0)
    n_repeats: int = 3
    n_members: int = 4


#: Size of a fit, its error and the standard error of that.
Point = dict[str, float | int]


def learning_curve(
    data: TrainingData,
    subsets: Subsets | None = None,
    *,
    base: np.ndarray | None = None,
    pool: np.ndarray | None = None,
    fit: Callable[..., tuple[Ensemble, object]] = fit_ensemble,
    n_jobs: int = 1,
) -> list[Point]:
    """Fit to random subsets of growing size and measure each on all held-out samples.

    Parameters
    ----------
    data : TrainingData
        What to fit to and how; of the settings, the number of networks is reduced.
    subsets : Subsets, optional
        How many and how large; as usual if not given.
    base, pool : numpy.ndarray of int, optional
        Samples always fitted to (none), and those subsets are drawn from (all not held out).
    fit : callable, optional
        Fits, with the arguments of :func:`xanes_core.training.fitting.fit_ensemble`.
    n_jobs : int, optional
        Processes.

    Returns
    -------
    list of dict
        ``n`` (samples fitted to), ``mse`` (mean over subsets and held-out samples) and
        ``mse_error`` (its standard error over subsets); empty where nothing is held out.

    Raises
    ------
    ModelError
        As :func:`xanes_core.training.fitting.fit_ensemble`.
    """
    if not data.held_out.any():
        return []
    subsets = subsets or Subsets()
    base = np.array([], dtype=int) if base is None else base
    pool = data.development if pool is None else pool
    settings = data.recipe.settings.smaller(subsets.n_members)
    aside = data.subset(data.held_out)
    points: list[Point] = []
    for count in sorted({round(share * len(pool)) for share in subsets.shares}):
        if len(base) + count < 10:  # nothing can be fitted to so few
            continue
        errors = []
        for repeat in range(subsets.n_repeats):
            drawn = np.random.default_rng([repeat, count]).permutation(pool)[:count]
            rows = np.sort(np.concatenate([base, drawn]))
            own = replace(settings, seed=settings.seed + repeat)
            x, y = data.subset(rows).to_fit()
            ensemble, _ = fit(x, y, data.blocks, own, n_jobs=n_jobs)
            errors.append(np.mean((ensemble.predict(aside.x)[0] - aside.y) ** 2))
        spread = np.std(errors, ddof=1) / np.sqrt(subsets.n_repeats)
        points.append(
            {"n": len(base) + count, "mse": float(np.mean(errors)), "mse_error": float(spread)}
        )
    return points


def compare_strategies(data: TrainingData, *, n_jobs: int = 1) -> dict[str, list[Point]]:
    """Curves of records chosen at random and of those chosen where the model was unsure.

    Both are added to the same base (all records of neither strategy) at equal counts.

    Returns
    -------
    dict
        Strategy -> points as :func:`learning_curve`.

    Raises
    ------
    DatasetError
        The records do not say how they were chosen, too few do, or nothing is held out.
    """
    if not data.held_out.any():
        raise DatasetError("no sample is held out, so no curve can be measured; see held_out.txt")
    data = data.own()  # published ones were not chosen
    if data.training_set is None:
        raise DatasetError("features alone do not say how records were chosen; give a folder")
    chosen, free = data.training_set.info(STRATEGY), ~data.held_out
    rows = {name: np.flatnonzero((chosen == name) & free) for name in STRATEGIES}
    count = min(len(own) for own in rows.values())
    if count < MIN_RECORDS:
        counts = ", ".join(f"{len(own)} {name}" for name, own in rows.items())
        raise DatasetError(
            f"too few records say how they were chosen ({counts}); grow at least {MIN_RECORDS} of "
            "each strategy"
        )
    base = np.flatnonzero(free & ~np.isin(chosen, STRATEGIES))
    return {
        name: learning_curve(
            data,
            Subsets(shares=tuple(share * count / len(own) for share in (0.0, 0.5, 1.0))),
            base=base,
            pool=own,
            n_jobs=n_jobs,
        )
        for name, own in rows.items()
    }

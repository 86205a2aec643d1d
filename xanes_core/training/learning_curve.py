"""Learning curves: the error on a fixed held-out set against the number of training samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xanes_core.errors import DatasetError
from xanes_core.training.fitting import FitSettings, fit_ensemble
from xanes_core.training.recipes import Recipe, TrainingData

#: Parts of the training samples a curve is measured at.
SHARES = (0.125, 0.25, 0.5, 0.75, 1.0)
#: Random subsets averaged at each size, and networks fitted to each.
N_REPEATS, N_MEMBERS = 3, 4
#: Entry of a record's comment line that says how it was chosen, and what it may say.
STRATEGY, STRATEGIES = "strategy", ("random", "uncertain")
#: Fewest records of either strategy worth comparing.
MIN_RECORDS = 8


def learning_curve(
    recipe: Recipe,
    data: TrainingData,
    settings: FitSettings,
    *,
    base: np.ndarray | None = None,
    pool: np.ndarray | None = None,
    shares: tuple[float, ...] = SHARES,
    n_jobs: int = 1,
) -> list[dict]:
    """Fit to random subsets of growing size and measure each on all held-out samples.

    Parameters
    ----------
    recipe, data, settings
        What to fit, to what and how; of the settings, the number of networks is reduced.
    base, pool : numpy.ndarray of int, optional
        Samples always fitted to (none), and those subsets are drawn from (all not held out).
    shares : tuple of float, optional
        Parts of the pool.
    n_jobs : int, optional
        Processes.

    Returns
    -------
    list of dict
        ``n`` (samples fitted to), ``mse`` (mean over subsets and held-out samples) and
        ``mse_error`` (its standard error over subsets); empty where nothing is held out.
    """
    if not data.held_out.any():
        return []
    base = np.array([], dtype=int) if base is None else base
    pool = np.flatnonzero(~data.held_out) if pool is None else pool
    fewer = replace(settings, n_members=min(settings.n_members, N_MEMBERS))
    blocks = recipe.descriptor.feature_kinds
    x, y = data.x[data.held_out], data.y[data.held_out]
    points = []
    for count in sorted({round(share * len(pool)) for share in shares}):
        if len(base) + count < 10:  # nothing can be fitted to so few
            continue
        errors = []
        for repeat in range(N_REPEATS):
            drawn = np.random.default_rng([repeat, count]).permutation(pool)[:count]
            rows = np.sort(np.concatenate([base, drawn]))
            own = replace(fewer, seed=settings.seed + repeat)
            ensemble, _ = fit_ensemble(data.x[rows], data.y[rows], blocks, own, n_jobs=n_jobs)
            errors.append(np.mean((ensemble.predict(x)[0] - y) ** 2))
        spread = np.std(errors, ddof=1) / np.sqrt(N_REPEATS)
        points.append(
            {"n": len(base) + count, "mse": float(np.mean(errors)), "mse_error": float(spread)}
        )
    return points


def compare_strategies(
    recipe: Recipe, data: TrainingData, settings: FitSettings, *, n_jobs: int = 1
) -> dict[str, list[dict]]:
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
    if data.training_set is None:
        raise DatasetError("features alone do not say how records were chosen; give a folder")
    told, free = data.training_set.info(STRATEGY), ~data.held_out
    rows = {name: np.flatnonzero((told == name) & free) for name in STRATEGIES}
    count = min(len(found) for found in rows.values())
    if count < MIN_RECORDS:
        counts = ", ".join(f"{len(found)} {name}" for name, found in rows.items())
        raise DatasetError(
            f"too few records say how they were chosen ({counts}); grow at least {MIN_RECORDS} of "
            "each strategy"
        )
    base = np.flatnonzero(free & ~np.isin(told, STRATEGIES))
    return {
        name: learning_curve(
            recipe,
            data,
            settings,
            base=base,
            pool=found,
            shares=tuple(share * count / len(found) for share in (0.0, 0.5, 1.0)),
            n_jobs=n_jobs,
        )
        for name, found in rows.items()
    }

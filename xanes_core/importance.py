"""What a model looks at: permutation importance per feature (or group) and energy.

One feature is scrambled over samples that the predicting network had not seen, and the penalty is
how much the error grows at each energy::

    penalty(E) = mean_n error(predict(scrambled x), y)(E) - mean_n error(predict(x), y)(E)

Source: Breiman, Machine Learning 45, 5 (2001), doi 10.1023/A:1010933404324. For a linear model
``y = c(E) x`` the squared-error penalty is ``2 c(E)^2 var(x)`` on average. Neighbouring G2 tell
nearly the same, so scrambling one leaves the others to answer for it: the numbers of single
features are lower bounds; :mod:`xanes_core.importance_groups` lists what to scramble together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from joblib import Parallel, delayed

from xanes_core.curves import as_energies
from xanes_core.errors import ModelError
from xanes_core.importance_result import Importance, WindowImportance, window_points
from xanes_core.scrambling import (
    ERRORS,
    Predictor,
    checked_data,
    checked_groups,
    checked_rows,
    group_penalties,
    permutations,
)
from xanes_core.validation import cross_fit

__all__ = [
    "Importance",
    "WindowImportance",
    "cross_fit",
    "cross_importance",
    "permutation_importance",
    "window_points",
]

#: Parts of the samples whose scatter tells how far the numbers depend on the samples.
N_PARTS = 10
#: Groups scrambled by one job: enough work to be worth starting, small enough to show progress.
_GROUPS_PER_JOB = 8


def permutation_importance(
    predict: Predictor, x: np.ndarray, y: np.ndarray, groups: Mapping[str, Sequence[int]], **options
) -> Importance:
    """Importance for one predictor on samples that it was not fitted to.

    The same as :func:`cross_importance` with one predictor and all rows; see there.
    """
    return cross_importance([(predict, np.arange(len(x)))], x, y, groups, **options)


def cross_importance(
    fitted: Sequence[tuple[Predictor, np.ndarray]],
    x: np.ndarray,
    y: np.ndarray,
    groups: Mapping[str, Sequence[int]],
    *,
    energy_rel_ev: np.ndarray,
    n_repeats: int = 10,
    seed: int = 0,
    error: str = "squared",
    n_jobs: int = 1,
    chunk: int = 128,
    progress: Callable[[int, int], None] | None = None,
) -> Importance:
    """Importance for a cross-validated model: each predictor is scored on its own rows.

    Parameters
    ----------
    fitted : sequence of (predictor, rows)
        An :class:`~xanes_core.ensemble.Ensemble` or a function from features (c, d) to spectra
        (c, k), with the indices of samples that it was not fitted to. Features are scrambled among
        these rows alone. Choose rows of one element to explain that element.
    x, y : numpy.ndarray, (n, d) and (n, k)
        Features and true spectra. Not modified.
    groups : mapping of str to sequence of int
        Name and columns of what is scrambled; the columns of a group keep their relation in a
        sample. See :func:`xanes_core.importance_groups.feature_groups`.
    energy_rel_ev : numpy.ndarray, (k,)
        Energies relative to E0 (eV).
    n_repeats, seed : int, optional
        Number of permutations and their seed. All groups see the same permutations, so that
        differences between them are not blurred by the draw.
    error : {"squared", "absolute"}, optional
        Of mu at each energy.
    n_jobs : int, optional
        Threads; does not change the result.
    chunk : int, optional
        Samples predicted at once; bounds the memory.
    progress : callable, optional
        Called as ``progress(done, total)``.

    Returns
    -------
    Importance
        Averaged over all rows of all predictors.

    Raises
    ------
    ModelError
        Shapes that disagree, values that are not finite, an option that makes no sense, samples
        scored twice, or a predictor that answers with something else than spectra.
    SpectrumError
        Energies that do not go with the spectra.
    """
    if error not in ERRORS:
        raise ModelError(f"error {error!r} is not one of {', '.join(ERRORS)}")
    if n_repeats < 2 or chunk < 1:
        raise ModelError("2 or more repeats and chunks of 1 or more samples are needed")
    x, y = checked_data(x, y)
    columns, rows = checked_groups(groups, x.shape[1]), checked_rows(fitted, len(x))
    energy = as_energies(energy_rel_ev, y.shape[1])
    n = sum(map(len, rows))
    # every tenth sample in a part: as alike as parts can be, whatever the order of samples
    member = np.arange(n) % N_PARTS == np.arange(min(n, N_PARTS))[:, None]
    shares = np.split(member.astype(float), np.cumsum([len(own) for own in rows])[:-1], axis=1)
    jobs, orders = [], permutations(rows, n_repeats, seed)
    for (predict, _), own, order, share in zip(fitted, rows, orders, shares, strict=True):
        own_x, own_y = x[own], y[own]  # one copy, shared by the jobs
        for start in range(0, len(columns), _GROUPS_PER_JOB):
            part = columns[start : start + _GROUPS_PER_JOB]
            jobs.append(
                delayed(group_penalties)(predict, own_x, own_y, part, order, error, chunk, share)
            )
    raw = np.zeros((n_repeats, len(columns), y.shape[1]))
    of_parts = np.zeros((len(member), len(columns), y.shape[1]))
    base = np.zeros(y.shape[1])
    # threads: the work is matrix products, which run side by side, and nothing is copied
    results = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(jobs)
    per_fold = len(jobs) // len(fitted)
    for done, (penalty, by_part, unscrambled) in enumerate(results):
        start = done % per_fold * _GROUPS_PER_JOB
        raw[:, start : start + penalty.shape[1]] += penalty
        of_parts[:, start : start + penalty.shape[1]] += by_part
        base += unscrambled if start == 0 else 0.0
        if progress is not None:
            progress(done + 1, len(jobs))
    raw /= n
    parts = of_parts / member.sum(axis=1)[:, None, None] - raw.mean(axis=0)
    return Importance(energy, tuple(groups), raw, parts, base / n, error, n, int(seed))

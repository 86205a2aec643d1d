"""What a model looks at: permutation importance per feature (or group) and energy.

One feature is scrambled over samples that the predicting network had not seen, and the penalty is
how much the error grows at each energy::

    penalty(E) = mean_n error(predict(scrambled x), y)(E) - mean_n error(predict(x), y)(E)

Source: Breiman, Machine Learning 45, 5 (2001), doi 10.1023/A:1010933404324. For a linear model
``y = c(E) x`` the squared-error penalty is ``2 c(E)^2 var(x)`` on average. Neighbouring G2 tell
nearly the same, so scrambling one leaves the others to answer for it: the numbers of single
features are lower bounds; :mod:`xanes_core.importance.groups` lists what to scramble together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from joblib import Parallel, delayed

from xanes_core.errors import ModelError
from xanes_core.model import ACTIVATIONS, Ensemble, Importance
from xanes_core.spectra import as_energies

#: Parts of the samples whose scatter tells how far the numbers depend on the samples.
N_PARTS = 10
#: Groups scrambled by one job: enough work to be worth starting, small enough to show progress.
_GROUPS_PER_JOB = 8
#: An ensemble, or a function from features (c, d) to spectra (c, k).
Predictor = Ensemble | Callable[[np.ndarray], np.ndarray]
#: Errors by name, of deviations (c, k).
ERRORS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"squared": np.square, "absolute": np.abs}


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
        An :class:`~xanes_core.model.Ensemble` or a function from features (c, d) to spectra
        (c, k), with the indices of samples that it was not fitted to. Features are scrambled among
        these rows alone. Choose rows of one element to explain that element.
    x, y : numpy.ndarray, (n, d) and (n, k)
        Features and true spectra. Not modified.
    groups : mapping of str to sequence of int
        Name and columns of what is scrambled; the columns of a group keep their relation in a
        sample. See :func:`xanes_core.importance.feature_groups`.
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


def group_penalties(
    predict: Predictor,
    x: np.ndarray,
    y: np.ndarray,
    groups: Sequence[np.ndarray],
    orders: np.ndarray,
    error: str,
    chunk: int,
    parts: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Growth of the error, summed over samples, for each order and group.

    Parameters
    ----------
    predict : Ensemble or callable
        What predicts.
    x, y : numpy.ndarray, (n, d) and (n, k)
        Features and spectra; not modified.
    groups : sequence of numpy.ndarray of int, (g,)
        Columns scrambled together.
    orders : numpy.ndarray of int, (n_repeats, n)
        Permutations of the samples.
    error : str
        One of ``ERRORS``.
    chunk : int
        Samples predicted at once.
    parts : numpy.ndarray, (b, n), optional
        1 where a sample (column) belongs to a part (row), else 0; default one part with all.

    Returns
    -------
    penalty : numpy.ndarray, (n_repeats, g, k)
        Summed over samples.
    of_parts : numpy.ndarray, (b, g, k)
        Summed over the samples of each part and over those that got their features from the part
        (so everything counts twice), mean over repeats.
    base : numpy.ndarray, (k,)
        Error without scrambling, summed over samples.

    Raises
    ------
    ModelError
        The predictor does not answer with finite spectra (c, k).
    DescriptorError
        The ensemble wants another number of features.
    """
    measure = ERRORS[error]
    make, source = _AnyChunk, x
    if isinstance(predict, Ensemble):
        make, source = _EnsembleChunk, predict.scaler.transform(predict.check_features(x))
    parts = np.ones((1, len(x))) if parts is None else parts
    penalty = np.zeros((len(orders), len(groups), y.shape[1]))
    of_parts = np.zeros((len(parts), len(groups), y.shape[1]))
    base = np.zeros(y.shape[1])
    for start in range(0, len(x), chunk):
        rows = np.arange(start, min(start + chunk, len(x)))
        part = make(predict, source, rows)
        before = measure(_spectra(part.unscrambled(), y[rows]) - y[rows])
        base += before.sum(axis=0)
        for g, columns in enumerate(groups):
            for r, order in enumerate(orders):
                changed, mu = part.scrambled(columns, order[rows])
                if len(changed):
                    truth = y[rows[changed]]
                    growth = measure(_spectra(mu, truth) - truth) - before[changed]
                    penalty[r, g] += growth.sum(axis=0)
                    both = parts[:, rows[changed]] + parts[:, order[rows[changed]]]
                    of_parts[:, g] += both @ growth / len(orders)
    return penalty, of_parts, base


class _AnyChunk:
    """Some rows of the features, for a predictor that is a function."""

    def __init__(self, predict: Callable, x: np.ndarray, rows: np.ndarray) -> None:
        self.predict, self.x, self.rows = predict, x, rows

    def unscrambled(self) -> np.ndarray:
        return np.asarray(self.predict(self.x[self.rows]), dtype=np.float64)

    def scrambled(self, columns: np.ndarray, source: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the chunk (c,) that change, and their spectra (c, k)."""
        x = self.x[self.rows]
        taken = self.x[np.ix_(source, columns)]
        changed = np.flatnonzero((taken != x[:, columns]).any(axis=1))
        x[:, columns] = taken
        if not len(changed):
            return changed, x[:0]
        return changed, np.asarray(self.predict(x[changed]), dtype=np.float64)


class _EnsembleChunk:
    """Some rows of the scaled features, with the first layer of every network kept."""

    def __init__(self, ensemble: Ensemble, scaled: np.ndarray, rows: np.ndarray) -> None:
        self.ensemble, self.scaled, self.own = ensemble, scaled, scaled[rows]
        self.first = np.matmul(self.own, ensemble.weights[0]) + ensemble.biases[0]
        self.linear = self.own @ ensemble.coef + ensemble.intercept
        self.kernel = ensemble.kernel
        self.distances = None if self.kernel is None else self.kernel.distances(self.own)

    def unscrambled(self) -> np.ndarray:
        return self._rest(self.first.copy(), self.distances, self.linear)

    def scrambled(self, columns: np.ndarray, source: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the chunk (c,) that change, and their spectra (c, k)."""
        weight, coef = self.ensemble.weights[0][:, columns], self.ensemble.coef[columns]
        delta = self.scaled[np.ix_(source, columns)] - self.own[:, columns]
        used = weight.any(axis=(0, 2)) | coef.any(axis=1) | (self.kernel is not None)
        changed = np.flatnonzero(delta[:, used].any(axis=1))
        if not len(changed):
            return changed, self.linear[:0]
        delta = delta[changed]
        first = np.matmul(delta, weight)
        first += self.first if len(changed) == len(self.own) else self.first[:, changed]
        moved = self._moved(columns, source[changed], changed)
        return changed, self._rest(first, moved, self.linear[changed] + delta @ coef)

    def _moved(
        self, columns: np.ndarray, source: np.ndarray, changed: np.ndarray
    ) -> np.ndarray | None:
        """Distances (c, s) to the kernel's samples after the columns were exchanged."""
        if self.kernel is None:
            return None
        new, old = self.scaled[np.ix_(source, columns)], self.own[np.ix_(changed, columns)]
        exchanged = self.kernel.distances(new, columns) - self.kernel.distances(old, columns)
        return self.distances[changed] + exchanged

    def _rest(
        self, hidden: np.ndarray, distances: np.ndarray | None, linear: np.ndarray
    ) -> np.ndarray:
        """Mean spectra (c, n_energies) from the first layer on; overwrites ``hidden``."""
        ensemble = self.ensemble
        for weight, bias in zip(ensemble.weights[1:], ensemble.biases[1:], strict=True):
            hidden = ACTIVATIONS[ensemble.activation](hidden)
            hidden = np.matmul(hidden, weight)
            hidden += bias
        if ensemble.position_unit is None:  # then the mean of the spectra is that of the outputs
            hidden = hidden.mean(axis=0, dtype=np.float64, keepdims=True)
        if self.kernel is not None:
            hidden = self.kernel.blend(hidden, distances)
        return ensemble.curves(hidden, linear).mean(axis=0, dtype=np.float64)


def _spectra(mu: np.ndarray, truth: np.ndarray) -> np.ndarray:
    if mu.shape != truth.shape:
        raise ModelError(
            f"the predictor answered with shape {mu.shape} where spectra of shape {truth.shape} "
            "were expected"
        )
    if not np.isfinite(mu).all():
        raise ModelError("the predictor answered with values that are not finite numbers")
    return mu


# --- checks of what the user gives --------------------------------------------------------------
def checked_data(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, d) and spectra (n, k) as float64, or a ModelError that says what is wrong."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y):
        raise ModelError(
            f"features of shape {x.shape} do not go with spectra of shape {y.shape}; "
            "wanted (n, d) and (n, k)"
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ModelError("features or spectra hold values that are not finite; leave those out")
    return x, y


def checked_groups(groups: Mapping[str, Sequence[int]], n_features: int) -> list[np.ndarray]:
    """Columns of each group as integer arrays, or a ModelError that says what is wrong."""
    if not groups:
        raise ModelError("nothing to scramble: give at least one group of features")
    result = []
    for name, columns in groups.items():
        found = np.asarray(columns)
        if found.ndim != 1 or not len(found) or found.dtype.kind not in "iu":
            raise ModelError(f"group {name!r} needs a list of one or more column numbers")
        if found.min() < 0 or found.max() >= n_features or len(np.unique(found)) < len(found):
            raise ModelError(
                f"the columns of group {name!r} must be different numbers from 0 to "
                f"{n_features - 1}"
            )
        result.append(found)
    return result


def checked_rows(fitted: Sequence[tuple[Predictor, np.ndarray]], n: int) -> list[np.ndarray]:
    """Rows of each predictor as integer arrays, or a ModelError that says what is wrong."""
    if not len(fitted):
        raise ModelError("no predictor was given")
    result = []
    for _, rows in fitted:
        found = np.asarray(rows)
        if found.ndim != 1 or found.dtype.kind not in "iu" or len(found) < 2:
            raise ModelError("every predictor needs the indices of 2 or more samples to scramble")
        if found.min() < 0 or found.max() >= n:
            raise ModelError(f"a predictor's rows must lie between 0 and {n - 1}")
        result.append(found)
    every = np.concatenate(result)
    if len(np.unique(every)) < len(every):
        raise ModelError("a sample is scored more than once; every row may appear only once")
    return result


def permutations(rows: Sequence[np.ndarray], n_repeats: int, seed: int) -> list[np.ndarray]:
    """Orders (n_repeats, n) for the samples of each predictor, all from one seed."""
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise ModelError(f"seed must be a whole number of 0 or more, not {seed!r}")
    streams = np.random.SeedSequence(int(seed)).spawn(len(rows))
    return [
        np.array([rng.permutation(len(own)) for _ in range(n_repeats)])
        for own, rng in zip(rows, map(np.random.default_rng, streams), strict=True)
    ]

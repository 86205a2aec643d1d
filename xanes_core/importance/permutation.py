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

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from joblib import Parallel, delayed

from xanes_core.errors import ModelError
from xanes_core.model import ACTIVATIONS, Ensemble, Importance, Samples
from xanes_core.spectra import as_energies

#: Parts of the samples whose scatter tells how far the numbers depend on the samples.
N_PARTS = 10
#: Groups scrambled by one job: enough work to be worth starting, small enough to show progress.
_GROUPS_PER_JOB = 8
#: A function from features (c, d) to spectra (c, k).
SpectraOf = Callable[[np.ndarray], np.ndarray]
Predictor = Ensemble | SpectraOf
#: Errors by name, of deviations (c, k).
ERRORS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"squared": np.square, "absolute": np.abs}


@dataclass(frozen=True)
class Scrambling:
    """How features are scrambled and what is made of it.

    Attributes
    ----------
    n_repeats, seed : int
        Number of permutations and their seed. All groups see the same permutations, so that
        differences between them are not blurred by the draw.
    error : {"squared", "absolute"}
        Of mu at each energy.
    n_jobs : int
        Threads; does not change the result.
    chunk : int
        Samples predicted at once; bounds the memory.
    """

    n_repeats: int = 10
    seed: int = 0
    error: str = "squared"
    n_jobs: int = 1
    chunk: int = 128

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises
        ------
        ModelError
            An unknown error, too few repeats or samples, or no seed.
        """
        if self.error not in ERRORS:
            raise ModelError(f"error {self.error!r} is not one of {', '.join(ERRORS)}")
        if self.n_repeats < 2 or self.chunk < 1:
            raise ModelError("2 or more repeats and chunks of 1 or more samples are needed")
        if not isinstance(self.seed, int | np.integer) or self.seed < 0:
            raise ModelError(f"seed must be a whole number of 0 or more, not {self.seed!r}")


def permutation_importance(
    predict: Predictor,
    samples: Samples,
    groups: Mapping[str, Sequence[int]],
    scrambling: Scrambling | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Importance:
    """Importance for one predictor on samples that it was not fitted to.

    The same as :func:`cross_importance` with one predictor and all samples; see there, for what is
    refused too.

    Raises
    ------
    ModelError, SpectrumError
        As :func:`cross_importance`.
    """
    fitted = [(predict, np.arange(len(samples)))]
    return cross_importance(fitted, samples, groups, scrambling, progress=progress)


def cross_importance(
    fitted: Sequence[tuple[Predictor, np.ndarray]],
    samples: Samples,
    groups: Mapping[str, Sequence[int]],
    scrambling: Scrambling | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Importance:
    """Importance for a cross-validated model: each predictor is scored on its own rows.

    Parameters
    ----------
    fitted : sequence of (predictor, rows)
        An :class:`~xanes_core.model.Ensemble` or a function from features (c, d) to spectra
        (c, k), with the indices of samples that it was not fitted to. Features are scrambled among
        these rows alone. Choose rows of one element to explain that element.
    samples : Samples
        Features and true spectra. Not modified.
    groups : mapping of str to sequence of int
        Name and columns of what is scrambled; the columns of a group keep their relation in a
        sample. See :func:`xanes_core.importance.feature_groups`.
    scrambling : Scrambling, optional
        How; as usual if not given.
    progress : callable, optional
        Called as ``progress(done, total)``.

    Returns
    -------
    Importance
        Averaged over all rows of all predictors.

    Raises
    ------
    ModelError
        Shapes that disagree, values that are not finite, samples scored twice, or a predictor that
        answers with something else than spectra.
    DescriptorError
        An ensemble wants another number of features.
    SpectrumError
        Energies that do not go with the spectra.
    """
    how = scrambling or Scrambling()
    samples = checked_samples(samples)
    columns = checked_groups(groups, samples.x.shape[1])
    rows = checked_rows(fitted, len(samples))
    n, k = sum(map(len, rows)), samples.y.shape[1]
    # every tenth sample in a part: as alike as parts can be, whatever the order of samples
    member = np.arange(n) % N_PARTS == np.arange(min(n, N_PARTS))[:, None]
    shares = np.split(member.astype(float), np.cumsum([len(own) for own in rows])[:-1], axis=1)
    jobs, orders = [], permutations(rows, how.n_repeats, how.seed)
    for (predict, _), own, order, share in zip(fitted, rows, orders, shares, strict=True):
        own_samples = samples.subset(own)  # one copy, shared by the jobs
        for start in range(0, len(columns), _GROUPS_PER_JOB):
            part = columns[start : start + _GROUPS_PER_JOB]
            jobs.append(delayed(group_penalties)(predict, own_samples, part, order, how, share))
    raw = np.zeros((how.n_repeats, len(columns), k))
    of_parts = np.zeros((len(member), len(columns), k))
    base = np.zeros(k)
    # threads: the work is matrix products, which run side by side, and nothing is copied
    results = Parallel(n_jobs=how.n_jobs, prefer="threads", return_as="generator")(jobs)
    per_fold = len(jobs) // len(fitted)
    for done, (penalty, by_part, unscrambled) in enumerate(results):
        start = done % per_fold * _GROUPS_PER_JOB
        raw[:, start : start + penalty.shape[1]] += penalty
        of_parts[:, start : start + penalty.shape[1]] += by_part
        base += unscrambled if start == 0 else 0.0
        if progress is not None:
            progress(done + 1, len(jobs))
    raw /= n
    return Importance(
        energy_rel_ev=samples.energy_rel_ev,
        names=tuple(groups),
        raw=raw,
        parts=of_parts / member.sum(axis=1)[:, None, None] - raw.mean(axis=0),
        base_error=base / n,
        error=how.error,
        n_samples=n,
        seed=int(how.seed),
    )


def group_penalties(
    predict: Predictor,
    samples: Samples,
    groups: Sequence[np.ndarray],
    orders: np.ndarray,
    scrambling: Scrambling,
    parts: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Growth of the error, summed over samples, for each order and group.

    Parameters
    ----------
    predict : Ensemble or callable
        What predicts.
    samples : Samples
        n features and spectra; not modified.
    groups : sequence of numpy.ndarray of int, (g,)
        Columns scrambled together.
    orders : numpy.ndarray of int, (n_repeats, n)
        Permutations of the samples.
    scrambling : Scrambling
        Its ``error`` and ``chunk``.
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
    measure, y = ERRORS[scrambling.error], samples.y
    parts = np.ones((1, len(samples))) if parts is None else parts
    penalty = np.zeros((len(orders), len(groups), y.shape[1]))
    of_parts = np.zeros((len(parts), len(groups), y.shape[1]))
    base = np.zeros(y.shape[1])
    for chunk in _chunks(predict, samples.x, scrambling.chunk):
        rows = chunk.rows
        before = measure(_spectra(chunk.unscrambled(), y[rows]) - y[rows])
        base += before.sum(axis=0)
        for g, columns in enumerate(groups):
            for r, order in enumerate(orders):
                changed, mu = chunk.scrambled(columns, order[rows])
                if len(changed):
                    truth = y[rows[changed]]
                    growth = measure(_spectra(mu, truth) - truth) - before[changed]
                    penalty[r, g] += growth.sum(axis=0)
                    both = parts[:, rows[changed]] + parts[:, order[rows[changed]]]
                    of_parts[:, g] += both @ growth / len(orders)
    return penalty, of_parts, base


def _chunks(predict: Predictor, x: np.ndarray, size: int) -> Iterator[_AnyChunk | _EnsembleChunk]:
    """Rows of the features, so many at a time."""
    parts = [np.arange(start, min(start + size, len(x))) for start in range(0, len(x), size)]
    if isinstance(predict, Ensemble):
        scaled = predict.scaler.transform(predict.check_features(x))
        yield from (_EnsembleChunk(predict, scaled, rows) for rows in parts)
    else:
        yield from (_AnyChunk(predict, x, rows) for rows in parts)


class _AnyChunk:
    """Some rows of the features, for a predictor that is a function."""

    def __init__(self, predict: SpectraOf, x: np.ndarray, rows: np.ndarray) -> None:
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
        self.ensemble, self.scaled, self.rows, self.own = ensemble, scaled, rows, scaled[rows]
        self.first = np.matmul(self.own, ensemble.weights[0]) + ensemble.biases[0]
        self.linear = self.own @ ensemble.coef + ensemble.intercept
        self.kernel = ensemble.kernel
        self.distances = np.empty((len(rows), 0))
        if self.kernel is not None:
            self.distances = self.kernel.distances(self.own)

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

    def _moved(self, columns: np.ndarray, source: np.ndarray, changed: np.ndarray) -> np.ndarray:
        """Distances (c, s) to the kernel's samples after the columns were exchanged."""
        if self.kernel is None:
            return self.distances
        new, old = self.scaled[np.ix_(source, columns)], self.own[np.ix_(changed, columns)]
        exchanged = self.kernel.distances(new, columns) - self.kernel.distances(old, columns)
        moved: np.ndarray = self.distances[changed] + exchanged
        return moved

    def _rest(self, hidden: np.ndarray, distances: np.ndarray, linear: np.ndarray) -> np.ndarray:
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
        mu: np.ndarray = ensemble.curves(hidden, linear).mean(axis=0, dtype=np.float64)
        return mu


def _spectra(mu: np.ndarray, truth: np.ndarray) -> np.ndarray:
    if mu.shape != truth.shape:
        raise ModelError(
            f"the predictor answered with shape {mu.shape} where spectra of shape {truth.shape} "
            "were expected"
        )
    if not np.isfinite(mu).all():
        raise ModelError("the predictor answered with values that are not finite numbers")
    return mu


# --- checks of what the user gives ---------------------------------------------------------------


def checked_samples(samples: Samples) -> Samples:
    """Samples with features (n, d) and spectra (n, k) as float64.

    Raises
    ------
    ModelError
        Shapes that disagree, or values that are not finite.
    SpectrumError
        Energies that do not go with the spectra.
    """
    x, y = np.asarray(samples.x, dtype=np.float64), np.asarray(samples.y, dtype=np.float64)
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y):
        raise ModelError(
            f"features of shape {x.shape} do not go with spectra of shape {y.shape}; "
            "wanted (n, d) and (n, k)"
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ModelError("features or spectra hold values that are not finite; leave those out")
    return replace(samples, x=x, y=y, energy_rel_ev=as_energies(samples.energy_rel_ev, y.shape[1]))


def checked_groups(groups: Mapping[str, Sequence[int]], n_features: int) -> list[np.ndarray]:
    """Columns of each group as integer arrays.

    Raises
    ------
    ModelError
        There is no group, or a group is not made of different columns of the features.
    """
    if not groups:
        raise ModelError("nothing to scramble: give at least one group of features")
    result = []
    for name, listed in groups.items():
        columns = np.asarray(listed)
        if columns.ndim != 1 or not len(columns) or columns.dtype.kind not in "iu":
            raise ModelError(f"group {name!r} needs a list of one or more column numbers")
        if not _different(columns, n_features):
            raise ModelError(
                f"the columns of group {name!r} must be different numbers from 0 to "
                f"{n_features - 1}"
            )
        result.append(columns)
    return result


def checked_rows(fitted: Sequence[tuple[Predictor, np.ndarray]], n: int) -> list[np.ndarray]:
    """Rows of each predictor as integer arrays.

    Raises
    ------
    ModelError
        There is no predictor, one has too few rows, or a row is none of the samples or twice there.
    """
    if not len(fitted):
        raise ModelError("no predictor was given")
    result = []
    for _, listed in fitted:
        rows = np.asarray(listed)
        if rows.ndim != 1 or rows.dtype.kind not in "iu" or len(rows) < 2:
            raise ModelError("every predictor needs the indices of 2 or more samples to scramble")
        if rows.min() < 0 or rows.max() >= n:
            raise ModelError(f"a predictor's rows must lie between 0 and {n - 1}")
        result.append(rows)
    if not _different(np.concatenate(result), n):
        raise ModelError("a sample is scored more than once; every row may appear only once")
    return result


def _different(indices: np.ndarray, n: int) -> bool:
    """Whether all indices are there among n, and none twice."""
    inside = indices.min() >= 0 and indices.max() < n
    return bool(inside) and len(np.unique(indices)) == len(indices)


def permutations(rows: Sequence[np.ndarray], n_repeats: int, seed: int) -> list[np.ndarray]:
    """Orders (n_repeats, n) for the samples of each predictor, all from one seed."""
    streams = np.random.SeedSequence(int(seed)).spawn(len(rows))
    return [
        np.array([rng.permutation(len(own)) for _ in range(n_repeats)])
        for own, rng in zip(rows, map(np.random.default_rng, streams), strict=True)
    ]

"""From the spread of an ensemble to intervals that cover what they promise.

The spread alone is too narrow where all members err together, and more so far from the training
set. So the scale of an error is

    sigma(x, E) = g(d(x)) sqrt(s(x, E)^2 + b(E)^2)

with s the ensemble's standard deviation, b(E) a floor and g a factor that grows with the distance
d of :mod:`xanes_core.model.domain` (isotonic regression of
``mean_E |residual| / sqrt(s^2 + b^2)`` on d).
The band is ``mean +- q sigma``, with q the conformal quantile of the scores ``|residual| / sigma``
in a window of energies around E (normalised scores: Papadopoulos et al., ECML 2002; Lei et al.,
JASA 113, 1094 (2018)).

The residuals are those of folds whose ensembles saw neither the sample nor its scaling, pooled over
folds (cross-conformal prediction: Vovk, Ann. Math. Artif. Intell. 74, 9 (2015)); the ensemble
fitted to everything stands in for those of the folds. Each absorber element has its own quantile
(Mondrian: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005), drawn towards
the pooled one where its samples are few: the quantile is that of the mixture
``(n_e F_e + m F_rest) / (n_e + m)`` of score distributions, with n_e samples of the element and
m = 20.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from xanes_core.errors import ModelError
from xanes_core.spectra import band_limits

#: Shares of points that the bands of a model can promise.
LEVELS = (0.5, 0.68, 0.9, 0.95)
#: What the band of a prediction promises unless another is asked for.
DEFAULT_LEVEL = 0.9
#: Floors tried, as parts of the root-mean-square residual at each energy.
FLOOR_SHARES = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
#: Energies pooled for one quantile: this many grid points to each side.
WINDOW_POINTS = 6
#: Samples of the other elements that count beside those of an element, together.
PRIOR_SAMPLES = 20.0
#: Fewest samples behind a knot of g, and most knots.
KNOT_SAMPLES, MAX_KNOTS = 20, 16
#: Beyond the last knot g grows in proportion to the distance, up to this multiple of its end.
MAX_GROWTH = 3.0


@dataclass(frozen=True)
class Calibration:
    """Turns a raw spread into a calibrated one.

    Attributes
    ----------
    floor : numpy.ndarray, (k,)
        b(E).
    std_factor : numpy.ndarray, (k,)
        Multiplies sigma so that its mean square is that of held-out residuals.
    widening : numpy.ndarray, (2, j)
        Distances, ascending, and g there.
    elements : tuple of str, (e,)
        Absorbers with a quantile of their own.
    band_factors : numpy.ndarray, (1 + e, len(levels), k)
        q: multiplies sigma to give half the width of a band; the pooled ones first.
    levels : tuple of float
        Shares of points that bands can promise.
    level : float
        The one promised unless another is asked for.
    """

    floor: np.ndarray
    std_factor: np.ndarray
    widening: np.ndarray
    elements: tuple[str, ...]
    band_factors: np.ndarray
    levels: tuple[float, ...] = LEVELS
    level: float = DEFAULT_LEVEL

    def growth(self, distance: np.ndarray | float) -> np.ndarray:
        """Factor g for distances to the training set, same shape."""
        at, factor = self.widening
        beyond = np.clip(np.asarray(distance) / max(float(at[-1]), 1e-9), 1.0, MAX_GROWTH)
        growth: np.ndarray = np.interp(distance, at, factor) * beyond
        return growth

    def sigma(self, spread: np.ndarray, distance: np.ndarray | float | None = None) -> np.ndarray:
        """Scale of the error for a raw spread (..., k) and distances (...); without them g is 1."""
        sigma: np.ndarray = np.sqrt(np.square(spread) + np.square(self.floor))
        return sigma if distance is None else self.growth(distance)[..., None] * sigma

    def factor(
        self, level: float | None = None, elements: np.ndarray | str | None = None
    ) -> np.ndarray:
        """Factor q of a level: (k,) pooled or for one element, (n, k) for n of them.

        An element without a quantile of its own gets the pooled one.

        Raises
        ------
        ModelError
            The model was not calibrated for that level.
        """
        level = self.level if level is None else level
        if level not in self.levels:
            known = ", ".join(f"{100 * one:g}" for one in self.levels)
            raise ModelError(f"no band of {100 * level:g} %; this model has those of {known} %")
        place = {element: row for row, element in enumerate(self.elements, start=1)}
        rows: int | list[int] = 0
        if isinstance(elements, str):
            rows = place.get(elements, 0)
        elif elements is not None:
            rows = [place.get(str(element), 0) for element in elements]
        factor: np.ndarray = self.band_factors[rows, self.levels.index(level)]
        return factor

    def apply(
        self,
        mean: np.ndarray,
        spread: np.ndarray,
        *,
        distance: np.ndarray | float | None = None,
        elements: np.ndarray | str | None = None,
        level: float | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Calibrated standard deviation, lower and upper bound; all (..., k).

        Parameters as in :meth:`sigma` and :meth:`factor`; without ``distance`` the band is one of
        ordinary distance, without ``elements`` that of all together.

        Raises
        ------
        ModelError
            As :meth:`factor`.
        """
        sigma = self.sigma(spread, distance)
        return (
            self.std_factor * sigma,
            *band_limits(mean, self.factor(level, elements) * sigma),
        )

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Arrays for ``weights.npz``."""
        return {
            "calibration_floor": self.floor.astype(np.float32),
            "calibration_std_factor": self.std_factor.astype(np.float32),
            "calibration_widening": self.widening.astype(np.float32),
            "calibration_elements": np.array(self.elements, dtype=str),
            "calibration_band_factors": self.band_factors.astype(np.float32),
            "calibration_levels": np.array(self.levels),
            "calibration_level": np.array(self.level),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Calibration:
        """Inverse of :meth:`to_arrays`.

        Raises
        ------
        ModelError
            An array is missing, or their shapes do not fit together.
        """
        try:
            calibration = cls(
                floor=arrays["calibration_floor"],
                std_factor=arrays["calibration_std_factor"],
                widening=arrays["calibration_widening"],
                elements=tuple(str(el) for el in arrays["calibration_elements"]),
                band_factors=arrays["calibration_band_factors"],
                levels=tuple(float(level) for level in arrays["calibration_levels"]),
                level=float(arrays["calibration_level"]),
            )
        except KeyError as error:
            raise ModelError(f"the model's calibration lacks {error}") from error
        e, levels = len(calibration.elements), len(calibration.levels)
        wanted = (1 + e, levels, *calibration.floor.shape)
        if calibration.band_factors.shape != wanted or calibration.widening.shape[:1] != (2,):
            raise ModelError("the model's calibration arrays do not fit together")
        return calibration


def fit_calibration(
    unseen: Unseen, *, far: Unseen | None = None, level: float = DEFAULT_LEVEL
) -> Calibration:
    """Fit to predictions of samples that the predicting ensembles had not seen.

    Parameters
    ----------
    unseen : Unseen
        From folds at random.
    far : Unseen, optional
        From fits that left out whole kinds of complexes. Only g learns from it, and only beyond
        the distances that are usual in ``unseen``.
    level : float, optional
        Coverage of the default band; one of ``LEVELS``.

    Returns
    -------
    Calibration
        With the floor that gives the narrowest band of that coverage.

    Raises
    ------
    ModelError
        Shapes differ, fewer than 20 samples, or a level that is none of ``LEVELS``.
    """
    from scipy.ndimage import gaussian_filter1d, uniform_filter1d  # predicting does without

    _check(unseen, level)
    residual = np.abs(unseen.truth - unseen.mean)
    rms = gaussian_filter1d(np.sqrt(np.mean(residual**2, axis=0)), 2.0, mode="nearest") + 1e-6
    elements = tuple(str(el) for el in np.unique(unseen.elements))
    pooled = Calibration(rms, np.ones_like(rms), np.ones((2, 1)), (), np.empty((1, 0, 0)))
    tried = []
    for share in FLOOR_SHARES:
        scale = replace(pooled, floor=share * rms)
        scale = replace(scale, widening=_widening(scale, unseen, far))
        sigma = scale.sigma(unseen.spread, unseen.distance)
        factor = _quantiles(residual / sigma, (level,), np.ones((1, len(unseen))), step=4)[0, 0]
        tried.append((float(np.mean(2 * factor * sigma[:, ::4])), scale, sigma))
    _, scale, sigma = min(tried, key=lambda entry: entry[0])  # the first of equal widths
    weights = _mondrian_weights(unseen.elements, elements)
    squares, promised = (
        uniform_filter1d(np.mean(a**2, axis=0), 2 * WINDOW_POINTS + 1, mode="nearest")
        for a in (residual, sigma)
    )
    return replace(
        scale,
        std_factor=np.sqrt(squares / promised),
        elements=elements,
        band_factors=_quantiles(residual / sigma, LEVELS, weights),
        level=level,
    )


def _check(unseen: Unseen, level: float) -> None:
    truth = unseen.truth
    same = truth.shape == unseen.mean.shape == unseen.spread.shape
    rows = {np.shape(unseen.distance), np.shape(unseen.elements)}
    if not same or truth.ndim != 2 or rows != {truth.shape[:1]} or len(truth) < 20:
        raise ModelError(
            f"calibration needs at least 20 samples and equal shapes (n, k), got {truth.shape}, "
            f"{unseen.mean.shape} and {unseen.spread.shape}, each with a distance and an element"
        )
    if level not in LEVELS:
        raise ModelError(f"the level of a band is one of {LEVELS}, not {level}")


def _widening(flat: Calibration, unseen: Unseen, far: Unseen | None) -> np.ndarray:
    """Knots of g, as :attr:`Calibration.widening`; g is 1 on average over ``unseen``."""
    from sklearn.isotonic import IsotonicRegression  # a second that predicting does without

    def ratio(own: Unseen) -> np.ndarray:
        sizes: np.ndarray = np.abs(own.truth - own.mean) / flat.sigma(own.spread)
        return np.asarray(sizes.mean(axis=1))

    distance, error = unseen.distance, ratio(unseen)
    unit = float(error.mean()) or 1.0
    if far is not None:
        added = far.distance > np.quantile(distance, 0.9)
        distance = np.concatenate([distance, far.distance[added]])
        error = np.concatenate([error, ratio(far)[added]])
    order = np.argsort(distance, kind="stable")
    parts = np.array_split(order, int(np.clip(len(order) // KNOT_SAMPLES, 1, MAX_KNOTS)))
    at, value = (np.array([values[part].mean() for part in parts]) for values in (distance, error))
    counts = [len(part) for part in parts]
    grown = IsotonicRegression().fit(at, value, sample_weight=counts).predict(at)
    return np.stack([at, np.maximum(grown / unit, 1e-3)])


def _mondrian_weights(elements: np.ndarray, known: tuple[str, ...]) -> np.ndarray:
    """Weights of the samples: first all alike, then for each element, (1 + e, n)."""
    weights = np.ones((1 + len(known), len(elements)))
    for row, element in zip(weights[1:], known, strict=True):
        others = elements != element
        if others.any():
            row[others] = min(1.0, PRIOR_SAMPLES / others.sum())
    return weights


def _quantiles(
    score: np.ndarray, levels: tuple[float, ...], weights: np.ndarray, step: int = 1
) -> np.ndarray:
    """Weighted conformal quantiles of scores (n, k) in windows of energies.

    Weights (g, n) give an array (g, len(levels), k); with ``step`` at every so manieth energy.
    """
    total = weights.sum(axis=1)
    effective = total**2 / np.sum(weights**2, axis=1)
    wanted = np.ceil((effective[:, None] + 1) * np.array(levels)) / effective[:, None]
    points = range(0, score.shape[1], step)
    result = np.empty((len(weights), len(levels), len(points)))
    for column, point in enumerate(points):
        window = score[:, max(0, point - WINDOW_POINTS) : point + WINDOW_POINTS + 1]
        order = np.argsort(window, axis=None)
        ranked, rows = window.ravel()[order], order // window.shape[1]
        for group, weight in enumerate(weights):
            reached = np.cumsum(weight[rows]) / (total[group] * window.shape[1])
            last = len(ranked) - 1
            at = np.minimum(np.searchsorted(reached, np.minimum(wanted[group], 1.0) - 1e-12), last)
            result[group, :, column] = ranked[at]
    return result


@dataclass(frozen=True)
class Unseen:
    """Predictions of samples by ensembles that had not seen them; n samples, k energies.

    Attributes
    ----------
    truth, mean, spread : numpy.ndarray, (n, k)
        Spectra, predicted means and raw standard deviations over members.
    distance : numpy.ndarray, (n,)
        Score of :meth:`xanes_core.model.Domain.scores` against what the ensemble had seen.
    elements : numpy.ndarray of str, (n,)
        Absorbers.
    rows : numpy.ndarray of int, (n,)
        Which samples of the data they are.
    """

    truth: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    distance: np.ndarray
    elements: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.truth)

    def subset(self, rows: np.ndarray) -> Unseen:
        """Return the samples that a mask or an index array chooses."""
        return Unseen(**{name: values[rows] for name, values in vars(self).items()})

    def without(self, rows: np.ndarray) -> Unseen:
        """Leave out the samples whose ``rows`` are among those given."""
        return self.subset(~np.isin(self.rows, rows))


def concatenate(parts: Iterable[Unseen]) -> Unseen:
    """Join predictions, one part after the other."""
    parts = list(parts)
    return Unseen(
        **{name: np.concatenate([getattr(p, name) for p in parts]) for name in vars(parts[0])}
    )

"""How far one spectrum is from another: every score in one place, with its formula and unit.

Shapes: curves are ``(k,)`` or ``(n, k)`` with energy on the last axis. A score of ``(k,)`` curves
is a float, a score of ``(n, k)`` curves an array ``(n,)``, one value per spectrum; average it for
one number. A single target or prediction ``(k,)`` is compared with every row of the other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from xanes_core.errors import SpectrumError
from xanes_core.spectra.spectrum import as_curves, as_energies, trapezoid_weights

#: Spacing (eV) on which the relative spectral error is summed.
SUM_STEP_EV = 1.0 / 3.0
#: Target values at or below this, in edge steps, are left out of relative intensity errors.
INTENSITY_FLOOR = 0.05


def _score(values: np.ndarray) -> float | np.ndarray:
    return float(values) if np.ndim(values) == 0 else values


def mse(predicted: ArrayLike, target: ArrayLike) -> float | np.ndarray:
    """Mean squared error, ``mean_k (p - t)^2``, in squared edge steps.

    Raises
    ------
    SpectrumError
        Shapes that do not fit, or values that are not finite.
    """
    p, t = as_curves(predicted, target)
    return _score(((p - t) ** 2).mean(axis=-1))


def relative_spectral_error(
    predicted: ArrayLike,
    target: ArrayLike,
    energy_ev: ArrayLike | None = None,
    *,
    percent: bool = False,
) -> float | np.ndarray:
    """Area between two spectra over the area under the target, without unit.

    ``sum |p - t| dE / sum |t| dE`` on a spacing of 1/3 eV.

    Parameters
    ----------
    predicted, target : array_like, (k,) or (n, k)
        Curves on the same energies.
    energy_ev : array_like (k,), optional
        Their energies (eV). Curves are interpolated linearly onto a spacing of 1/3 eV from
        the first to the last energy. Left out: the curves lie on that spacing already.
    percent : bool, optional
        Return 100 times the value.

    Raises
    ------
    SpectrumError
        Shapes that do not fit, values that are not finite, or a target of zeros.
    """
    p, t = as_curves(predicted, target)
    if energy_ev is not None:
        energy = as_energies(energy_ev, p.shape[-1])
        count = max(round((energy[-1] - energy[0]) / SUM_STEP_EV) + 1, 2)
        even = np.linspace(energy[0], energy[-1], count)
        if not (even.size == energy.size and np.allclose(even, energy, rtol=0, atol=1e-6)):
            p, t = (_interpolate(even, energy, c) for c in (p, t))
    area = np.abs(t).sum(axis=-1)
    if np.any(area == 0):
        raise SpectrumError("a target is zero everywhere; its relative error has no meaning")
    return _score(np.abs(p - t).sum(axis=-1) / area * (100.0 if percent else 1.0))


def _interpolate(at: np.ndarray, energy: np.ndarray, curves: np.ndarray) -> np.ndarray:
    rows = [np.interp(at, energy, row) for row in np.atleast_2d(curves)]
    return np.array(rows).reshape(curves.shape[:-1] + at.shape)


def median_intensity_error(
    predicted: ArrayLike, target: ArrayLike, *, floor: float = INTENSITY_FLOOR
) -> float | np.ndarray:
    """Median over energies of ``|p - t| / |t|`` in %, where ``t > floor`` (edge steps).

    A spectrum that nowhere exceeds the floor scores NaN.

    Raises
    ------
    SpectrumError
        Shapes that do not fit, values that are not finite, or a negative floor.
    """
    p, t = as_curves(predicted, target)
    if not floor >= 0:
        raise SpectrumError(f"the floor must be zero or more edge steps, got {floor}")
    above = t > floor
    ratio = np.full(t.shape, np.nan)
    np.divide(np.abs(p - t), t, out=ratio, where=above)
    rows = [np.median(r[m]) * 100.0 if m.any() else np.nan for r, m in _row_pairs(ratio, above)]
    return _score(np.array(rows).reshape(t.shape[:-1]))


def _row_pairs(*arrays: np.ndarray) -> zip[tuple[np.ndarray, ...]]:
    return zip(*(np.atleast_2d(a) for a in arrays), strict=True)


def cosine_similarity(predicted: ArrayLike, target: ArrayLike) -> float | np.ndarray:
    """``p . t / (|p| |t|)``, from -1 to 1; NaN where a curve is zero everywhere.

    Raises
    ------
    SpectrumError
        Shapes that do not fit, or values that are not finite.
    """
    p, t = as_curves(predicted, target)
    lengths = np.linalg.norm(p, axis=-1) * np.linalg.norm(t, axis=-1)
    dot = (p * t).sum(axis=-1)
    return _score(np.divide(dot, lengths, out=np.full(dot.shape, np.nan), where=lengths > 0))


def response_error(predicted: ArrayLike, target: ArrayLike) -> float | np.ndarray:
    """Size of the error of a change over the size of the change, ``|p - t| / |t|``, without unit.

    0 for a change foretold exactly, 1 for one that was missed altogether. ``p`` and ``t`` are
    differences of two spectra on evenly spaced energies, as predicted and as they are; their
    direction alone is compared by :func:`cosine_similarity`. NaN where nothing changes.

    Raises
    ------
    SpectrumError
        Shapes that do not fit, or values that are not finite.
    """
    p, t = as_curves(predicted, target)
    missed, size = np.linalg.norm(p - t, axis=-1), np.linalg.norm(t, axis=-1)
    return _score(np.divide(missed, size, out=np.full(size.shape, np.nan), where=size > 0))


def spearman(a: ArrayLike, b: ArrayLike) -> float | np.ndarray:
    """Spearman's rank correlation along the last axis, from -1 to 1 (ties get mean ranks).

    For ``(n,)`` uncertainties and errors it says whether the wide bands are the wrong ones. NaN
    where one side is constant or has a single value.

    Raises
    ------
    SpectrumError
        Shapes that do not fit, or values that are not finite.
    """
    from scipy.stats import rankdata  # slow to load, and predicting does without

    x, y = as_curves(a, b)
    rx, ry = (rankdata(v, axis=-1) for v in (x, y))
    rx, ry = (r - r.mean(axis=-1, keepdims=True) for r in (rx, ry))
    norm = np.sqrt((rx**2).sum(axis=-1) * (ry**2).sum(axis=-1))
    top = (rx * ry).sum(axis=-1)
    return _score(np.divide(top, norm, out=np.full(top.shape, np.nan), where=norm > 0))


def coverage(target: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> float | np.ndarray:
    """Share of energies, 0 to 1, at which ``lower <= t <= upper``.

    Raises
    ------
    SpectrumError
        Shapes that do not fit, values that are not finite, or a band upside down.
    """
    t, low, high = as_curves(target, lower, upper)
    _check_band(low, high)
    return _score(((low <= t) & (t <= high)).mean(axis=-1))


def mean_width(lower: ArrayLike, upper: ArrayLike) -> float | np.ndarray:
    """Mean width of a band, ``mean_k (upper - lower)``, in edge steps.

    Raises
    ------
    SpectrumError
        Shapes that do not fit, values that are not finite, or a band upside down.
    """
    low, high = as_curves(lower, upper)
    _check_band(low, high)
    return _score((high - low).mean(axis=-1))


def _check_band(low: np.ndarray, high: np.ndarray) -> None:
    if np.any(low > high):
        raise SpectrumError("a band's lower limit lies above its upper limit")


def constant_width(
    predicted: ArrayLike, target: ArrayLike, lower: ArrayLike, upper: ArrayLike
) -> float:
    """Mean width of the band ``p +- c(E)`` that is as wide for all n spectra, in edge steps.

    ``mean_k 2 Q_k(|p - t|)``, with Q_k the quantile over the n spectra at energy k and the level
    at which the given band covers there: the same coverage at every energy, so a band that knows
    which spectra are hard is the narrower one.

    Parameters
    ----------
    predicted, target, lower, upper : array_like, (n, k)
        Predictions, truth and the band to compare with.

    Raises
    ------
    SpectrumError
        Shapes that do not fit, or values that are not finite.
    """
    p, t, low, high = as_curves(predicted, target, lower, upper)
    error = np.abs(p - t)
    covered = ((low <= t) & (t <= high)).mean(axis=0)
    ranked, place = np.sort(error, axis=0), covered * (len(error) - 1)
    below, column = np.floor(place).astype(int), np.arange(error.shape[1])
    above = np.minimum(below + 1, len(error) - 1)
    half = ranked[below, column] + (place - below) * (ranked[above, column] - ranked[below, column])
    return float(2.0 * np.mean(half))


def window_misfit(
    energy_ev: ArrayLike,
    predicted: ArrayLike,
    target: ArrayLike,
    window_ev: tuple[float, float] | None = None,
) -> float | np.ndarray:
    """Root mean square difference inside a window, in edge steps.

    ``sqrt( sum w (p - t)^2 / sum w )`` with trapezoid weights w (eV) over the energies inside
    ``window_ev`` (both ends included; all of them by default), so uneven spacing does not count.

    Raises
    ------
    SpectrumError
        Shapes or energies that do not fit, values that are not finite, or fewer than two energies
        inside the window.
    """
    p, t = as_curves(predicted, target)
    energy = as_energies(energy_ev, p.shape[-1])
    low, high = window_ev if window_ev is not None else (energy[0], energy[-1])
    inside = (energy >= low) & (energy <= high)
    if inside.sum() < 2:
        raise SpectrumError(
            f"fewer than two energies lie between {low:g} and {high:g} eV; the curves cover "
            f"{energy[0]:g} to {energy[-1]:g} eV"
        )
    weights = trapezoid_weights(energy[inside])
    square = ((p - t)[..., inside] ** 2 * weights).sum(axis=-1) / weights.sum()
    return _score(np.sqrt(square))

"""Peaks of spectra: finding them, matching those of two curves, scoring the match."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from xanes_core.errors import SpectrumError
from xanes_core.spectra.spectrum import as_curves, as_energies

#: Smallest prominence, in edge steps, of a maximum that counts as a peak.
PEAK_PROMINENCE = 0.02
#: Largest distance (eV) between two peaks that may be matched.
PEAK_DISTANCE_EV = 5.0


@dataclass(frozen=True)
class Peaks:
    """Maxima of one curve: energies (eV), heights and prominences (edge steps), each (m,)."""

    energy_ev: np.ndarray
    height: np.ndarray
    prominence: np.ndarray


@dataclass(frozen=True)
class PeakMatch:
    """Peaks of a prediction matched one to one with those of a target.

    ``pairs`` (m, 2) holds indices (predicted, target); ``position_error_ev`` (m,) is
    ``E_p - E_t``; ``intensity_error_percent`` (m,) is ``100 |h_p - h_t| / |h_t|``;
    ``share_matched`` is m over the number of target peaks (NaN where it has none).
    """

    predicted: Peaks
    target: Peaks
    pairs: np.ndarray
    position_error_ev: np.ndarray
    intensity_error_percent: np.ndarray
    share_matched: float


def find_peaks(
    energy_ev: ArrayLike, mu: ArrayLike, *, prominence: float = PEAK_PROMINENCE
) -> Peaks:
    """Find the maxima (``scipy.signal.find_peaks``) of one curve (k,) of at least ``prominence``.

    Position and height come from the parabola through the highest point and its two neighbours, on
    the energies as they are. The first and the last point are never peaks.

    Raises
    ------
    SpectrumError
        More than one curve, energies that do not fit, or a prominence that is not positive.
    """
    from scipy import signal  # a third of a second, which reading a spectrum does without

    (curve,) = as_curves(mu)
    if curve.ndim != 1:
        raise SpectrumError(f"peaks are found in one curve (k,) at a time, got {curve.shape}")
    energy = as_energies(energy_ev, curve.size)
    if not prominence > 0:
        raise SpectrumError(f"the prominence must be positive, got {prominence}")
    index, properties = signal.find_peaks(curve, prominence=prominence)
    refined = np.array([_parabola(energy, curve, i) for i in index]).reshape(-1, 2)
    return Peaks(refined[:, 0], refined[:, 1], properties["prominences"])


def _parabola(energy: np.ndarray, curve: np.ndarray, i: int) -> tuple[float, float]:
    """Top of the parabola through three neighbouring points, kept between the outer two."""
    left, right = energy[i - 1] - energy[i], energy[i + 1] - energy[i]
    fall_left, fall_right = curve[i - 1] - curve[i], curve[i + 1] - curve[i]
    second = (fall_right / right - fall_left / left) / (right - left)
    if second >= 0:
        return float(energy[i]), float(curve[i])
    first = fall_left / left - second * left
    move = float(np.clip(-first / (2.0 * second), left, right))
    return float(energy[i] + move), float(curve[i] + first * move + second * move**2)


def match_peaks(
    energy_ev: ArrayLike,
    predicted: ArrayLike,
    target: ArrayLike,
    *,
    prominence: float = PEAK_PROMINENCE,
    max_distance_ev: float = PEAK_DISTANCE_EV,
) -> PeakMatch:
    """Match the peaks of two curves (k,) one to one, as many as lie within ``max_distance_ev``.

    Among the matchings with the most pairs the one with the smallest summed distance is taken
    (``scipy.optimize.linear_sum_assignment``).

    Raises
    ------
    SpectrumError
        Shapes or energies that do not fit, or a prominence or distance that is not positive.
    """
    from scipy.optimize import linear_sum_assignment

    p = find_peaks(energy_ev, predicted, prominence=prominence)
    t = find_peaks(energy_ev, target, prominence=prominence)
    if not max_distance_ev > 0:
        raise SpectrumError(f"the largest distance must be positive, got {max_distance_ev}")
    distance = np.abs(p.energy_ev[:, None] - t.energy_ev[None, :])
    # A forbidden pair costs more than all allowed ones together, so it is taken only as a filler.
    forbidden = max_distance_ev * (min(distance.shape, default=0) + 1)
    rows, columns = linear_sum_assignment(
        np.where(distance <= max_distance_ev, distance, forbidden)
    )
    keep = distance[rows, columns] <= max_distance_ev
    pairs = np.column_stack([rows[keep], columns[keep]]).astype(int)
    high_p, high_t = p.height[pairs[:, 0]], t.height[pairs[:, 1]]
    scale = np.where(high_t == 0, np.nan, np.abs(high_t))
    return PeakMatch(
        p,
        t,
        pairs,
        p.energy_ev[pairs[:, 0]] - t.energy_ev[pairs[:, 1]],
        100.0 * np.abs(high_p - high_t) / scale,
        len(pairs) / t.energy_ev.size if t.energy_ev.size else float("nan"),
    )


@dataclass(frozen=True)
class PeakErrors:
    """Peak scores of n spectra, each array (n,); NaN where a spectrum has no matched peak.

    Mean absolute position error (eV), mean intensity error (%), share of the target's peaks that
    were matched.
    """

    position_error_ev: np.ndarray
    intensity_error_percent: np.ndarray
    share_matched: np.ndarray


def peak_errors(energy_ev: ArrayLike, predicted: ArrayLike, target: ArrayLike) -> PeakErrors:
    """Score the peaks of curves (n, k) or (k,) spectrum by spectrum; see :func:`match_peaks`.

    Raises
    ------
    SpectrumError
        Shapes or energies that do not fit, or values that are not finite.
    """
    p, t = (np.atleast_2d(c) for c in as_curves(predicted, target))
    matches = [match_peaks(energy_ev, a, b) for a, b in zip(p, t, strict=True)]

    def mean(values: np.ndarray) -> float:
        return float(values.mean()) if values.size else float("nan")

    return PeakErrors(
        np.array([mean(np.abs(m.position_error_ev)) for m in matches]),
        np.array([mean(m.intensity_error_percent) for m in matches]),
        np.array([m.share_matched for m in matches]),
    )

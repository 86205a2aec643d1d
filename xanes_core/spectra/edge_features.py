"""Numbers that people read off a XANES curve: edge, white line, pre-edge peak."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from xanes_core.errors import SpectrumError
from xanes_core.spectra.peaks import Peaks, find_peaks
from xanes_core.spectra.spectrum import as_curves, as_energies

#: Smallest prominence (edge steps) of the white line and of a pre-edge peak. Pre-edge peaks of the
#: theory sit on the foot of the edge, so even real ones stand out little.
WHITE_LINE_PROMINENCE = 0.02
PRE_EDGE_PROMINENCE = 0.01
#: The white line lies below this energy relative to E0 (eV); what follows is fine structure.
WHITE_LINE_BELOW_EV = 60.0
#: Largest distance (eV) of a pre-edge peak from the edge; maxima further down are noise.
PRE_EDGE_REACH_EV = 25.0


@dataclass(frozen=True)
class SpectralFeatures:
    """Features of one curve; NaN where the curve does not show one.

    Energies in eV on the axis given (relative to E0), heights in the unit of mu (edge steps).

    ``edge_half_ev``
        Where mu rises through half the edge step for the last time before the white line.
    ``edge_steepest_ev``
        Steepest rise between the pre-edge peak (or the start) and the white line.
    ``white_line_ev``, ``white_line_height``
        The highest maximum up to 60 eV.
    ``pre_edge_ev``, ``pre_edge_height``
        The most prominent maximum below ``edge_half_ev``, at most 25 eV below.
    """

    edge_half_ev: float
    edge_steepest_ev: float
    white_line_ev: float
    white_line_height: float
    pre_edge_ev: float
    pre_edge_height: float


def spectral_features(
    energy_rel_ev: ArrayLike,
    mu: ArrayLike,
    *,
    prominence: float = WHITE_LINE_PROMINENCE,
    pre_edge_prominence: float = PRE_EDGE_PROMINENCE,
) -> SpectralFeatures:
    """Read the features off one curve.

    Parameters
    ----------
    energy_rel_ev, mu : array_like, (k,)
        Energies (eV) and a curve whose edge step is 1.
    prominence, pre_edge_prominence : float, optional
        Smallest prominence of the white line and of a pre-edge peak, in edge steps.

    Raises
    ------
    SpectrumError
        Shapes or energies that do not fit, or a threshold that is not positive.
    """
    (curve,) = as_curves(mu)
    if curve.ndim != 1:
        raise SpectrumError(f"features are read off one curve (k,), got the shape {curve.shape}")
    energy = as_energies(energy_rel_ev, curve.size)
    if energy.size < 5:
        raise SpectrumError(f"features need at least five points, got {energy.size}")
    if not (prominence > 0 and pre_edge_prominence > 0):
        raise SpectrumError("the prominences must be positive")
    peaks = find_peaks(energy, curve, prominence=min(prominence, pre_edge_prominence))
    white_ev, white_height = _white_line(peaks, prominence)
    near = energy <= WHITE_LINE_BELOW_EV
    if not near.any():
        raise SpectrumError("the energies must be relative to E0 and begin below 60 eV")
    top = white_ev if np.isfinite(white_ev) else float(energy[np.argmax(curve[near])])
    half = _last_crossing(energy, curve, 0.5, top)
    pre_ev, pre_height = _pre_edge(peaks, half, pre_edge_prominence)
    steepest = _steepest(energy, curve, pre_ev if np.isfinite(pre_ev) else energy[0], top)
    return SpectralFeatures(half, steepest, white_ev, white_height, pre_ev, pre_height)


def _white_line(peaks: Peaks, prominence: float) -> tuple[float, float]:
    strong = (peaks.prominence >= prominence) & (peaks.energy_ev <= WHITE_LINE_BELOW_EV)
    if not strong.any():
        return float("nan"), float("nan")
    best = int(np.argmax(np.where(strong, peaks.height, -np.inf)))
    return float(peaks.energy_ev[best]), float(peaks.height[best])


def _last_crossing(energy: np.ndarray, curve: np.ndarray, level: float, top: float) -> float:
    """Energy of the last rise through ``level`` below ``top``, linear between the points."""
    rises = np.flatnonzero((curve[:-1] < level) & (curve[1:] >= level) & (energy[:-1] < top))
    if rises.size == 0:
        return float("nan")
    i = int(rises[-1])
    part = (level - curve[i]) / (curve[i + 1] - curve[i])
    return float(energy[i] + part * (energy[i + 1] - energy[i]))


def _pre_edge(peaks: Peaks, half: float, prominence: float) -> tuple[float, float]:
    # None where half is NaN, since no comparison with it holds.
    below = (peaks.energy_ev < half) & (peaks.energy_ev >= half - PRE_EDGE_REACH_EV)
    below &= (peaks.prominence >= prominence) & (peaks.height >= prominence)
    if not below.any():
        return float("nan"), float("nan")
    best = int(np.argmax(np.where(below, peaks.prominence, -np.inf)))
    return float(peaks.energy_ev[best]), float(peaks.height[best])


def _steepest(energy: np.ndarray, curve: np.ndarray, low: float, high: float) -> float:
    """Middle of the steepest of the steps between two energies, refined by a parabola."""
    middle = (energy[1:] + energy[:-1]) / 2.0
    slope = np.diff(curve) / np.diff(energy)
    inside = (middle > low) & (middle < high)
    if not inside.any() or slope[inside].max() <= 0:
        return float("nan")
    i = int(np.argmax(np.where(inside, slope, -np.inf)))
    if 0 < i < slope.size - 1:
        a, b, _ = np.polyfit(middle[i - 1 : i + 2] - middle[i], slope[i - 1 : i + 2], 2)
        if a < 0:
            move = np.clip(-b / (2 * a), middle[i - 1] - middle[i], middle[i + 1] - middle[i])
            return float(middle[i] + move)
    return float(middle[i])

"""Energy windows by name, found on a spectrum: pre-edge, rising edge, white line, what follows.

The names are those of features, so the windows lie where the spectrum in hand has these; for one
that it does not have there is a sentence instead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from xanes_core.errors import SpectrumError
from xanes_core.importance.windows import EnergyWindow
from xanes_core.spectra import find_peaks, spectral_features

#: Smallest prominence (edge steps) of a maximum that bounds a window, as for the white line.
_PROMINENCE = 0.02
#: The edge begins where mu has risen to this share of the edge step.
_FOOT = 0.1
#: A pre-edge window reaches this far (eV) to either side of its peak, at least and at most.
_PRE_EDGE_REACH_EV = (1.5, 5.0)
#: The window of a maximum reaches no further (eV) to either side, however flat it is.
_MAXIMUM_REACH_EV = 8.0
#: Bounds are rounded to this step (eV); a window is at least two of them wide.
_STEP_EV = 0.5
#: Why a spectrum has no such window.
_WHY_NOT = {
    "pre-edge": "this spectrum shows no pre-edge peak",
    "white line": "this spectrum rises without a maximum",
    "first oscillation": "no maximum follows the white line of this spectrum",
}


@dataclass(frozen=True)
class WindowPresets:
    """Windows of one spectrum.

    Attributes
    ----------
    windows : tuple of EnergyWindow
        Those that the spectrum has.
    missing : mapping of str to str
        Names of the others, each with why there is none.
    """

    windows: tuple[EnergyWindow, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)

    def find(self, name: str) -> EnergyWindow | None:
        """Window of this name; None where the spectrum has none."""
        return next((window for window in self.windows if window.name == name), None)

    def named(self, window: EnergyWindow) -> EnergyWindow:
        """The same bounds under the name of the preset that has them, or without a name."""
        own = (w for w in self.windows if w.bounds == window.bounds)
        return next(own, EnergyWindow("", window.low_ev, window.high_ev))


def find_presets(energy_rel_ev: ArrayLike, mu: ArrayLike) -> WindowPresets:
    """Find the windows of a spectrum on its own features.

    ``pre-edge``
        The pre-edge peak, to the minimum between it and the edge, and as far below.
    ``rising edge``
        From that minimum, or from a tenth of the edge step, to halfway between half an edge step
        and the first maximum.
    ``first maximum``
        Of a spectrum whose highest maximum is a later one.
    ``white line``
        The highest maximum, on either side halfway down to the next minimum (to half an edge step
        where the edge is next), but not more than 8 eV.
    ``first oscillation``
        The minimum and the maximum after the white line.
    ``post-edge``
        All that follows the white line.

    These are rules of thumb; bounds are rounded to 0.5 eV.

    Parameters
    ----------
    energy_rel_ev, mu : array_like, (k,)
        Energies relative to E0 (eV) and a spectrum whose edge step is 1.

    Raises
    ------
    SpectrumError
        As :func:`xanes_core.spectra.spectral_features`; the spectrum has no edge.
    """
    energy, curve = np.asarray(energy_rel_ev, dtype=float), np.asarray(mu, dtype=float)
    features = spectral_features(energy, curve)
    half_ev = features.edge_half_ev
    if not math.isfinite(half_ev):
        raise SpectrumError("the spectrum does not rise through half an edge step: it has no edge")
    maxima = find_peaks(energy, curve, prominence=_PROMINENCE).energy_ev
    maxima = maxima[maxima > half_ev]
    bounds = {"pre-edge": _pre_edge(energy, curve, features.pre_edge_ev, half_ev)}
    foot = bounds["pre-edge"][1] if bounds["pre-edge"] else _foot(energy, curve, half_ev)
    around = [_around(energy, curve, half_ev, maxima, i) for i in range(len(maxima))]
    if around:
        at = int(np.argmin(np.abs(maxima - features.white_line_ev)))
        bounds["rising edge"] = (foot, _rise_end(energy, curve, half_ev, float(maxima[0])))
        bounds["first maximum"] = around[0] if at else None
        bounds["white line"] = around[at]
        following = around[at + 1 : at + 2]
        end = around[at][1]
        bounds["first oscillation"] = (end, following[0][1]) if following else None
    else:
        end = _rise_end(energy, curve, half_ev, float(energy[np.argmax(curve)]))
        bounds["rising edge"] = (foot, end)
        bounds |= {"first maximum": None, "white line": None, "first oscillation": None}
    bounds["post-edge"] = (end, float(energy[-1]))
    return WindowPresets(
        tuple(_rounded(name, *pair) for name, pair in bounds.items() if pair is not None),
        MappingProxyType({name: why for name, why in _WHY_NOT.items() if bounds[name] is None}),
    )


def _rounded(name: str, low_ev: float, high_ev: float) -> EnergyWindow:
    low, high = (round(bound / _STEP_EV) * _STEP_EV for bound in (low_ev, high_ev))
    return EnergyWindow(name, low, max(high, low + 2 * _STEP_EV))


def _pre_edge(
    energy: np.ndarray, curve: np.ndarray, peak_ev: float, half_ev: float
) -> tuple[float, float] | None:
    if not math.isfinite(peak_ev):
        return None
    reach = float(np.clip(_lowest(energy, curve, peak_ev, half_ev) - peak_ev, *_PRE_EDGE_REACH_EV))
    return peak_ev - reach, min(peak_ev + reach, half_ev)


def _foot(energy: np.ndarray, curve: np.ndarray, half_ev: float) -> float:
    """Where mu last rises through a tenth of the edge step before half of it."""
    below = np.flatnonzero((curve < _FOOT) & (energy < half_ev))
    return float(energy[below[-1]] if below.size else energy[0])


def _around(
    energy: np.ndarray, curve: np.ndarray, half_ev: float, maxima: np.ndarray, i: int
) -> tuple[float, float]:
    """From halfway up to halfway down a maximum."""
    top_ev = float(maxima[i])
    height = float(np.interp(top_ev, energy, curve))
    before = _lowest(energy, curve, float(maxima[i - 1]), top_ev) if i else half_ev
    after = _lowest(energy, curve, top_ev, float([*maxima, energy[-1]][i + 1]))
    levels = [(height + float(np.interp(place, energy, curve))) / 2 for place in (before, after)]
    low = _crossing(energy, curve, levels[0], before)
    falls = np.flatnonzero((energy > top_ev) & (curve <= levels[1]))
    high = float(energy[falls[0]]) if falls.size else after
    return max(low, top_ev - _MAXIMUM_REACH_EV), min(high, top_ev + _MAXIMUM_REACH_EV)


def _rise_end(energy: np.ndarray, curve: np.ndarray, half_ev: float, top_ev: float) -> float:
    """Where mu is halfway between half an edge step and a maximum after it."""
    level = (0.5 + float(np.interp(top_ev, energy, curve))) / 2
    return _crossing(energy, curve, level, half_ev)


def _lowest(energy: np.ndarray, curve: np.ndarray, low_ev: float, high_ev: float) -> float:
    """Energy of the lowest point between two energies."""
    inside = np.where((energy >= low_ev) & (energy <= high_ev), curve, np.inf)
    return float(energy[np.argmin(inside)])


def _crossing(energy: np.ndarray, curve: np.ndarray, level: float, from_ev: float) -> float:
    """First energy from another one on where the curve is at least this high."""
    return float(energy[np.argmax((energy >= from_ev) & (curve >= level))])

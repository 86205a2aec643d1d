"""Normalise a measured spectrum to an edge step of one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import SpectrumError
from xanes_core.spectra.slope import smoothed_slope
from xanes_core.spectra.spectrum import Spectrum

#: FWHM (eV) of the Gaussian that smooths the derivative in which E0 is looked for.
E0_SMOOTHING_EV = 3.0
#: Energies relative to the tabulated edge (eV) between which E0 is looked for.
E0_SEARCH_EV = (-15.0, 30.0)
#: Fewest points in a fit range.
MIN_PRE_EDGE_POINTS = 3
MAX_ORDER = 3


@dataclass(frozen=True)
class Normalised:
    """A normalised spectrum and how it was made.

    ``spectrum`` is in edge steps; ``pre_edge`` and ``post_edge`` (n,) are the fitted curves in the
    unit of the input; ``edge_step`` is their distance at ``e0_ev`` (absolute, eV). The ranges
    (eV) are relative to ``e0_ev``; ``order`` is that of the post-edge polynomial.
    """

    spectrum: Spectrum
    pre_edge: np.ndarray
    post_edge: np.ndarray
    edge_step: float
    e0_ev: float
    pre_range_ev: tuple[float, float]
    post_range_ev: tuple[float, float]
    order: int


def find_e0(spectrum: Spectrum, *, element: str | None = None) -> float:
    """Energy (eV) of the steepest rise: maximum of the smoothed derivative.

    The derivative is smoothed by a Gaussian of 3 eV FWHM, so that noise does not win. Where the
    element (or the spectrum's own E0) is known, only energies from 15 eV below to 30 eV above the
    tabulated edge are searched; a very strong pre-edge peak may still be the steepest rise.

    Raises
    ------
    SpectrumError
        An element without a tabulated edge, no spectrum near the edge, or no rise.
    """
    if element is not None and element not in K_EDGE_EV:
        raise SpectrumError(f"no K edge is tabulated for {str(element)[:20]!r}")
    centre = K_EDGE_EV[element] if element is not None else spectrum.e0_ev
    energy, mu = spectrum.energy_ev, spectrum.mu
    low, high = float(energy[0]), float(energy[-1])
    if centre is not None:
        low, high = max(low, centre + E0_SEARCH_EV[0]), min(high, centre + E0_SEARCH_EV[1])
    if high - low < E0_SMOOTHING_EV:
        raise SpectrumError(
            f"the spectrum ({energy[0]:.0f} to {energy[-1]:.0f} eV) does not reach across the edge"
            + (f" at {centre:.0f} eV; check the element" if centre is not None else "")
        )
    even, rise = smoothed_slope(energy, mu, (low, high), E0_SMOOTHING_EV)
    best = int(np.argmax(rise))
    if rise[best] <= 1e-12 * max(np.abs(mu).max(), 1e-300):
        raise SpectrumError("the spectrum rises nowhere near the edge; check the column read")
    return float(even[best])


def default_ranges(
    spectrum: Spectrum, e0_ev: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Pre- and post-edge range (eV relative to ``e0_ev``) that suit the reach of a spectrum.

    Pre-edge: from the start (at most 200 eV below) to a third of that, but not nearer than 10 eV.
    Post-edge: from a third of the reach (at most 150 eV) to the end (at most 800 eV).
    """
    start = max(float(spectrum.energy_ev[0]) - e0_ev, -200.0)
    end = min(float(spectrum.energy_ev[-1]) - e0_ev, 800.0)
    return (start, min(start / 3.0, -10.0)), (min(150.0, end / 3.0), end)


def _default_order(post_range_ev: tuple[float, float]) -> int:
    """Order of the post-edge polynomial that its range can carry: 0, 1 or 2."""
    reach = post_range_ev[1] - post_range_ev[0]
    return 0 if reach < 50.0 else 1 if reach < 350.0 else 2


def _inside(
    spectrum: Spectrum, e0_ev: float, limits: tuple[float, float], need: int, what: str
) -> np.ndarray:
    low, high = limits
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise SpectrumError(f"the {what} range must ascend, got {low:g} to {high:g} eV")
    relative = spectrum.energy_ev - e0_ev
    # A range given to the last digit of the first or last energy includes that point.
    inside = (relative >= low - 1e-6) & (relative <= high + 1e-6)
    if inside.sum() < need:
        raise SpectrumError(
            f"the {what} range of {low:g} to {high:g} eV holds {int(inside.sum())} points, at "
            f"least {need} are needed; the spectrum covers {relative[0]:.0f} to "
            f"{relative[-1]:.0f} eV around E0. Move the range, or use the spectrum as normalised"
        )
    return inside


def normalise(
    spectrum: Spectrum,
    *,
    e0_ev: float | None = None,
    pre_range_ev: tuple[float, float] | None = None,
    post_range_ev: tuple[float, float] | None = None,
    order: int | None = None,
) -> Normalised:
    """Subtract a pre-edge line and divide by the edge step.

    ``mu_norm = (mu - pre(E)) / step``, ``step = post(e0) - pre(e0)``, ``pre`` a line fitted to the
    pre-edge range and ``post`` a polynomial fitted to the post-edge range.

    Parameters
    ----------
    spectrum : Spectrum
    e0_ev : float, optional
        Absolute energy (eV) at which the step is taken and which the ranges are relative to;
        :func:`find_e0` where left out.
    pre_range_ev, post_range_ev : (float, float), optional
        Fit ranges relative to that energy (eV); :func:`default_ranges` where left out.
    order : int, optional
        Order of the post-edge polynomial, 0 to 3; left out, 0, 1 or 2 for a range shorter than
        50 eV, shorter than 350 eV or longer.

    Returns
    -------
    Normalised
        Its spectrum keeps the E0 of the input (the models' reference), or takes the one found
        where the input had none.

    Raises
    ------
    SpectrumError
        Ranges with too few points, below or above the wrong side of the edge; an order outside 0 to
        3; an edge step of zero or less; E0 that cannot be found or lies outside the spectrum.
    """
    e0 = find_e0(spectrum) if e0_ev is None else float(e0_ev)
    energy = spectrum.energy_ev
    if not energy[0] < e0 < energy[-1]:
        raise SpectrumError(
            f"E0 = {e0:.1f} eV lies outside the spectrum ({energy[0]:.1f} to {energy[-1]:.1f} eV)"
        )
    default_pre, default_post = default_ranges(spectrum, e0)
    pre_range = default_pre if pre_range_ev is None else pre_range_ev
    post_range = default_post if post_range_ev is None else post_range_ev
    if order is None:
        order = _default_order(post_range)
    if isinstance(order, bool) or order not in range(MAX_ORDER + 1):
        raise SpectrumError(f"the order of the post-edge polynomial must be 0 to 3, got {order}")
    before = _inside(spectrum, e0, pre_range, MIN_PRE_EDGE_POINTS, "pre-edge")
    after = _inside(spectrum, e0, post_range, order + 2, "post-edge")
    if pre_range[1] > 0 or post_range[0] < 0:
        raise SpectrumError("the pre-edge range must lie below E0 and the post-edge range above it")
    x = energy - e0
    pre = np.polynomial.Polynomial.fit(x[before], spectrum.mu[before], 1)
    post = np.polynomial.Polynomial.fit(x[after], spectrum.mu[after], order)
    step = float(post(0.0) - pre(0.0))
    if not step > 0:
        raise SpectrumError(
            f"the edge step is {step:.3g}, but must be positive; move the ranges, or check that "
            "the column is an absorption and not a transmission"
        )
    pre_curve, post_curve = pre(x), post(x)
    mu = (spectrum.mu - pre_curve) / step
    metadata = {**spectrum.metadata, "normalised": "yes", "edge_step": f"{step:.6g}"}
    kept = spectrum.e0_ev if spectrum.e0_ev is not None else e0
    done = replace(spectrum, mu=mu, e0_ev=kept, metadata=metadata)
    return Normalised(done, pre_curve, post_curve, step, e0, pre_range, post_range, order)

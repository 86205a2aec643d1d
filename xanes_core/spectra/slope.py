"""How steeply a spectrum rises: d mu / dE, smoothed alike whatever the energies are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xanes_core.errors import SpectrumError
from xanes_core.spectra.spectrum import Spectrum

#: FWHM (eV) of the Gaussian that a derivative to look at is smoothed by.
SLOPE_SMOOTHING_EV = 1.0
#: Steps (eV) of the even energies that are smoothed, and how many of them there may be.
_STEP_EV, _MAX_STEPS = 0.1, 1_000_000


def smoothed_slope(
    energy_ev: np.ndarray, mu: np.ndarray, limits_ev: tuple[float, float], fwhm_ev: float
) -> tuple[np.ndarray, np.ndarray]:
    """Even energies (k,) in eV within limits, and d mu / dE (1/eV) of the smoothed curve there.

    The curve, straight between its points and level beyond its ends, is folded with the derivative
    of a Gaussian.

    Raises
    ------
    SpectrumError
        More energies than can be smoothed.
    """
    from scipy.ndimage import gaussian_filter1d  # predicting does without

    low, high = limits_ev
    # smoothing needs its surroundings
    margin = 3.0 * fwhm_ev
    even = np.arange(low - margin, high + margin + _STEP_EV, _STEP_EV)
    if even.size > _MAX_STEPS:
        raise SpectrumError("the spectrum is too long to look for an edge; name the element")
    sigma = fwhm_ev / (2.0 * np.sqrt(2.0 * np.log(2.0))) / _STEP_EV
    values = np.interp(even, energy_ev, mu)
    rise = gaussian_filter1d(values, sigma, order=1, mode="nearest", truncate=6.0)
    inside = (even >= low) & (even <= high)
    return even[inside], rise[inside] / _STEP_EV


def derivative(spectrum: Spectrum, *, fwhm_ev: float = SLOPE_SMOOTHING_EV) -> Spectrum:
    """Slope of a spectrum, on its own energies.

    Where a spectrum ends the half of the Gaussian that sees nothing would pull the slope down: its
    curve is continued there by its last slope.

    Parameters
    ----------
    spectrum : Spectrum
        mu(E).
    fwhm_ev : float, optional
        FWHM (eV) of the Gaussian that smooths it; curves to compare are smoothed alike.

    Returns
    -------
    Spectrum
        ``mu`` holds d mu / dE in the unit of mu per eV.

    Raises
    ------
    SpectrumError
        A width that is not positive, or a spectrum of more than 100,000 eV.
    """
    if not (np.isfinite(fwhm_ev) and fwhm_ev > 0):
        raise SpectrumError(f"the width to smooth by must be a positive energy, got {fwhm_ev}")
    energy, mu = spectrum.energy_ev, spectrum.mu
    reach = 4.0 * fwhm_ev
    wide = np.concatenate([[energy[0] - reach], energy, [energy[-1] + reach]])
    first = (mu[1] - mu[0]) / (energy[1] - energy[0])
    last = (mu[-1] - mu[-2]) / (energy[-1] - energy[-2])
    longer = np.concatenate([[mu[0] - reach * first], mu, [mu[-1] + reach * last]])
    limits = (float(energy[0]) - _STEP_EV, float(energy[-1]) + _STEP_EV)
    even, slope = smoothed_slope(wide, longer, limits, fwhm_ev)
    return replace(spectrum, mu=np.interp(energy, even, slope))

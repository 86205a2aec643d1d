"""A calculated spectrum made to look measured, to try a fit on where no measurement is at hand."""

from __future__ import annotations

import numpy as np

from xanes_core.errors import SpectrumError
from xanes_core.spectra.spectrum import Spectrum, shift

_FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))


def imitate_measurement(
    spectrum: Spectrum, *, shift_ev: float, broadening_ev: float, noise: float, seed: int
) -> Spectrum:
    """The spectrum moved, smeared and with white noise; the same for the same seed.

    Parameters
    ----------
    spectrum : Spectrum
        Calculated, edge step 1, on even energies.
    shift_ev : float
        Added to its energies (eV).
    broadening_ev : float
        Full width at half maximum (eV) of the Gaussian that smears it; 0 for none.
    noise : float
        Standard deviation of the noise (edge steps).
    seed : int
        Of the noise.

    Raises
    ------
    SpectrumError
        Energies that are not even, or a negative width or noise.
    """
    from scipy.ndimage import gaussian_filter1d  # predicting does without

    if not (broadening_ev >= 0 and noise >= 0):
        raise SpectrumError("broadening and noise are 0 or more")
    steps = np.diff(spectrum.energy_ev)
    if np.ptp(steps) > 1e-6 * steps.mean():
        raise SpectrumError("a measurement is imitated on even energies: resample the spectrum")
    sigma = broadening_ev / _FWHM_PER_SIGMA / steps.mean()
    smeared = gaussian_filter1d(spectrum.mu, sigma, mode="nearest") if sigma else spectrum.mu
    noisy = smeared + np.random.default_rng(seed).normal(0.0, noise, len(spectrum))
    made = Spectrum(spectrum.energy_ev, noisy, spectrum.e0_ev, spectrum.metadata)
    return shift(made, shift_ev)

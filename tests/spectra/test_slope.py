"""Derivatives of spectra."""

import numpy as np
import pytest

from xanes_core.errors import SpectrumError
from xanes_core.spectra import Spectrum, derivative


def test_a_line_has_its_slope_everywhere_ends_included():
    energy = np.sort(np.concatenate([np.arange(7000.0, 7100.0, 7.0), np.arange(7000.5, 7050, 0.4)]))
    steep = derivative(Spectrum(energy, 0.25 * energy - 1000.0, 7050.0, {"element": "Fe"}))
    np.testing.assert_allclose(steep.mu, 0.25, atol=1e-6)
    assert (steep.e0_ev, steep.metadata["element"]) == (7050.0, "Fe")
    np.testing.assert_array_equal(steep.energy_ev, energy)


@pytest.mark.parametrize("fwhm_ev", [0.5, 1.0, 3.0])
def test_a_gaussian_step_keeps_its_area_and_gets_the_width_of_both(fwhm_ev):
    from scipy.special import erf

    energy = np.arange(7080.0, 7140.0, 0.1)
    sigma, smooth = 2.0, fwhm_ev / 2.3548200450309493
    mu = 0.5 * (1.0 + erf((energy - 7110.0) / (sigma * np.sqrt(2.0))))
    steep = derivative(Spectrum(energy, mu), fwhm_ev=fwhm_ev).mu
    wide = np.hypot(sigma, smooth)
    expected = np.exp(-((energy - 7110.0) ** 2) / (2 * wide**2)) / (wide * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(steep, expected, atol=3e-4)


@pytest.mark.parametrize("fwhm_ev", [0.0, -1.0, float("nan")])
def test_a_width_must_be_positive(fwhm_ev):
    with pytest.raises(SpectrumError, match="must be a positive energy"):
        derivative(Spectrum([7000.0, 7001.0], [0.0, 1.0]), fwhm_ev=fwhm_ev)


def test_a_spectrum_over_all_energies_is_too_long():
    with pytest.raises(SpectrumError, match="too long"):
        derivative(Spectrum([300.0, 190_000.0], [0.0, 1.0]))

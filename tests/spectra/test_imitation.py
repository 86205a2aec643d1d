"""A calculated spectrum that looks measured: what is done to it is exactly what was asked for."""

import numpy as np
import pytest

from xanes_core.errors import SpectrumError
from xanes_core.spectra import Spectrum, imitate_measurement

ENERGY_EV = 7112.0 + np.linspace(-15.0, 60.0, 226)


def imitated(spectrum, *, shift_ev=0.0, broadening_ev=0.0, noise=0.0, seed=0):
    return imitate_measurement(
        spectrum, shift_ev=shift_ev, broadening_ev=broadening_ev, noise=noise, seed=seed
    )


def gaussian(fwhm_ev):
    return np.exp(-4 * np.log(2) * ((ENERGY_EV - 7130.0) / fwhm_ev) ** 2) / fwhm_ev


def test_nothing_asked_for_changes_nothing():
    spectrum = Spectrum(ENERGY_EV, gaussian(8.0), 7112.0, {"element": "Fe"})
    made = imitated(spectrum)
    np.testing.assert_array_equal(made.mu, spectrum.mu)
    assert made.metadata == spectrum.metadata


def test_a_gaussian_is_smeared_to_the_width_of_both():
    made = imitated(Spectrum(ENERGY_EV, gaussian(8.0), 7112.0), broadening_ev=6.0)
    np.testing.assert_allclose(made.mu, gaussian(10.0), atol=2e-4)


def test_shift_and_noise_are_those_asked_for_and_come_again():
    flat = Spectrum(ENERGY_EV, np.ones(226), 7112.0)
    made = imitated(flat, shift_ev=1.8, noise=0.01, seed=3)
    np.testing.assert_allclose(made.energy_ev, ENERGY_EV + 1.8)
    assert np.std(made.mu) == pytest.approx(0.01, rel=0.2)
    np.testing.assert_array_equal(made.mu, imitated(flat, noise=0.01, seed=3).mu)
    assert not np.array_equal(made.mu, imitated(flat, noise=0.01, seed=4).mu)


def test_what_cannot_be_done_is_said():
    flat = Spectrum(ENERGY_EV, np.ones(226), 7112.0)
    with pytest.raises(SpectrumError, match="0 or more"):
        imitated(flat, noise=-0.1)
    uneven = Spectrum(ENERGY_EV**1.01, np.ones(226))
    with pytest.raises(SpectrumError, match="even energies"):
        imitated(uneven)

"""Emission spectra: their area, what is refused, and the numbers read off them."""

import numpy as np
import pytest

from tests.predictions import made_emission
from xanes_core.errors import SpectrumError
from xanes_core.spectra.agreement import features_with_uncertainty
from xanes_core.spectra.emission import (
    area_normalised,
    area_of_reference,
    emission_features,
)
from xanes_core.spectra.kinds import XES
from xanes_core.spectra.spectrum import Spectrum

GRID = XES.energy_rel_ev


def gaussian(centre_ev, height=1.0, width_ev=1.0):
    return height * np.exp(-(((GRID - centre_ev) / width_ev) ** 2))


@pytest.mark.parametrize("factor", [1e-3, 1.0, 250.0])
def test_the_area_is_one_whatever_the_unit(factor):
    made = area_normalised(GRID, factor * gaussian(0, width_ev=2))
    np.testing.assert_allclose(made, gaussian(0, width_ev=2) / (2 * np.sqrt(np.pi)), atol=1e-6)


@pytest.mark.parametrize(
    ("curve", "message"),
    [
        (np.zeros_like(GRID), "no emission on the energies"),
        (gaussian(0) - 0.05, "negative, down to -5 % of its maximum"),
        (gaussian(13.5, width_ev=2), r"still \d+ % of its maximum at 14 eV"),
        (np.where(GRID < 6, 1.0, 0.0), "flat below its maximum"),
        (gaussian(-12), "less than 10 % of the emission lies above -9 eV"),
    ],
)
def test_what_is_no_emission_is_refused(curve, message):
    with pytest.raises(SpectrumError, match=message):
        area_normalised(GRID, curve)


def spectrum_of(curve, background=0.0):
    return Spectrum(GRID + 7112.0, 30.0 * curve + background, 7112.0)


def test_a_measurement_gets_the_area_of_the_prediction():
    wanted = gaussian(0, width_ev=2) / (2 * np.sqrt(np.pi))
    made = area_of_reference(spectrum_of(gaussian(0, width_ev=2)), GRID + 7112.0, wanted)
    np.testing.assert_allclose(made.mu, wanted, atol=1e-9)


def test_a_short_scan_gets_the_area_of_its_part():
    wanted = gaussian(0, width_ev=2)
    part = slice(60, 90)
    scan = Spectrum(GRID[part] + 7112.0, 5 * wanted[part], 7112.0)
    made = area_of_reference(scan, GRID + 7112.0, wanted)
    np.testing.assert_allclose(made.mu, wanted[part], atol=1e-9)


def test_a_line_under_a_measurement_is_taken_away():
    wanted = gaussian(0, width_ev=2)
    scan = spectrum_of(wanted, background=4.0 - 0.2 * GRID)
    made = area_of_reference(scan, GRID + 7112.0, wanted, subtract_line=True)
    np.testing.assert_allclose(made.mu, wanted, atol=1e-9)


@pytest.mark.parametrize(
    ("scan", "message"),
    [
        (Spectrum(GRID + 8979.0, gaussian(0)), r"\(8957 to 8993 eV\) does not overlap"),
        (spectrum_of(-gaussian(0)), "no emission is left"),
    ],
)
def test_a_spectrum_that_cannot_be_scaled_is_refused(scan, message):
    with pytest.raises(SpectrumError, match=message):
        area_of_reference(scan, GRID + 7112.0, gaussian(0))


def test_main_peak_mean_and_satellite_are_where_they_were_put():
    found = emission_features(GRID, gaussian(1.03, 0.2, 2) + gaussian(-11.97, 0.3))
    assert found.main_peak_ev == pytest.approx(1.03, abs=0.01)
    assert found.main_peak_height == pytest.approx(0.2, abs=1e-3)
    assert found.mean_energy_ev == pytest.approx(1.03, abs=0.01)
    assert found.satellite_ev == pytest.approx(-11.97, abs=0.01)
    assert found.satellite_height == pytest.approx(0.3, abs=1e-3)


def test_a_single_peak_has_no_satellite_and_a_slope_no_peak():
    single = emission_features(GRID, gaussian(0))
    assert np.isnan([single.satellite_ev, single.satellite_height]).all()
    slope = emission_features(GRID, 15 - GRID)
    assert np.isnan([slope.main_peak_ev, slope.satellite_ev]).all()
    assert np.isfinite(slope.mean_energy_ev)


def test_a_shoulder_above_the_main_peak_is_no_satellite():
    found = emission_features(GRID, gaussian(0) + gaussian(4, 0.5))
    assert np.isnan(found.satellite_ev)


@pytest.mark.parametrize(
    ("curve", "message"),
    [(np.zeros_like(GRID), "no emission above -9 eV"), (np.ones((2, GRID.size)), "off one curve")],
)
def test_features_of_nothing_are_refused(curve, message):
    with pytest.raises(SpectrumError, match=message):
        emission_features(GRID, curve)


def test_members_give_the_uncertainty_of_every_feature():
    prediction = made_emission()
    members = np.array([area_normalised(GRID, gaussian(c, width_ev=2)) for c in (-1.0, 0.0, 1.0)])
    found = features_with_uncertainty(prediction.energy_rel_ev, members, read=emission_features)
    assert tuple(found) == (
        "main_peak_ev", "main_peak_height", "mean_energy_ev", "satellite_ev", "satellite_height",
    )  # fmt: skip
    assert found["main_peak_ev"].value == pytest.approx(0, abs=1e-6)
    assert found["main_peak_ev"].spread == pytest.approx(1, abs=1e-3)
    assert found["main_peak_ev"].share == 1
    assert found["satellite_ev"].n_agreeing == 0

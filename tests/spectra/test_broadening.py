import numpy as np
import pytest

from xanes_core.errors import SpectrumError
from xanes_core.spectra import broadening as module
from xanes_core.spectra.broadening import arctan_width, broaden_arctan
from xanes_core.spectra.spectrum import Spectrum

E0 = 1000.0


def uneven(step=1.0):
    """Fine in the middle, coarse outside, irregular everywhere (eV relative to E0)."""
    gaps = np.random.default_rng(0).uniform(0.02, 0.2, 1200) * step
    middle = np.cumsum(gaps)
    middle = middle - middle.mean()
    outside = np.arange(-300, 300, 0.5 * step)
    outside = outside[(outside < middle[0] - 0.5) | (outside > middle[-1] + 0.5)]
    return np.sort(np.concatenate([outside, middle]))


def lorentz(x, fwhm):
    return fwhm / (2 * np.pi) / (x**2 + fwhm**2 / 4)


def gauss(x, fwhm):
    return np.exp(-4 * np.log(2) * (x / fwhm) ** 2) * np.sqrt(4 * np.log(2) / np.pi) / fwhm


def step(x, fwhm):
    return 0.5 + np.arctan(2 * x / fwhm) / np.pi


X = uneven()


def broad(x, mu, fwhm):
    """Broadened by a constant width, with nothing cut off."""
    spectrum = Spectrum(x + E0, mu, E0)
    return broaden_arctan(spectrum, width_ev=fwhm, width_max_ev=0, ef_ev=2 * x[0]).mu


def test_lorentzian_on_lorentzian_is_a_wider_lorentzian():
    np.testing.assert_allclose(broad(X, lorentz(X, 2), 3), lorentz(X, 5), atol=1e-4)


@pytest.mark.parametrize(("width", "added"), [(2, 3), (0.5, 10)])
def test_a_broadened_arctangent_step_is_a_wider_arctangent_step(width, added):
    result = broad(X, step(X, width), added)
    inner = np.abs(X) < 100  # further out the step's own tail beyond the grid is missing
    np.testing.assert_allclose(result[inner], step(X, width + added)[inner], atol=4e-4)


def test_width_at_half_maximum_is_the_one_asked_for():
    x = np.linspace(-40, 40, 2001)
    mu = broad(x, np.where(np.abs(x) < 1e-9, 1.0, 0.0), 4)
    assert np.ptp(x[mu >= mu.max() / 2]) == pytest.approx(4, abs=0.1)


def test_the_area_of_a_line_is_kept():
    line = np.exp(-(X**2) / 2)
    # A Lorentzian leaves 2/pi * (fwhm/2) / 300 of its area outside the grid.
    area = np.trapezoid(line, X)
    assert np.trapezoid(broad(X, line, 1.0), X) == pytest.approx(area, rel=3e-3)


def test_refining_the_grid_changes_nothing():
    x = uneven(4.0)
    mu = step(x - 5, 1.5) + gauss(x - 9, 4)
    finer = np.union1d(x, np.random.default_rng(1).uniform(x[0], x[-1], 400))
    fine = broad(finer, np.interp(finer, x, mu), 2)
    np.testing.assert_allclose(np.interp(x, finer, fine), broad(x, mu, 2), atol=1e-9)


def test_hardly_any_width_gives_the_curve_back():
    mu = step(X, 1.5)
    # the first point has nothing below it
    np.testing.assert_allclose(broad(X, mu, 1e-9)[1:], mu[1:], atol=1e-8)


def test_long_spectra_are_done_in_parts(monkeypatch):
    spectrum = Spectrum(X + E0, step(X, 1), E0)
    whole = broaden_arctan(spectrum).mu
    monkeypatch.setattr(module, "_CHUNK", 7)
    np.testing.assert_allclose(broaden_arctan(spectrum).mu, whole, rtol=1e-12)


def test_too_many_points():
    with pytest.raises(SpectrumError, match="too many to broaden"):
        broaden_arctan(Spectrum(np.arange(1.0, 5_003.0), np.zeros(5_002), 1.0))


# --- FDMNES


def test_arctan_width_has_its_limits_and_its_centre():
    width = arctan_width([-50, -1, 29, 1e9], width_ev=1, width_max_ev=15)
    # At e = 1 the arctangent is zero: half of the final width is reached at E_F + E_cent.
    np.testing.assert_allclose(width, [1, 1, 8.5, 16], rtol=1e-6)
    assert np.all(np.diff(arctan_width(np.linspace(-20, 200, 500))) >= 0)


def test_arctan_width_by_hand():
    e = (10 + 1) / 30
    expected = 1 + 15 * (0.5 + np.arctan(np.pi / 3 * 15 / 30 * (e - 1 / e**2)) / np.pi)
    assert arctan_width(10.0) == pytest.approx(expected)


def test_without_growth_it_is_the_plain_lorentzian_of_what_lies_above_the_fermi_energy():
    mu = 1 + 0.3 * np.sin(X / 7)
    result = broaden_arctan(Spectrum(X + E0, mu, E0), width_ev=2, width_max_ev=0, ef_ev=-5)
    dense = np.linspace(-5, X[-1], 1_000_001)
    for n in range(0, X.size, 100):
        inside = np.trapezoid(np.interp(dense, X, mu) * lorentz(X[n] - dense, 2), dense)
        beyond = mu[-1] * step(X[n] - X[-1], 2)
        assert result.mu[n] == pytest.approx(inside + beyond, abs=1e-6)


def test_occupied_states_do_not_count():
    mu = step(X - 8, 1)
    occupied = mu + gauss(X + 20, 3) * 10
    results = [broaden_arctan(Spectrum(X + E0, m, E0)).mu for m in (mu, occupied)]
    assert np.abs(results[1] - results[0]).max() < 1e-6


def test_the_cut_does_not_depend_on_where_the_points_lie():
    def at_zero(x):
        x = np.union1d(x, [0.0])
        spectrum = Spectrum(x + E0, np.ones(x.size), E0)
        return broaden_arctan(spectrum, ef_ev=-0.63).mu[x == 0.0]

    assert at_zero(uneven(1.0)) == pytest.approx(at_zero(uneven(8.0)), rel=2e-3)
    coarse = np.arange(-20, 60, 1 / 3)
    finer = np.sort(np.concatenate([coarse, coarse[:-1] + 0.1]))
    assert at_zero(coarse) == pytest.approx(at_zero(finer), rel=2e-3)


def test_a_point_at_the_fermi_energy_is_counted_once():
    x = np.arange(-20.0, 60.0, 0.5)
    on_point, nearly = (
        broaden_arctan(Spectrum(x + E0, step(x, 2), E0), ef_ev=ef).mu for ef in (-1, -1 - 1e-10)
    )
    np.testing.assert_allclose(on_point, nearly, atol=1e-8)


def test_a_constant_stays_constant_far_above_the_fermi_energy():
    x = np.linspace(-4000, 4000, 2000)
    ones = Spectrum(x + 1e4, np.ones(x.size), 1e4)
    result = broaden_arctan(ones, ef_ev=-3999.9, width_max_ev=0)
    np.testing.assert_allclose(result.mu[x > 0], 1, atol=2e-3)


def test_each_state_is_spread_by_its_own_width():
    # two lines so narrow that each is one width, the second where the width has grown
    x = np.arange(-40.0, 200.0, 0.05)
    spike = [np.where(np.abs(x - at) < 0.01, 1.0, 0.0) for at in (2.0, 100.0)]
    for at, mu in zip((2.0, 100.0), spike, strict=True):
        result = broaden_arctan(Spectrum(x + E0, mu, E0)).mu
        wanted = 0.05 * lorentz(x - at, float(arctan_width(at)))
        np.testing.assert_allclose(result, wanted, rtol=2e-3, atol=1e-7)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width_ev": 0}, "width_ev must be a positive"),
        ({"ec_ev": -1}, "ec_ev must be a positive"),
        ({"el_ev": np.nan}, "el_ev must be a positive"),
        ({"width_max_ev": -1}, "width_max_ev must be zero or positive"),
        ({"ef_ev": np.inf}, "ef_ev finite"),
        ({"ef_ev": 5000}, "below the Fermi energy"),
    ],
)
def test_arctan_broadening_refuses(options, message):
    with pytest.raises(SpectrumError, match=message):
        broaden_arctan(Spectrum(X + E0, step(X, 1), E0), **options)


def test_arctan_broadening_needs_e0():
    with pytest.raises(SpectrumError, match="no E0"):
        broaden_arctan(Spectrum(X + E0, step(X, 1)))

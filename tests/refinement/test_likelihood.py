"""The likelihood: closed forms of its nuisances, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_t

from tests.refinement.linear_model import BASE, GRID_EV, SLOPE, plain_errors, spectrum
from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import RefinementError
from xanes_core.refinement import Measured, Nuisances, Prior, SpectrumLikelihood
from xanes_core.refinement.likelihood import FINE_EV

NONE = Prior(0.0, 0.0)
FIXED = Nuisances(NONE, Prior(1.0, 0.0), NONE, NONE, NONE)


def likelihood(measured, nuisances=FIXED, errors=None, **more):
    return SpectrumLikelihood(measured, errors or plain_errors(), nuisances, **more)


def test_without_nuisances_it_is_students_t():
    rng = np.random.default_rng(0)
    loadings = 0.05 * rng.standard_normal((len(GRID_EV), 3))
    errors = replace(plain_errors(), loadings=loadings)
    one = likelihood(spectrum(2.02), errors=errors)
    covariance = loadings @ loadings.T + (1e-4 + 1e-8) * np.eye(len(GRID_EV))
    expected = multivariate_t(BASE, covariance, df=5).logpdf(spectrum(2.02).mu)
    assert one.n_independent == pytest.approx(len(GRID_EV))
    assert one.log_density(BASE, 0.0)[0] == pytest.approx(expected, rel=1e-9)


def test_scale_and_background_are_integrated():
    """Linear nuisances add their outer products to the covariance."""
    nuisances = replace(
        FIXED, scale=Prior(1.0, 0.05), offset=Prior(0.01, 0.02), slope_per_ev=Prior(0.0, 1e-3)
    )
    one = likelihood(spectrum(2.01), nuisances)
    x = GRID_EV - GRID_EV.mean()
    shapes = np.column_stack([0.05 * BASE, np.full_like(x, 0.02), 1e-3 * x])
    covariance = shapes @ shapes.T + (1e-4 + 1e-8) * np.eye(len(x))
    target = multivariate_t(BASE + 0.01, covariance, df=5)
    assert one.log_density(BASE, 0.0)[0] == pytest.approx(
        target.logpdf(spectrum(2.01).mu), rel=1e-6
    )


def test_shift_and_scale_are_recovered_exactly():
    """A spectrum moved by a known shift and scaled: nothing is left."""
    nuisances = Nuisances(scale=Prior(1.0, 1.0), offset=NONE, slope_per_ev=NONE, broadening_ev=NONE)
    moved = spectrum(at_ev=1.7)
    found = likelihood(replace(moved, mu=0.93 * moved.mu), nuisances)
    best = found.marginal(BASE)
    assert best.shift_ev[0] == pytest.approx(1.7, abs=2e-3)
    explained = found.explain(BASE, 1.7)
    assert explained.scale == pytest.approx(0.93, abs=1e-4)
    assert explained.misfit < 1e-4


def test_offset_and_slope_are_found():
    nuisances = replace(FIXED, offset=Prior(0.0, 1.0), slope_per_ev=Prior(0.0, 0.1))
    tilted = replace(spectrum(), mu=BASE + 0.03 + 2e-4 * (GRID_EV - GRID_EV.mean()))
    explained = likelihood(tilted, nuisances).explain(BASE, 0.0)
    assert explained.offset == pytest.approx(0.03, abs=1e-5)
    assert explained.slope_per_ev == pytest.approx(2e-4, abs=1e-6)
    np.testing.assert_allclose(explained.mu + explained.residual, tilted.mu)


def test_a_smeared_spectrum_is_recognised():
    nuisances = Nuisances(shift_ev=Prior(0.0, 0.0), broadening_ev=Prior(0.0, 2.0))
    one = likelihood(spectrum(), nuisances)
    smeared = replace(spectrum(), mu=one.operator(0.0, 2.4) @ BASE)
    found = likelihood(smeared, nuisances).marginal(BASE)
    assert found.broadening_ev[0] == pytest.approx(2.4, abs=0.5)


def test_smearing_by_a_gaussian_has_its_closed_form():
    """An edge that is an error function stays one, and variances add."""
    from scipy.special import erf

    def edge(sigma):
        return 0.5 + 0.5 * erf((GRID_EV - 20.1) / np.sqrt(2) / sigma)

    fwhm = 2 * np.sqrt(2 * np.log(2))
    smeared = likelihood(spectrum()).operator(0.0, 2.0 * fwhm) @ edge(1.5)
    np.testing.assert_allclose(smeared, edge(2.5), atol=2e-3)
    assert smeared[0] == pytest.approx(0.0, abs=1e-9)
    assert smeared[-1] == pytest.approx(1.0, abs=1e-9)


def test_stretched_errors_count_as_fewer_points():
    """All errors stretched four times: a quarter of the points, half the steepness."""
    plain = likelihood(spectrum(2.02))
    wide = likelihood(spectrum(2.02), errors=replace(plain_errors(), stretch=4.0))
    assert wide.n_independent == pytest.approx(len(GRID_EV) / 4, rel=1e-2)
    near, far = BASE, BASE + 0.05 * SLOPE
    steep = [float(np.ptp(one.log_density(np.array([near, far]), 0.0))) for one in (plain, wide)]
    assert 2.0 < steep[0] / steep[1] < 5.0


def test_points_of_little_weight_count_little():
    full = spectrum(2.05)
    light = full.weighted({(15, 60): 0.1})
    drop = [
        float(likelihood(one).log_density(np.array([BASE]), 0.0)[0])
        - float(likelihood(one).log_density(np.array([full.mu]), 0.0)[0])
        for one in (full, light)
    ]
    assert drop[0] < drop[1] < 0


def test_points_beyond_theory_are_left_out():
    one = likelihood(spectrum(), Nuisances())
    kept = one.around(3.0).measured.energies_rel_ev
    assert kept.min() >= GRID_EV[0] + 3.0 + 1.5
    assert kept.max() == GRID_EV[-1]
    with pytest.raises(RefinementError, match="theory covers 0 points of the window"):
        one.around(90.0)


@pytest.mark.parametrize("bad", [(np.nan, 1.0), (0.0, -1.0), (0.0, np.inf)])
def test_priors_are_finite(bad):
    with pytest.raises(RefinementError, match="a prior needs a finite mean"):
        Prior(*bad)


def test_a_band_has_a_width():
    with pytest.raises(RefinementError, match="the width of a band must be positive"):
        likelihood(spectrum(), width=0.0)


def test_a_calculated_spectrum_is_not_smeared():
    assert Nuisances.of(spectrum()).broadening_ev.sd == 0
    real = Measured(K_EDGE_EV["Fe"] + GRID_EV, BASE, "Fe")
    assert Nuisances.of(real).broadening_ev.sd > 0


def test_the_raster_is_fine_enough():
    """Summing on a raster twice as fine changes nothing."""
    one = likelihood(spectrum(at_ev=0.337), Nuisances(broadening_ev=NONE), plain_errors(0.3))
    at = np.arange(-0.6, 1.2, FINE_EV / 2)
    both = [one.marginal(BASE, at[::n]).log_evidence[0] for n in (1, 2)]
    assert both[0] == pytest.approx(both[1], abs=0.05)

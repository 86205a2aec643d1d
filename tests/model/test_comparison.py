"""A prediction beside a calculated spectrum: numbers in closed form, and the figure."""

from __future__ import annotations

import numpy as np
import pytest

from tests.predictions import made_prediction
from xanes_core.errors import SpectrumError
from xanes_core.model.comparison import compare, on_shared_grid, prediction_seconds
from xanes_core.model.registry import load_model
from xanes_core.plots.spectrum import (
    RESIDUAL_LABEL,
    Curve,
    EnergyAxis,
    comparison_figure,
    prediction_curve,
)
from xanes_core.plots.style import THEORY, Look
from xanes_core.structures.examples import load_example

MADE = made_prediction()


def test_a_theory_that_is_the_prediction_has_no_misfit():
    found = compare(MADE, MADE.energy_ev, MADE.mu)
    assert found.mse == pytest.approx(0.0, abs=1e-20)
    assert found.share_inside == 1.0
    assert found.error_inside == pytest.approx(0.0, abs=1e-12)
    assert np.isnan(found.error_outside)
    assert found.relative_error_percent == pytest.approx(0.0, abs=1e-10)
    assert found.peaks.share_matched == 1.0


def test_inside_and_outside_are_told_apart():
    theory = MADE.mu.copy()
    theory[:100] += 0.5 * (MADE.upper - MADE.mu)[:100]
    theory[100:126] -= 3.0 * (MADE.mu - MADE.lower)[100:126]
    found = compare(MADE, MADE.energy_ev, theory)
    error = np.abs(theory - MADE.mu)
    assert found.share_inside == pytest.approx(200 / 226)
    outside = np.arange(226)[100:126]
    assert found.error_outside == pytest.approx(error[outside].mean())
    assert found.error_inside == pytest.approx(np.delete(error, outside).mean())
    assert found.mse == pytest.approx((error**2).mean())
    assert found.relative_error_percent == pytest.approx(100 * error.sum() / np.abs(theory).sum())
    np.testing.assert_allclose(found.residual, MADE.mu - theory, atol=1e-12)
    np.testing.assert_allclose(found.upper, MADE.upper - MADE.mu)
    np.testing.assert_allclose(found.lower, MADE.lower - MADE.mu)


def test_all_outside_leaves_no_error_inside():
    found = compare(MADE, MADE.energy_ev, MADE.upper + 1.0)
    assert found.share_inside == 0.0
    assert np.isnan(found.error_inside)


def test_a_shorter_theory_is_compared_where_it_is_known():
    part = slice(60, 150)
    found = compare(MADE, MADE.energy_ev[part], MADE.mu[part] + 0.1)
    assert found.energy_rel_ev.shape == (90,)
    assert found.energy_rel_ev[0] == pytest.approx(MADE.energy_rel_ev[60])
    np.testing.assert_allclose(found.residual, -0.1)


def test_other_energies_are_interpolated_and_the_ends_belong_to_both():
    energy = np.linspace(MADE.energy_ev[0], MADE.energy_ev[-1], 51)
    inside, values = on_shared_grid(MADE, energy, 2.0 * energy)
    assert inside.all()
    np.testing.assert_allclose(values, 2.0 * MADE.energy_ev)


def test_spectra_that_do_not_meet_say_so():
    with pytest.raises(SpectrumError, match="does not overlap with the prediction"):
        compare(MADE, MADE.energy_ev + 1000.0, MADE.mu)
    few = slice(0, 9)
    with pytest.raises(SpectrumError, match="does not overlap"):
        on_shared_grid(MADE, MADE.energy_ev[few], MADE.mu[few])


def test_a_shifted_peak_is_matched():
    found = compare(MADE, MADE.energy_ev + 1.0, MADE.mu)
    assert len(found.peaks.pairs) == 1
    assert found.peaks.position_error_ev[0] == pytest.approx(-1.0, abs=0.05)


def test_a_prediction_takes_time():
    model = load_model("Fe")
    assert 0 < prediction_seconds(model, load_example("ferrocene"), 0) < 60


def figure(axis="relative", with_theory=True, **options):
    curves = [prediction_curve(MADE, "Network, Fe")]
    found = None
    if with_theory:
        curves.append(Curve("FEFF10", MADE.energy_ev, MADE.mu + 0.1, "theory"))
        found = compare(MADE, curves[1].energy_ev, curves[1].mu)
    return comparison_figure(curves, found, EnergyAxis(MADE.e0_ev, axis), **options)


@pytest.mark.parametrize(("axis", "start"), [("relative", -15.0), ("absolute", 7097.0)])
def test_the_residual_shares_the_energy_axis(axis, start):
    made = figure(axis)
    below = [t for t in made.data if t.yaxis == "y2"]
    residual = next(t for t in below if t.name == RESIDUAL_LABEL)
    np.testing.assert_allclose(residual.y, 0.1)
    assert residual.line.color == THEORY
    assert residual.x[0] == pytest.approx(start)
    assert made.layout.xaxis.matches == "x2"
    assert made.layout.xaxis2.range[0] == pytest.approx(start)
    band = next(t for t in below if t.fill == "toself")
    assert max(band.y) == pytest.approx((MADE.upper - MADE.mu).max())
    names = [t.name for t in made.data if t.yaxis != "y2"]
    assert {"Network, Fe", "FEFF10"} <= set(names)


def test_without_theory_there_is_one_panel():
    made = figure(with_theory=False)
    assert all(t.yaxis in (None, "y") for t in made.data)


def test_an_unknown_axis_is_refused():
    with pytest.raises(SpectrumError, match="Unknown energy axis"):
        figure("sideways")


def test_dark_ink_on_dark_pages():
    light, dark = figure(look=Look(dark=False)), figure(look=Look(dark=True))
    assert light.layout.font.color != dark.layout.font.color

"""Figures of a fit: what stands where, and that no name becomes markup."""

import numpy as np
import pytest

from tests.predictions import made_prediction
from xanes_core.plots import (
    Curve,
    EnergyAxis,
    Interval,
    Look,
    change_figure,
    corner_figure,
    figure_text,
    fit_figure,
    fractions_figure,
    ghost_scene,
    parameters_figure,
    prediction_curve,
    shares_figure,
)
from xanes_core.refinement import FittedParameter, StructureFit
from xanes_core.structures import apply_moves, load_example, parse_move

MADE = made_prediction()
AXIS = EnergyAxis(MADE.e0_ev)
MEASURED = Curve("scan <b>", MADE.energy_ev, MADE.mu - 0.1, "measurement")
RESIDUAL = Curve(
    "fitted less measured", MADE.energy_ev, np.full(226, 0.1), "network",
    MADE.lower - MADE.mu, MADE.upper - MADE.mu,
)  # fmt: skip


def parameter(name="all", unit="A", value=0.1, label="All <i> bonds, Fe\u2013O"):
    return FittedParameter(
        name, value, value - 0.01, value + 0.01, value - 0.02, value + 0.02, unit, 0.9, "",
        (-0.3, 0.5), label,
    )  # fmt: skip


@pytest.mark.parametrize("energies", ["relative", "absolute"])
def test_what_lies_outside_the_window_is_shaded_and_the_residual_stands_below(energies):
    axis = EnergyAxis(MADE.e0_ev, energies)
    figure = fit_figure([prediction_curve(MADE), MEASURED], RESIDUAL, axis, window_ev=(-5, 40))
    shades = [(s.x0, s.x1) for s in figure.layout.shapes if s.type == "rect"]
    offset = axis.offset_ev
    np.testing.assert_allclose(
        shades, [(-15 + offset, -5 + offset), (40 + offset, 60 + offset)], atol=1e-6
    )
    line = next(t for t in figure.data if t.name == "fitted less measured")
    np.testing.assert_allclose(line.y, 0.1)
    assert line.yaxis == "y2"
    assert figure.layout.yaxis2.domain[1] < figure.layout.yaxis.domain[0]


def test_without_a_window_or_a_residual_there_is_one_panel_unshaded():
    figure = fit_figure([prediction_curve(MADE), MEASURED], None, AXIS)
    assert not [s for s in figure.layout.shapes if s.type == "rect"]
    assert "yaxis2" not in figure.layout


def test_parameters_are_dots_with_bars_on_what_was_allowed():
    figure = parameters_figure(
        [parameter(), parameter("ligand:2", value=-0.05), parameter("angle:1,2", "deg", 4.0)]
    )
    dots = [t for t in figure.data if t.mode == "markers"]
    assert [list(t.x) for t in dots] == [[0.1, -0.05], [4.0]], "a panel for each unit"
    bars = {t.name: t.x for t in figure.data if t.xaxis == "x" and t.mode == "lines"}
    np.testing.assert_allclose(bars["68 %"][:2], (0.09, 0.11))
    np.testing.assert_allclose(bars["90 %"][:2], (0.08, 0.12))
    np.testing.assert_allclose(bars["allowed"][:2], (-0.3, 0.5))
    titles = [figure.layout[axis].title.text for axis in ("xaxis", "xaxis2")]
    assert titles == ["Change (\u00c5)", "Change (\u00b0)"]
    assert all("<i>" not in a.text for a in figure.layout.annotations)


@pytest.mark.parametrize("p", [1, 3])
def test_a_corner_plot_has_a_histogram_for_each_and_a_cloud_for_each_pair(p):
    samples = np.random.default_rng(0).normal(size=(6000, p))
    own = [parameter(label=f"<b>{i}") for i in range(p)]
    figure = corner_figure(samples, own, look=Look(dark=True))
    bars = [t for t in figure.data if t.type == "bar"]
    clouds = [t for t in figure.data if t.type == "scattergl"]
    assert (len(bars), len(clouds)) == (p, p * (p - 1) // 2)
    for bar in bars:
        assert np.sum(bar.y * bar.width) == pytest.approx(1.0)
    assert all(len(cloud.x) <= 3000 for cloud in clouds)
    assert "<b>" not in figure.to_json()


def test_fractions_and_shares_show_what_they_are_given():
    rows = [Interval("<b>a", 0.35, 0.3, 0.4, 0.25, 0.45, (0.0, 1.0))]
    figure = fractions_figure(rows)
    assert [list(t.x) for t in figure.data if t.mode == "markers"] == [[0.35]]
    shares = shares_figure(["six-fold <b>"], [0.9], [0.5])
    assert [list(bar.x) for bar in shares.data] == [[90.0], [50.0]]
    assert "<b>" not in shares.data[0].y[0]
    assert figure_text(shares) == "six-fold <b>: 90 % among the best, 50 % in the library."
    assert "0.35, 90 % between 0.25 and 0.45, allowed 0 to 1" in figure_text(figure)


def test_a_difference_stands_around_zero():
    figure = change_figure([RESIDUAL], AXIS)
    assert figure.layout.yaxis.zeroline
    assert "\u0394" in figure.layout.yaxis.title.text


def test_the_ghost_is_the_start_in_the_coordinates_of_the_fit():
    start = load_example("hexaaquairon-ii")
    fitted = apply_moves(start, 0, [parse_move("offcentre:1")], [0.1])
    empty = np.zeros(0)
    fit = StructureFit(
        (), empty, empty, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, "in domain", (), fitted, start, 0,
        empty, empty, empty, empty, empty, empty, "feff10-3d", "Fe",
    )  # fmt: skip
    made = ghost_scene(fit)
    ghost = np.array([[a["x"], a["y"], a["z"]] for a in made["ghost"]["atoms"]])
    np.testing.assert_allclose(ghost, start.positions - fitted.positions[0], atol=1e-4)
    assert np.linalg.norm(ghost[0]) == pytest.approx(0.1, abs=1e-4), "the absorber moved"
    assert made["ghost"]["bonds"] == made["bonds"]

"""Figures of a model's report: the numbers that were given are the ones that are drawn."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from xanes_core.errors import ModelError
from xanes_core.model.domain import SCORE_LIMITS, VERDICT_TITLES, VERDICTS
from xanes_core.plots.accuracy import (
    calibration_figure,
    chemistry_figure,
    coverage_curves,
    error_axis,
    learning_curve_figure,
)
from xanes_core.plots.records import (
    GROUP_COLOURS,
    UNKNOWN,
    Colouring,
    NearSpectrum,
    Placed,
    PredictedRecord,
    error_distance_figure,
    nearest_figure,
    ranked_errors_figure,
    record_figure,
    running_mean,
    training_map_figure,
)
from xanes_core.plots.style import NETWORK, THEORY, Look
from xanes_core.spectra.kinds import XES

N = 60
RNG = np.random.default_rng(3)
XY = RNG.normal(size=(N, 2))
MSE = RNG.lognormal(-6, 1, N)
DISTANCE = RNG.uniform(0.2, 2.0, N)
NAMES = [f"Fe_{i:02d}" for i in range(N)]
METRICS = {
    "calibration_curve": {
        "all": {
            "0.9": {"n": 60, "coverage": 0.91, "width": 0.17},
            "0.5": {"coverage": 0.52, "width": 0.06},
        },
        "Fe": {
            "0.5": {"coverage": 0.4, "width": 0.06},
            "0.9": {"coverage": 0.8, "width": 0.17},
        },
    }
}


def named(figure, start):
    (found,) = [t for t in figure.data if (t.name or "").startswith(start)]
    return found


def rows_of(trace):
    return np.ravel(trace.customdata).astype(int)


def test_coverage_is_sorted_by_level_and_stands_over_what_was_promised():
    curves = coverage_curves(METRICS)
    assert list(curves) == ["all", "Fe"]
    line = named(calibration_figure(curves, "Fe"), "Fe")
    np.testing.assert_allclose(line.x, [50, 90])
    np.testing.assert_allclose(line.y, [40, 80])
    assert line.line.color == NETWORK
    assert calibration_figure(curves, "Fe").data[-1].name == "Fe"


def test_the_diagonal_is_coverage_kept_exactly():
    diagonal = named(calibration_figure(coverage_curves(METRICS), "all"), "kept exactly")
    np.testing.assert_array_equal(diagonal.x, diagonal.y)


def test_a_group_without_a_curve_is_refused():
    assert coverage_curves({}) == {}
    with pytest.raises(ModelError, match="no calibration curve of 'Zn'; there are: all, Fe"):
        calibration_figure(coverage_curves(METRICS), "Zn")


def test_the_running_mean_of_a_line_lies_on_it_and_keeps_the_mean():
    x = RNG.permutation(np.linspace(0, 3, 200))
    at, mean = running_mean(x, 2 * x + 1)
    assert len(at) == 10
    assert (np.diff(at) > 0).all()
    np.testing.assert_allclose(mean, 2 * at + 1)
    assert mean.mean() == pytest.approx((2 * x + 1).mean())
    assert len(running_mean(x[:3], x[:3])[0]) == 1


def test_every_record_stands_at_its_distance_and_error():
    told = [VERDICTS[i % 3] for i in range(N)]
    figure = error_distance_figure(DISTANCE, MSE, told, NAMES)
    for i, verdict in enumerate(VERDICTS):
        trace = named(figure, VERDICT_TITLES[verdict])
        rows = rows_of(trace)
        np.testing.assert_array_equal(rows, np.arange(i, N, 3))
        np.testing.assert_allclose(trace.x, DISTANCE[rows])
        np.testing.assert_allclose(trace.y, 1e3 * MSE[rows])
        assert list(trace.text) == [NAMES[i] for i in rows]
    assert [shape.x0 for shape in figure.layout.shapes] == list(SCORE_LIMITS)


def test_a_verdict_that_nobody_got_is_not_in_the_legend():
    figure = error_distance_figure(DISTANCE, MSE, ["in domain"] * N, NAMES)
    assert [t.name for t in figure.data] == ["within the training data", "running mean"]


def test_the_unit_of_the_error_goes_with_the_spectrum():
    told = ["in domain"] * N
    figure = error_distance_figure(DISTANCE, MSE, told, NAMES, kind=XES)
    np.testing.assert_allclose(named(figure, "within").y, 1e6 * MSE)
    assert "eV" in figure.layout.yaxis.title.text


def test_errors_stand_in_the_order_given_with_a_ring_around_one():
    rows = np.argsort(MSE)[::2]
    figure = ranked_errors_figure(MSE, NAMES, rows, int(rows[4]))
    points, ring = figure.data
    np.testing.assert_array_equal(rows_of(points), rows)
    assert (np.diff(points.y) >= 0).all()
    assert (ring.x[0], ring.y[0]) == (points.x[4], points.y[4])


def test_the_record_shows_theory_and_what_was_predicted_without_it():
    energy = np.linspace(-15, 60, 226)
    truth = 1 / (1 + np.exp(-energy))
    figure = record_figure(
        PredictedRecord(energy, truth, truth + 0.1, truth, truth + 0.2, level=0.9)
    )
    theory, network = named(figure, "theory"), named(figure, "network")
    assert (theory.line.color, network.line.color) == (THEORY, NETWORK)
    np.testing.assert_allclose(theory.x, energy)
    np.testing.assert_allclose(theory.y, truth)
    np.testing.assert_allclose(network.y, truth + 0.1)
    np.testing.assert_allclose(network.customdata, np.column_stack([truth, truth + 0.2]))
    assert named(figure, "90 % band").fill == "toself"


def test_a_power_law_is_found_and_drawn_on_to_twice_the_data():
    n = np.array([100, 200, 400, 800])
    figure = learning_curve_figure(n, 2.0 * n**-0.5, np.full(4, 0.01))
    law, points = figure.data
    assert law.name.startswith("n<sup>-0.50</sup>")
    assert law.x[-1] == 1600
    assert law.y[-1] == pytest.approx(1e3 * 2.0 * 1600**-0.5)
    np.testing.assert_allclose(points.y, 1e3 * 2.0 * n**-0.5)
    np.testing.assert_allclose(points.error_y.array, 10.0)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([2.0, 30.0], ["1", "2", "5", "10", "20", "50", "100", "200", "500"]),
        ([0.02, 30.0, 0.0], ["0.01", "0.1", "1", "10", "100"]),
        ([0.0], ["1", "2", "5", "10", "20", "50"]),
    ],
)
def test_errors_have_ticks_that_are_numbers(values, ticks):
    figure = go.Figure()
    error_axis(figure, "MSE", np.array(values))
    assert list(figure.layout.yaxis.ticktext) == ticks
    np.testing.assert_allclose(figure.layout.yaxis.tickvals, [float(t) for t in ticks])


def test_one_point_has_no_power_law():
    assert len(learning_curve_figure(np.array([100]), np.array([0.01]), np.array([0.0])).data) == 1


def test_unseen_chemistry_stands_beside_the_same_at_random():
    figure = chemistry_figure(["<b>a</b>", "b"], np.array([0.02, 0.01]), np.array([0.005, 0.006]))
    near, far = (named(figure, f"{start} of the kind") for start in ("others", "none"))
    assert list(far.y) == ["b", "&lt;b&gt;a&lt;/b&gt;"]
    np.testing.assert_allclose(far.x, [10, 20])
    np.testing.assert_allclose(near.x, [6, 5])


GROUPS = [UNKNOWN if i % 7 == 0 else str(i % 10) for i in range(N)]


def test_groups_have_their_own_mark_and_hold_every_record_once():
    order = [str(i) for i in range(9, -1, -1)]
    figure = training_map_figure(XY, NAMES, Colouring(GROUPS, order))
    assert [t.name for t in figure.data] == [*order, UNKNOWN]
    marks = {(t.marker.color, t.marker.symbol) for t in figure.data}
    assert len(marks) == len(figure.data) > len(GROUP_COLOURS)
    rows = np.concatenate([rows_of(t) for t in figure.data])
    assert sorted(rows) == list(range(N))
    for trace in figure.data:
        own = rows_of(trace)
        np.testing.assert_allclose(np.column_stack([trace.x, trace.y]), XY[own])
        assert {GROUPS[i] for i in own} == {trace.name}


def test_errors_are_a_colour_scale_with_readable_ticks():
    (points,) = training_map_figure(XY, NAMES, Colouring(mse=MSE)).data
    np.testing.assert_allclose(points.marker.color, np.log10(1e3 * MSE))
    bar = points.marker.colorbar
    np.testing.assert_allclose(bar.tickvals, np.log10([float(t) for t in bar.ticktext]))
    assert len(bar.ticktext) >= 2


def test_a_record_without_any_error_is_no_crash():
    (points,) = training_map_figure(XY, NAMES, Colouring(mse=np.zeros(N))).data
    assert np.isfinite(points.marker.color).all()


def test_the_readers_structure_is_a_star_joined_to_its_neighbours():
    placed = Placed(np.array([0.5, -0.5]), [3, 8], "<i>mine</i>")
    figure = training_map_figure(XY, NAMES, Colouring(mse=MSE), selected=5, placed=placed)
    star = named(figure, "&lt;i&gt;mine")
    assert (star.marker.symbol, star.x[0], star.y[0]) == ("star", 0.5, -0.5)
    near = named(figure, "its nearest records")
    np.testing.assert_allclose(np.column_stack([near.x, near.y]), XY[[3, 8]])
    ring = named(figure, "chosen")
    assert (ring.x[0], ring.y[0]) == tuple(XY[5])
    # only records answer a click
    assert all(t.hoverinfo == "skip" for t in (near, ring))


def test_the_map_needs_one_way_of_colouring():
    for told in ({}, {"groups": GROUPS, "mse": MSE}):
        with pytest.raises(ModelError, match="either by groups or by errors"):
            training_map_figure(XY, NAMES, Colouring(**told))


@pytest.mark.parametrize("dark", [False, True])
def test_names_are_text_and_the_page_shows_through(dark):
    look, names = Look(dark), ["<b>x</b>"] * N
    figures = [
        training_map_figure(XY, names, Colouring(groups=["<u>y</u>"] * N), look=look),
        error_distance_figure(DISTANCE, MSE, ["outside"] * N, names, look=look),
        ranked_errors_figure(MSE, names, np.arange(N), 0, look=look),
    ]
    for figure in figures:
        assert figure.layout.paper_bgcolor == "rgba(0,0,0,0)"
        for trace in figure.data:
            told = [trace.name or "", *(trace.text if trace.text is not None else [])]
            assert not any("<b>" in text or "<u>" in text for text in told)


def test_spectra_near_a_structure_name_their_records_and_show_the_one_in_view():
    energy = np.linspace(-15, 60, 226)
    curves = RNG.uniform(0, 1, (3, 226))
    records = [NearSpectrum(row, NAMES[row], mu) for row, mu in zip((7, 3, 5), curves, strict=True)]
    figure = nearest_figure(energy, records, own=("<b>mine</b>", curves[0] + 1), selected=3)
    assert [t.name for t in figure.data] == ["Fe_07", "Fe_03", "Fe_05", "&lt;b&gt;mine&lt;/b&gt;"]
    for trace, record in zip(figure.data, records, strict=False):
        np.testing.assert_array_equal(trace.y, record.mu)
        assert set(trace.customdata) == {record.row}
    widths = [t.line.width for t in figure.data[:3]]
    assert widths[1] > widths[0] == widths[2]
    assert figure.data[3].customdata is None  # a click on one's own curve names no record
    assert figure.data[3].line.color == NETWORK
    assert len({t.line.color for t in figure.data}) == 4
    assert len(nearest_figure(energy, records).data) == 3

"""Figures of many frames: numbers, colours and what is left out where there are too many."""

import numpy as np
import pytest

from tests.predictions import made_prediction
from xanes_core.errors import SpectrumError
from xanes_core.plots import trajectory as plots
from xanes_core.plots.spectrum import EnergyAxis
from xanes_core.plots.style import NETWORK, Look
from xanes_core.plots.trajectory import Trajectory

GRID = made_prediction().energy_rel_ev
AXIS = EnergyAxis(7112.0)
VIEWS = [
    plots.frames_figure, plots.mean_figure, plots.waterfall_figure, plots.heat_figure,
    plots.play_figure,
]  # fmt: skip


def made(n, first=1):
    mu = np.array([made_prediction("Fe", 2.0 * i / n).mu for i in range(n)])
    return Trajectory(GRID, mu, np.arange(first, first + n))


def lines(figure):
    return [t for t in figure.data if t.type == "scatter" and t.mode == "lines" and not t.fill]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("n", [1, 2, 700])
@pytest.mark.parametrize("energies", ["relative", "absolute"])
def test_every_view_takes_any_number_of_frames_on_either_axis(view, n, energies):
    figure = view(made(n), EnergyAxis(7112.0, energies), shown=n, look=Look(dark=True))
    start = -15.0 if energies == "relative" else 7097.0
    assert figure.layout.xaxis.range[0] == pytest.approx(start)
    xs = [t.x for t in figure.data if t.x is not None and len(t.x) > 1]
    assert min(np.min(x) for x in xs) == pytest.approx(start)
    assert len(figure.data) <= 65, "a browser draws no more lines at once"


def test_too_many_frames_are_thinned_evenly_with_both_ends():
    some = made(700, first=3).some(60)
    assert len(some.frames) == 60
    assert (some.frames[0], some.frames[-1]) == (3, 702)
    assert np.ptp(np.diff(some.frames)) <= 1
    np.testing.assert_array_equal(some.mu[7], made(700, first=3).mu[some.frames[7] - 3])
    assert made(60).some(60).frames.size == 60


@pytest.mark.parametrize(("dark", "colour"), [(False, "rgb"), (True, "rgb")])
def test_colours_go_by_frame_and_leave_out_what_the_page_would_swallow(dark, colour):
    look = Look(dark)
    colours = plots.frame_colours(np.array([1, 2, 50]), look)
    assert len(set(colours)) == 3
    assert all(c.startswith(colour) for c in colours)

    def lightness(text):
        r, g, b = (float(x) for x in text[4:-1].split(","))
        return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255

    values = [lightness(c) for c in plots.frame_colours(np.arange(20), look)]
    assert np.all(np.diff(values) > 0), "even for those who see no colours"
    assert min(values) > 0.3 if dark else max(values) < 0.75


def test_one_frame_has_one_colour():
    assert len(plots.frame_colours(np.array([5]))) == 1


def test_frames_have_a_colour_bar_and_the_one_in_view_is_on_top():
    trajectory = made(5)
    figure = plots.frames_figure(trajectory, AXIS, shown=2)
    (bar,) = [t for t in figure.data if t.marker.showscale]
    assert bar.marker.colorbar.title.text == "frame"
    assert (bar.marker.cmin, bar.marker.cmax) == (1.0, 5.0)
    own = lines(figure)
    assert [t.line.color for t in own[:5]] == plots.frame_colours(trajectory.frames)
    assert own[5].name == "Frame 2, in view"
    assert own[5].line.color == NETWORK
    np.testing.assert_array_equal(own[5].y, trajectory.mu[1])


def test_mean_and_spread_are_those_of_the_frames_and_not_in_the_colour_of_the_model():
    trajectory = made(101)
    figure = plots.mean_figure(trajectory, AXIS)
    (mean,) = lines(figure)
    np.testing.assert_allclose(mean.y, trajectory.mu.mean(axis=0))
    assert mean.name == "Mean of 101 frames"
    (spread,) = [t for t in figure.data if t.fill == "toself"]
    ordered = np.sort(trajectory.mu, axis=0)
    np.testing.assert_allclose(spread.y[:226], ordered[95])
    np.testing.assert_allclose(spread.y[226:][::-1], ordered[5])
    assert spread.fillpattern.shape == "/"
    assert spread.name == "5 to 95 % of the frames"
    assert mean.line.color != NETWORK


def test_the_stack_rises_by_one_step_a_frame():
    trajectory = made(6)
    own = lines(plots.waterfall_figure(trajectory, AXIS, shown=3))
    raised = np.array([t.y for t in own]) - trajectory.mu
    np.testing.assert_allclose(np.ptp(raised, axis=1), 0.0, atol=1e-12)
    steps = np.diff(raised[:, 0])
    np.testing.assert_allclose(steps, steps[0])
    assert steps[0] > 0
    assert own[2].line.width > own[1].line.width
    np.testing.assert_array_equal(own[4].customdata, trajectory.mu[4])


def test_the_map_has_a_row_for_each_frame_and_marks_the_one_in_view():
    figure = plots.heat_figure(made(7), AXIS, shown=4)
    (heat,) = figure.data
    np.testing.assert_allclose(heat.z, made(7).mu, atol=1e-6)
    np.testing.assert_array_equal(heat.y, np.arange(1, 8))
    assert 4 in [shape.y0 for shape in figure.layout.shapes]


def test_the_animation_has_the_frame_in_view_and_starts_there():
    trajectory = made(700)
    figure = plots.play_figure(trajectory, AXIS, shown=333)
    names = [int(frame.name) for frame in figure.frames]
    assert len(names) <= plots.MAX_PLAYED + 1
    assert names == sorted(names)
    at = names.index(333)
    assert figure.layout.sliders[0].active == at
    np.testing.assert_array_equal(figure.data[1].y, trajectory.mu[332])
    np.testing.assert_allclose(figure.frames[at].data[0].y, trajectory.mu[332], atol=1e-6)
    assert [b.label for b in figure.layout.updatemenus[0].buttons] == ["Play", "Pause"]
    assert list(figure.frames[0].traces) == [1]


def test_numbers_by_frame_have_a_panel_each():
    frames = np.arange(1, 4)
    values = {"Edge (eV)": np.array([1.0, 2.0, np.nan]), "White line (eV)": np.arange(3.0)}
    figure = plots.feature_figure(frames, values, shown=2)
    assert [t.name for t in figure.data] == list(values)
    np.testing.assert_array_equal(figure.data[1].y, np.arange(3.0))
    assert figure.layout.xaxis2.title.text == "frame"


@pytest.mark.parametrize(
    ("mu", "frames"), [(np.zeros((2, 226)), [1]), (np.zeros((0, 226)), []), (np.zeros(226), [1])]
)
def test_arrays_that_do_not_fit_are_refused(mu, frames):
    with pytest.raises(SpectrumError, match="a spectrum for each frame"):
        Trajectory(GRID, mu, np.array(frames))

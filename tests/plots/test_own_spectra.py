"""Figures of the reader's own spectra: slopes, and how one was normalised."""

import numpy as np
import pytest

from tests.spectra.look_alikes import ENERGY, RAW
from xanes_core.plots import (
    Curve,
    EnergyAxis,
    Look,
    normalisation_figure,
    own_colours,
    slope_figure,
)
from xanes_core.spectra import Spectrum, normalise

AXIS = EnergyAxis(7112.0)
SPECTRUM = Spectrum(ENERGY, RAW)
CURVE = Curve("a <b>", ENERGY, RAW, "measurement")


@pytest.mark.parametrize("dark", [False, True])
def test_first_measured_spectra_differ_in_colour_on_either_page(dark):
    colours = [own_colours("measurement", rank)[dark] for rank in range(6)]
    assert len(set(colours)) == 6
    assert colours[0] == ("#F2F2F2" if dark else "#000000")


def test_a_colour_of_ones_own_goes_before_that_of_the_role():
    mine = Curve("x", ENERGY, RAW, "measurement", colour="#123456")
    figure = slope_figure([mine], AXIS)
    assert figure.data[0].line.color == "#123456"


def test_slopes_have_no_band_and_their_own_unit():
    banded = Curve("n", ENERGY, 0.5 * (ENERGY - 7000), "network", RAW - 0.1, RAW + 0.1, 0.9)
    figure = slope_figure([banded, CURVE], AXIS)
    assert [trace.name for trace in figure.data] == ["a &lt;b&gt;", "n"]
    np.testing.assert_allclose(figure.data[1].y, 0.5, atol=1e-6)
    assert "1/eV" in figure.layout.yaxis.title.text


@pytest.mark.parametrize(("energies", "zero"), [("relative", 0.0), ("absolute", 7112.0)])
@pytest.mark.parametrize("dark", [False, True])
def test_ranges_and_e0_of_a_normalisation_are_drawn(energies, zero, dark):
    made = normalise(SPECTRUM, e0_ev=7118.0, pre_range_ev=(-90, -40), post_range_ev=(100, 350))
    axis = EnergyAxis(7112.0, energies)
    figure = normalisation_figure(CURVE, SPECTRUM, made, axis, look=Look(dark))
    pre, post, e0 = figure.layout.shapes
    assert (pre.x0, pre.x1) == pytest.approx((zero + 6 - 90, zero + 6 - 40))
    assert (post.x0, post.x1) == pytest.approx((zero + 6 + 100, zero + 6 + 350))
    assert e0.x0 == pytest.approx(zero + 6)
    names = [trace.name for trace in figure.data]
    assert names == ["a &lt;b&gt;", "pre-edge line", "post-edge curve"]
    np.testing.assert_array_equal(figure.data[1].y, made.pre_edge)
    assert f"{made.edge_step:.3g}" in figure.layout.annotations[0].text

"""Figures of importance, their images and their tables."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms

from tests.importance.test_windows import made
from xanes_core.errors import ModelError, SpectrumError
from xanes_core.importance.windows import difference
from xanes_core.plots.images import figure_csv, figure_image
from xanes_core.plots.importance import (
    MAX_ELEMENTS,
    SERIES,
    AtomEffect,
    BarSeries,
    ImportanceMap,
    Neighbour,
    difference_figure,
    distance_figure,
    effect_figure,
    group_figure,
    map_figure,
    neighbours_around,
    signed_colours,
    windows_figure,
)

CENTRES = np.array([1.5, 1.7, 1.9, 2.1, 2.3])
BINS = np.linspace(0.025, 5.975, 120)
ENERGY = np.linspace(-15, 60, 226)
MU = 1 / (1 + np.exp(-ENERGY))
TWO = [BarSeries("one", made([1, 2, 3, 4, 5])), BarSeries("two", made([5, 4, 3, 2, 1], seed=1))]
HISTOGRAM = (BINS, {"O": np.arange(120), "H": np.ones(120, dtype=int)})
NEAR = [Neighbour(3, "O", 1.93), Neighbour(7, "C", 2.9)]


def named(figure, name):
    (found,) = [t for t in figure.data if t.name == name]
    return found


def test_bars_stand_at_their_distance_with_their_sampling_error():
    figure = distance_figure(TWO[:1], CENTRES)
    bars = named(figure, "one")
    np.testing.assert_allclose(bars.x, CENTRES)
    np.testing.assert_allclose(bars.y, [1, 2, 3, 4, 5])
    np.testing.assert_allclose(bars.error_y.array, TWO[0].window.sampling_error)


def test_histogram_and_bars_share_their_axis_and_its_zoom():
    figure = distance_figure(TWO, CENTRES, histogram=HISTOGRAM)
    assert figure.layout.xaxis.matches == "x2"
    assert named(figure, "H").xaxis == "x"
    assert named(figure, "one").xaxis == "x2"


def test_the_histogram_is_stacked_by_atomic_number():
    figure = distance_figure(TWO, CENTRES, histogram=HISTOGRAM)
    assert [t.name for t in figure.data[:2]] == ["H", "O"]
    np.testing.assert_array_equal(named(figure, "H").base, 0)
    np.testing.assert_array_equal(named(figure, "O").base, 1)
    np.testing.assert_array_equal(named(figure, "O").y, np.arange(120))


def test_rare_elements_are_put_together():
    elements = ["H", "C", "N", "O", "F", "P", "S", "Cl", "Br"]
    counts = {el: np.full(120, 100 - i) for i, el in enumerate(elements)}
    figure = distance_figure(TWO, CENTRES, histogram=(BINS, counts))
    assert len([t for t in figure.data if t.yaxis == "y"]) == MAX_ELEMENTS + 1
    np.testing.assert_array_equal(named(figure, "rest").y, 93 + 92)


def test_hovering_a_bar_names_its_shell_and_the_atoms_there():
    bars = named(distance_figure(TWO, CENTRES, neighbours=NEAR), "one")
    assert "1.90 \u00c5, first coordination" in bars.customdata[2]
    assert "here: O (atom 4), 1.93 \u00c5" in bars.customdata[2]
    assert "here" not in bars.customdata[1]
    assert not any("C7" in text for text in bars.customdata)  # no bar is near 2.9 A


def test_neighbours_are_named_by_their_atom_and_come_by_distance():
    atoms = Atoms("OFeC", [(0, 0, 2.0), (0, 0, 0), (1.5, 0, 0)])
    assert neighbours_around(atoms, 1) == [Neighbour(2, "C", 1.5), Neighbour(0, "O", 2.0)]
    assert neighbours_around(atoms, 1, 1.8) == [Neighbour(2, "C", 1.5)]
    atoms = Atoms("FeO", [(0, 0, 0), (0, 0, 1.5)], cell=[20, 20, 3.5], pbc=True)
    near = neighbours_around(atoms, 0, 3.0)
    assert [(n.index, n.distance_ang) for n in near] == [(1, 1.5), (1, 2.0)]


def test_groups_stand_side_by_side_and_mirrors_below():
    one, two = (named(distance_figure(TWO, CENTRES), s.label) for s in TWO)
    assert (np.array(one.x) < CENTRES).all()
    assert (np.array(two.x) > CENTRES).all()
    mirrored = named(distance_figure(TWO, CENTRES, mirrored=True), "two")
    np.testing.assert_allclose(mirrored.y, [-5, -4, -3, -2, -1])
    np.testing.assert_allclose(mirrored.x, CENTRES)


def test_bars_that_do_not_fit_are_refused():
    with pytest.raises(ModelError, match="bars differ in number"):
        distance_figure(TWO, CENTRES[:4])
    with pytest.raises(ModelError, match="a mirror shows two series"):
        distance_figure(TWO[:1], CENTRES, mirrored=True)
    other = replace(TWO[1], unit="Share (%)")
    with pytest.raises(ModelError, match=r"several units cannot share an axis .*Share \(%\)"):
        distance_figure([TWO[0], other], CENTRES)


def test_the_map_can_be_dragged_on_and_shows_the_window():
    values = np.outer([1, 2, 3, 4, 5], MU)
    figure = map_figure(ImportanceMap(values, ENERGY, CENTRES), {"mean": MU}, window=(4, 14))
    (heat,) = [t for t in figure.data if t.type == "heatmap"]
    np.testing.assert_allclose(np.array(heat.z), values)
    assert (figure.layout.dragmode, figure.layout.selectdirection) == ("select", "h")
    # plotly selects points: there must be some in both panels
    assert {t.yaxis for t in figure.data if t.type == "scatter" and "markers" in t.mode} == {
        "y",
        "y2",
    }
    assert {(s.x0, s.x1) for s in figure.layout.shapes if s.type == "rect"} == {(4, 14)}


def test_an_empty_map_is_no_crash():
    empty = ImportanceMap(np.full((5, 226), np.nan), ENERGY, CENTRES)
    figure_image(map_figure(empty, {"mean": MU}), "png", dpi=40)


def test_the_map_can_tell_each_energy_by_itself():
    values = np.array([[4.0, 1.0, 0.01], [2.0, 3.0, 0.02]])
    shown = ImportanceMap(values, ENERGY[:3], CENTRES[:2], "Penalty").each_energy_by_itself()
    assert shown.unit == "% of the largest"
    np.testing.assert_allclose(shown.values, [[100, 100 / 3, np.nan], [50, 100, np.nan]])


def test_windows_have_the_colours_of_their_bars():
    figure = windows_figure(ENERGY, {"mean": MU}, [(0, 5), (5, 10)])
    assert [s.fillcolor for s in figure.layout.shapes] == list(SERIES[:2])


def test_what_differs_is_starred_and_full():
    first, second = TWO[0].window, TWO[1].window
    found = difference(first, second, paired=True)
    figure = difference_figure(found, CENTRES, labels=("one", "two"), unit="Difference")
    stars = named(figure, "more than two standard errors")
    np.testing.assert_allclose(stars.x, CENTRES[found.marked])
    bars = named(figure, "two minus one")
    assert [c.endswith(",1)") for c in bars.marker.color] == found.marked.tolist()
    none = replace(found, marked=np.zeros(5, dtype=bool))
    assert len(difference_figure(none, CENTRES, labels=("a", "b"), unit="x").data) == 1


def test_colours_are_signed_and_symmetric():
    low, middle, high, beyond = signed_colours(np.array([-1.0, 0.0, 1.0, 7.0]), 1.0)
    assert (low, middle, high, beyond) == ("#0072B2", "#DADDE2", "#C8431B", "#C8431B")
    assert signed_colours(np.zeros(2), 0.0) == ["#DADDE2"] * 2


FIGURES = {
    "distances": lambda: distance_figure(TWO, CENTRES, histogram=HISTOGRAM, neighbours=NEAR),
    "mirror": lambda: distance_figure(TWO, CENTRES, histogram=HISTOGRAM, mirrored=True),
    "map": lambda: map_figure(
        ImportanceMap(np.outer(CENTRES, MU), ENERGY, CENTRES), {"m": MU}, window=(0, 5)
    ),
    "windows": lambda: windows_figure(ENERGY, {"$m$": MU}, [(0, 5), (5, 10)]),
    "groups": lambda: group_figure(TWO, ["G1<br>a", "b", "c", "d", "e"]),
    "difference": lambda: difference_figure(
        difference(TWO[0].window, TWO[1].window, paired=True), CENTRES, labels=("a", "b"), unit="d"
    ),
    "effect": lambda: effect_figure(AtomEffect("N3", ENERGY, MU, MU / 10, MU / 50), window=(0, 5)),
}
every = pytest.mark.parametrize("name", FIGURES)


@every
def test_every_figure_prints(name):
    assert figure_image(FIGURES[name](), "png", dpi=50).startswith(b"\x89PNG")
    svg = figure_image(FIGURES[name](), "svg")
    assert svg.startswith(b"<?xml")
    assert b"</svg>" in svg


@every
def test_every_figure_is_a_table(name):
    rows = list(csv.DictReader(io.StringIO(figure_csv(FIGURES[name]()))))
    assert len(rows) > 4
    assert set(rows[0]) == {"panel", "series", "x", "y", "value", "error"}


def test_the_table_holds_the_numbers_of_the_bars():
    rows = list(csv.DictReader(io.StringIO(figure_csv(FIGURES["distances"]()))))
    own = [row for row in rows if row["series"] == "two"]
    np.testing.assert_allclose([float(r["y"]) for r in own], [5, 4, 3, 2, 1])
    np.testing.assert_allclose(
        [float(r["error"]) for r in own], TWO[1].window.sampling_error, rtol=1e-4
    )
    mapped = list(csv.DictReader(io.StringIO(figure_csv(FIGURES["map"]()))))
    assert len([r for r in mapped if r["series"] == "map"]) == 5 * 226


def test_other_image_formats_are_refused():
    with pytest.raises(SpectrumError, match="Unknown image format 'pdf'"):
        figure_image(FIGURES["groups"](), "pdf")

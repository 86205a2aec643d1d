"""A figure in words says what is drawn and where its peaks are."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from tests.predictions import made_prediction
from xanes_core.plots.importance import ImportanceMap, map_figure
from xanes_core.plots.spectrum import Curve, EnergyAxis, prediction_curve, spectrum_figure
from xanes_core.plots.words import MAX_SERIES, figure_text

X = np.linspace(-15.0, 60.0, 226)


def peak(at, width, height):
    return height * np.exp(-((X - at) ** 2) / (2 * width**2))


def test_a_spectrum_is_told_with_its_range_and_its_peaks():
    mu = peak(5, 2, 0.4) + peak(25, 4, 2.0)
    text = figure_text(spectrum_figure([Curve("Network, Fe", X, mu)], EnergyAxis(0.0)))
    assert text == (
        "Chart of \u03bc(E) / edge step over Energy \u2212 E\u2080 (eV). Network, Fe: from -15 to "
        "60, values 0 to 2; peaks at 5 (height 0.4), 25 (height 2)."
    )


def test_ripples_are_no_peaks_and_a_band_is_not_told_twice():
    ripples = 1e-4 * np.sin(X)
    text = figure_text(spectrum_figure([Curve("a", X, X + ripples)], EnergyAxis(0.0)))
    assert "peak" not in text
    figure = spectrum_figure([prediction_curve(made_prediction())], EnergyAxis(7112.0))
    assert figure_text(figure).count("from") == 1


def test_bars_are_told_by_number_and_largest():
    figure = go.Figure()
    figure.add_bar(x=["G2<br>distances", "G4<br>angles"], y=[1.0, -3.5], name="a &lt; b")
    assert figure_text(figure) == "Chart. a < b: 2 bars, the largest -3.5 at G4 angles."


def test_points_are_counted_and_names_of_files_are_text():
    figure = go.Figure()
    figure.add_scatter(x=[1, 2], y=[0.123456, 7], mode="markers", name="&lt;i&gt;x&lt;/i&gt;")
    assert figure_text(figure) == "Chart. <i>x</i>: 2 points from 0.123 to 7."


def test_a_map_is_told_by_its_largest_value_below_its_spectra():
    values = np.zeros((3, 226))
    values[1, 60] = 4.0
    figure = map_figure(ImportanceMap(values, X, np.array([1.0, 2.0, 3.0])), {"mean": X})
    text = figure_text(figure)
    assert text.startswith("Chart of \u03bc(E) over Energy")
    assert "Map from -15 to 60; largest value 4 at 2 and 5." in text


def test_many_series_are_cut_short_and_none_is_said():
    curves = [Curve(f"c{i}", X, X) for i in range(MAX_SERIES + 3)]
    assert figure_text(spectrum_figure(curves, EnergyAxis(0.0))).endswith("And 3 more series.")
    assert figure_text(go.Figure()) == "Chart without data."

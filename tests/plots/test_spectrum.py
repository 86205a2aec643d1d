import tomllib

import numpy as np
import pytest

from tests.places import PROJECT
from tests.predictions import made_emission, made_prediction
from xanes_core.errors import SpectrumError
from xanes_core.plots import spectrum as plots
from xanes_core.plots import style
from xanes_core.plots.spectrum import (
    Curve,
    EnergyAxis,
    prediction_curve,
    spectrum_curve,
    spectrum_figure,
)
from xanes_core.plots.style import Look
from xanes_core.spectra.kinds import XES
from xanes_core.spectra.spectrum import Spectrum

E = np.linspace(7100.0, 7160.0, 61)


def named(figure, name):
    return next(t for t in figure.data if t.name == name)


def test_the_network_is_blue_with_its_band_in_the_same_hue():
    figure = spectrum_figure([prediction_curve(made_prediction())], EnergyAxis(7112.0))
    line, band = named(figure, "Network"), named(figure, "90 % band")
    assert line.line.color == "#0072B2"
    assert band.fillcolor.startswith("rgba(0,114,178,")
    assert figure.layout.xaxis.title.text == "Energy \u2212 E\u2080 (eV)"
    assert figure.layout.yaxis.title.text == "\u03bc(E) / edge step"


def test_emission_has_its_own_axis_and_its_own_range():
    prediction = made_emission()
    figure = spectrum_figure([prediction_curve(prediction)], EnergyAxis(7112.0), kind=XES)
    assert figure.layout.yaxis.title.text == "Emission (area 1, 1/eV)"
    np.testing.assert_allclose(figure.layout.xaxis.range, (-22.0, 14.0), atol=1e-9)


def test_the_band_encloses_exactly_lower_and_upper():
    prediction = made_prediction()
    figure = spectrum_figure([prediction_curve(prediction)], EnergyAxis(prediction.e0_ev))
    band = named(figure, "90 % band")
    np.testing.assert_allclose(band.y[:226], prediction.upper)
    np.testing.assert_allclose(band.y[226:], prediction.lower[::-1])
    np.testing.assert_allclose(band.x[:226], prediction.energy_rel_ev, atol=1e-9)
    np.testing.assert_allclose(band.x[226:], prediction.energy_rel_ev[::-1], atol=1e-9)


def test_the_absolute_axis_says_so_and_moves_by_e0():
    prediction = made_prediction()
    figure = spectrum_figure([prediction_curve(prediction)], EnergyAxis(7112.0, "absolute"))
    assert figure.layout.xaxis.title.text == "Energy (eV)"
    np.testing.assert_allclose(named(figure, "Network").x, prediction.energy_ev)


def test_relative_energies_find_their_place_on_either_axis():
    for energies, offset_ev in (("relative", 0.0), ("absolute", 7112.0)):
        axis = EnergyAxis(7112.0, energies)
        assert axis.offset_ev == offset_ev
        assert axis.place_ev(np.array([7115.0])) == 3.0 + axis.offset_ev


def test_a_figure_has_its_own_height_unless_one_is_asked_for():
    curves = [prediction_curve(made_prediction())]
    heights = [
        spectrum_figure(curves, EnergyAxis(0.0), look=look).layout.height
        for look in (Look(), Look(height_px=111))
    ]
    assert heights == [420, 111]


def test_the_axis_covers_the_network_even_under_a_long_scan():
    scan = spectrum_curve(Spectrum(np.linspace(6900, 8000, 500), np.ones(500)), "scan")
    figure = spectrum_figure([prediction_curve(made_prediction()), scan], EnergyAxis(7112.0))
    np.testing.assert_allclose(figure.layout.xaxis.range, (-15.0, 60.0), atol=1e-9)


def test_a_measurement_is_black_on_light_and_near_white_on_dark():
    curve = spectrum_curve(Spectrum(E, np.ones_like(E)), "scan")
    assert plots.curve_style(curve) == ("#000000", "solid")
    assert plots.curve_style(curve, dark=True) == ("#F2F2F2", "solid")


def test_every_role_and_rank_looks_different():
    roles = [("network", 0), ("theory", 0), ("theory", 1), ("measurement", 0)]
    roles += [("other", i) for i in range(9)]
    styles = {plots.curve_style(Curve("x", E, E, role, rank=rank)) for role, rank in roles}
    assert len(styles) == len(roles)
    assert style.ABSORBER not in {colour for colour, _ in styles}


def test_names_are_text_and_never_markup():
    curve = Curve('<a href="x">n</a>', E, np.ones_like(E), "other")
    (line,) = spectrum_figure([curve], EnergyAxis(7112.0)).data
    assert line.name == "&lt;a href=&quot;x&quot;&gt;n&lt;/a&gt;"


def test_figures_are_transparent_in_both_themes():
    for dark in (False, True):
        layout = spectrum_figure(
            [prediction_curve(made_prediction())], EnergyAxis(0.0), look=Look(dark)
        ).layout
        assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0,0,0,0)"
        assert layout.font.color == style.INK["dark" if dark else "light"]


def test_a_curve_can_go_without_its_band():
    bare = plots.without_band(prediction_curve(made_prediction()))
    assert len(spectrum_figure([bare], EnergyAxis(7112.0)).data) == 1


def test_canvases_have_the_colour_of_the_page():
    config = PROJECT / ".streamlit" / "config.toml"
    theme = tomllib.loads(config.read_text(encoding="utf-8"))["theme"]
    pages = {name: theme[name]["backgroundColor"] for name in ("light", "dark")}
    assert dict(style.BACKGROUND) == pages


def test_arrays_of_different_length_are_refused():
    with pytest.raises(SpectrumError, match="one length"):
        Curve("x", E, E[:-1])


def test_half_a_band_is_refused():
    with pytest.raises(SpectrumError, match="both its lower and its upper"):
        Curve("x", E, E, lower=E)


def test_an_unknown_kind_is_refused():
    with pytest.raises(SpectrumError, match="Unknown kind"):
        Curve("x", E, E, "guess")


def test_an_unknown_axis_is_refused():
    with pytest.raises(SpectrumError, match="Unknown energy axis"):
        spectrum_figure([Curve("x", E, E)], EnergyAxis(0.0, "k"))

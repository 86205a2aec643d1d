"""The palette: what is drawn and written stands out on a light and on a dark page."""

from __future__ import annotations

import itertools
import tomllib

import numpy as np
import plotly.graph_objects as go
import pytest

from tests.places import PROJECT
from xanes_core.plots.records import GROUP_COLOURS
from xanes_core.plots.spectrum import Curve, EnergyAxis, spectrum_figure
from xanes_core.plots.style import (
    ABSORBER,
    FONT,
    GREY,
    NETWORK,
    ON_DARK,
    OTHERS,
    THEORY,
    THEORY_SECOND,
    Look,
    band_fill,
    channels,
    rgba,
    style_figure,
)

CURVES = (NETWORK, THEORY, THEORY_SECOND, *OTHERS)
PAGES = [Look(), Look(dark=True)]


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = np.array(channels(colour)) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_guidelines():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("look", PAGES, ids=["light", "dark"])
def test_curves_and_marks_stand_out_three_to_one_and_text_more(look):
    assert contrast(look.ink, look.background) > 7
    for colour in {*CURVES, *GROUP_COLOURS, GREY, ABSORBER}:
        assert contrast(look.colour(colour), look.background) >= 3, colour


def test_a_dark_page_is_as_bright_as_a_light_one():
    light, dark = PAGES
    for colour in ON_DARK:
        on_dark = contrast(dark.colour(colour), dark.background)
        assert on_dark >= contrast(light.colour(colour), light.background), colour


@pytest.mark.parametrize("look", PAGES, ids=["light", "dark"])
def test_no_two_kinds_of_curve_look_alike(look):
    colours = [np.array(channels(look.colour(c))) for c in (*CURVES, ABSORBER)]
    for one, other in itertools.combinations(colours, 2):
        assert np.linalg.norm(one - other) > 50


def test_a_band_keeps_the_hue_of_its_line_on_either_page():
    for look in PAGES:
        red, green, blue = channels(look.colour(NETWORK))
        assert look.colour(band_fill(NETWORK, look)).startswith(f"rgba({red},{green},{blue},")


def test_what_is_not_of_the_palette_stays_as_it_is():
    dark = PAGES[1]
    for colour in ("#123456", "rgba(1,2,3,0.5)", "rgba(0,0,0,0)"):
        assert dark.colour(colour) == colour
    assert dark.colour(rgba(GREY, 0.6)).endswith(",0.6)")


def test_marks_with_a_colour_each_follow_the_page():
    figure = go.Figure()
    figure.add_bar(x=[1, 2], y=[1, 2], marker={"color": [NETWORK, rgba(THEORY, 0.45)]})
    figure.add_scatter(x=[1], y=[1], marker={"color": [3.0]})
    style_figure(figure, PAGES[1])
    assert list(figure.data[0].marker.color) == [
        ON_DARK[NETWORK],
        rgba(ON_DARK[THEORY], 0.45),
    ]
    assert list(figure.data[1].marker.color) == [3.0]


def test_all_letters_of_a_figure_are_those_of_the_page():
    theme = tomllib.loads((PROJECT / ".streamlit/config.toml").read_text(encoding="utf-8"))["theme"]
    # Streamlit sets "sans-serif" in the letters that its server brings along
    assert theme["font"] == "sans-serif"
    assert FONT.startswith("Source Sans")
    for look in PAGES:
        assert theme[look.theme]["textColor"] == look.ink
        x = np.arange(3.0)
        layout = spectrum_figure([Curve("a", x, x)], EnergyAxis(0.0), look=look).layout
        assert layout.font.family == layout.hoverlabel.font.family == FONT
        assert not layout.yaxis.automargin  # sends plotly round in circles at a phone's width

"""Predict on the energies of a measurement."""

import pytest

from tests.pages.test_pages import linked, texts, trace
from xanes_core.refinement import energy_scale


def test_a_prediction_is_shown_as_measured_and_says_how_sure_the_shift_is():
    at = linked(example="ferrocene", axis="absolute")
    plain = trace(at, "Network, Fe")
    at.segmented_control(key="scale").set_value("measured").run()
    assert not at.exception
    assert at.query_params["scale"] == "measured"
    shown, scale = trace(at, "Network, Fe, as measured"), energy_scale("Fe")
    assert shown.x == pytest.approx(plain.x + scale.shift_ev)
    said = f"{scale.shift_ev:+.1f} \u00b1 {scale.shift_sd_ev:.1f} eV"
    assert said in texts(at.caption)
    at.segmented_control(key="scale").set_value("theory").run()
    assert "scale" not in at.query_params
    assert trace(at, "Network, Fe").x == pytest.approx(plain.x)


def test_a_link_names_the_scale_and_emission_has_none():
    at = linked(example="ferrocene", scale="measured")
    assert "as measured" in texts(at.caption).lower()
    assert linked(example="ferrocene", scale="sideways").info[0].value
    emission = linked(example="ferrocene", spectrum="xes", scale="measured")
    assert not emission.exception
    assert "smeared" not in texts(emission.caption)

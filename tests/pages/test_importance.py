"""The two pages on importance without a browser."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.test_pages import APP, TIMEOUT_S, numbers, texts
from tests.tiny_models import tiny_model
from xanes_core.importance import find_presets
from xanes_core.model.registry import load_model, save_model
from xanes_core.spectra import spectral_features
from xanes_core.structures import load_example

pytestmark = pytest.mark.skipif(
    not load_model("feff10-3d-ms").importance, reason="the models were made without importance"
)


def opened(script: str, **parameters):
    at = AppTest.from_file(str(APP), default_timeout=TIMEOUT_S).run()
    for name, value in parameters.items():
        at.query_params[name] = value
    return at.switch_page(f"pages/{script}.py").run()


def figure(at, key: str) -> dict:
    (spec,) = [e.proto.spec for e in at.get("plotly_chart") if f"-{key}_" in e.proto.id]
    return json.loads(spec)


def bars(at, key: str) -> list[dict]:
    return [t for t in figure(at, key)["data"] if t["type"] == "bar" and t.get("yaxis") == "y2"]


def link(at, name: str) -> str:
    value = at.query_params[name]
    return value if isinstance(value, str) else value[0]


def set_by_label(at, label: str, value):
    (widget,) = [w for w in (*at.selectbox, *at.toggle, *at.number_input) if w.label == label][:1]
    widget.set_value(value)
    return at.run()


@pytest.mark.parametrize("script", ["importance", "windows"])
@pytest.mark.parametrize("example", [None, "ferrocene", "orthovanadate"])
def test_the_page_opens(script, example):
    at = opened(script, **({"example": example} if example else {}))
    assert not at.exception
    assert not at.error
    assert not at.warning


def test_the_bars_are_the_stored_numbers_in_the_window():
    at = opened("importance", example="ferrocene", windows="14:26")
    (one,) = bars(at, "distances")
    stored = load_model("feff10-3d-ms").importance["Fe_distance"].window(14, 26)
    np.testing.assert_allclose(numbers(one["y"]), 1e3 * stored.mean)
    np.testing.assert_allclose(numbers(one["error_y"]["array"]), 1e3 * stored.sampling_error)
    assert any("here: C (atom " in text for text in one["customdata"])


def test_a_preset_and_a_bound_move_the_window_and_the_link():
    at = opened("importance", example="ferrocene")
    at = set_by_label(at, "Window 1", "white line")
    assert link(at, "windows") == "white-line,white-line"
    at = set_by_label(at, "from (eV)", 14.0)
    at = set_by_label(at, "to (eV)", 20.0)
    assert link(at, "windows") == "14:20,white-line"
    (one,) = bars(at, "distances")
    stored = load_model("feff10-3d-ms").importance["Fe_distance"].window(14, 20)
    np.testing.assert_allclose(numbers(one["y"]), 1e3 * stored.mean)


def test_bounds_the_wrong_way_round_leave_the_window():
    at = opened("importance", example="ferrocene", windows="4:15,14:26")
    at = set_by_label(at, "to (eV)", 2.0)
    assert "the former range was kept" in texts(at.info)
    assert link(at, "windows") == "4:15,14:26"


def shown_window(at) -> tuple[str | None, float, float]:
    (preset,) = [s for s in at.selectbox if s.label == "Window 1"]
    low, high = (n for n in at.number_input if n.label in ("from (eV)", "to (eV)"))
    return preset.value, low.value, high.value


@pytest.mark.parametrize("example", ["ferrocene", "vanadium-hexacarbonyl", "hexaaquairon-iii"])
def test_presets_are_those_of_the_spectrum_in_view(example):
    at = opened("importance", example=example, windows="white-line", model="feff10-3d-ms")
    atoms = load_example(example)
    prediction = load_model("feff10-3d-ms").predict(atoms)
    features = spectral_features(prediction.energy_rel_ev, prediction.mu)
    name, low, high = shown_window(at)
    assert name == "white line"
    assert low < features.white_line_ev < high
    assert not low < features.edge_half_ev < high


def test_a_preset_follows_the_structure_and_explicit_bounds_stay():
    at = opened("importance", example="ferrocene", windows="white-line,5:9")
    before = shown_window(at)
    at.query_params["example"] = "hexaaquairon-iii"
    at = at.run()
    after = shown_window(at)
    assert before[0] == after[0] == "white line"
    assert before[1:] != after[1:]
    assert link(at, "windows") == "white-line,5:9"


def test_what_the_spectrum_does_not_show_is_said_and_not_offered():
    at = opened("importance", example="ferrocene", windows="pre-edge")
    (preset,) = [s for s in at.selectbox if s.label == "Window 1"]
    assert "pre-edge" not in preset.options
    assert "white line" in preset.options
    assert "No pre-edge: this spectrum shows no pre-edge peak" in texts(at.caption)
    assert "This spectrum shows no pre-edge peak: rising edge" in texts(at.info)
    assert shown_window(at)[0] == "rising edge"


def test_without_a_structure_windows_are_those_of_the_mean_spectrum():
    model = load_model("feff10-3d-ms")
    found = find_presets(model.energy_rel_ev, model.mean_mu["Fe"])
    window = found.find("white line")
    at = opened("importance", windows="white-line")
    assert shown_window(at) == ("white line", window.low_ev, window.high_ev)


@pytest.mark.parametrize("told", ["x", "5:4", "1:2,2:3,3:4,4:5,5:6"])
def test_a_link_with_other_windows_is_told_and_dropped(told):
    at = opened("windows", example="ferrocene", windows=told)
    assert "The link's windows were left out" in texts(at.info)
    assert not at.exception


def test_a_window_beyond_the_grid_is_said():
    at = opened("importance", example="ferrocene", windows="90:95")
    assert "no energy of the model lies in the window" in texts(at.error)


def test_what_the_link_gets_wrong_is_said_beside_an_error():
    at = opened("importance", example="ferrocene", windows="90:95", element="Xx")
    assert "no energy of the model lies in the window" in texts(at.error)
    assert "does not exist here" in texts(at.info)


def test_single_features_stand_beside_the_groups():
    at = set_by_label(opened("importance", example="ferrocene"), "Single features", True)
    assert [t["name"] for t in bars(at, "distances")] == [
        "all G\u00b2 of one distance",
        "plain G\u00b2 alone",
    ]


def test_the_chosen_atom_shows_its_effect():
    at = opened("importance", example="ferrocene")
    (box,) = [s for s in at.selectbox if s.label.startswith("Atom")]
    at = box.set_value(5).run()
    names = [t.get("name", "") for t in figure(at, "effect")["data"]]
    assert "C (atom 6) taken out" in names
    told = r"C \(atom 6\) taken out, mean over rising edge .*: .\d\.\d{3} edge steps"
    assert re.search(told, texts(at.caption))


def test_without_a_structure_the_page_invites():
    at = opened("importance")
    assert "Choose an example or drop a file" in texts(at.info)
    assert len(bars(at, "distances")) == 1


def test_windows_are_compared_in_shares_with_a_sentence():
    at = opened("windows", example="ferrocene", windows="rising-edge,26:60")
    one, two = bars(at, "windows_distances")
    assert numbers(one["y"]).sum() == pytest.approx(100)
    assert (one["name"], two["name"]) == ("rising edge (3.5 to 21 eV)", "26 to 60 eV")
    said = texts(at.markdown)
    assert "rising edge" in said
    assert "leads in" in said
    difference = figure(at, "windows_difference")["data"][0]
    np.testing.assert_allclose(numbers(difference["y"]), numbers(two["y"]) - numbers(one["y"]))
    table = at.dataframe[0].value
    assert list(table.columns) == ["Group", one["name"], two["name"], "Difference"]


def test_windows_can_be_added_and_removed():
    at = opened("windows", example="ferrocene")
    at = at.button(key="add_window").click().run()
    assert len(bars(at, "windows_distances")) == 3
    assert any(s.label == "Difference between" for s in at.selectbox)
    at = at.button(key="drop_window").click().run()
    assert len(bars(at, "windows_distances")) == 2


def test_bars_can_be_mirrored_and_absolute():
    at = set_by_label(opened("windows", example="ferrocene"), "Mirrored bars", True)
    first, second = bars(at, "windows_distances")
    assert numbers(first["y"]).sum() == pytest.approx(100)
    assert numbers(second["y"]).sum() == pytest.approx(-100)
    at = set_by_label(at, "Absolute", True)
    assert numbers(bars(at, "windows_distances")[0]["y"]).sum() != pytest.approx(100)


def test_models_are_compared_where_there_are_two():
    at = opened("windows", element="V", compare="models")
    names = [trace["name"] for trace in bars(at, "windows_distances")]
    assert names == ["fdmnes-v", "feff10-3d", "feff10-3d-ms"]
    at = opened("windows", element="Fe", compare="models")
    names = [trace["name"] for trace in bars(at, "windows_distances")]
    assert sorted(names) == ["feff10-3d", "feff10-3d-ms"]


def test_elements_are_compared_and_travel_in_the_link():
    at = opened("windows", **{"element": "Fe", "compare": "elements", "with": "Cu"})
    assert [t["name"] for t in bars(at, "windows_distances")] == ["Fe", "Cu"]
    assert link(at, "with") == "Cu"
    assert link(at, "compare") == "elements"


@pytest.mark.parametrize("script", ["importance", "windows"])
def test_a_model_without_importance_says_what_to_do(script, tmp_path, monkeypatch):
    from dataclasses import replace

    import streamlit as st

    bare = replace(tiny_model(), importance={}, distances=None, mean_mu={})
    save_model(bare, tmp_path)
    monkeypatch.setenv("XANES_MODELS", str(tmp_path))
    st.cache_data.clear()
    st.cache_resource.clear()
    try:
        at = opened(script, example="ferrocene")
        assert not at.exception
        assert "carries no importance data" in texts(at.error)
    finally:
        st.cache_data.clear()
        st.cache_resource.clear()

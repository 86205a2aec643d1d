"""The Models page without a browser: sections, records, the map, what is missing and why."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.parts.models import data as models_data
from tests.pages.test_pages import APP, TIMEOUT_S, numbers, texts
from tests.tiny_models import tiny_data, tiny_model, write_training_set
from xanes_core.model.registry import list_models, save_model
from xanes_core.model.report import Report

N_NEIGHBOURS = 5
METRICS = {
    "calibration_curve": {
        "all": {
            "0.5": {"coverage": 0.52, "width": 0.1},
            "0.9": {"coverage": 0.93, "width": 0.3},
        },
        "Fe": {
            "0.5": {"coverage": 0.4, "width": 0.1},
            "0.9": {"coverage": 0.8, "width": 0.3},
        },
    },
    "learning_curve": [
        {"n": 10, "mse": 0.02, "mse_error": 0.002},
        {"n": 20, "mse": 0.01, "mse_error": 0.001},
    ],
    "chemistry": [{"left_out": "octahedral", "n": 7, "mse": 0.03, "mse_random": 0.01}],
}


def made_report(*, spectra: bool = True) -> Report:
    """Report on the tiny model's records, with errors of which the order is known."""
    data = tiny_data()
    records = data.training_set
    n = len(records)
    scaled = tiny_model().ensemble.scaler.transform(data.x)
    axes = np.eye(scaled.shape[1])[:, :2]
    told = {"truth": 0.0, "mean": 0.05, "lower": 0.0, "upper": 0.1} if spectra else {}
    return Report(
        names=records.names,
        elements=records.elements,
        held_out=records.held_out,
        mse=1e-3 * np.roll(np.arange(1, n + 1), 7),
        distance=np.linspace(0.2, 1.8, n),
        verdict=np.array(["in domain"] * n),
        map_xy=scaled @ axes,
        map_mean=np.zeros(scaled.shape[1]),
        map_axes=axes,
        coordination=np.array([6] * (n - 1) + [-1]),
        oxidation_state=np.arange(n) % 3,
        geometry=np.array(["octahedral", ""] * (n // 2)),
        sha256=data.sha256,
        energy_rel_ev=records.energy_rel_ev,
        features=scaled,
        unit=1.0,
        **{name: records.mu + shift for name, shift in told.items()},
    )


@pytest.fixture
def shown(tmp_path, monkeypatch):
    """Opens the page on the tiny model, with or without what it may have."""
    monkeypatch.setenv("XANES_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(models_data, "PROJECT", tmp_path)

    def open_page(*, report=True, spectra=True, folder=True, metrics=METRICS, **parameters):
        tiny = tiny_model()
        kept = {name: tiny.card.metrics[name] for name in ("protocol", "held_out")}
        card = replace(tiny.card, metrics=kept | metrics)
        save_model(replace(tiny, card=card), tmp_path / "models")
        if folder:
            write_training_set(tmp_path / "data" / "feff10")
        made = made_report(spectra=spectra) if report else None
        monkeypatch.setattr(models_data, "load_report", lambda key: made)
        st.cache_data.clear()
        st.cache_resource.clear()
        return opened(**parameters)

    yield open_page
    st.cache_data.clear()
    st.cache_resource.clear()


def opened(**parameters):
    at = AppTest.from_file(str(APP), default_timeout=TIMEOUT_S)
    for name, value in parameters.items():
        at.query_params[name] = value
    return at.switch_page("pages/models.py").run()


def figure(at, key: str) -> dict:
    (spec,) = [e.proto.spec for e in at.get("plotly_chart") if f"-{key}" in e.proto.id]
    return json.loads(spec)


def trace(at, key: str, start: str) -> dict:
    (found,) = [t for t in figure(at, key)["data"] if t.get("name", "").startswith(start)]
    return found


def places(found: dict) -> np.ndarray:
    """Places (n, 2) of the points of a trace."""
    return np.column_stack([numbers(found["x"]), numbers(found["y"])])


def record(at):
    (box,) = [s for s in at.selectbox if s.label.startswith("Record")]
    return box


@pytest.mark.parametrize("card", list_models(), ids=lambda card: card.key)
@pytest.mark.parametrize(
    "section", ["card", "accuracy", "calibration", "predictions", "map", "learning"]
)
def test_every_section_of_every_shipped_model_opens(card, section):
    at = opened(model=card.key, section=section)
    assert not at.exception
    assert not at.error
    assert not at.warning
    assert at.selectbox(key="models_key").value == card.key
    assert at.button_group(key="section").value == section


def test_the_card_says_what_the_model_is(shown):
    at = shown()
    assert not at.exception
    facts = at.table[0].value[""]
    assert "40 spectra" in facts["Training data"].replace("\\", "")
    assert facts["Licence"]
    assert "numpy" in facts["Made with"]
    assert at.metric[0].value == "6"
    buttons = [b.proto.label for b in at.get("download_button")]
    assert buttons == ["Card (JSON)", "Metrics (CSV)"]


def test_a_link_with_another_model_or_section_is_told():
    at = opened(model="no-such", section="nowhere")
    said = texts(at.info)
    assert "the model 'no-such', which does not exist here" in said
    assert "the section 'nowhere', which does not exist here" in said
    assert not at.exception


def test_the_vanadium_models_are_compared():
    at = opened(model="fdmnes-v")
    assert "V has 3 models" in texts(at.markdown)
    assert list(at.table[-1].value.columns) == ["fdmnes-v (default)", "feff10-3d", "feff10-3d-ms"]


def test_accuracy_has_n_verdicts_and_unseen_chemistry(shown):
    at = shown(section="accuracy")
    assert not at.exception
    assert at.table[0].value.loc["All", "n"] == "6"
    assert at.table[-1].value.loc["octahedral"].tolist()[:3] == ["7", "30.00", "10.00"]
    assert numbers(trace(at, "chemistry", "none of the kind")["x"]) == pytest.approx([30.0])


def test_calibration_shows_the_element_that_is_chosen(shown):
    at = shown(section="calibration")
    assert "93.0 % of the points" in texts(at.caption)
    at.button_group(key="calibration_element").set_value("Fe").run()
    assert "80.0 % of the points" in texts(at.caption)
    np.testing.assert_allclose(numbers(trace(at, "calibration", "Fe")["y"]), [40, 80])
    assert len(numbers(trace(at, "error_distance", "within the training data")["x"])) == 40


def test_the_learning_curve_says_what_it_was_fitted_to(shown):
    at = shown(section="learning")
    np.testing.assert_allclose(numbers(trace(at, "learning", "measured")["y"]), [20, 10])
    assert "fitted to 10 to 20 spectra" in texts(at.caption)


def test_records_are_browsed_from_best_to_worst(shown):
    report = made_report()
    order = np.argsort(report.mse)
    at = shown(section="predictions")
    assert not at.exception
    assert record(at).value == order[20]
    for label, row in (("Best", order[0]), ("Worst", order[-1])):
        at.button(key=f"place_{label}").click().run()
        assert record(at).value == row
        assert report.names[row] in texts(at.markdown)
    at.button(key="place_before").click().run()
    row = order[-2]
    assert record(at).value == row
    np.testing.assert_allclose(
        numbers(trace(at, "record_spectrum", "network")["y"]), report.mean[row], atol=1e-6
    )
    np.testing.assert_allclose(
        numbers(trace(at, "record_spectrum", "theory")["y"]), report.truth[row], atol=1e-6
    )
    assert "13 atoms" in texts(at.caption)


def test_an_element_leaves_its_records_only(shown):
    at = shown(section="predictions")
    at.button_group(key="records_element").set_value("V").run()
    assert not at.exception
    assert len(record(at).options) == 20
    assert all(", V, error" in label for label in record(at).options)


def test_the_record_stays_from_section_to_section(shown):
    at = shown(section="predictions")
    at.button(key="place_Best").click().run()
    row = record(at).value
    at.button_group(key="section").set_value("map").run()
    assert record(at).value == row


def test_the_map_counts_its_groups_and_rings_the_record(shown):
    report = made_report()
    at = shown(section="map")
    at.button_group(key="map_colour").set_value("coordination").run()
    assert not at.exception
    names = [t["name"] for t in figure(at, "map_tiny")["data"]]
    assert names[:2] == ["6 (39)", "unknown"]
    record(at).set_value(3).run()
    ring = trace(at, "map_tiny", "chosen")
    np.testing.assert_allclose(places(ring), report.map_xy[[3]])
    assert report.names[3] in texts(at.markdown)
    for colour in ("oxidation_state", "geometry", "elements", "mse", "held_out"):
        at.button_group(key="map_colour").set_value(colour).run()
        assert not at.exception


def test_the_structure_of_the_session_is_on_the_map_with_its_neighbours(shown):
    at = shown(section="map", example="ferrocene")
    assert not at.exception
    star = trace(at, "map_tiny", "Ferrocene")
    assert star["marker"]["symbol"] == "star"
    report = made_report()
    table = at.dataframe[0].value
    assert len(table) == len(report)
    assert (table["Distance"].diff().dropna() >= 0).all()
    near = trace(at, "map_tiny", "its nearest records")
    rows = [list(report.names).index(name) for name in table["Record"][:N_NEIGHBOURS]]
    np.testing.assert_allclose(places(near), report.map_xy[rows])
    # the map opens on the nearest record, which map, record and spectra show
    assert record(at).value == rows[0]
    np.testing.assert_allclose(places(trace(at, "map_tiny", "chosen")), report.map_xy[[rows[0]]])
    names = [t["name"] for t in figure(at, "near_tiny")["data"]]
    assert names == [*report.names[rows], "Ferrocene, Fe(C\u2085H\u2085)\u2082, network"]


def test_a_choice_of_the_nearest_is_a_choice_everywhere(shown):
    at = shown(section="map", example="ferrocene")
    report = made_report()
    second = list(report.names).index(at.dataframe[0].value["Record"][1])
    at.button_group(key="nearest_tiny").set_value(second).run()
    assert record(at).value == second
    np.testing.assert_allclose(places(trace(at, "map_tiny", "chosen")), report.map_xy[[second]])
    assert at.dataframe[0].value["Record"][0] == report.names[second]
    wide = [t for t in figure(at, "near_tiny")["data"] if t["line"]["width"] > 3]
    assert [t["name"] for t in wide] == [report.names[second]]


def test_another_structure_brings_its_own_nearest_record(shown):
    at = shown(section="map", example="ferrocene")
    first = record(at).value
    record(at).set_value((first + 5) % 40).run()
    assert record(at).value == (first + 5) % 40
    at.query_params["example"] = "tetrachloroferrate-iii"
    at.run()
    table = at.dataframe[0].value
    assert made_report().names[record(at).value] == table["Record"][0]
    assert table["Distance"][0] == table["Distance"].min()


def test_a_record_of_tmqm_says_how_to_get_its_structure(shown):
    shown(section="map")
    atoms, why = models_data.structure_of(list_models()[0], "Fe_tmqm_WIXKOE")
    assert atoms is None
    assert "Download tmQM_X1.xyz.gz" in why


def test_a_structure_of_another_metal_is_not_on_the_map_and_why(shown):
    at = shown(section="map", element="Cu")
    assert not at.exception
    assert "it holds Cu, which this model knows not" in texts(at.caption)


def test_without_a_structure_the_map_invites(shown):
    assert "Choose a structure in the sidebar" in texts(shown(section="map").caption)


@pytest.mark.parametrize("section", ["predictions", "map"])
def test_a_public_set_shows_errors_and_says_why_no_spectra(shown, section):
    at = shown(section=section, spectra=False)
    assert not at.exception
    assert "public set that is not part of the project" in texts(at.info)
    assert record(at).options


@pytest.mark.parametrize("section", ["predictions", "map"])
def test_a_missing_folder_is_named_and_the_spectrum_stays(shown, section):
    at = shown(section=section, folder=False)
    assert not at.exception
    assert "The folder data/feff10 is not here" in texts(at.warning)
    key = "record" if section == "predictions" else "mapped"
    assert trace(at, f"{key}_spectrum", "theory")


@pytest.mark.parametrize("section", ["calibration", "predictions", "map", "learning"])
def test_what_was_not_measured_is_said(shown, section):
    at = shown(section=section, report=False, metrics={})
    assert not at.exception
    assert at.info

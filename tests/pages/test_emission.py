"""The Predict page where a model predicts emission too."""

import json
import shutil

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.places import PROJECT
from tests.tiny_models import tiny_emission_model, tiny_model
from xanes_core.constants import K_EDGE_EV
from xanes_core.model.export import to_csv
from xanes_core.model.registry import load_model, save_model
from xanes_core.structures.examples import load_example

APP = PROJECT / "app.py"
FERROCENE = load_example("ferrocene")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_model(tiny_model(), folder)
    save_model(tiny_emission_model(), folder)
    return folder


@pytest.fixture(autouse=True)
def models(folder, monkeypatch):
    """Absorption and emission of V and Fe."""
    monkeypatch.setenv("XANES_MODELS", str(folder))
    st.cache_data.clear()
    st.cache_resource.clear()
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


def linked(**parameters):
    at = AppTest.from_file(str(APP), default_timeout=60)
    for name, value in ({"example": "ferrocene"} | parameters).items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return at


def axis_titles(at):
    specs = [json.loads(e.proto.spec) for e in at.get("plotly_chart")]
    return [spec["layout"]["yaxis"]["title"]["text"].split(" ")[0] for spec in specs]


def texts(elements):
    return " ".join(e.value for e in elements).replace("\\", "")


def choice(at):
    return next((c for c in at.button_group if c.key == "spectra"), None)


def overlay(at, name, text):
    at.file_uploader[1].set_value([(name, text.encode(), "text/csv")])
    at.run()
    assert not at.exception


def test_absorption_is_shown_first_and_emission_is_a_click_away():
    at = linked()
    assert axis_titles(at) == ["\u03bc(E)"]
    assert "spectrum" not in at.query_params
    choice(at).set_value("xes").run()
    assert not at.exception
    assert axis_titles(at) == ["Emission"]
    assert at.query_params["spectrum"] == "xes"
    index = list(at.table[0].value.index)
    assert "Mean energy of the band" in index
    assert not any("dge" in label or "White" in label for label in index)
    assert "edge steps" not in texts(at.caption)


def test_both_have_a_figure_a_table_and_downloads_each():
    at = linked(spectrum="both")
    assert axis_titles(at) == ["\u03bc(E)", "Emission"]
    assert [next(iter(t.value.index)) for t in at.table] == ["Edge, half step", "Main maximum"]
    keys = {b.proto.id.rsplit("-", 1)[-1] for b in at.get("download_button")}
    assert {"download_csv", "download_xes_csv", "download_svg", "download_xes_svg"} <= keys
    assert at.query_params["spectrum"] == "both"


def test_an_element_without_an_emission_model_has_no_choice_and_says_so(folder, monkeypatch):
    only = folder.parent / "only"
    shutil.copytree(folder / "tiny", only / "tiny", dirs_exist_ok=True)
    monkeypatch.setenv("XANES_MODELS", str(only))
    st.cache_data.clear()
    at = linked(spectrum="xes")
    assert choice(at) is None
    assert axis_titles(at) == ["\u03bc(E)"]
    assert "no shipped model predicts for Fe" in texts(at.info)


def test_an_emission_spectrum_on_top_gets_its_area_and_no_edge():
    at = linked(spectrum="both")
    prediction = load_model("Fe", "xes").predict(FERROCENE, absorber=0)
    overlay(at, "own.csv", to_csv(prediction))  # it is recognised by its column
    assert "Misfit 0.000 1/eV" in texts(at.markdown).replace("*", "")
    energy = prediction.energy_rel_ev + K_EDGE_EV["Fe"]
    rows = "\n".join(f"{e:.3f},{500 * m:.4f}" for e, m in zip(energy, prediction.mu, strict=True))
    overlay(at, "counts.csv", "energy,intensity\n" + rows)
    (kind,) = [c for c in at.button_group if "spectrum_spectrum" in c.proto.id]
    kind.set_value("xes").run()
    assert not at.exception
    assert "Misfit 0.000 1/eV" in texts(at.markdown).replace("*", "")
    assert not any(c.label == "Normalisation" for c in at.button_group)


def test_what_is_not_in_view_is_not_drawn_over_another_kind():
    at = linked()
    overlay(at, "own.csv", to_csv(load_model("Fe", "xes").predict(FERROCENE, absorber=0)))
    assert "Choose XES above the figure" in texts(at.sidebar.caption)
    assert "Misfit" not in texts(at.markdown)


def test_a_batch_holds_both_spectra():
    at = linked(spectrum="both")
    text = f"{len(FERROCENE)}\n\n" + "".join(
        f"{s} {x} {y} {z}\n"
        for s, (x, y, z) in zip(
            FERROCENE.get_chemical_symbols(), np.round(FERROCENE.positions, 5), strict=True
        )
    )
    files = [(name, text.encode(), "text/plain") for name in ("a.xyz", "b.xyz")]
    at.file_uploader[0].set_value([*files, ("bad.xyz", b"nothing", "text/plain")])
    at.run()
    assert not at.exception
    table = at.dataframe[0].value
    assert list(table["Name"]) == ["bad.xyz", "a.xyz", "a.xyz", "b.xyz", "b.xyz"]
    assert [text.split(" ")[0] for text in table["Result"][1:]] == ["XANES", "XES"] * 2
    assert table["Main maximum (eV)"][2]
    assert not table["Edge (eV)"][2]


def test_other_pages_leave_the_emission_model_out():
    at = linked()
    at.switch_page("pages/importance.py").run()
    assert not at.exception
    assert not any("tiny-xes" in str(s.options) for s in at.selectbox)

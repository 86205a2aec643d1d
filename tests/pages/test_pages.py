"""The pages without a browser: what a click, a file or a link leads to."""

from __future__ import annotations

import base64
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.places import PROJECT
from xanes_core.model.export import to_csv, to_json, to_xdi
from xanes_core.model.registry import list_models, load_model
from xanes_core.structures.examples import list_examples, load_example

APP = PROJECT / "app.py"
TIMEOUT_S = 60


@pytest.fixture
def app():
    return AppTest.from_file(str(APP), default_timeout=TIMEOUT_S).run()


def linked(**parameters):
    at = AppTest.from_file(str(APP), default_timeout=TIMEOUT_S)
    for name, value in parameters.items():
        at.query_params[name] = value
    return at.run()


def xyz(atoms) -> bytes:
    lines = [str(len(atoms)), ""]
    lines += [
        f"{s} {x:.6f} {y:.6f} {z:.6f}"
        for s, (x, y, z) in zip(atoms.get_chemical_symbols(), atoms.positions, strict=True)
    ]
    return ("\n".join(lines) + "\n").encode()


def upload(at, *files):
    """Put (name, bytes) pairs into the structure uploader and run."""
    at.file_uploader[0].set_value([(name, data, "text/plain") for name, data in files])
    return at.run()


def figure(at):
    (spec,) = [e.proto.spec for e in at.get("plotly_chart") if "spectrum" in e.proto.id]
    return json.loads(spec)


def x_title(at):
    return figure(at)["layout"]["xaxis"]["title"]["text"]


def trace(at, start):
    found = next(t for t in figure(at)["data"] if t["name"].startswith(start))
    return SimpleNamespace(x=numbers(found["x"]), y=numbers(found["y"]), line=found["line"])


def numbers(stored) -> np.ndarray:
    """Values of an array as plotly writes it."""
    if isinstance(stored, dict):
        return np.frombuffer(base64.b64decode(stored["bdata"]), dtype=stored["dtype"])
    return np.array(stored)


def texts(elements):
    return " ".join(e.value for e in elements).replace("\\", "")


FERROCENE = load_example("ferrocene")


def test_home_names_the_app_and_shows_an_example_of_each_metal(app):
    assert not app.exception
    metals = [b.label.split("**")[1] for b in app.button if b.key.startswith("start_")]
    assert metals == ["Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn"]
    assert "XANES Explorer" in texts(app.title)


def test_a_click_on_an_example_shows_the_models_own_prediction(app):
    app.button(key="start_Fe").click().run()
    assert not app.exception
    key = "ferrocene"
    example = next(e for e in list_examples() if e.key == key)
    expected = load_model("Fe").predict(load_example(key), absorber=example.absorber)
    np.testing.assert_allclose(trace(app, "Network").y, expected.mu, atol=1e-6)
    assert app.query_params["example"] == key


@pytest.mark.parametrize("element", ["Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn"])
def test_every_metal_has_an_example_that_predicts(element):
    at = linked(element=element)
    assert not at.exception
    assert not at.error
    assert np.isfinite(trace(at, f"Network, {element}").y).all()


def test_a_link_restores_example_and_axis():
    at = linked(example="ferrocene", axis="absolute")
    assert not at.exception
    assert "Ferrocene" in texts(at.markdown)
    assert x_title(at) == "Energy (eV)"
    assert trace(at, "Network").x[0] == pytest.approx(7112.0 - 15.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("example", "<b>no</b>"), ("element", "Xx"), ("axis", "sideways"), ("model", "../x")],
)
def test_an_invalid_link_gives_a_sentence_and_a_sensible_page(name, value):
    at = linked(**({"example": "ferrocene"} | {name: value}))
    assert not at.exception
    assert "does not exist here" in texts(at.info)
    assert name not in at.query_params or at.query_params[name] != value


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("absorber", "$x$", "the absorber '$x$', which does not exist here"),
        ("absorber", "Cu", "has no absorber Cu: showing Fe"),
        ("absorber", "999", "has no absorber 999: showing Fe"),
        ("frame", "0", "the frame '0', which does not exist here"),
        ("frame", "7", "Frame 7 was asked for, but"),
        ("files", "<b>.xyz", "names files in a way that cannot be read"),
        ("relaxed", "-1", "the relaxed frame '-1', which does not exist here"),
        ("relaxed", "1", "The relaxed structure of this link is not here"),
        ("spectrum", "uv", "the spectrum 'uv', which does not exist here"),
        ("windows", "9:1", "The link's windows were left out"),
    ],
)
def test_nonsense_in_a_link_gives_a_sentence_and_leaves_it(name, value, said):
    at = linked(example="ferrocene", **{name: value})
    assert not at.exception
    assert said in texts(at.info).replace("\u2060", "")
    assert trace(at, "Network, Fe") is not None
    assert at.query_params == {"example": ["ferrocene"]} or at.query_params == {
        "example": "ferrocene"
    }


def test_an_absorber_without_a_structure_is_told():
    assert "names an absorber or a frame, but no structure" in texts(linked(absorber="Fe").info)


def test_a_file_of_a_link_is_waited_for_and_brings_its_absorber_along(app):
    other = FERROCENE.copy()
    other.positions += [30.0, 0.0, 0.0]
    other.positions[1:] *= [1.0, 1.0, 1.02]
    data = xyz(FERROCENE + other)
    upload(app, ("mine.xyz", data))
    (absorber,) = [s for s in app.selectbox if s.label == "Absorber"]
    absorber.set_value(21).run()
    link = dict(app.query_params)
    wanted = trace(app, "Network").y
    at = linked(**link)
    assert "Not here: mine.xyz" in texts(at.warning).replace("*", "")
    assert not at.get("plotly_chart")
    assert dict(at.query_params) == link
    upload(at, ("mine.xyz", data))
    assert not at.warning
    np.testing.assert_array_equal(trace(at, "Network").y, wanted)

    at = linked(**link)
    upload(at, ("mine.xyz", xyz(other)))
    assert "mine.xyz is another file than the one of the link" in texts(at.info)
    assert not at.warning
    assert trace(at, "Network") is not None

    at = linked(**link)
    next(b for b in at.button if b.key == "forget_missing").click().run()
    assert not at.warning
    assert not at.query_params


def test_an_example_instead_of_missing_files_ends_the_waiting():
    at = linked(files="0123456789abcdef <b>mine</b>.xyz\n00000000000000ff b.xyz\n+3")
    assert "<b>mine</b>.xyz" in texts(at.warning)
    at.pills(key="element").set_value("Fe").run()
    assert not at.warning
    assert "files" not in at.query_params


def test_a_link_whose_example_holds_another_metal_says_so():
    at = linked(example="ferrocene", element="Cu")
    assert "names Cu, but its example holds Fe" in texts(at.info)
    assert trace(at, "Network, Fe") is not None


def test_a_link_whose_model_does_not_know_the_metal_says_so():
    at = linked(example="ferrocene", model="fdmnes-v")
    assert "fdmnes-v does not know Fe" in texts(at.info)
    assert trace(at, "Network, Fe") is not None
    assert "model" not in at.query_params


def test_an_upload_is_predicted(app):
    upload(app, ("mine.xyz", xyz(FERROCENE)))
    assert not app.exception
    expected = load_model("Fe").predict(FERROCENE, absorber=0)
    np.testing.assert_allclose(trace(app, "Network").y, expected.mu, atol=1e-4)
    assert "example" not in app.query_params


def test_a_broken_file_says_why_and_the_others_are_kept(app):
    upload(app, ("good.xyz", xyz(FERROCENE)), ("bad.xyz", b"5\n\nFe 0 0 0\n"))
    assert not app.exception
    (warning,) = app.warning
    assert "bad.xyz" in texts([warning])
    assert "5 atoms" in texts([warning])
    assert trace(app, "Network") is not None
    table = app.dataframe[0].value
    assert list(table["Name"]) == ["bad.xyz", "good.xyz"]
    assert "5 atoms" in table["Result"][0]


def test_many_broken_files_share_one_box_and_the_table_names_all(app):
    upload(app, *((f"bad{i}.xyz", b"5\n\nFe 0 0 0\n") for i in range(5)))
    (warning,) = app.warning
    said = texts([warning]).replace("\\", "")
    assert "bad2.xyz" in said
    assert "bad3.xyz" not in said
    assert "2 more could not be read" in said
    assert len(app.dataframe[0].value) == 5


def test_long_names_keep_their_end(app):
    names = ["x" * 100 + f"_{i}.xyz" for i in range(2)]
    upload(app, *((name, xyz(FERROCENE)) for name in names))
    assert not app.exception
    assert list(app.dataframe[0].value["Name"]) == names
    shown = app.selectbox(key="entry_select").options
    assert [label[-6:] for label in shown] == ["_0.xyz", "_1.xyz"]
    assert max(map(len, shown)) <= 60


def test_the_batch_table_has_the_digits_that_the_spread_warrants(app):
    upload(app, ("a.xyz", xyz(FERROCENE)), ("b.xyz", xyz(FERROCENE)))
    shown = app.dataframe[0].value["Edge (eV)"][0]
    value, spread = shown.split(" \u00b1 ")
    assert len(value.partition(".")[2]) == len(spread.partition(".")[2])
    digits = spread.replace(".", "").lstrip("0")
    assert len(digits) == 1 or digits[0] == "1" or "." not in spread


def test_a_structure_without_a_metal_says_which_metals_work(app):
    upload(app, ("water.xyz", b"3\n\nO 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0\n"))
    assert not app.exception
    assert "Ti, V, Cr" in texts(app.warning)


def test_a_file_name_is_text_and_never_markup(app):
    name = "[a](http://x.y) <img src=x> $x$ :red[no].xyz"
    upload(app, (name, b"not a structure"))
    assert not app.exception
    shown = app.warning[0].value.split("**")[1]
    assert "img" in shown
    assert not re.search(r"(?<!\\)[<>$`_\[\](:]", shown)
    assert "://" not in shown.replace("\\", "")


def test_several_files_make_a_table_and_can_be_overlaid(app):
    other = FERROCENE.copy()
    other.positions[1] += 0.05
    upload(app, ("a.xyz", xyz(FERROCENE)), ("b.xyz", xyz(other)))
    assert list(app.dataframe[0].value["Name"]) == ["a.xyz", "b.xyz"]
    second = f"file:{list(app.session_state['files'])[1]}"
    app.multiselect(key="overlay").set_value([second]).run()
    assert not app.exception
    expected = load_model("Fe").predict(other, absorber=0)
    np.testing.assert_allclose(trace(app, "b.xyz").y, expected.mu, atol=1e-4)


def test_frames_have_a_slider_that_moves_the_spectrum(app):
    frames = [FERROCENE.copy() for _ in range(4)]
    for i, frame in enumerate(frames):
        frame.positions[1:] *= 1 + 0.02 * i
    upload(app, ("run.xyz", b"".join(xyz(f) for f in frames)))
    first = np.array(trace(app, "Network").y)
    (slider,) = [s for s in app.slider if s.label == "Frame"]
    assert (slider.min, slider.max) == (1, 4)
    slider.set_value(4).run()
    expected = load_model("Fe").predict(frames[3], absorber=0)
    np.testing.assert_allclose(trace(app, "Network").y, expected.mu, atol=1e-4)
    assert not np.allclose(first, expected.mu, atol=1e-3)
    assert len(app.dataframe[0].value) == 4


def test_choices_and_files_survive_a_page_switch(app):
    upload(app, ("mine.xyz", xyz(FERROCENE)))
    app.segmented_control(key="axis").set_value("absolute").run()
    before = np.array(trace(app, "Network").y)
    app.switch_page("pages/models.py").run()
    assert not app.exception
    app.switch_page("pages/predict.py").run()
    assert not app.exception
    np.testing.assert_array_equal(before, trace(app, "Network").y)
    assert x_title(app) == "Energy (eV)"
    assert "Kept: mine.xyz" in texts(app.caption)


def test_kept_files_can_be_removed(app):
    upload(app, ("mine.xyz", xyz(FERROCENE)))
    app.switch_page("pages/models.py").run()
    app.switch_page("pages/predict.py").run()
    next(b for b in app.button if b.label == "Remove the files").click().run()
    assert not app.exception
    assert not app.get("plotly_chart")


def test_taking_a_file_off_the_list_removes_it(app):
    upload(app, ("a.xyz", xyz(FERROCENE)), ("bad.xyz", b"no"))
    upload(app, ("a.xyz", xyz(FERROCENE)))
    assert not app.warning
    assert not app.dataframe


def test_vanadium_has_a_choice_of_models_that_changes_the_spectrum():
    keys = [card.key for card in list_models("V", "xanes")]
    at = linked(element="V")
    choice = at.selectbox(key="model")
    assert choice.options == keys
    assert choice.value == "feff10-3d"
    assert "fdmnes-v is outside" in texts(at.caption)
    first = np.array(trace(at, "Network").y)
    other = next(k for k in keys if k != choice.value)
    choice.set_value(other).run()
    assert not at.exception
    assert not np.allclose(first, trace(at, "Network").y)
    assert at.query_params["model"] == other
    again = linked(element="V", model=other)
    assert again.selectbox(key="model").value == other


def test_an_absorber_can_be_one_site_or_all_of_an_element(app):
    pair = FERROCENE.copy()
    far = FERROCENE.copy()
    far.positions += [30.0, 0.0, 0.0]
    far.positions[1:] *= [1.0, 1.0, 1.05]
    upload(app, ("pair.xyz", xyz(pair + far)))
    (absorber,) = [s for s in app.selectbox if s.label == "Absorber"]
    assert absorber.options[0] == "Absorber: Fe, average of 2 atoms"
    average = np.array(trace(app, "Network").y)
    ends = []
    for index in (0, len(FERROCENE)):
        (absorber,) = [s for s in app.selectbox if s.label == "Absorber"]
        absorber.set_value(index).run()
        ends.append(np.array(trace(app, "Network").y))
    np.testing.assert_allclose(average, np.mean(ends, axis=0), atol=1e-6)


def test_a_crystal_offers_its_distinct_sites_with_their_multiplicity(app):
    cscl = "1.0\n1 0 0\n0 1 0\n0 0 {c}\nFe O\n{n} {n}\nDirect\n{sites}\n"
    one = cscl.format(c="2.0", n=2, sites="0 0 0\n0 0 .5\n.5 .5 .25\n.5 .5 .75")
    two = cscl.format(c="2.0", n=2, sites="0 0 0\n0 0 .5\n.5 .5 .25\n.5 .5 .70")
    one, two = (text.replace("1.0\n1 0", "3.0\n1 0") for text in (one, two))
    upload(app, ("POSCAR", ("one\n" + one).encode()))
    assert not app.exception
    (absorber,) = [s for s in app.selectbox if s.label == "Absorber"]
    assert absorber.options == ["Absorber: Fe, 2 equivalent atoms"]
    upload(app, ("POSCAR", ("two\n" + two).encode()))
    (absorber,) = [s for s in app.selectbox if s.label == "Absorber"]
    assert absorber.options[0] == "Absorber: Fe, average of 2 atoms"
    assert len(absorber.options) == 3


def spectrum_csv(prediction, shift_ev=0.0) -> bytes:
    rows = zip(prediction.energy_ev + shift_ev, prediction.mu, strict=True)
    return ("energy,norm\n" + "\n".join(f"{e:.4f},{m:.6f}" for e, m in rows)).encode()


def test_a_spectrum_on_top_is_judged_in_numbers():
    at = linked(example="ferrocene")
    prediction = load_model("Fe").predict(FERROCENE, absorber=0)
    at.file_uploader[1].set_value([("scan.csv", spectrum_csv(prediction, 1.5), "text/csv")])
    at.run()
    assert not at.exception
    assert trace(at, "scan.csv").line["color"] == "#000000"
    assert "Misfit 0.000" not in texts(at.markdown).replace("*", "")
    next(b for b in at.button if b.label == "Fit the shift").click().run()
    assert at.number_input(key="spectrum_shift_ev").value == pytest.approx(-1.5, abs=0.05)
    said = texts(at.markdown).replace("*", "")
    assert "100 % of the energies lie inside" in said


def test_of_a_file_of_several_scans_one_is_chosen():
    at = linked(example="ferrocene")
    prediction = load_model("Fe").predict(FERROCENE, absorber=0)
    text = "#F two\n"
    for number, factor in ((1, 1.0), (2, 0.5)):
        rows = zip(prediction.energy_ev, factor * prediction.mu, strict=True)
        text += f"\n#S {number} escan\n#N 2\n#L energy  mu\n"
        text += "".join(f"{energy:.4f} {mu:.6f}\n" for energy, mu in rows)
    at.file_uploader[1].set_value([("two.spec", text.encode(), "text/plain")])
    at.run()
    assert not at.exception
    assert not at.warning
    box = next(b for b in at.multiselect if "2 spectra" in b.label)
    assert box.value == box.options[:1]
    box.set_value(box.options[1:]).run()
    assert not at.exception
    assert trace(at, "two.spec: 2 escan").y is not None
    assert next(b for b in at.multiselect if "2 spectra" in b.label).value == box.options[1:]


@pytest.mark.parametrize(
    ("write", "name"), [(to_csv, "own.csv"), (to_json, "own.json"), (to_xdi, "own.xdi")]
)
def test_a_downloaded_prediction_lies_on_itself_as_theory(write, name):
    at = linked(example="ferrocene")
    text = write(load_model("Fe").predict(FERROCENE, absorber=0))
    at.file_uploader[1].set_value([(name, text.encode(), "text/plain")])
    at.run()
    assert not at.exception
    assert "Misfit 0.000" in texts(at.markdown).replace("*", "")
    assert not any(c.label == "What was mended" for c in at.expander)
    assert trace(at, name).line["color"] == "#C27D00"


def test_a_spectrum_that_cannot_be_read_says_so_and_keeps_the_prediction():
    at = linked(example="ferrocene")
    at.file_uploader[1].set_value([("scan.csv", b"hello", "text/csv")])
    at.run()
    assert not at.exception
    assert "scan.csv" in texts(at.warning)
    assert trace(at, "Network") is not None


def test_the_verdict_stands_beside_the_spectrum_with_its_reasons():
    at = linked(example="ferrocene")
    prediction = load_model("Fe").predict(FERROCENE, absorber=0)
    said = texts(at.markdown)
    for reason in prediction.domain.reasons:
        assert reason[1:] in said


def test_the_models_page_has_every_shipped_model(app):
    app.switch_page("pages/models.py").run()
    assert not app.exception
    offered = app.selectbox(key="models_key").options
    assert len(offered) == len(list_models())
    for card in list_models():
        assert any(card.title in label and card.key in label for label in offered)

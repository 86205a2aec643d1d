"""Many structures and frames, other structures and spectra over one, and missing hydrogens."""

from __future__ import annotations

import io
import json
import threading
import zipfile

import numpy as np
import pytest

from pages.parts.predict import stream
from pages.parts.predict.stream import Run, Task, is_complete
from pages.parts.shared.library import structure_key
from tests.pages.test_pages import (  # noqa: F401  (fixture)
    FERROCENE,
    app,
    figure,
    linked,
    numbers,
    spectrum_csv,
    texts,
    trace,
    upload,
    xyz,
)
from xanes_core.constants import K_EDGE_EV
from xanes_core.model.registry import load_model
from xanes_core.structures.examples import list_examples, load_example

WAIT_S = 60
BARE = FERROCENE[FERROCENE.numbers != 1]


def breathing(count):
    """Ferrocenes that grow by up to 5 %."""
    frames = [FERROCENE.copy() for _ in range(count)]
    for i, frame in enumerate(frames):
        frame.positions *= 1 + 0.05 * i / count
    return frames


def trajectory(count, name="run.xyz"):
    return name, b"".join(xyz(frame) for frame in breathing(count))


def done(at):
    """The page once the work behind it has ended."""
    if "batch_run" in at.session_state:
        at.session_state["batch_run"].wait(WAIT_S)
    return at.run()


def chart(at, part):
    (spec,) = [e.proto.spec for e in at.get("plotly_chart") if part in e.proto.id]
    return json.loads(spec)


def press(at, label):
    next(b for b in at.button if b.label == label).click()
    return at.run()


# --- a zip ---------------------------------------------------------------------------------------


def packed(*files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files:
            archive.writestr(name, data)
    return buffer.getvalue()


def test_a_zip_gives_its_structures_like_uploaded_files(app):  # noqa: F811
    files = [("set/b.xyz", xyz(FERROCENE)), ("a.xyz", xyz(BARE)), ("no.xyz", b"x"), ("read.md", "")]
    app.switch_page("pages/predict.py").run()
    upload(app, ("set.zip", packed(*files)))
    assert not app.exception
    assert list(app.dataframe[0].value["Name"]) == ["no.xyz", "a.xyz", "set/b.xyz"]
    assert "files that are no structures were left out (1)" in texts(app.info)
    assert app.selectbox(key="entry_select").options == ["a.xyz", "set/b.xyz"]
    expected = load_model("Fe").predict(BARE, absorber=0)
    np.testing.assert_allclose(trace(app, "Network").y, expected.mu, atol=1e-4)
    upload(app)
    assert not app.dataframe
    assert not app.get("plotly_chart")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"no zip", "cannot be read as a zip"),
        (packed(("../a.xyz", xyz(FERROCENE))), "leads out of it"),
        (packed(("a.xyz", xyz(FERROCENE)), ("b.zip", b"")), "another archive"),
    ],
)
def test_a_bad_zip_says_why_and_other_files_are_kept(app, data, why):  # noqa: F811
    upload(app, ("bad.zip", data), ("good.xyz", xyz(FERROCENE)))
    assert not app.exception
    assert why in texts(app.warning)
    assert len(trace(app, "Network").y) == 226


# --- many frames ---------------------------------------------------------------------------------


def test_many_frames_are_predicted_behind_the_page_as_each_is_alone(app):  # noqa: F811
    count = 24
    upload(app, trajectory(count))
    assert app.button(key="batch_stop")
    done(app)
    assert not app.exception
    assert not [b for b in app.button if b.key == "batch_stop"]
    table = app.dataframe[0].value
    assert list(table["Name"]) == [f"run.xyz frame {i + 1}" for i in range(count)]
    assert (table["Edge (eV)"] != "").all()
    model = load_model("Fe")
    app.segmented_control(key="frames").set_value("map").run()
    (heat,) = chart(app, "frames_map")["data"]
    z = numbers(heat["z"]).reshape(count, 226)
    for i in (0, 11, count - 1):
        read = xyz(breathing(count)[i])  # as the file says it
        positions = np.array([r.split()[1:] for r in read.decode().splitlines()[2:]], dtype=float)
        alone = FERROCENE.copy()
        alone.positions = positions
        np.testing.assert_allclose(z[i], model.predict(alone, 0).mu, atol=2e-6)


def test_every_view_of_the_frames_shows_the_one_in_view(app):  # noqa: F811
    upload(app, trajectory(12))
    done(app)
    app.slider(key=next(s.key for s in app.slider if s.label == "Frame")).set_value(7).run()
    for view in ("all", "mean", "stack", "map", "play", "numbers"):
        app.segmented_control(key="frames").set_value(view).run()
        assert not app.exception, view
        assert app.query_params["frames"] == view
        made = chart(app, f"frames_{view}")
        if view in ("all", "mean"):
            assert "Frame 7, in view" in [t["name"] for t in made["data"] if "name" in t]
        if view == "play":
            assert made["layout"]["sliders"][0]["active"] == 6
            assert len(made["frames"]) == 12
        if view in ("map", "numbers"):
            assert 7 in [shape.get("y0") for shape in made["layout"]["shapes"]] + [
                shape.get("x0") for shape in made["layout"]["shapes"]
            ]
    app.segmented_control(key="axis").set_value("absolute").run()
    edge = chart(app, "frames_numbers")["data"][0]
    assert 7100 < numbers(edge["y"]).min() < 7160
    x = numbers(edge["x"])
    assert list(x) == list(range(1, 13)), "frames, whatever the energy axis"


def test_stop_keeps_what_is_done_and_go_on_does_the_rest(app):  # noqa: F811
    upload(app, trajectory(40))
    run = app.session_state["batch_run"]
    app.button(key="batch_stop").click().run()
    run.wait(WAIT_S)
    app.run()
    assert not app.exception
    kept = len(app.session_state["batch_known"])
    assert "Stopped:" in texts(app.markdown)
    assert not app.session_state["batch_run"].running
    app.run()
    assert len(app.session_state["batch_known"]) == kept, "nothing goes on by itself"
    press(app, "Go on")
    done(app)
    assert len(app.dataframe[0].value) == 40
    assert "Stopped:" not in texts(app.markdown)


def test_results_are_used_again_and_a_new_choice_leaves_no_old_numbers(app):  # noqa: F811
    pair = FERROCENE.copy()
    far = FERROCENE.copy()
    far.positions = far.positions * 1.03 + [30.0, 0, 0]
    upload(app, ("a.xyz", xyz(pair + far)), ("b.xyz", xyz(FERROCENE)))
    first = app.dataframe[0].value["Edge (eV)"]
    (absorber,) = [s for s in app.selectbox if s.label == "Absorber"]
    absorber.set_value(len(FERROCENE)).run()
    second = app.dataframe[0].value["Edge (eV)"]
    assert second[0] != first[0]
    assert second[1] == first[1]
    before = dict(app.session_state["batch_known"])
    (absorber,) = [s for s in app.selectbox if s.label == "Absorber"]
    absorber.set_value("Fe").run()
    assert list(app.dataframe[0].value["Edge (eV)"]) == list(first)
    after = app.session_state["batch_known"]
    assert all(after[key] is before[key] for key in before), "predicted once"


def test_frames_of_other_atoms_have_absorbers_of_their_own(app):  # noqa: F811
    copper, water = load_example("copper-bis-acac"), b"3\n\nO 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0\n"
    upload(app, ("mix.xyz", xyz(FERROCENE) + water + xyz(copper)))
    done(app)
    table = app.dataframe[0].value
    assert sorted(table["Absorber"]) == ["", "Cu", "Fe"]
    assert "holds no supported metal" in table["Result"][0]


# --- the run itself ------------------------------------------------------------------------------


class Slow:
    """A model that lets the test look in after a number of structures."""

    def __init__(self, pause_after):
        self.own = load_model("Fe")
        self.asked, self.pause_after = 0, pause_after
        self.reached, self.go_on = threading.Event(), threading.Event()

    def predict_many(self, pairs):
        self.asked += len(pairs)
        if self.asked > self.pause_after:
            self.reached.set()
            assert self.go_on.wait(WAIT_S)
        return self.own.predict_many(pairs)


def tasks(count, model="Fe"):
    return [Task((structure_key(a), 0, model), a, 0) for a in breathing(count)]


def test_a_stopped_run_has_what_it_made_and_the_next_one_makes_the_rest():
    model, known = Slow(20), {}
    run = Run(tasks(60), known, {"Fe": model})
    run.start()
    assert model.reached.wait(WAIT_S)
    run.stop()
    model.go_on.set()
    run.wait(WAIT_S)
    assert not run.running
    assert 0 < len(known) < 60
    assert not run.spectra_done
    made = dict(known)
    rest = Run(tasks(60), known, {"Fe": model.own})
    rest.finish()
    assert len(known) == 60
    assert rest.progress() == (60, 60, 60)
    for key, before in made.items():
        np.testing.assert_allclose(known[key].prediction.mu, before.prediction.mu, atol=2e-6)
    assert all(is_complete(result) for result in known.values())
    assert all(not len(result.prediction.members) for result in known.values()), "kept small"


def test_a_run_ends_when_its_reader_is_gone():
    known = {}
    Run(tasks(5), known, {"Fe": load_model("Fe")}, alive=lambda: False).finish()
    assert known == {}


def test_a_structure_that_fails_is_a_line_and_no_end():
    broken = FERROCENE.copy()
    broken.positions[1] = broken.positions[0]
    known = {}
    own = [Task(("broken", 0, "Fe"), broken, 0), *tasks(2)]
    run = Run(own, known, {"Fe": load_model("Fe")})
    run.finish()
    assert known["broken", 0, "Fe"].prediction is None
    assert "lies 0.00 A from the absorber" in known["broken", 0, "Fe"].error
    assert run.progress() == (3, 3, 3)
    assert run.covers([task.key for task in own[1:]])
    assert not run.covers([("other", 0, "Fe")])


def test_memory_is_bounded_the_oldest_go_first(monkeypatch):
    monkeypatch.setattr(stream, "MAX_KEPT", 3)
    own, known = tasks(5), {}
    Run(own, known, {"Fe": load_model("Fe")}).finish()
    assert len(known) == 3


# --- other structures over the one in view -------------------------------------------------------


def test_an_example_of_another_metal_lies_on_its_own_edge():
    at = linked(example="ferrocene")
    choice = at.multiselect(key="overlay")
    assert len(choice.options) == len(list_examples()) - 1, "all examples but the one in view"
    at.multiselect(key="overlay").set_value(["example:copper-bis-acac"]).run()
    assert not at.exception
    copper = load_model("Cu").predict(load_example("copper-bis-acac"), absorber="Cu")
    (name,) = [t["name"] for t in figure(at)["data"] if "Cu edge" in t.get("name", "")]
    laid = trace(at, name)
    np.testing.assert_allclose(laid.y, copper.mu, atol=1e-5)
    np.testing.assert_allclose(laid.x, copper.energy_rel_ev, atol=1e-9)
    assert "Outside this axis" not in texts(at.caption)
    at.segmented_control(key="axis").set_value("absolute").run()
    np.testing.assert_allclose(trace(at, name).x[0], K_EDGE_EV["Cu"] - 15.0)
    assert f"Cu edge at {K_EDGE_EV['Cu']:.0f} eV" in texts(at.caption)


def test_an_overlay_that_comes_into_view_is_not_drawn_twice():
    at = linked(example="ferrocene")
    at.multiselect(key="overlay").set_value(["example:copper-bis-acac"]).run()
    at.session_state["overlay"] = ["example:ferrocene"]
    at.run()
    assert not at.exception
    assert at.multiselect(key="overlay").value == []


# --- a measured spectrum -------------------------------------------------------------------------


def test_what_is_left_of_a_measured_spectrum_stands_below_it():
    at = linked(example="ferrocene")
    prediction = load_model("Fe").predict(FERROCENE, absorber=0)
    at.file_uploader[1].set_value([("scan.csv", spectrum_csv(prediction, 1.5), "text/csv")])
    at.run()
    at.number_input(key="spectrum_scale").set_value(0.9).run()
    left = trace(at, "predicted")
    measured = trace(at, "scan.csv")
    assert len(left.y) == len([x for x in prediction.energy_rel_ev if x >= -13.5])
    expected = prediction.mu - np.interp(prediction.energy_rel_ev, measured.x, measured.y)
    np.testing.assert_allclose(left.y, expected[-len(left.y) :], atol=1e-4)
    said = texts(at.markdown).replace("*", "")
    assert "scaled by 0.900" in said
    assert "furthest outside at E0 +" in said or "furthest outside at E0 \u2212" in said
    at.segmented_control(key="axis").set_value("absolute").run()
    said = texts(at.markdown)
    assert "furthest outside at 71" in said
    assert "E0" not in said.split("furthest")[1].split("by")[0]
    at.number_input(key="spectrum_shift_ev").set_value(-1.5).run()
    at.number_input(key="spectrum_scale").set_value(1.0).run()
    said = texts(at.markdown).replace("*", "")
    assert "Misfit 0.000" in said
    assert "moved by \u22121.50 eV" in said
    assert "scaled" not in said


# --- hydrogens -----------------------------------------------------------------------------------


def test_missing_hydrogens_are_told_and_added_beside_the_original(app):  # noqa: F811
    upload(app, ("bare.xyz", xyz(BARE)))
    assert "0.04 edge steps" in texts(app.markdown)
    without = np.array(trace(app, "Network").y)
    app.button(key="add_hydrogens").click().run()
    assert not app.exception
    assert "Hydrogens are missing" not in texts(app.markdown)
    entry = app.selectbox(key="entry_select")
    assert entry.options == ["bare.xyz", "bare.xyz, with hydrogens"]
    whole = load_model("Fe").predict(FERROCENE, absorber=0).mu
    now = trace(app, "Network").y
    assert np.sqrt(np.mean((now - whole) ** 2)) < 0.5 * np.sqrt(np.mean((without - whole) ** 2))
    assert len(app.dataframe[0].value) == 2


def test_where_hydrogens_would_be_a_guess_the_reason_is_given(app):  # noqa: F811
    zinc = load_example("zinc-bis-acac-water")
    upload(app, ("zinc.xyz", xyz(zinc[zinc.numbers != 1])))
    app.button(key="add_hydrogens").click().run()
    assert not app.exception
    assert "water, hydroxide or oxide" in texts(app.caption)
    assert not [b for b in app.button if b.key == "add_hydrogens"]


@pytest.mark.parametrize("example", ["ferrocene", "chromium-hexacarbonyl", "chromate"])
def test_complete_structures_get_no_note(example):
    at = linked(example=example)
    assert not [b for b in at.button if b.key == "add_hydrogens"]

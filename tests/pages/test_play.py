"""The page "Play" without a browser: what the component is given, links, choices, and FEFF10."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write
from streamlit.testing.v1 import AppTest

from tests.pages.test_pages import APP, TIMEOUT_S, texts, upload, xyz
from tests.pages.test_theory import QuickFeff
from xanes_core.constants import ABSORBERS
from xanes_core.model.registry import load_model
from xanes_core.structures import apply_moves, load_example, parse_move
from xanes_core.theory import ENGINES

#: Read beforehand: reading arrays and compiling a page at the same time trips Python 3.11.
MODEL = load_model("Fe")


@pytest.fixture
def feff(monkeypatch, tmp_path):
    monkeypatch.setenv("XANES_CACHE_DIR", str(tmp_path))
    engine = QuickFeff()
    monkeypatch.setitem(ENGINES, "feff10", engine)
    return engine


def opened(**parameters):
    at = AppTest.from_file(str(APP), default_timeout=TIMEOUT_S)
    for name, value in parameters.items():
        at.query_params[name] = value
    at.run()
    return at.switch_page("pages/play.py").run()


def data(at):
    (component,) = (c for c in at.get("bidi_component") if c.proto.component_name == "motion")
    return json.loads(component.proto.json)


def select(at, label):
    return next(box for box in at.selectbox if box.label == label)


def link(at, name):
    value = at.query_params.get(name)
    return value[0] if isinstance(value, list) else value


def test_without_a_structure_the_page_invites_to_a_motion():
    at = opened()
    assert not at.exception
    at = at.button(key="play_copper-porphine").click().run()
    assert data(at)["label"] == "Cu out of the plane of porphine 1"
    assert (link(at, "example"), link(at, "move")) == ("copper-porphine", None)


def test_a_structure_begins_with_all_its_ligands_as_it_came():
    at = opened(example="hexaaquairon-ii")
    shown = data(at)
    assert shown["label"] == "All six Fe–O bonds"
    assert shown["start"] == shown["first"]
    assert shown["values"][shown["first"]] == 0
    mu = MODEL.predict(load_example("hexaaquairon-ii"), 0).mu
    np.testing.assert_allclose(shown["curves"][shown["first"]], mu, atol=1e-4)
    assert select(at, "Motion").options[0] == "All ligands"
    assert link(at, "move") is None


def test_motions_are_chosen_by_kind_and_ligand_and_kept_in_the_link():
    at = opened(example="hexaaquairon-ii")
    at = select(at, "Motion").set_value("angle").run()
    assert data(at)["label"] == "Angle water 1 – Fe – water 3 (90°)"
    at = select(at, "Which").set_value("angle:2,5").run()
    assert data(at)["unit"] == "°"
    assert link(at, "move") == "angle:2,5"
    at = select(at, "Motion").set_value("metal").run()
    assert data(at)["ticks"] == list(ABSORBERS)
    assert link(at, "move") == "metal"


def test_a_link_brings_structure_motion_and_value():
    at = opened(example="ferrocene", move="ligand:2", value="0.1")
    shown = data(at)
    assert shown["label"].startswith("Cp ring 2")
    assert shown["values"][shown["start"]] == pytest.approx(0.1)
    moved = apply_moves(load_example("ferrocene"), 0, [parse_move("ligand:2")], [0.1])
    np.testing.assert_allclose(
        shown["curves"][shown["start"]], MODEL.predict(moved, 0).mu, atol=1e-4
    )
    assert (link(at, "move"), link(at, "value")) == ("ligand:2", "0.1")


def test_a_link_may_name_a_motion_that_is_not_suggested():
    at = opened(example="hexaaquairon-ii", move="offcentre:0,0,1", value="-0.1")
    assert data(at)["label"] == "Fe along 0, 0, 1"
    assert link(at, "value") == "-0.1"
    at = at.run()  # and it stays
    assert data(at)["label"] == "Fe along 0, 0, 1"
    at = opened(example="hexaaquairon-ii", move="bond:4")
    assert data(at)["label"] == "Water 2, Fe–O 2.12 Å"


def test_a_link_names_a_metal():
    shown = data(opened(example="hexaaquairon-ii", move="metal:Co"))
    assert shown["ticks"][shown["start"]] == "Co"
    shown = data(opened(example="hexaaquairon-ii", move="metal", value="Zn"))
    assert shown["ticks"][shown["start"]] == "Zn"


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"move": "ligand:9"}, "left out: There is no ligand 9 here"),
        ({"move": "stretch"}, "left out: There is no move"),
        ({"move": "remove:1"}, "left out: it has no range"),
        ({"value": "much"}, "asks for the value 'much'"),
        ({"value": "5"}, "value 5 lies outside -0.3 to 0.5"),
        ({"move": "metal", "value": "Xx"}, "asks for the metal 'Xx'"),
    ],
)
def test_what_a_link_gets_wrong_is_said_and_the_page_works(parameters, sentence):
    at = opened(example="hexaaquairon-ii", **parameters)
    assert not at.exception
    assert sentence in texts(at.info)
    assert data(at)["values"]


def test_what_is_under_way_to_another_structure_follows_it():
    at = opened(example="hexaaquairon-ii", move="angle:1,3", value="10").run()
    select(at, "Example").set_value("ferrocene").run()
    shown = data(at)
    assert shown["label"] == "Both Cp rings"
    assert shown["start"] == shown["first"]
    assert not at.info


def test_a_crystal_shows_its_surroundings_and_says_so(tmp_path):
    at = opened()
    write(tmp_path / "nio.cif", bulk("NiO", "rocksalt", a=4.18))
    at = upload(at, ("nio.cif", (tmp_path / "nio.cif").read_bytes()))
    assert not at.exception
    assert "what lies within 8" in texts(at.caption)
    assert data(at)["label"].startswith("Ni towards O")


def test_a_metal_without_ligands_gets_a_sentence():
    at = upload(opened(), ("iron.xyz", b"2\n\nFe 0 0 0\nAr 5 0 0\n"))
    assert "Nothing binds Fe" in texts(at.error)


def test_names_of_files_stay_text():
    atoms = load_example("titanium-tetrachloride")
    at = upload(opened(), ("<img src=x> **a**.xyz", xyz(atoms)))
    assert "<img" in data(at)["title"]  # the component sets it as text
    shown = " ".join(m.value for m in at.markdown)
    assert "**a**" not in shown


def test_a_point_is_checked_with_feff10_and_kept(feff):
    at = opened(example="nickel-tetracarbonyl", move="ligand:1", value="0.2")
    step = data(at)["start"]
    assert data(at)["theory"]["steps"] == []
    at = at.button(key="play_check").click().run()
    for _ in range(100):
        if data(at)["theory"]["steps"]:
            break
        time.sleep(0.05)
        at = at.run()
    theory = data(at)["theory"]
    assert theory["steps"] == [step]
    assert len(theory["curves"][0]) == len(data(at)["energy"])
    assert "% of the energies inside the band" in texts(at.caption)
    assert at.button(key="play_check").disabled
    assert len(feff.calls) == 1
    # another motion has none; the point is still there afterwards, and in another session
    at = select(at, "Motion").set_value("all").run()
    assert data(at)["theory"]["steps"] == []
    again = opened(example="nickel-tetracarbonyl", move="ligand:1")
    assert data(again)["theory"]["steps"] == [step]
    assert not again.button(key="play_check").disabled


def test_a_run_that_fails_says_why_beside_its_point(feff):
    feff.fail = "the potentials did not converge"
    at = opened(example="nickel-tetracarbonyl")
    at = at.button(key="play_check").click().run()
    for _ in range(100):
        if at.warning:
            break
        time.sleep(0.05)
        at = at.run()
    assert "The potentials did not converge" in texts(at.warning)
    assert data(at)["theory"]["steps"] == []

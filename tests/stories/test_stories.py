"""The shipped stories are whole and true; what a lecturer writes is checked before it is shown."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from tests.predictions import made_prediction
from xanes_core import load_model
from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import StoryError
from xanes_core.importance import local_effects
from xanes_core.model import list_models
from xanes_core.spectra import XANES, Spectrum, spectral_features
from xanes_core.stories import (
    MAX_BYTES,
    Shown,
    check_claim,
    list_stories,
    read_story,
    stored_theory,
    story_atoms,
)
from xanes_core.stories import theory as stored_file
from xanes_core.stories.claims import FEATURES, read_claim
from xanes_core.stories.theory import structure_sha256
from xanes_core.structures import list_examples, load_example

STORIES = list_stories()
STEPS = [
    pytest.param(step, id=f"{story.key}-{number}")
    for story in STORIES
    for number, step in enumerate(story.steps, start=1)
]


@cache
def shown_of(curve):
    atoms = story_atoms(curve.example, curve.without)
    model = load_model(curve.model or atoms.symbols[0])
    theory = stored_theory(curve.example, curve.without) if curve.theory else None
    return Shown(curve.name, model.predict(atoms), theory)


# --- the shipped stories -------------------------------------------------------------------------


def test_there_are_eight_stories_of_three_to_five_steps():
    assert len(STORIES) == len({story.key for story in STORIES}) == 8
    assert all(3 <= len(story.steps) <= 5 for story in STORIES)


@pytest.mark.parametrize("step", STEPS)
def test_what_a_story_claims_is_true_of_what_it_shows(step):
    shown = {curve.id: shown_of(curve) for curve in step.curves}
    checked = [check_claim(claim, shown) for claim in step.claims]
    assert [one.sentence for one in checked if not one.holds] == []
    models = {card.key for card in list_models()}
    assert all(dict(link.parameters).get("model") in (None, *models) for link in step.links)


def test_every_story_claims_something_and_most_of_it_is_checked_with_feff10_too():
    claims = [claim for story in STORIES for step in story.steps for claim in step.claims]
    assert all(any(step.claims for step in story.steps) for story in STORIES)
    assert sum(claim.of_theory for claim in claims) > len(claims) / 3


def test_carbon_matters_more_than_oxygen_where_a_story_says_so():
    (story,) = (one for one in STORIES if one.key == "which-atom")
    low, high = story.steps[2].window_ev
    atoms = load_example("chromium-hexacarbonyl")
    effects = local_effects(load_model("Cr"), atoms, 0)
    elements, removed = np.array(effects.elements), effects.window(low, high).removed
    carbon, oxygen = (np.abs(removed[elements == element]).mean() for element in "CO")
    assert carbon > 3 * oxygen


def test_stored_spectra_belong_to_the_shipped_structures():
    stored = stored_file._stored()
    assert len(stored) > 20
    for name in stored:
        example, _, without = name.partition(" without ")
        spectrum = stored_theory(example, without)
        assert spectrum.mu.shape == XANES.energy_rel_ev.shape
        assert spectrum.mu[-30:].mean() == pytest.approx(1.0, abs=0.35)


# --- claims --------------------------------------------------------------------------------------


def stepped(at_ev, spread_ev=0.0, theory_at_ev=None):
    """A curve that rises at an energy, its networks spread around it; maybe with its theory."""
    energy = XANES.energy_rel_ev

    def edge(where):
        return (
            0.5 + np.arctan((energy - where) / 1.5) / np.pi + np.exp(-((energy - where - 4) ** 2))
        )

    shifts = at_ev + spread_ev * np.linspace(-1, 1, 5)
    members = np.array([edge(shift) for shift in shifts])
    made = replace(made_prediction(), mu=edge(at_ev), members=members)
    theory = None
    if theory_at_ev is not None:
        e0 = K_EDGE_EV["Fe"]
        theory = Spectrum(energy + e0, edge(theory_at_ev), e0)
    return Shown(f"edge at {at_ev:g}", made, theory)


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        ("edge_half_ev of a is below b", True),
        ("edge_half_ev of a is below b by 2.9", True),
        ("edge_half_ev of a is below b by 3.1", False),
        ("edge_half_ev of a is above b", False),
        ("edge_half_ev of a is near b within 3.1", True),
        ("edge_half_ev of a is near 10 within 1.5", True),
        ("edge_half_ev of a is above 20", False),
        ("mean from 5 to 9 of a is above b", True),
        ("mean from -15 to -10 of a is below 0.1", True),
        ("theory edge_half_ev of a is below 6", True),
        ("edge_half_ev of a is below 6", False),
    ],
)
def test_claims_compare_curves_and_numbers(claim, holds):
    shown = {"a": stepped(10.0, theory_at_ev=5.0), "b": stepped(13.0)}
    assert check_claim(read_claim(claim, "a test"), shown).holds is holds


def test_a_claim_needs_three_quarters_of_the_networks():
    claim = read_claim("edge_half_ev of a is above 9", "a test")
    agreed = check_claim(claim, {"a": stepped(10.0, spread_ev=0.5)})
    split = check_claim(claim, {"a": stepped(10.0, spread_ev=6.0)})
    assert agreed.holds
    assert "5 of 5 networks agree" in agreed.sentence
    assert not split.holds
    assert "3 of 5 networks agree" in split.sentence


def test_features_that_claims_name_are_those_of_a_spectrum():
    shown = stepped(10.0).prediction
    features = spectral_features(shown.energy_rel_ev, shown.mu)
    assert set(FEATURES) == set(vars(features))


def test_theory_that_is_not_stored_is_said():
    claim = read_claim("theory edge_half_ev of a is above 1", "a test")
    with pytest.raises(StoryError, match="No FEFF10 spectrum of 'edge at 10'"):
        check_claim(claim, {"a": stepped(10.0)})
    with pytest.raises(StoryError, match="No FEFF10 spectrum of 'nothing' is stored"):
        stored_theory("nothing")


def test_theory_of_another_structure_is_refused(monkeypatch):
    entry = {"structure_sha256": "0", "engine": "", "mu": []}
    monkeypatch.setattr(stored_file, "_stored", lambda: {"ferrocene": entry})
    with pytest.raises(StoryError, match="belongs to another structure"):
        stored_theory("ferrocene")


def test_damaged_theory_says_where_it_lies(monkeypatch, tmp_path):
    monkeypatch.setattr(stored_file, "_STORED", tmp_path / "none.json")
    with pytest.raises(StoryError, match=r"data/stories/theory\.json"):
        stored_file._stored.__wrapped__()


def test_a_structure_is_known_by_its_atoms_and_places():
    atoms = load_example("ferrocene")
    moved = atoms.copy()
    moved.positions[3] += 0.001
    assert structure_sha256(atoms) == structure_sha256(atoms.copy())
    assert structure_sha256(atoms) != structure_sha256(moved)


def test_taking_an_element_out_keeps_the_absorber():
    atoms = story_atoms("chromium-hexacarbonyl", "O")
    assert atoms.get_chemical_formula() == "C6Cr"
    assert atoms.symbols[0] == "Cr"


# --- a lecturer's own ----------------------------------------------------------------------------

GOOD = """
title = "Mine"
summary = "Short."
[[step]]
title = "One"
text = "Look."
question = "Why?"
reveal = "Because."
choices = ["a", "b"]
answer = 2
axis_ev = [-5, 30]
claims = ["edge_half_ev of x is above 1"]
[[step.curve]]
id = "x"
example = "ferrocene"
name = "Ferrocene"
[[step.mark]]
curve = "x"
feature = "edge_half_ev"
text = "edge"
[[step.link]]
page = "play"
example = "ferrocene"
move = "all"
value = 0.1
label = "Stretch it"
"""


def test_a_story_of_ones_own_is_read():
    story = read_story(GOOD.encode("utf-8-sig"))
    (step,) = story.steps
    assert (story.key, story.title, story.minutes) == ("own", "Mine", 5)
    assert step.answer == 1
    assert step.axis_ev == (-5.0, 30.0)
    assert step.structure == "x"
    assert step.links[0].parameters == (("example", "ferrocene"), ("move", "all"), ("value", "0.1"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Mine"', "", "title is missing"),
        ('title = "Mine"', 'title = ""', "title is empty"),
        ('title = "Mine"', "title = 3", "title must be a text"),
        ('title = "Mine"', 'title = "Mine"\nscript = "x"', "unknown key script"),
        ('summary = "Short."', 'summary = "Short."\nminutes = 0', "whole number from 1 to 90"),
        ('text = "Look."', f'text = "{"x" * 2001}"', "at most 2000 characters"),
        ('text = "Look."', 'text = "Look."\nhtml = true', "In step 1: unknown key html"),
        ("answer = 2", "answer = 3", "answer must be a whole number from 1 to 2"),
        ("axis_ev = [-5, 30]", "axis_ev = [30, -5]", "axis_ev must ascend"),
        ("axis_ev = [-5, 30]", "axis_ev = [-5]", "two energies"),
        ("axis_ev = [-5, 30]", "axis_ev = [-500, 30]", "between -15 and 60 eV"),
        ('choices = ["a", "b"]', "choices = [1]", "choices must be at most 6 texts"),
        ('id = "x"', 'id = "X y"', "short word of small letters"),
        ('id = "x"', 'id = "y"', "there is no curve x"),
        ('id = "x"', 'id = "x"\nafter = 1', "after must be true or false"),
        ('id = "x"', 'id = "x"\nafter = true', "show one before"),
        ('id = "x"', 'id = "x"\ntheory = true', "no FEFF10 spectrum of this structure"),
        ('id = "x"', 'id = "x"\nwithout = "N"', "has no atom N"),
        ('example = "ferrocene"\nname', 'example = "../x"\nname', "there is no example"),
        ('feature = "edge_half_ev"', 'feature = "colour"', "feature must be one of"),
        ('feature = "edge_half_ev"', "", "either at_ev or feature"),
        ('page = "play"', 'page = "https://x.y"', "page must be one of predict, play"),
        ('move = "all"', 'move = "http://x"', "may hold letters, digits"),
        ("edge_half_ev of x", "colour of x", "'colour' is no quantity"),
        ("is above 1", "is nice", "cannot be read"),
        ("is above 1", "is near 1", "near ... within"),
        ("edge_half_ev of x", "mean from 9 to 5 of x", "two ascending energies"),
        ("edge_half_ev of x", "theory edge_half_ev of x", "needs theory = true"),
        ("edge_half_ev of x", "theory band_width of x", "FEFF10 has no band_width"),
        ('[[step.curve]]\nid = "x"', '[[step.other]]\nid = "x"', "it shows nothing"),
        ("[[step.curve]]", "[[step.curve", "no valid TOML"),
    ],
)
def test_what_is_wrong_with_a_story_is_said(old, new, message):
    assert old in GOOD
    with pytest.raises(StoryError, match=message):
        read_story(GOOD.replace(old, new, 1))


def test_two_curves_need_two_ids():
    curve = '[[step.curve]]\nid = "x"\nexample = "ferrocene"\nname = "Again"\n'
    with pytest.raises(StoryError, match="two curves have the same id"):
        read_story(GOOD.replace("[[step.mark]]", f"{curve}[[step.mark]]"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x" * (MAX_BYTES + 1), "a story is text alone"),
        ('title = "a"\nsummary = "b"\nstep = [1]', "a table with keys"),
        ('title = "a"\nsummary = "b"', "has no steps"),
        ('title = "a"\nsummary = "b"\nstep = 1', "at most 12 tables"),
        ("a = " + "[" * 20000, "no valid TOML|too deeply"),
    ],
)
def test_files_that_are_no_story_are_refused(text, message):
    with pytest.raises(StoryError, match=message):
        read_story(text)


def test_a_damaged_story_of_the_project_is_named(monkeypatch, tmp_path):
    from xanes_core.stories import story

    (tmp_path / "1-bad.toml").write_text("title = 1")
    monkeypatch.setattr(story, "_FOLDER", tmp_path)
    with pytest.raises(StoryError, match=r"data/stories/1-bad\.toml: "):
        list_stories.__wrapped__()


def test_every_example_has_a_picture_and_all_are_small():
    from tests.places import PROJECT

    folder = PROJECT / "data" / "examples" / "pictures"
    names = {path.stem for path in folder.glob("*.svg")}
    assert names == {example.key for example in list_examples()}
    assert sum(path.stat().st_size for path in folder.glob("*.svg")) < 400_000

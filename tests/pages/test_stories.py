"""Stories without a browser: questions before answers, links at a step, files of a lecturer."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.test_pages import TIMEOUT_S, texts
from tests.places import PROJECT
from tests.stories.test_stories import GOOD
from xanes_core.stories import list_stories

STORIES = {story.key: story for story in list_stories()}


def opened(**parameters):
    at = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=TIMEOUT_S)
    at.switch_page("pages/stories.py")
    for name, value in parameters.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return at


def press(at, key):
    at.button(key=key).click().run()
    assert not at.exception
    return at


def test_all_stories_are_offered_and_one_click_begins():
    at = opened()
    for story in STORIES.values():
        assert story.title in texts(at.markdown)
    press(at, "story_begin_spin-crossover")
    assert at.query_params["story"] == "spin-crossover"
    assert STORIES["spin-crossover"].steps[0].title in texts(at.markdown)


@pytest.mark.parametrize("key", STORIES)
def test_a_story_is_walked_to_its_end_with_every_answer_hidden_at_first(key):
    at = opened(story=key)
    story = STORIES[key]
    for number, step in enumerate(story.steps, start=1):
        said = texts(at.markdown)
        assert re.sub(r"\s+", " ", step.question) in said
        first_words = step.reveal.split("**")[1]
        assert f"**{first_words}**" not in said
        press(at, "story_next")
        assert f"**{first_words}**" in texts(at.markdown)
        assert "Not borne out" not in texts(at.caption)
        last = number == len(story.steps)
        assert at.button(key="story_next").disabled == last
        if not last:
            press(at, "story_next")
            assert at.query_params["step"] == str(number + 1)


def test_a_choice_is_judged_in_words():
    at = press(opened(story="oxidation-states"), "story_choice_0")
    assert at.button(key="story_choice_0").label.startswith("Not this one: ")
    assert at.button(key="story_choice_1").label.startswith("Right: ")


def test_a_link_opens_the_presentation_at_its_step():
    at = opened(story="zinc-site", step="3", present="1")
    assert STORIES["zinc-site"].steps[2].title in texts(at.markdown)
    assert at.button(key="story_leave")
    press(at, "story_leave")
    assert "present" not in at.query_params
    assert at.query_params["step"] == "3"


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ({"story": "<b>no</b>"}, "asks for the story"),
        ({"story": "own"}, "drop it again"),
        ({"story": "zinc-site", "step": "99"}, "asks for the step"),
        ({"story": "zinc-site", "step": "-1"}, "asks for the step"),
    ],
)
def test_a_link_to_nothing_says_so(link, said):
    assert said in texts(opened(**link).info)


def upload(at, data: bytes):
    at.file_uploader(key="story_upload").set_value(("mine.toml", data, "application/toml"))
    at.run()
    assert not at.exception
    return at


def test_a_story_of_ones_own_is_shown_as_text():
    text = GOOD.replace('text = "Look."', 'text = "<b>Look</b> ![x](http://x.y/z.png) [a](b)"')
    at = upload(opened(), text.encode())
    shown = next(m.value for m in at.markdown if "Look" in m.value)
    assert not re.search(r"(?<!\\)[<\[!]", shown)
    assert "://" not in shown.replace("\\", "")


def test_a_file_that_is_no_story_says_why_and_the_list_stays():
    at = upload(opened(), b"title = 1")
    assert "The story has no steps" in texts(at.warning)
    assert at.button(key="story_begin_zinc-site")


def test_a_story_whose_model_does_not_know_the_metal_says_so():
    text = GOOD.replace('name = "Ferrocene"', 'name = "Ferrocene"\nmodel = "fdmnes-v"')
    at = upload(opened(), text.encode())
    assert "No shipped model fdmnes-v predicts XANES of Fe" in texts(at.info)

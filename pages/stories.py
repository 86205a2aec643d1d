"""Stories: short guided lessons with a question before each answer, for one reader or a class."""

from __future__ import annotations

import re

import streamlit as st

from pages.parts.shared import view
from pages.parts.shared.library import examples
from pages.parts.shared.page import notice, page, plain
from pages.parts.shared.pictures import card_grid, picture
from pages.parts.stories.data import OWN, all_stories
from pages.parts.stories.present import presentation
from pages.parts.stories.step import is_answered, reveal, show_step
from xanes_core.errors import StoryError
from xanes_core.stories import MAX_BYTES, Story, read_story

#: What the figure takes beside navigation and text (pixels).
FIGURE_HEIGHT_PX = 460


def gallery(stories: dict[str, Story]) -> None:
    """All stories with a picture each, and a place for the reader's own."""
    st.markdown("Three to five short steps each. Think first, then look at the answer.")
    with card_grid("story_gallery", 260):
        for story in stories.values():
            with st.container(border=True, gap="xsmall", key=f"story_card_{story.key}"):
                first = story.steps[0].curves[0].example
                picture(first, plain(examples()[first].title))
                st.markdown(f"**{plain(story.title)}**")
                st.caption(f"{plain(story.summary)} {story.minutes} minutes.")
                st.button(
                    "Begin", key=f"story_begin_{story.key}", on_click=go_to, args=(story.key, 1),
                    width="stretch",
                )  # fmt: skip
    with st.expander("A story of your own"):
        st.markdown(
            "Drop a story file (TOML) here: it is read in this session only. The project's "
            "docs/stories.md describes the form; the shipped stories are the best pattern."
        )
        upload = st.file_uploader("Story file", type=["toml"], key="story_upload")
        if upload is not None and upload.file_id != st.session_state.get("story_upload_seen"):
            st.session_state["story_upload_seen"] = upload.file_id
            take_story(upload.getvalue() if upload.size <= MAX_BYTES else b" " * (MAX_BYTES + 1))
        if problem := st.session_state.get("story_problem"):
            st.warning(plain(problem))


def take_story(data: bytes) -> None:
    """Open the reader's own story, or keep the sentence that says what is wrong with it."""
    st.session_state["story_problem"] = ""
    try:
        story = read_story(data)
    except StoryError as error:
        st.session_state["story_problem"] = str(error)
        return
    st.session_state[OWN] = story
    st.session_state["story_answered"] = set()
    go_to(story.key, 1)
    st.rerun()


def go_to(key: str, number: int) -> None:
    """Open a story at a step, counted from 1; the list of stories for an empty key."""
    view.put("story", key or None)
    view.put("step", str(number) if number > 1 else None)


def present(on: bool) -> None:
    """Begin or leave the presentation."""
    view.put("present", "1" if on else None)


def in_view(stories: dict[str, Story]) -> tuple[Story | None, int]:
    """Story and step that the address names; a sentence for the reader where it names none."""
    key, text = view.value("story"), view.value("step")
    story = stories.get(key)
    if story is None:
        if key == "own":
            notice("The story of this link came from a file, which is not here: drop it again.")
        elif key:
            notice(view.missing("the story", key))
        go_to("", 1)
        present(False)
        return None, 1
    number = int(text) if re.fullmatch(r"\d{1,3}", text) else 0
    if not 1 <= number <= len(story.steps):
        if text:
            notice(view.missing("the step", text))
        number = 1
    go_to(key, number)
    present(bool(view.value("present")))
    return story, number


def screen(story: Story, number: int) -> None:
    """One step, with the buttons that lead on."""
    step, place = story.steps[number - 1], f"{story.key} {number}"
    answered = is_answered(place)
    presenting = bool(view.value("present"))
    height_px = presentation() if presenting else FIGURE_HEIGHT_PX
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="story_title"):
        st.markdown(f"### {plain(step.title)}", width="stretch")
        st.caption(f"{plain(story.title)}, {number} of {len(story.steps)}", width="content")
        _buttons(story, number, place, answered=answered)
    show_step(step, place, height_px=height_px, presenting=presenting)


def _buttons(story: Story, number: int, place: str, *, answered: bool) -> None:
    st.button(
        "Back", key="story_back", on_click=go_to, args=(story.key, number - 1),
        disabled=number == 1,
    )  # fmt: skip
    if answered:
        st.button(
            "Next", key="story_next", on_click=go_to, args=(story.key, number + 1),
            disabled=number == len(story.steps), type="primary",
        )  # fmt: skip
    else:
        st.button(
            "Show the answer", key="story_next", on_click=reveal, args=(place,), type="primary"
        )
    presenting = bool(view.value("present"))
    if presenting:
        st.button("Leave", key="story_leave", on_click=present, args=(False,), help="Escape")
    else:
        st.button(
            "Present", key="story_present_button", on_click=present, args=(True,),
            help="Large type. Arrow keys, space or a remote lead on; Escape leaves.",
        )  # fmt: skip
        st.button("All stories", key="story_close", on_click=go_to, args=("", 1), type="tertiary")


def main() -> None:
    """Show the page."""
    stories = all_stories()
    story, number = in_view(stories)
    if story is None:
        gallery(stories)
        return
    try:
        screen(story, number)
    except StoryError as error:
        notice(f"{story.title}: {error}")
        go_to("", 1)
        st.rerun()


with page("Stories"):
    main()

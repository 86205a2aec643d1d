"""Play: a structure that is stretched, bent or turned, and its spectrum that follows at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from pages.parts.play.check import check_button, known_checks, show_failure
from pages.parts.play.stage import moving, show_motion
from pages.parts.play.subject import Stage, choose_move, choose_stage
from pages.parts.shared import inputs
from pages.parts.shared.choices import choose_model
from pages.parts.shared.downloads import download_button
from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.library import examples
from pages.parts.shared.page import page, plain
from pages.parts.theory import jobs as theory_jobs
from xanes_core.files import safe_name
from xanes_core.plots import Motion, motion_data, motion_gif, motion_html
from xanes_core.plots.viewer_script import viewer_source
from xanes_core.structures import Move

#: Motions to begin with: example and word of the motion.
FIRST = (
    ("hexaaquairon-ii", "all", "Stretch six bonds"),
    ("iron-tris-bipyridine", "all", "Low spin to high spin"),
    ("ferrocene", "turn:1", "Turn a ring"),
    ("tetrachlorocobaltate-ii", "angle:1,2", "Bend an angle"),
    ("copper-porphine", "offcentre:1", "Out of the plane"),
    ("nickel-tetracarbonyl", "metal", "Swap the metal"),
)


def welcome() -> None:
    """Invite to a motion of an example or to a structure of one's own."""
    st.markdown("Start with one of these, or drop your own structure in the sidebar.")
    for start in range(0, len(FIRST), 3):
        for column, (key, move, title) in zip(st.columns(3), FIRST[start : start + 3], strict=True):
            column.button(
                f"**{title}**  \n{plain(examples()[key].title)}",
                key=f"play_{key}", on_click=_begin, args=(key, move), width="stretch",
            )  # fmt: skip


def _begin(key: str, move: str) -> None:
    inputs.choose_example(key)
    st.session_state["play_move"] = move


@st.fragment
def stage_panel(stage: Stage, move: Move, model_key: str) -> None:
    """The component with what belongs to the step in view; letting go redraws no more than this."""
    motion, data = moving(stage, move, model_key)
    checks = known_checks(motion, data["id"])
    step = show_motion(motion, data, checks.spectra)
    held = partial(_held, motion, checks.spectra, step)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        check_button(motion, checks, step)
        with st.container(horizontal=True, gap="small", width="content"):
            file_buttons(safe_name(f"{stage.label}_{move.text}"), held)
    show_failure(checks, step)


def file_buttons(base: str, held: Callable[[], dict[str, Any]]) -> None:
    """The motion to take along: as a page of its own, and as a picture that moves."""
    download_button(
        "Save as a page that works offline",
        lambda: motion_html(held(), viewer_source()), f"{base}.html", key="play_html",
        help="One file with structure, spectra and 3D view; needs no network.",
    )  # fmt: skip
    download_button(
        "GIF", lambda: motion_gif(held()), f"{base}.gif", key="play_gif",
        help="An animated picture for slides; takes some seconds.",
    )  # fmt: skip


def _held(motion: Motion, spectra: dict[int, np.ndarray], step: int) -> dict[str, Any]:
    """What a file holds: all that is known by now, opened at the step in view."""
    return motion_data(motion, spectra) | {"start": step}


def show(entries: list[StructureEntry]) -> None:
    """The page with a structure in view."""
    if len(entries) == 1:
        st.markdown(f"**{plain(entries[0].label)}**")
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="play_line"):
        chosen = choose_stage(entries)
        move = choose_move(*chosen) if chosen else None
    if chosen is None or move is None:
        return
    stage, _ = chosen
    model_key = choose_model(stage.element)
    if model_key is None:
        st.warning(f"No shipped model covers {stage.element} yet: choose another absorber.")
        return
    if stage.note:
        st.caption(plain(stage.note))
    stage_panel(stage, move, model_key)


def main() -> None:
    """Show the page."""
    inputs.sidebar()
    inputs.show_failures()
    theory_jobs.collect()
    entries = inputs.entries()
    if entries:
        show(entries)
    else:
        inputs.active_entry([])
        welcome()
    theory_jobs.panel()


with page("Play", "Stretch a bond and watch the spectrum"):
    main()

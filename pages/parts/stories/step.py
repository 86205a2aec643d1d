"""One step of a story: text, question, structure, spectra, and the answer with its numbers."""

from __future__ import annotations

import re

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from pages.parts.shared.charts import show_figure
from pages.parts.shared.page import PAGES, look, plain
from pages.parts.shared.viewer3d import show_structure
from pages.parts.stories.data import atoms_of, axis_of, curves_of, shown_of
from xanes_core.plots import marked_spectra, scene
from xanes_core.spectra import spectral_features
from xanes_core.stories import MAX_TEXT, Mark, Shown, Step, check_claim

_BOLD = re.compile(r"\\\*\\\*(.+?)\\\*\\\*")


def rich(text: str) -> str:
    """Text of a story as markdown: paragraphs and **bold** words, all else letter by letter."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(_BOLD.sub(r"**\1**", plain(part, 2 * MAX_TEXT)) for part in paragraphs)


def is_answered(place: str) -> bool:
    """Whether the reader has seen the answer of a step."""
    return place in st.session_state.get("story_answered", set())


def show_step(step: Step, place: str, *, height_px: int, presenting: bool) -> None:
    """The screen of a step; `place` names it among all, for widgets and the camera.

    Before a class the answer takes the place of the structure, so that all stays on one screen.
    """
    answered = is_answered(place)
    shown = {curve.id: shown_of(curve) for curve in step.curves}
    left, right = st.columns([5, 7], gap="medium")
    with left:
        with st.container(key="story_text", gap="small"):
            st.markdown(rich(step.text))
            st.markdown(f"**{plain(step.question)}**")
            _choices(step, place, few=presenting and answered)
            if answered:
                _answer(step, shown)
        if not (presenting and answered):
            _structure(step, height_px // 4 - 10 if presenting else height_px // 2 - 40)
    with right:
        figure = _figure(step, shown, height_px, answered=answered)
        show_figure(figure, key="story_spectrum", without=["select2d"])
        if answered:
            _links(step)


def _structure(step: Step, height_px: int) -> None:
    curve = step.curve(step.structure)
    atoms = atoms_of(curve.example, curve.without)
    with st.container(key="story_structure", gap="xxsmall"):
        show_structure(
            scene(atoms, 0), structure=f"{curve.example} {curve.without}",
            height_px=height_px, key="story_view",
        )  # fmt: skip
        st.caption(f"{plain(curve.name)}: {len(atoms)} atoms")


def _choices(step: Step, place: str, *, few: bool) -> None:
    """The choices, the right one marked once it is known; `few` shows that one alone."""
    if not step.choices:
        return
    chosen = st.session_state.setdefault("story_choices", {}).get(place)
    answered = is_answered(place)
    with st.container(key="story_choices", gap="xsmall"):
        for number, choice in enumerate(step.choices):
            right = number == step.answer
            if few and not right:
                continue
            said = ""
            if answered and (right or number == chosen):
                said = "Right: " if right else "Not this one: "
            st.button(
                f"{said}{plain(choice)}", key=f"story_choice_{number}", width="stretch",
                type="primary" if answered and right else "secondary",
                on_click=_choose, args=(place, number), disabled=answered and not right,
            )  # fmt: skip


def _choose(place: str, number: int) -> None:
    st.session_state["story_choices"][place] = number
    reveal(place)


def reveal(place: str) -> None:
    """Show the answer of a step from now on."""
    st.session_state.setdefault("story_answered", set()).add(place)


def _answer(step: Step, shown: dict[str, Shown]) -> None:
    with st.container(border=True, gap="xsmall", key="story_answer"):
        st.markdown(rich(step.reveal))
        checked = [check_claim(claim, shown) for claim in step.claims]
        for one in checked:
            said = one.sentence if one.holds else f"Not borne out by this model: {one.sentence}"
            st.caption(plain(said))


def _figure(step: Step, shown: dict[str, Shown], height_px: int, *, answered: bool) -> go.Figure:
    curves = curves_of(step, shown, answered=answered)
    visible = {curve.id for curve in step.curves if answered or not curve.after}
    marks = []
    for mark in step.marks:
        if mark.curve in visible and (answered or not mark.after):
            at_ev = _energy_of(mark, shown[mark.curve])
            if np.isfinite(at_ev):
                mu = shown[mark.curve].prediction
                height = float(np.interp(at_ev, mu.energy_rel_ev, mu.mu))
                marks.append((at_ev, height, mark.text))
    return marked_spectra(
        curves, axis_of(step), marks,
        window_ev=step.window_ev, range_ev=step.axis_ev, look=look(height_px),
    )  # fmt: skip


def _energy_of(mark: Mark, shown: Shown) -> float:
    if mark.at_ev is not None:
        return mark.at_ev
    features = spectral_features(shown.prediction.energy_rel_ev, shown.prediction.mu)
    energy: float = getattr(features, mark.feature)
    return energy


def _links(step: Step) -> None:
    scripts = {link.script: link for link in PAGES}
    with st.container(horizontal=True, gap="small", key="story_links"):
        for number, link in enumerate(step.links):
            script = f"pages/{link.page}.py"
            if script in scripts:
                # the number keeps apart two links of one label
                with st.container(key=f"story_link_{number}", width="content"):
                    st.page_link(
                        script, label=plain(link.label), query_params=dict(link.parameters)
                    )

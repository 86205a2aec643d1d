"""The motion in the browser: predicted once over its range, then slid without the server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st
from ase import Atoms

from pages.parts.play.subject import Stage
from pages.parts.shared import view
from pages.parts.shared.choices import model_for
from pages.parts.shared.library import cached_model
from pages.parts.shared.page import from_link, look, notice, to_link
from pages.parts.shared.viewer3d import script_url
from xanes_core.errors import ModelError
from xanes_core.model import Prediction
from xanes_core.plots import Motion, make_motion, motion_assets, motion_data
from xanes_core.spectra import XANES
from xanes_core.structures import Move

COMPONENT_KEY = "play_motion"


@st.cache_resource(max_entries=1, show_spinner=False)
def _component() -> Callable[..., Any]:
    assets = motion_assets()
    return st.components.v2.component("motion", html=assets.body, css=assets.css, js=assets.js)


def _predictor(model_key: str) -> Callable[[Sequence[tuple[Atoms, int]]], list[Prediction]]:
    """Spectra by the chosen model, of metals that it does not know by their own."""

    def predict(frames: Sequence[tuple[Atoms, int]]) -> list[Prediction]:
        elements = [str(atoms.symbols[site]) for atoms, site in frames]
        found: dict[int, Prediction] = {}
        for element in dict.fromkeys(elements):
            key = model_for(element, XANES, model_key)
            if key is None:
                raise ModelError(f"no model knows {element}: choose another motion")
            steps = [i for i, one in enumerate(elements) if one == element]
            spectra = cached_model(key).predict_many([frames[i] for i in steps])
            found |= dict(zip(steps, spectra, strict=True))
        return [found[i] for i in range(len(frames))]

    return predict


@st.cache_resource(max_entries=64, show_spinner=False)
def _moving(
    key: str, move: str, model_key: str, _stage: Stage, _move: Move
) -> tuple[Motion, dict[str, Any]]:
    motion = make_motion(_stage.body, _move, _predictor(model_key), title=_stage.label)
    return motion, motion_data(motion)


def moving(stage: Stage, move: Move, model_key: str) -> tuple[Motion, dict[str, Any]]:
    """A motion and what the browser needs of it, from the cache where it was seen before."""
    return _moving(stage.key, move.text, model_key, stage, move)


def linked_step(motion: Motion) -> int:
    """Step that the link asks for, else that of the structure as it came."""
    raw = view.value("value")
    if motion.ticks:
        asked = from_link("value", motion.ticks, "the metal")
        return motion.ticks.index(asked) if asked else motion.first
    try:
        value = float(raw)
    except ValueError:
        value = float("nan")
    asked = from_link("value", [raw] if np.isfinite(value) else [], "the value")
    if asked is None:
        return motion.first
    low, high = motion.values[0], motion.values[-1]
    if not low - 1e-6 <= value <= high + 1e-6:
        notice(f"The link's value {value:g} lies outside {low:g} to {high:g}: showing the end.")
    return int(np.argmin(np.abs(motion.values - value)))


def show_motion(motion: Motion, data: dict[str, Any], theory: Mapping[int, np.ndarray]) -> int:
    """Show the component; returns the step in view when the reader last let go."""
    identity = data["id"]
    if st.session_state.get("play_id") != identity:
        st.session_state["play_id"] = identity
        st.session_state["play_start"] = linked_step(motion)
    elif COMPONENT_KEY not in st.session_state:  # back from another page
        st.session_state["play_start"] = st.session_state["play_step"]
    shown = data | {
        "start": st.session_state["play_start"],
        "script_url": script_url(),
        "dark": look().dark,  # new data make the component read its colours again
    }
    if theory:
        shown |= {"theory": motion_data(motion, theory)["theory"]}
    result = _component()(key=COMPONENT_KEY, data=shown, on_at_change=lambda: None)
    at = result.at or {}
    step = at["step"] if at.get("id") == identity else st.session_state["play_start"]
    step = min(max(int(step), 0), len(motion.values) - 1)
    st.session_state["play_step"] = step
    to_link("value", None if step == motion.first else step_value(motion, step))
    return step


def step_value(motion: Motion, step: int) -> str:
    """Value of a step as the link and a file name have it."""
    return motion.ticks[step] if motion.ticks else f"{motion.values[step]:g}"

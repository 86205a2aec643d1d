"""Presentation mode: large type, nothing but the story, and keys for next and back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_FOLDER = Path(__file__).resolve().parent
#: Height of the screen until the browser has told it (pixels).
_SCREEN_PX = 800
#: What title, buttons and margins take of it.
_AROUND_PX = 240


@st.cache_resource(max_entries=1, show_spinner=False)
def _component() -> Callable[..., Any]:
    script = (_FOLDER / "keys.js").read_text(encoding="utf-8")
    return st.components.v2.component("story_keys", html="<span></span>", js=script)


def presentation() -> int:
    """Turn the page into a screen for a class; return the height for the figure (pixels)."""
    st.html(_FOLDER / "present.css")
    known = int(st.session_state.get("story_screen_px", _SCREEN_PX))
    with st.container(key="story_keys", height=1, border=False):
        result = _component()(
            key="story_key_listener", data={"screen_px": known},
            on_screen_px_change=lambda: None, height=1,
        )  # fmt: skip
    told = getattr(result, "screen_px", None)
    if told:
        st.session_state["story_screen_px"] = known = int(told)
    return max(min(known - _AROUND_PX, 900), 360)

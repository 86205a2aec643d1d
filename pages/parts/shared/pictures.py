"""Small pictures of the examples, drawn once by ``data/examples/draw_pictures.py``."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from xanes_core.files import PROJECT

_FOLDER = PROJECT / "data" / "examples" / "pictures"


@st.cache_data(max_entries=128, show_spinner=False)
def _svg(key: str) -> str:
    path = _FOLDER / f"{key}.svg"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def picture(key: str, description: str) -> None:
    """Picture of an example with a text alternative; nothing where there is none."""
    if svg := _svg(key):
        st.image(svg, width="stretch", alt=description)


def card_grid(key: str, card_px: int) -> DeltaGenerator:
    """Container whose cards, each at least `card_px` wide, share its width in even columns."""
    st.html(
        f"<style>.st-key-{key} {{display: grid !important; align-items: stretch; grid-template-"
        f"columns: repeat(auto-fill, minmax({card_px}px, 1fr));}} "
        f".st-key-{key} > div {{width: auto !important; height: auto;}}</style>"
    )
    return st.container(horizontal=True, gap="small", key=key)

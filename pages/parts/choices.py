"""Choices that pages share: structure in view, absorber, model."""

from __future__ import annotations

import streamlit as st

from pages.parts import inputs
from pages.parts.common import default_model, from_link, model_cards, notice, to_link
from pages.parts.predictions import first_choice


def choose_model(element: str) -> str | None:
    """Model for `element`: a choice where several cover it."""
    keys = [card["key"] for card in model_cards(element)]
    asked = from_link("model", [card["key"] for card in model_cards()], "the model")
    if asked:
        st.session_state["model_choice"] = asked
    if not keys:
        return None
    if asked and asked not in keys:
        notice(f"The link's model {asked} does not know {element}: showing the one that does.")
    choice = st.session_state.get("model_choice")
    current = choice if choice in keys else default_model(element)
    if len(keys) > 1:
        st.session_state["model"] = current
        with st.sidebar:
            current = st.selectbox(
                "Model", keys, key="model", on_change=_remember_model,
                help="The Models page says what differs between them.",
            )  # fmt: skip
    else:
        st.sidebar.caption(f"Model: {current}")
    to_link("model", current if current != default_model(element) else None)
    return current


def _remember_model() -> None:
    st.session_state["model_choice"] = st.session_state["model"]


def choose_entry(found: list[inputs.Entry]) -> inputs.Entry:
    """The structure in view; a list where there are several."""
    entry = inputs.active_entry(found)
    if len(found) > 1:
        keys = [e.key for e in found]
        labels = {e.key: e.label for e in found}
        st.session_state["entry_select"] = entry.key
        st.selectbox(
            "Structure", keys, key="entry_select", format_func=labels.get,
            on_change=lambda: inputs.activate(st.session_state["entry_select"]),
            label_visibility="collapsed",
        )  # fmt: skip
    return entry


def choose_absorber(entry: inputs.Entry, options: dict) -> int | str:
    """Absorber of the structure in view: an element, a site, or all sites averaged."""
    key = f"absorber_{entry.key}"
    if st.session_state.get(key) not in options:
        st.session_state[key] = first_choice(entry, options)
    return st.selectbox(
        "Absorber", list(options), key=key, format_func=lambda o: f"Absorber: {options.get(o, o)}",
        persist_state="session", label_visibility="collapsed",
    )  # fmt: skip

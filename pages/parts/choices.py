"""Choices that pages share: structure in view, absorber, model."""

from __future__ import annotations

import streamlit as st

from pages.parts import inputs
from pages.parts.common import (
    KIND_NAMES,
    default_model,
    from_link,
    model_cards,
    notice,
    to_link,
)
from pages.parts.predictions import first_choice

AXES = {"relative": "E \u2212 E0", "absolute": "Energy"}


def known_spectra(element: str) -> tuple[str, ...]:
    """Kinds of spectra that a shipped model predicts for `element`."""
    return tuple(kind for kind in KIND_NAMES if model_cards(element, kind))


def choose_spectra(element: str) -> tuple[str, ...]:
    """Kinds of spectra to show, kept in the link; a control where there is a choice."""
    known = known_spectra(element)
    options = {kind: (kind,) for kind in known} | ({"both": known} if len(known) > 1 else {})
    asked = from_link("spectrum", [*KIND_NAMES, "both"], "the spectrum")
    if asked:
        st.session_state["spectra_choice"] = asked
        if asked not in options:
            notice(f"The link asks for XES, which no shipped model predicts for {element} yet.")
    if len(options) < 2:
        return known
    choice = st.session_state.get("spectra_choice")
    st.session_state["spectra"] = choice if choice in options else known[0]
    choice = st.segmented_control(
        "Spectrum", list(options), format_func=lambda kind: KIND_NAMES.get(kind, kind),
        key="spectra", required=True, label_visibility="collapsed", on_change=_remember_spectra,
    )  # fmt: skip
    to_link("spectrum", choice if choice != known[0] else None)
    return options[choice]


def _remember_spectra() -> None:
    st.session_state["spectra_choice"] = st.session_state["spectra"]


def choose_model(element: str, spectrum: str = "xanes") -> str | None:
    """Model for `element`: a choice where several XANES models cover it."""
    if spectrum != "xanes":
        key = default_model(element, spectrum)
        st.sidebar.caption(f"Model: {key}")
        return key
    keys = [card["key"] for card in model_cards(element, "xanes")]
    asked = from_link("model", [card["key"] for card in model_cards()], "the model")
    if asked and asked not in [card["key"] for card in model_cards(None, "xanes")]:
        notice(f"{asked} predicts emission: choose XES on the Predict page.")
        asked = None
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


def choose_axis() -> str:
    """Energy axis, kept in the link."""
    asked = from_link("axis", list(AXES), "the energy axis")
    if asked:
        st.session_state["axis"] = asked
    axis = st.segmented_control(
        "Energy axis", list(AXES), default="relative" if "axis" not in st.session_state else None,
        format_func=AXES.get, key="axis", required=True, persist_state="session",
        label_visibility="collapsed",
    )  # fmt: skip
    to_link("axis", axis if axis != "relative" else None)
    return axis or "relative"

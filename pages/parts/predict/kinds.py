"""Absorption, emission or both: what the Predict page shows of an element."""

from __future__ import annotations

import streamlit as st

from pages.parts.shared.library import model_cards
from pages.parts.shared.page import from_link, notice, to_link
from xanes_core.spectra import SPECTRUM_KINDS, SpectrumKind


def known_kinds(element: str) -> tuple[SpectrumKind, ...]:
    """Kinds of spectra that a shipped model predicts for `element`."""
    return tuple(kind for kind in SPECTRUM_KINDS.values() if model_cards(element, kind))


def choose_kinds(element: str) -> tuple[SpectrumKind, ...]:
    """Kinds of spectra to show, kept in the link; a control where there is a choice."""
    known = known_kinds(element)
    titles = {kind.key: kind.title for kind in known}
    options: dict[str, tuple[SpectrumKind, ...]] = {kind.key: (kind,) for kind in known}
    if len(known) > 1:
        options["both"] = known
    asked = from_link("spectrum", [*SPECTRUM_KINDS, "both"], "the spectrum")
    if asked:
        st.session_state["spectra_choice"] = asked
        if asked not in options:
            notice(f"The link asks for XES, which no shipped model predicts for {element} yet.")
    if len(options) < 2:
        return known
    choice = st.session_state.get("spectra_choice")
    st.session_state["spectra"] = choice if choice in options else known[0].key
    choice = st.segmented_control(
        "Spectrum", list(options), format_func=lambda key: titles.get(key, key),
        key="spectra", required=True, label_visibility="collapsed", on_change=_remember_spectra,
    )  # fmt: skip
    to_link("spectrum", choice if choice != known[0].key else None)
    return options[choice or known[0].key]


def _remember_spectra() -> None:
    st.session_state["spectra_choice"] = st.session_state["spectra"]

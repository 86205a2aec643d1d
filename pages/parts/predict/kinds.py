"""Absorption, emission or both: what the Predict page shows of an element."""

from __future__ import annotations

import streamlit as st

from pages.parts.shared import view
from pages.parts.shared.library import model_cards
from pages.parts.shared.page import notice
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
    asked = view.value("spectrum")
    if asked and asked not in options:
        notice(f"The link asks for XES, which no shipped model predicts for {element} yet.")
        view.put("spectrum", None)
    if len(options) < 2:
        return known
    choice = view.value("spectrum") or known[0].key
    st.session_state["spectra"] = choice
    st.segmented_control(
        "Spectrum", list(options), format_func=lambda key: titles.get(key, key),
        key="spectra", required=True, label_visibility="collapsed",
        on_change=_take_spectra, args=(known[0].key,),
    )  # fmt: skip
    return options[choice]


def _take_spectra(first: str) -> None:
    chosen = st.session_state["spectra"]
    view.put("spectrum", chosen if chosen != first else None)

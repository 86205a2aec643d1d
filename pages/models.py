"""Models: what each was trained on, how far to trust it, and the records that say so."""

from __future__ import annotations

import streamlit as st

from pages.parts.models.accuracy import accuracy_section, calibration_section, learning_section
from pages.parts.models.card import card_section
from pages.parts.models.map import map_section
from pages.parts.models.records import predictions_section
from pages.parts.shared import inputs
from pages.parts.shared.library import model_cards
from pages.parts.shared.page import from_link, page, to_link
from xanes_core.model import Card

SECTIONS = {
    "card": ("Card", card_section),
    "accuracy": ("Accuracy", accuracy_section),
    "calibration": ("Calibration", calibration_section),
    "predictions": ("Predictions", predictions_section),
    "map": ("Training set", map_section),
    "learning": ("Learning curve", learning_section),
}


def choose_card(cards: list[Card]) -> Card:
    """The model in view: the link's, the one chosen before, or the first."""
    by_key = {card.key: card for card in cards}
    asked = from_link("model", list(by_key), "the model")
    choice = asked or st.session_state.get("models_key") or st.session_state.get("model_choice")
    key = choice if choice in by_key else cards[0].key
    st.session_state["models_key"] = key
    st.selectbox(
        "Model", list(by_key), key="models_key", label_visibility="collapsed", width=330,
        format_func=lambda k: f"{by_key[k].title} ({k})", persist_state="session",
    )  # fmt: skip
    to_link("model", key)
    return by_key[key]


def choose_section() -> str:
    """What of the model to show."""
    asked = from_link("section", list(SECTIONS), "the section")
    if asked:
        st.session_state["models_section"] = asked
    options = {} if "models_section" in st.session_state else {"default": "card"}
    section = st.segmented_control(
        "Section", list(SECTIONS), key="models_section", format_func=lambda k: SECTIONS[k][0],
        required=True, persist_state="session", label_visibility="collapsed", wrap=True,
        **options,
    )  # fmt: skip
    to_link("section", section)
    return section


def main() -> None:
    """Show the page."""
    inputs.sidebar()
    inputs.active_entry(inputs.entries())
    st.markdown("#### Models")
    # the widest first: what most readers look for
    cards = sorted(model_cards(), key=lambda card: -len(card.elements))
    if not cards:
        st.info("No model is installed: restore the folder `models` of the checkout.")
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        card = choose_card(cards)
        section = choose_section()
    SECTIONS[section][1](card)


with page("Models"):
    main()

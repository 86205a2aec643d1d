"""Models: what each was trained on, how far to trust it, and the records that say so."""

from __future__ import annotations

import streamlit as st

from pages.parts.models.accuracy import accuracy_section, calibration_section, learning_section
from pages.parts.models.card import card_section
from pages.parts.models.map import map_section
from pages.parts.models.records import predictions_section
from pages.parts.shared import inputs, view
from pages.parts.shared.library import model_cards
from pages.parts.shared.page import linked_choice, notice, page, plain
from xanes_core.model import Card, unreadable_models

SECTIONS = {
    "card": ("Card", card_section),
    "accuracy": ("Accuracy", accuracy_section),
    "calibration": ("Calibration", calibration_section),
    "predictions": ("Predictions", predictions_section),
    "map": ("Training set", map_section),
    "learning": ("Learning curve", learning_section),
}
TITLES = {key: title for key, (title, _) in SECTIONS.items()}


def choose_card(cards: list[Card]) -> Card:
    """The model whose card is in view: chosen here, else the one that predicts, else the first."""
    by_key = {card.key: card for card in cards}
    asked = view.value("card")
    if asked and asked not in by_key:
        notice(view.missing("the card of", asked))
    key = next((k for k in (asked, view.value("model")) if k in by_key), cards[0].key)
    view.put("card", key if key == asked else None)
    st.session_state["models_key"] = key
    st.selectbox(
        "Model", list(by_key), key="models_key", label_visibility="collapsed", width=330,
        format_func=lambda k: f"{by_key[k].title} ({k})",
        on_change=lambda: view.put("card", st.session_state["models_key"]),
    )  # fmt: skip
    return by_key[key]


def main() -> None:
    """Show the page."""
    inputs.sidebar()
    # the widest first: what most readers look for
    cards = sorted(model_cards(), key=lambda card: -len(card.elements))
    for reason in unreadable_models().values():
        st.warning(plain(f"A model is left out: {reason}."))
    if not cards:
        st.info("No model is installed: restore the folder `models` of the checkout.")
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        card = choose_card(cards)
        section = linked_choice("section", TITLES, label="Section", what="the section", wrap=True)
    SECTIONS[section][1](card)


with page("Models"):
    main()

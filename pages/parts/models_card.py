"""The Models page: the card of a model, its headline numbers, and other models of its elements."""

from __future__ import annotations

import streamlit as st

from pages.parts.cards import difference_table, facts, headline, scores_table
from pages.parts.common import model_cards, plain
from xanes_core.report_tables import card_json, metrics_csv


def card_section(card: dict) -> None:
    """What the model is on the left, how well it does on the right."""
    left, right = st.columns([1, 1], gap="medium")
    with left:
        st.table(facts(card), border=False, hide_header=True)
        download_card(card)
    with right:
        st.markdown("**Held-out scores**")
        found = headline(card)
        if not found:
            st.caption("This card holds no scores on held-out structures.")
        with st.container(horizontal=True, gap="small"):
            for label, value in found.items():
                st.metric(label, value, width="content")
        protocol = (card.get("metrics") or {}).get("protocol")
        if found and protocol:
            st.caption(plain(protocol[:1].upper() + protocol[1:]) + ".")
        _differences(card)


def download_card(card: dict) -> None:
    """Buttons for the card and its numbers."""
    offers = [
        ("Card (JSON)", "card.json", "application/json", lambda: card_json(card)),
    ]
    if scores_table(card) is not None:
        offers.append(("Metrics (CSV)", "metrics.csv", "text/csv", lambda: metrics_csv(card)))
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown("Download")
        for label, name, mime, make in offers:
            st.download_button(
                label, make, file_name=f"{card['key']}_{name}", mime=mime, on_click="ignore",
                key=f"download_{name}",
            )  # fmt: skip


def _differences(card: dict) -> None:
    """What differs where several models answer for one element of this card."""
    for element in card["elements"]:
        own = [c for c in model_cards(element) if c["spectrum"] == card["spectrum"]]
        if len(own) < 2:
            continue
        st.markdown(
            f"**{plain(element)} has {len(own)} models.** They learned from different theories, so "
            "their spectra differ for the same structure. Compare each with data of its own kind."
        )
        st.table(difference_table(own, element), border="horizontal")

"""Models: what each shipped model was trained on and how well it does."""

from __future__ import annotations

import json

import streamlit as st

from pages.parts.cards import difference_table, facts, scores_table, verdict_text
from pages.parts.common import model_cards, plain
from pages.parts.shell import page


def show_difference(cards: list[dict]) -> None:
    """Say what differs where several models answer for one element."""
    elements = dict.fromkeys(e for card in cards for e in card["elements"])
    for element in elements:
        own = [card for card in cards if element in card["elements"]]
        if len(own) < 2:
            continue
        st.markdown(
            f"**{plain(element)} has {len(own)} models.** They learned from different theories, so "
            "their spectra differ for the same structure. Compare each with data of its own kind."
        )
        st.table(difference_table(own, element), border="horizontal")


def show_card(card: dict) -> None:
    """One model: what it is on the left, how well it does on the right."""
    with st.container(border=True, key=f"card_{card['key']}"):
        st.markdown(f"##### {plain(card['title'])}")
        st.caption(f"`{card['key']}`, K edge of {plain(', '.join(card['elements']))}")
        left, right = st.columns([1, 1], gap="medium")
        with left:
            st.table(facts(card), border=False, hide_header=True)
            st.download_button(
                "Download the card",
                lambda: _json(card),
                file_name=f"{card['key']}_card.json",
                mime="application/json",
                on_click="ignore",
                key=f"download_{card['key']}",
            )
        with right:
            st.markdown("**Held-out scores**")
            table = scores_table(card)
            if table is None:
                st.caption("This card holds no scores on held-out structures.")
            else:
                st.table(table, border="horizontal")
                if verdicts := verdict_text(card):
                    st.caption(verdicts)
                protocol = (card.get("metrics") or {}).get("protocol")
                if protocol:
                    st.caption(plain(protocol[:1].upper() + protocol[1:]) + ".")


def _json(card: dict) -> str:
    return json.dumps(card, indent=1, ensure_ascii=False)


def main() -> None:
    """Show the page."""
    st.markdown("#### Models")
    shipped = model_cards()
    if not shipped:
        st.info("No model is installed: restore the folder `models` of the checkout.")
    show_difference(shipped)
    for card in shipped:
        show_card(card)


with page("Models"):
    main()

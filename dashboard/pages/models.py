"""Models: what each shipped model was trained on and how well it does."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.common import model_cards, plain

_FACTS = (
    ("theory", "Theory"),
    ("training_set", "Training data"),
    ("broadening", "Broadening"),
    ("convention", "Descriptor"),
    ("licence", "Licence"),
    ("origin", "Source of the data"),
    ("size_note", "Size"),
    ("date", "Made on"),
)


def words(value: Any) -> str:
    """A card's entry as one line of text."""
    if isinstance(value, dict):
        return "; ".join(f"{_label(k)}: {words(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(words(v) for v in value)
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "\u2013"


def _label(name: str) -> str:
    return str(name).replace("_", " ")


def metrics_table(metrics: dict[str, Any]) -> None:
    """Held-out scores: groups as rows where the card has groups, else one line per score."""
    groups = {k: v for k, v in metrics.items() if isinstance(v, dict)}
    single = {k: v for k, v in metrics.items() if isinstance(v, int | float)}
    notes = {k: v for k, v in metrics.items() if isinstance(v, str)}
    if single:
        st.table(_frame({"all": single}).T.rename(columns={"all": "Value"}), border="horizontal")
    for name, group in groups.items():
        st.markdown(f"{plain(_label(name)).capitalize()}")
        rows = group if all(isinstance(v, dict) for v in group.values()) else {"all": group}
        frame = _frame(rows)
        st.table(frame.T if len(rows) == 1 else frame, border="horizontal")
    for name, note in notes.items():
        st.caption(f"{plain(_label(name)).capitalize()}: {plain(note)}")


def _frame(rows: dict[str, dict[str, Any]]) -> pd.DataFrame:
    table = {
        _label(row): {_label(k): words(v) for k, v in scores.items()}
        for row, scores in rows.items()
    }
    return pd.DataFrame.from_dict(table, orient="index").fillna("")


def show_card(card: dict[str, Any]) -> None:
    """One model: what it is on the left, how well it does on the right."""
    with st.container(border=True, key=f"card_{card['key']}"):
        st.markdown(f"##### {plain(card['title'])}")
        st.caption(f"`{card['key']}` \u00b7 {plain(', '.join(card['elements']))} K edge")
        left, right = st.columns([1, 1], gap="medium")
        with left:
            for name, label in _FACTS:
                if card.get(name):
                    st.markdown(f"**{label}**  \n{plain(words(card[name]), 1200)}")
            st.download_button(
                "Download the card",
                json.dumps(card, indent=1, ensure_ascii=False),
                file_name=f"{card['key']}_card.json",
                mime="application/json",
                on_click="ignore",
                key=f"download_{card['key']}",
            )
        with right:
            st.markdown("**Held-out scores**")
            metrics_table(card.get("metrics") or {})


st.markdown("#### Models")
cards = model_cards()
shared = [c for c in cards if "V" in c["elements"]]
if len(shared) > 1:
    names = " and ".join(f"`{c['key']}`" for c in shared)
    theories = "; ".join(
        f"`{c['key']}` learned from {plain(words(c['theory']), 200)}" for c in shared
    )
    st.markdown(
        f"Vanadium has two models, {names}, and their spectra differ because their theories do: "
        f"{theories}. Compare each with data of its own kind."
    )
if not cards:
    st.info("No model is installed: restore the folder `models` of the checkout.")
for one in cards:
    show_card(one)

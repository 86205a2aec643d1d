"""The Models page: the training set as a map, with the reader's structure on it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts.models.data import OwnStructure, own_structure, report_or_sentence
from pages.parts.models.records import (
    record_key,
    record_panel,
    record_properties,
    record_title,
    take_click,
)
from pages.parts.shared.charts import show_figure
from pages.parts.shared.page import look, plain
from xanes_core.model import Card, Report
from xanes_core.plots import UNKNOWN, Colouring, Placed, training_map_figure

#: Neighbours of the reader's structure that are listed.
N_NEIGHBOURS = 5
_COLOURS = {
    "coordination": "Coordination",
    "oxidation_state": "Oxidation state",
    "geometry": "Geometry",
    "elements": "Element",
    "mse": "Error",
    "held_out": "Held out",
}


def map_section(card: Card) -> None:
    """The map on the left, the record in view on the right."""
    report = report_or_sentence(card)
    if report is None:
        return
    own = own_structure(card)
    state = record_key(card)
    if not 0 <= st.session_state.get(state, -1) < len(report.mse):
        st.session_state[state] = int(np.argsort(report.mse)[len(report.mse) // 2])
    left, right = st.columns([7, 5], gap="medium")
    with left:
        placed = _show_map(card, report, own, state)
        _own_structure(card, report, own, placed, state)
    with right:
        st.selectbox(
            "Record", range(len(report.mse)), key=state, persist_state="session",
            format_func=lambda row: record_title(report, row, card.kind),
        )  # fmt: skip
        record_panel(card, report, st.session_state[state], key="mapped", stacked=True)


def _colourings(report: Report) -> dict[str, str]:
    """Properties that tell the records of this report apart."""
    colourings = {}
    for name, label in _COLOURS.items():
        values = getattr(report, name)
        if name == "mse" or len(np.unique(values)) > 1:
            colourings[name] = label
    return colourings


def _groups(report: Report, name: str) -> tuple[list[str], list[str]]:
    """Group of every record with its count, and the groups in their order."""
    values = getattr(report, name)
    if name == "held_out":
        labels = np.where(values, "held out", "in training")
    elif name == "elements":
        labels = values.astype(str)
    else:
        labels = np.array([UNKNOWN if v in (-1, "") else str(v) for v in values])
    counts = Counter(labels.tolist())
    titles = {g: g if g == UNKNOWN else f"{g} ({n})" for g, n in counts.items()}
    rows = np.arange(len(values)) if name == "elements" else np.argsort(values, kind="stable")
    return [titles[g] for g in labels], [titles[g] for g in dict.fromkeys(labels[rows].tolist())]


def _show_map(card: Card, report: Report, own: OwnStructure | None, state: str) -> Placed | None:
    options = _colourings(report)
    colour = st.pills(
        "Colour by", list(options), key="map_colour", format_func=options.get, required=True,
        persist_state="session", label_visibility="collapsed", wrap=True,
        **({} if st.session_state.get("map_colour") in options else {"default": "mse"}),
    )  # fmt: skip
    placed = None
    if own is not None and own.scaled is not None:
        rows, _ = report.nearest(own.scaled, N_NEIGHBOURS)
        placed = Placed(report.place(own.scaled)[0], rows[0].tolist(), own.label)
    kind = card.kind
    if colour == "mse":
        colouring = Colouring(mse=report.mse, kind=kind)
    else:
        colouring = Colouring(*_groups(report, colour))
    texts = [f"{name}: {record_properties(report, row)}" for row, name in enumerate(report.names)]
    figure = training_map_figure(
        report.map_xy, texts, colouring, selected=st.session_state[state], placed=placed,
        look=look(),
    )  # fmt: skip
    chart_key = f"map_{card.key}"
    show_figure(
        figure, key=chart_key, without=["select2d"], has_downloads=False,
        selection_mode="points", on_select=lambda: take_click(chart_key, state),
    )  # fmt: skip
    st.caption(
        f"{len(report.mse)} records; near each other where the network's features are alike. "
        "A click shows structure and spectrum."
    )
    return placed


def _own_structure(
    card: Card, report: Report, own: OwnStructure | None, placed: Placed | None, state: str
) -> None:
    """The reader's structure in words: its nearest records with distance and error."""
    if own is None:
        st.caption("Choose a structure in the sidebar to see where it lies among these.")
        return
    if placed is None:
        st.caption(plain(f"{own.label} is not on the map: it {own.why}."))
        return
    rows, distances = report.nearest(own.scaled, N_NEIGHBOURS)
    kind = card.kind
    factor, label = kind.mse_factor, kind.mse_label
    st.markdown(f"**Nearest to {plain(own.label)}**")
    table = pd.DataFrame(
        {
            "Record": report.names[rows[0]],
            "Distance": [f"{d:.2f}" for d in distances[0]],
            "Coordination": report.coordination[rows[0]],
            label: [f"{factor * report.mse[row]:.2f}" for row in rows[0]],
        }
    )
    table_key = f"nearest_{card.key}"

    def take_row() -> None:
        chosen = st.session_state[table_key]["selection"]["rows"]
        if chosen:
            st.session_state[state] = int(rows[0][chosen[0]])

    st.dataframe(
        table, hide_index=True, key=table_key, on_select=take_row, selection_mode="single-row"
    )

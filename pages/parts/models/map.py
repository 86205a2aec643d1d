"""The Models page: the training set as a map, with the reader's structure on it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

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
from xanes_core.plots import (
    UNKNOWN,
    Colouring,
    NearSpectrum,
    Placed,
    nearest_figure,
    training_map_figure,
)

#: Neighbours of the reader's structure that are ringed and named.
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
    """Map, record, table and spectra; a choice in one of them is a choice in all."""
    report = report_or_sentence(card)
    if report is None:
        return
    own = own_structure(card)
    near = None
    if own is not None and own.scaled is not None:
        rows, distances = report.nearest(own.scaled, len(report))
        near = Near(own, rows[0], distances[0])
    state = record_key(card)
    _first_record(card, report, near, state)
    left, right = st.columns([7, 5], gap="medium")
    with left:
        _show_map(card, report, near, state)
        _own_structure(card, report, own, near, state)
    with right:
        st.selectbox(
            "Record", range(len(report.mse)), key=state, persist_state="session",
            format_func=lambda row: record_title(report, row, card.kind),
        )  # fmt: skip
        record_panel(card, report, st.session_state[state], key="mapped", stacked=True)
    left, right = st.columns([7, 5], gap="medium")
    with left:
        _table(card, report, near, state)
    with right:
        if near is not None and report.truth is not None:
            _spectra(card, report, near, state)


@dataclass(frozen=True)
class Near:
    """The reader's structure with all records, nearest first (n,), and their distances (n,)."""

    own: OwnStructure
    rows: np.ndarray
    distances: np.ndarray


def _first_record(card: Card, report: Report, near: Near | None, state: str) -> None:
    """Bring the record next to a new structure into view; without one the median by error."""
    seen = f"map_own_{card.key}"
    told = None if near is None else (near.own.label, near.own.element, near.rows[0])
    if near is not None and st.session_state.get(seen) != told:
        st.session_state[state] = int(near.rows[0])
    elif not 0 <= st.session_state.get(state, -1) < len(report.mse):
        st.session_state[state] = int(np.argsort(report.mse)[len(report.mse) // 2])
    st.session_state[seen] = told


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


def _show_map(card: Card, report: Report, near: Near | None, state: str) -> None:
    options = _colourings(report)
    colour = st.pills(
        "Colour by", list(options), key="map_colour", format_func=options.get, required=True,
        persist_state="session", label_visibility="collapsed", wrap=True,
        **({} if st.session_state.get("map_colour") in options else {"default": "mse"}),
    )  # fmt: skip
    placed = None
    if near is not None:
        place = report.place(near.own.scaled)[0]
        placed = Placed(place, near.rows[:N_NEIGHBOURS].tolist(), near.own.label)
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
        "A click on a point, a row or a curve shows its record."
    )


def _own_structure(
    card: Card, report: Report, own: OwnStructure | None, near: Near | None, state: str
) -> None:
    """The reader's structure in words: its nearest records, one click away."""
    if own is None:
        st.caption("Choose a structure in the sidebar to see where it lies among these.")
        return
    if near is None:
        st.caption(plain(f"{own.label} is not on the map: it {own.why}."))
        return
    rows = [int(row) for row in near.rows[:N_NEIGHBOURS]]
    key = f"nearest_{card.key}"
    in_view = st.session_state[state]
    st.session_state[key] = in_view if in_view in rows else None
    distances = dict(zip(rows, near.distances, strict=False))
    st.pills(
        f"Nearest to {plain(own.label)}, with their distance (1: usual)", rows, key=key, wrap=True,
        format_func=lambda row: f"{report.names[row]}, {distances[row]:.2f}",
        on_change=_take, args=(key, state),
    )  # fmt: skip


def _take(key: str, state: str) -> None:
    if st.session_state[key] is not None:
        st.session_state[state] = st.session_state[key]


def _table(card: Card, report: Report, near: Near | None, state: str) -> None:
    """All records: the one in view on top, then the nearest to the reader's structure, or best."""
    kind, in_view = card.kind, st.session_state[state]
    key_state = f"table_{card.key}"
    top, chosen = st.session_state.get(key_state, (None, None))
    if chosen != in_view:  # chosen elsewhere: a new table, with that record on top
        top = in_view
        st.session_state[key_state] = (top, in_view)
    order = np.argsort(report.mse, kind="stable") if near is None else near.rows
    order = np.concatenate([[top], order[order != top]]).astype(int)
    columns = {
        "Record": report.names[order],
        "Element": report.elements[order],
        "Coordination": [str(n) if n >= 0 else "" for n in report.coordination[order]],
        "Oxidation state": [str(n) if n >= 0 else "" for n in report.oxidation_state[order]],
        "Geometry": report.geometry[order],
        kind.mse_label: np.round(kind.mse_factor * report.mse[order], 2),
    }
    if near is not None:
        distance = np.empty(len(order))
        distance[near.rows] = near.distances
        columns = {
            "Record": columns.pop("Record"),
            "Distance": np.round(distance[order], 2),
        } | columns
    table = pd.DataFrame({name: values for name, values in columns.items() if _told(values)})
    own = "" if near is None else near.own.label
    key = f"records_{card.key}_{top}_{own}"

    def take_row() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows:
            row = int(order[rows[0]])
            st.session_state[key_state] = (top, row)
            st.session_state[state] = row

    st.dataframe(
        table, hide_index=True, key=key, on_select=take_row, selection_mode="single-row",
        selection_default={"selection": {"rows": [0]}}, height=400,
        column_config={
            name: st.column_config.NumberColumn(format="%.2f")
            for name in ("Distance", kind.mse_label)
        },
    )  # fmt: skip


def _told(values: object) -> bool:
    """Whether a column says anything."""
    return any(str(value) for value in values)


def _spectra(card: Card, report: Report, near: Near, state: str) -> None:
    """Spectra of the nearest records and of the reader's structure."""
    st.markdown("**Spectra of the nearest records**")
    in_view = st.session_state[state]
    rows = [int(row) for row in near.rows[:N_NEIGHBOURS]]
    shown = rows if in_view in rows else [*rows, in_view]
    records = [NearSpectrum(row, str(report.names[row]), report.truth[row]) for row in shown]
    figure = nearest_figure(
        report.energy_rel_ev, records, own=(f"{near.own.label}, network", near.own.mu),
        selected=in_view, kind=card.kind, look=look(400),
    )  # fmt: skip
    chart_key = f"near_{card.key}"
    show_figure(
        figure, key=chart_key, without=["select2d"], has_downloads=False,
        selection_mode="points", on_select=lambda: take_click(chart_key, state),
    )  # fmt: skip

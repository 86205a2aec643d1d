"""The Models page: single records, each with its structure and its out-of-sample prediction."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.parts.models.data import report_or_sentence, structure_of
from pages.parts.shared.charts import show_figure
from pages.parts.shared.page import look, plain
from pages.parts.shared.viewer3d import show_structure
from xanes_core.errors import XanesError
from xanes_core.model import VERDICT_TITLES, Card, Report
from xanes_core.plots import PredictedRecord, ranked_errors_figure, record_figure, scene
from xanes_core.spectra import SpectrumKind

_EVERY = "all"
#: Places in the order of errors that have a button.
PLACES = {"Best": 0.0, "Better quarter": 0.25, "Median": 0.5, "Worse quarter": 0.75, "Worst": 1.0}


def record_key(card: Card) -> str:
    """Where the session keeps the row in view, shared by the sections."""
    return f"models_record_{card.key}"


def record_title(report: Report, row: int, kind: SpectrumKind) -> str:
    """Name, element and error of a record."""
    factor = kind.mse_factor
    return f"{report.names[row]}, {report.elements[row]}, error {factor * report.mse[row]:.2f}"


def clicked_row(chart_key: str) -> int | None:
    """Row of the record clicked on a chart; None where the click missed."""
    selection = (st.session_state.get(chart_key) or {}).get("selection") or {}
    rows = [p.get("customdata") for p in selection.get("points", [])]
    rows = [row for row in rows if row is not None]
    return int(np.ravel(rows[0])[0]) if rows else None


def take_click(chart_key: str, state_key: str) -> None:
    """Bring the clicked record into view."""
    row = clicked_row(chart_key)
    if row is not None:
        st.session_state[state_key] = row


def record_properties(report: Report, row: int) -> str:
    """What is known of a record, in one line."""
    properties = [f"{report.elements[row]} K edge"]
    if report.coordination[row] >= 0:
        properties.append(f"coordination number {report.coordination[row]}")
    if report.oxidation_state[row] >= 0:
        properties.append(f"oxidation state {report.oxidation_state[row]}")
    if report.geometry[row]:
        properties.append(str(report.geometry[row]))
    verdict = str(report.verdict[row])
    title = VERDICT_TITLES.get(verdict, verdict)
    properties.append(f"{title} (distance {report.distance[row]:.2f})")
    properties.append("held out" if report.held_out[row] else "left out in turn")
    return ", ".join(properties)


def record_panel(card: Card, report: Report, row: int, *, key: str, stacked: bool = False) -> None:
    """Structure and spectrum of a record, side by side or one above the other."""
    kind = card.kind
    factor, label = kind.mse_factor, kind.mse_label
    st.markdown(f"**{plain(report.names[row])}** \u2003 {label} {factor * report.mse[row]:.2f}")
    st.caption(plain(record_properties(report, row)))
    if report.mean is None:
        st.info(
            "No structures and spectra here: this model learned from a public set that is not part "
            "of the project, so only its errors are kept."
        )
        return
    left, right = (st.container(), st.container()) if stacked else st.columns([5, 7], gap="medium")
    with left:
        _structure(card, report, row, key=key, height_px=260 if stacked else 360)
    with right:
        record = PredictedRecord(
            report.energy_rel_ev, report.truth[row], report.mean[row], report.lower[row],
            report.upper[row], card.interval_level,
        )  # fmt: skip
        figure = record_figure(record, kind=kind, look=look(300 if stacked else 360))
        show_figure(figure, key=f"{key}_spectrum", without=["select2d"])


def _structure(card: Card, report: Report, row: int, *, key: str, height_px: int) -> None:
    name = str(report.names[row])
    atoms, why = structure_of(card, name)
    if atoms is None:
        st.warning(plain(why))
        return
    try:
        view = scene(atoms, 0)
    except XanesError as error:
        st.warning(plain(error))
        return
    show_structure(view, structure=f"{card.key} {name}", height_px=height_px, key=f"{key}_view")
    formula = atoms.get_chemical_formula("metal")
    st.caption(plain(f"{formula}, {len(atoms)} atoms"))


def predictions_section(card: Card) -> None:
    """Browse the records from the best to the worst."""
    report = report_or_sentence(card)
    if report is None:
        return
    rows = _rows_in_view(card, report)
    state = record_key(card)
    if st.session_state.get(state) not in set(rows.tolist()):
        st.session_state[state] = int(rows[_place(0.5, len(rows))])
    left, right = st.columns([7, 5], gap="small", vertical_alignment="center")
    with left:
        _buttons(rows, state)
    right.selectbox(
        "Record, best first", rows.tolist(), key=state, persist_state="session",
        format_func=lambda row: record_title(report, row, card.kind),
        label_visibility="collapsed",
    )  # fmt: skip
    row = st.session_state[state]
    record_panel(card, report, row, key="record")
    chart_key = f"ranked_{card.key}"
    figure = ranked_errors_figure(
        report.mse, report.names.tolist(), rows, row,
        kind=card.kind, look=look(),
    )  # fmt: skip
    show_figure(
        figure, key=chart_key, without=["select2d"],
        selection_mode="points", on_select=lambda: take_click(chart_key, state),
    )  # fmt: skip
    st.caption("Every record, predicted by networks that had not seen it. A click brings it above.")


def _rows_in_view(card: Card, report: Report) -> np.ndarray:
    """Rows of the chosen element, best first."""
    order = np.argsort(report.mse, kind="stable")
    if len(card.elements) == 1:
        return order
    options = [_EVERY, *[el for el in card.elements if (report.elements == el).any()]]
    chosen = st.pills(
        "Element", options, key="records_element", label_visibility="collapsed", required=True,
        format_func=lambda k: "All" if k == _EVERY else k, persist_state="session",
        **({} if st.session_state.get("records_element") in options else {"default": _EVERY}),
    )  # fmt: skip
    return order if chosen == _EVERY else order[report.elements[order] == chosen]


def _place(share: float, count: int) -> int:
    """Place in an order of `count` records that has this share of them before it."""
    return round(share * (count - 1))


def _buttons(rows: np.ndarray, state: str) -> None:
    """One button for each named place in the order, and a step to either side."""

    def go(place: int) -> None:
        st.session_state[state] = int(rows[np.clip(place, 0, len(rows) - 1)])

    at = int(np.flatnonzero(rows == st.session_state[state])[0])
    with st.container(horizontal=True, gap="small", key="places"):
        for label, share in PLACES.items():
            place = _place(share, len(rows))
            st.button(label, key=f"place_{label}", on_click=go, args=(place,),
                      type="primary" if place == at else "secondary")  # fmt: skip
        st.button("\u2190", key="place_before", on_click=go, args=(at - 1,), help="A better one")
        st.button("\u2192", key="place_after", on_click=go, args=(at + 1,), help="A worse one")

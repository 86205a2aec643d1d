"""The Models page: scores with their n, calibration, errors over distance, learning curve."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.parts.models.card import (
    chemistry_table,
    download_card,
    response_table,
    scores_table,
    verdict_table,
)
from pages.parts.models.data import cached_report
from pages.parts.shared.charts import show_figure
from pages.parts.shared.page import look, plain
from xanes_core.model import Card
from xanes_core.plots import (
    calibration_figure,
    chemistry_figure,
    coverage_curves,
    error_distance_figure,
    learning_curve_figure,
)

_BY_VERDICT = {
    "by_verdict": "By the verdict shown with each prediction",
    "by_verdict_chemistry": "The same where the chemistry was never seen",
}


def accuracy_section(card: Card) -> None:
    """Scores by element and verdict, and on chemistry never seen."""
    st.markdown("**On complexes kept aside from every fit and every choice**")
    table = scores_table(card)
    if table is None:
        st.info("This card holds no scores on held-out structures.")
        return
    st.table(table, border="horizontal")
    if "protocol" in card.metrics:
        st.caption(plain(card.metrics["protocol"]).capitalize() + ".")
    download_card(card)
    left, right = st.columns([5, 7], gap="medium")
    with left:
        for name, title in _BY_VERDICT.items():
            verdicts = verdict_table(card, name)
            if verdicts is not None:
                st.markdown(f"**{title}**")
                st.table(verdicts, border="horizontal")
    with right:
        _chemistry(card)
    _response(card)


def _chemistry(card: Card) -> None:
    st.markdown("**On chemistry it has never seen**")
    splits = card.metrics.get("chemistry")
    if not splits:
        st.caption("Not measured for this model.")
        return
    figure = chemistry_figure(
        [split["left_out"] for split in splits],
        np.array([split["mse"] for split in splits]),
        np.array([split["mse_random"] for split in splits]),
        kind=card.kind,
        look=look(),
    )
    show_figure(figure, key="chemistry", without=["select2d"], has_downloads=False)
    with st.expander("Numbers"):
        st.table(chemistry_table(card), border="horizontal")
    st.caption(
        "All complexes of a kind are left out of the fit, then predicted; beside it the same "
        "complexes with others of their kind in the fit."
    )


def _response(card: Card) -> None:
    """How well it follows a moved ligand; nothing in cards of before this was measured."""
    table = response_table(card)
    if table is None:
        return
    st.markdown("**How well it follows a moved ligand**")
    st.table(table, border="horizontal")
    st.caption(
        "Complexes kept aside, with all ligands or one ligand moved in or out, and calculated "
        "again: how much of the change of the spectrum the prediction misses. Median, and in "
        "brackets the middle half; 0 % is followed exactly, 100 % not at all."
    )


def calibration_section(card: Card) -> None:
    """What bands promise and keep, and how errors grow with distance."""
    left, right = st.columns(2, gap="medium")
    with left:
        _coverage(card)
    with right:
        _distances(card)


def _coverage(card: Card) -> None:
    st.markdown("**Does the band keep its promise?**")
    curves = coverage_curves(card.metrics)
    if not curves:
        st.info("Coverage at several levels was not measured for this model.")
        return
    chosen = st.pills(
        "Element", list(curves), key="calibration_element", label_visibility="collapsed",
        required=True, format_func=lambda k: "All" if k == "all" else k,
        **({} if st.session_state.get("calibration_element") in curves else {"default": "all"}),
    )  # fmt: skip
    figure = calibration_figure(curves, chosen, look=look())
    show_figure(figure, key="calibration", without=["select2d"], has_downloads=False)
    curve = curves[chosen]
    at = int(np.argmin(np.abs(curve.promised - card.interval_level)))
    st.caption(
        f"The {100 * curve.promised[at]:.0f} % band holds {100 * curve.found[at]:.1f} % of the "
        f"points{f' of {curve.n} spectra' if curve.n else ''}. Above the diagonal the band is "
        "wider than it need be, below it promises too much."
    )


def _distances(card: Card) -> None:
    st.markdown("**Does the error grow away from the training set?**")
    report = cached_report(card.key)
    if report is None:
        st.info("The errors of single records are not stored with this model.")
        return
    figure = error_distance_figure(
        report.distance, report.mse, report.verdict.tolist(), report.names.tolist(),
        kind=card.kind, look=look(420),
    )  # fmt: skip
    show_figure(figure, key="error_distance", without=["select2d"], has_downloads=False)
    st.caption(
        f"{len(report.mse)} records, each predicted by networks that had not seen it. Dotted: "
        "where distance alone changes the verdict; chemistry and disagreement can too."
    )


def learning_section(card: Card) -> None:
    """How the error falls as the training set grows."""
    points = card.metrics.get("learning_curve")
    if not points:
        st.info("No learning curve was measured for this model.")
        return
    figure = learning_curve_figure(
        *(np.array([point[name] for point in points]) for name in ("n", "mse", "mse_error")),
        kind=card.kind, look=look(430),
    )  # fmt: skip
    show_figure(figure, key="learning", without=["select2d"], has_downloads=False)
    first, last = points[0], points[-1]
    st.caption(
        f"Small ensembles fitted to {first['n']} to {last['n']} spectra drawn at random, judged on "
        "the same held-out ones; error bars are standard errors. Beyond the last point is a guess."
    )

"""Fits behind the page: started, watched and collected with the other calculations of a session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.parts.theory import jobs
from xanes_core.errors import RefinementCancelled, TheoryCancelled
from xanes_core.theory import Progress

#: Fits wait for fits, not for runs of FEFF10.
_LINE = "fit"
_STEPS = 1000
#: A fit as a job does it: told how to report (share done, what is done) and when to stop.
Fit = Callable[[Callable[[float, str], None], Callable[[], bool]], Any]


def run_button(label: str, calculation: jobs.Calculation, title: str, fit: Fit) -> None:
    """Button that starts a fit; greyed while another calculation of this reader runs."""
    busy = jobs.running() is not None
    st.button(
        label, key=f"run_{calculation.slot[0]}", type="primary", disabled=busy,
        on_click=_start, args=(calculation, title, fit),
        help="A calculation is running; it has to end first." if busy else None,
    )  # fmt: skip


def _start(calculation: jobs.Calculation, title: str, fit: Fit) -> None:
    def work(report: Callable[[Progress], None], should_stop: Callable[[], bool]) -> Any:
        def on_progress(share: float, stage: str) -> None:
            report(Progress(stage, round(_STEPS * share), _STEPS, 0.0))

        try:
            return fit(on_progress, should_stop)
        except RefinementCancelled as error:
            raise TheoryCancelled(str(error)) from error

    jobs.start(calculation, title, work, line=_LINE)


def result_of(calculation: jobs.Calculation) -> tuple[Any, bool]:
    """Result of this session for a slot, and whether it was made with these settings."""
    return jobs.result_of(calculation, lambda: None)

"""The calculation of this session: started, watched, cancelled, and its result collected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import streamlit as st

from pages.parts.shared.page import plain
from pages.parts.shared.session import owner
from xanes_core.errors import XanesError
from xanes_core.theory import DiskCache, Job, JobRunner, JobState, Progress, Work

_JOB, _RESULTS, _SAID = "theory_job", "theory_outcomes", "theory_said"


Slot = tuple[str | int, ...]


@dataclass(frozen=True)
class Calculation:
    """What a job is for.

    ``slot`` names what is calculated of which structure: the key of the engine or "relax", then
    that of the structure; ``key`` is that of the calculation with its settings.
    """

    slot: Slot
    key: str


@dataclass(frozen=True)
class KnownResult:
    """What is known of a slot: the result, and the key of its settings."""

    key: str
    result: object


#: Kinds of calculations that wait for each other: theory and relaxations, and fits.
_LINES = ("theory", "fit")


@cache  # not Streamlit's: whoever clears that would start a second line beside the jobs that run
def _runner(line: str) -> JobRunner:
    """Runner of one kind of calculations, which wait for each other and not for another kind."""
    return JobRunner()


def disk() -> DiskCache:
    """Results kept on disk, shared by all readers."""
    return DiskCache()


def running() -> Job | None:
    """The job of this session that has not been collected yet."""
    if _JOB not in st.session_state:  # a session that lost its memory still owns what it started
        own = (_runner(line).job_of(owner()[0]) for line in _LINES)
        job = next((one for one in own if one is not None), None)
        if job is None:
            return None
        st.session_state[_JOB] = job
    return st.session_state[_JOB]


def start(calculation: Calculation, title: str, work: Work, *, line: str = "theory") -> None:
    """Start a calculation; what keeps it from starting is said where its outcome would be."""
    st.session_state.setdefault(_SAID, {}).pop(calculation.slot, None)
    name, alive = owner()
    try:
        job = _runner(line).submit(work, owner=name, title=title, tag=calculation, alive=alive)
    except XanesError as error:
        st.session_state[_SAID][calculation.slot] = str(error)
        return
    st.session_state[_JOB] = job


def collect() -> None:
    """Take the outcome of a job that has ended; an earlier result stays where it failed."""
    job = running()
    if job is None:
        return
    state = job.state()
    if not state.ended:
        return
    del st.session_state[_JOB]
    calculation: Calculation = job.tag
    if state.status == "finished":
        _keep(calculation, job.result)
    else:
        st.session_state.setdefault(_SAID, {})[calculation.slot] = state.message


def result_of(calculation: Calculation, load: Callable[[], Any]) -> tuple[Any, bool]:
    """Result of a calculation, and whether it was made with its settings.

    From this session, else what `load` finds on disk (None: nothing); with other settings where
    there is nothing better.
    """
    known: KnownResult | None = st.session_state.get(_RESULTS, {}).get(calculation.slot)
    if known is not None and known.key == calculation.key:
        return known.result, True
    stored = load()
    if stored is not None:
        _keep(calculation, stored)
        return stored, True
    return (known.result, False) if known is not None else (None, False)


def _keep(calculation: Calculation, result: object) -> None:
    """Remember a result in this session."""
    results = st.session_state.setdefault(_RESULTS, {})
    results[calculation.slot] = KnownResult(calculation.key, result)


def show_failure(slot: Slot) -> None:
    """Why the last calculation of a slot gave no result, until the next one starts."""
    said = st.session_state.get(_SAID, {}).get(slot)
    if said:
        st.warning(f"{plain(said[:1].upper() + said[1:])}.")


def panel() -> None:
    """State of the running job, with a button that cancels it; the rest of the page stays."""
    if running() is not None:  # a page on which nothing runs does not ask every second
        _watched()


@st.fragment(run_every=1.0)
def _watched() -> None:
    job = running()
    if job is None:
        return
    state = job.state()
    if state.ended:
        st.rerun()
    now = state.progress
    share = min(now.done / now.total, 1.0) if now and now.total else 0.0
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", key="theory_running"
    ):
        st.progress(share, f"**{plain(job.title, 60)}**  \n{_state_text(state, now)}")
        st.button("Cancel", on_click=job.cancel, key="theory_cancel")


def _state_text(state: JobState, now: Progress | None) -> str:
    if state.status == "waiting":
        others = "1 other calculation" if state.ahead == 1 else f"{state.ahead} other calculations"
        return f"Waiting for {others} to end"
    stage = now.stage if now else "starting"
    parts = [stage[:1].upper() + stage[1:], now.detail if now else "", f"{state.elapsed_s:.0f} s"]
    return plain(" \u00b7 ".join(p for p in parts if p), 160)

"""Run an engine on the structure in view, or take its input along: settings, button, result."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.parts.shared.broadening import convolution_controls
from pages.parts.shared.downloads import download_button
from pages.parts.shared.library import structure_key
from pages.parts.shared.page import plain
from pages.parts.shared.subject import StructureSubject
from pages.parts.theory import jobs as theory_jobs
from xanes_core.errors import TheoryError, XanesError
from xanes_core.files import safe_name
from xanes_core.theory import (
    FdmnesSettings,
    Feff10Settings,
    TheoryEngine,
    TheoryResult,
    feff_seconds,
    get_engine,
    load_result,
    theory_work,
)


def feff_settings() -> Feff10Settings:
    """Settings of FEFF10, those of the training set to begin with."""
    start = Feff10Settings()
    with st.expander("Settings of FEFF10"):
        left, middle, right = st.columns(3)
        radius = left.number_input(
            "Radius (\u00c5)", 3.0, 8.0, value=start.radius_ang, step=0.5, format="%.1f",
            key="feff_radius", persist_state="session",
            help="Cluster and full multiple scattering; the time grows steeply with it.",
        )  # fmt: skip
        scf = middle.number_input(
            "r_scf (\u00c5)", 2.5, 5.5, value=start.scf_radius_ang, step=0.25, format="%.2f",
            key="feff_scf", persist_state="session",
            help="Radius of the potentials; raised to include the nearest atom of every element.",
        )  # fmt: skip
        cycles = right.number_input(
            "Cycles", 1, 200, value=start.scf_cycles, key="feff_cycles", persist_state="session",
            help="Most cycles of the self-consistent potentials.",
        )  # fmt: skip
        accept = st.toggle(
            "Keep a spectrum whose potentials did not converge", key="feff_accept",
            persist_state="session",
        )  # fmt: skip
    return Feff10Settings(
        radius_ang=radius,
        scf_radius_ang=scf,
        scf_cycles=int(cycles),
        accept_unconverged=accept,
    )


def fdmnes_settings() -> FdmnesSettings | None:
    """Settings of FDMNES; None, with a sentence, where they do not go together."""
    start = FdmnesSettings()
    titles = {"green": "Green (muffin-tin)", "fdm": "Finite differences"}
    method = st.segmented_control(
        "Method", list(titles), format_func=titles.__getitem__, default="green", required=True,
        key="fdmnes_method", persist_state="session", label_visibility="collapsed",
    )  # fmt: skip
    columns = st.columns(4)
    limits = (("From (eV)", -50.0, 0.0), ("Step (eV)", 0.05, 5.0), ("To (eV)", 10.0, 300.0))
    numbers = [
        column.number_input(
            label, low, high, value=round(value, 3), format="%g", key=f"fdmnes_{label}",
            persist_state="session",
        )
        for column, (label, low, high), value in zip(columns, limits, start.range_ev, strict=False)
    ]  # fmt: skip
    radius = columns[3].number_input(
        "Radius (\u00c5)", 2.0, 10.0, value=start.radius_ang, step=0.5, format="%g",
        key="fdmnes_radius", persist_state="session",
    )  # fmt: skip
    with st.container(horizontal=True, gap="medium"):
        scf = st.toggle("SCF", key="fdmnes_scf", persist_state="session")
        quadrupole = st.toggle("Quadrupole", key="fdmnes_quadrupole", persist_state="session")
    with st.expander("Broadening"):
        convolution = convolution_controls("fdmnes")
    try:
        return FdmnesSettings(
            method=method,
            radius_ang=radius,
            range_ev=tuple(numbers),
            scf=scf,
            quadrupole=quadrupole,
            convolution=convolution,
        )
    except TheoryError as error:
        st.warning(plain(error))
        return None


def input_text(engine: TheoryEngine, subject: StructureSubject, settings: Any) -> str:
    """Input of an engine for the structure in view; empty, with a sentence, where impossible."""
    try:
        return engine.write_input(subject.atoms, subject.site, settings)
    except XanesError as error:
        st.warning(plain(error))
        return ""


def input_button(engine: TheoryEngine, subject: StructureSubject, text: str) -> None:
    """Download of an engine's input."""
    download_button(
        engine.input_name, text, f"{safe_name(subject.label)}_{engine.input_name}",
        key=f"input_{engine.key}", disabled=not text,
        help=f"Complete input of {engine.title} for this absorber.",
    )  # fmt: skip


def run_button(
    engine: TheoryEngine, subject: StructureSubject, settings: Any, *, ready: bool
) -> None:
    """Button that starts an engine; where it is missing, disabled with how to get it."""
    here = engine.available()
    st.button(
        f"Run {engine.title}",
        key=f"run_{engine.key}",
        type="primary" if engine.key == "feff10" else "secondary",
        disabled=not here or not ready or theory_jobs.running() is not None,
        on_click=_start,
        args=(engine, subject, settings),
        help=plain(here.message),
    )
    if not here:
        st.caption(f"{plain(here.message)}.")


def _slot(engine: TheoryEngine, subject: StructureSubject) -> theory_jobs.Slot:
    return engine.key, structure_key(subject.atoms), subject.site


def _calculation(
    engine: TheoryEngine, subject: StructureSubject, settings: Any
) -> theory_jobs.Calculation:
    key = engine.cache_key(subject.atoms, subject.site, settings)
    return theory_jobs.Calculation(_slot(engine, subject), key)


def _start(engine: TheoryEngine, subject: StructureSubject, settings: Any) -> None:
    calculation = _calculation(engine, subject, settings)
    work = theory_work(engine, subject.atoms, subject.site, settings, theory_jobs.disk())
    theory_jobs.start(calculation, f"{engine.title}, {subject.label}", work)


def result_of(
    engine: TheoryEngine, subject: StructureSubject, settings: Any
) -> tuple[TheoryResult | None, bool]:
    """Result for the structure in view, and whether it was made with these settings."""
    calculation = _calculation(engine, subject, settings)
    return theory_jobs.result_of(
        calculation, lambda: load_result(theory_jobs.disk(), calculation.key)
    )


def feff_panel(subject: StructureSubject) -> tuple[Any, TheoryResult | None, bool]:
    """The primary action with its estimate; FEFF10's settings, result, and whether they agree."""
    engine = get_engine("feff10")
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        action, remark = st.container(width="content"), st.container(width="content")
    settings = feff_settings()
    text = input_text(engine, subject, settings)
    result, fits = result_of(engine, subject, settings) if text else (None, False)
    with action:
        run_button(engine, subject, settings, ready=bool(text) and not fits)
    if text and not fits:
        remark.caption("roughly " + "; ".join(estimate(subject)))
    elif fits:
        remark.caption("Done with these settings; kept on disk.")
    theory_jobs.show_failure(_slot(engine, subject))
    return settings, result, fits


def estimate(subject: StructureSubject) -> tuple[str, str]:
    """Rough time of FEFF10 for the structure in view, and what it is judged from."""
    seconds, count = feff_seconds(subject.atoms, subject.site)
    time = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{max(round(seconds / 5) * 5, 5)} s"
    return time, f"{count} atoms within 6 \u00c5"


def fdmnes_tab(subject: StructureSubject) -> tuple[TheoryResult | None, bool]:
    """Input of FDMNES with its options, and a run where the program is on the PATH."""
    engine = get_engine("fdmnes")
    settings = fdmnes_settings()
    if settings is None:
        return None, False
    text = input_text(engine, subject, settings)
    result, fits = result_of(engine, subject, settings) if text else (None, False)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        input_button(engine, subject, text)
        run_button(engine, subject, settings, ready=bool(text) and not fits)
    theory_jobs.show_failure(_slot(engine, subject))
    st.caption("Put the output (`.txt`, `_conv.txt`) into the sidebar to lay it over the network.")
    return result, fits


def feff_input(subject: StructureSubject, settings: Feff10Settings) -> None:
    """Download of ``feff.inp``."""
    engine = get_engine("feff10")
    try:
        text = engine.write_input(subject.atoms, subject.site, settings)
    except XanesError:
        text = ""  # said already beside the primary action
    input_button(engine, subject, text)

"""Theory: the network beside a multiple-scattering run of the same structure."""

from __future__ import annotations

import streamlit as st

from pages.parts.shared import inputs
from pages.parts.shared.choices import choose_axis
from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.library import examples
from pages.parts.shared.overlay import overlay_curves
from pages.parts.shared.page import page
from pages.parts.shared.subject import StructureSubject, choose_subject
from pages.parts.shared.viewer3d import structure_panel
from pages.parts.theory import jobs as theory_jobs
from pages.parts.theory.relax import relax_tab
from pages.parts.theory.result import Shown, misfit, overlay, result_downloads, shown_result, times
from pages.parts.theory.run import estimate, fdmnes_tab, feff_input, feff_panel
from xanes_core.plots import Curve, EnergyAxis

#: Small, so that a first run takes seconds.
FIRST_EXAMPLE = "titanium-tetrachloride"


def welcome() -> None:
    """Invite to an example or to a structure of one's own."""
    st.markdown(
        "Choose a metal or drop your own structures in the sidebar, then run FEFF10 on it here: "
        "milliseconds beside seconds, and what lies between the two spectra."
    )
    st.button(
        f"Start with {examples()[FIRST_EXAMPLE].title.lower()}",
        on_click=inputs.choose_example, args=(FIRST_EXAMPLE,), type="primary",
    )  # fmt: skip


def controls(subject: StructureSubject, entry: StructureEntry) -> tuple[list[Shown], list[Curve]]:
    """Left side: run, relax, inputs; what it gives for the figure."""
    frame = inputs.frame_in_view(entry)
    settings, feff, fits = feff_panel(subject)
    theory_jobs.panel()
    structure, relaxation, fdmnes = st.tabs(["Structure", "Relax", "FDMNES"])
    with structure:
        structure_panel(entry, frame, subject.prediction.sites)
        feff_input(subject, settings)
    with relaxation:
        other = relax_tab(subject, entry, frame)
    with fdmnes:
        second, second_fits = fdmnes_tab(subject)
    results = [(feff, fits), (second, second_fits)]
    shown = [shown_result(subject, r, fits=ok) for r, ok in results if r is not None]
    return [s for s in shown if s is not None], [other] if other else []


def show(subject: StructureSubject, entry: StructureEntry) -> None:
    """The page with a structure in view."""
    left, right = st.columns([5, 7], gap="medium")
    with left:
        theories, others = controls(subject, entry)
    for own in overlay_curves(subject.prediction):
        if own.role == "theory":
            theories.append(Shown(own))
        else:
            others.append(own)
    with right:
        run = next((shown for shown in theories if shown.result), None)
        with st.container(horizontal=True, gap="large", vertical_alignment="center"):
            times(subject, run, f"\u2248 {estimate(subject)[0]}")
            axis = EnergyAxis(subject.prediction.e0_ev, choose_axis())
        comparison = overlay(subject, theories, others, axis)
        if comparison is None:
            st.caption("Run FEFF10, or put a calculated spectrum into the sidebar, to compare.")
        else:
            misfit(comparison)
        for shown in theories:
            if shown.result is not None:
                result_downloads(subject, shown.result)


def main() -> None:
    """Show the page."""
    inputs.sidebar()
    inputs.show_failures()
    theory_jobs.collect()
    subject = choose_subject()
    entry = inputs.active_entry(inputs.entries())
    if isinstance(subject, StructureSubject) and entry is not None:
        show(subject, entry)
    else:
        theory_jobs.panel()
        if subject is not None:
            welcome()


with page("Theory", "Compare the network with a real calculation"):
    main()

"""What a fit found: sentences, parameters, corner plot, and what to take along."""

from __future__ import annotations

import json

import streamlit as st

from pages.parts.fit.words import quality, sentences
from pages.parts.play.subject import Stage
from pages.parts.shared import inputs
from pages.parts.shared.charts import chart
from pages.parts.shared.downloads import download_button
from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.library import cached_model
from pages.parts.shared.page import plain
from xanes_core.files import safe_name
from xanes_core.plots import (
    Curve,
    ReportedSpectrum,
    ReportedStructure,
    SpectraReport,
    corner_figure,
    parameters_figure,
    prediction_curve,
    report_html,
)
from xanes_core.plots.viewer_script import viewer_source
from xanes_core.refinement import Measured, StructureFit

THEORY_PAGE = "pages/theory.py"


def show_result(fit: StructureFit, stage: Stage, measured: Measured, entry: StructureEntry) -> None:
    """Everything below the spectra."""
    st.markdown("## What the spectrum says")
    told = sentences(fit, stage.body)
    lines = [f"**{plain(subject)}**: {plain(found)}" for subject, found in told]
    st.markdown("  \n".join([*lines, plain(quality(fit))]))
    if fit.notes:
        st.warning("  \n".join(_sentence(note) for note in fit.notes))
    left, right = st.columns([1, 1], gap="medium")
    name = f"fit_{stage.label}"
    with right:
        chart(
            lambda look: corner_figure(fit.samples, fit.parameters, look=look),
            key="fit_corner", name=f"{name}_corner",
        )  # fmt: skip
    with left:
        chart(
            lambda look: parameters_figure(fit.parameters, look=look),
            key="fit_parameters", name=f"{name}_parameters",
        )  # fmt: skip
        _take_along(fit, stage, measured, told)
        if st.button(
            "Check with FEFF10", key="fit_check",
            help="Opens the fitted structure on the Theory page.",
        ):  # fmt: skip
            frame = inputs.frame_in_view(entry)
            inputs.activate(inputs.add_fitted(entry, frame, fit.atoms, fit.absorber))
            st.switch_page(THEORY_PAGE)


def _sentence(note: str) -> str:
    """A note as a sentence of its own."""
    return plain(f"{note[:1].upper()}{note[1:].rstrip('.')}.")


def _take_along(
    fit: StructureFit, stage: Stage, measured: Measured, told: list[tuple[str, str]]
) -> None:
    base = safe_name(f"{stage.label}_fit")
    report = _report(fit, stage, measured, told)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown("Download")
        download_button(
            "Structure", report.structures[0].xyz, f"{base}.xyz", key="fit_xyz",
            help="The fitted structure as xyz",
        )  # fmt: skip
        download_button(
            "Parameters CSV", fit.to_csv(), f"{base}_parameters.csv", key="fit_csv",
        )  # fmt: skip
        download_button(
            "Spectra CSV", fit.curves_csv(), f"{base}_spectra.csv", key="fit_curves",
        )  # fmt: skip
        download_button(
            "JSON", json.dumps(fit.to_dict(), indent=1), f"{base}.json", key="fit_json",
            help="Parameters, nuisances, verdict and notes, as the command line gives them",
        )  # fmt: skip
        download_button(
            "Report", lambda: report_html(report, viewer_source()), f"{base}_report.html",
            key="fit_report", help="One file with spectra, 3D view and all numbers",
        )  # fmt: skip


def _report(
    fit: StructureFit, stage: Stage, measured: Measured, told: list[tuple[str, str]]
) -> SpectraReport:
    """The fitted structure with its spectrum, what was measured, and what was found."""
    model = cached_model(fit.model_key)
    prediction = model.predict(fit.atoms, fit.absorber)
    curves = (
        prediction_curve(prediction, f"Network, {fit.element}, before shift and scale"),
        Curve("Fitted", fit.energies_ev, fit.fitted_mu, "other"),
        Curve(measured.name[:60], measured.energies_ev, measured.mu, "measurement"),
    )
    spectrum = ReportedSpectrum(model, prediction, curves)
    facts = (*told, ("Quality", quality(fit)), *(("Note", note) for note in fit.notes))
    shown = ReportedStructure(
        f"{stage.label}, fitted to {measured.name}"[:200], fit.atoms, (spectrum,), facts=facts
    )
    return SpectraReport((shown,))

"""Reports to take away: of the structure in view, and of all files of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import streamlit as st
from ase import Atoms

from pages.parts.shared.downloads import download_button
from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.library import cached_model
from xanes_core.files import safe_name
from xanes_core.model import BatchResult, Prediction
from xanes_core.plots import (
    MAX_REPORTED,
    Curve,
    Energies,
    ReportedSpectrum,
    ReportedStructure,
    SpectraReport,
    report_html,
    report_pdf,
)
from xanes_core.plots.viewer_script import viewer_source
from xanes_core.spectra import SpectrumKind


def report_row(
    entry: StructureEntry,
    frame: int,
    predictions: Mapping[SpectrumKind, Prediction],
    drawn: Mapping[SpectrumKind, Sequence[Curve]],
    energies: Energies,
) -> None:
    """Buttons for a report of what is in view: the spectra with all that is drawn beside them."""
    spectra = tuple(
        ReportedSpectrum(cached_model(one.model_key), one, tuple(drawn[kind]))
        for kind, one in predictions.items()
    )
    name = entry.label if len(entry.frames) == 1 else f"{entry.label}, frame {frame + 1}"
    shown = ReportedStructure(name, entry.frames[frame], spectra, energies, _link())
    report = SpectraReport((shown,))
    base = f"{safe_name(entry.frame_name(frame))}_report"
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown("Report")
        download_button(
            "HTML", lambda: report_html(report, viewer_source()), f"{base}.html",
            key="report_html",
            help="One file with the chart, the 3D view and all numbers; opens with no internet",
        )  # fmt: skip
        download_button(
            "PDF", lambda: report_pdf(report), f"{base}.pdf", key="report_pdf",
            help="One page to print",
        )  # fmt: skip


def batch_report_button(entries: Sequence[StructureEntry], results: Sequence[BatchResult]) -> None:
    """Button for one report of the first files and frames that could be predicted.

    A batch keeps no spectra of single networks: they are predicted once more when asked for.
    """
    atoms = {e.frame_name(i): frame for e in entries for i, frame in enumerate(e.frames)}
    spectra: dict[str, list[Prediction]] = {}
    for result in results:
        if result.prediction is not None and result.name in atoms:
            spectra.setdefault(result.name, []).append(result.prediction)

    def report() -> str:
        shown = tuple(
            ReportedStructure(name, atoms[name], tuple(_again(atoms[name], one) for one in own))
            for name, own in list(spectra.items())[:MAX_REPORTED]
        )
        return report_html(SpectraReport(shown), viewer_source())

    download_button(
        "Report of all" if len(spectra) <= MAX_REPORTED else f"Report of the first {MAX_REPORTED}",
        report, "spectra_report.html", key="report_batch", disabled=not spectra,
    )  # fmt: skip


def _again(atoms: Atoms, prediction: Prediction) -> ReportedSpectrum:
    """The same prediction with all that a report tells of it."""
    model, sites = cached_model(prediction.model_key), prediction.sites
    is_one = len(sites) == 1 and sites[0].multiplicity == 1
    absorber = sites[0].index if is_one else prediction.element
    return ReportedSpectrum(model, model.predict(atoms, absorber))


def _link() -> str:
    """Address of the page as it is now; of uploaded files it brings back the choices alone."""
    address = str(st.context.url or "").split("?")[0]
    asked = urlencode(st.query_params.to_dict())
    return f"{address}?{asked}" if address and asked else address

"""Many files at once: a table with a line for each, and one zip."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import streamlit as st

from pages.parts.predict.features import batch_cell, summary_columns
from pages.parts.predict.report import batch_report_button
from pages.parts.shared.choices import absorber_in_view, absorber_options, element_of, model_for
from pages.parts.shared.downloads import download_button
from pages.parts.shared.inputs import StructureEntry, StructureFile, files
from pages.parts.shared.library import Request, predict
from xanes_core.errors import XanesError
from xanes_core.model import BatchResult, to_zip
from xanes_core.spectra import XANES, XES, SpectrumKind

#: Frames of one file that a batch predicts.
BATCH_FRAMES = 200
#: Columns of the table and the features in them, by kind of spectrum.
_COLUMNS = {
    XANES: {
        "Edge (eV)": "edge_half_ev",
        "White line (eV)": "white_line_ev",
        "White line height": "white_line_height",
        "Pre-edge (eV)": "pre_edge_ev",
    },
    XES: {
        "Main maximum (eV)": "main_peak_ev",
        "Mean energy (eV)": "mean_energy_ev",
        "Peak below (eV)": "satellite_ev",
    },
}


def batch_results(
    entries: Sequence[StructureEntry],
    failed: Sequence[StructureFile],
    model_choices: Mapping[SpectrumKind, str],
    progress: Callable[[float, str], object] | None = None,
) -> list[BatchResult]:
    """Predictions of every uploaded file and frame, and one line for each that failed.

    Of each file the first :data:`BATCH_FRAMES` frames; `model_choices` holds the key of the model
    by kind of spectrum.
    """
    uploaded = [e for e in entries if not e.is_example]
    jobs = [(e, i) for e in uploaded for i in range(len(e.frames))[:BATCH_FRAMES]]
    results: list[BatchResult] = []
    for n, (entry, frame) in enumerate(jobs):
        if progress:
            progress(n / len(jobs), f"Predicting {n + 1} of {len(jobs)}")
        own = [_batch_one(entry, frame, *choice) for choice in model_choices.items()]
        # what is wrong with a structure is wrong for both of its spectra
        results += [
            r for i, r in enumerate(own) if not r.error or r.error != own[i - 1].error or not i
        ]
    results += [BatchResult(f.name, error=f.error) for f in failed]
    return results


def _batch_one(
    entry: StructureEntry, frame: int, kind: SpectrumKind, model_choice: str
) -> BatchResult:
    name, atoms = entry.frame_name(frame), entry.frames[frame]
    try:
        options = absorber_options(atoms)
        if not options:
            return BatchResult(name, error="This frame holds no supported metal.")
        absorber = absorber_in_view(entry, options)
        element = element_of(atoms, absorber)
        model_key = model_for(element, kind, model_choice, (atoms, absorber))
        if model_key is None:
            return BatchResult(name, error=f"No shipped model predicts {kind.title} of {element}.")
        return BatchResult(name, predict(atoms, Request(absorber, element, model_key, kind)))
    except XanesError as error:
        return BatchResult(name, error=str(error))


def with_extra(result: BatchResult, **extra: str) -> BatchResult:
    """The same result with further columns for the summary."""
    return replace(result, extra={**result.extra, **extra})


def show_batch(entries: list[StructureEntry], model_keys: Mapping[SpectrumKind, str]) -> None:
    """Table and zip of every uploaded file, once there is more than one spectrum to take home.

    `model_keys` holds the chosen model by kind of spectrum.
    """
    uploaded = [e for e in entries if not e.is_example]
    failed = [f for f in files().values() if f.error]
    if len(uploaded) + len(failed) < 2 and not any(len(e.frames) > 1 for e in uploaded):
        return
    bar = st.progress(0.0, "Predicting") if sum(len(e.frames) for e in uploaded) > 20 else None
    results = batch_results(uploaded, failed, model_keys, bar.progress if bar else None)
    results = [
        with_extra(r, **summary_columns(r.prediction)) if r.prediction else r for r in results
    ]
    if bar:
        bar.empty()
    import pandas as pd  # a third of a second, which an empty page does without

    st.markdown("## All files")
    columns = ["Name", "Absorber", *(c for kind in model_keys for c in _COLUMNS[kind]), "Result"]
    failed_first = sorted(results, key=lambda r: r.prediction is not None)
    st.dataframe(
        pd.DataFrame([dict.fromkeys(columns, "") | _row(r) for r in failed_first]),
        hide_index=True,
        key="batch_table",
        column_config={
            "Name": st.column_config.TextColumn(width="medium"),
            "Result": st.column_config.TextColumn(width="large"),
        },
    )
    done = sum(r.prediction is not None for r in results)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        kinds = "_".join(kind.key for kind in model_keys)
        download_button(
            "Download all as zip", lambda: to_zip(results), f"{kinds}_spectra.zip",
            key="download_zip", disabled=not done,
        )  # fmt: skip
        batch_report_button(uploaded, results)
        st.caption(f"{done} predicted, {len(results) - done} failed. Energies relative to E0.")
    if any(len(e.frames) > BATCH_FRAMES for e in uploaded):
        st.caption(
            f"Of each file the first {BATCH_FRAMES} frames are listed; the command line takes all."
        )


def _row(result: BatchResult) -> dict[str, str]:
    prediction = result.prediction
    if prediction is None:
        return {"Name": result.name, "Result": result.error}
    kind = prediction.kind
    own = {"Name": result.name, "Absorber": prediction.element}
    said = f"{kind.title} predicted by {prediction.model_key}, {prediction.domain.level}"
    pairs = {label: batch_cell(result.extra, name) for label, name in _COLUMNS[kind].items()}
    return own | pairs | {"Result": said}

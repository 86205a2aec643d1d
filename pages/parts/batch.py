"""Many files at once: a table with a line for each, and one zip."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from pages.parts.common import KIND_NAMES
from pages.parts.features import std_name, summary_columns, with_uncertainty
from pages.parts.inputs import Entry, files
from pages.parts.predictions import BATCH_FRAMES, batch_results, with_extra
from xanes_core.export import BatchResult, to_zip

#: Columns of the table and the features in them, by kind of spectrum.
_COLUMNS = {
    "xanes": {
        "Edge (eV)": "edge_half_ev",
        "White line (eV)": "white_line_ev",
        "White line height": "white_line_height",
        "Pre-edge (eV)": "pre_edge_ev",
    },
    "xes": {
        "Main maximum (eV)": "main_peak_ev",
        "Mean energy (eV)": "mean_energy_ev",
        "Peak below (eV)": "satellite_ev",
    },
}


def show_batch(found: list[Entry], model_keys: Mapping[str, str]) -> None:
    """Table and zip of every uploaded file, once there is more than one spectrum to take home.

    `model_keys` holds the chosen model by kind of spectrum.
    """
    uploaded = [e for e in found if not e.is_example]
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
    st.markdown("##### All files")
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
        st.download_button(
            "Download all as zip",
            lambda: to_zip(results),
            file_name=f"{'_'.join(model_keys)}_spectra.zip",
            mime="application/zip",
            on_click="ignore",
            key="download_zip",
            disabled=not done,
        )
        st.caption(f"{done} predicted, {len(results) - done} failed. Energies relative to E0.")
    if any(len(e.frames) > BATCH_FRAMES for e in uploaded):
        st.caption(
            f"Of each file the first {BATCH_FRAMES} frames are listed; the command line takes all."
        )


def _row(result: BatchResult) -> dict[str, str]:
    prediction = result.prediction
    if prediction is None:
        return {"Name": result.name, "Result": result.error}
    kind = prediction.spectrum
    own = {"Name": result.name, "Absorber": prediction.element}
    told = f"{KIND_NAMES[kind]} predicted by {prediction.model_key}, {prediction.domain.level}"
    pairs = {label: _pair(result.extra, name) for label, name in _COLUMNS[kind].items()}
    return own | pairs | {"Result": told}


def _pair(extra: Mapping[str, str], name: str) -> str:
    number, spread = extra.get(name) or "", extra.get(std_name(name)) or ""
    return with_uncertainty(float(number), float(spread)) if number and spread else number

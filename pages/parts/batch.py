"""Many files at once: a table with a line for each, and one zip."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from pages.parts.features import std_name, summary_columns, with_uncertainty
from pages.parts.inputs import Entry, files
from pages.parts.predictions import BATCH_FRAMES, batch_results, with_extra
from xanes_core.export import BatchResult, to_zip

_COLUMNS = (
    "Name", "Absorber", "Edge (eV)", "White line (eV)", "White line height", "Pre-edge (eV)",
    "Result",
)  # fmt: skip


def show_batch(found: list[Entry], model_key: str | None) -> None:
    """Table and zip of every uploaded file, once there is more than one spectrum to take home."""
    uploaded = [e for e in found if not e.is_example]
    failed = [f for f in files().values() if f.error]
    if len(uploaded) + len(failed) < 2 and not any(len(e.frames) > 1 for e in uploaded):
        return
    bar = st.progress(0.0, "Predicting") if sum(len(e.frames) for e in uploaded) > 20 else None
    results = batch_results(uploaded, failed, model_key, bar.progress if bar else None)
    results = [
        with_extra(r, **summary_columns(r.prediction)) if r.prediction else r for r in results
    ]
    if bar:
        bar.empty()
    st.markdown("##### All files")
    failed_first = sorted(results, key=lambda r: r.prediction is not None)
    st.dataframe(
        pd.DataFrame([dict.fromkeys(_COLUMNS, "") | _row(r) for r in failed_first]),
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
            file_name="xanes_spectra.zip",
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
    own, extra = {"Name": result.name, "Absorber": prediction.element}, result.extra
    return own | {
        "Result": f"predicted by {prediction.model_key}, {prediction.domain.level}",
        "Edge (eV)": _pair(extra, "edge_half_ev"),
        "White line (eV)": _pair(extra, "white_line_ev"),
        "White line height": _pair(extra, "white_line_height"),
        "Pre-edge (eV)": _pair(extra, "pre_edge_ev"),
    }


def _pair(extra: Mapping[str, str], name: str) -> str:
    number, spread = extra.get(name) or "", extra.get(std_name(name)) or ""
    return with_uncertainty(float(number), float(spread)) if number and spread else number

"""Many files at once: a table with a line for each, and one zip."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard.features import summary_columns
from dashboard.inputs import Entry, files
from dashboard.predictions import batch_results, with_extra
from xanes_core.export import BatchResult, to_zip


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
    st.dataframe(pd.DataFrame([_row(r) for r in results]), hide_index=True, key="batch_table")
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
        st.caption(f"{done} predicted, {len(results) - done} failed.")


def _row(result: BatchResult) -> dict:
    prediction = result.prediction
    row = {"Name": result.name}
    if prediction is None:
        return row | {"Result": result.error}
    return row | {
        "Result": "predicted",
        "Absorber": prediction.element,
        "Domain": prediction.domain.level,
        "Model": prediction.model_key,
        **{k: v for k, v in result.extra.items() if v != ""},
    }

"""The numbers people quote from a spectrum, each with its uncertainty."""

from __future__ import annotations

import math

import pandas as pd
import streamlit as st

from xanes_core.spectral_features import features_with_uncertainty, spectral_features

_ROWS = (
    ("Edge, half step", "edge_half_ev", None),
    ("Edge, steepest", "edge_steepest_ev", None),
    ("White line", "white_line_ev", "white_line_height"),
    ("Pre-edge peak", "pre_edge_ev", "pre_edge_height"),
)


def with_uncertainty(value: float, spread: float, *, least: int = 2) -> str:
    """``value ± spread`` with as many decimals as the spread warrants, at most `least`."""
    if not math.isfinite(value):
        return "\u2013"
    if not math.isfinite(spread):
        return f"{value:.{least}f}"
    decimals = least if spread <= 0 else min(max(-math.floor(math.log10(spread)), 0), least)
    floor = 10.0**-decimals
    return f"{value:.{decimals}f} \u00b1 {max(spread, floor):.{decimals}f}"


def features_table(prediction, axis: str) -> None:
    """Edge, white line and pre-edge peak, as far as the spectrum shows them."""
    own = spectral_features(prediction.energy_rel_ev, prediction.mu)
    spread = features_with_uncertainty(prediction.energy_rel_ev, prediction.members)
    offset = prediction.e0_ev if axis == "absolute" else 0.0
    rows = {}
    for label, energy, height in _ROWS:
        position = getattr(own, energy)
        if not math.isfinite(position):
            continue
        rows[label] = [
            with_uncertainty(position + offset, spread[energy].std),
            with_uncertainty(getattr(own, height), spread[height].std) if height else "",
        ]
    name = "Energy (eV)" if axis == "absolute" else "E \u2212 E0 (eV)"
    table = pd.DataFrame.from_dict(rows, orient="index", columns=[name, "Height"])
    st.table(table, border="horizontal")
    st.caption("\u00b1 is the spread over the networks of the ensemble; heights in edge steps.")


def summary_columns(prediction) -> dict[str, str]:
    """Columns of the batch table and of the zip's summary: relative energies (eV), edge steps."""
    return _summary_columns(prediction.members.tobytes(), prediction)


@st.cache_data(max_entries=4096, show_spinner=False)
def _summary_columns(key: bytes, _prediction) -> dict[str, str]:
    prediction = _prediction
    own = spectral_features(prediction.energy_rel_ev, prediction.mu)
    spread = features_with_uncertainty(prediction.energy_rel_ev, prediction.members)
    columns = {}
    for name in ("edge_half_ev", "white_line_ev", "white_line_height", "pre_edge_ev"):
        value, std = getattr(own, name), spread[name].std
        columns[name] = f"{value:.2f}" if math.isfinite(value) else ""
        columns[f"{name.removesuffix('_ev')}_std"] = f"{std:.2f}" if math.isfinite(std) else ""
    return columns

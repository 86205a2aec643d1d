"""The numbers people quote from a spectrum, each with its uncertainty."""

from __future__ import annotations

import math

import pandas as pd
import streamlit as st

from xanes_core.plots import EnergyAxis
from xanes_core.spectra import (
    XANES,
    XES,
    emission_features,
    features_with_uncertainty,
    spectral_features,
)

#: Label, energy and height of every row, by kind of spectrum.
_ROWS = {
    XANES: (
        ("Edge, half step", "edge_half_ev", None),
        ("Edge, steepest", "edge_steepest_ev", None),
        ("White line", "white_line_ev", "white_line_height"),
        ("Pre-edge peak", "pre_edge_ev", "pre_edge_height"),
    ),
    XES: (
        ("Main maximum", "main_peak_ev", "main_peak_height"),
        ("Mean energy of the band", "mean_energy_ev", None),
        ("Peak below it", "satellite_ev", "satellite_height"),
    ),
}
_READ = {XANES: spectral_features, XES: emission_features}
#: Features in the batch table and in the zip's summary.
_SUMMARY = {
    XANES: ("edge_half_ev", "white_line_ev", "white_line_height", "pre_edge_ev"),
    XES: ("main_peak_ev", "main_peak_height", "mean_energy_ev", "satellite_ev"),
}


def with_uncertainty(value: float, spread: float, *, most: int = 2) -> str:
    """``value ± spread`` to the digits that the spread warrants, at most `most` decimals.

    One significant digit of the spread, two where it begins with 1.
    """
    if not math.isfinite(value):
        return "\u2013"
    if not math.isfinite(spread):
        return f"{value:.{most}f}"
    decimals = most
    if spread > 0:
        power = math.floor(math.log10(spread))
        decimals = -power + (spread / 10.0**power < 2.0)
    decimals = min(max(decimals, 0), most)
    value = round(value, decimals) + 0.0  # no minus before a zero
    return f"{value:.{decimals}f} \u00b1 {max(spread, 10.0**-decimals):.{decimals}f}"


def _features(prediction) -> tuple[dict[str, float], dict[str, float]]:
    """Values of the mean spectrum and their spread, of what at least half the networks show."""
    read, energy = _READ[prediction.kind], prediction.energy_rel_ev
    own = read(energy, prediction.mu)
    found = features_with_uncertainty(energy, prediction.members, read=read)
    shown = {n for n, e in found.items() if 2 * e.n_showing >= e.n_members}
    values = {n: getattr(own, n) if n in shown else math.nan for n in found}
    return values, {n: e.std for n, e in found.items()}


def features_table(prediction, axis: EnergyAxis) -> None:
    """What the spectrum shows of edge, white line and pre-edge peak, or of emission maxima."""
    values, spread = _features(prediction)
    rows, digits = {}, prediction.kind.digits
    for label, energy, height in _ROWS[prediction.kind]:
        position = values[energy]
        if not math.isfinite(position):
            continue
        rows[label] = [
            with_uncertainty(position + axis.offset_ev, spread[energy]),
            with_uncertainty(values[height], spread[height], most=digits) if height else "",
        ]
    name = "E \u2212 E0 (eV)" if axis.is_relative else axis.label
    table = pd.DataFrame.from_dict(rows, orient="index", columns=[name, "Height"])
    st.table(table, border="horizontal")
    st.caption(
        "\u00b1 is the spread over the networks of the ensemble; heights in "
        f"{prediction.kind.unit}."
    )


def summary_columns(prediction) -> dict[str, str]:
    """Columns of the batch table and of the zip's summary: relative energies (eV), heights."""
    return _summary_columns(prediction.members.tobytes(), prediction)


@st.cache_data(max_entries=4096, show_spinner=False)
def _summary_columns(key: bytes, _prediction) -> dict[str, str]:
    values, spread = _features(_prediction)
    columns = {}
    for name in _SUMMARY[_prediction.kind]:
        digits = 2 if name.endswith("_ev") else _prediction.kind.digits
        known = math.isfinite(values[name])
        columns[name] = f"{values[name]:.{digits}f}" if known else ""
        has_spread = known and math.isfinite(spread[name])
        columns[std_name(name)] = f"{spread[name]:.{digits}f}" if has_spread else ""
    return columns


def std_name(name: str) -> str:
    """Column that holds the spread of feature `name`; the unit stays at the end."""
    return f"{name.removesuffix('_ev')}_std_ev" if name.endswith("_ev") else f"{name}_std"

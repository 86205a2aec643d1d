"""The numbers people quote from a spectrum, each with its uncertainty."""

from __future__ import annotations

import math

import streamlit as st

from xanes_core.model import Prediction, prediction_features
from xanes_core.plots import EnergyAxis
from xanes_core.spectra import XANES, XES

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


def features_table(prediction: Prediction, axis: EnergyAxis) -> None:
    """What the spectrum shows of edge, white line and pre-edge peak, or of emission maxima."""
    import pandas as pd  # a third of a second, which an empty page does without

    features = prediction_features(prediction)
    rows, digits = {}, prediction.kind.digits
    for label, energy_name, height_name in _ROWS[prediction.kind]:
        energy = features[energy_name]
        if not math.isfinite(energy.value):
            continue
        height = ""
        if height_name:
            one = features[height_name]
            height = with_uncertainty(one.value, one.spread, most=digits)
        rows[label] = [with_uncertainty(energy.value + axis.offset_ev, energy.spread), height]
    name = "E \u2212 E0 (eV)" if axis.is_relative else axis.label
    table = pd.DataFrame.from_dict(rows, orient="index", columns=[name, "Height"])
    st.table(table, border="horizontal")
    st.caption(
        "\u00b1 is the spread over the networks of the ensemble; heights in "
        f"{prediction.kind.unit}."
    )


def summary_columns(prediction: Prediction) -> dict[str, str]:
    """Columns of the batch table and of the zip's summary: relative energies (eV), heights."""
    features = prediction_features(prediction)
    columns = {}
    for name in _SUMMARY[prediction.kind]:
        value, spread = features[name].value, features[name].spread
        digits = 2 if name.endswith("_ev") else prediction.kind.digits
        known = math.isfinite(value)
        columns[name] = f"{value:.{digits}f}" if known else ""
        has_spread = known and math.isfinite(spread)
        columns[std_name(name)] = f"{spread:.{digits}f}" if has_spread else ""
    return columns


def std_name(name: str) -> str:
    """Column that holds the spread of feature `name`; the unit stays at the end."""
    return f"{name.removesuffix('_ev')}_std_ev" if name.endswith("_ev") else f"{name}_std"

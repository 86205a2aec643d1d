"""The numbers people quote from a spectrum, each with its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Mapping

import streamlit as st

from pages.parts.shared.downloads import download_button
from xanes_core.model import (
    FEATURE_ROWS,
    Prediction,
    feature_columns,
    features_csv,
    others_text,
    prediction_features,
)
from xanes_core.plots import EnergyAxis
from xanes_core.spectra import XANES, XES, FeatureEstimate

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
    rows, notes, digits = {}, [], prediction.kind.digits
    for label, energy_name, height_name in FEATURE_ROWS[prediction.kind]:
        energy = features[energy_name]
        if not math.isfinite(energy.value) and not _seen_by_half(energy):
            continue
        height = ""
        if height_name:
            one = features[height_name]
            height = with_uncertainty(one.value, one.spread, most=digits)
        place = with_uncertainty(energy.value + axis.offset_ev, energy.spread)
        rows[label] = [place, height, f"{energy.n_agreeing} of {energy.n_members}"]
        if energy.others:
            notes.append(_other_places(label, energy, axis.offset_ev))
    name = "E \u2212 E\u2080 (eV)" if axis.is_relative else axis.label
    table = pd.DataFrame.from_dict(rows, orient="index", columns=[name, "Height", "Networks"])
    st.table(table, border="horizontal")
    st.caption(
        "Read off the mean spectrum; \u00b1 is the spread over the networks that see it there; "
        f"heights in {prediction.kind.unit}."
    )
    for note in notes:
        st.caption(note)
    download_button(
        "Numbers as CSV", lambda: features_csv(prediction), f"features_{prediction.kind.key}.csv",
        key=f"features_csv_{prediction.kind.key}", type="tertiary",
    )  # fmt: skip


def _seen_by_half(energy: FeatureEstimate) -> bool:
    """Whether half of the networks show a feature that the mean spectrum does not."""
    return 2 * sum(group.n_members for group in energy.others) >= energy.n_members


def _other_places(label: str, energy: FeatureEstimate, offset_ev: float) -> str:
    """What the networks see that do not agree with the mean, as a sentence."""
    places = others_text(energy, offset_ev)
    if not math.isfinite(energy.value):
        return f"{label}: no common one in the mean spectrum; networks see one at {places}."
    if energy.name.startswith("edge"):
        what = "it lies"
    else:
        what = "a second maximum" if len(energy.others) == 1 else "further maxima"
    return f"{label}: {what} at {places} networks."


def summary_columns(prediction: Prediction) -> dict[str, str]:
    """Columns of the batch table and of the zip's summary: relative energies (eV), heights."""
    kind = prediction.kind
    return feature_columns(prediction_features(prediction), _SUMMARY[kind], kind=kind)


def batch_cell(columns: Mapping[str, str], name: str) -> str:
    """A feature in the batch table: its number with the spread, and what others see."""
    stem, unit = name.removesuffix("_ev"), "_ev" if name.endswith("_ev") else ""
    value, spread = columns.get(name, ""), columns.get(f"{stem}_std{unit}", "")
    text = with_uncertainty(float(value), float(spread)) if value and spread else value
    others = columns.get(f"{stem}_others", "")
    if not others:
        return text
    if not text:
        return f"no common place: {others}"
    return f"{text} ({columns[f'{stem}_networks']} networks; {others})"

"""Energies of theory, or those of a measurement: what Predict shows of an absorption."""

from __future__ import annotations

import streamlit as st

from pages.parts.shared import view
from pages.parts.shared.page import linked_choice
from xanes_core.model import Prediction
from xanes_core.refinement import as_measured, energy_scale
from xanes_core.spectra import XANES

_MEASURED = "measured"
_SCALES = {"theory": "Theory", _MEASURED: "As measured"}
#: Theory that the energy scale was learned for, as the keys of its models begin.
_KNOWN = "feff10"


def _is_known(prediction: Prediction) -> bool:
    return prediction.kind == XANES and prediction.model_key.startswith(_KNOWN)


def choose_scale(predictions: list[Prediction]) -> None:
    """Let the reader choose, where it is known how theory and measurement differ."""
    if any(_is_known(one) for one in predictions):
        linked_choice("scale", _SCALES, label="Energies as", what="the energy scale")


def on_scale(prediction: Prediction) -> Prediction:
    """The prediction on the energies that the reader chose."""
    if view.value("scale") != _MEASURED or not _is_known(prediction):
        return prediction
    return as_measured(prediction, energy_scale(prediction.element))


def legend(name: str, prediction: Prediction) -> str:
    """Name of a curve, with what was done to its energies."""
    return f"{name}, as measured" if prediction.energy_scale else name


def scale_note(prediction: Prediction) -> None:
    """Say what was done and how sure it is."""
    if not prediction.energy_scale:
        return
    scale = energy_scale(prediction.element)
    st.caption(
        f"As measured: shifted by {scale.shift_ev:+.1f} \u00b1 {scale.shift_sd_ev:.1f} eV and "
        f"smeared by {scale.broadening_ev:.1f} eV (full width at half maximum). {scale.note} The "
        "band does not hold the uncertainty of the shift."
    )

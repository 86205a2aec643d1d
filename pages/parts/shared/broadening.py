"""The broadening of a calculated spectrum as six numbers."""

from __future__ import annotations

import streamlit as st

from xanes_core.theory import Convolution

_FIELDS = (
    ("width_ev", "Core hole (eV)", 0.01, 20.0, "Width of the core hole, FWHM"),
    ("width_max_ev", "Largest (eV)", 0.0, 50.0, "What the final state adds to the width at most"),
    ("ef_ev", "Fermi energy (eV)", -30.0, 30.0, "Relative to E0: states below are filled"),
    ("ec_ev", "Centre (eV)", 1.0, 200.0, "Centre of the arctangent above the Fermi energy"),
    ("el_ev", "Slope width (eV)", 1.0, 200.0, "Width of the arctangent"),
    ("step_from_ev", "Step from (eV)", 5.0, 500.0, "The edge step is the mean from here on"),
)


def convolution_controls(key: str) -> Convolution:
    """Six numbers in two columns, starting from the published ones; kept between pages."""
    start = Convolution()
    columns = st.columns(2)
    values = {}
    for n, (name, label, low, high, meaning) in enumerate(_FIELDS):
        values[name] = columns[n % 2].number_input(
            label, low, high, value=getattr(start, name), step=0.5, format="%g", help=meaning,
            key=f"{key}_{name}", persist_state="session",
        )  # fmt: skip
    return Convolution(**values)

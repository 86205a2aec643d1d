"""Kinds of spectra, XANES or XES: grid, unit, label and scale, in one place."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from xanes_core.errors import ModelError

MU_LABEL = "mu(E) / edge step"
#: What is drawn, by kind of spectrum.
INTENSITY_LABELS = MappingProxyType({"xanes": MU_LABEL, "xes": "Emission (area 1, 1/eV)"})
INTENSITY_UNITS = MappingProxyType({"xanes": "edge steps", "xes": "1/eV"})
_MSE_SCALES = MappingProxyType(
    {"xanes": (1e3, "MSE (10\u207b\u00b3)"), "xes": (1e6, "MSE (10\u207b\u2076 eV\u207b\u00b2)")}
)
# unit of mu: edge steps for absorption; emission has the area 1 over its energies
MU_UNITS = MappingProxyType({"xanes": "edge steps", "xes": "1/eV"})


def xanes_grid_ev() -> np.ndarray:
    """Energy grid of the shipped XANES models, relative to E0 (226,) in eV, step 1/3 eV."""
    return np.linspace(-15.0, 60.0, 226)


def xes_grid_ev() -> np.ndarray:
    """Energy grid of the shipped XES models, relative to E0 (181,) in eV, step 0.2 eV."""
    return np.linspace(-22.0, 14.0, 181)


#: Kinds of spectra that models predict, each with its grid.
SPECTRUM_GRIDS = MappingProxyType({"xanes": xanes_grid_ev, "xes": xes_grid_ev})


def mse_scale(spectrum: str) -> tuple[float, str]:
    """Factor that makes errors readable, and the label of what comes out.

    Raises
    ------
    ModelError
        An unknown kind of spectrum.
    """
    if spectrum not in _MSE_SCALES:
        raise ModelError(f"unknown kind of spectrum {spectrum!r}; known: {', '.join(_MSE_SCALES)}")
    return _MSE_SCALES[spectrum]

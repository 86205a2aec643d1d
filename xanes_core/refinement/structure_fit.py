"""What a fit of a structure found: values with intervals, curves, and how to write them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from xanes_core.files import csv_text
from xanes_core.model import JsonObject

#: Digits of values in tables and JSON.
_DIGITS = 6


@dataclass(frozen=True)
class FittedParameter:
    """One move and what the spectrum says of its value.

    Attributes
    ----------
    name : str
        Word of the move, such as ``all`` or ``ligand:2``.
    value : float
        Best value, in ``unit``; 0 is the structure as it came.
    low68, high68, low90, high90 : float
        Intervals that hold 68 and 90 % of the posterior.
    unit : str
        ``"A"`` or ``"deg"``.
    learned : float
        What the data said: 1 less the width of the posterior over that of the prior, 0 to 1.
    at_bound : str
        ``"low"`` or ``"high"`` where that end of the range stops the fit, else empty.
    limits : (float, float)
        Between which the value was looked for; all of them as probable before the fit.
    label : str
        The move in a chemist's words.
    """

    name: str
    value: float
    low68: float
    high68: float
    low90: float
    high90: float
    unit: str
    learned: float
    at_bound: str
    limits: tuple[float, float]
    label: str

    def to_dict(self) -> JsonObject:
        """As a mapping for JSON."""
        numbers = ("value", "low68", "high68", "low90", "high90", "learned")
        return {
            "name": self.name,
            **{key: round(float(getattr(self, key)), _DIGITS) for key in numbers},
            "unit": self.unit,
            "label": self.label,
            "at_bound": self.at_bound,
            "limits": [round(float(v), _DIGITS) for v in self.limits],
        }


@dataclass(frozen=True, eq=False)
class StructureFit:
    """A structure fitted to a spectrum; p parameters, n samples, m measured points.

    Attributes
    ----------
    parameters : tuple of FittedParameter, (p,)
    correlations : numpy.ndarray, (p, p)
        Of the posterior.
    samples : numpy.ndarray, (n, p)
        Drawn from the posterior.
    shift_ev, scale, offset, slope_per_ev, broadening_ev : float
        Nuisances at the fitted structure, see :class:`~xanes_core.refinement.Nuisances`.
    misfit : float
        Root mean square of ``residual`` (edge steps).
    verdict : str
        Of the model on the fitted structure: ``in domain``, ``at the edge`` or ``outside``.
    notes : tuple of str
        What a reader should know.
    atoms, start_atoms : ase.Atoms
        Fitted structure, and the one the fit began with.
    absorber : int
        Index of the absorber in both.
    energies_ev : numpy.ndarray, (m,)
        Absolute energies of the points that were compared.
    measured_mu, fitted_mu, residual : numpy.ndarray, (m,)
        Measured, explained, and their difference.
    band_low, band_high : numpy.ndarray, (m,)
        90 % band of the model around ``fitted_mu``.
    model_key, element : str
        Who predicted, and the absorber.
    """

    parameters: tuple[FittedParameter, ...]
    correlations: np.ndarray
    samples: np.ndarray
    shift_ev: float
    scale: float
    offset: float
    slope_per_ev: float
    broadening_ev: float
    misfit: float
    verdict: str
    notes: tuple[str, ...]
    atoms: Atoms
    start_atoms: Atoms
    absorber: int
    energies_ev: np.ndarray
    measured_mu: np.ndarray
    fitted_mu: np.ndarray
    residual: np.ndarray
    band_low: np.ndarray
    band_high: np.ndarray
    model_key: str
    element: str

    def to_dict(self) -> JsonObject:
        """As a mapping for JSON: everything but curves, samples and structures."""
        numbers = (
            "shift_ev", "scale", "offset", "slope_per_ev", "broadening_ev", "misfit",
        )  # fmt: skip
        return {
            "model": self.model_key,
            "element": self.element,
            "absorber": self.absorber,
            "parameters": [one.to_dict() for one in self.parameters],
            "correlations": np.round(self.correlations, 3).tolist(),
            **{key: round(float(getattr(self, key)), _DIGITS) for key in numbers},
            "verdict": self.verdict,
            "notes": list(self.notes),
        }

    def to_csv(self) -> str:
        """Table of the parameters, one line each."""
        columns = ("value", "low68", "high68", "low90", "high90", "learned")
        rows = [
            [one.name, one.label, one.unit, *(f"{getattr(one, key):.6g}" for key in columns)]
            for one in self.parameters
        ]
        return csv_text([["name", "move", "unit", *columns], *rows])

    def curves_csv(self) -> str:
        """Table of the curves, one line for each energy."""
        columns = ("energies_ev", "measured_mu", "fitted_mu", "residual", "band_low", "band_high")
        values = np.column_stack([getattr(self, key) for key in columns])
        head = ["energy_ev", *columns[1:]]
        return csv_text([head, *([f"{value:.8g}" for value in row] for row in values)])

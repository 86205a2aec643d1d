"""Fit a structure to a measured spectrum: a few moves of its ligands, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from xanes_core.model import SpectrumModel
from xanes_core.refinement.likelihood import Nuisances
from xanes_core.refinement.measured import WINDOW_EV, Measured
from xanes_core.structures import Move, Suggestion


@dataclass(frozen=True)
class FittedParameter:
    """One move and what the spectrum says of its value.

    Attributes
    ----------
    name : str
        Word of the move, such as ``all`` or ``ligand:2``.
    value : float
        Median of the posterior, in ``unit``; 0 is the structure as it came.
    low68, high68, low90, high90 : float
        Intervals that hold 68 and 90 % of the posterior.
    unit : str
        ``"A"`` or ``"deg"``.
    learned : float
        What the data said: 1 less the width of the posterior over that of the prior, 0 to 1.
    at_bound : str
        ``"low"`` or ``"high"`` where that end of the range stops the fit, else empty.
    limits : (float, float)
        Between which the value was looked for.
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
    shift_sd_ev : float
        Standard deviation of the shift in the posterior.
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
    shift_sd_ev: float
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


def fit_structure(
    measured: Measured,
    atoms: Atoms,
    absorber: int | str | None,
    moves: Sequence[str | Move | Suggestion],
    *,
    model: SpectrumModel,
    window_ev: tuple[float, float] = WINDOW_EV,
    nuisances: Nuisances | None = None,
    seed: int = 0,
    on_progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> StructureFit:
    """Fit up to six moves of a structure to a measured spectrum."""
    raise NotImplementedError

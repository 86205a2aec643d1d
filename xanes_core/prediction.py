"""What a model says of a structure: the spectrum, its bands, and how far to trust them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from xanes_core.calibration import band_limits
from xanes_core.domain import DomainVerdict
from xanes_core.errors import ModelError
from xanes_core.structures import Site


@dataclass(frozen=True)
class FeaturePrediction:
    """Spectra predicted from features; n samples, k energies.

    Attributes
    ----------
    energy_rel_ev : numpy.ndarray, (k,)
        Energy relative to E0 (eV).
    mu : numpy.ndarray, (n, k)
        Mean over the ensemble: edge step 1, or area 1 (1/eV) for emission.
    std : numpy.ndarray, (n, k)
        Calibrated standard deviation of the error.
    lower, upper : numpy.ndarray, (n, k)
        Band that covers the truth at a share ``level`` of the points.
    level : float
        What the band promises.
    """

    energy_rel_ev: np.ndarray
    mu: np.ndarray
    std: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    level: float


@dataclass(frozen=True)
class Prediction:
    """One predicted spectrum; k energies, m ensemble members.

    Attributes
    ----------
    energy_ev, energy_rel_ev : numpy.ndarray, (k,)
        Absolute energy and energy relative to E0 (eV).
    mu, std, lower, upper : numpy.ndarray, (k,)
        As in :class:`FeaturePrediction`.
    members : numpy.ndarray, (m, k)
        Spectra of the members.
    level : float
        What the band promises.
    e0_ev : float
        Tabulated edge energy of the absorber (eV).
    element : str
        Absorber.
    model_key : str
        Model that predicted.
    sites : tuple of Site
        Sites averaged, with their multiplicities.
    domain : DomainVerdict
        How far to trust it; that of the worst site.
    spectrum : {"xanes", "xes"}
        What it is: absorption in edge steps, or emission of area 1 (1/eV), also named ``mu``.
    half_widths : dict of float to numpy.ndarray, (k,)
        Half the width of the band of each level, before it is cut at zero; see :meth:`band`.
    """

    energy_ev: np.ndarray
    energy_rel_ev: np.ndarray
    mu: np.ndarray
    std: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    members: np.ndarray
    level: float
    e0_ev: float
    element: str
    model_key: str
    sites: tuple[Site, ...]
    domain: DomainVerdict
    spectrum: str = "xanes"
    half_widths: dict[float, np.ndarray] = field(default_factory=dict)

    def band(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bound (k,) of the band that promises to cover a share of the points.

        Raises
        ------
        ModelError
            The model was not calibrated for that level.
        """
        if level not in self.half_widths:
            known = ", ".join(f"{100 * one:g}" for one in self.half_widths)
            raise ModelError(f"no band of {100 * level:g} %; model {self.model_key} has {known} %")
        return band_limits(self.mu, self.half_widths[level])

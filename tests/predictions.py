"""Made-up predictions for the tests of plots and exports: the attributes, not the physics."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from xanes_core.constants import K_EDGE_EV
from xanes_core.spectra.kinds import XANES, XES, SpectrumKind
from xanes_core.structures.sites import Site


@dataclass(frozen=True)
class Verdict:
    level: str = "in domain"
    score: float = 0.25
    reasons: tuple[str, ...] = ("It looks like the training data.",)


@dataclass(frozen=True)
class MadePrediction:
    energy_rel_ev: np.ndarray
    energy_ev: np.ndarray
    mu: np.ndarray
    std: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    level: float
    e0_ev: float
    element: str
    model_key: str
    sites: tuple[Site, ...]
    members: np.ndarray
    domain: Verdict = field(default_factory=Verdict)
    kind: SpectrumKind = XANES
    energy_scale: str = ""


def made_prediction(element: str = "Fe", shift_ev: float = 0.0) -> MadePrediction:
    grid = XANES.energy_rel_ev
    e0 = K_EDGE_EV[element]
    mu = 1 / (1 + np.exp(-(grid - 4 - shift_ev))) * (1 + 0.6 * np.exp(-(((grid - 9) / 4) ** 2)))
    std = 0.02 + 0.05 * np.exp(-(((grid - 9) / 6) ** 2))
    site = Site(0, element, 1, (0,))
    members = mu + std * np.array([[-1.0], [0.0], [1.0]])
    return MadePrediction(
        grid, grid + e0, mu, std, mu - 2 * std, mu + 2 * std, 0.9, e0, element, "made-up",
        (site,), members,
    )  # fmt: skip


def made_emission(element: str = "Fe") -> MadePrediction:
    """A valence band at 0 eV and a satellite at -12 eV, area 1."""
    grid = XES.energy_rel_ev
    mu = np.exp(-((grid / 2) ** 2)) + 0.3 * np.exp(-((grid + 12) ** 2))
    mu /= np.trapezoid(mu, grid)
    std = 0.02 * mu.max() + 0.05 * mu
    return replace(
        made_prediction(element),
        energy_rel_ev=grid,
        energy_ev=grid + K_EDGE_EV[element],
        mu=mu,
        std=std,
        lower=np.maximum(mu - 2 * std, 0),
        upper=mu + 2 * std,
        members=mu + std * np.array([[-0.3], [0.0], [0.3]]),
        model_key="made-up-xes",
        kind=XES,
    )

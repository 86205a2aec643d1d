"""Made-up predictions for the tests of plots and exports: the attributes, not the physics."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from xanes_core.constants import K_EDGE_EV, xanes_grid_ev
from xanes_core.structures import Site


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


def made_prediction(element: str = "Fe", shift_ev: float = 0.0) -> MadePrediction:
    grid = xanes_grid_ev()
    e0 = K_EDGE_EV[element]
    mu = 1 / (1 + np.exp(-(grid - 4 - shift_ev))) * (1 + 0.6 * np.exp(-(((grid - 9) / 4) ** 2)))
    std = 0.02 + 0.05 * np.exp(-(((grid - 9) / 6) ** 2))
    site = Site(0, element, 1, (0,))
    members = mu + std * np.array([[-1.0], [0.0], [1.0]])
    return MadePrediction(
        grid, grid + e0, mu, std, mu - 2 * std, mu + 2 * std, 0.9, e0, element, "made-up",
        (site,), members,
    )  # fmt: skip

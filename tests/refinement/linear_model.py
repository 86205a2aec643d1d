"""A model whose spectra follow a bond length on straight lines, so that fits have closed forms."""

from dataclasses import replace

import numpy as np
from ase import Atoms

from tests.tiny_models import tiny_model
from xanes_core.constants import K_EDGE_EV
from xanes_core.model import Calibration, Domain, Ensemble, FeatureScaler, SpectrumModel
from xanes_core.refinement import Measured, ModelErrors
from xanes_core.spectra import XANES

GRID_EV = XANES.energy_rel_ev
#: Bond length at which the spectrum is BASE (A), and what an A more adds.
BOND_ANG = 2.0
BASE = 0.5 + np.arctan((GRID_EV - 6) / 1.5) / np.pi + 0.5 * np.exp(-(((GRID_EV - 11) / 3) ** 2))
SLOPE = 1.5 * np.exp(-(((GRID_EV - 22) / 6) ** 2)) - 1.0 * np.exp(-(((GRID_EV - 40) / 8) ** 2))


class Bonds:
    """Descriptor: mean length of the six nearest bonds less BOND_ANG (A)."""

    name, r_cut_ang, n_features = "bonds", 6.0, 1
    feature_names, feature_kinds = ("bonds",), ("bonds",)

    def transform_environment(self, env):
        """Features (1,) of an environment."""
        return np.array([env.distances_ang[:6].mean() - BOND_ANG])


def linear_model(sigma: float = 0.01) -> SpectrumModel:
    """Iron and vanadium; every band is ordinary."""
    k = len(GRID_EV)
    ensemble = Ensemble(
        scaler=FeatureScaler(np.zeros(1), np.ones(1), 1e9, np.array([True])),
        coef=SLOPE[None],
        intercept=BASE,
        components=np.zeros((1, k)),
        weights=(np.zeros((2, 1, 2)), np.zeros((2, 2, 1))),
        biases=(np.zeros((2, 1, 2)), np.zeros((2, 1, 1))),
        activation="relu",
    )
    levels = Calibration.levels
    return replace(
        tiny_model(),
        key="linear",
        descriptor=Bonds(),
        energy_rel_ev=GRID_EV,
        ensemble=ensemble,
        calibration=Calibration(
            np.full(k, sigma), np.ones(k), np.ones((2, 1)), (), np.ones((1, len(levels), k))
        ),
        domain=Domain(np.linspace(-0.5, 0.5, 11)[:, None], 0.1),
        report=None,
    )


def plain_errors(sigma: float = 0.01) -> ModelErrors:
    """Errors independent from point to point."""
    k = len(GRID_EV)
    return ModelErrors(GRID_EV, np.zeros((k, 1)), np.full(k, sigma**2), sigma)


def octahedron(bond_ang: float = BOND_ANG, element: str = "Fe") -> Atoms:
    """Six chlorides around a metal."""
    axes = np.vstack([np.eye(3), -np.eye(3)])
    return Atoms([element, *["Cl"] * 6], np.vstack([np.zeros(3), bond_ang * axes]))


def spectrum(bond_ang: float = BOND_ANG, *, at_ev: float = 0.0, element: str = "Fe") -> Measured:
    """What such an octahedron has, its energies moved."""
    return Measured(
        GRID_EV + K_EDGE_EV[element] + at_ev, BASE + (bond_ang - BOND_ANG) * SLOPE, element,
        np.full(len(GRID_EV), 1e-4), computed=True,
    )  # fmt: skip

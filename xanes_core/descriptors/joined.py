"""Several descriptors side by side as one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from xanes_core.constants import R_CUT_ANG
from xanes_core.descriptors.paths import Paths
from xanes_core.descriptors.scattering import Scattering
from xanes_core.descriptors.sites import OfEnvironments
from xanes_core.descriptors.wacsf import WACSF
from xanes_core.errors import DescriptorError
from xanes_core.structures import Environment


@dataclass(frozen=True)
class Joined(OfEnvironments):
    """Features of several descriptors, one after the other.

    Attributes
    ----------
    name : str
        Name of the convention.
    parts : tuple of descriptors
        In the order of their features.
    r_cut_ang : float
        Atoms at this distance (A) and beyond are seen by no part.
    """

    name: str
    parts: tuple[WACSF | Paths | Scattering, ...]
    r_cut_ang: float = R_CUT_ANG

    def __post_init__(self) -> None:
        """Refuse parts that would not get all that they look at.

        Raises
        ------
        DescriptorError
            One of them looks further.
        """
        if any(part.r_cut_ang > self.r_cut_ang for part in self.parts):
            raise DescriptorError("a part looks beyond r_cut_ang: raise it")

    @classmethod
    def scattering(cls) -> Joined:
        """The project's convention with multiple scattering: wACSF, paths and scattering."""
        return cls("scattering", (WACSF.default(), Paths(), Scattering()))

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """Names, one per feature, in feature order."""
        return tuple(name for part in self.parts for name in part.feature_names)

    @property
    def n_features(self) -> int:
        """Number of features; independent of the data."""
        return len(self.feature_names)

    @cached_property
    def feature_kinds(self) -> tuple[str, ...]:
        """Kind of each feature."""
        return tuple(kind for part in self.parts for kind in part.feature_kinds)

    @cached_property
    def feature_distances_ang(self) -> np.ndarray:
        """Distance (A) that each feature looks at, NaN where it looks at many; (n_features,)."""
        distances = np.concatenate([part.feature_distances_ang for part in self.parts])
        distances.setflags(write=False)
        return distances

    @cached_property
    def absorber_elements(self) -> tuple[str, ...]:
        """Elements of the absorber that features tell apart."""
        return tuple(element for part in self.parts for element in part.absorber_elements)

    def parameters(self) -> dict[str, Any]:
        """Parameters as plain values, for a model card."""
        return {"name": self.name, "parts": [part.parameters() for part in self.parts]}

    def transform_environment(self, env: Environment) -> np.ndarray:
        """Features (n_features,) of an environment with neighbours up to ``r_cut_ang``.

        Raises
        ------
        DescriptorError
            As that of any part.
        """
        return np.concatenate([part.transform_environment(env) for part in self.parts])

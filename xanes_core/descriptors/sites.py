"""From atoms to features, for descriptors that say what an environment looks like."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import numpy as np
from ase import Atoms

from xanes_core.structures import Environment, environment


class OfEnvironments(ABC):
    """What follows for sites in structures from features of an environment."""

    r_cut_ang: float

    @property
    @abstractmethod
    def n_features(self) -> int:
        """Number of features; independent of the data."""

    @abstractmethod
    def transform_environment(self, env: Environment) -> np.ndarray:
        """Features (n_features,) of an environment with neighbours up to ``r_cut_ang``."""

    def transform(self, atoms: Atoms, absorber: int = 0) -> np.ndarray:
        """Features of one absorber site.

        Parameters
        ----------
        atoms : ase.Atoms
            Molecule or crystal (periodic images inside the cut-off count). Not modified.
        absorber : int, optional
            Index of the absorbing atom.

        Returns
        -------
        numpy.ndarray, (n_features,)
            float64.

        Raises
        ------
        StructureError
            The index is not an atom of the structure.
        DescriptorError
            As :meth:`transform_environment`.
        """
        return self.transform_environment(environment(atoms, absorber, self.r_cut_ang))

    def transform_many(self, sites: Iterable[tuple[Atoms, int]]) -> np.ndarray:
        """Features of many absorber sites, (n, n_features).

        Raises
        ------
        StructureError, DescriptorError
            As :meth:`transform`, for any of them.
        """
        rows = [self.transform(atoms, absorber) for atoms, absorber in sites]
        return np.array(rows).reshape(len(rows), self.n_features)

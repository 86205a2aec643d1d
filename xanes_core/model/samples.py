"""Samples: what a model is fitted to, measured on, and explained with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xanes_core.structures import Environment


@dataclass(frozen=True)
class Samples:
    """Features with spectra; n samples, d features, k energies.

    Attributes
    ----------
    x, y : numpy.ndarray, (n, d) and (n, k)
        Features and spectra.
    elements : numpy.ndarray of str, (n,)
        Absorbers.
    energy_rel_ev : numpy.ndarray, (k,)
        Energies relative to E0 (eV).
    envs : tuple of Environment, (n,), or None
        What the absorbers see, where the structures are known.
    """

    x: np.ndarray
    y: np.ndarray
    elements: np.ndarray
    energy_rel_ev: np.ndarray
    envs: tuple[Environment, ...] | None

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.x)

    def subset(self, rows: np.ndarray) -> Samples:
        """Return the samples that a mask or an index array (m,) chooses."""
        envs = None
        if self.envs is not None:
            envs = tuple(self.envs[row] for row in np.arange(len(self))[rows])
        return Samples(self.x[rows], self.y[rows], self.elements[rows], self.energy_rel_ev, envs)

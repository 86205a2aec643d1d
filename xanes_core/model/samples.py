"""Samples: what a model is fitted to, measured on, and explained with."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from xanes_core.structures import Environment


@dataclass(frozen=True)
class Copies:
    """Displaced copies of samples; m copies, d features, k energies.

    Attributes
    ----------
    x, y : numpy.ndarray, (m, d) and (m, k)
        Features and spectra.
    parents : numpy.ndarray of int, (m,)
        Which sample each is a copy of.
    moves : numpy.ndarray of str, (m,)
        How each was moved, such as ``all=0.0713``.
    """

    x: np.ndarray
    y: np.ndarray
    parents: np.ndarray
    moves: np.ndarray

    def __len__(self) -> int:
        """Count the copies."""
        return len(self.x)

    def of(self, rows: np.ndarray) -> Copies:
        """Return the copies of some samples, given by distinct indices (s,), counted among them."""
        place = {int(row): i for i, row in enumerate(rows)}
        kept = [i for i, parent in enumerate(self.parents.tolist()) if parent in place]
        parents = np.array([place[int(self.parents[i])] for i in kept], dtype=int)
        return Copies(self.x[kept], self.y[kept], parents, self.moves[kept])


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
    copies : Copies or None
        Displaced copies of them, to be fitted to as well. They are no samples of their own: a copy
        comes and goes with its parent, so that no fold and no score ever sees one without it.
    """

    x: np.ndarray
    y: np.ndarray
    elements: np.ndarray
    energy_rel_ev: np.ndarray
    envs: tuple[Environment, ...] | None
    copies: Copies | None = field(default=None, kw_only=True)

    def __len__(self) -> int:
        """Count the samples; copies are none."""
        return len(self.x)

    def subset(self, rows: np.ndarray) -> Samples:
        """Return the samples that a mask or an index array (m,) chooses, with their copies."""
        chosen = np.arange(len(self))[rows]
        envs = None if self.envs is None else tuple(self.envs[row] for row in chosen)
        return Samples(
            self.x[rows], self.y[rows], self.elements[rows], self.energy_rel_ev, envs,
            copies=None if self.copies is None else self.copies.of(chosen),
        )  # fmt: skip

    def to_fit(self) -> tuple[np.ndarray, np.ndarray]:
        """Features and spectra that a model is fitted to: samples, then their copies."""
        if self.copies is None:
            return self.x, self.y
        return np.concatenate([self.x, self.copies.x]), np.concatenate([self.y, self.copies.y])

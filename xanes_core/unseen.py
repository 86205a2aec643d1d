"""Predictions of samples that the predicting ensembles had not seen, all in one place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Unseen:
    """Predictions of samples by ensembles that had not seen them; n samples, k energies.

    Attributes
    ----------
    truth, mean, spread : numpy.ndarray, (n, k)
        Spectra, predicted means and raw standard deviations over members.
    distance : numpy.ndarray, (n,)
        Score of :meth:`xanes_core.domain.Domain.scores` against what the ensemble had seen.
    elements : numpy.ndarray of str, (n,)
        Absorbers.
    rows : numpy.ndarray of int, (n,)
        Which samples of the data they are.
    """

    truth: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    distance: np.ndarray
    elements: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.truth)

    def subset(self, rows: np.ndarray) -> Unseen:
        """Return the samples that a mask or an index array chooses."""
        return Unseen(**{name: values[rows] for name, values in vars(self).items()})

    def without(self, rows: np.ndarray) -> Unseen:
        """Leave out the samples whose ``rows`` are among those given."""
        return self.subset(~np.isin(self.rows, rows))


def concatenate(parts: Iterable[Unseen]) -> Unseen:
    """Join predictions, one part after the other."""
    parts = list(parts)
    return Unseen(
        **{name: np.concatenate([getattr(p, name) for p in parts]) for name in vars(parts[0])}
    )

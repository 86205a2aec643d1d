"""Which of many structures made a spectrum: a probability for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from xanes_core.model import SpectrumModel
from xanes_core.refinement.likelihood import Nuisances
from xanes_core.refinement.measured import WINDOW_EV, Measured


@dataclass(frozen=True, eq=False)
class Candidate:
    """A structure that may have made the spectrum; absorber as for ``SpectrumModel.predict``."""

    name: str
    atoms: Atoms
    absorber: int | str | None = None


@dataclass(frozen=True, eq=False)
class RankedCandidate:
    """A candidate and what the spectrum says of it.

    Attributes
    ----------
    name : str
    probability : float
        Among all candidates, each as probable as any other before.
    misfit : float
        Root mean square of measured less explained (edge steps).
    shift_ev, scale : float
        Found for it.
    verdict : str
        Of the model on it.
    note : str
        What to know about it, or why it could not be judged; then its probability is 0 and its
        numbers are NaN.
    mu : numpy.ndarray, (m,)
        Explained spectrum at the measured points in the window.
    index : int
        Place among the candidates as they were given.
    """

    name: str
    probability: float
    misfit: float
    shift_ev: float
    scale: float
    verdict: str
    note: str
    mu: np.ndarray
    index: int


def rank_candidates(
    measured: Measured,
    candidates: Sequence[Candidate],
    *,
    model: SpectrumModel,
    window_ev: tuple[float, float] = WINDOW_EV,
    nuisances: Nuisances | None = None,
    on_progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[RankedCandidate, ...]:
    """Rank structures by how probable they make a measured spectrum, best first."""
    raise NotImplementedError

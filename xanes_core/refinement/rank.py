"""Which of many structures made a spectrum: a probability for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms

from xanes_core.errors import RefinementError, XanesError
from xanes_core.model import Prediction, SpectrumModel, predict_each
from xanes_core.refinement.likelihood import Nuisances, SpectrumLikelihood
from xanes_core.refinement.measured import WINDOW_EV, Measured
from xanes_core.refinement.model_errors import ModelErrors
from xanes_core.refinement.moved import check_cancelled, check_fits, width_of

#: Widths of bands that are told apart, as steps of their logarithm: each needs matrices of its own.
_WIDTH_STEP = 0.35
#: Candidates predicted between two looks at whether somebody wants to stop.
_CHUNK = 32


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
        Explained spectrum at the measured points in the window, ``measured.within(window_ev)``.
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
    errors: ModelErrors | None = None,
    on_progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[RankedCandidate, ...]:
    """Rank structures by how probable they make a measured spectrum, best first.

    Shift, smearing, scale and background are summed out for each, so that a candidate that needs
    an unlikely shift is less probable. Probabilities say which of these candidates it is, provided
    that it is one of them; where all fit badly, none need be right: see ``misfit``.

    Parameters
    ----------
    measured : Measured
    candidates : sequence of Candidate
        One that cannot be judged comes last with the reason as its note.
    model : SpectrumModel
        Predicts absorption of the measured element.
    window_ev : (float, float), optional
        Energies relative to the tabulated edge that are compared (eV).
    nuisances : Nuisances, optional
        What may lie between theory and measurement; :meth:`Nuisances.of` where left out.
    errors : ModelErrors, optional
        Of the model; those stored with it where left out.
    on_progress : callable, optional
        Told the share done and what is being done.
    cancelled : callable, optional
        Asked now and then whether to stop.

    Raises
    ------
    SpectrumError
        The window lies outside the spectrum or holds too few points.
    RefinementError
        There are no candidates, or none can be judged; a model of another kind.
    ModelError
        The model does not know the element.
    RefinementCancelled
        ``cancelled`` said so.
    """
    tell = on_progress or (lambda share, words: None)
    if not candidates:
        raise RefinementError("there is no structure to rank: give one or more")
    inside = measured.within(window_ev)
    check_fits(inside, inside.element, model)
    errors = errors or ModelErrors.of(model, inside.element)
    found: list[Prediction | XanesError] = []
    for start in range(0, len(candidates), _CHUNK):
        check_cancelled(cancelled)
        tell(0.6 * start / len(candidates), f"{start} of {len(candidates)} predicted")
        chunk = candidates[start : start + _CHUNK]
        found += predict_each(model, [(one.atoms, one.absorber) for one in chunk])
    for row, one in enumerate(found):
        if isinstance(one, Prediction) and one.element != inside.element:
            found[row] = RefinementError(
                f"its absorber is {one.element}, the spectrum is of {inside.element}"
            )
    sound = [row for row, one in enumerate(found) if isinstance(one, Prediction)]
    if not sound:
        raise RefinementError(f"none of the structures can be judged: the first, {found[0]}")
    tell(0.6, "comparing")
    predictions = [one for one in found if isinstance(one, Prediction)]
    likelihood = SpectrumLikelihood(inside, errors, nuisances or Nuisances.of(inside))
    judged = _judged(likelihood, predictions, cancelled)
    ranked = [
        replace(one, name=candidates[row].name, index=row)
        for row, one in zip(sound, judged, strict=True)
    ]
    ranked += [
        RankedCandidate(
            candidates[row].name, 0.0, np.nan, np.nan, np.nan, "", str(one),
            np.full(len(inside), np.nan), row,
        )
        for row, one in enumerate(found) if not isinstance(one, Prediction)
    ]  # fmt: skip
    tell(1.0, "done")
    # of equally impossible ones the smaller misfit goes first; those without come last
    return tuple(sorted(ranked, key=lambda one: (-one.probability, one.misfit, one.index)
                        if one.verdict else (1.0, 0.0, one.index)))  # fmt: skip


def _judged(
    likelihood: SpectrumLikelihood,
    predictions: list[Prediction],
    cancelled: Callable[[], bool] | None,
) -> list[RankedCandidate]:
    """Every prediction with its probability, in order."""
    mu = np.array([one.mu for one in predictions])
    first = likelihood.marginal(mu)
    best = float(first.shift_ev[np.argmax(first.log_evidence)])
    covered = likelihood.around(best)
    widths = np.array([width_of(one, likelihood.errors) for one in predictions])
    levels = np.round(np.log(widths) / _WIDTH_STEP).astype(int)
    evidence, shifts, broadenings = (np.empty(len(mu)) for _ in range(3))
    for level in np.unique(levels):
        check_cancelled(cancelled)
        rows = np.flatnonzero(levels == level)
        part = covered.with_width(float(np.exp(_WIDTH_STEP * level))).marginal(mu[rows])
        evidence[rows], shifts[rows] = part.log_evidence, part.shift_ev
        broadenings[rows] = part.broadening_ev
    probability = np.exp(evidence - evidence.max())
    probability /= probability.sum()
    result = []
    for row, one in enumerate(predictions):
        explained = likelihood.explain(mu[row], shifts[row], broadenings[row])
        outside = one.domain.level != "in domain"
        result.append(
            RankedCandidate(
                name="",
                probability=float(probability[row]),
                misfit=explained.misfit,
                shift_ev=float(shifts[row]),
                scale=explained.scale,
                verdict=one.domain.level,
                note=one.domain.reasons[0] if outside else "",
                mu=explained.mu,
                index=row,
            )
        )
    return result

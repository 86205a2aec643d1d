"""Fractions of a few structures in a measured spectrum.

The measurement is taken as ``sum_i f_i mu_i`` of the predictions, ``f_i >= 0``, ``sum_i f_i = 1``,
seen through the likelihood of :mod:`xanes_core.refinement.likelihood`: one shift, broadening, scale
and background for all. Before the fit all fractions are equally probable (flat on the simplex).

Where the fit is best is found by non-negative least squares, which sets a structure that does not
help to exactly zero (C. L. Lawson and R. J. Hanson, Solving Least Squares Problems, SIAM 1995,
chapter 23, doi 10.1137/1.9781611971217). Intervals are the shortest that hold a share of the
posterior, drawn by importance sampling around that place; so an interval of a structure at zero
begins at zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.linalg import solve_triangular
from scipy.optimize import nnls
from scipy.stats import multivariate_t

from xanes_core.errors import RefinementError
from xanes_core.model import VERDICTS, SpectrumModel
from xanes_core.refinement.likelihood import (
    COARSE_EV,
    N_WIDTHS,
    Nuisances,
    Root,
    SpectrumLikelihood,
)
from xanes_core.refinement.measured import WINDOW_EV, Measured
from xanes_core.refinement.model_errors import ModelErrors
from xanes_core.refinement.moved import check_fits, width_of
from xanes_core.refinement.rank import Candidate
from xanes_core.spectra import gaussian_weights

#: How many structures a spectrum can tell apart at most.
MIN_STRUCTURES, MAX_STRUCTURES = 2, 5
#: Shifts around the best one that are summed over (eV).
_AROUND_EV = np.arange(-1.2, 1.25, 0.2)
#: Draws, degrees of freedom of their tails, and how much wider than the posterior they are.
_DRAWS, _TAILS, _WIDER = 8_000, 5.0, 1.5
#: Structures whose fractions correlate beyond this are not told apart.
_ALIKE = -0.95


@dataclass(frozen=True)
class Fraction:
    """Share of one structure: most probable value, and shortest intervals of 68 and 90 %."""

    name: str
    value: float
    low68: float
    high68: float
    low90: float
    high90: float
    verdict: str

    @property
    def at_bound(self) -> bool:
        """Whether the fit would rather do without it, or without all others."""
        return self.value in (0.0, 1.0)


@dataclass(frozen=True, eq=False)
class MixtureFit:
    """A mixture fitted to a spectrum; p structures, m points of the window.

    Attributes
    ----------
    fractions : tuple of Fraction, (p,)
        In the order of the candidates.
    correlations : numpy.ndarray, (p, p)
        Of the fractions in the posterior.
    shift_ev, broadening_ev, scale : float
        Of the best fit.
    misfit : float
        Root mean square of what it leaves (edge steps).
    verdict : str
        The worst of those with a fraction above zero.
    notes : tuple of str
    energies_ev, measured_mu, fitted_mu, residual : numpy.ndarray, (m,)
        Absolute energies, measurement, fit and what is left.
    parts : numpy.ndarray, (p, m)
        What each structure adds to the fit.
    element, model_key : str
    """

    fractions: tuple[Fraction, ...]
    correlations: np.ndarray
    shift_ev: float
    broadening_ev: float
    scale: float
    misfit: float
    verdict: str
    notes: tuple[str, ...]
    energies_ev: np.ndarray
    measured_mu: np.ndarray
    fitted_mu: np.ndarray
    residual: np.ndarray
    parts: np.ndarray
    element: str
    model_key: str

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON, without the curves."""
        return {
            "model": self.model_key,
            "element": self.element,
            "fractions": [
                {
                    "name": one.name,
                    "value": round(one.value, 6),
                    "low68": round(one.low68, 6),
                    "high68": round(one.high68, 6),
                    "low90": round(one.low90, 6),
                    "high90": round(one.high90, 6),
                    "unit": "",
                    "verdict": one.verdict,
                }
                for one in self.fractions
            ],
            "correlations": np.round(self.correlations, 3).tolist(),
            "shift_ev": round(self.shift_ev, 4),
            "broadening_ev": round(self.broadening_ev, 4),
            "scale": round(self.scale, 6),
            "misfit": round(self.misfit, 6),
            "verdict": self.verdict,
            "notes": list(self.notes),
        }


def fit_mixture(
    measured: Measured,
    candidates: Sequence[Candidate],
    *,
    model: SpectrumModel,
    window_ev: tuple[float, float] = WINDOW_EV,
    nuisances: Nuisances | None = None,
    errors: ModelErrors | None = None,
    seed: int = 0,
) -> MixtureFit:
    """Fit fractions of two to five structures to a measured spectrum.

    Parameters
    ----------
    measured : Measured
    candidates : sequence of Candidate
        Two to five, all with the absorber that was measured.
    model : SpectrumModel
        Predicts absorption of the absorber.
    window_ev : (float, float), optional
        Energies relative to the tabulated edge (eV) that are compared.
    nuisances : Nuisances, optional
        :meth:`Nuisances.of` where left out.
    errors : ModelErrors, optional
        Those stored with the model where left out.
    seed : int, optional
        Of the draws.

    Raises
    ------
    RefinementError
        Too few or too many structures, two with one name, another absorber, a model of emission.
    SpectrumError
        The window lies outside the spectrum or holds too few points.
    StructureError, ModelError
        A structure cannot be predicted.
    """
    _check(candidates)
    inside = measured.within(window_ev)
    predictions = model.predict_many([(one.atoms, one.absorber) for one in candidates])
    for prediction in predictions:
        check_fits(inside, prediction.element, model)
    errors = errors or ModelErrors.of(model, inside.element)
    spectra = np.array([prediction.mu for prediction in predictions])
    widths = np.array([width_of(prediction, errors) for prediction in predictions])
    likelihood = SpectrumLikelihood(
        inside, errors, nuisances or Nuisances.of(inside), float(widths.mean())
    )
    # errors of the structures may be shared, so that those of a mixture are their mean, not less
    start = _best(_Seen(likelihood, spectra))
    likelihood = likelihood.with_width(float(start.fractions @ widths))
    seen = _Seen(likelihood, spectra)
    best = _best(seen)
    draws, weights = _draw(seen, best, np.random.default_rng(seed))
    explained = likelihood.explain(best.fractions @ spectra, best.shift_ev, best.broadening_ev)
    shown = likelihood.operator(best.shift_ev, best.broadening_ev) @ spectra.T
    levels = [prediction.domain.level for prediction in predictions]
    fractions = tuple(
        Fraction(
            one.name,
            float(value),
            *_shortest(draws[:, i], weights, 0.68, float(value)),
            *_shortest(draws[:, i], weights, 0.9, float(value)),
            levels[i],
        )
        for i, (one, value) in enumerate(zip(candidates, best.fractions, strict=True))
    )
    correlations = _correlations(draws, weights)
    used = [level for level, one in zip(levels, fractions, strict=True) if one.value > 0]
    return MixtureFit(
        fractions=fractions,
        correlations=correlations,
        shift_ev=best.shift_ev,
        broadening_ev=best.broadening_ev,
        scale=explained.scale,
        misfit=explained.misfit,
        verdict=max(used, key=VERDICTS.index),
        notes=tuple(
            filter(None, (*measured.notes, errors.note, *_remarks(fractions, correlations)))
        ),
        energies_ev=inside.energies_ev,
        measured_mu=inside.mu,
        fitted_mu=explained.mu,
        residual=explained.residual,
        parts=explained.scale * best.fractions[:, None] * shown.T,
        element=inside.element,
        model_key=model.key,
    )


def _check(candidates: Sequence[Candidate]) -> None:
    if not MIN_STRUCTURES <= len(candidates) <= MAX_STRUCTURES:
        raise RefinementError(
            f"a mixture is of {MIN_STRUCTURES} to {MAX_STRUCTURES} structures, not "
            f"{len(candidates)}: leave out what cannot be there"
        )
    names = [one.name for one in candidates]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise RefinementError(
            f"two structures are called {sorted(twice)[0][:60]!r}: give each a name of its own"
        )


def _remarks(fractions: Sequence[Fraction], correlations: np.ndarray) -> list[str]:
    """What a reader should know of the fractions."""
    said = [
        f"{fractions[i].name} and {fractions[j].name} look alike to this spectrum: only their sum "
        "is known well"
        for i in range(len(fractions))
        for j in range(i)
        if len(fractions) > 2 and correlations[i, j] < _ALIKE
    ]
    said += [
        f"{one.name} is not needed: less than {100 * one.high90:.0f} % with 90 % probability"
        for one in fractions
        if one.value == 0.0
    ]
    wide = [one.name for one in fractions if one.high90 - one.low90 > 0.8]
    if wide:
        said.append(f"the spectrum says next to nothing of the share of {', '.join(wide)}")
    return said


@dataclass(frozen=True, eq=False)
class _Best:
    """Most probable fractions (p,) with their shift and broadening (eV)."""

    fractions: np.ndarray
    shift_ev: float
    broadening_ev: float


class _Seen:
    """Predictions (p, k) as the likelihood sees them at any shift and width, cheaply."""

    def __init__(self, likelihood: SpectrumLikelihood, spectra: np.ndarray) -> None:
        self.likelihood, self.spectra = likelihood, spectra
        low, high = likelihood.nuisances.broadening_range_ev
        self.widths = np.linspace(low, high, N_WIDTHS) if high > low else np.array([low])
        self._grid = likelihood.errors.energy_rel_ev
        smeared = [gaussian_weights(self._grid, w) @ spectra.T for w in self.widths]
        # all widths side by side: one factor and one solution for each shift
        self._curves = CubicSpline(self._grid, np.hstack(smeared))

    def cells(self, shift_ev: float) -> list[_Cell]:
        """What is needed of each width at a shift."""
        likelihood, p = self.likelihood, len(self.spectra)
        at = np.clip(likelihood.measured.energies_rel_ev - shift_ev, *self._grid[[0, -1]])
        root = likelihood.root(shift_ev)
        columns = np.column_stack([self._curves(at), likelihood.target()])
        white = solve_triangular(root.factor, columns, lower=True, check_finite=False)
        target, found = white[:, -1], []
        for i, width_ev in enumerate(self.widths):
            theory = white[:, i * p : (i + 1) * p]
            weight = float(likelihood.nuisances.log_prior(shift_ev, width_ev))
            found.append(_Cell(shift_ev, float(width_ev), theory, target, weight, root))
        return found


@dataclass(frozen=True, eq=False)
class _Cell:
    """One shift and width (eV): whitened predictions (m, p) and measurement (m,), log weight.

    ``root`` is what they were whitened with.
    """

    shift_ev: float
    width_ev: float
    theory: np.ndarray
    target: np.ndarray
    weight: float
    root: Root

    def log_density(self, likelihood: SpectrumLikelihood, fractions: np.ndarray) -> np.ndarray:
        """Of the measurement with the scale integrated, for fractions (n, p); (n,)."""
        square, along = self.theory.T @ self.theory, self.target @ self.theory
        uu = np.einsum("np,np->n", fractions @ square, fractions)
        vv = float(self.target @ self.target)
        log_t = likelihood.log_t(uu, fractions @ along, vv)
        return log_t - self.root.log_determinant / 2 + self.weight

    def best(self, likelihood: SpectrumLikelihood) -> np.ndarray:
        """Fractions (p,) by non-negative least squares; the scale is their sum, its prior a row."""
        prior, p = likelihood.nuisances.scale, self.theory.shape[1]
        weight = 1.0 / max(prior.sd, 1e-4)
        rows = np.vstack([self.theory, np.full(p, weight)])
        shares, _ = nnls(rows, np.append(self.target, weight * prior.mean))
        total = float(shares.sum())
        return shares / total if total > 0 else np.full(p, 1.0 / p)


def _best(seen: _Seen) -> _Best:
    """Best over a raster of shifts, coarse and then fine, and of widths."""
    low, high = seen.likelihood.nuisances.shift_range_ev
    best = _at_all(seen, np.arange(low, high + COARSE_EV / 2, COARSE_EV))
    if low < high:
        for step_ev in (0.1, 0.02):
            best = _at_all(seen, best.shift_ev + step_ev * np.arange(-5, 6))
    return best


def _at_all(seen: _Seen, shifts_ev: np.ndarray) -> _Best:
    """Best of all widths at some shifts."""
    found = []
    for cell in (cell for shift_ev in shifts_ev for cell in seen.cells(float(shift_ev))):
        fractions = cell.best(seen.likelihood)
        value = float(cell.log_density(seen.likelihood, fractions[None])[0])
        found.append((value, _Best(fractions, cell.shift_ev, cell.width_ev)))
    return max(found, key=lambda pair: pair[0])[1]


def _draw(seen: _Seen, best: _Best, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Fractions (n, p) drawn around the best ones, and what each weighs (n,), together one."""
    p = len(seen.spectra)
    low, high = seen.likelihood.nuisances.shift_range_ev
    around = _AROUND_EV if low < high else np.zeros(1)
    cells = [cell for step in around for cell in seen.cells(best.shift_ev + float(step))]

    def log_posterior(fractions: np.ndarray) -> np.ndarray:
        values = [cell.log_density(seen.likelihood, fractions) for cell in cells]
        return np.asarray(np.logaddexp.reduce(values, axis=0))

    # all but the largest fraction are free; the others are drawn where these bend the density
    kept = np.argsort(best.fractions)[:-1]
    rest = int(np.argmax(best.fractions))
    centre = best.fractions[kept]
    scale = _spread(log_posterior, centre, kept, rest, p)
    proposal = multivariate_t(centre, scale * _WIDER**2, df=_TAILS)
    drawn = np.reshape(proposal.rvs(_DRAWS, random_state=rng), (_DRAWS, p - 1))
    left = 1.0 - drawn.sum(axis=1)
    possible = (drawn >= 0).all(axis=1) & (left >= 0)
    fractions = np.empty((int(possible.sum()), p))
    fractions[:, kept], fractions[:, rest] = drawn[possible], left[possible]
    logs = log_posterior(fractions) - np.atleast_1d(proposal.logpdf(drawn[possible]))
    weights = np.exp(logs - logs.max())
    return fractions, weights / weights.sum()


def _spread(
    log_posterior: Any, centre: np.ndarray, kept: np.ndarray, rest: int, p: int
) -> np.ndarray:
    """Covariance (p - 1, p - 1) of a Gaussian that bends as the density does at its best place."""
    step = 0.02

    def at(offsets: np.ndarray) -> np.ndarray:
        fractions = np.empty((len(offsets), p))
        fractions[:, kept] = centre + offsets
        fractions[:, rest] = 1.0 - fractions[:, kept].sum(axis=1)
        return np.asarray(log_posterior(fractions))

    one = step * np.eye(p - 1)
    pairs = one[:, None] + one[None]
    crossed = one[:, None] - one[None]
    flat = [v.reshape(-1, p - 1) for v in (pairs, crossed, -crossed, -pairs)]
    a, b, c, d = (at(v).reshape(p - 1, p - 1) for v in flat)
    bend = -(a - b - c + d) / (4 * step**2)
    values, vectors = np.linalg.eigh((bend + bend.T) / 2)
    # no wider than the simplex, in whichever direction the spectrum says little
    return np.asarray(vectors / np.maximum(values, 4.0) @ vectors.T)


def _shortest(
    values: np.ndarray, weights: np.ndarray, share: float, best: float
) -> tuple[float, float]:
    """Shortest interval that holds a share of weighted values, widened to hold the best one."""
    order = np.argsort(values)
    v, cumulative = values[order], np.cumsum(weights[order])
    first = np.flatnonzero(cumulative <= 1.0 - share + 1e-12)
    starts = np.concatenate([[0], first + 1])
    before = np.concatenate([[0.0], cumulative])[starts]
    ends = np.minimum(np.searchsorted(cumulative, before + share - 1e-12), len(v) - 1)
    widths = v[ends] - v[starts]
    pick = int(np.argmin(widths))
    low, high = float(v[starts[pick]]), float(v[ends[pick]])
    # no draw lies at the end of the range itself
    low = 0.0 if best == 0.0 or starts[pick] == 0 else low
    high = 1.0 if best == 1.0 or ends[pick] == len(v) - 1 else high
    return min(low, best), max(high, best)


def _correlations(draws: np.ndarray, weights: np.ndarray) -> np.ndarray:
    mean = weights @ draws
    covariance = (draws - mean).T @ ((draws - mean) * weights[:, None])
    sd = np.sqrt(np.maximum(np.diag(covariance), 1e-30))
    return np.asarray(covariance / np.outer(sd, sd))

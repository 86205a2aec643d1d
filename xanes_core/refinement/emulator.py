"""A likelihood as a polynomial of a few parameters, so that a sampler can ask it at no cost.

Within a box the whitened prediction is a smooth function of the moves, the shift and the smearing.
A polynomial is fitted to exact predictions at some points of the box; a product of whitened
predictions is then a quadratic form of its terms, and one evaluation costs some ten thousand
multiplications instead of a prediction. Whoever uses it compares with exact values where it
matters (:meth:`Emulator.log_density` against :meth:`SpectrumLikelihood.log_density`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from xanes_core.refinement.likelihood import SpectrumLikelihood

#: Total degree of the polynomial by number of variables: 36 to 126 terms, 210 at six.
DEGREES = {1: 8, 2: 7, 3: 6, 4: 5, 5: 4, 6: 4, 7: 3, 8: 3}
#: Ridge, as a share of the mean square of the terms: keeps terms that the points leave open at 0.
_RIDGE = 1e-9


@dataclass(frozen=True, eq=False)
class Box:
    """Range of each variable: ``low`` and ``high`` (v,)."""

    low: np.ndarray
    high: np.ndarray

    def unit(self, values: np.ndarray) -> np.ndarray:
        """Values (n, v) as -1 to 1 within the box; 0 for a variable that is fixed."""
        half = (self.high - self.low) / 2
        return np.asarray((values - (self.low + self.high) / 2) / np.where(half > 0, half, 1.0))

    def holds(self, values: np.ndarray) -> np.ndarray:
        """Whether values (n, v) lie inside, (n,)."""
        return np.asarray(((values >= self.low) & (values <= self.high)).all(axis=-1))


class Terms:
    """Products of Legendre polynomials up to a total degree in some variables."""

    def __init__(self, n_variables: int) -> None:
        degree = DEGREES[n_variables]
        chosen = [
            np.bincount(one, minlength=n_variables + 1)[1:]
            for one in combinations_with_replacement(range(n_variables + 1), degree)
        ]
        self._powers = np.array(chosen)
        self._degree = degree

    def __len__(self) -> int:
        return len(self._powers)

    def __call__(self, unit: np.ndarray) -> np.ndarray:
        """Terms (n, t) at points (n, v) between -1 and 1."""
        values = np.polynomial.legendre.legvander(unit, self._degree)
        result = np.ones((len(unit), len(self._powers)))
        for variable, powers in enumerate(self._powers.T):
            result *= values[:, variable, powers]
        return result


@dataclass(frozen=True, eq=False)
class Emulator:
    """Log density of moves, shift and smearing within a box.

    Attributes
    ----------
    box : Box
        Of the free variables: moves, then shift, then smearing where these are free.
    terms : Terms
    squares : numpy.ndarray, (t, t)
        Products of whitened predictions: ``terms @ squares @ terms``.
    along : numpy.ndarray, (t,)
        Their products with the whitened measurement.
    target_square, log_determinant : float
        Of the whitened measurement, and of the scale matrix.
    likelihood : SpectrumLikelihood
    fixed : (float or None, float or None)
        Shift and smearing where they are not free.
    """

    box: Box
    terms: Terms
    squares: np.ndarray
    along: np.ndarray
    target_square: float
    log_determinant: float
    likelihood: SpectrumLikelihood
    fixed: tuple[float | None, float | None]

    def log_density(self, values: np.ndarray) -> np.ndarray:
        """Log density (n,) at points (n, v); minus infinity outside the box."""
        phi = self.terms(np.clip(self.box.unit(values), -1.0, 1.0))
        uu = np.einsum("nt,nt->n", phi @ self.squares, phi)
        log_t = self.likelihood.log_t(uu, phi @ self.along, self.target_square)
        shift, width = nuisances_of(values, self.fixed)
        prior = self.likelihood.nuisances.log_prior(shift, width)
        result = log_t - self.log_determinant / 2 + prior
        return np.where(self.box.holds(values), result, -np.inf)


def nuisances_of(
    values: np.ndarray, fixed: tuple[float | None, float | None]
) -> tuple[np.ndarray, np.ndarray]:
    """Shift and smearing (n,) of points (n, v), whose last columns they are where free."""
    shift, width = fixed
    column = -1
    if width is None:
        widths, column = values[:, column], column - 1
    else:
        widths = np.full(len(values), width)
    shifts = values[:, column] if shift is None else np.full(len(values), shift)
    return shifts, widths


def fit_emulator(
    likelihood: SpectrumLikelihood,
    box: Box,
    points: np.ndarray,
    mu: np.ndarray,
    *,
    fixed: tuple[float | None, float | None],
    rng: np.random.Generator,
) -> Emulator:
    """Fit to predictions at points of the moves, each seen at several shifts and widths.

    Parameters
    ----------
    likelihood : SpectrumLikelihood
    box : Box
        Of all free variables.
    points : numpy.ndarray, (n, p)
        Values of the moves.
    mu : numpy.ndarray, (n, k)
        Predictions there.
    fixed : (float or None, float or None)
        Shift and smearing where they are not free.
    rng : numpy.random.Generator
        Draws shifts and widths.
    """
    terms = Terms(len(box.low))
    n_nuisances = fixed.count(None)
    looks = 1 if not n_nuisances else int(np.ceil(4 * len(terms) / len(points))) + 2
    # a lattice of shifts and widths: operators are shared by all points that draw the same
    draws = 24 if n_nuisances else 1
    lattice = box.low[None, :] + rng.random((draws, len(box.low))) * (box.high - box.low)
    corner = -0.5 * np.cos(np.pi * (np.arange(draws) + 0.5) / draws) + 0.5  # denser at the ends
    for column in range(len(box.low) - n_nuisances, len(box.low)):
        span = box.high[column] - box.low[column]
        lattice[:, column] = box.low[column] + span * rng.permutation(corner)
    shifts, widths = nuisances_of(lattice, fixed)
    middle = float((shifts.min() + shifts.max()) / 2)
    rows, seen = [], []
    which = np.array([rng.permutation(draws)[: min(looks, draws)] for _ in points])
    target = np.empty(0)
    for draw in range(draws):
        chosen = np.flatnonzero((which == draw).any(axis=1))
        if not len(chosen):
            continue
        white, target = likelihood.whitened(shifts[draw], widths[draw], root_at_ev=middle)
        values = np.repeat(lattice[draw : draw + 1], len(chosen), axis=0)
        values[:, : points.shape[1]] = points[chosen]
        rows.append(values)
        seen.append(mu[chosen] @ white.T)
    phi = terms(box.unit(np.concatenate(rows)))
    gram = phi.T @ phi
    gram += _RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
    coefficients = np.linalg.solve(gram, phi.T @ np.concatenate(seen))
    return Emulator(
        box=box,
        terms=terms,
        squares=coefficients @ coefficients.T,
        along=coefficients @ target,
        target_square=float(target @ target),
        log_determinant=likelihood.root(middle)[1],
        likelihood=likelihood,
        fixed=fixed,
    )

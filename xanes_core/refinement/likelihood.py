"""How probable a measured spectrum is, given what a model predicts for a structure.

The measurement y (m,) is taken as ::

    y = s * (A f) + c + b x + e,   e ~ Student t, scale matrix C = T w^2 A K A' + noise^2

with f (k,) the prediction, K the covariance of the model's errors over energies and T its stretch
(:mod:`xanes_core.refinement.model_errors`), w how wide the band of this structure is beside an
ordinary one, and A the way from theory to measurement: a shift of the energies and a smearing by a
Gaussian, read off a cubic spline at the measured energies. With T above 1 the m points count as
fewer: the M = tr(C^-1 C_1), with C_1 for a T of 1, that the size of e is to be judged by. Scale s,
offset c and slope b have Gaussian priors and are integrated in closed form; shift and broadening
are arguments, or summed over a raster by :meth:`SpectrumLikelihood.marginal`.

What this assumes: errors of the model on the structure at hand are like those on records it had not
seen (a structure outside the training data breaks this); theory differs from nature by no more
than the nuisances can take up, or by what looks like a larger error of the model (Student's t lets
the size of errors follow the misfit, so that intervals widen where nothing fits); noise is white.
Priors of scale and background stretch along with that size.

Sources: Gaussian linear nuisances, C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for
Machine Learning, MIT Press 2006, section 2.7, doi 10.7551/mitpress/3206.001.0001; errors of unknown
size as Student's t, A. Gelman et al., Bayesian Data Analysis, 3rd ed., CRC Press 2013, chapter 17,
doi 10.1201/b16018.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.linalg import cho_solve, solve_triangular
from scipy.special import gammaln, logsumexp

from xanes_core.errors import RefinementError
from xanes_core.refinement.measured import MIN_POINTS, Measured
from xanes_core.refinement.model_errors import DEGREES_OF_FREEDOM, ModelErrors
from xanes_core.refinement.scales import energy_scale
from xanes_core.spectra import gaussian_weights

#: Beyond the model's grid theory goes on level, and this uncertain for each eV (edge steps per eV).
BEYOND_PER_EV = 0.01
#: How far (eV) a shift may wander before points that are compared fall off the ends of theory.
MARGIN_EV = 1.5
#: Raster of shifts (eV): coarse to find the best, fine around it.
COARSE_EV, FINE_EV, AROUND_EV = 0.5, 0.1, 0.6
#: How far shifts are looked for, in standard deviations of their prior, and at most (eV).
REACH_SD, MAX_SHIFT_EV = 2.5, 15.0
#: Widths of the smearing that are summed over.
N_WIDTHS = 5
#: Factors that are kept: one for each shift asked for.
_MAX_ROOTS = 128


@dataclass(frozen=True)
class Prior:
    """Gaussian knowledge of a number before the fit; ``sd`` 0 fixes it.

    Raises
    ------
    RefinementError
        A value that is not finite, or a negative standard deviation.
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        finite = abs(self.mean) < float("inf") and 0 <= self.sd < float("inf")
        if not finite:
            raise RefinementError(
                f"a prior needs a finite mean and a standard deviation of 0 or more, not "
                f"{self.mean:g} and {self.sd:g}"
            )

    def log_density(self, value: np.ndarray | float) -> np.ndarray:
        """Logarithm of the density at values; 0 for a number that is fixed."""
        if not self.sd:
            return np.zeros(np.shape(value))
        u = (np.asarray(value) - self.mean) / self.sd
        return np.asarray(-0.5 * u**2 - np.log(self.sd * np.sqrt(2 * np.pi)))


@dataclass(frozen=True)
class Nuisances:
    """What stands between theory and measurement and is of no interest itself.

    Attributes
    ----------
    shift_ev : Prior
        Added to the energies of theory (eV).
    scale : Prior
        Multiplies theory: the measured edge step may be off.
    offset : Prior
        Added to theory (edge steps): a constant background.
    slope_per_ev : Prior
        Its slope (edge steps per eV), about the middle of the window.
    broadening_ev : Prior
        Full width at half maximum of a Gaussian by which theory is smeared (eV), never negative.
    """

    shift_ev: Prior = Prior(0.0, 6.0)
    scale: Prior = Prior(1.0, 0.05)
    offset: Prior = Prior(0.0, 0.01)
    slope_per_ev: Prior = Prior(0.0, 0.0005)
    broadening_ev: Prior = Prior(0.0, 1.0)

    @classmethod
    def of(cls, measured: Measured) -> Nuisances:
        """What is usual for a spectrum.

        A measured one has the shift and broadening that were learned for its element
        (:func:`~xanes_core.refinement.energy_scale`). A calculated one is not smeared further, and
        its shift is left wide open.
        """
        if measured.computed:
            return cls(broadening_ev=Prior(0.0, 0.0))
        known = energy_scale(measured.element)
        return cls(
            shift_ev=Prior(known.shift_ev, known.shift_sd_ev),
            broadening_ev=Prior(known.broadening_ev, known.broadening_sd_ev),
        )

    @property
    def shift_range_ev(self) -> tuple[float, float]:
        """Shifts that are looked at (eV)."""
        reach = min(REACH_SD * self.shift_ev.sd, MAX_SHIFT_EV)
        return self.shift_ev.mean - reach, self.shift_ev.mean + reach

    @property
    def broadening_range_ev(self) -> tuple[float, float]:
        """Widths that are looked at (eV)."""
        prior = self.broadening_ev
        if not prior.sd:
            return max(prior.mean, 0.0), max(prior.mean, 0.0)
        return max(prior.mean - REACH_SD * prior.sd, 0.0), max(prior.mean, 0.0) + 3 * prior.sd

    def log_prior(
        self, shift_ev: np.ndarray | float, broadening_ev: np.ndarray | float
    ) -> np.ndarray:
        """Logarithm of the density of a shift and a width (not normalised for widths above 0)."""
        return np.asarray(
            self.shift_ev.log_density(shift_ev) + self.broadening_ev.log_density(broadening_ev)
        )


class Root(NamedTuple):
    """Scale matrix C with the background: Cholesky factor (m, m), and its log determinant.

    The determinant counts as the M independent points do: the logarithm is times M/m.
    """

    factor: np.ndarray
    log_determinant: float


@dataclass(frozen=True, eq=False)
class Explained:
    """A measurement as theory explains it, m points.

    ``mu`` and ``residual`` are (m,): theory with all nuisances, and what it leaves of the
    measurement. ``misfit`` is the root mean square of ``residual`` (edge steps).
    """

    mu: np.ndarray
    residual: np.ndarray
    scale: float
    offset: float
    slope_per_ev: float
    misfit: float


@dataclass(frozen=True, eq=False)
class Evidence:
    """What :meth:`SpectrumLikelihood.marginal` says of n spectra, each (n,).

    ``log_evidence`` is the logarithm of the probability density of the measurement with all
    nuisances integrated; ``shift_ev`` and ``broadening_ev`` are the most probable ones.
    """

    log_evidence: np.ndarray
    shift_ev: np.ndarray
    broadening_ev: np.ndarray


@dataclass(frozen=True, eq=False)
class SpectrumLikelihood:
    """Likelihood of one measurement for predictions on one grid; m points, k energies.

    Parameters
    ----------
    measured : Measured
        Points of the window (:meth:`~xanes_core.refinement.Measured.within`).
    errors : ModelErrors
        Of the model, for the absorber.
    nuisances : Nuisances
    width : float, optional
        How wide the band of the structure is, over that of an ordinary one.
    centre_ev : float, optional
        Shift near which it will be asked; see :meth:`around`.

    Attributes
    ----------
    n_independent : float
        M: as how many independent points the m points count.

    Raises
    ------
    RefinementError
        A width that is not positive.
    """

    measured: Measured
    errors: ModelErrors
    nuisances: Nuisances
    width: float = 1.0
    centre_ev: float = 0.0
    n_independent: float = field(init=False)
    _spline: CubicSpline = field(init=False, repr=False)
    _loadings: CubicSpline = field(init=False, repr=False)
    _roots: dict[float, Root] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not (np.isfinite(self.width) and self.width > 0):
            raise RefinementError(f"the width of a band must be positive, not {self.width:g}")
        grid = self.errors.energy_rel_ev
        smear = gaussian_weights(grid, self.nuisances.broadening_range_ev[0])
        object.__setattr__(self, "_spline", CubicSpline(grid, np.eye(len(grid))))
        object.__setattr__(self, "_loadings", CubicSpline(grid, smear @ self.errors.loadings))
        object.__setattr__(self, "_roots", {})
        stretched, plain = self._scale_matrices(self.centre_ev)
        count = np.trace(cho_solve((np.linalg.cholesky(stretched), True), plain))
        object.__setattr__(self, "n_independent", float(count))

    def with_width(self, width: float) -> SpectrumLikelihood:
        """The same for a structure with another width of its band.

        Points count as before: densities that are to be compared need one M.
        """
        other = replace(self, width=width)
        object.__setattr__(other, "n_independent", self.n_independent)
        return other

    def around(self, shift_ev: float) -> SpectrumLikelihood:
        """The same for the points that theory covers at a shift, give or take ``MARGIN_EV``.

        All shifts are to be judged on the same points: one that moves points beyond the end of
        theory would be punished, or let off, for that alone.

        Raises
        ------
        RefinementError
            Fewer than ``MIN_POINTS`` are left.
        """
        low, high = self.errors.energy_rel_ev[[0, -1]] + [MARGIN_EV, -MARGIN_EV]
        at = self.measured.energies_rel_ev - shift_ev
        kept = (at >= low) & (at <= high)
        if kept.sum() < MIN_POINTS:
            raise RefinementError(
                f"shifted by {shift_ev:.1f} eV, theory covers {int(kept.sum())} points of the "
                f"window; at least {MIN_POINTS} are needed. Widen the window, or check the "
                "energies of the spectrum."
            )
        return replace(self, measured=self.measured.subset(kept), centre_ev=float(shift_ev))

    # --- from theory to measurement ------------------------------------------------------------
    def operator(self, shift_ev: float, broadening_ev: float = 0.0) -> np.ndarray:
        """A (m, k): predictions on the grid as they are seen at the measured energies."""
        read = np.asarray(self._spline(self._at(shift_ev)[0]))
        if not broadening_ev:
            return read
        return np.asarray(read @ gaussian_weights(self.errors.energy_rel_ev, broadening_ev))

    def _at(self, shift_ev: float) -> tuple[np.ndarray, np.ndarray]:
        """Energies on the grid (m,), and how far they lie beyond its ends (m,) in eV."""
        wanted = self.measured.energies_rel_ev - shift_ev
        inside = np.clip(wanted, *self.errors.energy_rel_ev[[0, -1]])
        return inside, np.abs(wanted - inside)

    def root(self, shift_ev: float) -> Root:
        """Scale matrix at a shift."""
        key = round(float(shift_ev), 6)
        if key not in self._roots:
            if len(self._roots) >= _MAX_ROOTS:
                self._roots.clear()
            background = self._background() * self._background_sd
            stretched, _ = self._scale_matrices(key)
            factor = np.linalg.cholesky(stretched + background @ background.T)
            share = self.n_independent / len(self.measured)
            self._roots[key] = Root(factor, 2 * share * float(np.sum(np.log(np.diag(factor)))))
        return self._roots[key]

    def _scale_matrices(self, shift_ev: float) -> tuple[np.ndarray, np.ndarray]:
        """Scale matrix (m, m) without background, and the same without the stretch."""
        at, beyond = self._at(shift_ev)
        loadings = np.asarray(self._loadings(at))
        single = np.interp(at, self.errors.energy_rel_ev, self.errors.variances)
        of_model = self.width**2 * (loadings @ loadings.T + np.diag(single))
        noise = np.diag(self.measured.noise() ** 2 + (BEYOND_PER_EV * beyond) ** 2)
        both = self.errors.stretch * of_model + noise, of_model + noise
        if self.measured.weights is None:
            return both
        weights = np.outer(self.measured.weights, self.measured.weights)
        return both[0] / weights, both[1] / weights

    def _background(self) -> np.ndarray:
        """Constant and line (m, 2) that offset and slope multiply."""
        x = self.measured.energies_rel_ev
        return np.column_stack([np.ones_like(x), x - (x[0] + x[-1]) / 2])

    @property
    def _background_sd(self) -> np.ndarray:
        return np.array([self.nuisances.offset.sd, self.nuisances.slope_per_ev.sd])

    @property
    def _background_mean(self) -> np.ndarray:
        return np.array([self.nuisances.offset.mean, self.nuisances.slope_per_ev.mean])

    def target(self) -> np.ndarray:
        """Measurement less the background expected before (m,)."""
        return np.asarray(self.measured.mu - self._background() @ self._background_mean)

    def whitened(
        self, shift_ev: float, broadening_ev: float = 0.0, *, root_at_ev: float | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Operator (m, k) and measurement (m,) in units in which errors are independent, size 1.

        Parameters
        ----------
        shift_ev, broadening_ev : float
            Of theory (eV).
        root_at_ev : float, optional
            Shift at which errors are taken, where that is another one.
        """
        root = self.root(shift_ev if root_at_ev is None else root_at_ev)
        both = np.column_stack([self.operator(shift_ev, broadening_ev), self.target()])
        white = solve_triangular(root.factor, both, lower=True, check_finite=False)
        return white[:, :-1], white[:, -1]

    # --- densities -------------------------------------------------------------------------------
    def squares(self, uu: np.ndarray, uv: np.ndarray, vv: float) -> tuple[np.ndarray, np.ndarray]:
        """What predictions leave of the measurement with the scale integrated, and the mean scale.

        Parameters
        ----------
        uu, uv : numpy.ndarray, (n,)
            Products of whitened predictions with themselves and with the measurement.
        vv : float
            Of the measurement with itself.

        Returns
        -------
        squares, scales : numpy.ndarray, (n,)
        """
        prior = self.nuisances.scale
        left = vv - 2 * prior.mean * uv + prior.mean**2 * uu
        along = uv - prior.mean * uu
        gain = prior.sd**2 / (1 + prior.sd**2 * uu)
        return np.maximum(left - gain * along**2, 0.0), prior.mean + gain * along

    def log_t(self, uu: np.ndarray, uv: np.ndarray, vv: float) -> np.ndarray:
        """Logarithm (n,) of Student's t with the scale integrated, but for the determinant.

        Parameters as in :meth:`squares`.
        """
        squares, _ = self.squares(uu, uv, vv)
        count, nu = self.n_independent, DEGREES_OF_FREEDOM
        constant = float(gammaln((nu + count) / 2) - gammaln(nu / 2)) - count / 2 * np.log(
            nu * np.pi
        )
        stretched = np.log1p(self.nuisances.scale.sd**2 * uu)
        return np.asarray(constant - (nu + count) / 2 * np.log1p(squares / nu) - stretched / 2)

    def log_density(
        self, mu: np.ndarray, shift_ev: float, broadening_ev: float = 0.0
    ) -> np.ndarray:
        """Logarithm of the density (n,) of measurement, shift and width for predictions (n, k)."""
        white, target = self.whitened(shift_ev, broadening_ev)
        theory = white @ np.atleast_2d(mu).T
        uu, uv = np.einsum("mn,mn->n", theory, theory), target @ theory
        log_t = self.log_t(uu, uv, float(target @ target)) - self.root(shift_ev).log_determinant / 2
        return np.asarray(log_t + self.nuisances.log_prior(shift_ev, broadening_ev))

    def marginal(self, mu: np.ndarray, shifts_ev: np.ndarray | None = None) -> Evidence:
        """Shift and smearing summed out, for predictions (n, k).

        Parameters
        ----------
        mu : numpy.ndarray, (n, k)
        shifts_ev : numpy.ndarray, (s,), optional
            Even steps to sum over. Left out, the best shift is looked for in steps of
            ``COARSE_EV``, and the sum goes in steps of ``FINE_EV`` around it.
        """
        spectra = np.atleast_2d(mu)
        smeared, log_widths, widths = self._smeared(spectra)
        if shifts_ev is not None:
            return self._summed(smeared, shifts_ev, log_widths, widths)
        low, high = self.nuisances.shift_range_ev
        coarse = np.linspace(low, high, max(int(np.ceil((high - low) / COARSE_EV)), 0) + 1)
        best = np.array([self._at_shift(smeared, d).max(axis=0) for d in coarse])
        nearest = coarse[np.argmax(best, axis=0)]
        if low == high:
            return self._summed(smeared, coarse, log_widths, widths)
        found = Evidence(*(np.empty(len(spectra)) for _ in range(3)))
        reach = np.arange(-AROUND_EV, AROUND_EV + FINE_EV / 2, FINE_EV)
        for centre in np.unique(nearest):
            rows = np.flatnonzero(nearest == centre)
            # steps of one lattice, so that neighbours share what a shift costs to set up
            steps = FINE_EV * np.round(centre / FINE_EV) + reach
            part = self._summed(smeared[:, :, rows], steps, log_widths, widths)
            for name, values in vars(part).items():
                getattr(found, name)[rows] = values
        return found

    def _summed(
        self, smeared: np.ndarray, shifts: np.ndarray, log_widths: np.ndarray, widths: np.ndarray
    ) -> Evidence:
        """Sum over shifts and widths, for smeared spectra (w, k, n)."""
        table = np.array([self._at_shift(smeared, d) for d in shifts]) + log_widths[:, None]
        step = float(shifts[1] - shifts[0]) if len(shifts) > 1 else 1.0
        shift, wide = np.empty(table.shape[2]), np.empty(table.shape[2])
        for row in range(table.shape[2]):
            i, j = np.unravel_index(np.argmax(table[:, :, row]), table.shape[:2])
            shift[row] = _peak(shifts, table[:, j, row], int(i))
            wide[row] = _peak(widths, table[i, :, row], int(j))
        return Evidence(logsumexp(table, axis=(0, 1)) + np.log(step), shift, wide)

    def _smeared(self, spectra: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Spectra (w, k, n) smeared by each of w widths, logarithms of what these weigh, widths."""
        low, high = self.nuisances.broadening_range_ev
        widths = np.linspace(low, high, N_WIDTHS) if high > low else np.array([low])
        grid = self.errors.energy_rel_ev
        smeared = np.array(
            [gaussian_weights(grid, w) @ spectra.T if w else spectra.T for w in widths]
        )
        weights = self.nuisances.broadening_ev.log_density(widths)
        ends = np.where(np.isin(np.arange(len(widths)), (0, len(widths) - 1)), np.log(0.5), 0.0)
        return smeared, weights - logsumexp(weights + ends) + ends, widths

    def _at_shift(self, smeared: np.ndarray, shift_ev: float) -> np.ndarray:
        """Log densities (w, n) at a shift for smeared spectra (w, k, n), widths not weighed."""
        root = self.root(shift_ev)
        w, k, n = smeared.shape
        seen = np.asarray(self._spline(self._at(shift_ev)[0])) @ smeared.transpose(1, 0, 2).reshape(
            k, w * n
        )
        both = np.column_stack([self.target(), seen])
        white = solve_triangular(root.factor, both, lower=True, check_finite=False)
        target, theory = white[:, 0], white[:, 1:]
        uu, uv = np.einsum("mn,mn->n", theory, theory), target @ theory
        log_t = (self.log_t(uu, uv, float(target @ target)) - root.log_determinant / 2).reshape(
            w, n
        )
        return np.asarray(log_t + self.nuisances.shift_ev.log_density(shift_ev))

    def explain(self, mu: np.ndarray, shift_ev: float, broadening_ev: float = 0.0) -> Explained:
        """The measurement as one prediction (k,) explains it at a shift and a width (eV)."""
        factor = self.root(shift_ev).factor
        theory, target = self.operator(shift_ev, broadening_ev) @ mu, self.target()
        u, v = solve_triangular(factor, np.column_stack([theory, target]), lower=True).T
        scale = float(self.squares(np.atleast_1d(u @ u), np.atleast_1d(u @ v), float(v @ v))[1][0])
        # what the priors of the background make of what is left, beside the errors of the model
        left = solve_triangular(factor, v - scale * u, lower=True, trans="T")
        shapes = self._background()
        found = self._background_mean + self._background_sd**2 * (shapes.T @ left)
        fitted = scale * theory + shapes @ found
        residual = self.measured.mu - fitted
        return Explained(
            mu=fitted,
            residual=residual,
            scale=scale,
            offset=float(found[0]),
            slope_per_ev=float(found[1]),
            misfit=float(np.sqrt(np.mean(residual**2))),
        )


def _peak(at: np.ndarray, values: np.ndarray, best: int) -> float:
    """Where a parabola through the largest value and its neighbours has its top."""
    if not 0 < best < len(at) - 1:
        return float(at[best])
    before, top, after = values[best - 1 : best + 2]
    bend = before - 2 * top + after
    step = float(at[1] - at[0])
    return float(at[best] + (0.5 * step * (before - after) / bend if bend < 0 else 0.0))

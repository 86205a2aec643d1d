"""Fit a structure to a measured spectrum: a few moves of its ligands, with intervals.

In four steps. Spectra at points spread over the ranges of the moves, with shift and smearing summed
out, say where to begin. Least squares goes to the bottom from the best three. The logarithm of the
probability, calculated with the model at points around there, is interpolated by radial functions
on a quadratic, and an ensemble sampler (``emcee``: D. Foreman-Mackey et al., PASP 125, 306 (2013),
doi 10.1086/670067) draws from it. What it drew is calculated with the model too and joins the
points, until both agree.

Before the fit every value within the range of a move is as probable as any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms
from scipy.interpolate import RBFInterpolator
from scipy.optimize import least_squares
from scipy.stats import qmc

from xanes_core.errors import RefinementError
from xanes_core.model import Prediction, SpectrumModel
from xanes_core.refinement.likelihood import Nuisances, SpectrumLikelihood
from xanes_core.refinement.measured import WINDOW_EV, Measured
from xanes_core.refinement.model_errors import DEGREES_OF_FREEDOM, WIDTH_LEVEL, ModelErrors
from xanes_core.refinement.moved import (
    MovedStructure,
    check_cancelled,
    check_fits,
    width_of,
)
from xanes_core.refinement.structure_fit import FittedParameter, StructureFit
from xanes_core.structures import Move, Suggestion

#: Structures by number of moves: spread over the ranges, around the solutions, and checked.
N_SPREAD = {1: 17, 2: 48, 3: 80, 4: 112, 5: 144, 6: 176}
N_AROUND = {1: 24, 2: 48, 3: 80, 4: 112, 5: 144, 6: 176}
_CHECKED = {1: 12, 2: 24, 3: 40, 4: 56, 5: 72, 6: 88}
#: Starts of least squares, and steps of each.
N_STARTS, MAX_STEPS = 3, 10
#: Solutions this much less probable (log) than the best are forgotten; points that far below the
#: best are not interpolated between.
_FORGET, _DEPTH = 8.0, 25.0
#: How far points around a solution reach, beside its posterior.
_WIDER = 1.6
#: What interpolation may miss of each point: steps of the model's own making.
_SMOOTHING = 1e-3
_WALKERS_PER_VARIABLE, _FEWEST_WALKERS = 4, 32
_BURN_IN, _STEPS, _THIN = 200, 1200, 10
#: How often points are added, and how far (log) the interpolation may be off.
_ROUNDS, _MAX_OFF = 4, 0.3
#: Lattice of shifts (eV) around the best, to both sides.
_SHIFT_STEP_EV, _SHIFT_STEPS = 0.125, 16
#: Share of samples at the outermost ``_EDGE`` of a range that tells that its end stops the fit.
_EDGE, _AT_BOUND = 0.02, 0.06
#: Squared misfit over what errors of the model explain that is worth a word.
_LARGE_SIZE = 4.0
_LITTLE, _CORRELATED = 0.15, 0.9


def fit_structure(
    measured: Measured,
    atoms: Atoms,
    absorber: int | str | None,
    moves: Sequence[str | Move | Suggestion],
    *,
    model: SpectrumModel,
    window_ev: tuple[float, float] = WINDOW_EV,
    nuisances: Nuisances | None = None,
    errors: ModelErrors | None = None,
    seed: int = 0,
    on_progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> StructureFit:
    """Fit up to six moves of a structure to a measured spectrum.

    Parameters
    ----------
    measured : Measured
        Of the absorber's K edge.
    atoms : ase.Atoms
        Structure to begin with. Not modified.
    absorber : int or str or None
        Index of the absorber, or its element where it has one site.
    moves : sequence of str, Move or Suggestion
        What may change: ``"all"``, ``"ligand:2"``, ``"angle:1,2"`` and so on; with a Suggestion
        also between which values.
    model : SpectrumModel
        Predicts absorption of the absorber.
    window_ev : (float, float), optional
        Energies relative to the tabulated edge that are compared (eV).
    nuisances : Nuisances, optional
        What may lie between theory and measurement; :meth:`Nuisances.of` where left out.
    errors : ModelErrors, optional
        Of the model; those stored with it where left out.
    seed : int, optional
        Of the sampler.
    on_progress : callable, optional
        Told the share done and what is being done.
    cancelled : callable, optional
        Asked now and then whether to stop.

    Raises
    ------
    SpectrumError
        The window lies outside the spectrum or holds too few points.
    StructureError
        The structure cannot make a move, or has no such absorber.
    RefinementError
        No move or too many, several sites, a spectrum of another element, a model of another kind.
    ModelError
        The model does not know the element.
    RefinementCancelled
        ``cancelled`` said so.
    """
    tell = on_progress or (lambda share, words: None)
    inside = measured.within(window_ev)
    moved = MovedStructure.of(atoms, absorber, moves)
    check_fits(inside, moved.body.element, model)
    errors = errors or ModelErrors.of(model, inside.element)
    start = model.predict(moved.body.atoms, moved.body.absorber)
    likelihood = SpectrumLikelihood(
        inside, errors, nuisances or Nuisances.of(inside), width_of(start, errors)
    )
    search = _Search(moved, model, likelihood, cancelled)
    rng = np.random.default_rng(seed)
    tell(0.02, "looking for where to begin")
    begins = search.begin(rng)
    solutions = []
    for number, begin in enumerate(begins):
        tell(0.25 + 0.1 * number, f"least squares from start {number + 1} of {len(begins)}")
        solutions.append(search.descend(begin))
    tell(0.55, "sampling")
    samples, notes = search.sample(
        solutions, rng, lambda share: tell(0.55 + 0.4 * share, "sampling")
    )
    tell(0.97, "writing down")
    result = _written(search, samples, solutions, [*measured.notes, *notes])
    tell(1.0, "done")
    return result


@dataclass(frozen=True, eq=False)
class _Box:
    """Range of each variable: ``low`` and ``high`` (v,)."""

    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False)
class _Solution:
    """A bottom that least squares found: its place, log density and covariance."""

    values: np.ndarray
    log_density: float
    covariance: np.ndarray


@dataclass(eq=False)
class _Search:
    """A fit under way. Variables are the moves, then shift and smearing where these are free."""

    moved: MovedStructure
    model: SpectrumModel
    likelihood: SpectrumLikelihood
    cancelled: Callable[[], bool] | None
    points: list[np.ndarray] = field(default_factory=list)
    spectra: list[np.ndarray] = field(default_factory=list)

    @property
    def n_moves(self) -> int:
        return len(self.moved.moves)

    @property
    def range(self) -> _Box:
        """Range of every variable of least squares: moves, shift and smearing where free."""
        nuisances = self.likelihood.nuisances
        ends = [nuisances.shift_range_ev, nuisances.broadening_range_ev]
        free = np.array([end for end in ends if end[0] < end[1]]).reshape(-1, 2)
        return _Box(
            np.concatenate([self.moved.low, free[:, 0]]),
            np.concatenate([self.moved.high, free[:, 1]]),
        )

    def nuisances(self, values: np.ndarray) -> tuple[float, float]:
        """Shift and smearing of variables (v,), or what they are fixed at."""
        rest = values[self.n_moves :].tolist()
        ranges = (
            self.likelihood.nuisances.shift_range_ev,
            self.likelihood.nuisances.broadening_range_ev,
        )
        shift, width = (rest.pop(0) if low < high else low for low, high in ranges)
        return float(shift), float(width)

    def known(self, points: np.ndarray) -> np.ndarray:
        """Spectra (n, k) at values of the moves (n, p), remembered for later."""
        mu = self.moved.predict(self.model, points, self.cancelled)
        self.points.append(points)
        self.spectra.append(mu)
        return mu

    # --- where to begin ------------------------------------------------------------------------
    def begin(self, rng: np.random.Generator) -> list[np.ndarray]:
        """Variables of the best points spread over the ranges, the structure as it came first."""
        low, high = self.moved.low, self.moved.high
        spread = _spread(N_SPREAD[self.n_moves], self.n_moves, rng)
        points = np.vstack(
            [np.clip(np.zeros(self.n_moves), low, high), low + spread * (high - low)]
        )
        mu = self.known(points)
        sound = np.isfinite(mu).all(axis=1)
        if not sound.any():
            raise RefinementError("the structure has no spectrum anywhere in these ranges")
        points, mu = points[sound], mu[sound]
        first = self.likelihood.marginal(mu)
        shift = first.shift_ev[np.argmax(first.log_evidence)]
        self.likelihood = self.likelihood.around(float(shift))
        found = self.likelihood.marginal(mu)
        order = np.argsort(-found.log_evidence, kind="stable")
        chosen: list[int] = []
        for row in order:
            unit = (points[row] - points[chosen]) / (high - low)
            if all(np.abs(one).max() > 0.15 for one in unit):
                chosen.append(int(row))
            if len(chosen) == N_STARTS:
                break
        nuisances, inside = self.likelihood.nuisances, self.range
        free = [
            low < high for low, high in (nuisances.shift_range_ev, nuisances.broadening_range_ev)
        ]
        both = np.column_stack([found.shift_ev, found.broadening_ev])[:, free]
        return [
            np.clip(np.concatenate([points[row], both[row]]), inside.low, inside.high)
            for row in chosen
        ]

    def descend(self, begin: np.ndarray) -> _Solution:
        """Least squares with the model, from one point."""
        inside = self.range
        shift, _ = self.nuisances(begin)
        steps = 0.02 * (inside.high - inside.low)
        steps[self.n_moves :] = 0.05
        seen: dict[bytes, np.ndarray] = {}

        def spectra(points: np.ndarray) -> np.ndarray:
            missing = [one for one in points if one.tobytes() not in seen]
            if missing:
                for one, mu in zip(missing, self.known(np.array(missing)), strict=True):
                    seen[one.tobytes()] = mu
            return np.array([seen[one.tobytes()] for one in points])

        def left(values: np.ndarray) -> np.ndarray:
            """What is left of the measurement at variables (n, v), whitened, with priors."""
            mu = spectra(values[:, : self.n_moves])
            return np.array([self._left(one, v, shift) for one, v in zip(mu, values, strict=True)])

        def slope(values: np.ndarray) -> np.ndarray:
            # towards the middle of the range, so that no end is passed
            sign = np.where(values > (inside.low + inside.high) / 2, -1.0, 1.0) * steps
            moved = left(np.vstack([values, values + np.diag(sign)]))
            return np.asarray(((moved[1:] - moved[0]) / sign[:, None]).T)

        found = least_squares(
            lambda v: left(v[None])[0],
            np.clip(begin, inside.low + 1e-9, inside.high - 1e-9),
            jac=slope,
            bounds=(inside.low, inside.high),
            x_scale=steps,
            max_nfev=MAX_STEPS,
            xtol=1e-4,
            ftol=1e-5,
        )
        count = self.likelihood.n_independent
        size = (DEGREES_OF_FREEDOM + 2 * found.cost) / (DEGREES_OF_FREEDOM + count)
        ridge = np.diag(1 / (inside.high - inside.low) ** 2)
        covariance = np.linalg.inv(found.jac.T @ found.jac / size + 12 * ridge)
        return _Solution(
            found.x, float(self.evidence(found.x[None, : self.n_moves])[0]), covariance
        )

    def _left(self, mu: np.ndarray, values: np.ndarray, root_at_ev: float) -> np.ndarray:
        likelihood, nuisances = self.likelihood, self.likelihood.nuisances
        if not np.isfinite(mu).all():
            return np.full(len(likelihood.measured) + 3, 1e3)
        shift, width = self.nuisances(values)
        white, target = likelihood.whitened(shift, width, root_at_ev=root_at_ev)
        theory = white @ mu
        uu, uv = np.atleast_1d(theory @ theory), np.atleast_1d(theory @ target)
        scale = float(likelihood.squares(uu, uv, float(target @ target))[1][0])
        priors = [(scale, nuisances.scale), (shift, nuisances.shift_ev)]
        priors += [(width, nuisances.broadening_ev)]
        away = [(value - prior.mean) / prior.sd if prior.sd else 0.0 for value, prior in priors]
        return np.concatenate([target - scale * theory, away])

    # --- the posterior ---------------------------------------------------------------------------
    def evidence(self, points: np.ndarray) -> np.ndarray:
        """Log probability (n,) of moves (n, p) by the model, with nuisances summed out."""
        mu = self.known(points)
        sound = np.isfinite(mu).all(axis=1)
        result = np.full(len(points), -np.inf)
        if sound.any():
            result[sound] = self.likelihood.marginal(mu[sound], self.shifts).log_evidence
        return result

    @property
    def shifts(self) -> np.ndarray:
        """Lattice of shifts (eV) that the posterior is summed over."""
        prior, centre = self.likelihood.nuisances.shift_ev, self.likelihood.centre_ev
        if not prior.sd:
            return np.array([prior.mean])
        step = min(_SHIFT_STEP_EV, prior.sd / 2)
        return np.asarray(centre + step * np.arange(-_SHIFT_STEPS, _SHIFT_STEPS + 1))

    def sample(
        self,
        solutions: list[_Solution],
        rng: np.random.Generator,
        tell: Callable[[float], None],
    ) -> tuple[np.ndarray, list[str]]:
        """Values of the moves (n, p) drawn from the posterior, and what to know about them."""
        best = max(one.log_density for one in solutions)
        kept = [one for one in solutions if one.log_density > best - _FORGET]
        points = self._around(kept, rng)
        values = self.evidence(points)
        error = steps = 0.0
        drawn = points
        for number in range(_ROUNDS):
            surface = _Surface.of(points, values, _Box(self.moved.low, self.moved.high))
            drawn, steps = _draw(surface, rng, self.cancelled)
            tell((number + 1) / _ROUNDS)
            checked = drawn[rng.choice(len(drawn), _CHECKED[self.n_moves], replace=False)]
            exact = self.evidence(checked)
            off = exact - surface.log_density(checked)
            error = float(np.std(off[np.isfinite(off)])) if np.isfinite(off).sum() > 1 else np.inf
            if error < _MAX_OFF:
                break
            points, values = np.vstack([points, checked]), np.concatenate([values, exact])
        notes = []
        if error > 3 * _MAX_OFF:
            notes.append(
                f"intervals are rough: the interpolated probability is off by a factor of "
                f"{np.exp(min(error, 9.0)):.1f}; fit fewer moves at a time"
            )
        if steps * 20 > _STEPS:
            notes.append("the sampler has not settled: intervals are rough; fit fewer moves")
        return drawn, notes

    def _around(self, solutions: list[_Solution], rng: np.random.Generator) -> np.ndarray:
        """Points (n, p) around the solutions, and those that searching them has left."""
        p = self.n_moves
        low, high = self.moved.low, self.moved.high
        count = N_AROUND[p] // len(solutions)
        new = []
        for one in solutions:
            centre, covariance = one.values[:p], one.covariance[:p, :p]
            reach = np.sqrt(np.diag(covariance))
            if p == 1:
                drawn = centre + reach * np.linspace(-3.5, 3.5, count)[:, None]
            else:
                drawn = rng.multivariate_normal(centre, _WIDER**2 * covariance, count)
            new.append(np.vstack([centre, np.clip(drawn, low, high)]))
        spread = np.concatenate(self.points)
        # what was looked at before, but for steps of least squares, which lie on top of each other
        return np.unique(np.vstack([*new, spread[: N_SPREAD[p] + 1]]).round(9), axis=0)


@dataclass(frozen=True, eq=False)
class _Surface:
    """Log probability between points where it is known: radial functions on a quadratic."""

    box: _Box
    scale: np.ndarray
    best: np.ndarray
    interpolated: RBFInterpolator

    @classmethod
    def of(cls, points: np.ndarray, values: np.ndarray, whole: _Box) -> _Surface:
        """From points (n, p) and values (n,); those far from the best are left out."""
        p = points.shape[1]
        fewest = (p + 1) * (p + 2) // 2 + 3 * p + 4
        order = np.argsort(-values, kind="stable")
        count = max(int((values > values.max() - _DEPTH).sum()), fewest)
        chosen = order[: min(count, int(np.isfinite(values).sum()))]
        used, known = points[chosen], values[chosen]
        scale = np.maximum(np.std(used, axis=0), 1e-9)
        # a logarithm that falls without end would drown what matters
        lowest = known.max() - 2 * _DEPTH
        soft = np.where(known < lowest, lowest - np.log1p(np.maximum(lowest - known, 0)), known)
        interpolated = RBFInterpolator(
            used / scale, soft, kernel="cubic", degree=2, smoothing=_SMOOTHING
        )
        room = 0.1 * np.ptp(used, axis=0)
        box = _Box(
            np.maximum(used.min(axis=0) - room, whole.low),
            np.minimum(used.max(axis=0) + room, whole.high),
        )
        return cls(box, scale, used[:_FEWEST_WALKERS], interpolated)

    def log_density(self, points: np.ndarray) -> np.ndarray:
        """Log probability (n,) at points (n, p); minus infinity outside the box."""
        inside = ((points >= self.box.low) & (points <= self.box.high)).all(axis=1)
        result = np.full(len(points), -np.inf)
        if inside.any():
            result[inside] = self.interpolated(points[inside] / self.scale)
        return result


def _spread(count: int, n_variables: int, rng: np.random.Generator) -> np.ndarray:
    """Points (count, v) spread evenly over the unit cube; of one variable at even steps."""
    if n_variables == 1:
        return np.linspace(0.0, 1.0, count)[:, None]
    sobol = qmc.Sobol(n_variables, rng=rng)
    return np.asarray(sobol.random_base2(int(np.ceil(np.log2(count)))))[:count]


def _draw(
    surface: _Surface, rng: np.random.Generator, cancelled: Callable[[], bool] | None
) -> tuple[np.ndarray, float]:
    """Samples (n, p) of the posterior, and over how many steps walkers forget where they were."""
    from emcee import EnsembleSampler, State  # a moment that ranking does without

    p, span = len(surface.scale), surface.box.high - surface.box.low
    count = max(_FEWEST_WALKERS, _WALKERS_PER_VARIABLE * p)
    begin = surface.best[rng.integers(len(surface.best), size=count)]
    begin = begin + 0.01 * span * rng.standard_normal(begin.shape)
    begin = np.clip(begin, surface.box.low + 1e-3 * span, surface.box.high - 1e-3 * span)
    begin = begin + 1e-4 * span * rng.uniform(-1, 1, begin.shape)  # no two at one place
    sampler: Any = EnsembleSampler(count, p, surface.log_density, vectorize=True)
    old = np.random.RandomState(int(rng.integers(2**31))).get_state()
    state = State(begin, random_state=old)
    for steps in (_BURN_IN, *[_STEPS // 3] * 3):
        check_cancelled(cancelled)
        state = sampler.run_mcmc(state, steps, skip_initial_state_check=True)
    forgets = float(np.max(sampler.get_autocorr_time(discard=_BURN_IN, quiet=True, tol=0)))
    return np.asarray(sampler.get_chain(discard=_BURN_IN, thin=_THIN, flat=True)), forgets


# --- writing down -------------------------------------------------------------------------------
def _written(
    search: _Search, samples: np.ndarray, solutions: list[_Solution], notes: list[str]
) -> StructureFit:
    moved, likelihood, model = search.moved, search.likelihood, search.model
    middle = np.median(samples, axis=0)
    best = max(solutions, key=lambda one: one.log_density).values[: search.n_moves]
    known = search.evidence(np.array([middle, best]))
    if known[0] < known[1] - 3.0:
        notes.append(
            "more than one geometry explains the spectrum: values are those of the most probable, "
            "intervals span all"
        )
        middle = best
    atoms = moved.atoms(middle)
    prediction = model.predict(atoms, moved.body.absorber)
    found = likelihood.marginal(prediction.mu, search.shifts)
    shift, width = float(found.shift_ev[0]), float(found.broadening_ev[0])
    explained = likelihood.explain(prediction.mu, shift, width)
    half = explained.scale * (
        likelihood.operator(shift, width) @ prediction.half_widths[WIDTH_LEVEL]
    )
    parameters = tuple(
        _parameter(moved, column, middle[column], samples[:, column])
        for column in range(search.n_moves)
    )
    correlations = np.atleast_2d(np.corrcoef(samples.T))
    white, target = likelihood.whitened(shift, width)
    theory = white @ prediction.mu
    squares, _ = likelihood.squares(
        np.atleast_1d(theory @ theory), np.atleast_1d(theory @ target), float(target @ target)
    )
    count = likelihood.n_independent
    size = (DEGREES_OF_FREEDOM + float(squares[0])) / (DEGREES_OF_FREEDOM + count)
    notes += _remarks(search, parameters, correlations, prediction, size)
    low, high = likelihood.nuisances.shift_range_ev
    if low < high and min(shift - low, high - shift) < 0.02 * (high - low):
        notes.append(f"the shift of {shift:.1f} eV is at the end of what was allowed")
    measured = likelihood.measured
    return StructureFit(
        parameters=parameters,
        correlations=correlations,
        samples=samples,
        shift_ev=shift,
        scale=explained.scale,
        offset=explained.offset,
        slope_per_ev=explained.slope_per_ev,
        broadening_ev=width,
        misfit=explained.misfit,
        verdict=prediction.domain.level,
        notes=tuple(notes),
        atoms=atoms,
        start_atoms=moved.body.atoms.copy(),
        absorber=moved.body.absorber,
        energies_ev=measured.energies_ev,
        measured_mu=measured.mu,
        fitted_mu=explained.mu,
        residual=explained.residual,
        band_low=explained.mu - half,
        band_high=explained.mu + half,
        model_key=model.key,
        element=measured.element,
    )


def _parameter(
    moved: MovedStructure, column: int, value: float, samples: np.ndarray
) -> FittedParameter:
    low, high = float(moved.low[column]), float(moved.high[column])
    low90, low68, high68, high90 = np.quantile(samples, [0.05, 0.16, 0.84, 0.95])
    edge = _EDGE * (high - low)
    crowded = {
        "low": float(np.mean(samples < low + edge)), "high": float(np.mean(samples > high - edge))
    }  # fmt: skip
    side = max(crowded, key=lambda end: crowded[end])
    prior_sd = (high - low) / np.sqrt(12)
    return FittedParameter(
        name=moved.moves[column].text,
        value=float(value),
        low68=float(low68),
        high68=float(high68),
        low90=float(low90),
        high90=float(high90),
        unit=moved.moves[column].unit,
        learned=float(np.clip(1 - np.std(samples) / prior_sd, 0.0, 1.0)),
        at_bound=side if crowded[side] > _AT_BOUND else "",
        limits=(low, high),
        label=moved.labels[column],
    )


def _remarks(
    search: _Search,
    parameters: tuple[FittedParameter, ...],
    correlations: np.ndarray,
    prediction: Prediction,
    size: float,
) -> list[str]:
    """What a reader should know about a fit."""
    notes = list(search.moved.notes)
    if search.likelihood.errors.note:
        notes.append(search.likelihood.errors.note)
    for one in parameters:
        if one.at_bound:
            end = one.limits[one.at_bound == "high"]
            notes.append(
                f"{one.name} is stopped by the end of its range, {end:g} {one.unit}: the true "
                "value may lie beyond"
            )
        if one.learned < _LITTLE:
            notes.append(f"the spectrum says little about {one.name}")
    for i, j in zip(*np.triu_indices(len(parameters), 1), strict=True):
        if abs(correlations[i, j]) > _CORRELATED:
            notes.append(
                f"{parameters[i].name} and {parameters[j].name} cannot be told apart (correlation "
                f"{correlations[i, j]:.2f}): fit one of them, or both together as a pair"
            )
    if size > _LARGE_SIZE:
        notes.append(
            f"what is left is {np.sqrt(size):.1f} times what errors of the model explain, and "
            "intervals are wider by that: another structure, or something that theory lacks"
        )
    if prediction.domain.level != "in domain":
        notes.append(
            f"the fitted structure is {prediction.domain.level}: {prediction.domain.reasons[0]}"
        )
    return notes

"""Fit a structure to a measured spectrum: a few moves of its ligands, with intervals.

In four steps: spectra at points spread over the ranges of the moves, with shift and smearing summed
out, say where to begin; least squares with the model itself goes to the bottom from the best three;
a polynomial takes the place of the model around there; and an ensemble sampler (``emcee``:
D. Foreman-Mackey et al., PASP 125, 306 (2013), doi 10.1086/670067) draws from the posterior. What
it drew is compared with the model, and the polynomial is made anew where it falls short.

Before the fit every value within the range of a move is as probable as any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms
from scipy.optimize import least_squares
from scipy.stats import qmc

from xanes_core.errors import RefinementError
from xanes_core.model import Prediction, SpectrumModel
from xanes_core.refinement.emulator import Box, Emulator, fit_emulator, nuisances_of
from xanes_core.refinement.likelihood import Nuisances, SpectrumLikelihood
from xanes_core.refinement.measured import WINDOW_EV, Measured
from xanes_core.refinement.model_errors import DEGREES_OF_FREEDOM, WIDTH_LEVEL, ModelErrors
from xanes_core.refinement.moved import MovedStructure, check_cancelled
from xanes_core.refinement.structure_fit import FittedParameter, StructureFit
from xanes_core.spectra import XANES
from xanes_core.structures import Move, Suggestion

#: Structures by number of moves: spread over the ranges, and over the box that is sampled.
N_SPREAD = {1: 17, 2: 48, 3: 80, 4: 112, 5: 144, 6: 176}
N_BOX = {1: 17, 2: 64, 3: 112, 4: 144, 5: 176, 6: 208}
#: Starts of least squares, and steps of each.
N_STARTS, MAX_STEPS = 3, 10
#: The box reaches this many standard deviations around each solution.
_BOX_SD = 4.5
#: Solutions this much less probable (log) than the best are forgotten.
_FORGET = 8.0
_WALKERS_PER_VARIABLE, _FEWEST_WALKERS = 4, 32
_BURN_IN, _STEPS, _THIN = 300, 900, 10
#: How often the box may be moved or the polynomial made anew, and how far (log) it may be off.
_ROUNDS, _MAX_OFF = 4, 0.3
_CHECKED = 32
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


def check_fits(measured: Measured, element: str, model: SpectrumModel) -> None:
    """Refuse a spectrum of another element, and a model of emission.

    Raises
    ------
    RefinementError
        With what to do.
    """
    if measured.element != element:
        raise RefinementError(
            f"the spectrum is of {measured.element}, the absorber is {element}: give a structure "
            f"with {measured.element}, or a spectrum of {element}"
        )
    if model.kind.key != XANES.key:
        raise RefinementError(
            f"model {model.key} predicts emission; a measured absorption needs a model of XANES"
        )


def width_of(prediction: Prediction, errors: ModelErrors) -> float:
    """How wide the band of a prediction is, over that of an ordinary structure."""
    half = prediction.half_widths[WIDTH_LEVEL]
    return float(np.sqrt(np.mean(half**2)) / errors.half_width)


@dataclass(frozen=True, eq=False)
class _Solution:
    """A bottom that least squares found: its place, log density and covariance."""

    values: np.ndarray
    log_density: float
    covariance: np.ndarray


@dataclass(frozen=True, eq=False)
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
    def fixed(self) -> tuple[float | None, float | None]:
        """Shift and smearing where they are not free."""
        nuisances = self.likelihood.nuisances
        ranges = (nuisances.shift_range_ev, nuisances.broadening_range_ev)
        shift, width = (low if low == high else None for low, high in ranges)
        return shift, width

    @property
    def range(self) -> Box:
        """Range of every variable."""
        nuisances = self.likelihood.nuisances
        ends = [nuisances.shift_range_ev, nuisances.broadening_range_ev]
        free = np.array([end for end in ends if end[0] < end[1]]).reshape(-1, 2)
        return Box(
            np.concatenate([self.moved.low, free[:, 0]]),
            np.concatenate([self.moved.high, free[:, 1]]),
        )

    def known(self, points: np.ndarray) -> np.ndarray:
        """Spectra (n, k) at values of the moves (n, p), remembered for later."""
        mu = self.moved.predict(self.model, points, self.cancelled)
        self.points.append(points)
        self.spectra.append(mu)
        return mu

    def exact(self, values: np.ndarray) -> np.ndarray:
        """Log density (n,) of variables (n, v) by the model itself."""
        shifts, widths = nuisances_of(values, self.fixed)
        mu = self.known(values[:, : self.n_moves])
        return np.array(
            [
                self.likelihood.log_density(one, d, w)[0] if np.isfinite(one).all() else -np.inf
                for one, d, w in zip(mu, shifts, widths, strict=True)
            ]
        )

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
        found = self.likelihood.marginal(mu)
        order = np.argsort(-found.log_evidence, kind="stable")
        chosen: list[int] = []
        for row in order:
            unit = (points[row] - points[chosen]) / (high - low)
            if all(np.abs(one).max() > 0.15 for one in unit):
                chosen.append(int(row))
            if len(chosen) == N_STARTS:
                break
        free = [self.fixed[0] is None, self.fixed[1] is None]
        both = np.column_stack([found.shift_ev, found.broadening_ev])[:, free]
        inside = self.range
        return [
            np.clip(np.concatenate([points[row], both[row]]), inside.low, inside.high)
            for row in chosen
        ]

    def descend(self, begin: np.ndarray) -> _Solution:
        """Least squares with the model, from one point."""
        inside = self.range
        shift = float(nuisances_of(begin[None], self.fixed)[0][0])
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
        m = len(self.likelihood.measured)
        size = (DEGREES_OF_FREEDOM + 2 * found.cost) / (DEGREES_OF_FREEDOM + m)
        ridge = np.diag(1 / (inside.high - inside.low) ** 2)
        covariance = np.linalg.inv(found.jac.T @ found.jac / size + 12 * ridge)
        return _Solution(found.x, float(self.exact(found.x[None])[0]), covariance)

    def _left(self, mu: np.ndarray, values: np.ndarray, root_at_ev: float) -> np.ndarray:
        likelihood, nuisances = self.likelihood, self.likelihood.nuisances
        if not np.isfinite(mu).all():
            return np.full(len(likelihood.measured) + 3, 1e3)
        shift, width = (float(one[0]) for one in nuisances_of(values[None], self.fixed))
        white, target = likelihood.whitened(shift, width, root_at_ev=root_at_ev)
        theory = white @ mu
        uu, uv = np.atleast_1d(theory @ theory), np.atleast_1d(theory @ target)
        scale = float(likelihood.squares(uu, uv, float(target @ target))[1][0])
        priors = [(scale, nuisances.scale), (shift, nuisances.shift_ev)]
        priors += [(width, nuisances.broadening_ev)]
        away = [(value - prior.mean) / prior.sd if prior.sd else 0.0 for value, prior in priors]
        return np.concatenate([target - scale * theory, away])

    # --- the posterior ---------------------------------------------------------------------------
    def sample(
        self,
        solutions: list[_Solution],
        rng: np.random.Generator,
        tell: Callable[[float], None],
    ) -> tuple[np.ndarray, list[str]]:
        """Variables (n, v) drawn from the posterior, and what to know about them."""
        best = max(one.log_density for one in solutions)
        kept = [one for one in solutions if one.log_density > best - _FORGET]
        box = self._box_around(kept)
        for round_ in range(_ROUNDS):
            emulator = self._emulator(box, rng)
            begin = _walkers(kept, box, rng)
            share = (round_ + 1) / _ROUNDS
            drawn, steps = _draw(emulator, begin, rng, self.cancelled)
            tell(share)
            wider = self._wider(box, drawn)
            checked = drawn[rng.choice(len(drawn), _CHECKED, replace=False)]
            off = self.exact(checked) - emulator.log_density(checked)
            error = float(np.std(off[np.isfinite(off)]))
            if wider is None and error < _MAX_OFF:
                break
            box = wider or self._narrower(box, drawn)
        notes = []
        if error > 2 * _MAX_OFF:
            notes.append(
                f"intervals are rough: the stand-in for the model is off by {error:.1f} in the "
                "logarithm of the probability; fit fewer moves at a time"
            )
        if steps * 50 > _STEPS:
            notes.append(
                "the sampler has not settled: intervals are rough. Fit fewer moves at a time."
            )
        return drawn, notes

    def _box_around(self, solutions: list[_Solution]) -> Box:
        whole = self.range
        reach = [_BOX_SD * np.sqrt(np.diag(one.covariance)) for one in solutions]
        low = np.min([one.values - r for one, r in zip(solutions, reach, strict=True)], axis=0)
        high = np.max([one.values + r for one, r in zip(solutions, reach, strict=True)], axis=0)
        return Box(np.maximum(low, whole.low), np.minimum(high, whole.high))

    def _wider(self, box: Box, drawn: np.ndarray) -> Box | None:
        """A box with more room where samples crowd at its sides; None where none do."""
        whole, span = self.range, box.high - box.low
        crowd = 0.01
        low_side = (np.mean(drawn < box.low + 0.04 * span, axis=0) > crowd) & (box.low > whole.low)
        high_side = (np.mean(drawn > box.high - 0.04 * span, axis=0) > crowd) & (
            box.high < whole.high
        )
        if not (low_side | high_side).any():
            return None
        return Box(
            np.maximum(np.where(low_side, box.low - 0.6 * span, box.low), whole.low),
            np.minimum(np.where(high_side, box.high + 0.6 * span, box.high), whole.high),
        )

    def _narrower(self, box: Box, drawn: np.ndarray) -> Box:
        """The box around what was drawn, with some room."""
        low, high = np.quantile(drawn, [0.0005, 0.9995], axis=0)
        room = 0.15 * (high - low) + 1e-6
        return Box(np.maximum(low - room, box.low), np.minimum(high + room, box.high))

    def _emulator(self, box: Box, rng: np.random.Generator) -> Emulator:
        p = self.n_moves
        moves = Box(box.low[:p], box.high[:p])
        spread = 0.5 - 0.5 * np.cos(np.pi * _spread(N_BOX[p], p, rng))  # denser at the ends
        self.known(moves.low + spread * (moves.high - moves.low))
        points, mu = np.concatenate(self.points), np.concatenate(self.spectra)
        _, first = np.unique(points, axis=0, return_index=True)
        points, mu = points[first], mu[first]
        usable = np.isfinite(mu).all(axis=1) & moves.holds(points)
        return fit_emulator(
            self.likelihood, box, points[usable], mu[usable], fixed=self.fixed, rng=rng
        )


def _spread(count: int, n_variables: int, rng: np.random.Generator) -> np.ndarray:
    """Points (count, v) spread evenly over the unit cube; of one variable at even steps."""
    if n_variables == 1:
        return np.linspace(0.0, 1.0, count)[:, None]
    sobol = qmc.Sobol(n_variables, rng=rng)
    return np.asarray(sobol.random_base2(int(np.ceil(np.log2(count)))))[:count]


def _walkers(solutions: list[_Solution], box: Box, rng: np.random.Generator) -> np.ndarray:
    """Where walkers begin (n, v): around the solutions, within the box."""
    v = len(box.low)
    count = max(_FEWEST_WALKERS, _WALKERS_PER_VARIABLE * v)
    share = np.exp(
        [one.log_density for one in solutions] - np.max([one.log_density for one in solutions])
    )
    which = rng.choice(len(solutions), count, p=share / share.sum())
    span = box.high - box.low
    places = np.array(
        [rng.multivariate_normal(solutions[i].values, solutions[i].covariance) for i in which]
    )
    inside = np.clip(places, box.low + 1e-3 * span, box.high - 1e-3 * span)
    # walkers clipped to one place could not spread again
    return np.asarray(inside + 1e-4 * span * rng.uniform(-1, 1, inside.shape))


def _draw(
    emulator: Emulator,
    begin: np.ndarray,
    rng: np.random.Generator,
    cancelled: Callable[[], bool] | None,
) -> tuple[np.ndarray, float]:
    """Samples (n, v) of the posterior, and over how many steps walkers forget where they were."""
    from emcee import EnsembleSampler, State  # a moment that ranking does without

    sampler: Any = EnsembleSampler(*begin.shape, emulator.log_density, vectorize=True)
    old = np.random.RandomState(int(rng.integers(2**31))).get_state()  # noqa: NPY002
    state = State(begin, random_state=old)
    for count in (_BURN_IN, *[_STEPS // 3] * 3):
        check_cancelled(cancelled)
        state = sampler.run_mcmc(state, count, skip_initial_state_check=True)
    steps = float(np.max(sampler.get_autocorr_time(discard=_BURN_IN, quiet=True, tol=0)))
    return np.asarray(sampler.get_chain(discard=_BURN_IN, thin=_THIN, flat=True)), steps


# --- writing down -----------------------------------------------------------------------------------
def _written(
    search: _Search, samples: np.ndarray, solutions: list[_Solution], notes: list[str]
) -> StructureFit:
    moved, likelihood, model = search.moved, search.likelihood, search.model
    p = search.n_moves
    middle = np.median(samples, axis=0)
    best = max(solutions, key=lambda one: one.log_density)
    if search.exact(middle[None])[0] < best.log_density - 4.0:
        notes.append(
            "more than one geometry explains the spectrum: values are those of the most probable, "
            "intervals span all"
        )
        middle = best.values
    shift, width = (float(one[0]) for one in nuisances_of(middle[None], search.fixed))
    atoms = moved.atoms(middle[:p])
    prediction = model.predict(atoms, moved.body.absorber)
    explained = likelihood.explain(prediction.mu, shift, width)
    read = likelihood.operator(shift, width)
    half = explained.scale * (read @ prediction.half_widths[WIDTH_LEVEL])
    parameters = tuple(
        _parameter(moved, column, middle[column], samples[:, column]) for column in range(p)
    )
    correlations = np.atleast_2d(np.corrcoef(samples[:, :p].T))
    shifts, _ = nuisances_of(samples, search.fixed)
    white, target = likelihood.whitened(shift, width)
    theory = white @ prediction.mu
    squares, _ = likelihood.squares(
        np.atleast_1d(theory @ theory), np.atleast_1d(theory @ target), float(target @ target)
    )
    size = (DEGREES_OF_FREEDOM + float(squares[0])) / (DEGREES_OF_FREEDOM + len(target))
    notes += _remarks(search, parameters, correlations, prediction, size)
    low, high = likelihood.nuisances.shift_range_ev
    if low < high and min(shift - low, high - shift) < 0.02 * (high - low):
        notes.append(f"the shift of {shift:.1f} eV is at the end of what was allowed")
    measured = likelihood.measured
    return StructureFit(
        parameters=parameters,
        correlations=correlations,
        samples=samples[:, :p],
        shift_ev=shift,
        shift_sd_ev=float(np.std(shifts)),
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
                f"{one.name} is stopped by the end of its range, {end:g} {one.unit}: the true value "
                "may lie beyond"
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

"""Predicting every sample by networks that have not seen it, at random and by chemistry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xanes_core.calibration import Calibration, fit_calibration
from xanes_core.chemistry_split import LeftOut, leave_out_chemistry
from xanes_core.domain import disagreement
from xanes_core.ensemble import Ensemble
from xanes_core.fitting import FitSettings, fit_ensemble
from xanes_core.recipes import Recipe, TrainingData
from xanes_core.structures import Environment, environment
from xanes_core.unseen import Unseen, concatenate
from xanes_core.validation import Tested, cross_fit, measure_unseen
from xanes_core.wacsf import WACSF

#: Members per fold when the band is calibrated: their spread is an estimate of the same quantity.
CALIBRATION_MEMBERS = 8
#: Members of the fits that leave out a kind of complexes.
CHEMISTRY_MEMBERS = 5
#: Called with a sentence and the share done (0 to 1).
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Assessment:
    """All predictions of unseen samples, and what was fitted to them.

    Attributes
    ----------
    folds : list of (Ensemble, rows)
        Five folds of the development samples; rows count among these.
    parts : list of Tested
        What the folds make of what they had not seen.
    left_out : list of LeftOut
        Kinds of complexes left out whole; empty where the structures are not known.
    held : Tested or None
        The held-out samples, by a fit to all others.
    calibration : Calibration
        Fitted to ``parts`` and ``left_out``.
    spread_unit : float
        Of the domain check.
    envs : list of Environment or None
        Of all samples, where the structures are known.
    """

    folds: list[tuple[Ensemble, np.ndarray]]
    parts: list[Tested]
    left_out: list[LeftOut]
    held: Tested | None
    calibration: Calibration
    spread_unit: float
    envs: list[Environment] | None

    @property
    def unseen(self) -> Unseen:
        """Development samples, predicted by the folds that had not seen them."""
        return concatenate(part.unseen for part in self.parts)

    @property
    def far(self) -> Unseen | None:
        """Kinds left out, or None."""
        return _joined(self.left_out)


def assess(
    recipe: Recipe,
    data: TrainingData,
    settings: FitSettings,
    *,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> Assessment:
    """Predict every sample by an ensemble that has not seen it, and calibrate on these.

    Held-out samples are predicted, and used for nothing else.

    Parameters
    ----------
    recipe, data, settings
        What to fit, to what and how.
    n_jobs : int, optional
        Processes.
    progress : callable, optional
        Told what is being done.
    """
    tell = progress or (lambda text, share: None)
    convention = WACSF.from_name(recipe.convention)
    blocks, told = convention.feature_kinds, (data.x, data.y, data.elements)
    envs = None
    if data.training_set is not None:
        structures = data.training_set.structures
        envs = [environment(atoms, 0, convention.r_cut_ang) for atoms in structures]
    development = np.flatnonzero(~data.held_out)
    tell("calibrating the band on five folds", 0.0)
    folds = fold_ensembles(recipe, data, settings, n_jobs=n_jobs)
    parts = [
        measure_unseen(
            ensemble,
            np.delete(development, out),
            development[out],
            *told,
            envs,
            spectrum=recipe.spectrum,
        )
        for ensemble, out in folds
    ]
    left_out = []
    if envs is not None:
        fewer = replace(settings, n_members=min(settings.n_members, CHEMISTRY_MEMBERS))
        left_out = leave_out_chemistry(
            *told, envs, blocks, fewer, rows=development, spectrum=recipe.spectrum, n_jobs=n_jobs,
            progress=lambda name, i, n: tell(f"without any {name}", 0.3 + 0.4 * i / n),
        )  # fmt: skip
    unseen = concatenate(part.unseen for part in parts)
    calibration = fit_calibration(unseen, far=_joined(left_out))
    held = None
    if data.held_out.any():
        tell("measuring on the held-out samples", 0.7)
        ensemble, _ = fit_ensemble(
            data.x[development], data.y[development], blocks, settings, n_jobs=n_jobs
        )
        aside = np.flatnonzero(data.held_out)
        held = measure_unseen(ensemble, development, aside, *told, envs, spectrum=recipe.spectrum)
    spread_unit = float(np.quantile(disagreement(unseen.spread), 0.95))
    return Assessment(folds, parts, left_out, held, calibration, spread_unit, envs)


def fold_ensembles(
    recipe: Recipe, data: TrainingData, settings: FitSettings, *, n_jobs: int = 1
) -> list[tuple[Ensemble, np.ndarray]]:
    """Ensembles of the five folds, each with the development samples it has not seen."""
    rows = ~data.held_out
    blocks = WACSF.from_name(recipe.convention).feature_kinds
    fewer = replace(settings, n_members=min(settings.n_members, CALIBRATION_MEMBERS))
    return cross_fit(data.x[rows], data.y[rows], blocks, fewer, n_jobs=n_jobs)


def _joined(left_out: Sequence[LeftOut]) -> Unseen | None:
    return concatenate(one.tested.unseen for one in left_out) if left_out else None

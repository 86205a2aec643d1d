"""Predictions of samples that the predicting model had not seen, and their scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.model_selection import KFold

from xanes_core.model import (
    Calibration,
    Domain,
    Ensemble,
    Unseen,
    concatenate,
    disagreement,
    fit_calibration,
    fit_domain,
)
from xanes_core.spectra import XANES, SpectrumKind
from xanes_core.structures import FAMILIES, GEOMETRIES, Environment, coordination, environment
from xanes_core.training.fitting import FitSettings, fit_ensemble
from xanes_core.training.recipes import Recipe, TrainingData

N_FOLDS = 5
#: Kinds with fewer complexes say too little; kinds with a larger share leave too few to fit to.
MIN_COUNT, MAX_SHARE = 20, 0.6
#: So many must be left to calibrate a band on.
MIN_LEFT = 20
#: Geometries counted together: a face-bound ring is the chemistry of both.
_MERGED = {"half-sandwich": "face-bound ring", "sandwich": "face-bound ring"}
#: Members per fold when the band is calibrated: their spread is an estimate of the same quantity.
CALIBRATION_MEMBERS = 8
#: Members of the fits that leave out a kind of complexes.
CHEMISTRY_MEMBERS = 5
#: Called with a sentence and the share done (0 to 1).
Progress = Callable[[str, float], None]


def folds(n: int, *, seed: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (training rows, validation rows) of the five folds everyone is compared on."""
    yield from KFold(N_FOLDS, shuffle=True, random_state=seed).split(np.zeros(n))


def cross_fit(
    x: np.ndarray,
    y: np.ndarray,
    blocks: tuple[str, ...],
    settings: FitSettings,
    *,
    n_jobs: int = 1,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[tuple[Ensemble, np.ndarray]]:
    """Fit one ensemble per fold; each comes with the rows it has not seen.

    Parameters
    ----------
    x, y : numpy.ndarray, (n, d) and (n, k)
        Features and spectra.
    blocks : tuple of str, (d,)
        Block of each feature.
    settings : FitSettings
        What to fit.
    n_jobs, seed
        Processes; seed of the folds.
    progress : callable, optional
        Called as ``progress(done, total)`` after each fold.
    """
    fitted = []
    for train, test in folds(len(y), seed=seed):
        fitted.append((fit_ensemble(x[train], y[train], blocks, settings, n_jobs=n_jobs)[0], test))
        if progress is not None:
            progress(len(fitted), N_FOLDS)
    return fitted


@dataclass(frozen=True)
class Tested:
    """What an ensemble makes of samples it has not seen; m samples.

    Attributes
    ----------
    unseen : Unseen
        Predictions and truth.
    scaled : numpy.ndarray, (m, d)
        Features, as the ensemble scales them.
    domain : Domain
        Of the samples the ensemble was fitted to.
    """

    unseen: Unseen
    scaled: np.ndarray
    domain: Domain

    def verdicts(self, spread_unit: float, envs: Sequence[Environment] | None = None) -> np.ndarray:
        """Verdict on each sample, (m,) str; ``envs`` (n,) are those of all the data."""
        domain = replace(self.domain, spread_unit=spread_unit)
        own = None if envs is None else [envs[row] for row in self.unseen.rows]
        found = domain.verdicts(self.scaled, own, self.unseen.spread)
        return np.array([verdict.level for verdict in found], dtype=str)


def measure_unseen(
    ensemble: Ensemble,
    seen: np.ndarray,
    rows: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    elements: np.ndarray,
    envs: Sequence[Environment] | None = None,
    *,
    kind: SpectrumKind = XANES,
) -> Tested:
    """Predict samples by an ensemble that has not seen them.

    Parameters
    ----------
    ensemble : Ensemble
        Fitted to the samples ``seen``.
    seen, rows : numpy.ndarray of int
        Samples fitted to, and those to predict.
    x, y, elements : numpy.ndarray, (n, d), (n, k) and (n,)
        Features, spectra and absorbers of all.
    envs : sequence of Environment, (n,), optional
        Environments of all, where the structures are known.
    kind : SpectrumKind, optional
        Emission is kept from being negative, as in :class:`xanes_core.model.SpectrumModel`.
    """
    domain = fit_domain(
        ensemble.scaler.transform(x[seen]), None if envs is None else [envs[i] for i in seen]
    )
    scaled = ensemble.scaler.transform(x[rows])
    mean, spread = ensemble.predict(x[rows])
    mean = kind.possible(mean)
    unseen = Unseen(y[rows], mean, spread, domain.scores(scaled), elements[rows], rows)
    return Tested(unseen, scaled, domain)


@dataclass(frozen=True)
class LeftOut:
    """One kind of complexes, predicted by an ensemble fitted without any of them.

    Attributes
    ----------
    name, criterion : str
        Such as ``tetrahedral``; ``geometry`` or ``ligand family``.
    tested : Tested
        The predictions.
    """

    name: str
    criterion: str
    tested: Tested


def chemistry_groups(envs: Sequence[Environment]) -> dict[str, tuple[str, np.ndarray]]:
    """Kinds of complexes worth leaving out: name -> (criterion, mask (n,)).

    Each complex has one geometry and as many ligand families as kinds of donors.
    """
    found = [coordination(env) for env in envs]
    geometry = np.array([_MERGED.get(one.geometry, one.geometry) for one in found], dtype=str)
    groups = {
        name: ("geometry", geometry == name)
        for name in dict.fromkeys(_MERGED.get(name, name) for name in GEOMETRIES)
    }
    for family in FAMILIES:
        mask = np.array([family in one.families for one in found], dtype=bool)
        groups.setdefault(family, ("ligand family", mask))
    most = min(MAX_SHARE * len(found), len(found) - MIN_LEFT)
    return {name: told for name, told in groups.items() if MIN_COUNT <= told[1].sum() <= most}


def leave_out_chemistry(
    x: np.ndarray,
    y: np.ndarray,
    elements: np.ndarray,
    envs: Sequence[Environment],
    blocks: tuple[str, ...],
    settings: FitSettings,
    *,
    rows: np.ndarray,
    kind: SpectrumKind = XANES,
    n_jobs: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[LeftOut]:
    """Fit without each kind of complexes in turn, and predict that kind.

    Parameters
    ----------
    x, y, elements, envs
        Features (n, d), spectra (n, k), absorbers (n,) and environments (n,).
    blocks, settings, n_jobs
        As for :func:`xanes_core.training.fitting.fit_ensemble`.
    rows : numpy.ndarray of int
        Samples that may be used; kinds are counted among these.
    kind : SpectrumKind, optional
        What is predicted.
    progress : callable, optional
        Called as ``progress(name, done, total)`` before each fit.
    """
    groups = chemistry_groups([envs[row] for row in rows])
    result = []
    for done, (name, (criterion, mask)) in enumerate(groups.items()):
        if progress is not None:
            progress(name, done, len(groups))
        seen = rows[~mask]
        ensemble, _ = fit_ensemble(x[seen], y[seen], blocks, settings, n_jobs=n_jobs)
        tested = measure_unseen(ensemble, seen, rows[mask], x, y, elements, envs, kind=kind)
        result.append(LeftOut(name, criterion, tested))
    return result


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
    blocks, told = recipe.descriptor.feature_kinds, (data.x, data.y, data.elements)
    envs = None
    if data.training_set is not None:
        structures = data.training_set.structures
        envs = [environment(atoms, 0, recipe.descriptor.r_cut_ang) for atoms in structures]
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
            kind=recipe.kind,
        )
        for ensemble, out in folds
    ]
    left_out = []
    if envs is not None:
        fewer = replace(settings, n_members=min(settings.n_members, CHEMISTRY_MEMBERS))
        left_out = leave_out_chemistry(
            *told, envs, blocks, fewer, rows=development, kind=recipe.kind, n_jobs=n_jobs,
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
        held = measure_unseen(ensemble, development, aside, *told, envs, kind=recipe.kind)
    spread_unit = float(np.quantile(disagreement(unseen.spread), 0.95))
    return Assessment(folds, parts, left_out, held, calibration, spread_unit, envs)


def fold_ensembles(
    recipe: Recipe, data: TrainingData, settings: FitSettings, *, n_jobs: int = 1
) -> list[tuple[Ensemble, np.ndarray]]:
    """Ensembles of the five folds, each with the development samples it has not seen."""
    rows = ~data.held_out
    blocks = recipe.descriptor.feature_kinds
    fewer = replace(settings, n_members=min(settings.n_members, CALIBRATION_MEMBERS))
    return cross_fit(data.x[rows], data.y[rows], blocks, fewer, n_jobs=n_jobs)


def _joined(left_out: Sequence[LeftOut]) -> Unseen | None:
    return concatenate(one.tested.unseen for one in left_out) if left_out else None

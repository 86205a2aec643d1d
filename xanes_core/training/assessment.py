"""Predictions of samples that the predicting model had not seen, and their scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.model_selection import KFold

from xanes_core.model import (
    Calibration,
    Copies,
    Domain,
    Ensemble,
    Samples,
    Unseen,
    concatenate,
    disagreement,
    fit_calibration,
    fit_domain,
)
from xanes_core.spectra import XANES, SpectrumKind
from xanes_core.structures import FAMILIES, GEOMETRIES, Coordination, Environment
from xanes_core.training.fitting import FitSettings, fit_ensemble
from xanes_core.training.recipes import TrainingData

N_FOLDS = 5
#: Geometries counted together: a face-bound ring is the chemistry of both.
_MERGED = {"half-sandwich": "face-bound ring", "sandwich": "face-bound ring"}
#: Members per fold when the band is calibrated: their spread is an estimate of the same quantity.
CALIBRATION_MEMBERS = 8
#: Called with a sentence and the share done (0 to 1).
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Split:
    """Which kinds of complexes are left out whole, and how many networks are fitted without each.

    Attributes
    ----------
    min_count : int
        Kinds with fewer complexes say too little.
    max_share : float
        Kinds with a larger share leave too few to fit to.
    min_left : int
        So many must be left to calibrate a band on.
    n_members : int
        Networks of each fit.
    """

    min_count: int = 20
    max_share: float = 0.6
    min_left: int = 20
    n_members: int = 5

    def largest(self, n: int) -> float:
        """Most complexes that a kind may have among ``n``."""
        return min(self.max_share * n, n - self.min_left)


def folds(n: int, *, seed: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (training rows, validation rows) of the five folds everyone is compared on."""
    yield from KFold(N_FOLDS, shuffle=True, random_state=seed).split(np.zeros(n))


def cross_fit(
    samples: Samples,
    blocks: tuple[str, ...],
    settings: FitSettings,
    *,
    n_jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[tuple[Ensemble, np.ndarray]]:
    """Fit one ensemble per fold; each comes with the rows it has not seen.

    Parameters
    ----------
    samples : Samples
        What to fit to; d features.
    blocks : tuple of str, (d,)
        Block of each feature.
    settings : FitSettings
        What to fit.
    n_jobs : int, optional
        Processes.
    progress : callable, optional
        Called as ``progress(done, total)`` after each fold.

    Raises
    ------
    ModelError
        As :func:`xanes_core.training.fitting.fit_ensemble`.
    """
    fitted = []
    for train, test in folds(len(samples)):
        x, y = samples.subset(train).to_fit()
        fitted.append((fit_ensemble(x, y, blocks, settings, n_jobs=n_jobs)[0], test))
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
        verdicts = domain.verdicts(self.scaled, own, self.unseen.spread)
        return np.array([verdict.level for verdict in verdicts], dtype=str)


def measure_unseen(
    ensemble: Ensemble,
    samples: Samples,
    seen: np.ndarray,
    rows: np.ndarray,
    *,
    kind: SpectrumKind = XANES,
) -> Tested:
    """Predict samples by an ensemble that has not seen them.

    Parameters
    ----------
    ensemble : Ensemble
        Fitted to the samples ``seen``.
    samples : Samples
        All of them.
    seen, rows : numpy.ndarray of int
        Indices of those fitted to, and of those to predict.
    kind : SpectrumKind, optional
        Emission is kept from being negative, as in :class:`xanes_core.model.SpectrumModel`.

    Raises
    ------
    ModelError
        The samples fitted to are all alike.
    DescriptorError
        The ensemble wants another number of features.
    """
    known, new = samples.subset(seen), samples.subset(rows)
    domain = fit_domain(ensemble.scaler.transform(known.x), known.envs)
    scaled = ensemble.scaler.transform(new.x)
    mean, spread = ensemble.predict(new.x)
    unseen = Unseen(
        truth=new.y,
        mean=kind.possible(mean),
        spread=spread,
        distance=domain.scores(scaled),
        elements=new.elements,
        rows=rows,
    )
    return Tested(unseen, scaled, domain)


@dataclass(frozen=True)
class Response:
    """What happens to spectra when ligands move, and what a model foretells; m copies.

    Attributes
    ----------
    predicted, calculated : numpy.ndarray, (m, k)
        Spectrum of the displaced copy less that of its parent, both by the model or both by the
        theory.
    moves : numpy.ndarray of str, (m,)
        How the ligands were moved.
    elements : numpy.ndarray of str, (m,)
        Absorbers.
    """

    predicted: np.ndarray
    calculated: np.ndarray
    moves: np.ndarray
    elements: np.ndarray


def foretold(ensemble: Ensemble, copies: Copies, samples: Samples) -> Response:
    """Changes of spectra from parents to their displaced copies.

    Parameters
    ----------
    ensemble : Ensemble
        What predicts; fitted to none of the parents, to measure a model fairly.
    copies : Copies
        Of some of the samples.
    samples : Samples
        Among them the parents.

    Raises
    ------
    DescriptorError
        The ensemble wants another number of features.
    """
    rows = copies.parents
    return Response(
        predicted=ensemble.predict(copies.x)[0] - ensemble.predict(samples.x[rows])[0],
        calculated=copies.y - samples.y[rows],
        moves=copies.moves,
        elements=samples.elements[rows],
    )


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


def chemistry_groups(
    shells: Sequence[Coordination], split: Split | None = None
) -> dict[str, tuple[str, np.ndarray]]:
    """Kinds of complexes worth leaving out: name -> (criterion, mask (n,)).

    Each complex has one geometry and as many ligand families as kinds of donors.

    Parameters
    ----------
    shells : sequence of Coordination, (n,)
        Of the complexes.
    split : Split, optional
        What is worth it; as usual if not given.
    """
    split = split or Split()
    geometry = np.array([_MERGED.get(one.geometry, one.geometry) for one in shells], dtype=str)
    groups = {
        name: ("geometry", geometry == name)
        for name in dict.fromkeys(_MERGED.get(name, name) for name in GEOMETRIES)
    }
    for family in FAMILIES:
        mask = np.array([family in one.families for one in shells], dtype=bool)
        groups.setdefault(family, ("ligand family", mask))
    most = split.largest(len(shells))
    return {
        name: (criterion, mask)
        for name, (criterion, mask) in groups.items()
        if split.min_count <= mask.sum() <= most
    }


def leave_out_chemistry(
    data: TrainingData,
    split: Split | None = None,
    *,
    n_jobs: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[LeftOut]:
    """Fit without each kind of complexes in turn, and predict that kind.

    Parameters
    ----------
    data : TrainingData
        What to fit to and how; held-out samples are neither used nor counted.
    split : Split, optional
        What is left out; as usual if not given.
    n_jobs : int, optional
        Processes.
    progress : callable, optional
        Called as ``progress(name, done, total)`` before each fit.

    Returns
    -------
    list of LeftOut
        Empty where the structures are not known.

    Raises
    ------
    ModelError
        As :func:`xanes_core.training.fitting.fit_ensemble`.
    """
    if data.shells is None:
        return []
    split, rows = split or Split(), data.development
    settings = data.recipe.settings.smaller(split.n_members)
    groups = chemistry_groups([data.shells[row] for row in rows], split)
    result = []
    for done, (name, (criterion, mask)) in enumerate(groups.items()):
        if progress is not None:
            progress(name, done, len(groups))
        seen = rows[~mask]
        x, y = data.subset(seen).to_fit()
        ensemble, _ = fit_ensemble(x, y, data.blocks, settings, n_jobs=n_jobs)
        tested = measure_unseen(ensemble, data, seen, rows[mask], kind=data.recipe.kind)
        result.append(LeftOut(name, criterion, tested))
    return result


@dataclass(frozen=True)
class Assessment:
    """All predictions of unseen samples, and what was fitted to them.

    Attributes
    ----------
    data : TrainingData
        What was predicted.
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
    response : Response or None
        What the fit without the held-out samples foretells of their displaced copies.
    """

    data: TrainingData
    folds: list[tuple[Ensemble, np.ndarray]]
    parts: list[Tested]
    left_out: list[LeftOut]
    held: Tested | None
    calibration: Calibration
    spread_unit: float
    response: Response | None = None

    @property
    def unseen(self) -> Unseen:
        """Development samples, predicted by the folds that had not seen them."""
        return concatenate(part.unseen for part in self.parts)

    @property
    def far(self) -> Unseen | None:
        """Kinds left out, or None."""
        return _joined(self.left_out)

    def verdicts(self, tested: Tested) -> np.ndarray:
        """Verdict on each of some tested samples of the data, (m,) str."""
        return tested.verdicts(self.spread_unit, self.data.envs)


def assess(
    data: TrainingData,
    split: Split | None = None,
    *,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> Assessment:
    """Predict every sample by an ensemble that has not seen it, and calibrate on these.

    Held-out samples are predicted, and used for nothing else.

    Parameters
    ----------
    data : TrainingData
        What to fit to and how.
    split : Split, optional
        Which kinds of complexes are left out whole; as usual if not given.
    n_jobs : int, optional
        Processes.
    progress : callable, optional
        Told what is being done.

    Raises
    ------
    ModelError
        Too few samples, or samples all alike.
    """
    tell = progress or (lambda text, share: None)
    recipe, development = data.recipe, data.development
    tell("calibrating the band on five folds", 0.0)
    folds = cross_fit(
        data.subset(development), data.blocks, recipe.settings.smaller(CALIBRATION_MEMBERS),
        n_jobs=n_jobs,
        progress=lambda done, n: tell("calibrating the band on five folds", 0.3 * done / n),
    )  # fmt: skip
    parts = [
        measure_unseen(
            ensemble, data, np.delete(development, out), development[out], kind=recipe.kind
        )
        for ensemble, out in folds
    ]
    left_out = leave_out_chemistry(
        data, split, n_jobs=n_jobs,
        progress=lambda name, done, n: tell(f"without any {name}", 0.3 + 0.4 * done / n),
    )  # fmt: skip
    unseen = concatenate(part.unseen for part in parts)
    calibration = fit_calibration(unseen, far=_joined(left_out))
    held = response = None
    if data.held_out.any():
        tell("measuring on the held-out samples", 0.7)
        known = data.subset(development)
        x, y = known.to_fit()
        ensemble, _ = fit_ensemble(x, y, data.blocks, recipe.settings, n_jobs=n_jobs)
        aside = np.flatnonzero(data.held_out)
        held = measure_unseen(ensemble, data, development, aside, kind=recipe.kind)
        if data.response is not None and len(data.response):
            response = foretold(ensemble, data.response, data)
    spread_unit = float(np.quantile(disagreement(unseen.spread), 0.95))
    return Assessment(data, folds, parts, left_out, held, calibration, spread_unit, response)


def _joined(left_out: Sequence[LeftOut]) -> Unseen | None:
    return concatenate(one.tested.unseen for one in left_out) if left_out else None

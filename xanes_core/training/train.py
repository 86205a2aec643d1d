"""Making the shipped models from their recipes."""

from __future__ import annotations

import datetime
import platform
from dataclasses import replace
from importlib.metadata import version

import numpy as np

from xanes_core.importance import Scrambling, stored_importance
from xanes_core.model import (
    Card,
    DistanceHistograms,
    Domain,
    EnergyGrid,
    Importance,
    JsonObject,
    Report,
    SpectrumModel,
    TrainingSummary,
    distance_histograms,
    fit_domain,
)
from xanes_core.training.assessment import (
    CALIBRATION_MEMBERS,
    Assessment,
    Progress,
    assess,
    cross_fit,
)
from xanes_core.training.fitting import fit_ensemble
from xanes_core.training.learning_curve import learning_curve
from xanes_core.training.recipes import TrainingData
from xanes_core.training.scores import Judged, all_metrics, judge

_PROTOCOL = (
    "fitted and calibrated without the held-out samples; the shipped model has the same "
    "calibration and is fitted to all samples by the same recipe"
)
#: Components of the spectra that the map is drawn for.
_MAP_TARGETS = 10


def train_model(
    data: TrainingData,
    *,
    with_importance: bool = True,
    n_jobs: int = 1,
    progress: Progress | None = None,
    date: str | None = None,
) -> SpectrumModel:
    """Fit a model, calibrate it, measure it, and write its card and its report.

    Accuracy is measured by the same recipe fitted without the held-out samples; the model itself
    is fitted to everything. Its band is calibrated without the held-out samples.

    Parameters
    ----------
    data : TrainingData
        What to make it from, and by which recipe.
    with_importance : bool, optional
        Compute what explains it too; :func:`add_importance` can do so later.
    n_jobs : int, optional
        Processes; does not change the result.
    progress : callable, optional
        Told what is being done.
    date : str, optional
        For the card; default today.

    Returns
    -------
    SpectrumModel

    Raises
    ------
    ModelError
        Too few samples, samples all alike, or values that are not finite.
    """
    tell, recipe = progress or (lambda text, share: None), data.recipe
    assessment = assess(data, n_jobs=n_jobs, progress=lambda text, share: tell(text, 0.5 * share))
    tell("scores of what was not seen", 0.45)
    judged = judge(assessment)
    metrics = all_metrics(assessment, judged)
    importance: dict[str, Importance] = {}
    if with_importance:
        importance = stored_importance(
            assessment.folds, data.subset(data.development), recipe.descriptor,
            Scrambling(n_jobs=n_jobs),
            progress=lambda text, share: tell(text, 0.5 + 0.2 * share),
        )  # fmt: skip
    tell("learning curve", 0.7)
    metrics["learning_curve"] = learning_curve(data, n_jobs=n_jobs)
    tell("fitting to all samples", 0.85)
    x, y = data.to_fit()
    ensemble, _ = fit_ensemble(x, y, data.blocks, recipe.settings, n_jobs=n_jobs)
    scaled = ensemble.scaler.transform(data.x)
    domain = fit_domain(scaled, data.envs, spread_unit=assessment.spread_unit)
    card = make_card(
        data, metrics=metrics, domain=domain, level=assessment.calibration.level, date=date
    )
    tell("done", 1.0)
    return SpectrumModel(
        key=recipe.key,
        card=card,
        descriptor=recipe.descriptor,
        energy_rel_ev=data.energy_rel_ev,
        ensemble=ensemble,
        calibration=assessment.calibration,
        domain=domain,
        importance=importance,
        distances=_distances(data),
        mean_mu=_mean_mu(data),
        report=make_report(assessment, judged, scaled, domain),
    )


def add_importance(
    model: SpectrumModel,
    data: TrainingData,
    *,
    n_repeats: int = 10,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> SpectrumModel:
    """Compute what explains a trained model, and return the model with it; the rest is unchanged.

    The folds are fitted again as in :func:`train_model`, with the same numbers as result.

    Parameters
    ----------
    model : SpectrumModel
        Made from ``data``.
    data, n_jobs, progress
        As in :func:`train_model`.
    n_repeats : int, optional
        Permutations of each feature or group.

    Raises
    ------
    ModelError
        As :func:`train_model`, or fewer than two repeats.
    """
    tell = progress or (lambda text, share: None)
    samples, settings = data.subset(data.development), data.recipe.settings
    tell("fitting without each of five folds", 0.0)
    folds = cross_fit(samples, data.blocks, settings.smaller(CALIBRATION_MEMBERS), n_jobs=n_jobs)
    importance = stored_importance(
        folds, samples, data.recipe.descriptor, Scrambling(n_repeats=n_repeats, n_jobs=n_jobs),
        progress=lambda text, share: tell(text, 0.5 + 0.5 * share),
    )  # fmt: skip
    tell("done", 1.0)
    return replace(model, importance=importance, distances=_distances(data), mean_mu=_mean_mu(data))


def _mean_mu(data: TrainingData) -> dict[str, np.ndarray]:
    """Mean spectrum of each absorber."""
    return {el: data.y[data.elements == el].mean(axis=0) for el in data.absorbers}


def _distances(data: TrainingData) -> DistanceHistograms | None:
    """Distances around all absorbers, where the structures are known."""
    if data.training_set is None:
        return None
    return distance_histograms((atoms, 0) for atoms in data.training_set.structures)


def make_report(
    assessment: Assessment, judged: Judged, scaled: np.ndarray, domain: Domain
) -> Report:
    """What a model makes of every record of its data.

    Parameters
    ----------
    assessment, judged
        Predictions of the records by fits that had not seen them, with bands and verdicts.
    scaled : numpy.ndarray, (n, d)
        Features of the records, as the model scales them.
    domain : Domain
        Of the model.
    """
    data, unseen = assessment.data, judged.unseen
    n = len(data)
    mean, axes = draw_map(scaled, data.y)
    number, state, geometry = np.full(n, -1), np.full(n, -1), np.full(n, "", dtype="U24")
    if data.training_set is not None:
        states = data.training_set.info("oxidation_state")
        state[: len(states)] = [-1 if one is None else int(one) for one in states]
    if data.shells is not None:
        number = np.array([shell.number for shell in data.shells])
        geometry = np.array([shell.geometry for shell in data.shells])
    report = Report(
        names=data.names,
        elements=data.elements,
        held_out=data.held_out,
        mse=np.mean((unseen.mean - unseen.truth) ** 2, axis=1).astype(np.float32),
        distance=unseen.distance.astype(np.float32),
        verdict=judged.verdict,
        map_xy=((scaled - mean) @ axes).astype(np.float32),
        map_mean=mean.astype(np.float32),
        map_axes=axes.astype(np.float32),
        coordination=number,
        oxidation_state=state,
        geometry=geometry,
        sha256=data.sha256,
        energy_rel_ev=data.energy_rel_ev,
        features=domain.features,
        unit=domain.unit,
    )
    if not data.recipe.redistributable:
        return report
    lower, upper = judged.bands[assessment.calibration.level]
    return replace(
        report,
        mean=unseen.mean.astype(np.float16),
        lower=lower.astype(np.float16),
        upper=upper.astype(np.float16),
        truth=unseen.truth.astype(np.float16),
    )


def make_card(
    data: TrainingData,
    *,
    metrics: JsonObject,
    domain: Domain,
    level: float,
    date: str | None = None,
) -> Card:
    """Card of a model.

    Parameters
    ----------
    data : TrainingData
        What was fitted to, and how.
    metrics : mapping
        As :func:`xanes_core.training.scores.all_metrics`.
    domain : Domain
        Of the training set.
    level : float
        Of the default band.
    date : str, optional
        Default today.
    """
    recipe, grid = data.recipe, data.energy_rel_ev
    return Card(
        key=recipe.key,
        title=recipe.title,
        elements=recipe.elements,
        default_for=recipe.default_for,
        edge="K",
        kind=recipe.kind,
        theory=recipe.theory,
        broadening=recipe.broadening,
        convention=recipe.convention,
        descriptor=recipe.descriptor.parameters(),
        grid=EnergyGrid(
            start_rel_ev=float(grid[0]),
            stop_rel_ev=float(grid[-1]),
            n_points=len(grid),
            relative_to="tabulated K edge E0",
        ),
        training_set=TrainingSummary(
            n=len(data),
            n_per_element={el: int((data.elements == el).sum()) for el in data.absorbers},
            n_held_out_for_metrics=int(data.held_out.sum()),
            sha256=data.sha256,
            source=recipe.data,
            further={} if data.copies is None else {"n_displaced_copies": len(data.copies)},
        ),
        hyper_parameters=recipe.settings.as_dict(),
        interval_level=level,
        metrics={"protocol": _PROTOCOL, **metrics},
        domain=domain.chemistry,
        licence=recipe.licence,
        origin=recipe.origin,
        size_note=recipe.size_note,
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scikit-learn", "scipy", "ase")},
        },
        date=date or datetime.date.today().isoformat(),
    )


def draw_map(scaled: np.ndarray, spectra: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The plane of features that tells most about the spectra (partial least squares).

    Parameters
    ----------
    scaled, spectra : numpy.ndarray, (n, d) and (n, k)
        Scaled features and spectra of the training set.

    Returns
    -------
    map_mean, map_axes : numpy.ndarray, (d,) and (d, 2)
        See :class:`Report`; each axis has unit variance over the training set.
    """
    # a second that predicting does without
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.decomposition import PCA

    targets = PCA(min(_MAP_TARGETS, *spectra.shape)).fit_transform(spectra)
    a = np.asarray(scaled, dtype=np.float64)
    fitted = PLSRegression(n_components=2, scale=False).fit(a, targets)
    mean, axes = a.mean(axis=0), fitted.x_rotations_
    spread = ((a - mean) @ axes).std(axis=0)
    return mean, axes / np.where(spread > 0, spread, 1.0)

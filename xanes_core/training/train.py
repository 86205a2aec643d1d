"""Making the shipped models from their recipes."""

from __future__ import annotations

import datetime
import platform
from dataclasses import replace
from importlib.metadata import version

import numpy as np

from xanes_core.importance import stored_importance
from xanes_core.model import (
    Card,
    DistanceHistograms,
    Domain,
    EnergyGrid,
    Ensemble,
    Importance,
    Report,
    SpectrumModel,
    TrainingSummary,
    distance_histograms,
    fit_domain,
)
from xanes_core.structures import coordination
from xanes_core.training.assessment import Assessment, Progress, assess, fold_ensembles
from xanes_core.training.fitting import FitSettings, fit_ensemble
from xanes_core.training.learning_curve import learning_curve
from xanes_core.training.recipes import Recipe, TrainingData
from xanes_core.training.scores import Judged, all_metrics, judge

_PROTOCOL = (
    "fitted and calibrated without the held-out samples; the shipped model has the same "
    "calibration and is fitted to all samples by the same recipe"
)
#: Components of the spectra that the map is drawn for.
_MAP_TARGETS = 10


def train_model(
    recipe: Recipe,
    data: TrainingData,
    *,
    settings: FitSettings | None = None,
    n_jobs: int = 1,
    progress: Progress | None = None,
    date: str | None = None,
) -> SpectrumModel:
    """Fit a model, calibrate it, measure it, and write its card and its report.

    Accuracy is measured by the same recipe fitted without the held-out samples; the model itself
    is fitted to everything. Its band is calibrated without the held-out samples.

    Parameters
    ----------
    recipe, data
        What to make and from what.
    settings : FitSettings, optional
        Instead of those of the recipe (for quick tests).
    n_jobs : int, optional
        Processes; does not change the result.
    progress : callable, optional
        Told what is being done.
    date : str, optional
        For the card; default today.

    Returns
    -------
    SpectrumModel
    """
    settings = settings or recipe.settings
    tell = progress or (lambda text, share: None)
    found = assess(
        recipe, data, settings, n_jobs=n_jobs, progress=lambda text, share: tell(text, 0.5 * share)
    )
    tell("scores of what was not seen", 0.45)
    judged = judge(found)
    metrics = all_metrics(recipe, data, found, judged)
    importance = _explain(recipe, data, found.folds, n_jobs, tell)
    tell("learning curve", 0.7)
    metrics["learning_curve"] = learning_curve(recipe, data, settings, n_jobs=n_jobs)
    tell("fitting to all samples", 0.85)
    blocks = recipe.descriptor.feature_kinds
    ensemble, _ = fit_ensemble(data.x, data.y, blocks, settings, n_jobs=n_jobs)
    scaled = ensemble.scaler.transform(data.x)
    domain = fit_domain(scaled, found.envs, spread_unit=found.spread_unit)
    level = found.calibration.level
    tell("done", 1.0)
    return SpectrumModel(
        key=recipe.key,
        card=make_card(
            recipe, data, settings, metrics=metrics, domain=domain, level=level, date=date
        ),
        descriptor=recipe.descriptor,
        energy_rel_ev=data.energy_rel_ev,
        ensemble=ensemble,
        calibration=found.calibration,
        domain=domain,
        importance=importance,
        report=_report(recipe, data, found, judged, ensemble, domain),
        **_about_data(recipe, data),
    )


def add_importance(
    model: SpectrumModel,
    recipe: Recipe,
    data: TrainingData,
    *,
    settings: FitSettings | None = None,
    n_repeats: int = 10,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> SpectrumModel:
    """Compute what explains a trained model, and return the model with it; the rest is unchanged.

    The folds are fitted again as in :func:`train_model`, with the same numbers as result.

    Parameters
    ----------
    model : SpectrumModel
        Made by ``recipe`` from ``data``.
    recipe, data, settings, n_jobs, progress
        As in :func:`train_model`.
    n_repeats : int, optional
        Permutations of each feature or group.
    """
    tell = progress or (lambda text, share: None)
    tell("fitting without each of five folds", 0.0)
    folds = fold_ensembles(recipe, data, settings or recipe.settings, n_jobs=n_jobs)
    importance = _explain(recipe, data, folds, n_jobs, tell, n_repeats)
    tell("done", 1.0)
    return replace(model, importance=importance, **_about_data(recipe, data))


def _explain(
    recipe: Recipe,
    data: TrainingData,
    folds: list[tuple[Ensemble, np.ndarray]],
    n_jobs: int,
    tell: Progress,
    n_repeats: int = 10,
) -> dict[str, Importance]:
    """Importance on the folds that the calibration is fitted to, so nothing is fitted twice."""
    rows = ~data.held_out
    return stored_importance(
        folds,
        data.x[rows],
        data.y[rows],
        data.elements[rows],
        recipe.descriptor,
        energy_rel_ev=data.energy_rel_ev,
        n_repeats=n_repeats,
        n_jobs=n_jobs,
        progress=lambda text, share: tell(text, 0.5 + 0.2 * share),
    )


def _about_data(recipe: Recipe, data: TrainingData) -> dict:
    """Mean spectra and distances of all samples, as attributes of the model."""
    known = [el for el in recipe.elements if (data.elements == el).any()]
    distances: DistanceHistograms | None = None
    if data.training_set is not None:
        distances = distance_histograms((atoms, 0) for atoms in data.training_set.structures)
    return {
        "mean_mu": {el: data.y[data.elements == el].mean(axis=0) for el in known},
        "distances": distances,
    }


def _report(
    recipe: Recipe,
    data: TrainingData,
    found: Assessment,
    judged: Judged,
    ensemble: Ensemble,
    domain: Domain,
) -> Report:
    n, unseen = len(data.x), judged.unseen
    scaled = ensemble.scaler.transform(data.x)
    mean, axes = draw_map(scaled, data.y)
    names = np.array([f"sample {i}" for i in range(n)])
    number, state, kind = np.full(n, -1), np.full(n, -1), np.full(n, "", dtype="U24")
    if data.training_set is not None:
        names = data.training_set.names
        told = data.training_set.info("oxidation_state")
        state = np.array([-1 if one is None else int(one) for one in told])
        around = [coordination(env) for env in found.envs]
        number = np.array([one.number for one in around])
        kind = np.array([one.geometry for one in around])
    spectra = {}
    if recipe.redistributable:
        lower, upper = judged.bands[found.calibration.level]
        stored = {"mean": unseen.mean, "lower": lower, "upper": upper, "truth": unseen.truth}
        spectra = {name: curves.astype(np.float16) for name, curves in stored.items()}
    return Report(
        names=names,
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
        kind=kind,
        sha256=data.sha256,
        energy_rel_ev=data.energy_rel_ev,
        features=domain.features,
        unit=domain.unit,
        **spectra,
    )


def make_card(
    recipe: Recipe,
    data: TrainingData,
    settings: FitSettings,
    *,
    metrics: dict,
    domain: Domain,
    level: float,
    date: str | None = None,
) -> Card:
    """Card of a model.

    Parameters
    ----------
    recipe, data, settings
        What was fitted, to what and how.
    metrics : dict
        As :func:`xanes_core.training.scores.all_metrics`.
    domain : Domain
        Of the training set.
    level : float
        Of the default band.
    date : str, optional
        Default today.
    """
    grid, elements = data.energy_rel_ev, data.elements
    counts = {el: int((elements == el).sum()) for el in recipe.elements if (elements == el).any()}
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
            n=len(data.x),
            n_per_element=counts,
            n_held_out_for_metrics=int(data.held_out.sum()),
            sha256=data.sha256,
            source=recipe.data,
        ),
        hyper_parameters=settings.as_dict(),
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

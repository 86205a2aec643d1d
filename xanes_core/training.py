"""Making the shipped models from their recipes, and measuring them on held-out data."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version

import numpy as np

from xanes_core.calibration import Calibration, fit_calibration
from xanes_core.distances import DistanceHistograms, distance_histograms
from xanes_core.domain import VERDICTS, Domain, fit_domain
from xanes_core.ensemble import Ensemble
from xanes_core.fitting import FitSettings, fit_ensemble
from xanes_core.importance_result import Importance
from xanes_core.importance_stored import stored_importance
from xanes_core.model import SpectrumModel
from xanes_core.recipes import Recipe, TrainingData
from xanes_core.registry import CARD_VERSION
from xanes_core.validation import cross_fit, predict_unseen, scores
from xanes_core.wacsf import WACSF

#: Called with a sentence and the share done (0 to 1).
Progress = Callable[[str, float], None]


#: Members per fold when the band is calibrated: their spread is an estimate of the same quantity.
CALIBRATION_MEMBERS = 8


#: Ensembles with the rows each has not seen.
_Folds = list[tuple[Ensemble, np.ndarray]]


@dataclass(frozen=True)
class _Fitted:
    ensemble: Ensemble
    domain: Domain


def train_model(
    recipe: Recipe,
    data: TrainingData,
    *,
    settings: FitSettings | None = None,
    n_jobs: int = 1,
    progress: Progress | None = None,
    date: str | None = None,
) -> SpectrumModel:
    """Fit a model, calibrate it and write its card.

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
    development = ~data.held_out
    tell("calibrating the band on five folds", 0.0)
    folds = _cross_fit(recipe, data, development, settings, n_jobs)
    calibration = _calibrate(data, development, folds)
    importance = _explain(recipe, data, development, folds, n_jobs, tell)
    metrics: dict = {}
    if data.held_out.any():
        tell("measuring on the held-out samples", 0.5)
        measured = _fit(recipe, data, development, settings, n_jobs)
        metrics = _scores(recipe, data, measured, calibration)
    tell("fitting to all samples", 0.75)
    fitted = _fit(recipe, data, np.ones(len(data.x), dtype=bool), settings, n_jobs)
    tell("done", 1.0)
    card = _card(recipe, data, settings, metrics, fitted, calibration.level, date)
    return SpectrumModel(
        key=recipe.key,
        card=card,
        convention=WACSF.from_name(recipe.convention),
        energy_rel_ev=data.energy_rel_ev,
        ensemble=fitted.ensemble,
        calibration=calibration,
        domain=fitted.domain,
        importance=importance,
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
    settings = settings or recipe.settings
    tell = progress or (lambda text, share: None)
    development = ~data.held_out
    tell("fitting without each of five folds", 0.0)
    folds = _cross_fit(recipe, data, development, settings, n_jobs)
    importance = _explain(recipe, data, development, folds, n_jobs, tell, n_repeats)
    tell("done", 1.0)
    return replace(model, importance=importance, **_about_data(recipe, data))


def held_out_metrics(
    recipe: Recipe, data: TrainingData, settings: FitSettings, *, n_jobs: int = 1
) -> dict:
    """Scores on the held-out samples of a fit that never saw them.

    Returns
    -------
    dict
        ``all`` and one entry per element as :func:`xanes_core.validation.scores`; ``domain`` with
        n and MSE by verdict (from features alone).
    """
    development = ~data.held_out
    folds = _cross_fit(recipe, data, development, settings, n_jobs)
    calibration = _calibrate(data, development, folds)
    return _scores(recipe, data, _fit(recipe, data, development, settings, n_jobs), calibration)


def _scores(recipe: Recipe, data: TrainingData, fitted: _Fitted, calibration: Calibration) -> dict:
    x, y, elements = (a[data.held_out] for a in (data.x, data.y, data.elements))
    mean, spread = fitted.ensemble.predict(x)
    _, lower, upper = calibration.apply(mean, spread)
    chosen = {"all": np.ones(len(y), dtype=bool)}
    chosen |= {el: elements == el for el in recipe.elements if (elements == el).any()}
    result = {
        name: _rounded(
            scores(data.energy_rel_ev, y[rows], mean[rows], band=(lower[rows], upper[rows]))
        )
        for name, rows in chosen.items()
    }
    scaled = fitted.ensemble.scaler.transform(x)
    levels = np.array([verdict.level for verdict in fitted.domain.verdicts(scaled)])
    result["domain"] = {
        level: {"n": int(rows.sum()), "mse": round(float(np.mean((mean - y)[rows] ** 2)), 6)}
        for level in VERDICTS
        if (rows := levels == level).any()
    }
    return result


def _cross_fit(
    recipe: Recipe, data: TrainingData, rows: np.ndarray, settings: FitSettings, n_jobs: int
) -> _Folds:
    blocks = WACSF.from_name(recipe.convention).feature_kinds
    fewer = replace(settings, n_members=min(settings.n_members, CALIBRATION_MEMBERS))
    return cross_fit(data.x[rows], data.y[rows], blocks, fewer, n_jobs=n_jobs)


def _calibrate(data: TrainingData, rows: np.ndarray, folds: _Folds) -> Calibration:
    return fit_calibration(data.y[rows], *predict_unseen(folds, data.x[rows]))


def _explain(
    recipe: Recipe,
    data: TrainingData,
    rows: np.ndarray,
    folds: _Folds,
    n_jobs: int,
    tell: Progress,
    n_repeats: int = 10,
) -> dict[str, Importance]:
    """Importance on the folds that the calibration is fitted to, so nothing is fitted twice."""
    return stored_importance(
        folds,
        data.x[rows],
        data.y[rows],
        data.elements[rows],
        WACSF.from_name(recipe.convention),
        energy_rel_ev=data.energy_rel_ev,
        n_repeats=n_repeats,
        n_jobs=n_jobs,
        progress=lambda text, share: tell(text, 0.3 + 0.2 * share),
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


def _fit(
    recipe: Recipe, data: TrainingData, rows: np.ndarray, settings: FitSettings, n_jobs: int
) -> _Fitted:
    blocks = WACSF.from_name(recipe.convention).feature_kinds
    ensemble, _ = fit_ensemble(data.x[rows], data.y[rows], blocks, settings, n_jobs=n_jobs)
    structures = None
    if data.training_set is not None:
        structures = data.training_set.subset(rows).structures
    return _Fitted(
        ensemble=ensemble,
        domain=fit_domain(ensemble.scaler.transform(data.x[rows]), structures),
    )


def _card(
    recipe: Recipe,
    data: TrainingData,
    settings: FitSettings,
    metrics: dict,
    fitted: _Fitted,
    level: float,
    date: str | None,
) -> dict:
    grid = data.energy_rel_ev
    return {
        "card_version": CARD_VERSION,
        "key": recipe.key,
        "title": recipe.title,
        "elements": list(recipe.elements),
        "default_for": list(recipe.default_for),
        "edge": "K",
        "spectrum": recipe.spectrum,
        "theory": recipe.theory,
        "broadening": recipe.broadening,
        "convention": recipe.convention,
        "descriptor": WACSF.from_name(recipe.convention).parameters(),
        "grid": {
            "start_rel_ev": float(grid[0]),
            "stop_rel_ev": float(grid[-1]),
            "n_points": len(grid),
            "relative_to": "tabulated K edge E0",
        },
        "training_set": {
            "n": len(data.x),
            "n_per_element": {
                el: int((data.elements == el).sum())
                for el in recipe.elements
                if (data.elements == el).any()
            },
            "n_held_out_for_metrics": int(data.held_out.sum()),
            "sha256": data.sha256,
            "source": recipe.data,
        },
        "hyper_parameters": settings.as_dict(),
        "interval_level": level,
        "metrics": {
            "protocol": "fitted and calibrated without the held-out samples; the shipped model has "
            "the same calibration and is fitted to all samples by the same recipe",
            "held_out": metrics,
        },
        "domain": fitted.domain.chemistry,
        "licence": recipe.licence,
        "origin": recipe.origin,
        "size_note": recipe.size_note,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scikit-learn", "scipy", "ase")},
        },
        "date": date or datetime.date.today().isoformat(),
    }


def _rounded(values: dict) -> dict:
    return {
        key: None if value != value else value if isinstance(value, int) else round(value, 6)
        for key, value in values.items()
    }

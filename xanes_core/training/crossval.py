"""Choosing descriptor and settings by cross-validation, without the held-out samples.

``python -m xanes_core crossval --model KEY`` prints the mean squared error of every candidate on
the same five folds. The recipes in :mod:`xanes_core.training.recipes` carry what won.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from xanes_core.descriptors import SPECIES_GROUPS, WACSF
from xanes_core.training.assessment import folds
from xanes_core.training.baselines import BASELINES, kernel_ridge, per_element
from xanes_core.training.fitting import FitSettings, fit_ensemble
from xanes_core.training.recipes import Recipe, TrainingData

#: Changes tried one at a time against the recipe's settings.
SETTINGS: dict[str, dict] = {
    "as the recipe": {},
    "every feature scaled by itself": {"per_feature_scale": True, "gain": 1.0},
    "gain 1": {"gain": 1.0},
    "gain 0.25": {"gain": 0.25},
    "256 x 256": {"hidden": (256, 256)},
    "tanh": {"activation": "tanh"},
    "alpha 1": {"alpha": 1.0},
    "40 components": {"n_components": 40},
    "20 epochs": {"n_epochs": 20},
    "80 epochs": {"n_epochs": 80},
    "half the features each": {"feature_share": 0.5},
    "bootstrap": {"resample": "bootstrap"},
    "every sample each": {"resample": "none"},
    "ridge first": {"ridge_alpha": 10.0},
    "networks alone": {"kernel_share": 0.0},
    "half kernel": {"kernel_share": 0.5},
    "no position of its own": {"align": ""},
}


@dataclass(frozen=True)
class Candidate:
    """Result of one candidate: mean squared error, its standard error over folds, seconds."""

    name: str
    mse: float
    mse_fold_error: float
    single_mse: float | None
    seconds: float


def descriptors(recipe: Recipe) -> dict[str, WACSF]:
    """Return the changes of a wACSF that are tried for models trained on structures."""
    base = recipe.descriptor
    if not isinstance(base, WACSF):
        return {}
    return {
        "xanesnet functions, element told": replace(
            WACSF.xanesnet(), absorber_elements=base.absorber_elements
        ),
        "G4 widths up to the cut-off, element told": replace(base, species=()),
        "single elements instead of groups": replace(
            base, species=tuple((el,) for group in SPECIES_GROUPS for el in group)
        ),
        "24 centres from 0.8 A": replace(base, g2_mu_ang=tuple(np.linspace(0.8, 5.6, 24))),
        "no G4": replace(base, g4_width_ang=()),
    }


def compare(
    recipe: Recipe, data: TrainingData, *, n_members: int = 4, n_jobs: int = 1
) -> Iterator[Candidate]:
    """Yield the candidates one by one, in the order tried.

    Parameters
    ----------
    recipe, data
        What is to be improved, and the data; held-out samples are not used.
    n_members : int, optional
        Size of the ensembles compared (smaller than what is shipped, to save time).
    n_jobs : int, optional
        Processes.
    """
    kept = ~data.held_out
    x, y, elements = data.x[kept], data.y[kept], data.elements[kept]
    blocks = recipe.descriptor.feature_kinds
    base = replace(recipe.settings, n_members=n_members)
    reference_x = x
    if data.training_set is not None:
        structures = data.training_set.subset(kept).structures
        reference_x = WACSF.xanesnet().transform_many((atoms, 0) for atoms in structures)
    for name, baseline in {**BASELINES, "kernel ridge": per_element(kernel_ridge)}.items():
        yield _cross(name, y, _baseline_fit(baseline, reference_x, y, elements))
    if len(recipe.elements) > 1:
        fit = _one_by_one(x, y, elements, blocks, base, n_jobs)
        yield _cross("as the recipe, element by element", y, fit)
    for name, change in SETTINGS.items():
        yield _cross(name, y, _ensemble_fit(x, y, blocks, replace(base, **change), n_jobs))
    if data.training_set is not None:
        for name, descriptor in descriptors(recipe).items():
            other = descriptor.transform_many((atoms, 0) for atoms in structures)
            yield _cross(name, y, _ensemble_fit(other, y, descriptor.feature_kinds, base, n_jobs))


def _cross(name: str, y: np.ndarray, fit) -> Candidate:
    start, errors, singles = time.perf_counter(), [], []
    for train, test in folds(len(y)):
        mean, members = fit(train, test)
        errors.append(np.mean((mean - y[test]) ** 2))
        if members is not None:
            singles.append(np.mean((members - y[test]) ** 2))
    return Candidate(
        name=name,
        mse=float(np.mean(errors)),
        mse_fold_error=float(np.std(errors, ddof=1) / np.sqrt(len(errors))),
        single_mse=float(np.mean(singles)) if singles else None,
        seconds=time.perf_counter() - start,
    )


def _baseline_fit(baseline, x, y, elements):
    def fit(train, test):
        return baseline(x[train], y[train], elements[train], x[test], elements[test]), None

    return fit


def _ensemble_fit(x, y, blocks, settings: FitSettings, n_jobs: int):
    def fit(train, test):
        ensemble, _ = fit_ensemble(x[train], y[train], blocks, settings, n_jobs=n_jobs)
        members = ensemble.predict_members(x[test])
        return members.mean(axis=0), members

    return fit


def _one_by_one(x, y, elements, blocks, settings: FitSettings, n_jobs: int):
    def fit(train, test):
        mean = np.empty_like(y[test])
        for element in np.unique(elements[test]):
            rows, wanted = train[elements[train] == element], elements[test] == element
            ensemble, _ = fit_ensemble(x[rows], y[rows], blocks, settings, n_jobs=n_jobs)
            mean[wanted] = ensemble.predict(x[test][wanted])[0]
        return mean, None

    return fit

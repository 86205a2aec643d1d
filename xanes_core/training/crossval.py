"""Choosing descriptor and settings by cross-validation, without the held-out samples.

``python -m xanes_core crossval --model KEY`` prints the mean squared error of every variant on
the same five folds. The recipes in :mod:`xanes_core.training.recipes` carry what won.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xanes_core.descriptors import SPECIES_GROUPS, WACSF, Descriptor, Joined
from xanes_core.model import Samples
from xanes_core.training.assessment import folds
from xanes_core.training.baselines import BASELINES, Baseline, kernel_ridge, per_element
from xanes_core.training.fitting import FitSettings, fit_ensemble
from xanes_core.training.recipes import Recipe, TrainingData

#: Changes tried one at a time against the recipe's settings.
SETTINGS: dict[str, dict[str, Any]] = {
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


#: From training and validation rows to spectra (n, k) of the latter, and those of each member
#: (m, n, k) where there are several.
Fit = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray | None]]


@dataclass(frozen=True)
class Variant:
    """What a way of fitting is worth: mean squared error, its standard error over folds, seconds.

    Attributes
    ----------
    name : str
        What it is.
    mse, mse_fold_error : float
        Of the mean over members.
    single_mse : float or None
        Of single members, where there are several.
    seconds : float
        Of all five fits.
    """

    name: str
    mse: float
    mse_fold_error: float
    single_mse: float | None
    seconds: float


def descriptors(recipe: Recipe) -> dict[str, Descriptor]:
    """Return the changes of a descriptor that are tried for models trained on structures."""
    base = recipe.descriptor
    if isinstance(base, Joined):
        return {
            f"without {left_out.name}": replace(
                base, parts=tuple(part for part in base.parts if part is not left_out)
            )
            for left_out in base.parts[1:]
        }
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
    data: TrainingData,
    *,
    baselines: Mapping[str, Baseline] = BASELINES,
    changes: Mapping[str, Mapping[str, Any]] = SETTINGS,
    other_descriptors: Mapping[str, Descriptor] | None = None,
    n_members: int = 4,
    n_jobs: int = 1,
) -> Iterator[Variant]:
    """Yield the variants one by one, in the order tried.

    Parameters
    ----------
    data : TrainingData
        With the recipe to be improved; held-out samples are not used.
    baselines : mapping of str to callable, optional
        What is tried beside the recipe.
    changes : mapping of str to mapping, optional
        Changes of its settings.
    other_descriptors : mapping of str to Descriptor, optional
        Instead of its own; default :func:`descriptors`.
    n_members : int, optional
        Size of the ensembles compared (smaller than what is shipped, to save time).
    n_jobs : int, optional
        Processes.

    Raises
    ------
    ModelError
        A change makes no sense, or there are too few samples.
    DatasetError
        An element has no sample to fit a baseline to.
    """
    data = data.own()  # other descriptors need structures
    samples, blocks = data.subset(data.development), data.blocks
    base = replace(data.recipe.settings, n_members=n_members)
    structures = []
    if data.training_set is not None:
        structures = [data.training_set.structures[row] for row in data.development]

    def featured(descriptor: Descriptor) -> Samples:
        x = descriptor.transform_many((atoms, 0) for atoms in structures)
        return replace(samples, x=x, copies=None)  # copies have features of the recipe alone

    reference = featured(WACSF.xanesnet()) if structures else samples
    for name, baseline in {**baselines, "kernel ridge": per_element(kernel_ridge)}.items():
        yield _cross(name, samples.y, _baseline_fit(baseline, reference))
    if len(data.recipe.elements) > 1:
        fit = _one_by_one(samples, blocks, base, n_jobs)
        yield _cross("as the recipe, element by element", samples.y, fit)
    for name, change in changes.items():
        fit = _ensemble_fit(samples, blocks, replace(base, **change), n_jobs)
        yield _cross(name, samples.y, fit)
    if samples.copies is not None:
        fit = _ensemble_fit(replace(samples, copies=None), blocks, base, n_jobs)
        yield _cross("without displaced copies", samples.y, fit)
    if structures:
        if other_descriptors is None:
            other_descriptors = descriptors(data.recipe)
        for name, other in other_descriptors.items():
            fit = _ensemble_fit(featured(other), other.feature_kinds, base, n_jobs)
            yield _cross(name, samples.y, fit)


def _cross(name: str, y: np.ndarray, fit: Fit) -> Variant:
    start, errors, singles = time.perf_counter(), [], []
    for train, test in folds(len(y)):
        mean, members = fit(train, test)
        errors.append(np.mean((mean - y[test]) ** 2))
        if members is not None:
            singles.append(np.mean((members - y[test]) ** 2))
    return Variant(
        name=name,
        mse=float(np.mean(errors)),
        mse_fold_error=float(np.std(errors, ddof=1) / np.sqrt(len(errors))),
        single_mse=float(np.mean(singles)) if singles else None,
        seconds=time.perf_counter() - start,
    )


def _baseline_fit(baseline: Baseline, samples: Samples) -> Fit:
    def fit(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, None]:
        known, new = samples.subset(train), samples.subset(test)
        return baseline(known.x, known.y, known.elements, new.x, new.elements), None

    return fit


def _ensemble_fit(
    samples: Samples, blocks: tuple[str, ...], settings: FitSettings, n_jobs: int
) -> Fit:
    def fit(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, y = samples.subset(train).to_fit()
        ensemble, _ = fit_ensemble(x, y, blocks, settings, n_jobs=n_jobs)
        members = ensemble.predict_members(samples.x[test])
        return members.mean(axis=0), members

    return fit


def _one_by_one(
    samples: Samples, blocks: tuple[str, ...], settings: FitSettings, n_jobs: int
) -> Fit:
    def fit(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, None]:
        known, new = samples.subset(train), samples.subset(test)
        mean = np.empty_like(new.y)
        for element in np.unique(new.elements):
            own, wanted = known.elements == element, new.elements == element
            x, y = known.subset(own).to_fit()
            ensemble, _ = fit_ensemble(x, y, blocks, settings, n_jobs=n_jobs)
            mean[wanted] = ensemble.predict(new.x[wanted])[0]
        return mean, None

    return fit

"""What a model says of itself: the entries of ``card.json``."""

from __future__ import annotations

import datetime
import platform
from importlib.metadata import version

from xanes_core.domain import Domain
from xanes_core.fitting import FitSettings
from xanes_core.recipes import Recipe, TrainingData
from xanes_core.registry import CARD_VERSION
from xanes_core.wacsf import WACSF

_PROTOCOL = (
    "fitted and calibrated without the held-out samples; the shipped model has the same "
    "calibration and is fitted to all samples by the same recipe"
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
) -> dict:
    """Card of a model.

    Parameters
    ----------
    recipe, data, settings
        What was fitted, to what and how.
    metrics : dict
        As :func:`xanes_core.assessment_metrics.all_metrics`.
    domain : Domain
        Of the training set.
    level : float
        Of the default band.
    date : str, optional
        Default today.
    """
    grid, elements = data.energy_rel_ev, data.elements
    counts = {el: int((elements == el).sum()) for el in recipe.elements if (elements == el).any()}
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
            "n_per_element": counts,
            "n_held_out_for_metrics": int(data.held_out.sum()),
            "sha256": data.sha256,
            "source": recipe.data,
        },
        "hyper_parameters": settings.as_dict(),
        "interval_level": level,
        "metrics": {"protocol": _PROTOCOL, **metrics},
        "domain": domain.chemistry,
        "licence": recipe.licence,
        "origin": recipe.origin,
        "size_note": recipe.size_note,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scikit-learn", "scipy", "ase")},
        },
        "date": date or datetime.date.today().isoformat(),
    }

"""Which of several models to believe about one structure: the one that knows it best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xanes_core.errors import ModelError
from xanes_core.model.domain import VERDICTS
from xanes_core.model.spectrum_model import Prediction


def best_model(predictions: Sequence[Prediction]) -> Prediction:
    """Prediction of the model that knows the structure best.

    The verdict decides first (in domain before at the edge before outside), then the mean width of
    the band, then the order given, so that the default model comes first where nothing else does.

    Parameters
    ----------
    predictions : sequence of Prediction
        Of one absorber of one structure, by different models of one kind of spectrum.

    Raises
    ------
    ModelError
        There are none, or they are about different absorbers or kinds of spectra.
    """
    if not predictions:
        raise ModelError("no prediction to choose from; name a model that knows the absorber")
    if len({(p.element, p.kind.key, p.sites) for p in predictions}) > 1:
        raise ModelError(
            "only predictions of the same absorber and kind of spectrum can be compared; "
            "predict one structure with each model"
        )
    return min(predictions, key=lambda p: (VERDICTS.index(p.domain.level), band_width(p)))


def why_best(predictions: Sequence[Prediction]) -> str:
    """Say in one line why :func:`best_model` decides as it does; empty where it has no choice.

    Raises
    ------
    ModelError
        As :func:`best_model`.
    """
    best = best_model(predictions)
    others = [p for p in predictions if p is not best]
    if not others:
        return ""
    said = [f"{p.model_key} is {p.domain.level}, {band_width(p):.2f}" for p in others]
    return (
        f"{best.model_key} knows this structure best: {best.domain.level}, band "
        f"{band_width(best):.2f} wide; {'; '.join(said)}"
    )


def band_width(prediction: Prediction) -> float:
    """Mean width of the band, in the unit of the spectrum."""
    return float(np.mean(prediction.upper - prediction.lower))

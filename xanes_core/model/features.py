"""The numbers people quote from a predicted spectrum, each with its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xanes_core.spectra import (
    XANES,
    XES,
    SpectrumKind,
    emission_features,
    features_with_uncertainty,
    spectral_features,
)

if TYPE_CHECKING:
    from xanes_core.model.spectrum_model import Prediction
    from xanes_core.spectra.edge_features import SpectralFeatures
    from xanes_core.spectra.emission import EmissionFeatures

#: Reads the features off one curve, by kind of spectrum.
_READ: dict[SpectrumKind, Callable[..., SpectralFeatures | EmissionFeatures]] = {
    XANES: spectral_features,
    XES: emission_features,
}


@dataclass(frozen=True)
class PredictedFeature:
    """One number of a predicted spectrum.

    Attributes
    ----------
    value : float
        Of the mean spectrum; NaN where fewer than half of the networks show the feature.
    spread : float
        Standard deviation over the networks that show it; NaN for fewer than two.
    """

    value: float
    spread: float


def prediction_features(prediction: Prediction) -> dict[str, PredictedFeature]:
    """Features of a prediction by name: of its edge, or of its emission.

    Energies are relative to E0 (eV), heights in the unit of the spectrum; the names are the fields
    of what :func:`xanes_core.spectra.spectral_features` and
    :func:`xanes_core.spectra.emission_features` return.
    """
    read, energy = _READ[prediction.kind], prediction.energy_rel_ev
    mean = read(energy, prediction.mu)
    estimates = features_with_uncertainty(energy, prediction.members, read=read)
    return {
        name: PredictedFeature(
            getattr(mean, name) if 2 * one.n_showing >= one.n_members else math.nan, one.std
        )
        for name, one in estimates.items()
    }

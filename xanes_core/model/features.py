"""The numbers people quote from a predicted spectrum: value, spread, who agrees, what others see.

One meaning for pages, tables, files and the command line. Energies are relative to E0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from xanes_core.files import csv_text
from xanes_core.spectra import (
    XANES,
    XES,
    FeatureEstimate,
    SpectrumKind,
    emission_features,
    features_with_uncertainty,
    spectral_features,
)

if TYPE_CHECKING:
    from xanes_core.model.spectrum_model import Prediction
    from xanes_core.spectra.edge_features import SpectralFeatures
    from xanes_core.spectra.emission import EmissionFeatures

#: Label, energy and height of every row of a table, by kind of spectrum.
FEATURE_ROWS: dict[SpectrumKind, tuple[tuple[str, str, str | None], ...]] = {
    XANES: (
        ("Edge, half step", "edge_half_ev", None),
        ("Edge, steepest", "edge_steepest_ev", None),
        ("White line", "white_line_ev", "white_line_height"),
        ("Pre-edge peak", "pre_edge_ev", "pre_edge_height"),
    ),
    XES: (
        ("Main maximum", "main_peak_ev", "main_peak_height"),
        ("Mean energy of the band", "mean_energy_ev", None),
        ("Peak below it", "satellite_ev", "satellite_height"),
    ),
}
#: Reads the features off one curve, by kind of spectrum.
_READ: dict[SpectrumKind, Callable[..., SpectralFeatures | EmissionFeatures]] = {
    XANES: spectral_features,
    XES: emission_features,
}
#: Columns of :func:`features_csv`.
FEATURE_COLUMNS = ("feature", "value", "std", "n_networks", "of_networks", "others")


def prediction_features(prediction: Prediction) -> dict[str, FeatureEstimate]:
    """Features of a prediction by name: of its edge, or of its emission.

    Energies are relative to E0 (eV), heights in the unit of the spectrum; the names are the fields
    of what :func:`xanes_core.spectra.spectral_features` and
    :func:`xanes_core.spectra.emission_features` return. Values are those of the mean spectrum, see
    :class:`xanes_core.spectra.FeatureEstimate`.
    """
    return features_with_uncertainty(
        prediction.energy_rel_ev,
        prediction.members,
        mean=prediction.mu,
        read=_READ[prediction.kind],
    )


def others_text(feature: FeatureEstimate, offset_ev: float = 0.0) -> str:
    """Where networks see an energy that do not agree with the mean: ``18.8 eV in 3 of 20``."""
    return ", ".join(
        f"{group.value + offset_ev:.1f} eV in {group.n_members} of {feature.n_members}"
        for group in feature.others
    )


def feature_columns(
    features: Mapping[str, FeatureEstimate], names: Iterable[str], *, kind: SpectrumKind
) -> dict[str, str]:
    """Some of the features as columns of a table, empty where there is no number.

    For each name its value, ``_std`` before the unit, and for energies ``_networks`` (such as
    ``17 of 20``) and ``_others`` (:func:`others_text`).
    """
    columns = {}
    for name in names:
        one, stem = features[name], name.removesuffix("_ev")
        digits = 2 if stem != name else kind.digits
        columns[name] = _number(one.value, digits)
        unit = "_ev" if stem != name else ""
        columns[f"{stem}_std{unit}"] = _number(one.spread, digits) if columns[name] else ""
        if unit:
            columns[f"{stem}_networks"] = f"{one.n_agreeing} of {one.n_members}"
            columns[f"{stem}_others"] = others_text(one)
    return columns


def features_csv(prediction: Prediction) -> str:
    """CSV text of all features, a line each, columns :data:`FEATURE_COLUMNS`."""
    rows = []
    for name, one in prediction_features(prediction).items():
        digits = 2 if name.endswith("_ev") else prediction.kind.digits
        value = _number(one.value, digits)
        spread = _number(one.spread, digits) if value else ""
        rows.append([name, value, spread, one.n_agreeing, one.n_members, others_text(one)])
    return csv_text([list(FEATURE_COLUMNS), *rows])


def features_object(prediction: Prediction) -> dict[str, object]:
    """All features as plain values, ready for JSON; None where there is no number."""
    return {
        name: {
            "value": _plain(one.value),
            "std": _plain(one.spread),
            "n_networks": one.n_agreeing,
            "of_networks": one.n_members,
            "others": [
                {"value": _plain(g.value), "std": _plain(g.spread), "n_networks": g.n_members}
                for g in one.others
            ],
        }
        for name, one in prediction_features(prediction).items()
    }


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else ""


def _plain(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None

"""Importance as a table to download."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xanes_core.descriptors import Descriptor
from xanes_core.files import csv_text
from xanes_core.importance.groups import feature_groups
from xanes_core.model import Importance, WindowImportance

COLUMNS = (
    "low_ev", "high_ev", "group", "mu_ang", "importance", "standard_error", "sampling_error",
)  # fmt: skip


def group_centres_ang(descriptor: Descriptor, grouping: str) -> dict[str, float]:
    """Distance (A) that each group looks at, NaN for one that looks at many.

    Raises
    ------
    DescriptorError
        Unknown grouping, or the descriptor has no features for it.
    """
    centres: dict[str, float] = {}
    for name, columns in feature_groups(descriptor, grouping).items():
        own = np.unique(descriptor.feature_distances_ang[columns])
        centres[name] = float(own[0]) if len(own) == 1 else float("nan")
    return centres


def importance_csv(
    importance: Importance,
    descriptor: Descriptor,
    grouping: str,
    windows: Sequence[tuple[float, float]],
) -> str:
    """One line per window and group; energies relative to E0 (eV), errors in the same unit.

    Parameters
    ----------
    importance : Importance
        Of the groups of ``grouping``.
    descriptor : Descriptor
        What the features are.
    grouping : str
        See :func:`xanes_core.importance.feature_groups`.
    windows : sequence of (float, float)
        Bounds relative to E0 (eV).

    Raises
    ------
    SpectrumError
        A window that holds no energy.
    DescriptorError
        Unknown grouping, or the descriptor has no features for it.
    """
    centres = group_centres_ang(descriptor, grouping)
    averages = [importance.window(*window) for window in windows]
    rows = [row for average in averages for row in _rows(average, centres)]
    return csv_text([COLUMNS, *rows])


def series_csv(series: Sequence[tuple[str, WindowImportance]], centres: dict[str, float]) -> str:
    """As :func:`importance_csv` for several windows, models or elements, named in column one."""
    rows = [[label, *row] for label, window in series for row in _rows(window, centres)]
    return csv_text([("series", *COLUMNS), *rows])


def _rows(window: WindowImportance, centres: dict[str, float]) -> list[list[str]]:
    numbers = zip(
        window.names, window.mean, window.standard_error, window.sampling_error, strict=True
    )
    bounds = [f"{window.low_ev:g}", f"{window.high_ev:g}"]
    return [
        [*bounds, name, _centre(centres.get(name, float("nan"))), *(f"{v:.6g}" for v in values)]
        for name, *values in numbers
    ]


def _centre(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.4f}"

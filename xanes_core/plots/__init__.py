"""Figures and images, in one look."""

from xanes_core.plots.accuracy import (
    calibration_figure,
    chemistry_figure,
    coverage_curves,
    learning_curve_figure,
)
from xanes_core.plots.images import figure_csv, figure_image, spectrum_image
from xanes_core.plots.importance import (
    KIND_LABELS,
    BarSeries,
    Neighbour,
    difference_figure,
    distance_figure,
    effect_figure,
    group_figure,
    map_figure,
    signed_colours,
    windows_figure,
)
from xanes_core.plots.records import (
    UNKNOWN,
    Placed,
    error_distance_figure,
    ranked_errors_figure,
    record_figure,
    training_map_figure,
)
from xanes_core.plots.spectrum import (
    Axis,
    Curve,
    comparison_figure,
    prediction_curve,
    spectrum_curve,
    spectrum_figure,
    without_band,
)
from xanes_core.plots.structure import SHELLS_ANG, scene, structure_figure
from xanes_core.plots.style import ABSORBER, BACKGROUND

__all__ = [
    "ABSORBER",
    "BACKGROUND",
    "KIND_LABELS",
    "SHELLS_ANG",
    "UNKNOWN",
    "Axis",
    "BarSeries",
    "Curve",
    "Neighbour",
    "Placed",
    "calibration_figure",
    "chemistry_figure",
    "comparison_figure",
    "coverage_curves",
    "difference_figure",
    "distance_figure",
    "effect_figure",
    "error_distance_figure",
    "figure_csv",
    "figure_image",
    "group_figure",
    "learning_curve_figure",
    "map_figure",
    "prediction_curve",
    "ranked_errors_figure",
    "record_figure",
    "scene",
    "signed_colours",
    "spectrum_curve",
    "spectrum_figure",
    "spectrum_image",
    "structure_figure",
    "training_map_figure",
    "windows_figure",
    "without_band",
]  # fmt: skip

"""Figures and images, in one look."""

from xanes_core.plots.accuracy import (
    calibration_figure,
    chemistry_figure,
    coverage_curves,
    learning_curve_figure,
)
from xanes_core.plots.images import figure_csv, figure_image
from xanes_core.plots.importance import (
    KIND_LABELS,
    AtomEffect,
    BarSeries,
    ImportanceMap,
    Neighbour,
    difference_figure,
    distance_figure,
    effect_figure,
    group_figure,
    map_figure,
    neighbours_around,
    signed_colours,
    windows_figure,
)
from xanes_core.plots.lessons import (
    distance_importance_figure,
    features_figure,
    marked_spectra,
    members_figure,
)
from xanes_core.plots.records import (
    UNKNOWN,
    Colouring,
    Placed,
    PredictedRecord,
    error_distance_figure,
    ranked_errors_figure,
    record_figure,
    training_map_figure,
)
from xanes_core.plots.report import (
    MAX_REPORTED,
    ReportedSpectrum,
    ReportedStructure,
    SpectraReport,
)
from xanes_core.plots.report_page import report_html
from xanes_core.plots.report_print import report_pdf
from xanes_core.plots.spectrum import (
    Curve,
    Energies,
    EnergyAxis,
    comparison_figure,
    prediction_curve,
    spectrum_curve,
    spectrum_figure,
    without_band,
)
from xanes_core.plots.structure import SHELLS_ANG, scene, structure_figure
from xanes_core.plots.style import ABSORBER, LIGHT, Look
from xanes_core.plots.thumbnail import thumbnail_svg

__all__ = [
    "ABSORBER",
    "KIND_LABELS",
    "LIGHT",
    "MAX_REPORTED",
    "SHELLS_ANG",
    "UNKNOWN",
    "AtomEffect",
    "BarSeries",
    "Colouring",
    "Curve",
    "Energies",
    "EnergyAxis",
    "ImportanceMap",
    "Look",
    "Neighbour",
    "Placed",
    "PredictedRecord",
    "ReportedSpectrum",
    "ReportedStructure",
    "SpectraReport",
    "calibration_figure",
    "chemistry_figure",
    "comparison_figure",
    "coverage_curves",
    "difference_figure",
    "distance_figure",
    "distance_importance_figure",
    "effect_figure",
    "error_distance_figure",
    "features_figure",
    "figure_csv",
    "figure_image",
    "group_figure",
    "learning_curve_figure",
    "map_figure",
    "marked_spectra",
    "members_figure",
    "neighbours_around",
    "prediction_curve",
    "ranked_errors_figure",
    "record_figure",
    "report_html",
    "report_pdf",
    "scene",
    "signed_colours",
    "spectrum_curve",
    "spectrum_figure",
    "structure_figure",
    "thumbnail_svg",
    "training_map_figure",
    "windows_figure",
    "without_band",
]  # fmt: skip

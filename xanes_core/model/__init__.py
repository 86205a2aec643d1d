"""Everything that predicting needs: atoms in, a spectrum with its band and verdict out.

>>> from xanes_core.model import load_model
>>> load_model("Fe").predict(atoms, absorber="Fe")  # doctest: +SKIP
"""

from xanes_core.model.alignment import ALIGNMENTS, aligned
from xanes_core.model.batch import predict_each, slim
from xanes_core.model.best import best_model, why_best
from xanes_core.model.bulk import BULK_SUFFIXES, BulkJob, Chunk, Columns, Parts, calculate, chunks
from xanes_core.model.calibration import (
    DEFAULT_LEVEL,
    LEVELS,
    Calibration,
    Unseen,
    concatenate,
    fit_calibration,
)
from xanes_core.model.card import (
    Card,
    EnergyGrid,
    JsonObject,
    TrainingSummary,
    card_json,
    card_schema,
    metrics_csv,
)
from xanes_core.model.comparison import (
    Comparison,
    Overlaid,
    compare,
    on_shared_grid,
    prediction_seconds,
)
from xanes_core.model.domain import (
    SCORE_LIMITS,
    VERDICT_TITLES,
    VERDICTS,
    Domain,
    disagreement,
    fit_domain,
)
from xanes_core.model.ensemble import ACTIVATIONS, Ensemble
from xanes_core.model.explanation import (
    DistanceHistograms,
    Importance,
    WindowImportance,
    distance_histograms,
    window_points,
)
from xanes_core.model.export import BatchResult, to_csv, to_json, to_xdi, to_zip
from xanes_core.model.features import (
    FEATURE_ROWS,
    feature_columns,
    features_csv,
    others_text,
    prediction_features,
)
from xanes_core.model.kernel import fit_kernel
from xanes_core.model.registry import (
    list_models,
    load_model,
    load_report,
    save_model,
    weights_sha256,
)
from xanes_core.model.report import Report
from xanes_core.model.samples import Copies, Samples
from xanes_core.model.scaling import FeatureScaler
from xanes_core.model.spectrum_model import (
    FeaturePrediction,
    Prediction,
    SpectrumModel,
    check_environment,
)

__all__ = [
    "ACTIVATIONS",
    "ALIGNMENTS",
    "BULK_SUFFIXES",
    "DEFAULT_LEVEL",
    "FEATURE_ROWS",
    "LEVELS",
    "SCORE_LIMITS",
    "VERDICTS",
    "VERDICT_TITLES",
    "BatchResult",
    "BulkJob",
    "Calibration",
    "Card",
    "Chunk",
    "Columns",
    "Comparison",
    "Copies",
    "DistanceHistograms",
    "Domain",
    "EnergyGrid",
    "Ensemble",
    "FeaturePrediction",
    "FeatureScaler",
    "Importance",
    "JsonObject",
    "Overlaid",
    "Parts",
    "Prediction",
    "Report",
    "Samples",
    "SpectrumModel",
    "TrainingSummary",
    "Unseen",
    "WindowImportance",
    "aligned",
    "best_model",
    "calculate",
    "card_json",
    "card_schema",
    "check_environment",
    "chunks",
    "compare",
    "concatenate",
    "disagreement",
    "distance_histograms",
    "feature_columns",
    "features_csv",
    "fit_calibration",
    "fit_domain",
    "fit_kernel",
    "list_models",
    "load_model",
    "load_report",
    "metrics_csv",
    "on_shared_grid",
    "others_text",
    "predict_each",
    "prediction_features",
    "prediction_seconds",
    "save_model",
    "slim",
    "to_csv",
    "to_json",
    "to_xdi",
    "to_zip",
    "weights_sha256",
    "why_best",
    "window_points",
]  # fmt: skip

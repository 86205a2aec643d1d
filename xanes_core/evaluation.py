"""A model measured on anybody's structures with spectra."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xanes_core.assessment_metrics import rounded, short_scores
from xanes_core.domain import VERDICTS
from xanes_core.errors import DatasetError
from xanes_core.evaluation_data import EvaluationData, load_evaluation_data
from xanes_core.model import SpectrumModel
from xanes_core.report_data import Report
from xanes_core.unseen import Unseen
from xanes_core.validation import bands_of, scores

#: Part of the grid, at its upper end, that shows how a spectrum is normalised.
_FAR_SHARE = 0.2
#: Factors of the model's own level there, and of its roughness, beyond which spectra are of
#: another kind: published normalisations differ by up to a fifth, missing broadening by several.
_LEVELS, _ROUGHNESS = (0.6, 1.6), 4.0


def evaluate(model: SpectrumModel, path: str | Path, *, report: Report | None = None) -> dict:
    """Every metric with n for a folder of structures with spectra.

    Parameters
    ----------
    model : SpectrumModel
        To be measured.
    path : str or Path
        See :func:`xanes_core.evaluation_data.load_evaluation_data`.
    report : Report, optional
        Of the model: tells which records it was trained on.

    Returns
    -------
    dict
        ``model``; ``n``; ``seen`` (records the model was trained on); ``warnings`` (sentences);
        ``scores``: ``all`` and each element as :func:`xanes_core.validation.scores`;
        ``by_verdict``: n, MSE, coverage and width.

    Raises
    ------
    DatasetError
        The data cannot be read, or cannot be compared with what the model predicts.
    """
    data = load_evaluation_data(path, model)
    check_comparable(model, data)
    scaled = model.ensemble.scaler.transform(data.x)
    found = model.predict_features(data.x, data.elements)
    _, spread = model.ensemble.predict(data.x)
    rows = np.arange(len(data.y))
    unseen = Unseen(data.y, found.mu, spread, model.domain.scores(scaled), data.elements, rows)
    bands = bands_of(model.calibration, unseen)
    verdicts = model.domain.verdicts(scaled, data.envs, spread)
    levels = np.array([verdict.level for verdict in verdicts])
    chosen = {"all": np.ones(len(rows), dtype=bool)}
    chosen |= {el: data.elements == el for el in model.elements if (data.elements == el).any()}
    low, high = bands[model.level]
    seen = _seen(model, data, report)
    return {
        "model": model.key,
        "n": len(rows),
        "seen": seen,
        "warnings": _warnings(model, seen, len(rows)),
        "scores": {
            name: rounded(
                scores(
                    model.energy_rel_ev,
                    data.y[mask],
                    found.mu[mask],
                    bands={at: (b[0][mask], b[1][mask]) for at, b in bands.items()},
                    spectrum=model.spectrum,
                )
            )
            for name, mask in chosen.items()
        },
        "by_verdict": {
            level: short_scores(unseen.subset(mask), low[mask], high[mask])
            for level in VERDICTS
            if (mask := levels == level).any()
        },
    }


def check_comparable(model: SpectrumModel, data: EvaluationData) -> None:
    """Refuse spectra that no error could be told of: another normalisation, or no broadening.

    Parameters
    ----------
    model, data
        What is compared; the model's mean training spectra tell what its spectra look like.

    Raises
    ------
    DatasetError
        The level far above the edge is another, or the curves are far rougher.
    """
    if not model.mean_mu or model.spectrum != "xanes":
        return
    own = np.mean([mu for mu in model.mean_mu.values()], axis=0)
    far = slice(-max(2, round(_FAR_SHARE * len(own))), None)
    level = float(np.median(data.y[:, far].mean(axis=1)) / own[far].mean())
    if not _LEVELS[0] <= level <= _LEVELS[1]:
        raise DatasetError(
            f"these spectra cannot be compared with model {model.key}: far above the edge they lie "
            f"at {level:.2g} times its level, so they are normalised otherwise (or not at all); "
            "normalise them to an edge step of 1 first"
        )
    predicted = model.predict_features(data.x, data.elements).mu
    rough = float(np.median(_roughness(data.y) / _roughness(predicted)))
    if rough > _ROUGHNESS:
        raise DatasetError(
            f"these spectra cannot be compared with model {model.key}: they are {rough:.1f} times "
            "as rough as what it predicts, as spectra without core-hole broadening are; convolve "
            f"them first (the model's own: {model.card['broadening']})"
        )


def _roughness(curves: np.ndarray) -> np.ndarray:
    """Mean size of the second difference, (n,)."""
    return np.abs(np.diff(curves, n=2, axis=1)).mean(axis=1) + 1e-12


def _seen(model: SpectrumModel, data: EvaluationData, report: Report | None) -> int:
    if data.sha256 and data.sha256 == model.card["training_set"]["sha256"]:
        return len(data.y)
    if report is None or data.envs is None:
        return 0
    return int(np.isin(data.names, report.names).sum())


def _warnings(model: SpectrumModel, seen: int, n: int) -> list[str]:
    if not seen:
        return []
    return [
        f"model {model.key} was trained on {seen} of these {n} records: the scores flatter it "
        "there; its card holds those of records it had not seen"
    ]

"""What a recipe is worth: scores, coverage by level, element, verdict, and kind of complexes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from xanes_core.model import (
    DEFAULT_LEVEL,
    LEVELS,
    VERDICTS,
    Calibration,
    Unseen,
    concatenate,
    fit_calibration,
)
from xanes_core.spectra import (
    XANES,
    SpectrumKind,
    constant_width,
    cosine_similarity,
    coverage,
    mean_width,
    median_intensity_error,
    mse,
    peak_errors,
    relative_spectral_error,
    spearman,
)
from xanes_core.training.assessment import Assessment, folds
from xanes_core.training.recipes import Recipe, TrainingData

_Bands = dict[float, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Judged:
    """Predictions of unseen samples with their bands and verdicts; n samples.

    The band of a development sample is calibrated without its fold, that of a held-out one on all
    development samples.
    """

    unseen: Unseen
    bands: _Bands
    verdict: np.ndarray


def judge(found: Assessment) -> Judged:
    """Bands and verdicts of all samples, in the order of the data."""
    tested = [*found.parts, *([found.held] if found.held is not None else [])]
    bands = cross_bands(found.unseen, far=found.far)
    if found.held is not None:
        held = bands_of(found.calibration, found.held.unseen)
        bands = {
            level: tuple(
                np.concatenate(pair) for pair in zip(bands[level], held[level], strict=True)
            )
            for level in bands
        }
    unseen = concatenate(part.unseen for part in tested)
    verdict = np.concatenate([part.verdicts(found.spread_unit, found.envs) for part in tested])
    order = np.argsort(unseen.rows)
    return Judged(
        unseen.subset(order),
        {level: (low[order], high[order]) for level, (low, high) in bands.items()},
        verdict[order],
    )


def all_metrics(recipe: Recipe, data: TrainingData, found: Assessment, judged: Judged) -> dict:
    """Everything an assessment measures, as plain numbers for a card.

    Returns
    -------
    dict
        ``held_out``: ``all``, each element (as :func:`xanes_core.training.scores.scores`) and
        ``domain``; ``calibration_curve``: ``all`` and each element -> level -> coverage and width,
        over all samples; ``by_verdict`` and ``by_verdict_chemistry``: verdict -> n, MSE, coverage
        and width on the random and on the chemistry split; ``chemistry``: what was left out, n,
        MSE, that of the random split on the same samples, coverage and width.
    """
    chemistry, by_verdict = chemistry_metrics(found)
    verdicts = {level: judged.verdict == level for level in VERDICTS}
    return {
        "held_out": held_out_metrics(recipe, data, found),
        "calibration_curve": _curve(recipe, judged),
        "by_verdict": {
            level: short_scores(judged.unseen.subset(rows), *(b[rows] for b in judged.bands[0.9]))
            for level, rows in verdicts.items()
            if rows.any()
        },
        "by_verdict_chemistry": by_verdict,
        "chemistry": chemistry,
    }


def held_out_metrics(recipe: Recipe, data: TrainingData, found: Assessment) -> dict:
    """Scores on the held-out samples: ``all``, each element, and ``domain`` by verdict."""
    if found.held is None:
        return {}
    unseen, bands = found.held.unseen, bands_of(found.calibration, found.held.unseen)
    chosen = {"all": np.ones(len(unseen), dtype=bool)}
    chosen |= {el: unseen.elements == el for el in recipe.elements if (unseen.elements == el).any()}
    result = {}
    for name, rows in chosen.items():
        own = {level: (low[rows], high[rows]) for level, (low, high) in bands.items()}
        one = unseen.subset(rows)
        found_scores = scores(data.energy_rel_ev, one.truth, one.mean, bands=own, kind=recipe.kind)
        result[name] = rounded(found_scores)
    levels = found.held.verdicts(found.spread_unit, found.envs)
    low, high = bands[found.calibration.level]
    result["domain"] = {
        level: short_scores(unseen.subset(rows), low[rows], high[rows])
        for level in VERDICTS
        if (rows := levels == level).any()
    }
    return result


def chemistry_metrics(found: Assessment) -> tuple[list[dict], dict]:
    """Scores of every kind left out, and of the verdicts over all of them.

    Bands are calibrated without any sample of the kind in question.
    """
    unseen, far = found.unseen, found.far
    entries, judged = [], []
    for one in found.left_out:
        own, rows = one.tested.unseen, one.tested.unseen.rows
        others = far.without(rows)
        calibration = fit_calibration(unseen.without(rows), far=others if len(others) else None)
        low, high = bands_of(calibration, own)[calibration.level]
        at_random = _mse(unseen.subset(np.isin(unseen.rows, rows)))
        told = {"left_out": one.name, "kind": one.criterion}
        entries.append({**told, **short_scores(own, low, high), "mse_random": at_random})
        judged.append((own, low, high, one.tested.verdicts(found.spread_unit, found.envs)))
    if not judged:
        return [], {}
    together = concatenate(part[0] for part in judged)
    low, high, verdict = (np.concatenate([part[i] for part in judged]) for i in (1, 2, 3))
    return entries, {
        level: short_scores(together.subset(rows), low[rows], high[rows])
        for level in VERDICTS
        if (rows := verdict == level).any()
    }


def _curve(recipe: Recipe, judged: Judged) -> dict:
    elements = judged.unseen.elements
    chosen = {"all": np.ones(len(elements), dtype=bool)}
    chosen |= {el: elements == el for el in recipe.elements if (elements == el).any()}
    return {
        name: {
            f"{level:g}": {
                key: value
                for key, value in short_scores(
                    judged.unseen.subset(rows), low[rows], high[rows]
                ).items()
                if key in ("n", "coverage", "width")
            }
            for level, (low, high) in judged.bands.items()
        }
        for name, rows in chosen.items()
    }


def _mse(unseen: Unseen) -> float:
    return _significant(np.mean((unseen.mean - unseen.truth) ** 2))


def short_scores(unseen: Unseen, lower: np.ndarray, upper: np.ndarray) -> dict:
    """Number of samples, error, coverage and width."""
    inside = (lower <= unseen.truth) & (unseen.truth <= upper)
    return {
        "n": len(unseen),
        "mse": _mse(unseen),
        "coverage": _significant(inside.mean()),
        "width": _significant(np.mean(upper - lower)),
    }


def _significant(value: float) -> float:
    return float(f"{value:.5g}")


def rounded(values: dict) -> dict:
    """Five digits are enough for a card; what is no number becomes None."""
    return {
        key: None if value != value else value if isinstance(value, int) else _significant(value)
        for key, value in values.items()
    }


def cross_bands(
    unseen: Unseen, *, far: Unseen | None = None, seed: int = 1
) -> dict[float, tuple[np.ndarray, np.ndarray]]:
    """Bands of every level for every sample, calibrated on the other folds only.

    Returns
    -------
    dict of float to (lower, upper)
        Each (n, k), by level.
    """
    bands = {level: np.empty((2, *unseen.mean.shape)) for level in LEVELS}
    for train, test in folds(len(unseen), seed=seed):
        others = None if far is None else far.without(unseen.rows[test])
        calibration = fit_calibration(unseen.subset(train), far=others)
        for level, found in bands_of(calibration, unseen.subset(test)).items():
            bands[level][:, test] = found
    return {level: (lower, upper) for level, (lower, upper) in bands.items()}


def bands_of(
    calibration: Calibration, unseen: Unseen
) -> dict[float, tuple[np.ndarray, np.ndarray]]:
    """Lower and upper bounds (n, k) of every level of a calibration."""
    told = {"distance": unseen.distance, "elements": unseen.elements}
    return {
        level: calibration.apply(unseen.mean, unseen.spread, **told, level=level)[1:]
        for level in calibration.levels
    }


def scores(
    energy_rel_ev: np.ndarray,
    y: np.ndarray,
    mean: np.ndarray,
    *,
    bands: Mapping[float, tuple[np.ndarray, np.ndarray]] | None = None,
    kind: SpectrumKind = XANES,
) -> dict[str, float | int]:
    """Every score of n predictions, with n; see :mod:`xanes_core.spectra.metrics`.

    Parameters
    ----------
    energy_rel_ev : numpy.ndarray, (k,)
        Energies (eV).
    y, mean : numpy.ndarray, (n, k)
        Truth and prediction.
    bands : mapping of float to (lower, upper), (n, k) each, optional
        Bounds by level.
    kind : SpectrumKind, optional
        Emission has no edge step: its peaks and intensities count from shares of each target's
        maximum, and are scored after dividing both curves by it.

    Returns
    -------
    dict
        ``n``; ``mse`` and ``median_mse`` (squared unit of the spectra, over n);
        ``relative_spectral_error_percent`` and ``median_intensity_error_percent`` (medians over
        n); ``cosine_similarity`` (mean); ``peak_position_error_ev`` and
        ``peak_intensity_error_percent`` (means over spectra with a matched peak);
        ``peaks_matched`` (mean share). With bands, for each level such as 0.68 ``coverage_68``
        (share of points), ``width_68`` (unit of the spectra) and ``constant_width_68`` (that of a
        band as wide for all complexes, of the same coverage at every energy), ``coverage`` and
        ``width`` (those of the default level), and ``spread_error_spearman`` (rank correlation of
        the default band's width and the absolute error).
    """
    unit = np.ones((len(y), 1)) if kind == XANES else y.max(axis=1, keepdims=True)
    peaks = peak_errors(energy_rel_ev, mean / unit, y / unit)
    relative = relative_spectral_error(mean, y, energy_ev=energy_rel_ev, percent=True)
    intensity = np.atleast_1d(median_intensity_error(mean / unit, y / unit))
    result: dict[str, float | int] = {
        "n": len(y),
        "mse": float(np.mean(mse(mean, y))),
        "median_mse": float(np.median(mse(mean, y))),
        "relative_spectral_error_percent": float(np.median(relative)),
        "median_intensity_error_percent": _known(intensity, np.median),
        "cosine_similarity": _known(cosine_similarity(mean, y)),
        "peak_position_error_ev": _known(peaks.position_error_ev),
        "peak_intensity_error_percent": _known(peaks.intensity_error_percent),
        "peaks_matched": _known(peaks.share_matched),
    }
    for level, band in (bands or {}).items():
        name = f"{100 * level:g}"
        result[f"coverage_{name}"] = float(np.mean(coverage(y, *band)))
        result[f"width_{name}"] = float(np.mean(mean_width(*band)))
        result[f"constant_width_{name}"] = constant_width(mean, y, *band)
    if bands and DEFAULT_LEVEL in bands:
        lower, upper = bands[DEFAULT_LEVEL]
        result["coverage"], result["width"] = result["coverage_90"], result["width_90"]
        error = np.abs(y - mean).mean(axis=1)
        result["spread_error_spearman"] = float(spearman(mean_width(lower, upper), error))
    return result


def _known(values: np.ndarray, average: Callable[[np.ndarray], float] = np.mean) -> float:
    """Average of the values that are numbers; NaN where none is (spectra without peaks)."""
    known = values[~np.isnan(values)]
    return float(average(known)) if known.size else float("nan")

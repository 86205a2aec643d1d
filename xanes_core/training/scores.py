"""What a recipe is worth: scores, coverage by level, element, verdict, and kind of complexes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from xanes_core.constants import ABSORBERS
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
    response_error,
    spearman,
)
from xanes_core.training.assessment import Assessment, Response, folds

#: Lower and upper bounds, each (n, k).
Band = tuple[np.ndarray, np.ndarray]
#: Scores of a group of samples by name; None where nothing can be said.
Scores = dict[str, float | int | None]


@dataclass(frozen=True)
class Judged:
    """Predictions of unseen samples with their bands and verdicts; n samples.

    The band of a development sample is calibrated without its fold, that of a held-out one on all
    development samples.

    Attributes
    ----------
    unseen : Unseen
        The predictions.
    bands : dict of float to (lower, upper), (n, k) each
        By level.
    verdict : numpy.ndarray of str, (n,)
        On each.
    """

    unseen: Unseen
    bands: dict[float, Band]
    verdict: np.ndarray


def judge(assessment: Assessment) -> Judged:
    """Bands and verdicts of all samples, in the order of the data.

    Raises
    ------
    ModelError
        Too few samples to calibrate a band on.
    """
    tested = list(assessment.parts)
    bands = cross_bands(assessment.unseen, far=assessment.far)
    if assessment.held is not None:
        tested.append(assessment.held)
        for level, (low, high) in bands_of(assessment.calibration, assessment.held.unseen).items():
            lower, upper = bands[level]
            bands[level] = np.concatenate([lower, low]), np.concatenate([upper, high])
    unseen = concatenate(part.unseen for part in tested)
    verdict = np.concatenate([assessment.verdicts(part) for part in tested])
    order = np.argsort(unseen.rows)
    return Judged(
        unseen.subset(order),
        {level: (low[order], high[order]) for level, (low, high) in bands.items()},
        verdict[order],
    )


def all_metrics(assessment: Assessment, judged: Judged) -> dict[str, Any]:
    """Everything an assessment measures, as plain numbers for a card.

    Returns
    -------
    dict
        ``held_out``: ``all``, each element (as :func:`xanes_core.training.scores.scores`) and
        ``domain``, and ``held_out_published`` the same of published structures;
        ``cross_fitted_published`` the same of every published structure, each predicted by a fit
        that had not seen it;
        ``calibration_curve``: ``all`` and each element -> level -> coverage and width, over all
        samples; ``by_verdict`` and ``by_verdict_chemistry``: verdict -> n, MSE, coverage and width
        on the random and on the chemistry split; ``chemistry``: what was left out, n, MSE, that of
        the random split on the same samples, coverage and width; ``response`` as
        :func:`response_metrics`, where there are displaced copies.

    Raises
    ------
    ModelError
        Too few samples to calibrate a band on.
    """
    chemistry, by_verdict_chemistry = chemistry_metrics(assessment)
    changes = {} if assessment.response is None else response_metrics(assessment.response)
    return ({"response": changes} if changes else {}) | {
        "held_out": held_out_metrics(assessment),
        "held_out_published": held_out_metrics(assessment, published=True),
        "cross_fitted_published": cross_fitted_metrics(assessment, judged),
        "calibration_curve": _curve(judged, assessment.data.absorbers),
        "by_verdict": by_verdict(judged.unseen, judged.verdict, judged.bands[DEFAULT_LEVEL]),
        "by_verdict_chemistry": by_verdict_chemistry,
        "chemistry": chemistry,
    }


def held_out_metrics(assessment: Assessment, *, published: bool = False) -> dict[str, Any]:
    """Scores on the held-out samples: ``all``, each element, and ``domain`` by verdict.

    Parameters
    ----------
    assessment : Assessment
        Of a recipe.
    published : bool, optional
        Those of published structures instead of the project's own; these are told apart because
        they are of another difficulty. Empty where there are none.
    """
    data, held = assessment.data, assessment.held
    if held is None:
        return {}
    verdicts = assessment.verdicts(held)
    chosen = data.is_published[held.unseen.rows] == published
    if not chosen.any():
        return {}
    unseen = held.unseen.subset(chosen)
    bands = bands_of(assessment.calibration, unseen)
    return _metrics(assessment, Judged(unseen, bands, verdicts[chosen]))


def cross_fitted_metrics(assessment: Assessment, judged: Judged) -> dict[str, Any]:
    """Scores on every published structure, held out or not, as :func:`held_out_metrics`.

    Parameters
    ----------
    assessment, judged
        Predictions by fits that had not seen the sample, with bands and verdicts.
    """
    chosen = assessment.data.is_published[judged.unseen.rows]
    if not chosen.any():
        return {}
    bands = {level: (low[chosen], high[chosen]) for level, (low, high) in judged.bands.items()}
    return _metrics(assessment, Judged(judged.unseen.subset(chosen), bands, judged.verdict[chosen]))


def _metrics(assessment: Assessment, judged: Judged) -> dict[str, Any]:
    """Scores of ``all`` samples and of each element, and ``domain`` by verdict."""
    data, unseen, bands = assessment.data, judged.unseen, judged.bands
    result: dict[str, Any] = {
        name: rounded(
            scores(
                data.energy_rel_ev,
                unseen.truth[rows],
                unseen.mean[rows],
                bands={level: (low[rows], high[rows]) for level, (low, high) in bands.items()},
                kind=data.recipe.kind,
            )
        )
        for name, rows in by_element(unseen.elements, data.absorbers).items()
    }
    result["domain"] = by_verdict(unseen, judged.verdict, bands[assessment.calibration.level])
    return result


#: How response copies were moved, by the first word of their moves.
MOVED = {"all": "all ligands", "ligand": "one ligand"}


def response_metrics(response: Response) -> dict[str, Scores]:
    """How well changes of spectra are foretold: of ``all`` copies, by kind of move, by element.

    Returns
    -------
    dict
        Group -> ``n``; ``response_error`` (median of
        :func:`xanes_core.spectra.response_error`) and ``response_cosine`` (median cosine of the
        predicted and the calculated change), each with its quartiles ``_lower`` and ``_upper``.
    """
    error = np.atleast_1d(response_error(response.predicted, response.calculated))
    cosine = np.atleast_1d(cosine_similarity(response.predicted, response.calculated))
    first = np.array([re.split("[:=]", moves)[0] for moves in response.moves], dtype=str)
    groups = {"all": np.ones(len(error), dtype=bool)}
    groups |= {name: first == word for word, name in MOVED.items() if (first == word).any()}
    groups |= by_element(response.elements, ABSORBERS)
    return {name: _quartiles(error[rows], cosine[rows]) for name, rows in groups.items()}


def _quartiles(error: np.ndarray, cosine: np.ndarray) -> Scores:
    values: dict[str, float | int] = {"n": len(error)}
    for name, numbers in (("response_error", error), ("response_cosine", cosine)):
        for at, suffix in ((0.5, ""), (0.25, "_lower"), (0.75, "_upper")):
            known = numbers[~np.isnan(numbers)]  # nothing changes where no energy does
            values[name + suffix] = float(np.quantile(known, at)) if known.size else float("nan")
    return rounded(values)


def chemistry_metrics(
    assessment: Assessment,
) -> tuple[list[dict[str, str | float | int | None]], dict[str, Scores]]:
    """Scores of every kind left out, and of the verdicts over all of them.

    Bands are calibrated without any sample of the kind in question.

    Raises
    ------
    ModelError
        Too few samples are left to calibrate a band on.
    """
    unseen, far = assessment.unseen, assessment.far
    if far is None:
        return [], {}
    entries: list[dict[str, str | float | int | None]] = []
    lower, upper = [], []
    for one in assessment.left_out:
        own, rows = one.tested.unseen, one.tested.unseen.rows
        others = far.without(rows)
        calibration = fit_calibration(unseen.without(rows), far=others if len(others) else None)
        low, high = bands_of(calibration, own)[calibration.level]
        at_random = _mse(unseen.subset(np.isin(unseen.rows, rows)))
        entry = {"left_out": one.name, "kind": one.criterion, **short_scores(own, low, high)}
        entries.append({**entry, "mse_random": at_random})
        lower.append(low)
        upper.append(high)
    verdict = np.concatenate([assessment.verdicts(one.tested) for one in assessment.left_out])
    return entries, by_verdict(far, verdict, (np.concatenate(lower), np.concatenate(upper)))


def by_element(elements: np.ndarray, known: Iterable[str]) -> dict[str, np.ndarray]:
    """Masks (n,) of ``all`` samples and of those of each known element that is there."""
    own = {el: elements == el for el in known if (elements == el).any()}
    return {"all": np.ones(len(elements), dtype=bool), **own}


def by_verdict(unseen: Unseen, verdict: np.ndarray, band: Band) -> dict[str, Scores]:
    """Short scores of the samples with each verdict (n,) that is there."""
    lower, upper = band
    return {
        level: short_scores(unseen.subset(rows), lower[rows], upper[rows])
        for level in VERDICTS
        if (rows := verdict == level).any()
    }


def _curve(judged: Judged, absorbers: Iterable[str]) -> dict[str, dict[str, Scores]]:
    groups = by_element(judged.unseen.elements, absorbers)
    return {
        name: {
            f"{level:g}": _coverage(judged.unseen.subset(rows), (low[rows], high[rows]))
            for level, (low, high) in judged.bands.items()
        }
        for name, rows in groups.items()
    }


def _coverage(unseen: Unseen, band: Band) -> Scores:
    """Short scores without the error, which is that of all levels."""
    return {name: value for name, value in short_scores(unseen, *band).items() if name != "mse"}


def _mse(unseen: Unseen) -> float:
    return _significant(np.mean((unseen.mean - unseen.truth) ** 2))


def short_scores(unseen: Unseen, lower: np.ndarray, upper: np.ndarray) -> Scores:
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


def rounded(values: Mapping[str, float | int]) -> Scores:
    """Five digits are enough for a card; what is no number becomes None."""
    return {
        name: None if value != value else value if isinstance(value, int) else _significant(value)
        for name, value in values.items()
    }


def cross_bands(unseen: Unseen, *, far: Unseen | None = None, seed: int = 1) -> dict[float, Band]:
    """Bands of every level for every sample, calibrated on the other folds only.

    Parameters
    ----------
    unseen : Unseen
        n samples.
    far : Unseen, optional
        As for :func:`xanes_core.model.fit_calibration`.
    seed : int, optional
        Of the folds.

    Returns
    -------
    dict of float to (lower, upper)
        Each (n, k), by level.

    Raises
    ------
    ModelError
        Too few samples to calibrate a band on.
    """
    bands = {level: np.empty((2, *unseen.mean.shape)) for level in LEVELS}
    for train, test in folds(len(unseen), seed=seed):
        others = None if far is None else far.without(unseen.rows[test])
        calibration = fit_calibration(unseen.subset(train), far=others)
        for level, band in bands_of(calibration, unseen.subset(test)).items():
            bands[level][:, test] = band
    return {level: (lower, upper) for level, (lower, upper) in bands.items()}


def bands_of(calibration: Calibration, unseen: Unseen) -> dict[float, Band]:
    """Lower and upper bounds (n, k) of every level of a calibration."""
    bands = {}
    for level in calibration.levels:
        _, lower, upper = calibration.apply(
            unseen.mean, unseen.spread, distance=unseen.distance, elements=unseen.elements,
            level=level,
        )  # fmt: skip
        bands[level] = lower, upper
    return bands


def scores(
    energy_rel_ev: np.ndarray,
    y: np.ndarray,
    mean: np.ndarray,
    *,
    bands: Mapping[float, Band] | None = None,
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
        "cosine_similarity": _known(np.atleast_1d(cosine_similarity(mean, y))),
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

"""Predictions of samples that the predicting model had not seen, and their scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.model_selection import KFold

from xanes_core.calibration import DEFAULT_LEVEL, LEVELS, Calibration, fit_calibration
from xanes_core.domain import Domain, fit_domain
from xanes_core.ensemble import Ensemble
from xanes_core.fitting import FitSettings, fit_ensemble
from xanes_core.metrics import (
    constant_width,
    cosine_similarity,
    coverage,
    mean_width,
    median_intensity_error,
    mse,
    relative_spectral_error,
    spearman,
)
from xanes_core.peaks import peak_errors
from xanes_core.structures import Environment
from xanes_core.unseen import Unseen

N_FOLDS = 5


def folds(n: int, *, seed: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (training rows, validation rows) of the five folds everyone is compared on."""
    yield from KFold(N_FOLDS, shuffle=True, random_state=seed).split(np.zeros(n))


def cross_fit(
    x: np.ndarray,
    y: np.ndarray,
    blocks: tuple[str, ...],
    settings: FitSettings,
    *,
    n_jobs: int = 1,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[tuple[Ensemble, np.ndarray]]:
    """Fit one ensemble per fold; each comes with the rows it has not seen.

    Parameters
    ----------
    x, y : numpy.ndarray, (n, d) and (n, k)
        Features and spectra.
    blocks : tuple of str, (d,)
        Block of each feature.
    settings : FitSettings
        What to fit.
    n_jobs, seed
        Processes; seed of the folds.
    progress : callable, optional
        Called as ``progress(done, total)`` after each fold.
    """
    fitted = []
    for train, test in folds(len(y), seed=seed):
        fitted.append((fit_ensemble(x[train], y[train], blocks, settings, n_jobs=n_jobs)[0], test))
        if progress is not None:
            progress(len(fitted), N_FOLDS)
    return fitted


@dataclass(frozen=True)
class Tested:
    """What an ensemble makes of samples it has not seen; m samples.

    Attributes
    ----------
    unseen : Unseen
        Predictions and truth.
    scaled : numpy.ndarray, (m, d)
        Features, as the ensemble scales them.
    domain : Domain
        Of the samples the ensemble was fitted to.
    """

    unseen: Unseen
    scaled: np.ndarray
    domain: Domain

    def verdicts(self, spread_unit: float, envs: Sequence[Environment] | None = None) -> np.ndarray:
        """Verdict on each sample, (m,) str; ``envs`` (n,) are those of all the data."""
        domain = replace(self.domain, spread_unit=spread_unit)
        own = None if envs is None else [envs[row] for row in self.unseen.rows]
        found = domain.verdicts(self.scaled, own, self.unseen.spread)
        return np.array([verdict.level for verdict in found], dtype=str)


def measure_unseen(
    ensemble: Ensemble,
    seen: np.ndarray,
    rows: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    elements: np.ndarray,
    envs: Sequence[Environment] | None = None,
    *,
    spectrum: str = "xanes",
) -> Tested:
    """Predict samples by an ensemble that has not seen them.

    Parameters
    ----------
    ensemble : Ensemble
        Fitted to the samples ``seen``.
    seen, rows : numpy.ndarray of int
        Samples fitted to, and those to predict.
    x, y, elements : numpy.ndarray, (n, d), (n, k) and (n,)
        Features, spectra and absorbers of all.
    envs : sequence of Environment, (n,), optional
        Environments of all, where the structures are known.
    spectrum : {"xanes", "xes"}, optional
        Emission is kept from being negative, as in :class:`xanes_core.model.SpectrumModel`.
    """
    domain = fit_domain(
        ensemble.scaler.transform(x[seen]), None if envs is None else [envs[i] for i in seen]
    )
    scaled = ensemble.scaler.transform(x[rows])
    mean, spread = ensemble.predict(x[rows])
    mean = np.maximum(mean, 0.0) if spectrum == "xes" else mean
    unseen = Unseen(y[rows], mean, spread, domain.scores(scaled), elements[rows], rows)
    return Tested(unseen, scaled, domain)


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
    spectrum: str = "xanes",
) -> dict[str, float | int]:
    """Every score of n predictions, with n; formulas and units in :mod:`xanes_core.metrics`.

    Parameters
    ----------
    energy_rel_ev : numpy.ndarray, (k,)
        Energies (eV).
    y, mean : numpy.ndarray, (n, k)
        Truth and prediction.
    bands : mapping of float to (lower, upper), (n, k) each, optional
        Bounds by level.
    spectrum : {"xanes", "xes"}, optional
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
    unit = np.ones((len(y), 1)) if spectrum == "xanes" else y.max(axis=1, keepdims=True)
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

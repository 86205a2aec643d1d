"""Predictions of samples that the predicting model had not seen, and their scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from sklearn.model_selection import KFold

from xanes_core.calibration import fit_calibration
from xanes_core.ensemble import Ensemble
from xanes_core.fitting import FitSettings, fit_ensemble
from xanes_core.metrics import (
    coverage,
    mean_width,
    median_intensity_error,
    mse,
    relative_spectral_error,
    spearman,
)
from xanes_core.peaks import peak_errors

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

    Parameters as in :func:`cross_predict`.
    """
    fitted = []
    for train, test in folds(len(y), seed=seed):
        fitted.append((fit_ensemble(x[train], y[train], blocks, settings, n_jobs=n_jobs)[0], test))
        if progress is not None:
            progress(len(fitted), N_FOLDS)
    return fitted


def predict_unseen(
    fitted: list[tuple[Ensemble, np.ndarray]], x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Predict every sample (n, d) by the ensemble that has not seen it; mean and spread, (n, k)."""
    parts = [(rows, *ensemble.predict(x[rows])) for ensemble, rows in fitted]
    mean, spread = (np.empty((len(x), parts[0][1].shape[1])) for _ in range(2))
    for rows, of_mean, of_spread in parts:
        mean[rows], spread[rows] = of_mean, of_spread
    return mean, spread


def cross_predict(
    x: np.ndarray,
    y: np.ndarray,
    blocks: tuple[str, ...],
    settings: FitSettings,
    *,
    n_jobs: int = 1,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Predict every sample by an ensemble fitted without its fold.

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

    Returns
    -------
    mean, spread : numpy.ndarray, (n, k)
        Mean and standard deviation over members.
    """
    fitted = cross_fit(x, y, blocks, settings, n_jobs=n_jobs, seed=seed, progress=progress)
    return predict_unseen(fitted, x)


def cross_coverage(
    y: np.ndarray, mean: np.ndarray, spread: np.ndarray, *, level: float = 0.9, seed: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Bands for every sample, calibrated on the other folds only; lower and upper, (n, k)."""
    lower, upper = np.empty_like(mean), np.empty_like(mean)
    for train, test in folds(len(y), seed=seed):
        calibration = fit_calibration(y[train], mean[train], spread[train], level=level)
        _, lower[test], upper[test] = calibration.apply(mean[test], spread[test])
    return lower, upper


def scores(
    energy_rel_ev: np.ndarray,
    y: np.ndarray,
    mean: np.ndarray,
    *,
    band: tuple[np.ndarray, np.ndarray] | None = None,
) -> dict[str, float | int]:
    """Every score of n predictions, with n.

    Parameters
    ----------
    energy_rel_ev : numpy.ndarray, (k,)
        Energies (eV).
    y, mean : numpy.ndarray, (n, k)
        Truth and prediction.
    band : tuple of numpy.ndarray, (n, k) each, optional
        Lower and upper bound, for coverage and width.

    Returns
    -------
    dict
        ``n``; ``mse`` and ``median_mse`` (edge steps squared, over n);
        ``relative_spectral_error_percent`` (median); ``median_intensity_error_percent`` (median);
        ``peak_position_error_ev`` and ``peak_intensity_error_percent`` (means over spectra with a
        matched peak); ``peaks_matched`` (mean share); with a band also ``coverage`` (share of
        points), ``width`` (edge steps) and ``spread_error_spearman`` (wide bands against large
        errors).
    """
    peaks = peak_errors(energy_rel_ev, mean, y)
    result: dict[str, float | int] = {
        "n": len(y),
        "mse": float(np.mean(mse(mean, y))),
        "median_mse": float(np.median(mse(mean, y))),
        "relative_spectral_error_percent": float(
            np.median(relative_spectral_error(mean, y, energy_ev=energy_rel_ev, percent=True))
        ),
        "median_intensity_error_percent": float(np.nanmedian(median_intensity_error(mean, y))),
        "peak_position_error_ev": _mean(peaks.position_error_ev),
        "peak_intensity_error_percent": _mean(peaks.intensity_error_percent),
        "peaks_matched": _mean(peaks.share_matched),
    }
    if band is not None:
        lower, upper = band
        width = (upper - lower).mean(axis=1)
        result["coverage"] = float(np.mean(coverage(y, lower, upper)))
        result["width"] = float(np.mean(mean_width(lower, upper)))
        result["spread_error_spearman"] = float(spearman(width, np.abs(y - mean).mean(axis=1)))
    return result


def _mean(values: np.ndarray) -> float:
    """Mean of the values that are numbers; NaN where none is (spectra without peaks)."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")

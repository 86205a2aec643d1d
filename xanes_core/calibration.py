"""From the spread of an ensemble to intervals that cover what they promise.

The spread alone is too narrow where all members err together. So the scale of an error is

    sigma(x, E) = sqrt(s(x, E)^2 + b(E)^2)

with s the ensemble's standard deviation and b(E) a floor, and the band is ``mean +- q(E) sigma``
with q(E) the quantile of ``|residual| / sigma`` over held-out residuals in an energy window around
E (split conformal prediction with a normalised score: Papadopoulos et al., ECML 2002; Lei et al.,
JASA 113, 1094 (2018)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from xanes_core.errors import ModelError

#: Floors tried, as parts of the root-mean-square residual at each energy.
FLOOR_SHARES = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
#: Energies pooled for one quantile: this many grid points to each side.
WINDOW_POINTS = 6


@dataclass(frozen=True)
class Calibration:
    """Turns a raw spread into a calibrated one.

    Attributes
    ----------
    floor : numpy.ndarray, (k,)
        b(E).
    std_factor : numpy.ndarray, (k,)
        Multiplies sigma so that its mean square is that of held-out residuals.
    band_factor : numpy.ndarray, (k,)
        q(E): multiplies sigma to give half the width of the band.
    level : float
        Share of points the band promises to cover.
    """

    floor: np.ndarray
    std_factor: np.ndarray
    band_factor: np.ndarray
    level: float

    def sigma(self, spread: np.ndarray) -> np.ndarray:
        """Scale of the error for a raw ensemble spread, (..., k) -> (..., k)."""
        return np.sqrt(np.square(spread) + np.square(self.floor))

    def apply(
        self, mean: np.ndarray, spread: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Calibrated standard deviation, lower and upper bound; all (..., k).

        Absorption is not negative, so the lower bound stops at zero (or at the mean where that is
        negative).
        """
        sigma = self.sigma(spread)
        half = self.band_factor * sigma
        lower = np.maximum(mean - half, np.minimum(mean, 0.0))
        return self.std_factor * sigma, lower, mean + half

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Arrays for ``weights.npz``."""
        return {
            "calibration_floor": self.floor.astype(np.float32),
            "calibration_std_factor": self.std_factor.astype(np.float32),
            "calibration_band_factor": self.band_factor.astype(np.float32),
            "calibration_level": np.array(self.level),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Calibration:
        """Inverse of :meth:`to_arrays`.

        Raises
        ------
        ModelError
            An array is missing.
        """
        try:
            return cls(
                floor=arrays["calibration_floor"],
                std_factor=arrays["calibration_std_factor"],
                band_factor=arrays["calibration_band_factor"],
                level=float(arrays["calibration_level"]),
            )
        except KeyError as error:
            raise ModelError(f"the model's calibration lacks {error}") from error


def fit_calibration(
    truth: np.ndarray, mean: np.ndarray, spread: np.ndarray, *, level: float = 0.9
) -> Calibration:
    """Fit to predictions of samples that the predicting ensembles had not seen.

    Parameters
    ----------
    truth, mean, spread : numpy.ndarray, (n, k)
        Spectra, predicted means and raw ensemble standard deviations.
    level : float, optional
        Coverage wanted.

    Returns
    -------
    Calibration
        With the floor that gives the narrowest band of that coverage.

    Raises
    ------
    ModelError
        Shapes differ, fewer than 20 samples, or a level that is no share.
    """
    truth, mean, spread = (np.asarray(a, dtype=np.float64) for a in (truth, mean, spread))
    if not truth.shape == mean.shape == spread.shape or truth.ndim != 2 or len(truth) < 20:
        raise ModelError(
            f"calibration needs at least 20 samples and equal shapes (n, k), got {truth.shape}, "
            f"{mean.shape} and {spread.shape}"
        )
    if not 0 < level < 1:
        raise ModelError(f"the level of a band is a share between 0 and 1, not {level}")
    residual = np.abs(truth - mean)
    rms = gaussian_filter1d(np.sqrt(np.mean(residual**2, axis=0)), 2.0, mode="nearest") + 1e-6
    best = None
    for share in FLOOR_SHARES:
        sigma = np.sqrt(spread**2 + (share * rms) ** 2)
        factor = _window_quantile(residual / sigma, level)
        width = float(np.mean(2 * factor * sigma))
        if best is None or width < best[0]:
            best = (width, share * rms, sigma, factor)
    _, floor, sigma, factor = best
    squares, promised = (
        uniform_filter1d(np.mean(a**2, axis=0), 2 * WINDOW_POINTS + 1, mode="nearest")
        for a in (residual, sigma)
    )
    std_factor = np.sqrt(squares / promised)
    return Calibration(floor=floor, std_factor=std_factor, band_factor=factor, level=level)


def _window_quantile(score: np.ndarray, level: float) -> np.ndarray:
    """Conformal quantile of the scores (n, k) in a sliding window of energies, (k,)."""
    n, k = score.shape
    share = min(1.0, np.ceil((n + 1) * level) / n)
    quantile = np.empty(k)
    for point in range(k):
        window = score[:, max(0, point - WINDOW_POINTS) : point + WINDOW_POINTS + 1]
        quantile[point] = np.quantile(window, share)
    return quantile

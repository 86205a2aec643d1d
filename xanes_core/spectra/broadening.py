"""Broadening on uneven grids: by a Lorentzian whose width grows, as FDMNES does it; by a Gaussian.

A curve is taken as what it is drawn as, straight lines between the points, and the integral of
that curve with the line shape is exact: each point carries a triangle ("hat") whose convolution has
a closed form. So the spacing may vary, may be wider than the width, and a width of almost nothing
gives the curve back; trapezoid weights times a sampled kernel do none of that.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from xanes_core.errors import SpectrumError
from xanes_core.spectra.spectrum import Spectrum, as_energies

#: Largest number of points that is broadened (the work grows with its square).
MAX_POINTS = 5_000
_CHUNK = 500
#: Full width at half maximum of a Gaussian over its standard deviation.
_FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))


def _lorentzian(u: np.ndarray, fwhm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cumulative Lorentzian F at distances ``u`` (eV), and its integral G: G' = F."""
    half = fwhm / 2.0
    x = u / half
    cumulative = 0.5 + np.arctan(x) / np.pi
    return cumulative, u * cumulative - half * np.log1p(x**2) / (2.0 * np.pi)


def _weights(at: np.ndarray, energy: np.ndarray, fwhm: np.ndarray) -> np.ndarray:
    """Weights (len(at), n) of the points of a curve in its broadened value at ``at``.

    Each point is spread by its own ``fwhm`` (n,). Nothing lies below the curve; above, it goes on
    with its last value.
    """

    def parts(points: slice, widths: slice) -> tuple[np.ndarray, np.ndarray]:
        return _lorentzian(at[:, None] - energy[None, points], fwhm[None, widths])

    step = np.diff(energy)[None, :]
    left, right, last = slice(None, -1), slice(1, None), slice(-1, None)
    result = np.zeros((at.size, energy.size))
    # Rising half of every hat but the first, then falling half of every hat but the last.
    near, far = parts(right, right), parts(left, right)
    result[:, 1:] += (far[1] - near[1]) / step - near[0]
    near, far = parts(left, left), parts(right, left)
    result[:, :-1] += near[0] - (near[1] - far[1]) / step
    result[:, -1:] += parts(last, last)[0]
    return result


def arctan_width(
    energy_rel_ev: ArrayLike,
    *,
    width_ev: float = 1.0,
    width_max_ev: float = 15.0,
    ef_ev: float = -1.0,
    ec_ev: float = 30.0,
    el_ev: float = 30.0,
) -> np.ndarray:
    """Width of the final state that grows along an arctangent (FDMNES), FWHM in eV.

    ``G(E) = G_hole + G_max (1/2 + arctan( pi/3 G_max/E_larg (e - 1/e^2) ) / pi)`` with
    ``e = (E - E_F)/E_cent``; ``G_hole`` at and below the Fermi energy. Source: FDMNES; Bunau and
    Joly, J. Phys.: Condens. Matter 21, 345501 (2009).

    Parameters
    ----------
    energy_rel_ev : array_like, (n,)
        Energies relative to E0 (eV).
    width_ev, width_max_ev : float, optional
        ``G_hole`` and ``G_max`` (eV).
    ef_ev, ec_ev, el_ev : float, optional
        Fermi energy relative to E0, centre ``E_cent`` and width ``E_larg`` of the arctangent (eV).
        The defaults are those of the public vanadium set.

    Returns
    -------
    ndarray, (n,)

    Raises
    ------
    SpectrumError
        A width, centre or energy that is not positive or not finite.
    """
    for label, value in (("width_ev", width_ev), ("ec_ev", ec_ev), ("el_ev", el_ev)):
        if not (np.isfinite(value) and value > 0):
            raise SpectrumError(f"{label} must be a positive energy, got {value}")
    if not (np.isfinite(width_max_ev) and width_max_ev >= 0 and np.isfinite(ef_ev)):
        raise SpectrumError("width_max_ev must be zero or positive and ef_ev finite")
    reduced = (np.asarray(energy_rel_ev, dtype=np.float64) - ef_ev) / ec_ev
    above = reduced > 0
    safe = np.where(above, reduced, 1.0)
    with np.errstate(over="ignore", divide="ignore"):
        slope = np.pi / 3.0 * width_max_ev / el_ev * (safe - 1.0 / safe**2)
    return width_ev + np.where(above, width_max_ev * (0.5 + np.arctan(slope) / np.pi), 0.0)


def broaden_arctan(
    spectrum: Spectrum,
    *,
    width_ev: float = 1.0,
    width_max_ev: float = 15.0,
    ef_ev: float = -1.0,
    ec_ev: float = 30.0,
    el_ev: float = 30.0,
) -> Spectrum:
    """Broaden an unconvolved theory spectrum as FDMNES does: states below E_F cut, width growing.

    Each state is spread by its own lifetime.

    Parameters
    ----------
    spectrum : Spectrum
        Unconvolved, with E0.
    width_ev, width_max_ev, ef_ev, ec_ev, el_ev : float, optional
        As in :func:`arctan_width`.

    Returns
    -------
    Spectrum
        On the same energies. Below the Fermi energy the input counts as zero; above the last energy
        it continues with the last value.

    Raises
    ------
    SpectrumError
        As :func:`arctan_width`; E0 unknown; no energies above E_F; more than 5,000 points.
    """
    relative = spectrum.energy_rel_ev
    widths = arctan_width(
        relative,
        width_ev=width_ev,
        width_max_ev=width_max_ev,
        ef_ev=ef_ev,
        ec_ev=ec_ev,
        el_ev=el_ev,
    )
    above = relative > ef_ev
    if above.sum() < 2:
        raise SpectrumError(
            f"the spectrum ends at {relative[-1]:.1f} eV, below the Fermi energy at {ef_ev:g} eV "
            "(both relative to E0); check E0"
        )
    # The curve is cut at E_F itself, not at the next point, so the grid does not matter.
    start = max(ef_ev, relative[0])
    energy = np.concatenate([[start], relative[above]])
    mu = np.concatenate([[np.interp(start, relative, spectrum.mu)], spectrum.mu[above]])
    fwhm = np.concatenate([[width_ev], widths[above]])  # at E_F it has not begun to grow
    if energy[1] - energy[0] < 1e-9:
        energy, mu, fwhm = energy[1:], mu[1:], fwhm[1:]
    if energy.size > MAX_POINTS:
        raise SpectrumError(
            f"{energy.size} points are too many to broaden (limit {MAX_POINTS}); resample first"
        )
    chunks = np.split(relative, range(_CHUNK, relative.size, _CHUNK))
    return replace(spectrum, mu=np.concatenate([_weights(at, energy, fwhm) @ mu for at in chunks]))


def gaussian_weights(energy_ev: ArrayLike, fwhm_ev: float) -> np.ndarray:
    """Matrix (k, k) that smears a curve over energies (k,) by a Gaussian; its ends go on level.

    Parameters
    ----------
    energy_ev : array_like, (k,)
        Energies (eV), ascending; their spacing may vary.
    fwhm_ev : float
        Full width at half maximum (eV); 0 gives the identity.

    Returns
    -------
    ndarray, (k, k)
        Rows sum to one.

    Raises
    ------
    SpectrumError
        A width that is negative or not finite; energies that do not ascend.
    """
    energy = as_energies(energy_ev, np.size(energy_ev))
    if not (np.isfinite(fwhm_ev) and fwhm_ev >= 0):
        raise SpectrumError(f"fwhm_ev must be zero or positive, got {fwhm_ev}")
    if fwhm_ev == 0:
        return np.eye(energy.size)
    sigma = fwhm_ev / _FWHM
    u = (energy[:, None] - energy) / sigma
    # a ramp that starts at each energy, smeared; each interval is the difference of two
    ramp = sigma * (u * ndtr(u) + np.exp(-0.5 * u**2) / np.sqrt(2.0 * np.pi))
    passed = (ramp[:, :-1] - ramp[:, 1:]) / np.diff(energy)
    weights: np.ndarray = np.zeros(ramp.shape)
    weights[:, 0] = 1.0
    weights[:, :-1] -= passed
    weights[:, 1:] += passed
    return weights

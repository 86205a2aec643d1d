"""Broadening on uneven grids: Gaussian, Lorentzian, and the Lorentzian whose width grows.

A curve is taken as what it is drawn as, straight lines between the points, and the integral of
that curve with the broadening function is exact: each point carries a triangle ("hat") whose
convolution has a closed form. So the spacing may vary, may be wider than the width, and a width of
almost nothing gives the curve back; trapezoid weights times a sampled kernel do none of that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erf

from xanes_core.errors import SpectrumError
from xanes_core.spectra.spectrum import Spectrum

#: Largest number of points that is broadened (the work grows with its square).
MAX_POINTS = 5_000
EDGES = ("extend", "zero", "renormalise")
_CHUNK = 500

# A kernel: (distance (eV), FWHM (eV)) -> cumulative F(u) and its integral G(u), G' = F, F' = K.
Kernel = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def _gaussian(u: np.ndarray, fwhm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sigma = fwhm / (2.0 * np.sqrt(2.0 * np.log(2.0)))
    cumulative = 0.5 * (1.0 + erf(u / (sigma * np.sqrt(2.0))))
    density = np.exp(-0.5 * (u / sigma) ** 2) / np.sqrt(2.0 * np.pi)
    return cumulative, u * cumulative + sigma * density


def _lorentzian(u: np.ndarray, fwhm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    half = fwhm / 2.0
    x = u / half
    cumulative = 0.5 + np.arctan(x) / np.pi
    return cumulative, u * cumulative - half * np.log1p(x**2) / (2.0 * np.pi)


_KERNELS: dict[str, Kernel] = {"gaussian": _gaussian, "lorentzian": _lorentzian}


def _weights(
    at: np.ndarray, energy: np.ndarray, kernel: Kernel, fwhm: np.ndarray, by_source: bool, edge: str
) -> np.ndarray:
    """Weights (len(at), n) of the points of a curve in its broadened value at ``at``.

    ``fwhm`` has one value per point of the curve (``by_source``) or per energy in ``at``.
    """
    if not by_source:
        whole = kernel(at[:, None] - energy[None, :], fwhm[:, None])

    def parts(points: slice, widths: slice) -> tuple[np.ndarray, np.ndarray]:
        if not by_source:
            return whole[0][:, points], whole[1][:, points]
        return kernel(at[:, None] - energy[None, points], fwhm[None, widths])

    step = np.diff(energy)[None, :]
    left, right = slice(None, -1), slice(1, None)
    result = np.zeros((at.size, energy.size))
    # Rising half of every hat but the first, then falling half of every hat but the last.
    near, far = parts(right, right), parts(left, right)
    result[:, 1:] += (far[1] - near[1]) / step - near[0]
    near, far = parts(left, left), parts(right, left)
    result[:, :-1] += near[0] - (near[1] - far[1]) / step
    if edge == "extend":
        result[:, :1] += 1.0 - parts(slice(0, 1), slice(0, 1))[0]
    if edge in ("extend", "above"):
        result[:, -1:] += parts(slice(-1, None), slice(-1, None))[0]
    if edge == "renormalise":
        result /= result.sum(axis=1, keepdims=True)
    return result


def _broadened(
    energy: np.ndarray,
    mu: np.ndarray,
    kernel: Kernel,
    fwhm: np.ndarray,
    *,
    at: np.ndarray | None = None,
    by_source: bool = False,
    edge: str = "extend",
) -> np.ndarray:
    at = energy if at is None else at
    if energy.size > MAX_POINTS:
        raise SpectrumError(
            f"{energy.size} points are too many to broaden (limit {MAX_POINTS}); resample first"
        )
    pieces = []
    for start in range(0, at.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        widths = fwhm if by_source else fwhm[part]
        pieces.append(_weights(at[part], energy, kernel, widths, by_source, edge) @ mu)
    return np.concatenate(pieces)


def broaden(
    spectrum: Spectrum, fwhm_ev: float, *, shape: str = "lorentzian", edge: str = "extend"
) -> Spectrum:
    """Convolve a spectrum with a Lorentzian or a Gaussian of constant width.

    Parameters
    ----------
    spectrum : Spectrum
        On any grid, even or not.
    fwhm_ev : float
        Full width at half maximum (eV); zero returns the spectrum as it is.
    shape : {"lorentzian", "gaussian"}, optional
    edge : {"extend", "zero", "renormalise"}, optional
        What lies outside the spectrum: the first and the last value for ever (``extend``; right for
        an absorption edge), nothing (``zero``; right for an emission line), or unknown
        (``renormalise``: the weights inside are scaled to sum to one). With the first and the last
        a constant stays constant.

    Returns
    -------
    Spectrum
        On the same energies.

    Raises
    ------
    SpectrumError
        A negative or non-finite width, an unknown shape or edge, or more than 5,000 points.
    """
    if shape not in _KERNELS:
        raise SpectrumError(f"unknown shape {shape!r}; choose from {', '.join(_KERNELS)}")
    if edge not in EDGES:
        raise SpectrumError(f"unknown edge treatment {edge!r}; choose from {', '.join(EDGES)}")
    if not (np.isfinite(fwhm_ev) and fwhm_ev >= 0):
        raise SpectrumError(f"the width must be zero or a positive energy in eV, got {fwhm_ev}")
    if fwhm_ev == 0:
        return spectrum
    widths = np.full(len(spectrum), float(fwhm_ev))
    mu = _broadened(spectrum.energy_ev, spectrum.mu, _KERNELS[shape], widths, edge=edge)
    return replace(spectrum, mu=mu)


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
    width_of: str = "state",
) -> Spectrum:
    """Broaden an unconvolved theory spectrum as FDMNES does: states below E_F cut, width growing.

    Parameters
    ----------
    spectrum : Spectrum
        Unconvolved, with E0.
    width_ev, width_max_ev, ef_ev, ec_ev, el_ev : float, optional
        As in :func:`arctan_width`.
    width_of : {"state", "photon"}, optional
        Energy that the width belongs to: that of the final state, so each state is spread by its
        own lifetime (the public vanadium set), or that of the photon, so the weights at each energy
        sum to one and a constant above a far-away Fermi energy stays constant.

    Returns
    -------
    Spectrum
        On the same energies. Below the Fermi energy the input counts as zero; above the last energy
        it continues with the last value.

    Raises
    ------
    SpectrumError
        As :func:`arctan_width`; E0 unknown; unknown ``width_of``; no energies above E_F.
    """
    if width_of not in ("state", "photon"):
        raise SpectrumError(f"unknown width_of {width_of!r}; choose 'state' or 'photon'")
    widths = {
        "width_ev": width_ev,
        "width_max_ev": width_max_ev,
        "ef_ev": ef_ev,
        "ec_ev": ec_ev,
        "el_ev": el_ev,
    }
    relative = spectrum.energy_rel_ev
    at_widths = arctan_width(relative, **widths)
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
    if energy[1] - energy[0] < 1e-9:
        energy, mu = energy[1:], mu[1:]
    by_source = width_of == "state"
    fwhm = arctan_width(energy, **widths) if by_source else at_widths
    broadened = _broadened(
        energy, mu, _lorentzian, fwhm, at=relative, by_source=by_source, edge="above"
    )
    return replace(spectrum, mu=broadened)

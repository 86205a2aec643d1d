"""Bring a theory spectrum onto a model's energy grid, continuing it below its first point.

FEFF's ``xmu.dat`` starts about 5 eV below the edge on some 70 unevenly spaced energies; the models
want an even grid from 15 eV below. Nothing here depends on a particular grid.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from xanes_core.errors import SpectrumError

#: Decay length (eV) of the tail where the first points do not rise and so give no length of their
#: own; FEFF10 spectra of complexes of Ti to Zn give 9 to 15 eV.
FALLBACK_DECAY_EV = 10.0
#: Longest decay length (eV) that the tail takes over from a nearly flat start: a longer one would
#: hardly decay at all between the first point and the bottom of the grid.
MAX_DECAY_EV = 40.0


def _checked(energy_ev: ArrayLike, mu: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return float64 copies without the NaN padding, or say what is wrong with them."""
    energy = np.array(energy_ev, dtype=np.float64)
    values = np.array(mu, dtype=np.float64)
    if energy.ndim != 1 or energy.shape != values.shape:
        raise SpectrumError(
            f"energy and mu must be two one-dimensional arrays of one length; got shapes "
            f"{energy.shape} and {values.shape}"
        )
    padding = np.isnan(energy)
    energy, values = energy[~padding], values[~padding]
    if energy.size < 4:
        raise SpectrumError(f"a theory spectrum needs at least 4 points, got {energy.size}")
    if not (np.isfinite(energy).all() and np.isfinite(values).all()):
        raise SpectrumError("the theory spectrum holds values that are not finite numbers")
    if np.any(np.diff(energy) <= 0):
        raise SpectrumError("the energies of a theory spectrum must ascend strictly; sort them")
    return energy, values


def _tail(energy_ev: np.ndarray, start_ev: float, value: float, slope: float) -> np.ndarray:
    """Hyperbola through ``value`` with ``slope`` at ``start_ev``, falling to zero downwards."""
    if value <= 0:
        return np.zeros_like(energy_ev)
    decay = value / slope if slope > 0 else FALLBACK_DECAY_EV
    decay = min(decay, MAX_DECAY_EV)
    return value * decay / (decay + (start_ev - energy_ev))


def feff_to_grid(
    energy_ev: ArrayLike, mu: ArrayLike, *, e0_ev: float, grid_rel_ev: ArrayLike
) -> np.ndarray:
    """Interpolate a FEFF spectrum onto a grid relative to E0, continuing it below its start.

    Below its first energy ``E_1`` it goes on smoothly and monotonically towards zero, as
    ``mu(E) = v d / (d + E_1 - E)`` with ``v`` the first value, ``d = v / s`` and ``s`` the slope of
    the shape-preserving (PCHIP) interpolant at ``E_1``: value and slope are continuous. It is the
    far tail of an edge step broadened by a Lorentzian, ``1/2 + arctan(x)/pi ~ 1/(pi |x|)``, which
    is what the core hole makes of an absorption edge.

    Parameters
    ----------
    energy_ev, mu : array_like, (n,)
        Columns 1 (absolute energy, eV) and 4 (normalised mu) of ``xmu.dat``; rows whose energy is
        NaN are padding.
    e0_ev : float
        Edge energy that the grid is relative to (eV).
    grid_rel_ev : array_like, (k,)
        Energies wanted, relative to ``e0_ev`` (eV), in any order.

    Returns
    -------
    ndarray, (k,)
        mu on the grid: PCHIP inside the range of FEFF, the tail under it.

    Raises
    ------
    SpectrumError
        Fewer than four points, shapes that differ, values that are not finite, or energies that
        do not ascend; or the grid reaches above FEFF's last energy, where nothing is known: extend
        the energy range of the calculation.

    Notes
    -----
    Where the first points do not rise the slope has no meaning; the value is then matched and the
    decay length is 10 eV. A first value of zero or less is continued by zero.
    """
    from scipy.interpolate import PchipInterpolator  # a tenth of a second; predicting does without

    energy, values = _checked(energy_ev, mu)
    wanted = np.asarray(grid_rel_ev, dtype=np.float64) + float(e0_ev)
    if wanted.size == 0 or not np.isfinite(wanted).all():
        raise SpectrumError("the grid and E0 must be finite numbers, in eV, and not empty")
    if wanted.max() > energy[-1] + 1e-6:
        raise SpectrumError(
            f"the theory spectrum ends at {energy[-1]:.2f} eV, but the grid reaches "
            f"{wanted.max():.2f} eV; calculate up to a higher energy (or check E0)"
        )
    if wanted.max() < energy[0]:
        raise SpectrumError(
            f"the grid ({wanted.min():.1f} to {wanted.max():.1f} eV) and the theory spectrum "
            f"({energy[0]:.1f} to {energy[-1]:.1f} eV) do not overlap; check E0"
        )
    inside = PchipInterpolator(energy, values)
    result: np.ndarray = inside(np.clip(wanted, energy[0], energy[-1]))
    below = wanted < energy[0]
    slope = float(inside.derivative()(energy[0]))
    result[below] = _tail(wanted[below], float(energy[0]), float(values[0]), slope)
    return result

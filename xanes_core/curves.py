"""Checks and weights shared by everything that works on curves over energy."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from xanes_core.errors import SpectrumError


def as_curves(*arrays: ArrayLike) -> list[np.ndarray]:
    """Broadcast curves to one shape (n, k) or (k,) and refuse what cannot be scored."""
    converted = [np.asarray(a, dtype=np.float64) for a in arrays]
    shapes = [a.shape for a in converted]
    if any(a.ndim not in (1, 2) or a.shape[-1] == 0 for a in converted):
        raise SpectrumError(f"curves must have the shape (k,) or (n, k); got {shapes}")
    if len({a.shape[-1] for a in converted}) > 1:
        raise SpectrumError(f"the curves differ in their number of energies: {shapes}")
    if not all(np.isfinite(a).all() for a in converted):
        raise SpectrumError("a curve holds values that are not finite numbers")
    try:
        return list(np.broadcast_arrays(*converted))
    except ValueError as error:
        raise SpectrumError(f"the curves differ in number: {shapes}") from error


def as_energies(energy_ev: ArrayLike, size: int) -> np.ndarray:
    """Energies (size,) as float64, finite and strictly ascending."""
    energy = np.asarray(energy_ev, dtype=np.float64)
    if energy.shape != (size,):
        raise SpectrumError(f"energies must have the shape ({size},), got {energy.shape}")
    if not np.isfinite(energy).all() or np.any(np.diff(energy) <= 0):
        raise SpectrumError("energies must be finite and ascend strictly")
    return energy


def trapezoid_weights(energy_ev: ArrayLike) -> np.ndarray:
    """Weights w (k,) in eV of the trapezoid rule, ``sum(w * mu) = integral of mu dE``."""
    energy = np.asarray(energy_ev, dtype=np.float64)
    half = np.diff(energy) / 2.0
    weights = np.zeros_like(energy)
    weights[:-1] += half
    weights[1:] += half
    return weights

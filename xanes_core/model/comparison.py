"""A network's spectrum beside another one: misfit inside and outside the band, and peaks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike

from xanes_core.errors import SpectrumError
from xanes_core.spectra import (
    PeakMatch,
    Spectrum,
    coverage,
    match_peaks,
    mse,
    relative_spectral_error,
    resample,
)

if TYPE_CHECKING:
    from xanes_core.model.spectrum_model import Prediction, SpectrumModel


#: Energies that two spectra must share to be compared.
MIN_SHARED = 10
#: Predictions of which the median time is told.
TIMED = 5


def on_shared_grid(
    prediction: Prediction, energy_ev: ArrayLike, mu: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Another spectrum on the energies of a prediction that it covers.

    Parameters
    ----------
    prediction : Prediction
        k energies.
    energy_ev, mu : array_like, (n,)
        Absolute energies (eV) and absorption (edge steps).

    Returns
    -------
    inside : ndarray of bool, (k,)
        Energies of the prediction that the other spectrum covers; m of them.
    values : ndarray, (m,)
        The other spectrum there, by linear interpolation.

    Raises
    ------
    SpectrumError
        They share fewer than ten energies.
    """
    other = Spectrum(np.asarray(energy_ev), np.asarray(mu))
    own = np.asarray(prediction.energy_ev)
    inside = (own >= other.energy_ev[0] - 1e-6) & (own <= other.energy_ev[-1] + 1e-6)
    if inside.sum() < MIN_SHARED:
        raise SpectrumError(
            "The spectrum does not overlap with the prediction: check its element and its energies."
        )
    wanted = np.clip(own[inside], other.energy_ev[0], other.energy_ev[-1])
    return inside, resample(other, wanted).mu


@dataclass(frozen=True, eq=False)
class Overlaid:
    """A measured or computed spectrum as it lies over a prediction.

    Attributes
    ----------
    name : str
        What the reader calls it.
    spectrum : Spectrum
        On the scale of the prediction, moved and scaled already.
    shift_ev : float
        By how much its energies were moved (eV).
    scale : float
        What its values were multiplied by.
    is_computed : bool
        Whether it was calculated rather than measured.
    """

    name: str
    spectrum: Spectrum
    shift_ev: float = 0.0
    scale: float = 1.0
    is_computed: bool = False


@dataclass(frozen=True, eq=False)
class Comparison:
    """How far a prediction is from a calculated spectrum, on the m energies that both have.

    Attributes
    ----------
    energy_rel_ev : ndarray, (m,)
        Energies relative to E0 (eV).
    residual : ndarray, (m,)
        Network minus theory (edge steps).
    lower, upper : ndarray, (m,)
        The band around the network, minus the network (edge steps).
    mse : float
        Mean squared residual (squared edge steps).
    share_inside : float
        Share of energies at which theory lies inside the band, 0 to 1.
    error_inside, error_outside : float
        Mean absolute residual where theory lies inside and outside the band (edge steps); NaN
        where that is nowhere.
    relative_error_percent : float
        Area between the spectra over the area under theory (%).
    peaks : PeakMatch
        Peaks of the network (predicted) matched with those of theory (target), relative energies.
    """

    energy_rel_ev: np.ndarray
    residual: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    mse: float
    share_inside: float
    error_inside: float
    error_outside: float
    relative_error_percent: float
    peaks: PeakMatch


def compare(prediction: Prediction, energy_ev: ArrayLike, mu: ArrayLike) -> Comparison:
    """Compare a prediction with a calculated spectrum on the energies that both have.

    Parameters
    ----------
    prediction : Prediction
    energy_ev, mu : array_like, (n,)
        Absolute energies (eV) and absorption (edge steps) of the theory.

    Raises
    ------
    SpectrumError
        They share fewer than ten energies, or theory is zero there.
    """
    inside, theory = on_shared_grid(prediction, energy_ev, mu)
    energy = np.asarray(prediction.energy_rel_ev)[inside]
    network = np.asarray(prediction.mu)[inside]
    lower, upper = np.asarray(prediction.lower)[inside], np.asarray(prediction.upper)[inside]
    within = (lower <= theory) & (theory <= upper)
    error = np.abs(network - theory)
    return Comparison(
        energy,
        network - theory,
        lower - network,
        upper - network,
        float(mse(network, theory)),
        float(coverage(theory, lower, upper)),
        float(error[within].mean()) if within.any() else float("nan"),
        float(error[~within].mean()) if not within.all() else float("nan"),
        float(relative_spectral_error(network, theory, energy, percent=True)),
        match_peaks(energy, network, theory),
    )


def prediction_seconds(model: SpectrumModel, atoms: Atoms, absorber: int) -> float:
    """Median wall-clock time (s) of five predictions made now, structure to band."""
    times = []
    for _ in range(TIMED):
        start = time.perf_counter()
        model.predict(atoms, absorber=absorber)
        times.append(time.perf_counter() - start)
    return float(np.median(times))

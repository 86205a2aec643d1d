"""Valence-to-core emission: area 1, curves that cannot be used, and numbers read off a curve.

Emission has no edge step. Its scale is the area under the curve, and its zero of energy the
tabulated edge of the absorber, as for absorption.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from xanes_core.errors import SpectrumError
from xanes_core.spectra.peaks import find_peaks
from xanes_core.spectra.spectrum import Spectrum, as_curves, as_energies, resample

#: Emission may dip below zero by this share of its maximum, as rounding does; not by more.
NEGATIVE_SHARE = 0.01
#: At the upper end of the range, above every occupied state, this share of the maximum may be left.
END_SHARE = 0.05
#: Somewhere between the states of the ligands and the band the emission falls below this share of
#: the main maximum; a flat curve comes from potentials without bonds.
FLAT_SHARE = 0.3
#: Smallest share of the area above :data:`BAND_FROM_EV`: less is no valence band.
BAND_SHARE = 0.1
#: Below this energy (eV from E0) lie the states that are 2s of the ligand atoms; above, the band.
BAND_FROM_EV = -9.0
#: A further peak stands out by this share of the main maximum.
PEAK_SHARE = 0.05


def area_normalised(energy_rel_ev: ArrayLike, emission: ArrayLike) -> np.ndarray:
    """Emission scaled to area 1 over the energies given.

    Parameters
    ----------
    energy_rel_ev, emission : array_like, (k,)
        Energies relative to E0 (eV) and intensities in any unit.

    Returns
    -------
    numpy.ndarray, (k,)
        In 1/eV.

    Raises
    ------
    SpectrumError
        The curve is no valence-to-core emission: negative, flat, without a valence band, or not
        back to zero at its upper end.
    """
    (curve,) = as_curves(emission)
    energy = as_energies(energy_rel_ev, curve.shape[-1])
    top = float(curve.max())
    if not top > 0:
        raise SpectrumError("there is no emission on the energies of the model")
    if curve.min() < -NEGATIVE_SHARE * top:
        raise SpectrumError(
            f"the emission is negative, down to {100 * curve.min() / top:.0f} % of its maximum; "
            "subtract the right background, or calculate it again"
        )
    if curve[-1] > END_SHARE * top:
        raise SpectrumError(
            f"the emission is still {100 * curve[-1] / top:.0f} % of its maximum at "
            f"{energy[-1]:.0f} eV, where no state is occupied; check E0 and the energies"
        )
    band = energy >= BAND_FROM_EV
    area = float(np.trapezoid(curve, energy))
    if np.trapezoid(curve[band], energy[band]) < BAND_SHARE * area:
        raise SpectrumError(
            f"less than {100 * BAND_SHARE:.0f} % of the emission lies above {BAND_FROM_EV:g} eV, "
            "so it shows no valence band; check E0 and the potentials"
        )
    main = int(np.argmax(np.where(band, curve, -np.inf)))
    if curve[: main + 1].min() > FLAT_SHARE * curve[main]:
        raise SpectrumError("the emission is flat below its maximum; calculate it again")
    return curve / area


def area_of_reference(
    spectrum: Spectrum,
    energy_ev: ArrayLike,
    reference: ArrayLike,
    *,
    subtract_line: bool = False,
) -> Spectrum:
    """Scale an emission spectrum to the area of another over the energies that both know.

    Parameters
    ----------
    spectrum : Spectrum
        Emission in any unit.
    energy_ev, reference : array_like, (k,)
        Absolute energies (eV) and the other emission (1/eV).
    subtract_line : bool, optional
        First take away the straight line through the first and the last shared point: the tail of
        a strong line such as K beta 1,3 that a measurement stands on.

    Raises
    ------
    SpectrumError
        Fewer than ten of the energies are shared, or no area is left.
    """
    (other,) = as_curves(reference)
    energy = as_energies(energy_ev, other.size)
    low, high = spectrum.energy_ev[[0, -1]]
    shared = (energy >= low) & (energy <= high)
    if shared.sum() < 10:
        raise SpectrumError(
            f"the spectrum ({low:.0f} to {high:.0f} eV) does not overlap with the prediction "
            f"({energy[0]:.0f} to {energy[-1]:.0f} eV): check its element and its energies"
        )
    at, own = energy[shared], resample(spectrum, energy[shared]).mu
    mu = spectrum.mu
    if subtract_line:
        ends, values = at[[0, -1]], own[[0, -1]]
        slope = (values[1] - values[0]) / (ends[1] - ends[0])
        mu = mu - (values[0] + slope * (spectrum.energy_ev - ends[0]))
        own = own - (values[0] + slope * (at - ends[0]))
    area, wanted = np.trapezoid(own, at), np.trapezoid(other[shared], at)
    if not (area > 0 and wanted > 0):
        raise SpectrumError("no emission is left on the energies of the prediction")
    return replace(spectrum, mu=mu * (wanted / area))


@dataclass(frozen=True)
class EmissionFeatures:
    """Numbers read off one emission curve; NaN where the curve does not show one.

    Energies in eV on the axis given (relative to E0), heights in the unit of the curve.

    ``main_peak_ev``, ``main_peak_height``
        The highest maximum above -9 eV: the valence band, mostly of metal and ligand p states.
    ``mean_energy_ev``
        First moment of the emission above -9 eV.
    ``satellite_ev``, ``satellite_height``
        The most prominent maximum below the main one; far below it, the 2s states of the ligands.
    """

    main_peak_ev: float
    main_peak_height: float
    mean_energy_ev: float
    satellite_ev: float
    satellite_height: float


def emission_features(energy_rel_ev: ArrayLike, emission: ArrayLike) -> EmissionFeatures:
    """Read the features off one emission curve (k,).

    Raises
    ------
    SpectrumError
        Shapes or energies that do not fit, or no emission at all.
    """
    (curve,) = as_curves(emission)
    if curve.ndim != 1:
        raise SpectrumError(f"features are read off one curve (k,), got the shape {curve.shape}")
    energy = as_energies(energy_rel_ev, curve.size)
    band = energy >= BAND_FROM_EV
    if band.sum() < 5 or not curve[band].max() > 0:
        raise SpectrumError(f"there is no emission above {BAND_FROM_EV:g} eV")
    peaks = find_peaks(energy, curve, prominence=PEAK_SHARE * float(curve[band].max()))
    mean_ev = np.trapezoid(energy[band] * curve[band], energy[band])
    mean_ev = float(mean_ev / np.trapezoid(curve[band], energy[band]))
    nothing = (float("nan"), float("nan"))
    inside = np.flatnonzero(peaks.energy_ev >= BAND_FROM_EV)
    if inside.size == 0:
        return EmissionFeatures(*nothing, mean_ev, *nothing)
    main = inside[np.argmax(peaks.height[inside])]
    further, below = nothing, np.flatnonzero(peaks.energy_ev < peaks.energy_ev[main])
    if below.size:
        best = below[np.argmax(peaks.prominence[below])]
        further = float(peaks.energy_ev[best]), float(peaks.height[best])
    return EmissionFeatures(
        float(peaks.energy_ev[main]), float(peaks.height[main]), mean_ev, *further
    )

"""How far theory lies from measurements in energy, and how much sharper it is, by element.

FEFF10's absolute energies are off by some eV, not alike for all elements, and its peaks are sharper
or broader than those of a beamline. Both were learned once from crystals of known structure whose
spectra are published (``data/crystals``): ``energy_scale.json`` holds the numbers, with how many
compounds they rest on.

An element's shift is drawn towards that of all elements, as far as its compounds are few and as
elements are alike (two-level normal model, its variances integrated; A. Gelman et al., Bayesian
Data Analysis, 3rd ed., CRC Press 2013, section 5.4, doi 10.1201/b16018). The standard deviations
are those of **one further compound**: what to expect of a sample that was not among them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from xanes_core.constants import ABSORBERS
from xanes_core.errors import RefinementError
from xanes_core.spectra import gaussian_weights

_LEARNED = Path(__file__).with_name("energy_scale.json")
#: Fewest compounds of an element whose own numbers are worth the name.
FEW = 3
#: Theories, and where nothing was learned for one, the shift that is expected (mean, sd in eV).
THEORIES = ("feff10", "fdmnes")
UNKNOWN_SHIFT_EV, UNKNOWN_BROADENING_EV = (0.0, 6.0), (0.0, 1.0)


@dataclass(frozen=True)
class EnergyScale:
    """From the energies of a theory to those of a measurement.

    Attributes
    ----------
    element, theory : str
        Absorber; what calculated, or what the network stands in for.
    shift_ev, shift_sd_ev : float
        Added to the energies of theory (eV), and its standard deviation for a further compound.
    broadening_ev, broadening_sd_ev : float
        Full width at half maximum of a Gaussian that smears theory (eV), and its deviation.
    n : int
        Compounds of the element that it rests on; 0: on other elements, or on nothing.
    note : str
        What it rests on, and how sure it is, in words.
    oxidation : float or None
        Formal oxidation state that it was asked for.
    """

    element: str
    theory: str
    shift_ev: float
    shift_sd_ev: float
    broadening_ev: float
    broadening_sd_ev: float
    n: int
    note: str
    oxidation: float | None = None

    @property
    def title(self) -> str:
        """What it does, in a few words."""
        return (
            f"as measured: shifted by {self.shift_ev:+.1f} +- {self.shift_sd_ev:.1f} eV, smeared "
            f"by {self.broadening_ev:.1f} eV"
        )

    def apply(self, energy_rel_ev: ArrayLike, *curves: ArrayLike) -> tuple[np.ndarray, ...]:
        """Energies shifted, and curves smeared.

        Parameters
        ----------
        energy_rel_ev : array_like, (k,)
            Energies of theory (eV).
        *curves : array_like, (k,) or (n, k)
            Spectra over them.

        Returns
        -------
        tuple of numpy.ndarray
            Energies (k,), then each of the curves in its own shape.

        Raises
        ------
        SpectrumError
            Energies that do not ascend.
        RefinementError
            A curve of another length.
        """
        energy = np.asarray(energy_rel_ev, dtype=np.float64)
        weights = gaussian_weights(energy, self.broadening_ev)
        smeared = []
        for curve in curves:
            values = np.asarray(curve, dtype=np.float64)
            if values.shape[-1:] != energy.shape:
                raise RefinementError(
                    f"a curve needs one value for each of {energy.size} energies, got "
                    f"{values.shape}"
                )
            smeared.append(values @ weights.T)
        return (energy + self.shift_ev, *smeared)


@cache
def _learned() -> dict[str, Any]:
    result: dict[str, Any] = json.loads(_LEARNED.read_text(encoding="utf-8"))
    return result


def energy_scale(
    element: str, *, theory: str = "feff10", oxidation: float | None = None
) -> EnergyScale:
    """Shift and broadening that bring a theory to measurements of an element.

    Parameters
    ----------
    element : str
        Absorber, Ti to Zn.
    theory : str, optional
        ``"feff10"`` or ``"fdmnes"``; nothing is known of the latter.
    oxidation : float, optional
        Formal oxidation state of the absorber; used where the compounds show that the shift
        depends on it.

    Raises
    ------
    RefinementError
        Another element or theory, or an oxidation state that no compound has.
    """
    if element not in ABSORBERS:
        raise RefinementError(
            f"no energy scale for {str(element)[:20]!r}: choose one of {', '.join(ABSORBERS)}"
        )
    if theory not in THEORIES:
        raise RefinementError(
            f"no energy scale for the theory {str(theory)[:20]!r}: choose {' or '.join(THEORIES)}"
        )
    if oxidation is not None and not -4.0 <= oxidation <= 8.0:
        raise RefinementError(
            f"a formal oxidation state lies between -4 and 8, not at {oxidation:g}"
        )
    learned = _learned()
    if theory != learned["theory"]:
        return EnergyScale(
            element, theory, *UNKNOWN_SHIFT_EV, *UNKNOWN_BROADENING_EV, 0,
            f"Nothing was learned for {theory.upper()}: the shift is left wide open.", oxidation,
        )  # fmt: skip
    row = learned["elements"][element]
    shift, sd = float(row["shift_ev"]), float(row["shift_sd_ev"])
    slope = learned["oxidation"]
    words = _words(element, int(row["compounds"]), int(row["spectra"]))
    if oxidation is not None and slope["used"]:
        away = oxidation - float(row["mean_oxidation"])
        shift += float(slope["slope_ev"]) * away
        sd = float(np.hypot(sd, float(slope["slope_sd_ev"]) * away))
    elif oxidation is not None:
        words += " The compounds do not show that it depends on the oxidation state."
    return EnergyScale(
        element=element,
        theory=theory,
        shift_ev=shift,
        shift_sd_ev=sd,
        broadening_ev=float(row["broadening_ev"]),
        broadening_sd_ev=float(row["broadening_sd_ev"]),
        n=int(row["compounds"]),
        note=words,
        oxidation=oxidation,
    )


def _words(element: str, compounds: int, spectra: int) -> str:
    """What the numbers of an element rest on."""
    if not compounds:
        return f"No compound of {element} was measured: taken from the other elements."
    known = (
        f"Learned from {spectra} measured spectr{'um' if spectra == 1 else 'a'} of {compounds} "
        f"compound{'s' * (compounds > 1)} of {element}"
    )
    if compounds < FEW:
        return f"{known}: too few to tell it from the other elements."
    return f"{known}, drawn towards the other elements."

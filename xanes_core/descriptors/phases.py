"""Phase shifts of the elements that may be taken from one complex to another.

A phase shift tells how an atom scatters an electron of a given energy. FEFF10's of one element
differ from complex to complex, for the most part because the energy between the atoms, which they
are counted from, wanders between -10 and -20 eV. Matched again at the radius of the muffin tin to
one and the same level (:func:`matched`) they agree to about 0.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers
from scipy.special import spherical_jn, spherical_yn

from xanes_core.errors import DescriptorError
from xanes_core.files import read_arrays, sha256_of

#: Energy between the atoms (eV) and width (eV) that all tables are matched to.
LEVEL_EV, WIDTH_EV = -17.0, 3.0
#: Energies of the tables on FEFF's scale (eV): close where spectra have their edges.
ENERGY_EV = np.concatenate(
    [np.arange(-13.0, 4.0, 1.5), np.arange(4.0, 26.0, 2.0), np.arange(26.0, 52.0, 4.0)]
)
#: Waves with l up to this have phase shifts in the tables.
L_MAX = 2
SHIPPED_PHASES = Path(__file__).with_name("phases.npz")
#: Atomic numbers that end the periods.
_NOBLE = (0, 2, 10, 18, 36, 54, 86, 118)
_LONG = 18


@dataclass(frozen=True, eq=False)
class PhaseTable:
    """Scattering matrices S_l = exp(2 i delta_l) by element; k energies.

    Attributes
    ----------
    energy_ev : numpy.ndarray, (k,)
        Energies on FEFF's scale (eV).
    momentum_au : numpy.ndarray, (k,) complex
        Of the electron between the atoms (1/bohr); its imaginary part is what is lost on the way.
    numbers : numpy.ndarray of int, (m,)
        Atomic numbers of the scatterers.
    scatterers : numpy.ndarray, (m, k, 3) complex
        S_l of each, l = 0, 1, 2.
    absorbers : tuple of str
        Elements with a core hole.
    absorber_s : numpy.ndarray, (len(absorbers), k, 3) complex
        S_l of each.
    runs : dict of str to int
        FEFF10 runs behind each, by symbol of a scatterer or ``absorber EL``; 0 for one borrowed
        from another element.
    origin : str
        How it was made.
    """

    energy_ev: np.ndarray
    momentum_au: np.ndarray
    numbers: np.ndarray
    scatterers: np.ndarray
    absorbers: tuple[str, ...]
    absorber_s: np.ndarray
    runs: dict[str, int] = field(default_factory=dict)
    origin: str = ""

    @cached_property
    def sha256(self) -> str:
        """Hash of the numbers: features of different tables are different features."""
        parts = (self.energy_ev, self.momentum_au, self.numbers, self.scatterers, self.absorber_s)
        return sha256_of(b"".join(np.ascontiguousarray(part).tobytes() for part in parts))

    @cached_property
    def _nearest(self) -> dict[int, np.ndarray]:
        """S_l of every element: its own, or that of the nearest in the periodic table."""
        known = dict(zip(self.numbers.tolist(), self.scatterers, strict=True))
        for symbol, matrix in zip(self.absorbers, self.absorber_s, strict=True):
            known.setdefault(atomic_numbers[symbol], matrix)  # its core hole is the lesser evil
        places = np.array([_place(z) for z in known])
        matrices = list(known.values())
        nearest = {}
        for z in range(1, _NOBLE[-1] + 1):
            groups, periods = np.abs(places - _place(z)).T
            # a step within a group changes an atom about as much as one and a half in a period
            nearest[z] = matrices[int(np.argmin(groups + 1.5 * periods))]
        return nearest | known

    def scatterer(self, z: int) -> np.ndarray:
        """S_l of a scatterer, (k, 3); of its nearest relative where it has no table."""
        return self._nearest[int(z)]

    def absorber(self, symbol: str) -> np.ndarray:
        """S_l of an absorber, (k, 3).

        Raises
        ------
        DescriptorError
            It has no table.
        """
        if symbol not in self.absorbers:
            raise DescriptorError(
                f"there are no phase shifts of {symbol} as an absorber; "
                f"there are of {', '.join(self.absorbers)}"
            )
        matrix: np.ndarray = self.absorber_s[self.absorbers.index(symbol)]
        return matrix

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Arrays for a file."""
        return {
            "energy_ev": self.energy_ev,
            "momentum_au": self.momentum_au,
            "numbers": self.numbers,
            "scatterers": self.scatterers,
            "absorbers": np.array(self.absorbers),
            "absorber_s": self.absorber_s,
            "runs_of": np.array(list(self.runs)),
            "runs": np.array(list(self.runs.values()), dtype=np.int64),
            "origin": np.array(self.origin),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> PhaseTable:
        """Inverse of :meth:`to_arrays`.

        Raises
        ------
        DescriptorError
            Arrays are missing or do not fit together.
        """
        try:
            table = cls(
                energy_ev=arrays["energy_ev"],
                momentum_au=arrays["momentum_au"],
                numbers=arrays["numbers"],
                scatterers=arrays["scatterers"],
                absorbers=tuple(map(str, arrays["absorbers"])),
                absorber_s=arrays["absorber_s"],
                runs=dict(zip(map(str, arrays["runs_of"]), arrays["runs"].tolist(), strict=True)),
                origin=str(arrays["origin"]),
            )
        except KeyError as error:
            raise DescriptorError(f"the phase shifts lack {error}; make them again") from error
        n = len(table.energy_ev)
        expected = (
            (table.momentum_au, (n,)),
            (table.scatterers, (len(table.numbers), n, L_MAX + 1)),
            (table.absorber_s, (len(table.absorbers), n, L_MAX + 1)),
        )
        if any(part.shape != shape for part, shape in expected):
            raise DescriptorError("arrays of the phase shifts do not fit together; make them again")
        return table


def read_phases(path: Path) -> PhaseTable:
    """Table of a file.

    Raises
    ------
    DescriptorError
        It cannot be read, or is none.
    """
    try:
        arrays = read_arrays(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DescriptorError(f"phase shifts {path.name} cannot be read ({error})") from error
    return PhaseTable.from_arrays(arrays)


@cache
def shipped_phases() -> PhaseTable:
    """Return the table that comes with the library, which shipped models are trained with."""
    return read_phases(SHIPPED_PHASES)


def matched(
    s: np.ndarray, momentum_au: np.ndarray, wanted_au: np.ndarray, radius_au: float
) -> np.ndarray:
    """Scattering matrices for another energy between the atoms.

    The wave inside the muffin tin stays as it is; outside, its value and slope at the radius are
    met by waves of the other momentum.

    Parameters
    ----------
    s : numpy.ndarray, (k, m)
        S_l for l = 0 ... m - 1.
    momentum_au, wanted_au : numpy.ndarray, (k,) complex
        Momenta (1/bohr) that they are for, and that they are wanted for.
    radius_au : float
        Of the muffin tin (bohr).
    """
    result = np.empty(s.shape, dtype=np.complex128)
    for order in range(s.shape[1]):
        (out, d_out), (back, d_back) = _waves(order, momentum_au, radius_au)
        value, slope = back + s[:, order] * out, d_back + s[:, order] * d_out
        (out, d_out), (back, d_back) = _waves(order, wanted_au, radius_au)
        result[:, order] = -(slope * back - value * d_back) / (slope * out - value * d_out)
    return result


def _waves(
    order: int, momentum_au: np.ndarray, radius_au: float
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Value and slope of the outgoing and of the incoming wave at a radius."""
    z = momentum_au * radius_au
    j, y = spherical_jn(order, z), spherical_yn(order, z)
    dj = momentum_au * spherical_jn(order, z, derivative=True)
    dy = momentum_au * spherical_yn(order, z, derivative=True)
    return (j + 1j * y, dj + 1j * dy), (j - 1j * y, dj - 1j * dy)


def _place(z: int) -> tuple[int, int]:
    """Group (1 to 18; f elements in group 3) and period of an element."""
    period = int(np.searchsorted(_NOBLE, z))
    after, before_next = z - _NOBLE[period - 1], _NOBLE[period] - z
    group = after if after <= 2 else max(_LONG - before_next, 3)
    return group, period

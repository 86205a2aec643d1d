"""Phase shifts in FEFF10's ``phaseNN.dat``, one file for each kind of atom of a run."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from xanes_core.errors import TheoryError

#: A number of its header, by what stands before it.
_HEADER = {
    "width_ev": re.compile(r"Gam_ch=\s*([-+.\dE]+)"),
    "level_ev": re.compile(r"Vint=\s*([-+.\dE]+)"),
}
_KIND = re.compile(r"(Abs|Pot\s+\d+)\s+Z=\s*(\d+)\s+Rmt=\s*([.\d]+)")
_SECOND = re.compile(r"unique pot")


@dataclass(frozen=True, eq=False)
class AtomPhases:
    """Phase shifts of one kind of atom; k energies, those with a complex contour left out.

    Attributes
    ----------
    z : int
        Atomic number.
    is_absorber : bool
        Whether it has the core hole.
    radius_ang : float
        Of its muffin tin (A).
    width_ev, level_ev : float
        Lifetime width of the core hole, and the energy between the atoms (eV).
    energy_ev : numpy.ndarray, (k,)
        On FEFF's scale (eV), ascending.
    reference_ev : numpy.ndarray, (k,) complex
        What the kinetic energy is counted from: the level with the self-energy (eV).
    delta : numpy.ndarray, (k, 5) complex
        Phase shifts for l = 0 to 4.
    """

    z: int
    is_absorber: bool
    radius_ang: float
    width_ev: float
    level_ev: float
    energy_ev: np.ndarray
    reference_ev: np.ndarray
    delta: np.ndarray


def parse_phases(text: str) -> AtomPhases:
    """Phase shifts of a ``phaseNN.dat``.

    Raises
    ------
    TheoryError
        It is no such file, or damaged.
    """
    lines = text.splitlines()
    head = "\n".join(line for line in lines if line.startswith("#"))
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    # "#  1   5  91   unique pot, lmax, ne": whose phases these are
    number = next((line.split()[1] for line in lines if _SECOND.search(line)), None)
    kinds = {
        "0" if who == "Abs" else who.split()[1]: (int(z), float(radius))
        for who, z, radius in _KIND.findall(head)
    }
    found = {name: pattern.search(head) for name, pattern in _HEADER.items()}
    if number not in kinds or not all(found.values()) or len(rows) < 4:
        raise TheoryError("this is no phaseNN.dat of FEFF10 with phase shifts in it")
    try:
        first, second = np.array(rows[::2], float), np.array(rows[1::2], float)[:, :10]
        told = {name: float(match[1]) for name, match in found.items() if match}
        energy = first[:, 1]
        # the contour in the complex plane starts again at the edge
        up = int(np.argmax(np.diff(energy, append=-np.inf) <= 0)) + 1
        delta = second[:up, ::2] + 1j * second[:up, 1::2]
        reference = first[:up, 2] + 1j * first[:up, 3]
    except (ValueError, IndexError) as error:
        raise TheoryError(f"the phase shifts of FEFF10 are damaged ({error})") from error
    z, radius = kinds[number]
    return AtomPhases(
        z=z,
        is_absorber=number == "0",
        radius_ang=radius,
        energy_ev=energy[:up],
        reference_ev=reference,
        delta=delta,
        **told,
    )

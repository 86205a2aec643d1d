"""Simple ligands that can take the place of another, with bond lengths that suit the metal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from ase.data import atomic_numbers

_Atoms = tuple[tuple[str, tuple[float, float, float]], ...]

#: Share of the metal in the length of a bond to a simple ligand (A). With ``bond_ang`` of the
#: ligands a least-squares fit to median bond lengths in the first 1,500 complexes of each metal in
#: tmQM (Balcells and Skjelstad, J. Chem. Inf. Model. 60, 6135 (2020), GFN2-xTB geometries), which
#: it meets within 0.07 A (standard deviation); water as in the hexaaqua complexes of divalent
#: metals among the examples.
METAL_ANG: Mapping[str, float] = MappingProxyType(
    {
        "Ti": 1.43, "V": 1.39, "Cr": 1.40, "Mn": 1.37, "Fe": 1.32,
        "Co": 1.33, "Ni": 1.33, "Cu": 1.34, "Zn": 1.36,
    }
)  # fmt: skip


@dataclass(frozen=True)
class SimpleLigand:
    """A ligand with one donor.

    Attributes
    ----------
    title : str
        In a chemist's words.
    bond_ang : float
        Its share in the length of the bond (A), beside that of the metal.
    atoms : tuple of (symbol, position in A)
        The donor first, at the origin; the metal lies on -z.
    """

    title: str
    bond_ang: float
    atoms: _Atoms

    @property
    def numbers(self) -> np.ndarray:
        """Atomic numbers, (n,)."""
        return np.array([atomic_numbers[symbol] for symbol, _ in self.atoms])

    @property
    def positions_ang(self) -> np.ndarray:
        """Positions relative to the donor (A), (n, 3)."""
        return np.array([place for _, place in self.atoms], dtype=float)


def _rod(*symbols: str, bonds: tuple[float, ...] = ()) -> _Atoms:
    heights = np.concatenate([[0.0], np.cumsum(bonds)])
    return tuple((s, (0.0, 0.0, float(z))) for s, z in zip(symbols, heights, strict=True))


def _umbrella(symbol: str, bond: float, tilt_deg: float, at: float = 0.0) -> _Atoms:
    """Three atoms around the axis, tilted from +z."""
    tilt = np.radians(tilt_deg)
    out, up = bond * np.sin(tilt), at + bond * np.cos(tilt)
    turns = 2 * np.pi * np.arange(3) / 3
    return tuple((symbol, (float(out * np.cos(t)), float(out * np.sin(t)), up)) for t in turns)


#: By the name that ``swap:3,NAME`` takes.
SIMPLE_LIGANDS: Mapping[str, SimpleLigand] = MappingProxyType(
    {
        "H2O": SimpleLigand(
            "water", 0.76,
            (*_rod("O"), ("H", (0.78, 0.0, 0.58)), ("H", (-0.78, 0.0, 0.58))),
        ),
        "NH3": SimpleLigand("ammine", 0.71, (*_rod("N"), *_umbrella("H", 1.02, 70.0))),
        "CO": SimpleLigand("carbonyl", 0.44, _rod("C", "O", bonds=(1.14,))),
        "CN": SimpleLigand("cyanide", 0.53, _rod("C", "N", bonds=(1.16,))),
        "F": SimpleLigand("fluoride", 0.36, _rod("F")),
        "Cl": SimpleLigand("chloride", 0.81, _rod("Cl")),
        "Br": SimpleLigand("bromide", 1.00, _rod("Br")),
        "I": SimpleLigand("iodide", 1.20, _rod("I")),
        "O": SimpleLigand("oxo", 0.16, _rod("O")),
        "OH": SimpleLigand("hydroxide", 0.42, (*_rod("O"), ("H", (0.85, 0.0, 0.45)))),
        "N": SimpleLigand("nitrido", 0.21, _rod("N")),
        "NO": SimpleLigand("nitrosyl", 0.27, _rod("N", "O", bonds=(1.15,))),
        "NCS": SimpleLigand("isothiocyanate", 0.52, _rod("N", "C", "S", bonds=(1.17, 1.62))),
        "N3": SimpleLigand("azide", 0.51, _rod("N", "N", "N", bonds=(1.20, 1.15))),
        "MeCN": SimpleLigand(
            "acetonitrile", 0.54,
            (*_rod("N", "C", "C", bonds=(1.15, 1.46)), *_umbrella("H", 1.09, 70.5, at=2.61)),
        ),
        "CH3": SimpleLigand("methyl", 0.66, (*_rod("C"), *_umbrella("H", 1.09, 70.0))),
        "SH": SimpleLigand("hydrosulfide", 0.95, (*_rod("S"), ("H", (1.30, 0.0, 0.30)))),
        "PH3": SimpleLigand("phosphine", 0.94, (*_rod("P"), *_umbrella("H", 1.42, 62.0))),
        "H": SimpleLigand("hydride", 0.14, _rod("H")),
    }
)  # fmt: skip

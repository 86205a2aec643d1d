"""Kinds of spectra that are predicted: grid, unit, label, scale and possible values of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from xanes_core.errors import SpectrumError


@dataclass(frozen=True)
class SpectrumKind:
    """What there is to know of a kind of spectrum, whatever the structure.

    Attributes
    ----------
    key : str
        Its word in files, links and options.
    title : str
        Its name on screen.
    process : str
        What the absorber does.
    grid_ev : (float, float, int)
        First and last energy of the shipped models' grid, relative to E0 (eV), and number of
        points.
    label, unit : str
        Of the intensity: with its unit as an axis says it, and the unit alone.
    column : str
        Name of the intensity in tables.
    digits : int
        Decimals that an intensity is told with.
    mse_factor, mse_label, mse_unit : float, str, str
        What makes squared errors readable, and how the result is called on screen and in plain
        text.
    never_negative : bool
        Whether a value below zero cannot be, so that predictions end there.
    """

    key: str
    title: str
    process: str
    grid_ev: tuple[float, float, int]
    label: str
    unit: str
    column: str
    digits: int
    mse_factor: float
    mse_label: str
    mse_unit: str
    never_negative: bool

    @property
    def energy_rel_ev(self) -> np.ndarray:
        """Energies of the shipped models' grid, relative to E0 (eV), (k,)."""
        return np.linspace(*self.grid_ev)

    def possible(self, mu: np.ndarray) -> np.ndarray:
        """Values ``mu``, any shape, with those that cannot be moved to the nearest that can."""
        return np.maximum(mu, 0.0) if self.never_negative else mu


def band_limits(mu: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bound at ``half`` a width from values ``mu`` of any kind, any shape.

    No true spectrum is negative, whatever its kind, so the lower bound stops at zero; or at ``mu``
    where that is negative, as a predicted absorption may be (see :meth:`SpectrumKind.possible`).
    """
    return np.maximum(mu - half, np.minimum(mu, 0.0)), mu + half


#: Absorption over the edge step; 226 points of 1/3 eV.
XANES = SpectrumKind(
    key="xanes",
    title="XANES",
    process="absorption",
    grid_ev=(-15.0, 60.0, 226),
    label="\u03bc(E) / edge step",
    unit="edge steps",
    column="mu",
    digits=2,
    mse_factor=1e3,
    mse_label="MSE (10\u207b\u00b3)",
    mse_unit="1e-3",
    never_negative=False,
)
#: Valence-to-core emission of area 1; 181 points of 0.2 eV.
XES = SpectrumKind(
    key="xes",
    title="XES",
    process="emission",
    grid_ev=(-22.0, 14.0, 181),
    label="Emission (area 1, 1/eV)",
    unit="1/eV",
    column="emission",
    digits=3,
    mse_factor=1e6,
    mse_label="MSE (10\u207b\u2076 eV\u207b\u00b2)",
    mse_unit="1e-6 per eV squared",
    never_negative=True,
)
#: All of them by key, in the order in which they are offered.
SPECTRUM_KINDS: Mapping[str, SpectrumKind] = MappingProxyType({k.key: k for k in (XANES, XES)})


def spectrum_kind(named: SpectrumKind | str) -> SpectrumKind:
    """Kind of spectrum by its key; one that is a kind already comes back as it is.

    Raises
    ------
    SpectrumError
        There is no such kind.
    """
    if isinstance(named, SpectrumKind):
        return named
    if named not in SPECTRUM_KINDS:
        raise SpectrumError(
            f"no spectra {str(named)[:40]!r}; there are: {', '.join(SPECTRUM_KINDS)}"
        )
    return SPECTRUM_KINDS[named]

"""Spectra over energy: predictions with their bands, theory, measurements, other structures.

A colour stands for the role of a curve, never for a position in a list.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import plotly.graph_objects as go

from xanes_core.errors import SpectrumError
from xanes_core.model import Comparison, Prediction
from xanes_core.plots.style import (
    DASHES,
    LIGHT,
    MEASURED,
    MEASUREMENT,
    NETWORK,
    OTHERS,
    THEORY,
    THEORY_SECOND,
    Look,
    band,
    band_fill,
    style_figure,
    two_panels,
)
from xanes_core.spectra import XANES, SpectrumKind

if TYPE_CHECKING:
    from xanes_core.spectra import Spectrum


Role = Literal["network", "theory", "measurement", "other"]
Energies = Literal["relative", "absolute"]

ENERGY_LABELS: MappingProxyType[Energies, str] = MappingProxyType(
    {"relative": "Energy \u2212 E\u2080 (eV)", "absolute": "Energy (eV)"}
)
RESIDUAL_LABEL = "theory \u2212 network"


@dataclass(frozen=True)
class EnergyAxis:
    """How a figure counts energies.

    Attributes
    ----------
    e0_ev : float
        Edge energy (eV).
    energies : {"relative", "absolute"}
        Whether they are counted from the edge energy.

    Raises
    ------
    SpectrumError
        For other energies than ``"relative"`` and ``"absolute"``.
    """

    e0_ev: float
    energies: Energies = "relative"

    def __post_init__(self) -> None:
        if self.energies not in ENERGY_LABELS:
            raise SpectrumError(
                f"Unknown energy axis {self.energies!r}: choose 'relative' or 'absolute'"
            )

    @property
    def is_relative(self) -> bool:
        """Whether energies are counted from E0."""
        return self.energies == "relative"

    @property
    def label(self) -> str:
        """Title of the axis."""
        return ENERGY_LABELS[self.energies]

    @property
    def offset_ev(self) -> float:
        """What is added to energies relative to E0 (eV)."""
        return 0.0 if self.is_relative else self.e0_ev

    def place_ev(self, energy_ev: np.ndarray) -> np.ndarray:
        """Where absolute energies (n,) lie on this axis, in eV."""
        return energy_ev - self.e0_ev if self.is_relative else energy_ev

    def place_curve_ev(self, curve: Curve) -> np.ndarray:
        """Where the energies (n,) of a curve lie on this axis, in eV: each on its own edge."""
        own = self if curve.e0_ev is None else replace(self, e0_ev=curve.e0_ev)
        return own.place_ev(curve.energy_ev)


@dataclass(frozen=True)
class Curve:
    """One line of a spectrum figure, with its band where it has one.

    Attributes
    ----------
    name : str
        Legend entry; plain text, escaped by the figures.
    energy_ev : ndarray of shape (n,)
        Absolute energy in eV.
    mu : ndarray of shape (n,)
        Absorption over the edge step, or emission of area 1.
    role : str
        ``"network"``, ``"theory"``, ``"measurement"`` or ``"other"``: fixes the colour.
    lower, upper : ndarray of shape (n,) or None
        Bounds of the band, both or neither.
    level : float or None
        Coverage that the band is meant to have, for the legend.
    rank : int
        Position among the curves of the same role: varies the dash (and, for ``"other"`` and
        ``"theory"``, the colour).
    e0_ev : float or None
        Edge energy of its absorber (eV), where relative energies are counted from; None for that
        of the figure.
    colour : str or None
        Colour (hex) that a person gave it; None for that of its role.

    Raises
    ------
    SpectrumError
        Arrays that do not fit together, half a band, or an unknown role.
    """

    name: str
    energy_ev: np.ndarray
    mu: np.ndarray
    role: Role = "network"
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None
    level: float | None = None
    rank: int = field(default=0)
    e0_ev: float | None = None
    colour: str | None = None

    def __post_init__(self) -> None:
        n = np.shape(self.energy_ev)
        arrays = [self.mu] + [a for a in (self.lower, self.upper) if a is not None]
        if len(n) != 1 or any(np.shape(a) != n for a in arrays):
            raise SpectrumError("A curve needs energy, mu and its band as 1-D arrays of one length")
        if (self.lower is None) != (self.upper is None):
            raise SpectrumError("A band needs both its lower and its upper bound")
        if self.role not in get_args(Role):
            raise SpectrumError(
                f"Unknown kind of curve {self.role!r}: choose one of {', '.join(get_args(Role))}"
            )


def prediction_curve(
    prediction: Prediction, name: str = "Network", *, role: Role = "network", rank: int = 0
) -> Curve:
    """Curve of a :class:`~xanes_core.model.Prediction` with its interval."""
    return Curve(
        name,
        np.asarray(prediction.energy_ev),
        np.asarray(prediction.mu),
        role,
        np.asarray(prediction.lower),
        np.asarray(prediction.upper),
        float(prediction.level),
        rank,
        float(prediction.e0_ev),
    )


def spectrum_curve(
    spectrum: Spectrum, name: str, *, role: Role = "measurement", rank: int = 0
) -> Curve:
    """Curve of a :class:`~xanes_core.spectra.Spectrum` (no band)."""
    return Curve(name, np.asarray(spectrum.energy_ev), np.asarray(spectrum.mu), role, rank=rank)


def without_band(curve: Curve) -> Curve:
    """The same curve as a bare line."""
    return replace(curve, lower=None, upper=None, level=None)


def curve_style(curve: Curve, *, dark: bool = False) -> tuple[str, str]:
    """Colour (hex) and dash name of `curve`."""
    colour, dash = _style_of_role(curve, dark=dark)
    return curve.colour or colour, dash


def _style_of_role(curve: Curve, *, dark: bool) -> tuple[str, str]:
    if curve.role == "network":
        return NETWORK, DASHES[curve.rank % len(DASHES)]
    if curve.role == "measurement":
        colours = (MEASUREMENT[Look(dark).theme], *MEASURED)
        n = len(colours)
        return colours[curve.rank % n], DASHES[curve.rank // n % len(DASHES)]
    if curve.role == "theory":
        return (THEORY, THEORY_SECOND)[curve.rank % 2], DASHES[curve.rank % len(DASHES)]
    n = len(OTHERS)
    return OTHERS[curve.rank % n], DASHES[curve.rank // n % len(DASHES)]


def own_colours(role: Role, rank: int) -> tuple[str, str]:
    """Colours (hex) that a curve has by itself, on a light and on a dark page."""
    bare = Curve("", np.zeros(1), np.zeros(1), role, rank=rank)
    return curve_style(bare)[0], Look(dark=True).colour(curve_style(bare, dark=True)[0])


def band_name(curve: Curve) -> str:
    """Legend entry of the curve's band, with its coverage in per cent."""
    return "band" if curve.level is None else f"{100 * curve.level:.0f} % band"


def spectrum_figure(
    curves: Sequence[Curve],
    axis: EnergyAxis,
    *,
    kind: SpectrumKind = XANES,
    look: Look = LIGHT,
) -> go.Figure:
    """Spectra with their bands, transparent so that it sits on either theme.

    Parameters
    ----------
    curves : sequence of Curve
        Drawn in order; the first is in front.
    axis : EnergyAxis
        How energies are counted.
    kind : SpectrumKind
        What the curves are, for the title of their axis.
    look : Look
        The page it stands on.
    """
    figure = go.Figure()
    for curve in reversed(curves):
        _add_curve(figure, curve, axis, look)
    if axis.is_relative:
        figure.add_vline(x=0.0, line={"color": look.grid, "width": 1})
    style_figure(figure, look.sized(420))
    _set_energies(figure, curves, axis)
    figure.update_xaxes(title_text=axis.label)
    figure.update_yaxes(title_text=kind.label, rangemode="tozero")
    return figure


def _set_energies(figure: go.Figure, curves: Sequence[Curve], axis: EnergyAxis) -> None:
    """Give all horizontal axes of `figure` the energies of the curves."""
    # the reader's zoom stays while frames or settings change, and goes with another axis
    figure.update_layout(uirevision=axis.energies)
    figure.update_xaxes(tickformat="~f", hoverformat=".1f")
    own = [curve for curve in curves if curve.role == "network"]
    if own:  # the network's own grid: a measured EXAFS scan must not squeeze the edge
        x = axis.place_curve_ev(own[0])
        figure.update_xaxes(range=(float(x[0]), float(x[-1])))


def _add_curve(figure: go.Figure, curve: Curve, axis: EnergyAxis, look: Look) -> None:
    x = axis.place_curve_ev(curve)
    colour, dash = curve_style(curve, dark=look.dark)
    group = f"{curve.role}-{curve.rank}"
    custom, hover = None, "%{y:.3f}"
    if curve.lower is not None and curve.upper is not None:
        custom = np.column_stack([curve.lower, curve.upper])
        hover = "%{y:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f})"
        figure.add_scatter(
            **band(x, curve.lower, curve.upper, band_fill(colour, look)),
            name=band_name(curve),
            legendgroup=group,
            showlegend=curve.role == "network" and curve.rank == 0,
        )
    figure.add_scatter(
        x=x,
        y=curve.mu,
        customdata=custom,
        mode="lines",
        line={"color": colour, "dash": dash, "width": 2.2},
        # plotly reads a little HTML in names; a file's name is only ever text
        name=html.escape(curve.name),
        legendgroup=group,
        hovertemplate=hover,
    )


def comparison_figure(
    curves: Sequence[Curve],
    comparison: Comparison | None,
    axis: EnergyAxis,
    *,
    look: Look = LIGHT,
) -> go.Figure:
    """Spectra above, the difference theory minus network with the band below; one energy axis.

    Parameters
    ----------
    curves : sequence of Curve
        As in :func:`~xanes_core.plots.spectrum_figure`.
    comparison : Comparison or None
        What the lower panel shows; None leaves the spectra alone.
    axis : EnergyAxis
        How energies are counted.
    look : Look
        The page it stands on.
    """
    look = look.sized(470)
    alone = spectrum_figure(curves, axis, look=look)
    if comparison is None:
        return alone
    figure = two_panels(0.7, 0.04)
    figure.add_traces(list(alone.data), rows=1, cols=1)
    _add_residual(figure, comparison, axis, look)
    style_figure(figure, look)
    _set_energies(figure, curves, axis)
    figure.update_xaxes(showticklabels=False, row=1, col=1)
    figure.update_xaxes(title_text=axis.label, row=2, col=1)
    figure.update_yaxes(title_text=XANES.label, rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title_text="Difference", row=2, col=1)
    if axis.is_relative:
        figure.add_vline(x=0.0, line={"color": look.grid, "width": 1})
    return figure


def _add_residual(figure: go.Figure, comparison: Comparison, axis: EnergyAxis, look: Look) -> None:
    """Band around zero and the difference in the colour of theory: outside the band is seen."""
    x = comparison.energy_rel_ev + axis.offset_ev
    figure.add_scatter(
        **band(x, comparison.lower, comparison.upper, band_fill(NETWORK, look)),
        name="band",
        showlegend=False,
        row=2,
        col=1,
    )
    figure.add_scatter(
        x=x,
        y=-comparison.residual,
        mode="lines",
        line={"color": THEORY, "width": 1.8},
        name=RESIDUAL_LABEL,
        hovertemplate="%{y:.3f}",
        showlegend=False,
        row=2,
        col=1,
    )

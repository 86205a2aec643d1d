"""Interactive figures (plotly) and the one palette that every figure of the project uses.

Colours are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), told apart by readers with
any colour vision. A colour stands for the role of a curve, never for a position in a list.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from xanes_core.errors import SpectrumError
from xanes_core.model import Comparison, Prediction
from xanes_core.plots.style import (
    BAND_OPACITY,
    DASHES,
    GRID,
    MEASUREMENT,
    NETWORK,
    OTHERS,
    THEORY,
    THEORY_SECOND,
    _theme,
    rgba,
    style_figure,
)
from xanes_core.spectra import XANES, SpectrumKind

if TYPE_CHECKING:
    from xanes_core.spectra import Spectrum


Role = Literal["network", "theory", "measurement", "other"]
Axis = Literal["relative", "absolute"]

ENERGY_LABELS: MappingProxyType[Axis, str] = MappingProxyType(
    {"relative": "Energy - E0 (eV)", "absolute": "Energy (eV)"}
)
RESIDUAL_LABEL = "theory - network"


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
    """

    name: str
    energy_ev: np.ndarray
    mu: np.ndarray
    role: Role = "network"
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None
    level: float | None = None
    rank: int = field(default=0)

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
    """Colour (hex) and dash name of `curve`; one rule for the screen and for print."""
    theme = "dark" if dark else "light"
    if curve.role == "network":
        return NETWORK, DASHES[curve.rank % len(DASHES)]
    if curve.role == "measurement":
        return MEASUREMENT[theme], DASHES[curve.rank % len(DASHES)]
    if curve.role == "theory":
        return (THEORY, THEORY_SECOND)[curve.rank % 2], DASHES[curve.rank // 2 % len(DASHES)]
    n = len(OTHERS)
    return OTHERS[curve.rank % n], DASHES[curve.rank // n % len(DASHES)]


def band_name(curve: Curve) -> str:
    """Legend entry of the curve's band, with its coverage in per cent."""
    return "band" if curve.level is None else f"{100 * curve.level:.0f} % band"


def axis_energy_ev(curve: Curve, axis: Axis, e0_ev: float) -> np.ndarray:
    """Energies of `curve` (n,) on the chosen axis, in eV.

    Raises
    ------
    SpectrumError
        For an axis other than ``"relative"`` and ``"absolute"``.
    """
    if axis not in ENERGY_LABELS:
        raise SpectrumError(f"Unknown energy axis {axis!r}: choose 'relative' or 'absolute'")
    return curve.energy_ev - e0_ev if axis == "relative" else curve.energy_ev


def spectrum_figure(
    curves: Sequence[Curve],
    *,
    e0_ev: float,
    axis: Axis = "relative",
    dark: bool = False,
    height_px: int = 420,
    kind: SpectrumKind = XANES,
) -> go.Figure:
    """Spectra with their bands, transparent so that it sits on either theme.

    Parameters
    ----------
    curves : sequence of Curve
        Drawn in order; the first is in front.
    e0_ev : float
        Edge energy that the relative axis refers to.
    axis : {"relative", "absolute"}
        Energy axis.
    dark : bool
        Whether the page is dark.
    height_px : int
        Height of the figure.
    kind : SpectrumKind
        What the curves are, for the title of their axis.
    """
    figure = go.Figure()
    for curve in reversed(curves):
        _add_curve(figure, curve, axis_energy_ev(curve, axis, e0_ev), dark)
    if axis == "relative":
        figure.add_vline(x=0.0, line={"color": _theme(GRID, dark), "width": 1})
    style_figure(figure, dark=dark, height_px=height_px)
    set_energy_axes(figure, curves, axis, e0_ev)
    figure.update_xaxes(title_text=ENERGY_LABELS[axis])
    figure.update_yaxes(title_text=kind.label, rangemode="tozero")
    return figure


def set_energy_axes(figure: go.Figure, curves: Sequence[Curve], axis: Axis, e0_ev: float) -> None:
    """Give all horizontal axes of `figure` the energies of the curves."""
    # the reader's zoom stays while frames or settings change, and goes with another axis
    figure.update_layout(uirevision=axis)
    figure.update_xaxes(tickformat="~f", hoverformat=".1f")
    window = energy_window_ev(curves, axis, e0_ev)
    if window is not None:
        figure.update_xaxes(range=window)


def _add_curve(figure: go.Figure, curve: Curve, x: np.ndarray, dark: bool) -> None:
    colour, dash = curve_style(curve, dark=dark)
    # plotly reads a little HTML in names; a file's name is only ever text
    name = html.escape(curve.name)
    group = f"{curve.role}-{curve.rank}"
    if curve.lower is not None and curve.upper is not None:
        figure.add_scatter(
            x=np.concatenate([x, x[::-1]]),
            y=np.concatenate([curve.upper, curve.lower[::-1]]),
            fill="toself",
            fillcolor=rgba(colour, BAND_OPACITY + (0.1 if dark else 0.0)),
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            name=band_name(curve),
            legendgroup=group,
            showlegend=curve.role == "network" and curve.rank == 0,
        )
    custom, hover = None, "%{y:.3f}"
    if curve.lower is not None and curve.upper is not None:
        custom = np.column_stack([curve.lower, curve.upper])
        hover = "%{y:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f})"
    figure.add_scatter(
        x=x,
        y=curve.mu,
        customdata=custom,
        mode="lines",
        line={"color": colour, "dash": dash, "width": 2.2},
        name=name,
        legendgroup=group,
        hovertemplate=hover,
    )


def energy_window_ev(
    curves: Sequence[Curve], axis: Axis, e0_ev: float
) -> tuple[float, float] | None:
    """Range of the network's own grid: a measured EXAFS scan must not squeeze the edge."""
    own = [c for c in curves if c.role == "network"]
    if not own:
        return None
    x = axis_energy_ev(own[0], axis, e0_ev)
    return float(x[0]), float(x[-1])


def comparison_figure(
    curves: Sequence[Curve],
    comparison: Comparison | None,
    *,
    e0_ev: float,
    axis: Axis = "relative",
    dark: bool = False,
    height_px: int = 470,
) -> go.Figure:
    """Spectra above, the difference theory minus network with the band below; one energy axis.

    Parameters
    ----------
    curves : sequence of Curve
        As in :func:`~xanes_core.plots.spectrum_figure`.
    comparison : Comparison or None
        What the lower panel shows; None leaves the spectra alone.
    e0_ev : float
        Edge energy that the relative axis refers to.
    axis : {"relative", "absolute"}
        Energy axis.
    dark : bool
        Whether the page is dark.
    height_px : int
        Height of the figure.
    """
    alone = spectrum_figure(curves, e0_ev=e0_ev, axis=axis, dark=dark, height_px=height_px)
    if comparison is None:
        return alone
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.04, row_heights=[0.7, 0.3]
    )
    figure.add_traces(list(alone.data), rows=1, cols=1)
    _add_residual(figure, comparison, e0_ev if axis == "absolute" else 0.0, dark)
    style_figure(figure, dark=dark, height_px=height_px)
    set_energy_axes(figure, curves, axis, e0_ev)
    figure.update_xaxes(showticklabels=False, row=1, col=1)
    figure.update_xaxes(title_text=ENERGY_LABELS[axis], row=2, col=1)
    figure.update_yaxes(title_text=XANES.label, rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title_text="difference", row=2, col=1)
    if axis == "relative":
        figure.add_vline(x=0.0, line={"color": GRID["dark" if dark else "light"], "width": 1})
    return figure


def _add_residual(figure: go.Figure, found: Comparison, offset_ev: float, dark: bool) -> None:
    """Band around zero and the difference in the colour of theory: outside the band is seen."""
    x = found.energy_rel_ev + offset_ev
    figure.add_scatter(
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([found.upper, found.lower[::-1]]),
        fill="toself",
        fillcolor=rgba(NETWORK, BAND_OPACITY + (0.1 if dark else 0.0)),
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        name="band",
        showlegend=False,
        row=2,
        col=1,
    )
    figure.add_scatter(
        x=x,
        y=-found.residual,
        mode="lines",
        line={"color": THEORY, "width": 1.8},
        name=RESIDUAL_LABEL,
        hovertemplate="%{y:.3f}",
        showlegend=False,
        row=2,
        col=1,
    )

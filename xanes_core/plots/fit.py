"""What a measured spectrum says of structures: overlay, parameters, corner plot, shares."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from xanes_core.plots.residual import residual_panel
from xanes_core.plots.spectrum import Curve, EnergyAxis, spectrum_figure
from xanes_core.plots.structure import scene
from xanes_core.plots.style import (
    GREY,
    LIGHT,
    NETWORK,
    OTHERS,
    Look,
    rgba,
    style_figure,
    style_marks,
    zero_line,
)

if TYPE_CHECKING:
    from xanes_core.refinement import FittedParameter, StructureFit

#: What a unit of a parameter is called on an axis.
UNITS = {"A": "\u00c5", "deg": "\u00b0", "": ""}
#: Height of a parameter's row, and what a panel needs beside its rows (pixels).
_ROW_PX, _PANEL_PX = 54, 92
#: Samples drawn in a corner plot; more hide each other.
_MAX_DRAWN = 1500
#: Longest label of a parameter in a corner plot.
_SHORT = 22


@dataclass(frozen=True)
class Interval:
    """A number with its intervals and the range in which it was looked for.

    Attributes
    ----------
    label : str
        Any text.
    value, low68, high68, low90, high90 : float
        The number, and what holds 68 and 90 % of the posterior.
    limits : (float, float)
        Lowest and highest value that was possible.
    """

    label: str
    value: float
    low68: float
    high68: float
    low90: float
    high90: float
    limits: tuple[float, float]


def fit_figure(
    curves: Sequence[Curve],
    residual: Curve | None,
    axis: EnergyAxis,
    *,
    window_ev: tuple[float, float] | None = None,
    look: Look = LIGHT,
) -> go.Figure:
    """Measured and explained spectrum with the model's band; below, what is left.

    Parameters
    ----------
    curves : sequence of Curve
        Drawn in order, the first in front.
    residual : Curve or None
        Explained less measured (edge steps) with the model's band around zero; None leaves the
        lower panel out.
    axis : EnergyAxis
        How energies are counted.
    window_ev : (float, float), optional
        Energies relative to E0 that are compared; all else is shaded.
    look : Look
        The page it stands on.
    """
    look = look.sized(430)
    figure = spectrum_figure(curves, axis, look=look)
    x = [axis.place_curve_ev(curve) for curve in curves if curve.role != "measurement"]
    if x:  # from the first to the last energy of what is explained
        ends = [float(min(one[0] for one in x)), float(max(one[-1] for one in x))]
        figure.update_xaxes(range=ends)
        for low, high in _outside(ends, window_ev, axis):
            figure.add_vrect(x0=low, x1=high, fillcolor=rgba(GREY, 0.13), line_width=0)
    if residual is None:
        return figure
    zero = np.zeros_like(residual.mu)
    around = (
        zero if residual.lower is None else residual.lower,
        zero if residual.upper is None else residual.upper,
    )
    line = (axis.place_curve_ev(residual), residual.mu)
    return residual_panel(figure, line, around, name=residual.name, look=look)


def _outside(
    ends: Sequence[float], window_ev: tuple[float, float] | None, axis: EnergyAxis
) -> list[tuple[float, float]]:
    """Parts of an axis that lie outside a window."""
    if window_ev is None:
        return []
    low, high = (value + axis.offset_ev for value in window_ev)
    return [(a, b) for a, b in ((ends[0], low), (high, ends[1])) if b > a]


# --- parameters ----------------------------------------------------------------------------------


def parameters_figure(parameters: Sequence[FittedParameter], *, look: Look = LIGHT) -> go.Figure:
    """Each parameter as a dot with its 68 and 90 % bars on the range that was allowed.

    Lengths and angles stand in panels of their own; 0 is the structure as it came.
    """
    panels = {
        unit: [Interval(p.label, p.value, p.low68, p.high68, p.low90, p.high90, p.limits)
               for p in parameters if p.unit == unit]
        for unit in dict.fromkeys(p.unit for p in parameters)
    }  # fmt: skip
    titles = {"A": "Change (\u00c5)", "deg": "Change (\u00b0)"}
    return _intervals([(titles.get(unit, "Change"), rows) for unit, rows in panels.items()], look)


def fractions_figure(fractions: Sequence[Interval], *, look: Look = LIGHT) -> go.Figure:
    """Fractions of a mixture as dots with their 68 and 90 % bars, on 0 to 1."""
    return _intervals([("Fraction", list(fractions))], look)


def _intervals(panels: Sequence[tuple[str, list[Interval]]], look: Look) -> go.Figure:
    counts = [len(rows) for _, rows in panels]
    figure = make_subplots(
        rows=len(panels), cols=1, row_heights=[n + 0.8 for n in counts],
        vertical_spacing=0.3 / len(panels) if len(panels) > 1 else 0.0,
    )  # fmt: skip
    for number, (title, rows) in enumerate(panels, start=1):
        _panel(figure, number, rows, look)
        figure.update_xaxes(title_text=title, row=number, col=1)
    style_marks(figure, look.sized(sum(counts) * _ROW_PX + len(panels) * _PANEL_PX))
    figure.update_yaxes(showticklabels=False, ticks="", showgrid=False, showline=False)
    told = " ".join(
        f"{r.label}: {r.value:.3g}, 90 % between {r.low90:.3g} and {r.high90:.3g}, allowed "
        f"{r.limits[0]:.3g} to {r.limits[1]:.3g}."
        for _, rows in panels
        for r in rows
    )
    figure.update_layout(
        margin={"l": 12, "r": 12, "t": 30, "b": 50}, showlegend=True, meta=f"Intervals. {told}"
    )
    return figure


def _panel(figure: go.Figure, number: int, rows: Sequence[Interval], look: Look) -> None:
    """One row for each interval, the first at the top; its label stands above its bar."""
    first, at = number == 1, {"row": number, "col": 1}
    y = [float(len(rows) - i) for i in range(len(rows))]
    for name, width, colour, ends in (
        ("allowed", 14, rgba(GREY, 0.25), [r.limits for r in rows]),
        ("90 %", 4, rgba(NETWORK, 0.55), [(r.low90, r.high90) for r in rows]),
        ("68 %", 9, NETWORK, [(r.low68, r.high68) for r in rows]),
    ):
        x = [value for low, high in ends for value in (low, high, None)]
        places = [value for place in y for value in (place, place, None)]
        figure.add_scatter(
            x=x, y=places, mode="lines", line={"color": colour, "width": width}, name=name,
            legendgroup=name, showlegend=first, hoverinfo="skip", **at,
        )  # fmt: skip
    figure.add_scatter(
        x=[r.value for r in rows], y=y, mode="markers", name="best",
        marker={"color": look.background, "size": 9, "line": {"color": look.ink, "width": 2}},
        customdata=[[r.low90, r.high90] for r in rows],
        text=[html.escape(r.label) for r in rows],
        hovertemplate="%{text}: %{x:.3f} (90 %: %{customdata[0]:.3f} to %{customdata[1]:.3f})"
        "<extra></extra>",
        showlegend=False, **at,
    )  # fmt: skip
    figure.add_vline(x=0.0, line={"color": look.ink, "width": 1, "dash": "dot"}, **at)
    low = min(r.limits[0] for r in rows)
    for place, row in zip(y, rows, strict=True):
        figure.add_annotation(
            x=low, y=place + 0.42, text=html.escape(row.label), showarrow=False,
            xanchor="left", yanchor="middle", align="left", font={"color": look.ink}, **at,
        )  # fmt: skip
    figure.update_yaxes(range=[0.5, len(rows) + 0.72], fixedrange=True, **at)


def corner_figure(
    samples: np.ndarray, parameters: Sequence[FittedParameter], *, look: Look = LIGHT
) -> go.Figure:
    """How probable each value is, and how each pair of parameters hangs together.

    Parameters
    ----------
    samples : numpy.ndarray, (n, p)
        Drawn from the posterior.
    parameters : sequence of FittedParameter, (p,)
        Names and units, in the order of the columns.
    look : Look
        The page it stands on.
    """
    p = len(parameters)
    figure = make_subplots(
        rows=p, cols=p, horizontal_spacing=0.03, vertical_spacing=0.03,
        specs=[[{} if col <= row else None for col in range(p)] for row in range(p)],
    )  # fmt: skip
    drawn = samples[:: max(len(samples) // _MAX_DRAWN, 1)]
    style_marks(figure, look.sized(300 if p == 1 else min(150 * p + 90, 620)))
    for row in range(p):
        for col in range(row + 1):
            at = {"row": row + 1, "col": col + 1}
            if row == col:
                _density(figure, samples[:, row], parameters[row], at)
            else:
                figure.add_scattergl(
                    x=drawn[:, col], y=drawn[:, row], mode="markers", hoverinfo="skip",
                    marker={"color": look.colour(NETWORK), "size": 3, "opacity": 0.35},
                    showlegend=False, **at,
                )  # fmt: skip
            _corner_axes(figure, at, parameters, p)
    figure.update_layout(margin={"l": 70, "r": 12, "t": 14, "b": 60}, showlegend=False)
    figure.update_xaxes(nticks=4, showgrid=False)
    figure.update_yaxes(nticks=4, showgrid=False)
    _to_look(figure, look)
    return figure


def _density(
    figure: go.Figure, values: np.ndarray, parameter: FittedParameter, at: dict[str, int]
) -> None:
    height, edges = np.histogram(values, bins=40, density=True)
    inside = (edges[:-1] >= parameter.low90) & (edges[1:] <= parameter.high90)
    figure.add_bar(
        x=(edges[:-1] + edges[1:]) / 2, y=height, width=np.diff(edges), name=_short(parameter),
        marker={"color": [NETWORK if i else rgba(NETWORK, 0.4) for i in inside]},
        hovertemplate="%{x:.3f}<extra></extra>", showlegend=False, **at,
    )  # fmt: skip


def _corner_axes(
    figure: go.Figure, at: dict[str, int], parameters: Sequence[FittedParameter], p: int
) -> None:
    row, col = at["row"], at["col"]
    is_bottom, is_left = row == p, col == 1 and row > 1
    figure.update_xaxes(
        showticklabels=is_bottom, title_text=_short(parameters[col - 1]) if is_bottom else "",
        title_font_size=12, **at,
    )  # fmt: skip
    figure.update_yaxes(
        showticklabels=is_left, title_text=_short(parameters[row - 1]) if is_left else "",
        title_font_size=12, **at,
    )  # fmt: skip
    if p == 1:
        figure.update_yaxes(title_text="Density", **at)
    if row == col:
        figure.update_yaxes(rangemode="tozero", **at)


def _short(parameter: FittedParameter) -> str:
    label = parameter.label.partition(",")[0]
    label = label if len(label) <= _SHORT else label[: _SHORT - 1] + "\u2026"
    unit = UNITS.get(parameter.unit, "")
    return f"{html.escape(label)} ({unit})" if unit else html.escape(label)


def _to_look(figure: go.Figure, look: Look) -> None:
    for trace in figure.data:
        if trace.type == "bar":
            trace.marker.color = [look.colour(c) for c in trace.marker.color]


# --- what dominates ------------------------------------------------------------------------------


def shares_figure(
    labels: Sequence[str], among: Sequence[float], within: Sequence[float], *, look: Look = LIGHT
) -> go.Figure:
    """Shares of facts among the best matches, as bars, beside their shares in the library.

    Parameters
    ----------
    labels : sequence of str
        What is counted; any text.
    among, within : sequence of float
        Share among the best and in the whole library, 0 to 1.
    look : Look
        The page it stands on.
    """
    figure = go.Figure()
    y = [html.escape(label) for label in labels]
    for name, shares, colour in (
        ("among the best", among, NETWORK),
        ("in the library", within, rgba(GREY, 0.6)),
    ):
        figure.add_bar(
            y=y, x=[100 * share for share in shares], orientation="h", name=name,
            marker={"color": colour}, hovertemplate="%{x:.0f} %",
        )  # fmt: skip
    style_marks(figure, look.sized(90 + 34 * len(y)))
    told = " ".join(
        f"{label}: {100 * a:.0f} % among the best, {100 * b:.0f} % in the library."
        for label, a, b in zip(labels, among, within, strict=True)
    )
    left_px = 24 + 8 * max((len(label) for label in labels), default=0)
    figure.update_layout(
        barmode="group", bargap=0.3, margin={"l": left_px, "r": 12, "t": 30, "b": 50}, meta=told
    )
    figure.update_xaxes(title_text="Share (%)", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def change_figure(
    curves: Sequence[Curve], axis: EnergyAxis, *, look: Look = LIGHT
) -> go.Figure:  # fmt: skip
    """Differences of spectra with their bands, around a line at zero.

    Parameters
    ----------
    curves : sequence of Curve
        Predicted difference first, then a measured one.
    axis : EnergyAxis
        How energies are counted.
    look : Look
        The page it stands on.
    """
    look = look.sized(430)
    figure = spectrum_figure(curves, axis, look=look)
    style_figure(figure, look)
    figure.update_yaxes(
        **zero_line(look), title_text="\u0394\u03bc / edge step", rangemode="normal"
    )
    return figure


def ghost_scene(fit: StructureFit, *, look: Look = LIGHT) -> dict[str, Any]:
    """3D scene of a fitted structure, with that which the fit began with as ``ghost``.

    Both stand in the coordinates of the fit, so that an absorber that moved is seen to move. The
    ghost holds ``atoms`` (x, y, z in A from the fitted absorber, radius), ``bonds`` and its
    ``colour``, that of the spectrum of the start.
    """
    shown = scene(fit.atoms, fit.absorber)
    indices = [atom["index"] for atom in shown["atoms"]]
    away = fit.start_atoms.positions[indices] - fit.atoms.positions[fit.absorber]
    atoms = [
        {"symbol": one["symbol"], "radius_ang": one["radius_ang"]}
        | {axis: round(float(value), 4) for axis, value in zip("xyz", place, strict=True)}
        for one, place in zip(shown["atoms"], away, strict=True)
    ]
    return shown | {
        "ghost": {"atoms": atoms, "bonds": shown["bonds"], "colour": look.colour(OTHERS[0])}
    }

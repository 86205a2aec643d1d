"""How a measured spectrum was normalised: its two fits, their ranges and E0."""

from __future__ import annotations

import html

import numpy as np
import plotly.graph_objects as go

from xanes_core.plots.spectrum import Curve, EnergyAxis, curve_style
from xanes_core.plots.style import LIGHT, NETWORK, THEORY, Look, rgba, style_figure
from xanes_core.spectra import Normalised, Spectrum

RAW_LABEL = "\u03bc(E) as measured"
#: Names of the two fits in the legend.
PRE_EDGE, POST_EDGE = "pre-edge line", "post-edge curve"


def normalisation_figure(
    curve: Curve, raw: Spectrum, made: Normalised, axis: EnergyAxis, *, look: Look = LIGHT
) -> go.Figure:
    """A spectrum as measured, with the fits that normalise it and where they were fitted.

    Parameters
    ----------
    curve : Curve
        The spectrum as other figures show it, for its name and colour.
    raw : Spectrum
        As measured.
    made : Normalised
        Of it.
    axis : EnergyAxis
        How energies are counted.
    look : Look
        The page it stands on.

    Returns
    -------
    plotly.graph_objects.Figure
        The ranges are shaded in the colours of their fits, E0 is a line, and the edge step stands
        beside it.
    """
    figure = go.Figure()
    x = axis.place_ev(raw.energy_ev)
    e0 = float(axis.place_ev(np.array([made.e0_ev]))[0])
    fits = (
        (PRE_EDGE, made.pre_edge, made.pre_range_ev, THEORY),
        (POST_EDGE, made.post_edge, made.post_range_ev, NETWORK),
    )
    for _, _, (low, high), colour in fits:
        figure.add_vrect(
            x0=e0 + low, x1=e0 + high, fillcolor=rgba(look.colour(colour), 0.12), line_width=0,
            layer="below",
        )  # fmt: skip
    colour, dash = curve_style(curve, dark=look.dark)
    figure.add_scatter(
        x=x, y=raw.mu, mode="lines", name=html.escape(curve.name),
        line={"color": colour, "dash": dash, "width": 2.0}, hovertemplate="%{y:.4g}",
    )  # fmt: skip
    for name, values, _, own in fits:
        figure.add_scatter(
            x=x, y=values, mode="lines", name=name,
            line={"color": own, "dash": "dash", "width": 1.6},
            hovertemplate="%{y:.4g}",
        )  # fmt: skip
    figure.add_vline(x=e0, line={"color": look.ink, "width": 1.2, "dash": "dot"})
    figure.add_annotation(
        x=e0, y=0.4, yref="paper", xanchor="left", xshift=6, showarrow=False, align="left",
        text=f"E<sub>0</sub> = {made.e0_ev:.1f} eV<br>edge step {made.edge_step:.3g}",
        font={"color": look.ink, "size": 13}, bgcolor=look.background,
    )  # fmt: skip
    style_figure(figure, look.sized(420))
    figure.update_xaxes(title_text=axis.label, tickformat="~f", hoverformat=".1f")
    figure.update_yaxes(title_text=RAW_LABEL)
    # what a post-edge curve does below its range is not to be looked at
    low, high = float(raw.mu.min()), float(raw.mu.max())
    margin = 0.08 * (high - low)
    figure.update_yaxes(range=(low - margin, high + margin))
    figure.update_layout(uirevision=f"normalisation {axis.energies}")
    return figure

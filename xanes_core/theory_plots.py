"""Figure of a network's spectrum over a calculated one, with what is left between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from xanes_core.plots import (
    BAND_OPACITY,
    ENERGY_LABELS,
    GRID,
    MU_LABEL,
    NETWORK,
    THEORY,
    Axis,
    Curve,
    rgba,
    set_energy_axes,
    spectrum_figure,
    style_figure,
)
from xanes_core.theory_compare import Comparison

RESIDUAL_LABEL = "theory - network"


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
    figure.update_yaxes(title_text=MU_LABEL, rangemode="tozero", row=1, col=1)
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

"""What is left between a prediction and a measured spectrum, as a small panel under the figure."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from xanes_core.model import Comparison
from xanes_core.plots.spectrum import EnergyAxis
from xanes_core.plots.style import NETWORK, Look, band, band_fill, zero_line

#: Title of the panel; the prediction stands first, as everywhere on the pages.
MISFIT_LABEL = "predicted \u2212 measured"
#: Heights of the panels and the gap between them, as shares of the figure.
_PANEL, _GAP = 0.22, 0.06


def with_residual(
    figure: go.Figure, comparison: Comparison, axis: EnergyAxis, look: Look
) -> go.Figure:
    """A spectrum figure with the residual below, on the same energy axis and its zoom.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
        Of :func:`xanes_core.plots.spectrum_figure`; left as it is.
    comparison : Comparison
        Of the prediction with what lies over it.
    axis : EnergyAxis
        That of the figure.
    look : Look
        The page it stands on.

    Returns
    -------
    plotly.graph_objects.Figure
        Prediction minus the other spectrum, with the band around zero: a line that leaves it is
        where the prediction is off by more than it promised.
    """
    x = comparison.energy_rel_ev + axis.offset_ev
    band_around = (-comparison.upper, -comparison.lower)
    return residual_panel(
        figure, (x, comparison.residual), band_around, name=MISFIT_LABEL, look=look
    )


def residual_panel(
    figure: go.Figure,
    line: tuple[np.ndarray, np.ndarray],
    around: tuple[np.ndarray, np.ndarray],
    *,
    name: str,
    look: Look,
) -> go.Figure:
    """A spectrum figure with a line and a band around zero below, on the same axis of energies.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
        Left as it is.
    line : (numpy.ndarray, numpy.ndarray), (n,) each
        Energies as on the axis (eV), and what is left (edge steps).
    around : (numpy.ndarray, numpy.ndarray), (n,) each
        Lower and upper bound of the band.
    name : str
        What the line is.
    look : Look
        The page it stands on.
    """
    made = go.Figure(figure)
    made.add_scatter(
        **band(line[0], *around, band_fill(NETWORK, look)),
        name="band",
        showlegend=False,
        yaxis="y2",
    )
    made.add_scatter(
        x=line[0],
        y=line[1],
        mode="lines",
        line={"color": look.ink, "width": 1.5},
        name=name,
        hovertemplate="%{y:.3f}",
        showlegend=False,
        yaxis="y2",
    )
    own = made.layout.yaxis.to_plotly_json()
    kept = {key: own[key] for key in ("gridcolor", "linecolor", "showline", "ticks") if key in own}
    made.update_layout(
        yaxis={"domain": [_PANEL + _GAP, 1.0]},
        yaxis2={
            **kept,
            **zero_line(look),
            "anchor": "x",
            "domain": [0.0, _PANEL],
            "nticks": 6,
            "tickcolor": look.ink,
            "title": {"text": "residual"},
        },
        xaxis={"anchor": "y2"},
    )
    return made

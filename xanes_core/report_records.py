"""Figures of the records behind a model's scores: their errors, their distances, their spectra.

Points carry the row of their record as custom data, so that a click names it.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from xanes_core.domain import SCORE_LIMITS, VERDICTS
from xanes_core.importance_plots import fit_legend, ink_colour
from xanes_core.plots import (
    NETWORK,
    OTHERS,
    THEORY,
    THEORY_SECOND,
    Curve,
    rgba,
    spectrum_figure,
    style_figure,
)
from xanes_core.report_plots import error_axis
from xanes_core.report_tables import mse_scale

# as the verdicts are coloured beside a prediction
_VERDICT_MARKS = ((OTHERS[0], "circle"), (THEORY, "diamond"), (THEORY_SECOND, "square"))


def running_mean(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of x and y over neighbouring points: 4 to 20 groups of equal size, sorted by x."""
    order = np.argsort(x, kind="stable")
    groups = np.array_split(order, int(np.clip(len(order) // 20, 1, 20)))
    return np.array([x[g].mean() for g in groups]), np.array([y[g].mean() for g in groups])


def error_distance_figure(
    distance: np.ndarray,
    mse: np.ndarray,
    verdicts: Sequence[str],
    names: Sequence[str],
    *,
    spectrum: str = "xanes",
    dark: bool = False,
    height_px: int = 380,
) -> go.Figure:
    """Error of each record over its distance to what the predicting networks had seen.

    Parameters
    ----------
    distance, mse : numpy.ndarray, (n,)
        Domain score and mean squared error.
    verdicts : sequence of str, (n,)
        What was said of each; distance is one of its grounds. Told by colour and symbol.
    names : sequence of str, (n,)
        For the hover text.
    spectrum : {"xanes", "xes"}
        Decides the unit of the error.
    """
    factor, label = mse_scale(spectrum)
    distance, error = np.asarray(distance, float), factor * np.asarray(mse, float)
    figure = go.Figure()
    for verdict, (colour, symbol) in zip(VERDICTS, _VERDICT_MARKS, strict=True):
        rows = np.flatnonzero(np.asarray(verdicts) == verdict)
        if len(rows):
            figure.add_scatter(
                x=distance[rows], y=error[rows], mode="markers", name=verdict, customdata=rows,
                text=[html.escape(names[i]) for i in rows],
                marker={"color": rgba(colour, 0.7), "symbol": symbol, "size": 6},
                hovertemplate="%{text}<br>distance %{x:.2f}, error %{y:.2f}<extra></extra>",
            )  # fmt: skip
    x, y = running_mean(distance, error)
    figure.add_scatter(
        x=x, y=y, mode="lines+markers", name="running mean", hoverinfo="skip",
        line={"color": ink_colour(dark), "width": 2}, marker={"size": 5},
    )  # fmt: skip
    for limit in SCORE_LIMITS:
        figure.add_vline(x=limit, line={"color": ink_colour(dark), "width": 1, "dash": "dot"})
    style_figure(figure, dark=dark, height_px=height_px)
    fit_legend(figure)
    figure.update_layout(hovermode="closest", dragmode="pan")
    figure.update_xaxes(title_text="Distance to the training set (1: usual)", rangemode="tozero")
    error_axis(figure, label, error)
    return figure


def ranked_errors_figure(
    mse: np.ndarray,
    names: Sequence[str],
    rows: np.ndarray,
    selected: int,
    *,
    spectrum: str = "xanes",
    dark: bool = False,
    height_px: int = 200,
) -> go.Figure:
    """Errors of records from the best to the worst, with the chosen one marked.

    Parameters
    ----------
    mse : numpy.ndarray, (n,)
        Mean squared errors.
    names : sequence of str, (n,)
        For the hover text.
    rows : numpy.ndarray of int, (m,)
        Records to show, best first.
    selected : int
        The one of them in view.
    spectrum : {"xanes", "xes"}
        Decides the unit of the error.
    """
    factor, label = mse_scale(spectrum)
    share = 100 * (np.arange(len(rows)) + 0.5) / len(rows)
    error = factor * np.asarray(mse, float)[rows]
    figure = go.Figure()
    figure.add_scatter(
        x=share, y=error, mode="markers", customdata=rows, showlegend=False,
        text=[html.escape(names[i]) for i in rows], marker={"color": NETWORK, "size": 5},
        hovertemplate="%{text}: %{y:.2f}<extra></extra>",
        selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 1}},
    )  # fmt: skip
    at = int(np.flatnonzero(rows == selected)[0])
    figure.add_scatter(
        x=share[[at]], y=error[[at]], mode="markers", hoverinfo="skip", showlegend=False,
        marker={"symbol": "circle-open", "size": 15, "color": ink_colour(dark),
                "line": {"width": 3, "color": ink_colour(dark)}},
        selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 1}},
    )  # fmt: skip
    style_figure(figure, dark=dark, height_px=height_px)
    figure.update_layout(hovermode="closest", dragmode="pan", margin={"t": 10})
    figure.update_xaxes(title_text="Share of records with a smaller error (%)", range=[-1, 101])
    error_axis(figure, label, error)
    return figure


def record_figure(
    energy_rel_ev: np.ndarray,
    truth: np.ndarray,
    mean: np.ndarray,
    band: tuple[np.ndarray, np.ndarray],
    *,
    level: float | None = None,
    spectrum: str = "xanes",
    dark: bool = False,
    height_px: int = 380,
) -> go.Figure:
    """Spectrum of a record by theory and as predicted by networks that had not seen it.

    Parameters
    ----------
    energy_rel_ev, truth, mean : numpy.ndarray, (k,)
        Energy relative to E0 (eV), computed and predicted spectrum.
    band : (numpy.ndarray, numpy.ndarray), each (k,)
        Lower and upper bound.
    level : float, optional
        What the band promises.
    spectrum : {"xanes", "xes"}
        Decides the title of the vertical axis.
    """
    energy = np.asarray(energy_rel_ev, float)
    lower, upper = (np.asarray(bound, float) for bound in band)
    curves = [
        Curve("theory", energy, np.asarray(truth, float), "theory"),
        Curve("network, not trained on it", energy, np.asarray(mean, float), "network", lower,
              upper, level),
    ]  # fmt: skip
    return spectrum_figure(curves, e0_ev=0.0, dark=dark, height_px=height_px, spectrum=spectrum)

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
    THEORY_SECOND,
    Curve,
    rgba,
    spectrum_figure,
    style_figure,
)
from xanes_core.report_tables import mse_scale


def running_mean(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of x and y over neighbouring points: 4 to 20 groups of equal size, sorted by x."""
    order = np.argsort(x, kind="stable")
    groups = np.array_split(order, int(np.clip(len(order) // 20, 1, 20)))
    return np.array([x[g].mean() for g in groups]), np.array([y[g].mean() for g in groups])


def error_distance_figure(
    distance: np.ndarray,
    mse: np.ndarray,
    names: Sequence[str],
    *,
    held_out: np.ndarray | None = None,
    spectrum: str = "xanes",
    dark: bool = False,
    height_px: int = 380,
) -> go.Figure:
    """Error of each record over its distance to what the predicting networks had seen.

    Parameters
    ----------
    distance, mse : numpy.ndarray, (n,)
        Domain score and mean squared error.
    names : sequence of str, (n,)
        For the hover text.
    held_out : numpy.ndarray of bool, (n,), optional
        Records drawn in their own colour.
    spectrum : {"xanes", "xes"}
        Decides the unit of the error.
    """
    factor, label = mse_scale(spectrum)
    distance, error = np.asarray(distance, float), factor * np.asarray(mse, float)
    kept = np.zeros(len(error), bool) if held_out is None else np.asarray(held_out, bool)
    figure = go.Figure()
    for rows, name, colour in (
        (~kept, "left out in turn", NETWORK),
        (kept, "held out", THEORY_SECOND),
    ):
        if rows.any():
            figure.add_scatter(
                x=distance[rows], y=error[rows], mode="markers", name=name,
                customdata=np.flatnonzero(rows), text=[html.escape(names[i]) for i in
                                                      np.flatnonzero(rows)],
                marker={"color": rgba(colour, 0.55), "size": 5, "line": {"width": 0}},
                hovertemplate="%{text}<br>distance %{x:.2f}, error %{y:.2f}<extra></extra>",
            )  # fmt: skip
    x, y = running_mean(distance, error)
    figure.add_scatter(
        x=x, y=y, mode="lines+markers", name="running mean", hoverinfo="skip",
        line={"color": ink_colour(dark), "width": 2}, marker={"size": 5},
    )  # fmt: skip
    style_figure(figure, dark=dark, height_px=height_px)
    fit_legend(figure)
    figure.update_layout(hovermode="closest", dragmode="pan")
    _mark_limits(figure, float(distance.max(initial=SCORE_LIMITS[1])), dark)
    figure.update_xaxes(title_text="Distance to the training set (1: usual)", rangemode="tozero")
    figure.update_yaxes(title_text=label, type="log", dtick=1)
    return figure


def _mark_limits(figure: go.Figure, farthest: float, dark: bool) -> None:
    """Lines where the verdict changes, with the verdicts between them."""
    edges = (0.0, *SCORE_LIMITS, max(farthest, SCORE_LIMITS[1] + 0.6))
    for limit in SCORE_LIMITS:
        figure.add_vline(x=limit, line={"color": ink_colour(dark), "width": 1, "dash": "dot"})
    for name, low, high in zip(VERDICTS, edges[:-1], edges[1:], strict=True):
        figure.add_annotation(
            x=(low + high) / 2, y=0.0, yref="paper", yanchor="bottom", showarrow=False,
            text=name, opacity=0.8, font={"size": 11, "color": ink_colour(dark)},
        )  # fmt: skip


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
    figure.update_yaxes(title_text=label, type="log", dtick=1)
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

"""Figures of the records behind a model's scores: their errors, their distances, their spectra.

Points carry the row of their record as custom data, so that a click names it.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from xanes_core.errors import ModelError
from xanes_core.model import SCORE_LIMITS, VERDICTS
from xanes_core.plots.accuracy import error_axis
from xanes_core.plots.spectrum import Curve, spectrum_figure
from xanes_core.plots.style import (
    NETWORK,
    OTHERS,
    THEORY,
    THEORY_SECOND,
    fit_legend,
    ink_colour,
    rgba,
    style_figure,
)
from xanes_core.spectra import XANES, SpectrumKind

# as the verdicts are coloured beside a prediction
_VERDICT_MARKS = ((OTHERS[0], "circle"), (THEORY, "diamond"), (THEORY_SECOND, "square"))
#: Okabe and Ito's colours for kinds of records; a second round has another symbol.
GROUP_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442")
_SYMBOLS = ("circle", "diamond", "square", "cross")
#: Group of the records of which a property is not known.
UNKNOWN = "unknown"
_GREY = "#999999"


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
    kind: SpectrumKind = XANES,
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
    kind : SpectrumKind
        Decides the unit of the error.
    """
    factor, label = kind.mse_factor, kind.mse_label
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
    kind: SpectrumKind = XANES,
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
    kind : SpectrumKind
        Decides the unit of the error.
    """
    factor, label = kind.mse_factor, kind.mse_label
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
    kind: SpectrumKind = XANES,
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
    kind : SpectrumKind
        Decides the title of the vertical axis.
    """
    energy = np.asarray(energy_rel_ev, float)
    lower, upper = (np.asarray(bound, float) for bound in band)
    curves = [
        Curve("theory", energy, np.asarray(truth, float), "theory"),
        Curve("network, not trained on it", energy, np.asarray(mean, float), "network", lower,
              upper, level),
    ]  # fmt: skip
    return spectrum_figure(curves, e0_ev=0.0, dark=dark, height_px=height_px, kind=kind)


@dataclass(frozen=True)
class Placed:
    """A structure that is no record, on the map, with the rows of its nearest records."""

    xy: np.ndarray
    neighbours: Sequence[int]
    label: str


def training_map_figure(
    xy: np.ndarray,
    texts: Sequence[str],
    *,
    groups: Sequence[str] | None = None,
    order: Sequence[str] = (),
    mse: np.ndarray | None = None,
    kind: SpectrumKind = XANES,
    selected: int | None = None,
    placed: Placed | None = None,
    dark: bool = False,
    height_px: int = 460,
) -> go.Figure:
    """The training set as points, near where their descriptors are alike.

    Parameters
    ----------
    xy : numpy.ndarray, (n, 2)
        Places on the map; the axes have no unit.
    texts : sequence of str, (n,)
        Hover text, plain.
    groups : sequence of str, (n,), optional
        Kind of each record, told by colour and symbol; ``unknown`` is grey.
    order : sequence of str, optional
        Order of the groups in the legend.
    mse : numpy.ndarray, (n,), optional
        Errors, told by a colour scale; either this or the groups.
    selected : int, optional
        Row with a ring around it.
    placed : Placed, optional
        The reader's structure: a star, with lines to its neighbours.

    Raises
    ------
    ModelError
        Both or none of groups and errors.
    """
    if (groups is None) == (mse is None):
        raise ModelError("colour the map either by groups or by errors")
    figure = go.Figure()
    texts = [html.escape(text) for text in texts]
    if groups is not None:
        _add_groups(figure, xy, texts, np.asarray(groups), order, dark)
    else:
        _add_errors(figure, xy, texts, np.asarray(mse, float), kind, dark)
    if placed is not None:
        _add_placed(figure, xy, placed, dark)
    if selected is not None:
        _add_ring(figure, xy[[selected]], "chosen", 18, 3, dark)
    style_figure(figure, dark=dark, height_px=height_px)
    fit_legend(figure)
    # marks of the legend large enough to tell; the reader's zoom outlives a click
    figure.update_layout(hovermode="closest", dragmode="pan", uirevision="map")
    figure.update_layout(
        legend={"itemsizing": "constant"}, margin={"l": 12, "b": 12 if groups is not None else 60}
    )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure


def _add_groups(figure, xy, texts, groups: np.ndarray, order: Sequence[str], dark: bool) -> None:
    names = [*dict.fromkeys([*order, *sorted(set(groups.tolist()))])]
    names = sorted((n for n in names if (groups == n).any()), key=lambda name: name == UNKNOWN)
    for i, name in enumerate(names):
        turn, at = divmod(i, len(GROUP_COLOURS))
        colour = _GREY if name == UNKNOWN else GROUP_COLOURS[at]
        rows = np.flatnonzero(groups == name)
        marker = {"color": colour, "symbol": _SYMBOLS[turn % len(_SYMBOLS)]}
        _add_points(figure, xy, texts, rows, html.escape(name), marker, dark)


def _add_errors(figure, xy, texts, mse: np.ndarray, kind: SpectrumKind, dark: bool) -> None:
    factor, label = kind.mse_factor, kind.mse_label
    tiny = np.finfo(float).tiny
    values = np.log10(np.maximum(factor * mse, tiny))
    low, high = np.percentile(values, [1, 99])
    ticks = [t for t in (0.1, 0.3, 1, 3, 10, 30, 100, 300) if low <= np.log10(t) <= high]
    marker = {
        "color": values,
        # the end of the scale that a page of this colour would swallow is left out
        "colorscale": "Cividis",
        "reversescale": not dark,
        "cmin": float(low),
        "cmax": float(high),
        "colorbar": {
            "orientation": "h",
            "y": -0.04,
            "yanchor": "top",
            "title": {"text": label, "side": "bottom"},
            "tickvals": np.log10(ticks).tolist(),
            "ticktext": [f"{t:g}" for t in ticks],
            "thickness": 12,
            "outlinewidth": 0,
        },
    }
    _add_points(figure, xy, texts, np.arange(len(xy)), "error", marker, dark, legend=False)


def _add_points(figure, xy, texts, rows, name, marker, dark, *, legend: bool = True) -> None:
    figure.add_scatter(
        x=xy[rows, 0], y=xy[rows, 1], mode="markers", name=name, showlegend=legend,
        customdata=rows, text=[texts[i] for i in rows], hovertemplate="%{text}<extra></extra>",
        marker={"size": 8, "opacity": 0.85,
                "line": {"width": 0.5, "color": "#12161C" if dark else "#FFFFFF"}} | marker,
        # a click chooses one record and must not pale the others
        selected={"marker": {"opacity": 0.85}}, unselected={"marker": {"opacity": 0.85}},
    )  # fmt: skip


def _add_placed(figure: go.Figure, xy: np.ndarray, placed: Placed, dark: bool) -> None:
    near = xy[list(placed.neighbours)]
    lines = np.full((len(near), 3, 2), np.nan)
    lines[:, 0], lines[:, 1] = placed.xy, near
    x, y = lines.reshape(-1, 2).T
    figure.add_scatter(
        x=x, y=y, mode="lines", line={"color": ink_colour(dark), "width": 1}, hoverinfo="skip",
        showlegend=False,
    )  # fmt: skip
    _add_ring(figure, near, "its nearest records", 13, 1.5, dark)
    figure.add_scatter(
        x=[placed.xy[0]], y=[placed.xy[1]], mode="markers", name=html.escape(placed.label),
        marker={"symbol": "star", "size": 18, "color": ink_colour(dark),
                "line": {"width": 1.5, "color": "#12161C" if dark else "#FFFFFF"}},
        hovertemplate="%{fullData.name}<extra></extra>",
        selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 1}},
    )  # fmt: skip


def _add_ring(figure, xy, name: str, size: float, width: float, dark: bool) -> None:
    figure.add_scatter(
        x=xy[:, 0], y=xy[:, 1], mode="markers", name=name, hoverinfo="skip",
        marker={"symbol": "circle-open", "size": size, "color": ink_colour(dark),
                "line": {"width": width, "color": ink_colour(dark)}},
        selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 1}},
    )  # fmt: skip

"""Figures of the records behind a model's scores: their errors, their distances, their spectra.

Points carry the row of their record as custom data, so that a click names it.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from xanes_core.errors import ModelError
from xanes_core.model import SCORE_LIMITS, VERDICT_TITLES, VERDICTS
from xanes_core.plots.accuracy import error_axis
from xanes_core.plots.spectrum import ENERGY_LABELS, Curve, EnergyAxis, spectrum_figure
from xanes_core.plots.style import (
    ABSORBER,
    GREY,
    LIGHT,
    NETWORK,
    OLIVE,
    OTHERS,
    THEORY,
    THEORY_SECOND,
    Look,
    fit_legend,
    rgba,
    style_figure,
    style_marks,
)
from xanes_core.spectra import XANES, SpectrumKind

# as the verdicts are coloured beside a prediction
_VERDICT_MARKS = ((OTHERS[0], "circle"), (THEORY, "diamond"), (THEORY_SECOND, "square"))
#: Okabe and Ito's colours for kinds of records; a second round has another symbol.
GROUP_COLOURS = (NETWORK, THEORY, OTHERS[0], THEORY_SECOND, OTHERS[1], ABSORBER, OLIVE)
_SYMBOLS = ("circle", "diamond", "square", "cross")
#: Group of the records of which a property is not known.
UNKNOWN = "unknown"
# a click chooses one record and must not pale the others
_EVEN: dict[str, Any] = {
    "selected": {"marker": {"opacity": 1}},
    "unselected": {"marker": {"opacity": 1}},
}


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
    look: Look = LIGHT,
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
    look : Look
        The page it stands on.
    """
    factor, label = kind.mse_factor, kind.mse_label
    distance, error = np.asarray(distance, float), factor * np.asarray(mse, float)
    figure = go.Figure()
    for verdict, (colour, symbol) in zip(VERDICTS, _VERDICT_MARKS, strict=True):
        rows = np.flatnonzero(np.asarray(verdicts) == verdict)
        if len(rows):
            figure.add_scatter(
                x=distance[rows], y=error[rows], mode="markers", customdata=rows,
                name=VERDICT_TITLES[verdict],
                text=[html.escape(names[int(i)]) for i in rows],
                marker={"color": rgba(colour, 0.7), "symbol": symbol, "size": 6},
                hovertemplate="%{text}<br>distance %{x:.2f}, error %{y:.2f}<extra></extra>",
            )  # fmt: skip
    x, y = running_mean(distance, error)
    figure.add_scatter(
        x=x, y=y, mode="lines+markers", name="running mean", hoverinfo="skip",
        line={"color": look.ink, "width": 2}, marker={"size": 5},
    )  # fmt: skip
    for limit in SCORE_LIMITS:
        figure.add_vline(x=limit, line={"color": look.ink, "width": 1, "dash": "dot"})
    style_marks(figure, look.sized(380))
    figure.update_layout(dragmode="pan")
    figure.update_xaxes(
        title_text="Distance to the training data (up to 1 is usual)", rangemode="tozero"
    )
    error_axis(figure, label, error)
    return figure


def ranked_errors_figure(
    mse: np.ndarray,
    names: Sequence[str],
    rows: np.ndarray,
    selected: int,
    *,
    kind: SpectrumKind = XANES,
    look: Look = LIGHT,
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
    look : Look
        The page it stands on.
    """
    factor, label = kind.mse_factor, kind.mse_label
    share = 100 * (np.arange(len(rows)) + 0.5) / len(rows)
    error = factor * np.asarray(mse, float)[rows]
    figure = go.Figure()
    figure.add_scatter(
        x=share, y=error, mode="markers", customdata=rows, showlegend=False,
        text=[html.escape(names[i]) for i in rows], marker={"color": NETWORK, "size": 5},
        hovertemplate="%{text}: %{y:.2f}<extra></extra>", **_EVEN,
    )  # fmt: skip
    at = int(np.flatnonzero(rows == selected)[0])
    place = np.array([[share[at], error[at]]])
    figure.add_scatter(**_ring(place, 15, 3, look), showlegend=False)
    style_marks(figure, look.sized(200))
    figure.update_layout(dragmode="pan", margin={"t": 10})
    figure.update_xaxes(title_text="Share of records with a smaller error (%)", range=[-1, 101])
    error_axis(figure, label, error)
    return figure


@dataclass(frozen=True)
class PredictedRecord:
    """A record by theory and as predicted by networks that had not seen it, (k,) each.

    Attributes
    ----------
    energy_rel_ev : numpy.ndarray, (k,)
        Energies relative to E0 (eV).
    truth, mean : numpy.ndarray, (k,)
        Computed and predicted spectrum.
    lower, upper : numpy.ndarray, (k,)
        Bounds of the band.
    level : float or None
        What the band promises.
    """

    energy_rel_ev: np.ndarray
    truth: np.ndarray
    mean: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    level: float | None = None


def record_figure(
    record: PredictedRecord, *, kind: SpectrumKind = XANES, look: Look = LIGHT
) -> go.Figure:
    """Spectrum of a record by theory and as predicted by networks that had not seen it.

    Parameters
    ----------
    record : PredictedRecord
        The two spectra and the band.
    kind : SpectrumKind
        Decides the title of the vertical axis.
    look : Look
        The page it stands on.
    """
    energy, truth, mean, lower, upper = (
        np.asarray(values, float)
        for values in (record.energy_rel_ev, record.truth, record.mean, record.lower, record.upper)
    )
    curves = [
        Curve("theory", energy, truth, "theory"),
        Curve("network, not trained on it", energy, mean, "network", lower, upper, record.level),
    ]
    return spectrum_figure(curves, EnergyAxis(0.0), kind=kind, look=look.sized(380))


@dataclass(frozen=True)
class NearSpectrum:
    """Spectrum by theory of a record near the reader's structure: its row, name and curve (k,)."""

    row: int
    name: str
    mu: np.ndarray


def nearest_figure(
    energy_rel_ev: np.ndarray,
    records: Sequence[NearSpectrum],
    *,
    own: tuple[str, np.ndarray] | None = None,
    selected: int | None = None,
    kind: SpectrumKind = XANES,
    look: Look = LIGHT,
) -> go.Figure:
    """Spectra of the records near a structure, with its own prediction; a click names a record.

    Parameters
    ----------
    energy_rel_ev : numpy.ndarray, (k,)
        Energies relative to E0 (eV).
    records : sequence of NearSpectrum
        At most as many as there are colours for records, nearest first.
    own : (str, numpy.ndarray (k,)), optional
        Name and prediction of the reader's structure.
    selected : int, optional
        Row of the record in view, drawn wider.
    kind : SpectrumKind
        Decides the title of the vertical axis.
    look : Look
        The page it stands on.
    """
    figure = go.Figure()
    colours = [colour for colour in GROUP_COLOURS if colour not in (NETWORK, ABSORBER)]
    for i, record in enumerate(records):
        width = 3.5 if record.row == selected else 1.5
        # markers too small to see let a click name the record
        figure.add_scatter(
            x=energy_rel_ev, y=record.mu, mode="lines+markers", name=html.escape(record.name),
            marker={"size": 1}, customdata=np.full(len(energy_rel_ev), record.row), **_EVEN,
            line={"color": colours[i % len(colours)], "width": width},
            hovertemplate="%{y:.3f}",
        )  # fmt: skip
    if own is not None:
        figure.add_scatter(
            x=energy_rel_ev, y=own[1], mode="lines", name=html.escape(own[0]),
            line={"color": NETWORK, "width": 2, "dash": "dash"}, hovertemplate="%{y:.3f}",
        )  # fmt: skip
    style_figure(figure, look.sized(300))
    fit_legend(figure)
    figure.update_layout(dragmode="pan", hovermode="closest")
    figure.update_xaxes(
        title_text=ENERGY_LABELS["relative"], hoverformat=".1f",
        range=[energy_rel_ev[0], energy_rel_ev[-1]],
    )  # fmt: skip
    figure.update_yaxes(title_text=kind.label, rangemode="tozero")
    return figure


@dataclass(frozen=True)
class Placed:
    """A structure that is no record, on the map, with the rows of its nearest records."""

    xy: np.ndarray
    neighbours: Sequence[int]
    label: str


@dataclass(frozen=True)
class Colouring:
    """What the colours of the map tell: the groups of the records, or their errors.

    Attributes
    ----------
    groups : sequence of str, (n,), or None
        Group of each record, told by colour and symbol; ``unknown`` is grey.
    order : sequence of str
        Order of the groups in the legend.
    mse : numpy.ndarray, (n,), or None
        Errors, told by a colour scale; either this or the groups.
    kind : SpectrumKind
        Decides the unit of the error.

    Raises
    ------
    ModelError
        Both or none of groups and errors.
    """

    groups: Sequence[str] | None = None
    order: Sequence[str] = ()
    mse: np.ndarray | None = None
    kind: SpectrumKind = XANES

    def __post_init__(self) -> None:
        if (self.groups is None) == (self.mse is None):
            raise ModelError("colour the map either by groups or by errors")


def training_map_figure(
    xy: np.ndarray,
    texts: Sequence[str],
    colouring: Colouring,
    *,
    selected: int | None = None,
    placed: Placed | None = None,
    look: Look = LIGHT,
) -> go.Figure:
    """The training set as points, near where their descriptors are alike.

    Parameters
    ----------
    xy : numpy.ndarray, (n, 2)
        Places on the map; the axes have no unit.
    texts : sequence of str, (n,)
        Hover text, plain.
    colouring : Colouring
        What colours tell.
    selected : int, optional
        Row with a ring around it.
    placed : Placed, optional
        The reader's structure: a star, with lines to its neighbours.
    look : Look
        The page it stands on.
    """
    figure = go.Figure()
    texts = [html.escape(text) for text in texts]
    if colouring.groups is not None:
        _add_groups(figure, xy, texts, colouring, look)
    else:
        _add_errors(figure, xy, texts, colouring, look)
    if placed is not None:
        _add_placed(figure, xy, placed, look)
    if selected is not None:
        figure.add_scatter(**_ring(xy[[selected]], 18, 3, look), name="chosen")
    style_marks(figure, look.sized(460))
    # marks of the legend large enough to tell; the reader's zoom outlives a click
    figure.update_layout(dragmode="pan", uirevision="map")
    below = 12 if colouring.groups is not None else 60
    figure.update_layout(legend={"itemsizing": "constant"}, margin={"l": 12, "b": below})
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure


def _add_groups(
    figure: go.Figure, xy: np.ndarray, texts: Sequence[str], colouring: Colouring, look: Look
) -> None:
    groups = np.asarray(colouring.groups)
    names = [*dict.fromkeys([*colouring.order, *sorted(set(groups.tolist()))])]
    names = sorted((n for n in names if (groups == n).any()), key=lambda name: name == UNKNOWN)
    for i, name in enumerate(names):
        turn, at = divmod(i, len(GROUP_COLOURS))
        marker = {
            "color": GREY if name == UNKNOWN else GROUP_COLOURS[at],
            "symbol": _SYMBOLS[turn % len(_SYMBOLS)],
        }
        points = _points(xy, texts, np.flatnonzero(groups == name), marker, look)
        figure.add_scatter(**points, name=html.escape(name), showlegend=True)


def _add_errors(
    figure: go.Figure, xy: np.ndarray, texts: Sequence[str], colouring: Colouring, look: Look
) -> None:
    tiny = np.finfo(float).tiny
    error = colouring.kind.mse_factor * np.asarray(colouring.mse, float)
    values = np.log10(np.maximum(error, tiny))
    low, high = np.percentile(values, [1, 99])
    ticks = [t for t in (0.1, 0.3, 1, 3, 10, 30, 100, 300) if low <= np.log10(t) <= high]
    marker = {
        "color": values,
        # the end of the scale that a page of this colour would swallow is left out
        "colorscale": "Cividis",
        "reversescale": not look.dark,
        "cmin": float(low),
        "cmax": float(high),
        "colorbar": {
            "orientation": "h",
            "y": -0.04,
            "yanchor": "top",
            "title": {"text": colouring.kind.mse_label, "side": "bottom"},
            "tickvals": np.log10(ticks).tolist(),
            "ticktext": [f"{t:g}" for t in ticks],
            "thickness": 12,
            "outlinewidth": 0,
        },
    }
    points = _points(xy, texts, np.arange(len(xy)), marker, look)
    figure.add_scatter(**points, name="error", showlegend=False)


def _points(
    xy: np.ndarray, texts: Sequence[str], rows: np.ndarray, marker: Mapping[str, Any], look: Look
) -> dict[str, Any]:
    """Settings of a trace of some of the records."""
    line = {"width": 0.5, "color": look.background}
    return {
        "x": xy[rows, 0],
        "y": xy[rows, 1],
        "mode": "markers",
        "customdata": rows,
        "text": [texts[i] for i in rows],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"size": 8, "opacity": 0.85, "line": line, **marker},
        "selected": {"marker": {"opacity": 0.85}},
        "unselected": {"marker": {"opacity": 0.85}},
    }


def _add_placed(figure: go.Figure, xy: np.ndarray, placed: Placed, look: Look) -> None:
    near = xy[list(placed.neighbours)]
    lines = np.full((len(near), 3, 2), np.nan)
    lines[:, 0], lines[:, 1] = placed.xy, near
    x, y = lines.reshape(-1, 2).T
    figure.add_scatter(
        x=x, y=y, mode="lines", line={"color": look.ink, "width": 1}, hoverinfo="skip",
        showlegend=False,
    )  # fmt: skip
    figure.add_scatter(**_ring(near, 13, 1.5, look), name="its nearest records")
    figure.add_scatter(
        x=[placed.xy[0]], y=[placed.xy[1]], mode="markers", name=html.escape(placed.label),
        marker={"symbol": "star", "size": 18, "color": look.ink,
                "line": {"width": 1.5, "color": look.background}},
        hovertemplate="%{fullData.name}<extra></extra>", **_EVEN,
    )  # fmt: skip


def _ring(xy: np.ndarray, size_px: float, width_px: float, look: Look) -> dict[str, Any]:
    """Settings of a trace of rings, which answer no click."""
    line = {"width": width_px, "color": look.ink}
    return {
        "x": xy[:, 0],
        "y": xy[:, 1],
        "mode": "markers",
        "hoverinfo": "skip",
        "marker": {"symbol": "circle-open", "size": size_px, "color": look.ink, "line": line},
        **_EVEN,
    }

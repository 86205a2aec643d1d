"""A figure in words, for those who hear a page instead of seeing it."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from scipy.signal import find_peaks

if TYPE_CHECKING:
    from plotly.basedatatypes import BaseTraceType

#: Peaks of a curve that are told, highest first, and what one must rise above its surroundings, in
#: shares of the curve's range.
MAX_PEAKS, _PROMINENCE = 4, 0.03
#: Series that are told one by one.
MAX_SERIES = 8
_TAGS = re.compile(r"<[^>]*>")


def figure_text(figure: go.Figure) -> str:
    """What is drawn, over which range, and where the curves have their peaks.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
        Of this room, with one panel or several; one that says itself what it shows has that text
        as ``layout.meta``.
    """
    if isinstance(figure.layout.meta, str):
        return figure.layout.meta
    told: dict[str, list[str]] = {}
    for trace in figure.data:
        sentence = _series(trace)
        if sentence:
            told.setdefault(getattr(trace, "yaxis", None) or "y", []).append(sentence)
    if not told:
        return "Chart without data."
    bottom = _title(figure, "x", max(told))
    parts = []
    for panel, sentences in sorted(told.items()):
        axes = " over ".join(t for t in (_title(figure, "y", panel), bottom) if t)
        more = len(sentences) - MAX_SERIES
        rest = f" And {more} more series." if more > 0 else ""
        parts.append(
            f"Chart{f' of {axes}' if axes else ''}. {' '.join(sentences[:MAX_SERIES])}{rest}"
        )
    return " ".join(parts)


def words(text: str | None) -> str:
    """Text of a figure without its markup."""
    return html.unescape(_TAGS.sub(" ", text or "").replace("  ", " ")).strip()


def _title(figure: go.Figure, letter: str, panel: str) -> str:
    own = f"{letter}axis{panel[1:]}"
    axis = figure.layout[own if own in figure.layout else f"{letter}axis"]  # panels may share it
    # subscripts belong to the letter before them
    return html.unescape(_TAGS.sub("", axis.title.text or ""))


def _series(trace: BaseTraceType) -> str:
    """A trace in one sentence; empty where it only helps the eye or the mouse."""
    if trace.type == "heatmap":
        return _map(trace)
    if trace.type not in ("scatter", "bar") or not trace.name or trace.x is None:
        return ""
    name = words(trace.name)
    if trace.type == "scatter" and trace.fill == "toself":
        return ""
    y = np.asarray(trace.y)
    if not len(y) or y.dtype.kind not in "fiu":
        return f"{name}: {len(y)} entries." if len(y) else ""
    if trace.type == "bar":
        return _bars(trace, name, y)
    x = np.asarray(trace.x, dtype=float)
    if "lines" in (trace.mode or "") and len(x) > 2:
        return _curve(name, x, y.astype(float))
    return f"{name}: {len(y)} points from {_n(np.nanmin(y))} to {_n(np.nanmax(y))}."


def _curve(name: str, x: np.ndarray, y: np.ndarray) -> str:
    y = np.where(np.abs(y) < 1e-6 * np.nanmax(np.abs(y)), 0.0, y)  # a tail is no number to hear
    low, high = _n(np.nanmin(y)), _n(np.nanmax(y))
    span = f"{name}: from {_n(x[0])} to {_n(x[-1])}, values {low} to {high}"
    known = np.nan_to_num(y, nan=float(np.nanmin(y)))
    peaks, _ = find_peaks(known, prominence=_PROMINENCE * (float(np.ptp(known)) or 1.0))
    highest = sorted(sorted(peaks, key=lambda i: -known[i])[:MAX_PEAKS])
    if not highest:
        return f"{span}."
    places = ", ".join(f"{_n(x[i])} (height {_n(known[i])})" for i in highest)
    return f"{span}; peak{'s' if len(highest) > 1 else ''} at {places}."


def _bars(trace: BaseTraceType, name: str, y: np.ndarray) -> str:
    largest = int(np.nanargmax(np.abs(y)))
    at = trace.x[largest]
    place = words(at) if isinstance(at, str) else _n(float(at))
    return f"{name}: {len(y)} bars, the largest {_n(y[largest])} at {place}."


def _map(trace: BaseTraceType) -> str:
    z = np.asarray(trace.z, dtype=float)
    if not np.isfinite(z).any():
        return ""
    row, column = np.unravel_index(int(np.nanargmax(z)), z.shape)
    return (
        f"Map from {_n(float(trace.x[0]))} to {_n(float(trace.x[-1]))}; largest value "
        f"{_n(z[row, column])} at {_n(float(trace.y[row]))} and {_n(float(trace.x[column]))}."
    )


def _n(value: float) -> str:
    """Three significant digits, without an exponent where it is not needed."""
    return f"{float(f'{value:.3g}'):g}"

"""Figures that show what a model is worth: calibration, learning curve, unseen chemistry.

Made of plain numbers, in the look of :mod:`xanes_core.plots.spectrum`.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from xanes_core.errors import ModelError
from xanes_core.plots.style import GREY, LIGHT, NETWORK, THEORY_SECOND, Look, rgba, style_marks
from xanes_core.spectra import XANES, SpectrumKind


@dataclass(frozen=True)
class CoverageCurve:
    """What bands promise and what they keep; l levels.

    Attributes
    ----------
    promised, found : numpy.ndarray, (l,)
        Shares, 0 to 1.
    width : numpy.ndarray, (l,)
        Mean widths, in the unit of the spectra.
    n : int or None
        Spectra behind it, where known.
    """

    promised: np.ndarray
    found: np.ndarray
    width: np.ndarray
    n: int | None = None


def coverage_curves(metrics: Mapping[str, Any]) -> dict[str, CoverageCurve]:
    """Curves by group (``all``, then elements) of a card's metrics; empty where it has none."""
    curves = {}
    for group, levels in (metrics.get("calibration_curve") or {}).items():
        measured = sorted(((float(k), v) for k, v in levels.items()), key=lambda pair: pair[0])
        curves[group] = CoverageCurve(
            promised=np.array([level for level, _ in measured]),
            found=np.array([float(numbers["coverage"]) for _, numbers in measured]),
            width=np.array([float(numbers["width"]) for _, numbers in measured]),
            n=measured[0][1].get("n"),
        )
    return curves


def calibration_figure(
    curves: Mapping[str, CoverageCurve], chosen: str, *, look: Look = LIGHT
) -> go.Figure:
    """Share found inside the band over the share promised; above the diagonal the band is wide.

    Parameters
    ----------
    curves : mapping of str to CoverageCurve
        By group; those not chosen are drawn thin.
    chosen : str
        Group in front.
    look : Look
        The page it stands on.

    Raises
    ------
    ModelError
        No curve of that group.
    """
    if chosen not in curves:
        raise ModelError(f"no calibration curve of {chosen!r}; there are: {', '.join(curves)}")
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 100], y=[0, 100], mode="lines", name="kept exactly", hoverinfo="skip",
        line={"color": look.ink, "width": 1, "dash": "dash"},
    )  # fmt: skip
    for group in sorted(curves, key=lambda name: name == chosen):
        curve, front = curves[group], group == chosen
        figure.add_scatter(
            x=100 * curve.promised, y=100 * curve.found, customdata=curve.width, name=group,
            mode="lines+markers" if front else "lines", showlegend=front,
            line={"color": NETWORK if front else rgba(GREY, 0.6), "width": 2.4 if front else 1},
            marker={"size": 8}, hoverinfo=None if front else "skip",
            hovertemplate="promised %{x:.0f} %, found %{y:.1f} %, width %{customdata:.3f}"
            "<extra></extra>" if front else None,
        )  # fmt: skip
    style_marks(figure, look.sized(380))
    figure.update_xaxes(title_text="Promised coverage (%)", range=[0, 102])
    figure.update_yaxes(title_text="Found coverage (%)", range=[0, 102])
    return figure


def error_axis(figure: go.Figure, label: str, values: np.ndarray) -> None:
    """Make the vertical axis logarithmic, with ticks at 1, 2 and 5 (fewer over many decades)."""
    known = values[values > 0]
    low, high = (np.log10(known.min()), np.log10(known.max())) if len(known) else (0.0, 1.0)
    digits = (1, 2, 5) if high - low < 1.5 else (1,)
    decades = range(int(np.floor(low)), int(np.ceil(high)) + 1)
    ticks = [digit * 10.0**decade for decade in decades for digit in digits]
    figure.update_yaxes(
        title_text=label, type="log", tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks]
    )


def learning_curve_figure(
    n: np.ndarray,
    mse: np.ndarray,
    error: np.ndarray,
    *,
    kind: SpectrumKind = XANES,
    look: Look = LIGHT,
) -> go.Figure:
    """Error over the number of training spectra, both on logarithmic axes, with a power law.

    Parameters
    ----------
    n, mse, error : numpy.ndarray, (p,)
        Training spectra, mean squared error, and its standard error.
    kind : SpectrumKind
        Decides the unit of the error.
    look : Look
        The page it stands on.
    """
    factor, label = kind.mse_factor, kind.mse_label
    n, mse = np.asarray(n, float), np.asarray(mse, float)
    figure = go.Figure()
    if len(n) > 1:
        exponent, at_one = np.polyfit(np.log(n), np.log(mse), 1)
        ends = np.array([n.min(), 2 * n.max()])
        figure.add_scatter(
            x=ends, y=factor * np.exp(at_one) * ends**exponent, mode="lines", hoverinfo="skip",
            name=f"n<sup>{exponent:.2f}</sup>, drawn on to twice the data",
            line={"color": look.ink, "width": 1, "dash": "dash"},
        )  # fmt: skip
    figure.add_scatter(
        x=n, y=factor * mse, mode="lines+markers", name="measured",
        error_y={"type": "data", "array": factor * np.asarray(error, float), "thickness": 1.2},
        line={"color": NETWORK, "width": 2.2}, marker={"size": 8},
        hovertemplate="%{x:.0f} spectra: %{y:.2f}<extra></extra>",
    )  # fmt: skip
    style_marks(figure, look.sized(380))
    ticks = [int(t) for t in sorted({*n.tolist(), 2 * n.max()})]
    span = np.log10([n.min() / 1.15, 2.3 * n.max()])
    figure.update_xaxes(title_text="Training spectra", type="log", tickvals=ticks, range=span)
    error_axis(figure, label, np.append(factor * mse, factor * mse.min() / 2))
    return figure


def chemistry_figure(
    names: Sequence[str],
    left_out: np.ndarray,
    at_random: np.ndarray,
    *,
    kind: SpectrumKind = XANES,
    look: Look = LIGHT,
) -> go.Figure:
    """Error on a kind of complex never seen, beside that where others of the kind were seen.

    Parameters
    ----------
    names : sequence of str, (c,)
        What was left out.
    left_out, at_random : numpy.ndarray, (c,)
        Mean squared errors on the same complexes, left out as a kind or at random.
    kind : SpectrumKind
        Decides the unit of the error.
    look : Look
        The page it stands on.
    """
    factor, label = kind.mse_factor, kind.mse_label
    order = np.argsort(left_out)
    rows = [html.escape(str(names[i])) for i in order]
    far, near = factor * np.asarray(left_out, float), factor * np.asarray(at_random, float)
    figure = go.Figure()
    for name, i in zip(rows, order, strict=True):
        figure.add_scatter(
            x=[near[i], far[i]], y=[name, name], mode="lines", hoverinfo="skip", showlegend=False,
            line={"color": rgba(GREY, 0.8), "width": 3},
        )  # fmt: skip
    for values, name, colour, symbol in (
        (near, "others of the kind in training", NETWORK, "circle"),
        (far, "none of the kind in training", THEORY_SECOND, "diamond"),
    ):
        figure.add_scatter(
            x=values[order], y=rows, mode="markers", name=name,
            marker={"color": colour, "size": 11, "symbol": symbol},
            hovertemplate="%{y}: %{x:.2f}<extra></extra>",
        )  # fmt: skip
    style_marks(figure, look.sized(130 + 30 * len(rows)))
    figure.update_xaxes(title_text=label, rangemode="tozero")
    figure.update_yaxes(automargin=True, showgrid=False)
    return figure

"""Figures of importance over energy: the map, the windows, and the effect of one atom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from xanes_core.importance_plots import SERIES, fit_legend, ink_colour
from xanes_core.plots import NETWORK, THEORY_SECOND, rgba, style_figure


def map_figure(
    values: np.ndarray,
    energy_rel_ev: np.ndarray,
    centres_ang: np.ndarray,
    spectra: Mapping[str, np.ndarray],
    *,
    window: tuple[float, float] | None = None,
    unit: str = "Importance",
    dark: bool = False,
    height_px: int = 520,
) -> go.Figure:
    """Importance by distance and energy, the spectra above it; a drag chooses energies.

    Parameters
    ----------
    values : numpy.ndarray, (d, k)
        Importance, NaN where there is nothing to say.
    energy_rel_ev, centres_ang : numpy.ndarray, (k,) and (d,)
        Axes: energies relative to E0 (eV), centres mu (A).
    spectra : mapping of str to numpy.ndarray, (k,)
        Named spectra for the upper panel, the mean of the training set first.
    window : (float, float), optional
        Shaded in the upper panel, framed in the map (eV).
    """
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.04, row_heights=[0.34, 0.66]
    )
    for i, (name, mu) in enumerate(spectra.items()):
        _add_spectrum(figure, name, energy_rel_ev, mu, ink_colour(dark) if i == 0 else NETWORK)
    bar = {"title": {"text": unit, "side": "right"}, "thickness": 12, "len": 0.66}
    bar |= {"y": 0.0, "yanchor": "bottom", "outlinewidth": 0}
    figure.add_heatmap(
        x=energy_rel_ev, y=centres_ang, z=values, zmin=0.0,
        zmax=float(np.nanmax(values)) if np.isfinite(values).any() else 1.0,
        colorscale="Cividis", colorbar=bar,
        hovertemplate="%{y:.2f} \u00c5, %{x:.1f} eV: %{z:.3g}<extra></extra>", row=2, col=1,
    )  # fmt: skip
    # a heat map cannot be selected: an unseen grid of points over it can
    x, y = np.meshgrid(energy_rel_ev[::6], centres_ang[::4])
    figure.add_scatter(
        x=x.ravel(), y=y.ravel(), mode="markers", marker={"opacity": 0.0, "size": 1},
        hoverinfo="skip", showlegend=False, name="", row=2, col=1,
    )  # fmt: skip
    style_figure(figure, dark=dark, height_px=height_px)
    fit_legend(figure)
    if window is not None:
        _shade(figure, [window])
        for bound in window:
            line = {"color": "#FFFFFF", "width": 1, "dash": "dot"}
            figure.add_vline(x=bound, line=line, row=2, col=1)
    figure.update_layout(hovermode="closest", dragmode="select", selectdirection="h")
    figure.update_xaxes(range=[energy_rel_ev[0], energy_rel_ev[-1]], showgrid=False)
    figure.update_xaxes(title_text="Energy - E0 (eV)", row=2, col=1)
    figure.update_yaxes(title_text="mu(E)", rangemode="tozero", row=1, col=1)
    half = float(np.median(np.diff(centres_ang))) / 2
    figure.update_yaxes(
        title_text="mu of G2 (\u00c5)", row=2, col=1, showgrid=False,
        range=[centres_ang[0] - half, centres_ang[-1] + half],
    )  # fmt: skip
    return figure


def windows_figure(
    energy_rel_ev: np.ndarray,
    spectra: Mapping[str, np.ndarray],
    windows: Sequence[tuple[float, float]],
    *,
    dark: bool = False,
    height_px: int = 260,
) -> go.Figure:
    """Mean spectra with the windows shaded in their colours; a drag chooses energies."""
    figure = go.Figure()
    dashes = ("solid", "dash", "dot", "dashdot")
    for i, (name, mu) in enumerate(spectra.items()):
        figure.add_scatter(
            x=energy_rel_ev, y=mu, name=name, mode="lines+markers", marker={"size": 1},
            line={"color": ink_colour(dark), "width": 2, "dash": dashes[i % 4]},
        )  # fmt: skip
    style_figure(figure, dark=dark, height_px=height_px)
    fit_legend(figure)
    _shade(figure, windows)
    figure.update_layout(dragmode="select", selectdirection="h", hovermode="x")
    figure.update_xaxes(
        title_text="Energy - E0 (eV)",
        range=[energy_rel_ev[0], energy_rel_ev[-1]],
        hoverformat=".1f",
    )
    figure.update_yaxes(title_text="mu(E) / edge step", rangemode="tozero", hoverformat=".3f")
    return figure


def effect_figure(
    energy_rel_ev: np.ndarray,
    mu: np.ndarray,
    effect: np.ndarray,
    spread: np.ndarray,
    *,
    name: str,
    window: tuple[float, float] | None = None,
    dark: bool = False,
    height_px: int = 360,
) -> go.Figure:
    """Predicted spectrum over the effect of one atom on it, with the spread over members, (k,)."""
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.05, row_heights=[0.55, 0.45]
    )
    _add_spectrum(figure, "Network", energy_rel_ev, mu, NETWORK)
    figure.add_scatter(
        x=np.concatenate([energy_rel_ev, energy_rel_ev[::-1]]),
        y=np.concatenate([effect + spread, (effect - spread)[::-1]]),
        fill="toself", fillcolor=rgba(THEORY_SECOND, 0.25), line={"width": 0}, mode="lines",
        hoverinfo="skip", showlegend=False, name="spread over members", row=2, col=1,
    )  # fmt: skip
    figure.add_scatter(
        x=energy_rel_ev, y=effect, mode="lines", name=name,
        line={"color": THEORY_SECOND, "width": 2}, hovertemplate="%{y:+.4f}", row=2, col=1,
    )  # fmt: skip
    style_figure(figure, dark=dark, height_px=height_px)
    fit_legend(figure)
    if window is not None:
        _shade(figure, [window])
    figure.update_xaxes(range=[energy_rel_ev[0], energy_rel_ev[-1]], hoverformat=".1f")
    figure.update_xaxes(title_text="Energy - E0 (eV)", row=2, col=1)
    figure.update_yaxes(title_text="mu(E)", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(
        title_text="change", row=2, col=1, zeroline=True, zerolinecolor=ink_colour(dark)
    )
    return figure


def signed_colours(values: np.ndarray, limit: float) -> list[str]:
    """Colours from blue (-limit) over grey (0) to vermilion (limit), as hex."""
    low, middle, high = (_channels(c) for c in (NETWORK, "#DADDE2", THEORY_SECOND))
    colours = []
    for value in np.clip(np.asarray(values, dtype=float) / (limit or 1.0), -1, 1):
        end = high if value > 0 else low
        # the square root shows the small ones too
        mixed = middle + (end - middle) * np.sqrt(abs(value))
        colours.append("#" + "".join(f"{round(c):02X}" for c in mixed))
    return colours


def _channels(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], dtype=float)


def _add_spectrum(figure, name: str, energy: np.ndarray, mu: np.ndarray, colour: str) -> None:
    # markers too small to see let a drag select
    figure.add_scatter(
        x=energy, y=mu, name=name, mode="lines+markers", marker={"size": 1},
        line={"color": colour, "width": 2}, hovertemplate="%{y:.3f}", row=1, col=1,
    )  # fmt: skip


def _shade(figure: go.Figure, windows: Sequence[tuple[float, float]]) -> None:
    for i, (low, high) in enumerate(windows):
        figure.add_vrect(
            x0=low, x1=high, fillcolor=SERIES[i % len(SERIES)], opacity=0.16, line_width=0,
            layer="below",
        )  # fmt: skip

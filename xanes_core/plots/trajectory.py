"""Spectra of many frames of one file: a colour scale, mean and spread, stack, map, animation.

Frames are counted from 1, as on the pages. A colour stands for the frame, on the scale Viridis
(even in lightness, told apart with any colour vision); the spread over frames is hatched and green,
so that nobody takes it for the band of the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale
from plotly.subplots import make_subplots

from xanes_core.errors import SpectrumError
from xanes_core.plots.spectrum import EnergyAxis
from xanes_core.plots.style import LIGHT, NETWORK, OTHERS, Look, band, rgba, style_figure
from xanes_core.spectra import XANES, SpectrumKind

#: Share of the frames that the spread holds, from and to (%).
SPREAD_PERCENT = (5.0, 95.0)
#: Most frames that a view draws, spread evenly over all.
MAX_LINES, MAX_STACKED, MAX_ROWS, MAX_PLAYED = 60, 16, 500, 150
#: One frame of the animation (ms).
FRAME_MS = 80
#: Room below the axis for the buttons and the slider of an animation.
_CONTROLS_PX = 110
_SCALE = "Viridis"
#: The end of the scale that would vanish on the page is left out.
_PART = {"light": (0.0, 0.82), "dark": (0.25, 1.0)}
_SPREAD = OTHERS[0]


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Spectra of n frames on k energies.

    Attributes
    ----------
    energy_rel_ev : ndarray, (k,)
        Energies relative to E0 (eV).
    mu : ndarray, (n, k)
        A spectrum for each frame.
    frames : ndarray of int, (n,)
        Their numbers, ascending.
    kind : SpectrumKind
        What the spectra are.

    Raises
    ------
    SpectrumError
        No frame, or arrays that do not fit together.
    """

    energy_rel_ev: np.ndarray
    mu: np.ndarray
    frames: np.ndarray
    kind: SpectrumKind = XANES

    def __post_init__(self) -> None:
        shape = (np.size(self.frames), np.size(self.energy_rel_ev))
        if not shape[0] or np.shape(self.mu) != shape:
            raise SpectrumError(
                "A trajectory needs a spectrum for each frame, on one set of energies"
            )

    def some(self, at_most: int) -> Trajectory:
        """Up to `at_most` frames spread evenly over all, the first and the last among them."""
        n = len(self.frames)
        if n <= at_most:
            return self
        kept = np.linspace(0, n - 1, at_most).round().astype(int)
        return Trajectory(self.energy_rel_ev, self.mu[kept], self.frames[kept], self.kind)

    def row_of(self, frame: int) -> int:
        """Row of the frame nearest to the number `frame`."""
        return int(np.abs(np.asarray(self.frames) - frame).argmin())


def frame_colours(frames: np.ndarray, look: Look = LIGHT) -> list[str]:
    """Colour (``rgb()``) of each frame, by its place between the first and the last."""
    frames = np.asarray(frames, dtype=float)
    span = np.ptp(frames)
    share = (frames - frames.min()) / span if span else np.zeros(len(frames))
    low, high = _PART[look.theme]
    return list(sample_colorscale(_SCALE, (low + (high - low) * share).tolist()))


def _colour_scale(look: Look) -> list[list[Any]]:
    shares = np.linspace(0.0, 1.0, 12)
    return [[float(s), c] for s, c in zip(shares, frame_colours(shares, look), strict=True)]


def _base(trajectory: Trajectory, axis: EnergyAxis, look: Look) -> go.Figure:
    figure = go.Figure()
    style_figure(figure, look.sized(390))
    x = trajectory.energy_rel_ev + axis.offset_ev
    figure.update_xaxes(
        title_text=axis.label, tickformat="~f", hoverformat=".1f", range=(float(x[0]), float(x[-1]))
    )
    figure.update_yaxes(title_text=trajectory.kind.label, rangemode="tozero")
    figure.update_layout(uirevision=axis.energies)
    if axis.is_relative:
        figure.add_vline(x=0.0, line={"color": look.grid, "width": 1})
    return figure


def _add_colour_bar(figure: go.Figure, frames: np.ndarray, look: Look) -> None:
    figure.add_scatter(
        x=[None],
        y=[None],
        mode="markers",
        marker={
            "color": [float(frames[0])],
            "cmin": float(frames[0]),
            "cmax": float(frames[-1]),
            "colorscale": _colour_scale(look),
            "showscale": True,
            "colorbar": _colour_bar("frame", look),
        },
        hoverinfo="skip",
        showlegend=False,
    )


def _colour_bar(title: str, look: Look) -> dict[str, Any]:
    return {
        "title": {"text": title, "side": "right"},
        "thickness": 12,
        "outlinewidth": 0,
        "tickcolor": look.ink,
        "tickformat": "~f",
        "nticks": 6,
    }


def frames_figure(
    trajectory: Trajectory, axis: EnergyAxis, *, shown: int | None = None, look: Look = LIGHT
) -> go.Figure:
    """Spectra of the frames over each other, coloured by frame; `shown` is drawn on top."""
    some = trajectory.some(MAX_LINES)
    figure = _base(trajectory, axis, look)
    x = some.energy_rel_ev + axis.offset_ev
    for frame, mu, colour in zip(
        some.frames, some.mu, frame_colours(some.frames, look), strict=True
    ):
        figure.add_scatter(
            x=x,
            y=mu,
            mode="lines",
            line={"color": colour, "width": 1.3},
            name=f"frame {frame}",
            showlegend=False,
            hovertemplate="%{y:.3f}",
        )
    if shown is not None:
        _add_shown(figure, trajectory, axis, shown)
    _add_colour_bar(figure, some.frames, look)
    figure.update_layout(hovermode="closest")
    return figure


def _add_shown(figure: go.Figure, trajectory: Trajectory, axis: EnergyAxis, shown: int) -> None:
    row = trajectory.row_of(shown)
    figure.add_scatter(
        x=trajectory.energy_rel_ev + axis.offset_ev,
        y=trajectory.mu[row],
        mode="lines",
        line={"color": NETWORK, "width": 2.4},
        name=f"Frame {trajectory.frames[row]}, in view",
        hovertemplate="%{y:.3f}",
    )


def mean_figure(
    trajectory: Trajectory, axis: EnergyAxis, *, shown: int | None = None, look: Look = LIGHT
) -> go.Figure:
    """Mean over frames, and the band that holds 5 to 95 % of them at each energy."""
    figure = _base(trajectory, axis, look)
    x = trajectory.energy_rel_ev + axis.offset_ev
    low, high = np.percentile(trajectory.mu, SPREAD_PERCENT, axis=0)
    name = f"{SPREAD_PERCENT[0]:.0f} to {SPREAD_PERCENT[1]:.0f} % of the frames"
    hatched = band(x, low, high, rgba(_SPREAD, 0.12))
    hatched |= {
        "fillpattern": {"shape": "/", "size": 7, "solidity": 0.18, "fgcolor": _SPREAD},
        "line": {"width": 1, "color": rgba(_SPREAD, 0.6)},
    }
    figure.add_scatter(**hatched, name=name)
    if shown is not None:
        _add_shown(figure, trajectory, axis, shown)
    n = len(trajectory.frames)
    figure.add_scatter(
        x=x,
        y=trajectory.mu.mean(axis=0),
        mode="lines",
        line={"color": _SPREAD, "width": 2.6},
        name=f"Mean of {n} frame{'s' if n > 1 else ''}",
        customdata=np.column_stack([low, high]),
        hovertemplate="%{y:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f})",
    )
    return figure


def waterfall_figure(
    trajectory: Trajectory, axis: EnergyAxis, *, shown: int | None = None, look: Look = LIGHT
) -> go.Figure:
    """Spectra one above the other, each raised by the same step, the first frame lowest."""
    some = trajectory.some(MAX_STACKED)
    figure = _base(trajectory, axis, look)
    x = some.energy_rel_ev + axis.offset_ev
    step = 0.3 * float(trajectory.mu.max())
    marked = None if shown is None else some.row_of(shown)
    colours = frame_colours(some.frames, look)
    for row, (frame, mu) in enumerate(zip(some.frames, some.mu, strict=True)):
        figure.add_scatter(
            x=x,
            y=mu + row * step,
            mode="lines",
            line={"color": colours[row], "width": 3.0 if row == marked else 1.6},
            name=f"frame {frame}",
            customdata=mu,
            hovertemplate="%{customdata:.3f}",
            showlegend=False,
        )
    every = max(len(some.frames) // 8, 1)
    for row in range(0, len(some.frames), every):
        figure.add_annotation(
            x=1.0,
            xref="paper",
            xanchor="left",
            y=float(some.mu[row, -1] + row * step),
            text=str(some.frames[row]),
            showarrow=False,
            font={"size": 11},
        )
    figure.add_annotation(
        x=1.0, xref="paper", xanchor="left", y=1.0, yref="paper", yanchor="bottom",
        text="frame", showarrow=False, font={"size": 11},
    )  # fmt: skip
    figure.update_layout(hovermode="closest", margin={"r": 44})
    title = f"{trajectory.kind.label}, raised by {step:.2g} each"
    figure.update_yaxes(title_text=title, showticklabels=False, ticks="")
    return figure


def heat_figure(
    trajectory: Trajectory, axis: EnergyAxis, *, shown: int | None = None, look: Look = LIGHT
) -> go.Figure:
    """Frame against energy, the spectrum as colour; a white line marks the frame `shown`."""
    some = trajectory.some(MAX_ROWS)
    figure = _base(trajectory, axis, look)
    figure.add_heatmap(
        x=some.energy_rel_ev + axis.offset_ev,
        y=some.frames,
        z=some.mu.astype(np.float32),
        colorscale=_SCALE,
        colorbar=_colour_bar(trajectory.kind.label, look),
        hovertemplate="frame %{y}, %{x:.1f} eV: %{z:.3f}<extra></extra>",
    )
    if shown is not None:
        figure.add_hline(y=shown, line={"color": "#FFFFFF", "width": 2})
    figure.update_layout(hovermode="closest")
    edges = (some.frames[0] - 0.5, some.frames[-1] + 0.5)
    figure.update_yaxes(title_text="frame", rangemode="normal", range=edges, tickformat="~f")
    return figure


def play_figure(
    trajectory: Trajectory, axis: EnergyAxis, *, shown: int | None = None, look: Look = LIGHT
) -> go.Figure:
    """An animation over frames, with a button and a slider, that runs where it is looked at.

    The mean of all frames stands behind it. Frames are named by their numbers.
    """
    some = trajectory.some(MAX_PLAYED)
    if shown is not None and shown in trajectory.frames and shown not in some.frames:
        rows = np.isin(trajectory.frames, [*some.frames, shown])
        some = Trajectory(
            trajectory.energy_rel_ev, trajectory.mu[rows], trajectory.frames[rows], trajectory.kind
        )
    start = 0 if shown is None else some.row_of(shown)
    figure = _base(trajectory, axis, look)
    x = some.energy_rel_ev + axis.offset_ev
    figure.add_scatter(
        x=x,
        y=trajectory.mu.mean(axis=0),
        mode="lines",
        line={"color": _SPREAD, "width": 1.4},
        name="Mean",
        hovertemplate="%{y:.3f}",
    )
    figure.add_scatter(
        x=x,
        y=some.mu[start],
        mode="lines",
        line={"color": NETWORK, "width": 2.4},
        name="Frame in view",
        hovertemplate="%{y:.3f}",
    )
    figure.frames = [
        go.Frame(name=str(frame), data=[{"y": mu.astype(np.float32)}], traces=[1])
        for frame, mu in zip(some.frames, some.mu, strict=True)
    ]
    figure.update_layout(
        **_player(some.frames, start, look),
        margin={"b": 48 + _CONTROLS_PX},
        height=figure.layout.height + _CONTROLS_PX,
    )
    top = 1.05 * float(trajectory.mu.max())
    figure.update_yaxes(range=(min(0.0, float(trajectory.mu.min())), top))
    return figure


def _player(frames: np.ndarray, start: int, look: Look) -> dict[str, Any]:
    """Button and slider of an animation."""
    now = {"frame": {"duration": 0, "redraw": False}, "transition": {"duration": 0}}
    play = {
        "frame": {"duration": FRAME_MS, "redraw": False},
        "transition": {"duration": 0},
        "fromcurrent": True,
    }
    quiet = {"font": {"color": look.ink}, "bgcolor": look.background, "bordercolor": look.grid}
    return {
        "updatemenus": [
            {
                "type": "buttons",
                "direction": "left",
                "x": 0.0,
                "y": -0.17,
                "xanchor": "left",
                "yanchor": "top",
                "showactive": False,
                "pad": {"t": 12, "r": 8},
                **quiet,
                "buttons": [
                    {"label": "Play", "method": "animate", "args": [None, play]},
                    {
                        "label": "Pause",
                        "method": "animate",
                        "args": [[None], {"mode": "immediate", **now}],
                    },
                ],
            }
        ],
        "sliders": [
            {
                "active": start,
                "x": 0.0,
                "len": 1.0,
                "y": -0.32,
                "currentvalue": {"prefix": "frame ", "font": {"size": 12, "color": look.ink}},
                "pad": {"t": 4},
                "ticklen": 0,
                "minorticklen": 0,
                "tickcolor": look.grid,
                **quiet,
                "font": {"size": 1, "color": "rgba(0,0,0,0)"},
                "steps": [
                    {
                        "label": str(frame),
                        "value": str(frame),
                        "method": "animate",
                        "args": [[str(frame)], {"mode": "immediate", **now}],
                    }
                    for frame in frames
                ],
            }
        ],
    }


def feature_figure(
    frames: np.ndarray,
    features: dict[str, np.ndarray],
    *,
    shown: int | None = None,
    look: Look = LIGHT,
) -> go.Figure:
    """Numbers read off the spectra against the frame, a panel each.

    Parameters
    ----------
    frames : ndarray of int, (n,)
        Numbers of the frames.
    features : dict of str to ndarray, (n,)
        Values by the title of their axis; NaN where a frame does not show the feature.
    shown : int, optional
        Frame that a line marks.
    look : Look
        The page it stands on.
    """
    rows = max(len(features), 1)
    figure = make_subplots(
        rows=rows,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.3 / rows,
        subplot_titles=list(features),
    )
    for row, (title, values) in enumerate(features.items(), start=1):
        figure.add_scatter(
            x=frames,
            y=values,
            mode="lines+markers",
            line={"color": NETWORK, "width": 1.4},
            marker={"size": 3},
            name=title,
            hovertemplate="%{y:.2f}",
            showlegend=False,
            row=row,
            col=1,
        )
        figure.update_yaxes(nticks=4, row=row, col=1)
    style_figure(figure, look.sized(90 + 100 * rows))
    # a title beside a panel this low would run into the next one
    figure.update_annotations(x=0.0, xanchor="left", font={"size": 12, "color": look.ink})
    figure.update_xaxes(title_text="frame", tickformat="~f", row=rows, col=1)
    if shown is not None:
        figure.add_vline(x=shown, line={"color": NETWORK, "width": 1, "dash": "dot"})
    return figure

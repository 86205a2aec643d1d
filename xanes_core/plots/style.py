"""One palette, one look: colours, dashes, and what all figures have in common.

Colours are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), told apart by readers with
any colour vision; the pale ones are darkened until a line stands out three to one on white.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

if TYPE_CHECKING:
    from plotly.basedatatypes import BaseTraceType

#: Letters of the page, which its server brings along, also in figures and in the 3D view.
FONT = "Source Sans, sans-serif"
NETWORK = "#0072B2"
THEORY = "#C27D00"
THEORY_SECOND = "#C8431B"
ABSORBER = "#CC79A7"
#: Halo of atoms that another view speaks of.
HIGHLIGHT = "#E69F00"
#: What belongs to no group, and what only gives the others their measure.
GREY = "#7F858E"
#: Further groups of points, where the others are used up.
OLIVE = "#8F7F00"
MEASUREMENT: Mapping[str, str] = MappingProxyType({"light": "#000000", "dark": "#F2F2F2"})
INK: Mapping[str, str] = MappingProxyType({"light": "#262B33", "dark": "#D8DCE3"})
#: Page colours of ``.streamlit/config.toml``, for canvases that cannot be transparent.
BACKGROUND: Mapping[str, str] = MappingProxyType({"light": "#FFFFFF", "dark": "#12161C"})
GRID: Mapping[str, str] = MappingProxyType(
    {"light": "rgba(49,51,63,0.12)", "dark": "rgba(216,220,227,0.16)"}
)
#: Other structures and frames: three colours, told apart further by their dashes.
OTHERS = ("#009E73", "#7A5FB5", GREY)
#: Measured spectra beside the first, which has the colour of ink.
MEASURED = ("#B5478A", OLIVE, "#1B7F79", "#8A5A2B", "#5B5BD6")
#: The colours of a light page and what stands for each on a dark one, as bright there as here.
ON_DARK: Mapping[str, str] = MappingProxyType(
    {
        NETWORK: "#4FA8E0",
        THEORY: "#F0AE32",
        THEORY_SECOND: "#F0785A",
        ABSORBER: ABSORBER,
        GREY: "#A3A9B3",
        OLIVE: "#D9CB4A",
        OTHERS[0]: "#2FC49A",
        OTHERS[1]: "#B191E6",
        MEASURED[0]: "#E58BC3",
        MEASURED[2]: "#5CC9C1",
        MEASURED[3]: "#D3A36F",
        MEASURED[4]: "#A3A3FF",
    }
)
DASHES = ("solid", "dash", "dot")
BAND_OPACITY = 0.22


@dataclass(frozen=True)
class Look:
    """The page that a figure stands on.

    Attributes
    ----------
    dark : bool
        Whether the page is dark.
    height_px : int or None
        Height of the figure; None for the figure's own.
    """

    dark: bool = False
    height_px: int | None = None

    def sized(self, own_px: int) -> Look:
        """The same with a height: the figure's own where none was asked for."""
        return self if self.height_px is not None else replace(self, height_px=own_px)

    @property
    def theme(self) -> str:
        """``"light"`` or ``"dark"``, the key of the palette's tables."""
        return "dark" if self.dark else "light"

    @property
    def ink(self) -> str:
        """Colour of text, axes and lines that belong to no series."""
        return INK[self.theme]

    @property
    def grid(self) -> str:
        """Colour of the grid."""
        return GRID[self.theme]

    def colour(self, light: str) -> str:
        """A colour of the palette (``#RRGGBB`` or ``rgba()``) as this page shows it."""
        if not self.dark:
            return light
        if light.startswith("rgba("):
            return _RGBA_ON_DARK.get(light.rsplit(",", 1)[0], light.rsplit(",", 1)[0]) + (
                "," + light.rsplit(",", 1)[1]
            )
        return ON_DARK.get(light, light)

    @property
    def background(self) -> str:
        """Colour of the page."""
        return BACKGROUND[self.theme]


#: A light page, every figure in its own height.
LIGHT = Look()


def style_figure(figure: go.Figure, look: Look) -> None:
    """Give `figure` the project's quiet look: no background, thin grid, legend on top."""
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        height=look.height_px,
        margin={"l": 66, "r": 12, "t": 34, "b": 50},
        font={"color": look.ink, "size": 14, "family": FONT},
        modebar={
            "bgcolor": look.background,
            "color": rgba(look.ink, 0.55),
            "activecolor": look.ink,
        },
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1.0,
            "yanchor": "bottom",
            "traceorder": "reversed",
        },
        hovermode="x unified",
        hoverlabel={
            "bgcolor": "#1B2028" if look.dark else "#FFFFFF",
            "font": {"color": look.ink, "family": FONT, "size": 14},
        },
    )
    for trace in figure.data:
        _to_page(trace, look)
    axis = {
        "gridcolor": look.grid,
        "linecolor": look.ink,
        "zeroline": False,
        "showline": True,
        "ticks": "outside",
        # clear of the numbers; margins that follow them send plotly round in circles on a phone
        "title": {"standoff": 8},
    }
    figure.update_xaxes(**axis, tickcolor=look.ink)
    figure.update_yaxes(**axis, tickcolor=look.ink)


def _to_page(trace: BaseTraceType, look: Look) -> None:
    """Give a trace the colours of the page that it stands on."""
    for part in (trace, trace.line if "line" in trace else None, getattr(trace, "marker", None)):
        for name in ("color", "fillcolor"):
            if part is None or name not in part:
                continue
            told = part[name]
            if isinstance(told, str):
                part[name] = look.colour(told)
            elif isinstance(told, (list, tuple)) and all(isinstance(c, str) for c in told):
                part[name] = [look.colour(c) for c in told]


def fit_legend(figure: go.Figure) -> None:
    """Legend in the order drawn, small enough for a phone."""
    figure.update_layout(legend={"traceorder": "normal", "y": 1.01, "font": {"size": 12}})


def style_marks(figure: go.Figure, look: Look) -> None:
    """As :func:`style_figure`, for bars and points: each mark tells its own."""
    style_figure(figure, look)
    fit_legend(figure)
    figure.update_layout(hovermode="closest")


def two_panels(upper_share: float, gap: float) -> go.Figure:
    """Two panels, one above the other, with one horizontal axis and its zoom."""
    return make_subplots(
        rows=2,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=gap,
        row_heights=[upper_share, 1.0 - upper_share],
    )


def zero_line(look: Look) -> dict[str, Any]:
    """Settings of an axis with values of both signs."""
    return {"zeroline": True, "zerolinecolor": look.ink}


def band(x: np.ndarray, lower: np.ndarray, upper: np.ndarray, fill: str) -> dict[str, Any]:
    """Settings of a scatter trace that fills what lies between two curves, (k,) each."""
    return {
        "x": np.concatenate([x, x[::-1]]),
        "y": np.concatenate([upper, lower[::-1]]),
        "fill": "toself",
        "fillcolor": fill,
        "line": {"width": 0},
        "mode": "lines",
        "hoverinfo": "skip",
    }


def band_fill(colour: str, look: Look) -> str:
    """Colour of the band around a line of `colour`; a dark page swallows more of it."""
    return rgba(colour, BAND_OPACITY + (0.1 if look.dark else 0.0))


def channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of ``#RRGGBB``, 0 to 255."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def rgba(colour: str, alpha: float) -> str:
    """``#RRGGBB`` with an opacity, as the ``rgba()`` that plotly reads."""
    red, green, blue = channels(colour)
    return f"rgba({red},{green},{blue},{alpha:g})"


#: Red, green and blue of each colour as ``rgba()`` begins, and what stands for it on a dark page.
_RGBA_ON_DARK = {
    rgba(light, 1).rsplit(",", 1)[0]: rgba(dark, 1).rsplit(",", 1)[0]
    for light, dark in ON_DARK.items()
}

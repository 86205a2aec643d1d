"""One palette, one look: colours, dashes, and what all figures have in common."""

from __future__ import annotations

from types import MappingProxyType

import plotly.graph_objects as go

NETWORK = "#0072B2"
THEORY = "#E69F00"
THEORY_SECOND = "#D55E00"
ABSORBER = "#CC79A7"
MEASUREMENT = MappingProxyType({"light": "#000000", "dark": "#F2F2F2"})
INK = MappingProxyType({"light": "#31333F", "dark": "#D8DCE3"})
#: Page colours of ``.streamlit/config.toml``, for canvases that cannot be transparent.
BACKGROUND = MappingProxyType({"light": "#FFFFFF", "dark": "#12161C"})
GRID = MappingProxyType({"light": "rgba(49,51,63,0.12)", "dark": "rgba(216,220,227,0.16)"})
#: Other structures and frames: three colours, told apart further by their dashes.
OTHERS = ("#009E73", "#56B4E9", "#999999")
DASHES = ("solid", "dash", "dot")
BAND_OPACITY = 0.22


def style_figure(figure: go.Figure, *, dark: bool = False, height_px: int = 420) -> None:
    """Give `figure` the project's quiet look: no background, thin grid, legend on top."""
    ink, grid = _theme(INK, dark), _theme(GRID, dark)
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        height=height_px,
        margin={"l": 58, "r": 12, "t": 34, "b": 48},
        font={"color": ink, "size": 13, "family": "sans-serif"},
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1.0,
            "yanchor": "bottom",
            "traceorder": "reversed",
        },
        hovermode="x unified",
        hoverlabel={"bgcolor": "#1B2028" if dark else "#FFFFFF", "font": {"color": ink}},
    )
    axis = {
        "gridcolor": grid,
        "linecolor": ink,
        "zeroline": False,
        "showline": True,
        "ticks": "outside",
    }
    figure.update_xaxes(**axis, tickcolor=ink)
    figure.update_yaxes(**axis, tickcolor=ink)


def rgba(colour: str, alpha: float) -> str:
    """``#RRGGBB`` with an opacity, as the ``rgba()`` that plotly reads."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


def _theme(table: MappingProxyType, dark: bool) -> str:
    return table["dark" if dark else "light"]


def fit_legend(figure: go.Figure) -> None:
    """Legend in the order drawn, small enough for a phone."""
    figure.update_layout(legend={"traceorder": "normal", "y": 1.01, "font": {"size": 12}})


def ink_colour(dark: bool) -> str:
    """Colour of lines that belong to no series."""
    return INK["dark" if dark else "light"]

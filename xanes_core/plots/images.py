"""Print-ready figures (matplotlib): PNG at 300 dpi and SVG with its letters as outlines.

What is printed is the figure of the screen, without a browser: plotly's own image export needs one.
"""

from __future__ import annotations

import html
import io
import re
import threading
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import plotly.graph_objects as go

from xanes_core.errors import SpectrumError
from xanes_core.files import csv_text
from xanes_core.plots.style import GRID, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.typing import ColorType, RcKeyType
    from plotly.basedatatypes import BaseTraceType

#: matplotlib's settings are global: two people downloading at once must not mix theirs.
_LOCK = threading.Lock()
_STYLE: dict[RcKeyType, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "svg.fonttype": "path",
    "svg.hashsalt": "xanes-explorer",
    "mathtext.default": "regular",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.formatter.useoffset": False,
    "text.color": INK["light"],
    "axes.edgecolor": INK["light"],
    "axes.labelcolor": INK["light"],
    "xtick.color": INK["light"],
    "ytick.color": INK["light"],
}
#: Points of print for a pixel of the screen.
_LINE_PT, _LETTER_PT = 0.64, 0.6
_RGBA = re.compile(r"rgba\((\d+),(\d+),(\d+),([\d.]+)\)")
#: Letters of axis titles as programs without Greek spell them.
_TO_ASCII = str.maketrans(
    {
        "\u03bc": "mu",
        "\u03bb": "lambda",
        "\u03b6": "zeta",
        "\u03b7": "eta",
        "\u00c5": "A",
        "\u00b2": "^2",
        "\u00b3": "^3",
        "\u2074": "^4",
        "\u00b9": "^1",
        "\u207b": "^-",
        "\u2080": "0",
        "\u2212": "-",
        "\u2013": "-",
        "\u00b1": "+-",
    }
)
_DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}


def figure_image(
    figure: go.Figure,
    image_format: Literal["png", "svg"] = "png",
    *,
    size_in: tuple[float, float] | None = None,
    dpi: int = 300,
) -> bytes:
    """Figure as the bytes of a PNG or SVG file, on white; make the figure for a light page.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
        Of this room, with one panel or several above each other: lines, bands, bars and maps.
    image_format : {"png", "svg"}
        Kind of file.
    size_in : (float, float), optional
        Width and height in inches; by the number of panels where it is left out.
    dpi : int
        Resolution of the PNG.

    Raises
    ------
    SpectrumError
        For another format or nothing to draw.
    """
    if image_format not in ("png", "svg"):
        raise SpectrumError(f"Unknown image format {image_format!r}: choose 'png' or 'svg'")
    if not figure.data:
        raise SpectrumError("There is no curve to draw: predict or read a spectrum first")
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = _panels(figure)
    heights = [high - low for _, low, high in panels]
    buffer = io.BytesIO()
    with _LOCK, matplotlib.rc_context(_STYLE):
        drawn = Figure(
            figsize=size_in or (5.6, 2.6 + 1.6 * (len(panels) - 1)), layout="constrained"
        )
        FigureCanvasAgg(drawn)
        grid = drawn.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)
        axes = grid[:, 0]
        for place, (name, _, _) in zip(axes, panels, strict=True):
            _draw_panel(drawn, place, figure, name)
        axes[-1].set_xlabel(printed_text(_axis_title(figure, "x", panels[-1][0])))
        span = figure.layout[_axis("x", panels[-1][0])].range
        if span is not None:
            axes[-1].set_xlim(*span)
        metadata = {"Date": None} if image_format == "svg" else {"Software": None}
        drawn.savefig(buffer, format=image_format, dpi=dpi, metadata=metadata)
    return buffer.getvalue()


def figure_csv(figure: go.Figure) -> str:
    """Every number of the figure: panel, series, x, y, value (of a map) and error."""
    rows: list[list[object]] = [["panel", "series", "x", "y", "value", "error"]]
    names = [name for name, _, _ in _panels(figure)]
    for trace in figure.data:
        if not trace.name and trace.type != "heatmap":  # helps selecting, shows nothing
            continue
        panel = ascii_text(_axis_title(figure, "y", trace.yaxis or "y"))
        number = names.index(trace.yaxis or "y") + 1
        if trace.type == "heatmap":
            for y, row in zip(trace.y, np.asarray(trace.z, dtype=float), strict=True):
                for x, value in zip(trace.x, row, strict=True):
                    rows.append([f"{number} {panel}", "map", _n(x), _n(y), _n(value), ""])
            continue
        name, errors = html.unescape(trace.name), _errors_of(trace)
        for i, (x, y) in enumerate(zip(trace.x, trace.y, strict=True)):
            error = "" if errors is None else _n(errors[i])
            rows.append([f"{number} {panel}", name, _n(x), _n(y), "", error])
    return csv_text(rows)


def plain_text(text: str) -> str:
    """`text` so that matplotlib sets it as it is: no mathematics, no hidden legend entry."""
    text = text.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def _panels(figure: go.Figure) -> list[tuple[str, float, float]]:
    """Name of the y axis of each panel with its place, from the top."""
    names = sorted({trace.yaxis or "y" for trace in figure.data}) or ["y"]
    places = [(n, *(figure.layout[_axis("y", n)].domain or (0.0, 1.0))) for n in names]
    return sorted(places, key=lambda place: -place[2])


def _axis(letter: str, name: str) -> str:
    """Layout key of the x or y axis that goes with panel ``y`` or ``y2``."""
    return f"{letter}axis{name[1:]}"


def _axis_title(figure: go.Figure, letter: str, name: str) -> str:
    title: str = figure.layout[_axis(letter, name)].title.text or ""
    return title


def printed_text(text: str) -> str:
    """Text of a figure as matplotlib sets it: with its subscripts and line breaks, else plain."""
    text = plain_text(text).replace("<br>", "\n")
    for tag, mark in (("sub", "_"), ("sup", "^")):
        text = re.sub(f"<{tag}>([^<$]*)</{tag}>", rf"${mark}{{\1}}$", text)
    return html.unescape(text)


def ascii_text(text: str) -> str:
    """Text of a figure for a table that any program reads: letters of ASCII alone where it can."""
    text = html.unescape(re.sub("<su[bp]>", "_", text).replace("<br>", " "))
    return re.sub("</?[a-z]+>", "", text).translate(_TO_ASCII)


def _draw_panel(drawn: Figure, axes: Axes, figure: go.Figure, name: str) -> None:
    traces = [t for t in figure.data if (t.yaxis or "y") == name]
    bars = [t for t in traces if t.type == "bar"]
    grouped = figure.layout.barmode == "group"
    for order, trace in enumerate(traces):
        if trace.type == "bar":
            _draw_bar(axes, trace, bars.index(trace), len(bars) if grouped else 1)
        elif trace.type == "heatmap":
            image = axes.pcolormesh(
                trace.x, trace.y, np.ma.masked_invalid(np.asarray(trace.z, dtype=float)),
                cmap="cividis", vmin=trace.zmin, vmax=trace.zmax, shading="nearest",
                rasterized=True,
            )  # fmt: skip
            drawn.colorbar(
                image, ax=axes, label=printed_text(trace.colorbar.title.text or ""), pad=0.01
            )
        elif trace.name:
            _draw_line(axes, trace, order)
    _draw_shapes(axes, figure, name)
    settings = figure.layout[_axis("y", name)]
    axes.set_ylabel(printed_text(_axis_title(figure, "y", name)))
    if settings.zeroline:
        axes.axhline(0.0, color=INK["light"], lw=0.6)
    if settings.rangemode == "tozero":
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    _draw_legend(axes, figure, 2 if bars else 1)


def _draw_shapes(axes: Axes, figure: go.Figure, name: str) -> None:
    """Windows and lines of a panel; lines of the grid are left to the screen, as the grid is."""
    for shape in figure.layout.shapes:
        if (shape.yref or "").split(" ")[0] != name or shape.line.color in GRID.values():
            continue
        if shape.type == "line":
            axes.axvline(
                shape.x0, color=_colour(shape.line.color), ls=_DASHES[shape.line.dash or "solid"],
                lw=_LINE_PT * shape.line.width,
            )  # fmt: skip
        else:
            axes.axvspan(shape.x0, shape.x1, color=shape.fillcolor, alpha=shape.opacity, lw=0)


def _draw_legend(axes: Axes, figure: go.Figure, at_least: int) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) < at_least:
        return
    legend = figure.layout.legend
    is_reversed = legend.traceorder == "reversed"
    if is_reversed:
        handles, labels = handles[::-1], labels[::-1]
    size = _LETTER_PT * (legend.font.size or figure.layout.font.size)
    options: dict[str, Any] = {"frameon": False, "fontsize": size}
    if len(labels) > 3 and not is_reversed:  # short names, in columns above the panel
        options |= {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "ncols": 6}
    axes.legend(handles, labels, **options)


def _draw_bar(axes: Axes, trace: BaseTraceType, number: int, n_grouped: int) -> None:
    x = np.asarray(trace.x)
    width = trace.width if trace.width is not None else 0.7
    if x.dtype.kind not in "fiu":  # names under the bars
        axes.set_xticks(range(len(x)), [printed_text(str(text)) for text in x], fontsize=7)
        width = 0.7 / n_grouped
        x = np.arange(len(x)) + (number - (n_grouped - 1) / 2) * width
    colours = trace.marker.color
    axes.bar(
        x, trace.y, width, bottom=0.0 if trace.base is None else trace.base, lw=0,
        color=_colour(colours) if isinstance(colours, str) else [_colour(c) for c in colours],
        yerr=_errors_of(trace),
        error_kw={"lw": 0.7, "capsize": 1.2, "ecolor": INK["light"]},
        label=_legend_entry(trace),
    )  # fmt: skip


def _draw_line(axes: Axes, trace: BaseTraceType, order: int) -> None:
    options: dict[str, Any] = {"label": _legend_entry(trace), "zorder": 2 + order}
    if trace.fill == "toself":
        axes.fill(trace.x, trace.y, color=_colour(trace.fillcolor), lw=0, **options)
    elif "lines" in (trace.mode or ""):
        axes.plot(
            trace.x, trace.y, _DASHES.get(trace.line.dash or "solid", "-"),
            color=_colour(trace.line.color), lw=_LINE_PT * trace.line.width, **options,
        )  # fmt: skip
    else:
        marker = "*" if trace.marker.symbol == "star" else "|"
        axes.plot(
            trace.x, trace.y, marker, color=INK["light"], ms=5 if marker == "*" else 10,
            clip_on=False, **options,
        )  # fmt: skip


def _legend_entry(trace: BaseTraceType) -> str | None:
    """Name of a trace in the legend, as text; None where it has none."""
    if trace.showlegend is False or not trace.name:
        return None
    return printed_text(trace.name)


def _errors_of(trace: BaseTraceType) -> np.ndarray | None:
    return trace.error_y.array if trace.error_y else None


def _colour(text: str) -> ColorType:
    match = _RGBA.fullmatch(text.replace(" ", ""))
    if match is None:
        return text
    red, green, blue = (int(match[i]) / 255 for i in (1, 2, 3))
    return red, green, blue, float(match[4])


def _n(value: str | float) -> str:
    return value.replace("<br>", " ") if isinstance(value, str) else f"{float(value):.6g}"

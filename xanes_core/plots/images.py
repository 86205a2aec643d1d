"""Print-ready figures (matplotlib): PNG at 300 dpi and SVG with its letters as outlines.

The same curves as on the screen, without a browser: plotly's own image export needs one.
"""

from __future__ import annotations

import csv
import io
import re
import threading
from collections.abc import Sequence
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from xanes_core.errors import SpectrumError
from xanes_core.plots.spectrum import (
    ENERGY_LABELS,
    Axis,
    Curve,
    axis_energy_ev,
    band_name,
    curve_style,
    energy_window_ev,
)
from xanes_core.plots.style import BAND_OPACITY, INK
from xanes_core.spectra import XANES, SpectrumKind

_LINESTYLES = {"solid": "-", "dash": "--", "dot": ":"}
#: matplotlib's settings are global: two people downloading at once must not mix theirs.
_LOCK = threading.Lock()
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "svg.fonttype": "path",
    "svg.hashsalt": "xanes-explorer",
    "mathtext.default": "regular",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "text.color": INK["light"],
    "axes.edgecolor": INK["light"],
    "axes.labelcolor": INK["light"],
    "xtick.color": INK["light"],
    "ytick.color": INK["light"],
}
_RGBA = re.compile(r"rgba\((\d+),(\d+),(\d+),([\d.]+)\)")
_DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}


def spectrum_image(
    curves: Sequence[Curve],
    *,
    e0_ev: float,
    axis: Axis = "relative",
    image_format: Literal["png", "svg"] = "png",
    title: str | None = None,
    size_in: tuple[float, float] = (5.2, 3.5),
    dpi: int = 300,
    kind: SpectrumKind = XANES,
) -> bytes:
    """Figure of `curves` as the bytes of a PNG or SVG file, on white.

    Parameters
    ----------
    curves : sequence of Curve
        Drawn as on the screen: same colours, bands and dashes.
    e0_ev : float
        Edge energy that the relative axis refers to.
    axis : {"relative", "absolute"}
        Energy axis.
    image_format : {"png", "svg"}
        Kind of file.
    title : str, optional
        One line above the axes; plain text.
    size_in : (float, float)
        Width and height in inches.
    dpi : int
        Resolution of the PNG.
    kind : SpectrumKind
        What the curves are, for the title of their axis.

    Raises
    ------
    SpectrumError
        For an unknown format or nothing to draw.
    """
    if image_format not in ("png", "svg"):
        raise SpectrumError(f"Unknown image format {image_format!r}: choose 'png' or 'svg'")
    if not curves:
        raise SpectrumError("There is no curve to draw: predict or read a spectrum first")
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    buffer = io.BytesIO()
    with _LOCK, matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=size_in, layout="constrained")
        FigureCanvasAgg(figure)
        _draw(figure.add_subplot(), curves, e0_ev, axis, title)
        figure.axes[0].set_ylabel(kind.label)
        metadata = {"Date": None} if image_format == "svg" else {"Software": None}
        figure.savefig(buffer, format=image_format, dpi=dpi, metadata=metadata)
    return buffer.getvalue()


def plain_text(text: str) -> str:
    """`text` so that matplotlib sets it as it is: no mathematics, no hidden legend entry."""
    text = text.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def _draw(axes, curves, e0_ev: float, axis: Axis, title: str | None) -> None:
    for z, curve in enumerate(reversed(curves)):
        x = axis_energy_ev(curve, axis, e0_ev)
        colour, dash = curve_style(curve)
        order = 2 + z
        if curve.lower is not None and curve.upper is not None:
            label = band_name(curve) if curve.role == "network" and curve.rank == 0 else None
            axes.fill_between(
                x, curve.lower, curve.upper, color=colour, alpha=BAND_OPACITY, lw=0, zorder=order,
                label=label,
            )  # fmt: skip
        axes.plot(
            x, curve.mu, color=colour, ls=_LINESTYLES[dash], lw=1.4, zorder=order,
            label=plain_text(curve.name),
        )  # fmt: skip
    window = energy_window_ev(curves, axis, e0_ev)
    if window is not None:
        axes.set_xlim(window)
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.set_xlabel(ENERGY_LABELS[axis])
    axes.ticklabel_format(useOffset=False)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], frameon=False, fontsize=8, loc="best")
    if title:
        axes.set_title(plain_text(title), fontsize=9, loc="left")


def figure_image(figure: go.Figure, image_format: str, *, dpi: int = 300) -> bytes:
    """Bytes of a PNG or SVG of the figure, on white; make the figure for a light page.

    Raises
    ------
    SpectrumError
        Another format.
    """
    if image_format not in ("png", "svg"):
        raise SpectrumError(f"Unknown image format {image_format!r}: choose 'png' or 'svg'")
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = _panels(figure)
    heights = [high - low for _, low, high in panels]
    buffer = io.BytesIO()
    with _LOCK, matplotlib.rc_context(_STYLE):
        drawn = Figure(figsize=(5.6, 2.6 + 1.6 * (len(panels) - 1)), layout="constrained")
        FigureCanvasAgg(drawn)
        axes = drawn.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[
            :, 0
        ]
        for place, (name, _, _) in zip(axes, panels, strict=True):
            _draw_panel(drawn, place, figure, name)
        axes[-1].set_xlabel(_axis_title(figure, "x", panels[-1][0]))
        span = figure.layout[_axis("x", panels[-1][0])].range
        if span is not None:
            axes[-1].set_xlim(*span)
        metadata = {"Date": None} if image_format == "svg" else {"Software": None}
        drawn.savefig(buffer, format=image_format, dpi=dpi, metadata=metadata)
    return buffer.getvalue()


def figure_csv(figure: go.Figure) -> str:
    """Every number of the figure: panel, series, x, y, value (of a map) and error."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["panel", "series", "x", "y", "value", "error"])
    names = [name for name, _, _ in _panels(figure)]
    for trace in figure.data:
        if not trace.name and trace.type != "heatmap":  # helps selecting, shows nothing
            continue
        panel = _axis_title(figure, "y", trace.yaxis or "y")
        number = names.index(trace.yaxis or "y") + 1
        if trace.type == "heatmap":
            for y, row in zip(trace.y, np.asarray(trace.z, dtype=float), strict=True):
                for x, value in zip(trace.x, row, strict=True):
                    writer.writerow([f"{number} {panel}", "map", _n(x), _n(y), _n(value), ""])
            continue
        errors = trace.error_y.array if trace.error_y and trace.error_y.array is not None else None
        for i, (x, y) in enumerate(zip(trace.x, trace.y, strict=True)):
            error = "" if errors is None else _n(errors[i])
            writer.writerow([f"{number} {panel}", trace.name, _n(x), _n(y), "", error])
    return buffer.getvalue()


def _panels(figure: go.Figure) -> list[tuple[str, float, float]]:
    """Name of the y axis of each panel with its place, from the top."""
    names = sorted({trace.yaxis or "y" for trace in figure.data}) or ["y"]
    places = [(n, *(figure.layout[_axis("y", n)].domain or (0.0, 1.0))) for n in names]
    return sorted(places, key=lambda place: -place[2])


def _axis(letter: str, name: str) -> str:
    """Layout key of the x or y axis that goes with panel ``y`` or ``y2``."""
    return f"{letter}axis{name[1:]}"


def _axis_title(figure: go.Figure, letter: str, name: str) -> str:
    title = figure.layout[_axis(letter, name)].title.text or ""
    return title.replace("<sub>", "_").replace("</sub>", "")


def _draw_panel(drawn, axes, figure: go.Figure, name: str) -> None:
    traces = [t for t in figure.data if (t.yaxis or "y") == name]
    bars = [t for t in traces if t.type == "bar"]
    grouped = figure.layout.barmode == "group"
    for trace in traces:
        if trace.type == "bar":
            _draw_bar(axes, trace, bars.index(trace), len(bars) if grouped else 1)
        elif trace.type == "heatmap":
            image = axes.pcolormesh(
                trace.x, trace.y, np.ma.masked_invalid(np.asarray(trace.z, dtype=float)),
                cmap="cividis", vmin=trace.zmin, vmax=trace.zmax, shading="nearest",
                rasterized=True,
            )  # fmt: skip
            drawn.colorbar(image, ax=axes, label=trace.colorbar.title.text or "", pad=0.01)
        elif trace.name:
            _draw_line(axes, trace)
    for shape in figure.layout.shapes:
        if (shape.yref or "").split(" ")[0] == name:
            if shape.type == "line":
                axes.axvline(shape.x0, color="#FFFFFF", lw=0.7, ls=":")
            else:
                axes.axvspan(shape.x0, shape.x1, color=shape.fillcolor, alpha=shape.opacity, lw=0)
    axes.set_ylabel(_axis_title(figure, "y", name))
    if figure.layout[_axis("y", name)].zeroline:
        axes.axhline(0.0, color="#31333F", lw=0.6)
    n_labels = len(axes.get_legend_handles_labels()[1])
    if n_labels > (1 if bars else 0):
        place = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "ncols": 6}
        axes.legend(frameon=False, fontsize=7, **(place if n_labels > 3 else {}))


def _draw_bar(axes, trace, number: int, n_grouped: int) -> None:
    x = np.asarray(trace.x)
    width = trace.width if trace.width is not None else 0.7
    if x.dtype.kind not in "fiu":  # names under the bars
        axes.set_xticks(
            range(len(x)), [plain_text(str(text).replace("<br>", "\n")) for text in x], fontsize=7
        )
        width = 0.7 / n_grouped
        x = np.arange(len(x)) + (number - (n_grouped - 1) / 2) * width
    told = trace.marker.color
    colour = _colour(told) if isinstance(told, str) else [_colour(c) for c in told]
    errors = trace.error_y.array if trace.error_y and trace.error_y.array is not None else None
    base = 0.0 if trace.base is None else trace.base
    shown = trace.showlegend is not False
    axes.bar(
        x, trace.y, width, bottom=base, color=colour, yerr=errors, lw=0,
        error_kw={"lw": 0.7, "capsize": 1.2, "ecolor": "#31333F"},
        label=plain_text(trace.name) if shown and trace.name else None,
    )  # fmt: skip


def _draw_line(axes, trace) -> None:
    label = plain_text(trace.name) if trace.showlegend is not False else None
    if trace.fill == "toself":
        axes.fill(trace.x, trace.y, color=_colour(trace.fillcolor), lw=0, label=label)
    elif "lines" in (trace.mode or ""):
        dash = _DASHES.get(trace.line.dash or "solid", "-")
        axes.plot(trace.x, trace.y, dash, color=_colour(trace.line.color), lw=1.3, label=label)
    else:
        marker = "*" if trace.marker.symbol == "star" else "|"
        axes.plot(
            trace.x, trace.y, marker, color="#31333F", ms=5 if marker == "*" else 10, label=label,
            clip_on=False,
        )  # fmt: skip


def _colour(text: str):
    match = _RGBA.fullmatch(text.replace(" ", ""))
    if match is None:
        return text
    return (*(int(match[i]) / 255 for i in (1, 2, 3)), float(match[4]))


def _n(value) -> str:
    return value.replace("<br>", " ") if isinstance(value, str) else f"{float(value):.6g}"

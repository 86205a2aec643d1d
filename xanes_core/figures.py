"""Print-ready figures (matplotlib): PNG at 300 dpi and SVG with its letters as outlines.

The same curves as on the screen, without a browser: plotly's own image export needs one.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from typing import Literal

from xanes_core.errors import SpectrumError
from xanes_core.plots import (
    BAND_OPACITY,
    ENERGY_LABELS,
    INK,
    INTENSITY_LABELS,
    Axis,
    Curve,
    axis_energy_ev,
    band_name,
    curve_style,
    energy_window_ev,
)

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


def spectrum_image(
    curves: Sequence[Curve],
    *,
    e0_ev: float,
    axis: Axis = "relative",
    image_format: Literal["png", "svg"] = "png",
    title: str | None = None,
    size_in: tuple[float, float] = (5.2, 3.5),
    dpi: int = 300,
    spectrum: str = "xanes",
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
    spectrum : {"xanes", "xes"}
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
        figure.axes[0].set_ylabel(INTENSITY_LABELS[spectrum])
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
            label = band_name(curve) if curve.kind == "network" and curve.rank == 0 else None
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

"""A motion as an animated picture, for slides: structure on the left, spectrum on the right."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from xanes_core.plots.images import plain_text
from xanes_core.plots.style import ABSORBER, GREY, INK, NETWORK, THEORY, channels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from PIL.Image import Image

#: Frames of a picture; of more steps every second, third and so on is shown.
MOST_FRAMES = 26
_SIZE_IN, _DPI = (8.0, 3.4), 100
_STEP_MS, _NAMED_STEP_MS = 90, 900
_BOND, _RIM = "#8A8F98", "#555B66"
#: Of the verdicts, the best first.
_VERDICTS = ("#00835F", "#9A6700", "#B3372B")
#: Colours that share the 256 of a picture.
_MOST_COLOURS = 24
#: Height of the structure's part in points.
_AXES_PT = 0.82 * _SIZE_IN[1] * 72.0


def motion_gif(data: Mapping[str, Any]) -> bytes:
    """Animated GIF of a motion, there and back, on white.

    Parameters
    ----------
    data : mapping
        From :func:`xanes_core.plots.motion_data`.
    """
    count = len(data["values"])
    stride = -(-count // MOST_FRAMES)
    # from the first step on in equal strides; the structure as it came is among them
    steps = [s for s in range(count) if (s - data["first"]) % stride == 0]
    picture = _Picture(data)
    frames = [picture.at(step) for step in steps]
    palette = _palette(data)
    drawn = [_reduced(frame, palette) for frame in frames]
    there_and_back = drawn + ([] if data["ticks"] else drawn[-2:0:-1])
    buffer = io.BytesIO()
    there_and_back[0].save(
        buffer, format="GIF", save_all=True, append_images=there_and_back[1:], loop=0,
        duration=_NAMED_STEP_MS if data["ticks"] else _STEP_MS,
    )  # fmt: skip
    return buffer.getvalue()


def _palette(data: Mapping[str, Any]) -> Image:
    """Colours of the picture with their blends into white; counting would lose rare ones."""
    from PIL import Image as images

    named = [INK["light"], NETWORK, THEORY, GREY, ABSORBER, _BOND, _RIM, *_VERDICTS]
    named += sorted({atom["colour"] for atom in data["atoms"]})[: _MOST_COLOURS - len(named)]
    shares = np.linspace(0.0, 0.93, 255 // len(named))[:, None]
    blends = [255 * shares + (1 - shares) * np.array(channels(colour)) for colour in named]
    colours = np.vstack([[255, 255, 255], *blends])[:256].round().astype(np.uint8)
    holder = images.new("P", (1, 1))
    holder.putpalette(colours.tobytes())
    return holder


def _reduced(frame: Image, palette: Image) -> Image:
    """A frame in the colours of the palette, its paper white; the search may miss it."""
    from PIL import Image as images

    reduced = frame.quantize(palette=palette, dither=images.Dither.NONE)
    paper = (np.asarray(frame) == 255).all(axis=-1)
    indices = np.where(paper, 0, np.asarray(reduced)).astype(np.uint8)
    white = images.fromarray(indices, mode="P")
    white.putpalette(palette.getpalette() or [])
    return white


class _Picture:
    """The figure, whose lines and points are moved from step to step."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        # objects of its own instead of pyplot, whose state all readers would share
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.collections import LineCollection
        from matplotlib.figure import Figure

        self._data = data
        self._xyz = np.array(data["positions"]).reshape(len(data["values"]), -1, 3)
        figure = Figure(figsize=_SIZE_IN, dpi=_DPI)
        self._canvas = FigureCanvasAgg(figure)
        left: Axes = figure.add_axes((0.01, 0.02, 0.38, 0.82))
        right: Axes = figure.add_axes((0.48, 0.16, 0.5, 0.68))
        figure.text(0.02, 0.92, plain_text(str(data["label"])), color=INK["light"], fontsize=11)
        self._value = figure.text(0.48, 0.92, "", color=INK["light"], fontsize=11, weight="bold")
        self._verdict = figure.text(0.98, 0.92, "", fontsize=9, ha="right")
        self._bonds = LineCollection([], colors=_BOND, linewidths=2.0, zorder=1)
        left.add_collection(self._bonds)
        self._atoms = left.scatter([], [], edgecolors=_RIM, linewidths=0.5, zorder=2)
        reach = 1.08 * float(np.abs(self._xyz[..., :2]).max(initial=1.0))
        wide = reach * 0.38 * _SIZE_IN[0] / (0.82 * _SIZE_IN[1])
        left.set(xlim=(-wide, wide), ylim=(-reach, reach))
        left.axis("off")
        self._scale = _AXES_PT / reach
        self._energy = np.array(data["energy"])
        self._curves, self._lower, self._upper = (
            np.array(data[name]) for name in ("curves", "lower", "upper")
        )
        self._right = right
        right.set(
            xlim=(self._energy[0], self._energy[-1]),
            ylim=(min(0.0, self._curves.min()), 1.04 * self._upper.max()),
            xlabel="E \u2212 E\u2080 (eV)", ylabel="\u03bc(E) / edge step",
        )  # fmt: skip
        for side in ("top", "right"):
            right.spines[side].set_visible(False)
        right.plot(self._energy, self._curves[data["first"]], color=GREY, lw=1.2, ls="--")
        (self._line,) = right.plot([], [], color=data["colours"]["network"], lw=2)
        (self._theory,) = right.plot([], [], color=THEORY, lw=1.8)
        self._band = right.fill_between(self._energy, self._lower[0], self._upper[0], lw=0)

    def at(self, step: int) -> Image:
        """One step as a picture."""
        from PIL import Image as images

        data, xyz = self._data, self._xyz[step]
        order = np.argsort(xyz[:, 2])  # the nearest last
        radius = np.array([atom["radius_ang"] for atom in data["atoms"]])
        colours = [ABSORBER if i == data["absorber"] else data["atoms"][i]["colour"] for i in order]
        self._atoms.set_offsets(xyz[order, :2])
        self._atoms.set_sizes((self._scale * radius[order]) ** 2)
        self._atoms.set_facecolor(colours)
        self._bonds.set_segments([xyz[list(bond), :2] for bond in data["bonds"]])
        verdict = data["verdicts"][step]
        known = verdict["rank"] < 2
        self._line.set_data(self._energy, self._curves[step])
        self._line.set_linestyle("-" if known else "--")
        self._band.remove()
        self._band = self._right.fill_between(
            self._energy, self._lower[step], self._upper[step], lw=0, alpha=0.22,
            color=data["colours"]["network"] if known else GREY,
        )  # fmt: skip
        checked = data["theory"]["steps"]
        curve = data["theory"]["curves"][checked.index(step)] if step in checked else []
        self._theory.set_data(self._energy if step in checked else [], curve)
        self._value.set_text(_value_text(data, step))
        self._verdict.set_text(verdict["label"])
        self._verdict.set_color(_VERDICTS[verdict["rank"]])
        self._canvas.draw()  # type: ignore[no-untyped-call]
        pixels = self._canvas.buffer_rgba()  # type: ignore[no-untyped-call]
        return images.fromarray(np.asarray(pixels)).convert("RGB")


def _value_text(data: Mapping[str, Any], step: int) -> str:
    if data["ticks"]:
        return str(data["ticks"][step])
    digits, space = (2, " ") if data["unit"] == "\u00c5" else (0, "")
    text = f"{data['values'][step]:+.{digits}f}{space}{data['unit']}"
    if data["amounts"] is None:
        return text
    return f"{text}   {data['amount_name']} {data['amounts'][step]:.{digits}f}{space}{data['unit']}"

"""The parts of the Predict page: spectrum, verdict, downloads, frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from pages.parts.shared import inputs
from pages.parts.shared.charts import show_figure
from pages.parts.shared.downloads import Content, download_row
from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.overlay import OwnSpectrum
from pages.parts.shared.page import look, plain
from xanes_core.files import safe_name
from xanes_core.model import Comparison, Overlaid, Prediction, to_csv, to_json, to_xdi
from xanes_core.plots import (
    LIGHT,
    Curve,
    EnergyAxis,
    Look,
    figure_image,
    prediction_curve,
    spectrum_figure,
    with_residual,
)
from xanes_core.spectra import XANES, XES, SpectrumKind

FIGURE_HEIGHT_PX = 390
#: Two figures, one above the other.
SMALL_FIGURE_HEIGHT_PX = 290
#: What the panel with the residual adds.
RESIDUAL_HEIGHT_PX = 90
#: Width and height of the picture to take home.
PRINT_SIZE_IN = (5.2, 3.5)
#: Names of the figures for style sheets and tests.
_FIGURE_KEYS = {XANES: "spectrum", XES: "emission"}
_VERDICTS: dict[str, tuple[str, Literal["green", "orange", "red", "gray"]]] = {
    "in domain": ("Within the training data", "green"),
    "at the edge": ("Near the limit of the training data", "orange"),
    "outside": ("Outside the training data", "red"),
}


def heading(entry: StructureEntry, *, named: bool) -> None:
    """What is in view (unless a list names it), and why it is worth a look."""
    if named:
        st.markdown(f"## {plain(entry.label)}")
    if entry.note:
        st.caption(plain(entry.note))


@dataclass(frozen=True, eq=False)
class Figure:
    """A spectrum figure: what it shows on screen and in the picture to take home."""

    curves: list[Curve]
    kind: SpectrumKind
    axis: EnergyAxis
    comparison: Comparison | None = None

    @classmethod
    def of_one(cls, prediction: Prediction, own: OwnSpectrum | None, axis: EnergyAxis) -> Figure:
        """The prediction, with the reader's spectrum where it is of the same kind."""
        curves = [prediction_curve(prediction, f"Network, {prediction.element}")]
        if own is not None and own.kind == prediction.kind:
            curves.append(own.curve)
        return cls(curves, prediction.kind, axis)

    def draw(self, look: Look = LIGHT) -> go.Figure:
        """The figure, with what is left of the reader's spectrum below."""
        figure = spectrum_figure(self.curves, self.axis, kind=self.kind, look=look)
        if self.comparison is None:
            return figure
        return with_residual(figure, self.comparison, self.axis, look)


def spectrum_panel(figure: Figure, *, one_of_two: bool) -> None:
    """The spectra, with the prediction in front."""
    height_px = SMALL_FIGURE_HEIGHT_PX if one_of_two else FIGURE_HEIGHT_PX
    if figure.comparison is not None:
        height_px += RESIDUAL_HEIGHT_PX
    show_figure(figure.draw(look(height_px)), key=_FIGURE_KEYS[figure.kind], without=["select2d"])


def verdict_panel(predictions: Sequence[Prediction]) -> None:
    """How far to trust the predictions, in words; two boxes where the verdicts differ."""
    said = [(p.domain.level, p.domain.reasons) for p in predictions]
    groups = [predictions] if said[:-1] == said[1:] else [[p] for p in predictions]
    for i, group in enumerate(groups):
        domain = group[0].domain
        label, colour = _VERDICTS.get(domain.level, (domain.level, "gray"))
        if len(groups) > 1:
            label = f"{group[0].kind.title}: {label[:1].lower()}{label[1:]}"
        with st.container(border=True, gap="xsmall", key=f"verdict_{i}" if i else "verdict"):
            st.badge(label, color=colour)
            st.markdown("\n".join(f"- {plain(r[:1].upper() + r[1:])}" for r in domain.reasons))
            st.caption(_band_text(group))


def _band_text(predictions: Sequence[Prediction]) -> str:
    """What the bands promise and how wide they are."""
    first = predictions[0]
    widths = []
    for p in predictions:
        width = f"{np.mean(p.upper - p.lower):.{p.kind.digits}f}"
        named = f" ({p.kind.title})" if len(predictions) > 1 else ""
        widths.append(f"{width} {p.kind.unit}{named}")
    return (
        f"The band is meant to hold the true spectrum at {100 * first.level:.0f} % of the "
        f"energies; here it is {' and '.join(widths)} wide on average."
    )


def downloads(prediction: Prediction, figure: Figure, name: str, overlaid: Overlaid | None) -> None:
    """Buttons for data and figure, with the reader's spectrum where one lies over it."""
    ending = "" if prediction.kind == XANES else f"_{prediction.kind.key}"

    def image(image_format: Literal["png", "svg"]) -> bytes:
        return figure_image(figure.draw(), image_format, size_in=PRINT_SIZE_IN)

    contents: dict[str, Content] = {
        "csv": lambda: to_csv(prediction, overlaid),
        "json": lambda: to_json(prediction, overlaid),
        "xdi": lambda: to_xdi(prediction),
        "png": lambda: image("png"),
        "svg": lambda: image("svg"),
    }
    treated = "_as_measured" if prediction.energy_scale else ""
    base = f"{safe_name(name)}_{prediction.element}_K{ending}{treated}"
    download_row(contents, base, key=f"download{ending}")


def frame_slider(entry: StructureEntry) -> int:
    """Frame in view, from 0; a slider only where there are several."""
    frame = inputs.frame_in_view(entry)
    if len(entry.frames) == 1:
        return frame
    key = f"frame_{entry.key}"
    st.session_state[key] = frame + 1
    st.slider(
        "Frame", 1, len(entry.frames), key=key,
        on_change=lambda: inputs.show_frame(entry, st.session_state[key] - 1),
    )  # fmt: skip
    return frame

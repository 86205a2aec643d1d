"""The parts of the Predict page: spectrum, verdict, downloads, frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import streamlit as st

from pages.parts.shared import inputs
from pages.parts.shared.charts import show_figure
from pages.parts.shared.downloads import Content, download_row
from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.page import look, plain
from xanes_core.files import safe_name
from xanes_core.model import Prediction, to_csv, to_json, to_xdi
from xanes_core.plots import Curve, EnergyAxis, figure_image, spectrum_figure
from xanes_core.spectra import XANES, XES

FIGURE_HEIGHT_PX = 390
#: Two figures, one above the other.
SMALL_FIGURE_HEIGHT_PX = 290
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


def spectrum_panel(
    curves: list[Curve], prediction: Prediction, axis: EnergyAxis, *, one_of_two: bool
) -> None:
    """The spectra, with the prediction in front."""
    height_px = SMALL_FIGURE_HEIGHT_PX if one_of_two else FIGURE_HEIGHT_PX
    figure = spectrum_figure(curves, axis, kind=prediction.kind, look=look(height_px))
    show_figure(figure, key=_FIGURE_KEYS[prediction.kind], without=["select2d"])


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


def downloads(prediction: Prediction, curves: list[Curve], axis: EnergyAxis, name: str) -> None:
    """Buttons for data and figure."""
    ending = "" if prediction.kind == XANES else f"_{prediction.kind.key}"

    def image(image_format: Literal["png", "svg"]) -> bytes:
        figure = spectrum_figure(curves, axis, kind=prediction.kind)
        return figure_image(figure, image_format, size_in=PRINT_SIZE_IN)

    contents: dict[str, Content] = {
        "csv": lambda: to_csv(prediction),
        "json": lambda: to_json(prediction),
        "xdi": lambda: to_xdi(prediction),
        "png": lambda: image("png"),
        "svg": lambda: image("svg"),
    }
    base = f"{safe_name(name)}_{prediction.element}_K{ending}"
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


def even_frames(n_frames: int, shown: int, at_most: int = 8) -> list[int]:
    """Up to `at_most` frames spread over all, the shown one left out."""
    spread = np.unique(np.linspace(0, n_frames - 1, min(n_frames, at_most)).round().astype(int))
    return [int(i) for i in spread if i != shown]

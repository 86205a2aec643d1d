"""A file with many frames: its spectra by frame, as mean and spread, stacked, as a map, moving."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from pages.parts.predict.batch import Batch, running, values_of
from pages.parts.shared import inputs
from pages.parts.shared.charts import chart
from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.page import linked_choice
from xanes_core.model import Prediction
from xanes_core.plots import (
    EnergyAxis,
    Look,
    Trajectory,
    feature_figure,
    frames_figure,
    heat_figure,
    mean_figure,
    play_figure,
    waterfall_figure,
)
from xanes_core.spectra import SpectrumKind

ONE = "one"
VIEWS = {
    ONE: "One frame",
    "all": "All",
    "mean": "Mean",
    "stack": "Stack",
    "map": "Map",
    "play": "Play",
    "numbers": "Numbers",
}
_FIGURES: dict[str, Callable[..., go.Figure]] = {
    "all": frames_figure,
    "mean": mean_figure,
    "stack": waterfall_figure,
    "map": heat_figure,
    "play": play_figure,
}
_MEANING = {
    "all": "A colour for each frame; the one in view is blue.",
    "mean": "The hatched band is the spread over the frames, not the uncertainty of the model.",
    "stack": "The first frame is lowest; the one in view is drawn thicker.",
    "map": "The white line marks the frame in view.",
    "play": "It runs in your browser. Where it stops, structure and numbers follow.",
    "numbers": "Read off the spectrum of each frame; the dotted line marks the one in view.",
}


def choose_view(entry: StructureEntry) -> str:
    """How to look at the frames of an entry; one frame where there is no other."""
    if len(entry.frames) < 2:
        return ONE
    return linked_choice("frames", VIEWS, label="Frames", what="the view of frames")


def show_frames(
    entry: StructureEntry, frame: int, batch: Batch, axis: EnergyAxis, *, view: str
) -> list[SpectrumKind]:
    """The chosen view of every kind of spectrum; returns the kinds that it could show."""
    shown = []
    for kind in dict.fromkeys(row.kind for row in batch.rows if row.kind is not None):
        found = batch.predictions(entry, kind)
        own = _of_one_metal(found, frame)
        if len(own) < 2:
            continue
        shown.append(kind)
        _show(entry, frame, own, kind, axis, view=view)
    if not shown:
        st.caption("The frames are being predicted." if running() else "No frame is predicted yet.")
    return shown


Found = Mapping[int, tuple[Prediction, Mapping[str, object]]]


def _of_one_metal(found: Found, frame: int) -> Found:
    """Frames whose absorber is the element of the frame in view: one axis for all of them."""
    first = found.get(frame) or next(iter(found.values()), None)
    if first is None:
        return {}
    return {n: pair for n, pair in found.items() if pair[0].element == first[0].element}


def _show(
    entry: StructureEntry,
    frame: int,
    found: Found,
    kind: SpectrumKind,
    axis: EnergyAxis,
    *,
    view: str,
) -> None:
    numbers = np.array(sorted(found)) + 1
    predictions = [found[n - 1][0] for n in numbers]
    key = f"frames_{view}_{kind.key}"
    name = f"{entry.name}_{VIEWS[view]}"
    if view == "numbers":
        values = values_of([found[n - 1][1] for n in numbers], kind, axis)
        if not values:
            st.caption("The numbers are being read off the spectra.")
            return
        chart(partial(_numbers, numbers, values, frame + 1), key=key, name=name)
    else:
        made = Trajectory(
            predictions[0].energy_rel_ev, np.array([p.mu for p in predictions]), numbers, kind
        )
        draw = _FIGURES[view]
        chart(lambda look: draw(made, axis, shown=frame + 1, look=look), key=key, name=name)
    if view == "play":
        _follow(entry, key)
    drawn = f" {len(numbers):,} of {len(entry.frames):,} frames are predicted."
    st.caption(_MEANING[view] + (drawn if len(numbers) < len(entry.frames) else ""))


def _numbers(
    numbers: np.ndarray, values: dict[str, np.ndarray], shown: int, look: Look
) -> go.Figure:
    return feature_figure(numbers, values, shown=shown, look=look)


@st.cache_resource(max_entries=1, show_spinner=False)
def _listener() -> Callable[..., Any]:
    script = (Path(__file__).parent / "frames.js").read_text(encoding="utf-8")
    return st.components.v2.component("frame_listener", html="<span hidden></span>", js=script)


def _follow(entry: StructureEntry, key: str) -> None:
    """Bring the frame into view at which an animation stopped."""
    listener = f"{key}_listener"
    _listener()(
        key=listener,
        data={"chart": key},
        on_frame_change=partial(_take_frame, entry, listener),
    )


def _take_frame(entry: StructureEntry, listener: str) -> None:
    told = st.session_state[listener].frame
    if told is not None and 1 <= int(told) <= len(entry.frames):
        inputs.show_frame(entry, int(told) - 1)

"""Choosing energy windows: rows of bounds, presets, and the drag on the map."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.parts.shared import view
from pages.parts.shared.page import notice
from xanes_core.importance import PRESETS, EnergyWindow, format_windows, named_window, parse_windows


def windows(default: int) -> list[EnergyWindow]:
    """At least `default` windows: those of the link, else presets."""
    text = view.value("windows")
    if text != st.session_state.get("windows_shown", ""):
        st.session_state["windows_shown"] = text
        _count_version()
    chosen = parse_windows(text) if text else list(PRESETS[1:3])
    while len(chosen) < default:
        chosen.append(next(w for w in PRESETS if w not in chosen))
    return chosen


def set_windows(chosen: list[EnergyWindow]) -> None:
    """Take new windows."""
    view.put("windows", format_windows(chosen) if chosen != list(PRESETS[1:3]) else None)
    _count_version()  # what was typed or dragged goes, even where the windows stay


def _count_version() -> None:
    """Widgets that show the old windows start anew."""
    st.session_state["windows_version"] = st.session_state.get("windows_version", 0) + 1


def set_window(number: int, window: EnergyWindow) -> None:
    """Replace one window."""
    chosen = windows(number + 1)
    chosen[number] = window
    set_windows(chosen)


def window_row(number: int, window: EnergyWindow) -> None:
    """Preset and bounds of one window."""
    version = st.session_state.get("windows_version", 0)
    keys = {name: f"window_{version}_{number}_{name}" for name in ("preset", "low", "high")}
    names = [w.name for w in PRESETS]
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.selectbox(
            f"Window {number + 1}", names, key=keys["preset"], width=135,
            index=names.index(window.name) if window.name in names else None,
            placeholder="own range", on_change=_take_preset, args=(number, keys["preset"]),
        )  # fmt: skip
        for name, value in (("low", window.low_ev), ("high", window.high_ev)):
            st.number_input(
                "from (eV)" if name == "low" else "to (eV)", value=value, step=1.0, format="%g",
                min_value=-100.0, max_value=1000.0, key=keys[name], width=90,
                on_change=_take_bounds, args=(number, keys["low"], keys["high"]),
            )  # fmt: skip


def _take_preset(number: int, key: str) -> None:
    preset = next((w for w in PRESETS if w.name == st.session_state[key]), None)
    if preset is not None:
        set_window(number, preset)


def _take_bounds(number: int, low_key: str, high_key: str) -> None:
    low, high = st.session_state[low_key], st.session_state[high_key]
    if low is None or high is None or low >= high:
        notice("A window needs a lower and a higher energy: the former range was kept.")
        set_windows(windows(1))
        return
    set_window(number, named_window(low, high))


def take_drag(chart_key: str, number: int, energy_rel_ev: np.ndarray) -> None:
    """Turn what was dragged on a chart into the window `number`, to half an eV."""
    boxes = (st.session_state.get(chart_key) or {}).get("selection", {}).get("box") or []
    if not boxes:
        return
    low, high = sorted(round(2 * float(x)) / 2 for x in boxes[0]["x"][:2])
    low, high = max(low, float(energy_rel_ev[0])), min(high, float(energy_rel_ev[-1]))
    if high - low >= 1.0:
        set_window(number, named_window(low, high))

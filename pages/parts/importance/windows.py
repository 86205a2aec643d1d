"""Choosing energy windows: rows of bounds, presets, and the drag on the map."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.parts.shared.page import notice, to_link
from xanes_core.errors import XanesError
from xanes_core.importance import PRESETS, EnergyWindow, format_windows, named_window, parse_windows

_WINDOWS = "windows_chosen"


def windows(default: int) -> list[EnergyWindow]:
    """Windows of this session (two presets at first), the link's where it brings new ones."""
    text = st.query_params.get("windows")
    if text is not None and text != st.session_state.get("_link_windows"):
        st.session_state["_link_windows"] = text
        try:
            set_windows(parse_windows(text))
        except XanesError as error:
            notice(f"The link's windows were left out: {error}.")
            del st.query_params["windows"]
    if _WINDOWS not in st.session_state:
        set_windows(list(PRESETS[1:3]))
    chosen = list(st.session_state[_WINDOWS])
    while len(chosen) < default:
        chosen.append(next(w for w in PRESETS if w not in chosen))
        st.session_state[_WINDOWS] = chosen
    return chosen


def windows_to_link(chosen: list[EnergyWindow]) -> None:
    """Write the windows into the address."""
    to_link("windows", format_windows(chosen))


def set_windows(chosen: list[EnergyWindow]) -> None:
    """Take new windows; widgets that show the old ones start anew."""
    st.session_state[_WINDOWS] = list(chosen)
    st.session_state["windows_version"] = st.session_state.get("windows_version", 0) + 1


def set_window(number: int, window: EnergyWindow) -> None:
    """Replace one window."""
    chosen = list(st.session_state[_WINDOWS])
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
        set_windows(st.session_state[_WINDOWS])
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

"""Choosing energy windows: rows of bounds, presets of the spectrum in view, and drags on charts."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.parts.importance.data import spectra_of
from pages.parts.shared import view
from pages.parts.shared.page import notice, plain
from pages.parts.shared.subject import Subject
from xanes_core.errors import XanesError
from xanes_core.importance import (
    EnergyWindow,
    WindowPresets,
    find_presets,
    format_windows,
    parse_windows,
)

#: Windows shown last, for callbacks: a name follows the spectrum in view, bounds stay.
_CHOSEN = "windows_chosen"
_FIRST = ("rising edge", "white line")
#: Shown of a model that has no spectrum to find windows on.
_WITHOUT_SPECTRUM = (EnergyWindow("", 4.0, 14.0), EnergyWindow("", 14.0, 26.0))


def presets_of(subject: Subject) -> WindowPresets:
    """Windows of the structure's spectrum, or of the mean training spectrum without a structure."""
    spectra = list(spectra_of(subject).values())
    if not spectra:
        return WindowPresets()
    try:
        return find_presets(subject.energy_rel_ev, spectra[-1])
    except XanesError:
        return WindowPresets()


def windows(count: int, presets: WindowPresets) -> list[EnergyWindow]:
    """Windows in view, at least `count`: those of the link, else the first presets."""
    text = view.value("windows")
    if text != st.session_state.get("windows_shown", ""):
        st.session_state["windows_shown"] = text
        _count_version()
    chosen = parse_windows(text) if text else list(_FIRST)
    st.session_state[_CHOSEN] = chosen
    shown: list[EnergyWindow] = []
    for choice in chosen:
        if not isinstance(choice, str):
            shown.append(presets.named(choice))
            continue
        window = presets.find(choice)
        if window is None and presets.windows:
            why = presets.missing.get(choice, f"this spectrum has no {choice}")
            window = next_window(shown, presets)
            if st.session_state.get("_window_missing") != (choice, presets.windows):
                st.session_state["_window_missing"] = (choice, presets.windows)
                notice(f"{why[:1].upper()}{why[1:]}: {window.label} is shown instead.")
        shown.append(window or next_window(shown, presets))
    while len(shown) < count:
        shown.append(next_window(shown, presets))
        chosen.append(shown[-1].name or shown[-1])
    return shown


def next_window(shown: list[EnergyWindow], presets: WindowPresets) -> EnergyWindow:
    """A window that is not shown yet, the edge and the white line first."""
    offered = sorted(presets.windows, key=lambda w: w.name not in _FIRST)
    return next((w for w in (*offered, *_WITHOUT_SPECTRUM) if w not in shown), _WITHOUT_SPECTRUM[0])


def set_windows(chosen: list[EnergyWindow | str]) -> None:
    """Take new windows."""
    view.put("windows", format_windows(chosen) if chosen != list(_FIRST) else None)
    _count_version()  # what was typed or dragged goes, even where the windows stay


def _count_version() -> None:
    """Widgets and charts that show the old windows start anew."""
    st.session_state["windows_version"] = st.session_state.get("windows_version", 0) + 1


def add_window(window: EnergyWindow) -> None:
    """Take one more window."""
    set_windows([*st.session_state[_CHOSEN], window.name or window])


def drop_window() -> None:
    """Leave out the last window."""
    set_windows(st.session_state[_CHOSEN][:-1])


def set_window(number: int, window: EnergyWindow | str) -> None:
    """Replace one window."""
    chosen = list(st.session_state[_CHOSEN])
    chosen[number] = window
    set_windows(chosen)


def window_row(number: int, window: EnergyWindow, presets: WindowPresets) -> None:
    """Preset and bounds of one window."""
    # by version and content: a widget must never show the bounds of a window before
    stem = f"window_{st.session_state.get('windows_version', 0)}_{number}_{window.label}"
    keys = {name: f"{stem}_{name}" for name in ("preset", "low", "high")}
    names = [w.name for w in presets.windows]
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.selectbox(
            f"Window {number + 1}", names, key=keys["preset"], width=140,
            index=names.index(window.name) if window.name in names else None,
            placeholder="own range", on_change=_take_preset, args=(number, keys["preset"]),
        )  # fmt: skip
        for name, value in (("low", window.low_ev), ("high", window.high_ev)):
            st.number_input(
                "from (eV)" if name == "low" else "to (eV)", value=value, step=1.0, format="%g",
                min_value=-100.0, max_value=1000.0, key=keys[name], width=76,
                on_change=_take_bounds, args=(number, keys["low"], keys["high"]),
            )  # fmt: skip


def missing_presets(presets: WindowPresets) -> None:
    """Say which windows this spectrum does not have."""
    if presets.missing:
        told = "; ".join(f"no {name}: {why}" for name, why in presets.missing.items())
        st.caption(plain(f"{told[:1].upper()}{told[1:]}."))


def _take_preset(number: int, key: str) -> None:
    if st.session_state[key] is not None:
        set_window(number, st.session_state[key])


def _take_bounds(number: int, low_key: str, high_key: str) -> None:
    low, high = st.session_state[low_key], st.session_state[high_key]
    if low is None or high is None or low >= high:
        notice("A window needs a lower and a higher energy: the former range was kept.")
        set_windows(st.session_state[_CHOSEN])
        return
    set_window(number, EnergyWindow("", low, high))


def take_drag(chart_key: str, number: int, energy_rel_ev: np.ndarray) -> None:
    """Turn what was dragged on a chart into the window `number`, to half an eV."""
    boxes = (st.session_state.get(chart_key) or {}).get("selection", {}).get("box") or []
    if not boxes:
        return
    low, high = sorted(round(2 * float(x)) / 2 for x in boxes[0]["x"][:2])
    low, high = max(low, float(energy_rel_ev[0])), min(high, float(energy_rel_ev[-1]))
    if high - low >= 1.0:
        set_window(number, EnergyWindow("", low, high))

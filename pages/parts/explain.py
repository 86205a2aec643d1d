"""What the two pages on importance share: their subject, windows, charts with downloads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from ase import Atoms

from pages.parts import inputs
from pages.parts.choices import choose_absorber, choose_entry, choose_model
from pages.parts.common import cached_model, default_model, is_dark, model_cards, notice, plain
from pages.parts.predictions import (
    Request,
    absorber_options,
    element_of,
    predict,
    structure_key,
)
from xanes_core.errors import ModelError, XanesError
from xanes_core.export import safe_name
from xanes_core.importance_images import figure_csv, figure_image
from xanes_core.importance_plots import Neighbour
from xanes_core.importance_result import WindowImportance
from xanes_core.importance_stored import find_importance
from xanes_core.local_effects import LocalEffects, local_effects
from xanes_core.model import Prediction, SpectrumModel
from xanes_core.structures import environment, select_sites
from xanes_core.windows import (
    PRESETS,
    EnergyWindow,
    format_windows,
    named_window,
    parse_windows,
    shares,
)

#: Shown until the reader chooses a structure.
FIRST_ELEMENT = "Fe"
ABSOLUTE_UNIT = "Penalty (0.001 edge steps\u00b2)"
SHARE_UNIT = "Share (%)"
_WINDOWS = "windows_chosen"
_CHART = {"displaylogo": False, "modeBarButtonsToRemove": ["toImage", "lasso2d"]}


@dataclass(frozen=True)
class Subject:
    """What is explained: a model around one element, and a structure where there is one."""

    element: str
    model: SpectrumModel
    atoms: Atoms | None = None
    site: int = 0
    label: str = ""
    prediction: Prediction | None = None

    @property
    def energy_rel_ev(self) -> np.ndarray:
        """Grid of the model (eV)."""
        return self.model.energy_rel_ev

    @property
    def centres_ang(self) -> np.ndarray:
        """Centres mu of the bars (A)."""
        return np.asarray(self.model.convention.g2_mu_ang, dtype=float)


def choose_subject() -> Subject | None:
    """The structure in view with absorber and model, in one line; the first element without one."""
    found = inputs.entries()
    entry = inputs.active_entry(found) if found else None
    if entry is None:
        inputs.active_entry([])
        key = choose_model(FIRST_ELEMENT)
        return None if key is None else Subject(FIRST_ELEMENT, cached_model(key))
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="subject"):
        if len(found) > 1:
            entry = choose_entry(found)
        else:
            st.markdown(f"**{plain(entry.label)}**")
        frame = int(st.session_state.get(f"frame_{entry.key}", 1)) - 1
        atoms = entry.frames[min(frame, len(entry.frames) - 1)]
        options = absorber_options(atoms)
        if not options:
            st.warning("This frame holds no metal that the models know: choose another structure.")
            return None
        absorber = choose_absorber(entry, options)
    element = element_of(atoms, absorber)
    key = choose_model(element)
    if key is None:
        st.warning(f"No shipped model covers {element} yet: choose another absorber.")
        return None
    site = select_sites(atoms, absorber)[0].index
    prediction = predict(atoms, Request(site, element, key))
    return Subject(element, cached_model(key), atoms, site, entry.label, prediction)


def window_of(
    model: SpectrumModel, element: str, grouping: str, window: EnergyWindow, *, share: bool
) -> WindowImportance:
    """Stored importance in a window, in per cent of its sum or in 0.001 edge steps squared."""
    found = find_importance(model.importance, model.key, element, grouping)
    averaged = found.window(window.low_ev, window.high_ev)
    if share:
        return shares(averaged)
    return replace(averaged, raw=1e3 * averaged.raw, parts=1e3 * averaged.parts)


def histogram_of(
    model: SpectrumModel, element: str
) -> tuple[tuple[np.ndarray, Mapping[str, np.ndarray]] | None, str]:
    """Distances around `element` in the training structures, and a sentence on whose they are."""
    keys = [model.key] + [card["key"] for card in model_cards(element)]
    for key in dict.fromkeys(keys):
        distances = cached_model(key).distances
        if distances is None or element not in distances.absorbers:
            continue
        n = int(distances.n_sites[distances.absorbers.index(element)])
        told = f"Histogram: {n} {element} complexes of the training set"
        if key != model.key:
            told += f" of {key}, because the set of {model.key} came without structures"
        return (distances.centres_ang, distances.by_neighbour(element)), f"{told}."
    return None, f"No structures around {element} are stored with the models: no histogram."


def neighbours_of(subject: Subject) -> list[Neighbour]:
    """Atoms of the structure in view within the cut-off, nearest first."""
    if subject.atoms is None:
        return []
    labelled = subject.atoms.copy()
    labelled.numbers = np.arange(len(labelled))  # an environment keeps numbers: let them be indices
    around = environment(labelled, subject.site, subject.model.convention.r_cut_ang)
    symbols = subject.atoms.get_chemical_symbols()
    return [
        Neighbour(int(i), symbols[i], float(r))
        for i, r in zip(around.numbers, around.distances_ang, strict=True)
    ]


@st.cache_resource(max_entries=32, show_spinner="Asking the network about every atom")
def _effects(key: str, site: int, model_key: str, _atoms: Atoms) -> LocalEffects:
    return local_effects(cached_model(model_key), _atoms, site)


def effects_of(subject: Subject) -> LocalEffects:
    """Local effects of the structure in view; raises XanesError where there are none."""
    if subject.atoms is None:
        raise ModelError("choose a structure first")
    return _effects(structure_key(subject.atoms), subject.site, subject.model.key, subject.atoms)


# --- windows -------------------------------------------------------------------------------------


def windows(default: int) -> list[EnergyWindow]:
    """Windows of this session (two presets at first), the link's where it brings new ones."""
    told = st.query_params.get("windows")
    if told is not None and told != st.session_state.get("_link_windows"):
        st.session_state["_link_windows"] = told
        try:
            set_windows(parse_windows(told))
        except XanesError as error:
            notice(f"The link's windows were left out: {error}.")
            del st.query_params["windows"]
    if _WINDOWS not in st.session_state:
        set_windows(list(PRESETS[1:3]))
    found = list(st.session_state[_WINDOWS])
    while len(found) < default:
        found.append(next(w for w in PRESETS if w not in found))
        st.session_state[_WINDOWS] = found
    return found


def windows_to_link(chosen: list[EnergyWindow]) -> None:
    """Write the windows into the address."""
    text = format_windows(chosen)
    st.session_state["_link_windows"] = text
    if st.query_params.get("windows") != text:
        st.query_params["windows"] = text


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
    name = st.session_state[key]
    found = [w for w in PRESETS if w.name == name]
    if found:
        set_window(number, found[0])


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


# --- charts --------------------------------------------------------------------------------------


def chart(
    make: Callable[[bool], go.Figure],
    *,
    key: str,
    name: str,
    on_drag: Callable[[str], None] | None = None,
) -> None:
    """Show a figure with its downloads; `make` is given whether the page is dark.

    With `on_drag` a horizontal drag selects; it is called with the chart's key.
    """
    options = {}
    version = st.session_state.get("windows_version", 0) if on_drag else 0
    chart_key = f"{key}_{version}"
    if on_drag:
        options = {
            "selection_mode": "box",
            "on_select": lambda: on_drag(chart_key),
        }
    with st.container(key=key, gap="xxsmall"):
        st.plotly_chart(
            make(is_dark()), width="stretch", theme=None, key=chart_key, config=_CHART, **options
        )
        base = safe_name(name)
        offers = [
            ("PNG", "image/png", lambda: figure_image(make(False), "png")),
            ("SVG", "image/svg+xml", lambda: figure_image(make(False), "svg")),
            ("CSV", "text/csv", lambda: figure_csv(make(False))),
        ]
        with st.container(horizontal=True, gap="xsmall", horizontal_alignment="right"):
            for label, mime, data in offers:
                st.download_button(
                    label, data, file_name=f"{base}.{label.lower()}", mime=mime, on_click="ignore",
                    key=f"{key}_{label}", type="tertiary",
                )  # fmt: skip


def spectra_of(subject: Subject) -> dict[str, np.ndarray]:
    """Mean training spectrum, then the prediction for the structure in view."""
    found = {}
    if subject.element in subject.model.mean_mu:
        found[f"mean of {subject.element} training spectra"] = subject.model.mean_mu[
            subject.element
        ]
    if subject.prediction is not None:
        found["this structure"] = subject.prediction.mu
    return found


def other_models(element: str) -> list[str]:
    """Keys of all XANES models that know `element`, its default first."""
    first = default_model(element)
    return sorted((c["key"] for c in model_cards(element, "xanes")), key=lambda key: key != first)

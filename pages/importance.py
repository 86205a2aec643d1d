"""Feature importance: distances under their histogram, the map over energy, and every atom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from pages.parts.importance.data import (
    ABSOLUTE_TOLD,
    ABSOLUTE_UNIT,
    effects_of,
    histogram_of,
    neighbours_of,
    spectra_of,
    window_of,
)
from pages.parts.importance.windows import (
    missing_presets,
    presets_of,
    take_drag,
    window_row,
    windows,
)
from pages.parts.shared import inputs
from pages.parts.shared.charts import chart
from pages.parts.shared.page import page, plain
from pages.parts.shared.subject import StructureSubject, Subject, choose_subject
from pages.parts.shared.viewer3d import show_structure
from xanes_core.errors import XanesError
from xanes_core.importance import EnergyWindow, find_importance, selected
from xanes_core.model import Importance, WindowImportance
from xanes_core.plots import (
    KIND_LABELS,
    AtomEffect,
    BarSeries,
    ImportanceMap,
    atom_name,
    distance_figure,
    effect_figure,
    group_figure,
    map_figure,
    scene,
    signed_colours,
)
from xanes_core.spectra import XANES

CAVEAT = (
    "Each bar scrambles all G\u00b2 of one distance at once; neighbouring distances see the same "
    "atom and answer for it, so a bar is a lower bound. Shell by shell they are scrambled together."
)
EFFECTS = {"removed": "taken out", "moved": "moved out by 0.05 \u00c5"}


def single_g2(subject: Subject, window: EnergyWindow) -> WindowImportance:
    """The unresolved G2, each scrambled by itself."""
    singles = window_of(subject.model, "all", "none", window, share=False)
    names = [f"G2 mu={mu:.2f} A" for mu in subject.centres_ang]
    return selected(singles, [singles.names.index(name) for name in names])


def by_distance(subject: Subject) -> Importance:
    """Stored importance of all G2 of one distance, at every energy."""
    model = subject.model
    return find_importance(model.importance, model.key, subject.element, "distance")


def distances_panel(subject: Subject, window: EnergyWindow) -> None:
    """Histogram over bars."""
    bars = window_of(subject.model, subject.element, "distance", window, share=False)
    histogram, source = histogram_of(subject.model, subject.element)
    near = neighbours_of(subject)
    series = [BarSeries("all G\u00b2 of one distance", bars, ABSOLUTE_UNIT)]
    if st.toggle(
        "Single features", key="single_features", persist_state="session",
        help="The plain G\u00b2 of each distance scrambled alone, over all absorbers of the model.",
    ):  # fmt: skip
        series.append(BarSeries("plain G\u00b2 alone", single_g2(subject, window), ABSOLUTE_UNIT))
    chart(
        lambda look: distance_figure(
            series, subject.centres_ang, histogram=histogram, neighbours=near, look=look
        ),
        key="distances", name=f"importance_{subject.model.key}_{subject.element}_distances",
        height_px=500,
    )  # fmt: skip
    stored = by_distance(subject)
    st.caption(
        f"{source} Bars: {stored.n_samples} spectra that the scoring networks had not seen, "
        f"{plain(window.label)}; error bars are one standard error. {ABSOLUTE_TOLD} {CAVEAT}"
    )


def map_panel(subject: Subject, window: EnergyWindow) -> None:
    """Distance against energy."""
    line = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    line.markdown("## Which distance speaks at which energy")
    scaled = line.toggle(
        "Each energy by itself", key="map_scaled", persist_state="session",
        help="Every energy in per cent of its largest distance, where it matters at all.",
    )  # fmt: skip
    values = XANES.mse_factor * by_distance(subject).mean
    importance = ImportanceMap(values, subject.energy_rel_ev, subject.centres_ang, ABSOLUTE_UNIT)
    if scaled:
        importance = importance.each_energy_by_itself()
    chart(
        lambda look: map_figure(
            importance, spectra_of(subject), window=(window.low_ev, window.high_ev), look=look
        ),
        key="map", name=f"importance_{subject.model.key}_{subject.element}_map",
        height_px=480,
        on_drag=lambda key: take_drag(key, 0, subject.energy_rel_ev),
    )  # fmt: skip
    st.caption("Drag sideways on the spectrum or the map to set the window.")


def groups_panel(subject: Subject, window: EnergyWindow) -> None:
    """Importance of shells and kinds, G4 by lambda and zeta."""
    st.markdown("## Shell by shell")
    model, element = subject.model, subject.element
    for grouping, title in (("shell", "shells"), ("kind", "kinds"), ("angle", "angles")):
        try:
            groups = window_of(model, element, grouping, window, share=False)
        except XanesError:
            continue
        if grouping == "angle":
            series, names = _by_lambda(groups), _zetas(groups.names)
        else:
            rows = [i for i, name in enumerate(groups.names) if name != "absorber"]
            names = [KIND_LABELS.get(groups.names[i], groups.names[i].split(" (")[0]) for i in rows]
            series = [BarSeries(title, selected(groups, rows), ABSOLUTE_UNIT)]
        _group_chart(series, names, key=f"groups_{grouping}", name=f"{model.key}_{element}_{title}")


def _group_chart(series: list[BarSeries], names: list[str], *, key: str, name: str) -> None:
    chart(
        lambda look: group_figure(series, names, look=look),
        key=key, name=f"importance_{name}", height_px=210,
    )  # fmt: skip


def _by_lambda(angles: WindowImportance) -> list[BarSeries]:
    series = []
    for sign in ("+1", "-1"):
        rows = [i for i, name in enumerate(angles.names) if f"lambda={sign}" in name]
        series.append(BarSeries(f"G\u2074, \u03bb = {sign}", selected(angles, rows), ABSOLUTE_UNIT))
    return series


def _zetas(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(f"\u03b6 = {name.split('zeta=')[1]}" for name in names))


def atoms_panel(subject: Subject, window: EnergyWindow) -> None:
    """The structure coloured by what each atom does, and the effect of one atom."""
    if not isinstance(subject, StructureSubject):
        st.info(
            "Choose an example or drop a file in the sidebar: its distances appear in the "
            "histogram and its atoms are coloured by what they do to the spectrum."
        )
        return
    effects = effects_of(subject)
    averaged = effects.window(window.low_ev, window.high_ev)
    start: dict[str, Any] = {} if "effect_kind" in st.session_state else {"default": "removed"}
    done = st.segmented_control(
        "Effect", list(EFFECTS), format_func=lambda name: f"Atom {EFFECTS[name]}",
        key="effect_kind", required=True, persist_state="session", label_visibility="collapsed",
        **start,
    ) or "removed"  # fmt: skip
    values = averaged.removed if done == "removed" else averaged.moved
    atoms = [int(i) for i in effects.atoms]
    if st.session_state.get("effect_atom") not in atoms:
        st.session_state["effect_atom"] = atoms[int(np.argmax(np.abs(values)))]
    limit = float(np.abs(values).max(initial=0.0)) or 1.0
    view = scene(
        subject.atoms, subject.site, colours=signed_colours(effects.by_atom(values), limit)
    )
    show_structure(
        view | {"highlight": [st.session_state["effect_atom"]]},
        structure=f"{subject.label} {subject.site}", height_px=290, key="effects_view",
        pickable=atoms, on_pick=_take_pick,
    )  # fmt: skip
    _legend(limit, window)
    # the names hold no number of the window: a list keeps showing the name that it showed before
    names = {
        i: f"{atom_name(el, i)}, {r:.2f} \u00c5"
        for i, el, r in zip(atoms, effects.elements, effects.distances_ang, strict=True)
    }
    chosen = st.selectbox(
        "Atom, or click it above", atoms, key="effect_atom",
        format_func=lambda i: names.get(i, str(i)), persist_state="session",
    )  # fmt: skip
    members = effects.removed_members if done == "removed" else effects.moved_members
    own = members[:, atoms.index(chosen)]
    name = names[chosen].split(",")[0]
    effect = AtomEffect(
        f"{name} {EFFECTS[done]}", effects.energy_rel_ev, effects.mu,
        own.mean(axis=0), own.std(axis=0, ddof=1),
    )  # fmt: skip
    chart(
        lambda look: effect_figure(effect, window=(window.low_ev, window.high_ev), look=look),
        key="effect", name=f"effect_{subject.atoms[chosen].symbol}{chosen + 1}",
        height_px=330,
    )  # fmt: skip
    change = f"{values[atoms.index(chosen)]:+.3f}".replace("-", "\u2212")
    st.caption(f"{effect.name}, mean over {plain(window.label)}: {change} edge steps.")


def _take_pick(atom: int) -> None:
    st.session_state["effect_atom"] = atom


def _legend(limit: float, window: EnergyWindow) -> None:
    low, middle, high = signed_colours(np.array([-limit, 0.0, limit]), limit)
    st.html(
        f'<div style="display:flex;gap:8px;align-items:center;font-size:13px">'
        f"<span>falls {-limit:.3f}</span>"
        f'<span style="flex:1;height:10px;border-radius:3px;background:linear-gradient(90deg,'
        f'{low},{middle},{high})"></span><span>rises +{limit:.3f}</span></div>'
        f'<div style="font-size:13px;opacity:0.75">mean \u03bc(E) from {window.bounds}: '
        f"what the network makes of the atom, not chemistry</div>"
    )


def main() -> None:
    """Show the page."""
    inputs.sidebar()
    subject = choose_subject()
    if subject is None:
        return
    presets = presets_of(subject)
    window = windows(1, presets)[0]
    left, right = st.columns([7, 5], gap="medium")
    with left:
        window_row(0, window, presets)
        missing_presets(presets)
        distances_panel(subject, window)
        map_panel(subject, window)
    with right:
        atoms_panel(subject, window)
        groups_panel(subject, window)


with page("Feature importance", "What the network looks at"):
    main()

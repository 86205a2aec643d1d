"""Spectral windows: importance of windows, models or elements side by side."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from pages.parts.importance.data import (
    ABSOLUTE_TOLD,
    ABSOLUTE_UNIT,
    SHARE_UNIT,
    bars_of,
    histogram_of,
    neighbours_of,
    other_models,
    spectra_of,
    window_of,
)
from pages.parts.importance.windows import (
    add_window,
    drop_window,
    missing_presets,
    next_window,
    presets_of,
    take_drag,
    window_row,
    windows,
)
from pages.parts.shared import inputs, view
from pages.parts.shared.charts import chart
from pages.parts.shared.downloads import download_button
from pages.parts.shared.library import cached_model
from pages.parts.shared.page import linked_choice, notice, page, plain
from pages.parts.shared.subject import Subject, choose_subject
from xanes_core.importance import (
    MAX_WINDOWS,
    Difference,
    EnergyWindow,
    WindowPresets,
    difference,
    distance_sentence,
    group_centres_ang,
    group_sentence,
    series_csv,
    value_text,
)
from xanes_core.model import SpectrumModel, WindowImportance
from xanes_core.plots import (
    KIND_LABELS,
    BarSeries,
    difference_figure,
    distance_figure,
    windows_figure,
)

COMPARE = {"windows": "Windows", "models": "Models", "elements": "Elements"}


@dataclass(frozen=True)
class Item:
    """One of the things compared."""

    label: str
    short: str
    model: SpectrumModel
    element: str
    window: EnergyWindow


def choose_comparison() -> tuple[str, bool, bool]:
    """What is compared, whether as shares, whether mirrored."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        compared = linked_choice("compare", COMPARE, label="Compare", what="the comparison")
        share = not st.toggle(
            "Absolute", key="windows_absolute", persist_state="session",
            help="Importance as it is instead of shares: large where spectra differ much.",
        )  # fmt: skip
        mirrored = st.toggle("Mirrored bars", key="windows_mirrored", persist_state="session")
    return compared, share, mirrored


def choose_items(compared: str, subject: Subject, chosen: list[EnergyWindow]) -> list[Item]:
    """The things compared, two to four of them (one where there is no second)."""
    model, element = subject.model, subject.element
    if compared == "models":
        return [
            Item(key, key, cached_model(key), element, chosen[0]) for key in other_models(element)
        ]
    if compared == "elements":
        known = list(model.mean_mu) or list(model.elements)
        others = [el for el in known if el != element]
        picked = _choose_elements(element, others)
        return [Item(el, el, model, el, chosen[0]) for el in [element, *picked]]
    return [Item(w.label, _short(w, chosen), model, element, w) for w in chosen]


def _choose_elements(element: str, others: list[str]) -> list[str]:
    """Elements to compare with; the first at first."""
    asked = [el for el in view.value("with").split(",") if el]
    if wrong := [el for el in asked if el not in others]:
        notice(view.missing("the element", ",".join(wrong)))
    known = [el for el in asked if el in others]
    st.session_state["windows_elements"] = known or others[:1]
    view.put("with", ",".join(known))
    return st.multiselect(
        f"Compare {element} with", others, key="windows_elements", max_selections=3,
        on_change=lambda: view.put("with", ",".join(st.session_state["windows_elements"])),
    )  # fmt: skip


def _short(window: EnergyWindow, chosen: list[EnergyWindow]) -> str:
    names = [w.name for w in chosen]
    return window.name if window.name and names.count(window.name) == 1 else window.bounds


def windows_panel(
    subject: Subject,
    compared: str,
    chosen: list[EnergyWindow],
    items: list[Item],
    presets: WindowPresets,
) -> None:
    """Spectrum to drag on, and the bounds as numbers."""
    spectra = spectra_of(subject)
    if compared != "windows":  # the mean spectra of what is compared
        means = {i.label: i.model.mean_mu.get(i.element) for i in items}
        spectra = {label: mu for label, mu in means.items() if mu is not None}
    used = chosen if compared == "windows" else chosen[:1]
    left, right = st.columns([7, 5], gap="medium")
    with right:
        active = 0
        for i, window in enumerate(used):
            window_row(i, window, presets)
        if compared == "windows":
            with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
                active = st.segmented_control(
                    "A drag sets window", range(len(used)), format_func=lambda i: str(i + 1),
                    default=0, key=f"active_window_{len(used)}", required=True,
                )  # fmt: skip
                if len(used) < MAX_WINDOWS:
                    free = next_window(used, presets)
                    st.button("Add", on_click=add_window, args=(free,), key="add_window")
                if len(used) > 2:
                    st.button("Remove last", on_click=drop_window, key="drop_window")
        missing_presets(presets)
    with left:
        chart(
            lambda look: windows_figure(
                subject.energy_rel_ev, spectra, [(w.low_ev, w.high_ev) for w in used], look=look
            ),
            key="windows_spectrum", name=f"windows_{subject.model.key}_{subject.element}",
            height_px=240,
            on_drag=lambda key: take_drag(key, active or 0, subject.energy_rel_ev),
        )  # fmt: skip


def distances_panel(subject: Subject, items: list[Item], share: bool, mirrored: bool) -> None:
    """The bars of all over the histogram."""
    unit = SHARE_UNIT if share else ABSOLUTE_UNIT
    series = [
        BarSeries(i.label, window_of(i.model, i.element, "distance", i.window, share=share), unit)
        for i in items
    ]
    histogram, source = histogram_of(subject.model, subject.element)
    near = neighbours_of(subject)
    name = f"windows_{subject.model.key}_{subject.element}_distances"
    chart(
        lambda look: distance_figure(
            series, subject.centres_ang, histogram=histogram, neighbours=near,
            mirrored=mirrored and len(series) == 2, look=look,
        ),
        key="windows_distances", name=name,
        height_px=480,
    )  # fmt: skip
    st.caption(f"{source} Error bars are one standard error.")
    download_button(
        "All numbers as CSV",
        lambda: series_csv(
            [(s.label, s.window) for s in series],
            group_centres_ang(subject.model.descriptor, "distance"),
        ),
        "windows.csv", key="windows_csv", type="tertiary",
    )  # fmt: skip


def choose_pair(items: list[Item]) -> tuple[Item, Item]:
    """The two whose difference is shown."""
    if len(items) == 2:
        return items[0], items[1]
    pairs = [(a, b) for a in range(len(items)) for b in range(a + 1, len(items))]
    pair = st.selectbox(
        "Difference between", pairs, key=f"windows_pair_{len(items)}",
        format_func=lambda p: f"{items[p[0]].label} and {items[p[1]].label}",
    )  # fmt: skip
    return items[pair[0]], items[pair[1]]


def difference_panel(subject: Subject, pair: tuple[Item, Item], share: bool) -> None:
    """What gains, what loses, and how sure that is."""
    unit = " %" if share else ""
    labels = (pair[0].short, pair[1].short)

    def subtracted(grouping: str) -> tuple[WindowImportance, WindowImportance, Difference]:
        first, second = (
            window_of(i.model, i.element, grouping, i.window, share=share) for i in pair
        )
        return first, second, difference(first, second, paired=_are_paired(pair))

    first, second, gaps = subtracted("distance")
    sentence = distance_sentence(labels, bars_of(subject), first, second, gaps, unit)
    shells = group_sentence(labels, *subtracted("shell"), unit=unit)
    with st.container(border=True, key="windows_sentence"):
        st.markdown(plain(sentence, 600))
        st.markdown(plain(shells, 600))
    chart(
        lambda look: difference_figure(
            gaps, subject.centres_ang, labels=labels,
            unit="Difference (%)" if share else "Difference", look=look,
        ),
        key="windows_difference", name=f"windows_{subject.model.key}_{subject.element}_difference",
        height_px=300,
    )  # fmt: skip
    st.caption(
        f"{plain(labels[1])} minus {plain(labels[0])}. Stars: more than two standard errors; of "
        f"{len(gaps.names)} bars one or two get there by chance."
    )


def _are_paired(pair: tuple[Item, Item]) -> bool:
    """Whether two items come from the same samples."""
    first, second = pair
    return (first.model.key, first.element) == (second.model.key, second.element)


def table_panel(items: list[Item], pair: tuple[Item, Item], share: bool) -> None:
    """Importance shell by shell and kind by kind."""
    rows = []
    for grouping in ("shell", "kind"):
        groups = {
            i.label: window_of(i.model, i.element, grouping, i.window, share=share) for i in items
        }
        first, second = (groups[i.label] for i in pair)
        comparable = first.names == second.names
        gap = difference(first, second, paired=_are_paired(pair)) if comparable else None
        for name in first.names:
            if name == "absorber":
                continue
            row = {
                "Group": KIND_LABELS.get(name, name.replace(" A)", " \u00c5)")).replace("<br>", " ")
            }
            for label, window in groups.items():
                if name in window.names:
                    i = window.names.index(name)
                    row[label] = value_text(window.mean[i], window.sampling_error[i])
            if gap is not None:
                i = gap.names.index(name)
                star = " *" if gap.marked[i] else ""
                row["Difference"] = value_text(gap.value[i], gap.error[i], sign=True) + star
            rows.append(row)
    st.markdown("## Shell by shell")
    st.dataframe(pd.DataFrame(rows).fillna(""), hide_index=True, key="windows_table")
    unit = "In per cent of each window's sum" if share else ABSOLUTE_TOLD[:-1]
    st.caption(f"{unit}; * differs by more than two standard errors.")


def main() -> None:
    """Show the page."""
    inputs.sidebar()
    subject = choose_subject()
    if subject is None:
        return
    compared, share, mirrored = choose_comparison()
    presets = presets_of(subject)
    chosen = windows(2, presets)
    items = choose_items(compared, subject, chosen)
    windows_panel(subject, compared, chosen, items, presets)
    if len(items) < 2:
        st.info(
            f"Only one model knows {subject.element}: choose a vanadium complex to compare two."
            if compared == "models"
            else "Choose one more element to compare with."
        )
        return
    left, right = st.columns([7, 5], gap="medium")
    with left:
        distances_panel(subject, items, share, mirrored)
    with right:
        pair = choose_pair(items)
        difference_panel(subject, pair, share)
    table_panel(items, pair, share)


with page("Spectral windows", "Spectral windows side by side"):
    main()

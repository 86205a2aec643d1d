"""Spectral windows: importance of windows, models or elements side by side."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from pages.parts.importance.data import (
    ABSOLUTE_UNIT,
    SHARE_UNIT,
    histogram_of,
    neighbours_of,
    other_models,
    spectra_of,
    window_of,
)
from pages.parts.importance.windows import (
    set_windows,
    take_drag,
    window_row,
    windows,
    windows_to_link,
)
from pages.parts.shared import inputs
from pages.parts.shared.charts import chart
from pages.parts.shared.library import cached_model
from pages.parts.shared.page import from_link, page, plain, show_notices, to_link
from pages.parts.shared.subject import Subject, choose_subject
from xanes_core.importance import (
    MAX_WINDOWS,
    PRESETS,
    EnergyWindow,
    difference,
    distance_sentence,
    group_centres_ang,
    group_sentence,
    series_csv,
    value_text,
)
from xanes_core.model import SpectrumModel
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
    asked = from_link("compare", list(COMPARE), "the comparison")
    if asked:
        st.session_state["compare"] = asked
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        kind = st.segmented_control(
            "Compare", list(COMPARE), format_func=COMPARE.get, key="compare", required=True,
            default="windows" if "compare" not in st.session_state else None,
            persist_state="session", label_visibility="collapsed",
        )  # fmt: skip
        share = not st.toggle(
            "Absolute", key="windows_absolute", persist_state="session",
            help="Penalties instead of shares: large where spectra differ much.",
        )  # fmt: skip
        mirrored = st.toggle("Mirrored bars", key="windows_mirrored", persist_state="session")
    to_link("compare", kind if kind != "windows" else None)
    return kind or "windows", share, mirrored


def choose_items(kind: str, subject: Subject, chosen: list[EnergyWindow]) -> list[Item]:
    """The things compared, two to four of them (one where there is no second)."""
    model, element = subject.model, subject.element
    if kind == "models":
        return [
            Item(key, key, cached_model(key), element, chosen[0]) for key in other_models(element)
        ]
    if kind == "elements":
        known = list(model.mean_mu) or list(model.elements)
        others = [el for el in known if el != element]
        asked = from_link("with", others, "the element")
        if asked:
            st.session_state["windows_elements"] = [asked]
        picked = st.multiselect(
            f"Compare {element} with", others, key="windows_elements", max_selections=3,
            default=None if "windows_elements" in st.session_state else others[:1],
            persist_state="session",
        )  # fmt: skip
        to_link("with", picked[0] if picked else None)
        return [Item(el, el, model, el, chosen[0]) for el in [element, *picked]]
    return [Item(w.label, _short(w, chosen), model, element, w) for w in chosen]


def _short(window: EnergyWindow, chosen: list[EnergyWindow]) -> str:
    names = [w.name for w in chosen]
    alone = names.count(window.name) == 1 and window.name != "window"
    return window.name if alone else f"{window.low_ev:g} to {window.high_ev:g} eV"


def windows_panel(
    subject: Subject, kind: str, chosen: list[EnergyWindow], items: list[Item]
) -> None:
    """Spectrum to drag on, and the bounds as numbers."""
    spectra = spectra_of(subject)
    if kind != "windows":  # the mean spectra of what is compared
        means = {i.label: i.model.mean_mu.get(i.element) for i in items}
        spectra = {label: mu for label, mu in means.items() if mu is not None}
    used = chosen if kind == "windows" else chosen[:1]
    left, right = st.columns([7, 5], gap="medium")
    with right:
        active = 0
        for i, window in enumerate(used):
            window_row(i, window)
        if kind == "windows":
            with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
                active = st.segmented_control(
                    "A drag sets window", range(len(used)), format_func=lambda i: str(i + 1),
                    default=0, key=f"active_window_{len(used)}", required=True,
                )  # fmt: skip
                if len(used) < MAX_WINDOWS:
                    free = next((w for w in PRESETS if w not in used), PRESETS[0])
                    st.button("Add", on_click=set_windows, args=([*used, free],), key="add_window")
                if len(used) > 2:
                    st.button(
                        "Remove last", on_click=set_windows, args=(used[:-1],), key="drop_window"
                    )
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
    histogram, told = histogram_of(subject.model, subject.element)
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
    st.caption(f"{told} Error bars are one standard error.")
    st.download_button(
        "All numbers as CSV",
        lambda: series_csv(
            [(s.label, s.window) for s in series],
            group_centres_ang(subject.model.convention, "distance"),
        ),
        file_name="windows.csv", mime="text/csv", on_click="ignore", key="windows_csv",
        type="tertiary",
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
    first, second = pair
    paired = (first.model.key, first.element) == (second.model.key, second.element)
    unit = " %" if share else ""
    labels = (first.short, second.short)

    def both(grouping: str):
        found = [window_of(i.model, i.element, grouping, i.window, share=share) for i in pair]
        return *found, difference(*found, paired=paired)

    one, two, found = both("distance")
    sentence = distance_sentence(labels, subject.centres_ang, one, two, found, unit)
    shells = group_sentence(labels, *both("shell"), unit)
    with st.container(border=True, key="windows_sentence"):
        st.markdown(plain(sentence, 600))
        st.markdown(plain(shells, 600))
    chart(
        lambda look: difference_figure(
            found, subject.centres_ang, labels=labels,
            unit="Difference (%)" if share else "Difference", look=look,
        ),
        key="windows_difference", name=f"windows_{subject.model.key}_{subject.element}_difference",
        height_px=300,
    )  # fmt: skip
    st.caption(
        f"{plain(labels[1])} minus {plain(labels[0])}. Stars: more than two standard errors; of "
        f"{len(found.names)} bars one or two get there by chance."
    )


def table_panel(items: list[Item], pair: tuple[Item, Item], share: bool) -> None:
    """Totals of groups that are scrambled as a whole."""
    paired = (pair[0].model.key, pair[0].element) == (pair[1].model.key, pair[1].element)
    rows = []
    for grouping in ("shell", "kind"):
        found = {
            i.label: window_of(i.model, i.element, grouping, i.window, share=share) for i in items
        }
        names = [n for n in found[pair[0].label].names if n != "absorber"]
        first, second = (found[i.label] for i in pair)
        gap = difference(first, second, paired=paired) if first.names == second.names else None
        for name in names:
            row = {"Group": KIND_LABELS.get(name, name).replace("<br>", " ")}
            for label, window in found.items():
                if name in window.names:
                    i = window.names.index(name)
                    row[label] = value_text(window.mean[i], window.sampling_error[i])
            if gap is not None:
                i = gap.names.index(name)
                star = " *" if gap.marked[i] else ""
                row["Difference"] = value_text(gap.value[i], gap.error[i], sign=True) + star
            rows.append(row)
    st.markdown("##### Groups scrambled as a whole")
    st.dataframe(pd.DataFrame(rows).fillna(""), hide_index=True, key="windows_table")
    unit = "per cent of each window's sum" if share else "0.001 edge steps squared"
    st.caption(f"In {unit}; * differs by more than two standard errors.")


def main() -> None:
    """Show the page."""
    inputs.sidebar()
    notices = st.container()
    st.markdown("#### Spectral windows side by side")
    subject = choose_subject()
    if subject is None:
        return
    kind, share, mirrored = choose_comparison()
    chosen = windows(2)
    items = choose_items(kind, subject, chosen)
    windows_panel(subject, kind, chosen, items)
    windows_to_link(windows(2))
    with notices:
        show_notices()
    if len(items) < 2:
        st.info(
            f"Only one model knows {subject.element}: choose a vanadium complex to compare two."
            if kind == "models"
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


with page("Spectral windows"):
    main()

"""Stored theory spectra that look most like a measured one, and what these have in common."""

from __future__ import annotations

import json

import streamlit as st

from pages.parts.fit.measured import (
    choose_source,
    element_of_source,
    measured_of,
    refusal,
    say_origin,
)
from pages.parts.fit.moving import choose_window
from pages.parts.fit.words import signed
from pages.parts.shared.charts import chart
from pages.parts.shared.choices import choose_axis
from pages.parts.shared.downloads import download_button
from pages.parts.shared.page import linked_choice, plain
from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import XanesError
from xanes_core.plots import Curve, EnergyAxis, fit_figure, shares_figure
from xanes_core.refinement import (
    MatchResult,
    Measured,
    SpectrumLibrary,
    find_matches,
    load_library,
)

FIGURE_PX = 430
#: Best matches that are counted, and how many are drawn unless others are marked.
COUNT, _DRAWN = 20, 3
#: Shares shown: the most surprising ones, and how probable by chance they may be at most.
_MAX_SHARES, _MAX_CHANCE = 8, 0.2
#: Window to begin with (eV): shifted theory must cover all of it.
WINDOW_EV = (-10, 45)
MEASURES = {"misfit": "Misfit", "derivative": "Slope", "cosine": "Shape"}


@st.cache_resource(max_entries=1, show_spinner="Loading the library")
def _library() -> SpectrumLibrary:
    return load_library()


@st.cache_resource(max_entries=32, show_spinner="Comparing")
def _found(
    key: str, element: str, window_ev: tuple[float, float], measure: str, _measured: Measured
) -> MatchResult:
    return find_matches(
        _measured, _library(), element=element, window_ev=window_ev, measure=measure, count=COUNT
    )


def match_mode(line: st.delta_generator.DeltaGenerator, element: str | None) -> None:
    """Spectrum and measure on the left, what looks like it on the right."""
    with line:
        source = choose_source(element, label="Choose a measured spectrum")
    element = element_of_source(source, element)
    left, right = st.columns([5, 7], gap="medium")
    with left:
        measure = linked_choice("measure", MEASURES, label="Likeness", what="the measure")
        if source is None:
            st.caption("Drop a measured spectrum into the sidebar, or choose a calculated one.")
            return
        try:
            measured, key = measured_of(source, element)
            window_ev = choose_window(measured, first=WINDOW_EV)
            found = _found(key, element, window_ev, measure, measured)
        except XanesError as error:
            st.warning(refusal(source, element, error))
            return
        say_origin(source)
        st.caption(
            f"Searched: {found.searched:,} FEFF10 spectra of {element}, from the training set and "
            "the examples."
        )
        _shares(found)
    with right:
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            axis = EnergyAxis(K_EDGE_EV[element], choose_axis())
        own = Curve(source.short, measured.energies_ev, measured.mu, "measurement")
        _spectra(found, own, axis, window_ev)
        _table(found)


def _shares(found: MatchResult) -> None:
    """What is more frequent among the best than in the library, with the caution."""
    telling = [s for s in found.enrichment if s.among_best > s.in_library]
    telling = [s for s in telling if s.chance <= _MAX_CHANCE][:_MAX_SHARES]
    st.markdown(f"**What the best {len(found.matches)} have in common**")
    if telling:
        labels = [f"{one.fact}: {one.value}"[:34] for one in telling]
        chart(
            lambda look: shares_figure(
                labels, [s.among_best for s in telling], [s.in_library for s in telling], look=look
            ),
            key="fit_shares", name="what_dominates",
        )  # fmt: skip
    else:
        st.markdown("Nothing that would not come about by chance.")
    for note in found.notes:
        st.caption(plain(note))


def _spectra(
    found: MatchResult, own: Curve, axis: EnergyAxis, window_ev: tuple[float, float]
) -> None:
    state = st.session_state.get("fit_matches")
    rows = [row for row in (state["selection"]["rows"] if state else []) if row < COUNT]
    shown = [found.matches[row] for row in rows if row < len(found.matches)]
    shown = shown or list(found.matches[:_DRAWN])
    curves = [
        Curve(one.name[:40], found.energies_ev, one.mu, "theory" if rank == 0 else "other",
              rank=max(rank - 1, 0))
        for rank, one in enumerate(shown)
    ]  # fmt: skip
    chart(
        lambda look: fit_figure([*curves, own], None, axis, window_ev=window_ev, look=look),
        key="fit_spectra", name="matches", height_px=FIGURE_PX,
    )  # fmt: skip


def _table(found: MatchResult) -> None:
    import pandas as pd  # a third of a second, which an empty page does without

    best = found.matches[0]
    st.markdown(
        plain(
            f"Nearest is {best.name}, {_facts(best.facts)}: distance {best.distance:.3f}, theory "
            f"moved by {signed(best.shift_ev, 1)} eV."
        )
    )
    rows = [
        {
            "Spectrum": one.name, "Distance": one.distance, "Shift (eV)": one.shift_ev,
            "Scale": one.scale,
            **{fact.capitalize(): ", ".join(values) for fact, values in one.facts.items()},
        }
        for one in found.matches
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    st.dataframe(
        table,
        hide_index=True,
        key="fit_matches",
        on_select="rerun",
        selection_mode="multi-row",
        height=300,
        column_config={
            "Distance": st.column_config.NumberColumn(format="%.3f"),
            "Shift (eV)": st.column_config.NumberColumn(format="%+.1f"),
            "Scale": st.column_config.NumberColumn(format="%.2f"),
        },
    )
    st.caption("Marked lines are drawn above; without any the first three.")
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown("Download")
        download_button("CSV", table.to_csv(index=False), "matches.csv", key="matches_csv")
        download_button(
            "JSON", json.dumps(found.to_dict(), indent=1), "matches.json", key="matches_json"
        )


def _facts(facts: dict[str, tuple[str, ...]]) -> str:
    told = [f"{fact} {', '.join(values)}" for fact, values in facts.items() if values]
    return "; ".join(told) or "nothing is known of its structure"

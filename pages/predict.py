"""Predict: a structure on the left, its spectrum on the right."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages.parts.predict import batch, panels
from pages.parts.predict.features import features_table
from pages.parts.predict.kinds import choose_kinds, known_kinds
from pages.parts.predict.report import report_row
from pages.parts.shared import inputs
from pages.parts.shared.choices import (
    absorber_options,
    choose_absorber,
    choose_axis,
    choose_entry,
    choose_model,
    element_of,
    first_choice,
    model_for,
)
from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.library import Request, predict
from pages.parts.shared.overlay import misfit_line, overlay_of_kind
from pages.parts.shared.page import page, plain
from pages.parts.shared.viewer3d import structure_panel
from xanes_core.errors import XanesError
from xanes_core.model import Prediction
from xanes_core.plots import Curve, Energies, EnergyAxis, prediction_curve, without_band
from xanes_core.spectra import XANES, SpectrumKind


def welcome() -> None:
    """Invite to a structure; Home has the pictures."""
    st.markdown("Drop structures into the sidebar, or choose a metal there for an example.")
    st.page_link("app.py", label="Examples of all nine metals on Home")


def overlay_curves(
    entries: list[StructureEntry], entry: StructureEntry, frame: int, request: Request
) -> list[Curve]:
    """Spectra of further structures and frames, as chosen in the line above the figure."""
    curves: list[Curve] = []
    chosen = st.session_state.get("overlay") or []
    others = [(e.label, e, 0) for e in entries if e.key in chosen and e.key != entry.key]
    if st.session_state.get("overlay_frames") and len(entry.frames) > 1:
        others += [
            (f"frame {i + 1}", entry, i) for i in panels.even_frames(len(entry.frames), frame)
        ]
    for label, other, i in others:
        atoms = other.frames[i]
        options = absorber_options(atoms)
        if not options:
            continue
        absorber = request.absorber if other is entry else first_choice(other, options)
        element = element_of(atoms, absorber)
        model_key = model_for(element, request.kind, request.model_key, (atoms, absorber))
        if model_key is None:
            continue
        try:
            prediction = predict(atoms, Request(absorber, element, model_key, request.kind))
        except XanesError as error:
            st.warning(f"{plain(label, 60)}: {plain(error)}")
            continue
        name = label if element == request.element else f"{label}, {element} edge"
        curves.append(prediction_curve(prediction, name, role="other", rank=len(curves)))
    # two bands can be told apart, more only hide each other
    return curves if len(curves) < 2 else [without_band(curve) for curve in curves]


def spectrum_controls(entries: list[StructureEntry], entry: StructureEntry) -> Energies:
    """In the line above the figure: energy axis and what to overlay."""
    energies = choose_axis()
    others = {e.key: e.label for e in entries if e.key != entry.key}
    if others:
        st.multiselect(
            "Overlay", list(others), format_func=lambda k: others.get(k, k), key="overlay",
            persist_state="session", placeholder="Overlay structures", max_selections=8,
            label_visibility="collapsed",
        )  # fmt: skip
    if len(entry.frames) > 1:
        st.toggle("Other frames", key="overlay_frames", persist_state="session")
    return energies


def show_spectra(
    entries: list[StructureEntry],
    entry: StructureEntry,
    frame: int,
    requests: Mapping[SpectrumKind, Request],
    predictions: Mapping[SpectrumKind, Prediction],
    energies: Energies,
) -> None:
    """One figure for each kind of spectrum, then their numbers and files."""
    element = next(iter(requests.values())).element
    axis = EnergyAxis(next(iter(predictions.values())).e0_ev, energies)
    measured = overlay_of_kind(predictions, known_kinds(element))
    drawn = {}
    for kind, prediction in predictions.items():
        drawn[kind] = [prediction_curve(prediction, f"Network, {element}")]
        drawn[kind] += overlay_curves(entries, entry, frame, requests[kind])
        own = measured[1] if measured and measured[0] == kind else None
        if own is not None:
            drawn[kind].append(own)
        panels.spectrum_panel(drawn[kind], prediction, axis, one_of_two=len(predictions) > 1)
        if own is not None:
            misfit_line(prediction, own)
    for kind, prediction in predictions.items():
        if len(predictions) > 1:
            st.markdown(f"**{kind.title}**")
        features_table(prediction, axis)
        panels.downloads(prediction, drawn[kind], axis, entry.frame_name(frame))
    report_row(entry, frame, predictions, drawn, energies)


def show(entries: list[StructureEntry]) -> None:
    """The page with something to predict."""
    heading = st.container(gap="xxsmall")
    left, right = st.container(key="predict_panels").columns([5, 7], gap="medium")
    with left:
        entry = choose_entry(entries)
        top, view = st.container(), st.container()
        frame = panels.frame_slider(entry)
        below = st.container(key="predict_below")
    with heading:
        panels.heading(entry, named=len(entries) == 1)
    atoms = entry.frames[frame]
    options = absorber_options(atoms)
    if not options:
        view.warning("This frame holds no metal that the models know: choose another frame.")
        return
    with top:
        absorber = choose_absorber(entry, options)
    element = element_of(atoms, absorber)
    with right:
        line = st.container(horizontal=True, gap="small", vertical_alignment="center")
    with line:
        kinds = choose_kinds(element)
    if not kinds:
        right.warning(f"No shipped model covers {element} yet: choose another absorber.")
        return
    chosen = {kind: choose_model(element, kind, (atoms, absorber)) for kind in kinds}
    keys = {kind: key for kind, key in chosen.items() if key}  # each of these kinds has a model
    requests = {kind: Request(absorber, element, key, kind) for kind, key in keys.items()}
    try:
        predictions = {kind: predict(atoms, request) for kind, request in requests.items()}
    except XanesError as error:
        with right:
            st.error(plain(error))
        with view:
            structure_panel(entry, frame, ())
        return
    with view:
        structure_panel(entry, frame, next(iter(predictions.values())).sites)
    with below:
        panels.verdict_panel(list(predictions.values()))
    with line:
        energies = spectrum_controls(entries, entry)
    with right:
        show_spectra(entries, entry, frame, requests, predictions, energies)
    batch.show_batch(entries, keys)


def main() -> None:
    """Show the page."""
    inputs.sidebar()
    inputs.show_failures()
    entries = inputs.entries()
    if entries:
        show(entries)
    else:
        inputs.active_entry([])
        welcome()
        batch.show_batch([], {XANES: ""})


with page("Predict", "Predict a K-edge XANES spectrum"):
    main()

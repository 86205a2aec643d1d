"""Predict: a structure on the left, its spectrum on the right."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages.parts.predict import batch, panels, trajectory
from pages.parts.predict.features import features_table
from pages.parts.predict.hydrogens import hydrogens_note
from pages.parts.predict.kinds import choose_kinds, known_kinds
from pages.parts.predict.others import choose_others, other_curves, say_what_lies_outside
from pages.parts.predict.panels import Figure
from pages.parts.predict.report import report_row
from pages.parts.predict.scale import choose_scale, legend, on_scale, scale_note
from pages.parts.shared import inputs
from pages.parts.shared.choices import (
    absorber_options,
    choose_absorber,
    choose_axis,
    choose_entry,
    choose_model,
    element_of,
)
from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.library import Request, predict
from pages.parts.shared.overlay import OwnSpectrum, misfit_line, own_spectra
from pages.parts.shared.page import page, plain
from pages.parts.shared.viewer3d import structure_panel
from xanes_core.errors import XanesError
from xanes_core.model import Prediction, compare
from xanes_core.plots import EnergyAxis, prediction_curve
from xanes_core.spectra import XANES, SpectrumKind


def welcome() -> None:
    """Invite to a structure; Home has the pictures."""
    st.markdown("Drop structures into the sidebar, or choose a metal there for an example.")
    st.page_link("app.py", label="Examples of all nine metals on Home")


def show_spectra(
    entries: list[StructureEntry],
    entry: StructureEntry,
    requests: Mapping[SpectrumKind, Request],
    predictions: Mapping[SpectrumKind, Prediction],
    own: list[OwnSpectrum],
    axis: EnergyAxis,
) -> dict[SpectrumKind, Figure]:
    """One figure for each kind of spectrum, with what lies over it and what is left of that."""
    drawn: dict[SpectrumKind, Figure] = {}
    for kind, prediction in predictions.items():
        name = legend(f"Network, {prediction.element}", prediction)
        curves = [prediction_curve(prediction, name)]
        curves += other_curves(entries, entry, requests[kind])
        comparison, laid_over = None, [one for one in own if one.kind == kind]
        curves += [one.curve for one in laid_over]
        if laid_over:
            try:
                comparison = compare(
                    prediction, laid_over[0].curve.energy_ev, laid_over[0].curve.mu
                )
            except XanesError as error:
                st.warning(plain(error))
        shown = panels.shown_of(kind)
        drawn[kind] = Figure(curves, kind, axis, comparison, shown, next(iter(laid_over), None))
        panels.spectrum_panel(drawn[kind], one_of_two=len(predictions) > 1)
        say_what_lies_outside(curves, axis)
        scale_note(prediction)
        if comparison is not None:
            misfit_line(prediction, comparison, laid_over[0].overlaid, axis)
    return drawn


def show_numbers(
    predictions: Mapping[SpectrumKind, Prediction],
    drawn: Mapping[SpectrumKind, Figure],
    own: list[OwnSpectrum],
    axis: EnergyAxis,
    view: tuple[StructureEntry, int],
) -> None:
    """Numbers and files of the spectra, and a report; `view` is the entry and frame in view."""
    entry, frame = view
    for kind, prediction in predictions.items():
        if len(predictions) > 1:
            st.markdown(f"**{kind.title}**")
        features_table(prediction, axis)
        overlaid = next((one.overlaid for one in own if one.kind == kind), None)
        panels.downloads(prediction, drawn[kind], entry.frame_name(frame), overlaid)
    curves = {kind: figure.curves for kind, figure in drawn.items()}
    report_row(entry, frame, predictions, curves, axis.energies)


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
        line = st.container(
            horizontal=True, gap="small", vertical_alignment="center", key="predict_line"
        )
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
        hydrogens_note(entry, frame)
        panels.verdict_panel(list(predictions.values()))
    with line:
        energies, frames_view = choose_axis(), trajectory.choose_view(entry)
        if frames_view == trajectory.ONE:
            choose_scale(list(predictions.values()))
            predictions = {kind: on_scale(one) for kind, one in predictions.items()}
    own = own_spectra(predictions, known_kinds(element))
    if frames_view == trajectory.ONE:
        with line:
            panels.choose_shown(own)
            choose_others(entries, entry)
    axis = EnergyAxis(next(iter(predictions.values())).e0_ev, energies)
    together = batch.update(entries, keys)
    with right:
        if frames_view == trajectory.ONE:
            drawn = show_spectra(entries, entry, requests, predictions, own, axis)
        else:
            trajectory.show_frames(entry, frame, together, axis, view=frames_view)
            drawn = {kind: Figure.of_one(p, own, axis) for kind, p in predictions.items()}
        show_numbers(predictions, drawn, own, axis, (entry, frame))
    laid_over = {one.kind: one.overlaid for one in reversed(own)}
    batch.show_batch(together, keys, laid_over or None)


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
        batch.show_batch(batch.update([], {XANES: ""}), {XANES: ""})


with page("Predict", "Predict a K-edge XANES spectrum"):
    main()

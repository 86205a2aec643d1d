"""Spectra of other structures over the one in view: uploads, and any of the examples."""

from __future__ import annotations

import streamlit as st

from pages.parts.predict.scale import on_scale
from pages.parts.shared.choices import absorber_options, element_of, first_choice, model_for
from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.library import Request, example_atoms, examples, predict
from pages.parts.shared.page import plain
from xanes_core.errors import XanesError
from xanes_core.plots import Curve, EnergyAxis, prediction_curve, without_band

_KEY = "overlay"
MAX_OVERLAID = 8


def _labels(entries: list[StructureEntry], entry: StructureEntry) -> dict[str, str]:
    """What can be laid over the structure in view, by key: the reader's own first."""
    labels = {e.key: e.label for e in entries if e.key != entry.key and not e.is_example}
    for key, example in examples().items():
        if f"example:{key}" != entry.key:
            labels[f"example:{key}"] = f"{example.element}: {example.title}, {example.formula}"
    return labels


def choose_others(entries: list[StructureEntry], entry: StructureEntry) -> None:
    """In the line above the figure: what to lay over the structure in view."""
    labels = _labels(entries, entry)
    chosen = st.session_state.get(_KEY) or []
    if any(key not in labels for key in chosen):  # a file was removed, or is in view now
        st.session_state[_KEY] = [key for key in chosen if key in labels]
    st.multiselect(
        "Overlay", list(labels), format_func=lambda key: labels.get(key, key), key=_KEY,
        persist_state="session", placeholder="Overlay a structure or example",
        max_selections=MAX_OVERLAID, label_visibility="collapsed",
    )  # fmt: skip


def _chosen(entries: list[StructureEntry], entry: StructureEntry) -> list[StructureEntry]:
    by_key = {e.key: e for e in entries}
    found = []
    for key in st.session_state.get(_KEY) or []:
        name = key.removeprefix("example:")
        if key == entry.key:
            continue
        if key in by_key:
            found.append(by_key[key])
        elif name in examples():
            example = examples()[name]
            frames = [example_atoms(name)]
            found.append(StructureEntry(key, example.title, frames, name, example.absorber))
    return found


def other_curves(
    entries: list[StructureEntry], entry: StructureEntry, request: Request
) -> list[Curve]:
    """Predicted spectra of what was chosen, each named after its metal."""
    curves: list[Curve] = []
    for other in _chosen(entries, entry):
        atoms = other.frames[0]
        options = absorber_options(atoms)
        if not options:
            continue
        absorber = first_choice(other, options)
        element = element_of(atoms, absorber)
        model_key = model_for(element, request.kind, request.model_key, (atoms, absorber))
        if model_key is None:
            st.warning(f"{plain(other.label, 60)}: no model predicts this of {element}.")
            continue
        try:
            asked = Request(absorber, element, model_key, request.kind)
            prediction = on_scale(predict(atoms, asked))
        except XanesError as error:
            st.warning(f"{plain(other.label, 60)}: {plain(error)}")
            continue
        name = other.label if element == request.element else f"{other.label}, {element} edge"
        curves.append(prediction_curve(prediction, name, role="other", rank=len(curves)))
    # two bands can be told apart, more only hide each other
    return curves if len(curves) < 2 else [without_band(curve) for curve in curves]


def say_what_lies_outside(curves: list[Curve], axis: EnergyAxis) -> None:
    """On an axis of absolute energies other metals lie elsewhere: name them, and what to do."""
    if axis.is_relative or not curves:
        return
    own = curves[0].energy_ev
    outside = [
        f"{plain(curve.name, 60)} at {curve.e0_ev:.0f} eV"
        for curve in curves[1:]
        if curve.e0_ev is not None and not own[0] <= curve.e0_ev <= own[-1]
    ]
    if outside:
        st.caption(
            f"Outside this axis: {'; '.join(outside)}. Choose E \u2212 E0 to compare the shapes."
        )

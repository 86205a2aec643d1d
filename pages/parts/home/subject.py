"""What Home shows: the structure in view, or an example while nothing is."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from ase import Atoms

from pages.parts.shared import inputs
from pages.parts.shared.choices import (
    absorber_in_view,
    absorber_options,
    best_for,
    element_of,
)
from pages.parts.shared.library import (
    Request,
    cached_model,
    example_atoms,
    examples,
    predict,
)
from xanes_core.errors import ModelError, XanesError
from xanes_core.model import Prediction, SpectrumModel
from xanes_core.spectra import XANES
from xanes_core.structures import select_sites

#: Shown until the reader brings a structure.
FIRST_EXAMPLE = "iron-tris-bipyridine"


@dataclass(frozen=True)
class HomeSubject:
    """A structure with its absorber, its model and what that predicts."""

    label: str
    key: str
    atoms: Atoms
    site: int
    model: SpectrumModel
    prediction: Prediction
    is_own: bool


def home_subject() -> HomeSubject:
    """The structure in view with the model that knows it best; the first example otherwise."""
    entry = inputs.active_entry(inputs.entries())
    if entry is not None:
        atoms = entry.frames[inputs.frame_in_view(entry)]
        options = absorber_options(atoms)
        try:
            if options:
                site = select_sites(atoms, absorber_in_view(entry, options))[0].index
                return _subject(entry.label, entry.key, atoms, site, is_own=True)
        except XanesError:  # Predict says what is wrong with it
            pass
    example = examples()[FIRST_EXAMPLE]
    atoms = example_atoms(FIRST_EXAMPLE)
    label = f"{example.title}, {example.formula}"
    return _subject(label, FIRST_EXAMPLE, atoms, example.absorber, is_own=False)


def _subject(label: str, key: str, atoms: Atoms, site: int, *, is_own: bool) -> HomeSubject:
    element = element_of(atoms, site)
    model_key = best_for(element, XANES, (atoms, site))[0]
    if model_key is None:
        raise ModelError(f"No shipped model predicts XANES of {element}.")
    prediction = predict(atoms, Request(site, element, model_key))
    return HomeSubject(label, key, atoms, site, cached_model(model_key), prediction, is_own)


def open_on_predict(key: str) -> None:
    """Bring an example into view and open Predict with it."""
    inputs.choose_example(key)
    st.switch_page("pages/predict.py")

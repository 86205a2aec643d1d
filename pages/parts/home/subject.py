"""What Home shows: the structure in view, or an example while nothing is."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from ase import Atoms

from pages.parts.shared import inputs
from pages.parts.shared.choices import absorber_options, element_of, first_choice
from pages.parts.shared.library import (
    Request,
    cached_model,
    example_atoms,
    examples,
    model_cards,
    predict,
)
from xanes_core.errors import XanesError
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
    entries = inputs.entries()
    chosen = next((e for e in entries if e.key == inputs.key_in_view()), None)
    entry = chosen or (entries[0] if entries else None)
    if entry is not None:
        atoms = entry.frames[inputs.frame_in_view(entry)]
        options = absorber_options(atoms)
        try:
            if options:
                site = select_sites(atoms, first_choice(entry, options))[0].index
                return _subject(entry.label, entry.key, atoms, site, is_own=True)
        except XanesError:  # Predict says what is wrong with it
            pass
    example = examples()[FIRST_EXAMPLE]
    atoms = example_atoms(FIRST_EXAMPLE)
    label = f"{example.title}, {example.formula}"
    return _subject(label, FIRST_EXAMPLE, atoms, example.absorber, is_own=False)


def _subject(label: str, key: str, atoms: Atoms, site: int, *, is_own: bool) -> HomeSubject:
    element = element_of(atoms, site)
    requests = [Request(site, element, card.key) for card in model_cards(element, XANES)]
    best = min(
        ((predict(atoms, request), request) for request in requests),
        key=lambda pair: pair[0].domain.score,
    )
    model = cached_model(best[1].model_key)
    return HomeSubject(label, key, atoms, site, model, best[0], is_own)


def open_on_predict(key: str) -> None:
    """Bring an example into view and open Predict with it."""
    inputs.choose_example(key)
    st.switch_page("pages/predict.py")

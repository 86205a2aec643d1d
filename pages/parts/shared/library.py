"""Cached calls into the library: models, examples, predictions, sites."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from ase import Atoms

from xanes_core.errors import StructureError
from xanes_core.model import Card, Prediction, SpectrumModel, list_models, load_model
from xanes_core.spectra import XANES, SpectrumKind
from xanes_core.structures import (
    MAX_AVERAGED_SITES,
    Site,
    absorber_elements,
    absorber_sites,
    alike,
    list_examples,
    load_example,
)

if TYPE_CHECKING:
    from xanes_core.structures.examples import Example


@st.cache_resource(max_entries=8, show_spinner="Loading the model")
def cached_model(key: str) -> SpectrumModel:
    """Read-only model, shared by all readers."""
    return load_model(key)


@st.cache_data(max_entries=4, show_spinner=False)
def model_cards(element: str | None = None, kind: SpectrumKind | None = None) -> list[Card]:
    """Cards of the shipped models of an element and a kind of spectrum, defaults first.

    None stands for all.
    """
    return list_models(element, kind)


@st.cache_resource(max_entries=1, show_spinner=False)
def examples() -> dict[str, Example]:
    """Examples by key, in the order of the catalogue."""
    return {example.key: example for example in list_examples()}


@st.cache_resource(max_entries=64, show_spinner=False)
def example_atoms(key: str) -> Atoms:
    """Structure of an example; nobody changes it."""
    return load_example(key)


def default_model(element: str, kind: SpectrumKind = XANES) -> str | None:
    """Key of the model that answers for `element` unless the reader chooses another."""
    cards = model_cards(element, kind)
    return cards[0].key if cards else None


@dataclass(frozen=True)
class Request:
    """What to predict: the absorber as the library takes it, the model's key, and what it gives."""

    absorber: int | str
    element: str
    model_key: str
    kind: SpectrumKind = XANES


def structure_key(atoms: Atoms) -> str:
    """Hash of what a prediction depends on."""
    digest = hashlib.sha256()
    for array in (atoms.numbers, atoms.positions, np.asarray(atoms.cell), atoms.pbc):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


@st.cache_data(max_entries=4096, show_spinner=False)
def _predict(key: str, absorber: int | str, model_key: str, _atoms: Atoms) -> Prediction:
    return cached_model(model_key).predict(_atoms, absorber=absorber)


def predict(atoms: Atoms, request: Request) -> Prediction:
    """Prediction of one frame; raises XanesError with a sentence when it cannot be made."""
    return _predict(structure_key(atoms), request.absorber, request.model_key, atoms)


@st.cache_data(max_entries=512, show_spinner=False)
def _sites(key: str, _atoms: Atoms) -> list[Site]:
    return sorted(_grouped(_atoms), key=lambda site: site.index)


def sites_of(atoms: Atoms) -> list[Site]:
    """Distinct absorber sites of one frame; of very many those of the same surroundings are one."""
    return _sites(structure_key(atoms), atoms)


def _grouped(atoms: Atoms) -> Iterator[Site]:
    """Sites of each element; where they are many and few differ, those that differ."""
    for element in absorber_elements(atoms):
        own = absorber_sites(atoms, element)
        if len(own) > MAX_AVERAGED_SITES:
            with contextlib.suppress(StructureError):
                own = alike(atoms, own, at_most=MAX_AVERAGED_SITES)
        yield from own

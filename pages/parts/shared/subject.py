"""What an explanation is about: a model and an element, with a structure where one is in view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from ase import Atoms

from pages.parts.shared import inputs
from pages.parts.shared.choices import (
    absorber_options,
    choose_absorber,
    choose_entry,
    choose_model,
    element_of,
)
from pages.parts.shared.library import Request, cached_model, predict
from pages.parts.shared.page import plain
from xanes_core.importance import group_centres_ang
from xanes_core.model import Prediction, SpectrumModel
from xanes_core.structures import select_sites

#: Shown until the reader chooses a structure.
FIRST_ELEMENT = "Fe"


@dataclass(frozen=True)
class Subject:
    """What is explained: a model around one element."""

    element: str
    model: SpectrumModel

    @property
    def energy_rel_ev(self) -> np.ndarray:
        """Grid of the model (eV)."""
        return self.model.energy_rel_ev

    @property
    def centres_ang(self) -> np.ndarray:
        """Centres mu of the bars (A)."""
        return np.array(list(group_centres_ang(self.model.descriptor, "distance").values()))


@dataclass(frozen=True)
class StructureSubject(Subject):
    """A model around one absorber of the structure in view."""

    atoms: Atoms
    site: int
    label: str
    prediction: Prediction


def choose_subject() -> Subject | None:
    """The structure in view with absorber and model, in one line; the first element without one."""
    entries = inputs.entries()
    entry = inputs.active_entry(entries)
    if entry is None:
        key = choose_model(FIRST_ELEMENT)
        return None if key is None else Subject(FIRST_ELEMENT, cached_model(key))
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="subject"):
        if len(entries) > 1:
            entry = choose_entry(entries)
        else:
            st.markdown(f"**{plain(entry.label)}**")
        atoms = entry.frames[inputs.frame_in_view(entry)]
        options = absorber_options(atoms)
        if not options:
            st.warning("This frame holds no metal that the models know: choose another structure.")
            return None
        absorber = choose_absorber(entry, options)
    element = element_of(atoms, absorber)
    key = choose_model(element, structure=(atoms, absorber))
    if key is None:
        st.warning(f"No shipped model covers {element} yet: choose another absorber.")
        return None
    site = select_sites(atoms, absorber)[0].index
    prediction = predict(atoms, Request(site, element, key))
    return StructureSubject(element, cached_model(key), atoms, site, entry.label, prediction)

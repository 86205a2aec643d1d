"""What the two pages on importance read: stored importance, histograms, effects, spectra."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st
from ase import Atoms

from pages.parts.shared.library import cached_model, default_model, model_cards, structure_key
from pages.parts.shared.subject import StructureSubject, Subject
from xanes_core.importance import (
    Bars,
    EnergyWindow,
    LocalEffects,
    find_importance,
    local_effects,
    scaled,
    shares,
)
from xanes_core.model import SpectrumModel, WindowImportance
from xanes_core.plots import Neighbour, neighbours_around
from xanes_core.spectra import XANES

ABSOLUTE_UNIT = "Importance"
SHARE_UNIT = "Importance (%)"
#: What the number is, for captions.
ABSOLUTE_TOLD = (
    "Importance: how much the squared error of the spectrum grows, in 0.001 edge steps\u00b2, when "
    "these features are scrambled."
)


def window_of(
    model: SpectrumModel, element: str, grouping: str, window: EnergyWindow, *, share: bool
) -> WindowImportance:
    """Stored importance in a window, in per cent of its sum or in 0.001 edge steps squared."""
    stored = find_importance(model.importance, model.key, element, grouping)
    averaged = stored.window(window.low_ev, window.high_ev)
    return shares(averaged) if share else scaled(averaged, XANES.mse_factor)


def histogram_of(
    model: SpectrumModel, element: str
) -> tuple[tuple[np.ndarray, Mapping[str, np.ndarray]] | None, str]:
    """Distances around `element` in the training structures, and a sentence on whose they are."""
    keys = [model.key] + [card.key for card in model_cards(element)]
    for key in dict.fromkeys(keys):
        distances = cached_model(key).distances
        if distances is None or element not in distances.absorbers:
            continue
        n = int(distances.n_sites[distances.absorbers.index(element)])
        source = f"Histogram: {n} {element} complexes of the training set"
        if key != model.key:
            source += f" of {key}, because the set of {model.key} came without structures"
        return (distances.centres_ang, distances.by_neighbour(element)), f"{source}."
    return None, f"No structures around {element} are stored with the models: no histogram."


def neighbours_of(subject: Subject) -> list[Neighbour]:
    """Atoms of the structure in view within the cut-off, nearest first."""
    if not isinstance(subject, StructureSubject):
        return []
    return neighbours_around(subject.atoms, subject.site, subject.model.descriptor.r_cut_ang)


@st.cache_resource(max_entries=32, show_spinner="Asking the network about every atom")
def _effects(key: str, site: int, model_key: str, _atoms: Atoms) -> LocalEffects:
    return local_effects(cached_model(model_key), _atoms, site)


def bars_of(subject: Subject) -> Bars:
    """The bars over distance, with the atoms of the structure in view or of the training set."""
    near = neighbours_of(subject)
    if near:
        return Bars(
            subject.centres_ang, np.array([atom.distance_ang for atom in near]), "this structure"
        )
    histogram, _ = histogram_of(subject.model, subject.element)
    if histogram is None:
        return Bars(subject.centres_ang, subject.centres_ang, "the training set")
    centres, counts = histogram
    return Bars(
        subject.centres_ang, centres[np.sum(list(counts.values()), axis=0) > 0], "the training set"
    )


def effects_of(subject: StructureSubject) -> LocalEffects:
    """Local effects of the structure in view; raises XanesError where there are none."""
    return _effects(structure_key(subject.atoms), subject.site, subject.model.key, subject.atoms)


def spectra_of(subject: Subject) -> dict[str, np.ndarray]:
    """Mean training spectrum, then the prediction for the structure in view."""
    element, mean_mu = subject.element, subject.model.mean_mu
    spectra = {}
    if element in mean_mu:
        spectra[f"mean of {element} training spectra"] = mean_mu[element]
    if isinstance(subject, StructureSubject):
        spectra["this structure"] = subject.prediction.mu
    return spectra


def other_models(element: str) -> list[str]:
    """Keys of all XANES models that know `element`, its default first."""
    first = default_model(element)
    return sorted((c.key for c in model_cards(element, XANES)), key=lambda key: key != first)

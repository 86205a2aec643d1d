"""What the Models page reads: stored report, structures of its records, the reader's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from ase import Atoms

from pages.parts.shared import inputs
from pages.parts.shared.choices import absorber_in_view, absorber_options, element_of
from pages.parts.shared.library import Request, cached_model, predict
from xanes_core.dataset import load_training_set
from xanes_core.errors import XanesError
from xanes_core.files import PROJECT
from xanes_core.model import Card, Report, load_report
from xanes_core.spectra import SpectrumKind
from xanes_core.structures import environment, select_sites

#: In the names of records whose structures tmQM publishes.
_TMQM = "_tmqm_"
TMQM_TOLD = (
    "tmQM publishes this structure, so the project keeps its spectrum alone. Download "
    "tmQM_X1.xyz.gz from tmQM (doi 10.1021/acs.jcim.0c01041) and take it in with `python -m "
    "xanes_core dataset import`; then choose the file in the sidebar."
)


@dataclass(frozen=True)
class OwnStructure:
    """The structure of the session, as a model sees it; ``why`` says why it cannot.

    ``scaled`` (1, d) are its features, ``mu`` (k,) is its spectrum as the model predicts it.
    """

    label: str = ""
    element: str = ""
    scaled: np.ndarray | None = None
    mu: np.ndarray | None = None
    why: str = ""


@st.cache_resource(max_entries=4, show_spinner="Loading the report")
def cached_report(key: str) -> Report | None:
    """Stored report of a model, shared by all readers; None where it has none."""
    return load_report(key)


@st.cache_resource(max_entries=2, show_spinner="Loading the training structures")
def _structures(folder: str, kind: SpectrumKind) -> dict[str, Atoms]:
    data = load_training_set(folder, kind=kind)
    return dict(zip(data.names.tolist(), data.structures, strict=True))


def structure_of(card: Card, name: str) -> tuple[Atoms | None, str]:
    """Structure of a record (absorber first), or None and why there is none."""
    source = card.training_set.source
    folder = PROJECT / source
    if source.split("/")[0] != "data":
        return None, "The structures of this model's training set are not part of the project."
    if not folder.is_dir():
        return None, f"The folder {source} is not here: it comes with the project's source."
    try:
        structures = _structures(str(folder), card.kind)
    except XanesError as error:
        return None, str(error)
    if name not in structures and _TMQM in name:
        return None, TMQM_TOLD
    if name not in structures:
        return None, f"{source} has no record {name}: the report belongs to other data."
    return structures[name], ""


def report_or_sentence(card: Card) -> Report | None:
    """The model's report; where it has none, say so."""
    report = cached_report(card.key)
    if report is None:
        st.info(
            "No records are stored with this model: it was made without a report. Its card and "
            "accuracy are complete."
        )
    return report


def own_structure(card: Card) -> OwnStructure | None:
    """The structure in view, seen by the model of `card`; None where nothing was chosen."""
    entry = inputs.active_entry(inputs.entries())
    if entry is None:
        return None
    atoms = entry.frames[inputs.frame_in_view(entry)]
    options = absorber_options(atoms)
    if not options:
        return OwnStructure(entry.label, why="holds no metal that the models know")
    absorber = absorber_in_view(entry, options)
    element = element_of(atoms, absorber)
    if element not in card.elements:
        return OwnStructure(
            entry.label, element, why=f"holds {element}, which this model knows not"
        )
    model = cached_model(card.key)
    site = select_sites(atoms, absorber)[0].index
    around = environment(atoms, site, model.descriptor.r_cut_ang)
    features = model.descriptor.transform_environment(around)[None]
    return OwnStructure(
        entry.label,
        element,
        model.ensemble.scaler.transform(features),
        predict(atoms, Request(site, element, card.key, card.kind)).mu,
    )

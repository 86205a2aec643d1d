"""Predictions kept by what they depend on: atoms, absorber, model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
from ase import Atoms

from pages.parts.common import KIND_NAMES, cached_model, default_model, model_cards
from pages.parts.inputs import Entry, StoredFile
from xanes_core.errors import XanesError
from xanes_core.export import BatchResult
from xanes_core.structures import absorber_elements, absorber_sites

#: More sites than this are offered by element only.
MAX_LISTED_SITES = 60
#: Frames of one file that a batch predicts.
BATCH_FRAMES = 200


@dataclass(frozen=True)
class Request:
    """What to predict: the absorber as the library takes it, the model's key, and what it gives."""

    absorber: int | str
    element: str
    model_key: str
    spectrum: str = "xanes"


def structure_key(atoms: Atoms) -> str:
    """Hash of what a prediction depends on."""
    digest = hashlib.sha256()
    for array in (atoms.numbers, atoms.positions, np.asarray(atoms.cell), atoms.pbc):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


@st.cache_data(max_entries=4096, show_spinner=False)
def _predict(key: str, absorber: int | str, model_key: str, _atoms: Atoms):
    return cached_model(model_key).predict(_atoms, absorber=absorber)


def predict(atoms: Atoms, request: Request):
    """Prediction of one frame; raises XanesError with a sentence when it cannot be made."""
    return _predict(structure_key(atoms), request.absorber, request.model_key, atoms)


@st.cache_data(max_entries=512, show_spinner=False)
def _sites(key: str, _atoms: Atoms):
    return absorber_sites(_atoms)


def absorber_options(atoms: Atoms) -> dict[int | str, str]:
    """Choices of absorber with their labels: elements first (all sites averaged), then sites."""
    sites = _sites(structure_key(atoms), atoms)
    options: dict[int | str, str] = {}
    for element in absorber_elements(atoms):
        own = [s for s in sites if s.element == element]
        atoms_in_all = sum(s.multiplicity for s in own)
        if atoms_in_all == 1:
            options[own[0].index] = f"{element}, atom {own[0].index}"
            continue
        if len(own) == 1:
            options[element] = f"{element}, {atoms_in_all} equivalent atoms"
            continue
        options[element] = f"{element}, average of {atoms_in_all} atoms"
        for site in own[:MAX_LISTED_SITES]:
            equal = f", stands for {site.multiplicity}" if site.multiplicity > 1 else ""
            options[site.index] = f"{element}, atom {site.index}{equal}"
    return options


def element_of(atoms: Atoms, absorber: int | str) -> str:
    """Element symbol of an absorber choice."""
    return absorber if isinstance(absorber, str) else atoms[absorber].symbol


def batch_results(
    found: Sequence[Entry],
    failed: Sequence[StoredFile],
    model_choices: Mapping[str, str],
    progress: Callable[[float, str], None] | None = None,
) -> list[BatchResult]:
    """Predictions of every uploaded file and frame, and one line for each that failed.

    Of each file the first :data:`BATCH_FRAMES` frames; `model_choices` holds the key of the model
    by kind of spectrum.
    """
    jobs = [(e, i) for e in found if not e.is_example for i in range(len(e.frames))[:BATCH_FRAMES]]
    results = []
    for n, (entry, frame) in enumerate(jobs):
        if progress:
            progress(n / len(jobs), f"Predicting {n + 1} of {len(jobs)}")
        made = [_batch_one(entry, frame, *choice) for choice in model_choices.items()]
        # what is wrong with a structure is wrong for both of its spectra
        results += [
            r for i, r in enumerate(made) if not r.error or r.error != made[i - 1].error or not i
        ]
    results += [BatchResult(f.name, error=f.error) for f in failed]
    return results


def _batch_one(entry: Entry, frame: int, spectrum: str, model_choice: str) -> BatchResult:
    name, atoms = entry.frame_name(frame), entry.frames[frame]
    try:
        options = absorber_options(atoms)
        if not options:
            return BatchResult(name, error="This frame holds no supported metal.")
        chosen = st.session_state.get(f"absorber_{entry.key}")
        absorber = chosen if chosen in options else first_choice(entry, options)
        element = element_of(atoms, absorber)
        model_key = model_for(element, spectrum, model_choice)
        if model_key is None:
            kind = KIND_NAMES[spectrum]
            return BatchResult(name, error=f"No shipped model predicts {kind} of {element}.")
        return BatchResult(name, predict(atoms, Request(absorber, element, model_key, spectrum)))
    except XanesError as error:
        return BatchResult(name, error=str(error))


def model_for(element: str, spectrum: str, wanted: str) -> str | None:
    """Key of the model `wanted` where it covers `element`, else of the default one."""
    keys = [c["key"] for c in model_cards(element, spectrum)]
    return wanted if wanted in keys else default_model(element, spectrum)


def first_choice(entry: Entry, options: dict[int | str, str]) -> int | str:
    """Absorber shown until the reader chooses: the file's own, else the first on offer."""
    return entry.absorber if entry.absorber in options else next(iter(options))


def with_extra(result: BatchResult, **extra) -> BatchResult:
    """The same result with further columns for the summary."""
    return replace(result, extra={**result.extra, **extra})

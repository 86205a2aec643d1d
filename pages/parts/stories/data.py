"""Stories on offer, and the spectra of a step."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st
from ase import Atoms

from pages.parts.shared.library import Request, default_model, examples, model_cards, predict
from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import StoryError
from xanes_core.plots import Curve, EnergyAxis, prediction_curve, spectrum_curve, without_band
from xanes_core.spectra import XANES
from xanes_core.stories import (
    CurveSpec,
    Shown,
    Step,
    Story,
    list_stories,
    stored_theory,
    story_atoms,
)

OWN = "own_story"
#: Bands of more curves than this hide each other.
_BANDS = 2


def all_stories() -> dict[str, Story]:
    """Stories by key: those of the project, then the reader's own."""
    stories = {story.key: story for story in list_stories()}
    own = st.session_state.get(OWN)
    return stories | {own.key: own} if own else stories


@st.cache_resource(max_entries=64, show_spinner=False)
def atoms_of(example: str, without: str) -> Atoms:
    """Structure of a curve; nobody changes it."""
    return story_atoms(example, without)


def shown_of(curve: CurveSpec) -> Shown:
    """What is known of a curve.

    Raises StoryError for a model that does not know its metal, XanesError where none can predict.
    """
    element = examples()[curve.example].element
    key = curve.model or default_model(element)
    if key is None or key not in [card.key for card in model_cards(element, XANES)]:
        raise StoryError(f"No shipped model {curve.model or ''} predicts XANES of {element}.")
    prediction = predict(atoms_of(curve.example, curve.without), Request(0, element, key))
    theory = stored_theory(curve.example, curve.without) if curve.theory else None
    return Shown(curve.name, prediction, theory)


def element_of_step(step: Step) -> str:
    """Metal of the first curve, whose edge energy the figure counts from."""
    return examples()[step.curves[0].example].element


def axis_of(step: Step) -> EnergyAxis:
    """Energies of the figure, relative to the edge energy."""
    return EnergyAxis(K_EDGE_EV[element_of_step(step)])


def curves_of(step: Step, shown: dict[str, Shown], *, answered: bool) -> list[Curve]:
    """Curves to draw; each is counted from the edge energy of its own metal."""
    axis = axis_of(step)
    drawn: list[Curve] = []
    visible = [curve for curve in step.curves if answered or not curve.after]
    for rank, curve in enumerate(visible):
        one = shown[curve.id]
        role = "other" if rank else "network"
        own = prediction_curve(one.prediction, curve.name, role=role, rank=max(rank - 1, 0))
        own = replace(own, energy_ev=one.prediction.energy_rel_ev + axis.e0_ev)
        drawn.append(own if len(visible) <= _BANDS else without_band(own))
    theories = [curve for curve in visible if curve.theory]
    for rank, curve in enumerate(theories):
        spectrum = shown[curve.id].theory
        if spectrum is not None:
            own = spectrum_curve(spectrum, f"{curve.name}, FEFF10", role="theory", rank=rank)
            drawn.append(replace(own, energy_ev=spectrum.energy_rel_ev + axis.e0_ev))
    return drawn

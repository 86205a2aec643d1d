"""Five short steps that explain the app, each on the structure in view."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from pages.parts.home.subject import HomeSubject
from pages.parts.shared.charts import show_figure
from pages.parts.shared.page import look, plain
from xanes_core.errors import XanesError
from xanes_core.importance import find_importance, group_centres_ang
from xanes_core.plots import (
    EnergyAxis,
    distance_importance_figure,
    features_figure,
    marked_spectra,
    members_figure,
    prediction_curve,
    spectrum_figure,
    without_band,
)
from xanes_core.spectra import spectral_features

HEIGHT_PX = 250


def lessons(subject: HomeSubject) -> None:
    """All five, one below the other."""
    st.markdown("## How it works, on this structure")
    st.caption(plain(subject.label))
    _row(1, "What XANES is", _xanes_text(subject), lambda: _xanes(subject))
    _row(2, "From structure to numbers", _numbers_text(subject), lambda: _numbers(subject))
    _row(3, "The ensemble votes", _votes_text(subject), lambda: _votes(subject))
    _row(4, "What the band means", _band_text(subject), lambda: _band(subject))
    _row(5, "What importance shows", _importance_text(subject), lambda: _importance(subject))
    st.page_link("pages/stories.py", label="Go on with a guided story")


def _row(number: int, title: str, text: str, make: Callable[[], go.Figure]) -> None:
    with st.container(border=True, key=f"lesson_{number}"):
        left, right = st.columns([4, 7], gap="medium", vertical_alignment="center")
        with left:
            st.markdown(f"### {number}. {title}")
            st.markdown(text)
        with right:
            try:
                show_figure(make(), key=f"lesson_figure_{number}", without=["select2d"])
            except XanesError as error:
                st.caption(plain(error))


def _xanes_text(subject: HomeSubject) -> str:
    element = subject.prediction.element
    return (
        f"X-rays of the right energy lift an electron out of the innermost shell of {element}, and "
        "the absorption jumps: that is the edge. Just before and after it the curve depends on "
        "what stands around the metal, so it is a fingerprint of charge, shape and bond lengths."
    )


def _xanes(subject: HomeSubject) -> go.Figure:
    prediction = subject.prediction
    energy, mu = prediction.energy_rel_ev, prediction.mu
    features = spectral_features(energy, mu)
    named = (
        (features.pre_edge_ev, "pre-edge"),
        (features.edge_half_ev, "edge"),
        (features.white_line_ev, "white line"),
    )
    marks = [(at, float(np.interp(at, energy, mu)), name) for at, name in named if np.isfinite(at)]
    curve = without_band(prediction_curve(prediction, f"Network, {prediction.element}"))
    return marked_spectra([curve], EnergyAxis(prediction.e0_ev), marks, look=look(HEIGHT_PX))


def _numbers_text(subject: HomeSubject) -> str:
    count = len(subject.model.descriptor.feature_names)
    return (
        f"A network cannot read a molecule, so the surroundings of the metal within "
        f"{subject.model.descriptor.r_cut_ang:g} \u00c5 become {count} numbers. Each bar counts "
        "the atoms near one distance, the heavy ones more. The dots are the atoms themselves."
    )


def _numbers(subject: HomeSubject) -> go.Figure:
    return features_figure(
        subject.model.descriptor, subject.atoms, subject.site, look=look(HEIGHT_PX)
    )


def _votes_text(subject: HomeSubject) -> str:
    return (
        f"{len(subject.prediction.members)} networks learned the same spectra, each from another "
        "start. Where the thin lines run together they agree; where they fan out, the training "
        "data left the question open. The thick line is their mean."
    )


def _votes(subject: HomeSubject) -> go.Figure:
    return members_figure(subject.prediction, look=look(HEIGHT_PX))


def _band_text(subject: HomeSubject) -> str:
    prediction = subject.prediction
    width = float(np.mean(prediction.upper - prediction.lower))
    return (
        "The spread of the votes and the distance from known structures give the band: it should "
        f"hold the true curve at {100 * prediction.level:.0f} % of the energies. Here it is "
        f"{width:.2f} edge steps wide on average, and the verdict is **{prediction.domain.level}**."
    )


def _band(subject: HomeSubject) -> go.Figure:
    prediction = subject.prediction
    curve = prediction_curve(prediction, f"Network, {prediction.element}")
    return spectrum_figure([curve], EnergyAxis(prediction.e0_ev), look=look(HEIGHT_PX))


def _importance_text(subject: HomeSubject) -> str:
    return (
        "Mix up one distance among the test structures and see how much worse the spectra get: a "
        f"high bar is a distance that the model needs around {subject.prediction.element}. "
        "Mostly it is the first shell. It is what the network looks at, not a law of chemistry."
    )


def _importance(subject: HomeSubject) -> go.Figure:
    model = subject.model
    stored = find_importance(model.importance, model.key, subject.prediction.element, "distance")
    centres = list(group_centres_ang(model.descriptor, "distance").values())
    return distance_importance_figure(stored, centres, look=look(HEIGHT_PX))

"""Fit one structure: what may move on the left, the spectra on the right, the answer below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from pages.parts.fit import runs
from pages.parts.fit.measured import (
    Source,
    choose_source,
    measured_of,
    refusal,
    say_origin,
)
from pages.parts.fit.moving import choose_moves, choose_window, stage_scene, toggle_ligand
from pages.parts.fit.result import show_result
from pages.parts.play.subject import Stage, choose_stage
from pages.parts.shared import inputs
from pages.parts.shared.charts import chart
from pages.parts.shared.choices import choose_axis, choose_model
from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.library import Request, cached_model, predict
from pages.parts.shared.page import look, plain
from pages.parts.shared.viewer3d import show_structure
from pages.parts.theory.jobs import Calculation, show_failure
from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import XanesError
from xanes_core.model import Prediction
from xanes_core.plots import (
    Curve,
    EnergyAxis,
    fit_figure,
    ghost_scene,
    prediction_curve,
    without_band,
)
from xanes_core.refinement import Measured, StructureFit, fit_structure
from xanes_core.structures import Suggestion

VIEW_PX, FIGURE_PX = 300, 440


@dataclass(frozen=True, eq=False)
class Task:
    """A structure and what is to be made of it.

    Attributes
    ----------
    stage : Stage
        Structure, absorber and ligands.
    model_key : str
    start : Prediction
        Of the structure as it came.
    """

    stage: Stage
    model_key: str
    start: Prediction


def fit_mode(entries: list[StructureEntry], source_line: st.delta_generator.DeltaGenerator) -> None:
    """The mode with a structure in view; the spectrum is chosen in `source_line`."""
    with source_line:
        if len(entries) == 1:
            st.markdown(f"**{plain(entries[0].label)}**")
        chosen = choose_stage(entries)
        if chosen is None:
            return
        stage, suggested = chosen
        source = choose_source(stage.element, label="Choose a measured spectrum")
    model_key = choose_model(stage.element, structure=(stage.body.atoms, stage.body.absorber))
    if model_key is None:
        st.warning(f"No shipped model covers {stage.element} yet: choose another absorber.")
        return
    if stage.note:
        st.caption(plain(stage.note))
    request = Request(stage.body.absorber, stage.element, model_key)
    task = Task(stage, model_key, predict(stage.body.atoms, request))
    left, right = st.columns([5, 7], gap="medium")
    with left:
        view, below = st.container(), st.container()
        with below:
            moves = choose_moves(stage, suggested)
    measured, key = None, ""
    if source is not None:
        try:
            measured, key = measured_of(source, stage.element)
        except XanesError as error:
            right.warning(refusal(source, stage.element, error))
    result = None
    if measured is not None and source is not None:
        with below:
            result = _fit_panel(task, measured, moves, source, key)
    with view:
        _view(stage, suggested, moves, result)
    with right:
        _spectra(task, measured, result, source)
    if result is not None and measured is not None:
        entry = inputs.active_entry(entries) or entries[0]
        show_result(result, stage, measured, entry)


def _fit_panel(
    task: Task, measured: Measured, moves: Sequence[Suggestion], source: Source, key: str
) -> StructureFit | None:
    """Window and button; the last fit of this structure to this spectrum."""
    window_ev: tuple[float, float] | None = None
    try:
        window_ev = choose_window(measured)
    except XanesError as error:
        st.warning(plain(error))
    words = ";".join(one.move.text for one in moves)
    calculation = Calculation(
        ("fit", key, task.stage.key), f"{task.model_key} {words} {window_ev}"
    )  # fmt: skip
    found, fits = runs.result_of(calculation)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if not moves:
            st.caption("Choose what may move.")
        elif window_ev is not None and not fits:
            work = partial(
                _work, measured, task, tuple(moves), window_ev
            )  # the reader may be on another page when it ends
            runs.run_button("Fit", calculation, f"Fit of {task.stage.label}", work)
            if found is not None:
                st.caption("Shown is the fit with the settings before.")
            else:
                what = "1 parameter" if len(moves) == 1 else f"{len(moves)} parameters"
                st.caption(f"{what} to find; takes some seconds.")
        elif fits:
            st.caption("Fitted with these settings.")
    show_failure(calculation.slot)
    say_origin(source)
    result: StructureFit | None = found
    return result


def _work(
    measured: Measured,
    task: Task,
    moves: tuple[Suggestion, ...],
    window_ev: tuple[float, float],
    on_progress: object,
    cancelled: object,
) -> StructureFit:
    body = task.stage.body
    return fit_structure(
        measured, body.atoms, body.absorber, moves, model=cached_model(task.model_key),
        window_ev=window_ev, on_progress=on_progress, cancelled=cancelled,
    )  # fmt: skip


def _view(
    stage: Stage,
    suggested: Sequence[Suggestion],
    moves: Sequence[Suggestion],
    result: StructureFit | None,
) -> None:
    """Structure; after a fit the fitted one over that which it began with."""
    lit = stage_scene(stage, moves)
    shown = (
        lit
        if result is None
        else ghost_scene(result, look=look()) | {"highlight": lit["highlight"]}
    )
    show_structure(
        shown, structure=f"fit {stage.key}", height_px=VIEW_PX, key="fit_view",
        pickable=[i for ligand in stage.body.ligands for i in ligand.atoms],
        on_pick=lambda atom: toggle_ligand(stage, suggested, atom),
    )  # fmt: skip
    st.caption(
        "A click on a ligand lets it move or holds it."
        if result is None
        else "Fitted structure; in green, where it began."
    )


def _spectra(
    task: Task, measured: Measured | None, result: StructureFit | None, source: Source | None
) -> None:
    """Measured, explained and starting spectrum, with what is left."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        axis = EnergyAxis(K_EDGE_EV[task.stage.element], choose_axis())
    curves: list[Curve] = []
    residual = None
    start = prediction_curve(task.start, f"Network, {task.stage.element}")
    if result is None:
        curves.append(start)
    else:
        curves.append(
            Curve(
                "Fitted", result.energies_ev, result.fitted_mu, "network", result.band_low,
                result.band_high, 0.9,
            )
        )  # fmt: skip
        residual = _residual(result)
        moved = Curve("Start, moved likewise", start.energy_ev + result.shift_ev, start.mu, "other")
        curves.append(without_band(moved))
    if measured is not None and source is not None:
        curves.append(Curve(source.short, measured.energies_ev, measured.mu, "measurement"))
    window_ev = st.session_state.get("fit_window") if measured is not None else None
    chart(
        lambda seen: fit_figure(curves, residual, axis, window_ev=window_ev, look=seen),
        key="fit_spectra", name=f"fit_{task.stage.label}", height_px=FIGURE_PX,
    )  # fmt: skip
    if measured is None:
        st.caption(
            "Drop a measured spectrum into the sidebar, or choose a calculated one with noise in "
            "the line above to see how a fit works."
        )


def _residual(result: StructureFit) -> Curve:
    """Explained less measured, with the model's band around zero."""
    return Curve(
        "fitted \u2212 measured",
        result.energies_ev,
        result.fitted_mu - result.measured_mu,
        "network",
        np.asarray(result.band_low - result.fitted_mu),
        np.asarray(result.band_high - result.fitted_mu),
    )

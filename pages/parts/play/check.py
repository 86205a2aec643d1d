"""The theory engine on one step of a motion: run in the background, kept for every step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from pages.parts.play.stage import step_value
from pages.parts.shared.library import structure_key
from pages.parts.shared.page import plain
from pages.parts.theory import jobs as theory_jobs
from xanes_core.errors import XanesError
from xanes_core.plots import Motion
from xanes_core.theory import (
    Feff10Settings,
    TheoryEngine,
    feff_seconds,
    get_engine,
    load_result,
    theory_work,
)

ENGINE = "feff10"


@dataclass(frozen=True)
class Checks:
    """FEFF10 on the steps of a motion.

    ``calculations`` by step, None where no input can be written; ``spectra`` are those known.
    """

    engine: TheoryEngine
    calculations: tuple[theory_jobs.Calculation | None, ...]
    spectra: dict[int, np.ndarray]


@st.cache_resource(max_entries=64, show_spinner=False)
def _calculations(
    identity: str, version: str, _engine: TheoryEngine, _motion: Motion
) -> tuple[theory_jobs.Calculation | None, ...]:
    found: list[theory_jobs.Calculation | None] = []
    for atoms, site in _motion.frames:
        try:
            key = _engine.cache_key(atoms, site, Feff10Settings())
        except XanesError:
            found.append(None)
            continue
        found.append(theory_jobs.Calculation((_engine.key, structure_key(atoms), site), key))
    return tuple(found)


def known_checks(motion: Motion, identity: str) -> Checks:
    """What FEFF10 has said of the steps, in this session or on disk."""
    engine = get_engine(ENGINE)
    calculations = _calculations(identity, engine.version(), engine, motion)
    spectra = {}
    for step, calculation in enumerate(calculations):
        if calculation is None:
            continue
        result, fits = theory_jobs.result_of(
            calculation, lambda key=calculation.key: load_result(theory_jobs.disk(), key)
        )
        if result is None or not fits:
            continue
        prediction = motion.predictions[step]
        try:
            spectrum = result.on_grid(prediction.energy_rel_ev, e0_ev=prediction.e0_ev)
        except XanesError as error:
            st.warning(plain(error))
            continue
        spectra[step] = spectrum.mu
    return Checks(engine, calculations, spectra)


def check_button(motion: Motion, checks: Checks, step: int) -> None:
    """Run FEFF10 on the step in view, or say how far the network is from it."""
    here = checks.engine.available()
    calculation = checks.calculations[step]
    done = step in checks.spectra
    st.button(
        "Check this point with FEFF10",
        key="play_check",
        type="primary",
        disabled=not here or calculation is None or done or theory_jobs.running() is not None,
        on_click=_start,
        args=(checks, motion, step),
        help=plain(here.message),
    )
    if done:
        prediction, truth = motion.predictions[step], checks.spectra[step]
        inside = np.mean((truth >= prediction.lower) & (truth <= prediction.upper))
        error = np.sqrt(np.mean((truth - prediction.mu) ** 2))
        st.caption(
            f"FEFF10 here: {100 * inside:.0f} % of the energies inside the band; "
            f"off by {error:.3f} edge steps (rms)"
        )
    elif not here:
        st.caption(f"{plain(here.message)}.")
    elif calculation is None:
        st.caption("FEFF10 cannot be set up for this point: its atoms are too near or too few.")
    else:
        seconds, count = feff_seconds(*motion.frames[step])
        st.caption(f"roughly {max(round(seconds / 5) * 5, 5)} s; {count} atoms within 6 \u00c5")


def _start(checks: Checks, motion: Motion, step: int) -> None:
    calculation = checks.calculations[step]
    if calculation is None:
        return
    atoms, site = motion.frames[step]
    work = theory_work(checks.engine, atoms, site, Feff10Settings(), theory_jobs.disk())
    title = f"{checks.engine.title}, {motion.title} at {step_value(motion, step)}"
    theory_jobs.start(calculation, title, work)


def show_failure(checks: Checks, step: int) -> None:
    """Why the last run on the step in view gave no spectrum."""
    calculation = checks.calculations[step]
    if calculation is not None:
        theory_jobs.show_failure(calculation.slot)

"""Several structures against one spectrum: which ones, and what both modes of it share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import streamlit as st

from pages.parts.fit import runs
from pages.parts.fit.measured import (
    Source,
    choose_source,
    element_of_source,
    measured_of,
    refusal,
    say_origin,
)
from pages.parts.fit.moving import choose_window
from pages.parts.shared import view
from pages.parts.shared.charts import chart
from pages.parts.shared.choices import absorber_in_view, absorber_options, choose_axis, choose_model
from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.library import cached_model, example_atoms, examples
from pages.parts.shared.page import notice, to_link
from pages.parts.shared.view import EXAMPLE
from pages.parts.theory.jobs import Calculation, show_failure
from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import XanesError
from xanes_core.model import SpectrumModel
from xanes_core.plots import Curve, EnergyAxis, fit_figure
from xanes_core.refinement import Candidate, Measured
from xanes_core.structures import absorber_elements

FIGURE_PX = 430
#: What a run is given: spectrum, candidates, model, window, how to report, when to stop.
Judge = Callable[..., Any]


@dataclass(frozen=True)
class Kind:
    """A mode with several structures.

    Attributes
    ----------
    key : str
        Of the mode.
    button : str
    title : str
        Of the job.
    link : str
        Name of the structures in the link.
    fewest : int
    most : int or None
    judge : callable
        ``judge(measured, candidates, model, window_ev, on_progress, cancelled)``.
    """

    key: str
    button: str
    title: str
    link: str
    fewest: int
    most: int | None
    judge: Judge


@dataclass(frozen=True, eq=False)
class Judged:
    """What is known in a mode: the spectrum, how it is drawn, and the last result.

    Attributes
    ----------
    name : str
        Of the spectrum, in the figure.
    measured : Measured
    compared : Measured
        Its points in the window of the result.
    axis : EnergyAxis
    window_ev : (float, float)
        Relative to E0.
    result : Any
    """

    name: str
    measured: Measured
    compared: Measured
    axis: EnergyAxis
    window_ev: tuple[float, float]
    result: Any

    def figure(self, explained: list[Curve], residual: Curve | None = None) -> None:
        """Draw the measured spectrum with what explains it."""
        own = Curve(self.name, self.measured.energies_ev, self.measured.mu, "measurement")
        chart(
            lambda look: fit_figure(
                [*explained, own], residual, self.axis, window_ev=self.window_ev, look=look
            ),
            key="fit_spectra", name="candidates", height_px=FIGURE_PX,
        )  # fmt: skip


def offered_candidates(entries: list[StructureEntry], element: str) -> dict[str, StructureEntry]:
    """Structures with the element by their key: the reader's, then the examples."""
    own = {
        entry.key: entry
        for entry in entries
        if not entry.is_example and element in absorber_elements(entry.frames[0])
    }
    shipped = {
        f"{EXAMPLE}{one.key}": StructureEntry(
            f"{EXAMPLE}{one.key}", one.title, [example_atoms(one.key)], one.key, one.absorber
        )
        for one in examples().values()
        if one.element == element
    }
    return own | shipped


def _choose(
    offered: Mapping[str, StructureEntry], kind: Kind, first: list[str]
) -> list[StructureEntry]:
    """Structures from a list, kept in the link; `first` until the reader chooses."""
    name, most = kind.link, kind.most
    asked = [key for key in view.value(name).split() if key]
    gone = [key for key in asked if key not in offered]
    if gone:
        notice(
            f"{len(gone)} of the structures asked for are not here or hold another metal: they "
            "were left out."
        )
        view.put(name, " ".join(key for key in asked if key in offered) or None)
    current = [key for key in asked if key in offered] or first
    st.session_state[f"fit_{name}"] = current[:most]
    st.multiselect(
        "Structures", list(offered), key=f"fit_{name}", max_selections=most,
        format_func=lambda key: offered[key].label if key in offered else str(key),
        on_change=lambda: to_link(name, " ".join(st.session_state[f"fit_{name}"]) or None),
        help="Examples, and your own files from the sidebar.",
    )  # fmt: skip
    return [offered[key] for key in current[:most]]


def _as_candidates(chosen: list[StructureEntry], element: str) -> list[Candidate]:
    """Every frame of the entries, with the absorber as the reader chose it."""
    found = []
    for entry in chosen:
        for frame, atoms in enumerate(entry.frames):
            options = {
                key: label
                for key, label in absorber_options(atoms).items()
                if (key if isinstance(key, str) else atoms[key].symbol) == element
            }
            if not options:
                continue
            name = entry.label if len(entry.frames) == 1 else f"{entry.label}, frame {frame + 1}"
            names = {one.name for one in found}
            if name in names:  # files of one name may differ
                name = next(f"{name} ({n})" for n in count(2) if f"{name} ({n})" not in names)
            found.append(Candidate(name, atoms, absorber_in_view(entry, options)))
    return found


def judged(
    kind: Kind,
    entries: list[StructureEntry],
    line: st.delta_generator.DeltaGenerator,
    element: str | None,
    first: Callable[[Source | None, Mapping[str, StructureEntry]], list[str]],
) -> tuple[Judged | None, st.delta_generator.DeltaGenerator]:
    """Choices on the left and the run; what there is to show, and where: on the right.

    `first` gives the keys of the structures until the reader chooses.
    """
    with line:
        source = choose_source(element, label="Choose a measured spectrum")
    element = element_of_source(source, element)
    left, right = st.columns([5, 7], gap="medium")
    model_key = choose_model(element)
    if model_key is None:
        st.warning(f"No shipped model covers {element} yet: choose another spectrum.")
        return None, right
    offered = offered_candidates(entries, element)
    with right, st.container(horizontal=True, gap="small", vertical_alignment="center"):
        axis = EnergyAxis(K_EDGE_EV[element], choose_axis())
    with left:
        chosen = _choose(offered, kind, first(source, offered))
        if source is None:
            st.caption("Drop a measured spectrum into the sidebar, or choose a calculated one.")
            return None, right
        try:
            measured, key = measured_of(source, element)
            window_ev = choose_window(measured)
        except XanesError as error:
            st.warning(refusal(source, element, error))
            return None, right
        task = (measured, tuple(_as_candidates(chosen, element)), cached_model(model_key))
        found = _run(kind, key, task, window_ev, " ".join(entry.key for entry in chosen))
        say_origin(source)
    result, compared = found if found is not None else (None, measured)
    return Judged(source.short, measured, compared, axis, window_ev, result), right


def _run(
    kind: Kind,
    key: str,
    task: tuple[Measured, tuple[Candidate, ...], SpectrumModel],
    window_ev: tuple[float, float],
    names: str,
) -> Any:
    """Button, and the last result for this spectrum; None where there is none."""
    measured, candidates, model = task
    calculation = Calculation((kind.key, key), f"{model.key} {window_ev} {names}")
    found, fits = runs.result_of(calculation)
    if len(candidates) < kind.fewest:
        st.caption(f"Choose {kind.fewest} structures or more.")
    elif not fits:
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            title = f"{kind.title} of {len(candidates)} structures"
            work = partial(_work, kind.judge, measured, candidates, model, window_ev)
            runs.run_button(kind.button, calculation, title, work)
            st.caption(
                f"{len(candidates)} structures."
                if found is None
                else "Shown is the result with the settings before."
            )
    show_failure(calculation.slot)
    return found


def _work(
    judge: Judge,
    measured: Measured,
    candidates: tuple[Candidate, ...],
    model: SpectrumModel,
    window_ev: tuple[float, float],
    on_progress: Callable[[float, str], None],
    cancelled: Callable[[], bool],
) -> tuple[Any, Measured]:
    result = judge(measured, candidates, model, window_ev, on_progress, cancelled)
    return result, measured.within(window_ev)

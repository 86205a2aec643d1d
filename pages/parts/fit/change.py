"""Spectrum of one structure less that of another, beside a measured difference."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import streamlit as st
from ase import Atoms

from pages.parts.fit.candidates import offered_candidates
from pages.parts.fit.measured import Source, choose_source, measured_of, refusal, say_origin
from pages.parts.fit.words import signed
from pages.parts.shared import inputs, view
from pages.parts.shared.charts import chart
from pages.parts.shared.choices import (
    absorber_in_view,
    absorber_options,
    choose_absorber,
    choose_axis,
    choose_entry,
    choose_model,
    element_of,
)
from pages.parts.shared.downloads import download_button
from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.library import cached_model, structure_key
from pages.parts.shared.page import notice, plain, to_link
from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import XanesError
from xanes_core.model import VERDICT_TITLES
from xanes_core.plots import Curve, EnergyAxis, change_figure
from xanes_core.refinement import SpectrumDifference, difference
from xanes_core.spectra import Spectrum

FIGURE_PX = 430
#: Taken off: the mean over the frames of the structure in view.
MEAN = "mean"
_NONE = "Measured, of the first (or the difference itself)"


def change_mode(entries: list[StructureEntry]) -> None:
    """Two structures on the left, their difference on the right."""
    left, right = st.columns([5, 7], gap="medium")
    with left:
        entry = choose_entry(entries)
        if len(entries) == 1:
            st.markdown(f"**{plain(entry.label)}**")
        atoms = entry.frames[inputs.frame_in_view(entry)]
        options = absorber_options(atoms)
        if not options:
            st.warning("This frame holds no metal that the models know: choose another structure.")
            return
        absorber = choose_absorber(entry, options)
        element = element_of(atoms, absorber)
        other = _choose_other(entry, offered_candidates(entries, element))
        measured, key = _measured(element)
    model_key = choose_model(element, structure=(atoms, absorber))
    if model_key is None:
        right.warning(f"No shipped model covers {element} yet: choose another absorber.")
        return
    if other is None:
        right.caption("Choose a second structure with the same metal.")
        return
    taken_off = entry.frames if other == MEAN else [offered_candidates(entries, element)[other]]
    with right:
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            axis = EnergyAxis(K_EDGE_EV[element], choose_axis())
        try:
            found = _found((atoms, absorber), taken_off, element, model_key, (measured, key))
        except XanesError as error:
            st.warning(plain(error))
            return
        _show(found, axis, measured)


def _choose_other(entry: StructureEntry, offered: Mapping[str, StructureEntry]) -> str | None:
    """Key of the structure that is taken off."""
    labels = {key: one.label for key, one in offered.items() if key != entry.key}
    if len(entry.frames) > 1:
        labels = {MEAN: f"Mean of its {len(entry.frames)} frames"} | labels
    asked = view.value("minus")
    if asked and asked not in labels:
        notice(view.missing("the second structure", asked))
        view.put("minus", None)
    current = asked if asked in labels else next(iter(labels), None)
    st.session_state["fit_minus"] = current
    st.selectbox(
        "Less", list(labels), key="fit_minus", format_func=lambda key: labels.get(key, str(key)),
        on_change=lambda: to_link("minus", st.session_state["fit_minus"]),
        help="Its spectrum is taken off that of the structure above.",
    )  # fmt: skip
    return current


def _measured(element: str) -> tuple[Spectrum | None, str]:
    """Measured difference: of two spectra, or a file that is one already."""
    first = choose_source(element, label=_NONE)
    if first is None:
        return None, ""
    second = choose_source(element, name="reference", label="Measured, of the second")
    say_origin(first)
    if second is None and first.is_calculated:
        st.caption("Choose that of the second structure, too.")
        return None, ""
    asked: Source = first
    try:
        one, key = measured_of(first, element, as_difference=second is None)
        if second is None:
            return Spectrum(one.energies_ev, one.mu), key
        asked = second
        other, other_key = measured_of(second, element)
    except XanesError as error:
        st.warning(refusal(asked, element, error))
        return None, ""
    low = max(one.energies_ev[0], other.energies_ev[0])
    high = min(one.energies_ev[-1], other.energies_ev[-1])
    inside = (one.energies_ev >= low) & (one.energies_ev <= high)
    if inside.sum() < 2:
        st.warning("The two measured spectra have no energies in common.")
        return None, ""
    energy = one.energies_ev[inside]
    mu = one.mu[inside] - np.interp(energy, other.energies_ev, other.mu)
    return Spectrum(energy, mu), f"{key} {other_key}"


def _found(
    first: tuple[Atoms, int | str],
    taken_off: list[Atoms] | list[StructureEntry],
    element: str,
    model_key: str,
    measured: tuple[Spectrum | None, str],
) -> SpectrumDifference:
    others, absorbers = [], []
    for one in taken_off:
        atoms = one if isinstance(one, Atoms) else one.frames[inputs.frame_in_view(one)]
        options = {
            key: label
            for key, label in absorber_options(atoms).items()
            if element_of(atoms, key) == element
        }
        others.append(atoms)
        absorbers.append(first[1] if isinstance(one, Atoms) else absorber_in_view(one, options))
    key = " ".join([structure_key(first[0]), *(structure_key(one) for one in others)])
    return _cached(
        key, f"{first[1]} {absorbers[0]} {model_key}", measured[1], first[0], others,
        (first[1], absorbers[0]), measured[0],
    )  # fmt: skip


@st.cache_resource(max_entries=32, show_spinner="Predicting the difference")
def _cached(
    structures: str, settings: str, spectrum: str, _first: Atoms, _others: list[Atoms],
    _absorbers: tuple[int | str, int | str], _measured: Spectrum | None,
) -> SpectrumDifference:  # fmt: skip
    return difference(
        cached_model(settings.rpartition(" ")[2]), _first, _others, *_absorbers,
        measured_difference=_measured,
    )  # fmt: skip


def _show(found: SpectrumDifference, axis: EnergyAxis, measured: Spectrum | None) -> None:
    compared = found.compared
    factor, shift_ev = (1.0, 0.0) if compared is None else (compared.scale, compared.shift_ev)
    ends = np.sort([factor * found.band_low, factor * found.band_high], axis=0)
    energy = found.energies_rel_ev + axis.e0_ev + shift_ev
    name = "Network" if compared is None else f"Network, times {factor:.2f}"
    curves = [Curve(name, energy, factor * found.mean, "network", ends[0], ends[1], found.level)]
    if measured is not None:
        curves.append(Curve("Measured difference", measured.energy_ev, measured.mu, "measurement"))
    chart(
        lambda look: change_figure(curves, axis, look=look),
        key="fit_change", name="difference", height_px=FIGURE_PX,
    )  # fmt: skip
    st.markdown(plain(_sentence(found), 900))
    for note in found.notes:
        st.info(plain(f"{note[:1].upper()}{note[1:]}."))
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown("Download")
        download_button(
            "JSON", json.dumps(found.to_dict(), indent=1), "difference.json", key="change_json"
        )


def _sentence(found: SpectrumDifference) -> str:
    largest = int(np.argmax(np.abs(found.mean)))
    parts = [
        f"Largest change {signed(found.mean[largest], 2)} edge steps at E0 "
        f"{signed(found.energies_rel_ev[largest], 1)} eV; at {100 * found.is_sure.mean():.0f} % of "
        "the energies the band leaves zero out."
    ]
    if found.compared is not None:
        one = found.compared
        parts.append(
            f"The measured difference is {one.scale:.2f} \u00b1 {one.scale_sd:.2f} times the "
            f"predicted one (correlation {one.correlation:.2f}), theory moved by "
            f"{signed(one.shift_ev, 1)} eV."
        )
    worst = [VERDICT_TITLES.get(v, v) for v in found.verdicts]
    parts.append(f"The first structure lies {worst[0]}, the second {worst[1]}.")
    return " ".join(parts)

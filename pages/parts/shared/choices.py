"""Choices that pages share: structure in view, absorber, model."""

from __future__ import annotations

import streamlit as st
from ase import Atoms

from pages.parts.shared import inputs
from pages.parts.shared.inputs import Entry
from pages.parts.shared.library import _sites, default_model, model_cards, structure_key
from pages.parts.shared.page import from_link, notice, to_link
from xanes_core.plots import Energies
from xanes_core.spectra import SPECTRUM_KINDS, XANES, SpectrumKind
from xanes_core.structures import absorber_elements
from xanes_core.theory import Convolution

AXES: dict[Energies, str] = {"relative": "E \u2212 E0", "absolute": "Energy"}
#: More sites than this are offered by element only.
MAX_LISTED_SITES = 60
_FIELDS = (
    ("width_ev", "Core hole (eV)", 0.01, 20.0, "Width of the core hole, FWHM"),
    ("width_max_ev", "Largest (eV)", 0.0, 50.0, "What the final state adds to the width at most"),
    ("ef_ev", "Fermi energy (eV)", -30.0, 30.0, "Relative to E0: states below are filled"),
    ("ec_ev", "Centre (eV)", 1.0, 200.0, "Centre of the arctangent above the Fermi energy"),
    ("el_ev", "Slope width (eV)", 1.0, 200.0, "Width of the arctangent"),
    ("step_from_ev", "Step from (eV)", 5.0, 500.0, "The edge step is the mean from here on"),
)


def known_spectra(element: str) -> tuple[SpectrumKind, ...]:
    """Kinds of spectra that a shipped model predicts for `element`."""
    return tuple(kind for kind in SPECTRUM_KINDS.values() if model_cards(element, kind))


def choose_spectra(element: str) -> tuple[SpectrumKind, ...]:
    """Kinds of spectra to show, kept in the link; a control where there is a choice."""
    known = known_spectra(element)
    titles = {kind.key: kind.title for kind in known}
    options = {kind.key: (kind,) for kind in known}
    if len(known) > 1:
        options["both"] = known
    asked = from_link("spectrum", [*SPECTRUM_KINDS, "both"], "the spectrum")
    if asked:
        st.session_state["spectra_choice"] = asked
        if asked not in options:
            notice(f"The link asks for XES, which no shipped model predicts for {element} yet.")
    if len(options) < 2:
        return known
    choice = st.session_state.get("spectra_choice")
    st.session_state["spectra"] = choice if choice in options else known[0].key
    choice = st.segmented_control(
        "Spectrum", list(options), format_func=lambda key: titles.get(key, key),
        key="spectra", required=True, label_visibility="collapsed", on_change=_remember_spectra,
    )  # fmt: skip
    to_link("spectrum", choice if choice != known[0].key else None)
    return options[choice]


def _remember_spectra() -> None:
    st.session_state["spectra_choice"] = st.session_state["spectra"]


def choose_model(element: str, kind: SpectrumKind = XANES) -> str | None:
    """Model for `element`: a choice where several XANES models cover it."""
    if kind != XANES:
        key = default_model(element, kind)
        st.sidebar.caption(f"Model: {key}")
        return key
    keys = [card["key"] for card in model_cards(element, XANES)]
    asked = from_link("model", [card["key"] for card in model_cards()], "the model")
    if asked and asked not in [card["key"] for card in model_cards(None, XANES)]:
        notice(f"{asked} predicts emission: choose XES on the Predict page.")
        asked = None
    if asked:
        st.session_state["model_choice"] = asked
    if not keys:
        return None
    if asked and asked not in keys:
        notice(f"The link's model {asked} does not know {element}: showing the one that does.")
    choice = st.session_state.get("model_choice")
    current = choice if choice in keys else default_model(element)
    if len(keys) > 1:
        st.session_state["model"] = current
        with st.sidebar:
            current = st.selectbox(
                "Model", keys, key="model", on_change=_remember_model,
                help="The Models page says what differs between them.",
            )  # fmt: skip
    else:
        st.sidebar.caption(f"Model: {current}")
    to_link("model", current if current != default_model(element) else None)
    return current


def _remember_model() -> None:
    st.session_state["model_choice"] = st.session_state["model"]


def choose_entry(found: list[inputs.Entry]) -> inputs.Entry:
    """The structure in view; a list where there are several."""
    entry = inputs.active_entry(found)
    if len(found) > 1:
        keys = [e.key for e in found]
        labels = {e.key: e.label for e in found}
        st.session_state["entry_select"] = entry.key
        st.selectbox(
            "Structure", keys, key="entry_select", format_func=labels.get,
            on_change=lambda: inputs.activate(st.session_state["entry_select"]),
            label_visibility="collapsed",
        )  # fmt: skip
    return entry


def choose_absorber(entry: inputs.Entry, options: dict) -> int | str:
    """Absorber of the structure in view: an element, a site, or all sites averaged."""
    key = f"absorber_{entry.key}"
    if st.session_state.get(key) not in options:
        st.session_state[key] = first_choice(entry, options)
    return st.selectbox(
        "Absorber", list(options), key=key, format_func=lambda o: f"Absorber: {options.get(o, o)}",
        persist_state="session", label_visibility="collapsed",
    )  # fmt: skip


def choose_axis() -> Energies:
    """How energies are counted, kept in the link."""
    asked = from_link("axis", list(AXES), "the energy axis")
    if asked:
        st.session_state["axis"] = asked
    axis = st.segmented_control(
        "Energy axis", list(AXES), default="relative" if "axis" not in st.session_state else None,
        format_func=AXES.get, key="axis", required=True, persist_state="session",
        label_visibility="collapsed",
    )  # fmt: skip
    to_link("axis", axis if axis != "relative" else None)
    return axis or "relative"


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


def model_for(element: str, kind: SpectrumKind, wanted: str) -> str | None:
    """Key of the model `wanted` where it covers `element`, else of the default one."""
    keys = [c["key"] for c in model_cards(element, kind)]
    return wanted if wanted in keys else default_model(element, kind)


def first_choice(entry: Entry, options: dict[int | str, str]) -> int | str:
    """Absorber shown until the reader chooses: the file's own, else the first on offer."""
    return entry.absorber if entry.absorber in options else next(iter(options))


def convolution_controls(key: str) -> Convolution:
    """Six numbers in two columns, starting from the published ones; kept between pages."""
    start = Convolution()
    columns = st.columns(2)
    values = {}
    for n, (name, label, low, high, told) in enumerate(_FIELDS):
        values[name] = columns[n % 2].number_input(
            label, low, high, value=getattr(start, name), step=0.5, format="%g", help=told,
            key=f"{key}_{name}", persist_state="session",
        )  # fmt: skip
    return Convolution(**values)

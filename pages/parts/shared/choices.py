"""Choices that pages share: structure in view, absorber, model, energy axis."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from ase import Atoms

from pages.parts.shared import inputs, view
from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.library import Request, default_model, model_cards, predict, sites_of
from pages.parts.shared.page import linked_choice, notice, plain
from xanes_core.errors import XanesError
from xanes_core.model import best_model, why_best
from xanes_core.plots import Energies, atom_name
from xanes_core.spectra import XANES, SpectrumKind
from xanes_core.structures import MAX_AVERAGED_SITES, absorber_elements

AXES: dict[Energies, str] = {"relative": "E \u2212 E\u2080", "absolute": "Energy"}
#: More sites than this are offered by element only.
MAX_LISTED_SITES = 60
#: Most sites offered one by one where they differ, so that no average is offered.
MAX_CHOICES = 1000


#: A structure with its absorber, as the library takes it.
Absorbing = tuple[Atoms, int | str]


def choose_model(
    element: str, kind: SpectrumKind = XANES, structure: Absorbing | None = None
) -> str | None:
    """Model for `element`: a choice where several XANES models cover it.

    The one that knows `structure` best unless the reader or the link names another.
    """
    if kind != XANES:
        key = default_model(element, kind)
        st.sidebar.caption(f"Model: {key}")
        return key
    keys = [card.key for card in model_cards(element, XANES)]
    asked = view.value("model")
    if asked and asked not in [card.key for card in model_cards(None, XANES)]:
        notice(f"{asked} predicts emission: choose XES on the Predict page.")
        view.put("model", None)
    if not keys:
        return None
    if asked and asked not in keys:
        notice(f"The model {asked} does not know {element}: showing the one that does.")
        view.put("model", None)
    best, reason = best_for(element, kind, structure)
    current = view.value("model") or best
    with st.sidebar:
        if len(keys) == 1:
            st.caption(f"Model: {current}")
            return current
        st.session_state["model"] = current
        st.selectbox(
            "Model", keys, key="model", on_change=_take_model, args=(best,),
            help="The Models page says what differs between them.",
        )  # fmt: skip
        if reason:
            st.caption(f"{plain(reason)}.")
    return current


def _take_model(best: str | None) -> None:
    """Keep the reader's model; the best one needs no keeping, and goes with the structure."""
    chosen = st.session_state["model"]
    view.put("model", chosen if chosen != best else None)


def best_for(
    element: str, kind: SpectrumKind, structure: Absorbing | None
) -> tuple[str | None, str]:
    """Key of the model that knows a structure best, and why; the default without a structure."""
    keys = [card.key for card in model_cards(element, kind)]
    if structure is None or len(keys) < 2:
        return default_model(element, kind), ""
    atoms, absorber = structure
    try:
        predictions = [predict(atoms, Request(absorber, element, key, kind)) for key in keys]
    except XanesError:  # the page says so where it predicts
        return default_model(element, kind), ""
    return best_model(predictions).model_key, why_best(predictions)


def choose_entry(entries: list[StructureEntry]) -> StructureEntry:
    """The structure in view; a list where there are several."""
    entry = inputs.active_entry(entries) or entries[0]
    if len(entries) > 1:
        labels = {e.key: e.label for e in entries}
        st.session_state["entry_select"] = entry.key
        st.selectbox(
            "Structure", list(labels), key="entry_select", format_func=labels.__getitem__,
            on_change=lambda: inputs.activate(st.session_state["entry_select"]),
            label_visibility="collapsed",
        )  # fmt: skip
    return entry


def choose_absorber(entry: StructureEntry, options: Mapping[int | str, str]) -> int | str:
    """Absorber of the structure in view: an element, a site, or all sites averaged."""
    asked = view.place(entry.key, "absorber")
    current = absorber_in_view(entry, options)
    if asked and str(current) != asked:
        notice(f"{entry.label} has no absorber {asked}: showing {options[current]}.")
        view.put_place(entry.key, "absorber", None)
    key = f"absorber_{entry.key}"
    first = first_choice(entry, options)
    st.session_state[key] = current
    st.selectbox(
        "Absorber", list(options), key=key, format_func=lambda o: f"Absorber: {options.get(o, o)}",
        label_visibility="collapsed", on_change=_take_absorber, args=(entry.key, key, first),
    )  # fmt: skip
    _say_who_differ(entry, options)
    return current


def _say_who_differ(entry: StructureEntry, options: Mapping[int | str, str]) -> None:
    """Why there is no average, where so many absorbers differ that it is not made unasked."""
    atoms = entry.frames[inputs.frame_in_view(entry)]
    for element in absorber_elements(atoms):
        n_sites = sum(site.element == element for site in sites_of(atoms))
        if element not in options and n_sites > MAX_AVERAGED_SITES:
            st.caption(
                f"The {n_sites:,} {element} atoms differ in their surroundings: choose one, or "
                "average them on the command line (--max-sites)."
            )


def _take_absorber(structure: str, key: str, first: int | str) -> None:
    _keep_absorber(structure, st.session_state[key], first)


def _keep_absorber(structure: str, chosen: int | str, first: int | str) -> None:
    view.put_place(structure, "absorber", str(chosen) if chosen != first else None)


def choose_axis() -> Energies:
    """How energies are counted, kept in the link."""
    return linked_choice("axis", AXES, label="Energy axis", what="the energy axis")


def absorber_options(atoms: Atoms) -> dict[int | str, str]:
    """Choices of absorber with their labels: elements first (all sites averaged), then sites."""
    sites = sites_of(atoms)
    options: dict[int | str, str] = {}
    for element in absorber_elements(atoms):
        own = [s for s in sites if s.element == element]
        atoms_in_all = sum(s.multiplicity for s in own)
        if atoms_in_all == 1:
            options[own[0].index] = atom_name(element, own[0].index)
            continue
        if len(own) == 1:
            options[element] = f"{element}, {atoms_in_all} equivalent atoms"
            continue
        differ = len(own) > MAX_AVERAGED_SITES
        if not differ:
            options[element] = f"{element}, average of {atoms_in_all} atoms"
        for site in own[: MAX_CHOICES if differ else MAX_LISTED_SITES]:
            equal = f", stands for {site.multiplicity}" if site.multiplicity > 1 else ""
            options[site.index] = f"{atom_name(element, site.index)}{equal}"
    return options


def pickable_atoms(atoms: Atoms) -> list[int]:
    """Atoms whose click in the 3D view changes the absorber; none where there is no choice."""
    options = absorber_options(atoms)
    if len(options) < 2:
        return []
    return [
        i for site in sites_of(atoms) for i in site.equivalent if _option_of(atoms, i) is not None
    ]


def pick_absorber(entry: StructureEntry, atoms: Atoms, index: int) -> None:
    """Take the atom clicked in the 3D view as if it had been chosen from the list."""
    option = _option_of(atoms, index)
    if option is not None:
        _keep_absorber(entry.key, option, first_choice(entry, absorber_options(atoms)))


def _option_of(atoms: Atoms, index: int) -> int | str | None:
    """Choice of absorber that holds this atom: its site, else its element; None for others."""
    options = absorber_options(atoms)
    site = next((s for s in sites_of(atoms) if index in s.equivalent), None)
    if site is None:
        return None
    return next((o for o in (site.index, site.element) if o in options), None)


def element_of(atoms: Atoms, absorber: int | str) -> str:
    """Element symbol of an absorber choice."""
    return absorber if isinstance(absorber, str) else atoms[absorber].symbol


def model_for(
    element: str, kind: SpectrumKind, wanted: str, structure: Absorbing | None = None
) -> str | None:
    """Key of the model `wanted` where it covers `element`, else of the default one.

    With a `structure` the one that knows it best, unless the reader named a model.
    """
    keys = [c.key for c in model_cards(element, kind)]
    if structure is not None and view.value("model") not in keys:
        return best_for(element, kind, structure)[0]
    return wanted if wanted in keys else default_model(element, kind)


def first_choice(entry: StructureEntry, options: Mapping[int | str, str]) -> int | str:
    """Absorber shown until the reader chooses: the file's own, else the first on offer."""
    own = entry.absorber
    return own if own is not None and own in options else next(iter(options))


def absorber_in_view(entry: StructureEntry, options: Mapping[int | str, str]) -> int | str:
    """Absorber that the reader chose, where it is on offer, else the first choice."""
    chosen = view.place(entry.key, "absorber")
    return next((o for o in options if str(o) == chosen), first_choice(entry, options))

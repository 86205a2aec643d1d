"""What moves, and how: structure, absorber and motion, each kept in the session and in the link."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from ase import Atoms

from pages.parts.shared import view
from pages.parts.shared.choices import absorber_options, choose_absorber, choose_entry, element_of
from pages.parts.shared.inputs import StructureEntry, frame_in_view
from pages.parts.shared.library import structure_key
from pages.parts.shared.page import from_link, notice, to_link
from xanes_core.constants import ABSORBERS
from xanes_core.errors import XanesError
from xanes_core.structures import (
    Movable,
    Move,
    Suggestion,
    cluster_around,
    move_label,
    move_limits,
    parse_move,
    select_sites,
    suggest_moves,
)

#: Word of the series of metals, which is one motion whichever metal comes first.
METALS = "metal"
#: Kinds of motion by the first part of their words, as they are offered.
KINDS = {
    "all": "All ligands",
    "ligand": "One ligand",
    "pair": "Trans pair",
    "angle": "Angle",
    "turn": "Turn",
    "offcentre": "Off centre",
    METALS: "Swap the metal",
}


@dataclass(frozen=True)
class Stage:
    """A structure ready to be moved.

    Attributes
    ----------
    key : str
        Changes with structure and absorber.
    label : str
        What it is called.
    body : Movable
    element : str
        Absorber.
    note : str
        What the reader should know of it; may be empty.
    """

    key: str
    label: str
    body: Movable
    element: str
    note: str


@st.cache_resource(max_entries=64, show_spinner=False)
def _prepared(key: str, site: int, _atoms: Atoms) -> tuple[Movable, tuple[Suggestion, ...]]:
    crystal = _atoms.pbc.any()
    body = Movable(cluster_around(_atoms, site), 0) if crystal else Movable(_atoms, site)
    return body, suggest_moves(body)


def choose_stage(entries: list[StructureEntry]) -> tuple[Stage, tuple[Suggestion, ...]] | None:
    """Structure and absorber in view with the moves that make sense; None with a sentence."""
    entry = choose_entry(entries)
    frame = frame_in_view(entry)
    atoms = entry.frames[frame]
    options = absorber_options(atoms)
    if not options:
        st.warning("This frame holds no metal that the models know: choose another structure.")
        return None
    absorber = choose_absorber(entry, options)
    site = select_sites(atoms, absorber)[0].index
    body, suggested = _prepared(structure_key(atoms), site, atoms)
    notes = []
    if isinstance(absorber, str):
        notes.append(f"One atom moves alone: {body.element} (atom {site}).")
    if atoms.pbc.any():
        notes.append("Of the crystal, this site and what lies within 8 \u00c5 of it are shown.")
    element = element_of(atoms, absorber)
    name = entry.frame_name(frame) if len(entry.frames) > 1 else entry.label
    key = f"{structure_key(atoms)} {site}"
    return Stage(key, name, body, element, " ".join(notes)), suggested


def choose_move(stage: Stage, suggested: tuple[Suggestion, ...]) -> Move:
    """The motion: its kind, then which ligands, in the line above the figure."""
    labels = {s.move.text: s.label for s in suggested} | {METALS: "Ti to Zn"}
    _take_link(stage, labels)
    held = st.session_state.get("play_move")
    if held not in labels and st.session_state.get("play_asked") == (stage.key, held):
        labels[held] = move_label(stage.body, parse_move(held))  # by link, beside the suggestions
    current = held if held in labels else next(iter(labels))
    kinds = {_kind(text): KINDS[_kind(text)] for text in labels}
    st.session_state["play_kind"] = _kind(current)
    kind = st.selectbox(
        "Motion", list(kinds), format_func=kinds.__getitem__, key="play_kind",
        on_change=_take_kind, args=(tuple(labels),), label_visibility="collapsed", width=170,
    )  # fmt: skip
    own = [text for text in labels if _kind(text) == kind]
    if len(own) > 1:
        st.session_state["play_which"] = current
        st.selectbox(
            "Which", own, format_func=lambda text: labels.get(text, text), key="play_which",
            on_change=_take_which, label_visibility="collapsed",
        )  # fmt: skip
    st.session_state["play_move"] = current
    to_link("move", current if current != next(iter(labels)) else None)
    return Move(METALS, word=ABSORBERS[0]) if current == METALS else parse_move(current)


def _kind(text: str) -> str:
    kind = text.partition(":")[0]
    return "ligand" if kind == "bond" else kind


def _take_kind(texts: tuple[str, ...]) -> None:
    kind = st.session_state["play_kind"]
    st.session_state["play_move"] = next(text for text in texts if _kind(text) == kind)
    to_link("value", None)


def _take_which() -> None:
    chosen = st.session_state["play_which"]
    # a list that has just gone may still report itself: it has no say in another kind of motion
    if _kind(chosen) != _kind(st.session_state.get("play_move", chosen)):
        return
    st.session_state["play_move"] = chosen
    to_link("value", None)


def _take_link(stage: Stage, labels: dict[str, str]) -> None:
    """Motion of the link, where it is new to this session; one that cannot be is said."""
    fresh = view.view().fresh
    if "move" not in fresh:
        return
    raw = view.value("move")
    known, reason = [METALS], ""
    if raw.partition(":")[0] == METALS:
        known.append(raw)
    elif raw:
        try:
            move = parse_move(raw)
            low, high = move_limits(stage.body, move)
            if move.is_change or low == high:
                reason = "it has no range to slide through."
            else:
                known.append(raw)
        except XanesError as error:
            reason = str(error)
    if reason:
        fresh.discard("move")
        notice(f"The link's motion was left out: {reason}")
        to_link("move", None)
        return
    asked = from_link("move", [*labels, *known], "the motion")
    if asked is None:
        return
    if _kind(asked) == METALS:
        metal = asked.partition(":")[2]
        asked = METALS
        if metal and not view.value("value"):
            view.put("value", metal)
            fresh.add("value")
    elif asked not in labels:
        asked = parse_move(asked).text
    st.session_state["play_move"] = asked
    st.session_state["play_asked"] = (stage.key, asked)

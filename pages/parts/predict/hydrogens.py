"""A note where a structure lacks hydrogens, and the offer to add them."""

from __future__ import annotations

import streamlit as st
from ase import Atoms

from pages.parts.shared import inputs
from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.library import structure_key
from pages.parts.shared.page import plain
from xanes_core.errors import XanesError
from xanes_core.structures import add_hydrogens, lacks_hydrogens

_REFUSED = "hydrogens_refused"


@st.cache_data(max_entries=512, show_spinner=False)
def _lacks(key: str, _atoms: Atoms) -> bool:
    return lacks_hydrogens(_atoms)


def hydrogens_note(entry: StructureEntry, frame: int) -> None:
    """Say that hydrogens are missing and offer to add them; nothing where none are."""
    atoms = entry.frames[frame]
    key = structure_key(atoms)
    if not _lacks(key, atoms):
        return
    with st.container(border=True, gap="xsmall", key="hydrogens"):
        st.badge("Hydrogens are missing", color="orange")
        st.markdown(
            "Carbons of this structure carry no hydrogens. Without them the spectrum changes by "
            "0.04 edge steps on average."
        )
        refused = st.session_state.get(_REFUSED, {}).get(key)
        if refused:
            st.caption(plain(refused))
            return
        st.button(
            "Add hydrogens", key="add_hydrogens", on_click=_add, args=(entry, frame, key),
            help="Where bond lengths and angles leave no doubt; beside the original, which stays.",
        )  # fmt: skip


def _add(entry: StructureEntry, frame: int, key: str) -> None:
    try:
        atoms = add_hydrogens(entry.frames[frame])
    except XanesError as error:
        st.session_state.setdefault(_REFUSED, {})[key] = str(error)
        return
    inputs.activate(inputs.add_with_hydrogens(entry, frame, atoms))

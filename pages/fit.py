"""Fit: which structure made a measured spectrum, and how sure that is."""

from __future__ import annotations

import streamlit as st

from pages.parts.fit import measured
from pages.parts.fit.change import change_mode
from pages.parts.fit.match import match_mode
from pages.parts.fit.mixture import mixture_mode
from pages.parts.fit.ranking import ranking_mode
from pages.parts.fit.structure import fit_mode
from pages.parts.shared import inputs, view
from pages.parts.shared.choices import absorber_in_view, absorber_options, element_of
from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.library import examples
from pages.parts.shared.page import linked_choice, page, plain
from pages.parts.theory import jobs as theory_jobs

MODES = {
    "fit": "Fit one structure",
    "rank": "Rank candidates",
    "mix": "Mixture",
    "difference": "Difference",
    "match": "Find a match",
}
#: Ways to begin: mode, example, spectrum, what it shows.
FIRST = (
    ("fit", "iron-tris-bipyridine", "theory:iron-tris-bipyridine-high-spin",
     "How long are the bonds?"),
    ("rank", "hexaaquairon-ii", "theory:hexaaquairon-ii", "Which complex is it?"),
    ("mix", "iron-tris-bipyridine", "theory:spin-mixture", "How much is high spin?"),
    ("difference", "iron-tris-bipyridine-high-spin", "theory:iron-tris-bipyridine-high-spin",
     "What does the spin change?"),
    ("match", "copper-porphine", "theory:copper-porphine", "What looks like it?"),
)  # fmt: skip


def welcome() -> None:
    """Invite to a fit of a spectrum that stands in for a measured one."""
    st.markdown(
        "Drop a measured spectrum and a structure into the sidebar. Or begin with a calculated "
        "spectrum that was moved, smeared and made noisy, as if it had been measured."
    )
    places = [*st.columns(3), *st.columns(3)]
    for column, (mode, example, source, title) in zip(places, FIRST, strict=False):
        column.button(
            f"**{title}**  \n{plain(examples()[example].title)}",
            key=f"fit_begin_{mode}", on_click=_begin, args=(mode, example, source),
            width="stretch",
        )  # fmt: skip


def _begin(mode: str, example: str, source: str) -> None:
    inputs.choose_example(example)
    view.put("mode", mode if mode != next(iter(MODES)) else None)
    view.put("measured", source)
    if mode == "difference":
        view.put("minus", "example:iron-tris-bipyridine")
        view.put("reference", "theory:iron-tris-bipyridine")


def element_in_view(entries: list[StructureEntry]) -> str | None:
    """Absorber of the structure in view; None without one."""
    entry = inputs.active_entry(entries)
    if entry is None:
        return None
    atoms = entry.frames[inputs.frame_in_view(entry)]
    options = absorber_options(atoms)
    return element_of(atoms, absorber_in_view(entry, options)) if options else None


def main() -> None:
    """Show the page."""
    inputs.sidebar()
    measured.sidebar()
    inputs.show_failures()
    theory_jobs.collect()
    entries = inputs.entries()
    mode = linked_choice("mode", MODES, label="What to do", what="the mode", wrap=True)
    theory_jobs.panel()
    if not entries and not view.value("measured"):
        inputs.active_entry([])
        welcome()
        return
    line = st.container(horizontal=True, gap="small", vertical_alignment="center", key="fit_line")
    if mode == "rank":
        ranking_mode(entries, line, element_in_view(entries))
    elif mode == "mix":
        mixture_mode(entries, line, element_in_view(entries))
    elif mode == "match":
        match_mode(line, element_in_view(entries))
    elif entries and mode == "difference":
        change_mode(entries)
    elif entries:
        fit_mode(entries, line)
    else:
        st.markdown("Choose the structure to begin with: your file or an example, in the sidebar.")


with page("Fit", "Which structure made this spectrum?"):
    main()

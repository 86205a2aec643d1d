"""What is in view: kept once in the session, and written into the address of every page.

Widgets never hold it. They show what stands here, and their callbacks change it here; so it lives
through page switches, reloads, links opened elsewhere, and the browser's Back and Forward.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.parts.shared.library import examples, model_cards
from xanes_core.constants import ABSORBERS
from xanes_core.errors import XanesError
from xanes_core.importance import parse_windows
from xanes_core.spectra import SPECTRUM_KINDS

_STATE = "view"
EXAMPLE, FILE = "example:", "file:"
#: Beginnings of the keys of structures that were made from others.
RELAXED, HYDROGENS, FITTED = "relaxed:", "hydrogens:", "fitted:"
DERIVED = (RELAXED, HYDROGENS, FITTED)
#: Settings that all pages share, in the order in which a link names them.
SETTINGS = ("model", "spectrum", "axis", "windows")
_PLACE = ("absorber", "frame")
_SHARED = ("example", "files", "relaxed", *_PLACE, *SETTINGS)
#: The page whose address says nothing: with parameters it leads to Predict.
HOME = "Home"
#: Files that a link names; of others it says how many there are.
_FILES_IN_LINK = 12
_FILE_LINE = re.compile(r"([0-9a-f]{16}) (.{1,255})")
_MORE_LINE = re.compile(r"\+\d{1,4}")
#: The browser may answer a run with the address from one or two runs before.
_REMEMBERED_LINKS = 3


@dataclass
class View:
    """What the reader looks at.

    Attributes
    ----------
    structure : str
        Key of the entry in view; empty where nothing is.
    example : str
        Example chosen last, listed beside files of the reader's.
    files : dict of str to str
        Names of the reader's files by digest, whether the session has them (still) or not.
    places : dict of str to dict
        Absorber and frame as chosen for each structure, by its key.
    values : dict of str to str
        All other choices by the name that they have in a link; what is left out is as at first.
    own : dict of str to set of str
        Names that single pages add to their links.
    """

    structure: str = ""
    example: str = ""
    files: dict[str, str] = field(default_factory=dict)
    places: dict[str, dict[str, str]] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    own: dict[str, set[str]] = field(default_factory=dict)
    page: str = ""
    fresh: set[str] = field(default_factory=set)
    written: deque[dict[str, str]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_LINKS))
    offered: dict[str, dict[str, str]] = field(default_factory=dict)


def view() -> View:
    """The view of this session."""
    return st.session_state.setdefault(_STATE, View())


def value(name: str) -> str:
    """A choice by its name in a link; empty where it is as at first."""
    return view().values.get(name, "")


def put(name: str, text: str | None) -> None:
    """Change a choice; None or nothing sets it back. The page's link names it from now on."""
    if name not in _SHARED:
        view().own.setdefault(view().page, set()).add(name)
    if text:
        view().values[name] = text
    else:
        view().values.pop(name, None)


def place(structure: str, name: str) -> str:
    """Absorber or frame of a structure as chosen by the reader; empty where not chosen."""
    return view().places.get(structure, {}).get(name, "")


def put_place(structure: str, name: str, text: str | None) -> None:
    """Choose absorber or frame of a structure; None leaves it to the page."""
    own = view().places.setdefault(structure, {})
    if text:
        own[name] = text
    else:
        own.pop(name, None)


# --- the address ---------------------------------------------------------------------------------


def arrive(page: str) -> list[str]:
    """Take what the address says where it is news; return what could not be taken, in sentences.

    A link opened, Back and Forward, and links of a page bring news; a rerun and the navigation do
    not, and neither does an address without parameters, unless the reader went back to it.
    """
    state, link = view(), st.query_params.to_dict()
    first, same_page = not state.page, state.page == page
    went_back = _went_back()
    state.page = page
    if page == HOME:
        return []
    if same_page and not went_back:
        is_news = link not in state.written
    else:
        is_news = went_back or (bool(link) and link != state.offered.get(page))
    if not is_news:
        write()
        return []
    if went_back:  # what the address does not name was as at first
        state.structure = ""
        for name in (*SETTINGS, *state.own.get(page, ())):
            state.values.pop(name, None)
    state.written.append(link)
    return _take(state, link, whole=first or went_back)


def write() -> None:
    """Bring the address up to date, where it says anything else than what is in view."""
    state, link = view(), st.query_params.to_dict()
    wanted = address(state.page)
    known = {*_SHARED, *state.own.get(state.page, ())}
    said = {name: text for name, text in link.items() if name in known or _problem(name, text)}
    if said != wanted:
        st.query_params.from_dict(wanted)  # at once: each message would be an entry in the history
        link = wanted
    if link not in state.written:
        state.written.append(link)


def address(page: str) -> dict[str, str]:
    """Parameters of the link to what is in view, on a page."""
    state = view()
    if page == HOME:
        return {}
    structure, relaxed = _original(state.structure)
    link: dict[str, str] = {}
    if structure.startswith(EXAMPLE):
        link["example"] = structure.removeprefix(EXAMPLE)
    if structure and state.files:
        link["files"] = _files_text(state.files, structure.removeprefix(FILE))
    if relaxed:
        link["relaxed"] = relaxed
    link |= state.places.get(state.structure, {})
    names = (*SETTINGS, *sorted(state.own.get(page, ())))
    return link | {name: state.values[name] for name in names if name in state.values}


def links_differ(page: str) -> bool:
    """Whether the link to `page` is another one than the navigation shows; it shows it now."""
    state, link = view(), address(page)
    differs = state.offered.get(page) != link
    state.offered[page] = link
    return differs


def _went_back() -> bool:
    """Whether the reader came by the browser's Back or Forward."""
    context = get_script_run_ctx()
    return bool(context and context.is_history_navigation)


def _original(structure: str) -> tuple[str, str]:
    """Key of the structure that another was made from, and the frame that was relaxed, from 1.

    No frame for any other; of one with hydrogens, and of one that was fitted, the link names the
    original.
    """
    relaxed = ""
    while structure.startswith(DERIVED):
        is_relaxed = structure.startswith(RELAXED)
        structure, _, frame = structure.partition(":")[2].rpartition(":")
        relaxed = str(int(frame) + 1) if is_relaxed else ""
    return structure, relaxed


def _files_text(files: Mapping[str, str], first: str) -> str:
    digests = sorted(files, key=lambda digest: digest != first)
    lines = [f"{d} {' '.join(files[d].split())[:255]}" for d in digests[:_FILES_IN_LINK]]
    more = len(digests) - len(lines)
    return "\n".join([*lines, f"+{more}"] if more else lines)


def _take(state: View, link: Mapping[str, str], *, whole: bool) -> list[str]:
    """Take a link into the view; `whole` where it says all, not only what shall change."""
    said: list[str] = []
    good = {}
    for name, text in link.items():
        if problem := _problem(name, text):
            said.append(problem)
        else:
            good[name] = text
    said += _take_structure(state, good)
    chosen = {name: good[name] for name in _PLACE if name in good}
    if state.structure and (whole or chosen or "example" in good or "files" in good):
        state.places[state.structure] = chosen
    elif chosen:
        said.append("The link names an absorber or a frame, but no structure: choose one first.")
    for name, text in good.items():
        if name in SETTINGS or name not in _CHECKS:
            state.values[name] = text
    state.fresh = set(good)
    return said


def _take_structure(state: View, link: Mapping[str, str]) -> list[str]:
    said = []
    element, example = link.get("element"), link.get("example")
    if example is None and element is not None and "files" not in link:
        example = next((k for k, e in examples().items() if e.element == element), None)
    structure = ""
    if "files" in link:
        named = [_FILE_LINE.fullmatch(line) for line in link["files"].split("\n")]
        files = {match[1]: match[2] for match in named if match}
        state.files |= {digest: name for digest, name in files.items() if digest not in state.files}
        structure = f"{FILE}{next(iter(files))}"
    if example is not None:
        state.example, structure = example, f"{EXAMPLE}{example}"
        metal = examples()[example].element
        if element is not None and element != metal:
            said.append(
                f"The link names {element}, but its example holds {metal}: showing the example."
            )
    if structure and "relaxed" in link:
        structure = f"{RELAXED}{structure}:{int(link['relaxed']) - 1}"
    state.structure = structure or state.structure
    return said


# --- what a link may say -------------------------------------------------------------------------


def missing(what: str, text: str) -> str:
    """Sentence about a value that a link asks for in vain."""
    return f"The link asks for {what} {text[:40]!r}, which does not exist here; it was left out."


def _one_of(what: str, options: Callable[[], object]) -> Callable[[str], str]:
    return lambda text: "" if text in options() else missing(what, text)  # type: ignore[operator]


def _problem(name: str, text: str) -> str:
    """What is wrong with a parameter that all pages share, as a sentence; empty where it is not."""
    return _CHECKS[name](text) if name in _CHECKS else ""


def _number(what: str) -> Callable[[str], str]:
    return lambda text: "" if re.fullmatch(r"[1-9]\d{0,4}", text) else missing(what, text)


def _check_absorber(text: str) -> str:
    known = text in ABSORBERS or re.fullmatch(r"0|[1-9]\d{0,4}", text)
    return "" if known else missing("the absorber", text)


def _check_files(text: str) -> str:
    lines = text.split("\n")
    if len(lines) > 1 and _MORE_LINE.fullmatch(lines[-1]):
        lines.pop()
    if len(lines) <= _FILES_IN_LINK and all(_FILE_LINE.fullmatch(line) for line in lines):
        return ""
    return "The link names files in a way that cannot be read; they were left out."


def _check_windows(text: str) -> str:
    try:
        parse_windows(text)
    except XanesError as error:
        return f"The link's windows were left out: {error}."
    return ""


_CHECKS: dict[str, Callable[[str], str]] = {
    "example": _one_of("the example", examples),
    "element": _one_of("the element", lambda: ABSORBERS),
    "files": _check_files,
    "relaxed": _number("the relaxed frame"),
    "absorber": _check_absorber,
    "frame": _number("the frame"),
    "model": _one_of("the model", lambda: [card.key for card in model_cards()]),
    "spectrum": _one_of("the spectrum", lambda: [*SPECTRUM_KINDS, "both"]),
    "axis": _one_of("the energy axis", lambda: ("relative", "absolute")),
    "windows": _check_windows,
}

"""What surrounds every page: set-up, navigation, links, and errors of the library as sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st

from xanes_core.errors import XanesError
from xanes_core.plots import Look

# an icon by name would come from a font server; this one comes from here
ICON = Path(__file__).resolve().parent / "icon.png"
#: What the theme leaves open; Streamlit takes a path for the content of the file.
STYLES = Path(__file__).resolve().parent / "page.css"
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_NOTICES = "_notices"
Key = TypeVar("Key", bound=str)


@dataclass(frozen=True)
class PageLink:
    """A page as the navigation shows it."""

    script: str
    title: str


#: The pages in the order of the navigation; the first is where the app opens.
PAGES = (
    PageLink("pages/predict.py", "Predict"),
    PageLink("pages/importance.py", "Feature importance"),
    PageLink("pages/windows.py", "Spectral windows"),
    PageLink("pages/theory.py", "Theory"),
    PageLink("pages/models.py", "Models"),
)


@contextmanager
def page(title: str) -> Iterator[None]:
    """Set a page up, show navigation and notices, and turn what the library refuses into words."""
    st.set_page_config(page_title=f"{title} - XANES Explorer", page_icon=str(ICON), layout="wide")
    st.logo(ICON)
    st.html(STYLES)
    with st.sidebar, st.container(key="navigation", gap="xxsmall"):
        for link in PAGES:
            st.page_link(link.script, label=link.title, width="stretch")
    notices = st.container()
    try:
        yield
    except XanesError as error:
        st.error(plain(error))
    with notices:
        show_notices()


def look(height_px: int | None = None) -> Look:
    """The reader's page, for a figure in its own height or in that given."""
    return Look(st.context.theme.type == "dark", height_px)


def plain(text: object, limit: int = 400) -> str:
    """`text` so that markdown shows it letter by letter: no markup, link, icon or formula."""
    line = " ".join(str(text).split())
    line = line if len(line) <= limit else line[: limit - 1] + "\u2026"
    # autolinks survive backslashes: a word joiner keeps an address from becoming one
    for mark in ("://", "www.", "@"):
        line = line.replace(
            mark, f"{mark[0]}\u2060{mark[1:]}" if len(mark) > 1 else f"\u2060{mark}"
        )
    return _PUNCTUATION.sub(r"\\\1", line)


def notice(sentence: str) -> None:
    """Keep a sentence for the reader until the page has shown it once."""
    waiting = st.session_state.setdefault(_NOTICES, [])
    if sentence not in waiting:
        waiting.append(sentence)


def show_notices() -> None:
    """Show the sentences kept by :func:`notice`."""
    for sentence in st.session_state.pop(_NOTICES, []):
        st.info(plain(sentence))


def from_link(name: str, options: Sequence[str], what: str) -> str | None:
    """Value of the link's parameter `name` where it is new to this session and an option.

    A value that is no option leaves a notice and is dropped from the link.
    """
    value = st.query_params.get(name)
    if value is None or value == st.session_state.get(f"_link_{name}"):
        return None
    st.session_state[f"_link_{name}"] = value
    if value in options:
        return value
    notice(f"The link asks for {what} {value[:40]!r}, which does not exist here; it was left out.")
    del st.query_params[name]
    return None


def to_link(name: str, value: str | None) -> None:
    """Write the parameter `name` into the page's address; None takes it out."""
    st.session_state[f"_link_{name}"] = value
    if value is None:
        if name in st.query_params:
            del st.query_params[name]
    elif st.query_params.get(name) != value:
        st.query_params[name] = value


def linked_choice(name: str, options: Mapping[Key, str], *, label: str, what: str) -> Key:
    """One of a few options side by side, kept in session and link; the first needs no link.

    `options` are labels by value; `label` names the control, `what` the choice in a notice.
    """
    first = next(iter(options))
    asked = from_link(name, list(options), what)
    if asked:
        st.session_state[name] = asked
    start: dict[str, Any] = {} if name in st.session_state else {"default": first}
    choice: Key | None = st.segmented_control(
        label, list(options), format_func=options.__getitem__, key=name, required=True,
        persist_state="session", label_visibility="collapsed", **start,
    )  # fmt: skip
    to_link(name, choice if choice != first else None)
    return choice or first

"""What surrounds every page: set-up, navigation, links, and errors of the library as sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.parts.shared import view
from pages.parts.shared.door import host_allowed, refusal
from pages.parts.shared.downloads import keep_downloads
from xanes_core.errors import XanesError
from xanes_core.files import safe_name
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
    PageLink("app.py", "Home"),
    PageLink("pages/predict.py", "Predict"),
    PageLink("pages/play.py", "Play"),
    PageLink("pages/fit.py", "Fit"),
    PageLink("pages/importance.py", "Feature importance"),
    PageLink("pages/windows.py", "Spectral windows"),
    PageLink("pages/theory.py", "Theory"),
    PageLink("pages/models.py", "Models"),
    PageLink("pages/stories.py", "Stories"),
)


@contextmanager
def page(title: str, heading: str = "") -> Iterator[None]:
    """Set a page up, show navigation and notices, and turn what the library refuses into words.

    `heading` is its h1 where that says more than the title. What the address brings is in view
    before the page begins; at its end the address says what is in view.
    """
    host = st.context.headers.get("Host")
    if host and not host_allowed(host):  # before any work; without serve.py nobody else looks
        st.error(plain(refusal(host)))
        st.stop()
    keep_downloads()
    st.set_page_config(page_title=f"{title} - XANES Explorer", page_icon=str(ICON), layout="wide")
    st.logo(ICON)
    st.html(STYLES)
    for sentence in view.arrive(title):
        notice(sentence)
    with st.sidebar, st.container(key="navigation", gap="xxsmall"):
        slots = [st.empty() for _ in PAGES]
        _close_on_phone()(key="close_on_phone", data={"choice": f"{title} {view.view().structure}"})
    _navigation(slots)
    with st.container(key=f"title_{safe_name(title).lower()}"):
        st.title(heading or title, anchor=False)
    notices = st.container()
    try:
        yield
    except XanesError as error:
        st.error(plain(error))
    view.write()
    _navigation(slots, again=True)
    with notices:
        show_notices()


def _navigation(slots: Sequence[Any], *, again: bool = False) -> None:
    """Links to all pages with what is in view, so that a new tab shows the same."""
    for link, slot in zip(PAGES, slots, strict=True):
        if view.links_differ(link.title) or not again:
            slot.page_link(
                link.script, label=link.title, width="stretch",
                query_params=view.address(link.title),
            )  # fmt: skip


@st.cache_resource(max_entries=1, show_spinner=False)
def _close_on_phone() -> Callable[..., Any]:
    """What closes the sidebar on a phone once the structure or the page is another one."""
    script = (Path(__file__).parent / "sidebar.js").read_text(encoding="utf-8")
    return st.components.v2.component("close_on_phone", js=script)


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
    """Value of the link's parameter `name` where the link is new and the value is an option.

    A value that is no option leaves a notice and is dropped from the link.
    """
    state = view.view()
    if name not in state.fresh:
        return None
    state.fresh.discard(name)
    text = view.value(name)
    if text in options:
        return text
    notice(view.missing(what, text))
    view.put(name, None)
    return None


def to_link(name: str, value: str | None) -> None:
    """Write the parameter `name` into the page's address; None takes it out."""
    view.put(name, value)
    context = get_script_run_ctx()
    if context and context.fragment_ids_this_run:  # the page, which writes it at its end, rests
        view.write()


def linked_choice(
    name: str, options: Mapping[Key, str], *, label: str, what: str, wrap: bool = False
) -> Key:
    """One of a few options side by side, kept in the link; the first needs no link.

    `options` are labels by value; `label` names the control, `what` the choice in a notice.
    """
    first = next(iter(options))
    text = view.value(name)
    if text and text not in options:
        notice(view.missing(what, text))
    chosen: Key = next((option for option in options if option == text), first)
    view.put(name, chosen if chosen != first else None)
    st.session_state[name] = chosen
    st.segmented_control(
        label, list(options), format_func=options.__getitem__, key=name, required=True,
        label_visibility="collapsed", wrap=wrap,
        on_change=lambda: view.put(name, st.session_state[name]),
    )  # fmt: skip
    return chosen

"""What surrounds every page: set-up, navigation, and errors of the library as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from pages.parts.common import plain
from xanes_core.errors import XanesError

# an icon by name would come from a font server; this one comes from here
ICON = Path(__file__).resolve().parent / "icon.png"


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
    """Set a page up, show the navigation, and turn what the library refuses into a sentence."""
    st.set_page_config(page_title=f"{title} - XANES Explorer", page_icon=str(ICON), layout="wide")
    st.logo(ICON)
    # the default margins leave too little room for two panels side by side
    st.html("<style>.stMainBlockContainer {padding-left: 2rem; padding-right: 2rem;}</style>")
    with st.sidebar, st.container(key="navigation", gap="xxsmall"):
        for link in PAGES:
            st.page_link(link.script, label=link.title, width="stretch")
    try:
        yield
    except XanesError as error:
        st.error(plain(error))

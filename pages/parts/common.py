"""Small things every page needs: theme, safe text, links, cached models and examples."""

from __future__ import annotations

import re
from collections.abc import Sequence

import streamlit as st

from xanes_core.examples import list_examples, load_example
from xanes_core.registry import list_models, load_model

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_NOTICES = "_notices"
#: Kinds of spectra as people call them.
KIND_NAMES = {"xanes": "XANES", "xes": "XES"}


def is_dark() -> bool:
    """Whether the reader's page is dark."""
    return st.context.theme.type == "dark"


def plain(text: str, limit: int = 400) -> str:
    """`text` so that markdown shows it letter by letter: no markup, link, icon or formula."""
    text = " ".join(str(text).split())
    text = text if len(text) <= limit else text[: limit - 1] + "\u2026"
    # autolinks survive backslashes: a word joiner keeps an address from becoming one
    for mark in ("://", "www.", "@"):
        text = text.replace(
            mark, f"{mark[0]}\u2060{mark[1:]}" if len(mark) > 1 else f"\u2060{mark}"
        )
    return _PUNCTUATION.sub(r"\\\1", text)


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


@st.cache_resource(max_entries=8, show_spinner="Loading the model")
def cached_model(key: str):
    """Read-only model, shared by all readers."""
    return load_model(key)


@st.cache_data(max_entries=4, show_spinner=False)
def model_cards(element: str | None = None, spectrum: str | None = None) -> list[dict]:
    """Cards of the shipped models of an element and a kind of spectrum, defaults first.

    None stands for all.
    """
    return [dict(card) for card in list_models(element, spectrum)]


@st.cache_resource(max_entries=1, show_spinner=False)
def examples() -> dict:
    """Examples by key, in the order of the catalogue."""
    return {example.key: example for example in list_examples()}


@st.cache_resource(max_entries=64, show_spinner=False)
def example_atoms(key: str):
    """Structure of an example; nobody changes it."""
    return load_example(key)


def default_model(element: str, spectrum: str = "xanes") -> str | None:
    """Key of the model that answers for `element` unless the reader chooses another."""
    cards = model_cards(element, spectrum)
    return cards[0]["key"] if cards else None

"""The measured spectra: files of the reader's, and calculated ones that stand in for them."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st

from pages.parts.shared import view
from pages.parts.shared.library import examples
from pages.parts.shared.page import notice, plain
from xanes_core.constants import ABSORBERS, K_EDGE_EV
from xanes_core.errors import XanesError
from xanes_core.refinement import Measured
from xanes_core.spectra import (
    Spectrum,
    SpectrumTable,
    imitate_measurement,
    list_spectra,
    read_table,
)
from xanes_core.stories import has_theory, stored_theory

#: Measured files kept at a time.
MAX_FILES = 50
THEORY, FILE = "theory:", "file:"
#: What is done to stored FEFF10 spectra: moved (eV), smeared (eV), noise (edge steps).
SHIFT_EV, BROADENING_EV, NOISE = -2.4, 0.8, 0.004
#: Mixtures on offer: title, and fraction of each example.
MIXTURES: Mapping[str, tuple[str, Mapping[str, float]]] = {
    "spin-mixture": (
        "Tris(bipyridine)iron(II), 35 % high spin",
        {"iron-tris-bipyridine": 0.65, "iron-tris-bipyridine-high-spin": 0.35},
    ),
}
_FILES, _VERSION, _BEFORE = "fit_files", "fit_uploader_version", "fit_uploader_keys"


@dataclass(frozen=True)
class MeasuredFile:
    """Bytes of an upload, kept through page switches."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Source:
    """Where a spectrum comes from: ``key`` as in the link, ``label`` for a list."""

    key: str
    label: str

    @property
    def is_calculated(self) -> bool:
        """Whether it only stands in for a measurement."""
        return self.key.startswith(THEORY)

    @property
    def short(self) -> str:
        """Name in a figure."""
        return "Calculated, with noise" if self.is_calculated else self.label[:60]


def files() -> dict[str, MeasuredFile]:
    """Measured files of this session by digest."""
    return st.session_state.setdefault(_FILES, {})


def sidebar() -> None:
    """Uploader of measured spectra."""
    with st.sidebar:
        key = _uploader_key()
        st.file_uploader(
            "Measured spectra", accept_multiple_files=True, key=key, on_change=_take,
            help="CSV, XDI, Athena, NeXus or other text files of columns; several are accepted.",
        )  # fmt: skip
        if files() and not st.session_state.get(key):
            names = ", ".join(one.name for one in list(files().values())[:3])
            st.caption(f"Kept: {plain(names, 120)}")
            st.button("Remove the spectra", on_click=_clear, type="tertiary")


def _uploader_key() -> str:
    return f"fit_uploader_{st.session_state.setdefault(_VERSION, 0)}"


def _take() -> None:
    """Match the kept files with the uploader's list; what came on an earlier visit stays."""
    now = {}
    for upload in st.session_state.get(_uploader_key()) or []:
        data = upload.getvalue()
        digest = hashlib.sha256(data + b"\0" + upload.name.encode()).hexdigest()[:16]
        now[digest] = MeasuredFile(upload.name, data)
    if len(now) > MAX_FILES:
        notice(f"{len(now)} spectra are too many at once: the first {MAX_FILES} were taken.")
        now = dict(list(now.items())[:MAX_FILES])
    kept = files()
    fresh = [digest for digest in now if digest not in kept]
    for digest in st.session_state.get(_BEFORE, []):
        if digest not in now:
            kept.pop(digest, None)
    kept.update(now)
    st.session_state[_BEFORE] = list(now)
    if fresh and not view.value("measured").startswith(tuple(f"{FILE}{d}" for d in fresh)):
        view.put("measured", f"{FILE}{fresh[0]}")


def _clear() -> None:
    st.session_state[_FILES], st.session_state[_BEFORE] = {}, []
    st.session_state[_VERSION] += 1
    if view.value("measured").startswith(FILE):
        view.put("measured", None)


# --- what there is to choose from ----------------------------------------------------------------


@st.cache_data(max_entries=64, show_spinner=False)
def _groups(data: bytes, name: str) -> tuple[str, ...]:
    return list_spectra(data, name=name)


# a resource, so that a large file is not copied with every run of the page; nothing writes to it
@st.cache_resource(max_entries=64, show_spinner=False)
def _table(data: bytes, name: str, group: str | None) -> SpectrumTable:
    return read_table(data, name=name, group=group)


def sources(element: str | None) -> dict[str, Source]:
    """Spectra on offer by key: files first, then calculated ones of the element."""
    found = {}
    for digest, one in files().items():
        try:
            groups = _groups(one.data, one.name)
        except XanesError:  # said where the file is chosen
            groups = ("",)
        many = len(groups) > 1
        for number, group in enumerate(groups):
            key = f"{FILE}{digest}" + (f":{number}" if many and number else "")
            label = f"{one.name}, {group}" if many else one.name
            found[key] = Source(key, label)
    for key, label, metal in _calculated():
        if element in (None, metal):
            found[key] = Source(key, f"{label} (calculated, with noise)")
    return found


def _calculated() -> list[tuple[str, str, str]]:
    """Key, label and element of the spectra that stand in for measured ones."""
    found = [
        (f"{THEORY}{key}", title, examples()[next(iter(parts))].element)
        for key, (title, parts) in MIXTURES.items()
    ]
    single = [
        (f"{THEORY}{one.key}", one.title, one.element)
        for one in examples().values()
        if has_theory(one.key)
    ]
    return single + found


def choose_source(element: str | None, *, name: str = "measured", label: str) -> Source | None:
    """Spectrum in view, from a list; `name` is that in the link."""
    offered = sources(element)
    asked = view.value(name)
    if asked and asked not in offered:
        if asked.startswith(FILE):
            st.info(
                "The measured spectrum of this link is a file that is not here: drop it into the "
                "sidebar again, or choose another one."
            )
        else:
            if asked not in sources(None):
                notice(view.missing("the measured spectrum", asked))
            view.put(name, None)
    current = asked if asked in offered else None
    st.session_state[f"fit_{name}"] = current
    st.selectbox(
        label, list(offered), key=f"fit_{name}", placeholder=label, label_visibility="collapsed",
        format_func=lambda key: offered[key].label if key in offered else str(key), index=None,
        on_change=lambda: view.put(name, st.session_state[f"fit_{name}"]),
    )  # fmt: skip
    return offered[current] if current else None


def stated_element(source: Source) -> str | None:
    """Element of a spectrum by what it says, else by the only edge within its energies."""
    for key, _, element in _calculated():
        if key == source.key:
            return element
    try:
        spectrum = _table(*_file_of(source)).spectrum()
    except XanesError:
        return None
    if stated := spectrum.metadata.get("element"):
        return stated
    low, high = spectrum.energy_ev[[0, -1]]
    inside = [element for element in ABSORBERS if low < K_EDGE_EV[element] < high]
    return inside[0] if len(inside) == 1 else None


def _file_of(source: Source) -> tuple[bytes, str, str | None]:
    """Bytes, name and group of a file's spectrum."""
    digest, _, number = source.key.removeprefix(FILE).partition(":")
    one = files()[digest]
    groups = _groups(one.data, one.name)
    return one.data, one.name, groups[int(number or 0)] if len(groups) > 1 else None


# --- one of them as a fit needs it ---------------------------------------------------------------


def measured_of(
    source: Source, element: str, *, as_difference: bool = False
) -> tuple[Measured, str]:
    """A spectrum ready to be explained, and a key that changes with what was done to it.

    A difference has no edge step and is never normalised. Raises XanesError with a sentence where
    it cannot be read.
    """
    if source.is_calculated:
        key = source.key.removeprefix(THEORY)
        return Measured.of(_imitated(key), element, name=source.label), source.key
    spectrum, column, normalised = _as_chosen(source, element, has_step=not as_difference)
    made = Measured.of(spectrum, element, name=source.label)
    _say_notes(source, made)
    return made, f"{source.key} {element} {column} {normalised}"


@st.cache_resource(max_entries=64, show_spinner=False)
def _imitated(key: str) -> Spectrum:
    """Stored FEFF10 spectrum as if it had been measured."""
    parts = MIXTURES[key][1] if key in MIXTURES else {key: 1.0}
    stored = {one: stored_theory(one) for one in parts}
    first = next(iter(stored.values()))
    mu = np.sum([share * stored[one].mu for one, share in parts.items()], axis=0)
    element = examples()[next(iter(parts))].element
    told = {"element": element, "normalised": "yes"}
    return imitate_measurement(
        Spectrum(first.energy_ev, mu, first.e0_ev, told),
        shift_ev=SHIFT_EV, broadening_ev=BROADENING_EV, noise=NOISE,
        seed=zlib.crc32(key.encode()),
    )  # fmt: skip


def _as_chosen(source: Source, element: str, *, has_step: bool) -> tuple[Spectrum, str, bool]:
    """Spectrum of a file with its column, and whether it is taken as normalised."""
    table = _table(*_file_of(source))
    columns = table.columns()
    column, own = columns.proposed, f"{source.key}_{element}"
    with st.sidebar, st.expander(f"How it is read: {plain(source.label, 40)}"):
        if len(columns.names) > 1:
            column = st.selectbox(
                "Column", columns.names, index=columns.names.index(column),
                key=f"fit_column_{own}", persist_state="session",
            )  # fmt: skip
        spectrum = table.spectrum(column=column, element=element)
        normalised = not has_step or st.toggle(
            "Already normalised", value=spectrum.metadata.get("normalised") == "yes",
            key=f"fit_normalised_{own}_{column}", persist_state="session",
            help="Otherwise a line before the edge is taken off and the edge step made 1.",
        )  # fmt: skip
        for note in spectrum.notes:
            st.markdown(f"- {plain(note)}")
    spectrum = spectrum.with_metadata(normalised="yes" if normalised else "no", notes="")
    return spectrum, column, bool(normalised)


def _say_notes(source: Source, made: Measured) -> None:
    if made.notes:
        with st.sidebar:
            st.caption(plain(f"{source.label}: {'; '.join(made.notes)}.", 300))


def say_origin(source: Source) -> None:
    """Where a spectrum that was not measured comes from."""
    if source.is_calculated:
        st.caption(
            f"Calculated, with noise: FEFF10, moved by {SHIFT_EV:+.1f} eV, smeared by "
            f"{BROADENING_EV:g} eV, noise {NOISE:g} of the edge step. It stands in for a "
            "measurement; the fit is told none of this."
        )


def refusal(source: Source, element: str, error: XanesError) -> str:
    """Why a spectrum cannot be used, and of which element it is instead."""
    stated = stated_element(source)
    told = f"{source.label}: {error}"
    if stated in (None, element):
        return plain(told)
    return plain(f"{told.rstrip('.')}. It is a spectrum of {stated}: choose a structure with it.")


def element_of_source(source: Source | None, structure: str | None) -> str:
    """Element to work with: that of the structure in view, else of the spectrum, else iron."""
    if structure is not None:
        return structure
    stated = stated_element(source) if source else None
    return stated if stated in ABSORBERS else "Fe"

"""Files of the reader's spectra: taken from the uploader, kept through page switches, removed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import streamlit as st

from pages.parts.shared.guard import read_tables_guarded
from pages.parts.shared.page import notice, plain
from xanes_core.errors import SpectrumError, TheoryError
from xanes_core.files import sha256_of
from xanes_core.spectra import Table, spectrum_names
from xanes_core.theory import FdmnesLog, parse_bav

#: Spectra that are shown at once, and files that are kept.
MAX_SPECTRA, MAX_FILES = 12, 12
_FILES, _LOG, _LISTED = "own_files", "overlay_log", "own_listed"
_LOOKS, _ACTIVE = "own_looks", "own_active"


@dataclass(frozen=True)
class StoredFile:
    """Bytes of an upload, kept through page switches, and their digest."""

    name: str
    data: bytes
    digest: str = ""


@dataclass(frozen=True)
class OwnCurve:
    """One of the reader's spectra: its file, and which one of several it is there."""

    file: StoredFile
    group: str | None

    @property
    def key(self) -> str:
        """What its settings are kept under."""
        return f"{self.file.digest}:{self.group or ''}"

    @property
    def title(self) -> str:
        """What it is called until the reader names it."""
        return (f"{self.file.name}: {self.group}" if self.group else self.file.name)[:60]

    def widget(self, name: str) -> str:
        """Key of a widget that belongs to this spectrum alone."""
        return f"spectrum_{name}_{sha256_of(self.key.encode())[:12]}"


def files() -> dict[str, StoredFile]:
    """Files of this session by their digests, in the order they came."""
    return st.session_state.setdefault(_FILES, {})


def uploader(label: str) -> None:
    """Where spectra are dropped, and the log of FDMNES, which has none."""
    st.file_uploader(
        label,
        accept_multiple_files=True,
        key=_uploader_key(),
        on_change=_take,
        help="Measured or computed: columns of text, XDI, Athena projects, SPEC, NeXus/HDF5, "
        "FDMNES, FEFF, JSON. Several files, and several scans of one, lie over each other.",
    )
    _show_log()
    listed = st.session_state.get(_uploader_key())
    if files() and not listed:
        names = ", ".join(f.name for f in files().values())
        st.caption(f"Kept: {plain(names, 120)}")


def curves() -> list[OwnCurve]:
    """The reader's spectra in the order of their files; asks which ones of files of several.

    A file that cannot be read leaves a sentence and no spectrum.
    """
    found: list[OwnCurve] = []
    for file in files().values():
        try:
            found += _curves_of(file)
        except SpectrumError as error:
            st.warning(f"{plain(file.name, 60)}: {plain(error)}")
            st.button(
                "Remove the file", on_click=_remove_file, args=(file.digest,), type="tertiary",
                key=f"remove_file_{file.digest}",
            )  # fmt: skip
    if len(found) > MAX_SPECTRA:
        st.caption(f"The first {MAX_SPECTRA} of {len(found)} spectra are shown.")
    return found[:MAX_SPECTRA]


def active(offered: list[OwnCurve]) -> OwnCurve:
    """The spectrum that the prediction is compared with; a choice where there are several."""
    by_key = {own.key: own for own in offered}
    current = st.session_state.get(_ACTIVE)
    if current not in by_key:
        current = offered[0].key
    st.session_state[_ACTIVE] = current
    if len(offered) > 1:
        st.session_state["own_radio"] = current
        labels = {key: plain(name_of(own), 60) for key, own in by_key.items()}
        st.radio(
            "Compared and set below", list(by_key), key="own_radio", on_change=_take_active,
            format_func=labels.__getitem__,
        )  # fmt: skip
    return by_key[current]


def _take_active() -> None:
    st.session_state[_ACTIVE] = st.session_state["own_radio"]


def name_of(own: OwnCurve) -> str:
    """What a spectrum is called in the legend."""
    return st.session_state.get(_LOOKS, {}).get(own.key, {}).get("name") or own.title


def colour_of(own: OwnCurve) -> str | None:
    """Colour (hex) that the reader gave a spectrum; None for its own."""
    return st.session_state.get(_LOOKS, {}).get(own.key, {}).get("colour")


def rank_of(own: OwnCurve) -> int:
    """Place of a spectrum among the colours, which it keeps while others come and go."""
    ranks = st.session_state.setdefault("own_ranks", {})
    if own.key not in ranks:
        ranks[own.key] = next(n for n in range(len(ranks) + 1) if n not in ranks.values())
    return int(ranks[own.key])


def look_controls(own: OwnCurve, first_colours: tuple[str, str]) -> None:
    """Name, colour and removal of one spectrum; `first_colours` are its own on light and dark."""
    looks = st.session_state.setdefault(_LOOKS, {}).setdefault(own.key, {})
    dark = st.context.theme.type == "dark"
    name_key, colour_key = own.widget("name"), own.widget("colour")
    st.session_state[name_key] = looks.get("name") or own.title
    st.session_state[colour_key] = looks.get("colour") or first_colours[dark]
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.color_picker(
            "Colour", key=colour_key, label_visibility="collapsed", on_change=_take_look,
            args=(own, first_colours),
        )  # fmt: skip
        st.text_input(
            "Name in the legend", key=name_key, label_visibility="collapsed", max_chars=60,
            on_change=_take_look, args=(own, first_colours),
        )  # fmt: skip
    several = len(list(_chosen_groups(own.file))) > 1 or len(files()) > 1
    st.button(
        "Remove this spectrum" if several else "Remove the spectrum",
        on_click=_remove, args=(own,), type="tertiary", key=own.widget("remove"),
    )  # fmt: skip


def _take_look(own: OwnCurve, first_colours: tuple[str, str]) -> None:
    looks = st.session_state[_LOOKS].setdefault(own.key, {})
    name = " ".join(st.session_state[own.widget("name")].split())
    colour = st.session_state[own.widget("colour")]
    looks["name"] = name if name != own.title else ""
    known = [one.lower() for one in first_colours]
    looks["colour"] = None if colour.lower() in known else colour


# --- several spectra of one file -----------------------------------------------------------------


# a resource, so that a large file is not copied with every run of the page; nothing writes to it
@st.cache_resource(max_entries=16, show_spinner="Reading the spectrum")
def tables_of(data: bytes, name: str) -> dict[str, Table]:
    """Tables of a file, read within the limits of time and memory."""
    return read_tables_guarded(data, name)


def _groups(data: bytes, name: str) -> tuple[str, ...]:
    return spectrum_names(tables_of(data, name))


def _groups_key(file: StoredFile) -> str:
    return f"spectrum_groups_{file.digest}"


def _curves_of(file: StoredFile) -> Iterator[OwnCurve]:
    groups = _groups(file.data, file.name)
    if len(groups) == 1:
        yield OwnCurve(file, None)
        return
    key = _groups_key(file)
    chosen = _chosen_groups(file) or groups[:1]
    st.session_state[key] = list(chosen)
    st.multiselect(
        f"{plain(file.name, 40)}: {len(groups)} spectra", groups, key=key,
        max_selections=MAX_SPECTRA, on_change=_take_groups, args=(file,),
    )  # fmt: skip
    for group in groups:
        if group in chosen:
            yield OwnCurve(file, group)


def _chosen_groups(file: StoredFile) -> tuple[str, ...]:
    return st.session_state.get("own_groups", {}).get(file.digest, ())


def _take_groups(file: StoredFile) -> None:
    before, now = _chosen_groups(file), tuple(st.session_state[_groups_key(file)])
    st.session_state.setdefault("own_groups", {})[file.digest] = now
    for group in before:
        if group not in now:
            _forget(f"{file.digest}:{group}")


def _remove(own: OwnCurve) -> None:
    rest = tuple(group for group in _chosen_groups(own.file) if group != own.group)
    if own.group is not None and rest:
        st.session_state["own_groups"][own.file.digest] = rest
        _forget(own.key)
    else:
        _remove_file(own.file.digest)


def _forget(key: str) -> None:
    """Free the place of a spectrum that is gone among the colours; its settings stay."""
    st.session_state.get("own_ranks", {}).pop(key, None)


def _remove_file(digest: str) -> None:
    _drop(digest)
    st.session_state["spectrum_version"] += 1
    st.session_state[_LISTED] = []


def _drop(digest: str) -> None:
    """Forget a file with what was set for its spectra."""
    files().pop(digest, None)
    st.session_state.get("own_groups", {}).pop(digest, None)
    for name in ("own_ranks", _LOOKS, "own_settings"):
        kept = st.session_state.get(name, {})
        for key in [key for key in kept if key.startswith(f"{digest}:")]:
            del kept[key]


# --- the uploader --------------------------------------------------------------------------------


def _uploader_key() -> str:
    return f"spectrum_uploader_{st.session_state.setdefault('spectrum_version', 0)}"


def _take() -> None:
    """Match the kept files with the uploader's list; what came on an earlier visit stays."""
    uploads = st.session_state.get(_uploader_key()) or []
    now: dict[str, StoredFile] = {}
    log = None
    for upload in uploads:
        data = upload.getvalue()
        if _log_of(data) is not None:  # it says how a run went
            log = StoredFile(upload.name, data)
            continue
        digest = sha256_of(upload.name.encode() + b"\0" + data)[:16]
        now[digest] = StoredFile(upload.name, data, digest)
    before = st.session_state.get(_LISTED, [])
    for digest in before:
        if digest not in now:
            _drop(digest)
    fresh = [digest for digest in now if digest not in files()]
    files().update(now)
    if len(files()) > MAX_FILES:
        notice(f"No more than {MAX_FILES} spectrum files lie over each other: remove some first.")
        for digest in list(files())[MAX_FILES:]:
            _drop(digest)
    st.session_state[_LISTED] = list(now)
    st.session_state[_LOG] = log
    if fresh:
        st.session_state[_ACTIVE] = next(
            (f"{d}:{g}" for d in fresh[:1] for g in _first_group(now[d])), f"{fresh[0]}:"
        )


def _first_group(file: StoredFile) -> tuple[str, ...]:
    try:
        groups = _groups(file.data, file.name)
    except SpectrumError:  # said where the file is listed
        return ()
    return groups[:1] if len(groups) > 1 else ()


@st.cache_data(max_entries=8, show_spinner=False)
def _log_of(data: bytes) -> FdmnesLog | None:
    """What an FDMNES log says; None for any other file."""
    try:
        return parse_bav(data.decode(errors="replace"))
    except TheoryError:
        return None


def _show_log() -> None:
    """Facts of an FDMNES log, which has no spectrum of its own."""
    stored = st.session_state.get(_LOG)
    log = _log_of(stored.data) if stored else None
    if stored is None or log is None:
        return
    facts = ["came to its end" if log.finished else "did not come to its end"]
    if log.scf_converged is not None:
        facts.append(f"potentials {'' if log.scf_converged else 'not '}converged")
    if log.fermi_ev is not None:
        facts.append(f"Fermi energy {log.fermi_ev:.2f} eV")
    if log.cpu_s is not None:
        facts.append(f"{log.cpu_s:.0f} s")
    st.caption(
        f"{plain(stored.name, 60)}, log of FDMNES {plain(log.version, 40)}: "
        f"{plain('; '.join(facts))}. The spectrum is in the file without `_bav`."
    )

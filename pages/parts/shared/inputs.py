"""What the reader works on: examples and uploaded files, kept through page switches."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from numbers import Integral
from pathlib import PurePosixPath

import streamlit as st
from ase import Atoms

from pages.parts.shared.library import example_atoms, examples
from pages.parts.shared.page import from_link, notice, plain, to_link
from xanes_core.constants import ABSORBERS
from xanes_core.errors import XanesError
from xanes_core.structures import absorber_elements, read_archive, read_structures

MAX_FILES = 500
MAX_FRAMES = 2000
#: Files that could not be read, named above the page.
SHOWN_FAILURES = 3
_FILES, _ACTIVE, _EXAMPLE = "files", "active_entry", "example"
_DERIVED, _RELAXED, _HYDROGENS = "derived_entries", "relaxed:", "hydrogens:"
_LABEL_LENGTH = 60


def shortened(name: str) -> str:
    """Name of at most 60 characters: beginning and end, since long names differ at the end."""
    if len(name) <= _LABEL_LENGTH:
        return name
    half = _LABEL_LENGTH // 2
    return f"{name[:half]}\u2026{name[1 - half :]}"


@dataclass
class StructureFile:
    """An uploaded file: its bytes until it is read, then its frames or the reason it failed."""

    name: str
    digest: str
    data: bytes | None
    frames: list[Atoms] | None = None
    error: str = ""


@dataclass(frozen=True)
class StructureEntry:
    """One structure (or several frames of one) to predict; ``name`` is for files to save."""

    key: str
    label: str
    frames: list[Atoms]
    name: str
    absorber: int | None = None
    note: str = ""
    origin: str = ""  # key of the entry that this one was made from

    @property
    def is_example(self) -> bool:
        """Whether it is one of the shipped examples."""
        return self.key.startswith("example:")

    @property
    def is_relaxed(self) -> bool:
        """Whether it was relaxed on the Theory page."""
        return self.key.startswith(_RELAXED)

    def frame_name(self, frame: int) -> str:
        """Name of one frame, counted from 0; shown from 1."""
        return self.name if len(self.frames) == 1 else f"{self.name} frame {frame + 1}"


def files() -> dict[str, StructureFile]:
    """Files of this session by digest and name, in the order they came."""
    return st.session_state.setdefault(_FILES, {})


def sidebar() -> None:
    """Widgets that choose the structures; reads new files with a progress line."""
    _apply_link()
    with st.sidebar:
        st.file_uploader(
            "Your structures",
            accept_multiple_files=True,
            key=_uploader_key(),
            on_change=_take_files,
            help="Molecules or crystals: files with one or many frames, or a zip of such files.",
        )
        _kept_files()
        st.pills(
            "Or an example",
            ABSORBERS,
            key="element",
            on_change=_pick_element,
            persist_state="session",
            help="One click loads an example complex of this metal.",
        )
        element = st.session_state.get("element")
        if element:
            _example_select(element)
    _read_new()


def entries() -> list[StructureEntry]:
    """Everything that can be predicted now: readable files first, then the chosen example.

    A structure that was relaxed or given hydrogens stands behind the one it came from, for as long
    as that one is there.
    """
    originals = [
        StructureEntry(
            f"file:{key}", shortened(f.name), f.frames, f.name, _named_absorber(f.frames[0])
        )
        for key, f in files().items()
        if f.frames
    ]
    key = st.session_state.get(_EXAMPLE)
    if key in examples():
        example = examples()[key]
        label = f"{example.title}, {example.formula}"
        originals.append(
            StructureEntry(
                f"example:{key}", label, [example_atoms(key)], key, example.absorber, example.note
            )
        )
    return [entry for own in originals for entry in _with_derived(own)]


def _with_derived(entry: StructureEntry) -> list[StructureEntry]:
    """An entry with those that were made from it, and from these."""
    derived = [e for e in st.session_state.get(_DERIVED, {}).values() if e.origin == entry.key]
    return [entry, *(found for own in derived for found in _with_derived(own))]


def add_relaxed(entry: StructureEntry, frame: int, atoms: Atoms) -> str:
    """Put the relaxed structure of one frame beside its original; return its key."""
    return _add_derived(f"{_RELAXED}{entry.key}:{frame}", "relaxed", entry, frame, atoms)


def add_with_hydrogens(entry: StructureEntry, frame: int, atoms: Atoms) -> str:
    """Put one frame with its hydrogens beside its original; return its key."""
    key = f"{_HYDROGENS}{entry.key}:{frame}"
    return _add_derived(key, "with hydrogens", entry, frame, atoms)


def _add_derived(key: str, what: str, entry: StructureEntry, frame: int, atoms: Atoms) -> str:
    label = entry.label if len(entry.frames) == 1 else f"{entry.label} frame {frame + 1}"
    made = StructureEntry(
        key,
        f"{label}, {what}",
        [atoms],
        f"{entry.frame_name(frame)} {what}",
        entry.absorber,
        entry.note,
        entry.key,
    )
    st.session_state.setdefault(_DERIVED, {})[key] = made
    return key


def frame_in_view(entry: StructureEntry) -> int:
    """Frame that the reader chose, from 0; the last where the entry has fewer by now."""
    return min(int(st.session_state.get(f"frame_{entry.key}", 1)), len(entry.frames)) - 1


def show_frame(entry: StructureEntry, frame: int) -> None:
    """Bring a frame into view, counted from 0."""
    st.session_state[f"frame_{entry.key}"] = frame + 1


def show_failures() -> None:
    """One line for each file that could not be read; many of them are left to the table."""
    failures = [f for f in files().values() if f.error]
    lines = [f"**{plain(f.name, 80)}**: {plain(f.error)}" for f in failures[:SHOWN_FAILURES]]
    if more := len(failures) - len(lines):
        lines.append(f"{more} more could not be read: the table names them.")
    if lines:  # one box, so that the spectrum stays in view
        st.warning("  \n".join(lines))


def active_entry(offered: list[StructureEntry]) -> StructureEntry | None:
    """The entry in view; the first one where the remembered one is gone."""
    by_key = {entry.key: entry for entry in offered}
    chosen = by_key.get(st.session_state.get(_ACTIVE, "")) or (offered[0] if offered else None)
    if chosen:
        st.session_state[_ACTIVE] = chosen.key
    # a link cannot carry a relaxed structure: it leads to the one that was relaxed
    origin = (chosen.origin or chosen.key) if chosen else ""
    is_example = origin.startswith("example:")
    to_link("example", st.session_state.get(_EXAMPLE) if is_example else None)
    to_link("element", st.session_state.get("element") if is_example else None)
    return chosen


def activate(key: str) -> None:
    """Bring the entry `key` into view."""
    st.session_state[_ACTIVE] = key


def choose_example(key: str) -> None:
    """Bring the example `key` into view, its metal marked in the sidebar."""
    st.session_state[_EXAMPLE] = key
    st.session_state["element"] = examples()[key].element
    activate(f"example:{key}")


def first_example(element: str) -> str | None:
    """Key of the first example of `element`."""
    return next((k for k, e in examples().items() if e.element == element), None)


def _apply_link() -> None:
    example = from_link("example", list(examples()), "the example")
    element = from_link("element", ABSORBERS, "the element")
    if example:
        choose_example(example)
        metal = examples()[example].element
        if element and element != metal:
            notice(f"The link names {element}, but its example holds {metal}: showing the example.")
    elif element and (key := first_example(element)):
        choose_example(key)


def _pick_element() -> None:
    element = st.session_state.get("element")
    if element is None:
        st.session_state[_EXAMPLE] = None
    elif key := first_example(element):
        choose_example(key)


def _example_select(element: str) -> None:
    options = [k for k, e in examples().items() if e.element == element]
    if len(options) < 2:
        return
    current = st.session_state.get(_EXAMPLE)
    st.session_state["example_select"] = current if current in options else options[0]
    st.selectbox(
        "Example",
        options,
        key="example_select",
        format_func=lambda k: f"{examples()[k].title}, {examples()[k].formula}",
        label_visibility="collapsed",
        on_change=lambda: choose_example(st.session_state["example_select"]),
    )


def _uploader_key() -> str:
    return f"uploader_{st.session_state.setdefault('uploader_version', 0)}"


def _take_files() -> None:
    """Match the kept files with the uploader's list; what came on an earlier visit stays."""
    uploads = st.session_state.get(_uploader_key()) or []
    kept, before = files(), st.session_state.get("uploader_keys", [])
    now = {}
    found = [one for upload in uploads for one in _files_of(upload.name, upload.getvalue())]
    for one in found[:MAX_FILES]:
        now[one.digest] = kept.get(one.digest) or one
    if len(found) > MAX_FILES:
        notice(f"{len(found)} files are too many at once: the first {MAX_FILES} were taken.")
    fresh = [d for d in now if d not in kept]
    for digest in before:
        if digest not in now:
            kept.pop(digest, None)
    kept.update(now)
    st.session_state["uploader_keys"] = list(now)
    if fresh:
        activate(f"file:{fresh[0]}")


def _files_of(name: str, data: bytes) -> list[StructureFile]:
    """The file itself, or the structure files in a zip; one with the reason where that fails."""
    digest = hashlib.sha256(data + b"\0" + name.encode()).hexdigest()[:16]
    if not name.lower().endswith(".zip"):
        return [StructureFile(name, digest, data)]
    try:
        archive = read_archive(data)
    except XanesError as error:
        return [StructureFile(name, digest, None, error=str(error))]
    if archive.left_out:
        notice(f"{name}: files that are no structures were left out ({archive.left_out}).")
    return [file for one in archive.members for file in _files_of(one.name, one.data)]


def _kept_files() -> None:
    """Files the uploader no longer lists, because the page was left meanwhile."""
    listed = {u.file_id for u in st.session_state.get(_uploader_key()) or []}
    if not files() or listed:
        return
    names = [f.name for f in files().values()]
    some = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    st.caption(f"Kept: {plain(some, 120)}")
    st.button("Remove the files", on_click=_clear_files, type="tertiary")


def _clear_files() -> None:
    st.session_state[_FILES] = {}
    st.session_state["uploader_keys"] = []
    st.session_state["uploader_version"] += 1


def _read_new() -> None:
    """Read what has not been read; each file is kept as soon as it is done."""
    waiting = [f for f in files().values() if f.frames is None and not f.error]
    if not waiting:
        return
    bar = st.progress(0.0, "Reading the files") if len(waiting) > 3 else None
    for n, stored in enumerate(waiting):
        if bar:
            bar.progress(n / len(waiting), f"Reading file {n + 1} of {len(waiting)}")
        _read(stored)
    if bar:
        bar.empty()


def _read(stored: StructureFile) -> None:
    try:
        # the name tells the format and nothing else
        name = PurePosixPath(stored.name.replace("\\", "/")).name
        frames = read_structures(stored.data or b"", name=name)
        if not absorber_elements(frames[0]):
            raise XanesError(
                f"It holds no metal that the models know ({', '.join(ABSORBERS)}): "
                "choose a structure with one of them."
            )
        if len(frames) > MAX_FRAMES:
            raise XanesError(
                f"It has {len(frames)} frames, more than {MAX_FRAMES}: thin it out, or use the "
                "command line."
            )
        stored.frames = frames
    except XanesError as error:
        stored.error = str(error)
    except Exception:
        # a reader may fail in ways nobody foresaw; one bad file must not take the batch along
        stored.error = "It could not be read as a structure file: check its format and extension."
    stored.data = None


def _named_absorber(atoms: Atoms) -> int | None:
    named = atoms.info.get("absorber")
    index = int(named) if isinstance(named, Integral) else -1
    return index if 0 <= index < len(atoms) else None

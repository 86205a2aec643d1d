"""What the reader works on: examples and uploaded files, kept through page switches."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import PurePosixPath

import streamlit as st
from ase import Atoms

from pages.parts.shared import view
from pages.parts.shared.guard import read_structures_guarded
from pages.parts.shared.library import example_atoms, examples, model_cards
from pages.parts.shared.page import notice, plain
from pages.parts.shared.uploads import limits_line, note_kept, refuse_too_much
from pages.parts.shared.view import DERIVED, EXAMPLE, FILE, FITTED, HYDROGENS, RELAXED
from xanes_core.constants import ABSORBERS
from xanes_core.errors import XanesError
from xanes_core.structures import absorber_elements, read_archive

MAX_FILES = 500
MAX_FRAMES = 2000
#: Files that could not be read, named above the page.
SHOWN_FAILURES = 3
#: Missing files that are named; of others it is said how many there are.
SHOWN_MISSING = 5
_FILES, _DERIVED, _CAME = "files", "derived_entries", "files_came"
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
    size: int = 0  # bytes of the file, which its frames take too


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
        return self.key.startswith(EXAMPLE)

    @property
    def is_relaxed(self) -> bool:
        """Whether it was relaxed on the Theory page."""
        return self.key.startswith(RELAXED)

    def frame_name(self, frame: int) -> str:
        """Name of one frame, counted from 0; shown from 1."""
        return self.name if len(self.frames) == 1 else f"{self.name} frame {frame + 1}"


def files() -> dict[str, StructureFile]:
    """Files of this session by digest and name, in the order they came."""
    return st.session_state.setdefault(_FILES, {})


def sidebar() -> None:
    """Widgets that choose the structures; reads new files with a progress line."""
    with st.sidebar:
        _uploader("Your structures")
        chosen = examples().get(view.view().example)
        st.session_state["element"] = chosen.element if chosen else None
        st.pills(
            "Or an example",
            ABSORBERS,
            key="element",
            on_change=_pick_element,
            help="One click loads an example complex of this metal.",
        )
        if chosen:
            _example_select(chosen.element)
    _read_new()
    _missing_files()


def drop_zone(label: str) -> bool:
    """The sidebar's uploader in another place; tells whether files came with this run."""
    _uploader(label)
    _read_new()
    return bool(st.session_state.pop(_CAME, False))


def _uploader(label: str) -> None:
    st.file_uploader(
        label,
        accept_multiple_files=True,
        key=_uploader_key(),
        on_change=_take_files,
        help="Molecules or crystals: files with one or many frames, or a zip of such files. "
        + limits_line(),
    )
    _kept_files()


def entries() -> list[StructureEntry]:
    """Everything that can be predicted now: readable files first, then the chosen example.

    A structure that was relaxed, fitted or given hydrogens stands behind the one it came from, for
    as long as that one is there. Nothing, while nothing is in view or the file in view is not
    here (any more).
    """
    state = view.view()
    if not state.structure or waited_for(state.structure):
        return []
    originals = [
        StructureEntry(
            f"{FILE}{key}", shortened(f.name), f.frames, f.name, _named_absorber(f.frames[0])
        )
        for key, f in files().items()
        if f.frames
    ]
    key = state.example
    if key in examples():
        example = examples()[key]
        label = f"{example.title}, {example.formula}"
        originals.append(
            StructureEntry(
                f"{EXAMPLE}{key}", label, [example_atoms(key)], key, example.absorber, example.note
            )
        )
    return [entry for own in originals for entry in _with_derived(own)]


def _with_derived(entry: StructureEntry) -> list[StructureEntry]:
    """An entry with those that were made from it, and from these."""
    derived = [e for e in st.session_state.get(_DERIVED, {}).values() if e.origin == entry.key]
    return [entry, *(found for own in derived for found in _with_derived(own))]


def add_relaxed(entry: StructureEntry, frame: int, atoms: Atoms) -> str:
    """Put the relaxed structure of one frame beside its original; return its key."""
    return _add_derived(f"{RELAXED}{entry.key}:{frame}", "relaxed", entry, frame, atoms)


def add_with_hydrogens(entry: StructureEntry, frame: int, atoms: Atoms) -> str:
    """Put one frame with its hydrogens beside its original; return its key."""
    key = f"{HYDROGENS}{entry.key}:{frame}"
    return _add_derived(key, "with hydrogens", entry, frame, atoms)


def add_fitted(entry: StructureEntry, frame: int, atoms: Atoms, absorber: int) -> str:
    """Put one frame as fitted to a spectrum beside its original; return its key."""
    key = _add_derived(f"{FITTED}{entry.key}:{frame}", "fitted", entry, frame, atoms)
    derived = st.session_state[_DERIVED]
    derived[key] = replace(derived[key], absorber=absorber)
    return key


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
    """Frame that the reader chose, from 0; the last, with a notice, where it has fewer."""
    chosen, count = int(view.place(entry.key, "frame") or 1), len(entry.frames)
    if chosen > count:
        notice(f"Frame {chosen} was asked for, but {entry.label} has {count}: showing the last.")
        show_frame(entry, count - 1)
    return min(chosen, count) - 1


def show_frame(entry: StructureEntry, frame: int) -> None:
    """Bring a frame into view, counted from 0."""
    view.put_place(entry.key, "frame", str(frame + 1) if frame else None)


def show_failures() -> None:
    """One line for each file that could not be read; many of them are left to the table."""
    failures = [f for f in files().values() if f.error]
    lines = [f"**{plain(f.name, 80)}**: {plain(f.error)}" for f in failures[:SHOWN_FAILURES]]
    if more := len(failures) - len(lines):
        lines.append(f"{more} more could not be read: the table names them.")
    if lines:  # one box, so that the spectrum stays in view
        st.warning("  \n".join(lines))


def active_entry(offered: list[StructureEntry]) -> StructureEntry | None:
    """The entry in view; the one it came from, or the first, where it is gone."""
    state = view.view()
    by_key = {entry.key: entry for entry in offered}
    chosen = by_key.get(state.structure)
    while chosen is None and state.structure.startswith(DERIVED):
        prefix = next(one for one in DERIVED if state.structure.startswith(one))
        if prefix == RELAXED:
            notice(
                "The relaxed structure of this link is not here: showing the original. Relax it "
                "again on the Theory page."
            )
        state.structure = state.structure.removeprefix(prefix).rpartition(":")[0]
        chosen = by_key.get(state.structure)
    chosen = chosen or (offered[0] if offered else None)
    if chosen:
        state.structure = chosen.key
    return chosen


def activate(key: str) -> None:
    """Bring the entry `key` into view; files that were waited for are waited for no longer."""
    state = view.view()
    state.structure = key
    if not waited_for(key):
        forget_missing()


def waited_for(key: str) -> bool:
    """Whether an entry comes from a file that the link names and nobody has dropped yet."""
    return any(f"{FILE}{digest}" in key for digest in missing())


def missing() -> dict[str, str]:
    """Names by digest of files that belong to what is in view and are not here."""
    here = files()
    return {digest: name for digest, name in view.view().files.items() if digest not in here}


def forget_missing() -> None:
    """Wait no longer for the files that are not here."""
    state = view.view()
    for digest in missing():
        del state.files[digest]
        if f"{FILE}{digest}" in state.structure:
            state.structure = ""


def choose_example(key: str) -> None:
    """Bring the example `key` into view, its metal marked in the sidebar.

    A model that does not know its metal is chosen no longer.
    """
    view.view().example = key
    known = [card.key for card in model_cards(examples()[key].element)]
    if view.value("model") not in known:
        view.put("model", None)
    activate(f"{EXAMPLE}{key}")


def first_example(element: str) -> str | None:
    """Key of the first example of `element`."""
    return next((k for k, e in examples().items() if e.element == element), None)


def _pick_element() -> None:
    element = st.session_state.get("element")
    if element is None:
        view.view().example = ""
        _show_first_file()
    elif key := first_example(element):
        choose_example(key)


def _show_first_file() -> None:
    """Bring the first file that could be read into view; nothing where there is none."""
    key = next((digest for digest, f in files().items() if f.frames), None)
    view.view().structure = f"{FILE}{key}" if key else ""


def _missing_files() -> None:
    """Say which files of the link are not here, and how to bring them back."""
    names = list(missing().values())
    if not names:
        return
    shown = ", ".join(f"**{plain(name, 80)}**" for name in names[:SHOWN_MISSING])
    if more := len(names) - SHOWN_MISSING if len(names) > SHOWN_MISSING else 0:
        shown += f" and {more} more"
    them = "it" if len(names) == 1 else "them"
    st.warning(
        f"Not here: {shown}. A page keeps files only until it is reloaded, and a link carries "
        f"none. Drop {them} into the sidebar again: absorber, frame and settings come back with "
        f"{them}.",
    )
    st.button("Go on without", on_click=forget_missing, type="tertiary", key="forget_missing")


def _example_select(element: str) -> None:
    options = [k for k, e in examples().items() if e.element == element]
    if len(options) < 2:
        return
    st.session_state["example_select"] = view.view().example
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
    st.session_state[_CAME] = bool(fresh)
    state, awaited = view.view(), missing()
    for digest in before:
        if digest not in now:
            kept.pop(digest, None)
            state.files.pop(digest, None)
    known = set(kept)
    kept.update(now)
    refuse_too_much(kept.values(), known)
    st.session_state["uploader_keys"] = list(now)
    state.files |= {digest: now[digest].name for digest in fresh}
    for digest, name in awaited.items():
        if digest not in now and name in [now[d].name for d in fresh]:
            notice(
                f"{name} is another file than the one of the link, though it has the same name: "
                "absorber and frame start anew."
            )
            state.files.pop(digest)
    if fresh and not any(f"{FILE}{digest}" in state.structure for digest in fresh):
        state.structure = f"{FILE}{fresh[0]}"


def _files_of(name: str, data: bytes) -> list[StructureFile]:
    """The file itself, or the structure files in a zip; one with the reason where that fails."""
    digest = hashlib.sha256(data + b"\0" + name.encode()).hexdigest()[:16]
    if not name.lower().endswith(".zip"):
        return [StructureFile(name, digest, data, size=len(data))]
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
    if not view.view().structure:
        st.button("Show the files", on_click=_show_first_file, type="tertiary")
    st.button("Remove the files", on_click=_clear_files, type="tertiary")


def _clear_files() -> None:
    state = view.view()
    for digest in files():
        state.files.pop(digest, None)
    st.session_state[_FILES] = {}
    note_kept(0)
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
        frames = read_structures_guarded(stored.data or b"", name)
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

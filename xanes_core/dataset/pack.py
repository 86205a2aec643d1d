"""Merging finished records into the packed files of a training set, and the manifest."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms

from xanes_core.constants import ABSORBERS
from xanes_core.dataset.store import (
    INCOMING,
    MANIFEST_FILE,
    NewRecord,
    Store,
    TheoryCurve,
    comment_lines,
    padded,
    read_record,
    recipe_id,
    to_json,
)
from xanes_core.errors import DatasetError
from xanes_core.files import array_bytes, read_arrays, sha256_of
from xanes_core.spectra import SPECTRUM_KINDS, XANES, SpectrumKind

#: How long to wait for another run that is packing (s).
_WAIT_S = 60.0
_FORMAT = 1


@dataclass(frozen=True)
class PackReport:
    """What was packed.

    Attributes
    ----------
    structures : dict of str to int
        New structures by element.
    spectra : dict of str to int
        New spectra by the key of their kind.
    duplicates : int
        Records left out: their name or their complex is in the set already.
    waiting : int
        Spectra kept waiting: the set has no structure of their name.
    recovered : bool
        Whether an interrupted run was carried to its end first.
    """

    structures: dict[str, int]
    spectra: dict[str, int]
    duplicates: int = 0
    waiting: int = 0
    recovered: bool = False


def pack(folder: str | Path) -> PackReport:
    """Merge what waits in ``folder/incoming`` and rewrite the manifest.

    Raises
    ------
    DatasetError
        Another run packs for longer than a minute; a file is damaged; the disk refuses.
    """
    return pack_store(Store(Path(folder)))


def pack_store(store: Store) -> PackReport:
    """Merge what waits in a training set and rewrite the manifest.

    Raises
    ------
    DatasetError
        As for :func:`pack`.
    """
    with store.locked("pack", wait_s=_WAIT_S):
        recovered = store.recover()
        batch = _Batch(store)
        for path in store.waiting():
            batch.take(path, read_record(path))
        changes = batch.changes()
        manifest = _new_manifest(store, changes, batch.recipes)
        if changes or (manifest["files"] and manifest != store.manifest()):
            changes[MANIFEST_FILE] = to_json(manifest)
        store.replace_files(changes, batch.done)
    return PackReport(
        structures={el: len(new) for el, new in batch.structures.items() if new},
        spectra=dict(batch.counts),
        duplicates=batch.duplicates,
        waiting=batch.waiting,
        recovered=recovered,
    )


@contextlib.contextmanager
def working_on(folder: str | Path, purpose: str) -> Iterator[Store]:
    """Hold a training set for a purpose (a word); pack before and after, however it ends.

    Raises
    ------
    DatasetError
        Another run has the same purpose, or as for :func:`pack`.
    """
    store = Store(Path(folder))
    with store.locked(purpose):
        pack_store(store)
        try:
            yield store
        finally:
            pack_store(store)


@dataclass(frozen=True, eq=False)
class _Structure:
    """A new structure with its absorption."""

    name: str
    atoms: Atoms
    curve: TheoryCurve


class _Batch:
    """Records on their way into the packed files."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.structures: dict[str, list[_Structure]] = {}
        self.extra: dict[tuple[str, SpectrumKind], list[tuple[str, TheoryCurve]]] = {}
        self.recipes: dict[str, dict[str, Any]] = {}
        self.counts: Counter[str] = Counter()
        self.done: list[str] = []
        self.duplicates = self.waiting = 0
        stored = store.packed()
        self._element = {record.name: record.element for record in stored}
        self._identities = {record.info.get("identity") for record in stored} - {None}

    def take(self, path: Path, record: NewRecord) -> None:
        """Sort a record in; files come by name, so a structure comes before its own extras."""
        if record.atoms is not None and not self._take_structure(record, record.atoms):
            self.done.append(path.name)
            return
        if record.name not in self._element:
            self.waiting += 1
            return
        element = self._element[record.name]
        for kind, curve in record.curves.items():
            self.counts[kind.key] += 1
            if kind != XANES:
                self.extra.setdefault((element, kind), []).append((record.name, curve))
        if record.recipe:
            self.recipes[recipe_id(record.recipe)] = record.recipe
        self.done.append(path.name)

    def _take_structure(self, record: NewRecord, atoms: Atoms) -> bool:
        identity = atoms.info.get("identity")
        if record.name in self._element:
            self.duplicates += 1
            return False
        if identity is not None and identity in self._identities:
            self.duplicates += 1
            reason = "another run has stored the same complex under another name"
            failure = {"name": record.name, "identity": identity, "stage": "duplicate"}
            self._store.add_failure({**failure, "reason": reason})
            return False
        if XANES not in record.curves:
            raise DatasetError(
                f"{record.name} waits without a {XANES.key} spectrum; delete its file in "
                f"{INCOMING}/"
            )
        element = atoms.get_chemical_symbols()[0]
        self._element[record.name] = element
        if identity is not None:
            self._identities.add(identity)
        self.structures.setdefault(element, []).append(
            _Structure(record.name, atoms, record.curves[XANES])
        )
        return True

    def changes(self) -> dict[str, bytes]:
        """New contents of the files that change, by file name."""
        files: dict[str, bytes] = {}
        for element, structures in self.structures.items():
            files |= _extended_pair(self._store, element, structures)
        for (element, kind), rows in self.extra.items():
            order = [name for name, el in self._element.items() if el == element]
            path = self._store.spectra_path(element, kind)
            files[path.name] = _extended_spectra(path, rows, order)
        return files


def _extended_pair(store: Store, element: str, new: list[_Structure]) -> dict[str, bytes]:
    """``EL.extxyz`` and ``EL.npz`` with records at their ends; what is there stays as it is."""
    structures, spectra = store.structures_path(element), store.spectra_path(element)
    if structures.is_file() != spectra.is_file():
        raise DatasetError(f"{structures.name} and {spectra.name} belong together; restore both")
    old = structures.read_bytes() if structures.is_file() else b""
    n_old = len(list(comment_lines(old.decode())))
    if spectra.is_file() and len(_arrays(spectra)["name"]) != n_old:
        raise DatasetError(
            f"{structures.name} and {spectra.name} do not list the same records; restore both"
        )
    text = io.StringIO()
    ase.io.write(text, [one.atoms for one in new], format="extxyz")
    gap = b"" if not old or old.endswith(b"\n") else b"\n"
    return {
        structures.name: old + gap + text.getvalue().encode(),
        spectra.name: _extended_spectra(spectra, [(one.name, one.curve) for one in new]),
    }


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        arrays = read_arrays(path.read_bytes())
        return {key: arrays[key] for key in ("name", "energy_ev", "mu")} | arrays
    except (OSError, KeyError, ValueError) as error:
        raise DatasetError(
            f"{path.name} should hold arrays name, energy_ev and mu ({error}); restore it"
        ) from error


def _extended_spectra(
    path: Path, rows: list[tuple[str, TheoryCurve]], order: list[str] | None = None
) -> bytes:
    """Content of an npz of spectra with rows at its end, padded with NaN to the longest.

    With an ``order``, that of the structures, rows are sorted by it and have notes.
    """
    old = _arrays(path) if path.is_file() else {}
    names, energies, values = (list(old.get(key, [])) for key in ("name", "energy_ev", "mu"))
    notes = list(old.get("note", [""] * len(names)))
    known = set(names)
    for name, curve in rows:
        if name not in known:
            names.append(name)
            energies.append(curve.energy_ev)
            values.append(curve.mu)
            notes.append(curve.note)
            known.add(name)
    where = {name: i for i, name in enumerate(order or names)}
    by_order = sorted(range(len(names)), key=lambda row: where.get(names[row], len(where)))
    energy, mu = padded([energies[row] for row in by_order], [values[row] for row in by_order])
    arrays = {"name": np.array([names[row] for row in by_order]), "energy_ev": energy, "mu": mu}
    if order is not None:
        arrays["note"] = np.array([notes[row] for row in by_order])
    return array_bytes(arrays)


def _new_manifest(
    store: Store, changes: dict[str, bytes], recipes: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """Manifest of a set whose files have, or are to get, these contents and further recipes."""
    old, contents = store.manifest(), dict(changes)
    for name in store.packed_files():
        if name not in contents:
            contents[name] = (store.folder / name).read_bytes()
    files = {
        name: {"sha256": sha256_of(data), "bytes": len(data)}
        for name, data in sorted(contents.items())
    }
    counts: dict[str, dict[str, int]] = {}
    for element in ABSORBERS:
        for key, kind in SPECTRUM_KINDS.items():
            data = contents.get(store.spectra_path(element, kind).name)
            if data is not None:
                counts.setdefault(element, {})[key] = len(read_arrays(data)["name"])
    same = old.get("files") == files
    return {
        "format": _FORMAT,
        "date": old["date"] if same and "date" in old else date.today().isoformat(),
        "counts": counts,
        "files": files,
        "recipes": {**old.get("recipes", {}), **recipes},
    }

"""Merging finished records into the packed files of a training set, and the manifest.

New versions of all files that change are written beside the set first, then a journal that lists
them; only then are they moved into place. A run that dies before the journal has changed nothing,
one that dies after it is carried to its end by the next :func:`pack`: no moment leaves structures
and spectra that do not belong together for good.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import ase.io
import numpy as np

from xanes_core.constants import ABSORBERS
from xanes_core.dataset.store import (
    INCOMING,
    SPECTRA,
    Curve,
    NewRecord,
    add_failure,
    comment_lines,
    locked,
    packed_records,
    read_record,
    recipe_id,
    waiting_files,
)
from xanes_core.errors import DatasetError
from xanes_core.files import array_bytes, read_arrays, sha256_of, write_bytes

JOURNAL_FILE = "journal.json"
STAGE = f"{INCOMING}/pack"
#: How long to wait for another run that is packing (s).
_WAIT_S = 60.0
MANIFEST_FILE = "manifest.json"
_FORMAT = 1


@dataclass(frozen=True)
class PackReport:
    """What was packed.

    Attributes
    ----------
    structures : dict of str to int
        New structures by element.
    spectra : dict of str to int
        New spectra by kind.
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
    folder = Path(folder)
    with locked(folder, "pack", wait_s=_WAIT_S):
        recovered = recover(folder)
        batch = _Batch(folder)
        for path in waiting_files(folder):
            batch.take(path, read_record(path))
        changes = batch.changes()
        manifest = new_manifest(folder, changes, batch.recipes)
        if changes or (manifest["files"] and manifest != read_manifest(folder)):
            changes[MANIFEST_FILE] = to_json(manifest)
        _commit(folder, changes, batch.done)
    return PackReport(
        structures={el: len(new) for el, new in batch.structures.items() if new},
        spectra=dict(batch.counts),
        duplicates=batch.duplicates,
        waiting=batch.waiting,
        recovered=recovered,
    )


class _Batch:
    """Records on their way into the packed files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.structures: dict[str, list[NewRecord]] = {}
        self.extra: dict[tuple[str, str], list[tuple[str, Curve]]] = {}
        self.recipes: dict[str, dict[str, Any]] = {}
        self.counts: Counter[str] = Counter()
        self.done: list[str] = []
        self.duplicates = self.waiting = 0
        stored = packed_records(folder)
        self._element = {record.name: record.element for record in stored}
        self._identities = {record.info.get("identity") for record in stored} - {None}

    def take(self, path: Path, record: NewRecord) -> None:
        """Sort a record in; files come by name, so a structure comes before its own extras."""
        if record.atoms is not None and not self._take_structure(record):
            self.done.append(path.name)
            return
        if record.name not in self._element:
            self.waiting += 1
            return
        element = self._element[record.name]
        for kind, curve in record.curves.items():
            self.counts[kind] += 1
            if kind != SPECTRA[0]:
                self.extra.setdefault((element, kind), []).append((record.name, curve))
        if record.recipe:
            self.recipes[recipe_id(record.recipe)] = record.recipe
        self.done.append(path.name)

    def _take_structure(self, record: NewRecord) -> bool:
        identity = record.atoms.info.get("identity")
        if record.name in self._element:
            self.duplicates += 1
            return False
        if identity in self._identities:
            self.duplicates += 1
            reason = "another run has stored the same complex under another name"
            failure = {"name": record.name, "identity": identity, "stage": "duplicate"}
            add_failure(self.folder, {**failure, "reason": reason})
            return False
        if SPECTRA[0] not in record.curves:
            raise DatasetError(
                f"{record.name} waits without a {SPECTRA[0]} spectrum; delete its file in "
                f"{INCOMING}/"
            )
        element = record.atoms.get_chemical_symbols()[0]
        self._element[record.name] = element
        if identity is not None:
            self._identities.add(identity)
        self.structures.setdefault(element, []).append(record)
        return True

    def changes(self) -> dict[str, bytes]:
        """New contents of the files that change, by file name."""
        files = {}
        for element, records in self.structures.items():
            files |= _extended_pair(self.folder, element, records)
        for (element, kind), rows in self.extra.items():
            order = [name for name, el in self._element.items() if el == element]
            name = f"{element}.{kind}.npz"
            files[name] = _extended_spectra(self.folder / name, rows, order)
        return files


def _extended_pair(folder: Path, element: str, records: list[NewRecord]) -> dict[str, bytes]:
    """``EL.extxyz`` and ``EL.npz`` with records at their ends; what is there stays as it is."""
    structures, spectra = folder / f"{element}.extxyz", folder / f"{element}.npz"
    if structures.is_file() != spectra.is_file():
        raise DatasetError(f"{element}.extxyz and {element}.npz belong together; restore both")
    old = structures.read_bytes() if structures.is_file() else b""
    names = [record.name for record in records]
    told = len(list(comment_lines(old.decode())))
    if spectra.is_file() and len(_arrays(spectra)["name"]) != told:
        raise DatasetError(
            f"{element}.extxyz and {element}.npz do not list the same records; restore both"
        )
    text = io.StringIO()
    ase.io.write(text, [record.atoms for record in records], format="extxyz")
    gap = b"" if not old or old.endswith(b"\n") else b"\n"
    rows = list(zip(names, (record.curves[SPECTRA[0]] for record in records), strict=True))
    return {
        structures.name: old + gap + text.getvalue().encode(),
        spectra.name: _extended_spectra(spectra, rows),
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
    path: Path, rows: list[tuple[str, Curve]], order: list[str] | None = None
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
    energy = np.full((len(names), max(len(mu) for mu in values)), np.nan)
    mu = np.full(energy.shape, np.nan, dtype=np.float32)
    for row, source in enumerate(by_order):
        energy[row, : len(energies[source])] = energies[source]
        mu[row, : len(values[source])] = values[source]
    arrays = {"name": np.array([names[row] for row in by_order]), "energy_ev": energy, "mu": mu}
    if order is not None:
        arrays["note"] = np.array([notes[row] for row in by_order])
    return array_bytes(arrays)


# --- all or nothing ------------------------------------------------------------------------------
def _commit(folder: Path, changes: dict[str, bytes], done: Iterable[str]) -> None:
    """Replace files and then delete what has gone into them, in steps that can be taken up again.

    The journal is the turning point: without it nothing has happened, with it all will happen.
    """
    stage = folder / STAGE
    try:
        shutil.rmtree(stage, ignore_errors=True)
        for name, data in changes.items():
            write_bytes(stage / name, data)
        write_bytes(stage / JOURNAL_FILE, to_json({"files": list(changes), "done": list(done)}))
        recover(folder)
    except OSError as error:
        raise DatasetError(
            f"packing {folder} was interrupted ({error.strerror}); nothing is lost: make room and "
            "run `dataset pack`"
        ) from error


def recover(folder: Path) -> bool:
    """Carry an interrupted packing to its end, or forget one that had not begun to replace files.

    Returns
    -------
    bool
        Whether there was one to carry to its end.
    """
    stage = folder / STAGE
    journal = stage / JOURNAL_FILE
    if not journal.is_file():
        shutil.rmtree(stage, ignore_errors=True)
        return False
    plan = json.loads(journal.read_text(encoding="utf-8"))
    for name in plan["files"]:
        if (stage / name).is_file():
            os.replace(stage / name, folder / name)
    for name in plan["done"]:
        with contextlib.suppress(FileNotFoundError):
            (folder / INCOMING / name).unlink()
    journal.unlink()
    shutil.rmtree(stage, ignore_errors=True)
    return True


def packed_files(folder: Path) -> list[str]:
    """Names of the packed files of a set, in the order of the elements."""
    names = [
        f"{element}{ending}"
        for element in ABSORBERS
        for ending in (".extxyz", ".npz", *(f".{kind}.npz" for kind in SPECTRA[1:]))
    ]
    return [name for name in names if (folder / name).is_file()]


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest; empty where there is none.

    Raises
    ------
    DatasetError
        It is no JSON object.
    """
    path = folder / MANIFEST_FILE
    if not path.is_file():
        return {}
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{MANIFEST_FILE} cannot be read ({error}); delete it and run `dataset pack`"
        ) from error
    if not isinstance(manifest, dict):
        raise DatasetError(f"{MANIFEST_FILE} is no manifest; delete it and run `dataset pack`")
    return manifest


def new_manifest(
    folder: Path, changes: dict[str, bytes], recipes: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """Manifest of a set whose files have, or are to get, these contents and further recipes."""
    old = read_manifest(folder)
    files, counts = {}, {}
    for name in sorted({*packed_files(folder), *changes}):
        data = changes.get(name)
        data = (folder / name).read_bytes() if data is None else data
        files[name] = {"sha256": sha256_of(data), "bytes": len(data)}
        element, _, ending = name.partition(".")
        if ending != "extxyz":
            kind = SPECTRA[0] if ending == "npz" else ending.removesuffix(".npz")
            counts.setdefault(element, {})[kind] = len(read_arrays(data)["name"])
    same = old.get("files") == files
    return {
        "format": _FORMAT,
        "date": old["date"] if same and "date" in old else date.today().isoformat(),
        "counts": {element: counts[element] for element in ABSORBERS if element in counts},
        "files": files,
        "recipes": {**old.get("recipes", {}), **recipes},
    }


def to_json(content: Any) -> bytes:
    """JSON as the files of a set hold it."""
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()

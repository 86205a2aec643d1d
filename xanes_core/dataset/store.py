"""A training set as it lies on disk: packed files, records that wait, failures, locks.

``EL.extxyz``, ``EL.npz`` and ``EL.xes.npz`` are the packed files (what is in them is told in
:mod:`xanes_core.dataset.training_set`), ``manifest.json`` has their counts, hashes and recipes.
``incoming/NAME.npz`` is one finished complex (structure and spectra), ``incoming/NAME.xes.npz`` one
spectrum more for a structure that the set has already; each is written at once, so whatever ends a
run costs no more than the complex in hand. :mod:`xanes_core.dataset.pack` merges them into the
packed files. ``failures.jsonl`` lists what did not work, one JSON object a line.

Packed files are replaced all or none: their new versions are written beside the set first, then a
journal that lists them; only then are they moved into place. A run that dies before the journal has
changed nothing, one that dies after it is carried to its end by the next one: no moment leaves
structures and spectra that do not belong together for good.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from ase import Atoms
from ase.io.extxyz import key_val_str_to_dict

from xanes_core.constants import ABSORBERS
from xanes_core.errors import DatasetError
from xanes_core.files import array_bytes, read_arrays, sha256_of, write_bytes
from xanes_core.spectra import SPECTRUM_KINDS, XANES, SpectrumKind

INCOMING = "incoming"
FAILURES_FILE = "failures.jsonl"
MANIFEST_FILE = "manifest.json"
HELD_OUT_FILE = "held_out.txt"
#: Names of records whose potentials do not converge although their theory did not say so.
UNCONVERGED_FILE = "unconverged.txt"
#: Where new versions of packed files are written, and the list of them.
STAGE, JOURNAL_FILE = f"{INCOMING}/pack", "journal.json"
#: Kinds of spectra that some records have beside XANES, which every record has.
FURTHER_KINDS = tuple(kind for kind in SPECTRUM_KINDS.values() if kind != XANES)
#: Hidden files older than this (s) are what a killed run left of a file it was writing.
_LEFT_OVER_S = 3600.0
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+()-]{0,79}", re.ASCII)


@dataclass(frozen=True, eq=False)
class TheoryCurve:
    """A spectrum as the theory wrote it: absolute energies (eV, (k,)), mu (k,), a short note."""

    energy_ev: np.ndarray
    mu: np.ndarray
    note: str = ""


@dataclass(frozen=True, eq=False)
class NewRecord:
    """A finished complex, or spectra for a structure that is stored already.

    Attributes
    ----------
    name : str
        Letters, digits, ``_+()-``; unique in the set.
    atoms : ase.Atoms or None
        Absorber is atom 0, ``info`` goes into the comment line; None adds to a stored structure.
    curves : dict of SpectrumKind to TheoryCurve
        Its spectra.
    recipe : dict
        How it was made, with versions; kept once in the manifest, under :func:`recipe_id`.
    """

    name: str
    atoms: Atoms | None
    curves: dict[SpectrumKind, TheoryCurve]
    recipe: dict[str, Any] = field(default_factory=dict)


def recipe_id(recipe: dict[str, Any]) -> str:
    """Short name of a recipe in a record; its letter keeps readers from taking it for a number."""
    return "r" + sha256_of(json.dumps(recipe, sort_keys=True).encode())[:8]


def checked_name(name: str) -> str:
    """Return a name that is safe as part of a file name.

    Raises
    ------
    DatasetError
        It does not begin with a letter, is too long, or holds anything but letters, digits and
        ``_+()-``.
    """
    if not _NAME.fullmatch(name):
        raise DatasetError(
            f"{name[:40]!r} cannot be the name of a record: use up to 80 letters, "
            "digits, _ + - ( ) after a first letter"
        )
    return name


# --- files -------------------------------------------------------------------------------------
def padded(
    energies_ev: Sequence[np.ndarray], mus: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Energies (eV) and spectra of n records, each (n, p), with NaN up to the longest of them."""
    energy = np.full((len(mus), max(len(mu) for mu in mus)), np.nan)
    values = np.full(energy.shape, np.nan, dtype=np.float32)
    for row, (energy_ev, mu) in enumerate(zip(energies_ev, mus, strict=True)):
        energy[row, : len(energy_ev)] = energy_ev
        values[row, : len(mu)] = mu
    return energy, values


def content_of(path: Path) -> bytes:
    """Content of a file of a set.

    Raises
    ------
    DatasetError
        It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path.name} cannot be read ({error.strerror}); restore it") from error


def to_json(content: Any) -> bytes:
    """JSON as the files of a set hold it."""
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def read_record(path: Path) -> NewRecord:
    """Read what :meth:`Store.write` wrote.

    Raises
    ------
    DatasetError
        The file is damaged.
    """
    try:
        arrays = read_arrays(path.read_bytes())
        atoms = None
        if "numbers" in arrays:
            atoms = Atoms(arrays["numbers"], positions=arrays["positions"])
            atoms.info = json.loads(str(arrays["info"]))
        curves = {
            kind: TheoryCurve(
                arrays[f"energy_{key}"], arrays[f"mu_{key}"], str(arrays[f"note_{key}"])
            )
            for key, kind in SPECTRUM_KINDS.items()
            if f"mu_{key}" in arrays
        }
        recipe = json.loads(str(arrays["recipe"]))
    except (OSError, KeyError, ValueError) as error:
        raise DatasetError(
            f"{path.parent.name}/{path.name} is damaged ({error}); delete it, the complex will be "
            "calculated once more"
        ) from error
    return NewRecord(path.name.split(".")[0], atoms, curves, recipe)


def comment_lines(text: str) -> Iterator[str]:
    """Comment lines of an extended xyz file.

    Raises
    ------
    DatasetError
        A number of atoms is not where it belongs.
    """
    lines = text.split("\n")
    at = 0
    while at + 1 < len(lines) and lines[at].strip():
        if not lines[at].strip().isdigit():
            raise DatasetError(
                f"line {at + 1} should be a number of atoms, not {lines[at][:40]!r}; restore the "
                "file"
            )
        yield lines[at + 1]
        at += int(lines[at]) + 2


# --- the set -------------------------------------------------------------------------------------
@dataclass(frozen=True)
class StoredRecord:
    """What a set knows of a record without reading structures and spectra."""

    name: str
    element: str
    info: dict[str, Any]


@dataclass(frozen=True)
class Store:
    """A training set in its folder; nothing needs to be there yet.

    Attributes
    ----------
    folder : Path
        The training set.
    inside : str
        Folder in it where new records wait.
    """

    folder: Path
    inside: str = INCOMING

    # --- records that wait
    def write(self, record: NewRecord) -> Path:
        """Write a record into the folder of those that wait, at once.

        Raises
        ------
        DatasetError
            Its name is unsafe, or the disk refuses.
        """
        keys = [kind.key for kind in record.curves]
        suffix = "" if record.atoms is not None else "." + "-".join(keys)
        arrays: dict[str, Any] = {"recipe": np.array(json.dumps(record.recipe))}
        if record.atoms is not None:
            arrays["numbers"] = record.atoms.numbers.astype("u1")
            arrays["positions"] = record.atoms.positions
            arrays["info"] = np.array(json.dumps(record.atoms.info))
        for key, curve in zip(keys, record.curves.values(), strict=True):
            arrays[f"energy_{key}"], arrays[f"mu_{key}"] = curve.energy_ev, curve.mu
            arrays[f"note_{key}"] = np.array(curve.note)
        path = self.folder / self.inside / f"{checked_name(record.name)}{suffix}.npz"
        try:
            return write_bytes(path, array_bytes(arrays))
        except OSError as error:
            raise DatasetError(
                f"{record.name} cannot be stored in {path.parent} ({error.strerror}): make room, "
                "or choose another folder with --data"
            ) from error

    def waiting(self) -> list[Path]:
        """Files of records that wait, by name; old half-written ones go."""
        incoming = self.folder / self.inside
        files = [path for path in sorted(incoming.glob("*.npz*")) if not path.name.startswith(".")]
        for path in incoming.glob(".*.npz.*"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _LEFT_OVER_S:
                    path.unlink()
        return files

    # --- what is there already
    def structures_path(self, element: str) -> Path:
        """File of the packed structures of an element."""
        return self.folder / f"{element}.extxyz"

    def spectra_path(self, element: str, kind: SpectrumKind = XANES) -> Path:
        """File of the packed spectra of an element."""
        return self.folder / f"{element}{'' if kind == XANES else f'.{kind.key}'}.npz"

    def packed_files(self) -> list[str]:
        """Names of the packed files, in the order of the elements."""
        paths = [
            path
            for element in ABSORBERS
            for path in (
                self.structures_path(element),
                *(self.spectra_path(element, kind) for kind in SPECTRUM_KINDS.values()),
            )
        ]
        return [path.name for path in paths if path.is_file()]

    def packed(self) -> list[StoredRecord]:
        """Records in the packed files, in file order.

        Raises
        ------
        DatasetError
            A file of structures is damaged.
        """
        records = []
        for element in ABSORBERS:
            path = self.structures_path(element)
            if path.is_file():
                try:
                    comments = list(comment_lines(path.read_text(encoding="utf-8")))
                except (DatasetError, UnicodeDecodeError, OSError) as error:
                    raise DatasetError(f"{path.name} cannot be read: {error}") from error
                for comment in comments:
                    info = key_val_str_to_dict(comment)
                    records.append(StoredRecord(str(info.get("name")), element, info))
        return records

    def records(self) -> list[StoredRecord]:
        """Records in the packed files and those that wait to be packed.

        Raises
        ------
        DatasetError
            A file of structures, or one of a record that waits, is damaged.
        """
        records = self.packed()
        names = {record.name for record in records}
        for path in self.waiting():
            new = read_record(path)
            if new.atoms is not None and new.name not in names:
                element = new.atoms.get_chemical_symbols()[0]
                records.append(StoredRecord(new.name, element, new.atoms.info))
        return records

    def names_with(self, kind: SpectrumKind) -> set[str]:
        """Names of the records that carry a kind of spectra beside XANES, packed or waiting.

        Raises
        ------
        DatasetError
            A file of spectra, or one of a record that waits, is damaged.
        """
        names = set()
        for element in ABSORBERS:
            path = self.spectra_path(element, kind)
            if path.is_file():
                try:
                    names |= set(read_arrays(path.read_bytes())["name"].tolist())
                except (OSError, ValueError, KeyError) as error:
                    raise DatasetError(f"{path.name} is damaged ({error}); restore it") from error
        for path in self.waiting():
            if path.name.endswith(f".{kind.key}.npz") or kind in read_record(path).curves:
                names.add(path.name.split(".")[0])
        return names

    def held_out(self) -> list[str]:
        """Names of the records that measure accuracy; none where there is no list.

        Raises
        ------
        DatasetError
            The list cannot be read.
        """
        return self._listed(HELD_OUT_FILE)

    def unconverged(self) -> list[str]:
        """Names of the records listed as unconverged; none where there is no list.

        Raises
        ------
        DatasetError
            The list cannot be read.
        """
        return self._listed(UNCONVERGED_FILE)

    def _listed(self, file: str) -> list[str]:
        path = self.folder / file
        if not path.is_file():
            return []
        lines = content_of(path).decode("utf-8", "replace").split("\n")
        return [line.strip() for line in lines if line.strip() and not line.startswith("#")]

    def manifest(self) -> dict[str, Any]:
        """The manifest; empty where there is none.

        Raises
        ------
        DatasetError
            It is no JSON object.
        """
        path = self.folder / MANIFEST_FILE
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

    # --- all or nothing
    def replace_files(self, contents: Mapping[str, bytes], done: Iterable[str]) -> None:
        """Replace packed files and then delete what has gone into them.

        The journal is the turning point: without it nothing has happened, with it all will happen.

        Parameters
        ----------
        contents : dict of str to bytes
            New contents by the name of the file.
        done : iterable of str
            Names of files of records that need not wait any longer.

        Raises
        ------
        DatasetError
            The disk refuses; nothing is lost.
        """
        try:
            shutil.rmtree(self.folder / STAGE, ignore_errors=True)
            for name, data in contents.items():
                self.stage(name, data)
            self.stage(JOURNAL_FILE, to_json({"files": list(contents), "done": list(done)}))
            self.recover()
        except OSError as error:
            raise DatasetError(
                f"packing {self.folder} was interrupted ({error.strerror}); nothing is lost: make "
                "room and run `dataset pack`"
            ) from error

    def recover(self) -> bool:
        """Carry an interrupted replacement to its end, or forget one that had not begun.

        Returns
        -------
        bool
            Whether there was one to carry to its end.

        Raises
        ------
        OSError
            The disk refuses; the next one goes on with it.
        """
        stage = self.folder / STAGE
        journal = stage / JOURNAL_FILE
        if not journal.is_file():
            shutil.rmtree(stage, ignore_errors=True)
            return False
        plan = json.loads(journal.read_text(encoding="utf-8"))
        for name in plan["files"]:
            if (stage / name).is_file():
                self.put_in_place(name)
        for name in plan["done"]:
            self.discard(name)
        journal.unlink()
        shutil.rmtree(stage, ignore_errors=True)
        return True

    def stage(self, name: str, data: bytes) -> None:
        """Write the new version of a file beside the set; an OSError where the disk refuses."""
        write_bytes(self.folder / STAGE / name, data)

    def put_in_place(self, name: str) -> None:
        """Replace a file of the set by its new version; an OSError where the disk refuses."""
        os.replace(self.folder / STAGE / name, self.folder / name)

    def discard(self, name: str) -> None:
        """Delete the file of a record that is packed now; an OSError where the disk refuses."""
        (self.folder / INCOMING / name).unlink(missing_ok=True)

    # --- what failed
    def add_failure(self, failure: Mapping[str, str]) -> None:
        """Append one line to the list of failures, by one write."""
        path = self.folder / FAILURES_FILE
        self.folder.mkdir(parents=True, exist_ok=True)
        line = json.dumps(dict(failure), ensure_ascii=False) + "\n"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            if size:  # a run that was killed may have left a line without its end
                os.lseek(descriptor, size - 1, os.SEEK_SET)
                line = line if os.read(descriptor, 1) == b"\n" else "\n" + line
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)

    def failures(self) -> list[dict[str, str]]:
        """Failures in order; lines that a killed run left unfinished are passed over."""
        path = self.folder / FAILURES_FILE
        failures = []
        if path.is_file():
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                with contextlib.suppress(ValueError):
                    failure = json.loads(line)
                    if isinstance(failure, dict) and "name" in failure:
                        failures.append(failure)
        return failures

    # --- one run at a time
    @contextlib.contextmanager
    def locked(self, purpose: str, *, wait_s: float = 0.0) -> Iterator[None]:
        """Hold a lock on the set; the operating system takes it back from a killed process.

        Parameters
        ----------
        purpose : str
            What is done under it (a word); different purposes do not exclude each other.
        wait_s : float, optional
            How long to wait for whoever holds it (s).

        Raises
        ------
        DatasetError
            Somebody else holds it, or the folder cannot be written.
        """
        path = self.folder / INCOMING / f"{purpose}.lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stream = open(path, "a+", encoding="utf-8")  # noqa: SIM115  (closed below)
        except OSError as error:
            raise DatasetError(
                f"{self.folder} cannot be written ({error.strerror}): choose another folder with "
                "--data"
            ) from error
        with stream:
            until = time.monotonic() + wait_s
            while not _take(stream):
                if time.monotonic() >= until:
                    stream.seek(0)
                    holder = stream.read(20).strip() or "unknown"
                    raise DatasetError(
                        f"another run (process {holder}) does `{purpose}` in {self.folder}: wait "
                        "for its end, or choose another folder with --data"
                    )
                time.sleep(0.05)
            stream.truncate(0)
            stream.write(str(os.getpid()))
            stream.flush()
            yield


def _take(stream: IO[str]) -> bool:
    """Try to lock an open file; it is free again when the file is closed or its process ends."""
    try:
        if os.name == "nt":
            system = importlib.import_module("msvcrt")
            stream.seek(0)
            system.locking(stream.fileno(), system.LK_NBLCK, 1)
        else:
            system = importlib.import_module("fcntl")
            system.flock(stream, system.LOCK_EX | system.LOCK_NB)
    except OSError:
        return False
    return True

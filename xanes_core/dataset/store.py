"""What a growing training set keeps beside its packed files: new records, failures.

``incoming/NAME.npz`` is one finished complex (structure and spectra), ``incoming/NAME.xes.npz`` one
spectrum more for a structure that the set has already; each is written at once, so whatever ends a
run costs no more than the complex in hand. :mod:`xanes_core.dataset.pack` merges them into the
packed files. ``failures.jsonl`` lists what did not work, one JSON object a line.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from ase import Atoms
from ase.io.extxyz import key_val_str_to_dict

from xanes_core.constants import ABSORBERS
from xanes_core.errors import DatasetError
from xanes_core.files import array_bytes, read_arrays, sha256_of, write_bytes
from xanes_core.spectra import SPECTRUM_KINDS

INCOMING = "incoming"
FAILURES_FILE = "failures.jsonl"
#: Keys of the kinds of spectra a record may carry; the first is what every structure of a set has.
SPECTRA = tuple(SPECTRUM_KINDS)
#: Hidden files older than this (s) are what a killed run left of a file it was writing.
_LEFT_OVER_S = 3600.0
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+()-]{0,79}", re.ASCII)


@dataclass(frozen=True, eq=False)
class Curve:
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
    curves : dict of str to Curve
        By the words of ``SPECTRA``.
    recipe : dict
        How it was made, with versions; kept once in the manifest, under :func:`recipe_id`.
    """

    name: str
    atoms: Atoms | None
    curves: dict[str, Curve]
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


# --- one file per finished record ----------------------------------------------------------------
def write_record(folder: Path, record: NewRecord, *, inside: str = INCOMING) -> Path:
    """Write a record into ``folder/inside`` at once.

    Raises
    ------
    DatasetError
        Its name is unsafe, or the disk refuses.
    """
    suffix = "" if record.atoms is not None else "." + "-".join(record.curves)
    arrays: dict[str, Any] = {"recipe": np.array(json.dumps(record.recipe))}
    if record.atoms is not None:
        arrays["numbers"] = record.atoms.numbers.astype("u1")
        arrays["positions"] = record.atoms.positions
        arrays["info"] = np.array(json.dumps(record.atoms.info))
    for key, curve in record.curves.items():
        arrays[f"energy_{key}"], arrays[f"mu_{key}"] = curve.energy_ev, curve.mu
        arrays[f"note_{key}"] = np.array(curve.note)
    path = folder / inside / f"{checked_name(record.name)}{suffix}.npz"
    try:
        return write_bytes(path, array_bytes(arrays))
    except OSError as error:
        raise DatasetError(
            f"{record.name} cannot be stored in {path.parent} ({error.strerror}): make room, or "
            "choose another folder with --data"
        ) from error


def read_record(path: Path) -> NewRecord:
    """Read what :func:`write_record` wrote.

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
            key: Curve(arrays[f"energy_{key}"], arrays[f"mu_{key}"], str(arrays[f"note_{key}"]))
            for key in SPECTRA
            if f"mu_{key}" in arrays
        }
        recipe = json.loads(str(arrays["recipe"]))
    except (OSError, KeyError, ValueError) as error:
        raise DatasetError(
            f"{path.parent.name}/{path.name} is damaged ({error}); delete it, the complex will be "
            "calculated once more"
        ) from error
    return NewRecord(path.name.split(".")[0], atoms, curves, recipe)


def waiting_files(folder: Path, *, inside: str = INCOMING) -> list[Path]:
    """Files of records that wait in ``folder/inside``, by name; old half-written ones go."""
    found = []
    for path in sorted((folder / inside).glob("*.npz*")):
        if not path.name.startswith("."):
            found.append(path)
    for path in (folder / inside).glob(".*.npz.*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _LEFT_OVER_S:
                path.unlink()
    return found


# --- what is there already -----------------------------------------------------------------------
@dataclass(frozen=True)
class Stored:
    """What a set knows of a record without reading structures and spectra."""

    name: str
    element: str
    info: dict[str, Any]


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


def packed_records(folder: Path) -> list[Stored]:
    """Records in the packed files, in file order.

    Raises
    ------
    DatasetError
        A file of structures is damaged.
    """
    found = []
    for element in ABSORBERS:
        path = folder / f"{element}.extxyz"
        if path.is_file():
            try:
                comments = list(comment_lines(path.read_text(encoding="utf-8")))
            except (DatasetError, UnicodeDecodeError, OSError) as error:
                raise DatasetError(f"{path.name} cannot be read: {error}") from error
            for comment in comments:
                info = key_val_str_to_dict(comment)
                found.append(Stored(str(info.get("name")), element, info))
    return found


def stored_records(folder: Path) -> list[Stored]:
    """Records in the packed files and those that wait to be packed."""
    found = packed_records(folder)
    names = {stored.name for stored in found}
    for path in waiting_files(folder):
        record = read_record(path)
        if record.atoms is not None and record.name not in names:
            element = record.atoms.get_chemical_symbols()[0]
            found.append(Stored(record.name, element, record.atoms.info))
    return found


def names_with_spectrum(folder: Path, spectrum: str) -> set[str]:
    """Names of the records that carry a spectrum beside XANES, packed or waiting."""
    names = set()
    for element in ABSORBERS:
        path = folder / f"{element}.{spectrum}.npz"
        if path.is_file():
            try:
                names |= set(read_arrays(path.read_bytes())["name"].tolist())
            except (OSError, ValueError, KeyError) as error:
                raise DatasetError(f"{path.name} is damaged ({error}); restore it") from error
    for path in waiting_files(folder):
        if path.name.endswith(f".{spectrum}.npz") or spectrum in read_record(path).curves:
            names.add(path.name.split(".")[0])
    return names


# --- what failed ---------------------------------------------------------------------------------
def add_failure(folder: Path, failure: dict[str, str]) -> None:
    """Append one line to the list of failures, by one write."""
    path = folder / FAILURES_FILE
    folder.mkdir(parents=True, exist_ok=True)
    line = json.dumps(failure, ensure_ascii=False) + "\n"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if size:  # a run that was killed may have left a line without its end
            os.lseek(descriptor, size - 1, os.SEEK_SET)
            line = line if os.read(descriptor, 1) == b"\n" else "\n" + line
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def read_failures(folder: Path) -> list[dict[str, str]]:
    """Failures in order; lines that a killed run left unfinished are passed over."""
    path = folder / FAILURES_FILE
    found = []
    if path.is_file():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                failure = json.loads(line)
                if isinstance(failure, dict) and "name" in failure:
                    found.append(failure)
    return found


@contextlib.contextmanager
def locked(folder: Path, purpose: str, *, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a lock on a training set; the operating system takes it back from a killed process.

    Parameters
    ----------
    folder : Path
        The training set.
    purpose : str
        What is done under it (a word); different purposes do not exclude each other.
    wait_s : float, optional
        How long to wait for whoever holds it (s).

    Raises
    ------
    DatasetError
        Somebody else holds it, or the folder cannot be written.
    """
    path = folder / INCOMING / f"{purpose}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = open(path, "a+", encoding="utf-8")  # noqa: SIM115  (closed below)
    except OSError as error:
        raise DatasetError(
            f"{folder} cannot be written ({error.strerror}): choose another folder with --data"
        ) from error
    with stream:
        until = time.monotonic() + wait_s
        while not _take(stream):
            if time.monotonic() >= until:
                stream.seek(0)
                holder = stream.read(20).strip() or "unknown"
                raise DatasetError(
                    f"another run (process {holder}) does `{purpose}` in {folder}: wait for its "
                    "end, or choose another folder with --data"
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

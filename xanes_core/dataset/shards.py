"""Spectra in files that are never changed, without the structures where others publish these.

``KIND-NNNN.npz`` (``xanes-0001.npz`` ...) holds up to 250 records: ``name`` (n,), ``element`` (n,),
``charge`` (n,) with -128 where unknown, ``geometry`` (n,) the :func:`geometry_sha256` that tells
whether a structure at hand is the one that was calculated, ``energy_ev`` (n, p) absolute energies
padded with NaN, ``mu`` (n, p) as the theory wrote them, ``note`` (n,), ``recipe`` (n,) and the
``recipes`` themselves as JSON. New records go into new files, so that a repository grows by what is
new alone. Files of displaced copies (:mod:`xanes_core.dataset.displace`), whose structures are the
project's own, hold these too: ``numbers`` (n, m) with 0 where there are no more atoms, ``steps``
(n, m, 3) positions relative to the absorber in steps of 1e-5 A, and ``info`` (n,) as JSON.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from xanes_core.constants import ABSORBERS
from xanes_core.dataset.store import (
    NewRecord,
    Store,
    TheoryCurve,
    checked_name,
    padded,
    read_record,
    recipe_id,
)
from xanes_core.dataset.training_set import read_pair
from xanes_core.errors import DatasetError
from xanes_core.files import array_bytes, read_arrays, sha256_of, write_bytes
from xanes_core.spectra import XANES, SpectrumKind

#: Most records of one file.
SHARD_SIZE = 250
#: Coordinates are compared in steps of this size (A), the last digit of tmQM.
GEOMETRY_STEP_ANG = 1e-5
#: What is known of a structure that is the project's own, and may be stored: a displaced copy
#: names its parent.
OWN = "parent"
_UNKNOWN_CHARGE = -128
_PER_RECORD = ("name", "element", "charge", "geometry", "energy_ev", "mu", "note", "recipe")
_NUMBERED = re.compile(r"-(\d{4,})\.npz$")


@dataclass(frozen=True, eq=False)
class ShardRecord:
    """A calculated spectrum, of a structure that is not stored unless it is the project's own.

    Attributes
    ----------
    name, element : str
        Unique in the set; absorber.
    charge : int or None
        Total charge, where the source tells it.
    geometry : str
        :func:`geometry_sha256` of the structure.
    energy_ev, mu : numpy.ndarray, (p,)
        Absolute energies (eV) and spectrum, as the theory wrote them.
    note : str
        Of the theory, short.
    recipe : dict
        How it was made, with versions.
    atoms : ase.Atoms or None
        The structure with its ``info``, where it may be stored.
    """

    name: str
    element: str
    charge: int | None
    geometry: str
    energy_ev: np.ndarray
    mu: np.ndarray
    note: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)
    atoms: Atoms | None = None


@dataclass(frozen=True)
class ShardStore(Store):
    """Shards that grow: a finished record waits in ``incoming`` until a file of them is full.

    What waits outlives whatever ends a run; ``dataset shard`` from and into the same folder makes
    a file of it at any time.

    Attributes
    ----------
    size : int
        Most records of a file.
    """

    size: int = SHARD_SIZE

    def write(self, record: NewRecord) -> Path:
        """Write a record into the folder of those that wait, and a file of them once it is full.

        Raises
        ------
        DatasetError
            As for :meth:`Store.write` and :func:`write_shards`.
        """
        path = super().write(record)
        if len(self.waiting()) >= self.size:
            self.flush()
        return path

    def flush(self, *, rest: bool = False) -> list[Path]:
        """Make files of what waits: full ones alone, or also one of the `rest`.

        Raises
        ------
        DatasetError
            As for :func:`read_shards` and :func:`write_shards`.
        """
        known = {record.name for record in read_shards(self.folder)}
        new = []
        for record in _waiting(self, XANES):
            if record.name in known:  # a run was killed after the file, before the tidying
                self._forget(record.name)
            else:
                new.append(record)
        new = _in_turn(new)
        n = len(new) if rest else len(new) // self.size * self.size
        files = write_shards(self.folder, new[:n], size=self.size) if n else []
        for record in new[:n]:
            self._forget(record.name)
        return files

    def _forget(self, name: str) -> None:
        with contextlib.suppress(OSError):  # known by its name, it is passed over next time
            self.discard(f"{name}.npz")


@dataclass(frozen=True)
class ShardReport:
    """What was done: files written, records in them, and names that were there already."""

    files: tuple[Path, ...]
    n_added: int
    n_known: int
    n_failures: int


def geometry_sha256(atoms: Atoms) -> str:
    """Checksum of a molecule whose absorber is atom 0.

    Atomic numbers and positions relative to the absorber in whole steps of 1e-5 A, in file order:
    the same for a molecule that was moved, another for one that was turned, relaxed or reordered.
    """
    return sha256_of(atoms.numbers.astype("u1").tobytes() + _steps(atoms).tobytes())


def _steps(atoms: Atoms) -> np.ndarray:
    """Positions relative to the absorber in whole steps, (n, 3)."""
    relative = (atoms.positions - atoms.positions[0]) / GEOMETRY_STEP_ANG
    return np.asarray(np.rint(relative).astype("<i8"))


def write_shards(
    folder: str | Path,
    records: Iterable[ShardRecord],
    *,
    kind: SpectrumKind = XANES,
    size: int = SHARD_SIZE,
) -> list[Path]:
    """Write records into new files; those that are there are left alone.

    Parameters
    ----------
    folder : str or Path
        Made where it is not there.
    records : iterable of ShardRecord
        Written in this order.
    kind : SpectrumKind, optional
        What their spectra are.
    size : int, optional
        Most records of one file.

    Raises
    ------
    DatasetError
        A name is unsafe or there already, an absorber is unknown, or the disk refuses.
    """
    folder, records = Path(folder), list(records)
    known = {record.name for record in read_shards(folder, kind=kind)}
    for record in records:
        if checked_name(record.name) in known:
            raise DatasetError(f"{record.name} is in {folder} already: leave it out")
        if record.element not in ABSORBERS:
            raise DatasetError(f"{record.name} has no absorber: {record.element!r}")
        known.add(record.name)
    numbers = [_number(path) for path in shard_files(folder, kind)]
    written = []
    first = max(numbers, default=0) + 1
    for number, start in enumerate(range(0, len(records), size), start=first):
        batch = records[start : start + size]
        path = folder / f"{kind.key}-{number:04d}.npz"
        try:
            written.append(write_bytes(path, array_bytes(_arrays(batch))))
        except OSError as error:
            raise DatasetError(
                f"{path} cannot be written ({error.strerror}): make room, or choose another folder"
            ) from error
    return written


def read_shards(folder: str | Path, *, kind: SpectrumKind = XANES) -> list[ShardRecord]:
    """Records of all files of a kind, in the order in which they were written.

    Raises
    ------
    DatasetError
        A file is damaged, or a name stands in two.
    """
    by_name: dict[str, ShardRecord] = {}
    for path in shard_files(folder, kind):
        for record in read_shard(path):
            if record.name in by_name:
                raise DatasetError(f"{record.name} stands in {path.name} and in an earlier file")
            by_name[record.name] = record
    return list(by_name.values())


def read_shard(path: Path) -> list[ShardRecord]:
    """Records of one file.

    Raises
    ------
    DatasetError
        It is damaged.
    """
    try:
        arrays = read_arrays(path.read_bytes())
        columns = [arrays[name] for name in _PER_RECORD]
        recipes = json.loads(str(arrays["recipes"]))
        rows = zip(*columns, strict=True)
        return [
            _record(row, recipes, atoms)
            for row, atoms in zip(rows, _structures(arrays), strict=True)
        ]
    except (OSError, KeyError, ValueError) as error:
        raise DatasetError(f"{path.name} is damaged ({error}); restore it") from error


def shard_finished(
    source: str | Path, folder: str | Path, *, kind: SpectrumKind = XANES
) -> ShardReport:
    """Take the spectra of a set that grew from structures of others, and its failures, into shards.

    Parameters
    ----------
    source : str or Path
        A set made by ``dataset grow --from``, packed or waiting to be.
    folder : str or Path
        The shards.
    kind : SpectrumKind, optional
        Which of their spectra.

    Raises
    ------
    DatasetError
        It holds no such spectra, a file is damaged, or as for :func:`write_shards`.
    """
    grown, shards = Store(Path(source)), Store(Path(folder))
    finished = [*_packed(grown, kind), *_waiting(grown, kind)]
    if not finished:
        raise DatasetError(f"{grown.folder} holds no finished {kind.key} spectra: grow some first")
    known = {record.name for record in read_shards(shards.folder, kind=kind)}
    new = {record.name: record for record in finished if record.name not in known}
    files = write_shards(shards.folder, _in_turn(new.values()), kind=kind)
    listed = {failure["name"] for failure in shards.failures()}
    failures = [one for one in grown.failures() if one["name"] not in listed]
    for failure in failures:
        shards.add_failure(failure)
    return ShardReport(tuple(files), len(new), len(finished) - len(new), len(failures))


def _in_turn(records: Iterable[ShardRecord]) -> list[ShardRecord]:
    """One record of each element in turn, so that every file has some of all."""
    by_element: dict[str, list[ShardRecord]] = {element: [] for element in ABSORBERS}
    for record in records:
        by_element[record.element].append(record)
    rounds = zip_longest(*by_element.values())
    return [record for one_round in rounds for record in one_round if record is not None]


def _packed(store: Store, kind: SpectrumKind) -> Iterator[ShardRecord]:
    recipes = store.manifest().get("recipes", {})
    for element in ABSORBERS:
        if not store.spectra_path(element, kind).is_file():
            continue
        structures, spectra = read_pair(store, element, kind)
        notes = spectra.get("note", [atoms.info.get("theory_note", "") for atoms in structures])
        for atoms, energy_ev, mu, note in zip(
            structures, spectra["energy_ev"], spectra["mu"], notes, strict=True
        ):
            there = np.isfinite(mu)
            curve = TheoryCurve(energy_ev[there], mu[there], str(note))
            yield _shard_record(atoms, curve, recipes.get(atoms.info.get("recipe"), {}))


def _waiting(store: Store, kind: SpectrumKind) -> Iterator[ShardRecord]:
    for path in store.waiting():
        record = read_record(path)
        if record.atoms is not None and kind in record.curves:
            yield _shard_record(record.atoms, record.curves[kind], record.recipe)


def _shard_record(atoms: Atoms, curve: TheoryCurve, recipe: dict[str, Any]) -> ShardRecord:
    charge = atoms.info.get("charge")
    return ShardRecord(
        name=str(atoms.info["name"]),
        element=atoms.get_chemical_symbols()[0],
        charge=None if charge is None else int(charge),
        geometry=geometry_sha256(atoms),
        energy_ev=curve.energy_ev,
        mu=curve.mu,
        note=curve.note,
        recipe=recipe,
        atoms=atoms if OWN in atoms.info else None,
    )


def shard_files(folder: str | Path, kind: SpectrumKind = XANES) -> list[Path]:
    """Files of a kind of spectrum, in the order in which they were written."""
    return sorted(
        (path for path in Path(folder).glob(f"{kind.key}-*.npz") if _NUMBERED.search(path.name)),
        key=_number,
    )


def _number(path: Path) -> int:
    match = _NUMBERED.search(path.name)
    return int(match[1]) if match else 0


def _arrays(records: Sequence[ShardRecord]) -> dict[str, np.ndarray]:
    energy, mu = padded([one.energy_ev for one in records], [one.mu for one in records])
    charges = [_UNKNOWN_CHARGE if r.charge is None else int(r.charge) for r in records]
    recipes = {recipe_id(record.recipe): record.recipe for record in records}
    structures = [record.atoms for record in records if record.atoms is not None]
    if 0 < len(structures) < len(records):
        raise DatasetError(
            "records with and without structures are to be written into one file: keep displaced "
            "copies in a folder of their own"
        )
    return _structure_arrays(structures) | {
        "name": np.array([record.name for record in records]),
        "element": np.array([record.element for record in records]),
        "charge": np.array(charges, dtype=np.int16),
        "geometry": np.array([record.geometry for record in records]),
        "energy_ev": energy,
        "mu": mu,
        "note": np.array([record.note for record in records]),
        "recipe": np.array([recipe_id(record.recipe) for record in records]),
        "recipes": np.array(json.dumps(recipes, sort_keys=True)),
    }


def _structure_arrays(structures: Sequence[Atoms]) -> dict[str, np.ndarray]:
    """Structures and what is known of them, padded to the largest; nothing where there are none."""
    if not structures:
        return {}
    most = max(len(atoms) for atoms in structures)
    numbers = np.zeros((len(structures), most), dtype=np.uint8)
    steps = np.zeros((len(structures), most, 3), dtype=np.int32)
    for row, atoms in enumerate(structures):
        numbers[row, : len(atoms)] = atoms.numbers
        steps[row, : len(atoms)] = _steps(atoms)
    return {
        "numbers": numbers,
        "steps": steps,
        "info": np.array([json.dumps(atoms.info, sort_keys=True) for atoms in structures]),
    }


def _structures(arrays: dict[str, np.ndarray]) -> list[Atoms | None]:
    if "numbers" not in arrays:
        return [None] * len(arrays["name"])
    structures: list[Atoms | None] = []
    columns = (arrays[name] for name in ("numbers", "steps", "info"))
    for numbers, steps, info in zip(*columns, strict=True):
        n = int(np.count_nonzero(numbers))
        atoms = Atoms(numbers[:n], positions=steps[:n] * GEOMETRY_STEP_ANG)
        atoms.info = json.loads(str(info))
        structures.append(atoms)
    return structures


def _record(
    row: tuple[Any, ...], recipes: dict[str, dict[str, Any]], atoms: Atoms | None
) -> ShardRecord:
    name, element, charge, geometry, energy_ev, mu, note, recipe = row
    there = np.isfinite(mu)
    return ShardRecord(
        name=str(name),
        element=str(element),
        charge=None if int(charge) == _UNKNOWN_CHARGE else int(charge),
        geometry=str(geometry),
        energy_ev=energy_ev[there],
        mu=mu[there],
        note=str(note),
        recipe=recipes[str(recipe)],
        atoms=atoms,
    )

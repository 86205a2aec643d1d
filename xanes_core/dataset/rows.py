"""Features of structures that others publish, stored beside their spectra.

``rows-HASH-NNNN.npz`` belongs to ``xanes-NNNN.npz`` (:mod:`xanes_core.dataset.shards`), HASH to the
descriptor. It holds ``name`` (n,), the features ``x`` (n, d) float32, and what a chemist wants to
know of each first shell without its coordinates: elements ``z`` and distances ``r_ang`` (n, m) of
the neighbours (0 where there are no more), ``number``, ``geometry`` and ``families``. So models are
trained from what is stored; the structures are needed where a descriptor changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from xanes_core.constants import K_EDGE_EV
from xanes_core.dataset.imports import read_tmqm
from xanes_core.dataset.shards import ShardRecord, geometry_sha256, read_shard, shard_files
from xanes_core.dataset.training_set import UNCONVERGED
from xanes_core.descriptors import CONVENTIONS, Descriptor, Joined, descriptor_by_name
from xanes_core.errors import DatasetError, SpectrumError
from xanes_core.files import array_bytes, read_arrays, sha256_of, write_bytes
from xanes_core.spectra import XANES, SpectrumKind, feff_to_grid
from xanes_core.structures import Coordination, Environment, coordination, environment

#: One record in so many is held out.
HELD_OUT_OF = 10
_ARRAYS = ("name", "x", "z", "r_ang", "number", "geometry", "families")
_BETWEEN = "|"
#: Smaller features say nothing, and their digits would take room.
_NOTHING = 1e-6


@dataclass(frozen=True)
class StoredRows:
    """Records of shards with their features; n records, d features, k energies.

    Attributes
    ----------
    names, elements : numpy.ndarray of str, (n,)
        Records and absorbers.
    x, y : numpy.ndarray, (n, d) and (n, k)
        Features, and spectra on the grid of the kind.
    envs : tuple of Environment, (n,)
        Elements and distances of the neighbours; positions are NaN.
    shells : tuple of Coordination, (n,)
        First shells in words.
    held_out : numpy.ndarray of bool, (n,)
        See :func:`is_held_out`.
    sha256 : str
        Hash over the files.
    """

    names: np.ndarray
    elements: np.ndarray
    x: np.ndarray
    y: np.ndarray
    envs: tuple[Environment, ...]
    shells: tuple[Coordination, ...]
    held_out: np.ndarray
    sha256: str

    def subset(self, chosen: np.ndarray) -> StoredRows:
        """Return the records that a mask or an index array chooses."""
        rows = np.arange(len(self.names))[chosen]
        return StoredRows(
            names=self.names[rows],
            elements=self.elements[rows],
            x=self.x[rows],
            y=self.y[rows],
            envs=tuple(self.envs[row] for row in rows),
            shells=tuple(self.shells[row] for row in rows),
            held_out=self.held_out[rows],
            sha256=self.sha256,
        )


def is_held_out(name: str) -> bool:
    """Whether a record measures accuracy and is used for nothing else: about one in ten.

    Decided by the hash of its name, so before anything is calculated, and for ever.
    """
    return int(sha256_of(name.encode())[:8], 16) % HELD_OUT_OF == 0


def descriptor_hash(descriptor: Descriptor) -> str:
    """Twelve hexadecimal digits that tell one descriptor from another, by its parameters."""
    return sha256_of(json.dumps(descriptor.parameters(), sort_keys=True).encode())[:12]


def write_rows(
    folder: str | Path,
    structures: str | Path,
    descriptor: Descriptor,
    *,
    kind: SpectrumKind = XANES,
) -> list[Path]:
    """Compute the features of all records and write them; files that are there are left alone.

    Parameters
    ----------
    folder : str or Path
        The shards.
    structures : str or Path
        A tmQM file, or a folder of them, as people download them.
    descriptor : Descriptor
        What to compute.
    kind : SpectrumKind, optional
        Of the shards.

    Raises
    ------
    DatasetError
        There is no such file, a structure is missing or another than the one that was calculated,
        or a file is damaged or cannot be written.
    DescriptorError
        A structure has no features.
    """
    folder = Path(folder)
    missing = {
        path: read_shard(path)
        for path in shard_files(folder, kind)
        if not _rows_file(path, descriptor).is_file()
    }
    wanted = {record.name: record for records in missing.values() for record in records}
    found = _structures(Path(structures), wanted) if wanted else {}
    written = []
    for path, records in missing.items():
        target = _rows_file(path, descriptor)
        content = array_bytes(_arrays([found[record.name] for record in records], descriptor))
        try:
            written.append(write_bytes(target, content))
        except OSError as error:
            raise DatasetError(
                f"{target} cannot be written ({error.strerror}): make room, or choose another "
                "folder"
            ) from error
    return written


def read_rows(
    folder: str | Path, descriptor: Descriptor, *, kind: SpectrumKind = XANES
) -> StoredRows:
    """Spectra of shards with the features of a descriptor, or of one that it is a part of.

    Records whose potentials did not converge are left out.

    Raises
    ------
    DatasetError
        There are no shards, a file is damaged or missing, or a spectrum cannot be used.
    """
    digest = hashlib.sha256()
    records: list[ShardRecord] = []
    parts: list[dict[str, np.ndarray]] = []
    for path in shard_files(Path(folder), kind):
        target, whole, columns = _stored(path, descriptor)
        if not target.is_file():
            raise DatasetError(
                f"{path.name} has no features of descriptor {descriptor.name!r} beside it "
                f"({target.name}): python -m xanes_core dataset rows --structures PATH makes them "
                "from the files of tmQM"
            )
        digest.update(path.read_bytes() + target.read_bytes())
        own = read_shard(path)
        part = _read(target, whole)
        part["x"] = part["x"][:, columns]
        if part["name"].tolist() != [record.name for record in own]:
            raise DatasetError(f"{target.name} lists other records than {path.name}: delete it")
        kept = [row for row, record in enumerate(own) if UNCONVERGED not in record.note]
        records += [own[row] for row in kept]
        parts.append({name: values[kept] for name, values in part.items()})
    if not records:
        raise DatasetError(f"{Path(folder).name} holds no {kind.key} spectra")
    return StoredRows(
        names=np.array([record.name for record in records]),
        elements=np.array([record.element for record in records]),
        x=np.concatenate([part["x"] for part in parts]).astype(np.float64),
        y=np.array([_on_grid(record, kind) for record in records]),
        envs=tuple(
            _environment(record.element, z, r)
            for record, (z, r) in zip(records, _each(parts, "z", "r_ang"), strict=True)
        ),
        shells=tuple(
            Coordination(int(number), str(geometry), frozenset(str(names).split(_BETWEEN)) - {""})
            for number, geometry, names in _each(parts, "number", "geometry", "families")
        ),
        held_out=np.array([is_held_out(record.name) for record in records]),
        sha256=digest.hexdigest(),
    )


def _rows_file(shard: Path, descriptor: Descriptor) -> Path:
    number = shard.stem.rpartition("-")[2]
    kind = shard.stem.rpartition("-")[0]
    return shard.with_name(f"rows-{kind}-{descriptor_hash(descriptor)}-{number}.npz")


def _stored(shard: Path, descriptor: Descriptor) -> tuple[Path, Descriptor, slice]:
    """File with the features of a descriptor, by itself or as a part of a joined one."""
    own = _rows_file(shard, descriptor)
    if own.is_file():
        return own, descriptor, slice(None)
    for name in CONVENTIONS:
        joined = descriptor_by_name(name)
        target = _rows_file(shard, joined)
        if isinstance(joined, Joined) and descriptor in joined.parts and target.is_file():
            before = joined.parts[: joined.parts.index(descriptor)]
            first = sum(part.n_features for part in before)
            return target, joined, slice(first, first + descriptor.n_features)
    return own, descriptor, slice(None)


def _structures(source: Path, wanted: dict[str, ShardRecord]) -> dict[str, Atoms]:
    """Structures of all records wanted, by name."""
    files = sorted(source.glob("*.xyz*")) if source.is_dir() else [source]
    if not files:
        raise DatasetError(f"{source} holds no xyz files: give the files of tmQM")
    found: dict[str, Atoms] = {}
    for file in files:
        for atoms in read_tmqm(file):
            record = wanted.get(atoms.info["name"])
            if record is not None and geometry_sha256(atoms) == record.geometry:
                found[record.name] = atoms
    missing = sorted(set(wanted) - set(found))
    if missing:
        raise DatasetError(
            f"{len(missing)} of {len(wanted)} structures are not in {source.name}, or are others "
            f"than those that were calculated, first {missing[0]}: give all files of tmQM"
        )
    return found


def _arrays(structures: list[Atoms], descriptor: Descriptor) -> dict[str, np.ndarray]:
    envs = [environment(atoms, 0, descriptor.r_cut_ang) for atoms in structures]
    shells = [coordination(env) for env in envs]
    widest = max(len(env.numbers) for env in envs)
    z = np.zeros((len(envs), widest), dtype=np.uint8)
    r = np.zeros((len(envs), widest), dtype=np.float32)
    for row, env in enumerate(envs):
        z[row, : len(env.numbers)] = env.numbers
        r[row, : len(env.numbers)] = env.distances_ang.round(3)
    x = np.array([descriptor.transform_environment(env) for env in envs], dtype=np.float32)
    return {
        "name": np.array([atoms.info["name"] for atoms in structures]),
        "x": np.where(np.abs(x) < _NOTHING, np.float32(0.0), x),
        "z": z,
        "r_ang": r,
        "number": np.array([shell.number for shell in shells], dtype=np.int16),
        "geometry": np.array([shell.geometry for shell in shells]),
        "families": np.array([_BETWEEN.join(sorted(shell.families)) for shell in shells]),
        "descriptor": np.array(json.dumps(descriptor.parameters(), sort_keys=True)),
    }


def _read(path: Path, descriptor: Descriptor) -> dict[str, np.ndarray]:
    try:
        arrays = read_arrays(path.read_bytes())
        part = {name: arrays[name] for name in _ARRAYS}
        if part["x"].shape != (len(part["name"]), descriptor.n_features):
            raise ValueError(f"features of shape {part['x'].shape}")
    except (OSError, KeyError, ValueError) as error:
        raise DatasetError(f"{path.name} is damaged ({error}); restore it, or delete it") from error
    return part


def _each(parts: list[dict[str, np.ndarray]], *names: str) -> Iterable[tuple[np.ndarray, ...]]:
    """Values of some arrays, record by record."""
    for part in parts:
        yield from zip(*(part[name] for name in names), strict=True)


def _environment(element: str, z: np.ndarray, r_ang: np.ndarray) -> Environment:
    there = z > 0
    return Environment(
        absorber_z=atomic_numbers[element],
        numbers=z[there].astype(int),
        positions_ang=np.full((int(there.sum()), 3), np.nan),
        distances_ang=r_ang[there].astype(np.float64),
    )


def _on_grid(record: ShardRecord, kind: SpectrumKind) -> np.ndarray:
    try:
        return feff_to_grid(
            record.energy_ev,
            record.mu,
            e0_ev=K_EDGE_EV[record.element],
            grid_rel_ev=kind.energy_rel_ev,
        )
    except SpectrumError as error:
        raise DatasetError(f"spectrum of {record.name}: {error}") from error

"""Displaced copies as they are read: each with its parent, and what it may be used for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from xanes_core.constants import K_EDGE_EV
from xanes_core.dataset.shards import OWN, ShardRecord, read_shards, shard_files
from xanes_core.dataset.store import content_of
from xanes_core.dataset.training_set import TrainingSet
from xanes_core.errors import DatasetError, SpectrumError
from xanes_core.spectra import feff_to_grid

#: What copies are made for: to measure how well models follow a move, or to train them.
RESPONSE, TRAINING = PURPOSES = ("response", "training")


@dataclass(frozen=True, eq=False)
class DisplacedSet:
    """Displaced copies of records of a training set; n copies, k energies.

    Attributes
    ----------
    names, elements : numpy.ndarray of str, (n,)
        Copies and their absorbers.
    structures : tuple of ase.Atoms, (n,)
        Absorber is atom 0; ``info`` tells ``parent`` and ``moves``.
    mu : numpy.ndarray, (n, k)
        Spectra on the grid of the training set.
    parents : numpy.ndarray of int, (n,)
        Rows of the parents in the training set.
    sha256 : str
        Hash over the files.
    """

    names: np.ndarray
    elements: np.ndarray
    structures: tuple[Atoms, ...]
    mu: np.ndarray
    parents: np.ndarray
    sha256: str

    def __len__(self) -> int:
        """Count the copies."""
        return len(self.names)


def read_displaced(folder: str | Path, parents: TrainingSet, purpose: str) -> DisplacedSet:
    """Displaced copies for one purpose, in the order in which they were stored.

    Parameters
    ----------
    folder : str or Path
        Their shards.
    parents : TrainingSet
        The set that they are copies of, or a part of it: copies of other records are left out.
    purpose : {"response", "training"}
        Copies of held-out parents measure the response, copies of others train.

    Raises
    ------
    DatasetError
        There is no such purpose, no shard, or one is damaged; a copy stands under the purpose that
        its parent must not serve, or has a spectrum that cannot be used.
    """
    if purpose not in PURPOSES:
        raise DatasetError(f"the purpose must be {' or '.join(PURPOSES)}, not {purpose!r}")
    files = shard_files(folder)
    if not files:
        raise DatasetError(
            f"{folder} holds no displaced copies: `dataset displace` makes some, or leave them out"
        )
    digest = hashlib.sha256(b"".join(content_of(path) for path in files))
    row_of = {str(name): row for row, name in enumerate(parents.names)}
    copies: list[tuple[ShardRecord, Atoms, int]] = []
    for record in read_shards(folder):
        atoms = record.atoms
        if atoms is None or OWN not in atoms.info:
            raise DatasetError(
                f"{record.name} in {folder} names no parent: it is no displaced copy"
            )
        row = row_of.get(str(atoms.info[OWN]))
        if row is None or atoms.info.get("purpose") != purpose:
            continue
        if bool(parents.held_out[row]) != (purpose == RESPONSE):
            raise DatasetError(
                f"{record.name} is for {purpose}, but its parent is "
                f"{'held out' if parents.held_out[row] else 'not held out'}: take it out"
            )
        copies.append((record, atoms, row))
    return DisplacedSet(
        names=np.array([record.name for record, _, _ in copies], dtype=str),
        elements=np.array([record.element for record, _, _ in copies], dtype=str),
        structures=tuple(atoms for _, atoms, _ in copies),
        mu=np.array([_on_grid(record, parents.energy_rel_ev) for record, _, _ in copies]).reshape(
            len(copies), len(parents.energy_rel_ev)
        ),
        parents=np.array([row for _, _, row in copies], dtype=int),
        sha256=digest.hexdigest(),
    )


def _on_grid(record: ShardRecord, grid_rel_ev: np.ndarray) -> np.ndarray:
    try:
        return feff_to_grid(
            record.energy_ev, record.mu, e0_ev=K_EDGE_EV[record.element], grid_rel_ev=grid_rel_ev
        )
    except SpectrumError as error:
        raise DatasetError(f"spectrum of {record.name}: {error}") from error

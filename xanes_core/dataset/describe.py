"""What is in a training set, in numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from xanes_core.dataset.store import FURTHER_KINDS, Store
from xanes_core.dataset.training_set import TrainingSet, load_training_set
from xanes_core.files import sha256_of
from xanes_core.spectra import XANES, SpectrumKind
from xanes_core.structures import bond_limit_ang

#: A number that stands by itself: the 10 of FEFF10 stays.
_NUMBER = re.compile(r"(?<![A-Za-z\d])\d+(\.\d+)?")


def describe(folder: str | Path) -> dict[str, Any]:
    """Count what a training set holds.

    Parameters
    ----------
    folder : str or Path
        The training set.

    Returns
    -------
    dict
        ``n``, ``held_out``, ``waiting`` (records not packed yet), ``twins`` (see :func:`twins`);
        by element: ``elements`` (each
        with ``n``, ``held_out``, ``coordination``, ``oxidation``, ``kind`` and ``spectra``); by
        pair: ``bonds_ang`` ("Fe-N" to shortest, median and longest bond, A); ``templates``;
        ``failures`` by stage and reason; ``hashes``: ``verified``, ``changed`` or ``no manifest``,
        with the names of the files that changed.

    Raises
    ------
    DatasetError
        There is no set, or it is damaged.
    """
    store = Store(Path(folder))
    data = load_training_set(folder)
    further = {kind: store.names_with(kind) for kind in FURTHER_KINDS}
    return {
        "n": len(data),
        "held_out": int(data.held_out.sum()),
        "waiting": len(store.waiting()),
        "twins": len(twins(data)),
        "elements": {
            element: _element(data.subset(data.elements == element), further)
            for element in data.counts
        },
        "bonds_ang": _bonds(data),
        "templates": _counted(data.info("template")),
        "failures": _failures(store),
        "hashes": _hashes(store),
    }


def twins(data: TrainingSet) -> list[str]:
    """Names of held-out records whose metal and ligands are those of one that is not held out.

    Their other isomer, charge or geometry is known to models, so that they are easier than others;
    displaced copies of a development record stand as near to its twin as it does itself.
    """
    ligands = data.info("ligands")
    keys = [
        None if text is None else (element, *sorted(str(text).split()))
        for element, text in zip(data.elements.tolist(), ligands, strict=True)
    ]
    known = {key for key, aside in zip(keys, data.held_out, strict=True) if key and not aside}
    rows = zip(data.names.tolist(), keys, data.held_out, strict=True)
    return [name for name, key, aside in rows if aside and key in known]


def _element(part: TrainingSet, further: dict[SpectrumKind, set[str]]) -> dict[str, Any]:
    spectra = {XANES.key: len(part)}
    spectra |= {kind.key: len(names & set(part.names.tolist())) for kind, names in further.items()}
    return {
        "n": len(part),
        "held_out": int(part.held_out.sum()),
        "coordination": _counted(int(_bound(atoms)[1].sum()) for atoms in part.structures),
        "oxidation": _counted(part.info("oxidation_state")),
        "kind": _counted(part.info("kind")),
        "spectra": spectra,
    }


def _counted(values: Iterable[Hashable]) -> dict[str, int]:
    """Counts in the order of the values, those without one last."""
    counts = Counter(values)
    ordered = sorted(counts, key=lambda v: (v is None, v if isinstance(v, int) else 0, str(v)))
    return {"unknown" if value is None else str(value): counts[value] for value in ordered}


def _bound(atoms: Atoms) -> tuple[np.ndarray, np.ndarray]:
    """Distances of the other atoms from atom 0 (A), and whether they are within bonding reach."""
    distances = np.linalg.norm(atoms.positions[1:] - atoms.positions[0], axis=1)
    return distances, distances < bond_limit_ang(atoms.numbers[0], atoms.numbers[1:])


def _bonds(data: TrainingSet) -> dict[str, list[float]]:
    """Distances to neighbours within 1.25 covalent sums: shortest, median, longest (A)."""
    by_pair: dict[str, list[float]] = {}
    for element, atoms in zip(data.elements, data.structures, strict=True):
        distances, bound = _bound(atoms)
        for z, distance in zip(atoms.numbers[1:][bound], distances[bound], strict=True):
            by_pair.setdefault(f"{element}-{chemical_symbols[z]}", []).append(distance)
    return {
        pair: [round(float(f(values)), 3) for f in (np.min, np.median, np.max)]
        for pair, values in sorted(by_pair.items())
    }


def _failures(store: Store) -> dict[str, dict[str, int]]:
    """Counts by stage and reason; numbers in the reasons are left out to bring alike together."""
    stages: dict[str, Counter[str]] = {}
    for failure in store.failures():
        reason = _NUMBER.sub("#", str(failure.get("reason", "")))
        stages.setdefault(str(failure.get("stage", "")), Counter())[reason[:120]] += 1
    return {stage: dict(counts.most_common()) for stage, counts in sorted(stages.items())}


def _hashes(store: Store) -> dict[str, Any]:
    """Whether the packed files are those of the manifest."""
    listed = store.manifest().get("files")
    if listed is None:
        return {"state": "no manifest", "changed": []}
    changed = [
        name
        for name in sorted({*listed, *store.packed_files()})
        if not (store.folder / name).is_file()
        or listed.get(name, {}).get("sha256") != sha256_of((store.folder / name).read_bytes())
    ]
    return {"state": "changed" if changed else "verified", "changed": changed}

"""Ligands of the Cambridge Structural Database, from the base that ``DARTassembler`` ships.

Sommer et al., "Building machine learning assisted transition metal complexes from scratch", the
MetaLig database: some 41,000 ligands with the geometry they have in a crystal, their donors, formal
charge, and the complexes (metal, oxidation state) they occur in.
"""

from __future__ import annotations

import bz2
import importlib.util
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_numbers, chemical_symbols

from xanes_core.constants import ABSORBERS
from xanes_core.dataset.assembly.templates import SIZES
from xanes_core.errors import AssemblyError
from xanes_core.files import array_bytes, cache_folder, read_arrays, write_bytes
from xanes_core.theory import Availability

#: Elements a ligand may hold.
ELEMENTS = frozenset({"H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "As", "Se", "Br", "I"})
#: Largest ligand that is kept (atoms).
MAX_LIGAND_ATOMS = 60
#: A ligand bound through a group of at least this many atoms is a ring above the metal.
MIN_RING = 5
#: Raised when the compact copy of the base changes its form.
_COPY_FORM = 1
_HOW_TO = "assembled complexes need the ligand base: pip install DARTassembler==1.1.1"

#: How often a ligand occurs, per metal and its oxidation state (None where that is not known).
Counts = Mapping[tuple[str, int | None], int]
#: A ligand is drawn with its count to this power: common ones are common, rare ones are seen.
POWER = 0.75
#: What a complex counts that has the metal in another oxidation state.
OTHER_STATE = 0.01
#: Factor for what the caller wants more of.
FOCUS = 6.0


@dataclass(frozen=True, eq=False)
class Ligand:
    """A ligand as it sits on a metal at the origin.

    Attributes
    ----------
    name : str
        The same for the same ligand.
    numbers : numpy.ndarray, shape (n,)
        Atomic numbers.
    positions_ang : numpy.ndarray, shape (n, 3)
        Positions (A), the metal at the origin.
    groups : tuple of tuple of int
        Donor atoms per coordination site; more than one atom is a side-on or ring (eta) site.
    charge : int
        Formal charge (e).
    archetype : str
        Sites it takes, for example ``2-cis``; ``eta`` for a ring.
    parent : str
        The metal its distances belong to.
    """

    name: str
    numbers: np.ndarray
    positions_ang: np.ndarray
    groups: tuple[tuple[int, ...], ...]
    charge: int
    archetype: str
    parent: str

    @property
    def n_donors(self) -> int:
        """Atoms bound to the metal."""
        return sum(len(group) for group in self.groups)

    @property
    def donor_elements(self) -> frozenset[str]:
        """Elements bound to the metal."""
        return frozenset(chemical_symbols[self.numbers[i]] for group in self.groups for i in group)

    @property
    def electrons(self) -> int:
        """Electrons it gives to the metal: two per site, one per atom of an eta site, made even."""
        return sum(len(g) + len(g) % 2 if len(g) > 1 else 2 for g in self.groups)

    def donor_directions(self) -> np.ndarray:
        """Unit vectors from the metal to the middle of every site, shape (n_sites, 3)."""
        middle = np.array([self.positions_ang[list(group)].mean(axis=0) for group in self.groups])
        directions: np.ndarray = middle / np.linalg.norm(middle, axis=1, keepdims=True)
        return directions


@dataclass(frozen=True, eq=False)
class LigandEntry:
    """A ligand and how often it occurs with which metal."""

    ligand: Ligand
    counts: Counts


def available() -> Availability:
    """Whether the ligand base is installed, with a sentence on how to get it where not.

    Only complexes of kind ``assembled`` need it.
    """
    if importlib.util.find_spec("DARTassembler") is None:
        return Availability(False, _HOW_TO)
    return Availability(True, f"ligand base of DARTassembler {_version()} is installed")


def _version() -> str:
    return importlib.metadata.version("DARTassembler")


def _base_path() -> Path:
    """The file of the ligand base.

    Raises
    ------
    AssemblyError
        It is not installed, or not where it is expected.
    """
    spec = importlib.util.find_spec("DARTassembler")
    if spec is None or spec.origin is None:
        raise AssemblyError(_HOW_TO)
    files = sorted((Path(spec.origin).parent / "data" / "metalig").glob("*.jsonlines.bz2"))
    if not files:
        raise AssemblyError(
            f"the installed DARTassembler holds no ligand base; {_HOW_TO.partition(': ')[2]}"
        )
    return files[0]


def read_base(limit: int | None = None) -> list[LigandEntry]:
    """Ligands of the base that can be used here, the common ones first.

    Reading takes about a minute; a compact copy of the whole base is then kept in the cache folder
    (``XANES_CACHE_DIR``) and read in a second.

    Parameters
    ----------
    limit : int, optional
        Look at only so many ligands from the start of the base; the copy is not touched.

    Raises
    ------
    AssemblyError
        The base is not installed, or cannot be read.
    """
    path = _base_path()
    if limit is not None:
        return list(_parsed(path, limit))
    copy = cache_folder() / f"ligands-{_version()}-{_COPY_FORM}.npz"
    with suppress(OSError, ValueError, KeyError):  # not there yet, or damaged: it is made anew
        return _unpacked(read_arrays(copy.read_bytes()))
    entries = list(_parsed(path, None))
    with suppress(OSError):  # a read-only home costs a minute the next time, nothing else
        write_bytes(copy, _packed(entries))
    return entries


def _parsed(path: Path, limit: int | None) -> Iterator[LigandEntry]:
    """Read entries one by one out of the compressed file."""
    try:
        with bz2.open(path, "rt", encoding="utf-8") as lines:
            for line in islice(lines, limit):
                entry = _entry(json.loads(line)["value"])
                if entry is not None:
                    yield entry
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise AssemblyError(
            f"the ligand base {path.name} cannot be read ({type(error).__name__}); install it "
            f"again: {_HOW_TO.partition(': ')[2]}"
        ) from error


def _entry(record: dict[str, Any]) -> LigandEntry | None:
    """One ligand of the base, or None if it is of no use here."""
    known, seen, atoms = record["global_props"], record["ligand_instances"], record["atomic_props"]
    if not known["has_confident_charge"] or len(atoms["atoms"]) > MAX_LIGAND_ATOMS:
        return None
    counts = Counter(
        (metal, int(state) if state == state else None)  # not a number: not known
        for metal, state in zip(seen["parent_metal"], seen["parent_metal_os"], strict=True)
        if metal in ABSORBERS
    )
    if not counts or not set(atoms["atoms"]) <= ELEMENTS:
        return None
    groups = tuple(tuple(g) if isinstance(g, list) else (g,) for g in record["hapdent_idc"])
    ring = len(groups) == 1 and len(groups[0]) >= MIN_RING
    own = known["unique_name"].removeprefix("unq_")
    names = seen["ligand_name"]
    ligand = Ligand(
        name=known["unique_name"],
        numbers=np.array([atomic_numbers[symbol] for symbol in atoms["atoms"]], dtype=np.uint8),
        positions_ang=np.array([atoms["x"], atoms["y"], atoms["z"]], dtype=np.float64).T,
        groups=groups,
        charge=int(known["charge"]),
        archetype="eta" if ring else known["archetype"],
        parent=seen["parent_metal"][names.index(own) if own in names else 0],
    )
    return LigandEntry(ligand, dict(counts))


def _packed(entries: list[LigandEntry]) -> bytes:
    """Entries as an npz archive: arrays, and the rest as JSON."""
    rest = [
        [
            *(e.ligand.name, e.ligand.charge, e.ligand.archetype, e.ligand.parent),
            *(e.ligand.groups, [[*key, count] for key, count in e.counts.items()]),
        ]
        for e in entries
    ]
    return array_bytes(
        {
            "n_atoms": np.array([len(e.ligand.numbers) for e in entries], dtype=np.int32),
            "numbers": np.concatenate([e.ligand.numbers for e in entries]),
            "positions_ang": np.concatenate([e.ligand.positions_ang for e in entries]),
            "rest": np.frombuffer(json.dumps(rest).encode(), dtype=np.uint8),
        }
    )


def _unpacked(arrays: Mapping[str, np.ndarray]) -> list[LigandEntry]:
    """Entries out of what :func:`_packed` made."""
    ends = np.cumsum(arrays["n_atoms"])[:-1]
    numbers = np.split(arrays["numbers"], ends)
    positions = np.split(arrays["positions_ang"], ends)
    rest = json.loads(arrays["rest"].tobytes())
    return [
        LigandEntry(
            Ligand(name, z, xyz, tuple(map(tuple, groups)), charge, archetype, parent),
            {(metal, state): count for metal, state, count in counts},
        )
        for z, xyz, (name, charge, archetype, parent, groups, counts) in zip(
            numbers, positions, rest, strict=True
        )
    ]


class Pool:
    """Ligands to draw from.

    Parameters
    ----------
    entries : sequence of LigandEntry
    focus : collection of str
        Elements; ligands with such a donor are drawn :data:`FOCUS` times as often.
    """

    def __init__(self, entries: Sequence[LigandEntry], focus: Collection[str] = ()) -> None:
        self._by_archetype: dict[str, list[LigandEntry]] = defaultdict(list)
        for entry in entries:
            self._by_archetype[entry.ligand.archetype].append(entry)
        self._focus = frozenset(focus)
        self._drawers: dict[tuple[str, str, str, int], tuple[list[Ligand], np.ndarray]] = {}

    def draw(
        self, metal: str, archetype: str, size: str, state: int, rng: np.random.Generator
    ) -> Ligand | None:
        """One ligand for a metal in an oxidation state; None if there is none of that kind."""
        key = (metal, archetype, size, state)
        if key not in self._drawers:
            self._drawers[key] = self._drawer(*key)
        ligands, sums = self._drawers[key]
        if not ligands:
            return None
        return ligands[int(np.searchsorted(sums, rng.random() * sums[-1], side="right"))]

    def _drawer(
        self, metal: str, archetype: str, size: str, state: int
    ) -> tuple[list[Ligand], np.ndarray]:
        """Ligands of one kind and the running sums of their weights."""
        ligands, weights = [], []
        for entry in self._by_archetype[archetype]:
            if len(entry.ligand.numbers) > SIZES[size]:
                continue
            weight = self._weight(entry, metal, state)
            if weight > 0:
                ligands.append(entry.ligand)
                weights.append(weight)
        return ligands, np.cumsum(weights)

    def _weight(self, entry: LigandEntry, metal: str, state: int) -> float:
        """Weight of a ligand; complexes of unknown state are split as those of known state are."""
        same = entry.counts.get((metal, state), 0)
        unknown = entry.counts.get((metal, None), 0)
        known = sum(n for (other, _), n in entry.counts.items() if other == metal) - unknown
        likely = (same + 1) / (known + 2)  # rule of succession: one half where nothing is known
        total = same + likely * unknown + OTHER_STATE * (known - same)
        wanted = bool(self._focus & entry.ligand.donor_elements)
        return float(total**POWER) * (FOCUS if wanted else 1.0)

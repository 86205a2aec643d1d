"""Run FEFF10 on the crystals of ``crystals.toml``, by the recipe of the training set.

From the repository root::

    OMP_NUM_THREADS=1 python -m data.crystals.build [NAME...]

Without names it runs what is not there yet, or belongs to another structure. Each site is stored in
``spectra.npz`` as soon as it is there.
"""

from __future__ import annotations

import hashlib
import io
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.spacegroup import crystal

from xanes_core.errors import XanesError
from xanes_core.files import write_bytes
from xanes_core.structures import environment
from xanes_core.theory import get_engine

FOLDER = Path(__file__).resolve().parent
TABLE, STORED = FOLDER / "crystals.toml", FOLDER / "spectra.npz"
#: The names that a site has in the file, after the name of its crystal.
PARTS = ("mu", "weight", "sha256", "engine", "notes")


@dataclass(frozen=True)
class Place:
    """One kind of absorber in a crystal: atom, and how many of all absorbers are of its kind."""

    crystal: str
    number: int
    atoms: Atoms
    absorber: int
    weight: float

    @property
    def key(self) -> str:
        """Name in the file of spectra."""
        return f"{self.crystal}/{self.number}"

    @property
    def sha256(self) -> str:
        """Of what the absorber sees, to 1e-4 A: another structure has another one."""
        near = environment(self.atoms, self.absorber)
        rows = sorted(
            zip(near.numbers.tolist(), np.round(near.distances_ang, 4).tolist(), strict=True)
        )
        return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


def table() -> dict[str, dict]:
    """Crystals by name."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def places(name: str, entry: dict) -> list[Place]:
    """Kinds of absorber in a crystal of the table."""
    symbols = [site[0] for site in entry["sites"]]
    atoms = crystal(
        symbols,
        basis=[site[1:] for site in entry["sites"]],
        spacegroup=entry["spacegroup"],
        setting=entry.get("setting", 1),
        cellpar=entry["cell"],
    )
    kinds = atoms.arrays["spacegroup_kinds"]
    wanted = [i for i, symbol in enumerate(symbols) if symbol == entry["element"]]
    total = sum(int((kinds == i).sum()) for i in wanted)
    plain = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    return [
        Place(
            name,
            number,
            plain,
            int(np.flatnonzero(kinds == i)[0]),
            float((kinds == i).sum()) / total,
        )
        for number, i in enumerate(wanted)
    ]


def stored() -> dict[str, np.ndarray]:
    """Arrays of the file by ``NAME/NUMBER/PART``; ``energy_rel_ev`` beside them."""
    if not STORED.exists():
        return {}
    with np.load(STORED, allow_pickle=False) as file:
        return dict(file)


def main(names: list[str]) -> int:
    """Run FEFF10 on the named crystals; 0 when all are stored."""
    engine, failures = get_engine("feff10"), 0
    done: dict[str, str] = {}
    while True:  # the table is read anew, for it may have grown in the meantime
        entries = {k: v for k, v in table().items() if not names or k in names}
        there = stored()
        todo = [
            place
            for name, entry in entries.items()
            for place in places(name, entry)
            if done.get(place.key) != place.sha256
            and (str(there.get(f"{place.key}/sha256", "")) != place.sha256)
        ]
        if not todo:
            return 1 if failures else 0
        place = todo[0]
        done[place.key] = place.sha256
        try:
            result = engine.run(place.atoms, place.absorber)
        except XanesError as error:
            failures += 1
            print(f"FAILED {place.key}: {error}", flush=True)
            continue
        grid = result.on_grid()
        values = (
            np.round(grid.mu, 5).astype(np.float32),
            np.float32(place.weight),
            place.sha256,
            f"{engine.title} (feff10-rs {result.engine_version})",
            " ".join(result.notes),
        )
        there = stored()
        there["energy_rel_ev"] = np.round(grid.energy_rel_ev, 6)
        there.update({f"{place.key}/{k}": np.array(v) for k, v in zip(PARTS, values, strict=True)})
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **{key: there[key] for key in sorted(there)})
        write_bytes(STORED, buffer.getvalue())
        print(f"{place.key}: {result.seconds:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

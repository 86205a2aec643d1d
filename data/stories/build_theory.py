"""Run FEFF10 once on the examples that the stories show, and keep the spectra small.

From the repository root::

    OMP_NUM_THREADS=1 python -m data.stories.build_theory [NAME...]

A name is an example, or ``"EXAMPLE without ELEMENT"``. Without names it runs anew what belongs to
another structure than the shipped one. Each spectrum is written as soon as it is there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ase import Atoms

from xanes_core.errors import XanesError
from xanes_core.files import write_bytes
from xanes_core.stories import story_atoms, structure_sha256
from xanes_core.theory import get_engine

STORED = Path(__file__).resolve().parent / "theory.json"


def stored() -> dict[str, dict]:
    """Spectra by example, as they lie in the file."""
    return json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}


def atoms_of(key: str) -> Atoms:
    """Structure that a name stands for."""
    example, _, without = key.partition(" without ")
    return story_atoms(example, without)


def stale() -> list[str]:
    """Names whose spectrum belongs to another structure than the shipped one."""
    return [
        key
        for key, entry in stored().items()
        if entry["structure_sha256"] != structure_sha256(atoms_of(key))
    ]


def main(keys: list[str]) -> int:
    """Run FEFF10 on the named structures; 0 when all are stored."""
    engine, failures = get_engine("feff10"), 0
    for key in keys or stale():
        atoms = atoms_of(key)
        try:
            result = engine.run(atoms)
        except XanesError as error:
            failures += 1
            print(f"FAILED {key}: {error}", flush=True)
            continue
        spectra = stored()
        spectra[key] = {
            "structure_sha256": structure_sha256(atoms),
            "engine": f"{engine.title} (feff10-rs {result.engine_version})",
            "mu": [round(float(value), 4) for value in result.on_grid().mu],
        }
        rows = [f"{json.dumps(name)}: {json.dumps(spectra[name])}" for name in sorted(spectra)]
        write_bytes(STORED, ("{\n" + ",\n".join(rows) + "\n}\n").encode())
        print(f"{key}: {result.seconds:.0f} s", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

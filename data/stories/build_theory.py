"""Run FEFF10 once on the examples that the stories show, and keep the spectra small.

From the repository root::

    OMP_NUM_THREADS=1 python data/stories/build_theory.py [EXAMPLE...]

Without names it runs what the stories ask for (``theory = true``) and what is not stored yet or was
calculated for another structure. Each spectrum is written as soon as it is there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from xanes_core.errors import XanesError
from xanes_core.files import write_bytes
from xanes_core.stories import list_stories, structure_sha256
from xanes_core.structures import list_examples, load_example
from xanes_core.theory import get_engine

STORED = Path(__file__).resolve().parent / "theory.json"


def stored() -> dict[str, dict]:
    """Spectra by example, as they lie in the file."""
    return json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}


def wanted() -> list[str]:
    """Examples whose FEFF10 spectrum a story shows and that is not stored for their structure."""
    asked = {
        curve.example
        for story in list_stories()
        for step in story.steps
        for curve in step.curves
        if curve.theory
    }
    known = stored()
    return sorted(
        key
        for key in asked
        if known.get(key, {}).get("structure_sha256") != structure_sha256(load_example(key))
    )


def main(keys: list[str]) -> int:
    """Run FEFF10 on the named examples; 0 when all are stored."""
    examples = {example.key: example for example in list_examples()}
    engine, failures = get_engine("feff10"), 0
    for key in keys or wanted():
        atoms = load_example(key)
        try:
            result = engine.run(atoms, examples[key].absorber)
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

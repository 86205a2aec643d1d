"""Gather the theory spectra that measured ones are matched with, and facts on their structures.

From the repository root, whenever the training set has grown::

    OMP_NUM_THREADS=1 python -m data.library.build

``theory.npz`` holds ``name``, ``element``, ``spectra`` (n, k) on ``energy_rel_ev`` (k,) and, with
``|`` between several, ``coordination``, ``geometry``, ``donors`` and ``oxidation`` (n,).
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np

from xanes_core.dataset.rows import read_rows
from xanes_core.dataset.training_set import load_training_set
from xanes_core.descriptors import descriptor_by_name
from xanes_core.files import write_bytes
from xanes_core.structures import Coordination, coordination, environment, list_examples
from xanes_core.structures.examples import load_example

DATA = Path(__file__).resolve().parents[1]
STORED = Path(__file__).with_name("theory.npz")


def row(name: str, element: str, shell: Coordination, oxidation: object) -> tuple[str, ...]:
    """Facts of a record as they are stored."""
    known = "" if oxidation is None else f"{int(oxidation):d}"  # type: ignore[call-overload]
    return name, element, str(shell.number), shell.geometry, "|".join(sorted(shell.families)), known


def main() -> None:
    """Write the file."""
    assembled = load_training_set(DATA / "feff10")
    rows = [
        row(str(name), str(element), coordination(environment(atoms, 0)),
            atoms.info.get("oxidation_state"))
        for name, element, atoms in zip(
            assembled.names, assembled.elements, assembled.structures, strict=True
        )
    ]  # fmt: skip
    spectra = [assembled.mu]
    real = read_rows(DATA / "tmqm", descriptor_by_name("scattering"))
    rows += [
        row(str(name), str(element), shell, None)
        for name, element, shell in zip(real.names, real.elements, real.shells, strict=True)
    ]
    spectra.append(real.y)
    theory = json.loads((DATA / "stories" / "theory.json").read_text(encoding="utf-8"))
    for example in list_examples():
        if example.key in theory:
            atoms = load_example(example.key)
            index = next(i for i, s in enumerate(atoms.symbols) if s == example.element)
            shell = coordination(environment(atoms, index))
            rows.append(row(example.key, example.element, shell, None))
            spectra.append(np.array(theory[example.key]["mu"])[None])
    names = ("name", "element", "coordination", "geometry", "donors", "oxidation")
    arrays = dict(zip(names, np.array(rows).T, strict=True))
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        energy_rel_ev=assembled.energy_rel_ev,
        spectra=np.concatenate(spectra).astype(np.float16),
        **arrays,
    )
    write_bytes(STORED, buffer.getvalue())
    print(f"{len(rows)} spectra, {len(buffer.getvalue()) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()

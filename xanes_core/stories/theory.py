"""Stored FEFF10 spectra of examples, so that a story can show theory where none is installed."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
from ase import Atoms

from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import StoryError
from xanes_core.files import PROJECT, sha256_of
from xanes_core.spectra import XANES, Spectrum
from xanes_core.structures import list_examples, load_example

_STORED = PROJECT / "data" / "stories" / "theory.json"


def structure_sha256(atoms: Atoms) -> str:
    """Checksum of elements and positions (to 0.0001 A), to tell what was calculated for what."""
    rows = zip(atoms.get_chemical_symbols(), np.round(atoms.positions, 4), strict=True)
    text = "\n".join(f"{symbol} {x:.4f} {y:.4f} {z:.4f}" for symbol, (x, y, z) in rows)
    return sha256_of(text.replace("-0.0000", "0.0000").encode())


@cache
def _stored() -> dict[str, dict[str, object]]:
    try:
        spectra: dict[str, dict[str, object]] = json.loads(_STORED.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoryError(
            "The stored FEFF10 spectra (data/stories/theory.json) cannot be read. Restore them "
            "from the repository, or run data/stories/build_theory.py."
        ) from error
    return spectra


def story_atoms(example: str, without: str = "") -> Atoms:
    """Structure of an example, less all atoms of one element; its absorber stays atom 0."""
    atoms = load_example(example)
    return atoms[[i for i, symbol in enumerate(atoms.symbols) if i == 0 or symbol != without]]


def theory_key(example: str, without: str = "") -> str:
    """Name of a structure among the stored spectra."""
    return f"{example} without {without}" if without else example


def has_theory(example: str, without: str = "") -> bool:
    """Whether a FEFF10 spectrum of :func:`story_atoms` is stored."""
    return theory_key(example, without) in _stored()


def stored_theory(example: str, without: str = "") -> Spectrum:
    """FEFF10 spectrum of :func:`story_atoms`, as calculated once.

    Parameters
    ----------
    example : str
        Key of the example.
    without : str, optional
        Element whose atoms are taken out.

    Returns
    -------
    Spectrum
        On the grid of the XANES models (226 energies), edge step 1.

    Raises
    ------
    StoryError
        None is stored, or it belongs to another structure than the shipped one.
    """
    spectra = _stored()
    key = theory_key(example, without)
    if key not in spectra:
        raise StoryError(
            f"No FEFF10 spectrum of {key[:80]!r} is stored. Stored are: "
            f"{', '.join(sorted(spectra))}. Leave `theory` out, or run "
            "data/stories/build_theory.py."
        )
    entry = spectra[key]
    if entry["structure_sha256"] != structure_sha256(story_atoms(example, without)):
        raise StoryError(
            f"The stored FEFF10 spectrum of {key!r} belongs to another structure: run "
            "data/stories/build_theory.py."
        )
    element = next(one.element for one in list_examples() if one.key == example)
    e0_ev = K_EDGE_EV[element]
    mu = np.array(entry["mu"], dtype=float)
    return Spectrum(XANES.energy_rel_ev + e0_ev, mu, e0_ev, {"engine": str(entry["engine"])})

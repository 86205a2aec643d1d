"""Well-known complexes that come with the project, three or more for each metal.

The structures lie in ``data/examples`` beside the package; ``build_examples.py`` there made them
and ``index.json`` describes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from ase import Atoms

from xanes_core.constants import ABSORBERS
from xanes_core.errors import DatasetError, StructureError
from xanes_core.files import PROJECT
from xanes_core.structures.formats.xyz import atoms_of_rows

_FOLDER = PROJECT / "data" / "examples"


@dataclass(frozen=True)
class Bonds:
    """Bonds of one kind between the absorber and its first shell.

    Attributes
    ----------
    element : str
        Neighbour's element.
    count : int
        How many such bonds.
    atoms : tuple of int
        0-based indices of the neighbours.
    d_ang : float
        Mean length in the shipped structure (A).
    d_xtb_ang : float
        Mean length of a free GFN2-xTB relaxation (A); differs from ``d_ang`` where the shell was
        held at the experimental length.
    d_exp_ang : float
        Typical experimental length (A), rounded.
    comment : str
        Where the experimental length comes from.
    """

    element: str
    count: int
    atoms: tuple[int, ...]
    d_ang: float
    d_xtb_ang: float
    d_exp_ang: float
    comment: str


@dataclass(frozen=True)
class Example:
    """What is known of one example complex.

    Attributes
    ----------
    key : str
        Short name for :func:`load_example`.
    title, formula : str
        Plain text for people; ``formula`` has Unicode sub- and superscripts.
    hill : str
        Composition in the Hill order, without charge.
    element : str
        The absorbing metal.
    charge, multiplicity : int
        Total charge (e) and spin multiplicity 2S + 1.
    absorber : int
        0-based index of the absorber.
    coordination : str
        Geometry and donors in words.
    coordination_number : int
        Bonded neighbours of the absorber, hydrogen not counted.
    note : str
        One line on why its XANES is worth a look.
    method : str
        How the geometry was obtained.
    fmax_ev_per_ang : float
        Largest force left after relaxation (eV/A).
    bonds : tuple of Bonds
        First-shell bond lengths beside experiment.
    """

    key: str
    title: str
    formula: str
    hill: str
    element: str
    charge: int
    multiplicity: int
    absorber: int
    coordination: str
    coordination_number: int
    note: str
    method: str
    fmax_ev_per_ang: float
    bonds: tuple[Bonds, ...]


def _example(entry: dict[str, Any]) -> Example:
    bonds = tuple(Bonds(**{**b, "atoms": tuple(b["atoms"])}) for b in entry["bonds"])
    return Example(**{**entry, "bonds": bonds})


@cache
def _index() -> Mapping[str, Example]:
    path = _FOLDER / "index.json"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["examples"]
        examples = [_example(entry) for entry in entries]
    except FileNotFoundError as error:
        raise DatasetError(
            "The example structures are missing: data/examples/index.json is not there. Restore "
            "the data folder of the checkout, or run data/examples/build_examples.py."
        ) from error
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DatasetError(
            "The index of the example structures (data/examples/index.json) cannot be read. "
            "Restore it from the repository, or run data/examples/build_examples.py."
        ) from error
    return MappingProxyType({example.key: example for example in examples})


def list_examples(element: str | None = None) -> tuple[Example, ...]:
    """Example complexes in order of atomic number of their metal.

    Parameters
    ----------
    element : str, optional
        Only those of this metal ("Ti" to "Zn"); default all.

    Returns
    -------
    tuple of Example

    Raises
    ------
    StructureError
        ``element`` is not one of the supported metals.
    DatasetError
        The index is missing or damaged.
    """
    if element is not None and element not in ABSORBERS:
        raise StructureError(
            f"No examples for {str(element)[:40]!r}; choose one of {', '.join(ABSORBERS)}."
        )
    chosen = [e for e in _index().values() if element in (None, e.element)]
    return tuple(sorted(chosen, key=lambda e: ABSORBERS.index(e.element)))


@cache
def _structure(key: str) -> Atoms:
    example = _index()[key]
    try:
        lines = (_FOLDER / f"{key}.extxyz").read_text(encoding="utf-8").rstrip().split("\n")
        atoms = atoms_of_rows(list(enumerate(lines[2:], start=3)))
    except Exception as error:  # a damaged file has many ways to fail
        raise DatasetError(
            f"The structure of the example {key!r} (data/examples/{key}.extxyz) cannot be read. "
            "Restore it from the repository, or run data/examples/build_examples.py."
        ) from error
    if atoms.get_chemical_formula("hill") != example.hill:
        raise DatasetError(
            f"The structure of the example {key!r} is not {example.hill}, which the index "
            "announces. Restore data/examples from the repository."
        )
    return atoms


def load_example(key: str) -> Atoms:
    """Structure of one example, a fresh copy on every call.

    Parameters
    ----------
    key : str
        One of the keys of :func:`list_examples`.

    Returns
    -------
    ase.Atoms
        Numbers and positions (A), not periodic, the absorber first; ``info`` holds ``charge`` and
        ``multiplicity``.

    Raises
    ------
    StructureError
        No example has this key.
    DatasetError
        The index or the structure file is missing or damaged.
    """
    if key not in _index():
        raise StructureError(
            f"There is no example {str(key)[:60]!r}. Choose one of: {', '.join(_index())}."
        )
    example, stored = _index()[key], _structure(key)
    return Atoms(
        numbers=stored.numbers.copy(),
        positions=stored.positions.copy(),
        info={"charge": example.charge, "multiplicity": example.multiplicity},
    )

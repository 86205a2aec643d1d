"""Absorber sites of a structure: which atoms, and how many each stands for."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from numbers import Integral
from typing import TypeGuard

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols

from xanes_core.constants import ABSORBERS
from xanes_core.errors import StructureError
from xanes_core.structures.checks import periodic_cell

#: Two positions that a symmetry operation brings this near are the same site (A).
SYMMETRY_TOLERANCE_ANG = 0.01
#: Beyond this many atoms symmetry is not searched for: every atom counts as a site of its own.
MAX_SYMMETRY_ATOMS = 1000

_ABSORBER_Z = tuple(atomic_numbers[symbol] for symbol in ABSORBERS)


@dataclass(frozen=True)
class Site:
    """An absorber site that stands for all atoms equivalent to it.

    Attributes
    ----------
    index : int
        Atom index, from 0 in the order of the file.
    element : str
        Element symbol.
    multiplicity : int
        Number of atoms it stands for: the weight in an average over sites.
    equivalent : tuple of int
        Indices of these atoms, ascending; ``index`` is among them.
    """

    index: int
    element: str
    multiplicity: int
    equivalent: tuple[int, ...]


def absorber_elements(atoms: Atoms) -> tuple[str, ...]:
    """Supported absorber elements in a structure, in order of atomic number."""
    present = set(atoms.numbers.tolist())
    return tuple(chemical_symbols[z] for z in _ABSORBER_Z if z in present)


def absorber_sites(atoms: Atoms, element: str | None = None) -> list[Site]:
    """Symmetry-distinct absorber sites.

    In a periodic structure, atoms that the space group maps on each other (spglib, tolerance
    0.01 A) share a site. Where no symmetry is found, and for structures of more than 1,000 atoms,
    every atom is a site of its own: the average over sites is the same, it only takes longer.
    In a molecule every atom is a site of its own.

    Parameters
    ----------
    atoms : ase.Atoms
        Structure.
    element : str, optional
        Only sites of this element; default all supported absorber elements.

    Returns
    -------
    list of Site
        In the order of the atoms in the structure; may be empty.

    Raises
    ------
    StructureError
        ``element`` is not a supported absorber, or the cell makes no sense.
    """
    wanted = ABSORBERS if element is None else (_supported_symbol(element),)
    symbols = atoms.get_chemical_symbols()
    chosen = [i for i, symbol in enumerate(symbols) if symbol in wanted]
    if not chosen:
        return []
    orbit_of = _orbits(atoms) if atoms.pbc.any() and len(chosen) > 1 else np.arange(len(atoms))
    members: dict[int, list[int]] = {}
    for index in chosen:
        members.setdefault(int(orbit_of[index]), []).append(index)
    return [Site(m[0], symbols[m[0]], len(m), tuple(m)) for m in members.values()]


def select_sites(atoms: Atoms, absorber: int | str | None = None) -> list[Site]:
    """Turn a user's choice of absorber into sites.

    Parameters
    ----------
    atoms : ase.Atoms
        Structure.
    absorber : int, str or None
        Index from 0 (an integer or a string of digits): that atom alone. Element symbol: all
        distinct sites of it. ``"all"``: all distinct sites of the only supported metal. ``None``:
        the absorber that the file names (``atoms.info["absorber"]``, as FEFF input does), else
        as ``"all"``.

    Returns
    -------
    list of Site
        At least one; a spectrum of several is the average weighted by ``multiplicity``.

    Raises
    ------
    StructureError
        No supported metal, several and no choice, an index out of range or of an atom that is
        not a supported metal, an element that is not supported or not present.
    """
    if absorber is None:
        named = atoms.info.get("absorber")
        absorber = named if _is_integer(named) else "all"
    if _is_integer(absorber):
        return [_site_of_index(atoms, int(absorber))]
    if not isinstance(absorber, str):
        raise StructureError(
            f"The absorber must be an atom index, an element symbol or 'all', "
            f"not a {type(absorber).__name__}."
        )
    text = absorber.strip()
    if text.lstrip("+-").isdecimal() and len(text) < 12:
        return [_site_of_index(atoms, int(text))]
    present = absorber_elements(atoms)
    if text.lower() != "all":
        element = _supported_symbol(text)
        if element not in present:
            raise StructureError(
                f"There is no {element} in the structure ({_formula(atoms)}): "
                + (f"choose {_either(present)}." if present else _no_metal_hint())
            )
        return absorber_sites(atoms, element)
    if not present:
        raise StructureError(
            f"The structure ({_formula(atoms)}) holds no supported metal: {_no_metal_hint()}"
        )
    if len(present) > 1:
        raise StructureError(
            f"The structure holds several supported metals ({', '.join(present)}): "
            "name the absorber by element or by atom index."
        )
    return absorber_sites(atoms, present[0])


def _orbits(atoms: Atoms) -> np.ndarray:
    """Label (n,) of each atom's symmetry orbit; every atom its own where no symmetry is found."""
    alone = np.arange(len(atoms))
    if len(atoms) > MAX_SYMMETRY_ATOMS:
        return alone
    import spglib  # slow to load, and no molecule needs it

    cell = periodic_cell(atoms)
    # A slab or a chain gets a vacuum, so that no operation can mix its two faces with an image.
    extent_ang = np.ptp(atoms.positions @ np.linalg.inv(cell), axis=0)[~atoms.pbc]
    cell[~atoms.pbc] *= extent_ang.max(initial=0.0) + 20.0
    scaled = atoms.positions @ np.linalg.inv(cell)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = spglib.get_symmetry_dataset(
                (cell.tolist(), scaled.tolist(), atoms.numbers.tolist()),
                symprec=SYMMETRY_TOLERANCE_ANG,
            )
    except Exception:  # spglib reports failure as an exception or as None, by its version
        return alone
    return alone if dataset is None else np.asarray(dataset.equivalent_atoms)


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, Integral) and not isinstance(value, bool | np.bool_)


def checked_index(atoms: Atoms, index: int) -> int:
    """Atom index as a plain ``int``; a StructureError where there is no such atom."""
    if not _is_integer(index):
        raise StructureError(
            f"The absorber must be an atom index (an integer), not a {type(index).__name__}."
        )
    if not 0 <= index < len(atoms):
        raise StructureError(
            f"There is no atom {index}: the structure has {len(atoms)} atoms, "
            f"counted from 0 to {len(atoms) - 1}."
        )
    return int(index)


def _site_of_index(atoms: Atoms, index: int) -> Site:
    index = checked_index(atoms, index)
    symbol = atoms[index].symbol
    if symbol not in ABSORBERS:
        present = absorber_elements(atoms)
        raise StructureError(
            f"Atom {index} is {symbol}, which is not a supported absorber: "
            + (f"choose an atom of {_either(present)}." if present else _no_metal_hint())
        )
    return Site(index, symbol, 1, (index,))


def _supported_symbol(text: str) -> str:
    symbol = str(text).strip().capitalize()
    if symbol not in ABSORBERS:
        known = symbol if symbol in atomic_numbers and symbol != "X" else "That"
        raise StructureError(
            f"{known} is not a supported absorber element: choose one of {', '.join(ABSORBERS)}."
        )
    return symbol


def _either(symbols: tuple[str, ...]) -> str:
    return " or ".join(symbols)


def _no_metal_hint() -> str:
    return f"the models cover {', '.join(ABSORBERS)}; give a structure with one of them."


def _formula(atoms: Atoms) -> str:
    formula: str = atoms.get_chemical_formula(mode="hill", empirical=False)
    return formula if len(formula) <= 40 else formula[:37] + "..."

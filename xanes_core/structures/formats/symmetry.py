"""Crystals from an asymmetric unit: cells, space groups and their orbits."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, cast

import numpy as np
from ase import Atoms
from ase.geometry import cellpar_to_cell

from xanes_core.errors import StructureError
from xanes_core.structures.checks import MAX_ATOMS, MAX_LENGTH_ANG
from xanes_core.structures.formats.text import quote

if TYPE_CHECKING:
    from spglib import SpaceGroupType

#: Images of a site nearer than this are one atom on a special position given with few digits (A).
MERGE_DISTANCE_ANG = 0.1

Operations = tuple[np.ndarray, np.ndarray]


@lru_cache(maxsize=1)
def _settings() -> tuple[dict[str, list[tuple[int, str]]], dict[int, list[tuple[int, str]]]]:
    """Settings (Hall number, choice) of spglib's table, by compact name and by group number."""
    by_name: dict[str, list[tuple[int, str]]] = {}
    by_number: dict[int, list[tuple[int, str]]] = {}
    for hall, group in _groups():
        names = {_compact(part) for part in group.international.split("=")}
        names |= {_compact(group.international_short), _compact(group.international_full)}
        if 3 <= group.number <= 15:  # P 1 21/n 1 is written P 21/n too
            names |= {re.sub(r"^(.)1(.+)1$", r"\1\2", name) for name in names}
        for name in names:
            by_name.setdefault(name, []).append((hall, group.choice))
        by_number.setdefault(group.number, []).append((hall, group.choice))
    return by_name, by_number


def _compact(name: str) -> str:
    return re.sub(r"[\s_]", "", name).lower()


@lru_cache(maxsize=1)
def _hall_symbols() -> dict[str, int]:
    """Hall numbers of spglib's table by compact Hall symbol."""
    return {_compact(group.hall_symbol): hall for hall, group in _groups()}


def _groups() -> Iterator[tuple[int, SpaceGroupType]]:
    """Rows of spglib's table with their Hall numbers."""
    import spglib  # slow to load; most structures need no space group

    for hall in range(1, 531):
        group = spglib.get_spacegroup_type(hall)
        if group is not None:
            yield hall, group


def _operations(hall: int) -> Operations:
    """Rotations and translations of a setting by its Hall number."""
    import spglib  # slow to load

    # None is for numbers beyond the table
    database = cast("dict[str, np.ndarray]", spglib.get_symmetry_from_database(hall))
    return database["rotations"], database["translations"]


def hall_operations(symbol: str) -> Operations:
    """Rotations (n, 3, 3) and translations (n, 3) of a Hall symbol, such as ``-F 4 2 3``.

    Raises
    ------
    StructureError
        The symbol is not in the table.
    """
    number = _hall_symbols().get(_compact(str(symbol).strip().strip("'")))
    if number is None:
        raise StructureError(
            f"The Hall symbol {quote(str(symbol))} is not known: list the symmetry operations or "
            "all atoms of the cell in the file."
        )
    return _operations(number)


def space_group_operations(
    name: str, *, rhombohedral_axes: bool = False, first_origin: bool = True
) -> Operations:
    """Rotations (n, 3, 3) and translations (n, 3) of a space group, centring included.

    Parameters
    ----------
    name : str
        Hermann-Mauguin symbol (``Fm-3m``, ``P 1 21/n 1``) or number, with ``:1``, ``:2``, ``:H`` or
        ``:R`` where the setting matters; the first origin and hexagonal axes otherwise.
    rhombohedral_axes : bool
        Take rhombohedral axes where the name does not say (from the shape of the cell).
    first_origin : bool
        Take the first of two origins where the name does not say; otherwise refuse.

    Raises
    ------
    StructureError
        The group is not in the table, or it has two origins and neither may be assumed.
    """
    base, _, choice = str(name).strip().strip("'\"").partition(":")
    by_name, by_number = _settings()
    compact = _compact(base)
    settings = by_name.get(compact, [])
    if compact.isascii() and compact.isdigit() and len(compact) < 4:
        settings = by_number.get(int(compact), [])
    if not settings and compact[-1:] in ("s", "z", "h", "r"):  # suffixes of older databases
        choice = choice or {"s": "1", "z": "2", "h": "H", "r": "H"}[compact[-1]]
        settings = by_name.get(compact[:-1].removesuffix("h"), [])
    choice = choice.strip().upper()
    if not choice and rhombohedral_axes:
        choice = "R"
    fitting = [hall for hall, label in settings if choice and label.upper().startswith(choice)]
    if not settings or (choice in ("1", "2") and not fitting):
        raise StructureError(
            f"The space group {quote(str(name))} is not known: list the symmetry operations or "
            "all atoms of the cell in the file."
        )
    if not (choice or first_origin) and {"1", "2"} <= {label for _, label in settings}:
        raise StructureError(
            f"The space group {quote(str(name))} has two origins, and the file does not say which: "
            'list the symmetry operations, or add ":1" or ":2" to the name.'
        )
    return _operations((fitting or [settings[0][0]])[0])


def check_group(rotations: np.ndarray) -> bool:
    """Whether rotations (n, 3, 3) are those of a group: volume-preserving and closed."""
    distinct = np.unique(rotations, axis=0)
    if len(distinct) > 48 or not (np.abs(np.round(np.linalg.det(distinct))) == 1).all():
        return False
    products = np.einsum("aij,bjk->abik", distinct, distinct).reshape(-1, 3, 3)
    return len(np.unique(np.concatenate([distinct, products]), axis=0)) == len(distinct)


def expand(
    symbols: Sequence[str],
    fractions: np.ndarray,
    cell: np.ndarray,
    operations: Operations,
) -> tuple[Atoms, list[int]]:
    """Fill a cell by symmetry.

    Parameters
    ----------
    symbols : sequence of str, length n
        Elements of the asymmetric unit.
    fractions : numpy.ndarray (n, 3)
        Their fractional coordinates.
    cell : numpy.ndarray (3, 3)
        Cell vectors (A).
    operations : tuple
        Rotations (k, 3, 3) and translations (k, 3).

    Returns
    -------
    atoms : ase.Atoms
        The full cell, periodic; the images of a site follow each other, itself first.
    firsts : list of int, length n
        Index of each site's first atom.

    Raises
    ------
    StructureError
        More atoms than the limit.
    """
    rotations, translations = operations
    all_symbols: list[str] = []
    parts, firsts = [], []
    for symbol, point in zip(symbols, fractions, strict=True):
        images = rotations @ point + translations
        near = images[:, None] - images[None]
        near -= np.round(near)
        same = np.linalg.norm(near @ cell, axis=-1) < MERGE_DISTANCE_ANG
        kept = images[np.argmax(same, axis=1) == np.arange(len(images))]
        firsts.append(len(all_symbols))
        all_symbols += [symbol] * len(kept)
        parts.append(kept)
        if len(all_symbols) > MAX_ATOMS:
            raise StructureError(
                f"The cell holds more than {MAX_ATOMS:,} atoms; at most {MAX_ATOMS:,} are "
                "handled. Cut out the surroundings of the absorber (8 A are enough)."
            )
    positions = np.concatenate(parts) @ cell
    return Atoms(all_symbols, positions=positions, cell=cell, pbc=True), firsts


def cell_of_parameters(parameters: Sequence[float], where: str) -> np.ndarray:
    """Cell vectors (3, 3) in A of a, b, c (A) and alpha, beta, gamma (degrees).

    Raises
    ------
    StructureError
        Lengths or angles that make no cell.
    """
    lengths, angles = np.array(parameters[:3]), np.array(parameters[3:])
    sensible = (lengths > 0).all() and (lengths < MAX_LENGTH_ANG).all()
    if sensible and (angles > 0).all() and (angles < 180).all():
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                cell = np.asarray(cellpar_to_cell(parameters))
            except (AssertionError, ValueError, ArithmeticError):
                cell = np.full((3, 3), np.nan)
        if np.isfinite(cell).all() and abs(np.linalg.det(cell)) > 1e-4 * lengths.prod():
            return cell
    raise StructureError(
        f"{where}: the cell lengths and angles make no cell with a volume: check them."
    )

"""Crystals from an asymmetric unit: cells, space groups and their orbits."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, cast

import numpy as np
from ase import Atoms
from ase.geometry import cellpar_to_cell
from scipy.spatial import cKDTree

from xanes_core.errors import StructureError
from xanes_core.structures.checks import (
    MAX_LENGTH_ANG,
    MIN_DISTANCE_ANG,
    MIN_VOLUME_PER_ATOM_ANG3,
    reduced_cell,
)
from xanes_core.structures.formats.text import is_whole, quote
from xanes_core.structures.limits import MAX_ATOMS, MAX_IMAGES

if TYPE_CHECKING:
    from gemmi import Op
    from spglib import SpaceGroupType

#: Images of a site nearer than this are one atom on a special position given with few digits (A).
MERGE_DISTANCE_ANG = 0.1

#: Most symmetry operations of a conventional cell.
MAX_OPERATIONS = 192
#: Translations are counted in this fraction of a cell vector, as gemmi does.
_PARTS = 24
#: Symmetry holds for lengths and angles to this part of them.
_METRIC_TOLERANCE = 0.03
_CENTRING_NOTE = (
    "The list of symmetry operations lacks the centring of the space group that the file names: "
    "the group was used."
)
_OTHER_GROUP_NOTE = (
    "The symmetry operations are not those of the space group that the file names: the operations "
    "were used."
)
_OPERATION = re.compile(r"[xyzXYZ0-9+\-./ ,]{5,60}\Z", re.ASCII)


@dataclass(frozen=True, eq=False)
class Operations:
    """Symmetry operations of a crystal, the identity first.

    Attributes
    ----------
    rotations, translations : numpy.ndarray, (k, 3, 3) and (k, 3)
        On fractional coordinates.
    note : str
        What a reader should know of them; mostly empty.
    """

    rotations: np.ndarray
    translations: np.ndarray
    note: str = ""

    @property
    def coded(self) -> np.ndarray:
        """Rows (k, 12) of whole numbers: rotation, and translation in parts of a cell vector."""
        parts = np.rint(self.translations * _PARTS).astype(int) % _PARTS
        return np.hstack([np.rint(self.rotations).astype(int).reshape(-1, 9), parts])


#: Of a molecule, or a cell whose atoms are all listed.
IDENTITY = Operations(np.eye(3)[None], np.zeros((1, 3)))


@dataclass(frozen=True, eq=False)
class FilledCell:
    """A cell filled by symmetry.

    Attributes
    ----------
    atoms : ase.Atoms, n atoms
        Periodic; the images of a site follow each other, itself first.
    site, operation : numpy.ndarray of int, (n,)
        Which site of the asymmetric unit an atom is an image of, and under which operation.
    """

    atoms: Atoms
    site: np.ndarray
    operation: np.ndarray

    def first_of(self, site: int) -> int:
        """Index of the first atom of a site."""
        return int(np.argmax(self.site == site))


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
    return Operations(database["rotations"].astype(float), database["translations"])


def hall_operations(symbol: str) -> Operations:
    """Operations of a Hall symbol, such as ``-F 4 2 3``.

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
    """Operations of a space group, centring included.

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
    base = re.sub(r"\((\d)\)", r"\1", base)  # screw axes as P2(1)/n
    by_name, by_number = _settings()
    compact = _compact(base)
    settings = by_name.get(compact, [])
    if is_whole(compact):
        settings = by_number.get(int(compact), [])
    if not settings and compact[-1:] in ("s", "z", "h", "r"):  # suffixes of older databases
        choice = choice or {"s": "1", "z": "2", "h": "H", "r": "H"}[compact[-1]]
        settings = by_name.get(compact[:-1].removesuffix("h"), [])
    choice = choice.strip().upper()
    if not settings:
        return _unusual_setting(base, choice, str(name))
    if not choice and rhombohedral_axes:
        choice = "R"
    fitting = [hall for hall, label in settings if choice and label.upper().startswith(choice)]
    if choice in ("1", "2") and not fitting:
        raise _unknown(str(name))
    if not (choice or first_origin) and {"1", "2"} <= {label for _, label in settings}:
        raise StructureError(
            f"The space group {quote(str(name))} has two origins, and the file does not say which: "
            'list the symmetry operations, or add ":1" or ":2" to the name.'
        )
    return _operations((fitting or [settings[0][0]])[0])


def _unusual_setting(base: str, choice: str, name: str) -> Operations:
    """Settings that spglib's table lacks, such as A -1, and older spellings, such as P m 3."""
    import gemmi  # most structures need no space group

    group = gemmi.find_spacegroup_by_name(f"{base}:{choice}" if choice else base)
    if group is None or not re.match(r"\s*[A-Za-z]", base):
        raise _unknown(name)
    found = _of_gemmi(group.operations())
    if group.ext == "1" and not choice:
        raise StructureError(
            f"The space group {quote(name)} has two origins, and the file does not say which: "
            'list the symmetry operations, or add ":1" or ":2" to the name.'
        )
    return found


def _unknown(name: str) -> StructureError:
    return StructureError(
        f"The space group {quote(name)} is not known: list the symmetry operations or "
        "all atoms of the cell in the file."
    )


def _of_gemmi(operations: Iterable[Op]) -> Operations:
    listed = list(operations)
    rotations = np.array([op.rot for op in listed], dtype=float) / _PARTS
    translations = np.array([op.tran for op in listed], dtype=float) / _PARTS
    return Operations(rotations, translations)


def listed_operations(
    texts: Sequence[str],
    named: Callable[[], Operations] | None = None,
    *,
    complete: bool = True,
) -> Operations:
    """Operations that a file lists as ``-x, y+1/2, -z``.

    An identity that is missing is added. Where the list lacks what the group's name promises (its
    centring), the group is taken; where the two contradict each other, the list is, with a note.

    Parameters
    ----------
    texts : sequence of str
        As the file has them.
    named : callable, optional
        Gives the operations of the space group that the file names.
    complete : bool, optional
        Whether the list is a whole group; that of SHELX leaves out inversion and centring.

    Raises
    ------
    StructureError
        An operation cannot be read, or they do not form a group.
    """
    import gemmi  # most structures need no space group

    texts = [text.strip("'\" ") for text in texts]
    operations = []
    for text in texts:
        try:
            if not _OPERATION.match(text) or len(texts) > MAX_OPERATIONS:
                raise ValueError
            operations.append(gemmi.Op(text).wrap())
        except (ValueError, RuntimeError) as exc:
            raise StructureError(
                f"The symmetry operations of the cif file cannot be read ({quote(text)}): "
                "write them as x, y, z or -x, y+1/2, -z."
            ) from exc
    identity = gemmi.Op("x,y,z")
    found = _of_gemmi([identity, *(op for op in operations if op != identity)])
    group = _named_or_none(named)
    own = {tuple(row) for row in found.coded.tolist()}
    theirs = set() if group is None else {tuple(row) for row in group.coded.tolist()}
    if group is not None and own < theirs and _differ_by_centring(found, group):
        return replace(
            group,
            note=_CENTRING_NOTE,
        )
    if complete and not is_group(found):
        raise StructureError(
            "The symmetry operations of the cif file do not form a group: the list is "
            "incomplete or damaged."
        )
    if theirs and len(theirs) != len(own):
        return replace(
            found,
            note=_OTHER_GROUP_NOTE,
        )
    return found


def with_centring(listed: Operations, number: str) -> Operations:
    """Listed operations with the centring of the group that a file gives by its number alone.

    Raises
    ------
    StructureError
        The list lacks a centring, and settings of the group have different ones.
    """
    numbered = _settings()[1].get(int(number) if is_whole(number) else 0, [])
    settings = [_operations(hall) for hall, _ in numbered]
    own = {tuple(row) for row in listed.coded.tolist()}
    theirs = [{tuple(row) for row in group.coded.tolist()} for group in settings]
    if not settings or own in theirs:
        return listed
    fuller = [
        group
        for group, rows in zip(settings, theirs, strict=True)
        if own < rows and _differ_by_centring(listed, group)
    ]
    kinds = {frozenset(map(tuple, group.coded.tolist())) for group in fuller}
    if len(kinds) > 1:
        raise StructureError(
            f"The list of symmetry operations lacks the centring of space group {number}: add its "
            "name or the operations that are missing."
        )
    if kinds:
        return replace(fuller[0], note=_CENTRING_NOTE)
    if len(own) not in {len(rows) for rows in theirs}:
        return replace(listed, note=_OTHER_GROUP_NOTE)
    return listed


def refuse_two_groups(names: Sequence[str], hall: str, number: str) -> None:
    """Raise a StructureError where a file without operations names two space groups."""
    import gemmi  # most structures need no space group

    said: dict[int, str] = {}
    for name in names:
        group = gemmi.find_spacegroup_by_name(name) if re.match(r"[A-Za-z]", name) else None
        if group is not None:
            said.setdefault(group.number, name)
    symbol = _hall_symbols().get(_compact(hall)) if hall else None
    if symbol is not None:
        said.setdefault(next(g.number for h, g in _groups() if h == symbol), hall)
    if is_whole(number):
        said.setdefault(int(number), number)
    if len(said) > 1:
        named = " and ".join(quote(name) for name in said.values())
        raise StructureError(
            f"The cif file names two space groups ({named}) and lists no symmetry operations: "
            "keep the one that holds."
        )


def _keep_cell(operations: Operations, cell: np.ndarray) -> bool:
    """Whether rotations leave lengths and angles of a cell as they are, to a few per cent."""
    metric = cell @ cell.T
    lengths = np.linalg.norm(cell, axis=1)
    turned = np.einsum("kji,jl,klm->kim", operations.rotations, metric, operations.rotations)
    off = np.abs(turned - metric) / np.outer(lengths, lengths)
    return bool(off.max() < _METRIC_TOLERANCE)


def _named_or_none(named: Callable[[], Operations] | None) -> Operations | None:
    try:
        return None if named is None else named()
    except StructureError:
        return None  # the list says it all


def _differ_by_centring(found: Operations, group: Operations) -> bool:
    """Whether a list has every rotation of its group: all that it lacks are lattice vectors."""
    rotations = {tuple(row[:9]) for row in found.coded.tolist()}
    return len(rotations) > 1 and rotations == {tuple(row[:9]) for row in group.coded.tolist()}


def is_group(operations: Operations) -> bool:
    """Whether operations are those of a space group: volume-preserving and closed."""
    rows = np.unique(operations.coded, axis=0)
    if len(rows) > MAX_OPERATIONS or np.abs(rows[:, :9]).max() > 1:
        return False
    rotations, parts = rows[:, :9].reshape(-1, 3, 3), rows[:, 9:]
    if not (np.abs(np.round(np.linalg.det(rotations))) == 1).all():
        return False
    products = np.einsum("aij,bjk->abik", rotations, rotations).reshape(-1, 9)
    moved = (np.einsum("aij,bj->abi", rotations, parts) + parts[:, None]).reshape(-1, 3) % _PARTS
    every = np.concatenate([rows, np.hstack([products, moved])])
    return len(np.unique(every, axis=0)) == len(rows)


def fill_cell(
    symbols: Sequence[str],
    fractions: np.ndarray,
    cell: np.ndarray,
    operations: Operations,
    alternative: np.ndarray | None = None,
) -> FilledCell:
    """Fill a cell by symmetry.

    Images of a site that coincide are one atom; so are whole atoms of one element on one spot,
    which files have that list the full cell and the symmetry too.

    Parameters
    ----------
    symbols : sequence of str, length n
        Elements of the asymmetric unit.
    fractions : numpy.ndarray, (n, 3)
        Their fractional coordinates.
    cell : numpy.ndarray, (3, 3)
        Cell vectors (A).
    operations : Operations
        Symmetry.
    alternative : numpy.ndarray of bool, (n,), optional
        Sites that are one of several alternatives: their coincidences are settled elsewhere.

    Raises
    ------
    StructureError
        More atoms than the limit, symmetry that the cell does not have, or a cell that is too
        small to hold any.
    """
    refuse_many_images(len(symbols), operations)
    _refuse_small(cell)
    if not _keep_cell(operations, cell):
        raise StructureError(
            "The symmetry operations do not fit the cell: they need lengths or angles that are "
            "equal, or 90 or 120 degrees; correct the cell or the space group."
        )
    parts, sites, numbers = [], [], []
    count = 0
    for site, point in enumerate(fractions):
        images = operations.rotations @ point + operations.translations
        kept = _distinct(images, cell)
        count += len(kept)
        if count > MAX_ATOMS:
            raise _too_many()
        parts.append(images[kept])
        numbers.append(kept)
        sites.append(np.full(len(kept), site))
    if abs(np.linalg.det(cell)) * len(operations.rotations) < MIN_VOLUME_PER_ATOM_ANG3 * count:
        raise StructureError(
            f"The cell of {abs(np.linalg.det(cell)):.3g} A^3 is too small for {count} atoms: "
            "check the cell lengths and that they are in angstrom."
        )
    points = np.concatenate(parts)
    atoms = Atoms(np.repeat(symbols, [len(part) for part in parts]).tolist(), cell=cell, pbc=True)
    atoms.positions = points @ cell
    filled = FilledCell(atoms, np.concatenate(sites), np.concatenate(numbers))
    loose = np.zeros(len(symbols), dtype=bool) if alternative is None else alternative
    once = _once(atoms, loose[filled.site])
    return FilledCell(atoms[once], filled.site[once], filled.operation[once])


def refuse_many_images(n_sites: int, operations: Operations) -> None:
    """Raise a StructureError where sites times operations are more than any cell needs."""
    if n_sites * len(operations.rotations) > MAX_IMAGES:
        raise _too_many()


def _refuse_small(cell: np.ndarray) -> None:
    """Raise a StructureError where an atom would lie on its own image."""
    periodic = np.ones(3, dtype=bool)
    shortest = float(np.linalg.norm(reduced_cell(cell, periodic), axis=1).min())
    if shortest < MIN_DISTANCE_ANG:
        raise StructureError(
            f"The cell repeats itself every {shortest:.2f} A: check the cell lengths and angles, "
            "and that they are in angstrom and degrees."
        )


def _distinct(images: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Indices of the first of the images (k, 3) that coincide."""

    def same(near: np.ndarray) -> np.ndarray:
        near = near - np.round(near)
        return np.asarray(np.linalg.norm(near @ cell, axis=-1) < MERGE_DISTANCE_ANG)

    if same(images - images[0]).sum() == 1:  # a general position: the group makes all distinct
        return np.arange(len(images))
    first = np.argmax(same(images[:, None] - images[None]), axis=1)
    return np.flatnonzero(first == np.arange(len(images)))


def _once(atoms: Atoms, loose: np.ndarray) -> np.ndarray:
    """Which atoms (n,) are not a repetition of an earlier one of their element."""
    from ase.neighborlist import primitive_neighbor_list  # loads SciPy's sparse matrices

    keep = np.ones(len(atoms), dtype=bool)
    whole = np.flatnonzero(~loose)
    wrapped = atoms.get_positions(wrap=True)[whole]
    tree = cKDTree(wrapped)
    if len(whole) < 2 or tree.count_neighbors(tree, MERGE_DISTANCE_ANG) > 50 * len(whole):
        return keep  # so many on one spot are refused later
    i, j = primitive_neighbor_list("ij", atoms.pbc, atoms.cell.array, wrapped, MERGE_DISTANCE_ANG)
    i, j = whole[i], whole[j]
    repeated = (j < i) & (atoms.numbers[i] == atoms.numbers[j])
    keep[i[repeated]] = False
    return keep


def _too_many() -> StructureError:
    return StructureError(
        f"The cell holds more than {MAX_ATOMS:,} atoms; at most {MAX_ATOMS:,} are "
        "handled. Cut out the surroundings of the absorber (8 A are enough)."
    )


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

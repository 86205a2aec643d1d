"""Reader of cif files: lines in, full unit cells out."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms

from xanes_core.errors import StructureError
from xanes_core.structures.checks import MAX_ATOMS
from xanes_core.structures.formats.symmetry import (
    Operations,
    cell_of_parameters,
    check_group,
    expand,
    hall_operations,
    space_group_operations,
)
from xanes_core.structures.formats.text import (
    clean_numbers,
    parse_number,
    parse_symbol,
    quote,
    symbol_or_none,
)

if TYPE_CHECKING:
    from ase.io.cif import CIFBlock

#: Most symmetry operations of a conventional cell.
MAX_OPERATIONS = 192
#: Largest cif file (characters); the library's reader is slow.
MAX_CIF_CHARS = 4_000_000

_FRACTION = re.compile(r"([+-]?\d{1,3})/(\d{1,3})\Z", re.ASCII)
_OPERATION = re.compile(r"[xyzXYZ0-9+\-./ ,]{5,60}\Z", re.ASCII)
_OPERATION_TAGS = (
    "_space_group_symop_operation_xyz",
    "_space_group_symop.operation_xyz",
    "_symmetry_equiv_pos_as_xyz",
)
_NAME_TAGS = (
    "_space_group_name_h-m_alt",
    "_symmetry_space_group_name_h-m",
    "_space_group.name_h-m_alt",
    "_space_group_name_h-m_ref",
)
_HALL_TAGS = (
    "_space_group_name_hall",
    "_symmetry_space_group_name_hall",
    "_space_group.name_hall",
)
_NUMBER_TAGS = (
    "_space_group_it_number",
    "_space_group.it_number",
    "_symmetry_int_tables_number",
)


def is_cif(lines: list[str]) -> bool:
    """Whether a file has a data block, a cell or atom sites of a cif file."""
    return any(re.match(r"\s*(data_|_cell_|_atom_site)", line, re.I) for line in lines)


def read_cif(lines: list[str]) -> Iterator[Atoms]:
    """Every data block of a cif file that holds a structure, as the full conventional cell.

    Raises
    ------
    StructureError
        Too long, no coordinates, or a block that is incomplete, disordered or wrong.
    """
    from ase.io.cif import parse_cif  # loads all of ASE's readers and part of SciPy

    text = clean_numbers("\n".join(lines))
    if len(text) > MAX_CIF_CHARS:
        raise StructureError(
            f"The cif file is longer than {MAX_CIF_CHARS // 10**6} million characters: "
            "remove reflection data from it."
        )
    any_structure = False
    tags: set[str] = set()
    for block in parse_cif(io.StringIO(text)):
        tags |= set(block)
        if block.get("_atom_site_fract_x") is None and block.get("_atom_site_cartn_x") is None:
            continue
        any_structure = True
        yield _cif_block(block)
    if any_structure:
        return
    if "_atom_site.cartn_x" in tags:
        raise StructureError(
            "The cif file is of the macromolecular kind (mmCIF): save the structure as pdb."
        )
    raise StructureError(
        "The cif file holds no atomic coordinates (_atom_site_fract_x, ...): "
        "it may hold reflection or powder data only."
    )


def _column(block: CIFBlock, tag: str, length: int | None = None) -> list[str] | None:
    """Values of a loop as strings."""
    value = block.get(tag)
    if value is None:
        return None
    values = [str(item) for item in (value if isinstance(value, list) else [value])]
    if length is not None and len(values) != length:
        raise StructureError(
            f"The cif file has {len(values)} values of {tag} for {length} atoms: "
            "a line of the atom loop is incomplete."
        )
    return values


def _cif_block(block: CIFBlock) -> Atoms:
    axis_kind = "fract" if block.get("_atom_site_fract_x") is not None else "cartn"
    labels = _column(block, "_atom_site_label") or _column(block, "_atom_site_type_symbol")
    if labels is None:
        raise StructureError("The cif file names no atoms (_atom_site_label): complete it.")
    n_sites = len(labels)
    if n_sites > MAX_ATOMS:
        raise StructureError(
            f"The cif file lists {n_sites:,} atoms; at most {MAX_ATOMS:,} are read."
        )
    axes = [_column(block, f"_atom_site_{axis_kind}_{axis}", n_sites) for axis in "xyz"]
    if any(axis is None for axis in axes):
        raise StructureError("The cif file lacks one of the three coordinates of its atoms.")
    _refuse_partial(block, labels)
    symbols = _cif_symbols(block, labels)
    coords = np.array(
        [
            [_coordinate(value, label) for value in xyz]
            for label, xyz in zip(labels, zip(*axes, strict=True), strict=True)
        ]
    )
    parameters = [block.get(tag) for tag in block.cell_tags]
    if axis_kind == "cartn" and parameters.count(None) == 6:
        return Atoms(symbols, positions=coords)
    if None in parameters:
        raise StructureError("The cif file lacks a cell length or angle (_cell_length_a, ...).")
    values = [parse_number(str(value), "Cell of the cif file") for value in parameters]
    cell = cell_of_parameters(values, "Cell of the cif file")
    if axis_kind == "cartn":
        coords = coords @ np.linalg.inv(cell)
    return expand(symbols, coords, cell, _cif_operations(block, values))[0]


def _coordinate(value: str, label: str) -> float:
    where = f"Atom {quote(label)} of the cif file"
    if value in ("?", "."):
        raise StructureError(f"{where} has no coordinates: complete or remove it.")
    fraction = _FRACTION.match(value)
    if fraction and int(fraction.group(2)):
        return int(fraction.group(1)) / int(fraction.group(2))
    return parse_number(value.partition("(")[0], where)


def _refuse_partial(block: CIFBlock, labels: list[str]) -> None:
    occupancies = _column(block, "_atom_site_occupancy", len(labels)) or []
    for label, value in zip(labels, occupancies, strict=False):
        if value in ("?", "."):
            continue
        where = f"Occupancy of atom {quote(label)}"
        if not 0.999 <= parse_number(value.partition("(")[0], where) <= 1.001:
            raise StructureError(
                f"Atom {quote(label)} has the occupancy {quote(value)}: partly occupied sites are "
                "not handled. Keep one alternative of each disordered group, at occupancy 1."
            )


def _cif_symbols(block: CIFBlock, labels: list[str]) -> list[str]:
    types = _column(block, "_atom_site_type_symbol", len(labels))
    if types is not None and not any(word in ("?", ".") for word in types):
        return [parse_symbol(word, "Atom type of the cif file") for word in types]
    formula = str(block.get("_chemical_formula_sum", ""))
    present = {symbol_or_none(word) for word in re.findall(r"[A-Za-z]+", formula)} - {None}
    return [_symbol_of_label(label, present) for label in labels]


def _symbol_of_label(label: str, present: set[str | None]) -> str:
    letters = re.split(r"[^A-Za-z]", label, maxsplit=1)[0]
    options = {symbol_or_none(letters[:1]), symbol_or_none(letters[:2])} - {None}
    if len(options) > 1 and options & present:
        options &= present
    if len(options) > 1 and (letters[1].islower() or letters[1:2].upper() in ("W",)):
        options = {symbol_or_none(letters[: 2 if letters[1].islower() else 1])}
    if len(options) == 1:
        return str(options.pop())
    if not options:
        return parse_symbol(label, "Atom label of the cif file")
    raise StructureError(
        f"The label {quote(label)} of the cif file may mean two elements: "
        "add the column _atom_site_type_symbol."
    )


def _cif_operations(block: CIFBlock, parameters: list[float]) -> Operations:
    for tag in _OPERATION_TAGS:
        listed = _column(block, tag)
        if listed is not None:
            texts = [text.strip("'\" ") for text in listed]
            bad = next((t for t in texts if not _OPERATION.match(t) or t.count(",") != 2), None)
            if bad is not None or len(texts) > MAX_OPERATIONS:
                raise StructureError(
                    f"The symmetry operations of the cif file cannot be read ({quote(bad or '')}): "
                    "write them as x, y, z or -x, y+1/2, -z."
                )
            from ase.spacegroup.spacegroup import parse_sitesym  # slow to load, see read_cif

            operations: Operations = parse_sitesym(texts)
            if not check_group(operations[0]):
                raise StructureError(
                    "The symmetry operations of the cif file do not form a group: the list is "
                    "incomplete or damaged."
                )
            return operations
    hall, name = _given(block, _HALL_TAGS), _given(block, (*_NAME_TAGS, *_NUMBER_TAGS))
    if hall is not None:  # the only name that leaves nothing open
        return hall_operations(hall)
    if name is None:
        return np.eye(3)[None], np.zeros((1, 3))
    a, b, c, alpha, beta, gamma = parameters
    equal = np.allclose([a, a, alpha, alpha], [b, c, beta, gamma])
    rhombohedral = equal and not np.isclose(alpha, 90.0)
    trigonal = name.lstrip("'\" ")[:1].upper() == "R" or name.isdigit()
    return space_group_operations(
        name, rhombohedral_axes=bool(rhombohedral and trigonal), first_origin=False
    )


def _given(block: CIFBlock, tags: tuple[str, ...]) -> str | None:
    values = (str(block.get(tag, "?")) for tag in tags)
    return next((value for value in values if value not in ("?", ".")), None)

"""Reader of cif and mmCIF files: lines in, full unit cells (or molecules) out.

The syntax is left to gemmi (https://gemmi.readthedocs.io); what the tags mean is said here, from
the core dictionary of cif, so that every refusal can name what is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
from ase import Atoms

from xanes_core.errors import StructureError
from xanes_core.structures.formats.crystal import crystal, distances_ang
from xanes_core.structures.formats.disorder import AsymmetricUnit, named
from xanes_core.structures.formats.labels import elements_of_sites, formula_counts
from xanes_core.structures.formats.macromolecule import read_mmcif_block
from xanes_core.structures.formats.symmetry import (
    IDENTITY,
    Operations,
    cell_of_parameters,
    hall_operations,
    listed_operations,
    refuse_many_images,
    refuse_two_groups,
    space_group_operations,
    with_centring,
)
from xanes_core.structures.formats.text import (
    Note,
    clean_numbers,
    is_whole,
    parse_number,
    quote,
)
from xanes_core.structures.limits import MAX_ATOMS, MAX_BLOCKS, MAX_LABEL_DISTANCES, MAX_TAGS

if TYPE_CHECKING:
    from gemmi import cif

#: Largest cif file (characters): measured intensities inside make some long.
MAX_CIF_CHARS = 50_000_000
#: Most formula units of one cell.
_MOST_UNITS = 1000

_FRACTION = re.compile(r"([+-]?\d{1,3})/(\d{1,3})\Z", re.ASCII)
_STANDARD_UNCERTAINTY = re.compile(r"\(\d*\)\Z", re.ASCII)
_CELL_TAGS = tuple(f"_cell_length_{x}" for x in "abc") + tuple(
    f"_cell_angle_{angle}" for angle in ("alpha", "beta", "gamma")
)
_OPERATION_TAGS = (
    "_space_group_symop_operation_xyz",
    "_space_group_symop.operation_xyz",
    "_symmetry_equiv_pos_as_xyz",
    "_symmetry_equiv.pos_as_xyz",
)
_NAME_TAGS = (
    "_space_group_name_H-M_alt",
    "_symmetry_space_group_name_H-M",
    "_space_group.name_H-M_alt",
    "_space_group_name_H-M_ref",
    "_space_group_name_H-M_full",
    "_symmetry.space_group_name_H-M",
)
_HALL_TAGS = (
    "_space_group_name_Hall",
    "_symmetry_space_group_name_Hall",
    "_space_group.name_Hall",
    "_symmetry.space_group_name_Hall",
)
_NUMBER_TAGS = (
    "_space_group_IT_number",
    "_space_group.IT_number",
    "_symmetry_Int_Tables_number",
    "_symmetry.Int_Tables_number",
)
#: The same under one of two spellings of the dictionary, ``_`` or ``.`` after the category.
_SITE = ("_atom_site_", "_atom_site.")
#: Loops that are looked at; a file may hold many more.
_READ = ("_atom_site_", "_atom_site.", "_space_group", "_symmetry", "_cell", "_chemical_formula")


def is_cif(lines: list[str]) -> bool:
    """Whether a file has a data block, a cell or atom sites of a cif file."""
    return any(re.match(r"\s*(data_|_cell[_.]|_atom_site[_.])", line, re.I) for line in lines)


def read_cif(lines: list[str]) -> Iterator[Atoms | StructureError]:
    """Every data block of a cif file that holds a structure, as the full conventional cell.

    A block that cannot be read gives the reason instead, and those after it are read. Of disordered
    groups the major one is kept, ``info["notes"]`` says what was left out. Blocks of mmCIF are read
    as molecules.

    Raises
    ------
    StructureError
        Too long, or no coordinates anywhere.
    """
    if sum(map(len, lines)) > MAX_CIF_CHARS:
        raise StructureError(
            f"The cif file is longer than {MAX_CIF_CHARS // 10**6} million characters: "
            "remove reflection data from it."
        )
    any_structure = False
    for count, text in enumerate(_blocks(lines)):
        if count == MAX_BLOCKS:
            raise StructureError(
                f"The cif file holds more than {MAX_BLOCKS:,} data blocks: split it into parts."
            )
        if not re.search(r"^\s*_atom_site[_.](fract|cartn)_[xyz]", text, re.I | re.M):
            continue
        any_structure = True
        try:
            yield from _structures(clean_numbers(text))
        except StructureError as error:
            yield error
    if not any_structure:
        raise StructureError(
            "The cif file holds no atomic coordinates (_atom_site_fract_x, ...): "
            "it may hold reflection or powder data only."
        )


def _blocks(lines: list[str]) -> Iterator[str]:
    """Text of every data block; what stands before the first is no part of the file."""
    block: list[str] = []
    inside_text = named = False
    for line in lines:
        if line.startswith(";"):
            inside_text = not inside_text
        starts = not inside_text and re.match(r"\s*data_", line, re.I)
        if starts:
            if named:
                yield "\n".join(block)
            block, named = [line.lstrip()], True
        elif not named and re.match(r"\s*(loop_|_)", line, re.I):
            block, named = ["data_unnamed", line], True  # the header was lost
        else:
            block.append(line)
    if named:
        yield "\n".join(block)


def _structures(text: str) -> Iterator[Atoms]:
    """Structures of one block; several models of an mmCIF file."""
    _refuse_many_tags(text)
    block = _parsed(text)
    if block.find_values("_atom_site.Cartn_x") and not block.find_values("_atom_site.fract_x"):
        yield from read_mmcif_block(block)
    else:
        yield _crystal(block)


def _refuse_many_tags(text: str) -> None:
    """Raise a StructureError where a block has more tags than the limit."""
    n_tags = len(re.findall(r"^[ \t]*_", text, re.M))
    if n_tags > MAX_TAGS:
        raise StructureError(
            f"Block {_name_of(text)} of the cif file has {n_tags:,} tags, more than {MAX_TAGS:,}: "
            "keep the cell, the symmetry and the atoms."
        )


def _name_of(text: str) -> str:
    return quote(text.split("\n", 1)[0].strip()[5:])


def _parsed(text: str) -> cif.Block:
    from gemmi import cif  # most files need it not

    try:
        # level 0: a tag without a value, anywhere in the file, is no reason to refuse it
        return cif.read_string(text + "\n", check_level=0)[0]
    except (ValueError, RuntimeError) as exc:
        said = re.sub(r"^string:", "line ", str(exc)).replace("_*", "")
        raise StructureError(
            f"Block {_name_of(text)} of the cif file cannot be read ({quote(said, 80)}, counted "
            "from its data_ line): a row of a loop has a value too many or too few, a quotation "
            "mark is missing, or a value has characters that are no plain letters and digits."
        ) from exc


class _Tags:
    """What a block says, by tag in any case; "?" where a value is not given."""

    def __init__(self, block: cif.Block) -> None:
        from gemmi import cif

        def plain(values: Iterable[str]) -> list[str]:
            return ["?" if cif.is_null(value) else cif.as_string(value) for value in values]

        self._columns: dict[str, list[list[str]]] = {}
        for item in block:
            pair = cast("tuple[str, str] | None", item.pair)
            if pair is not None:
                self._columns.setdefault(pair[0].lower(), []).append(plain([pair[1]]))
            elif item.loop is not None:
                tags, values = item.loop.tags, item.loop.values
                for at, tag in enumerate(tags):
                    if tag.lower().startswith(_READ):
                        own = plain(values[at :: len(tags)])
                        self._columns.setdefault(tag.lower(), []).append(own)

    def values(self, tag: str) -> list[str]:
        """Values of a tag; a StructureError where it is there twice and says two things."""
        found = self._columns.get(tag.lower(), [])
        if any(values != found[0] for values in found[1:]):
            raise StructureError(
                f"The cif file gives {tag} twice, with different values: keep the one that holds."
            )
        return found[0] if found else []

    def value(self, *tags: str) -> str:
        """The single value of the first of these tags that has one; else empty."""
        for tag in tags:
            values = self.values(tag)
            if len(values) == 1 and values[0] != "?" and values[0].strip("'\" "):
                return values[0].strip("'\" ")
        return ""

    def of_sites(self, name: str, length: int | None = None) -> list[str] | None:
        """Values of a column of the atom loop."""
        for start in _SITE:
            values = self.values(start + name)
            if values:
                if length is not None and len(values) != length:
                    raise StructureError(
                        f"The cif file has {len(values)} values of {start + name} for {length} "
                        "atoms: a line of the atom loop is incomplete."
                    )
                return values
        return None


def _crystal(block: cif.Block) -> Atoms:
    tags = _Tags(block)
    labels = tags.of_sites("label") or tags.of_sites("type_symbol")
    if labels is None:
        raise StructureError("The cif file names no atoms (_atom_site_label): complete it.")
    n_sites = len(labels)
    if n_sites > MAX_ATOMS:
        raise StructureError(
            f"The cif file lists {n_sites:,} atoms; at most {MAX_ATOMS:,} are read."
        )
    axis_kind = "fract" if tags.of_sites("fract_x") is not None else "Cartn"
    axes = [tags.of_sites(f"{axis_kind}_{axis}", n_sites) for axis in "xyz"]
    if any(axis is None for axis in axes):
        raise StructureError("The cif file lacks one of the three coordinates of its atoms.")
    rows = list(zip(*(axis for axis in axes if axis is not None), strict=True))
    types = tags.of_sites("type_symbol", n_sites)
    kept, missing = _real_sites(tags, labels, types, rows)
    coordinates = np.array(
        [[_coordinate(value, labels[i]) for value in rows[i]] for i in kept]
    ).reshape(-1, 3)
    labels = [labels[i] for i in kept]
    types = [types[i] for i in kept] if types else None
    parameters = [tags.value(tag) for tag in _CELL_TAGS]
    formula = tags.value("_chemical_formula_sum", "_chemical_formula.sum")
    occupancies = _occupancies(tags, n_sites, kept, labels)
    groups = _words(tags, "disorder_group", n_sites, kept)
    assemblies = _words(tags, "disorder_assembly", n_sites, kept)
    cell, operations = None, IDENTITY
    if axis_kind == "fract" or any(parameters):
        if not all(parameters):
            raise StructureError("The cif file lacks a cell length or angle (_cell_length_a, ...).")
        numbers = [
            parse_number(_without_uncertainty(value), "Cell of the cif file")
            for value in parameters
        ]
        cell = cell_of_parameters(numbers, "Cell of the cif file")
        operations = _operations(tags, numbers)
        refuse_many_images(len(kept), operations)
        if axis_kind == "Cartn":
            coordinates = coordinates @ np.linalg.inv(cell)
    symbols = elements_of_sites(labels, types, formula, _Measure(coordinates, cell, operations))
    unit = AsymmetricUnit(labels, symbols, coordinates, occupancies, assemblies, groups)
    note = f"Without coordinates and left out: {named(missing)}." if missing else ""
    atoms = crystal(unit, cell, operations, note)
    if not unit.partial.any():
        units = tags.value("_cell_formula_units_Z", "_cell.formula_units_Z")
        said = [str(atoms.info.get("notes", "")), _formula_note(formula, units, atoms)]
        if said[1]:
            atoms.info["notes"] = Note(" ".join(said).strip())
    return atoms


class _Measure:
    """Distances from a site, as often as the limit allows.

    Parameters
    ----------
    points, cell, operations
        As in :func:`distances_ang`.
    """

    def __init__(self, points: np.ndarray, cell: np.ndarray | None, operations: Operations) -> None:
        self._crystal = points, cell, operations
        self._cost = len(points) * len(operations.rotations)
        self._left = MAX_LABEL_DISTANCES

    def __call__(self, site: int) -> np.ndarray:
        """Distances (A) of a site from all others, nearest first."""
        self._left -= self._cost
        if self._left < 0:
            raise StructureError(
                "So many labels of the cif file may mean two elements that they are not looked at "
                "one by one: add the column _atom_site_type_symbol."
            )
        return distances_ang(*self._crystal, site)


def _words(tags: _Tags, name: str, n_sites: int, kept: Sequence[int]) -> list[str]:
    values = tags.of_sites(name, n_sites)
    if values is None:
        return [""] * len(kept)
    return ["" if values[i] in ("?", ".", "0") else values[i] for i in kept]


def _real_sites(
    tags: _Tags,
    labels: Sequence[str],
    types: Sequence[str] | None,
    rows: Sequence[tuple[str, ...]],
) -> tuple[list[int], list[str]]:
    """Indices of sites that are atoms, and labels of hydrogens without coordinates."""
    flags = tags.of_sites("calc_flag", len(labels)) or [""] * len(labels)
    kept, missing = [], []
    for i, (label, flag) in enumerate(zip(labels, flags, strict=True)):
        if flag.lower() in ("dum", "dummy"):
            continue
        hydrogen = re.match(r"[HD](?![a-z])", types[i] if types else label)
        if hydrogen and any(value in ("?", ".") for value in rows[i]):
            missing.append(label)
        else:
            kept.append(i)
    if not kept:
        raise StructureError("The cif file lists dummy atoms only: it holds no structure.")
    return kept, missing


def _without_uncertainty(value: str) -> str:
    return _STANDARD_UNCERTAINTY.sub("", value)


def _coordinate(value: str, label: str) -> float:
    where = f"Atom {quote(label)} of the cif file"
    if value in ("?", "."):
        raise StructureError(f"{where} has no coordinates: complete or remove it.")
    fraction = _FRACTION.match(value)
    if fraction and int(fraction.group(2)):
        return int(fraction.group(1)) / int(fraction.group(2))
    return parse_number(_without_uncertainty(value), where)


def _occupancies(
    tags: _Tags, n_sites: int, kept: Sequence[int], labels: Sequence[str]
) -> np.ndarray:
    values = tags.of_sites("occupancy", n_sites)
    shares = np.ones(len(kept))
    for at, (i, label) in enumerate(zip(kept, labels, strict=True)):
        if values is None or values[i] in ("?", "."):
            continue
        share = parse_number(_without_uncertainty(values[i]), f"Occupancy of atom {quote(label)}")
        if not 0.0 <= share <= 1.05:
            raise StructureError(
                f"Atom {quote(label)} has the occupancy {quote(values[i])}: it must lie between 0 "
                "and 1."
            )
        shares[at] = share
    return shares


def _operations(tags: _Tags, parameters: list[float]) -> Operations:
    """Symmetry operations: those listed, else those of the space group that is named."""
    hall = tags.value(*_HALL_TAGS)
    name, number = tags.value(*_NAME_TAGS), tags.value(*_NUMBER_TAGS)
    a, b, c, alpha, beta, gamma = parameters
    equal = np.allclose([a, a, alpha, alpha], [b, c, beta, gamma])
    rhombohedral = bool(equal and not np.isclose(alpha, 90.0))

    def by_name() -> Operations:
        if hall:  # the only name that leaves nothing open
            return hall_operations(hall)
        said = name or number
        trigonal = said[:1].upper() == "R" or said.isdigit()
        return space_group_operations(
            said, rhombohedral_axes=rhombohedral and trigonal, first_origin=False
        )

    lists = [
        [text for text in tags.values(tag) if text not in ("?", ".")] for tag in _OPERATION_TAGS
    ]
    lists = [listed for listed in lists if listed]
    if any(_compact(listed) != _compact(lists[0]) for listed in lists[1:]):
        raise StructureError(
            "The cif file has two lists of symmetry operations that differ: keep the one that "
            "holds."
        )
    if lists and (hall or name):
        found = listed_operations(lists[0], by_name)
    elif lists:
        found = with_centring(listed_operations(lists[0]), number)
    else:
        refuse_two_groups([tags.value(tag) for tag in _NAME_TAGS], hall, number)
        found = by_name() if hall or name or number else IDENTITY
    return found


def _compact(listed: Sequence[str]) -> list[str]:
    return [re.sub(r"\s", "", text).lower() for text in listed]


def _formula_note(formula: str, units: str, atoms: Atoms) -> str:
    """What to say where atoms that the sum formula has are not in the cell."""
    wanted = formula_counts(formula)
    symbols = atoms.get_chemical_symbols()
    ratios = {el: symbols.count(el) / n for el, n in wanted.items() if el != "H" and n > 0}
    if not ratios:
        return ""
    z = max(ratios.values())
    if is_whole(units) and 0 < int(units) <= _MOST_UNITS:
        z = float(units)
    if all(symbols.count(el) > wanted[el] * z - 0.5 for el in ratios):
        return ""
    there = " ".join(f"{el}{symbols.count(el)}" for el in ratios)
    by_formula = " ".join(f"{el}{wanted[el] * z:g}" for el in ratios)
    return (
        f"The cell holds {there}, by its sum formula it should hold {by_formula}: atoms may be "
        "missing from the file."
    )

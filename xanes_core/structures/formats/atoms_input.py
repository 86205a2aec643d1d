"""Reader of inputs of ATOMS (atoms.inp): a crystal by its space group, with the absorber's site.

Keywords are those of B. Ravel, J. Synchrotron Rad. 8, 314 (2001), doi 10.1107/S090904950001493X.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from ase import Atoms

from xanes_core.errors import StructureError
from xanes_core.structures.formats.crystal import crystal
from xanes_core.structures.formats.disorder import AsymmetricUnit
from xanes_core.structures.formats.symmetry import cell_of_parameters, space_group_operations
from xanes_core.structures.formats.text import (
    is_number,
    parse_number,
    parse_symbol,
    quote,
    refuse_many,
)

#: Keywords that end the value of the one before them on a line.
_KEYWORDS = (
    "title|space|rmax|a|b|c|alpha|beta|gamma|core|central|edge|shift|out|output|geom|feff|feff8"
    "|index|fdat|nitrogen|argon|krypton|xenon|helium|corr(?:ections)?|unit|mcmaster|i0|self|dopant"
    "|ipots|rss|once|noanomalous|dafs|egrid|qvec|emin|emax|estep|nepoints"
)
_KEYWORD = re.compile(rf"(?:^|(?<=[\s,]))({_KEYWORDS})\s*(?:=|\s)\s*", re.IGNORECASE)
#: A space group holds letters that are keywords elsewhere: it goes to the next one with "=".
_SPACE = re.compile(rf"space\s*(?:=|\s)\s*(.*?)(?=[\s,]+(?:{_KEYWORDS})\s*=|,|$)", re.IGNORECASE)
#: Cubic groups as they were written once, F m 3 m for F m -3 m.
_OLD_CUBIC = re.compile(r"([PFI])\s*([mnabcd])\s*3(?=\s|[mcnd]|$)", re.IGNORECASE)
_LIST = re.compile(r"(atoms?|basis)\s*$", re.IGNORECASE)
_COMMENT = re.compile(r"[!#%*]")
#: Names of structures that stand for a space group.
_STRUCTURES = {
    "fcc": "F m -3 m", "salt": "F m -3 m", "nacl": "F m -3 m", "bcc": "I m -3 m",
    "cubic": "P m -3 m", "cscl": "P m -3 m", "perov": "P m -3 m", "perovskite": "P m -3 m",
    "zincblende": "F -4 3 m", "zns": "F -4 3 m", "gra": "P 63 m c", "graphite": "P 63 m c",
    "hcp": "P 63/m m c", "hex": "P 63/m m c",
}  # fmt: skip


def is_atoms_input(lines: list[str]) -> bool:
    """Whether a file names a space group and begins a list of atoms, and has no potentials."""
    bare = [_COMMENT.split(line, maxsplit=1)[0].strip() for line in lines]
    has_space = any(re.match(r"space\b", line, re.IGNORECASE) for line in bare)
    has_list = any(_LIST.match(line) for line in bare)
    return has_space and has_list and not any(line.upper().startswith("POTEN") for line in bare)


def read_atoms_input(lines: list[str]) -> Iterator[Atoms]:
    """Full cell of an ATOMS input; an atom of the site `core` goes to ``info["absorber"]``.

    Raises
    ------
    StructureError
        No space group, cell or atoms, a line that is no atom, or a core that is none of them.
    """
    said: dict[str, str] = {}
    rows: list[tuple[str, str, list[float], float]] = []
    in_list = False
    for number, line in enumerate(lines, start=1):
        text = _COMMENT.split(line, maxsplit=1)[0].strip()
        if _LIST.match(text):
            in_list = True
        elif in_list and text:
            rows.append(_row(re.split(r"[\s,]+", text), f"Line {number}"))
            refuse_many(len(rows))
        elif text:
            _take_keywords(text, said)
    if not rows:
        raise StructureError("The ATOMS input lists no atoms below its last keyword: complete it.")
    yield _cell(said, rows)


def _take_keywords(text: str, said: dict[str, str]) -> None:
    if space := _SPACE.match(text):
        said["space"] = space[1].strip()
        text = text[space.end() :].strip(" ,")
    found = list(_KEYWORD.finditer(text))
    if found and found[0][1].lower() == "title":
        return
    ends = [*(match.start() for match in found[1:]), len(text)]
    for match, end in zip(found, ends, strict=False):
        said[match[1].lower()] = text[match.end() : end].strip(" ,")


def _row(words: Sequence[str], where: str) -> tuple[str, str, list[float], float]:
    """Label, element, position and occupancy: ``Cu 0 0 0 Cu1 1.0``."""
    if len(words) < 4:
        raise StructureError(f"{where}: an atom of ATOMS needs an element and x y z.")
    symbol = parse_symbol(words[0], where)
    point = [_fraction(word, where) for word in words[1:4]]
    rest = list(words[4:])
    label = rest.pop(0) if rest and not is_number(rest[0]) else words[0]
    share = parse_number(rest[0], where) if rest and is_number(rest[0]) else 1.0
    return label, symbol, point, share


def _fraction(word: str, where: str) -> float:
    above, slash, below = word.partition("/")
    if not slash:
        return parse_number(word, where)
    divisor = parse_number(below, where)
    if divisor == 0:
        raise StructureError(f"{where}: {quote(word)} is no fraction.")
    return parse_number(above, where) / divisor


def _cell(said: Mapping[str, str], rows: list[tuple[str, str, list[float], float]]) -> Atoms:
    name = said.get("space", "")
    name = _OLD_CUBIC.sub(r"\1 \2 -3 ", _STRUCTURES.get(name.lower(), name)).strip()
    if not name or "a" not in said:
        missing = "edge a" if name else "space group"
        raise StructureError(
            f"The ATOMS input names no {missing}: add a line such as "
            f"{'a = 3.61' if name else 'space = F m -3 m'}."
        )
    shift = [_fraction(word, "Shift") for word in re.split(r"[\s,]+", said.get("shift", "0 0 0"))]
    if len(shift) != 3:
        raise StructureError("The shift of the ATOMS input needs three numbers.")
    parameters = _parameters(said, name)
    lengths, angles = parameters[:3], parameters[3:]
    is_rhombohedral = len(set(lengths)) == 1 and len(set(angles)) == 1 and angles[0] != 90.0
    operations = space_group_operations(
        # a shift leads to the first origin, which ATOMS means
        name, rhombohedral_axes=is_rhombohedral, first_origin=any(shift),
    )  # fmt: skip
    labels, symbols, points, shares = zip(*rows, strict=True)
    fractions = np.array(points) + shift
    none = [""] * len(rows)
    unit = AsymmetricUnit(labels, symbols, fractions, np.array(shares), none, none)
    atoms = crystal(unit, cell_of_parameters(parameters, "The cell"), operations)
    core = said.get("core", said.get("central", ""))
    if core:
        atoms.info["absorber"] = _absorber(atoms, unit, core)
    return atoms


def _parameters(said: Mapping[str, str], name: str) -> list[float]:
    """Cell parameters (A, degrees); those left out follow from the lattice, as in ATOMS."""
    a = parse_number(said["a"], "Edge a")
    lengths = [parse_number(said.get(edge, said["a"]), f"Edge {edge}") for edge in "abc"]
    words = name.replace("_", " ").split()
    axis = words[1] if len(words) > 1 else re.sub(r"^[A-Za-z]", "", name)
    is_hexagonal = re.match(r"-?[36]", axis) is not None and "c" in said and lengths[2] != a
    angles = [
        parse_number(said[angle], f"Angle {angle}") if angle in said else 90.0
        for angle in ("alpha", "beta", "gamma")
    ]
    if is_hexagonal and "gamma" not in said:
        angles[2] = 120.0
    if name[:1].upper() == "R" and "c" not in said and "alpha" in said:
        angles = [angles[0]] * 3
    return lengths + angles


def _absorber(atoms: Atoms, unit: AsymmetricUnit, core: str) -> int:
    """An atom of the site that has the label, else the element, of the core."""
    sites = [i for i, label in enumerate(unit.labels) if label.lower() == core.lower()]
    sites = sites or [i for i, s in enumerate(unit.symbols) if s.lower() == core.lower()]
    if not sites:
        raise StructureError(
            f"The core {quote(core)} of the ATOMS input is none of its atoms: correct it."
        )
    gaps = atoms.get_scaled_positions() - unit.fractions[sites[0]]
    gaps = np.linalg.norm((gaps - np.round(gaps)) @ atoms.cell.array, axis=1)
    own = np.array([s == unit.symbols[sites[0]] for s in atoms.get_chemical_symbols()])
    return int(np.argmin(np.where(own, gaps, np.inf)))

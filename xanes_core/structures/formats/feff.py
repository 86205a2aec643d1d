"""Structures in FEFF input: the cluster and its absorber."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from xanes_core.errors import StructureError
from xanes_core.structures.formats.text import (
    UNFINISHED_NOTE,
    Note,
    is_number,
    parse_number,
    parse_symbol,
    quote,
    refuse_many,
    symbol_or_none,
)

_FEFF_FILES = ("CIF", "RECIPROCAL", "KMESH")


def is_feff(lines: list[str]) -> bool:
    """Whether a file has the ATOMS or the POTENTIALS card of FEFF."""
    cards = (line.split()[0].upper() for line in lines if _is_bare_card(line))
    return any(card in ("ATOMS", "POTENTIALS", "POTENTIAL") for card in cards)


def _is_bare_card(line: str) -> bool:
    words = line.split()
    return bool(words) and (len(words) == 1 or words[1][0] in "*!#")


def read_feff(lines: list[str]) -> Iterator[Atoms]:
    """Cluster of a FEFF input; the atom of potential 0 goes to ``info["absorber"]``.

    Raises
    ------
    StructureError
        No list of atoms or potentials, not one absorber, or a line that is no atom.
    """
    section, scale, complete = "", 1.0, False
    elements: dict[int, str] = {}
    rows: list[tuple[int, int, list[float]]] = []
    tags: list[list[str]] = []
    for number, line in enumerate(lines, start=1):
        words = re.split(r"[*!#]", line, maxsplit=1)[0].replace(",", " ").split()
        if not words:
            continue
        where = f"Line {number}"
        if section.startswith("ATOM") and _has_symbol_first(words):
            raise StructureError(
                f"{where}: an atom of FEFF begins with x y z, {quote(' '.join(words))} does not."
            )
        if words[0][0].isalpha():
            section = words[0].upper()
            if section.startswith("END"):
                complete = True
                break
            if section in _FEFF_FILES:
                raise StructureError(
                    f"{where}: the FEFF input takes its structure from elsewhere (card {section}): "
                    "give that structure file itself."
                )
            if section.startswith("RMUL") and len(words) > 1:
                scale = parse_number(words[1], where)
        elif section.startswith("POTE") and len(words) > 1:
            ipot, element = _ipot(words[0], where), parse_symbol(words[1], where)
            if elements.setdefault(ipot, element) != element or _other_tag(words[2:3], element):
                raise StructureError(
                    f"{where}: potential {ipot} is {element} and something else too: keep what "
                    "holds."
                )
        elif section.startswith("ATOM"):
            if len(words) < 4:
                raise StructureError(f"{where}: an atom of FEFF needs x y z and its potential.")
            xyz = [parse_number(word, where) for word in words[:3]]
            ipot = _ipot(words[3], where)
            rows.append((number, ipot, xyz))
            tags.append(words[4:5])
            refuse_many(len(rows))
    atoms = _feff_cluster(elements, rows, scale)
    for (number, ipot, _), tag in zip(rows, tags, strict=True):
        if _other_tag(tag, elements[ipot]):
            raise StructureError(
                f"Line {number}: the atom is {quote(tag[0])}, but potential {ipot} is "
                f"{elements[ipot]}: correct one of them."
            )
    if not complete:
        atoms.info["notes"] = Note(UNFINISHED_NOTE)
    yield atoms


def _has_symbol_first(words: list[str]) -> bool:
    """Whether a line is an atom as xyz files have it, ``Cl 2.1 0 0``, rather than a card."""
    first = symbol_or_none(words[0]) is not None
    return first and len(words) > 3 and all(map(is_number, words[1:4]))


def _other_tag(tag: list[str], element: str) -> bool:
    """Whether a tag, which may be any word, is the symbol of another element."""
    return bool(tag) and tag[0] != element and tag[0] in chemical_symbols[1:]


def _ipot(token: str, where: str) -> int:
    if token.isascii() and token.isdigit() and len(token) < 4:
        return int(token)
    raise StructureError(f"{where}: {quote(token)} is no index of a potential (0, 1, 2, ...).")


def _feff_cluster(
    elements: dict[int, str], rows: list[tuple[int, int, list[float]]], scale: float
) -> Atoms:
    if not rows or not elements:
        missing = "ATOMS" if elements else "POTENTIALS"
        raise StructureError(f"The FEFF input has no list under the card {missing}: complete it.")
    for number, ipot, _ in rows:
        if ipot not in elements:
            raise StructureError(
                f"Line {number}: the potential {ipot} is not in the list under POTENTIALS."
            )
    absorbers = [i for i, (_, ipot, _) in enumerate(rows) if ipot == 0]
    if len(absorbers) != 1:
        raise StructureError(
            f"The FEFF input has {len(absorbers)} atoms of potential 0, the absorber: "
            "there must be exactly one."
        )
    positions = scale * np.array([xyz for _, _, xyz in rows])
    symbols = [elements[ipot] for _, ipot, _ in rows]
    return Atoms(symbols, positions=positions, info={"absorber": absorbers[0]})

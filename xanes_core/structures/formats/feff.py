"""Structures in FEFF input: the cluster and its absorber."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from ase import Atoms

from xanes_core.errors import StructureError
from xanes_core.structures.formats.text import parse_number, parse_symbol, quote, refuse_many

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
    section, scale = "", 1.0
    elements: dict[int, str] = {}
    rows: list[tuple[int, int, list[float]]] = []
    for number, line in enumerate(lines, start=1):
        words = re.split(r"[*!#]", line, maxsplit=1)[0].replace(",", " ").split()
        if not words:
            continue
        where = f"Line {number}"
        if words[0][0].isalpha():
            section = words[0].upper()
            if section.startswith("END"):
                break
            if section in _FEFF_FILES:
                raise StructureError(
                    f"{where}: the FEFF input takes its structure from elsewhere (card {section}): "
                    "give that structure file itself."
                )
            if section.startswith("RMUL") and len(words) > 1:
                scale = parse_number(words[1], where)
        elif section.startswith("POTE") and len(words) > 1:
            elements[_ipot(words[0], where)] = parse_symbol(words[1], where)
        elif section.startswith("ATOM"):
            if len(words) < 4:
                raise StructureError(f"{where}: an atom of FEFF needs x y z and its potential.")
            xyz = [parse_number(word, where) for word in words[:3]]
            rows.append((number, _ipot(words[3], where), xyz))
            refuse_many(len(rows))
    yield _feff_cluster(elements, rows, scale)


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

"""Structures as DFTB+ writes them (gen)."""

from __future__ import annotations

from collections.abc import Iterator

from ase import Atoms

from xanes_core.errors import StructureError
from xanes_core.structures.formats.text import (
    is_whole,
    parse_count,
    parse_symbol,
    plain_numbers,
    read_with_ase,
)


def is_gen(lines: list[str]) -> bool:
    """Whether the first line is one of the gen format: a count and C, S, F or H."""
    words = next((line.split() for line in lines if line.strip() and line.lstrip()[0] != "#"), [])
    return len(words) == 2 and words[0].isdigit() and words[1].upper() in ("C", "S", "F", "H")


def read_gen(lines: list[str]) -> Iterator[Atoms]:
    """Structure of a gen file (DFTB+): cluster, supercell or fractional coordinates.

    Raises
    ------
    StructureError
        Helical, incomplete, or a line that is no atom or no vector.
    """
    kept = [
        (i, line.partition("#")[0].split())
        for i, line in enumerate(lines, start=1)
        if line.partition("#")[0].strip()
    ]
    if len(kept) < 3 or not is_gen(lines) or kept[0][1][1].upper() == "H":
        raise StructureError(
            "The gen file must begin with the number of atoms and C (cluster), S (supercell) or "
            "F (fractional), then the elements, then the atoms; helical cells are not handled."
        )
    layout = kept[0][1][1].upper()
    count = parse_count(kept[0][1][0], f"Line {kept[0][0]}")
    needed = count if layout == "C" else count + 4
    if len(kept) - 2 != needed:
        raise StructureError(
            f"The gen file announces {count:,} atoms, but {len(kept) - 2:,} lines follow "
            f"where {needed:,} are needed: the file is incomplete or the number is wrong."
        )
    symbols = [parse_symbol(word, f"Line {kept[1][0]}") for word in kept[1][1]]
    text = [f"{count} {layout}", " ".join(symbols)]
    for number, words in kept[2 : 2 + count]:
        where = f"Line {number}"
        if len(words) < 5 or not (is_whole(words[1]) and 0 < int(words[1]) <= len(symbols)):
            raise StructureError(
                f"{where}: an atom of the gen format needs a number, the index of its element "
                f"(1 to {len(symbols)}) and x y z."
            )
        text.append(" ".join([words[0], words[1], *plain_numbers(words[2:5], where)]))
    for number, words in kept[2 + count : 2 + needed]:
        text.append(" ".join(plain_numbers(words[:3], f"Line {number}")))
    yield read_with_ase("\n".join(text) + "\n", "gen")

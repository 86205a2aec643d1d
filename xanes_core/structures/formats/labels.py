"""Which element a site of a crystal is, where the file's label or type symbol leaves it open.

``CO1`` may be cobalt or the carbon of a carbonyl, ``W1`` and ``Wat7`` are water far more often than
tungsten. Decided by the type symbol, then by the sum formula, then by how near the neighbours are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from xanes_core.errors import StructureError
from xanes_core.structures.formats.text import parse_symbol, quote, symbol_or_none

#: A neighbour nearer than this (A) is bonded to a light element: no metal comes so near.
LIGHT_BOND_ANG = 1.6
#: Atoms within this distance (A) count as neighbours of a metal; it has at least four, a light
#: element at most two.
METAL_SHELL_ANG = 2.7
_WATER = re.compile(r"(W\d*[A-Z]?|WAT.*|OW.*|O\d+W|W\(\d+\)|H2O.*|HOH.*)\Z", re.IGNORECASE)
_FORMULA_PART = re.compile(r"([A-Za-z]{1,2})\s*([0-9.]*)")
#: Distances (A) of a site, by index, from all other atoms that are no hydrogen, nearest first.
Distances = Callable[[int], np.ndarray]


def formula_elements(formula: str) -> frozenset[str]:
    """Elements of a sum formula such as ``C12 H8 Fe N2``; empty where there is none."""
    words = (symbol_or_none(word) for word, _ in _FORMULA_PART.findall(formula))
    return frozenset(word for word in words if word)


def formula_counts(formula: str) -> dict[str, float]:
    """Atoms of each element in a sum formula; empty where there is none or it has brackets."""
    if re.search(r"[^A-Za-z0-9. ]", formula):
        return {}
    counts: dict[str, float] = {}
    for word, number in _FORMULA_PART.findall(formula):
        symbol = symbol_or_none(word)
        if symbol is None or number.count(".") > 1 or number == ".":
            return {}
        counts[symbol] = counts.get(symbol, 0.0) + float(number or 1)
    return counts


def elements_of_sites(
    labels: Sequence[str], types: Sequence[str] | None, formula: str, distances: Distances
) -> list[str]:
    """Element of every site.

    Parameters
    ----------
    labels : sequence of str, length n
        As the file names the sites.
    types : sequence of str or None
        Type symbols, where the file has them.
    formula : str
        Sum formula, "" where unknown.
    distances : callable
        Asked only where label and formula leave a choice.

    Returns
    -------
    list of str
        Symbols.

    Raises
    ------
    StructureError
        No element, or a choice that nothing decides.
    """
    present = formula_elements(formula)
    if types is not None:
        return [
            _of_type(word, label, present, i, distances)
            for i, (word, label) in enumerate(zip(types, labels, strict=True))
        ]
    options = [_options(label, present) for label in labels]
    certain = {next(iter(o)) for o in options if len(o) == 1}
    symbols = []
    for i, (label, choice) in enumerate(zip(labels, options, strict=True)):
        if len(choice) == 1:
            symbol = next(iter(choice))
        elif not choice:
            symbol = parse_symbol(label, "Atom label of the cif file")
        else:
            symbol = _of_choice(label, choice, certain & present, present, distances(i))
        symbols.append(_not_tungsten(symbol, label, present, i, distances))
    return symbols


def _of_type(
    word: str, label: str, present: frozenset[str], index: int, distances: Distances
) -> str:
    if word.upper() in ("WAT", "OW", "H2O", "HOH"):
        return "O"
    if word in ("?", "."):
        return elements_of_sites([label], None, " ".join(present), lambda _: distances(index))[0]
    symbol = parse_symbol(word, "Atom type of the cif file")
    first = symbol_or_none(label[:1])
    if len(symbol) == 2 and present and symbol not in present and first in present:
        letters = re.split(r"[^A-Za-z]", label, maxsplit=1)[0]
        if letters.isupper() and letters.capitalize() == symbol:
            return str(first)  # made of the label by a program: the carbon of a carbonyl, CO1
    return _not_tungsten(symbol, label, present, index, distances)


def _options(label: str, present: frozenset[str]) -> set[str]:
    """Elements that a label may stand for."""
    letters = re.split(r"[^A-Za-z]", label, maxsplit=1)[0]
    two = symbol_or_none(letters[:2]) if len(letters) > 1 else None
    options = {symbol for symbol in (symbol_or_none(letters[:1]), two) if symbol}
    if len(options) > 1 and letters[1].islower():
        return {str(two)}  # people write capitals out of habit, small letters on purpose
    if len(options) > 1 and letters[1].upper() == "W":
        return {str(symbol_or_none(letters[:1]))}
    if len(options) > 1 and options & present:
        options &= present
    return options


def _of_choice(
    label: str,
    choice: set[str],
    named_already: frozenset[str] | set[str],
    present: frozenset[str],
    distances_ang: np.ndarray,
) -> str:
    one, two = sorted(choice, key=len)
    if len(distances_ang) and present:
        if distances_ang[0] < LIGHT_BOND_ANG:
            return one
        near = int((distances_ang < METAL_SHELL_ANG).sum())
        if near >= 4:
            return two
        if near <= 2 and two in named_already:
            return one
    raise StructureError(
        f"The label {quote(label)} of the cif file may mean two elements ({one} or {two}): "
        "add the column _atom_site_type_symbol."
    )


def _not_tungsten(
    symbol: str, label: str, present: frozenset[str], index: int, distances: Distances
) -> str:
    """Oxygen for water that is written ``W1`` or ``Wat7``."""
    if symbol != "W" or not _WATER.match(label) or "W" in present:
        return symbol
    if present:
        return "O"
    near = distances(index)
    bonded = near[near < METAL_SHELL_ANG]
    if len(bonded) >= 4:
        return symbol
    if len(bonded) <= 1:
        return "O"
    raise StructureError(
        f"The label {quote(label)} of the cif file may be water or tungsten: "
        "add the column _atom_site_type_symbol, or the sum formula."
    )

"""Drawing candidates: the same for the same numbers, whatever was drawn before."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from numbers import Integral

import numpy as np
from ase.data import atomic_numbers

from xanes_core.constants import ABSORBERS
from xanes_core.dataset.assembly.candidate import CandidateComplex
from xanes_core.dataset.assembly.from_base import draw_assembled
from xanes_core.dataset.assembly.from_table import draw_oxo, draw_simple
from xanes_core.dataset.assembly.ligands import ELEMENTS, FOCUS, Pool, available, read_base
from xanes_core.dataset.assembly.small_ligands import ring_entries
from xanes_core.dataset.assembly.templates import (
    COMMON,
    COMMON_SMALL,
    OXIDATION_OXO,
    POLYHEDRA,
    RING_CORNERS,
    TEMPLATES,
    weighted_choice,
)
from xanes_core.errors import AssemblyError

#: Kinds of complexes with the share of each.
DEFAULT_SHARES: Mapping[str, float] = {"assembled": 0.7, "simple": 0.2, "oxo": 0.1}
#: Where the ligands of a complex come from: the ligand base; a table; the table, with oxides.
KINDS = tuple(DEFAULT_SHARES)
#: Tries for one candidate.
MAX_TRIES = 400
#: Range of the factors for breathing; always for oxo complexes, this often for the others.
BREATHE, BREATHE_OFTEN = (0.98, 1.07), 0.1


class Assembler:
    """Draws complexes.

    Parameters
    ----------
    shares : mapping of str to float, optional
        How often each of :data:`KINDS` is to come; :data:`DEFAULT_SHARES` by default. A metal that
        has none of a kind makes more of the others.
    focus : collection of str
        What is to come more often: donor elements (``"Br"``), coordination numbers (``"cn7"``; a
        ring counts as three).
    pool : Pool, optional
        Ligands for the kind ``assembled``; by default the ligand base, read when first needed.

    Raises
    ------
    AssemblyError
        Unknown kinds or focus, shares that make no sense, or no ligand base where one is needed.
    """

    def __init__(
        self,
        shares: Mapping[str, float] | None = None,
        *,
        focus: Collection[str] = (),
        pool: Pool | None = None,
    ) -> None:
        self.shares = _checked_shares(DEFAULT_SHARES if shares is None else shares)
        self._elements, self._numbers = _checked_focus(focus)
        self._pool = pool
        if self.shares.get("assembled") and pool is None and not (here := available()):
            raise AssemblyError(f"{here.message}; or set the share of assembled complexes to zero")

    def candidate(self, metal: str, seed: int, index: int) -> CandidateComplex:
        """The complex of a metal with that seed and index.

        Parameters
        ----------
        metal : str
            One of the nine metals.
        seed, index : int
            Not negative; the result depends on nothing else (and on shares and focus).

        Raises
        ------
        AssemblyError
            Unknown metal, negative numbers, a metal without the kinds that are wanted, or nothing
            that fits after a bounded number of tries.
        """
        if metal not in ABSORBERS:
            raise AssemblyError(f"no complexes of {metal!r}: give one of {', '.join(ABSORBERS)}")
        for name, value in (("seed", seed), ("index", index)):
            if not isinstance(value, Integral) or isinstance(value, bool) or value < 0:
                raise AssemblyError(f"{name} must be a whole number from zero, not {value!r}")
        rng = np.random.default_rng([int(seed), int(index), atomic_numbers[metal]])
        kind = self._kind(metal, rng)
        draw = self._drawer(kind, metal)
        faults: Counter[str] = Counter()
        for _ in range(MAX_TRIES):
            drawn = draw(rng=rng)
            if isinstance(drawn, CandidateComplex):
                return _breathing(drawn, rng)
            faults[drawn] += 1
        raise AssemblyError(
            f"no {kind} complex of {metal} in {MAX_TRIES} tries (seed {seed}, index {index}); "
            f"mostly: {faults.most_common(1)[0][0]}; go on with the next index"
        )

    def _kind(self, metal: str, rng: np.random.Generator) -> str:
        """Kind of the next complex, among those the metal has."""
        shares = {
            kind: share
            for kind, share in self.shares.items()
            if share > 0 and (kind != "oxo" or metal in OXIDATION_OXO)
        }
        if not shares:
            raise AssemblyError(
                f"{metal} makes no oxo complexes: give another kind a share, or leave {metal} out"
            )
        return weighted_choice(shares, rng)

    def _drawer(self, kind: str, metal: str) -> partial[CandidateComplex | str]:
        """Function that draws one complex of a kind, given ``rng``."""
        if kind == "oxo":
            return partial(draw_oxo, metal)
        if kind == "simple":
            weights = {
                name: weight * self._favour(_small_number(name))
                for name, weight in COMMON_SMALL[metal].items()
            }
            return partial(draw_simple, metal, weights, focus=self._elements)
        if self._pool is None:
            self._pool = Pool([*read_base(), *ring_entries()], self._elements)
        weights = {
            name: weight * self._favour(_number(name)) for name, weight in COMMON[metal].items()
        }
        return partial(draw_assembled, metal, self._pool, weights)

    def _favour(self, coordination: int) -> float:
        return FOCUS if coordination in self._numbers else 1.0


def _number(name: str) -> int:
    """Coordination number of a template, a ring counting as three."""
    return sum(
        3 if slot.archetype == "eta" else len(slot.corners) for slot in TEMPLATES[name].slots
    )


def _small_number(name: str) -> int:
    """The same of a polyhedron of small ligands."""
    return len(POLYHEDRA[name]) + 3 * len(RING_CORNERS.get(name, ()))


def _breathing(candidate: CandidateComplex, rng: np.random.Generator) -> CandidateComplex:
    """Give a candidate a factor for its bonds, if it is its turn."""
    if candidate.kind != "oxo" and rng.random() >= BREATHE_OFTEN:
        return candidate
    return replace(candidate, breathe=round(float(rng.uniform(*BREATHE)), 3))


def _checked_shares(shares: Mapping[str, float]) -> dict[str, float]:
    """Shares per kind as they were given, in the order of :data:`KINDS`."""
    unknown = sorted(set(shares) - set(KINDS))
    if unknown:
        raise AssemblyError(
            f"there is no kind {unknown[0]!r} of complexes: give shares for {', '.join(KINDS)}"
        )
    values = [float(share) for share in shares.values()]
    if not all(np.isfinite(values)) or min(values, default=0) < 0 or sum(values) <= 0:
        raise AssemblyError("shares must be numbers from zero, at least one of them above zero")
    return {kind: float(shares[kind]) for kind in KINDS if kind in shares}


def _checked_focus(focus: Collection[str]) -> tuple[frozenset[str], frozenset[int]]:
    """Donor elements and coordination numbers in a focus."""
    elements, numbers = set(), set()
    for word in focus:
        if word in ELEMENTS:
            elements.add(word)
        elif match := re.fullmatch(r"cn(\d)", word):
            numbers.add(int(match.group(1)))
        else:
            raise AssemblyError(
                f"cannot draw more of {word!r}: give donor elements like Br, or coordination "
                "numbers like cn7"
            )
    return frozenset(elements), frozenset(numbers)

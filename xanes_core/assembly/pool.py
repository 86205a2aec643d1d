"""Drawing ligands as often as the CSD has them with a metal in an oxidation state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np

from xanes_core.assembly.ligands import Entry, Ligand
from xanes_core.assembly.templates import SIZES

#: A ligand is drawn with its count to this power: common ones are common, rare ones are seen.
POWER = 0.75
#: What a complex counts that has the metal in another oxidation state.
OTHER_STATE = 0.01
#: Factor for what the caller wants more of.
FOCUS = 6.0


class Pool:
    """Ligands to draw from.

    Parameters
    ----------
    entries : sequence of Entry
    focus : collection of str
        Elements; ligands with such a donor are drawn :data:`FOCUS` times as often.
    """

    def __init__(self, entries: Sequence[Entry], focus: Collection[str] = ()) -> None:
        self._by_archetype: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            self._by_archetype[entry.ligand.archetype].append(entry)
        self._focus = frozenset(focus)
        self._drawers: dict[tuple[str, str, str, int], tuple[list[Ligand], np.ndarray]] = {}

    def draw(
        self, metal: str, archetype: str, size: str, state: int, rng: np.random.Generator
    ) -> Ligand | None:
        """One ligand for a metal in an oxidation state; None if there is none of that kind."""
        key = (metal, archetype, size, state)
        if key not in self._drawers:
            self._drawers[key] = self._drawer(*key)
        ligands, sums = self._drawers[key]
        if not ligands:
            return None
        return ligands[int(np.searchsorted(sums, rng.random() * sums[-1], side="right"))]

    def _drawer(
        self, metal: str, archetype: str, size: str, state: int
    ) -> tuple[list[Ligand], np.ndarray]:
        """Ligands of one kind and the running sums of their weights."""
        ligands, weights = [], []
        for entry in self._by_archetype[archetype]:
            if len(entry.ligand.numbers) > SIZES[size]:
                continue
            weight = self._weight(entry, metal, state)
            if weight > 0:
                ligands.append(entry.ligand)
                weights.append(weight)
        return ligands, np.cumsum(weights)

    def _weight(self, entry: Entry, metal: str, state: int) -> float:
        """Weight of a ligand; complexes of unknown state are split as those of known state are."""
        same = entry.counts.get((metal, state), 0)
        unknown = entry.counts.get((metal, None), 0)
        known = sum(n for (other, _), n in entry.counts.items() if other == metal) - unknown
        likely = (same + 1) / (known + 2)  # rule of succession: one half where nothing is known
        total = same + likely * unknown + OTHER_STATE * (known - same)
        wanted = bool(self._focus & entry.ligand.donor_elements)
        return total**POWER * (FOCUS if wanted else 1.0)

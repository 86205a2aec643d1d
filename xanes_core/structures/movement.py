"""What moved between two geometries of one structure: bonds, coordination, and how far at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from scipy.spatial.distance import pdist, squareform

from xanes_core.errors import StructureError
from xanes_core.structures.environments import environment
from xanes_core.structures.first_shell import bond_limit_ang, coordination_number

#: A bond is broken or formed where the distance crosses the limit by at least so much (A): less is
#: a vibration, and the limit itself is a convention.
CROSSING_ANG = 0.2
#: Rules of thumb for "moved a lot": root mean square over the atoms without hydrogen, and the
#: change of a single bond of the absorber (A).
LARGE_RMSD_ANG = 0.5
LARGE_BOND_CHANGE_ANG = 0.2


@dataclass(frozen=True)
class BondChange:
    """A distance between two atoms (indices from 0) before and after (A)."""

    atoms: tuple[int, int]
    before_ang: float
    after_ang: float

    @property
    def change_ang(self) -> float:
        """After minus before (A)."""
        return self.after_ang - self.before_ang


@dataclass(frozen=True)
class Movement:
    """Two geometries of one structure compared.

    Attributes
    ----------
    first_shell : tuple of BondChange
        Bonds of the absorber before or after, the shortest first.
    broken, formed : tuple of BondChange
        Bonds anywhere that only the first or only the second geometry has.
    rmsd_ang : float
        Root mean square distance of the atoms without hydrogen, best superposed (A).
    number_before, number_after : int
        Coordination number of the absorber.
    """

    first_shell: tuple[BondChange, ...]
    broken: tuple[BondChange, ...]
    formed: tuple[BondChange, ...]
    rmsd_ang: float
    number_before: int
    number_after: int

    @property
    def moved_a_lot(self) -> bool:
        """Whether this is more than a relaxation within the same structure."""
        longest = max((abs(bond.change_ang) for bond in self.first_shell), default=0.0)
        return bool(
            self.broken
            or self.formed
            or self.number_before != self.number_after
            or self.rmsd_ang > LARGE_RMSD_ANG
            or longest > LARGE_BOND_CHANGE_ANG
        )


def compare_geometries(before: Atoms, after: Atoms, absorber: int) -> Movement:
    """Compare two geometries of one molecule around an absorber.

    Bonds are those of :func:`xanes_core.structures.bond_limit_ang`, without those between two
    hydrogens.

    Parameters
    ----------
    before, after : ase.Atoms
        The same atoms in the same order; not changed.
    absorber : int
        Index of the absorber.

    Raises
    ------
    StructureError
        Other atoms, an index that is not there, or a periodic structure.
    """
    if not np.array_equal(before.numbers, after.numbers):
        raise StructureError("only two geometries of the same atoms in one order are compared")
    if not 0 <= absorber < len(before):
        raise StructureError(f"the absorber must be an index from 0 to {len(before) - 1}")
    if before.pbc.any() or after.pbc.any():
        raise StructureError("geometries of molecules are compared, these are periodic")
    start, end = (squareform(pdist(atoms.positions)) for atoms in (before, after))
    numbers = before.numbers
    limit = np.asarray(bond_limit_ang(numbers[:, None], numbers))
    possible = ~((numbers[:, None] == 1) & (numbers == 1))
    np.fill_diagonal(possible, False)
    crossed = possible & (np.abs(end - start) >= CROSSING_ANG)
    bonded = {"start": possible & (start <= limit), "end": possible & (end <= limit)}

    def changes(pairs: np.ndarray) -> tuple[BondChange, ...]:
        return tuple(
            BondChange((int(i), int(j)), float(start[i, j]), float(end[i, j])) for i, j in pairs
        )

    own = np.flatnonzero(bonded["start"][absorber] | bonded["end"][absorber])
    own = own[np.argsort(start[absorber, own], kind="stable")]
    return Movement(
        changes(np.column_stack([np.full(len(own), absorber), own])),
        changes(np.argwhere(np.triu(bonded["start"] & ~bonded["end"] & crossed))),
        changes(np.argwhere(np.triu(bonded["end"] & ~bonded["start"] & crossed))),
        _rmsd(before, after),
        coordination_number(environment(before, absorber)),
        coordination_number(environment(after, absorber)),
    )


def _rmsd(before: Atoms, after: Atoms) -> float:
    """Over the atoms without hydrogen (over all where there are no others), superposed."""
    from ase.build import minimize_rotation_and_translation  # it loads ase.io, which is slow

    heavy = before.numbers != 1
    chosen = heavy if heavy.any() else np.ones_like(heavy)
    one, other = (Atoms(a.numbers[chosen], a.positions[chosen]) for a in (before, after))
    minimize_rotation_and_translation(one, other)
    return float(np.sqrt(((one.positions - other.positions) ** 2).sum(axis=1).mean()))

"""The record that describes one example complex; the catalogues hold the complexes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ase import Atoms
from chelates import numbered

#: Pairs of vertices that three bidentate ligands span on an octahedron.
TRIS = ((0, 2), (1, 4), (3, 5))
EN = "[NH2:1]CC[NH2:2]"
BPY = "[n:1]1ccccc1-c1cccc[n:2]1"
PHEN = "c1cc2ccc3ccc[n:1]c3c2[n:2]c1"
SALEN = "[O-:1]c1ccccc1C=[N:2]CC[N:3]=Cc1ccccc1[O-:4]"
DMG = "CC(=[N:1][O-])C(C)=[N:2]O"
IMIDAZOLE = "c1[nH]cc[n:1]1"


@dataclass(frozen=True)
class Shell:
    """Bonds of one kind: how many, and the experimental mean length they are checked against."""

    element: str
    count: int
    d_exp_ang: float
    comment: str


@dataclass(frozen=True)
class Complex:
    """One complex: what it is, how to start it and what the result must look like."""

    key: str
    title: str
    formula: str
    charge: int
    multiplicity: int
    coordination: str
    note: str
    shells: tuple[Shell, ...]
    start: Callable[[], Atoms]
    water: bool = False
    #: Largest |d_xtb - d_exp| (A) of a shell; beyond, xTB describes another bond.
    tolerance_ang: float = 0.3

    @property
    def coordination_number(self) -> int:
        """Bonds of all shells."""
        return sum(shell.count for shell in self.shells)


SOL = "aqueous EXAFS/LAXS"
XRD = "crystal structures"
GED = "gas-phase electron diffraction"


def tris(ligand: str) -> list[str]:
    """Three bidentate ligands on an octahedron (vertices 1-2, 3-4 and 5-6 are trans pairs)."""
    return [numbered(ligand, 1, 3), numbered(ligand, 2, 5), numbered(ligand, 4, 6)]


def bis(ligand: str) -> list[str]:
    """Two bidentate ligands around a square (vertices go round)."""
    return [numbered(ligand, 1, 2), numbered(ligand, 3, 4)]

"""What is drawn: a complex that nobody has relaxed yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from xanes_core.assembly.ligands import Ligand
from xanes_core.assembly.place import Scene
from xanes_core.assembly.templates import VALENCE
from xanes_core.theory.contacts import BROKEN_CONTACT, closest_contact

#: Most valence electrons of a complex, of one with a ring, of one in a low oxidation state.
MAX_ELECTRONS, MAX_WITH_RING, LOW_STATE_ELECTRONS = 22, 20, (14, 18)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A drawn complex.

    Attributes
    ----------
    atoms : ase.Atoms
        The metal is atom 0, at the origin; no calculator, nothing relaxed.
    metal : str
        Symbol of the metal.
    kind : {"assembled", "simple", "oxo"}
        Where the ligands come from.
    template : str
        Name of the arrangement.
    oxidation_state, charge : int
        Of the metal, and of the whole complex (e).
    ligands : tuple of str
        Names in the order of the atoms.
    n_donors : int
        Atoms bound to the metal as drawn.
    breathe : float or None
        Factor for :func:`~xanes_core.assembly.breathe`, to be applied after the relaxation.
    """

    atoms: Atoms
    metal: str
    kind: str
    template: str
    oxidation_state: int
    charge: int
    ligands: tuple[str, ...]
    n_donors: int
    breathe: float | None = None

    @property
    def identity(self) -> str:
        """The same for the same complex drawn twice, whatever the order of its ligands."""
        name = (
            f"{self.metal} {self.oxidation_state:+d} charge {self.charge:+d} {self.template} "
            f"{' '.join(sorted(self.ligands))}"
        )
        return name if self.breathe is None else f"{name} x{self.breathe:.2f}"


def valence_electrons(metal: str, oxidation_state: int, ligands: Sequence[Ligand]) -> int:
    """Electrons around the metal, those of dative bonds included (the 18-electron count)."""
    return VALENCE[metal] - oxidation_state + sum(ligand.electrons for ligand in ligands)


def build(
    metal: str, placed: Sequence[tuple[Ligand, np.ndarray]], rng: np.random.Generator
) -> Atoms | None:
    """Metal and ligands, or None if a ligand does not fit or atoms run into each other.

    Parameters
    ----------
    metal : str
    placed : sequence of (Ligand, array of shape (n_sites, 3))
        Ligands with the unit vectors their donors are to point along.
    rng : numpy.random.Generator
    """
    scene = Scene(metal)
    if not all(scene.add(ligand, targets, rng) for ligand, targets in placed):
        return None
    atoms = Atoms(metal)
    for numbers, positions in zip(scene.numbers, scene.positions_ang, strict=True):
        atoms += Atoms(numbers=numbers, positions=positions)
    return atoms if closest_contact(atoms)[0] >= BROKEN_CONTACT else None

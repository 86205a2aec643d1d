"""Turning ligands so that their donors point where a polyhedron wants them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import permutations

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from xanes_core.dataset.assembly.ligands import Ligand
from xanes_core.dataset.assembly.templates import VALENCE
from xanes_core.structures import BROKEN_CONTACT, closest_contact

#: Farthest a donor's unit vector may end from its target; 0.6 is 35 degrees.
MAX_MISFIT = 0.6
#: Fits that are worse than the best by no more than this are tried too, for the room they leave.
_NEARLY_AS_GOOD = 0.15
#: Turns of a ligand with one site about its own bond that are tried.
_N_TURNS = 24
#: Atoms of two ligands must be this far apart (A), and this many covalent sums.
MIN_GAP_ANG, MIN_GAP_COVALENT = 1.15, 0.80
#: Most by which a ligand is moved because its metal is larger or smaller than its parent (A).
_MAX_STRETCH_ANG = 0.4
#: Donor vectors that cancel more than this have no common direction to move along.
_MIN_COMMON = 0.6
#: Most valence electrons of a complex, of one with a ring, of one in a low oxidation state.
MAX_ELECTRONS, MAX_WITH_RING, LOW_STATE_ELECTRONS = 22, 20, (14, 18)


@dataclass
class Scene:
    """A metal at the origin and the ligands around it so far."""

    metal: str
    numbers: list[np.ndarray] = field(default_factory=list)
    positions_ang: list[np.ndarray] = field(default_factory=list)

    def add(self, ligand: Ligand, targets: np.ndarray, rng: np.random.Generator) -> bool:
        """Place a ligand where its donors fit ``targets`` and where it has most room.

        Parameters
        ----------
        ligand : Ligand
        targets : numpy.ndarray, shape (n_sites, 3)
            Unit vectors, one per coordination site of the ligand.
        rng : numpy.random.Generator

        Returns
        -------
        bool
            Whether it fitted; the scene is as it was if not.
        """
        directions = ligand.donor_directions()
        if len(directions) != len(targets):
            return False
        positions = ligand.positions_ang + self._stretch(ligand, directions)
        n_turns = 1 if len(positions) == 1 else _N_TURNS
        options = positions @ _turns(directions, targets, n_turns, rng).transpose(0, 2, 1)
        if not len(options):
            return False
        room = [self._room(ligand.numbers, option) for option in options]
        best = int(np.argmax(room))
        if room[best] < 1.0:
            return False
        self.numbers.append(ligand.numbers)
        self.positions_ang.append(options[best])
        return True

    def _stretch(self, ligand: Ligand, directions: np.ndarray) -> np.ndarray:
        """Shift (A) that gives bonds of this metal to a ligand that comes from another."""
        common = directions.sum(axis=0)
        length = np.linalg.norm(common)
        if length <= _MIN_COMMON:
            return np.zeros(3)
        own, parent = (covalent_radii[atomic_numbers[m]] for m in (self.metal, ligand.parent))
        along = np.clip(own - parent, -_MAX_STRETCH_ANG, _MAX_STRETCH_ANG)
        shift: np.ndarray = along * common / length
        return shift

    def _room(self, numbers: np.ndarray, positions: np.ndarray) -> float:
        """Smallest distance to the other ligands over what is wanted; at least 1 is enough."""
        if not self.numbers:
            return np.inf
        others = np.concatenate(self.numbers)
        wanted = MIN_GAP_COVALENT * np.add.outer(covalent_radii[numbers], covalent_radii[others])
        distances = cdist(positions, np.vstack(self.positions_ang))
        return float((distances / np.maximum(wanted, MIN_GAP_ANG)).min())


def _turns(
    directions: np.ndarray, targets: np.ndarray, n_turns: int, rng: np.random.Generator
) -> np.ndarray:
    """Rotations that bring the donors to the targets, whichever donor goes to which.

    Matrices, shape (n, 3, 3); none if no order of the donors fits.
    """
    if len(targets) == 1:
        onto = Rotation.align_vectors(targets, directions)[0]
        angles = rng.uniform(0.0, 2 * np.pi, n_turns)
        matrices: np.ndarray = (
            Rotation.from_rotvec(np.outer(angles, targets[0])) * onto
        ).as_matrix()
        return matrices
    misfits, turns = [], []
    for order in permutations(range(len(targets))):
        wanted = targets[list(order)]
        with warnings.catch_warnings():  # a bad order may fit in many ways, all of them badly
            warnings.simplefilter("ignore", UserWarning)
            turn = Rotation.align_vectors(wanted, directions)[0].as_matrix()
        misfits.append(np.linalg.norm(directions @ turn.T - wanted, axis=1).max())
        turns.append(turn)
    limit = min(min(misfits) + _NEARLY_AS_GOOD, MAX_MISFIT)
    good: np.ndarray = np.array(turns)[np.array(misfits) <= limit]
    return good


@dataclass(frozen=True, eq=False)
class CandidateComplex:
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
        Factor for :func:`~xanes_core.dataset.assembly.breathe`, to be applied after the relaxation.
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

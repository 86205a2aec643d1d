"""The ligands of an absorber, found from connectivity: what moves as one body, and what holds it.

A ligand is all that hangs together once the absorber is taken away, other metals included: a
bridge is one body with the metal behind it, so that moving a ligand tears no bond but its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols, covalent_radii
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from xanes_core.constants import NONMETALS
from xanes_core.errors import StructureError
from xanes_core.structures.first_shell import bond_limit_ang, donor_atoms
from xanes_core.structures.sites import checked_index

#: A ligand whose donors sum up to less than this share of their bond lengths stands all around the
#: absorber: no direction leads away from all of them.
MIN_ONE_SIDED = 0.3
#: From this many atoms in a row a place is written with its hapticity.
FACE_ATOMS = 2
_H = atomic_numbers["H"]
#: Ions that hold no ligands together: alkali and alkaline earth metals.
_IONS = tuple(
    atomic_numbers[s] for s in ("Li", "Na", "K", "Rb", "Cs", "Be", "Mg", "Ca", "Sr", "Ba")
)
#: Atoms around the absorber among which donors are looked for (A).
_REACH_ANG = 5.0
#: What a chemist calls a ligand, by the elements of its donors and its formula.
_NAMES = MappingProxyType(
    {
        ("O", "H2O"): "water", ("O", "HO"): "hydroxide", ("O", "O"): "oxo", ("OO", "O2"): "peroxo",
        ("N", "H3N"): "ammine", ("N", "N"): "nitrido", ("N", "NO"): "nitrosyl",
        ("N", "N3"): "azide", ("N", "N2"): "dinitrogen", ("N", "CNS"): "thiocyanate",
        ("S", "CNS"): "thiocyanate", ("N", "C2H3N"): "acetonitrile", ("N", "C5H5N"): "pyridine",
        ("N", "C3H4N2"): "imidazole", ("NN", "C2H8N2"): "ethylenediamine",
        ("NN", "C10H8N2"): "bipyridine", ("NN", "C12H8N2"): "phenanthroline",
        ("NNN", "C15H11N3"): "terpyridine", ("NNNN", "C20H12N4"): "porphine",
        ("NNOO", "C16H14N2O2"): "salen", ("NN", "C4H7N2O2"): "dimethylglyoximate",
        ("OO", "C5H7O2"): "acac", ("OO", "C2O4"): "oxalate", ("C", "CO"): "carbonyl",
        ("C", "CN"): "cyanide", ("N", "CN"): "isocyanide", ("C", "CH3"): "methyl",
        ("CC", "C2H4"): "ethene", ("CCC", "C3H5"): "allyl", ("CCCCC", "C5H5"): "Cp ring",
        ("CCCCC", "C10H15"): "Cp* ring", ("CCCCCC", "C6H6"): "benzene ring",
        ("P", "H3P"): "phosphine", ("P", "C3H9P"): "trimethylphosphine",
        ("P", "C18H15P"): "triphenylphosphine", ("S", "CH3S"): "methylthiolate",
        ("S", "S"): "sulfido", ("S", "HS"): "hydrosulfide", ("H", "H"): "hydride",
        ("F", "F"): "fluoride", ("Cl", "Cl"): "chloride", ("Br", "Br"): "bromide",
        ("I", "I"): "iodide",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Ligand:
    """What moves as one body.

    Attributes
    ----------
    number : int
        From 1, in the order in which the first donors stand in the structure.
    atoms : tuple of int
        Its atoms, ascending.
    places : tuple of tuple of int
        Where it is held: one donor atom each, or the atoms of a face such as those of a ring,
        whose place is their centre. A chelate has several places.
    symbols : tuple of str
        Elements of all its donors, in the order of ``places``.
    name : str
        In a chemist's words: ``"water"``, ``"Cp ring"``, else its formula.
    encloses : bool
        Whether it stands all around the absorber, as a porphyrin does, so that it cannot move
        away along any direction.
    bridged : tuple of int
        Other metals that it holds.
    """

    number: int
    atoms: tuple[int, ...]
    places: tuple[tuple[int, ...], ...]
    symbols: tuple[str, ...]
    name: str
    encloses: bool
    bridged: tuple[int, ...]

    @property
    def donors(self) -> tuple[int, ...]:
        """Atoms that bind the absorber."""
        return tuple(i for place in self.places for i in place)

    @property
    def is_chelate(self) -> bool:
        """Whether it is held in several places."""
        return len(self.places) > 1

    @property
    def title(self) -> str:
        """Name with number, and hapticity where it binds through a face."""
        eta = max(len(place) for place in self.places)
        return f"{self.name} {self.number}" + (f" (\u03b7{eta})" if eta >= FACE_ATOMS else "")


def find_ligands(atoms: Atoms, absorber: int = 0) -> tuple[Ligand, ...]:
    """Ligands of an absorber, by their numbers.

    Solvent and counter-ions that do not bind it are none.

    Parameters
    ----------
    atoms : ase.Atoms
        Molecule or cluster; left as it is.
    absorber : int
        Index of the absorber.

    Raises
    ------
    StructureError
        There is no such atom, or the structure is periodic.
    """
    index = checked_index(atoms, absorber)
    if atoms.pbc.any():
        raise StructureError(
            "In a crystal every copy of an atom would move at once: cut out the surroundings of "
            "one absorber with cluster_around(atoms, absorber) and move their ligands."
        )
    others = np.flatnonzero(np.arange(len(atoms)) != index)
    i, j = _bonds(atoms, index)
    graph = coo_matrix((np.ones(len(i)), (i, j)), shape=(len(atoms), len(atoms)))
    body = connected_components(graph, directed=False)[1]
    donors = _donors(atoms, index, body)
    linked = {(int(a), int(b)) for a, b in zip(i, j, strict=True)}
    found = []
    for own in {int(body[d]) for d in donors}:
        held = [d for d in donors if body[d] == own]
        found.append((_places(held, linked), others[body[others] == own]))
    found.sort(key=lambda pair: pair[0][0][0])
    return tuple(_ligand(atoms, index, number, *pair) for number, pair in enumerate(found, start=1))


def place_vectors(positions_ang: np.ndarray, absorber: int, ligand: Ligand) -> np.ndarray:
    """Places of a ligand relative to the absorber (A), (k, 3), from all positions (n, 3)."""
    places = [positions_ang[list(place)].mean(axis=0) for place in ligand.places]
    return np.asarray(np.array(places) - positions_ang[absorber])


def _bonds(atoms: Atoms, absorber: int) -> tuple[np.ndarray, np.ndarray]:
    """Bonded pairs (i < j) without the absorber's own; a hydrogen has its nearest partner alone."""
    numbers, positions = atoms.numbers, atoms.positions
    reach = float(np.max(bond_limit_ang(numbers, numbers)))
    pairs = cKDTree(positions).query_pairs(reach, output_type="ndarray").reshape(-1, 2)
    i, j = pairs.min(axis=1), pairs.max(axis=1)
    r_ang = np.linalg.norm(positions[i] - positions[j], axis=1)
    hydrogen, ion = numbers == _H, np.isin(numbers, _IONS)
    bonded = (r_ang <= bond_limit_ang(numbers[i], numbers[j])) & (i != absorber) & (j != absorber)
    bonded &= ~(ion[i] | ion[j])
    i, j, r_ang = i[bonded], j[bonded], r_ang[bonded]
    nearest = np.full(len(atoms), np.inf)
    np.minimum.at(nearest, i, r_ang)
    np.minimum.at(nearest, j, r_ang)
    # the bridge of a hydrogen bond would make one ligand of two
    kept = ~(hydrogen[i] & (r_ang > nearest[i])) & ~(hydrogen[j] & (r_ang > nearest[j]))
    return i[kept], j[kept]


def _donors(atoms: Atoms, absorber: int, body: np.ndarray) -> list[int]:
    """Atoms that bind the absorber; another metal only where nothing else holds its body."""
    numbers, positions = atoms.numbers, atoms.positions - atoms.positions[absorber]
    r_ang = np.linalg.norm(positions, axis=1)
    soft = np.isin(numbers, NONMETALS)
    near = np.flatnonzero(soft & (r_ang < _REACH_ANG))
    apart = np.linalg.norm(positions[near][:, None] - positions[near][None], axis=2)
    bonds = apart <= bond_limit_ang(numbers[near][:, None], numbers[near])
    np.fill_diagonal(bonds, False)
    z = int(numbers[absorber])
    donors = near[donor_atoms(z, numbers[near], r_ang[near], bonds)].tolist()
    bound = {int(body[d]) for d in donors}
    metals = np.flatnonzero(
        ~soft & ~np.isin(numbers, _IONS) & (r_ang <= bond_limit_ang(z, numbers)) & (r_ang > 0)
    )
    return sorted(donors + [int(m) for m in metals if int(body[m]) not in bound])


def _places(donors: list[int], linked: set[tuple[int, int]]) -> tuple[tuple[int, ...], ...]:
    """Donors that are bonded to each other are one place."""
    places: list[list[int]] = []
    for donor in donors:  # ascending
        beside = [p for p in places if any((d, donor) in linked for d in p)]
        places = [p for p in places if p not in beside]
        places.append(sorted([donor, *(d for p in beside for d in p)]))
    return tuple(tuple(place) for place in sorted(places))


def _ligand(
    atoms: Atoms,
    absorber: int,
    number: int,
    places: tuple[tuple[int, ...], ...],
    own: np.ndarray,
) -> Ligand:
    symbols = tuple(chemical_symbols[atoms.numbers[i]] for place in places for i in place)
    bridged = tuple(int(i) for i in own if atoms.numbers[i] not in NONMETALS)
    formula = atoms[own].get_chemical_formula(mode="hill")
    name = _NAMES.get(("".join(sorted(symbols)), formula), formula)
    if bridged:
        metals = sorted({chemical_symbols[atoms.numbers[i]] for i in bridged})
        name = f"fragment with {', '.join(metals)}"
    ligand = Ligand(
        number, tuple(int(i) for i in own), places, symbols, name, encloses=False, bridged=bridged
    )
    vectors = place_vectors(atoms.positions, absorber, ligand)
    one_sided = np.linalg.norm(vectors.mean(axis=0)) / np.linalg.norm(vectors, axis=1).mean()
    if one_sided >= MIN_ONE_SIDED:
        return ligand
    return Ligand(number, ligand.atoms, places, symbols, name, encloses=True, bridged=bridged)


def covalent_sum_ang(z: int, others: np.ndarray) -> np.ndarray:
    """Sums of covalent radii (A) of an element with others, (n,).

    Cordero et al., Dalton Trans. 2008, 2832.
    """
    return np.asarray(covalent_radii[z] + covalent_radii[others])

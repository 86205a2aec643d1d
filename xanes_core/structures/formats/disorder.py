"""Disordered crystals: which of several alternatives of a group of atoms is kept.

A refined crystal structure lists every orientation that a molecule was found in, each with a share.
A spectrum needs one of them: the major group of each disorder assembly, the likelier one of atoms
that lie on top of each other, and a single orientation of a molecule that lies on a symmetry
element which it does not have itself (a negative group of SHELX). Terms are those of the core
dictionary of cif (``_atom_site_disorder_assembly``, ``_atom_site_disorder_group``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from scipy.spatial import cKDTree

from xanes_core.constants import ABSORBERS
from xanes_core.errors import StructureError
from xanes_core.structures.formats.text import quote

#: From here on a site counts as fully occupied.
FULL_OCCUPANCY = 0.999
#: Atoms of different alternatives overlap below this distance (A); where hydrogen is one of the two
#: its bonds are as short, and two hydrogens of one group are never as near as the last number.
OVERLAP_ANG = 0.9
HYDROGEN_OVERLAP_ANG = 0.5
TWO_HYDROGENS_OVERLAP_ANG = 1.2
#: A hydrogen farther than this (A) from all other atoms that are kept has lost its partner.
HYDROGEN_BOND_ANG = 1.15
#: Atoms of one body are nearer than this times the sum of their covalent radii.
_BOND_FACTOR = 1.2
#: No bond of nonmetals, which are smaller than the radius (A), is a smaller part of these.
_SHORTEST_BOND = 0.75
_NONMETAL_RADIUS_ANG = 1.21
#: Two shares come to 1, or are not the same, to within this.
_SHARES_TO_ONE = 0.02
#: Shares that differ by less are equal; then the group that is named first is kept.
_EQUAL_SHARES = 0.005
#: Most overlapping neighbours of an atom, on average; matter has far fewer.
_MAX_PARTNERS = 40
_NAMED_IN_NOTE = 6
#: Farthest that bonded atoms are looked for (A).
_MAX_REACH_ANG = 4.0


@dataclass(frozen=True)
class AsymmetricUnit:
    """The sites that a crystal structure lists.

    Attributes
    ----------
    labels, symbols : sequence of str, length n
        As the file names them; elements.
    fractions : numpy.ndarray, (n, 3)
        Fractional coordinates.
    occupancies : numpy.ndarray, (n,)
        Share of the cells in which an atom is there.
    assemblies, groups : sequence of str, length n
        Disorder assembly and group, "" where a site has none.
    """

    labels: Sequence[str]
    symbols: Sequence[str]
    fractions: np.ndarray
    occupancies: np.ndarray
    assemblies: Sequence[str]
    groups: Sequence[str]

    def __len__(self) -> int:
        return len(self.labels)

    def only(self, kept: Sequence[int] | np.ndarray) -> AsymmetricUnit:
        """The sites of these indices."""
        chosen = [int(i) for i in kept]
        return AsymmetricUnit(
            [self.labels[i] for i in chosen],
            [self.symbols[i] for i in chosen],
            self.fractions[chosen],
            self.occupancies[chosen],
            [self.assemblies[i] for i in chosen],
            [self.groups[i] for i in chosen],
        )

    @property
    def partial(self) -> np.ndarray:
        """Which sites (n,) are partly occupied or belong to one of several alternatives."""
        grouped = np.array([bool(group) for group in self.groups], dtype=bool)
        return grouped | (self.occupancies < FULL_OCCUPANCY)


def refuse_partial_absorbers(unit: AsymmetricUnit) -> None:
    """Raise a StructureError where no metal that could absorb is there in every cell."""
    metals = [i for i, symbol in enumerate(unit.symbols) if symbol in ABSORBERS]
    whole = [i for i in metals if unit.occupancies[i] >= FULL_OCCUPANCY]
    if not metals or whole:
        return
    first = metals[0]
    raise StructureError(
        f"Atom {quote(unit.labels[first])} has the occupancy {unit.occupancies[first]:g}: an "
        "absorber that is disordered itself has no single surroundings. Keep one alternative of "
        "it, at occupancy 1."
    )


def major_groups(unit: AsymmetricUnit) -> tuple[np.ndarray, list[str]]:
    """Sites of the major group of each assembly, and labels of those that are left out.

    The group with the largest mean occupancy; of equal ones the first by number or letter.

    Returns
    -------
    kept : numpy.ndarray of int
        Indices, ascending, of these and of all sites without a group.
    left_out : list of str
        Labels.
    """
    by_assembly: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i, (assembly, group) in enumerate(zip(unit.assemblies, unit.groups, strict=True)):
        if group:
            by_assembly[assembly][group].append(i)
    dropped: set[int] = set()
    for groups in by_assembly.values():
        shares = {group: float(unit.occupancies[own].mean()) for group, own in groups.items()}
        largest = max(shares.values())
        equal = [group for group, share in shares.items() if share > largest - _EQUAL_SHARES]
        major = min(equal, key=_rank)
        dropped |= {i for group, own in groups.items() if group != major for i in own}
    kept = np.array([i for i in range(len(unit)) if i not in dropped], dtype=int)
    return kept, [unit.labels[i] for i in sorted(dropped)]


def _rank(group: str) -> tuple[int, str]:
    digits = group.lstrip("+-")
    return (int(digits) if digits.isdecimal() and len(digits) < 6 else 10**6, group)


def one_orientation(
    atoms: Atoms, site: np.ndarray, operation: np.ndarray, unit: AsymmetricUnit
) -> np.ndarray:
    """Which atoms of a full cell stay, so that no two alternatives lie on each other.

    Parameters
    ----------
    atoms : ase.Atoms, n atoms
        The cell, filled by symmetry.
    site, operation : numpy.ndarray of int, (n,)
        Index in the asymmetric unit and number of the symmetry operation of every atom.
    unit : AsymmetricUnit
        What the file lists, without the minor groups.

    Returns
    -------
    numpy.ndarray of bool, (n,)
        Fully occupied atoms without a group always stay.

    Raises
    ------
    StructureError
        So many atoms lie on each other that this is no disordered crystal.
    """
    negative = np.array([group.startswith("-") for group in unit.groups], dtype=bool)
    loose = ((unit.occupancies < FULL_OCCUPANCY) | negative)[site]
    kept = np.ones(len(atoms), dtype=bool)
    if not loose.any():
        return kept
    in_group = np.array([bool(group) for group in unit.groups], dtype=bool)
    pairs = _near_pairs(atoms, loose, unit.occupancies[site], in_group[site])
    body = _bodies(pairs, site, operation, loose, unit.groups)
    images = body.are_images(pairs.first, pairs.second)
    clashing = pairs.overlap | (pairs.bonded & images & negative[site[pairs.first]])
    rivals: dict[int, list[tuple[int, bool]]] = defaultdict(list)
    for a, b, image in zip(
        pairs.first[clashing], pairs.second[clashing], images[clashing], strict=True
    ):
        rivals[int(a)].append((int(b), bool(image)))
    occupancy = np.round(unit.occupancies[site], 3)
    order = np.lexsort((site, operation, -occupancy, loose)).tolist()
    settled = np.zeros(len(atoms), dtype=bool)
    for i in order:
        if settled[i]:
            continue
        own = sorted(body.members(i), key=lambda k: (-occupancy[k], site[k]))
        if any(image and settled[j] and kept[j] for k in own for j, image in rivals[k]):
            kept[own] = False  # another orientation of a molecule that is there already
        else:
            for k in own:
                kept[k] = not any(settled[j] and kept[j] for j, _ in rivals[k]) or not loose[k]
                settled[k] = True
        settled[own] = True
    kept[_stray_hydrogens(atoms, kept, loose)] = False
    return kept


@dataclass(frozen=True)
class _Pairs:
    """Pairs of near atoms: their indices (m,), and whether they overlap, are bonded."""

    first: np.ndarray
    second: np.ndarray
    overlap: np.ndarray
    bonded: np.ndarray


@dataclass(frozen=True)
class _Bodies:
    """Molecules of loose atoms: number (n,), -1 for atoms of none.

    ``molecule`` (n,) is the molecule of the asymmetric unit that a body is an image of.
    """

    number: np.ndarray
    molecule: np.ndarray

    def are_images(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Which pairs are atoms of two different images of one molecule."""
        a, b = self.molecule[first], self.molecule[second]
        images: np.ndarray = (a >= 0) & (a == b) & (self.number[first] != self.number[second])
        return images

    def members(self, atom: int) -> set[int]:
        """Atoms of the body of an atom; itself where it belongs to none."""
        number = self.number[atom]
        return {atom} if number < 0 else set(np.flatnonzero(self.number == number).tolist())


def _near_pairs(
    atoms: Atoms, loose: np.ndarray, occupancies: np.ndarray, named: np.ndarray
) -> _Pairs:
    """Pairs of atoms of which one at least is loose; identical ones (below 0.4 A too) included."""
    from ase.neighborlist import primitive_neighbor_list  # loads SciPy's sparse matrices

    wrapped = atoms.get_positions(wrap=True)
    tree = cKDTree(wrapped)
    if tree.count_neighbors(tree, OVERLAP_ANG) > _MAX_PARTNERS * len(atoms):
        raise StructureError(
            "So many atoms of the crystal lie on each other that its disorder cannot be resolved: "
            "keep one alternative of each disordered group, at occupancy 1."
        )
    radii = covalent_radii[atoms.numbers]
    reach = max(_BOND_FACTOR * 2.0 * float(radii[loose].max()), TWO_HYDROGENS_OVERLAP_ANG)
    i, j, distance = primitive_neighbor_list(
        "ijd", atoms.pbc, atoms.cell.array, wrapped, min(reach, _MAX_REACH_ANG)
    )
    chosen = (i != j) & (loose[i] | loose[j])
    i, j, distance = i[chosen], j[chosen], distance[chosen]
    # of a named group the file itself says what is there together
    shares = np.where(named, 1.0, occupancies)
    limit = overlap_limits_ang(atoms.numbers[i], atoms.numbers[j], shares[i], shares[j])
    return _Pairs(i, j, distance < limit, distance < _BOND_FACTOR * (radii[i] + radii[j]))


def _bodies(
    pairs: _Pairs,
    site: np.ndarray,
    operation: np.ndarray,
    loose: np.ndarray,
    groups: Sequence[str],
) -> _Bodies:
    """Molecules of loose atoms: sites of a group bonded to each other under one operation."""
    from scipy.sparse import coo_array  # most crystals have no negative group
    from scipy.sparse.csgraph import connected_components

    a, b = pairs.first, pairs.second
    group = np.unique(np.array(groups, dtype=object).astype(str), return_inverse=True)[1]
    joined = pairs.bonded & ~pairs.overlap & loose[a] & loose[b]
    joined &= (operation[a] == operation[b]) & (group[site[a]] == group[site[b]])
    n = len(groups)
    links = coo_array((np.ones(joined.sum()), (site[a[joined]], site[b[joined]])), shape=(n, n))
    molecule = np.where(loose, connected_components(links, directed=False)[1][site], -1)
    number = np.where(molecule >= 0, molecule * (operation.max() + 1) + operation, -1)
    return _Bodies(number, molecule)


def _stray_hydrogens(atoms: Atoms, kept: np.ndarray, loose: np.ndarray) -> np.ndarray:
    """Indices of loose hydrogen atoms whose partner is not kept."""
    from ase.neighborlist import primitive_neighbor_list  # loads SciPy's sparse matrices

    hydrogens = np.flatnonzero(kept & loose & (atoms.numbers == 1))
    if not len(hydrogens) or kept.all():
        return hydrogens[:0]
    stay = np.flatnonzero(kept)
    i, j = primitive_neighbor_list(
        "ij", atoms.pbc, atoms.cell.array, atoms.positions[stay], HYDROGEN_BOND_ANG
    )
    held = stay[i[atoms.numbers[stay[j]] > 1]]
    return np.setdiff1d(hydrogens, held)


def overlap_limits_ang(
    one: np.ndarray, other: np.ndarray, share: np.ndarray | float, other_share: np.ndarray
) -> np.ndarray:
    """Distances (A), (m,), below which atoms that are there in part are alternatives.

    No bond between nonmetals is shorter than 0.75 of their covalent radii (N2 has 0.77). Atoms that
    are bonded are there together: where shares differ and come to 1, they are alternatives up to
    the length of a bond.

    Parameters
    ----------
    one, other : numpy.ndarray of int, (m,)
        Atomic numbers.
    share, other_share : numpy.ndarray, (m,)
        Occupancies.
    """
    radii = covalent_radii[one] + covalent_radii[other]
    hydrogens = (one == 1).astype(int) + (other == 1)
    limit = np.array([OVERLAP_ANG, HYDROGEN_OVERLAP_ANG, TWO_HYDROGENS_OVERLAP_ANG])[hydrogens]
    light = (np.maximum(covalent_radii[one], covalent_radii[other]) < _NONMETAL_RADIUS_ANG) & (
        hydrogens == 0
    )
    whole = np.minimum(share, other_share) >= FULL_OCCUPANCY
    partners = np.abs(share + other_share - 1.0) < _SHARES_TO_ONE
    partners &= np.abs(share - other_share) > _SHARES_TO_ONE
    factor = np.where(partners, _BOND_FACTOR, _SHORTEST_BOND)
    limits: np.ndarray = np.where(light & ~whole, np.maximum(limit, factor * radii), limit)
    return limits


def disorder_note(left_out: Sequence[str], images_left_out: int, lone: Sequence[str]) -> str:
    """What a reader of the structure should know; empty where nothing was left out.

    Parameters
    ----------
    left_out : sequence of str
        Labels of the minor groups.
    images_left_out : int
        Atoms that lay on others, or belonged to a further orientation.
    lone : sequence of str
        Labels of partly occupied atoms that were kept.
    """
    parts = []
    if left_out:
        parts.append(f"of disordered groups the larger share was kept, without {named(left_out)}")
    if images_left_out:
        atoms = "1 atom" if images_left_out == 1 else f"{images_left_out} atoms"
        parts.append(f"without {atoms} of overlapping alternatives")
    if lone:
        parts.append(f"{named(lone)} counted as present although partly occupied")
    text = "; ".join(parts)
    return f"Disorder: {text}." if text else ""


def named(labels: Sequence[str]) -> str:
    """The first labels, safe in a message, and how many more there are."""
    shown = ", ".join(quote(label, 12).strip('"') for label in labels[:_NAMED_IN_NOTE])
    more = len(labels) - _NAMED_IN_NOTE
    return f"{shown} and {more} more" if more > 0 else shown

"""What an absorber sees: the atoms around it, periodic images included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from scipy.spatial import cKDTree

from xanes_core.constants import R_CUT_ANG
from xanes_core.errors import StructureError
from xanes_core.structures.checks import periodic_cell, reduced_cell
from xanes_core.structures.limits import MAX_CANDIDATES, MAX_COMPARED_SITES, MAX_SEEN_ATOMS
from xanes_core.structures.sites import Site, checked_index

#: Largest radius of an environment (A).
MAX_R_CUT_ANG = 20.0
#: Lengths that differ by less are taken for the same (A).
_SAME_ANG = 0.01
#: So few environments are looked for one by one.
_FEW = 8
_CHOOSE = (
    "Choose one of them by its number, or say how many may be averaged (max_sites, --max-sites)."
)


@dataclass(frozen=True)
class Environment:
    """Atoms around an absorber, the absorber itself not among them.

    Attributes
    ----------
    absorber_z : int
        Atomic number of the absorber.
    numbers : numpy.ndarray (m,)
        Atomic numbers of the neighbours.
    positions_ang : numpy.ndarray (m, 3)
        Positions relative to the absorber (A).
    distances_ang : numpy.ndarray (m,)
        Distances from the absorber (A), ascending.
    """

    absorber_z: int
    numbers: np.ndarray
    positions_ang: np.ndarray
    distances_ang: np.ndarray


def environment(atoms: Atoms, absorber: int = 0, r_cut_ang: float = R_CUT_ANG) -> Environment:
    """Neighbours of an atom within a radius, periodic images included.

    Parameters
    ----------
    atoms : ase.Atoms
        Molecule, crystal, slab or chain (any ``pbc``); left as it is.
    absorber : int
        Index of the central atom, from 0.
    r_cut_ang : float
        Radius (A); atoms at ``r >= r_cut_ang`` are left out.

    Returns
    -------
    Environment
        In a crystal it includes the images of the absorber itself.

    Raises
    ------
    StructureError
        Index out of range, radius not in (0, 20] A, a cell that makes no sense, or more atoms near
        the absorber than matter has.
    """
    index = checked_index(atoms, absorber)
    if not (np.isfinite(r_cut_ang) and 0.0 < r_cut_ang <= MAX_R_CUT_ANG):
        raise StructureError(
            f"The radius of the environment must lie between 0 and {MAX_R_CUT_ANG:g} A."
        )
    positions = atoms.positions - atoms.positions[index]
    numbers = atoms.numbers
    keep = np.arange(len(atoms)) != index
    if atoms.pbc.any():
        positions, source, is_home = _with_images(atoms, positions, r_cut_ang)
        numbers = numbers[source]
        keep = ~(is_home & (source == index))
    distances = np.linalg.norm(positions, axis=1)
    inside = np.flatnonzero(keep & (distances < r_cut_ang))
    _refuse_dense(len(inside), r_cut_ang)
    order = inside[np.argsort(distances[inside], kind="stable")]
    return Environment(
        absorber_z=int(atoms.numbers[index]),
        numbers=numbers[order].astype(int),
        positions_ang=positions[order],
        distances_ang=distances[order],
    )


def _refuse_dense(count: int, r_cut_ang: float) -> None:
    """Raise a StructureError where more atoms lie within the radius than matter has."""
    limit = MAX_SEEN_ATOMS * max(1.0, (r_cut_ang / R_CUT_ANG) ** 3)
    if count > limit:
        raise StructureError(
            f"{count:,} atoms lie within {r_cut_ang:g} A of the absorber, more than any real "
            f"matter has there (at most {limit:,.0f} are handled): check that coordinates and cell "
            "are in angstrom, and remove atoms that are there more than once."
        )


def _with_images(
    atoms: Atoms, relative_ang: np.ndarray, r_cut_ang: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All images that may lie within the radius: positions (k, 3), atom (k,), is it the nearest.

    Only one centre is needed, so the images are counted out here rather than by a neighbour list
    of all atoms, which is far slower for large cells.
    """
    pbc = atoms.pbc
    cell = reduced_cell(periodic_cell(atoms), pbc)
    inverse = np.linalg.inv(cell)
    fractions = relative_ang @ inverse
    fractions[:, pbc] -= np.round(fractions[:, pbc])
    # distance between lattice planes: no image further than r_cut / height + 1/2 cells counts
    heights = 1.0 / np.linalg.norm(inverse, axis=0)
    shifts = _shifts(atoms, np.where(pbc, np.ceil(r_cut_ang / heights + 0.5), 0.0))
    positions = ((fractions[None] + shifts[:, None]) @ cell).reshape(-1, 3)
    source = np.tile(np.arange(len(atoms)), len(shifts))
    is_home = np.repeat((shifts == 0).all(axis=1), len(atoms))
    return positions, source, is_home


def each_environment(
    atoms: Atoms, indices: Sequence[int], r_cut_ang: float = R_CUT_ANG
) -> Iterator[Environment]:
    """Environments of many atoms of one structure, as :func:`environment` gives each.

    Each is made when it is asked for. Atoms and images are sorted by place once, so that one
    environment does not cost a look at all of them.

    Parameters
    ----------
    atoms : ase.Atoms
        Structure.
    indices : sequence of int
        Central atoms.
    r_cut_ang : float
        Radius (A).

    Raises
    ------
    StructureError
        As :func:`environment`, for any of them.
    """
    if len(indices) < _FEW:
        for index in indices:
            yield environment(atoms, index, r_cut_ang)
        return
    cluster = _with_all_images(atoms, r_cut_ang) if atoms.pbc.any() else atoms
    tree = cKDTree(cluster.positions)
    for index in indices:
        count = tree.query_ball_point(cluster.positions[index], r_cut_ang, return_length=True)
        _refuse_dense(int(count) - 1, r_cut_ang)
        near = np.sort(tree.query_ball_point(cluster.positions[index], r_cut_ang))
        centre = int(np.searchsorted(near, index))
        yield environment(cluster[near], centre, r_cut_ang)


def _with_all_images(atoms: Atoms, r_cut_ang: float) -> Atoms:
    """Molecule of the atoms of a cell, and behind them all images within the radius of the cell."""
    pbc = atoms.pbc
    cell = reduced_cell(periodic_cell(atoms), pbc)
    inverse = np.linalg.inv(cell)
    margins = np.where(pbc, r_cut_ang * np.linalg.norm(inverse, axis=0), 0.0)
    fractions = atoms.positions @ inverse
    fractions[:, pbc] %= 1.0
    shifts = _shifts(atoms, np.ceil(margins))
    shifts = shifts[np.argsort(np.abs(shifts).sum(axis=1), kind="stable")]  # home first
    points, sources = [], []
    for shift in shifts:
        images = fractions + shift
        near = ((images >= -margins) & (images <= 1.0 + margins))[:, pbc].all(axis=1)
        points.append(images[near])
        sources.append(np.flatnonzero(near))
    numbers = atoms.numbers[np.concatenate(sources)]
    return Atoms(numbers, positions=np.concatenate(points) @ cell)


def _shifts(atoms: Atoms, reach: np.ndarray) -> np.ndarray:
    """Whole numbers of cells (k, 3) up to a reach in each direction, where so many make sense.

    Raises
    ------
    StructureError
        So many images that the cell is too small to be real.
    """
    n_candidates = len(atoms) * np.prod(2.0 * reach + 1.0)
    if n_candidates > MAX_CANDIDATES:
        raise StructureError(
            f"The cell is too small to be real: {n_candidates:,.0f} periodic images of its "
            f"{len(atoms)} atoms would have to be looked at. Check its lengths and angles, and "
            "that they are in angstrom."
        )
    ranges = (np.arange(-n, n + 1) for n in reach.astype(int))
    return np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)


def alike(
    atoms: Atoms, sites: Sequence[Site], r_cut_ang: float = R_CUT_ANG, *, at_most: int
) -> list[Site]:
    """Sites of one element put together where their surroundings are the same.

    Two surroundings are the same where distances, and sums over the angles at every neighbour,
    agree to 0.01 A: whatever can be read off atoms in pairs and threes. Symmetry says the same of
    perfect crystals; supercells, molecules and frames of a simulation have no symmetry to ask.

    Parameters
    ----------
    atoms : ase.Atoms
        Structure.
    sites : sequence of Site
        As :func:`~xanes_core.structures.select_sites` gives them.
    r_cut_ang : float
        Radius (A) of what is compared.
    at_most : int
        Most sites that may be left.

    Returns
    -------
    list of Site
        In the order of their first atoms; fewer, with larger multiplicities.

    Raises
    ------
    StructureError
        More sites than can be compared, or more than ``at_most`` that differ.
    """
    if len(sites) > max(MAX_COMPARED_SITES, at_most):
        raise StructureError(
            f"The structure has {len(sites):,} {sites[0].element} atoms that symmetry does not "
            f"relate; the surroundings of at most {MAX_COMPARED_SITES:,} are compared. "
            "Choose one of them by its number, or cut out a part of the structure."
        )
    groups: list[list[Site]] = []
    known: dict[tuple[int, ...], list[tuple[int, np.ndarray]]] = {}
    envs = each_environment(atoms, [site.index for site in sites], r_cut_ang)
    for site, env in zip(sites, envs, strict=True):
        kind, measures = _fingerprint(env)
        same = known.setdefault(kind, [])
        found = next(
            (n for n, own in same if np.abs(own - measures).max(initial=0) < _SAME_ANG), None
        )
        if found is not None:
            groups[found].append(site)
            continue
        same.append((len(groups), measures))
        groups.append([site])
        if len(groups) > at_most:
            raise StructureError(
                f"The structure has {len(sites):,} {site.element} atoms, and the surroundings "
                f"of more than {at_most:,} of them differ: their average is not made unasked. "
                + _CHOOSE
            )
    return [_joined(own) for own in groups]


def _joined(sites: Sequence[Site]) -> Site:
    equivalent = sorted(index for site in sites for index in site.equivalent)
    return Site(
        sites[0].index,
        sites[0].element,
        sum(site.multiplicity for site in sites),
        tuple(equivalent),
    )


def _fingerprint(env: Environment) -> tuple[tuple[int, ...], np.ndarray]:
    """Elements of an environment, and lengths (A) that tell it from others of these elements.

    The lengths of each element are sorted, so that they change little where atoms move little:
    distances, and for each atom j the moments of x_j.x_k over all atoms k, weighted by their
    atomic numbers, brought to the scale of a distance.
    """
    order = np.argsort(env.numbers, kind="stable")
    z, x, r = env.numbers[order], env.positions_ang[order], env.distances_ang[order]
    cosines = x @ x.T / np.maximum(np.outer(r, r), 1e-12)
    weights = z / max(int(z.sum()), 1)
    rows = [r, *(r * (cosines**power @ weights) for power in (1, 2, 3))]
    rows += [r * (cosines * r @ weights) / R_CUT_ANG, r * (cosines**2 * r @ weights) / R_CUT_ANG]
    starts = np.flatnonzero(np.diff(z, prepend=0))
    parts = [np.sort(part) for row in rows for part in np.split(row, starts[1:])]
    return tuple(z.tolist()), np.concatenate(parts) if len(z) else r

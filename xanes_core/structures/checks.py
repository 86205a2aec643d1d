"""Checks that every structure passes before anything is computed from it."""

from __future__ import annotations

import itertools

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols, covalent_radii
from ase.geometry import complete_cell, minkowski_reduce
from scipy.spatial import cKDTree

from xanes_core.errors import StructureError, TheoryError
from xanes_core.structures.limits import MAX_ATOMS

#: Atoms nearer than this are taken for one atom written twice (A). H-H in H2 is 0.74 A.
MIN_DISTANCE_ANG = 0.4
#: Coordinates and cell lengths beyond this are taken for a mistake in units (A).
MAX_LENGTH_ANG = 1e4
#: Least volume per atom of a crystal (A^3); solids at ambient pressure have 5 and more.
MIN_VOLUME_PER_ATOM_ANG3 = 0.5
#: What a slab or a chain takes beyond its outermost atoms, for its volume (A).
_SKIN_ANG = 3.0
#: A cell whose volume is under this fraction of a*b*c is flat.
_MIN_CELL_FRACTION = 1e-4
#: Atoms nearer than this times the sum of their covalent radii have run into each other.
BROKEN_CONTACT = 0.62
#: The same for a structure that is to be relaxed, which may be rough.
ROUGH_CONTACT = 0.45


def validate_structure(atoms: Atoms) -> None:
    """Check that a structure makes sense: a molecule, a crystal, a slab or a chain.

    Parameters
    ----------
    atoms : ase.Atoms
        Structure; left as it is.

    Raises
    ------
    StructureError
        No atoms or too many, unknown elements or dummy atoms, coordinates that are no finite
        numbers or absurdly large, a cell that is flat or missing along a periodic direction,
        atoms (or an atom and a periodic image) that coincide.
    """
    if not isinstance(atoms, Atoms):
        raise StructureError(
            f"A structure must be an ase.Atoms object, not {type(atoms).__name__}: "
            "read the file with read_structures first."
        )
    n_atoms = len(atoms)
    if n_atoms == 0:
        raise StructureError("The structure has no atoms: check that the file is complete.")
    if n_atoms > MAX_ATOMS:
        raise StructureError(
            f"The structure has {n_atoms:,} atoms; at most {MAX_ATOMS:,} are handled. "
            "Cut out the surroundings of the absorber (8 A are enough)."
        )
    _check_numbers(atoms.numbers)
    _check_positions(atoms.positions)
    if atoms.pbc.any():
        cell = _check_cell(atoms)
        pair = _coincident_periodic(atoms, cell)
    else:
        pair = _coincident_points(atoms.positions)
    if pair is not None:
        _refuse_pair(atoms, *pair)


def _check_numbers(numbers: np.ndarray) -> None:
    bad = np.flatnonzero((numbers < 1) | (numbers >= len(chemical_symbols)))
    if len(bad) == 0:
        return
    index = int(bad[0])
    if numbers[index] == 0:
        raise StructureError(
            f"Atom {index} is a dummy atom (X): remove dummy atoms and ghost atoms from the file."
        )
    raise StructureError(
        f"Atom {index} has the atomic number {int(numbers[index])}, which is no element: "
        "correct the file."
    )


def _check_positions(positions: np.ndarray) -> None:
    finite = np.isfinite(positions).all(axis=1)
    if not finite.all():
        index = int(np.flatnonzero(~finite)[0])
        raise StructureError(
            f"Atom {index} has a coordinate that is not a finite number (NaN or infinite): "
            "correct the file or write it again from the program it comes from."
        )
    far = np.flatnonzero(np.abs(positions).max(axis=1) > MAX_LENGTH_ANG)
    if len(far):
        raise StructureError(
            f"Atom {int(far[0])} lies more than {MAX_LENGTH_ANG:,.0f} A from the origin: "
            "check that the coordinates are in angstrom."
        )


def _check_cell(atoms: Atoms) -> np.ndarray:
    """Return the cell (3, 3) in A, vectors of non-periodic directions replaced by normals."""
    cell = periodic_cell(atoms)
    lengths = np.linalg.norm(cell, axis=1)
    volume = abs(np.linalg.det(cell))
    if volume < _MIN_CELL_FRACTION * lengths.prod():
        raise StructureError(
            "The cell has no volume (its vectors lie in one plane or on one line): "
            "check the cell lengths and angles."
        )
    if not atoms.pbc.all():  # unit normals stand for the other vectors
        extent_ang = np.ptp(atoms.positions @ np.linalg.inv(cell), axis=0)[~atoms.pbc]
        volume *= float((extent_ang + _SKIN_ANG).prod())
    if volume < MIN_VOLUME_PER_ATOM_ANG3 * len(atoms):
        raise StructureError(
            f"The cell of {volume:.3g} A^3 is too small for {len(atoms)} atoms: "
            "check the cell lengths and that they are in angstrom."
        )
    return cell


def periodic_cell(atoms: Atoms) -> np.ndarray:
    """Cell (3, 3) in A whose rows of non-periodic directions are unit normals to the others.

    So fractional coordinates along a periodic direction do not depend on the (arbitrary) vector
    of a non-periodic one.

    Raises
    ------
    StructureError
        The cell is not finite, too large, or a periodic direction has no cell vector.
    """
    cell = np.array(atoms.cell, dtype=float)
    if not np.isfinite(cell).all():
        raise StructureError(
            "The cell holds a value that is not a finite number: check its lengths and angles."
        )
    cell[~atoms.pbc] = 0.0
    lengths = np.linalg.norm(cell, axis=1)
    if (lengths[atoms.pbc] < 1e-6).any():
        raise StructureError(
            "The structure is periodic along a direction whose cell vector is zero: "
            "give the cell, or switch periodicity off (pbc) for a molecule."
        )
    if lengths.max() > MAX_LENGTH_ANG:
        raise StructureError(
            f"A cell vector is longer than {MAX_LENGTH_ANG:,.0f} A: "
            "check that the cell is in angstrom."
        )
    with np.errstate(all="ignore"):  # vectors on one line give no normal
        cell = np.array(complete_cell(cell))
    if not np.isfinite(cell).all():
        raise StructureError(
            "The cell has no volume (its vectors lie on one line): check its lengths and angles."
        )
    return cell


def reduced_cell(cell: np.ndarray, pbc: np.ndarray) -> np.ndarray:
    """Shortest (Minkowski-reduced) vectors (3, 3) of the same lattice, in A.

    Raises
    ------
    StructureError
        The reduction does not converge, which only absurd cells bring about.
    """
    try:
        return np.array(minkowski_reduce(cell, pbc=pbc)[0])
    except Exception as exc:
        raise StructureError(
            "The cell is too distorted to be used: give the conventional or the reduced cell."
        ) from exc


def _coincident_points(positions: np.ndarray) -> tuple[int, int, float] | None:
    if len(positions) < 2:
        return None
    # two nearest (one is the point itself): a list of all pairs could be of any length
    distance, index = cKDTree(positions).query(
        positions, k=2, distance_upper_bound=MIN_DISTANCE_ANG
    )
    close = np.flatnonzero(np.isfinite(distance[:, 1]))
    if len(close) == 0:
        return None
    first = int(close[0])
    second = int(index[first, 1] if index[first, 1] != first else index[first, 0])
    return min(first, second), max(first, second), float(distance[first, 1])


def _coincident_periodic(atoms: Atoms, cell: np.ndarray) -> tuple[int, int, float] | None:
    reduced = reduced_cell(cell, atoms.pbc)
    shortest = np.linalg.norm(reduced[atoms.pbc], axis=1).min()
    if shortest < MIN_DISTANCE_ANG:
        return 0, 0, float(shortest)
    # images of the atoms that lie within the least distance of the cell
    inverse = np.linalg.inv(reduced)
    margins = np.where(atoms.pbc, MIN_DISTANCE_ANG * np.linalg.norm(inverse, axis=0), 0.0)
    fractions = atoms.positions @ inverse
    fractions[:, atoms.pbc] %= 1.0
    pair = _coincident_points(fractions @ reduced)
    if pair is not None:
        return pair
    points, sources = [fractions], [np.arange(len(atoms))]
    ranges = (range(-int(np.ceil(m)), int(np.ceil(m)) + 1) for m in margins)
    for shift in itertools.product(*ranges):
        if any(shift):
            images = fractions + shift
            near = ((images >= -margins) & (images <= 1.0 + margins))[:, atoms.pbc].all(axis=1)
            points.append(images[near])
            sources.append(np.flatnonzero(near))
    pair = _coincident_points(np.concatenate(points) @ reduced)
    if pair is None:
        return None
    source = np.concatenate(sources)
    first, second = sorted((int(source[pair[0]]), int(source[pair[1]])))
    return first, second, pair[2]


def _refuse_pair(atoms: Atoms, first: int, second: int, distance_ang: float) -> None:
    symbols = atoms.get_chemical_symbols()
    if first == second:
        raise StructureError(
            f"Atom {first} ({symbols[first]}) lies only {distance_ang:.2f} A from its own "
            "periodic image: check the cell lengths and that they are in angstrom."
        )
    where = ", counting periodic images," if atoms.pbc.any() else ""
    raise StructureError(
        f"Atoms {first} ({symbols[first]}) and {second} ({symbols[second]}) lie "
        f"{distance_ang:.2f} A apart{where} and so coincide: remove duplicates and disordered "
        "alternatives, and check that coordinates are in angstrom (fractional ones need a cell)."
    )


def closest_contact(atoms: Atoms) -> tuple[float, int, int]:
    """Smallest distance in units of the sum of covalent radii, and the two atoms.

    Infinity and (0, 0) for a single atom.
    """
    radii = covalent_radii[atoms.numbers]
    reach = 2.0 * radii.max()
    pairs = cKDTree(atoms.positions).query_pairs(reach, output_type="ndarray")
    if len(pairs) == 0:
        return np.inf, 0, 0
    i, j = pairs.T
    distances = np.linalg.norm(atoms.positions[i] - atoms.positions[j], axis=1)
    ratios = distances / (radii[i] + radii[j])
    best = int(ratios.argmin())
    return float(ratios[best]), int(i[best]), int(j[best])


def check_contacts(atoms: Atoms, limit: float, advice: str) -> None:
    """Raise a TheoryError where two atoms are nearer than ``limit`` covalent sums."""
    ratio, i, j = closest_contact(atoms)
    if ratio < limit:
        symbols = atoms.get_chemical_symbols()
        raise TheoryError(
            f"atoms {i} ({symbols[i]}) and {j} ({symbols[j]}) are {ratio:.2f} times the sum of "
            f"their covalent radii apart (at least {limit:g} is needed): {advice}"
        )

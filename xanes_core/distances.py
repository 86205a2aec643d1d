"""Histograms of the distances r_ij in a training set: absorber i, neighbour j, both by element."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from xanes_core.constants import R_CUT_ANG
from xanes_core.errors import ModelError
from xanes_core.structures import environment

BIN_ANG = 0.05


@dataclass(frozen=True)
class DistanceHistograms:
    """How often which neighbour lies at which distance; b bins.

    Attributes
    ----------
    edges_ang : numpy.ndarray, (b + 1,)
        Bounds of the bins (A); a bin holds its lower bound and not its upper one.
    absorbers, neighbours : tuple of str
        Elements, by atomic number.
    counts : numpy.ndarray of int, (absorbers, neighbours, b)
        Pairs, images in crystals included.
    n_sites : numpy.ndarray of int, (absorbers,)
        Absorber sites of each element that were counted.
    """

    edges_ang: np.ndarray
    absorbers: tuple[str, ...]
    neighbours: tuple[str, ...]
    counts: np.ndarray
    n_sites: np.ndarray

    @property
    def centres_ang(self) -> np.ndarray:
        """Middle of each bin (A), (b,)."""
        return (self.edges_ang[1:] + self.edges_ang[:-1]) / 2

    def by_neighbour(self, absorber: str | None = None) -> dict[str, np.ndarray]:
        """Counts (b,) of each neighbour element that occurs, around one absorber or all.

        Raises
        ------
        ModelError
            The absorber does not occur.
        """
        if absorber is not None and absorber not in self.absorbers:
            raise ModelError(
                f"no distances around {absorber}; there are those around "
                f"{', '.join(self.absorbers)}"
            )
        rows = slice(None) if absorber is None else [self.absorbers.index(absorber)]
        counts = self.counts[rows].sum(axis=0, dtype=np.int64)
        return {el: row for el, row in zip(self.neighbours, counts, strict=True) if row.any()}

    def total(self, absorber: str | None = None) -> np.ndarray:
        """Counts (b,) of all neighbours, around one absorber or all; errors as above."""
        zero = np.zeros(len(self.edges_ang) - 1, dtype=np.int64)
        return sum(self.by_neighbour(absorber).values(), start=zero)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Arrays to store with a model; counts in the smallest unsigned integers that hold them."""
        return {
            "distances_edges_ang": self.edges_ang,
            "distances_absorbers": np.array(self.absorbers),
            "distances_neighbours": np.array(self.neighbours),
            "distances_counts": self.counts.astype(np.min_scalar_type(self.counts.max(initial=0))),
            "distances_n_sites": self.n_sites.astype(np.int32),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> DistanceHistograms:
        """Inverse of :meth:`to_arrays`.

        Raises
        ------
        ModelError
            Arrays are missing or do not fit together.
        """
        try:
            edges, absorbers, neighbours, counts, n_sites = (
                arrays[f"distances_{name}"]
                for name in ("edges_ang", "absorbers", "neighbours", "counts", "n_sites")
            )
        except KeyError as error:
            raise ModelError(f"the model's distance data lack {error}") from error
        expected = (len(absorbers), len(neighbours), len(edges) - 1)
        if counts.shape != expected or n_sites.shape != expected[:1]:
            raise ModelError(
                f"distance counts of shape {counts.shape} do not go with {expected[0]} absorbers, "
                f"{expected[1]} neighbours and {expected[2]} bins"
            )
        return cls(
            edges_ang=edges,
            absorbers=tuple(str(element) for element in absorbers),
            neighbours=tuple(str(element) for element in neighbours),
            counts=counts.astype(np.int64),
            n_sites=n_sites.astype(np.int64),
        )


def distance_histograms(
    sites: Iterable[tuple[Atoms, int]], *, bin_ang: float = BIN_ANG, r_max_ang: float = R_CUT_ANG
) -> DistanceHistograms:
    """Count distances around absorbers.

    Parameters
    ----------
    sites : iterable of (ase.Atoms, int)
        Structures with the index of the absorber. Not modified.
    bin_ang, r_max_ang : float, optional
        Width of a bin, which must divide the range from 0 to ``r_max_ang`` (A).

    Raises
    ------
    ModelError
        No sites, or a width that does not divide the range.
    StructureError
        An index that is not in its structure.
    """
    n_bins = round(r_max_ang / bin_ang) if bin_ang > 0 else 0
    if n_bins < 1 or not np.isclose(n_bins * bin_ang, r_max_ang):
        raise ModelError(
            f"bins of {bin_ang:g} A do not divide 0 to {r_max_ang:g} A; choose another width"
        )
    edges = np.linspace(0.0, r_max_ang, n_bins + 1)
    found: dict[tuple[int, int], np.ndarray] = {}
    n_sites: dict[int, int] = {}
    for atoms, absorber in sites:
        env = environment(atoms, absorber, r_max_ang)
        n_sites[env.absorber_z] = n_sites.get(env.absorber_z, 0) + 1
        for z in np.unique(env.numbers).tolist():
            counts = np.histogram(env.distances_ang[env.numbers == z], edges)[0]
            pair = (env.absorber_z, z)
            found[pair] = found.get(pair, 0) + counts
    if not n_sites:
        raise ModelError("no absorber sites were given, so there are no distances to count")
    absorbers, neighbours = sorted(n_sites), sorted({z for _, z in found})
    empty = np.zeros(n_bins, dtype=np.int64)
    table = [found.get((a, z), empty) for a in absorbers for z in neighbours]
    return DistanceHistograms(
        edges_ang=edges,
        absorbers=tuple(chemical_symbols[z] for z in absorbers),
        neighbours=tuple(chemical_symbols[z] for z in neighbours),
        counts=np.array(table, dtype=np.int64).reshape(len(absorbers), len(neighbours), n_bins),
        n_sites=np.array([n_sites[z] for z in absorbers]),
    )

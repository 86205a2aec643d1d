"""Permutation importance as numbers: per feature and energy, with its repeats, and by window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from xanes_core.constants import R_CUT_ANG
from xanes_core.errors import ModelError, SpectrumError
from xanes_core.structures import environment

_SCALED = ("raw", "parts")
_STORED = (*_SCALED, "scale", "names", "base_error", "error", "n_samples", "seed")
BIN_ANG = 0.05


def window_points(energy_rel_ev: np.ndarray, low_ev: float, high_ev: float) -> np.ndarray:
    """Grid points of a window, bounds included, as a mask (k,).

    Raises
    ------
    SpectrumError
        The bounds are not ascending numbers, or no grid point lies between them.
    """
    if not (np.isfinite(low_ev) and np.isfinite(high_ev) and low_ev < high_ev):
        raise SpectrumError(
            f"a window needs two ascending energies relative to E0 in eV, not {low_ev} to {high_ev}"
        )
    slack = 1e-9  # a bound typed as 0.3333333333 means the grid point
    inside = (energy_rel_ev >= low_ev - slack) & (energy_rel_ev <= high_ev + slack)
    if not inside.any():
        raise SpectrumError(
            f"no energy of the model lies in the window {low_ev:g} to {high_ev:g} eV; its grid "
            f"runs from {energy_rel_ev[0]:g} to {energy_rel_ev[-1]:g} eV relative to E0"
        )
    return inside


class _Repeats:
    """Mean over repeats, and how sure it is."""

    raw: np.ndarray
    parts: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Mean over repeats."""
        return np.asarray(self.raw.mean(axis=0))

    @property
    def standard_error(self) -> np.ndarray:
        """Standard error of the mean over repeats.

        It tells how well the scrambling is averaged for these samples, not how the numbers would
        change with other samples: see :attr:`sampling_error`.
        """
        return _standard_error(self.raw)

    @property
    def sampling_error(self) -> np.ndarray:
        """Standard error of the mean for other samples of the same kind, from the parts.

        Usually a few times larger than :attr:`standard_error`: the one to use for saying that two
        numbers differ. Source: first-order variance of a U-statistic, Hoeffding, Ann. Math. Stat.
        19, 293 (1948), doi 10.1214/aoms/1177730196.
        """
        return _standard_error(self.parts)


def _standard_error(draws: np.ndarray) -> np.ndarray:
    """Of the mean over the first axis."""
    return np.asarray(draws.std(axis=0, ddof=1) / np.sqrt(len(draws)))


@dataclass(frozen=True)
class WindowImportance(_Repeats):
    """Importance averaged over the energies of a window; ``mean`` and ``standard_error`` are (d,).

    Attributes
    ----------
    low_ev, high_ev : float
        Bounds relative to E0 (eV).
    names : tuple of str, (d,)
        Features or groups scrambled.
    raw : numpy.ndarray, (n_repeats, d)
        Penalty of each repeat.
    parts : numpy.ndarray, (b, d)
        What each part of the samples makes of the mean.
    """

    low_ev: float
    high_ev: float
    names: tuple[str, ...]
    raw: np.ndarray
    parts: np.ndarray


@dataclass(frozen=True)
class Importance(_Repeats):
    """Importance of d features or groups at k energies; ``mean`` and ``standard_error`` are (d, k).

    Attributes
    ----------
    energy_rel_ev : numpy.ndarray, (k,)
        Energies relative to E0 (eV).
    names : tuple of str, (d,)
        What was scrambled.
    raw : numpy.ndarray, (n_repeats, d, k)
        Penalty of each repeat: edge steps squared, or edge steps for the absolute error. Negative
        where a scramble happened to help.
    parts : numpy.ndarray, (b, d, k)
        What each of b disjoint parts of the samples makes of the mean: its samples' penalty, plus
        the penalty of those that got their features from it, less the mean of all. (Every sample
        acts in both ways.) Their average, weighted by size, is ``mean``.
    base_error : numpy.ndarray, (k,)
        Error before anything is scrambled, same unit.
    error : str
        ``squared`` or ``absolute``.
    n_samples : int
        Samples scored, each once.
    seed : int
        Seed of the permutations.
    """

    energy_rel_ev: np.ndarray
    names: tuple[str, ...]
    raw: np.ndarray
    parts: np.ndarray
    base_error: np.ndarray
    error: str
    n_samples: int
    seed: int

    def window(self, low_ev: float, high_ev: float) -> WindowImportance:
        """Average over the energies of a window; bounds relative to E0 (eV), included.

        Raises
        ------
        SpectrumError
            No window, or none of the energies lies in it.
        """
        inside = window_points(self.energy_rel_ev, low_ev, high_ev)
        raw, parts = (a[:, :, inside].mean(axis=2) for a in (self.raw, self.parts))
        return WindowImportance(float(low_ev), float(high_ev), self.names, raw, parts)

    def take(self, names: Sequence[str]) -> Importance:
        """Return the named features or groups alone, in that order.

        Raises
        ------
        ModelError
            One of them was not scrambled.
        """
        missing = [name for name in names if name not in self.names]
        if missing:
            raise ModelError(f"no importance of {missing[0]!r} was computed")
        rows = [self.names.index(name) for name in names]
        raw, parts = self.raw[:, rows], self.parts[:, rows]
        return replace(self, names=tuple(names), raw=raw, parts=parts)

    def to_arrays(self, prefix: str = "importance") -> dict[str, np.ndarray]:
        """Arrays to store with a model; penalties in units of the largest, as float16.

        So three digits are kept of each, down to 1e-4 of the largest. The energies are those of the
        model and are not repeated.
        """
        scale = float(max(np.abs(self.raw).max(), np.abs(self.parts).max())) or 1.0
        values = {
            "raw": (self.raw / scale).astype(np.float16),
            "parts": (self.parts / scale).astype(np.float16),
            "scale": np.array(scale),
            "names": np.array(self.names),
            "base_error": self.base_error.astype(np.float32),
            "error": np.array(self.error),
            "n_samples": np.array(self.n_samples),
            "seed": np.array(self.seed),
        }
        return {f"{prefix}_{name}": value for name, value in values.items()}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, np.ndarray], energy_rel_ev: np.ndarray, prefix: str = "importance"
    ) -> Importance:
        """Inverse of :meth:`to_arrays`, for the energies (k,) of the model.

        Raises
        ------
        ModelError
            Arrays are missing or do not fit together.
        """
        try:
            stored = {name: arrays[f"{prefix}_{name}"] for name in _STORED}
        except KeyError as error:
            raise ModelError(f"the model's importance data lack {error}") from error
        names = tuple(str(name) for name in stored["names"])
        raw, parts = (stored[key].astype(np.float64) * float(stored["scale"]) for key in _SCALED)
        for values in (raw, parts):
            if values.shape[1:] != (len(names), len(energy_rel_ev)):
                raise ModelError(
                    f"importance of shape {values.shape} does not go with {len(names)} names and "
                    f"{len(energy_rel_ev)} energies"
                )
        return cls(
            energy_rel_ev=energy_rel_ev,
            names=names,
            raw=raw,
            parts=parts,
            base_error=stored["base_error"].astype(np.float64),
            error=str(stored["error"]),
            n_samples=int(stored["n_samples"]),
            seed=int(stored["seed"]),
        )


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
        return np.asarray((self.edges_ang[1:] + self.edges_ang[:-1]) / 2)

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
        """Counts (b,) of all neighbours, around one absorber or all.

        Raises
        ------
        ModelError
            The absorber does not occur.
        """
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
    counted: dict[tuple[int, int], np.ndarray] = {}
    n_sites: dict[int, int] = {}
    for atoms, absorber in sites:
        env = environment(atoms, absorber, r_max_ang)
        n_sites[env.absorber_z] = n_sites.get(env.absorber_z, 0) + 1
        for z in np.unique(env.numbers).tolist():
            counts = np.histogram(env.distances_ang[env.numbers == z], edges)[0]
            pair = (env.absorber_z, z)
            counted[pair] = counted.get(pair, 0) + counts
    if not n_sites:
        raise ModelError("no absorber sites were given, so there are no distances to count")
    absorbers, neighbours = sorted(n_sites), sorted({z for _, z in counted})
    empty = np.zeros(n_bins, dtype=np.int64)
    table = [counted.get((a, z), empty) for a in absorbers for z in neighbours]
    return DistanceHistograms(
        edges_ang=edges,
        absorbers=tuple(chemical_symbols[z] for z in absorbers),
        neighbours=tuple(chemical_symbols[z] for z in neighbours),
        counts=np.array(table, dtype=np.int64).reshape(len(absorbers), len(neighbours), n_bins),
        n_sites=np.array([n_sites[z] for z in absorbers]),
    )

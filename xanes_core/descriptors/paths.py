"""Three-body paths: absorber, scatterer j, scatterer k and back, by length and kind of scatterer.

For each pair of atoms with j nearer to the absorber than k, half the length of the path is
R = (r_ij + r_jk + r_ki) / 2. What is counted at each length, for each kind of j::

    P_c(R0) = sum_jk c(angles) (2 A)^3 / (r_ij r_jk r_ki) f(R) exp(-(R - R0)^2 / (2 w^2))

with w the spacing of the lengths, f(R) = (cos(pi R / (R_last + 2 w)) + 1) / 2, and four c: forward
scattering at j, narrow and wide, backward scattering at j, and k opposite to j. So a linear M-C-O
stands out from a bent one, as it does in a spectrum (focusing: Rehr and Albers, Rev. Mod. Phys. 72,
621 (2000), doi 10.1103/RevModPhys.72.621). Hydrogen is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from ase.data import atomic_numbers, chemical_symbols

from xanes_core.descriptors.sites import OfEnvironments
from xanes_core.descriptors.wacsf import SPECIES_GROUPS
from xanes_core.errors import DescriptorError
from xanes_core.structures import Environment

#: Kinds of the nearer scatterer; elements in none of them are counted with the last.
SCATTERERS = tuple(group for group in SPECIES_GROUPS if group != ("H",))
#: Angular functions of a path: cos_j is 1 for forward scattering at j, cos_i of the angle j-i-k.
ANGLES = ("focusing", "forward", "backward", "opposite")
#: Length in the amplitude (A), about that of a bond.
_UNIT_ANG = 2.0


@dataclass(frozen=True)
class Paths(OfEnvironments):
    """Three-body paths as features, 4 angular functions by kind of scatterer and half length.

    Attributes
    ----------
    lengths_ang : tuple of float
        Half lengths R0 (A), ascending and equally spaced.
    tie_ang : float
        Where r_ij and r_ik differ by less (A), the path counts in part in either direction, so
        that features do not jump when k becomes the nearer atom; 0 for a sharp change.
    r_cut_ang : float
        Atoms at this distance (A) and beyond are not seen; must reach as far as the paths.
    """

    lengths_ang: tuple[float, ...] = tuple(np.arange(2.0, 5.01, 0.15).tolist())
    tie_ang: float = 0.1
    r_cut_ang: float = 6.0

    def __post_init__(self) -> None:
        """Refuse parameters for which the formulas have no meaning.

        Raises
        ------
        DescriptorError
            Lengths are not ascending and equally spaced, reach beyond the cut-off, or the
            tie is negative.
        """
        lengths = np.asarray(self.lengths_ang, dtype=float)
        if len(lengths) < 2 or self._step <= 0 or not np.allclose(np.diff(lengths), self._step):
            raise DescriptorError("lengths_ang needs two or more ascending, equally spaced lengths")
        if self._end > self.r_cut_ang:
            raise DescriptorError("lengths_ang reaches beyond r_cut_ang: raise it, or take fewer")
        if not self.tie_ang >= 0:
            raise DescriptorError("tie_ang must be 0 or more")

    @property
    def _step(self) -> float:
        return float(self.lengths_ang[1] - self.lengths_ang[0])

    @property
    def _end(self) -> float:
        """Half length at which paths fade out (A)."""
        return float(self.lengths_ang[-1]) + 2.0 * self._step

    # --- what the features are ---------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of the convention."""
        return "paths"

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """Names: kind of scatterer slowest, then angular function, then half length."""
        return tuple(
            f"path[{'/'.join(group)}] {angle} R={length:.2f} A"
            for group in SCATTERERS
            for angle in ANGLES
            for length in self.lengths_ang
        )

    @property
    def n_features(self) -> int:
        """Number of features; independent of the data."""
        return len(SCATTERERS) * len(ANGLES) * len(self.lengths_ang)

    @cached_property
    def feature_kinds(self) -> tuple[str, ...]:
        """``path[...]`` by kind of scatterer."""
        return tuple(name.split(" ", 1)[0] for name in self.feature_names)

    @cached_property
    def feature_distances_ang(self) -> np.ndarray:
        """NaN: a path has a length, which is no distance from the absorber."""
        distances = np.full(self.n_features, np.nan)
        distances.setflags(write=False)
        return distances

    @property
    def absorber_elements(self) -> tuple[str, ...]:
        """None is told."""
        return ()

    def parameters(self) -> dict[str, Any]:
        """Parameters as plain values, for a model card."""
        return {
            "name": self.name,
            "lengths_ang": [round(float(length), 6) for length in self.lengths_ang],
            "tie_ang": self.tie_ang,
            "r_cut_ang": self.r_cut_ang,
        }

    # --- the transform -----------------------------------------------------------------------

    def transform_environment(self, env: Environment) -> np.ndarray:
        """Features (n_features,) of an environment with neighbours up to ``r_cut_ang``.

        Raises
        ------
        DescriptorError
            Two atoms lie on each other.
        """
        seen = (env.numbers > 1) & (env.distances_ang < self._end)  # no path is shorter than r_ik
        z, x, r = env.numbers[seen], env.positions_ang[seen], env.distances_ang[seen]
        near, far = np.triu_indices(len(r), 1)  # by distance; atoms that were moved may change it
        r_jk = np.linalg.norm(x[far] - x[near], axis=1)
        if not ((r > 0).all() and (r_jk > 0).all()):
            raise DescriptorError("two atoms lie on each other; remove the one written twice")
        half = (r[near] + r[far] + r_jk) / 2.0
        short = half < self._end
        near, far, r_jk, half = near[short], far[short], r_jk[short], half[short]
        amplitude = _UNIT_ANG**3 / (r[near] * r[far] * r_jk)
        amplitude *= 0.5 * (np.cos(np.pi * half / self._end) + 1.0)
        radial = np.exp(-0.5 * ((half[:, None] - np.array(self.lengths_ang)) / self._step) ** 2)
        radial *= amplitude[:, None]
        cos_i = np.einsum("pc,pc->p", x[near], x[far]) / (r[near] * r[far])
        share = self._share(r[far] - r[near])
        total = np.zeros((len(SCATTERERS), len(ANGLES), len(self.lengths_ang)))
        for first, second, part in ((near, far, share), (far, near, 1.0 - share)):
            cos_j = (r[second] * cos_i - r[first]) / r_jk  # of the turn at j, by projection
            angular = _angular(cos_j, cos_i) * part
            kinds = _KIND[z[first]]
            for kind in np.unique(kinds[part > 0]):
                own = kinds == kind
                total[kind] += angular[:, own] @ radial[own]
        return total.ravel()

    def _share(self, difference_ang: np.ndarray) -> np.ndarray:
        """Part of a path that begins at the nearer atom: a half where both are as near."""
        if self.tie_ang == 0:
            return (difference_ang >= 0).astype(np.float64)
        t = np.clip(0.5 + 0.5 * difference_ang / self.tie_ang, 0.0, 1.0)
        share: np.ndarray = t * t * (3.0 - 2.0 * t)
        return share


def _angular(cos_j: np.ndarray, cos_i: np.ndarray) -> np.ndarray:
    """The functions of ``ANGLES``, (4, n_pairs)."""
    forward = ((1.0 + cos_j) / 2.0) ** 4
    return np.array([forward**4, forward, ((1.0 - cos_j) / 2.0) ** 2, ((1.0 - cos_i) / 2.0) ** 8])


def _kinds() -> np.ndarray:
    """Index into ``SCATTERERS`` of every element."""
    kinds = np.full(len(chemical_symbols), len(SCATTERERS) - 1)
    for index, group in enumerate(SCATTERERS):
        kinds[[atomic_numbers[symbol] for symbol in group]] = index
    return kinds


_KIND = _kinds()

"""Weighted atom-centred symmetry functions (wACSF): a structure as a fixed-length vector.

For an absorber i with neighbours j, k inside ``r_cut_ang`` and f(r) = (cos(pi r / r_c) + 1) / 2::

    G1               = sum_j f(r_ij)
    G2(eta, mu)      = sum_j w_j exp(-eta (r_ij - mu)^2) f(r_ij)
    G4(eta, zeta, l) = 2^(1-zeta) sum_{j<k} w_j w_k (1 + l cos theta_jik)^zeta
                       exp(-eta (r_ij^2 + r_ik^2 + r_jk^2)) f(r_ij) f(r_ik) f(r_jk)

Sources: Behler, J. Chem. Phys. 134, 074106 (2011), doi 10.1063/1.3553717; weights w_j = Z_j:
Gastegger et al., J. Chem. Phys. 148, 241709 (2018), doi 10.1063/1.5019667.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from ase.data import atomic_numbers, chemical_symbols

from xanes_core.constants import ABSORBERS, R_CUT_ANG
from xanes_core.descriptors.sites import OfEnvironments
from xanes_core.errors import DescriptorError
from xanes_core.structures import Environment

#: Groups of neighbour elements with G2 functions of their own in the default convention.
SPECIES_GROUPS = (
    ("H",),
    ("C",),
    ("N",),
    ("O",),
    ("F", "Cl", "Br", "I"),
    ("B", "Si", "P", "S", "As", "Se"),
)
CONVENTIONS = ("xanesnet", "default")


@dataclass(frozen=True)
class WACSF(OfEnvironments):
    """A wACSF convention: which functions, in which order.

    Use :meth:`xanesnet` or :meth:`default`; the constructor is for experiments.

    Parameters
    ----------
    name
        Name of the convention, stored in model cards.
    r_cut_ang
        Cut-off radius r_c (A). Atoms at ``r >= r_cut_ang`` are not seen.
    g2_mu_ang
        Centres mu of the G2 functions (A), equally spaced; eta = 1 / (2 dmu^2).
    g4_width_ang
        Widths w of the G4 functions (A); eta = 1 / (2 w^2).
    g4_lambda, g4_zeta
        Angular parameters of G4.
    clamp_r_jk
        Whether f(r_jk) is zero beyond the cut-off (the ``xanesnet`` convention evaluates the
        cosine there all the same).
    species
        Groups of neighbour elements. Each adds one resolved copy of the G2 functions with
        w_j = 1 for its members and 0 for others; empty for none.
    absorber_elements
        Elements for a one-hot block that tells the absorber's element; empty for none.
    """

    name: str
    r_cut_ang: float = R_CUT_ANG
    g2_mu_ang: tuple[float, ...] = ()
    g4_width_ang: tuple[float, ...] = ()
    g4_lambda: tuple[float, ...] = (1.0, -1.0)
    g4_zeta: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)
    clamp_r_jk: bool = True
    species: tuple[tuple[str, ...], ...] = ()
    absorber_elements: tuple[str, ...] = ()

    # --- conventions -------------------------------------------------------------------------

    @classmethod
    def xanesnet(cls) -> WACSF:
        """The 97 features of the ``xanesnet`` training sets: 1 G1, 32 G2, 64 G4.

        Its G4 widths are the first 8 of 64 between 1.0 and 5.5 A, so they hardly reach beyond
        1.5 A, and f(r_jk) is not cut off. Source: Rankine and Penfold, J. Chem. Phys. 156, 164102
        (2022), doi 10.1063/5.0087255, and the data set published with it.
        """
        return cls(
            name="xanesnet",
            g2_mu_ang=tuple(np.linspace(0.5, 5.5, 32)),
            g4_width_ang=tuple(np.linspace(1.0, 5.5, 64)[:8]),
            clamp_r_jk=False,
        )

    @classmethod
    def default(cls) -> WACSF:
        """The project's own convention, chosen by cross-validation on the FEFF10 set.

        G4 widths reach up to the cut-off, f(r_jk) is cut off, the G2 are repeated for groups of
        neighbour elements, and the absorber's element is told.
        """
        return cls(
            name="default",
            g2_mu_ang=tuple(np.linspace(0.5, 5.5, 32)),
            g4_width_ang=tuple(np.linspace(1.0, 5.5, 8)),
            species=SPECIES_GROUPS,
            absorber_elements=ABSORBERS,
        )

    @classmethod
    def from_name(cls, name: str) -> WACSF:
        """Return the convention of that name.

        Raises
        ------
        DescriptorError
            The name is not a convention.
        """
        if name not in CONVENTIONS:
            raise DescriptorError(
                f"unknown descriptor convention {name!r}; choose one of {', '.join(CONVENTIONS)}"
            )
        convention: WACSF = getattr(cls, name)()
        return convention

    # --- what the features are ---------------------------------------------------------------

    def __post_init__(self) -> None:
        """Refuse parameters for which the formulas have no meaning."""
        mu = np.asarray(self.g2_mu_ang, dtype=float)
        if not self.r_cut_ang > 0:
            raise DescriptorError(f"r_cut_ang must be positive, not {self.r_cut_ang}")
        if len(mu) < 2 or not np.allclose(np.diff(mu), mu[1] - mu[0]) or mu[1] <= mu[0]:
            raise DescriptorError("g2_mu_ang needs two or more ascending, equally spaced centres")
        if any(not w > 0 for w in self.g4_width_ang):
            raise DescriptorError("every width in g4_width_ang must be positive")
        if any(abs(value) != 1 for value in self.g4_lambda):
            raise DescriptorError("g4_lambda takes 1 and -1 only")
        if any(not z > 0 for z in self.g4_zeta):
            raise DescriptorError("every exponent in g4_zeta must be positive")
        for symbol in (*self.absorber_elements, *(s for group in self.species for s in group)):
            if symbol == "X" or symbol not in atomic_numbers:  # X is a dummy atom
                raise DescriptorError(f"{symbol!r} is not a chemical element")

    @cached_property
    def g2_eta(self) -> float:
        """Exponent of every G2, 1 / (2 dmu^2) (A^-2)."""
        return 1.0 / (2.0 * (self.g2_mu_ang[1] - self.g2_mu_ang[0]) ** 2)

    @cached_property
    def g4_parameters(self) -> tuple[tuple[float, float, float], ...]:
        """(width in A, lambda, zeta) of each G4, in feature order."""
        return tuple(
            (w, lam, zeta)
            for w in self.g4_width_ang
            for lam in self.g4_lambda
            for zeta in self.g4_zeta
        )

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """Readable names, one per feature, in feature order."""
        names = ["G1"] + [f"G2 mu={mu:.2f} A" for mu in self.g2_mu_ang]
        names += [
            f"G4 width={w:.2f} A lambda={lam:+.0f} zeta={zeta:g}"
            for w, lam, zeta in self.g4_parameters
        ]
        for group in self.species:
            names += [f"G2[{'/'.join(group)}] mu={mu:.2f} A" for mu in self.g2_mu_ang]
        names += [f"absorber is {symbol}" for symbol in self.absorber_elements]
        return tuple(names)

    @cached_property
    def feature_kinds(self) -> tuple[str, ...]:
        """Kind of each feature: ``G1``, ``G2``, ``G4``, ``G2[...]`` or ``absorber``."""
        return tuple(name.split(" ", 1)[0] for name in self.feature_names)

    @cached_property
    def feature_distances_ang(self) -> np.ndarray:
        """Centre mu (A) of every G2, resolved or not, and NaN for other features; (n_features,)."""
        centres = np.full(self.n_features, np.nan)
        kinds = np.array(self.feature_kinds)
        for kind in {kind for kind in self.feature_kinds if kind.startswith("G2")}:
            centres[kinds == kind] = self.g2_mu_ang
        centres.setflags(write=False)
        return centres

    @property
    def n_features(self) -> int:
        """Number of features; independent of the data."""
        return len(self.feature_names)

    def parameters(self) -> dict[str, Any]:
        """Parameters as plain values, for a model card."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {k: list(map(_plain, v)) if isinstance(v, tuple) else v for k, v in values.items()}

    # --- the transform -----------------------------------------------------------------------

    def transform_environment(self, env: Environment) -> np.ndarray:
        """Features of an absorber's environment (neighbours with r < ``r_cut_ang``).

        Returns
        -------
        numpy.ndarray, (n_features,)
            float64; angular sums carry the unit weight^2, the others weight.

        Raises
        ------
        DescriptorError
            The convention tells the absorber's element and does not know this one, or an atom
            lies on the absorber.
        """
        z = env.numbers.astype(np.float64)
        r = env.distances_ang
        if len(r) and not r[0] > 0:  # an angle at such an atom has no meaning
            raise DescriptorError("an atom lies on the absorber; remove the one written twice")
        f_ij = self._cutoff(r)
        radial = np.exp(-self.g2_eta * (r[:, None] - np.asarray(self.g2_mu_ang)) ** 2)
        radial *= f_ij[:, None]
        blocks = [[f_ij.sum()], z @ radial, self._g4(z, r, env.positions_ang, f_ij)]
        if self.species:
            blocks.append((self._membership[:, env.numbers] @ radial).ravel())
        if self.absorber_elements:
            blocks.append(self._one_hot(env.absorber_z))
        return np.concatenate(blocks)

    @cached_property
    def _membership(self) -> np.ndarray:
        """1 where a group (row) has the element of that atomic number (column), else 0."""
        table = np.zeros((len(self.species), len(chemical_symbols)))
        for row, group in enumerate(self.species):
            table[row, [atomic_numbers[symbol] for symbol in group]] = 1.0
        return table

    def _cutoff(self, r_ang: np.ndarray) -> np.ndarray:
        weight: np.ndarray = 0.5 * (np.cos(np.pi * r_ang / self.r_cut_ang) + 1.0)
        return weight

    def _one_hot(self, absorber_z: int) -> np.ndarray:
        known = [atomic_numbers[symbol] for symbol in self.absorber_elements]
        if absorber_z not in known:
            raise DescriptorError(
                f"the descriptor does not know an absorber with Z = {absorber_z}; "
                f"it covers {', '.join(self.absorber_elements)}"
            )
        return np.array([float(z == absorber_z) for z in known])

    def _g4(self, z: np.ndarray, r: np.ndarray, x: np.ndarray, f_ij: np.ndarray) -> np.ndarray:
        """All G4 as one product: (widths, pairs) radial parts times (pairs, angles) parts."""
        if len(r) < 2 or not self.g4_width_ang:
            return np.zeros(len(self.g4_parameters))
        j, k = np.triu_indices(len(r), 1)
        r2 = r * r
        dot = (x @ x.T)[j, k]
        r2_sum = r2[j] + r2[k]
        r2_jk = np.maximum(r2_sum - 2.0 * dot, 0.0)
        r_jk = np.sqrt(r2_jk)
        f_jk = self._cutoff(r_jk)
        if self.clamp_r_jk:
            f_jk[r_jk >= self.r_cut_ang] = 0.0
        weight = (z * f_ij)[j] * (z * f_ij)[k] * f_jk
        cos_theta = dot / (r[j] * r[k])
        exponent = -0.5 / np.square(np.asarray(self.g4_width_ang))
        radial = np.exp(np.multiply.outer(exponent, r2_sum + r2_jk)) * weight
        angular = np.array([_angular(cos_theta, lam, self.g4_zeta) for lam in self.g4_lambda])
        product: np.ndarray = radial @ angular.reshape(-1, len(j)).T
        return product.ravel()


def _angular(cos_theta: np.ndarray, lam: float, zetas: Sequence[float]) -> np.ndarray:
    """2^(1-zeta) (1 + lambda cos theta)^zeta for each zeta, (n_zeta, n_pairs)."""
    base = np.maximum(1.0 + lam * cos_theta, 0.0)
    powers: dict[float, np.ndarray] = {}
    for zeta in sorted(zetas):
        half = powers.get(zeta / 2)  # 1, 2, 4, 8: squaring is far cheaper than a power
        powers[zeta] = half * half if half is not None else base**zeta
    return np.array([2.0 ** (1.0 - zeta) * powers[zeta] for zeta in zetas])


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return value if isinstance(value, str) else float(value)

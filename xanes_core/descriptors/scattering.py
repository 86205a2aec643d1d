"""The wave of the photoelectron scattered by the atoms around the absorber.

The fine structure of the absorber in a small cluster, by full multiple scattering::

    chi(E) = S_1(E) Tr[(1 - G T)^-1 G]_pp / 3,    t_l = (S_l - 1) / 2i,    S_l = exp(2 i delta_l)

with G the free propagator between atoms, T diagonal, and the trace over the three p waves of the
absorber. Source: Rehr and Albers, Rev. Mod. Phys. 72, 621 (2000), doi 10.1103/RevModPhys.72.621.
What makes a descriptor of it: the scattering matrices S_l(E) are those of the element
(:mod:`xanes_core.descriptors.phases`), not of the complex, so no potential has to be found.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import numpy as np
from ase.data import chemical_symbols
from ase.units import Bohr
from scipy.special import sph_harm_y

from xanes_core.descriptors.phases import PhaseTable, shipped_phases
from xanes_core.descriptors.sites import OfEnvironments
from xanes_core.errors import DescriptorError
from xanes_core.structures import Environment

#: Waves with l <= 1 leave the absorber and light scatterers, with l <= 2 those of third-row atoms.
_LIGHT_L, _HEAVY_L, _HEAVY_Z = 1, 2, 14
#: Waves (l, m) with l <= 1.
_N_LIGHT = (_LIGHT_L + 1) ** 2
_P_WAVES = slice(1, 4)


@dataclass(frozen=True)
class Scattering(OfEnvironments):
    """Multiple scattering as features: arcsinh of the real and of the imaginary part of chi(E).

    Attributes
    ----------
    phases : PhaseTable
        Scattering matrices of the elements, at the energies of the features.
    r_cut_ang : float
        Scatterers at this distance (A) and beyond are not seen; hydrogen never is.
    fade_ang : float
        Over this last stretch before the cut-off a scatterer fades in (A).
    """

    phases: PhaseTable = field(default_factory=shipped_phases, repr=False)
    r_cut_ang: float = 4.0
    fade_ang: float = 0.5

    def __post_init__(self) -> None:
        """Refuse distances for which the features have no meaning.

        Raises
        ------
        DescriptorError
            The cut-off is not positive, or the stretch is not positive or longer than it.
        """
        if not 0 < self.fade_ang <= self.r_cut_ang:
            raise DescriptorError("fade_ang must lie above 0 and at most at r_cut_ang")

    # --- what the features are ---------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of the convention."""
        return "multiple scattering"

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """Names, real parts first, in order of energy (on FEFF's scale, not relative to E0)."""
        return tuple(
            f"scattering {part} E={energy:+.1f} eV"
            for part in ("Re", "Im")
            for energy in self.phases.energy_ev
        )

    @property
    def n_features(self) -> int:
        """Two for each energy."""
        return 2 * len(self.phases.energy_ev)

    @property
    def feature_kinds(self) -> tuple[str, ...]:
        """All are ``scattering``."""
        return ("scattering",) * self.n_features

    @cached_property
    def feature_distances_ang(self) -> np.ndarray:
        """NaN: every feature looks at all distances."""
        distances = np.full(self.n_features, np.nan)
        distances.setflags(write=False)
        return distances

    @property
    def absorber_elements(self) -> tuple[str, ...]:
        """None is told by a feature of its own."""
        return ()

    def parameters(self) -> dict[str, Any]:
        """Parameters as plain values, for a model card."""
        return {
            "name": self.name,
            "r_cut_ang": self.r_cut_ang,
            "fade_ang": self.fade_ang,
            "energy_ev": self.phases.energy_ev.tolist(),
            "phases_sha256": self.phases.sha256,
        }

    # --- the transform -----------------------------------------------------------------------

    def transform_environment(self, env: Environment) -> np.ndarray:
        """Features (n_features,) of an environment with neighbours up to ``r_cut_ang``.

        Raises
        ------
        DescriptorError
            As :meth:`chi`.
        """
        chi = self.chi(env)
        features: np.ndarray = np.arcsinh(np.concatenate([chi.real, chi.imag]))
        return features

    def chi(self, env: Environment) -> np.ndarray:
        """Fine structure chi(E) of an environment, (n_energies,) complex.

        Raises
        ------
        DescriptorError
            There are no phase shifts of the absorber, or an atom lies on another.
        """
        symbol = chemical_symbols[env.absorber_z]
        if symbol not in self.phases.absorbers:
            raise DescriptorError(
                f"there are no phase shifts of {symbol} as an absorber; "
                f"there are of {', '.join(self.phases.absorbers)}"
            )
        seen = (env.numbers > 1) & (env.distances_ang < self.r_cut_ang)
        cluster = _Cluster(
            env.positions_ang[seen] / Bohr, env.numbers[seen], self._share(env.distances_ang[seen])
        )
        return cluster.chi(self.phases, symbol)

    def _share(self, r_ang: np.ndarray) -> np.ndarray:
        """How much of a scatterer at this distance is switched on: smoothstep, 1 to 0."""
        inside = np.clip((self.r_cut_ang - r_ang) / self.fade_ang, 0.0, 1.0)
        share: np.ndarray = inside * inside * (3.0 - 2.0 * inside)
        return share


class _Cluster:
    """Scatterers around an absorber, light ones first.

    Matrices have one row for each wave (l, m) of each atom. Waves carry a factor i^l, so that
    propagators are spherical Hankel functions times real numbers; the trace does not feel it.
    """

    def __init__(self, positions_au: np.ndarray, numbers: np.ndarray, share: np.ndarray) -> None:
        order = np.argsort(numbers >= _HEAVY_Z, kind="stable")
        self.positions_au = np.concatenate([np.zeros((1, 3)), positions_au[order]])
        self.numbers, self.share = numbers[order], share[order]
        self.n_heavy = int((numbers >= _HEAVY_Z).sum())
        self.n_light = len(self.positions_au) - self.n_heavy  # with the absorber

    def chi(self, phases: PhaseTable, absorber: str) -> np.ndarray:
        """Fine structure at the energies of the phases."""
        own = phases.absorber(absorber).astype(np.complex128)
        if not len(self.numbers):
            return np.zeros(len(own), dtype=np.complex128)
        propagators = self._propagators(phases.momentum_au)
        t = self._scatterers(phases)
        outward = propagators[:, :_N_LIGHT, _N_LIGHT:] * t[:, None, :]
        back = propagators[:, _N_LIGHT:, :_N_LIGHT]
        steps = propagators[:, _N_LIGHT:, _N_LIGHT:] * -t[:, None, :]
        diagonal = np.arange(steps.shape[1])
        steps[:, diagonal, diagonal] += 1.0
        # paths that leave the absorber, meet scatterers alone and come back; single precision is
        # good to 1e-6 here, and twice as fast
        excursion = np.matmul(outward, np.linalg.solve(steps, back)).astype(np.complex128)
        t_own = np.repeat(_t(own[:, : _LIGHT_L + 1]), _per_l(_LIGHT_L), axis=1)
        again = np.eye(_N_LIGHT) - excursion * t_own[:, None, :]
        full = np.linalg.solve(again, excursion)
        p_waves = np.trace(full[:, _P_WAVES, _P_WAVES], axis1=1, axis2=2)
        chi: np.ndarray = own[:, 1] * p_waves / 3.0
        return chi

    def _scatterers(self, phases: PhaseTable) -> np.ndarray:
        """Diagonal of T without the absorber, (n_energies, n_waves) complex64."""
        t = _t(np.array([phases.scatterer(z) for z in self.numbers])) * self.share[:, None, None]
        light, heavy = t[: self.n_light - 1, :, : _LIGHT_L + 1], t[self.n_light - 1 :]
        parts = [
            np.repeat(part, _per_l(l_max), axis=2).transpose(1, 0, 2).reshape(t.shape[1], -1)
            for part, l_max in ((light, _LIGHT_L), (heavy, _HEAVY_L))
        ]
        return np.concatenate(parts, axis=1).astype(np.complex64)

    def _propagators(self, momentum_au: np.ndarray) -> np.ndarray:
        """G between all waves, the absorber's first, (n_energies, n_waves, n_waves) complex64."""
        l_max = _HEAVY_L if self.n_heavy else _LIGHT_L
        vectors = self.positions_au[None, :, :] - self.positions_au[:, None, :]
        distance = np.linalg.norm(vectors, axis=-1)
        apart = ~np.eye(len(distance), dtype=bool)
        if not (distance[apart] > 0).all():
            raise DescriptorError("two atoms lie on each other; remove the one written twice")
        distance[~apart] = 1.0
        vectors[~apart] = (0.0, 0.0, 1.0)
        waves = _real_harmonics(vectors / distance[..., None], 2 * l_max).astype(np.float32)
        radial = _outgoing(momentum_au, distance, 2 * l_max)
        radial[~apart] = 0.0
        sizes = (self.n_light * _N_LIGHT, self.n_heavy * _per_l(_HEAVY_L).sum())
        n_energies = len(momentum_au)
        total = np.empty((n_energies, sum(sizes), sum(sizes)), dtype=np.complex64)
        atoms = (slice(0, self.n_light), slice(self.n_light, None))
        rows = (slice(0, sizes[0]), slice(sizes[0], None))
        for first, second in ((0, 0), (0, 1), (1, 0), (1, 1)):
            pairs = (atoms[first], atoms[second])
            if not sizes[first] or not sizes[second]:
                continue
            block = _between(waves[pairs], radial[pairs], (_LIGHT_L + first, _LIGHT_L + second))
            total[:, rows[first], rows[second]] = block.reshape(
                n_energies, sizes[first], sizes[second]
            )
        return total


def _between(waves: np.ndarray, radial: np.ndarray, l_max: tuple[int, int]) -> np.ndarray:
    """Propagators of all pairs of two sets of atoms, complex64.

    (n_energies, i, waves of i, j, waves of j)
    """
    i, j = radial.shape[:2]
    n = [(top + 1) ** 2 for top in l_max]
    top = sum(l_max)
    angular = np.empty((i * j, n[0] * n[1], top + 1), dtype=np.float32)
    flat = waves.reshape(i * j, -1)
    for order, gaunt in enumerate(_gaunt(*l_max)):
        angular[:, :, order] = flat[:, _waves_of(order)] @ gaunt
    reals = radial[:, :, : top + 1].reshape(i * j, top + 1, -1).view(np.float32)
    pairs = np.matmul(angular, reals).view(np.complex64).reshape(i, j, *n, -1)
    by_energy: np.ndarray = pairs.transpose(4, 0, 2, 1, 3)
    return by_energy


def _t(s: np.ndarray) -> np.ndarray:
    """Scattering amplitude t_l of a scattering matrix S_l."""
    amplitude: np.ndarray = (s - 1.0) / 2j
    return amplitude


def _waves_of(order: int) -> slice:
    """Where the waves of one l are."""
    return slice(order**2, (order + 1) ** 2)


def _per_l(l_max: int) -> np.ndarray:
    """Number of waves m of each l."""
    return 2 * np.arange(l_max + 1) + 1


def _outgoing(momentum_au: np.ndarray, distance_au: np.ndarray, l_max: int) -> np.ndarray:
    """4 pi i i^-l h_l(p R) with the spherical Hankel functions of the first kind.

    By upward recurrence, which is stable for them; (i, j, l, n_energies) complex64.
    """
    z = distance_au[..., None] * momentum_au
    inverse = 1.0 / z
    h = [-1j * np.exp(1j * z) * inverse]
    h.append(h[0] * (inverse - 1j))
    for order in range(1, l_max):
        h.append((2 * order + 1) * inverse * h[order] - h[order - 1])
    scaled = np.empty((*distance_au.shape, l_max + 1, len(momentum_au)), dtype=np.complex64)
    for order in range(l_max + 1):
        scaled[:, :, order] = 4j * np.pi * (-1j) ** order * h[order]
    return scaled


def _real_harmonics(directions: np.ndarray, l_max: int) -> np.ndarray:
    """Real spherical harmonics (..., (l_max + 1)^2) of unit vectors (..., 3).

    Ordered by l, then m from -l to l; without the sign of Condon and Shortley.
    """
    theta = np.arccos(np.clip(directions[..., 2], -1.0, 1.0))
    phi = np.arctan2(directions[..., 1], directions[..., 0])
    waves = np.empty((*theta.shape, (l_max + 1) ** 2))
    for order in range(l_max + 1):
        zero = order * order + order
        for m in range(order + 1):
            value = sph_harm_y(order, m, theta, phi)
            factor = (-1.0) ** m * np.sqrt(2.0) if m else 1.0
            waves[..., zero + m] = factor * value.real
            if m:
                waves[..., zero - m] = factor * value.imag
    return waves


@cache
def _gaunt(first: int, second: int) -> tuple[np.ndarray, ...]:
    """Integrals of three real harmonics, by the l of the third: (2 l + 1, waves * waves) each.

    By Gauss-Legendre quadrature in cos(theta) and equal steps in phi, exact for polynomials.
    """
    cosines, weights = np.polynomial.legendre.leggauss(12)
    phi = 2.0 * np.pi * np.arange(24) / 24
    sines = np.sqrt(1.0 - cosines**2)
    directions = np.stack(
        [
            np.outer(sines, np.cos(phi)),
            np.outer(sines, np.sin(phi)),
            np.outer(cosines, np.ones_like(phi)),
        ],
        axis=-1,
    )
    waves = _real_harmonics(directions, first + second).reshape(len(weights) * len(phi), -1)
    weight = np.repeat(weights, len(phi)) * 2.0 * np.pi / len(phi)
    table = np.einsum(
        "pc,pa,pb,p->cab",
        waves, waves[:, : (first + 1) ** 2], waves[:, : (second + 1) ** 2], weight,
        optimize=True,
    )  # fmt: skip
    flat = table.reshape(len(table), -1).astype(np.float32)
    return tuple(flat[_waves_of(order)] for order in range(first + second + 1))

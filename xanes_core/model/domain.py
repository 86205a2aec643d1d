"""Is a structure like those the model was trained on? A verdict in words, with reasons.

Two measures, each in units of what is usual inside the training set: the distance to the nearest
training sample in the space of scaled features (95 % of training samples have another one nearer
than 1), and the disagreement of the networks (for 95 % of training samples, predicted by networks
that had not seen them, it is below 1). Where the training structures are known, their coordination
numbers, neighbour elements and bond lengths are compared too: these are reasons a chemist can act
on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np
from ase.data import chemical_symbols
from scipy.spatial.distance import cdist

from xanes_core.errors import ModelError
from xanes_core.model.card import JsonObject
from xanes_core.structures import Environment, bond_limit_ang, coordination_number

VERDICTS = ("in domain", "at the edge", "outside")
#: The verdicts as they are shown: an edge is something else in X-ray spectroscopy.
VERDICT_TITLES: Mapping[str, str] = MappingProxyType(
    {
        "in domain": "within the training data",
        "at the edge": "near the limit of the training data",
        "outside": "outside the training data",
    }
)
#: Scores up to the first are in domain, up to the second at the edge, above it outside.
SCORE_LIMITS = (1.0, 1.25)
#: Bond lengths this far outside the training range are remarked on (A).
BOND_MARGIN_ANG = 0.03


@dataclass(frozen=True)
class DomainVerdict:
    """How far to trust a prediction, in words.

    Attributes
    ----------
    level : str
        ``in domain``, ``at the edge`` or ``outside``.
    score : float
        Distance to the nearest training sample; 1 is the 95th percentile inside the set.
    reasons : tuple of str
        Plain sentences, the most important first.
    """

    level: str
    score: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Domain:
    """What the model was trained on.

    Attributes
    ----------
    features : numpy.ndarray, (n, d)
        Scaled features of the training samples, float16.
    unit : float
        95th percentile of the distance from a training sample to its nearest other one.
    chemistry : mapping
        ``coordination`` (element -> {number: count}), ``bonds`` ("Fe-N" -> [shortest, longest] in
        A) and ``neighbours`` (list of elements within the cut-off); empty where unknown.
    spread_unit : float
        95th percentile of the disagreement, see :func:`disagreement`; infinite where unknown.
    """

    features: np.ndarray
    unit: float
    chemistry: JsonObject = field(default_factory=dict)
    spread_unit: float = float("inf")

    def scores(self, scaled: np.ndarray) -> np.ndarray:
        """Distance of scaled features (n, d) to the nearest training sample, (n,)."""
        return np.asarray(cdist(scaled, self._reference).min(axis=1) / self.unit)

    @cached_property
    def _reference(self) -> np.ndarray:
        return self.features.astype(np.float64)

    def verdicts(
        self,
        scaled: np.ndarray,
        envs: Sequence[Environment] | None = None,
        spread: np.ndarray | None = None,
    ) -> list[DomainVerdict]:
        """Verdicts on n samples.

        Parameters
        ----------
        scaled : numpy.ndarray, (n, d)
            Scaled features.
        envs : sequence of Environment, (n,), optional
            Their environments, for reasons from chemistry.
        spread : numpy.ndarray, (n, k), optional
            Raw standard deviations over the networks.
        """
        scores = self.scores(scaled)
        apart = np.zeros(len(scores)) if spread is None else disagreement(spread) / self.spread_unit
        around: Sequence[Environment | None] = envs or [None] * len(scores)
        return [
            self._verdict(*one) for one in zip(scores.tolist(), apart.tolist(), around, strict=True)
        ]

    def _verdict(self, score: float, apart: float, env: Environment | None) -> DomainVerdict:
        rank = int(np.searchsorted(SCORE_LIMITS, score))
        weighed = [(rank, _distance_reason(score, rank))]
        if apart > SCORE_LIMITS[0]:
            text = f"the networks disagree on it ({apart:.2f}; up to 1 is usual)"
            weighed.append((int(np.searchsorted(SCORE_LIMITS, apart)), text))
        if env is not None and self.chemistry:
            weighed += self._chemistry_reasons(env)
        worst = max(weight for weight, _ in weighed)
        if worst:  # of equal weight, a chemist can act on chemistry rather than on a distance
            weighed = weighed[1:] + weighed[:1]
        reasons = tuple(text for _, text in sorted(weighed, key=lambda pair: -pair[0]))
        return DomainVerdict(level=VERDICTS[worst], score=score, reasons=reasons)

    def _chemistry_reasons(self, env: Environment) -> list[tuple[int, str]]:
        element = chemical_symbols[env.absorber_z]
        weighed = []
        seen = set(self.chemistry["neighbours"])
        for symbol in sorted({chemical_symbols[z] for z in env.numbers} - seen):
            near = env.distances_ang[env.numbers == chemical_symbols.index(symbol)].min()
            bonded = near <= bond_limit_ang(env.absorber_z, chemical_symbols.index(symbol))
            weighed.append(
                (2 if bonded else 1, f"{symbol} at {near:.2f} A: no training structure has it")
            )
        weighed += self._bond_reasons(env, element)
        number = coordination_number(env)
        counts = {int(k): v for k, v in self.chemistry["coordination"].get(element, {}).items()}
        total, same = sum(counts.values()), counts.get(number, 0)
        text = f"coordination number {number}: {same} of {total} {element} training structures"
        weighed.append((0 if same else 1, text))
        return weighed

    def _bond_reasons(self, env: Environment, element: str) -> list[tuple[int, str]]:
        weighed = []
        for z in sorted(set(env.numbers.tolist())):
            r = env.distances_ang[env.numbers == z]
            r = r[r <= bond_limit_ang(env.absorber_z, z)]
            pair = f"{element}-{chemical_symbols[z]}"
            if not len(r):
                continue
            if pair not in self.chemistry["bonds"]:
                if chemical_symbols[z] in self.chemistry["neighbours"]:
                    weighed.append((1, f"{pair} bond of {r.min():.2f} A: no such bond in training"))
                continue
            low, high = self.chemistry["bonds"][pair]
            # equal lengths differ in their last digits and would be said twice
            for value in sorted({round(float(r.min()), 2), round(float(r.max()), 2)}):
                if value < low - BOND_MARGIN_ANG or value > high + BOND_MARGIN_ANG:
                    known = f"the {low:.2f} to {high:.2f} A"
                    if f"{low:.2f}" == f"{high:.2f}":
                        known = f"the only {low:.2f} A"
                    weighed.append((1, f"{pair} {value:.2f} A is outside {known} of training"))
        return weighed

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Arrays for ``weights.npz``; the chemistry goes into the card."""
        return {
            "domain_features": self.features,
            "domain_unit": np.array(self.unit),
            "domain_spread_unit": np.array(self.spread_unit),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray], chemistry: JsonObject) -> Domain:
        """Inverse of :meth:`to_arrays`.

        Raises
        ------
        ModelError
            An array is missing.
        """
        try:
            return cls(
                arrays["domain_features"],
                float(arrays["domain_unit"]),
                chemistry,
                float(arrays["domain_spread_unit"]),
            )
        except KeyError as error:
            raise ModelError(f"the model's domain data lack {error}") from error


def disagreement(spread: np.ndarray) -> np.ndarray:
    """Root mean square over energies of the spread over networks, (n, k) -> (n,)."""
    return np.asarray(np.sqrt(np.mean(np.square(spread), axis=-1)))


def fit_domain(
    scaled: np.ndarray,
    envs: Sequence[Environment] | None = None,
    *,
    spread_unit: float = float("inf"),
) -> Domain:
    """Describe a training set.

    Parameters
    ----------
    scaled : numpy.ndarray, (n, d)
        Scaled features.
    envs : sequence of Environment, (n,), optional
        Of the absorbers, where the structures are known.
    spread_unit : float, optional
        See :class:`Domain`.

    Raises
    ------
    ModelError
        Fewer than two samples, or samples all alike.
    """
    kept = scaled.astype(np.float16)
    distances = cdist(kept.astype(np.float32), kept.astype(np.float32))
    np.fill_diagonal(distances, np.inf)
    nearest = distances.min(axis=1, initial=np.inf)
    unit = float(np.quantile(nearest, 0.95)) if len(kept) > 1 else 0.0
    if unit == 0:
        raise ModelError("a training set needs samples that differ, to tell what is near them")
    return Domain(kept, unit, {} if envs is None else _chemistry(envs), spread_unit)


def _chemistry(environments: Sequence[Environment]) -> JsonObject:
    coordination: dict[str, Counter[int]] = {}
    bonds: dict[str, list[float]] = {}
    neighbours: set[str] = set()
    for env in environments:
        element = chemical_symbols[env.absorber_z]
        coordination.setdefault(element, Counter())[coordination_number(env)] += 1
        neighbours |= {chemical_symbols[z] for z in env.numbers}
        for z, r in zip(env.numbers, env.distances_ang, strict=True):
            if r <= bond_limit_ang(env.absorber_z, z):
                bonds.setdefault(f"{element}-{chemical_symbols[z]}", []).append(float(r))
    return {
        "coordination": {
            el: {str(k): v for k, v in sorted(c.items())} for el, c in coordination.items()
        },
        "bonds": {pair: [round(min(r), 3), round(max(r), 3)] for pair, r in sorted(bonds.items())},
        "neighbours": sorted(neighbours),
    }


def _distance_reason(score: float, rank: int) -> str:
    opening = (
        "similar structures are in training",
        "few similar structures are in training",
        "nothing similar is in training",
    )[rank]
    return f"{opening} (distance {score:.2f}; up to 1 is usual)"

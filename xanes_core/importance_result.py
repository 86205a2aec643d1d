"""Permutation importance as numbers: per feature and energy, with its repeats, and by window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xanes_core.errors import ModelError, SpectrumError

_SCALED = ("raw", "parts")
_STORED = (*_SCALED, "scale", "names", "base_error", "error", "n_samples", "seed")


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
        return self.raw.mean(axis=0)

    @property
    def standard_error(self) -> np.ndarray:
        """Standard error of the mean over repeats.

        It tells how well the scrambling is averaged for these samples, not how the numbers would
        change with other samples: see :attr:`sampling_error`.
        """
        return self.raw.std(axis=0, ddof=1) / np.sqrt(len(self.raw))

    @property
    def sampling_error(self) -> np.ndarray:
        """Standard error of the mean for other samples of the same kind, from the parts.

        Usually a few times larger than :attr:`standard_error`: the one to use for saying that two
        numbers differ. Source: first-order variance of a U-statistic, Hoeffding, Ann. Math. Stat.
        19, 293 (1948), doi 10.1214/aoms/1177730196.
        """
        return self.parts.std(axis=0, ddof=1) / np.sqrt(len(self.parts))


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
            found = {name: arrays[f"{prefix}_{name}"] for name in _STORED}
        except KeyError as error:
            raise ModelError(f"the model's importance data lack {error}") from error
        names = tuple(str(name) for name in found["names"])
        raw, parts = (found[key].astype(np.float64) * float(found["scale"]) for key in _SCALED)
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
            base_error=found["base_error"].astype(np.float64),
            error=str(found["error"]),
            n_samples=int(found["n_samples"]),
            seed=int(found["seed"]),
        )

"""Numbers read off a curve, over an ensemble: who agrees on them, and what the others see.

A mean over members of which most have their highest maximum at 39 eV and a few at 19 eV is a place
where none of them has one. So the number is that of the mean curve; the spread is that of the
members that see the same feature, and the others are named with what they see instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike

from xanes_core.errors import SpectrumError
from xanes_core.spectra.edge_features import SpectralFeatures, spectral_features
from xanes_core.spectra.emission import EmissionFeatures
from xanes_core.spectra.spectrum import as_curves

#: Two members see the same feature where no gap wider than this (eV) lies between them. Of the
#: 2,502 FEFF10 spectra of the training set 1,603 have a maximum beside the white line, and none has
#: it nearer than 3.3 eV: what is further apart is another maximum, what is nearer the same one.
SAME_FEATURE_EV = 3.0


@dataclass(frozen=True)
class FeatureGroup:
    """Members that see one feature at one place: mean, spread (NaN for one member), and number."""

    value: float
    spread: float
    n_members: int


@dataclass(frozen=True)
class FeatureEstimate:
    """One feature over an ensemble.

    Attributes
    ----------
    name : str
        As the reader of the features calls it.
    value : float
        Of the mean curve; NaN where it shows none, or fewer than half of the members see it there.
    spread : float
        Sample standard deviation over the members that see it there; NaN for fewer than two.
    n_agreeing, n_members : int
        Members that see it there, and all.
    others : tuple of FeatureGroup
        Where further members see one, the largest group first; those of an energy only.
    values : numpy.ndarray, (m,)
        Of each member; NaN where it shows none.
    """

    name: str
    value: float
    spread: float
    n_agreeing: int
    n_members: int
    others: tuple[FeatureGroup, ...]
    values: np.ndarray

    @property
    def share(self) -> float:
        """Share of the members that see the feature where the mean curve has it."""
        return self.n_agreeing / self.n_members


def features_with_uncertainty(
    energy_rel_ev: ArrayLike,
    members: ArrayLike,
    *,
    mean: ArrayLike | None = None,
    read: Callable[[ArrayLike, ArrayLike], SpectralFeatures | EmissionFeatures] = spectral_features,
) -> dict[str, FeatureEstimate]:
    """Features of the mean of an ensemble, who of its members agrees, and what the others see.

    A height belongs to the energy it was read at, and takes the members that agree on that.

    Parameters
    ----------
    energy_rel_ev : array_like, (k,)
        Energies (eV).
    members : array_like, (m, k)
        One curve per member.
    mean : array_like, (k,), optional
        Curve that the values are read off; the mean of the members unless given.
    read : callable, optional
        Reads the features off one curve: :func:`spectral_features`, or
        :func:`xanes_core.spectra.emission_features` for emission.

    Returns
    -------
    dict of str to FeatureEstimate
        By the names of the features, in their order.

    Raises
    ------
    SpectrumError
        As ``read``; members without the shape (m, k).
    """
    (curves,) = as_curves(members)
    if curves.ndim != 2 or curves.shape[0] == 0:
        raise SpectrumError(f"members must have the shape (m, k), got {curves.shape}")
    centre = read(energy_rel_ev, curves.mean(axis=0) if mean is None else mean)
    features = [read(energy_rel_ev, row) for row in curves]
    estimates: dict[str, FeatureEstimate] = {}
    agreeing: dict[str, np.ndarray] = {}
    for name in (field.name for field in fields(centre)):
        values = np.array([getattr(one, name) for one in features])
        value, others = float(getattr(centre, name)), []
        if name.endswith("_ev"):
            groups = _groups(values)
            own = agreeing[name] = _of_mean(value, values, groups)
            is_common = 2 * own.size >= values.size
            others = [g for g in groups if not (is_common and np.array_equal(g, own))]
        else:
            own = agreeing[name.removesuffix("_height") + "_ev"]
            is_common = 2 * own.size >= values.size
        told = sorted((_group(values[g]) for g in others), key=lambda g: -g.n_members)
        spread = _group(values[own]).spread if own.size else math.nan
        value = value if is_common else math.nan
        estimates[name] = FeatureEstimate(
            name, value, spread, own.size, values.size, tuple(told), values
        )
    return estimates


def _groups(values: np.ndarray) -> list[np.ndarray]:
    """Members (indices) by where they see a feature: no gap inside a group, one between two."""
    order = np.argsort(values)  # NaN comes last
    shown = order[: int(np.isfinite(values).sum())]
    if not shown.size:
        return []
    return np.split(shown, np.flatnonzero(np.diff(values[shown]) > SAME_FEATURE_EV) + 1)


def _of_mean(value: float, values: np.ndarray, groups: list[np.ndarray]) -> np.ndarray:
    """The group that sees what the mean curve shows; empty where none does."""
    near = [(float(np.abs(values[group] - value).min()), group) for group in groups]
    distance, group = min(near, key=lambda pair: pair[0], default=(math.nan, None))
    if group is None or not distance <= SAME_FEATURE_EV:
        return np.array([], dtype=int)
    return group


def _group(values: np.ndarray) -> FeatureGroup:
    spread = float(values.std(ddof=1)) if values.size > 1 else math.nan
    return FeatureGroup(float(values.mean()), spread, values.size)

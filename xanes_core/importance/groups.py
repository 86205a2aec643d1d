"""What to scramble together: groups of features, derived from the descriptor.

Neighbouring features overlap (two G2 centres 0.16 A apart see the same atom), so one of them
scrambled alone is covered by the others. A group scrambled together shows what is lost with all of
them. Groups of one grouping do not overlap; not every feature is in one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xanes_core.descriptors import Descriptor
from xanes_core.errors import DescriptorError


@dataclass(frozen=True)
class Shell:
    """A range of distances from the absorber, ``low_ang <= r < high_ang`` (A)."""

    name: str
    low_ang: float
    high_ang: float

    @property
    def label(self) -> str:
        """Name with its range."""
        if np.isinf(self.high_ang):
            return f"{self.name} (from {self.low_ang:g} A)"
        return f"{self.name} ({self.low_ang:g} to {self.high_ang:g} A)"


#: Bounds lie at the two minima (2.5 and 3.75 A) of the r_ij histogram of the FEFF10 training set:
#: up to the first are bonds to the absorber, up to the second mostly atoms bonded to those.
SHELLS = (
    Shell("first coordination", 0.0, 2.5),
    Shell("second shell", 2.5, 3.75),
    Shell("further", 3.75, np.inf),
)


#: What a feature of each kind tells, by the labels of the grouping ``kind``.
MEANINGS = {
    "G1": "how many atoms are near, whatever they are",
    "G2": "how much atomic number lies at each distance",
    "G4": "which angles pairs of neighbours make at the absorber",
    "species": "how many atoms of an element or of a few elements lie at each distance",
    "paths": "lengths of ways over two neighbours, and whether they are straight",
    "scattering": "the wave that the cluster sends back to the absorber at an energy",
    "absorber": "which element absorbs",
}


def shell_of(distances_ang: np.ndarray) -> np.ndarray:
    """Index into ``SHELLS`` of each distance (A), same shape."""
    return np.searchsorted([shell.high_ang for shell in SHELLS], distances_ang, side="right")


def feature_groups(descriptor: Descriptor, grouping: str = "none") -> dict[str, list[int]]:
    """Features of a descriptor, grouped.

    Parameters
    ----------
    descriptor : Descriptor
        What the features are.
    grouping : {"none", "kind", "distance", "shell", "species", "angle"}
        ``none``: every feature by itself, by its name. ``kind``: those of ``MEANINGS``.
        ``distance``: all G2 of one centre mu, resolved or not, so that none of them answers for
        the others. ``shell``: all G2 whose centre lies in one of ``SHELLS``, paths by their half
        length, and multiple scattering, which sees all shells at once (G1 and G4 do too and belong
        to none). ``species``: the G2 resolved for each group of elements. ``angle``: G4 by lambda
        and zeta.

    Returns
    -------
    dict of str to list of int
        Columns of each group, in feature order; for :func:`xanes_core.importance.cross_importance`.

    Raises
    ------
    DescriptorError
        Unknown grouping, or the descriptor has no features for it.
    """
    if grouping not in _LABELS:
        raise DescriptorError(
            f"unknown grouping {grouping!r}; choose one of {', '.join(GROUPINGS)}"
        )
    groups: dict[str, list[int]] = {}
    for column, label in enumerate(_LABELS[grouping](descriptor)):
        if label is not None:
            groups.setdefault(label, []).append(column)
    if not groups:
        raise DescriptorError(
            f"convention {descriptor.name!r} has no features to group by {grouping}; "
            "choose another grouping or model"
        )
    return groups


def _by_name(descriptor: Descriptor) -> list[str | None]:
    return list(descriptor.feature_names)


def _by_kind(descriptor: Descriptor) -> list[str | None]:
    merged = {"G2": "species", "path": "paths"}
    return [
        merged[kind.partition("[")[0]] if "[" in kind else kind for kind in descriptor.feature_kinds
    ]


def _by_distance(descriptor: Descriptor) -> list[str | None]:
    return [None if np.isnan(mu) else f"mu={mu:.2f} A" for mu in descriptor.feature_distances_ang]


def _by_shell(descriptor: Descriptor) -> list[str | None]:
    centres = descriptor.feature_distances_ang
    labels = [
        None if np.isnan(mu) else SHELLS[shell].label
        for mu, shell in zip(centres, shell_of(np.nan_to_num(centres)), strict=True)
    ]
    for column, kind in enumerate(descriptor.feature_kinds):
        if kind == "scattering":
            labels[column] = "multiple scattering"
        elif kind.startswith("path["):
            labels[column] = _path_label(descriptor.feature_names[column])
    return labels


def _path_label(name: str) -> str:
    """Shell that the half length of a path, told in its name, lies in."""
    half_ang = float(name.rpartition("R=")[2].removesuffix(" A"))
    return f"paths, {SHELLS[int(shell_of(np.array(half_ang)))].label}"


def _by_species(descriptor: Descriptor) -> list[str | None]:
    return [
        kind.removeprefix("G2[").removesuffix("]") if kind.startswith("G2[") else None
        for kind in descriptor.feature_kinds
    ]


def _by_angle(descriptor: Descriptor) -> list[str | None]:
    named = zip(descriptor.feature_names, descriptor.feature_kinds, strict=True)
    return [re.sub(r" width=\S+ A", "", name) if kind == "G4" else None for name, kind in named]


_LABELS: dict[str, Callable[[Descriptor], list[str | None]]] = {
    "none": _by_name,
    "kind": _by_kind,
    "distance": _by_distance,
    "shell": _by_shell,
    "species": _by_species,
    "angle": _by_angle,
}
GROUPINGS = tuple(_LABELS)

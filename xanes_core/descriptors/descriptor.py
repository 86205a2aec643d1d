"""What models ask of a descriptor, whichever it is, and where one is found by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Protocol

import numpy as np
from ase import Atoms

from xanes_core.descriptors.joined import Joined
from xanes_core.descriptors.wacsf import WACSF
from xanes_core.errors import DescriptorError
from xanes_core.structures import Environment

#: Kind of the features that tell the absorber's element, one each.
ABSORBER = "absorber"


class Descriptor(Protocol):
    """An absorber and its surroundings as a vector of fixed length."""

    @property
    def name(self) -> str:
        """Name of the convention, stored in model cards."""

    @property
    def r_cut_ang(self) -> float:
        """Atoms at this distance (A) and beyond are not seen."""

    @property
    def n_features(self) -> int:
        """Number of features; independent of the data."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Readable names, one per feature, in feature order."""

    @property
    def feature_kinds(self) -> tuple[str, ...]:
        """Kind of each feature: those of one kind are scaled together.

        ``absorber`` is that of features that are 1 for one element of the absorber and 0 for
        others, in the order of ``absorber_elements``.
        """

    @property
    def feature_distances_ang(self) -> np.ndarray:
        """Distance (A) that each feature looks at, NaN where it looks at many; (n_features,)."""

    @property
    def absorber_elements(self) -> tuple[str, ...]:
        """Elements of the absorber that features tell apart; empty for none."""

    def parameters(self) -> dict[str, Any]:
        """Parameters as plain values, for a model card."""

    def transform_environment(self, env: Environment) -> np.ndarray:
        """Features (n_features,) of an environment with neighbours up to ``r_cut_ang``."""

    def transform(self, atoms: Atoms, absorber: int = 0) -> np.ndarray:
        """Features (n_features,) of one absorber site."""

    def transform_many(self, sites: Iterable[tuple[Atoms, int]]) -> np.ndarray:
        """Features of many absorber sites, (n, n_features)."""


_CONVENTIONS: dict[str, Callable[[], Descriptor]] = {
    "xanesnet": WACSF.xanesnet,
    "default": WACSF.default,
    "scattering": Joined.scattering,
}
CONVENTIONS = tuple(_CONVENTIONS)


@cache
def descriptor_by_name(name: str) -> Descriptor:
    """Descriptor of the convention that a recipe or a stored model names; the same object always.

    Raises
    ------
    DescriptorError
        There is none of that name.
    """
    if name not in _CONVENTIONS:
        raise DescriptorError(
            f"unknown descriptor convention {name!r}; choose one of {', '.join(CONVENTIONS)}"
        )
    return _CONVENTIONS[name]()


def absorbers_of(descriptor: Descriptor, x: np.ndarray) -> np.ndarray | None:
    """Element of the absorber, read off features (n, n_features); (n,), or None where not told."""
    columns = [i for i, kind in enumerate(descriptor.feature_kinds) if kind == ABSORBER]
    if not columns:
        return None
    which = np.argmax(np.asarray(x)[:, columns], axis=1)
    elements: np.ndarray = np.take(descriptor.absorber_elements, which)
    return elements

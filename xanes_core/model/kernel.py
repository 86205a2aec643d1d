"""Kernel ridge regression that joins the networks of an ensemble.

Where a new structure has close relatives in the training set a kernel interpolates between their
spectra; where it has none the kernel falls back to the linear part. Its errors are only partly
those of the networks, so a blend is better than either (stacking: Wolpert, Neural Networks 5, 241
(1992)). The kernel is ``exp(-|a - b|_1 / length)`` of scaled features (Laplacian), which suits
spectra that are not smooth functions of the features.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.distance import cdist, pdist

#: Samples that the usual distance is taken from.
_LENGTH_SAMPLES = 400


@dataclass(frozen=True)
class KernelPart:
    """Fitted kernel ridge regression of q outputs on s samples of d scaled features.

    Attributes
    ----------
    support : numpy.ndarray, (s, d)
        Scaled features of the samples, weighted, float16.
    dual : numpy.ndarray, (s, q)
        Coefficients.
    length : float
        L1 distance over which the kernel falls to 1/e.
    share : float
        Weight of the kernel in the blend; the networks have the rest.
    weights : numpy.ndarray, (d,), or None
        What multiplies scaled features first; None for 1 throughout.
    """

    support: np.ndarray
    dual: np.ndarray
    length: float
    share: float
    weights: np.ndarray | None = None

    @cached_property
    def _support(self) -> np.ndarray:
        return self.support.astype(np.float64)

    def distances(self, a: np.ndarray, columns: np.ndarray | slice = slice(None)) -> np.ndarray:
        """L1 distance of scaled features (n, g) to the samples over these columns, (n, s)."""
        if self.weights is not None:
            a = a * self.weights[columns]
        distances: np.ndarray = cdist(a, self._support[:, columns], "cityblock")
        return distances

    def outputs(self, distances: np.ndarray) -> np.ndarray:
        """Outputs (n, q) for distances (n, s) over all columns."""
        outputs: np.ndarray = np.exp(distances / -self.length) @ self.dual
        return outputs

    def blend(self, networks: np.ndarray, distances: np.ndarray) -> np.ndarray:
        """Outputs of the networks (m, n, q), their mean moved towards the kernel's.

        All members move alike: the kernel says nothing of their spread.
        """
        towards: np.ndarray = self.outputs(distances) - networks.mean(axis=0)
        return networks + self.share * towards

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Arrays for ``weights.npz``."""
        arrays = {
            "kernel_support": self.support,
            "kernel_dual": self.dual.astype(np.float32),
            "kernel_length": np.array(self.length),
            "kernel_share": np.array(self.share),
        }
        return arrays if self.weights is None else {**arrays, "kernel_weights": self.weights}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> KernelPart | None:
        """Inverse of :meth:`to_arrays`; None for a model without a kernel.

        Raises
        ------
        KeyError
            It has one, but not all of it.
        """
        if "kernel_support" not in arrays:
            return None
        return cls(
            support=arrays["kernel_support"],
            dual=arrays["kernel_dual"],
            length=float(arrays["kernel_length"]),
            share=float(arrays["kernel_share"]),
            weights=arrays.get("kernel_weights"),
        )


def weighted(features: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Support of a kernel, (s, d) float16, from scaled features in half precision."""
    return features if weights is None else (features * weights).astype(np.float16)


def without_support(arrays: dict[str, np.ndarray], features: np.ndarray) -> dict[str, np.ndarray]:
    """Arrays without the support of a kernel, where it follows from features stored beside them."""
    support = arrays.get("kernel_support")
    if support is None or not np.array_equal(
        support, weighted(features, arrays.get("kernel_weights"))
    ):
        return arrays
    return {name: values for name, values in arrays.items() if name != "kernel_support"}


def with_support(arrays: dict[str, np.ndarray], features: np.ndarray) -> dict[str, np.ndarray]:
    """Inverse of :func:`without_support`."""
    if "kernel_dual" not in arrays or "kernel_support" in arrays:
        return arrays
    return {**arrays, "kernel_support": weighted(features, arrays.get("kernel_weights"))}


def fit_kernel(
    a: np.ndarray,
    targets: np.ndarray,
    *,
    alpha: float,
    share: float,
    weights: np.ndarray | None = None,
) -> KernelPart:
    """Fit to scaled features (n, d) and targets (n, q).

    Parameters
    ----------
    a, targets : numpy.ndarray
        Samples.
    alpha : float
        Penalty; above 0, so that the equations can be solved.
    share : float
        Weight in the blend.
    weights : numpy.ndarray, (d,), optional
        Of the features; 1 throughout if not given.

    Returns
    -------
    KernelPart
        Its length is the median distance between samples.
    """
    support = weighted(a.astype(np.float16), weights)
    spread = pdist(support[:: max(1, len(a) // _LENGTH_SAMPLES)].astype(np.float64), "cityblock")
    length = float(np.median(spread)) or 1.0
    part = KernelPart(support=support, dual=np.empty((0, 0)), length=length, share=share)
    gram = np.exp(part.distances(support.astype(np.float64)) / -length)  # weighted already
    gram[np.diag_indices_from(gram)] += alpha
    dual = cho_solve(cho_factor(gram, overwrite_a=True), targets.astype(np.float64))
    return replace(part, dual=dual.astype(np.float32), weights=weights)

"""Feature scaling: logarithm, then centre and divide by one scale per block of functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xanes_core.errors import DescriptorError


@dataclass(frozen=True)
class FeatureScaler:
    """``clip((log1p(max(x, 0)) - mean) / scale, -clip, clip)``.

    Dividing each feature by its own spread would blow up functions that hardly ever fire (a G2 at
    0.8 A) to the size of those that matter. So features of one block (all G1, all G2, all G4, each
    group of G2) share the largest spread among them.

    Attributes
    ----------
    mean, scale : numpy.ndarray, (d,)
        Of the logarithms over the training set.
    clip : float
        Bound on scaled values: far outside the training set the networks see no more than this.
    """

    mean: np.ndarray
    scale: np.ndarray
    clip: float = 6.0

    @classmethod
    def fit(
        cls,
        x: np.ndarray,
        blocks: tuple[str, ...],
        *,
        per_feature: bool = False,
        gain: float = 1.0,
        clip: float = 6.0,
    ) -> FeatureScaler:
        """Fit to training features.

        Parameters
        ----------
        x : numpy.ndarray, (n, d)
            Features.
        blocks : tuple of str, (d,)
            Block that each feature belongs to.
        per_feature : bool, optional
            Give each feature its own scale instead.
        gain : float, optional
            Multiplies all scaled values but those of the block ``absorber``: below 1, the element
            weighs more than the geometry and the networks start from smoother functions.
        clip : float, optional
            Bound on scaled values.

        Raises
        ------
        DescriptorError
            The shapes disagree.
        """
        x = np.asarray(x, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != len(blocks):
            raise DescriptorError(
                f"features of shape {x.shape} do not go with {len(blocks)} block names"
            )
        logs = np.log1p(np.maximum(x, 0.0))
        spread = logs.std(axis=0)
        scale = spread.copy()
        if not per_feature:
            names = np.array(blocks)
            for name in set(blocks):
                scale[names == name] = spread[names == name].max()
        scale[scale < 1e-12] = 1.0  # a feature that never changes carries nothing
        scale[np.array(blocks) != "absorber"] /= gain
        return cls(mean=logs.mean(axis=0), scale=scale, clip=clip)

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Scaled features, (n, d) float32; ``x`` is not modified."""
        logs = np.log1p(np.maximum(np.asarray(x, dtype=np.float64), 0.0))
        scaled: np.ndarray = np.clip((logs - self.mean) / self.scale, -self.clip, self.clip)
        return scaled.astype(np.float32)

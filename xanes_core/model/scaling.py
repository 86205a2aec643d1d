"""Feature scaling: logarithm, then centre and divide by one scale per block of functions.

Waves, which have a sign, are taken as they are and each by itself: all of them matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xanes_core.errors import DescriptorError

#: Blocks of features with a sign.
WAVES = ("scattering",)


@dataclass(frozen=True)
class FeatureScaler:
    """``clip((log1p(max(x, 0)) - mean) / scale, -clip, clip)``; waves without the logarithm.

    Dividing each feature by its own spread would blow up functions that hardly ever fire (a G2 at
    0.8 A) to the size of those that matter. So features of one block (all G1, all G2, all G4, each
    group of G2) share the largest spread among them.

    Attributes
    ----------
    mean, scale : numpy.ndarray, (d,)
        Of the logarithms over the training set.
    clip : float
        Bound on scaled values: far outside the training set the networks see no more than this.
    waves : numpy.ndarray of bool, (d,), or None
        Which features are waves; None for none.
    """

    mean: np.ndarray
    scale: np.ndarray
    clip: float = 6.0
    waves: np.ndarray | None = None

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
            Give each feature its own scale instead, as waves always have.
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
        waves = np.isin(blocks, WAVES) if set(WAVES) & set(blocks) else None
        values = _values(x, waves)
        spread = values.std(axis=0)
        scale = spread.copy()
        if not per_feature:
            names = np.array(blocks)
            for name in set(blocks) - set(WAVES):
                scale[names == name] = spread[names == name].max()
        scale[scale < 1e-12] = 1.0  # a feature that never changes carries nothing
        scale[np.array(blocks) != "absorber"] /= gain
        return cls(mean=values.mean(axis=0), scale=scale, clip=clip, waves=waves)

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Scaled features, (n, d) float32; ``x`` is not modified."""
        values = _values(np.asarray(x, dtype=np.float64), self.waves)
        scaled: np.ndarray = np.clip((values - self.mean) / self.scale, -self.clip, self.clip)
        return scaled.astype(np.float32)

    @property
    def kernel_weights(self) -> np.ndarray | None:
        """What a kernel multiplies scaled features by, (d,): a scale common to all waves.

        A network finds out which energies matter; a distance takes every feature for what it is,
        so there the waves that vary most count most. None where there are no waves.
        """
        if self.waves is None:
            return None
        weights = np.ones(len(self.scale))
        weights[self.waves] = self.scale[self.waves] / self.scale[self.waves].max()
        return weights


def _values(x: np.ndarray, waves: np.ndarray | None) -> np.ndarray:
    """Logarithms of features (n, d), waves as they are."""
    logs: np.ndarray = np.log1p(np.maximum(x, 0.0))
    if waves is not None:
        logs[:, waves] = x[:, waves]
    return logs

"""Ensembles of multilayer perceptrons, used without scikit-learn's objects.

A spectrum is predicted as a linear part plus networks on what the linear part leaves::

    mu(E) = intercept(E) + a . coef(:, E) + sum_q (net_q(a) + w (kernel_q(a) - mean_q(a))) C_q(E)

with ``a`` the scaled features, ``C`` the principal components of the training residuals, ``net``
one of the networks fitted by :mod:`xanes_core.training.fitting` and, for models that have one, the
``kernel`` of :mod:`xanes_core.model.kernel` with weight w (``mean`` is that of the networks). Where
the last energy is a position (:mod:`xanes_core.model.alignment`), the others are then moved by it.
Mean and spread over members are the prediction and its raw uncertainty.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xanes_core.errors import DescriptorError, ModelError
from xanes_core.model.alignment import restored
from xanes_core.model.kernel import KernelPart
from xanes_core.model.scaling import FeatureScaler

ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda x: np.maximum(x, 0.0, out=x),
    "tanh": lambda x: np.tanh(x, out=x),
}


@dataclass(frozen=True)
class Ensemble:
    """Stacked weights of fitted members; predicts with matrix products alone.

    Attributes
    ----------
    scaler : FeatureScaler
        Of d features.
    coef, intercept : numpy.ndarray, (d, k) and (k,)
        Linear part.
    components : numpy.ndarray, (q, k)
        What the networks' outputs multiply.
    weights, biases : tuple of numpy.ndarray
        Per layer (m, n_in, n_out) and (m, 1, n_out), m members.
    activation : str
        Of the hidden layers.
    kernel : KernelPart or None
        What joins every network, if anything.
    position_unit : float or None
        What one grid point counts in the last of the k columns, where that is a position.
    """

    scaler: FeatureScaler
    coef: np.ndarray
    intercept: np.ndarray
    components: np.ndarray
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    activation: str
    kernel: KernelPart | None = None
    position_unit: float | None = None

    @property
    def n_energies(self) -> int:
        """Number of energies of a spectrum."""
        return int(self.components.shape[1]) - (self.position_unit is not None)

    @property
    def n_features(self) -> int:
        """Number of features a sample must have."""
        return int(self.coef.shape[0])

    @property
    def n_members(self) -> int:
        """Number of networks."""
        return int(self.weights[0].shape[0])

    def check_features(self, x: np.ndarray) -> np.ndarray:
        """Return features as a float array (n, d), or say what is wrong with them.

        Raises
        ------
        DescriptorError
            Another number of features, or values that are no finite numbers.
        """
        try:
            x = np.asarray(x, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DescriptorError(f"features must be an array of numbers ({error})") from error
        if x.ndim != 2 or x.shape[1] != self.n_features:
            raise DescriptorError(
                f"features must have shape (n, {self.n_features}), got {x.shape}; "
                "compute them by the descriptor of the model's own convention (model.descriptor)"
            )
        if not np.isfinite(x).all():
            raise DescriptorError("features hold values that are not finite numbers")
        return x

    def predict_members(self, x: np.ndarray) -> np.ndarray:
        """Spectra of each member, (m, n, n_energies), for features ``x`` (n, d).

        Raises
        ------
        DescriptorError
            As :meth:`check_features`.
        """
        a = self.scaler.transform(self.check_features(x))
        return self.curves(self._outputs(a), a @ self.coef + self.intercept)

    def curves(self, outputs: np.ndarray, linear: np.ndarray) -> np.ndarray:
        """Spectra (..., n_energies) from outputs (..., q) and linear part (..., k)."""
        return restored(outputs @ self.components + linear, self.position_unit)

    def predict(self, x: np.ndarray, *, chunk: int = 256) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation over members, each (n, n_energies).

        Works in chunks of ``chunk`` samples, so it never holds the members' spectra of all.

        Raises
        ------
        DescriptorError
            As :meth:`check_features`.
        """
        x = self.check_features(x)
        mean = np.empty((len(x), self.n_energies))
        std = np.empty_like(mean)
        for start in range(0, len(x), chunk):
            part = slice(start, start + chunk)
            a = self.scaler.transform(x[part])
            outputs = self._outputs(a).astype(np.float64)
            members = self.curves(outputs, a @ self.coef + self.intercept)
            mean[part] = members.mean(axis=0)
            std[part] = members.std(axis=0, ddof=1)
        return mean, std

    def _outputs(self, a: np.ndarray) -> np.ndarray:
        """Outputs of the members, (m, n, q)."""
        hidden = a[None]
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            hidden = np.matmul(hidden, weight) + bias
            if layer < len(self.weights) - 1:
                hidden = ACTIVATIONS[self.activation](hidden)
        if self.kernel is None:
            return hidden
        return self.kernel.blend(hidden, self.kernel.distances(a))

    # --- storage -----------------------------------------------------------------------------

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Arrays for ``weights.npz``; networks in float32, or in float16 where that is exact."""
        arrays = {
            "scaler_mean": self.scaler.mean,
            "scaler_scale": self.scaler.scale,
            "scaler_clip": np.array(self.scaler.clip),
        }
        if self.scaler.waves is not None:
            arrays["scaler_waves"] = self.scaler.waves
        for name in ("coef", "intercept", "components"):
            arrays[name] = getattr(self, name).astype(np.float32)
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            half = weight.astype(np.float16)
            arrays[f"weight_{layer}"] = half if np.array_equal(half, weight) else weight
            arrays[f"bias_{layer}"] = bias.astype(np.float32)
        if self.position_unit is not None:
            arrays["position_unit"] = np.array(self.position_unit)
        return arrays if self.kernel is None else arrays | self.kernel.to_arrays()

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray], activation: str) -> Ensemble:
        """Inverse of :meth:`to_arrays`.

        Raises
        ------
        ModelError
            Arrays are missing or their shapes do not fit together.
        """
        try:
            n_layers = sum(name.startswith("weight_") for name in arrays)
            unit = float(arrays["position_unit"]) if "position_unit" in arrays else None
            ensemble = cls(
                scaler=FeatureScaler(
                    mean=arrays["scaler_mean"],
                    scale=arrays["scaler_scale"],
                    clip=float(arrays["scaler_clip"]),
                    waves=arrays.get("scaler_waves"),
                ),
                coef=arrays["coef"],
                intercept=arrays["intercept"],
                components=arrays["components"],
                weights=tuple(
                    arrays[f"weight_{layer}"].astype(np.float32) for layer in range(n_layers)
                ),
                biases=tuple(arrays[f"bias_{layer}"] for layer in range(n_layers)),
                activation=activation,
                kernel=KernelPart.from_arrays(arrays),
                position_unit=unit,
            )
            ensemble.predict(np.zeros((1, ensemble.n_features)))
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise ModelError(f"the model's weights do not fit together ({error})") from error
        return ensemble

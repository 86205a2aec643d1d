"""Fitting an ensemble with scikit-learn's ``MLPRegressor``.

Members differ in their seed and in the training samples they see, and may each see a random part
of the features (random subspaces: Ho, IEEE TPAMI 20, 832 (1998)).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor

from xanes_core.errors import ModelError
from xanes_core.model import ACTIVATIONS, ALIGNMENTS, Ensemble, FeatureScaler, aligned, fit_kernel

_RESAMPLING = ("bootstrap", "subsample", "none")


@dataclass(frozen=True)
class FitSettings:
    """Everything that decides a fit, apart from the data.

    Attributes
    ----------
    n_members, hidden, activation, alpha, batch_size, learning_rate, n_epochs
        Size of the ensemble and hyper-parameters of each ``MLPRegressor``.
    n_components
        Principal components kept of the residual spectra; 0 keeps every energy point.
    ridge_alpha
        Penalty of the linear part; None for the mean spectrum alone.
    feature_share
        Share of the features each member sees.
    resample, sample_share
        ``bootstrap`` (with replacement), ``subsample`` (``sample_share`` of the samples without
        replacement) or ``none``.
    per_feature_scale
        Scale every feature by itself instead of by block.
    gain, clip
        Of the scaling, see :class:`~xanes_core.model.FeatureScaler`.
    align, align_at
        Whether the position of a spectrum is an output of its own (``edge``, ``band`` or empty),
        and the grid point it is measured to or from, see :mod:`xanes_core.model.alignment`.
    kernel_share, kernel_alpha
        Weight of a kernel ridge regression in the blend with the networks (0 for none), and its
        penalty.
    seed
        Seed of everything random.
    """

    n_members: int = 20
    hidden: tuple[int, ...] = (128, 128)
    activation: str = "relu"
    alpha: float = 1e-4
    batch_size: int = 32
    learning_rate: float = 1e-3
    n_epochs: int = 40
    n_components: int = 20
    ridge_alpha: float | None = None
    feature_share: float = 1.0
    resample: str = "subsample"
    sample_share: float = 0.9
    per_feature_scale: bool = False
    gain: float = 0.5
    clip: float = 6.0
    align: str = ""
    align_at: int = 0
    kernel_share: float = 0.0
    kernel_alpha: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse settings nothing can be fitted with.

        Raises
        ------
        ModelError
            A setting is none of those there are, or lies outside its range.
        """
        if self.activation not in ACTIVATIONS:
            raise ModelError(
                f"activation {self.activation!r} is not one of {', '.join(ACTIVATIONS)}"
            )
        if self.resample not in _RESAMPLING:
            raise ModelError(f"resample {self.resample!r} is not one of {', '.join(_RESAMPLING)}")
        if self.align and self.align not in ALIGNMENTS:
            raise ModelError(
                f"align {self.align!r} is not one of {', '.join(ALIGNMENTS)}, or empty"
            )
        if self.n_members < 2:
            raise ModelError("an ensemble needs at least 2 members to have a spread")
        for name in ("feature_share", "sample_share"):
            if not 0 < getattr(self, name) <= 1:
                raise ModelError(f"{name} must be above 0 and at most 1")
        if not 0 <= self.kernel_share < 1:
            raise ModelError("kernel_share must be 0 or more and below 1: networks stay the core")
        for name in ("batch_size", "learning_rate", "n_epochs", "gain", "clip", "kernel_alpha"):
            if not getattr(self, name) > 0:
                raise ModelError(f"{name} must be above 0, not {getattr(self, name)}")
        for name in ("alpha", "n_components", "ridge_alpha", "align_at", "seed"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise ModelError(f"{name} must be 0 or more, not {value}")
        if not self.hidden or any(size < 1 for size in self.hidden):
            raise ModelError(f"hidden needs one or more layers of 1 or more, not {self.hidden}")

    def smaller(self, n_members: int) -> FitSettings:
        """Return the same settings with at most so many networks."""
        return replace(self, n_members=min(self.n_members, n_members))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a model card."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


def fit_ensemble(
    x: np.ndarray,
    y: np.ndarray,
    blocks: tuple[str, ...],
    settings: FitSettings | None = None,
    *,
    n_jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Ensemble, list[MLPRegressor]]:
    """Fit an ensemble.

    Parameters
    ----------
    x : numpy.ndarray, (n, d)
        Features.
    y : numpy.ndarray, (n, k)
        Spectra.
    blocks : tuple of str, (d,)
        Block of each feature, for the scaling.
    settings : FitSettings, optional
        Default settings if not given.
    n_jobs : int, optional
        Members fitted at the same time; does not change the result.
    progress : callable, optional
        Called as ``progress(done, total)`` after each member.

    Returns
    -------
    ensemble : Ensemble
        Ready to predict and to store.
    members : list of MLPRegressor
        The fitted networks, for tests. Each sees all features; those outside its share have weight
        zero in the ensemble.

    Raises
    ------
    ModelError
        Fewer than 10 samples, not as many spectra as samples, or values that are not finite.
    """
    settings = settings or FitSettings()
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if len(x) != len(y) or len(x) < 10:
        raise ModelError(
            f"a fit needs at least 10 samples with a spectrum each, got {len(x)} and {len(y)}"
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ModelError("features or spectra hold values that are not finite; leave those out")
    scaler = FeatureScaler.fit(
        x,
        blocks,
        per_feature=settings.per_feature_scale,
        gain=settings.gain,
        clip=settings.clip,
    )
    a, position_unit = scaler.transform(x), None
    if settings.align:
        y, position_unit = aligned(y, settings.align, settings.align_at)
    coef, intercept = _linear_part(a, y, settings.ridge_alpha)
    residual = y - (a @ coef + intercept)
    components, targets, unit = _targets(residual, settings.n_components)
    seeds = np.random.SeedSequence(settings.seed).spawn(settings.n_members)
    jobs = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_fit_member)(a, targets, settings, seed) for seed in seeds
    )
    fitted = []
    for done, member in enumerate(jobs, start=1):
        fitted.append(member)
        if progress is not None:
            progress(done, settings.n_members)
    kernel = None
    if settings.kernel_share:
        kernel = fit_kernel(
            a,
            targets,
            alpha=settings.kernel_alpha,
            share=settings.kernel_share,
            weights=scaler.kernel_weights,
        )
    weights, biases = _stack(fitted, a.shape[1])
    ensemble = Ensemble(
        scaler=scaler,
        coef=coef.astype(np.float32),
        intercept=intercept.astype(np.float32),
        components=(components * unit).astype(np.float32),
        weights=weights,
        biases=biases,
        activation=settings.activation,
        kernel=kernel,
        position_unit=position_unit,
    )
    return ensemble, [network for network, _ in fitted]


def _linear_part(
    a: np.ndarray, y: np.ndarray, ridge_alpha: float | None
) -> tuple[np.ndarray, np.ndarray]:
    if ridge_alpha is None:
        return np.zeros((a.shape[1], y.shape[1])), y.mean(axis=0)
    ridge = Ridge(alpha=ridge_alpha).fit(a.astype(np.float64), y)
    return ridge.coef_.T, ridge.intercept_


def _targets(residual: np.ndarray, n_components: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Components (q, k), scores scaled to unit variance over all of them (n, q), and the unit."""
    if n_components == 0:
        components, scores = np.eye(residual.shape[1]), residual
    else:
        count = min(n_components, *residual.shape)
        pca = PCA(n_components=count, svd_solver="full").fit(residual)
        components = pca.components_
        scores = residual @ components.T  # no centring: the linear part has an intercept
    unit = float(np.sqrt(np.mean(scores**2))) or 1.0
    return components, (scores / unit).astype(np.float32), unit


def _fit_member(
    a: np.ndarray, targets: np.ndarray, settings: FitSettings, seed: np.random.SeedSequence
) -> tuple[MLPRegressor, np.ndarray]:
    rng = np.random.default_rng(seed)
    n, d = a.shape
    kept: np.ndarray = np.arange(d)
    if settings.feature_share < 1:
        kept = np.sort(rng.permutation(d)[: max(1, round(settings.feature_share * d))])
    rows: np.ndarray = np.arange(n)
    if settings.resample == "bootstrap":
        rows = rng.integers(0, n, size=(n,))
    elif settings.resample == "subsample":
        rows = np.sort(rng.permutation(n)[: max(2, round(settings.sample_share * n))])
    network = MLPRegressor(
        hidden_layer_sizes=settings.hidden,
        activation=settings.activation,
        alpha=settings.alpha,
        batch_size=min(settings.batch_size, len(rows)),
        learning_rate_init=settings.learning_rate,
        max_iter=settings.n_epochs,
        n_iter_no_change=settings.n_epochs,
        tol=0.0,
        random_state=int(rng.integers(2**31)),
    )
    with warnings.catch_warnings():  # the number of epochs is a setting, not an accident
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(a[np.ix_(rows, kept)], targets[rows].squeeze())  # one target: no column
    # half precision halves the file; spectra change by less than 1e-4 edge steps
    network.coefs_ = [weight.astype(np.float16).astype(np.float32) for weight in network.coefs_]
    return network, kept


def _stack(
    fitted: list[tuple[MLPRegressor, np.ndarray]], n_features: int
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Weights and biases of each layer of all members, features that one does not see with 0."""
    weights, biases = [], []
    for layer in range(len(fitted[0][0].coefs_)):
        matrices = []
        for network, kept in fitted:
            matrix = network.coefs_[layer]
            if layer == 0:
                matrix = np.zeros((n_features, matrix.shape[1]), dtype=np.float32)
                matrix[kept] = network.coefs_[0]
            matrices.append(matrix)
        weights.append(np.array(matrices, dtype=np.float32))
        biases.append(np.array([[net.intercepts_[layer]] for net, _ in fitted], dtype=np.float32))
    return tuple(weights), tuple(biases)

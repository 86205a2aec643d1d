"""What a model has to beat: the mean spectrum, nearest neighbours and the published recipe.

Each baseline maps (x_train, y_train, elements_train, x_test, elements_test) to spectra of the test
samples. ``x`` holds the 97 ``xanesnet`` features; elements are told to those that can use them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_ridge import KernelRidge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from xanes_core.errors import DatasetError

Baseline = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def per_element(predict: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]) -> Baseline:
    """Fit ``predict(x_train, y_train, x_test)`` for every element on its own samples.

    What comes back raises DatasetError for an element without samples to fit to.
    """

    def baseline(
        x: np.ndarray,
        y: np.ndarray,
        elements: np.ndarray,
        x_test: np.ndarray,
        elements_test: np.ndarray,
    ) -> np.ndarray:
        result = np.empty((len(x_test), y.shape[1]))
        for element in np.unique(elements_test):
            train, test = elements == element, elements_test == element
            if not train.any():
                raise DatasetError(
                    f"there is no sample of {element} to fit to: all are held out or in one fold"
                )
            result[test] = predict(x[train], y[train], x_test[test])
        return result

    return baseline


def mean_spectrum(x: np.ndarray, y: np.ndarray, x_test: np.ndarray) -> np.ndarray:
    """Mean of the training spectra for everyone."""
    return np.tile(y.mean(axis=0), (len(x_test), 1))


def nearest_neighbours(x: np.ndarray, y: np.ndarray, x_test: np.ndarray) -> np.ndarray:
    """Distance-weighted mean of the five nearest training spectra (standardised features)."""
    scaler = StandardScaler().fit(x)
    count = min(5, len(x))
    model = KNeighborsRegressor(count, weights="distance").fit(scaler.transform(x), y)
    spectra: np.ndarray = model.predict(scaler.transform(x_test))
    return spectra


def kernel_ridge(x: np.ndarray, y: np.ndarray, x_test: np.ndarray) -> np.ndarray:
    """Kernel ridge regression with a Laplacian kernel on standardised features."""
    scaler, centre = StandardScaler().fit(x), y.mean(axis=0)
    model = KernelRidge(kernel="laplacian", gamma=1.0 / x.shape[1], alpha=0.01)
    model.fit(scaler.transform(x), y - centre)
    spectra: np.ndarray = model.predict(scaler.transform(x_test)) + centre
    return spectra


def reference_recipe(x: np.ndarray, y: np.ndarray, x_test: np.ndarray) -> np.ndarray:
    """One network as published: 512 x 512, ReLU, Adam, alpha 1e-4, batches of 32.

    Source: Rankine and Penfold, J. Chem. Phys. 156, 164102 (2022), doi 10.1063/5.0087255, as the
    project's design states it: standardised features, at most 512 iterations.
    """
    scaler = StandardScaler().fit(x)
    network = MLPRegressor(
        hidden_layer_sizes=(512, 512),
        alpha=1e-4,
        batch_size=min(32, len(x)),
        max_iter=512,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(scaler.transform(x), y)
    spectra: np.ndarray = network.predict(scaler.transform(x_test))
    return spectra


#: Name of the recipe that others are compared with.
REFERENCE = "reference recipe"
#: By the names used in reports. The recipe is fitted element by element, as it was published.
BASELINES: dict[str, Baseline] = {
    "mean spectrum of the element": per_element(mean_spectrum),
    "nearest neighbours": per_element(nearest_neighbours),
    REFERENCE: per_element(reference_recipe),
}

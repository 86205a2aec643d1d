"""The kernel part of an ensemble against scikit-learn's kernel ridge regression."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from xanes_core.model.ensemble import Ensemble
from xanes_core.model.kernel import KernelPart, fit_kernel, with_support, without_support
from xanes_core.training.fitting import FitSettings, fit_ensemble

TINY = FitSettings(n_members=3, hidden=(6,), n_epochs=4, n_components=4, learning_rate=0.01)
BLOCKS = ("G1", "G2", "G2", "G4", "absorber")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    x = rng.uniform(0, 3, (30, len(BLOCKS)))
    return x, np.sin(x[:, :1] * np.linspace(0, 2, 20)) + x[:, 1:2]


def scaled(n, seed):
    # exact in half precision, so that nothing but the mathematics is compared
    return np.random.default_rng(seed).integers(-8, 8, (n, 4)) / 8.0


@pytest.mark.parametrize("alpha", [1e-3, 0.5])
def test_it_is_kernel_ridge_regression(alpha):
    a, targets, others = scaled(25, 0), scaled(25, 1), scaled(9, 2)
    part = fit_kernel(a, targets, alpha=alpha, share=0.3)
    reference = KernelRidge(kernel="laplacian", gamma=1 / part.length, alpha=alpha)
    wanted = reference.fit(a, targets).predict(others)
    np.testing.assert_allclose(part.outputs(part.distances(others)), wanted, atol=1e-4)


def test_a_small_penalty_interpolates_and_far_away_nothing_is_left():
    a, targets = scaled(20, 4), scaled(20, 5)
    part = fit_kernel(a, targets, alpha=1e-9, share=0.5)
    np.testing.assert_allclose(part.outputs(part.distances(a)), targets, atol=1e-3)
    np.testing.assert_allclose(part.outputs(part.distances(a + 1e4)), 0.0, atol=1e-12)


def test_distances_over_columns_add_up():
    part = fit_kernel(scaled(12, 6), scaled(12, 7), alpha=0.1, share=0.5)
    a, first, last = scaled(5, 8), np.array([0, 2]), np.array([1, 3])
    parts = part.distances(a[:, first], first) + part.distances(a[:, last], last)
    np.testing.assert_allclose(parts, part.distances(a), rtol=1e-12)


def test_weights_are_as_if_the_features_were_of_another_size():
    a, targets, others = scaled(25, 0), scaled(25, 1), scaled(9, 2)
    weights = np.array([1.0, 0.5, 0.25, 2.0])
    part = fit_kernel(a, targets, alpha=0.1, share=0.3, weights=weights)
    plain = fit_kernel(a * weights, targets, alpha=0.1, share=0.3)
    np.testing.assert_allclose(
        part.outputs(part.distances(others)), plain.outputs(plain.distances(others * weights))
    )
    columns = np.array([1, 3])
    np.testing.assert_allclose(
        part.distances(others[:, columns], columns),
        plain.distances(others[:, columns] * weights[columns], columns),
    )
    stored = KernelPart.from_arrays(part.to_arrays())
    np.testing.assert_array_equal(stored.distances(others), part.distances(others))


def test_samples_that_are_all_alike_have_a_length():
    part = fit_kernel(np.ones((12, 3)), np.ones((12, 1)), alpha=0.1, share=0.5)
    assert part.length == 1.0


@pytest.mark.parametrize("weights", [None, np.array([0.5, 2.0, 1.0, 0.25])])
def test_support_that_follows_from_other_features_is_not_stored(weights):
    a = np.random.default_rng(3).normal(size=(12, 4))
    kernel = fit_kernel(a, a[:, :2], alpha=0.1, share=0.3, weights=weights)
    arrays, features = kernel.to_arrays(), a.astype(np.float16)
    short = without_support(arrays, features)
    assert set(arrays) - set(short) == {"kernel_support"}
    np.testing.assert_array_equal(with_support(short, features)["kernel_support"], kernel.support)
    assert without_support(arrays, features + np.float16(1)) is arrays
    assert with_support(arrays, features) is arrays
    assert with_support({}, features) == {}


def test_members_are_networks_and_kernel_blended(data):
    x, y = data
    plain, _ = fit_ensemble(x, y, BLOCKS, TINY)
    blended, _ = fit_ensemble(x, y, BLOCKS, replace(TINY, kernel_share=0.25))
    a = blended.scaler.transform(x)
    kernel = blended.kernel.outputs(blended.kernel.distances(a)) @ blended.components
    members = plain.predict_members(x)
    wanted = members + 0.25 * (kernel + y.mean(axis=0) - members.mean(axis=0))
    np.testing.assert_allclose(blended.predict_members(x), wanted, atol=1e-5)
    mean, spread = blended.predict(x)
    np.testing.assert_allclose(mean, wanted.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(spread, plain.predict(x)[1], atol=1e-5)


def test_stored_and_read_back(data):
    x, y = data
    ensemble, _ = fit_ensemble(x, y, BLOCKS, replace(TINY, kernel_share=0.6))
    arrays = ensemble.to_arrays()
    back = Ensemble.from_arrays(arrays, TINY.activation)
    assert (back.kernel.share, back.kernel.length) == (0.6, ensemble.kernel.length)
    np.testing.assert_allclose(back.predict(x)[0], ensemble.predict(x)[0], atol=1e-6)
    assert KernelPart.from_arrays(fit_ensemble(x, y, BLOCKS, TINY)[0].to_arrays()) is None


def test_waves_survive_being_stored(data):
    x, y = data
    blocks = ("G1", "G2", "G2", "scattering", "scattering")
    ensemble, _ = fit_ensemble(x - 1.5, y, blocks, replace(TINY, kernel_share=0.4))
    assert ensemble.kernel.weights.max() == 1.0 > ensemble.kernel.weights.min()
    back = Ensemble.from_arrays(ensemble.to_arrays(), TINY.activation)
    np.testing.assert_allclose(back.predict(x - 1.5)[0], ensemble.predict(x - 1.5)[0], atol=1e-6)
    assert np.abs(back.predict(x - 1.5)[0] - back.predict(np.abs(x - 1.5))[0]).max() > 1e-3

"""The ensemble against scikit-learn's own networks, and how it is fitted and stored."""

from dataclasses import replace

import numpy as np
import pytest

from xanes_core.errors import DescriptorError, ModelError
from xanes_core.model.ensemble import ACTIVATIONS, Ensemble
from xanes_core.model.scaling import FeatureScaler
from xanes_core.training import fitting
from xanes_core.training.fitting import FitSettings, fit_ensemble

TINY = FitSettings(
    n_members=3, hidden=(8, 6), n_epochs=6, n_components=5, feature_share=0.6, learning_rate=0.01
)
N, D, K = 40, 9, 30
BLOCKS = ("G1", *["G2"] * 5, "absorber", "absorber", "absorber")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(11)
    x = rng.uniform(0, 4, (N, D))
    energy = np.linspace(-1, 3, K)
    y = 1 / (1 + np.exp(-4 * (energy - 0.3 * x[:, :1]))) + 0.2 * np.sin(x[:, 1:2] * energy)
    return x, y


@pytest.fixture(scope="module")
def fitted(data):
    return fit_ensemble(*data, BLOCKS, TINY)


def from_networks(x, y, settings, networks):
    """Spectra of the members from scikit-learn's objects and the definition alone, (m, n, k)."""
    scaler = FeatureScaler.fit(
        x,
        BLOCKS,
        per_feature=settings.per_feature_scale,
        gain=settings.gain,
        clip=settings.clip,
    )
    a = scaler.transform(x).astype(np.float64)
    if settings.ridge_alpha is None:
        linear = np.tile(y.mean(axis=0), (len(x), 1))
    else:  # normal equations of ridge regression with an intercept that is not penalised
        centred = a - a.mean(axis=0)
        gram = centred.T @ centred + settings.ridge_alpha * np.eye(D)
        coef = np.linalg.solve(gram, centred.T @ (y - y.mean(axis=0)))
        linear = y.mean(axis=0) + centred @ coef
    residual = y - linear
    if settings.n_components:
        _, _, vt = np.linalg.svd(residual - residual.mean(axis=0), full_matrices=False)
        components = vt[: settings.n_components]
    else:
        components = np.eye(K)
    unit = np.sqrt(np.mean((residual @ components.T) ** 2))
    spectra = []
    for member, network in enumerate(networks):
        kept = features_of(settings, member)
        assert network.n_features_in_ == len(kept)
        outputs = network.predict(a[:, kept].astype(np.float32)).reshape(len(x), -1)
        signs = signs_like(components, residual, settings)
        spectra.append((outputs * unit) @ (components * signs) + linear)
    return np.array(spectra)


def features_of(settings, member):
    """The features that a member sees: those of its random generator's first draw."""
    if settings.feature_share == 1:
        return np.arange(D)
    seed = np.random.SeedSequence(settings.seed).spawn(settings.n_members)[member]
    count = round(settings.feature_share * D)
    return np.sort(np.random.default_rng(seed).permutation(D)[:count])


def signs_like(components, residual, settings):
    """Sign convention of scikit-learn's PCA: a component's largest entry (by size) is positive."""
    if not settings.n_components:
        return 1.0
    largest = np.abs(components).argmax(axis=1)
    return np.sign(components[np.arange(len(components)), largest])[:, None]


CASES = {
    "relu": {},
    "tanh": {"activation": "tanh"},
    "all features": {"feature_share": 1.0},
    "ridge": {"ridge_alpha": 2.0},
    "ridge of nothing": {"ridge_alpha": 0.0},
    "every energy": {"n_components": 0},
    "every energy, ridge, tanh": {"n_components": 0, "ridge_alpha": 2.0, "activation": "tanh"},
    "one layer": {"hidden": (7,)},
    "three layers": {"hidden": (7, 6, 5)},
    "bootstrap": {"resample": "bootstrap"},
    "no resampling": {"resample": "none"},
    "per feature": {"per_feature_scale": True, "gain": 1.0},
    "tight clip": {"clip": 0.5},
    "one component": {"n_components": 1},
}


@pytest.mark.parametrize("change", CASES.values(), ids=CASES)
def test_predictions_are_those_of_the_networks(data, change):
    settings = replace(TINY, **change)
    ensemble, networks = fit_ensemble(*data, BLOCKS, settings)
    found = ensemble.predict_members(data[0])
    wanted = from_networks(*data, settings, networks)
    assert found.shape == (3, N, K)
    np.testing.assert_allclose(found, wanted, atol=5e-6)
    assert np.ptp(found, axis=0).max() > 1e-3, "the members must differ"


def test_the_fit_learns(data, fitted):
    x, y = data
    settings = replace(TINY, n_epochs=150, feature_share=1.0)
    long = fit_ensemble(x, y, BLOCKS, settings)[0].predict(x)[0]
    assert np.mean((long - y) ** 2) < 0.25 * np.mean((y.mean(axis=0) - y) ** 2)
    assert np.mean((long - y) ** 2) < np.mean((fitted[0].predict(x)[0] - y) ** 2)


@pytest.mark.parametrize("change", [{}, {"n_components": 0}, {"ridge_alpha": 1.0}])
def test_predict_is_mean_and_spread_of_the_members(data, change):
    ensemble, _ = fit_ensemble(*data, BLOCKS, replace(TINY, **change))
    members = ensemble.predict_members(data[0]).astype(np.float64)
    mean, std = ensemble.predict(data[0])
    assert mean.shape == std.shape == (N, K)
    np.testing.assert_allclose(mean, members.mean(axis=0), atol=2e-6)
    np.testing.assert_allclose(std, members.std(axis=0, ddof=1), atol=2e-6)
    assert std.min() > 0


@pytest.mark.parametrize("chunk", [1, 7, 40, 1000])
def test_chunks_do_not_matter(data, fitted, chunk):
    for found, wanted in zip(
        fitted[0].predict(data[0], chunk=chunk), fitted[0].predict(data[0]), strict=True
    ):
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_no_samples_give_no_spectra(fitted):
    mean, std = fitted[0].predict(np.empty((0, D)))
    assert mean.shape == std.shape == (0, K)


def same(one, other):
    a, b = one.to_arrays(), other.to_arrays()
    return a.keys() == b.keys() and all(np.array_equal(a[key], b[key]) for key in a)


def test_same_seed_same_numbers_other_seed_others(data, fitted):
    again, _ = fit_ensemble(*data, BLOCKS, TINY)
    other, _ = fit_ensemble(*data, BLOCKS, replace(TINY, seed=1))
    assert same(again, fitted[0])
    assert not np.allclose(other.weights[0], fitted[0].weights[0])


def test_parallel_equals_serial(data, fitted):
    parallel, _ = fit_ensemble(*data, BLOCKS, TINY, n_jobs=2)
    assert same(parallel, fitted[0])


def test_global_random_state_is_neither_used_nor_changed(data, fitted):
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    again, _ = fit_ensemble(*data, BLOCKS, TINY)
    assert same(again, fitted[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_inputs_are_left_alone(data):
    x, y = (a.copy() for a in data)
    ensemble, _ = fit_ensemble(x, y, BLOCKS, TINY)
    ensemble.predict(x)
    ensemble.predict_members(x)
    np.testing.assert_array_equal(x, data[0])
    np.testing.assert_array_equal(y, data[1])


def test_progress_is_told_after_each_member(data):
    told = []
    fit_ensemble(*data, BLOCKS, TINY, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_weights_outside_a_members_share_are_zero(data, fitted):
    assert fitted[0].n_members == 3
    shares = []
    for member, weight in enumerate(fitted[0].weights[0]):
        used = np.flatnonzero(np.abs(weight).sum(axis=1))
        np.testing.assert_array_equal(used, features_of(TINY, member))
        shares.append(tuple(used))
    assert len(set(shares)) > 1, "members see different features"


def seen_rows(monkeypatch, data, **change):
    """Training spectra that each member was given."""
    seen = []
    true_fit = fitting.MLPRegressor.fit

    def fit(network, x, y):
        seen.append(y)
        return true_fit(network, x, y)

    monkeypatch.setattr(fitting.MLPRegressor, "fit", fit)
    fit_ensemble(*data, BLOCKS, replace(TINY, n_epochs=1, **change))
    return seen


@pytest.mark.parametrize(("share", "count"), [(0.9, 36), (0.5, 20), (1.0, 40), (0.01, 2)])
def test_subsample_draws_without_replacement(monkeypatch, data, share, count):
    seen = seen_rows(monkeypatch, data, resample="subsample", sample_share=share)
    for rows in seen:
        assert len(rows) == len(np.unique(rows, axis=0)) == count
    if share < 1:
        assert not np.array_equal(seen[0], seen[1])


def test_bootstrap_draws_with_replacement(monkeypatch, data):
    seen = seen_rows(monkeypatch, data, resample="bootstrap")
    for rows in seen:
        assert len(rows) == N
        assert 0.45 * N < len(np.unique(rows, axis=0)) < 0.85 * N  # about 1 - 1/e
    assert not np.array_equal(seen[0], seen[1])


def test_without_resampling_every_member_sees_all(monkeypatch, data):
    seen = seen_rows(monkeypatch, data, resample="none")
    assert len(seen) == 3
    np.testing.assert_array_equal(seen[0], seen[1])
    assert len(np.unique(seen[0], axis=0)) == N


def test_more_components_than_samples_are_cut(data):
    x, y = data
    ensemble, _ = fit_ensemble(x[:12], y[:12], BLOCKS, replace(TINY, n_components=500))
    assert ensemble.components.shape == (12, K)


@pytest.mark.filterwarnings("ignore:invalid value encountered in divide")
def test_spectra_all_alike_can_be_fitted(data):
    y = np.tile(np.linspace(0, 1, K), (N, 1))
    mean, std = fit_ensemble(data[0], y, BLOCKS, TINY)[0].predict(data[0])
    np.testing.assert_allclose(mean, y, atol=1e-3)
    assert np.isfinite(std).all()


# --- storage -------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{}, {"activation": "tanh"}, {"hidden": (4, 3, 2)}])
def test_arrays_round_trip(data, change):
    ensemble, _ = fit_ensemble(*data, BLOCKS, replace(TINY, **change))
    arrays = ensemble.to_arrays()
    assert all(isinstance(a, np.ndarray) and a.dtype != object for a in arrays.values())
    for start, kept in (("weight", np.float16), ("bias", np.float32)):
        assert {a.dtype for name, a in arrays.items() if name.startswith(start)} == {np.dtype(kept)}
    finer = replace(ensemble, weights=tuple(w + np.float32(1e-7) for w in ensemble.weights))
    assert finer.to_arrays()["weight_0"].dtype == np.float32  # nothing is rounded on the way
    back = Ensemble.from_arrays(arrays, ensemble.activation)
    assert same(back, ensemble)
    np.testing.assert_array_equal(back.predict_members(data[0]), ensemble.predict_members(data[0]))


@pytest.mark.parametrize(
    "name",
    ["scaler_mean", "scaler_scale", "scaler_clip", "coef", "intercept", "components", "bias_1"],
)
def test_missing_arrays_are_refused(fitted, name):
    arrays = fitted[0].to_arrays()
    del arrays[name]
    with pytest.raises(ModelError, match=f"do not fit together .*{name}"):
        Ensemble.from_arrays(arrays, "relu")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("scaler_mean", lambda a: a[:-1]),
        ("scaler_scale", lambda a: a[:-2]),
        ("scaler_clip", lambda a: np.ones(4)),
        ("coef", lambda a: a[:, :-1]),
        ("coef", lambda a: a[:-1]),
        ("coef", lambda a: a[0, 0]),
        ("intercept", lambda a: a[:-1]),
        ("components", lambda a: a[:-1]),
        ("components", lambda a: a[:, :-1]),
        ("components", lambda a: a[0]),
        ("weight_0", lambda a: a[:, :-1]),
        ("weight_1", lambda a: a[:-1]),
        ("weight_2", lambda a: a[:, :, :-1]),
        ("bias_0", lambda a: a[:, :, :-1]),
    ],
)
def test_damaged_arrays_are_refused(fitted, name, damage):
    arrays = fitted[0].to_arrays()
    arrays[name] = damage(arrays[name])
    with pytest.raises(ModelError, match="weights do not fit together"):
        Ensemble.from_arrays(arrays, "relu")


def test_no_layers_or_unknown_activation_is_refused(fitted):
    arrays = fitted[0].to_arrays()
    bare = {k: a for k, a in arrays.items() if not k.startswith(("weight", "bias"))}
    for stored, activation in ((bare, "relu"), (arrays, "swish")):
        with pytest.raises(ModelError, match="weights do not fit together"):
            Ensemble.from_arrays(stored, activation)


def test_activations_are_what_they_are_called():
    x = np.array([-1.0, 0.0, 2.0])
    np.testing.assert_array_equal(ACTIVATIONS["relu"](x.copy()), [0, 0, 2])
    np.testing.assert_allclose(ACTIVATIONS["tanh"](x.copy()), np.tanh(x))


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, D - 1), (3, D + 1), (D,), (1, 3, D)])
@pytest.mark.parametrize("method", ["predict", "predict_members", "check_features"])
def test_features_of_another_shape_are_refused(fitted, method, shape):
    with pytest.raises(DescriptorError, match=rf"must have shape \(n, {D}\), got .*convention"):
        getattr(fitted[0], method)(np.ones(shape))


def test_features_that_are_no_numbers_are_refused(fitted):
    with pytest.raises(DescriptorError, match="must be an array of numbers"):
        fitted[0].predict([["a"] * D])


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("method", ["predict", "predict_members"])
def test_features_that_are_not_finite_are_refused(fitted, method, value):
    x = np.ones((2, D))
    x[1, 3] = value
    with pytest.raises(DescriptorError, match="not finite"):
        getattr(fitted[0], method)(x)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"activation": "logistic"}, "activation 'logistic' is not one of relu, tanh"),
        ({"resample": "jackknife"}, "resample 'jackknife' is not one of bootstrap"),
        ({"n_members": 1}, "at least 2 members"),
        ({"kernel_share": 1.0}, "kernel_share must be 0 or more and below 1"),
        ({"kernel_share": -0.1}, "kernel_share must be 0 or more and below 1"),
        ({"kernel_alpha": 0.0}, "kernel_alpha must be above 0"),
        ({"feature_share": 0.0}, "feature_share must be above 0 and at most 1"),
        ({"feature_share": 1.1}, "feature_share must be above 0 and at most 1"),
        ({"sample_share": -0.1}, "sample_share must be above 0 and at most 1"),
        ({"sample_share": float("nan")}, "sample_share must be above 0 and at most 1"),
        ({"batch_size": 0}, "batch_size must be above 0, not 0"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"n_epochs": 0}, "n_epochs must be above 0"),
        ({"gain": 0.0}, "gain must be above 0"),
        ({"clip": -1.0}, "clip must be above 0"),
        ({"alpha": -1e-4}, "alpha must be 0 or more"),
        ({"n_components": -1}, "n_components must be 0 or more"),
        ({"ridge_alpha": -1.0}, "ridge_alpha must be 0 or more"),
        ({"seed": -1}, "seed must be 0 or more"),
        ({"hidden": ()}, "hidden needs one or more layers"),
        ({"hidden": (8, 0)}, "hidden needs one or more layers"),
    ],
)
def test_settings_nothing_can_be_fitted_with_are_refused(change, message):
    with pytest.raises(ModelError, match=message):
        FitSettings(**change)


def test_settings_as_plain_values():
    told = replace(TINY, ridge_alpha=1.0).as_dict()
    assert told["hidden"] == [8, 6]
    assert FitSettings(**{**told, "hidden": tuple(told["hidden"])}).as_dict() == told


@pytest.mark.parametrize(("n_x", "n_y"), [(9, 9), (0, 0), (20, 19), (19, 20)])
def test_too_few_samples_or_spectra_are_refused(data, n_x, n_y):
    x, y = data
    with pytest.raises(ModelError, match=f"at least 10 samples .*got {n_x} and {n_y}"):
        fit_ensemble(x[:n_x], y[:n_y], BLOCKS, TINY)


@pytest.mark.parametrize("which", [0, 1])
def test_values_that_are_not_finite_are_not_fitted(data, which):
    arrays = [a.copy() for a in data]
    arrays[which][3, 2] = np.nan
    with pytest.raises(ModelError, match="not finite"):
        fit_ensemble(*arrays, BLOCKS, TINY)


def test_blocks_that_do_not_match_are_refused(data):
    with pytest.raises(DescriptorError, match="block names"):
        fit_ensemble(*data, BLOCKS[1:], TINY)

"""Scaling of features: closed forms, blocks, bounds."""

import numpy as np
import pytest

from xanes_core.errors import DescriptorError
from xanes_core.model.scaling import FeatureScaler

BLOCKS = ("G2", "G2", "G4", "absorber")


@pytest.fixture
def x():
    rng = np.random.default_rng(4)
    return np.column_stack(
        [
            rng.uniform(0, 10, 50),
            rng.uniform(0, 0.01, 50),
            rng.uniform(0, 300, 50),
            rng.integers(0, 2, 50),
        ]
    )


def test_block_shares_the_largest_spread(x):
    scaler = FeatureScaler.fit(x, BLOCKS)
    logs = np.log1p(x)
    np.testing.assert_allclose(scaler.mean, logs.mean(axis=0))
    spread = logs.std(axis=0)
    np.testing.assert_allclose(scaler.scale, spread[[0, 0, 2, 3]])
    scaled = scaler.transform(x)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.std(axis=0), [1, spread[1] / spread[0], 1, 1], rtol=1e-5)


def test_per_feature(x):
    scaled = FeatureScaler.fit(x, BLOCKS, per_feature=True).transform(x)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-5)


@pytest.mark.parametrize("per_feature", [True, False])
def test_gain_multiplies_all_but_the_absorber(x, per_feature):
    one = FeatureScaler.fit(x, BLOCKS, per_feature=per_feature)
    half = FeatureScaler.fit(x, BLOCKS, per_feature=per_feature, gain=0.5)
    np.testing.assert_allclose(
        half.transform(x), one.transform(x) * [0.5, 0.5, 0.5, 1], rtol=1e-5, atol=1e-6
    )


def test_values_far_away_are_clipped(x):
    scaler = FeatureScaler.fit(x, BLOCKS, clip=3.0)
    far = scaler.transform(np.full((1, 4), 1e30))
    np.testing.assert_array_equal(far, np.full((1, 4), 3.0, dtype=np.float32))
    assert np.abs(scaler.transform(x)).max() <= 3.0


def test_a_feature_that_never_changes_stays_harmless(x):
    x[:, 3] = 1.0
    x[:, 2] = 0.0
    scaler = FeatureScaler.fit(x, BLOCKS)
    scaled = scaler.transform(x)
    assert np.isfinite(scaled).all()
    np.testing.assert_allclose(scaled[:, 2:], 0, atol=1e-12)


def test_negative_values_count_as_zero(x):
    scaler = FeatureScaler.fit(x, BLOCKS)
    negative, zero = np.full((1, 4), -5.0), np.zeros((1, 4))
    np.testing.assert_array_equal(scaler.transform(negative), scaler.transform(zero))


def test_input_is_left_alone_and_output_is_float32(x):
    before = x.copy()
    scaled = FeatureScaler.fit(x, BLOCKS).transform(x)
    np.testing.assert_array_equal(x, before)
    assert scaled.dtype == np.float32


@pytest.mark.parametrize("shape", [(50, 3), (50, 5), (4,)])
def test_shapes_that_disagree_are_refused(shape):
    with pytest.raises(DescriptorError, match="do not go with 4 block names"):
        FeatureScaler.fit(np.ones(shape), BLOCKS)


def test_waves_keep_their_sign_and_each_its_scale(x):
    rng = np.random.default_rng(5)
    waves = rng.normal(0.3, [0.02, 0.5], (50, 2))
    blocks = (*BLOCKS, "scattering", "scattering")
    scaler = FeatureScaler.fit(np.hstack([x, waves]), blocks, gain=0.5)
    scaled = scaler.transform(np.hstack([x, waves]))
    wanted = 0.5 * (waves - waves.mean(axis=0)) / waves.std(axis=0)
    np.testing.assert_allclose(scaled[:, 4:], wanted, rtol=1e-4, atol=1e-5)
    plain = FeatureScaler.fit(x, BLOCKS, gain=0.5)
    np.testing.assert_array_equal(scaled[:, :4], plain.transform(x))
    # for the kernel they share the larger spread
    weights = scaler.kernel_weights
    np.testing.assert_allclose(weights[:4], 1.0)
    spread = waves.std(axis=0)
    np.testing.assert_allclose(weights[4:], spread / spread.max())
    assert plain.kernel_weights is None
    assert plain.waves is None

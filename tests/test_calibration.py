"""Bands on made-up errors whose size is known."""

import numpy as np
import pytest

from xanes_core.calibration import FLOOR_SHARES, Calibration, fit_calibration
from xanes_core.errors import ModelError

K = 50


def made_up(n, seed, *, told=0.4, bias=0.0):
    """Truth, mean and spread: errors differ by sample and energy; the spread tells them too small.

    ``sigma`` differs tenfold between samples; the spread is ``told`` times sigma, with scatter.
    """
    rng = np.random.default_rng(seed)
    profile = 0.05 * (1 + np.exp(-(((np.arange(K) - 20) / 6) ** 2)))
    sigma = profile * np.exp(rng.normal(0, 0.7, (n, 1)))
    mean = np.full((n, K), 3.0)
    spread = told * sigma * np.exp(rng.normal(0, 0.2, (n, K)))
    return mean + bias + sigma * rng.normal(size=(n, K)), mean, spread


@pytest.fixture(scope="module")
def calibration():
    return fit_calibration(*made_up(400, seed=1))


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("told", [0.1, 0.4, 3.0])
def test_band_covers_what_it_promises_on_fresh_samples(level, told):
    calibration = fit_calibration(*made_up(400, seed=2, told=told), level=level)
    truth, mean, spread = made_up(2000, seed=3, told=told)
    _, lower, upper = calibration.apply(mean, spread)
    covered = (truth >= lower) & (truth <= upper)
    assert covered.mean() == pytest.approx(level, abs=0.02)
    # not only on average over energies
    assert np.abs(covered.mean(axis=0) - level).max() < 0.05


def test_band_covers_a_shared_error_that_the_spread_does_not_show():
    """All members err alike: the spread alone would cover nothing."""
    calibration = fit_calibration(*made_up(400, seed=4, told=0.01, bias=0.1))
    truth, mean, spread = made_up(2000, seed=5, told=0.01, bias=0.1)
    _, lower, upper = calibration.apply(mean, spread)
    assert np.mean((truth >= lower) & (truth <= upper)) == pytest.approx(0.9, abs=0.02)
    assert np.mean(np.abs(truth - mean) <= 1.645 * spread) < 0.1


def test_band_is_narrower_than_one_of_constant_width(calibration):
    truth, mean, spread = made_up(2000, seed=6)
    _, lower, upper = calibration.apply(mean, spread)
    constant = 2 * np.quantile(np.abs(truth - mean), 0.9, axis=0)
    assert (upper - lower).mean() < 0.85 * constant.mean()


def test_wide_bands_go_with_large_errors(calibration):
    truth, mean, spread = made_up(2000, seed=7)
    _, lower, upper = calibration.apply(mean, spread)
    width, error = (upper - lower).mean(axis=1), np.abs(truth - mean).mean(axis=1)
    wide = width > np.median(width)
    assert error[wide].mean() > 2 * error[~wide].mean()


@pytest.mark.parametrize("told", [0.1, 0.4, 3.0])
def test_std_matches_the_errors(told):
    truth, mean, spread = made_up(4000, seed=8, told=told)
    std, _, _ = fit_calibration(*made_up(3000, seed=1, told=told)).apply(mean, spread)
    ratio = np.sqrt(np.mean((truth - mean) ** 2, axis=0) / np.mean(std**2, axis=0))
    assert ratio.mean() == pytest.approx(1, abs=0.05)
    np.testing.assert_allclose(ratio, 1, atol=0.2)


def test_closed_form():
    calibration = Calibration(
        floor=np.array([3.0, 0.0]),
        std_factor=np.array([2.0, 1.0]),
        band_factor=np.array([1.0, 0.5]),
        level=0.9,
    )
    std, lower, upper = calibration.apply(np.array([[10.0, 1.0]]), np.array([[4.0, 4.0]]))
    np.testing.assert_allclose(calibration.sigma(np.array([[4.0, 4.0]])), [[5, 4]])
    np.testing.assert_allclose(std, [[10, 4]])
    np.testing.assert_allclose(lower, [[5, 0]])  # 1 - 2 would be negative
    np.testing.assert_allclose(upper, [[15, 3]])


def test_lower_bound_is_not_negative_unless_the_mean_is(calibration):
    rng = np.random.default_rng(0)
    mean = rng.normal(0.05, 0.1, (200, K))
    std, lower, upper = calibration.apply(mean, np.full((200, K), 0.1))
    assert (mean < 0).any()
    assert (lower[mean >= 0] >= 0).all()
    assert (lower <= mean).all()
    assert (mean <= upper).all()
    assert (std > 0).all()


def test_a_single_spectrum_can_be_given(calibration):
    _, mean, spread = made_up(3, seed=9)
    for whole, single in zip(
        calibration.apply(mean, spread), calibration.apply(mean[1], spread[1]), strict=True
    ):
        np.testing.assert_array_equal(whole[1], single)


def test_order_of_samples_and_their_number_do_not_matter_to_the_shape():
    truth, mean, spread = made_up(60, seed=10)
    order = np.random.default_rng(1).permutation(60)
    one, other = (
        fit_calibration(*(a[rows] for a in (truth, mean, spread)))
        for rows in (np.arange(60), order)
    )
    np.testing.assert_allclose(one.band_factor, other.band_factor)
    assert one.floor.shape == one.std_factor.shape == one.band_factor.shape == (K,)


def test_no_spread_and_no_error_give_finite_numbers():
    zero = np.zeros((20, K))
    fitted = fit_calibration(zero, zero, zero)
    for values in fitted.apply(zero, zero):
        assert np.isfinite(values).all()


def test_floor_is_one_of_those_tried():
    truth, mean, spread = made_up(100, seed=11)
    floor = fit_calibration(truth, mean, spread).floor
    rms = np.sqrt(np.mean((truth - mean) ** 2, axis=0))
    assert min(abs(np.median(floor / rms) - share) for share in FLOOR_SHARES) < 0.03


def test_inputs_are_left_alone(calibration):
    arrays = made_up(50, seed=12)
    copies = [a.copy() for a in arrays]
    fit_calibration(*arrays)
    calibration.apply(*arrays[1:])
    for a, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(a, copy)


def test_arrays_round_trip(calibration):
    arrays = calibration.to_arrays()
    assert arrays["calibration_floor"].dtype == np.float32
    back = Calibration.from_arrays(arrays)
    assert back.level == calibration.level == 0.9
    _, mean, spread = made_up(3, seed=13)
    for found, wanted in zip(
        back.apply(mean, spread), calibration.apply(mean, spread), strict=True
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize("name", ["floor", "std_factor", "band_factor", "level"])
def test_missing_arrays_are_refused(calibration, name):
    arrays = calibration.to_arrays()
    del arrays[f"calibration_{name}"]
    with pytest.raises(ModelError, match=f"calibration lacks 'calibration_{name}'"):
        Calibration.from_arrays(arrays)


@pytest.mark.parametrize(
    "change",
    [
        lambda t, m, s: (t[:19], m[:19], s[:19]),
        lambda t, m, s: (t, m[:, :-1], s),
        lambda t, m, s: (t[:-1], m, s),
        lambda t, m, s: (t, m, s[0]),
        lambda t, m, s: (t[0], m[0], s[0]),
    ],
)
def test_too_few_samples_or_shapes_that_differ_are_refused(change):
    with pytest.raises(ModelError, match="at least 20 samples and equal shapes"):
        fit_calibration(*change(*made_up(30, seed=14)))


@pytest.mark.parametrize("level", [0.0, 1.0, 90, -0.1, float("nan")])
def test_levels_that_are_no_share_are_refused(level):
    with pytest.raises(ModelError, match="share between 0 and 1"):
        fit_calibration(*made_up(30, seed=15), level=level)

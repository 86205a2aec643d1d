"""Bands on made-up errors whose size is known."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from xanes_core.errors import ModelError
from xanes_core.model.calibration import (
    FLOOR_SHARES,
    LEVELS,
    MAX_GROWTH,
    PRIOR_SAMPLES,
    Calibration,
    Unseen,
    _mondrian_weights,
    _quantiles,
    concatenate,
    fit_calibration,
)

K = 50


def made_up(n, seed, *, told=0.4, bias=0.0, sizes=None):
    """Errors that differ by sample and energy, told too small by the spread.

    ``sigma`` differs tenfold between samples; the spread is ``told`` times sigma, with scatter.
    ``sizes`` multiply the errors of each element, which the spread does not tell.
    """
    rng = np.random.default_rng(seed)
    profile = 0.05 * (1 + np.exp(-(((np.arange(K) - 20) / 6) ** 2)))
    sigma = profile * np.exp(rng.normal(0, 0.7, (n, 1)))
    mean = np.full((n, K), 3.0)
    spread = told * sigma * np.exp(rng.normal(0, 0.2, (n, K)))
    elements = np.full(n, "Fe")
    if sizes:
        elements = rng.choice(list(sizes), n)
        sigma = sigma * np.array([sizes[el] for el in elements])[:, None]
    truth = mean + bias + sigma * rng.normal(size=(n, K))
    return Unseen(truth, mean, spread, np.ones(n), elements, np.arange(n))


def band(calibration, unseen, **options):
    told = {"distance": unseen.distance, "elements": unseen.elements, **options}
    _, lower, upper = calibration.apply(unseen.mean, unseen.spread, **told)
    return lower, upper, (unseen.truth >= lower) & (unseen.truth <= upper)


@pytest.fixture(scope="module")
def calibration():
    return fit_calibration(made_up(400, seed=1))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("told", [0.1, 0.4, 3.0])
def test_band_covers_what_it_promises_on_fresh_samples(level, told):
    calibration = fit_calibration(made_up(400, seed=2, told=told))
    *_, covered = band(calibration, made_up(2000, seed=3, told=told), level=level)
    assert covered.mean() == pytest.approx(level, abs=0.025)
    # not only on average over energies
    assert np.abs(covered.mean(axis=0) - level).max() < 0.06


def test_band_covers_a_shared_error_that_the_spread_does_not_show():
    """All members err alike: the spread alone would cover nothing."""
    calibration = fit_calibration(made_up(400, seed=4, told=0.01, bias=0.1))
    fresh = made_up(2000, seed=5, told=0.01, bias=0.1)
    *_, covered = band(calibration, fresh)
    assert covered.mean() == pytest.approx(0.9, abs=0.02)
    assert np.mean(np.abs(fresh.truth - fresh.mean) <= 1.645 * fresh.spread) < 0.1


def test_band_is_narrower_than_one_of_constant_width(calibration):
    fresh = made_up(2000, seed=6)
    lower, upper, _ = band(calibration, fresh)
    constant = 2 * np.quantile(np.abs(fresh.truth - fresh.mean), 0.9, axis=0)
    assert (upper - lower).mean() < 0.85 * constant.mean()


def test_wide_bands_go_with_large_errors(calibration):
    fresh = made_up(2000, seed=7)
    lower, upper, _ = band(calibration, fresh)
    width, error = (upper - lower).mean(axis=1), np.abs(fresh.truth - fresh.mean).mean(axis=1)
    wide = width > np.median(width)
    assert error[wide].mean() > 2 * error[~wide].mean()


@pytest.mark.parametrize("told", [0.1, 0.4, 3.0])
def test_std_matches_the_errors(told):
    fresh = made_up(4000, seed=8, told=told)
    fitted = fit_calibration(made_up(3000, seed=1, told=told))
    std, _, _ = fitted.apply(fresh.mean, fresh.spread)
    square = (fresh.truth - fresh.mean) ** 2
    ratio = np.sqrt(np.mean(square, axis=0) / np.mean(std**2, axis=0))
    assert ratio.mean() == pytest.approx(1, abs=0.05)
    np.testing.assert_allclose(ratio, 1, atol=0.2)


# --- elements ------------------------------------------------------------------------------------

SIZES = {"Ti": 0.5, "Fe": 1.0, "Zn": 2.0}


def test_every_element_gets_its_coverage():
    calibration = fit_calibration(made_up(1500, seed=20, sizes=SIZES))
    fresh = made_up(3000, seed=21, sizes=SIZES)
    *_, covered = band(calibration, fresh)
    *_, pooled = band(calibration, fresh, elements=None)
    for element in SIZES:
        own = fresh.elements == element
        assert covered[own].mean() == pytest.approx(0.9, abs=0.03), element
    assert pooled[fresh.elements == "Ti"].mean() > 0.96
    assert pooled[fresh.elements == "Zn"].mean() < 0.80


def test_an_element_with_few_samples_is_drawn_to_the_pooled_quantile():
    unseen = made_up(600, seed=22, sizes={"Fe": 1.0, "Zn": 3.0})
    zinc = np.flatnonzero(unseen.elements == "Zn")
    others = np.flatnonzero(unseen.elements == "Fe")
    factors = []
    for count in (3, 40, len(zinc)):
        found = fit_calibration(unseen.subset(np.concatenate([others, zinc[:count]])))
        factors.append((found.factor(0.9, "Zn") / found.factor(0.9, "Fe")).mean())
    assert 1.0 <= factors[0] < factors[1] < factors[2]
    assert factors[2] > 2.0


def test_weights_of_the_mixture():
    elements = np.array(["Fe"] * 100 + ["Zn"] * 4)
    pooled, iron, zinc = _mondrian_weights(elements, ("Fe", "Zn"))
    assert set(pooled) == {1.0}
    np.testing.assert_allclose(iron[:100], 1)
    np.testing.assert_allclose(iron[100:], 1)  # four others cannot count for forty
    np.testing.assert_allclose(zinc[:100], PRIOR_SAMPLES / 100)
    np.testing.assert_allclose(zinc[100:], 1)


def test_quantiles_are_those_of_conformal_prediction():
    """The ceil((n + 1) level)-th smallest of n scores."""
    score = np.random.default_rng(0).permutation(np.arange(1.0, 20.0))[:, None]
    found = _quantiles(score, (0.5, 0.9, 0.95), np.ones((1, 19)))
    np.testing.assert_array_equal(found[0, :, 0], [10, 18, 19])
    # no level can be promised that the samples are too few for: the largest is taken
    assert _quantiles(score[:5], (0.95,), np.ones((1, 5)))[0, 0, 0] == score[:5].max()


def test_an_unknown_element_gets_the_pooled_band(calibration):
    np.testing.assert_array_equal(calibration.factor(0.9, "Cu"), calibration.factor(0.9))
    both = calibration.factor(0.9, np.array(["Cu", "Fe"]))
    np.testing.assert_array_equal(both, [calibration.factor(0.9), calibration.factor(0.9, "Fe")])


# --- distance ------------------------------------------------------------------------------------


def by_distance(n, seed, low=0.0, high=1.0):
    """Errors in proportion to 1 + 2 d, which the spread does not tell."""
    rng = np.random.default_rng(seed)
    distance = rng.uniform(low, high, n)
    mean, spread = np.full((n, K), 3.0), np.full((n, K), 0.05)
    truth = mean + 0.1 * (1 + 2 * distance)[:, None] * rng.normal(size=(n, K))
    return Unseen(truth, mean, spread, distance, np.full(n, "Fe"), np.arange(n))


def test_growth_never_falls_with_distance_and_follows_the_errors():
    calibration = fit_calibration(by_distance(2000, seed=30))
    growth = calibration.growth(np.linspace(0, 1, 200))
    assert (np.diff(growth) >= 0).all()
    np.testing.assert_allclose(
        calibration.growth(np.array([0.9, 0.5])) / calibration.growth(0.1),
        [2.8 / 1.2, 2.0 / 1.2],
        rtol=0.12,
    )


def test_near_and_far_samples_are_covered_alike():
    calibration = fit_calibration(by_distance(2000, seed=31))
    fresh = by_distance(4000, seed=32)
    lower, upper, covered = band(calibration, fresh)
    _, _, flat = band(calibration, fresh, distance=None)
    near, far = fresh.distance < 0.3, fresh.distance > 0.7
    assert covered[near].mean() == pytest.approx(0.9, abs=0.03)
    assert covered[far].mean() == pytest.approx(0.9, abs=0.03)
    assert flat[far].mean() < 0.85 < 0.95 < flat[near].mean()
    assert (upper - lower)[far].mean() > 1.5 * (upper - lower)[near].mean()


def test_kinds_left_out_teach_the_growth_beyond_what_the_folds_have_seen():
    near, left_out = by_distance(1000, seed=33), by_distance(400, seed=34, low=0.5, high=3.0)
    fresh = by_distance(2000, seed=35, low=2.0, high=3.0)
    *_, without = band(fit_calibration(near), fresh)
    taught = fit_calibration(near, far=left_out)
    *_, covered = band(taught, fresh)
    assert covered.mean() == pytest.approx(0.9, abs=0.03)
    assert abs(covered.mean() - 0.9) < abs(without.mean() - 0.9)
    # and nothing within
    *_, inside = band(taught, by_distance(2000, seed=36))
    assert inside.mean() == pytest.approx(0.9, abs=0.03)


def test_beyond_the_last_knot_growth_is_in_proportion_and_limited():
    made = Calibration(
        np.ones(2), np.ones(2), np.array([[1.0, 2.0], [1.0, 1.5]]), (), np.ones((1, 4, 2))
    )
    np.testing.assert_allclose(
        made.growth(np.array([0.0, 1.0, 1.5, 2.0, 3.0])), [1, 1, 1.25, 1.5, 2.25]
    )
    assert made.growth(1e6) == pytest.approx(1.5 * MAX_GROWTH)


# --- forms ---------------------------------------------------------------------------------------


def test_closed_form():
    calibration = Calibration(
        floor=np.array([3.0, 0.0]),
        std_factor=np.array([2.0, 1.0]),
        widening=np.array([[1.0, 2.0], [1.0, 2.0]]),
        elements=("Fe",),
        band_factors=np.array([[[1.0, 0.5]], [[2.0, 1.0]]]),
        levels=(0.9,),
    )
    mean, spread = np.array([[10.0, 1.0]]), np.array([[4.0, 4.0]])
    std, lower, upper = calibration.apply(mean, spread)
    np.testing.assert_allclose(calibration.sigma(spread), [[5, 4]])
    np.testing.assert_allclose(std, [[10, 4]])
    np.testing.assert_allclose(lower, [[5, 0]])  # 1 - 2 would be negative
    np.testing.assert_allclose(upper, [[15, 3]])
    std, lower, upper = calibration.apply(mean, spread, distance=[2.0], elements="Fe")
    np.testing.assert_allclose(std, [[20, 8]])
    np.testing.assert_allclose(lower, [[0, 0]])
    np.testing.assert_allclose(upper, [[30, 9]])


def test_higher_levels_are_wider(calibration):
    factors = [calibration.factor(level) for level in LEVELS]
    for narrow, wide in pairwise(factors):
        assert (narrow <= wide).all()
    assert calibration.factor().tolist() == calibration.factor(0.9).tolist()


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
    made = made_up(3, seed=9)
    many = calibration.apply(
        made.mean, made.spread, distance=np.array([0.1, 1.5, 2.0]), elements=made.elements
    )
    one = calibration.apply(made.mean[1], made.spread[1], distance=1.5, elements="Fe")
    for whole, single in zip(many, one, strict=True):
        np.testing.assert_array_equal(whole[1], single)


def test_order_of_samples_does_not_matter():
    unseen = made_up(60, seed=10, sizes=SIZES)
    order = np.random.default_rng(1).permutation(60)
    one, other = (fit_calibration(unseen.subset(rows)) for rows in (np.arange(60), order))
    np.testing.assert_allclose(one.band_factors, other.band_factors)
    assert one.floor.shape == one.std_factor.shape == (K,)
    assert one.band_factors.shape == (1 + len(SIZES), len(LEVELS), K)


def test_no_spread_and_no_error_give_finite_numbers():
    zero = np.zeros((20, K))
    fitted = fit_calibration(
        Unseen(zero, zero, zero, np.zeros(20), np.full(20, "Fe"), np.arange(20))
    )
    for values in fitted.apply(zero, zero, distance=np.ones(20)):
        assert np.isfinite(values).all()


def test_floor_is_one_of_those_tried():
    unseen = made_up(100, seed=11)
    rms = np.sqrt(np.mean((unseen.truth - unseen.mean) ** 2, axis=0))
    floor = fit_calibration(unseen).floor
    assert min(abs(np.median(floor / rms) - share) for share in FLOOR_SHARES) < 0.03


def test_inputs_are_left_alone(calibration):
    unseen = made_up(50, seed=12)
    copies = {name: values.copy() for name, values in vars(unseen).items()}
    fit_calibration(unseen)
    band(calibration, unseen)
    for name, copy in copies.items():
        np.testing.assert_array_equal(getattr(unseen, name), copy)


def test_arrays_round_trip():
    calibration = fit_calibration(made_up(100, seed=1, sizes=SIZES))
    arrays = calibration.to_arrays()
    assert arrays["calibration_floor"].dtype == np.float32
    back = Calibration.from_arrays(arrays)
    assert back.level == calibration.level == 0.9
    assert (back.levels, back.elements) == (LEVELS, calibration.elements)
    fresh = made_up(3, seed=13, sizes=SIZES)
    for level in LEVELS:
        found, wanted = (band(c, fresh, level=level)[:2] for c in (back, calibration))
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


@pytest.mark.parametrize(
    "name",
    ["floor", "std_factor", "widening", "elements", "band_factors", "levels", "level"],
)
def test_missing_arrays_are_refused(calibration, name):
    arrays = calibration.to_arrays()
    del arrays[f"calibration_{name}"]
    with pytest.raises(ModelError, match=f"calibration lacks 'calibration_{name}'"):
        Calibration.from_arrays(arrays)


@pytest.mark.parametrize("name", ["band_factors", "levels", "elements", "widening"])
def test_arrays_that_do_not_fit_together_are_refused(calibration, name):
    arrays = calibration.to_arrays()
    arrays[f"calibration_{name}"] = arrays[f"calibration_{name}"][:-1]
    with pytest.raises(ModelError, match="do not fit together"):
        Calibration.from_arrays(arrays)


@pytest.mark.parametrize(
    "change",
    [
        lambda u: u.subset(np.arange(19)),
        lambda u: replace(u, mean=u.mean[:, :-1]),
        lambda u: replace(u, truth=u.truth[:-1]),
        lambda u: replace(u, spread=u.spread[0]),
        lambda u: replace(u, truth=u.truth[0], mean=u.mean[0], spread=u.spread[0]),
        lambda u: replace(u, distance=u.distance[:-1]),
        lambda u: replace(u, elements=np.array("Fe")),
    ],
)
def test_too_few_samples_or_shapes_that_differ_are_refused(change):
    with pytest.raises(ModelError, match="at least 20 samples and equal shapes"):
        fit_calibration(change(made_up(30, seed=14)))


@pytest.mark.parametrize("level", [0.0, 1.0, 90, -0.1, float("nan"), 0.8])
def test_levels_nobody_promised_are_refused(level, calibration):
    with pytest.raises(ModelError, match="the level of a band is one of"):
        fit_calibration(made_up(30, seed=15), level=level)
    with pytest.raises(
        ModelError, match=r"no band of .* %; this model has those of 50, 68, 90, 95"
    ):
        calibration.factor(level)


# --- predictions of unseen samples ---------------------------------------------------------------


def test_parts_are_joined_and_taken_out():
    one, other = made_up(5, seed=1), made_up(3, seed=2)
    both = concatenate([one, other])
    assert len(both) == 8
    np.testing.assert_array_equal(both.truth[5:], other.truth)
    assert both.subset(np.arange(8) > 5).rows.tolist() == [1, 2]
    assert both.without(np.array([0, 4])).rows.tolist() == [1, 2, 3, 1, 2]

"""Folds, bands calibrated across them, and the scores of what was not seen."""

import json

import numpy as np
import pytest

from xanes_core.model.calibration import LEVELS, Unseen, fit_calibration
from xanes_core.spectra.kinds import XANES, XES
from xanes_core.training.assessment import N_FOLDS, folds
from xanes_core.training.scores import bands_of, cross_bands, rounded, scores


def test_folds_use_every_sample_once_for_validation():
    pairs = list(folds(23))
    assert len(pairs) == N_FOLDS
    assert sorted(np.concatenate([test for _, test in pairs])) == list(range(23))
    for train, test in pairs:
        assert sorted([*train, *test]) == list(range(23))
    again = list(folds(23))
    other = list(folds(23, seed=5))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(pairs, again, strict=True))
    assert not all(np.array_equal(a[1], b[1]) for a, b in zip(pairs, other, strict=True))


def flat(n=200, k=40, seed=3):
    rng = np.random.default_rng(seed)
    mean, spread = np.full((n, k), 2.0), np.full((n, k), 0.1)
    truth = mean + 0.2 * rng.normal(size=mean.shape)
    return Unseen(truth, mean, spread, np.ones(n), np.full(n, "Fe"), np.arange(n))


def test_cross_bands_are_calibrated_on_the_other_folds():
    unseen = flat()
    bands = cross_bands(unseen)
    assert set(bands) == set(LEVELS)
    for level, (lower, upper) in bands.items():
        covered = (lower <= unseen.truth) & (unseen.truth <= upper)
        assert covered.mean() == pytest.approx(level, abs=0.02)
    train, test = next(folds(200, seed=1))
    calibration = fit_calibration(unseen.subset(train))
    wanted = bands_of(calibration, unseen.subset(test))
    for level in LEVELS:
        np.testing.assert_array_equal(bands[level][0][test], wanted[level][0])
        np.testing.assert_array_equal(bands[level][1][test], wanted[level][1])


def test_samples_left_out_by_kind_do_not_calibrate_their_own_band():
    """A sample's own error far from the training set must not widen its own band."""
    unseen, far = flat(), flat(seed=4)
    test = next(folds(200, seed=1))[1]
    far = Unseen(far.truth, far.mean, far.spread, np.full(200, 3.0), far.elements, far.rows)
    wrong = far.truth.copy()
    wrong[test] += 5.0
    one, other = (
        cross_bands(
            unseen, far=Unseen(t, far.mean, far.spread, far.distance, far.elements, far.rows)
        )
        for t in (far.truth, wrong)
    )
    np.testing.assert_array_equal(one[0.9][1][test], other[0.9][1][test])


def peaked(n=6):
    grid = XANES.energy_rel_ev
    shift = np.linspace(0, 2, n)[:, None]
    step = 1 / (1 + np.exp(-(grid - 2 - shift)))
    return grid, step + 0.8 * np.exp(-(((grid - 6 - shift) / 2) ** 2))


def test_scores_of_a_perfect_prediction():
    grid, y = peaked()
    found = scores(grid, y, y, bands={0.9: (y - 0.1, y + 0.3)})
    assert found["n"] == 6
    for name in ("mse", "relative_spectral_error_percent", "median_intensity_error_percent"):
        assert found[name] == 0
    assert found["peaks_matched"] == 1
    assert found["peak_position_error_ev"] == pytest.approx(0, abs=1e-9)
    assert (found["coverage"], found["width"]) == (1, pytest.approx(0.4))


def test_scores_closed_forms():
    grid, y = peaked()
    found = scores(grid, y, 1.1 * y)
    assert "coverage" not in found
    assert found["mse"] == pytest.approx(np.mean((0.1 * y) ** 2))
    assert found["relative_spectral_error_percent"] == pytest.approx(10)
    assert found["median_intensity_error_percent"] == pytest.approx(10)
    assert found["peak_intensity_error_percent"] == pytest.approx(10)
    constant = scores(grid, y, y + 0.2, bands={0.9: (y - 0.1, y + 0.3)})
    assert constant["mse"] == pytest.approx(0.04)
    assert scores(grid, y, y + 0.2, bands={0.9: (y + 0.1, y + 0.3)})["coverage"] == 0


@pytest.mark.filterwarnings("error")
def test_scores_can_be_written_as_json_even_without_peaks():
    grid = XANES.energy_rel_ev
    step = np.tile(1 / (1 + np.exp(-grid)), (3, 1))
    found = rounded(scores(grid, step, step))
    assert found["peak_position_error_ev"] is None
    json.dumps(found, allow_nan=False)


def test_scores_of_bands_of_several_levels():
    grid, y = peaked()
    bands = {0.5: (y + 0.01, y + 0.05), 0.9: (y - 0.1, y + 0.3)}
    found = scores(grid, y, y + 0.02, bands=bands)
    assert (found["coverage_50"], found["coverage_90"]) == (0, 1)
    assert found["width_50"] == pytest.approx(0.04)
    assert found["constant_width_90"] == pytest.approx(0.04)  # every error is 0.02
    assert (found["coverage"], found["width"]) == (found["coverage_90"], found["width_90"])
    assert found["cosine_similarity"] == pytest.approx(1, abs=1e-3)


def test_emission_is_scored_relative_to_each_maximum():
    """Areas of 1 over 35 eV make peaks of a tenth; a hundredth of the maximum is no peak."""
    grid, y = peaked()
    one = scores(grid, y, 1.1 * y, kind=XES)
    small = scores(grid, y / 50, 1.1 * y / 50, kind=XES)
    for name in ("peaks_matched", "peak_intensity_error_percent", "median_intensity_error_percent"):
        assert small[name] == pytest.approx(one[name])
    assert small["mse"] == pytest.approx(one["mse"] / 2500)
    assert np.isnan(scores(grid, y / 50, 1.1 * y / 50)["peak_position_error_ev"])

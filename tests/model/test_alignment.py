"""Positions of spectra as outputs of their own."""

from dataclasses import replace

import numpy as np
import pytest

from xanes_core.errors import ModelError
from xanes_core.importance.permutation import _EnsembleChunk
from xanes_core.model.alignment import POSITION_WEIGHT, aligned, restored, shifted
from xanes_core.model.ensemble import Ensemble
from xanes_core.training.fitting import FitSettings, fit_ensemble

K = 120
POINTS = np.arange(K, dtype=float)


def peak(at, width=5.0):
    """A Gaussian, or one per row."""
    return np.exp(-(((POINTS - np.asarray(at)[..., None]) / width) ** 2) / 2)


def edge(at):
    return 0.5 + np.arctan((POINTS - np.asarray(at)[..., None]) / 3) / np.pi


# --- moving ---------------------------------------------------------------------------------------


def test_whole_points_move_exactly_and_the_ends_go_on():
    curve = np.array([1.0, 4.0, 9.0, 16.0, 25.0])
    np.testing.assert_array_equal(shifted(curve, np.array(0)), curve)
    np.testing.assert_array_equal(shifted(curve, np.array(2)), [1, 1, 1, 4, 9])
    np.testing.assert_array_equal(shifted(curve, np.array(-1)), [4, 9, 16, 25, 25])
    np.testing.assert_array_equal(shifted(curve, np.array(99)), [1] * 5)
    np.testing.assert_array_equal(shifted(curve, np.array(-99)), [25] * 5)


@pytest.mark.parametrize("points", [0.25, -0.75, 3.5])
def test_parts_of_a_point_are_interpolated(points):
    curve = np.random.default_rng(0).random(K)
    wanted = np.interp(POINTS - points, POINTS, curve)
    np.testing.assert_allclose(shifted(curve, np.array(points)), wanted, atol=1e-12)


def test_every_curve_of_a_stack_moves_by_its_own():
    rng = np.random.default_rng(1)
    curves, points = rng.random((3, 4, K)), rng.uniform(-5, 5, (3, 4))
    found = shifted(curves, points)
    for i in range(3):
        for j in range(4):
            np.testing.assert_array_equal(found[i, j], shifted(curves[i, j], points[i, j]))


# --- positions ------------------------------------------------------------------------------------


def test_bands_come_to_lie_on_top_of_each_other():
    centres = np.array([50.0, 55.0, 60.0, 68.0])
    y = peak(centres)
    targets, unit = aligned(y, "band", 20)
    np.testing.assert_allclose(targets[:, :-1], targets[[0] * 4, :-1], atol=0.02)
    np.testing.assert_allclose(targets[:, -1] / unit, centres - centres.mean(), atol=1e-6)
    np.testing.assert_allclose(restored(targets, unit), y, atol=0.02)


def test_what_lies_below_the_band_has_no_say():
    centres = np.array([60.0, 66.0])
    alone, with_satellites = peak(centres), peak(centres) + 0.7 * peak([6.0, 12.0], 1.0)
    for y in (alone, with_satellites):
        targets, unit = aligned(y, "band", 30)
        np.testing.assert_allclose(targets[:, -1] / unit, [-3, 3], atol=1e-3)


def test_edges_are_told_by_the_area_below_them():
    y = edge([40.0, 44.0, 52.0])
    targets, unit = aligned(y, "edge", 90)
    # an area up to a point changes as much as the edge moves, and three quarters are taken
    np.testing.assert_allclose(np.diff(targets[:, -1] / unit), [3.0, 6.0], rtol=0.06)
    assert np.ptp(targets[:, 45]) < 0.5 * np.ptp(y[:, 45])
    np.testing.assert_allclose(restored(targets, unit), y, atol=0.01)


def test_weight_of_the_position():
    targets, _ = aligned(peak([40.0, 50.0, 70.0], 8.0) * [[1.0], [2.0], [3.0]], "band", 5)
    size = np.sqrt(targets[:, :-1].var(axis=0).sum())
    assert targets[:, -1].std() == pytest.approx(POSITION_WEIGHT * size)


def test_curves_that_are_all_the_same_or_nothing_have_no_position():
    for y in (peak([50.0] * 3), np.zeros((3, K))):
        targets, unit = aligned(y, "band", 10)
        np.testing.assert_allclose(targets[:, -1], 0, atol=1e-9)
        np.testing.assert_allclose(restored(targets, unit), y, atol=1e-9)
    some = np.vstack([np.zeros(K), peak([50.0, 60.0])])
    targets, unit = aligned(some, "band", 10)
    np.testing.assert_allclose(targets[:, -1] / unit, [0, -5, 5], atol=1e-6)


def test_without_a_position_nothing_is_moved():
    outputs = np.random.default_rng(2).random((2, 3, K))
    assert restored(outputs, None) is outputs


@pytest.mark.parametrize("at", [0, K, K + 1, -3])
def test_a_point_that_is_none(at):
    with pytest.raises(ModelError, match=rf"align_at must be a grid point from 1 to {K - 1}"):
        aligned(peak([50.0, 60.0]), "band", at)


# --- in an ensemble -------------------------------------------------------------------------------

SETTINGS = FitSettings(
    n_members=4, hidden=(32,), n_epochs=100, n_components=5, align="band", align_at=10,
    kernel_share=0.3,
)  # fmt: skip


@pytest.fixture(scope="module")
def moving_peaks():
    """Features that tell where a peak is."""
    x = np.random.default_rng(3).random((240, 3)) * 5
    return x, peak(40 + 5 * x[:, 0] + 2 * x[:, 1], 2.0)


@pytest.fixture(scope="module")
def fitted(moving_peaks):
    return fit_ensemble(*moving_peaks, ("G2",) * 3, SETTINGS)[0]


def test_one_peak_is_predicted_where_two_would_be_mixed(moving_peaks, fitted):
    x, y = moving_peaks
    plain, _ = fit_ensemble(x[::2], y[::2], ("G2",) * 3, replace(SETTINGS, align=""))
    moved, _ = fit_ensemble(x[::2], y[::2], ("G2",) * 3, SETTINGS)
    errors = [np.mean((e.predict(x[1::2])[0] - y[1::2]) ** 2) for e in (moved, plain)]
    assert errors[0] < 0.5 * errors[1]


def test_mean_and_spread_are_those_of_the_members(moving_peaks, fitted):
    x, _ = moving_peaks
    assert fitted.n_energies == K
    members = fitted.predict_members(x)
    mean, std = fitted.predict(x, chunk=7)
    np.testing.assert_allclose(mean, members.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(std, members.std(axis=0, ddof=1), atol=1e-6)


def test_stored_and_read_back(moving_peaks, fitted):
    x, _ = moving_peaks
    again = Ensemble.from_arrays(fitted.to_arrays(), "relu")
    assert again.position_unit == fitted.position_unit
    np.testing.assert_array_equal(again.predict(x)[0], fitted.predict(x)[0])


def test_scrambling_sees_the_same_spectra(moving_peaks, fitted):
    x, _ = moving_peaks
    rows, source = np.arange(20), np.arange(20, 40)
    chunk = _EnsembleChunk(fitted, fitted.scaler.transform(x), rows)
    np.testing.assert_allclose(chunk.unscrambled(), fitted.predict(x[rows])[0], atol=1e-5)
    changed, found = chunk.scrambled(np.array([0]), source)
    mixed = x[rows].copy()
    mixed[:, 0] = x[source, 0]
    np.testing.assert_allclose(found, fitted.predict(mixed[changed])[0], atol=1e-5)


def test_settings_that_make_no_sense():
    with pytest.raises(ModelError, match="align 'middle' is not one of edge, band, or empty"):
        FitSettings(align="middle")
    with pytest.raises(ModelError, match="align_at must be 0 or more"):
        FitSettings(align_at=-1)

import numpy as np
import pytest

from xanes_core.errors import SpectrumError
from xanes_core.spectra import metrics as m
from xanes_core.spectra import peaks

RNG = np.random.default_rng(3)
E = np.linspace(-15, 60, 226)
UNEVEN = np.sort(np.concatenate([np.linspace(-15, 60, 120), RNG.uniform(-15, 60, 200)]))


def gauss(energy, centre, height=1.0, sigma=2.0):
    return height * np.exp(-((energy - centre) ** 2) / (2 * sigma**2))


def test_reference_numbers():
    p, t = [1.0, 2.0, 4.0], [1.0, 1.0, 2.0]
    assert m.mse(p, t) == pytest.approx(5 / 3)
    assert m.relative_spectral_error(p, t) == pytest.approx(3 / 4)
    assert m.relative_spectral_error(p, t, percent=True) == pytest.approx(75)
    assert m.median_intensity_error(p, t) == pytest.approx(100)
    assert m.cosine_similarity(p, t) == pytest.approx(11 / np.sqrt(21 * 6))
    assert m.response_error(p, t) == pytest.approx(np.linalg.norm(np.subtract(p, t)) / np.sqrt(6))
    assert m.coverage(t, [0, 2, 2], [1, 3, 3]) == pytest.approx(2 / 3)
    assert m.mean_width([0, 2, 2], [1, 3, 5]) == pytest.approx(5 / 3)
    assert m.window_misfit([0.0, 1.0, 3.0], p, t) == pytest.approx(np.sqrt((1.5 + 4) / 3))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([1, 2, 3, 4], [10, 20, 25, 90], 1.0),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1.0),
        ([1, 2, 3, 4, 5], [2, 1, 4, 3, 5], 0.8),
        ([1, 1, 2], [1, 2, 3], np.sqrt(3) / 2),
    ],
)
def test_spearman(a, b, expected):
    assert m.spearman(a, b) == pytest.approx(expected)
    assert m.spearman(np.exp(a), b) == pytest.approx(expected)


def test_spearman_of_constants_is_unknown():
    assert np.isnan(m.spearman([1, 1, 1], [1, 2, 3]))
    assert np.isnan(m.spearman([1], [1]))


SCORES = [
    m.mse,
    m.relative_spectral_error,
    lambda p, t: m.relative_spectral_error(p, t, E),
    m.median_intensity_error,
    m.cosine_similarity,
    m.response_error,
    m.spearman,
    lambda p, t: m.coverage(t, p - 0.1, p + 0.1),
    lambda p, t: m.mean_width(p, t + 2),
    lambda p, t: m.window_misfit(E, p, t, (0, 30)),
]


@pytest.mark.parametrize("score", SCORES)
def test_many_spectra_score_as_each_of_them(score):
    p, t = RNG.uniform(0, 1.5, (2, 4, 226))
    many = score(p, t)
    assert many.shape == (4,)
    np.testing.assert_allclose(many, [score(a, b) for a, b in zip(p, t, strict=True)])
    assert isinstance(score(p[0], t[0]), float)
    # One target for all predictions
    np.testing.assert_allclose(score(p, t[0]), [score(a, t[0]) for a in p])


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(
    ("p", "t", "message"),
    [
        (np.zeros(5), np.zeros(6), "differ in their number of energies"),
        (np.zeros((2, 226)), np.ones((3, 226)), "differ in number"),
        (np.zeros((1, 2, 226)), np.ones((1, 2, 226)), "shape"),
        (np.full(226, np.nan), np.ones(226), "not finite"),
        (np.zeros(0), np.zeros(0), "shape"),
    ],
)
def test_what_cannot_be_scored(score, p, t, message):
    with pytest.raises(SpectrumError, match=message):
        score(p, t)


def test_relative_error_hardly_depends_on_the_grid():
    def both(energy):
        t = 0.5 + np.arctan(energy / 2) / np.pi
        return 1.1 * t + 0.01 * np.sin(energy / 5), t

    fine = m.relative_spectral_error(*both(E), E)
    assert fine == m.relative_spectral_error(*both(E))
    assert m.relative_spectral_error(*both(UNEVEN), UNEVEN) == pytest.approx(fine, rel=2e-3)
    # Without the energies the crowded parts of the grid would count for more.
    skewed = np.concatenate([np.linspace(-15, 0, 400), np.linspace(1, 60, 60)])
    assert m.relative_spectral_error(*both(skewed), skewed) == pytest.approx(fine, rel=2e-2)
    assert abs(m.relative_spectral_error(*both(skewed)) - fine) > 0.02 * fine


def test_median_intensity_error_sees_only_what_exceeds_the_floor():
    t = np.array([0.01, 0.05, 1.0, 1.0, 1.0])
    p = np.array([5.0, 5.0, 1.1, 1.2, 1.4])
    assert m.median_intensity_error(p, t) == pytest.approx(20)
    assert np.isnan(m.median_intensity_error(p, t, floor=2.0))
    with pytest.raises(SpectrumError, match="floor"):
        m.median_intensity_error(p, t, floor=-1)


def test_zero_target():
    with pytest.raises(SpectrumError, match="zero everywhere"):
        m.relative_spectral_error([1.0, 1.0], [0.0, 0.0])
    assert np.isnan(m.cosine_similarity([1.0, 1.0], [0.0, 0.0]))
    assert np.isnan(m.response_error([1.0, 1.0], [0.0, 0.0]))


def test_a_change_foretold_or_missed():
    change = RNG.normal(size=226)
    assert m.response_error(change, change) == 0.0
    assert m.response_error(0 * change, change) == pytest.approx(1.0)
    assert m.response_error(-change, change) == pytest.approx(2.0)
    assert m.response_error(3 * change, 3 * (change + 0.5)) == pytest.approx(
        m.response_error(change, change + 0.5)
    )


def test_band_upside_down():
    with pytest.raises(SpectrumError, match="lower limit lies above"):
        m.coverage([1.0], [2.0], [1.0])
    with pytest.raises(SpectrumError, match="lower limit lies above"):
        m.mean_width([2.0], [1.0])


def test_window_needs_energies():
    with pytest.raises(SpectrumError, match="fewer than two energies"):
        m.window_misfit(E, E, E, (60, 70))
    with pytest.raises(SpectrumError, match="ascend strictly"):
        m.window_misfit(E[::-1], E, E)
    with pytest.raises(SpectrumError, match=r"shape \(226,\)"):
        m.window_misfit(E[1:], E, E)


def test_trapezoid_weights_integrate():
    weights = m.trapezoid_weights(UNEVEN)
    assert weights.sum() == pytest.approx(np.ptp(UNEVEN))
    assert (weights * UNEVEN).sum() == pytest.approx((UNEVEN[-1] ** 2 - UNEVEN[0] ** 2) / 2)


@pytest.mark.parametrize("energy", [E, UNEVEN])
def test_top_of_a_parabola_is_found_exactly(energy):
    found = peaks.find_peaks(energy, 3 - 0.01 * (energy - 20.123) ** 2)
    assert found.energy_ev == pytest.approx([20.123], abs=1e-9)
    assert found.height == pytest.approx([3.0], abs=1e-9)


def test_prominence_decides_what_counts():
    curve = gauss(E, 5) + gauss(E, 30, 0.05) + gauss(E, 50, 0.01)
    assert peaks.find_peaks(E, curve).energy_ev == pytest.approx([5, 30], abs=0.01)
    assert peaks.find_peaks(E, curve, prominence=0.1).energy_ev.size == 1
    assert peaks.find_peaks(E, curve, prominence=0.005).energy_ev.size == 3
    assert peaks.find_peaks(E, E).energy_ev.size == 0


def test_a_flat_top_is_a_peak_at_its_middle():
    found = peaks.find_peaks(np.arange(7.0), [0, 0, 1, 1, 1, 0, 0])
    assert (found.energy_ev.tolist(), found.height.tolist()) == ([3.0], [1.0])


def test_peaks_are_matched_one_to_one():
    target = gauss(E, 5) + gauss(E, 20, 0.8) + gauss(E, 45, 0.5)
    predicted = gauss(E, 6.5, 1.1) + gauss(E, 19, 0.8) + gauss(E, 55, 0.5)
    match = peaks.match_peaks(E, predicted, target)
    assert match.pairs.tolist() == [[0, 0], [1, 1]]
    assert match.position_error_ev == pytest.approx([1.5, -1.0], abs=0.01)
    assert match.intensity_error_percent == pytest.approx([10, 0], abs=0.1)
    assert match.share_matched == pytest.approx(2 / 3)
    scores = peaks.peak_errors(E, predicted, target)
    assert scores.position_error_ev == pytest.approx([1.25], abs=0.01)
    assert scores.intensity_error_percent == pytest.approx([5], abs=0.1)
    assert scores.share_matched == pytest.approx([2 / 3])


def test_as_many_pairs_as_possible_go_before_the_closest_pair():
    # 10 could take 12 (2 eV), but then 16 would be left with nothing within 5 eV of it.
    target = gauss(E, 8, sigma=1) + gauss(E, 12, sigma=1)
    predicted = gauss(E, 11, sigma=1) + gauss(E, 16, sigma=1)
    match = peaks.match_peaks(E, predicted, target)
    assert match.pairs.tolist() == [[0, 0], [1, 1]]
    assert match.position_error_ev == pytest.approx([3, 4], abs=0.05)
    assert peaks.match_peaks(E, predicted, target, max_distance_ev=2).pairs.tolist() == [[0, 1]]


def test_no_peaks_are_no_error():
    flat = peaks.match_peaks(E, gauss(E, 5), E)
    assert flat.pairs.shape == (0, 2)
    assert np.isnan(flat.share_matched)
    scores = peaks.peak_errors(E, [E, gauss(E, 5)], [gauss(E, 5), gauss(E, 5)])
    assert np.isnan(scores.position_error_ev[0])
    assert scores.share_matched.tolist() == [0.0, 1.0]
    assert scores.position_error_ev[1] == 0


def test_peak_options_are_checked():
    with pytest.raises(SpectrumError, match="one curve"):
        peaks.find_peaks(E, [E, E])
    with pytest.raises(SpectrumError, match="prominence must be positive"):
        peaks.find_peaks(E, E, prominence=0)
    with pytest.raises(SpectrumError, match="largest distance must be positive"):
        peaks.match_peaks(E, E, E, max_distance_ev=0)

"""Who of an ensemble sees a feature where its mean has it, and what the others see."""

import numpy as np
import pytest

from xanes_core.errors import SpectrumError
from xanes_core.spectra.agreement import SAME_FEATURE_EV, features_with_uncertainty
from xanes_core.spectra.kinds import XANES

E = XANES.energy_rel_ev


def edge(centre=10.0):
    return 1 / (1 + np.exp(-(E - centre)))


def peak(centre, height=0.5, sigma=1.0):
    return height * np.exp(-((E - centre) ** 2) / (2 * sigma**2))


def two_maxima(first, second):
    """A curve with a maximum near 19 and one near 37 eV, of the heights given."""
    return edge() + peak(18.5 + first, first, 2.0) + peak(37.0, second, 2.0)


def test_each_member_sees_its_own_place():
    centres = np.array([9.0, 10.0, 12.0])
    members = [edge(c) + peak(c + 10) for c in centres]
    half = features_with_uncertainty(E, members)["edge_half_ev"]
    np.testing.assert_allclose(half.values, centres, atol=0.02)
    assert half.value == pytest.approx(10.1, abs=0.3)
    assert half.spread == pytest.approx(centres.std(ddof=1), abs=0.02)
    assert (half.n_agreeing, half.n_members, half.others) == (3, 3, ())


def test_members_that_disagree_are_not_averaged():
    """17 have their highest maximum at 18.5 + h, spread as their h, and 3 at 37 eV."""
    heights = np.linspace(0.4, 0.6, 17)
    members = [two_maxima(h, 0.2) for h in heights] + [two_maxima(0.2, 0.4)] * 3
    found = features_with_uncertainty(E, members)
    white = found["white_line_ev"]
    assert white.value == pytest.approx(19, abs=0.1)
    assert white.spread == pytest.approx(heights.std(ddof=1), abs=0.01)
    assert (white.n_agreeing, white.n_members) == (17, 20)
    assert white.share == 0.85
    (other,) = white.others
    assert (other.value, other.n_members) == (pytest.approx(37, abs=0.05), 3)
    assert other.spread == pytest.approx(0, abs=1e-9)
    # a height is that of the members at its energy
    height = found["white_line_height"]
    assert height.value == pytest.approx(1 + (17 * 0.5 + 3 * 0.2) / 20, abs=0.01)
    assert height.spread == pytest.approx(heights.std(ddof=1), abs=0.01)
    assert (height.n_agreeing, height.others) == (17, ())


@pytest.mark.parametrize(("n_left", "n_agreeing", "known"), [(10, 10, True), (9, 9, False)])
def test_a_place_that_less_than_half_see_is_no_value(n_left, n_agreeing, known):
    members = [two_maxima(0.6, 0.1)] * n_left + [two_maxima(0.1, 0.2)] * (20 - n_left)
    members[-1] = edge() + peak(50, 0.4)  # one more place, so that no other has half
    white = features_with_uncertainty(E, members, mean=members[0])["white_line_ev"]
    assert np.isfinite(white.value) == known
    assert white.n_agreeing == n_agreeing
    places = {round(group.value): group.n_members for group in white.others}
    assert places == ({37: 9, 50: 1} if known else {37: 10, 19: 9, 50: 1})
    assert [g.n_members for g in white.others] == sorted(places.values(), reverse=True)


def test_what_the_mean_does_not_show_has_no_value():
    members = [edge() + peak(20) + peak(-1, 0.1), edge() + peak(20), edge() + peak(20)]
    pre = features_with_uncertainty(E, members, mean=edge() + peak(20))["pre_edge_ev"]
    assert np.isnan([pre.value, pre.spread]).all()
    assert (pre.n_agreeing, pre.n_members) == (0, 3)
    (other,) = pre.others
    assert (other.n_members, other.value) == (1, pytest.approx(-1, abs=0.05))
    assert np.isnan(other.spread)


@pytest.mark.parametrize(("gap_ev", "n_agreeing"), [(0.9, 3), (1.1, 2)])
def test_a_gap_wider_than_the_limit_parts_two_features(gap_ev, n_agreeing):
    far = 21 + gap_ev * SAME_FEATURE_EV
    members = [edge() + peak(c) for c in (20.0, 21.0, far)]
    white = features_with_uncertainty(E, members, mean=members[0])["white_line_ev"]
    assert white.n_agreeing == n_agreeing
    assert white.value == pytest.approx(20, abs=0.02)
    assert len(white.others) == 3 - n_agreeing


def test_the_order_of_the_members_does_not_matter():
    members = np.array([two_maxima(h, 0.3) for h in np.linspace(0.1, 0.6, 20)])
    one = features_with_uncertainty(E, members)["white_line_ev"]
    other = features_with_uncertainty(E, members[::-1])["white_line_ev"]
    assert (one.n_agreeing, one.others) == (other.n_agreeing, other.others)
    assert one.spread == pytest.approx(other.spread)


@pytest.mark.parametrize(
    ("members", "message"),
    [(E, r"shape \(m, k\)"), (np.full((2, 226), np.nan), "not finite")],
)
def test_refusals(members, message):
    with pytest.raises(SpectrumError, match=message):
        features_with_uncertainty(E, members)

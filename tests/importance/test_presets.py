"""Windows found on made-up spectra whose features are known, and on those of real models."""

import numpy as np
import pytest

from xanes_core.errors import SpectrumError
from xanes_core.importance.presets import WindowPresets, find_presets
from xanes_core.importance.windows import PRESET_NAMES, EnergyWindow
from xanes_core.model import load_model
from xanes_core.spectra.kinds import XANES

E = XANES.energy_rel_ev


def edge(centre=10.0, width=0.5):
    return 1 / (1 + np.exp(-(E - centre) / width))


def peak(centre, height, sigma):
    return height * np.exp(-((E - centre) ** 2) / (2 * sigma**2))


def bounds(presets, name):
    window = presets.find(name)
    return window.low_ev, window.high_ev


def test_every_window_lies_on_its_feature():
    """Full width at half maximum of a Gaussian: 2.355 sigma."""
    found = find_presets(E, edge() + peak(4, 0.2, 1) + peak(20, 0.8, 2) + peak(45, 0.3, 3))
    low, high = bounds(found, "pre-edge")
    assert (low + high) / 2 == pytest.approx(4, abs=0.5)
    assert 1.5 <= (high - low) / 2 <= 5
    # the edge starts where the pre-edge ends, and ends halfway between 0.5 and 1.8
    low, end = bounds(found, "rising edge")
    assert low == high
    assert np.interp(end, E, edge() + peak(20, 0.8, 2)) == pytest.approx(1.15, abs=0.15)
    low, high = bounds(found, "white line")
    assert (low + high) / 2 == pytest.approx(20, abs=0.8)
    assert high - 20 == pytest.approx(1.1775 * 2, abs=0.5)
    low, further = bounds(found, "first oscillation")
    assert low == high
    assert further == pytest.approx(45 + 1.1775 * 3, abs=0.5)
    assert bounds(found, "post-edge") == (high, 60)
    assert [w.name for w in found.windows] == [n for n in PRESET_NAMES if n != "first maximum"]
    assert found.missing == {}


def test_windows_move_with_the_spectrum():
    here = find_presets(E, edge(10) + peak(2, 0.2, 1) + peak(20, 0.8, 2))
    there = find_presets(E, edge(15) + peak(7, 0.2, 1) + peak(25, 0.8, 2))
    for name in ("pre-edge", "rising edge", "white line"):
        one, other = bounds(here, name), bounds(there, name)
        np.testing.assert_allclose(np.subtract(other, one), 5, atol=0.5)


def test_what_a_spectrum_does_not_show_is_said():
    found = find_presets(E, edge())
    assert [w.name for w in found.windows] == ["rising edge", "post-edge"]
    assert found.missing == {
        "pre-edge": "this spectrum shows no pre-edge peak",
        "white line": "this spectrum rises without a maximum",
        "first oscillation": "no maximum follows the white line of this spectrum",
    }
    assert found.find("white line") is None
    low, high = bounds(found, "rising edge")
    assert low < 10 < high


def test_a_first_maximum_below_the_highest_has_a_window_of_its_own():
    curve = edge() + peak(18, 0.3, 2) + peak(40, 0.6, 2)
    found = find_presets(E, curve)
    low, high = bounds(found, "first maximum")
    assert low < 18 < high < bounds(found, "white line")[0]
    assert bounds(found, "rising edge")[1] <= low


def test_a_flat_maximum_gets_no_more_than_eight_ev_to_either_side():
    found = find_presets(E, edge() + peak(35, 0.8, 15))
    assert bounds(found, "white line") == (27, 43)


def test_bounds_that_are_a_presets_get_its_name():
    presets = WindowPresets((EnergyWindow("white line", 14.0, 26.0),))
    assert presets.named(EnergyWindow("", 14, 26)).name == "white line"
    assert presets.named(EnergyWindow("white line", 14, 27)) == EnergyWindow("", 14, 27)


@pytest.mark.parametrize("key", ["feff10-3d", "fdmnes-v"])
def test_windows_of_the_mean_training_spectra_are_in_order_and_on_the_grid(key):
    model = load_model(key)
    assert model.mean_mu
    for mu in model.mean_mu.values():
        found = find_presets(model.energy_rel_ev, mu)
        assert {"rising edge", "white line", "post-edge"} <= {w.name for w in found.windows}
        for window in found.windows:
            assert E[0] <= window.low_ev < window.high_ev <= E[-1]
            assert window.low_ev % 0.5 == window.high_ev % 0.5 == 0
        assert bounds(found, "rising edge")[0] < bounds(found, "white line")[0]
        assert {w.name for w in found.windows}.isdisjoint(found.missing)


def test_a_spectrum_without_an_edge_is_refused():
    with pytest.raises(SpectrumError, match="it has no edge"):
        find_presets(E, 0.3 * edge())

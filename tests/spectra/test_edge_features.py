import numpy as np
import pytest

from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import SpectrumError
from xanes_core.spectra.edge_features import spectral_features
from xanes_core.spectra.grid import feff_to_grid
from xanes_core.spectra.kinds import XANES

E = XANES.energy_rel_ev


NAMES = (
    "edge_half_ev", "edge_steepest_ev", "white_line_ev", "white_line_height", "pre_edge_ev",
    "pre_edge_height",
)  # fmt: skip


def peak(centre, height, sigma=1.0):
    return height * np.exp(-((E - centre) ** 2) / (2 * sigma**2))


def edge(centre=10.0, width=1.0):
    return 1 / (1 + np.exp(-(E - centre) / width))


def test_reference_curve():
    found = spectral_features(E, edge(10) + peak(1, 0.1) + peak(20, 0.5, 3))
    assert found.edge_half_ev == pytest.approx(10, abs=0.02)
    assert found.edge_steepest_ev == pytest.approx(10, abs=0.02)
    assert found.white_line_ev == pytest.approx(20, abs=0.02)
    assert found.white_line_height == pytest.approx(1.5, abs=0.005)
    assert found.pre_edge_ev == pytest.approx(1, abs=0.02)
    assert found.pre_edge_height == pytest.approx(0.1, abs=0.005)


def test_a_shift_moves_energies_and_leaves_heights():
    curve = edge(10) + peak(1, 0.1) + peak(20, 0.5)
    here, there = spectral_features(E, curve), spectral_features(E + 3, curve)
    for name in NAMES:
        expected = getattr(here, name) + (3 if name.endswith("_ev") else 0)
        assert getattr(there, name) == pytest.approx(expected)


def test_a_pre_edge_peak_above_half_a_step_is_no_edge():
    found = spectral_features(E, edge(15) + peak(5, 0.9) + peak(25, 0.4, 2))
    assert found.edge_half_ev == pytest.approx(15, abs=0.02)
    assert found.edge_steepest_ev == pytest.approx(15, abs=0.1)
    assert found.pre_edge_ev == pytest.approx(5, abs=0.02)
    assert found.pre_edge_height == pytest.approx(0.9, abs=0.01)


def test_what_a_bare_edge_does_not_show_is_nan():
    found = spectral_features(E, edge(10))
    assert np.isnan([found.white_line_ev, found.white_line_height]).all()
    assert np.isnan([found.pre_edge_ev, found.pre_edge_height]).all()
    assert found.edge_half_ev == pytest.approx(10, abs=0.02)
    flat = spectral_features(E, 0 * E)
    assert np.isnan([getattr(flat, name) for name in NAMES]).all()


def test_a_straight_rise_is_steepest_somewhere_on_it():
    found = spectral_features([0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 0.6, 0.8, 0.9, 1.0])
    assert found.edge_steepest_ev == 0.5
    assert found.edge_half_ev == pytest.approx(5 / 6)


def test_ripples_far_from_the_edge_do_not_count():
    energy = np.linspace(-200, 400, 1801)
    curve = 1 / (1 + np.exp(-(energy - 10))) + 0.4 * np.exp(-((energy - 20) ** 2) / 8)
    curve += np.exp(-((energy - 300) ** 2) / 50) + 0.05 * np.exp(-((energy + 100) ** 2) / 8)
    found = spectral_features(energy, curve)
    assert found.white_line_ev == pytest.approx(20, abs=0.05)
    assert np.isnan(found.pre_edge_ev)


def test_thresholds_are_the_callers():
    curve = edge(10) + peak(1, 0.03) + peak(20, 0.1)
    assert np.isfinite(spectral_features(E, curve).pre_edge_ev)
    assert np.isnan(spectral_features(E, curve, pre_edge_prominence=0.05).pre_edge_ev)
    assert np.isnan(spectral_features(E, curve, prominence=0.2).white_line_ev)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spectral_features(E, [E, E]), "one curve"),
        (lambda: spectral_features(E[:-1], E), r"shape \(226,\)"),
        (lambda: spectral_features(E[:4], E[:4]), "at least five points"),
        (lambda: spectral_features(E, E, pre_edge_prominence=0), "must be positive"),
        (lambda: spectral_features(E, E, prominence=-1), "must be positive"),
        (lambda: spectral_features(E + 7112, E), "relative to E0"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(SpectrumError, match=message):
        call()


def test_theory_spectra_show_sensible_features(shared_data):
    data = np.load(shared_data / "feff10_v0" / "Fe.npz")
    curves = [
        feff_to_grid(e, m, e0_ev=K_EDGE_EV["Fe"], grid_rel_ev=E)
        for e, m in zip(data["energy_ev"], data["mu"], strict=True)
    ]
    found = [spectral_features(E, curve) for curve in curves]
    half, white, pre = (
        np.array([getattr(one, name) for one in found])
        for name in ("edge_half_ev", "white_line_ev", "pre_edge_ev")
    )
    assert 5 < half.mean() < 15
    assert np.all(white > half)
    shown = np.isfinite(pre)
    assert shown.sum() > 5
    assert np.all(pre[shown] < half[shown])

"""Measured spectra: what is taken, what is refused, and how points are joined."""

import numpy as np
import pytest

from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import SpectrumError
from xanes_core.refinement import Measured
from xanes_core.refinement.measured import STEP_EV
from xanes_core.spectra import Spectrum

E0 = K_EDGE_EV["Fe"]
ENERGY = E0 + np.arange(-30.0, 90.0, 0.5)
MU = 0.5 + np.arctan((ENERGY - E0 - 6) / 1.5) / np.pi


def measured(**changes):
    return Measured(**{"energies_ev": ENERGY, "mu": MU, "element": "Fe", **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"element": "Xx"}, "no K edge is tabulated for 'Xx'"),
        ({"mu": MU[:-1]}, "mu must be one value for each"),
        ({"mu": np.full(len(MU), np.nan)}, "mu must be finite"),
        ({"sigma": np.zeros(len(MU))}, "sigma must be positive"),
        ({"weights": -np.ones(len(MU))}, "weights must be positive"),
        ({"energies_ev": ENERGY[::-1]}, "energies must ascend"),
        ({"element": "Co"}, r"not at the K edge of Co, 7709 eV. They are at the edge of Fe"),
        ({"energies_ev": np.empty(0), "mu": np.empty(0)}, "has no points"),
    ],
)
def test_what_is_no_spectrum_of_the_edge(changes, said):
    with pytest.raises(SpectrumError, match=said):
        measured(**changes)


@pytest.mark.parametrize(
    ("window", "said"),
    [
        ((10, 0), "the window must ascend"),
        ((200, 300), "lies outside: the spectrum reaches from -30 to 90 eV. Move the window"),
        ((0, 4), "9 points over 4 eV lie in the window"),
    ],
)
def test_windows_that_hold_nothing(window, said):
    with pytest.raises(SpectrumError, match=said):
        measured().within(window)


def test_a_window_keeps_its_points():
    inside = measured(weights=np.full(len(MU), 0.5)).within((-10, 20))
    np.testing.assert_allclose(inside.energies_rel_ev, np.arange(-10, 20.5, 0.5))
    assert (inside.weights == 0.5).all()


def test_close_points_are_joined_and_their_noise_with_them():
    energy = E0 + np.arange(-20.0, 70.0, STEP_EV / 4)
    mu = 0.01 * (energy - E0)
    fine = measured(energies_ev=energy, mu=mu, sigma=np.full(len(energy), 0.02))
    inside = fine.within((-15, 60))
    assert len(inside) == pytest.approx(len(energy) * 75 / 90 / 4, abs=2)
    np.testing.assert_allclose(inside.mu, 0.01 * inside.energies_rel_ev, atol=1e-12)
    np.testing.assert_allclose(inside.sigma[1:-1], 0.01)  # a mean of four


def test_noise_is_read_off_the_points():
    rng = np.random.default_rng(0)
    noisy = measured(mu=MU + 0.02 * rng.standard_normal(len(MU)))
    assert noisy.noise()[0] == pytest.approx(0.02, rel=0.2)
    uneven = np.sort(E0 + rng.uniform(-30, 90, 4000))
    line = measured(energies_ev=uneven, mu=0.01 * (uneven - E0) + 0.02 * rng.standard_normal(4000))
    assert line.noise()[0] == pytest.approx(0.02, rel=0.1)
    assert measured(mu=0.01 * (ENERGY - E0)).noise()[0] == 1e-4
    few = measured(energies_ev=ENERGY[60:64], mu=MU[60:64])
    assert (few.noise() == 1e-3).all()


def test_weights_multiply():
    twice = measured().weighted({(0, 10): 0.5}).weighted({(5, 10): 0.5})
    relative = twice.energies_rel_ev
    assert set(twice.weights[(relative >= 5) & (relative <= 10)]) == {0.25}
    assert set(twice.weights[(relative > 10) | (relative < 0)]) == {1.0}
    with pytest.raises(SpectrumError, match="above 0 and up to 1, not 2"):
        measured().weighted({(0, 10): 2})


def of(**changes):
    metadata = {"element": "Fe", **changes.pop("metadata", {})}
    return Spectrum(ENERGY, changes.pop("mu", MU), E0, metadata)


def test_what_is_not_normalised_is():
    raw = of(mu=7 * MU + 0.2 + 1e-3 * (ENERGY - E0))
    plain = Measured.of(raw, sigma=np.full(len(MU), 0.07))
    assert plain.mu[-1] == pytest.approx(1.0, abs=0.1)
    assert plain.sigma[0] == pytest.approx(0.01, rel=0.1)
    assert "normalised here: edge step" in plain.notes[0]
    assert (Measured.of(of(metadata={"normalised": "yes"})).mu == MU).all()


@pytest.mark.parametrize(
    ("metadata", "element", "factor", "said"),
    [
        ({"element": "Ni"}, "Fe", 1, "the spectrum is of Ni, the absorber is Fe"),
        ({"element": ""}, None, 1, "does not say its element"),
        ({"spectrum": "xes"}, "Fe", 1, "this is an emission"),
        ({"normalised": "yes"}, "Fe", 50, "normalise it to an edge step of 1"),
    ],
)
def test_spectra_that_cannot_be_fitted(metadata, element, factor, said):
    with pytest.raises(SpectrumError, match=said):
        Measured.of(of(metadata=metadata, mu=factor * MU), element)

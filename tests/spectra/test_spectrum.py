import copy
import dataclasses
import pickle

import numpy as np
import pytest

from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import SpectrumError
from xanes_core.spectra.grid import feff_to_grid
from xanes_core.spectra.kinds import XANES
from xanes_core.spectra.spectrum import Spectrum, align, resample, scale, shift

E = 7112 + np.linspace(-20, 70, 271)
STEP = 0.5 + np.arctan((E - 7120) / 1.5) / np.pi + 0.4 * np.exp(-((E - 7126) ** 2) / 10)


def edge(energy):
    rise = 0.5 + np.arctan((energy - 7120) / 1.5) / np.pi
    return rise + 0.4 * np.exp(-((energy - 7126) ** 2) / 10)


def test_arrays_are_read_only_copies():
    energy, mu, metadata = E.copy(), STEP.copy(), {"a": "b"}
    spectrum = Spectrum(energy, mu, 7112, metadata)
    energy[0], mu[0], metadata["a"] = 0, 99, "c"
    assert spectrum.energy_ev[0] == E[0]
    assert spectrum.mu[0] == STEP[0]
    assert spectrum.metadata["a"] == "b"
    with pytest.raises(ValueError, match="read-only"):
        spectrum.mu[0] = 1
    with pytest.raises(TypeError, match="assignment"):
        spectrum.metadata["a"] = "x"
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign"):
        spectrum.e0_ev = 1.0


def test_plain_facts():
    spectrum = Spectrum([7111, 7113], [0, 1], 7112, {"notes": "one; two"})
    assert len(spectrum) == 2
    assert spectrum.energy_rel_ev.tolist() == [-1, 1]
    assert spectrum.energy_ev.dtype == np.float64
    assert spectrum.notes == ("one", "two")
    assert Spectrum([1, 2], [0, 1]).notes == ()
    assert spectrum.with_metadata(title="x").metadata == {"notes": "one; two", "title": "x"}


def test_a_spectrum_can_be_copied_and_sent_to_a_worker():
    spectrum = Spectrum(E, STEP, 7112, {"a": "b"})
    for other in (copy.deepcopy(spectrum), pickle.loads(pickle.dumps(spectrum))):
        np.testing.assert_array_equal(other.mu, spectrum.mu)
        assert other.metadata == spectrum.metadata
        assert not other.mu.flags.writeable


@pytest.mark.parametrize(
    ("energy", "mu", "options", "message"),
    [
        ([1, 2, 3], [1, 2], {}, "same length"),
        ([[1, 2]], [[1, 2]], {}, "one-dimensional"),
        ([1], [1], {}, "at least two points"),
        ([1, np.nan], [1, 2], {}, "finite"),
        ([1, 2], [1, np.inf], {}, "finite"),
        ([-1, 2], [1, 2], {}, "absolute and positive"),
        ([2, 1], [1, 2], {}, "ascend strictly"),
        ([1, 1], [1, 2], {}, "ascend strictly"),
        (["a", "b"], [1, 2], {}, "energies must be numbers"),
        ([1, 2], [None, {}], {}, "absorption values must be numbers"),
        ([1, 2], [1, 2], {"e0_ev": -5}, "E0 must be a positive"),
        ([1, 2], [1, 2], {"e0_ev": np.nan}, "E0 must be a positive"),
        ([1, 2], [1, 2], {"metadata": {"a": 1}}, "text to text"),
    ],
)
def test_what_is_no_spectrum(energy, mu, options, message):
    with pytest.raises(SpectrumError, match=message):
        Spectrum(energy, mu, **options)


def test_relative_energies_need_e0():
    with pytest.raises(SpectrumError, match="no E0"):
        Spectrum([1, 2], [1, 2]).energy_rel_ev  # noqa: B018


def test_shift_and_scale():
    spectrum = Spectrum(E, STEP, 7112, {"a": "b"})
    moved = scale(shift(spectrum, 2.5), 3.0)
    np.testing.assert_allclose(moved.energy_ev, E + 2.5)
    np.testing.assert_allclose(moved.mu, 3 * STEP)
    assert moved.e0_ev == 7112
    assert moved.metadata == spectrum.metadata
    with pytest.raises(SpectrumError, match="finite energy"):
        shift(spectrum, np.nan)
    for factor in (0, -1, np.inf):
        with pytest.raises(SpectrumError, match="factor must be positive"):
            scale(spectrum, factor)


def test_resampling_keeps_straight_lines():
    energy = np.sort(np.random.default_rng(0).uniform(7000, 7100, 60))
    spectrum = Spectrum(energy, 2 * energy - 5)
    target = np.linspace(energy[0], energy[-1], 23)
    result = resample(spectrum, target)
    np.testing.assert_allclose(result.mu, 2 * target - 5, rtol=1e-12)


def test_resampling_on_its_own_grid_changes_nothing():
    result = resample(Spectrum(E, STEP), E)
    np.testing.assert_allclose(result.mu, STEP, rtol=1e-14)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ([5, 15], "target reaches from 5.00 to 15.00 eV, the spectrum only from 10.00"),
        ([15, 31], "shorten the target"),
        ([15, 14], "must ascend strictly"),
        ([15], "at least two finite energies"),
        ([15, np.nan], "at least two finite energies"),
    ],
)
def test_resampling_refuses(target, message):
    with pytest.raises(SpectrumError, match=message):
        resample(Spectrum([10, 20, 30], [1.0, 2.0, 3.0]), target)


@pytest.mark.parametrize("true_shift", [-7.3, -0.4, 0.0, 3.217, 9.0])
def test_align_finds_shift_and_scale(true_shift):
    reference = Spectrum(E, 1.3 * edge(E - true_shift))
    found = align(Spectrum(E, STEP), reference, fit_scale=True)
    assert found.shift_ev == pytest.approx(true_shift, abs=2e-3)
    assert found.scale == pytest.approx(1.3, abs=1e-3)
    assert found.misfit < 2e-3
    assert found.misfit_before > found.misfit
    assert not found.at_bound
    np.testing.assert_allclose(found.aligned.energy_ev, E + found.shift_ev)
    assert found.overlap_ev[0] >= E[0] + 10
    assert found.overlap_ev[1] <= E[-1] - 10


def test_align_without_scale_leaves_the_heights():
    found = align(Spectrum(E, STEP), Spectrum(E[::2], edge(E[::2] - 2)))
    assert found.scale == 1.0
    assert found.shift_ev == pytest.approx(2, abs=1e-2)


def test_align_reports_a_shift_at_its_bound_and_keeps_to_a_window():
    found = align(Spectrum(E, STEP), Spectrum(E, edge(E - 6)), max_shift_ev=3)
    assert found.at_bound
    assert found.shift_ev == pytest.approx(3, abs=1e-3)
    window = align(Spectrum(E, STEP), Spectrum(E, edge(E - 1)), window_ev=(7115, 7130))
    assert 7115 <= window.overlap_ev[0] < window.overlap_ev[1] <= 7130


@pytest.mark.parametrize(
    ("reference", "options", "message"),
    [
        (Spectrum(E, STEP), {"max_shift_ev": 0}, "positive energy"),
        (Spectrum(E, STEP), {"max_shift_ev": 44.9}, "energies of the reference are covered"),
        (Spectrum(E + 500, STEP), {}, "only 0 energies"),
        (Spectrum(E, -STEP), {"fit_scale": True}, "do not resemble"),
    ],
)
def test_align_refuses(reference, options, message):
    with pytest.raises(SpectrumError, match=message):
        align(Spectrum(E, STEP), reference, **options)


# --- theory spectra on a model grid


def theory(start=-4.0, count=70):
    """Edge broadened by a Lorentzian on FEFF's kind of grid; its tail is the closed form."""
    energy = 7112 + start + np.cumsum(np.linspace(0.3, 2.0, count)) - 0.3
    return energy, 0.5 + np.arctan((energy - 7120) / 1.2) / np.pi


def below(energy, mu, start, step=1 / 3):
    """Energies and values from ``start`` to the first point of a spectrum, which is the last."""
    at = np.linspace(start, energy[0], int(np.ceil((energy[0] - start) / step)) + 1)
    return at, feff_to_grid(energy, mu, e0_ev=0.0, grid_rel_ev=at)


def test_the_tail_is_that_of_a_broadened_edge():
    energy, mu = theory()
    at, tail = below(energy, mu, 7112 - 40.0)
    exact = 0.5 + np.arctan((at - 7120) / 1.2) / np.pi
    np.testing.assert_allclose(tail, exact, rtol=0.03)
    np.testing.assert_array_equal(feff_to_grid(energy, mu, e0_ev=0.0, grid_rel_ev=energy), mu)


def test_the_tail_is_smooth_monotonic_and_vanishes():
    energy, mu = theory()
    at, tail = below(energy, mu, energy[0] - 1e-3, step=1e-4)
    slopes = np.diff(tail) / np.diff(at)
    assert slopes[8] == pytest.approx((mu[1] - mu[0]) / (energy[1] - energy[0]), rel=0.05)
    _, far = below(energy, mu, 100.0, step=1.0)
    assert np.all(np.diff(far) > 0)
    assert np.all(far > 0)
    assert far[0] < 0.01 * mu[0]


@pytest.mark.parametrize(("first", "rising"), [([0.02, 0.02, 0.02], True), ([0.03, 0.02], True)])
def test_a_start_that_does_not_rise_still_falls_off_downwards(first, rising):
    energy, mu = theory()
    mu[: len(first)] = first
    _, tail = below(energy, mu, energy[0] - 100)
    assert np.all(np.diff(tail) > 0) is np.bool_(rising)
    assert tail[0] < 0.2 * mu[0]


def test_a_start_at_or_below_zero_is_continued_by_zero():
    energy, mu = theory()
    mu[0] = -1e-4
    _, tail = below(energy, mu, energy[0] - 20)
    assert np.all(tail[:-1] == 0)


def test_feff_to_grid_agrees_with_the_closed_form():
    energy, mu = theory()
    grid = XANES.energy_rel_ev
    result = feff_to_grid(energy, mu, e0_ev=7112, grid_rel_ev=grid)
    assert result.shape == (226,)
    np.testing.assert_allclose(
        result, 0.5 + np.arctan((grid + 7112 - 7120) / 1.2) / np.pi, rtol=0.03, atol=4e-3
    )


def test_padding_is_ignored_and_the_order_of_the_grid_is_kept():
    energy, mu = theory()
    grid = XANES.energy_rel_ev
    plain = feff_to_grid(energy, mu, e0_ev=7112, grid_rel_ev=grid)
    padding = np.full(9, np.nan)
    padded = feff_to_grid(
        np.concatenate([energy, padding]),
        np.concatenate([mu, padding]).astype(np.float32),
        e0_ev=7112,
        grid_rel_ev=grid[::-1],
    )
    np.testing.assert_allclose(padded[::-1], plain, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e, m: (e[:3], m[:3]), "at least 4 points"),
        (lambda e, m: (e, m[1:]), "one length"),
        (lambda e, m: (e[None], m[None]), "one-dimensional"),
        (lambda e, m: (e, np.where(m > 0.5, np.nan, m)), "not finite"),
        (lambda e, m: (e[::-1], m), "ascend strictly"),
        (lambda e, m: (e[:20], m[:20]), "theory spectrum ends at .* check E0"),
        (lambda e, m: (e + 500, m), "do not overlap; check E0"),
    ],
)
def test_feff_to_grid_refuses(change, message):
    energy, mu = change(*theory())
    with pytest.raises(SpectrumError, match=message):
        feff_to_grid(energy, mu, e0_ev=7112, grid_rel_ev=XANES.energy_rel_ev)


def test_grids_and_starts_that_make_no_sense():
    energy, mu = theory()
    for grid, e0 in (([], 7112), ([0, np.nan], 7112), ([0.0], np.inf)):
        with pytest.raises(SpectrumError, match="finite numbers, in eV, and not empty"):
            feff_to_grid(energy, mu, e0_ev=e0, grid_rel_ev=grid)


@pytest.mark.parametrize("element", list(K_EDGE_EV))
def test_every_feff_spectrum_at_hand_is_continued_smoothly(shared_data, element):
    data = np.load(shared_data / "feff10_v0" / f"{element}.npz")
    grid = XANES.energy_rel_ev
    for energy, mu in zip(data["energy_ev"], data["mu"], strict=True):
        result = feff_to_grid(energy, mu, e0_ev=K_EDGE_EV[element], grid_rel_ev=grid)
        below = grid + K_EDGE_EV[element] < energy[0]
        assert below.sum() > 20
        assert np.all(np.diff(result[below]) > 0)
        assert 0 < result[0] < mu[0]
        assert np.abs(np.diff(result)).max() < 0.5

"""Several scans of one file are never averaged into one."""

import numpy as np
import pytest

from tests.spectra.look_alikes import ENERGY, MU, table
from xanes_core.errors import SpectrumError
from xanes_core.spectra.read import list_spectra, read_spectrum
from xanes_core.spectra.scans import scans_of

TWICE = np.concatenate([ENERGY, ENERGY])
BACK = np.concatenate([ENERGY, ENERGY[::-1]])
SHORTER = np.concatenate([ENERGY, ENERGY[:90]])


@pytest.mark.parametrize(
    ("energy", "second"),
    [
        (TWICE, 1.1 * MU),
        (BACK, 1.1 * MU[::-1]),
        (SHORTER, 1.1 * MU[:90]),
        (BACK[::-1], 1.1 * MU[::-1]),
    ],
)
@pytest.mark.parametrize("between", ["", "# next scan\n", "energy mu\n"])
def test_two_scans_one_after_the_other_are_listed_and_chosen(energy, second, between):
    mu = np.concatenate([MU, second])
    n = len(ENERGY)
    raw = table("energy mu\n", energy[:n], mu[:n]) + table(between, energy[n:], mu[n:])
    assert list_spectra(raw) == ("scan 1", "scan 2")
    with pytest.raises(SpectrumError, match=r"holds 2 spectra; choose one with group=.*: scan 1, "):
        read_spectrum(raw)
    order = np.argsort(energy[:n])
    np.testing.assert_allclose(read_spectrum(raw, group="scan 1").mu, mu[:n][order], atol=1e-8)
    order = np.argsort(energy[n:])
    for group in ("scan 2", 1, "1"):
        np.testing.assert_allclose(read_spectrum(raw, group=group).mu, mu[n:][order], atol=1e-8)


def test_a_group_that_is_not_there_is_refused():
    raw = table("energy mu\n", TWICE, np.tile(MU, 2))
    with pytest.raises(SpectrumError, match="no group of this name; the file has: scan 1, scan 2"):
        read_spectrum(raw, group="scan 3")
    with pytest.raises(SpectrumError, match="no group 2; the file has 0 to 1"):
        read_spectrum(raw, group=2)


def test_one_scan_is_one_spectrum():
    raw = table("energy mu\n", ENERGY, MU)
    assert list_spectra(raw) == ("",)
    np.testing.assert_array_equal(read_spectrum(raw, group=0).mu, read_spectrum(raw).mu)


def test_a_step_over_energies_left_out_is_no_new_scan():
    gap = np.concatenate([np.arange(12.0), 60.0 + np.arange(12.0)])
    assert scans_of(gap) == [slice(0, 24)]
    assert scans_of(np.tile(gap, 2)) == [slice(0, 24), slice(24, 48)]


def test_disorder_makes_no_scans():
    chance = np.random.default_rng(3)
    jitter = ENERGY + chance.normal(scale=2.0, size=ENERGY.size)
    glitch = ENERGY.copy()
    glitch[60] = 0.0
    repeated = np.repeat(ENERGY, 3)
    for energy in (ENERGY, ENERGY[::-1], jitter, glitch, repeated, chance.permutation(ENERGY)):
        assert scans_of(energy) == [slice(0, energy.size)]
    assert scans_of(np.full(50, 7112.0)) == [slice(0, 50)]
    missing = TWICE.copy()
    missing[[0, 30, 200]] = np.nan
    n = ENERGY.size
    assert scans_of(missing) == [slice(1, n), slice(n, 2 * n)]

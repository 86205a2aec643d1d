"""What there is to know of a kind of spectrum."""

import numpy as np
import pytest

from xanes_core.errors import SpectrumError
from xanes_core.spectra.kinds import SPECTRUM_KINDS, XANES, XES, band_limits, spectrum_kind


@pytest.mark.parametrize(
    ("kind", "first", "last", "n", "step"),
    [(XANES, -15.0, 60.0, 226, 1 / 3), (XES, -22.0, 14.0, 181, 0.2)],
)
def test_grids(kind, first, last, n, step):
    grid = kind.energy_rel_ev
    assert (grid[0], grid[-1], len(grid)) == (first, last, n)
    np.testing.assert_allclose(np.diff(grid), step, rtol=1e-12)


def test_errors_have_a_scale_that_can_be_read():
    assert (XANES.mse_factor, XANES.mse_label) == (1e3, "MSE (10\u207b\u00b3)")
    assert XES.mse_factor == 1e6


def test_emission_cannot_be_negative():
    values = np.array([[-1.0, 0.0], [2.0, -0.5]])
    np.testing.assert_array_equal(XES.possible(values), [[0.0, 0.0], [2.0, 0.0]])
    np.testing.assert_array_equal(XANES.possible(values), values)


def test_a_band_ends_at_zero_or_at_what_is_negative_already():
    lower, upper = band_limits(np.array([1.0, 0.1, 0.0, -0.2]), np.array([0.4, 0.4, 0.4, 0.4]))
    np.testing.assert_allclose(lower, [0.6, 0.0, 0.0, -0.2])
    np.testing.assert_allclose(upper, [1.4, 0.5, 0.4, 0.2])


def test_kinds_are_found_by_their_key():
    assert spectrum_kind("xes") is XES
    assert spectrum_kind(XANES) is XANES
    assert [kind.key for kind in SPECTRUM_KINDS.values()] == list(SPECTRUM_KINDS)
    with pytest.raises(SpectrumError, match="no spectra 'uv'; there are: xanes, xes"):
        spectrum_kind("uv")

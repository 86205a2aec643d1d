"""Tables against the database they are taken from."""

import numpy as np
import pytest
import xraydb
from ase.data import atomic_numbers

from xanes_core.constants import ABSORBERS, K_CORE_WIDTH_EV, K_EDGE_EV, R_CUT_ANG
from xanes_core.spectra.kinds import XANES


@pytest.mark.parametrize("element", ABSORBERS)
def test_edge_energy_is_that_of_xraydb(element):
    assert K_EDGE_EV[element] == xraydb.xray_edge(element, "K").energy


@pytest.mark.parametrize("element", ABSORBERS)
def test_core_hole_width_is_that_of_xraydb(element):
    assert K_CORE_WIDTH_EV[element] == pytest.approx(xraydb.core_width(element, "K"), abs=0.005)


def test_absorbers_are_the_row_from_ti_to_zn():
    assert [atomic_numbers[symbol] for symbol in ABSORBERS] == list(range(22, 31))
    assert tuple(K_EDGE_EV) == ABSORBERS == tuple(K_CORE_WIDTH_EV)


def test_grid():
    grid = XANES.energy_rel_ev
    assert grid.shape == (226,)
    assert (grid[0], grid[-1]) == (-15.0, 60.0)
    np.testing.assert_allclose(np.diff(grid), 1 / 3, rtol=1e-12)
    grid[0] = 0.0
    assert XANES.energy_rel_ev[0] == -15.0


def test_tables_cannot_be_changed():
    with pytest.raises(TypeError, match="does not support item assignment"):
        K_EDGE_EV["Fe"] = 0.0
    assert R_CUT_ANG == 6.0

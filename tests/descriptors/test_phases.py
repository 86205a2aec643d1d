"""Phase shifts: the shipped tables, elements without one, and matching to another level."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import spherical_jn, spherical_yn

from xanes_core.constants import ABSORBERS
from xanes_core.descriptors.phases import (
    ENERGY_EV,
    PhaseTable,
    matched,
    read_phases,
    shipped_phases,
)
from xanes_core.errors import DescriptorError
from xanes_core.files import array_bytes

TABLE = shipped_phases()


def test_the_shipped_tables_are_of_all_metals_and_common_neighbours():
    assert TABLE.absorbers == ABSORBERS
    assert {6, 7, 8, 9, 15, 16, 17, 35, 53} <= set(TABLE.numbers.tolist())
    np.testing.assert_array_equal(TABLE.energy_ev, ENERGY_EV)
    assert TABLE.origin
    assert (TABLE.momentum_au.imag > 0).all()  # waves are lost on the way, none is gained
    for part in (TABLE.scatterers, TABLE.absorber_s):
        assert np.abs(part).max() < 2.5  # 1 but for the width that they are matched to


@pytest.mark.parametrize(
    ("z", "relative"),
    [(26, 26), (31, 32), (51, 50), (52, 52), (46, 28), (79, 29), (82, 50), (57, 22), (3, 22)],
)
def test_an_element_without_a_table_takes_that_of_a_relative(z, relative):
    numbers = np.array([5, 6, 7, 8, 9, 14, 15, 16, 17, 32, 33, 34, 35, 50, 52, 53])
    marks = np.broadcast_to(numbers[:, None, None], (16, 30, 3)).astype(complex)
    metals = np.broadcast_to(np.arange(22, 31)[:, None, None], (9, 30, 3)).astype(complex)
    table = replace(TABLE, numbers=numbers, scatterers=marks, absorber_s=metals)
    assert table.scatterer(z)[0, 0].real == relative


def test_tables_survive_being_stored(tmp_path):
    path = tmp_path / "phases.npz"
    path.write_bytes(array_bytes(TABLE.to_arrays()))
    found = read_phases(path)
    assert found.sha256 == TABLE.sha256
    assert (found.runs, found.origin) == (TABLE.runs, TABLE.origin)
    changed = replace(TABLE, scatterers=TABLE.scatterers + 1e-3)
    assert changed.sha256 != TABLE.sha256


def test_bad_tables_are_refused(tmp_path):
    arrays = TABLE.to_arrays()
    with pytest.raises(DescriptorError, match="lack 'numbers'"):
        PhaseTable.from_arrays({k: v for k, v in arrays.items() if k != "numbers"})
    with pytest.raises(DescriptorError, match="do not fit together"):
        PhaseTable.from_arrays({**arrays, "momentum_au": TABLE.momentum_au[1:]})
    with pytest.raises(DescriptorError, match=r"nothing.npz cannot be read"):
        read_phases(tmp_path / "nothing.npz")
    with pytest.raises(DescriptorError, match="no phase shifts of U as an absorber"):
        TABLE.absorber("U")


def test_matching_to_the_same_level_changes_nothing_and_back_is_back():
    p, q = TABLE.momentum_au, np.sqrt(TABLE.momentum_au**2 + 0.3)
    s = TABLE.scatterer(8)
    np.testing.assert_allclose(matched(s, p, p, 1.5), s, rtol=1e-9)
    np.testing.assert_allclose(matched(matched(s, p, q, 1.5), q, p, 1.5), s, rtol=1e-7)


def test_a_square_well_matched_is_the_square_well_of_that_level():
    """Inside, a wave of momentum k; outside, p: the scattering matrix in closed form."""
    radius, inside = 1.6, np.full(3, 1.9 + 0.05j)

    def well(outside, order):
        def waves(momentum):
            z = momentum * radius
            j, y = spherical_jn(order, z), spherical_yn(order, z)
            dj = momentum * spherical_jn(order, z, derivative=True)
            dy = momentum * spherical_yn(order, z, derivative=True)
            return j, dj, y, dy

        f, df, _, _ = waves(inside)
        j, dj, y, dy = waves(outside)
        tangent = (j * df - dj * f) / (y * df - dy * f)
        return (1.0 + 1j * tangent) / (1.0 - 1j * tangent)

    p, q = np.array([0.8, 1.0, 1.3]) + 0.05j, np.array([0.9, 1.2, 1.4]) + 0.08j
    s = np.stack([well(p, order) for order in range(3)], axis=1)
    wanted = np.stack([well(q, order) for order in range(3)], axis=1)
    np.testing.assert_allclose(matched(s, p, q, radius), wanted, rtol=1e-9)

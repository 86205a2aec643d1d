"""What has to hold for any structure and any spectrum: examples are drawn by hypothesis."""

from __future__ import annotations

import io

import ase.io
import numpy as np
import pytest
from ase import Atoms
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from xanes_core.constants import K_EDGE_EV
from xanes_core.descriptors import CONVENTIONS, descriptor_by_name
from xanes_core.spectra import Spectrum, read_spectrum, scale, shift, write_spectrum
from xanes_core.structures import read_structures

ROOT = 20261126
#: Names of ASE for what it writes and we read.
FORMATS = ("xyz", "extxyz", "vasp", "gen", "proteindatabank")
few = settings(
    max_examples=12, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
many = settings(few, max_examples=40)
seeds = st.integers(0, 2**32 - 1)


@st.composite
def complexes(draw) -> Atoms:
    """A metal with two to eight neighbours at 1.8 to 2.6 A, some of them with hydrogen."""
    chance = np.random.default_rng([ROOT, draw(seeds)])
    metal = draw(st.sampled_from(sorted(K_EDGE_EV)))
    count = draw(st.integers(2, 8))
    directions = np.array(_spread(chance, count))
    lengths = chance.uniform(1.8, 2.6, count)
    donors = chance.choice(["O", "N", "C", "Cl", "S"], count)
    inner = directions * lengths[:, None]
    outer = directions * (lengths + 1.1)[:, None]
    with_hydrogen = chance.random(count) < 0.5
    symbols = [metal, *donors, *["H"] * int(with_hydrogen.sum())]
    return Atoms(symbols, np.vstack([np.zeros(3), inner, outer[with_hydrogen]]))


def _spread(chance: np.random.Generator, count: int) -> list[np.ndarray]:
    """Directions of which no two are within 35 degrees."""
    found: list[np.ndarray] = []
    while len(found) < count:
        one = chance.normal(size=3)
        one /= np.linalg.norm(one)
        if all(one @ other < np.cos(np.radians(35)) for other in found):
            found.append(one)
    return found


@pytest.mark.parametrize("convention", CONVENTIONS)
@few
@given(atoms=complexes(), seed=seeds)
def test_a_descriptor_does_not_see_how_a_structure_lies(convention, atoms, seed):
    chance = np.random.default_rng([ROOT, seed])
    descriptor = descriptor_by_name(convention)
    wanted = descriptor.transform(atoms, 0)
    order = chance.permutation(len(atoms))
    moved = atoms[order]
    turn = Rotation.random(rng=chance)
    moved.positions = turn.apply(moved.positions) + chance.uniform(-50, 50, 3)
    moved.positions *= chance.choice([1, -1])  # and its mirror image absorbs alike
    found = descriptor.transform(moved, int(np.flatnonzero(order == 0)[0]))
    scales = np.maximum(np.abs(wanted), 1e-3)
    # multiple scattering is calculated in single precision
    within = 1e-4 if convention == "scattering" else 1e-6
    np.testing.assert_allclose(found / scales, wanted / scales, atol=within)


@many
@given(
    atoms=complexes(), format=st.sampled_from(["xyz", "extxyz", "vasp", "gen", "proteindatabank"])
)
def test_structures_come_back_as_other_programs_write_them(atoms, format):
    stream = io.StringIO()
    written = atoms.copy()
    if format == "vasp":  # which holds no molecule without a box
        written.set_cell([20, 21, 22])
        written.pbc = True
    ase.io.write(stream, written, format=format, **({"sort": False} if format == "vasp" else {}))
    ending = {"proteindatabank": "pdb"}.get(format, format)
    (found,) = read_structures(stream.getvalue().encode(), name=f"a.{ending}")
    assert found.get_chemical_symbols() == atoms.get_chemical_symbols()
    gaps = found.positions - atoms.positions
    if format == "vasp":  # positions may come back wrapped into the box
        gaps -= np.round(gaps / [20, 21, 22]) * [20, 21, 22]
    assert np.abs(gaps).max() < (2e-3 if format == "proteindatabank" else 1e-6)


@st.composite
def spectra(draw) -> Spectrum:
    """An edge with a white line on a grid of any spacing."""
    element = draw(st.sampled_from(sorted(K_EDGE_EV)))
    chance = np.random.default_rng([ROOT, draw(seeds)])
    count = draw(st.integers(40, 200))
    e0 = K_EDGE_EV[element]
    energy = e0 - 40 + np.cumsum(chance.uniform(0.5, 2.0, count)) * 120 / (1.25 * count)
    edge = e0 + chance.uniform(-3, 3)
    mu = 0.5 + np.arctan((energy - edge) / 1.5) / np.pi
    mu += chance.uniform(0, 1) * np.exp(-(((energy - edge - 5) / 3) ** 2))
    return Spectrum(energy, mu, e0, {"element": element, "edge": "K"})


@many
@given(spectrum=spectra(), format=st.sampled_from(["csv", "xdi"]))
def test_spectra_come_back_as_they_were_written(spectrum, format):
    data = write_spectrum(spectrum, format).encode()
    found = read_spectrum(data, name=f"a.{format}", element=spectrum.metadata["element"])
    np.testing.assert_allclose(found.energy_ev, spectrum.energy_ev, atol=2e-3)
    np.testing.assert_allclose(found.mu, spectrum.mu, atol=1e-5)
    assert found.metadata["element"] == spectrum.metadata["element"]


@many
@given(spectrum=spectra(), by_ev=st.floats(-20, 20), factor=st.floats(0.1, 10))
def test_shifts_and_scales_are_undone(spectrum, by_ev, factor):
    moved = shift(spectrum, by_ev)
    np.testing.assert_allclose(moved.energy_ev - spectrum.energy_ev, by_ev, atol=1e-8)
    np.testing.assert_array_equal(moved.mu, spectrum.mu)
    assert moved.e0_ev == spectrum.e0_ev
    back = scale(scale(shift(moved, -by_ev), factor), 1 / factor)
    np.testing.assert_allclose(back.energy_ev, spectrum.energy_ev, atol=1e-8)
    np.testing.assert_allclose(back.mu, spectrum.mu, rtol=1e-12, atol=1e-15)


@many
@given(spectrum=spectra())
def test_a_scan_downwards_is_the_scan_upwards(spectrum):
    rows = np.column_stack([spectrum.energy_ev, spectrum.mu])[::-1]
    element = spectrum.metadata["element"]
    for separator in (" ", ",", "\t"):
        stream = io.StringIO()
        np.savetxt(stream, rows, fmt="%.8f", delimiter=separator, header="energy_ev mu")
        found = read_spectrum(stream.getvalue().encode(), name="a.dat", element=element)
        np.testing.assert_allclose(found.energy_ev, spectrum.energy_ev, atol=1e-7)
        np.testing.assert_allclose(found.mu, spectrum.mu, atol=1e-7)

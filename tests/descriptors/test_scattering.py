"""Multiple scattering against reference numbers, closed forms and what must not matter to it."""

from dataclasses import replace

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.units import Bohr
from scipy.special import spherical_jn, spherical_yn

from tests.places import FILES
from xanes_core.constants import ABSORBERS
from xanes_core.descriptors.phases import PhaseTable, read_phases, shipped_phases
from xanes_core.descriptors.scattering import Scattering
from xanes_core.errors import DescriptorError
from xanes_core.structures.environments import environment

FOLDER = FILES / "scattering"
STRUCTURES = ase.io.read(FOLDER / "structures.extxyz", index=":")
SHIPPED = Scattering()


def chi(descriptor, atoms, absorber=0):
    return descriptor.chi(environment(atoms, absorber, 6.0))


def agrees(found, wanted, rtol=1e-4):
    """Relative to the size of the whole curve: it passes through zero."""
    assert np.abs(found - wanted).max() <= rtol * np.abs(wanted).max()


def waves_alone(*orders):
    """The shipped tables with these waves of scatterers alone; the absorber scatters none back."""
    table = shipped_phases()
    chosen = np.isin(np.arange(3), orders)
    s = 1.0 + chosen * (table.scatterers - 1.0)
    return replace(table, scatterers=s, absorber_s=np.ones_like(table.absorber_s))


# --- numbers -------------------------------------------------------------------------------------


def test_it_agrees_with_the_stored_reference():
    tables = Scattering(phases=read_phases(FOLDER / "phases.npz"))
    with np.load(FOLDER / "reference.npz", allow_pickle=False) as stored:
        names, wanted = stored["name"].tolist(), stored["chi"]
    assert names == [atoms.info["name"] for atoms in STRUCTURES]
    for atoms, one in zip(STRUCTURES, wanted, strict=True):
        agrees(chi(tables, atoms), one)


def test_it_agrees_with_the_shared_reference(shared_data):
    folder = shared_data / "scattering"
    with np.load(folder / "phases.npz", allow_pickle=False) as stored:
        numbers = [int(key[2:]) for key in stored.files if key[2:].isdigit()]
        tables = PhaseTable(
            energy_ev=stored["em_ev"],
            momentum_au=stored["p_au"],
            numbers=np.array(numbers),
            scatterers=np.array([stored[f"S_{z}"] for z in numbers]),
            absorbers=ABSORBERS,
            absorber_s=np.array([stored[f"S_abs_{element}"] for element in ABSORBERS]),
        )
    structures = ase.io.read(shared_data / "wacsf_reference.extxyz", index=":")
    with np.load(folder / "reference.npz", allow_pickle=False) as stored:
        wanted = stored["scattering"]
    assert wanted.shape == (14, 30)
    for atoms, one in zip(structures, wanted, strict=True):
        agrees(chi(Scattering(phases=tables), atoms), one)


def test_features_are_arcsinh_of_real_and_imaginary_part():
    atoms = STRUCTURES[0]
    found, wave = SHIPPED.transform(atoms), chi(SHIPPED, atoms)
    np.testing.assert_allclose(np.sinh(found[:30]), wave.real, rtol=1e-12)
    np.testing.assert_allclose(np.sinh(found[30:]), wave.imag, rtol=1e-12)
    assert SHIPPED.n_features == len(SHIPPED.feature_names) == 60
    assert SHIPPED.feature_names[0] == "scattering Re E=-13.0 eV"
    assert SHIPPED.feature_names[-1] == "scattering Im E=+50.0 eV"


# --- physics -------------------------------------------------------------------------------------


def test_a_free_atom_scatters_nothing():
    np.testing.assert_array_equal(SHIPPED.transform(Atoms("Fe")), np.zeros(60))
    far = Atoms("FeOH", [[0, 0, 0], [4.0, 0, 0], [0, 1.6, 0]])  # beyond the cut-off, and hydrogen
    np.testing.assert_array_equal(SHIPPED.transform(far), np.zeros(60))


@pytest.mark.parametrize(("symbol", "order"), [("O", 0), ("O", 1), ("Cl", 2)])
def test_one_neighbour_scatters_once_as_the_closed_form_says(symbol, order):
    """K edge, spherical waves: -t_l [l h_(l-1)^2 + (l+1) h_(l+1)^2].

    Gurman, Binsted and Ross, J. Phys. C 17, 143 (1984), doi 10.1088/0022-3719/17/1/019.
    """
    tables = waves_alone(order)
    atoms = Atoms(f"Fe{symbol}", [[0, 0, 0], [0.9, 1.2, 1.1]])
    z = tables.momentum_au * atoms.get_distance(0, 1) / Bohr

    def hankel(degree):
        return spherical_jn(degree, z) + 1j * spherical_yn(degree, z)

    t = (tables.scatterer(atoms.numbers[1])[:, order] - 1.0) / 2j
    lower = order * hankel(order - 1) ** 2 if order else 0.0
    wanted = -t * (lower + (order + 1) * hankel(order + 1) ** 2)
    agrees(chi(Scattering(phases=tables), atoms), wanted, rtol=1e-6)


def test_waves_of_light_neighbours_end_at_l_1():
    atoms = Atoms("FeO", [[0, 0, 0], [0, 0, 1.9]])
    only_d = Scattering(phases=waves_alone(2))
    assert np.abs(chi(only_d, atoms)).max() == 0
    assert np.abs(chi(only_d, Atoms("FeCl", atoms.positions))).max() > 1e-3


def test_paths_over_two_atoms_go_with_the_product_of_their_strengths():
    """What a pair does beyond the sum of its atoms is of second order in their amplitudes."""

    def of_pair(strength):
        tables = waves_alone(0, 1)
        weak = Scattering(
            phases=replace(tables, scatterers=1.0 + strength * (tables.scatterers - 1.0))
        )
        c, o = [0.3, 0, 1.8], [0, 0, 2.95]
        both = chi(weak, Atoms("FeCO", [[0, 0, 0], c, o]))
        return (
            both - chi(weak, Atoms("FeC", [[0, 0, 0], c])) - chi(weak, Atoms("FeO", [[0, 0, 0], o]))
        )

    agrees(of_pair(0.02), 4.0 * of_pair(0.01), rtol=0.05)
    assert np.abs(of_pair(1.0)).max() > 0.02


@pytest.mark.parametrize("element", ABSORBERS)
def test_every_absorber_has_phase_shifts_of_its_own(element):
    atoms = Atoms([element, "O", "N"], [[0, 0, 0], [2, 0, 0], [0, 2, 0]])
    other = atoms.copy()
    other.symbols[0] = "Mn" if element != "Mn" else "Fe"
    assert np.abs(SHIPPED.transform(atoms) - SHIPPED.transform(other)).max() > 0.01


# --- invariances ---------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(len(STRUCTURES)))
def test_turning_moving_and_reordering_change_nothing(number):
    rng = np.random.default_rng(number)
    atoms, found = STRUCTURES[number], SHIPPED.transform(STRUCTURES[number])
    other = atoms.copy()
    other.rotate(rng.uniform(0, 180), rng.normal(size=3), center=(1.0, 2.0, 3.0))
    other.translate(rng.normal(size=3))
    order = rng.permutation(len(atoms))
    before = other.positions.copy()
    moved = SHIPPED.transform(other[order], int(np.flatnonzero(order == 0)[0]))
    np.testing.assert_allclose(moved, found, atol=2e-5)  # single precision
    np.testing.assert_array_equal(other.positions, before)


def test_an_atom_fades_in_smoothly_at_the_cut_off():
    def at(r):
        return SHIPPED.transform(Atoms("FeOCl", [[0, 0, 0], [1.9, 0, 0], [0, 0, r]]))

    without = SHIPPED.transform(Atoms("FeO", [[0, 0, 0], [1.9, 0, 0]]))
    r = np.linspace(3.3, 4.1, 161)
    curve = np.array([at(one) for one in r])
    np.testing.assert_allclose(at(3.9999), without, atol=1e-5)
    np.testing.assert_allclose(at(4.2), without, atol=1e-5)
    assert np.abs(curve[0] - without).max() > 0.02
    # no step at the cut-off, and no kink: slopes change little from one point to the next
    slopes = np.diff(curve, axis=0) / (r[1] - r[0])
    assert np.abs(np.diff(curve, axis=0)).max() < 0.05
    assert np.abs(np.diff(slopes, axis=0)).max() < 0.25 * np.abs(slopes).max()


def test_many_sites_are_rows_of_one_table():
    found = SHIPPED.transform_many((atoms, 0) for atoms in STRUCTURES)
    np.testing.assert_array_equal(found[2], SHIPPED.transform(STRUCTURES[2]))
    assert SHIPPED.transform_many([]).shape == (0, 60)


# --- refusals ------------------------------------------------------------------------------------


def test_what_cannot_be_computed_is_refused():
    with pytest.raises(DescriptorError, match="no phase shifts of Mo as an absorber; there are"):
        SHIPPED.transform(Atoms("MoO", [[0, 0, 0], [0, 0, 1.7]]))
    with pytest.raises(DescriptorError, match="two atoms lie on each other"):
        SHIPPED.transform(Atoms("FeO2", [[0, 0, 0], [0, 0, 2], [0, 0, 2]]))
    with pytest.raises(DescriptorError, match="fade_ang must lie above 0"):
        Scattering(fade_ang=5.0)

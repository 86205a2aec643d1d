"""Three-body paths against reference numbers, closed forms and what must not matter to them."""

import ase.io
import numpy as np
import pytest
from ase import Atoms

from tests.places import FILES
from xanes_core.descriptors.paths import ANGLES, SCATTERERS, Paths
from xanes_core.errors import DescriptorError
from xanes_core.structures.environments import Environment, environment

FOLDER = FILES / "scattering"
STRUCTURES = ase.io.read(FOLDER / "structures.extxyz", index=":")
SHARP = Paths(tie_ang=0.0)
SMOOTH = Paths()


def table(features):
    """(kinds of scatterer, angular functions, half lengths)."""
    return features.reshape(len(SCATTERERS), len(ANGLES), -1)


def test_it_agrees_with_the_stored_reference():
    with np.load(FOLDER / "reference.npz", allow_pickle=False) as stored:
        wanted = stored["paths"]
    found = SHARP.transform_many((atoms, 0) for atoms in STRUCTURES)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


def test_it_agrees_with_the_shared_reference(shared_data):
    structures = ase.io.read(shared_data / "wacsf_reference.extxyz", index=":")
    with np.load(shared_data / "scattering" / "reference.npz", allow_pickle=False) as stored:
        wanted = stored["paths"]
    first = wanted.shape[1] - SHARP.n_features
    assert not wanted[:, :first].any()  # of hydrogen, which is not counted
    found = SHARP.transform_many((atoms, 0) for atoms in structures)
    np.testing.assert_allclose(found, wanted[:, first:], rtol=1e-9, atol=1e-12)


def test_a_straight_path_is_where_the_formula_puts_it():
    r_ij, r_jk = 1.8, 1.2
    found = table(SMOOTH.transform(Atoms("FeCO", [[0, 0, 0], [0, 0, r_ij], [0, 0, r_ij + r_jk]])))
    half = r_ij + r_jk
    amplitude = 8.0 / (r_ij * r_jk * half) * (np.cos(np.pi * half / 5.3) + 1.0) / 2.0
    gauss = np.exp(-(((half - np.array(SMOOTH.lengths_ang)) / 0.15) ** 2) / 2.0)
    carbon = SCATTERERS.index(("C",))
    np.testing.assert_allclose(found[carbon, 0], amplitude * gauss, rtol=1e-12)
    np.testing.assert_allclose(found[carbon, 1], amplitude * gauss, rtol=1e-12)
    np.testing.assert_allclose(found[:, 2:], 0.0, atol=1e-12)
    np.testing.assert_allclose(np.delete(found, carbon, axis=0), 0.0, atol=1e-12)


def test_a_bent_path_is_weaker_and_an_opposite_pair_is_told():
    def at(angle):
        r = 1.8 + 1.2 * np.exp(1j * np.radians(angle))
        return table(SMOOTH.transform(Atoms("FeCO", [[0, 0, 0], [1.8, 0, 0], [r.real, r.imag, 0]])))

    focusing = [at(angle)[0, 0].sum() for angle in (0, 20, 40)]
    assert focusing[0] > 1.5 * focusing[1] > 3.0 * focusing[2]
    trans = table(SMOOTH.transform(Atoms("FeN2", [[0, 0, 0], [0, 0, 2], [0, 0, -2]])))
    cis = table(SMOOTH.transform(Atoms("FeN2", [[0, 0, 0], [0, 0, 2], [0, 2, 0]])))
    assert trans[1, 3].max() > 0.05
    assert cis[1, 3].max() < 0.02 * trans[1, 3].max()


def test_unlisted_elements_and_hydrogen():
    xyz = [[0, 0, 0], [0, 0, 2.4], [0, 1.9, 2.4]]
    np.testing.assert_array_equal(
        SMOOTH.transform(Atoms("FePtO", xyz)), SMOOTH.transform(Atoms("FePO", xyz))
    )
    np.testing.assert_array_equal(SMOOTH.transform(Atoms("FePH", xyz)), np.zeros(SMOOTH.n_features))


@pytest.mark.parametrize("number", range(len(STRUCTURES)))
def test_turning_moving_and_reordering_change_nothing(number):
    rng = np.random.default_rng(number)
    atoms, found = STRUCTURES[number], SMOOTH.transform(STRUCTURES[number])
    other = atoms.copy()
    other.rotate(rng.uniform(0, 180), rng.normal(size=3), center=(1.0, 2.0, 3.0))
    order = rng.permutation(len(atoms))
    moved = SMOOTH.transform(other[order], int(np.flatnonzero(order == 0)[0]))
    np.testing.assert_allclose(moved, found, rtol=1e-7, atol=1e-10)


def test_features_do_not_jump_when_the_other_atom_becomes_the_nearer():
    def step(descriptor):
        rows = [
            descriptor.transform(Atoms("FeNO", [[0, 0, 0], [0, 0, 2.0], [0, 2.0 + d, 0]]))
            for d in (-1e-4, 1e-4)
        ]
        return np.abs(rows[1] - rows[0]).max()

    assert step(SHARP) > 0.05
    assert step(SMOOTH) < 0.01 * step(SHARP)


def test_an_environment_need_not_be_in_the_order_of_its_distances():
    """As when an atom of it is moved."""
    env = environment(STRUCTURES[1], 0)
    order = np.random.default_rng(0).permutation(len(env.numbers))
    mixed = Environment(
        env.absorber_z, env.numbers[order], env.positions_ang[order], env.distances_ang[order]
    )
    for paths in (SHARP, SMOOTH):
        np.testing.assert_allclose(
            paths.transform_environment(mixed), paths.transform_environment(env), atol=1e-12
        )


def test_features_are_named_in_their_order():
    assert SMOOTH.n_features == len(SMOOTH.feature_names) == 5 * 4 * 21
    assert SMOOTH.feature_names[0] == "path[C] focusing R=2.00 A"
    assert SMOOTH.feature_names[-1] == "path[B/Si/P/S/As/Se] opposite R=5.00 A"
    assert set(SMOOTH.feature_kinds) == {f"path[{'/'.join(group)}]" for group in SCATTERERS}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lengths_ang": (2.0,)}, "two or more ascending"),
        ({"lengths_ang": (2.0, 2.5, 3.5)}, "two or more ascending"),
        ({"lengths_ang": (3.0, 2.5, 2.0)}, "two or more ascending"),
        ({"lengths_ang": (2.0, 4.0)}, "reaches beyond r_cut_ang"),
        ({"tie_ang": -0.1}, "tie_ang must be 0 or more"),
    ],
)
def test_parameters_without_a_meaning_are_refused(change, message):
    with pytest.raises(DescriptorError, match=message):
        Paths(**change)


def test_atoms_on_each_other_are_refused():
    for xyz in ([[0, 0, 0], [0, 0, 2], [0, 0, 2]], [[0, 0, 0], [0, 0, 0], [0, 0, 2]]):
        with pytest.raises(DescriptorError, match="two atoms lie on each other"):
            SMOOTH.transform(Atoms("FeO2", xyz))

"""Effects of atoms against predictions of changed structures."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, make_supercell
from scipy.spatial.transform import Rotation

from tests.tiny_models import tiny_model
from xanes_core.descriptors.wacsf import WACSF
from xanes_core.errors import ModelError, SpectrumError, StructureError
from xanes_core.importance.atom_effects import local_effects
from xanes_core.structures import Environment

#: Rounding of the networks' single precision.
CLOSE = {"atol": 3e-6}


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(scope="module")
def toy():
    """Iron with an oxygen, a nitrogen, a carbon in the second shell and one far away."""
    return Atoms(
        "CFeOCNC",
        [[0, 0, 9.0], [0, 0, 0], [2.0, 0, 0], [2.5, 2.0, 0], [0, 2.2, 0.3], [0, -4.5, 0]],
    )


@pytest.fixture(scope="module")
def effects(model, toy):
    return local_effects(model, toy)


def mu(model, atoms, absorber=1):
    return model.predict(atoms, absorber).mu


def without(atoms, indices):
    kept = atoms.copy()
    absorber = 1 - sum(i < 1 for i in indices)
    del kept[list(indices)]
    return kept, absorber


def moved(atoms, index, step, absorber=1):
    changed = atoms.copy()
    line = atoms.positions[index] - atoms.positions[absorber]
    changed.positions[index] += step * line / np.linalg.norm(line)
    return changed


def test_atoms_come_by_distance(effects):
    assert effects.atoms.tolist() == [2, 4, 3, 5]
    assert effects.elements == ("O", "N", "C", "C")
    wanted = [2.0, np.hypot(2.2, 0.3), np.hypot(2.5, 2.0), 4.5]
    np.testing.assert_allclose(effects.distances_ang, wanted)
    assert effects.n_images.tolist() == [1, 1, 1, 1]
    assert (effects.absorber, effects.n_atoms, effects.step_ang) == (1, 6, 0.05)


def test_removal_is_the_prediction_without_the_atom(model, toy, effects):
    np.testing.assert_allclose(effects.mu, mu(model, toy), **CLOSE)
    for row, index in zip(effects.removed, effects.atoms, strict=True):
        changed, absorber = without(toy, [index])
        wanted = mu(model, changed, absorber) - mu(model, toy)
        np.testing.assert_allclose(row, wanted, **CLOSE)
        assert np.abs(wanted).max() > 1e-4


def test_two_atoms_and_both_at_once(model):
    """The sum of two removals and what the atoms do together, all recomputed directly."""
    pair = Atoms("OFeN", [[1.9, 0, 0], [0, 0, 0], [0, 2.1, 0]])
    found = local_effects(model, pair)
    oxygen, nitrogen = Atoms("OFe", pair.positions[:2]), Atoms("FeN", pair.positions[1:])
    total = mu(model, nitrogen, 0) + mu(model, oxygen, 1) - 2 * mu(model, pair)
    np.testing.assert_allclose(found.removed.sum(axis=0), total, **CLOSE)
    nothing = Environment(26, np.empty(0, int), np.empty((0, 3)), np.empty(0))
    x = model.descriptor.transform_environment(nothing)[None]
    bare = model.predict_features(x, np.array(["Fe"])).mu[0] - mu(model, pair)
    assert found.shells == ("first coordination (0 to 2.5 A)",)
    np.testing.assert_allclose(found.shell_removed[0], bare, **CLOSE)


def test_movement_is_half_the_difference_of_longer_and_shorter(model, toy, effects):
    for row, index in zip(effects.moved, effects.atoms, strict=True):
        longer, shorter = (mu(model, moved(toy, index, step)) for step in (0.05, -0.05))
        np.testing.assert_allclose(row, (longer - shorter) / 2, **CLOSE)
    assert np.abs(effects.moved[0]).max() > 1e-4


def test_the_step_can_be_chosen(model, toy):
    found = local_effects(model, toy, 1, step_ang=0.1)
    wanted = (mu(model, moved(toy, 2, 0.1)) - mu(model, moved(toy, 2, -0.1))) / 2
    np.testing.assert_allclose(found.moved[0], wanted, **CLOSE)


def test_shells_are_removed_as_a_whole(model, toy, effects):
    labels = ("first coordination (0 to 2.5 A)", "second shell (2.5 to 3.75 A)")
    assert effects.shells == (*labels, "further (from 3.75 A)")
    assert effects.shell_sizes.tolist() == [2, 1, 1]
    for row, members in zip(effects.shell_removed, ([2, 4], [3], [5]), strict=True):
        changed, absorber = without(toy, members)
        np.testing.assert_allclose(row, mu(model, changed, absorber) - mu(model, toy), **CLOSE)


def test_atoms_beyond_the_cut_off_change_nothing(model, toy, effects):
    assert 0 not in effects.atoms
    spread = effects.by_atom(effects.removed)
    assert spread.shape == (6, len(effects.mu))
    assert (spread[[0, 1]] == 0).all()
    np.testing.assert_array_equal(spread[[2, 4, 3, 5]], effects.removed)
    near, absorber = without(toy, [0])
    found = local_effects(model, near, absorber)
    np.testing.assert_array_equal(found.removed_members, effects.removed_members)
    np.testing.assert_array_equal(found.moved_members, effects.moved_members)


def test_an_atom_that_leaves_the_cut_off_is_not_seen(model, monkeypatch):
    seen = []
    transform = WACSF.transform_environment

    def spy(self, env):
        seen.append(env.distances_ang)
        return transform(self, env)

    monkeypatch.setattr(WACSF, "transform_environment", spy)
    local_effects(model, Atoms("OFeS", [[2.0, 0, 0], [0, 0, 0], [0, 0, 5.97]]))
    told = [[2, 5.97], [5.97], [2], [5.97], [2], [2.05, 5.97], [2], [1.95, 5.97], [2, 5.92]]
    assert [np.round(r, 6).tolist() for r in seen] == told


def test_members_are_kept_and_their_mean_is_told(model, toy, effects):
    m = model.ensemble.n_members
    assert effects.removed_members.shape == (m, 4, len(effects.mu))
    changed, absorber = without(toy, [2])
    wanted = model.predict(changed, absorber).members - model.predict(toy, 1).members
    np.testing.assert_allclose(effects.removed_members[:, 0], wanted, **CLOSE)
    np.testing.assert_allclose(effects.removed, effects.removed_members.mean(axis=0))


def test_a_window_is_the_average_over_its_energies(effects):
    inside = (effects.energy_rel_ev >= 0) & (effects.energy_rel_ev <= 10)
    window = effects.window(0, 10)
    pairs = {"removed": "removed", "moved": "moved", "shell_removed": "shell"}
    for name, stored in pairs.items():
        members = getattr(effects, f"{stored}_members")[:, :, inside].mean(axis=2)
        np.testing.assert_allclose(getattr(window, name), members.mean(axis=0))
        np.testing.assert_allclose(getattr(window, f"{name}_std"), members.std(axis=0, ddof=1))
        wanted = getattr(effects, name)[:, inside].mean(axis=1)
        np.testing.assert_allclose(getattr(window, name), wanted)
    assert (window.low_ev, window.high_ev) == (0.0, 10.0)
    assert effects.by_atom(window.removed).shape == (6,)
    with pytest.raises(SpectrumError, match="no energy of the model lies in the window"):
        effects.window(900, 901)


def same(found, wanted, order):
    for name in ("removed_members", "moved_members", "shell_members"):
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), **CLOSE)
    assert found.elements == wanted.elements
    assert [order[i] for i in found.atoms] == wanted.atoms.tolist()


def test_rotation_translation_and_order_of_atoms_do_not_matter(model, toy, effects):
    turned = toy.copy()
    turned.positions = Rotation.from_rotvec([0.4, -1.1, 2.0]).apply(toy.positions)
    turned.translate([5, -7, 1])
    same(local_effects(model, turned), effects, range(6))
    order = [3, 5, 1, 0, 4, 2]
    same(local_effects(model, toy[order]), effects, order)


# --- crystals -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crystal():
    return bulk("VN", "rocksalt", 4.14)


def test_images_go_together(model, crystal):
    found = local_effects(model, crystal)
    assert found.elements == ("N", "V")
    assert found.n_images.tolist() == [6 + 8 + 24, 12 + 6 + 24 + 12]
    np.testing.assert_allclose(found.distances_ang, [2.07, 4.14 / np.sqrt(2)])
    assert found.shell_sizes.sum() == found.n_images.sum()
    metal = crystal[[0]]
    wanted = mu(model, metal, 0) - mu(model, crystal, 0)
    np.testing.assert_allclose(found.removed[0], wanted, **CLOSE)


def test_images_move_each_along_its_own_line(model, crystal):
    """All nitrogen further by a step, checked on a cluster cut out of the crystal."""
    cluster = make_supercell(crystal, 6 * np.eye(3))
    metals = np.flatnonzero(cluster.numbers == 23)
    middle = cluster.positions[metals].mean(axis=0)
    centre = metals[np.linalg.norm(cluster.positions[metals] - middle, axis=1).argmin()]
    cluster.positions -= cluster.positions[centre]
    cluster.pbc = False
    r = np.linalg.norm(cluster.positions, axis=1)
    spectra = []
    for step in (0.05, -0.05):
        changed = cluster.copy()
        chosen = (cluster.numbers == 7) & (r < 6)
        changed.positions[chosen] *= (1 + step / r[chosen])[:, None]
        changed = changed[(r < 6) & (np.linalg.norm(changed.positions, axis=1) < 6)]
        absorber = int(np.argmin(np.linalg.norm(changed.positions, axis=1)))
        spectra.append(mu(model, changed, absorber))
    found = local_effects(model, crystal)
    np.testing.assert_allclose(found.moved[0], (spectra[0] - spectra[1]) / 2, atol=2e-5)
    assert np.abs(found.moved[0]).max() > 2e-4


def test_one_distinct_site_may_be_named_by_its_element(model, crystal):
    found = local_effects(model, crystal, "V")
    np.testing.assert_array_equal(found.removed, local_effects(model, crystal, 0).removed)


# --- refusals -------------------------------------------------------------------------------------


def test_structures_stay_as_they_are(model, toy):
    before = toy.copy()
    local_effects(model, toy)
    assert toy == before


@pytest.mark.parametrize("step_ang", [0.0, -0.05, 0.3, np.nan])
def test_steps_without_sense_are_refused(model, toy, step_ang):
    with pytest.raises(ModelError, match=r"step_ang must be above 0 and at most 0.2 A, not"):
        local_effects(model, toy, step_ang=step_ang)


def test_several_sites_are_refused(model):
    two = Atoms("FeOFe", [[0, 0, 0], [2, 0, 0], [3.8, 0, 0]])
    with pytest.raises(StructureError, match="there are 2: Fe 0, Fe 2; give the number of one"):
        local_effects(model, two, "Fe")
    assert local_effects(model, two, 2).absorber == 2


def test_elements_unknown_to_the_model_are_refused(model):
    with pytest.raises(ModelError, match=r'model tiny knows V, Fe, not Cu.*load_model\("Cu"\)'):
        local_effects(model, Atoms("CuO", [[0, 0, 0], [2, 0, 0]]))


def test_absorbers_without_neighbours_are_refused(model):
    with pytest.raises(StructureError, match=r"the absorber has no atom within 3\.5 A"):
        local_effects(model, Atoms("FeO", [[0, 0, 0], [0, 0, 6.5]]))


def test_atoms_on_the_absorber_are_refused(model):
    with pytest.raises(StructureError, match=r"lies 0.10 A from the absorber"):
        local_effects(model, Atoms("FeO", [[0, 0, 0], [0, 0, 0.1]]))


def test_indices_out_of_range_are_refused(model, toy):
    with pytest.raises(StructureError, match="77"):
        local_effects(model, toy, 77)

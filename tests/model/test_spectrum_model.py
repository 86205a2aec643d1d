"""From atoms to a spectrum: the ways to ask agree, and what must not matter does not."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tests.tiny_models import (
    ELEMENTS,
    TINY,
    tiny_data,
    tiny_emission_model,
    tiny_model,
    toy_complex,
)
from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import DescriptorError, ModelError, StructureError
from xanes_core.model.domain import VERDICTS
from xanes_core.model.spectrum_model import _CHUNK
from xanes_core.spectra.kinds import XANES, XES
from xanes_core.structures.checks import MIN_DISTANCE_ANG

CURVES = ("mu", "std", "lower", "upper")


@pytest.fixture(scope="module")
def model():
    return tiny_model()


def fresh(element="Fe", seed=31):
    return toy_complex(element, np.random.default_rng(seed))


def close(found, wanted, atol=2e-6):
    for name in CURVES:
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), atol=atol)


def two_irons():
    """Two iron atoms with surroundings of their own, 8 A apart."""
    one, other = fresh(seed=1), fresh(seed=2)
    other.positions += [8, 1, 0]
    return one + other


# --- the result ----------------------------------------------------------------------------------


@pytest.mark.parametrize("element", ELEMENTS)
def test_fields_of_a_prediction(model, element):
    found = model.predict(fresh(element))
    assert found.mu.shape == found.energy_ev.shape == (226,)
    np.testing.assert_array_equal(found.energy_rel_ev, XANES.energy_rel_ev)
    np.testing.assert_allclose(found.energy_ev - found.energy_rel_ev, K_EDGE_EV[element])
    assert found.e0_ev == K_EDGE_EV[element]
    assert (found.element, found.model_key, found.level) == (element, "tiny", 0.9)
    assert found.members.shape == (TINY.n_members, 226)
    assert [(s.index, s.multiplicity) for s in found.sites] == [(0, 1)]
    assert found.domain.level in VERDICTS
    assert found.domain.reasons


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("element", ELEMENTS)
def test_band_surrounds_the_mean(model, element, seed):
    found = model.predict(fresh(element, seed))
    assert (found.lower <= found.mu).all()
    assert (found.mu <= found.upper).all()
    assert (found.std > 0).all()
    assert all(np.isfinite(getattr(found, name)).all() for name in CURVES)


def test_mean_and_band_come_from_the_members(model):
    found = model.predict(fresh())
    np.testing.assert_allclose(found.mu, found.members.mean(axis=0))
    spread = found.members.std(axis=0, ddof=1)
    told = {"distance": found.domain.score, "elements": found.element}
    std, lower, upper = model.calibration.apply(found.mu, spread, **told)
    np.testing.assert_allclose(found.std, std)
    np.testing.assert_allclose(found.lower, lower)
    np.testing.assert_allclose(found.upper, upper)


def test_bands_of_every_level(model):
    found = model.predict(fresh())
    np.testing.assert_array_equal(found.band(0.9), (found.lower, found.upper))
    widths = [np.subtract(*found.band(level)[::-1]) for level in model.calibration.levels]
    for narrow, wide in pairwise(widths):
        assert (narrow <= wide + 1e-12).all()
    assert widths[0].mean() < 0.7 * widths[-1].mean()
    with pytest.raises(ModelError, match=r"no band of 80 %; model tiny has 50, 68, 90, 95 %"):
        found.band(0.8)


def test_the_element_is_read_off_the_features_or_told(model):
    assert model.calibration.elements == ("Fe", "V")
    factors = model.calibration.band_factors * np.array([1.0, 1.0, 2.0])[:, None, None]
    model = replace(model, calibration=replace(model.calibration, band_factors=factors))
    x = model.descriptor.transform_many([(fresh("Fe"), 0), (fresh("V"), 0)])
    read, told = model.predict_features(x), model.predict_features(x, np.array(["Fe", "V"]))
    np.testing.assert_array_equal(read.upper, told.upper)
    np.testing.assert_allclose(read.upper[1], model.predict(fresh("V")).upper, atol=5e-6)
    swapped = model.predict_features(x, np.array(["V", "Fe"]))
    ratio = (swapped.upper - swapped.mu) / (read.upper - read.mu)
    np.testing.assert_allclose(ratio, [[2.0] * 226, [0.5] * 226])


def test_the_band_widens_with_distance(model):
    near, far = model.calibration.growth(0.5), model.calibration.growth(50.0)
    assert far > near > 0


def test_training_data_are_learned_and_in_domain(model):
    data = tiny_data()
    found = model.predict_many((atoms, 0) for atoms in data.training_set.structures)
    error = np.mean([(p.mu - y) ** 2 for p, y in zip(found, data.y, strict=True)])
    assert error < 0.5 * np.mean((data.y - data.y.mean(axis=0)) ** 2)
    assert max(p.domain.score for p in found) < 0.1
    assert np.mean([p.domain.level == "in domain" for p in found]) > 0.8


def test_properties_come_from_the_card(model):
    assert model.elements == ELEMENTS == model.card.elements
    assert model.level == model.calibration.level == 0.9
    assert model.descriptor.name == model.card.convention == "default"


# --- the ways to ask agree -----------------------------------------------------------------------


def test_one_by_one_together_and_from_features_agree(model):
    structures = [fresh(element, seed) for seed in range(4) for element in ELEMENTS]
    single = [model.predict(atoms, 0) for atoms in structures]
    many = model.predict_many((atoms, 0) for atoms in structures)
    x = model.descriptor.transform_many((atoms, 0) for atoms in structures)
    features = model.predict_features(x)
    assert features.mu.shape == (8, 226)
    assert features.level == 0.9
    np.testing.assert_array_equal(features.energy_rel_ev, XANES.energy_rel_ev)
    for i, (one, other) in enumerate(zip(single, many, strict=True)):
        close(one, other)
        assert one.domain.level == other.domain.level
        assert one.domain.score == pytest.approx(other.domain.score, abs=1e-9)
        for name in CURVES:
            np.testing.assert_allclose(getattr(features, name)[i], getattr(one, name), atol=5e-6)


@pytest.mark.parametrize("n", [0, 1, _CHUNK - 1, _CHUNK, _CHUNK + 1, 2 * _CHUNK + 3])
def test_chunks_keep_every_structure_in_order(model, n):
    pool = [fresh("Fe", 1), fresh("V", 2), fresh("Fe", 3)]
    wanted = [model.predict(atoms) for atoms in pool]
    found = model.predict_many((pool[i % 3], 0) for i in range(n))
    assert len(found) == n
    for i, prediction in enumerate(found):
        close(prediction, wanted[i % 3])
        assert prediction.element == wanted[i % 3].element


def test_structures_with_several_sites_among_single_ones(model):
    asked = [(fresh(), 0), (two_irons(), "Fe"), (fresh("V"), "V"), (two_irons(), 13)]
    for found, pair in zip(model.predict_many(asked), asked, strict=True):
        close(found, model.predict(*pair))
        assert found.sites == model.predict(*pair).sites


# --- choice of absorber --------------------------------------------------------------------------


@pytest.mark.parametrize("absorber", [0, "0", "Fe", "fe", "all", None, np.int64(0)])
def test_ways_to_name_the_only_absorber(model, absorber):
    close(model.predict(fresh(), absorber), model.predict(fresh()))


def test_average_over_sites_of_a_molecule(model):
    atoms = two_irons()
    one, other = model.predict(atoms, 0), model.predict(atoms, 13)
    assert np.abs(one.mu - other.mu).max() > 1e-3
    for absorber in ("Fe", "all", None):
        found = model.predict(atoms, absorber)
        assert [s.index for s in found.sites] == [0, 13]
        np.testing.assert_allclose(found.members, (one.members + other.members) / 2, atol=2e-6)
        np.testing.assert_allclose(found.mu, (one.mu + other.mu) / 2, atol=2e-6)
        assert VERDICTS.index(found.domain.level) == max(
            VERDICTS.index(p.domain.level) for p in (one, other)
        )


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_verdict_is_that_of_the_worst_site(model, order):
    known = tiny_data().training_set.structures[-1].copy()
    odd = fresh(seed=2)
    odd.numbers[1] = 9  # fluorine is in no training structure
    odd.positions += [9, 1, 0]
    pair = [known, odd]
    atoms = pair[order[0]] + pair[order[1]]
    sites = [model.predict(atoms, index).domain.level for index in (0, 13)]
    assert sites == [("in domain", "outside")[which] for which in order]
    found = model.predict(atoms, "Fe").domain
    assert found.level == "outside"
    assert found.reasons[0].startswith("F at ")


def uneven_crystal():
    """Four iron atoms in a cubic cell, three of them equivalent: the weights are 1 and 3."""
    iron = [(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
    axes = 0.3 * np.vstack([np.eye(3), -np.eye(3)])
    return Atoms("Fe4O6", scaled_positions=[*iron, *axes], cell=[6.0, 6.0, 6.0], pbc=True)


def test_average_is_weighted_by_multiplicity(model):
    atoms = uneven_crystal()
    found = model.predict(atoms, "Fe")
    weights = {s.index: s.multiplicity for s in found.sites}
    assert weights == {0: 1, 1: 3}
    single = {index: model.predict(atoms, index) for index in weights}
    assert np.abs(single[0].mu - single[1].mu).max() > 1e-3
    wanted = (single[0].members + 3 * single[1].members) / 4
    np.testing.assert_allclose(found.members, wanted, atol=2e-6)
    np.testing.assert_allclose(found.mu, wanted.mean(axis=0), atol=2e-6)
    # the same as the plain mean over all four atoms
    every = [model.predict(atoms, index).mu for index in range(4)]
    np.testing.assert_allclose(found.mu, np.mean(every, axis=0), atol=1e-5)


def test_supercell_gives_the_same_spectrum(model):
    crystal = bulk("FeO", "rocksalt", a=4.3)
    close(model.predict(crystal, "Fe"), model.predict(crystal * (2, 1, 1), "Fe"), atol=1e-5)


# --- what must not matter ------------------------------------------------------------------------


def test_rotation_translation_and_order_do_not_matter(model):
    atoms = fresh()
    moved = atoms.copy()
    moved.rotate(37, (1, 2, 3), center="COP")
    moved.translate([4, -5, 6])
    close(model.predict(moved), model.predict(atoms), atol=1e-5)
    order = [5, 3, 1, 0, *range(6, 13), 4, 2]
    close(model.predict(atoms[order], 3), model.predict(atoms), atol=1e-5)


def test_a_longer_bond_does_matter(model):
    atoms = fresh()
    stretched = atoms.copy()
    stretched.positions[1] *= 1.1
    assert np.abs(model.predict(stretched).mu - model.predict(atoms).mu).max() > 1e-3


def test_atoms_are_left_alone(model):
    atoms = uneven_crystal()
    atoms.info["remark"] = "mine"
    before = atoms.copy()
    model.predict(atoms, "Fe")
    assert atoms == before
    assert atoms.info == before.info
    assert not atoms.constraints


def test_prediction_does_not_change_the_model(model):
    first = model.predict(fresh())
    model.predict(two_irons(), "Fe")
    model.predict_features(np.zeros((2, model.descriptor.n_features)))
    again = model.predict(fresh())
    for name in (*CURVES, "members"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("absorber", [0, "Cu", None])
def test_an_element_the_model_does_not_know_is_refused(model, absorber):
    with pytest.raises(
        ModelError, match=r'model tiny knows V, Fe, not Cu; .*load_model\("Cu"\) or --model'
    ):
        model.predict(fresh("Cu"), absorber)


@pytest.mark.parametrize(
    ("absorber", "message"),
    [
        (99, "There is no atom 99"),
        (-1, "There is no atom -1"),
        (1, "not a supported absorber: choose an atom of Fe"),
        ("V", "There is no V in the structure"),
        ("Au", "Au is not a supported absorber element"),
        (1.5, "must be an atom index"),
        (True, "must be an atom index"),
    ],
)
def test_absorbers_that_are_not_there_are_refused(model, absorber, message):
    with pytest.raises(StructureError, match=message):
        model.predict(fresh(), absorber)


def test_two_metals_without_a_choice_are_refused(model):
    atoms = fresh("Fe") + Atoms("VO", [(5, 5, 5), (5, 5, 6.7)])
    with pytest.raises(StructureError, match=r"several supported metals \(V, Fe\)"):
        model.predict(atoms, None)
    assert model.predict(atoms, "V").element == "V"


@pytest.mark.parametrize("distance", [0.0, MIN_DISTANCE_ANG - 0.01])
def test_an_atom_on_the_absorber_is_refused(model, distance):
    atoms = fresh() + Atoms("O", [(0, 0, distance)])
    with pytest.raises(StructureError, match=rf"lies {distance:.2f} A from the absorber; remove"):
        model.predict(atoms)
    atoms.positions[-1] = (0, 0, MIN_DISTANCE_ANG + 0.01)
    assert np.isfinite(model.predict(atoms).mu).all()


@pytest.mark.parametrize("row", [0, 3])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_coordinates_that_are_no_numbers_are_refused(model, row, value):
    atoms = fresh()
    atoms.positions[row, 1] = value
    with pytest.raises(StructureError, match="not all finite numbers"):
        model.predict(atoms)


def test_features_of_another_convention_are_refused(model):
    with pytest.raises(DescriptorError, match=r"must have shape \(n, 298\), got \(2, 97\)"):
        model.predict_features(np.ones((2, 97)))


@pytest.mark.parametrize(
    ("atoms", "where"),
    [
        (Atoms("Fe"), "it stands alone"),
        (Atoms("FeO", [(0, 0, 0), (0, 0, 3.6)]), r"the nearest is 3\.6 A away"),
    ],
)
def test_an_absorber_that_stands_alone_gets_no_spectrum(model, atoms, where):
    with pytest.raises(StructureError, match=rf"no atom within 3\.5 A \({where}\): a free atom"):
        model.predict(atoms)


def test_emission_is_of_area_one_and_never_negative():
    model = tiny_emission_model()
    assert model.kind == XES
    rng = np.random.default_rng(3)
    for atoms in (toy_complex("Fe", rng), toy_complex("V", rng)):
        found = model.predict(atoms)
        assert found.kind == XES
        assert np.trapezoid(found.mu, found.energy_rel_ev) == pytest.approx(1, abs=0.05)
        assert found.lower.min() >= 0
        from_features = model.predict_features(model.descriptor.transform(atoms, 0)[None])
        np.testing.assert_allclose(from_features.mu[0], found.mu, atol=1e-6)

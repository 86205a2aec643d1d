"""Verdicts on structures like the training set, a little off, and far off."""

import json

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tests.tiny_models import toy_complex
from xanes_core.errors import ModelError
from xanes_core.model.domain import (
    SCORE_LIMITS,
    VERDICT_TITLES,
    VERDICTS,
    Domain,
    disagreement,
    fit_domain,
)
from xanes_core.structures.environments import environment
from xanes_core.structures.first_shell import BOND_FACTOR, coordination_number


def octahedron(metal="Fe", donors="OOOOOO", length=2.0, n=6):
    axes = np.vstack([np.eye(3), -np.eye(3)])
    return Atoms([metal, *donors[:n]], np.vstack([np.zeros(3), length * axes[:n]]))


@pytest.fixture(scope="module")
def training():
    """Scaled features with a cluster, and octahedra with Fe-O of 1.95 to 2.10 A."""
    rng = np.random.default_rng(2)
    scaled = rng.normal(size=(60, 4)).astype(np.float32)
    structures = [octahedron(length=length) for length in np.linspace(1.95, 2.10, 59)]
    structures.append(octahedron(donors="OOOOON", length=2.0))
    return scaled, structures


@pytest.fixture(scope="module")
def domain(training):
    scaled, structures = training
    return fit_domain(scaled, environments(structures))


def environments(structures):
    return [environment(atoms, 0) for atoms in structures]


HOME = np.zeros((1, 4), dtype=np.float32)


def verdict(domain, atoms, scaled=HOME):
    return domain.verdicts(scaled, [environment(atoms, 0)])[0]


# --- distance ------------------------------------------------------------------------------------


def test_unit_is_the_95th_percentile_of_the_nearest_distance(training, domain):
    scaled = training[0].astype(np.float16).astype(float)
    distance = np.linalg.norm(scaled[:, None] - scaled[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    assert domain.unit == pytest.approx(np.quantile(distance.min(axis=1), 0.95), rel=1e-6)
    # so 95 % of the training samples have another one nearer than 1
    assert np.mean(distance.min(axis=1) / domain.unit <= 1) == pytest.approx(0.95, abs=0.01)


def test_training_samples_are_in_domain(training, domain):
    scaled, structures = training
    verdicts = domain.verdicts(scaled, [environment(atoms, 0) for atoms in structures])
    assert {v.level for v in verdicts} == {"in domain"}
    assert max(v.score for v in verdicts) < 0.01
    assert [v.level for v in domain.verdicts(scaled)] == ["in domain"] * 60


def test_a_far_sample_is_outside(domain):
    (found,) = domain.verdicts(np.full((1, 4), 50.0, dtype=np.float32))
    assert found.level == "outside"
    assert found.score > 10
    assert found.reasons == (
        f"nothing similar is in training (distance {found.score:.2f}; up to 1 is usual)",
    )


@pytest.mark.parametrize(
    ("score", "level", "text"),
    [
        (0.0, "in domain", "similar structures are in training (distance 0.00"),
        (SCORE_LIMITS[0], "in domain", "similar structures are in training (distance 1.00"),
        (1.01, "at the edge", "few similar structures are in training (distance 1.01"),
        (SCORE_LIMITS[1], "at the edge", "few similar structures are in training (distance 1.25"),
        (1.26, "outside", "nothing similar is in training (distance 1.26"),
    ],
)
def test_limits_of_the_score(score, level, text):
    domain = Domain(features=np.zeros((1, 1), dtype=np.float16), unit=2.0)
    (found,) = domain.verdicts(np.array([[2.0 * score]]))
    assert (found.level, found.score) == (level, pytest.approx(score))
    assert found.reasons[0].startswith(text)


def test_score_is_the_distance_to_the_nearest_in_units():
    domain = Domain(features=np.array([[0, 0], [3, 4]], dtype=np.float16), unit=2.0)
    np.testing.assert_allclose(domain.scores(np.array([[6.0, 8.0], [0.0, 1.0]])), [2.5, 0.5])


def test_verdicts_come_in_order_and_do_not_depend_on_company(domain):
    rng = np.random.default_rng(4)
    scaled = rng.normal(0, 3, (7, 4)).astype(np.float32)
    together = domain.verdicts(scaled)
    assert together == [domain.verdicts(row[None])[0] for row in scaled]
    assert len({v.level for v in together}) > 1


@pytest.mark.parametrize(
    ("apart", "level"), [(0.99, "in domain"), (1.01, "at the edge"), (1.26, "outside")]
)
def test_networks_that_disagree_raise_the_verdict(apart, level):
    domain = Domain(np.zeros((1, 1), dtype=np.float16), 2.0, spread_unit=0.1)
    spread = 0.1 * apart * np.array([[0.0, np.sqrt(2)]])
    np.testing.assert_allclose(disagreement(spread), 0.1 * apart)
    (found,) = domain.verdicts(np.zeros((1, 1)), spread=spread)
    assert (found.level, found.score) == (level, 0.0)
    told = [r for r in found.reasons if "networks disagree" in r]
    assert len(told) == (apart > 1)
    assert not told or f"({apart:.2f}; up to 1 is usual)" in told[0]


def test_without_a_unit_disagreement_says_nothing():
    domain = Domain(np.zeros((1, 1), dtype=np.float16), 2.0)
    assert domain.verdicts(np.zeros((1, 1)), spread=np.full((1, 3), 9.0))[0].level == "in domain"


def test_levels_are_ordered_from_good_to_bad():
    assert VERDICTS == ("in domain", "at the edge", "outside")
    # what is shown may not be mistaken for an absorption edge
    assert tuple(VERDICT_TITLES) == VERDICTS
    assert not any("edge" in title for title in VERDICT_TITLES.values())


# --- chemistry -----------------------------------------------------------------------------------


def test_what_is_remembered_of_the_training_set(domain):
    assert domain.chemistry == {
        "coordination": {"Fe": {"6": 60}},
        "bonds": {"Fe-N": [2.0, 2.0], "Fe-O": [1.95, 2.1]},
        "neighbours": ["N", "O"],
    }


def test_a_structure_like_the_training_set(domain):
    found = verdict(domain, octahedron(length=2.05))
    assert found.level == "in domain"
    assert found.reasons[0].startswith("similar structures are in training")
    assert found.reasons[1:] == ("coordination number 6: 60 of 60 Fe training structures",)


def test_an_unseen_element_bonded_is_outside(domain):
    found = verdict(domain, octahedron(donors="OOOOOF"))
    assert found.level == "outside"
    assert found.reasons[0] == "F at 2.00 A: no training structure has it"


def test_an_unseen_element_further_off_is_at_the_edge(domain):
    found = verdict(domain, octahedron() + Atoms("F", [(3, 3, 0)]))
    assert found.level == "at the edge"
    assert found.reasons[0] == "F at 4.24 A: no training structure has it"


def test_an_unseen_element_beyond_the_cutoff_is_not_seen(domain):
    assert verdict(domain, octahedron() + Atoms("F", [(9, 0, 0)])).level == "in domain"


@pytest.mark.parametrize(
    ("length", "level"),
    [(1.90, "at the edge"), (1.93, "in domain"), (2.12, "in domain"), (2.14, "at the edge")],
)
def test_bonds_outside_the_training_range(domain, length, level):
    found = verdict(domain, octahedron(length=length))
    assert found.level == level
    text = f"Fe-O {length:.2f} A is outside the 1.95 to 2.10 A of training"
    assert (text in found.reasons) == (level != "in domain")
    assert level == "in domain" or found.reasons[0] == text


def test_bonds_that_differ_beyond_the_digits_shown_are_told_once(domain):
    atoms = octahedron(length=1.80)
    atoms.positions[1] *= 1.0000001
    texts = [text for text in verdict(domain, atoms).reasons if text.startswith("Fe-O")]
    assert texts == ["Fe-O 1.80 A is outside the 1.95 to 2.10 A of training"]


def test_one_bond_in_training_is_no_range(domain):
    bonds = {"Fe-O": [1.95, 1.952]}
    alone = Domain(domain.features, domain.unit, domain.chemistry | {"bonds": bonds})
    assert "Fe-O 2.30 A is outside the only 1.95 A of training" in (
        verdict(alone, octahedron(length=2.30)).reasons
    )


def test_a_short_and_a_long_bond_are_both_told(domain):
    atoms = octahedron()
    atoms.positions[1] *= 1.80 / 2.0
    atoms.positions[2] *= 2.30 / 2.0
    texts = [text for text in verdict(domain, atoms).reasons if text.startswith("Fe-O")]
    assert [text.split()[1] for text in texts] == ["1.80", "2.30"]


def test_an_element_known_but_never_bonded(domain, training):
    scaled, structures = training
    far_sulfur = [atoms + Atoms("S", [(4, 0, 1)]) for atoms in structures]
    domain = fit_domain(scaled, environments(far_sulfur))
    found = verdict(domain, octahedron(donors="OOOOOS", length=2.0) + Atoms("S", [(4, 0, 1)]))
    assert found.level == "at the edge"
    assert "Fe-S bond of 2.00 A: no such bond in training" in found.reasons


@pytest.mark.parametrize("n", [4, 5])
def test_an_unseen_coordination_number(domain, n):
    found = verdict(domain, octahedron(n=n))
    assert found.level == "at the edge"
    assert found.reasons[0] == f"coordination number {n}: 0 of 60 Fe training structures"


def test_an_element_never_trained_on(domain):
    found = verdict(domain, octahedron("Ti"))
    assert found.level != "in domain"
    assert "coordination number 6: 0 of 0 Ti training structures" in found.reasons


def test_gravest_reason_comes_first(domain):
    # bonded F weighs 2, the long bond 1, the coordination number 1
    atoms = octahedron(donors="OOOOF", length=2.2, n=5)
    found = verdict(domain, atoms)
    assert found.level == "outside"
    assert found.reasons[0].startswith("F at 2.20 A")
    assert any(text.startswith("Fe-O 2.20 A is outside") for text in found.reasons[1:])
    # a distance that weighs 2 comes before a coordination number that weighs 1
    far = verdict(domain, octahedron(n=5), scaled=np.full((1, 4), 50.0, dtype=np.float32))
    assert far.reasons[0].startswith("nothing similar is in training")
    assert far.reasons[1].startswith("coordination number 5")


def test_the_worse_of_distance_and_chemistry_counts(domain):
    far = np.full((1, 4), 50.0, dtype=np.float32)
    assert verdict(domain, octahedron(), far).level == "outside"
    assert verdict(domain, octahedron(n=5), HOME).level == "at the edge"


def test_an_absorber_alone(domain):
    found = verdict(domain, Atoms("Fe", [(0, 0, 0)]))
    assert found.level == "at the edge"
    assert found.reasons[0].startswith("coordination number 0: 0 of 60")


def test_without_structures_distance_alone_decides(training):
    domain = fit_domain(training[0])
    assert domain.chemistry == {}
    found = verdict(domain, octahedron(donors="FFFFFF"))
    assert (found.level, len(found.reasons)) == ("in domain", 1)


def test_counts_survive_a_card(domain):
    chemistry = json.loads(json.dumps(domain.chemistry))
    again = Domain.from_arrays(domain.to_arrays(), chemistry)
    for atoms in (octahedron(), octahedron(n=5), octahedron(donors="OOOOOF")):
        assert verdict(again, atoms) == verdict(domain, atoms)


# --- coordination number -------------------------------------------------------------------------


def test_coordination_number_of_an_octahedron_with_a_second_shell():
    atoms = toy_complex("Fe", np.random.default_rng(1))
    assert coordination_number(environment(atoms, 0)) == 6
    assert coordination_number(environment(Atoms("Fe"), 0)) == 0


def test_metals_are_neighbours_only_where_nothing_else_is():
    oxide, metal = bulk("NiO", "rocksalt", a=4.177), bulk("Ni", "fcc", a=3.52)
    assert coordination_number(environment(oxide, 0)) == 6
    assert coordination_number(environment(metal, 0)) == 12


def test_coordination_number_counts_up_to_the_limit():
    limit = BOND_FACTOR * (1.32 + 0.66)  # covalent radii of Fe and O (Cordero 2008)
    for length, number in ((limit - 0.001, 6), (limit + 0.001, 0)):
        assert coordination_number(environment(octahedron(length=length), 0)) == number


# --- storage and refusals ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["domain_features", "domain_unit", "domain_spread_unit"])
def test_missing_arrays_are_refused(domain, name):
    arrays = domain.to_arrays()
    del arrays[name]
    with pytest.raises(ModelError, match=f"domain data lack '{name}'"):
        Domain.from_arrays(arrays, {})


def test_features_are_stored_small(domain):
    assert domain.to_arrays()["domain_features"].dtype == np.float16


@pytest.mark.parametrize("n", [0, 1, 5])
def test_samples_that_do_not_differ_are_refused(n):
    with pytest.raises(ModelError, match="needs samples that differ"):
        fit_domain(np.ones((n, 4), dtype=np.float32))

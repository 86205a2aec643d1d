"""Features against reference numbers, closed forms and what must not matter to them."""

import json
import math
from dataclasses import replace

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tests import wacsf_reference
from tests.wacsf_reference import BOUNDARIES, FOLDER, plain_features
from xanes_core.cli.bench import loop_features
from xanes_core.constants import ABSORBERS
from xanes_core.descriptors.wacsf import CONVENTIONS, SPECIES_GROUPS, WACSF
from xanes_core.errors import DescriptorError, StructureError
from xanes_core.structures.environments import environment

conventions = pytest.mark.parametrize("name", CONVENTIONS)
STRUCTURES = ase.io.read(FOLDER / "structures.extxyz", index=":")
NAMES = [atoms.info["name"] for atoms in STRUCTURES]
COMPLEX = STRUCTURES[-1]


def agree(found, wanted, rtol=1e-9):
    """Relative to each feature; sums that cancel to nothing may keep the rounding of their terms.

    The terms are bounded by Z_j Z_k, so 1e-12 is rounding and nothing else.
    """
    np.testing.assert_allclose(found, wanted, rtol=rtol, atol=1e-12)


@pytest.fixture(scope="module")
def reference():
    with np.load(FOLDER / "reference.npz") as stored:
        return {key: stored[key] for key in stored.files}


# --- numbers -------------------------------------------------------------------------------------


def test_published_convention_agrees_with_the_shared_reference(shared_data):
    structures = ase.io.read(shared_data / "wacsf_reference.extxyz", index=":")
    with np.load(shared_data / "wacsf_reference.npz") as stored:
        wanted = stored["x"]
    assert wanted.shape == (14, 97)
    found = WACSF.xanesnet().transform_many((atoms, 0) for atoms in structures)
    agree(found, wanted)


@conventions
@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_transform_agrees_with_the_stored_reference(name, number, reference):
    assert reference["name"][number] == NAMES[number]
    found = WACSF.from_name(name).transform(STRUCTURES[number])
    agree(found, reference[name][number])
    assert np.count_nonzero(reference[name][number]) > 30 or "neighbour" in NAMES[number]


@conventions
@pytest.mark.parametrize("number", range(len(BOUNDARIES) + 1), ids=NAMES[: len(BOUNDARIES) + 1])
def test_stored_reference_is_what_the_plain_formulas_give(name, number, reference):
    agree(reference[name][number], plain_features(STRUCTURES[number], name), rtol=1e-12)


def test_reference_holds_every_boundary_and_several_complexes():
    assert list(BOUNDARIES) == NAMES[: len(BOUNDARIES)]
    assert len(NAMES) == len(BOUNDARIES) + len(wacsf_reference.COMPLEXES)
    assert all(len(atoms) > 20 for atoms in STRUCTURES[len(BOUNDARIES) :])


@conventions
@pytest.mark.parametrize("atoms", [*BOUNDARIES.values(), COMPLEX])
def test_loop_of_the_benchmark_gives_the_same_numbers(name, atoms):
    convention = WACSF.from_name(name)
    loop = loop_features(environment(atoms, 0), convention)
    assert len(loop) == 97
    agree(loop, convention.transform(atoms)[:97])


def small(**change):
    """One G2 pair, one G4 width: few enough features to write out."""
    return replace(
        WACSF("small", g2_mu_ang=(1.0, 2.0), g4_width_ang=(2.0,), g4_zeta=(1.0, 2.0)), **change
    )


def test_closed_form_of_one_neighbour():
    # f(3) = (cos(pi/2) + 1)/2 = 1/2; eta of G2 = 1/(2 * 1^2)
    found = small().transform(Atoms("FeO", [(0, 0, 0), (0, 3, 0)]))
    wanted = [0.5, 8 * math.exp(-2.0) / 2, 8 * math.exp(-0.5) / 2, 0, 0, 0, 0]
    np.testing.assert_allclose(found, wanted, rtol=1e-14)


@pytest.mark.parametrize(
    ("angle_deg", "cos_theta"), [(90, 0.0), (180, -1.0), (0, 1.0), (60, 0.5), (120, -0.5)]
)
def test_closed_form_of_two_neighbours(angle_deg, cos_theta):
    angle = math.radians(angle_deg)
    r_ij, r_ik = 2.0, 1.5  # different, so that the atoms at 0 degrees do not coincide
    atoms = Atoms(
        "FeON", [(0, 0, 0), (r_ij, 0, 0), (r_ik * math.cos(angle), r_ik * math.sin(angle), 0)]
    )
    r_jk2 = 4 + 2.25 - 6 * cos_theta
    f = [(math.cos(math.pi * r / 6) + 1) / 2 for r in (2.0, 1.5, math.sqrt(r_jk2))]
    common = 8 * 7 * math.exp(-(4 + 2.25 + r_jk2) / 8) * f[0] * f[1] * f[2]
    g4 = [
        common * (1 + cos_theta),
        common * (1 + cos_theta) ** 2 / 2,
        common * (1 - cos_theta),
        common * (1 - cos_theta) ** 2 / 2,
    ]
    found = small().transform(atoms)
    assert found[0] == pytest.approx(f[0] + f[1], rel=1e-14)
    assert found[2] == pytest.approx(8 * f[0] + 7 * math.exp(-0.125) * f[1], rel=1e-14)
    np.testing.assert_allclose(found[3:], g4, rtol=1e-12, atol=1e-13)


def test_equilateral_triangle_of_absorber_and_two_neighbours():
    # all three distances 2: f = 3/4, cos 60 = 1/2, exp(-12/8), weights 1
    atoms = Atoms("FeH2", [(0, 0, 0), (2, 0, 0), (1, math.sqrt(3), 0)])
    found = small(g4_lambda=(1.0,), g4_zeta=(1.0,)).transform(atoms)
    assert found[-1] == pytest.approx(1.5 * math.exp(-1.5) * 0.75**3, rel=1e-13)


def test_beyond_the_cutoff_between_neighbours():
    atoms = BOUNDARIES["jk_beyond_cutoff"]
    # the published convention evaluates the cosine there; the project's own cuts it off
    assert WACSF.xanesnet().transform(atoms)[33:].max() > 0
    assert not WACSF.default().transform(atoms)[33:97].any()
    assert not small(clamp_r_jk=True).transform(atoms)[3:].any()
    assert small(clamp_r_jk=False).transform(atoms)[3:].any()


@conventions
def test_neighbours_outside_the_cutoff_are_not_seen(name):
    convention = WACSF.from_name(name)
    iodine = convention.transform(BOUNDARIES["just_outside"][[0, 2]])
    np.testing.assert_array_equal(convention.transform(BOUNDARIES["just_outside"]), iodine)
    np.testing.assert_array_equal(
        convention.transform(BOUNDARIES["at_cutoff"]),
        convention.transform(BOUNDARIES["at_cutoff"][[0, 2]]),
    )
    inside = BOUNDARIES["just_inside"]
    assert convention.transform(inside)[0] > convention.transform(inside[[0, 2]])[0]


@conventions
def test_features_vanish_smoothly_at_the_cutoff(name):
    convention = WACSF.from_name(name)
    bare = convention.transform(BOUNDARIES["just_inside"][[0, 2]])
    np.testing.assert_allclose(
        convention.transform(BOUNDARIES["just_inside"]), bare, rtol=1e-9, atol=1e-9
    )


@conventions
def test_no_neighbours_gives_zeros_and_the_absorber(name):
    convention = WACSF.from_name(name)
    found = convention.transform(Atoms("Ni", [(3, 4, 5)]))
    told = [n for n, value in zip(convention.feature_names, found, strict=True) if value]
    assert told == (["absorber is Ni"] if name == "default" else [])


def test_species_groups_share_out_the_neighbours():
    convention = WACSF.default()
    atoms = Atoms("FeHCNOFS", [(0, 0, 0)] + [(0, 0, 1.2 + 0.5 * i) for i in range(6)])
    found = dict(zip(convention.feature_names, convention.transform(atoms), strict=True))
    for i, group in enumerate(SPECIES_GROUPS):
        r = 1.2 + 0.5 * i
        for mu in convention.g2_mu_ang:
            f = (math.cos(math.pi * r / 6) + 1) / 2
            wanted = math.exp(-convention.g2_eta * (r - mu) ** 2) * f  # each group has one atom
            assert found[f"G2[{'/'.join(group)}] mu={mu:.2f} A"] == pytest.approx(wanted, rel=1e-12)


def test_elements_outside_all_groups_show_in_the_weighted_functions_only():
    found = WACSF.default().transform(BOUNDARIES["lone_element"])
    kinds = np.array(WACSF.default().feature_kinds)
    assert found[kinds == "G2"].any()
    assert not found[np.char.startswith(kinds, "G2[")].any()


# --- what must not matter ------------------------------------------------------------------------


def rotated(atoms, rng):
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    if np.linalg.det(q) < 0:
        q[:, 0] *= -1
    atoms.positions = atoms.positions @ q.T
    return atoms


def translated(atoms, rng):
    atoms.positions += rng.normal(size=3) * 20
    return atoms


def permuted(atoms, rng):
    return atoms[[0, *range(len(atoms) - 1, 0, -1)]]


def mirrored(atoms, rng):
    atoms.positions[:, 0] *= -1
    return atoms


def crowded(atoms, rng):
    """Atoms beyond the cut-off of the absorber."""
    far = atoms.positions[0] + [[0, 0, 50], [0, 60, 0]]
    return atoms + Atoms("AuO", far)


def boxed(atoms, rng):
    """The same molecule in a periodic box wide enough."""
    atoms.set_cell([60, 61, 62])
    atoms.pbc = True
    return atoms


@conventions
@pytest.mark.parametrize(
    "change", [rotated, translated, permuted, mirrored, crowded, boxed], ids=lambda c: c.__name__
)
@pytest.mark.parametrize("number", [4, 5, *range(len(BOUNDARIES), len(NAMES), 2)])
def test_invariance(name, change, number):
    convention, atoms = WACSF.from_name(name), STRUCTURES[number]
    moved = change(atoms.copy(), np.random.default_rng(7))
    assert not np.array_equal(moved.positions, atoms.positions) or moved.pbc.any()
    np.testing.assert_allclose(
        convention.transform(moved), convention.transform(atoms), rtol=1e-8, atol=1e-9
    )


@conventions
def test_index_of_the_absorber_follows_the_atom(name):
    convention = WACSF.from_name(name)
    order = np.random.default_rng(3).permutation(len(COMPLEX))
    where = int(np.flatnonzero(order == 0)[0])
    assert where != 0
    agree(convention.transform(COMPLEX[order], where), convention.transform(COMPLEX))


@conventions
def test_input_is_left_alone(name):
    atoms = COMPLEX.copy()
    atoms.set_cell([30, 30, 30])
    atoms.pbc = True
    before = atoms.copy()
    WACSF.from_name(name).transform(atoms)
    assert atoms == before
    assert atoms.info == before.info


@conventions
def test_a_moved_atom_changes_the_features(name):
    """The battery above cannot pass because features ignore the structure."""
    convention, atoms = WACSF.from_name(name), COMPLEX.copy()
    atoms.positions[1] += [0.05, 0, 0]
    found, wanted = convention.transform(atoms), convention.transform(COMPLEX)
    assert np.abs(found - wanted).max() > 1e-3


@conventions
def test_periodic_images_count(name):
    convention = WACSF.from_name(name)
    crystal = bulk("NiO", "rocksalt", a=4.17)
    found = convention.transform(crystal)
    agree(convention.transform(crystal.repeat((2, 3, 1)), 4), found, rtol=1e-8)
    agree(convention.transform(bulk("NiO", "rocksalt", a=4.17, cubic=True)), found, rtol=1e-8)
    cluster = crystal.repeat((9, 9, 9))
    cluster.pbc = False
    centre = cluster.positions.mean(axis=0)
    nickel = cluster.numbers == 28
    distance = np.where(nickel, np.linalg.norm(cluster.positions - centre, axis=1), np.inf)
    agree(convention.transform(cluster, int(distance.argmin())), found, rtol=1e-8)
    # 6 O + 12 Ni + 8 O + 6 Ni + 24 O + 24 Ni ... the count inside 6 A is that of the shells
    assert len(environment(crystal, 0).numbers) == sum((6, 12, 8, 6, 24, 24, 12))


@conventions
def test_a_chain_is_periodic_along_one_axis(name):
    convention = WACSF.from_name(name)
    chain = Atoms("FeO", [(0, 0, 0), (0, 0, 1.9)], cell=[1, 1, 3.8], pbc=(False, False, True))
    unrolled = Atoms(
        "FeO" + "FeO" * 6,
        [(0, 0, 0), (0, 0, 1.9)]
        + [(0, 0, 3.8 * n + dz) for n in (-3, -2, -1, 1, 2, 3) for dz in (0, 1.9)],
    )
    agree(convention.transform(chain), convention.transform(unrolled), rtol=1e-8)


# --- shape and names -----------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "count"), [("xanesnet", 97), ("default", 1 + 32 + 64 + 192 + 9)])
def test_number_of_features_is_that_of_the_convention(name, count):
    convention = WACSF.from_name(name)
    assert convention.name == name
    assert convention.n_features == count
    for atoms in STRUCTURES:
        found = convention.transform(atoms)
        assert found.shape == (count,)
        assert found.dtype == np.float64
        assert np.isfinite(found).all()
        assert (found >= 0).all()


@conventions
def test_names_are_unique_and_readable(name):
    convention = WACSF.from_name(name)
    names = convention.feature_names
    assert len(names) == len(set(names)) == len(convention.feature_kinds)
    assert names[:2] == ("G1", "G2 mu=0.50 A")
    assert "G2 mu=2.11 A" in names
    assert names[33] == "G4 width=1.00 A lambda=+1 zeta=1"
    assert names[33 + 7] == "G4 width=1.00 A lambda=-1 zeta=8"
    assert convention.feature_kinds[:34] == ("G1", *["G2"] * 32, "G4")


def test_kinds_of_the_default_convention():
    kinds = WACSF.default().feature_kinds
    assert list(dict.fromkeys(kinds)) == [
        "G1",
        "G2",
        "G4",
        "G2[H]",
        "G2[C]",
        "G2[N]",
        "G2[O]",
        "G2[F/Cl/Br/I]",
        "G2[B/Si/P/S/As/Se]",
        "absorber",
    ]
    assert [kinds.count(kind) for kind in ("G2[O]", "absorber")] == [32, 9]


def test_order_of_g4_is_width_then_lambda_then_zeta():
    parameters = WACSF.xanesnet().g4_parameters
    assert parameters[:9] == (
        *((1.0, 1.0, zeta) for zeta in (1, 2, 4, 8)),
        *((1.0, -1.0, zeta) for zeta in (1, 2, 4, 8)),
        (pytest.approx(1 + 4.5 / 63), 1.0, 1.0),
    )
    assert parameters[-1] == (pytest.approx(1.5), -1.0, 8.0)


@pytest.mark.parametrize("element", ABSORBERS)
def test_absorber_is_told_by_one_feature(element):
    convention = WACSF.default()
    atoms = Atoms([element, "O"], [(0, 0, 0), (0, 0, 2)])
    block = convention.transform(atoms)[-9:]
    assert block.sum() == 1
    assert convention.feature_names[-9:][int(block.argmax())] == f"absorber is {element}"


@conventions
def test_transform_many_equals_transform(name):
    convention = WACSF.from_name(name)
    sites = [(atoms, 0) for atoms in STRUCTURES[:13]]
    found = convention.transform_many(iter(sites))
    np.testing.assert_array_equal(found, [convention.transform(*site) for site in sites])
    assert convention.transform_many([]).shape == (0, convention.n_features)


@conventions
def test_transform_environment_equals_transform(name):
    convention = WACSF.from_name(name)
    found = convention.transform_environment(environment(COMPLEX, 0))
    np.testing.assert_array_equal(found, convention.transform(COMPLEX))


def test_parameters_are_plain_and_complete():
    convention = WACSF.default()
    told = json.loads(json.dumps(convention.parameters(), allow_nan=False))
    assert told == convention.parameters()
    told = {
        key: tuple(map(tuple, value))
        if key == "species"
        else tuple(value)
        if isinstance(value, list)
        else value
        for key, value in told.items()
    }
    assert WACSF(**told) == convention


def test_zeta_that_are_no_powers_of_two():
    atoms = BOUNDARIES["right_angle"]
    three = small(g4_zeta=(3.0,), g4_lambda=(1.0,)).transform(atoms)
    one = small(g4_zeta=(1.0,), g4_lambda=(1.0,)).transform(atoms)
    assert three[-1] == pytest.approx(one[-1] / 4, rel=1e-13)  # 1 + cos 90 = 1


def test_without_g4():
    assert small(g4_width_ang=()).transform(COMPLEX).shape == (3,)


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"r_cut_ang": 0.0}, "r_cut_ang must be positive, not 0.0"),
        ({"r_cut_ang": -6.0}, "r_cut_ang must be positive"),
        ({"r_cut_ang": float("nan")}, "r_cut_ang must be positive"),
        ({"g2_mu_ang": (1.0,)}, "two or more ascending, equally spaced"),
        ({"g2_mu_ang": (2.0, 1.0)}, "ascending, equally spaced"),
        ({"g2_mu_ang": (1.0, 1.0)}, "ascending, equally spaced"),
        ({"g2_mu_ang": (1.0, 2.0, 4.0)}, "equally spaced"),
        ({"g4_width_ang": (1.0, 0.0)}, "every width in g4_width_ang must be positive"),
        ({"g4_width_ang": (-1.0,)}, "every width in g4_width_ang must be positive"),
        ({"g4_lambda": (1.0, 0.5)}, "g4_lambda takes 1 and -1 only"),
        ({"g4_zeta": (0.0,)}, "every exponent in g4_zeta must be positive"),
        ({"species": (("H", "Xx"),)}, "'Xx' is not a chemical element"),
        ({"species": (("X",),)}, "'X' is not a chemical element"),
        ({"absorber_elements": ("iron",)}, "'iron' is not a chemical element"),
    ],
)
def test_parameters_without_meaning_are_refused(change, message):
    with pytest.raises(DescriptorError, match=message):
        small(**change)


@pytest.mark.parametrize("name", ["soap", "from_name", "", "XANESNET"])
def test_unknown_convention_is_refused(name):
    with pytest.raises(DescriptorError, match="choose one of xanesnet, default"):
        WACSF.from_name(name)


def test_absorber_that_the_convention_cannot_tell_is_refused():
    with pytest.raises(DescriptorError, match=r"absorber with Z = 8; it covers Ti, V, Cr"):
        WACSF.default().transform(Atoms("OFe", [(0, 0, 0), (0, 0, 2)]))
    # the published one does not tell the element, so it takes any
    assert WACSF.xanesnet().transform(Atoms("OFe", [(0, 0, 0), (0, 0, 2)]))[0] > 0


@conventions
@pytest.mark.parametrize("absorber", [-1, 5])
def test_index_out_of_range_is_refused(name, absorber):
    with pytest.raises(StructureError, match=r"There is no atom -?\d: the structure has 3 atoms"):
        WACSF.from_name(name).transform(BOUNDARIES["right_angle"], absorber)


@conventions
@pytest.mark.parametrize("others", ["O", "OH"])
def test_an_atom_on_the_absorber_is_refused(name, others):
    atoms = Atoms("Fe" + others, [(1, 1, 1), (1, 1, 1), (1, 1, 3)][: 1 + len(others)])
    with pytest.raises(DescriptorError, match="an atom lies on the absorber; remove"):
        WACSF.from_name(name).transform(atoms)

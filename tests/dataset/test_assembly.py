"""Drawing complexes: the same every time, charges that add up, donors where they belong."""

from itertools import pairwise

import numpy as np
import pytest
from ase import Atoms
from ase.data import covalent_radii

from xanes_core.constants import ABSORBERS
from xanes_core.dataset.assembly.assembler import DEFAULT_SHARES, KINDS, Assembler
from xanes_core.dataset.assembly.breathing import breathe
from xanes_core.dataset.assembly.candidate import (
    MAX_MISFIT,
    CandidateComplex,
    build,
    valence_electrons,
)
from xanes_core.dataset.assembly.from_table import draw_simple
from xanes_core.dataset.assembly.small_ligands import BESIDE_OXO, N_OXO, SMALL, ring
from xanes_core.dataset.assembly.templates import (
    COMMON_SMALL,
    CORNERS,
    OXIDATION_OXO,
    OXIDATION_SMALL,
    POLYHEDRA,
    RING_CORNERS,
)
from xanes_core.errors import AssemblyError
from xanes_core.structures.checks import BROKEN_CONTACT, closest_contact

#: Kinds that need no ligand base, with the metals they exist for.
DRAWN = [("simple", m) for m in ABSORBERS] + [("oxo", m) for m in OXIDATION_OXO]


@pytest.fixture(scope="module")
def drawn():
    """A few candidates of every metal and kind that needs no ligand base."""
    return {
        (kind, metal): [Assembler({kind: 1}).candidate(metal, 3, i) for i in range(6)]
        for kind, metal in DRAWN
    }


def charge_of(name):
    return SMALL[name].charge if name in SMALL else {"C5": -1, "C6": 0}[name[:2]]


def same(a, b):
    return a.identity == b.identity and np.array_equal(a.atoms.positions, b.atoms.positions)


# --- what a candidate is -------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "metal"), DRAWN)
def test_every_metal_gives_complexes_that_hang_together(drawn, kind, metal):
    for candidate in drawn[kind, metal]:
        atoms = candidate.atoms
        assert (candidate.kind, candidate.metal) == (kind, metal)
        assert atoms[0].symbol == metal
        assert not atoms.positions[0].any()
        assert atoms.calc is None
        assert closest_contact(atoms)[0] > BROKEN_CONTACT - 0.05  # noise comes after the check
        assert sum(map(charge_of, candidate.ligands)) == candidate.charge - (
            candidate.oxidation_state
        )


@pytest.mark.parametrize(("kind", "metal"), DRAWN)
def test_donors_stand_at_the_corners(drawn, kind, metal):
    for candidate in drawn[kind, metal]:
        name = candidate.template.partition("_")[2]
        corners = [*RING_CORNERS.get(name, ()), *POLYHEDRA[name]]
        start, n_donors = 1, 0
        for ligand, corner in zip(candidate.ligands, corners, strict=True):
            known = SMALL.get(ligand)
            n = known.hapticity if known else int(ligand[1])
            middle = candidate.atoms.positions[start : start + n].mean(axis=0)
            assert middle @ CORNERS[corner] / np.linalg.norm(middle) > np.cos(0.12)
            if known:
                n_atoms = len(known.atoms)
                reach = covalent_radii[candidate.atoms.numbers[[0, start]]].sum()
                assert np.linalg.norm(middle) == pytest.approx(known.bond * reach, abs=0.15)
            else:
                n_atoms = 2 * n + 3 * int(ligand.partition("_")[2][0])
            start, n_donors = start + n_atoms, n_donors + n
        assert start == len(candidate.atoms)
        assert n_donors == candidate.n_donors


def test_oxidation_states_are_those_of_the_metal(drawn):
    for (kind, metal), candidates in drawn.items():
        states = {"simple": OXIDATION_SMALL, "oxo": OXIDATION_OXO}[kind][metal]
        assert {c.oxidation_state for c in candidates} <= set(states)


def test_chemistry_of_small_ligands():
    """What no chemist would draw does not come; what real complexes have does."""
    assembler = Assembler({"simple": 1})
    candidates = [assembler.candidate(m, 0, i) for m in ("Cr", "Fe", "V") for i in range(45)]
    for c in candidates:
        if "CO" in c.ligands or "NO" in c.ligands:
            assert c.oxidation_state <= 2
        if "O" in c.ligands:
            assert c.oxidation_state >= 4
        if {"SiMe3", "SiH3", "SiCl3", "H"} & set(c.ligands):
            assert any(n[:2] in ("C5", "C6") or SMALL[n].acceptor for n in c.ligands)
    seen = {name for c in candidates for name in c.ligands}
    wanted = {"CO", "NO", "I", "Br", "PMe3", "C6H6_0Me", "C5H5_0Me", "SMe"}
    assert wanted <= seen
    late = [assembler.candidate(m, 0, i) for m in ("Cu", "Zn") for i in range(20)]
    assert all(c.oxidation_state == 1 for c in late if "CO" in c.ligands)
    silicon = Assembler({"simple": 1}, focus=["Si"])
    silyls = [silicon.candidate("Fe", 0, i) for i in range(20)]
    assert any(name.startswith("Si") for c in silyls for name in c.ligands)
    titanium = [assembler.candidate("Ti", 0, i) for i in range(45)]
    assert any("O2" in c.ligands for c in titanium)
    assert any(c.n_donors >= 7 and c.template in ("simple_pbp", "simple_cap") for c in candidates)


def test_carbonyls_of_the_textbook_have_eighteen_electrons():
    for metal, n in (("Cr", 6), ("Fe", 5), ("Ni", 4)):
        assert valence_electrons(metal, 0, [SMALL["CO"].on("CO", metal)] * n) == 18
    assert valence_electrons("Fe", 2, [ring(5)] * 2) == 18
    assert valence_electrons("Cr", 0, [ring(6)] * 2) == 18


def test_oxo_complexes(drawn):
    for (kind, metal), candidates in drawn.items():
        for c in candidates if kind == "oxo" else ():
            assert c.ligands.count("O") in N_OXO[c.oxidation_state]
            assert set(c.ligands) - {"O"} <= set(BESIDE_OXO)
            assert c.breathe is not None
            assert 0.98 <= c.breathe <= 1.07
            assert metal in OXIDATION_OXO


def test_some_of_the_others_breathe():
    factors = [Assembler({"simple": 1}).candidate("Zn", 5, i).breathe for i in range(40)]
    assert 0 < sum(f is not None for f in factors) < 15


# --- the same every time -------------------------------------------------------------------------


def test_candidates_do_not_depend_on_what_was_drawn_before():
    shares = {"simple": 2, "oxo": 1}
    forwards = Assembler(shares)
    first = [forwards.candidate("V", 7, i) for i in range(5)]
    backwards = Assembler(shares)
    second = [backwards.candidate("V", 7, i) for i in reversed(range(5))][::-1]
    assert all(same(a, b) for a, b in zip(first, second, strict=True))
    assert len({c.identity for c in first}) > 3


def test_seed_index_and_metal_matter():
    assembler = Assembler({"simple": 1})
    a = [assembler.candidate(m, s, i) for m, s, i in [("Fe", 1, 0), ("Fe", 2, 0), ("Fe", 1, 1)]]
    assert not any(same(x, y) for x, y in pairwise([*a, a[0]]))


def test_identity_does_not_know_the_order_of_ligands():
    base = {
        **{"atoms": Atoms("Fe"), "metal": "Fe", "kind": "simple", "template": "simple_lin"},
        **{"oxidation_state": 2, "charge": 1, "n_donors": 2},
    }
    one = CandidateComplex(**base, ligands=("Cl", "H2O"))
    assert one.identity == CandidateComplex(**base, ligands=("H2O", "Cl")).identity
    assert one.identity == "Fe +2 charge +1 simple_lin Cl H2O"
    others = [
        CandidateComplex(**base, ligands=("Br", "H2O")),
        CandidateComplex(**base, ligands=("Cl", "H2O"), breathe=1.02),
        CandidateComplex(**{**base, "charge": 0}, ligands=("Cl", "H2O")),
        CandidateComplex(**{**base, "oxidation_state": 3}, ligands=("Cl", "H2O")),
    ]
    assert len({one.identity, *(o.identity for o in others)}) == 5
    assert others[1].identity.endswith("x1.02")


def test_shares_decide_the_kind():
    assert tuple(DEFAULT_SHARES) == KINDS
    assert sum(DEFAULT_SHARES.values()) == pytest.approx(1.0)
    mixed = Assembler({"simple": 1, "oxo": 1})
    kinds = [mixed.candidate("Cr", 0, i).kind for i in range(40)]
    assert 10 < kinds.count("oxo") < 30
    assert {mixed.candidate("Cu", 0, i).kind for i in range(4)} == {"simple"}


def test_focus_brings_more_of_an_element_and_a_coordination_number():
    def count(focus, found):
        assembler = Assembler({"simple": 1}, focus=focus)
        return sum(found(assembler.candidate("Fe", 0, i)) for i in range(25))

    assert count(["I"], lambda c: "I" in c.ligands) > 2 * count((), lambda c: "I" in c.ligands)

    def seven(c):
        return c.template == "simple_pbp"

    assert count(["cn7"], seven) > 1.5 * count((), seven)


# --- placing -------------------------------------------------------------------------------------


def test_a_ligand_that_does_not_fit_is_no_complex():
    rng = np.random.default_rng(0)
    bulky = SMALL["PMe3"].on("PMe3", "Ni")
    corner = CORNERS["+x"][None]
    assert build("Ni", [(bulky, corner), (bulky, -corner)], rng) is not None
    assert build("Ni", [(bulky, corner), (bulky, corner)], rng) is None
    assert build("Ni", [(bulky, np.vstack([corner, -corner]))], rng) is None  # one donor, two sites


def test_a_smaller_metal_pulls_a_ring_in():
    rng = np.random.default_rng(0)
    heights = {
        metal: build(metal, [(ring(5), CORNERS["+z"][None])], rng).positions[1:6, 2].mean()
        for metal in ("Ti", "Fe", "Ni")
    }
    assert heights["Fe"] == pytest.approx(1.70)
    assert heights["Ti"] > heights["Fe"] > heights["Ni"]


def test_targets_are_unit_vectors_well_apart():
    for corners in POLYHEDRA.values():
        vectors = np.array([CORNERS[c] for c in corners])
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-12)
        cosines = vectors @ vectors.T - 2 * np.eye(len(vectors))
        assert cosines.max() < np.cos(np.radians(65))
    assert 2 * np.sin(np.radians(65) / 2) > MAX_MISFIT  # nearer to its own corner than the next


@pytest.mark.parametrize(("size", "methyl", "formula"), [(5, (), "C5H5"), (6, range(6), "C12H18")])
def test_rings(size, methyl, formula):
    ligand = ring(size, methyl)
    atoms = Atoms(numbers=ligand.numbers, positions=ligand.positions_ang)
    assert atoms.get_chemical_formula() == formula
    distances = atoms.get_all_distances()
    bond = {5: 1.42, 6: 1.41}[size]
    assert distances[0, 1] == pytest.approx(bond, abs=0.01)
    assert closest_contact(atoms)[0] > 0.8
    assert ligand.groups == (tuple(range(size)),)


def test_small_ligands_are_molecules():
    for name, small in SMALL.items():
        ligand = small.on(name, "Fe")
        atoms = Atoms(numbers=ligand.numbers, positions=ligand.positions_ang)
        if len(atoms) > 1:
            radii = covalent_radii[atoms.numbers]
            ratio = atoms.get_all_distances() / np.add.outer(radii, radii) + 9 * np.eye(len(atoms))
            assert ratio.min() > 0.75, name
            assert ratio.min(axis=1).max() < 1.2, name  # every atom is bound to another
        assert set(ligand.donor_elements) == {small.atoms[0][0]}
        np.testing.assert_allclose(ligand.donor_directions(), [[0, 0, 1]], atol=1e-9)


def test_polyhedra_of_every_metal_are_known():
    for metal in ABSORBERS:
        assert set(COMMON_SMALL[metal]) <= set(POLYHEDRA)
        for name in COMMON_SMALL[metal]:
            rng = np.random.default_rng(1)
            drawn = (draw_simple(metal, {name: 1}, rng) for _ in range(400))
            assert any(isinstance(c, CandidateComplex) for c in drawn), (metal, name)


# --- breathing -----------------------------------------------------------------------------------


def test_bonds_scale_and_ligands_keep_their_shape():
    rng = np.random.default_rng(2)
    ligands = [SMALL[n].on(n, "Fe") for n in ("PMe3", "NCS", "H")]
    corners = [CORNERS[c][None] for c in ("t0", "t1", "t2")]
    atoms = build("Fe", [(ring(5), CORNERS["t3"][None]), *zip(ligands, corners, strict=True)], rng)
    atoms.positions += [1.0, 2.0, 3.0]
    before = atoms.positions.copy()
    moved = breathe(atoms, 1.1)
    np.testing.assert_array_equal(atoms.positions, before)
    np.testing.assert_array_equal(moved.positions[0], before[0])
    start = 1
    for ligand in (ring(5), *ligands):
        n = len(ligand.numbers)
        old, new = (x.positions[start : start + n] - before[0] for x in (atoms, moved))
        n_donors = ligand.n_donors
        centres = [np.linalg.norm(x[:n_donors].mean(axis=0)) for x in (old, new)]
        assert centres[1] / centres[0] == pytest.approx(1.1)
        shift = new - old
        np.testing.assert_allclose(shift, np.broadcast_to(shift[0], shift.shape), atol=1e-12)
        start += n
    np.testing.assert_allclose(breathe(moved, 1 / 1.1).positions, before, atol=1e-9)


def test_a_chelate_follows_the_mean_of_its_donors():
    # S-C-S around a metal: the donors move out together, the carbon with them
    atoms = Atoms("NiSSC", [[0, 0, 0], [1.6, 1.45, 0], [1.6, -1.45, 0], [2.6, 0, 0]])
    moved = breathe(atoms, 1.05)
    np.testing.assert_allclose(
        moved.positions - atoms.positions, [[0, 0, 0]] + [[0.08, 0, 0]] * 3, atol=1e-12
    )


def test_a_ligand_that_has_left_moves_with_its_nearest_atom():
    atoms = Atoms("ZnCl2", [[0, 0, 0], [2.2, 0, 0], [-5.0, 0, 0]])
    np.testing.assert_allclose(breathe(atoms, 1.02).positions[:, 0], [0, 2.244, -5.1])


@pytest.mark.parametrize("factor", [0.5, 2.0, np.nan])
def test_breathing_takes_sensible_factors(factor):
    with pytest.raises(AssemblyError, match="makes no sense: give one from"):
        breathe(Atoms("ZnCl", [[0, 0, 0], [2.2, 0, 0]]), factor)


def test_breathing_needs_ligands():
    with pytest.raises(AssemblyError, match="no ligands to move"):
        breathe(Atoms("Zn"), 1.05)


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shares", "match"),
    [
        ({"simple": 1, "magic": 1}, "no kind 'magic' of complexes: give shares for assembled"),
        ({"simple": -1, "oxo": 2}, "shares must be numbers from zero"),
        ({"simple": 0}, "at least one of them above zero"),
        ({"simple": np.inf}, "shares must be numbers from zero"),
        ({}, "at least one of them above zero"),
    ],
)
def test_shares_that_make_no_sense(shares, match):
    with pytest.raises(AssemblyError, match=match):
        Assembler(shares)


@pytest.mark.parametrize("word", ["Fe", "cn", "cnx", "stool", ""])
def test_focus_that_is_not_known(word):
    with pytest.raises(AssemblyError, match="cannot draw more of"):
        Assembler({"simple": 1}, focus=[word])


@pytest.mark.parametrize("metal", ["Mo", "", "fe"])
def test_metals_that_are_not_covered(metal):
    with pytest.raises(AssemblyError, match="give one of Ti, V, Cr"):
        Assembler({"simple": 1}).candidate(metal, 0, 0)


@pytest.mark.parametrize(("seed", "index"), [(-1, 0), (0, -1), (0.5, 0), (0, True), ("1", 0)])
def test_seed_and_index_are_whole_numbers(seed, index):
    with pytest.raises(AssemblyError, match="must be a whole number from zero"):
        Assembler({"simple": 1}).candidate("Fe", seed, index)


def test_metals_without_oxo_complexes_say_so():
    with pytest.raises(AssemblyError, match="Zn makes no oxo complexes: give another kind"):
        Assembler({"oxo": 1}).candidate("Zn", 0, 0)


def test_giving_up_says_why(monkeypatch):
    monkeypatch.setattr("xanes_core.dataset.assembly.from_table.MAX_ELECTRONS", 0)
    with pytest.raises(AssemblyError, match=r"no simple complex of Zn in \d+ tries .*electrons"):
        Assembler({"simple": 1}).candidate("Zn", 0, 0)

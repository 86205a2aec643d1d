"""Complexes of ligands from the CSD ligand base, and the base itself."""

import bz2
import json
from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest
from ase.data import chemical_symbols

from xanes_core.constants import ABSORBERS
from xanes_core.dataset.assembly import ligands
from xanes_core.dataset.assembly.assembler import Assembler
from xanes_core.dataset.assembly.candidate import MAX_MISFIT, CandidateComplex
from xanes_core.dataset.assembly.from_base import MAX_ATOMS, draw_assembled
from xanes_core.dataset.assembly.ligands import Ligand, LigandEntry, Pool, available, read_base
from xanes_core.dataset.assembly.small_ligands import SMALL, ring, ring_entries
from xanes_core.dataset.assembly.templates import (
    COMMON,
    OXIDATION,
    OXIDATION_OXIDE,
    OXIDE,
    TEMPLATES,
)
from xanes_core.errors import AssemblyError
from xanes_core.structures.checks import BROKEN_CONTACT, closest_contact

#: Lines of the base that are read: the common ligands come first, and the whole takes a minute.
N_LINES = 1500


@pytest.fixture(scope="session")
def entries():
    here = available()
    if not here:
        pytest.skip(here.message)
    return [*read_base(N_LINES), *ring_entries()]


@pytest.fixture(scope="session")
def pool(entries):
    return Pool(entries)


def mono(name, *counts, symbol=17, charge=-1):
    """A one-atom ligand with its counts."""
    ligand = Ligand(
        name, np.array([symbol]), np.array([[0.0, 0.0, 2.2]]), ((0,),), charge, "1-mono", "Fe"
    )
    return LigandEntry(ligand, {(metal, state): n for metal, state, n in counts})


# --- the base ------------------------------------------------------------------------------------


def test_the_base_has_what_chemistry_is_made_of(entries):
    by_name = {e.ligand.name: e for e in entries}
    assert len(by_name) == len(entries) > 500
    formulas = {"".join(sorted(chemical_symbols[z] for z in e.ligand.numbers)): e for e in entries}
    for formula, charge in (("Cl", -1), ("CO", 0), ("CN", -1), ("HHO", 0)):
        assert formulas[formula].ligand.charge == charge
    for entry in entries:
        ligand = entry.ligand
        assert {metal for metal, _ in entry.counts} <= set(ABSORBERS)
        assert len(ligand.numbers) == len(ligand.positions_ang) <= ligands.MAX_LIGAND_ATOMS
        assert {chemical_symbols[z] for z in ligand.numbers} <= ligands.ELEMENTS
        assert max(max(group) for group in ligand.groups) < len(ligand.numbers)


def test_the_compact_copy_is_the_same_and_is_remade_when_damaged(entries, monkeypatch, tmp_path):
    monkeypatch.setenv("XANES_CACHE_DIR", str(tmp_path))
    parsed = []

    def some(path, limit):
        parsed.append(limit)
        return iter(entries[:50])

    monkeypatch.setattr(ligands, "_parsed", some)
    assert read_base() == entries[:50]
    again = read_base()
    assert parsed == [None]
    for old, new in zip(entries[:50], again, strict=True):
        for name in ("name", "groups", "charge", "archetype", "parent"):
            assert getattr(new.ligand, name) == getattr(old.ligand, name)
        np.testing.assert_array_equal(new.ligand.numbers, old.ligand.numbers)
        np.testing.assert_array_equal(new.ligand.positions_ang, old.ligand.positions_ang)
        assert new.counts == old.counts
    (copy,) = tmp_path.iterdir()
    copy.write_bytes(copy.read_bytes()[:100])
    read_base()
    assert parsed == [None, None]


def test_no_base(monkeypatch):
    monkeypatch.setattr(ligands.importlib.util, "find_spec", lambda name: None)
    here = available()
    assert not here
    assert "pip install DARTassembler" in here.message
    with pytest.raises(AssemblyError, match="need the ligand base: pip install DARTassembler"):
        read_base()
    with pytest.raises(AssemblyError, match="or set the share of assembled complexes to zero"):
        Assembler()
    assert Assembler({"simple": 1}).candidate("Zn", 0, 0).kind == "simple"


def base_at(folder, monkeypatch):
    spec = SimpleNamespace(origin=str(folder / "__init__.py"))
    monkeypatch.setattr(ligands.importlib.util, "find_spec", lambda name: spec)
    path = folder / "data" / "metalig" / "base.jsonlines.bz2"
    path.parent.mkdir(parents=True)
    return path


def test_a_base_that_is_not_where_it_should_be(monkeypatch, tmp_path):
    base_at(tmp_path, monkeypatch)
    with pytest.raises(AssemblyError, match="holds no ligand base; pip install"):
        read_base()


@pytest.mark.parametrize(
    "content", [b"no bz2", bz2.compress(b"{no json}"), bz2.compress(json.dumps({}).encode())]
)
def test_a_damaged_base(monkeypatch, tmp_path, content):
    base_at(tmp_path, monkeypatch).write_bytes(content)
    with pytest.raises(AssemblyError, match=r"cannot be read .* install it again: pip install"):
        read_base(5)


# --- drawing -------------------------------------------------------------------------------------


def test_ligands_are_drawn_as_often_as_they_occur():
    pool = Pool([mono("often", ("Fe", 2, 8100)), mono("rarely", ("Fe", 2, 100), symbol=35)])
    rng = np.random.default_rng(0)
    names = [pool.draw("Fe", "1-mono", "S", 2, rng).name for _ in range(4000)]
    share = 81**0.75 / (81**0.75 + 1)
    assert names.count("often") / 4000 == pytest.approx(share, abs=0.01)


def test_the_oxidation_state_matters():
    pool = Pool([mono("two", ("Fe", 2, 100)), mono("zero", ("Fe", 0, 100))])
    rng = np.random.default_rng(0)
    for state, name in ((2, "two"), (0, "zero")):
        names = [pool.draw("Fe", "1-mono", "S", state, rng).name for _ in range(500)]
        assert names.count(name) > 400
    unknown = Pool([mono("two", ("Fe", 2, 100)), mono("unknown", ("Fe", None, 200))])
    names = [unknown.draw("Fe", "1-mono", "S", 2, rng).name for _ in range(2000)]
    assert names.count("two") == pytest.approx(1000, abs=100)


def test_nothing_is_drawn_for_a_metal_that_has_none():
    pool = Pool([mono("iron only", ("Fe", 2, 100))])
    rng = np.random.default_rng(0)
    assert pool.draw("Ti", "1-mono", "S", 4, rng) is None
    assert pool.draw("Fe", "2-cis", "S", 2, rng) is None
    with pytest.raises(AssemblyError, match=r"no assembled complex of Ti .* no set of ligands"):
        Assembler({"assembled": 1}, pool=pool).candidate("Ti", 0, 0)


def test_focus_on_an_element():
    both = [mono("chloride", ("Fe", 2, 100)), mono("bromide", ("Fe", 2, 100), symbol=35)]
    pool = Pool(both, {"Br"})
    rng = np.random.default_rng(0)
    names = [pool.draw("Fe", "1-mono", "S", 2, rng).name for _ in range(1400)]
    assert names.count("bromide") == pytest.approx(1200, abs=60)


# --- complexes -----------------------------------------------------------------------------------


def test_templates_of_every_metal_are_known():
    for metal in ABSORBERS:
        assert set(COMMON[metal]) <= set(TEMPLATES)
        assert OXIDATION[metal]
        has_oxide = any(TEMPLATES[name].has_oxide for name in COMMON[metal])
        assert has_oxide == (metal in OXIDATION_OXIDE)
    assert {name for names in COMMON.values() for name in names} == set(TEMPLATES)


@pytest.mark.parametrize("name", sorted(n for n, t in TEMPLATES.items() if t.has_oxide))
def test_terminal_oxides(pool, name):
    metal = "Fe" if name == "oxo_oct_penta" else "V"
    rng = np.random.default_rng(3)
    drawn = (draw_assembled(metal, pool, {name: 1}, rng) for _ in range(300))
    candidate = next(c for c in drawn if isinstance(c, CandidateComplex))
    oxides = [slot for slot in TEMPLATES[name].slots if slot.archetype == OXIDE]
    assert candidate.oxidation_state in OXIDATION_OXIDE[metal]
    assert candidate.ligands[: len(oxides)] == ("O",) * len(oxides)
    assert candidate.ligands.count("O") == len(oxides)
    for atom, slot in zip(candidate.atoms[1:], oxides, strict=False):
        assert atom.symbol == "O"
        distance = np.linalg.norm(atom.position)
        assert 1.5 < distance < 1.9
        np.testing.assert_allclose(atom.position / distance, slot.targets()[0], atol=1e-9)
    # two of them never stand opposite each other
    directions = np.array([slot.targets()[0] for slot in oxides])
    assert (directions @ directions.T > -0.5).all()


@pytest.mark.parametrize("metal", ABSORBERS)
def test_every_metal_gives_complexes(pool, entries, metal):
    known = {e.ligand.name: e.ligand for e in entries} | {"O": SMALL["O"].on("O", metal)}
    assembler = Assembler({"assembled": 1}, pool=pool)
    for index in range(4):
        candidate = assembler.candidate(metal, 11, index)
        used = [known[name] for name in candidate.ligands]
        assert candidate.kind == "assembled"
        assert candidate.template in COMMON[metal]
        has_oxide = TEMPLATES[candidate.template].has_oxide
        states = OXIDATION_OXIDE if has_oxide else OXIDATION
        assert candidate.oxidation_state in states[metal]
        assert sum(x.charge for x in used) + candidate.oxidation_state == candidate.charge
        assert sum(x.n_donors for x in used) == candidate.n_donors
        assert candidate.atoms[0].symbol == metal
        assert not candidate.atoms.positions[0].any()
        assert len(candidate.atoms) <= MAX_ATOMS
        assert closest_contact(candidate.atoms)[0] >= BROKEN_CONTACT
        check_corners(candidate, used)


def check_corners(candidate, used):
    """Donors of every ligand are at the corners of its slot, each at one of them."""
    start = 1
    for ligand, slot in zip(used, TEMPLATES[candidate.template].slots, strict=True):
        positions = candidate.atoms.positions[start : start + len(ligand.numbers)]
        middle = np.array([positions[list(g)].mean(axis=0) for g in ligand.groups])
        middle /= np.linalg.norm(middle, axis=1, keepdims=True)
        misfits = [
            np.linalg.norm(middle - slot.targets()[list(order)], axis=1).max()
            for order in permutations(range(len(middle)))
        ]
        assert min(misfits) <= MAX_MISFIT + 0.3  # moving it out changes its angles a little
        inner = np.linalg.norm(ligand.positions_ang[0] - ligand.positions_ang[-1])
        assert np.linalg.norm(positions[0] - positions[-1]) == pytest.approx(inner)
        start += len(ligand.numbers)
    assert start == len(candidate.atoms)


def test_the_same_every_time(pool, entries):
    one, two = Assembler({"assembled": 1}, pool=pool), Assembler(pool=Pool(entries))
    two.shares = dict(one.shares)
    first = [one.candidate("Co", 4, i) for i in range(3)]
    second = [two.candidate("Co", 4, i) for i in (2, 0, 1)]
    for a, b in zip(first, [second[1], second[2], second[0]], strict=True):
        assert a.identity == b.identity
        np.testing.assert_array_equal(a.atoms.positions, b.atoms.positions)


@pytest.mark.parametrize("name", ["stool_3same", "sandwich", "oct_3bi", "tetragonal_1"])
def test_templates(pool, name):
    rng = np.random.default_rng(5)
    drawn = (draw_assembled("Fe", pool, {name: 1}, rng) for _ in range(60))
    candidate = next(c for c in drawn if isinstance(c, CandidateComplex))
    assert candidate.template == name


def test_chromium_zero_takes_arenes_and_carbonyls(pool):
    rng = np.random.default_rng(0)
    rings = [pool.draw("Cr", "eta", "M", 0, rng) for _ in range(200)]
    assert sum(len(r.groups[0]) == 6 for r in rings) > 60
    assert ring(6).charge == 0

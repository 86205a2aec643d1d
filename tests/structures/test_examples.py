"""The shipped example structures are what their index says, and bad requests say what to do."""

import json
import re

import numpy as np
import pytest
from ase.data import covalent_radii
from ase.formula import Formula

from tests.places import PROJECT
from xanes_core.constants import ABSORBERS
from xanes_core.errors import DatasetError, StructureError
from xanes_core.structures import examples
from xanes_core.structures.examples import list_examples, load_example

ALL = list_examples()
each = pytest.mark.parametrize("example", ALL, ids=lambda e: e.key)


def neighbours(atoms):
    """Bonded heavy neighbours of atom 0 by the rule of the builder (1.15 covalent sums)."""
    distances = np.linalg.norm(atoms.positions - atoms.positions[0], axis=1)
    radii = covalent_radii[atoms.numbers]
    bonded = (distances < 1.15 * (radii + radii[0])) & (atoms.numbers != 1)
    bonded[0] = False
    return set(np.flatnonzero(bonded).tolist())


@each
def test_absorber_is_first_and_of_the_stated_element(example):
    atoms = load_example(example.key)
    assert example.absorber == 0
    assert atoms.symbols[0] == example.element
    assert not atoms.pbc.any()
    assert atoms.info == {"charge": example.charge, "multiplicity": example.multiplicity}


@each
def test_composition_and_electron_count(example):
    atoms = load_example(example.key)
    assert dict(Formula(example.hill).count()) == atoms.symbols.formula.count()
    electrons = int(atoms.numbers.sum()) - example.charge
    assert (electrons - (example.multiplicity - 1)) % 2 == 0


@each
def test_written_formula_agrees_with_the_atoms(example):
    plain = example.formula.translate(str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789"))
    superscripts = "⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹"
    charge = "".join(c for c in plain if c in superscripts)
    plain = "".join(c for c in plain if c not in superscripts)
    plain = plain.replace("[", "(").replace("]", ")")
    atoms = load_example(example.key)
    assert Formula(plain).count() == atoms.symbols.formula.count()
    sign = -1 if charge.endswith("⁻") else 1
    size = charge[:-1].translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789"))
    assert (sign * int(size or 1) if charge else 0) == example.charge


@each
def test_first_shell_is_the_stated_one(example):
    atoms = load_example(example.key)
    stated = [i for bonds in example.bonds for i in bonds.atoms]
    assert len(stated) == len(set(stated)) == example.coordination_number
    assert set(stated) == neighbours(atoms)
    for bonds in example.bonds:
        assert len(bonds.atoms) == bonds.count
        assert {atoms.symbols[i] for i in bonds.atoms} == {bonds.element}
        assert f" {bonds.element}" in example.coordination
        lengths = atoms.get_distances(0, list(bonds.atoms))
        mean = lengths.mean()
        assert np.ptp(lengths) <= 0.15
        assert mean == pytest.approx(bonds.d_ang, abs=1e-3)
        assert abs(bonds.d_ang - bonds.d_exp_ang) <= 0.021


@each
def test_words_and_numbers_of_the_coordination_agree(example):
    counts = re.findall(r"(\d+) [A-Z]", example.coordination)
    assert sum(map(int, counts)) == example.coordination_number


def test_shells_held_at_experiment_are_said_to_be():
    for example in ALL:
        held = any(abs(b.d_xtb_ang - b.d_ang) > 2e-3 for b in example.bonds)
        assert held == ("held" in example.method)


@each
def test_no_collapsed_contacts_and_relaxed(example):
    atoms = load_example(example.key)
    radii = covalent_radii[atoms.numbers]
    ratio = atoms.get_all_distances() / (radii[:, None] + radii[None])
    np.fill_diagonal(ratio, np.inf)
    assert ratio.min() > 0.62
    # One molecule, no stray fragments: every atom is bonded to the rest.
    linked = {0}
    for _ in range(len(atoms)):
        linked |= set(np.flatnonzero((ratio[sorted(linked)] < 1.3).any(axis=0)).tolist())
    assert len(linked) == len(atoms)
    assert 0 <= example.fmax_ev_per_ang <= 0.1


@each
def test_texts_are_short_and_plain(example):
    for text in (example.title, example.note, example.coordination, example.method):
        assert text.strip() == text
        assert 0 < len(text) <= 110
        assert not set(text) & set("<>`*_$\n")


def test_at_least_three_examples_of_every_metal():
    counts = {element: len(list_examples(element)) for element in ABSORBERS}
    assert min(counts.values()) >= 3, counts
    assert sum(counts.values()) == len(ALL)


def test_keys_are_unique_and_metals_in_order():
    assert len({e.key for e in ALL}) == len(ALL)
    order = [ABSORBERS.index(e.element) for e in ALL]
    assert order == sorted(order)


def test_a_caller_cannot_change_the_stored_structure():
    first = load_example("ferrocene")
    before = first.positions.copy()
    first.positions += 1.0
    first.info["charge"] = 9
    second = load_example("ferrocene")
    np.testing.assert_array_equal(second.positions, before)
    assert second.info["charge"] == 0


def test_ferrocene_rings_are_parallel():
    atoms = load_example("ferrocene")
    carbon = atoms.positions[[a.index for a in atoms if a.symbol == "C"]]
    # Nearest five to one carbon (itself included) make its ring.
    order = np.argsort(np.linalg.norm(carbon - carbon[0], axis=1))
    normals = []
    for ring in (carbon[order[:5]], carbon[order[5:]]):
        normals.append(np.linalg.svd(ring - ring.mean(axis=0))[2][2])
    assert abs(normals[0] @ normals[1]) > 0.99


@pytest.mark.parametrize("key", ["no-such", "../secret", "", None, 3])
def test_unknown_key_lists_the_choices(key):
    with pytest.raises(StructureError, match=r"no example .* Choose one of: .*ferrocene"):
        load_example(key)


@pytest.mark.parametrize("element", ["Cd", "fe", ""])
def test_unknown_element_lists_the_choices(element):
    with pytest.raises(StructureError, match=r"choose one of Ti, V, Cr"):
        list_examples(element)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty data folder in place of the real one, caches cleared before and after."""
    monkeypatch.setattr(examples, "_FOLDER", tmp_path)
    examples._index.cache_clear()
    examples._structure.cache_clear()
    yield tmp_path
    examples._index.cache_clear()
    examples._structure.cache_clear()


def test_missing_index_says_what_to_restore(folder):
    with pytest.raises(DatasetError, match=r"index.json is not there. Restore"):
        list_examples()


@pytest.mark.parametrize("text", ["{", "[]", '{"examples": [{"key": "x"}]}'])
def test_damaged_index_says_what_to_restore(folder, text):
    (folder / "index.json").write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"cannot be read. Restore it"):
        list_examples()


def write_index(folder):
    source = PROJECT / "data" / "examples"
    entries = json.loads((source / "index.json").read_text(encoding="utf-8"))["examples"]
    entry = next(e for e in entries if e["key"] == "ferrocene")
    (folder / "index.json").write_text(json.dumps({"examples": [entry]}), encoding="utf-8")


@pytest.mark.parametrize("text", [None, "", "3\n\nFe 0 0\n"])
def test_missing_or_damaged_structure_names_the_file(folder, text):
    write_index(folder)
    if text is not None:
        (folder / "ferrocene.extxyz").write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"ferrocene.extxyz\) cannot be read"):
        load_example("ferrocene")


def test_structure_of_another_complex_is_refused(folder):
    write_index(folder)
    (folder / "ferrocene.extxyz").write_text(
        "1\nProperties=species:S:1:pos:R:3\nFe 0.0 0.0 0.0\n", encoding="utf-8"
    )
    with pytest.raises(DatasetError, match=r"is not C10H10Fe"):
        load_example("ferrocene")

"""Files that are small to send and dear to take: refused before the cost, with what to do."""

import itertools
import re
import tracemalloc

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tests.places import PROJECT
from xanes_core.errors import StructureError
from xanes_core.importance.atom_effects import local_effects
from xanes_core.model.registry import load_model
from xanes_core.structures import limits
from xanes_core.structures.checks import validate_structure
from xanes_core.structures.environments import alike, each_environment, environment
from xanes_core.structures.read import read_structures
from xanes_core.structures.sites import Site, absorber_sites

MIB = 2**20
EVERY_OPERATION = [
    f"{','.join(signs[i] + axes[i] + shift[i] for i in range(3))}"
    for signs in itertools.product(("", "-"), repeat=3)
    for axes in itertools.permutations("xyz")
    for shift in (("", "", ""), ("", "+1/2", "+1/2"), ("+1/2", "", "+1/2"), ("+1/2", "+1/2", ""))
]


def grid(n, step_ang):
    side = int(np.ceil(n ** (1 / 3)))
    return np.array(list(itertools.product(range(side), repeat=3))[:n]) * step_ang


def xyz(symbols, positions, comment=""):
    rows = [f"{s} {x:.4f} {y:.4f} {z:.4f}" for s, (x, y, z) in zip(symbols, positions, strict=True)]
    return "\n".join([str(len(rows)), comment, *rows, ""]).encode()


def cif(n, operations=("x,y,z",), *, labels="Fe{i}", types=True, more="", jitter=0.2, step=3.0):
    side = int(np.ceil(n ** (1 / 3)))
    shift = 0.3 + jitter * np.random.default_rng(0).random((n, 3))
    points = (grid(n, 1.0) + shift) / side
    text = "data_a\n" + more
    text += "".join(f"_cell_length_{x} {step * side}\n" for x in "abc")
    text += "".join(f"_cell_angle_{x} 90\n" for x in ("alpha", "beta", "gamma"))
    text += "loop_\n_space_group_symop_operation_xyz\n"
    text += "".join(f"'{one}'\n" for one in operations)
    text += "loop_\n_atom_site_label\n" + "_atom_site_type_symbol\n" * types
    text += "".join(f"_atom_site_fract_{x}\n" for x in "xyz")
    for i, (x, y, z) in enumerate(points):
        text += f"{labels.format(i=i)} {'Fe ' * types}{x:.6f} {y:.6f} {z:.6f}\n"
    return text.encode()


def peak_mib(call):
    """Most memory (MiB) that Python and NumPy take during a call that must be refused."""
    tracemalloc.start()
    try:
        with pytest.raises(StructureError) as caught:
            call()
        return tracemalloc.get_traced_memory()[1] / MIB, str(caught.value)
    finally:
        tracemalloc.stop()


CHAIN = np.array([[0.0, 0.0, 2.0 * i] for i in range(40)])
TWO_DIRECTIONS = 'Lattice="0.41 0 0 0 0.41 0 0 0 90" pbc="T T F" Properties=species:S:1:pos:R:3'
ONE_DIRECTION = 'Lattice="0.41 0 0 0 9 0 0 0 9" pbc="T F F" Properties=species:S:1:pos:R:3'


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.extxyz", xyz(["Fe"] * 40, CHAIN, TWO_DIRECTIONS), "too small for 40 atoms.*angstrom"),
        (
            "a.extxyz",
            xyz(["Fe"] * 700, grid(700, 0.45), ONE_DIRECTION),
            "too small for 700 atoms.*angstrom",
        ),
        ("a.cif", cif(10_000, EVERY_OPERATION), "more than 10,000 atoms"),
        ("a.cif", cif(2_400, EVERY_OPERATION), "more than 10,000 atoms"),
        ("a.cif", cif(1_000, step=1e-3), "repeats itself every 0.01 A"),
        ("a.cif", cif(1_000, step=0.1, jitter=0), "too small for 1000 atoms"),
        ("a.cif", cif(8, more=f"_name '{'a' * 10**6}'\n"), "Line 2 has 1,000,008 characters"),
        ("a.cif", cif(8, more=f"_{'a' * 50_000} 1\n"), "Line 2 holds a word of 50,001 characters"),
        ("a.cif", cif(8, more="".join(f"_t_{i} 1\n" for i in range(20_001))), "tags, more than"),
        ("a.cif", b"data_a\n_x 1\n" * 2_001, "more than 2,000 data blocks"),
        (
            "a.cif",
            cif(1_500, EVERY_OPERATION[:1], labels="CO{i}", types=False,
                more="_chemical_formula_sum 'C O Co'\n"),
            "add the column _atom_site_type_symbol",
        ),
        ("a.xyz", b"1\n\nQq 0 0 0\n" * 10_001, "more than 10,000 structures"),
        ("a.xyz", b"1\n\nFe 0 0 " + b"0" * 60_000, "Line 3 holds a word"),
    ],
)  # fmt: skip
def test_a_file_is_refused_with_what_to_do(name, data, why):
    with pytest.raises(StructureError, match=why):
        read_structures(data, name=name)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.extxyz", xyz(["Fe"] * 40, CHAIN, TWO_DIRECTIONS)),
        ("a.cif", cif(1_000, EVERY_OPERATION[:48], step=1e-3)),
        ("a.cif", cif(8, more=f"_name '{'a' * 10**6}'\n")),
    ],
)
def test_a_file_is_refused_before_it_takes_memory(name, data):
    peak, _ = peak_mib(lambda: read_structures(data, name=name))
    assert peak < 20 + 10 * len(data) / MIB


@pytest.mark.parametrize(
    ("length_ang", "pbc"),
    [
        *itertools.product((0.001, 0.1), [(1, 0, 0), (1, 1, 0), (1, 1, 1)]),
        (0.41, (1, 1, 0)),
        (0.41, (1, 1, 1)),
    ],
)
def test_a_cell_too_small_is_refused_in_one_two_and_three_directions(length_ang, pbc):
    atoms = Atoms(["Fe"] * 40, positions=CHAIN, cell=[length_ang] * 3, pbc=pbc)
    peak, said = peak_mib(lambda: environment(atoms))
    assert "too small to be real" in said or "more than any real matter has" in said
    assert peak < 150
    with pytest.raises(StructureError, match=r"too small|own periodic image"):
        validate_structure(atoms)


@pytest.mark.parametrize(
    "atoms",
    [
        bulk("C", "diamond", a=3.567),
        bulk("Fe", "bcc", a=2.87),
        Atoms("TiH2", scaled_positions=[[0, 0, 0], [0.5, 0.25, 0.25], [0.5, 0.75, 0.25]],
              cell=[3.1, 3.1, 4.4], pbc=True),
        Atoms("H", cell=[0.9, 9, 9], pbc=(1, 0, 0)),
    ],
)  # fmt: skip
def test_the_densest_matter_is_within_the_limits(atoms):
    validate_structure(atoms)
    assert len(environment(atoms).numbers) < limits.MAX_SEEN_ATOMS
    assert len(environment(atoms, 0, 12.0).numbers) < 8 * limits.MAX_SEEN_ATOMS


def test_what_the_importance_page_asks_of_dense_atoms_is_refused():
    atoms = Atoms(["Fe"] + ["C"] * 700, positions=grid(701, 0.75))
    with pytest.raises(StructureError, match="within 6 A of the absorber, more than any real"):
        local_effects(load_model("Fe"), atoms, 0)


# --- many absorbers ------------------------------------------------------------------------------


def rattled(atoms, size_ang):
    atoms = atoms.copy()
    atoms.positions += np.random.default_rng(1).normal(scale=size_ang, size=atoms.positions.shape)
    return atoms


def every_atom(atoms, symbol="Fe"):
    return [Site(i, symbol, 1, (i,)) for i in np.flatnonzero(atoms.symbols == symbol).tolist()]


IRON = bulk("Fe", "bcc", a=2.87, cubic=True) * (4, 4, 4)
SLAB = Atoms(IRON.numbers, positions=IRON.positions, cell=IRON.cell, pbc=(1, 1, 0))
CLUSTER = Atoms(IRON.numbers, positions=IRON.positions)


@pytest.mark.parametrize("atoms", [IRON, SLAB, CLUSTER, rattled(IRON, 0.1)])
def test_environments_of_many_are_those_of_each(atoms):
    for index, env in enumerate(each_environment(atoms, range(len(atoms)))):
        alone = environment(atoms, index)
        assert sorted(env.numbers) == sorted(alone.numbers)
        np.testing.assert_allclose(env.distances_ang, alone.distances_ang, atol=1e-9)


def test_atoms_of_the_same_surroundings_are_one_site_without_symmetry():
    noisy = rattled(IRON, 2e-4)  # as a file with four digits writes it
    (one,) = alike(noisy, every_atom(noisy), at_most=5)
    assert one.multiplicity == len(one.equivalent) == 128
    layers = alike(SLAB, every_atom(SLAB), at_most=10)  # eight layers, two faces that mirror
    assert [site.multiplicity for site in layers] == [32, 32, 32, 32]


def test_a_bond_angle_tells_sites_apart_that_have_the_same_distances():
    bent = Atoms("FeO2", positions=[[0, 0, 0], [1.8, 0, 0], [0, 1.8, 0]])
    straight = Atoms("FeO2", positions=[[0, 0, 0], [1.8, 0, 0], [-1.8, 0, 0]])
    straight.positions += 30
    turned = bent.copy()
    turned.rotate(40, (1, 2, 3))
    turned.positions += 60
    atoms = bent + straight + turned
    found = alike(atoms, absorber_sites(atoms), at_most=3)
    assert [site.equivalent for site in found] == [(0, 6), (3,)]


def test_a_crystal_of_many_equal_absorbers_is_predicted_as_one_of_them():
    model = load_model("Fe")
    oxide = bulk("FeO", "rocksalt", a=4.3, cubic=True)
    molecule = Atoms((oxide * (2, 2, 2)).numbers, (oxide * (2, 2, 2)).positions)
    many = model.predict(molecule, "Fe")
    assert sum(site.multiplicity for site in many.sites) == 32
    assert len(many.sites) < 32
    each = [model.predict(molecule, i) for i in np.flatnonzero(molecule.symbols == "Fe").tolist()]
    np.testing.assert_allclose(many.mu, np.mean([one.mu for one in each], axis=0), atol=2e-3)


def test_hundreds_that_differ_are_not_averaged_unasked():
    model = load_model("Fe")
    (atoms,) = read_structures(cif(125), name="a.cif")
    with pytest.raises(StructureError, match=r"125 Fe atoms.*more than 100 .*--max-sites"):
        model.predict(atoms, "Fe")
    assert len(model.predict(atoms, 7).sites) == 1
    assert len(model.predict(atoms, "Fe", max_sites=125).sites) == 125


def test_thousands_are_not_even_compared():
    atoms = Atoms(["Fe"] * 2001, positions=grid(2001, 2.5))
    with pytest.raises(StructureError, match=r"2,001 Fe atoms.*at most 2,000 are compared"):
        alike(atoms, every_atom(atoms), at_most=100)


def test_the_documents_have_every_limit():
    text = (PROJECT / "docs" / "files.md").read_text(encoding="utf-8")
    said = re.findall(r"^\| [^|]+ \| ([\d,]+)( MiB)?[^|]* \| `(MAX_\w+)` \|$", text, re.M)
    told = {name: int(n.replace(",", "")) * (MIB if unit else 1) for n, unit, name in said}
    assert told == {name: value for name, value in vars(limits).items() if name.startswith("MAX")}

"""Readers: samples with known numbers, round trips, refusals, and damaged files."""

import gzip
import io
import re
from dataclasses import replace

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms

from tests import places
from xanes_core.errors import StructureError, XanesError
from xanes_core.structures import read as structure_io
from xanes_core.structures.environments import environment
from xanes_core.structures.formats import FORMATS
from xanes_core.structures.read import STRUCTURE_EXTENSIONS, STRUCTURE_FORMATS, read_structures
from xanes_core.structures.sites import absorber_sites, select_sites

FILES = places.FILES / "structures"
SAMPLES = sorted(FILES.iterdir())
#: name: atoms of each frame, periodic, absorber, its nearest distances (A), multiplicities
EXPECTED = {
    "POSCAR_slab_NiO": (["Ni4O4"], True, 0, [2.0885] * 6, [4]),
    "ammine.mol2": (["H6N2Zn"], False, 0, [2.05, 2.05], [1]),
    "ammine_v3000.mol": (["H3NNi"], False, 0, [2.1], [1]),
    "aqua.res": (["H8Cl4Fe2O4"], True, 0, [2.1, 2.1], [2]),
    "bare.xyz": (["Cl4Fe"], False, 0, [2.2] * 4, [1]),
    "cluster.gen": (["Cl2Ti"], False, 0, [2.17, 2.17], [1]),
    "copper_inp.txt": (["Cu4"], True, 0, [3.61 / np.sqrt(2)] * 12 + [3.61] * 6, [4]),
    "fecl4.xyz": (["Cl4Fe"], False, 0, [2.2] * 4, [1]),
    "fecl4_numbers.xyz": (["Cl4Fe"], False, 0, [2.2] * 4, [1]),
    "feff.inp": (["Cl3OV"], False, 1, [1.58, 2.3, 2.3, 2.3], [1]),
    "feo.gen": (["FeO"], True, 0, [2.15] * 6, [1]),
    "frames.extxyz": (["CuO", "CuO", "HCuO"], True, 0, [1.9], [1]),
    "gaussian.log": (["CuN4"], False, 0, [2.02] * 4, [1]),
    "magnetite.cif": (["Fe24O32"], True, 0, [8.396 * np.sqrt(3) * 0.1299] * 4, [8, 16]),
    "magnetite_inp.txt": (["Fe24O32"], True, 0, [8.396 * np.sqrt(3) * 0.1299] * 4, [8, 16]),
    "models.pdb": (["C2HFeN2O", "CuO"], False, 4, [np.hypot(1.9, 2.7)], [1]),
    "octahedron_inp.txt": (["FeO6"], False, 0, [2.16] * 6, [1]),
    "old.vasp": (["Mn4S4"], True, 0, [2.605] * 6, [4]),
    "orca.out": (["ClFe"], False, 0, [2.2], [1]),
    "two.sdf": (["H2CoO", "H3NNi"], False, 0, [2.05], [1]),
    "two_blocks.cif": (["Ni4O4", "Fe2"], True, 0, [2.0885] * 6, [4]),
    "water_v2000.mol": (["H2CoO"], False, 0, [2.05], [1]),
    "xtb.out": (["NiO"], False, 0, [1.6], [1]),
    "znco3.cif": (["C6O18Zn6"], True, 0, [2.11] * 6, [6]),
}


def xyz(text: str | bytes, name: str = "a.xyz") -> list[Atoms]:
    return read_structures(text.encode() if isinstance(text, str) else text, name=name)


def sample(name: str) -> bytes:
    return (FILES / name).read_bytes()


# ------------------------------------------------------------------ samples


def test_every_sample_has_its_numbers():
    assert sorted(EXPECTED) == [path.name for path in SAMPLES]


@pytest.mark.parametrize("name", EXPECTED)
def test_samples(name):
    formulas, periodic, absorber, distances, multiplicities = EXPECTED[name]
    frames = read_structures(FILES / name)
    assert [atoms.get_chemical_formula() for atoms in frames] == formulas
    atoms = frames[0]
    assert atoms.pbc.any() == periodic
    found = environment(atoms, absorber).distances_ang
    if name == "models.pdb":
        assert any(np.isclose(found, np.linalg.norm([1.9, 2.7, 1.5])))  # the hydrogen
    else:
        np.testing.assert_allclose(found[: len(distances)], distances, atol=2e-3)
    assert [site.multiplicity for site in absorber_sites(atoms)] == multiplicities
    assert set(atoms.arrays) == {"numbers", "positions"}
    assert atoms.calc is None
    assert atoms.constraints == []


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.name)
def test_path_and_upload_give_the_same(path):
    by_path = read_structures(str(path))
    by_bytes = read_structures(path.read_bytes(), name=f"C:\\upload\\{path.name}")
    assert by_path == by_bytes
    assert [a.info for a in by_path] == [a.info for a in by_bytes]


def test_order_of_frames_and_atoms():
    first, second, third = read_structures(FILES / "frames.extxyz")
    assert [a.positions[1, 2] for a in (first, second, third)] == [1.9, 2.0, 2.1]
    assert third.get_chemical_symbols() == ["Cu", "O", "H"]
    assert first.pbc.tolist() == [True, True, False]
    np.testing.assert_array_equal(first.cell.lengths(), [4, 4, 4])
    assert not second.pbc.any()
    many = "".join(f"2\nframe {i}\nFe 0 0 0\nO 0 0 {1 + i / 100}\n" for i in range(150))
    np.testing.assert_allclose(
        [a.positions[1, 2] for a in xyz(many)], 1 + np.arange(150) / 100, rtol=1e-12
    )


def test_only_numbers_of_the_comment_are_kept():
    first, second, third = read_structures(FILES / "frames.extxyz")
    assert first.info == {"charge": 2, "energy": -1.5}
    assert second.info == {"charge": 1}
    assert third.info == {}
    comment = 'Properties=species:S:1:pos:R:3 a=1 b=T c=word d="1 2" e=nan f-g=3 h=-2.5e-1 notes=x'
    (atoms,) = xyz(f"1\n{comment}\nFe 0 0 0\n")
    assert atoms.info == {"a": 1, "b": True, "h": -0.25}


def test_the_absorber_named_by_feff_and_fdmnes():
    (feff,) = read_structures(FILES / "feff.inp")
    assert [(s.index, s.element) for s in select_sites(feff)] == [(1, "V")]
    (magnetite,) = read_structures(FILES / "magnetite_inp.txt")
    assert magnetite.info["absorber"] == 8  # first image of the second atom in the list
    assert [s.index for s in select_sites(magnetite)] == [8]


def test_both_settings_of_magnetite_are_one_crystal():
    (cif,), (fdmnes,) = (
        read_structures(FILES / name) for name in ("magnetite.cif", "magnetite_inp.txt")
    )
    for index in (0, 8):
        np.testing.assert_allclose(
            environment(cif, index).distances_ang,
            environment(fdmnes, index).distances_ang,
            atol=5e-3,
        )


def test_smithsonite_cell_and_shells():
    (atoms,) = read_structures(FILES / "znco3.cif")
    zinc = environment(atoms, 0)
    assert (zinc.numbers[:6] == 8).all()
    carbon = environment(atoms, atoms.get_chemical_symbols().index("C"))
    np.testing.assert_allclose(carbon.distances_ang[:3], 0.2764 * 4.6526, rtol=1e-9)
    assert (carbon.numbers[:3] == 8).all()


def test_pdb_elements_cells_and_models():
    first, second = read_structures(FILES / "models.pdb")
    # C alpha of a residue, not calcium; NA of haem by the column rule is a nitrogen
    assert first.get_chemical_symbols() == ["C", "N", "C", "H", "Fe", "N", "O"]
    assert second.get_chemical_symbols() == ["Cu", "O"]
    assert "asymmetric unit" in first.info["notes"]
    p1 = sample("models.pdb").replace(b"P 21 21 21", b"P 1       ")
    assert all(atoms.pbc.all() and not atoms.info for atoms in read_structures(p1, format="pdb"))
    dummy = sample("models.pdb").replace(
        b"   50.000   60.000   70.000", b"    1.000    1.000    1.000"
    )
    assert not any(atoms.pbc.any() or atoms.info for atoms in read_structures(dummy, format="pdb"))


@pytest.mark.parametrize(
    ("record", "symbol"),
    [
        ("HETATM    1 FE   FE2 A   1 ", "Fe"),
        ("HETATM    1  Fe  FE2 A   1 ", "Fe"),
        ("HETATM    1  ZN   ZN A   1 ", "Zn"),
        ("HETATM    1  NE2 LIG A   1 ", "N"),
        ("HETATM    1 CA    CA A   1 ", "Ca"),
        ("ATOM      1 CA   GLY A   1 ", "C"),
        ("ATOM      1 HG11 VAL A   1 ", "H"),
        ("HETATM    1 1HB  LIG A   1 ", "H"),
        ("HETATM    1 CL1  LIG A   1 ", "Cl"),
        ("HETATM    1 N12  LIG A   1 ", "N"),
    ],
)
def test_pdb_elements_from_atom_names(record, symbol):
    line = f"{record}      0.000   0.000   0.000  1.00  0.00\n"
    (atoms,) = read_structures(line.encode(), format="pdb")
    assert atoms.get_chemical_symbols() == [symbol]


# ------------------------------------------------------------------ round trips


def dirty(atoms: Atoms) -> Atoms:
    atoms = atoms.copy()
    atoms.set_constraint(FixAtoms([0]))
    atoms.set_initial_charges(np.ones(len(atoms)))
    atoms.calc = SinglePointCalculator(atoms, energy=-1.0, forces=np.zeros((len(atoms), 3)))
    return atoms


@pytest.mark.parametrize("fmt", ["xyz", "extxyz", "mol", "sdf", "pdb", "gen"])
def test_round_trip_of_a_molecule(fmt):
    atoms = molecule("C6H6")
    atoms.symbols[0] = "Fe"
    atoms.positions[0] += 0.05  # flat with a metal as near as this, it would be a drawing
    text = io.StringIO()
    ase_name = {"pdb": "proteindatabank"}.get(fmt, fmt)
    ase.io.write(text, dirty(atoms) if fmt == "extxyz" else atoms, format=ase_name)
    (back,) = read_structures(text.getvalue().encode(), name=f"x.{fmt}")
    np.testing.assert_array_equal(back.numbers, atoms.numbers)
    np.testing.assert_allclose(back.positions, atoms.positions, atol=6e-4)
    assert not back.pbc.any()


@pytest.mark.parametrize("fmt", ["extxyz", "cif", "vasp", "gen", "pdb"])
def test_round_trip_of_a_crystal(fmt):
    atoms = bulk("NiO", "rocksalt", a=4.177)
    atoms.positions[1] += (0.05, 0.02, 0.0)
    raw = io.BytesIO()
    text = io.TextIOWrapper(raw, write_through=True)
    ase_name = {"pdb": "proteindatabank"}.get(fmt, fmt)
    ase.io.write(raw if fmt == "cif" else text, atoms, format=ase_name)
    (back,) = read_structures(raw.getvalue(), name=f"x.{fmt}")
    for index in (0, 1):
        ours, theirs = environment(back, index), environment(atoms, index)
        np.testing.assert_allclose(ours.distances_ang, theirs.distances_ang, atol=3e-3)


def test_round_trip_of_fractional_gen():
    atoms = bulk("FeO", "rocksalt", a=4.3)
    text = io.StringIO()
    ase.io.write(text, atoms, format="gen", fractional=True)
    (back,) = read_structures(text.getvalue().encode(), format="gen")
    np.testing.assert_allclose(back.positions, atoms.positions, atol=1e-9)


# ------------------------------------------------------------------ a person's file


VARIANTS = {
    "bom": lambda t: b"\xef\xbb\xbf" + t.encode(),
    "crlf": lambda t: t.replace("\n", "\r\n").encode(),
    "cr": lambda t: t.replace("\n", "\r").encode(),
    "utf-16": lambda t: t.encode("utf-16"),
    "utf-16 without mark": lambda t: t.encode("utf-16-le"),
    "utf-16 big": lambda t: t.encode("utf-16-be"),
    "utf-32": lambda t: t.encode("utf-32"),
    "trailing": lambda t: t.encode() + b"\n  \n\n\t\n",
    "no last newline": lambda t: t.rstrip().encode(),
    "control-z": lambda t: t.encode() + b"\x1a",
    "bytearray": lambda t: bytearray(t.encode()),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.name)
def test_encodings_and_line_ends(path, variant):
    data = VARIANTS[variant](path.read_text())
    assert read_structures(data, name=path.name) == read_structures(path)


@pytest.mark.parametrize(
    "text",
    [
        "\n\n 2 \n\nFe 0 0 0\n\nO 0 0 2\n",
        "2\nK\xe4fig \xb5 in latin-1\nFe 0 0 0\nO 0 0 2\n",
        "2\n\nfe1\t0.0D+00\t.0d0\t0\tcharge\n8 0 0 +2.0E0 1 2 3\n",
        "2\nLattice here means nothing\nFE 0 0 0\nO3- 0 0 2\n",
        "Fe 0 0 0\nO 0 0 2\n",
    ],
)
def test_ways_to_write_an_xyz(text):
    (atoms,) = xyz(text.encode("latin-1"))
    assert atoms.get_chemical_symbols() == ["Fe", "O"]
    np.testing.assert_array_equal(atoms.positions[1], [0, 0, 2])


def test_extended_xyz_with_atomic_numbers_and_columns():
    text = (
        '2\nproperties=tag:I:2:Z:I:1:vec:R:3:pos:R:3 lattice="5 0 0 0 5 0 1 0 5"\n'
        "1 2 26 9 9 9 0 0 0\n3 4 8 9 9 9 0 0 2\n"
    )
    (atoms,) = xyz(text, "a.extxyz")
    assert atoms.numbers.tolist() == [26, 8]
    np.testing.assert_array_equal(atoms.cell.array, [(5, 0, 0), (0, 5, 0), (1, 0, 5)])
    assert atoms.pbc.all()


def test_deuterium_is_hydrogen():
    assert xyz("2\n\nFe 0 0 0\nD 0 0 1.6\n")[0].numbers.tolist() == [26, 1]


def test_special_positions_with_few_digits_are_one_atom():
    text = (
        "data_a\n_cell_length_a 3.25\n_cell_length_b 3.25\n_cell_length_c 5.2\n"
        "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 120\n"
        "_symmetry_space_group_name_H-M 'P 63 m c'\nloop_\n_atom_site_label\n"
        "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
        "Zn1 0.333 0.667 0.0\nO1 0.333 0.667 0.382\n"
    )
    (atoms,) = read_structures(text.encode(), name="zno.cif")
    assert atoms.get_chemical_formula() == "O2Zn2"
    assert [site.multiplicity for site in absorber_sites(atoms)] == [2]


@pytest.mark.parametrize(
    ("group", "formula"),
    [
        ("'P 1 21/n 1'", "Fe4"),
        ("P21/n", "Fe4"),
        ("P2_1/c", "Fe4"),
        ("14", "Fe4"),
        ("'F m -3 m'", "Fe192"),
        ("'F d -3 m Z'", "Fe192"),
        ("'F d -3 m :1'", "Fe192"),
        ("?", "Fe"),
    ],
)
def test_space_groups_by_name(group, formula):
    text = cif(f"_space_group_name_H-M_alt {group}", "Fe1 0.06 0.13 0.21")
    assert read_structures(text, name="a.cif")[0].get_chemical_formula() == formula


@pytest.mark.parametrize(
    ("symbol", "formula"),
    [("'-F 4 2 3'", "Fe192"), ("'-P 2ybc'", "Fe4"), ("'-F 4vw 2vw 3'", "Fe192"), ("?", "Fe")],
)
def test_space_groups_by_hall_symbol(symbol, formula):
    text = cif(f"_space_group_name_Hall {symbol}", "Fe1 0.06 0.13 0.21")
    assert read_structures(text, name="a.cif")[0].get_chemical_formula() == formula


def test_the_hall_symbol_tells_the_origin():
    groups = "_space_group_name_H-M_alt 'F d -3 m'\n_space_group_name_Hall '-F 4vw 2vw 3'"
    (atoms,) = read_structures(cif(groups, "Fe1 0.5 0.5 0.5"), name="a.cif")
    assert len(atoms) == 16  # 8 with the other origin


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("_space_group_name_Hall 'Q 1'", 'Hall symbol "Q 1" is not known'),
        ("_space_group_name_H-M_alt 'F d -3 m'", "has two origins"),
        ("_space_group_IT_number 227", "has two origins"),
    ],
)
def test_a_space_group_that_leaves_the_cell_open_is_refused(group, message):
    with pytest.raises(StructureError, match=message):
        read_structures(cif(group, "Fe1 0.06 0.13 0.21"), name="a.cif")


def test_cif_with_cartesian_coordinates():
    cartesian = cif("", "Fe1 1 2 3\nO1 1 2 5", "label cartn_x cartn_y cartn_z")
    (crystal,) = read_structures(cartesian, name="a.cif")
    np.testing.assert_allclose(crystal.positions, [(1, 2, 3), (1, 2, 5)], atol=1e-12)
    assert crystal.pbc.all()
    without_cell = cartesian[: cartesian.index(b"_cell")] + cartesian[cartesian.index(b"loop_") :]
    (molecule_,) = read_structures(without_cell, name="a.cif")
    np.testing.assert_array_equal(molecule_.positions, [(1, 2, 3), (1, 2, 5)])
    assert not molecule_.pbc.any()


def test_rhombohedral_axes_are_seen_from_the_cell():
    text = cif("_space_group_name_H-M_alt 'R -3 c'", "Fe1 0.355 0.355 0.355\nO1 0.553 0.947 0.25")
    for old, new in ((b"20.0", b"5.43"), (b"90", b"55.28")):
        text = text.replace(old, new)
    (hematite,) = read_structures(text, name="a.cif")
    assert hematite.get_chemical_formula() == "Fe4O6"
    assert [site.multiplicity for site in absorber_sites(hematite)] == [4]


def test_names_are_never_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "POTCAR").write_text("TITEL = PAW Fe\nTITEL = PAW O\n")
    (tmp_path / "real.xyz").write_text("1\n\nFe 0 0 0\n")
    with pytest.raises(StructureError, match="must name the elements"):
        read_structures(sample("old.vasp").replace(b"Mn S", b"?"), name="POSCAR")
    atoms = read_structures(b"1\n\nCu 0 0 0\n", name="real.xyz")[0]
    assert atoms.get_chemical_symbols() == ["Cu"]


def test_formats_and_extensions_are_all_read():
    for extension in STRUCTURE_EXTENSIONS:
        with pytest.raises(StructureError, match="empty"):
            read_structures(b"", name=f"a.{extension}")
        assert structure_io._of_name(f"A.{extension.upper()}")
    for name in STRUCTURE_FORMATS:
        with pytest.raises(StructureError):
            read_structures(b"nothing of use", format=name)


def test_every_format_is_one_row():
    assert STRUCTURE_FORMATS == (
        "xyz", "extxyz", "cif", "mmcif", "mol", "sdf", "pdb", "vasp", "mol2", "shelx", "gaussian",
        "orca", "xtb", "gen", "atoms", "fdmnes", "feff",
    )  # fmt: skip
    assert {
        "xyz", "extxyz", "cif", "mol", "sdf", "pdb", "ent", "vasp", "poscar", "contcar", "gen",
        "inp", "txt",
    } <= set(STRUCTURE_EXTENSIONS)  # fmt: skip
    for row in FORMATS:
        assert row.extensions
        assert re.fullmatch("[a-z0-9]+", "".join((*row.extensions, *row.synonyms, *row.stems)))
        assert not row.looks([""])


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.name)
def test_a_sample_looks_like_one_format_first(path):
    lines = path.read_text().split("\n")
    telling = sorted(FORMATS, key=lambda row: row.plain)
    looks = next(row for row in telling if row.looks(lines))
    assert looks in structure_io._of_name(path.name)


# ------------------------------------------------------------------ refusals


def cif(head: str, sites: str, tags: str = "label fract_x fract_y fract_z") -> bytes:
    cell = "".join(f"_cell_length_{x} 20.0\n" for x in "abc")
    cell += "".join(f"_cell_angle_{x} 90\n" for x in ("alpha", "beta", "gamma"))
    loop = "loop_\n" + "".join(f"_atom_site_{tag}\n" for tag in tags.split())
    return f"data_a\n{cell}{head}\n{loop}{sites}\n".encode()


OCC = "label fract_x fract_y fract_z occupancy"
PDB = "HETATM    1 CU    CU A   1       0.000   0.000   0.000  1.00  0.00\n"
MOL = sample("water_v2000.mol").decode()
V3000 = sample("ammine_v3000.mol").decode()
FEFF = sample("feff.inp").decode()
FDMNES = sample("copper_inp.txt").decode()
INDEXED = sample("magnetite_inp.txt").decode()
POSCAR = sample("POSCAR_slab_NiO").decode()
GEN = sample("feo.gen").decode()
MMCIF = "data_a\nloop_\n_atom_site.id\n_atom_site.Cartn_x\n1 0.0\n"

REFUSED = [
    # the file as a whole
    ("a.xyz", b"", "The file is empty"),
    ("a.xyz", b"\xef\xbb\xbf \r\n", "The file is empty"),
    ("a.xyz", bytes(range(256)) * 9, "not text .it holds binary data"),
    ("a.xyz", b"\x01\x02\x03abc\x05\x06", "not text .it holds binary data"),
    ("a.xyz", gzip.compress(b"1\n\nFe 0 0 0", mtime=0), "is a gzip archive.*unpack"),
    ("a.xyz", b"PK\x03\x04rest", "is a zip archive"),
    ("a.cif", b"%PDF-1.7", "is a PDF document"),
    ("a.docx", b"1\n\nFe 0 0 0", 'extension ".docx" is not known: use one of xyz'),
    ("noextension", b"1\n\nFe 0 0 0", "A file without extension is not known"),
    ("a." + "<b>" * 99, b"1\n\nFe 0 0 0", "is not known"),
    (None, b"1\n\nFe 0 0 0", "format of the structure is not known: give a file name"),
    ("a.cif", sample("fecl4.xyz"), "By its name the file is cif, but .* looks like xyz: rename"),
    ("a.xyz", sample("magnetite.cif"), "By its name the file is xyz, but .* looks like cif"),
    ("a.xyz", sample("old.vasp"), "looks like POSCAR"),
    ("a.xyz", sample("models.pdb"), "looks like pdb"),
    ("a.pdb", sample("two.sdf"), "looks like mol/sdf"),
    ("a.vasp", sample("feo.gen"), "looks like gen"),
    ("a.vasp", sample("feff.inp"), "looks like FEFF input"),
    ("a.gen", sample("copper_inp.txt"), "looks like FDMNES input"),
    (
        "a.txt",
        b"hello\nworld\n",
        "xyz or ATOMS input or FDMNES input or FEFF input, but its content is neither",
    ),
    # xyz
    ("a.xyz", "3\n\nFe 0 0 0\nO 0 0 2\n", "Line 1 announces 3 atoms, but 2 lines .* incomplete"),
    (
        "a.xyz",
        "2\nFe 0 0 0\nO 0 0 2\n",
        "announces 2 atoms, but 1 lines.* line 2 must be a comment",
    ),
    ("a.xyz", "999999999\n\nFe 0 0 0\n", 'announces "999999999" atoms; at most 10,000'),
    ("a.xyz", "9" * 5000 + "\n\nFe 0 0 0\n", "at most 10,000"),
    ("a.xyz", "0\n\n", "announces 0 atoms"),
    ("a.xyz", "1\n\nFe 0 0 0\nO 0 0 2\n", 'Line 4: "O 0 0 2" stands where a number of atoms'),
    ("a.xyz", "-3\n\nFe 0 0 0\n", 'Line 1: "-3" is not a number of atoms|content looks|-3'),
    ("a.xyz", "words and\nmore words\n", "Line 1: .* stands where a number of atoms belongs"),
    ("a.xyz", "1\n\nFe 0 0\n", "Line 3: .* should hold an element symbol"),
    ("a.xyz", "1\n\nFe 0 0 0,5\n", 'Line 3: "0,5" is not a number .* decimal point'),
    ("a.xyz", "1\n\nFe 0 0 1_0\n", 'Line 3: "1_0" is not a number'),
    ("a.xyz", "2\n\nFe 0 0 0\nO 0 0 nan\n", 'Line 4: "nan" is not a finite number'),
    ("a.xyz", "1\n\nFe 0 0 -Infinity\n", 'Line 3: "-Infinity" is not a finite number'),
    ("a.xyz", "1\n\nFe 0 0 1e999\n", 'Line 3: "1e999" is not a finite number'),
    ("a.xyz", "2\n\nFe 0 0 0\nQz 0 0 2\n", 'Line 4: "Qz" is no element symbol'),
    ("a.xyz", "2\n\nFe 0 0 0\nIron 0 0 2\n", 'Line 4: "Iron" is no element symbol'),
    ("a.xyz", "2\n\nFe 0 0 0\n119 0 0 2\n", 'there is no element with the number "119"'),
    ("a.xyz", "2\n\nFe 0 0 0\n99999 0 0 2\n", "there is no element with the number"),
    ("a.xyz", "2\n\nFe 0 0 0\nX 0 0 2\n", 'Line 4: "X" is a dummy atom'),
    ("a.xyz", "2\n\nFe 0 0 0\nDu1 0 0 2\n", 'Line 4: "Du1" is a dummy atom'),
    ("a.xyz", "2\n\nFe 0 0 0\n0 0 0 2\n", 'Line 4: "0" is a dummy atom'),
    ("a.xyz", "2\n\nFe 0 0 0\nO 0 0 0.1\n", "lie 0.10 A apart and so coincide"),
    ("a.xyz", "Fe 0 0 0\nand so on\n", "Line 2: .* should hold an element symbol"),
    ("a.xyz", "Fe 0 0 0\n" * 10_001, "holds 10,001 atoms in one structure; at most 10,000"),
    ("a.xyz", "1\n\nFe 0 0 0\n" * 10_001, "more than 10,000 structures"),
    ("a.xyz", '1\nLattice="1 2 3"\nFe 0 0 0\n', "not a valid comment line of extended xyz"),
    ("a.xyz", '1\nlattice="1 2 3"\nFe 0 0 0\n', "Lattice must hold nine numbers"),
    ("a.xyz", '1\nLattice="a b c d e f g h i"\nFe 0 0 0\n', "not a valid comment|nine numbers"),
    ("a.xyz", '1\nLattice="1 2 3 2 4 6 1 1 1"\nFe 0 0 0\n', "The cell has no volume"),
    (
        "a.xyz",
        '1\nLattice="5 0 0 0 5 0 0 0 5" pbc="2 0 0"\nFe 0 0 0\n',
        "pbc must be three letters",
    ),
    ("a.xyz", "1\nProperties=species:S:1\nFe 0 0 0\n", "does not describe columns"),
    ("a.xyz", "1\nProperties=pos:R:3:species:S:999999999\nFe 0 0 0\n", "does not describe columns"),
    ("a.xyz", "1\nProperties=pos:R:3:x:Q:1:species:S:1\nFe 0 0 0\n", "does not describe columns"),
    ("a.xyz", "1\nProperties=" + "a " * 10_001 + "\nFe 0 0 0\n", "comment line is too long"),
    # cif
    ("a.cif", "data_a\n_cell_length_a 3\n", "holds no atomic coordinates"),
    ("a.cif", MMCIF, "lacks one of the columns _atom_site.type_symbol"),
    ("a.cif", cif("", "Fe1 ? 0 0"), 'Atom "Fe1" of the cif file has no coordinates'),
    ("a.cif", cif("", "Fe1 x 0 0"), '"x" is not a number'),
    ("a.cif", cif("", "Fe1 0 0", "label fract_x fract_y"), "lacks one of the three coordinates"),
    ("a.cif", cif("", "0 0 0", "fract_x fract_y fract_z"), "names no atoms"),
    (
        "a.cif",
        cif("", "Fe1 0 0 0 0.5\nMn1 0 0 0 0.5", OCC),
        'Atom "Fe1" has the occupancy 0.5: an absorber that is',
    ),
    ("a.cif", cif("", "Fe1 0 0 0 0.95(2)", OCC), "Keep one alternative of it"),
    ("a.cif", cif("", "Fe1 0 0 0 what", OCC), 'Occupancy of atom "Fe1": "what" is not a number'),
    ("a.cif", cif("", "Fe1 0 0 0\nO1 0 0 0"), "Atoms 0 .Fe. and 1 .O. lie 0.00 A apart"),
    ("a.cif", cif("", "Qz1 0 0 0").replace(b"Qz1", b"Jz1"), '"Jz1" is no element symbol'),
    ("a.cif", cif("", "CO1 0 0 0"), 'label "CO1" of the cif file may mean two elements'),
    ("a.cif", cif("", "Fe1 0 0 0").replace(b"_cell_length_b 20.0\n", b""), "lacks a cell length"),
    ("a.cif", cif("", "Fe1 0 0 0").replace(b"20.0", b"0.0"), "make no cell with a volume"),
    (
        "a.cif",
        cif("", "Fe1 0 0 0").replace(b"gamma 90", b"gamma 200"),
        "make no cell with a volume",
    ),
    (
        "a.cif",
        cif("", "Fe1 0 0 0").replace(b"gamma 90", b"gamma 180"),
        "make no cell with a volume",
    ),
    ("a.cif", cif("", "Fe1 0 0 0").replace(b"gamma 90", b"gamma .001"), "no cell with a volume"),
    ("a.cif", cif("_space_group_name_H-M_alt 'Q 9'", "Fe1 0 0 0"), 'group "Q 9" is not known'),
    ("a.cif", cif("_space_group_it_number 231", "Fe1 0 0 0"), 'group "231" is not known'),
    ("a.cif", cif("_symmetry_equiv_pos_as_xyz 'x,y'", "Fe1 0 0 0"), "operations .* cannot be read"),
    ("a.cif", cif("_symmetry_equiv_pos_as_xyz 'x,x,y'", "Fe1 0 0 0"), "do not form a group"),
    ("a.cif", cif("_symmetry_equiv_pos_as_xyz '-y,x,z'", "Fe1 0 0 0"), "do not form a group"),
    (
        "a.cif",
        cif("_space_group_it_number 225", "".join(f"Fe{i} .0{i} .1 .3\n" for i in range(1, 9)) * 8),
        "holds more than 10,000 atoms",
    ),
    ("a.cif", cif("", "Fe1 0 0 0\n" * 10_001), "lists 10,001 atoms; at most"),
    (
        "a.cif",
        cif("", "Fe1 0 0 0\n'"),
        'Block "a" of the cif file cannot be read ."line 15.*quotation mark',
    ),
    (
        "a.cif",
        b"data_a\n" + (b"#" + b"x" * 9_000 + b"\n") * 5_700,
        "longer than 50 million characters",
    ),
    (
        "a.cif",
        cif("_atom_site_occupancy 1.0", "Fe1 0 0 0\nO1 0 0 .1"),
        "1 values of .* for 2 atoms",
    ),
    # mol, sdf
    ("a.mol", MOL[:120], "announces 4 atoms, but . lines of atoms follow"),
    ("a.mol", MOL.replace("  4  3", "  9  3"), "announces 9 atoms, but 4 lines"),
    ("a.mol", MOL.replace("  4  3", "  x  3"), '"x" is not a number of atoms'),
    ("a.mol", MOL.replace(" Co ", " R# "), "is a dummy atom"),
    ("a.mol", MOL.replace("2.0500", "2.05O0"), "is no line of an atom"),
    ("a.mol", "title\n\nM  END\n", "ends before its counts line"),
    ("a.mol", V3000.replace("COUNTS 5", "COUNTS 6"), "announces 6 atoms, but has 5 lines"),
    ("a.mol", V3000.replace("COUNTS", "CONTS"), "announces 0 atoms, but has 5 lines"),
    (
        "a.mol",
        "a\n  hand    01012600002D\n\n  2  0  0  0  0  0            999 V2000\n"
        "    0.0 0.0 0.0 Fe\n    2.0 0.0 0.0 O\nM  END\n",
        "drawing in two dimensions",
    ),
    # pdb
    ("a.pdb", PDB.replace("   0.000   0.000", "   x.000   0.000"), '"x.000" is not a number'),
    ("a.pdb", PDB.replace("CU", "??"), "is no element symbol"),
    ("a.pdb", PDB * 10_001, "holds 10,001 atoms in one structure"),
    ("a.pdb", "REMARK nothing here\n", "No structure was found in the pdb file"),
    ("a.pdb", "CRYST1   10.000   10.000   10.000  90.00  90.00 180.00 P 1\n" + PDB, "no cell with"),
    # POSCAR
    ("POSCAR", "a\n1.0\n", "POSCAR file is incomplete"),
    ("POSCAR", POSCAR.replace("Ni_pv O/7a3f", "Ni_pv"), "there are 2 counts for 1 elements"),
    ("POSCAR", POSCAR.replace("4 4", "4 9"), "announces 13 atoms, but 9 lines"),
    ("POSCAR", POSCAR.replace("4 4", "4 999999999"), "at most 10,000"),
    ("POSCAR", POSCAR.replace("4 4", "6000 6000"), "holds 12,000 atoms in one structure"),
    ("POSCAR", POSCAR.replace("4 4", "4 four"), '"four" is not a number of atoms'),
    ("POSCAR", POSCAR.replace("Direct", "Sideways"), "should say Direct or Cartesian"),
    ("POSCAR", POSCAR.replace("2.0 0.0 0.0", "2.0 0.0"), "Line 3: three numbers are needed"),
    ("POSCAR", POSCAR.replace("2.0 0.0 0.0", "0.0 0.0 0.0"), "cell vector is zero"),
    ("POSCAR", POSCAR.replace(" 2.0885", " twice"), "three numbers are needed|cannot be read"),
    ("POSCAR", POSCAR.replace("0.0 0.5 0.5 T", "0.0 0.5 nan T"), '"nan" is not a finite number'),
    # gen
    ("a.gen", GEN.replace("2 F", "2 H"), "helical cells are not handled"),
    ("a.gen", GEN.replace("2 F", "3 F"), "announces 3 atoms, but 6 lines follow"),
    ("a.gen", GEN.replace("2 2 0.5", "2 3 0.5"), "index of its element .1 to 2."),
    ("a.gen", GEN.replace("0.5 0.5 0.5", "0.5 0.5 z"), '"z" is not a number'),
    # FEFF
    ("feff.inp", FEFF.replace("0   23", "3   23"), "potential 0 is not in the list"),
    ("feff.inp", FEFF.replace("0.00000  0   V", "0.00000  1   V"), "has 0 atoms of potential 0"),
    ("feff.inp", FEFF.replace("2   Cl2", "0   Cl2"), "has 2 atoms of potential 0"),
    ("feff.inp", FEFF.replace("ATOMS ", "XTOMS "), "no list under the card ATOMS"),
    ("feff.inp", FEFF.replace("POTENTIALS", "XOTENTIALS"), "no list under the card POTENTIALS"),
    ("feff.inp", FEFF.replace("1   O1", "one O1"), '"one" is no index of a potential'),
    ("feff.inp", FEFF.replace("EDGE      K", "CIF a.cif"), "from elsewhere .card CIF."),
    ("feff.inp", FEFF.replace("0.00000    1.58000  1   O1   1.58", ""), "needs x y z"),
    # FDMNES
    ("a_inp.txt", " Filout\n  out\n Crystal\n", "the line with the cell .* is missing"),
    ("a_inp.txt", FDMNES.replace("90. 90. 90.", "90. 90."), "must be given as a b c alpha"),
    ("a_inp.txt", FDMNES.replace("90. 90. 90.", "90. 90. 0."), "make no cell with a volume"),
    ("a_inp.txt", " Crystal\n 3.6 3.6 3.6 90 90 90\n End\n", "no atoms follow the cell"),
    (
        "a_inp.txt",
        FDMNES.replace("29  0.5  0.0  0.5", "29  0.5  0.0"),
        "should hold an atomic number",
    ),
    (
        "a_inp.txt",
        FDMNES.replace("29  0.5  0.0  0.5", "129 0.5 0.0 0.5"),
        "no element with the num",
    ),
    ("a_inp.txt", " Cif_file\n  Sim/in/Fe.cif\n", "refers to another file for its structure"),
    ("a_inp.txt", INDEXED.replace("   2  0.3799", "   3  0.3799"), '"3" is no index .* 2 kinds'),
    ("a_inp.txt", INDEXED.replace("Fd-3m:1", "Nonsense"), 'space group "Nonsense" is not known'),
    ("a_inp.txt", " Occupancy\n Crystal\n 3 3 3 90 90 90\n 29 0 0 0 0.5\n", "partly occupied"),
]


@pytest.mark.parametrize(("name", "data", "message"), REFUSED)
def test_refusals(name, data, message):
    data = data.encode() if isinstance(data, str) else data
    with pytest.raises(StructureError, match=message) as caught:
        read_structures(data, name=name)
    text = str(caught.value)
    assert len(text) < 330
    assert not set(text) & set("<>\n\0`[]*")


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"format": "pickle"}, '"pickle" is no known structure format: choose one of xyz'),
        ({"format": "cif"}, "was to be read as cif, but its content looks like xyz"),
        ({"format": 3}, '"3" is no known structure format'),
    ],
)
def test_format_by_word(kwargs, message):
    with pytest.raises(StructureError, match=message):
        read_structures(sample("fecl4.xyz"), **kwargs)
    assert len(read_structures(sample("fecl4.xyz"), name="a.dat", format="xyz")) == 1


def test_paths_that_cannot_be_read(tmp_path, monkeypatch):
    for source in (tmp_path / "none.xyz", tmp_path, "bad\0name.xyz", "1\n\nFe 0 0 0\n"):
        with pytest.raises(StructureError, match=r"There is no file|is a folder|cannot be opened"):
            read_structures(source)
    with pytest.raises(StructureError, match="cannot be opened"):
        read_structures(3.5, name="a.xyz")
    path = tmp_path / "a.xyz"
    path.write_text("1\n\nFe 0 0 0\n")
    monkeypatch.setattr(structure_io, "MAX_BYTES", 5)
    with pytest.raises(StructureError, match="larger than"):
        read_structures(path)


def test_limits_on_bytes_and_all_atoms(monkeypatch):
    monkeypatch.setattr(structure_io, "MAX_TOTAL_ATOMS", 9)
    with pytest.raises(StructureError, match="more than 9 atoms in all"):
        xyz(sample("fecl4.xyz") * 2)
    monkeypatch.setattr("xanes_core.structures.formats.text.MAX_BYTES", 20)
    with pytest.raises(StructureError, match="at most 0 MiB are read"):
        xyz(sample("fecl4.xyz"))


def test_whatever_a_reader_raises_is_explained():
    def breaks(lines):
        raise RecursionError("<script>" + "x" * 500)
        yield

    row = replace(FORMATS[0], read=breaks)
    (error,) = structure_io._parse("1\n\nFe 0 0 0\n", row)
    assert re.search(r"cannot be read as xyz .*damaged", str(error))
    assert "<" not in str(error)
    assert len(str(error)) < 200


# ------------------------------------------------------------------ damaged files


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """One of: cut short, flipped bytes, lines dropped, doubled or swapped, a digit put in."""
    kind = rng.integers(5)
    if kind == 0:
        return data[: rng.integers(len(data))]
    raw = bytearray(data)
    if kind == 1:
        for at in rng.integers(len(raw), size=rng.integers(1, 6)):
            raw[at] = rng.integers(256)
        return bytes(raw)
    if kind == 2:
        for at in rng.integers(len(raw), size=3):
            raw[at] = rng.choice(np.frombuffer(b"0123456789-+.eE \n\tXN", dtype=np.uint8))
        return bytes(raw)
    lines = data.split(b"\n")
    first, second = rng.integers(len(lines), size=2)
    if kind == 3:
        lines[first], lines[second] = lines[second], lines[first]
    else:
        lines[first : first + 1] = [lines[second]] * rng.integers(3)
    return b"\n".join(lines)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.name)
def test_damaged_files_give_atoms_or_a_reason(path):
    rng = np.random.default_rng(20240607)
    data = path.read_bytes()
    outcomes = {True: 0, False: 0}
    longest = 0
    for _ in range(120):
        try:
            frames = read_structures(damaged(data, rng), name=path.name)
            for atoms in frames:
                assert np.isfinite(atoms.positions).all()
                environment(atoms, 0)  # which may have more neighbours than real matter
        except XanesError as exc:
            longest = max(longest, len(str(exc)))
            outcomes[False] += 1
            continue
        outcomes[True] += 1
    assert 0 < longest < 330
    assert min(outcomes.values()) > 3  # the damage neither always nor never matters


# ------------------------------------------------------------------ the reference sets


def test_reference_sets(shared_data):
    paths = sorted(shared_data.glob("fdmnes_fe/xyz/*.xyz"))
    paths += sorted(shared_data.glob("feff10_v0/*.extxyz"))
    assert len(paths) > 50
    for path in paths:
        for atoms in read_structures(path):
            assert select_sites(atoms)[0].index == 0
            assert len(environment(atoms, 0).numbers) > 3

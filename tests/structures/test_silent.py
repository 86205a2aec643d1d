"""No structure file gives another structure than it holds without a word."""

import re

import numpy as np
import pytest

from tests.structures.test_wild import cif
from tests.structures.test_wild import read as read_bytes
from xanes_core.errors import StructureError
from xanes_core.structures import read_structures
from xanes_core.structures.formats.disorder import overlap_limits_ang

# ------------------------------------------------------------------ samples

ATOMS = [("Fe", 0, 0, 0), ("Cl", 1.3, 1.3, 1.3), ("Cl", -1.3, -1.3, 1.3)]
FECL4 = [
    "Fe1 Fe 0.50 0.50 0.50",
    "Cl1 Cl 0.61 0.61 0.61",
    "Cl2 Cl 0.39 0.39 0.61",
    "Cl3 Cl 0.39 0.61 0.39",
    "Cl4 Cl 0.61 0.39 0.39",
]
SYMOP = "loop_\n_symmetry_equiv_pos_as_xyz\n"
P2M = SYMOP + "x,y,z\n-x,y,-z\n-x,-y,-z\nx,-y,z\n"


def read(data, name="a.cif"):
    return read_bytes(data if isinstance(data, bytes) else data.encode(), name)


def mol(n=3, bonds=2, end="M  END\n"):
    head = f"t\n x\n\n{n:3d}{bonds:3d}  0  0  0  0  0  0  0  0999 V2000\n"
    body = "".join(f"{x:10.4f}{y:10.4f}{z:10.4f} {el:<3} 0  0\n" for el, x, y, z in ATOMS)
    return head + body + "  1  2  1  0\n  1  3  1  0\n" + end


V3000 = (
    "t\n x\n\n  0  0  0     0  0            999 V3000\nM  V30 BEGIN CTAB\n"
    "M  V30 COUNTS 2 0 0 0 0\nM  V30 BEGIN ATOM\nM  V30 1 Fe 0 0 0 0\nM  V30 2 Cl 2.1 0 0 0\n"
    "M  V30 END ATOM\nM  V30 END CTAB\nM  END\n"
)
GEN = "3 C\n Fe Cl\n 1 1 0 0 0\n 2 2 2.1 0 0\n 3 2 0 2.1 0\n"
XYZ = "3\n{}\nFe 0 0 0\nCl 2.1 0 0\nCl 0 2.1 0\n"
BOX = 'Lattice="9 0 0 0 9 0 0 0 9" '
POSCAR = "c\n1\n4 0 0\n0 4 0\n0 0 4\nFe O\n1 {}\nDirect\n0 0 0\n0.5 0 0\n0 0.5 0\n"
MOL2 = (
    "@<TRIPOS>MOLECULE\nx\n 2 0\n@<TRIPOS>ATOM\n1 Fe 0 0 0 Fe\n2 Cl1 2.1 0 0 Cl\n"
    "@<TRIPOS>BOND\n1 1 2 1\n"
)
SHELX = (
    "TITL x\nCELL 0.71073 10 10 10 90 90 90\nLATT -1\nSFAC Fe Cl\nUNIT 1 1\n"
    "FE1 1 0.5 0.5 0.5 11.0 0.05\nCL1 2 0.7 0.5 0.5 11.0 0.05\nHKLF 4\nEND\n"
)
FEFF = "POTENTIALS\n 0 26 Fe\n 1 17 Cl\nATOMS\n 0 0 0 0 Fe\n 2.1 0 0 1 Cl\n 0 2.1 0 1 Cl\nEND\n"
FDMNES = " Filout\n  x\n Crystal\n 8. 8. 8. 90. 90. 90.\n{}\n End\n"
NUMBERS = ["26 0. 0. 0.", "17 0.25 0. 0.", "17 0. 0.25 0.", "17 0. 0. 0.25"]
SYMBOLS = [row.replace("26", "Fe").replace("17 ", "Cl ") for row in NUMBERS]
PDB_ROW = (
    "HETATM{n:5d} {name:<4}{alt:1}HOH A{number:4d}    {x:8.3f}{y:8.3f}   0.000{share:6.2f} 10.00"
    "          {el:>2}\n"
)


def pdb(*rows, end="END\n"):
    keys = ("name", "alt", "number", "x", "y", "share", "el")
    lines = (PDB_ROW.format(n=n, **dict(zip(keys, r, strict=True))) for n, r in enumerate(rows, 1))
    return "".join(lines) + end


IRON = ("FE", "", 1, 0.0, 0.0, 1.0, "FE")
ALONE = (IRON, (" O", "", 2, 2.0, 0.0, 1.0, "O"))

# ------------------------------------------------------------------ refusals

REFUSED = {
    "a row of a cif loop has a value too many": (
        "a.cif", cif([*FECL4[:2], FECL4[2] + " 0.1", *FECL4[3:]]), "a value too many or too few",
    ),
    "a value too few": (
        "a.cif", cif([*FECL4[:2], FECL4[2][:-5], *FECL4[3:]]), "a value too many or too few",
    ),
    "one too many in a row, one too few in another": (
        "a.cif", cif([*FECL4[:2], FECL4[2] + " 0.1", FECL4[3][:-5], FECL4[4]]), "is not a number",
    ),
    "a second loop of atoms": (
        "a.cif",
        cif([*FECL4, "loop_\n_atom_site_label\n_atom_site_fract_x\nFe1 0.5"]),
        "gives _atom_site_label twice",
    ),
    "a column twice": (
        "a.cif",
        cif([f"{row} 0.1" for row in FECL4], "label type_symbol fract_x fract_y fract_z fract_x"),
        "gives _atom_site_fract_x twice",
    ),
    "operations twice": (
        "a.cif", cif(FECL4, head=f"{P2M}{SYMOP}x,y,z"), "_symmetry_equiv_pos_as_xyz twice",
    ),
    "operations under two names": (
        "a.cif",
        cif(FECL4, head=P2M + "loop_\n_space_group_symop_operation_xyz\nx,y,z"),
        "two lists of symmetry operations that differ",
    ),
    "two space groups by name": (
        "a.cif",
        cif(
            FECL4,
            head="_symmetry_space_group_name_H-M 'P -1'\n_space_group_name_H-M_alt 'P 21/c'",
        ),
        "names two space groups",
    ),
    "name and number": (
        "a.cif",
        cif(FECL4, head="_space_group_name_H-M_alt 'P 1'\n_space_group_IT_number 14"),
        'two space groups ."P 1" and "14".',
    ),
    "Hall symbol and number": (
        "a.cif",
        cif(FECL4, head="_space_group_name_Hall '-P 2ybc'\n_space_group_IT_number 2"),
        "names two space groups",
    ),
    "centring that the number has in several ways": (
        "a.cif",
        cif(["Fe1 Fe 0 0 0"], head="_space_group_IT_number 12\n" + P2M),
        "lacks the centring of space group 12",
    ),
    "a cubic group in another cell": (
        "a.cif",
        cif(
            ["Fe1 Fe 0 0 0"],
            head="_space_group_name_H-M_alt 'F m -3 m'",
            cell=(10, 11, 12, 90, 100, 90),
        ),
        "do not fit the cell",
    ),
    "the same of FDMNES": (
        "a_inp.txt",
        " Spgroup\n Fm-3m\n" + FDMNES.format("\n".join(NUMBERS)).replace(" 8. 8.", " 8. 9."),
        "do not fit the cell",
    ),
    "Arabic digits in a cif": ("a.cif", cif(["Fe1 Fe 0 0 \u0660.\u0663"]), "no plain letters"),
    "Arabic digits in xyz": (
        "a.xyz", XYZ.format("").replace("2.1 0 0", "\u0662.\u0661 0 0"), "is not a number",
    ),
    "full-width digits": ("a.xyz", XYZ.format("").replace("2.1 0 0", "\uff12 0 0"), "not a number"),
    "an Arabic index in gen": ("a.gen", GEN.replace("2 2 2.1", "2 \u0662 2.1"), "index of its"),
    "an Arabic index in FDMNES": (
        "a_inp.txt",
        " Atom\n 26 2\n 17 2\n" + FDMNES.format("1 0 0 0\n\u0662 0.25 0 0"),
        "is no index into the list",
    ),
    "count of a mol file too small": ("a.mol", mol(2), "but more lines of atoms follow"),
    "the same with whole numbers": (
        "a.mol", mol(2).replace(".3000", "     "), "but more lines of atoms follow",
    ),
    "count of a mol file too large": ("a.mol", mol(4), "announces 4 atoms, but 3 lines"),
    "bonds are missing": ("a.mol", mol(3, 3), "announces 3 bonds, but 2 lines"),
    "a mol file cut off": ("a.mol", mol(end=""), "no line M  END: the file was cut off"),
    "two records of one counts line": ("a.sdf", mol() + "M  END\n", r"put a line \$\$\$\$"),
    "V3000 cut off": ("a.mol", V3000.split("M  V30 END ATOM")[0], "incomplete or the number"),
    "count of a gen file too small": ("a.gen", GEN.replace("3 C", "2 C"), "3 lines follow"),
    "count of a POSCAR too small": ("POSCAR", POSCAR.format(1), "more lines of coordinates follow"),
    "a lost header of mol2": (
        "a.mol2", MOL2 + MOL2.replace("@<TRIPOS>MOLECULE\n", ""), "more than one section",
    ),
    "two cells of SHELX": (
        "a.res", SHELX.replace("LATT", "CELL 0.7 9 9 9 90 90 90\nLATT"), "a second CELL",
    ),
    "SHELX cut off in a line": (
        "a.res", SHELX.split(" 0.05\nHKLF")[0] + " =", "to be continued .* was cut off",
    ),
    "an element between two": ("a.res", SHELX.replace("CL1 2 ", "CL1 1.9 "), "a whole number"),
    "a symbol first in FEFF": (
        "feff.inp", FEFF.replace(" 2.1 0 0 1 Cl", " Cl 2.1 0 0 1"), "of FEFF begins with x y z",
    ),
    "a potential twice": (
        "feff.inp", FEFF.replace("ATOMS", " 1 8 O\nATOMS"), "potential 1 is O and something else",
    ),
    "a potential of another name": (
        "feff.inp", FEFF.replace(" 1 17 Cl", " 1 17 O"), "potential 1 is Cl and something else",
    ),
    "an atom of another potential": (
        "feff.inp", FEFF.replace("2.1 0 0 1 Cl", "2.1 0 0 1 O"), 'the atom is "O", but potential 1',
    ),
    "an unknown word among FDMNES atoms": (
        "a_inp.txt",
        FDMNES.format("\n".join([*NUMBERS[:2], "Foo 0 0.25 0"])),
        '"Foo" is no element',
    ),
    "two lists of FDMNES atoms": (
        "a_inp.txt",
        FDMNES.format("\n".join([*NUMBERS, " Molecule", " 8 8 8 90 90 90", "29 0 0 0"])),
        '"Molecule" comes after "crystal"',
    ),
    "two loops of an mmCIF file": (
        "a.cif",
        "data_a\n" + 2 * "loop_\n_atom_site.type_symbol\n_atom_site.Cartn_x\n_atom_site.Cartn_y\n"
        "_atom_site.Cartn_z\nFe 0 0 0\n",
        "more than one loop of _atom_site",
    ),
    "a carbonyl's carbon as CO": (
        "a.xyz", "3\n\nFe 0 0 0\nCO1 1.8 0 0\nO1 2.95 0 0\n", "nearer than any metal comes",
    ),
    "pbc twice": ("a.xyz", XYZ.format(BOX + 'pbc="T T T" PBC="F F F"'), "pbc is there twice"),
    "two lattices": ("a.xyz", XYZ.format(BOX + BOX), "lattice is there twice"),
    "PBC that is none": ("a.xyz", XYZ.format(BOX + 'PBC="x"'), "three letters T or F"),
    "PBC without a cell": ("a.xyz", XYZ.format('PBC="T T T"'), "whose cell vector is zero"),
    "coordinates in bohr": ("a.xyz", XYZ.format("coordinates (Bohr)"), "coordinates are in bohr"),
    "the unit bohr": ("a.xyz", XYZ.format(BOX + 'units="bohr"'), "coordinates are in bohr"),
    "fractions": ("a.xyz", XYZ.format("fractional coordinates"), "are fractions of a cell"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_may_mean_another_structure_is_refused(case):
    name, data, reason = REFUSED[case]
    with pytest.raises(StructureError, match=reason):
        read_structures(data if isinstance(data, bytes) else data.encode(), name=name)


# ------------------------------------------------------------------ what is read


@pytest.mark.parametrize("end", ["$$$$\n", ""])
@pytest.mark.parametrize("record", [mol(), V3000], ids=["V2000", "V3000"])
def test_a_second_record_counts_without_the_line_between(record, end):
    first, second = read_structures((record + end + record).encode(), name="a.sdf")
    assert first.get_chemical_formula() == second.get_chemical_formula()


@pytest.mark.parametrize("block", ["Crystal", "Molecule"])
@pytest.mark.parametrize("rows", [SYMBOLS, [*NUMBERS[:2], SYMBOLS[2], NUMBERS[3]]])
def test_symbols_of_fdmnes_count_like_numbers(rows, block):
    text = FDMNES.replace("Crystal", block)
    named = read(text.format("\n".join(rows)), "a_inp.txt")
    numbered = read(text.format("\n".join(NUMBERS)), "a_inp.txt")
    assert named.get_chemical_formula() == "Cl3Fe"
    np.testing.assert_array_equal(named.numbers, numbered.numbers)
    np.testing.assert_allclose(named.positions, numbered.positions)


def test_symbols_in_the_list_of_kinds():
    text = " Atom\n Fe 2 3 2 6.\n 17 2\n" + FDMNES.format("1 0 0 0\n2 0.25 0 0\nCl 0 0.25 0")
    assert read(text, "a_inp.txt").get_chemical_symbols() == ["Fe", "Cl", "Cl"]


@pytest.mark.parametrize("word", ['pbc="F F F"', 'PBC="F F F"', "Pbc=False", "PBC=0 0 0"])
def test_pbc_in_any_case(word):
    assert read(XYZ.format(BOX), "a.xyz").pbc.all()
    assert not read(XYZ.format(BOX + word), "a.xyz").pbc.any()


def test_velocities_of_a_poscar_are_no_atoms():
    assert len(read(POSCAR.format(2) + "\n0 0 0\n0 0 0\n0 0 0\n", "POSCAR")) == 3


@pytest.mark.parametrize("label", ["Co", "CO", "CO1"])
def test_cobalt_in_capitals_stays_where_its_neighbours_are_far(label):
    assert "Co" in read(f"2\n\n{label} 0 0 0\nO 0 0 1.9\n", "a.xyz").symbols


@pytest.mark.parametrize(("type_", "element"), [("CO", "C"), ("Co", "C"), ("C", "C")])
def test_a_carbonyl_whose_type_was_made_of_its_label(type_, element):
    sites = ["Fe1 Fe 0.5 0.5 0.5", f"CO1 {type_} 0.59 0.5 0.5", "O1 O 0.647 0.5 0.5"]
    atoms = read(cif(sites, head="_chemical_formula_sum 'C Fe O'"))
    assert atoms.get_chemical_symbols() == ["Fe", element, "O"]
    kept = read(cif(sites[:2], head="_chemical_formula_sum 'Co Fe'"))
    assert kept.get_chemical_symbols()[1] == ("C" if type_ == "C" else "Co")


def test_the_number_of_a_group_gives_its_centring():
    f_centred = cif(["Fe1 Fe 0 0 0"], head="_space_group_IT_number 42\n" + SYMOP
                    + "x,y,z\n-x,-y,z\nx,-y,z\n-x,y,z", cell=(9, 10, 11, 90, 90, 90))  # fmt: skip
    atoms = read(f_centred)
    assert len(atoms) == 4
    assert "lacks the centring" in atoms.info["notes"]
    whole = read(cif(FECL4, head="_space_group_IT_number 225\n" + SYMOP + "x,y,z\n-x,-y,-z"))
    assert "not those of the space group" in whole.info["notes"]


# ------------------------------------------------------------------ notes


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.pdb", pdb(*ALONE, end="")),
        ("a.pdb", "MODEL  1\n" + pdb(*ALONE, end="ENDMDL\nMODEL  2\n") + pdb(IRON, end="")),
        ("a.res", SHELX.replace("HKLF 4\nEND\n", "")),
        ("feff.inp", FEFF.replace(" 0 2.1 0 1 Cl\nEND\n", "")),
        ("a_inp.txt", FDMNES.format("\n".join(NUMBERS)).replace(" End\n", "")),
    ],
)  # fmt: skip
def test_a_file_without_its_end_is_noted(name, text):
    last = read_structures(text.encode(), name=name)[-1]
    assert "it may have been cut off, with atoms missing" in last.info["notes"]


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.pdb", pdb(*ALONE)), ("a.res", SHELX), ("feff.inp", FEFF),
     ("a_inp.txt", FDMNES.format("\n".join(NUMBERS)))],
)  # fmt: skip
def test_a_whole_file_has_no_note(name, text):
    assert "notes" not in read(text.encode(), name).info


def test_models_without_their_end_are_told_apart():
    text = "MODEL  1\n" + pdb(*ALONE, end="MODEL  2\n") + pdb(IRON)
    assert [len(atoms) for atoms in read_structures(text.encode(), name="a.pdb")] == [2, 1]


@pytest.mark.parametrize(
    ("sites", "head", "note"),
    [
        (FECL4[:3], "_cell_formula_units_Z 1", "holds Cl2 Fe1, .* should hold Cl4 Fe1"),
        (FECL4[:4], "", "holds Cl3 Fe1, .* should hold Cl4 Fe1"),
        (FECL4, "_cell_formula_units_Z 2", "holds Cl4 Fe1, .* should hold Cl8 Fe2"),
        (FECL4, "_cell_formula_units_Z 1", None),
    ],
)
def test_atoms_that_the_sum_formula_has_are_missed(sites, head, note):
    atoms = read(cif(sites, head=f"_chemical_formula_sum 'Cl4 Fe'\n{head}"))
    if note is None:
        assert "notes" not in atoms.info
    else:
        assert re.search(note, atoms.info["notes"])


# ------------------------------------------------------------------ alternates


@pytest.mark.parametrize(
    "two",
    [
        [(" O", "A", 2, 2.0, 0.0, 0.6, "O"), (" O", "B", 2, 2.0, 1.5, 0.4, "O")],
        [(" O", "A", 2, 2.0, 0.0, 0.6, "O"), (" O", "B", 3, 2.0, 1.1, 0.4, "O")],
        [(" O", "", 2, 2.0, 0.0, 0.6, "O"), (" O", "B", 2, 2.0, 1.6, 0.4, "O")],
        [(" O", "", 2, 2.0, 0.0, 0.6, "O"), (" O", "", 3, 2.0, 1.1, 0.4, "O")],
        [(" O1", "", 2, 2.0, 0.0, 0.5, "O"), (" O2", "", 2, 2.0, 0.95, 0.5, "O")],
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_one_of_two_alternates_is_kept(two, turned):
    atoms = read(pdb(IRON, *(two[::-1] if turned else two)), "a.pdb")
    assert atoms.get_chemical_formula() == "FeO"
    if two[0][5] > two[1][5]:
        np.testing.assert_allclose(atoms.positions[1], (2.0, 0.0, 0.0))
    assert "the major one was kept" in atoms.info["notes"]


@pytest.mark.parametrize("apart", [0.05, 0.11])
def test_alternates_of_a_crystal_without_groups(apart):
    sites = [
        "Fe1 Fe 0.5 0.5 0.5 1",
        "Cl1 Cl 0.6 0.5 0.5 0.6",
        f"Cl2 Cl 0.6 {0.5 + apart:.2f} 0.5 0.4",
    ]
    atoms = read(cif(sites, "label type_symbol fract_x fract_y fract_z occupancy"))
    assert atoms.get_chemical_formula() == "ClFe"
    np.testing.assert_allclose(atoms.get_scaled_positions()[1], (0.6, 0.5, 0.5))


def test_bonded_atoms_of_one_part_are_no_alternates():
    for one, other, length in [("C", "O", 1.128), ("N", "N", 1.098), ("V", "O", 1.57)]:
        z = np.array([{"C": 6, "O": 8, "N": 7, "V": 23}[el] for el in (one, other)])
        share = np.array([0.4])
        assert overlap_limits_ang(z[:1], z[1:], share, share)[0] < length
    chlorine = np.array([17])
    assert overlap_limits_ang(chlorine, chlorine, np.array([0.6]), np.array([0.4]))[0] > 2.0
    assert overlap_limits_ang(chlorine, chlorine, np.array([1.0]), np.array([1.0]))[0] == 0.9

"""Structure files as they are in the wild: disorder, settings, labels, conformers, outputs."""

import re

import numpy as np
import pytest
from ase.spacegroup import crystal

from tests.places import PROJECT
from xanes_core.errors import StructureError
from xanes_core.structures import environment, read_structures
from xanes_core.structures.formats.disorder import AsymmetricUnit, major_groups
from xanes_core.structures.formats.labels import elements_of_sites
from xanes_core.structures.formats.symmetry import (
    IDENTITY,
    Operations,
    is_group,
    listed_operations,
    space_group_operations,
)

FILES = PROJECT / "tests" / "files" / "structures"
CUBE = (20.0, 20.0, 20.0, 90.0, 90.0, 90.0)


def cif(sites, tags="label type_symbol fract_x fract_y fract_z", head="", cell=CUBE):
    """A cif file of one block; `sites` are lines of the atom loop."""
    names = [f"_cell_length_{x}" for x in "abc"]
    names += [f"_cell_angle_{x}" for x in ("alpha", "beta", "gamma")]
    lines = ["data_a", *(f"{name} {value}" for name, value in zip(names, cell, strict=True)), head]
    lines += ["loop_", *(f"_atom_site_{tag}" for tag in tags.split()), *sites, ""]
    return "\n".join(lines).encode()


def read(data, name="a.cif"):
    (atoms,) = read_structures(data, name=name)
    return atoms


GROUPED = "label type_symbol fract_x fract_y fract_z occupancy disorder_assembly disorder_group"
#: An iron atom with a chloride in two places, and a far water that is there in part.
SPLIT = [
    "Fe1 Fe 0.5 0.5 0.5 1 . .",
    "N1 N 0.6 0.5 0.5 1 . .",
    "Cl1A Cl 0.5 0.61 0.5 {a} A 1",
    "Cl1B Cl 0.5 0.62 0.53 {b} A 2",
]


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [(0.6, 0.4, 2.2), (0.4, 0.6, 20 * np.hypot(0.12, 0.03)), (0.5, 0.5, 2.2)],
)
def test_the_larger_group_is_kept_and_the_first_of_equal_ones(a, b, distance):
    atoms = read(cif([line.format(a=a, b=b) for line in SPLIT], GROUPED))
    assert atoms.get_chemical_formula() == "ClFeN"
    np.testing.assert_allclose(environment(atoms, 0).distances_ang[:2], [2.0, distance])
    dropped = "Cl1A" if b > a else "Cl1B"
    assert f"the larger share was kept, without {dropped}" in atoms.info["notes"]


def test_assemblies_are_settled_one_by_one():
    unit = AsymmetricUnit(
        list("abcdef"), ["C"] * 6, np.zeros((6, 3)), np.array([1, 0.7, 0.3, 0.2, 0.8, 0.3]),
        ["", "A", "A", "B", "B", "A"], ["", "1", "2", "1", "2", "2"],
    )  # fmt: skip
    kept, left_out = major_groups(unit)
    assert kept.tolist() == [0, 1, 4]
    assert left_out == ["c", "d", "f"]


def test_of_overlapping_atoms_without_groups_the_likelier_stays():
    tags = "label type_symbol fract_x fract_y fract_z occupancy"
    sites = ["Fe1 Fe 0 0 0 1", "O1 O 0.1 0 0 0.3", "O2 O 0.1 0.03 0 0.7", "O3 O 0.3 0 0 0.5"]
    atoms = read(cif(sites, tags))
    np.testing.assert_allclose(
        environment(atoms, 0, 10.0).distances_ang, [20 * np.hypot(0.1, 0.03), 6.0]
    )
    assert "without 1 atom of overlapping alternatives" in atoms.info["notes"]
    assert "O2, O3 counted as present" in atoms.info["notes"]


@pytest.mark.parametrize("group", ["-1", "."])
def test_a_molecule_on_an_inversion_centre_keeps_one_orientation(group):
    """Ethanol-like C-C-O across the centre of P -1: both orientations are listed by symmetry."""
    share = 0.5
    sites = [
        "Fe1 Fe 0.5 0.5 0.5 1 . .",
        f"C1 C 0.03 0.0 0.0 {share} . {group}",
        f"C2 C -0.04 0.01 0.0 {share} . {group}",
        f"O1 O -0.09 0.05 0.0 {share} . {group}",
        f"H1 H -0.13 0.05 0.0 {share} . {group}",
    ]
    atoms = read(cif(sites, GROUPED, head="_space_group_name_H-M_alt 'P -1'"))
    assert atoms.get_chemical_formula() == "C2HFeO"
    whole = atoms[[a.symbol != "Fe" for a in atoms]]
    np.testing.assert_allclose(whole.get_distance(0, 1, mic=True), 1.414, atol=1e-3)


def test_hydrogens_of_a_dropped_alternative_go_with_it():
    tags = "label type_symbol fract_x fract_y fract_z occupancy"
    sites = ["Fe1 Fe 0 0 0 1", "O1 O 0.1 0 0 0.7", "O2 O 0.12 0.01 0 0.3", "H2 H 0.12 0.058 0 0.3"]
    assert read(cif(sites, tags)).get_chemical_formula() == "FeO"


def test_an_absorber_that_is_disordered_itself_is_refused():
    sites = ["Fe1 Fe 0 0 0 0.9 A 1", "Fe2 Fe 0.02 0 0 0.1 A 2", "O1 O 0.1 0 0 1 . ."]
    with pytest.raises(StructureError, match=r'Atom "Fe1" has the occupancy 0\.9: an absorber'):
        read(cif(sites, GROUPED))


def test_a_bad_occupancy_is_refused():
    tags = "label type_symbol fract_x fract_y fract_z occupancy"
    with pytest.raises(StructureError, match=r'"O1" has the occupancy "2\.0": it must lie'):
        read(cif(["Fe1 Fe 0 0 0 1", "O1 O .1 0 0 2.0"], tags))


def test_disorder_beyond_sense_is_refused():
    tags = "label type_symbol fract_x fract_y fract_z occupancy"
    sites = ["Fe1 Fe 0.5 0.5 0.5 1", *(f"C{i} C 0 0 {i * 1e-5:.5f} 0.01" for i in range(200))]
    with pytest.raises(StructureError, match="its disorder cannot be resolved"):
        read(cif(sites, tags))


# ------------------------------------------------------------------ symmetry


@pytest.mark.parametrize(
    ("name", "number", "setting", "cell"),
    [
        ("P 1 21/n 1", 14, 2, (8, 9, 10, 90, 100, 90)),
        ("P2(1)/n", 14, 2, (8, 9, 10, 90, 100, 90)),
        ("P21/c", 14, 1, (8, 9, 10, 90, 100, 90)),
        ("P m -3", 200, 1, (9, 9, 9, 90, 90, 90)),
        ("P M 3", 200, 1, (9, 9, 9, 90, 90, 90)),
        ("R -3", 148, 1, (9, 9, 12, 90, 90, 120)),
        ("R-3", 148, 2, (9, 9, 9, 80, 80, 80)),
        ("F m -3 m", 225, 1, (10, 10, 10, 90, 90, 90)),
    ],
)
def test_settings_agree_with_another_table(name, number, setting, cell):
    atoms = read(cif(["Fe1 Fe 0.06 0.13 0.21"], head=f"_symmetry_space_group_name_H-M '{name}'",
                     cell=cell))  # fmt: skip
    other = crystal("Fe", [(0.06, 0.13, 0.21)], spacegroup=number, setting=setting, cellpar=cell)
    assert len(atoms) == len(other)
    for index in (0, len(atoms) - 1):
        np.testing.assert_allclose(
            environment(atoms, index).distances_ang, environment(other, index).distances_ang,
            atol=1e-6,
        )  # fmt: skip


def test_an_unusual_centring_is_known():
    operations = space_group_operations("A -1")
    assert {tuple(t) for t in operations.translations.tolist()} == {(0, 0, 0), (0, 0.5, 0.5)}
    assert len(operations.rotations) == 4


LISTED = "loop_\n_symmetry_equiv_pos_as_xyz\n"


def test_the_identity_is_added_where_a_list_lacks_it():
    head = LISTED + "'-x,-y,-z'\n"
    assert len(read(cif(["Fe1 Fe 0.1 0.2 0.3"], head=head))) == 2


def test_centring_that_a_list_lacks_is_taken_from_the_group():
    head = (
        "_symmetry_space_group_name_H-M 'C 2/m'\n" + LISTED + "x,y,z\n-x,y,-z\n-x,-y,-z\nx,-y,z\n"
    )
    atoms = read(cif(["Fe1 Fe 0.1 0.2 0.3"], head=head))
    assert len(atoms) == 8
    assert "lacks the centring" in atoms.info["notes"]


def test_a_list_that_contradicts_the_name_counts_and_is_noted():
    head = "_symmetry_space_group_name_H-M 'P 21/c'\n" + LISTED + "x,y,z\n"
    atoms = read(cif(["Fe1 Fe 0.1 0.2 0.3"], head=head))
    assert len(atoms) == 1
    assert "are not those of the space group" in atoms.info["notes"]


@pytest.mark.parametrize("operation", ["x+0.3,y,z", "2x,y,z", "x+1/2/3,y,z", "x,y", "x*2,y,z"])
def test_operations_that_are_none_are_refused(operation):
    with pytest.raises(StructureError, match=r"symmetry operations .* cannot be read"):
        read(cif(["Fe1 Fe 0 0 0"], head=LISTED + f"x,y,z\n'{operation}'\n"))


@pytest.mark.parametrize("operation", ["x+x,y,z", "x,x,z", "-y,x,z", "x+1/3,y,z"])
def test_lists_that_are_no_group_are_refused(operation):
    with pytest.raises(StructureError, match="do not form a group"):
        read(cif(["Fe1 Fe 0 0 0"], head=LISTED + f"x,y,z\n'{operation}'\n"))


def test_a_group_is_closed_by_its_translations_too():
    half = Operations(np.stack([np.eye(3)] * 2), np.array([[0, 0, 0], [0.5, 0, 0]]))
    third = Operations(np.stack([np.eye(3)] * 2), np.array([[0, 0, 0], [1 / 3, 0, 0]]))
    assert is_group(half)
    assert not is_group(third)
    assert is_group(IDENTITY)
    assert len(listed_operations(["x,y,z", "-x,-y,-z"]).rotations) == 2


def test_a_cell_listed_whole_with_its_symmetry_is_counted_once():
    head = "_symmetry_space_group_name_H-M 'F m -3 m'\n"
    sites = [f"Ni{i} Ni {x} {y} {z}" for i, (x, y, z) in enumerate(
        [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)])]  # fmt: skip
    atoms = read(cif(sites, head=head, cell=(3.52, 3.52, 3.52, 90, 90, 90)))
    assert len(atoms) == 4


# ------------------------------------------------------------------ labels


def nobody(index):
    raise AssertionError("label and formula decide")


def at(*distances):
    return lambda index: np.array(distances)


@pytest.mark.parametrize(
    ("label", "type_", "formula", "distances", "element"),
    [
        ("Wat7", None, "Fe O6", nobody, "O"),
        ("W1", None, "H2 O2 Zn", nobody, "O"),
        ("O1w", None, "Fe O", nobody, "O"),
        ("OW1", None, "", nobody, "O"),
        ("W1", None, "O3 W", nobody, "W"),
        ("W1", None, "", at(2.9), "O"),
        ("W1", None, "", at(1.9, 1.9, 1.9, 1.9), "W"),
        ("W1", "W", "Fe O2", nobody, "O"),
        ("Wat1", "Wat", "", nobody, "O"),
        ("CO(1)", None, "Co N6", nobody, "Co"),
        ("CO1", None, "C6 Co O6", at(1.14, 1.8), "C"),
        ("CO1", None, "C6 Co O6", at(1.8, 1.8, 1.9, 1.9, 2.0), "Co"),
        ("Co1", None, "", nobody, "Co"),
        ("CU1", None, "Cu O4", nobody, "Cu"),
        ("NW1", None, "", nobody, "N"),
    ],
)
def test_elements_of_labels(label, type_, formula, distances, element):
    types = None if type_ is None else [type_]
    assert elements_of_sites([label], types, formula, distances) == [element]


@pytest.mark.parametrize(
    ("label", "formula", "distances", "reason"),
    [
        ("CO1", "", nobody, r"may mean two elements \(C or Co\)"),
        ("CO1", "C Co", at(2.0, 2.0, 2.0), "may mean two elements"),
        ("W1", "", at(2.0, 2.1), "may be water or tungsten"),
    ],
)
def test_labels_that_nothing_decides_are_asked_for(label, formula, distances, reason):
    given = distances if distances is not nobody else at()
    with pytest.raises(StructureError, match=reason):
        elements_of_sites([label], None, formula, given)


def test_a_carbonyl_named_co_beside_cobalt_is_carbon():
    sites = ["Co1 0 0 0", "CO1 0.09 0 0", "O1 0.147 0 0"]
    atoms = read(cif(sites, "label fract_x fract_y fract_z", "_chemical_formula_sum 'C Co O'"))
    assert atoms.get_chemical_symbols() == ["Co", "C", "O"]


def test_rows_of_flag_dum_are_no_atoms():
    tags = "label type_symbol fract_x fract_y fract_z calc_flag"
    sites = ["Fe1 Fe 0 0 0 d", "O1 O 0.1 0 0 d", "Cg1 C 0.3 0 0 dum"]
    assert read(cif(sites, tags)).get_chemical_formula() == "FeO"
    with pytest.raises(StructureError, match="dummy atoms only"):
        read(cif([sites[2]], tags))


def test_hydrogens_without_coordinates_are_left_out_with_a_note():
    atoms = read(cif(["Fe1 Fe 0 0 0", "O1 O 0.1 0 0", "H1 H ? ? ?"]))
    assert atoms.get_chemical_formula() == "FeO"
    assert "Without coordinates and left out: H1" in atoms.info["notes"]


# ------------------------------------------------------------------ blocks, tags, rows


def test_a_bad_block_leaves_the_others():
    good, bad = cif(["Fe1 Fe 0 0 0", "O1 O 0.1 0 0"]), cif(["Fe1 Fe 0 0"])
    frames = read_structures(good + bad + good, name="a.cif")
    assert [f.get_chemical_formula() for f in frames] == ["FeO", "FeO"]
    for frame in frames:
        assert re.search(
            r'Structure 2 of the file was left out: Block "a" .*a value too many',
            frame.info["notes"],
        )


def test_text_before_the_first_block_and_a_lost_header():
    body = cif(["Fe1 Fe 0 0 0", "O1 O 0.1 0 0"])
    assert len(read(b"written by hand\n\n" + body)) == 2
    assert len(read(body.replace(b"data_a\n", b""))) == 2
    with_text = body.replace(b"loop_", b"_publ_text\n;\n data_b is not a block\n;\nloop_", 1)
    assert len(read(with_text)) == 2


def test_a_tag_without_a_value_elsewhere_is_no_reason_to_refuse():
    body = cif(["Fe1 Fe 0 0 0", "O1 O 0.1 0 0"], head="_refine_ls_extinction_coef\n_exptl_x 3")
    assert len(read(body)) == 2


@pytest.mark.parametrize("again", ["_cell_length_a 10.0", "_CELL_LENGTH_A 10.0"])
def test_a_tag_that_is_repeated_with_another_value_is_refused(again):
    with pytest.raises(StructureError, match="gives _cell_length_a twice, with different values"):
        read(cif(["Fe1 Fe 0 0 0", "O1 O 0.1 0 0"], head=again))
    assert len(read(cif(["Fe1 Fe 0 0 0", "O1 O 0.1 0 0"], head="_cell_length_a 20.0"))) == 2


def test_frames_that_are_wrong_leave_the_others():
    text = b"1\n\nFe 0 0 0\n2\n\nFe 0 0 0\nO 0 0 0\n2\n\nFe 0 0 0\nQq 0 0 2\n"
    text += b"1\n\nNi 0 0 0\n3\n\nNi 0 0 0\n"
    frames = read_structures(text, name="a.xyz")
    assert [f.get_chemical_formula() for f in frames] == ["Fe", "Ni"]
    note = frames[0].info["notes"]
    for reason in (
        "Structure 2 .*coincide",
        "Structure 3 .*no element symbol",
        "Structure 5 .*announces 3",
    ):
        assert re.search(reason, note)


def test_a_note_in_a_file_is_not_taken_for_one_of_ours():
    text = b'1\nProperties=species:S:1:pos:R:3 notes="<b>bold</b>"\nFe 0 0 0\n'
    assert "notes" not in read(text, "a.xyz").info


# ------------------------------------------------------------------ macromolecules

ATOM = (
    "HETATM{n:>5} {name:<4}{alt:1}{residue:>3} A{number:>4}    {x:8.3f}   0.000   0.000"
    "{share:6.2f}  0.00          {element:>2}\n"
)


def pdb(*rows):
    return "".join(
        ATOM.format(n=n, name=name, alt=alt, residue=residue, number=number, x=x, share=share,
                    element=element)
        for n, (name, alt, residue, number, x, share, element) in enumerate(rows, start=1)
    ).encode()  # fmt: skip


def test_of_alternate_conformers_the_major_one_counts():
    atoms = read(pdb(
        ("ZN", "", "ZN", 1, 0.0, 1.0, "ZN"),
        (" ND1", "A", "HIS", 2, 2.0, 0.4, "N"), (" CE1", "A", "HIS", 2, 3.0, 0.4, "C"),
        (" ND1", "B", "HIS", 2, 2.1, 0.6, "N"), (" CE1", "B", "HIS", 2, 3.1, 0.6, "C"),
        (" O", "", "HOH", 3, 5.0, 0.5, "O"), (" O", "", "HOH", 4, 5.5, 0.3, "O"),
    ), "a.pdb")  # fmt: skip
    assert atoms.positions[:, 0].tolist() == [0.0, 2.1, 3.1, 5.0]
    assert "3 atoms were left out" in atoms.info["notes"]


def test_a_metal_that_is_there_in_part_is_noted():
    atoms = read(pdb(("CU", "", "CU", 1, 0.0, 0.4, "CU"), (" O", "", "HOH", 2, 2, 1, "O")), "a.pdb")
    assert "Partly occupied in the file and taken as present: Cu (0.40)" in atoms.info["notes"]


MMCIF = """data_1ABC
_symmetry.space_group_name_H-M 'P 21 21 21'
loop_
_atom_site.group_PDB
_atom_site.id
_atom_site.type_symbol
_atom_site.label_alt_id
_atom_site.label_comp_id
_atom_site.auth_asym_id
_atom_site.auth_seq_id
_atom_site.Cartn_x
_atom_site.Cartn_y
_atom_site.Cartn_z
_atom_site.occupancy
_atom_site.pdbx_PDB_model_num
HETATM 1 FE . HEM A 1 0.0 0.0 0.0 1.00 1
ATOM 2 N A HIS A 2 2.0 0.0 0.0 0.30 1
ATOM 3 N B HIS A 2 2.2 0.0 0.0 0.70 1
HETATM 1 FE . HEM A 1 0.0 0.0 0.0 1.00 2
ATOM 2 N . HIS A 2 2.5 0.0 0.0 1.00 2
"""


def test_models_of_an_mmcif_file():
    first, second = read_structures(MMCIF.encode(), name="1abc.cif")
    assert first.positions[:, 0].tolist() == [0.0, 2.2]
    assert second.positions[:, 0].tolist() == [0.0, 2.5]
    assert not first.pbc.any()
    assert "The mmCIF file holds the asymmetric unit" in first.info["notes"]
    with pytest.raises(StructureError, match='Atom "FE" of residue "HEM 1": "nan" is not a finite'):
        read(MMCIF.replace(" 0.0 0.0 0.0 1.00", " nan 0.0 0.0 1.00").encode())


def test_further_outputs_and_drawings_are_explained():
    flat = "drawn\n  hand\n\n  4  3  0  0  0  0            999 V2000\n"
    flat += "".join(
        f"{x:10.4f}{y:10.4f}    0.0000 {el:<3} 0  0\n"
        for x, y, el in [(0, 0, "Fe"), (0.825, 0, "N"), (1.65, 0, "C"), (1.65, 0.825, "C")]
    )
    cases = [
        ("a.mol", flat + "M  END\n", "drawing in two dimensions"),
        ("a.log", " Entering Gaussian System\n", "Gaussian output holds no table of coordinates"),
        ("a.out", " * O   R   C   A *\n", "ORCA output holds no table of coordinates"),
        ("a.out", "     x T B     \n", "xTB output holds no table of coordinates"),
        ("a.out", "     x T B     \n final structure:\n\n", "xTB output holds no table"),
        ("a.mol2", "@<TRIPOS>ATOM\n", "has no section"),
        ("a.mol2", "@<TRIPOS>MOLECULE\n", "has no counts"),
        ("a.mol2", "@<TRIPOS>MOLECULE\na\n 1\n", "has no section .*ATOM"),
        ("a.mol2", MOL2 + "1 FE1 0 0 0\n", "should hold a number, a name, x y z and the atom type"),
        ("a.mol2", MOL2, "announces 1 atoms, but 0 lines of atoms follow"),
        ("a.res", SHELX.replace("CELL 1 9 9 9 90 90 90", "CELL 1 9 9"), "no complete CELL"),
        ("a.res", SHELX, "lists no atoms"),
        ("a.res", SHELX + "FE1 1 0.1 0.2\n", "should hold a name"),
        ("a.res", SHELX + "FE1 2 0.1 0.2 0.3\n", "no scattering factor number 2 among 1"),
        ("a.res", SHELX + "FE1 1 0.1 0.2 0.3 31.0\n", "no free variable 3"),
        (
            "a.res",
            SHELX.replace("LATT 1", "LATT 9") + "FE1 1 0.1 0.2 0.3\n",
            "LATT 9 is no lattice",
        ),
        ("a.res", SHELX + "SYMM -Y,X,Z\nFE1 1 0.1 0.2 0.3\n", "do not form a group"),
    ]
    for name, text, reason in cases:
        with pytest.raises(StructureError, match=reason):
            read_structures(text.encode(), name=name)


MOL2 = "@<TRIPOS>MOLECULE\na\n 1\n@<TRIPOS>ATOM\n"
SHELX = "TITL a\nCELL 1 9 9 9 90 90 90\nLATT 1\nSFAC FE\nUNIT 2\n"


# --- outputs that broke off -----------------------------------------------------------------------

GAUSSIAN = """ Entering Gaussian System, Link 0=g16
                         Standard orientation:
 ---------------------------------------------------------------------
 Center     Atomic      Atomic             Coordinates (Angstroms)
 Number     Number       Type             X           Y           Z
 ---------------------------------------------------------------------
      1         29           0        0.000000    0.000000    0.000000
      2          7           0        2.100000    0.000000    0.000000
      3          7           0       -2.100000    0.000000    0.000000
 ---------------------------------------------------------------------
"""
ORCA = """ * O   R   C   A *
---------------------------------
CARTESIAN COORDINATES (ANGSTROEM)
---------------------------------
  Cu     0.000000    0.000000    0.000000
  N      2.100000    0.000000    0.000000
  N     -2.100000    0.000000    0.000000

----------------------------
"""


@pytest.mark.parametrize(("text", "program"), [(GAUSSIAN, "Gaussian"), (ORCA, "ORCA")])
def test_an_output_that_breaks_off_in_a_table_loses_no_atoms(text, program):
    """Found by the mutator: the atoms above the end of the file were taken for all of them."""
    whole = read(text.encode(), "a.log")
    assert whole.get_chemical_formula() == "CuN2"
    cut = text[: text.index("-2.100000")]
    with pytest.raises(StructureError, match=f"coordinates of the {program} output breaks off at"):
        read(cut.encode(), "a.log")
    damaged = text.replace("-2.100000", "-2.1OOOOO")
    with pytest.raises(StructureError, match=r"breaks off at line \d+, so atoms may be missing"):
        read(damaged.encode(), "a.log")
    moved = read((text + cut.replace("2.100000", "2.200000")).encode(), "a.log")
    assert moved.get_chemical_formula() == "CuN2"
    assert moved.positions[1, 0] == 2.1
    assert "breaks off in a table of coordinates: the one before it" in moved.info["notes"]


def test_an_xtb_output_prints_as_many_atoms_as_it_announces():
    text = (FILES / "xtb.out").read_text()
    cut = text[: text.index("O            0.0")] + "\n Bond\n"
    with pytest.raises(StructureError, match="announces 2 atoms and prints 1"):
        read(cut.encode(), "xtb.out")


# --- mol files, found by the mutator --------------------------------------------------------------


def test_a_line_of_an_atom_that_lost_a_coordinate_is_refused():
    """Its halves were read by fixed columns: oxygen at 6400 A."""
    lines = (FILES / "water_v2000.mol").read_text().split("\n")
    lines[6] = "0.0000  2.6400  H  0  0  0  0  0  0  0  0  0  0  0  0"
    with pytest.raises(StructureError, match="Line 7 is no line of an atom, with three coord"):
        read("\n".join(lines).encode(), "a.mol")


def test_a_v3000_line_without_its_blank_is_none():
    """The 9 that stood there became part of a coordinate: 92.45 A."""
    text = (FILES / "ammine_v3000.mol").read_text().replace("M  V30 2.45", "M  V3092.45")
    with pytest.raises(StructureError, match="announces 5 atoms, but has"):
        read(text.encode(), "a.mol")

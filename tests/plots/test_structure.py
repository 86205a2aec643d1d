import json
import re

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from scipy.spatial.transform import Rotation

from xanes_core.errors import StructureError
from xanes_core.plots.structure import (
    MAX_ATOMS,
    element_colour,
    first_view,
    notebook_view,
    scene,
    structure_figure,
)
from xanes_core.plots.style import ABSORBER, Look, channels
from xanes_core.structures import list_examples, load_example


@pytest.fixture
def complex_atoms():
    octahedron = 2.0 * np.vstack([np.eye(3), -np.eye(3)])
    return Atoms("FeO6", np.vstack([[0, 0, 0], octahedron]) + 5.0)


def test_a_scene_is_json_centred_on_the_absorber(complex_atoms):
    view = scene(complex_atoms, 0)
    json.dumps(view, allow_nan=False)
    assert [a["symbol"] for a in view["atoms"]] == ["Fe"] + ["O"] * 6
    first = view["atoms"][0]
    assert (first["x"], first["y"], first["z"]) == (0.0, 0.0, 0.0)
    assert view["note"] == ""


def test_only_the_absorber_has_the_absorbers_colour(complex_atoms):
    view = scene(complex_atoms, 0)
    assert [a["colour"] == ABSORBER for a in view["atoms"]] == [True] + [False] * 6
    assert [a["absorber"] for a in view["atoms"]] == [True] + [False] * 6


def test_several_absorbers_are_marked_and_the_first_is_the_centre():
    atoms = Atoms("FeOFe", [[0, 0, 0], [1.8, 0, 0], [3.6, 0, 0]])
    view = scene(atoms, (2, 0))
    assert [a["absorber"] for a in view["atoms"]] == [True, False, True]
    assert view["atoms"][2]["x"] == 0.0


def test_an_octahedron_has_six_bonds(complex_atoms):
    assert scene(complex_atoms, 0)["bonds"] == [[0, i] for i in range(1, 7)]


@pytest.mark.parametrize(("ratio", "drawn"), [(1.21, True), (1.23, False)])
def test_a_drawn_bond_ends_at_122_percent_of_the_covalent_radii(ratio, drawn):
    titanium, carbon = 1.60, 0.76  # Cordero et al. 2008
    atoms = Atoms("TiC", [[0, 0, 0], [0, 0, ratio * (titanium + carbon)]])
    assert bool(scene(atoms, 0)["bonds"]) is drawn


def test_benzene_has_twelve_bonds_and_hydrogens_none_among_themselves():
    atoms = molecule("C6H6")
    assert len(scene(atoms, 0)["bonds"]) == 12
    assert scene(Atoms("H2", [[0, 0, 0], [0, 0, 0.74]]), 0)["bonds"] == []


def metal_metal(atoms):
    view = scene(atoms, 0)
    symbols = [a["symbol"] for a in view["atoms"]]
    return [pair for pair in view["bonds"] if all(symbols[k] not in "OC" for k in pair)]


def test_metals_are_bonded_unless_an_atom_bridges_them():
    dimer = Atoms("MnMn", [[0, 0, 0], [0, 0, 2.9]])
    assert metal_metal(dimer) == [[0, 1]]
    assert metal_metal(dimer + Atoms("O", [[0, 2.0, -0.3]])) == [[0, 1]]
    assert metal_metal(dimer + Atoms("O", [[0, 1.3, 1.45]])) == []
    oxide = bulk("NiO", "rocksalt", a=4.177)
    assert len(metal_metal(bulk("Ni", "fcc", a=3.52))) > 12
    assert metal_metal(oxide) == []
    assert len([pair for pair in scene(oxide, 0)["bonds"] if 0 in pair]) == 6


def test_a_lone_atom_has_no_bonds():
    assert scene(Atoms("Fe", [[0, 0, 0]]), 0)["bonds"] == []


def test_labels_are_symbol_and_number_from_one_and_off_unless_asked(complex_atoms):
    assert {a["label"] for a in scene(complex_atoms, 0)["atoms"]} == {""}
    labels = [a["label"] for a in scene(complex_atoms, 0, labels=True)["atoms"]]
    assert labels == ["Fe1", "O2", "O3", "O4", "O5", "O6", "O7"]


def test_hydrogen_goes_without_a_label():
    labels = [a["label"] for a in scene(molecule("CH4"), 0, labels=True)["atoms"]]
    assert labels == ["C1", "", "", "", ""]


def test_no_text_of_the_file_gets_into_a_scene(complex_atoms):
    complex_atoms.info["comment"] = "</script><script>alert(1)</script>"
    complex_atoms.set_array("labels", np.array(["</script>"] * 7))
    assert "script" not in json.dumps(scene(complex_atoms, 0, labels=True))


def test_a_crystal_shows_the_surroundings_with_images():
    view = scene(bulk("Fe", "bcc", a=2.87), 0)
    r = np.array([[a["x"], a["y"], a["z"]] for a in view["atoms"]])
    distances = np.linalg.norm(r, axis=1)
    assert distances[0] == 0.0
    assert (distances < 6.0).all()
    # 8 + 6 + 12 + 24 + 8 + 6 neighbours in six shells of bcc iron within 6 A
    assert len(view["atoms"]) == 1 + 64
    assert "65 atoms within 6 \u00c5" in view["note"]


def test_a_big_molecule_shows_the_surroundings_only():
    side = np.arange(12) * 2.5
    grid = np.array(np.meshgrid(side, side, side)).reshape(3, -1).T
    atoms = Atoms(numbers=[26] + [8] * (len(grid) - 1), positions=grid)
    assert len(atoms) > MAX_ATOMS
    assert 1 < len(scene(atoms, 0)["atoms"]) < 100


def test_shells_are_sorted_and_drawn(complex_atoms):
    view = scene(complex_atoms, 0, shells_ang=(4.0, 2.5))
    assert view["shells"] == [2.5, 4.0]
    figure = structure_figure(view)
    assert sum(trace.type == "surface" for trace in figure.data) == 2


def test_the_plain_view_has_every_atom_and_bond(complex_atoms):
    view = scene(complex_atoms, 0, labels=True)
    lines, points = structure_figure(view, look=Look(dark=True)).data
    assert len(points.x) == 7
    assert points.marker.color[0] == ABSORBER
    assert points.text[1] == "O2"
    assert np.isfinite(np.asarray(lines.x, dtype=float)).sum() == 12


def test_a_notebook_gets_every_atom_and_nothing_of_the_files_text(complex_atoms):
    complex_atoms.info["comment"] = "</script>"
    shown = notebook_view(scene(complex_atoms, 0, labels=True, shells_ang=(2.5,)), js="local.js")
    code = shown.startjs + shown.endjs
    assert "</script>" not in shown.startjs
    assert code.count(ABSORBER) == 2
    for label in ("Fe1", "O7"):
        assert label in code
    assert "7\\n\\nFe 0.0000 0.0000 0.0000\\nO 2.0000" in code


def test_the_structure_is_not_changed(complex_atoms):
    before = complex_atoms.copy()
    scene(complex_atoms, 0, labels=True, shells_ang=(2.5,))
    assert before == complex_atoms


def test_elements_keep_their_hue_softened():
    red, green, blue = channels(element_colour(8))
    assert red > 1.5 * max(green, blue)
    red, green, blue = channels(element_colour(7))
    assert blue > 1.4 * max(red, green)
    assert element_colour(1) != "#FFFFFF"
    assert element_colour(26) == "#E06633"  # a metal has Jmol's


def on_screen(view):
    """Atoms turned before the reader, x to the right, y up, z towards her."""
    return Rotation.from_quat(view["view"]).apply([[a[k] for k in "xyz"] for a in view["atoms"]])


@pytest.mark.parametrize("example", list_examples(), ids=lambda example: example.key)
def test_the_first_view_of_no_example_hides_the_metal(example):
    atoms, metal = load_example(example.key), example.absorber
    view = scene(atoms, metal)
    seen = on_screen(view)
    shell = [i + j - metal for i, j in view["bonds"] if metal in (i, j)]
    radii = np.array([a["radius_ang"] for a in view["atoms"]])

    def hidden(i):
        front = seen[:, 2] > seen[i, 2] + 1e-6
        apart = np.linalg.norm(seen[:, :2] - seen[i, :2], axis=1)
        return bool((front & (apart < radii)).any())  # its middle lies behind another atom

    assert not hidden(metal)
    # in a cage of ten or more, one may stand behind another
    assert sum(hidden(i) for i in shell) <= len(shell) // 5


def test_the_first_view_turns_with_the_structure_and_is_the_same_every_time(complex_atoms):
    first = scene(complex_atoms, 0)["view"]
    assert scene(complex_atoms, 0)["view"] == first
    assert np.linalg.norm(first) == pytest.approx(1, abs=1e-5)


def test_what_is_flat_is_seen_from_above_with_its_long_side_lying():
    side = np.array([[x, y, 0.0] for x in np.arange(-4, 5, 2.0) for y in (-1.0, 1.0)])
    turn = Rotation.from_euler("xyz", [0.4, 1.1, 2.0])
    positions = turn.apply(np.vstack([[0, 0, 0], side]))
    quaternion = first_view(positions, np.full(11, 0.3), [0, 5, 6])
    seen = Rotation.from_quat(quaternion).apply(positions)
    width, height, depth = np.ptp(seen, axis=0)
    assert width > height > depth
    assert depth < 0.25 * width


def test_a_single_atom_and_a_line_have_a_first_view():
    for atoms in (Atoms("Fe"), Atoms("CFeC", [[0, 0, -2], [0, 0, 0], [0, 0, 2]])):
        centre = atoms.get_chemical_symbols().index("Fe")
        view = scene(atoms, centre)
        assert np.isfinite(view["view"]).all()
        if len(atoms) == 3:
            assert np.ptp(on_screen(view)[:, 0]) > 3.9


def test_a_scene_says_in_words_what_it_shows(complex_atoms):
    assert scene(complex_atoms, 0)["text"] == (
        "Structure FeO6, 7 atoms. Absorber Fe (atom 1), coordination number 6: 6 O at 2.00 \u00c5."
    )
    uneven = Atoms("OFeN", [[0, 0, 1.9], [0, 0, 0], [0, 2.05, 0]])
    assert scene(uneven, 1)["text"].endswith("number 2: 1 N at 2.05 \u00c5, 1 O at 1.90 \u00c5.")
    assert scene(Atoms("Fe"), 0)["text"].endswith("Absorber Fe (atom 1), without bonds.")


@pytest.mark.parametrize("absorber", [7, -1, ()])
def test_an_absorber_out_of_range_is_refused(complex_atoms, absorber):
    with pytest.raises(StructureError, match="index from 0 to 6"):
        scene(complex_atoms, absorber)


@pytest.mark.parametrize("radius", [0.0, -1.0, float("nan")])
def test_a_shell_without_radius_is_refused(complex_atoms, radius):
    with pytest.raises(StructureError, match="positive radius"):
        scene(complex_atoms, 0, shells_ang=(radius,))


def test_atoms_take_the_colours_given_and_the_absorber_keeps_its_own():
    atoms = Atoms("FeO2", [(0, 0, 0), (2, 0, 0), (0, 2, 0)])
    drawn = scene(atoms, 0, colours=["#000000", "#112233", "#445566"])["atoms"]
    assert [a["colour"] for a in drawn] == [ABSORBER, "#112233", "#445566"]
    assert [a["index"] for a in drawn] == [0, 1, 2]


def test_images_in_a_crystal_know_their_atom_and_its_colour():
    atoms = Atoms("FeO", [(0, 0, 0), (2, 2, 2)], cell=[4, 4, 4], pbc=True)
    drawn = scene(atoms, 0, colours=["#000000", "#112233"])["atoms"]
    assert {(a["symbol"], a["index"]) for a in drawn} == {("Fe", 0), ("O", 1)}
    assert {a["colour"] for a in drawn if a["symbol"] == "O"} == {"#112233"}


@pytest.mark.parametrize("colours", [["#000000"], ["#000000", "red"], ["#000000", "#1122334"]])
def test_colours_that_do_not_fit_are_refused(colours):
    atoms = Atoms("FeO", [(0, 0, 0), (2, 0, 0)])
    with pytest.raises(StructureError, match="2 colours such as"):
        scene(atoms, 0, colours=colours)


def test_every_element_that_a_file_may_hold_has_a_colour_and_is_drawn():
    for number in range(1, 119):
        assert re.fullmatch("#[0-9A-F]{6}", element_colour(number))
    heavy = Atoms([26, 110, 118], [(0, 0, 0), (0, 0, 2.6), (2.6, 0, 0)])
    drawn = scene(heavy, 0)
    assert len(drawn["atoms"]) == 3
    assert structure_figure(drawn).data

"""Moves of ligands and absorbers: closed forms, the way back, invariances, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.data import covalent_radii
from scipy.spatial.distance import cdist

from xanes_core.errors import StructureError
from xanes_core.structures.deform import Movable, apply_moves, cluster_around
from xanes_core.structures.environments import environment
from xanes_core.structures.examples import list_examples, load_example
from xanes_core.structures.ligands import find_ligands, place_vectors
from xanes_core.structures.moves import MOVE_KINDS, Move, parse_move
from xanes_core.structures.simple_ligands import METAL_ANG, SIMPLE_LIGANDS
from xanes_core.structures.suggestions import BEND_DEG, move_label, move_limits, suggest_moves

EXAMPLES = {example.key: example for example in list_examples()}
CHELATE, SANDWICH, AQUA = "iron-tris-bipyridine", "ferrocene", "hexaaquairon-ii"
PORPHYRIN, MIXED, DIMER = (
    "iron-porphine-bis-imidazole",
    "titanocene-dichloride",
    "dimanganese-decacarbonyl",
)


def movable(key):
    return Movable(load_example(key), EXAMPLES[key].absorber)


def moved(key, *pairs):
    body = movable(key)
    moves, values = [parse_move(text) for text, _ in pairs], [value for _, value in pairs]
    return body, body.positions(moves, values)


def places(body, positions, number):
    return place_vectors(positions, body.absorber, body.ligands[number - 1])


def angle_deg(a, b):
    a, b = a.mean(axis=0), b.mean(axis=0)
    return np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))


# --- ligands -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "titles"),
    [
        (AQUA, [f"water {n}" for n in range(1, 7)]),
        (SANDWICH, ["Cp ring 1 (η5)", "Cp ring 2 (η5)"]),
        ("dibenzenechromium", ["benzene ring 1 (η6)", "benzene ring 2 (η6)"]),
        (MIXED, ["Cp ring 1 (η5)", "chloride 2", "Cp ring 3 (η5)", "chloride 4"]),
        (CHELATE, ["bipyridine 1", "bipyridine 2", "bipyridine 3"]),
        (PORPHYRIN, ["porphine 1", "imidazole 2", "imidazole 3"]),
        ("nickel-dimethylglyoximate", ["dimethylglyoximate 1", "dimethylglyoximate 2"]),
        ("vanadyl-bis-acac", ["acac 1", "acac 2", "oxo 3"]),
        (DIMER, [f"carbonyl {n}" for n in range(1, 6)] + ["fragment with Mn 6"]),
    ],
)
def test_ligands_have_the_names_of_a_chemist(key, titles):
    assert [ligand.title for ligand in movable(key).ligands] == titles


@pytest.mark.parametrize("key", EXAMPLES)
def test_ligands_share_no_atom_and_hold_every_donor(key):
    body = movable(key)
    atoms = [i for ligand in body.ligands for i in ligand.atoms]
    assert len(atoms) == len(set(atoms)) == len(body.atoms) - 1
    assert body.absorber not in atoms
    donors = [i for ligand in body.ligands for i in ligand.donors]
    assert len(donors) == EXAMPLES[key].coordination_number


def test_what_stands_all_around_the_absorber_is_known():
    assert [x.encloses for x in movable(PORPHYRIN).ligands] == [True, False, False]
    assert movable("nickel-salen").ligands[0].encloses
    assert not any(x.encloses for x in movable(CHELATE).ligands)


def test_counter_ions_and_solvent_are_no_ligands():
    # potassium near two chlorides would otherwise tie them to one body
    atoms = load_example("tetrachloroferrate-iii")
    middle = atoms.positions[1] + atoms.positions[2]
    atoms += Atoms("KOH2", [1.25 * middle, [9, 9, 9], [9.6, 9.7, 9], [9.6, 8.3, 9]])
    found = find_ligands(atoms, 0)
    assert [x.name for x in found] == ["chloride"] * 4
    after = Movable(atoms, 0).positions([Move("all")], [0.2])
    np.testing.assert_array_equal(after[5:], atoms.positions[5:])


# --- closed forms --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        (AQUA, "all", 0.1),
        (AQUA, "ligand:2", -0.2),
        (AQUA, "pair:1,2", 0.3),
        (AQUA, "bond:1", 0.15),
        (CHELATE, "all", 0.1),
        (CHELATE, "ligand:3", -0.12),
        (SANDWICH, "all", 0.07),
        (MIXED, "all:Cl", 0.2),
        (PORPHYRIN, "pair:2,3", 0.2),
        (DIMER, "ligand:6", 0.4),
    ],
)
def test_mean_distance_of_the_places_grows_by_the_value(key, text, value):
    body, after = moved(key, (text, value))
    before = body.atoms.positions
    chosen = {x.number for x in body.moved_by(parse_move(text))}
    for ligand in body.ligands:
        grown = [np.linalg.norm(places(body, p, ligand.number), axis=1) for p in (before, after)]
        wanted = value if ligand.number in chosen else 0.0
        assert np.mean(grown[1]) - np.mean(grown[0]) == pytest.approx(wanted, abs=1e-12)
        own = list(ligand.atoms)  # rigid
        np.testing.assert_allclose(
            cdist(after[own], after[own]), cdist(before[own], before[own]), atol=1e-12
        )
    assert body.start(parse_move(text)) == pytest.approx(
        np.mean([np.linalg.norm(places(body, before, n), axis=1).mean() for n in chosen])
    )


def test_a_single_donor_moves_along_its_bond():
    body, after = moved(AQUA, ("ligand:2", 0.25))
    (bond,) = places(body, body.atoms.positions, 2)
    shift = after[list(body.ligands[1].atoms)] - body.atoms.positions[list(body.ligands[1].atoms)]
    np.testing.assert_allclose(shift, np.tile(0.25 * bond / np.linalg.norm(bond), (3, 1)))


@pytest.mark.parametrize(("key", "pair"), [(AQUA, (1, 3)), (CHELATE, (1, 2)), (MIXED, (1, 4))])
def test_an_angle_opens_by_the_value(key, pair):
    text = f"angle:{pair[0]},{pair[1]}"
    body, after = moved(key, (text, 12.0))
    before = body.atoms.positions
    opened = [angle_deg(*(places(body, p, n) for n in pair)) for p in (before, after)]
    assert opened[1] - opened[0] == pytest.approx(12.0, abs=1e-9)
    assert body.start(parse_move(text)) == pytest.approx(opened[0])
    np.testing.assert_array_equal(places(body, after, pair[1]), places(body, before, pair[1]))
    np.testing.assert_allclose(
        np.linalg.norm(places(body, after, pair[0]), axis=1),
        np.linalg.norm(places(body, before, pair[0]), axis=1),
    )


def test_a_turn_keeps_axis_and_distances_and_a_ring_comes_back():
    body, after = moved(SANDWICH, ("turn:1", 72.0))
    before, ring = body.atoms.positions, body.ligands[0]
    np.testing.assert_allclose(places(body, after, 1), places(body, before, 1), atol=1e-12)
    own = list(ring.places[0])
    nearest = cdist(after[own], before[own]).min(axis=1)
    assert nearest.max() < 0.02  # each carbon where another one was
    assert np.linalg.norm(after[own] - before[own], axis=1).min() > 1.0


def test_the_absorber_moves_off_centre():
    body, after = moved(AQUA, ("offcentre:2", 0.2))
    length = np.linalg.norm(places(body, after, 2))
    before = np.linalg.norm(places(body, body.atoms.positions, 2))
    assert length == pytest.approx(before - 0.2)
    others = np.delete(np.arange(len(after)), body.absorber)
    np.testing.assert_array_equal(after[others], body.atoms.positions[others])
    body, after = moved(AQUA, ("offcentre:0,0,2", 0.2))
    np.testing.assert_allclose(
        after[body.absorber] - body.atoms.positions[body.absorber], [0, 0, 0.2], atol=1e-15
    )


def test_a_chelate_across_the_absorber_has_no_plane():
    """Two donors on one line with it: it moves towards the first, however the whole is turned."""
    half = [[2, 0.1, 0], [2.3, 1.5, 0], [1.4, 2.6, 0]]
    other = [[-x, y, z] for x, y, z in half]
    atoms = Atoms("FeNCCNCCC", [[0, 0, 0], *half, *other, [0, 3.2, 0]])
    for angle in (0, 50):
        atoms.rotate(angle, (1, 2, 3), center=(0, 0, 0))
        body = Movable(atoms, 0)
        assert [x.encloses for x in body.ligands] == [True]
        assert move_label(body, parse_move("offcentre:1")) == "Fe towards N (atom 1)"
        after = body.positions([parse_move("offcentre:1")], [0.2])
        along = (atoms.positions[1] - atoms.positions[4]) / 4.0
        np.testing.assert_allclose(after[0] - atoms.positions[0], 0.2 * along, atol=1e-12)


def test_a_metal_leaves_the_plane_of_a_porphyrin():
    body, after = moved("copper-porphine", ("offcentre:1", 0.3))
    before = np.linalg.norm(places(body, body.atoms.positions, 1), axis=1)
    np.testing.assert_allclose(
        np.linalg.norm(places(body, after, 1), axis=1), np.hypot(before, 0.3), atol=2e-3
    )


# --- properties of all moves ---------------------------------------------------------------------

#: A word of each kind with a value, for structures that can make it.
SAMPLES = [
    (AQUA, [("all", 0.1)]),
    (AQUA, [("pair:3,4", 0.21), ("angle:1,3", 7.0), ("turn:2", 33.0), ("offcentre:5", 0.2)]),
    (CHELATE, [("all", 0.13), ("angle:1,2", -9.0), ("turn:3", 20.0), ("offcentre:2", -0.3)]),
    (SANDWICH, [("ligand:1", -0.1), ("turn:2", 36.0)]),
    (PORPHYRIN, [("offcentre:1", 0.3), ("ligand:2", 0.2), ("turn:3", 45.0)]),
    (MIXED, [("all:C", 0.1), ("all:Cl", -0.1), ("angle:2,4", 10.0)]),
    (DIMER, [("ligand:6", 0.3), ("offcentre:6", 0.1)]),
]
each_sample = pytest.mark.parametrize(("key", "pairs"), SAMPLES)


@each_sample
def test_the_way_back_is_exact_and_the_input_stays(key, pairs):
    atoms = load_example(key)
    kept, index = atoms.positions.copy(), EXAMPLES[key].absorber
    moves, values = [parse_move(t) for t, _ in pairs], [v for _, v in pairs]
    there = apply_moves(atoms, index, moves, values)
    assert np.abs(there.positions - kept).max() > 0.05
    back = apply_moves(there, index, moves[::-1], [-v for v in values[::-1]])
    np.testing.assert_allclose(back.positions, kept, atol=1e-10)
    np.testing.assert_array_equal(atoms.positions, kept)
    assert there.info["absorber"] == index
    np.testing.assert_array_equal(there.numbers, atoms.numbers)


@each_sample
def test_orientation_and_place_do_not_matter(key, pairs):
    atoms = load_example(key)
    moves, values = [parse_move(t) for t, _ in pairs], [v for _, v in pairs]
    wanted = apply_moves(atoms, EXAMPLES[key].absorber, moves, values)
    for structure in (atoms, wanted):
        structure.rotate(50, (1, 2, -1), center=(0, 0, 0))
        structure.translate((3, -1, 2))
    found = apply_moves(atoms, EXAMPLES[key].absorber, moves, values)
    np.testing.assert_allclose(found.positions, wanted.positions, atol=1e-10)


@each_sample
def test_the_order_of_atoms_only_changes_the_numbers(key, pairs):
    atoms, index = load_example(key), EXAMPLES[key].absorber
    order = np.random.default_rng(1).permutation(len(atoms))
    shuffled = Movable(atoms[order], int(np.flatnonzero(order == index)[0]))
    body = Movable(atoms, index)
    number_of = {order_of(order, x): x.number for x in shuffled.ligands}
    for text, value in pairs:
        move = parse_move(text)
        renamed = replace(
            move, numbers=tuple(number_of[body.ligands[n - 1].atoms] for n in move.numbers)
        )
        wanted = body.positions([move], [value])[order]
        found = shuffled.positions([renamed], [value])
        is_plane = move.kind == "offcentre" and body.moved_by(move)[0].encloses
        if is_plane and not np.allclose(found, wanted):  # its side follows the order
            found = shuffled.positions([renamed], [-value])
        np.testing.assert_allclose(found, wanted, atol=1e-10)


def order_of(order, ligand):
    """Atoms of a ligand by their numbers before they were shuffled."""
    return tuple(sorted(int(order[i]) for i in ligand.atoms))


def test_moves_together_are_moves_one_after_the_other():
    body = movable(CHELATE)
    moves, values = [parse_move(t) for t in ("all", "turn:1", "angle:2,3")], [0.1, 15.0, -8.0]
    step = body.atoms
    for move, value in zip(moves, values, strict=True):
        step = apply_moves(step, body.absorber, [move], [value])
    np.testing.assert_allclose(body.positions(moves, values), step.positions, atol=1e-12)
    np.testing.assert_array_equal(body.positions([], []), body.atoms.positions)


def test_a_molecule_apart_from_its_calculator_is_taken_as_it_is():
    atoms = load_example(AQUA)
    body = Movable(atoms, 0)
    atoms.positions += 1.0  # the prepared structure is a copy
    assert not np.allclose(body.atoms.positions, atoms.positions)


# --- changes -------------------------------------------------------------------------------------


def test_a_ligand_is_removed():
    atoms = load_example(AQUA)
    without = apply_moves(atoms, 0, [parse_move("remove:2")], [1])
    assert without.get_chemical_formula() == "H10FeO5"
    assert [x.name for x in find_ligands(without, 0)] == ["water"] * 5
    same = apply_moves(atoms, 0, [parse_move("remove:2")], [0])
    np.testing.assert_array_equal(same.positions, atoms.positions)


@pytest.mark.parametrize("name", SIMPLE_LIGANDS)
def test_a_ligand_is_swapped_for_a_simple_one(name):
    atoms, simple = load_example(AQUA), SIMPLE_LIGANDS[name]
    body = Movable(atoms, 0)
    swapped = body.apply([parse_move(f"swap:2,{name}")], [1])
    found = find_ligands(swapped, swapped.info["absorber"])
    assert len(found) == 6  # a new body of its own, bound by its donor
    last = max(found, key=lambda x: x.atoms)
    assert sorted(last.atoms) == list(range(len(swapped) - len(simple.atoms), len(swapped)))
    assert last.symbols == (simple.atoms[0][0],)
    (bond,) = place_vectors(swapped.positions, 0, last)
    assert np.linalg.norm(bond) == pytest.approx(METAL_ANG["Fe"] + simple.bond_ang)
    (old,) = places(body, atoms.positions, 2)
    np.testing.assert_allclose(np.cross(bond, old), 0, atol=1e-10)


def test_a_swap_does_not_mind_the_orientation():
    atoms = load_example("hexaamminecobalt-iii")
    move = [parse_move("swap:1,H2O")]
    wanted = apply_moves(atoms, 0, move, [1])
    for structure in (atoms, wanted):
        structure.rotate(70, (1, 0, 2), center=(0, 0, 0))
    found = apply_moves(atoms, 0, move, [1])
    np.testing.assert_allclose(found.positions, wanted.positions, atol=1e-9)


def test_the_absorber_keeps_its_place_in_the_result():
    atoms = load_example(AQUA)
    turned = atoms[::-1]  # the metal last
    result = apply_moves(turned, len(turned) - 1, [parse_move("swap:1,Cl")], [1])
    assert result.symbols[result.info["absorber"]] == "Fe"


@pytest.mark.parametrize("key", [AQUA, SANDWICH, CHELATE, PORPHYRIN])
def test_another_metal_scales_bonds_by_covalent_radii(key):
    body = movable(key)
    result = body.apply([parse_move("metal:Zn")], [1])
    assert result.symbols[body.absorber] == "Zn"
    for ligand in body.ligands:
        old, new = (
            np.linalg.norm(place_vectors(p, body.absorber, ligand), axis=1).mean()
            for p in (body.atoms.positions, result.positions)
        )
        z = body.atoms.numbers[list(ligand.donors)]
        ratio = ((covalent_radii[30] + covalent_radii[z]) / (1.32 + covalent_radii[z])).mean()
        assert new / old == pytest.approx(1.0 if ligand.encloses else ratio)


def test_changes_and_moves_go_together():
    moves = [parse_move(t) for t in ("swap:2,Cl", "ligand:1", "remove:3", "metal:Co")]
    result = apply_moves(load_example(AQUA), 0, moves, [1, 0.2, 1, 1])
    assert sorted(x.name for x in find_ligands(result, 0)) == ["chloride"] + ["water"] * 4
    assert result.symbols[0] == "Co"


# --- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "move"),
    [
        ("all", Move("all")),
        ("all:N", Move("all", word="N")),
        ("ligand:2", Move("ligand", (2,))),
        ("bond:0", Move("bond", (0,))),
        ("pair:1,4", Move("pair", (1, 4))),
        ("angle:1,2", Move("angle", (1, 2))),
        ("turn:3", Move("turn", (3,))),
        ("offcentre:2", Move("offcentre", (2,))),
        ("offcentre:0,0.5,-1", Move("offcentre", direction=(0.0, 0.5, -1.0))),
        ("remove:3", Move("remove", (3,))),
        ("swap:3,Cl", Move("swap", (3,), "Cl")),
        ("metal:Co", Move("metal", word="Co")),
    ],
)
def test_words_come_and_go(text, move):
    assert parse_move(text) == move
    assert str(move) == move.text == text
    assert parse_move(f"  {text.upper()} ".replace(":", ": ")) == move
    assert move.unit == MOVE_KINDS[move.kind].unit
    assert move.is_change == (move.kind in ("remove", "swap", "metal"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no move ''"),
        ("stretch:1", "no move 'stretch:1'"),
        ("ligand", "is incomplete .* write ligand:2"),
        ("ligand:0", "write ligand:2"),
        ("ligand:-1", "write ligand:2"),
        ("ligand:1,2", "write ligand:2"),
        ("pair:1", "write pair:1,4"),
        ("pair:3,3", "names ligand 3 twice"),
        ("angle:1,b", "write angle:1,2"),
        ("all:1", "names no element"),
        ("all:N,O", "write all or all:N"),
        ("metal:Mo", "no model knows: choose one of Ti, V"),
        ("metal", "write metal:Co"),
        ("swap:1", "write swap:3,Cl"),
        ("swap:1,py", "unknown ligand: choose one of H2O, NH3"),
        ("offcentre:0,0,0", "names no direction"),
        ("offcentre:a,0,1", "write offcentre:2 or"),
        ("offcentre:inf,0,1", "names no direction"),
    ],
)
def test_words_that_make_no_sense(text, sentence):
    with pytest.raises(StructureError, match=sentence):
        parse_move(text)


@pytest.mark.parametrize(
    ("key", "text", "label"),
    [
        (AQUA, "all", "All six Fe–O bonds"),
        (AQUA, "ligand:2", "Water 2, Fe–O 2.12 Å"),
        (AQUA, "pair:1,2", "Pair of water 1 and 2"),
        (AQUA, "angle:1,3", "Angle water 1 – Fe – water 3 (90°)"),
        (AQUA, "metal:Co", "Co in place of Fe"),
        (AQUA, "swap:2,Cl", "Cl for water 2"),
        (AQUA, "remove:2", "Without water 2"),
        (AQUA, "offcentre:1", "Fe towards water 1"),
        (AQUA, "offcentre:0,0,1", "Fe along 0, 0, 1"),
        (SANDWICH, "all", "Both Cp rings"),
        (SANDWICH, "turn:1", "Turn Cp ring 1 (η5)"),
        (SANDWICH, "ligand:1", "Cp ring 1 (η5), Fe–centre 1.67 Å"),
        (MIXED, "all", "All four ligands"),
        (MIXED, "all:Cl", "Both Ti–Cl bonds"),
        (PORPHYRIN, "offcentre:1", "Fe out of the plane of porphine 1"),
        (DIMER, "pair:5,6", "Pair of carbonyl 5 and fragment with Mn 6"),
    ],
)
def test_labels(key, text, label):
    assert move_label(movable(key), parse_move(text)) == label


def test_suggestions_can_be_made_within_their_limits():
    for key in (AQUA, SANDWICH, PORPHYRIN, MIXED, DIMER, "cobalt-salen"):
        body = movable(key)
        suggested = suggest_moves(body.atoms, body.absorber)
        assert suggested
        assert len({s.label for s in suggested}) == len(suggested)
        for one in suggested:
            assert parse_move(one.move.text) == one.move
            assert one.low <= 0 <= one.high
            for value in (one.low, one.high):
                after = body.positions([one.move], [value])
                env = environment(Atoms(body.atoms.numbers, after), body.absorber)
                assert env.distances_ang[0] > 1.2
                assert np.isfinite(after).all()


@pytest.mark.parametrize("key", EXAMPLES)
def test_every_example_has_something_to_move(key):
    assert suggest_moves(movable(key))


def test_suggestions_know_what_goes():
    texts = {s.move.text for s in suggest_moves(movable(PORPHYRIN))}
    assert {"ligand:2", "pair:2,3", "turn:2", "offcentre:1"} <= texts
    assert not {"all", "ligand:1", "turn:1", "angle:2,3"} & texts
    assert "turn:1" not in {s.move.text for s in suggest_moves(movable("nickel-tetracarbonyl"))}
    ring = next(s for s in suggest_moves(movable(SANDWICH)) if s.move.kind == "turn")
    assert (ring.low, ring.high) == (-36.0, 36.0)


def test_limits_end_before_atoms_collide():
    # two waters 60 degrees apart leave less room to bend together than apart
    body = movable(AQUA)
    near = body.apply([parse_move("angle:1,3")], [-25.0])
    low, high = move_limits(Movable(near, 0), parse_move("angle:1,3"))
    assert -15 <= low <= 0
    assert high == BEND_DEG[1]


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "text", "value", "sentence"),
    [
        (AQUA, "ligand:7", 0.1, "no ligand 7 here: Fe has 6, water 1"),
        (AQUA, "all:N", 0.1, "No ligand binds Fe through N: donors here are O"),
        (AQUA, "bond:2", 0.1, "Atom 2 does not bind Fe: its donors are the atoms 1"),
        (AQUA, "angle:1,2", 5.0, "lie on one line with Fe"),
        (AQUA, "angle:1,3", 88.0, "would become 178 degrees: keep it between 5 and 175"),
        (AQUA, "ligand:1", -2.0, "water 1 cannot come 2.00 A nearer to Fe"),
        (CHELATE, "ligand:1", -1.5, "bipyridine 1 cannot come 1.50 A nearer"),
        (AQUA, "offcentre:1", 1.9, "Fe cannot move 1.90 A towards water 1: give a smaller"),
        (AQUA, "all", float("nan"), "value of all is not a finite number"),
        (AQUA, "remove:1", 0.5, "made or not: give the value 1 or 0"),
        (
            PORPHYRIN,
            "all",
            0.1,
            "would tear it. Instead offcentre:1 moves Fe; the others can move: ligand:2",
        ),
        (PORPHYRIN, "ligand:1", 0.1, "stands all around Fe"),
        (PORPHYRIN, "turn:1", 9.0, "turning it would move every donor"),
        (PORPHYRIN, "angle:1,2", 9.0, "has no direction: bend two other ligands"),
        (PORPHYRIN, "swap:1,Cl", 1, "has several donors, so that no simple ligand"),
        (DIMER, "swap:6,Cl", 1, "has another metal, so that no simple ligand"),
        ("nickel-tetracarbonyl", "turn:1", 9.0, "turning it changes nothing"),
        ("cobalt-salen", "remove:1", 1, "is the only ligand"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(key, text, value, sentence):
    with pytest.raises(StructureError, match=sentence):
        movable(key).apply([parse_move(text)], [value])


def test_one_donor_of_a_chelate_or_a_ring_does_not_move_alone():
    for key in (CHELATE, SANDWICH):
        body = movable(key)
        donor = body.ligands[1].donors[0]
        with pytest.raises(StructureError, match=r"would tear the ligand. ligand:2 moves it as"):
            body.positions([Move("bond", (donor,))], [0.1])


def test_a_bridge_moves_only_with_the_metal_behind_it():
    """Two irons with two oxygens between them."""
    core = [[0, 0, 0], [2.6, 0, 0], [1.3, 1.3, 0], [1.3, -1.3, 0], [-1.9, 0.9, 0]]
    body = Movable(Atoms("FeFeOOCl", core), 0)
    bridge, chloride = body.ligands
    assert (bridge.title, bridge.bridged, len(bridge.places)) == ("fragment with Fe 1", (1,), 2)
    assert chloride.title == "chloride 2"
    with pytest.raises(StructureError, match=r"beside 3: moving it alone would tear"):
        body.check(Move("bond", (2,)))
    after = body.positions([Move("ligand", (1,))], [0.1])
    assert np.linalg.norm(after[2] - after[1]) == pytest.approx(np.hypot(1.3, 1.3))


def test_changes_that_exclude_each_other():
    body = movable(AQUA)
    with pytest.raises(StructureError, match="changed twice"):
        body.apply([parse_move("remove:1"), parse_move("swap:1,Cl")], [1, 1])
    with pytest.raises(StructureError, match="changed twice"):
        body.apply([parse_move("metal:Co"), parse_move("metal:Ni")], [1, 1])
    with pytest.raises(StructureError, match="Nothing would be left around Fe"):
        body.apply([parse_move(f"remove:{n}") for n in range(1, 7)], [1] * 6)
    with pytest.raises(StructureError, match="remove:1 changes atoms: use apply"):
        body.positions([parse_move("remove:1")], [1])
    with pytest.raises(StructureError, match="2 moves need as many values, not 1"):
        body.positions([Move("all"), Move("ligand", (1,))], [0.1])


def test_absorbers_without_ligands_or_radius():
    with pytest.raises(StructureError, match="Nothing binds Fe"):
        Movable(Atoms("FeO", [[0, 0, 0], [5, 0, 0]]), 0)
    with pytest.raises(StructureError, match="There is no atom 2"):
        Movable(Atoms("FeO", [[0, 0, 0], [1.9, 0, 0]]), 2)
    zirconium = Movable(Atoms("ZrCl2", [[0, 0, 0], [2.4, 0, 0], [-2.4, 0, 0]]), 0)
    with pytest.raises(StructureError, match=r"known for Ti, .* not for Zr"):
        zirconium.check(parse_move("swap:1,F"))


# --- crystals ------------------------------------------------------------------------------------


def test_a_crystal_is_refused_and_its_cluster_moves():
    crystal = bulk("NiO", "rocksalt", a=4.18)
    with pytest.raises(StructureError, match=r"cluster_around\(atoms, absorber\)"):
        Movable(crystal, 0)
    cluster = cluster_around(crystal, 0)
    assert not cluster.pbc.any()
    wanted = environment(crystal, 0, 6.0)
    np.testing.assert_allclose(environment(cluster, 0, 6.0).distances_ang, wanted.distances_ang)
    body = Movable(cluster, 0)
    assert [x.encloses for x in body.ligands] == [True]  # the lattice holds together
    after = body.apply([parse_move("offcentre:0,0,1")], [0.1])
    assert after.positions[0].tolist() == pytest.approx([0, 0, 0.1])
    # six oxygens are in no plane: nickel moves towards the first of them, and back
    first = body.ligands[0].donors[0]
    assert move_label(body, parse_move("offcentre:1")) == f"Ni towards O (atom {first})"
    after = body.apply([parse_move("offcentre:1")], [0.1])
    assert after.get_distance(0, first) == pytest.approx(2.09 - 0.1)
    back = apply_moves(after, 0, [parse_move("offcentre:1")], [-0.1])
    np.testing.assert_allclose(back.positions, cluster.positions, atol=1e-10)

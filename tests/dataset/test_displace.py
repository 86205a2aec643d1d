"""Displaced copies: which, moved how, kept apart by purpose, stored with their structures."""

import json

import numpy as np
import pytest

from tests.growing import toy_tools
from tests.tiny_models import toy_complex, write_training_set
from xanes_core.cli.commands import main
from xanes_core.dataset import load_training_set
from xanes_core.dataset.describe import twins
from xanes_core.dataset.displace import (
    ALL_ANG,
    KINDS,
    LEAST_ANG,
    ONE_ANG,
    RESPONSE_PARENTS,
    SLIDE_ANG,
    Displacing,
    displaced,
    grow_displaced,
)
from xanes_core.dataset.displaced import RESPONSE, TRAINING, read_displaced
from xanes_core.dataset.run import Run
from xanes_core.dataset.shards import (
    ShardRecord,
    geometry_sha256,
    read_shards,
    shard_finished,
    write_shards,
)
from xanes_core.dataset.store import Store
from xanes_core.dataset.task import Stop
from xanes_core.errors import DatasetError, StructureError
from xanes_core.structures import load_example

BOTH = pytest.mark.parametrize("purpose", [RESPONSE, TRAINING])


@pytest.fixture(scope="module")
def parents(tmp_path_factory):
    return write_training_set(tmp_path_factory.mktemp("parents"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, parents):
    """Copies for both purposes, in one folder."""
    folder = tmp_path_factory.mktemp("displaced")
    grown(folder, parents, Displacing(RESPONSE))
    grown(folder, parents, Displacing(TRAINING, copies=2))
    return folder


def grown(folder, parents, wanted, run=None, **options):
    return grow_displaced(folder, parents, wanted, run or Run(tools=toy_tools()), **options)


def value_of(moves):
    return float(moves.partition("=")[2])


def named(name="Fe_001", seed=3):
    atoms = toy_complex("Fe", np.random.default_rng(seed))
    atoms.info = {"name": name}
    return atoms


# --- moves ---------------------------------------------------------------------------------------


def test_a_copy_follows_from_seed_name_purpose_and_number():
    first = displaced(named(), TRAINING, 1, 7)
    assert displaced(named(), TRAINING, 1, 7).moves == first.moves
    again = displaced(named(), TRAINING, 1, 7).atoms
    assert np.array_equal(again.positions, first.atoms.positions)
    others = [
        displaced(named(), TRAINING, 2, 7),
        displaced(named(), TRAINING, 1, 8),
        displaced(named("Fe_002"), TRAINING, 1, 7),
    ]
    assert all(other.moves != first.moves for other in others)


@pytest.mark.parametrize("seed", range(8))
def test_response_copies_move_all_ligands_then_one(seed):
    parent = named(seed=seed)
    bonds = np.linalg.norm(parent.positions[1:7], axis=1)
    first, second = (displaced(parent, RESPONSE, number, seed) for number in (1, 2))
    changes = np.linalg.norm(first.atoms.positions[1:7], axis=1) - bonds
    assert first.moves.startswith("all=")
    assert changes == pytest.approx(np.full(6, value_of(first.moves)), abs=3e-5)
    assert ALL_ANG[0] <= abs(value_of(first.moves)) <= ALL_ANG[1]
    changes = np.linalg.norm(second.atoms.positions[1:7], axis=1) - bonds
    assert second.moves.startswith("ligand:")
    assert np.sort(np.abs(changes)) == pytest.approx(
        [0] * 5 + [abs(value_of(second.moves))], abs=3e-5
    )
    assert ONE_ANG[0] <= abs(value_of(second.moves)) <= ONE_ANG[1]


def test_training_copies_are_moved_in_every_way():
    parent, words = load_example("hexaaquairon-ii"), set()
    parent.info["name"] = "Fe_1"
    for number in range(1, 80):
        copy = displaced(parent, TRAINING, number, 1)
        assert np.abs(copy.atoms.positions - parent.positions).max() > 0.01
        assert np.array_equal(copy.atoms.positions, copy.atoms.positions.round(5))
        assert not copy.atoms.positions[0].any()
        words.add(" ".join(part.split("=")[0].split(":")[0] for part in copy.moves.split()))
        if copy.moves.startswith(("all", "pair")):
            assert SLIDE_ANG[0] <= value_of(copy.moves) <= SLIDE_ANG[1]
            assert abs(value_of(copy.moves)) >= LEAST_ANG
    assert len(words) == len(KINDS)
    assert {"all", "ligand", "pair", "angle", "turn", "thermal", "ligand thermal"} <= words


def test_a_porphyrin_is_moved_in_the_ways_it_can():
    atoms = load_example("zinc-porphine")
    atoms.info["name"] = "Zn_1"
    words = {displaced(atoms, TRAINING, n, 1).moves.split("=")[0] for n in range(1, 12)}
    assert words <= {"offcentre:1", "thermal"}
    with pytest.raises(StructureError, match="stands all around Zn"):
        displaced(atoms, RESPONSE, 1, 1)
    with pytest.raises(StructureError, match="none can be moved"):
        displaced(atoms, RESPONSE, 2, 1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"purpose": "fun"}, "the purpose must be response or training, not 'fun'"),
        ({"purpose": TRAINING, "copies": 0}, "must be 1 or more"),
        ({"purpose": TRAINING, "count": -1}, "must be 1 or more"),
        ({"purpose": TRAINING, "seed": -1}, "the seed from 0"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, message):
    with pytest.raises(DatasetError, match=message):
        Displacing(**wrong)


# --- which parents -------------------------------------------------------------------------------


def test_copies_of_held_out_complexes_measure_and_others_train(folder, parents):
    known = load_training_set(parents)
    for purpose, held_out in ((RESPONSE, True), (TRAINING, False)):
        found = read_displaced(folder, known, purpose)
        assert len(found)
        assert (known.held_out[found.parents] == held_out).all()
        names = [atoms.info["parent"] for atoms in found.structures]
        assert known.names[found.parents].tolist() == names
        assert found.elements.tolist() == known.elements[found.parents].tolist()
        assert found.mu.shape == (len(found), len(known.energy_rel_ev))
    assert len(read_displaced(folder, known, TRAINING)) == 2 * int((~known.held_out).sum())
    response = read_displaced(folder, known, RESPONSE)
    counts = np.unique(response.parents, return_counts=True)[1]
    assert (counts == 2).all()
    for element in ("V", "Fe"):
        own = (known.elements == element) & known.held_out
        n = min(RESPONSE_PARENTS, int(own.sum()))
        assert len(set(response.parents[response.elements == element])) == n


def test_a_moved_or_unconverged_complex_is_no_parent(tmp_path):
    parents = write_training_set(tmp_path / "parents", elements=("Fe",), n=6)
    (parents / "unconverged.txt").write_text("Fe_001\n")
    (parents / "held_out.txt").write_text("Fe_002\n")
    file = parents / "Fe.extxyz"
    file.write_text(file.read_text().replace("name=Fe_003", "name=Fe_003 breathed=1.02"))
    grown(tmp_path / "copies", parents, Displacing(TRAINING))
    names = {record.atoms.info["parent"] for record in read_shards(tmp_path / "copies")}
    assert names == {"Fe_000", "Fe_004", "Fe_005"}


def test_metals_come_in_turn_and_counts_are_shared(tmp_path, parents):
    done = []
    run = Run(tools=toy_tools(), on_outcome=lambda outcome: done.append(outcome.task.element))
    grown(tmp_path, parents, Displacing(TRAINING, count=7), run)
    assert done == ["V", "Fe"] * 3 + ["V"]


def test_twins_across_the_split_are_counted(parents):
    known = load_training_set(parents)
    for atoms, aside in zip(known.structures, known.held_out, strict=True):
        atoms.info["ligands"] = "water Cl" if aside else f"Br {atoms.info['name']}"
    assert twins(known) == []
    known.structures[int(np.flatnonzero(~known.held_out)[0])].info["ligands"] = "Cl water"  # a V
    assert twins(known) == known.names[known.held_out & (known.elements == "V")].tolist()
    del known.structures[0].info["ligands"]
    assert all(name.startswith("V") for name in twins(known))


# --- runs ----------------------------------------------------------------------------------------


def test_a_run_that_was_stopped_is_taken_up(tmp_path, parents):
    stop, seen = Stop(), []

    def count(outcome):
        seen.append(outcome)
        if len(seen) == 5:
            stop.event.set()

    wanted = Displacing(TRAINING, count=12)
    run = Run(tools=toy_tools(), stop=stop, on_outcome=count)
    report = grown(tmp_path, parents, wanted, run, size=4)
    assert report.stopped
    assert len(read_shards(tmp_path)) == 4
    before = (tmp_path / "xanes-0001.npz").read_bytes()
    report = grown(tmp_path, parents, wanted, size=4)
    assert report.before + report.stored.total() == 12
    assert len(read_shards(tmp_path)) == 12
    assert (tmp_path / "xanes-0001.npz").read_bytes() == before
    assert grown(tmp_path, parents, wanted).stored.total() == 0


def test_failures_are_listed_and_not_tried_again(tmp_path, parents):
    run = Run(tools=toy_tools(fails=("xanes",)))
    report = grown(tmp_path, parents, Displacing(RESPONSE), run)
    failures = Store(tmp_path).failures()
    assert len(failures) == report.failed.total() > 0
    assert {failure["stage"] for failure in failures} == {"xanes"}
    assert grown(tmp_path, parents, Displacing(RESPONSE)).stored.total() == 0


def test_what_cannot_be_moved_is_listed(tmp_path):
    parents = write_training_set(tmp_path / "parents", elements=("Fe",), n=6)
    (parents / "held_out.txt").unlink()
    text = (parents / "Fe.extxyz").read_text().split("\n")
    far = [line.split() for line in text[2:15]]
    text[2:15] = [f"{s} {' '.join(str(9 * float(v)) for v in xyz)}" for s, *xyz in far]
    (parents / "Fe.extxyz").write_text("\n".join(text))
    grown(tmp_path / "copies", parents, Displacing(TRAINING))
    (failure,) = Store(tmp_path / "copies").failures()
    assert failure["stage"] == "moves"
    assert "Nothing binds Fe" in failure["reason"]


# --- files ---------------------------------------------------------------------------------------


def test_structures_come_back_as_they_were_calculated(folder):
    for record in read_shards(folder):
        assert geometry_sha256(record.atoms) == record.geometry
        assert record.atoms.info["name"] == record.name
        assert record.atoms.info["kind"] == "displaced"
        assert record.atoms.symbols[0] == record.element
        assert record.charge == record.atoms.info["charge"]


def test_finished_copies_are_taken_along_with_their_structures(tmp_path, parents):
    stop = Stop()
    run = Run(tools=toy_tools(), stop=stop, on_outcome=lambda outcome: stop.event.set())
    grown(tmp_path / "new", parents, Displacing(TRAINING), run)
    report = shard_finished(tmp_path / "new", tmp_path / "shards")
    assert report.n_added == 1
    (record,) = read_shards(tmp_path / "shards")
    assert record.atoms.info["parent"] in load_training_set(parents).names


def test_records_with_and_without_structures_do_not_share_a_file(tmp_path, folder):
    with_one = read_shards(folder)[0]
    without = ShardRecord("Fe_1", "Fe", 0, "", with_one.energy_ev, with_one.mu)
    with pytest.raises(DatasetError, match="in a folder of their own"):
        write_shards(tmp_path, [with_one, without])


def test_a_copy_under_the_wrong_purpose_is_refused(folder, parents):
    known = load_training_set(parents)
    known.held_out[:] = ~known.held_out
    with pytest.raises(DatasetError, match="is for response, but its parent is not held out"):
        read_displaced(folder, known, RESPONSE)
    with pytest.raises(DatasetError, match="is for training, but its parent is held out"):
        read_displaced(folder, known, TRAINING)


def test_copies_of_other_complexes_are_left_out(folder, parents):
    known = load_training_set(parents)
    iron = known.subset(known.elements == "Fe")
    found = read_displaced(folder, iron, TRAINING)
    assert set(found.elements) == {"Fe"}
    assert iron.names[found.parents].tolist() == [a.info["parent"] for a in found.structures]
    nothing = read_displaced(folder, known.subset(known.names == "none"), TRAINING)
    assert (len(nothing), nothing.mu.shape) == (0, (0, len(known.energy_rel_ev)))


def test_folders_that_cannot_be_read_are_refused(tmp_path, folder, parents):
    known = load_training_set(parents)
    with pytest.raises(DatasetError, match="must be response or training, not 'fun'"):
        read_displaced(folder, known, "fun")
    with pytest.raises(DatasetError, match="holds no displaced copies"):
        read_displaced(tmp_path, known, RESPONSE)
    record = read_shards(folder)[0]
    other = ShardRecord("Fe_1", "Fe", 0, "", record.energy_ev, record.mu)
    write_shards(tmp_path / "others", [other])
    with pytest.raises(DatasetError, match=r"Fe_1 in .* names no parent"):
        read_displaced(tmp_path / "others", known, RESPONSE)
    short = ShardRecord(
        record.name, record.element, 0, "", record.energy_ev[:9], record.mu[:9], atoms=record.atoms
    )
    write_shards(tmp_path / "short", [short])
    with pytest.raises(DatasetError, match=f"spectrum of {record.name}"):
        read_displaced(tmp_path / "short", known, RESPONSE)


@BOTH
def test_the_command_takes_up_what_is_there(folder, parents, capsys, purpose):
    before = len(read_shards(folder))
    options = ["--purpose", purpose, "--copies", "2", "--data", str(parents), "--out", str(folder)]
    assert main(["dataset", "displace", *options]) == 0
    assert "0 new complexes, 0 failed" in capsys.readouterr().out
    assert len(read_shards(folder)) == before


def test_what_is_known_of_a_copy_is_plain(folder):
    for record in read_shards(folder):
        assert json.loads(json.dumps(record.atoms.info)) == record.atoms.info

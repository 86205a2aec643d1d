"""Spectra of structures of others, straight into shards: balanced, resumed, none twice."""

import subprocess
import sys

import ase.io
import numpy as np
import pytest

from tests.growing import ToyEngine, toy_relax, toy_tools
from tests.places import PROJECT
from tests.tiny_models import toy_complex
from xanes_core.cli.commands import main
from xanes_core.dataset.grow import balanced, grow_pending, grow_shards
from xanes_core.dataset.run import Run
from xanes_core.dataset.shards import ShardStore, geometry_sha256, read_shards, write_shards
from xanes_core.dataset.store import Store
from xanes_core.dataset.task import Stop, Tools
from xanes_core.errors import DatasetError
from xanes_core.theory.base import TheoryResult
from xanes_core.theory.feff10_io import converged

METALS = {"Ti": 5, "V": 3, "Fe": 4}


def structures(folder, metals=METALS):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(11)
    made = {}
    for element, n in metals.items():
        images = [toy_complex(element, rng) for _ in range(n)]
        for i, atoms in enumerate(images):
            atoms.positions = atoms.positions.round(5)
            atoms.info = {"name": f"{element}_tmqm_{i:03d}", "charge": 0}
            made[atoms.info["name"]] = atoms
        ase.io.write(folder / f"{element}.extxyz", images, format="extxyz")
    return made


@pytest.fixture
def pending(tmp_path):
    structures(tmp_path / "pending")
    return tmp_path / "pending"


def grown(folder, pending, run=None, **options):
    return grow_shards(folder, pending, run or Run(tools=toy_tools()), **options)


def names(folder):
    return [record.name for record in read_shards(folder)]


def test_the_metal_with_the_fewest_records_comes_next():
    order = balanced({"Ti": ["t0", "t1", "t2"], "V": ["v0", "v1"], "Fe": ["f0"]}, {"Ti": 1})
    assert order == ["v0", "f0", "t0", "v1", "t1", "t2"]
    assert balanced({"Ti": []}, {}) == []


def test_every_beginning_is_balanced(tmp_path, pending):
    outcomes = []
    run = Run(tools=toy_tools(), on_outcome=outcomes.append)
    grown(tmp_path / "shards", pending, run)
    done = [outcome.task.element for outcome in outcomes]
    assert len(done) == sum(METALS.values())
    for i in range(9):  # while each metal has some
        counts = [done[: i + 1].count(element) for element in METALS]
        assert max(counts) - min(counts) <= 1


def test_so_is_growth_of_a_set(tmp_path, pending):
    outcomes = []
    run = Run(tools=toy_tools(), on_outcome=outcomes.append)
    grow_pending(tmp_path / "set", pending, run, count=6)
    assert [outcome.task.element for outcome in outcomes] == ["Ti", "V", "Fe"] * 2


def test_spectra_are_stored_and_their_structures_are_not(tmp_path, pending):
    made = structures(pending)
    folder = tmp_path / "shards"
    report = grown(folder, pending)
    assert report.stored.total() == 12
    assert {p.name for p in folder.iterdir()} == {"xanes-0001.npz", "incoming"}
    assert not Store(folder).waiting()
    for record in read_shards(folder):
        assert record.geometry == geometry_sha256(made[record.name])
        assert record.recipe["xanes"]["accept_unconverged"] is False
    again = grown(folder, pending)
    assert (again.before, again.stored.total()) == (12, 0)
    assert len(list(folder.glob("*.npz"))) == 1


def test_more_come_into_new_files(tmp_path, pending):
    folder = tmp_path / "shards"
    grown(folder, pending, count=4)
    before = {path: path.read_bytes() for path in folder.glob("*.npz")}
    grown(folder, pending)
    assert all(path.read_bytes() == data for path, data in before.items())
    assert len(set(names(folder))) == len(names(folder)) == 12
    # the first run has taken from all metals already
    assert {name.split("_")[0] for name in names(folder)[:4]} == set(METALS)


def test_full_files_are_written_on_the_way(tmp_path, pending):
    stop, seen = Stop(), []

    def count(outcome):
        seen.append(outcome)
        if len(seen) == 7:
            stop.event.set()

    folder = tmp_path / "shards"
    run = Run(tools=toy_tools(), stop=stop, on_outcome=count)
    report = grown(folder, pending, run, size=5)
    assert report.stopped
    assert [path.name for path in folder.glob("*.npz")] == ["xanes-0001.npz"]
    assert len(names(folder)) == 5
    assert len(Store(folder).waiting()) == report.stored.total() - 5
    grown(folder, pending)
    assert sorted(names(folder)) == sorted(structures(tmp_path / "again"))
    assert not Store(folder).waiting()


def test_a_run_that_is_killed_is_taken_up(tmp_path, pending):
    code = (
        "import os, sys\n"
        "from tests.dataset.test_grow_shards import grown, toy_tools, Run\n"
        "seen = []\n"
        "def kill(outcome):\n"
        "    seen.append(outcome)\n"
        "    if len(seen) == 3:\n"
        "        os.kill(os.getpid(), 9)\n"
        "grown(sys.argv[1], sys.argv[2], Run(tools=toy_tools(), on_outcome=kill))\n"
    )
    folder = tmp_path / "shards"
    command = [sys.executable, "-c", code, str(folder), str(pending)]
    assert subprocess.run(command, cwd=PROJECT, check=False).returncode == -9
    assert len(Store(folder).waiting()) == 3
    report = grown(folder, pending)
    assert (report.before, report.stored.total()) == (3, 9)
    assert len(set(names(folder))) == 12


def test_a_kill_between_file_and_tidying_stores_nothing_twice(tmp_path, pending):
    folder = tmp_path / "shards"
    stop = Stop()
    stopping = Run(tools=toy_tools(), stop=stop, on_outcome=lambda one: stop.event.set())
    grown(folder, pending, stopping)
    waiting = {path.name: path.read_bytes() for path in Store(folder).waiting()}
    assert waiting
    assert len(ShardStore(folder).flush(rest=True)) == 1
    for name, data in waiting.items():
        (folder / "incoming" / name).write_bytes(data)
    grown(folder, pending)
    assert len(set(names(folder))) == len(names(folder)) == 12


def test_failures_are_listed_beside_the_shards_and_not_tried_again(tmp_path, pending):
    folder = tmp_path / "shards"
    Store(folder).add_failure({"name": "Ti_tmqm_000", "stage": "xanes", "reason": "no"})
    calls = []
    grown(folder, pending, Run(tools=toy_tools(), on_outcome=calls.append))
    assert "Ti_tmqm_000" not in names(folder)
    assert "Ti_tmqm_000" not in [outcome.task.name for outcome in calls]
    failing = Run(tools=Tools(relax=toy_relax, engine=ToyEngine(fails=("xanes",))))
    grown(tmp_path / "other", pending, failing)
    failed = Store(tmp_path / "other").failures()
    assert len(failed) == 12
    assert failed[0]["reason"] == "the potentials exploded"
    assert not list((tmp_path / "other").glob("*.npz"))


class UnphysicalEngine(ToyEngine):
    """An edge 80 eV too high."""

    def run(self, atoms, absorber, settings, options):
        result = super().run(atoms, absorber, settings, options)
        spectrum = result.spectrum
        low = type(spectrum)(spectrum.energy_ev, 0.1 * spectrum.mu, spectrum.e0_ev, {})
        return TheoryResult(low, low, "toy", "1", result.element, {}, 0.1, "input")


def test_a_spectrum_that_is_none_is_a_failure_with_its_reason(tmp_path, pending):
    run = Run(tools=Tools(relax=toy_relax, engine=UnphysicalEngine()))
    grown(tmp_path / "shards", pending, run, count=2)
    reasons = {one["reason"] for one in Store(tmp_path / "shards").failures()}
    assert reasons == {"the spectrum is not physical: the absorption never reaches half a step"}


def test_what_does_not_converge_is_asked_to_be_refused():
    log = (PROJECT / "tests" / "files" / "theory" / "log1_unconverged.txt").read_text()
    assert converged(log) is False  # the engine raises then, unless told to accept it


def test_refusals(tmp_path, pending, capsys):
    with pytest.raises(DatasetError, match="holds no structures of Zn"):
        grown(tmp_path / "shards", pending, elements=("Zn",))
    with (
        Store(tmp_path / "shards").locked("grow"),
        pytest.raises(DatasetError, match="another run"),
    ):
        grown(tmp_path / "shards", pending)
    where = ["--shards", str(tmp_path / "shards")]
    assert main(["dataset", "grow", *where]) == 2
    assert "--shards needs --from" in capsys.readouterr().err
    command = ["dataset", "grow", *where, "--from", str(pending)]
    assert main([*command, "--spectra", "xanes,xes"]) == 2
    assert "--shards takes xanes alone" in capsys.readouterr().err


def test_shards_of_before_are_known(tmp_path, pending):
    folder = tmp_path / "shards"
    grown(tmp_path / "first", pending, count=3)
    write_shards(folder, read_shards(tmp_path / "first"))
    report = grown(folder, pending)
    assert (report.before, report.stored.total()) == (3, 9)

"""Growing: the same complexes whatever interrupts it, none twice, failures told."""

import importlib.util
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from ase import Atom, Atoms

from tests.growing import ToyAssembler, ToyEngine, toy_relax, toy_tools
from tests.places import PROJECT
from tests.tiny_models import tiny_model, write_training_set
from xanes_core.dataset import task as dataset_job
from xanes_core.dataset.add import add_spectra
from xanes_core.dataset.assembly.assembler import Assembler
from xanes_core.dataset.grow import Growth, candidate_tasks, grow
from xanes_core.dataset.run import Run
from xanes_core.dataset.store import Store
from xanes_core.dataset.task import Stop, Tools, run_task
from xanes_core.dataset.training_set import load_training_set
from xanes_core.dataset.uncertain import POOL, choose, grow_uncertain
from xanes_core.errors import DatasetError
from xanes_core.spectra.kinds import XANES, XES
from xanes_core.theory.base import Availability
from xanes_core.theory.relaxation import available as relaxation
from xanes_core.workers import Spread

GROWTH = Growth(("V", "Fe"), 5, seed=3)


def grown(folder, growth=GROWTH, **options):
    options = {"tools": toy_tools(), "assembler": ToyAssembler(), **options}
    return grow(folder, growth, Run(**options))


def task(**changes):
    first = next(candidate_tasks(GROWTH, "Fe", ToyAssembler()))
    return replace(first, **changes)


# --- a run ---------------------------------------------------------------------------------------


def test_a_run_makes_what_is_wanted(tmp_path):
    plans, outcomes = [], []
    report = grown(tmp_path, on_plan=plans.append, on_outcome=outcomes.append)
    assert (dict(report.stored), report.failed.total(), report.stopped) == (
        {"V": 3, "Fe": 2},
        0,
        False,
    )
    assert plans == [5]
    assert all(outcome.record is not None for outcome in outcomes)
    data = load_training_set(tmp_path)
    assert data.names.tolist() == [
        *(f"V_3_{i:05d}" for i in range(3)),
        *(f"Fe_3_{i:05d}" for i in range(2)),
    ]
    info = data.structures[1].info
    assert info["coordination_number"] == 6
    assert info["xtb_fmax_ev_per_ang"] == 0.123
    assert info["breathed"] == 1.01
    assert (info["kind"], info["strategy"], info["n_cluster"]) == ("simple", "random", 13)
    recipe = Store(tmp_path).manifest()["recipes"][info["recipe"]]
    assert recipe["relaxation"] == {"version": "toy 1", **dataset_job.RELAXATION}
    assert recipe["xanes"]["version"] == "toy 1"
    assert recipe["xanes"]["scf_mixing"] == 0.1
    assert not Store(tmp_path).waiting()


def test_the_same_command_again_does_nothing_and_more_goes_on(tmp_path):
    grown(tmp_path)
    before = load_training_set(tmp_path)
    again = grown(tmp_path)
    assert (again.before, again.stored.total()) == (5, 0)
    assert grown(tmp_path, replace(GROWTH, count=8)).stored.total() == 3
    after = load_training_set(tmp_path)
    assert len(after) == 8
    assert set(before.names) < set(after.names)


@pytest.mark.parametrize("jobs", [1, 4])
@pytest.mark.parametrize("after", [1, 2, 4])
def test_a_run_that_is_stopped_ends_as_if_it_had_not(tmp_path, after, jobs):
    stop, seen = Stop(), []

    def count(outcome):
        seen.append(outcome)
        if len(seen) == after:
            stop.event.set()

    tools = toy_tools(seconds=0.05)
    options = {"spread": Spread(n_jobs=jobs), "stop": stop, "on_outcome": count}
    report = grown(tmp_path / "a", tools=tools, **options)
    assert report.stopped
    assert after <= report.stored.total() < 5
    assert len(load_training_set(tmp_path / "a")) == report.stored.total()
    assert not Store(tmp_path / "a").failures()
    assert not grown(tmp_path / "a").stopped
    grown(tmp_path / "b")
    first, second = (load_training_set(tmp_path / x) for x in "ab")
    assert sorted(first.names) == sorted(second.names)
    by_name = dict(zip(second.names, second.mu, strict=True))
    for name, mu in zip(first.names, first.mu, strict=True):
        np.testing.assert_array_equal(mu, by_name[name])


def test_a_run_that_is_killed_is_taken_up(tmp_path):
    code = (
        "import os, sys\n"
        "from tests.dataset.test_grow import grown\n"
        "outcomes = []\n"
        "def kill(outcome):\n"
        "    outcomes.append(outcome)\n"
        "    if len(outcomes) == 2:\n"
        "        os.kill(os.getpid(), 9)\n"
        "grown(sys.argv[1], on_outcome=kill)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=PROJECT, check=False)
    assert done.returncode == -9
    assert len(Store(tmp_path).waiting()) == 2
    assert grown(tmp_path).before == 2
    assert len(load_training_set(tmp_path)) == 5


def test_ctrl_c_ends_in_good_order(tmp_path):
    def interrupt(outcome):
        raise KeyboardInterrupt

    assert grown(tmp_path, on_outcome=interrupt).stopped
    assert len(load_training_set(tmp_path)) == 1


def test_no_complex_comes_twice(tmp_path):
    assembler = ToyAssembler(same=(0, 1, 2))
    report = grown(tmp_path, replace(GROWTH, elements=("Fe",), count=3), assembler=assembler)
    assert report.stored.total() == 3
    assert load_training_set(tmp_path).names.tolist() == [f"Fe_3_0000{i}" for i in (0, 3, 4)]
    grown(tmp_path, replace(GROWTH, elements=("Fe",), count=4), assembler=assembler)
    assert load_training_set(tmp_path).names.tolist()[-1] == "Fe_3_00005"
    assert not Store(tmp_path).failures()


def test_failures_are_listed_and_not_tried_again(tmp_path):
    assembler = ToyAssembler(bad=(0,))
    calls = []

    def relax(atoms, settings, **options):
        calls.append(settings.charge)
        if len(calls) == 1:
            raise dataset_job.Rejected("it fell\napart")
        return toy_relax(atoms, settings, **options)

    growth = Growth(("Fe",), 2, seed=3)
    report = grown(tmp_path, growth, assembler=assembler, tools=Tools(relax, ToyEngine()))
    assert (report.stored["Fe"], report.failed["Fe"]) == (2, 2)
    first, second = Store(tmp_path).failures()
    assert (first["name"], first["stage"]) == ("Fe_3_00000", "assembly")
    assert (second["stage"], second["reason"]) == ("relaxation", "it fell apart")
    assert second["identity"]
    grown(tmp_path, growth, assembler=assembler)
    assert len(Store(tmp_path).failures()) == 2


def test_a_source_that_has_nothing_new_is_told(tmp_path):
    report = grown(tmp_path, assembler=ToyAssembler(same=tuple(range(60))), max_known=20)
    assert report.exhausted == ["V", "Fe"]
    assert report.stored.total() == 2


def test_a_run_in_which_all_fails_ends(tmp_path):
    tools = toy_tools(fails=("xanes",))
    with pytest.raises(DatasetError, match=r"5 complexes failed in a row.*potentials exploded"):
        grown(tmp_path, replace(GROWTH, count=50), tools=tools, max_failures=5)
    with pytest.raises(DatasetError, match="stage assembly: no ligand fits"):
        grown(tmp_path, assembler=ToyAssembler(bad=tuple(range(30))), max_failures=5)


def test_what_is_wrong_with_the_machine_is_no_failure_of_a_complex(tmp_path, monkeypatch):
    tools = toy_tools()
    monkeypatch.setattr(tools.engine, "available", lambda: Availability(False, "pip install it"))
    with pytest.raises(DatasetError, match="nothing can be calculated: pip install it"):
        grown(tmp_path, tools=tools)

    def full(atoms, settings, **options):
        raise OSError(28, "No space left on device")

    with pytest.raises(DatasetError, match="No space left"):
        grown(tmp_path, tools=Tools(full, ToyEngine()))
    assert not Store(tmp_path).failures()


def test_two_runs_do_not_grow_one_set(tmp_path):
    with Store(tmp_path).locked("grow"), pytest.raises(DatasetError, match="another run"):
        grown(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"elements": ()}, "among Ti, V.* got none"),
        ({"elements": ("Fe", "Pd")}, "got Pd"),
        ({"elements": ("Fe", "Fe")}, "named twice"),
        ({"count": 0}, "1 or more"),
        ({"seed": -1}, "the seed must be"),
        ({"spectra": ("xes",)}, "spectra must be"),
        ({"spectra": ("xanes", "ir")}, "spectra must be"),
    ],
)
def test_a_growth_that_makes_no_sense(changes, message):
    with pytest.raises(DatasetError, match=message):
        replace(GROWTH, **changes)


def test_spectra_are_wanted_by_kind_or_by_key():
    assert GROWTH.kinds == (XANES,)
    assert replace(GROWTH, spectra=("xanes", "xes")).kinds == (XANES, XES)
    assert replace(GROWTH, spectra=(XANES, XES)).kinds == (XANES, XES)


def test_targets_are_even():
    assert Growth(("V", "Fe", "Zn"), 5).targets() == {"V": 2, "Fe": 2, "Zn": 1}


# --- one complex ---------------------------------------------------------------------------------


def test_a_task_and_its_outcome_travel():
    copy = pickle.loads(pickle.dumps(task()))
    outcome = pickle.loads(pickle.dumps(run_task(copy, toy_tools(), Stop())))
    assert outcome.record.name == "Fe_3_00000"
    stop = Stop()
    stop.event.set()
    assert run_task(copy, toy_tools(), stop).stage == "stopped"
    assert not pickle.loads(pickle.dumps(stop)).event.is_set()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"stopped_by": "time limit"}, "the relaxation took longer than 180 s"),
        ({"fmax_ev_per_ang": 1.6}, "the largest force is 1.60 eV/A after 3 steps"),
    ],
)
def test_geometries_that_are_not_relaxed_are_rejected(changes, reason):
    def relax(atoms, settings, **options):
        assert (settings.fmax_ev_per_ang, settings.max_steps) == (0.15, 45)
        assert settings.multiplicity is None
        return replace(toy_relax(atoms, settings, **options), **changes)

    outcome = run_task(task(), Tools(relax, ToyEngine()), Stop())
    assert (outcome.stage, outcome.reason) == ("relaxation", reason)


@pytest.mark.parametrize(
    ("factor", "reason"),
    [(0.5, "times the sum of their covalent radii apart"), (2.0, "coordination number 0 is not")],
)
def test_broken_geometries_are_rejected(factor, reason):
    def relax(atoms, settings, **options):
        done = toy_relax(atoms, settings, **options)
        done.atoms.positions *= factor
        return done

    outcome = run_task(task(breathe=None), Tools(relax, ToyEngine()), Stop())
    assert outcome.stage == "geometry"
    assert reason in outcome.reason


def test_an_unexpected_error_is_told():
    def relax(atoms, settings, **options):
        raise ZeroDivisionError("oops")

    outcome = run_task(task(), Tools(relax, ToyEngine()), Stop())
    assert (outcome.stage, outcome.reason) == ("relaxation", "ZeroDivisionError: oops")
    assert outcome.as_failure()["reason"] == "ZeroDivisionError: oops"


def test_a_cluster_is_counted_without_an_element_that_is_left_out():
    plain, wide = task(relaxes=False), task(relaxes=False)
    wide.atoms.append(Atom("Br", wide.atoms.positions[0] + [0, 0, 5.6]))
    counts = [run_task(one, toy_tools(), Stop()).record.atoms.info for one in (plain, wide)]
    assert counts[0]["n_cluster"] == counts[1]["n_cluster"] == len(plain.atoms)
    assert counts[0]["r_scf_ang"] == counts[1]["r_scf_ang"] == 4.0


@pytest.mark.parametrize(("relaxes", "n_most"), [(True, 12), (False, 16)])
def test_more_neighbours_are_believed_where_nothing_was_relaxed(relaxes, n_most):
    """Hydrogens on a golden spiral, 1.9 A from titanium: all count, none touches another."""

    def outcome(n):
        height = 1 - (2 * np.arange(n) + 1) / n
        angle = np.arange(n) * np.pi * (3 - np.sqrt(5))
        radius = np.sqrt(1 - height**2)
        shell = 1.9 * np.column_stack([radius * np.cos(angle), radius * np.sin(angle), height])
        one = task(relaxes=relaxes)
        crowded = Atoms(["Ti", *["H"] * n], np.vstack([np.zeros(3), shell]))
        return run_task(replace(one, atoms=crowded, element="Ti"), toy_tools(), Stop())

    assert outcome(n_most).record.atoms.info["coordination_number"] == n_most
    refused = outcome(n_most + 1)
    assert refused.stage == "geometry"
    assert refused.reason == f"coordination number {n_most + 1} is not among 2 to {n_most}"


def test_emission_that_fails_does_not_cost_the_absorption():
    both = task(spectra=(XANES, XES))
    outcome = run_task(both, toy_tools(), Stop())
    assert {kind.key for kind in outcome.record.curves} == {"xanes", "xes"}
    outcome = run_task(both, toy_tools(fails=("xes",)), Stop())
    assert {kind.key for kind in outcome.record.curves} == {"xanes"}
    assert outcome.record.atoms.info["theory_note"] == "no xes"


@pytest.mark.skipif(not relaxation(), reason="needs tblite")
def test_a_complex_of_the_real_assembler_is_relaxed(tmp_path):
    tools = Tools(engine=ToyEngine())
    grow(tmp_path, Growth(("Ti",), 1, seed=4, shares={"oxo": 1.0}), Run(tools=tools))
    info = load_training_set(tmp_path).structures[0].info
    assert (info["coordination_number"], info["kind"]) == (4, "oxo")
    assert 0 < info["xtb_fmax_ev_per_ang"] < 1.5
    assert 0.98 <= info["breathed"] <= 1.07


def test_the_real_assembler_gives_the_same_tasks_again():
    first, second = (
        next(iter(candidate_tasks(GROWTH, "Fe", Assembler({"simple": 1})))) for _ in range(2)
    )
    assert first.info == second.info
    np.testing.assert_array_equal(first.atoms.positions, second.atoms.positions)


# --- more spectra --------------------------------------------------------------------------------


def test_emission_is_added_to_what_is_there(tmp_path):
    folder = write_training_set(tmp_path, n=3)
    plans = []
    run = Run(tools=toy_tools(), on_plan=plans.append)
    report = add_spectra(folder, "xes", run, count=2)
    assert (report.stored.total(), plans) == (2, [2])
    first = Store(folder).names_with(XES)
    report = add_spectra(folder, "xes", run, order="small")
    assert (report.before, report.stored.total(), plans) == (2, 4, [2, 4])
    assert first < Store(folder).names_with(XES)
    assert len(load_training_set(folder, kind="xes")) == 6
    assert len(load_training_set(folder)) == 6
    assert add_spectra(folder, "xes", Run(tools=toy_tools())).stored.total() == 0
    with pytest.raises(DatasetError, match="order must be small or random"):
        add_spectra(folder, "xes", order="large")
    with pytest.raises(DatasetError, match="what can be added is xes"):
        add_spectra(folder, "ir")


def test_emission_that_fails_is_not_tried_again(tmp_path):
    folder = write_training_set(tmp_path, n=3)
    assert add_spectra(folder, "xes", Run(tools=toy_tools(fails=("xes",)))).failed.total() == 6
    assert {failure["stage"] for failure in Store(folder).failures()} == {"xes"}
    assert add_spectra(folder, "xes", Run(tools=toy_tools())).stored.total() == 0
    assert len(load_training_set(folder)) == 6


# --- where the model is unsure -------------------------------------------------------------------


def test_siblings_are_taken_last():
    scaled = np.array([[0.0, 0], [0.01, 0], [0.02, 0], [5, 0], [0, 5]])
    order = choose(np.array([1.0, 0.99, 0.98, 0.5, 0.4]), scaled)
    assert order == [0, 3, 4, 2, 1]
    assert choose(np.array([0.2, 0.3]), np.zeros((2, 1))) == [1, 0]
    assert choose(np.zeros(0), np.zeros((0, 3))) == []


def test_theory_runs_only_for_what_is_chosen(tmp_path):
    growth = Growth(("V", "Fe"), 4, seed=3)
    tools, pools = toy_tools(), []
    run, options = Run(tools=tools, assembler=ToyAssembler()), {"pool": 12, "on_pool": pools.append}
    report = grow_uncertain(tmp_path / "a", growth, tiny_model(), run, **options)
    assert (report.stored["V"], report.stored["Fe"], pools) == (2, 2, [12])
    assert tools.engine.calls == ["xanes"] * 4
    data = load_training_set(tmp_path / "a")
    assert {a.info["strategy"] for a in data.structures} == {"uncertain"}
    assert all("relaxation" in r for r in Store(tmp_path / "a").manifest()["recipes"].values())
    assert not (tmp_path / "a" / POOL).exists()

    # the most uncertain one of each element is among them
    model = tiny_model()
    candidates = list(zip(range(6), candidate_tasks(growth, "Fe", ToyAssembler()), strict=False))
    relaxed = [run_task(replace(t, spectra=()), tools, Stop()).record.atoms for _, t in candidates]
    x = np.array([model.descriptor.transform(atoms, 0) for atoms in relaxed])
    best = int(model.predict_features(x).std.mean(axis=1).argmax())
    assert f"Fe_3_{best:05d}" in data.names


@pytest.mark.parametrize("after", [3, 12, 13])
def test_a_choice_that_is_interrupted_is_made_again(tmp_path, after):
    growth = Growth(("V", "Fe"), 4, seed=3)
    stop, seen = Stop(), []

    def count(outcome):
        seen.append(outcome)
        if len(seen) == after:
            stop.event.set()

    def run(name, **options):
        options = {"tools": toy_tools(), "assembler": ToyAssembler(), **options}
        return grow_uncertain(tmp_path / name, growth, tiny_model(), Run(**options), pool=12)

    assert run("a", stop=stop, on_outcome=count).stopped
    assert not run("a").stopped
    run("b")
    names = [sorted(load_training_set(tmp_path / x).names) for x in "ab"]
    assert names[0] == names[1]
    assert not (tmp_path / "a" / POOL).exists()


def test_a_choice_needs_something_to_choose_from(tmp_path):
    with pytest.raises(DatasetError, match="a pool of 5 leaves no choice"):
        grow_uncertain(tmp_path, GROWTH, tiny_model(), pool=5)
    with pytest.raises(DatasetError, match="model tiny does not know Zn"):
        grow_uncertain(tmp_path, replace(GROWTH, elements=("Zn",)), tiny_model())


# --- where tasks run -----------------------------------------------------------------------------


def square(x):
    return x * x


def test_processes_do_the_same(tmp_path):
    grown(tmp_path / "a", spread=Spread("loky", 2))
    grown(tmp_path / "b")
    first, second = (load_training_set(tmp_path / x) for x in "ab")
    assert sorted(first.names) == sorted(second.names)


def test_a_spread_that_makes_no_sense():
    with pytest.raises(DatasetError, match="no backend 'mpi': choose threading, loky, dask"):
        Spread("mpi")
    with pytest.raises(DatasetError, match="belong together"):
        Spread("dask")
    with pytest.raises(DatasetError, match="belong together"):
        Spread("loky", 1, "tcp://x:1")


def test_dask_that_is_missing_says_how_to_get_it(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "distributed" else find(name)
    )
    with (
        pytest.raises(DatasetError, match=r"needs: pip install 'xanes-explorer\[dask\]'"),
        Spread("dask", 1, "tcp://x:1").workers(),
    ):
        pass


def test_a_scheduler_that_does_not_answer_is_told(monkeypatch):
    distributed = pytest.importorskip("distributed")

    class Nobody:
        def __init__(self, address, timeout):
            raise OSError("timed out")

    monkeypatch.setattr(distributed, "Client", Nobody)
    with (
        pytest.raises(DatasetError, match="no Dask scheduler answers at tcp://x:1"),
        Spread("dask", 1, "tcp://x:1").workers(),
    ):
        pass


def test_a_dask_cluster_of_two_workers_does_the_same(tmp_path):
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
    )
    with cluster, Spread("dask", 1, cluster.scheduler_address).workers() as run:
        assert sorted(run(square, range(5))) == [0, 1, 4, 9, 16]
        grown(tmp_path, spread=Spread("dask", 1, cluster.scheduler_address))
    assert len(load_training_set(tmp_path)) == 5

"""Background jobs with made-up work: order, limits, cancellation, failures, owners that leave."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from ase import Atoms

from xanes_core.errors import StructureError, TheoryCancelled, TheoryError
from xanes_core.spectra.spectrum import Spectrum
from xanes_core.theory.background import (
    feff_seconds,
    load_relaxed,
    relax_key,
    relax_work,
    theory_work,
)
from xanes_core.theory.base import TheoryResult
from xanes_core.theory.cache import DiskCache, load_result
from xanes_core.theory.jobs import JobRunner, Quotas, default_max_running
from xanes_core.theory.relaxation import Relaxed, RelaxSettings, RelaxStep
from xanes_core.theory.watch import Progress

PATIENCE_S = 20.0


def until(condition) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def ended(job):
    until(lambda: job.state().ended)
    return job.state()


class Gate:
    """Work that runs until it is let go or told to stop."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.begun = threading.Event()

    def __call__(self, report, should_stop):
        self.begun.set()
        report(Progress("at work", 1, 4, 0.0, "cycle 3"))
        while not self.open.wait(0.005):
            if should_stop():
                raise TheoryCancelled("the work was cancelled")
        return "done"


@pytest.fixture
def runner():
    made = JobRunner(1)
    yield made
    made.close()


def test_a_job_runs_reports_and_gives_its_result(runner):
    gate = Gate()
    job = runner.submit(gate, owner="a", title="FEFF10, ferrocene", tag=("slot", 1))
    until(gate.begun.is_set)
    until(lambda: job.state().progress is not None)
    state = job.state()
    assert state.status == "running"
    assert not state.ended
    assert (state.progress.stage, state.progress.done, state.progress.total) == ("at work", 1, 4)
    assert job.result is None
    gate.open.set()
    state = ended(job)
    assert (state.status, state.message, job.result) == ("finished", "", "done")
    assert (job.title, job.tag) == ("FEFF10, ferrocene", ("slot", 1))
    assert state.elapsed_s == job.state().elapsed_s > 0


def test_jobs_take_turns_in_the_order_they_came(runner):
    gates = [Gate() for _ in range(3)]
    jobs = [runner.submit(g, owner=str(n), title=str(n)) for n, g in enumerate(gates)]
    until(gates[0].begun.is_set)
    assert [job.state().ahead for job in jobs] == [0, 1, 2]
    assert [job.state().status for job in jobs] == ["running", "waiting", "waiting"]
    gates[0].open.set()
    until(gates[1].begun.is_set)
    assert not gates[2].begun.is_set()
    assert jobs[2].state().ahead == 1
    assert jobs[2].state().elapsed_s == 0.0
    gates[1].open.set()
    gates[2].open.set()
    assert ended(jobs[2]).status == "finished"


def test_no_more_run_than_are_allowed():
    runner, now, most, lock = JobRunner(2), [0], [0], threading.Lock()

    def work(report, should_stop):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.05)
        with lock:
            now[0] -= 1

    jobs = [runner.submit(work, owner=str(n), title="") for n in range(6)]
    assert {ended(job).status for job in jobs} == {"finished"}
    assert most[0] == 2


def test_an_owner_has_one_job_and_may_start_the_next_when_it_has_ended(runner):
    gate = Gate()
    first = runner.submit(gate, owner="a", title="")
    with pytest.raises(TheoryError, match="another calculation of yours has not ended"):
        runner.submit(gate, owner="a", title="")
    gate.open.set()
    ended(first)
    assert ended(runner.submit(gate, owner="a", title="")).status == "finished"


def test_a_line_that_is_too_long_turns_the_next_away():
    runner, gate = JobRunner(1, max_waiting=1), Gate()
    jobs = [runner.submit(gate, owner=str(n), title="") for n in range(2)]
    with pytest.raises(TheoryError, match="1 calculations are waiting already"):
        runner.submit(gate, owner="late", title="")
    gate.open.set()
    assert {ended(job).status for job in jobs} == {"finished"}


def test_a_running_job_is_cancelled_and_the_next_moves_up(runner):
    gates = [Gate(), Gate()]
    jobs = [runner.submit(g, owner=str(n), title="") for n, g in enumerate(gates)]
    until(gates[0].begun.is_set)
    jobs[0].cancel()
    state = ended(jobs[0])
    assert (state.status, state.message) == ("cancelled", "the work was cancelled")
    until(gates[1].begun.is_set)
    gates[1].open.set()
    assert ended(jobs[1]).status == "finished"


def test_a_waiting_job_is_cancelled_without_having_begun(runner):
    gates = [Gate(), Gate()]
    jobs = [runner.submit(g, owner=str(n), title="") for n, g in enumerate(gates)]
    jobs[1].cancel()
    state = ended(jobs[1])
    assert (state.status, state.message) == ("cancelled", "cancelled before it began")
    assert not gates[1].begun.is_set()
    assert jobs[0].state().status == "running"


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (TheoryError("FEFF10 failed"), "failed", "FEFF10 failed"),
        (StructureError("atoms coincide"), "failed", "atoms coincide"),
        (ZeroDivisionError("x"), "failed", r"broke off unexpectedly (ZeroDivisionError)"),
    ],
)
def test_a_failure_is_a_sentence_and_frees_the_place(runner, error, status, message):
    def work(report, should_stop):
        raise error

    job = runner.submit(work, owner="a", title="")
    state = ended(job)
    assert state.status == status
    assert message in state.message
    gate = Gate()
    gate.open.set()
    assert ended(runner.submit(gate, owner="a", title="")).status == "finished"


def test_a_job_whose_owner_is_gone_ends_itself():
    runner, gate, there = JobRunner(1, grace_s=0.2), Gate(), [True]
    job = runner.submit(gate, owner="a", title="", alive=lambda: there[0])
    until(gate.begun.is_set)
    time.sleep(0.3)
    assert job.state().status == "running"
    there[0] = False
    assert ended(job).status == "cancelled"


def test_a_short_absence_is_forgiven():
    runner, gate, there = JobRunner(1, grace_s=30.0), Gate(), [True]
    job = runner.submit(gate, owner="a", title="", alive=lambda: there[0])
    until(gate.begun.is_set)
    there[0] = False
    time.sleep(0.1)
    there[0] = True
    gate.open.set()
    assert ended(job).status == "finished"


def test_closing_cancels_everything():
    runner = JobRunner(1)
    jobs = [runner.submit(Gate(), owner=str(n), title="") for n in range(3)]
    runner.close()
    assert {ended(job).status for job in jobs} == {"cancelled"}


@pytest.mark.parametrize(("text", "expected"), [("3", 3), ("0", 1), ("many", 7), ("", 7)])
def test_how_many_run_by_default(monkeypatch, text, expected):
    monkeypatch.setenv("XANES_MAX_JOBS", text)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert default_max_running() == expected
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert default_max_running() == (expected if text in ("3", "0") else 1)


def at_once(report, should_stop):
    return "done"


@pytest.mark.parametrize(
    ("quotas", "owners", "sentence"),
    [
        (Quotas(per_owner=2), "aa", "begins 2 calculations an hour for each session.* in 60 min"),
        (Quotas(None, per_server=3), "bca", "begins 3 calculations an hour for all people toget"),
    ],
)
def test_a_quota_that_is_met_is_a_sentence(quotas, owners, sentence):
    runner = JobRunner(1, quotas=quotas)
    for owner in owners:
        ended(runner.submit(at_once, owner=owner, title=""))
    with pytest.raises(TheoryError, match=sentence):
        runner.submit(at_once, owner="a", title="")
    if quotas.per_owner:  # others are not held up by one who had enough
        assert ended(runner.submit(at_once, owner="z", title="")).status == "finished"


def test_a_quota_is_given_back_with_time():
    runner = JobRunner(1, quotas=Quotas(per_owner=1, window_s=0.3))
    ended(runner.submit(at_once, owner="a", title=""))
    with pytest.raises(TheoryError, match="1 calculations an hour"):
        runner.submit(at_once, owner="a", title="")
    time.sleep(0.35)
    assert ended(runner.submit(at_once, owner="a", title="")).status == "finished"


def test_what_is_turned_away_is_not_counted():
    runner, gate = JobRunner(1, quotas=Quotas(per_owner=2)), Gate()
    job = runner.submit(gate, owner="a", title="")
    for _ in range(3):
        with pytest.raises(TheoryError, match="another calculation of yours"):
            runner.submit(gate, owner="a", title="")
    gate.open.set()
    ended(job)
    assert ended(runner.submit(gate, owner="a", title="")).status == "finished"


def test_quotas_come_from_the_environment(monkeypatch):
    assert Quotas.of_environment() == Quotas(60, None)
    monkeypatch.setenv("XANES_JOBS_PER_SESSION", "0")
    monkeypatch.setenv("XANES_JOBS_PER_HOUR", "25")
    monkeypatch.setenv("XANES_MAX_WAITING", "7")
    runner = JobRunner(1)
    assert (runner.quotas, runner.max_waiting) == (Quotas(None, 25), 7)


def test_the_job_of_an_owner_is_found_until_it_ends(runner):
    gate = Gate()
    job = runner.submit(gate, owner="a", title="")
    assert runner.job_of("a") is job
    assert runner.job_of("b") is None
    gate.open.set()
    ended(job)
    assert runner.job_of("a") is None


# --- what the jobs do -----------------------------------------------------------------------------

WATER = Atoms("FeOH2", positions=[[0, 0, 0], [0, 0, 2.0], [0.7, 0, 2.5], [-0.7, 0, 2.5]])
KEY = "c" * 64


class MadeEngine:
    """As much of an engine as a job needs."""

    def cache_key(self, atoms, absorber, settings):
        return KEY

    def run(self, atoms, absorber, settings, options):
        assert options.time_limit_s > 600
        options.on_progress(Progress("self-consistent potentials", 2, 9, 0.1))
        energy = np.linspace(7100, 7200, 30)
        spectrum = Spectrum(energy, np.linspace(0, 1, 30), 7112.0)
        return TheoryResult(spectrum, spectrum, "feff10", "1", "Fe", {}, 0.1, "END")


def test_the_work_of_an_engine_is_kept_on_disk(tmp_path):
    cache, said = DiskCache(tmp_path), []
    made = theory_work(MadeEngine(), WATER, 0, None, cache)(said.append, lambda: False)
    assert [p.stage for p in said] == ["self-consistent potentials"]
    np.testing.assert_array_equal(load_result(cache, KEY).spectrum.mu, made.spectrum.mu)


def test_atoms_that_ran_into_each_other_are_refused_before_the_engine(tmp_path):
    collapsed = Atoms("FeO2", positions=[[0, 0, 0], [0, 0, 0.8], [0, 0, -0.8]])
    work = theory_work(MadeEngine(), collapsed, 0, None, DiskCache(tmp_path))
    with pytest.raises(TheoryError, match=r"\(Fe\) and 1 \(O\).*correct the structure first"):
        work(lambda p: None, lambda: False)


def test_a_disk_that_cannot_be_written_costs_no_result(tmp_path):
    (tmp_path / "file").write_text("")
    work = theory_work(MadeEngine(), WATER, 0, None, DiskCache(tmp_path / "file"))
    (note,) = work(lambda p: None, lambda: False).notes
    assert note.startswith("The result could not be kept on disk")


@pytest.fixture
def made_relaxation(monkeypatch):
    calls = []

    def relax(atoms, settings, *, on_progress, cancel, isolated, time_limit_s):
        assert isolated
        calls.append(settings)
        on_progress(RelaxStep(3, -12.3456, 0.0789))
        moved = atoms.copy()
        moved.positions[1, 2] += 0.1
        return Relaxed(
            moved, -12.5, -12.0, 0.04, 5, True, "force limit", settings.charge, 1, 0.3, "made up"
        )

    monkeypatch.setattr("xanes_core.theory.relaxation.relax", relax)
    return calls


def test_a_relaxation_reports_its_steps_and_is_kept_on_disk(tmp_path, made_relaxation):
    cache, settings, said = DiskCache(tmp_path), RelaxSettings(charge=2, max_steps=40), []
    assert load_relaxed(cache, WATER, settings) is None
    made = relax_work(WATER, settings, cache)(said.append, lambda: False)
    (step,) = said
    assert (step.stage, step.done, step.total) == ("step 3", 3, 40)
    assert step.detail == "energy -12.346 eV, largest force 0.079 eV/\u00c5"
    found = load_relaxed(cache, WATER, settings)
    np.testing.assert_array_equal(found.atoms.positions, made.atoms.positions)
    assert found.atoms.get_chemical_symbols() == WATER.get_chemical_symbols()
    assert (found.energy_ev, found.n_steps, found.charge, found.stopped_by) == (
        -12.5, 5, 2, "force limit",
    )  # fmt: skip
    assert load_relaxed(cache, WATER, RelaxSettings(charge=1, max_steps=40)) is None


def test_a_relaxation_that_cannot_be_kept_is_given_all_the_same(tmp_path, made_relaxation):
    (tmp_path / "file").write_text("")
    work = relax_work(WATER, RelaxSettings(), DiskCache(tmp_path / "file"))
    assert work(lambda p: None, lambda: False).energy_ev == -12.5


def test_a_stored_relaxation_that_does_not_fit_is_made_anew(tmp_path):
    cache, settings = DiskCache(tmp_path), RelaxSettings()
    cache.store(relax_key(WATER, settings), {"positions_ang": np.zeros((2, 3))}, {})
    assert load_relaxed(cache, WATER, settings) is None


def test_relaxations_are_told_apart_by_atoms_and_settings():
    moved = WATER.copy()
    moved.positions[0, 0] += 1e-6
    other = WATER.copy()
    other.numbers[0] = 27
    keys = [relax_key(atoms, RelaxSettings()) for atoms in (WATER, moved, other)]
    for changed in ({"max_steps": 9}, {"charge": 1}):
        keys.append(relax_key(WATER, RelaxSettings(**changed)))
    assert len(set(keys)) == 5
    assert relax_key(WATER.copy(), RelaxSettings()) == keys[0]


def test_the_estimate_counts_atoms_and_grows():
    seconds, count = feff_seconds(WATER, 0)
    assert count == 4
    wide = Atoms("FeO4", positions=[[0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 2], [0, 0, 6.5]])
    assert feff_seconds(wide, 0)[1] == 4
    assert seconds < feff_seconds(WATER + Atoms("Cl", positions=[[0, 0, -2.2]]), 0)[0]

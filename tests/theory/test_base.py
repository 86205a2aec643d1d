import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from tests import places
from tests.places import PROJECT
from xanes_core.errors import (
    SpectrumError,
    StructureError,
    TheoryCancelled,
    TheoryError,
    TheoryTimeout,
    XanesError,
)
from xanes_core.spectra.kinds import XANES
from xanes_core.spectra.spectrum import Spectrum
from xanes_core.structures.checks import check_contacts, closest_contact
from xanes_core.theory import ENGINES, get_engine
from xanes_core.theory.base import (
    TheoryResult,
    absorber_symbol,
    check_choice,
    check_flag,
    check_integer,
    check_range,
)
from xanes_core.theory.feff10_io import Feff10Settings
from xanes_core.theory.process import (
    WorkerFailed,
    read_if_there,
    run_function,
    run_program,
    working_folder,
)
from xanes_core.theory.watch import Watch, is_cancelled

FILES = places.FILES / "theory"


def load_jobs():
    spec = importlib.util.spec_from_file_location("theory_jobs", FILES / "jobs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


JOBS = load_jobs()


def nickel_carbonyl():
    corners = np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]]) / np.sqrt(3)
    positions = np.vstack([np.zeros((1, 3)), 1.838 * corners, 2.979 * corners])
    return Atoms("NiC4O4", positions=positions)


def call(function, job, tmp_path, *, limit=30.0, cancel=None, **hooks):
    watch = Watch("the job", limit, cancel)
    return run_function(function, job, log=tmp_path / "log", watch=watch, **hooks)


def gone(pid):
    """Whether a process has ended within some seconds (a zombie has)."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.1)
    return False


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


# --- results and settings -------------------------------------------------------------------------


def made_result(energy, mu, e0=7112.0):
    spectrum = Spectrum(energy, mu, e0)
    return TheoryResult(spectrum, spectrum, "feff10", "1", "Fe", {}, 1.0, "input")


def test_result_on_the_grid_of_the_models():
    energy = 7112.0 + np.linspace(-5, 70, 300)
    result = made_result(energy, 0.5 + np.arctan(energy - 7112.0) / np.pi)
    grid = result.on_grid()
    np.testing.assert_allclose(grid.energy_rel_ev, XANES.energy_rel_ev, atol=1e-9)
    inside = XANES.energy_rel_ev >= -4
    expected = 0.5 + np.arctan(XANES.energy_rel_ev) / np.pi
    np.testing.assert_allclose(grid.mu[inside], expected[inside], atol=1e-3)
    below = grid.mu[~inside]
    assert (np.diff(below) > 0).all()
    assert below[0] > 0


def test_result_on_another_grid_and_edge():
    energy = np.linspace(7000.0, 7100.0, 101)
    grid = made_result(energy, energy / 7000.0).on_grid([0.0, 1.0, 2.5], e0_ev=7050.0)
    np.testing.assert_allclose(grid.energy_ev, [7050.0, 7051.0, 7052.5])
    np.testing.assert_allclose(grid.mu, np.array([7050.0, 7051.0, 7052.5]) / 7000.0, rtol=1e-9)
    assert grid.e0_ev == 7050.0


def test_result_that_ends_too_early_or_has_no_edge():
    energy = 7112.0 + np.linspace(-5, 40, 50)
    with pytest.raises(SpectrumError, match="the grid reaches 7172"):
        made_result(energy, np.ones(50)).on_grid()
    with pytest.raises(TheoryError, match="has no E0"):
        made_result(energy, np.ones(50), e0=None).on_grid([0.0, 1.0])


@pytest.mark.parametrize("value", [0.5, 3.5, float("nan"), "2", None, True])
def test_range_of_a_setting(value):
    check_range("size", 2, 1, 3, "A")
    with pytest.raises(TheoryError, match="size must lie between 1 and 3 A, got"):
        check_range("size", value, 1, 3, "A")


def test_choice_and_flag_of_a_setting():
    check_choice("kind", "a", ("a", "b"))
    with pytest.raises(TheoryError, match="kind must be one of a, b, got 'c'"):
        check_choice("kind", "c", ("a", "b"))
    check_flag("scf", False)
    with pytest.raises(TheoryError, match="scf must be True or False, got 1"):
        check_flag("scf", 1)


@pytest.mark.parametrize("value", [1.0, "1", True, None])
def test_whole_number_of_a_setting(value):
    check_integer("cycles", np.int64(3))
    with pytest.raises(TheoryError, match="cycles must be a whole number, got"):
        check_integer("cycles", value)


def test_engines_by_key():
    assert list(ENGINES) == ["feff10", "fdmnes"]
    assert get_engine("feff10").title == "FEFF10"
    with pytest.raises(TheoryError, match="no theory engine 'orca': choose feff10 or fdmnes"):
        get_engine("orca")
    assert issubclass(TheoryError, XanesError)


@pytest.mark.parametrize("key", ENGINES)
def test_every_engine_keeps_to_the_interface(key):
    engine = get_engine(key)
    here = engine.available()
    assert bool(here) is here.ok
    assert len(here.message) > 10
    assert isinstance(engine.version(), str)
    assert json.dumps(asdict(engine.settings_type()))
    assert "Ni" in engine.write_input(nickel_carbonyl())
    assert engine.input_name.endswith((".inp", ".txt"))
    other = next(e for e in ENGINES.values() if e is not engine)
    with pytest.raises(TheoryError, match=f"{engine.title} takes {engine.settings_type.__name__}"):
        engine.write_input(nickel_carbonyl(), 0, other.settings_type())


def test_cache_key_names_a_calculation():
    engine = get_engine("feff10")
    atoms = nickel_carbonyl()
    key = engine.cache_key(atoms)
    assert key == engine.cache_key(atoms.copy(), 0, Feff10Settings())
    moved = atoms.copy()
    moved.positions[3] += 0.01
    accepting = replace(Feff10Settings(), accept_unconverged=True)
    others = {
        engine.cache_key(moved),
        engine.cache_key(atoms, 0, accepting),
        get_engine("fdmnes").cache_key(atoms),
    }
    assert len(others | {key}) == 4
    shifted = atoms.copy()
    shifted.translate([3.0, -1.0, 2.0])
    assert engine.cache_key(shifted) == key


def test_the_programs_are_imported_only_where_they_run():
    script = (
        "import sys; import xanes_core.theory, xanes_core.theory.relaxation; "
        "print(sorted({'feff10', 'tblite', 'streamlit'} & set(sys.modules)))"
    )
    env = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_absorber_must_be_a_supported_metal():
    atoms = nickel_carbonyl()
    assert absorber_symbol(atoms, 0) == "Ni"
    with pytest.raises(TheoryError, match="atom 1 is C: choose an absorber among Ti, V"):
        absorber_symbol(atoms, 1)
    with pytest.raises(StructureError, match="no atom 9"):
        absorber_symbol(atoms, 9)
    with pytest.raises(StructureError, match="coincide"):
        absorber_symbol(Atoms("Fe2", positions=[[0, 0, 0], [0, 0, 0.1]]), 0)


def test_cancel_is_an_event_or_a_callable():
    event = threading.Event()
    assert not is_cancelled(event)
    event.set()
    assert is_cancelled(event)
    assert is_cancelled(lambda: 1)
    assert not is_cancelled(lambda: False)
    assert not is_cancelled(None)


def test_closest_contact():
    water = Atoms("OH2", positions=[[0, 0, 0], [0.96, 0, 0], [0, 0.485, 0]])
    assert closest_contact(water) == (pytest.approx(0.5), 0, 2)
    check_contacts(water, 0.49, "do something")
    with pytest.raises(TheoryError, match=r"atoms 0 \(O\) and 2 \(H\) are 0.50 times .* mend it"):
        check_contacts(water, 0.51, "mend it")
    assert closest_contact(Atoms("Fe"))[0] == np.inf


# --- processes ------------------------------------------------------------------------------------


def test_a_function_runs_elsewhere_and_answers(tmp_path):
    messages = []
    result = call(JOBS.echo, [1, "zwei", None], tmp_path, on_message=messages.append)
    assert result["count"] == 3
    assert result["pid"] != os.getpid()
    assert messages == [{"item": 1}, {"item": "zwei"}, {"item": None}]


def test_a_large_job_passes(tmp_path):
    assert call(JOBS.echo, ["x" * 1_000_000] * 2, tmp_path)["count"] == 2


def test_nothing_that_a_job_prints_reaches_the_caller(tmp_path, capfd):
    assert call(JOBS.chatter, None, tmp_path) == "done"
    assert capfd.readouterr() == ("", "")
    log = (tmp_path / "log").read_text()
    for words in ("said in Python", "complained by Fortran", "said by Fortran", "said by a child"):
        assert words in log


def test_an_exception_elsewhere_is_told(tmp_path):
    with pytest.raises(WorkerFailed, match="the job went wrong") as caught:
        call(JOBS.raises, None, tmp_path)
    assert caught.value.error_type == "ValueError"
    assert "Traceback" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    ("job", "words"), [("exits", "ended with exit code 3"), ("dies", "ended by signal 9")]
)
def test_a_process_that_dies_is_told(job, words, tmp_path):
    with pytest.raises(WorkerFailed, match=f"the job: the worker process {words}") as caught:
        call(getattr(JOBS, job), None, tmp_path)
    assert caught.value.error_type == ""


@needs_proc
def test_cancelling_ends_the_process_and_its_children(tmp_path):
    pids = []
    with pytest.raises(TheoryCancelled, match="the job was cancelled"):
        call(JOBS.hangs, None, tmp_path, cancel=lambda: bool(pids), on_message=pids.extend)
    assert len(pids) == 2
    assert all(gone(pid) for pid in pids)


@needs_proc
def test_a_time_limit_ends_the_process_and_its_children(tmp_path):
    pids = []
    watch = Watch("the job", 2.0)
    watch.stage = "sleeping"
    with pytest.raises(
        TheoryTimeout, match=r"the job did not finish within 2 s \(at: sleeping\): allow more time"
    ):
        run_function(JOBS.hangs, None, log=tmp_path / "log", watch=watch, on_message=pids.extend)
    assert all(gone(pid) for pid in pids)


@needs_proc
def test_an_error_of_the_caller_ends_the_process(tmp_path):
    pids = []

    def fail(message):
        pids.extend(message)
        raise RuntimeError("the page is gone")

    with pytest.raises(RuntimeError, match="the page is gone"):
        call(JOBS.hangs, None, tmp_path, on_message=fail)
    assert all(gone(pid) for pid in pids)


@needs_proc
def test_a_worker_ends_when_its_parent_is_killed(tmp_path):
    script = f"""
import importlib.util, pathlib, sys
sys.path.insert(0, {str(PROJECT)!r})
from xanes_core.theory.process import run_function
from xanes_core.theory.watch import Watch
spec = importlib.util.spec_from_file_location("theory_jobs", {str(FILES / "jobs.py")!r})
jobs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(jobs)
log = pathlib.Path({str(tmp_path / "log")!r})
run_function(jobs.hangs, None, log=log, watch=Watch("x", 60.0),
             on_message=lambda pids: print(*pids, flush=True))
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        pids = [int(word) for word in parent.stdout.readline().split()]
        parent.send_signal(signal.SIGKILL)
    assert len(pids) == 2
    assert all(gone(pid) for pid in pids)


def test_ticks_come_while_a_job_runs(tmp_path):
    ticks = []
    with pytest.raises(TheoryCancelled):
        call(
            JOBS.hangs,
            None,
            tmp_path,
            cancel=lambda: len(ticks) > 2,
            on_tick=lambda: ticks.append(1),
        )
    assert len(ticks) == 3


def test_a_program_runs_in_its_folder(tmp_path, capfd):
    code = run_program(
        ["sh", "-c", "echo here; pwd; exit 4"],
        folder=tmp_path,
        log=tmp_path / "log",
        watch=Watch("sh", 30.0),
    )
    assert code == 4
    assert (tmp_path / "log").read_text().split() == ["here", str(tmp_path.resolve())]
    assert capfd.readouterr() == ("", "")


def test_a_child_keeps_its_memory_and_the_settings_of_the_person(tmp_path, monkeypatch):
    names = ("OMP_NUM_THREADS", "MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_")
    for name in names:
        monkeypatch.delenv(name, raising=False)

    def told():
        (tmp_path / "log").unlink(missing_ok=True)
        run_program(["env"], folder=tmp_path, log=tmp_path / "log", watch=Watch("env", 30.0))
        lines = dict(x.partition("=")[::2] for x in (tmp_path / "log").read_text().splitlines())
        return [lines[name] for name in names]

    assert told() == ["1", "1", str(2**25)]
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("MALLOC_ARENA_MAX", "5")
    assert told() == ["3", "5", str(2**25)]


def test_a_program_that_is_not_there(tmp_path):
    with pytest.raises(TheoryError, match=r"nothing cannot be started \(No such file"):
        run_program(
            [str(tmp_path / "nothing")],
            folder=tmp_path,
            log=tmp_path / "log",
            watch=Watch("nothing", 1.0),
        )


@needs_proc
def test_a_program_is_stopped_with_its_children(tmp_path):
    pid_file = tmp_path / "pids"
    with pytest.raises(TheoryCancelled, match="sh was cancelled"):
        run_program(
            ["sh", "-c", "sleep 300 & echo $! $$ > pids.part; mv pids.part pids; wait"],
            folder=tmp_path,
            log=tmp_path / "log",
            watch=Watch("sh", 60.0, pid_file.exists),
        )
    assert all(gone(int(pid)) for pid in pid_file.read_text().split())


@pytest.mark.parametrize("limit", [0, -1.0, float("nan"), None, "10"])
def test_time_limit_must_be_positive(limit):
    with pytest.raises(TheoryError, match="time limit must be positive"):
        Watch("the job", limit)


def test_working_folder(tmp_path):
    with working_folder(None) as folder:
        (folder / "file").write_text("text")
        assert read_if_there(folder / "file") == "text"
    assert not folder.exists()
    assert read_if_there(folder / "file") == ""
    with working_folder(tmp_path / "new" / "folder") as folder:
        (folder / "file").write_text("text")
    assert folder.is_dir()
    with pytest.raises(TheoryError, match="not empty"), working_folder(folder):
        pass
    with pytest.raises(TheoryError, match="cannot be used"), working_folder(folder / "file"):
        pass

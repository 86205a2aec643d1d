"""Jobs for worker processes: what a real one may do, and worse. Imports no library."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


class FeffPipelineError(Exception):
    """Named as the one of feff10 is."""


def echo(job, report):
    for item in job:
        report({"item": item})
    return {"count": len(job), "pid": os.getpid()}


def chatter(job, report):
    print("said in Python")
    sys.stderr.write("complained in Python\n")
    os.write(1, b"said by Fortran\n")
    os.write(2, b"complained by Fortran\n")
    subprocess.run(["echo", "said by a child"], check=True)
    return "done"


def raises(job, report):
    raise ValueError("the job went wrong")


def exits(job, report):
    os._exit(3)


def dies(job, report):
    os.kill(os.getpid(), signal.SIGKILL)


def hangs(job, report):
    child = subprocess.Popen(["sleep", "300"])
    report([os.getpid(), child.pid])
    time.sleep(300)


def _write(job, log, spectrum=True):
    folder = Path(job["folder"])
    shutil.copy(HERE / log, folder / "log1.dat")
    if spectrum:
        shutil.copy(HERE / "nico4_xmu.dat", folder / "xmu.dat")


def feff_succeeds(job, report):
    for stage in ("rdinp", "pot", "ff2x"):
        report(stage)
    assert (Path(job["folder"]) / "feff.inp").read_text() == job["input"]
    _write(job, "log1_converged.txt")


def feff_needs_hydrogen_p(job, report):
    report("pot")
    if " 1 H 1 1" in job["input"]:
        return _write(job, "log1_converged.txt")
    _write(job, "log1_charge.txt", spectrum=False)
    raise FeffPipelineError("stage 'pot' failed (exit code: 1)")


def feff_never_has_charge(job, report):
    report("pot")
    _write(job, "log1_charge.txt", spectrum=False)
    raise FeffPipelineError("stage 'pot' failed (exit code: 1)")


def feff_misses_an_element(job, report):
    report("pot")
    if "\nSCF 5.600 " in job["input"]:
        return _write(job, "log1_converged.txt")
    return feff_always_misses_an_element(job, report)


def feff_always_misses_an_element(job, report):
    report("pot")
    log = " Cannot find all representative atoms\n Increase FMS radius and rerun.\n"
    (Path(job["folder"]) / "log1.dat").write_text(log)
    raise FeffPipelineError("stage 'pot' failed (exit code: 1)")


def feff_does_not_converge(job, report):
    report("pot")
    _write(job, "log1_unconverged.txt")


def feff_stops_in_fms(job, report):
    report("fms")
    _write(job, "log1_converged.txt", spectrum=False)
    print("At line 12 of file fms.f90: out of memory")
    raise FeffPipelineError("stage 'fms' failed (exit code: 2)")


def feff_dies_in_fms(job, report):
    report("fms")
    dies(job, report)


def feff_writes_nothing(job, report):
    report("ff2x")
    _write(job, "log1_converged.txt", spectrum=False)


def feff_cannot_start(job, report):
    raise ImportError("libgfortran is missing")


def feff_hangs(job, report):
    report("fms")
    hangs(job, lambda pids: None)


def feff_runs_away(job, report):
    report("pot")
    _write(job, "log1_runaway.txt", spectrum=False)
    hangs(job, lambda pids: None)


def feff_cycles(job, report):
    """Each cycle lasts until the caller has said, by a file beside the job's, that it saw it."""
    report("pot")
    folder = Path(job["folder"])
    for cycle in (1, 2):
        (folder / "log1.dat").write_text(f"SCF ITERATION NUMBER  {cycle}\n")
        end = time.monotonic() + 20
        while not (folder.parent / f"cycle {cycle}").exists() and time.monotonic() < end:
            time.sleep(0.01)
    (folder / "log1.dat").write_text("")
    time.sleep(0.3)
    _write(job, "log1_converged.txt")

"""Kill what works, at moments drawn at random, and look at what is left: ``make faults``.

After each kill nothing may be lost that was there before, nothing may be half written where it is
read, and no process may go on.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np

from tests.places import PROJECT
from tests.strain.load import expected
from tests.strain.server import Reader, network_curve, running_server
from tests.strain.victim import ENTRY_SIZE, N_KEYS, cache_key
from xanes_core.dataset import load_training_set
from xanes_core.dataset.pack import pack
from xanes_core.dataset.store import Store
from xanes_core.errors import XanesError
from xanes_core.model import load_model
from xanes_core.theory import DiskCache

#: Environment variable by which the children of a victim are known.
MARK = "XANES_STRAIN"
#: Time (s) that a process may take to notice that its parent was killed.
ORPHAN_S = 10.0
EXAMPLE = "ferrocene"


@dataclass(frozen=True)
class Fault:
    """A kind of work that is killed.

    ``within_s`` is the longest time (s) from its beginning to the kill, ``check`` says what is
    wrong with the folder afterwards (nothing: an empty text), ``prepare`` fills it.
    """

    name: str
    within_s: float
    check: Callable[[Path], str]
    prepare: Callable[[Path], None] = lambda folder: None


def marked(mark: str) -> set[int]:
    """Processes that descend from the one that was given a mark."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"{MARK}={mark}".encode() in path.read_bytes():
                found.add(int(path.parent.name))
    return found


def orphans(mark: str) -> int:
    """Processes that go on; they are ended."""
    end = time.monotonic() + ORPHAN_S
    while marked(mark) and time.monotonic() < end:
        time.sleep(0.1)
    left = marked(mark)
    for pid in left:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    return len(left)


def killed(work: str, folder: Path, after_s: float) -> tuple[bool, int]:
    """Whether a work was killed before its end, `after_s` after it began, and its orphans."""
    mark = uuid4().hex
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.strain.victim", work, str(folder)],
        cwd=PROJECT, env={**os.environ, MARK: mark, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    if child.stdout.readline().strip() != "ready":
        raise RuntimeError(f"{work} did not begin")
    time.sleep(after_s)
    child.kill()
    status = child.wait()
    child.stdout.close()
    return status == -signal.SIGKILL, orphans(mark)


# --- what is looked at ----------------------------------------------------------------------------
def _grown(folder: Path) -> str:
    known = folder / "seen"
    names = set(known.read_text().split()) if known.exists() else set()
    store = Store(folder)
    if store.failures():
        return f"failures: {store.failures()[0]}"
    pack(folder)
    try:
        there = load_training_set(folder)
    except XanesError as error:
        return "" if not names else str(error)
    if names - set(there.names):
        return f"lost: {names - set(there.names)}"
    if not np.isfinite(there.mu).all():
        return "a spectrum is not whole"
    known.write_text(" ".join(there.names))
    return ""


def _waiting(folder: Path) -> None:
    """A set of records that wait to be packed."""
    code = (
        "import os, sys; from tests.dataset.test_grow import grown; seen = []\n"
        "def count(outcome):\n"
        "    seen.append(outcome)\n"
        "    len(seen) == 4 and os._exit(0)\n"
        "grown(sys.argv[1], on_outcome=count)"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=PROJECT, check=True)


def _packed(folder: Path) -> str:
    pack(folder)
    there = load_training_set(folder)
    if len(there) != 4 or Store(folder).waiting():
        return f"{len(there)} of 4 records, {len(Store(folder).waiting())} wait"
    return ""


def _trained(folder: Path) -> str:
    if not list(folder.glob("*/card.json")):
        return ""  # killed before the first was saved
    try:
        load_model("tiny", folder=folder)
    except XanesError as error:
        return str(error)
    return ""


def _cached(folder: Path) -> str:
    for number in range(N_KEYS):
        entry = DiskCache(folder).load(cache_key(number))
        if entry is None:
            continue
        arrays, facts = entry
        if arrays["values"].shape != (ENTRY_SIZE,) or set(arrays["values"]) != {facts["number"]}:
            return f"entry {number} is of two halves"
    return ""


FAULTS = (
    Fault("grow", 0.5, _grown),
    Fault("pack", 0.15, _packed, _waiting),
    Fault("train", 6.0, _trained),
    Fault("cache", 1.0, _cached),
    Fault("theory", 4.0, lambda folder: ""),
)


def strain(fault: Fault, times: int, chance: random.Random) -> tuple[int, int, list[str]]:
    """Kill a work so many times: how often it was killed at work, orphans, and what is wrong."""
    at_work, left, wrong = 0, 0, []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fault.prepare(folder)
        fresh = Path(f"{name}.fresh")
        shutil.copytree(folder, fresh)
        try:
            for _ in range(times):
                if fault.name == "pack":  # each time from the beginning
                    shutil.rmtree(folder)
                    shutil.copytree(fresh, folder)
                was, more = killed(fault.name, folder, chance.uniform(0, fault.within_s))
                at_work, left = at_work + was, left + more
                said = fault.check(folder)
                if said:
                    wrong.append(said)
        finally:
            shutil.rmtree(fresh)
    return at_work, left, wrong


def strain_server(times: int, chance: random.Random) -> tuple[int, int, list[str]]:
    """Kill the server while a page is drawn; the next one has to answer as the library does."""
    left, wrong = 0, []
    with tempfile.TemporaryDirectory() as name:
        for _ in range(times):
            mark = uuid4().hex
            with running_server(Path(name), {MARK: mark}) as (address, process):
                reader = Reader(address)
                reader.ask("predict", f"example={EXAMPLE}")
                time.sleep(chance.uniform(0, 2.0))
                process.kill()
                process.wait()
                with suppress(Exception):  # whatever a lost connection gives
                    reader.close()
            left += orphans(mark)
        with running_server(Path(name)) as (address, _):
            reader = Reader(address)
            _, values = network_curve(reader.show("predict", f"example={EXAMPLE}"))
            reader.close()
            if np.abs(values - expected(EXAMPLE)).max() > 1e-6:
                wrong.append("the next server draws another curve")
    return times, left, wrong


def main() -> int:
    """Kill and print a table; 1 where something was lost, half written or went on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance, bad = random.Random(options.seed), []
    print("| killed | times | at work | lost or half written | orphans |")
    print("|---|---|---|---|---|")
    rows = [(f.name, lambda f=f: strain(f, options.times, chance)) for f in FAULTS]
    for name, work in (*rows, ("server", lambda: strain_server(options.times, chance))):
        at_work, left, wrong = work()
        print(f"| {name} | {options.times} | {at_work} | {len(wrong)} | {left} |", flush=True)
        bad += [f"{name}: {one}" for one in wrong] + [f"{name}: orphans"] * left
    for line in bad:
        print(line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

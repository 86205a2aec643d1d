"""One case of the mutator: a file made, read, and looked at by a second reader.

As a program it works through cases in a process with a limit on memory and writes a line of JSON
before and after each, so that whoever started it knows what a case did that ended the process.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from tests.fuzz.mutate import mutate
from tests.fuzz.second import judge_spectrum, judge_structure
from tests.places import PROJECT
from tests.spectra import look_alikes as alike
from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import XanesError
from xanes_core.spectra import read_spectrum
from xanes_core.structures import absorber_sites, environment, read_structures
from xanes_core.structures.read import _choose_format, decode_text

TIME_LIMIT_S = 10
MEMORY_LIMIT_BYTES = 2**30
FILES = PROJECT / "tests" / "files"


@cache
def samples() -> tuple[tuple[str, str, bytes], ...]:
    """(kind, file name, content) of the files that are damaged."""
    found = [
        (kind, path.name, path.read_bytes())
        for kind in ("structures", "spectra")
        for path in sorted((FILES / kind).iterdir())
        if path.is_file()
    ]
    scan = ("ascan  energy 7.012 7.512 138 1", ["energy", "I0", "It"], (alike.ENERGY, alike.I0,
            alike.IT))  # fmt: skip
    group = ("fe", {"bkg_e0": "7118.5"}, alike.ENERGY, alike.RAW)
    made = {
        "photon.dat": alike.photon_factory(),
        "athena.prj": alike.athena_perl([group]),
        "scan.spec": alike.spec(scan),
        "columns.dat": alike.table("# energy mu\n", alike.ENERGY, alike.MU),
        "comma.csv": alike.table("energy,mu\n", alike.ENERGY, alike.MU, separator=","),
    }
    return (
        *found,
        *(("spectra", n, d if isinstance(d, bytes) else d.encode()) for n, d in made.items()),
    )


def case(seed: int, number: int) -> tuple[str, str, str, bytes]:
    """(kind, file name, what was done, content) of case `number` of a seed."""
    chance = np.random.default_rng([seed, number])
    kind, name, data = samples()[number % len(samples())]
    done, changed = mutate(data, chance)
    return kind, name, done, changed


def read(kind: str, name: str, data: bytes) -> str | Callable[[], str]:
    """Read a file: "refused", what is wrong at once, or what asks a second reader."""
    try:
        if kind == "spectra":
            spectrum = read_spectrum(data, name=name, element="Fe")
            if not (np.isfinite(spectrum.mu).all() and np.all(np.diff(spectrum.energy_ev) > 0)):
                return "the spectrum is not finite and ascending"
            return lambda: judge_spectrum(spectrum.energy_ev, spectrum.mu, data, K_EDGE_EV["Fe"])
        frames = read_structures(data, name=name)
        if not all(np.isfinite(atoms.positions).all() for atoms in frames):
            return "places that are no numbers"
        for site in absorber_sites(frames[0])[:1]:
            environment(frames[0], site.index)
        title = _choose_format(decode_text(data), name, None).title
        return lambda: judge_structure(frames, data, title)
    except XanesError as error:
        text = str(error)
        return "refused" if 0 < len(text) < 500 else f"a sentence of {len(text)} letters"


def _late(number: int, frame: object) -> None:
    raise TimeoutError


def work(seed: int, first: int, last: int) -> None:
    """Cases `first` to `last` of a seed; a line before and a line after each."""
    signal.signal(signal.SIGALRM, _late)
    read("structures", "a.xyz", b"1\n\nFe 0 0 0\n")  # libraries are loaded before memory is counted
    have = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (have + 3 * MEMORY_LIMIT_BYTES,) * 2)
    for number in range(first, last):
        kind, name, done, data = case(seed, number)
        print(json.dumps({"case": number, "name": name, "done": done}), flush=True)
        before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
        seconds = -1.0
        signal.alarm(TIME_LIMIT_S)
        try:
            outcome = read(kind, name, data)
            seconds = time.monotonic() - start
            signal.alarm(TIME_LIMIT_S)
            if callable(outcome):
                outcome = outcome()
        except TimeoutError:
            outcome = f"it took more than {TIME_LIMIT_S} s" if seconds < 0 else "unconfirmed"
        except Exception as error:
            outcome = f"{type(error).__name__}: {str(error)[:200]}"
        finally:
            signal.alarm(0)
        grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        if grown > MEMORY_LIMIT_BYTES:
            outcome = f"it took {grown / 2**30:.1f} GB"
        seconds = seconds if seconds >= 0 else time.monotonic() - start
        print(json.dumps({"outcome": outcome, "s": round(seconds, 3)}), flush=True)


if __name__ == "__main__":
    work(*(int(word) for word in sys.argv[1:4]))

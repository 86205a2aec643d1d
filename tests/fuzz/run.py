"""Damage files by the thousand and count what becomes of them: ``make fuzz``.

``python -m tests.fuzz.run --cases 20000 --seed 1``; ``--show 17`` writes the file of case 17.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.fuzz.case import TIME_LIMIT_S, case, samples
from tests.places import PROJECT

#: What a case may end as. All else is a fault.
FINE = ("refused", "confirmed", "letter by letter", "energies", "unconfirmed")


@dataclass
class Outcomes:
    """What became of the cases of a run.

    ``counts`` by kind of file and outcome, ``faults`` as (case, file, what was done, what is
    wrong), ``slowest_s`` the longest time of one.
    """

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[tuple[int, str, str, str]] = field(default_factory=list)
    slowest_s: float = 0.0

    def add(self, about: dict, outcome: str, seconds: float) -> None:
        """Count a case."""
        kind = "spectra" if about["name"] in _SPECTRA else "structures"
        fine = outcome in FINE
        self.counts[kind, outcome if fine else "fault"] += 1
        if not fine:
            self.faults.append((about["case"], about["name"], about["done"], outcome))
        self.slowest_s = max(self.slowest_s, seconds)

    def merge(self, other: Outcomes) -> None:
        """Add the cases of another run."""
        self.counts.update(other.counts)
        self.faults.extend(other.faults)
        self.slowest_s = max(self.slowest_s, other.slowest_s)


_SPECTRA = {name for kind, name, _ in samples() if kind == "spectra"}


def run_cases(seed: int, first: int, last: int) -> Outcomes:
    """Work through cases in a child process; one that ends the process is a fault."""
    found = Outcomes()
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    while first < last:
        command = [sys.executable, "-m", "tests.fuzz.case", str(seed), str(first), str(last)]
        child = subprocess.Popen(
            command, cwd=PROJECT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        about: dict = {}
        try:
            for line in child.stdout:
                said = json.loads(line)
                if "case" in said:
                    about = said
                else:
                    found.add(about, said["outcome"], said["s"])
                    first, about = about["case"] + 1, {}
            errors = child.stderr.read()
        finally:
            child.kill()
            child.wait()
        if about:
            found.add(about, f"the process ended: {errors[-300:]}", 0.0)
            first = about["case"] + 1
        elif first < last:
            raise RuntimeError(errors[-2000:])
    return found


def run(seed: int, cases: int, jobs: int) -> Outcomes:
    """All cases of a seed, shared among processes."""
    size = -(-cases // jobs)
    parts = [(seed, at, min(at + size, cases)) for at in range(0, cases, size)]
    total = Outcomes()
    with ThreadPoolExecutor(jobs) as threads:
        for part in threads.map(lambda one: run_cases(*one), parts):
            total.merge(part)
    return total


def main() -> int:
    """Run what the command line asks for; 1 where a case is a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--show", type=int, metavar="N")
    options = parser.parse_args()
    if options.show is not None:
        kind, name, done, data = case(options.seed, options.show)
        print(kind, name, done, file=sys.stderr)
        sys.stdout.buffer.write(data)
        return 0
    found = run(options.seed, options.cases, options.jobs)
    for (kind, outcome), count in sorted(found.counts.items()):
        print(f"{kind:12} {outcome:18} {count:7,}")
    print(f"slowest: {found.slowest_s:.1f} s (limit {TIME_LIMIT_S} s)")
    for number, name, done, outcome in found.faults:
        print(f"case {number}, {name}, {done}: {outcome}")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())

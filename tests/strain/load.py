"""Many readers at once: ``make load``. Answers, times and memory, on this machine alone.

A reader opens one example after the other on the page Predict and waits for each until it is
drawn. What it draws has to be what the library calculates.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.strain.server import Reader, memory_mb, network_curve, running_server
from xanes_core.model import best_model, list_models, load_model
from xanes_core.spectra import XANES
from xanes_core.structures import list_examples, load_example

#: Seconds after which the server forgets a session that has left; two minutes otherwise.
FORGET_S = 5


@dataclass(frozen=True)
class Visit:
    """One reader's way: seconds of each page, and the largest difference from the library."""

    seconds: tuple[float, ...]
    difference: float


def expected(key: str) -> np.ndarray:
    """What the library predicts for an example, with the model that knows it best."""
    one = next(e for e in list_examples() if e.key == key)
    atoms, cards = load_example(one.key), list_models(one.element, XANES)
    models = (load_model(card.key) for card in cards)
    return best_model([model.predict(atoms, one.absorber) for model in models]).mu


def visit(address: str, keys: list[str], known: dict[str, np.ndarray]) -> Visit:
    """Look at examples one after the other in one session."""
    reader, seconds, difference = Reader(address), [], 0.0
    try:
        for key in keys:
            start = time.monotonic()
            drawn = reader.show("predict", f"example={key}")
            seconds.append(time.monotonic() - start)
            _, values = network_curve(drawn)
            difference = max(difference, float(np.abs(values - known[key]).max()))
    finally:
        reader.close()
    return Visit(tuple(seconds), difference)


def together(
    address: str, readers: int, pages: int, known: dict[str, np.ndarray]
) -> tuple[list[Visit], float]:
    """Visits of so many readers at once, each on a way of its own, and how long all took (s)."""
    keys = list(known)
    ways = [[keys[(7 * n + m) % len(keys)] for m in range(pages)] for n in range(readers)]
    start = time.monotonic()
    with ThreadPoolExecutor(readers) as threads:
        visits = list(threads.map(lambda way: visit(address, way, known), ways))
    return visits, time.monotonic() - start


def row(name: str, visits: list[Visit], wall_s: float) -> str:
    """A line of the table."""
    seconds = np.concatenate([v.seconds for v in visits])
    worst = max(v.difference for v in visits)
    return (
        f"| {name} | {len(seconds)} | {np.median(seconds):.2f} | {np.percentile(seconds, 95):.2f} "
        f"| {len(seconds) / wall_s:.1f} | {worst:.1e} |"
    )


def main() -> int:
    """Measure and print a table; 1 where an answer differs from the library's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--pages", type=int, default=5)
    options = parser.parse_args()
    keys = [one.key for one in list_examples()][::3]
    known = {key: expected(key) for key in keys}
    settings = {"STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": str(FORGET_S)}
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(Path(folder), settings) as (address, process),
    ):
        visit(address, keys, known)  # models and caches are there before anything is measured
        time.sleep(2 * FORGET_S)
        before = memory_mb(process.pid)
        alone, alone_s = together(address, 1, 2 * options.pages, known)
        crowd, crowd_s = together(address, options.readers, options.pages, known)
        peak = memory_mb(process.pid, "VmHWM")
        time.sleep(4 * FORGET_S)
        after = memory_mb(process.pid)
    print("| sessions | pages | median (s) | 95 % (s) | pages a second | off by |")
    print("|---|---|---|---|---|---|")
    print(row("1", alone, alone_s))
    print(row(str(options.readers), crowd, crowd_s))
    print(f"\nMemory of the server: {before:.0f} MB before, {peak:.0f} MB at most, {after:.0f} MB "
          f"{4 * FORGET_S} s after the last reader left.")  # fmt: skip
    worst = max(v.difference for v in (*alone, *crowd))
    return 0 if worst < 1e-6 else 1


if __name__ == "__main__":
    sys.exit(main())

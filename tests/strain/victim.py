"""Work that is meant to be killed: ``python -m tests.strain.victim WORK FOLDER``.

It says "ready" when everything is loaded, and does its work again and again until it is killed.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np

from xanes_core.theory import DiskCache

#: Values of an entry of the cache.
ENTRY_SIZE = 40_000
N_KEYS = 4


def cache_key(number: int) -> str:
    """Key of an entry."""
    return f"{number % N_KEYS:064x}"


def grow(folder: Path) -> None:
    """Grow a small training set of made-up complexes."""
    from tests.dataset.test_grow import grown
    from tests.growing import toy_tools

    _ready()
    grown(folder, tools=toy_tools(seconds=0.05))


def pack(folder: Path) -> None:
    """Merge records that wait into a set."""
    from xanes_core.dataset.pack import pack as merge

    _ready()
    merge(folder)


def train(folder: Path) -> None:
    """Train a small model and save it over the one before."""
    from tests.tiny_models import tiny_data
    from xanes_core.model import save_model
    from xanes_core.training.train import train_model

    data = tiny_data()
    _ready()
    model = train_model(data)
    while True:
        save_model(model, folder)


def cache(folder: Path) -> None:
    """Store entries whose values say which they are."""
    kept = DiskCache(folder)
    _ready()
    for number in count():
        values = np.full(ENTRY_SIZE, float(number))
        kept.store(cache_key(number), {"values": values}, {"number": number})


def theory(folder: Path) -> None:
    """Run FEFF10 on an example, in its worker processes."""
    from xanes_core.structures import load_example
    from xanes_core.theory import RunOptions, get_engine

    atoms = load_example("nickel-tetracarbonyl")
    scratch = folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    _ready()
    engine = get_engine("feff10")
    engine.run(atoms, 0, None, RunOptions(work_dir=scratch))


WORK: dict[str, Callable[[Path], None]] = {
    "grow": grow, "pack": pack, "train": train, "cache": cache, "theory": theory,
}  # fmt: skip


def _ready() -> None:
    print("ready", flush=True)


if __name__ == "__main__":
    WORK[sys.argv[1]](Path(sys.argv[2]))

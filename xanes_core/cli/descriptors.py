"""Commands that make what descriptors need."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from ase import Atoms

from xanes_core.dataset import load_training_set
from xanes_core.dataset.imports import read_tmqm
from xanes_core.dataset.rows import is_held_out
from xanes_core.dataset.shards import read_shards
from xanes_core.descriptors import SHIPPED_PHASES
from xanes_core.errors import DatasetError, TheoryError
from xanes_core.files import array_bytes, project_data, write_bytes
from xanes_core.theory import Feff10
from xanes_core.training.phases import (
    RUNS,
    PhaseRun,
    choose_complexes,
    phase_table,
    run_phases,
    scatter_of_runs,
)

_OWN, _PUBLISHED = "data/feff10", "data/tmqm"


def add_descriptors(parser: argparse.ArgumentParser) -> None:
    """Give a parser the commands of ``descriptors``."""
    kinds = parser.add_subparsers(required=True, metavar="COMMAND")
    phases = kinds.add_parser(
        "phases",
        help="phase shifts of every element, from FEFF10 potentials of complexes not held out "
        "(models with scattering features must then be trained again)",
    )
    phases.add_argument("--data", type=Path, metavar="DIR", help=f"({_OWN})")
    phases.add_argument(
        "--structures",
        type=Path,
        metavar="PATH",
        help=f"files of tmQM: complexes of {_PUBLISHED} for elements that are rare in the set",
    )
    phases.add_argument("--runs", type=int, default=RUNS, metavar="N", help="of each element")
    phases.add_argument("--out", type=Path, default=SHIPPED_PHASES, metavar="FILE")
    phases.set_defaults(run=_phases)


def _phases(options: argparse.Namespace) -> int:
    stored = load_training_set(options.data or project_data(_OWN))
    stored = stored.subset(~stored.held_out)
    own = zip(stored.names.tolist(), stored.structures, strict=True)
    chosen = choose_complexes(own, _further(options.structures), runs=options.runs)
    done: list[PhaseRun] = []

    def failed(name: str, error: TheoryError) -> None:
        print(f"{name}: {error}", file=sys.stderr)

    for run in run_phases(chosen, Feff10(), failed):
        done.append(run)
        print(f"{len(done)} of {len(chosen)}: {run.name}", file=sys.stderr, flush=True)
    table, scatter = phase_table(done), scatter_of_runs(done)
    try:
        write_bytes(options.out, array_bytes(table.to_arrays()))
    except OSError as error:
        raise DatasetError(
            f"{options.out} cannot be written ({error.strerror}): choose another --out"
        ) from error
    for kind, n in table.runs.items():
        print(f"{kind}: {n} runs, S_l differ by {scatter[kind]:.2f}")
    return 0


def _further(structures: Path | None) -> Iterator[tuple[str, Atoms]]:
    """Complexes of the shards that are not held out."""
    if structures is None:
        return
    names = {record.name for record in read_shards(project_data(_PUBLISHED))}
    files = sorted(structures.glob("*.xyz*")) if structures.is_dir() else [structures]
    for file in files:
        for atoms in read_tmqm(file):
            if atoms.info["name"] in names and not is_held_out(atoms.info["name"]):
                yield atoms.info["name"], atoms

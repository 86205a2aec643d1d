"""Commands that grow a training set, add to it and describe it."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from xanes_core.assembly import KINDS
from xanes_core.dataset_growth import Growth, grow
from xanes_core.dataset_job import Outcome, Stop
from xanes_core.dataset_loop import GrowReport
from xanes_core.dataset_pack import PackReport, pack
from xanes_core.dataset_spread import BACKENDS, Spread

DATA = Path(__file__).resolve().parent.parent / "data" / "feff10"
#: Exit status of a run that was stopped, as a shell gives it for Ctrl-C.
STOPPED = 130


def add_dataset_commands(commands) -> None:
    """Add ``dataset`` with its own commands to a sub-parser collection."""
    dataset = commands.add_parser("dataset", help="grow, extend, import and describe training sets")
    kinds = dataset.add_subparsers(required=True, metavar="COMMAND")
    _add_grow(kinds)
    packing = kinds.add_parser("pack", help="merge finished records that wait into the set")
    _add_folder(packing)
    packing.set_defaults(run=_pack)


def _add_folder(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data", type=Path, default=DATA, metavar="DIR", help="the training set (data/feff10)"
    )


def _add_spread(command: argparse.ArgumentParser) -> None:
    command.add_argument("--jobs", type=_positive, default=1, metavar="J", help="at once")
    command.add_argument("--backend", choices=BACKENDS, help="default: threading")
    command.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster")


def _add_grow(kinds) -> None:
    command = kinds.add_parser("grow", help="assemble, relax and calculate new complexes")
    command.add_argument("--elements", type=_words, required=True, metavar="Fe,Co")
    command.add_argument("--count", type=_positive, required=True, metavar="N", help="of this seed")
    command.add_argument("--seed", type=int, default=1, metavar="S")
    command.add_argument(
        "--kinds", type=_shares, metavar="KIND[=SHARE],...", help=f"among {', '.join(KINDS)}"
    )
    command.add_argument("--spectra", type=_words, default=("xanes",), metavar="xanes[,xes]")
    _add_spread(command)
    _add_folder(command)
    command.set_defaults(run=_grow)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("1 or more")
    return number


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _shares(text: str) -> dict[str, float]:
    shares = {}
    for word in _words(text):
        kind, _, share = word.partition("=")
        if kind not in KINDS:
            raise argparse.ArgumentTypeError(f"{kind!r} is not among {', '.join(KINDS)}")
        shares[kind] = float(share or 1)
    return shares


def _spread(options: argparse.Namespace) -> Spread:
    backend = options.backend or ("dask" if options.scheduler else "threading")
    return Spread(backend, options.jobs, options.scheduler)


def _grow(options: argparse.Namespace) -> int:
    growth = Growth(
        elements=options.elements,
        count=options.count,
        seed=options.seed,
        shares=options.kinds,
        spectra=options.spectra,
        spread=_spread(options),
    )
    with _stoppable(growth.spread) as stop, _bar() as bar:
        report = grow(options.data, growth, stop=stop, on_plan=bar.plan, on_outcome=bar.show)
    _say_grown(report, growth)
    return STOPPED if report.stopped else 0


def _say_grown(report: GrowReport, growth: Growth) -> None:
    new, failed = report.stored.total(), report.failed.total()
    print(f"{new} new complexes, {failed} failed, {report.before} were there")
    for element in report.exhausted:
        print(f"no further new complex of {element} was found")
    if report.stopped:
        print("stopped; the same command takes it up again")
    elif not new and not report.exhausted:
        print(f"all {growth.count} of seed {growth.seed} are there: take another --seed")


def _pack(options: argparse.Namespace) -> int:
    _say_packed(pack(options.data))
    return 0


def _say_packed(report: PackReport) -> None:
    if report.recovered:
        print("an interrupted packing was carried to its end")
    structures = ", ".join(f"{n} {element}" for element, n in report.structures.items())
    spectra = ", ".join(f"{n} {kind}" for kind, n in report.spectra.items())
    print(f"packed structures: {structures or 'none'}; spectra: {spectra or 'none'}")
    if report.duplicates:
        print(f"{report.duplicates} left out: the set has them already")
    if report.waiting:
        print(f"{report.waiting} spectra wait for structures of their names")


class _Bar:
    """Progress on standard error, with a line above it for each complex."""

    def __init__(self) -> None:
        self.bar = tqdm(unit=" complexes", file=sys.stderr, dynamic_ncols=True, smoothing=0.1)

    def plan(self, total: int) -> None:
        """Say how many are to come."""
        self.bar.reset(total)

    def show(self, outcome: Outcome) -> None:
        """Write one line for a complex and move on."""
        name = outcome.task.name
        if outcome.record is None:
            line = f"{name} failed ({outcome.stage}): {outcome.reason}"
        else:
            info, atoms = outcome.task.info, outcome.task.atoms
            told = f"{info.get('template', '')} {len(atoms)} atoms {outcome.seconds:.0f} s"
            notes = [curve.note for curve in outcome.record.curves.values() if curve.note]
            line = " ".join([name, told, *notes])
            self.bar.update()
        line = "".join(c if c.isprintable() else "?" for c in " ".join(line.split()))
        self.bar.write(line[:200], file=sys.stderr)


@contextmanager
def _bar() -> Iterator[_Bar]:
    shown = _Bar()
    try:
        yield shown
    finally:
        shown.bar.close()


@contextmanager
def _stoppable(spread: Spread) -> Iterator[Stop]:
    """Let Ctrl-C and SIGTERM end the run in good order; a second one ends it at once.

    Threads end their calculations when they are told; other processes cannot be told, and are
    ended by joblib when it sees the interruption.
    """
    stop = Stop()

    def end(number: int, frame: object) -> None:
        again = stop.event.is_set()
        stop.event.set()
        if again or spread.backend != "threading":
            raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

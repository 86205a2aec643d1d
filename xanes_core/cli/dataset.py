"""Commands that grow a training set, add to it and describe it."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from xanes_core.constants import ABSORBERS
from xanes_core.dataset.add import ORDERS, add_spectra, put_spectra, read_curves
from xanes_core.dataset.assembly import KINDS
from xanes_core.dataset.describe import describe
from xanes_core.dataset.displace import Displacing, grow_displaced
from xanes_core.dataset.displaced import PURPOSES
from xanes_core.dataset.grow import Growth, grow, grow_pending, grow_shards
from xanes_core.dataset.grower import GrowReport
from xanes_core.dataset.imports import import_folder, import_tmqm
from xanes_core.dataset.pack import PackReport, pack
from xanes_core.dataset.rows import write_rows
from xanes_core.dataset.run import Run
from xanes_core.dataset.shards import shard_finished
from xanes_core.dataset.store import FURTHER_KINDS
from xanes_core.dataset.suspects import suspects_of_set, suspects_of_shards
from xanes_core.dataset.task import ComplexOutcome, Stop
from xanes_core.dataset.uncertain import POOL_FACTOR, grow_uncertain
from xanes_core.descriptors import CONVENTIONS, descriptor_by_name
from xanes_core.errors import DatasetError
from xanes_core.files import project_data
from xanes_core.model import load_model
from xanes_core.workers import BACKENDS, Spread

#: The training set that the project's own models were made from.
DATA = "data/feff10"
#: Spectra of structures that others publish.
SHARDS = "data/tmqm"
#: Displaced copies of complexes of the training set.
DISPLACED = "data/displaced"
#: Exit status of a run that was stopped, as a shell gives it for Ctrl-C.
STOPPED = 130


def add_dataset(parser: argparse.ArgumentParser) -> None:
    """Give a parser the commands of ``dataset``."""
    kinds = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_grow(kinds.add_parser("grow", help="assemble, relax and calculate new complexes"))
    _add_add(kinds.add_parser("add", help="add a kind of spectrum to structures of the set"))
    _add_import(
        kinds.add_parser(
            "import",
            help="tmQM structures into a folder of pending ones; a XANESNET folder into a set",
        )
    )
    _add_displace(
        kinds.add_parser("displace", help="spectra of complexes of the set with ligands moved")
    )
    description = kinds.add_parser("describe", help="count what a training set holds")
    description.add_argument("--json", action="store_true", help="as a JSON object")
    _add_folder(description)
    description.set_defaults(run=_describe)
    packing = kinds.add_parser("pack", help="merge finished records that wait into the set")
    _add_folder(packing)
    packing.set_defaults(run=_pack)
    sharding = kinds.add_parser(
        "shard", help="take finished spectra of others' structures along, without the structures"
    )
    sharding.add_argument("source", type=Path, metavar="FOLDER", help="a set grown with --from")
    sharding.add_argument("--out", type=Path, metavar="DIR", help=f"({SHARDS})")
    sharding.set_defaults(run=_shard)
    _add_rows(
        kinds.add_parser("rows", help="features of the structures of shards, from public files")
    )
    doubt = kinds.add_parser(
        "suspects", help="list stored spectra that look wrong; nothing is changed"
    )
    _add_folder(doubt)
    doubt.add_argument("--shards", type=Path, metavar="DIR", help=f"of these, such as {SHARDS}")
    doubt.add_argument(
        "--structures", type=Path, metavar="FOLDER", help="their structures, from `dataset import`"
    )
    doubt.set_defaults(run=_suspects)


def _add_folder(command: argparse.ArgumentParser) -> None:
    command.add_argument("--data", type=Path, metavar="DIR", help=f"the training set ({DATA})")


def _folder(options: argparse.Namespace) -> Path:
    return options.data or project_data(DATA)


def _add_spread(command: argparse.ArgumentParser) -> None:
    command.add_argument("--jobs", type=_positive, default=1, metavar="J", help="at once")
    command.add_argument("--backend", choices=BACKENDS, help="default: threading")
    command.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster")


def _add_grow(command: argparse.ArgumentParser) -> None:
    command.add_argument("--elements", type=_words, metavar="Fe,Co")
    command.add_argument("--count", type=_positive, metavar="N", help="of this seed in all")
    command.add_argument("--seed", type=int, default=1, metavar="S")
    command.add_argument(
        "--strategy",
        choices=("random", "uncertain"),
        default="random",
        help="uncertain: theory only for those of a pool that a model is least sure of",
    )
    command.add_argument(
        "--pool", type=_positive, metavar="P", help=f"its size (default {POOL_FACTOR} x N)"
    )
    command.add_argument(
        "--model", default="feff10-3d", metavar="KEY", help="that is to be sure (feff10-3d)"
    )
    command.add_argument(
        "--from", dest="pending", type=Path, metavar="FOLDER", help="structures to take as they are"
    )
    command.add_argument(
        "--shards",
        type=Path,
        metavar="DIR",
        help=f"with --from: spectra without their structures, such as {SHARDS}, instead of --data",
    )
    command.add_argument(
        "--kinds", type=_shares, metavar="KIND[=SHARE],...", help=f"among {', '.join(KINDS)}"
    )
    command.add_argument(
        "--focus",
        type=_words,
        default=(),
        metavar="Br,P,cn7",
        help="donors and coordination numbers that are to come more often",
    )
    command.add_argument("--spectra", type=_words, default=("xanes",), metavar="xanes[,xes]")
    _add_spread(command)
    _add_folder(command)
    command.set_defaults(run=_grow)


def _add_add(command: argparse.ArgumentParser) -> None:
    command.add_argument("--spectra", choices=[kind.key for kind in FURTHER_KINDS], required=True)
    command.add_argument("--count", type=_positive, metavar="N", help="of this run; default all")
    command.add_argument("--order", choices=ORDERS, default="random")
    command.add_argument(
        "--from", dest="source", type=Path, metavar="FOLDER", help="take them from files NAME.npz"
    )
    _add_spread(command)
    _add_folder(command)
    command.set_defaults(run=_add)


def _add_displace(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--purpose",
        choices=PURPOSES,
        required=True,
        help="response: of held-out complexes, to measure; training: of the others",
    )
    command.add_argument(
        "--copies", type=_positive, default=1, metavar="K", help="of each complex, for training"
    )
    command.add_argument("--count", type=_positive, metavar="N", help="in all; default all")
    command.add_argument("--seed", type=int, default=1, metavar="S")
    command.add_argument("--out", type=Path, metavar="DIR", help=f"({DISPLACED})")
    _add_spread(command)
    _add_folder(command)
    command.set_defaults(run=_displace)


def _displace(options: argparse.Namespace) -> int:
    wanted = Displacing(options.purpose, options.copies, options.seed, options.count)
    folder = options.out or project_data(DISPLACED, "--out")
    with _watched(options) as run:
        report = grow_displaced(folder, _folder(options), wanted, run)
    return _say_grown(report)


def _add_import(command: argparse.ArgumentParser) -> None:
    command.add_argument("source", type=Path, metavar="FILE|FOLDER")
    command.add_argument("--out", type=Path, required=True, metavar="DIR")
    command.add_argument("--elements", type=_words, metavar="Fe,Co", help="default: all nine")
    command.add_argument("--max-atoms", type=_positive, metavar="N")
    command.add_argument("--count", type=_positive, metavar="N")
    command.set_defaults(run=_import)


def _add_rows(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--structures", type=Path, required=True, metavar="PATH", help="files of tmQM"
    )
    command.add_argument("--convention", choices=CONVENTIONS, default="scattering")
    command.add_argument("--data", type=Path, metavar="DIR", help=f"({SHARDS})")
    command.set_defaults(run=_rows)


def _rows(options: argparse.Namespace) -> int:
    folder = options.data or project_data(SHARDS)
    files = write_rows(folder, options.structures, descriptor_by_name(options.convention))
    print(", ".join(path.name for path in files) or "every file has its features")
    return 0


def _shard(options: argparse.Namespace) -> int:
    report = shard_finished(options.source, options.out or project_data(SHARDS, "--out"))
    names = ", ".join(path.name for path in report.files) or "no file"
    print(f"{report.n_added} spectra into {names}; {report.n_known} were there already")
    if report.n_failures:
        print(f"{report.n_failures} failures listed")
    return 0


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


@contextmanager
def _watched(options: argparse.Namespace) -> Iterator[Run]:
    """A run that is shown and can be stopped."""
    backend = options.backend or ("dask" if options.scheduler else "threading")
    spread = Spread(backend, options.jobs, options.scheduler)
    with stoppable(spread) as stop, progress_bar() as bar:
        yield Run(spread, stop=stop, on_plan=bar.plan, on_outcome=bar.show)


def _grow(options: argparse.Namespace) -> int:
    if options.pending is not None:
        return _grow_pending(options)
    if options.shards is not None:
        raise DatasetError("--shards needs --from: it takes spectra of structures of others")
    if not options.elements or not options.count:
        raise DatasetError("say what to grow with --elements Fe,Co and --count N")
    growth = Growth(
        elements=options.elements,
        count=options.count,
        seed=options.seed,
        shares=options.kinds,
        focus=options.focus,
        spectra=options.spectra,
    )
    with _watched(options) as run:
        if options.strategy == "uncertain":
            model, on_pool = load_model(options.model), run.on_plan
            report = grow_uncertain(
                _folder(options), growth, model, run, pool=options.pool, on_pool=on_pool
            )
        else:
            report = grow(_folder(options), growth, run)
    status = _say_grown(report)
    if not report.stored and not report.failed and not report.stopped and not report.exhausted:
        print(f"all {growth.count} of seed {growth.seed} are there: take another --seed")
    return status


def _grow_pending(options: argparse.Namespace) -> int:
    elements = options.elements or ABSORBERS
    if options.shards is not None and (options.data or tuple(options.spectra) != ("xanes",)):
        raise DatasetError("--shards takes xanes alone and stands in place of --data")
    with _watched(options) as run:
        if options.shards is not None:
            report = grow_shards(
                options.shards, options.pending, run, elements=elements, count=options.count
            )
        else:
            report = grow_pending(
                _folder(options),
                options.pending,
                run,
                elements=elements,
                count=options.count,
                spectra=options.spectra,
            )
    return _say_grown(report)


def _add(options: argparse.Namespace) -> int:
    if options.source is not None:
        new, unfit = put_spectra(_folder(options), options.spectra, read_curves(options.source))
        print(f"{new} new {options.spectra} spectra")
        for name, reason in unfit.items():
            print(f"{name} not taken: {reason}")
        return 0
    with _watched(options) as run:
        report = add_spectra(
            _folder(options), options.spectra, run, count=options.count, order=options.order
        )
    return _say_grown(report)


def _import(options: argparse.Namespace) -> int:
    take = import_folder if options.source.is_dir() else import_tmqm
    report = take(
        options.source,
        options.out,
        elements=options.elements or ABSORBERS,
        max_atoms=options.max_atoms,
        count=options.count,
    )
    taken = ", ".join(f"{n} {element}" for element, n in report.taken.items())
    print(f"taken: {taken or 'nothing new'}")
    if report.skipped:
        print(f"left out: {report.left_out()}")
    if take is import_tmqm:
        print(f"spectra: python -m xanes_core dataset grow --from {options.out} --data DIR")
    return 0


def _suspects(options: argparse.Namespace) -> int:
    if options.shards is not None:
        found, n = suspects_of_shards(options.shards, options.structures)
    elif options.structures is not None:
        raise DatasetError("--structures belongs to --shards: the training set has its own")
    else:
        found, n = suspects_of_set(_folder(options))
    print(f"{len(found)} of {n} spectra look wrong")
    for one in found:
        print(f"{one.name}: {'; '.join(one.reasons)}")
    return 0


def _describe(options: argparse.Namespace) -> int:
    content = describe(_folder(options))
    if options.json:
        print(json.dumps(content, indent=1, ensure_ascii=False))
        return 0
    n, held_out, waiting = (content[key] for key in ("n", "held_out", "waiting"))
    print(f"{n} complexes, {held_out} held out, {waiting} to be packed")
    print(f"{content['twins']} held out with the metal and the ligands of one that is not")
    for element, counts in content["elements"].items():
        spectra = ", ".join(f"{n} {kind}" for kind, n in counts["spectra"].items())
        print(f"{element}: {counts['n']} ({counts['held_out']} held out); {spectra}")
        for key in ("coordination", "oxidation", "kind"):
            print(f"  {key}: {_counts(counts[key])}")
    print(f"templates: {_counts(content['templates'])}")
    print("bonds (A): shortest, median, longest")
    for pair, values in content["bonds_ang"].items():
        print(f"  {pair:6}" + "".join(f" {value:6.3f}" for value in values))
    for stage, reasons in content["failures"].items():
        print(f"failed at {stage}: {sum(reasons.values())}")
        for reason, n in reasons.items():
            print(f"  {n:5d} {reason}")
    hashes = content["hashes"]
    print(f"files: {' '.join([hashes['state'], *hashes['changed']])}")
    return 0


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} x {value}" for value, n in counts.items())


def _say_grown(report: GrowReport) -> int:
    """Say what a run did; its exit status."""
    new, failed = report.stored.total(), report.failed.total()
    print(f"{new} new complexes, {failed} failed, {report.before} were there")
    for element in report.exhausted:
        print(f"no further new complex of {element} was found")
    if report.stopped:
        print("stopped; the same command takes it up again")
    return STOPPED if report.stopped else 0


def _pack(options: argparse.Namespace) -> int:
    _say_packed(pack(_folder(options)))
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


class Bar:
    """Progress on standard error, with a line above it for each complex."""

    def __init__(self) -> None:
        self.bar = tqdm(unit=" complexes", file=sys.stderr, dynamic_ncols=True, smoothing=0.1)

    def plan(self, total: int) -> None:
        """Say how many are to come."""
        self.bar.reset(total)

    def show(self, outcome: ComplexOutcome) -> None:
        """Write one line for a complex and move on."""
        name = outcome.task.name
        if outcome.record is None:
            line = f"{name} failed ({outcome.stage}): {outcome.reason}"
        else:
            info, atoms = outcome.task.info, outcome.task.atoms
            told = info.get("moves", info.get("template", ""))
            summary = f"{told} {len(atoms)} atoms {outcome.seconds:.0f} s"
            notes = [curve.note for curve in outcome.record.curves.values() if curve.note]
            line = " ".join([name, summary, *notes])
            self.bar.update()
        line = "".join(c if c.isprintable() else "?" for c in " ".join(line.split()))
        self.bar.write(line[:200], file=sys.stderr)


@contextmanager
def progress_bar() -> Iterator[Bar]:
    """A :class:`Bar` that is closed whatever happens."""
    shown = Bar()
    try:
        yield shown
    finally:
        shown.bar.close()


@contextmanager
def stoppable(spread: Spread) -> Iterator[Stop]:
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

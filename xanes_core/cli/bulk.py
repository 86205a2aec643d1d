"""Spectra and features of very many structures: one file out, in parallel, resumed."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from xanes_core.cli.terminal import BAD_INPUT, complain
from xanes_core.errors import StructureError, XanesError
from xanes_core.model import BulkJob, Chunk, Columns, Parts, calculate, chunks, load_model
from xanes_core.structures import select_sites, stream_size, stream_structures
from xanes_core.workers import BACKENDS, Spread

#: Failures that are told one by one; all of them stand in the file.
_TOLD = 5


def add_spread(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments that say where very many structures are calculated."""
    parser.add_argument(
        "--jobs",
        type=int,
        default=1,
        metavar="J",
        help="processes, where --out is one file for all (.npz or .parquet); -1 for all cores",
    )
    parser.add_argument("--backend", choices=BACKENDS, help="default: loky (processes)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster")


def predict_bulk(options: argparse.Namespace, sources: list[Path]) -> int:
    """Carry out ``predict`` with one file for all spectra.

    Raises
    ------
    StructureError
        A frame was chosen, or no structure has an absorber.
    XanesError
        Other bad input that no other structure makes good.
    """
    if options.frame is not None:
        raise StructureError("--frame chooses one frame, and one file is for all: leave one out")
    key = options.model or _default_model(options, sources)
    job = BulkJob(model=load_model(key, options.spectrum).key, absorber=options.absorber)
    if options.model is None:
        complain(f"model {job.model}; choose another with --model")
    return _run(options, job, sources)


def featurize_bulk(options: argparse.Namespace, sources: list[Path]) -> int:
    """Carry out ``featurize`` with one file for all features.

    Raises
    ------
    XanesError
        Bad input that no other structure makes good.
    """
    return _run(options, BulkJob(convention=options.convention, absorber=options.absorber), sources)


def _default_model(options: argparse.Namespace, sources: list[Path]) -> str:
    """Element of the first structure with an absorber: its default model is taken for all."""
    reason: XanesError = StructureError("the files hold no structure")
    for piece in stream_structures(sources):
        for _, atoms in piece.structures():
            try:
                if isinstance(atoms, XanesError):
                    raise atoms
                return select_sites(atoms, options.absorber)[0].element
            except XanesError as error:
                reason = error
    raise reason


def _run(options: argparse.Namespace, job: BulkJob, sources: list[Path]) -> int:
    backend = options.backend or ("dask" if options.scheduler else "loky")
    spread = Spread(backend, options.jobs, options.scheduler)
    try:
        parts = Parts(options.out, job, sources)
        count, failed = _calculate(job, parts, sources, spread)
        parts.join(count)
    except OSError as error:
        raise XanesError(
            f"cannot write {options.out} ({error.strerror}); make room or choose another --out, "
            "and run the same command again: it goes on where it was"
        ) from error
    return BAD_INPUT if failed else 0


def _calculate(job: BulkJob, parts: Parts, sources: list[Path], spread: Spread) -> tuple[int, int]:
    """Parts that there are in the end, and how many rows of them are failures."""
    total, count, failed = max(stream_size(sources), 1), 0, 0
    kept: list[int] = []

    def missing() -> Iterator[Chunk]:
        nonlocal count
        for chunk in chunks(stream_structures(sources)):
            count = chunk.number + 1
            if parts.done(chunk.number):
                kept.append(chunk.number)
            else:
                yield chunk

    clock = _Clock(total)
    with spread.workers() as work:
        for number, end_byte, columns in work(partial(_numbered, job), missing()):
            parts.add(number, columns)
            failed += _told(columns, failed)
            clock.tick(end_byte, len(columns["source"]))
    clock.end()
    for number in kept:
        failed += _told(parts.read(number), failed)
    if failed > _TOLD:
        complain(f"{failed} failures in all; the column error of the file has them")
    return count, failed


def _numbered(job: BulkJob, chunk: Chunk) -> tuple[int, int, Columns]:
    return chunk.number, chunk.end_byte, calculate(job, chunk)


def _told(columns: Columns, before: int) -> int:
    """Tell the first failures; how many of the rows are failures."""
    rows = [row for row, error in enumerate(columns["error"]) if error]
    for row in rows[: max(0, _TOLD - before)]:
        where = f"{columns['source'][row]}, frame {columns['frame'][row]}"
        complain(str(columns["error"][row]), where)
    return len(rows)


class _Clock:
    """A line on standard error: how much is done, how fast, and how long it will take."""

    def __init__(self, total_bytes: int) -> None:
        self.total, self.start = total_bytes, time.monotonic()
        self.first: int | None = None
        self.done, self.rows, self.said = 0, 0, 0.0

    def tick(self, end_byte: int, rows: int) -> None:
        """Note a chunk, and say so once in a second."""
        now = time.monotonic()
        self.done, self.rows = max(self.done, end_byte), self.rows + rows
        if self.first is None:  # what an earlier run did, and this chunk, tell nothing of the speed
            self.first, self.start = end_byte, now
        share = self.done / self.total
        passed, moved = now - self.start, self.done - self.first
        left = "" if not moved else f", {_span(passed * (self.total - self.done) / moved)} left"
        if now - self.said >= 1 and sys.stderr.isatty():
            self.said = now
            print(f"\r{share:4.0%}, {self.rows} rows{left}   ", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Finish the line."""
        if self.said:
            print(file=sys.stderr)


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"

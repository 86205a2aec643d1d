"""``report``: structures in, one HTML file or PDF that shows everything out."""

from __future__ import annotations

import argparse
from pathlib import Path

from xanes_core.cli.terminal import BAD_INPUT, complain, write_out
from xanes_core.errors import XanesError
from xanes_core.model import load_model
from xanes_core.plots import (
    MAX_REPORTED,
    ReportedSpectrum,
    ReportedStructure,
    SpectraReport,
    report_html,
    report_pdf,
)
from xanes_core.plots.viewer_script import viewer_source
from xanes_core.spectra import SPECTRUM_KINDS
from xanes_core.structures import read_structures, select_sites


def add_report(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``report``."""
    parser.add_argument("files", nargs="+", metavar="STRUCTURE")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE.html|FILE.pdf", help="the report"
    )
    parser.add_argument(
        "--absorber", metavar="Fe|INDEX|all", help="as for predict; default: the only metal"
    )
    parser.add_argument("--model", metavar="KEY", help="default: that of the absorber's element")
    parser.add_argument("--spectrum", choices=SPECTRUM_KINDS, help="default: xanes")
    parser.add_argument(
        "--frame", type=int, metavar="N", help="only this frame of each file, from 0"
    )
    parser.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> int:
    write = {".html": lambda r: report_html(r, viewer_source()).encode(), ".pdf": report_pdf}.get(
        options.out.suffix.lower()
    )
    if write is None:
        complain(f"--out {options.out.name}: the name must end in .html or .pdf")
        return BAD_INPUT
    status = 0
    shown: list[ReportedStructure] = []
    for file in options.files:
        try:
            shown += _structures(Path(file), options, MAX_REPORTED - len(shown))
        except XanesError as error:
            complain(str(error), file)
            status = BAD_INPUT
    if not shown:
        return status
    write_out(options.out, write(SpectraReport(tuple(shown))))
    return status


def _structures(file: Path, options: argparse.Namespace, room: int) -> list[ReportedStructure]:
    """Predictions of the frames of a file."""
    frames = list(enumerate(read_structures(file)))
    if options.frame is not None:
        frames = [pair for pair in frames if pair[0] == options.frame]
        if not frames:
            raise XanesError(f"there is no frame {options.frame}; they are counted from 0")
    if len(frames) > room:
        raise XanesError(
            f"{len(frames)} structures more are too many, a report holds {MAX_REPORTED}: choose "
            "one of each file with --frame N, or make several reports"
        )
    shown = []
    for number, atoms in frames:
        name = file.stem if len(frames) == 1 else f"{file.stem}, frame {number}"
        wanted = options.model or select_sites(atoms, options.absorber)[0].element
        model = load_model(wanted, options.spectrum)
        prediction = model.predict(atoms, options.absorber)
        shown.append(ReportedStructure(name, atoms, (ReportedSpectrum(model, prediction),)))
    return shown

"""``match``, ``mix`` and ``difference``: a measured spectrum against stored or given structures."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ase import Atoms

from xanes_core.cli.terminal import complain
from xanes_core.errors import RefinementError
from xanes_core.model import SpectrumModel, load_model
from xanes_core.refinement import (
    MEASURES,
    Candidate,
    Measured,
    difference,
    find_matches,
    fit_mixture,
    load_library,
)
from xanes_core.spectra import read_spectrum
from xanes_core.structures import read_structures, select_sites

#: Window of a match (eV): shifted theory must cover it.
_MATCH_WINDOW_EV = (-10.0, 45.0)
_WINDOW_EV = (-15.0, 60.0)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--absorber", metavar="Fe|INDEX", help="element, or atom counted from 0")
    parser.add_argument("--model", metavar="KEY", help="default: the one for the element")
    parser.add_argument("--json", action="store_true", help="everything as JSON")


def _window(parser: argparse.ArgumentParser, default: tuple[float, float]) -> None:
    parser.add_argument(
        "--window", nargs=2, type=float, metavar=("LOW", "HIGH"), default=default,
        help="energies that are compared, relative to the edge in eV "
        f"(default {default[0]:g} {default[1]:g})",
    )  # fmt: skip


def add_match(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``match``."""
    parser.add_argument("spectrum", metavar="SPECTRUM", help="measured absorption")
    parser.add_argument("--element", metavar="Fe", help="absorber; default: what the file says")
    parser.add_argument("--measure", choices=MEASURES, default="misfit")
    parser.add_argument("--count", type=int, default=20, metavar="N", help="matches (default 20)")
    parser.add_argument("--json", action="store_true", help="everything as JSON")
    _window(parser, _MATCH_WINDOW_EV)
    parser.set_defaults(run=_match)


def add_mix(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``mix``."""
    parser.add_argument("spectrum", metavar="SPECTRUM", help="measured absorption")
    parser.add_argument("structures", nargs="+", metavar="STRUCTURE", help="two to five files")
    _common(parser)
    _window(parser, _WINDOW_EV)
    parser.set_defaults(run=_mix)


def add_difference(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``difference``."""
    parser.add_argument("a", metavar="A", help="structure")
    parser.add_argument(
        "b", metavar="B", help="structure that is taken off; of several frames their mean"
    )
    parser.add_argument("--measured", metavar="SPECTRUM", help="measured difference to compare")
    _common(parser)
    parser.set_defaults(run=_difference)


def _match(options: argparse.Namespace) -> int:
    spectrum = read_spectrum(options.spectrum, element=options.element)
    measured = Measured.of(spectrum, options.element, name=Path(options.spectrum).name)
    result = find_matches(
        measured,
        load_library(),
        window_ev=tuple(options.window),
        measure=options.measure,
        count=options.count,
    )
    if options.json:
        return _write(result.to_dict())
    rows = [f"{'distance':>8}  {'shift eV':>8}  name"]
    rows += [f"{m.distance:8.4f}  {m.shift_ev:8.2f}  {m.name}" for m in result.matches]
    rows.append(f"\namong the best {len(result.matches)} of {result.searched}, and in the library:")
    rows += [
        f"{s.among_best:6.0%} {s.in_library:6.0%}  {s.fact} {s.value}"
        for s in result.enrichment[:8]
    ]
    sys.stdout.write("\n".join(rows) + "\n")
    return _remarks(result.notes)


def _mix(options: argparse.Namespace) -> int:
    files = [Path(file) for file in options.structures]
    candidates = [Candidate(str(file), _one(file), options.absorber) for file in files]
    model, element = _model(options, candidates[0].atoms)
    spectrum = read_spectrum(options.spectrum, element=element)
    result = fit_mixture(
        Measured.of(spectrum, element, name=Path(options.spectrum).name),
        candidates,
        model=model,
        window_ev=tuple(options.window),
    )
    if options.json:
        return _write(result.to_dict())
    rows = [f"{'share':>6}  {'68 %':^13}  {'90 %':^13}  structure"]
    rows += [
        f"{f.value:6.3f}  {f.low68:5.3f} - {f.high68:5.3f}  {f.low90:5.3f} - {f.high90:5.3f}  "
        f"{f.name}"
        for f in result.fractions
    ]
    rows.append(f"shift {result.shift_ev:.2f} eV, misfit {result.misfit:.4f}, {result.verdict}")
    sys.stdout.write("\n".join(rows) + "\n")
    return _remarks(result.notes)


def _difference(options: argparse.Namespace) -> int:
    a, frames = _one(Path(options.a)), read_structures(Path(options.b))
    model, element = _model(options, a)
    measured = None
    if options.measured is not None:
        measured = read_spectrum(options.measured, element=element)
    result = difference(
        model, a, frames, options.absorber, options.absorber, measured_difference=measured
    )
    if options.json:
        return _write(result.to_dict())
    rows = ["energy_rel_ev,difference,band_low,band_high"]
    columns = (result.energies_rel_ev, result.mean, result.band_low, result.band_high)
    rows += [",".join(f"{v:.6g}" for v in row) for row in zip(*columns, strict=True)]
    sys.stdout.write("\n".join(rows) + "\n")
    return _remarks(result.notes)


def _one(file: Path) -> Atoms:
    frames = read_structures(file)
    if len(frames) > 1:
        raise RefinementError(f"{file.name} holds {len(frames)} frames: give a file with one")
    return frames[0]


def _model(options: argparse.Namespace, atoms: Atoms) -> tuple[SpectrumModel, str]:
    """Model asked for, or the one for the absorber, with the absorber's element."""
    element = select_sites(atoms, options.absorber)[0].element
    return load_model(options.model or element), element


def _write(result: dict[str, object]) -> int:
    json.dump(result, sys.stdout, indent=1)
    sys.stdout.write("\n")
    return 0


def _remarks(notes: tuple[str, ...]) -> int:
    for note in notes:
        complain(note)
    return 0

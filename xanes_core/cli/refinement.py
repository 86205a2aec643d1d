"""``fit`` and ``rank``: a measured spectrum against structures."""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path

from ase import Atoms
from ase.io import write

from xanes_core.cli.terminal import BAD_INPUT, complain, write_out
from xanes_core.errors import StructureError, XanesError
from xanes_core.model import (
    VERDICT_TITLES,
    JsonObject,
    SpectrumModel,
    best_model,
    list_models,
    load_model,
)
from xanes_core.refinement import (
    WINDOW_EV,
    Candidate,
    Measured,
    RankedCandidate,
    StructureFit,
    fit_structure,
    rank_candidates,
)
from xanes_core.spectra import XANES, read_spectrum
from xanes_core.structures import read_structures, select_sites

_MOVES = (
    "what may change: all (every ligand along its bond by one amount), all:N, ligand:2, pair:1,4, "
    "angle:1,2, turn:3, bond:7, offcentre:2; up to six"
)


def add_fit(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``fit``."""
    parser.add_argument("spectrum", metavar="SPECTRUM", help="measured absorption, any format read")
    parser.add_argument("structure", metavar="STRUCTURE", help="structure to begin with")
    parser.add_argument(
        "--move", nargs="+", action="extend", required=True, metavar="MOVE", help=_MOVES
    )
    _add_common(parser)
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the sampler; default 0"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE.xyz", help="write the fitted structure here"
    )
    parser.set_defaults(run=_fit)


def add_rank(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``rank``."""
    parser.add_argument("spectrum", metavar="SPECTRUM", help="measured absorption, any format read")
    parser.add_argument("structures", nargs="+", metavar="STRUCTURE", help="candidates")
    _add_common(parser)
    parser.set_defaults(run=_rank)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--absorber",
        metavar="Fe|INDEX",
        help="element, or atom counted from 0; default: the only metal",
    )
    parser.add_argument(
        "--model",
        metavar="KEY",
        help="default: of the models that know the element the one that knows the structure best",
    )
    parser.add_argument(
        "--window",
        nargs=2,
        type=float,
        default=WINDOW_EV,
        metavar=("LOW", "HIGH"),
        help="energies relative to the tabulated edge that are compared (eV); default: "
        f"{WINDOW_EV[0]:g} {WINDOW_EV[1]:g}",
    )
    parser.add_argument("--column", metavar="NAME", help="column of the spectrum, if not the usual")
    parser.add_argument("--json", action="store_true", help="everything as JSON")


def _fit(options: argparse.Namespace) -> int:
    atoms = _only(options.structure)
    element = select_sites(atoms, options.absorber)[0].element
    measured = _measured(options, element)
    model = _model(options, element, atoms)
    fit = fit_structure(
        measured,
        atoms,
        _absorber(options),
        options.move,
        model=model,
        window_ev=tuple(options.window),
        seed=options.seed,
    )
    if options.out is not None:
        text = io.StringIO()
        write(text, fit.atoms, format="extxyz", write_info=False, write_results=False)
        write_out(options.out, text.getvalue().encode())
    if options.json:
        print(json.dumps(fit.to_dict(), indent=1, ensure_ascii=False))
    else:
        print(_fit_text(fit))
    return 0


def _fit_text(fit: StructureFit) -> str:
    lines = [f"{'move':<14} {'value':>9}  {'68 %':^19}  {'90 %':^19}  unit  learned"]
    for one in fit.parameters:
        inner = f"{one.low68:+.3f} to {one.high68:+.3f}"
        outer = f"{one.low90:+.3f} to {one.high90:+.3f}"
        lines.append(
            f"{one.name:<14} {one.value:>+9.3f}  {inner:^19}  {outer:^19}  {one.unit:<4}  "
            f"{100 * one.learned:.0f} %"
        )
    lines.append(
        f"shift {fit.shift_ev:+.2f} eV, scale {fit.scale:.3f}, broadening "
        f"{fit.broadening_ev:.2f} eV, misfit {fit.misfit:.4f} edge steps"
    )
    lines.append(f"model {fit.model_key}: {VERDICT_TITLES[fit.verdict]}")
    return "\n".join([*lines, *fit.notes])


def _rank(options: argparse.Namespace) -> int:
    candidates, names, status = [], [], 0
    for file in options.structures:
        try:
            frames = read_structures(Path(file))
        except XanesError as error:
            complain(str(error), file)
            status = BAD_INPUT
            continue
        for number, atoms in enumerate(frames):
            name = file if len(frames) == 1 else f"{file}, frame {number}"
            candidates.append(Candidate(name, atoms, _absorber(options)))
            names.append(name)
    if not candidates:
        raise StructureError("none of the structures can be read: give other files")
    element = next(iter(_elements(candidates)), None)
    measured = _measured(options, element)
    first = next(
        (one.atoms for one in candidates if measured.element in one.atoms.get_chemical_symbols()),
        candidates[0].atoms,
    )
    ranked = rank_candidates(
        measured,
        candidates,
        model=_model(options, measured.element, first),
        window_ev=tuple(options.window),
    )
    if options.json:
        print(json.dumps([_row(one) for one in ranked], indent=1, ensure_ascii=False))
    else:
        print(f"{'probability':>11}  {'misfit':>7}  {'shift eV':>8}  structure")
        for one in ranked:
            print(
                f"{one.probability:>11.4f}  {one.misfit:>7.4f}  {one.shift_ev:>+8.2f}  {one.name}"
                + (f" ({one.note})" if one.note else "")
            )
    return status


def _row(one: RankedCandidate) -> JsonObject:
    judged = bool(one.verdict)
    return {
        "file": one.name,
        "probability": one.probability,
        "misfit": one.misfit if judged else None,
        "shift_ev": one.shift_ev if judged else None,
        "scale": one.scale if judged else None,
        "verdict": one.verdict,
        "note": one.note,
    }


def _elements(candidates: list[Candidate]) -> list[str]:
    """Absorbers of the candidates that have one."""
    found = []
    for one in candidates:
        try:
            found.append(select_sites(one.atoms, one.absorber)[0].element)
        except StructureError:
            continue  # told beside its name in the list
    return found


def _only(file: str) -> Atoms:
    frames = read_structures(Path(file))
    if len(frames) > 1:
        complain(f"{len(frames)} frames: the first is taken", file)
    return frames[0]


def _absorber(options: argparse.Namespace) -> int | str | None:
    """Atom, element, or None."""
    word: str | None = options.absorber
    return int(word) if word is not None and word.isdecimal() else word


def _measured(options: argparse.Namespace, element: str | None) -> Measured:
    """The spectrum; its element by the file, else by the structures."""
    try:
        spectrum = read_spectrum(Path(options.spectrum), column=options.column)
        if "element" not in spectrum.metadata and element is not None:
            raise XanesError("the file does not say")
    except XanesError:
        # relative energies and files without a header need the element to be read at all
        spectrum = read_spectrum(Path(options.spectrum), column=options.column, element=element)
    return Measured.of(spectrum, element, name=options.spectrum)


def _model(options: argparse.Namespace, element: str, atoms: Atoms) -> SpectrumModel:
    """Model asked for, else the one that knows a structure best."""
    if options.model is not None:
        return load_model(options.model)
    models = [load_model(card.key) for card in list_models(element, XANES)]
    if len(models) < 2:
        return models[0] if models else load_model(element)
    best = best_model([model.predict(atoms, _absorber(options)) for model in models])
    return next(model for model in models if model.key == best.model_key)

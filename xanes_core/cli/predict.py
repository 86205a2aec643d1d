"""``predict``, ``featurize`` and ``models``: structures in, tables out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms

from xanes_core.cli.bulk import add_spread, featurize_bulk, predict_bulk
from xanes_core.cli.terminal import BAD_INPUT, complain, write_out
from xanes_core.descriptors import CONVENTIONS, Descriptor, descriptor_by_name
from xanes_core.errors import StructureError, XanesError
from xanes_core.files import csv_text, safe_name
from xanes_core.model import (
    BULK_SUFFIXES,
    VERDICT_TITLES,
    Prediction,
    SpectrumModel,
    best_model,
    features_csv,
    list_models,
    load_model,
    to_csv,
    to_json,
    to_xdi,
    why_best,
)
from xanes_core.spectra import SPECTRUM_KINDS, XANES
from xanes_core.structures import Site, read_structures, select_sites

#: Frame, absorber site and features of it.
_Row = tuple[int, Site, np.ndarray]
_WRITERS = {"csv": to_csv, "json": to_json, "xdi": to_xdi, "features": features_csv}
#: Where the end of the file's name is not that of the format.
_ENDINGS = {"features": "features.csv"}


def add_predict(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``predict``."""
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument(
        "--absorber",
        metavar="Fe|INDEX|all",
        help="element (average over its sites), atom index from 0, or all sites of the only metal "
        "(default)",
    )
    parser.add_argument(
        "--model",
        metavar="KEY",
        help="default: of the models that know the absorber's element the one that knows the "
        "structure best, by verdict and then by the width of its band",
    )
    parser.add_argument(
        "--spectrum",
        choices=SPECTRUM_KINDS,
        help="absorption or valence-to-core emission; default: xanes, or that of --model",
    )
    parser.add_argument(
        "--format",
        choices=_WRITERS,
        default="csv",
        help="the spectrum as csv (default), json or xdi, or its features: edge, white line and "
        "pre-edge peak with their spread and the networks that see them",
    )
    parser.add_argument(
        "--out",
        metavar="DIR|FILE",
        type=Path,
        help="folder for one file per structure; or FILE.npz or FILE.parquet for all in one: "
        "files, folders, zips and trajectories of any length, resumed where a run was ended",
    )
    parser.add_argument(
        "--frame", type=int, metavar="N", help="only this frame of each file, from 0"
    )
    add_spread(parser)
    parser.set_defaults(run=_predict)


def add_featurize(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``featurize``."""
    parser.add_argument("file", metavar="FILE", help="or a folder or zip, with --out")
    parser.add_argument(
        "--absorber", metavar="Fe|INDEX|all", help="element, atom counted from 0, or all metals"
    )
    parser.add_argument("--convention", choices=CONVENTIONS, default="default")
    parser.add_argument("--out", type=Path, metavar="FILE.csv|FILE.npz|FILE.parquet")
    add_spread(parser)
    parser.set_defaults(run=_featurize)


def add_models(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``models``."""
    parser.add_argument("--json", action="store_true", help="cards as a JSON list")
    parser.set_defaults(run=_models)


def _predict(options: argparse.Namespace) -> int:
    if options.out is not None and options.out.suffix.lower() in BULK_SUFFIXES:
        return predict_bulk(options, [Path(file) for file in options.files])
    if len(options.files) > 1 and options.out is None:
        complain("several files: say with --out DIR where their spectra shall go")
        return BAD_INPUT
    status = 0
    taken: set[str] = set()
    models: dict[str, SpectrumModel] = {}
    for file in options.files:
        try:
            for label, name, atoms in _frames(Path(file), options):
                if atoms.info.get("left_out"):
                    status = BAD_INPUT
                try:
                    prediction = _predict_structure(atoms, label, options, models)
                except XanesError as error:  # the other frames may be sound
                    complain(str(error), label)
                    status = BAD_INPUT
                    continue
                text = _WRITERS[options.format](prediction)
                if options.out is None:
                    sys.stdout.write(text)
                else:
                    ending = _ENDINGS.get(options.format, options.format)
                    target = options.out / f"{safe_name(name, taken)}.{ending}"
                    write_out(target, text.encode())
        except XanesError as error:
            complain(str(error), file)
            status = BAD_INPUT
    return status


def _frames(file: Path, options: argparse.Namespace) -> list[tuple[str, str, Atoms]]:
    """(what to call it in a message, name for the output, structure) of every frame wanted."""
    frames = list(enumerate(read_structures(file)))
    if options.frame is not None:
        frames = [pair for pair in frames if pair[0] == options.frame]
        if not frames:
            raise StructureError(f"there is no frame {options.frame}; they are counted from 0")
    if len(frames) == 1:
        return [(str(file), file.stem, frames[0][1])]
    if options.out is None:
        raise StructureError(
            f"{len(frames)} frames: say with --out DIR where their spectra shall go, or choose one "
            "with --frame N"
        )
    return [
        (f"{file}, frame {number}", f"{file.stem}_frame{number:05d}", atoms)
        for number, atoms in frames
    ]


def _predict_structure(
    atoms: Atoms, label: str, options: argparse.Namespace, models: dict[str, SpectrumModel]
) -> Prediction:
    if "notes" in atoms.info:
        complain(str(atoms.info["notes"]), label)
    element = select_sites(atoms, options.absorber)[0].element
    if options.model is not None:
        wanted = [options.model]
    else:
        wanted = [card.key for card in list_models(element, options.spectrum or XANES)]
    predictions = [
        _model(key, options, models).predict(atoms, options.absorber) for key in wanted or [element]
    ]
    prediction = best_model(predictions)
    if len(predictions) > 1:
        complain(why_best(predictions), label)
    count = sum(site.multiplicity for site in prediction.sites)
    if count > 1:
        complain(f"average over {count} {prediction.element} sites", label)
    if prediction.domain.level != "in domain":
        complain(
            f"{VERDICT_TITLES[prediction.domain.level]}: {prediction.domain.reasons[0]}", label
        )
    return prediction


def _model(
    key: str, options: argparse.Namespace, models: dict[str, SpectrumModel]
) -> SpectrumModel:
    """Model of a key or element, loaded once."""
    if key not in models:
        models[key] = load_model(key, options.spectrum)
    return models[key]


def _featurize(options: argparse.Namespace) -> int:
    convention = descriptor_by_name(options.convention)
    suffix = ".csv" if options.out is None else options.out.suffix.lower()
    if suffix in BULK_SUFFIXES:
        return featurize_bulk(options, [Path(options.file)])
    if suffix != ".csv":
        complain(f"--out {options.out.name}: the name must end in .csv, .npz or .parquet")
        return BAD_INPUT
    try:
        rows = [
            (number, site, convention.transform(atoms, site.index))
            for number, atoms in enumerate(read_structures(Path(options.file)))
            for site in select_sites(atoms, options.absorber)
        ]
    except XanesError as error:
        complain(str(error), options.file)
        return BAD_INPUT
    data = _feature_csv(convention, rows)
    if options.out is None:
        sys.stdout.write(data.decode())
    else:
        write_out(options.out, data)
    return 0


def _feature_csv(convention: Descriptor, rows: Sequence[_Row]) -> bytes:
    """One header line of feature names, then one row per absorber site."""
    values = ([float(value) for value in x] for _, _, x in rows)
    return csv_text([convention.feature_names, *values]).encode()


def _models(options: argparse.Namespace) -> int:
    cards = list_models()
    if options.json:
        print(json.dumps([card.to_dict() for card in cards], indent=1, ensure_ascii=False))
        return 0
    for card in cards:
        print(
            f"{card.key}: {card.title} ({', '.join(card.elements)}; {card.edge} edge, "
            f"{card.kind.title})"
        )
        print(f"  theory: {card.theory}")
        print(f"  trained on {card.training_set.n} complexes, {card.date}")
    return 0

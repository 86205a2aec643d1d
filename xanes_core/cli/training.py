"""Commands that make, choose and measure models."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from xanes_core.errors import DatasetError, ModelError
from xanes_core.files import project_data, write_bytes
from xanes_core.model import JsonObject, load_model, load_report, save_model
from xanes_core.training.accuracy import (
    accuracy_report,
    markdown_table,
    response_lines,
    update_document,
)
from xanes_core.training.copies import compare_copies, lines
from xanes_core.training.crossval import compare
from xanes_core.training.evaluate import evaluate
from xanes_core.training.learning_curve import compare_strategies, learning_curve
from xanes_core.training.recipes import (
    RECIPES,
    Recipe,
    TrainingData,
    get_recipe,
    load_training_data,
)
from xanes_core.training.train import train_model


def add_train(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``train``."""
    _add_shared(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="instead of models/")
    parser.set_defaults(run=_train)


def add_crossval(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``crossval``."""
    _add_shared(parser)
    parser.add_argument(
        "--part",
        choices=("kernel",),
        help="the kernel alone, with and without the copies of --displaced: minutes, not hours",
    )
    parser.set_defaults(run=_crossval)


def add_accuracy(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``accuracy``."""
    _add_shared(parser)
    parser.add_argument(
        "--document",
        "--readme",
        dest="documents",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="put the table between its marks there; may be given several times",
    )
    parser.add_argument(
        "--folds",
        action="store_true",
        help="spread over folds of the ratio to the recipe (five times the time)",
    )
    parser.add_argument(
        "--stored",
        action="store_true",
        help="scores of the model as its card has them, from when it was trained: a minute "
        "instead of an hour, since nothing but the baselines is fitted",
    )
    parser.set_defaults(run=_accuracy)


def add_learning_curve(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``learning-curve``."""
    _add_shared(parser)
    parser.add_argument(
        "--by",
        choices=("strategy",),
        help="compare records chosen at random with those chosen where a model was unsure",
    )
    parser.set_defaults(run=_learning_curve)


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, choices=RECIPES, metavar="KEY")
    parser.add_argument("--data", type=Path, metavar="PATH", help="default: that of the recipe")
    parser.add_argument(
        "--published",
        metavar="DIR|none",
        help="spectra of published structures, with their features; default: that of the recipe",
    )
    parser.add_argument(
        "--displaced",
        metavar="DIR|none",
        help="displaced copies: of held-out complexes to measure how a moved ligand is followed, "
        "of the others to train on; default: those of the recipe",
    )
    parser.add_argument(
        "--jobs", type=_n_jobs, default=1, metavar="J", help="processes; -1 for all cores"
    )


def _n_jobs(text: str) -> int:
    jobs = int(text)
    if jobs < -1 or jobs == 0:
        raise argparse.ArgumentTypeError("1 or more, or -1 for all cores")
    return jobs


def _load(options: argparse.Namespace) -> tuple[Recipe, TrainingData]:
    recipe = get_recipe(options.model)
    return recipe, training_data(recipe, options.data, options.published, options.displaced)


def training_data(
    recipe: Recipe,
    data: Path | None = None,
    published: str | None = None,
    displaced: str | None = None,
) -> TrainingData:
    """What a recipe is trained on and measured by; further spectra are a folder, or ``none``.

    Raises
    ------
    DatasetError
        The data are missing or damaged.
    """
    data = data or project_data(recipe.data)
    if published is None and recipe.published:
        published = str(project_data(recipe.published, "--published"))
    response = displaced
    if displaced is None:
        displaced, response = (
            str(project_data(folder, "--displaced")) if folder else None
            for folder in (recipe.displaced, recipe.response)
        )
    if displaced == "none":
        displaced = response = None
    return load_training_data(
        recipe,
        data,
        None if published == "none" else published,
        displaced=displaced,
        response=response,
    )


def _train(options: argparse.Namespace) -> int:
    recipe, data = _load(options)

    def progress(text: str, share: float) -> None:
        print(f"{recipe.key}: {share:4.0%} {text}", file=sys.stderr, flush=True)

    model = train_model(data, n_jobs=options.jobs, progress=progress)
    try:
        folder = save_model(model, options.out)
    except OSError as error:
        raise ModelError(
            f"cannot write the model ({error.strerror}); choose another --out"
        ) from error
    print(f"{recipe.key}: {len(data.x)} samples, saved as {folder}")
    return 0


def _crossval(options: argparse.Namespace) -> int:
    recipe, data = _load(options)
    n = int((~data.held_out).sum())
    factor, unit = recipe.kind.mse_factor, recipe.kind.mse_unit
    n_copies = 0 if data.copies is None else len(data.copies)
    with_copies = f" and {n_copies} displaced copies" if n_copies else ""
    print(f"{recipe.key}: five folds of {n} samples{with_copies}; MSE in {unit}")
    if options.part == "kernel":
        for line in lines(compare_copies(data), factor):
            print(line)
        return 0
    print(f"{'candidate':46} {'MSE':>7} {'+-':>5} {'single':>7} {'s':>6}")
    for found in compare(data, n_jobs=options.jobs):
        single = "" if found.single_mse is None else f"{factor * found.single_mse:.2f}"
        print(
            f"{found.name:46} {factor * found.mse:7.2f} {factor * found.mse_fold_error:5.2f} "
            f"{single:>7} {found.seconds:6.0f}",
            flush=True,
        )
    return 0


def _accuracy(options: argparse.Namespace) -> int:
    recipe, data = _load(options)
    for document in options.documents:  # one without marks is told before the work, not after
        update_document(_text_of(document), recipe.key, "", "")
    measured = _stored_metrics(recipe, data) if options.stored else None
    report = accuracy_report(
        data, fold_ratios=options.folds, measured=measured, n_jobs=options.jobs
    )
    table = markdown_table(report, recipe.kind)
    short = markdown_table(report, recipe.kind, short=True)
    print(table)
    for document in options.documents:
        text = update_document(_text_of(document), recipe.key, table, short)
        write_bytes(document, text.encode())
    return 0


def _stored_metrics(recipe: Recipe, data: TrainingData) -> JsonObject:
    card = load_model(recipe.key).card
    same = card.training_set.sha256 == data.sha256
    if not same or dict(card.hyper_parameters) != recipe.settings.as_dict():
        raise ModelError(
            f"the card of {recipe.key} is of other data or settings than those of today; train it "
            "again, or measure without --stored"
        )
    return card.metrics


def _learning_curve(options: argparse.Namespace) -> int:
    recipe, data = _load(options)
    if options.by is None:
        curves = {"all": learning_curve(data, n_jobs=options.jobs)}
    else:
        curves = compare_strategies(data, n_jobs=options.jobs)
    print(f"{recipe.key}: MSE on {int(data.held_out.sum())} held-out samples")
    print(f"{'added':12} {'n':>6} {'MSE':>10} {'+-':>8}")
    for name, points in curves.items():
        for point in points:
            print(f"{name:12} {point['n']:6d} {point['mse']:10.3g} {point['mse_error']:8.1g}")
    return 0


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise DatasetError(f"{file} cannot be read ({error.strerror})") from error


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``evaluate``."""
    parser.add_argument("--model", required=True, metavar="KEY")
    parser.add_argument(
        "--data",
        required=True,
        type=Path,
        metavar="PATH",
        help="folder of EL.extxyz and EL.npz, folder of xyz/NAME.xyz and xanes/NAME.txt, or npz "
        "with x and y",
    )
    parser.add_argument(
        "--displaced",
        type=Path,
        metavar="DIR",
        help="displaced copies of held-out records of --data: how well a moved ligand is followed",
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    model = load_model(options.model)
    evaluation = evaluate(
        model, options.data, report=load_report(model.key), displaced=options.displaced
    )
    if options.json:
        print(json.dumps(evaluation, indent=1, allow_nan=False))
        return 0
    for warning in evaluation["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
    print(f"{evaluation['model']}: {evaluation['n']} records")
    groups = evaluation["scores"]
    print(f"{'':34}" + "".join(f"{name:>12}" for name in groups))
    for metric in groups["all"]:
        cells = "".join(f"{_text(row.get(metric)):>12}" for row in groups.values())
        print(f"{metric:34}{cells}")
    for level, row in evaluation["by_verdict"].items():
        scores = ", ".join(f"{name} {_text(value)}" for name, value in row.items())
        print(f"{level}: {scores}")
    for line in response_lines(evaluation.get("response", {})):
        print(line)
    return 0


def _text(value: float | int | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4g}"

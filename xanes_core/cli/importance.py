"""Command ``importance``: what a model looks at, as a table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xanes_core.errors import ModelError, XanesError
from xanes_core.files import PROJECT, write_bytes
from xanes_core.importance import find_importance, importance_csv, mean_over_absorbers
from xanes_core.model import Importance, SpectrumModel, load_model, save_model
from xanes_core.training.recipes import get_recipe, load_training_data
from xanes_core.training.train import add_importance

GROUPS = ("none", "kind", "shell", "distance", "angle")


def add_importance_command(commands) -> None:
    """Add ``importance`` to a sub-parser collection."""
    command = commands.add_parser(
        "importance", help="importance of features or groups of them, over all energies or windows"
    )
    command.add_argument("--model", required=True, metavar="KEY")
    command.add_argument(
        "--element", metavar="EL", help="absorber; default: mean over all that the model knows"
    )
    command.add_argument(
        "--window", nargs=2, type=float, action="append", metavar=("LO", "HI"),
        help="energies relative to E0 (eV); may be given several times; default: all",
    )  # fmt: skip
    command.add_argument(
        "--group", choices=GROUPS, default="none",
        help="scramble together; none: every feature by itself, over all absorbers",
    )  # fmt: skip
    command.add_argument("--out", type=Path, metavar="FILE.csv")
    command.add_argument(
        "--recompute", action="store_true",
        help="compute anew from the training data and store with the model (minutes)",
    )  # fmt: skip
    command.add_argument("--data", type=Path, metavar="PATH", help="for --recompute")
    command.add_argument("--repeats", type=int, default=10, metavar="N", help="for --recompute")
    command.add_argument("--jobs", type=int, default=1, metavar="J", help="for --recompute")
    command.set_defaults(run=_importance)


def _importance(options: argparse.Namespace) -> int:
    model = load_model(options.model)
    if options.recompute:
        model = _recomputed(model, options)
    text = importance_csv(
        _stored(model, options),
        model.convention,
        options.group,
        _windows(model, options.window),
    )
    if options.out is None:
        sys.stdout.write(text)
        return 0
    try:
        write_bytes(options.out, text.encode())
    except OSError as error:
        raise XanesError(
            f"cannot write {options.out} ({error.strerror}); choose another --out"
        ) from error
    return 0


def _windows(model: SpectrumModel, told: Sequence[Sequence[float]] | None) -> list:
    grid = model.energy_rel_ev
    return told or [(float(np.min(grid)), float(np.max(grid)))]


def _stored(model: SpectrumModel, options: argparse.Namespace) -> Importance:
    if options.group == "none":
        if options.element and len(model.elements) > 1:
            raise ModelError(
                "single features are scored over all absorbers together; leave --element out or "
                "choose --group distance"
            )
        return find_importance(model.importance, model.key, "all", "none")
    if options.element:
        return find_importance(model.importance, model.key, options.element, options.group)
    return mean_over_absorbers(model.importance, model.key, options.group)


def _recomputed(model: SpectrumModel, options: argparse.Namespace) -> SpectrumModel:
    recipe = get_recipe(model.key)
    path = options.data or PROJECT / recipe.data
    data = load_training_data(recipe, path)

    def progress(text: str, share: float) -> None:
        print(f"{model.key}: {share:4.0%} {text}", file=sys.stderr, flush=True)

    model = add_importance(
        model, recipe, data, n_repeats=options.repeats, n_jobs=options.jobs, progress=progress
    )
    save_model(model)
    return model

"""Command ``importance``: what a model looks at, as a table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xanes_core.cli.terminal import complain, write_out
from xanes_core.errors import ModelError
from xanes_core.importance import (
    MEANINGS,
    feature_groups,
    find_importance,
    importance_csv,
    mean_over_absorbers,
)
from xanes_core.model import Importance, SpectrumModel, load_model, save_model

GROUPS = ("none", "kind", "shell", "distance", "angle")


def add_importance(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``importance``."""
    parser.add_argument("--model", required=True, metavar="KEY")
    parser.add_argument(
        "--element", metavar="EL", help="absorber; default: mean over all that the model knows"
    )
    parser.add_argument(
        "--window", nargs=2, type=float, action="append", metavar=("LO", "HI"),
        help="energies relative to E0 (eV); may be given several times; default: all",
    )  # fmt: skip
    parser.add_argument(
        "--group", choices=GROUPS, default="none",
        help="scramble together; none: every feature by itself, over all absorbers",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE.csv")
    parser.add_argument(
        "--recompute", action="store_true",
        help="compute anew from the training data and store with the model (minutes)",
    )  # fmt: skip
    parser.add_argument("--data", type=Path, metavar="PATH", help="for --recompute")
    parser.add_argument("--repeats", type=int, default=10, metavar="N", help="for --recompute")
    parser.add_argument("--jobs", type=int, default=1, metavar="J", help="for --recompute")
    parser.set_defaults(run=_importance)


def _importance(options: argparse.Namespace) -> int:
    model = load_model(options.model)
    if options.recompute:
        model = _recomputed(model, options)
    text = importance_csv(
        _stored(model, options),
        model.descriptor,
        options.group,
        _windows(model, options.window),
    )
    if options.group == "kind":
        for kind in feature_groups(model.descriptor, "kind"):
            complain(MEANINGS[kind], kind)
    if options.out is None:
        sys.stdout.write(text)
    else:
        write_out(options.out, text.encode())
    return 0


def _windows(
    model: SpectrumModel, told: Sequence[Sequence[float]] | None
) -> list[tuple[float, float]]:
    grid = model.energy_rel_ev
    return [(lo, hi) for lo, hi in told or [(float(np.min(grid)), float(np.max(grid)))]]


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
    from xanes_core.cli.training import training_data  # these load scikit-learn
    from xanes_core.training import recipes, train

    data = training_data(recipes.get_recipe(model.key), options.data)

    def progress(text: str, share: float) -> None:
        print(f"{model.key}: {share:4.0%} {text}", file=sys.stderr, flush=True)

    model = train.add_importance(
        model, data, n_repeats=options.repeats, n_jobs=options.jobs, progress=progress
    )
    save_model(model)
    return model

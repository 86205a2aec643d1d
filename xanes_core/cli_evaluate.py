"""The command that measures a model on anybody's data."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from xanes_core.evaluation import evaluate
from xanes_core.registry import load_model
from xanes_core.report import load_report


def add_evaluate_command(commands) -> None:
    """Add ``evaluate`` to a sub-parser collection."""
    command = commands.add_parser(
        "evaluate", help="every metric of a model on structures with spectra"
    )
    command.add_argument("--model", required=True, metavar="KEY")
    command.add_argument(
        "--data",
        required=True,
        type=Path,
        metavar="PATH",
        help="folder of EL.extxyz and EL.npz, folder of xyz/NAME.xyz and xanes/NAME.txt, or npz "
        "with x and y",
    )
    command.add_argument("--json", action="store_true", help="as JSON")
    command.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    model = load_model(options.model)
    found = evaluate(model, options.data, report=load_report(model.key))
    if options.json:
        print(json.dumps(found, indent=1, allow_nan=False))
        return 0
    for warning in found["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
    print(f"{found['model']}: {found['n']} records")
    groups = found["scores"]
    print(f"{'':34}" + "".join(f"{name:>12}" for name in groups))
    for metric in groups["all"]:
        cells = "".join(f"{_text(row.get(metric)):>12}" for row in groups.values())
        print(f"{metric:34}{cells}")
    for level, row in found["by_verdict"].items():
        told = ", ".join(f"{name} {_text(value)}" for name, value in row.items())
        print(f"{level}: {told}")
    return 0


def _text(value: float | int | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4g}"

"""Command line: ``python -m xanes_core COMMAND``. Run it with ``--help``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from xanes_core.cli.dataset import add_dataset_commands
from xanes_core.cli.importance import add_importance_command
from xanes_core.cli.predict import _add_featurize, _add_predict, _models
from xanes_core.cli.terminal import BAD_INPUT, _complain
from xanes_core.cli.training import add_evaluate_command, add_training_commands
from xanes_core.errors import XanesError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status (0 for success, 2 for bad input)."""
    options = _parser().parse_args(arguments)
    try:
        status = options.run(options)
        sys.stdout.flush()  # a closed pipe shows here, not after the interpreter has said goodbye
        return status
    except XanesError as error:
        _complain(str(error))
        return BAD_INPUT
    except BrokenPipeError:  # the reader of the output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        _complain("stopped")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="xanes_core", description=__doc__.split(". Run")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_predict(commands)
    _add_featurize(commands)
    models = commands.add_parser("models", help="list the models")
    models.add_argument("--json", action="store_true", help="cards as a JSON list")
    models.set_defaults(run=_models)
    add_importance_command(commands)
    add_evaluate_command(commands)
    add_training_commands(commands)
    add_dataset_commands(commands)
    return parser

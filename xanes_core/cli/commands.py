"""Command line: ``xanes-explorer COMMAND``, or ``python -m xanes_core COMMAND``.

Commands are listed here by name; what they need is imported when one is chosen.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from xanes_core import __version__
from xanes_core.cli.terminal import BAD_INPUT, complain
from xanes_core.errors import XanesError

PROGRAM = "xanes-explorer"


@dataclass(frozen=True)
class Command:
    """A command, as the list of commands shows it.

    Attributes
    ----------
    name : str
        What a person types.
    title : str
        What it does, in a line.
    module : str
        File of this room with the function ``add_NAME``, which gives a parser the command's
        arguments and, as default ``run``, the function that carries it out.
    """

    name: str
    title: str
    module: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Import the command's module and let it add its arguments."""
        module = import_module(f"xanes_core.cli.{self.module}")
        getattr(module, f"add_{self.name.replace('-', '_')}")(parser)


COMMANDS = (
    Command("app", "start the dashboard", "app"),
    Command("predict", "predict spectra of structure files", "predict"),
    Command("fit", "fit a structure to a measured spectrum, with intervals", "refinement"),
    Command("rank", "which of many structures made a measured spectrum", "refinement"),
    Command("report", "predicted spectra and all about them as one HTML file or a PDF", "report"),
    Command("featurize", "write the features of a structure file", "predict"),
    Command("models", "list the models", "predict"),
    Command("match", "stored theory spectra nearest to a measured one", "compare"),
    Command("mix", "fractions of structures in a measured spectrum", "compare"),
    Command("difference", "spectrum of one structure less that of another", "compare"),
    Command(
        "importance",
        "importance of features or groups of them, over all energies or windows",
        "importance",
    ),
    Command("evaluate", "every metric of a model on structures with spectra", "training"),
    Command("train", "make a shipped model from its training data", "training"),
    Command("crossval", "compare descriptors and settings by cross-validation", "training"),
    Command("accuracy", "measure on held-out data, beside what a model has to beat", "training"),
    Command("learning-curve", "error against the number of training samples", "training"),
    Command("bench", "time featurising and prediction side by side", "bench"),
    Command("descriptors", "make the phase-shift tables of the scattering features", "descriptors"),
    Command("dataset", "grow, extend, import and describe training sets", "dataset"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status (0 for success, 2 for bad input)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = _parser(words).parse_args(words)
        status: int = options.run(options)
        sys.stdout.flush()  # a closed pipe shows here, not after the interpreter has said goodbye
        return status
    except XanesError as error:
        complain(str(error))
        return BAD_INPUT
    except BrokenPipeError:  # the reader of the output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        complain("stopped")
        return 130


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Parser that lists every command and knows the arguments of the chosen one."""
    called_by_name = Path(sys.argv[0]).stem == PROGRAM
    parser = argparse.ArgumentParser(
        prog=PROGRAM if called_by_name else "python -m xanes_core",
        description="K-edge XANES of 3d transition-metal complexes from their structure.",
        epilog="Each COMMAND has a --help of its own.",
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    # no option before the command takes a value: the first bare word is the command
    chosen = next((word for word in words if not word.startswith("-")), None)
    for command in COMMANDS:
        of_command = commands.add_parser(
            command.name, help=command.title, description=_sentence(command.title)
        )
        if command.name == chosen:
            command.add_arguments(of_command)
    return parser


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."

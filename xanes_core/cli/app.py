"""Command ``app``: the dashboard, from a checkout or from an installed wheel."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from xanes_core.errors import XanesError
from xanes_core.files import PROJECT

PORT = 8501
#: Addresses that stand for all of this machine; a browser is shown none of them.
_EVERY_ADDRESS = ("0.0.0.0", "::")


def add_app(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``app``."""
    parser.add_argument("--port", type=_port, default=PORT, metavar="N", help=f"default: {PORT}")
    parser.add_argument(
        "--host",
        default="localhost",
        metavar="H",
        help="address to listen at; default: localhost, for this machine alone",
    )
    parser.set_defaults(run=_app)


def _port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError("from 1 to 65535")
    return port


def _app(options: argparse.Namespace) -> int:
    command = _command(options.host, options.port)
    if os.name != "posix":
        return subprocess.call(command)
    os.execv(command[0], command)  # takes this process's place: what ends one, ends the other


def _command(host: str, port: int) -> list[str]:
    script = PROJECT / "serve.py"
    if not script.is_file():
        raise XanesError(f"the dashboard is not in {PROJECT}: install the package again")
    # without -P, a file of the working directory could stand in for a module of the server
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(script)]
    command += [f"--server.address={host}", f"--server.port={port}"]
    if host not in _EVERY_ADDRESS:
        command.append(f"--browser.serverAddress={host}")
    return command

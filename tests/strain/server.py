"""The dashboard on a free port of this machine, and a reader of its pages without a browser."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from tests.places import PROJECT

START_S = 60.0
ANSWER_S = 120.0


@contextmanager
def running_server(folder: Path, settings: Mapping[str, str] | None = None):
    """(address, process) of a server that keeps its cache and log in `folder`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "serve.py"]
    command += [f"--server.port={port}", "--server.address=127.0.0.1"]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "XANES_CACHE_DIR": str(folder / "cache"),
           **(settings or {})}  # fmt: skip
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=PROJECT, env=env, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait(process, port, folder / "server.log")
            yield f"127.0.0.1:{port}", process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen, port: int, log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the server did not start: {log.read_text()[-800:]}")


class Reader:
    """One session of the dashboard, as a browser has it.

    Parameters
    ----------
    address : str
        Host and port of the server.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = connect(
            f"ws://{address}/_stcore/stream", origin=f"http://{address}",
            subprotocols=["streamlit"], max_size=None, open_timeout=START_S,
        )  # fmt: skip

    def ask(self, page: str, query: str) -> None:
        """Open a page with an address."""
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_name = page
        message.rerun_script.context_info.url = f"http://{self.address}/{page}?{query}"
        message.rerun_script.context_info.color_scheme = "light"
        self._socket.send(message.SerializeToString())

    def show(self, page: str, query: str) -> list[ForwardMsg]:
        """Open a page with an address; what came until it was drawn to its end."""
        self.ask(page, query)
        got, end = [], time.monotonic() + ANSWER_S
        while True:
            data = self._socket.recv(timeout=max(end - time.monotonic(), 0.01))
            got.append(ForwardMsg.FromString(data))
            # a run that led to another page ends as well; that page's run follows it
            if got[-1].WhichOneof("type") == "script_finished" and not got[-1].script_finished:
                return got

    def close(self) -> None:
        """Leave."""
        self._socket.close()


def network_curve(messages: list[ForwardMsg]) -> tuple[np.ndarray, np.ndarray]:
    """Energies and values of the network's curve in the figure that was drawn last."""
    for message in reversed(messages):
        if message.WhichOneof("type") != "delta":
            continue
        element = message.delta.new_element
        if element.WhichOneof("type") != "plotly_chart":
            continue
        for trace in json.loads(element.plotly_chart.spec)["data"]:
            if trace.get("name", "").startswith("Network") and trace.get("fill") is None:
                return _numbers(trace["x"]), _numbers(trace["y"])
    raise AssertionError("no figure with a curve of the network was drawn")


def _numbers(stored: dict | list) -> np.ndarray:
    if isinstance(stored, dict):
        return np.frombuffer(base64.b64decode(stored["bdata"]), dtype=stored["dtype"])
    return np.array(stored, dtype=float)


def memory_mb(pid: int, field: str = "VmRSS") -> float:
    """Memory of a process now, or with "VmHWM" at its highest (MB)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"{field} is not known")

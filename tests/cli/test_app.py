"""The command that starts the dashboard."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from tests.places import PROJECT
from xanes_core.cli import app
from xanes_core.cli.commands import main


def started(monkeypatch, *arguments):
    """Command line of the server that ``app`` turns into."""
    found = []
    monkeypatch.setattr(app.os, "execv", lambda program, command: found.append((program, command)))
    main(["app", *arguments])
    ((program, command),) = found
    assert program == command[0] == sys.executable
    return command


def test_the_server_listens_to_this_machine_alone(monkeypatch):
    command = started(monkeypatch)
    assert command[1:5] == ["-P", "-m", "streamlit", "run"]
    assert command[5] == str(PROJECT / "serve.py")
    assert "--server.address=localhost" in command
    assert "--server.port=8501" in command


def test_host_and_port(monkeypatch):
    command = started(monkeypatch, "--host", "0.0.0.0", "--port", "8600")
    assert command[6:] == ["--server.address=0.0.0.0", "--server.port=8600"]
    command = started(monkeypatch, "--host", "127.0.0.1")
    assert "--browser.serverAddress=127.0.0.1" in command


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_impossible_ports(capsys, port):
    with pytest.raises(SystemExit, match="2"):
        main(["app", f"--port={port}"])
    assert "--port" in capsys.readouterr().err


def test_an_incomplete_installation_is_told(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(app, "PROJECT", tmp_path)
    assert main(["app"]) == 2
    assert "the dashboard is not in" in capsys.readouterr().err


def test_it_answers_and_ends_with_its_process(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "json.py").write_text("raise SystemExit('a file of the working directory')")
    url = f"http://127.0.0.1:{port}"
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "xanes_core", "app", "--host=127.0.0.1", f"--port={port}"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            assert answer(f"{url}/_stcore/health") == b"ok"
            assert b"<title>" in answer(f"{url}/predict")
            # the guard of serve.py: a name that somebody else pointed at this machine
            foreign = urllib.request.Request(url, headers={"Host": f"evil.example:{port}"})
            with pytest.raises(urllib.error.HTTPError, match="421"):
                urllib.request.urlopen(foreign, timeout=5)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
    assert "Traceback" not in (tmp_path / "log").read_text()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url, timeout=5)


def answer(url):
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return response.read()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"{url} did not answer within half a minute")

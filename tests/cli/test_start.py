"""A command loads what it needs, and starts without what others need."""

import json
import os
import subprocess
import sys

import pytest

import xanes_core
from tests.places import PROJECT
from xanes_core.cli import commands
from xanes_core.structures import load_example

EXAMPLE = str(PROJECT / "data" / "examples" / "ferrocene.extxyz")
#: Far from what a prediction needs, and slow to import.
FORBIDDEN = {
    "DARTassembler",
    "dask",
    "feff10",
    "joblib",
    "matplotlib",
    "pandas",
    "plotly",
    "py3Dmol",
    "scipy.interpolate",
    "scipy.ndimage",
    "scipy.signal",
    "scipy.stats",
    "spglib",
    "sklearn",
    "streamlit",
    "tblite",
    "tqdm",
    "xanes_core.dataset",
    "xanes_core.importance",
    "xanes_core.plots",
    "xanes_core.theory",
    "xanes_core.training",
}
#: What finds the peaks that JSON names.
OF_PEAKS = {"scipy.interpolate", "scipy.ndimage", "scipy.signal", "scipy.stats"}
#: What the comment line of an extended xyz file needs, a plain one does without.
OF_A_FORMAT = {"ase.io", "ase.spacegroup", "scipy.integrate", "scipy.optimize"}
RUN = """
import contextlib, io, json, sys
from xanes_core.cli import main
with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
    status = main(sys.argv[1:])
print(json.dumps([status, len(out.getvalue()), sorted(sys.modules)]))
"""


def run(script, *arguments):
    result = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", EXAMPLE],
        ["predict", EXAMPLE, "--format", "json"],
        ["featurize", EXAMPLE],
        ["models"],
        ["models", "--json"],
    ],
    ids=" ".join,
)
def test_a_command_loads_what_it_needs(arguments):
    status, written, loaded = run(RUN, *arguments)
    assert status == 0
    assert written > 100
    assert not (FORBIDDEN - (OF_PEAKS if "json" in arguments else set())) & set(loaded)


@pytest.mark.parametrize("command", ["predict", "featurize", "models"])
def test_a_plain_structure_needs_no_library_of_formats(tmp_path, command):
    atoms = load_example("ferrocene")
    rows = [
        f"{symbol} {x:.6f} {y:.6f} {z:.6f}\n"
        for symbol, (x, y, z) in zip(atoms.symbols, atoms.positions, strict=True)
    ]
    (tmp_path / "plain.xyz").write_text(f"{len(rows)}\n\n{''.join(rows)}")
    arguments = [] if command == "models" else [str(tmp_path / "plain.xyz")]
    status, _, loaded = run(RUN, command, *arguments)
    assert status == 0
    assert not (FORBIDDEN | OF_A_FORMAT) & set(loaded)


def test_stored_importance_needs_no_scikit_learn():
    _, _, loaded = run(RUN, "importance", "--model", "fdmnes-v")
    assert not {"sklearn", "xanes_core.training", "tqdm", "matplotlib", "pandas"} & set(loaded)


def test_the_list_of_commands_needs_no_room():
    script = (
        "import json, sys, xanes_core.cli.commands as c\n"
        "c._parser(['--help']).format_help()\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    loaded = {name for name in run(script) if name.startswith("xanes_core.")}
    allowed = {"cli", "cli.commands", "cli.terminal", "errors", "files"}
    assert loaded == {f"xanes_core.{name}" for name in allowed}


def test_the_package_gives_its_names_when_asked():
    script = (
        "import json, sys, xanes_core\n"
        "before = [n for n in sys.modules if n.startswith('xanes_core.')]\n"
        "found = [getattr(xanes_core, name) is not None for name in xanes_core.__all__]\n"
        "rooms = [xanes_core.spectra.__name__, xanes_core.errors.__name__]\n"
        "print(json.dumps([before, found, rooms, set(xanes_core.__all__) <= set(dir(xanes_core))]))"
    )
    before, found, rooms, listed = run(script)
    assert before == []
    assert len(found) == 9
    assert all(found)
    assert rooms == ["xanes_core.spectra", "xanes_core.errors"]
    assert listed
    with pytest.raises(ImportError, match="nothing_of_the_kind"):
        from xanes_core import nothing_of_the_kind  # noqa: F401


def test_the_first_page_waits_with_what_is_slow():
    script = """
import json, sys
from streamlit.testing.v1 import AppTest
slow = ("ase.io", "matplotlib", "pandas", "sklearn", "spglib", "tblite")
seen = []
for example in (None, "ferrocene"):
    at = AppTest.from_file(sys.argv[1], default_timeout=60)
    if example:
        at.query_params["example"] = example
    at.run()
    at.switch_page("pages/predict.py").run()
    assert not at.exception
    drawn = [e.proto.id for e in at.get("plotly_chart") if "spectrum" in e.proto.id]
    seen.append([len(drawn), [name for name in slow if name in sys.modules]])
print(json.dumps(seen))
"""
    empty, example = run(script, str(PROJECT / "app.py"))
    assert empty == [0, ["pandas"]]  # Streamlit hands the 3D view its data with it
    assert example == [1, ["pandas"]]


@pytest.mark.parametrize("command", commands.COMMANDS, ids=lambda command: command.name)
def test_every_command_has_a_line_and_complete_help(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        commands.main(["--help"])
    listed = " ".join(capsys.readouterr().out.split())
    assert f"{command.name} {command.title}" in listed
    with pytest.raises(SystemExit, match="0"):
        commands.main([command.name, "--help"])
    text = capsys.readouterr().out
    assert command.title[1:] in " ".join(text.split())
    assert "--" in text.replace("--help", "") or "COMMAND" in text or command.name == "bench"


@pytest.mark.parametrize(
    ("called", "name"),
    [("/opt/bin/xanes-explorer", "xanes-explorer"), ("__main__.py", "python -m xanes_core")],
)
def test_usage_names_the_program_as_it_was_called(capsys, monkeypatch, called, name):
    monkeypatch.setattr("sys.argv", [called])
    with pytest.raises(SystemExit, match="0"):
        commands.main(["models", "--help"])
    assert capsys.readouterr().out.startswith(f"usage: {name} models [-h] [--json]")


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        commands.main(["--version"])
    assert capsys.readouterr().out == f"xanes-explorer {xanes_core.__version__}\n"

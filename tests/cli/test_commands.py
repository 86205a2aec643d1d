"""The command line, called as a function and as a program."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from tests.places import PROJECT
from tests.tiny_models import (
    TINY,
    tiny_emission_model,
    tiny_model,
    tiny_recipe,
    toy_complex,
    write_training_set,
    xyz_text,
)
from xanes_core.cli import predict, terminal
from xanes_core.cli.commands import main
from xanes_core.descriptors.descriptor import descriptor_by_name
from xanes_core.descriptors.wacsf import WACSF
from xanes_core.model.export import CSV_COLUMNS
from xanes_core.model.registry import load_model, save_model
from xanes_core.spectra.read import read_spectrum
from xanes_core.structures.examples import load_example
from xanes_core.training import recipes
from xanes_core.training.crossval import Variant

HEADER = "energy_ev,energy_rel_ev,mu,std,lower,upper"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_model(tiny_model(), folder)
    return folder


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch, models):
    """An empty working directory, and the tiny model as the only one."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("XANES_MODELS", str(models))
    return tmp_path / "work"


def complex_of(element="Fe", seed=41):
    return toy_complex(element, np.random.default_rng(seed))


def put(name, *frames):
    """Write a structure file; an octahedral iron complex if nothing else is given."""
    Path(name).write_text("".join(map(xyz_text, frames or [complex_of()])))
    return name


def program(*arguments, **options):
    """Run ``python -m xanes_core`` here, found through PYTHONPATH."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONUNBUFFERED", None)
    return subprocess.run(
        [sys.executable, "-m", "xanes_core", *arguments],
        env=environment,
        capture_output="stdout" not in options,
        timeout=120,
        check=False,
        **options,
    )


def table(text):
    rows = list(csv.reader(io.StringIO(text)))
    return rows[0], np.array(rows[1:], dtype=float)


def one_line(text):
    assert text.count("\n") == 1, text
    assert text.endswith("\n")
    return text[:-1]


def told(capsys):
    """Lines of standard error that are not the verdict on a made-up structure."""
    captured = capsys.readouterr()
    lines = [
        line
        for line in captured.err.splitlines()
        if ": near the limit of " not in line and ": outside the training " not in line
    ]
    return captured.out, lines


# --- predict to standard output ------------------------------------------------------------------


def test_program_writes_csv_to_standard_output():
    result = program("predict", put("iron.xyz"))
    assert result.returncode == 0
    text = result.stdout.decode()
    assert text.splitlines()[0] == HEADER
    head, rows = table(text)
    assert tuple(head) == CSV_COLUMNS
    assert rows.shape == (226, 6)
    assert b"Traceback" not in result.stderr


def test_numbers_are_those_of_the_library(capsys):
    # a plain xyz file of 8 decimals, so the same to the digits of the csv
    assert main(["predict", put("iron.xyz")]) == 0
    _, rows = table(capsys.readouterr().out)
    wanted = load_model("Fe").predict(complex_of())
    for column, name in enumerate(CSV_COLUMNS):
        np.testing.assert_allclose(rows[:, column], getattr(wanted, name), atol=1e-4)


def test_json(capsys):
    assert main(["predict", put("iron.xyz"), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["element"] == "Fe"
    assert found["model"] == "tiny"
    assert found["level"] == 0.9
    assert {len(found[name]) for name in CSV_COLUMNS} == {226}


def test_xdi(capsys):
    assert main(["predict", put("iron.xyz"), "--format", "xdi"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("# XDI/1.0")
    found = read_spectrum(text.encode(), name="x.xdi")
    wanted = load_model("Fe").predict(complex_of())
    np.testing.assert_allclose(found.energy_ev, wanted.energy_ev, atol=1e-3)
    np.testing.assert_allclose(found.mu, wanted.mu, atol=1e-4)


def test_emission(capsys, monkeypatch, tmp_path):
    save_model(tiny_model(), tmp_path / "both")
    save_model(tiny_emission_model(), tmp_path / "both")
    monkeypatch.setenv("XANES_MODELS", str(tmp_path / "both"))
    wanted = load_model("Fe", "xes").predict(complex_of())
    for arguments in (["--spectrum", "xes"], ["--model", "tiny-xes"]):
        assert main(["predict", put("iron.xyz"), *arguments]) == 0
        text = capsys.readouterr().out
        assert text.startswith("energy_ev,energy_rel_ev,emission,")
        np.testing.assert_allclose(table(text)[1][:, 2], wanted.mu, atol=1e-4)
    assert np.trapezoid(wanted.mu, wanted.energy_rel_ev) == pytest.approx(1, abs=1e-3)
    assert main(["predict", "iron.xyz"]) == 0  # absorption stays what an element stands for
    assert capsys.readouterr().out.startswith(HEADER)
    assert main(["predict", "iron.xyz", "--model", "tiny", "--spectrum", "xes"]) == 2
    assert "model tiny predicts xanes, not xes" in capsys.readouterr().err
    assert main(["models"]) == 0
    assert "tiny-xes: FEFF10, emission (V, Fe; K edge, XES)" in capsys.readouterr().out


def test_emission_without_a_model_of_it(capsys):
    assert main(["predict", put("iron.xyz"), "--spectrum", "xes"]) == 2
    assert "no xes model for Fe; there are: tiny" in one_line(capsys.readouterr().err)


# --- many files ----------------------------------------------------------------------------------


def test_program_does_the_other_files_when_one_is_broken():
    put("a.xyz")
    put("b.xyz", complex_of("V"))
    Path("broken.xyz").write_text("3\n\nFe 0 0 0\n")
    result = program("predict", "a.xyz", "broken.xyz", "b.xyz", "--out", "spectra")
    assert result.returncode == 2
    assert result.stdout == b""
    lines = [
        line for line in result.stderr.decode().splitlines() if line.startswith("broken.xyz: ")
    ]
    assert len(lines) == 1
    assert "the file is incomplete" in lines[0]
    assert sorted(os.listdir("spectra")) == ["a.csv", "b.csv"]
    for name in ("a", "b"):
        head, rows = table(Path("spectra", f"{name}.csv").read_text())
        assert ",".join(head) == HEADER
        assert rows.shape == (226, 6)


def test_several_files_need_a_folder(capsys):
    assert main(["predict", put("a.xyz"), put("b.xyz")]) == 2
    out, lines = told(capsys)
    assert (out, lines) == ("", ["several files: say with --out DIR where their spectra shall go"])


@pytest.mark.parametrize("form", ["csv", "json", "xdi", "features"])
def test_suffix_follows_the_format(form):
    assert main(["predict", put("a.xyz"), "--out", "new/folder", "--format", form]) == 0
    ending = {"features": "features.csv"}.get(form, form)
    assert os.listdir("new/folder") == [f"a.{ending}"]


def test_features_are_told_with_the_networks_that_see_them(capsys):
    assert main(["predict", put("iron.xyz"), "--format", "features"]) == 0
    rows = list(csv.DictReader(io.StringIO(told(capsys)[0])))
    edge = next(row for row in rows if row["feature"] == "edge_half_ev")
    assert float(edge["std"]) > 0
    assert 1 < int(edge["n_networks"]) <= int(edge["of_networks"])


def test_files_of_one_name_do_not_overwrite_each_other():
    for folder in ("x", "y", "Z"):
        Path(folder).mkdir()
    files = [put("x/a.xyz"), put("y/a.xyz", complex_of("V")), put("Z/A.xyz"), put("a.b.xyz")]
    assert main(["predict", *files, "--out", "out"]) == 0
    assert sorted(os.listdir("out")) == ["A_3.csv", "a.b.csv", "a.csv", "a_2.csv"]
    assert table(Path("out/a.csv").read_text())[1][0, 0] == 7112 - 15
    assert table(Path("out/a_2.csv").read_text())[1][0, 0] == 5465 - 15


def test_running_again_replaces_the_results():
    for _ in range(2):
        assert main(["predict", put("a.xyz"), "--out", "out"]) == 0
    assert os.listdir("out") == ["a.csv"]


@pytest.mark.parametrize(
    "name",
    [
        "-dash.xyz",
        "with space.xyz",
        "umläut ü.xyz",
        "a\nb.xyz",
        "<b>x.xyz",
        "..%2f.xyz",
        "$HOME",
    ],
)
def test_odd_file_names(name, capsys):
    if not name.endswith(".xyz"):
        Path(name).mkdir()
        name += "/a.xyz"
    put(name)
    assert main(["predict", "--out", "out", "--", name]) == 0
    (written,) = os.listdir("out")
    assert written.endswith(".csv")
    assert all(c.isalnum() or c in "._-" for c in written)
    for line in capsys.readouterr().err.splitlines():
        assert line.isprintable()


def test_a_file_name_cannot_write_to_the_terminal(capsys):
    assert main(["predict", "x\x1b[31m\ny\x07.xyz"]) == 2
    line = one_line(capsys.readouterr().err)
    assert line.isprintable()
    assert "There is no file" in line


def test_a_file_name_that_is_no_utf8():
    name = b"caf\xe9.xyz"
    Path(os.fsdecode(name)).write_text(xyz_text(complex_of()))
    result = program("predict", name, b"missing\xff.xyz", "--out", "out")
    assert result.returncode == 2
    assert b"Traceback" not in result.stderr
    assert b"There is no file" in result.stderr
    assert os.listdir("out") == ["caf.csv"]


# --- what is refused -----------------------------------------------------------------------------


def metals(*symbols):
    atoms = complex_of("Fe")
    return atoms + Atoms(symbols, [(0, 5 + 3 * i, 6) for i in range(len(symbols))])


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (None, [], "There is no file .*check the path"),
        (lambda: Path("s.xyz").mkdir(), [], "is a folder: name the structure files"),
        (lambda: Path("s.xyz").write_text(""), [], "empty|no atoms"),
        (lambda: put("s.xyz", metals("V")), [], r"several supported metals \(V, Fe\): name the"),
        (lambda: put("s.xyz", Atoms("CO", [(0, 0, 0), (0, 0, 1.1)])), [], "no supported metal"),
        (lambda: put("s.xyz"), ["--absorber", "Cu"], "There is no Cu in the structure"),
        (lambda: put("s.xyz"), ["--absorber", "99"], "There is no atom 99"),
        (lambda: put("s.xyz"), ["--absorber", "-1"], "There is no atom -1"),
        (lambda: put("s.xyz"), ["--absorber", "3"], "choose an atom of Fe"),
        (lambda: put("s.xyz"), ["--absorber", "iron"], "not a supported absorber element"),
        (lambda: put("s.xyz"), ["--model", "big"], "no model called 'big'; there are: tiny"),
        (lambda: put("s.xyz"), ["--model", ""], "no model called ''; there are: tiny"),
        (lambda: put("s.xyz", complex_of("Cu")), [], "no model called 'Cu'; there are: tiny"),
        (
            lambda: put("s.xyz", complex_of("Cu")),
            ["--model", "tiny"],
            "model tiny knows V, Fe, not Cu",
        ),
        (lambda: put("s.xyz"), ["--frame", "1"], "there is no frame 1; they are counted from 0"),
        (lambda: put("s.xyz"), ["--frame", "-1"], "there is no frame -1"),
        (
            lambda: put("s.xyz", complex_of(), complex_of()),
            [],
            "2 frames: say with --out DIR where .* or choose one with --frame N",
        ),
    ],
)
def test_bad_input_gives_one_line_and_status_2(capsys, make, options, message):
    if make is not None:
        make()
    assert main(["predict", "s.xyz", *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    line = one_line(captured.err)
    assert line.startswith("s.xyz: ")
    assert re.search(message, line), line


@pytest.mark.parametrize("arguments", [[], ["fly"], ["predict"], ["predict", "a", "--format", "x"]])
def test_wrong_usage_is_status_2(capsys, arguments):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("target", ["file", "file/deeper"])
def test_an_out_that_cannot_be_a_folder(capsys, target):
    Path("file").write_text("mine")
    assert main(["predict", put("a.xyz"), "--out", target]) == 2
    _, lines = told(capsys)
    assert len(lines) == 1
    assert lines[0].startswith(f"a.xyz: cannot write {target}/a.csv (")
    assert "choose another --out" in lines[0]
    assert Path("file").read_text() == "mine"


def test_a_disk_that_is_full(capsys, monkeypatch):
    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(terminal, "write_bytes", full)
    assert main(["predict", put("a.xyz"), "--out", "out"]) == 2
    assert "(No space left on device); choose another --out" in told(capsys)[1][0]


def test_a_damaged_model_is_named(capsys, tmp_path, monkeypatch):
    folder = save_model(tiny_model(), tmp_path / "damaged")
    (folder / "weights.npz").write_bytes(b"")
    monkeypatch.setenv("XANES_MODELS", str(folder.parent))
    assert main(["predict", put("a.xyz")]) == 2
    assert "does not match its checksum" in one_line(capsys.readouterr().err)


# --- absorbers and frames ------------------------------------------------------------------------


def spectrum(capsys, *arguments):
    assert main(["predict", *arguments]) == 0
    out, lines = told(capsys)
    return table(out)[1], lines


def test_without_a_model_the_one_that_knows_the_structure_predicts(capsys, monkeypatch):
    monkeypatch.delenv("XANES_MODELS")
    atoms = load_example("vanadium-hexacarbonyl")
    put("v.xyz", atoms)
    assert main(["predict", "v.xyz"]) == 0
    out, lines = told(capsys)
    wanted = load_model("feff10-3d").predict(atoms)
    np.testing.assert_allclose(table(out)[1][:, 2], wanted.mu, atol=1e-3)
    assert lines[0].startswith("v.xyz: feff10-3d knows this structure best: in domain, band 0.16")
    assert "fdmnes-v is outside" in lines[0]
    assert main(["predict", "v.xyz", "--model", "fdmnes-v"]) == 0
    out, lines = told(capsys)
    assert not any("knows this structure best" in line for line in lines)
    assert np.abs(table(out)[1][:, 2] - wanted.mu).max() > 0.1


def test_absorber_by_index_element_and_all(capsys):
    atoms = metals("V", "V")
    put("m.xyz", atoms)
    model = load_model("V")
    by_index, lines = spectrum(capsys, "m.xyz", "--absorber", "13")
    assert lines == []
    np.testing.assert_allclose(by_index[:, 2], model.predict(atoms, 13).mu, atol=1e-4)
    by_element, lines = spectrum(capsys, "m.xyz", "--absorber", "V")
    assert lines == ["m.xyz: average over 2 V sites"]
    np.testing.assert_allclose(by_element[:, 2], model.predict(atoms, "V").mu, atol=1e-4)
    put("v.xyz", atoms[[i for i in range(len(atoms)) if i != 0]])
    for choice in (["--absorber", "all"], []):
        every, lines = spectrum(capsys, "v.xyz", *choice)
        assert lines == ["v.xyz: average over 2 V sites"]
    assert every.shape == (226, 6)


def test_absorber_that_the_file_names(capsys):
    atoms = complex_of()
    text = xyz_text(metals("Fe") + Atoms("O", [(0, 5, 7.8)]))
    Path("named.extxyz").write_text(
        text.replace("\n", "\nProperties=species:S:1:pos:R:3 absorber=13", 1)
    )
    rows, lines = spectrum(capsys, "named.extxyz")
    assert lines == []
    assert np.abs(rows[:, 2] - load_model("Fe").predict(atoms).mu).max() > 1e-3


def test_a_wrong_frame_is_named_and_the_others_are_written(capsys):
    text = xyz_text(complex_of()) + "1\n\nQq 0 0 0\n" + xyz_text(complex_of(seed=2))
    Path("md.xyz").write_text(text)
    assert main(["predict", "md.xyz", "--out", "out"]) == 2
    assert len(list(Path("out").iterdir())) == 2
    assert re.search(r"Structure 2 of the file was left out: .*\"Qq\"", capsys.readouterr().err)


def test_one_frame_of_many(capsys):
    frames = [complex_of(seed=seed) for seed in range(3)]
    put("md.xyz", *frames)
    rows, _ = spectrum(capsys, "md.xyz", "--frame", "2")
    np.testing.assert_allclose(rows[:, 2], load_model("Fe").predict(frames[2]).mu, atol=1e-4)


def test_every_frame_of_many():
    frames = [complex_of(seed=seed) for seed in range(3)]
    put("md.xyz", *frames)
    assert main(["predict", "md.xyz", put("single.xyz"), "--out", "out"]) == 0
    assert sorted(os.listdir("out")) == [
        *(f"md_frame{n:05d}.csv" for n in range(3)),
        "single.csv",
    ]
    rows = table(Path("out/md_frame00001.csv").read_text())[1]
    np.testing.assert_allclose(rows[:, 2], load_model("Fe").predict(frames[1]).mu, atol=1e-4)


def test_a_bad_frame_does_not_stop_the_others(capsys):
    put("md.xyz", complex_of(), complex_of("Cu"), complex_of())
    assert main(["predict", "md.xyz", "--out", "out"]) == 2
    assert sorted(os.listdir("out")) == ["md_frame00000.csv", "md_frame00002.csv"]
    _, lines = told(capsys)
    assert lines == ["md.xyz, frame 1: no model called 'Cu'; there are: tiny"]


def test_a_structure_unlike_the_training_set_is_remarked_on(capsys):
    put("far.xyz", Atoms("FeCl2", [(0, 0, 0), (0, 0, 3.2), (0, 0, -3.2)]))
    assert main(["predict", "far.xyz"]) == 0
    line = one_line(capsys.readouterr().err)
    assert line.startswith(("far.xyz: outside the ", "far.xyz: near the limit of the "))


# --- featurize -----------------------------------------------------------------------------------


@pytest.mark.parametrize("convention", ["xanesnet", "default", "scattering"])
def test_features_as_csv(capsys, convention):
    assert main(["featurize", put("a.xyz"), "--convention", convention]) == 0
    head, rows = table(capsys.readouterr().out)
    wanted = descriptor_by_name(convention)
    assert tuple(head) == wanted.feature_names
    assert rows.shape == (1, wanted.n_features)
    assert convention != "xanesnet" or rows.shape == (1, 97)
    np.testing.assert_allclose(rows[0], wanted.transform(complex_of()), rtol=1e-6, atol=1e-6)


def test_features_as_npz():
    put("m.xyz", metals("Fe"), complex_of())
    assert main(["featurize", "m.xyz", "--convention", "xanesnet", "--out", "deep/m.NPZ"]) == 0
    with np.load("deep/m.NPZ", allow_pickle=False) as found:
        assert found["x"].shape == (3, 97)
        assert found["frame"].tolist() == [0, 0, 1]
        assert found["index"].tolist() == [0, 13, 0]
        assert found["element"].tolist() == ["Fe"] * 3
        assert str(found["convention"]) == "xanesnet"
        assert tuple(found["feature_names"]) == WACSF.xanesnet().feature_names


def test_csv_file_is_what_standard_output_gives(capsys):
    assert main(["featurize", put("a.xyz")]) == 0
    text = capsys.readouterr().out
    assert main(["featurize", "a.xyz", "--out", "a.csv"]) == 0
    assert Path("a.csv").read_text() == text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.xyz", "--out", "a.txt"], r"--out a.txt: the name must end in .csv, .npz or .parquet"),
        (["a.xyz", "--out", "a"], "the name must end in"),
        (["a.xyz", "--out", "a.xyz/b.csv"], "cannot write a.xyz/b.csv"),
        (["none.xyz"], "none.xyz: There is no file"),
        (["a.xyz", "--absorber", "V"], "a.xyz: There is no V"),
    ],
)
def test_featurize_refuses_with_one_line(capsys, arguments, message):
    put("a.xyz")
    assert main(["featurize", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in one_line(captured.err)


# --- models --------------------------------------------------------------------------------------


def test_cards_as_json():
    result = program("models", "--json")
    assert result.returncode == 0
    cards = json.loads(result.stdout)
    assert [card["key"] for card in cards] == ["tiny"]
    assert cards[0] == tiny_model().card.to_dict()


def test_models_for_people(capsys):
    assert main(["models"]) == 0
    text = capsys.readouterr().out
    assert "tiny: FEFF10, nine metals, fast (V, Fe; K edge, XANES)" in text
    assert "trained on 40 complexes, 2026-01-01" in text


def test_no_models(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("XANES_MODELS", str(tmp_path / "none"))
    assert main(["models", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["predict", put("a.xyz")]) == 2
    assert "there are: none; restore the models folder" in one_line(capsys.readouterr().err)


# --- training ------------------------------------------------------------------------------------


@pytest.fixture
def training_set(tmp_path, monkeypatch):
    monkeypatch.setitem(recipes.RECIPES, "tiny", replace(tiny_recipe(), data="data/feff10"))
    return str(write_training_set(tmp_path / "set"))


def test_train_writes_a_model_that_can_be_used(capsys, training_set):
    arguments = ["train", "--model", "tiny", "--data", training_set, "--out", "made"]
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("tiny: 40 samples, saved as made")
    assert "tiny: 100% done" in captured.err
    model = load_model("tiny", folder="made")
    assert model.card.hyper_parameters == TINY.as_dict()
    wanted = tiny_model().predict(complex_of())
    np.testing.assert_allclose(model.predict(complex_of()).mu, wanted.mu, atol=1e-5)


def test_training_twice_gives_the_same_weights(training_set):
    for folder in ("one", "two"):
        main(["train", "--model", "tiny", "--data", training_set, "--out", folder])
    one, two = (Path(f, "tiny", "weights.npz").read_bytes() for f in ("one", "two"))
    assert one == two


def test_accuracy_prints_a_table(capsys, training_set, monkeypatch):
    monkeypatch.setattr("xanes_core.training.accuracy.BASELINES", {})
    assert main(["accuracy", "--model", "tiny", "--data", training_set]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [row.split()[1] for row in rows] == ["element", "all", "V", "Fe"]


def test_accuracy_updates_every_document(capsys, training_set, monkeypatch):
    monkeypatch.setattr("xanes_core.training.accuracy.BASELINES", {})
    for name, key in (("readme.md", "tiny short"), ("long.md", "tiny")):
        Path(name).write_text(f"before\n<!-- accuracy {key} -->\n<!-- end {key} -->\nafter\n")
    arguments = ["accuracy", "--model", "tiny", "--data", training_set]
    assert main([*arguments, "--document", "readme.md", "--document", "long.md"]) == 0
    table = capsys.readouterr().out
    assert Path("long.md").read_text() == (
        f"before\n<!-- accuracy tiny -->\n{table}<!-- end tiny -->\nafter\n"
    )
    short = Path("readme.md").read_text().splitlines()
    assert short[:2] == ["before", "<!-- accuracy tiny short -->"]
    assert short[2] == table.splitlines()[0]
    assert short[-2:] == ["<!-- end tiny short -->", "after"]
    assert "band width" in table
    assert "band width" not in "".join(short)


@pytest.mark.parametrize("option", ["--document", "--readme"])
def test_a_document_without_marks_is_told_before_the_work(
    capsys, training_set, monkeypatch, option
):
    monkeypatch.setattr("xanes_core.cli.training.accuracy_report", lambda *a, **k: 1 / 0)
    Path("plain.md").write_text("nothing\n")
    arguments = ["accuracy", "--model", "tiny", "--data", training_set, option]
    assert main([*arguments, "plain.md"]) == 2
    assert "<!-- accuracy tiny -->" in one_line(capsys.readouterr().err)
    assert main([*arguments, "nowhere.md"]) == 2
    assert one_line(capsys.readouterr().err).startswith("nowhere.md cannot be read")


def test_crossval_prints_the_candidates(capsys, training_set, monkeypatch):
    found = variants()
    monkeypatch.setattr("xanes_core.cli.training.compare", lambda *a, **k: iter(found))
    assert main(["crossval", "--model", "tiny", "--data", training_set]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "tiny: five folds of 34 samples; MSE in 1e-3"
    assert lines[2].split() == ["as", "the", "recipe", "5.00", "0.10", "7.00", "3"]
    assert lines[3].split() == ["mean", "9.00", "0.20", "1"]


def variants():
    return [
        Variant("as the recipe", 5e-3, 1e-4, 7e-3, 3.2),
        Variant("mean", 9e-3, 2e-4, None, 1.1),
    ]


@pytest.mark.parametrize("command", ["train", "accuracy", "crossval"])
def test_training_commands_refuse_missing_data(capsys, command):
    assert main([command, "--model", "fdmnes-v", "--data", "nowhere.npz"]) == 2
    line = one_line(capsys.readouterr().err)
    assert line.startswith("no training data at nowhere.npz; fdmnes-v needs k_edge_v.npz")


def test_unknown_recipe(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["train", "--model", "none"])
    assert "feff10-3d" in capsys.readouterr().err


def test_a_model_folder_that_cannot_be_written(capsys, training_set):
    Path("file").write_text("")
    arguments = ["train", "--model", "tiny", "--data", training_set, "--out", "file"]
    assert main(arguments) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "cannot write the model (Not a directory); choose another --out"


@pytest.mark.parametrize("jobs", ["0", "-2", "many"])
def test_impossible_numbers_of_processes(capsys, jobs):
    with pytest.raises(SystemExit, match="2"):
        main(["train", "--model", "feff10-3d", "--jobs", jobs])
    assert "--jobs: " in capsys.readouterr().err


# --- the program ---------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["models"], ["featurize", "a.xyz"]])
def test_a_reader_that_goes_away_is_no_error(arguments):
    put("a.xyz")
    read, write = os.pipe()
    os.close(read)
    try:
        result = program(*arguments, stdout=write, stderr=subprocess.PIPE)
    finally:
        os.close(write)
    assert result.returncode == 0
    assert result.stderr == b""


def test_interruption_is_status_130(capsys, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(predict, "read_structures", stop)
    assert main(["predict", put("a.xyz")]) == 130
    assert one_line(capsys.readouterr().err) == "stopped"


def test_help_names_every_command():
    result = program("--help")
    assert result.returncode == 0
    text = result.stdout.decode()
    for command in ("predict", "featurize", "models", "train", "crossval", "accuracy", "bench"):
        assert command in text

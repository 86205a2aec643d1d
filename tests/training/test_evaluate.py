"""Measuring a model on folders of structures with spectra, in each layout."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.tiny_models import (
    tiny_data,
    tiny_emission_model,
    tiny_model,
    write_training_set,
    xyz_text,
)
from xanes_core.cli.commands import main
from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import DatasetError
from xanes_core.model.registry import save_model
from xanes_core.training.evaluate import evaluate


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_training_set(tmp_path_factory.mktemp("data"))


def pairs(folder, n=6, change=lambda mu: mu):
    """The same records as xyz/NAME.xyz and xanes/NAME.txt, V and Fe in turn."""
    data = tiny_data()
    for part in ("xyz", "xanes"):
        (folder / part).mkdir(parents=True)
    for i in range(0, 40, 40 // n)[:n]:
        name, element = data.training_set.names[i], data.elements[i]
        (folder / "xyz" / f"{name}.xyz").write_text(xyz_text(data.training_set.structures[i]))
        energy = data.energy_rel_ev + K_EDGE_EV[element]
        table = np.column_stack([energy, change(data.y[i])])
        np.savetxt(folder / "xanes" / f"{name}.txt", table, header="energy mu")
    return folder


def test_the_layout_of_the_project(folder):
    model, data = tiny_model(), tiny_data()
    found = evaluate(model, folder, report=model.report)
    assert (found["model"], found["n"], found["seen"]) == ("tiny", 40, 40)
    error = np.mean((model.predict_features(data.x).mu - data.y) ** 2)
    assert found["scores"]["all"]["mse"] == pytest.approx(error, rel=1e-4)
    assert {name: row["n"] for name, row in found["scores"].items()} == {
        "all": 40, "V": 20, "Fe": 20,
    }  # fmt: skip
    assert sum(row["n"] for row in found["by_verdict"].values()) == 40
    for level in (50, 68, 90, 95):
        assert 0 <= found["scores"]["all"][f"coverage_{level}"] <= 1
    (warning,) = found["warnings"]
    assert "trained on 40 of these 40 records" in warning


def test_structures_and_spectra_file_by_file(tmp_path):
    model = tiny_model()
    found = evaluate(model, pairs(tmp_path), report=model.report)
    assert (found["n"], found["seen"]) == (6, 6)
    rows = np.arange(0, 40, 6)[:6]
    error = np.mean((model.predict_features(tiny_data().x[rows]).mu - tiny_data().y[rows]) ** 2)
    assert found["scores"]["all"]["mse"] == pytest.approx(error, rel=0.01)
    assert evaluate(model, tmp_path)["warnings"] == []  # without a report nobody knows the names


def test_features_and_spectra(tmp_path):
    data, model = tiny_data(), tiny_model()
    np.savez(tmp_path / "set.npz", x=data.x, y=data.y)
    found = evaluate(model, tmp_path / "set.npz")
    assert (found["n"], found["seen"]) == (40, 0)
    assert found["scores"]["Fe"]["n"] == 20  # told by the features


def test_emission(tmp_path):
    from tests.tiny_models import add_emission

    found = evaluate(tiny_emission_model(), add_emission(write_training_set(tmp_path)))
    assert found["n"] == 40
    assert found["scores"]["all"]["peaks_matched"] > 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda mu: 0.01 * mu, r"at 0\.0\d+ times its level, so they are normalised otherwise"),
        (lambda mu: 5 * mu, "normalise them to an edge step of 1 first"),
        (
            lambda mu: mu + 0.3 * (-1.0) ** np.arange(len(mu)),
            "times as rough .* without core-hole broadening are; convolve them first",
        ),
    ],
)
def test_spectra_of_another_kind_are_refused(tmp_path, change, message):
    with pytest.raises(DatasetError, match=f"cannot be compared with model tiny: .*{message}"):
        evaluate(tiny_model(), pairs(tmp_path, change=change))


def test_data_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"nothing at x: give a folder with EL\.extxyz"):
        evaluate(tiny_model(), tmp_path / "x")
    pairs(tmp_path)
    next((tmp_path / "xanes").iterdir()).unlink()
    with pytest.raises(DatasetError, match=r"xyz/.*\.xyz has no xanes/.*\.txt"):
        evaluate(tiny_model(), tmp_path)


def test_a_damaged_record_is_named(tmp_path):
    pairs(tmp_path)
    file = sorted((tmp_path / "xanes").iterdir())[0]
    file.write_text("nothing")
    with pytest.raises(DatasetError, match=f"record {file.stem}: "):
        evaluate(tiny_model(), tmp_path)


def test_absorbers_nobody_knows_are_refused(tmp_path):
    iron = replace(tiny_model(), card=replace(tiny_model().card, elements=("Cu",)))
    with pytest.raises(DatasetError, match="no record in xyz/ has an absorber that model tiny"):
        evaluate(iron, pairs(tmp_path / "pairs"))
    with pytest.raises(DatasetError, match="no record has an absorber that model tiny"):
        evaluate(iron, write_training_set(tmp_path / "set"))


def test_absorption_is_no_emission(tmp_path):
    with pytest.raises(DatasetError, match="holds absorption; model tiny-xes predicts emission"):
        evaluate(tiny_emission_model(), pairs(tmp_path))


def test_features_of_several_elements_must_tell_them(tmp_path):
    from xanes_core.descriptors.wacsf import WACSF

    model = replace(tiny_model(), descriptor=WACSF.xanesnet())
    np.savez(tmp_path / "set.npz", x=np.ones((3, 97)), y=np.ones((3, 226)))
    with pytest.raises(DatasetError, match="these features do not tell the absorber"):
        evaluate(model, tmp_path / "set.npz")


def test_the_command(folder, tmp_path, monkeypatch, capsys):
    save_model(tiny_model(), tmp_path)
    monkeypatch.setenv("XANES_MODELS", str(tmp_path))
    assert main(["evaluate", "--model", "tiny", "--data", str(folder)]) == 0
    told = capsys.readouterr()
    assert "warning: model tiny was trained on 40" in told.err
    assert "relative_spectral_error_percent" in told.out
    assert main(["evaluate", "--model", "tiny", "--data", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 40
    assert main(["evaluate", "--model", "tiny", "--data", str(tmp_path / "x")]) == 2

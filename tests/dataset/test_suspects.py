"""Spectra that look wrong are listed; sound ones are not."""

from dataclasses import replace

import ase.io
import numpy as np
import pytest

from tests.dataset.test_shards import complexes, records
from tests.tiny_models import write_training_set
from xanes_core.cli.commands import main
from xanes_core.dataset.shards import write_shards
from xanes_core.dataset.suspects import (
    find_suspects,
    suspects_of_set,
    suspects_of_shards,
    unphysical,
)
from xanes_core.errors import DatasetError

GRID = np.linspace(-15, 60, 226)


def edge(at_ev=10.0, height=1.0, white=0.4):
    step = height / (1 + np.exp(-(GRID - at_ev)))
    return step + white * np.exp(-(((GRID - at_ev - 5) / 4) ** 2))


def test_an_edge_is_physical():
    assert unphysical(GRID, edge()) == ""


@pytest.mark.parametrize(
    ("mu", "said"),
    [
        (edge() - 0.2, "falls to -0.20 edge steps"),
        (edge(white=6.0), "rises to"),
        (0.3 * edge(), "never reaches half a step"),
        (edge(at_ev=40.0), "the edge lies at 40 eV"),
        (edge(at_ev=-12.0), "the edge lies at -12 eV"),
        (edge(height=1.8), "stays at 1.80 edge steps"),
    ],
)
def test_what_no_edge_does(mu, said):
    assert said in unphysical(GRID, mu)


def spectra(n=30):
    rng = np.random.default_rng(2)
    bond = rng.uniform(1.9, 2.2, n)
    mu = np.array([edge(10 - 20 * (b - 2)) for b in bond]) + rng.normal(0, 0.003, (n, 226))
    return [f"Fe_{i}" for i in range(n)], np.array(["Fe"] * n), np.abs(mu), bond[:, None]


@pytest.mark.parametrize("with_features", [False, True])
def test_a_spectrum_unlike_the_others_is_a_suspect(with_features):
    names, elements, mu, bond = spectra()
    features = bond if with_features else None
    assert find_suspects(names, elements, GRID, mu, features=features, unlike_factor=12) == []
    mu[7] = edge(18.0)
    (found,) = find_suspects(names, elements, GRID, mu, features=features, unlike_factor=12)
    assert found.name == "Fe_7"
    assert "structures" in found.reasons[0] if with_features else "spectra" in found.reasons[0]


def test_structures_tell_what_spectra_alone_do_not():
    names, elements, mu, bond = spectra()
    mu[7] = mu[int(np.argmax(np.abs(bond[:, 0] - bond[7, 0])))]  # that of a quite other structure
    assert find_suspects(names, elements, GRID, mu, unlike_factor=5) == []
    found = find_suspects(names, elements, GRID, mu, features=bond, unlike_factor=5)
    assert [one.name for one in found] == ["Fe_7"]


def test_few_records_of_a_metal_have_no_neighbours():
    mu = np.array([edge(), edge(20.0), edge(2.0)])
    assert find_suspects(["a", "b", "c"], np.array(["Fe"] * 3), GRID, mu) == []


def test_numbers_must_agree():
    with pytest.raises(DatasetError, match="of one set are needed"):
        find_suspects(["a"], np.array(["Fe", "Fe"]), GRID, np.array([edge()]))


def test_what_the_theory_noted_is_among_the_suspects(tmp_path):
    folder = write_training_set(tmp_path)
    images = ase.io.read(folder / "Fe.extxyz", index=":")
    images[3].info["theory_note"] = "unconverged"
    ase.io.write(folder / "Fe.extxyz", images, format="extxyz")
    found, n = suspects_of_set(folder)
    assert n == 40
    noted = [one.name for one in found if "did not converge" in one.reasons[0]]
    assert noted == ["Fe_003"]


def test_shards_with_and_without_their_structures(tmp_path, capsys):
    wanted = records(8)
    shifted = wanted[2].energy_ev + 60.0
    wanted[2] = replace(wanted[2], mu=np.full_like(wanted[2].mu, 0.2), energy_ev=shifted - 60.0)
    write_shards(tmp_path / "shards", wanted)
    found, n = suspects_of_shards(tmp_path / "shards")
    assert n == 8
    assert "Fe_tmqm_002" in [one.name for one in found]
    (tmp_path / "pending").mkdir()
    images = [atoms for atoms, _ in complexes(8)][1:]
    ase.io.write(tmp_path / "pending" / "Fe.extxyz", images, format="extxyz")
    assert suspects_of_shards(tmp_path / "shards", tmp_path / "pending")[1] == 7
    command = ["dataset", "suspects", "--shards", str(tmp_path / "shards")]
    assert main([*command, "--structures", str(tmp_path / "pending")]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0].endswith("of 7 spectra look wrong")
    assert "Fe_tmqm_002: the absorption never reaches half a step" in said


def test_structures_that_are_not_there_are_told(tmp_path, capsys):
    write_shards(tmp_path, records(2))
    (tmp_path / "none").mkdir()
    with pytest.raises(DatasetError, match="none holds none of the structures of"):
        suspects_of_shards(tmp_path, tmp_path / "none")
    (tmp_path / "none" / "Fe.extxyz").write_text("three\n")
    with pytest.raises(DatasetError, match=r"Fe\.extxyz cannot be read"):
        suspects_of_shards(tmp_path, tmp_path / "none")
    assert main(["dataset", "suspects", "--structures", str(tmp_path)]) == 2
    assert "--structures belongs to --shards" in capsys.readouterr().err

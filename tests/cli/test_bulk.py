"""Very many structures into one file: the numbers of one by one, in parts, resumed."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from ase.io import write

from tests.tiny_models import tiny_model, toy_complex
from xanes_core.cli.commands import main
from xanes_core.errors import ModelError
from xanes_core.model import bulk, save_model
from xanes_core.model.bulk import BulkJob, Parts, calculate, chunks
from xanes_core.structures.stream import stream_structures


@pytest.fixture(autouse=True)
def _workplace(tmp_path, monkeypatch):
    save_model(tiny_model(), tmp_path / "models")
    monkeypatch.setenv("XANES_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("xanes_core.cli.bulk.chunks", partial(chunks, size=4))
    bulk._loaded.cache_clear()


def complex_of():
    return toy_complex("Fe", np.random.default_rng(41))


def frames(count=10):
    made = []
    for number in range(count):
        atoms = complex_of()
        atoms.positions[1] *= 1 + 0.01 * number
        made.append(atoms)
    return made


@pytest.fixture
def trajectory():
    write("t.xyz", frames())
    with Path("t.xyz").open("a") as stream:
        stream.write("2\nno metal\nO 0 0 0\nH 0.96 0 0\n")
    return Path("t.xyz")


def columns_of(path):
    if path.endswith(".npz"):
        with np.load(path, allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    table = pq.read_table(path)
    constants = {k.decode(): np.array(json.loads(v)) for k, v in table.schema.metadata.items()}
    return constants | {name: np.array(table[name].to_pylist()) for name in table.column_names}


@pytest.mark.parametrize("out", ["deep/all.npz", "deep/all.parquet"])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_spectra_are_those_of_one_by_one(trajectory, capsys, out, jobs):
    arguments = ["predict", str(trajectory), "--model", "tiny", "--out", out, "--jobs", jobs]
    assert main([*arguments, "--backend", "threading"]) == 2  # the last frame has no metal
    assert "t.xyz, frame 10:" in capsys.readouterr().err
    found, model = columns_of(out), tiny_model()
    assert found["frame"].tolist() == list(range(11))
    assert found["source"].tolist() == ["t.xyz"] * 11
    assert str(found["model"]) == "tiny"
    np.testing.assert_allclose(found["energy_rel_ev"], model.energy_rel_ev)
    wanted = [model.predict(atoms, None) for atoms in frames()]
    for name in ("mu", "lower", "upper"):
        np.testing.assert_allclose(
            found[name][:10], [getattr(one, name) for one in wanted], atol=1e-5
        )
        assert np.isnan(found[name][10].astype(float)).all()
    assert found["verdict"][:10].tolist() == [one.domain.level for one in wanted]
    assert found["error"][:10].tolist() == [""] * 10
    assert "metal" in found["error"][10]
    assert sorted(path.name for path in Path("deep").iterdir()) == [Path(out).name]


@pytest.mark.parametrize("out", ["x.npz", "x.parquet"])
def test_features_of_a_folder(trajectory, out):
    Path("f").mkdir()
    trajectory.rename("f/t.xyz")
    assert main(["featurize", "f", "--convention", "xanesnet", "--out", out]) == 2
    found = columns_of(out)
    assert found["x"].shape == (11, 97)
    assert found["index"].tolist() == [0] * 10 + [-1]
    assert len(found["feature_names"]) == 97


def test_a_run_goes_on_where_it_was(trajectory, monkeypatch):
    arguments = ["predict", str(trajectory), "--model", "tiny", "--out", "all.npz"]
    arguments += ["--backend", "threading"]
    calculated = []

    def ends(job, chunk):
        calculated.append(chunk.number)
        if len(calculated) == 2:
            raise KeyboardInterrupt
        return calculate(job, chunk)

    monkeypatch.setattr("xanes_core.cli.bulk.calculate", ends)
    assert main(arguments) == 130
    assert not Path("all.npz").exists()
    kept = sorted(path.name for path in Path(".all.npz.parts").iterdir())
    assert kept == ["part-0000000.npz", "run.json"]
    assert main(arguments) == 2
    assert calculated == [0, 1, 1, 2]
    assert columns_of("all.npz")["frame"].tolist() == list(range(11))
    assert not Path(".all.npz.parts").exists()


def test_parts_of_another_run_are_refused(trajectory, capsys):
    Parts(Path("all.npz"), BulkJob(model="tiny"), [trajectory])
    arguments = ["predict", str(trajectory), "--out", "all.npz"]
    assert main([*arguments, "--model", "tiny", "--absorber", "Fe"]) == 2
    assert "holds parts of another run" in capsys.readouterr().err
    assert Path(".all.npz.parts").is_dir()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["t.xyz", "--frame", "1", "--out", "a.npz"], "--frame chooses one frame"),
        (["none.xyz", "--model", "tiny", "--out", "a.npz"], "There is no file none.xyz"),
        (["t.xyz", "--out", "t.xyz/a.npz"], "cannot write t.xyz/a.npz"),
        (["t.xyz", "--out", "a.npz", "--backend", "dask"], "belong together"),
        (["bare.xyz", "--out", "a.npz"], "metal"),
    ],
)
def test_refusals(trajectory, capsys, arguments, message):
    write("bare.xyz", complex_of()[1:3])
    assert main(["predict", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_parts_and_jobs_refuse_what_makes_no_sense(trajectory):
    with pytest.raises(ModelError, match="name a model for spectra or a convention"):
        BulkJob()
    with pytest.raises(ModelError, match=r"a\.csv: the name must end in \.npz or \.parquet"):
        Parts(Path("a.csv"), BulkJob(model="tiny"), [trajectory])
    parts = Parts(Path("a.npz"), BulkJob(model="tiny"), [trajectory])
    with pytest.raises(ModelError, match="hold no structure"):
        parts.join(0)
    (parts.folder / "part-0000000.npz").write_bytes(b"half")
    with pytest.raises(ModelError, match=r"part-0000000\.npz in .* is damaged"):
        parts.join(1)
    assert not list(Path().glob(".a.npz.?*[!s]"))


def test_the_same_pieces_make_the_same_chunks(trajectory):
    made = [chunk.number for chunk in chunks(stream_structures([trajectory]), 3)]
    assert made == [0, 1, 2, 3]

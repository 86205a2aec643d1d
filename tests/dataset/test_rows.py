"""Features of published structures, stored beside their spectra."""

import gzip
from dataclasses import replace

import numpy as np
import pytest

from tests.dataset.test_shards import complexes, records
from tests.places import PROJECT
from tests.tiny_models import (
    ELEMENTS,
    tiny_model,
    tiny_recipe,
    with_settings,
    write_training_set,
)
from xanes_core.cli.commands import main
from xanes_core.cli.training import training_data
from xanes_core.constants import K_EDGE_EV
from xanes_core.dataset.rows import (
    descriptor_hash,
    is_held_out,
    read_rows,
    write_rows,
)
from xanes_core.dataset.shards import write_shards
from xanes_core.descriptors.descriptor import descriptor_by_name
from xanes_core.errors import DatasetError
from xanes_core.files import array_bytes, read_arrays
from xanes_core.model.registry import load_model, save_model
from xanes_core.spectra.grid import feff_to_grid
from xanes_core.spectra.kinds import XANES
from xanes_core.structures.environments import environment
from xanes_core.structures.first_shell import coordination, coordination_number
from xanes_core.training.accuracy import accuracy_report, markdown_table
from xanes_core.training.assessment import Split, assess
from xanes_core.training.evaluate import evaluate, load_evaluation_data
from xanes_core.training.recipes import get_recipe, load_training_data
from xanes_core.training.scores import held_out_metrics
from xanes_core.training.train import train_model

DESCRIPTOR = descriptor_by_name("default")
N = 45
#: The rule must never change: what was held out once would be trained on.
HELD_OUT = [4, 24, 32]


def frames(structures):
    """The text of a tmQM file; the metal need not come first there."""
    text = []
    for atoms in structures:
        code = atoms.info["name"].rpartition("_")[2]
        order = [*range(1, len(atoms)), 0]
        text += [str(len(atoms)), f"CSD_code = {code} | q = 0 | S = 0"]
        text += [
            f"{atoms.symbols[i]} {' '.join(f'{v:.5f}' for v in atoms.positions[i])}" for i in order
        ]
    return "\n".join(text) + "\n"


@pytest.fixture
def folder(tmp_path):
    write_shards(tmp_path / "shards", records(N), size=30)
    (tmp_path / "tmqm").mkdir()
    published = [atoms[[0, *range(1, len(atoms))]] for atoms, _ in complexes(N)]
    for atoms, (one, _) in zip(published, complexes(N), strict=True):
        atoms.info["name"] = one.info["name"]
    text = frames(published[:20]), frames(published[20:])
    (tmp_path / "tmqm" / "tmQM_Fe.xyz").write_text(text[0])
    (tmp_path / "tmqm" / "tmQM_Fe2.xyz.gz").write_bytes(gzip.compress(text[1].encode()))
    return tmp_path / "shards"


@pytest.fixture
def written(folder):
    write_rows(folder, folder.parent / "tmqm", DESCRIPTOR)
    return folder


def test_rows_hold_features_spectra_and_first_shells(written):
    found = read_rows(written, DESCRIPTOR)
    made = complexes(N)
    assert found.names.tolist() == [atoms.info["name"] for atoms, _ in made]
    assert set(found.elements) == {"Fe"}
    wanted = DESCRIPTOR.transform_many((atoms, 0) for atoms, _ in made)
    np.testing.assert_allclose(found.x, wanted, rtol=1e-6, atol=1e-6)
    energy, mu = made[7][1]
    grid = XANES.energy_rel_ev
    on_grid = feff_to_grid(energy, mu, e0_ev=K_EDGE_EV["Fe"], grid_rel_ev=grid)
    np.testing.assert_allclose(found.y[7], on_grid, rtol=1e-5)
    for (atoms, _), env, shell in zip(made, found.envs, found.shells, strict=True):
        own = environment(atoms, 0)
        assert shell == coordination(own)
        assert coordination_number(env) == coordination_number(own)
        np.testing.assert_array_equal(env.numbers, own.numbers)
        np.testing.assert_allclose(env.distances_ang, own.distances_ang, atol=6e-4)
        assert np.isnan(env.positions_ang).all()  # coordinates are not stored
    assert len(found.subset(found.held_out).envs) == found.held_out.sum()


def test_what_is_held_out_is_decided_by_the_name_alone():
    names = [f"Fe_tmqm_{i:05d}" for i in range(5000)]
    held = np.array([is_held_out(name) for name in names])
    assert 0.08 < held.mean() < 0.12
    assert is_held_out("Ti_tmqm_ACIPTI") == is_held_out("Ti_tmqm_ACIPTI")
    assert np.flatnonzero(held)[:3].tolist() == HELD_OUT


def test_descriptors_are_told_apart_by_their_parameters():
    hashes = {
        descriptor_hash(descriptor_by_name(name)) for name in ("xanesnet", "default", "scattering")
    }
    assert len(hashes) == 3


def test_files_that_are_there_are_left_alone(written):
    assert write_rows(written, written.parent / "nothing", DESCRIPTOR) == []
    names = sorted(path.name for path in written.glob("rows-*"))
    hashed = descriptor_hash(DESCRIPTOR)
    assert names == [f"rows-xanes-{hashed}-000{i}.npz" for i in (1, 2)]


def test_the_command_makes_what_is_missing(folder, capsys):
    source = str(folder.parent / "tmqm")
    words = ["dataset", "rows", "--structures", source, "--convention", "default"]
    assert main([*words, "--data", str(folder)]) == 0
    assert "-0002.npz" in capsys.readouterr().out
    assert main([*words, "--data", str(folder)]) == 0
    assert "every file has its features" in capsys.readouterr().out


def test_other_structures_are_refused(folder):
    source = folder.parent / "tmqm"
    text = (source / "tmQM_Fe.xyz").read_text()
    (source / "tmQM_Fe.xyz").write_text(text.replace("Fe 0.00000", "Fe 0.01000", 1))
    with pytest.raises(DatasetError, match=r"1 of 45 structures are not in tmqm, or are others"):
        write_rows(folder, source, DESCRIPTOR)
    empty = folder.parent / "empty"
    empty.mkdir()
    with pytest.raises(DatasetError, match="holds no xyz files"):
        write_rows(folder, empty, DESCRIPTOR)


def test_a_disk_that_refuses_is_told(folder):
    target = folder / f"rows-xanes-{descriptor_hash(DESCRIPTOR)}-0001.npz"
    target.mkdir()
    with pytest.raises(DatasetError, match="cannot be written"):
        write_rows(folder, folder.parent / "tmqm", DESCRIPTOR)


def test_missing_or_damaged_rows_are_told(written):
    other = descriptor_by_name("xanesnet")
    with pytest.raises(DatasetError, match=r"no features of descriptor 'xanesnet' .* dataset rows"):
        read_rows(written, other)
    with pytest.raises(DatasetError, match="holds no xanes spectra"):
        read_rows(written.parent / "tmqm", DESCRIPTOR)
    target = sorted(written.glob("rows-*"))[0]
    arrays = read_arrays(target.read_bytes())
    target.write_bytes(array_bytes({**arrays, "x": arrays["x"][:, 1:]}))
    with pytest.raises(DatasetError, match=r"is damaged .features of shape"):
        read_rows(written, DESCRIPTOR)
    target.write_bytes(array_bytes({**arrays, "name": arrays["name"][::-1]}))
    with pytest.raises(DatasetError, match="lists other records than"):
        read_rows(written, DESCRIPTOR)


def test_features_of_a_part_are_found_in_those_of_the_whole(written):
    joined, wanted = descriptor_by_name("scattering"), read_rows(written, DESCRIPTOR).x
    write_rows(written, written.parent / "tmqm", joined)
    for path in written.glob(f"rows-xanes-{descriptor_hash(DESCRIPTOR)}-*"):
        path.unlink()
    np.testing.assert_allclose(read_rows(written, DESCRIPTOR).x, wanted, rtol=1e-6)
    paths = read_rows(written, joined.parts[1]).x
    np.testing.assert_array_equal(paths, read_rows(written, joined).x[:, 298 : 298 + 420])


def test_unconverged_records_are_left_out(tmp_path, folder):
    made = records(2, note="unconverged")
    write_shards(tmp_path / "bad", [made[0], *records(3)[2:]])
    write_rows(tmp_path / "bad", folder.parent / "tmqm", DESCRIPTOR)
    assert read_rows(tmp_path / "bad", DESCRIPTOR).names.tolist() == ["Fe_tmqm_002"]


def test_a_spectrum_that_cannot_be_used_is_named(tmp_path, folder):
    energy = np.full(3, np.nan)
    write_shards(tmp_path / "bad", records(1, energy_ev=energy, mu=np.ones(3)))
    write_rows(tmp_path / "bad", folder.parent / "tmqm", DESCRIPTOR)
    with pytest.raises(DatasetError, match="spectrum of Fe_tmqm_000"):
        read_rows(tmp_path / "bad", DESCRIPTOR)


# --- in training ---------------------------------------------------------------------------------


def test_training_data_take_them_and_accuracy_tells_them_apart(written, tmp_path):
    own = write_training_set(tmp_path / "own")
    recipe = tiny_recipe()
    data = load_training_data(recipe, own, written)
    plain = load_training_data(recipe, own)
    assert data.n_published == N
    assert data.names.tolist()[-N:] == [f"Fe_tmqm_{i:03d}" for i in range(N)]
    assert data.shells[: len(plain)] == plain.shells
    np.testing.assert_array_equal(data.own().x, plain.x)
    assert data.own().names.tolist() == plain.names.tolist()
    assert data.sha256 != plain.sha256
    np.testing.assert_array_equal(data.held_out[-N:], [is_held_out(n) for n in data.names[-N:]])
    report = accuracy_report(with_settings(data, recipe.settings))
    held = int(data.held_out[-N:].sum())
    assert report["published"]["all"]["n"] == held > 0
    assert report["model"]["all"]["n"] == int(plain.held_out.sum())
    assert report["n_published"] == N - held
    assert set(ELEMENTS) >= set(report["published"]) - {"all", "domain"} == {"Fe"}
    table = markdown_table(report)
    assert f"published structures held out, {N - held} others among those fitted to:" in table
    assert f"| Fe | {held} |" in table


def test_a_model_is_made_of_both(written, tmp_path):
    data = load_training_data(tiny_recipe(), write_training_set(tmp_path / "own"), written)
    model = train_model(data, with_importance=False)
    n = len(data)
    assert model.card.training_set.n == n == len(model.report.names) == len(model.domain.features)
    assert model.card.training_set.n_held_out_for_metrics == data.held_out.sum()
    metrics = model.card.metrics
    published = int(data.held_out[-N:].sum())
    assert metrics["held_out_published"]["all"]["n"] == published
    assert metrics["held_out"]["all"]["n"] == int(data.held_out.sum()) - published
    assert model.report.names[-1] == data.names[-1] == f"Fe_tmqm_{N - 1:03d}"
    assert model.report.geometry[-1] == data.shells[-1].geometry
    assert (model.report.oxidation_state[-N:] == -1).all()
    save_model(model, tmp_path)
    assert load_model("tiny", folder=tmp_path).card == model.card


def test_without_them_nothing_is_said_of_them(tmp_path):
    data = load_training_data(tiny_recipe(), write_training_set(tmp_path))
    assert data.n_published == 0
    assert not data.is_published.any()
    assert held_out_metrics(assess(data, Split(min_count=1000)), published=True) == {}


def test_a_folder_or_none_is_said_at_the_command_line(written, tmp_path):
    own = write_training_set(tmp_path / "own")
    recipe = replace(tiny_recipe(), published="data/nowhere")
    assert training_data(recipe, own, str(written)).n_published == N
    assert training_data(recipe, own, "none").n_published == 0
    with pytest.raises(DatasetError, match="holds no xanes spectra"):
        training_data(recipe, own)


def test_a_model_is_measured_on_those_held_out(written):
    model = tiny_model()
    found = load_evaluation_data(written, model)
    held = [name for name in read_rows(written, DESCRIPTOR).names.tolist() if is_held_out(name)]
    assert found.names == held
    assert evaluate(model, written)["scores"]["all"]["n"] == len(held)


def test_what_is_stored_goes_with_the_descriptor_of_the_recipe():
    """Where this fails after new spectra: python -m xanes_core dataset rows --structures PATH."""
    recipe = get_recipe("feff10-3d-ms")
    found = read_rows(PROJECT / recipe.published, recipe.descriptor)
    assert len(found.names) > 1300
    assert np.isfinite(found.x).all()
    assert 0.08 < found.held_out.mean() < 0.13

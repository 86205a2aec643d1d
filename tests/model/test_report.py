"""The stored report: on disk, on the map, and beside a model that has none."""

from dataclasses import replace

import numpy as np
import pytest

from tests.tiny_models import tiny_data, tiny_model
from xanes_core.errors import ModelError
from xanes_core.files import array_bytes
from xanes_core.model.registry import load_model, load_report, save_model, write_model_files
from xanes_core.model.report import Report
from xanes_core.training.train import draw_map


@pytest.fixture
def folder(tmp_path):
    save_model(tiny_model(), tmp_path)
    return tmp_path


def test_round_trip(folder):
    found, wanted = load_report("tiny", folder=folder), tiny_model().report
    for name in vars(wanted):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), err_msg=name)
    assert found.truth.dtype == np.float16
    assert (found.names == tiny_data().training_set.names).all()


def test_names_in_the_file(folder):
    with np.load(folder / "tiny" / "report.npz", allow_pickle=False) as arrays:
        told = {"name", "element", "held_out", "mse", "distance", "verdict", "map_xy"}
        told |= {"coordination", "oxidation_state", "kind", "mean", "lower", "upper", "truth"}
        assert told <= set(arrays.files)
        assert not {"features", "energy_rel_ev"} & set(arrays.files)  # those of the weights


def test_records_lie_where_they_are_placed(folder):
    report = load_report("tiny", folder=folder)
    scaled = tiny_model().ensemble.scaler.transform(tiny_data().x)
    np.testing.assert_allclose(report.place(scaled), report.map_xy, atol=1e-4)
    np.testing.assert_allclose(report.map_xy.std(axis=0), 1, atol=1e-3)


def test_nearest_records(folder):
    report = load_report("tiny", folder=folder)
    scaled = tiny_model().ensemble.scaler.transform(tiny_data().x[[7, 30]])
    rows, distances = report.nearest(scaled, 3)
    assert rows.shape == distances.shape == (2, 3)
    assert rows[:, 0].tolist() == [7, 30]
    assert (np.diff(distances, axis=1) >= 0).all()
    wanted = tiny_model().domain.scores(scaled)
    np.testing.assert_allclose(distances[:, 0], wanted, atol=1e-6)


def test_the_map_shows_the_features_that_decide_the_spectra():
    rng = np.random.default_rng(1)
    a = rng.normal(size=(400, 6))
    y = np.outer(a[:, 2], np.sin(np.arange(30))) + 0.5 * np.outer(a[:, 4], np.cos(np.arange(30)))
    mean, axes = draw_map(a, y)
    xy = (a - mean) @ axes

    def shown(column):
        told = xy @ np.linalg.lstsq(xy, a[:, column], rcond=None)[0]
        return np.corrcoef(told, a[:, column])[0, 1] ** 2

    assert min(shown(2), shown(4)) > 0.5
    assert max(shown(0), shown(1), shown(3), shown(5)) < 0.25


def test_a_model_without_a_report(folder):
    bare = replace(
        tiny_model(), key="bare", card=replace(tiny_model().card, key="bare"), report=None
    )
    save_model(bare, folder)
    assert load_report("bare", folder=folder) is None
    assert not (folder / "bare" / "report.npz").exists()


def test_saving_a_loaded_model_keeps_the_report_of_the_same_data(folder):
    model = load_model("tiny", folder=folder)
    assert model.report is None
    save_model(model, folder)
    assert load_report("tiny", folder=folder) is not None
    training = replace(model.card.training_set, sha256="0" * 64)
    save_model(replace(model, card=replace(model.card, training_set=training)), folder)
    assert load_report("tiny", folder=folder) is None  # it was about other data


@pytest.mark.parametrize("key", ["nothing", "../tiny", ""])
def test_unknown_models_are_refused(folder, key):
    with pytest.raises(ModelError, match=r"no model called .* no report of it"):
        load_report(key, folder=folder)


def test_damage_is_noticed(folder):
    file = folder / "tiny" / "report.npz"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(ModelError, match=r"report\.npz of model tiny does not match its checksum"):
        load_report("tiny", folder=folder)
    assert load_model("tiny", folder=folder).key == "tiny"  # predicting needs no report
    file.unlink()
    with pytest.raises(ModelError, match=r"report\.npz of model tiny cannot be read"):
        load_report("tiny", folder=folder)


def rewritten(folder, change):
    own = folder / "tiny"
    arrays = change(tiny_model().report.to_arrays())
    contents = {name: (own / name).read_bytes() for name in ("card.json", "weights.npz")}
    write_model_files(own, {**contents, "report.npz": array_bytes(arrays)})


@pytest.mark.parametrize("name", ["name", "mse", "map_axes", "verdict", "sha256"])
def test_missing_arrays_are_refused(folder, name):
    rewritten(folder, lambda a: {k: v for k, v in a.items() if k != name})
    with pytest.raises(ModelError, match=f"the report lacks '{name}'"):
        load_report("tiny", folder=folder)


@pytest.mark.parametrize("name", ["mse", "map_xy", "truth", "map_mean", "coordination"])
def test_arrays_of_another_shape_are_refused(folder, name):
    rewritten(folder, lambda a: {**a, name: a[name][:-1]})
    with pytest.raises(ModelError, match=r"the report's .* has shape"):
        load_report("tiny", folder=folder)


def test_a_report_that_is_no_archive_is_refused(folder):
    own = folder / "tiny"
    contents = {name: (own / name).read_bytes() for name in ("card.json", "weights.npz")}
    write_model_files(own, {**contents, "report.npz": b"text"})
    with pytest.raises(ModelError, match="report of model tiny cannot be read"):
        load_report("tiny", folder=folder)


def test_length():
    assert len(tiny_model().report) == len(tiny_data().x)
    assert isinstance(tiny_model().report, Report)

"""Importance that comes with a model: computed at training, stored, found again, listed."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from tests.tiny_models import ELEMENTS, TINY, tiny_data, tiny_model, tiny_recipe
from xanes_core.cli.commands import main
from xanes_core.descriptors.wacsf import WACSF
from xanes_core.errors import ModelError
from xanes_core.importance.groups import feature_groups
from xanes_core.importance.permutation import Scrambling, cross_importance
from xanes_core.importance.stored import (
    ALL_FEATURES,
    ELEMENT_GROUPINGS,
    find_importance,
    mean_and_errors,
    mean_over_absorbers,
    stored_importance,
    stored_key,
)
from xanes_core.importance.table import COLUMNS, group_centres_ang, importance_csv, series_csv
from xanes_core.model.explanation import distance_histograms
from xanes_core.model.registry import load_model, save_model
from xanes_core.model.samples import Samples
from xanes_core.training import recipes
from xanes_core.training.assessment import cross_fit
from xanes_core.training.train import add_importance


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(scope="module")
def development():
    data = tiny_data()
    samples = data.subset(~data.held_out)
    return samples, cross_fit(samples, WACSF.default().feature_kinds, TINY)


def test_a_trained_model_carries_what_the_pages_show(model):
    wanted = {ALL_FEATURES} | {stored_key(el, g) for el in ELEMENTS for g in ELEMENT_GROUPINGS}
    assert set(model.importance) == wanted
    assert model.importance[ALL_FEATURES].names == WACSF.default().feature_names
    assert set(model.mean_mu) == set(ELEMENTS)
    data = tiny_data()
    np.testing.assert_allclose(model.mean_mu["Fe"], data.y[data.elements == "Fe"].mean(axis=0))
    pairs = [(atoms, 0) for atoms in data.training_set.structures]
    np.testing.assert_array_equal(model.distances.counts, distance_histograms(pairs).counts)


@pytest.mark.parametrize(("n", "left"), [(100, 98), (40, 40)])
def test_the_worst_predicted_are_left_out_where_there_are_enough(n, left):
    convention, energy = WACSF.xanesnet(), np.linspace(0.0, 1.0, 5)
    x = np.random.default_rng(2).uniform(0, 3, (n, convention.n_features))
    y = x[:, :1] * energy
    worst = [3, 17]
    y[worst] += 50.0

    def predict(z):
        return z[:, :1] * energy

    samples, twice = Samples(x, y, np.full(n, "Fe"), energy, None), Scrambling(n_repeats=2)
    found = stored_importance([(predict, np.arange(n))], samples, convention, twice)
    kept = np.setdiff1d(np.arange(n), worst) if left < n else np.arange(n)
    groups = feature_groups(convention, "kind")
    wanted = cross_importance([(predict, kept)], samples, groups, twice)
    assert found["Fe_kind"].n_samples == left
    np.testing.assert_array_equal(found["Fe_kind"].raw, wanted.raw)
    if left < n:
        assert (found["Fe_kind"].base_error == 0).all()


def test_it_is_that_of_networks_that_had_not_seen_the_samples(model, development):
    """Folds of the calibration, rows of one element, no held-out samples."""
    samples, fitted = development
    own = [(ensemble, rows[samples.elements[rows] == "Fe"]) for ensemble, rows in fitted]
    own = [pair for pair in own if len(pair[1]) > 1]
    groups = feature_groups(WACSF.default(), "shell")
    wanted = cross_importance(own, samples, groups)
    np.testing.assert_allclose(model.importance["Fe_shell"].raw, wanted.raw)
    assert model.importance["Fe_shell"].n_samples == sum(len(rows) for _, rows in own)


def test_adding_it_later_gives_the_same(model):
    bare = replace(model, importance={}, distances=None, mean_mu={})
    told = []
    again = add_importance(bare, tiny_data(), progress=lambda text, share: told.append(share))
    assert set(again.importance) == set(model.importance)
    np.testing.assert_array_equal(
        again.importance["V_distance"].raw, model.importance["V_distance"].raw
    )
    assert again.ensemble is model.ensemble
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_an_element_with_too_few_samples_is_left_out(development):
    samples, fitted = development
    rare = np.where(np.arange(len(samples)) == 0, "Zn", samples.elements)
    found = stored_importance(
        fitted, replace(samples, elements=rare), WACSF.default(), Scrambling(n_repeats=2)
    )
    assert "Zn_distance" not in found
    assert "Fe_distance" in found


def test_mean_and_errors_are_kept_when_repeats_are_not(model):
    full = model.importance["Fe_distance"]
    small = mean_and_errors(full)
    for name in ("mean", "standard_error", "sampling_error"):
        np.testing.assert_allclose(getattr(small, name), getattr(full, name), atol=1e-15)
    window, wanted = small.window(0, 10), full.window(0, 10)
    np.testing.assert_allclose(window.mean, wanted.mean)
    assert (window.sampling_error >= wanted.sampling_error - 1e-15).all()


def test_it_survives_the_disk(model, tmp_path):
    save_model(model, tmp_path)
    again = load_model("tiny", folder=tmp_path)
    assert list(again.importance) == list(model.importance)
    for key, found in again.importance.items():
        wanted = model.importance[key]
        assert found.names == wanted.names
        scale = max(np.abs(wanted.raw).max(), np.abs(wanted.parts).max())
        np.testing.assert_allclose(found.mean, wanted.mean, atol=1e-3 * scale)
    np.testing.assert_array_equal(again.distances.counts, model.distances.counts)
    np.testing.assert_allclose(again.mean_mu["V"], model.mean_mu["V"], rtol=1e-6)


def test_a_model_without_it_loads(model, tmp_path):
    save_model(replace(model, importance={}, distances=None, mean_mu={}), tmp_path)
    again = load_model("tiny", folder=tmp_path)
    assert (again.importance, again.distances, again.mean_mu) == ({}, None, {})


def test_what_is_missing_is_said(model):
    with pytest.raises(ModelError, match=r"carries no importance data; .*--recompute"):
        find_importance({}, "tiny", "Fe", "shell")
    with pytest.raises(ModelError, match=r"no importance by shell around Cu; .* around Fe, V"):
        find_importance(model.importance, "tiny", "Cu", "shell")
    with pytest.raises(ModelError, match="by species around Fe; choose another grouping"):
        find_importance(model.importance, "tiny", "Fe", "species")


# --- tables --------------------------------------------------------------------------------------


def test_the_table_has_a_line_for_each_window_and_group(model):
    found = model.importance["Fe_distance"]
    text = importance_csv(found, model.descriptor, "distance", [(-5, 4), (14, 26)])
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 2 * len(found.names)
    last = found.window(14, 26)
    assert float(rows[-1]["importance"]) == pytest.approx(last.mean[-1], rel=1e-5)
    assert float(rows[-1]["mu_ang"]) == 5.5
    assert (rows[-1]["low_ev"], rows[-1]["high_ev"]) == ("14", "26")


def test_groups_without_one_centre_leave_it_empty(model):
    centres = group_centres_ang(model.descriptor, "shell")
    assert np.isnan(list(centres.values())).all()
    text = series_csv([("one", model.importance["Fe_shell"].window(0, 5))], centres)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {(row["series"], row["mu_ang"]) for row in rows} == {("one", "")}


@pytest.fixture
def shipped(model, tmp_path, monkeypatch):
    save_model(model, tmp_path / "models")
    monkeypatch.setenv("XANES_MODELS", str(tmp_path / "models"))
    return tmp_path


def test_the_command_prints_every_feature(shipped, capsys):
    assert main(["importance", "--model", "tiny"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["group"] for row in rows] == list(WACSF.default().feature_names)
    assert {row["low_ev"] for row in rows} == {"-15"}


def test_the_command_writes_windows_of_groups(shipped, capsys):
    out = shipped / "fe.csv"
    arguments = ["importance", "--model", "tiny", "--element", "Fe", "--group", "shell"]
    arguments += ["--window", "-5", "4", "--window", "14", "26", "--out", str(out)]
    assert main(arguments) == 0
    assert len(out.read_text().splitlines()) == 1 + 2 * len(
        tiny_model().importance["Fe_shell"].names
    )
    assert capsys.readouterr().out == ""


def test_without_an_element_the_absorbers_are_averaged(shipped, capsys):
    assert main(["importance", "--model", "tiny", "--group", "shell", "--window", "4", "14"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    each = [tiny_model().importance[f"{el}_shell"].window(4, 14).mean for el in ELEMENTS]
    found = [float(row["importance"]) for row in rows]
    np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=1e-4)


def test_no_absorber_with_a_grouping_is_told(model):
    with pytest.raises(ModelError, match="choose another grouping"):
        mean_over_absorbers({"all_none": model.importance["all_none"]}, "tiny", "shell")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--element", "Fe"], "single features are scored over all absorbers"),
        (["--element", "Cu", "--group", "kind"], "no importance by kind around Cu"),
        (["--window", "5", "4"], "two ascending energies"),
        (["--window", "100", "200"], "no energy of the model lies in the window"),
        (["--recompute"], "no recipe called 'tiny'"),
        (["--out", "/dev/null/x.csv"], "choose another --out"),
    ],
)
def test_the_command_says_what_is_wrong(shipped, capsys, arguments, message):
    assert main(["importance", "--model", "tiny", *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1


def test_the_command_recomputes_and_keeps_the_result(shipped, capsys, monkeypatch, model):
    save_model(replace(model, importance={}), shipped / "models")
    assert main(["importance", "--model", "tiny"]) == 2
    assert "carries no importance data" in capsys.readouterr().err
    monkeypatch.setattr(recipes, "get_recipe", lambda _: tiny_recipe())
    monkeypatch.setattr(recipes, "load_training_data", lambda *_: tiny_data())
    arguments = ["importance", "--model", "tiny", "--recompute", "--repeats", "2"]
    assert main(arguments) == 0
    assert "100% done" in capsys.readouterr().err
    assert len(load_model("tiny").importance["V_kind"].raw) == 2

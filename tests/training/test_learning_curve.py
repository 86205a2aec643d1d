"""Learning curves on tiny data."""

from dataclasses import replace

import numpy as np
import pytest

from tests.tiny_models import TINY, tiny_data, tiny_recipe, with_settings, write_training_set
from xanes_core.cli.commands import main
from xanes_core.descriptors.wacsf import WACSF
from xanes_core.errors import DatasetError
from xanes_core.training.fitting import fit_ensemble
from xanes_core.training.learning_curve import Subsets, compare_strategies, learning_curve
from xanes_core.training.recipes import RECIPES

QUICK = replace(TINY, n_epochs=3, n_members=2)


@pytest.fixture(scope="module")
def data():
    return with_settings(tiny_data(), QUICK)


def test_sizes_and_errors(data):
    points = learning_curve(data)
    assert [point["n"] for point in points] == [17, 26, 34]  # fewer than ten cannot be fitted to
    assert all(point["mse"] > 0 and point["mse_error"] >= 0 for point in points)
    assert points == learning_curve(data)


def test_the_last_point_is_a_fit_to_everything(data):
    (point,) = learning_curve(data, Subsets(shares=(1.0,), n_repeats=2))
    kept = ~data.held_out
    errors = []
    for seed in (0, 1):
        ensemble, _ = fit_ensemble(
            data.x[kept], data.y[kept], WACSF.default().feature_kinds, replace(QUICK, seed=seed)
        )
        errors.append(np.mean((ensemble.predict(data.x[~kept])[0] - data.y[~kept]) ** 2))
    assert point["mse"] == pytest.approx(np.mean(errors))
    assert point["mse_error"] == pytest.approx(abs(errors[0] - errors[1]) / 2)


def test_held_out_samples_are_never_fitted_to(data):
    changed = replace(data, x=np.where(data.held_out[:, None], data.x * 1.1, data.x))
    pools = []
    learning_curve(
        changed, Subsets(shares=(1.0,)),
        fit=lambda x, *a, **k: pools.append(x) or fit_ensemble(x, *a, **k),
    )  # fmt: skip
    assert len(pools) == 3
    for x in pools:
        np.testing.assert_array_equal(x, data.x[~data.held_out])


def test_nothing_held_out_gives_no_curve(data):
    bare = replace(data, held_out=np.zeros(len(data.x), dtype=bool))
    assert learning_curve(bare) == []
    with pytest.raises(DatasetError, match="no sample is held out"):
        compare_strategies(bare)


def marked(data, strategies):
    structures = [atoms.copy() for atoms in data.training_set.structures]
    for atoms, strategy in zip(structures, strategies, strict=True):
        if strategy:
            atoms.info["strategy"] = strategy
    return replace(data, training_set=replace(data.training_set, structures=tuple(structures)))


def test_strategies_are_added_to_the_same_base_at_equal_counts(data):
    free = np.flatnonzero(~data.held_out)
    strategies = np.full(len(data.x), "", dtype=object)
    strategies[free[:8]], strategies[free[8:20]] = "uncertain", "random"
    found = compare_strategies(marked(data, strategies))
    base = len(free) - 20
    assert set(found) == {"random", "uncertain"}
    for points in found.values():
        assert [point["n"] for point in points] == [base, base + 4, base + 8]
    # with nothing added, both are the same fit
    assert found["random"][0]["mse"] == found["uncertain"][0]["mse"]
    assert found["random"][2]["mse"] != found["uncertain"][2]["mse"]


def test_too_few_of_a_strategy_are_refused(data):
    with pytest.raises(DatasetError, match=r"too few records say .* \(0 random, 0 uncertain\)"):
        compare_strategies(data)
    with pytest.raises(DatasetError, match="features alone do not say"):
        compare_strategies(replace(data, training_set=None))


def test_the_command(tmp_path, monkeypatch, capsys):
    recipe = replace(tiny_recipe(), settings=QUICK)
    monkeypatch.setitem(RECIPES, "tiny", recipe)
    folder = str(write_training_set(tmp_path))
    assert main(["learning-curve", "--model", "tiny", "--data", folder]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "tiny: MSE on 6 held-out samples"
    assert [line.split()[:2] for line in lines[2:]] == [["all", n] for n in ("17", "26", "34")]
    assert main(["learning-curve", "--model", "tiny", "--data", folder, "--by", "strategy"]) == 2
    assert "too few records say" in capsys.readouterr().err

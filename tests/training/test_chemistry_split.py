"""Leaving out whole kinds of complexes, on made-up ones whose kinds are known."""

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms

from tests.tiny_models import tiny_data
from xanes_core.descriptors.wacsf import WACSF
from xanes_core.structures.environments import environment
from xanes_core.training.assessment import Split, assess, chemistry_groups, leave_out_chemistry
from xanes_core.training.fitting import FitSettings, fit_ensemble
from xanes_core.training.recipes import TrainingData, get_recipe
from xanes_core.training.scores import chemistry_metrics

SETTINGS = FitSettings(n_members=2, hidden=(8,), n_epochs=8, n_components=3, learning_rate=0.01)
BLOCKS = WACSF.xanesnet().feature_kinds


def complexes(n_each=25):
    """Tetrahedral chlorides, octahedral oxides, and octahedra of both."""
    rng = np.random.default_rng(3)
    tetra = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    octa = np.vstack([np.eye(3), -np.eye(3)])
    made = []
    for donors, axes in (("ClClClCl", tetra), ("OOOOOO", octa), ("OOOOClCl", octa)):
        symbols = ["Fe", *(donors.replace("Cl", "X"))]
        symbols = ["Cl" if s == "X" else s for s in symbols]
        for _ in range(n_each):
            lengths = rng.uniform(1.9, 2.2, len(axes))[:, None]
            made.append(Atoms(symbols, np.vstack([np.zeros(3), axes * lengths])))
    return made


@pytest.fixture(scope="module")
def made():
    atoms = complexes()
    envs = [environment(a, 0) for a in atoms]
    x = np.array([WACSF.xanesnet().transform_environment(env) for env in envs])
    rng = np.random.default_rng(4)
    height = np.array([(a.numbers == 17).sum() for a in atoms])[:, None] / 4
    grid = np.linspace(0, 6, 40)
    y = 1 + height * np.sin(grid) + rng.normal(0, 0.01, (len(x), 40))
    return TrainingData(
        x=x, y=y, elements=np.full(len(x), "Fe"), energy_rel_ev=grid, envs=tuple(envs),
        recipe=replace(get_recipe("fdmnes-v"), settings=SETTINGS),
        held_out=np.zeros(len(x), dtype=bool), training_set=None, sha256="",
    )  # fmt: skip


def test_kinds_are_found_with_their_complexes(made):
    groups = chemistry_groups(made.shells)
    # oxygen and chlorine are each in two thirds: too many to leave out
    assert {name: (kind, int(mask.sum())) for name, (kind, mask) in groups.items()} == {
        "tetrahedral": ("geometry", 25)
    }


def test_limits_of_what_is_left_out(made):
    groups = chemistry_groups(made.shells, Split(max_share=0.7))
    assert set(groups) == {"tetrahedral", "octahedral", "oxygen", "halide"}
    groups = chemistry_groups(made.shells, Split(max_share=0.7, min_count=26))
    assert set(groups) == {"octahedral", "oxygen", "halide"}


def test_none_of_the_kind_is_in_the_fit(made):
    x, y = made.x, made.y
    aside = np.arange(75) < 5  # these must not be touched at all
    told = []
    (one,) = leave_out_chemistry(
        replace(made, y=np.where(aside[:, None], np.nan, y), held_out=aside),
        progress=lambda *now: told.append(now),
    )
    assert told == [("tetrahedral", 0, 1)]
    assert (one.name, one.criterion) == ("tetrahedral", "geometry")
    np.testing.assert_array_equal(one.tested.unseen.rows, np.arange(5, 25))
    ensemble, _ = fit_ensemble(x[25:], y[25:], BLOCKS, SETTINGS)
    np.testing.assert_array_equal(one.tested.unseen.mean, ensemble.predict(x[5:25])[0])
    assert len(one.tested.domain.features) == 50


def test_what_was_never_seen_is_worse_and_outside(made):
    x, y = made.x, made.y
    (one,) = leave_out_chemistry(made)
    unseen = one.tested.unseen
    ensemble, _ = fit_ensemble(x, y, BLOCKS, SETTINGS)
    known = np.mean((ensemble.predict(x[:25])[0] - y[:25]) ** 2)
    assert np.mean((unseen.mean - unseen.truth) ** 2) > 2 * known
    assert (one.tested.verdicts(np.inf, made.envs) != "in domain").all()
    assert unseen.distance.min() > 1


def test_scores_of_the_split():
    """Geometry and families of a whole data set, with the random split on the same complexes."""
    data = tiny_data()
    few = data.held_out & (np.cumsum(data.held_out) <= 2)  # leave enough to calibrate on
    data: TrainingData = replace(data, held_out=few)
    found = assess(data, Split(min_count=3))
    assert found.left_out
    entries, verdicts = chemistry_metrics(found)
    for one, entry in zip(found.left_out, entries, strict=True):
        rows = one.tested.unseen.rows
        assert not data.held_out[rows].any()
        assert (entry["left_out"], entry["n"]) == (one.name, len(rows))
        at_random = found.unseen.subset(np.isin(found.unseen.rows, rows))
        wanted = np.mean((at_random.mean - at_random.truth) ** 2)
        assert entry["mse_random"] == pytest.approx(wanted, rel=1e-4)
        assert 0 <= entry["coverage"] <= 1
    assert sum(v["n"] for v in verdicts.values()) == sum(e["n"] for e in entries)

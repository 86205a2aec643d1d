"""A model with paths and multiple scattering, from training to the colours of its atoms."""

from dataclasses import replace

import numpy as np
import pytest

from tests.tiny_models import tiny_recipe, toy_complex, write_training_set
from xanes_core.importance.atom_effects import local_effects
from xanes_core.model.registry import load_model, save_model
from xanes_core.training.crossval import descriptors
from xanes_core.training.recipes import get_recipe, load_training_data
from xanes_core.training.train import train_model

RECIPE = replace(tiny_recipe(), key="waves", convention="scattering")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    data = load_training_data(RECIPE, write_training_set(tmp_path_factory.mktemp("set")))
    recipe = replace(RECIPE, settings=replace(RECIPE.settings, kernel_share=0.4))
    return train_model(replace(data, recipe=recipe))


def test_it_is_stored_and_read_back(model, tmp_path):
    atoms = toy_complex("Fe", np.random.default_rng(1))
    save_model(model, tmp_path)
    again = load_model("waves", folder=tmp_path)
    np.testing.assert_allclose(again.predict(atoms).mu, model.predict(atoms).mu, atol=1e-5)
    assert again.card.descriptor["parts"][2]["phases_sha256"]
    assert {"Fe_kind", "Fe_shell", "Fe_distance", "Fe_angle"} <= set(again.importance)
    assert "scattering" in again.importance["Fe_kind"].names


def test_atoms_and_shells_are_switched_off_in_all_features(model):
    atoms = toy_complex("Fe", np.random.default_rng(2))
    effects = local_effects(model, atoms, 0)
    for column in (0, 5):
        without = atoms[[i for i in range(len(atoms)) if i != effects.atoms[column]]]
        wanted = model.predict_features(model.descriptor.transform_many([(without, 0)])).mu[0]
        np.testing.assert_allclose(effects.mu + effects.removed[column], wanted, atol=1e-5)
    assert np.abs(effects.moved).max() > 0
    assert np.abs(effects.shell_removed).max() > 0


def test_the_recipe_and_what_it_is_compared_with():
    recipe = get_recipe("feff10-3d-ms")
    assert recipe.published == "data/tmqm"
    assert (recipe.settings.hidden, recipe.settings.kernel_share) == ((256, 256), 0.4)
    others = descriptors(recipe)
    assert list(others) == ["without paths", "without multiple scattering"]
    assert others["without paths"].n_features == 298 + 60

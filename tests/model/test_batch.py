"""Many structures as they come."""

import itertools

import numpy as np
import pytest
from ase import Atoms

from xanes_core.errors import StructureError
from xanes_core.model import export
from xanes_core.model.batch import predict_each, slim
from xanes_core.model.registry import load_model
from xanes_core.structures.examples import load_example

FERROCENE = load_example("ferrocene")


@pytest.fixture(scope="module")
def model():
    return load_model("Fe")


def moved(count, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        atoms = FERROCENE.copy()
        atoms.positions += rng.normal(0, 0.02, atoms.positions.shape)
        yield atoms


@pytest.mark.parametrize("chunk", [1, 4, 64])
def test_each_is_what_it_is_alone(model, chunk):
    frames = list(moved(9))
    many = list(predict_each(model, ((a, 0) for a in frames), chunk=chunk))
    for atoms, found in zip(frames, many, strict=True):
        alone = model.predict(atoms, 0)
        for name in ("energy_ev", "mu", "std", "lower", "upper", "members"):
            np.testing.assert_allclose(getattr(found, name), getattr(alone, name), atol=2e-6)
        assert found.domain.level == alone.domain.level
        assert found.sites == alone.sites


def test_a_bad_one_gives_its_error_and_the_others_their_spectra(model):
    bad = FERROCENE.copy()
    bad.positions[3] = np.nan
    frames = [FERROCENE, bad, Atoms("O", [[0, 0, 0]]), FERROCENE]
    found = list(predict_each(model, ((a, None) for a in frames)))
    assert isinstance(found[1], StructureError)
    assert isinstance(found[2], StructureError)
    np.testing.assert_allclose(found[0].mu, found[3].mu, atol=1e-6)


def test_structures_are_taken_as_they_are_needed(model):
    taken = []

    def endless():
        for atoms in moved(1000):
            taken.append(atoms)
            yield atoms, 0

    assert len(list(itertools.islice(predict_each(model, endless(), chunk=5), 7))) == 7
    assert len(taken) == 10


def test_a_slim_prediction_writes_the_same_files_in_a_tenth_of_the_memory(model):
    full = model.predict(FERROCENE, 0)
    small = slim(full)
    assert export.to_csv(small) == export.to_csv(full)
    assert small.members.shape == (0, 226)
    assert small.members.base is None, "a view would keep the whole"

"""Rankings: probabilities, order, and what cannot be judged."""

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from scipy.stats import multivariate_t

from tests.refinement.linear_model import (
    BASE,
    SLOPE,
    linear_model,
    octahedron,
    plain_errors,
    spectrum,
)
from tests.refinement.test_fit import FIXED, SIGMA
from tests.tiny_models import tiny_emission_model
from xanes_core.errors import RefinementCancelled, RefinementError
from xanes_core.refinement import Candidate, Nuisances, rank_candidates

BONDS = (1.9, 2.0, 2.04, 2.1)


def rank(measured=None, candidates=None, **more):
    candidates = candidates or [Candidate(f"{b:g}", octahedron(b), 0) for b in BONDS]
    options = {
        "model": linear_model(SIGMA), "errors": plain_errors(SIGMA), "nuisances": FIXED, **more
    }  # fmt: skip
    return rank_candidates(measured or spectrum(2.03), candidates, **options)


def test_probabilities_are_those_of_students_t():
    ranked = rank(replace(spectrum(2.03), mu=spectrum(2.03).mu + 0.03 * np.sin(np.arange(226) / 5)))
    assert [one.name for one in ranked][:2] == ["2.04", "2"]
    covered = slice(5, -5)  # what theory covers at shifts of 1.5 eV
    density = [
        multivariate_t(
            (BASE + (b - 2.0) * SLOPE)[covered], (SIGMA**2 + 1e-8) * np.eye(216), df=5
        ).logpdf((spectrum(2.03).mu + 0.03 * np.sin(np.arange(226) / 5))[covered])
        for b in BONDS
    ]
    expected = np.exp(density - np.max(density))
    expected /= expected.sum()
    found = {one.index: one.probability for one in ranked}
    np.testing.assert_allclose([found[i] for i in range(4)], expected, rtol=0.02, atol=1e-9)


def test_shift_and_scale_are_found_for_each():
    moved = spectrum(2.1, at_ev=2.2)
    ranked = rank(replace(moved, mu=1.02 * moved.mu), nuisances=Nuisances.of(moved))
    assert ranked[0].name == "2.1"
    assert ranked[0].shift_ev == pytest.approx(2.2, abs=0.05)
    assert ranked[0].scale == pytest.approx(1.02, abs=0.01)
    assert sum(one.probability for one in ranked) == pytest.approx(1.0)
    misfits = {one.name: one.misfit for one in ranked}
    assert misfits["2.1"] < misfits["2.04"] < misfits["1.9"]


def test_what_cannot_be_judged_comes_last_with_its_reason():
    broken = [
        Candidate("no metal", Atoms("OH2", np.eye(3)), None),
        Candidate("vanadium", octahedron(element="V"), 0),
        Candidate("sound", octahedron(2.03), 0),
    ]
    ranked = rank(candidates=broken)
    assert [one.name for one in ranked] == ["sound", "no metal", "vanadium"]
    assert ranked[0].probability == 1.0
    assert "its absorber is V, the spectrum is of Fe" in ranked[2].note
    assert np.isnan(ranked[1].misfit)
    with pytest.raises(RefinementError, match="none of the structures can be judged: the first"):
        rank(candidates=broken[:2])


def test_a_structure_outside_the_training_data_is_told():
    ranked = rank(candidates=[Candidate("far", octahedron(2.7), 0)])
    assert ranked[0].verdict != "in domain"
    assert ranked[0].note


def test_what_makes_no_sense_is_told():
    with pytest.raises(RefinementError, match="there is no structure to rank"):
        rank_candidates(spectrum(), [], model=linear_model())
    with pytest.raises(RefinementError, match="predicts emission"):
        rank(model=tiny_emission_model())
    with pytest.raises(RefinementCancelled, match="stopped"):
        rank(cancelled=lambda: True)


def test_progress_is_told():
    told = []
    rank(on_progress=lambda share, words: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0

"""Errors of a model: their covariance, size and stretch, from records it had not seen."""

from dataclasses import replace

import numpy as np
import pytest

from tests.refinement.linear_model import GRID_EV, linear_model
from tests.tiny_models import tiny_model
from xanes_core.errors import ModelError
from xanes_core.model import Report, load_model, load_report
from xanes_core.refinement import ModelErrors
from xanes_core.refinement.model_errors import STRETCHES


def report(errors: np.ndarray, *, half: float = 0.1, element: str = "Fe") -> Report:
    """Records whose predictions are off by given errors (n, k)."""
    n = len(errors)
    mean = np.tile(0.5 + np.arctan((GRID_EV - 6) / 2) / np.pi, (n, 1))
    empty = np.zeros(n)
    return Report(
        names=np.arange(n).astype(str), elements=np.full(n, element), mse=empty, distance=empty,
        held_out=np.arange(n) >= n - 5, verdict=np.full(n, "in domain"),
        map_xy=np.zeros((n, 2)), map_mean=np.zeros(1), map_axes=np.zeros((1, 2)),
        coordination=np.full(n, 6), oxidation_state=np.full(n, 2), geometry=np.full(n, ""),
        sha256="", energy_rel_ev=GRID_EV, features=np.zeros((n, 1)), unit=1.0,
        mean=mean, lower=mean - half, upper=mean + half, truth=mean + errors,
    )  # fmt: skip


def gaussian_errors(n=400):
    """Smooth errors of a known covariance, (n, k) and (k, k)."""
    rng = np.random.default_rng(0)
    apart = (GRID_EV[:, None] - GRID_EV) / 3.0
    covariance = 0.03**2 * np.exp(-0.5 * apart**2)
    root = np.linalg.cholesky(covariance + 1e-10 * np.eye(len(GRID_EV)))
    return rng.standard_normal((n, len(GRID_EV))) @ root.T, covariance


def test_gaussian_errors_give_their_covariance():
    errors, covariance = gaussian_errors()
    found = ModelErrors.of(linear_model(), "Fe", report=report(errors))
    sigma = np.sqrt(np.sum(found.loadings**2, axis=1) + found.variances)
    # what the size of Student's t takes off in directions without errors, the stretch gives back
    assert np.sqrt(found.stretch) * np.median(sigma) == pytest.approx(0.03, rel=0.15)
    assert found.half_width == pytest.approx(0.1)
    assert found.note == ""
    near = found.loadings[100] @ found.loadings[103] / (sigma[100] * sigma[103])
    assert near == pytest.approx(covariance[100, 103] / covariance[100, 100], abs=0.05)


def test_errors_in_one_direction_alone_stretch():
    """Some records err in the shift of the energies, which the covariance spreads over all."""
    errors, _ = gaussian_errors()
    mean = report(errors).mean[0]
    rng = np.random.default_rng(1)
    shifts = np.where(rng.random(len(errors)) < 0.1, 3.0, 0.05) * rng.standard_normal(len(errors))
    moved = errors * 0.2 + shifts[:, None] * -np.gradient(mean, GRID_EV)
    plain = ModelErrors.of(linear_model(), "Fe", report=report(errors)).stretch
    assert ModelErrors.of(linear_model(), "Fe", report=report(moved)).stretch > 1.5 * plain


def test_held_out_records_can_be_left_out():
    errors, _ = gaussian_errors(60)
    errors[-5:] *= 100  # those are held out
    with_, without = (
        ModelErrors.of(linear_model(), "Fe", report=report(errors), held_out=held_out)
        for held_out in (True, False)
    )
    assert np.sum(with_.loadings**2) > 10 * np.sum(without.loadings**2)


def test_a_model_without_stored_errors_says_so():
    found = ModelErrors.of(linear_model(0.02), "Fe")
    assert "has no stored errors" in found.note
    sigma = np.sqrt(np.sum(found.loadings**2, axis=1) + found.variances)
    np.testing.assert_allclose(sigma, 0.02 / 1.645, rtol=0.02)


def test_the_shipped_model_has_errors_of_every_element():
    model = load_model("feff10-3d")
    stored = load_report(model.key)
    for element in ("Fe", "Zn"):
        found = ModelErrors.of(model, element)
        own = stored.elements == element
        rms = np.sqrt(np.mean((stored.truth[own] - stored.mean[own].astype(float)) ** 2))
        scale = np.sqrt(np.mean(np.sum(found.loadings**2, axis=1)))
        assert 0.4 * rms < scale < 1.2 * rms
        assert STRETCHES[0] < found.stretch < STRETCHES[1]


def test_an_element_that_the_model_does_not_know():
    with pytest.raises(ModelError, match="knows V, Fe, not Cu"):
        ModelErrors.of(tiny_model(), "Cu")


def test_a_few_records_are_not_enough():
    errors, _ = gaussian_errors(10)
    few = report(errors)
    assert "no stored errors" in ModelErrors.of(linear_model(), "Fe", report=few).note
    other = replace(report(gaussian_errors(60)[0]), elements=np.full(60, "V"))
    assert "no stored errors" in ModelErrors.of(linear_model(), "Fe", report=other).note

"""Fits of structures: the posterior of a linear model, what is told, and what is refused."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from scipy.stats import t

from tests.refinement.linear_model import (
    SLOPE,
    linear_model,
    octahedron,
    plain_errors,
    spectrum,
)  # fmt: skip
from tests.tiny_models import tiny_emission_model
from xanes_core.errors import ModelError, RefinementCancelled, RefinementError, StructureError
from xanes_core.refinement import Nuisances, Prior, fit_structure
from xanes_core.structures import Move, Suggestion, load_example, parse_move

NONE = Prior(0.0, 0.0)
FIXED = Nuisances(NONE, Prior(1.0, 0.0), NONE, NONE, NONE)
SIGMA = 0.05


def fit(measured=None, atoms=None, moves=("all",), sigma=SIGMA, **more):
    options = {
        "model": linear_model(sigma), "errors": plain_errors(sigma), "nuisances": FIXED, **more
    }  # fmt: skip
    return fit_structure(measured or spectrum(2.06), atoms or octahedron(), 0, moves, **options)


def test_the_posterior_of_a_linear_model():
    """Flat prior, linear model, Student's t: the posterior is Student's t, nearly Gaussian."""
    found = fit(nuisances=FIXED)
    one = found.parameters[0]
    m, steep = len(found.residual), np.sum(SLOPE**2) / (SIGMA**2 + 1e-8)
    # nothing is left at the best value: the size of the errors follows down to nu / (nu + m)
    width = np.sqrt(5 / (5 + m - 1) / steep)
    expected = t(df=5 + m - 1, loc=0.06, scale=width)
    assert one.value == pytest.approx(0.06, abs=0.15 * width)
    for name, share in (("low90", 0.05), ("low68", 0.16), ("high68", 0.84), ("high90", 0.95)):
        assert getattr(one, name) == pytest.approx(expected.ppf(share), abs=0.2 * width)
    assert one.learned == pytest.approx(1 - width * np.sqrt(12) / np.ptp(one.limits), abs=0.01)
    assert found.misfit < 1e-3
    np.testing.assert_allclose(found.atoms.get_distances(0, range(1, 7)), 2.06, atol=1e-3)
    np.testing.assert_allclose(found.start_atoms.positions, octahedron().positions)


def test_two_moves_that_only_their_sum_shows():
    """The model sees the mean bond: two pairs cannot be told apart, and the fit says so."""
    found = fit(moves=("pair:1,2", "pair:3,4"))
    assert found.correlations[0, 1] < -0.9
    assert found.samples.sum(axis=1).mean() == pytest.approx(0.18, abs=0.02)
    assert "pair:1,2 and pair:3,4 cannot be told apart" in " ".join(found.notes)


def test_shift_and_scale_do_not_mislead():
    measured = spectrum(2.06, at_ev=-1.3)
    found = fit(replace(measured, mu=0.97 * measured.mu), nuisances=None, sigma=0.002)
    assert found.parameters[0].value == pytest.approx(0.06, abs=0.005)
    assert found.shift_ev == pytest.approx(-1.3, abs=0.02)
    assert found.scale == pytest.approx(0.97, abs=0.01)


def test_the_end_of_a_range_is_told():
    move = Suggestion(Move("all"), "All six", -0.1, 0.02)
    found = fit(moves=[move])
    assert found.parameters[0].at_bound == "high"
    assert "all is stopped by the end of its range, 0.02 A" in " ".join(found.notes)
    assert found.parameters[0].limits == (-0.1, 0.02)


def test_what_theory_cannot_explain_widens_the_intervals():
    rng = np.random.default_rng(0)
    good = spectrum(2.06)
    bad = replace(good, mu=good.mu + 0.3 * np.convolve(rng.standard_normal(226), [0.5] * 4, "same"))
    wide, narrow = (fit(one).parameters[0] for one in (bad, good))
    assert wide.high90 - wide.low90 > 3 * (narrow.high90 - narrow.low90)
    assert "times what errors of the model explain" in " ".join(fit(bad).notes)


def test_a_structure_outside_the_training_data_is_told():
    found = fit(spectrum(2.62), octahedron(2.6))
    assert found.verdict != "in domain"
    assert f"the fitted structure is {found.verdict}" in " ".join(found.notes)


def test_a_spectrum_that_says_nothing_about_a_move():
    found = fit(moves=("angle:1,3",))
    assert found.parameters[0].learned < 0.1
    assert "the spectrum says little about angle:1,3" in found.notes


def test_the_same_seed_gives_the_same_samples():
    np.testing.assert_array_equal(fit().samples, fit().samples)


def test_progress_is_told_and_a_fit_can_be_stopped():
    told = []
    fit(on_progress=lambda share, words: told.append((share, words)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    calls = iter([False] * 3)
    with pytest.raises(RefinementCancelled, match="stopped"):
        fit(cancelled=lambda: not next(calls, False) and next(calls, None) is None)


def test_what_is_written_can_be_read():
    found = fit()
    told = json.loads(json.dumps(found.to_dict()))
    assert {"parameters", "shift_ev", "scale", "misfit", "verdict", "notes"} <= set(told)
    keys = {"name", "value", "low68", "high68", "low90", "high90", "unit"}
    assert keys <= set(told["parameters"][0])
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert float(rows[0]["value"]) == pytest.approx(found.parameters[0].value, rel=1e-4)
    curves = list(csv.DictReader(io.StringIO(found.curves_csv())))
    assert len(curves) == len(found.energies_ev)
    assert float(curves[9]["fitted_mu"]) == pytest.approx(found.fitted_mu[9], rel=1e-4)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"moves": ()}, RefinementError, "0 moves: give 1 to 6"),
        ({"moves": [f"ligand:{n}" for n in range(1, 7)] + ["all"]}, RefinementError, "7 moves"),
        ({"moves": ("all", "all")}, RefinementError, "all stands twice"),
        ({"moves": ("swap:1,F",)}, RefinementError, "swap:1,F is made or not"),
        ({"moves": ("ligand:9",)}, StructureError, "no ligand 9"),
        ({"moves": [Suggestion(Move("all"), "", 0.1, 0.1)]}, RefinementError, "must ascend"),
        ({"atoms": octahedron(element="V")}, RefinementError, "of Fe, the absorber is V"),
        ({"model": tiny_emission_model}, RefinementError, "predicts emission"),
        ({"window_ev": (100, 200)}, Exception, "lies outside"),
    ],
)
def test_what_makes_no_sense_is_told(changes, error, said):
    if callable(changes.get("model")):
        changes = {**changes, "model": changes["model"]()}
    with pytest.raises(error, match=said):
        fit(**changes)


def test_a_model_that_does_not_know_the_element():
    with pytest.raises(ModelError, match="knows V, Fe, not Co"):
        fit(spectrum(element="Co"), octahedron(element="Co"), errors=None)


def test_several_sites_need_a_name():
    two = octahedron() + Atoms("Fe", [[0, 0, 4.2]])
    with pytest.raises(RefinementError, match="2 sites of Fe differ"):
        fit_structure(spectrum(), two, "Fe", ["all"], model=linear_model())
    found = fit(atoms=two)
    assert "1 more Fe: the spectrum is taken as that of atom 0 alone" in " ".join(found.notes)


def test_of_a_crystal_a_cluster_is_moved():
    crystal = octahedron()
    crystal.set_cell([14.0] * 3)
    crystal.pbc = True
    found = fit(atoms=crystal)
    assert not found.atoms.pbc.any()
    assert "of the crystal a cluster" in " ".join(found.notes)


def test_the_shipped_model_finds_a_known_change():
    """What the model itself predicts for a moved example is found again."""
    from xanes_core.model import load_model
    from xanes_core.structures import apply_moves

    model, atoms = load_model("feff10-3d"), load_example("hexaaquairon-ii")
    moved = model.predict(apply_moves(atoms, 0, [parse_move("all")], [0.05]), 0)
    measured = replace(spectrum(), energies_ev=moved.energy_ev + 2.0, mu=moved.mu)
    one = fit_structure(measured, atoms, 0, ["all"], model=model).parameters[0]
    assert one.value == pytest.approx(0.05, abs=0.01)
    assert one.low90 < 0.05 < one.high90

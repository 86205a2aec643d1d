"""From the energies of theory to those of a measurement."""

import json

import numpy as np
import pytest

from tests.places import PROJECT
from xanes_core import load_model
from xanes_core.constants import ABSORBERS
from xanes_core.errors import RefinementError, SpectrumError
from xanes_core.refinement import EnergyScale, as_measured, energy_scale
from xanes_core.spectra import gaussian_weights
from xanes_core.structures import load_example

ENERGY = np.arange(-15.0, 60.1, 0.5)


@pytest.mark.parametrize("fwhm_ev", [0.3, 2.0, 5.0])
def test_a_smeared_step_is_the_error_function(fwhm_ev):
    """A ramp over one interval is as good as a step, and both have a closed form."""
    from scipy.special import ndtr

    fine = np.arange(-20.0, 20.01, 0.02)
    smeared = gaussian_weights(fine, fwhm_ev) @ (fine > 0).astype(float)
    sigma = fwhm_ev / 2.354820045
    assert smeared == pytest.approx(ndtr((fine - 0.01) / sigma), abs=2e-3)


def test_a_gaussian_smeared_by_a_gaussian_is_wider_and_keeps_its_area():
    fine = np.arange(-30.0, 30.01, 0.05)
    smeared = gaussian_weights(fine, 3.0) @ np.exp(-0.5 * fine**2)
    width = np.sqrt(1 + (3.0 / 2.354820045) ** 2)
    assert smeared == pytest.approx(np.exp(-0.5 * (fine / width) ** 2) / width, abs=1e-4)


def test_smearing_leaves_a_line_level_and_nothing_at_no_width():
    uneven = np.cumsum(np.linspace(0.1, 1.0, 60))
    assert gaussian_weights(uneven, 4.0).sum(axis=1) == pytest.approx(np.ones(60))
    assert (gaussian_weights(uneven, 0.0) == np.eye(60)).all()


@pytest.mark.parametrize("fwhm_ev", [-1.0, np.nan, np.inf])
def test_a_width_must_make_sense(fwhm_ev):
    with pytest.raises(SpectrumError, match="fwhm_ev must be zero or positive"):
        gaussian_weights(ENERGY, fwhm_ev)


def test_energies_must_ascend():
    with pytest.raises(SpectrumError, match="ascend strictly"):
        gaussian_weights(ENERGY[::-1], 1.0)


@pytest.mark.parametrize("element", ABSORBERS)
def test_every_element_has_a_scale_that_says_what_it_rests_on(element):
    scale = energy_scale(element)
    row = json.loads(
        (PROJECT / "xanes_core/refinement/energy_scale.json").read_text(encoding="utf-8")
    )["elements"][element]
    assert scale.n == row["compounds"]
    assert scale.shift_ev == row["shift_ev"]
    assert abs(scale.shift_ev) < 10
    assert 0.5 < scale.shift_sd_ev < 8, "no false precision, and of some use"
    words = {0: "No compound", 1: "too few", 2: "too few"}.get(scale.n, "drawn towards")
    assert words in scale.note


def test_elements_without_compounds_are_less_certain_than_those_with_many():
    by_count = sorted((energy_scale(el) for el in ABSORBERS), key=lambda s: s.n)
    assert by_count[0].n < by_count[-1].n
    assert by_count[0].shift_sd_ev > by_count[-1].shift_sd_ev


def test_nothing_is_pretended_for_fdmnes():
    scale = energy_scale("V", theory="fdmnes")
    assert (scale.n, scale.shift_ev, scale.shift_sd_ev) == (0, 0.0, 6.0)
    assert "Nothing was learned for FDMNES" in scale.note


def test_an_oxidation_state_that_the_data_do_not_carry_is_said():
    learned = json.loads(
        (PROJECT / "xanes_core/refinement/energy_scale.json").read_text(encoding="utf-8")
    )
    scale = energy_scale("Cr", oxidation=6)
    away = 6 - learned["elements"]["Cr"]["mean_oxidation"]
    expected = energy_scale("Cr").shift_ev
    if learned["oxidation"]["used"]:
        expected += learned["oxidation"]["slope_ev"] * away
    assert scale.shift_ev == pytest.approx(expected)
    assert ("do not show" in scale.note) is not learned["oxidation"]["used"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"element": "Sc"}, "no energy scale for 'Sc'"),
        ({"element": "Fe", "theory": "dft"}, "no energy scale for the theory 'dft'"),
        ({"element": "Fe", "oxidation": 9}, "between -4 and 8, not at 9"),
    ],
)
def test_what_has_no_scale(arguments, message):
    with pytest.raises(RefinementError, match=message):
        energy_scale(**arguments)


SCALE = EnergyScale("Fe", "feff10", -2.5, 1.0, 1.5, 1.0, 3, "made up")


def test_a_scale_shifts_energies_and_smears_each_curve_in_its_own_shape():
    curve = np.tanh(ENERGY)
    energy, one, many = SCALE.apply(ENERGY, curve, np.array([curve, 2 * curve]))
    assert (energy == ENERGY - 2.5).all()
    assert one == pytest.approx(gaussian_weights(ENERGY, 1.5) @ curve)
    assert many == pytest.approx(np.array([one, 2 * one]))
    with pytest.raises(RefinementError, match="one value for each of 151 energies"):
        SCALE.apply(ENERGY, curve[1:])


def test_a_prediction_as_measured_is_shifted_with_its_band_and_says_so():
    model = load_model("Fe")
    plain = model.predict(load_example("hexaaquairon-ii"), "Fe")
    shown = as_measured(plain, SCALE)
    assert shown.energy_ev == pytest.approx(plain.energy_ev - 2.5)
    assert shown.energy_rel_ev == pytest.approx(plain.energy_rel_ev - 2.5)
    assert shown.members.mean(axis=0) == pytest.approx(shown.mu, abs=1e-3)
    assert (shown.upper - shown.lower).mean() == pytest.approx(
        (plain.upper - plain.lower).mean(), rel=0.02
    )
    assert np.ptp(np.gradient(shown.mu)) < np.ptp(np.gradient(plain.mu))
    assert shown.energy_scale == "as measured: shifted by -2.5 +- 1.0 eV, smeared by 1.5 eV"
    assert not plain.energy_scale
    with pytest.raises(RefinementError, match="on measured energies already"):
        as_measured(shown, SCALE)


def test_files_name_the_scale():
    from xanes_core.model import to_json, to_xdi

    plain = load_model("Fe").predict(load_example("hexaaquairon-ii"), "Fe")
    shown = as_measured(plain, SCALE)
    assert json.loads(to_json(shown))["energy_scale"] == shown.energy_scale
    assert "shifted by -2.5 +- 1.0 eV" in to_xdi(shown)
    assert "energy_scale" not in to_json(plain) + to_xdi(plain)


def test_other_spectra_have_no_such_scale():
    atoms = load_example("hexaaquairon-ii")
    prediction = load_model("feff10-3d-xes").predict(atoms, "Fe")
    with pytest.raises(RefinementError, match="for absorption, not for emission"):
        as_measured(prediction, SCALE)
    chromium = load_model("Cr").predict(load_example("chromate"), "Cr")
    with pytest.raises(RefinementError, match="that of Fe, the absorber is Cr"):
        as_measured(chromium, SCALE)

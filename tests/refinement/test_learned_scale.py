"""How the energy scale was learned: the crystals, one comparison, and all of them together."""

import numpy as np
import pytest
from scipy.special import ndtr

from data.crystals.build import PARTS, places, stored, table
from data.crystals.learn import Comparison, edge_of_foil, learned, measurement, pool
from xanes_core.constants import K_EDGE_EV
from xanes_core.refinement import Measured
from xanes_core.spectra import Spectrum, gaussian_weights
from xanes_core.structures import environment

GRID = np.linspace(-15.0, 60.0, 226)
#: Nearest neighbour of an absorber (A), as text books have it.
BONDS_ANG = {
    "fe-metal": 2.48, "cu-metal": 2.56, "mno": 2.22, "zns": 2.34, "k2cro4": 1.646, "v2o5": 1.58,
    "fes2": 2.26, "cr2o3": 1.97, "fe3o4": 1.89, "mn3o4": 2.04,
}  # fmt: skip


@pytest.mark.parametrize("name", table())
def test_a_crystal_has_its_formula_its_bonds_and_a_source(name):
    entry = table()[name]
    found = places(name, entry)
    assert sum(place.weight for place in found) == pytest.approx(1.0)
    assert {place.atoms[place.absorber].symbol for place in found} == {entry["element"]}
    formula = found[0].atoms.symbols.formula.reduce()[0]
    assert formula == type(formula)(entry["formula"]).reduce()[0]
    if name in BONDS_ANG:
        near = environment(found[0].atoms, found[0].absorber)
        assert near.distances_ang[0] == pytest.approx(BONDS_ANG[name], abs=0.01)
    assert any(char.isdigit() for char in entry["source"])


def test_stored_spectra_belong_to_the_crystals_of_the_table():
    there = stored()
    known = {place.key: place for name, entry in table().items() for place in places(name, entry)}
    kept = {key.rpartition("/")[0] for key in there if "/" in key}
    assert len(kept) >= 7
    for key in kept:
        assert str(there[f"{key}/sha256"]) == known[key].sha256
        assert there[f"{key}/mu"].shape == there["energy_rel_ev"].shape
        assert there[f"{key}/mu"][-30:].mean() == pytest.approx(1.0, abs=0.2)
        assert {f"{key}/{part}" for part in PARTS} <= set(there)


def theory():
    """An edge with a white line and a wave behind it."""
    return ndtr(GRID / 1.5) * (1 + 0.5 * np.exp(-0.5 * ((GRID - 5) / 2) ** 2)) + 0.1 * np.sin(
        GRID / 4
    ) * ndtr((GRID - 12) / 3)


@pytest.mark.parametrize(("shift_ev", "width_ev"), [(-4.3, 0.0), (2.2, 3.0)])
def test_a_known_shift_and_width_are_found(shift_ev, width_ev):
    energy = np.arange(-12.0, 45.0, 0.4)
    smeared = gaussian_weights(GRID, width_ev) @ theory()
    mu = 1.03 * np.interp(energy - shift_ev, GRID, smeared) + 0.003
    found = Comparison(GRID, theory(), Measured(7112 + energy, mu, "Fe")).best()
    assert found.shift_ev == pytest.approx(shift_ev, abs=0.1)
    # what is known of widths before draws it down a little
    assert found.broadening_ev == pytest.approx(width_ev, abs=0.6)
    assert found.misfit < 0.01 < found.misfit_plain


def test_many_compounds_of_one_element_give_their_mean_and_spread():
    values = np.random.default_rng(0).normal(-3.0, 1.0, 60)
    made = pool(values, ["Fe"] * 60, ["Fe", "Zn"])
    assert made.means["Fe"] == pytest.approx(values.mean(), abs=0.05)
    assert made.sds["Fe"] == pytest.approx(values.std(ddof=1) * np.sqrt(1 + 1 / 60), rel=0.1)
    assert made.sds["Zn"] > 2 * made.sds["Fe"], "one element tells little of another"


def test_few_compounds_are_drawn_towards_the_others_and_many_are_not():
    values = [-5.0] + [-2.0, -2.1, -1.9] * 6 + [-8.0, -8.1, -7.9] * 6
    elements = ["V"] + ["Fe"] * 18 + ["Zn"] * 18
    made = pool(values, elements, ["V", "Fe", "Zn"])
    assert made.means["Fe"] == pytest.approx(-2.0, abs=0.1)
    assert made.means["Zn"] == pytest.approx(-8.0, abs=0.1)
    alike = pool([-5.0, -1.0, -2.0, -3.0, -1.5, -2.5], ["V", *["Fe"] * 5], ["V"])
    assert -5.0 < alike.means["V"] < -2.0
    assert alike.sds["V"] > made.sds["Fe"]


def test_no_more_is_claimed_of_oxidation_than_two_points_allow():
    class One:
        def __init__(self, element, oxidation, shift_ev):
            self.element, self.oxidation, self.shift_ev = element, oxidation, shift_ev
            self.broadening_ev, self.scales = 1.0, (None,)

        def misfit(self, shift_ev, width_ev):
            return 0.1

        name = formula = "made up"
        comparisons, calibrated = (), 0

    few = [One("Fe", 2.0, -3.0), One("Fe", 3.0, -1.0)]
    for one in few:
        one.scales = (Comparison(GRID, theory(), _plain()).best(),)
    made = learned(few)
    assert made["oxidation"]["used"] is False
    assert made["elements"]["Fe"]["compounds"] == 2


def _plain():
    energy = np.arange(-12.0, 45.0, 0.4)
    return Measured(7112 + energy, np.interp(energy, GRID, theory()), "Fe")


def test_a_foils_edge_is_its_first_steep_rise():
    energy = np.arange(7000.0, 7300.0, 0.5)
    mu = 0.45 * ndtr((energy - 7113.4) / 1.5) + 0.55 * ndtr((energy - 7121) / 1.7)
    assert edge_of_foil(Spectrum(energy, mu, 7112.0), "Fe") == pytest.approx(7113.4, abs=0.3)


@pytest.mark.parametrize(
    ("file", "by", "element"),
    [
        ("Fe_metal_rt_01.xdi", "itself", "Fe"),
        ("V_foil.xdi", "itself", "V"),
        ("cr2o3_rt_001.xdi", "reference", "Cr"),
        ("ZnO.xdi", "Zn_foil.xdi", "Zn"),
        ("MnO_rt_01.xdi", "", "Mn"),
    ],
)
def test_measurements_are_normalised_on_energies_set_by_a_foil(shared_data, file, by, element):
    folder = shared_data / "measured"
    if not folder.is_dir():
        pytest.skip("the measured files are not here")
    one = measurement(folder, file, by, element)
    assert one.mu[one.energies_rel_ev > 30].mean() == pytest.approx(1.0, abs=0.2)
    assert np.abs(one.mu[one.energies_rel_ev < -8]).max() < 0.1
    if by == "itself":
        spectrum = Spectrum(one.energies_ev, one.mu, K_EDGE_EV[element])
        assert edge_of_foil(spectrum, element) == pytest.approx(K_EDGE_EV[element], abs=0.5)

"""Whether a file shows the edge it should."""

import numpy as np
import pytest

from tests.spectra.look_alikes import ENERGY, I0, MU, RAW, REL, table
from xanes_core.errors import SpectrumError
from xanes_core.spectra.edge import MIN_STEP, step_share
from xanes_core.spectra.read import read_spectrum


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e6])
@pytest.mark.parametrize("slope", [-0.01, 0.0, 0.01])
def test_a_step_is_a_step_whatever_lies_under_it(scale, slope):
    sharp = np.where(REL > 0, 1.0, 0.0)
    assert step_share(ENERGY, scale * (sharp + slope * REL), 7112.0) == pytest.approx(1.0)
    assert step_share(ENERGY, scale * (slope * REL - sharp), 7112.0) == pytest.approx(-1.0)


def test_curves_without_a_step():
    for flat in (REL, 0.3 * REL - 7.0, np.ones_like(REL)):
        assert step_share(ENERGY, flat, 7112.0) == pytest.approx(0.0, abs=1e-6)
    for wave in (np.sin(REL / 5.0), np.cos(REL / 3.0), I0):
        assert step_share(ENERGY, wave, 7112.0) == 0.0
    assert step_share(ENERGY, MU, 7112.0) > 0.4


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_no_edge_and_hides_none_below_a_tenth_of_it(seed):
    noise = np.random.default_rng(seed).normal(size=len(MU))
    assert step_share(ENERGY, noise, 7112.0) == 0.0
    assert step_share(ENERGY, MU + 0.1 * noise, 7112.0) > MIN_STEP


def test_a_spectrum_that_begins_at_the_edge_cannot_be_told():
    begun = REL > 6.0
    assert step_share(ENERGY[begun], MU[begun], 7112.0) is None
    assert len(read_spectrum(table("energy mu\n", ENERGY[begun], MU[begun]), element="Fe")) > 10


@pytest.mark.parametrize("curve", [np.sin(REL / 5.0), np.cos(REL / 3.0)])
def test_what_does_not_step_up_is_refused_by_its_name(curve):
    with pytest.raises(
        SpectrumError, match=r"'mu' (falls|does not step up) at the edge \(7112 eV\)"
    ):
        read_spectrum(table("energy mu\n", ENERGY, curve), element="Fe")
    with pytest.raises(SpectrumError, match=r"(falls|does not step up) at the edge"):
        read_spectrum(table("energy mu\n", ENERGY, curve))


@pytest.mark.parametrize("name", ["emission", "xes", "intensity"])
def test_an_emission_has_no_edge(name):
    band = np.exp(-(((REL + 8.0) / 6.0) ** 2))
    spectrum = read_spectrum(table(f"energy {name}\n", ENERGY, band), element="Fe")
    np.testing.assert_allclose(spectrum.mu, band, atol=1e-9)
    below = table(f"energy {name}\n", ENERGY - 20.0, band)
    assert read_spectrum(below, element="Fe").e0_ev == 7112.0
    with pytest.raises(SpectrumError, match="do not reach across the Co K edge"):
        read_spectrum(below, element="Co")


@pytest.mark.parametrize("element", ["Ti", "Mn", "Co", "Zn"])
@pytest.mark.parametrize("head", ["energy mu\n", ""])
def test_energies_beside_the_edge_of_the_element_are_refused(element, head):
    with pytest.raises(SpectrumError, match=rf"do not reach across the {element} K edge"):
        read_spectrum(table(head, ENERGY, MU), element=element)


@pytest.mark.parametrize("low_high", [(-100.0, 4.0), (11.0, 300.0)])
def test_a_spectrum_of_one_side_of_the_edge_is_refused(low_high):
    inside = (low_high[0] <= REL) & (low_high[1] >= REL)
    with pytest.raises(SpectrumError, match=r"do not reach across the Fe K edge \(7112 eV\)"):
        read_spectrum(table("energy mu\n", ENERGY[inside], MU[inside]), element="Fe")


@pytest.mark.parametrize(
    "head",
    [
        "# Element.symbol: Fe\n",
        "# Element.symbol: fe\n",
        "# Abs   Z=26 Rmt= 1.178 Rnm= 1.375 K  shell\n",
        "# Z: 26\n",
        "# E0: 7120.5\n",
        "# Athena.e0: 7124.25\n",
        "# Scan.edge_energy: 7112.0 eV\n",
        "# absorber = Fe\n",
    ],
)
def test_the_element_that_a_file_names_places_relative_energies(head):
    spectrum = read_spectrum(table(f"{head}# energy_rel mu\n", REL, MU))
    assert (spectrum.metadata["element"], spectrum.e0_ev) == ("Fe", 7112.0)
    np.testing.assert_allclose(spectrum.energy_ev, ENERGY)
    with pytest.raises(SpectrumError, match="the file is of Fe, but Ni was asked for"):
        read_spectrum(table(f"{head}# energy_rel mu\n", REL, MU), element="Ni")


def test_another_edge_is_not_judged_by_the_k_edge():
    head = "# Element.symbol: Fe\n# Element.edge: L3\nenergy mu\n"
    spectrum = read_spectrum(table(head, 707.0 + REL, RAW), element="Fe")
    assert spectrum.e0_ev is None

"""Energies are energies: angles, wavelengths, counters and clocks never pass for them."""

import numpy as np
import pytest

from tests.spectra.look_alikes import CHI, D_ANG, ENERGY, HC, IT, MU, RAW, REL, THETA, K, table
from xanes_core.errors import SpectrumError
from xanes_core.spectra.read import read_spectrum, read_table
from xanes_core.spectra.spectrum import Spectrum

SPACING = f"# Mono.d_spacing: {D_ANG}\n"
HARTREE, RYDBERG = 27.211386245988, 13.605693122994


def is_the_edge(spectrum, mu=MU):
    assert isinstance(spectrum, Spectrum)
    np.testing.assert_allclose(spectrum.energy_ev, ENERGY, atol=2e-4)
    np.testing.assert_allclose(spectrum.mu, mu, atol=1e-8)
    assert spectrum.e0_ev == 7112.0


@pytest.mark.parametrize(
    ("label", "angle"),
    [
        ("theta", THETA),
        ("angle (deg)", THETA),
        ("mono_theta", THETA),
        ("Bragg", THETA),
        ("MonoAngle", THETA),
        ("mono_2theta", 2 * THETA),
        ("2theta", 2 * THETA),
        ("tth", 2 * THETA),
        ("angle (mdeg)", 1000 * THETA),
        ("angle_mdeg", 1000 * THETA),
        ("theta (rad)", np.radians(THETA)),
        ("theta (mrad)", 1000 * np.radians(THETA)),
    ],
)
def test_angles_become_energies_by_the_crystal_that_the_header_names(label, angle):
    spectrum = read_spectrum(table(f"{SPACING}{label}, mu\n", angle, MU, separator=","))
    is_the_edge(spectrum)
    assert "energies calculated from angles with 2d = 6.27102 A" in spectrum.notes
    with pytest.raises(SpectrumError, match=r"angle of the monochromator .* Mono.d_spacing"):
        read_spectrum(table(f"{label}, mu\n", angle, MU, separator=","), element="Fe")


@pytest.mark.parametrize(
    "entry", ["Mono.2d: 6.27102", "Mono.d_spacing: 3.13551 A", "d-spacing: 3.13551"]
)
@pytest.mark.parametrize("column", ["angle degrees", "energy degrees", "theta deg"])
def test_an_xdi_of_angles(entry, column):
    head = f"# XDI/1.0 x\n# Column.1: {column}\n# Column.2: mu\n# Element.symbol: Fe\n"
    is_the_edge(read_spectrum(table(f"{head}# {entry}\n# ///\n#---\n", THETA, MU)))
    with pytest.raises(SpectrumError, match="over the angle of the monochromator"):
        read_spectrum(table(f"{head}# ///\n#---\n", THETA, MU))


def test_energy_beside_an_angle_is_taken():
    is_the_edge(read_spectrum(table("theta energy mu\n", THETA, ENERGY, MU)))
    asked = read_spectrum(
        table(f"{SPACING}theta energy mu\n", THETA, ENERGY, MU), energy_column="theta", column="mu"
    )
    is_the_edge(asked)


def test_angles_beyond_those_of_a_crystal_are_refused():
    with pytest.raises(SpectrumError, match="lie between 0 and 90; check the unit"):
        read_spectrum(table(SPACING + "theta mu\n", 1000 * THETA, MU))


@pytest.mark.parametrize(
    ("label", "factor"),
    [("lambda", 1.0), ("wavelength (A)", 1.0), ("wavelength (nm)", 0.1), ("lambda_pm", 100.0)],
)
def test_wavelengths_become_energies(label, factor):
    spectrum = read_spectrum(table(f"{label}, mu\n", factor * HC / ENERGY, MU, separator=","))
    is_the_edge(spectrum)
    assert any("calculated from wavelengths" in note for note in spectrum.notes)


def test_wavelengths_of_zero_are_refused():
    with pytest.raises(SpectrumError, match="wavelengths must be positive"):
        read_spectrum(table("lambda mu\n", HC / ENERGY - 1.74, MU))


@pytest.mark.parametrize(
    ("label", "unit"),
    [
        ("energy (Hartree)", HARTREE),
        ("energy_ha", HARTREE),
        ("energy (a.u.)", HARTREE),
        ("energy (Ry)", RYDBERG),
        ("E (rydberg)", RYDBERG),
    ],
)
def test_energies_of_theoreticians_are_converted(label, unit):
    spectrum = read_spectrum(table(f"{label}, mu\n", ENERGY / unit, MU, separator=","))
    is_the_edge(spectrum)
    relative = label.replace("energy", "energy_rel").replace("E (", "E_rel (")
    is_the_edge(
        read_spectrum(table(f"{relative}, mu\n", REL / unit, MU, separator=","), element="Fe")
    )


def test_atomic_units_of_absorption_are_not_those_of_energy():
    with pytest.raises(SpectrumError, match="too much for Ha; name the unit"):
        read_spectrum(table("energy (a.u.), mu\n", ENERGY, MU, separator=","))


@pytest.mark.parametrize(
    ("numbers", "why"),
    [
        (THETA, "angles of Si(111)"),
        (HC / ENERGY, "wavelengths"),
        (ENERGY / HARTREE, "Hartree"),
        (ENERGY / RYDBERG, "Rydberg"),
        (np.linspace(0.0, 14.0, len(MU)), "wavenumbers"),
        (np.linspace(0.0, 6.0, len(MU)), "distances"),
        (np.linspace(40.0, 200.0, len(MU)), "a clock"),
    ],
)
@pytest.mark.parametrize("head", ["", "# made up\n", "x mu\n"])
def test_numbers_without_a_name_are_no_energies_unless_they_cross_the_edge(numbers, why, head):
    with pytest.raises(SpectrumError, match=r"may be keV, an angle|do not reach across the Fe K"):
        read_spectrum(table(head, numbers, MU), element="Fe")


def test_energies_of_no_edge_are_read_with_a_word():
    spectrum = read_spectrum(table("", ENERGY / RYDBERG, MU))
    assert spectrum.e0_ev is None
    assert any("no K edge of Ti, V" in n and "515 and 552 eV" in n for n in spectrum.notes)


@pytest.mark.parametrize("label", ["energy_rel_kev", "energy_rel (keV)", "E-E0 (keV)"])
def test_relative_energies_in_kev(label):
    is_the_edge(read_spectrum(table(f"{label},mu\n", REL / 1000, MU, separator=","), element="Fe"))


def test_kev_without_a_name_is_read_where_an_edge_lies_inside_and_the_numbers_rise():
    is_the_edge(read_spectrum(table("", ENERGY / 1000, MU)))
    is_the_edge(read_spectrum(table("photon energy (keV), mu\n", ENERGY / 1000, MU, separator=",")))
    with pytest.raises(SpectrumError, match=r"may be keV, an angle.* 'energy_kev mu'"):
        read_spectrum(table("", ENERGY[::-1] / 1000, MU[::-1]))


@pytest.mark.parametrize("label", ["k", "q", "k (1/A)", "wavenumber", "R", "r(A)", "distance"])
def test_wavenumbers_and_distances_are_refused_by_their_name(label):
    with pytest.raises(SpectrumError, match=r"as of chi\([kR]\), no energies; .* export mu\(E\)"):
        read_spectrum(table(f"# {label}, chi\n", K, CHI, separator=","), element="Fe")


@pytest.mark.parametrize("label", ["time", "seconds", "elapsed_time", "clock", "timestamp"])
def test_clocks_are_refused_by_their_name(label):
    with pytest.raises(SpectrumError, match="holds times, no energies"):
        read_spectrum(table(f"{label} mu\n", 1.5 * np.arange(len(MU)), MU), element="Fe")


@pytest.mark.parametrize("label", ["energy (cm-1)", "energy (1/A)"])
def test_units_that_are_no_energy_are_refused(label):
    with pytest.raises(SpectrumError, match="which is not read; export"):
        read_spectrum(table(f"{label}, mu\n", ENERGY, MU, separator=","), element="Fe")


def test_paths_of_feff_are_refused():
    head = """ made up                                  Feff 8.40
  2   6.000   1.9460    1.9460   0.00 nleg, deg, reff, rnrmav, edge
        x         y         z   pot at#
     0.0000    0.0000    0.0000  0  26 Fe       absorbing atom
    k   real[2*phc]   mag[feff]  phase[feff] red factor   lambda     real[p]@#
"""
    columns = (K, 1.8 + K, 0.1 * K, -2.0 * K, 1 + 0 * K, 10 + K, K)
    with pytest.raises(SpectrumError, match="'k' holds wavenumbers"):
        read_spectrum(table(head, *columns), element="Fe")


INDEX = np.arange(float(len(MU)))


@pytest.mark.parametrize(
    "head", [",energy,mu\n", "Unnamed: 0,energy,mu\n", "index,energy,mu\n", "", "point,mono,mu\n"]
)
def test_the_index_of_a_data_frame_is_no_energy(head):
    is_the_edge(read_spectrum(table(head, INDEX, ENERGY, MU, separator=","), element="Fe"))


@pytest.mark.parametrize("head", ["", ",mu\n", "point,mu\n", "channel,mu\n"])
@pytest.mark.parametrize("first", [0, 1, 17])
def test_a_counter_alone_is_refused(head, first):
    with pytest.raises(SpectrumError, match=r"only counts the points; .* 'energy \(eV\)'"):
        read_spectrum(table(head, INDEX + first, MU, separator=","), element="Fe")


def test_an_energy_column_without_numbers_is_refused():
    text = "energy mu ref\n" + "\n".join(f"nan {m} {m + 1}" for m in MU)
    with pytest.raises(SpectrumError, match="energy column holds no numbers"):
        read_spectrum(text.encode(), element="Fe")


def test_energies_that_were_reached_go_before_those_asked_for():
    head = "Requested_Energy Achieved_Energy mu\n"
    found = read_table(table(head, ENERGY - 0.4, ENERGY, MU))
    assert found.columns().energy == "Achieved_Energy"
    is_the_edge(found.spectrum())


def test_relative_energies_of_another_element_than_the_file_names_are_refused():
    raw = table("# Element.symbol: Fe\nenergy_rel mu\n", REL, MU)
    is_the_edge(read_spectrum(raw, element="Fe"))
    with pytest.raises(SpectrumError, match="the file is of Fe, but Cu was asked for"):
        read_spectrum(raw, element="Cu")


def test_counts_over_an_angle_make_an_absorption():
    raw = table(f"{SPACING}theta i0 i1\n", THETA, IT * np.exp(RAW), IT, digits=14)
    is_the_edge(read_spectrum(raw), RAW)

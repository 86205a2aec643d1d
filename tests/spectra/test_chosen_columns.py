"""Columns, units and signals that a person chooses."""

import numpy as np
import pytest

from tests.spectra.look_alikes import D_ANG, ENERGY, I0, IF, IT, MU, RAW, REL, THETA, table
from xanes_core.errors import SpectrumError
from xanes_core.spectra import (
    EnergyColumn,
    column_names,
    read_spectrum,
    read_table,
    read_tables,
)

COUNTS = table("# mono c1 c2 c3 c4\n", ENERGY * 1e-3, I0, IT, IF, 3.0 * IF, digits=14)


@pytest.mark.parametrize(
    ("values", "asked"),
    [
        (ENERGY, EnergyColumn("x", "eV")),
        (ENERGY * 1e-3, EnergyColumn("x", "keV")),
        (ENERGY * 1e-3, EnergyColumn(0, "keV")),
        (REL, EnergyColumn("x", "eV from E0")),
        (THETA, EnergyColumn("x", "deg", D_ANG)),
        (THETA * 1000.0, EnergyColumn("x", "mdeg", D_ANG)),
        (np.radians(THETA), EnergyColumn("x", "rad", D_ANG)),
        (12398.419843320026 / ENERGY, EnergyColumn("x", "A")),
        (12398.419843320026 / ENERGY, EnergyColumn(unit="A")),
        (ENERGY / 27.211386245988, EnergyColumn("x", "Ha")),
    ],
)
def test_a_unit_that_is_chosen_goes_before_what_numbers_tell(values, asked):
    raw = table("# x mu\n", values, MU, digits=14)
    spectrum = read_spectrum(raw, element="Fe", energy_column=asked)
    np.testing.assert_allclose(np.sort(spectrum.energy_ev), ENERGY, rtol=1e-9)
    np.testing.assert_allclose(spectrum.mu, MU)


def test_a_crystal_that_is_chosen_goes_before_that_of_the_file():
    raw = table("# Mono.d_spacing: 1.9201\n# theta mu\n", THETA, MU, digits=14)
    asked = EnergyColumn(d_spacing_ang=D_ANG)
    spectrum = read_spectrum(raw, element="Fe", energy_column=asked)
    np.testing.assert_allclose(np.sort(spectrum.energy_ev), ENERGY, rtol=1e-6)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (EnergyColumn("x", "furlong"), "unknown unit of energies"),
        (EnergyColumn("y", "eV"), "no energy column of this name"),
        (EnergyColumn("x", "deg", 99.0), "none of a monochromator"),
    ],
)
def test_choices_that_make_no_sense(asked, message):
    with pytest.raises(SpectrumError, match=message):
        read_table(table("# x mu\n", ENERGY, MU), energy_column=asked)


@pytest.mark.parametrize(
    ("signal", "first", "detectors", "expected", "name"),
    [
        ("transmission", "c1", ["c2"], RAW, "ln(c1/c2)"),
        ("fluorescence", "c1", ["c3"], IF / I0, "c3/c1"),
        ("fluorescence", "c1", ["c3", "c4"], 4.0 * IF / I0, "(c3 + ... + c4)/c1"),
        ("reference", "c1", ["c2"], RAW, "ln(c1/c2)"),
    ],
)
def test_a_signal_is_made_of_columns_that_are_chosen(signal, first, detectors, expected, name):
    made = read_table(COUNTS, energy_column="mono").with_ratio(signal, first, detectors)
    assert (made.curves[-1].name, made.columns().signals[name]) == (name, signal)
    spectrum = made.spectrum(column=name, element="Fe")
    np.testing.assert_allclose(spectrum.mu, expected, rtol=1e-9)
    again = made.with_ratio(signal, first, detectors)
    assert len(again.curves) == len(made.curves)


@pytest.mark.parametrize(
    ("signal", "first", "detectors", "message"),
    [
        ("emission", "c1", ["c2"], "a signal is one of"),
        ("transmission", "c1", ["c1"], "one column for the incident beam"),
        ("transmission", "c1", [], "one column for the incident beam"),
        ("reference", "c1", ["c2", "c3"], "one column for the incident beam"),
        ("transmission", "c9", ["c2"], "no column of this name"),
    ],
)
def test_signals_that_cannot_be_made(signal, first, detectors, message):
    with pytest.raises(SpectrumError, match=message):
        read_table(COUNTS, energy_column="mono").with_ratio(signal, first, detectors)


def test_a_reference_is_offered_and_never_proposed():
    raw = table("# energy i0 itrans irefer\n", ENERGY, I0, IT, IT * np.exp(-MU), digits=14)
    table_ = read_table(raw)
    assert table_.columns(element="Fe").proposed == "ln(i0/itrans)"
    spectrum = table_.spectrum(column="ln(itrans/irefer)", element="Fe")
    np.testing.assert_allclose(spectrum.mu, MU, rtol=1e-9)


def test_all_columns_are_named_even_where_none_is_an_energy():
    raw = table("# k chi\n", REL, MU)
    assert column_names(read_tables(raw)) == ("k", "chi")
    with pytest.raises(SpectrumError, match="wavenumbers"):
        read_table(raw)


@pytest.mark.parametrize(
    ("head", "element"), [("# Element.symbol: Co\n", "Co"), ("# E0: 7112.0\n", "Fe"), ("", None)]
)
def test_the_element_that_the_file_names(head, element):
    assert read_table(table(head + "# energy mu\n", ENERGY, MU)).stated_element == element

"""Which column is the absorption, and which never is."""

import numpy as np
import pytest

from tests.spectra.look_alikes import CHI, ENERGY, I0, IF, IT, MU, RAW, REL, K, table
from xanes_core.errors import SpectrumError
from xanes_core.spectra.columns import is_even
from xanes_core.spectra.read import read_spectrum, read_table

POINT = np.arange(float(len(MU)))
ENCODER = 7112.3 + 1.00002 * REL
ANGLE_LIKE = 1.0e5 / ENERGY
DWELL = 1.0 + 0.01 * POINT
TIME = np.full(len(MU), 2.0)


@pytest.mark.parametrize(
    "columns",
    [
        (POINT, MU),
        (ENCODER, MU),
        (ANGLE_LIKE, MU),
        (DWELL, MU),
        (TIME, MU),
        (POINT, ENCODER, TIME, ANGLE_LIKE, MU),
    ],
)
@pytest.mark.parametrize("element", [None, "Fe"])
def test_what_goes_evenly_with_the_energy_is_never_proposed(columns, element):
    raw = table("", ENERGY, *columns, digits=12)
    proposed = f"column {len(columns) + 1}"
    assert read_table(raw).columns(element=element).proposed == proposed
    spectrum = read_spectrum(raw, element=element)
    np.testing.assert_allclose(spectrum.mu, MU, atol=1e-9)
    assert f"no column is named as absorption: {proposed!r} was taken" in spectrum.notes


@pytest.mark.parametrize("column", [POINT, ENCODER, ANGLE_LIKE, DWELL, TIME])
@pytest.mark.parametrize("element", [None, "Fe"])
def test_a_file_of_such_columns_alone_is_refused(column, element):
    raw = table("", ENERGY, column, digits=12)
    for read in (lambda: read_table(raw).columns(), lambda: read_spectrum(raw, element=element)):
        with pytest.raises(SpectrumError, match="no column looks like an absorption"):
            read()


@pytest.mark.parametrize(
    "name",
    ["time", "count_time", "Seconds", "dwell", "encoder", "mono_theta", "srcur", "ring_current",
     "temperature", "i2", "iref", "mu_ref", "mu0", "std", "icr3", "pre_edge", "deadtime"],
)  # fmt: skip
def test_names_that_are_no_absorption(name):
    wobbly = MU + 0.1 * np.sin(POINT)
    raw = table(f"energy {name} signal\n", ENERGY, wobbly, MU)
    np.testing.assert_allclose(read_spectrum(raw).mu, MU, atol=1e-8)
    with pytest.raises(SpectrumError, match="no column looks like an absorption"):
        read_spectrum(table(f"energy {name}\n", ENERGY, wobbly))


@pytest.mark.parametrize(
    ("head", "columns", "formula", "expected"),
    [
        ("energy i0 i1", (I0, IT), "ln(i0/i1)", RAW),
        ("energy I0 It", (I0, IT), "ln(I0/It)", RAW),
        ("energy i0 itrans irefer", (I0, IT, 0.5 * IT), "ln(i0/itrans)", RAW),
        ("energy time IC0 IC1", (TIME, I0, IT), "ln(IC0/IC1)", RAW),
        ("energy monitor transmission", (I0, IT), "ln(monitor/transmission)", RAW),
        ("energy exp_i0 exp_i1 ref_i1", (I0, IT, 0.5 * IT), "ln(exp_i0/exp_i1)", RAW),
        ("Energy[eV] I0[V] I1[V]", (I0, IT), "ln(I0/I1)", RAW),
        ("(1)Energy (2)I0 (3)I1", (I0, IT), "ln(I0/I1)", RAW),
        ("energy arr_I0 SDD_tot", (I0, IF), "SDD_tot/arr_I0", IF / I0),
        ("energy TEY I0", (IF, I0), "TEY/I0", IF / I0),
        ("energy I0 SCA1_1 SCA1_2", (I0, IF, IF), "(SCA1_1 + ... + SCA1_2)/I0", 2 * IF / I0),
        ("energy i0 if", (I0, IF), "if/i0", IF / I0),
        ("energy i0 pips", (I0, IF), "pips/i0", IF / I0),
        ("energy i0 fluo1 fluo2", (I0, IF, 2 * IF), "(fluo1 + ... + fluo2)/i0", 3 * IF / I0),
        ("energy i0 sca1 sca2", (I0, IF, 0 * IF), "sca1/i0", IF / I0),
        ("energy i0 i1 if", (I0, np.zeros_like(I0), IF), "if/i0", IF / I0),
        ("energy i0 i1 if", (I0, np.round(POINT % 4), IF), "if/i0", IF / I0),
        ("energy i0 i1", (-1e-9 * I0, -1e-9 * IT), "ln(i0/i1)", RAW),
        ("energy i0 i1", (1e-200 * I0, 1e-200 * IT), "ln(i0/i1)", RAW),
        ("energy i0 if", (-1e-9 * I0, -1e-9 * IF), "if/i0", IF / I0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("element", [None, "Fe"])
def test_counts_make_an_absorption(head, columns, formula, expected, element):
    raw = table(head + "\n", ENERGY, *columns, digits=14)
    spectrum = read_spectrum(raw, element=element)
    assert spectrum.metadata["column"] == formula
    np.testing.assert_allclose(spectrum.mu, expected, rtol=1e-9, atol=1e-9)
    assert any(f"absorption computed as {formula}" in note for note in spectrum.notes)


def test_counts_of_an_unknown_detector_are_said_not_to_be_divided():
    spectrum = read_spectrum(table("energy arr_xp1 i0\n", ENERGY, IF, I0), element="Fe")
    expected = "no column is named as absorption: 'arr_xp1' was taken, not divided by I0"
    assert expected in spectrum.notes


def test_the_detector_that_shows_the_edge_is_taken():
    flat = I0 * np.exp(-0.3 + 0.0008 * REL + 0.02 * np.sin(POINT))  # thick sample, no edge
    raw = table("energy i0 i1 if\n", ENERGY, I0, flat, IF, digits=14)
    spectrum = read_spectrum(raw, element="Fe")
    assert spectrum.metadata["column"] == "if/i0"
    assert "absorption computed as if/i0 (also possible: ln(i0/i1))" in spectrum.notes


@pytest.mark.parametrize(
    ("head", "columns"),
    [
        ("energy i0", (I0,)),
        ("energy i1", (IT,)),
        ("energy transmission", (IT,)),
        ("energy i0 iref", (I0, IT)),
        ("energy i1 irefer time", (IT, IT, TIME)),
    ],
)
def test_a_count_alone_is_no_absorption(head, columns):
    with pytest.raises(SpectrumError, match="a transmitted count is no absorption"):
        read_spectrum(table(head + "\n", ENERGY, *columns), element="Fe")


@pytest.mark.parametrize("head", ["energy mu\n", "", "energy counts\n"])
def test_what_falls_at_the_edge_is_refused(head):
    with pytest.raises(SpectrumError, match=r"falls at the edge \(7112 eV\).* transmitted"):
        read_spectrum(table(head, ENERGY, IT), element="Fe")


@pytest.mark.parametrize(
    "head",
    ["k chi chik chik2 chik3 win energy", "energy chi", "energy k chi", "energy chi(k) window"],
)
def test_chi_is_refused_though_energies_stand_beside_it(head):
    energy = 7112.0 + 3.81 * K**2 - 30.0
    columns = [energy if name == "energy" else CHI for name in head.split()]
    with pytest.raises(SpectrumError, match=r"chi\(k\) or chi\(R\), which has no edge; export mu"):
        read_spectrum(table(f"#  {head}\n", *columns), element="Fe")


@pytest.mark.parametrize("other", [-IT, 0.0 * IT, np.round(POINT % 4)])
def test_counts_without_a_ratio_are_refused(other):
    with pytest.raises(SpectrumError, match=r"ln\(i0/i1\) gives no absorption: a detector"):
        read_spectrum(table("energy i0 i1\n", ENERGY, I0, other), element="Fe")


@pytest.mark.parametrize("head", ["", "energy counts\n"])
def test_a_drifting_monitor_is_no_edge(head):
    with pytest.raises(SpectrumError, match=r"'co\w+( 2)?' does not step up at the edge"):
        read_spectrum(table(head, ENERGY, I0), element="Fe")


def test_counts_without_names_are_refused():
    raw = table("", ENERGY, I0, IT)
    with pytest.raises(SpectrumError, match=r"look like counts, .* for example 'energy i0 itrans'"):
        read_spectrum(raw, element="Fe")


def test_of_columns_without_names_the_one_with_the_edge_is_taken():
    spectrum = read_spectrum(table("", ENERGY, I0, IT, RAW), element="Fe")
    assert "no column is named as absorption: 'column 4' was taken" in spectrum.notes
    np.testing.assert_allclose(spectrum.mu, RAW, atol=1e-9)


def test_what_a_person_chooses_is_read_with_a_note():
    raw = table("energy i0 i1\n", ENERGY, I0, IT, digits=14)
    chosen = read_spectrum(raw, element="Fe", column="i1")
    np.testing.assert_allclose(chosen.mu, IT)
    assert any("'i1' falls at the edge" in note for note in chosen.notes)
    asked = read_spectrum(raw, element="Fe", column="ln(i0/i1)")
    np.testing.assert_allclose(asked.mu, RAW, atol=1e-9)
    assert not any("edge" in note for note in asked.notes)


LEGENDS = {
    "APS 12-BM": "# exafs_region 1\n#C  1_energy  (eV)  2_time  3_i0  4_itrans\n",
    "APS 12-BM of old": "#C_1 exafs_region\n#C   1_E   (eV)   2_T   3_I0   4_I1\n",
    "APS 20-ID": (
        "# 1-D Scan File created by LabVIEW Control Panel\n"
        "# The following is a readable list of column headings:\n"
        "#1) Mono Energy (alt) *  2) Scaler preset time *\n#3) I0 *  4) It\n"
    ),
    "APS 9-BM": (
        "# 1-D Scan File created by LabVIEW Control Panel   9BM\n"
        "#\n# Mono Energy * Scaler preset time * I0 * It\n"
    ),
    "SSRL": (
        "SSRL - EXAFS Data Collector 2.0\n11-2\nData:\nAchieved Energy\nReal time clock\nI0\nI1\n\n"
    ),
    "NSLS": 'XDAC V1.4  Datafile V1\n"fe.001"\n----------------------\n energy  time  i0  it\n',
    "CLS": '# CLS Data Acquisition\n#(1) "$(Energy:Mono)" "$(time)" "$(i0)" "$(i1)"\n',
    "SAMBA": "# SOLEIL SAMBA\n#energy\ttime\tI0\tI1\n",
    "DESY": "# P65\n# Column.1: energy eV\n# Column.2: time s\n# Column.3: i0\n# Column.4: i1\n#\n",
}


@pytest.mark.parametrize("beamline", LEGENDS)
def test_the_legends_of_beamlines(beamline):
    raw = table(LEGENDS[beamline], ENERGY, TIME, I0, IT, digits=14)
    spectrum = read_spectrum(raw, element="Fe")
    np.testing.assert_allclose(spectrum.energy_ev, ENERGY)
    np.testing.assert_allclose(spectrum.mu, RAW, atol=1e-9)
    assert any("computed as ln(" in note for note in spectrum.notes)


@pytest.mark.parametrize("separator", [",", ", "])
@pytest.mark.parametrize("names", ["energy,mu", "Energie (eV),Absorption"])
def test_decimal_commas_between_commas_are_refused(separator, names):
    rows = "\n".join(
        f"{e:.2f}{separator}{m:.5e}".replace(".", ",")
        for e, m in zip(7000.31 + 3.0 * POINT, MU, strict=True)
    )
    with pytest.raises(SpectrumError, match="both decimal marks and separators"):
        read_spectrum(f"{names}\n{rows}\n".encode(), element="Fe")


def test_even_columns_by_their_numbers():
    assert is_even(ENERGY, 3.0 * ENERGY - 2.0)
    assert is_even(ENERGY, 1.0 / ENERGY)
    assert is_even(ENERGY, np.full(len(ENERGY), 7.0))
    assert not is_even(ENERGY, RAW)
    assert not is_even(ENERGY, I0)
    assert not is_even(ENERGY[:9], ENERGY[:9])

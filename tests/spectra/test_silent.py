"""No spectrum file gives other energies or another curve than it holds without a word."""

import json

import numpy as np
import pytest

from xanes_core.errors import SpectrumError
from xanes_core.spectra import list_spectra, read_spectrum

E0 = 7118.0
ENERGY = np.linspace(7080.0, 7190.0, 221)
MU = 0.6 + np.arctan((ENERGY - E0) / 1.5) / np.pi + 0.3 * np.exp(-(((ENERGY - E0 - 4) / 3) ** 2))
ARABIC = str.maketrans("0123456789", "".join(chr(0x660 + i) for i in range(10)))


def text(*columns, head="", separator=" ", decimal="."):
    rows = [
        separator.join(f"{x:.6f}".replace(".", decimal) for x in row)
        for row in zip(*columns, strict=True)
    ]
    return "\n".join([*([head] if head else []), *rows, ""])


def read(content, name="a.dat", **how):
    return read_spectrum(content.encode(), name=name, **{"element": "Fe", **how})


def columns(**lists):
    return json.dumps({key: list(values) for key, values in lists.items()})


# --- what is refused -----------------------------------------------------------------------------

TWICE = np.repeat(ENERGY, 2)
INTERLEAVED = np.column_stack([MU, 2 * MU]).ravel()
WHOLE = [f"{e:.0f},{m:.6f}" for e, m in zip(ENERGY[::2], MU[::2], strict=True)]

REFUSED = {
    "of chemists": (text(ENERGY * 23.06, MU, head="# energy(kcal/mol) mu"), "is in kcal/mol"),
    "frequencies": (text(ENERGY / 4.1357, MU, head="# energy[PHz] mu"), "is in Hz"),
    "joules": (text(ENERGY, MU, head="# energy(J) mu"), "is in J, which is not read"),
    "MeV": (text(ENERGY / 1e6, MU, head="# energy(MeV) mu"), "is in MeV or meV"),
    "Rydberg without a word": (text((ENERGY - E0) / 13.6057, MU), "that may be keV, an angle"),
    "numbers of the rows as energies": (
        text(np.arange(221), MU, head="# energy mu"), "0, 1, 2 and so on: that counts the points",
    ),
    "the same from one on": (
        text(np.arange(1, 222), MU, head="# energy mu"), "1, 2, 3 and so on: that counts",
    ),
    "decimal commas between commas": (
        "\n".join(row.replace(".", ",") for row in WHOLE), "both decimal marks and separators",
    ),
    "two scans point by point": (
        text(TWICE, INTERLEAVED, head="# energy mu"), "several values that differ; these are two",
    ),
    "a piece of a second scan": (
        text(
            np.concatenate([ENERGY, ENERGY[60:69]]), np.concatenate([MU, 2 * MU[60:69]]),
            head="# energy mu",
        ),
        "at 9 energies the file gives several values that differ",
    ),
    "Arabic digits": (text(ENERGY, MU, head="# e mu").translate(ARABIC), "no table of numbers"),
    "a list twice": (
        '{"energy": [1, 2], "energy": [3, 4], "mu": [1, 2]}', "gives 'energy' twice; keep the one",
    ),
    "JSON without end": ("[" * 100_000, "cannot be read: it is nested too deeply"),
    "objects without end": ('{"a":' * 100_000, "cannot be read: it is nested too deeply"),
    "a number without end": (
        '{"energy": [' + "9" * 5000 + '], "mu": [1]}', "cannot be read .Exceeds the limit",
    ),
    "energies that are none": (
        columns(energy=[float("nan")] * 221, mu=MU), "energy column holds no numbers",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_may_be_other_energies_or_two_curves_is_refused(case):
    content, reason = REFUSED[case]
    with pytest.raises(SpectrumError, match=reason):
        read(content)


# --- what is read --------------------------------------------------------------------------------


@pytest.mark.parametrize("head", [",0,1", ",energy,mu", "Unnamed: 0,energy,mu", ""])
def test_the_index_of_a_data_frame_is_passed_over(head):
    content = text(np.arange(221), ENERGY, MU, head=head, separator=",")
    spectrum = read(content, "a.csv")
    np.testing.assert_allclose(spectrum.energy_ev, ENERGY, atol=1e-6)
    np.testing.assert_allclose(spectrum.mu, MU, atol=1e-6)


@pytest.mark.parametrize("separator", [";", "\t", " "])
def test_decimal_commas_are_read(separator):
    spectrum = read(text(ENERGY, MU, separator=separator, decimal=","))
    np.testing.assert_allclose(spectrum.mu, MU, atol=1e-6)


def test_a_row_in_another_script_is_left_out_with_a_note():
    content = text(ENERGY, MU, head="# energy mu").replace("7100.0", "7100.0".translate(ARABIC), 1)
    spectrum = read(content)
    assert len(spectrum.energy_ev) == 220
    assert "1 lines that do not fit the table were left out" in spectrum.metadata["notes"]


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_the_order_of_the_energies_does_not_matter(order):
    spectrum = read(text(ENERGY[order], MU[order], head="# energy mu"))
    np.testing.assert_allclose(spectrum.mu, MU, atol=1e-6)


def test_noise_at_one_energy_is_averaged():
    noise = np.random.default_rng(3).normal(0, 0.005, 442)
    spectrum = read(text(TWICE, np.repeat(MU, 2) + noise, head="# energy mu"))
    np.testing.assert_allclose(spectrum.mu, MU, atol=0.03)
    assert "221 duplicate energies averaged" in spectrum.metadata["notes"]


@pytest.mark.parametrize("second", [ENERGY, ENERGY[::-1]])
def test_two_scans_are_listed_never_averaged(second):
    content = text(
        np.concatenate([ENERGY, second]), np.concatenate([MU, 2 * MU]), head="# energy mu"
    )
    assert list_spectra(content.encode(), name="a.dat") == ("scan 1", "scan 2")
    with pytest.raises(SpectrumError, match="the file holds 2 spectra"):
        read(content)


@pytest.mark.parametrize(
    ("kept", "hole"),
    [
        (np.r_[0:60, 120:221], "no points between 7109.5 and 7140.0 eV"),
        (np.r_[0:221:10], None),
        (np.r_[0:60, 70:221], None),
    ],
)
def test_a_hole_in_the_energies_is_noted(kept, hole):
    notes = read(text(ENERGY[kept], MU[kept], head="# energy mu")).metadata["notes"]
    assert hole in notes if hole else "no points between" not in notes


def test_rows_that_are_no_numbers_are_told_where_they_leave_a_hole():
    mu = MU.copy()
    mu[60:110] = np.nan
    notes = read(text(ENERGY, mu, head="# energy mu")).metadata["notes"]
    assert "50 rows without a number were left out" in notes
    assert "no points between 7109.5 and 7135.0 eV" in notes


@pytest.mark.parametrize("units", [("kHz", "kHz"), ("cps", "cps"), ("kcts", "kcts"), ("V", "V")])
def test_counts_are_known_with_their_units(units):
    i0 = 1e3 * (1 + 0.1 * np.sin(ENERGY / 30))
    head = f"# energy i0({units[0]}) it({units[1]})"
    spectrum = read(text(ENERGY, i0, i0 * np.exp(-MU), head=head))
    np.testing.assert_allclose(spectrum.mu, MU, atol=1e-5)
    fluorescence = read(text(ENERGY, i0, MU * i0, head=f"# energy i0({units[0]}) if({units[1]})"))
    np.testing.assert_allclose(fluorescence.mu, MU, atol=1e-5)


def test_swapped_columns_follow_their_names():
    spectrum = read(text(MU, ENERGY, head="# mu energy"))
    np.testing.assert_allclose(spectrum.mu, MU, atol=1e-6)
    with pytest.raises(SpectrumError, match="do not reach across the Fe K edge"):
        read(text(ENERGY, MU, head="# mu energy"))

import contextlib
import json
import random

import numpy as np
import pytest

from tests import places
from tests.predictions import made_prediction
from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import SpectrumError, XanesError
from xanes_core.model.export import to_csv, to_json, to_xdi
from xanes_core.spectra import read as spectrum_io
from xanes_core.spectra import table as spectrum_text
from xanes_core.spectra.read import read_spectrum, read_table
from xanes_core.spectra.spectrum import Spectrum
from xanes_core.spectra.table import parse_json, parse_table
from xanes_core.spectra.write import WRITE_FORMATS, write_spectrum

FILES = places.FILES / "spectra"
REL = np.concatenate(
    [np.arange(-60.0, -10.0, 5.0), np.arange(-10.0, 40.0), np.arange(40.0, 201.0, 8.0)]
)
MU = (
    0.5
    + np.arctan((REL - 8) / 1.5) / np.pi
    + 0.5 * np.exp(-((REL - 14) ** 2) / 18)
    + 0.08 * np.exp(-((REL - 1) ** 2) / 2)
)
RAW = 0.3 - 0.0008 * REL + 0.9 * MU


def rows(separator=" ", decimal=".", energy=None, mu=None, head=""):
    energy = 7112 + REL if energy is None else energy
    mu = MU if mu is None else mu
    lines = [f"{e:.5f}{separator}{m:.8f}" for e, m in zip(energy, mu, strict=True)]
    text = "\n".join(lines)
    return (head + text.replace(".", decimal) + "\n").encode()


@pytest.mark.parametrize(
    ("name", "mu", "kind", "column", "note"),
    [
        ("counts.xdi", RAW, "xdi", "ln(i0/itrans)", "computed as ln(i0/itrans)"),
        ("german.csv", MU, "table", "µ(E) normiert", "decimal commas"),
        ("german_tab.txt", MU, "table", "mu", "decimal commas"),
        ("kev_utf16.txt", MU, "table", "mu", "from keV to eV"),
        ("fdmnes.txt", MU, "fdmnes", "<xanes>", ""),
        ("fdmnes_conv.txt", MU, "fdmnes", "<xanes>", "placed at E0 = 7112"),
        ("xmu.dat", MU, "feff", "mu", ""),
        ("athena.nor", MU, "athena", "norm", "'norm' was taken (also: norm, flat)"),
        ("fluorescence.csv", MU, "table", "ifluor/i0", "computed as ifluor/i0"),
        ("fortran.txt", MU, "table", "mu", ""),
    ],
)
def test_every_kind_of_file_gives_the_curve_it_was_written_from(name, mu, kind, column, note):
    spectrum = read_spectrum(FILES / name)
    np.testing.assert_allclose(spectrum.energy_ev, 7112 + REL, atol=1e-6)
    np.testing.assert_allclose(spectrum.mu, mu, atol=6e-6)  # as many digits as FEFF writes
    assert spectrum.e0_ev == 7112.0
    assert spectrum.metadata["source_format"] == kind
    assert spectrum.metadata["column"] == column
    assert note in spectrum.metadata["notes"]
    same = read_spectrum((FILES / name).read_bytes(), name=name)
    np.testing.assert_array_equal(same.mu, spectrum.mu)
    assert dict(same.metadata) == dict(spectrum.metadata)


def test_header_of_an_xdi_file_becomes_metadata():
    metadata = read_spectrum(FILES / "counts.xdi").metadata
    assert metadata["element"] == "Fe"
    assert metadata["edge"] == "K"
    assert metadata["Sample.name"] == "made up for tests"
    assert metadata["Mono.d_spacing"] == "3.1356"
    assert not any(key.startswith("Column") for key in metadata)


def test_athena_e0_stays_in_the_metadata_and_the_table_sets_the_reference():
    spectrum = read_spectrum(FILES / "athena.nor")
    assert spectrum.e0_ev == K_EDGE_EV["Fe"]
    assert spectrum.metadata["Athena.e0"] == "7120.00"
    assert spectrum.metadata["normalised"] == "yes"


def test_columns_are_listed_and_chosen_by_name_or_number():
    listed = read_table(FILES / "athena.nor").columns(rows=3)
    assert listed.names == ("norm", "nbkg", "flat", "fbkg")
    assert (listed.energy, listed.proposed) == ("energy", "norm")
    assert listed.preview_energy == (7052.0, 7057.0, 7062.0)
    np.testing.assert_allclose(listed.preview["flat"], MU[:3] + 0.001, atol=1e-7)
    for column in ("flat", "FLAT", 2, "2"):
        spectrum = read_spectrum(FILES / "athena.nor", column=column)
        np.testing.assert_allclose(spectrum.mu, MU + 0.001, atol=1e-7)


def test_a_file_that_was_read_once_gives_all_its_spectra():
    table = read_table(FILES / "athena.nor")
    for column in (None, *table.columns().names):
        spectrum = table.spectrum(column=column, element="Fe")
        same = read_spectrum(FILES / "athena.nor", column=column, element="Fe")
        np.testing.assert_array_equal(spectrum.mu, same.mu)
        assert dict(spectrum.metadata) == dict(same.metadata)
    for curve in read_table(FILES / "counts.xdi").curves:
        with pytest.raises(ValueError, match="read-only"):
            curve.values[0] = 1.0


def test_computed_curves_are_listed_with_their_formula():
    listed = read_table(FILES / "counts.xdi").columns()
    assert listed.names == ("i0", "itrans", "ln(i0/itrans)")
    assert listed.proposed == "ln(i0/itrans)"
    assert listed.formulas == {"ln(i0/itrans)": "ln(i0/itrans)"}
    assert "computed" in listed.remark
    plain = read_spectrum(FILES / "counts.xdi", column="i0")
    np.testing.assert_allclose(plain.mu, 20000 + 5 * REL, atol=1e-3)


def test_transmission_goes_before_fluorescence_and_says_so():
    counts = np.column_stack([7112 + REL, 1e5 + REL, 1e5 * np.exp(-RAW), 1e5 * MU])
    text = "energy i0 it if\n" + "\n".join(" ".join(map(repr, r)) for r in counts.tolist())
    spectrum = read_spectrum(text.encode())
    np.testing.assert_allclose(spectrum.mu, np.log((1e5 + REL) / 1e5) + RAW)
    assert "also possible: if/i0" in spectrum.metadata["notes"]
    fluorescence = read_spectrum(text.encode(), column="if/i0")
    np.testing.assert_allclose(fluorescence.mu, 1e5 * MU / (1e5 + REL))


def test_a_column_of_one_value_is_not_taken_for_the_spectrum():
    text = "\n".join(f"{7112 + r} 1.0 {m}" for r, m in zip(REL, MU, strict=True))
    spectrum = read_spectrum(text.encode(), element="Fe")
    np.testing.assert_array_equal(spectrum.mu, MU)
    assert "'column 3' was taken" in spectrum.metadata["notes"]


def test_commas_as_marks_and_separators_are_refused_where_energies_do_not_repeat():
    text = "\n".join(
        f"{e:.1f},{m:.4f}".replace(".", ",")
        for e, m in zip(7000.0 + 2 * np.arange(len(MU)), MU, strict=True)
    )
    with pytest.raises(SpectrumError, match="both decimal marks and separators"):
        read_spectrum(text.encode(), element="Fe")


def test_energy_column_can_be_named():
    text = "point mono_readback mu\n" + "\n".join(
        f"{i} {7112 + r} {m}" for i, (r, m) in enumerate(zip(REL, MU, strict=True))
    )
    spectrum = read_spectrum(text.encode(), energy_column="mono_readback", column="mu")
    np.testing.assert_allclose(spectrum.energy_ev, 7112 + REL)
    with pytest.raises(SpectrumError, match="no energy column of this name"):
        read_spectrum(text.encode(), energy_column="angle")


@pytest.mark.parametrize("separator", [" ", "   ", "\t", ",", ", ", ";", " ; "])
@pytest.mark.parametrize("head", ["", "# c\n", "% c\n", "; c\n", "! c\n", "energy, mu\n", "\n\n"])
def test_separators_and_comments(separator, head):
    spectrum = read_spectrum(rows(separator, head=head))
    np.testing.assert_allclose(spectrum.energy_ev, 7112 + REL, atol=1e-5)
    np.testing.assert_allclose(spectrum.mu, MU, atol=1e-8)


@pytest.mark.parametrize("separator", [" ", "\t", ";", "; "])
def test_decimal_commas(separator):
    spectrum = read_spectrum(rows(separator, decimal=","))
    np.testing.assert_allclose(spectrum.energy_ev, 7112 + REL, atol=1e-5)
    np.testing.assert_allclose(spectrum.mu, MU, atol=1e-8)
    assert "decimal commas were read" in spectrum.notes


@pytest.mark.parametrize(
    "encoding",
    ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-8"],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(encoding, newline):
    text = rows(head="# Probe: gemörsert bei 20 °C\nenergy mu\n").decode()
    raw = text.replace("\n", newline).encode(encoding)
    spectrum = read_spectrum(raw)
    np.testing.assert_allclose(spectrum.mu, MU, atol=1e-8)
    assert spectrum.metadata["Probe"] == "gemörsert bei 20 °C"


@pytest.mark.parametrize(
    ("token", "value"),
    [("1.0D+00", 1.0), ("1.5d-1", 0.15), ("2.E+1", 20.0), (".5", 0.5), ("1.0-101", 1e-101)],
)
def test_fortran_numbers(token, value):
    spectrum = read_spectrum(rows() + f"9000.0 {token}\n".encode())
    assert spectrum.mu[-1] == value


def test_disorder_is_mended_and_reported():
    energy, mu = list(7112 + REL), list(MU)
    energy[20], energy[21] = energy[21], energy[20]
    mu[20], mu[21] = mu[21], mu[20]
    energy.append(energy[-1])
    mu.append(mu[-1] + 0.2)
    spectrum = read_spectrum(rows(energy=energy, mu=mu))
    np.testing.assert_allclose(spectrum.energy_ev, 7112 + REL)
    np.testing.assert_allclose(spectrum.mu[:-1], MU[:-1], atol=1e-8)
    assert spectrum.mu[-1] == pytest.approx(MU[-1] + 0.1)
    assert "energies sorted" in spectrum.notes
    assert "1 duplicate energies averaged" in spectrum.notes


def test_descending_energies_are_reversed():
    spectrum = read_spectrum(rows(energy=(7112 + REL)[::-1], mu=MU[::-1]))
    np.testing.assert_allclose(spectrum.mu, MU, atol=1e-8)
    assert "energies descended and were reversed" in spectrum.notes


def test_rows_without_numbers_are_dropped_and_reported():
    extra = b"8000 nan\n8001 ****\n8002 inf\n8003 1.0 extra words\n8004\n"
    spectrum = read_spectrum(rows() + extra)
    np.testing.assert_allclose(spectrum.energy_ev, 7112 + REL)
    assert "3 rows without a number were left out" in spectrum.notes
    assert "2 lines that do not fit the table were left out" in spectrum.notes


@pytest.mark.parametrize(("i0", "it"), [(0, 5.0), (-1.0, 5.0), (5.0, 0.0), (5.0, -2.0)])
def test_counts_of_zero_or_less_are_dropped_and_reported(i0, it):
    text = (FILES / "counts.xdi").read_text() + f"  7400.0 {i0} {it}\n"
    spectrum = read_spectrum(text.encode())
    np.testing.assert_allclose(spectrum.energy_ev, 7112 + REL)
    assert "1 rows with counts of zero or less were left out" in spectrum.notes


def test_relative_energies_need_an_element():
    with pytest.raises(SpectrumError, match=r"relative to an edge .* element='Fe'"):
        read_spectrum(FILES / "relative.dat")
    spectrum = read_spectrum(FILES / "relative.dat", element="Cu")
    np.testing.assert_allclose(spectrum.energy_ev, 8979 + REL)
    assert spectrum.e0_ev == 8979.0
    assert spectrum.metadata["element"] == "Cu"
    unnamed = read_spectrum(rows(energy=REL), element="fe")
    np.testing.assert_allclose(unnamed.energy_ev, 7112 + REL, atol=1e-5)


def test_relative_energies_without_negative_ones_are_recognised_by_their_range():
    positive = REL >= 0
    raw = rows(energy=REL[positive], mu=MU[positive])
    spectrum = read_spectrum(raw, element="Mn")
    np.testing.assert_allclose(spectrum.energy_rel_ev, REL[positive])


def test_an_element_that_the_file_and_its_energies_contradict_is_refused():
    with pytest.raises(SpectrumError, match=r"do not reach across the Mn K edge .* names Fe"):
        read_spectrum(FILES / "counts.xdi", element="Mn")


def test_the_element_asked_for_goes_before_the_one_in_the_file_with_a_note():
    raw = (FILES / "counts.xdi").read_bytes().replace(b"symbol: Fe", b"symbol: Mn")
    spectrum = read_spectrum(raw, element="Fe")
    assert spectrum.e0_ev == K_EDGE_EV["Fe"]
    assert "the file names Mn, but Fe was asked for and used" in spectrum.notes


def test_an_edge_alone_in_the_range_is_taken_and_reported():
    spectrum = read_spectrum(rows())
    assert spectrum.e0_ev == 7112.0
    assert any("the Fe K edge (7112 eV), the only one" in note for note in spectrum.notes)
    assert "element" not in spectrum.metadata
    assert read_spectrum(rows(energy=3000 + REL)).e0_ev is None
    both = read_spectrum(rows(energy=6600 + 10 * REL))
    assert both.e0_ev is None


def test_other_edges_have_no_tabulated_e0():
    text = (FILES / "counts.xdi").read_text().replace("Element.edge: K", "Element.edge: L3")
    spectrum = read_spectrum(text.encode())
    assert spectrum.e0_ev is None
    assert spectrum.metadata["edge"] == "L3"


def test_unnamed_feff_columns_are_recognised_when_told():
    lines = (FILES / "xmu.dat").read_text().splitlines()
    raw = "\n".join(line for line in lines if not line.startswith("#")).encode()
    for options in ({"format": "feff"}, {"name": "xmu.dat"}):
        np.testing.assert_allclose(read_spectrum(raw, **options).mu, MU, atol=1e-5)
    told = read_spectrum(raw)
    np.testing.assert_allclose(told.mu, MU, atol=1e-5)
    assert "columns without names were taken for those of FEFF's xmu.dat" in told.notes


def test_a_spec_header_names_the_columns():
    text = "#F scan\n#S 1 ascan\n#L Energy  I0  I1\n" + "\n".join(
        f"{7112 + r} 1000.0 {1000 * np.exp(-m)}" for r, m in zip(REL, RAW, strict=True)
    )
    spectrum = read_spectrum(text.encode())
    np.testing.assert_allclose(spectrum.mu, RAW)
    assert spectrum.metadata["column"] == "ln(I0/I1)"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is empty"),
        (b" \r\n\t \n", "is empty"),
        (b"\xef\xbb\xbf\n", "is empty"),
        (bytes(range(256)) * 40, "not a text file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "not a text file"),
        (b"hello, world\nno numbers here\n", "no table of numbers"),
        (b"nothing 1 but text\nn 1 x\n", "no table of numbers"),
        (b"1.0\n2.0\n3.0\n" * 10, "single column"),
        (b"7112 0.1\n7113 0.2\n7114 0.3\n", "only 3 usable points"),
        (b"7112 0.1\n" * 30, "only 1 different energies"),
        (b"energy energy_rel_ev\n" + b"7112 0\n" * 12, "energies only"),
        (b"7112,5,0,123\n7112,7,0,124\n7113,5,0,125\n7113,7,0,126\n" * 5, "both decimal marks"),
        (rows(energy=1e6 + REL), "no X-ray absorption spectrum"),
        (b"7112 nan\n" * 5 + b"7112 1\n", "only 1 usable"),
        (b"[1, 2", "JSON cannot be read"),
        (b"{}", "holds no spectrum"),
        (b'{"energy": [1, 2], "mu": [1]}', "holds no spectrum"),
        (b"[" * 100_000, "JSON cannot be read"),
        (b"7112 1\n" + b"not a row\n" * 30, "lines do not fit"),
    ],
)
def test_unusable_content_gets_its_own_message(raw, message):
    with pytest.raises(SpectrumError, match=message):
        read_spectrum(raw)


def test_energies_that_jump_are_refused():
    jumping = np.random.default_rng(0).permutation(7112 + REL)
    with pytest.raises(SpectrumError, match="jump up and down"):
        read_spectrum(rows(energy=jumping))


def test_energies_relative_to_a_tiny_e0_are_refused():
    raw = rows(energy=REL, head="# e0_ev: 320\n")
    with pytest.raises(SpectrumError, match="beyond any absorption spectrum"):
        read_spectrum(raw)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "xls"}, "unknown spectrum format 'xls'"),
        ({"column": "nonsense"}, "no column of this name; the file has: norm, nbkg"),
        ({"column": 9}, "no column 9"),
        ({"column": -1}, "no column -1"),
        ({"column": 1.5}, "by its name or its number"),
        ({"column": True}, "by its name or its number"),
        ({"element": "Au"}, "not one of the elements"),
        ({"element": "Unobtainium"}, "not one of the elements"),
    ],
)
def test_unknown_choices_are_refused(options, message):
    with pytest.raises(SpectrumError, match=message):
        read_spectrum(FILES / "athena.nor", **options)


def test_paths_that_cannot_be_read(tmp_path):
    with pytest.raises(SpectrumError, match="does not exist"):
        read_spectrum(tmp_path / "absent.csv")
    with pytest.raises(SpectrumError, match="cannot be opened"):
        read_spectrum(tmp_path)
    with pytest.raises(SpectrumError, match="path of a file or its content"):
        read_spectrum(12)


def test_the_name_of_an_upload_is_never_opened(tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_bytes(rows(energy=8979 + REL))
    spectrum = read_spectrum(rows(), name=str(secret))
    assert spectrum.e0_ev == 7112.0
    assert "secret" not in str(dict(spectrum.metadata))


def test_limits(monkeypatch):
    monkeypatch.setattr(spectrum_text, "MAX_BYTES", 1000)
    with pytest.raises(SpectrumError, match="larger than"):
        read_spectrum(rows())
    with pytest.raises(SpectrumError, match="more than 20 rows"):
        parse_table(rows().decode(), max_rows=20)
    with pytest.raises(SpectrumError, match="more than 20 rows"):
        parse_json(json.dumps({"energy": list(range(7000, 7050)), "mu": [1] * 50}), max_rows=20)


def test_a_path_is_read_no_further_than_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(spectrum_io, "MAX_BYTES", 100)
    path = tmp_path / "long.txt"
    path.write_bytes(rows())
    with pytest.raises(SpectrumError, match="only 5 usable points"):
        read_spectrum(path)


@pytest.mark.parametrize("width", [201, 5000])
def test_too_many_columns_are_no_table(width):
    with pytest.raises(SpectrumError, match="no table of numbers"):
        read_spectrum((" ".join(["1.0"] * width) + "\n").encode() * 20)


def test_json_of_pairs_and_nested_json():
    pairs = json.dumps([[e, m] for e, m in zip((7112 + REL).tolist(), MU.tolist(), strict=True)])
    np.testing.assert_array_equal(read_spectrum(pairs.encode()).mu, MU)
    nested = json.dumps(
        {
            "element": "Fe",
            "spectrum": {"energy": (7112 + REL).tolist(), "mu": [*MU[:-1].tolist(), None]},
        }
    )
    spectrum = read_spectrum(nested.encode())
    np.testing.assert_array_equal(spectrum.mu, MU[:-1])
    assert spectrum.metadata["element"] == "Fe"


def awkward():
    metadata = {
        "element": "Fe",
        "edge": "K",
        "Sample.name": "line one\nline two\r\u2028# Column.2: energy eV\x00",
        "title": 'quotes " and, commas; and # signs',
        "7 odd=key:\n": "x" * 2000,
        "energy mu": "1 2",
        "notes": "sorted; and more",
        "Column.1": "mu",
        "empty": "",
        "größe": "µ",
    }
    energy = 7112.1 + np.cumsum(np.random.default_rng(1).uniform(0.1, 1, 60)) - 20
    mu = np.random.default_rng(2).normal(size=60) * 1e-3
    return Spectrum(energy, mu, 7112.1, metadata)


@pytest.mark.parametrize("format", WRITE_FORMATS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_round_trip_is_exact_whatever_the_metadata_hold(format, encoding):
    spectrum = awkward()
    text = write_spectrum(spectrum, format)
    back = read_spectrum(text.encode(encoding), name=f"x.{format}")
    np.testing.assert_array_equal(back.energy_ev, spectrum.energy_ev)
    np.testing.assert_array_equal(back.mu, spectrum.mu)
    assert back.e0_ev == spectrum.e0_ev
    assert back.metadata["element"] == "Fe"
    assert back.metadata["title"] == spectrum.metadata["title"]
    assert back.metadata["Sample.name"] == "line one line two # Column.2: energy eV"
    assert back.notes == spectrum.notes
    # A second round changes nothing any more.
    again = read_spectrum(write_spectrum(back, format).encode(), name=f"x.{format}")
    assert dict(again.metadata) == dict(back.metadata)


@pytest.mark.parametrize("format", WRITE_FORMATS)
def test_round_trip_without_e0(format):
    spectrum = Spectrum(np.linspace(3000, 3100, 50), np.linspace(0, 1, 50))
    back = read_spectrum(write_spectrum(spectrum, format).encode())
    assert back.e0_ev is None
    np.testing.assert_array_equal(back.energy_ev, spectrum.energy_ev)


def test_csv_has_the_columns_of_the_project():
    lines = write_spectrum(Spectrum([7111.0, 7112.5], [0.1, 0.2], 7112.0)).splitlines()
    assert lines == [
        "# e0_ev: 7112.0",
        "energy_ev,energy_rel_ev,mu",
        "7111.0,-1.0,0.1",
        "7112.5,0.5,0.2",
    ]


def test_xdi_begins_as_the_format_demands():
    lines = write_spectrum(awkward(), "xdi").splitlines()
    assert lines[0].startswith("# XDI/1.0")
    assert "# Column.1: energy eV" in lines
    assert "# Element.symbol: Fe" in lines
    assert "# Element.edge: K" in lines
    end = lines.index("# ///")
    assert all(line.startswith("# ") and "." in line.split(":")[0] for line in lines[1:end])
    assert lines.index("# -----") > end
    assert any("Mono.d_spacing is not stated" in line for line in lines[end:])


def test_unknown_write_format():
    with pytest.raises(SpectrumError, match="unknown format 'hdf5'"):
        write_spectrum(awkward(), "hdf5")


def test_exported_predictions_are_read_back():
    columns = np.column_stack([7112 + REL, REL, MU, 0 * MU + 0.1, MU - 0.2, MU + 0.2])
    names = ["energy_ev", "energy_rel_ev", "mu", "std", "lower", "upper"]
    text = ",".join(names) + "\n" + "\n".join(",".join(f"{v:.4f}" for v in r) for r in columns)
    spectrum = read_spectrum(text.encode(), name="p.csv")
    np.testing.assert_allclose(spectrum.mu, MU, atol=1e-4)
    assert spectrum.e0_ev == 7112.0
    content = dict(zip(names, columns.T.tolist(), strict=True)) | {"e0_ev": 7112.0, "element": "Fe"}
    spectrum = read_spectrum(json.dumps(content).encode(), name="p.json")
    np.testing.assert_array_equal(spectrum.mu, MU)
    assert spectrum.metadata["element"] == "Fe"
    listed = read_table(json.dumps(content).encode()).columns()
    assert listed.names == ("mu", "std", "lower", "upper")


@pytest.mark.parametrize("write", [to_csv, to_json, to_xdi])
def test_exported_predictions_are_known_as_computed_and_normalised(write):
    made = read_spectrum(write(made_prediction()).encode())
    assert (made.metadata["computed"], made.metadata["normalised"]) == ("yes", "yes")


@pytest.mark.parametrize(("factor", "normalised"), [(1.0, "yes"), (0.03, None)])
def test_fdmnes_is_normalised_where_it_was_scaled_to_the_edge_step(factor, normalised):
    text = rows(mu=factor * MU, head="    FDMNES\n    energy     <xanes>\n")
    metadata = read_spectrum(text).metadata
    assert (metadata["computed"], metadata.get("normalised")) == ("yes", normalised)
    assert "computed" not in read_spectrum(rows()).metadata


@pytest.mark.parametrize("format", WRITE_FORMATS)
def test_what_was_normalised_stays_so_in_a_file(format):
    spectrum = Spectrum(7112 + REL, MU, 7112.0, {"normalised": "yes", "computed": "yes"})
    metadata = read_spectrum(write_spectrum(spectrum, format).encode()).metadata
    assert (metadata["computed"], metadata["normalised"]) == ("yes", "yes")


def test_energy_beside_relative_energy_gives_e0():
    text = "energy_ev energy_rel_ev mu\n" + "\n".join(
        f"{7000.25 + r} {r} {m}" for r, m in zip(REL, MU, strict=True)
    )
    assert read_spectrum(text.encode()).e0_ev == 7000.25


@pytest.mark.parametrize("name", sorted(p.name for p in FILES.iterdir()))
def test_damaged_files_give_a_spectrum_or_a_clear_error(name):
    raw = (FILES / name).read_bytes()
    chance = random.Random(name)
    for _ in range(60):
        damaged = bytearray(raw[: chance.randrange(len(raw) + 1)])
        for _ in range(chance.randrange(8)):
            if damaged:
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        with contextlib.suppress(XanesError):
            read_table(bytes(damaged), name=name).columns()
        with contextlib.suppress(XanesError):
            spectrum = read_spectrum(bytes(damaged), name=name)
            assert np.all(np.diff(spectrum.energy_ev) > 0)
            assert np.isfinite(spectrum.mu).all()


def test_random_bytes_and_random_lines_never_break_the_reader():
    chance = random.Random(5)
    alphabet = "0123456789.,;:-+eEdD \t\n\r#%!\"'[]{}()nanmu/\u00b5\u2028"
    for _ in range(400):
        text = "".join(chance.choice(alphabet) for _ in range(chance.randrange(400)))
        for raw in (text.encode(), chance.randbytes(200), text.encode("utf-16")):
            with contextlib.suppress(XanesError):
                read_spectrum(raw, element=chance.choice([None, "Fe"]))


@pytest.mark.parametrize(
    ("name", "element", "points", "first"),
    [
        ("Cu_azurite_13K_01.xdi", "Cu", 432, np.log(25833.9 / 18256.198806)),
        ("Fe2O3_rt_01.xdi", "Fe", 412, np.log(272002.0 / 121091.203452)),
        ("Hansel2001_siderite_xanes_001.xdi", "Fe", 125, np.log(100531.5 / 176134.5)),
        ("MnO_rt_01.xdi", "Mn", 217, np.log(31260.5 / 39559.300308)),
        ("Ni_metal_rt_01.xdi", "Ni", 418, np.log(151941.7 / 498119.09481)),
        ("TiCl3.nor", "Ti", 816, 0.050236705),
        ("V2O5.xdi", "V", 517, np.log(100363.0 / 145337.0)),
        ("ZnO.xdi", "Zn", 526, np.log(117096.099842 / 89590.699906)),
        ("k2cro4_rt_001.xdi", "Cr", 396, np.log(25392.9 / 7338.501066)),
    ],
)
def test_measured_files(shared_data, name, element, points, first):
    spectrum = read_spectrum(shared_data / "xdi" / name)
    assert len(spectrum) == points
    assert spectrum.metadata["element"] == element
    assert spectrum.e0_ev == K_EDGE_EV[element]
    assert spectrum.mu[0] == pytest.approx(first, rel=1e-8)


def test_all_fdmnes_files(shared_data):
    files = sorted((shared_data / "fdmnes_fe" / "xanes").glob("*.txt"))
    assert len(files) == 50
    for path in files:
        spectrum = read_spectrum(path)
        assert len(spectrum) == 226
        assert spectrum.metadata["source_format"] == "fdmnes"
        assert (spectrum.energy_ev[0], spectrum.energy_ev[-1]) == (7097.0, 7172.0)


@pytest.mark.parametrize("head", ["energy,mu\n", "energy,mu,\n"])
def test_trailing_separators_make_no_column(head):
    raw = head.encode() + rows(",").replace(b"\n", b",\n")
    listed = read_table(raw).columns()
    assert (listed.names, listed.energy) == (("mu",), "energy")
    np.testing.assert_allclose(read_spectrum(raw).mu, MU, atol=1e-8)


def test_relative_energies_that_contradict_the_absolute_ones_give_no_e0():
    text = "energy_ev energy_rel_ev mu\n" + "\n".join(
        f"{7112 + r} {2 * r} {m}" for r, m in zip(REL, MU, strict=True)
    )
    spectrum = read_spectrum(text.encode())
    assert any("the only one in the range" in note for note in spectrum.notes)


def test_a_huge_line_before_the_table_is_passed_over():
    spectrum = read_spectrum(rows(head="# a" + " " * 100_000 + "b\n" + "# x " * 30_000 + "\n"))
    np.testing.assert_allclose(spectrum.mu, MU, atol=1e-8)


@pytest.mark.parametrize("raw", [b"[1, 2, 3]", b'["a"]', b'{"energy_ev": "7112"}'])
def test_json_without_columns(raw):
    with pytest.raises(SpectrumError, match="holds no spectrum"):
        read_spectrum(raw)


def test_json_numbers_beyond_all_bounds_are_left_out():
    content = {"energy": (7112 + REL).tolist(), "mu": [10**400, True, *MU[2:].tolist()]}
    spectrum = read_spectrum(json.dumps(content).encode())
    np.testing.assert_array_equal(spectrum.mu, MU[2:])
    assert "2 rows without a number were left out" in spectrum.notes


def test_written_metadata_keep_to_names_that_can_be_read():
    metadata = {"µ": "micro", "Mono.d_spacing": "3.1", "Column.7": "x", "ok": "y"}
    spectrum = Spectrum(7112 + REL, MU, 7112.0, metadata)
    xdi = write_spectrum(spectrum, "xdi")
    assert "d_spacing is not stated" not in xdi
    back = read_spectrum(xdi.encode())
    assert back.metadata["Mono.d_spacing"] == "3.1"
    assert (back.metadata["ok"], back.metadata["x_µ".replace("µ", "_")]) == ("y", "micro")
    csv = read_spectrum(write_spectrum(spectrum, "csv").encode())
    assert csv.metadata["x_µ"] == "micro"
    assert "Column.7" not in csv.metadata

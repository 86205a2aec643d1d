"""Athena projects, SPEC files, the 9809 format, and dialects of FEFF and FDMNES."""

import contextlib
import gzip
import json
import random

import numpy as np
import pytest

from tests.spectra.look_alikes import (
    CHI,
    ENERGY,
    I0,
    IF,
    IT,
    MU,
    RAW,
    REL,
    THETA,
    K,
    athena_perl,
    photon_factory,
    spec,
    table,
)
from xanes_core.errors import SpectrumError, XanesError
from xanes_core.spectra.formats.athena_project import read_athena_project
from xanes_core.spectra.read import list_spectra, read_spectrum, read_table
from xanes_core.spectra.table import MAX_BYTES

# --- Athena projects

FE = {"bkg_z": "Fe", "fft_edge": "k", "bkg_e0": "7121.5", "bkg_eshift": "0", "is_nor": "0"}
GROUPS = [
    ("Fe foil, it\\'s new", FE, ENERGY, RAW),
    ("shifted", FE | {"bkg_eshift": "-1.25"}, ENERGY + 1.25, 2.0 * RAW),
    ("normalised", FE | {"is_nor": "1"}, ENERGY, MU),
    ("shifted", FE, ENERGY, 3.0 * RAW),
]
NAMES = ("Fe foil, it's new", "shifted", "normalised", "shifted (2)")


def athena_json(groups):
    content = {"_____header1": "# Athena project file -- Demeter version 0.9.24"}
    for n, (label, args, x, y) in enumerate(groups):
        content[f"grp{n}"] = {
            "args": {"label": label.replace("\\", ""), **args},
            "x": [f"{v:.6f}" for v in x],
            "y": y.round(9).tolist(),
        }
    order = [f"grp{n}" for n in range(len(groups))]
    return json.dumps(content | {"_____order": ["gone", *order], "_____journal": ["made up"]})


@pytest.mark.parametrize("written", [athena_perl, athena_json])
@pytest.mark.parametrize("packed", [False, True])
def test_an_athena_project_lists_its_groups_and_gives_each(written, packed):
    raw = written(GROUPS).encode()
    raw = gzip.compress(raw) if packed else raw
    assert list_spectra(raw, name="fe.prj") == NAMES
    factors = (1.0, 2.0, None, 3.0)
    for group, factor in zip(NAMES, factors, strict=True):
        spectrum = read_spectrum(raw, group=group)
        np.testing.assert_allclose(spectrum.energy_ev, ENERGY, atol=1e-6)
        expected = MU if factor is None else factor * RAW
        np.testing.assert_allclose(spectrum.mu, expected, atol=1e-8)
        assert (spectrum.metadata["element"], spectrum.e0_ev) == ("Fe", 7112.0)
        assert spectrum.metadata["Athena.e0"] == "7121.5"
        assert spectrum.metadata.get("normalised") == ("yes" if factor is None else None)
        assert spectrum.metadata["source_format"] == "athena"
    assert "energies shifted by -1.25 eV, as set in Athena" in read_spectrum(raw, group=1).notes
    with pytest.raises(SpectrumError, match=r"holds 4 spectra; choose one with group=.*normalised"):
        read_spectrum(raw)
    with pytest.raises(SpectrumError, match=r"do not reach across the Cu K edge .* names Fe"):
        read_spectrum(raw, group=0, element="Cu")


@pytest.mark.parametrize("written", [athena_perl, athena_json])
def test_chi_in_an_athena_project_is_listed_and_refused(written):
    raw = written([GROUPS[0], ("chi", FE | {"datatype": "chi"}, K, CHI)]).encode()
    assert list_spectra(raw) == (NAMES[0], "chi")
    with pytest.raises(SpectrumError, match="'k' holds wavenumbers"):
        read_spectrum(raw, group="chi", element="Fe")
    assert len(read_spectrum(raw, group=0)) == len(ENERGY)


def test_one_group_needs_no_choice_and_no_element_is_no_element():
    raw = athena_perl([("foil", {"bkg_z": "H"}, ENERGY, RAW)]).encode()
    spectrum = read_spectrum(raw)
    assert "element" not in spectrum.metadata
    assert spectrum.e0_ev == 7112.0


@pytest.mark.parametrize(
    "statement",
    [
        "@x = (system('rm x'));",
        "@x = (`ls`);",
        "@x = ('1',,\"2\"",
        "@x = ((((((('1')))))));",
        "@x = ('1'];",
        "@x = );",
        "@x = ,'1';",
        "@x = ('1' . '2' x 9 & 3);",
        "@x = ('open",
    ],
)
def test_perl_that_is_no_list_is_refused(statement):
    text = f"# Athena project file -- Demeter version 0.9.26\n$old_group = 'a';\n{statement}\n"
    with pytest.raises(SpectrumError, match="project is damaged or cut off: its Perl data"):
        read_spectrum(text.encode())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# Athena project file -- Demeter version 0.9.26\n1;\n", "holds no spectrum; save it"),
        ('{"_____header1": "# Athena project file -- ", "a": 1', "its JSON is damaged"),
        ('{"_____header1": "# Athena project file -- "}', "holds no spectrum; save it"),
        (athena_perl([("a", {}, ENERGY, RAW[:-1])]), "'a' of the Athena project has 139 energies"),
        ("# Athena project file -- \n@x = (" + "1," * 200_002 + "1);", "more than 200000 entries"),
        ("# Athena project file -- \n" + "[record]\n" * 1001, "more than 1000 spectra"),
    ],
)
def test_projects_without_spectra(text, message):
    with pytest.raises(SpectrumError, match=message):
        read_spectrum(text.encode())


def test_escapes_of_perl():
    text = (
        '# Athena project file -- Demeter version 0.9.26\n$old_group = "a\\x{b5}\\x41\\$\\n";\n'
        "@args = ('label' => 'back\\\\slash \\'q\\'', 'n' => undef, 'list' => [1, [2]]);\n"
        "@x = (1, 2.5e3);\n@y = ('3', 'no number');\n[record]\n"
    )
    ((name, read),) = read_athena_project(text).items()
    assert name == "back\\slash 'q'"
    np.testing.assert_array_equal(read.values, [[1.0, 3.0], [2500.0, np.nan]])
    untitled = read_athena_project(text.replace("'label' => 'back\\\\slash \\'q\\'',", ""))
    assert list(untitled) == ["aµA$"]


# --- gzip and other packages


def test_any_file_may_be_packed():
    raw = table("energy mu\n", ENERGY, MU)
    np.testing.assert_array_equal(read_spectrum(gzip.compress(raw)).mu, read_spectrum(raw).mu)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (gzip.compress(b"7112 1.0\n" * 5_000_000, mtime=0), "larger than 20 MiB"),
        (gzip.compress(table("energy mu\n", ENERGY, MU), mtime=0)[:-60], "gzip archive is cut off"),
        (b"\x1f\x8b" + b"x" * 50, "gzip archive is damaged"),
        (b"\x89HDF\r\n\x1a\n" + bytes(600), "HDF5 file is damaged or cut off"),
        (b"PK\x03\x04" + bytes(600), "office document; export the sheet as CSV"),
        (b"%PDF-1.7" + bytes(600), "a PDF document; export the numbers"),
        (b"BZh9" + bytes(600), "a bzip2 archive; unpack it"),
        (b"\xfd7zXZ" + bytes(600), "an xz archive; unpack it"),
    ],
)
def test_packages_that_are_not_read(raw, message):
    assert len(raw) < MAX_BYTES
    with pytest.raises(SpectrumError, match=message):
        read_spectrum(raw)


# --- SPEC

COUNTS = (["Energy", "Seconds", "Ion Chamber", "I0", "I1"], None)


def counted(factor=1.0):
    labels = ["Energy", "Seconds", "Two words", "I0", "I1"]
    return labels, (ENERGY, 0 * REL + 1, 0 * REL + 7, I0, I0 * np.exp(-factor * RAW))


def test_the_scans_of_a_spec_file_are_listed_and_chosen():
    short = ("ascan th 1 2 5 1", ["th", "I1"], (np.arange(6.0), np.arange(6.0)))
    raw = spec(
        ("ascan energy 7.0 7.5 138 1", *counted()),
        short,
        ("ascan energy 7.0 7.5 138 1", *counted(2.0)),
    )
    names = ("1 ascan energy 7.0 7.5 138 1", "3 ascan energy 7.0 7.5 138 1")
    assert list_spectra(raw) == names
    for group, factor in ((0, 1.0), (names[0], 1.0), (1, 2.0), (names[1], 2.0)):
        spectrum = read_spectrum(raw, group=group, element="Fe")
        np.testing.assert_allclose(spectrum.energy_ev, ENERGY)
        np.testing.assert_allclose(spectrum.mu, factor * RAW, atol=1e-9)
        assert spectrum.metadata["column"] == "ln(I0/I1)"
        assert spectrum.metadata["source_format"] == "spec"
    assert read_spectrum(raw, group=1).metadata["Scan.command"] == names[1]
    with pytest.raises(SpectrumError, match="holds 2 spectra; choose one with group="):
        read_spectrum(raw)


def test_spec_in_kev_with_analyser_lines_and_repeated_numbers():
    labels, columns = counted()
    one = spec(("zapline mono 7.0 7.5", labels, (ENERGY / 1000, *columns[1:]))).decode()
    one = one.replace("\n7.092 ", "\n@A 1 2 3\\\n 4 5 6\n7.092 ")
    raw = (one + one[one.index("#S") :]).encode()
    assert list_spectra(raw) == ("1 zapline mono 7.0 7.5", "1 zapline mono 7.0 7.5 (2)")
    spectrum = read_spectrum(raw, group=1, element="Fe")
    np.testing.assert_allclose(spectrum.energy_ev, ENERGY)
    np.testing.assert_allclose(spectrum.mu, RAW, atol=1e-9)
    assert "energies converted from keV to eV" in spectrum.notes


def test_a_scan_of_something_else_is_refused():
    raw = spec(("ascan th 10 20 138 1", ["th", "I0", "I1"], (THETA, I0, IT)))
    with pytest.raises(SpectrumError, match="over the angle of the monochromator"):
        read_spectrum(raw, element="Fe")
    raw = spec(("timescan 1", ["Time", "I0", "I1"], (np.arange(float(len(I0))), I0, IT)))
    with pytest.raises(SpectrumError, match="'time' holds times"):
        read_spectrum(raw, element="Fe")


def test_a_spec_file_without_usable_scans():
    short = ("ascan th 1 2 5 1", ["th", "I1"], (np.arange(6.0), np.arange(6.0)))
    with pytest.raises(SpectrumError, match=r"no scan of the SPEC file has 10 points"):
        read_spectrum(spec(short))
    many = "#S 1 a\n#L x  y\n" + "#S 1 a\n" * 2001
    with pytest.raises(SpectrumError, match="more than 2000 scans"):
        read_spectrum(many.encode())
    long = "#S 1 a\n#L x  y\n" + "1 2\n" * 200_001
    with pytest.raises(SpectrumError, match="SPEC file has more than 200000 rows"):
        read_spectrum(long.encode())


def test_spec_names_with_single_blanks_and_damaged_rows():
    text = spec(("ascan energy", *counted())).decode()
    text = text.replace("Energy  Seconds  Two words  I0  I1", "Energy Seconds Two I0 I1")
    text = text.replace("#S 1", "#C aborted\n#S 1") + "7600 broken\n7601 1 2\n"
    spectrum = read_spectrum(text.encode(), element="Fe")
    np.testing.assert_allclose(spectrum.mu, RAW, atol=1e-9)
    assert "2 lines that do not fit the table were left out" in spectrum.notes


# --- 9809

FLUORESCENCE = {"modes": "3 3 1 103 103 101", "counts": (IF, 2 * IF, I0, IF, IF, 0 * IF)}


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("offset", [0, 12.5])
def test_the_9809_format_goes_from_angle_to_energy(descending, offset):
    order = slice(None, None, -1 if descending else 1)
    raw = photon_factory(THETA[order], counts=(I0[order], IT[order]), offset=offset)
    spectrum = read_spectrum(raw, element="Fe")
    np.testing.assert_allclose(spectrum.energy_ev, ENERGY, atol=1e-4)
    np.testing.assert_allclose(spectrum.mu, RAW, atol=1e-6)
    assert spectrum.metadata["column"] == "ln(i0/itrans)"
    assert spectrum.metadata["title"] == "hematite, made up"
    assert "energies calculated from angles with 2d = 6.27102 A" in spectrum.notes
    subtracted = "dark counts subtracted, as the line Offset says"
    assert (subtracted in spectrum.notes) == bool(offset)


def test_detectors_of_the_9809_format_are_what_their_modes_say():
    raw = photon_factory(**FLUORESCENCE)
    spectrum = read_spectrum(raw, element="Fe")
    np.testing.assert_allclose(spectrum.mu, 3 * IF / I0, rtol=1e-6)
    assert spectrum.metadata["column"] == "(ifluor1 + ... + ifluor2)/i0"
    assert read_table(raw).table.names[-3:] == ("icr1", "icr2", "icr3")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (photon_factory(spacing=""), "names no lattice spacing"),
        (b"  9809  KEK-PF\n D= 3.13551 A\n 16.1 16.1 1 2 3\n", "or no columns"),
        (photon_factory(modes=""), "a count for each detector of its line 'Mode'"),
        (photon_factory() + b" 16 16 2 9 9\n" * 200_001, "more than 200000 rows"),
        (photon_factory().split(b"    Offset")[0], "has no rows of two angles"),
    ],
)
def test_9809_files_that_lack_something(raw, message):
    with pytest.raises(SpectrumError, match=message):
        read_spectrum(raw, element="Fe")


def test_another_crystal_than_that_of_the_file_would_show():
    raw = photon_factory(spacing=" D=  1.63747 A ")
    with pytest.raises(SpectrumError, match="do not reach across the Fe K edge"):
        read_spectrum(raw, element="Fe")


# --- FEFF and FDMNES

FEFF8 = """\
# made up, hematite, Fe2O3                                   FEFF 8.40
# POT  SCF 30  4.0000  0, core-hole, AFOLP (folp(0)= 1.150)
# Abs   Z=26 Rmt= 1.178 Rnm= 1.375 K  shell
# POT 1 Z= 8 Rmt= 0.998 Rnm= 1.150
# Gam_ch=1.325E+00 H-L EXCH, Vi= 0.000E+00 Vr= 0.000E+00
# Mu=-3.404E+00 kf=1.890E+00 Vint=-1.700E+01 Rs_int= 1.920
# PATH  Rmax= 6.000,  Keep_limit= 0.00, Heap_limit 0.00  Pwcrit= 2.50%
# S02=1.000                                        Global_sig2= 0.00000
# xsedge+100, used to normalize mu           1.7863E-03
#  -----------------------------------------------------------------------
"""
NAMED = "#  omega    e    k    mu    mu0     chi     @#\n"


@pytest.mark.parametrize("head", [FEFF8 + NAMED, FEFF8, ""])
@pytest.mark.parametrize("separator", [" ", ", "])
def test_feff_8_with_commas_in_its_header(head, separator):
    wavenumber = np.sign(REL) * np.sqrt(np.abs(REL) / 3.81)
    columns = (ENERGY, REL, wavenumber, MU, 1 + 0 * MU, MU - 1)
    spectrum = read_spectrum(table(head, *columns, separator=separator, digits=8))
    np.testing.assert_allclose(spectrum.energy_ev, ENERGY)
    np.testing.assert_allclose(spectrum.mu, MU, atol=1e-7)
    assert spectrum.metadata["column"] == "mu"
    assert spectrum.metadata.get("element") == ("Fe" if head else None)


@pytest.mark.parametrize("energy", [ENERGY, REL])
def test_fdmnes_that_names_its_edge(energy):
    head = (
        "   7112.000   26   1   1   1.203E-04   -17.5   -3.2   1   1   301.88 = E_edge, Z, n_edge, "
        "j_edge, Abs_before_edge, VO_interstitial, E_cut, ninitl, ninit1, UnitCell_Volume\n"
        "    Energy    <xanes>\n"
    )
    spectrum = read_spectrum(table(head, energy, MU))
    np.testing.assert_allclose(spectrum.energy_ev, ENERGY)
    np.testing.assert_allclose(spectrum.mu, MU, atol=1e-8)
    assert (spectrum.metadata["element"], spectrum.e0_ev) == ("Fe", 7112.0)
    assert spectrum.metadata["source_format"] == "fdmnes"
    with pytest.raises(SpectrumError, match="Fe"):
        read_spectrum(table(head, energy, MU), element="V")


@pytest.mark.parametrize(
    "head",
    [
        "# XDI/1.0 Larch/0.9.80\n# Column.1: energy eV\n# Column.2: mu\n# Column.3: norm\n"
        "# Element.symbol: Fe\n# ///\n#---\n# energy mu norm\n",
        "# energy   mu   norm\n",
        "#larch group exported\n#---\n# energy\txmu\tnorm\n",
    ],
)
def test_exports_of_larch(head):
    spectrum = read_spectrum(table(head, ENERGY, RAW, MU))
    np.testing.assert_allclose(spectrum.mu, MU, atol=1e-8)
    assert spectrum.metadata["normalised"] == "yes"


# --- damaged files

SAMPLES = {
    "perl": athena_perl(GROUPS[:2]).encode(),
    "json": athena_json(GROUPS[:2]).encode(),
    "gzip": gzip.compress(athena_perl(GROUPS[:1]).encode()),
    "spec": spec(("ascan energy", *counted()), ("ascan energy", *counted(2.0))),
    "9809": photon_factory(**FLUORESCENCE),
    "feff": table(FEFF8 + NAMED, ENERGY, REL, K[: len(MU)], MU, 1 + 0 * MU, MU - 1),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_damaged_files_give_a_spectrum_or_a_clear_error(name):
    raw, chance = SAMPLES[name], random.Random(name)
    for _ in range(40):
        damaged = bytearray(raw[: chance.choice([len(raw), chance.randrange(len(raw) + 1)])])
        for _ in range(chance.randrange(8)):
            if damaged:
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        with contextlib.suppress(XanesError):
            for group in range(len(list_spectra(bytes(damaged)))):
                read_table(bytes(damaged), group=group).columns()
                spectrum = read_spectrum(bytes(damaged), group=group, element="Fe")
                assert np.all(np.diff(spectrum.energy_ev) > 0)
                assert np.isfinite(spectrum.mu).all()

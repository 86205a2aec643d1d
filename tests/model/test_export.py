import csv
import io
import json
import zipfile

import numpy as np
import pytest

from tests.predictions import made_emission, made_prediction
from xanes_core.files import safe_name
from xanes_core.model.comparison import Overlaid
from xanes_core.model.export import BatchResult, misfit, to_csv, to_json, to_xdi, to_zip
from xanes_core.spectra.kinds import XANES, XES
from xanes_core.spectra.read import read_spectrum
from xanes_core.spectra.spectrum import Spectrum


@pytest.fixture
def prediction():
    return made_prediction("Fe")


def test_csv_has_the_agreed_columns_and_226_rows_and_no_comment(prediction):
    lines = to_csv(prediction).splitlines()
    assert lines[0] == "energy_ev,energy_rel_ev,mu,std,lower,upper"
    assert len(lines) == 227
    table = np.loadtxt(io.StringIO("\n".join(lines[1:])), delimiter=",")
    columns = ("energy_ev", "energy_rel_ev", "mu", "std", "lower", "upper")
    for column, name in zip(table.T, columns, strict=True):
        np.testing.assert_allclose(column, getattr(prediction, name), atol=5.1e-5)


def test_json_holds_arrays_and_what_they_are(prediction):
    content = json.loads(to_json(prediction))
    assert content["model"] == "made-up"
    assert (content["element"], content["edge"], content["e0_ev"]) == ("Fe", "K", 7112.0)
    assert content["level"] == 0.9
    assert content["domain"]["level"] == "in domain"
    assert content["sites"] == [{"index": 0, "element": "Fe", "multiplicity": 1}]
    np.testing.assert_allclose(content["mu"], prediction.mu, atol=1e-6)
    assert len(content["energy_ev"]) == len(content["upper"]) == 226


def test_xdi_has_its_first_line_its_columns_and_reads_back(prediction):
    text = to_xdi(prediction)
    lines = text.splitlines()
    assert lines[0].startswith("# XDI/1.0")
    assert "# Column.1: energy eV" in lines
    assert "# Element.symbol: Fe" in lines
    assert "# Element.edge: K" in lines
    end = lines.index("# -----")
    assert lines[end + 1] == "# energy mu std lower upper"
    assert len(lines) == end + 2 + 226
    back = read_spectrum(text.encode(), name="x.xdi", column="mu")
    np.testing.assert_allclose(back.energy_ev, prediction.energy_ev, atol=5.1e-5)
    np.testing.assert_allclose(back.mu, prediction.mu, atol=1e-6)
    assert back.e0_ev == 7112.0


@pytest.mark.parametrize("writer", [to_csv, to_json])
def test_csv_and_json_read_back_as_spectra(prediction, writer):
    back = read_spectrum(writer(prediction).encode(), element="Fe", column="mu")
    np.testing.assert_allclose(back.mu, prediction.mu, atol=1e-6)
    np.testing.assert_allclose(back.energy_ev, prediction.energy_ev, atol=5.1e-5)


@pytest.mark.parametrize("writer", [to_csv, to_json, to_xdi])
def test_emission_is_called_so_and_reads_back(writer):
    prediction = made_emission()
    text = writer(prediction)
    assert "emission" in text
    assert "bsorption" not in text
    back = read_spectrum(text.encode(), element="Fe", column="emission")
    np.testing.assert_allclose(back.mu, prediction.mu, atol=1e-6)
    assert "mu" not in to_csv(prediction).splitlines()[0].split(",")
    assert json.loads(to_json(prediction))["spectrum"] == "xes"
    assert "# XANES_Explorer.spectrum: xes" in to_xdi(prediction).splitlines()


def test_both_spectra_of_one_structure_stay_apart_in_a_zip(prediction):
    results = [BatchResult("a.xyz", p) for p in (prediction, made_emission())]
    with zipfile.ZipFile(io.BytesIO(to_zip(results))) as archive:
        assert archive.namelist()[:2] == ["spectra/a.xyz.csv", "spectra/a.xyz_xes.csv"]
        summary = list(csv.DictReader(io.StringIO(archive.read("summary.csv").decode())))
    assert [row["spectrum"] for row in summary] == ["xanes", "xes"]


def test_zip_has_every_spectrum_a_summary_and_the_failures(prediction):
    results = [
        BatchResult("a.xyz", prediction, extra={"edge_ev": "7116.1"}),
        BatchResult("b.xyz", made_prediction("Cu")),
        BatchResult("bad.cif", error="It has no cell: add one."),
    ]
    with zipfile.ZipFile(io.BytesIO(to_zip(results))) as archive:
        assert archive.namelist() == [
            "spectra/a.xyz.csv", "spectra/b.xyz.csv", "summary.csv", "failures.csv",
        ]  # fmt: skip
        assert archive.read("spectra/a.xyz.csv").decode() == to_csv(prediction)
        summary = list(csv.DictReader(io.StringIO(archive.read("summary.csv").decode())))
        failures = list(csv.DictReader(io.StringIO(archive.read("failures.csv").decode())))
    assert [row["element"] for row in summary] == ["Fe", "Cu"]
    assert [row["edge_ev"] for row in summary] == ["7116.1", ""]
    assert failures == [{"name": "bad.cif", "error": "It has no cell: add one."}]


def test_zip_without_failures_has_no_failures_file_and_is_reproducible(prediction):
    results = [BatchResult("a.xyz", prediction)]
    assert to_zip(results) == to_zip(results)
    with zipfile.ZipFile(io.BytesIO(to_zip(results))) as archive:
        assert "failures.csv" not in archive.namelist()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\windows\\x.xyz", "x.xyz"),
        ("<b>é</b> 1.xyz", "b_1.xyz"),
        ("..", "structure"),
        ("", "structure"),
        ("a" * 300, "a" * 80),
        ("\u00fc_\u9244.xyz", "u_u9244.xyz"),
        ("u\u0308.xyz", "u.xyz"),
        ("Fe(C\u2085H\u2085)\u2082", "Fe_C5H5_2"),
        ("\u9244" * 100, "u9244" * 16),
        ("caf\udce9.xyz", "caf_.xyz"),
        ("a\u202egnp.xyz", "a_gnp.xyz"),
    ],
)
def test_names_from_users_become_plain_file_names(name, safe):
    assert safe_name(name) == safe


def test_same_names_stay_apart_even_where_case_does_not_count(prediction):
    results = [BatchResult(n, prediction) for n in ("x/Fe.xyz", "y/fe.xyz", "Fe.xyz")]
    with zipfile.ZipFile(io.BytesIO(to_zip(results))) as archive:
        names = [n.lower() for n in archive.namelist()]
    assert len(set(names)) == len(names) == 4


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "+cmd", "-2+3"])
def test_no_cell_of_the_summary_is_a_formula(prediction, name):
    with zipfile.ZipFile(io.BytesIO(to_zip([BatchResult(name, prediction)]))) as archive:
        rows = list(csv.reader(io.StringIO(archive.read("summary.csv").decode())))
    assert rows[1][0] == "'" + name


def test_a_name_with_line_breaks_stays_one_row(prediction):
    result = BatchResult('a\nb,"c".xyz', prediction, extra={"shift_ev": "-1.5"})
    with zipfile.ZipFile(io.BytesIO(to_zip([result]))) as archive:
        rows = list(csv.reader(io.StringIO(archive.read("summary.csv").decode())))
    assert len(rows) == 2
    assert rows[1][0] == 'a b,"c".xyz'
    assert rows[1][-1] == "-1.5"


def over(prediction, offset=0.1, part=slice(None), name="scan.csv"):
    spectrum = Spectrum(prediction.energy_ev[part], prediction.mu[part] - offset)
    return Overlaid(name, spectrum, shift_ev=-1.25, scale=0.98)


def test_the_measured_curve_goes_along_in_the_csv_with_its_shift_and_scale(prediction):
    text = to_csv(prediction, over(prediction, part=slice(50, 150)))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0])[6:] == ["overlaid", "residual", "overlaid_shift_ev", "overlaid_scale"]
    known = [row for row in rows if row["overlaid"]]
    assert len(rows) == 226
    assert [row["overlaid"] == row["residual"] == "" for row in rows[:50]] == [True] * 50
    assert len(known) == 100
    np.testing.assert_allclose([float(row["residual"]) for row in known], 0.1, atol=2e-6)
    assert {row["overlaid_shift_ev"] for row in rows} == {"-1.2500"}
    assert {row["overlaid_scale"] for row in rows} == {"0.980000"}
    back = read_spectrum(text.encode(), element="Fe", column="mu")
    np.testing.assert_allclose(back.mu, prediction.mu, atol=1e-6)


def test_the_measured_curve_goes_along_in_the_json_on_its_own_energies(prediction):
    text = to_json(prediction, over(prediction, part=slice(50, 150)))
    told = json.loads(text)["overlaid"]
    assert (told["name"], told["origin"]) == ("scan.csv", "measured")
    assert (told["shift_ev"], told["scale"]) == (-1.25, 0.98)
    assert told["misfit_rms"] == pytest.approx(0.1)
    assert len(told["energy_ev"]) == len(told["mu"]) == 100
    back = read_spectrum(text.encode(), element="Fe", column="mu")
    np.testing.assert_allclose(back.mu, prediction.mu, atol=1e-6)


def test_a_measured_curve_elsewhere_leaves_no_numbers(prediction):
    far = Overlaid("far.csv", Spectrum(prediction.energy_ev + 900.0, prediction.mu))
    assert np.isnan(misfit(prediction, far))
    assert {row["overlaid"] for row in csv.DictReader(io.StringIO(to_csv(prediction, far)))} == {""}
    assert json.loads(to_json(prediction, far))["overlaid"]["misfit_rms"] is None


def test_the_zip_has_the_measured_curve_and_the_misfit_of_each(prediction):
    results = [BatchResult("a.xyz", p) for p in (prediction, made_emission())]
    measured = {XANES: over(prediction)}
    with zipfile.ZipFile(io.BytesIO(to_zip(results, measured))) as archive:
        assert "overlaid.csv" in archive.namelist()
        own = list(csv.DictReader(io.StringIO(archive.read("overlaid.csv").decode())))
        summary = list(csv.DictReader(io.StringIO(archive.read("summary.csv").decode())))
        assert "overlaid" in archive.read("spectra/a.xyz.csv").decode().splitlines()[0]
        assert "overlaid" not in archive.read("spectra/a.xyz_xes.csv").decode()
    np.testing.assert_allclose([float(r["mu"]) for r in own], prediction.mu - 0.1, atol=1e-6)
    assert [row["misfit_rms"] for row in summary] == ["0.100000", ""]
    assert [row["overlaid_shift_ev"] for row in summary] == ["-1.2500", ""]
    both = measured | {XES: over(made_emission())}
    with zipfile.ZipFile(io.BytesIO(to_zip(results, both))) as archive:
        assert "overlaid_xes.csv" in archive.namelist()

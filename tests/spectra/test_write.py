"""What is written is read back, whatever it came from: numbers, E0 and all that is known of it."""

import json
import random
from dataclasses import replace

import numpy as np
import pytest

from tests import places
from tests.predictions import Verdict, made_emission, made_prediction
from xanes_core.errors import SpectrumError
from xanes_core.model.export import as_spectrum, to_csv, to_json, to_xdi
from xanes_core.spectra.read import read_spectrum, read_table
from xanes_core.spectra.spectrum import Spectrum
from xanes_core.spectra.write import WRITE_FORMATS, write_spectrum
from xanes_core.structures.sites import Site
from xanes_core.theory import Convolution
from xanes_core.theory.fdmnes_io import parse_fdmnes
from xanes_core.theory.feff10_io import parse_xmu

FILES = places.FILES / "spectra"
ENERGY = 7112.0 + np.arange(-20.0, 60.0, 0.7)
STEP = 0.5 + np.arctan((ENERGY - 7120.0) / 1.5) / np.pi


def assert_same(back, spectrum):
    np.testing.assert_array_equal(back.energy_ev, spectrum.energy_ev)
    np.testing.assert_array_equal(back.mu, spectrum.mu)
    assert back.e0_ev == spectrum.e0_ev
    assert dict(back.metadata) == dict(spectrum.metadata)


def again(spectrum, format, name=None):
    return read_spectrum(write_spectrum(spectrum, format).encode(), name=name)


# --- predictions


def predictions():
    sites = tuple(Site(3 * n, "Fe", 1 + n % 4, ()) for n in range(150))
    reasons = tuple(f"The distance to neighbour {n} is rare: 1.{n} A." for n in range(30))
    return [
        made_prediction(),
        made_emission("Ni"),
        replace(made_prediction("Cu"), level=0.68, domain=Verdict("outside", 3.25, reasons)),
        replace(made_prediction(), sites=sites),
    ]


@pytest.mark.parametrize("prediction", predictions())
@pytest.mark.parametrize("write", [to_xdi, to_json])
def test_a_prediction_comes_back_with_all_that_is_known_of_it(prediction, write):
    text = write(prediction)
    back = read_spectrum(text.encode())
    kind = prediction.kind
    expected = {
        "element": prediction.element,
        "edge": "K",
        "Scan.edge_energy": f"{prediction.e0_ev:.2f} eV",
        "spectrum": kind.key,
        "origin": "predicted",
        "computed": "yes",
        "model": prediction.model_key,
        "band_level": str(prediction.level),
        "domain": prediction.domain.level,
        "domain_score": str(prediction.domain.score),
        "domain_reasons": " | ".join(prediction.domain.reasons),
        "sites": ", ".join(f"{s.index} x{s.multiplicity}" for s in prediction.sites),
        "source_format": "xdi" if write is to_xdi else "json",
        "column": kind.column,
        "notes": "",
    } | ({"normalised": "yes"} if kind.key == "xanes" else {})
    assert dict(back.metadata) == expected
    assert back.e0_ev == prediction.e0_ev
    assert dict(as_spectrum(prediction).metadata).items() <= back.metadata.items()
    for column in (kind.column, "std", "lower", "upper"):
        attribute = "mu" if column == "emission" else column
        own = read_spectrum(text.encode(), column=column)
        np.testing.assert_array_equal(own.energy_ev, np.round(prediction.energy_ev, 6))
        np.testing.assert_array_equal(own.mu, np.round(getattr(prediction, attribute), 6))
        assert own.metadata["column"] == column
        assert own.metadata["spectrum"] == kind.key
    assert read_table(text.encode()).columns().proposed == kind.column


@pytest.mark.parametrize("prediction", predictions())
@pytest.mark.parametrize("write", [to_xdi, to_json, to_csv])
@pytest.mark.parametrize("format", WRITE_FORMATS)
def test_a_prediction_that_was_read_is_written_and_read_again(prediction, write, format):
    first = read_spectrum(write(prediction).encode())
    assert_same(again(first, format), first)


@pytest.mark.parametrize(
    ("prediction", "normalised"), [(predictions()[0], "yes"), (predictions()[1], None)]
)
def test_the_columns_of_a_csv_tell_what_a_prediction_is(prediction, normalised):
    metadata = read_spectrum(to_csv(prediction).encode()).metadata
    assert metadata["element"] == prediction.element
    assert metadata["edge"] == "K"
    assert metadata["spectrum"] == prediction.kind.key
    assert (metadata["origin"], metadata["computed"]) == ("predicted", "yes")
    assert metadata.get("normalised") == normalised
    assert metadata["notes"] == ""


def test_the_names_of_an_xdi_file_are_those_of_the_format():
    lines = to_xdi(replace(made_prediction(), model_key="a: b")).splitlines()
    fields = [line[2:].split(":", 1)[0] for line in lines[1 : lines.index("# ///")]]
    assert lines[0].split()[2].split("/")[0] == "XANES_Explorer"
    assert {name.split(".")[0] for name in fields} == {
        "Column", "Element", "Scan", "XANES_Explorer",
    }  # fmt: skip
    assert len(set(fields)) == len(fields)
    assert all(len(line) <= 2048 for line in lines)


# --- theory


def described(spectrum, engine):
    """As the Theory page does."""
    settings = ", ".join(f"setting_{n} {n / 7}" for n in range(30))
    return spectrum.with_metadata(
        computed="yes", engine=engine, seconds="12.3", settings=settings, notes="not converged; x"
    )


def theory_results():
    xmu = (places.FILES / "theory" / "nico4_xmu.dat").read_text()
    raw = parse_fdmnes((FILES / "fdmnes_conv.txt").read_text())
    return {
        "FEFF10": parse_xmu(xmu),
        "FEFF10 emission": parse_xmu(xmu, spectrum="xes"),
        "FDMNES": raw,
        "FDMNES, broadened": Convolution().apply(raw),
    }


@pytest.mark.parametrize("engine", theory_results())
@pytest.mark.parametrize("format", WRITE_FORMATS)
def test_a_theory_result_comes_back_with_all_that_is_known_of_it(engine, format):
    result = described(theory_results()[engine], engine)
    back = again(result, format)
    intensity = "emission" if result.metadata.get("spectrum") == "xes" else "mu"
    added = {"origin": "computed", "column": result.metadata.get("column", intensity)}
    assert_same(back, result.with_metadata(**added))
    assert_same(again(back, format), back)


@pytest.mark.parametrize("format", WRITE_FORMATS)
def test_fdmnes_as_calculated_is_still_known_for_it_after_an_export(format):
    raw = read_spectrum((FILES / "fdmnes.txt").read_bytes())
    raw = replace(raw, mu=0.03 * raw.mu, metadata={**raw.metadata, "normalised": "no"})
    back = again(raw, format)
    assert (back.metadata["source_format"], back.metadata["normalised"]) == ("fdmnes", "no")


# --- spectra of people


def in_words(metadata):
    """As XDI can name them."""
    return {key.replace(" ", "_"): value for key, value in metadata.items()}


@pytest.mark.parametrize("name", sorted(p.name for p in FILES.iterdir()))
@pytest.mark.parametrize("format", WRITE_FORMATS)
def test_a_spectrum_that_was_read_is_written_and_read_again(name, format):
    element = "Cu" if name == "relative.dat" else None
    first = read_spectrum(FILES / name, element=element)
    if format == "xdi":
        first = replace(first, metadata=in_words(first.metadata))
    assert_same(again(first, format), first)
    assert_same(again(first, format, f"x.{format}"), first)


def test_measured_files_are_written_and_read_again(shared_data):
    files = sorted((shared_data / "xdi").iterdir())
    assert len(files) > 5
    for path in files:
        first = read_spectrum(path)
        for format in ("csv", "json"):
            assert_same(again(first, format), first)
        as_xdi = replace(first, metadata=in_words(first.metadata))
        assert_same(again(first, "xdi"), as_xdi)
        assert_same(again(as_xdi, "xdi"), as_xdi)


@pytest.mark.parametrize("origin", ["predicted", "computed", "measured"])
@pytest.mark.parametrize("normalised", ["yes", "no"])
@pytest.mark.parametrize("kind", ["xanes", "xes"])
@pytest.mark.parametrize("format", WRITE_FORMATS)
def test_what_a_spectrum_is_comes_back(origin, normalised, kind, format):
    metadata = {
        "element": "Au", "edge": "L3", "origin": origin, "normalised": normalised, "spectrum": kind,
        "source_format": "athena", "column": "flat", "notes": "a; b",
    }  # fmt: skip
    spectrum = Spectrum(ENERGY + 4807.0, STEP, 11919.0, metadata)
    back = again(spectrum, format)
    computed = {} if origin == "measured" else {"computed": "yes"}
    assert_same(back, replace(spectrum, metadata=metadata | computed))


def chance_metadata(chance):
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    printable = letters + "0123456789 .,;:=#%!\"'()[]{}<>/\\|@~^*+-_\u00b5\u00e9\u03b1\u4e2d\u2212"

    def word(extra, most):
        return chance.choice(letters) + "".join(
            chance.choice(letters + extra) for _ in range(chance.randrange(most))
        )

    metadata = {}
    for _ in range(chance.randrange(60)):
        key = word("0123456789_", 20)
        if chance.random() < 0.3:
            key += "." + word("0123456789_-", 20)
        text = "".join(chance.choice(printable) for _ in range(chance.randrange(1, 400)))
        metadata[key] = " ".join(text.split()) or "x"
    return metadata


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("format", WRITE_FORMATS)
def test_any_metadata_and_any_numbers_come_back(seed, format):
    chance = random.Random(seed)
    generator = np.random.default_rng(seed)
    size = chance.randrange(10, 200)
    energy = 2000.0 + np.cumsum(generator.uniform(1e-3, 2.0, size))
    mu = generator.normal(size=size) * 10.0 ** chance.randrange(-12, 8)
    spectrum = Spectrum(energy, mu, chance.uniform(1500.0, 3000.0), chance_metadata(chance))
    back = again(spectrum, format)
    assert_same(replace(back, metadata=spectrum.metadata), spectrum)
    assert dict(spectrum.metadata).items() <= back.metadata.items()
    added = set(back.metadata) - set(spectrum.metadata)
    assert added == {"source_format", "column", "notes"}
    for other in WRITE_FORMATS:
        assert_same(again(back, other), back)


@pytest.mark.parametrize("format", WRITE_FORMATS)
def test_further_columns_are_read_by_their_names(format):
    spectrum = Spectrum(ENERGY, STEP, 7112.0, {"element": "Fe"})
    text = write_spectrum(spectrum, format, extra={"residual": 0.1 * STEP, "weight": STEP**2})
    listed = read_table(text.encode()).columns()
    assert (listed.names, listed.proposed) == (("mu", "residual", "weight"), "mu")
    np.testing.assert_array_equal(read_spectrum(text.encode()).mu, STEP)
    weight = read_spectrum(text.encode(), column="weight")
    np.testing.assert_array_equal(weight.mu, STEP**2)
    assert weight.metadata["column"] == "weight"


@pytest.mark.parametrize(
    "extra", [{"two words": STEP}, {"": STEP}, {"short": STEP[1:]}, {"odd": np.nan * STEP}]
)
def test_columns_that_cannot_be_written_are_refused(extra):
    with pytest.raises(SpectrumError, match="one word and as many finite values"):
        write_spectrum(Spectrum(ENERGY, STEP), extra=extra)


def test_two_names_that_become_one_word_stay_two_entries():
    spectrum = Spectrum(ENERGY, STEP, 7112.0, {"a b": "1", "a_b": "2"})
    metadata = again(spectrum, "xdi").metadata
    assert {metadata["a_b"], metadata["a_b_"]} == {"1", "2"}


# --- files of earlier versions

_ROWS = "\n".join(f"{e!r} {m!r}" for e, m in zip(ENERGY.tolist(), STEP.tolist(), strict=True))
_WIDE = "\n".join(
    f"{e:12.4f} {m:10.6f}   0.020000 {m:10.6f} {m:10.6f}" for e, m in zip(ENERGY, STEP, strict=True)
)


def test_an_earlier_xdi_of_a_prediction_is_read():
    text = f"""\
# XDI/1.0 XANES_Explorer
# Column.1: energy eV
# Column.2: mu
# Column.3: std
# Column.4: lower
# Column.5: upper
# Element.symbol: Fe
# Element.edge: K
# Scan.edge_energy: 7112.00 eV
# XANES_Explorer.origin: predicted, not measured
# XANES_Explorer.spectrum: xanes
# XANES_Explorer.model: fe-feff
# XANES_Explorer.band_level: 0.90
# XANES_Explorer.domain: in domain
# ///
# Absorption over the edge step, predicted by a neural network from a structure.
# -----
# energy mu std lower upper
{_WIDE}
"""
    back = read_spectrum(text.encode())
    np.testing.assert_allclose(back.mu, STEP, atol=5e-7)
    assert back.e0_ev == 7112.0
    assert dict(back.metadata) == {
        "element": "Fe", "edge": "K", "Scan.edge_energy": "7112.00 eV", "origin": "predicted",
        "spectrum": "xanes", "model": "fe-feff", "band_level": "0.90", "domain": "in domain",
        "source_format": "xdi", "column": "mu", "computed": "yes", "normalised": "yes", "notes": "",
    }  # fmt: skip


def test_an_earlier_xdi_of_a_spectrum_is_read():
    text = f"""\
# XDI/1.0 XanesExplorer/1.0
# Column.1: energy eV
# Column.2: mu
# Element.symbol: Fe
# Element.edge: K
# XanesExplorer.e0_ev: 7112.5
# XanesExplorer.computed: yes
# XanesExplorer.engine: FEFF10 0.2.4
# Sample.name: b
# XanesExplorer.notes: energies sorted
# ///
# Mono.d_spacing is not stated, because it is not known for these values.
#---
# energy mu
{_ROWS}
"""
    back = read_spectrum(text.encode())
    np.testing.assert_array_equal(back.mu, STEP)
    assert back.e0_ev == 7112.5
    assert dict(back.metadata) == {
        "element": "Fe", "edge": "K", "computed": "yes", "origin": "computed",
        "engine": "FEFF10 0.2.4", "Sample.name": "b", "source_format": "xdi", "column": "mu",
        "notes": "energies sorted",
    }  # fmt: skip


def test_an_earlier_json_of_a_prediction_is_read():
    content = {
        "model": "fe-feff", "element": "Fe", "edge": "K", "spectrum": "xes", "e0_ev": 7112.0,
        "level": 0.9, "sites": [{"index": 0, "element": "Fe", "multiplicity": 1}],
        "domain": {"level": "in domain", "score": 0.2, "reasons": ["It is near."]},
        "energy_ev": ENERGY.tolist(), "energy_rel_ev": (ENERGY - 7112.0).tolist(),
        "emission": STEP.tolist(), "std": STEP.tolist(), "lower": STEP.tolist(),
        "upper": STEP.tolist(),
    }  # fmt: skip
    back = read_spectrum(json.dumps(content).encode())
    np.testing.assert_array_equal(back.mu, STEP)
    for key, value in (("model", "fe-feff"), ("spectrum", "xes"), ("origin", "predicted")):
        assert back.metadata[key] == value

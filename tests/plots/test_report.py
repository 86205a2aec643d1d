"""Reports: everything in one file, nothing of a person's text in its code."""

import base64
import gzip
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from tests.places import PROJECT
from tests.tiny_models import tiny_emission_model, tiny_model, toy_complex
from xanes_core import __version__
from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import SpectrumError
from xanes_core.files import sha256_of
from xanes_core.importance import local_effects
from xanes_core.model import VERDICT_TITLES, load_model, prediction_features, to_csv
from xanes_core.plots import (
    MAX_REPORTED,
    Curve,
    ReportedSpectrum,
    ReportedStructure,
    SpectraReport,
    report_html,
    report_pdf,
)
from xanes_core.plots.report import (
    atom_rows,
    citations,
    feature_rows,
    importance_figure,
    model_rows,
    provenance_rows,
)
from xanes_core.structures import load_example, read_structures

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)> {{plotly}} $x$"


def reported(name="complex", atoms=None, **options):
    atoms = toy_complex("Fe", np.random.default_rng(3)) if atoms is None else atoms
    model = tiny_model()
    spectrum = ReportedSpectrum(model, model.predict(atoms, "Fe"))
    return ReportedStructure(name, atoms, options.pop("spectra", (spectrum,)), **options)


class Page(HTMLParser):
    """Tags, texts and scripts of a page."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.texts, self.scripts, self.open = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data):
        (self.scripts if self.open[-1:] == ["script"] else self.texts).append(data)

    def attributes(self, tag, name):
        return [attrs[name] for found, attrs in self.tags if found == tag and name in attrs]


# --- what it says --------------------------------------------------------------------------------


def test_features_are_those_of_the_prediction():
    spectrum = reported().spectra[0]
    features = prediction_features(spectrum.prediction)
    rows = {row.label: row for row in feature_rows(spectrum.prediction)}
    said = float(rows["Edge, half step"].energy.split(" ")[0])
    assert said == pytest.approx(features["edge_half_ev"].value, abs=0.5)
    (absolute, *_) = feature_rows(spectrum.prediction, "absolute")
    assert float(absolute.energy.split(" ")[0]) == pytest.approx(said + K_EDGE_EV["Fe"], abs=1)


def test_atoms_come_by_what_they_do_and_equal_ones_together():
    atoms, model = load_example("ferrocene"), load_model("Fe")
    effects = local_effects(model, atoms, 0)
    rows = atom_rows(effects)
    assert [row.label for row in rows] == ["C, 10 alike", "H, 10 alike"]
    removed = np.abs(effects.removed).mean(axis=1)
    assert rows[0].removed == pytest.approx(removed[np.array(effects.elements) == "C"].mean())
    assert rows[0].removed > rows[1].removed
    assert atom_rows(None) == []


def test_several_absorbers_have_no_effects_of_atoms():
    atoms = toy_complex("Fe", np.random.default_rng(3))
    far = toy_complex("Fe", np.random.default_rng(4))
    far.positions += 40.0
    assert reported(atoms=atoms + far).effects is None
    assert reported().effects is not None


def test_the_model_tells_what_it_is_worth():
    model = load_model("Fe")
    rows = dict(model_rows(model, "Fe"))
    assert f"{model.card.training_set.n:,} complexes" in rows["Trained on"]
    n = model.card.metrics["held_out"]["Fe"]["n"]
    assert f"{n} complexes" in rows["Error, Fe held out"]


def test_checksums_are_those_of_the_files():
    atoms, model = load_example("ferrocene"), load_model("Fe")
    spectrum = ReportedSpectrum(model, model.predict(atoms, "Fe"))
    one = reported(atoms=atoms, spectra=(spectrum,))
    structure, weights = (value for _, value in provenance_rows(one))
    assert structure == sha256_of(one.files()["complex.xyz"].encode())
    assert weights == sha256_of((PROJECT / "models" / model.key / "weights.npz").read_bytes())
    # a model that is not on disk has no file to check
    assert len(provenance_rows(reported())) == 1


def test_the_structure_comes_back_without_its_texts():
    atoms = toy_complex("Fe", np.random.default_rng(3))
    atoms.info["comment"] = EVIL
    one = reported(atoms=atoms)
    (again,) = read_structures(one.xyz.encode(), name="a.xyz")
    assert again.get_chemical_symbols() == atoms.get_chemical_symbols()
    np.testing.assert_allclose(again.positions, atoms.positions, atol=1e-6)
    assert "alert" not in one.xyz


def test_what_is_cited_stands_in_the_citation_file():
    citation = (PROJECT / "CITATION.cff").read_text(encoding="utf-8")
    for key in ("Fe", "V"):
        model = load_model("fdmnes-v" if key == "V" else key)
        atoms = toy_complex(key, np.random.default_rng(1))
        spectrum = ReportedSpectrum(model, model.predict(atoms))
        (own, *works) = citations(SpectraReport((reported(spectra=(spectrum,)),)))
        assert __version__ in own[0]
        assert len(works) == 2
        for text, doi in works:
            assert doi in citation
            first = re.match(r"(?:[A-Z][.] )+(\w+)", text)[1]
            assert f"family-names: {first}" in citation


def test_a_model_without_importance_has_no_figure_of_it():
    assert importance_figure(tiny_emission_model(), "Zn") is None
    assert importance_figure(load_model("Fe"), "Fe") is not None


def test_nothing_and_too_much_are_refused():
    with pytest.raises(SpectrumError, match="needs a spectrum: predict one first"):
        reported(spectra=())
    with pytest.raises(SpectrumError, match="nothing to report: predict a spectrum first"):
        SpectraReport(())
    with pytest.raises(SpectrumError, match=f"up to {MAX_REPORTED} structures, not"):
        SpectraReport((reported(),) * (MAX_REPORTED + 1))


# --- the page ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def evil_page():
    one = reported(EVIL, link="javascript:alert(3)//" + EVIL)
    curve = Curve(EVIL, np.array([7100.0, 7120.0]), np.array([0.0, 1.0]), "measurement")
    own = one.spectra[0]
    spectrum = ReportedSpectrum(own.model, own.prediction, (curve,))
    return report_html(
        SpectraReport((reported(EVIL, spectra=(spectrum,), link=one.link),)), b"let viewer = 1;"
    )


def test_texts_of_people_stay_text(evil_page):
    page = Page(evil_page)
    assert [tag for tag, attrs in page.tags if "onerror" in attrs] == []
    assert len(page.scripts) == sum(tag == "script" for tag, _ in page.tags)
    assert not any(re.match(r"\s*alert", script) for script in page.scripts)
    assert EVIL in page.texts
    assert not [href for href in page.attributes("a", "href") if "script:" in href]
    assert page.attributes("a", "download") != []
    (title,) = [text for text in page.texts if "XANES Explorer" in text and "<img" in text]
    assert title.endswith("- XANES Explorer")


def test_nothing_is_asked_for(evil_page):
    page = Page(evil_page)
    addresses = [*page.attributes("img", "src"), *page.attributes("link", "href")]
    assert all(address.startswith("data:") for address in addresses)
    assert page.attributes("script", "src") == []
    (policy,) = [a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a]
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy


def test_scripts_are_in_it_once(evil_page):
    packed = re.findall(r'-packed">([^<]*)</script>', evil_page)
    plotly, viewer = (gzip.decompress(base64.b64decode(text)) for text in packed)
    assert b"plotly.js v" in plotly[:200]
    assert viewer == b"let viewer = 1;"
    assert len(evil_page) < 3.2e6


def test_the_numbers_are_in_it():
    spectra = tuple(
        ReportedSpectrum(m, m.predict(toy_complex("Fe", np.random.default_rng(3)), "Fe"))
        for m in (tiny_model(), tiny_emission_model())
    )
    one = reported(spectra=spectra, link="https://example.org/predict?example=a&axis=absolute")
    page = Page(report_html(SpectraReport((one,), made="2026-01-31")))
    text = " ".join(" ".join(page.texts).split())
    for spectrum in spectra:
        domain = spectrum.prediction.domain
        assert VERDICT_TITLES[domain.level].capitalize() in text
        for row in feature_rows(spectrum.prediction):
            assert row.energy in text
        assert domain.reasons[0][1:] in text
    assert one.link in page.attributes("a", "href")
    assert "2026-01-31" in text
    data = next(json.loads(s) for s in page.scripts if s.startswith('{"scene"'))
    assert len(data["scene"]["atoms"]) == len(one.atoms)
    assert [len(chart["data"]) for chart in data["charts"]] == [2, 2]
    # a dark page differs in colours alone
    assert all("x" not in trace for chart in data["charts"] for trace in chart["dark"])
    hrefs = {a["download"]: a["href"] for t, a in page.tags if t == "a" and "download" in a}
    assert set(hrefs) == {"complex.xyz", "complex_Fe_xanes.csv", "complex_Fe_xes.csv"}
    saved = base64.b64decode(hrefs["complex_Fe_xanes.csv"].split(",")[1]).decode()
    assert saved == to_csv(spectra[0].prediction)


def test_several_structures_have_a_list_and_a_section_each():
    names = ["first", "second <b>"]
    page = Page(report_html(SpectraReport(tuple(reported(name) for name in names))))
    assert "Predicted spectra of 2 structures" in page.texts
    links = [href for href in page.attributes("a", "href") if href.startswith("#")]
    assert links == ["#structure-0", "#structure-1"]
    assert {link[1:] for link in links} <= set(page.attributes("section", "id"))
    assert sum(tag == "h1" for tag, _ in page.tags) == 1
    assert page.texts.count("second <b>") == 2
    assert len(page.attributes("section", "data-model")) == 1  # one model, one element


# --- print ---------------------------------------------------------------------------------------


def test_a_pdf_has_a_page_for_each_structure(recwarn):
    pdf = report_pdf(SpectraReport((reported(EVIL), reported("$\\frac{$ \u202e x" * 9))))
    assert pdf.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 2
    assert not [w for w in recwarn if "mathtext" in str(w.message)]


def test_a_pdf_of_two_kinds_of_spectra():
    spectra = tuple(
        ReportedSpectrum(m, m.predict(toy_complex("Fe", np.random.default_rng(3)), "Fe"))
        for m in (tiny_model(), tiny_emission_model())
    )
    pdf = report_pdf(SpectraReport((reported(spectra=spectra),)))
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 1

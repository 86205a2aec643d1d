"""The page "Theory" without a browser, with engines that are quick because they calculate nothing.

What is replaced is the calculation alone: jobs, cache, figure and downloads are the real ones.
"""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import asdict

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.pages.test_pages import APP, TIMEOUT_S, numbers, texts, xyz
from tests.theory.test_fdmnes import BAV, PLAIN
from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import TheoryCancelled, TheoryError
from xanes_core.model.registry import load_model
from xanes_core.spectra.spectrum import Spectrum
from xanes_core.structures.examples import list_examples, load_example
from xanes_core.theory import ENGINES
from xanes_core.theory.base import Availability, TheoryResult
from xanes_core.theory.fdmnes import Fdmnes
from xanes_core.theory.feff10 import Feff10
from xanes_core.theory.relaxation import Relaxed, RelaxStep
from xanes_core.theory.watch import Progress

EXAMPLE = "nickel-tetracarbonyl"
#: Read beforehand: reading arrays and compiling a page at the same time trips Python 3.11.
MODELS = {element: load_model(element) for element in ("Ni", "Fe")}
SHIFT = 0.1  # what the made-up theory lies above the network


class QuickFeff(Feff10):
    """FEFF10 that answers at once, or when it is let go."""

    def __init__(self) -> None:
        self.calls = []
        self.gate = threading.Event()
        self.gate.set()
        self.fail = ""

    def available(self):
        return Availability(True, "made up")

    def version(self):
        return "0"

    def run(self, atoms, absorber=0, settings=None, options=None):
        self.calls.append(settings)
        options.on_progress(Progress("self-consistent potentials", 2, 9, 0.0, "cycle 7"))
        while not self.gate.wait(0.01):
            if options.cancel():
                raise TheoryCancelled("FEFF10 was cancelled (at: self-consistent potentials)")
        if self.fail:
            raise TheoryError(self.fail)
        element = atoms[absorber].symbol
        made = MODELS[element].predict(atoms, absorber=absorber)
        spectrum = Spectrum(made.energy_ev, made.mu + SHIFT, K_EDGE_EV[element])
        text = self.write_input(atoms, absorber, settings)
        return TheoryResult(
            spectrum, spectrum, self.key, "0", element, asdict(settings), 12.5, text,
            notes=("A note of the run.",),
        )  # fmt: skip


@pytest.fixture
def engine(monkeypatch, tmp_path):
    monkeypatch.setenv("XANES_CACHE_DIR", str(tmp_path / "cache"))
    made = QuickFeff()
    monkeypatch.setitem(ENGINES, "feff10", made)
    yield made
    made.gate.set()


@pytest.fixture
def page(engine):
    return opened()


def opened(example: str | None = EXAMPLE):
    at = AppTest.from_file(str(APP), default_timeout=TIMEOUT_S).run()
    if example:
        at.query_params["example"] = example
    return at.switch_page("pages/theory.py").run()


def is_running(at) -> bool:
    return any(b.key == "theory_cancel" for b in at.button)


def until_done(at):
    end = time.monotonic() + 30
    while is_running(at):
        assert time.monotonic() < end
        time.sleep(0.05)
        at.run()
    assert not at.exception
    return at


def calculated(at):
    return until_done(at.button(key="run_feff10").click().run())


def figure(at) -> dict:
    (spec,) = [e.proto.spec for e in at.get("plotly_chart") if "-theory_figure_" in e.proto.id]
    return json.loads(spec)


def names(at) -> list[str]:
    return [t["name"] for t in figure(at)["data"]]


def metrics(at) -> dict[str, str]:
    return {m.label: m.value for m in at.metric}


def upload_spectrum(at, name: str, data: bytes):
    at.file_uploader[1].set_value([(name, data, "text/plain")])
    return at.run()


def test_without_a_structure_the_page_invites(engine):
    at = opened(None)
    assert not at.exception
    (button,) = [b for b in at.button if b.label.startswith("Start with")]
    button.click().run()
    assert not at.exception
    assert at.query_params["example"] in ("titanium-tetrachloride", ["titanium-tetrachloride"])
    assert at.button(key="run_feff10")


def test_before_a_run_there_is_an_estimate_and_the_network(page):
    assert not page.exception
    assert "roughly 5 s; 9 atoms within 6" in texts(page.caption)
    assert metrics(page)["FEFF10"].startswith("\u2248")
    assert metrics(page)["Network"].endswith("ms")
    assert "FEFF10" not in names(page)


def test_a_run_lays_theory_over_the_network_with_its_misfit_and_times(page, engine):
    calculated(page)
    assert len(engine.calls) == 1
    curves = {t["name"]: numbers(t["y"]) for t in figure(page)["data"] if t.get("fill") is None}
    np.testing.assert_allclose(curves["FEFF10"] - curves["Network, Ni"], SHIFT, atol=1e-6)
    np.testing.assert_allclose(curves["theory \u2212 network"], SHIFT, atol=1e-6)
    table = page.table[0].value["Misfit"]
    assert table["MSE (10\u207b\u00b3)"] == f"{1e3 * SHIFT**2:.2f}"
    assert metrics(page)["FEFF10"] == "12.5 s"
    assert "times as long" in page.metric[1].delta
    assert "A note of the run." in texts(page.caption)
    assert page.button(key="run_feff10").disabled


def test_while_it_runs_the_page_stays_usable_and_shows_where_it_is(page, engine):
    engine.gate.clear()
    page.button(key="run_feff10").click().run()
    end = time.monotonic() + 30
    while "cycle 7" not in page.get("progress")[0].proto.text:
        assert time.monotonic() < end
        time.sleep(0.05)
        page.run()
    (bar,) = page.get("progress")
    assert "Self\\-consistent potentials" in bar.proto.text
    assert bar.proto.value == 22
    assert page.button(key="run_feff10").disabled
    assert page.button(key="relax_run").disabled
    page.switch_page("pages/windows.py").run()
    assert not page.exception
    engine.gate.set()
    page.switch_page("pages/theory.py").run()
    until_done(page)
    assert "FEFF10" in names(page)


def test_a_job_outlives_cleared_caches_and_a_session_without_memory(page, engine):
    engine.gate.clear()
    page.button(key="run_feff10").click().run()
    st.cache_data.clear()  # what the message "clear_cache" of any visitor does
    st.cache_resource.clear()
    del page.session_state["theory_job"]
    page.run()
    assert page.button(key="run_feff10").disabled, "a second calculation of one session"
    page.button(key="theory_cancel").click().run()
    until_done(page)
    assert not page.button(key="run_feff10").disabled
    assert len(engine.calls) == 1


def test_cancel_stops_it_and_says_so(page, engine):
    engine.gate.clear()
    page.button(key="run_feff10").click().run()
    page.button(key="theory_cancel").click().run()
    until_done(page)
    assert "FEFF10 was cancelled" in texts(page.warning)
    assert not page.button(key="run_feff10").disabled
    assert "FEFF10" not in names(page)


def test_a_failure_is_a_sentence_and_the_earlier_result_stays(page, engine):
    calculated(page)
    engine.fail = "FEFF10 could not make potentials: relax the structure"
    page.number_input(key="feff_cycles").set_value(30).run()
    assert "FEFF10, other settings" in names(page)
    calculated(page)
    assert engine.fail in texts(page.warning)
    assert "FEFF10, other settings" in names(page)
    engine.fail = ""
    calculated(page)
    assert not page.warning
    assert "FEFF10" in names(page)
    assert [s.scf_cycles for s in engine.calls] == [60, 30, 30]


def test_another_visit_finds_the_result_on_disk(page, engine):
    calculated(page)
    engine.fail = "not again"
    other = opened()
    assert "FEFF10" in names(other)
    assert other.button(key="run_feff10").disabled
    other.number_input(key="feff_radius").set_value(5.0).run()
    assert not other.button(key="run_feff10").disabled


def test_results_belong_to_their_structure(page):
    calculated(page)
    page.pills(key="element").set_value("Fe").run()
    assert not page.exception
    assert "FEFF10" not in names(page)
    page.pills(key="element").set_value("Ni").run()
    assert page.query_params["example"] in (EXAMPLE, [EXAMPLE])
    assert "FEFF10" in names(page)


def test_an_engine_that_is_missing_says_how_to_get_it(engine, monkeypatch):
    told = "FEFF10 is not installed: pip install feff10-rs"
    monkeypatch.setattr(engine, "available", lambda: Availability(False, told))
    monkeypatch.setattr(
        "xanes_core.theory.relaxation.available",
        lambda: Availability(False, "Relaxation needs tblite"),
    )
    at = opened()
    for key in ("run_feff10", "run_fdmnes", "relax_run"):
        assert at.button(key=key).disabled
    said = texts(at.caption)
    for sentence in (told, "FDMNES is not on the PATH", "Relaxation needs tblite"):
        assert sentence in said
    assert not at.get("download_button")[0].proto.disabled


def test_fdmnes_on_the_path_is_a_second_engine(engine, monkeypatch):
    class QuickFdmnes(QuickFeff, Fdmnes):
        key, title, settings_type = Fdmnes.key, Fdmnes.title, Fdmnes.settings_type
        write_input = Fdmnes.write_input

    monkeypatch.setitem(ENGINES, "fdmnes", QuickFdmnes())
    at = opened()
    until_done(at.button(key="run_fdmnes").click().run())
    assert "FDMNES" in names(at)
    assert metrics(at)["FDMNES"] == "12.5 s"
    calculated(at)
    assert {"FEFF10", "FDMNES"} <= set(names(at))


def test_options_of_fdmnes_reach_its_input(page):
    engine = ENGINES["fdmnes"]
    seen = []
    write = engine.write_input

    def spy(atoms, absorber, settings):
        seen.append(settings)
        return write(atoms, absorber, settings)

    engine.write_input = spy
    try:
        page.toggle(key="fdmnes_scf").set_value(True)
        page.toggle(key="fdmnes_quadrupole").set_value(True)
        page.number_input(key="fdmnes_radius").set_value(4.5)
        page.number_input(key="fdmnes_To (eV)").set_value(80.0)
        page.number_input(key="fdmnes_width_ev").set_value(1.5).run()
    finally:
        del engine.write_input
    settings = seen[-1]
    assert (settings.method, settings.scf, settings.quadrupole) == ("green", True, True)
    assert (settings.radius_ang, settings.range_ev[2]) == (4.5, 80.0)
    assert settings.convolution.width_ev == 1.5


# --- relaxation -----------------------------------------------------------------------------------


@pytest.fixture
def relaxation(engine, monkeypatch):
    calls = []

    def relax(atoms, settings, *, on_progress, cancel, isolated, time_limit_s):
        calls.append(settings)
        on_progress(RelaxStep(1, -10.0, 0.5))
        moved = atoms.copy()
        moved.positions *= 1.05
        return Relaxed(
            moved, -12.5, -12.0, 0.041, 5, True, "force limit", settings.charge,
            settings.multiplicity, 0.3, "made up",
        )  # fmt: skip

    monkeypatch.setattr("xanes_core.theory.relaxation.relax", relax)
    return calls


def test_charge_and_multiplicity_come_from_the_example(relaxation):
    example = next(e for e in list_examples() if e.key == "hexacyanoferrate-iii")
    at = opened(example.key)
    until_done(at.button(key="relax_run").click().run())
    (settings,) = relaxation
    assert (settings.charge, settings.multiplicity) == (example.charge, example.multiplicity)
    said = texts(at.markdown)
    assert "Converged after 5 steps" in said.replace("*", "")
    assert "largest force 0.041" in said
    assert "Network, after relaxation" in names(at)


def test_the_relaxed_structure_is_used_on_all_pages_and_given_back(relaxation):
    at = opened()
    until_done(at.button(key="relax_run").click().run())
    at.button(key="relax_use").click().run()
    assert not at.exception
    assert "Network, before relaxation" in names(at)
    assert at.selectbox(key="entry_select").options[1].endswith(", relaxed")
    at.switch_page("pages/predict.py").run()
    (spec,) = [e.proto.spec for e in at.get("plotly_chart") if "spectrum" in e.proto.id]
    shown = numbers(json.loads(spec)["data"][-1]["y"])
    atoms = load_example(EXAMPLE)
    atoms.positions *= 1.05
    np.testing.assert_allclose(shown, load_model("Ni").predict(atoms, absorber=0).mu, atol=1e-6)
    at.switch_page("pages/theory.py").run()
    at.button(key="relax_back").click().run()
    assert "Network, after relaxation" in names(at)


def test_a_charge_decides_which_multiplicities_are_possible(relaxation):
    at = opened()
    (box,) = [s for s in at.selectbox if s.label == "Multiplicity"]
    assert box.options[:3] == ["1", "3", "5"]
    (charge,) = [n for n in at.number_input if n.label == "Charge"]
    charge.set_value(1).run()
    (box,) = [s for s in at.selectbox if s.label == "Multiplicity"]
    assert box.options[:3] == ["2", "4", "6"]


def test_an_upload_without_a_charge_is_told_so(relaxation):
    at = opened(None)
    at.file_uploader[0].set_value([("mine.xyz", xyz(load_example(EXAMPLE)), "text/plain")]).run()
    at.switch_page("pages/theory.py").run()
    told = texts(at.caption)
    assert "charge 0: the structure states none, so it is taken as neutral" in told
    assert re.search(r"multiplicity 1: the lowest that \d+ electrons allow", told)
    assert at.button(key="relax_run").disabled
    (box,) = [c for c in at.checkbox if c.label == "Charge and multiplicity are right"]
    box.check().run()
    until_done(at.button(key="relax_run").click().run())
    assert relaxation[0].charge == 0


def test_a_guess_that_was_edited_needs_no_more_confirmation(relaxation):
    at = opened(None)
    at.file_uploader[0].set_value([("mine.xyz", xyz(load_example(EXAMPLE)), "text/plain")]).run()
    at.switch_page("pages/theory.py").run()
    (charge,) = [n for n in at.number_input if n.label == "Charge"]
    charge.set_value(2).run()
    (box,) = [s for s in at.selectbox if s.label == "Multiplicity"]
    assert at.button(key="relax_run").disabled  # the multiplicity is still a guess
    box.set_value(3).run()
    assert not at.checkbox
    assert not at.button(key="relax_run").disabled


def test_bonds_before_and_after_and_a_warning_where_much_moved(relaxation):
    at = opened()
    until_done(at.button(key="relax_run").click().run())
    atoms = load_example(EXAMPLE)
    table = at.dataframe[0].value
    near = np.sort(np.linalg.norm(atoms.positions[1:] - atoms.positions[0], axis=1))[: len(table)]
    assert len(table) == 4
    np.testing.assert_allclose([float(v) for v in table["Before (\u00c5)"]], near, atol=6e-4)
    np.testing.assert_allclose([float(v) for v in table["After (\u00c5)"]], 1.05 * near, atol=6e-4)
    assert not at.warning  # five per cent of 1.84 A are less than a bond may change
    assert "Coordination number 4, then 4" in texts(at.caption)


# --- results of one's own -------------------------------------------------------------------------


def test_an_fdmnes_result_is_broadened_and_compared(page):
    upload_spectrum(page, "job.txt", PLAIN.encode())
    assert not page.exception
    assert "job.txt" in names(page)
    assert page.table
    own = next(t for t in figure(page)["data"] if t["name"] == "job.txt")
    after = numbers(own["y"])[numbers(own["x"]) >= 30]
    assert after.mean() == pytest.approx(1.0, abs=0.01)
    (toggle,) = [t for t in page.toggle if t.label == "Broaden"]
    assert toggle.value
    sharp = numbers(own["y"]).max()
    page.number_input(key="broaden_width_ev").set_value(8.0).run()
    own = next(t for t in figure(page)["data"] if t["name"] == "job.txt")
    assert numbers(own["y"]).max() < sharp


def test_a_convolved_fdmnes_result_is_not_broadened_again(page):
    upload_spectrum(page, "job_conv.txt", PLAIN.encode())
    (toggle,) = [t for t in page.toggle if t.label == "Broaden"]
    assert not toggle.value


def test_the_log_of_fdmnes_is_told_and_the_spectrum_stays(page):
    both = [("job.txt", PLAIN.encode(), "text/plain"), ("job_bav.txt", BAV.encode(), "text/plain")]
    page.file_uploader[1].set_value(both).run()
    assert not page.exception
    assert "log of FDMNES 12 February 2016" in texts(page.caption)
    assert "job.txt" in names(page)


def test_shift_and_scale_are_fitted(page):
    made = load_model("Ni").predict(load_example(EXAMPLE), absorber=0)
    wide = np.linspace(made.energy_ev[0] - 20, made.energy_ev[-1] + 20, 400)
    mu = 0.5 * np.interp(wide, made.energy_ev, made.mu)
    rows = "\n".join(f"{e + 2.0:.4f} {m:.6f}" for e, m in zip(wide, mu, strict=True))
    upload_spectrum(page, "mine.csv", f"energy norm\n{rows}\n".encode())
    (button,) = [b for b in page.button if b.label == "Shift and scale"]
    button.click().run()
    assert page.number_input(key="spectrum_shift_ev").value == pytest.approx(-2.0, abs=0.05)
    assert page.number_input(key="spectrum_scale").value == pytest.approx(2.0, abs=0.02)


def test_theory_of_another_edge_says_that_it_does_not_overlap(page):
    upload_spectrum(page, "job.txt", PLAIN.replace("8333.000   28", "7112.000   26").encode())
    assert not page.exception
    said = texts(page.warning)
    assert "overlap" in said or "edge" in said


def test_a_broken_structure_leaves_a_sentence(engine):
    at = opened(None)
    at.file_uploader[0].set_value([("bad.xyz", b"5\n\nFe 0 0 0\n", "text/plain")]).run()
    assert not at.exception
    assert "bad.xyz" in texts(at.warning)
    assert "5 atoms" in texts(at.warning)


def test_a_structure_that_theory_cannot_take_says_why(engine):
    at = opened(None)
    lone = b"2\n\nFe 0 0 0\nO 0 0 7.5\n"
    at.file_uploader[0].set_value([("lone.xyz", lone, "text/plain")]).run()
    assert not at.exception
    said = texts(at.warning) + texts(at.error)
    assert "no neighbour" in said or "alone" in said or "within" in said


def test_the_energy_axis_is_kept_in_the_link(page):
    page.query_params["axis"] = "absolute"
    page.run()
    assert not page.exception
    assert figure(page)["layout"]["xaxis"]["title"]["text"] == "Energy (eV)"

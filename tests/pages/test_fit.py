"""The page "Fit" without a browser: spectra, what may move, links, results and what is refused."""

from __future__ import annotations

import io
import json
import time

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write
from streamlit.testing.v1 import AppTest

from pages.parts.fit import structure as fit_part
from tests.pages.test_pages import APP, TIMEOUT_S, texts, xyz
from xanes_core.model.registry import load_model
from xanes_core.refinement import FittedParameter, StructureFit
from xanes_core.structures import apply_moves, load_example

#: Read beforehand: reading arrays and compiling a page at the same time trips Python 3.11.
MODEL = load_model("Fe")
SPIN = "theory:iron-tris-bipyridine-high-spin"


def opened(**parameters):
    at = AppTest.from_file(str(APP), default_timeout=TIMEOUT_S)
    for name, value in parameters.items():
        at.query_params[name] = value
    at.run()
    return at.switch_page("pages/fit.py").run()


def link(at, name):
    value = at.query_params.get(name)
    return value[0] if isinstance(value, list) else value


def drawn(at, key):
    """Traces of a figure by name."""
    (spec,) = [e.proto.spec for e in at.get("plotly_chart") if key in e.proto.id]
    return {trace.get("name"): trace for trace in json.loads(spec)["data"]}


def widget(elements, key):
    return next(one for one in elements if one.key == key)


def measure(at, *files):
    """Put (name, bytes) pairs into the uploader of measured spectra."""
    (uploader,) = (one for one in at.file_uploader if one.label == "Measured spectra")
    uploader.set_value([(name, data, "text/plain") for name, data in files])
    return at.run()


def csv(energy_ev, mu) -> bytes:
    text = io.StringIO()
    np.savetxt(text, np.column_stack([energy_ev, mu]), delimiter=",", header="energy,mu")
    return text.getvalue().encode()


def edge(e0_ev, *, low=-60.0, high=200.0, step=0.5):
    energy = np.arange(e0_ev + low, e0_ev + high, step)
    return csv(energy, 0.2 + 1 / (1 + np.exp((e0_ev - energy) / 2)))


class QuickFit:
    """In place of a fit: every move by the same value, and what it was asked."""

    def __init__(self, value=0.1, notes=()):
        self.value, self.notes, self.asked = value, notes, []

    def __call__(self, measured, atoms, absorber, moves, **options):
        self.asked.append((measured, [one.move.text for one in moves], options))
        options["on_progress"](0.5, "sampling")
        model, window = options["model"], options["window_ev"]
        inside = measured.within(window)
        fitted = apply_moves(atoms, absorber, [m.move for m in moves], [self.value] * len(moves))
        parameters = tuple(
            FittedParameter(
                one.move.text, self.value, self.value - 0.01, self.value + 0.01,
                self.value - 0.02, self.value + 0.02, one.move.unit, 0.95, "",
                (one.low, one.high), one.label,
            )
            for one in moves
        )  # fmt: skip
        rng, n, mu = np.random.default_rng(0), len(moves), inside.mu
        return StructureFit(
            parameters, np.eye(n), rng.normal(self.value, 0.01, (400, n)), 1.8, 1.01, 0.0,
            0.0, 0.5, 0.012, "in domain", self.notes, fitted, atoms, absorber, inside.energies_ev,
            mu, mu + 0.01, np.full(len(mu), -0.01), mu - 0.1, mu + 0.1, model.key,
            measured.element,
        )  # fmt: skip


@pytest.fixture
def quick(monkeypatch):
    made = QuickFit()
    monkeypatch.setattr(fit_part, "fit_structure", made)
    return made


def fitted(at):
    """Press the button and wait for the end."""
    at = at.button(key="run_fit").click().run()
    for _ in range(100):
        if not [b for b in at.button if b.key == "theory_cancel"]:
            return at
        time.sleep(0.05)
        at = at.run()
    raise AssertionError("the fit did not end")


# --- what is in view -----------------------------------------------------------------------------


def test_without_anything_the_page_invites_and_one_click_is_enough():
    at = opened()
    assert not at.exception
    at = at.button(key="fit_begin_fit").click().run()
    assert (link(at, "example"), link(at, "measured")) == ("iron-tris-bipyridine", SPIN)
    traces = drawn(at, "fit_spectra")
    assert {"Network, Fe", "Calculated, with noise"} <= set(traces)
    assert "Calculated, with noise: FEFF10, moved by" in texts(at.caption)
    assert widget(at.multiselect, "fit_moves").value == ["all"]


def test_a_link_brings_spectrum_moves_and_window():
    moves = "ligand:1;offcentre:0,0,1"
    at = opened(example="hexaaquairon-ii", measured=SPIN, moves=moves, window="-5:40")
    assert widget(at.multiselect, "fit_moves").value == ["ligand:1", "offcentre:0,0,1"]
    assert widget(at.slider, "fit_window").value == (-5, 40)
    assert (link(at, "moves"), link(at, "window"), link(at, "measured")) == (moves, "-5:40", SPIN)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"moves": "ligand:9"}, "ligand:9 was left out: There is no ligand 9 here"),
        ({"moves": "remove:1"}, "remove:1 was left out: it has no range"),
        ({"window": "60:10"}, "asks for the window '60:10'"),
        ({"window": "wide"}, "asks for the window 'wide'"),
        ({"measured": "theory:nothing"}, "asks for the measured spectrum 'theory:nothing'"),
        ({"measured": "file:0123456789abcdef"}, "is a file that is not here"),
        ({"mode": "guess"}, "asks for the mode 'guess'"),
    ],
)
def test_what_a_link_gets_wrong_is_said_and_the_page_works(parameters, sentence):
    at = opened(**({"example": "hexaaquairon-ii", "measured": SPIN} | parameters))
    assert not at.exception
    assert sentence in texts(at.info)
    assert drawn(at, "fit_spectra")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (edge(7709.0), "It is a spectrum of Co: choose a structure with it"),
        (edge(7112.0, low=-200.0, high=-60.0), "not"),
        (edge(7112.0, step=12.0), "points over"),
        (b"no table at all", "measured.csv"),
    ],
)
def test_a_spectrum_that_cannot_be_fitted_gets_a_sentence_and_nothing_is_lost(data, sentence):
    at = measure(opened(example="hexaaquairon-ii"), ("measured.csv", data))
    assert not at.exception
    assert sentence in texts(at.warning)
    assert drawn(at, "fit_spectra")
    assert not [b for b in at.button if b.key == "run_fit"]


def test_a_window_that_holds_too_little_is_said():
    at = opened(example="hexaaquairon-ii", measured=SPIN, window="10:15")
    assert "Widen it" in texts(at.warning)
    assert not [b for b in at.button if b.key == "run_fit"]


def test_a_measured_file_is_read_normalised_and_kept_through_pages():
    at = opened(example="hexaaquairon-ii")
    at = measure(at, ("**scan** <b>.csv", edge(7112.0)), ("other.csv", edge(7113.0)))
    assert not at.exception
    assert len(widget(at.selectbox, "fit_measured").options) > 2
    mu = np.array(numbers(drawn(at, "fit_spectra")["**scan** &lt;b&gt;.csv"]["y"]))
    assert mu[-1] == pytest.approx(1.0, abs=0.05)
    assert "normalised here: edge step" in texts(at.caption)
    at = at.switch_page("pages/models.py").run().switch_page("pages/fit.py").run()
    assert "**scan** &lt;b&gt;.csv" in drawn(at, "fit_spectra")
    at = at.button(key=widget_key(at, "Remove the spectra")).click().run()
    assert "**scan** &lt;b&gt;.csv" not in drawn(at, "fit_spectra")


def numbers(stored):
    from tests.pages.test_pages import numbers as read

    return read(stored)


def widget_key(at, label):
    return next(b.key for b in at.button if b.label == label)


# --- fitting -------------------------------------------------------------------------------------


def test_a_fit_says_what_it_found_and_stays_through_a_page_switch(quick):
    at = fitted(opened(example="hexaaquairon-ii", measured=SPIN, window="-10:50"))
    assert not at.exception
    said = texts(at.markdown)
    assert "All six Fe\u2013O bonds" in said
    assert "mean Fe\u2013O 2.22 \u00b1 0.01 \u00c5 (+0.10 \u00c5 from the start)" in said
    assert (
        "narrowed the change from \u22120.30 \u2026 +0.50 to +0.08 \u2026 +0.12 \u00c5 (90 %)"
        in said
    )
    assert "theory moved by +1.8 eV" in said
    measured, moves, options = quick.asked[0]
    assert (measured.element, moves, options["window_ev"]) == ("Fe", ["all"], (-10.0, 50.0))
    traces = drawn(at, "fit_spectra")
    assert {"Fitted", "Start, moved likewise", "fitted \u2212 measured"} <= set(traces)
    at = at.switch_page("pages/models.py").run().switch_page("pages/fit.py").run()
    assert "Fitted" in drawn(at, "fit_spectra")
    assert len(quick.asked) == 1


def test_another_setting_shows_the_fit_before_and_offers_a_new_one(quick):
    at = fitted(opened(example="hexaaquairon-ii", measured=SPIN))
    assert not [b for b in at.button if b.key == "run_fit"]
    at = widget(at.multiselect, "fit_moves").set_value(["all", "angle:1,3"]).run()
    assert link(at, "moves") == "all;angle:1,3"
    assert "the fit with the settings before" in texts(at.caption)
    assert "Fitted" in drawn(at, "fit_spectra")
    at = fitted(at)
    assert [asked[1] for asked in quick.asked] == [["all"], ["all", "angle:1,3"]]
    at = widget(at.multiselect, "fit_moves").set_value([]).run()
    assert "Choose what may move" in texts(at.caption)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"at_bound": "high"}, "upper end of what was allowed"),
        ({"learned": 0.1}, "the spectrum says little of it"),
    ],
)
def test_what_is_not_sure_is_said(quick, change, sentence):
    from dataclasses import replace

    quick.notes = ("the fit is rough",)

    def unsure(*args, **options):
        made = quick(*args, **options)
        return replace(made, parameters=tuple(replace(p, **change) for p in made.parameters))

    fit_part.fit_structure = unsure  # undone by the fixture
    at = fitted(opened(example="hexaaquairon-ii", measured=SPIN))
    assert sentence in texts(at.markdown)
    assert "The fit is rough." in texts(at.warning)


def test_a_fit_that_fails_says_why(monkeypatch):
    from xanes_core.errors import RefinementError

    def fail(*args, **options):
        raise RefinementError("the moves cannot be told apart")

    monkeypatch.setattr(fit_part, "fit_structure", fail)
    at = fitted(opened(example="hexaaquairon-ii", measured=SPIN))
    assert "The moves cannot be told apart" in texts(at.warning)


def test_the_best_fit_goes_to_the_theory_page(quick):
    at = fitted(opened(example="hexaaquairon-ii", measured=SPIN))
    at = at.button(key="fit_check").click().run()
    assert not at.exception
    assert "Compare the network" in texts(at.title)
    assert "fitted" in " ".join(widget(at.selectbox, "entry_select").options)
    assert "fitted" in widget(at.selectbox, "entry_select").value
    assert link(at, "example") == "hexaaquairon-ii"


def test_a_crystal_is_fitted_as_a_cluster(quick, tmp_path):
    write(tmp_path / "nio.cif", bulk("NiO", "rocksalt", a=4.18))
    at = opened(measured="theory:nickel-salen")
    at.file_uploader[0].set_value([("nio.cif", (tmp_path / "nio.cif").read_bytes(), "text/plain")])
    at = at.run()
    assert not at.exception
    assert "what lies within 8" in texts(at.caption)
    moves = widget(at.multiselect, "fit_moves").value
    assert moves
    assert moves[0].startswith("offcentre")


def test_a_structure_whose_ligands_cannot_move_says_so():
    at = opened(measured=SPIN)
    at.file_uploader[0].set_value([("iron.xyz", b"2\n\nFe 0 0 0\nAr 5 0 0\n", "text/plain")])
    at = at.run()
    assert "Nothing binds Fe" in texts(at.error)


def test_names_of_structures_stay_text(quick):
    at = opened(measured=SPIN)
    name = "<img src=x> **a**.xyz"
    at.file_uploader[0].set_value([(name, xyz(load_example("hexaaquairon-ii")), "text/plain")])
    at = fitted(at.run())
    assert not at.exception
    assert "**a**" not in " ".join(m.value for m in at.markdown)


# --- several structures, differences, matches ----------------------------------------------------


def ended(at, key):
    at = at.button(key=key).click().run()
    for _ in range(600):
        if not [b for b in at.button if b.key == "theory_cancel"]:
            return at
        time.sleep(0.1)
        at = at.run()
    raise AssertionError("it did not end")


def test_candidates_are_ranked_and_their_spectra_drawn():
    keys = ["hexaaquairon-ii", "ferrocene", "tetrachloroferrate-iii"]
    chosen = " ".join(f"example:{key}" for key in keys)
    at = opened(
        example="ferrocene", mode="rank", measured="theory:hexaaquairon-ii", candidates=chosen
    )
    assert widget(at.multiselect, "fit_candidates").value == chosen.split()
    at = ended(at, "run_rank")
    assert not at.exception
    assert "**Hexaaquairon(II)** made this spectrum with a probability of" in texts(at.markdown)
    (table,) = at.dataframe
    assert next(iter(table.value["Structure"])) == "Hexaaquairon(II)"
    assert table.value["Probability"].sum() == pytest.approx(100.0)
    assert "Hexaaquairon(II)" in drawn(at, "fit_spectra")
    assert link(at, "candidates") == chosen
    at = widget(at.multiselect, "fit_candidates").set_value(chosen.split()[:1]).run()
    assert "Choose 2 structures or more" in texts(at.caption)


def test_a_mixture_begins_with_its_structures_and_ends_with_their_fractions():
    at = opened(example="iron-tris-bipyridine", mode="mix", measured="theory:spin-mixture")
    assert len(widget(at.multiselect, "fit_parts").value) == 2
    at = ended(at, "run_mix")
    assert not at.exception
    assert not at.error
    bars = drawn(at, "fit_fractions")
    found = numbers(bars["best"]["x"])
    assert found.sum() == pytest.approx(1.0)
    assert found[1] == pytest.approx(0.35, abs=0.2), "high spin"
    assert "Mixture" in drawn(at, "fit_spectra")


def test_structures_of_a_link_that_are_not_here_are_said():
    at = opened(example="ferrocene", mode="mix", measured=SPIN, parts="example:ferrocene file:0123")
    assert "1 of the structures asked for are not here" in texts(at.info)
    assert link(at, "parts") == "example:ferrocene"


def test_a_difference_stands_beside_the_measured_one():
    at = opened(
        example="iron-tris-bipyridine-high-spin", mode="difference", measured=SPIN,
        minus="example:iron-tris-bipyridine", reference="theory:iron-tris-bipyridine",
    )  # fmt: skip
    assert not at.exception
    said = texts(at.markdown)
    assert "times the predicted one" in said
    assert "Measured difference" in drawn(at, "fit_change")
    alone = opened(
        example="iron-tris-bipyridine-high-spin", mode="difference",
        minus="example:iron-tris-bipyridine",
    )  # fmt: skip
    assert "Largest change" in texts(alone.markdown)
    assert "Measured difference" not in drawn(alone, "fit_change")


def test_the_nearest_stored_spectrum_is_its_own_and_what_is_shared_is_told():
    at = opened(example="copper-porphine", mode="match", measured="theory:copper-porphine")
    assert not at.exception
    assert "Nearest is copper-porphine" in texts(at.markdown)
    (table,) = at.dataframe
    assert len(table.value) == 20
    assert "no assignment" in texts(at.caption), "the caution that belongs to it"
    (box,) = (one for one in at.get("button_group") if "measure" in str(one.key))
    assert box.value == "misfit"

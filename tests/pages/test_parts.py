"""Helpers of the pages that need no page: numbers, text and cards."""

import math

import pytest

from pages.parts.models.card import (
    chemistry_table,
    difference_table,
    facts,
    headline,
    response_table,
    scores_table,
    training_text,
    verdict_table,
)
from pages.parts.predict.features import with_uncertainty
from pages.parts.shared.inputs import StructureEntry, shortened
from pages.parts.shared.page import plain
from xanes_core.model.card import Card


@pytest.mark.parametrize(
    ("value", "spread", "text"),
    [
        (11.732, 0.241, "11.7 \u00b1 0.2"),
        (11.732, 0.161, "11.73 \u00b1 0.16"),
        (14.2, 1.3, "14.2 \u00b1 1.3"),
        (5.2, 2.4, "5 \u00b1 2"),
        (23.0, 31.0, "23 \u00b1 31"),
        (1.234, 0.0004, "1.23 \u00b1 0.01"),
        (1.234, 0.0, "1.23 \u00b1 0.01"),
        (1.234, math.nan, "1.23"),
        (math.nan, 0.1, "\u2013"),
    ],
)
def test_a_number_has_the_digits_its_uncertainty_warrants(value, spread, text):
    assert with_uncertainty(value, spread) == text


@pytest.mark.parametrize(
    "text", ["*a*", "[x](y)", "<b>", "$x$", ":red[x]", "`x`", "# x", "a_b_", "~~x~~", "&amp;"]
)
def test_text_loses_its_markup_and_keeps_its_letters(text):
    shown = plain(text)
    assert shown.replace("\\", "") == text
    assert all(shown[i - 1] == "\\" for i, c in enumerate(shown) if c in "*[]()<>$:`#_~&")


def test_an_address_is_no_link_and_a_line_stays_one():
    shown = plain("see\nhttp://x.y and www.x.y")
    assert "\n" not in shown
    assert "://" not in shown.replace("\\", "")
    assert "www." not in shown.replace("\\", "")


def test_a_long_text_is_cut():
    assert plain("x" * 500, 10) == "x" * 9 + "\u2026"


def test_a_long_name_is_shortened_in_its_middle():
    assert shortened("x" * 60) == "x" * 60
    short = shortened("a" * 50 + "b" * 50)
    assert len(short) == 60
    assert (short[0], short[-1]) == ("a", "b")


def test_files_of_a_frame_are_named_after_it():
    one, two = (StructureEntry("file:1", "label", [None] * n, "run.xyz") for n in (1, 2))
    assert one.frame_name(0) == "run.xyz"
    assert two.frame_name(1) == "run.xyz frame 2"


def card(key, elements, **extra):
    training_set = {
        "n": 7, "n_per_element": {e: i for i, e in enumerate(elements, 3)},
        "n_held_out_for_metrics": 0, "sha256": "", "source": "data",
    }  # fmt: skip
    made = {
        "card_version": 1, "key": key, "title": "T", "elements": elements, "theory": "T_1",
        "broadening": "none", "origin": "o", "licence": "l", "convention": "c", "size_note": "s",
        "date": "d", "default_for": elements, "training_set": training_set, "metrics": {},
        "spectrum": "xanes", "edge": "K", "interval_level": 0.9, "descriptor": {}, "domain": {},
        "grid": {
            "start_rel_ev": -15.0, "stop_rel_ev": 60.0, "n_points": 226, "relative_to": "E0",
        },
        "hyper_parameters": {}, "versions": {"numpy": "2.4"},
    }  # fmt: skip
    return Card.from_dict(made | extra, key)


SCORES = {
    "all": {"n": 9, "mse": 0.0075, "coverage": 0.917},
    "V": {"n": 4, "mse": 0.006},
    "domain": {"outside": {"n": 2, "mse": 0.02}},
}


def test_scores_of_a_card_are_rows_in_sensible_units():
    table = scores_table(card("k", ["V", "Fe"], metrics={"held_out": SCORES}))
    assert list(table.index) == ["All", "V"]
    assert table.loc["All", "MSE (10\u207b\u00b3)"] == "7.50"
    assert table.loc["All", "In the band (%)"] == "92"
    assert table.loc["V", "In the band (%)"] == "\u2013"
    assert "Band width" not in table


def test_the_only_element_does_not_repeat_the_overall_row():
    table = scores_table(card("k", ["V"], metrics={"held_out": SCORES}))
    assert list(table.index) == ["All"]


def test_a_card_without_scores_has_no_table():
    assert scores_table(card("k", ["V"])) is None
    assert verdict_table(card("k", ["V"])) is None
    assert chemistry_table(card("k", ["V"])) is None
    assert headline(card("k", ["V"])) == {}


def test_the_error_is_told_by_verdict_beside_that_in_domain():
    groups = {"in domain": {"n": 9, "mse": 0.005}, "outside": {"n": 2, "mse": 0.02}}
    table = verdict_table(card("k", ["V"], metrics={"by_verdict": groups}))
    assert table.loc["Outside the training data"].to_dict() == {
        "n": "2",
        "MSE (10\u207b\u00b3)": "20.00",
        "Times that within": "4.0",
    }
    older = verdict_table(card("k", ["V"], metrics={"held_out": SCORES}))
    assert list(older.index) == ["Outside the training data"]


def test_chemistry_never_seen_stands_beside_the_random_split():
    splits = [{"left_out": "a_b", "n": 7, "mse": 0.03, "mse_random": 0.01, "coverage": 0.7}]
    table = chemistry_table(card("k", ["V"], metrics={"chemistry": splits}))
    assert list(table.loc["a\\_b"]) == ["7", "30.00", "10.00", "70"]


def test_the_response_is_told_with_its_quartiles():
    assert response_table(card("k", ["V"])) is None
    ends = {"response_error_lower": 0.4, "response_error_upper": 0.7}
    groups = {
        "all": {"n": 9, "response_error": 0.55, **ends, "response_cosine": 0.876},
        "one ligand": {"n": 4, "response_error": None, "response_cosine": None},
        "V": {"n": 9},
    }
    table = response_table(card("k", ["V"], metrics={"response": groups}))
    assert list(table.index) == ["All copies", "One ligand moved", "V"]
    assert list(table.loc["All copies"]) == ["9", "55 (40 to 70)", "0.88"]
    assert list(table.loc["One ligand moved"]) == ["4", "\u2013", "\u2013"]


def test_the_headline_has_the_numbers_that_are_known():
    found = headline(card("k", ["V"], metrics={"held_out": SCORES}))
    assert found == {
        "Spectra kept aside": "9",
        "MSE (10\u207b\u00b3)": "7.50",
        "Inside the 90 % band": "92 %",
    }


def test_emission_has_its_own_unit():
    scores = {"all": {"n": 9, "mse": 2e-5}}
    table = scores_table(card("k", ["V"], spectrum="xes", metrics={"held_out": scores}))
    assert table.loc["All", "MSE (10\u207b\u2076 eV\u207b\u00b2)"] == "20.00"


def test_the_training_set_is_told_by_element_where_there_are_several():
    assert training_text(card("k", ["V"])) == "7 spectra"
    assert training_text(card("k", ["V", "Fe"])) == "7 spectra (V 3, Fe 4)"


def test_the_difference_names_the_default_and_takes_scores_of_the_element():
    cards = [
        card("one", ["V"], metrics={"held_out": {"all": {"mse": 0.001}}}),
        card("many", ["V", "Fe"], metrics={"held_out": SCORES}, default_for=["Fe"]),
        card("bare", ["V", "Fe"], metrics={"held_out": {"all": {"mse": 1.0}}}, default_for=[]),
    ]
    table = difference_table(cards, "V")
    assert list(table.columns) == ["one (default)", "many", "bare"]
    assert list(table.loc["Held-out MSE (10\u207b\u00b3)"]) == ["1.00", "6.00", "\u2013"]


def test_cards_are_shown_as_text():
    assert facts(card("k", ["V"])).loc["Theory"].item() == "T\\_1"

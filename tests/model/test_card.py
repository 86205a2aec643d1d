"""The numbers of a card as a table."""

from __future__ import annotations

import csv
import io
import json

import pytest

from xanes_core.model.card import card_json, metric_rows, metrics_csv
from xanes_core.model.registry import list_models

CARD = {
    "key": "made-up",
    "spectrum": "xanes",
    "metrics": {
        "protocol": "words are no numbers",
        "held_out": {
            "all": {"n": 9, "mse": 0.005, "relative_spectral_error_percent": 4.5, "width_90": 0.17},
            "Fe": {"n": 4, "peak_position_error_ev": 1.25, "peaks_matched": 0.8, "exact": True},
            "domain": {"outside": {"n": 2, "mse": 0.02}},
        },
        "by_verdict_chemistry": {"outside": {"n": 5, "mse": 0.03}},
        "calibration_curve": {"Fe": {"0.5": {"coverage": 0.55, "width": 0.06}}},
        "learning_curve": [{"n": 100, "mse": 0.01, "mse_error": 0.001}],
        "chemistry": [{"left_out": "tetrahedral", "n": 7, "mse": 0.03, "mse_random": 0.01}],
    },
}


def told(card):
    return {(r.element, r.metric): (r.value, r.unit, r.n) for r in metric_rows(card)}


def test_every_number_has_its_unit_and_its_n():
    assert told(CARD) == {
        ("all", "mse"): (0.005, "(edge steps)^2", 9),
        ("all", "relative_spectral_error_percent"): (4.5, "%", 9),
        ("all", "width_90"): (0.17, "edge steps", 9),
        ("Fe", "peak_position_error_ev"): (1.25, "eV", 4),
        ("Fe", "peaks_matched"): (0.8, "1", 4),
        ("all", "mse (outside)"): (0.02, "(edge steps)^2", 2),
        ("all", "mse (outside, chemistry left out)"): (0.03, "(edge steps)^2", 5),
        ("Fe", "coverage of the 50 % band"): (0.55, "1", 4),
        ("Fe", "width of the 50 % band"): (0.06, "edge steps", 4),
        ("all", "mse (trained on 100)"): (0.01, "(edge steps)^2", 100),
        ("all", "mse_error (trained on 100)"): (0.001, "(edge steps)^2", 100),
        ("all", "mse (left out: tetrahedral)"): (0.03, "(edge steps)^2", 7),
        ("all", "mse_random (left out: tetrahedral)"): (0.01, "(edge steps)^2", 7),
    }


def test_verdicts_of_their_own_replace_the_older_ones():
    metrics = CARD["metrics"] | {"by_verdict": {"at the edge": {"n": 5, "mse": 0.01}}}
    found = told(CARD | {"metrics": metrics})
    assert ("all", "mse (at the edge)") in found
    assert ("all", "mse (outside)") not in found


def test_emission_has_its_own_unit():
    found = told(CARD | {"spectrum": "xes"})
    assert found["all", "mse"][1] == "(1/eV)^2"
    assert found["all", "width_90"][1] == "1/eV"


def test_the_csv_reads_back():
    rows = list(csv.DictReader(io.StringIO(metrics_csv(CARD))))
    assert list(rows[0]) == ["model", "element", "metric", "value", "unit", "n"]
    assert {row["model"] for row in rows} == {"made-up"}
    back = {(r["element"], r["metric"]): (float(r["value"]), r["unit"], int(r["n"])) for r in rows}
    assert back == told(CARD)


def test_a_card_without_metrics_is_a_header():
    assert metrics_csv({"key": "bare", "metrics": {}}) == "model,element,metric,value,unit,n\n"


def test_the_card_reads_back():
    assert json.loads(card_json(CARD)) == CARD


@pytest.mark.parametrize("card", list_models(), ids=lambda card: card["key"])
def test_every_shipped_card_has_its_scores_in_the_table(card):
    found = told(card)
    scores = card["metrics"]["held_out"]["all"]
    assert found["all", "mse"] == (scores["mse"], found["all", "mse"][1], scores["n"])
    assert len({(row.element, row.metric) for row in metric_rows(card)}) == len(metric_rows(card))

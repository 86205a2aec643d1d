"""The numbers of a card as a table."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from tests.places import PROJECT
from xanes_core.errors import ModelError
from xanes_core.model.card import (
    CARD_KEYS,
    Card,
    EnergyGrid,
    TrainingSummary,
    card_json,
    card_schema,
    metric_rows,
    metrics_csv,
)
from xanes_core.model.registry import list_models
from xanes_core.spectra.kinds import XANES, XES

STORED = [
    json.loads(file.read_text(encoding="utf-8"))
    for file in sorted((PROJECT / "models").glob("*/card.json"))
]
CARD = Card(
    key="made-up",
    title="Made up",
    elements=("Fe", "V"),
    default_for=(),
    edge="K",
    kind=XANES,
    theory="none",
    broadening="none",
    convention="default",
    descriptor={"name": "default"},
    grid=EnergyGrid(start_rel_ev=-15, stop_rel_ev=60.0, n_points=226, relative_to="E0"),
    training_set=TrainingSummary(
        n=9, n_per_element={"Fe": 9}, n_held_out_for_metrics=4, sha256="", source="data"
    ),
    hyper_parameters={"hidden": [8]},
    interval_level=0.9,
    domain={},
    licence="none",
    origin="nowhere",
    size_note="small",
    versions={"numpy": "2.4"},
    date="2026-01-01",
    metrics={
        "protocol": "words are no numbers",
        "held_out": {
            "all": {"n": 9, "mse": 0.005, "relative_spectral_error_percent": 4.5, "width_90": 0.17},
            "Fe": {"n": 4, "peak_position_error_ev": 1.25, "peaks_matched": 0.8, "exact": True},
            "domain": {"outside": {"n": 2, "mse": 0.02}},
        },
        "by_verdict_chemistry": {"outside": {"n": 5, "mse": 0.03}},
        "response": {
            "all": {"n": 8, "response_error": 0.5},
            "one ligand": {"n": 4, "response_cosine": 0.9},
            "Fe": {"n": 2, "response_error": 0.6},
        },
        "calibration_curve": {"Fe": {"0.5": {"coverage": 0.55, "width": 0.06}}},
        "learning_curve": [{"n": 100, "mse": 0.01, "mse_error": 0.001}],
        "chemistry": [{"left_out": "tetrahedral", "n": 7, "mse": 0.03, "mse_random": 0.01}],
    },
)


# --- what a card may hold ------------------------------------------------------------------------


@pytest.mark.parametrize("stored", STORED, ids=lambda stored: stored["key"])
def test_every_shipped_card_is_written_as_it_was_read(stored):
    card = Card.from_dict(stored, stored["key"])
    assert card.to_dict() == stored
    assert card_json(card) == json.dumps(stored, indent=1, ensure_ascii=False) + "\n"


def test_entries_are_attributes():
    card = Card.from_dict(CARD.to_dict() | {"spectrum": "xes", "elements": ["Cu"]}, "made-up")
    assert (card.kind, card.elements, card.grid.n_points) == (XES, ("Cu",), 226)
    assert card.to_dict()["spectrum"] == "xes"
    assert (CARD.to_dict()["grid"]["start_rel_ev"], CARD.to_dict()["card_version"]) == (-15, 1)


def changed(path, value):
    """Content of the card with another entry; ``path`` leads to it."""
    content = json.loads(card_json(CARD))
    holder = content
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = value
    return content


@pytest.mark.parametrize("path", [("remark",), ("grid", "remark"), ("training_set", "remark")])
def test_further_entries_are_kept_as_they_are(path):
    content = changed(path, {"by": ["nobody"]})
    assert Card.from_dict(content, "made-up").to_dict() == content


WRONG = {
    "elements is null where a list of element symbols belongs": (("elements",), None),
    'default_for is "Fe" where a list of element symbols belongs': (("default_for",), "Fe"),
    r"elements\[1\] is 26 where text belongs": (("elements",), ["V", 26]),
    "title is 7 where text belongs": (("title",), 7),
    "interval_level is true where a number belongs": (("interval_level",), True),
    "interval_level is NaN where a number belongs": (("interval_level",), float("nan")),
    r"descriptor is \[\] where an object belongs": (("descriptor",), []),
    r"grid\.n_points is 226.0 where a whole number from 0 belongs": (("grid", "n_points"), 226.0),
    r"grid is \{\} where|grid lacks start_rel_ev, stop_rel_ev": (("grid",), {}),
    r"training_set\.n is -1 where a whole number from 0": (("training_set", "n"), -1),
    r"training_set\.n_per_element\.Fe is null where": (
        ("training_set", "n_per_element", "Fe"),
        None,
    ),
    r"versions\.numpy is 2.4 where text belongs": (("versions", "numpy"), 2.4),
    r"metrics\.held_out\.all is 0.5 where an object belongs": (("metrics", "held_out", "all"), 0.5),
    r"metrics\.chemistry is \{\} where a list of objects belongs": (("metrics", "chemistry"), {}),
}


@pytest.mark.parametrize(("message", "change"), WRONG.items(), ids=lambda one: "")
def test_an_entry_of_another_type_is_refused(message, change):
    content = changed(*change)
    with pytest.raises(ModelError, match=f"in the card of model made-up, ({message}).*; restore"):
        Card.from_dict(content, "made-up")


def test_the_schema_is_that_of_json_schema():
    """An independent reader of the schema accepts and refuses the same."""
    validator = pytest.importorskip("jsonschema").Draft202012Validator(card_schema())
    validator.check_schema(card_schema())
    for stored in [*STORED, CARD.to_dict()]:
        assert not list(validator.iter_errors(stored))
    for path, value in WRONG.values():
        if isinstance(value, float):  # to JSON Schema 226.0 is whole, and it has no NaN
            continue
        assert list(validator.iter_errors(changed(path, value)))
    assert set(card_schema()["required"]) == set(CARD_KEYS) == set(card_schema()["properties"])


# --- its numbers as a table ----------------------------------------------------------------------


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
        ("all", "response_error"): (0.5, "1", 8),
        ("all", "response_cosine (one ligand moved)"): (0.9, "1", 4),
        ("Fe", "response_error"): (0.6, "1", 2),
        ("Fe", "coverage of the 50 % band"): (0.55, "1", 4),
        ("Fe", "width of the 50 % band"): (0.06, "edge steps", 4),
        ("all", "mse (trained on 100)"): (0.01, "(edge steps)^2", 100),
        ("all", "mse_error (trained on 100)"): (0.001, "(edge steps)^2", 100),
        ("all", "mse (left out: tetrahedral)"): (0.03, "(edge steps)^2", 7),
        ("all", "mse_random (left out: tetrahedral)"): (0.01, "(edge steps)^2", 7),
    }


def test_verdicts_of_their_own_replace_the_older_ones():
    metrics = {**CARD.metrics, "by_verdict": {"at the edge": {"n": 5, "mse": 0.01}}}
    found = told(replace(CARD, metrics=metrics))
    assert ("all", "mse (at the edge)") in found
    assert ("all", "mse (outside)") not in found


def test_emission_has_its_own_unit():
    found = told(replace(CARD, kind=XES))
    assert found["all", "mse"][1] == "(1/eV)^2"
    assert found["all", "width_90"][1] == "1/eV"


def test_the_csv_reads_back():
    rows = list(csv.DictReader(io.StringIO(metrics_csv(CARD))))
    assert list(rows[0]) == ["model", "element", "metric", "value", "unit", "n"]
    assert {row["model"] for row in rows} == {"made-up"}
    back = {(r["element"], r["metric"]): (float(r["value"]), r["unit"], int(r["n"])) for r in rows}
    assert back == told(CARD)


def test_a_card_without_metrics_is_a_header():
    assert metrics_csv(replace(CARD, metrics={})) == "model,element,metric,value,unit,n\n"


def test_the_card_reads_back():
    assert json.loads(card_json(CARD)) == CARD.to_dict()


@pytest.mark.parametrize("card", list_models(), ids=lambda card: card.key)
def test_every_shipped_card_has_its_scores_in_the_table(card):
    found = told(card)
    scores = card.metrics["held_out"]["all"]
    assert found["all", "mse"] == (scores["mse"], found["all", "mse"][1], scores["n"])
    assert len({(row.element, row.metric) for row in metric_rows(card)}) == len(metric_rows(card))

"""Numbers read off a prediction: those of its mean, with the networks that agree and the others."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from tests.predictions import made_emission, made_prediction
from xanes_core.model import load_model
from xanes_core.model.export import to_json
from xanes_core.model.features import (
    FEATURE_COLUMNS,
    feature_columns,
    features_csv,
    features_object,
    others_text,
    prediction_features,
)
from xanes_core.spectra.edge_features import spectral_features
from xanes_core.spectra.emission import emission_features
from xanes_core.spectra.kinds import XANES
from xanes_core.structures.examples import load_example


@pytest.fixture(scope="module")
def split():
    """Two networks see a white line, a third one has its highest maximum 30 eV above."""
    made = made_prediction()
    other = made.mu + np.exp(-(((made.energy_rel_ev - 40) / 2) ** 2))
    return replace(made, members=np.vstack([made.members[:2], other]))


@pytest.mark.parametrize(
    ("prediction", "read"),
    [(made_prediction(), spectral_features), (made_emission(), emission_features)],
)
def test_values_are_those_of_the_mean(prediction, read):
    features = prediction_features(prediction)
    mean = read(prediction.energy_rel_ev, prediction.mu)
    for name, one in features.items():
        assert one.name == name
        assert one.value == pytest.approx(getattr(mean, name), nan_ok=True)
        assert one.n_members == 3
    assert sum(one.n_agreeing == 3 for one in features.values()) >= 3


@pytest.mark.parametrize(
    ("key", "white_line_ev", "other_ev"),
    [("vanadium-hexacarbonyl", 18.7, 37.0), ("nickel-tetracarbonyl", 38.8, 18.8)],
)
def test_seventeen_networks_of_twenty_are_not_averaged_with_three(key, white_line_ev, other_ev):
    prediction = load_model("feff10-3d").predict(load_example(key))
    white = prediction_features(prediction)["white_line_ev"]
    assert white.value == pytest.approx(white_line_ev, abs=0.1)
    assert white.spread < 0.5
    assert (white.n_agreeing, white.n_members) == (17, 20)
    assert others_text(white) == f"{other_ev:.1f} eV in 3 of 20"


def test_others_are_told_on_the_axis_of_the_reader(split):
    white = prediction_features(split)["white_line_ev"]
    assert others_text(white) == "40.0 eV in 1 of 3"
    assert others_text(white, 7112.0) == "7152.0 eV in 1 of 3"


def test_columns_of_a_table(split):
    features = prediction_features(split)
    columns = feature_columns(features, ["white_line_ev", "white_line_height"], kind=XANES)
    assert list(columns) == [
        "white_line_ev", "white_line_std_ev", "white_line_networks", "white_line_others",
        "white_line_height", "white_line_height_std",
    ]  # fmt: skip
    assert columns["white_line_ev"] == f"{features['white_line_ev'].value:.2f}"
    assert columns["white_line_networks"] == "2 of 3"
    assert columns["white_line_others"] == "40.0 eV in 1 of 3"
    nothing = feature_columns(features, ["pre_edge_ev"], kind=XANES)
    assert nothing == {
        "pre_edge_ev": "", "pre_edge_std_ev": "", "pre_edge_networks": "0 of 3",
        "pre_edge_others": "",
    }  # fmt: skip


def test_csv_json_and_object_say_the_same(split):
    rows = list(csv.DictReader(io.StringIO(features_csv(split))))
    plain = features_object(split)
    assert json.loads(to_json(split))["features"] == plain
    assert tuple(rows[0]) == FEATURE_COLUMNS
    assert [row["feature"] for row in rows] == list(plain)
    for row, one in zip(rows, plain.values(), strict=True):
        assert int(row["n_networks"]) == one["n_networks"]
        assert int(row["of_networks"]) == one["of_networks"] == 3
        if one["value"] is None:
            assert row["value"] == row["std"] == ""
        else:
            assert float(row["value"]) == pytest.approx(one["value"], abs=0.006)
    (other,) = plain["white_line_ev"]["others"]
    assert other == {"value": pytest.approx(40, abs=0.1), "std": None, "n_networks": 1}

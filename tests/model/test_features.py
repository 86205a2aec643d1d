"""Numbers read off a prediction: those of its mean, with the spread over its networks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.predictions import made_emission, made_prediction
from xanes_core.model.features import prediction_features
from xanes_core.spectra.edge_features import features_with_uncertainty, spectral_features
from xanes_core.spectra.emission import emission_features


@pytest.mark.parametrize(
    ("prediction", "read"),
    [(made_prediction(), spectral_features), (made_emission(), emission_features)],
)
def test_values_are_those_of_the_mean_and_spreads_those_of_the_networks(prediction, read):
    features = prediction_features(prediction)
    mean = read(prediction.energy_rel_ev, prediction.mu)
    spread = features_with_uncertainty(prediction.energy_rel_ev, prediction.members, read=read)
    assert list(features) == list(spread)
    for name, one in features.items():
        assert one.value == pytest.approx(getattr(mean, name), nan_ok=True)
        assert one.spread == pytest.approx(spread[name].std, nan_ok=True)
    assert sum(np.isfinite(one.value) for one in features.values()) >= 3


def test_what_most_networks_do_not_show_has_no_value():
    prediction = made_prediction()
    step = 1 / (1 + np.exp(-(prediction.energy_rel_ev - 4)))  # no maximum
    members = np.vstack([prediction.mu, step, step])
    assert np.isfinite(prediction_features(prediction)["white_line_ev"].value)
    shown_by_one = prediction_features(replace(prediction, members=members))["white_line_ev"]
    assert np.isnan(shown_by_one.value)
    shown_by_two = prediction_features(replace(prediction, members=members[[0, 0, 1]]))
    assert np.isfinite(shown_by_two["white_line_ev"].value)

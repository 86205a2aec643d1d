"""Which model answers: verdict first, then the band, then the order; and the sentence about it."""

from dataclasses import replace

import numpy as np
import pytest

from tests.tiny_models import tiny_model, toy_complex
from xanes_core.errors import ModelError
from xanes_core.model import best_model, why_best
from xanes_core.model.domain import DomainVerdict
from xanes_core.spectra import XES


@pytest.fixture(scope="module")
def prediction():
    return tiny_model().predict(toy_complex("Fe", np.random.default_rng(3)))


def made(prediction, key, level, width):
    verdict = DomainVerdict(level=level, score=0.5, reasons=("as it is",))
    half = np.full_like(prediction.mu, width / 2)
    return replace(
        prediction, model_key=key, domain=verdict,
        lower=prediction.mu - half, upper=prediction.mu + half,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("levels", "widths", "best"),
    [
        (("outside", "in domain"), (0.1, 0.6), 1),
        (("at the edge", "outside"), (0.6, 0.1), 0),
        (("in domain", "in domain"), (0.33, 0.14), 1),
        (("in domain", "in domain"), (0.25, 0.25), 0),
    ],
)
def test_the_verdict_decides_then_the_band_then_the_order(prediction, levels, widths, best):
    offered = [made(prediction, f"m{i}", levels[i], widths[i]) for i in range(2)]
    assert best_model(offered) is offered[best]
    assert why_best(offered[:1]) == ""
    said = why_best(offered)
    assert said.startswith(f"m{best} knows this structure best: {levels[best]}, band")
    assert f"m{1 - best} is {levels[1 - best]}, {widths[1 - best]:.2f}" in said


def test_what_cannot_be_compared_is_refused(prediction):
    with pytest.raises(ModelError, match="no prediction to choose from"):
        best_model([])
    with pytest.raises(ModelError, match="same absorber and kind"):
        best_model([prediction, replace(prediction, kind=XES)])

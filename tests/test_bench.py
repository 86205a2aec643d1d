"""The benchmark runs and tells ratios; the times themselves are nobody's promise."""

import re

import pytest

from xanes_core import bench


@pytest.fixture
def lines(monkeypatch):
    monkeypatch.setattr(bench, "N_BATCH", 3)
    monkeypatch.setattr(bench, "N_ROUNDS", 1)
    return list(bench.run_benchmark())


def test_benchmark_reports_speed_and_agreement(lines):
    assert len(lines) == 5
    found = re.fullmatch(
        r"featurise \d+ neighbours: loop [\d.]+ ms, vectorised [\d.]+ ms, "
        r"\d+ times faster, largest difference (\S+)",
        lines[0],
    )
    assert float(found[1]) < 1e-9, "loop and vectorised transform must agree"
    assert re.fullmatch(r"load the model: [\d.]+ s", lines[1])
    assert re.fullmatch(
        r"one structure end to end, \d+ networks: [\d.]+ ms \([\d.]+ times its features alone\)",
        lines[2],
    )
    for line, name in zip(
        lines[3:], ("predict_many", "features and predict_features"), strict=True
    ):
        assert re.match(rf"3 structures, {name}: [\d.]+ s, [\d.]+ ms each, peak memory", line)


def test_times_are_medians_of_functions_called_in_turn(monkeypatch):
    monkeypatch.setattr(bench, "N_ROUNDS", 3)
    called = []
    found = bench._side_by_side(lambda: called.append("a"), lambda: called.append("b"))
    assert called == ["a", "b"] * 3
    assert len(found) == 2
    assert min(found) >= 0

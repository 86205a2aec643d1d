"""The benchmark runs and tells ratios; the times themselves are nobody's promise."""

import re
from types import SimpleNamespace

import pytest

from xanes_core.cli import bench
from xanes_core.theory.base import Availability


class StandIn:
    title = "FEFF10"

    def __init__(self, message=""):
        self.asked, self.message = [], message

    def available(self):
        return Availability(not self.message, self.message)

    def run(self, atoms, absorber):
        self.asked.append((str(atoms.symbols), atoms.symbols[absorber]))
        return SimpleNamespace(seconds=20.0)


@pytest.fixture
def lines():
    return list(bench.run_benchmark(n_rounds=1, n_batch=3, engine=StandIn("no feff10 here")))


def test_benchmark_reports_speed_and_agreement(lines):
    assert len(lines) == 10
    found = re.fullmatch(
        r"featurise \d+ neighbours: loop [\d.]+ ms, vectorised [\d.]+ ms, "
        r"\d+ times faster, largest difference (\S+)",
        lines[0],
    )
    assert float(found[1]) < 1e-9, "loop and vectorised transform must agree"
    for line, part in zip(
        lines[1:5], ("default", "paths", "multiple scattering", "scattering"), strict=True
    ):
        assert re.fullmatch(
            rf"features of \d+ examples, {part}: [\d.]+ ms each, 95 % below [\d.]+ ms", line
        )
    assert re.fullmatch(r"load the model: [\d.]+ s", lines[5])
    assert re.fullmatch(
        r"one structure end to end, \d+ networks: [\d.]+ ms \([\d.]+ times its features alone\)",
        lines[6],
    )
    for line, name in zip(
        lines[7:9], ("predict_many", "features and predict_features"), strict=True
    ):
        assert re.match(rf"3 structures, {name}: [\d.]+ s, [\d.]+ ms each, peak memory", line)
    assert lines[9] == "FEFF10 is not timed: no feff10 here"


def test_theory_is_timed_beside_the_prediction():
    engine = StandIn()
    assert list(bench.theory_lines(engine, lambda model, atoms, absorber: 0.004)) == [
        "hexaaquairon-ii, 19 atoms: FEFF10 20.0 s, prediction 4.0 ms, 5000 times faster",
        "nickel-salen, 35 atoms: FEFF10 20.0 s, prediction 4.0 ms, 5000 times faster",
        "copper-bis-phenanthroline, 45 atoms: FEFF10 20.0 s, prediction 4.0 ms, 5000 times faster",
    ]
    assert [symbol for _, symbol in engine.asked] == ["Fe", "Ni", "Cu"]


def test_times_are_medians_of_functions_called_in_turn():
    called = []
    found = bench._side_by_side(lambda: called.append("a"), lambda: called.append("b"), 3)
    assert called == ["a", "b"] * 3
    assert len(found) == 2
    assert min(found) >= 0

"""Damaged files end in a result that a second reader confirms, or in a sentence: 1,500 of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from ase import Atoms

from tests.fuzz.case import case, read, samples
from tests.fuzz.mutate import CHANGES, mutate
from tests.fuzz.run import FINE, run
from tests.fuzz.second import judge_spectrum, judge_structure

CASES = 1500


def test_damaged_files_are_read_right_or_refused():
    found = run(20261126, CASES, jobs=1)
    assert not found.faults, found.faults[:5]
    assert sum(found.counts.values()) == CASES
    for kind, least in (("structures", 0.15), ("spectra", 0.4)):
        of_kind = {o: n for (k, o), n in found.counts.items() if k == kind}
        total = sum(of_kind.values())
        # the damage neither always nor never matters, and the second readers are of use
        assert 0.1 * total < of_kind["refused"] < 0.9 * total
        looked_at = total - of_kind["refused"] - of_kind["unconfirmed"]
        assert looked_at > least * total, of_kind


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_is_made_and_made_again_by_its_seed(change):
    data = samples()[0][2]
    made = [change(data, np.random.default_rng(seed)) for seed in (1, 1, 2, 3, 4, 5, 6, 7)]
    assert made[0] == made[1]
    assert any(one != other for one, other in pairwise(made))
    assert any(one != data for one in made)


def test_a_case_is_the_same_on_every_machine():
    kind, name, done, data = case(1, 0)
    assert (kind, name) == samples()[0][:2]
    assert case(1, 0) == (kind, name, done, data)
    assert mutate(b"", np.random.default_rng(0))[1] == b""


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample[1])
def test_second_readers_agree_on_files_that_are_whole(sample):
    outcome = read(*sample)
    assert (outcome() if callable(outcome) else outcome) in FINE[1:]


FECL2 = b"3\n\nFe 0 0 0\nCl 2.2 0 0\nCl -2.2 0 0\n"


@pytest.mark.parametrize(
    ("atoms", "said"),
    [
        (Atoms("FeCl2", [[0, 0, 0], [2.2, 0, 0], [-2.2, 0, 0]]), "confirmed"),
        (Atoms("FeCl", [[0, 0, 0], [2.2, 0, 0]]), "where the second reader finds"),
        (Atoms("FeBr2", [[0, 0, 0], [2.2, 0, 0], [-2.2, 0, 0]]), "where the second reader finds"),
        (Atoms("FeCl2", [[0, 0, 0], [2.3, 0, 0], [-2.2, 0, 0]]), "is not in the file"),
    ],
)
def test_a_wrong_structure_is_noticed(atoms, said):
    assert said in judge_structure([atoms], FECL2, "xyz")


def test_a_wrong_spectrum_is_not_confirmed():
    energy = np.array([7000.0, 7100.0, 7200.0])
    mu = np.array([0.0, 0.5, 1.0])
    data = b"# e mu\n7.0 0\n7.1 0.5\n7.2 1\n"
    assert judge_spectrum(energy, mu, data, 7112.0) == "confirmed"
    assert judge_spectrum(energy, mu[::-1], data, 7112.0) == "energies"
    assert judge_spectrum(energy + 3, mu, data, 7112.0) == "unconfirmed"

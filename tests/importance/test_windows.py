"""Windows, shares, differences and the sentences made from them."""

from __future__ import annotations

import numpy as np
import pytest

from xanes_core.errors import ModelError, SpectrumError
from xanes_core.importance.windows import (
    PRESET_NAMES,
    Bars,
    EnergyWindow,
    difference,
    distance_sentence,
    format_windows,
    group_sentence,
    parse_windows,
    runs,
    scaled,
    selected,
    shares,
    value_text,
)
from xanes_core.model.explanation import WindowImportance

CENTRES = np.array([1.5, 1.7, 1.9, 2.1, 2.3])


def made(mean, error=0.1, names=None, seed=0) -> WindowImportance:
    """Repeats and parts whose mean is `mean` and whose scatter is about `error`."""
    mean = np.asarray(mean, dtype=float)
    rng = np.random.default_rng(seed)
    names = names or tuple(f"mu={c:.2f} A" for c in CENTRES[: len(mean)])
    raw, parts = (rng.normal(0, error, (10, len(mean))) for _ in range(2))
    raw, parts = (a - a.mean(axis=0) + mean for a in (raw, parts))
    return WindowImportance(0.0, 10.0, names, raw, parts)


def test_windows_survive_a_link():
    windows = ["pre-edge", EnergyWindow("", 12.5, 22.0), "white line"]
    assert format_windows(windows) == "pre-edge,12.5:22,white-line"
    assert parse_windows(format_windows(windows)) == windows
    assert parse_windows(format_windows(PRESET_NAMES[:4])) == list(PRESET_NAMES[:4])


def test_a_window_without_a_name_is_its_range():
    assert EnergyWindow("", -5.0, 4.5).label == "\u22125 to 4.5 eV"
    assert EnergyWindow("white line", 14.0, 26.0).label == "white line (14 to 26 eV)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is no window"),
        ("white line", "'white line' is no window: .* or one of pre-edge, rising-edge"),
        ("1:2:3", "'1:2:3' is no window"),
        ("a:2", "'a:2' is no window"),
        ("1:2,", "'' is no window"),
        ("4:2", "'4:2' needs two ascending"),
        ("nan:2", "'nan:2' needs two ascending"),
        ("0:1,1:2,2:3,3:4,4:5", "5 windows are too many"),
    ],
)
def test_what_is_no_window_is_refused(text, message):
    with pytest.raises(SpectrumError, match=message):
        parse_windows(text)


def test_shares_sum_to_hundred_in_every_repeat_and_part():
    found = shares(made([1, 2, 3, 4, 10]))
    np.testing.assert_allclose(found.mean, [5, 10, 15, 20, 50])
    np.testing.assert_allclose(found.raw.sum(axis=1), 100)
    np.testing.assert_allclose(found.parts.sum(axis=1), 100)


def test_the_error_of_a_share_is_that_of_the_ratio():
    """Against the exact ratio of each part, for scatter small enough to be linear."""
    window = made([3.0, 1.0], 1e-4)
    exact = 100 * window.parts / window.parts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(
        shares(window).sampling_error, exact.std(axis=0, ddof=1) / np.sqrt(10), rtol=1e-3
    )


def test_there_are_no_shares_of_nothing():
    with pytest.raises(ModelError, match="nothing matters to the network from 0 to 10 eV"):
        shares(made([0.0, -1.0]))


def test_differences_of_the_same_samples_are_paired():
    first = made([1, 2, 3, 4, 5])
    second = WindowImportance(0, 1, first.names, first.raw + 0.05, first.parts + 0.05)
    paired = difference(first, second, paired=True)
    np.testing.assert_allclose(paired.value, 0.05)
    np.testing.assert_allclose(paired.error, 0, atol=1e-12)
    assert paired.marked.all()
    apart = difference(first, second, paired=False)
    np.testing.assert_allclose(apart.error, np.sqrt(2) * first.sampling_error)
    assert not apart.marked.any()


def test_different_groups_are_not_subtracted():
    with pytest.raises(ModelError, match="different groups cannot be subtracted"):
        difference(made([1, 2]), made([1, 2], names=("G1", "G2")), paired=True)


def test_neighbours_are_joined():
    assert runs(CENTRES, np.array([1, 1, 0, 0, 1], dtype=bool)) == [slice(0, 2), slice(4, 5)]
    assert runs(CENTRES, np.zeros(5, dtype=bool)) == []
    with pytest.raises(ModelError, match="one centre per bar"):
        runs(CENTRES, np.zeros(4, dtype=bool))


def bars_with(*atoms_ang):
    return Bars(CENTRES, np.array(atoms_ang, dtype=float), "this structure")


def test_an_atom_belongs_to_its_nearest_bar_and_one_beyond_the_last_to_none():
    bars = bars_with(1.68, 1.55, 1.45, 2.39, 3.0)
    assert bars.have_atoms.tolist() == [True, True, False, False, True]
    assert bars.atoms_in(slice(0, 1)).tolist() == [1.45, 1.55]
    assert bars.atoms_in(slice(2, 5)).tolist() == [2.39]


def test_the_sentence_says_what_gains_and_what_loses_at_the_distances_of_atoms():
    first, second = made([10, 10, 1, 1, 1]), made([1, 1, 1, 1, 20], seed=1)
    found = difference(first, second, paired=True)
    text = distance_sentence(("A", "B"), bars_with(1.52, 1.71, 2.29), first, second, found, " %")
    assert text.startswith("From A to B, 2.29 \u00c5 (1.0")
    assert "gains, while 1.52 to 1.71 \u00c5 (20.0" in text
    assert text.endswith("loses.")


def test_the_sentence_names_no_distance_without_an_atom():
    first, second = made([10, 10, 1, 1, 1]), made([1, 1, 1, 1, 20], seed=1)
    found = difference(first, second, paired=True)
    text = distance_sentence(("A", "B"), bars_with(1.45, 5.0), first, second, found, " %")
    assert text.startswith("From A to B, 1.45 \u00c5 (10.0")
    assert "2.3" not in text.split(")")[-1]
    assert "gain" not in text
    nothing = distance_sentence(("A", "B"), bars_with(5.0), first, second, found, " %")
    assert "only distances at which this structure has no atom differ" in nothing


def test_the_sentence_says_when_nothing_differs():
    first = made([1, 2, 3, 4, 5])
    found = difference(first, first, paired=True)
    text = distance_sentence(("A", "B"), bars_with(1.5), first, first, found, " %")
    assert "no distance differs by more than two standard errors" in text


def test_the_sentence_needs_a_centre_for_each_bar():
    first, second = made([10, 1, 1, 1]), made([1, 1, 1, 20], seed=1)
    found = difference(first, second, paired=True)
    with pytest.raises(ModelError, match="one centre per bar"):
        distance_sentence(("A", "B"), bars_with(1.5), first, second, found, "")


def test_the_group_sentence_names_the_leaders():
    names = ("first", "second")
    first, second = made([8, 2], names=names), made([2, 8], names=names, seed=1)
    found = difference(first, second, paired=True)
    text = group_sentence(("A", "B"), first, second, found, " %")
    assert text.startswith("First leads in A (8.00")
    assert "more than two standard errors" in text
    same = group_sentence(("A", "B"), first, first, difference(first, first, paired=False), "")
    assert same.startswith("First leads in both")
    assert "less than two" in same


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (51.3, 1.9, "51 \u00b1 2"),
        (-2.34, 0.15, "\u22122.3 \u00b1 0.1"),
        (0.1234, 0.002, "0.123 \u00b1 0.002"),
    ],
)
def test_digits_follow_the_error(value, error, expected):
    assert value_text(value, error) == expected


def test_a_unit_scales_values_and_errors_alike():
    window = made([1.0, 2.0, 3.0])
    times = scaled(window, 1e3)
    np.testing.assert_allclose(times.mean, 1e3 * window.mean)
    np.testing.assert_allclose(times.sampling_error, 1e3 * window.sampling_error)
    assert times.names == window.names


def test_some_groups_keep_their_numbers_in_the_order_asked_for():
    window = made([1.0, 2.0, 3.0])
    two = selected(window, [2, 0])
    assert two.names == (window.names[2], window.names[0])
    np.testing.assert_allclose(two.mean, window.mean[[2, 0]])
    np.testing.assert_allclose(two.sampling_error, window.sampling_error[[2, 0]])

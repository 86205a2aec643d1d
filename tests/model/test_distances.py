"""Histograms of distances, counted by hand."""

import io

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from xanes_core.errors import ModelError, StructureError
from xanes_core.model.explanation import DistanceHistograms, distance_histograms


def line(symbols, x_ang):
    return Atoms(symbols, [[x, 0.0, 0.0] for x in x_ang])


@pytest.fixture(scope="module")
def toy():
    """Two iron sites and one vanadium site; the last hydrogen lies beyond 6 A."""
    return [
        (line(["Fe", "O", "O", "H", "H"], [0, 2.0, -2.4, 2.96, 6.5]), 0),
        (line(["N", "Fe"], [0, 2.1]), 1),
        (line(["V", "O", "Fe"], [0, 1.6, 3.5]), 0),
    ]


def test_counts_by_hand(toy):
    found = distance_histograms(toy, bin_ang=0.5)
    assert (found.absorbers, found.neighbours) == (("V", "Fe"), ("H", "N", "O", "Fe"))
    assert found.counts.shape == (2, 4, 12)
    assert found.n_sites.tolist() == [1, 2]
    wanted = np.zeros((2, 4, 12), dtype=int)
    wanted[0, 2, 3] = wanted[0, 3, 7] = 1  # V-O 1.6; V-Fe 3.5 lies on a bound: the bin above
    wanted[1, 2, 4] = 2  # Fe-O 2.0 and 2.4
    wanted[1, 0, 5] = wanted[1, 1, 4] = 1  # Fe-H 2.96, Fe-N 2.1
    np.testing.assert_array_equal(found.counts, wanted)


def test_default_bins_run_from_0_to_6(toy):
    found = distance_histograms(toy)
    np.testing.assert_allclose(found.edges_ang, np.arange(121) * 0.05, atol=1e-12)
    np.testing.assert_allclose(found.centres_ang, 0.025 + np.arange(120) * 0.05, atol=1e-12)
    assert found.counts.sum() == 6


def test_sums(toy):
    found = distance_histograms(toy, bin_ang=1.0)
    assert found.total().tolist() == [0, 1, 4, 1, 0, 0]
    assert found.total("V").tolist() == [0, 1, 0, 1, 0, 0]
    by_neighbour = found.by_neighbour("Fe")
    assert list(by_neighbour) == ["H", "N", "O"]
    assert by_neighbour["O"].tolist() == [0, 0, 2, 0, 0, 0]
    assert found.by_neighbour()["O"].tolist() == [0, 1, 2, 0, 0, 0]
    with pytest.raises(ModelError, match="no distances around Cu; there are those around V, Fe"):
        found.total("Cu")


def test_crystals_count_their_images():
    a_ang = 4.2
    found = distance_histograms([(bulk("NiO", "rocksalt", a_ang), 0)], bin_ang=0.1)
    shells = {"O": {1: 6, 3: 8, 5: 24}, "Ni": {2: 12, 4: 6, 6: 24, 8: 12}}
    for element, sizes in shells.items():
        wanted = np.zeros(60, dtype=int)
        for squared, size in sizes.items():
            wanted[int(a_ang / 2 * np.sqrt(squared) / 0.1 + 1e-9)] = size
        np.testing.assert_array_equal(found.by_neighbour("Ni")[element], wanted)


def test_a_lonely_absorber_counts_as_a_site():
    found = distance_histograms([(Atoms("Fe"), 0)])
    assert found.n_sites.tolist() == [1]
    assert found.total().shape == (120,)
    assert found.total().sum() == 0
    again = DistanceHistograms.from_arrays(found.to_arrays())
    assert again.counts.shape == (1, 0, 120)


def test_arrays_are_small_and_survive_a_file(toy):
    found = distance_histograms(toy * 200)
    arrays = found.to_arrays()
    assert arrays["distances_counts"].dtype == np.uint8
    assert arrays["distances_counts"].max() == found.counts.max() == 200
    many = distance_histograms(toy * 300).to_arrays()["distances_counts"]
    assert many.dtype == np.uint16
    assert many.max() == 300
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    buffer.seek(0)
    with np.load(buffer, allow_pickle=False) as stored:
        again = DistanceHistograms.from_arrays(dict(stored))
    np.testing.assert_array_equal(again.counts, found.counts)
    np.testing.assert_array_equal(again.n_sites, found.n_sites)
    np.testing.assert_array_equal(again.edges_ang, found.edges_ang)
    assert (again.absorbers, again.neighbours) == (found.absorbers, found.neighbours)


def test_arrays_that_do_not_fit_are_refused(toy):
    arrays = distance_histograms(toy).to_arrays()
    with pytest.raises(ModelError, match="do not go with 2 absorbers, 4 neighbours and 120 bins"):
        DistanceHistograms.from_arrays(
            {**arrays, "distances_counts": arrays["distances_counts"][:1]}
        )
    with pytest.raises(ModelError, match="do not go with"):
        DistanceHistograms.from_arrays({**arrays, "distances_n_sites": np.arange(3)})
    del arrays["distances_edges_ang"]
    with pytest.raises(ModelError, match="distance data lack 'distances_edges_ang'"):
        DistanceHistograms.from_arrays(arrays)


@pytest.mark.parametrize("bin_ang", [0.7, 0.0, -0.1, 20.0])
def test_bins_must_divide_the_range(toy, bin_ang):
    with pytest.raises(ModelError, match="do not divide 0 to 6 A"):
        distance_histograms(toy, bin_ang=bin_ang)


def test_no_sites_are_refused():
    with pytest.raises(ModelError, match="no absorber sites were given"):
        distance_histograms([])


def test_indices_out_of_range_are_refused(toy):
    with pytest.raises(StructureError, match="9"):
        distance_histograms([(toy[0][0], 9)])


def test_structures_stay_as_they_are(toy):
    before = [(atoms.positions.copy(), atoms.numbers.copy()) for atoms, _ in toy]
    distance_histograms(toy)
    for (atoms, _), (positions, numbers) in zip(toy, before, strict=True):
        np.testing.assert_array_equal(atoms.positions, positions)
        np.testing.assert_array_equal(atoms.numbers, numbers)

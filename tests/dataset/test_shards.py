"""Spectra without the structures they belong to."""

import hashlib

import numpy as np
import pytest
from ase import Atoms

from tests.tiny_models import toy_complex, toy_spectrum
from xanes_core.cli.commands import main
from xanes_core.dataset.pack import pack
from xanes_core.dataset.shards import (
    ShardRecord,
    geometry_sha256,
    read_shards,
    shard_finished,
    write_shards,
)
from xanes_core.dataset.store import NewRecord, Store, TheoryCurve, recipe_id
from xanes_core.errors import DatasetError
from xanes_core.files import read_arrays
from xanes_core.spectra.kinds import XANES, XES

RECIPE = {"xanes": {"version": "FEFF10 0", "radius_ang": 6.0}}


def complexes(n, element="Fe"):
    rng = np.random.default_rng(5)
    made = []
    for i in range(n):
        atoms = toy_complex(element, rng)
        atoms.positions = atoms.positions.round(5)  # as published
        atoms.info = {"name": f"{element}_tmqm_{i:03d}", "charge": i % 3 - 1}
        made.append((atoms, toy_spectrum(atoms, rng)))
    return made


def records(n, **changes):
    made = []
    for atoms, (energy, mu) in complexes(n):
        given = {
            "name": atoms.info["name"],
            "element": "Fe",
            "charge": atoms.info["charge"],
            "geometry": geometry_sha256(atoms),
            "energy_ev": energy,
            "mu": mu,
            "note": "hydrogen p",
            "recipe": RECIPE,
        }
        made.append(ShardRecord(**{**given, **changes}))
    return made


# --- the checksum --------------------------------------------------------------------------------


def test_a_molecule_that_was_moved_is_the_same():
    (atoms, _), *_ = complexes(1)
    atoms.positions = atoms.positions.round(5)
    moved = atoms.copy()
    moved.positions += [21.18768, -3.00001, 15.62011]
    assert geometry_sha256(moved) == geometry_sha256(atoms)
    assert len(geometry_sha256(atoms)) == 64


@pytest.mark.parametrize("change", ["step", "element", "order", "fewer"])
def test_another_molecule_is_another(change):
    (atoms, _), *_ = complexes(1)
    other = atoms.copy()
    if change == "step":
        other.positions[3, 1] += 2e-5
    elif change == "element":
        other.numbers[3] = 9
    elif change == "order":
        other = other[[0, 2, 1, *range(3, len(other))]]
    else:
        other = other[:-1]
    assert geometry_sha256(other) != geometry_sha256(atoms)


def test_the_checksum_is_of_numbers_and_whole_steps():
    atoms = Atoms("FeO", [[1, 1, 1], [1, 1, 2.64512]])
    by_hand = bytes([26, 8]) + np.array([[0, 0, 0], [0, 0, 164512]], dtype="<i8").tobytes()
    assert geometry_sha256(atoms) == hashlib.sha256(by_hand).hexdigest()


# --- round trip ----------------------------------------------------------------------------------


def test_records_come_back_in_order(tmp_path):
    wanted = records(5)
    shorter = wanted[2]
    wanted[2] = ShardRecord(
        shorter.name, "Fe", None, shorter.geometry, shorter.energy_ev[:40], shorter.mu[:40]
    )
    files = write_shards(tmp_path, wanted, size=2)
    assert [path.name for path in files] == ["xanes-0001.npz", "xanes-0002.npz", "xanes-0003.npz"]
    found = read_shards(tmp_path)
    assert [one.name for one in found] == [one.name for one in wanted]
    for one, two in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one.energy_ev, two.energy_ev)
        np.testing.assert_allclose(one.mu, two.mu, rtol=1e-7)
        assert (one.element, one.charge, one.geometry) == (two.element, two.charge, two.geometry)
        assert (one.note, one.recipe) == (two.note, two.recipe)


def test_new_records_change_no_file(tmp_path):
    wanted = records(7)
    write_shards(tmp_path, wanted[:3], size=2)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    files = write_shards(tmp_path, wanted[3:], size=10)
    assert [path.name for path in files] == ["xanes-0003.npz"]
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert len(read_shards(tmp_path)) == 7


def test_kinds_of_spectra_have_files_of_their_own(tmp_path):
    write_shards(tmp_path, records(1))
    write_shards(tmp_path, records(2), kind=XES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["xanes-0001.npz", "xes-0001.npz"]
    assert (len(read_shards(tmp_path)), len(read_shards(tmp_path, kind=XES))) == (1, 2)


def test_a_folder_without_files_has_no_records(tmp_path):
    assert read_shards(tmp_path / "nowhere") == []


# --- refusals ------------------------------------------------------------------------------------


def test_a_name_is_stored_once(tmp_path):
    write_shards(tmp_path, records(2))
    with pytest.raises(DatasetError, match=r"Fe_tmqm_000 is in .* already: leave it out"):
        write_shards(tmp_path, records(1))
    with pytest.raises(DatasetError, match=r"Fe_tmqm_000 is in .* already"):
        write_shards(tmp_path / "new", records(1) * 2)
    assert not (tmp_path / "new").exists()


def test_what_is_no_record_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="has no absorber: 'Pd'"):
        write_shards(tmp_path, records(1, element="Pd"))
    with pytest.raises(DatasetError, match="cannot be the name of a record"):
        write_shards(tmp_path, records(1, name="../x"))


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DatasetError, match=r"xanes-0001\.npz cannot be written \(.*make room"):
        write_shards(tmp_path / "file", records(1))


def test_a_damaged_file_is_named(tmp_path):
    (path,) = write_shards(tmp_path, records(2))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(DatasetError, match=r"xanes-0001\.npz is damaged .*; restore it"):
        read_shards(tmp_path)
    path.write_bytes(data)
    (tmp_path / "xanes-0002.npz").write_bytes(data)
    with pytest.raises(DatasetError, match=r"stands in xanes-0002\.npz and in an earlier file"):
        read_shards(tmp_path)


# --- from a set that grows -----------------------------------------------------------------------


@pytest.fixture
def grown(tmp_path):
    folder = tmp_path / "grown"
    for atoms, (energy, mu) in complexes(3):
        atoms.info |= {"theory_note": "unconverged", "recipe": recipe_id(RECIPE)}
        curves = {XANES: TheoryCurve(energy, mu, "unconverged")}
        Store(folder).write(NewRecord(atoms.info["name"], atoms, curves, RECIPE))
    failure = {"name": "Fe_tmqm_BAD", "identity": "x", "stage": "xanes", "reason": "no"}
    Store(folder).add_failure(failure)
    return folder


def test_finished_records_go_without_their_structures(grown, tmp_path):
    target = tmp_path / "shards"
    report = shard_finished(grown, target)
    assert (report.n_added, report.n_known, report.n_failures) == (3, 0, 1)
    for (atoms, (energy, _)), found in zip(complexes(3), read_shards(target), strict=True):
        assert found.geometry == geometry_sha256(atoms)
        assert (found.charge, found.note) == (atoms.info["charge"], "unconverged")
        assert found.recipe == RECIPE
        np.testing.assert_array_equal(found.energy_ev, energy)
    arrays = read_arrays((target / "xanes-0001.npz").read_bytes())
    assert not {"positions", "numbers"} & set(arrays)
    assert [one["name"] for one in Store(target).failures()] == ["Fe_tmqm_BAD"]


def test_elements_come_in_turn(tmp_path):
    for element, n in (("Fe", 3), ("Ti", 2)):
        for atoms, (energy, mu) in complexes(n, element):
            curves = {XANES: TheoryCurve(energy, mu)}
            Store(tmp_path).write(NewRecord(atoms.info["name"], atoms, curves, RECIPE))
    shard_finished(tmp_path, tmp_path / "shards")
    found = [record.element for record in read_shards(tmp_path / "shards")]
    assert found == ["Ti", "Fe", "Ti", "Fe", "Fe"]


def test_the_same_records_are_taken_once(grown, tmp_path, capsys):
    target = tmp_path / "shards"
    assert main(["dataset", "shard", str(grown), "--out", str(target)]) == 0
    assert "3 spectra into xanes-0001.npz; 0 were there already" in capsys.readouterr().out
    again = shard_finished(grown, target)
    assert (again.files, again.n_added, again.n_known, again.n_failures) == ((), 0, 3, 0)


def test_packed_records_go_too_and_are_the_same(grown, tmp_path):
    waiting, packed = tmp_path / "waiting", tmp_path / "packed"
    shard_finished(grown, waiting)
    pack(grown)
    assert not Store(grown).waiting()
    assert shard_finished(grown, packed).n_added == 3
    for one, two in zip(read_shards(waiting), read_shards(packed), strict=True):
        assert (one.name, one.charge, one.note) == (two.name, two.charge, two.note)
        assert (one.recipe, one.geometry) == (two.recipe, two.geometry)
        np.testing.assert_allclose(one.energy_ev, two.energy_ev, rtol=0, atol=1e-9)
        np.testing.assert_array_equal(one.mu, two.mu)


def test_a_set_where_nothing_waits_says_so(tmp_path):
    with pytest.raises(DatasetError, match="holds no finished xanes spectra: grow some first"):
        shard_finished(tmp_path, tmp_path / "shards")

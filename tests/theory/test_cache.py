"""Results on disk: what comes back, what is refused, what is thrown away."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from xanes_core.errors import SpectrumError, TheoryError
from xanes_core.files import cache_folder
from xanes_core.spectra.spectrum import Spectrum
from xanes_core.theory.base import TheoryResult
from xanes_core.theory.cache import DiskCache, load_result, store_result
from xanes_core.theory.fdmnes_io import FdmnesSettings
from xanes_core.theory.feff10 import Feff10
from xanes_core.theory.feff10_io import Feff10Settings

KEY, OTHER = "a" * 64, "b" * 64
ENERGY = np.linspace(7100.0, 7180.0, 41)


def result(**changes) -> TheoryResult:
    spectrum = Spectrum(ENERGY, np.sqrt(ENERGY) / 90, 7112.0, {"element": "Fe", "notes": "one"})
    made = TheoryResult(
        spectrum=spectrum,
        native=spectrum,
        engine="feff10",
        engine_version="0.2.4",
        element="Fe",
        settings={"radius_ang": 6.0, "xes_range_ev": (-30.0, 10.0), "nested": {"a": (1, 2)}},
        seconds=12.5,
        input_text="EDGE K\nEND\n",
        log="the last line",
        notes=("first", "second"),
    )
    return replace(made, **changes)


def same(one: TheoryResult, two: TheoryResult) -> None:
    for name in ("engine", "engine_version", "element", "settings", "seconds", "input_text", "log"):
        assert getattr(one, name) == getattr(two, name)
    assert one.notes == two.notes
    for a, b in ((one.spectrum, two.spectrum), (one.native, two.native)):
        np.testing.assert_array_equal(a.energy_ev, b.energy_ev)
        np.testing.assert_array_equal(a.mu, b.mu)
        assert a.e0_ev == b.e0_ev
        assert dict(a.metadata) == dict(b.metadata)


def test_a_result_comes_back_exactly_in_another_process_of_the_same_folder(tmp_path):
    store_result(DiskCache(tmp_path), KEY, result())
    found = load_result(DiskCache(tmp_path), KEY)
    same(found, result())
    assert found.native is found.spectrum


def test_a_broadened_result_keeps_what_the_engine_wrote(tmp_path):
    native = Spectrum(ENERGY, np.cos(ENERGY), 7112.0)
    store_result(DiskCache(tmp_path), KEY, result(native=native))
    same(load_result(DiskCache(tmp_path), KEY), result(native=native))


def test_a_spectrum_without_e0_comes_back_without(tmp_path):
    bare = Spectrum(ENERGY, np.cos(ENERGY))
    store_result(DiskCache(tmp_path), KEY, result(spectrum=bare, native=bare))
    assert load_result(DiskCache(tmp_path), KEY).spectrum.e0_ev is None


def test_an_unknown_key_gives_nothing_and_makes_no_folder(tmp_path):
    cache = DiskCache(tmp_path / "not-there")
    assert load_result(cache, KEY) is None
    assert not (tmp_path / "not-there").exists()


@pytest.mark.parametrize("key", ["", "../x", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_only_keys_become_names_of_files(tmp_path, key):
    with pytest.raises(TheoryError, match="64 hexadecimal digits"):
        DiskCache(tmp_path).load(key)
    with pytest.raises(TheoryError, match="64 hexadecimal digits"):
        DiskCache(tmp_path).store(key, {}, {})


@pytest.mark.parametrize("suffix", ["npz", "json"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "gone"])
def test_a_damaged_entry_counts_as_missing_and_is_replaced(tmp_path, suffix, damage):
    cache = DiskCache(tmp_path)
    store_result(cache, KEY, result())
    path = tmp_path / f"{KEY}.{suffix}"
    data = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    else:
        data[len(data) // 2] ^= 1
        kept = {"cut": data[: len(data) // 2], "flipped": data, "empty": b""}[damage]
        path.write_bytes(kept)
    assert load_result(cache, KEY) is None
    store_result(cache, KEY, result(seconds=99.0))
    assert load_result(cache, KEY).seconds == 99.0


def test_arrays_of_one_entry_do_not_pass_for_those_of_another(tmp_path):
    cache = DiskCache(tmp_path)
    store_result(cache, KEY, result())
    for suffix in ("npz", "json"):
        (tmp_path / f"{KEY}.{suffix}").rename(tmp_path / f"{OTHER}.{suffix}")
    assert load_result(cache, OTHER) is None


def test_an_entry_of_another_format_is_calculated_anew(tmp_path):
    cache = DiskCache(tmp_path)
    cache.store(KEY, {"spectrum_mu": np.ones(3)}, {"engine": "feff10"})
    assert cache.load(KEY) is not None
    assert load_result(cache, KEY) is None


def test_nothing_is_ever_unpickled(tmp_path):
    cache = DiskCache(tmp_path)
    cache.store(KEY, {"a": np.array([print], dtype=object)}, {})
    assert cache.load(KEY) is None


def size_bytes(folder) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def use(cache, key, at):
    os.utime(cache.folder / f"{key}.json", (at, at))
    os.utime(cache.folder / f"{key}.npz", (at, at))


def test_the_longest_unused_go_first_when_there_is_too_much(tmp_path):
    cache = DiskCache(tmp_path)
    keys = [c * 64 for c in "abc"]
    for n, key in enumerate(keys):
        store_result(cache, key, result())
        use(cache, key, 1000 + n)
    one = size_bytes(tmp_path) // 3
    load_result(cache, keys[0])  # used just now, so the second is the oldest
    small = DiskCache(tmp_path, limit_bytes=int(3.5 * one))
    store_result(small, "d" * 64, result())
    kept = {path.stem for path in tmp_path.iterdir()}
    assert kept == {keys[0], keys[2], "d" * 64}
    assert size_bytes(tmp_path) <= small.limit_bytes


def test_a_result_larger_than_the_limit_is_kept_alone(tmp_path):
    cache = DiskCache(tmp_path, limit_bytes=10)
    store_result(cache, KEY, result())
    store_result(cache, OTHER, result())
    assert load_result(cache, KEY) is None
    assert load_result(cache, OTHER) is not None


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    (tmp_path / "notes.json").write_text("mine")
    store_result(DiskCache(tmp_path, limit_bytes=10), KEY, result())
    assert (tmp_path / "notes.json").read_text() == "mine"


def test_a_folder_that_cannot_be_written_says_what_to_do(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(TheoryError, match="set XANES_CACHE_DIR to a folder that can be written"):
        store_result(DiskCache(blocked), KEY, result())
    assert load_result(DiskCache(blocked), KEY) is None


def test_facts_can_be_read_by_anybody(tmp_path):
    store_result(DiskCache(tmp_path), KEY, result())
    stored = json.loads((tmp_path / f"{KEY}.json").read_text())
    assert stored["facts"]["engine"] == "feff10"
    assert stored["facts"]["seconds"] == 12.5


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"XANES_CACHE_DIR": "/x/own"}, "/x/own"),
        ({"XDG_CACHE_HOME": "/x/cache"}, "/x/cache/xanes-explorer"),
        ({"XDG_CACHE_HOME": "relative"}, "/x/me/.cache/xanes-explorer"),
        ({}, "/x/me/.cache/xanes-explorer"),
    ],
)
def test_where_the_cache_lies(monkeypatch, variables, expected):
    for name in ("XANES_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/x/me")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(expected)
    assert DiskCache().folder == Path(expected)


def test_keys_of_engines_name_structure_absorber_and_settings():
    atoms = Atoms("FeO2Fe", positions=[[0, 0, 0], [0, 0, 1.9], [0, 0, -1.9], [0, 0, 3.7]])
    engine = Feff10()
    keys = {
        engine.cache_key(atoms, 0),
        engine.cache_key(atoms, 3),
        engine.cache_key(atoms, 0, Feff10Settings(scf_cycles=30)),
        engine.cache_key(Atoms(atoms.numbers, positions=1.01 * atoms.positions), 0),
    }
    assert len(keys) == 4
    with pytest.raises(TheoryError, match="takes Feff10Settings"):
        engine.cache_key(atoms, 0, FdmnesSettings())


def test_a_grid_that_the_stored_result_does_not_reach_is_refused_as_before(tmp_path):
    store_result(DiskCache(tmp_path), KEY, result())
    with pytest.raises(SpectrumError, match="calculate up to a higher energy"):
        load_result(DiskCache(tmp_path), KEY).on_grid(np.linspace(0, 500, 11))

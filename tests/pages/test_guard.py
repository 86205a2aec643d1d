"""Uploaded files cost so much and no more, and one that costs more takes nobody else along."""

from __future__ import annotations

import itertools
import os
import re
import signal
import struct

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from pages.parts.shared import guard
from pages.parts.shared.guard import Readers, ReadLimits, is_cheap
from pages.parts.shared.settings import whole_number
from pages.parts.shared.uploads import Room, UploadLimits, room
from tests.pages.test_pages import FERROCENE, app, texts, trace, upload, xyz  # noqa: F401  (fixture)
from tests.places import PROJECT
from tests.structures.test_limits import cif
from xanes_core.errors import SpectrumError, StructureError
from xanes_core.spectra import read_tables
from xanes_core.structures import read_structures

LATTICE = (
    b'2\nLattice="4 0 0 0 5 0 0.5 0 6" pbc="T T F" charge=1 Properties=species:S:1:pos:R:3\n'
    b"Fe 0 0 0\nO 1.6 0 0.1\n"
)


@pytest.fixture(scope="module")
def readers():
    found = Readers(ReadLimits(seconds=20, memory_bytes=2**30, processes=2))
    found.warm()
    yield found
    found.close()


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.xyz", xyz(FERROCENE) * 3), ("a.extxyz", LATTICE * 2), ("a.cif", cif(30))],
)
def test_a_file_comes_back_as_it_is_read_without_a_process(readers, name, data):
    plain, guarded = read_structures(data, name=name), readers.read(data, name)
    assert len(plain) == len(guarded)
    for one, other in zip(plain, guarded, strict=True):
        np.testing.assert_array_equal(one.numbers, other.numbers)
        np.testing.assert_array_equal(one.positions, other.positions)
        np.testing.assert_array_equal(one.cell.array, other.cell.array)
        np.testing.assert_array_equal(one.pbc, other.pbc)
        assert one.info == other.info


def test_a_wrong_file_is_refused_by_the_words_of_its_reader_and_the_process_stays(readers):
    readers.read(xyz(FERROCENE), "a.xyz")
    with pytest.raises(StructureError, match="not a number of atoms"):
        readers.read(b"x\n\nFe 0 0 0\n", "a.xyz")
    assert len(readers.read(xyz(FERROCENE), "a.xyz")) == 1


def test_a_file_that_takes_too_long_is_stopped_and_the_next_is_read():
    slow = xyz(FERROCENE) * 6000
    readers = Readers(ReadLimits(seconds=0.05, processes=1))
    try:
        with pytest.raises(
            StructureError, match=r"longer than 0\.05 s and was stopped: keep fewer"
        ):
            readers.read(slow, "a.xyz")
        readers.limits = ReadLimits(seconds=20, processes=1)
        assert len(readers.read(LATTICE, "a.extxyz")) == 1
    finally:
        readers.close()


def test_a_file_that_takes_too_much_memory_is_stopped_and_the_next_is_read():
    readers = Readers(ReadLimits(seconds=30, memory_bytes=8 * 2**20, processes=1))
    try:
        with pytest.raises(StructureError, match="more than 8 MB of memory: keep fewer frames"):
            readers.read(xyz(FERROCENE) * 4000, "a.xyz")
        assert len(readers.read(xyz(FERROCENE), "a.xyz")) == 1
    finally:
        readers.close()


def test_a_process_that_is_killed_gives_a_sentence_and_another_takes_its_place(readers):
    readers.read(LATTICE, "a.extxyz")
    waiting = list(readers._idle)
    for process in waiting:
        os.kill(process.pid, signal.SIGKILL)
    for _ in waiting:
        with pytest.raises(StructureError, match="The process that read it ended"):
            readers.read(LATTICE, "a.extxyz")
        readers._idle.reverse()  # the new one waits behind the others
    assert len(readers.read(LATTICE, "a.extxyz")) == 1


def is_dead(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stream:
            return stream.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_reading_stops_when_nobody_waits_and_its_process_ends(readers):
    readers.read(LATTICE, "a.extxyz")
    (pid,) = [process.pid for process in readers._idle]
    answers = itertools.chain([True], itertools.repeat(False))
    with pytest.raises(StructureError, match="nobody waits"):
        readers.read(xyz(FERROCENE) * 6000, "a.xyz", lambda: next(answers))
    assert is_dead(pid)


def test_whoever_waits_for_a_place_may_go():
    readers = Readers(ReadLimits(processes=1))
    readers._room.acquire()
    with pytest.raises(StructureError, match="nobody waits"):
        readers.read(LATTICE, "a.extxyz", lambda: False)


def said(**changes):
    return {"counts": [1], "pbc": [[False] * 3], "info": [{}]} | changes


ONE = struct.pack("<i", 26) + bytes(8 * 12)


@pytest.mark.parametrize(
    ("answer", "data"),
    [
        ({}, b""),
        (said(), b""),
        (said(counts=[2]), ONE),
        (said(counts=[0]), ONE),
        (said(counts="x"), ONE),
        (said(info=[{"a": []}]), ONE),
        (said(pbc=[]), ONE),
        (said(), struct.pack("<i", 400) + ONE[4:]),
        ({"failed": True}, b""),
    ],
)
def test_an_answer_that_makes_no_sense_is_no_structure(answer, data):
    with pytest.raises(StructureError, match=r"could not be read|no element"):
        guard._frames(answer, data)
    assert guard._frames(said(), ONE)[0] == Atoms("Fe", [[0, 0, 0]])


SPECTRA = sorted((PROJECT / "tests" / "files" / "spectra").iterdir())


def tables_or_error(read, *arguments, **named):
    try:
        return read(*arguments, **named)
    except SpectrumError as error:
        return str(error)


def test_spectra_come_back_as_they_are_read_without_a_process(readers):
    sound = 0
    for path in SPECTRA:
        data = path.read_bytes()
        plain = tables_or_error(read_tables, data, name=path.name)
        guarded = tables_or_error(readers.read_tables, data, path.name)
        if isinstance(plain, str):
            assert guarded == plain
            continue
        sound += 1
        assert list(plain) == list(guarded)
        for one, other in zip(plain.values(), guarded.values(), strict=True):
            np.testing.assert_array_equal(one.values, other.values)
            for part in ("names", "units", "named", "notes", "source_format", "lead"):
                assert getattr(one, part) == getattr(other, part)
            assert dict(one.headers) == dict(other.headers)
    assert sound > 5


def table(**changes):
    one = {"key": "", "names": ["e"], "units": [""], "named": True, "headers": {}, "notes": []}
    return {"tables": [one | {"source_format": "table", "lead": "", "shape": [1, 1]} | changes]}


@pytest.mark.parametrize(
    ("answer", "data"),
    [
        ({}, b""),
        ({"tables": []}, b""),
        (table(), b""),
        (table(), bytes(16)),
        (table(shape=[-1, -1]), bytes(8)),
        (table(names=["e", "mu"]), bytes(8)),
        (table(headers=[]), bytes(8)),
    ],
)
def test_an_answer_that_makes_no_sense_is_no_spectrum(answer, data):
    with pytest.raises(SpectrumError, match="could not be read as a spectrum"):
        guard._tables(answer, data)
    assert guard._tables(table(), bytes(8))[""].values == [[0.0]]


def test_a_long_spectrum_is_read_in_a_process(monkeypatch):
    energy = np.linspace(7000.0, 7300.0, 4000)
    rows = [f"{e:.3f} {1 / (1 + np.exp(7120 - e)):.6f}" for e in energy]
    data = "\n".join(["# energy mu", *rows]).encode()
    assert len(data) > guard.SMALL_BYTES
    monkeypatch.setattr(guard, "read_tables", None)  # it is not asked here
    (found,) = guard.read_tables_guarded(data, "a.txt").values()
    np.testing.assert_allclose(found.values[:, 0], energy, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "data", "cheap"),
    [
        ("a.xyz", xyz(FERROCENE), True),
        ("a.xyz", LATTICE, False),
        ("a.cif", xyz(FERROCENE), False),
        ("a.xyz", xyz(FERROCENE) * 200, False),
    ],
)
def test_short_plain_files_alone_are_read_without_a_process(name, data, cheap):
    assert is_cheap(data, name) == cheap


@pytest.mark.parametrize(
    ("text", "number"), [("7", 7), (" 12 ", 12), ("0", 5), ("-3", 5), ("1e3", 5), ("", 5)]
)
def test_a_setting_is_a_whole_number_or_left_at_its_default(monkeypatch, text, number):
    monkeypatch.setenv("XANES_A_SETTING", text)
    assert whole_number("XANES_A_SETTING", 5) == number


def test_the_documents_have_every_setting(monkeypatch):
    text = (PROJECT / "docs" / "serving.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(XANES_\w+)` \| ([^|]+) \|", text, re.M))
    for name in told:
        monkeypatch.delenv(name, raising=False)
    reading, uploading = ReadLimits.of_environment(), UploadLimits.of_environment()
    wanted = {
        "XANES_READ_SECONDS": str(reading.seconds),
        "XANES_READ_MB": str(reading.memory_bytes // 2**20),
        "XANES_READERS": "processors, two at least",
        "XANES_UPLOAD_MB_SESSION": str(uploading.session_bytes // 2**20),
        "XANES_UPLOAD_MB_TOTAL": str(uploading.total_bytes // 2**20),
    }
    assert wanted.items() <= told.items()
    assert reading.processes == max(2, os.cpu_count())


# --- room for uploads ----------------------------------------------------------------------------


def test_a_session_has_so_much_room_and_all_together_have_so_much():
    here = Room(UploadLimits(session_bytes=10, total_bytes=25))
    assert here.refusal("a", 4, 6) == ""
    assert "remove others" in here.refusal("a", 5, 6)
    for name in "abc":
        here.keep(name, 8, lambda: True)
    assert here.taken() == 24
    assert here.refusal("c", 8, 1) == ""
    assert "many people use it" in here.refusal("d", 0, 2)


def test_the_room_of_a_session_that_is_gone_is_free():
    here, there = Room(UploadLimits(10, 10)), [True]
    here.keep("a", 10, lambda: there[0])
    assert "many people" in here.refusal("b", 0, 5)
    there.clear()
    there.append(False)
    assert here.refusal("b", 0, 5) == ""
    assert here.taken() == 0


# --- pages ---------------------------------------------------------------------------------------

MANY = bulk("Fe", "bcc", a=2.87, cubic=True) * (4, 4, 4)
MANY.positions += np.random.default_rng(0).normal(scale=0.1, size=MANY.positions.shape)


def test_a_hostile_file_leaves_the_others_of_the_batch(app):  # noqa: F811
    hostile = b'1\nLattice="0.01 0 0 0 9 0 0 0 9" pbc="T F F"\nFe 0 0 0\n'
    upload(app, ("bad.extxyz", hostile), ("good.extxyz", LATTICE), ("plain.xyz", xyz(FERROCENE)))
    assert not app.exception
    assert "too small for 1 atoms" in texts(app.warning)
    assert app.selectbox(key="entry_select").options == ["good.extxyz", "plain.xyz"]


def test_a_person_chooses_where_hundreds_differ(app):  # noqa: F811
    upload(app, ("many.xyz", xyz(Atoms(MANY.numbers, MANY.positions))))
    assert not app.exception
    (box,) = [box for box in app.selectbox if box.key.startswith("absorber_")]
    assert len(box.options) == 128
    assert not any("average" in option for option in box.options)
    assert "128 Fe atoms differ in their surroundings: choose one" in texts(app.caption)
    assert len(trace(app, "Network").y) == 226


def test_too_much_in_one_session_is_refused_and_what_was_there_stays(app):  # noqa: F811
    first, second = xyz(FERROCENE), xyz(FERROCENE) + b"\n"
    before, room().limits = room().limits, UploadLimits(len(first) + 10, 10**9)
    try:
        upload(app, ("a.xyz", first))
        upload(app, ("a.xyz", first), ("b.xyz", second))
        assert not app.exception
        assert "no room left for this one: remove others" in texts(app.warning)
        assert len(trace(app, "Network").y) == 226
        upload(app)
        upload(app, ("b.xyz", second[:-1]))
        assert "no room" not in texts(app.warning)
    finally:
        room().limits = before

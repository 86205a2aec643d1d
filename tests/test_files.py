"""Nobody ever sees half a file."""

import csv
import hashlib
import io
import os
import stat

import numpy as np
import pytest

from xanes_core import files
from xanes_core.files import csv_text, read_arrays, sha256_of, text_of, write_bytes


def test_written_file_holds_the_bytes_and_others_may_read_it(tmp_path):
    target = tmp_path / "new" / "folder" / "data.bin"
    assert write_bytes(str(target), b"\x00\xff") == target
    assert target.read_bytes() == b"\x00\xff"
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert os.listdir(target.parent) == ["data.bin"]


def test_an_existing_file_is_replaced(tmp_path):
    target = tmp_path / "data.bin"
    for content in (b"long content", b"", b"x"):
        write_bytes(target, content)
        assert target.read_bytes() == content


@pytest.mark.parametrize("step", ["replace", "chmod"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt("stopped")])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step, error):
    target = tmp_path / "data.bin"
    write_bytes(target, b"old")

    def fail(*_):
        raise error

    monkeypatch.setattr(files.os, step, fail)
    with pytest.raises(type(error), match=r"disk full|stopped"):
        write_bytes(target, b"new")
    monkeypatch.undo()
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["data.bin"]


def test_a_failure_while_writing_leaves_nothing(tmp_path):
    with pytest.raises(TypeError, match="bytes-like object is required"):
        write_bytes(tmp_path / "data.bin", "text")
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_a_file_is_an_os_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        write_bytes(tmp_path / "file" / "data.bin", b"")


def test_sha256():
    assert sha256_of(b"abc") == hashlib.sha256(b"abc").hexdigest()
    assert sha256_of(b"").startswith("e3b0c44298fc1c14")


def archive(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def test_arrays_round_trip():
    found = read_arrays(archive(a=np.arange(3), b=np.array("text")))
    assert sorted(found) == ["a", "b"]
    np.testing.assert_array_equal(found["a"], [0, 1, 2])


def single_array():
    buffer = io.BytesIO()
    np.save(buffer, np.ones(3))
    return buffer.getvalue()


GOOD = archive(a=np.arange(1000.0))


@pytest.mark.parametrize(
    "data",
    [b"", b"text", GOOD[:100], GOOD[:-30], GOOD[:60] + b"x" * 20 + GOOD[80:], single_array()],
)
def test_damaged_archives_are_refused(data):
    with pytest.raises(ValueError, match="no readable npz archive"):
        read_arrays(data)


def test_archives_with_python_objects_are_refused():
    with pytest.raises(ValueError, match=r"no readable npz archive.*pickle"):
        read_arrays(archive(a=np.array([{}], dtype=object)))


TEXT = "3\ngemörsert bei 20 °C\nFe 0 0 0\n"


@pytest.mark.parametrize(
    "encoding",
    [
        *("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"),
        *("latin-1", "cp1252"),
    ],
)
def test_text_in_every_encoding_that_people_send(encoding):
    assert text_of(TEXT.encode(encoding)) == TEXT


@pytest.mark.parametrize("order", ["le", "be"])
def test_marks_of_both_byte_orders(order):
    for width in (16, 32):
        assert text_of(f"\ufeff{TEXT}".encode(f"utf-{width}-{order}")) == TEXT


def test_bytes_that_are_no_text_become_characters():
    assert text_of(b"") == ""
    assert text_of(b"\x81\xfc") == "\x81ü"  # no character of Windows-1252
    assert text_of(bytes(range(1, 256))).startswith("\x01\x02")
    assert text_of(b"\xff\xfea\0b") == "a\ufffd"  # cut in the middle of a character
    assert "\0" in text_of(bytes(100))


# --- tables --------------------------------------------------------------------------------------


def test_a_table_is_one_line_per_row():
    rows = [("name", "value"), ("a,b", 1.5), ('say "no"', None), ("two\r\nlines", -3)]
    assert csv_text(rows) == 'name,value\n"a,b",1.5\n"say ""no""",\ntwo lines,-3\n'
    assert csv_text([]) == ""
    assert csv_text(iter([["G2[N/O] mu=2.12 A"]])) == "G2[N/O] mu=2.12 A\n"


@pytest.mark.parametrize(
    "text", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "-", "-1-1", "\t=1", "\n@A1", "+e5"]
)
def test_no_cell_is_a_formula(text):
    (row,) = csv.reader(io.StringIO(csv_text([[text]])))
    assert row == ["'" + text.strip()]


@pytest.mark.parametrize(
    "number", ["-5", "+3.5", "-1.2e-05", "-.5", "-7.", "-inf", "+1E6", -2.5, np.float64(-1e-9)]
)
def test_numbers_stay_numbers(number):
    (row,) = csv.reader(io.StringIO(csv_text([[number]])))
    assert float(row[0]) == float(number)
    assert row[0] == str(number)

"""Scratch folders: cleared away, swept where a process was killed, and full disks told as such."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from xanes_core.errors import SetupError, TheoryError
from xanes_core.theory.feff10_io import explain_failure
from xanes_core.theory.scratch import full_disk, lack_of_room, scratch_folder, sweep

#: Makes a scratch folder, says its name, and waits to be killed.
HOLDER = """
import sys, time
from xanes_core.theory.scratch import scratch_folder
with scratch_folder(parent=sys.argv[1]) as folder:
    (folder / "pot.bin").write_bytes(b"half")
    print(folder.name, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """A process with a scratch folder, and the name of this."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process, process.stdout.readline().strip()
        process.kill()


def test_a_folder_and_its_lock_are_cleared_away(tmp_path):
    with scratch_folder(parent=tmp_path) as folder:
        assert list(folder.iterdir()) == []
        (folder / "feff.inp").write_text("x")
        assert len(list(tmp_path.iterdir())) == 2
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="it fails"), scratch_folder(parent=tmp_path):
        raise ValueError("it fails")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_swept_by_the_next_one(holder, tmp_path):
    process, name = holder
    with scratch_folder(parent=tmp_path):
        assert sweep(tmp_path) == []  # both are in use
        assert (tmp_path / name / "pot.bin").is_file()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / name / "pot.bin").is_file()
    with scratch_folder(parent=tmp_path):
        assert not (tmp_path / name).exists()
    assert list(tmp_path.iterdir()) == []


def test_other_files_stay(tmp_path):
    kept = [tmp_path / name for name in ("xanes-theory-note", "other")]
    (tmp_path / "elsewhere").mkdir()
    kept[0].write_text("not a folder")
    kept[1].mkdir()
    os.symlink(tmp_path / "elsewhere", tmp_path / "xanes-relax-link")
    (tmp_path / "xanes-relax-old").mkdir()
    now = (tmp_path / "xanes-relax-old").stat().st_mtime
    assert sweep(tmp_path, now_s=now + 3600) == []
    assert sweep(tmp_path, now_s=now + 100_000) == ["xanes-relax-old"]
    assert all(path.exists() for path in (*kept, tmp_path / "elsewhere"))
    assert sweep(tmp_path / "nowhere") == []


def test_a_folder_that_cannot_be_made_is_the_fault_of_the_machine(tmp_path):
    with (
        pytest.raises(SetupError, match=r"no room in .*nowhere.*name another folder in TMPDIR"),
        scratch_folder(parent=tmp_path / "nowhere"),
    ):
        pass


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "quota"), (errno.EROFS, "only be read")],
)
def test_what_is_wrong_with_a_disk_is_said_in_words(number, said, tmp_path):
    text = full_disk(OSError(number, "strange"), tmp_path / "xanes-theory-abc")
    assert said in text
    assert str(tmp_path) in text
    assert "xanes-theory" not in text


def test_room_is_asked_for_by_writing(tmp_path):
    assert lack_of_room(tmp_path) == ""
    assert list(tmp_path.iterdir()) == []
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000));"
        "from xanes_core.theory.scratch import lack_of_room; print(lack_of_room(sys.argv[1]))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert f"calculations have no room in {tmp_path}: File too large" in told.stdout


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (
            "forrtl: No space left on device\nforrtl: severe (38): error during write, unit 3\n"
            "Image              PC                Routine            Line        Source\n"
            "_feff10.abi3.so    00007F12D51DBF6B  Unknown               Unknown  Unknown\n",
            "No space left on device",
        ),
        (
            "At line 12 of file x.f90\nFortran runtime error: End of file\n\nError termination. "
            "Backtrace:\n#0  0x7f131b4a71f5\n#1  0x7f131b5278ec\n",
            "End of file",
        ),
        ("reading\nlibc.so.6 00007F131B5278EC Unknown Unknown Unknown\n", "reading"),
    ],
)
def test_a_crash_is_told_without_addresses(log, words):
    assert explain_failure(log, "free atoms") == (
        f"FEFF10 stopped while it was at: free atoms; its last words: {words}"
    )


def test_the_error_of_the_machine_is_one_of_theory():
    assert issubclass(SetupError, TheoryError)

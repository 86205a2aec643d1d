"""Cutting files of any length into pieces."""

import zipfile

import pytest
from ase.build import molecule

from xanes_core.errors import StructureError
from xanes_core.structures.stream import stream_size, stream_structures

FRAME = "3\nwater {}\nO 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0\n"


def structures(*sources):
    return [
        (piece.file, number, one)
        for piece in stream_structures(sources)
        for number, one in piece.structures()
    ]


def test_frames_are_cut_as_they_are_written(tmp_path):
    file = tmp_path / "t.xyz"
    file.write_bytes(b"\xef\xbb\xbf" + (FRAME.format(0) + "\n\n" + FRAME.format(1)).encode())
    pieces = list(stream_structures([file]))
    assert [(piece.file, piece.first) for piece in pieces] == [("t.xyz", 0), ("t.xyz", 1)]
    assert pieces[-1].end_byte == stream_size([file]) == file.stat().st_size
    assert pieces[1].data.decode() == FRAME.format(1)
    wanted = molecule("H2O").get_chemical_symbols()
    assert [one.get_chemical_symbols() for _, _, one in structures(file)] == [wanted, wanted]


def test_folders_zips_and_files_follow_each_other(tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    for name in ("b.xyz", "a.xyz", "notes.pdf"):
        (folder / name).write_text(FRAME.format(name) * 2)
    packed = tmp_path / "z.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("deep/c.xyz", FRAME)
    bare = tmp_path / "bare.xyz"
    bare.write_text("O 0 0 0\nH 0.96 0 0\n")  # no count: read as a whole
    found = structures(folder, packed, bare)
    places = [("a.xyz", 0), ("a.xyz", 1), ("b.xyz", 0), ("b.xyz", 1), ("deep/c.xyz", 0)]
    assert [(file, number) for file, number, _ in found] == [*places, ("bare.xyz", 0)]
    ends = [piece.end_byte for piece in stream_structures([folder, packed, bare])]
    assert ends == sorted(ends)
    assert ends[-1] == stream_size([folder, packed, bare])


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("three\nx\nO 0 0 0\n", "Frame 1 does not begin with its number of atoms"),
        ("99999999999\nx\n", "Frame 1 announces more than 10,000 atoms"),
        ("2\nx\nO 0 0 0\nH 0 0 zero\n", "zero"),
        ("3\nx\nO 0 0 0\n", "3 atoms"),
    ],
)
def test_a_frame_that_is_wrong_takes_no_earlier_one_along(tmp_path, rest, message):
    file = tmp_path / "t.xyz"
    file.write_text(FRAME + rest)
    (_, zero, sound), (_, one, error) = structures(file)
    assert (zero, one) == (0, 1)
    assert len(sound) == 3
    assert isinstance(error, StructureError)
    assert message in str(error)


def test_what_cannot_be_read_says_so(tmp_path):
    damaged = tmp_path / "z.zip"
    damaged.write_bytes(b"PK no zip")
    large = tmp_path / "large.cif"
    with large.open("wb") as stream:
        stream.truncate(65 * 2**20)
    for file, message in ((damaged, "cannot be read as a zip"), (large, "larger than 64 MiB")):
        ((_, _, error),) = structures(file)
        assert message in str(error)
    with pytest.raises(StructureError, match=r"There is no file none\.xyz"):
        list(stream_structures([tmp_path / "none.xyz"]))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(StructureError, match="folder empty holds no structure file"):
        stream_size([empty])


def test_a_long_trajectory_is_never_in_memory(tmp_path):
    import tracemalloc

    file = tmp_path / "long.xyz"
    file.write_text(FRAME * 20_000)
    tracemalloc.start()
    count = sum(piece.first == number for number, piece in enumerate(stream_structures([file])))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_000
    assert peak < file.stat().st_size / 4

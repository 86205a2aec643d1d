"""A zip of structures is read in memory, and what does not belong in one is refused."""

import io
import stat
import zipfile

import pytest

from xanes_core.errors import StructureError
from xanes_core.structures.archive import read_archive

XYZ = b"1\n\nFe 0 0 0\n"


def packed(*files, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return buffer.getvalue()


def test_structure_files_come_by_name_and_others_are_counted():
    data = packed(
        ("b/two.xyz", XYZ), ("./a.cif", b"data_"), ("POSCAR", b"x"), ("readme.md", b""),
        ("b/", b""), ("__MACOSX/._a.cif", b"x"), ("b/.hidden.xyz", b"x"), ("b\\three.xyz", XYZ),
    )  # fmt: skip
    found = read_archive(data)
    assert [m.name for m in found.members] == ["POSCAR", "a.cif", "b/three.xyz", "b/two.xyz"]
    assert found.members[-1].data == XYZ
    assert found.left_out == 1


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ([("../a.xyz", XYZ)], "leads out of it"),
        ([("a/../../b.xyz", XYZ)], "leads out of it"),
        ([("/etc/a.xyz", XYZ)], "leads out of it"),
        ([("C:\\a.xyz", XYZ)], "leads out of it"),
        ([("a.xyz", XYZ), ("more.ZIP", packed(("a.xyz", XYZ)))], "another archive"),
        ([("a.xyz", XYZ), ("more.tar.gz", b"")], "another archive"),
        ([("readme.md", b"x")], "no structure file"),
        ([], "no structure file"),
    ],
)
def test_what_has_no_place_in_a_zip_is_refused(files, why):
    with pytest.raises(StructureError, match=why):
        read_archive(packed(*files))


def test_a_bomb_is_stopped_by_what_it_holds_not_by_what_it_says():
    bomb = packed(*((f"{n}.xyz", b"0" * 1_000_000) for n in range(4)))
    assert len(bomb) < 10_000
    with pytest.raises(StructureError, match="more than 2 MiB of structures"):
        read_archive(bomb, max_bytes=2 * 2**20)
    assert len(read_archive(bomb, max_bytes=4_000_000).members) == 4


def test_too_many_files_are_refused():
    data = packed(*((f"{n}.xyz", XYZ) for n in range(5)))
    with pytest.raises(StructureError, match="5 structure files, more than 4"):
        read_archive(data, max_members=4)
    crowd = packed(*((f"{n}.md", b"") for n in range(20_001)), method=zipfile.ZIP_STORED)
    with pytest.raises(StructureError, match="more than 20,000 entries"):
        read_archive(crowd)


def test_a_link_is_refused():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("a.xyz")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(StructureError, match="holds a link"):
        read_archive(buffer.getvalue())


def test_an_encrypted_zip_is_refused():
    data = bytearray(packed(("a.xyz", XYZ)))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    with pytest.raises(StructureError, match="without a password"):
        read_archive(bytes(data))


def test_a_rare_method_is_refused():
    with pytest.raises(StructureError, match="by a method that is not read here"):
        read_archive(packed(("a.xyz", XYZ), method=zipfile.ZIP_BZIP2))


@pytest.mark.parametrize(
    "data",
    [b"", b"no zip", packed(("a.xyz", XYZ * 50))[:-30]],
    ids=["empty", "no zip", "cut off"],
)
def test_what_is_no_zip_is_said(data):
    with pytest.raises(StructureError, match="cannot be read as a zip"):
        read_archive(data)


def test_a_damaged_member_is_said():
    data = bytearray(packed(("a.xyz", XYZ * 100)))
    data[45:60] = b"\xff" * 15
    with pytest.raises(StructureError, match="damaged"):
        read_archive(bytes(data))

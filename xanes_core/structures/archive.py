"""Structure files in a zip, read in memory and never written: names are names, never paths.

A zip can announce less than it holds, so sizes are counted while it is read.
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from dataclasses import dataclass

from xanes_core.errors import StructureError
from xanes_core.structures.limits import MAX_BYTES
from xanes_core.structures.read import is_structure_name

#: Most structure files that one zip may hold.
MAX_MEMBERS = 500
#: Most entries of any kind: folders and other files are passed over, not read.
_MAX_ENTRIES = 20_000
_STEP_BYTES = 1024 * 1024
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class ArchiveMember:
    """A structure file of a zip.

    Attributes
    ----------
    name : str
        Its path in the zip, for people to read: never a place on a disk.
    data : bytes
        What it holds.
    """

    name: str
    data: bytes


@dataclass(frozen=True)
class Archive:
    """What a zip holds for us.

    Attributes
    ----------
    members : tuple of ArchiveMember
        Structure files in the order of their names.
    left_out : int
        Other files, by their names no structures.
    """

    members: tuple[ArchiveMember, ...]
    left_out: int


def read_archive(
    data: bytes, *, max_bytes: int = MAX_BYTES, max_members: int = MAX_MEMBERS
) -> Archive:
    """Structure files of a zip.

    Parameters
    ----------
    data : bytes
        The zip.
    max_bytes : int, optional
        Most bytes that its structure files may hold together, unpacked.
    max_members : int, optional
        Most structure files.

    Raises
    ------
    StructureError
        It is no zip or a damaged one; it holds another archive, encrypted files, links, paths that
        lead out of it, too many files or too many bytes, or no structure.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            if len(infos) > _MAX_ENTRIES:
                raise StructureError(
                    f"The zip has more than {_MAX_ENTRIES:,} entries: pack the structures alone."
                )
            files = [i for i in infos if not i.is_dir() and not _is_hidden(i.filename)]
            wanted = [info for info in files if is_structure_name(_plain_name(info))]
            if len(wanted) > max_members:
                raise StructureError(
                    f"The zip holds {len(wanted)} structure files, more than {max_members}: split "
                    "it into parts."
                )
            if not wanted:
                raise StructureError(
                    "The zip holds no structure file: check the extensions of the files in it."
                )
            members, room = [], max_bytes
            for info in sorted(wanted, key=_plain_name):
                content = _unpack(archive, info, room, max_bytes)
                room -= len(content)
                members.append(ArchiveMember(_plain_name(info), content))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise StructureError(
            "The file cannot be read as a zip: it is damaged or of another kind; pack it again."
        ) from error
    return Archive(tuple(members), len(files) - len(wanted))


def _plain_name(info: zipfile.ZipInfo) -> str:
    """Path of an entry with plain slashes, or a refusal of what has no place in a zip."""
    name = info.filename.replace("\\", "/")
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or ":" in parts[0] or "\0" in name:
        raise StructureError(
            "The zip holds a path that leads out of it: pack the files by their plain names."
        )
    if stat.S_ISLNK(info.external_attr >> 16):
        raise StructureError("The zip holds a link: pack the files themselves.")
    if name.lower().endswith(_ARCHIVES):
        raise StructureError(
            "The zip holds another archive: unpack that one and pack its files directly."
        )
    if info.flag_bits & 0x1:
        raise StructureError("The zip is encrypted: pack it without a password.")
    return "/".join(part for part in parts if part not in ("", "."))


def _is_hidden(name: str) -> bool:
    """Whether an entry is what file managers leave behind, such as ``__MACOSX/._a.xyz``."""
    return any(
        part.startswith("__MACOSX") or (part.startswith(".") and part.strip("."))
        for part in name.replace("\\", "/").split("/")
    )


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, room: int, limit: int) -> bytes:
    if info.compress_type not in _METHODS:
        raise StructureError(
            "The zip is packed by a method that is not read here: pack it the usual way (deflate)."
        )
    content = bytearray()
    with archive.open(info) as member:
        while step := member.read(_STEP_BYTES):
            content += step
            if len(content) > room:
                raise StructureError(
                    f"The zip holds more than {limit // 2**20} MiB of structures: split it into "
                    "parts."
                )
    return bytes(content)

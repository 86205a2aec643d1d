"""Structures one after the other, from files of any length, without reading them whole.

A trajectory of 100,000 frames is cut at its frames and not yet read: that is left to those who
take the pieces, in other processes where there are any.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms

from xanes_core.errors import StructureError
from xanes_core.structures.archive import read_archive
from xanes_core.structures.limits import MAX_ATOMS, MAX_BYTES
from xanes_core.structures.read import is_structure_name, read_structures

#: Longest line of a frame that is cut out.
_MAX_LINE = 10_000


@dataclass(frozen=True)
class Piece:
    """Part of a file, still as it is written there.

    Attributes
    ----------
    file : str
        Name of the file, or its path in the zip.
    first : int
        Number of its first frame in the file, from 0.
    data : bytes
        One frame of a trajectory, or a file as a whole.
    end_byte : int
        Bytes of all sources up to its end, to tell how much is done.
    broken : str
        Why there is no structure here; empty where there is one.
    """

    file: str
    first: int
    data: bytes
    end_byte: int
    broken: str = ""

    def structures(self) -> list[tuple[int, Atoms | StructureError]]:
        """Frame number and structure, or the reason why there is none."""
        if self.broken:
            return [(self.first, StructureError(self.broken))]
        try:
            found = read_structures(self.data, name=self.file)
        except StructureError as error:
            return [(self.first, error)]
        return list(enumerate(found, start=self.first))


def stream_structures(sources: Sequence[str | os.PathLike[str]]) -> Iterator[Piece]:
    """Cut files, folders and zips into pieces, in order; at no time is more than one in memory.

    Parameters
    ----------
    sources : sequence of path
        Structure files; folders, of which the structure files are taken in the order of their
        names; zips. An xyz file is cut at its frames and may be of any size, of other formats and
        of zips the limits of :func:`~xanes_core.structures.read_structures` and
        :func:`~xanes_core.structures.read_archive` hold.

    Yields
    ------
    Piece
        One that cannot be read says so and takes no other along.

    Raises
    ------
    StructureError
        A source is not there, cannot be opened, or a folder holds no structure file.
    """
    done = 0
    for file in stream_files(sources):
        size = file.stat().st_size
        if file.suffix.lower() == ".zip":
            pieces = _of_zip(file)
        elif file.suffix.lower() in (".xyz", ".extxyz"):
            pieces = _of_xyz(file)
        else:
            pieces = iter([_whole(file)])
        for piece in pieces:
            yield Piece(piece.file, piece.first, piece.data, done + piece.end_byte, piece.broken)
        done += size


def stream_size(sources: Sequence[str | os.PathLike[str]]) -> int:
    """Bytes of all the files that :func:`stream_structures` would read.

    Raises
    ------
    StructureError
        As there.
    """
    return sum(file.stat().st_size for file in stream_files(sources))


def stream_files(sources: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """Files that :func:`stream_structures` reads, in order.

    Raises
    ------
    StructureError
        As there.
    """
    files: list[Path] = []
    for source in sources:
        path = Path(source)
        if path.is_dir():
            own = sorted(p for p in path.iterdir() if p.is_file() and is_structure_name(p.name))
            if not own:
                raise StructureError(f"The folder {path.name} holds no structure file.")
            files += own
        elif path.is_file():
            files.append(path)
        else:
            raise StructureError(f"There is no file {path.name}: check the path of the structure.")
    return files


def _whole(file: Path) -> Piece:
    size = file.stat().st_size
    if size > MAX_BYTES:
        return Piece(
            file.name, 0, b"", size,
            f"{file.name} is larger than {MAX_BYTES // 2**20} MiB: split it or write it as xyz.",
        )  # fmt: skip
    return Piece(file.name, 0, file.read_bytes(), size)


def _of_zip(file: Path) -> Iterator[Piece]:
    size = file.stat().st_size
    if size > MAX_BYTES:
        yield _whole(file)
        return
    try:
        members = read_archive(file.read_bytes()).members
    except StructureError as error:
        yield Piece(file.name, 0, b"", size, str(error))
        return
    for number, member in enumerate(members, start=1):
        yield Piece(member.name, 0, member.data, size * number // len(members))


def _of_xyz(file: Path) -> Iterator[Piece]:
    """Frames of an xyz file; where one has no count of its atoms the rest of the file is lost."""
    number = 0
    with file.open("rb") as stream:
        while line := stream.readline(_MAX_LINE):
            word = line.removeprefix(b"\xef\xbb\xbf").strip()
            if not word:
                continue
            if not word.isdigit():
                if number == 0 and file.stat().st_size <= MAX_BYTES:  # lines of atoms alone, or so
                    yield _whole(file)
                    return
                yield Piece(
                    file.name, number, b"", file.stat().st_size,
                    f"Frame {number} does not begin with its number of atoms; it and what follows "
                    "in the file were left out.",
                )  # fmt: skip
                return
            if int(word[:9]) > MAX_ATOMS:
                yield Piece(
                    file.name, number, b"", file.stat().st_size,
                    f"Frame {number} announces more than {MAX_ATOMS:,} atoms; it and what follows "
                    "in the file were left out.",
                )  # fmt: skip
                return
            lines = [word + b"\n"]
            lines += [stream.readline(_MAX_LINE) for _ in range(int(word) + 1)]
            yield Piece(file.name, number, b"".join(lines), stream.tell())
            number += 1

"""Reading structure files: bytes in, checked ``Atoms`` out."""

from __future__ import annotations

import os
from pathlib import Path

from ase import Atoms

from xanes_core.errors import StructureError
from xanes_core.structure_checks import validate_structure
from xanes_core.structure_parsers import atoms_of_lines, looks_headless, read_headless, split_xyz
from xanes_core.structure_text import decode_text

STRUCTURE_FORMATS = ("xyz", "cif", "mol", "pdb", "vasp", "gen", "fdmnes", "feff")
STRUCTURE_EXTENSIONS = (
    "xyz", "extxyz", "cif", "mol", "sdf", "pdb", "ent", "vasp", "poscar", "contcar", "gen",
    "inp", "txt",
)  # fmt: skip


def read_structures(
    source: str | os.PathLike | bytes, *, name: str | None = None, format: str | None = None
) -> list[Atoms]:
    """Read every frame of a structure file (first version: xyz and extended xyz)."""
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    lines = decode_text(data).split("\n")
    if looks_headless(lines):
        frames = [read_headless(lines)]
    else:
        frames = [atoms_of_lines(body[1:], first) for first, body in split_xyz(lines)]
    for atoms in frames:
        validate_structure(atoms)
    if not frames:
        raise StructureError("The file holds no structure.")
    return frames

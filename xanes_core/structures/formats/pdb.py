"""Structures as the Protein Data Bank writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from ase import Atoms

from xanes_core.structures.formats.macromolecule import (
    ASYMMETRIC_UNIT_NOTE,
    ModelAtom,
    one_conformer,
)
from xanes_core.structures.formats.symmetry import cell_of_parameters
from xanes_core.structures.formats.text import (
    UNFINISHED_NOTE,
    is_number,
    parse_number,
    parse_symbol,
    refuse_many,
    symbol_or_none,
)

_AMINO_ACIDS = frozenset((
    "ALA", "ARG", "ASH", "ASN", "ASP", "CYS", "CYX", "GLH", "GLN", "GLU", "GLY", "HID", "HIE",
    "HIP", "HIS", "ILE", "LEU", "LYN", "LYS", "MET", "PHE", "PRO", "SER", "THR", "TRP", "TYR",
    "VAL",
))  # fmt: skip


def is_pdb(lines: list[str]) -> bool:
    """Whether a file has an ATOM or HETATM record."""
    return any(re.match(r"(ATOM  |HETATM)[\s\d*A-Za-z]{5}", line) for line in lines)


def read_pdb(lines: list[str]) -> Iterator[Atoms]:
    """Models of a pdb file.

    A cell is taken as periodic only for space group P 1: for any other the file holds the
    asymmetric unit alone, which is read as a molecule (``info["notes"]`` says so). Of alternate
    conformers the major one is kept.
    """
    cell, note = None, ""
    rows: list[tuple[int, str]] = []
    for number, line in enumerate([*lines, "EOF"], start=1):
        record = line[:6].upper().rstrip()
        if record == "CRYST1":
            cell, note = _cryst1(line, f"Line {number}")
        elif record in ("ATOM", "HETATM"):
            rows.append((number, line))
        elif record in ("MODEL", "ENDMDL", "END", "EOF") and rows:
            refuse_many(len(rows))
            if record == "EOF":
                note = f"{note} {UNFINISHED_NOTE}".strip()
            yield _pdb_model(rows, cell, note)
            rows = []


def _pdb_model(rows: list[tuple[int, str]], cell: np.ndarray | None, note: str) -> Atoms:
    listed = []
    for number, line in rows:
        where = f"Line {number}"
        x, y, z = (parse_number(line[i : i + 8].strip(), where) for i in (30, 38, 46))
        occupancy = line[54:60].strip()
        listed.append(
            ModelAtom(
                symbol=_pdb_symbol(line, where),
                position_ang=(x, y, z),
                # 0.00 is what many programs write for "not given"
                occupancy=(parse_number(occupancy, where) if is_number(occupancy) else 0.0) or 1.0,
                conformer=line[16:17].strip(),
                residue=(line[21:22], line[22:26].strip(), line[26:27].strip()),
                name=line[12:16].strip(),
            )
        )
    atoms = one_conformer(listed, note=note)
    if cell is not None:
        atoms.cell, atoms.pbc = cell, True
    return atoms


def _pdb_symbol(line: str, where: str) -> str:
    """Element of columns 77-78, else by the rules for the atom name (columns 13-16)."""
    element = symbol_or_none(line[76:78].strip())
    if element:
        return element
    name = line[12:16].strip()
    letters = name.lstrip("0123456789")
    first, both = symbol_or_none(letters[:1]), symbol_or_none(letters[:2])
    residue = line[17:20].strip().upper()
    ion = letters.rstrip("0123456789").upper() == residue.rstrip("0123456789")
    if both and (ion or letters[1:2].islower()):
        return both
    long_hydrogen = len(name) == 4 and letters[:1].upper() == "H"
    in_protein = line[:6] == "ATOM  " and residue in _AMINO_ACIDS
    one_letter = line[12:13] in " 0123456789" and line[13:14] != " "
    if first and (long_hydrogen or in_protein or one_letter):
        return first
    if both or first:
        return str(both or first)
    return parse_symbol(name or line[76:78].strip(), where)


def _cryst1(line: str, where: str) -> tuple[np.ndarray | None, str]:
    fields = [line[6:15], line[15:24], line[24:33], line[33:40], line[40:47], line[47:54]]
    par = [parse_number(field.strip(), where) for field in fields]
    if max(par[:3]) <= 1.0:  # the format's way of saying "no crystal"
        return None, ""
    if line[55:66].replace(" ", "").upper() not in ("", "P1"):
        return None, ASYMMETRIC_UNIT_NOTE
    return cell_of_parameters(par, where), ""

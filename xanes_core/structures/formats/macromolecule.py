"""Proteins and other macromolecules: which of several conformers is kept, pdb and mmCIF alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from scipy.spatial import cKDTree

from xanes_core.constants import ABSORBERS
from xanes_core.errors import StructureError
from xanes_core.structures.formats.disorder import FULL_OCCUPANCY, OVERLAP_ANG, overlap_limits_ang
from xanes_core.structures.formats.text import (
    Note,
    parse_number,
    parse_symbol,
    quote,
    refuse_many,
)

if TYPE_CHECKING:
    from gemmi import cif

#: ``info["notes"]`` of a file in a space group other than P 1.
ASYMMETRIC_UNIT_NOTE = (
    "The pdb file holds the asymmetric unit of a crystal: it was read as a molecule, "
    "without neighbours made by symmetry."
)
#: Shares of alternatives of one atom come to no more than this.
_MOST_SHARES = 1.05
#: Farthest that overlapping atoms are looked for (A).
_REACH_ANG = 2.5
_COLUMNS = (
    "type_symbol", "Cartn_x", "Cartn_y", "Cartn_z", "?occupancy", "?label_alt_id",
    "?auth_asym_id", "?auth_seq_id", "?label_asym_id", "?label_seq_id", "?label_comp_id",
    "?pdbx_PDB_ins_code", "?pdbx_PDB_model_num", "?label_atom_id",
)  # fmt: skip


@dataclass(frozen=True)
class ModelAtom:
    """An atom of a macromolecule as a file lists it.

    Attributes
    ----------
    symbol : str
        Element.
    position_ang : tuple of float
        Coordinates (A).
    occupancy : float
        Share of the molecules in which it is there.
    conformer : str
        Letter of its alternate location, "" where there is one only.
    residue : tuple of str
        Chain and number: conformers of one residue are alternatives to each other.
    name : str
        For messages.
    """

    symbol: str
    position_ang: tuple[float, float, float]
    occupancy: float
    conformer: str
    residue: tuple[str, ...]
    name: str


def one_conformer(atoms: Sequence[ModelAtom], *, note: str = "") -> Atoms:
    """Molecule of the major conformer of every residue; the first where shares are equal.

    ``info["notes"]`` says what was left out, and which metals are there in a part of the molecules
    only.
    """
    shares: dict[tuple[str, ...], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for atom in atoms:
        if atom.conformer:
            shares[atom.residue][atom.conformer].append(atom.occupancy)
    major = {
        residue: max(
            sorted(conformers), key=lambda c: sum(conformers[c]) / len(conformers[c])
        )
        for residue, conformers in shares.items()
    }  # fmt: skip
    kept = [a for a in atoms if not a.conformer or a.conformer == major[a.residue]]
    kept = _without_overlaps(_each_name_once(kept))
    notes = [note] if note else []
    if len(kept) < len(atoms):
        notes.append(
            f"Of alternate conformers the major one was kept: {len(atoms) - len(kept)} atoms were "
            "left out."
        )
    partial = [a for a in kept if a.symbol in ABSORBERS and 0.0 < a.occupancy < FULL_OCCUPANCY]
    if partial:
        named = ", ".join(f"{a.symbol} ({a.occupancy:.2f})" for a in partial[:4])
        notes.append(f"Partly occupied in the file and taken as present: {named}.")
    info = {"notes": Note(" ".join(notes))} if notes else {}
    positions = [atom.position_ang for atom in kept]
    return Atoms([atom.symbol for atom in kept], positions=positions, info=info)


def _each_name_once(atoms: list[ModelAtom]) -> list[ModelAtom]:
    """The atoms without alternatives that a residue lists under one name, letter or not."""
    likeliest: dict[tuple[str, ...], int] = {}
    dropped: set[int] = set()
    for i, atom in enumerate(atoms):
        if not atom.conformer and atom.occupancy >= FULL_OCCUPANCY:
            continue  # many programs name the atoms of a molecule by their elements alone
        key = (*atom.residue, atom.name)
        rival = likeliest.get(key)
        if rival is not None and atom.occupancy + atoms[rival].occupancy < _MOST_SHARES:
            loser = i if atoms[rival].occupancy >= atom.occupancy else rival
            dropped.add(loser)
            likeliest[key] = rival if loser == i else i
        else:
            likeliest.setdefault(key, i)
    return [atom for i, atom in enumerate(atoms) if i not in dropped]


def _same_conformer(one: ModelAtom, other: ModelAtom) -> bool:
    """Whether two atoms are there together, as the letter of their conformer says."""
    alike = (one.conformer, one.residue) == (other.conformer, other.residue)
    return alike and bool(one.conformer)


def _without_overlaps(atoms: list[ModelAtom]) -> list[ModelAtom]:
    """The atoms without partly occupied ones that lie on a likelier one."""
    partial = [i for i, atom in enumerate(atoms) if atom.occupancy < FULL_OCCUPANCY]
    if not partial:
        return atoms
    tree = cKDTree([atom.position_ang for atom in atoms])
    dropped: set[int] = set()
    numbers = np.array([atomic_numbers[atom.symbol] for atom in atoms])
    for i in sorted(partial, key=lambda i: (atoms[i].occupancy, -i)):
        near = tree.query_ball_point(atoms[i].position_ang, _REACH_ANG)
        rivals = np.array([j for j in near if j != i and j not in dropped], dtype=int)
        if not len(rivals):
            continue
        shares = np.array([atoms[j].occupancy for j in rivals])
        apart = np.linalg.norm(
            np.array([atoms[j].position_ang for j in rivals]) - atoms[i].position_ang, axis=1
        )
        limit = overlap_limits_ang(numbers[[i]], numbers[rivals], atoms[i].occupancy, shares)
        together = [_same_conformer(atoms[i], atoms[j]) for j in rivals]
        limit = np.where(together, OVERLAP_ANG, limit)
        if ((apart < limit) & (numbers[rivals] > 1) & (numbers[i] > 1)).any():
            dropped.add(i)
    return [atom for i, atom in enumerate(atoms) if i not in dropped]


def read_mmcif_block(block: cif.Block) -> Iterator[Atoms]:
    """Models of an mmCIF block, each as a molecule: the asymmetric unit alone.

    Raises
    ------
    StructureError
        A column is missing, or a value is no number or no element.
    """
    if sum(item.loop is not None and _is_site_loop(item.loop.tags) for item in block) > 1:
        raise StructureError(
            "The mmCIF file has more than one loop of _atom_site: keep the one that holds."
        )
    table = block.find("_atom_site.", list(_COLUMNS))
    if not len(table):
        raise StructureError(
            "The mmCIF file lacks one of the columns _atom_site.type_symbol, Cartn_x, Cartn_y, "
            "Cartn_z: complete it."
        )
    models: dict[str, list[ModelAtom]] = defaultdict(list)
    for row in table:
        model = row.str(12) if row.has(12) else "1"
        models[model].append(_atom(row))
        refuse_many(len(models[model]))
    group = block.find_value("_symmetry.space_group_name_H-M") or "P1"
    plain_group = group.strip("'\" ").replace(" ", "").upper()
    note = "" if plain_group in ("", "?", ".", "P1") else ASYMMETRIC_UNIT_NOTE
    note = note.replace("pdb file", "mmCIF file")
    for rows in models.values():
        yield one_conformer(rows, note=note)


def _is_site_loop(tags: Sequence[str]) -> bool:
    return any(tag.lower().startswith("_atom_site.") for tag in tags)


def _atom(row: cif.Table.Row) -> ModelAtom:
    def text(column: int) -> str:
        value = row.str(column) if row.has(column) else ""
        return "" if value in ("?", ".") else value

    name = text(13) or text(0)
    where = f"Atom {quote(name)} of residue {quote(text(10) + ' ' + (text(7) or text(9)))}"
    x, y, z = (parse_number(text(axis), where) for axis in (1, 2, 3))
    return ModelAtom(
        symbol=parse_symbol(text(0), where),
        position_ang=(x, y, z),
        occupancy=parse_number(text(4), where) if text(4) else 1.0,
        conformer=text(5),
        residue=(text(6) or text(8), text(7) or text(9), text(11)),
        name=name,
    )

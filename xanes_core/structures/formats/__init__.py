"""Structure formats, a row each. A new one is a file of this folder and a row of ``FORMATS``.

A file whose library is slow to load imports it inside a function: everybody imports this table,
and most need none of these libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ase import Atoms

from xanes_core.errors import StructureError
from xanes_core.structures.formats.atoms_input import is_atoms_input, read_atoms_input
from xanes_core.structures.formats.cif import is_cif, read_cif
from xanes_core.structures.formats.fdmnes import is_fdmnes, read_fdmnes
from xanes_core.structures.formats.feff import is_feff, read_feff
from xanes_core.structures.formats.gen import is_gen, read_gen
from xanes_core.structures.formats.mol import is_mol, read_mol
from xanes_core.structures.formats.mol2 import is_mol2, read_mol2
from xanes_core.structures.formats.outputs import (
    is_gaussian,
    is_orca,
    is_xtb,
    read_gaussian,
    read_orca,
    read_xtb,
)
from xanes_core.structures.formats.pdb import is_pdb, read_pdb
from xanes_core.structures.formats.poscar import is_poscar, read_poscar
from xanes_core.structures.formats.shelx import is_shelx, read_shelx
from xanes_core.structures.formats.xyz import is_xyz, read_xyz


@dataclass(frozen=True)
class Format:
    """One structure format.

    Attributes
    ----------
    name : str
        What callers name it by.
    title : str
        The same in messages.
    extensions : tuple of str
        Of file names, in lower case without the dot; several formats may share one.
    looks : callable
        Whether the first lines of a file are those of this format.
    read : callable
        Lines in, frames out. A StructureError is raised for what makes the rest of the file
        unreadable, and handed out in place of a frame that is wrong by itself.
    synonyms : tuple of str
        Further names that callers may use.
    stems : tuple of str
        Beginnings of the file names that need no extension, in lower case.
    plain : bool
        Whether its files are bare numbers and symbols, which lines of other formats resemble: it
        is named last where a file is not what its name says.
    """

    name: str
    title: str
    extensions: tuple[str, ...]
    looks: Callable[[list[str]], bool]
    read: Callable[[list[str]], Iterator[Atoms] | Iterator[Atoms | StructureError]]
    synonyms: tuple[str, ...] = ()
    stems: tuple[str, ...] = ()
    plain: bool = False


#: Extensions that outputs of several programs share.
_OUTPUTS = ("out", "log")
#: In the order in which they are offered, and tried where several share an extension.
FORMATS = (
    Format("xyz", "xyz", ("xyz", "extxyz", "txt"), is_xyz, read_xyz, ("extxyz",), plain=True),
    Format("cif", "cif", ("cif", "mmcif", "mcif"), is_cif, read_cif, ("mmcif",)),
    Format("mol", "mol/sdf", ("mol", "sdf", "sd"), is_mol, read_mol, ("sdf",)),
    Format("pdb", "pdb", ("pdb", "ent"), is_pdb, read_pdb),
    Format(
        "vasp", "POSCAR", ("vasp", "poscar", "contcar"), is_poscar, read_poscar,
        stems=("poscar", "contcar"), plain=True,
    ),
    Format("mol2", "mol2", ("mol2",), is_mol2, read_mol2),
    Format("shelx", "SHELX", ("res", "ins"), is_shelx, read_shelx),
    Format("gaussian", "Gaussian output", _OUTPUTS, is_gaussian, read_gaussian),
    Format("orca", "ORCA output", _OUTPUTS, is_orca, read_orca),
    Format("xtb", "xTB output", _OUTPUTS, is_xtb, read_xtb),
    Format("gen", "gen", ("gen",), is_gen, read_gen),
    Format("atoms", "ATOMS input", ("atoms", "inp", "txt"), is_atoms_input, read_atoms_input),
    Format("fdmnes", "FDMNES input", ("fdmnes", "inp", "txt"), is_fdmnes, read_fdmnes),
    Format("feff", "FEFF input", ("feff", "inp", "txt"), is_feff, read_feff),
)  # fmt: skip

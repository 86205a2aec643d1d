"""Candidate complexes for the training set: drawing ligands and putting them around a metal.

Ligands come from the Cambridge Structural Database (kind ``assembled``) or from a table of small
ones (``simple``, ``oxo``) and are placed on ideal polyhedra by a rigid fit. Nothing is relaxed.
"""

from xanes_core.assembly.assembler import DEFAULT_SHARES, KINDS, Assembler
from xanes_core.assembly.breathing import breathe
from xanes_core.assembly.candidate import Candidate
from xanes_core.assembly.errors import AssemblyError
from xanes_core.assembly.ligands import available

__all__ = [
    "DEFAULT_SHARES",
    "KINDS",
    "Assembler",
    "AssemblyError",
    "Candidate",
    "available",
    "breathe",
]

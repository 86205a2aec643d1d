"""Candidate complexes for the training set: drawing ligands and putting them around a metal.

Ligands come from the Cambridge Structural Database (kind ``assembled``) or from a table of small
ones (``simple``, ``oxo``) and are placed on ideal polyhedra by a rigid fit. Nothing is relaxed.
"""

from xanes_core.dataset.assembly.assembler import DEFAULT_SHARES, KINDS, Assembler
from xanes_core.dataset.assembly.breathing import breathe
from xanes_core.dataset.assembly.candidate import CandidateComplex
from xanes_core.dataset.assembly.ligands import available
from xanes_core.errors import AssemblyError

__all__ = [
    "DEFAULT_SHARES",
    "KINDS",
    "Assembler",
    "AssemblyError",
    "CandidateComplex",
    "available",
    "breathe",
]

"""Atoms in, checked, with their absorber sites and what these see.

>>> from xanes_core.structures import read_structures, select_sites
>>> atoms = read_structures("ferrocene.xyz")[0]  # doctest: +SKIP
>>> select_sites(atoms, "Fe")  # doctest: +SKIP
"""

from xanes_core.structures.archive import Archive, ArchiveMember, read_archive
from xanes_core.structures.checks import (
    BROKEN_CONTACT,
    MIN_DISTANCE_ANG,
    ROUGH_CONTACT,
    check_contacts,
    closest_contact,
    validate_structure,
)
from xanes_core.structures.deform import Movable, apply_moves, cluster_around
from xanes_core.structures.environments import Environment, alike, each_environment, environment
from xanes_core.structures.examples import list_examples, load_example
from xanes_core.structures.first_shell import (
    FAMILIES,
    GEOMETRIES,
    Coordination,
    bond_limit_ang,
    coordination,
    coordination_number,
)
from xanes_core.structures.hydrogens import (
    MissingHydrogens,
    add_hydrogens,
    lacks_hydrogens,
    missing_hydrogens,
)
from xanes_core.structures.ligands import Ligand, find_ligands
from xanes_core.structures.limits import MAX_AVERAGED_SITES
from xanes_core.structures.movement import (
    LARGE_BOND_CHANGE_ANG,
    LARGE_RMSD_ANG,
    BondChange,
    Movement,
    compare_geometries,
)
from xanes_core.structures.moves import MOVE_KINDS, Move, parse_move
from xanes_core.structures.read import STRUCTURE_EXTENSIONS, STRUCTURE_FORMATS, read_structures
from xanes_core.structures.simple_ligands import SIMPLE_LIGANDS
from xanes_core.structures.sites import (
    Site,
    absorber_elements,
    absorber_sites,
    checked_index,
    select_sites,
)
from xanes_core.structures.stream import Piece, stream_files, stream_size, stream_structures
from xanes_core.structures.suggestions import (
    Suggestion,
    move_label,
    move_limits,
    suggest_moves,
)

__all__ = [
    "BROKEN_CONTACT",
    "FAMILIES",
    "GEOMETRIES",
    "LARGE_BOND_CHANGE_ANG",
    "LARGE_RMSD_ANG",
    "MAX_AVERAGED_SITES",
    "MIN_DISTANCE_ANG",
    "MOVE_KINDS",
    "ROUGH_CONTACT",
    "SIMPLE_LIGANDS",
    "STRUCTURE_EXTENSIONS",
    "STRUCTURE_FORMATS",
    "Archive",
    "ArchiveMember",
    "BondChange",
    "Coordination",
    "Environment",
    "Ligand",
    "MissingHydrogens",
    "Movable",
    "Move",
    "Movement",
    "Piece",
    "Site",
    "Suggestion",
    "absorber_elements",
    "absorber_sites",
    "add_hydrogens",
    "alike",
    "apply_moves",
    "bond_limit_ang",
    "check_contacts",
    "checked_index",
    "closest_contact",
    "cluster_around",
    "compare_geometries",
    "coordination",
    "coordination_number",
    "each_environment",
    "environment",
    "find_ligands",
    "lacks_hydrogens",
    "list_examples",
    "load_example",
    "missing_hydrogens",
    "move_label",
    "move_limits",
    "parse_move",
    "read_archive",
    "read_structures",
    "select_sites",
    "stream_files",
    "stream_size",
    "stream_structures",
    "suggest_moves",
    "validate_structure",
]  # fmt: skip

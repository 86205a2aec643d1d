"""Atoms in, checked, with their absorber sites and what these see.

>>> from xanes_core.structures import read_structures, select_sites
>>> atoms = read_structures("ferrocene.xyz")[0]  # doctest: +SKIP
>>> select_sites(atoms, "Fe")  # doctest: +SKIP
"""

from xanes_core.structures.checks import (
    BROKEN_CONTACT,
    MIN_DISTANCE_ANG,
    ROUGH_CONTACT,
    check_contacts,
    closest_contact,
    validate_structure,
)
from xanes_core.structures.environments import Environment, environment
from xanes_core.structures.examples import list_examples, load_example
from xanes_core.structures.first_shell import (
    FAMILIES,
    GEOMETRIES,
    Coordination,
    bond_limit_ang,
    coordination,
    coordination_number,
)
from xanes_core.structures.movement import (
    LARGE_BOND_CHANGE_ANG,
    LARGE_RMSD_ANG,
    BondChange,
    Movement,
    compare_geometries,
)
from xanes_core.structures.read import STRUCTURE_EXTENSIONS, STRUCTURE_FORMATS, read_structures
from xanes_core.structures.sites import (
    Site,
    absorber_elements,
    absorber_sites,
    checked_index,
    select_sites,
)

__all__ = [
    "BROKEN_CONTACT",
    "FAMILIES",
    "GEOMETRIES",
    "LARGE_BOND_CHANGE_ANG",
    "LARGE_RMSD_ANG",
    "MIN_DISTANCE_ANG",
    "ROUGH_CONTACT",
    "STRUCTURE_EXTENSIONS",
    "STRUCTURE_FORMATS",
    "BondChange",
    "Coordination",
    "Environment",
    "Movement",
    "Site",
    "absorber_elements",
    "absorber_sites",
    "bond_limit_ang",
    "check_contacts",
    "checked_index",
    "closest_contact",
    "compare_geometries",
    "coordination",
    "coordination_number",
    "environment",
    "list_examples",
    "load_example",
    "read_structures",
    "select_sites",
    "validate_structure",
]  # fmt: skip

"""A structure as a vector.

>>> from xanes_core.descriptors import WACSF
>>> WACSF.xanesnet().n_features
97
"""

from xanes_core.descriptors.descriptor import (
    CONVENTIONS,
    Descriptor,
    absorbers_of,
    descriptor_by_name,
)
from xanes_core.descriptors.joined import Joined
from xanes_core.descriptors.paths import Paths
from xanes_core.descriptors.phases import (
    ENERGY_EV,
    L_MAX,
    LEVEL_EV,
    SHIPPED_PHASES,
    WIDTH_EV,
    PhaseTable,
    matched,
    read_phases,
    shipped_phases,
)
from xanes_core.descriptors.scattering import Scattering
from xanes_core.descriptors.wacsf import SPECIES_GROUPS, WACSF

__all__ = [
    "CONVENTIONS", "ENERGY_EV", "LEVEL_EV", "L_MAX", "SHIPPED_PHASES", "SPECIES_GROUPS", "WACSF",
    "WIDTH_EV", "Descriptor", "Joined", "Paths", "PhaseTable", "Scattering", "absorbers_of",
    "descriptor_by_name", "matched", "read_phases", "shipped_phases",
]  # fmt: skip

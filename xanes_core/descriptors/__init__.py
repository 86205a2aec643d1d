"""A structure as a vector.

>>> from xanes_core.descriptors import WACSF
>>> WACSF.xanesnet().n_features
97
"""

from xanes_core.descriptors.descriptor import Descriptor, absorbers_of, descriptor_by_name
from xanes_core.descriptors.wacsf import CONVENTIONS, SPECIES_GROUPS, WACSF

__all__ = [
    "CONVENTIONS", "SPECIES_GROUPS", "WACSF", "Descriptor", "absorbers_of", "descriptor_by_name",
]  # fmt: skip

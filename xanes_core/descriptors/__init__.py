"""A structure as a vector.

>>> from xanes_core.descriptors import WACSF
>>> WACSF.xanesnet().n_features
97
"""

from xanes_core.descriptors.wacsf import CONVENTIONS, SPECIES_GROUPS, WACSF

__all__ = [
    "CONVENTIONS", "SPECIES_GROUPS", "WACSF",
]  # fmt: skip

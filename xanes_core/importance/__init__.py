"""What a model looks at: features scrambled, windows compared, atoms weighed."""

from xanes_core.importance.atom_effects import LocalEffects, local_effects
from xanes_core.importance.groups import GROUPINGS, MEANINGS, SHELLS, feature_groups, shell_of
from xanes_core.importance.permutation import Scrambling, cross_importance, permutation_importance
from xanes_core.importance.presets import WindowPresets, find_presets
from xanes_core.importance.stored import find_importance, mean_over_absorbers, stored_importance
from xanes_core.importance.table import group_centres_ang, importance_csv, series_csv
from xanes_core.importance.windows import (
    MAX_WINDOWS,
    PRESET_NAMES,
    Bars,
    Difference,
    EnergyWindow,
    difference,
    distance_sentence,
    format_windows,
    group_sentence,
    parse_windows,
    scaled,
    selected,
    shares,
    value_text,
)

__all__ = [
    "GROUPINGS",
    "MAX_WINDOWS",
    "MEANINGS",
    "PRESET_NAMES",
    "SHELLS",
    "Bars",
    "Difference",
    "EnergyWindow",
    "LocalEffects",
    "Scrambling",
    "WindowPresets",
    "cross_importance",
    "difference",
    "distance_sentence",
    "feature_groups",
    "find_importance",
    "find_presets",
    "format_windows",
    "group_centres_ang",
    "group_sentence",
    "importance_csv",
    "local_effects",
    "mean_over_absorbers",
    "parse_windows",
    "permutation_importance",
    "scaled",
    "selected",
    "series_csv",
    "shares",
    "shell_of",
    "stored_importance",
    "value_text",
]  # fmt: skip

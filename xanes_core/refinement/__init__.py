"""A measured spectrum against structures: fit one, rank many, mix some, match all.

>>> from xanes_core.refinement import Measured, fit_structure
>>> measured = Measured.of(read_spectrum("iron.xdi"), "Fe")  # doctest: +SKIP
>>> fit_structure(measured, atoms, 0, ["all"], model=load_model("Fe"))  # doctest: +SKIP
"""

from xanes_core.refinement.differences import ComparedDifference, SpectrumDifference, difference
from xanes_core.refinement.fit import fit_structure
from xanes_core.refinement.likelihood import Nuisances, Prior, SpectrumLikelihood
from xanes_core.refinement.match import (
    CAUTION,
    MEASURES,
    Match,
    MatchResult,
    Share,
    SpectrumLibrary,
    find_matches,
    load_library,
)
from xanes_core.refinement.measured import WINDOW_EV, Measured
from xanes_core.refinement.measured_scale import as_measured
from xanes_core.refinement.mixture import Fraction, MixtureFit, fit_mixture
from xanes_core.refinement.model_errors import ModelErrors
from xanes_core.refinement.rank import Candidate, RankedCandidate, rank_candidates
from xanes_core.refinement.scales import EnergyScale, energy_scale
from xanes_core.refinement.structure_fit import FittedParameter, StructureFit

__all__ = [
    "CAUTION",
    "MEASURES",
    "WINDOW_EV",
    "Candidate",
    "ComparedDifference",
    "EnergyScale",
    "FittedParameter",
    "Fraction",
    "Match",
    "MatchResult",
    "Measured",
    "MixtureFit",
    "ModelErrors",
    "Nuisances",
    "Prior",
    "RankedCandidate",
    "Share",
    "SpectrumDifference",
    "SpectrumLibrary",
    "SpectrumLikelihood",
    "StructureFit",
    "as_measured",
    "difference",
    "energy_scale",
    "find_matches",
    "fit_mixture",
    "fit_structure",
    "load_library",
    "rank_candidates",
]  # fmt: skip

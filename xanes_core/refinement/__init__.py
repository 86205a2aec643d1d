"""A measured spectrum against structures: fit one, rank many.

>>> from xanes_core.refinement import Measured, fit_structure
>>> measured = Measured.of(read_spectrum("iron.xdi"), "Fe")  # doctest: +SKIP
>>> fit_structure(measured, atoms, 0, ["all"], model=load_model("Fe"))  # doctest: +SKIP
"""

from xanes_core.refinement.fit import fit_structure
from xanes_core.refinement.likelihood import Nuisances, Prior, SpectrumLikelihood
from xanes_core.refinement.measured import WINDOW_EV, Measured
from xanes_core.refinement.model_errors import ModelErrors
from xanes_core.refinement.rank import Candidate, RankedCandidate, rank_candidates
from xanes_core.refinement.structure_fit import FittedParameter, StructureFit

__all__ = [
    "WINDOW_EV",
    "Candidate",
    "FittedParameter",
    "Measured",
    "ModelErrors",
    "Nuisances",
    "Prior",
    "RankedCandidate",
    "SpectrumLikelihood",
    "StructureFit",
    "fit_structure",
    "rank_candidates",
]  # fmt: skip

"""How much of each of a few structures a spectrum holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from pages.parts.fit.candidates import Kind, judged
from pages.parts.fit.measured import MIXTURES, THEORY, Source
from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.view import EXAMPLE
from xanes_core.model import SpectrumModel
from xanes_core.refinement import Candidate, Measured, MixtureFit, fit_mixture

#: Structures of a mixture.
MIN_PARTS, MAX_PARTS = 2, 5


def mixture_mode(
    entries: list[StructureEntry], line: st.delta_generator.DeltaGenerator, element: str | None
) -> None:
    """Structures on the left; the spectrum they make together and their fractions on the right."""
    known, right = judged(KIND, entries, line, element, _first)
    if known is not None:
        with right:
            known.figure([])


def _first(source: Source | None, offered: Mapping[str, StructureEntry]) -> list[str]:
    """Structures to begin with: those of the mixture on offer, else the first two."""
    mixture = MIXTURES.get(source.key.removeprefix(THEORY)) if source else None
    own = [f"{EXAMPLE}{key}" for key in mixture[1]] if mixture else []
    return [key for key in own if key in offered] or list(offered)[:MIN_PARTS]


def _mix(
    measured: Measured,
    candidates: tuple[Candidate, ...],
    model: SpectrumModel,
    window_ev: tuple[float, float],
    on_progress: Callable[[float, str], None],
    cancelled: Callable[[], bool],
) -> MixtureFit:
    return fit_mixture(measured, candidates, model=model, window_ev=window_ev)


KIND = Kind("mix", "Find the fractions", "Mixture", "parts", MIN_PARTS, MAX_PARTS, _mix)

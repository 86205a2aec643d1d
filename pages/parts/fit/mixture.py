"""How much of each of a few structures a spectrum holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import streamlit as st

from pages.parts.fit.candidates import Judged, Kind, judged
from pages.parts.fit.measured import MIXTURES, THEORY, Source
from pages.parts.fit.words import signed
from pages.parts.shared.charts import chart
from pages.parts.shared.downloads import download_button
from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.page import plain
from pages.parts.shared.view import EXAMPLE
from xanes_core.model import VERDICT_TITLES, SpectrumModel
from xanes_core.plots import Curve, Interval, fractions_figure
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
            _show(known)


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


def _show(known: Judged) -> None:
    if known.result is None:
        known.figure([])
        return
    found: MixtureFit = known.result
    curves = [Curve("Mixture", found.energies_ev, found.fitted_mu)]
    for rank, (one, part) in enumerate(zip(found.fractions, found.parts, strict=True)):
        if one.value > 0:
            name = f"{one.name[:50]}, {100 * one.value:.0f} %"
            curves.append(Curve(name, found.energies_ev, part, "other", rank=rank))
    left = found.fitted_mu - found.measured_mu
    known.figure(curves, Curve("mixture \u2212 measured", found.energies_ev, left))
    lines = [
        f"**{plain(one.name)}**: {100 * one.value:.0f} % (90 %: {100 * one.low90:.0f} to "
        f"{100 * one.high90:.0f} %)"
        for one in found.fractions
    ]
    verdict = VERDICT_TITLES.get(found.verdict, found.verdict)
    quality = (
        f"Misfit {found.misfit:.3f} edge steps, theory moved by {signed(found.shift_ev, 1)} eV. "
        f"The structures lie {verdict}."
    )
    st.markdown("  \n".join([*lines, plain(quality)]))
    if found.notes:
        st.warning("  \n".join(plain(f"{n[:1].upper()}{n[1:].rstrip('.')}.") for n in found.notes))
    rows = [
        Interval(one.name, one.value, one.low68, one.high68, one.low90, one.high90, (0.0, 1.0))
        for one in found.fractions
    ]
    chart(
        lambda look: fractions_figure(rows, look=look), key="fit_fractions", name="fractions"
    )  # fmt: skip
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown("Download")
        download_button(
            "JSON", json.dumps(found.to_dict(), indent=1), "mixture.json", key="mixture_json"
        )  # fmt: skip

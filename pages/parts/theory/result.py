"""Network and theory in one figure, their misfit, and the two times side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial

import pandas as pd
import streamlit as st

from pages.parts.shared.charts import chart
from pages.parts.shared.downloads import download_row
from pages.parts.shared.page import plain
from pages.parts.shared.subject import StructureSubject
from xanes_core.errors import XanesError
from xanes_core.files import safe_name
from xanes_core.model import Comparison, compare, prediction_seconds
from xanes_core.plots import Curve, EnergyAxis, comparison_figure, prediction_curve, spectrum_curve
from xanes_core.spectra import Spectrum, write_spectrum
from xanes_core.theory import TheoryResult, get_engine

FIGURE_HEIGHT_PX = 470
_SHOWN_PEAKS = 8
_NONE = "\u2013"


@dataclass(frozen=True)
class Shown:
    """A spectrum to lay over the network: its curve, and the run that it is from."""

    curve: Curve
    result: TheoryResult | None = None
    fits: bool = True


def shown_result(subject: StructureSubject, result: TheoryResult, *, fits: bool) -> Shown | None:
    """Result of an engine on the energies of the model; None, with a sentence, where it cannot."""
    try:
        spectrum = result.on_grid(subject.prediction.energy_rel_ev, e0_ev=subject.prediction.e0_ev)
    except XanesError as error:
        st.warning(plain(error))
        return None
    name = get_engine(result.engine).title + ("" if fits else ", other settings")
    return Shown(spectrum_curve(spectrum, name, role="theory"), result, fits)


def times(subject: StructureSubject, shown: Shown | None, expected: str) -> None:
    """Milliseconds beside seconds."""
    seconds = prediction_seconds(subject.model, subject.atoms, subject.site)
    result = shown.result if shown else None
    title = get_engine(result.engine).title if result else "FEFF10"
    with st.container(horizontal=True, gap="medium", width="content", key="theory_times"):
        st.metric(
            "Network", _time(seconds), width="content",
            help="Median of five predictions made just now, from the structure to the band.",
        )  # fmt: skip
        if result is None:
            st.metric(title, expected, width="content")
            return
        ratio = f"{_two_digits(result.seconds / seconds):,} times as long"
        st.metric(
            title, _time(result.seconds), ratio, delta_color="off", delta_arrow="off",
            width="content", help="Wall-clock time of the run, as it was made.",
        )  # fmt: skip


def _time(seconds: float) -> str:
    if seconds < 1.0:
        return f"{1e3 * seconds:.2g} ms" if seconds < 0.1 else f"{1e3 * seconds:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.1f} min"


def _two_digits(value: float) -> int:
    power = 10 ** max(math.floor(math.log10(max(value, 1.0))) - 1, 0)
    return round(value / power) * power


def overlay(
    subject: StructureSubject, theories: list[Shown], others: list[Curve], axis: EnergyAxis
) -> Comparison | None:
    """Figure of all curves, with the residual of the theory that is compared."""
    network = prediction_curve(subject.prediction, f"Network, {subject.element}")
    curves = [replace(shown.curve, rank=n) for n, shown in enumerate(theories)]
    comparison = None
    if theories:
        chosen = _choose([shown.curve.name for shown in theories])
        try:
            comparison = compare(
                subject.prediction, theories[chosen].curve.energy_ev, theories[chosen].curve.mu
            )
        except XanesError as error:
            st.warning(plain(error))
        # the one that is compared has the colour of the residual
        curves.insert(0, curves.pop(chosen))
        curves = [replace(curve, rank=n) for n, curve in enumerate(curves)]
    chart(
        lambda look: comparison_figure(
            [network, *curves, *others], comparison, axis, look=look
        ),
        key="theory_figure", name=f"{subject.label}_theory",
        height_px=FIGURE_HEIGHT_PX,
    )  # fmt: skip
    return comparison


def _choose(names: list[str]) -> int:
    if len(names) == 1:
        return 0
    return st.segmented_control(
        "Compare with", range(len(names)), format_func=lambda n: plain(names[n], 40), default=0,
        key=f"theory_compared_{len(names)}", required=True, persist_state="session",
    )  # fmt: skip


def misfit(comparison: Comparison) -> None:
    """Numbers of the comparison, peaks beside them."""
    left, right = st.columns(2, gap="medium")
    rows = {
        "MSE (10\u207b\u00b3)": f"{1e3 * comparison.mse:.2f}",
        "Inside the band": f"{100 * comparison.share_inside:.0f} %",
        "Mean error inside": _edge_steps(comparison.error_inside),
        "Mean error outside": _edge_steps(comparison.error_outside),
        "Relative spectral error": f"{comparison.relative_error_percent:.1f} %",
    }
    left.table(
        pd.DataFrame.from_dict(rows, orient="index", columns=["Misfit"]), border="horizontal"
    )
    peaks = _peaks(comparison)
    if peaks is None:
        right.caption("No peak of theory has a match within 5 eV.")
        return
    right.table(peaks, border="horizontal", hide_index=True)
    matched, of_theory = len(comparison.peaks.pairs), comparison.peaks.target.energy_ev.size
    right.caption(
        f"{matched} of {of_theory} peaks of theory matched within 5 eV; E \u2212 E0 in eV, heights "
        "in edge steps."
    )


def _edge_steps(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else _NONE


def _peaks(comparison: Comparison) -> pd.DataFrame | None:
    rows = []
    for predicted, target in comparison.peaks.pairs[:_SHOWN_PEAKS]:
        own, other = comparison.peaks.predicted, comparison.peaks.target
        gap = own.energy_ev[predicted] - other.energy_ev[target]
        rows.append(
            {
                "Theory": f"{other.energy_ev[target]:.1f}",
                "Network": f"{own.energy_ev[predicted]:.1f} ({gap:+.1f})",
                "Heights": f"{other.height[target]:.2f}, {own.height[predicted]:.2f}",
            }
        )
    return pd.DataFrame(rows) if rows else None


def result_downloads(subject: StructureSubject, result: TheoryResult) -> None:
    """The calculated spectrum as files, and what was said about the run."""
    spectrum = _described(result)
    contents = {form: partial(write_spectrum, spectrum, form) for form in ("csv", "xdi")}
    download_row(
        contents, f"{safe_name(subject.label)}_{result.engine}",
        key=f"theory_result_{result.engine}", title=f"{get_engine(result.engine).title} result",
    )  # fmt: skip
    for note in result.notes:
        st.caption(plain(note))


def _described(result: TheoryResult) -> Spectrum:
    return result.spectrum.with_metadata(
        computed="yes",
        engine=f"{get_engine(result.engine).title} {result.engine_version}".strip(),
        seconds=f"{result.seconds:.1f}",
        settings=", ".join(f"{name} {value}" for name, value in result.settings.items()),
    )

"""The reader's measured or computed spectra over the prediction: chosen, set, moved, judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from pages.parts.shared import own_files
from pages.parts.shared.own_columns import Columns, choose_columns, curve_name, table_of
from pages.parts.shared.own_files import OwnCurve
from pages.parts.shared.page import plain
from pages.parts.shared.treatment import (
    MAX_SHIFT_EV,
    Treatment,
    choose_treatment,
    is_computed,
    treat,
)
from xanes_core.errors import SpectrumError, XanesError
from xanes_core.model import Comparison, Overlaid, Prediction
from xanes_core.plots import Curve, EnergyAxis, Role, own_colours, spectrum_curve
from xanes_core.spectra import (
    SPECTRUM_KINDS,
    XES,
    Normalised,
    Spectrum,
    SpectrumKind,
    align,
)

_SETTINGS = "own_settings"


@dataclass(frozen=True, eq=False)
class OwnSpectrum:
    """One of the reader's spectra, ready to compare.

    Attributes
    ----------
    kind : SpectrumKind
    curve : Curve
        As it lies over the prediction.
    overlaid : Overlaid
        The same with its name and how it was moved.
    raw : Spectrum
        As read.
    normalised : Normalised or None
        How it was normalised here; None where it was before.
    """

    kind: SpectrumKind
    curve: Curve
    overlaid: Overlaid
    raw: Spectrum
    normalised: Normalised | None = None


def overlay_curves(prediction: Prediction) -> list[Curve]:
    """Sidebar controls of the reader's spectra, and their curves once they are ready to compare."""
    return [own.curve for own in own_spectra({prediction.kind: prediction}, (prediction.kind,))]


def own_spectra(
    predictions: Mapping[SpectrumKind, Prediction], kinds: Sequence[SpectrumKind]
) -> list[OwnSpectrum]:
    """Sidebar controls of the reader's spectra; those that can be compared, the chosen one first.

    `predictions` by kind are those in view, `kinds` all that the reader's spectra may be.
    """
    with st.sidebar:
        own_files.uploader("Compare with spectra")
        offered = own_files.curves()
        if not offered:
            return []
        chosen = own_files.active(offered)
        _keep(chosen, *_controls(chosen, predictions, kinds))
        ready = []
        for own in sorted(offered, key=lambda own: own.key != chosen.key):
            try:
                ready.append(_ready(own, predictions, kinds))
            except XanesError as error:
                if own.key != chosen.key:  # that of the chosen one is said beside its controls
                    st.warning(f"{plain(own_files.name_of(own), 60)}: {plain(error)}")
        return [one for one in ready if one is not None]


def _kept(own: OwnCurve) -> tuple[Columns, Treatment]:
    """What the reader set for a spectrum."""
    kept: tuple[Columns, Treatment] = st.session_state.get(_SETTINGS, {}).get(
        own.key, (Columns(), Treatment())
    )
    return kept


def _keep(own: OwnCurve, columns: Columns, treatment: Treatment) -> None:
    st.session_state.setdefault(_SETTINGS, {})[own.key] = (columns, treatment)


def _ready(
    own: OwnCurve,
    predictions: Mapping[SpectrumKind, Prediction],
    kinds: Sequence[SpectrumKind],
) -> OwnSpectrum | None:
    """A spectrum as its settings have it; None where its kind is not in view."""
    columns, treatment = _kept(own)
    element = next(iter(predictions.values())).element
    table = table_of(own, columns)
    raw = table.spectrum(column=curve_name(table, columns, element), element=element)
    kind = _kind_of(raw, kinds, treatment)
    if kind not in predictions:
        return None
    treated = treat(raw, predictions[kind], treatment, own.file.name)
    moved = treated.moved(treatment)
    computed, name = is_computed(raw, treatment), own_files.name_of(own)
    curve = spectrum_curve(
        moved, name, role="theory" if computed else "measurement", rank=own_files.rank_of(own)
    )
    return OwnSpectrum(
        kind,
        replace(curve, colour=own_files.colour_of(own)),
        Overlaid(name, moved, treatment.shift_ev, treatment.scale, computed),
        raw,
        treated.normalised,
    )


def _kind_of(
    spectrum: Spectrum, kinds: Sequence[SpectrumKind], treatment: Treatment
) -> SpectrumKind:
    if len(kinds) == 1:
        return kinds[0]
    if treatment.kind is not None:
        return SPECTRUM_KINDS[treatment.kind]
    return XES if spectrum.metadata.get("spectrum") == XES.key else kinds[0]


# --- controls of the spectrum in view ------------------------------------------------------------


def _controls(
    own: OwnCurve,
    predictions: Mapping[SpectrumKind, Prediction],
    kinds: Sequence[SpectrumKind],
) -> tuple[Columns, Treatment]:
    """Controls of one spectrum; what was set before where it cannot be read as chosen."""
    columns, treatment = _kept(own)
    element = next(iter(predictions.values())).element
    with st.container(key="own_spectrum", gap="small"):
        head = st.container(gap="xsmall")
        try:
            columns = choose_columns(own, element)
            table = table_of(own, columns)
            curve = curve_name(table, columns, element)
            raw = table.spectrum(column=curve, element=element)
            _say_contradiction(table.stated_element, element)
            _say_notes(raw)
            kind = _choose_kind(own, raw, kinds)
            if kind not in predictions:
                st.caption(f"Choose {kind.title} above the figure to see it.")
                return columns, replace(treatment, kind=kind.key)
            stated = kind.key if len(kinds) > 1 else None
            treatment = choose_treatment(own, raw, predictions[kind], stated, curve)
            treatment = _move(own, raw, predictions[kind], treatment)
        except XanesError as error:
            st.warning(f"{plain(own_files.name_of(own), 60)}: {plain(error)}")
        role: Role = "theory" if treatment.is_computed else "measurement"
        with head:
            own_files.look_controls(own, own_colours(role, own_files.rank_of(own)))
    return columns, treatment


def _say_contradiction(stated: str | None, element: str) -> None:
    if stated is not None and stated != element:
        st.warning(
            f"The file says that it is of {plain(stated)}, this page shows {element}: check the "
            "absorber, or that it is the right file."
        )


def _say_notes(spectrum: Spectrum) -> None:
    if spectrum.notes:
        with st.expander("What was mended"):
            for note in spectrum.notes:
                st.markdown(f"- {plain(note)}")


def _choose_kind(own: OwnCurve, spectrum: Spectrum, kinds: Sequence[SpectrumKind]) -> SpectrumKind:
    """Absorption or emission: what the reader says, asked only where it makes a difference."""
    if len(kinds) == 1:
        return kinds[0]
    is_emission = spectrum.metadata.get("spectrum") == XES.key
    key = st.segmented_control(
        "Spectrum", [kind.key for kind in kinds], default=XES.key if is_emission else kinds[0].key,
        format_func=lambda key: SPECTRUM_KINDS[key].title, key=own.widget("spectrum"),
        required=True, persist_state="session",
    )  # fmt: skip
    return SPECTRUM_KINDS[key]


def _move(own: OwnCurve, raw: Spectrum, prediction: Prediction, treatment: Treatment) -> Treatment:
    """Shift and scale, by hand or fitted to the prediction."""
    before = _kept(own)[1]
    if st.session_state.get("spectrum_moved") != own.key:  # another spectrum is in view
        st.session_state["spectrum_moved"] = own.key
        st.session_state["spectrum_shift_ev"] = before.shift_ev
        st.session_state["spectrum_scale"] = before.scale
    # widgets that code may set take their start from the session, not from a default
    st.session_state.setdefault("spectrum_shift_ev", before.shift_ev)
    st.session_state.setdefault("spectrum_scale", before.scale)
    left, right = st.columns(2)
    by_ev = left.number_input(
        "Shift (eV)", -MAX_SHIFT_EV, MAX_SHIFT_EV, step=0.1, format="%.2f",
        key="spectrum_shift_ev", persist_state="session",
    )  # fmt: skip
    factor = right.number_input(
        "Scale", 0.01, 100.0, step=0.01, format="%.3f", key="spectrum_scale",
        persist_state="session",
    )  # fmt: skip
    ready = treat(raw, prediction, treatment, own.file.name).spectrum
    with st.container(horizontal=True, gap="small"):
        for label, with_scale in (("Fit the shift", False), ("Shift and scale", True)):
            st.button(
                label, on_click=_fit, args=(ready, prediction, with_scale),
                help="Least squares against the prediction, up to 10 eV either way.",
            )  # fmt: skip
    if problem := st.session_state.pop("spectrum_problem", None):
        st.warning(plain(problem))
    return replace(treatment, shift_ev=float(by_ev), scale=float(factor))


def _fit(spectrum: Spectrum, prediction: Prediction, with_scale: bool) -> None:
    reference = Spectrum(prediction.energy_ev, prediction.mu, prediction.e0_ev)
    try:
        alignment = align(spectrum, reference, fit_scale=with_scale)
    except SpectrumError as error:
        st.session_state["spectrum_problem"] = str(error)
        return
    st.session_state["spectrum_shift_ev"] = round(alignment.shift_ev, 2)
    if with_scale:
        st.session_state["spectrum_scale"] = min(max(round(alignment.scale, 3), 0.01), 100.0)
    if alignment.at_bound:
        st.session_state["spectrum_problem"] = (
            "The best shift lies at the limit of 10 eV: check the element and the energy axis."
        )


def misfit_line(
    prediction: Prediction, comparison: Comparison, overlaid: Overlaid, axis: EnergyAxis
) -> None:
    """How far the reader's spectrum is from the prediction, energies as on the axis."""
    outside = np.maximum(
        comparison.lower + comparison.residual, -comparison.residual - comparison.upper
    )
    worst = int(np.argmax(outside))
    where = ""
    if outside[worst] > 0:
        energy = comparison.energy_rel_ev[worst] + axis.offset_ev
        at = f"E0 {energy:+.1f} eV" if axis.is_relative else f"{energy:.1f} eV"
        where = f"; furthest outside at {at}, by {outside[worst]:.{prediction.kind.digits}f}"
    moved = []
    if overlaid.shift_ev:
        moved.append(f"moved by {overlaid.shift_ev:+.2f} eV")
    if overlaid.scale != 1.0:
        moved.append(f"scaled by {overlaid.scale:.3f}")
    what = "computed" if overlaid.is_computed else "measured"
    share = comparison.share_inside
    sentence = (
        f"**Misfit** {np.sqrt(comparison.mse):.3f} {prediction.kind.unit} (root mean square of "
        f"predicted \u2212 {what}). **{100 * share:.0f} %** of the energies lie inside the "
        f"{100 * prediction.level:.0f} % band, {100 * (1 - share):.0f} % outside{where}."
    )
    if moved:
        sentence += f" The {what} spectrum is {' and '.join(moved)}."
    st.markdown(sentence.replace("-", "\u2212"))

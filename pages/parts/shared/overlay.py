"""A measured or computed spectrum over the prediction: read, normalise, shift, scale, judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from pages.parts.shared.broadening import convolution_controls
from pages.parts.shared.guard import read_tables_guarded
from pages.parts.shared.page import plain
from xanes_core.errors import SpectrumError, TheoryError, XanesError
from xanes_core.model import Comparison, Overlaid, Prediction
from xanes_core.plots import Curve, EnergyAxis, spectrum_curve
from xanes_core.spectra import (
    SPECTRUM_KINDS,
    XES,
    Spectrum,
    SpectrumKind,
    SpectrumTable,
    Table,
    align,
    area_of_reference,
    choose_table,
    default_ranges,
    find_e0,
    normalise,
    scale,
    shift,
)
from xanes_core.theory import FdmnesLog, parse_bav

_STORE, _LOG = "overlay_spectrum", "overlay_log"
_MAX_SHIFT_EV = 30.0


@dataclass(frozen=True, eq=False)
class OwnSpectrum:
    """The reader's spectrum, ready to compare: what it is, its curve, and how it was moved."""

    kind: SpectrumKind
    curve: Curve
    overlaid: Overlaid


@dataclass(frozen=True)
class StoredFile:
    """Bytes of an upload, kept through page switches."""

    name: str
    data: bytes


# resources, so that a large file is not copied with every run of the page; nothing writes to them
@st.cache_resource(max_entries=16, show_spinner="Reading the spectrum")
def _tables(data: bytes, name: str) -> dict[str, Table]:
    return read_tables_guarded(data, name)


@st.cache_resource(max_entries=16, show_spinner=False)
def _table(data: bytes, name: str, group: str | None = None) -> SpectrumTable:
    return choose_table(_tables(data, name), group=group)


def overlay_spectrum(prediction: Prediction) -> Curve | None:
    """Sidebar controls of the reader's spectrum, and its curve once it is ready to compare."""
    shown = overlay_of_kind({prediction.kind: prediction}, (prediction.kind,))
    return shown.curve if shown else None


def overlay_of_kind(
    predictions: Mapping[SpectrumKind, Prediction], kinds: Sequence[SpectrumKind]
) -> OwnSpectrum | None:
    """As :func:`overlay_spectrum`, where spectra of several kinds can be shown.

    `predictions` by kind are those in view, `kinds` all that the reader's spectrum may be.
    """
    with st.sidebar:
        st.file_uploader(
            "Compare with a spectrum",
            key=f"spectrum_uploader_{st.session_state.setdefault('spectrum_version', 0)}",
            on_change=_take,
            help="Measured or computed: CSV, XDI, Athena, FDMNES or FEFF text, JSON.",
        )
        _show_log()
        stored = st.session_state.get(_STORE)
        if stored is None:
            return None
        if (
            st.session_state.get(f"spectrum_uploader_{st.session_state['spectrum_version']}")
            is None
        ):
            st.caption(f"Kept: {plain(stored.name, 60)}")
            st.button("Remove the spectrum", on_click=_clear, type="tertiary")
        try:
            return _controls(stored, predictions, kinds)
        except XanesError as error:
            st.warning(f"{plain(stored.name, 60)}: {plain(str(error))}")
            return None


@st.cache_data(max_entries=8, show_spinner=False)
def _log_of(data: bytes) -> FdmnesLog | None:
    """What an FDMNES log says; None for any other file."""
    try:
        return parse_bav(data.decode(errors="replace"))
    except TheoryError:
        return None


def _show_log() -> None:
    """Facts of an FDMNES log, which has no spectrum of its own."""
    stored = st.session_state.get(_LOG)
    log = _log_of(stored.data) if stored else None
    if stored is None or log is None:
        return
    facts = ["came to its end" if log.finished else "did not come to its end"]
    if log.scf_converged is not None:
        facts.append(f"potentials {'' if log.scf_converged else 'not '}converged")
    if log.fermi_ev is not None:
        facts.append(f"Fermi energy {log.fermi_ev:.2f} eV")
    if log.cpu_s is not None:
        facts.append(f"{log.cpu_s:.0f} s")
    st.caption(
        f"{plain(stored.name, 60)}, log of FDMNES {plain(log.version, 40)}: "
        f"{plain('; '.join(facts))}. The spectrum is in the file without `_bav`."
    )


def _take() -> None:
    key = f"spectrum_uploader_{st.session_state['spectrum_version']}"
    upload = st.session_state.get(key)
    if upload is None:
        st.session_state.pop(_STORE, None)
        st.session_state.pop(_LOG, None)
        return
    if _log_of(upload.getvalue()) is not None:  # it says how a run went; the spectrum stays
        st.session_state[_LOG] = StoredFile(upload.name, upload.getvalue())
        return
    st.session_state[_STORE] = StoredFile(upload.name, upload.getvalue())
    # what was set for another file does not fit this one
    st.session_state["spectrum_serial"] = st.session_state.get("spectrum_serial", 0) + 1
    st.session_state["spectrum_shift_ev"] = 0.0
    st.session_state["spectrum_scale"] = 1.0


def _clear() -> None:
    st.session_state.pop(_STORE, None)
    st.session_state["spectrum_version"] += 1


def _controls(
    stored: StoredFile,
    predictions: Mapping[SpectrumKind, Prediction],
    kinds: Sequence[SpectrumKind],
) -> OwnSpectrum | None:
    prediction = next(iter(predictions.values()))
    groups, group = tuple(_tables(stored.data, stored.name)), None
    if len(groups) > 1:
        group = st.selectbox(
            f"Spectrum, of {len(groups)} in the file", groups, key=_own_key("group"),
            persist_state="session",
        )  # fmt: skip
    table = _table(stored.data, stored.name, group)
    columns = table.columns()
    column = columns.proposed
    if len(columns.names) > 1:
        column = st.selectbox(
            "Column", columns.names, index=columns.names.index(column), key=_own_key("column"),
            persist_state="session",
        )  # fmt: skip
    spectrum = table.spectrum(column=column, element=prediction.element)
    if spectrum.notes:
        with st.expander("What was mended"):
            for note in spectrum.notes:
                st.markdown(f"- {plain(note)}")
    shown = _which(spectrum, kinds)
    if shown not in predictions:
        st.caption(f"Choose {shown.title} above the figure to see it.")
        return None
    prediction = predictions[shown]
    origin = st.segmented_control(
        "It is", ["measured", "computed"],
        default="computed" if spectrum.metadata.get("computed") == "yes" else "measured",
        key=_own_key("origin"), required=True, persist_state="session",
    )  # fmt: skip
    ready = _ready(spectrum, prediction, origin, stored.name, column)
    left, right = st.columns(2)
    # widgets that code may set take their start from the session, not from a default
    st.session_state.setdefault("spectrum_shift_ev", 0.0)
    st.session_state.setdefault("spectrum_scale", 1.0)
    by_ev = left.number_input(
        "Shift (eV)", -_MAX_SHIFT_EV, _MAX_SHIFT_EV, step=0.1, format="%.2f",
        key="spectrum_shift_ev", persist_state="session",
    )  # fmt: skip
    factor = right.number_input(
        "Scale", 0.01, 100.0, step=0.01, format="%.3f", key="spectrum_scale",
        persist_state="session",
    )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        for label, with_scale in (("Fit the shift", False), ("Shift and scale", True)):
            st.button(
                label, on_click=_fit, args=(ready, prediction, with_scale),
                help="Least squares against the prediction, up to 10 eV either way.",
            )  # fmt: skip
    if problem := st.session_state.pop("spectrum_problem", None):
        st.warning(plain(problem))
    ready = scale(shift(ready, by_ev), factor)
    name = stored.name[:60]
    is_computed = origin == "computed"
    curve = spectrum_curve(ready, name, role="theory" if is_computed else "measurement")
    return OwnSpectrum(shown, curve, Overlaid(name, ready, by_ev, factor, is_computed))


def _which(spectrum: Spectrum, kinds: Sequence[SpectrumKind]) -> SpectrumKind:
    """Absorption or emission: what the reader says, asked only where it makes a difference."""
    if len(kinds) == 1:
        return kinds[0]
    is_emission = spectrum.metadata.get("spectrum") == XES.key
    key = st.segmented_control(
        "Spectrum", [kind.key for kind in kinds], default=XES.key if is_emission else kinds[0].key,
        format_func=lambda key: SPECTRUM_KINDS[key].title, key=_own_key("spectrum"), required=True,
        persist_state="session",
    )  # fmt: skip
    return SPECTRUM_KINDS[key]


def _ready(
    spectrum: Spectrum, prediction: Prediction, origin: str, name: str, column: str
) -> Spectrum:
    """On the scale of the prediction: edge steps, or the area of an emission."""
    if prediction.kind == XES:
        line = origin == "measured" and st.toggle(
            "Subtract a line", key=_own_key("line"), persist_state="session",
            help="Through the two ends of the spectrum: what other lines leave under this one.",
        )  # fmt: skip
        return area_of_reference(
            spectrum, prediction.energy_ev, prediction.mu, subtract_line=bool(line)
        )
    ready = _broadened(spectrum, name) if origin == "computed" else None
    return ready or _normalised(spectrum, prediction.element, column)


def _own_key(name: str) -> str:
    """Widget key that changes with the file."""
    return f"spectrum_{name}_{st.session_state.get('spectrum_serial', 0)}"


def _normalised(spectrum: Spectrum, element: str, column: str) -> Spectrum:
    done = spectrum.metadata.get("normalised") == "yes"
    choice = st.segmented_control(
        "Normalisation", ["already normalised", "normalise"],
        default="already normalised" if done else "normalise",
        key=_own_key(f"processing_{column}"), required=True, persist_state="session",
    )  # fmt: skip
    if choice == "already normalised":
        return spectrum
    e0 = find_e0(spectrum, element=element)
    low, high = float(spectrum.energy_ev[0] - e0), float(spectrum.energy_ev[-1] - e0)
    pre, post = default_ranges(spectrum, e0)
    pre_range, post_range, order = pre, post, None
    if low <= pre[0] < pre[1] <= 0.0 <= post[0] < post[1] <= high:
        with st.expander("Ranges"):
            pre_range = st.slider(
                "Pre-edge line (eV from the edge)", low, 0.0, pre,
                key=_own_key(f"pre_{element}_{column}"), persist_state="session", format="%.0f",
            )  # fmt: skip
            post_range = st.slider(
                "Post-edge curve (eV from the edge)", 0.0, high, post,
                key=_own_key(f"post_{element}_{column}"), persist_state="session", format="%.0f",
            )  # fmt: skip
            order = st.selectbox(
                "Order of the post-edge curve", [None, 0, 1, 2, 3], key=_own_key("order"),
                format_func=lambda n: "by its length" if n is None else str(n),
                persist_state="session",
            )  # fmt: skip
    return normalise(
        spectrum, e0_ev=e0, pre_range_ev=pre_range, post_range_ev=post_range, order=order
    ).spectrum


def _broadened(spectrum: Spectrum, name: str) -> Spectrum | None:
    """The spectrum with the lifetimes of FDMNES and an edge step of 1; None where not wanted."""
    is_raw = spectrum.metadata.get("source_format") == "fdmnes"
    is_raw = is_raw and spectrum.metadata.get("normalised") != "yes" and "_conv" not in name.lower()
    if not st.toggle(
        "Broaden", value=is_raw, key=_own_key("broaden"), persist_state="session",
        help="Arctangent of FDMNES, for a spectrum as calculated; scales to the edge step too.",
    ):  # fmt: skip
        return None
    with st.expander("Broadening"):
        convolution = convolution_controls("broaden")
    return convolution.apply(spectrum)


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

"""What is done to one of the reader's spectra before it lies over a prediction."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from pages.parts.shared.broadening import convolution_controls
from pages.parts.shared.own_files import OwnCurve
from xanes_core.model import Prediction
from xanes_core.spectra import (
    XES,
    Normalised,
    Spectrum,
    area_of_reference,
    default_ranges,
    find_e0,
    normalise,
    scale,
    shift,
)
from xanes_core.theory import Convolution

#: Largest shift (eV) that is set by hand.
MAX_SHIFT_EV = 30.0
_ORDERS = (None, 0, 1, 2, 3)


@dataclass(frozen=True)
class Treatment:
    """Choices of the reader for one spectrum; None where it is as the file says.

    Attributes
    ----------
    kind : str or None
        Key of the kind of spectrum.
    is_computed, is_normalised : bool or None
    convolution : Convolution or None
        Broadening of a calculated spectrum, where wanted.
    subtract_line : bool
        Of an emission: the line through its ends.
    element : str
        Whose edge E0 and the ranges were chosen for; for another one they start anew.
    e0_ev : float or None
        Absolute (eV).
    pre_range_ev, post_range_ev : (float, float) or None
        Relative to E0 (eV).
    order : int or None
        Of the post-edge polynomial.
    shift_ev, scale : float
        By how much it is moved (eV), and what it is multiplied by.
    """

    kind: str | None = None
    is_computed: bool | None = None
    is_normalised: bool | None = None
    convolution: Convolution | None = None
    subtract_line: bool = False
    element: str = ""
    e0_ev: float | None = None
    pre_range_ev: tuple[float, float] | None = None
    post_range_ev: tuple[float, float] | None = None
    order: int | None = None
    shift_ev: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True, eq=False)
class Treated:
    """A spectrum on the scale of the prediction, not moved yet, and how it was normalised."""

    spectrum: Spectrum
    normalised: Normalised | None = None

    def moved(self, treatment: Treatment) -> Spectrum:
        """The spectrum, shifted and scaled."""
        return scale(shift(self.spectrum, treatment.shift_ev), treatment.scale)


def is_computed(spectrum: Spectrum, treatment: Treatment) -> bool:
    """Whether a spectrum was calculated: by the reader, else by its file."""
    if treatment.is_computed is not None:
        return treatment.is_computed
    return spectrum.metadata.get("computed") == "yes"


def is_raw_theory(spectrum: Spectrum, name: str) -> bool:
    """Whether FDMNES calculated it and nothing broadened it yet."""
    return (
        spectrum.metadata.get("source_format") == "fdmnes"
        and spectrum.metadata.get("normalised") != "yes"
        and "_conv" not in name.lower()
    )


def treat(spectrum: Spectrum, prediction: Prediction, treatment: Treatment, name: str) -> Treated:
    """Bring a spectrum onto the scale of the prediction: edge steps, or the area of an emission.

    Raises
    ------
    SpectrumError
        It cannot be normalised, or not with these ranges.
    """
    if prediction.kind == XES:
        return Treated(
            area_of_reference(
                spectrum, prediction.energy_ev, prediction.mu,
                subtract_line=treatment.subtract_line,
            )
        )  # fmt: skip
    convolution = treatment.convolution
    if treatment == Treatment() and is_raw_theory(spectrum, name):
        convolution = Convolution()
    if convolution is not None and is_computed(spectrum, treatment):
        return Treated(convolution.apply(spectrum))
    done = treatment.is_normalised
    if done if done is not None else spectrum.metadata.get("normalised") == "yes":
        return Treated(spectrum)
    element = prediction.element
    own = treatment if treatment.element == element else Treatment()
    e0 = own.e0_ev if own.e0_ev is not None else find_e0(spectrum, element=element)
    made = normalise(
        spectrum, e0_ev=e0, pre_range_ev=own.pre_range_ev, post_range_ev=own.post_range_ev,
        order=own.order,
    )  # fmt: skip
    return Treated(made.spectrum, made)


def choose_treatment(
    own: OwnCurve, spectrum: Spectrum, prediction: Prediction, kind: str | None, curve: str
) -> Treatment:
    """Controls of one spectrum but for shift and scale; `curve` names what is read of the file.

    Raises
    ------
    SpectrumError
        No edge is found to put ranges around.
    """
    stated = spectrum.metadata.get("computed") == "yes"
    origin = st.segmented_control(
        "It is", ["measured", "computed"], default="computed" if stated else "measured",
        key=own.widget("origin"), required=True, persist_state="session",
    )  # fmt: skip
    chosen = Treatment(kind, origin == "computed")
    if prediction.kind == XES:
        line = origin == "measured" and st.toggle(
            "Subtract a line", key=own.widget("line"), persist_state="session",
            help="Through the two ends of the spectrum: what other lines leave under this one.",
        )  # fmt: skip
        return replace(chosen, subtract_line=bool(line))
    if origin == "computed" and st.toggle(
        "Broaden", value=is_raw_theory(spectrum, own.file.name), key=own.widget("broaden"),
        persist_state="session",
        help="Arctangent of FDMNES, for a spectrum as calculated; scales to the edge step too.",
    ):  # fmt: skip
        with st.expander("Broadening"):
            return replace(chosen, convolution=convolution_controls("broaden"))
    done = spectrum.metadata.get("normalised") == "yes"
    choice = st.segmented_control(
        "Normalisation", ["already normalised", "normalise"],
        default="already normalised" if done else "normalise",
        key=own.widget(f"processing_{curve}"), required=True, persist_state="session",
    )  # fmt: skip
    if choice == "already normalised":
        return replace(chosen, is_normalised=True)
    chosen = replace(chosen, is_normalised=False, element=prediction.element)
    return _ranges(own, spectrum, chosen, curve)


def _ranges(own: OwnCurve, spectrum: Spectrum, chosen: Treatment, curve: str) -> Treatment:
    """E0, the two ranges and the order, in the panel that the normalisation's chart draws."""
    element = chosen.element
    found = round(find_e0(spectrum, element=element), 1)
    first, last = float(spectrum.energy_ev[0]), float(spectrum.energy_ev[-1])
    reach = f"{curve}_{first:.1f}_{last:.1f}"  # with other energies other limits
    with st.expander("E\u2080 and ranges"):
        e0 = st.number_input(
            "E\u2080 (eV)", first, last, value=min(max(found, first), last), step=0.5,
            format="%.1f", key=own.widget(f"e0_{element}_{reach}"), persist_state="session",
            help="Where the edge step is taken: the steepest rise unless you say otherwise.",
        )  # fmt: skip
        low, high = first - e0, last - e0
        pre, post = default_ranges(spectrum, e0)
        chosen = replace(chosen, e0_ev=float(e0))
        if not low <= pre[0] < pre[1] <= 0.0 <= post[0] < post[1] <= high:
            st.caption("The spectrum is too short around E\u2080 for ranges of its own.")
            return chosen
        keys = [own.widget(f"{name}_{element}_{reach}_{e0:.1f}") for name in ("pre", "post")]
        chosen = replace(
            chosen,
            pre_range_ev=st.slider(
                "Pre-edge line (eV from E\u2080)", low, 0.0, pre, key=keys[0],
                persist_state="session", format="%.0f",
            ),
            post_range_ev=st.slider(
                "Post-edge curve (eV from E\u2080)", 0.0, high, post, key=keys[1],
                persist_state="session", format="%.0f",
            ),
            order=st.selectbox(
                "Order of the post-edge curve", _ORDERS, key=own.widget("order"),
                format_func=lambda n: "by its length" if n is None else str(n),
                persist_state="session",
            ),
        )  # fmt: skip
        st.caption("Choose **Normalisation** above the figure to see them drawn.")
    return chosen

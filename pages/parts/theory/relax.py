"""GFN2-xTB relaxation of the structure in view: settings, outcome, and its use on all pages."""

from __future__ import annotations

import io
from functools import partial

import numpy as np
import streamlit as st
from ase import Atoms
from ase.io import write

from pages.parts.shared import inputs
from pages.parts.shared.downloads import download_button
from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.library import Request, predict, structure_key
from pages.parts.shared.page import plain
from pages.parts.shared.subject import StructureSubject
from pages.parts.theory import jobs as theory_jobs
from xanes_core.errors import XanesError
from xanes_core.files import safe_name
from xanes_core.plots import Curve, prediction_curve, without_band
from xanes_core.spectra import window_misfit
from xanes_core.theory import Relaxed, RelaxSettings, load_relaxed, relax_key, relax_work
from xanes_core.theory import relaxation as relax

#: Multiplicities on offer: the lowest one and these many above it.
_HIGHER_SPINS = 5
DEFAULT_STEPS = 100


def _charge_of(atoms: Atoms) -> tuple[int, str]:
    """Charge as the example or the file states it, and where it is from."""
    for name in ("charge", "q", "total_charge"):
        value = atoms.info.get(name)
        if value is not None and float(value).is_integer() and abs(float(value)) <= 20:
            return int(value), "as stated with the structure"
    return 0, "not stated with the structure: correct it for an ion"


def _settings(atoms: Atoms, key: str) -> RelaxSettings:
    stated, source = _charge_of(atoms)
    left, middle, right = st.columns(3)
    charge = left.number_input(
        "Charge", -20, 20, value=stated, key=f"relax_charge_{key}", persist_state="session",
        help=f"Total charge in e; {source}.",
    )  # fmt: skip
    lowest = relax.lowest_multiplicity(atoms, charge)
    options = [lowest + 2 * i for i in range(_HIGHER_SPINS + 1)]
    known = atoms.info.get("multiplicity")
    multiplicity = middle.selectbox(
        "Multiplicity", options, index=options.index(known) if known in options else 0,
        key=f"relax_multiplicity_{key}_{lowest}", persist_state="session",
        help="2S + 1. Those that the number of electrons allows; high spin needs a higher one.",
    )  # fmt: skip
    steps = right.number_input(
        "Step limit", 1, 1000, value=DEFAULT_STEPS, key="relax_steps", persist_state="session"
    )
    if charge == 0 and "charge" not in atoms.info:
        st.caption(f"Charge {source}.")
    return RelaxSettings(charge=charge, multiplicity=multiplicity, max_steps=int(steps))


def relax_tab(subject: StructureSubject, entry: StructureEntry, frame: int) -> Curve | None:
    """Everything about the relaxation; the other structure's spectrum where there are two."""
    if entry.is_relaxed:
        return _on_relaxed(subject, entry)
    slot = ("relax", structure_key(subject.atoms))
    settings = _settings(subject.atoms, slot[1])
    calculation = theory_jobs.Calculation(slot, relax_key(subject.atoms, settings))
    relaxed, fits = theory_jobs.result_of(
        calculation, lambda: load_relaxed(theory_jobs.disk(), subject.atoms, settings)
    )
    engine = relax.available()
    st.button(
        "Relax with GFN2-xTB", key="relax_run", disabled=not engine or _busy(),
        on_click=_start, args=(calculation, entry.label, subject.atoms, settings),
        help=plain(engine.message),
    )  # fmt: skip
    if not engine:
        st.caption(plain(engine.message))
    theory_jobs.show_failure(slot)
    if relaxed is None:
        st.caption("Bond lengths of the relaxed structure, then its spectrum beside this one.")
        return None
    return _relaxed_panel(subject, entry, frame, relaxed, fits=fits)


def _busy() -> bool:
    return theory_jobs.running() is not None


def _start(
    calculation: theory_jobs.Calculation, label: str, atoms: Atoms, settings: RelaxSettings
) -> None:
    work = relax_work(atoms, settings, theory_jobs.disk())
    theory_jobs.start(calculation, f"Relaxation of {label}", work)


def _relaxed_panel(
    subject: StructureSubject, entry: StructureEntry, frame: int, relaxed: Relaxed, *, fits: bool
) -> Curve | None:
    change = relaxed.energy_ev - relaxed.start_energy_ev
    moved = np.linalg.norm(relaxed.atoms.positions - subject.atoms.positions, axis=1).max()
    ended = {
        "force limit": "converged", "step limit": "stopped at the step limit",
        "time limit": "stopped at the time limit",
    }[relaxed.stopped_by]  # fmt: skip
    st.markdown(
        f"**{ended.capitalize()}** after {relaxed.n_steps} steps, {relaxed.seconds:.1f} s: energy "
        f"{_signed(relaxed.energy_ev)} eV ({_signed(change, '+')} eV), largest force "
        f"{relaxed.fmax_ev_per_ang:.3f} eV/\u00c5. Atoms moved by up to {moved:.2f} \u00c5."
    )
    st.caption(
        f"{plain(relaxed.version)}, charge {relaxed.charge}, multiplicity {relaxed.multiplicity}"
        + ("" if fits else "; made with other settings than those above")
    )
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Use the relaxed structure", key="relax_use",
            on_click=lambda: inputs.activate(inputs.add_relaxed(entry, frame, relaxed.atoms)),
            help="On every page, beside the original.",
        )  # fmt: skip
        _download(relaxed.atoms, f"{entry.frame_name(frame)} relaxed")
    return _other(subject, relaxed.atoms, "Network, after relaxation")


def _signed(value: float, sign: str = "") -> str:
    return format(value, f"{sign}.3f").replace("-", "\u2212")


def _on_relaxed(subject: StructureSubject, entry: StructureEntry) -> Curve | None:
    original = next((e for e in inputs.entries() if e.key == entry.origin), None)
    st.markdown("This is the relaxed structure; all pages show it until you go back.")
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Back to the original", key="relax_back",
            on_click=partial(inputs.activate, entry.origin),
        )  # fmt: skip
        _download(subject.atoms, entry.name)
    if original is None:
        return None
    frame = int(entry.key.rpartition(":")[2])
    return _other(subject, original.frames[frame], "Network, before relaxation")


def _download(atoms: Atoms, name: str) -> None:
    download_button("xyz", partial(_xyz, atoms), f"{safe_name(name)}.xyz", key="relax_xyz")


def _xyz(atoms: Atoms) -> str:
    bare = Atoms(atoms.numbers, positions=atoms.positions)
    text = io.StringIO()
    write(text, bare, format="xyz", comment="relaxed with GFN2-xTB", fmt="%16.8f")
    return text.getvalue()


def _other(subject: StructureSubject, atoms: Atoms, name: str) -> Curve | None:
    """Spectrum of the other one of the two structures, and how far apart they are."""
    try:
        other = predict(atoms, Request(subject.site, subject.element, subject.model.key))
    except XanesError as error:
        st.caption(plain(error))
        return None
    own = subject.prediction
    gap = window_misfit(own.energy_ev, own.mu, other.mu)
    st.caption(f"The two predicted spectra differ by {gap:.3f} edge steps (root mean square).")
    if not st.toggle("Show both spectra", value=True, key="relax_both", persist_state="session"):
        return None
    return without_band(prediction_curve(other, name, role="other"))

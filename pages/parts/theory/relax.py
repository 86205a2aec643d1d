"""GFN2-xTB relaxation of the structure in view: settings, outcome, and its use on all pages."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import partial

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
from xanes_core.plots import Curve, atom_name, prediction_curve, without_band
from xanes_core.spectra import window_misfit
from xanes_core.structures import (
    LARGE_BOND_CHANGE_ANG,
    LARGE_RMSD_ANG,
    BondChange,
    Movement,
    compare_geometries,
)
from xanes_core.theory import Relaxed, RelaxSettings, load_relaxed, relax_key, relax_work
from xanes_core.theory import relaxation as relax

#: Multiplicities on offer: the lowest one and these many above it.
_HIGHER_SPINS = 5
DEFAULT_STEPS = 100


@dataclass(frozen=True)
class Guess:
    """A number to calculate with, and what it is from; a guess is to be confirmed."""

    value: int
    source: str
    is_stated: bool


def guess_charge(atoms: Atoms) -> Guess:
    """Charge as the example or the file states it, else none."""
    for name in ("charge", "q", "total_charge"):
        value = atoms.info.get(name)
        if value is not None and float(value).is_integer() and abs(float(value)) <= 20:
            return Guess(int(value), "stated with the structure", True)
    return Guess(0, "the structure states none, so it is taken as neutral", False)


def guess_multiplicity(atoms: Atoms, charge: int) -> Guess:
    """Multiplicity as stated, where the number of electrons allows it, else the lowest."""
    lowest = relax.lowest_multiplicity(atoms, charge)
    known = atoms.info.get("multiplicity")
    if known in range(lowest, lowest + 2 * _HIGHER_SPINS + 1, 2):
        return Guess(int(known), "stated with the structure", True)
    electrons = int(atoms.numbers.sum()) - charge
    return Guess(lowest, f"the lowest that {electrons} electrons allow", False)


def _settings(atoms: Atoms, key: str) -> tuple[RelaxSettings, bool]:
    """Settings, and whether charge and multiplicity are stated or confirmed."""
    stated = guess_charge(atoms)
    left, middle, right = st.columns(3)
    charge = left.number_input(
        "Charge", -20, 20, value=stated.value, key=f"relax_charge_{key}", persist_state="session",
        help="Total charge in e.",
    )  # fmt: skip
    lowest = relax.lowest_multiplicity(atoms, charge)
    spin = guess_multiplicity(atoms, charge)
    options = [lowest + 2 * i for i in range(_HIGHER_SPINS + 1)]
    multiplicity = middle.selectbox(
        "Multiplicity", options, index=options.index(spin.value),
        key=f"relax_multiplicity_{key}_{lowest}", persist_state="session",
        help="2S + 1. Those that the number of electrons allows; high spin needs a higher one.",
    )  # fmt: skip
    steps = right.number_input(
        "Step limit", 1, 1000, value=DEFAULT_STEPS, key="relax_steps", persist_state="session"
    )
    settings = RelaxSettings(charge=charge, multiplicity=multiplicity, max_steps=int(steps))
    guesses = [
        f"{name} {guess.value}: {guess.source}"
        for name, guess, chosen in (
            ("charge", stated, charge), ("multiplicity", spin, multiplicity),
        )
        if not guess.is_stated and chosen == guess.value
    ]  # fmt: skip
    if not guesses:
        return settings, True
    st.caption(plain(f"Guessed {'; '.join(guesses)}."))
    confirmed = st.checkbox(
        "Charge and multiplicity are right", persist_state="session",
        key=f"relax_confirmed_{key}_{charge}_{multiplicity}",
        help="Edit them above where they are not: the geometry depends on both.",
    )  # fmt: skip
    return settings, confirmed


def relax_tab(subject: StructureSubject, entry: StructureEntry, frame: int) -> Curve | None:
    """Everything about the relaxation; the other structure's spectrum where there are two."""
    if entry.is_relaxed:
        return _on_relaxed(subject, entry)
    slot = ("relax", structure_key(subject.atoms))
    settings, confirmed = _settings(subject.atoms, slot[1])
    calculation = theory_jobs.Calculation(slot, relax_key(subject.atoms, settings))
    relaxed, fits = theory_jobs.result_of(
        calculation, lambda: load_relaxed(theory_jobs.disk(), subject.atoms, settings)
    )
    engine = relax.available()
    st.button(
        "Relax with GFN2-xTB", key="relax_run", disabled=not engine or not confirmed or _busy(),
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
    ended = {
        "force limit": "converged", "step limit": "stopped at the step limit",
        "time limit": "stopped at the time limit",
    }[relaxed.stopped_by]  # fmt: skip
    st.markdown(
        f"**{ended.capitalize()}** after {relaxed.n_steps} steps, {relaxed.seconds:.1f} s: energy "
        f"{_signed(relaxed.energy_ev)} eV ({_signed(change, '+')} eV), largest force "
        f"{relaxed.fmax_ev_per_ang:.3f} eV/\u00c5."
    )
    st.caption(
        f"{plain(relaxed.version)}, charge {relaxed.charge}, multiplicity {relaxed.multiplicity}"
        + ("" if fits else "; made with other settings than those above")
    )
    _movement_panel(subject.atoms, relaxed.atoms, subject.site)
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Use the relaxed structure", key="relax_use",
            on_click=lambda: inputs.activate(inputs.add_relaxed(entry, frame, relaxed.atoms)),
            help="On every page, beside the original.",
        )  # fmt: skip
        _download(relaxed.atoms, f"{entry.frame_name(frame)} relaxed")
    return _other(subject, relaxed.atoms, "Network, after relaxation")


def _movement_panel(before: Atoms, after: Atoms, site: int) -> None:
    """Bonds of the absorber before and after, and a warning where the structure moved a lot."""
    import pandas as pd  # a third of a second, which an empty page does without

    moved = compare_geometries(before, after, site)
    if moved.moved_a_lot:
        st.warning(plain(_moved_sentence(before, moved), 700))
    rows = [
        {
            "Bond": _bond_name(before, bond, only_second=True),
            "Before (\u00c5)": f"{bond.before_ang:.3f}",
            "After (\u00c5)": f"{bond.after_ang:.3f}",
            "Change (\u00c5)": _signed(bond.change_ang, "+"),
        }
        for bond in moved.first_shell
    ]
    if rows:
        st.dataframe(pd.DataFrame(rows), hide_index=True, key="relax_bonds")
    st.caption(
        f"Coordination number {moved.number_before}, then {moved.number_after}; without hydrogens "
        f"the atoms moved by {moved.rmsd_ang:.2f} \u00c5 (root mean square)."
    )


def _bond_name(atoms: Atoms, bond: BondChange, *, only_second: bool = False) -> str:
    first, second = (atom_name(atoms[i].symbol, i) for i in bond.atoms)
    return (
        f"{atoms[bond.atoms[0]].symbol}\u2013{second}" if only_second else f"{first}\u2013{second}"
    )


def _moved_sentence(atoms: Atoms, moved: Movement) -> str:
    """What makes this more than a relaxation, and what to do."""
    told = []
    for what, bonds in (("broken", moved.broken), ("formed", moved.formed)):
        if bonds:
            names = [_bond_name(atoms, bond) for bond in bonds[:3]]
            more = f" and {len(bonds) - 3} more" if len(bonds) > 3 else ""
            told.append(f"{what}: {', '.join(names)}{more}")
    if moved.number_before != moved.number_after:
        told.append(f"coordination number {moved.number_before} became {moved.number_after}")
    if moved.rmsd_ang > LARGE_RMSD_ANG:
        told.append(f"atoms moved by {moved.rmsd_ang:.2f} \u00c5 (root mean square)")
    longest = max(moved.first_shell, key=lambda bond: abs(bond.change_ang), default=None)
    if longest is not None and abs(longest.change_ang) > LARGE_BOND_CHANGE_ANG:
        name = _bond_name(atoms, longest, only_second=True)
        told.append(f"{name} changed by {_signed(longest.change_ang, '+')} \u00c5")
    return (
        f"The structure moved a lot; {'; '.join(told)}. Check charge and multiplicity, and whether "
        "it is still the complex you mean, before you use it."
    )


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
    _movement_panel(original.frames[frame], subject.atoms, subject.site)
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

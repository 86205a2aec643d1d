"""One complex of a training set: relax it, calculate its spectra, or say why that failed.

A task and its outcome travel to other processes and machines, so both hold plain data only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, TypedDict

import numpy as np
from ase import Atoms

from xanes_core.constants import K_EDGE_EV
from xanes_core.dataset.assembly import breathe
from xanes_core.dataset.store import NewRecord, TheoryCurve, recipe_id
from xanes_core.dataset.suspects import unphysical
from xanes_core.errors import SetupError, TheoryCancelled, XanesError
from xanes_core.spectra import XANES, XES, SpectrumKind, area_normalised, feff_to_grid
from xanes_core.structures import BROKEN_CONTACT, bond_limit_ang, check_contacts
from xanes_core.theory import (
    HYDROGEN_NOTE,
    Feff10Settings,
    Relaxed,
    RelaxSettings,
    RunOptions,
    TheoryEngine,
    feff_cluster,
    full_disk,
    get_engine,
    lack_of_room,
    relax,
)
from xanes_core.theory.relaxation import available as relaxation_available


class Relaxation(TypedDict):
    """Settings of a relaxation, as a recipe has them."""

    fmax_ev_per_ang: float
    max_steps: int
    scf_iterations: int


#: The relaxation of the recipe: short, for the spectrum depends on distances of 0.01 A at most.
RELAXATION: Relaxation = {"fmax_ev_per_ang": 0.15, "max_steps": 45, "scf_iterations": 150}
RELAX_LIMIT_S = 180.0
THEORY_LIMIT_S = 1200.0
#: A geometry whose largest force (eV/A) is above this after the last step is broken.
MAX_FORCE_EV_PER_ANG = 1.5
#: Neighbours of the metal that a complex may have, within 1.25 covalent sums: 12 between two
#: benzene rings. More in a relaxed one means that it collapsed.
COORDINATION = (2, 12)
#: The same in a structure that is taken as it is: titanium, large as it is, has the hydrogen atoms
#: next to it counted too (up to 15 in tmQM).
COORDINATION_AS_GIVEN = (2, 16)
#: What the notes of the engine are called in the set.
NOTES = {HYDROGEN_NOTE: "hydrogen p"}


class Stop:
    """Says to all tasks of this process that they shall end; a copy elsewhere never does."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def __reduce__(self) -> tuple[type[Stop], tuple[()]]:
        return (Stop, ())


@dataclass(frozen=True, eq=False)
class Tools:
    """What relaxes and what calculates spectra; tests put something quicker here."""

    relax: Callable[..., Relaxed] = relax
    engine: TheoryEngine = field(default_factory=lambda: get_engine("feff10"))
    #: Why calculations cannot write where they work; empty where they can.
    room: Callable[[], str] = lack_of_room

    def missing(self, *, relaxes: bool) -> str:
        """Why they cannot be used here; empty where they can."""
        needed = [self.engine.available(), *([relaxation_available()] if relaxes else [])]
        return "; ".join(here.message for here in needed if not here)


@dataclass(frozen=True, eq=False)
class ComplexTask:
    """A complex to calculate.

    Attributes
    ----------
    name, element, identity : str
        Of the record to be; its absorber; what makes the complex different from others.
    atoms : ase.Atoms
        Absorber is atom 0.
    info : dict
        What the record says of it; the job adds what it finds. ``charge`` is needed to relax.
    spectra : tuple of SpectrumKind
        To calculate; none for a complex that is relaxed only.
    relaxes : bool
        Whether the geometry is to be relaxed first.
    breathe : float or None
        Factor on the metal-ligand distances after the relaxation.
    stored : bool
        Whether the set has the structure, so that only its spectra are to be kept.
    recipe : dict
        How it came so far.
    """

    name: str
    element: str
    identity: str
    atoms: Atoms
    info: dict[str, Any]
    spectra: tuple[SpectrumKind, ...]
    relaxes: bool = True
    breathe: float | None = None
    stored: bool = False
    recipe: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ComplexOutcome:
    """What became of a task: a record, or the stage and the reason why there is none.

    Stage ``stopped`` is no failure of the complex, ``setup`` one of the machine.
    """

    task: ComplexTask
    record: NewRecord | None = None
    stage: str = ""
    reason: str = ""
    seconds: float = 0.0

    def as_failure(self) -> dict[str, str]:
        """Line for the list of failures."""
        task, reason = self.task, " ".join(self.reason.split())[:300]
        return {
            "name": task.name,
            "identity": task.identity,
            "stage": self.stage,
            "reason": reason,
        }


#: Tasks in the order in which they are to be done; one that came to nothing is an outcome already.
TaskStream = Iterator[ComplexTask | ComplexOutcome]


class Rejected(XanesError):
    """The complex is not fit for the set."""


def run_task(task: ComplexTask, tools: Tools, stop: Stop) -> ComplexOutcome:
    """Do a task; whatever goes wrong is part of the outcome."""
    start = time.monotonic()
    work = _Work(task, tools, stop)

    def ended(stage: str, reason: str) -> ComplexOutcome:
        return ComplexOutcome(task, None, stage, reason, time.monotonic() - start)

    if stop.event.is_set():
        return ended("stopped", "")
    missing = tools.missing(relaxes=task.relaxes)
    if missing:
        return ended("setup", missing)
    try:
        record = work.record()
    except (TheoryCancelled, KeyboardInterrupt):
        return ended("stopped", "")
    except SetupError as error:
        return ended("setup", str(error))
    except XanesError as error:
        lacking = tools.room()  # what a full disk cut short says nothing about the complex
        return ended("setup", lacking) if lacking else ended(work.stage, str(error))
    except OSError as error:  # a full disk says nothing about the complex
        return ended("setup", full_disk(error, error.filename or "the scratch folder"))
    except Exception as error:  # one bad complex must not end a run of thousands
        return ended(work.stage, f"{type(error).__name__}: {error}")
    return ComplexOutcome(task, record, seconds=time.monotonic() - start)


class _Work:
    """A task on its way to a record, and the stage it has reached."""

    def __init__(self, task: ComplexTask, tools: Tools, stop: Stop) -> None:
        self.task, self.tools, self.stop = task, tools, stop
        self.info, self.recipe = dict(task.info), dict(task.recipe)
        self.stage = "setup"

    def record(self) -> NewRecord:
        """Relax, look at the geometry, calculate."""
        task = self.task
        atoms = self._relaxed() if task.relaxes else task.atoms.copy()
        atoms.positions -= atoms.positions[0]
        if not task.stored:
            self.stage = "geometry"
            check_contacts(atoms, BROKEN_CONTACT, "the geometry is broken")
            limits = COORDINATION if task.relaxes else COORDINATION_AS_GIVEN
            self.info["coordination_number"] = _coordination_number(atoms, *limits)
            self.info |= _cluster(atoms)
        curves: dict[SpectrumKind, TheoryCurve] = {}
        for kind in task.spectra:
            self.stage = kind.key
            try:
                curves[kind] = self._curve(atoms, kind)
            except TheoryCancelled:
                raise
            except XanesError:
                if not curves:
                    raise
                self.info["theory_note"] = f"no {kind.key}"  # `dataset add` tries it once more
                continue
            if curves[kind].note and kind == XANES:
                self.info["theory_note"] = curves[kind].note
        if task.stored:
            return NewRecord(task.name, None, curves, self.recipe)
        atoms.info = {**self.info, "recipe": recipe_id(self.recipe)}
        return NewRecord(task.name, atoms, curves, self.recipe)

    def _relaxed(self) -> Atoms:
        self.stage = "relaxation"
        settings = RelaxSettings(charge=int(self.info["charge"]), **RELAXATION)
        relaxed = self.tools.relax(
            self.task.atoms,
            settings,
            isolated=True,
            time_limit_s=RELAX_LIMIT_S,
            cancel=self.stop.event,
        )
        if relaxed.stopped_by == "time limit":
            raise Rejected(f"the relaxation took longer than {RELAX_LIMIT_S:g} s")
        if relaxed.fmax_ev_per_ang > MAX_FORCE_EV_PER_ANG:
            raise Rejected(
                f"the largest force is {relaxed.fmax_ev_per_ang:.2f} eV/A after "
                f"{relaxed.n_steps} steps"
            )
        self.info["xtb_fmax_ev_per_ang"] = round(relaxed.fmax_ev_per_ang, 3)
        self.recipe["relaxation"] = {"version": relaxed.version, **RELAXATION}
        if self.task.breathe is None:
            return relaxed.atoms
        self.info["breathed"] = round(self.task.breathe, 4)
        return breathe(relaxed.atoms, self.task.breathe)

    def _curve(self, atoms: Atoms, kind: SpectrumKind) -> TheoryCurve:
        settings = Feff10Settings(spectrum=kind.key)
        options = RunOptions(cancel=self.stop.event, time_limit_s=THEORY_LIMIT_S)
        result = self.tools.engine.run(atoms, 0, settings, options)
        note = ", ".join(NOTES.get(note, note) for note in result.notes)
        curve = TheoryCurve(result.native.energy_ev, result.native.mu, note)
        check_curve(kind, self.task.element, curve)
        if kind == XANES:
            unlikely = unphysical(curve.energy_ev - K_EDGE_EV[self.task.element], curve.mu)
            if unlikely:
                raise Rejected(f"the spectrum is not physical: {unlikely}")
        version = f"{result.engine} {result.engine_version}"
        self.recipe[kind.key] = {"version": version, **asdict(settings)}
        return curve


def check_curve(kind: SpectrumKind, element: str, curve: TheoryCurve) -> None:
    """Check that a model can be trained on a spectrum.

    Raises
    ------
    SpectrumError
        It cannot: energies or values make no sense, or an emission has no area.
    """
    grid = kind.energy_rel_ev
    mu = feff_to_grid(curve.energy_ev, curve.mu, e0_ev=K_EDGE_EV[element], grid_rel_ev=grid)
    if kind == XES:
        area_normalised(grid, mu)


def _coordination_number(atoms: Atoms, low: int, high: int) -> int:
    """Neighbours of atom 0, hydrogen included, within 1.25 covalent sums, if within limits."""
    distances = np.linalg.norm(atoms.positions[1:] - atoms.positions[0], axis=1)
    number = int((distances < bond_limit_ang(atoms.numbers[0], atoms.numbers[1:])).sum())
    if not low <= number <= high:
        raise Rejected(f"coordination number {number} is not among {low} to {high}")
    return number


def _cluster(atoms: Atoms) -> dict[str, Any]:
    """What FEFF10 takes of a complex: radius of the potentials (A), number of atoms."""
    cluster = feff_cluster(atoms, 0, Feff10Settings())
    return {
        "r_scf_ang": round(cluster.scf_radius_ang, 3),
        "n_cluster": 1 + len(cluster.near.numbers),
    }

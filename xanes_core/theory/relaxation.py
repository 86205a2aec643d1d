"""GFN2-xTB relaxation of molecules through ``tblite``.

Bannwarth, Ehlert and Grimme, J. Chem. Theory Comput. 15, 1652 (2019). The tight-binding method
knows charge and number of unpaired electrons; for the spectra only the geometry matters.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from xanes_core.errors import SetupError, TheoryError
from xanes_core.structures import BROKEN_CONTACT, ROUGH_CONTACT, check_contacts, validate_structure
from xanes_core.theory.base import Availability, check_integer, check_range
from xanes_core.theory.process import WorkerFailed, run_function
from xanes_core.theory.relaxation_job import relax_job
from xanes_core.theory.scratch import lack_of_room, scratch_folder
from xanes_core.theory.watch import Cancel, Watch

#: Heaviest element of GFN2-xTB (radon).
MAX_Z = 86
#: Extra time (s) for a worker to end by itself at the time limit.
GRACE_S = 20.0


@dataclass(frozen=True)
class RelaxSettings:
    """What to relax and how far.

    Attributes
    ----------
    charge : int
        Total charge (e).
    multiplicity : int or None
        Spin multiplicity, 2S + 1; None takes the lowest that the number of electrons allows.
    fmax_ev_per_ang : float
        The relaxation has converged when no force is larger (eV/A).
    max_steps : int
        Most steps; zero calculates energy and forces alone.
    scf_iterations : int
        Most iterations of the charges in each step.
    """

    charge: int = 0
    multiplicity: int | None = None
    fmax_ev_per_ang: float = 0.05
    max_steps: int = 200
    scf_iterations: int = 250

    def __post_init__(self) -> None:
        for name in ("charge", "max_steps", "scf_iterations"):
            check_integer(name, getattr(self, name))
        check_range("charge", self.charge, -20, 20, "e")
        check_range("max_steps", self.max_steps, 0, 5000)
        check_range("scf_iterations", self.scf_iterations, 1, 2000)
        check_range("fmax_ev_per_ang", self.fmax_ev_per_ang, 0.001, 5.0, "eV/A")
        if self.multiplicity is not None:
            check_integer("multiplicity", self.multiplicity)
            check_range("multiplicity", self.multiplicity, 1, 50)


@dataclass(frozen=True)
class RelaxStep:
    """State after a step: number, energy (eV), largest force (eV/A)."""

    step: int
    energy_ev: float
    fmax_ev_per_ang: float


@dataclass(frozen=True, eq=False)
class Relaxed:
    """Outcome of a relaxation.

    Attributes
    ----------
    atoms : ase.Atoms
        Copy of the input with the last positions, without calculator.
    energy_ev, start_energy_ev : float
        GFN2-xTB energy at the end and at the start (eV).
    fmax_ev_per_ang : float
        Largest force at the end (eV/A).
    n_steps : int
        Steps taken.
    converged : bool
        Whether the force limit was reached.
    stopped_by : {"force limit", "step limit", "time limit"}
        What ended it.
    charge, multiplicity : int
        As calculated.
    seconds : float
        Wall-clock time (s).
    version : str
        Method and version of ``tblite``.
    """

    atoms: Atoms
    energy_ev: float
    start_energy_ev: float
    fmax_ev_per_ang: float
    n_steps: int
    converged: bool
    stopped_by: str
    charge: int
    multiplicity: int
    seconds: float
    version: str


def available() -> Availability:
    """Whether ``tblite`` is installed, with a sentence on how to get it where not."""
    if importlib.util.find_spec("tblite") is None:
        return Availability(False, "Relaxation needs tblite: pip install tblite")
    return Availability(True, f"{_version()} is installed")


def _version() -> str:
    return f"GFN2-xTB, tblite {importlib.metadata.version('tblite')}"


def lowest_multiplicity(atoms: Atoms, charge: int = 0) -> int:
    """Lowest spin multiplicity that the number of electrons allows: 1 if even, 2 if odd."""
    return 1 + (int(atoms.numbers.sum()) - charge) % 2


def checked_multiplicity(atoms: Atoms, charge: int, multiplicity: int | None) -> int:
    """Multiplicity to calculate with.

    Raises
    ------
    TheoryError
        The number of electrons does not allow it, or there are none.
    """
    electrons = int(atoms.numbers.sum()) - charge
    if electrons < 1:
        raise TheoryError(f"a charge of {charge:+d} leaves no electrons: correct the charge")
    if multiplicity is None:
        return lowest_multiplicity(atoms, charge)
    if (multiplicity - 1) % 2 != electrons % 2:
        parity = "even" if electrons % 2 == 0 else "odd"
        fitting = "odd" if electrons % 2 == 0 else "even"
        raise TheoryError(
            f"multiplicity {multiplicity} is impossible with charge {charge:+d}: {electrons} "
            f"electrons, an {parity} number, need an {fitting} multiplicity; correct one of them"
        )
    if multiplicity - 1 > electrons:
        raise TheoryError(
            f"multiplicity {multiplicity} needs {multiplicity - 1} unpaired electrons; there are "
            f"only {electrons}"
        )
    return multiplicity


def relax(
    atoms: Atoms,
    settings: RelaxSettings | None = None,
    *,
    on_progress: Callable[[RelaxStep], None] | None = None,
    cancel: Cancel = None,
    time_limit_s: float = 600.0,
    isolated: bool = False,
) -> Relaxed:
    """Relax a molecule with GFN2-xTB and LBFGS.

    Parameters
    ----------
    atoms : ase.Atoms
        Molecule; left as it is.
    settings : RelaxSettings, optional
    on_progress : callable, optional
        Called in this thread with a :class:`RelaxStep`, the start included.
    cancel : threading.Event or callable, optional
        Checked between steps; ten times a second if isolated.
    time_limit_s : float, optional
        When it has passed (s), the step in hand is the last.
    isolated : bool, optional
        Calculate in a process of its own, which can be stopped within a step.

    Returns
    -------
    Relaxed
        Also where the step or time limit came first; see ``stopped_by``.

    Raises
    ------
    StructureError
        The structure makes no sense.
    TheoryError
        ``tblite`` is missing; a periodic structure; an element beyond radon; an impossible charge
        or multiplicity; atoms that coincide at the start or have run into each other at the end;
        charges that do not converge.
    TheoryCancelled, TheoryTimeout
        It was cancelled; a step of an isolated one hung beyond the time limit.
    """
    settings = RelaxSettings() if settings is None else settings
    if not isinstance(settings, RelaxSettings):
        raise TheoryError(f"relax takes RelaxSettings, not {type(settings).__name__}")
    validate_structure(atoms)
    _check_method(atoms)
    multiplicity = checked_multiplicity(atoms, settings.charge, settings.multiplicity)
    check_contacts(atoms, ROUGH_CONTACT, "correct the structure before relaxing it")
    here = available()
    if not here:
        raise TheoryError(here.message)
    check_range("time_limit_s", time_limit_s, 0.001, 1e7, "s")
    # The job itself ends at the time limit; only one that hangs is stopped from here.
    watch = Watch("the relaxation", time_limit_s + GRACE_S if isolated else np.inf, cancel)
    watch.check()
    job = {
        "numbers": atoms.numbers.tolist(),
        "positions_ang": atoms.positions.tolist(),
        "settings": {**asdict(settings), "multiplicity": multiplicity},
        "time_limit_s": float(time_limit_s),
    }

    def report(message: dict[str, Any]) -> None:
        watch.stage = f"step {message['step']}"
        if on_progress is not None:
            on_progress(RelaxStep(**message))
        watch.check()

    result = _isolated(job, report, watch) if isolated else relax_job(job, report)
    if "failure" in result:
        raise TheoryError(result["failure"])
    relaxed = atoms.copy()
    relaxed.calc = None
    relaxed.positions = np.array(result.pop("positions_ang"))
    check_contacts(
        relaxed,
        BROKEN_CONTACT,
        "the relaxation ended in a broken geometry; check charge, multiplicity and the start",
    )
    return Relaxed(
        atoms=relaxed,
        charge=settings.charge,
        multiplicity=multiplicity,
        seconds=watch.elapsed_s,
        version=_version(),
        **result,
    )


def _isolated(
    job: dict[str, Any], report: Callable[[dict[str, Any]], None], watch: Watch
) -> dict[str, Any]:
    """Do the job in a process of its own, whose chatter goes into a file that is thrown away."""
    with scratch_folder("xanes-relax-") as folder:
        try:
            result: dict[str, Any] = run_function(
                relax_job, job, log=folder / "log", watch=watch, on_message=report
            )
        except WorkerFailed as error:
            if lacking := lack_of_room(folder):
                raise SetupError(lacking) from error
            raise TheoryError(f"the relaxation failed: {error}") from error
    return result


def _check_method(atoms: Atoms) -> None:
    """Raise a TheoryError for what GFN2-xTB, as used here, does not treat."""
    if atoms.pbc.any():
        raise TheoryError(
            "only molecules are relaxed here, this structure is periodic: cut out the complex, or "
            "switch periodicity off"
        )
    heaviest = int(atoms.numbers.max())
    if heaviest > MAX_Z:
        raise TheoryError(
            f"GFN2-xTB has no parameters for {chemical_symbols[heaviest]}; it goes up to radon"
        )

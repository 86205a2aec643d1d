"""What every theory engine offers, and what a run gives back.

Writing an input, running the program and reading its output are separate steps: inputs can be
downloaded and outputs read where the program itself is missing.
"""

from __future__ import annotations

import contextlib
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from numpy.typing import ArrayLike

from xanes_core.constants import ABSORBERS
from xanes_core.errors import SetupError, TheoryCancelled, TheoryError, XanesError
from xanes_core.spectra import XANES, Spectrum, feff_to_grid
from xanes_core.structures import checked_index, validate_structure
from xanes_core.theory.process import working_folder
from xanes_core.theory.scratch import full_disk, lack_of_room
from xanes_core.theory.watch import RunOptions, Watch

#: Note of a run that the settings accept although its potentials did not converge.
UNCONVERGED_NOTE = "The potentials did not converge; the spectrum may be off."


@dataclass(frozen=True)
class Availability:
    """Whether an engine can run here; ``message`` says so, or how to get it. Usable as a bool."""

    ok: bool
    message: str

    def __bool__(self) -> bool:
        """Whether the engine can run."""
        return self.ok


@dataclass(frozen=True, eq=False)
class TheoryResult:
    """Outcome of a run.

    Attributes
    ----------
    spectrum : Spectrum
        What to compare: broadened and in edge steps (XANES), on the engine's own energies.
    native : Spectrum
        As the engine wrote it; the same object where nothing had to be done.
    engine, engine_version : str
        Key of the engine; version, empty where unknown.
    element : str
        Absorber.
    settings : dict
        Every setting of the run.
    seconds : float
        Wall-clock time (s).
    input_text : str
        Input that was run, complete.
    log : str
        Last lines of the engine's log.
    notes : tuple of str
        What was done beyond the plain recipe, one sentence each.
    """

    spectrum: Spectrum
    native: Spectrum
    engine: str
    engine_version: str
    element: str
    settings: dict[str, Any]
    seconds: float
    input_text: str
    log: str = ""
    notes: tuple[str, ...] = ()

    def on_grid(
        self, grid_rel_ev: ArrayLike | None = None, *, e0_ev: float | None = None
    ) -> Spectrum:
        """Return the spectrum on a model's grid, continued smoothly to zero below its start.

        Parameters
        ----------
        grid_rel_ev : array_like, (k,), optional
            Energies relative to E0 (eV), ascending; the grid of the XANES models if left out.
        e0_ev : float, optional
            Edge energy (eV) the grid is relative to; the spectrum's own if left out.

        Raises
        ------
        SpectrumError
            The grid reaches above the calculated energies, or does not meet them at all.
        TheoryError
            The spectrum has no E0 and none is given.
        """
        grid = XANES.energy_rel_ev if grid_rel_ev is None else np.asarray(grid_rel_ev, dtype=float)
        e0 = self.spectrum.e0_ev if e0_ev is None else float(e0_ev)
        if e0 is None:
            raise TheoryError("the spectrum has no E0: give e0_ev, the edge energy in eV")
        mu = feff_to_grid(self.spectrum.energy_ev, self.spectrum.mu, e0_ev=e0, grid_rel_ev=grid)
        return replace(self.spectrum, energy_ev=grid + e0, mu=mu, e0_ev=e0)


@dataclass(frozen=True, eq=False)
class Order:
    """A run as the engine's own part gets it: all is checked, and there is a folder to work in."""

    atoms: Atoms
    absorber: int
    settings: Any
    element: str
    input_text: str
    folder: Path
    watch: Watch


class TheoryEngine(ABC):
    """One program that calculates spectra. Objects hold no state of a run."""

    #: Short name for files and code.
    key: ClassVar[str]
    #: Name for people.
    title: ClassVar[str]
    #: Class of the settings; its defaults are the recipe.
    settings_type: ClassVar[type]
    #: Name under which a person saves the input.
    input_name: ClassVar[str]
    #: How long a run may take (s) where the caller does not say.
    time_limit_s: ClassVar[float]

    @abstractmethod
    def version(self) -> str:
        """Version of the program; empty where it is missing or does not say."""

    @abstractmethod
    def available(self) -> Availability:
        """Whether the program can run here, with a sentence on how to get it where not."""

    @abstractmethod
    def write_input(self, atoms: Atoms, absorber: int = 0, settings: Any = None) -> str:
        """Complete input for one absorber, to be run here or by hand."""

    @abstractmethod
    def parse(self, text: str, *, element: str | None = None) -> Spectrum:
        """Spectrum in the program's output; ``element`` where the output does not name it."""

    @abstractmethod
    def _calculate(self, order: Order) -> TheoryResult:
        """Run the program on a written input and read the result."""

    def run(
        self,
        atoms: Atoms,
        absorber: int = 0,
        settings: Any = None,
        options: RunOptions | None = None,
    ) -> TheoryResult:
        """Write the input, run the program in a process of its own, and read the result.

        Parameters
        ----------
        atoms, absorber
            Structure and index of the absorbing atom.
        settings : optional
            Of the engine's ``settings_type``; its defaults if left out.
        options : RunOptions, optional
            How the run is followed and stopped, and where it keeps its files.

        Raises
        ------
        StructureError, TheoryError
            The input cannot be written; the program is missing, fails or does not converge.
        SetupError
            The working folder has no room: whatever failed, failed for that.
        TheoryCancelled, TheoryTimeout
            It was stopped; no process is left behind.
        """
        with self.ordered(atoms, absorber, settings, options) as order:
            return self._calculate(order)

    @contextlib.contextmanager
    def ordered(
        self,
        atoms: Atoms,
        absorber: int = 0,
        settings: Any = None,
        options: RunOptions | None = None,
    ) -> Iterator[Order]:
        """Everything that a calculation needs, checked, with a folder that lasts as long.

        Parameters and errors before the calculation as for :meth:`run`.

        Raises
        ------
        StructureError, TheoryError
            The input cannot be written, or the program is missing.
        """
        options = RunOptions() if options is None else options
        settings = self.checked_settings(settings)
        element = absorber_symbol(atoms, absorber)
        text = self.write_input(atoms, absorber, settings)
        here = self.available()
        if not here:
            raise TheoryError(here.message)
        limit_s = self.time_limit_s if options.time_limit_s is None else options.time_limit_s
        watch = Watch(self.title, limit_s, options.cancel, options.on_progress)
        with working_folder(options.work_dir) as folder, _with_room(folder):
            yield Order(atoms, absorber, settings, element, text, folder, watch)

    def checked_settings(self, settings: Any) -> Any:
        """Return the settings, the defaults for None; a TheoryError for another engine's."""
        if settings is None:
            return self.settings_type()
        if not isinstance(settings, self.settings_type):
            raise TheoryError(
                f"{self.title} takes {self.settings_type.__name__}, not {type(settings).__name__}"
            )
        return settings

    def cache_key(self, atoms: Atoms, absorber: int = 0, settings: Any = None) -> str:
        """Hexadecimal name (64 digits) of a calculation: same input, settings, program version."""
        settings = self.checked_settings(settings)
        parts = (self.key, self.version(), repr(sorted(asdict(settings).items())))
        text = "\n".join((*parts, self.write_input(atoms, absorber, settings)))
        return hashlib.sha256(text.encode()).hexdigest()


@contextlib.contextmanager
def _with_room(folder: Path) -> Iterator[None]:
    """Tell a full disk from a failure of what is calculated, or from a result that was cut short.

    Raises
    ------
    SetupError
        Files of the run have no room.
    """
    try:
        yield
    except TheoryCancelled:
        raise
    except OSError as error:
        raise SetupError(full_disk(error, folder)) from error
    except XanesError as error:
        if lacking := lack_of_room(folder):
            raise SetupError(lacking) from error
        raise
    if lacking := lack_of_room(folder):
        raise SetupError(lacking)


def absorber_symbol(atoms: Atoms, absorber: int) -> str:
    """Element of the absorber of a valid structure.

    Raises
    ------
    StructureError
        The structure makes no sense, or there is no such atom.
    TheoryError
        The atom is none of the supported metals.
    """
    validate_structure(atoms)
    symbol: str = chemical_symbols[atoms.numbers[checked_index(atoms, absorber)]]
    if symbol not in ABSORBERS:
        raise TheoryError(
            f"atom {absorber} is {symbol}: choose an absorber among {', '.join(ABSORBERS)}"
        )
    return symbol


def check_range(name: str, value: float, low: float, high: float, unit: str = "") -> None:
    """Raise a TheoryError unless a setting is a number between two limits."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not (number and low <= value <= high):
        unit = f" {unit}" if unit else ""
        raise TheoryError(f"{name} must lie between {low:g} and {high:g}{unit}, got {value!r}")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise a TheoryError unless a setting is one of the words it may be."""
    if value not in choices:
        raise TheoryError(f"{name} must be one of {', '.join(choices)}, got {str(value)[:40]!r}")


def check_flag(name: str, value: bool) -> None:
    """Raise a TheoryError unless a setting is True or False."""
    if not isinstance(value, bool):
        raise TheoryError(f"{name} must be True or False, got {value!r}")


def check_integer(name: str, value: int) -> None:
    """Raise a TheoryError unless a setting is a whole number."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise TheoryError(f"{name} must be a whole number, got {value!r}")

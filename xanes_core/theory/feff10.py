"""FEFF10 (real-space full multiple scattering) through the ``feff10-rs`` package."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ase import Atoms

from xanes_core.errors import TheoryError
from xanes_core.spectra import Spectrum
from xanes_core.theory.base import (
    UNCONVERGED_NOTE,
    Availability,
    Order,
    TheoryEngine,
    TheoryResult,
)
from xanes_core.theory.feff10_io import (
    MAX_SCF_RADIUS_ANG,
    Feff10Settings,
    converged,
    explain_failure,
    feff_cluster,
    misses_an_element,
    needs_hydrogen_p,
    parse_xmu,
    runs_away,
    write_feff,
)
from xanes_core.theory.feff10_job import STAGES, run_stages
from xanes_core.theory.feff10_phases import AtomPhases, parse_phases
from xanes_core.theory.process import (
    LOG_LINES,
    WorkerFailed,
    read_if_there,
    run_function,
)
from xanes_core.theory.watch import RunOptions, Watch

#: The stage that gives the spectrum.
LAST_STAGE = next(reversed(STAGES))
#: Note of a run that was repeated.
HYDROGEN_NOTE = (
    "The potentials failed on hydrogen and were made once more with p states on hydrogen."
)

RADIUS_NOTE = (
    f"The potentials were made within {MAX_SCF_RADIUS_ANG:g} A, because FEFF10 did not find every "
    "element within the radius asked for."
)


class Feff10(TheoryEngine):
    """FEFF10 engine; see :class:`Feff10Settings` for the recipe.

    A run takes 10 to 40 s for 35 to 60 atoms within 6 A, and reports each stage and each cycle.
    """

    key = "feff10"
    title = "FEFF10"
    settings_type = Feff10Settings
    input_name = "feff.inp"
    time_limit_s = 600.0

    def version(self) -> str:
        """Version of ``feff10-rs``; empty where it is not installed."""
        try:
            return importlib.metadata.version("feff10-rs")
        except importlib.metadata.PackageNotFoundError:
            return ""

    def available(self) -> Availability:
        """Whether ``feff10-rs`` is installed."""
        if importlib.util.find_spec("feff10") is None:
            return Availability(False, "FEFF10 is not installed: pip install feff10-rs")
        return Availability(True, f"FEFF10 (feff10-rs {self.version()}) is installed")

    def write_input(
        self, atoms: Atoms, absorber: int = 0, settings: Feff10Settings | None = None
    ) -> str:
        """Complete ``feff.inp``; errors as :func:`~xanes_core.theory.feff10_io.write_feff`."""
        return write_feff(atoms, absorber, self.checked_settings(settings))

    def parse(self, text: str, *, element: str | None = None) -> Spectrum:
        """Spectrum in ``xmu.dat``; errors as :func:`~xanes_core.theory.feff10_io.parse_xmu`."""
        return parse_xmu(text, element=element)

    def _calculate(self, order: Order) -> TheoryResult:
        left_out = feff_cluster(order.atoms, order.absorber, order.settings).note
        done = _attempts(order)
        settings = done.settings
        notes = [left_out] if left_out else []
        spectrum = _read_result(done.folder, order.element, settings.spectrum)
        return TheoryResult(
            spectrum=spectrum,
            native=spectrum,
            engine=self.key,
            engine_version=self.version(),
            element=order.element,
            settings=asdict(settings),
            seconds=order.watch.elapsed_s,
            input_text=done.text,
            log="\n".join(done.log.splitlines()[-LOG_LINES:]),
            notes=(*notes, *done.notes),
        )

    def phases(
        self,
        atoms: Atoms,
        absorber: int = 0,
        settings: Feff10Settings | None = None,
        options: RunOptions | None = None,
    ) -> list[AtomPhases]:
        """Potentials and phase shifts of all kinds of atoms, without a spectrum.

        Parameters
        ----------
        atoms, absorber, settings, options
            As for :meth:`~xanes_core.theory.base.TheoryEngine.run`.

        Raises
        ------
        StructureError, TheoryError
            The input cannot be written, or FEFF10 is missing, fails or does not converge.
        TheoryCancelled, TheoryTimeout
            It was stopped; no process is left behind.
        """
        with self.ordered(atoms, absorber, settings, options) as order:
            done = _attempts(order, last="xsph")
            files = sorted(done.folder.glob("phase[0-9][0-9].dat"))
            return [parse_phases(path.read_text(errors="replace")) for path in files]


def _remedy(log: str, settings: Feff10Settings, atoms: Atoms) -> tuple[Feff10Settings, str] | None:
    """Settings that cure a failure of the potentials, with a note; None where none is known."""
    if needs_hydrogen_p(log) and not settings.hydrogen_p and 1 in atoms.numbers:
        return replace(settings, hydrogen_p=True), HYDROGEN_NOTE
    # FEFF10 counts fewer atoms within the radius than there are, so a margin may not be enough
    if misses_an_element(log) and settings.scf_radius_ang < MAX_SCF_RADIUS_ANG:
        return replace(settings, scf_radius_ang=MAX_SCF_RADIUS_ANG), RADIUS_NOTE
    return None


@dataclass(frozen=True)
class _Done:
    """An attempt that succeeded: its input, folder and log, and how it differs from the order."""

    text: str
    folder: Path
    log: str
    settings: Feff10Settings
    notes: tuple[str, ...]


def _attempts(order: Order, last: str = LAST_STAGE) -> _Done:
    """Run the stages to the ``last`` one, again with what cures a failure of the potentials."""
    settings, notes = order.settings, []
    for number in (1, 2, 3):
        text = write_feff(order.atoms, order.absorber, settings)
        if last != LAST_STAGE:  # the second number writes the phase shifts into files
            text = re.sub(r"(?m)^PRINT.*$", "PRINT 0 2 0 0 0 0", text)
        attempt = order.folder / f"run{number}"
        log, why = _attempt(text, attempt, order.watch, last)
        remedy = _remedy(log, settings, order.atoms) if why else None
        if remedy is None:
            break
        settings, note = remedy
        notes.append(note)
    if why:
        raise TheoryError(why)
    if converged(log) is False:
        if not settings.accept_unconverged:
            raise TheoryError(
                f"FEFF10's potentials did not converge in {settings.scf_cycles} cycles: "
                "relax the structure, lower scf_mixing, or allow more cycles"
            )
        notes.append(UNCONVERGED_NOTE)
    return _Done(text, attempt, log, settings, tuple(notes))


def _attempt(text: str, folder: Path, watch: Watch, last: str) -> tuple[str, str]:
    """Run the stages once, to the ``last`` one.

    FEFF10's log of the potentials, and why it failed (empty: it did not).
    """
    folder.mkdir()
    (folder / "feff.inp").write_text(text)
    reporter = _Reporter(folder, watch)
    try:
        run_function(
            run_stages,
            {"folder": str(folder), "input": text, "last": last},
            log=folder / "worker.log",
            watch=watch,
            on_message=reporter.stage,
            on_tick=reporter.tick,
        )
    except WorkerFailed as error:
        log = read_if_there(folder / "log1.dat")
        if error.error_type and not error.error_type.startswith("Feff"):
            return log, f"FEFF10 could not be started: {error}"
        # the log of the potentials has the last word only while these are made
        said = "" if reporter.name == "pot" else read_if_there(folder / "worker.log")
        said = f"{log}\n{said.partition('Traceback (most recent call last)')[0]}"
        return log, explain_failure(said, STAGES.get(reporter.name, ""))
    return read_if_there(folder / "log1.dat"), ""


class _Reporter:
    """Turns stages, and the cycles that the potentials write into their log, into progress.

    Ends a run whose log says that the potentials will never be done.
    """

    def __init__(self, folder: Path, watch: Watch) -> None:
        self.name = ""
        self._log = folder / "log1.dat"
        self._watch = watch
        self._detail = ""

    def stage(self, name: str) -> None:
        self.name = name
        self._detail = ""
        self._send()

    def tick(self) -> None:
        if self.name != "pot":
            return
        log = read_if_there(self._log)
        if runs_away(log):  # it would take the whole of the time limit
            raise TheoryError(explain_failure(log, STAGES[self.name]))
        cycles = re.findall(r"SCF ITERATION NUMBER\s+(\d+)", log)
        # a log that is being rewritten is empty for a moment: what was known stays
        detail = f"cycle {cycles[-1]}" if cycles else self._detail
        if detail != self._detail:
            self._detail = detail
            self._send()

    def _send(self) -> None:
        done = list(STAGES).index(self.name)
        self._watch.report(STAGES[self.name], done, len(STAGES), self._detail)


def _read_result(folder: Path, element: str, spectrum: str) -> Spectrum:
    text = read_if_there(folder / "xmu.dat")
    if not text:
        raise TheoryError("FEFF10 ended without a spectrum: no xmu.dat was written")
    return parse_xmu(text, element=element, spectrum=spectrum)

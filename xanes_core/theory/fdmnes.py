"""FDMNES: runs where the user has it on the PATH; inputs and outputs work without it."""

from __future__ import annotations

import re
import shutil
from dataclasses import asdict
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
from xanes_core.theory.fdmnes_io import (
    OUTPUT_STEM,
    FdmnesSettings,
    parse_bav,
    parse_fdmnes,
    write_fdmnes,
)
from xanes_core.theory.process import LOG_LINES, read_if_there, run_program
from xanes_core.theory.watch import Watch

INPUT_NAME = "fdmnes_in.txt"


class Fdmnes(TheoryEngine):
    """FDMNES engine: minutes for 70 atoms within 6 A; a result is broadened.

    Parameters
    ----------
    executable : str, optional
        Name of the program on the PATH.
    """

    key = "fdmnes"
    title = "FDMNES"
    settings_type = FdmnesSettings
    input_name = INPUT_NAME
    time_limit_s = 3600.0

    def __init__(self, executable: str = "fdmnes") -> None:
        self.executable = executable

    def version(self) -> str:
        """Return an empty text: the program says its version only in the log of a run."""
        return ""

    def available(self) -> Availability:
        """Whether the program is on the PATH."""
        if shutil.which(self.executable) is None:
            return Availability(
                False,
                f"FDMNES is not on the PATH: get it from https://fdmnes.neel.cnrs.fr and put it "
                f"there under the name {self.executable}, or run the input elsewhere and read its "
                "output",
            )
        return Availability(True, "FDMNES is on the PATH")

    def write_input(
        self, atoms: Atoms, absorber: int = 0, settings: FdmnesSettings | None = None
    ) -> str:
        """Complete input; errors as :func:`~xanes_core.theory.fdmnes_io.write_fdmnes`."""
        return write_fdmnes(atoms, absorber, self.checked_settings(settings))

    def parse(self, text: str, *, element: str | None = None) -> Spectrum:
        """Spectrum of a ``.txt`` or ``_conv.txt`` file; errors as ``parse_fdmnes``."""
        return parse_fdmnes(text, element=element)

    def _calculate(self, order: Order) -> TheoryResult:
        folder = order.folder
        (folder / INPUT_NAME).write_text(order.input_text)
        (folder / "fdmfile.txt").write_text(f"1\n{INPUT_NAME}\n")
        reporter = _Reporter(folder, order.settings, order.watch)
        reporter.tick()
        code = run_program(
            [str(Path(shutil.which(self.executable) or self.executable).resolve())],
            folder=folder,
            log=folder / "fdmnes.log",
            watch=order.watch,
            on_tick=reporter.tick,
        )
        return self._result(order, code)

    def _result(self, order: Order, code: int) -> TheoryResult:
        """Read what a run left in its folder, or say why there is nothing."""
        folder, settings = order.folder, order.settings
        said = read_if_there(folder / "fdmnes.log")
        complaint = read_if_there(folder / "fdmnes_error.txt")
        output = read_if_there(_output(folder))
        if complaint or not output:
            words = " ".join((complaint or said).split())[-300:]
            raise TheoryError(
                f"FDMNES ended without a spectrum (exit code {code}): "
                + (words or "it did not say why")
            )
        native = parse_fdmnes(output, element=order.element)
        notes: list[str] = []
        bav = read_if_there(folder / f"{OUTPUT_STEM}_bav.txt")
        version = ""
        if bav:
            record = parse_bav(bav)
            version = record.version
            if record.scf_converged is False:
                if not settings.accept_unconverged:
                    raise TheoryError(
                        "FDMNES's potentials did not converge: relax the structure, or calculate "
                        "without self-consistency"
                    )
                notes.append(UNCONVERGED_NOTE)
        return TheoryResult(
            spectrum=settings.convolution.apply(native),
            native=native,
            engine=self.key,
            engine_version=version,
            element=order.element,
            settings=asdict(settings),
            seconds=order.watch.elapsed_s,
            input_text=order.input_text,
            log="\n".join(said.splitlines()[-LOG_LINES:]),
            notes=tuple(notes),
        )


def _output(folder: Path) -> Path:
    """File of the unconvolved spectrum; some versions add the absorber's number to its name."""
    plain = folder / f"{OUTPUT_STEM}.txt"
    if plain.is_file():
        return plain
    numbered = re.compile(rf"{OUTPUT_STEM}_\d+\.txt")
    outputs = sorted(path for path in folder.iterdir() if numbered.fullmatch(path.name))
    return outputs[0] if outputs else plain


class _Reporter:
    """Turns the energies that FDMNES has written so far into progress."""

    def __init__(self, folder: Path, settings: FdmnesSettings, watch: Watch) -> None:
        self._folder = folder
        self._watch = watch
        grid = settings.range_ev
        pairs = zip(grid[:-2:2], grid[2::2], strict=True)
        steps = zip(pairs, grid[1::2], strict=True)
        self._total = 1 + sum(round((high - low) / step) for (low, high), step in steps)
        self._last = -1

    def tick(self) -> None:
        """Report when more energies are done than last time."""
        lines = read_if_there(_output(self._folder)).splitlines()
        done = min(sum(line[:6].strip()[:1] in "-0123456789" for line in lines[2:]), self._total)
        if done == self._last:
            return
        self._last = done
        stage = f"{done} of {self._total} energies" if done else "potentials"
        self._watch.report(stage, done, self._total)

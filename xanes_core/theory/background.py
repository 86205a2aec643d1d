"""What the background jobs do: run an engine or relax a structure, and keep the outcome on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from ase import Atoms

from xanes_core.errors import TheoryError
from xanes_core.structures import ROUGH_CONTACT, check_contacts, environment
from xanes_core.theory import relaxation
from xanes_core.theory.base import TheoryEngine, TheoryResult
from xanes_core.theory.cache import DiskCache, store_result
from xanes_core.theory.jobs import Work
from xanes_core.theory.relaxation import Relaxed, RelaxSettings, RelaxStep
from xanes_core.theory.watch import Progress, RunOptions

#: Radius (A) within which the atoms are counted for an estimate.
ESTIMATE_RADIUS_ANG = 6.0
#: Longest run (s): a busy machine takes ten times as long, and a person can cancel.
TIME_LIMIT_S = 7200.0
_RELAXED_FACTS = (
    "energy_ev", "start_energy_ev", "fmax_ev_per_ang", "n_steps", "converged", "stopped_by",
    "charge", "multiplicity", "seconds", "version",
)  # fmt: skip


def theory_work(
    engine: TheoryEngine, atoms: Atoms, absorber: int, settings: Any, cache: DiskCache
) -> Work:
    """Work of a job that runs an engine and gives a TheoryResult.

    Atoms that have run into each other are refused at once, in words that the engines lack. A
    result that cannot be kept on disk is given all the same, with a note.
    """

    def work(report: Callable[[Progress], None], should_stop: Callable[[], bool]) -> TheoryResult:
        check_contacts(atoms, ROUGH_CONTACT, "correct the structure first")
        options = RunOptions(report, should_stop, TIME_LIMIT_S)
        result = engine.run(atoms, absorber, settings, options)
        try:
            store_result(cache, engine.cache_key(atoms, absorber, settings), result)
        except TheoryError as error:
            return replace(result, notes=(*result.notes, _sentence(error)))
        return result

    return work


def _sentence(error: TheoryError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def feff_seconds(atoms: Atoms, absorber: int) -> tuple[float, int]:
    """Rough time of a FEFF10 run with the default recipe on one core (s), and atoms within 6 A.

    A power law through runs of the example complexes; the potentials, which take most of the
    time, may need twice as many cycles for one complex as for the next.
    """
    count = len(environment(atoms, absorber, ESTIMATE_RADIUS_ANG).numbers) + 1
    return 4.0 + 0.04 * count**1.5, count


# --- relaxation ----------------------------------------------------------------------------------
def relax_key(atoms: Atoms, settings: RelaxSettings) -> str:
    """Hexadecimal name (64 digits) of a relaxation: same atoms, settings and program."""
    about = {**asdict(settings), "program": relaxation.available().message}
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    digest.update(np.asarray(atoms.numbers, dtype="<i8").tobytes())
    digest.update(np.asarray(atoms.positions, dtype="<f8").tobytes())
    return digest.hexdigest()


def relax_work(atoms: Atoms, settings: RelaxSettings, cache: DiskCache) -> Work:
    """Work of a job that relaxes a structure in a process of its own and gives a Relaxed."""

    def work(report: Callable[[Progress], None], should_stop: Callable[[], bool]) -> Relaxed:
        def step(state: RelaxStep) -> None:
            force = f"largest force {state.fmax_ev_per_ang:.3f} eV/\u00c5"
            detail = f"energy {state.energy_ev:.3f} eV, {force}"
            report(Progress(f"step {state.step}", state.step, settings.max_steps, 0.0, detail))

        relaxed = relaxation.relax(
            atoms, settings, isolated=True,
            on_progress=step, cancel=should_stop, time_limit_s=TIME_LIMIT_S,
        )  # fmt: skip
        facts = {name: getattr(relaxed, name) for name in _RELAXED_FACTS}
        try:
            cache.store(
                relax_key(atoms, settings), {"positions_ang": relaxed.atoms.positions}, facts
            )
        except TheoryError:
            return relaxed  # the next visit relaxes again, nothing else is lost
        return relaxed

    return work


def load_relaxed(cache: DiskCache, atoms: Atoms, settings: RelaxSettings) -> Relaxed | None:
    """Relaxation of these atoms that was kept on disk; None where there is none."""
    entry = cache.load(relax_key(atoms, settings))
    if entry is None:
        return None
    arrays, facts = entry
    positions = arrays.get("positions_ang")
    if set(facts) != set(_RELAXED_FACTS) or positions is None:
        return None
    if positions.shape != atoms.positions.shape:
        return None
    relaxed = atoms.copy()
    relaxed.calc = None
    relaxed.positions = positions
    return Relaxed(atoms=relaxed, **facts)

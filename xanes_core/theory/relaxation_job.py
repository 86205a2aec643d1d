"""The part of a relaxation that may happen in a worker process; needs ``tblite`` and ASE alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from ase import Atoms

#: Largest step of an atom (A).
MAX_STEP_ANG = 0.2


def relax_job(job: dict[str, Any], report: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Relax ``job["numbers"]``, ``job["positions_ang"]`` and return the end, or ``failure``."""
    # slow to load, and the process that asks for a relaxation needs none of them
    from ase.calculators.calculator import CalculatorError
    from ase.optimize import LBFGS
    from tblite.ase import TBLite

    start = time.monotonic()
    settings = job["settings"]
    atoms = Atoms(job["numbers"], positions=np.array(job["positions_ang"], dtype=float))
    atoms.calc = TBLite(
        method="GFN2-xTB",
        charge=float(settings["charge"]),
        multiplicity=settings["multiplicity"],
        max_iterations=settings["scf_iterations"],
        verbosity=0,
    )
    # ASE takes None for no log, which its types leave out
    optimiser = LBFGS(atoms, logfile=None, maxstep=MAX_STEP_ANG)  # type: ignore[arg-type]
    states = []
    late = False
    try:
        for _ in optimiser.irun(fmax=settings["fmax_ev_per_ang"], steps=settings["max_steps"]):
            largest = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
            states.append((float(atoms.get_potential_energy()), largest))
            if not np.isfinite(states[-1]).all():
                return {"failure": "GFN2-xTB gave an energy or forces that are not numbers"}
            keys = ("step", "energy_ev", "fmax_ev_per_ang")
            report(dict(zip(keys, (optimiser.nsteps, *states[-1]), strict=True)))
            late = time.monotonic() - start > job["time_limit_s"]
            if late:
                break
    except CalculatorError as error:
        return {"failure": _in_words(str(error), len(states))}
    energy, largest = states[-1]
    converged = largest < settings["fmax_ev_per_ang"]
    stopped_by = "force limit" if converged else "time limit" if late else "step limit"
    return {
        "positions_ang": atoms.positions.tolist(),
        "energy_ev": energy,
        "start_energy_ev": states[0][0],
        "fmax_ev_per_ang": largest,
        "n_steps": int(optimiser.nsteps),
        "converged": converged,
        "stopped_by": stopped_by,
    }


def _in_words(said: str, n_states: int) -> str:
    """Why ``tblite`` gave up."""
    said = " ".join(said.split())[:200]
    where = f"after {n_states - 1} steps" if n_states else "at the start"
    if "not converge" in said.lower() or "scf" in said.lower():
        return (
            f"the charges of GFN2-xTB did not converge {where}: check charge and geometry, or try "
            "another multiplicity"
        )
    return f"GFN2-xTB failed {where}: {said}"

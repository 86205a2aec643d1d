"""Theory engines and how they run: write an input, run the program, read its output.

>>> from xanes_core.theory import get_engine
>>> get_engine("feff10").available().ok  # doctest: +SKIP
True
"""

from xanes_core.errors import SetupError, TheoryCancelled, TheoryError, TheoryTimeout
from xanes_core.theory.background import (
    feff_seconds,
    load_relaxed,
    relax_key,
    relax_work,
    theory_work,
)
from xanes_core.theory.base import (
    UNCONVERGED_NOTE,
    Availability,
    TheoryEngine,
    TheoryResult,
)
from xanes_core.theory.cache import DiskCache, load_result
from xanes_core.theory.convolution import Convolution
from xanes_core.theory.fdmnes import Fdmnes
from xanes_core.theory.fdmnes_io import FdmnesLog, FdmnesSettings, parse_bav
from xanes_core.theory.feff10 import HYDROGEN_NOTE, Feff10
from xanes_core.theory.feff10_io import Feff10Settings, feff_cluster
from xanes_core.theory.feff10_phases import AtomPhases, parse_phases
from xanes_core.theory.jobs import Job, JobRunner, JobState, Work
from xanes_core.theory.relaxation import Relaxed, RelaxSettings, relax
from xanes_core.theory.scratch import full_disk, lack_of_room, sweep
from xanes_core.theory.watch import Progress, RunOptions

#: Engines by key, in the order in which they are offered.
ENGINES: dict[str, TheoryEngine] = {engine.key: engine for engine in (Feff10(), Fdmnes())}


def get_engine(key: str) -> TheoryEngine:
    """Engine by its key ("feff10" or "fdmnes"); a TheoryError for any other."""
    if key not in ENGINES:
        raise TheoryError(
            f"there is no theory engine {str(key)[:40]!r}: choose {' or '.join(ENGINES)}"
        )
    return ENGINES[key]


__all__ = [
    "ENGINES",
    "HYDROGEN_NOTE",
    "UNCONVERGED_NOTE",
    "AtomPhases",
    "Availability",
    "Convolution",
    "DiskCache",
    "Fdmnes",
    "FdmnesLog",
    "FdmnesSettings",
    "Feff10",
    "Feff10Settings",
    "Job",
    "JobRunner",
    "JobState",
    "Progress",
    "RelaxSettings",
    "Relaxed",
    "RunOptions",
    "SetupError",
    "TheoryCancelled",
    "TheoryEngine",
    "TheoryError",
    "TheoryResult",
    "TheoryTimeout",
    "Work",
    "feff_cluster",
    "feff_seconds",
    "full_disk",
    "get_engine",
    "lack_of_room",
    "load_relaxed",
    "load_result",
    "parse_bav",
    "parse_phases",
    "relax",
    "relax_key",
    "relax_work",
    "sweep",
    "theory_work"
]  # fmt: skip

"""Theory engines: write an input, run the program, read its output.

>>> from xanes_core.theory import get_engine
>>> get_engine("feff10").available().ok  # doctest: +SKIP
True
"""

from xanes_core.theory.base import (
    Availability,
    Progress,
    TheoryCancelled,
    TheoryEngine,
    TheoryError,
    TheoryResult,
    TheoryTimeout,
)
from xanes_core.theory.convolution import Convolution
from xanes_core.theory.fdmnes import Fdmnes
from xanes_core.theory.fdmnes_io import FdmnesSettings
from xanes_core.theory.feff10 import Feff10
from xanes_core.theory.feff10_io import Feff10Settings

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
    "Availability",
    "Convolution",
    "Fdmnes",
    "FdmnesSettings",
    "Feff10",
    "Feff10Settings",
    "Progress",
    "TheoryCancelled",
    "TheoryEngine",
    "TheoryError",
    "TheoryResult",
    "TheoryTimeout",
    "get_engine",
]

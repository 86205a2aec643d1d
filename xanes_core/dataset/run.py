"""How tasks are run: where they are calculated, with what, who watches and who ends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from xanes_core.dataset.assembly import Assembler
from xanes_core.dataset.task import ComplexOutcome, Stop, Tools
from xanes_core.workers import Spread


def unwatched(news: object) -> None:
    """What is called where nobody watches."""


@dataclass(frozen=True, eq=False)
class Run:
    """How a training set is made to grow, whatever it is to grow by.

    Attributes
    ----------
    spread : Spread
        Where tasks are calculated.
    tools : Tools
        What calculates; the tools of the recipe by default.
    assembler : Assembler or None
        What draws complexes; one with the shares and the focus of the growth for None.
    stop : Stop
        Set its ``event`` to end the run.
    on_plan, on_outcome : callable
        Called, in the thread of the run, with the number of records still missing and with each
        :class:`~xanes_core.dataset.task.ComplexOutcome`.
    round_size : int
        Tasks that are handed out at once, per job: many, for cores idle at the end of a round.
    max_known : int
        Candidates in a row that are all known, or cannot be assembled, before a source counts as
        empty.
    max_failures : int
        Failures in a row after which the run is thought to be broken.
    """

    spread: Spread = field(default_factory=Spread)
    tools: Tools = field(default_factory=Tools)
    assembler: Assembler | None = None
    stop: Stop = field(default_factory=Stop)
    on_plan: Callable[[int], None] = unwatched
    on_outcome: Callable[[ComplexOutcome], None] = unwatched
    round_size: int = 48
    max_known: int = 2000
    max_failures: int = 40

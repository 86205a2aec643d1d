"""How tasks are run: where they are calculated, with what, who watches and who ends it."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from joblib import Parallel, delayed, parallel_config

from xanes_core.dataset.assembly import Assembler
from xanes_core.dataset.task import ComplexOutcome, Stop, Tools
from xanes_core.errors import DatasetError

BACKENDS = ("threading", "loky", "dask")

_Given = TypeVar("_Given")
_Returned = TypeVar("_Returned")


class Workers(Protocol):
    """What calls a function for each of some tasks and gives what it returns, in any order."""

    def __call__(
        self, function: Callable[[_Given], _Returned], tasks: Iterable[_Given]
    ) -> Generator[_Returned, None, None]:
        """Call the function for each task."""


@dataclass(frozen=True)
class Spread:
    """Where tasks run: a joblib backend, how many at once, and the address of a Dask scheduler.

    Raises
    ------
    DatasetError
        An unknown backend, or one of ``dask`` and an address without the other.
    """

    backend: str = "threading"
    n_jobs: int = 1
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise DatasetError(
                f"there is no backend {self.backend!r}: choose {', '.join(BACKENDS)}"
            )
        if (self.scheduler is not None) != (self.backend == "dask"):
            raise DatasetError("a scheduler's address and the backend dask belong together")

    @contextlib.contextmanager
    def workers(self) -> Iterator[Workers]:
        """``work(function, tasks)``: what the function returns, in order of completion.

        Raises
        ------
        DatasetError
            Dask is not installed, or its scheduler does not answer.
        """
        with contextlib.ExitStack() as stack:
            options: dict[str, Any] = {"n_jobs": self.n_jobs}
            if self.scheduler is not None:
                stack.enter_context(_dask_client(self.scheduler))
                options["n_jobs"] = -1  # the cluster knows how many
            stack.enter_context(parallel_config(backend=self.backend, **options))
            yield _work


def _work(
    function: Callable[[_Given], _Returned], tasks: Iterable[_Given]
) -> Generator[_Returned, None, None]:
    parallel = Parallel(return_as="generator_unordered", batch_size=1)
    results: Generator[_Returned, None, None] = parallel(delayed(function)(task) for task in tasks)
    return results


def _dask_client(address: str) -> contextlib.AbstractContextManager[object]:
    if importlib.util.find_spec("distributed") is None:
        raise DatasetError("the backend dask needs: pip install 'xanes-explorer[dask]'")
    from distributed import Client

    try:
        client: contextlib.AbstractContextManager[object] = Client(address, timeout=10)
    except (OSError, TimeoutError, ValueError) as error:
        raise DatasetError(
            f"no Dask scheduler answers at {address} ({type(error).__name__}): start one with "
            "`dask scheduler`, then workers with `dask worker ADDRESS`"
        ) from error
    return client


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

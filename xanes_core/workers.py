"""Where many tasks are calculated: threads, processes or a cluster."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

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
            from joblib import parallel_config  # a tenth of a second that most commands need not

            stack.enter_context(parallel_config(backend=self.backend, **options))
            yield _work


def _work(
    function: Callable[[_Given], _Returned], tasks: Iterable[_Given]
) -> Generator[_Returned, None, None]:
    from joblib import Parallel, delayed

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

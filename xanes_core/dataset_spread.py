"""Tasks over threads, processes or a Dask cluster, by joblib. No scheduler of our own.

The work itself is done in child processes, so threads use all cores of one machine.
"""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from joblib import Parallel, delayed, parallel_config

from xanes_core.errors import DatasetError

BACKENDS = ("threading", "loky", "dask")


@dataclass(frozen=True)
class Spread:
    """Where tasks run: a joblib backend, how many at once, and the address of a Dask scheduler."""

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
    def workers(self) -> Iterator[Callable[..., Iterator[Any]]]:
        """``run(function, tasks)``: what the function returns, in order of completion.

        Raises
        ------
        DatasetError
            Dask is not installed, or its scheduler does not answer.
        """
        with contextlib.ExitStack() as stack:
            options: dict[str, Any] = {"n_jobs": self.n_jobs}
            if self.backend == "dask":
                stack.enter_context(_dask_client(self.scheduler))
                options["n_jobs"] = -1  # the cluster knows how many
            stack.enter_context(parallel_config(backend=self.backend, **options))
            yield _run


def _run(function: Callable[[Any], Any], tasks: Iterable[Any]) -> Iterator[Any]:
    spread = Parallel(return_as="generator_unordered", batch_size=1)
    return spread(delayed(function)(task) for task in tasks)


def _dask_client(address: str) -> contextlib.AbstractContextManager:
    if importlib.util.find_spec("distributed") is None:
        raise DatasetError("the backend dask needs: pip install 'xanes-explorer[dask]'")
    from distributed import Client

    try:
        return Client(address, timeout=10)
    except (OSError, TimeoutError, ValueError) as error:
        raise DatasetError(
            f"no Dask scheduler answers at {address} ({type(error).__name__}): start one with "
            "`dask scheduler`, then workers with `dask worker ADDRESS`"
        ) from error

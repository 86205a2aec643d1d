"""The stored report of a model, read when somebody asks for it."""

from __future__ import annotations

from pathlib import Path

from xanes_core.errors import ModelError
from xanes_core.model_files import (
    CARD,
    REPORT,
    SUMS,
    WEIGHTS,
    listed,
    models_folder,
    read_model_file,
    unpacked,
    verified,
)
from xanes_core.report_data import Report

__all__ = ["Report", "load_report"]


def load_report(key: str, *, folder: str | Path | None = None) -> Report | None:
    """Read what a model makes of every record of its training set.

    Parameters
    ----------
    key : str
        Of the model.
    folder : str or Path, optional
        Where the models lie instead of :func:`xanes_core.model_files.models_folder`.

    Returns
    -------
    Report or None
        None for a model that was stored without one.

    Raises
    ------
    ModelError
        There is no such model, or its files are damaged.
    """
    root = Path(folder) if folder is not None else models_folder()
    if key not in [path.parent.name for path in root.glob(f"*/{CARD}")]:
        raise ModelError(f"no model called {key!r}, so there is no report of it")
    own = root / key
    if REPORT not in listed(read_model_file(own / SUMS)):
        return None
    found = verified(own, (WEIGHTS, REPORT))
    return Report.from_arrays(
        unpacked(found[REPORT], key, "report"), unpacked(found[WEIGHTS], key, "weights")
    )

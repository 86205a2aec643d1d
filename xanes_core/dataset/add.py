"""More spectra for structures that a training set has already."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from xanes_core.dataset.grower import Grower, GrowReport, Known
from xanes_core.dataset.pack import working_on
from xanes_core.dataset.run import Run
from xanes_core.dataset.store import FURTHER_KINDS, NewRecord, TheoryCurve
from xanes_core.dataset.task import NOTES, ComplexTask, check_curve
from xanes_core.dataset.training_set import TrainingSet, load_training_set
from xanes_core.errors import DatasetError, SpectrumError
from xanes_core.files import read_arrays
from xanes_core.spectra import SpectrumKind
from xanes_core.structures import environment

ORDERS = ("small", "random")


def add_spectra(
    folder: str | Path,
    kind: SpectrumKind | str,
    run: Run | None = None,
    *,
    count: int | None = None,
    order: str = "random",
) -> GrowReport:
    """Calculate a further spectrum for the structures of a training set that lack it.

    Parameters
    ----------
    folder : str or Path
        The training set.
    kind : SpectrumKind or {"xes"}
        What to add.
    run : Run, optional
        As for :func:`~xanes_core.dataset.grow.grow`.
    count : int, optional
        How many of this run; all that lack it if left out.
    order : {"small", "random"}, optional
        Small clusters first, or an order that does not depend on them; always the same one.

    Raises
    ------
    DatasetError
        An unknown kind or order; no set; another run adds to it; too many failures in a row.
    """
    kind = _further_kind(kind)
    if order not in ORDERS:
        raise DatasetError(f"the order must be {' or '.join(ORDERS)}, got {order!r}")
    with working_on(folder, "add") as store:
        data = load_training_set(folder)
        failed = {f["name"] for f in store.failures() if f.get("stage") == kind.key}
        known = Known(store.names_with(kind), failed, set())
        grower = Grower(store, run or Run(), known)
        grower.report.before = len(known.names)
        lacking = len(set(data.names) - known.names - known.failed)
        grower.grow_list(_tasks(data, kind, order), lacking, count)
    return grower.report


def _further_kind(named: SpectrumKind | str) -> SpectrumKind:
    key = named.key if isinstance(named, SpectrumKind) else named
    kinds = {kind.key: kind for kind in FURTHER_KINDS}
    if key not in kinds:
        raise DatasetError(f"what can be added is {', '.join(kinds)}, not {key!r}")
    return kinds[key]


def _tasks(data: TrainingSet, kind: SpectrumKind, order: str) -> Iterator[ComplexTask]:
    rank = np.random.default_rng(0).permutation(len(data))
    if order == "small":
        rank = np.argsort([len(environment(a, 0).numbers) for a in data.structures], kind="stable")
    for row in rank:
        name, atoms = str(data.names[row]), data.structures[row]
        yield ComplexTask(
            name,
            str(data.elements[row]),
            name,
            atoms,
            dict(atoms.info),
            (kind,),
            relaxes=False,
            stored=True,
        )


def put_spectra(
    folder: str | Path, kind: SpectrumKind | str, curves: dict[str, TheoryCurve]
) -> tuple[int, dict[str, str]]:
    """Take spectra that were calculated elsewhere for structures of the set, and pack them.

    Parameters
    ----------
    folder : str or Path
        The training set.
    kind : SpectrumKind or {"xes"}
        What they are.
    curves : dict of str to TheoryCurve
        By the name of the record; what the set has already is passed over.

    Returns
    -------
    new : int
        How many were taken.
    unfit : dict of str to str
        Why a spectrum was not taken, by name; listed among the failures too.

    Raises
    ------
    DatasetError
        An unknown kind, names that the set does not have, or another run adds to it.
    """
    kind = _further_kind(kind)
    with working_on(folder, "add") as store:
        data = load_training_set(folder)
        element = dict(zip(data.names.tolist(), data.elements.tolist(), strict=True))
        unknown = sorted(set(curves) - set(element))
        if unknown:
            raise DatasetError(
                f"the set has no structure of {len(unknown)} names, first {unknown[0][:40]!r}"
            )
        new, unfit = 0, {}
        for name in sorted(set(curves) - store.names_with(kind)):
            try:
                check_curve(kind, element[name], curves[name])
            except SpectrumError as error:
                unfit[name] = str(error)
                failure = {"name": name, "identity": name, "stage": kind.key}
                store.add_failure({**failure, "reason": str(error)})
                continue
            store.write(NewRecord(name, None, {kind: curves[name]}))
            new += 1
    return new, unfit


def read_curves(folder: str | Path) -> dict[str, TheoryCurve]:
    """Spectra in files ``NAME.npz`` with arrays ``energy_ev``, ``mu`` and, if wanted, ``notes``.

    Raises
    ------
    DatasetError
        There are none, or one is damaged.
    """
    curves = {}
    for path in sorted(Path(folder).glob("[!.]*.npz")):
        try:
            arrays = read_arrays(path.read_bytes())
            notes = json.loads(str(arrays["notes"])) if "notes" in arrays else []
            note = ", ".join(NOTES.get(note, str(note)) for note in notes)
            curves[path.stem] = TheoryCurve(arrays["energy_ev"], arrays["mu"], note)
        except (OSError, KeyError, ValueError, TypeError, RecursionError) as error:
            raise DatasetError(f"{path.name} holds no spectrum ({error}); remove it") from error
    if not curves:
        raise DatasetError(f"{folder} holds no spectra NAME.npz")
    return curves

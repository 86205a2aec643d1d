"""Taking what others made into a training set: pending structures, and spectra with structures.

A folder in the layout of XANESNET holds ``xyz/NAME.xyz`` with the absorber first and
``xanes/NAME.txt`` with absolute energies (eV).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from xanes_core.constants import ABSORBERS
from xanes_core.dataset_growth import growing
from xanes_core.dataset_import import ImportReport
from xanes_core.dataset_job import Stop, Task, Tools
from xanes_core.dataset_loop import Grower, GrowReport, OnOutcome, OnPlan
from xanes_core.dataset_spread import Spread
from xanes_core.dataset_store import (
    SPECTRA,
    Curve,
    NewRecord,
    checked_name,
    stored_records,
    write_record,
)
from xanes_core.errors import DatasetError, SpectrumError, StructureError
from xanes_core.spectrum_io import read_spectrum
from xanes_core.structure_io import read_structures
from xanes_core.structure_xyz import read_xyz

_UNSAFE = re.compile(r"[^A-Za-z0-9_+()-]+")


def grow_pending(
    folder: str | Path,
    pending: str | Path,
    *,
    elements: tuple[str, ...] = ABSORBERS,
    count: int | None = None,
    spectra: tuple[str, ...] = ("xanes",),
    spread: Spread | None = None,
    tools: Tools | None = None,
    stop: Stop | None = None,
    on_plan: OnPlan | None = None,
    on_outcome: OnOutcome | None = None,
) -> GrowReport:
    """Calculate spectra of pending structures as they are and add both to a training set.

    Parameters
    ----------
    folder : str or Path
        The training set.
    pending : str or Path
        Folder of ``EL.extxyz``, such as :func:`~xanes_core.dataset_import.import_tmqm` makes.
    count : int, optional
        How many of this run; all that lack spectra if left out.
    elements, spectra, spread, tools, stop, on_plan, on_outcome : optional
        As for :func:`~xanes_core.dataset_growth.grow`.

    Raises
    ------
    DatasetError
        Nothing is pending, or as for :func:`~xanes_core.dataset_growth.grow`.
    """
    tasks = list(chain.from_iterable(_tasks(Path(pending), el, spectra) for el in elements))
    if not tasks:
        raise DatasetError(f"{pending} holds no structures of {', '.join(elements)}")
    with growing(folder) as folder:
        grower = Grower(folder, spread or Spread(), tools or Tools(), stop or Stop(), on_outcome)
        done = grower.known.names | grower.known.failed
        grower.report.before = sum(task.name in grower.known.names for task in tasks)
        lacking = sum(task.name not in done for task in tasks)
        grower.run_list(tasks, lacking, count, on_plan)
    grower.report.exhausted.clear()  # a list that comes to its end is what is wanted
    return grower.report


def _tasks(pending: Path, element: str, spectra: tuple[str, ...]) -> Iterator[Task]:
    path = pending / f"{element}.extxyz"
    if not path.is_file():
        return
    try:
        images = list(read_xyz(path.read_text(encoding="utf-8").rstrip().split("\n")))
    except (OSError, UnicodeDecodeError, StructureError) as error:
        raise DatasetError(f"{path.name} cannot be read: {error}") from error
    for atoms in images:
        name = checked_name(str(atoms.info.get("name", "")))
        info = {"name": name, "absorber": 0, "kind": "imported", "strategy": "given"}
        if isinstance(atoms.info.get("charge"), int | np.integer):
            info["charge"] = int(atoms.info["charge"])
        info["identity"] = name
        yield Task(name, element, name, atoms, info, spectra, relaxes=False)


def import_folder(
    source: str | Path,
    folder: str | Path,
    *,
    elements: tuple[str, ...] = ABSORBERS,
    max_atoms: int | None = None,
    count: int | None = None,
) -> ImportReport:
    """Take ``xyz/NAME.xyz`` with ``xanes/NAME.txt`` into a training set.

    Parameters
    ----------
    source : str or Path
        Holds the folders ``xyz`` and ``xanes``.
    folder : str or Path
        The training set; spectra of different theories do not belong into one.
    elements, max_atoms, count : optional
        As for :func:`~xanes_core.dataset_import.import_tmqm`.

    Raises
    ------
    DatasetError
        No such folders, nothing in them that can be used, or the set is in use.
    """
    source = Path(source)
    if not (source / "xyz").is_dir() or not (source / "xanes").is_dir():
        raise DatasetError(f"{source} should hold the folders xyz and xanes")
    report = ImportReport()
    with growing(folder) as folder:
        known = {record.name for record in stored_records(folder)}
        for path in sorted((source / "xyz").glob("*.xyz")):
            if count is not None and sum(report.taken.values()) >= count:
                break
            try:
                record = _pair(path, source / "xanes" / f"{path.stem}.txt", elements, max_atoms)
            except (StructureError, SpectrumError):
                report.skip("that cannot be read")
                continue
            if isinstance(record, str):
                report.skip(record)
            elif record.name in known:
                report.skip("there already")
            else:
                known.add(record.name)
                write_record(folder, record)
                report.take(record.atoms.get_chemical_symbols()[0])
    if not report.taken and "there already" not in report.skipped:
        raise DatasetError(f"no complex fits; left out: {report.told()}")
    return report


def _pair(
    structure: Path, spectrum: Path, elements: tuple[str, ...], max_atoms: int | None
) -> NewRecord | str:
    """Record of a structure and its spectrum, or why it is left out."""
    atoms = read_structures(structure)[0]
    element = atoms.get_chemical_symbols()[0]
    if element not in elements:
        return "of other metals"
    if max_atoms is not None and len(atoms) > max_atoms:
        return f"of more than {max_atoms} atoms"
    if not spectrum.is_file():
        return "without a spectrum"
    curve = read_spectrum(spectrum.read_bytes(), name="spectrum.txt", element=element)
    name = f"{element}_{_UNSAFE.sub('_', structure.stem)}"[:80]
    info = {"name": name, "absorber": 0, "kind": "imported", "identity": name}
    atoms.info = info
    return NewRecord(name, atoms, {SPECTRA[0]: Curve(curve.energy_ev, curve.mu)})

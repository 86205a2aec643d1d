"""Growing a training set: which complexes, in which order, until how many are there.

Task number i of an element and a seed is always the same complex under the same name, so a run
that was interrupted is taken up by starting it again: names that are stored, or listed as failed,
are passed over, and so is a complex that is stored under another name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from ase import Atoms

from xanes_core.constants import ABSORBERS
from xanes_core.dataset.assembly import Assembler
from xanes_core.dataset.grower import Grower, GrowReport, Known
from xanes_core.dataset.pack import working_on
from xanes_core.dataset.run import Run
from xanes_core.dataset.shards import SHARD_SIZE, ShardStore, read_shards
from xanes_core.dataset.store import checked_name
from xanes_core.dataset.task import ComplexOutcome, ComplexTask, TaskStream
from xanes_core.errors import AssemblyError, DatasetError, SpectrumError, StructureError
from xanes_core.spectra import XANES, SpectrumKind, spectrum_kind
from xanes_core.structures.formats.xyz import every_frame


@dataclass(frozen=True)
class Growth:
    """What to grow.

    Attributes
    ----------
    elements : tuple of str
        Absorbers.
    count : int
        Complexes of this seed that are wanted in all, spread evenly over the elements.
    seed : int
        Names and complexes follow from it.
    shares : dict of str to float or None
        Kinds of complexes for the :class:`~xanes_core.dataset.assembly.Assembler`.
    focus : tuple of str
        What is to come more often there: donor elements, coordination numbers such as ``cn7``.
    spectra : tuple of SpectrumKind or of their keys
        XANES, and XES where wanted.

    Raises
    ------
    DatasetError
        It makes no sense: unknown or repeated elements, no complexes, no such seed or spectra.
    """

    elements: tuple[str, ...]
    count: int
    seed: int = 1
    shares: dict[str, float] | None = None
    focus: tuple[str, ...] = ()
    spectra: tuple[SpectrumKind | str, ...] = (XANES,)

    def __post_init__(self) -> None:
        unknown = [el for el in self.elements if el not in ABSORBERS]
        if unknown or not self.elements:
            got = ", ".join(unknown) or "none"
            raise DatasetError(f"elements must be among {', '.join(ABSORBERS)}; got {got}")
        if len(set(self.elements)) < len(self.elements):
            raise DatasetError("an element is named twice")
        if self.count < 1:
            raise DatasetError("the number of complexes must be 1 or more")
        if not 0 <= self.seed < 10**12:
            raise DatasetError("the seed must be a whole number from 0 to 10^12")
        _kinds(self.spectra)

    @property
    def kinds(self) -> tuple[SpectrumKind, ...]:
        """Kinds of the spectra."""
        return _kinds(self.spectra)

    def targets(self) -> dict[str, int]:
        """Number of complexes by element; the first ones get what is left over."""
        each, more = divmod(self.count, len(self.elements))
        return {el: each + (i < more) for i, el in enumerate(self.elements)}

    def present(self, names: Collection[str]) -> Counter[str]:
        """Number of complexes by element, of the names of a set that belong to this seed."""
        starts = {element: f"{element}_{self.seed}_" for element in self.elements}
        return Counter(
            element for name in names for element, start in starts.items() if name.startswith(start)
        )

    def missing(self, present: Mapping[str, int]) -> dict[str, int]:
        """Number of complexes that are still wanted, by element."""
        return {el: max(0, target - present[el]) for el, target in self.targets().items()}


def _kinds(spectra: tuple[SpectrumKind | str, ...]) -> tuple[SpectrumKind, ...]:
    """Kinds of spectra of new records, among them XANES."""
    try:
        kinds = tuple(spectrum_kind(named) for named in spectra)
    except SpectrumError:
        kinds = ()
    if XANES not in kinds:
        raise DatasetError("spectra must be xanes, or xanes and xes")
    return kinds


def candidate_tasks(growth: Growth, element: str, assembler: Assembler) -> TaskStream:
    """All tasks of an element, in order; one that cannot be assembled is an outcome already."""
    for index in count():
        name = f"{element}_{growth.seed}_{index:05d}"
        try:
            candidate = assembler.candidate(element, growth.seed, index)
        except AssemblyError as error:
            failed = ComplexTask(name, element, "", Atoms(), {}, growth.kinds)
            yield ComplexOutcome(failed, stage="assembly", reason=str(error))
            continue
        info = {
            "name": name,
            "absorber": 0,
            "charge": candidate.charge,
            "oxidation_state": candidate.oxidation_state,
            "template": candidate.template,
            "ligands": " ".join(candidate.ligands),
            "kind": candidate.kind,
            "identity": candidate.identity,
            "strategy": "random",
        }
        yield ComplexTask(
            name,
            element,
            candidate.identity,
            candidate.atoms,
            info,
            growth.kinds,
            breathe=candidate.breathe,
        )


def candidate_sources(growth: Growth, run: Run) -> dict[str, TaskStream]:
    """Tasks of every element of a growth, drawn when they are asked for.

    Raises
    ------
    AssemblyError
        Unknown kinds or focus, or no ligand base where one is needed.
    """
    assembler = run.assembler or Assembler(growth.shares, focus=growth.focus)
    return {element: candidate_tasks(growth, element, assembler) for element in growth.elements}


def grow(folder: str | Path, growth: Growth, run: Run | None = None) -> GrowReport:
    """Grow a training set by complexes drawn at random.

    What waits in the folder is packed first, what was made is packed at the end, also after an
    interruption.

    Parameters
    ----------
    folder : str or Path
        The training set; made where it is not there.
    growth : Growth
        What is wanted.
    run : Run, optional
        How it is done; one task at a time, in this process, if left out.

    Raises
    ------
    DatasetError
        Another run grows this set; a program is missing; too many failures in a row.
    AssemblyError
        Unknown kinds or focus of the growth, or no ligand base where one is needed.
    """
    run = run or Run()
    sources = candidate_sources(growth, run)
    with working_on(folder, "grow") as store:
        grower = Grower(store, run)
        present = growth.present(grower.known.names)
        grower.report.before = present.total()
        grower.grow(sources, growth.missing(present))
    return grower.report


def grow_pending(
    folder: str | Path,
    pending: str | Path,
    run: Run | None = None,
    *,
    elements: tuple[str, ...] = ABSORBERS,
    count: int | None = None,
    spectra: tuple[SpectrumKind | str, ...] = (XANES,),
) -> GrowReport:
    """Calculate spectra of pending structures as they are and add both to a training set.

    The metal that the set has fewest of comes next, so that whatever ends a run leaves the metals
    balanced.

    Parameters
    ----------
    folder : str or Path
        The training set.
    pending : str or Path
        Folder of ``EL.extxyz``, such as :func:`~xanes_core.dataset.imports.import_tmqm` makes.
    run, elements, spectra : optional
        As for :func:`grow` and :class:`Growth`.
    count : int, optional
        How many of this run; all that lack spectra if left out.

    Raises
    ------
    DatasetError
        Nothing is pending, spectra without XANES, or as for :func:`grow`.
    """
    pending_tasks = _pending(pending, elements, _kinds(spectra))
    with working_on(folder, "grow") as store:
        return _grow_list(Grower(store, run or Run()), pending_tasks, count)


def grow_shards(
    folder: str | Path,
    pending: str | Path,
    run: Run | None = None,
    *,
    elements: tuple[str, ...] = ABSORBERS,
    count: int | None = None,
    size: int = SHARD_SIZE,
) -> GrowReport:
    """Calculate XANES of pending structures as they are, straight into shards.

    The metal that the shards have fewest of comes next. What is in the shards, waits for them or
    is among their failures is passed over, so the same call takes up a run that was killed.

    Parameters
    ----------
    folder : str or Path
        The shards; made where it is not there.
    pending : str or Path
        As for :func:`grow_pending`.
    run, elements, count : optional
        As for :func:`grow_pending`.
    size : int, optional
        Most records of one file.

    Raises
    ------
    DatasetError
        As for :func:`grow_pending` and :func:`xanes_core.dataset.shards.read_shards`.
    """
    tasks = _pending(pending, elements, (XANES,))
    store = ShardStore(Path(folder), size=size)
    with store.locked("grow"):
        store.flush()
        known = Known.of(store)
        known.names |= {record.name for record in read_shards(folder)}
        grower = Grower(store, run or Run(), known)
        report = _grow_list(grower, tasks, count)
        store.flush(rest=not report.stopped)
    return report


def _pending(
    pending: str | Path, elements: tuple[str, ...], kinds: tuple[SpectrumKind, ...]
) -> dict[str, list[ComplexTask]]:
    tasks = {element: list(_tasks(Path(pending), element, kinds)) for element in elements}
    if not any(tasks.values()):
        raise DatasetError(f"{pending} holds no structures of {', '.join(elements)}")
    return tasks


def _grow_list(
    grower: Grower, tasks: dict[str, list[ComplexTask]], count: int | None
) -> GrowReport:
    """Do the pending tasks that nobody has done, the metals balanced."""
    names, done = grower.known.names, grower.known.names | grower.known.failed
    present = Counter(name.split("_")[0] for name in names)
    open_tasks = {
        element: [task for task in own if task.name not in done] for element, own in tasks.items()
    }
    grower.report.before = sum(task.name in names for own in tasks.values() for task in own)
    ordered = balanced(open_tasks, present)
    grower.grow_list(ordered, len(ordered), count)
    grower.report.exhausted.clear()  # a list that comes to its end is what is wanted
    return grower.report


def balanced(
    tasks: Mapping[str, list[ComplexTask]], present: Mapping[str, int]
) -> list[ComplexTask]:
    """All tasks in an order in which the element with the fewest records comes next.

    Parameters
    ----------
    tasks : mapping of str to list of ComplexTask
        By element, in the order in which they are to come.
    present : mapping of str to int
        Records that each element has.
    """
    queue = [
        (present.get(element, 0) + i, rank, i)
        for rank, element in enumerate(tasks)
        for i in range(len(tasks[element]))
    ]
    elements = list(tasks)
    return [tasks[elements[rank]][i] for _, rank, i in sorted(queue)]


def _tasks(pending: Path, element: str, kinds: tuple[SpectrumKind, ...]) -> Iterator[ComplexTask]:
    path = pending / f"{element}.extxyz"
    if not path.is_file():
        return
    try:
        images = every_frame(path.read_text(encoding="utf-8").rstrip().split("\n"))
    except (OSError, UnicodeDecodeError, StructureError) as error:
        raise DatasetError(f"{path.name} cannot be read: {error}") from error
    for atoms in images:
        name = checked_name(str(atoms.info.get("name", "")))
        info = {"name": name, "absorber": 0, "kind": "imported", "strategy": "given"}
        if isinstance(atoms.info.get("charge"), int | np.integer):
            info["charge"] = int(atoms.info["charge"])
        info["identity"] = name
        yield ComplexTask(name, element, name, atoms, info, kinds, relaxes=False)

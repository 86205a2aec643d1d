"""Displaced copies of complexes of the set: what a spectrum does when an atom moves.

A copy is a complex of the set whose ligands were moved as rigid bodies, bent or turned, or whose
atoms were all displaced a little, as heat does it; it is not relaxed, and gets its own spectrum.
Which parents are copied and how they are moved follows from a seed and the name of the parent
alone, never from a result:

``response``
    Five held-out complexes of each metal, the first in the order of a hash of their names whose
    ligands can be moved so; each twice: all ligands by 0.04 to 0.1 A, and one ligand by 0.1 to
    0.15 A, in or out. These measure how well models follow a move, and are used for nothing else.
``training``
    Complexes that are not held out, each as often as is wanted, moved by the kinds of moves of
    ``KINDS``: further samples.

A complex that was breathed after its relaxation is moved already, and is no parent; nor is one
whose potentials did not converge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, islice
from pathlib import Path
from types import MappingProxyType

import numpy as np
from ase import Atoms

from xanes_core.dataset.displaced import PURPOSES, RESPONSE
from xanes_core.dataset.grower import Grower, GrowReport, Known
from xanes_core.dataset.run import Run
from xanes_core.dataset.shards import OWN, SHARD_SIZE, ShardStore, read_shards
from xanes_core.dataset.task import ComplexOutcome, ComplexTask, TaskStream
from xanes_core.dataset.training_set import TrainingSet, load_training_set
from xanes_core.errors import DatasetError, StructureError
from xanes_core.files import sha256_of
from xanes_core.spectra import XANES
from xanes_core.structures import Movable, parse_move

#: Held-out parents of each metal whose copies measure the response.
RESPONSE_PARENTS = 5
#: By how much (A) all ligands and one ligand of a response copy are moved, in or out.
ALL_ANG, ONE_ANG = (0.04, 0.10), (0.10, 0.15)
#: How far (A) ligands of training copies are moved: inwards, outwards.
SLIDE_ANG = (-0.10, 0.20)
#: Nearer to their place (A) a copy would be its parent once more.
LEAST_ANG = 0.02
#: How far (deg) they are bent and turned, and (A) an absorber that is enclosed is moved.
BEND_DEG, TURN_DEG, OFFCENTRE_ANG = (3.0, 12.0), (5.0, 30.0), (0.04, 0.15)
#: Standard deviation (A) of each coordinate of an atom displaced by heat; that of metal-ligand
#: distances in EXAFS is 0.03 to 0.09 A at room temperature.
THERMAL_ANG = (0.02, 0.05)
#: Two ligands whose angle at the absorber (deg) is larger are a trans pair.
TRANS_DEG = 150.0
#: Word of such a displacement, beside those of moves.
THERMAL = "thermal"
#: What a parent tells its copies.
_INHERITED = ("charge", "oxidation_state", "template", "ligands")


@dataclass(frozen=True)
class Displacing:
    """Which displaced copies are wanted.

    Attributes
    ----------
    purpose : {"response", "training"}
        See the top of this file.
    copies : int
        Of each parent, for training; a response parent has two.
    seed : int
        Parents of the response, and all moves, follow from it.
    count : int or None
        Copies in all, spread evenly over the metals; all for None.

    Raises
    ------
    DatasetError
        There is no such purpose, or a number makes no sense.
    """

    purpose: str
    copies: int = 1
    seed: int = 1
    count: int | None = None

    def __post_init__(self) -> None:
        if self.purpose not in PURPOSES:
            raise DatasetError(f"the purpose must be {' or '.join(PURPOSES)}, not {self.purpose!r}")
        if self.copies < 1 or not 0 <= self.seed < 10**6 or (self.count or 1) < 1:
            raise DatasetError("copies and count must be 1 or more, the seed from 0 to 10^6")

    def name(self, parent: str, number: int) -> str:
        """Name of a copy of a parent, counted from 1."""
        return f"{parent}_{self.purpose[0]}{self.seed}-{number}"


@dataclass(frozen=True, eq=False)
class Displacement:
    """A moved structure, and how it was moved: ``"all=0.0713"`` or ``"ligand:2=-0.1204"``."""

    atoms: Atoms
    moves: str


def grow_displaced(
    folder: str | Path,
    parents: str | Path,
    wanted: Displacing,
    run: Run | None = None,
    *,
    size: int = SHARD_SIZE,
) -> GrowReport:
    """Make displaced copies and calculate their XANES, the metals in turn.

    What the folder has, as finished, waiting or failed, is passed over, so that the same call takes
    up a run that was stopped.

    Parameters
    ----------
    folder : str or Path
        Gets the copies as shards; made where it is not there.
    parents : str or Path
        The training set that they are copies of.
    wanted : Displacing
        Which.
    run : Run, optional
        How it is done; one task at a time, in this process, if left out.
    size : int, optional
        Most records of one file.

    Raises
    ------
    DatasetError
        Another run grows this folder; the training set or a shard is damaged; a program is missing;
        too many failures in a row.
    """
    plans = _plans(load_training_set(parents), wanted)
    store = ShardStore(Path(folder), size=size)
    with store.locked("grow"):
        store.flush()
        known = Known.of(store)
        known.names |= {record.name for record in read_shards(folder)}
        done = known.names | known.failed
        open_plans = {el: [one for one in own if one.name not in done] for el, own in plans.items()}
        present = {el: sum(one.name in known.names for one in own) for el, own in plans.items()}
        grower = Grower(store, run or Run(), known)
        grower.report.before = sum(present.values())
        missing = {
            el: min(len(open_plans[el]), max(0, target - present[el]))
            for el, target in _targets(plans, wanted.count).items()
        }
        grower.grow({el: _tasks(own, wanted) for el, own in open_plans.items()}, missing)
        grower.report.exhausted.clear()  # a list that comes to its end is what is wanted
        store.flush(rest=not grower.report.stopped)
    return grower.report


@dataclass(frozen=True, eq=False)
class _Plan:
    """A copy to be: its name, its parent, and its number among the copies of this, from 1."""

    name: str
    parent: Atoms
    number: int


def _plans(parents: TrainingSet, wanted: Displacing) -> dict[str, list[_Plan]]:
    """Copies by metal, in order: the first of every parent, then the second ones."""
    plans = {}
    for element in parents.counts:
        own = _parents_of(parents.subset(parents.elements == element), wanted)
        copies = len(RESPONSE_MOVES) if wanted.purpose == RESPONSE else wanted.copies
        plans[element] = [
            _Plan(wanted.name(str(atoms.info["name"]), number), atoms, number)
            for number in range(1, copies + 1)
            for atoms in own
        ]
    return plans


def _parents_of(records: TrainingSet, wanted: Displacing) -> list[Atoms]:
    """Parents of one metal, in the order of a hash of their names."""
    held_out = wanted.purpose == RESPONSE
    fit = (records.held_out == held_out) & ~records.unconverged
    found = [
        atoms
        for atoms, kept in zip(records.structures, fit, strict=True)
        if kept and atoms.info.get("breathed") is None
    ]
    found.sort(key=lambda atoms: sha256_of(f"{wanted.seed} {atoms.info['name']}".encode()))
    if held_out:
        movable = (atoms for atoms in found if _can_respond(atoms, wanted.seed))
        found = list(islice(movable, RESPONSE_PARENTS))
    return found


def _can_respond(parent: Atoms, seed: int) -> bool:
    try:
        for number in range(1, len(RESPONSE_MOVES) + 1):
            displaced(parent, RESPONSE, number, seed)
    except StructureError:
        return False
    return True


def _targets(plans: dict[str, list[_Plan]], count: int | None) -> dict[str, int]:
    """Copies wanted of each metal; the first ones get what is left over."""
    if count is None:
        return {element: len(own) for element, own in plans.items()}
    each, more = divmod(count, len(plans))
    return {element: each + (i < more) for i, element in enumerate(plans)}


def _tasks(plans: list[_Plan], wanted: Displacing) -> TaskStream:
    """Tasks of one metal, moved when they are asked for; what cannot be moved is an outcome."""
    for plan in plans:
        parent = plan.parent
        element, name = str(parent.symbols[0]), str(parent.info["name"])
        try:
            copy = displaced(parent, wanted.purpose, plan.number, wanted.seed)
        except StructureError as error:
            failed = ComplexTask(plan.name, element, "", Atoms(), {}, (XANES,))
            yield ComplexOutcome(failed, stage="moves", reason=str(error))
            continue
        inherited = {key: _plain(parent.info[key]) for key in _INHERITED if key in parent.info}
        identity = f"{name} {copy.moves}"
        info = inherited | {
            "name": plan.name,
            "absorber": 0,
            "kind": "displaced",
            "strategy": "displaced",
            "identity": identity,
            OWN: name,
            "purpose": wanted.purpose,
            "moves": copy.moves,
        }
        yield ComplexTask(plan.name, element, identity, copy.atoms, info, (XANES,), relaxes=False)


def _plain(value: object) -> object:
    return int(value) if isinstance(value, np.integer) else str(value)


# --- moves ---------------------------------------------------------------------------------------
def displaced(parent: Atoms, purpose: str, number: int, seed: int) -> Displacement:
    """A displaced copy of a complex whose absorber is atom 0.

    Parameters
    ----------
    parent : ase.Atoms
        ``info["name"]`` is its name.
    purpose : {"response", "training"}
        Which kinds of moves.
    number : int
        Of the copy, from 1.
    seed : int
        The same copy for the same seed, name, purpose and number.

    Raises
    ------
    StructureError
        Nothing of it can be moved so.
    """
    told = f"{seed} {purpose} {parent.info['name']} {number}"
    rng = np.random.default_rng(int(sha256_of(told.encode())[:16], 16))
    movable = Movable(parent)
    if purpose == RESPONSE:
        kinds = [RESPONSE_MOVES[number - 1]]
    else:
        kinds = [list(KINDS)[i] for i in rng.permutation(len(KINDS))]
    reason: StructureError | None = None
    for kind in kinds:
        try:
            words = _DRAWS[kind](movable, rng)
            return _moved(movable, words, rng)
        except StructureError as error:
            reason = reason or error
    raise reason or StructureError("There is nothing to move: choose another complex.")


def _moved(movable: Movable, words: dict[str, float], rng: np.random.Generator) -> Displacement:
    """The structure after moves, in whole steps of 1e-5 A, as it is stored."""
    told = {word: round(value, 4) for word, value in words.items()}
    moves = [parse_move(word) for word in told if word != THERMAL]
    atoms = movable.atoms.copy()
    atoms.positions = movable.positions(moves, [told[move.text] for move in moves])
    if THERMAL in told:
        atoms.positions += rng.normal(0.0, told[THERMAL], atoms.positions.shape)
    atoms.positions = (atoms.positions - atoms.positions[0]).round(5)
    return Displacement(atoms, " ".join(f"{word}={value:g}" for word, value in told.items()))


def _signed(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    """A value between two limits, in or out."""
    return float(rng.uniform(*limits) * rng.choice([-1.0, 1.0]))


def _slide(rng: np.random.Generator) -> float:
    """How far a ligand is moved along its bond; never hardly at all."""
    value = 0.0
    while abs(value) < LEAST_ANG:
        value = float(rng.uniform(*SLIDE_ANG))
    return value


def _free(movable: Movable, rng: np.random.Generator) -> int:
    """Number of a ligand that can be moved along its bond."""
    numbers = [ligand.number for ligand in movable.ligands if not ligand.encloses]
    if not numbers:
        raise StructureError("Every ligand stands all around the metal: none can be moved.")
    return int(rng.choice(numbers))


def _response_all(movable: Movable, rng: np.random.Generator) -> dict[str, float]:
    return {"all": _signed(rng, ALL_ANG)}


def _response_one(movable: Movable, rng: np.random.Generator) -> dict[str, float]:
    return {f"ligand:{_free(movable, rng)}": _signed(rng, ONE_ANG)}


def _all(movable: Movable, rng: np.random.Generator) -> dict[str, float]:
    return {"all": _slide(rng)}


def _one(movable: Movable, rng: np.random.Generator) -> dict[str, float]:
    return {f"ligand:{_free(movable, rng)}": _slide(rng)}


def _trans(movable: Movable, rng: np.random.Generator) -> dict[str, float]:
    free = [ligand.number for ligand in movable.ligands if not ligand.encloses]
    pairs = [
        f"{a},{b}"
        for a, b in combinations(free, 2)
        if (movable.start(parse_move(f"angle:{a},{b}")) or 0.0) > TRANS_DEG
    ]
    if not pairs:
        raise StructureError("No two ligands lie opposite each other: none can be moved as a pair.")
    return {f"pair:{rng.choice(pairs)}": _slide(rng)}


def _bent(movable: Movable, rng: np.random.Generator) -> dict[str, float]:
    numbers = [ligand.number for ligand in movable.ligands if not ligand.encloses]
    if len(numbers) < 2:
        raise StructureError("There are no two ligands whose angle could change.")
    a, b = rng.choice(numbers, 2, replace=False)
    return {f"angle:{a},{b}": _signed(rng, BEND_DEG)}


def _turned(movable: Movable, rng: np.random.Generator) -> dict[str, float]:
    return {f"turn:{_free(movable, rng)}": _signed(rng, TURN_DEG)}


def _off_centre(movable: Movable, rng: np.random.Generator) -> dict[str, float]:
    number = int(rng.integers(len(movable.ligands))) + 1
    return {f"offcentre:{number}": _signed(rng, OFFCENTRE_ANG)}


def _heated(movable: Movable, rng: np.random.Generator) -> dict[str, float]:
    return {THERMAL: rng.uniform(*THERMAL_ANG)}


def _moved_and_heated(movable: Movable, rng: np.random.Generator) -> dict[str, float]:
    return _one(movable, rng) | _heated(movable, rng)


#: Kinds of moves of training copies, in words; each copy is moved by the first of a drawn order
#: that its parent can make.
KINDS = MappingProxyType(
    {
        "all": "all ligands along their bonds",
        "one": "one ligand along its bond",
        "trans": "two opposite ligands along their bonds",
        "bent": "one ligand about the metal",
        "turned": "one ligand about its bond",
        "off-centre": "the metal towards a ligand, or away from it",
        "heated": "every atom, at random",
        "moved and heated": "one ligand along its bond, and every atom at random",
    }
)
#: How copy 1 and copy 2 of a response parent are moved.
RESPONSE_MOVES = ("response all", "response one")
_DRAWS: dict[str, Callable[[Movable, np.random.Generator], dict[str, float]]] = {
    "response all": _response_all,
    "response one": _response_one,
    "all": _all,
    "one": _one,
    "trans": _trans,
    "bent": _bent,
    "turned": _turned,
    "off-centre": _off_centre,
    "heated": _heated,
    "moved and heated": _moved_and_heated,
}

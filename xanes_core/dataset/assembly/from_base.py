"""Complexes of ligands from the ligand base."""

from __future__ import annotations

import numpy as np

from xanes_core.dataset.assembly.candidate import (
    MAX_ELECTRONS,
    MAX_WITH_RING,
    CandidateComplex,
    build,
    valence_electrons,
)
from xanes_core.dataset.assembly.ligands import Ligand, Pool
from xanes_core.dataset.assembly.small_ligands import SMALL
from xanes_core.dataset.assembly.templates import (
    CHARGES,
    OXIDATION,
    OXIDATION_OXIDE,
    OXIDE,
    TEMPLATES,
    Slot,
    Template,
    weighted_choice,
)

#: Largest complex (atoms).
MAX_ATOMS = 70
#: Sets of ligands that are drawn until one has the charge that is wanted.
_N_SETS = 200
#: How often a ligand of a middle-sized template may be large.
_LARGE = 0.35


def draw_assembled(
    metal: str, pool: Pool, weights: dict[str, float], rng: np.random.Generator
) -> CandidateComplex | str:
    """One complex, or why it came to nothing.

    Parameters
    ----------
    metal : str
    pool : Pool
        Ligands, rings included.
    weights : dict of str to float
        Names of templates with how often they are to come.
    rng : numpy.random.Generator
    """
    template = TEMPLATES[weighted_choice(weights, rng)]
    state = int(rng.choice((OXIDATION_OXIDE if template.has_oxide else OXIDATION)[metal]))
    charge = int(rng.choice(CHARGES))
    ligands = _balanced(metal, template, state, charge, pool, rng)
    if ligands is None:
        return "no set of ligands has the charge and size that are wanted"
    placed = [(x, slot.targets()) for x, slot in zip(ligands, template.slots, strict=True)]
    atoms = build(metal, placed, rng)
    if atoms is None:
        return "the ligands do not fit around the metal"
    return CandidateComplex(
        atoms=atoms,
        metal=metal,
        kind="assembled",
        template=template.name,
        oxidation_state=state,
        charge=charge,
        ligands=tuple(x.name for x in ligands),
        n_donors=sum(x.n_donors for x in ligands),
    )


def _balanced(
    metal: str, template: Template, state: int, charge: int, pool: Pool, rng: np.random.Generator
) -> list[Ligand] | None:
    """Ligands whose charges make up the wanted one, or None if chance gives none."""
    most = MAX_WITH_RING if template.has_ring else MAX_ELECTRONS
    for _ in range(_N_SETS):
        ligands = _drawn(metal, template, state, pool, rng)
        if ligands is None:
            return None
        if (
            sum(x.charge for x in ligands) == charge - state
            and sum(len(x.numbers) for x in ligands) < MAX_ATOMS
            and valence_electrons(metal, state, ligands) <= most
        ):
            return ligands
    return None


def _drawn(
    metal: str, template: Template, state: int, pool: Pool, rng: np.random.Generator
) -> list[Ligand] | None:
    """One ligand per slot of a template; None if the pool has no such ligand for the metal."""
    ligands: list[Ligand] = []
    last: dict[str, Ligand] = {}
    for slot in template.slots:
        if slot.archetype == OXIDE:
            last[OXIDE] = SMALL["O"].on("O", metal)
        elif not (slot.same and slot.archetype in last):
            size = _size(template, slot, rng)
            ligand = pool.draw(metal, slot.archetype, size, state, rng)
            if ligand is None:
                return None
            last[slot.archetype] = ligand
        ligands.append(last[slot.archetype])
    return ligands


def _size(template: Template, slot: Slot, rng: np.random.Generator) -> str:
    """Size class for a slot: single donors stay small beside large chelates."""
    if slot.archetype in ("1-mono", "eta") and template.size != "M":
        return "S" if template.size == "S" else "M"
    if template.size == "M":
        return "L" if rng.random() < _LARGE else "M"
    return template.size

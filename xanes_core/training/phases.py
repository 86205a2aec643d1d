"""Making the phase-shift tables of the scattering features from FEFF10 runs.

Potentials of a few complexes, none of them held out, give phase shifts of each kind of atom. These
are matched to one level between the atoms and averaged (:mod:`xanes_core.descriptors.phases`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols
from ase.units import Bohr, Hartree

from xanes_core.constants import ABSORBERS
from xanes_core.descriptors import ENERGY_EV, L_MAX, LEVEL_EV, WIDTH_EV, PhaseTable, matched
from xanes_core.errors import DatasetError, TheoryError
from xanes_core.structures import environment
from xanes_core.theory import AtomPhases, Feff10

#: Runs behind each table, where there are as many complexes.
RUNS = 5
#: An element counts as being there within this distance (A): further out it is a bystander.
_NEAR_ANG = 4.0
#: Complexes of fewer atoms within 6 A are too bare to stand for others.
_MIN_ATOMS = 18


@dataclass(frozen=True)
class PhaseRun:
    """Phase shifts from the potentials of one complex.

    Attributes
    ----------
    name : str
        The complex.
    atoms : tuple of AtomPhases
        Of the absorber and of each element around it.
    """

    name: str
    atoms: tuple[AtomPhases, ...]


def choose_complexes(
    candidates: Iterable[tuple[str, Atoms]],
    further: Iterable[tuple[str, Atoms]] = (),
    *,
    runs: int = RUNS,
) -> list[tuple[str, Atoms]]:
    """Few complexes, small ones first, in which every absorber and neighbour occurs often enough.

    Parameters
    ----------
    candidates : iterable of (str, ase.Atoms)
        Names and complexes, the absorber as atom 0; none that is held out.
    further : iterable of (str, ase.Atoms), optional
        Taken where the candidates do not have an element often enough.
    runs : int, optional
        How often is often enough.
    """
    seen: Counter[int] = Counter()
    chosen: dict[str, Atoms] = {}
    for pool in (candidates, further):
        kinds_of = sorted(_with_kinds(pool), key=lambda one: (len(one[1]), one[0]))
        there = Counter(kind for *_, kinds in kinds_of for kind in kinds)
        # the rarest first: what comes with them need not be looked for
        for rare, _ in sorted(there.items(), key=lambda item: (item[1], item[0])):
            for name, atoms, kinds in kinds_of:
                if seen[rare] >= runs:
                    break
                if rare in kinds and name not in chosen:
                    chosen[name] = atoms
                    seen.update(kinds)
    return list(chosen.items())


def _with_kinds(pool: Iterable[tuple[str, Atoms]]) -> Iterator[tuple[str, Atoms, set[int]]]:
    """Complexes that are not too bare, with neighbours' atomic numbers and minus the absorber's."""
    for name, atoms in pool:
        env = environment(atoms)
        if len(env.numbers) >= _MIN_ATOMS:
            near = set(env.numbers[env.distances_ang < _NEAR_ANG].tolist()) - {1}
            yield name, atoms, {-env.absorber_z, *near}


def run_phases(
    complexes: Iterable[tuple[str, Atoms]],
    engine: Feff10,
    failed: Callable[[str, TheoryError], None],
) -> Iterator[PhaseRun]:
    """Run FEFF10 up to the phase shifts of each complex; ``failed`` is told of those that fail."""
    for name, atoms in complexes:
        try:
            yield PhaseRun(name, tuple(engine.phases(atoms)))
        except TheoryError as error:
            failed(name, error)


def phase_table(runs: Sequence[PhaseRun]) -> PhaseTable:
    """Average phase shifts, matched to one level between the atoms.

    Parameters
    ----------
    runs : sequence of PhaseRun
        Must have every absorber.

    Raises
    ------
    DatasetError
        An absorber is in none of them.
    """
    scattering: dict[int, list[np.ndarray]] = {}
    absorbing: dict[str, list[np.ndarray]] = {}
    references = []
    for atom in (atom for run in runs for atom in run.atoms):
        s, reference = _matched(atom)
        if atom.is_absorber:
            references.append(reference)
            absorbing.setdefault(chemical_symbols[atom.z], []).append(s)
        else:
            scattering.setdefault(atom.z, []).append(s)
    missing = [element for element in ABSORBERS if element not in absorbing]
    if missing:
        raise DatasetError(f"no run has {', '.join(missing)} as an absorber: add such complexes")
    scattering.pop(atomic_numbers["H"], None)  # not counted as a scatterer
    numbers = sorted(scattering)
    energy = ENERGY_EV + 0.5j * WIDTH_EV - np.mean(references, axis=0)
    counts = {chemical_symbols[z]: len(scattering[z]) for z in numbers}
    counts |= {f"absorber {element}": len(absorbing[element]) for element in ABSORBERS}
    return PhaseTable(
        energy_ev=ENERGY_EV,
        momentum_au=np.sqrt(2.0 * energy / Hartree),
        numbers=np.array(numbers),
        scatterers=np.array([np.mean(scattering[z], axis=0) for z in numbers]),
        absorbers=ABSORBERS,
        absorber_s=np.array([np.mean(absorbing[element], axis=0) for element in ABSORBERS]),
        runs=counts,
        origin=f"FEFF10 ({Feff10().version()}) potentials of {len(runs)} complexes, matched at the "
        f"muffin-tin radius to {LEVEL_EV:g} eV with a width of {WIDTH_EV:g} eV: "
        + ", ".join(run.name for run in runs),
    )


def scatter_of_runs(runs: Sequence[PhaseRun]) -> dict[str, float]:
    """How much S_l of one kind of atom differs from run to run.

    Returns
    -------
    dict
        Symbol, or ``absorber EL`` -> standard deviation, root mean square over energies and l.
    """
    by_kind: dict[str, list[np.ndarray]] = {}
    for atom in (atom for run in runs for atom in run.atoms):
        name = f"absorber {chemical_symbols[atom.z]}" if atom.is_absorber else ""
        by_kind.setdefault(name or chemical_symbols[atom.z], []).append(_matched(atom)[0])
    return {kind: float(np.sqrt(np.mean(np.var(found, axis=0)))) for kind, found in by_kind.items()}


def _matched(atom: AtomPhases) -> tuple[np.ndarray, np.ndarray]:
    """S_l (k, 3) on the energies of the tables and the reference energy (k,) that belongs to it."""
    wanted_ev = atom.reference_ev - atom.level_ev + LEVEL_EV
    own = np.sqrt(2.0 * (atom.energy_ev + 0.5j * atom.width_ev - atom.reference_ev) / Hartree)
    common = np.sqrt(2.0 * (atom.energy_ev + 0.5j * WIDTH_EV - wanted_ev) / Hartree)
    s = np.exp(2j * atom.delta[:, : L_MAX + 1])
    s = matched(s, own, common, atom.radius_ang / Bohr)

    def on_grid(values: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.interp(ENERGY_EV, atom.energy_ev, values)  # complex values too
        return found

    return np.stack([on_grid(column) for column in s.T], axis=1), on_grid(wanted_ev)

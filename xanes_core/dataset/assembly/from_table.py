"""Complexes of small inorganic and organometallic ligands, and tetrahedral oxo complexes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from functools import cache

import numpy as np
from ase import Atoms

from xanes_core.dataset.assembly.candidate import (
    LOW_STATE_ELECTRONS,
    MAX_ELECTRONS,
    MAX_WITH_RING,
    CandidateComplex,
    build,
    valence_electrons,
)
from xanes_core.dataset.assembly.ligands import FOCUS, Ligand
from xanes_core.dataset.assembly.small_ligands import BESIDE_OXO, N_OXO, SMALL, ring
from xanes_core.dataset.assembly.templates import (
    CORNERS,
    OXIDATION_OXO,
    OXIDATION_SMALL,
    POLYHEDRA,
    RING_CORNERS,
    VALENCE,
    weighted_choice,
)

#: Different ligands in one complex, repeated as often as they are to come.
_N_DIFFERENT = (1, 1, 2, 2, 3)
#: Highest total charge (e), and the lowest up to, and above, an oxidation state of three.
_MOST_CHARGE, _LEAST_CHARGE, _LEAST_CHARGE_HIGH = 3, -4, -2
#: Numbers of d electrons that stand a peroxide; others give an electron to it and break it.
_D_WITH_PEROXIDE = (0, 2)
#: Sets of ligands that are drawn for a polyhedron and an oxidation state until one makes sense.
_N_SETS = 40
#: Standard deviation of the noise on the drawn positions (A), so that symmetry is broken.
_NOISE_ANG = 0.03
#: Terminal oxides in one complex, by coordination number; two beyond five.
_MOST_OXIDES = {2: 2, 3: 3, 4: 4}
#: What an oxidation state of six and more goes with, and which of it makes five stable.
_HARD = frozenset({"O", "F", "Cl", "OH", "OMe", "O2", "N", "NMe"})
_STABILISING = frozenset({"O", "S", "N", "NMe", "O2", "F"})
#: Ligands that live on electrons given back, and metals that give none from state two on.
_PI_ACIDS = frozenset({"CO", "NO", "N2", "C2H4", "PF3"})
_LATE = frozenset({"Co", "Ni", "Cu", "Zn"})
#: Ring, how often, and the states it goes with.
_RINGS = (
    ("C5H5_0Me", 6, (1, 5)),
    ("C5H5_5Me", 2, (1, 5)),
    ("C6H6_0Me", 4, (0, 2)),
    ("C6H6_3Me", 2, (0, 2)),
)


@cache
def _small(name: str, metal: str) -> Ligand:
    """A small ligand above a metal."""
    return SMALL[name].on(name, metal)


@cache
def _ring(name: str) -> Ligand:
    """A ring by its name; three methyl groups sit at every other corner."""
    methyl = {"0": (), "3": (0, 2, 4), "5": range(5)}[name[5]]
    return ring(int(name[1]), methyl)


def draw_simple(
    metal: str, weights: dict[str, float], rng: np.random.Generator, focus: Collection[str] = ()
) -> CandidateComplex | str:
    """One complex of small ligands, or why it came to nothing.

    Parameters
    ----------
    metal : str
    weights : dict of str to float
        Names of polyhedra with how often they are to come.
    rng : numpy.random.Generator
    focus : collection of str
        Donor elements that are to come more often.
    """
    geometry = weighted_choice(weights, rng)
    state = int(rng.choice(OXIDATION_SMALL[metal]))
    corners = POLYHEDRA[geometry]
    suited = {
        name: small.weight * (FOCUS if small.atoms[0][0] in focus else 1.0)
        for name, small in SMALL.items()
        if small.states[0] <= state <= small.states[1] and (len(corners) < 7 or small.slim)
    }
    rings = [_ring(name) for name in _ring_names(geometry, state, rng)]
    if geometry in RING_CORNERS and not rings:
        return "no ring goes with the oxidation state"
    for _ in range(_N_SETS):
        names = _shared_out(suited, len(corners), rng)
        fault = _fault(metal, state, names, corners, rings)
        if not fault:
            break
    else:
        return fault
    small = [_small(name, metal) for name in names]
    targets = [[corner] for corner in (*RING_CORNERS.get(geometry, ()), *corners)]
    return _finished(metal, f"simple_{geometry}", state, [*rings, *small], targets, rng)


def draw_oxo(metal: str, rng: np.random.Generator) -> CandidateComplex | str:
    """One tetrahedral oxo complex of a metal in its highest oxidation states, or why not."""
    state = int(rng.choice(OXIDATION_OXO[metal]))
    n_oxo = int(rng.choice(N_OXO[state]))
    beside = [weighted_choice(BESIDE_OXO, rng) for _ in range(4 - n_oxo)]
    ligands = [_small(name, metal) for name in ["O"] * n_oxo + beside]
    targets = [[corner] for corner in POLYHEDRA["tet"]]
    return _finished(metal, "oxo_tet", state, ligands, targets, rng)


def _shared_out(weights: dict[str, float], n: int, rng: np.random.Generator) -> list[str]:
    """Names of ``n`` ligands of a few kinds in random order."""
    different = [weighted_choice(weights, rng) for _ in range(int(rng.choice(_N_DIFFERENT)))]
    cuts = sorted(int(x) for x in rng.integers(1, n + 1, len(different) - 1))
    names: list[str] = []
    for name, start, end in zip(different, [0, *cuts], [*cuts, n], strict=True):
        names += [name] * (end - start)
    return [names[i] for i in rng.permutation(n)]


def _ring_names(geometry: str, state: int, rng: np.random.Generator) -> list[str]:
    """Rings of a half-sandwich or bent metallocene, all alike; none where the geometry has none."""
    n_rings = len(RING_CORNERS.get(geometry, ()))
    suited = {
        name: weight
        for name, weight, (lowest, highest) in _RINGS
        if lowest <= state <= highest and (n_rings < 2 or name.startswith("C5"))
    }
    return [weighted_choice(suited, rng)] * n_rings if suited and n_rings else []


def _fault(
    metal: str, state: int, names: list[str], corners: Sequence[str], rings: Sequence[Ligand]
) -> str:
    """What is chemically wrong with a set of small ligands; empty if nothing is."""
    count = Counter(names)
    charge = state + sum(SMALL[name].charge for name in names) + sum(x.charge for x in rings)
    acceptor = bool(rings) or any(SMALL[name].acceptor for name in names)
    least = _LEAST_CHARGE if state <= 3 else _LEAST_CHARGE_HIGH
    if not least <= charge <= _MOST_CHARGE:
        return "the charge is out of range"
    if any(n > SMALL[name].most for name, n in count.items()):
        return "too many ligands of one kind"
    if sum(n for name, n in count.items() if SMALL[name].multiple) > _MOST_OXIDES.get(
        len(corners), 2
    ):
        return "too many multiple bonds"
    wanting = any(SMALL[name].wants_acceptor for name in names)
    if not acceptor and (wanting or (state <= 1 and metal != "Cu")):
        return "nothing takes electrons back from the metal"
    if state >= 5 and not _STABILISING & set(names):
        return "nothing stabilises the high oxidation state"
    if state >= 6 and not set(names) <= _HARD:
        return "soft ligands with a high oxidation state"
    if state >= 2 and metal in _LATE and _PI_ACIDS & set(names):
        return "a late metal does not give electrons back in this oxidation state"
    if "O2" in count and VALENCE[metal] - state not in _D_WITH_PEROXIDE:
        return "the metal would break the peroxide"
    if any(x.charge == 0 for x in rings) and not any(SMALL[name].acceptor for name in names):
        return "an arene without other ligands that take electrons back"
    if _has_trans_pair(names, corners):
        return "multiple bonds trans to each other"
    ligands = [*rings, *(_small(name, metal) for name in names)]
    return _electron_fault(metal, state, ligands, bool(rings))


def _electron_fault(metal: str, state: int, ligands: Sequence[Ligand], ringed: bool) -> str:
    """What is wrong with the number of valence electrons; empty if nothing is."""
    electrons = valence_electrons(metal, state, ligands)
    low, high = LOW_STATE_ELECTRONS if state <= 1 else (0, MAX_ELECTRONS)
    if ringed:
        high = min(high, MAX_WITH_RING)
    return "" if low <= electrons <= high else "the number of valence electrons is out of range"


def _has_trans_pair(names: Sequence[str], corners: Sequence[str]) -> bool:
    """Whether two multiple bonds stand opposite each other (linear complexes have no choice)."""
    places = [CORNERS[c] for name, c in zip(names, corners, strict=True) if SMALL[name].multiple]
    return len(corners) > 2 and any(float(a @ b) < -0.9 for a in places for b in places)


def _finished(
    metal: str,
    template: str,
    state: int,
    ligands: Sequence[Ligand],
    corners: Sequence[Sequence[str]],
    rng: np.random.Generator,
) -> CandidateComplex | str:
    """Place the ligands and add noise."""
    targets = [np.array([CORNERS[c] for c in some]) for some in corners]
    atoms = build(metal, list(zip(ligands, targets, strict=True)), rng)
    if atoms is None:
        return "the ligands do not fit around the metal"
    return CandidateComplex(
        atoms=_shaken(atoms, rng),
        metal=metal,
        kind=template.partition("_")[0],
        template=template,
        oxidation_state=state,
        charge=state + sum(x.charge for x in ligands),
        ligands=tuple(x.name for x in ligands),
        n_donors=sum(x.n_donors for x in ligands),
    )


def _shaken(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    """Noise on all atoms but the metal."""
    atoms.positions[1:] += rng.normal(0.0, _NOISE_ANG, (len(atoms) - 1, 3))
    return atoms

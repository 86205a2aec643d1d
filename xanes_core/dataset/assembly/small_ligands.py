"""Cyclopentadienyl and benzene rings with methyl groups, above a metal at the origin.

The ligand base hardly has them with a charge that it is sure of, although half of all
organometallic complexes carry one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase.data import atomic_numbers, covalent_radii

from xanes_core.constants import ABSORBERS
from xanes_core.dataset.assembly.ligands import Ligand, LigandEntry

#: Radius of the carbon ring, height above the metal (A), charge, metal of that height.
_RINGS = {5: (1.21, 1.70, -1, "Fe"), 6: (1.41, 1.70, 0, "Cr")}
#: Carbon to hydrogen and to methyl carbon; outwards and sideways part of a methyl's C-H (A).
_C_H, _C_C, _CH_OUT, _CH_SIDE = 1.08, 1.50, 0.36, 1.03
#: Complexes with a cyclopentadienyl ring that is bare, methylated once, five times.
_CP_COUNTS = {0: 3000, 1: 200, 5: 800}
#: Share of arenes with that many methyl groups at these corners: benzene, toluene, p-xylene,
#: mesitylene, hexamethylbenzene.
_ARENES = {(): 0.4, (0,): 0.2, (0, 3): 0.1, (0, 2, 4): 0.2, tuple(range(6)): 0.1}
#: Arene complexes per metal and oxidation state.
_ARENE_COUNTS = {
    **{("Cr", 0): 3000, ("Cr", 1): 100, ("Mn", 1): 500, ("Fe", 2): 600, ("Fe", 0): 200},
    **{("Co", 1): 120, ("Co", 2): 40, ("V", 0): 60, ("V", 1): 60, ("Ti", 0): 40, ("Ti", 2): 60},
    **{("Ni", 0): 20, ("Ni", 2): 20},
}
_Atoms = list[tuple[str, tuple[float, float, float]]]
_WATER = [("O", (0.0, 0.0, 0.0)), ("H", (0.78, 0.0, 0.58)), ("H", (-0.78, 0.0, 0.58))]
_BOROHYDRIDE = [
    *(("B", (0.0, 0.0, 0.0)), ("H", (1.02, 0.0, -0.72)), ("H", (-1.02, 0.0, -0.72))),
    *(("H", (0.0, 0.97, 0.68)), ("H", (0.0, -0.97, 0.68))),
]
#: What a tetrahedral oxo complex has beside oxygen, with weights.
BESIDE_OXO = {"F": 3, "Cl": 4, "Br": 2, "OH": 3, "OMe": 3, "Me": 1, "I": 1, "SMe": 1}
#: How many oxygens, per oxidation state, repeated as often as they are to come.
N_OXO = {4: (0, 1, 4, 1, 0), 5: (1, 1, 2, 3, 4, 4), 6: (2, 2, 3, 4, 4), 7: (3, 4, 4, 4)}


def ring(size: int, methylated: Sequence[int] = ()) -> Ligand:
    """A planar ring of five (charge -1) or six (charge 0) carbons along +z.

    Parameters
    ----------
    size : {5, 6}
        Carbons in the ring.
    methylated : sequence of int
        Corners that carry a methyl group in place of hydrogen.
    """
    radius, height, charge, parent = _RINGS[size]
    numbers = [6] * size
    turns = 2 * np.pi * np.arange(size) / size
    outwards = np.stack([np.cos(turns), np.sin(turns), np.zeros(size)], axis=1)
    points = list(radius * outwards)
    for corner, out in enumerate(outwards):
        if corner not in methylated:
            numbers.append(1)
            points.append((radius + _C_H) * out)
            continue
        numbers += [6, 1, 1, 1]
        carbon = (radius + _C_C) * out
        side = np.array([-out[1], out[0], 0.0])
        points.append(carbon)
        for turn in 2 * np.pi * np.arange(3) / 3:
            across = np.cos(turn) * np.array([0.0, 0.0, 1.0]) + np.sin(turn) * side
            points.append(carbon + _CH_OUT * out + _CH_SIDE * across)
    return Ligand(
        name=f"C{size}H{size}_{len(methylated)}Me",
        numbers=np.array(numbers, dtype=np.uint8),
        positions_ang=np.array(points) + np.array([0.0, 0.0, height]),
        groups=(tuple(range(size)),),
        charge=charge,
        archetype="eta",
        parent=parent,
    )


def ring_entries() -> list[LigandEntry]:
    """Rings with counts in the place of those that the ligand base lacks."""
    entries = [
        LigandEntry(
            ring(5, range(n)),
            {(m, None): count // 10 if m in ("Cu", "Zn") else count for m in ABSORBERS},
        )
        for n, count in _CP_COUNTS.items()
    ]
    entries += [
        LigandEntry(ring(6, corners), {key: round(share * n) for key, n in _ARENE_COUNTS.items()})
        for corners, share in _ARENES.items()
    ]
    return entries


@dataclass(frozen=True)
class SmallLigand:
    """A small ligand.

    Attributes
    ----------
    atoms : list of (symbol, position in A)
        Donors first.
    charge : int
    weight : float
        How often it is drawn.
    states : (int, int)
        Lowest and highest oxidation state of a metal that it goes with.
    bond : float
        Distance to the metal over the sum of the covalent radii.
    hapticity : int
        Atoms that bind; more than one is side-on.
    acceptor : bool
        Takes electrons back from the metal, so that low oxidation states are stable.
    wants_acceptor : bool
        Is found beside such ligands only.
    multiple : bool
        Bound by a double or triple bond, so that two of them avoid being trans.
    slim : bool
        Fits into coordination number seven.
    most : int
        Most of them in one complex.
    """

    atoms: _Atoms
    charge: int
    weight: float
    states: tuple[int, int]
    bond: float = 0.95
    hapticity: int = 1
    acceptor: bool = False
    wants_acceptor: bool = False
    multiple: bool = False
    slim: bool = False
    most: int = 7

    def on(self, name: str, metal: str) -> Ligand:
        """The ligand above a metal, at a distance that suits its radius."""
        symbols = [symbol for symbol, _ in self.atoms]
        numbers = np.array([atomic_numbers[symbol] for symbol in symbols], dtype=np.uint8)
        reach = covalent_radii[atomic_numbers[metal]] + covalent_radii[numbers[0]]
        positions = np.array([point for _, point in self.atoms], dtype=np.float64)
        return Ligand(
            name=name,
            numbers=numbers,
            positions_ang=positions + np.array([0.0, 0.0, self.bond * reach]),
            groups=(tuple(range(self.hapticity)),),
            charge=self.charge,
            archetype="1-mono",
            parent=metal,
        )


def _rod(*symbols: str, bonds: tuple[float, ...] = ()) -> _Atoms:
    """A linear ligand."""
    heights = np.concatenate([[0.0], np.cumsum(bonds)])
    return [(s, (0.0, 0.0, float(z))) for s, z in zip(symbols, heights, strict=True)]


def _umbrella(symbol: str, bond: float, tilt_deg: float, at: float = 0.0) -> _Atoms:
    """Three atoms around the axis at height ``at``, tilted from +z."""
    tilt = np.radians(tilt_deg)
    turns = 2 * np.pi * np.arange(3) / 3
    out, up = bond * np.sin(tilt), at + bond * np.cos(tilt)
    return [(symbol, (float(out * np.cos(t)), float(out * np.sin(t)), float(up))) for t in turns]


def _decorated(centre: str, inner: _Atoms, tips: float) -> _Atoms:
    """A centre with three atoms, each with a methyl's hydrogens at a distance of ``tips`` (A)."""
    atoms: _Atoms = [(centre, (0.0, 0.0, 0.0)), *inner]
    for _, place in inner:
        out = np.array(place) / np.linalg.norm(place)
        side = np.cross(out, [0.0, 0.0, 1.0])
        side /= np.linalg.norm(side)
        up = np.cross(side, out)
        for turn in np.pi / 3 + 2 * np.pi * np.arange(3) / 3:
            across = np.cos(turn) * up + np.sin(turn) * side
            x, y, z = np.array(place) + tips * (0.33 * out + 0.94 * across)
            atoms.append(("H", (float(x), float(y), float(z))))
    return atoms


def _methoxy_phosphine() -> _Atoms:
    """P(OMe)3 with the methyl groups turned away from the metal."""
    atoms: _Atoms = [("P", (0.0, 0.0, 0.0))]
    for turn in 2 * np.pi * np.arange(3) / 3:
        c, s = np.cos(turn), np.sin(turn)
        for symbol, (out, side, up) in (
            ("O", (1.43, 0.0, 0.70)),
            ("C", (1.55, 0.55, 2.02)),
            ("H", (2.59, 0.80, 2.22)),
            ("H", (1.25, -0.22, 2.73)),
            ("H", (0.95, 1.45, 2.13)),
        ):
            atoms.append((symbol, (c * out - s * side, s * out + c * side, up)))
    return atoms


def _bent_methyl(donor: str, out: float, up: float) -> _Atoms:
    """A donor with one methyl group beside the axis."""
    hydrogens = [(out + 1.03, 0.0, up - 0.25), (out - 0.2, 0.88, up + 0.6)]
    hydrogens.append((hydrogens[1][0], -0.88, hydrogens[1][2]))
    return [(donor, (0.0, 0.0, 0.0)), ("C", (out, 0.0, up)), *(("H", h) for h in hydrogens)]


def _two_methyls(donor: str, out: float, up: float, *, planar: bool) -> _Atoms:
    """A donor with two methyl groups: in a plane with the metal (amide) or bent away (sulfide)."""
    lean = 0.0 if planar else 0.6
    atoms: _Atoms = [(donor, (0.0, 0.0, 0.0))]
    for sign in (1.0, -1.0):
        atoms.append(("C", (sign * out, lean, up)))
        atoms.append(("H", (sign * (out + 0.75), lean, up - 0.75)))
        atoms += [("H", (sign * (out + 0.25), lean + y, up + 0.55)) for y in (0.88, -0.88)]
    return atoms


def _side_on(symbol: str, half: float) -> _Atoms:
    return [(symbol, (half, 0.0, 0.0)), (symbol, (-half, 0.0, 0.0))]


_ETHENE = [
    *_side_on("C", 0.70),
    *[("H", (sx * 1.24, sy * 0.91, 0.22)) for sx in (1, -1) for sy in (1, -1)],
]
_ACETONITRILE = [*_rod("N", "C", "C", bonds=(1.15, 1.46)), *_umbrella("H", 1.09, 70.5, at=2.61)]
_IMIDE = [*_rod("N", "C", bonds=(1.42,)), *_umbrella("H", 1.09, 70.5, at=1.42)]
_METHYL = [*_rod("C"), *_umbrella("H", 1.09, 70.0)]

SMALL: dict[str, SmallLigand] = {
    "Cl": SmallLigand(_rod("Cl"), -1, 6, (1, 7), slim=True),
    "Br": SmallLigand(_rod("Br"), -1, 4, (1, 5)),
    "F": SmallLigand(_rod("F"), -1, 3, (1, 7), slim=True),
    "I": SmallLigand(_rod("I"), -1, 2.5, (1, 4)),
    "O": SmallLigand(_rod("O"), -2, 4, (4, 7), 0.82, multiple=True, slim=True, most=4),
    "OH": SmallLigand([("O", (0, 0, 0)), ("H", (0.85, 0, 0.45))], -1, 1.5, (2, 7), slim=True),
    "H2O": SmallLigand(_WATER, 0, 6, (2, 5), slim=True),
    "NH3": SmallLigand([*_rod("N"), *_umbrella("H", 1.02, 70)], 0, 6, (1, 5), slim=True),
    "CO": SmallLigand(_rod("C", "O", bonds=(1.14,)), 0, 6, (-1, 2), 0.87, acceptor=True, slim=True),
    "CN": SmallLigand(_rod("C", "N", bonds=(1.16,)), -1, 4, (0, 4), 0.90, acceptor=True, slim=True),
    "NCS": SmallLigand(_rod("N", "C", "S", bonds=(1.17, 1.62)), -1, 2, (1, 5), slim=True),
    "MeCN": SmallLigand(_ACETONITRILE, 0, 3, (0, 4), acceptor=True, slim=True),
    "NO": SmallLigand(_rod("N", "O", bonds=(1.15,)), 1, 1.5, (-1, 2), 0.82, acceptor=True, most=2),
    "N3": SmallLigand(_rod("N", "N", "N", bonds=(1.2, 1.15)), -1, 1, (1, 5)),
    "SH": SmallLigand([("S", (0, 0, 0)), ("H", (1.3, 0, 0.3))], -1, 1.5, (1, 4)),
    "PH3": SmallLigand([*_rod("P"), *_umbrella("H", 1.42, 62)], 0, 1.5, (0, 3), acceptor=True),
    "OMe": SmallLigand(_bent_methyl("O", 0.7, 1.2), -1, 2, (2, 7)),
    "SMe": SmallLigand(_bent_methyl("S", 1.4, 1.1), -1, 2, (1, 5)),
    "Me": SmallLigand(_METHYL, -1, 1.5, (1, 5)),
    "S": SmallLigand(_rod("S"), -2, 0.7, (3, 5), 0.85, multiple=True, most=4),
    "NMe2": SmallLigand(_two_methyls("N", 1.22, 0.78, planar=True), -1, 1.2, (3, 5), 0.90),
    # phosphines, sulfide, silyls, hydrides
    "PMe3": SmallLigand(
        _decorated("P", _umbrella("C", 1.83, 64), 1.09), 0, 2.5, (0, 3), 0.93, acceptor=True
    ),
    "P(OMe)3": SmallLigand(_methoxy_phosphine(), 0, 1.2, (0, 2), 0.91, acceptor=True),
    "PF3": SmallLigand(
        [*_rod("P"), *_umbrella("F", 1.57, 61)], 0, 0.5, (0, 1), 0.89, acceptor=True
    ),
    "SMe2": SmallLigand(_two_methyls("S", 1.37, 1.0, planar=False), 0, 0.8, (0, 3)),
    "SiMe3": SmallLigand(
        _decorated("Si", _umbrella("C", 1.88, 68), 1.09),
        *(-1, 2.5, (1, 3)),
        wants_acceptor=True,
        most=2,
    ),
    "SiH3": SmallLigand(
        [*_rod("Si"), *_umbrella("H", 1.49, 68)], -1, 1.5, (1, 3), wants_acceptor=True, most=2
    ),
    "SiCl3": SmallLigand(
        [*_rod("Si"), *_umbrella("Cl", 2.06, 65)], -1, 1.5, (1, 3), wants_acceptor=True, most=2
    ),
    "H": SmallLigand(_rod("H"), -1, 1.2, (1, 3), wants_acceptor=True, slim=True, most=2),
    "BH4": SmallLigand(_BOROHYDRIDE, -1, 0.8, (1, 4), most=2),
    # side-on and multiply bound
    "O2": SmallLigand(_side_on("O", 0.72), -2, 6, (4, 6), 0.86, hapticity=2, slim=True, most=2),
    "S2": SmallLigand(_side_on("S", 1.03), -2, 0.5, (3, 5), 0.84, hapticity=2, most=2),
    "C2H4": SmallLigand(_ETHENE, 0, 0.8, (0, 2), 0.93, hapticity=2, acceptor=True, most=2),
    "N2": SmallLigand(
        *(_rod("N", "N", bonds=(1.11,)), 0, 0.4, (0, 2), 0.88),
        acceptor=True,
        most=1,
    ),
    "N": SmallLigand(_rod("N"), -3, 0.5, (5, 6), 0.78, multiple=True, most=1),
    "NMe": SmallLigand(_IMIDE, -2, 0.8, (4, 6), 0.82, multiple=True, most=2),
}

"""Cyclopentadienyl and benzene rings with methyl groups, above a metal at the origin.

The ligand base hardly has them with a charge that it is sure of, although half of all
organometallic complexes carry one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xanes_core.assembly.ligands import Entry, Ligand
from xanes_core.constants import ABSORBERS

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
    numbers, points = [6] * size, []
    turns = 2 * np.pi * np.arange(size) / size
    outwards = np.stack([np.cos(turns), np.sin(turns), np.zeros(size)], axis=1)
    points.extend(radius * outwards)
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


def ring_entries() -> list[Entry]:
    """Rings with counts in the place of those that the ligand base lacks."""
    entries = [
        Entry(
            ring(5, range(n)),
            {(m, None): count // 10 if m in ("Cu", "Zn") else count for m in ABSORBERS},
        )
        for n, count in _CP_COUNTS.items()
    ]
    entries += [
        Entry(ring(6, corners), {key: round(share * n) for key, n in _ARENE_COUNTS.items()})
        for corners, share in _ARENES.items()
    ]
    return entries

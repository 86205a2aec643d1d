"""wACSF by the printed formulas, in plain Python: shares no code with the package.

``python tests/wacsf_reference.py`` writes ``tests/files/wacsf`` anew: boundary geometries and a
few complexes of the training set, with their features in both conventions.
"""

from __future__ import annotations

import math

import ase.io
import numpy as np
from ase import Atoms

from tests.places import FILES

FOLDER = FILES / "wacsf"
R_C = 6.0
GROUPS = (
    (1,),
    (6,),
    (7,),
    (8,),
    (9, 17, 35, 53),
    (5, 14, 15, 16, 33, 34),
)
METALS = range(22, 31)
MU = [0.5 + 5.0 * i / 31 for i in range(32)]
WIDTHS = {
    "xanesnet": [1.0 + 4.5 * i / 63 for i in range(8)],
    "default": [1.0 + 4.5 * i / 7 for i in range(8)],
}


def f(r):
    return (math.cos(math.pi * r / R_C) + 1) / 2


def plain_features(atoms: Atoms, convention: str) -> np.ndarray:
    """Features of atom 0 of a molecule, term by term."""
    centre, *others = atoms.positions.tolist()
    near = []
    for z, position in zip(atoms.numbers.tolist()[1:], others, strict=True):
        r = math.dist(centre, position)
        if r < R_C:
            near.append((z, r, position))
    features = [math.fsum(f(r) for _, r, _ in near)]
    features += [g2(near, mu, lambda z: z) for mu in MU]
    features += [
        g4(near, centre, width, lam, zeta, clamp=convention != "xanesnet")
        for width in WIDTHS[convention]
        for lam in (1, -1)
        for zeta in (1, 2, 4, 8)
    ]
    if convention == "default":
        for group in GROUPS:
            features += [g2(near, mu, lambda z, group=group: z in group) for mu in MU]
        features += [float(atoms.numbers[0] == z) for z in METALS]
    return np.array(features)


def g2(near, mu, weight):
    eta = 1 / (2 * (MU[1] - MU[0]) ** 2)
    return math.fsum(weight(z) * math.exp(-eta * (r - mu) ** 2) * f(r) for z, r, _ in near)


def g4(near, centre, width, lam, zeta, *, clamp):
    eta, terms = 1 / (2 * width**2), []
    for j, (z_j, r_ij, x_j) in enumerate(near):
        for z_k, r_ik, x_k in near[:j]:
            r_jk = math.dist(x_j, x_k)
            if clamp and r_jk >= R_C:
                continue
            scalar = sum((a - c) * (b - c) for a, b, c in zip(x_j, x_k, centre, strict=True))
            angular = max(1 + lam * scalar / (r_ij * r_ik), 0.0) ** zeta
            radial = math.exp(-eta * (r_ij**2 + r_ik**2 + r_jk**2))
            terms.append(z_j * z_k * angular * radial * f(r_ij) * f(r_ik) * f(r_jk))
    return 2 ** (1 - zeta) * math.fsum(terms)


BOUNDARIES = {
    "no_neighbours": Atoms("Fe", [(1, 2, 3)]),
    "one_neighbour": Atoms("FeO", [(0, 0, 0), (1.1, 1.2, 1.3)]),
    "collinear_opposite": Atoms("TiO2", [(0, 0, 0), (0, 0, 1.7), (0, 0, -2.1)]),
    "collinear_same_side": Atoms("NiCO", [(0, 0, 0), (1.84, 0, 0), (2.98, 0, 0)]),
    "right_angle": Atoms("CuNCl", [(0, 0, 0), (2.0, 0, 0), (0, 2.3, 0)]),
    "jk_beyond_cutoff": Atoms("VOS", [(0, 0, 0), (3.5, 0.1, 0), (-3.4, 0, 0.2)]),
    "jk_at_cutoff": Atoms("CrF2", [(0, 0, 0), (3.0, 0, 0), (-3.0, 0, 0)]),
    "just_inside": Atoms("MnBrI", [(0, 0, 0), (5.999999, 0, 0), (0, 2.5, 0)]),
    "just_outside": Atoms("CoBrI", [(0, 0, 0), (6.000001, 0, 0), (0, 2.5, 0)]),
    "at_cutoff": Atoms("ZnSeH", [(0, 0, 0), (6.0, 0, 0), (0, 0, 1.6)]),
    "lone_element": Atoms("FeSnPb", [(0, 0, 0), (2.5, 0, 0), (0, 2.7, 0)]),
}
COMPLEXES = ("Ti", "V", "Cr", "Fe", "Cu", "Zn")


def main() -> None:
    structures = dict(BOUNDARIES)
    for element in COMPLEXES:
        data = FOLDER.parents[2] / "data" / "feff10" / f"{element}.extxyz"
        atoms = ase.io.read(data, index=3)
        structures[atoms.info["name"]] = Atoms(atoms.numbers, atoms.positions)
    for name, atoms in structures.items():
        atoms.info = {"name": name}
    ase.io.write(FOLDER / "structures.extxyz", list(structures.values()), format="extxyz")
    stored = ase.io.read(FOLDER / "structures.extxyz", index=":")  # the digits that were written
    np.savez_compressed(
        FOLDER / "reference.npz",
        name=np.array(list(structures)),
        xanesnet=np.array([plain_features(atoms, "xanesnet") for atoms in stored]),
        default=np.array([plain_features(atoms, "default") for atoms in stored]),
    )


if __name__ == "__main__":
    main()

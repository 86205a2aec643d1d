"""Idealised starting geometries of metal complexes, for ``build_examples.py``.

Simple ligands on an ideal polyhedron (:func:`polyhedral`); sandwiches, porphine and
acetylacetonates from closed-form coordinates. Other chelates: ``chelates``. The metal is atom 0 at
the origin. All lengths are in A.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from rdkit import Chem
from rdkit.Chem import AllChem

_T = 1.0 / np.sqrt(3.0)
_C3 = np.sqrt(3.0) / 2.0
#: Unit vectors to the vertices, in the order in which the catalogue numbers them.
POLYHEDRA = {
    "linear": np.array([[0, 0, 1], [0, 0, -1]], float),
    "tetrahedron": _T * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], float),
    "square": np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]], float),
    "pyramid": np.array(
        [[0.95, 0, -0.3], [0, 0.95, -0.3], [-0.95, 0, -0.3], [0, -0.95, -0.3], [0, 0, 1]]
    ),
    "bipyramid": np.array([[0, 0, 1], [0, 0, -1], [1, 0, 0], [-0.5, _C3, 0], [-0.5, -_C3, 0]]),
    "octahedron": np.array(
        [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float
    ),
}

#: Ligands with the donor at the origin and the metal on the -z side.
FRAGMENTS = {
    "CO": Atoms("CO", [[0, 0, 0], [0, 0, 1.14]]),
    "CN": Atoms("CN", [[0, 0, 0], [0, 0, 1.16]]),
    "H2O": Atoms("OH2", [[0, 0, 0], [0.78, 0, 0.58], [-0.78, 0, 0.58]]),
    "NH3": Atoms(
        "NH3", [[0, 0, 0], [0.95, 0, 0.36], [-0.475, 0.823, 0.36], [-0.475, -0.823, 0.36]]
    ),
}


def fragment(name: str) -> Atoms:
    """Ligand with its donor first and the metal's place on the -z axis.

    ``name`` is a key of ``FRAGMENTS``, an element symbol, or a SMILES whose donor carries map
    number 1 (``"CC#[N:1]"``).
    """
    if name in FRAGMENTS:
        return FRAGMENTS[name].copy()
    if ":1]" not in name:
        return Atoms(name, [[0, 0, 0]])
    mol = Chem.AddHs(Chem.MolFromSmiles(name))
    AllChem.EmbedMolecule(mol, randomSeed=7)
    donor = next(a for a in mol.GetAtoms() if a.GetAtomMapNum() == 1)
    order = [donor.GetIdx()] + [i for i in range(mol.GetNumAtoms()) if i != donor.GetIdx()]
    pos = mol.GetConformer().GetPositions()
    neighbours = [a.GetIdx() for a in donor.GetNeighbors()]
    outward = pos[neighbours].mean(axis=0) - pos[donor.GetIdx()]
    symbols = [mol.GetAtomWithIdx(i).GetSymbol() for i in order]
    atoms = Atoms(symbols, pos[order] - pos[donor.GetIdx()])
    atoms.rotate(outward, (0, 0, 1))
    # A terminal donor bends at itself (M-S-C about 105 degrees); its lone pair is not on the axis.
    if len(neighbours) == 1 and donor.GetSymbol() == "S":
        atoms.rotate(65.0, "x")
    return atoms


def _put(ligand: Atoms, direction: np.ndarray, distance_ang: float, twist_deg: float) -> Atoms:
    """Turn ``ligand`` so that it points outward along ``direction`` and shift it there."""
    unit = direction / np.linalg.norm(direction)
    side = np.roll(unit, 1)
    side = side - unit * (side @ unit)
    if np.linalg.norm(side) < 1e-6:
        side = np.array([1.0, -1.0, 0.0]) - unit * (unit[0] - unit[1])
    side /= np.linalg.norm(side)
    placed = ligand.copy()
    placed.rotate(twist_deg, "z")
    # Columns are the images of x, y, z: the twist is then the same for symmetry-related vertices.
    turn = np.column_stack([side, np.cross(unit, side), unit])
    placed.positions = placed.positions @ turn.T + distance_ang * direction
    return placed


def polyhedral(
    metal: str,
    shape: str,
    ligands: Sequence[tuple[str, float]],
    twists_deg: Sequence[float] | None = None,
) -> Atoms:
    """Ligands ``(name, metal-donor distance)`` on the vertices of ``shape``, in its order."""
    twists = [0.0] * len(ligands) if twists_deg is None else twists_deg
    atoms = Atoms(metal, [[0, 0, 0]])
    for direction, (name, d_ang), twist in zip(POLYHEDRA[shape], ligands, twists, strict=True):
        atoms += _put(fragment(name), direction, d_ang, twist)
    return atoms


def ring(n: int, height_ang: float, phase_deg: float = 0.0) -> Atoms:
    """Planar C_nH_n ring around the z axis at ``height_ang``."""
    radius = (1.43 if n == 5 else 1.42) / (2.0 * np.sin(np.pi / n))
    phi = 2.0 * np.pi * np.arange(n) / n + np.radians(phase_deg)
    circle = np.column_stack([np.cos(phi), np.sin(phi), np.zeros(n)])
    lift = np.array([0, 0, height_ang])
    return Atoms(f"C{n}H{n}", np.vstack([radius * circle, (radius + 1.08) * circle]) + lift)


def sandwich(metal: str, n: int, height_ang: float, stagger_deg: float = 0.0) -> Atoms:
    """Metal between two parallel C_nH_n rings."""
    return Atoms(metal, [[0, 0, 0]]) + ring(n, height_ang) + ring(n, -height_ang, stagger_deg)


def bent_metallocene(metal: str, height_ang: float, halide: str, d_ang: float) -> Atoms:
    """Cp2MX2 with a centroid-metal-centroid angle of 131 and X-M-X of 94 degrees."""
    atoms = Atoms(metal, [[0, 0, 0]])
    for sign in (1, -1):
        cp = ring(5, height_ang, 0.0 if sign > 0 else 36.0)
        cp.rotate(sign * 65.5, "y", center=(0, 0, 0))
        atoms += cp
        half = np.radians(47.0)
        atoms += Atoms(halide, [[0, sign * d_ang * np.sin(half), -d_ang * np.cos(half)]])
    return atoms


def piano_stool(metal: str, height_ang: float, d_co_ang: float) -> Atoms:
    """CpM(CO)3 with OC-M-CO angles of 92 degrees."""
    atoms = Atoms(metal, [[0, 0, 0]]) + ring(5, height_ang)
    polar = np.radians(123.8)
    for phi in np.radians([0.0, 120.0, 240.0]):
        direction = np.array(
            [np.sin(polar) * np.cos(phi), np.sin(polar) * np.sin(phi), np.cos(polar)]
        )
        atoms += _put(fragment("CO"), direction, d_co_ang, 0.0)
    return atoms


def porphine(metal: str, axial: Sequence[tuple[str, float, float]] = ()) -> Atoms:
    """Planar D4h metalloporphine; ``axial`` ligands as (name, distance, twist in degrees)."""
    quarter = [("N", 0.0, 2.03)]
    quarter += [("C", s * 1.10, 2.84) for s in (1, -1)] + [("C", s * 0.68, 4.23) for s in (1, -1)]
    quarter += [("H", s * 1.33, 5.10) for s in (1, -1)] + [("C", 2.42, 2.42), ("H", 3.19, 3.19)]
    atoms = Atoms(metal, [[0, 0, 0]])
    for k in range(4):
        part = Atoms([q[0] for q in quarter], [[q[1], q[2], 0.0] for q in quarter])
        part.rotate(90.0 * k, "z", center=(0, 0, 0))
        atoms += part
    for direction, (name, d_ang, twist) in zip(POLYHEDRA["linear"], axial, strict=False):
        atoms += _put(fragment(name), direction, d_ang, twist)
    return atoms


def acetylacetonates(
    metal: str,
    shape: str,
    pairs: Sequence[tuple[int, int]],
    d_ang: Sequence[float],
    others: Sequence[tuple[int, str, float]] = (),
) -> Atoms:
    """Planar acetylacetonates across pairs of vertices (0-based), as symmetric as the polyhedron.

    ``d_ang`` holds one metal-oxygen distance per ligand, ``others`` further ligands as (vertex,
    name, distance).
    """
    symbols, flat = ["C", "H"], [(3.28, 0.0, 0.0), (4.36, 0.0, 0.0)]
    for side in (1, -1):
        methyl, axis = np.array([3.44, side * 2.49, 0]), np.array([0.558, side * 0.830, 0])
        across = np.array([0.830, -side * 0.558, 0])
        symbols += ["O", "C", "C", "H", "H", "H"]
        flat += [(1.34, side * 1.39, 0.0), (2.60, side * 1.24, 0.0), tuple(methyl)]
        for phi in np.radians([0.0, 120.0, 240.0]):
            radial = np.cos(phi) * across + np.sin(phi) * np.array([0, 0, 1])
            flat.append(tuple(methyl + 1.09 * (axis / 3 + np.sqrt(8) / 3 * radial)))
    atoms = Atoms(metal, [[0, 0, 0]])
    vertices = POLYHEDRA[shape]
    for (i, j), d in zip(pairs, d_ang, strict=True):
        x = vertices[i] + vertices[j]
        y = vertices[i] - vertices[j]
        x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
        local = np.array(flat) + np.array([d - 1.93, 0, 0])
        atoms += Atoms(symbols, local @ np.array([x, y, np.cross(x, y)]))
    for v, name, d in others:
        atoms += _put(fragment(name), vertices[v], d, 0.0)
    return atoms

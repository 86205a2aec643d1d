"""Idealised starting geometries of metal complexes, for ``build_examples.py``.

Three ways to a start: simple ligands on an ideal polyhedron (:func:`polyhedral`), sandwiches and
porphine from closed-form coordinates, and chelates by distance geometry, where the bounds matrix
holds the donor atoms on the polyhedron (:func:`chelate`). The metal is atom 0 at the origin.
All lengths are in A.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from rdkit import Chem, DistanceGeometry, RDLogger
from rdkit.Chem import AllChem, rdDistGeom

# RDKit has no force-field types for bonded metals and says so at length; none are needed here.
RDLogger.DisableLog("rdApp.*")

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


def chelate(
    metal: str,
    shape: str,
    ligands: Sequence[str],
    d_ang: float | Sequence[float],
    n_tries: int = 20,
) -> Atoms:
    """Complex of chelating ligands by distance geometry.

    Parameters
    ----------
    metal, shape
        Element symbol and key of ``POLYHEDRA``.
    ligands
        SMILES whose donor atoms carry the 1-based vertex number as map number.
    d_ang
        Metal-donor distance, one for all or one per vertex.
    n_tries
        Embeddings to choose from; the one nearest to the ideal polyhedron wins.
    """
    mol = Chem.AddHs(Chem.MolFromSmiles(".".join([f"[{metal}]", *ligands])))
    vertices = POLYHEDRA[shape]
    targets = vertices * np.broadcast_to(np.asarray(d_ang, float), len(vertices))[:, None]
    donors = {a.GetAtomMapNum() - 1: a for a in mol.GetAtoms() if 0 < a.GetAtomMapNum() < 90}
    if sorted(donors) != list(range(len(vertices))):
        raise ValueError(f"{metal} {shape}: donors must be numbered 1 to {len(vertices)}")
    bounds = _bounds(mol, donors, targets)
    params = rdDistGeom.ETKDGv3()
    params.useRandomCoords = True
    params.SetBoundsMat(bounds)
    # Given bounds are used for connected molecules only, so the metal gets its (dative) bonds.
    joined = Chem.RWMol(mol)
    for atom in donors.values():
        joined.AddBond(atom.GetIdx(), 0, Chem.BondType.DATIVE)
    joined = joined.GetMol()
    Chem.SanitizeMol(joined)
    best, best_cost = None, np.inf
    for seed in range(n_tries):
        params.randomSeed = seed + 1
        if rdDistGeom.EmbedMolecule(joined, params) != 0:
            continue
        pos = joined.GetConformer().GetPositions()
        shell = np.vstack([pos[:1], pos[[donors[v].GetIdx() for v in range(len(vertices))]]])
        ideal = np.vstack([np.zeros((1, 3)), targets])
        cost = float(np.abs(_distances(shell) - _distances(ideal)).max()) + _strain(joined, pos)
        if cost < best_cost:
            best, best_cost = pos - pos[0], cost
    if best is None:
        raise RuntimeError(f"no embedding of {metal} with {'.'.join(ligands)}")
    return Atoms([a.GetSymbol() for a in mol.GetAtoms()], best)


def _distances(pos: np.ndarray) -> np.ndarray:
    return np.linalg.norm(pos[:, None] - pos[None], axis=-1)


def _strain(mol: Chem.Mol, pos: np.ndarray) -> float:
    """Penalty for contacts between unbonded atoms, in units of covalent sums."""
    radii = covalent_radii[[a.GetAtomicNum() for a in mol.GetAtoms()]]
    ratio = _distances(pos) / (radii[:, None] + radii[None])
    near = Chem.GetDistanceMatrix(mol) < 3
    return float(np.clip(1.6 - ratio[~near], 0, None).sum())


def _bounds(mol: Chem.Mol, donors: dict[int, Chem.Atom], targets: np.ndarray) -> np.ndarray:
    """Bounds matrix (upper bounds above, lower below the diagonal) with the metal as atom 0."""
    bounds = rdDistGeom.GetMoleculeBoundsMatrix(mol)
    apart = Chem.GetDistanceMatrix(mol) > 1e6

    def limit(i: int, j: int, low: float, high: float) -> None:
        bounds[min(i, j), max(i, j)] = high
        bounds[max(i, j), min(i, j)] = low

    n = mol.GetNumAtoms()
    is_h = np.array([a.GetAtomicNum() == 1 for a in mol.GetAtoms()])
    for i in range(n):
        for j in range(i + 1, n):
            if apart[i, j]:
                limit(i, j, 2.0 if is_h[i] or is_h[j] else 2.6, 14.0)
    for v, atom in donors.items():
        i, d = atom.GetIdx(), float(np.linalg.norm(targets[v]))
        limit(0, i, d - 0.02, d + 0.02)
        for w, other in donors.items():
            if w > v:
                gap = float(np.linalg.norm(targets[v] - targets[w]))
                limit(i, other.GetIdx(), gap - 0.2, gap + 0.2)
    for v, atom in donors.items():
        d = float(np.linalg.norm(targets[v]))
        for x in atom.GetNeighbors():
            i, j = sorted((atom.GetIdx(), x.GetIdx()))
            b = 0.5 * (bounds[i, j] + bounds[j, i])
            # The metal sits in the lone pair: M-D-X between 104 and 137 degrees.
            low, high = (
                np.sqrt(d * d + b * b - 2 * d * b * np.cos(np.radians(t))) for t in (104.0, 137.0)
            )
            limit(0, x.GetIdx(), float(low), float(high))
    if not DistanceGeometry.DoTriangleSmoothing(bounds):
        raise RuntimeError("the distance bounds contradict each other")
    return bounds


def bridge_hydrogens(atoms: Atoms) -> Atoms:
    """Turn each O-H towards the nearest bare O (the O-H...O bridges of a bis(dioximate))."""
    out = atoms.copy()
    pos = out.positions
    hydrogens = [i for i, s in enumerate(out.symbols) if s == "H"]
    oxygens = [i for i, s in enumerate(out.symbols) if s == "O"]
    on = {}
    for h in hydrogens:
        d = np.linalg.norm(pos[oxygens] - pos[h], axis=1)
        if d.min() < 1.2:
            on[oxygens[int(d.argmin())]] = h
    bare = [o for o in oxygens if o not in on]
    for o, h in on.items():
        target = pos[min(bare, key=lambda b: np.linalg.norm(pos[b] - pos[o]))]
        pos[h] = pos[o] + 1.0 * (target - pos[o]) / np.linalg.norm(target - pos[o])
    return out


def numbered(smiles: str, *vertices: int) -> str:
    """``smiles`` with its ``:1]``, ``:2]``... replaced by the given vertex numbers."""
    return re.sub(r":(\d)\]", lambda m: f":{vertices[int(m.group(1)) - 1]}]", smiles)

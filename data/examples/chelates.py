"""Starting geometries of chelates by distance geometry, for ``build_examples.py``.

The bounds matrix holds the donor atoms on an ideal polyhedron round the metal, which is atom 0 at
the origin. All lengths are in A.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from rdkit import Chem, DistanceGeometry, RDLogger
from rdkit.Chem import rdDistGeom
from starting_geometry import POLYHEDRA

# RDKit has no force-field types for bonded metals and says so at length; none are needed here.
RDLogger.DisableLog("rdApp.*")


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

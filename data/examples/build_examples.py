"""Build the example structures: ideal starting geometry, GFN2-xTB relaxation, checks, files.

Needs ``tblite`` and ``rdkit`` beside the project's own dependencies. From the repository root::

    OMP_NUM_THREADS=1 python data/examples/build_examples.py [KEY...]

Without keys it builds every complex of the catalogue. A complex is written only when it passes the
checks (coordination number, bond lengths against experiment, no close contacts); otherwise the
reason is printed and the exit status is 1. Files and index are replaced atomically.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.calculator import CalculationFailed
from ase.constraints import FixBondLengths
from ase.data import covalent_radii
from ase.io import write
from ase.optimize import LBFGS
from catalogue import Complex
from catalogue_cr_mn import CR_MN
from catalogue_fe_co import FE_CO
from catalogue_ni_zn import NI_ZN
from catalogue_ti_v import TI_V

HERE = Path(__file__).resolve().parent
INDEX = HERE / "index.json"
CATALOGUE: dict[str, Complex] = {c.key: c for c in (*TI_V, *CR_MN, *FE_CO, *NI_ZN)}
#: A pair counts as bonded below this multiple of the sum of covalent radii.
BOND_FACTOR = 1.15
#: The same for the free relaxation, whose bonds may be somewhat too long.
FREE_FACTOR = 1.2
#: No pair may be nearer than this multiple: the structure has collapsed.
CONTACT_FACTOR = 0.62
#: Bond lengths this near to experiment (A), the accuracy of the listed values, stay as relaxed.
TRUST_ANG = 0.02
#: Largest force (eV/A) a shipped structure may keep.
MAX_FORCE = 0.1
#: Largest difference (A) among the bonds of one shell.
MAX_SPREAD_ANG = 0.15


class Rejected(Exception):
    """The relaxed structure is not the complex that was asked for."""


def method(item: Complex, held: bool, hot: bool) -> str:
    """Name of the method as the index states it."""
    name = "GFN2-xTB, ALPB(water)" if item.water else "GFN2-xTB"
    name += ", electrons at 2000 K" if hot else ""
    return f"{name}, first shell held at experimental mean lengths" if held else name


def donors(item: Complex) -> list[list[int]]:
    """Atoms of each shell, taken from the starting geometry: the nearest ones come first."""
    start = item.start()
    distances = np.linalg.norm(start.positions - start.positions[0], axis=1)
    order = [int(i) for i in np.argsort(distances) if i != 0]
    shells = []
    for shell in item.shells:
        shells.append([i for i in order if start.symbols[i] == shell.element][: shell.count])
        order = [i for i in order if i not in shells[-1]]
    return shells


def held_bonds(item: Complex, free: Atoms) -> FixBondLengths:
    """Constraint that shifts the bonds of each shell of ``free`` to the experimental mean.

    The differences within a shell (as trans to different ligands) stay as relaxed.
    """
    distances = np.linalg.norm(free.positions - free.positions[0], axis=1)
    pairs, lengths = [], []
    for shell, own in zip(item.shells, donors(item), strict=True):
        pairs += [[0, i] for i in own]
        lengths += list(distances[own] + shell.d_exp_ang - distances[own].mean())
    return FixBondLengths(pairs, bondlengths=lengths)


def relax(item: Complex, atoms: Atoms, limit: float, steps: int) -> tuple[Atoms, float]:
    """Relaxed copy, metal at the origin, and its largest remaining force (eV/A)."""
    from tblite.ase import TBLite

    atoms = atoms.copy()
    for hot in (False, True):
        work = atoms.copy()
        work.calc = TBLite(
            method="GFN2-xTB",
            charge=item.charge,
            multiplicity=item.multiplicity,
            solvation=("alpb", "water") if item.water else None,
            # Near-degenerate d levels: a smeared occupation converges where 300 K does not.
            electronic_temperature=2000.0 if hot else 300.0,
            max_iterations=400,
            verbosity=0,
        )
        try:
            LBFGS(work, logfile=None, maxstep=0.1).run(fmax=limit, steps=steps)
            largest = float(np.linalg.norm(work.get_forces(), axis=1).max())
        except CalculationFailed:
            if hot:
                raise
            continue
        if largest <= 2 * limit:
            break
    work.positions -= work.positions[0]
    return Atoms(work.numbers, np.round(work.positions, 4), info={"hot": hot}), largest


def check(item: Complex, atoms: Atoms, reach: float = BOND_FACTOR) -> list[float]:
    """Mean bond length of each shell (A) of a sound structure; ``Rejected`` for any other.

    Donors must lie within ``reach`` covalent sums of the metal and other heavy atoms outside
    ``BOND_FACTOR`` of them.
    """
    radii = covalent_radii[atoms.numbers]
    ratio = atoms.get_all_distances() / (radii[:, None] + radii[None])
    np.fill_diagonal(ratio, np.inf)
    if ratio.min() < CONTACT_FACTOR:
        raise Rejected(f"two atoms at {ratio.min():.2f} of their covalent sum")
    shells = donors(item)
    bound = sorted(i for own in shells for i in own)
    others = [i for i in range(1, len(atoms)) if i not in bound and atoms.numbers[i] != 1]
    distances = np.linalg.norm(atoms.positions - atoms.positions[0], axis=1)
    if ratio[0, bound].max() >= reach:
        raise Rejected(f"a ligand has left: {np.round(distances[bound], 2).tolist()} A")
    if others and ratio[0, others].min() < BOND_FACTOR:
        raise Rejected(f"an atom more than intended at {distances[others].min():.2f} A")
    return [float(distances[own].mean()) for own in shells]


def build(item: Complex, limit: float, steps: int) -> tuple[Atoms, dict]:
    """Structure and index entry of one complex; raises ``Rejected`` when it does not hold.

    The free relaxation decides whether GFN2-xTB keeps the complex together. Where its bond lengths
    are further than ``TRUST_ANG`` from experiment (a shift that changes the spectrum), a second
    relaxation holds the first shell at the experimental mean lengths and frees all the rest.
    """
    start = item.start()
    # A hair of disorder lets the search leave a symmetric saddle point.
    start.positions += np.random.default_rng(0).normal(0.0, 0.01, start.positions.shape)
    atoms, largest = relax(item, start, limit, steps)
    free = check(item, atoms, reach=FREE_FACTOR)
    exp = [shell.d_exp_ang for shell in item.shells]
    off = max(abs(a - b) for a, b in zip(free, exp, strict=True))
    if off > item.tolerance_ang:
        raise Rejected(f"bond lengths {np.round(free, 3)}, experiment {exp}")
    held = off > TRUST_ANG
    final = free
    if held:
        constrained = atoms.copy()
        constrained.set_constraint(held_bonds(item, atoms))
        constrained.set_positions(constrained.positions)
        atoms, largest = relax(item, constrained, limit, steps)
        final = check(item, atoms)
    distances = np.linalg.norm(atoms.positions - atoms.positions[0], axis=1)
    spread = max(float(np.ptp(distances[own])) for own in donors(item))
    if spread > MAX_SPREAD_ANG:
        raise Rejected(f"bonds of one kind differ by {spread:.2f} A")
    if largest > MAX_FORCE:
        raise Rejected(f"not converged, largest force {largest:.2f} eV/A")
    bonds = [
        {
            "element": shell.element,
            "count": shell.count,
            "atoms": own,
            "d_ang": round(d, 3),
            "d_xtb_ang": round(d_free, 3),
            "d_exp_ang": shell.d_exp_ang,
            "comment": shell.comment,
        }
        for shell, own, d, d_free in zip(item.shells, donors(item), final, free, strict=True)
    ]
    return atoms, record(item, atoms, largest, bonds, held)


def replace(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` in one step."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    os.chmod(name, 0o644)
    os.replace(name, path)


def record(
    item: Complex, atoms: Atoms, fmax_ev_per_ang: float, bonds: list[dict], held: bool
) -> dict:
    """Entry of the index."""
    return {
        "key": item.key,
        "title": item.title,
        "formula": item.formula,
        "hill": atoms.get_chemical_formula("hill"),
        "element": atoms.symbols[0],
        "charge": item.charge,
        "multiplicity": item.multiplicity,
        "absorber": 0,
        "coordination": item.coordination,
        "coordination_number": item.coordination_number,
        "note": item.note,
        "method": method(item, held, atoms.info["hot"]),
        "fmax_ev_per_ang": round(fmax_ev_per_ang, 4),
        "bonds": bonds,
    }


def save(item: Complex, atoms: Atoms, entry: dict) -> None:
    """Write the structure, then the index with ``entry`` in catalogue order."""
    atoms.info = dict(key=item.key, charge=item.charge, multiplicity=item.multiplicity)
    stream = io.StringIO()
    write(stream, atoms, format="extxyz", columns=["symbols", "positions"], write_results=False)
    replace(HERE / f"{item.key}.extxyz", stream.getvalue())
    entries = {}
    if INDEX.exists():
        entries = {e["key"]: e for e in json.loads(INDEX.read_text("utf-8"))["examples"]}
    entries[item.key] = entry
    ordered = [entries[key] for key in CATALOGUE if key in entries]
    text = json.dumps({"version": 1, "examples": ordered}, indent=1, ensure_ascii=False)
    replace(INDEX, text + "\n")


def main(argv: list[str] | None = None) -> int:
    """Build the named complexes; 0 when all were written."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("keys", nargs="*", metavar="KEY", help="complexes to build (default: all)")
    parser.add_argument("--fmax", type=float, default=0.03, help="force limit in eV/A")
    parser.add_argument("--steps", type=int, default=400, help="most relaxation steps")
    parser.add_argument("--missing", action="store_true", help="only those without a file")
    args = parser.parse_args(argv)
    unknown = sorted(set(args.keys) - set(CATALOGUE))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(CATALOGUE)}")
    failures = 0
    for key in args.keys or CATALOGUE:
        if args.missing and (HERE / f"{key}.extxyz").exists():
            continue
        item = CATALOGUE[key]
        try:
            atoms, entry = build(item, args.fmax, args.steps)
        except Exception as error:  # one bad complex must not stop the others
            failures += 1
            print(f"FAILED {key}: {type(error).__name__}: {error}", flush=True)
            continue
        save(item, atoms, entry)
        lengths = "; ".join(
            f"{b['count']} {b['element']} {b['d_ang']} (xTB {b['d_xtb_ang']}, exp {b['d_exp_ang']})"
            for b in entry["bonds"]
        )
        print(f"{key}: fmax {entry['fmax_ev_per_ang']:.3f}; {lengths}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

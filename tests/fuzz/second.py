"""Second readers: what a damaged file holds, by other programs or by the shortest way there is.

Each gives the atoms of one or more structures, or None where it cannot tell. They share no code
with the readers of the library.
"""

from __future__ import annotations

import io
import re
import warnings
from collections import Counter

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols
from ase.io import read as ase_read

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?")
BOHR_ANG = 0.529177210544


def text_of(data: bytes) -> str:
    """Text of a file as Python's own codecs have it."""
    for codec in ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252"):
        try:
            return data.decode(codec)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def number(word: str) -> float | None:
    """Value of a word that is a number of C or Fortran."""
    return float(word.lower().replace("d", "e")) if NUMBER.fullmatch(word) else None


def triples(text: str, *, factor: float = 1.0) -> set[tuple[float, float, float]]:
    """Every three numbers that follow each other on a line, rounded to 1e-4."""
    found = set()
    text = re.sub(r"-\s*[\r\n]+M  V30 ", "", text)  # a line of V3000 that goes on
    for line in text.splitlines():
        values = [number(word.strip(",;")) for word in line.split()]
        for start in range(len(values) - 2):
            three = values[start : start + 3]
            if None not in three:
                found.add(tuple(round(factor * float(v), 4) + 0.0 for v in three))
    return found


def _ase(format: str):
    def read(text: str) -> list[Atoms] | None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = ase_read(io.StringIO(text), index=":", format=format)
        return list(found) or None

    return read


def _rdkit(text: str) -> list[Atoms] | None:
    from rdkit import Chem, RDLogger

    RDLogger.DisableLog("rdApp.*")
    found = []
    for block in text.split("$$$$"):
        if not block.strip():
            continue
        mol = Chem.MolFromMolBlock(
            block.lstrip("\n") if found else block,
            sanitize=False, removeHs=False, strictParsing=False,
        )  # fmt: skip
        if mol is None or not mol.GetNumConformers() or not mol.GetNumAtoms():
            return None
        symbols = [atom.GetSymbol() for atom in mol.GetAtoms()]
        found.append(Atoms(symbols, mol.GetConformer().GetPositions()))
    return found or None


def _gemmi_pdb(text: str) -> list[Atoms] | None:
    import gemmi

    found = []
    for model in gemmi.read_pdb_string(text):
        sites = [site.atom for site in model.all()]
        found.append(
            Atoms([s.element.atomic_number for s in sites], [s.pos.tolist() for s in sites])
        )
    return found or None


def _cif_cells(text: str) -> list[Atoms] | None:
    """Cell of every block, filled by the operations that it lists or that its group has."""
    import gemmi

    found = []
    for block in gemmi.cif.read_string(text):
        small = gemmi.make_small_structure_from_block(block)
        if not len(small.sites) or any(site.occ != 1 for site in small.sites):
            continue
        listed = [
            gemmi.cif.as_string(op)
            for tag in ("_space_group_symop_operation_xyz", "_space_group_symop.operation_xyz",
                        "_symmetry_equiv_pos_as_xyz")
            for op in block.find_values(tag)
        ]  # fmt: skip
        group = gemmi.find_spacegroup_by_name(small.spacegroup_hm)
        if group is None and small.spacegroup_number:
            group = gemmi.find_spacegroup_by_number(small.spacegroup_number)
        named = [op.triplet() for op in group.operations()] if group else ["x,y,z"]
        if not np.isfinite([site.fract.tolist() for site in small.sites]).all():
            return None  # fractions such as 1/8, which gemmi does not read
        rows = [gemmi.Op(one) for one in listed or named]
        numbers, places = [], []
        for site in small.sites:
            images = np.array([op.apply_to_xyz(site.fract.tolist()) for op in rows]) % 1.0
            kept: list[np.ndarray] = []
            for image in images:
                gaps = [np.abs((image - other + 0.5) % 1.0 - 0.5).max() for other in kept]
                if not gaps or min(gaps) > 5e-3:
                    kept.append(image)
            numbers += [site.element.atomic_number] * len(kept)
            places += kept
        cell = small.cell
        sizes = [cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma]
        found.append(Atoms(numbers, scaled_positions=places, cell=sizes, pbc=True))
    return found or None


def _mol2(text: str) -> list[Atoms] | None:
    found = []
    for part in re.split(r"@<TRIPOS>MOLECULE", text)[1:]:
        body = re.search(r"@<TRIPOS>ATOM[^\n]*\n(.*?)(?=@<TRIPOS>|\Z)", part, re.DOTALL)
        rows = [line.split() for line in body[1].splitlines() if line.strip()] if body else []
        rows = [row for row in rows if not row[0].startswith("#")]
        symbols = [row[5].partition(".")[0].capitalize() for row in rows]
        if not rows or any(symbol not in atomic_numbers for symbol in symbols):
            return None
        found.append(Atoms(symbols, [[float(v) for v in row[2:5]] for row in rows]))
    return found or None


def _gaussian(text: str) -> list[Atoms] | None:
    """All tables that have an end; the last of one kind of orientation is what is wanted."""
    found = []
    for table in re.findall(r"orientation:\s*\n *-+\n.*\n.*\n *-+\n((?: .*\n)*?) *-{20,}", text):
        rows = [line.split() for line in table.splitlines()]
        rows = [row for row in rows if int(row[1]) > 0]
        found.append(Atoms([int(r[1]) for r in rows], [[float(v) for v in r[3:6]] for r in rows]))
    return found or None


def _xyz(text: str) -> list[Atoms] | None:
    """A count, a comment, and so many lines of symbol (or atomic number) and three numbers."""
    lines, found = text.splitlines(), []
    while lines and not lines[0].strip():
        lines.pop(0)
    at = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        count = int(lines[at].split()[0])
        rows = [line.split() for line in lines[at + 2 : at + 2 + count]]
        if len(rows) < count or any(len(row) < 4 for row in rows):
            return None
        symbols = [
            chemical_symbols[int(row[0])] if row[0].isdigit() else row[0].capitalize()
            for row in rows
        ]
        if any(symbol not in atomic_numbers for symbol in symbols):
            return None
        places = [[number(word) for word in row[1:4]] for row in rows]
        if any(None in place for place in places):
            return None
        found.append(Atoms(symbols, places))
        at += 2 + count
    return found or None


#: Whole structures, by the name that the library gives a format.
READERS = {
    "xyz": _xyz,
    "cif": _cif_cells,
    "mol/sdf": _rdkit,
    "pdb": _gemmi_pdb,
    "POSCAR": _ase("vasp"),
    "mol2": _mol2,
    "gen": _ase("gen"),
    "Gaussian output": _gaussian,
    "ORCA output": _ase("orca-output"),
}
#: Formats whose coordinates stand in the file as they are.
CARTESIAN = {"xyz", "mol/sdf", "pdb", "mol2", "Gaussian output", "ORCA output", "xTB output",
             "FEFF input"}  # fmt: skip


def judge_structure(frames: list[Atoms], data: bytes, title: str) -> str:
    """Whether a second reader agrees: "confirmed", "unconfirmed", or what differs.

    Reader and file agree where the second reader finds a structure of the same elements at the
    same places (of a crystal: the same elements in a cell of the same volume). Where it cannot
    read the file, the coordinates have to stand in it letter by letter.
    """
    text = text_of(data)
    known = None
    if title in READERS:
        try:
            known = READERS[title](text)
        except Exception:  # whatever a program of others makes of a damaged file
            known = None
    words = "".join(str(atoms.info.get("notes", "")) for atoms in frames).strip()
    if words:  # something was left out on purpose and said so
        known = None
    if known and all(any(_same(atoms, other) for other in known) for atoms in frames):
        return "confirmed"
    if title in CARTESIAN:
        there = triples(text) if title != "pdb" else _pdb_triples(text)
        for atoms in frames:
            for place in atoms.positions:
                rounded = tuple(round(float(x), 4) + 0.0 for x in place)
                if rounded not in there:
                    return f"the place {rounded} is not in the file"
        if known is None:
            return "letter by letter"
        counts = [dict(Counter(other.get_chemical_symbols())) for other in known]
        mine = [dict(Counter(atoms.get_chemical_symbols())) for atoms in frames]
        return f"elements {mine[:2]} where the second reader finds {counts[:2]}"
    if known is None:
        return "unconfirmed"
    if any(any(_alike(atoms, other) for other in known) for atoms in frames):
        return "confirmed"
    return (
        f"{[a.get_chemical_formula() for a in frames][:2]} in {frames[0].get_volume():.3f} A^3"
        f" where the second reader finds {[a.get_chemical_formula() for a in known][:2]}"
        if frames[0].cell.rank == 3
        else f"{[len(a) for a in frames][:3]} atoms, not {[len(a) for a in known][:3]}"
    )


def _pdb_triples(text: str) -> set[tuple[float, float, float]]:
    found = set()
    for line in text.splitlines():
        three = [number(line[a : a + 8].strip()) for a in (30, 38, 46)]
        if None not in three:
            found.add(tuple(round(float(v), 4) + 0.0 for v in three))
    return found


def _same(one: Atoms, other: Atoms) -> bool:
    if one.cell.rank == 3 and one.pbc.all():
        return _alike(one, other)
    if len(one) != len(other):
        return False
    # chains of a protein come in an order of their own
    rows = [
        np.array(sorted(np.column_stack([a.numbers, np.round(a.positions, 3)]).tolist()))
        for a in (one, other)
    ]
    return bool(np.allclose(*rows, atol=2e-3))


def _alike(one: Atoms, other: Atoms) -> bool:
    same = Counter(one.numbers.tolist()) == Counter(other.numbers.tolist())
    if one.cell.rank == 3 and other.cell.rank == 3:
        return same and bool(np.isclose(one.get_volume(), other.get_volume(), rtol=1e-3))
    return same


def judge_spectrum(energy_ev: np.ndarray, values: np.ndarray, data: bytes, e0_ev: float) -> str:
    """Whether the energies of a spectrum are numbers of its file, in eV, keV or relative to E0.

    "confirmed" where a plain table of ``numpy.loadtxt`` has energies and values in two columns.
    """
    text = text_of(data)
    table = _loadtxt(text)
    if table is not None:
        for column in table.T:
            for factor, offset in ((1.0, 0.0), (1000.0, 0.0), (1.0, e0_ev), (1.0, -1.0)):
                given = factor * column + (0.0 if offset == -1.0 else offset)
                place = {round(float(e), 3): row for row, e in enumerate(given)}
                rows = [place.get(round(float(e), 3)) for e in energy_ev]
                if None in rows:
                    continue
                for other in _curves(table):
                    if np.allclose(other[rows], values, rtol=1e-4, atol=1e-9, equal_nan=False):
                        return "confirmed"
                return "energies"
    raw = [float(w.lower().replace("d", "e")) for w in NUMBER.findall(text.replace(",", "."))]
    there = {round(factor * v + offset, 2) for v in raw for factor, offset in
             ((1.0, 0.0), (1000.0, 0.0), (1.0, e0_ev))}  # fmt: skip
    share = np.mean([round(float(e), 2) in there for e in energy_ev])
    return "energies" if share > 0.9 else "unconfirmed"


def _curves(table: np.ndarray):
    """Columns, and what two of them make: logarithms of ratios, and ratios."""
    columns = list(table.T)
    yield from columns
    with np.errstate(all="ignore"):
        for one in columns:
            for other in columns:
                if one is not other:
                    yield np.log(one / other)
                    yield one / other


def _loadtxt(text: str) -> np.ndarray | None:
    for separator in (None, ",", ";", "\t"):
        lines = [line for line in text.splitlines() if line.strip()[:1] not in ("", "#", "%", "!")]
        while lines and not _is_row(lines[0], separator):
            lines = lines[1:]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                table = np.loadtxt(lines, delimiter=separator, ndmin=2)
        except Exception:
            continue
        if table.ndim == 2 and min(table.shape) >= 2 and table.shape[1] < 50:
            return table
    return None


def _is_row(line: str, separator: str | None) -> bool:
    words = line.split(separator)
    return len(words) > 1 and all(number(word.strip()) is not None for word in words)

"""Reader of mol and sdf files, V2000 and V3000. Lines in, frames out."""

from __future__ import annotations

from collections.abc import Iterator

from ase import Atoms

from xanes_core.errors import StructureError
from xanes_core.structures.formats.text import is_number, parse_count
from xanes_core.structures.formats.xyz import atoms_of_rows


def is_mol(lines: list[str]) -> bool:
    """Whether a file has the counts line or the end of a mol record."""
    counts = any("V2000" in line or "V3000" in line for line in lines[:12])
    return counts or any(line.startswith("M  END") for line in lines)


def read_mol(lines: list[str]) -> Iterator[Atoms]:
    """Records of a mol or sdf file, V2000 and V3000."""
    start = 0
    for end in [*(i for i, line in enumerate(lines) if line.startswith("$$$$")), len(lines)]:
        record = lines[start:end]
        if any(line.strip() for line in record):
            yield _mol_record(record, start)
        start = end + 1


def _mol_record(record: list[str], offset: int) -> Atoms:
    # people's editors add or drop blank lines at the top: the counts line says what it is
    header = next(
        (i for i, line in enumerate(record[:12]) if "V2000" in line or "V3000" in line), 3
    )
    if header >= len(record):
        raise StructureError(
            f"Line {offset + 1}: the mol record ends before its counts line (line 4): "
            "the file is incomplete."
        )
    if "V3000" in record[header]:
        atoms = _mol_v3000(record, offset)
    else:
        atoms = _mol_v2000(record, header, offset)
    flat = len(atoms) > 1 and not atoms.positions[:, 2].any()
    if flat and record[max(header - 2, 0)][20:22].upper() == "2D":
        raise StructureError(
            "The mol file is a drawing in two dimensions: give three-dimensional coordinates."
        )
    return atoms


def _mol_v2000(record: list[str], header: int, offset: int) -> Atoms:
    where = f"Line {offset + header + 1}"
    field = record[header][:3].strip() if header >= 3 else record[header].split()[0]
    count = parse_count(field, where)
    body = []
    for line in record[header + 1 : header + 1 + count]:
        if line.startswith("M  "):
            break
        body.append(line)
    if len(body) < count:
        raise StructureError(
            f"{where} announces {count:,} atoms, but {len(body):,} lines of atoms follow: "
            "the file is incomplete or the number is wrong."
        )
    rows = []
    for i, line in enumerate(body):
        words = line.split()
        if len(words) < 4 or not all(is_number(word) for word in words[:3]):
            # numbers may touch each other in the fixed columns of the format
            words = [line[0:10].strip(), line[10:20].strip(), line[20:30].strip(), line[31:34]]
        rows.append((offset + header + 2 + i, " ".join(words[:4])))
    return atoms_of_rows(rows, 3, (0, 1, 2))


def _mol_v3000(record: list[str], offset: int) -> Atoms:
    rows: list[tuple[int, str]] = []
    count = inside = None
    carried = ""
    for i, line in enumerate(record):
        if not line.startswith("M  V30"):
            continue
        text = carried + line[6:].strip()
        carried = text[:-1] + " " if text.endswith("-") else ""
        words = text.split()
        if carried or not words:
            continue
        if words[0].upper() == "COUNTS" and len(words) > 1:
            count = parse_count(words[1], f"Line {offset + i + 1}")
        elif [word.upper() for word in words[:2]] == ["BEGIN", "ATOM"]:
            inside = True
        elif [word.upper() for word in words[:2]] == ["END", "ATOM"]:
            inside = False
        elif inside:
            rows.append((offset + i + 1, " ".join(words[1:5])))
    if count is None or len(rows) != count:
        raise StructureError(
            f"The V3000 record at line {offset + 1} announces {count or 0:,} atoms, but has "
            f"{len(rows):,} lines of atoms: the file is incomplete or the number is wrong."
        )
    return atoms_of_rows(rows, 0, (1, 2, 3))

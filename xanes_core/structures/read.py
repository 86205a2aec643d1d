"""Reading structure files: bytes in, checked ``Atoms`` out.

A file name gives the extension and nothing else; formats are never guessed by a library, no reader
opens another file, and announced sizes are checked before memory or time is spent on them.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from numbers import Real
from pathlib import Path

import numpy as np
from ase import Atoms

from xanes_core.errors import StructureError
from xanes_core.structures.checks import MAX_BYTES, MAX_FRAMES, MAX_TOTAL_ATOMS, validate_structure
from xanes_core.structures.formats.cif import read_cif
from xanes_core.structures.formats.fdmnes import is_fdmnes, read_fdmnes
from xanes_core.structures.formats.feff import is_feff, read_feff
from xanes_core.structures.formats.gen import is_gen, read_gen
from xanes_core.structures.formats.mol import read_mol
from xanes_core.structures.formats.pdb import ASYMMETRIC_UNIT_NOTE, read_pdb
from xanes_core.structures.formats.poscar import read_poscar
from xanes_core.structures.formats.text import clean_numbers, decode_text, is_number, quote
from xanes_core.structures.formats.xyz import looks_headless, read_xyz

#: Formats that ``read_structures`` takes by name.
STRUCTURE_FORMATS = (
    "xyz", "extxyz", "cif", "mol", "sdf", "pdb", "vasp", "gen", "fdmnes", "feff",
)  # fmt: skip
#: Extensions for file choosers.
STRUCTURE_EXTENSIONS = (
    "xyz", "extxyz", "cif", "mol", "sdf", "pdb", "ent", "vasp", "poscar", "contcar", "gen",
    "inp", "txt",
)  # fmt: skip

_SAME = {"extxyz": "xyz", "sdf": "mol"}
_OF_EXTENSION = {
    **{name: (name,) for name in ("xyz", "cif", "mol", "pdb", "vasp", "gen", "feff", "fdmnes")},
    **{"extxyz": ("xyz",), "sdf": ("mol",), "sd": ("mol",), "ent": ("pdb",)},
    **{"poscar": ("vasp",), "contcar": ("vasp",)},
    **{"inp": ("feff", "fdmnes"), "txt": ("xyz", "fdmnes", "feff")},
}
_TITLES = {
    "xyz": "xyz",
    "cif": "cif",
    "mol": "mol/sdf",
    "pdb": "pdb",
    "vasp": "POSCAR",
    "gen": "gen",
    "fdmnes": "FDMNES input",
    "feff": "FEFF input",
}
_HEAD_LINES = 20_000
_INFO_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}\Z")
_MAX_INFO = 50


def read_structures(
    source: str | os.PathLike | bytes, *, name: str | None = None, format: str | None = None
) -> list[Atoms]:
    """Read every frame of a structure file, in order.

    Parameters
    ----------
    source : str, os.PathLike or bytes
        Bytes: the content of an upload. Anything else: the path of a file that the caller trusts;
        its name gives the extension.
    name : str, optional
        File name of an upload. Only its extension is looked at; it is never opened.
    format : str, optional
        One of ``STRUCTURE_FORMATS``, instead of what the extension says.

    Returns
    -------
    list of ase.Atoms
        At least one; fresh objects without constraints or calculators, atoms in the order of the
        file (symmetry images of a crystal follow their site). ``info`` keeps numbers of the
        file's comment, ``"absorber"`` (index) where the file names one, and ``"notes"`` (text)
        where something was left out on purpose.

    Raises
    ------
    StructureError
        The file cannot be opened, is too large, empty, no text, of an unknown format or of another
        one than its name says, incomplete or wrong in a line, or a frame fails
        ``validate_structure``.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
    else:
        name = os.fspath(source) if name is None else name
        data = _read_file(source)
    text = decode_text(data)
    chosen = _choose_format(text, name, format)
    return _checked_frames(_parse(text, chosen), chosen)


def _read_file(source: str | os.PathLike) -> bytes:
    try:
        path = Path(source)
        if path.is_dir():
            raise StructureError(
                f"{quote(path.name)} is a folder: name the structure files that are in it."
            )
        if not path.is_file():
            raise StructureError(
                f"There is no file {quote(path.name)}: check the path of the structure."
            )
        if path.stat().st_size > MAX_BYTES:
            raise StructureError(
                f"The file is larger than {MAX_BYTES // 2**20} MiB: split it or keep fewer frames."
            )
        return path.read_bytes()
    except (OSError, ValueError, TypeError) as exc:
        raise StructureError(
            "The structure file cannot be opened: check its path and permissions."
        ) from exc


def _choose_format(text: str, name: str | None, format: str | None) -> str:
    """Format by the caller's word or the extension, checked against the content."""
    if format is not None:
        if format not in STRUCTURE_FORMATS:
            raise StructureError(
                f"{quote(str(format))} is no known structure format: "
                f"choose one of {', '.join(STRUCTURE_FORMATS)}."
            )
        candidates: tuple[str, ...] = (_SAME.get(format, format),)
        claim = f"The file was to be read as {format}"
    elif name is None:
        raise StructureError(
            "The format of the structure is not known: give a file name with an extension "
            f"or a format ({', '.join(STRUCTURE_FORMATS)})."
        )
    else:
        candidates = _of_name(str(name))
        claim = "By its name the file is " + " or ".join(_TITLES[c] for c in candidates)
    lines = text.split("\n")[:_HEAD_LINES]
    fitting = [kind for kind in candidates if _LOOKS[kind](lines)]
    if fitting:
        return fitting[0]
    other = next((kind for kind, looks in _LOOKS.items() if looks(lines)), None)
    if other is not None:
        raise StructureError(
            f"{claim}, but its content looks like {_TITLES[other]}: "
            "rename the file or choose that format."
        )
    if len(candidates) > 1:
        raise StructureError(f"{claim}, but its content is neither: check the file.")
    return candidates[0]


def _of_name(name: str) -> tuple[str, ...]:
    base = re.split(r"[/\\]", name)[-1].strip().lower()
    extension = base.rpartition(".")[2] if "." in base else ""
    if extension in _OF_EXTENSION:
        return _OF_EXTENSION[extension]
    if base.startswith(("poscar", "contcar")):
        return ("vasp",)
    what = f"The extension {quote('.' + extension)}" if extension else "A file without extension"
    raise StructureError(
        f"{what} is not known: use one of {', '.join(STRUCTURE_EXTENSIONS)}, or choose the format."
    )


def _looks_cif(lines: list[str]) -> bool:
    return any(re.match(r"\s*(data_|_cell_|_atom_site)", line, re.I) for line in lines)


def _looks_mol(lines: list[str]) -> bool:
    counts = any("V2000" in line or "V3000" in line for line in lines[:12])
    return counts or any(line.startswith("M  END") for line in lines)


def _looks_pdb(lines: list[str]) -> bool:
    return any(re.match(r"(ATOM  |HETATM)[\s\d*A-Za-z]{5}", line) for line in lines)


def _looks_xyz(lines: list[str]) -> bool:
    kept = [line.split() for line in lines[:60] if line.strip()]
    counted = bool(kept) and len(kept[0]) == 1 and kept[0][0].isdigit()
    third = next((w for w in kept[1:3] if len(w) > 3 and all(map(is_number, w[1:4]))), None)
    return (counted and (third is not None or len(kept) < 3)) or looks_headless(lines)


def _looks_poscar(lines: list[str]) -> bool:
    words = [line.split() for line in lines[1:5]]
    return (
        len(lines) > 7
        and bool(words[0])
        and is_number(words[0][0])
        and all(len(row) >= 3 and all(map(is_number, row[:3])) for row in words[1:])
    )


#: In the order in which a wrong name is explained: the most telling first.
_LOOKS: dict[str, Callable[[list[str]], bool]] = {
    "cif": _looks_cif,
    "mol": _looks_mol,
    "pdb": _looks_pdb,
    "feff": is_feff,
    "fdmnes": is_fdmnes,
    "gen": is_gen,
    "xyz": _looks_xyz,
    "vasp": _looks_poscar,
}
_READERS: dict[str, Callable[[list[str]], Iterable[Atoms]]] = {
    "xyz": read_xyz,
    "mol": read_mol,
    "pdb": read_pdb,
    "vasp": read_poscar,
    "gen": read_gen,
    "fdmnes": read_fdmnes,
    "feff": read_feff,
}


def _parse(text: str, chosen: str) -> Iterator[Atoms]:
    """Frames of a reader; whatever it raises becomes a message."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            if chosen == "cif":
                yield from read_cif(clean_numbers(text))
            else:
                yield from _READERS[chosen](_trimmed(text))
    except StructureError:
        raise
    except Exception as exc:
        raise StructureError(
            f"The file cannot be read as {_TITLES[chosen]} ({quote(str(exc))}): "
            "it is damaged or incomplete; write it again from the program it comes from."
        ) from exc


def _trimmed(text: str) -> list[str]:
    return text.rstrip().split("\n")


def _checked_frames(frames: Iterable[Atoms], chosen: str) -> list[Atoms]:
    kept: list[Atoms] = []
    total = 0
    for atoms in frames:
        if len(kept) == MAX_FRAMES:
            raise StructureError(
                f"The file holds more than {MAX_FRAMES:,} structures: split it into parts."
            )
        total += len(atoms)
        if total > MAX_TOTAL_ATOMS:
            raise StructureError(
                f"The file holds more than {MAX_TOTAL_ATOMS:,} atoms in all: split it into parts."
            )
        fresh = _fresh(atoms)
        try:
            validate_structure(fresh)
        except StructureError as exc:
            if not kept:
                raise
            raise StructureError(f"Structure {len(kept) + 1} of the file: {exc}") from exc
        kept.append(fresh)
    if not kept:
        raise StructureError(
            f"No structure was found in the {_TITLES[chosen]} file: check that it is complete."
        )
    return kept


def _fresh(atoms: Atoms) -> Atoms:
    """Copy of elements, positions and (where periodic) cell, with harmless ``info`` alone."""
    cell = atoms.cell.array.copy() if atoms.pbc.any() else None
    info = {}
    for key, value in list(atoms.info.items())[:_MAX_INFO]:
        if isinstance(key, str) and _INFO_KEY.match(key):
            if isinstance(value, Real) and np.isfinite(float(value)):
                info[key] = value.item() if isinstance(value, np.generic) else value
            elif isinstance(value, np.bool_):
                info[key] = bool(value)
    if atoms.info.get("notes") == ASYMMETRIC_UNIT_NOTE:  # text of a file never gets here
        info["notes"] = ASYMMETRIC_UNIT_NOTE
    return Atoms(
        atoms.numbers.copy(), positions=atoms.positions.copy(), cell=cell, pbc=atoms.pbc, info=info
    )

"""Reading structure files: bytes in, checked ``Atoms`` out.

A file name gives the extension and nothing else; formats are never guessed by a library, no reader
opens another file, and announced sizes are checked before memory or time is spent on them.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Iterator
from numbers import Real
from pathlib import Path

import numpy as np
from ase import Atoms

from xanes_core.errors import StructureError
from xanes_core.structures.checks import validate_structure
from xanes_core.structures.formats import FORMATS, Format
from xanes_core.structures.formats.text import Note, decode_text, quote
from xanes_core.structures.limits import MAX_BYTES, MAX_FRAMES, MAX_TOTAL_ATOMS

_NAMED = {name: row for row in FORMATS for name in (row.name, *row.synonyms)}
#: Formats that ``read_structures`` takes by name.
STRUCTURE_FORMATS = tuple(_NAMED)
#: Extensions for file choosers.
STRUCTURE_EXTENSIONS = tuple(dict.fromkeys(end for row in FORMATS for end in row.extensions))

_HEAD_LINES = 20_000
_INFO_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}\Z")
_MAX_INFO = 50
#: Structures that could not be read and are named one by one beside the others.
_NAMED_FAILURES = 3


def read_structures(
    source: str | os.PathLike[str] | bytes, *, name: str | None = None, format: str | None = None
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
        where something was left out on purpose: minor groups of disorder, or structures of the
        file that are wrong, while others are not (``"left_out"`` counts these).

    Raises
    ------
    StructureError
        The file cannot be opened, is too large, empty, no text, of an unknown format or of another
        one than its name says, or holds no structure that is complete and
        passes ``validate_structure``.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
    else:
        name = os.fspath(source) if name is None else name
        data = _read_file(source)
    text = decode_text(data)
    chosen = _choose_format(text, name, format)
    return _checked_frames(_parse(text, chosen), chosen.title)


def is_structure_name(name: str) -> bool:
    """Whether a file of this name may be a structure, by its extension or what it is called."""
    try:
        return bool(_of_name(name))
    except StructureError:
        return False


def _read_file(source: str | os.PathLike[str]) -> bytes:
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


def _choose_format(text: str, name: str | None, format: str | None) -> Format:
    """Format by the caller's word or the extension, checked against the content."""
    if format is not None:
        if format not in _NAMED:
            raise StructureError(
                f"{quote(str(format))} is no known structure format: "
                f"choose one of {', '.join(STRUCTURE_FORMATS)}."
            )
        candidates: tuple[Format, ...] = (_NAMED[format],)
        claim = f"The file was to be read as {format}"
    elif name is None:
        raise StructureError(
            "The format of the structure is not known: give a file name with an extension "
            f"or a format ({', '.join(STRUCTURE_FORMATS)})."
        )
    else:
        candidates = _of_name(str(name))
        claim = "By its name the file is " + " or ".join(row.title for row in candidates)
    lines = text.split("\n")[:_HEAD_LINES]
    fitting = [row for row in candidates if row.looks(lines)]
    if fitting:
        return fitting[0]
    by_telling = sorted(FORMATS, key=lambda row: row.plain)
    other = next((row for row in by_telling if row.looks(lines)), None)
    if other is not None:
        raise StructureError(
            f"{claim}, but its content looks like {other.title}: "
            "rename the file or choose that format."
        )
    if len(candidates) > 1:
        raise StructureError(f"{claim}, but its content is neither: check the file.")
    return candidates[0]


def _of_name(name: str) -> tuple[Format, ...]:
    """Formats that a file of this name may have."""
    base = re.split(r"[/\\]", name)[-1].strip().lower()
    extension = base.rpartition(".")[2] if "." in base else ""
    by_extension = tuple(row for row in FORMATS if extension in row.extensions)
    candidates = by_extension or tuple(row for row in FORMATS if base.startswith(row.stems))
    if candidates:
        return candidates
    what = f"The extension {quote('.' + extension)}" if extension else "A file without extension"
    raise StructureError(
        f"{what} is not known: use one of {', '.join(STRUCTURE_EXTENSIONS)}, or choose the format."
    )


def _parse(text: str, chosen: Format) -> Iterator[Atoms | StructureError]:
    """Frames of a reader; whatever it raises becomes a message, the last that it gives."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield from chosen.read(text.rstrip().split("\n"))
    except StructureError as error:
        yield error
    except Exception as exc:
        broken = StructureError(
            f"The file cannot be read as {chosen.title} ({quote(str(exc))}): "
            "it is damaged or incomplete; write it again from the program it comes from."
        )
        broken.__cause__ = exc
        yield broken


def _checked_frames(frames: Iterable[Atoms | StructureError], title: str) -> list[Atoms]:
    kept: list[Atoms] = []
    failures: list[tuple[int, StructureError]] = []
    total = 0
    for number, atoms in enumerate(frames, start=1):
        if number > MAX_FRAMES:
            raise StructureError(
                f"The file holds more than {MAX_FRAMES:,} structures: split it into parts."
            )
        if isinstance(atoms, StructureError):
            failures.append((number, atoms))
            continue
        total += len(atoms)
        if total > MAX_TOTAL_ATOMS:
            raise StructureError(
                f"The file holds more than {MAX_TOTAL_ATOMS:,} atoms in all: split it into parts."
            )
        fresh = _fresh(atoms)
        try:
            validate_structure(fresh)
        except StructureError as exc:
            failures.append((number, exc))
            continue
        kept.append(fresh)
    if not kept and failures:
        number, error = failures[0]
        if len(failures) == 1 and number == 1:
            raise error
        raise StructureError(f"Structure {number} of the file: {error}") from error
    if not kept:
        raise StructureError(
            f"No structure was found in the {title} file: check that it is complete."
        )
    if failures:
        _note_failures(kept, failures)
    return kept


def _note_failures(kept: list[Atoms], failures: list[tuple[int, StructureError]]) -> None:
    """Say beside every structure of a file which ones it holds that could not be read."""
    said = [f"Structure {number} of the file was left out: {error}" for number, error in failures]
    more = len(said) - _NAMED_FAILURES
    text = " ".join(said[:_NAMED_FAILURES])
    if more > 0:
        text += f" {more} more structures of the file were left out."
    for atoms in kept:
        own = atoms.info.get("notes")
        atoms.info["notes"] = Note(f"{own} {text}" if own else text)
        atoms.info["left_out"] = len(failures)


def _fresh(atoms: Atoms) -> Atoms:
    """Copy of elements, positions and (where periodic) cell, with harmless ``info`` alone."""
    cell = atoms.cell.array.copy() if atoms.pbc.any() else None
    info: dict[str, object] = {}
    for key, value in list(atoms.info.items())[:_MAX_INFO]:
        if isinstance(key, str) and _INFO_KEY.match(key):
            if isinstance(value, Real) and np.isfinite(float(value)):
                info[key] = value.item() if isinstance(value, np.generic) else value
            elif isinstance(value, np.bool_):
                info[key] = bool(value)
    note = atoms.info.get("notes")
    if isinstance(note, Note):  # a reader's own words: text of a file never gets here
        info["notes"] = note
    return Atoms(
        atoms.numbers.copy(), positions=atoms.positions.copy(), cell=cell, pbc=atoms.pbc, info=info
    )

"""Structures of tmQM as people download them: xyz frames one after the other, mostly compressed.

D. Balcells and B. B. Skjelstad, J. Chem. Inf. Model. 60, 6135 (2020), doi 10.1021/acs.jcim.0c01041.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import ase.io
from ase import Atoms

from xanes_core.constants import ABSORBERS
from xanes_core.dataset.pack import working_on
from xanes_core.dataset.store import NewRecord, TheoryCurve
from xanes_core.errors import DatasetError, SpectrumError, StructureError
from xanes_core.files import write_bytes
from xanes_core.spectra import XANES, read_spectrum
from xanes_core.structures import read_structures, validate_structure
from xanes_core.structures.formats.text import parse_count
from xanes_core.structures.formats.xyz import atoms_of_rows

#: Longest line that is believed (characters): a damaged archive may hold one of gigabytes.
_MAX_LINE = 20_000
_CHARGE = re.compile(r"\bq\s*=\s*([+-]?\d{1,2})\b")
_CODE = re.compile(r"\bCSD_code\s*=\s*([A-Za-z0-9]{1,12})\b")
_UNSAFE = re.compile(r"[^A-Za-z0-9_+()-]+")


@dataclass
class ImportReport:
    """What was taken, by element, and what was not, by reason."""

    taken: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)

    def take(self, element: str) -> None:
        """Count one more."""
        self.taken[element] = self.taken.get(element, 0) + 1

    def skip(self, reason: str) -> None:
        """Count one that was left out."""
        self.skipped[reason] = self.skipped.get(reason, 0) + 1

    def left_out(self) -> str:
        """What was left out, in words."""
        return ", ".join(f"{n} {why}" for why, n in self.skipped.items()) or "nothing was there"


def import_tmqm(
    source: str | Path,
    folder: str | Path,
    *,
    elements: tuple[str, ...] = ABSORBERS,
    max_atoms: int | None = None,
    count: int | None = None,
) -> ImportReport:
    """Take complexes of some metals from a tmQM file into a folder of pending structures.

    Parameters
    ----------
    source : str or Path
        xyz frames one after the other, plain or gzip; read frame by frame.
    folder : str or Path
        Gets one ``EL.extxyz`` per metal, the metal as atom 0 at the origin.
    elements : tuple of str, optional
        Metals to take.
    max_atoms : int, optional
        Leave larger complexes out.
    count : int, optional
        Take no more than this.

    Raises
    ------
    DatasetError
        The file cannot be read or is damaged (nothing is written then), the folder is in use, or
        nothing fits.
    """
    folder = Path(folder)
    if any(folder.glob("*.extxyz")):
        raise DatasetError(f"{folder} holds structures already: give a new folder with --out")
    report, names = ImportReport(), set()
    kept: dict[str, list[Atoms]] = {}
    for comment, atoms in _frames(Path(source)):
        if count is not None and sum(report.taken.values()) >= count:
            break
        pending = _pending(comment, atoms, elements, max_atoms)
        if isinstance(pending, str):
            report.skip(pending)
        elif pending.info["name"] in names:
            report.skip("there twice")
        else:
            element = pending.get_chemical_symbols()[0]
            names.add(pending.info["name"])
            kept.setdefault(element, []).append(pending)
            report.take(element)
    if not kept:
        raise DatasetError(f"no complex fits; left out: {report.left_out()}")
    for element, images in kept.items():
        text = io.StringIO()
        ase.io.write(text, images, format="extxyz")
        _write(folder / f"{element}.extxyz", text.getvalue().encode())
    return report


def read_tmqm(source: Path) -> Iterator[Atoms]:
    """Complexes of one of the nine metals in a tmQM file, the metal as atom 0 at the origin.

    Raises
    ------
    DatasetError
        The file cannot be read or is damaged.
    """
    for comment, atoms in _frames(source):
        pending = _pending(comment, atoms, ABSORBERS, None)
        if not isinstance(pending, str):
            yield pending


def _write(path: Path, data: bytes) -> None:
    try:
        write_bytes(path, data)
    except OSError as error:
        raise DatasetError(
            f"{path.parent} cannot be written ({error.strerror}): choose another --out"
        ) from error


def _frames(source: Path) -> Iterator[tuple[str, Atoms]]:
    """Comment and structure of every frame.

    No more is read than is there, whatever a frame announces.
    """
    number = 0
    try:
        with open(source, "rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream: io.BufferedIOBase = gzip.GzipFile(fileobj=raw) if packed else raw
            while True:
                number, frame = _frame(stream, number)
                if frame is None:
                    return
                yield frame
    except (OSError, EOFError, zlib.error) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise DatasetError(
            f"{source.name} cannot be read to its end ({said}): download it again"
        ) from error
    except StructureError as error:
        raise DatasetError(f"{source.name}: {error}") from error


def _frame(stream: io.BufferedIOBase, number: int) -> tuple[int, tuple[str, Atoms] | None]:
    """Next frame behind line ``number``, and the number of its last line."""
    line = _line(stream, number)
    while line and not line.strip():
        number += 1
        line = _line(stream, number)
    if not line:
        return number, None
    number += 1
    start, announced = number, parse_count(line.strip(), f"Line {number}")
    comment = _line(stream, number)
    rows = []
    for row in range(announced):
        line = _line(stream, number + 1 + row)
        if not line.strip():
            raise StructureError(
                f"Line {start} announces {announced} atoms, but {row} follow: the file is "
                "incomplete or the number is wrong."
            )
        rows.append((number + 2 + row, line))
    return number + 1 + announced, (comment.strip(), atoms_of_rows(rows))


def _line(stream: io.BufferedIOBase, number: int) -> str:
    line = stream.readline(_MAX_LINE + 1)
    if len(line) > _MAX_LINE:
        raise StructureError(f"Line {number + 1} is longer than {_MAX_LINE:,} characters.")
    return line.decode("utf-8", "replace")


def _pending(
    comment: str, atoms: Atoms, elements: tuple[str, ...], max_atoms: int | None
) -> Atoms | str:
    """Structure with the metal first, or why it is left out."""
    if max_atoms is not None and len(atoms) > max_atoms:
        return f"of more than {max_atoms} atoms"
    symbols = atoms.get_chemical_symbols()
    metals = [i for i, symbol in enumerate(symbols) if symbol in ABSORBERS]
    if len(metals) != 1 or symbols[metals[0]] not in elements:
        return "of other metals"
    code = _CODE.search(comment)
    if code is None:
        return "without a CSD code"
    try:
        validate_structure(atoms)
    except StructureError:
        return "with a broken structure"
    order = [metals[0], *(i for i in range(len(atoms)) if i != metals[0])]
    pending = atoms[order]
    pending.positions -= pending.positions[0]
    charge = _CHARGE.search(comment)
    pending.info = {"name": f"{symbols[metals[0]]}_tmqm_{code[1]}", "source": "tmQM"}
    if charge is not None:
        pending.info["charge"] = int(charge[1])
    return pending


def import_folder(
    source: str | Path,
    folder: str | Path,
    *,
    elements: tuple[str, ...] = ABSORBERS,
    max_atoms: int | None = None,
    count: int | None = None,
) -> ImportReport:
    """Take ``xyz/NAME.xyz`` with ``xanes/NAME.txt`` into a training set.

    Parameters
    ----------
    source : str or Path
        Holds the folders ``xyz`` and ``xanes``.
    folder : str or Path
        The training set; spectra of different theories do not belong into one.
    elements, max_atoms, count : optional
        As for :func:`~xanes_core.dataset.imports.import_tmqm`.

    Raises
    ------
    DatasetError
        No such folders, nothing in them that can be used, or the set is in use.
    """
    source = Path(source)
    if not (source / "xyz").is_dir() or not (source / "xanes").is_dir():
        raise DatasetError(f"{source} should hold the folders xyz and xanes")
    report = ImportReport()
    with working_on(folder, "grow") as store:
        known = {record.name for record in store.records()}
        for path in sorted((source / "xyz").glob("*.xyz")):
            if count is not None and sum(report.taken.values()) >= count:
                break
            try:
                pair = _pair(path, source / "xanes" / f"{path.stem}.txt", elements, max_atoms)
            except (StructureError, SpectrumError):
                report.skip("that cannot be read")
                continue
            if isinstance(pair, str):
                report.skip(pair)
                continue
            element, record = pair
            if record.name in known:
                report.skip("there already")
            else:
                known.add(record.name)
                store.write(record)
                report.take(element)
    if not report.taken and "there already" not in report.skipped:
        raise DatasetError(f"no complex fits; left out: {report.left_out()}")
    return report


def _pair(
    structure: Path, spectrum: Path, elements: tuple[str, ...], max_atoms: int | None
) -> tuple[str, NewRecord] | str:
    """Element and record of a structure and its spectrum, or why it is left out."""
    atoms = read_structures(structure)[0]
    element = atoms.get_chemical_symbols()[0]
    if element not in elements:
        return "of other metals"
    if max_atoms is not None and len(atoms) > max_atoms:
        return f"of more than {max_atoms} atoms"
    if not spectrum.is_file():
        return "without a spectrum"
    curve = read_spectrum(spectrum.read_bytes(), name="spectrum.txt", element=element)
    name = f"{element}_{_UNSAFE.sub('_', structure.stem)}"[:80]
    info = {"name": name, "absorber": 0, "kind": "imported", "identity": name}
    atoms.info = info
    return element, NewRecord(name, atoms, {XANES: TheoryCurve(curve.energy_ev, curve.mu)})

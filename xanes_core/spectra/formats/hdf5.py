"""HDF5 and NeXus (NXxas): lists of numbers of one length, found anywhere in the file.

Nothing outside the bytes is ever opened: links to other files, data sets that take their numbers
from other files and filters that load a plug-in are left out, and sizes are known before a number
is read, since a few bytes may unpack to gigabytes.

NXxas is described at https://manual.nexusformat.org/classes/applications/NXxas.html.
"""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from xanes_core.errors import SpectrumError
from xanes_core.spectra.scans import MIN_POINTS
from xanes_core.spectra.table import (
    MAX_COLUMNS,
    MAX_HEADER_VALUE,
    MAX_NAME,
    MAX_ROWS,
    Table,
    clean,
)

if TYPE_CHECKING:
    import h5py

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
#: Where the file may begin, after what others put before it.
_OFFSETS = (0, 512, 1024, 2048, 4096)
#: Most groups and data sets, how deep they lie, most spectra, and most numbers of all together.
MAX_OBJECTS, MAX_DEPTH, MAX_TABLES, MAX_NUMBERS = 10_000, 16, 1_000, 4_000_000
#: Most numbers side by side that are detectors, not a spectrum of a multichannel analyser.
MAX_DETECTORS = 16
#: Largest piece (bytes) that is unpacked at once, and largest attribute.
MAX_CHUNK, MAX_ATTRIBUTE = 16 * 1024 * 1024, 64 * 1024
#: Filters of HDF5 itself and lzf of h5py; any other one would load a plug-in.
_FILTERS = {1, 2, 3, 4, 5, 6, 32000}
#: Names that tell nothing: the group above says what the numbers are.
_NAMELESS = {"data", "value", "values", "counts", "count", "raw", "readings"}
#: Groups whose names for a data set go before those of the instrument.
_SHOWN = re.compile(r"nxdata|nxcollection")
_ENERGY = re.compile(r".*energ.*|en?|ev|omega|hv|hnu", re.IGNORECASE)
_ANGLE = re.compile(r".*(theta|bragg|angle).*", re.IGNORECASE)
_BESIDE = re.compile(rf"{_ANGLE.pattern}|.*(time|epoch|current|temp|encoder).*", re.IGNORECASE)
#: What is looked for as a text or a number, by what it is called in our headers.
_FACTS = {
    "element": "Element.symbol", "absorber": "Element.symbol", "atomic_number": "Element.number",
    "edge": "Element.edge", "absorption_edge": "Element.edge", "xray_edge": "Element.edge",
    "e0": "E0", "edge_energy": "E0", "d_spacing": "Mono.d_spacing",
    "dspacing": "Mono.d_spacing", "title": "title", "mode": "NXxas.mode",
    "definition": "NXxas.definition",
}  # fmt: skip
_IN_ANG = {"nm": 10.0, "m": 1e10, "pm": 0.01}
# what h5py raises where a file is damaged or strange
_BROKEN = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, OverflowError)


def is_hdf5(raw: bytes) -> bool:
    """Whether bytes are an HDF5 file."""
    return any(raw.startswith(_SIGNATURE, offset) for offset in _OFFSETS)


def read_hdf5(raw: bytes, *, max_objects: int = MAX_OBJECTS) -> dict[str, Table]:
    """Tables of a file: one for each entry, of the lists of numbers that are of one length.

    Parameters
    ----------
    raw : bytes
        The file.
    max_objects : int, optional
        Most groups and data sets that are looked at.

    Raises
    ------
    SpectrumError
        The file is damaged, too large, or has no two lists of one length.
    """
    import h5py  # predicting does without

    found = _Found(max_objects, _texts_are_short(raw))
    tables: dict[str, Table] = {}
    try:
        with h5py.File(io.BytesIO(raw), "r") as file:
            found.texts = found.texts and file.id.get_create_plist().get_sizes() == (8, 8)
            _walk(file, (), _Scope(), found)
            for name, columns in _grouped(found):
                if len(tables) < MAX_TABLES:
                    tables[_unique(name, tables)] = _table(columns, found)
    except SpectrumError:
        raise
    except (*_BROKEN, UnicodeError, MemoryError) as error:
        raise SpectrumError(
            "the HDF5 file is damaged or cut off; copy it again, or export the scan as text"
        ) from error
    if not tables:
        raise _nothing(found)
    return tables


def _texts_are_short(raw: bytes) -> bool:
    """Whether no text of any length (a heap's address after its length) claims to be a huge one.

    HDF5 makes room for the length that is claimed before it looks how long the text is.
    """
    start = next((offset for offset in _OFFSETS if raw.startswith(_SIGNATURE, offset)), 0)
    heaps = [match.start() - start for match in re.finditer(rb"GCOL", raw)]
    for shift in range(8) if heaps else ():
        words = np.frombuffer(raw, "<u8", (len(raw) - shift) // 8, shift)
        for word in np.flatnonzero(np.isin(words, np.array(heaps, dtype="<u8"))).tolist():
            at = shift + 8 * word
            length, number = raw[max(at - 4, 0) : at], raw[at + 8 : at + 12]
            is_entry = 0 < int.from_bytes(number, "little") < 65_536
            if is_entry and int.from_bytes(length, "little") > MAX_ATTRIBUTE:
                return False
    return True


# --- what a file holds ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _Scope:
    """The entry that a group belongs to: its path, and the classes of the groups down to here."""

    path: tuple[str, ...] = ()
    in_entry: bool = False
    is_shown: bool = False


@dataclass(frozen=True, eq=False)
class _Column:
    """A list of numbers that may be read: where it lies, which entry, what it is called."""

    path: tuple[str, ...]
    scope: tuple[str, ...]
    dataset: h5py.Dataset
    rank: int
    texts: bool

    @property
    def size(self) -> int:
        return int(self.dataset.shape[0])

    @property
    def parent(self) -> tuple[str, ...]:
        return self.path[:-1]

    @property
    def name(self) -> str:
        """Its own name, else that of the group above where its own says nothing."""
        own = self.path[-1]
        if own.lower() in _NAMELESS and len(self.path) > 1 and self.parent != self.scope:
            own = self.path[-2]
        long_name = _attribute(self.dataset, "long_name", texts=self.texts)
        if long_name and re.fullmatch(r"(data|actuator|sensor|trajectory)_[\d_]+", own):
            own = long_name
        return clean(own, MAX_NAME)


@dataclass
class _Found:
    """Columns by their addresses, facts by their entries, and what was left out."""

    max_objects: int
    texts: bool
    columns: dict[object, _Column] = field(default_factory=dict)
    facts: dict[tuple[str, ...], dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    seen: set[object] = field(default_factory=set)
    objects: int = 0
    numbers: int = 0
    elsewhere: int = 0
    locked: int = 0
    too_large: int = 0


def _walk(group: h5py.Group, path: tuple[str, ...], scope: _Scope, found: _Found) -> None:
    """Go through what lies in a group itself; nothing that lies in another file is followed."""
    import h5py

    kind = _attribute(group, "NX_class", texts=found.texts).lower()
    scope = _scope_of(kind, path, scope)
    _note_attributes(group, scope, found)
    for name in group:
        found.objects += 1
        if found.objects > found.max_objects:
            raise SpectrumError(
                f"the HDF5 file holds more than {found.max_objects} groups and data sets; export "
                "the scan alone"
            )
        try:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                found.elsewhere += 1
            # what a soft link leads to in this file is met on the way there
            if not isinstance(link, h5py.HardLink) or name in ("", "."):
                continue
            inner = group[name]
            address = h5py.h5o.get_info(inner.id).addr
        except _BROKEN:
            continue
        own = (*path, name)
        if isinstance(inner, h5py.Dataset):
            _note_dataset(inner, address, own, scope, found)
        elif isinstance(inner, h5py.Group) and address not in found.seen and len(own) < MAX_DEPTH:
            found.seen.add(address)
            _walk(inner, own, scope, found)


def _scope_of(kind: str, path: tuple[str, ...], above: _Scope) -> _Scope:
    is_shown = _SHOWN.fullmatch(kind) is not None or (bool(path) and path[-1] == "measurement")
    if kind in ("nxentry", "nxsubentry"):
        return _Scope(path, True, is_shown)
    if len(path) == 1 and not above.in_entry:
        return _Scope(path, False, is_shown)
    return _Scope(above.path, above.in_entry, is_shown)


def _note_dataset(
    dataset: h5py.Dataset, address: object, path: tuple[str, ...], scope: _Scope, found: _Found
) -> None:
    if dataset.shape is None:
        return
    if prod(dataset.shape) == 1:
        _note_fact(dataset, path, scope, found)
        return
    if not _is_list(dataset) or not _may_be_read(dataset, found):
        return
    # a data set has many names: the one that is shown with others goes first
    column = _Column(path, scope.path, dataset, 0 if scope.is_shown else 1, found.texts)
    before = found.columns.get(address)
    if before is None or column.rank < before.rank:
        found.columns[address] = column


def _is_list(dataset: h5py.Dataset) -> bool:
    """Whether a data set is a list of numbers, or a few side by side."""
    shape = dataset.shape
    if dataset.dtype.kind not in "iuf" or dataset.dtype.itemsize > 16 or not 1 <= len(shape) <= 2:
        return False
    return shape[0] >= MIN_POINTS and (len(shape) == 1 or 1 <= shape[1] <= MAX_DETECTORS)


def _may_be_read(dataset: h5py.Dataset, found: _Found) -> bool:
    """Whether its numbers lie in this file, in pieces of a size that can be unpacked."""
    if dataset.is_virtual or dataset.external:
        found.elsewhere += 1
        return False
    plan = dataset.id.get_create_plist()
    if any(plan.get_filter(i)[0] not in _FILTERS for i in range(plan.get_nfilters())):
        found.locked += 1
        return False
    piece = prod(dataset.chunks or ()) * dataset.dtype.itemsize if dataset.chunks else 0
    if dataset.shape[0] > MAX_ROWS or piece > MAX_CHUNK:
        found.too_large += 1
        return False
    return True


# --- what is said beside the numbers -------------------------------------------------------------


def _attribute(item: Any, name: str, *, texts: bool = True) -> str:
    """Text of a small attribute; empty where it is none."""
    return " ".join(_attributes(item, name, texts=texts))


def _attributes(item: Any, name: str, *, texts: bool = True) -> list[str]:
    import h5py

    try:
        if not h5py.h5a.get_num_attrs(item.id) or not h5py.h5a.exists(item.id, name.encode()):
            return []
        stored = h5py.h5a.open(item.id, name.encode())
        kind = stored.get_type()
        is_text = isinstance(kind, h5py.h5t.TypeStringID)
        if not is_text and kind.get_class() not in (h5py.h5t.INTEGER, h5py.h5t.FLOAT):
            return []
        if is_text and kind.is_variable_str() and not texts:
            return []
        if stored.get_storage_size() > MAX_ATTRIBUTE or prod(stored.shape or ()) > 64:
            return []
        value = item.attrs[name]
    except _BROKEN:
        return []
    values = value.ravel().tolist() if isinstance(value, np.ndarray) else [value]
    return [_text(one) for one in values]


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    return clean(str(value)) if isinstance(value, str | int | float | np.number) else ""


def _note_attributes(group: h5py.Group, scope: _Scope, found: _Found) -> None:
    for name, ours in _FACTS.items():
        if text := _attribute(group, name, texts=found.texts):
            found.facts[scope.path].setdefault(ours, text)


def _note_fact(dataset: h5py.Dataset, path: tuple[str, ...], scope: _Scope, found: _Found) -> None:
    """Keep a single text or number that says which edge, mode, crystal or sample it is."""
    import h5py

    name = path[-1].lower()
    ours = "Sample.name" if name == "name" and path[-2:-1] == ("sample",) else _FACTS.get(name)
    is_text = h5py.check_string_dtype(dataset.dtype) is not None
    if is_text and dataset.dtype.kind == "O" and not found.texts:
        return
    small = dataset.dtype.kind in "iuf" or (is_text and dataset.dtype.itemsize <= MAX_HEADER_VALUE)
    if ours is None or not small or dataset.is_virtual or dataset.external or dataset.chunks:
        return
    try:
        value = np.asarray(dataset[()]).ravel()[0]
    except _BROKEN:
        return
    text = _text(value)
    unit = _attribute(dataset, "units", texts=found.texts).lower()
    if ours == "Mono.d_spacing" and isinstance(value, int | float | np.number):
        text = f"{float(value) * _IN_ANG.get(unit, 1.0):.6g}"
    if text:
        found.facts[scope.path].setdefault(ours, text)


# --- which lists belong together -----------------------------------------------------------------


def _grouped(found: _Found) -> Iterator[tuple[str, list[_Column]]]:
    """Columns of one length by the name of their entry; those with energies, where any has them."""
    by_entry: dict[tuple[tuple[str, ...], int], list[_Column]] = defaultdict(list)
    for column in found.columns.values():
        by_entry[(column.scope, column.size)].append(column)
    tables: list[tuple[str, list[_Column]]] = []
    for (scope, size), columns in by_entry.items():
        parts = _self_contained(columns)
        several = sum(1 for other, _ in by_entry if other == scope) > 1
        for parent in parts or [scope]:
            own = [c for c in columns if not parts or c.parent == parent]
            title = found.facts.get(scope, {}).get("title", "")
            name = "/".join(parent) + (f" {title}" if title and not parts else "")
            tables.append((f"{name} ({size} points)" if several and not parts else name, own))
    tables = [(name, columns) for name, columns in tables if len(columns) > 1]
    with_energies = [one for one in tables if any(_ENERGY.fullmatch(c.name) for c in one[1])]
    with_angles = [one for one in tables if any(_ANGLE.fullmatch(c.name) for c in one[1])]
    yield from with_energies or with_angles or tables


def _self_contained(columns: Iterable[_Column]) -> list[tuple[str, ...]]:
    """Groups that have energies and a signal of their own, where there are several of them."""
    by_parent: dict[tuple[str, ...], list[_Column]] = defaultdict(list)
    for column in columns:
        by_parent[column.parent].append(column)
    whole = [
        parent
        for parent, own in by_parent.items()
        if any(_ENERGY.fullmatch(c.name) for c in own)
        and any(not _BESIDE.fullmatch(c.name) and not _ENERGY.fullmatch(c.name) for c in own)
    ]
    return whole if len(whole) > 1 else []


def _table(columns: list[_Column], found: _Found) -> Table:
    """Numbers of an entry, what NeXus shows first at the front."""
    scope = columns[0].scope
    facts = {**found.facts.get((), {}), **found.facts.get(scope, {})}
    columns = sorted(columns, key=lambda c: (_place(c), c.rank))
    names: list[str] = []
    units: list[str] = []
    arrays: list[np.ndarray] = []
    for column in columns:
        width = 1 if column.dataset.ndim == 1 else column.dataset.shape[1]
        if len(names) + width > MAX_COLUMNS:
            break
        found.numbers += width * column.size
        if found.numbers > MAX_NUMBERS:
            raise SpectrumError(
                f"the HDF5 file holds more than {MAX_NUMBERS} numbers in its lists; export the "
                "scan alone"
            )
        try:
            values = column.dataset[()].astype(np.float64).reshape(column.size, width)
        except _BROKEN:
            found.locked += 1
            continue
        name = _name_in(column, facts)
        if name in names:
            name = clean("/".join(column.path[len(scope) :]), MAX_NAME)
        names += [name] if width == 1 else [f"{name}_{i + 1}" for i in range(width)]
        units += [_attribute(column.dataset, "units", texts=found.texts)] * width
        arrays.append(values)
    if len(names) < 2:
        raise _nothing(found)
    values = np.hstack(arrays)
    values[~np.isfinite(values)] = np.nan
    headers = {key: value for key, value in facts.items() if not key.startswith("NXxas.mode")}
    return Table(
        values, tuple(_each_once(names)), tuple(units), True, headers, _notes(found), "hdf5"
    )


def _place(column: _Column) -> int:
    """0 for the axis that NeXus names for a plot, 1 for its signal, 2 for the rest."""
    parent = column.dataset.parent
    own = column.path[-1]
    if own in _attributes(parent, "axes", texts=column.texts):
        return 0
    return 1 if own == _attribute(parent, "signal", texts=column.texts) else 2


def _name_in(column: _Column, facts: dict[str, str]) -> str:
    """Name of a column, that of NXxas by what its mode says."""
    name, mode = column.name, facts.get("NXxas.mode", "").lower()
    if name.lower() == "absorbed_beam":
        if mode.startswith("trans"):
            return "itrans"
        if re.search(r"fluor|yield|tey|tfy|pfy", mode):
            return "ifluor"
    is_xas = facts.get("NXxas.definition", "").startswith("NXxas")
    return "mu" if is_xas and name.lower() == "intensity" else name


def _unique(name: str, taken: Iterable[str]) -> str:
    base = clean(name, MAX_NAME) or "data"
    unique, n = base, 2
    while unique in taken:
        unique, n = f"{base} ({n})", n + 1
    return unique


def _each_once(names: Iterable[str]) -> list[str]:
    made: list[str] = []
    for name in names:
        made.append(_unique(name, made))
    return made


def _notes(found: _Found) -> tuple[str, ...]:
    notes = []
    if found.elsewhere:
        notes.append(f"{found.elsewhere} data sets that lie in other files were left out")
    if found.locked:
        notes.append(f"{found.locked} data sets that could not be unpacked were left out")
    if found.too_large:
        notes.append(f"{found.too_large} data sets that are too large were left out")
    return tuple(notes)


def _nothing(found: _Found) -> SpectrumError:
    if found.elsewhere:
        return SpectrumError(
            "the HDF5 file takes its numbers from other files, which are not opened; export one "
            "that holds them itself, or the scan as text"
        )
    if found.locked:
        return SpectrumError(
            "the numbers of the HDF5 file are packed in a way that is not read here; repack it "
            "with gzip, or export the scan as text"
        )
    if found.too_large:
        return SpectrumError(
            f"the lists of the HDF5 file are longer than {MAX_ROWS} numbers; export the scan alone"
        )
    return SpectrumError(
        f"the HDF5 file has no two lists of the same length with {MIN_POINTS} numbers or more; "
        "export the scan as text (XDI or columns)"
    )

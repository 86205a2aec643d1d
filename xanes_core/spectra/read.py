"""Read spectra: columns, XDI, FDMNES, FEFF, JSON, Athena projects, SPEC, 9809 and HDF5."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath

import numpy as np

from xanes_core.errors import SpectrumError
from xanes_core.spectra.axis import (
    Axis,
    EnergyColumn,
    absolute_energies,
    e0_of_columns,
    find_axis,
    in_ev,
    with_spacing,
)
from xanes_core.spectra.columns import (
    EMISSION,
    NORMALISED,
    Choice,
    check_step,
    choices,
    listed,
    pick,
    plain_name,
    propose,
    ratio,
)
from xanes_core.spectra.edge import EMISSION_REACH_EV, REACH_EV, Edge, check_reach, edge_of
from xanes_core.spectra.formats import BINARY_FORMATS, FORMATS
from xanes_core.spectra.kinds import SPECTRUM_KINDS, XANES, XES, SpectrumKind
from xanes_core.spectra.scans import note_gaps, put_in_order, scans_of
from xanes_core.spectra.spectrum import Spectrum
from xanes_core.spectra.table import (
    FEFF_NAMES,
    MAX_BYTES,
    Table,
    decode,
    parse_json,
    parse_table,
    unpacked,
)

#: Formats that ``format=`` accepts; those before JSON share one tolerant reader of columns.
SPECTRUM_FORMATS = (
    "csv", "txt", "dat", "xdi", "athena", "fdmnes", "feff", "json", *(row.name for row in FORMATS),
    *(row.name for row in BINARY_FORMATS),
)  # fmt: skip
#: Where a spectrum may come from: a network, a calculation, a beamline.
ORIGINS = ("predicted", "computed", "measured")
#: Columns that only our own predictions have, beside the one of their kind.
_OF_PREDICTIONS = {"std", "lower", "upper"}
# Header entries that describe the file's columns, or that are set anew from what was understood.
_DERIVED = re.compile(
    r"column(?:[._ ]?\d+)?|source_format|normalised|computed|notes|e0_ev"
    r"|element(?:\.symbol|\.edge)?|edge",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ColumnList:
    """What a file offers.

    ``names`` are the curves to choose from (columns, and those computed from counts), ``energy`` is
    the name of the energy column, ``proposed`` the curve that :func:`read_spectrum` takes unless
    told otherwise and ``remark`` why, where that is a guess. ``preview_energy`` and ``preview``
    hold the first rows as the file gives them: ``preview[name]`` has one value per row.
    ``formulas`` has those of the curves that are computed, ``signals`` what they are
    (``transmission``, ``fluorescence``, ``reference``).
    """

    names: tuple[str, ...]
    energy: str
    proposed: str
    remark: str
    preview_energy: tuple[float, ...]
    preview: Mapping[str, tuple[float, ...]]
    formulas: Mapping[str, str]
    signals: Mapping[str, str] = field(default_factory=dict)


def _bytes_of(source: str | os.PathLike[str] | bytes) -> tuple[bytes, str]:
    """Content and the trusted path's name."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source), ""
    if not isinstance(source, str | os.PathLike):
        raise SpectrumError("give the path of a file or its content as bytes")
    try:
        with open(source, "rb") as stream:
            return stream.read(MAX_BYTES + 1), PurePath(source).name
    except FileNotFoundError as error:
        raise SpectrumError("the spectrum file does not exist; check the path") from error
    except (OSError, ValueError) as error:
        raise SpectrumError("the spectrum file cannot be opened; check the path") from error


def _tables(
    source: str | os.PathLike[str] | bytes, name: str | None, format: str | None
) -> dict[str, Table]:
    """Tables of a file by the names of their spectra; one without a name where it holds one."""
    if format is not None and format not in SPECTRUM_FORMATS:
        raise SpectrumError(
            f"unknown spectrum format {str(format)[:20]!r}; choose from "
            f"{', '.join(SPECTRUM_FORMATS)}"
        )
    raw, own_name = _bytes_of(source)
    raw = unpacked(raw)
    for binary in BINARY_FORMATS:
        if format == binary.name or (format is None and binary.looks(raw)):
            return binary.read(raw)
    text = decode(raw)
    label = (name or own_name).lower()
    for row in FORMATS:
        if format == row.name or (format is None and row.looks(text)):
            return row.read(text)
    start = text.lstrip("\ufeff \t\r\n")[:1]
    if format == "json" or (format is None and (label.endswith(".json") or start in "{[")):
        return {"": parse_json(text.lstrip("\ufeff"))}
    table = parse_table(text)
    is_feff = format == "feff" or (format is None and "xmu" in label)
    if is_feff and not table.named and table.values.shape[1] == len(FEFF_NAMES):
        table = replace(table, names=FEFF_NAMES, named=True, source_format="feff")
    return {"": table if format is None else replace(table, source_format=format)}


def _scans(
    found: Mapping[str, Table], energy_column: str | int | EnergyColumn | None
) -> dict[str, Table]:
    """Tables of a file, one for each scan that a table of columns holds."""
    tables = {key: with_spacing(table, energy_column) for key, table in found.items()}
    if len(tables) > 1:
        return tables
    table = next(iter(tables.values()))
    scans = scans_of(table.values[:, find_axis(table, energy_column).index])
    if len(scans) == 1:
        return tables
    return {
        f"scan {i + 1}": replace(table, values=table.values[rows]) for i, rows in enumerate(scans)
    }


def list_spectra(
    source: str | os.PathLike[str] | bytes,
    *,
    name: str | None = None,
    format: str | None = None,
    energy_column: str | int | EnergyColumn | None = None,
) -> tuple[str, ...]:
    """Names of the spectra that a file holds, to choose from with ``group=``.

    The groups of an Athena project, the scans of a SPEC file, the scans that stand one after the
    other in a table of columns; one, maybe empty, name where the file holds one spectrum.

    Parameters
    ----------
    source, name, format, energy_column
        As in :func:`read_spectrum`.

    Raises
    ------
    SpectrumError
        As :func:`read_table`.
    """
    return spectrum_names(read_tables(source, name=name, format=format), energy_column)


def spectrum_names(
    tables: Mapping[str, Table], energy_column: str | int | EnergyColumn | None = None
) -> tuple[str, ...]:
    """As :func:`list_spectra`, of what :func:`read_tables` gives.

    Raises
    ------
    SpectrumError
        No column of energies, or an unknown one.
    """
    return tuple(_scans(tables, energy_column))


def read_tables(
    source: str | os.PathLike[str] | bytes, *, name: str | None = None, format: str | None = None
) -> dict[str, Table]:
    """Numbers of a file and what is said beside them, table by table.

    The part of reading that grows with the file; :func:`choose_table` does the rest.

    Parameters
    ----------
    source, name, format
        As in :func:`read_spectrum`.

    Raises
    ------
    SpectrumError
        The content is empty, binary, too large or no table; an unknown format.
    """
    return _tables(source, name, format)


def column_names(tables: Mapping[str, Table], group: str | int | None = None) -> tuple[str, ...]:
    """Names of all columns of a file, to choose one with ``energy_column=``.

    Parameters
    ----------
    tables : mapping of str to Table
        As :func:`read_tables` gives them.
    group : str or int, optional
        As in :func:`read_spectrum`; of a file of several spectra the first where none is chosen.
    """
    return tables.get(str(group), next(iter(tables.values()))).names


@dataclass(frozen=True)
class SpectrumTable:
    """A file that was read once: the curves that it offers, and spectra made of them.

    Attributes
    ----------
    table : Table
        Numbers of the file and what is said beside them.
    axis : Axis
        Column of the energies, and their unit.
    curves : tuple of Choice
        What can be read over these energies.
    """

    table: Table
    axis: Axis
    curves: tuple[Choice, ...]

    def columns(self, rows: int = 5, *, element: str | None = None) -> ColumnList:
        """Curves to choose from, with the first ``rows`` rows of each.

        Parameters
        ----------
        rows : int, optional
            How many rows of each to show.
        element : str, optional
            Absorber: a curve that steps up at its edge is proposed before others.

        Raises
        ------
        SpectrumError
            None of the columns can be an absorption.
        """
        try:
            energy, e0, _ = self._energies(element, [])
        except SpectrumError:  # told once a spectrum is made
            energy, e0 = self.table.values[:, self.axis.index], None
        proposed, remark = propose(self.curves, energy, e0)
        return ColumnList(
            tuple(curve.name for curve in self.curves),
            self.table.names[self.axis.index],
            self.curves[proposed].name,
            remark,
            tuple(float(v) for v in self.table.values[:rows, self.axis.index]),
            {curve.name: tuple(float(v) for v in curve.values[:rows]) for curve in self.curves},
            {curve.name: curve.formula for curve in self.curves if curve.formula},
            {curve.name: curve.signal for curve in self.curves if curve.signal},
        )

    @property
    def stated_element(self) -> str | None:
        """Absorber by the file alone; None where it does not say."""
        columns_e0_ev = e0_of_columns(self.table, self.axis)
        return edge_of(self.table.headers, None, columns_e0_ev, []).stated

    @property
    def energy_unit(self) -> str:
        """Unit that the energies are read in, one of ENERGY_UNITS; empty where numbers tell."""
        return "eV from E0" if self.axis.is_relative and self.axis.unit == "eV" else self.axis.unit

    def with_ratio(
        self, signal: str, first: str | int, detectors: Sequence[str | int]
    ) -> SpectrumTable:
        """The same with one more curve, of the columns that a person names; it is the last one.

        Parameters
        ----------
        signal : str
            ``transmission``: ln(first / detector); ``reference``: likewise, the transmitted beam
            first; ``fluorescence``: the sum of the detectors over the first.
        first : str or int
            Column of the incident beam, by its name or its number in the file.
        detectors : sequence of str or int
            Columns behind the sample.

        Raises
        ------
        SpectrumError
            Another signal, a column that does not exist, or too many or none.
        """
        made = ratio(self.table, signal, first, detectors)
        return replace(self, curves=(*(c for c in self.curves if c.name != made.name), made))

    def spectrum(self, *, column: str | int | None = None, element: str | None = None) -> Spectrum:
        """Spectrum of one of the curves.

        Parameters
        ----------
        column, element
            As in :func:`read_spectrum`.

        Raises
        ------
        SpectrumError
            Fewer than ten points; energies that are no energies, are relative to an unknown edge or
            do not reach across that of the element; a curve without a step, unless another one is
            proposed; an unknown column or element.
        """
        table, notes = self.table, list(self.table.notes)
        if column is not None:
            pick([curve.name for curve in self.curves], column)
        energy, e0, edge = self._energies(element, notes)
        index, remark = self._chosen(column, energy, e0)
        curve = self.curves[index]
        metadata = _metadata(table, curve, edge, [])
        is_emission = metadata.get("spectrum") == XES.key or plain_name(curve.name) in EMISSION
        check_reach(energy, edge, EMISSION_REACH_EV if is_emission else REACH_EV)
        notes += [remark] if remark else []
        energy, mu = _usable(energy, curve, notes)
        energy, mu = put_in_order(energy, mu, notes)
        note_gaps(energy, notes)
        # what a program calculated has its column by name and may be an emission; our own exports
        # were looked at when they were read
        doubt = None
        is_ours = "e0_ev" in table.headers
        if not (is_emission or is_ours or metadata.get("computed") == "yes"):
            doubt = check_step(energy, curve, mu, e0)
        if doubt:
            if self._is_proposed(index, element):
                raise SpectrumError(
                    f"{doubt}. Choose another column or the right element; name the column "
                    "'emission' where it is one"
                )
            notes.append(doubt)
        return Spectrum(energy, mu, e0, _metadata(table, curve, edge, notes))

    def _energies(
        self, element: str | None, notes: list[str]
    ) -> tuple[np.ndarray, float | None, Edge]:
        """Energy of every row (eV), NaN where nothing is measured, E0 and the edge."""
        table = self.table
        columns_e0_ev = e0_of_columns(table, self.axis)
        edge = edge_of(table.headers, element, columns_e0_ev, notes)
        values = table.values[:, self.axis.index].copy()
        values[~np.any([np.isfinite(c.values) for c in self.curves], axis=0)] = np.nan
        values, axis = in_ev(values, self.axis, table.headers, notes)
        energy, e0 = absolute_energies(values, axis, edge, notes)
        if edge.e0_ev is None and not self.axis.is_relative:
            e0 = columns_e0_ev or e0
        return energy, e0, edge

    def _chosen(
        self, column: str | int | None, energy: np.ndarray, e0_ev: float | None
    ) -> tuple[int, str]:
        if column is None:
            return propose(self.curves, energy, e0_ev)
        return pick([curve.name for curve in self.curves], column), ""

    def _is_proposed(self, index: int, element: str | None) -> bool:
        """Whether a curve is the one that would be taken unasked."""
        energy, e0, _ = self._energies(element, [])
        try:
            return propose(self.curves, energy, e0)[0] == index
        except SpectrumError:
            return False


def read_table(
    source: str | os.PathLike[str] | bytes,
    *,
    name: str | None = None,
    format: str | None = None,
    energy_column: str | int | EnergyColumn | None = None,
    group: str | int | None = None,
) -> SpectrumTable:
    """Read a file once, to list its curves and to make spectra of them.

    Parameters
    ----------
    source, name, format, energy_column, group
        As in :func:`read_spectrum`.

    Raises
    ------
    SpectrumError
        The content is empty, binary, too large or no table; several spectra of which none was
        chosen; an unknown energy column, format or group.
    """
    tables = read_tables(source, name=name, format=format)
    return choose_table(tables, energy_column=energy_column, group=group)


def choose_table(
    found: Mapping[str, Table],
    *,
    energy_column: str | int | EnergyColumn | None = None,
    group: str | int | None = None,
) -> SpectrumTable:
    """One of the spectra of a file, with the curves that it offers.

    Parameters
    ----------
    found : mapping of str to Table
        As :func:`read_tables` gives them.
    energy_column, group
        As in :func:`read_spectrum`.

    Raises
    ------
    SpectrumError
        Several spectra of which none was chosen; no absorption; an unknown energy column or group.
    """
    tables = _scans(found, energy_column)
    names = tuple(tables)
    if len(names) > 1 and group is None:
        raise SpectrumError(
            f"the file holds {len(names)} spectra; choose one with group=, by its name or its "
            f"number from 0: {listed(names)}"
        )
    table = tables[names[pick(names, group, "group") if group is not None else 0]]
    axis = find_axis(table, energy_column)
    curves = tuple(choices(table, axis.index))
    if not curves:
        raise SpectrumError("the file has energies only; a spectrum needs a column of absorption")
    return SpectrumTable(table, axis, curves)


def read_spectrum(
    source: str | os.PathLike[str] | bytes,
    *,
    name: str | None = None,
    format: str | None = None,
    element: str | None = None,
    column: str | int | None = None,
    energy_column: str | int | EnergyColumn | None = None,
    group: str | int | None = None,
) -> Spectrum:
    """Read one spectrum; what was mended or assumed stands in ``metadata["notes"]``.

    Parameters
    ----------
    source : str, path or bytes
        A path that the caller trusts, or the content of a file.
    name : str, optional
        Name of an upload: its extension is looked at, it is never opened.
    format : str, optional
        One of :data:`SPECTRUM_FORMATS`; guessed from the content where left out.
    element : str, optional
        Absorber. Needed for energies relative to E0 where the file does not name it; the energies
        must reach across its edge.
    column : str or int, optional
        Curve to read: its name or its number among those that :meth:`SpectrumTable.columns` lists.
        Left out, the first of these that exists: ``norm``, ``flat``, ``mu`` and its like,
        ``ln(i0/itrans)``, ``ifluor/i0``, the first other column that may be an absorption.
    energy_column : str, int or EnergyColumn, optional
        Energy column: name or number of the column in the file, or these with a unit and the
        spacing of the crystal. Found by name where left out.
    group : str or int, optional
        Which spectrum of a file that holds several, by its name in :func:`list_spectra` or its
        number from 0.

    Returns
    -------
    Spectrum
        Absolute energies (eV), sorted; duplicates averaged; rows that hold no number or counts
        without a positive ratio left out. E0 is the one of our own exports, else the tabulated K
        edge of the element, the reference of the models; an Athena ``e0`` stays in the metadata.

    Raises
    ------
    SpectrumError
        As :func:`read_table` and :meth:`SpectrumTable.spectrum`.
    """
    table = read_table(source, name=name, format=format, energy_column=energy_column, group=group)
    return table.spectrum(column=column, element=element)


def _usable(energy: np.ndarray, choice: Choice, notes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    good = np.isfinite(energy) & np.isfinite(choice.values)
    lost = int((~good).sum()) - choice.bad_counts
    if choice.bad_counts:
        notes.append(f"{choice.bad_counts} rows with counts of zero or less were left out")
    if lost > 0:
        notes.append(f"{lost} rows without a number were left out")
    return energy[good], choice.values[good]


def _is_scaled_fdmnes(table: Table, choice: Choice) -> bool:
    """Whether an FDMNES spectrum was scaled to its edge step; FDMNES itself writes Mbarn."""
    known = choice.values[np.isfinite(choice.values)]
    end = np.median(known[-(known.size // 5 + 1) :]) if known.size else 0.0
    return table.source_format == "fdmnes" and bool(0.7 < end < 1.3)


def _kind_of(table: Table, choice: Choice, predicted: bool) -> SpectrumKind | None:
    """Kind of spectrum by the columns of the file; None where they do not tell."""
    if choice.name == XES.column or (predicted and XES.column in table.names):
        return XES
    return XANES if predicted else None


def _origin_of(table: Table) -> str | None:
    """One of ORIGINS by what the file says, its columns or its format; None where nothing tells."""
    # once it read "predicted, not measured"
    stated = table.headers.get("origin", "").split(",")[0]
    if stated in ORIGINS:
        return stated
    intensities = {kind.column for kind in SPECTRUM_KINDS.values()}
    if set(table.names) >= _OF_PREDICTIONS and intensities & set(table.names):
        return "predicted"
    computed = table.headers.get("computed") == "yes" or table.source_format in ("feff", "fdmnes")
    return "computed" if computed else None


def _is_normalised(table: Table, choice: Choice, predicted: bool) -> bool:
    return (
        (predicted and XANES.column in table.names)
        or table.source_format == "feff"
        or plain_name(choice.name) in NORMALISED
        or _is_scaled_fdmnes(table, choice)
    )


def _metadata(table: Table, choice: Choice, edge: Edge, notes: list[str]) -> dict[str, str]:
    """What the file says, and what was understood of it; what our own files say comes back."""
    headers = table.headers
    metadata = {key: value for key, value in headers.items() if not _DERIVED.fullmatch(key)}
    if edge.element:
        metadata["element"] = edge.element
    if edge.element or edge.is_stated:
        metadata["edge"] = edge.name
    # a file of ours says where its one curve came from at first
    metadata["source_format"] = headers.get("source_format", table.source_format)
    is_main = choice.name in (kind.column for kind in SPECTRUM_KINDS.values())
    metadata["column"] = headers.get("column", choice.name) if is_main else choice.name
    origin = _origin_of(table)
    predicted = origin == "predicted"
    if kind := _kind_of(table, choice, predicted):
        metadata.setdefault("spectrum", kind.key)
    if origin and metadata.get("origin", origin).startswith(origin):
        metadata["origin"] = origin
    for word, holds in (
        ("computed", origin in ("predicted", "computed")),
        ("normalised", _is_normalised(table, choice, predicted)),
    ):
        stated = headers.get(word, "")
        if stated in ("yes", "no") or holds:
            metadata[word] = stated if stated in ("yes", "no") else "yes"
    earlier = next((value for key, value in headers.items() if key.lower() == "notes"), "")
    known = [n for n in earlier.split("; ") if n]
    metadata["notes"] = "; ".join(known + [n for n in notes if n not in known])
    return metadata

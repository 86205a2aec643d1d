"""Which columns of a file make the reader's spectrum: said in one line, changed by a click."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts.shared.own_files import OwnCurve, tables_of
from pages.parts.shared.page import plain
from xanes_core.errors import SpectrumError
from xanes_core.spectra import (
    ENERGY_UNITS,
    SIGNALS,
    ColumnList,
    EnergyColumn,
    SpectrumTable,
    choose_table,
    column_names,
)

#: Lattice spacings (A) of the usual crystals at room temperature, a(Si) = 5.4310 A and
#: a(Ge) = 5.6575 A over the square root of h2 + k2 + l2.
_CRYSTALS = {
    "Si(111)": 3.1356, "Si(220)": 1.9201, "Si(311)": 1.6375, "Si(511)": 1.0452,
    "Ge(111)": 3.2664, "Ge(220)": 2.0002,
}  # fmt: skip
_UNIT_NAMES = {
    "": "as in the file", "eV": "eV", "keV": "keV", "eV from E0": "eV from the edge",
    "deg": "degrees", "mdeg": "millidegrees", "rad": "radians", "A": "\u00c5 (wavelength)",
    "nm": "nm (wavelength)", "Ha": "Hartree", "Ry": "Rydberg",
}  # fmt: skip
_ANGLES = ("deg", "mdeg", "rad")
#: Option of the list of signals that asks for the columns.
_OWN = "\0own"
_PREVIEW_ROWS = 5
#: Energies without a unit that are larger are in eV.
_LEAST_EV = 300.0


@dataclass(frozen=True)
class Columns:
    """What the reader chose; what is left out is found out.

    Attributes
    ----------
    energy : EnergyColumn
    curve : str or None
        Name of the curve.
    ratio : (str, str, tuple of str) or None
        Signal, incident beam and detectors, where the reader names them.
    """

    energy: EnergyColumn = field(default_factory=EnergyColumn)
    curve: str | None = None
    ratio: tuple[str, str, tuple[str, ...]] | None = None


# a resource, so that a large file is not copied with every run of the page; nothing writes to it
@st.cache_resource(max_entries=32, show_spinner=False)
def _read(data: bytes, name: str, group: str | None, energy: EnergyColumn) -> SpectrumTable:
    return choose_table(tables_of(data, name), group=group, energy_column=energy)


def _names(data: bytes, name: str, group: str | None) -> tuple[str, ...]:
    return column_names(tables_of(data, name), group)


def table_of(own: OwnCurve, columns: Columns) -> SpectrumTable:
    """The file as the columns say.

    Raises
    ------
    SpectrumError
        As :func:`xanes_core.spectra.read_table`.
    """
    table = _read(own.file.data, own.file.name, own.group, columns.energy)
    return table.with_ratio(*columns.ratio) if columns.ratio else table


def curve_name(table: SpectrumTable, columns: Columns, element: str) -> str:
    """Name of the curve to take: the reader's, else the one proposed."""
    if columns.ratio:
        return table.curves[-1].name
    names = [curve.name for curve in table.curves]
    return columns.curve if columns.curve in names else table.columns(element=element).proposed


def choose_columns(own: OwnCurve, element: str) -> Columns:
    """One line that says what is read, and behind a click the choice of it with a preview.

    Raises
    ------
    SpectrumError
        The columns make no spectrum; the choice stays where it is.
    """
    line = st.container()
    with st.popover("Change the columns", width="stretch", key=own.widget("columns")):
        energy = _energy(own)
        try:
            table = _read(own.file.data, own.file.name, own.group, energy)
            listed = table.columns(_PREVIEW_ROWS, element=element)
        except SpectrumError:
            line.caption("**Read** nothing yet: choose the columns.")
            raise
        columns = _signal(own, table, listed, energy)
        table = table_of(own, columns)
        chosen = curve_name(table, columns, element)
        _preview(table, chosen)
    with line:
        st.caption(f"**Read** {_sentence(table, listed, columns, chosen)}")
    return columns


def _energy(own: OwnCurve) -> EnergyColumn:
    names = _names(own.file.data, own.file.name, own.group)
    automatic = "found by its name"
    column = st.selectbox(
        "Energy column", [None, *names], key=own.widget("energy"), persist_state="session",
        format_func=lambda name: automatic if name is None else name,
    )  # fmt: skip
    unit = st.selectbox(
        "Unit", ["", *ENERGY_UNITS], key=own.widget("unit"), persist_state="session",
        format_func=_UNIT_NAMES.__getitem__,
    )  # fmt: skip
    spacing = None
    if unit in _ANGLES:
        crystal = st.selectbox(
            "Crystal", [None, *_CRYSTALS], key=own.widget("crystal"), persist_state="session",
            format_func=lambda name: "named in the file" if name is None else name,
        )  # fmt: skip
        spacing = _CRYSTALS.get(crystal)
    return EnergyColumn(column, unit, spacing)


def _signal(
    own: OwnCurve, table: SpectrumTable, listed: ColumnList, energy: EnergyColumn
) -> Columns:
    labels = {name: f"{listed.signals.get(name, 'column')}: {name}" for name in listed.names}
    labels[_OWN] = "other columns \u2026"
    proposed = listed.names.index(listed.proposed)
    key = own.widget("column")
    if st.session_state.get(key) not in labels:  # another energy column, other curves
        st.session_state.pop(key, None)
    curve = st.selectbox(
        "Signal", list(labels), index=proposed, key=key, format_func=labels.__getitem__,
        persist_state="session",
    )  # fmt: skip
    if curve != _OWN:
        return Columns(energy, curve if curve != listed.proposed else None)
    names = [name for i, name in enumerate(table.table.names) if i != table.axis.index]
    signal = st.segmented_control(
        "Kind of signal", SIGNALS, default=SIGNALS[0], key=own.widget("signal"), required=True,
        persist_state="session",
    )  # fmt: skip
    is_reference = signal == "reference"
    first = st.selectbox(
        "Beam before it" if is_reference else "Incident beam, I0", names,
        key=own.widget("i0"), persist_state="session",
    )  # fmt: skip
    others = [name for name in names if name != first]
    if not others:
        return Columns(energy)
    if signal == "fluorescence":
        detectors = st.multiselect(
            "Detectors, added", others, default=others[:1], key=own.widget("detectors"),
            persist_state="session",
        )  # fmt: skip
    else:
        detectors = [
            st.selectbox(
                "Beam behind it", others, key=own.widget("detector"), persist_state="session"
            )
        ]
    return Columns(energy, None, (signal, first, tuple(detectors)) if detectors else None)


def _sentence(table: SpectrumTable, listed: ColumnList, columns: Columns, chosen: str) -> str:
    unit = _UNIT_NAMES[table.energy_unit] if table.energy_unit else ""
    if not unit and np.nanmedian(table.table.values[:, table.axis.index]) > _LEAST_EV:
        unit = "eV"
    energy = f"energies from {plain(listed.energy, 40)}" + (f" ({plain(unit)})" if unit else "")
    curve = table.curves[[c.name for c in table.curves].index(chosen)]
    said = f"{energy}, {curve.signal or 'absorption from'} {plain(chosen, 60)}."
    if chosen != listed.proposed or columns.ratio or not listed.remark:
        return said
    others = [name for name, signal in listed.signals.items() if signal != "reference"]
    if curve.signal:  # the remark says again how it was computed
        others = [name for name in others if name != chosen]
        return f"{said} Also possible: {plain(', '.join(others), 120)}." if others else said
    return f"{said} {plain(listed.remark[:1].upper() + listed.remark[1:])}."


def _preview(table: SpectrumTable, chosen: str) -> None:
    """The first rows as the file gives them, beside what is made of them."""
    rows = slice(0, _PREVIEW_ROWS)
    values = table.curves[[c.name for c in table.curves].index(chosen)].values[rows]
    energies = table.table.values[rows, table.axis.index]
    frame = pd.DataFrame(
        {
            table.table.names[table.axis.index]: [f"{v:.8g}" for v in energies],
            chosen: ["" if np.isnan(v) else f"{v:.5g}" for v in values],
        }
    )
    st.caption("First rows")
    st.dataframe(frame, hide_index=True, width="stretch")

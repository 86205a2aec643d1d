"""The energies of a spectrum file: their column, their unit, and what they are in eV.

An angle, a wavelength or a counter of points must never pass for an energy: what cannot be told is
refused, with what to write into the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import SpectrumError
from xanes_core.spectra.columns import RELATIVE, find, pick, plain_name
from xanes_core.spectra.edge import ENERGY_RANGE_EV, Edge
from xanes_core.spectra.table import Table

#: Planck's constant times the speed of light (eV A), exact in the SI of 2019.
HC_EV_ANG = 12398.419843320026
#: Units of energy in eV; Hartree and Rydberg by CODATA 2018.
_IN_EV = {"eV": 1.0, "keV": 1000.0, "Ha": 27.211386245988, "Ry": 13.605693122994}
_IN_DEGREES = {"deg": 1.0, "mdeg": 1e-3, "rad": np.degrees(1.0), "mrad": np.degrees(1e-3)}
_IN_ANG = {"A": 1.0, "nm": 10.0, "pm": 0.01}
_UNIT_WORDS = {
    "eV": "ev", "keV": "kev", "Ha": "ha hartree hartrees eh a.u. au", "Ry": "ry ryd rydberg",
    "deg": "deg degree degrees ° deg.", "mdeg": "mdeg millideg millidegree millidegrees",
    "rad": "rad radian radians", "mrad": "mrad millirad milliradian milliradians",
    "A": "a å ang angstrom angstroms ångström", "nm": "nm nanometer nanometre", "pm": "pm",
    "1/A": "1/a a^-1 a-1 å^-1 å-1 1/å ang^-1 angstrom^-1", "1/cm": "cm-1 cm^-1 1/cm",
    "s": "s sec seconds ms min h", "MeV or meV": "mev", "J": "j joule joules",
    "Hz": "hz khz mhz ghz thz phz", "kcal/mol": "kcal/mol kcal", "kJ/mol": "kj/mol kj",
}  # fmt: skip
_UNIT_OF = {word: unit for unit, words in _UNIT_WORDS.items() for word in words.split()}
#: Units that are known and not read.
_NO_ENERGY = ("1/A", "1/cm", "s", "MeV or meV", "J", "Hz", "kcal/mol", "kJ/mol")
_ENERGY = {
    "e", "en", "ev", "energy", "energie", "energies", "energy_ev", "energy_kev", "omega",
    "photon_energy", "photonenergy", "mono_energy", "energy_abs_ev", "absolute_energy", "kev",
    "energyev", "eabs", "energy_absolute_ev", "xray_energy", "hv", "hnu",
}  # fmt: skip
_ANGLE = re.compile(r".*(theta|bragg|angle).*|(2|two_?)?(th|tth|θ)(_\w+)?|deg(rees?)?|mdeg")
_DOUBLE = re.compile(r"(?<![a-z0-9])(2_?|two_?)th|tth")
_WAVELENGTH = re.compile(r"lambda(_\w+)?|λ|wave_?length(_\w+)?|wl")
_POINTS = {
    "index", "point", "points", "pt", "pts", "no", "nr", "number", "row", "step", "unnamed:_0",
    "scan_point", "point_number", "#", "num", "nb", "count", "channel", "channels", "pixel",
    "pixels", "bin", "frame", "sequence",
}  # fmt: skip
#: What the first column may be instead of an energy, by the beginning of its name.
_OTHERS = (
    (re.compile(r"k(_?wave\w*)?|wave_?numbers?|q"), "wavenumbers, as of chi(k)"),
    (re.compile(r"r|radius|distances?|dist"), "distances, as of chi(R)"),
    (re.compile(r"(\w+_)?(time|seconds?|sec|s|clock|date|epoch|timestamp|t)"), "times"),
    (re.compile(r"(\w+_)?(temp|temperature)"), "temperatures"),
)
#: Where a crystal's lattice spacing (A) stands in a header: once, or twice as 2d.
_SPACING = re.compile(r"(mono\.|monochromator\.?|dcm\.)?_?(d|d[_ -]?spacing)(_ang)?")
_TWICE = re.compile(r"(mono\.|monochromator\.?|dcm\.)?_?(2d|two_?d)([_ -]?spacing)?(_ang)?")
#: A relative axis without a name that is shorter (eV) may be anything.
_SHORTEST_RELATIVE_EV = 30.0


#: Units that a person may choose for a column of energies.
ENERGY_UNITS = ("eV", "keV", "eV from E0", "deg", "mdeg", "rad", "A", "nm", "Ha", "Ry")


@dataclass(frozen=True)
class EnergyColumn:
    """The column of the energies as a person chooses it; what is left out is found out.

    Attributes
    ----------
    column : str or int or None
        Its name, or its number in the file from 0.
    unit : str
        One of :data:`ENERGY_UNITS`; empty for what the file says.
    d_spacing_ang : float or None
        Lattice spacing (A) of the monochromator's crystal, for angles.
    """

    column: str | int | None = None
    unit: str = ""
    d_spacing_ang: float | None = None


@dataclass(frozen=True)
class Axis:
    """Which column holds the energies, and what it is.

    Attributes
    ----------
    index : int
        Of the column.
    unit : str
        ``eV``, ``keV``, ``Ha``, ``Ry``, a unit of angles or of wavelengths; empty where the file
        does not tell.
    is_relative : bool
        Whether its name says that it is relative to E0.
    is_named : bool
        Whether its name says that it is an energy.
    is_double : bool
        Whether an angle is that of diffraction, twice that of the crystal.
    """

    index: int
    unit: str = ""
    is_relative: bool = False
    is_named: bool = True
    is_double: bool = False


def find_axis(table: Table, asked: str | int | EnergyColumn | None = None) -> Axis:
    """Column of the energies as asked for, else by its name, else the first one that may be it.

    Raises
    ------
    SpectrumError
        There is no column or unit as asked for, or the first one is a wavenumber, a distance, a
        time or a counter of points.
    """
    if isinstance(asked, EnergyColumn):
        return _axis_as_asked(table, asked)
    plain = [plain_name(n) for n in table.names]
    if asked is not None:
        return _axis_of(table, plain, pick(table.names, asked, "energy column"))
    absolute = find(plain, _ENERGY)
    if absolute is not None:
        return _axis_of(table, plain, absolute)
    relative = find(plain, RELATIVE)
    if relative is not None:
        return _axis_of(table, plain, relative)
    # Without a telling name, "energy" inside a name serves: what was reached before what was asked.
    inside = [i for i, name in enumerate(plain) if "energy" in name or "energie" in name]
    reached = [i for i in inside if re.search(r"achiev|actual|read|real", plain[i])]
    if inside:
        return _axis_of(table, plain, (reached or inside)[0])
    for pattern in (_ANGLE, _WAVELENGTH):
        found = [i for i, name in enumerate(plain) if pattern.fullmatch(name)]
        # of a crystal driven to an angle and its encoder, the last one is what was reached
        if found:
            return _axis_of(table, plain, found[-1 if pattern is _ANGLE else 0])
    return _first(table, plain)


def _axis_as_asked(table: Table, asked: EnergyColumn) -> Axis:
    if not asked.unit:
        return find_axis(table, asked.column)
    if asked.unit not in ENERGY_UNITS:
        raise SpectrumError(
            f"unknown unit of energies {asked.unit[:20]!r}; choose from {', '.join(ENERGY_UNITS)}"
        )
    # a person who names column and unit knows better than the column's name
    index = (
        find_axis(table).index
        if asked.column is None
        else pick(table.names, asked.column, "energy column")
    )
    is_relative = asked.unit == "eV from E0"
    is_double = _DOUBLE.search(plain_name(table.names[index])) is not None
    return Axis(index, "eV" if is_relative else asked.unit, is_relative, True, is_double)


def with_spacing(table: Table, asked: str | int | EnergyColumn | None) -> Table:
    """A table whose header names the crystal's lattice spacing that a person chose.

    Raises
    ------
    SpectrumError
        A spacing that no crystal has.
    """
    spacing = asked.d_spacing_ang if isinstance(asked, EnergyColumn) else None
    if spacing is None:
        return table
    if not 0.3 <= spacing <= 15.0:
        raise SpectrumError(
            f"a lattice spacing of {spacing:g} A is none of a monochromator's crystal; that of "
            "Si(111) is 3.1356"
        )
    others = {
        key: value
        for key, value in table.headers.items()
        if not (_SPACING.fullmatch(key.lower()) or _TWICE.fullmatch(key.lower()))
    }
    return replace(table, headers={"Mono.d_spacing": f"{spacing:.6g}", **others})


def _first(table: Table, plain: list[str]) -> Axis:
    """The first column that is no counter of points."""
    counters = [i for i in range(len(plain)) if _counts(table, plain, i)]
    first = next((i for i in range(len(plain)) if i not in counters), None)
    if first is None or (0 in counters and len(plain) == 2):
        raise SpectrumError(
            f"column {table.names[counters[0]]!r} only counts the points; a spectrum needs a "
            "column of energies, named for example 'energy (eV)'"
        )
    return _axis_of(table, plain, first)


def _counts(table: Table, plain: list[str], index: int) -> bool:
    """Whether a column only numbers the rows, as the index of a data frame does."""
    if plain[index] in _POINTS:
        return True
    values = table.values[:, index]
    values = values[np.isfinite(values)]
    has_name = table.named and not plain[index].startswith("column_")
    if has_name or values.size < 3 or not np.all(np.diff(values) == 1.0):
        return False
    # from 0 or 1 on, or too low for energies
    return bool(values[0] in (0.0, 1.0) or (values[0] > 0 and values[-1] < ENERGY_RANGE_EV[0]))


def _axis_of(table: Table, plain: list[str], index: int) -> Axis:
    name, words = plain[index], table.units[index].lower().split()
    unit = _UNIT_OF.get(words[0] if words else "", "") or _unit_in(table.names[index].lower())
    bare = re.sub(r"[\[(].*", "", name).strip("_") or name
    lead = "" if table.named else plain_name(table.lead)
    is_energy = name in _ENERGY or name in RELATIVE or "energ" in name
    for word in (bare, re.sub(r"[\[(/].*", "", lead).strip("_") if index == 0 else ""):
        what = next((text for pattern, text in _OTHERS if word and pattern.fullmatch(word)), None)
        if what and not is_energy:
            raise SpectrumError(
                f"the column {word!r} holds {what}, no energies; a spectrum needs absorption over "
                "energy: export mu(E)"
            )
    if unit in _NO_ENERGY:
        raise SpectrumError(
            f"the energy column {table.names[index]!r} is in {unit}, which is not read; export "
            "the spectrum over energies in eV"
        )
    if not unit and not is_energy:
        if _ANGLE.fullmatch(name):
            unit = "deg"
        elif _WAVELENGTH.fullmatch(name):
            unit = "A"
    is_relative = name in RELATIVE or (is_energy and re.search(r"rel(_|\b|at)", name) is not None)
    is_double = _DOUBLE.search(name) is not None
    return Axis(index, unit, is_relative, is_energy, is_double)


def _unit_in(name: str) -> str:
    """Unit at the end of a name: ``angle_mdeg``, ``energy/keV``, ``theta [deg]``."""
    if name in ("ev", "kev", "deg", "degrees", "mdeg"):
        return _UNIT_OF[name]
    end = re.search(r"[\s_/\[(]+([^\s_\[\]()]{1,12})[\])]?$", name)
    word = end[1] if end else ""
    # one letter after a dash is a part of the name more often than a unit
    bracketed = name.endswith((")", "]"))
    return _UNIT_OF.get(word, "") if len(word) > 1 or bracketed else ""


def e0_of_columns(table: Table, axis: Axis) -> float | None:
    """E0 (eV) of a file that gives absolute energies and those relative to E0."""
    partner = find([plain_name(n) for n in table.names], RELATIVE)
    if partner is None or partner == axis.index:
        return None
    gap = table.values[:, axis.index] - table.values[:, partner]
    gap = gap[np.isfinite(gap)]
    if gap.size == 0 or np.ptp(gap) > 0.01 or gap[0] <= 0:
        return None
    return float(np.round(np.median(gap), 6))


def in_ev(
    values: np.ndarray, axis: Axis, headers: Mapping[str, str], notes: list[str]
) -> tuple[np.ndarray, Axis]:
    """Values of an axis in eV, where its unit is known; as they are where it is not.

    ``E = h c / (2 d sin(theta))`` for the angle of a crystal, ``E = h c / lambda`` for a
    wavelength.

    Raises
    ------
    SpectrumError
        Angles without the crystal's lattice spacing in the header, or beyond 0 to 90 degrees;
        wavelengths of zero or less.
    """
    if axis.unit in _IN_DEGREES:
        two_d = _two_d_of(headers)
        if two_d is None:
            raise SpectrumError(
                "the file is given over the angle of the monochromator and does not say of which "
                "crystal; add a line such as '# Mono.d_spacing: 3.1356' (d in A) to its header, or "
                "export over energies"
            )
        theta = values * _IN_DEGREES[axis.unit] / (2.0 if axis.is_double else 1.0)
        return _from_angles(theta, two_d, notes), Axis(axis.index, "eV")
    if axis.unit in _IN_ANG:
        wavelength = values * _IN_ANG[axis.unit]
        if not np.all(wavelength[np.isfinite(wavelength)] > 0):
            raise SpectrumError("wavelengths must be positive; choose another energy column")
        notes.append(f"energies calculated from wavelengths in {axis.unit}")
        return HC_EV_ANG / wavelength, Axis(axis.index, "eV")
    if axis.unit in ("Ha", "Ry"):
        if not axis.is_relative and np.nanmax(values) * _IN_EV[axis.unit] > 30_000.0:
            raise SpectrumError(
                f"the energies reach {np.nanmax(values):g}, too much for {axis.unit}; name the "
                "unit of the energy column, for example 'energy (eV)'"
            )
        name = "Hartree" if axis.unit == "Ha" else "Rydberg"
        notes.append(f"energies converted from {name} to eV")
        return values * _IN_EV[axis.unit], Axis(axis.index, "eV", axis.is_relative)
    return values, axis


def _from_angles(theta_deg: np.ndarray, two_d: float, notes: list[str]) -> np.ndarray:
    known = theta_deg[np.isfinite(theta_deg)]
    if known.size and not (known.min() > 0 and known.max() < 90):
        raise SpectrumError(
            f"the angles run from {known.min():g} to {known.max():g} degrees, but those of a "
            "monochromator lie between 0 and 90; check the unit in the column's name"
        )
    notes.append(f"energies calculated from angles with 2d = {two_d:g} A")
    energy: np.ndarray = HC_EV_ANG / (two_d * np.sin(np.radians(theta_deg)))
    return energy


def _two_d_of(headers: Mapping[str, str]) -> float | None:
    """2d (A) of the monochromator's crystal by the header."""
    for key, text in headers.items():
        name = key.strip().lower()
        factor = 2.0 if _SPACING.fullmatch(name) else 1.0 if _TWICE.fullmatch(name) else None
        number = re.match(r"\d{1,3}(\.\d+)?", text)
        if factor and number and 0.6 <= factor * float(number[0]) <= 30.0:
            return factor * float(number[0])
    return None


def absolute_energies(
    energy: np.ndarray, axis: Axis, edge: Edge, notes: list[str]
) -> tuple[np.ndarray, float | None]:
    """Absolute energies (eV) and E0 (eV or None); what was converted is added to ``notes``.

    Parameters
    ----------
    energy : numpy.ndarray, (n,)
        By :func:`in_ev`, in the order of the file; NaN where it has none.
    axis : Axis
    edge : Edge
    notes : list of str

    Raises
    ------
    SpectrumError
        The energies are those of no X-ray spectrum, relative to an edge that nobody names, or
        numbers that may be energies as well as angles.
    """
    if not np.isfinite(energy).any():
        raise SpectrumError("the energy column holds no numbers; choose another one")
    low, high = float(np.nanmin(energy)), float(np.nanmax(energy))
    if _is_kev(energy, axis, edge):
        energy = energy * 1000.0
        notes.append("energies converted from keV to eV")
        if axis.is_relative:
            return _from_relative(energy, edge, notes)
    elif low < 0 or axis.is_relative or high < ENERGY_RANGE_EV[0]:
        if not axis.is_named and high - low < _SHORTEST_RELATIVE_EV:
            raise _ambiguous(low, high)
        _refuse_counter(energy)
        return _from_relative(energy, edge, notes)
    low, high = float(np.nanmin(energy)), float(np.nanmax(energy))
    if low < ENERGY_RANGE_EV[0] or high > ENERGY_RANGE_EV[1]:
        raise SpectrumError(
            f"the energies run from {low:g} to {high:g} eV, which is no X-ray absorption spectrum; "
            "choose another energy column or check the unit"
        )
    if edge.e0_ev is not None:
        return energy, edge.e0_ev
    return energy, _tabulated(low, high, edge, notes)


def _refuse_counter(energy: np.ndarray) -> None:
    """Raise a SpectrumError where relative energies are 0, 1, 2, ...: numbers of the rows."""
    known = energy[np.isfinite(energy)]
    if known.size > 2 and known[0] in (0.0, 1.0) and np.all(np.diff(known) == 1.0):
        raise SpectrumError(
            f"the energies are {known[0]:g}, {known[1]:g}, {known[2]:g} and so on: that counts the "
            "points; a spectrum needs a column of energies, which begin before the edge"
        )


def _ambiguous(low: float, high: float) -> SpectrumError:
    return SpectrumError(
        f"the first column runs from {low:g} to {high:g}: that may be keV, an angle, a wavelength "
        "or a wavenumber; name it and its unit in the line above the numbers, for example "
        "'energy_kev mu'"
    )


def _is_kev(energy: np.ndarray, axis: Axis, edge: Edge) -> bool:
    """Whether energies are in keV: by their unit, else by their numbers."""
    low, high = float(np.nanmin(energy)), float(np.nanmax(energy))
    if axis.unit == "keV":
        return high < ENERGY_RANGE_EV[1] / 1000.0
    if axis.is_relative or not (low > 0.3 and high < 40 and high - low < 4):
        return False
    if axis.is_named:
        return True
    # a number of a few tens may as well be an angle, which falls as the energy rises
    own = K_EDGE_EV.get(edge.element or "")
    wanted = [own] if own else list(K_EDGE_EV.values())
    known = energy[np.isfinite(energy)]
    if known[0] > known[-1] or not any(low < e0 / 1000.0 < high for e0 in wanted):
        raise _ambiguous(low, high)
    return True


def _from_relative(
    energy: np.ndarray, edge: Edge, notes: list[str]
) -> tuple[np.ndarray, float | None]:
    low, high = float(np.nanmin(energy)), float(np.nanmax(energy))
    e0 = edge.e0_ev
    if e0 is None and edge.name == "K":
        e0 = K_EDGE_EV.get(edge.element or "")
    if e0 is None:
        raise SpectrumError(
            f"the energies ({low:g} to {high:g} eV) are relative to an edge that the file does not "
            "name; say whose K edge it is, for example element='Fe'"
        )
    if edge.contradicts:
        raise SpectrumError(
            f"the file is of {edge.stated}, but {edge.element} was asked for, and its energies are "
            "relative to the edge; choose the element of the file"
        )
    if low + e0 < ENERGY_RANGE_EV[0] or high + e0 > ENERGY_RANGE_EV[1]:
        raise SpectrumError("energies relative to the edge reach beyond any absorption spectrum")
    notes.append(f"energies relative to the edge were placed at E0 = {e0:g} eV")
    return energy + e0, e0


def _tabulated(low: float, high: float, edge: Edge, notes: list[str]) -> float | None:
    if edge.element is not None:
        return K_EDGE_EV.get(edge.element) if edge.name == "K" else None
    inside = [el for el, e0 in K_EDGE_EV.items() if low <= e0 <= high]
    if len(inside) == 1:
        notes.append(
            f"no element is named: the {inside[0]} K edge ({K_EDGE_EV[inside[0]]:.0f} eV), the "
            "only one in the range, was taken for E0"
        )
        return K_EDGE_EV[inside[0]]
    if not inside:
        notes.append(
            f"no element is named, and no K edge of {', '.join(K_EDGE_EV)} lies between {low:.0f} "
            f"and {high:.0f} eV"
        )
    return None

"""What the columns of a spectrum file mean: the energy, the absorption, or counts that make it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import SpectrumError
from xanes_core.spectra.table import Table

_ENERGY = {
    "e", "en", "ev", "energy", "energie", "energies", "energy_ev", "energy_kev", "omega",
    "photon_energy", "photonenergy", "mono_energy", "energy_abs_ev", "absolute_energy", "kev",
    "energyev", "eabs", "energy_absolute_ev", "xray_energy",
}  # fmt: skip
_RELATIVE = {
    "energy_rel_ev", "energy_rel", "energy_relative", "energy_relative_ev", "rel_energy",
    "relative_energy", "e-e0", "e_rel", "erel", "energy-e0", "e-ef", "de", "energy_minus_e0",
    "e_-_e0", "energy_-_e0", "energy_rel_e0_ev",
}  # fmt: skip
_I0 = {"i0", "io", "i_0", "i_zero", "izero", "mon", "monitor", "i0_counts", "ic0"}
_TRANSMITTED = {
    "itrans",
    "it",
    "i1",
    "i_t",
    "itrn",
    "trans",
    "transmission",
    "i_1",
    "i_trans",
    "ic1",
}
_FLUORESCENCE = {
    "ifluor", "ifluo", "if", "iff", "i_f", "fluor", "fluo", "fluorescence", "ifl", "pips", "fl",
    "ifluorescence", "i_fluor", "sdd",
}  # fmt: skip
#: Names of absorption columns, the one to propose first at the front.
_ABSORPTION = (
    "norm", "mu_norm", "munorm", "normalized", "normalised", "norm_mu", "flat", "mu", "xmu", "mux",
    "mue", "mu(e)", "mu_e", "xanes", "<xanes>", "emission", "absorption", "absorbance", "intensity",
    "mutrans", "mu_trans", "mufluor", "mu_fluor", "mean", "value", "y", "i",
)  # fmt: skip
#: Names whose values are normalised to the edge step already.
NORMALISED = {"norm", "mu_norm", "munorm", "normalized", "normalised", "norm_mu", "flat"}
_UNWANTED = {"k", "chi", "mu0", "std", "lower", "upper", "time", "counttime", "nbkg", "fbkg"}
#: Absolute energies outside this range (eV) are no X-ray absorption spectrum; energies that stay
#: below it are taken as relative to an edge.
ENERGY_RANGE_EV = (300.0, 200_000.0)
#: Fewest points of a spectrum that is read from a file.
MIN_POINTS = 10
_ATOMIC_NUMBER = dict(zip(range(22, 31), K_EDGE_EV, strict=True))


def plain_name(name: str) -> str:
    """Column name for comparison: lower case, blanks as underscores, greek mu spelt out."""
    text = name.strip().lower().replace("µ", "mu").replace("μ", "mu").replace("χ", "chi")
    text = re.sub(r"[\s,]*[\[(]\s*(k?ev|counts|a\.?u\.?|arb\.? ?units?|norm\.?)\s*[\])]$", "", text)
    return re.sub(r"\s+", "_", text.strip())


@dataclass(frozen=True)
class Choice:
    """A curve the file offers: a column of its own, or one computed from counts.

    ``values`` (n,) holds NaN where the row cannot be used, ``formula`` is empty for a plain column,
    ``bad_counts`` tells how many rows had counts of zero or less.
    """

    name: str
    values: np.ndarray
    formula: str = ""
    bad_counts: int = 0

    def __post_init__(self) -> None:
        self.values.flags.writeable = False


def _find(plain: list[str], wanted: set[str]) -> int | None:
    return next((i for i, name in enumerate(plain) if name in wanted), None)


def find_energy(table: Table, asked: str | int | None = None) -> tuple[int, bool]:
    """Index of the energy column and whether its name says that it is relative to E0.

    Raises
    ------
    SpectrumError
        There is no column as asked for.
    """
    plain = [plain_name(n) for n in table.names]
    if asked is not None:
        index = pick(table.names, asked, "energy column")
        return index, plain[index] in _RELATIVE
    absolute = _find(plain, _ENERGY)
    if absolute is not None:
        return absolute, False
    relative = _find(plain, _RELATIVE)
    if relative is not None:
        return relative, True
    # Without a telling name, "energy" inside a name serves, and then the first column.
    inside = next((i for i, name in enumerate(plain) if "energy" in name), 0)
    return inside, "rel" in plain[inside]


def e0_of_columns(table: Table, energy: int) -> float | None:
    """E0 (eV) of a file that gives absolute energies and those relative to E0."""
    partner = _find([plain_name(n) for n in table.names], _RELATIVE)
    if partner is None or partner == energy:
        return None
    gap = table.values[:, energy] - table.values[:, partner]
    gap = gap[np.isfinite(gap)]
    if gap.size == 0 or np.ptp(gap) > 0.01 or gap[0] <= 0:
        return None
    return float(np.round(np.median(gap), 6))


def pick(names: Sequence[str], asked: str | int, what: str = "column") -> int:
    """Index of a column asked for by name (any case) or by its number from 0.

    Raises
    ------
    SpectrumError
        There is no such column.
    """
    if isinstance(asked, str):
        exact = [i for i, n in enumerate(names) if n == asked]
        loose = [i for i, n in enumerate(names) if plain_name(n) == plain_name(asked)]
        if exact or loose:
            return (exact or loose)[0]
        if not re.fullmatch(r"\d{1,4}", asked.strip()):
            raise SpectrumError(f"there is no {what} of this name; the file has: {listed(names)}")
        asked = int(asked)
    if isinstance(asked, bool) or not isinstance(asked, int | np.integer):
        raise SpectrumError(f"a {what} is chosen by its name or its number from 0")
    if not 0 <= asked < len(names):
        raise SpectrumError(
            f"there is no {what} {asked}; the file has 0 to {len(names) - 1}: {listed(names)}"
        )
    return int(asked)


def listed(names: Sequence[str]) -> str:
    """Names for a message, shortened where there are many."""
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")


def choices(table: Table, energy: int) -> list[Choice]:
    """Curves to choose from, in the file's order, with those computed from counts at the end."""
    plain = [plain_name(n) for n in table.names]
    curves = [
        Choice(name, table.values[:, i])
        for i, name in enumerate(table.names)
        if i != energy and plain[i] not in _RELATIVE
    ]
    i0 = _find(plain, _I0)
    transmitted, fluorescence = _find(plain, _TRANSMITTED), _find(plain, _FLUORESCENCE)
    if i0 is not None and transmitted is not None:
        curves.append(_from_counts(table, i0, transmitted, "ln({0}/{1})", _log_ratio, both=True))
    if i0 is not None and fluorescence is not None:
        curves.append(_from_counts(table, i0, fluorescence, "{1}/{0}", _ratio, both=False))
    return curves


def _log_ratio(i0: np.ndarray, it: np.ndarray) -> np.ndarray:
    ratio: np.ndarray = np.log(i0 / it)
    return ratio


def _ratio(i0: np.ndarray, fluor: np.ndarray) -> np.ndarray:
    ratio: np.ndarray = fluor / i0
    return ratio


def _from_counts(
    table: Table,
    i0: int,
    other: int,
    formula: str,
    compute: Callable[[np.ndarray, np.ndarray], np.ndarray],
    *,
    both: bool,
) -> Choice:
    a, b = table.values[:, i0], table.values[:, other]
    known = np.isfinite(a) & np.isfinite(b)
    good = known & (a > 0) & ((b > 0) if both else True)
    values = np.full(a.shape, np.nan)
    with np.errstate(over="ignore", under="ignore"):
        values[good] = compute(a[good], b[good])
    name = formula.format(table.names[i0], table.names[other])
    return Choice(name, values, name, int((known & ~good).sum()))


def propose(table: Table, offered: Sequence[Choice]) -> tuple[int, str]:
    """Index of the curve to take when none was asked for, and a remark where it is a guess."""
    plain = [plain_name(c.name) for c in offered]
    for wanted in _ABSORPTION:
        if wanted in plain:
            index = plain.index(wanted)
            others = [c.name for c in offered if plain_name(c.name) in _ABSORPTION]
            if len(others) > 1:
                return index, f"column {offered[index].name!r} was taken (also: {listed(others)})"
            return index, ""
    computed = [i for i, c in enumerate(offered) if c.formula]
    if computed:
        index = computed[0]
        remark = f"absorption computed as {offered[index].formula}"
        if len(computed) > 1:
            remark += f" (also possible: {offered[computed[1]].formula})"
        return index, remark
    sensible = [i for i, name in enumerate(plain) if name not in _UNWANTED | _I0]
    # a column of one value, such as a counting time, is no spectrum
    varied = [i for i in sensible if len(np.unique(offered[i].values)) > 1]
    index = (varied or sensible or [0])[0]
    if len(offered) == 1:
        return index, ""
    return index, f"no column is named as absorption; {offered[index].name!r} was taken"


@dataclass(frozen=True)
class Edge:
    """What is known of the edge before the energies are looked at.

    Attributes
    ----------
    element : str or None
        Absorber.
    name : str
        Such as ``K``, which is meant where nothing is said.
    is_stated : bool
        Whether the file names the edge.
    e0_ev : float or None
        E0 that the file states outright (eV).
    """

    element: str | None
    name: str
    is_stated: bool
    e0_ev: float | None


def edge_of(
    headers: Mapping[str, str], element: str | None, columns_e0_ev: float | None, notes: list[str]
) -> Edge:
    """Element, edge and E0 from the caller and the file.

    Parameters
    ----------
    headers : mapping
        Of the file.
    element : str or None
        Absorber by the caller, who goes before the file.
    columns_e0_ev : float or None
        E0 by :func:`e0_of_columns`: in a file that says neither, a tabulated one tells the element.
    notes : list of str
        A contradiction is added here.

    Raises
    ------
    SpectrumError
        An element without a tabulated edge was asked for.
    """
    lower = {k.lower(): v for k, v in headers.items()}
    stated = next((lower[k] for k in ("e0_ev", "fdmnes.e_edge") if k in lower), None)
    absorber = _element_of(lower)
    if absorber is None and stated is None and columns_e0_ev is not None:
        absorber = next(
            (el for el, e0 in K_EDGE_EV.items() if abs(e0 - columns_e0_ev) < 0.01), None
        )
    words = (lower.get("element.edge") or lower.get("edge") or "").split()
    if element is not None:
        wanted = _symbol(element)
        if wanted is None:
            raise SpectrumError(
                f"{str(element)[:20]!r} is not one of the elements with a tabulated edge here: "
                f"{', '.join(K_EDGE_EV)}"
            )
        if absorber and absorber != wanted:
            notes.append(f"the file names {absorber}, but {wanted} was asked for and used")
        absorber = wanted
    return Edge(absorber, words[0].upper() if words else "K", bool(words), _plausible(stated))


def _symbol(text: object) -> str | None:
    name = str(text).strip().capitalize()
    return name if name in K_EDGE_EV else None


def _element_of(lower: Mapping[str, str]) -> str | None:
    for key in ("element.symbol", "element", "absorber"):
        words = lower.get(key, "").split()
        if words and words[0].isalpha() and len(words[0]) <= 2:
            return words[0].capitalize()
    number = lower.get("fdmnes.z", "")
    return _ATOMIC_NUMBER.get(int(number)) if number.isdecimal() and len(number) < 4 else None


def _plausible(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and ENERGY_RANGE_EV[0] < value < ENERGY_RANGE_EV[1] else None


def absolute_energies(
    energy: np.ndarray, unit: str, relative: bool, edge: Edge, notes: list[str]
) -> tuple[np.ndarray, float | None]:
    """Absolute energies (eV) and E0 (eV or None); what was converted is added to ``notes``.

    Raises
    ------
    SpectrumError
        The energies are those of no X-ray spectrum, or relative to an edge that nobody names.
    """
    low, high = float(energy.min()), float(energy.max())
    in_kev = "kev" in unit.lower() or (not relative and low > 0.3 and high < 40 and high - low < 4)
    if in_kev and high < ENERGY_RANGE_EV[1] / 1000.0:
        energy = energy * 1000.0
        notes.append("energies converted from keV to eV")
    elif low < 0 or relative or high < ENERGY_RANGE_EV[0]:
        return _from_relative(energy, edge, notes)
    low, high = float(energy.min()), float(energy.max())
    if low < ENERGY_RANGE_EV[0] or high > ENERGY_RANGE_EV[1]:
        raise SpectrumError(
            f"the energies run from {low:g} to {high:g} eV, which is no X-ray absorption spectrum; "
            "choose another energy column or check the unit"
        )
    if edge.e0_ev is not None:
        return energy, edge.e0_ev
    return energy, _tabulated(low, high, edge, notes)


def _from_relative(
    energy: np.ndarray, edge: Edge, notes: list[str]
) -> tuple[np.ndarray, float | None]:
    e0 = edge.e0_ev
    if e0 is None and edge.name == "K":
        e0 = K_EDGE_EV.get(edge.element or "")
    if e0 is None:
        raise SpectrumError(
            f"the energies ({energy.min():g} to {energy.max():g} eV) are relative to an edge that "
            "the file does not name; say whose K edge it is, for example element='Fe'"
        )
    if energy.min() + e0 < ENERGY_RANGE_EV[0] or energy.max() + e0 > ENERGY_RANGE_EV[1]:
        raise SpectrumError("energies relative to the edge reach beyond any absorption spectrum")
    notes.append(f"energies relative to the edge were placed at E0 = {e0:g} eV")
    return energy + e0, e0


def _tabulated(low: float, high: float, edge: Edge, notes: list[str]) -> float | None:
    if edge.element is not None:
        e0 = K_EDGE_EV.get(edge.element) if edge.name == "K" else None
        if e0 is not None and not low <= e0 <= high:
            notes.append(
                f"the energies ({low:.0f} to {high:.0f} eV) do not contain the {edge.element} K "
                f"edge ({e0:.0f} eV)"
            )
        return e0
    inside = [el for el, e0 in K_EDGE_EV.items() if low <= e0 <= high]
    if len(inside) == 1:
        notes.append(
            f"no element is named: the {inside[0]} K edge ({K_EDGE_EV[inside[0]]:.0f} eV), the "
            "only one in the range, was taken for E0"
        )
        return K_EDGE_EV[inside[0]]
    return None


def put_in_order(
    energy: np.ndarray, mu: np.ndarray, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Sort by energy and average what shares an energy.

    Raises
    ------
    SpectrumError
        Fewer than ten points, or energies that jump up and down.
    """
    if energy.size < MIN_POINTS:
        raise SpectrumError(
            f"only {energy.size} usable points; a spectrum needs at least {MIN_POINTS}"
        )
    steps = np.diff(energy)
    down, up = int((steps < 0).sum()), int((steps > 0).sum())
    if min(down, up) > 0.2 * steps.size:
        raise SpectrumError(
            "the energies jump up and down; choose the energy column or export one scan"
        )
    if down:
        order = np.argsort(energy, kind="stable")
        energy, mu = energy[order], mu[order]
        notes.append("energies sorted" if up else "energies descended and were reversed")
    unique, position = np.unique(energy, return_inverse=True)
    if unique.size < energy.size:
        notes.append(f"{energy.size - unique.size} duplicate energies averaged")
        counts = np.bincount(position)
        mu = np.bincount(position, weights=mu) / counts
    if unique.size < MIN_POINTS:
        raise SpectrumError(
            f"only {unique.size} different energies; a spectrum needs at least {MIN_POINTS}"
        )
    return unique, mu

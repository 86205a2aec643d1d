"""From an energy column to absolute energies and E0: units, the element, disorder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import SpectrumError

#: Absolute energies outside this range (eV) are no X-ray absorption spectrum; energies that stay
#: below it are taken as relative to an edge.
ENERGY_RANGE_EV = (300.0, 200_000.0)
#: Fewest points of a spectrum that is read from a file.
MIN_POINTS = 10
_ATOMIC_NUMBER = dict(zip(range(22, 31), K_EDGE_EV, strict=True))


@dataclass(frozen=True)
class Edge:
    """Element and edge as known before the energies are looked at; e0_ev may be stated outright."""

    element: str | None
    edge: str
    e0_ev: float | None


def edge_of(headers: dict[str, str], element: str | None, notes: list[str]) -> Edge:
    """Element, edge and E0 from the caller and the file's header."""
    lower = {k.lower(): v for k, v in headers.items()}
    in_file = _element_of(lower)
    edge = (lower.get("element.edge") or lower.get("edge") or "K").split()[0].strip().upper()
    if element is not None:
        wanted = _symbol(element)
        if wanted is None:
            raise SpectrumError(
                f"{str(element)[:20]!r} is not one of the elements with a tabulated edge here: "
                f"{', '.join(K_EDGE_EV)}"
            )
        if in_file and in_file != wanted:
            notes.append(f"the file names {in_file}, but {wanted} was asked for and used")
        in_file = wanted
    stated = next(
        (lower[k] for k in ("e0_ev", "xanesexplorer.e0_ev", "fdmnes.e_edge") if k in lower), None
    )
    return Edge(in_file, edge, _plausible(stated))


def _symbol(text: object) -> str | None:
    name = str(text).strip().capitalize()
    return name if name in K_EDGE_EV else None


def _element_of(lower: dict[str, str]) -> str | None:
    for key in ("element.symbol", "element", "absorber", "xanesexplorer.element"):
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
    """Absolute energies (eV) and E0 (eV or None); what was converted is added to ``notes``."""
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
    if e0 is None and edge.edge == "K":
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
        e0 = K_EDGE_EV.get(edge.element) if edge.edge == "K" else None
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
    """Sort by energy and average what shares an energy; refuse what is no energy axis."""
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

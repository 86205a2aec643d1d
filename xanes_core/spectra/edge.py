"""Whose edge a file shows, and whether it shows an edge at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import SpectrumError

#: Absolute energies outside this range (eV) are no X-ray absorption spectrum; energies that stay
#: below it are taken as relative to an edge.
ENERGY_RANGE_EV = (300.0, 200_000.0)
#: A spectrum reaches across an edge where it starts no further above it and ends no nearer above it
#: (eV) than this: a monochromator may be off by some eV.
REACH_EV = (10.0, 5.0)
#: The same for an emission, which lies below the edge.
EMISSION_REACH_EV = (10.0, -100.0)
#: Smallest step, as a share of what the curve spans within 100 eV of the edge, that is an edge. The
#: 55 measured spectra that it was checked with have 0.54 and more, 50 of FDMNES 0.33 and more.
MIN_STEP = 0.15
#: How many times a rise (or fall) at the edge is that of noise and drift farther away. Measured
#: files have 4.7 and more, random numbers 1.7 and less.
MIN_CONTRAST = 2.5
#: A curve that begins later than this (eV from the edge) may have begun on the edge.
_BELOW_EV = -4.0
#: Where the contrast is looked at (eV from the edge), over how many eV two means are taken, and how
#: far they stand apart.
_CONTRAST_EV, _MEAN_EV, _GAP_EV = (-150.0, 250.0), 12, 5
#: A stated E0 tells the element where it lies this near (eV) a tabulated edge.
_E0_TOLERANCE_EV = 30.0
_ATOMIC_NUMBER = dict(zip(range(22, 31), K_EDGE_EV, strict=True))
_NUMBER_KEYS = ("fdmnes.z", "abs z", "z", "element.z", "element.number", "atomic_number")
_E0_KEYS = (
    "athena.e0", "e0", "scan.e0", "scan.edge_energy", "edge_energy", "edge energy", "larch.e0",
    "element.e0", "edge.energy",
)  # fmt: skip


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
    stated : str or None
        Absorber by the file alone.
    """

    element: str | None
    name: str
    is_stated: bool
    e0_ev: float | None
    stated: str | None = None

    @property
    def contradicts(self) -> bool:
        """Whether the file names another element than the one in use."""
        return self.stated is not None and self.stated != self.element


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
        E0 by the file's two energy columns: where it says nothing else, a tabulated one tells the
        element.
    notes : list of str
        A contradiction is added here.

    Raises
    ------
    SpectrumError
        An element without a tabulated edge was asked for.
    """
    lower = {k.lower(): v for k, v in headers.items()}
    stated_e0 = next((lower[k] for k in ("e0_ev", "fdmnes.e_edge") if k in lower), None)
    absorber = _element_of(lower)
    if absorber is None and stated_e0 is None and columns_e0_ev is not None:
        absorber = _nearest(columns_e0_ev, 0.01)
    words = (lower.get("element.edge") or lower.get("edge") or "").split()
    name = words[0].upper() if words else "K"
    if absorber is None and name == "K":
        hint = next((_plausible(lower[k].split()[0]) for k in _E0_KEYS if lower.get(k)), None)
        absorber = _nearest(hint, _E0_TOLERANCE_EV) if hint is not None else None
    stated = absorber
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
    return Edge(absorber, name, bool(words), _plausible(stated_e0), stated)


def _nearest(e0_ev: float, tolerance_ev: float) -> str | None:
    return next((el for el, e0 in K_EDGE_EV.items() if abs(e0 - e0_ev) < tolerance_ev), None)


def _symbol(text: object) -> str | None:
    name = str(text).strip().capitalize()
    return name if name in K_EDGE_EV else None


def _element_of(lower: Mapping[str, str]) -> str | None:
    for key in ("element.symbol", "element", "absorber"):
        words = lower.get(key, "").split()
        if words and words[0].isalpha() and len(words[0]) <= 2:
            return words[0].capitalize()
    for key in _NUMBER_KEYS:
        number = (lower.get(key, "").split() or [""])[0]
        if number.isascii() and number.isdecimal() and len(number) < 4:
            return _ATOMIC_NUMBER.get(int(number))
    return None


def _plausible(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and ENERGY_RANGE_EV[0] < value < ENERGY_RANGE_EV[1] else None


def check_reach(
    energy_ev: np.ndarray, edge: Edge, reach_ev: tuple[float, float] = REACH_EV
) -> None:
    """Refuse energies that do not reach across the K edge of the element.

    Parameters
    ----------
    energy_ev : numpy.ndarray, (n,)
        Absolute energies (eV); NaN where there is none.
    edge : Edge
    reach_ev : (float, float), optional
        How far above the edge (eV) the energies may begin, and have to end.

    Raises
    ------
    SpectrumError
        They lie beside the edge.
    """
    e0 = K_EDGE_EV.get(edge.element or "") if edge.name == "K" else None
    if e0 is None:
        return
    low, high = float(np.nanmin(energy_ev)), float(np.nanmax(energy_ev))
    if low > e0 + reach_ev[0] or high < e0 + reach_ev[1]:
        of = f"; the file itself names {edge.stated}" if edge.contradicts else ""
        raise SpectrumError(
            f"the energies ({low:.0f} to {high:.0f} eV) do not reach across the {edge.element} K "
            f"edge ({e0:.0f} eV){of}. Check the element, the energy column and its unit"
        )


def step_share(energy_ev: np.ndarray, mu: np.ndarray, e0_ev: float) -> float | None:
    """Step of a curve at an edge, as a share of what it spans within 100 eV of it.

    What lies below the edge is continued by a line; the step is the median above the edge minus
    that line. Near 1 for an edge without structure, near 0 for a curve that goes on as before,
    negative for one that falls; 0 too where the curve rises and falls elsewhere as it does there.
    None where too few points lie on either side to tell.

    Parameters
    ----------
    energy_ev, mu : numpy.ndarray, (n,)
        Absolute energies (eV) in ascending order and the curve over them, finite.
    e0_ev : float
        Of the edge (eV).
    """
    x = energy_ev - e0_ev
    if x[0] > _BELOW_EV:
        return None
    at_ev, contrast = _steepest(x, mu)
    if contrast is not None and contrast < MIN_CONTRAST:
        return 0.0
    # a monochromator may be off: the step is taken where the curve changes most
    x = x - at_ev
    near = (x >= -100.0) & (x <= 100.0)
    x, y = x[near], mu[near]
    before, after = x <= -12.0, (x >= 12.0) & (x <= 80.0)
    before = before if before.sum() >= 3 else x <= -4.0
    after = after if after.sum() >= 2 else x >= 5.0
    if before.sum() < 3 or after.sum() < 2:
        return None
    # a short pre-edge does not carry a line
    order = 1 if np.ptp(x[before]) >= 30.0 and before.sum() >= 5 else 0
    line = np.polynomial.Polynomial.fit(x[before], y[before], order)
    rest = y - line(x)
    spans = float(np.subtract(*np.percentile(rest, (98, 2))))
    if spans <= max(1e-4 * float(np.ptp(y)), 1e-9 * float(np.abs(y).max())):
        return 0.0
    return float(np.median(rest[after])) / spans


def _steepest(x: np.ndarray, mu: np.ndarray) -> tuple[float, float | None]:
    """Where a curve changes most near the edge (eV from it), and by how much more than far away.

    Near is within 25 eV; far is more than 30 eV below or 60 eV above. The second is None where less
    than 30 eV are far.
    """
    low, high = max(float(x[0]), _CONTRAST_EV[0]), min(float(x[-1]), _CONTRAST_EV[1])
    even = np.arange(low, high, 1.0)
    if even.size <= 2 * _MEAN_EV + _GAP_EV:
        return 0.0, None
    window = np.full(_MEAN_EV, 1.0 / _MEAN_EV)
    means = np.convolve(np.interp(even, x, mu), window, mode="valid")
    change = means[_MEAN_EV + _GAP_EV :] - means[: -(_MEAN_EV + _GAP_EV)]
    centre = low + _MEAN_EV + 0.5 * (_GAP_EV - 1.0) + np.arange(change.size)
    near, far = np.abs(centre) <= 25.0, (centre < -30.0) | (centre > 60.0)
    if near.sum() < 5:
        return 0.0, None
    change = change - (np.median(change[far]) if far.any() else 0.0)
    best = int(np.argmax(np.where(near, np.abs(change), -1.0)))
    at_ev = float(centre[best])
    if far.sum() < 30:
        return at_ev, None
    elsewhere = float(np.percentile(np.abs(change[far]), 90))
    return at_ev, float(np.abs(change[best])) / elsewhere if elsewhere > 0.0 else None

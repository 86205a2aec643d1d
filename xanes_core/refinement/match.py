"""Stored theory spectra that look most like a measured one, and what these have in common.

For every stored spectrum all shifts of a raster are tried at once: the sums over the window that a
shift needs are products of the measurement with shifted spectra, so that thousands of spectra take
a fraction of a second. Scale and a constant background are fitted within what a normalisation may
be off by.

What dominates among the best matches is told beside its share in the library. It is a hint, not a
proof: the library holds what was calculated, not what exists, and a spectrum says little of what
it does not depend on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from scipy.stats import binom

from xanes_core.errors import RefinementError
from xanes_core.files import PROJECT
from xanes_core.refinement.measured import Measured
from xanes_core.refinement.scales import energy_scale

#: Measures of likeness, with what they say.
MEASURES = {
    "misfit": "root mean square difference, in edge steps",
    "derivative": "difference of the slopes, where features lie rather than how high they are",
    "cosine": "one less the cosine of the angle between the two curves, whatever their scale",
}
#: Step of the raster of shifts (eV); how far it goes, in standard deviations of what is expected.
STEP_EV, REACH_SD = 1.0 / 3.0, 2.0
#: Most that the scale of a normalised spectrum may be off by.
SCALE_RANGE = (0.9, 1.1)
#: Facts of the stored library.
FACTS = ("coordination", "geometry", "donors", "oxidation")
_STORED = PROJECT / "data" / "library" / "theory.npz"
#: Caution that belongs to every list.
CAUTION = (
    "The library holds what was calculated, not what exists, and FEFF10 does not see charge or "
    "spin: a share among the best is a hint where to look, no assignment."
)


@dataclass(frozen=True, eq=False)
class SpectrumLibrary:
    """Theory spectra with facts on their structures; n records, k energies.

    Attributes
    ----------
    names, elements : numpy.ndarray of str, (n,)
        Records and absorbers.
    energy_rel_ev : numpy.ndarray, (k,)
        Grid relative to the edge (eV), evenly spaced.
    spectra : numpy.ndarray, (n, k)
        In edge steps.
    facts : dict of str to tuple of frozenset of str, each (n,)
        By what is told (``"coordination"``, ``"geometry"``, ``"donors"``, ``"oxidation"``): values
        that hold for a record; none where it is not known.

    Raises
    ------
    RefinementError
        The parts do not fit together, or there is nothing.
    """

    names: np.ndarray
    elements: np.ndarray
    energy_rel_ev: np.ndarray
    spectra: np.ndarray
    facts: dict[str, tuple[frozenset[str], ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n, k = len(self.names), len(self.energy_rel_ev)
        fits = self.spectra.shape == (n, k) and len(self.elements) == n and k > 1
        if not n or not fits or any(len(values) != n for values in self.facts.values()):
            raise RefinementError(
                "a library needs one element, one spectrum on the grid and one entry of each fact "
                "for every name"
            )

    def __len__(self) -> int:
        """Count the records."""
        return len(self.names)

    def of(self, element: str) -> SpectrumLibrary:
        """The records of one absorber.

        Raises
        ------
        RefinementError
            There are none.
        """
        rows = np.flatnonzero(self.elements == element)
        if not rows.size:
            known = ", ".join(dict.fromkeys(self.elements.tolist()))
            raise RefinementError(f"the library holds no spectrum of {element}, only of {known}")
        return SpectrumLibrary(
            self.names[rows],
            self.elements[rows],
            self.energy_rel_ev,
            self.spectra[rows],
            {name: tuple(values[i] for i in rows) for name, values in self.facts.items()},
        )


@dataclass(frozen=True, eq=False)
class Match:
    """A stored spectrum beside the measured one.

    Attributes
    ----------
    name : str
    distance : float
        By the measure that was asked for.
    shift_ev : float
        Added to the energies of theory (eV).
    scale : float
        Theory is multiplied by it.
    mu : numpy.ndarray, (m,)
        Shifted and scaled, at the measured points of the window.
    facts : dict of str to tuple of str
        What is known of its structure.
    """

    name: str
    distance: float
    shift_ev: float
    scale: float
    mu: np.ndarray
    facts: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Share:
    """How often a value of a fact occurs among the best matches, and in the library.

    ``chance`` is the probability that so many or more come about where the best are a random
    draw; not corrected for how many values are looked at.
    """

    fact: str
    value: str
    among_best: float
    in_library: float
    chance: float


@dataclass(frozen=True, eq=False)
class MatchResult:
    """Best matches, nearest first, and what they have in common; m points of the window."""

    matches: tuple[Match, ...]
    enrichment: tuple[Share, ...]
    notes: tuple[str, ...]
    energies_ev: np.ndarray
    measured_mu: np.ndarray
    element: str
    measure: str
    searched: int

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON, without the curves."""
        return {
            "element": self.element,
            "measure": self.measure,
            "searched": self.searched,
            "matches": [
                {
                    "name": one.name,
                    "distance": round(one.distance, 6),
                    "shift_ev": round(one.shift_ev, 3),
                    "scale": round(one.scale, 4),
                    **{fact: list(values) for fact, values in one.facts.items()},
                }
                for one in self.matches
            ],
            "enrichment": [
                {
                    "fact": one.fact,
                    "value": one.value,
                    "among_best": round(one.among_best, 4),
                    "in_library": round(one.in_library, 4),
                    "chance": float(f"{one.chance:.3g}"),
                }
                for one in self.enrichment
            ],
            "notes": list(self.notes),
        }


def find_matches(
    measured: Measured,
    library: SpectrumLibrary,
    *,
    element: str | None = None,
    window_ev: tuple[float, float] = (-10.0, 45.0),
    measure: str = "misfit",
    count: int = 20,
    shift_range_ev: tuple[float, float] | None = None,
) -> MatchResult:
    """Stored spectra nearest to a measured one.

    Parameters
    ----------
    measured : Measured
    library : SpectrumLibrary
    element : str, optional
        Whose records are looked at; those of the measured absorber where left out.
    window_ev : (float, float), optional
        Energies relative to the tabulated edge (eV) that are compared. Shifted theory must cover
        all of it, so it is shorter than the grid.
    measure : {"misfit", "derivative", "cosine"}, optional
    count : int, optional
        How many to return, and over which to count what they share.
    shift_range_ev : (float, float), optional
        Shifts of theory that are tried (eV); what :func:`energy_scale` expects where left out, and
        none for a spectrum that a program calculated.

    Raises
    ------
    RefinementError
        No such measure, a count below one, shifts that do not ascend, no record of the element, or
        a window that is not part of the grid.
    SpectrumError
        The window lies outside the spectrum or holds too few points.
    """
    if measure not in MEASURES:
        raise RefinementError(f"no measure {str(measure)[:20]!r}: choose {', '.join(MEASURES)}")
    if count < 1:
        raise RefinementError(f"at least one match must be asked for, not {count}")
    own = library.of(element or measured.element)
    inside = measured.within(window_ev)
    shifts = _shifts(inside, shift_range_ev)
    grid = own.energy_rel_ev
    at = np.arange(max(grid[0], inside.energies_rel_ev[0]), inside.energies_rel_ev[-1], STEP_EV)
    at = at[(at - shifts[-1] >= grid[0] - 1e-9) & (at - shifts[0] <= grid[-1] + 1e-9)]
    if len(at) < 20:
        raise RefinementError(
            f"the window from {window_ev[0]:g} to {window_ev[1]:g} eV leaves too little of the "
            f"library's grid, {grid[0]:g} to {grid[-1]:g} eV, once theory is shifted: move it"
        )
    y = np.interp(at, inside.energies_rel_ev, inside.mu)
    distance, scales, offsets = _distances(own, y, at, shifts, measure)
    best_shift = np.argmin(distance, axis=0)
    rows = np.arange(len(own))
    nearest = np.argsort(distance[best_shift, rows], kind="stable")[:count]
    matches = tuple(
        _match(own, int(i), float(distance[best_shift[i], i]), float(shifts[best_shift[i]]),
               (float(scales[best_shift[i], i]), float(offsets[best_shift[i], i])), inside)
        for i in nearest
    )  # fmt: skip
    notes = [CAUTION]
    edge = sum(one.shift_ev in (shifts[0], shifts[-1]) for one in matches)
    if len(shifts) > 1 and 2 * edge > len(matches):
        notes.append(
            "Most of the best lie at the end of the shifts that were tried: check the calibration "
            "of the measurement, or allow more."
        )
    if len(own) < 5 * count:
        notes.append(
            f"Only {len(own)} spectra of {own.elements[0]} were searched: shares among the best "
            "follow those of the library."
        )
    return MatchResult(
        matches=matches,
        enrichment=_enrichment(own, nearest),
        notes=tuple(notes),
        energies_ev=inside.energies_ev,
        measured_mu=inside.mu,
        element=str(own.elements[0]),
        measure=measure,
        searched=len(own),
    )


def _shifts(measured: Measured, wanted: tuple[float, float] | None) -> np.ndarray:
    """Raster of shifts (eV), in steps of the grid."""
    if wanted is None:
        if measured.computed:
            return np.zeros(1)
        expected = energy_scale(measured.element)
        reach = REACH_SD * expected.shift_sd_ev
        wanted = expected.shift_ev - reach, expected.shift_ev + reach
    low, high = wanted
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise RefinementError(f"the shifts must ascend, got {low:g} to {high:g} eV")
    return np.asarray(low + STEP_EV * np.arange(int((high - low) / STEP_EV + 1e-9) + 1))


def _distances(
    library: SpectrumLibrary, y: np.ndarray, at: np.ndarray, shifts: np.ndarray, measure: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances, scales and offsets, each (shifts, n), at even energies (m,)."""
    grid, spectra = library.energy_rel_ev, library.spectra
    found = []
    for shift_ev in shifts:
        # linear interpolation as two columns of the library for each energy
        place = np.clip((at - shift_ev - grid[0]) / (grid[1] - grid[0]), 0, len(grid) - 1 - 1e-9)
        left = place.astype(int)
        part = (place - left).astype(spectra.dtype)
        theory = spectra[:, left] * (1 - part) + spectra[:, left + 1] * part
        target = y.astype(spectra.dtype)
        if measure == "derivative":
            theory, target = np.gradient(theory, STEP_EV, axis=1), np.gradient(target, STEP_EV)
        mean = 0.0 if measure == "cosine" else theory.mean(axis=1, keepdims=True)
        middle = 0.0 if measure == "cosine" else target.mean()
        u, v = theory - mean, target - middle
        uu, uv, vv = np.einsum("nm,nm->n", u, u), u @ v, float(v @ v)
        scale = np.clip(uv / np.maximum(uu, 1e-12), *SCALE_RANGE)
        if measure == "cosine":
            distance = 1.0 - uv / np.sqrt(np.maximum(uu * vv, 1e-12))
            scale, offset = uv / np.maximum(uu, 1e-12), np.zeros_like(scale)
        else:
            squares = vv - 2 * scale * uv + scale**2 * uu
            distance = np.sqrt(np.maximum(squares, 0.0) / len(at))
            offset = middle - scale * np.ravel(mean)
            if measure == "derivative":
                offset = np.zeros_like(scale)
        found.append((distance, scale, offset))
    stacked = np.array(found, dtype=np.float64)
    return stacked[:, 0], stacked[:, 1], stacked[:, 2]


def _match(
    library: SpectrumLibrary, row: int, distance: float, shift_ev: float,
    line: tuple[float, float], inside: Measured,
) -> Match:  # fmt: skip
    scale, offset = line
    curve = np.interp(
        inside.energies_rel_ev - shift_ev, library.energy_rel_ev, library.spectra[row]
    )
    return Match(
        name=str(library.names[row]),
        distance=distance,
        shift_ev=shift_ev,
        scale=scale,
        mu=scale * curve + offset,
        facts={name: tuple(sorted(values[row])) for name, values in library.facts.items()},
    )


def _enrichment(library: SpectrumLibrary, nearest: Sequence[int] | np.ndarray) -> tuple[Share, ...]:
    """Values of each fact among the nearest, the most surprising first."""
    shares = []
    for fact, values in library.facts.items():
        known = [v for v in values if v]
        best = [values[i] for i in nearest if values[i]]
        for value in sorted({one for v in best for one in v}):
            among = sum(value in v for v in best)
            usual = sum(value in v for v in known) / len(known)
            chance = float(binom.sf(among - 1, len(best), usual))
            shares.append(Share(fact, value, among / len(best), usual, chance))
    return tuple(sorted(shares, key=lambda one: (one.chance, -one.among_best)))


@cache
def load_library() -> SpectrumLibrary:
    """Theory spectra that travel with the app: training set, tmQM complexes and examples.

    Raises
    ------
    RefinementError
        The file is missing or damaged.
    """
    try:
        with np.load(_STORED, allow_pickle=False) as file:
            arrays = dict(file)
        facts = {
            fact: tuple(frozenset(str(text).split("|")) - {""} for text in arrays[fact])
            for fact in FACTS
        }
        return SpectrumLibrary(
            arrays["name"],
            arrays["element"],
            arrays["energy_rel_ev"],
            arrays["spectra"].astype(np.float32),
            facts,
        )
    except (OSError, ValueError, KeyError) as error:
        raise RefinementError(
            "the library of theory spectra is missing or damaged: python -m data.library.build "
            "makes it anew in the source of the project"
        ) from error

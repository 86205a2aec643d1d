"""The rows of a file in the order of their energies, and the scans of one file told apart."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from xanes_core.errors import SpectrumError

#: Fewest points of a spectrum that is read from a file.
MIN_POINTS = 10
#: A run over at least this share of all energies is a scan of its own, and so is what follows a
#: jump back over this share of what was run through.
_SHARE_OF_SCAN = 0.5
#: Smallest jump back, as a share of all energies.
_SMALLEST_JUMP = 0.1
#: Values at one energy that differ by more than this share of what the curve spans are of two
#: curves, where there are more than a few.
_SAME_VALUE = 0.1
_FEW = 3
#: A hole is this many times wider than most steps, and no narrower than this (eV).
_GAP_STEPS = 12.0
_SMALLEST_GAP_EV = 8.0


def scans_of(energy: np.ndarray) -> list[slice]:
    """Rows of each scan over the energies; one slice where the file holds one scan.

    A scan ends where the energies jump back over half of what it spans, or where they turn after a
    run over half of all energies. Each has ten points, and neighbours share half of their energies.

    Parameters
    ----------
    energy : numpy.ndarray, (n,)
        In the order of the file; NaN where a row has none.
    """
    known = np.flatnonzero(np.isfinite(energy))
    whole = [slice(0, energy.size)]
    values = energy[known]
    if values.size < 2 * MIN_POINTS:
        return whole
    spans = _SHARE_OF_SCAN * float(np.ptp(values))
    least = _SMALLEST_JUMP * float(np.ptp(values))
    if spans == 0.0:
        return whole
    starts = [0]
    lowest = highest = values[0]
    for i in range(1, values.size):
        jump = values[i] - values[i - 1]
        is_back = jump * (values[i - 1] - values[starts[-1]]) < 0
        far = is_back and abs(jump) >= max(_SHARE_OF_SCAN * (highest - lowest), least)
        if far and i - starts[-1] >= MIN_POINTS:
            starts.append(i)
            lowest = highest = values[i]
            continue
        lowest, highest = min(lowest, values[i]), max(highest, values[i])
        turned = _turning_point(values[starts[-1] : i + 1], lowest, highest, spans)
        if turned is not None:
            starts.append(starts[-1] + turned)
            lowest = float(values[starts[-1] : i + 1].min())
            highest = float(values[starts[-1] : i + 1].max())
    ends = [*starts[1:], values.size]
    kept = [
        (a, b)
        for a, b in zip(starts, ends, strict=True)
        if b - a >= MIN_POINTS and not _jumps(values[a:b])
    ]
    pairs = pairwise(kept)
    if not any(_overlap(values[slice(*one)], values[slice(*other)]) for one, other in pairs):
        return whole
    return [slice(int(known[a]), int(known[b - 1]) + 1) for a, b in kept]


def _overlap(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether scans share half of the energies of the shorter one; outliers do not count."""
    (low, high), (low_2, high_2) = np.percentile(one, (5, 95)), np.percentile(other, (5, 95))
    shared = min(high, high_2) - max(low, low_2)
    return bool(shared > 0.5 * min(high - low, high_2 - low_2))


def _jumps(energy: np.ndarray) -> bool:
    """Whether energies go up and down too often for a scan."""
    steps = np.diff(energy)
    return bool(min((steps < 0).sum(), (steps > 0).sum()) > 0.2 * steps.size)


def _turning_point(values: np.ndarray, lowest: float, highest: float, spans: float) -> int | None:
    """Index at which a run over ``spans`` turned into one back over as much; None if it did not."""
    first, last = values[0], values[-1]
    up, down = highest - first, first - lowest
    if up >= spans and highest - last >= spans:
        return int(np.flatnonzero(values == highest)[-1])
    if down >= spans and last - lowest >= spans:
        return int(np.flatnonzero(values == lowest)[-1])
    return None


def _refuse_two_curves(mu: np.ndarray, position: np.ndarray) -> None:
    """Raise a SpectrumError where values at the same energies differ by more than noise does.

    Parameters
    ----------
    mu : numpy.ndarray, (n,)
    position : numpy.ndarray of int, (n,)
        Which of the different energies each value belongs to.
    """
    lowest = np.full(position.max() + 1, np.inf)
    highest = -lowest
    np.minimum.at(lowest, position, mu)
    np.maximum.at(highest, position, mu)
    differ = int((highest - lowest > _SAME_VALUE * np.ptp(mu)).sum())
    if differ > _FEW:
        raise SpectrumError(
            f"at {differ} energies the file gives several values that differ; these are two curves "
            "or scans: export one of them, or their mean"
        )


def note_gaps(energy: np.ndarray, notes: list[str]) -> None:
    """Note the widest range of energies (eV, ascending) without points, where it is a hole."""
    steps = np.diff(energy)
    widest = int(np.argmax(steps))
    if steps[widest] > max(_GAP_STEPS * float(np.median(steps)), _SMALLEST_GAP_EV):
        notes.append(f"no points between {energy[widest]:.1f} and {energy[widest + 1]:.1f} eV")


def put_in_order(
    energy: np.ndarray, mu: np.ndarray, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Sort by energy and average what shares an energy.

    Raises
    ------
    SpectrumError
        Fewer than ten points, energies that jump up and down, or two curves at the same energies.
    """
    if energy.size < MIN_POINTS:
        raise SpectrumError(
            f"only {energy.size} usable points; a spectrum needs at least {MIN_POINTS}"
        )
    steps = np.diff(energy)
    down, up = int((steps < 0).sum()), int((steps > 0).sum())
    if _jumps(energy):
        raise SpectrumError(
            "the energies jump up and down; choose the energy column or export one scan"
        )
    if down:
        order = np.argsort(energy, kind="stable")
        energy, mu = energy[order], mu[order]
        notes.append("energies sorted" if up else "energies descended and were reversed")
    unique, position = np.unique(energy, return_inverse=True)
    if unique.size < energy.size:
        _refuse_two_curves(mu, position)
        notes.append(f"{energy.size - unique.size} duplicate energies averaged")
        counts = np.bincount(position)
        mu = np.bincount(position, weights=mu) / counts
    if unique.size < MIN_POINTS:
        raise SpectrumError(
            f"only {unique.size} different energies; a spectrum needs at least {MIN_POINTS}"
        )
    return unique, mu

"""Energy windows side by side: presets, shares, differences with errors, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from xanes_core.errors import ModelError, SpectrumError
from xanes_core.model import WindowImportance

MAX_WINDOWS = 4
#: Standard errors beyond which a difference is marked.
MARK_ERRORS = 2.0


@dataclass(frozen=True)
class EnergyWindow:
    """A range of energies relative to E0, bounds included (eV)."""

    name: str
    low_ev: float
    high_ev: float

    @property
    def label(self) -> str:
        """Name with its range."""
        return f"{self.name} ({self.low_ev:g} to {self.high_ev:g} eV)"


#: Where the mean spectra of the FEFF10 training set have their features, relative to tabulated E0.
PRESETS = (
    EnergyWindow("pre-edge", -5.0, 4.0),
    EnergyWindow("rising edge", 4.0, 14.0),
    EnergyWindow("white line", 14.0, 26.0),
    EnergyWindow("post-edge", 26.0, 60.0),
)


def named_window(low_ev: float, high_ev: float) -> EnergyWindow:
    """Window with the name of its preset, or "window"."""
    for preset in PRESETS:
        if (preset.low_ev, preset.high_ev) == (low_ev, high_ev):
            return preset
    return EnergyWindow("window", float(low_ev), float(high_ev))


def parse_windows(text: str) -> list[EnergyWindow]:
    """Windows of a link such as ``-5:4,12:22``.

    Raises
    ------
    SpectrumError
        Not of that form, bounds that do not ascend, or more than four.
    """
    windows = []
    for part in text.split(","):
        try:
            low, high = (float(bound) for bound in part.split(":"))
        except ValueError:
            raise SpectrumError(
                f"{part[:20]!r} is no window: write two energies relative to E0, such as -5:4"
            ) from None
        if not (np.isfinite([low, high]).all() and low < high):
            raise SpectrumError(f"the window {part[:20]!r} needs two ascending energies in eV")
        windows.append(named_window(low, high))
    if len(windows) > MAX_WINDOWS:
        raise SpectrumError(f"{len(windows)} windows are too many; {MAX_WINDOWS} can be compared")
    return windows


def format_windows(windows: Sequence[EnergyWindow]) -> str:
    """Inverse of :func:`parse_windows`."""
    return ",".join(f"{w.low_ev:g}:{w.high_ev:g}" for w in windows)


def shares(window: WindowImportance) -> WindowImportance:
    """Importance as a share (per cent) of the sum over all groups of the window.

    Repeats and parts are linearised around the mean (delta method), so that errors hold for the
    shares too.

    Raises
    ------
    ModelError
        The sum is not positive: nothing matters in this window.
    """
    mean = window.mean
    total = mean.sum()
    if not total > 0:
        raise ModelError(
            f"nothing matters to the network from {window.low_ev:g} to {window.high_ev:g} eV, so "
            "there are no shares; choose another window"
        )
    share = mean / total

    def linear(values: np.ndarray) -> np.ndarray:
        change = values - mean
        near: np.ndarray = share + (change - share * change.sum(axis=1, keepdims=True)) / total
        return 100 * near

    return replace(window, raw=linear(window.raw), parts=linear(window.parts))


def scaled(window: WindowImportance, factor: float) -> WindowImportance:
    """Importance times a factor, such as the 1e3 that makes squared edge steps readable."""
    return replace(window, raw=factor * window.raw, parts=factor * window.parts)


def selected(window: WindowImportance, rows: Sequence[int]) -> WindowImportance:
    """Importance of some of the groups, in the order of `rows`."""
    rows = list(rows)
    names = tuple(window.names[row] for row in rows)
    return replace(window, names=names, raw=window.raw[:, rows], parts=window.parts[:, rows])


@dataclass(frozen=True)
class Difference:
    """Second minus first, for d groups.

    Attributes
    ----------
    names : tuple of str, (d,)
        Groups.
    value, error : numpy.ndarray, (d,)
        Difference and its standard error.
    marked : numpy.ndarray of bool, (d,)
        Beyond two standard errors.
    """

    names: tuple[str, ...]
    value: np.ndarray
    error: np.ndarray
    marked: np.ndarray


def difference(first: WindowImportance, second: WindowImportance, *, paired: bool) -> Difference:
    """Difference of two windows with its error from the parts of the samples.

    Parameters
    ----------
    first, second : WindowImportance
        Of the same groups.
    paired : bool
        Both come from the same samples (two windows of one model and element): what the samples
        do to both then cancels.

    Raises
    ------
    ModelError
        Different groups.
    """
    if first.names != second.names:
        raise ModelError("importance of different groups cannot be subtracted; choose like models")
    value = second.mean - first.mean
    if paired:
        parts = second.parts - first.parts
        error = parts.std(axis=0, ddof=1) / np.sqrt(len(parts))
    else:
        error = np.hypot(first.sampling_error, second.sampling_error)
    return Difference(first.names, value, error, np.abs(value) > MARK_ERRORS * error)


def value_text(value: float, error: float, *, sign: bool = False) -> str:
    """Value and error with the digits that the error allows."""
    digits = 0 if error >= 1 else 1 if error >= 0.1 else 2 if error >= 0.01 else 3
    text = f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"
    return f"{text} \u00b1 {error:.{digits}f}".replace("-", "\u2212")


def runs(centres_ang: np.ndarray, chosen: np.ndarray) -> list[slice]:
    """Chosen neighbours joined: slices of consecutive true entries of ``chosen`` (d,).

    Raises
    ------
    ModelError
        There is not one centre (A) for each entry.
    """
    if np.shape(centres_ang) != np.shape(chosen):
        raise ModelError("one centre per bar is needed")
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(chosen, dtype=int), [0]])))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def distance_sentence(
    labels: tuple[str, str],
    centres_ang: np.ndarray,
    first: WindowImportance,
    second: WindowImportance,
    change: Difference,
    unit: str,
) -> str:
    """Which distances gain and which lose, from the numbers.

    Parameters
    ----------
    labels : (str, str)
        What is compared.
    centres_ang : numpy.ndarray, (d,)
        Centre of each bar (A).
    first, second, change
        The two windows and their :func:`difference`.
    unit : str
        Put behind the numbers, such as ``" %"``.

    Raises
    ------
    ModelError
        There is not one centre for each bar.
    """
    a, b = labels
    if not change.marked.any():
        return (
            f"Between {a} and {b} no distance differs by more than two standard errors: with these "
            "samples the two cannot be told apart."
        )
    parts = []
    for verb, sign in (("gain", 1), ("lose", -1)):
        rows = runs(centres_ang, change.marked & (sign * change.value > 0))
        rows = sorted(rows, key=lambda r: -np.abs(change.value[r].sum()))[:3]
        ranges = [
            f"{_range(centres_ang[r])} ({_sum(first, r)} to {_sum(second, r)}{unit})" for r in rows
        ]
        if ranges:
            parts.append(f"{_join(ranges)} {verb}{'s' if len(ranges) == 1 else ''}")
    return f"From {a} to {b}, {', while '.join(parts)}."


def group_sentence(
    labels: tuple[str, str],
    first: WindowImportance,
    second: WindowImportance,
    change: Difference,
    unit: str,
) -> str:
    """What leads in each of the two and how sure the change of the leading group is."""
    lead = [int(np.argmax(w.mean)) for w in (first, second)]
    names, i = change.names, lead[1]
    now = [_sum(w, slice(i, i + 1)) + unit for w in (first, second)]
    if lead[0] == i:
        text = (
            f"{_capital(names[i])} leads in both: {now[0]} in {labels[0]}, {now[1]} in {labels[1]}"
        )
    else:
        before = _sum(first, slice(lead[0], lead[0] + 1)) + unit
        text = (
            f"{_capital(names[lead[0]])} leads in {labels[0]} ({before}), {names[i]} in "
            f"{labels[1]} ({now[1]}, from {now[0]})"
        )
    sure = "more" if change.marked[i] else "less"
    return (
        f"{text}; its change of {value_text(change.value[i], change.error[i], sign=True)}{unit} is "
        f"{sure} than two standard errors."
    )


def _sum(window: WindowImportance, rows: slice) -> str:
    """Sum over some bars with its sampling error."""
    parts = window.parts[:, rows].sum(axis=1)
    error = parts.std(ddof=1) / np.sqrt(len(parts))
    return value_text(window.mean[rows].sum(), error)


def _range(centres: np.ndarray) -> str:
    low, high = centres[0], centres[-1]
    return f"{low:.2f} \u00c5" if len(centres) == 1 else f"{low:.2f} to {high:.2f} \u00c5"


def _join(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

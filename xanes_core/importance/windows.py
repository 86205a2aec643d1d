"""Energy windows side by side: shares, differences with errors, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from xanes_core.errors import ModelError, SpectrumError
from xanes_core.model import WindowImportance

MAX_WINDOWS = 4
#: Windows that a spectrum may have, see :func:`xanes_core.importance.find_presets`.
PRESET_NAMES = (
    "pre-edge", "rising edge", "first maximum", "white line", "first oscillation", "post-edge",
)  # fmt: skip
#: Standard errors beyond which a difference is marked.
MARK_ERRORS = 2.0


@dataclass(frozen=True)
class EnergyWindow:
    """A range of energies relative to E0, bounds included (eV); one without a name is its range."""

    name: str
    low_ev: float
    high_ev: float

    @property
    def bounds(self) -> str:
        """The range in words."""
        return f"{self.low_ev:g} to {self.high_ev:g} eV".replace("-", "\u2212")

    @property
    def label(self) -> str:
        """Name with its range."""
        return f"{self.name} ({self.bounds})" if self.name else self.bounds


def parse_windows(text: str) -> list[EnergyWindow | str]:
    """Windows of a link such as ``white-line,12:22``: names of presets as they are, and bounds.

    Raises
    ------
    SpectrumError
        Not of that form, bounds that do not ascend, or more than four.
    """
    windows: list[EnergyWindow | str] = []
    names = {_in_link(name): name for name in PRESET_NAMES}
    for part in text.split(","):
        if part in names:
            windows.append(names[part])
            continue
        try:
            low, high = (float(bound) for bound in part.split(":"))
        except ValueError:
            raise SpectrumError(
                f"{part[:20]!r} is no window: write two energies relative to E0, such as -5:4, or "
                f"one of {', '.join(names)}"
            ) from None
        if not (np.isfinite([low, high]).all() and low < high):
            raise SpectrumError(f"the window {part[:20]!r} needs two ascending energies in eV")
        windows.append(EnergyWindow("", low, high))
    if len(windows) > MAX_WINDOWS:
        raise SpectrumError(f"{len(windows)} windows are too many; {MAX_WINDOWS} can be compared")
    return windows


def format_windows(windows: Sequence[EnergyWindow | str]) -> str:
    """Inverse of :func:`parse_windows`."""
    return ",".join(
        _in_link(w) if isinstance(w, str) else f"{w.low_ev:g}:{w.high_ev:g}" for w in windows
    )


def _in_link(name: str) -> str:
    return name.replace(" ", "-")


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


@dataclass(frozen=True)
class Bars:
    """Bars of importance over distance, and where atoms are.

    Attributes
    ----------
    centres_ang : numpy.ndarray, (d,)
        Centre of each bar (A).
    atoms_ang : numpy.ndarray, (n,)
        Distances at which there are atoms (A), of a structure or of the training set.
    atoms_of : str
        Whose atoms these are, such as ``this structure``.
    """

    centres_ang: np.ndarray
    atoms_ang: np.ndarray
    atoms_of: str

    def _bar_of_atom(self) -> np.ndarray:
        """Nearest bar of each atom, -1 where none is within half the distance between two."""
        apart = np.abs(np.subtract.outer(self.atoms_ang, self.centres_ang))
        reach = float(np.median(np.diff(self.centres_ang))) / 2 + 1e-9
        nearest: np.ndarray = np.where(apart.min(axis=1) <= reach, apart.argmin(axis=1), -1)
        return nearest

    @property
    def have_atoms(self) -> np.ndarray:
        """Whether each bar is the nearest one of an atom, (d,)."""
        have: np.ndarray = np.isin(np.arange(len(self.centres_ang)), self._bar_of_atom())
        return have

    def atoms_in(self, rows: slice) -> np.ndarray:
        """Distances (A), ascending, of the atoms whose nearest bar is one of these."""
        own = np.arange(len(self.centres_ang))[rows]
        return np.sort(self.atoms_ang[np.isin(self._bar_of_atom(), own)])


def distance_sentence(
    labels: tuple[str, str],
    bars: Bars,
    first: WindowImportance,
    second: WindowImportance,
    change: Difference,
    unit: str,
) -> str:
    """Which distances gain and which lose, from the numbers; only those where atoms are.

    Parameters
    ----------
    labels : (str, str)
        What is compared.
    bars : Bars
        The bars, and where atoms are.
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
    if len(bars.centres_ang) != len(change.marked):
        raise ModelError("one centre per bar is needed")
    told = change.marked & bars.have_atoms
    if not told.any():
        return (
            f"Between {a} and {b} only distances at which {bars.atoms_of} has no atom differ by "
            "more than two standard errors."
        )
    parts = []
    for verb, sign in (("gain", 1), ("lose", -1)):
        rows = runs(bars.centres_ang, told & (sign * change.value > 0))
        rows = sorted(rows, key=lambda r: -np.abs(change.value[r].sum()))[:3]
        ranges = [
            f"{_range(bars.atoms_in(r))} ({_sum(first, r)} to {_sum(second, r)}{unit})"
            for r in rows
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
    names, i = [name.replace(" A)", " \u00c5)") for name in change.names], lead[1]
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


def _range(distances_ang: np.ndarray) -> str:
    low, high = (f"{distances_ang[i]:.2f}" for i in (0, -1))
    return f"{low} \u00c5" if low == high else f"{low} to {high} \u00c5"


def _join(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

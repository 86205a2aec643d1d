"""Figures of importance: distance histogram over G2 bars, energy map, groups, differences.

Figures of one or two panels; where there are two, they share the lower axis, and its zoom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import plotly.graph_objects as go
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols

from xanes_core.constants import R_CUT_ANG
from xanes_core.errors import ModelError
from xanes_core.importance import SHELLS, Difference, shell_of
from xanes_core.model import WindowImportance
from xanes_core.plots.spectrum import ENERGY_LABELS
from xanes_core.plots.structure import element_colour, indexed_environment
from xanes_core.plots.style import (
    GREY,
    LIGHT,
    NETWORK,
    OTHERS,
    THEORY_SECOND,
    Look,
    band,
    channels,
    fit_legend,
    rgba,
    style_figure,
    style_marks,
    two_panels,
    zero_line,
)
from xanes_core.spectra import XANES

#: One colour per window, model or element that is compared, in order.
SERIES = (NETWORK, THEORY_SECOND, OTHERS[0], GREY)
#: What the kinds of features tell, for under their bars.
KIND_LABELS = MappingProxyType(
    {
        "G1": "G\u00b9<br>coordination",
        "G2": "G\u00b2<br>distances",
        "species": "G\u00b2<br>by element",
        "G4": "G\u2074<br>angles",
    }
)
#: Elements of the histogram drawn by themselves; the others are put together.
MAX_ELEMENTS = 7
_REST = "#B7A48B"  # no element of a ligand has it


def atom_name(element: str, index: int) -> str:
    """How an atom is named for people, who count from 1: ``C (atom 16)`` for index 15."""
    return f"{element} (atom {index + 1})"


@dataclass(frozen=True)
class Neighbour:
    """An atom near the absorber of the structure in view."""

    index: int
    element: str
    distance_ang: float

    @property
    def label(self) -> str:
        """Name and distance."""
        return f"{atom_name(self.element, self.index)}, {self.distance_ang:.2f} \u00c5"


def neighbours_around(atoms: Atoms, absorber: int, r_cut_ang: float = R_CUT_ANG) -> list[Neighbour]:
    """Atoms around an absorber, nearest first; in a crystal every image of one counts.

    Parameters
    ----------
    atoms : ase.Atoms
        Molecule or crystal; not changed.
    absorber : int
        Its index.
    r_cut_ang : float
        Radius (A).

    Raises
    ------
    StructureError
        As :func:`xanes_core.structures.environment`.
    """
    around = indexed_environment(atoms, absorber, r_cut_ang)
    return [
        Neighbour(int(i), chemical_symbols[atoms.numbers[i]], float(r))
        for i, r in zip(around.numbers, around.distances_ang, strict=True)
    ]


@dataclass(frozen=True)
class BarSeries:
    """One set of bars: its name, its numbers, and what they are with their unit."""

    label: str
    window: WindowImportance
    unit: str = "Importance"


@dataclass(frozen=True)
class ImportanceMap:
    """Importance by distance and energy.

    Attributes
    ----------
    values : numpy.ndarray, (d, k)
        Importance, NaN where there is nothing to say.
    energy_rel_ev, centres_ang : numpy.ndarray, (k,) and (d,)
        Axes: energies relative to E0 (eV), centres mu (A).
    unit : str
        What the values are, with their unit.
    """

    values: np.ndarray
    energy_rel_ev: np.ndarray
    centres_ang: np.ndarray
    unit: str = "Importance"

    def each_energy_by_itself(self) -> ImportanceMap:
        """Every energy in per cent of its largest distance, NaN where no distance matters much."""
        largest = self.values.max(axis=0)
        share = 100 * self.values / np.maximum(largest, 1e-12)
        matters = largest > 0.02 * largest.max()
        return replace(self, values=np.where(matters, share, np.nan), unit="% of the largest")


@dataclass(frozen=True)
class AtomEffect:
    """A predicted spectrum and what one atom does to it, (k,) each.

    Attributes
    ----------
    name : str
        Of the atom, with what is done to it.
    energy_rel_ev, mu : numpy.ndarray, (k,)
        Energies relative to E0 (eV) and the spectrum.
    change, spread : numpy.ndarray, (k,)
        Change of the spectrum, and its standard deviation over the networks.
    """

    name: str
    energy_rel_ev: np.ndarray
    mu: np.ndarray
    change: np.ndarray
    spread: np.ndarray


def distance_figure(
    series: Sequence[BarSeries],
    centres_ang: np.ndarray,
    *,
    histogram: tuple[np.ndarray, Mapping[str, np.ndarray]] | None = None,
    neighbours: Sequence[Neighbour] = (),
    mirrored: bool = False,
    look: Look = LIGHT,
) -> go.Figure:
    """Histogram of r_ij over bars of G2 importance, on one distance axis.

    Parameters
    ----------
    series : sequence of BarSeries
        One to four sets of d bars, drawn side by side with two kinds of error in the hover text;
        error bars are the sampling error.
    centres_ang : numpy.ndarray, (d,)
        Centre mu of each bar (A).
    histogram : (numpy.ndarray, mapping of str to numpy.ndarray), optional
        Middle of each bin (A) and counts by neighbour element.
    neighbours : sequence of Neighbour
        Atoms of the structure in view, drawn as ticks and named by the bars they fall under.
    mirrored : bool
        With two series: the second one downwards.
    look : Look
        The page it stands on.

    Raises
    ------
    ModelError
        Bars and centres differ in number, series in their unit, or a mirror is asked for other than
        two series.
    """
    if any(len(s.window.names) != len(centres_ang) for s in series):
        raise ModelError("importance and distances of the bars differ in number")
    if mirrored and len(series) != 2:
        raise ModelError("a mirror shows two series; choose grouped bars")
    figure = two_panels(0.42, 0.05)
    if histogram is not None:
        _add_histogram(figure, *histogram)
    if neighbours:
        _add_ticks(figure, neighbours, look)
    width = float(np.median(np.diff(centres_ang))) * 0.86
    for i, one in enumerate(series):
        sign = -1.0 if mirrored and i == 1 else 1.0
        share = 1.0 if mirrored else 1.0 / len(series)
        shift = 0.0 if mirrored else (i - (len(series) - 1) / 2) * width * share
        figure.add_bar(
            x=np.asarray(centres_ang) + shift,
            y=sign * one.window.mean,
            width=width * share,
            name=one.label,
            marker={"color": SERIES[i % len(SERIES)], "line": {"width": 0}},
            error_y=_errors(one.window.sampling_error, look),
            customdata=_bar_texts(one.window, centres_ang, neighbours),
            hovertemplate="%{customdata}<extra></extra>",
            showlegend=len(series) > 1,
            legend="legend2",
            row=2,
            col=1,
        )
    style_marks(figure, look.sized(520))
    # elements above, in narrow columns; what is compared inside the lower panel, where bars are low
    inside = {"x": 1.0, "xanchor": "right", "y": 0.55, "yanchor": "top", "font": {"size": 12}}
    figure.update_layout(legend={"entrywidth": 34}, legend2={**inside, "bgcolor": "rgba(0,0,0,0)"})
    figure.update_layout(barmode="overlay", bargap=0.0)
    figure.update_xaxes(range=[0.4, 6.0])
    figure.update_xaxes(title_text="Distance r<sub>ij</sub> (\u00c5)", row=2, col=1)
    figure.update_yaxes(title_text="Pairs", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title_text=_unit(series), row=2, col=1, **zero_line(look))
    return figure


def _unit(series: Sequence[BarSeries]) -> str:
    """Unit of bars that share an axis."""
    units = {one.unit for one in series} or {"Importance"}
    if len(units) > 1:
        raise ModelError(
            f"bars in several units cannot share an axis ({', '.join(sorted(units))}); give one"
        )
    return units.pop()


def _add_histogram(
    figure: go.Figure, centres: np.ndarray, counts: Mapping[str, np.ndarray]
) -> None:
    ranked = sorted(counts, key=lambda el: -counts[el].sum())
    shown, rare = ranked[:MAX_ELEMENTS], ranked[MAX_ELEMENTS:]
    base = np.zeros(len(centres))
    drawn = [
        (el, counts[el], element_colour(atomic_numbers[el]))
        for el in sorted(shown, key=lambda el: atomic_numbers[el])
    ]
    if rare:
        drawn.append(("rest", np.sum([counts[el] for el in rare], axis=0), _REST))
    for name, values, colour in drawn:
        # bars of one bin lie on each other by their base: barmode belongs to the bars below
        figure.add_bar(
            x=centres,
            y=values,
            base=base.copy(),
            width=float(centres[1] - centres[0]),
            name=name,
            marker={"color": colour, "line": {"width": 0}},
            hovertemplate=f"{name}: %{{customdata}} pairs at %{{x:.2f}} \u00c5<extra></extra>",
            customdata=values,
            row=1,
            col=1,
        )
        base = base + values


def _add_ticks(figure: go.Figure, neighbours: Sequence[Neighbour], look: Look) -> None:
    figure.add_scatter(
        x=[n.distance_ang for n in neighbours],
        y=[0.0] * len(neighbours),
        mode="markers",
        name="this structure",
        legend="legend2",
        marker={
            "symbol": "line-ns-open",
            "size": 22,
            "color": look.ink,
            "line": {"width": 2, "color": look.ink},
        },
        customdata=[n.label for n in neighbours],
        hovertemplate="%{customdata}<extra></extra>",
        cliponaxis=False,
        row=1,
        col=1,
    )


def _bar_texts(
    window: WindowImportance, centres: np.ndarray, neighbours: Sequence[Neighbour]
) -> list[str]:
    """Hover text of each bar: shell, numbers, and the atoms of the structure nearest to it."""
    nearest: dict[int, list[str]] = {}
    for atom in neighbours:
        bar = int(np.argmin(np.abs(np.asarray(centres) - atom.distance_ang)))
        if abs(centres[bar] - atom.distance_ang) < np.median(np.diff(centres)):
            nearest.setdefault(bar, []).append(atom.label)
    texts = []
    for i, (mu, shell) in enumerate(zip(centres, shell_of(np.asarray(centres)), strict=True)):
        near = nearest.get(i, [])
        atoms = ", ".join(near[:6]) + (f" and {len(near) - 6} more" if len(near) > 6 else "")
        texts.append(
            f"{mu:.2f} \u00c5, {SHELLS[shell].name}<br>{window.mean[i]:.3g} \u00b1 "
            f"{window.sampling_error[i]:.2g} (scrambling {window.standard_error[i]:.1g})"
            + (f"<br>here: {atoms}" if atoms else "")
        )
    return texts


def group_figure(
    series: Sequence[BarSeries],
    names: Sequence[str],
    *,
    look: Look = LIGHT,
) -> go.Figure:
    """Bars of named groups with their sampling errors.

    Parameters
    ----------
    series : sequence of BarSeries
        Sets of d bars.
    names : sequence of str, (d,)
        What stands under the bars.
    look : Look
        The page it stands on.

    Raises
    ------
    ModelError
        Series in several units.
    """
    figure = go.Figure()
    for i, one in enumerate(series):
        figure.add_bar(
            x=list(names),
            y=one.window.mean,
            name=one.label,
            marker={"color": SERIES[i % len(SERIES)], "line": {"width": 0}},
            error_y=_errors(one.window.sampling_error, look),
            customdata=one.window.sampling_error,
            hovertemplate="%{x}: %{y:.3g} \u00b1 %{customdata:.2g}<extra></extra>",
            showlegend=len(series) > 1,
        )
    style_marks(figure, look.sized(280))
    figure.update_layout(barmode="group", bargap=0.35)
    figure.update_yaxes(title_text=_unit(series), **zero_line(look))
    return figure


def difference_figure(
    difference: Difference,
    centres_ang: np.ndarray,
    *,
    labels: tuple[str, str],
    unit: str,
    look: Look = LIGHT,
) -> go.Figure:
    """Second minus first with error bars; what differs by two standard errors is full and starred.

    Parameters
    ----------
    difference : Difference
        Of d bars at ``centres_ang`` (A).
    labels : (str, str)
        First and second.
    unit : str
        Title of the vertical axis.
    look : Look
        The page it stands on.
    """
    figure = go.Figure()
    width = float(np.median(np.diff(centres_ang))) * 0.86
    colours = [
        rgba(SERIES[1] if value > 0 else SERIES[0], 1.0 if marked else 0.45)
        for value, marked in zip(difference.value, difference.marked, strict=True)
    ]
    figure.add_bar(
        x=centres_ang, y=difference.value, width=width, showlegend=False,
        marker={"color": colours, "line": {"width": 0}},
        error_y=_errors(difference.error, look), customdata=difference.error,
        name=f"{labels[1]} minus {labels[0]}",
        hovertemplate="%{x:.2f} \u00c5: %{y:+.3g} \u00b1 %{customdata:.2g}<extra></extra>",
    )  # fmt: skip
    rows = np.flatnonzero(difference.marked)
    if len(rows):
        reach = np.abs(difference.value) + difference.error
        reach *= np.where(difference.value > 0, 1, -1)
        pad = 0.06 * float(np.ptp(np.concatenate([reach, [0.0]])) or 1.0)
        figure.add_scatter(
            x=np.asarray(centres_ang)[rows], y=(reach + np.sign(reach) * pad)[rows],
            mode="markers", name="more than two standard errors", hoverinfo="skip",
            marker={"symbol": "star", "size": 9, "color": look.ink},
        )  # fmt: skip
    style_marks(figure, look.sized(300))
    figure.update_xaxes(title_text="Distance r<sub>ij</sub> (\u00c5)", range=[0.4, 6.0])
    figure.update_yaxes(title_text=unit, **zero_line(look))
    return figure


def _errors(values: np.ndarray, look: Look) -> dict[str, Any]:
    return {"type": "data", "array": values, "color": look.ink, "thickness": 1, "width": 2}


def map_figure(
    importance: ImportanceMap,
    spectra: Mapping[str, np.ndarray],
    *,
    window: tuple[float, float] | None = None,
    look: Look = LIGHT,
) -> go.Figure:
    """Importance by distance and energy, the spectra above it; a drag chooses energies.

    Parameters
    ----------
    importance : ImportanceMap
        Of d distances and k energies.
    spectra : mapping of str to numpy.ndarray, (k,)
        Named spectra for the upper panel, the mean of the training set first.
    window : (float, float), optional
        Shaded in the upper panel, framed in the map (eV).
    look : Look
        The page it stands on.
    """
    energy_rel_ev, centres_ang = importance.energy_rel_ev, importance.centres_ang
    values = importance.values
    figure = two_panels(0.34, 0.04)
    for i, (name, mu) in enumerate(spectra.items()):
        _add_spectrum(figure, name, energy_rel_ev, mu, look.ink if i == 0 else NETWORK)
    bar = {"title": {"text": importance.unit, "side": "right"}, "thickness": 12, "len": 0.66}
    bar |= {"y": 0.0, "yanchor": "bottom", "outlinewidth": 0}
    figure.add_heatmap(
        x=energy_rel_ev, y=centres_ang, z=values, zmin=0.0,
        zmax=float(np.nanmax(values)) if np.isfinite(values).any() else 1.0,
        colorscale="Cividis", colorbar=bar,
        hovertemplate="%{y:.2f} \u00c5, %{x:.1f} eV: %{z:.3g}<extra></extra>", row=2, col=1,
    )  # fmt: skip
    # a heat map cannot be selected: an unseen grid of points over it can
    x, y = np.meshgrid(energy_rel_ev[::6], centres_ang[::4])
    figure.add_scatter(
        x=x.ravel(), y=y.ravel(), mode="markers", marker={"opacity": 0.0, "size": 1},
        hoverinfo="skip", showlegend=False, name="", row=2, col=1,
    )  # fmt: skip
    style_marks(figure, look.sized(520))
    if window is not None:
        _shade(figure, [window], look)
        for bound in window:
            line = {"color": "#FFFFFF", "width": 1, "dash": "dot"}
            figure.add_vline(x=bound, line=line, row=2, col=1)
    figure.update_layout(dragmode="select", selectdirection="h")
    _set_energies(figure, energy_rel_ev, below=True)
    figure.update_xaxes(showgrid=False)
    figure.update_yaxes(title_text="\u03bc(E)", rangemode="tozero", row=1, col=1)
    half = float(np.median(np.diff(centres_ang))) / 2
    figure.update_yaxes(
        title_text="Distance r<sub>ij</sub> (\u00c5)", row=2, col=1, showgrid=False,
        range=[centres_ang[0] - half, centres_ang[-1] + half],
    )  # fmt: skip
    return figure


def windows_figure(
    energy_rel_ev: np.ndarray,
    spectra: Mapping[str, np.ndarray],
    windows: Sequence[tuple[float, float]],
    *,
    look: Look = LIGHT,
) -> go.Figure:
    """Mean spectra with the windows shaded in their colours; a drag chooses energies.

    Parameters
    ----------
    energy_rel_ev : numpy.ndarray, (k,)
        Energies relative to E0 (eV).
    spectra : mapping of str to numpy.ndarray, (k,)
        Named spectra.
    windows : sequence of (float, float)
        Bounds (eV).
    look : Look
        The page it stands on.
    """
    figure = go.Figure()
    dashes = ("solid", "dash", "dot", "dashdot")
    for i, (name, mu) in enumerate(spectra.items()):
        figure.add_scatter(
            x=energy_rel_ev, y=mu, name=name, mode="lines+markers", marker={"size": 1},
            line={"color": look.ink, "width": 2, "dash": dashes[i % 4]},
        )  # fmt: skip
    style_figure(figure, look.sized(260))
    fit_legend(figure)
    _shade(figure, windows, look)
    figure.update_layout(dragmode="select", selectdirection="h", hovermode="x")
    _set_energies(figure, energy_rel_ev)
    figure.update_yaxes(title_text=XANES.label, rangemode="tozero", hoverformat=".3f")
    return figure


def effect_figure(
    effect: AtomEffect, *, window: tuple[float, float] | None = None, look: Look = LIGHT
) -> go.Figure:
    """Predicted spectrum over the effect of one atom on it, with the spread over members.

    Parameters
    ----------
    effect : AtomEffect
        What is drawn.
    window : (float, float), optional
        Shaded in the upper panel (eV).
    look : Look
        The page it stands on.
    """
    x, change, spread = effect.energy_rel_ev, effect.change, effect.spread
    figure = two_panels(0.55, 0.05)
    _add_spectrum(figure, "Network", x, effect.mu, NETWORK)
    figure.add_scatter(
        **band(x, change - spread, change + spread, rgba(THEORY_SECOND, 0.25)),
        showlegend=False, name="spread over members", row=2, col=1,
    )  # fmt: skip
    figure.add_scatter(
        x=x, y=change, mode="lines", name=effect.name,
        line={"color": THEORY_SECOND, "width": 2}, hovertemplate="%{y:+.4f}", row=2, col=1,
    )  # fmt: skip
    style_figure(figure, look.sized(360))
    fit_legend(figure)
    if window is not None:
        _shade(figure, [window], look)
    _set_energies(figure, x, below=True)
    figure.update_yaxes(title_text="\u03bc(E)", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title_text="change", row=2, col=1, **zero_line(look))
    return figure


def _set_energies(figure: go.Figure, energy_rel_ev: np.ndarray, *, below: bool = False) -> None:
    """Give the horizontal axes these energies, with their title (below two panels)."""
    figure.update_xaxes(range=[energy_rel_ev[0], energy_rel_ev[-1]], hoverformat=".1f")
    place = {"row": 2, "col": 1} if below else {}
    figure.update_xaxes(title_text=ENERGY_LABELS["relative"], **place)


def signed_colours(values: np.ndarray, limit: float) -> list[str]:
    """Colours from blue (-limit) over grey (0) to vermilion (limit), as hex."""
    low, middle, high = (
        np.array(channels(colour), dtype=float) for colour in (NETWORK, "#DADDE2", THEORY_SECOND)
    )
    colours = []
    for value in np.clip(np.asarray(values, dtype=float) / (limit or 1.0), -1, 1):
        end = high if value > 0 else low
        # the square root shows the small ones too
        mixed = middle + (end - middle) * np.sqrt(abs(value))
        colours.append("#" + "".join(f"{round(c):02X}" for c in mixed))
    return colours


def _add_spectrum(
    figure: go.Figure, name: str, energy: np.ndarray, mu: np.ndarray, colour: str
) -> None:
    # markers too small to see let a drag select
    figure.add_scatter(
        x=energy, y=mu, name=name, mode="lines+markers", marker={"size": 1},
        line={"color": colour, "width": 2}, hovertemplate="%{y:.3f}", row=1, col=1,
    )  # fmt: skip


def _shade(figure: go.Figure, windows: Sequence[tuple[float, float]], look: Look) -> None:
    for i, (low, high) in enumerate(windows):
        figure.add_vrect(
            x0=low, x1=high, fillcolor=look.colour(SERIES[i % len(SERIES)]), opacity=0.18,
            line_width=0, layer="below",
        )  # fmt: skip

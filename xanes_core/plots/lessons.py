"""Figures that explain: a spectrum with its parts named, what the network is given, its votes."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from ase import Atoms

from xanes_core.descriptors import Descriptor
from xanes_core.errors import DescriptorError
from xanes_core.model import Importance, Prediction
from xanes_core.plots.spectrum import Curve, EnergyAxis, spectrum_figure
from xanes_core.plots.structure import element_colour
from xanes_core.plots.style import LIGHT, NETWORK, Look, fit_legend, rgba, style_figure
from xanes_core.structures import environment

#: A note on a figure: energy relative to E0 (eV), height, text.
EnergyMark = tuple[float, float, str]
_BAR = "#56B4E9"


def marked_spectra(
    curves: Sequence[Curve],
    axis: EnergyAxis,
    marks: Sequence[EnergyMark] = (),
    *,
    window_ev: tuple[float, float] | None = None,
    range_ev: tuple[float, float] | None = None,
    look: Look = LIGHT,
) -> go.Figure:
    """Spectra with notes at energies, a shaded window, and a part of the axis.

    Parameters
    ----------
    curves, axis, look
        As :func:`~xanes_core.plots.spectrum_figure`.
    marks : sequence of (float, float, str)
        Energy relative to E0 (eV), height, and what to say of it; plain text.
    window_ev, range_ev : (float, float), optional
        Energies to shade and to show, relative to E0 (eV).
    """
    figure = spectrum_figure(curves, axis, look=look)
    if window_ev is not None:
        low, high = (energy + axis.offset_ev for energy in window_ev)
        figure.add_vrect(x0=low, x1=high, fillcolor=rgba(_BAR, 0.14), line_width=0, layer="below")
    for number, (energy_ev, height, text) in enumerate(marks):
        figure.add_annotation(
            x=energy_ev + axis.offset_ev,
            y=height,
            text=html.escape(text),
            ax=0,
            ay=-(34 + 22 * (number % 2)),  # neighbours stand at two heights
            arrowhead=2,
            arrowwidth=1.3,
            arrowcolor=look.ink,
            font={"color": look.ink, "size": 14},
        )
    if range_ev is not None:
        low, high = (energy + axis.offset_ev for energy in range_ev)
        figure.update_xaxes(range=(low, high))
        figure.update_layout(uirevision=f"{low} {high}")
    return figure


def members_figure(prediction: Prediction, look: Look = LIGHT) -> go.Figure:
    """Every network's spectrum as a thin line, and their mean."""
    figure = go.Figure()
    energy = prediction.energy_rel_ev
    for number, mu in enumerate(prediction.members):
        figure.add_scatter(
            x=energy,
            y=mu,
            mode="lines",
            line={"color": rgba(_BAR, 0.55), "width": 1},
            name=f"{len(prediction.members)} networks",
            legendgroup="members",
            showlegend=number == 0,
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=energy,
        y=prediction.mu,
        mode="lines",
        line={"color": NETWORK, "width": 2.4},
        name="mean",
        hovertemplate="%{y:.3f}<extra></extra>",
    )
    _finish(figure, look, EnergyAxis(prediction.e0_ev).label, prediction.kind.label)
    return figure


def features_figure(
    descriptor: Descriptor, atoms: Atoms, absorber: int, look: Look = LIGHT
) -> go.Figure:
    """Features G2 over distance, one bar each, with the atoms that they count.

    Parameters
    ----------
    descriptor : Descriptor
        What turns the structure into numbers.
    atoms : ase.Atoms
        Structure.
    absorber : int
        Index of the absorbing atom.

    Raises
    ------
    StructureError
        As :func:`xanes_core.structures.environment`.
    DescriptorError
        The descriptor has no plain G2.
    """
    around = environment(atoms, absorber, descriptor.r_cut_ang)
    values = descriptor.transform_environment(around)
    names = descriptor.feature_names
    chosen = [i for i, name in enumerate(names) if name.startswith("G2 mu=") and name.endswith("A")]
    if not chosen:
        raise DescriptorError("This descriptor has no plain G2 features to draw.")
    centres = np.asarray(descriptor.feature_distances_ang)[chosen]
    heights = values[chosen]
    figure = go.Figure()
    figure.add_bar(
        x=centres,
        y=heights,
        marker={"color": rgba(_BAR, 0.7)},
        name="G\u00b2",
        hovertemplate="%{x:.2f} \u00c5: %{y:.1f}<extra></extra>",
    )
    top = float(heights.max(initial=0.0)) * 1.12 or 1.0
    for number in np.unique(around.numbers):
        own = np.sort(around.distances_ang[around.numbers == number])
        figure.add_scatter(
            x=own,
            y=np.full(len(own), top),
            mode="markers",
            marker={
                "color": element_colour(int(number)),
                "size": 9,
                "line": {"color": look.ink, "width": 0.6},
            },
            name=Atoms(numbers=[int(number)]).get_chemical_formula(),
            hovertemplate="%{x:.2f} \u00c5",
        )
    _finish(figure, look, "Distance from the absorber (\u00c5)", "Value of G\u00b2")
    figure.update_layout(hovermode="closest", bargap=0.15)
    return figure


def distance_importance_figure(
    importance: Importance, centres_ang: Sequence[float], look: Look = LIGHT
) -> go.Figure:
    """How much worse the spectra get when the features of one distance are scrambled.

    Parameters
    ----------
    importance : Importance
        Of the groups of one distance each.
    centres_ang : sequence of float, (n_groups,)
        Their distances (A).
    """
    figure = go.Figure()
    figure.add_bar(
        x=list(centres_ang),
        y=importance.mean.mean(axis=1) * 1000.0,
        marker={"color": rgba(NETWORK, 0.8)},
        name="importance",
        hovertemplate="%{x:.2f} \u00c5: %{y:.2f}<extra></extra>",
    )
    _finish(figure, look, "Distance from the absorber (\u00c5)", "Importance")
    figure.update_layout(hovermode="closest", showlegend=False, bargap=0.15)
    return figure


def _finish(figure: go.Figure, look: Look, x_title: str, y_title: str) -> None:
    style_figure(figure, look.sized(240))
    fit_legend(figure)
    axes: Mapping[str, object] = {"tickformat": "~f"}
    figure.update_xaxes(title_text=x_title, **axes)
    figure.update_yaxes(title_text=y_title, rangemode="tozero")

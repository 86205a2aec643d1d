"""How steeply spectra rise: d mu / dE of predictions and measurements, smoothed alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import plotly.graph_objects as go

from xanes_core.plots.spectrum import Curve, EnergyAxis, spectrum_figure, without_band
from xanes_core.plots.style import LIGHT, Look
from xanes_core.spectra import SLOPE_SMOOTHING_EV, Spectrum, derivative

SLOPE_LABEL = "d\u03bc/dE (1/eV)"


def slope_curve(curve: Curve, *, fwhm_ev: float = SLOPE_SMOOTHING_EV) -> Curve:
    """Derivative of a curve, without its band.

    A band holds for mu at each energy. How the errors at neighbouring energies go together is not
    known, so it says nothing of the slope, and none is drawn.

    Raises
    ------
    SpectrumError
        As :func:`xanes_core.spectra.derivative`.
    """
    steep = derivative(Spectrum(curve.energy_ev, curve.mu), fwhm_ev=fwhm_ev)
    return replace(without_band(curve), mu=steep.mu)


def slope_figure(curves: Sequence[Curve], axis: EnergyAxis, *, look: Look = LIGHT) -> go.Figure:
    """Derivatives of spectra in one figure, all smoothed by the same width.

    Parameters
    ----------
    curves : sequence of Curve
        Spectra; drawn in order, the first in front.
    axis : EnergyAxis
        How energies are counted.
    look : Look
        The page it stands on.
    """
    figure = spectrum_figure([slope_curve(curve) for curve in curves], axis, look=look)
    figure.update_yaxes(title_text=SLOPE_LABEL, rangemode="normal")
    figure.add_hline(y=0.0, line={"color": look.grid, "width": 1})
    # another zoom than that of the spectra
    figure.update_layout(uirevision=f"slope {axis.energies}")
    return figure

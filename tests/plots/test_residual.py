"""The panel under a spectrum: what is left of a measured one."""

import numpy as np
import pytest

from tests.predictions import made_prediction
from xanes_core.model.comparison import compare
from xanes_core.plots.residual import MISFIT_LABEL, with_residual
from xanes_core.plots.spectrum import Curve, EnergyAxis, prediction_curve, spectrum_figure
from xanes_core.plots.style import Look

MADE = made_prediction()


@pytest.mark.parametrize(("energies", "start"), [("relative", -15.0), ("absolute", 7097.0)])
@pytest.mark.parametrize("dark", [False, True])
def test_it_is_prediction_minus_measured_on_the_same_axis(energies, start, dark):
    measured = Curve("scan", MADE.energy_ev, MADE.mu - 0.1, "measurement")
    axis, look = EnergyAxis(MADE.e0_ev, energies), Look(dark, 400)
    plain = spectrum_figure([prediction_curve(MADE), measured], axis, look=look)
    found = compare(MADE, measured.energy_ev, measured.mu)
    made = with_residual(plain, found, axis, look)
    line = next(t for t in made.data if t.name == MISFIT_LABEL)
    np.testing.assert_allclose(line.y, 0.1)
    assert line.x[0] == pytest.approx(start)
    assert line.xaxis in (None, "x"), "one horizontal axis: one zoom"
    assert line.yaxis == "y2"
    assert made.layout.xaxis.range == plain.layout.xaxis.range
    assert made.layout.yaxis2.domain[1] < made.layout.yaxis.domain[0]
    assert line.line.color == look.ink
    assert "yaxis2" not in plain.layout, "the figure that was given stays as it is"
    # the band of the residual holds it exactly where the band of the spectrum holds the measured
    around = next(t for t in made.data if t.yaxis == "y2" and t.fill == "toself")
    upper, lower = around.y[:226], around.y[226:][::-1]
    inside = (lower <= 0.1) & (upper >= 0.1)
    np.testing.assert_array_equal(
        inside, (MADE.lower <= measured.mu + 1e-12) & (measured.mu <= MADE.upper)
    )

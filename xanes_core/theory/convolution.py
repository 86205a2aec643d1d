"""From an unconvolved theory spectrum to one that can be compared: broadening and edge step."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xanes_core.errors import SpectrumError, TheoryError
from xanes_core.spectra import Spectrum, broaden_arctan
from xanes_core.theory.base import check_range


@dataclass(frozen=True)
class Convolution:
    """Arctangent broadening; the defaults are those of the public vanadium set (tmQM).

    Attributes
    ----------
    width_ev, width_max_ev : float
        Core-hole width and what the lifetime of the final state adds at most, FWHM (eV).
    ef_ev, ec_ev, el_ev : float
        Fermi energy relative to E0, centre and width of the arctangent (eV).
    step_from_ev : float
        The edge step is the mean of the broadened spectrum from here on (eV above E0).
    """

    width_ev: float = 1.0
    width_max_ev: float = 15.0
    ef_ev: float = -1.0
    ec_ev: float = 30.0
    el_ev: float = 30.0
    step_from_ev: float = 30.0

    def __post_init__(self) -> None:
        check_range("width_ev", self.width_ev, 0.01, 20.0, "eV")
        check_range("width_max_ev", self.width_max_ev, 0.0, 50.0, "eV")
        check_range("ef_ev", self.ef_ev, -30.0, 30.0, "eV")
        check_range("ec_ev", self.ec_ev, 1.0, 200.0, "eV")
        check_range("el_ev", self.el_ev, 1.0, 200.0, "eV")
        check_range("step_from_ev", self.step_from_ev, 5.0, 500.0, "eV")

    def apply(self, native: Spectrum) -> Spectrum:
        """Broaden a spectrum of FDMNES and divide it by its edge step.

        The step is the mean from ``step_from_ev`` to the end; there is no background to subtract
        from a calculated K-edge spectrum that starts below the edge.

        Raises
        ------
        TheoryError
            The spectrum has no E0, does not cross the edge, ends before the edge step can be
            taken, or has no step.
        """
        try:
            broad = broaden_arctan(
                native,
                width_ev=self.width_ev,
                width_max_ev=self.width_max_ev,
                ef_ev=self.ef_ev,
                ec_ev=self.ec_ev,
                el_ev=self.el_ev,
            )
        except SpectrumError as error:
            raise TheoryError(f"the FDMNES spectrum cannot be broadened: {error}") from error
        return unit_step(broad, self.step_from_ev)


def unit_step(spectrum: Spectrum, step_from_ev: float) -> Spectrum:
    """Divide a calculated spectrum by its mean from ``step_from_ev`` (relative to E0) on.

    Raises
    ------
    TheoryError
        Fewer than three energies there, or a mean of zero or less.
    """
    after = spectrum.energy_rel_ev >= step_from_ev
    if after.sum() < 3:
        raise TheoryError(
            f"the FDMNES spectrum ends {spectrum.energy_rel_ev[-1]:.0f} eV above the edge, too "
            f"early for an edge step from {step_from_ev:g} eV on: calculate up to a higher energy "
            "or lower step_from_ev"
        )
    step = float(spectrum.mu[after].mean())
    if step <= 0:
        raise TheoryError("the FDMNES spectrum does not rise at the edge: check what was read")
    spectrum = replace(spectrum, mu=spectrum.mu / step)
    return spectrum.with_metadata(normalised="yes", edge_step=f"{step:.6g}")

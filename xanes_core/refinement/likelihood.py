"""How probable a measured spectrum is, given what a model predicts for a structure."""

from __future__ import annotations

from dataclasses import dataclass

from xanes_core.errors import RefinementError


@dataclass(frozen=True)
class Prior:
    """Gaussian knowledge of a number before the fit; ``sd`` 0 fixes it.

    Raises
    ------
    RefinementError
        A value that is not finite, or a negative standard deviation.
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        finite = abs(self.mean) < float("inf") and 0 <= self.sd < float("inf")
        if not finite:
            raise RefinementError(
                f"a prior needs a finite mean and a standard deviation of 0 or more, not "
                f"{self.mean:g} and {self.sd:g}"
            )


@dataclass(frozen=True)
class Nuisances:
    """What stands between theory and measurement and is of no interest itself.

    Attributes
    ----------
    shift_ev : Prior
        Added to the energies of theory (eV).
    scale : Prior
        Multiplies theory: the measured edge step may be off.
    offset : Prior
        Added to theory (edge steps): a constant background.
    slope_per_ev : Prior
        Its slope (edge steps per eV), about the middle of the window.
    broadening_ev : Prior
        Full width at half maximum of a Gaussian by which theory is smeared (eV), never negative.
    """

    shift_ev: Prior = Prior(0.0, 6.0)
    scale: Prior = Prior(1.0, 0.05)
    offset: Prior = Prior(0.0, 0.01)
    slope_per_ev: Prior = Prior(0.0, 0.0005)
    broadening_ev: Prior = Prior(0.0, 1.0)

"""A prediction as a beamline would show it: on measured energies, smeared."""

from __future__ import annotations

from dataclasses import replace

from xanes_core.errors import RefinementError
from xanes_core.model import Prediction
from xanes_core.refinement.scales import EnergyScale
from xanes_core.spectra import XANES


def as_measured(prediction: Prediction, scale: EnergyScale) -> Prediction:
    """Shift and smear an absorption spectrum with all that belongs to it.

    Parameters
    ----------
    prediction : Prediction
        As a model gives it.
    scale : EnergyScale
        For its absorber.

    Returns
    -------
    Prediction
        Its ``energy_scale`` says what was done; files written from it name that.

    Raises
    ------
    RefinementError
        An emission, a scale of another element, or a prediction that was treated so already.
    """
    if prediction.kind != XANES:
        raise RefinementError("the energy scale was learned for absorption, not for emission")
    if prediction.element != scale.element:
        raise RefinementError(
            f"the energy scale is that of {scale.element}, the absorber is {prediction.element}"
        )
    if prediction.energy_scale:
        raise RefinementError("the prediction is on measured energies already")
    p = prediction
    relative, mu, std, lower, upper, members, *widths = scale.apply(
        p.energy_rel_ev, p.mu, p.std, p.lower, p.upper, p.members, *p.half_widths.values()
    )
    return replace(
        prediction,
        energy_ev=relative + prediction.e0_ev,
        energy_rel_ev=relative,
        mu=mu,
        std=std,
        lower=lower,
        upper=upper,
        members=members,
        half_widths=dict(zip(prediction.half_widths, widths, strict=True)),
        energy_scale=scale.title,
    )

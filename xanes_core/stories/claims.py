"""Claims that a story makes with numbers, and whether the spectra shown bear them out.

A claim is a short sentence, such as ``edge_half_ev of iii is above ii by 0.5``. It holds where the
mean spectrum says so and three quarters of the networks of the ensemble agree; with ``theory``
before it, where the stored FEFF10 spectra say so.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from xanes_core.errors import StoryError
from xanes_core.model import Prediction
from xanes_core.spectra import Spectrum, spectral_features

#: Share of the networks that must agree.
AGREEMENT = 0.75
#: What a prediction says of itself.
_OF_PREDICTION = ("band_width", "distance")
_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_CLAIM = re.compile(
    rf"(?P<theory>theory )?(?P<quantity>\w+|mean from {_NUMBER} to {_NUMBER}) "
    rf"of (?P<left>\w+) is (?P<relation>above|below|near) (?P<right>{_NUMBER}|\w+)"
    rf"(?: (?P<word>by|within) (?P<margin>{_NUMBER}))?"
)
_MEAN = re.compile(rf"mean from ({_NUMBER}) to ({_NUMBER})")
_RELATIONS: Mapping[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "above": operator.gt,
    "below": lambda difference, margin: difference < -margin,
    "near": lambda difference, margin: np.abs(difference) <= margin,
}
_WORDS = {
    "edge_half_ev": "edge (half step)",
    "edge_steepest_ev": "edge (steepest)",
    "white_line_ev": "white line",
    "white_line_height": "height of the white line",
    "pre_edge_ev": "pre-edge peak",
    "pre_edge_height": "height of the pre-edge peak",
    "band_width": "mean width of the band",
    "distance": "distance from the training data",
}
#: Features of one curve by name, those of :func:`xanes_core.spectra.spectral_features`.
FEATURES = tuple(name for name in _WORDS if name not in _OF_PREDICTION)


@dataclass(frozen=True)
class Claim:
    """A claim as written.

    Attributes
    ----------
    text : str
        The sentence.
    quantity : str
        A feature, ``band_width``, ``distance``, or ``mean from A to B`` (mean of mu, eV).
    relation : {"above", "below", "near"}
        How the left compares with the right.
    left : str
        Id of a curve.
    right : str or float
        Id of a curve, or a number.
    margin : float
        By how much above or below; within how much near.
    of_theory : bool
        Whether it speaks of FEFF10 instead of the network.
    """

    text: str
    quantity: str
    relation: str
    left: str
    right: str | float
    margin: float
    of_theory: bool

    @property
    def curves(self) -> tuple[str, ...]:
        """Ids of the curves that it names."""
        return (self.left, self.right) if isinstance(self.right, str) else (self.left,)


@dataclass(frozen=True)
class Shown:
    """What is known of a curve of a step: its prediction, and FEFF10's spectrum if stored."""

    name: str
    prediction: Prediction
    theory: Spectrum | None = None


@dataclass(frozen=True)
class CheckedClaim:
    """Whether a claim holds, and a sentence for the reader with the numbers."""

    holds: bool
    sentence: str


def read_claim(text: str, where: str) -> Claim:
    """Read a claim; `where` names its place in the story.

    Raises
    ------
    StoryError
        It is no such sentence, or names an unknown quantity.
    """
    found = _CLAIM.fullmatch(" ".join(text.split()))
    if found is None:
        raise StoryError(
            f"In {where}: the claim {text!r} cannot be read. Write it as 'edge_half_ev of a is "
            "above b by 0.5', with above, below, or near ... within."
        )
    quantity = found["quantity"]
    mean = _MEAN.fullmatch(quantity)
    if quantity not in (*FEATURES, *_OF_PREDICTION) and not mean:
        raise StoryError(
            f"In {where}: {quantity!r} is no quantity: choose one of "
            f"{', '.join((*FEATURES, *_OF_PREDICTION))}, or 'mean from A to B'."
        )
    if mean and not -15 <= float(mean[1]) < float(mean[2]) <= 60:
        raise StoryError(f"In {where}: {quantity!r} needs two ascending energies, -15 to 60 eV.")
    near, margin = found["relation"] == "near", found["margin"]
    if near != (found["word"] == "within"):
        raise StoryError(f"In {where}: write 'above ... by', 'below ... by' or 'near ... within'.")
    if found["theory"] and quantity in _OF_PREDICTION:
        raise StoryError(f"In {where}: FEFF10 has no {quantity}: leave 'theory' out.")
    right = found["right"]
    number = re.fullmatch(_NUMBER, right)
    return Claim(
        found.string,
        quantity,
        found["relation"],
        found["left"],
        float(right) if number else right,
        float(margin or 0.0),
        bool(found["theory"]),
    )


def check_claim(claim: Claim, shown: Mapping[str, Shown]) -> CheckedClaim:
    """Hold a claim against the spectra.

    Parameters
    ----------
    claim : Claim
        What is said.
    shown : mapping of str to Shown
        Curves of the step by id.

    Returns
    -------
    CheckedClaim

    Raises
    ------
    StoryError
        It speaks of FEFF10, and of a curve none is stored.
    """
    left = shown[claim.left]
    value, values = _values(claim, left)
    if isinstance(claim.right, str):
        other, others = _values(claim, shown[claim.right])
        if len(others) != len(values):  # another model: its networks pair with none of these
            others = np.full(len(values), other)
    else:
        other, others = claim.right, np.full(len(values), claim.right)
    relation = _RELATIONS[claim.relation]
    holds = bool(relation(np.asarray(value - other), claim.margin))
    agree = int(relation(values - others, claim.margin).sum())  # a feature not shown agrees not
    who = "FEFF10"
    if not claim.of_theory:
        holds = holds and agree >= AGREEMENT * len(values)
        who = f"{agree} of {len(values)} networks agree" if len(values) > 1 else ""
    unit = " eV" if claim.quantity.endswith("_ev") else ""
    digits = 1 if unit else 2
    numbers = f"{left.name} {value:.{digits}f}{unit}"
    if isinstance(claim.right, str):
        numbers += f", {shown[claim.right].name} {other:.{digits}f}{unit}"
    words = _WORDS.get(claim.quantity, claim.quantity.replace("mean", "mean absorption") + " eV")
    sentence = f"{words[:1].upper()}{words[1:]}: {numbers}" + (f" ({who})" if who else "")
    return CheckedClaim(holds, sentence)


def _values(claim: Claim, shown: Shown) -> tuple[float, np.ndarray]:
    """Quantity of the mean spectrum, and of each network (m,); one value where none has its own."""
    prediction = shown.prediction
    if claim.of_theory:
        if shown.theory is None:
            raise StoryError(f"No FEFF10 spectrum of {shown.name!r} is stored.")
        energy = shown.theory.energy_ev - prediction.e0_ev
        value = _quantity(claim.quantity, energy, shown.theory.mu)
        return value, np.array([value])
    if claim.quantity == "band_width":
        value = float(np.mean(prediction.upper - prediction.lower))
        return value, np.array([value])
    if claim.quantity == "distance":
        return prediction.domain.score, np.array([prediction.domain.score])
    energy = prediction.energy_rel_ev
    values = [_quantity(claim.quantity, energy, mu) for mu in prediction.members]
    return _quantity(claim.quantity, energy, prediction.mu), np.array(values)


def _quantity(name: str, energy_rel_ev: np.ndarray, mu: np.ndarray) -> float:
    if mean := _MEAN.fullmatch(name):
        inside = (energy_rel_ev >= float(mean[1])) & (energy_rel_ev <= float(mean[2]))
        return float(mu[inside].mean())
    value: float = getattr(spectral_features(energy_rel_ev, mu), name)
    return value

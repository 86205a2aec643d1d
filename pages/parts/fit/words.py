"""What a fit found and how sure it is, in plain sentences."""

from __future__ import annotations

import math

from xanes_core.model import VERDICT_TITLES
from xanes_core.plots import UNITS
from xanes_core.refinement import FittedParameter, StructureFit
from xanes_core.structures import Movable, parse_move

#: Below this share the data are said to tell little of a parameter: a rule of thumb.
LITTLE = 0.3
_ALONG = ("all", "ligand", "bond", "pair")
_MINUS = "\u2212"


def sentences(fit: StructureFit, body: Movable) -> list[tuple[str, str]]:
    """For each parameter what it is, and what was found; plain text without markup."""
    return [(_subject(one), _found(one, body)) for one in fit.parameters]


def _subject(one: FittedParameter) -> str:
    return one.label.partition(",")[0]


def _found(one: FittedParameter, body: Movable) -> str:
    sd = (one.high68 - one.low68) / 2
    digits = _digits(sd, one.unit)
    unit = UNITS.get(one.unit, one.unit)
    space = "" if one.unit == "deg" else " "
    amount = f"{signed(one.value, digits)} \u00b1 {sd:.{digits}f}{space}{unit}"
    move = parse_move(one.name)
    start = body.start(move)
    told = amount
    if start is not None:
        total = f"{start + one.value:.{digits}f} \u00b1 {sd:.{digits}f}{space}{unit}"
        what = f"mean {body.element}\u2013{_partner(body, one)}" if move.kind in _ALONG else "angle"
        told = f"{what} {total} ({signed(one.value, digits)}{space}{unit} from the start)"
    low, high = (signed(v, digits) for v in one.limits)
    narrow = f"{signed(one.low90, digits)} \u2026 {signed(one.high90, digits)}{space}{unit}"
    if one.at_bound:
        end = "upper" if one.at_bound == "high" else "lower"
        return f"{told}. This is the {end} end of what was allowed: the structure may be another."
    if one.learned < LITTLE:
        return (
            f"{told}, but the spectrum says little of it: {low} \u2026 {high} was "
            f"allowed, {narrow} is left (90 %)."
        )
    return f"{told}. The spectrum narrowed the change from {low} \u2026 {high} to {narrow} (90 %)."


def _partner(body: Movable, one: FittedParameter) -> str:
    ligands = body.moved_by(parse_move(one.name))
    if any(len(place) > 1 for ligand in ligands for place in ligand.places):
        return "centre"
    return "/".join(sorted({symbol for ligand in ligands for symbol in ligand.symbols}))


def quality(fit: StructureFit) -> str:
    """How well the fitted structure explains the spectrum, and how far the model is to trust."""
    verdict = VERDICT_TITLES.get(fit.verdict, fit.verdict)
    parts = [
        f"Misfit {fit.misfit:.3f} edge steps",
        f"theory moved by {signed(fit.shift_ev, 1)} eV",
        f"scaled by {fit.scale:.3f}",
    ]
    if fit.broadening_ev > 0.05:
        parts.append(f"smeared by {fit.broadening_ev:.1f} eV")
    return f"{', '.join(parts)}. The fitted structure lies {verdict}."


def signed(value: float, digits: int) -> str:
    """A number with its sign; zero has none."""
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0.0:
        return text
    return (_MINUS if value < 0 else "+") + text


def _digits(sd: float, unit: str) -> int:
    """As many as the uncertainty has: two or three for lengths, none or one for angles."""
    low, high = (2, 3) if unit == "A" else (0, 1)
    if not sd > 0:
        return high
    return min(max(low, -math.floor(math.log10(2 * sd))), high)

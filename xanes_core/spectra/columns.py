"""What the columns of a spectrum file mean: absorption, or counts that make it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from xanes_core.errors import SpectrumError
from xanes_core.spectra.edge import MIN_STEP, step_share
from xanes_core.spectra.scans import MIN_POINTS
from xanes_core.spectra.table import UNITS, Table

#: Names of energies relative to E0.
RELATIVE = {
    "energy_rel_ev", "energy_rel", "energy_relative", "energy_relative_ev", "rel_energy",
    "relative_energy", "e-e0", "e_rel", "erel", "energy-e0", "e-ef", "de", "energy_minus_e0",
    "e_-_e0", "energy_-_e0", "energy_rel_e0_ev",
}  # fmt: skip
_I0 = re.compile(
    r"(\w+_)?i_?0|io|i_?zero|mon(itor)?|(i0|io)_?(counts?|ch|chan|eh\d?|ic|corr|raw|det(ector)?)"
    r"|ic_?0|ion_?ch(amber)?_?0|(ion_?chamber|incident)(_\w+)?_?i0|(mon|scaler|ch\d?)_?i0"
    r"|inc(ident|oming)(_intensity|_flux|_beam)?"
)
_TRANSMITTED = re.compile(
    r"i_?t(r(a?n?s?(m(itted|ission)?)?)?)?|(?!ref)(\w+_)?i_?1|trans(m(itted|ission)?)?|i_trans|ic_?1"
    r"|ion_?ch(amber)?_?1|it_?(counts?|ch|chan|eh\d?|det(ector)?)|i1_?(counts?|ch|chan|eh\d?|det(ector)?)"
)
_FLUORESCENCE = re.compile(
    r"(i_?)?(fluo?r?|fluorescence)|i_?ff?|pips|fl|sdd|ifl|lytle|sdd_\w*[a-z]|[tp]fy|tey|(\w+_)?roi|if_?(counts?|ch|chan|det(ector)?)"
    r"|fluo\w*_?(counts?|roi)|(i_?)?fluor?e?s?cence"
)
#: What NeXus calls the sample's signal: transmitted, or emitted.
_ABSORBED = re.compile(r"absorbed_beam")
#: A detector behind a reference, which is behind the detector of the transmitted beam.
_REFERENCE = re.compile(
    r"(\w+_)?(i_?2|i_?r(ef(er(ence)?)?)?|ref(er(ence)?)?)(_?(counts?|ch|chan|det(ector)?))?"
)
#: One detector of several, whose counts are added.
_ELEMENT = re.compile(
    r"(i?fluo?r?|fl|sdd|sca|roi|ge|pips|mca|det|ch|sdd_?roi|xmap_?roi|vortex_?roi)_?(\d{1,3})(_\d{1,3})?"
)
#: Names of absorption columns, the one to propose first at the front.
_ABSORPTION = (
    "norm", "mu_norm", "munorm", "normalized", "normalised", "norm_mu", "flat", "mu", "xmu", "mux",
    "mue", "mu(e)", "mu_e", "xanes", "<xanes>", "emission", "absorption", "absorbance", "intensity",
    "mutrans", "mu_trans", "mufluor", "mu_fluor", "mean", "value", "y", "i",
)  # fmt: skip
#: What is computed from the counts of detectors.
SIGNALS = ("transmission", "fluorescence", "reference")
#: Names whose values are normalised to the edge step already.
NORMALISED = {"norm", "mu_norm", "munorm", "normalized", "normalised", "norm_mu", "flat"}
#: Names of emission, which has no edge.
EMISSION = {"emission", "xes", "intensity", "kbeta", "vtc"}
_LIKE_ABSORPTION = re.compile(r".*(absor|xanes|xafs|normali).*|(x?mu)([_ (]?[tfe]\w*\)?)?")
#: Names that are no absorption whatever their numbers look like.
_UNWANTED = re.compile(
    r"k|q|r|mu0|chi(\b|[(_k\dr]).*|x?chi|win(dow)?|re|im|mag|pha(se)?|amp\w*|lambda|red_?factor"
    r"|std\w*|sigma|(\w+_)?err(or)?s?(_\w+)?|lower|upper|[nf]?bkg|background|pre(_?edge)?"
    r"|post(_?edge)?|der\w*|sec(_\w+)?"
    r"|(\w*_)?(time|seconds?|clock|dwell|date|epoch|timestamp|tp)(_\w+)?|counttime|s"
    r"|index|points?|pts?|n[or]?|row|step|scan|count|temp(erature)?"
    r"|(\w*_)?(2?theta|bragg|angle|enc(oder)?|motor|mono|pos(ition)?|energy|deg(rees)?)([_(].*)?"
    r"|(\w*_)?(ring|srcur|sr_?current|beam_?current|current)(_\w+)?|mode|offset|dead_?time|icr\d*"
    r"|i_?2|i_?r(ef(er(ence)?)?)?|(\w*_)?ref(er(ence)?)?|mu_?ref\w*|murefer"
)
#: Counts that stay this low are noise of a detector that was not there.
_FEWEST_COUNTS = 5.0
#: A step, as a share of what a curve spans, that no monitor shows by chance.
_CLEAR_STEP = 0.5
#: Least share of rows in which two counts must have a ratio that means something.
_USABLE_SHARE = 0.5


def plain_name(name: str) -> str:
    """Column name for comparison: lower case, blanks as underscores, greek mu spelt out."""
    text = name.strip().lower().replace("µ", "mu").replace("μ", "mu").replace("χ", "chi")
    unit = re.search(r"[\s,]*[\[(]\s*([^\])]+?)\s*[\])]$", text)
    if unit and (unit[1] in UNITS or unit[1] in ("a.u", "au", "norm", "norm.", "arb.units")):
        text = text[: unit.start()] or text
    return re.sub(r"\s+", "_", text.strip())


@dataclass(frozen=True)
class Choice:
    """A curve the file offers: a column of its own, or one computed from counts.

    ``values`` (n,) holds NaN where the row cannot be used, ``formula`` is empty for a plain column,
    ``bad_counts`` tells how many rows had counts without a positive ratio, ``is_dead`` whether one
    of the detectors saw nothing, ``signal`` which of :data:`SIGNALS` was computed.
    """

    name: str
    values: np.ndarray
    formula: str = ""
    bad_counts: int = 0
    is_dead: bool = False
    signal: str = ""

    def __post_init__(self) -> None:
        self.values.flags.writeable = False


def find(plain: list[str], wanted: set[str]) -> int | None:
    """Index of the first of these names, or None."""
    return next((i for i, name in enumerate(plain) if name in wanted), None)


def pick(names: Sequence[str], asked: str | int, what: str = "column") -> int:
    """Index of a column asked for by name (any case) or by its number from 0.

    Raises
    ------
    SpectrumError
        There is no such column.
    """
    if isinstance(asked, str):
        exact = [i for i, n in enumerate(names) if n == asked]
        loose = [i for i, n in enumerate(names) if plain_name(n) == plain_name(asked)]
        if exact or loose:
            return (exact or loose)[0]
        if not re.fullmatch(r"[0-9]{1,4}", asked.strip()):
            raise SpectrumError(f"there is no {what} of this name; the file has: {listed(names)}")
        asked = int(asked)
    if isinstance(asked, bool) or not isinstance(asked, int | np.integer):
        raise SpectrumError(f"a {what} is chosen by its name or its number from 0")
    if not 0 <= asked < len(names):
        raise SpectrumError(
            f"there is no {what} {asked}; the file has 0 to {len(names) - 1}: {listed(names)}"
        )
    return int(asked)


def listed(names: Sequence[str]) -> str:
    """Names for a message, shortened where there are many."""
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")


def choices(table: Table, energy: int) -> list[Choice]:
    """Curves to choose from, in the file's order, with those computed from counts at the end."""
    plain = [plain_name(n) for n in table.names]
    curves = [
        Choice(name, table.values[:, i])
        for i, name in enumerate(table.names)
        if i != energy and plain[i] not in RELATIVE
    ]
    i0 = _detector(table, plain, _I0, energy)
    if i0 is None:
        return curves
    absorbed = _detector(table, plain, _ABSORBED, energy)
    transmitted = _detector(table, plain, _TRANSMITTED, energy)
    transmitted = absorbed if transmitted is None else transmitted
    if transmitted is not None:
        curves.append(_log_ratio(table, i0, transmitted))
    fluorescence = _detector(table, plain, _FLUORESCENCE, energy)
    fluorescence = absorbed if fluorescence is None else fluorescence
    elements = [
        i
        for i, name in enumerate(plain)
        if i not in (energy, i0, transmitted) and _ELEMENT.fullmatch(name)
    ]
    if fluorescence is not None:
        curves.append(_over_i0(table, i0, [fluorescence]))
    elif elements:
        alive = [i for i in elements if not _is_dead(table.values[:, i])]
        curves.append(_over_i0(table, i0, alive or elements))
    reference = _detector(table, plain, _REFERENCE, energy)
    if reference is not None and transmitted is not None:
        curves.append(replace(_log_ratio(table, transmitted, reference), signal="reference"))
    return curves


def ratio(table: Table, signal: str, first: str | int, detectors: Sequence[str | int]) -> Choice:
    """Curve of the columns that a person names.

    Parameters
    ----------
    table : Table
    signal : str
        ``transmission`` for ln(first / detector), ``reference`` likewise with the transmitted beam
        first, ``fluorescence`` for the sum of the detectors over the first.
    first : str or int
        Column of the incident beam.
    detectors : sequence of str or int
        Columns behind the sample; several of fluorescence are added.

    Raises
    ------
    SpectrumError
        Another signal, a column that does not exist, or too many or none.
    """
    above = pick(table.names, first)
    below = [pick(table.names, one) for one in detectors]
    if signal not in SIGNALS:
        raise SpectrumError(f"a signal is one of {', '.join(SIGNALS)}")
    if not below or above in below or (signal != "fluorescence" and len(below) > 1):
        raise SpectrumError(
            "choose one column for the incident beam and another for the detector; several "
            "detectors are added for fluorescence alone"
        )
    made = _over_i0(table, above, below) if signal == "fluorescence" else None
    return replace(made or _log_ratio(table, above, below[0]), signal=signal)


def _detector(table: Table, plain: list[str], pattern: re.Pattern[str], energy: int) -> int | None:
    """Column of a detector by its name, one that saw something where there are several."""
    found = [i for i, name in enumerate(plain) if i != energy and pattern.fullmatch(name)]
    alive = [i for i in found if not _is_dead(table.values[:, i])]
    return next(iter([*alive, *found]), None)


def _is_dead(values: np.ndarray) -> bool:
    """Whether counts are those of a detector that saw nothing; False for fewer than ten."""
    known = values[np.isfinite(values)]
    if known.size < MIN_POINTS:
        return False
    whole = bool(np.all(known == np.round(known)))
    return bool(np.all(known == 0.0)) or (
        whole and bool(np.median(np.abs(known)) <= _FEWEST_COUNTS)
    )


def _log_ratio(table: Table, i0: int, it: int) -> Choice:
    """Absorption ``ln(I0 / It)``; currents may be negative, as long as both are."""
    a, b = table.values[:, i0], table.values[:, it]
    known = np.isfinite(a) & np.isfinite(b)
    # by their signs: a product of tiny currents would vanish
    good = known & (np.sign(a) * np.sign(b) > 0)
    values = np.full(a.shape, np.nan)
    values[good] = np.log(np.abs(a[good])) - np.log(np.abs(b[good]))
    name = f"ln({table.names[i0]}/{table.names[it]})"
    is_dead = _is_dead(a) or _is_dead(b) or good.sum() < _USABLE_SHARE * max(known.sum(), 1)
    return Choice(name, values, name, int((known & ~good).sum()), is_dead, "transmission")


def _over_i0(table: Table, i0: int, detectors: list[int]) -> Choice:
    """Fluorescence over I0, the counts of several detectors added."""
    a, total = table.values[:, i0], table.values[:, detectors].sum(axis=1)
    known = np.isfinite(a) & np.isfinite(total)
    sign = -1.0 if known.any() and np.median(a[known]) < 0 else 1.0
    good = known & (a * sign > 0)
    values = np.full(a.shape, np.nan)
    with np.errstate(over="ignore", under="ignore"):
        values[good] = total[good] / a[good]
    values[~np.isfinite(values)] = np.nan
    first, last = table.names[detectors[0]], table.names[detectors[-1]]
    above = first if len(detectors) == 1 else f"({first} + ... + {last})"
    name = f"{above}/{table.names[i0]}"
    is_dead = _is_dead(a) or _is_dead(total)
    return Choice(name, values, name, int((known & ~good).sum()), is_dead, "fluorescence")


def is_even(energy: np.ndarray, values: np.ndarray) -> bool:
    """Whether a column goes evenly with the energy, as an encoder, an angle or a counter does.

    A cubic describes it to a thousandth of what it spans, it is the same throughout, or it goes on
    by the same step from row to row. False where there are fewer than ten points to tell by.

    Parameters
    ----------
    energy, values : numpy.ndarray, (n,)
        In the order of the file; NaN where a row has none.
    """
    good = np.isfinite(energy) & np.isfinite(values)
    x, y = energy[good], values[good]
    if np.unique(x).size < MIN_POINTS:
        return False
    spans = float(np.ptp(y))
    if spans == 0.0 or float(np.ptp(np.diff(y / spans))) < 1e-6:
        return True
    with np.errstate(all="ignore"):
        fit = np.polynomial.Polynomial.fit(x, y / spans, 3)
        rest = y / spans - fit(x)
    return bool(np.all(np.isfinite(rest))) and float(np.sqrt(np.mean(rest**2))) < 1e-3


def propose(offered: Sequence[Choice], energy: np.ndarray, e0_ev: float | None) -> tuple[int, str]:
    """Index of the curve to take when none was asked for, and a remark where it is a guess.

    Parameters
    ----------
    offered : sequence of Choice
    energy : numpy.ndarray, (n,)
        Energies of the rows (eV), or what the file gives for them.
    e0_ev : float or None
        Of the edge, where it is known: a curve that steps up there goes before others.

    Raises
    ------
    SpectrumError
        None of the columns can be an absorption.
    """
    plain = [plain_name(c.name) for c in offered]
    named = [plain.index(wanted) for wanted in _ABSORPTION if wanted in plain]
    if named:
        index = named[0]
        others = [c.name for i, c in enumerate(offered) if i in named]
        if len(others) > 1:
            return index, f"column {offered[index].name!r} was taken (also: {listed(others)})"
        return index, ""
    # a reference is another sample: never proposed
    computed = [
        i for i, c in enumerate(offered) if c.formula and not c.is_dead and c.signal != "reference"
    ]
    computed = [i for i in computed if not is_even(energy, offered[i].values)]
    if computed:
        shares = _shares(offered, computed, energy, e0_ev)
        index = next((i for i in computed if shares.get(i, 0.0) >= MIN_STEP), computed[0])
        remark = f"absorption computed as {offered[index].formula}"
        others = [offered[i].formula for i in computed if i != index]
        return index, remark + (f" (also possible: {others[0]})" if others else "")
    return _guess(offered, plain, energy, e0_ev)


def _guess(
    offered: Sequence[Choice], plain: list[str], energy: np.ndarray, e0_ev: float | None
) -> tuple[int, str]:
    """A column that no name tells to be the absorption."""
    like = [i for i, name in enumerate(plain) if _LIKE_ABSORPTION.fullmatch(name)]
    counts = [i for i, n in enumerate(plain) if _I0.fullmatch(n) or _TRANSMITTED.fullmatch(n)]
    open_ = [
        i
        for i, c in enumerate(offered)
        if not c.formula and not _UNWANTED.fullmatch(plain[i]) and i not in counts
    ]
    sensible = [
        i
        for i in open_
        if not is_even(energy, offered[i].values) and not _is_dead(offered[i].values)
    ]
    sensible = [i for i in like if i in sensible] or sensible
    if not sensible:
        raise _none_fits(offered, plain, counts)
    shares = _shares(offered, sensible, energy, e0_ev)
    # a monitor may drift as if it had an edge, but not as clearly as an absorption does
    best = max(sensible, key=lambda i: min(shares.get(i, 0.0), _CLEAR_STEP))
    index = best if shares.get(best, 0.0) >= MIN_STEP else sensible[0]
    if len(offered) == 1 or index in like:
        return index, ""
    if shares.get(index, 1.0) < _CLEAR_STEP and min(shares.values()) <= -MIN_STEP:
        raise SpectrumError(
            f"the columns {listed([offered[i].name for i in sensible])} look like counts, some of "
            "which fall at the edge; name them in the line above the numbers, for example "
            "'energy i0 itrans'"
        )
    undivided = ", not divided by I0" if any(_I0.fullmatch(name) for name in plain) else ""
    name = offered[index].name
    return index, f"no column is named as absorption: {name!r} was taken{undivided}"


def _none_fits(offered: Sequence[Choice], plain: list[str], counts: list[int]) -> SpectrumError:
    names = listed([c.name for c in offered])
    if any(re.match(r"x?chi", name) for name in plain):
        return SpectrumError(
            f"the columns ({names}) are those of chi(k) or chi(R), which has no edge; export mu(E)"
        )
    if dead := [c.formula for c in offered if c.is_dead]:
        return SpectrumError(
            f"{dead[0]} gives no absorption: a detector counted next to nothing, or the two differ "
            "in sign; choose the right columns, or export the spectrum as energy and mu"
        )
    if counts:
        return SpectrumError(
            f"the file has counts ({names}) but not both I0 and I1, or I0 and fluorescence: a "
            "transmitted count is no absorption. Name the columns i0 and itrans or ifluor, or "
            "choose a column"
        )
    return SpectrumError(
        f"no column looks like an absorption. Read: {names}; such a column goes evenly with the "
        "energy, stays the same, or is named as something else. Name the right one mu, or choose it"
    )


def _shares(
    offered: Sequence[Choice], candidates: list[int], energy: np.ndarray, e0_ev: float | None
) -> dict[int, float]:
    """Step at the edge of each candidate by its index, where it can be told."""
    shares: dict[int, float] = {}
    if e0_ev is None or len(candidates) == 1:
        return shares
    for index in candidates:
        values = offered[index].values
        good = np.isfinite(energy) & np.isfinite(values)
        if good.sum() < MIN_POINTS:
            continue
        order = np.argsort(energy[good], kind="stable")
        share = step_share(energy[good][order], values[good][order], e0_ev)
        if share is not None:
            shares[index] = share
    return shares


def check_step(
    energy_ev: np.ndarray, curve: Choice, mu: np.ndarray, e0_ev: float | None
) -> str | None:
    """What speaks against a curve being an absorption edge; None where nothing does.

    Parameters
    ----------
    energy_ev, mu : numpy.ndarray, (n,)
        The spectrum, ascending (eV).
    curve : Choice
        What it was made of.
    e0_ev : float or None
        Of the edge (eV).
    """
    if plain_name(curve.name) in EMISSION or e0_ev is None:
        return None
    share = step_share(energy_ev, mu, e0_ev)
    if share is None or share >= MIN_STEP:
        return None
    if share <= -MIN_STEP:
        return (
            f"{curve.name!r} falls at the edge ({e0_ev:.0f} eV), where an absorption rises: it "
            "looks like a transmitted intensity"
        )
    return f"{curve.name!r} does not step up at the edge ({e0_ev:.0f} eV)"

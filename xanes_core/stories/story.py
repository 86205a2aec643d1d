"""What a story is, and reading one from its TOML file.

The files in ``data/stories`` come with the project; a lecturer's own has the same form, which
``docs/stories.md`` describes. Everything in a file is checked before it is shown: only known keys
and pages, examples that exist, texts of bounded length.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from xanes_core.errors import StoryError
from xanes_core.files import PROJECT, text_of
from xanes_core.stories.claims import FEATURES, Claim, read_claim
from xanes_core.stories.theory import has_theory
from xanes_core.structures import list_examples, load_example

_FOLDER = PROJECT / "data" / "stories"
#: Largest file (bytes): a story is text.
MAX_BYTES = 100_000
MAX_STEPS, MAX_CURVES, MAX_MARKS, MAX_CLAIMS, MAX_LINKS, MAX_CHOICES = 12, 6, 8, 12, 4, 6
MAX_TITLE, MAX_TEXT = 120, 2000
#: Pages that a step may lead to, with the parameters that each takes beside the example.
LINK_PAGES: Mapping[str, tuple[str, ...]] = {
    "predict": ("model", "axis", "spectrum"),
    "play": ("move", "value"),
    "importance": ("model", "windows"),
    "windows": ("model", "windows"),
    "theory": ("model",),
    "models": ("model", "section"),
}
#: Energies (eV, relative to E0) that an axis or a mark may lie at.
_ENERGIES_EV = (-15.0, 60.0)
_ID = re.compile(r"[a-z][a-z0-9_]{0,19}")
#: What a parameter of a link may hold: no address, no markup.
_VALUE = re.compile(r"[A-Za-z0-9_.,:+-]{1,80}")


@dataclass(frozen=True)
class CurveSpec:
    """One spectrum of a step.

    Attributes
    ----------
    id : str
        Name of the curve in claims and marks.
    example : str
        Key of the example complex.
    name : str
        What the legend says.
    model : str or None
        Key of the model; the default of the metal for None.
    theory : bool
        Whether the stored FEFF10 spectrum is drawn too.
    without : str
        Element whose atoms are taken out; empty for none.
    after : bool
        Whether it appears with the answer only.
    """

    id: str
    example: str
    name: str
    model: str | None = None
    theory: bool = False
    without: str = ""
    after: bool = False


@dataclass(frozen=True)
class Mark:
    """A note at an energy of the figure: of a feature of a curve, or at a fixed energy.

    Attributes
    ----------
    text : str
        What it says.
    curve : str
        Id of the curve that it points at.
    feature : str
        Name of an energy of :func:`xanes_core.spectra.spectral_features`; empty where ``at_ev``
        counts.
    at_ev : float or None
        Energy relative to E0 (eV).
    after : bool
        Whether it appears with the answer only.
    """

    text: str
    curve: str
    feature: str = ""
    at_ev: float | None = None
    after: bool = False


@dataclass(frozen=True)
class Link:
    """A page of the app in a state: its name, and the parameters of its address."""

    page: str
    label: str
    parameters: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Step:
    """One screen of a story: what is shown, what is asked, and the answer.

    ``structure`` is the id of the curve whose molecule is drawn; ``axis_ev`` the energies shown
    (eV, relative to E0), ``window_ev`` those shaded, or None. ``answer`` is the 0-based right
    choice, None where the question has no choices.
    """

    title: str
    text: str
    curves: tuple[CurveSpec, ...]
    structure: str
    question: str
    reveal: str
    choices: tuple[str, ...] = ()
    answer: int | None = None
    axis_ev: tuple[float, float] | None = None
    window_ev: tuple[float, float] | None = None
    marks: tuple[Mark, ...] = ()
    claims: tuple[Claim, ...] = ()
    links: tuple[Link, ...] = ()

    def curve(self, curve_id: str) -> CurveSpec:
        """Curve with an id; the file was checked, so it is there."""
        return next(curve for curve in self.curves if curve.id == curve_id)


@dataclass(frozen=True)
class Story:
    """A guided story: ``key`` is its name in a link, ``minutes`` what it takes before a class."""

    key: str
    title: str
    summary: str
    minutes: int
    steps: tuple[Step, ...]


def read_story(data: bytes | str, key: str = "own") -> Story:
    """Read a story from the content of its TOML file.

    Parameters
    ----------
    data : bytes or str
        Content of the file.
    key : str, optional
        Name of the story in a link.

    Raises
    ------
    StoryError
        The file is too large or no TOML, or something in it is missing, unknown or not allowed;
        the message names the step.
    """
    raw = data.encode() if isinstance(data, str) else data
    if len(raw) > MAX_BYTES:
        raise StoryError(
            f"The story has {len(raw)} bytes, more than {MAX_BYTES}: a story is text alone."
        )
    try:
        content = tomllib.loads(text_of(raw))
    except tomllib.TOMLDecodeError as error:
        raise StoryError(
            f"The story is no valid TOML: {error}. See docs/stories.md for the form."
        ) from error
    except RecursionError as error:
        raise StoryError("The story nests its values too deeply.") from error
    table = _Table(content, "the story")
    steps = table.tables("step", MAX_STEPS)
    if not steps:
        raise StoryError("The story has no steps: begin each with [[step]].")
    story = Story(
        key,
        table.text("title", MAX_TITLE),
        table.text("summary", 400),
        table.whole("minutes", 1, 90, default=5),
        tuple(_step(step, number) for number, step in enumerate(steps, start=1)),
    )
    table.finish()
    return story


@cache
def list_stories() -> tuple[Story, ...]:
    """Stories of the project, in the order of their files.

    Raises
    ------
    StoryError
        A file in ``data/stories`` is damaged.
    """
    stories = []
    for path in sorted(_FOLDER.glob("*.toml")):
        try:
            # files are numbered for their order; links go without the number
            stories.append(read_story(path.read_bytes(), re.sub(r"^\d+-", "", path.stem)))
        except (OSError, StoryError) as error:
            raise StoryError(f"data/stories/{path.name}: {error}") from error
    return tuple(stories)


class _Table:
    """A TOML table that is read key by key; what is left at the end nobody knows."""

    def __init__(self, content: object, where: str) -> None:
        if not isinstance(content, dict):
            raise StoryError(f"In {where}, a table with keys was expected.")
        self._left: dict[str, Any] = dict(content)
        self.where = where

    def wrong(self, sentence: str) -> StoryError:
        """Error that names the place."""
        return StoryError(f"In {self.where}: {sentence}")

    def text(self, name: str, limit: int, *, default: str | None = None) -> str:
        """Text of at most ``limit`` characters, blanks at its ends taken off."""
        value = self._left.pop(name, default)
        if value is None:
            raise self.wrong(f"{name} is missing.")
        if not isinstance(value, str) or len(value) > limit:
            raise self.wrong(f"{name} must be a text of at most {limit} characters.")
        value = value.strip()
        if default is None and not value:
            raise self.wrong(f"{name} is empty.")
        return value

    def flag(self, name: str) -> bool:
        """True or false; false where it is not there."""
        value = self._left.pop(name, False)
        if not isinstance(value, bool):
            raise self.wrong(f"{name} must be true or false.")
        return value

    def whole(self, name: str, low: int, high: int, *, default: int) -> int:
        """Whole number within limits."""
        value = self._left.pop(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.wrong(f"{name} must be a whole number from {low} to {high}.")
        return value

    def energy_ev(self, name: str) -> float | None:
        """Energy relative to E0, or None where it is not there."""
        return None if name not in self._left else self._energy(name, self._left.pop(name))

    def range_ev(self, name: str) -> tuple[float, float] | None:
        """Two energies, ascending, or None where they are not there."""
        if name not in self._left:
            return None
        value = self._left.pop(name)
        if not isinstance(value, list) or len(value) != 2:
            raise self.wrong(f"{name} must be two energies, such as [-10, 40].")
        low, high = (self._energy(name, one) for one in value)
        if low >= high:
            raise self.wrong(f"{name} must ascend.")
        return low, high

    def _energy(self, name: str, value: object) -> float:
        low, high = _ENERGIES_EV
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and math.isfinite(value) and low <= value <= high):  # type: ignore[arg-type, operator]
            raise self.wrong(f"{name} must lie between {low:g} and {high:g} eV from E0.")
        return float(value)  # type: ignore[arg-type]

    def texts(self, name: str, most: int, limit: int) -> tuple[str, ...]:
        """List of texts; empty where it is not there."""
        value = self._left.pop(name, [])
        good = isinstance(value, list) and len(value) <= most
        if not good or not all(isinstance(one, str) and 0 < len(one) <= limit for one in value):
            raise self.wrong(f"{name} must be at most {most} texts of at most {limit} characters.")
        return tuple(value)

    def tables(self, name: str, most: int) -> list[_Table]:
        """Tables written as ``[[name]]``; empty where there is none."""
        value = self._left.pop(name, [])
        if not isinstance(value, list) or len(value) > most:
            raise self.wrong(f"{name} must be at most {most} tables, written [[...{name}]].")
        return [_Table(one, f"{self.where}, {name} {n}") for n, one in enumerate(value, start=1)]

    def others(self, names: Sequence[str]) -> list[tuple[str, str]]:
        """The parameters of a link that are there, each a plain word or number."""
        found = []
        for name in names:
            if name in self._left:
                value = str(self._left.pop(name))
                if not _VALUE.fullmatch(value):
                    raise self.wrong(f"{name} may hold letters, digits and . , : + - _ only.")
                found.append((name, value))
        return found

    def finish(self) -> None:
        """Refuse what nobody read."""
        if self._left:
            names = ", ".join(sorted(str(name)[:40] for name in self._left))
            raise self.wrong(f"unknown key {names}. See docs/stories.md for those that exist.")


def _step(table: _Table, number: int) -> Step:
    table.where = f"step {number}"
    curves = tuple(_curve(one) for one in table.tables("curve", MAX_CURVES))
    ids = [curve.id for curve in curves]
    if not curves:
        raise table.wrong("it shows nothing: add a [[step.curve]].")
    if len(set(ids)) < len(ids):
        raise table.wrong("two curves have the same id.")
    if all(curve.after for curve in curves):
        raise table.wrong("all curves wait for the answer: show one before.")
    structure = table.text("structure", 20, default=ids[0])
    choices = table.texts("choices", MAX_CHOICES, 200)
    answer = table.whole("answer", 1, max(len(choices), 1), default=0) if choices else None
    marks = tuple(_mark(one) for one in table.tables("mark", MAX_MARKS))
    claims = tuple(read_claim(one, table.where) for one in table.texts("claims", MAX_CLAIMS, 200))
    named = {structure, *(mark.curve for mark in marks)}
    named |= {name for claim in claims for name in claim.curves}
    if unknown := named - set(ids):
        raise table.wrong(f"there is no curve {', '.join(sorted(unknown))}; there are {ids}.")
    for claim in claims:
        if claim.of_theory and not all(_curve_of(curves, name).theory for name in claim.curves):
            raise table.wrong(f"the claim {claim.text!r} needs theory = true on its curves.")
    step = Step(
        title=table.text("title", MAX_TITLE),
        text=table.text("text", MAX_TEXT),
        curves=curves,
        structure=structure,
        question=table.text("question", 400),
        reveal=table.text("reveal", MAX_TEXT),
        choices=choices,
        answer=None if answer is None else answer - 1,
        axis_ev=table.range_ev("axis_ev"),
        window_ev=table.range_ev("window_ev"),
        marks=marks,
        claims=claims,
        links=tuple(_link(one) for one in table.tables("link", MAX_LINKS)),
    )
    table.finish()
    return step


def _curve_of(curves: Sequence[CurveSpec], name: str) -> CurveSpec:
    return next(curve for curve in curves if curve.id == name)


def _curve(table: _Table) -> CurveSpec:
    example = _example(table)
    curve_id = table.text("id", 20)
    if not _ID.fullmatch(curve_id):
        raise table.wrong("id must be a short word of small letters and digits.")
    curve = CurveSpec(
        curve_id,
        example,
        table.text("name", 60),
        table.text("model", 40, default="") or None,
        table.flag("theory"),
        table.text("without", 2, default=""),
        table.flag("after"),
    )
    if curve.without and curve.without not in load_example(example).symbols[1:]:
        raise table.wrong(f"{example} has no atom {curve.without} beside its metal.")
    if curve.theory and not has_theory(example, curve.without):
        raise table.wrong(
            f"no FEFF10 spectrum of this structure is stored ({example}): leave theory out."
        )
    table.finish()
    return curve


def _example(table: _Table) -> str:
    key = table.text("example", 80)
    if key not in {example.key for example in list_examples()}:
        raise table.wrong(f"there is no example {key!r}; the list is on the page Predict.")
    return key


def _mark(table: _Table) -> Mark:
    mark = Mark(
        table.text("text", 60),
        table.text("curve", 20),
        table.text("feature", 40, default=""),
        table.energy_ev("at_ev"),
        table.flag("after"),
    )
    energies = [name for name in FEATURES if name.endswith("_ev")]
    if (mark.at_ev is None) == (not mark.feature):
        raise table.wrong("give either at_ev or feature.")
    if mark.feature and mark.feature not in energies:
        raise table.wrong(f"feature must be one of {', '.join(energies)}.")
    table.finish()
    return mark


def _link(table: _Table) -> Link:
    page = table.text("page", 20)
    if page not in LINK_PAGES:
        raise table.wrong(f"page must be one of {', '.join(LINK_PAGES)}.")
    example = _example(table)
    label = table.text("label", 80)
    parameters = [("example", example), *table.others(LINK_PAGES[page])]
    table.finish()
    return Link(page, label, tuple(parameters))

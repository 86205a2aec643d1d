"""The card of a model: what it was made from and how good it is, as ``card.json`` holds it.

The fields of :class:`Card` and of its parts are the schema: each carries what its entry must be, in
the words of JSON Schema. Checking, reading and writing follow from these.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Self

from xanes_core.errors import ModelError
from xanes_core.files import csv_text
from xanes_core.spectra import SPECTRUM_KINDS, SpectrumKind, spectrum_kind

CARD_VERSION = 1
#: An object of JSON whose entries differ from model to model.
JsonObject = Mapping[str, Any]

_TEXT: JsonObject = {"type": "string"}
_NUMBER: JsonObject = {"type": "number"}
_COUNT: JsonObject = {"type": "integer", "minimum": 0, "description": "a whole number from 0"}
_OBJECT: JsonObject = {"type": "object"}
_ROWS: JsonObject = {"type": "array", "items": _OBJECT, "description": "a list of objects"}
_GROUPS: JsonObject = {"type": "object", "additionalProperties": _OBJECT}
_SYMBOLS: JsonObject = {
    "type": "array", "items": _TEXT, "description": "a list of element symbols",
}  # fmt: skip
_METRICS: JsonObject = {
    "type": "object",
    "properties": {
        "protocol": _TEXT,
        **dict.fromkeys(("held_out", "by_verdict", "by_verdict_chemistry", "response"), _GROUPS),
        "calibration_curve": {"type": "object", "additionalProperties": _GROUPS},
        **dict.fromkeys(("chemistry", "learning_curve"), _ROWS),
    },
}


def _entry(
    schema: JsonObject,
    name: str = "",
    *,
    read: Callable[[Any], object] = lambda stored: stored,
    write: Callable[[Any], object] = lambda value: value,
) -> JsonObject:
    """Metadata of a field: what its entry must be, its name there, and how it comes and goes."""
    return MappingProxyType({"schema": schema, "name": name, "read": read, "write": write})


@dataclass(frozen=True, kw_only=True)
class _Stored:
    """An object of the file; ``further`` keeps the entries that no field stands for."""

    further: JsonObject = field(default_factory=dict)

    @classmethod
    def entries(cls) -> dict[str, tuple[str, JsonObject]]:
        """Field and its metadata, by the name of the entry in the file."""
        return {
            f.metadata["name"] or f.name: (f.name, f.metadata) for f in fields(cls) if f.metadata
        }

    @classmethod
    def schema(cls) -> JsonObject:
        """JSON Schema of the object."""
        properties = {name: metadata["schema"] for name, (_, metadata) in cls.entries().items()}
        return {"type": "object", "properties": properties, "required": list(properties)}

    @classmethod
    def read(cls, stored: JsonObject) -> Self:
        """Object of entries that fit the schema."""
        entries = cls.entries()
        known = {own: meta["read"](stored[name]) for name, (own, meta) in entries.items()}
        return cls(**known, further={k: v for k, v in stored.items() if k not in entries})

    def to_dict(self) -> dict[str, Any]:
        """The object as the file holds it."""
        known = {
            name: metadata["write"](getattr(self, own))
            for name, (own, metadata) in self.entries().items()
        }
        return {**known, **self.further}


@dataclass(frozen=True, kw_only=True)
class EnergyGrid(_Stored):
    """Energies of the spectra, evenly spaced.

    Attributes
    ----------
    start_rel_ev, stop_rel_ev : float
        First and last, relative to E0 (eV).
    n_points : int
        How many.
    relative_to : str
        What E0 is.
    """

    start_rel_ev: float = field(metadata=_entry(_NUMBER))
    stop_rel_ev: float = field(metadata=_entry(_NUMBER))
    n_points: int = field(metadata=_entry(_COUNT))
    relative_to: str = field(metadata=_entry(_TEXT))


@dataclass(frozen=True, kw_only=True)
class TrainingSummary(_Stored):
    """What a model was fitted to.

    Attributes
    ----------
    n : int
        Spectra.
    n_per_element : mapping of str to int
        Those of each absorber.
    n_held_out_for_metrics : int
        Those that the scores were measured on.
    sha256 : str
        Hash of the files.
    source : str
        Folder of the project, or what to fetch.
    """

    n: int = field(metadata=_entry(_COUNT))
    n_per_element: Mapping[str, int] = field(
        metadata=_entry({"type": "object", "additionalProperties": _COUNT})
    )
    n_held_out_for_metrics: int = field(metadata=_entry(_COUNT))
    sha256: str = field(metadata=_entry(_TEXT))
    source: str = field(metadata=_entry(_TEXT))


def _part(part: type[_Stored]) -> JsonObject:
    """Metadata of a field that is an object of its own."""
    return _entry(part.schema(), read=part.read, write=part.to_dict)


@dataclass(frozen=True, kw_only=True)
class Card(_Stored):
    """What there is to know of a model.

    Attributes
    ----------
    card_version : int
        Of the form of the card.
    key, title : str
        Name for programs and for people.
    elements : tuple of str
        Absorbers.
    default_for : tuple of str
        Absorbers for which the model is taken when nobody chooses.
    edge : str
        Such as ``K``.
    kind : SpectrumKind
        What it predicts; ``spectrum`` in the file.
    theory, broadening : str
        Of the training spectra.
    convention : str
        Name of the descriptor.
    descriptor : mapping
        Its parameters.
    grid : EnergyGrid
        Energies of the spectra.
    training_set : TrainingSummary
        What it was fitted to.
    hyper_parameters : mapping
        How it was fitted.
    interval_level : float
        Share of points that the default band promises to cover.
    metrics : mapping
        As :func:`xanes_core.training.scores.all_metrics`, with ``protocol``, how it was measured,
        ``response`` (in cards of models measured on displaced copies) and ``learning_curve``. What
        was not measured is not there.
    domain : mapping
        As the chemistry of :class:`xanes_core.model.Domain`.
    licence, origin, size_note : str
        In words, of the data and of the model.
    versions : mapping of str to str
        Programs that it was made with.
    date : str
        When it was made, such as 2026-01-31.
    further : mapping
        Entries of the file that this library has no use for; kept as they are.
    """

    card_version: int = field(default=CARD_VERSION, metadata=_entry({"const": CARD_VERSION}))
    key: str = field(metadata=_entry(_TEXT))
    title: str = field(metadata=_entry(_TEXT))
    elements: tuple[str, ...] = field(metadata=_entry(_SYMBOLS, read=tuple, write=list))
    default_for: tuple[str, ...] = field(metadata=_entry(_SYMBOLS, read=tuple, write=list))
    edge: str = field(metadata=_entry(_TEXT))
    kind: SpectrumKind = field(
        metadata=_entry(
            {"enum": list(SPECTRUM_KINDS)},
            "spectrum",
            read=spectrum_kind,
            write=attrgetter("key"),
        )
    )
    theory: str = field(metadata=_entry(_TEXT))
    broadening: str = field(metadata=_entry(_TEXT))
    convention: str = field(metadata=_entry(_TEXT))
    descriptor: JsonObject = field(metadata=_entry(_OBJECT))
    grid: EnergyGrid = field(metadata=_part(EnergyGrid))
    training_set: TrainingSummary = field(metadata=_part(TrainingSummary))
    hyper_parameters: JsonObject = field(metadata=_entry(_OBJECT))
    interval_level: float = field(metadata=_entry(_NUMBER))
    metrics: JsonObject = field(metadata=_entry(_METRICS))
    domain: JsonObject = field(metadata=_entry(_OBJECT))
    licence: str = field(metadata=_entry(_TEXT))
    origin: str = field(metadata=_entry(_TEXT))
    size_note: str = field(metadata=_entry(_TEXT))
    versions: Mapping[str, str] = field(
        metadata=_entry({"type": "object", "additionalProperties": _TEXT})
    )
    date: str = field(metadata=_entry(_TEXT))

    @classmethod
    def from_dict(cls, content: JsonObject, key: str) -> Card:
        """Card of what a file holds; inverse of :meth:`to_dict`.

        Parameters
        ----------
        content : mapping
            The file's JSON.
        key : str
            Model that it should be of.

        Raises
        ------
        ModelError
            An entry is missing or is not what it must be, the card is of another version, or of
            another model.
        """
        missing = [name for name in CARD_KEYS if name not in content]
        if missing:
            raise ModelError(f"the card of model {key} lacks {', '.join(missing)}")
        if content["card_version"] != CARD_VERSION:
            raise ModelError(
                f"the card of model {key} has version {content['card_version']}, this library "
                f"reads version {CARD_VERSION}; train the model again or use the library it came "
                "with"
            )
        if content["spectrum"] not in tuple(SPECTRUM_KINDS):
            raise ModelError(
                f"the card of model {key} names the spectrum {content['spectrum']!r}, this library "
                f"knows {', '.join(SPECTRUM_KINDS)}"
            )
        for name, (_, metadata) in cls.entries().items():
            misfit = _misfit(content[name], metadata["schema"], name)
            if misfit:
                raise ModelError(
                    f"in the card of model {key}, {misfit}; restore the model's folder or train it "
                    "again"
                )
        if content["key"] != key:
            raise ModelError(f"the card in folder {key} is that of model {content['key']}")
        return cls.read(content)


#: What every card must say.
CARD_KEYS = tuple(Card.entries())


def card_schema() -> dict[str, Any]:
    """JSON Schema of ``card.json``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Card of a model",
        **Card.schema(),
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


#: Types of JSON: what a value of the type is, and how it is called in a message.
_TYPES: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "string": (lambda value: isinstance(value, str), "text"),
    "number": (_is_number, "a number"),
    "integer": (lambda value: _is_number(value) and isinstance(value, int), "a whole number"),
    "array": (lambda value: isinstance(value, list), "a list"),
    "object": (lambda value: isinstance(value, dict), "an object"),
}


def _misfit(value: Any, schema: JsonObject, path: str) -> str:
    """The first thing that is not as a schema says, with what was expected; empty where all is.

    It knows the words of JSON Schema that the schema of the card uses with messages of their kind.
    """
    if "type" not in schema:
        return ""
    fits, expected = _TYPES[schema["type"]]
    if not fits(value) or ("minimum" in schema and value < schema["minimum"]):
        shown = json.dumps(value, ensure_ascii=False, default=repr)[:40]
        return f"{path} is {shown} where {schema.get('description', expected)} belongs"
    inner: list[tuple[Any, JsonObject, str]] = []
    if isinstance(value, list):
        inner = [(one, schema.get("items", {}), f"{path}[{i}]") for i, one in enumerate(value)]
    elif isinstance(value, dict):
        missing = [name for name in schema.get("required", ()) if name not in value]
        if missing:
            return f"{path} lacks {', '.join(missing)}"
        properties, others = schema.get("properties", {}), schema.get("additionalProperties", {})
        inner = [(v, properties.get(k, others), f"{path}.{k}") for k, v in value.items()]
    return next(filter(None, (_misfit(*one) for one in inner)), "")


# --- a card as text ------------------------------------------------------------------------------


def card_json(card: Card) -> str:
    """The card as it lies on disk.

    Raises
    ------
    ValueError
        A number of the card is not finite.
    """
    return json.dumps(card.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


@dataclass(frozen=True)
class MetricRow:
    """One number of a card.

    Attributes
    ----------
    model, element : str
        Key of the model; absorber, or ``all``.
    metric : str
        What was measured, with what it was measured on where that is not all held-out records.
    value : float
        The number, in ``unit``.
    unit : str
        ``1`` for shares and ratios.
    n : int or None
        Records behind it; for a learning curve, training spectra.
    """

    model: str
    element: str
    metric: str
    value: float
    unit: str
    n: int | None


def metric_rows(card: Card) -> list[MetricRow]:
    """Every number under ``metrics`` of a card, in the order of the card."""
    return list(_rows(card))


def metrics_csv(card: Card) -> str:
    """The rows of :func:`metric_rows` with the header model, element, metric, value, unit, n."""
    header = ("model", "element", "metric", "value", "unit", "n")
    rows = metric_rows(card)
    return csv_text(
        [header, *((r.model, r.element, r.metric, f"{r.value:.8g}", r.unit, r.n) for r in rows)]
    )


def _rows(card: Card) -> Iterator[MetricRow]:
    metrics = card.metrics
    held_out = dict(metrics.get("held_out", {}))
    verdicts = metrics.get("by_verdict") or held_out.get("domain") or {}
    held_out.pop("domain", None)
    for element, scores in held_out.items():
        yield from _scores(card, element, scores)
    for verdict, scores in verdicts.items():
        yield from _scores(card, "all", scores, f" ({verdict})")
    for verdict, scores in metrics.get("by_verdict_chemistry", {}).items():
        yield from _scores(card, "all", scores, f" ({verdict}, chemistry left out)")
    for group, scores in metrics.get("response", {}).items():
        known = group in ("all", *card.elements)
        moved = "" if known else f" ({group} moved)"
        yield from _scores(card, group if known else "all", scores, moved)
    for element, levels in metrics.get("calibration_curve", {}).items():
        n = held_out.get(element, {}).get("n")
        for level, scores in levels.items():
            band = f" of the {100 * float(level):.3g} % band"
            yield from _scores(card, element, {"n": n, **scores}, band)
    for point in metrics.get("learning_curve", []):
        yield from _scores(card, "all", point, f" (trained on {point.get('n')})")
    for split in metrics.get("chemistry", []):
        yield from _scores(card, "all", split, f" (left out: {split.get('left_out')})")


def _scores(
    card: Card, element: str, scores: JsonObject, measured_on: str = ""
) -> Iterator[MetricRow]:
    for name, value in scores.items():
        if name != "n" and isinstance(value, int | float) and not isinstance(value, bool):
            yield MetricRow(
                card.key, element, name + measured_on, float(value), _unit(name, card.kind),
                scores.get("n"),
            )  # fmt: skip


def _unit(name: str, kind: SpectrumKind) -> str:
    if name.endswith("_percent"):
        return "%"
    if name.endswith("_ev"):
        return "eV"
    if "mse" in name.split("_"):
        return f"({kind.unit})^2"
    return kind.unit if "width" in name.split("_") else "1"

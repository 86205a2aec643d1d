"""What a model's card measures, as words and as one tidy table to download."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xanes_core.errors import ModelError
from xanes_core.files import csv_text
from xanes_core.spectra import SPECTRUM_KINDS, XANES, spectrum_kind

CARD_VERSION = 1
#: What every card must say.
CARD_KEYS = (
    "card_version",
    "key",
    "title",
    "elements",
    "edge",
    "spectrum",
    "theory",
    "broadening",
    "convention",
    "descriptor",
    "grid",
    "training_set",
    "hyper_parameters",
    "metrics",
    "domain",
    "licence",
    "origin",
    "size_note",
    "versions",
    "date",
    "default_for",
)


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


def metric_rows(card: Mapping[str, Any]) -> list[MetricRow]:
    """Every number under ``metrics`` of a card, in the order of the card.

    Parameters
    ----------
    card : mapping
        Of a model. What it has not is left out.
    """
    return list(_rows(card))


def metrics_csv(card: Mapping[str, Any]) -> str:
    """The rows of :func:`metric_rows` with the header model, element, metric, value, unit, n."""
    header = ("model", "element", "metric", "value", "unit", "n")
    rows = metric_rows(card)
    return csv_text(
        [header, *((r.model, r.element, r.metric, f"{r.value:.8g}", r.unit, r.n) for r in rows)]
    )


def card_json(card: Mapping[str, Any]) -> str:
    """The card as it lies on disk."""
    return json.dumps(card, indent=1, ensure_ascii=False) + "\n"


def _rows(card: Mapping[str, Any]) -> Iterator[MetricRow]:
    metrics = card.get("metrics") or {}
    held_out = dict(metrics.get("held_out") or {})
    verdicts = metrics.get("by_verdict") or held_out.get("domain") or {}
    held_out.pop("domain", None)
    for element, scores in held_out.items():
        yield from _scores(card, element, scores)
    for verdict, scores in verdicts.items():
        yield from _scores(card, "all", scores, f" ({verdict})")
    for verdict, scores in (metrics.get("by_verdict_chemistry") or {}).items():
        yield from _scores(card, "all", scores, f" ({verdict}, chemistry left out)")
    for element, levels in (metrics.get("calibration_curve") or {}).items():
        n = (held_out.get(element) or {}).get("n")
        for level, found in levels.items():
            told = f" of the {100 * float(level):.3g} % band"
            yield from _scores(card, element, {"n": n, **found}, told)
    for point in metrics.get("learning_curve") or []:
        yield from _scores(card, "all", point, f" (trained on {point.get('n')})")
    for split in metrics.get("chemistry") or []:
        yield from _scores(card, "all", split, f" (left out: {split.get('left_out')})")


def _scores(
    card: Mapping[str, Any], element: str, scores: Mapping[str, Any], told: str = ""
) -> Iterator[MetricRow]:
    n = scores.get("n")
    for name, value in scores.items():
        if name == "n" or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        unit = _unit(name, card.get("spectrum", XANES.key))
        yield MetricRow(card["key"], element, name + told, float(value), unit, n)


def _unit(name: str, spectrum: str) -> str:
    mu = spectrum_kind(spectrum).unit
    if name.endswith("_percent"):
        return "%"
    if name.endswith("_ev"):
        return "eV"
    if "mse" in name.split("_"):
        return f"({mu})^2"
    return mu if "width" in name.split("_") else "1"


def _check_card(card: dict, key: str) -> None:
    missing = [name for name in CARD_KEYS if name not in card]
    if missing:
        raise ModelError(f"the card of model {key} lacks {', '.join(missing)}")
    if card["card_version"] != CARD_VERSION:
        raise ModelError(
            f"the card of model {key} has version {card['card_version']}, this library reads "
            f"version {CARD_VERSION}; train the model again or use the library it came with"
        )
    if card["spectrum"] not in SPECTRUM_KINDS:
        raise ModelError(
            f"the card of model {key} names the spectrum {card['spectrum']!r}, this library knows "
            f"{', '.join(SPECTRUM_KINDS)}"
        )
    if card["key"] != key:
        raise ModelError(f"the card in folder {key} is that of model {card['key']}")

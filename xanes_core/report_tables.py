"""What a model's card measures, as words and as one tidy table to download."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from xanes_core.errors import ModelError

_MSE_SCALES = MappingProxyType(
    {"xanes": (1e3, "MSE (10\u207b\u00b3)"), "xes": (1e6, "MSE (10\u207b\u2076 eV\u207b\u00b2)")}
)
# unit of mu: edge steps for absorption; emission has the area 1 over its energies
_MU_UNITS = MappingProxyType({"xanes": "edge steps", "xes": "1/eV"})


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


def mse_scale(spectrum: str) -> tuple[float, str]:
    """Factor that makes errors readable, and the label of what comes out.

    Raises
    ------
    ModelError
        An unknown kind of spectrum.
    """
    if spectrum not in _MSE_SCALES:
        raise ModelError(f"unknown kind of spectrum {spectrum!r}; known: {', '.join(_MSE_SCALES)}")
    return _MSE_SCALES[spectrum]


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
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["model", "element", "metric", "value", "unit", "n"])
    for row in metric_rows(card):
        told = asdict(row)
        writer.writerow([*(told[k] for k in ("model", "element", "metric")), f"{row.value:.8g}",
                         row.unit, "" if row.n is None else row.n])  # fmt: skip
    return buffer.getvalue()


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
        unit = _unit(name, card.get("spectrum", "xanes"))
        yield MetricRow(card["key"], element, name + told, float(value), unit, n)


def _unit(name: str, spectrum: str) -> str:
    mu = _MU_UNITS[spectrum]
    if name.endswith("_percent"):
        return "%"
    if name.endswith("_ev"):
        return "eV"
    if "mse" in name.split("_"):
        return f"({mu})^2"
    return mu if "width" in name.split("_") else "1"

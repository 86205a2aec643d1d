"""A model's card in words and tables."""

from __future__ import annotations

from typing import Any

import pandas as pd

#: Columns of the score table: label, entry of the card, digits, factor.
_SCORES = (
    ("n", "n", 0, 1.0),
    ("MSE (10\u207b\u00b3)", "mse", 2, 1e3),
    ("Spectral error (%)", "relative_spectral_error_percent", 1, 1.0),
    ("Intensity error (%)", "median_intensity_error_percent", 1, 1.0),
    ("Peak position (eV)", "peak_position_error_ev", 2, 1.0),
    ("In the band (%)", "coverage", 0, 100.0),
    ("Band width", "width", 2, 1.0),
)
_NONE = "\u2013"


def facts(card: dict[str, Any]) -> pd.DataFrame:
    """What a card says in words, one line per label."""
    found = [
        ("Theory", card["theory"]),
        ("Broadening", card["broadening"]),
        ("Training data", training_text(card)),
        ("Source", card["origin"]),
        ("Licence", card["licence"]),
        ("Descriptor", f"wACSF, convention {card['convention']}, within 6 \u00c5"),
        ("Size", card["size_note"]),
        ("Made on", card["date"]),
    ]
    rows = {label: _plain_cell(str(text)) for label, text in found if text}
    return pd.DataFrame.from_dict(rows, orient="index", columns=[""])


def training_text(card: dict[str, Any]) -> str:
    """Size of the training set, by element where there are several."""
    data = card.get("training_set") or {}
    text = f"{data.get('n', _NONE)} spectra"
    per_element = data.get("n_per_element") or {}
    if len(per_element) > 1:
        text += " (" + ", ".join(f"{e} {n}" for e, n in per_element.items()) + ")"
    held = data.get("n_held_out_for_metrics")
    return f"{text}; scores on {held} kept aside" if held else text


def scores_table(card: dict[str, Any]) -> pd.DataFrame | None:
    """Scores on structures kept aside, one row per group; None where the card has none."""
    rows = _score_rows(card)
    if not rows:
        return None
    table = {
        _row_label(name): {
            label: _number(row.get(key), digits, factor) for label, key, digits, factor in _SCORES
        }
        for name, row in rows.items()
    }
    frame = pd.DataFrame.from_dict(table, orient="index")
    return frame.loc[:, (frame != _NONE).any()]


def verdict_text(card: dict[str, Any]) -> str:
    """How the error grows with the verdict of the domain check; empty where unknown."""
    held_out = (card.get("metrics") or {}).get("held_out") or {}
    groups = held_out.get("domain")
    if not isinstance(groups, dict):
        return ""
    parts = [f"{k} {_number(v.get('mse'), 2, 1e3)} (n = {v.get('n')})" for k, v in groups.items()]
    return "MSE (10\u207b\u00b3) by verdict: " + ", ".join(parts) + "."


def difference_table(cards: list[dict[str, Any]], element: str) -> pd.DataFrame:
    """What differs between the models of one element, side by side."""
    columns = {}
    for card in cards:
        rows = _score_rows(card)
        # a card of one element may have the overall row only
        row = rows.get(element) or (rows.get("all") if len(card["elements"]) == 1 else None) or {}
        trained = (card.get("training_set") or {}).get("n_per_element", {}).get(element, _NONE)
        default = element in card.get("default_for", [])
        columns[f"{card['key']} (default)" if default else card["key"]] = {
            "Theory": card["theory"],
            "Broadening": card["broadening"],
            f"{element} spectra in training": str(trained),
            "Held-out MSE (10\u207b\u00b3)": _number(row.get("mse"), 2, 1e3),
            "Inside the band (%)": _number(row.get("coverage"), 0, 100.0),
        }
    return pd.DataFrame(columns).map(_plain_cell)


def _score_rows(card: dict[str, Any]) -> dict[str, dict[str, Any]]:
    held_out = (card.get("metrics") or {}).get("held_out") or {}
    rows = {k: v for k, v in held_out.items() if k != "domain" and isinstance(v, dict)}
    if len(card["elements"]) == 1 and "all" in rows:
        rows.pop(card["elements"][0], None)
    return rows


def _row_label(name: str) -> str:
    return "All" if name == "all" else name[:1].upper() + name[1:]


def _number(value: Any, digits: int, factor: float) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _NONE
    return f"{value * factor:.{digits}f}"


def _plain_cell(text: str) -> str:
    # tables read markdown: an underscore or a star in a card is only that
    return "".join(f"\\{c}" if c in "*_`$[]<>:" else c for c in text)

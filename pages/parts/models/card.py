"""The Models page: the card of a model, its headline numbers, and other models of its elements."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages.parts.shared.library import model_cards
from pages.parts.shared.page import plain
from xanes_core.model import VERDICT_TITLES, Card, card_json, metrics_csv

#: Columns of the score table: label, entry of the card, digits, factor (None: that of the error).
_SCORES = (
    ("n", "n", 0, 1.0),
    ("MSE", "mse", 2, None),
    ("Median MSE", "median_mse", 2, None),
    ("Spectral error (%)", "relative_spectral_error_percent", 1, 1.0),
    ("Intensity error (%)", "median_intensity_error_percent", 1, 1.0),
    ("Peak position (eV)", "peak_position_error_ev", 2, 1.0),
    ("Peaks matched (%)", "peaks_matched", 0, 100.0),
    ("In the band (%)", "coverage", 0, 100.0),
    ("Band width", "width", 2, 1.0),
    ("Spread-error rank corr.", "spread_error_spearman", 2, 1.0),
)
_NONE = "\u2013"


def card_section(card: Card) -> None:
    """What the model is on the left, how well it does on the right."""
    left, right = st.columns([1, 1], gap="medium")
    with left:
        st.table(facts(card), border=False, hide_header=True)
        download_card(card)
    with right:
        st.markdown("**Held-out scores**")
        scores = headline(card)
        if not scores:
            st.caption("This card holds no scores on held-out structures.")
        with st.container(horizontal=True, gap="small"):
            for label, value in scores.items():
                st.metric(label, value, width="content")
        protocol = card.metrics.get("protocol")
        if scores and protocol:
            st.caption(plain(protocol[:1].upper() + protocol[1:]) + ".")
        _differences(card)


def download_card(card: Card) -> None:
    """Buttons for the card and its numbers."""
    offers = [
        ("Card (JSON)", "card.json", "application/json", lambda: card_json(card)),
    ]
    if scores_table(card) is not None:
        offers.append(("Metrics (CSV)", "metrics.csv", "text/csv", lambda: metrics_csv(card)))
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown("Download")
        for label, name, mime, make in offers:
            st.download_button(
                label, make, file_name=f"{card.key}_{name}", mime=mime, on_click="ignore",
                key=f"download_{name}",
            )  # fmt: skip


def _differences(card: Card) -> None:
    """What differs where several models answer for one element of this card."""
    for element in card.elements:
        own = [c for c in model_cards(element) if c.kind == card.kind]
        if len(own) < 2:
            continue
        st.markdown(
            f"**{plain(element)} has {len(own)} models.** They learned from different theories, so "
            "their spectra differ for the same structure. Compare each with data of its own kind."
        )
        st.table(difference_table(own, element), border="horizontal")


def facts(card: Card) -> pd.DataFrame:
    """What a card says in words, one line per label."""
    process = card.kind.process
    grid = card.grid
    lines = [
        ("Absorbers", ", ".join(card.elements)),
        ("Spectrum", f"{card.edge}-edge {process}, {grid.start_rel_ev:g} to "
                     f"{grid.stop_rel_ev:g} eV from E0, {grid.n_points} points"),
        ("Theory", card.theory),
        ("Broadening", card.broadening),
        ("Training data", training_text(card)),
        ("Source", card.origin),
        ("Licence", card.licence),
        ("Descriptor", f"wACSF, convention {card.convention}, within 6 \u00c5"),
        ("Size", card.size_note),
        ("Made on", card.date),
        ("Made with", ", ".join(f"{name} {v}" for name, v in card.versions.items())),
    ]  # fmt: skip
    rows = {label: _plain_cell(str(text)) for label, text in lines if text}
    return pd.DataFrame.from_dict(rows, orient="index", columns=[""])


def training_text(card: Card) -> str:
    """Size of the training set, by element where there are several."""
    per_element = card.training_set.n_per_element
    text = f"{card.training_set.n} spectra"
    if len(per_element) > 1:
        text += " (" + ", ".join(f"{e} {n}" for e, n in per_element.items()) + ")"
    copies = card.training_set.further.get("n_displaced_copies")
    if isinstance(copies, int) and copies:
        text += f" and {copies} displaced copies"
    held = card.training_set.n_held_out_for_metrics
    return f"{text}; scores on {held} kept aside" if held else text


def scores_table(card: Card) -> pd.DataFrame | None:
    """Scores on structures kept aside, one row per group; None where the card has none."""
    rows = _score_rows(card)
    if not rows:
        return None
    kind = card.kind
    error_factor, error_label = kind.mse_factor, kind.mse_label
    table = {
        _row_label(name): {
            label.replace("MSE", error_label): _number(
                row.get(key), digits, error_factor if factor is None else factor
            )
            for label, key, digits, factor in _SCORES
        }
        for name, row in rows.items()
    }
    frame = pd.DataFrame.from_dict(table, orient="index")
    return frame.loc[:, (frame != _NONE).any()]


def headline(card: Card) -> dict[str, str]:
    """The few numbers to show large, by label; empty where the card has no scores."""
    row = _score_rows(card).get("all")
    if not row:
        return {}
    kind = card.kind
    factor, label = kind.mse_factor, kind.mse_label
    level = 100 * card.interval_level
    scores = {
        "Spectra kept aside": _number(row.get("n"), 0, 1.0),
        label: _number(row.get("mse"), 2, factor),
        "Spectral error": f"{_number(row.get('relative_spectral_error_percent'), 1, 1.0)} %",
        f"Inside the {level:.0f} % band": f"{_number(row.get('coverage'), 0, 100.0)} %",
    }
    return {name: text for name, text in scores.items() if not text.startswith(_NONE)}


def verdict_table(card: Card, name: str = "by_verdict") -> pd.DataFrame | None:
    """How the error grows with the verdict, of the metric `name`; None where unknown."""
    groups = card.metrics.get(name)
    if groups is None and name == "by_verdict":  # cards of before
        groups = card.metrics.get("held_out", {}).get("domain")
    if not groups:
        return None
    kind = card.kind
    factor, label = kind.mse_factor, kind.mse_label
    usual = groups.get("in domain", {}).get("mse")
    rows = {}
    for verdict, found in groups.items():
        ratio = found["mse"] / usual if usual and found.get("mse") else None
        rows[VERDICT_TITLES.get(verdict, verdict).capitalize()] = {
            "n": _number(found.get("n"), 0, 1.0),
            label: _number(found.get("mse"), 2, factor),
            "Times that within": _number(ratio, 1, 1.0),
            "In the band (%)": _number(found.get("coverage"), 0, 100.0),
            "Band width": _number(found.get("width"), 2, 1.0),
        }
    frame = pd.DataFrame.from_dict(rows, orient="index")
    return frame.loc[:, (frame != _NONE).any()]


def chemistry_table(card: Card) -> pd.DataFrame | None:
    """Errors on kinds of complexes never seen, beside those at random; None where unmeasured."""
    splits = card.metrics.get("chemistry")
    if not splits:
        return None
    kind = card.kind
    factor, label = kind.mse_factor, kind.mse_label
    rows = {
        _plain_cell(str(split["left_out"])): {
            "Kind": _plain_cell(str(split.get("kind", _NONE))),
            "n": _number(split.get("n"), 0, 1.0),
            f"{label}, never seen": _number(split.get("mse"), 2, factor),
            f"{label}, at random": _number(split.get("mse_random"), 2, factor),
            "In the band (%)": _number(split.get("coverage"), 0, 100.0),
        }
        for split in splits
    }
    frame = pd.DataFrame.from_dict(rows, orient="index")
    return frame.loc[:, (frame != _NONE).any()]


def response_table(card: Card) -> pd.DataFrame | None:
    """How well it follows a moved ligand: medians and quartiles; None where unmeasured."""
    groups = card.metrics.get("response")
    if not groups:
        return None
    rows = {
        _moved_label(name): {
            "n": _number(found.get("n"), 0, 1.0),
            "Missed of the change (%)": _with_quartiles(found, "response_error", 0, 100.0),
            "Likeness of its shape (cosine)": _with_quartiles(found, "response_cosine", 2, 1.0),
        }
        for name, found in groups.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _moved_label(group: str) -> str:
    label = "All copies" if group == "all" else f"{group} moved" if " " in group else group
    return _plain_cell(label[:1].upper() + label[1:])


def _with_quartiles(row: dict[str, Any], name: str, digits: int, factor: float) -> str:
    middle, low, high = (
        _number(row.get(name + end), digits, factor) for end in ("", "_lower", "_upper")
    )
    return middle if _NONE in (low, high) else f"{middle} ({low} to {high})"


def difference_table(cards: list[Card], element: str) -> pd.DataFrame:
    """What differs between the models of one element, side by side."""
    columns = {}
    for card in cards:
        rows = _score_rows(card)
        # a card of one element may have the overall row only
        row = rows.get(element) or (rows.get("all") if len(card.elements) == 1 else None) or {}
        trained = card.training_set.n_per_element.get(element, _NONE)
        default = element in card.default_for
        kind = card.kind
        factor, label = kind.mse_factor, kind.mse_label
        columns[f"{card.key} (default)" if default else card.key] = {
            "Theory": card.theory,
            "Broadening": card.broadening,
            f"{element} spectra in training": str(trained),
            f"Held-out {label}": _number(row.get("mse"), 2, factor),
            "Inside the band (%)": _number(row.get("coverage"), 0, 100.0),
        }
    return pd.DataFrame(columns).map(_plain_cell)


def _score_rows(card: Card) -> dict[str, dict[str, Any]]:
    held_out = card.metrics.get("held_out", {})
    rows = {group: scores for group, scores in held_out.items() if group != "domain"}
    if len(card.elements) == 1 and "all" in rows:
        rows.pop(card.elements[0], None)
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

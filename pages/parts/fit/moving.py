"""What may move in a fit, chosen from a list or by a click on a ligand, and the energy window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from pages.parts.play.subject import Stage
from pages.parts.shared import view
from pages.parts.shared.page import notice, to_link
from xanes_core.errors import XanesError
from xanes_core.plots import scene
from xanes_core.refinement import WINDOW_EV, Measured
from xanes_core.structures import Suggestion, move_label, move_limits, parse_move

#: Parameters that a fit takes.
MAX_MOVES = 6
#: Between the words of moves in a link; a word may hold commas.
_BETWEEN = ";"


def choose_moves(stage: Stage, suggested: Sequence[Suggestion]) -> list[Suggestion]:
    """Moves from a list, those of the link among them; at first the most telling one."""
    offered = {one.move.text: one for one in suggested} | _linked(stage, suggested)
    if not offered:
        st.warning(
            f"No ligand of {stage.element} can be moved without tearing it or running into "
            "another: choose another structure or absorber."
        )
        return []
    current = _current(offered)
    st.session_state["fit_moves"] = current
    st.multiselect(
        "What may move", list(offered), key="fit_moves", max_selections=MAX_MOVES,
        format_func=lambda text: offered[text].label if text in offered else str(text),
        on_change=lambda: _keep(st.session_state["fit_moves"]),
        help="Up to six. A click on a ligand in the 3D view adds it or takes it away.",
    )  # fmt: skip
    return [offered[text] for text in current]


def _words() -> list[str]:
    """Moves that the reader or the link chose; none is as at first."""
    return [text for text in view.value("moves").split(_BETWEEN) if text]


def _keep(words: Sequence[str]) -> None:
    to_link("moves", _BETWEEN.join(words) or "none")


def _current(offered: Mapping[str, Suggestion]) -> list[str]:
    chosen = _words()
    if chosen == ["none"]:
        return []
    known = [text for text in chosen if text in offered]
    return known or [next(iter(offered))]


def _linked(stage: Stage, suggested: Sequence[Suggestion]) -> dict[str, Suggestion]:
    """Moves of the link beside the suggested ones; those that cannot be are said and dropped."""
    words, known = _words(), {one.move.text for one in suggested}
    found, kept = {}, []
    for word in words:
        if word in known or word == "none":
            kept.append(word)
            continue
        try:
            move = parse_move(word)
            low, high = move_limits(stage.body, move)
            if move.is_change or low == high:
                notice(f"{word} was left out: it has no range that a fit could search.")
                continue
            found[move.text] = Suggestion(move, move_label(stage.body, move), low, high)
            kept.append(move.text)
        except XanesError as error:
            notice(f"{word[:40]} was left out: {error}")
    if kept != words:
        view.put("moves", _BETWEEN.join(kept[:MAX_MOVES]) or None)
    elif len(kept) > MAX_MOVES:
        notice(f"A fit takes up to {MAX_MOVES} moves: the first {MAX_MOVES} were taken.")
        view.put("moves", _BETWEEN.join(kept[:MAX_MOVES]))
    return found


def toggle_ligand(stage: Stage, suggested: Sequence[Suggestion], atom: int) -> None:
    """Let the ligand of an atom move along its bond, or hold it again."""
    ligand = next((one for one in stage.body.ligands if atom in one.atoms), None)
    if ligand is None:
        return
    offered = {one.move.text: one for one in suggested}
    words = _current(offered | dict.fromkeys(_words(), suggested[0])) if suggested else []
    number = ligand.number
    own = [w for w in words if w.partition(":")[2] == str(number)]
    possible = [f"{kind}:{number}" for kind in ("ligand", "offcentre", "turn")]
    text = next((word for word in possible if word in offered), None)
    if own:
        _keep([w for w in words if w not in own])
    elif text is None:
        notice(f"{ligand.title} cannot move alone here: choose another one from the list.")
    elif len(words) >= MAX_MOVES:
        notice(f"A fit takes up to {MAX_MOVES} moves: take one away first.")
    else:
        _keep([*words, text])


def stage_scene(stage: Stage, moves: Sequence[Suggestion]) -> dict[str, object]:
    """The structure, with a halo around the atoms that may move."""
    body = stage.body
    moved = {
        i
        for one in moves
        if one.move.kind != "offcentre"
        for ligand in body.moved_by(one.move)[: 1 if one.move.kind == "angle" else None]
        for i in ligand.donors
    }
    if any(one.move.kind == "offcentre" for one in moves):
        moved.add(body.absorber)
    return scene(body.atoms, body.absorber) | {"highlight": sorted(moved)}


def choose_window(
    measured: Measured, *, first: tuple[int, int] | None = None
) -> tuple[float, float]:
    """Energies relative to E0 that are compared, kept in the link; at first `first`, or all."""
    low, high = int(WINDOW_EV[0]), int(WINDOW_EV[1])
    first = first or (low, high)
    chosen = _linked_window() or first
    st.session_state["fit_window"] = chosen
    st.slider(
        "Window (eV from E\u2080)", low, high, key="fit_window", step=1,
        on_change=lambda: _keep_window(st.session_state["fit_window"], first),
        help="Energies that are compared; the model knows no others.",
    )  # fmt: skip
    measured.within(chosen)  # too few points, or none: said in a sentence
    return float(chosen[0]), float(chosen[1])


def _keep_window(chosen: tuple[int, int], first: tuple[int, int]) -> None:
    to_link("window", None if tuple(chosen) == first else f"{chosen[0]}:{chosen[1]}")


def _linked_window() -> tuple[int, int] | None:
    text = view.value("window")
    if not text:
        return None
    try:
        low, high = (int(part) for part in text.split(":"))
    except ValueError:
        low, high = 0, 0
    if not WINDOW_EV[0] <= low < high <= WINDOW_EV[1]:
        notice(view.missing("the window", text))
        view.put("window", None)
        return None
    return low, high

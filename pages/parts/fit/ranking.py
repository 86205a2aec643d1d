"""Which of many structures made a spectrum: a probability for each."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import streamlit as st

from pages.parts.fit.candidates import Judged, Kind, judged
from pages.parts.shared.downloads import download_button
from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.page import plain
from xanes_core.model import VERDICT_TITLES, SpectrumModel
from xanes_core.plots import Curve
from xanes_core.refinement import Candidate, Measured, RankedCandidate, rank_candidates

#: Candidates drawn over the spectrum unless others are marked in the table.
_DRAWN = 3


def ranking_mode(
    entries: list[StructureEntry], line: st.delta_generator.DeltaGenerator, element: str | None
) -> None:
    """Candidates on the left; their spectra and probabilities on the right."""
    known, right = judged(KIND, entries, line, element, lambda _, offered: list(offered))
    if known is not None:
        with right:
            _show(known)


def _rank(
    measured: Measured,
    candidates: tuple[Candidate, ...],
    model: SpectrumModel,
    window_ev: tuple[float, float],
    on_progress: Callable[[float, str], None],
    cancelled: Callable[[], bool],
) -> tuple[RankedCandidate, ...]:
    return rank_candidates(
        measured, candidates, model=model, window_ev=window_ev, on_progress=on_progress,
        cancelled=cancelled,
    )  # fmt: skip


KIND = Kind("rank", "Rank", "Ranking", "candidates", 2, None, _rank)


def _show(known: Judged) -> None:
    if known.result is None:
        known.figure([])
        return
    ranked: tuple[RankedCandidate, ...] = known.result
    shown = _marked(ranked) or [one for one in ranked[:_DRAWN] if one.probability > 0]
    drawn = [
        Curve(
            one.name[:60], known.compared.energies_ev, one.mu, "other" if rank else "network",
            rank=max(rank - 1, 0),
        )
        for rank, one in enumerate(shown)
    ]  # fmt: skip
    known.figure(drawn)
    st.markdown(_ranking_sentence(ranked))
    _ranking_table(ranked)


def _marked(ranked: tuple[RankedCandidate, ...]) -> list[RankedCandidate]:
    """Candidates whose lines are marked in the table."""
    state = st.session_state.get("fit_ranking")
    rows = state["selection"]["rows"] if state else []
    return [ranked[row] for row in rows if row < len(ranked) and ranked[row].probability > 0]


def _ranking_sentence(ranked: tuple[RankedCandidate, ...]) -> str:
    best = ranked[0]
    share = _percent(best.probability)
    told = f"**{plain(best.name)}** made this spectrum with a probability of **{share}**"
    told += f" among these {len(ranked)}, misfit {best.misfit:.3f} edge steps."
    if len(ranked) > 1 and best.probability < 0.95:
        second = ranked[1]
        told += f" Next comes {plain(second.name)} with {_percent(second.probability)}."
    return f"{told} The true structure may be none of them: look at the misfit."


def _percent(probability: float) -> str:
    percent = 100 * probability
    if percent > 99.9:
        return "over 99.9 %"
    return f"{percent:.1f} %" if percent >= 0.1 else "under 0.1 %"


def _ranking_table(ranked: tuple[RankedCandidate, ...]) -> None:
    import pandas as pd  # a third of a second, which an empty page does without

    rows = [
        {
            "Structure": one.name, "Probability": 100 * one.probability, "Misfit": one.misfit,
            "Shift (eV)": one.shift_ev, "Verdict": VERDICT_TITLES.get(one.verdict, one.verdict),
            "Note": one.note,
        }
        for one in ranked
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    st.dataframe(
        table,
        hide_index=True,
        key="fit_ranking",
        on_select="rerun",
        selection_mode="multi-row",
        height=min(40 + 36 * len(rows), 360),
        column_config={
            "Probability": st.column_config.ProgressColumn(
                "Probability (%)", min_value=0, max_value=100, format="%.1f"
            ),
            "Misfit": st.column_config.NumberColumn("Misfit (edge steps)", format="%.3f"),
            "Shift (eV)": st.column_config.NumberColumn(format="%+.1f"),
        },
    )
    st.caption("Marked lines are drawn above; without any the first three.")
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown("Download")
        download_button("CSV", table.to_csv(index=False), "ranking.csv", key="ranking_csv")
        records = [
            {
                "name": one.name, "probability": one.probability, "misfit": _or_none(one.misfit),
                "shift_ev": _or_none(one.shift_ev), "verdict": one.verdict, "note": one.note,
            }
            for one in ranked
        ]  # fmt: skip
        download_button("JSON", json.dumps(records, indent=1), "ranking.json", key="ranking_json")


def _or_none(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None

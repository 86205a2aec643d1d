"""A chart with the settings that all charts share."""

from __future__ import annotations

from collections.abc import Callable

import plotly.graph_objects as go
import streamlit as st

from pages.parts.shared.page import look
from xanes_core.files import safe_name
from xanes_core.plots import LIGHT, Look, figure_csv, figure_image

_CHART = {"displaylogo": False, "modeBarButtonsToRemove": ["toImage", "lasso2d"]}


# --- charts --------------------------------------------------------------------------------------
def chart(
    make: Callable[[Look], go.Figure],
    *,
    key: str,
    name: str,
    height_px: int | None = None,
    on_drag: Callable[[str], None] | None = None,
) -> None:
    """Show a figure with its downloads; `make` is given the page that it stands on.

    With `on_drag` a horizontal drag selects; it is called with the chart's key.
    """
    options = {}
    version = st.session_state.get("windows_version", 0) if on_drag else 0
    chart_key = f"{key}_{version}"
    if on_drag:
        options = {
            "selection_mode": "box",
            "on_select": lambda: on_drag(chart_key),
        }
    with st.container(key=key, gap="xxsmall"):
        st.plotly_chart(
            make(look(height_px)),
            width="stretch",
            theme=None,
            key=chart_key,
            config=_CHART,
            **options,
        )  # fmt: skip
        base = safe_name(name)
        offers = [
            ("PNG", "image/png", lambda: figure_image(make(LIGHT), "png")),
            ("SVG", "image/svg+xml", lambda: figure_image(make(LIGHT), "svg")),
            ("CSV", "text/csv", lambda: figure_csv(make(LIGHT))),
        ]
        with st.container(horizontal=True, gap="xsmall", horizontal_alignment="right"):
            for label, mime, data in offers:
                st.download_button(
                    label, data, file_name=f"{base}.{label.lower()}", mime=mime, on_click="ignore",
                    key=f"{key}_{label}", type="tertiary",
                )  # fmt: skip

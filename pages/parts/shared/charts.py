"""Figures on a page: the settings that all of them share, and their downloads."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from pages.parts.shared.downloads import Content, download_row
from pages.parts.shared.page import look
from xanes_core.files import safe_name
from xanes_core.plots import LIGHT, Look, figure_csv, figure_image, figure_text

#: Buttons that wheel, double click and drag make needless, so that the tool bar stays short.
_NOT_NEEDED = ("lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d")


def show_figure(
    figure: go.Figure,
    *,
    key: str,
    without: Sequence[str] = (),
    has_downloads: bool = True,
    **options: Any,
) -> None:
    """Show a figure, and say in words what it shows for those who hear the page.

    `without` names buttons of the tool bar to leave out; where downloads stand below, which make a
    better picture than the browser does, its picture is left out too. `options` say what a
    selection does.
    """
    words = html.escape(figure_text(figure))
    st.container(key=f"in_words_{key}").html(f'<p class="in-words">{words}</p>')
    removed = [*_NOT_NEEDED, *(["toImage"] if has_downloads else []), *without]
    config = {
        "displaylogo": False,
        "modeBarButtonsToRemove": removed,
        "toImageButtonOptions": {"filename": safe_name(key), "scale": 3},
    }
    st.plotly_chart(figure, width="stretch", theme=None, key=key, config=config, **options)


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
    chart_key = f"{key}_0"
    selection: dict[str, Any] = {}
    if on_drag is not None:
        chart_key = f"{key}_{st.session_state.get('windows_version', 0)}"
        selection = {"selection_mode": "box", "on_select": lambda: on_drag(chart_key)}
    with st.container(key=key, gap="xxsmall"):
        show_figure(make(look(height_px)), key=chart_key, **selection)
        contents: dict[str, Content] = {
            "png": lambda: figure_image(make(LIGHT), "png"),
            "svg": lambda: figure_image(make(LIGHT), "svg"),
            "csv": lambda: figure_csv(make(LIGHT)),
        }
        download_row(contents, safe_name(name), key=key, title=None)

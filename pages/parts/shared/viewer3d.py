"""The 3D view: 3Dmol.js from this server's own static folder, or plotly where it is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.page import look, plain
from xanes_core.errors import XanesError
from xanes_core.plots import ABSORBER, SHELLS_ANG, scene, structure_figure
from xanes_core.plots.viewer_script import VIEWER_SCRIPT, viewer_ready
from xanes_core.structures import Site

_HTML = """<div class="viewer3d"><div class="viewer3d-stage"></div>
<div class="viewer3d-hover"></div><div class="viewer3d-message">Loading the 3D view</div></div>"""
_CSS = """
.viewer3d { position: relative; width: 100%; overflow: hidden;
  border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius); }
.viewer3d-stage { position: absolute; inset: 0; }
.viewer3d-hover { position: absolute; left: 10px; bottom: 6px; font: 13px sans-serif;
  color: var(--st-text-color); pointer-events: none; }
.viewer3d-message { position: absolute; inset: 0; display: flex; align-items: center;
  justify-content: center; padding: 1rem; text-align: center; font: 14px sans-serif;
  color: var(--st-text-color); pointer-events: none; }
"""
VIEW_HEIGHT_PX = 330


@st.cache_resource(max_entries=1, show_spinner=False)
def _component() -> Callable[..., Any]:
    script = (Path(__file__).parent / "viewer3d.js").read_text(encoding="utf-8")
    return st.components.v2.component("viewer3d", html=_HTML, css=_CSS, js=script)


@st.cache_data(ttl=30, show_spinner=False)
def _script_present() -> bool:
    return viewer_ready()


def show_structure(
    scene: dict[str, Any],
    *,
    structure: str,
    height_px: int,
    key: str,
    pickable: bool = False,
    spin: bool = False,
) -> int | None:
    """Show a scene of :func:`xanes_core.plots.scene`; `structure` names what the camera is on.

    Returns the index of the atom clicked last, where the view is pickable. With `spin` it turns
    slowly until it is touched, unless the reader asked for little motion.
    """
    present = _script_present()
    if not present or st.session_state.get(f"{key}_plain"):
        figure = structure_figure(scene, look=look(height_px))
        st.plotly_chart(figure, width="stretch", key=f"{key}_plotly", theme=None)
        st.caption(
            "Plain 3D view: the browser could not start the viewer. Reload the page to try again."
            if present
            else "Plain 3D view: the viewer's script is not installed here. "
            "`python -m xanes_core.plots.viewer_script` fetches it once."
        )
        return None
    base = st.get_option("server.baseUrlPath").strip("/")
    prefix = f"/{base}" if base else ""
    data = scene | {
        "structure": structure,
        "background": look().background,
        "height_px": height_px,
        "absorber_colour": ABSORBER,
        "script_url": f"{prefix}/app/static/{VIEWER_SCRIPT}",
        "pickable": pickable,
        "spin": spin,
    }
    result = _component()(
        key=key, data=data, on_failed_change=lambda: None, on_picked_change=lambda: None
    )
    if result.failed:
        st.session_state[f"{key}_plain"] = True
        st.rerun()
    return result.picked if pickable else None


def structure_panel(entry: StructureEntry, frame: int, sites: Sequence[Site]) -> None:
    """3D view with labels and shells on demand."""
    line = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    shells = line.pills(
        "Shells (\u00c5)",
        SHELLS_ANG,
        selection_mode="multi",
        format_func=lambda r: f"{r:g} \u00c5",
        key="shells",
        persist_state="session",
        label_visibility="collapsed",
        help="Spheres around the absorber",
    )
    labels = line.toggle("Labels", key="labels", persist_state="session")
    atoms = entry.frames[frame]
    marked = [i for s in sites for i in s.equivalent] if sites else [0]
    try:
        view = scene(atoms, marked, labels=labels, shells_ang=shells or ())
    except XanesError as error:
        st.warning(plain(error))
        return
    show_structure(
        view,
        structure=f"{entry.key} {marked[0]}",
        height_px=VIEW_HEIGHT_PX,
        key="structure_view",
    )
    if view["note"]:
        st.caption(view["note"])

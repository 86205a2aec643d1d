"""The 3D view: 3Dmol.js from this server's own static folder, or plotly where it is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from pages.parts.shared.choices import pick_absorber, pickable_atoms
from pages.parts.shared.inputs import StructureEntry
from pages.parts.shared.page import look, plain
from xanes_core.errors import XanesError
from xanes_core.plots import ABSORBER, HIGHLIGHT, SHELLS_ANG, scene, structure_figure
from xanes_core.plots.viewer_script import VIEWER_SCRIPT, viewer_ready
from xanes_core.structures import Site

_HTML = """<div class="viewer3d" tabindex="0" role="application" aria-roledescription="3D view">
<div class="viewer3d-stage"></div><div class="viewer3d-hover" aria-live="polite"></div>
<div class="viewer3d-keys">Arrows turn, + and \u2212 zoom, 0 resets, Esc leaves</div>
<div class="viewer3d-message">Loading the 3D view</div></div>"""
_FOLDER = Path(__file__).parent
VIEW_HEIGHT_PX = 330


@st.cache_resource(max_entries=1, show_spinner=False)
def _component() -> Callable[..., Any]:
    script, css = (
        (_FOLDER / name).read_text(encoding="utf-8") for name in ("viewer3d.js", "viewer3d.css")
    )
    return st.components.v2.component("viewer3d", html=_HTML, css=css, js=script)


@st.cache_data(ttl=30, show_spinner=False)
def _script_present() -> bool:
    return viewer_ready()


def script_url() -> str:
    """Address of the viewer's script on this server."""
    base = st.get_option("server.baseUrlPath").strip("/")
    return f"/{base}/app/static/{VIEWER_SCRIPT}" if base else f"/app/static/{VIEWER_SCRIPT}"


def show_structure(
    scene: dict[str, Any],
    *,
    structure: str,
    height_px: int,
    key: str,
    pickable: bool | Sequence[int] = False,
    on_pick: Callable[[int], None] | None = None,
    spin: bool = False,
) -> int | None:
    """Show a scene of :func:`xanes_core.plots.scene`; `structure` names what the camera is on.

    `pickable` says of which atoms of the structure (all, or these indices) a click is told, to
    `on_pick` before the page runs again, and to the caller once; a click on any other atom only
    marks it. Atoms in the scene's ``highlight`` get a halo. With `spin` the
    view turns slowly until it is touched, unless the reader asked for little motion.
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
    data = scene | {
        "structure": structure,
        "background": look().background,
        "ink": look().ink,
        "height_px": height_px,
        "absorber_colour": ABSORBER,
        "highlight_colour": HIGHLIGHT,
        "script_url": script_url(),
        "pickable": pickable if isinstance(pickable, bool) else list(pickable),
        "spin": spin,
    }

    def take_pick() -> None:
        picked = st.session_state[key].picked
        if on_pick is not None and picked is not None:
            on_pick(int(picked))

    result = _component()(
        key=key, data=data, on_failed_change=lambda: None, on_picked_change=take_pick
    )
    if result.failed:
        st.session_state[f"{key}_plain"] = True
        st.rerun()
    return int(result.picked) if pickable and result.picked is not None else None


def structure_panel(entry: StructureEntry, frame: int, sites: Sequence[Site]) -> None:
    """3D view with labels and shells on demand; a click on a metal makes it the absorber."""
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
        pickable=pickable_atoms(atoms),
        on_pick=lambda index: pick_absorber(entry, atoms, index),
    )
    if view["note"]:
        st.caption(view["note"])
    if "notes" in atoms.info:
        st.caption(plain(atoms.info["notes"], 900))

"""Whose session it is, for work that goes on behind the pages."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.runtime import exists, get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx


def owner() -> tuple[str, Callable[[], bool]]:
    """Name of this session, and a quick test of whether its reader is still there."""
    context = get_script_run_ctx()
    session = context.session_id if context else ""
    if not exists():  # no server: a script or a test
        return session, lambda: True
    runtime = get_instance()
    return session, lambda: runtime.is_active_session(session)

"""Buttons that save a file, alone or in a row of formats, and how long such a file can be had.

Streamlit forgets a file the moment a redraw of the page has ended, while the reader still looks at
the button of the page before: a click within that second found nothing, and the button that would
have said so was gone. Here files outlive the redraw by half a minute.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

import streamlit as st
from streamlit.runtime import exists, get_instance
from streamlit.runtime.media_file_manager import MediaFileManager

_MIME_TYPES = {
    ".csv": "text/csv",
    ".gif": "image/gif",
    ".html": "text/html",
    ".json": "application/json",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".xyz": "chemical/x-xyz",
    ".zip": "application/zip",
}
#: What a file holds, or what makes it once it is asked for.
Content = str | bytes | Callable[[], str | bytes]

#: How long (s) a file can be had after the page that offered it was drawn anew.
KEEP_S = 30.0


class PatientFiles(MediaFileManager):
    """Streamlit's store of files, which gives up a file some time after its last page has gone.

    It takes the place of the class of a store that is there already (:func:`keep_downloads`).
    """

    keep_s = KEEP_S

    def _patient(self, orphans: set[str], kind: str) -> set[str]:
        """Those that have been orphans for longer than ``keep_s``."""
        since: dict[str, float] = self.__dict__.setdefault(f"_{kind}_since", {})
        for found in set(since) - orphans:
            del since[found]
        now = time.monotonic()
        return {one for one in orphans if now - since.setdefault(one, now) >= self.keep_s}

    def _get_inactive_file_ids(self) -> set[str]:
        return self._patient(super()._get_inactive_file_ids(), "file")

    def _remove_orphaned_deferred_callables(self) -> None:
        used = {
            one for files in self._files_by_session_and_coord.values() for one in files.values()
        }
        for one in self._patient(set(self._deferred_callables) - used, "deferred"):
            self._drop_deferred_id(one)


def keep_downloads() -> None:
    """Make the server keep files for a while; once is enough, more does no harm."""
    if exists() and type(get_instance().media_file_mgr) is MediaFileManager:
        get_instance().media_file_mgr.__class__ = PatientFiles


def download_button(
    label: str, content: Content, file_name: str, *, key: str, **options: Any
) -> None:
    """Button that saves `content`; its kind of file follows from the name."""
    mime = _MIME_TYPES.get(PurePath(file_name).suffix, "text/plain")
    st.download_button(
        label, content, file_name=file_name, mime=mime, on_click="ignore", key=key, **options
    )


def download_row(
    contents: Mapping[str, Content], base: str, *, key: str, title: str | None = "Download"
) -> None:
    """A button for each format; without a title a quiet row on the right, below a figure.

    `contents` by file extension; files are named after `base`.
    """
    if title is None:
        line = st.container(horizontal=True, gap="xsmall", horizontal_alignment="right")
    else:
        line = st.container(horizontal=True, gap="small", vertical_alignment="center")
    with line:
        if title is not None:
            st.markdown(title)
        for extension, content in contents.items():
            download_button(
                extension.upper(), content, f"{base}.{extension}", key=f"{key}_{extension}",
                type="tertiary" if title is None else "secondary",
            )  # fmt: skip

"""Buttons that save a file, alone or in a row of formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

import streamlit as st

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

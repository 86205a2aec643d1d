"""How much uploaded structures may take in all: of one session, and of all sessions of a server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from typing import Protocol

import streamlit as st

from pages.parts.shared.session import owner
from pages.parts.shared.settings import whole_number

_MIB = 1024 * 1024


class Upload(Protocol):
    """A file as the pages keep it."""

    digest: str
    data: bytes | None
    error: str
    size: int


@dataclass(frozen=True)
class UploadLimits:
    """Most bytes of structure files that are kept for one session, and for all together."""

    session_bytes: int = 200 * _MIB
    total_bytes: int = 2000 * _MIB

    @classmethod
    def of_environment(cls) -> UploadLimits:
        """Defaults, or what whoever runs the server has set."""
        return cls(
            whole_number("XANES_UPLOAD_MB_SESSION", cls.session_bytes // _MIB) * _MIB,
            whole_number("XANES_UPLOAD_MB_TOTAL", cls.total_bytes // _MIB) * _MIB,
        )


class Room:
    """Bytes that sessions keep; those of a session that is gone are free again.

    Parameters
    ----------
    limits : UploadLimits
        How many there are.
    """

    def __init__(self, limits: UploadLimits) -> None:
        self.limits = limits
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[int, Callable[[], bool]]] = {}

    def taken(self) -> int:
        """Bytes kept for sessions that are still there."""
        with self._lock:
            self._kept = {name: own for name, own in self._kept.items() if own[1]()}
            return sum(n_bytes for n_bytes, _ in self._kept.values())

    def keep(self, session: str, n_bytes: int, alive: Callable[[], bool]) -> None:
        """Note how much a session keeps now, instead of what it kept before."""
        with self._lock:
            self._kept[session] = n_bytes, alive

    def refusal(self, session: str, kept: int, more: int) -> str:
        """Why a file of so many bytes cannot be kept beside what a session has; empty if it can."""
        if kept + more > self.limits.session_bytes:
            return (
                f"The files of a session may have {self.limits.session_bytes // _MIB:,} MB "
                "together, and there is no room left for this one: remove others, or use the "
                "command line."
            )
        with self._lock:
            before = self._kept[session][0] if session in self._kept else 0
        if self.taken() - before + kept + more > self.limits.total_bytes:
            return (
                "The server has no room left for this file, since many people use it: try again "
                "later, with fewer frames, or use the command line."
            )
        return ""


@st.cache_resource(max_entries=1, show_spinner=False)
def room() -> Room:
    """What all sessions of this server keep."""
    return Room(UploadLimits.of_environment())


def limits_line() -> str:
    """What may be uploaded, for the page."""
    limits = room().limits
    return f"Up to 20 MB each and {limits.session_bytes // _MIB:,} MB together."


def refuse_too_much(files: Iterable[Upload], known: Container[str]) -> None:
    """Give files that there is no room for a reason instead of their bytes, the last first."""
    session, alive = owner()
    kept = 0
    for one in files:
        why = "" if one.digest in known else room().refusal(session, kept, one.size)
        if why:
            one.data, one.error, one.size = None, why, 0
        kept += one.size
    room().keep(session, kept, alive)


def note_kept(n_bytes: int) -> None:
    """Note how much this session keeps now."""
    session, alive = owner()
    room().keep(session, n_bytes, alive)

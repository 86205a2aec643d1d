"""Who may come in: the hosts a server answers for, and what is kept from getting past its door.

A page of a stranger can point a name of its own at this machine (DNS rebinding) and would then be
of the same origin as the dashboard. Its requests still carry that name, so a server that answers
only for names it knows refuses them. An address in numbers cannot be pointed elsewhere.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from google.protobuf.message import DecodeError
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg

#: Environment variable: further names of this server, commas between them; ``*`` is any name.
HOSTS_VARIABLE = "XANES_ALLOWED_HOSTS"
#: Messages of a browser that reach beyond its own session.
_DROPPED = frozenset({"clear_cache", "debug_shutdown_runtime", "debug_disconnect_websocket"})
_READS = frozenset({"GET", "HEAD", "OPTIONS"})

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@cache
def _own_names() -> frozenset[str]:
    """Names by which this machine knows itself."""
    return frozenset({"localhost", socket.gethostname().lower(), socket.getfqdn().lower()})


def host_allowed(host: str | None) -> bool:
    """Whether the server answers for a ``Host`` header (with or without a port).

    It does for addresses in numbers, for this machine's own names and ``*.localhost``, and for
    the names in ``XANES_ALLOWED_HOSTS``, where ``*.institute.org`` stands for all of a domain.
    """
    name = _host_name(host)
    if name is None:
        return False
    named = [one.strip().lower().rstrip(".") for one in _named_hosts().split(",") if one.strip()]
    return (
        _is_address(name)
        or name in _own_names()
        or name.endswith(".localhost")
        or any(_matches(name, pattern) for pattern in named)
    )


def refusal(host: str | None) -> str:
    """What is said to somebody who came by a name that is not allowed."""
    return (
        f"This server does not answer for the host {_shown(host)}. Whoever runs it can allow the "
        f"name: set {HOSTS_VARIABLE} and start it again (docs/serving.md)."
    )


def _named_hosts() -> str:
    return os.environ.get(HOSTS_VARIABLE, "")


def _shown(host: str | None) -> str:
    kept = "".join(c for c in host or "" if c.isalnum() or c in ".-:[]_")
    return kept[:80] or "it was asked for"


def _host_name(host: str | None) -> str | None:
    """Name in a header, in small letters; None where the header is none."""
    if not host:
        return None
    try:
        parts = urlsplit(f"//{host}")
        name, _ = parts.hostname, parts.port  # the port is read to be refused where it is none
    except ValueError:
        return None
    if name is None or parts.netloc != host or "@" in host:
        return None
    return name.rstrip(".") or None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _matches(name: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return name.endswith(pattern[1:])
    return pattern in ("*", name)


def origin_allowed(origin: str | None, host: str | None) -> bool:
    """Whether a page of `origin` may open a websocket here, or send something.

    It may where it came from this very host and port, or where ``server.corsAllowedOrigins``
    of Streamlit names it. Programs send no origin; browsers always do.
    """
    if origin is None:
        return True
    return urlsplit(origin).netloc == host or origin in config.get_option(
        "server.corsAllowedOrigins"
    )


class Guard:
    """ASGI middleware: refuses foreign hosts and origins, drops messages that touch others."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        host, origin = (_header(scope["headers"], name) for name in (b"host", b"origin"))
        changes = scope["type"] == "websocket" or scope["method"] not in _READS
        if not host_allowed(host):
            await _refuse(scope, send, 421, refusal(host))
        elif changes and not origin_allowed(origin, host):
            await _refuse(scope, send, 403, "Requests of other pages are not answered.")
        elif scope["type"] == "websocket":
            await self.app(scope, lambda: _next_message(receive), send)
        else:
            await self.app(scope, receive, send)


def _header(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str | None:
    """Value of a header; None where it is missing or there twice."""
    found = [value for name, value in headers if name.lower() == wanted]
    return found[0].decode("latin-1") if len(found) == 1 else None


async def _refuse(scope: Message, send: Send, status: int, sentence: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": sentence.encode()})


async def _next_message(receive: Receive) -> Message:
    """Next message of a browser that concerns its own session alone."""
    while True:
        message = await receive()
        if message["type"] != "websocket.receive" or not _reaches_others(message.get("bytes")):
            return message


def _reaches_others(data: bytes | None) -> bool:
    try:
        return bool(data) and BackMsg.FromString(data).WhichOneof("type") in _DROPPED
    except DecodeError:
        return False  # Streamlit says what it makes of that

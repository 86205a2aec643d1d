"""The door of the server: hosts it answers for, origins it listens to, messages it drops."""

from __future__ import annotations

import asyncio
import socket

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.testing.v1 import AppTest

from pages.parts.shared import door
from tests.pages.test_pages import APP

HOME = "127.0.0.1:8501"


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST:8501", "localhost.:8501", "app.localhost", HOME, "[::1]:8501",
        "192.168.1.20:8501", socket.gethostname(),
    ],
)  # fmt: skip
def test_addresses_and_names_of_this_machine_are_answered(host):
    assert door.host_allowed(host)


@pytest.mark.parametrize(
    "host",
    [
        None, "", "evil.example", "evil.example:8501", "localhost.evil.example", "notlocalhost",
        "user@localhost", "localhost/x", "localhost:http", "127.0.0.1.evil.example", "[::1",
        "127.1.evil", ".", "localhost evil.example",
    ],
)  # fmt: skip
def test_any_other_host_is_not(host):
    assert not door.host_allowed(host)


def test_further_names_are_a_setting(monkeypatch):
    monkeypatch.setenv("XANES_ALLOWED_HOSTS", "xanes.institute.org, *.lab.org")
    assert door.host_allowed("xanes.institute.org:443")
    assert door.host_allowed("a.lab.org")
    assert not door.host_allowed("lab.org.evil.example")
    assert not door.host_allowed("evillab.org")
    monkeypatch.setenv("XANES_ALLOWED_HOSTS", "*")
    assert door.host_allowed("evil.example")
    assert not door.host_allowed("user@evil.example")


def through(scope, messages=()):
    """What came out of the guard, and the messages that reached the app behind it."""
    sent, seen, waiting = [], [], list(messages)

    async def behind(scope, receive, send):
        seen.append(scope["type"])
        while waiting:
            seen.append(await receive())

    async def receive():
        return waiting.pop(0) if waiting else {"type": "websocket.disconnect"}

    async def send(message):
        sent.append(message)

    asyncio.run(door.Guard(behind)(scope, receive, send))
    return sent, seen


def request(host, origin=None, *, kind="http", method="GET"):
    headers = [(b"host", host.encode())]
    if origin:
        headers.append((b"origin", origin.encode()))
    return {"type": kind, "method": method, "headers": headers}


@pytest.mark.parametrize(
    "origin", [None, f"http://{HOME}", f"https://{HOME}"], ids=["program", "http", "proxy"]
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_page_of_this_server_comes_in(kind, origin):
    sent, seen = through(request(HOME, origin, kind=kind, method="PUT"))
    assert (sent, seen) == ([], [kind])


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:3000", f"http://{HOME}.evil.example"],
)
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "websocket"])
def test_another_page_does_not(method, origin):
    kind = "websocket" if method == "websocket" else "http"
    sent, seen = through(request(HOME, origin, kind=kind, method=method))
    assert seen == []
    assert sent[0].get("status") == (403 if kind == "http" else None)
    assert (sent[0]["type"] == "websocket.close") == (kind == "websocket")


def test_a_foreign_host_is_told_what_to_do_even_where_its_page_agrees_with_it():
    for kind in ("http", "websocket"):
        sent, seen = through(request("evil.example", "http://evil.example", kind=kind))
        assert seen == []
    sent, _ = through(request("<b>evil.example"))
    assert sent[0]["status"] == 421
    text = sent[1]["body"].decode()
    assert "does not answer for the host bevil.example" in text
    assert "XANES_ALLOWED_HOSTS" in text
    twice = request("localhost")
    twice["headers"].append((b"host", b"evil.example"))
    assert through(twice)[0][0]["status"] == 421


def test_the_life_of_the_server_passes():
    assert through({"type": "lifespan"}) == ([], ["lifespan"])


def test_a_message_that_would_clear_what_others_use_is_dropped():
    def message(**content):
        data = BackMsg(**content).SerializeToString()
        return {"type": "websocket.receive", "bytes": data}

    other = message(app_heartbeat=True)
    odd = {"type": "websocket.receive", "bytes": b"\xff\xff"}
    text = {"type": "websocket.receive", "text": "x"}
    messages = [message(clear_cache=True), other, message(debug_shutdown_runtime=True), odd, text]
    _, seen = through(request(HOME, kind="websocket"), messages)
    assert seen == ["websocket", other, odd, text]


def test_a_page_refuses_a_foreign_host_itself(monkeypatch):
    page = AppTest.from_file(str(APP), default_timeout=60)
    monkeypatch.setattr(
        "streamlit.runtime.context.ContextProxy.headers", {"Host": "evil.example:8501"}
    )
    page.run()
    assert page.error[0].value.startswith("This server does not answer")
    assert not page.title

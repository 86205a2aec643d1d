"""The two pages on importance without a browser."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest
from test_pages import APP, TIMEOUT_S

from xanes_core.registry import load_model

pytestmark = pytest.mark.skipif(
    not load_model("feff10-3d").importance, reason="the models were made without importance"
)


def opened(script: str, **parameters):
    at = AppTest.from_file(str(APP), default_timeout=TIMEOUT_S).run()
    for name, value in parameters.items():
        at.query_params[name] = value
    return at.switch_page(f"pages/{script}.py").run()


def figure(at, key: str) -> dict:
    (spec,) = [e.proto.spec for e in at.get("plotly_chart") if f"-{key}_" in e.proto.id]
    return json.loads(spec)


def bars(at, key: str) -> list[dict]:
    return [t for t in figure(at, key)["data"] if t["type"] == "bar" and t.get("yaxis") == "y2"]


@pytest.mark.parametrize("script", ["importance", "windows"])
@pytest.mark.parametrize("example", [None, "ferrocene", "orthovanadate"])
def test_the_page_opens(script, example):
    at = opened(script, **({"example": example} if example else {}))
    assert not at.exception
    assert not at.error

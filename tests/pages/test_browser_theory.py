"""The page "Theory" in a real browser, with FEFF10 itself on a complex of five atoms."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.pages.test_browser import (  # noqa: F401  (fixtures)
    Server,
    browser,
    chromium_path,
    upload,
    viewer_atoms,
    visit,
)
from tests.theory.test_fdmnes import PLAIN
from xanes_core.theory import get_engine

pytestmark = pytest.mark.browser
LINK = "/theory?example=titanium-tetrachloride"
RUN_MS = 300_000


@pytest.fixture(scope="module")
def server(tmp_path_factory, chromium_path):  # noqa: F811
    folder = tmp_path_factory.mktemp("theory")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XANES_CACHE_DIR", str(folder / "cache"))
        made = Server(folder / "log")
    yield made
    made.stop()


def chart(page):
    return page.locator(".st-key-theory_figure .js-plotly-plot")


def wait_chart(page) -> None:
    chart(page).locator(".main-svg").first.wait_for()


def legend(page, name: str):
    return chart(page).locator(".legendtext", has_text=name)


def start(page):
    page.get_by_role("button", name="Run FEFF10").click()
    page.get_by_role("button", name="Cancel").wait_for()


@pytest.mark.skipif(not get_engine("feff10").available(), reason="FEFF10 is not installed")
def test_a_run_is_cancelled_repeated_compared_and_found_again(visit):  # noqa: F811
    page = visit().open(LINK)
    wait_chart(page)
    start(page)
    page.locator(".st-key-theory_running", has_text=re.compile(r"\d s")).wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("FEFF10 was cancelled").wait_for()

    start(page)
    page.locator(".st-key-theory_running", has_text="cycle").wait_for()
    page.get_by_role("link", name="Feature importance").click()  # the run goes on meanwhile
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    page.get_by_role("link", name="Theory").click()
    legend(page, "FEFF10").wait_for(timeout=RUN_MS)
    page.get_by_text("times as long").wait_for()
    page.get_by_text("Inside the band").wait_for()
    shared = chart(page).evaluate(
        "(e) => [e._fullLayout.xaxis._matchGroup === e._fullLayout.xaxis2._matchGroup]"
    )
    assert shared == [True]
    with page.expect_download() as waiting:
        page.get_by_role("button", name="feff.inp").click()
    assert "EDGE K" in Path(waiting.value.path()).read_text()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="XDI", exact=True).click()
    assert Path(waiting.value.path()).read_text().startswith("# XDI/1.0")

    page.close()
    again = visit().open(LINK)  # another session, the same disk
    legend(again, "FEFF10").wait_for(timeout=RUN_MS)
    again.get_by_text("Done with these settings").wait_for()


def test_an_fdmnes_result_goes_on_top_and_nothing_scrolls_sideways(visit):  # noqa: F811
    page = visit(size=(390, 844)).open("/theory?example=nickel-tetracarbonyl")
    wait_chart(page)
    viewer_atoms(page)
    upload(page, ("job.txt", PLAIN.encode()), which=1)
    legend(page, "job.txt").wait_for()
    page.wait_for_timeout(700)
    widths = page.evaluate(
        """() => [document.documentElement, document.querySelector('[data-testid=stMain]')]
            .map((e) => e.scrollWidth - e.clientWidth)"""
    )
    assert max(widths) <= 0

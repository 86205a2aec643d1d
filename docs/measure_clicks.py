"""Time from a click to the changed page: ``python -m docs.measure_clicks [OTHER_CHECKOUT]``.

Opens Predict of this checkout, and of another one where it is named (an older one), in one
browser each, and clicks in turns in both: another
example, another absorber of the same structure, another page. Prints the medians.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.pages.test_browser import FLAGS, Server

TURNS = 7
WAIT_MS = 60_000
#: A chart as it is drawn: the energies and heights of its first curve.
_DRAWN = """() => {
  const plot = document.querySelector('.st-key-spectrum .js-plotly-plot');
  const curve = plot?.querySelector('.scatterlayer .trace path.js-line');
  return curve ? curve.getAttribute('d') : '';
}"""


def until_it_differs(page: Page, what: str, click: Callable[[], None]) -> float:
    """Seconds from a click until what a script finds on the page is another."""
    before = page.evaluate(what)
    start = time.perf_counter()
    click()
    page.wait_for_function(
        f"(before) => {{ const now = ({what})(); return now && now !== before; }}",
        arg=before, polling=10,
    )  # fmt: skip
    return time.perf_counter() - start


def example_click(page: Page, turn: int) -> float:
    """Another metal in the sidebar."""
    element = ("Fe", "Co")[turn % 2]
    pill = page.locator("[data-testid=stSidebar]").get_by_role("button", name=element, exact=True)
    if not pill.count():
        pill = page.locator("[data-testid=stSidebar]").get_by_text(element, exact=True)
    return until_it_differs(page, _DRAWN, pill.first.click)


def absorber_click(page: Page, turn: int) -> float:
    """One of the two manganese atoms, then the other."""
    page.get_by_role("combobox", name="Absorber").click()
    option = page.get_by_role("option").nth(1 + turn % 2)
    option.wait_for()
    return until_it_differs(page, _DRAWN, option.click)


def page_click(page: Page, turn: int) -> float:
    """To Feature importance and back, until a chart of the other page is there."""
    name, key = (("Feature importance", "distances"), ("Predict", "spectrum"))[turn % 2]
    start = time.perf_counter()
    page.locator(".st-key-navigation").get_by_text(name, exact=True).click()
    page.locator(f".st-key-{key} .js-plotly-plot .main-svg").first.wait_for()
    return time.perf_counter() - start


#: What is clicked, and the example to begin with.
ACTIONS = {
    "example": (example_click, "ferrocene"),
    "absorber": (absorber_click, "dimanganese-decacarbonyl"),
    "page": (page_click, "ferrocene"),
}


def main(checkouts: list[Path]) -> None:
    """Measure and say it."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is missing: `make test` run as root installs it")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        servers = [Server(Path(folder) / f"log{n}", folder=one) for n, one in enumerate(checkouts)]
        try:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            for name, (action, example) in ACTIONS.items():
                times: list[list[float]] = [[] for _ in servers]
                pages = []
                for server in servers:
                    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
                    page.set_default_timeout(WAIT_MS)
                    page.goto(f"{server.url}/predict?example={example}")
                    page.wait_for_function(_DRAWN)
                    page.wait_for_timeout(2000)
                    pages.append(page)
                for turn in range(TURNS + 1):
                    for page, own in zip(pages, times, strict=True):
                        own.append(action(page, turn + 1))
                        page.wait_for_timeout(1000)
                for checkout, own in zip(checkouts, times, strict=True):
                    print(f"{name}: {statistics.median(own[1:]):.2f} s ({checkout.name})")
        finally:
            for server in servers:
                server.stop()


if __name__ == "__main__":
    here = Path(__file__).resolve().parent.parent
    main([*(Path(name).resolve() for name in sys.argv[1:2]), here])

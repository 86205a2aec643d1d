"""How fast the page Play is here: ``python -m docs.measure_play [SESSIONS]``.

Opens the page in as many browser windows, slides in all of them at the same time and counts the
frames that were drawn; with one, also the time from choosing a motion to seeing it. Without a
graphics card the browser draws in software, and all windows share this machine's processors.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.pages.test_browser import FLAGS, Server

EXAMPLES = (
    "hexaaquairon-ii", "iron-tris-bipyridine", "ferrocene", "copper-porphine",
    "nickel-tetracarbonyl",
)  # fmt: skip
MOTIONS = ("One ligand", "Trans pair", "Angle", "Turn", "Off centre")
WAIT_MS = 120_000
SECONDS = 5
_HOST = """[...document.querySelectorAll('*')].map((e) => (e.shadowRoot || e)
    .querySelector?.('.motion')).find(Boolean)"""
#: Moves the slider to and fro at every frame that the browser offers, and counts those drawn.
_SLIDE = f"""() => {{
  const host = {_HOST}, slider = host.querySelector('.motion-slider');
  const start = performance.now(), before = host.motionStats.drawn;
  window.measured = null;
  function move(now) {{
    const seconds = (now - start) / 1000;
    slider.value = String(Number(slider.max) * (0.5 - 0.5 * Math.cos(2 * seconds)));
    slider.dispatchEvent(new Event('input'));
    if (seconds < {SECONDS}) requestAnimationFrame(move);
    else window.measured = (host.motionStats.drawn - before) / seconds;
  }}
  requestAnimationFrame(move);
}}"""


def opened(browser: Browser, server: Server, example: str) -> Page:
    """The page with an example, ready to slide, in a session of its own."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{server.url}/play?example={example}")
    page.locator(".motion[data-atoms]").wait_for()
    page.wait_for_timeout(2000)
    return page


def frames_per_second(pages: list[Page]) -> list[float]:
    """Frames drawn per second while all pages slide at the same time."""
    for page in pages:
        page.evaluate(_SLIDE)
    for page in pages:
        page.wait_for_function("() => window.measured !== null")
    return [page.evaluate("() => window.measured") for page in pages]


def seconds_to_slide(page: Page, motion: str) -> float:
    """Time from the click on a motion until it can be slid."""
    before = page.locator(".motion-label").inner_text()
    page.get_by_role("combobox", name="Motion").click()
    option = page.get_by_role("option", name=motion)
    option.wait_for()
    start = time.perf_counter()
    option.click()
    page.wait_for_function(
        f"(before) => {_HOST}.querySelector('.motion-label').textContent !== before",
        arg=before, polling=10,
    )  # fmt: skip
    return time.perf_counter() - start


def main(sessions: int) -> None:
    """Measure and say it."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is missing: `make test` run as root installs it")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder) / "log")
        try:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            pages = [opened(browser, server, EXAMPLES[i % 5]) for i in range(sessions)]
            rates = frames_per_second(pages)
            print(f"{sessions} at once, frames per second: {', '.join(f'{r:.0f}' for r in rates)}")
            if sessions == 1:
                times = []
                for motion in MOTIONS:
                    times.append(seconds_to_slide(pages[0], motion))
                    pages[0].wait_for_timeout(500)
                print(f"from motion to sliding: {statistics.median(times):.2f} s (median of 5)")
        finally:
            server.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)

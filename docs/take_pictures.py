"""Take the pictures of the README: ``python -m docs.take_pictures [NAME ...]``.

Starts the app on this machine, opens each page in Debian's chromium as a reader with a light theme
sees it at 1280 x 800, and writes small files into ``docs/pictures``. The page "Theory" runs FEFF10
on five atoms.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.pages.test_browser import FLAGS, Server

FOLDER = Path(__file__).resolve().parent / "pictures"
SIZE = {"width": 1280, "height": 800}
WAIT_MS = 60_000
RUN_MS = 300_000
#: Pages draw on for a moment: the molecule, the last figures, fonts of the figures.
SETTLE_MS = 2_500
#: Colours of a stored picture: all that a reader sees, in a third of the bytes.
COLOURS = 256


def plotted(page: Page, key: str) -> None:
    """Wait for a figure."""
    page.locator(f".st-key-{key} .js-plotly-plot .main-svg").first.wait_for()


def predicted(page: Page) -> None:
    """Wait for the spectrum and the molecule."""
    plotted(page, "spectrum")
    page.locator(".viewer3d[data-atoms]").wait_for()


def calculated(page: Page) -> None:
    """Run FEFF10, and wait for its spectrum."""
    plotted(page, "theory_figure")
    page.get_by_role("button", name="Run FEFF10").click()
    legend = page.locator(".st-key-theory_figure .legendtext", has_text="FEFF10")
    legend.first.wait_for(timeout=RUN_MS)


def compared(page: Page) -> None:
    """Wait for the figures and bring their bars into view."""
    plotted(page, "windows_distances")
    plotted(page, "windows_difference")
    page.wait_for_timeout(SETTLE_MS)
    page.locator("[data-testid=stMain]").evaluate("(element) => element.scrollBy(0, 140)")


def fitted(page: Page) -> None:
    """Fit the bonds to the spectrum that stands in for a measured one."""
    page.get_by_role("button", name="Fit", exact=True).click(timeout=WAIT_MS)
    page.get_by_role("heading", name="What the spectrum says").wait_for(timeout=RUN_MS)


@dataclass(frozen=True)
class Picture:
    """A page, when it is ready, and how wide its picture is stored (pixels)."""

    path: str
    ready: Callable[[Page], None]
    width_px: int = 640


PICTURES = {
    "predict": Picture("/?example=iron-tris-bipyridine", predicted, width_px=1000),
    "fit": Picture(
        "/fit?example=iron-tris-bipyridine&measured=theory:iron-tris-bipyridine-high-spin", fitted
    ),
    "play": Picture(
        "/play?example=iron-tris-bipyridine&move=all",
        lambda page: page.locator(".motion[data-atoms]").wait_for(),
    ),
    "stories": Picture("/stories", lambda page: page.get_by_text("Begin").first.wait_for()),
    "importance": Picture(
        "/importance?example=iron-tris-bipyridine", lambda page: plotted(page, "distances")
    ),
    "windows": Picture("/windows?example=iron-tris-bipyridine", compared),
    "theory": Picture("/theory?example=titanium-tetrachloride", calculated),
    "models": Picture(
        "/models?model=feff10-3d&section=map&example=iron-tris-bipyridine",
        lambda page: page.locator(".js-plotly-plot .main-svg").first.wait_for(),
    ),
}


def small(png: bytes, width_px: int) -> bytes:
    """Scale a screenshot down and store it with few colours."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    height_px = round(image.height * width_px / image.width)
    image = image.resize((width_px, height_px), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    # the rounds of k-means keep colours of few pixels, such as that of the absorber
    few = image.quantize(COLOURS, kmeans=3, dither=Image.Dither.NONE)
    few.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def main(names: list[str]) -> None:
    """Take the pictures that are named; all of them if none is."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is missing: `make pictures` run as root installs it")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        os.environ["XANES_CACHE_DIR"] = folder  # the run of FEFF10 leaves nothing behind
        server = Server(Path(folder) / "log")
        try:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            for name in names or PICTURES:
                page = browser.new_page(viewport=SIZE, color_scheme="light")
                page.set_default_timeout(WAIT_MS)
                page.goto(server.url + PICTURES[name].path)
                PICTURES[name].ready(page)
                page.wait_for_timeout(SETTLE_MS)
                data = small(page.screenshot(), PICTURES[name].width_px)
                (FOLDER / f"{name}.png").write_bytes(data)
                print(f"{name}: {len(data) / 1000:.0f} kB")
                page.close()
            browser.close()
        finally:
            server.stop()


if __name__ == "__main__":
    main(sys.argv[1:])

"""A report opened from disk with no network, and the buttons that save it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.pages.test_browser import (
    FLAGS,  # noqa: F401  (flags of the browser that the fixtures start)
    browser,  # noqa: F401
    chromium_path,  # noqa: F401
    pixels,
    server,  # noqa: F401
    visit,  # noqa: F401
    wait_spectrum,
)
from xanes_core.model import load_model
from xanes_core.plots import ReportedSpectrum, ReportedStructure, SpectraReport, report_html
from xanes_core.plots.viewer_script import viewer_source
from xanes_core.structures import load_example

pytestmark = pytest.mark.browser
EVIL = "Ferrocene</script><script>document.title = 'stolen'</script>"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    atoms, model = load_example("ferrocene"), load_model("Fe")
    spectrum = ReportedSpectrum(model, model.predict(atoms, "Fe"))
    one = ReportedStructure(EVIL, atoms, (spectrum,), link="https://example.org/?example=ferrocene")
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(report_html(SpectraReport((one,)), viewer_source()), encoding="utf-8")
    return path


class Reader:
    """A browser with no network that keeps account of requests and complaints."""

    def __init__(self, browser, path, *, dark, size):  # noqa: F811
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            offline=True,
        )
        self.requests, self.complaints = [], []
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._console)
        self.page.goto(path.as_uri())
        self.page.locator(".stage[data-atoms]").wait_for()
        self.page.locator(".charts .js-line").first.wait_for()

    def _console(self, message):
        if message.type in ("error", "warning") and "GL Driver" not in message.text:
            self.complaints.append(message.text)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 800), (390, 844)], ids=["desk", "phone"])
def test_a_report_needs_no_network(browser, page_file, dark, size):  # noqa: F811
    reader = Reader(browser, page_file, dark=dark, size=size)
    try:
        page = reader.page
        assert page.locator(".stage").get_attribute("data-atoms") == "21"
        drawn = page.locator(".charts .js-plotly-plot").evaluate(
            "(e) => e._fullData.map((t) => [t.name, t.x.length])"
        )
        assert dict(drawn)["Network, Fe"] == 226
        assert page.locator("h1").inner_text() == EVIL
        assert page.title().startswith(EVIL)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= size[0]
        stage = pixels(page.locator(".stage").screenshot())
        background = np.median(stage.reshape(-1, 3), axis=0)
        assert (background.max() < 60) == dark
        assert (np.abs(stage - background).max(axis=2) > 40).mean() > 0.01  # atoms
        page.locator("section.model .chart").scroll_into_view_if_needed()
        page.locator("section.model .bars path").first.wait_for(state="attached")
        # on paper the still pictures stand there, in colours for paper
        page.emulate_media(media="print")
        assert page.locator(".charts .still").is_visible()
        assert not page.locator(".charts .drawn").is_visible()
        asked = [url for url in reader.requests if not url.startswith(("data:", "blob:"))]
        assert asked == [page_file.as_uri()]
        assert reader.complaints == []
    finally:
        reader.context.close()


def test_the_molecule_turns_by_key_and_the_theme_can_change(browser, page_file):  # noqa: F811
    reader = Reader(browser, page_file, dark=False, size=(1280, 800))
    try:
        page = reader.page
        stage = page.locator(".stage")
        before = pixels(stage.screenshot())
        stage.focus()
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        page.wait_for_timeout(300)
        turned = pixels(stage.screenshot())
        assert (np.abs(turned - before).max(axis=2) > 40).mean() > 0.002
        page.emulate_media(color_scheme="dark")
        page.wait_for_timeout(500)
        assert np.median(pixels(stage.screenshot())) < 60
        ink = page.locator(".charts .xtick text").first.evaluate("(e) => getComputedStyle(e).fill")
        assert min(map(int, re.findall(r"\d+", ink)[:3])) > 150
        assert reader.complaints == []
    finally:
        reader.context.close()


def test_one_click_on_the_page_saves_the_report(visit):  # noqa: F811
    page = visit().open("/predict?example=ferrocene")
    wait_spectrum(page)
    saved = {}
    for kind in ("html", "pdf"):
        with page.expect_download() as download:
            page.locator(f".st-key-report_{kind} button").first.click()
        saved[kind] = download.value
    assert re.fullmatch(r"[\w.-]+_report\.pdf", saved["pdf"].suggested_filename, re.ASCII)
    with open(saved["html"].path(), encoding="utf-8") as stream:
        text = stream.read()
    assert "<h1>Ferrocene" in text
    assert re.search(r'href="http://127\.0\.0\.1:\d+/predict\?example=ferrocene', text)

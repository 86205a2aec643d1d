"""The page "Fit" in a real browser: from the first click to the fitted structure, by hand."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.pages.test_browser import (  # noqa: F401  (fixtures)
    WAIT_MS,
    browser,
    chromium_path,
    server,
    visit,
)

pytestmark = pytest.mark.browser


def fit(page):
    page.get_by_role("button", name="Fit", exact=True).press("Enter")
    # a fit takes seconds, and minutes where other work keeps the machine busy
    page.get_by_role("heading", name="What the spectrum says").wait_for(timeout=4 * WAIT_MS)


def test_a_spin_state_is_told_by_its_bonds(visit):  # noqa: F811
    visitor = visit()
    page = visitor.open("/fit")
    page.get_by_role("button", name=re.compile("How long are the bonds")).click()
    page.locator(".st-key-fit_spectra .js-plotly-plot").wait_for()
    view = page.locator(".viewer3d[data-atoms]")
    view.wait_for()
    assert view.get_attribute("data-ghost") == "0"
    assert int(view.get_attribute("data-highlight")) == 6, "the donors that may move"

    fit(page)
    said = page.get_by_text(re.compile("mean Fe.N")).first.inner_text()
    length = float(re.search(r"N ([\d.]+) ", said)[1])
    assert length == pytest.approx(2.16, abs=0.07), "high spin, from a start at 1.97 A"
    page.locator(".viewer3d:not([data-ghost='0'])").wait_for()
    assert page.locator(".st-key-fit_corner .js-plotly-plot").is_visible()

    # what is taken along says the same
    with page.expect_download() as waiting:
        page.locator(".st-key-fit_json").get_by_role("button").click()
    told = json.loads(Path(waiting.value.path()).read_text())
    assert told["parameters"][0]["name"] == "all"
    assert abs(told["parameters"][0]["value"] - 0.19) < 0.07

    # it is there after another page, and in the link is what was asked
    page.get_by_role("link", name="Models").click()
    page.get_by_text("Held-out scores").first.wait_for()
    page.get_by_role("link", name="Fit", exact=True).click()
    page.get_by_text(re.compile("mean Fe.N")).first.wait_for()
    assert "measured=theory" in page.url

    page.get_by_role("button", name="Check with FEFF10").click()
    page.get_by_role("button", name="Run FEFF10").wait_for()
    assert "fitted" in page.get_by_role("combobox", name="Structure").input_value()


def test_a_click_on_a_ligand_lets_it_move_and_the_page_fits_a_phone(visit):  # noqa: F811
    link = "/fit?example=titanium-tetrachloride&measured=theory:titanium-tetrachloride"
    page = visit(dark=True, size=(390, 844)).open(link)
    view = page.locator(".viewer3d[data-atoms]")
    view.wait_for()
    page.locator(".st-key-fit_spectra .js-plotly-plot").wait_for()
    at = page.evaluate(
        """() => {
          const host = [...document.querySelectorAll('*')].map((e) => e.shadowRoot || e)
            .map((e) => e.querySelector('.viewer3d[data-atoms]')).find(Boolean);
          const atom = host.scene3d.atoms.find((a) => a.index === 1);
          const [spot] = host.viewer3d.modelToScreen([atom]);
          return [spot.x - window.scrollX, spot.y - window.scrollY];
        }"""
    )
    page.mouse.click(*at)
    page.wait_for_url("**moves=all*ligand*1*")
    page.get_by_text(re.compile("Chloride 1")).first.wait_for()
    widths = page.evaluate(
        """() => [document.documentElement, document.querySelector('[data-testid=stMain]')]
            .map((e) => e.scrollWidth - e.clientWidth)"""
    )
    assert max(widths) <= 0

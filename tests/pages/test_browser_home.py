"""Home and the stories in a real browser."""

from __future__ import annotations

import pytest

from tests.pages.test_browser import (  # noqa: F401 (fixtures)
    browser,
    chromium_path,
    server,
    upload,
    viewer_atoms,
    visit,
    wait_spectrum,
    xyz,
)
from xanes_core.structures import load_example

pytestmark = pytest.mark.browser


def drawn(page, key: str) -> None:
    page.locator(f".st-key-{key} .js-plotly-plot .main-svg").first.wait_for()


def wait_until_on_one_screen(page) -> None:
    page.wait_for_function(
        """() => {
            const main = document.querySelector('[data-testid=stMain]');
            return main.scrollHeight <= main.clientHeight;
        }"""
    )


def test_home_lives_and_leads_on(visit):  # noqa: F811
    page = visit().open()
    page.get_by_role("heading", name="XANES Explorer", level=1).wait_for()
    drawn(page, "home_spectrum")
    assert viewer_atoms(page) == len(load_example("iron-tris-bipyridine"))
    page.locator('.viewer3d[data-turns="true"]').wait_for()
    page.locator(".viewer3d").click()
    page.locator('.viewer3d[data-turns="false"]').wait_for()
    for number in range(1, 6):
        drawn(page, f"lesson_figure_{number}")
    assert page.locator(".st-key-home_examples img[alt]").count() == 9
    # a file dropped here opens on Predict, and Home goes on with it
    upload(page, ("mine.xyz", xyz(load_example("ferrocene"))))
    wait_spectrum(page)
    assert "/predict" in page.url
    page.get_by_role("link", name="Home", exact=True).click()
    page.get_by_text("mine.xyz").first.wait_for()
    drawn(page, "lesson_figure_2")


def test_home_is_calm_where_motion_is_not_wanted(visit):  # noqa: F811
    visitor = visit(size=(390, 844), dark=True)
    visitor.page.emulate_media(reduced_motion="reduce", color_scheme="dark")
    page = visitor.open()
    drawn(page, "home_spectrum")
    viewer_atoms(page)
    assert page.locator('.viewer3d[data-turns="true"]').count() == 0


def test_keys_lead_through_a_presentation(visit):  # noqa: F811
    page = visit().open("/stories?story=oxidation-states&present=1")
    drawn(page, "story_spectrum")
    page.get_by_role("button", name="Show the answer").wait_for()
    assert not page.locator("[data-testid=stSidebar]").is_visible()
    assert page.locator(".st-key-story_answer").count() == 0
    page.keyboard.press("ArrowRight")
    page.locator(".st-key-story_answer").wait_for()
    page.keyboard.press("PageDown")
    page.wait_for_url("**step=2**")
    page.get_by_role("button", name="Show the answer").wait_for()
    page.keyboard.press("PageUp")
    page.wait_for_url(lambda url: "step=" not in url)
    page.locator(".st-key-story_answer").wait_for()
    wait_until_on_one_screen(page)
    page.keyboard.press("Escape")
    page.wait_for_url(lambda url: "present=" not in url)
    page.locator("[data-testid=stSidebar]").wait_for()

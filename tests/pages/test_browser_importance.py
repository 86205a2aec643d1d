"""The pages on importance in a real browser: drags, clicks on atoms, downloads, a phone's width."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.pages.test_browser import (  # noqa: F401  (fixtures)
    browser,
    chromium_path,
    server,
    viewer_atoms,
    visit,
)

pytestmark = pytest.mark.browser


def chart(page, key: str):
    return page.locator(f".st-key-{key} .js-plotly-plot")


def wait_chart(page, key: str) -> None:
    chart(page, key).locator(".main-svg").first.wait_for()


def drag(page, key: str, start: float, stop: float, height: float) -> None:
    """Drag between two energies on a chart, at a share of its height."""
    wait_chart(page, key)
    chart(page, key).scroll_into_view_if_needed()
    page.wait_for_timeout(800)
    box = chart(page, key).bounding_box()
    left, right = chart(page, key).evaluate(
        "(e, to) => to.map((x) => e._fullLayout.xaxis.l2p(x) + e._fullLayout._size.l)",
        [start, stop],
    )
    y = box["y"] + height * box["height"]
    page.mouse.move(box["x"] + left, y)
    page.mouse.down()
    page.mouse.move(box["x"] + (left + right) / 2, y + 3, steps=4)
    page.mouse.move(box["x"] + right, y + 3, steps=4)
    page.mouse.up()


def windows(page) -> list[list[float]]:
    told = re.search(r"windows=([^&]*)", page.url).group(1).replace("%3A", ":").replace("%2C", ",")
    bounds = [part.split(":") for part in told.split(",") if ":" in part]
    return [[float(bound) for bound in pair] for pair in bounds]


@pytest.mark.parametrize("height", [0.2, 0.65])
def test_a_drag_on_the_map_sets_the_window(visit, height):  # noqa: F811
    page = visit().open("/importance?example=ferrocene")
    drag(page, "map", 30.0, 45.0, height)
    page.wait_for_url(re.compile("windows=(30|29.5|30.5)%3A"))
    low, high = windows(page)[0]
    assert (low, high) == (pytest.approx(30, abs=0.5), pytest.approx(45, abs=0.5))
    page.get_by_text(f"{low:g} to {high:g} eV").first.wait_for()


def test_a_drag_on_the_spectrum_sets_the_chosen_window(visit):  # noqa: F811
    page = visit().open("/windows?example=ferrocene")
    wait_chart(page, "windows_difference")
    page.get_by_role("radio", name="2", exact=True).click()
    page.wait_for_timeout(800)
    drag(page, "windows_spectrum", 40.0, 50.0, 0.5)
    page.wait_for_url(re.compile("rising-edge%2C(40|39.5|40.5)%3A"))
    (second,) = windows(page)
    assert second == [pytest.approx(40, abs=0.5), pytest.approx(50, abs=0.5)]


def test_a_click_on_an_atom_shows_its_effect(visit):  # noqa: F811
    page = visit().open("/importance?example=ferrocene")
    assert viewer_atoms(page) == 21
    wait_chart(page, "effect")
    page.locator(".viewer3d").evaluate("(e) => e.pick3d(15)")
    chart(page, "effect").locator(".legendtext", has_text="C (atom 16) taken out").wait_for()


@pytest.mark.parametrize(
    ("button", "start"), [("PNG", b"\x89PNG"), ("SVG", b"<?xml"), ("CSV", b"panel")]
)
def test_a_plot_downloads(visit, button, start):  # noqa: F811
    page = visit().open("/windows?example=ferrocene")
    wait_chart(page, "windows_distances")
    with page.expect_download() as waiting:
        page.locator(".st-key-windows_distances").get_by_role("button", name=button).click()
    assert Path(waiting.value.path()).read_bytes().startswith(start)
    assert waiting.value.suggested_filename.startswith("windows_feff10-3d-ms_Fe_distances")


def test_zoom_is_shared_by_histogram_and_bars(visit):  # noqa: F811
    page = visit().open("/importance?example=ferrocene")
    wait_chart(page, "distances")
    spans = chart(page, "distances").evaluate(
        """async (e) => {
            await window.Plotly?.relayout(e, {'xaxis2.range': [1.5, 3]});
            return [e._fullLayout.xaxis._matchGroup === e._fullLayout.xaxis2._matchGroup,
                    e._fullLayout.xaxis._offset, e._fullLayout.xaxis2._offset,
                    e._fullLayout.xaxis._length, e._fullLayout.xaxis2._length];
        }"""
    )
    assert spans[0]
    assert (spans[1], spans[3]) == (spans[2], spans[4])


@pytest.mark.parametrize("path", ["/importance", "/windows"])
def test_a_phone_scrolls_down_but_never_sideways(visit, path):  # noqa: F811
    page = visit(size=(390, 844)).open(f"{path}?example=ferrocene")
    page.locator(".js-plotly-plot .main-svg").nth(2).wait_for()
    page.wait_for_timeout(700)
    widths = page.evaluate(
        """() => [document.documentElement, document.querySelector('[data-testid=stMain]')]
            .map((e) => e.scrollWidth - e.clientWidth)"""
    )
    assert max(widths) <= 0


def test_choices_survive_the_way_from_page_to_page(visit):  # noqa: F811
    page = visit().open("/importance?example=ferrocene&windows=26:60,4:14")
    wait_chart(page, "map")
    page.get_by_role("link", name="Spectral windows").click()
    wait_chart(page, "windows_difference")
    assert windows(page) == [[26, 60], [4, 14]]
    page.get_by_text("Ferrocene").first.wait_for()

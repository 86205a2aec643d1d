"""What a hand feels: wheel, keys, fingers, a phone's first screen, and what is read aloud."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from tests.pages.test_browser import (  # noqa: F401
    browser,
    chromium_path,
    plot,
    server,
    upload,
    viewer_atoms,
    visit,
    wait_spectrum,
    xyz,
)

pytestmark = pytest.mark.browser

PHONE = (390, 844)
FERROCENE = "/predict?example=ferrocene"


def view_of(host) -> np.ndarray:
    """Camera of the 3D view: place, distance, turn."""
    return np.array(host.evaluate("(host) => host.viewer3d.getView()"))


def on_screen(page, index: int) -> tuple[float, float]:
    """Where an atom of the structure stands in the window."""
    return page.locator(".viewer3d").evaluate(
        """(host, index) => {
            const a = host.scene3d.atoms.find((one) => one.index === index);
            const p = host.viewer3d.modelToScreen({x: a.x, y: a.y, z: a.z});
            return [p.x - window.scrollX, p.y - window.scrollY];
        }""",
        index,
    )


def hovered(page) -> str:
    page.wait_for_timeout(250)
    return page.locator(".viewer3d-hover").inner_text()


def scrolled(page) -> float:
    return page.locator("[data-testid=stMain]").evaluate("(main) => main.scrollTop")


def test_the_wheel_scrolls_the_page_until_the_3d_view_has_the_focus(visit):  # noqa: F811
    page = visit(size=(1280, 500)).open(FERROCENE)
    wait_spectrum(page)
    assert viewer_atoms(page) == 21
    host = page.locator(".viewer3d")
    before = view_of(host)
    box = host.bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 60)
    page.mouse.wheel(0, 120)
    page.wait_for_timeout(400)
    at = scrolled(page)
    assert at > 50
    np.testing.assert_allclose(view_of(host), before)
    box = host.bounding_box()
    page.mouse.click(box["x"] + 20, box["y"] + box["height"] - 40)
    page.mouse.wheel(0, 120)
    page.wait_for_timeout(400)
    assert scrolled(page) == at
    assert view_of(host)[3] != pytest.approx(before[3])
    page.keyboard.press("Escape")
    page.mouse.wheel(0, 60)
    page.wait_for_timeout(400)
    assert scrolled(page) > at


def test_the_3d_view_is_reached_turned_and_left_by_keys_and_read_aloud(visit):  # noqa: F811
    page = visit().open(FERROCENE)
    wait_spectrum(page)
    viewer_atoms(page)
    host = page.locator(".viewer3d")
    assert host.get_attribute("aria-label").startswith("Structure FeC10H10, 21 atoms. Absorber Fe")
    assert "coordination number 10: 10 C at 2.06 \u00c5" in host.get_attribute("aria-label")
    words = page.locator(".in-words").first.inner_text()
    assert "\u03bc(E) / edge step over Energy \u2212 E\u2080 (eV)" in words
    assert "peak" in words
    page.locator(".st-key-labels input").focus()
    page.keyboard.press("Tab")
    assert host.evaluate("(host) => host.matches(':focus-visible')")
    page.locator(".viewer3d-keys").wait_for()
    ring = host.evaluate("(host) => getComputedStyle(host, '::after').boxShadow")
    assert "inset" in ring
    first = view_of(host)
    page.keyboard.press("ArrowRight")
    turned = view_of(host)
    cosine = abs(float(first[4:] @ turned[4:]))
    assert np.degrees(2 * np.arccos(cosine)) == pytest.approx(10, abs=0.1)
    page.keyboard.press("+")
    assert view_of(host)[3] > turned[3]
    page.keyboard.press("0")
    np.testing.assert_allclose(view_of(host), first, atol=1e-6)
    page.keyboard.press("Escape")
    assert not host.evaluate("(host) => host.matches(':focus')")


def test_pointing_tells_distances_and_a_click_on_a_metal_makes_it_the_absorber(visit):  # noqa: F811
    page = visit().open()
    places = [[3.6, 0, 0], [0, 0, 0], [1.8, 0, 0.1], [-1.9, 0, 0], [0, 2.0, 0], [3.6, -1.95, 0]]
    upload(page, ("two.xyz", xyz(Atoms("CuFeOONN", places))))
    wait_spectrum(page)
    assert viewer_atoms(page) == 6
    page.locator(".legendtext", has_text="Network, Fe").wait_for()
    (iron, oxygen, copper) = (np.array(on_screen(page, i)) for i in (1, 3, 0))
    page.mouse.move(*oxygen)
    assert hovered(page) == "O 4, 1.90 \u00c5 from the absorber"
    page.mouse.move(*(0.45 * iron + 0.55 * oxygen))
    assert hovered(page) in ("Fe 2 \u2013 O 4, 1.90 \u00c5", "O 4 \u2013 Fe 2, 1.90 \u00c5")
    page.mouse.click(*oxygen)
    page.locator('.viewer3d[data-marked="3"]').wait_for()
    page.mouse.move(5, 5)
    assert hovered(page) == "O 4, 1.90 \u00c5 from the absorber"
    assert page.locator(".st-key-structure_view").count() == 1
    page.mouse.click(*copper)
    page.locator(".legendtext", has_text="Network, Cu").wait_for()
    page.wait_for_timeout(500)
    page.mouse.move(*on_screen(page, 0))
    assert hovered(page) == "Cu 1, absorber"


def test_a_chart_has_the_letters_of_the_page_and_its_tool_bar_below_the_legend(visit):  # noqa: F811
    page = visit().open(FERROCENE)
    page.emulate_media(reduced_motion="reduce")
    wait_spectrum(page)
    family = "(e) => getComputedStyle(e).fontFamily.replaceAll('\"', '')"
    body = page.locator("[data-testid=stApp]").evaluate(family)
    assert page.locator(".st-key-spectrum .xtitle").evaluate(family) == body
    assert page.locator(".viewer3d").evaluate(family) == body
    plot(page).hover()
    bar = page.locator(".st-key-spectrum .modebar")
    bar.wait_for()
    tools, legend, title = (
        part.bounding_box()
        for part in (
            bar,
            page.locator(".st-key-spectrum .legend").first,
            page.locator(".st-key-spectrum .xtitle"),
        )
    )
    assert tools["y"] > legend["y"] + legend["height"]
    assert tools["x"] > title["x"] + title["width"]
    moving = page.get_by_role("button", name="CSV", exact=True).evaluate(
        "(e) => parseFloat(getComputedStyle(e).transitionDuration)"
    )
    assert moving < 0.001


@pytest.mark.parametrize("size", [PHONE, (1280, 800)], ids=["phone", "desk"])
def test_structure_and_spectrum_are_in_the_first_screen(visit, size):  # noqa: F811
    page = visit(size=size).open(FERROCENE)
    wait_spectrum(page)
    viewer_atoms(page)
    drawn = page.locator(".st-key-spectrum .cartesianlayer .xy .gridlayer").first
    for part in (page.locator(".viewer3d"), drawn):
        box = part.bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= size[1]
    assert scrolled(page) == 0
    if size == PHONE:  # what is said of both comes after
        verdict = page.locator(".st-key-verdict").bounding_box()
        assert verdict["y"] > drawn.bounding_box()["y"]


def test_no_page_scrolls_sideways_on_a_phone_and_fingers_find_their_targets(visit):  # noqa: F811
    visitor = visit(size=PHONE)
    for path, ready in (
        (FERROCENE, ".st-key-spectrum .js-plotly-plot .main-svg"),
        ("/importance?example=ferrocene", ".st-key-effect .js-plotly-plot .main-svg"),
        ("/windows?example=ferrocene", ".st-key-windows_difference .js-plotly-plot .main-svg"),
        ("/theory?example=ferrocene", ".st-key-theory_figure .js-plotly-plot .main-svg"),
        ("/models?section=calibration", ".st-key-calibration .js-plotly-plot .main-svg"),
    ):
        page = visitor.open(path)
        page.locator(ready).first.wait_for(state="attached")
        page.wait_for_timeout(500)
        main = page.locator("[data-testid=stMain]")
        wide, room = main.evaluate("(e) => [e.scrollWidth, e.clientWidth]")
        assert wide <= room, path
        low = main.evaluate(
            """(main) => [...main.querySelectorAll('[data-testid^=stBaseButton]')]
                .filter((e) => e.offsetParent && e.getBoundingClientRect().height < 36)
                .map((e) => e.innerText)"""
        )
        assert low == [], path

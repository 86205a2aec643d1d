"""The page "Play" in a real browser: sliding without the server, the file that works offline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.pages.test_browser import (  # noqa: F401  (fixtures)
    browser,
    chromium_path,
    pixels,
    server,
    visit,
)

pytestmark = pytest.mark.browser
#: The component's element, in the shadow of the page or in a file of its own.
HOST = """[...document.querySelectorAll('*')].map((e) => e.shadowRoot || e)
    .map((e) => e.querySelector('.motion[data-step]')).find(Boolean)"""


def component(page):
    found = page.locator(".motion[data-atoms]")
    found.wait_for()
    return found


def step(page) -> int:
    return int(component(page).get_attribute("data-step"))


def drawn_bond(page) -> float:
    """Distance (A) from the metal to the first donor, as the 3D view holds it."""
    return page.evaluate(
        f"""() => {{ const state = ({HOST}).motionState, m = state.moving;
        const [a, b] = [m[state.data.absorber], m[state.data.labels[0].atom]];
        return Math.hypot(a.x - b.x, a.y - b.y, a.z - b.z); }}"""
    )


def wait_step(page, wanted: int) -> None:
    page.locator(f'.motion[data-step="{wanted}"]').wait_for()


def settle(page, sent: list) -> None:
    """Wait until the page has told the server all that it has to say about opening."""
    seen = -1
    while seen != len(sent):
        seen = len(sent)
        page.wait_for_timeout(1000)
    assert sent


def slide(page, at: float) -> None:
    """What a hand on the slider does, without letting go."""
    page.locator(".motion-slider").evaluate(
        "(e, at) => { e.value = String(at); e.dispatchEvent(new Event('input')); }", at
    )


def test_a_bond_is_stretched_by_hand_by_keys_and_by_itself(visit):  # noqa: F811
    visitor, sent = visit(), []
    visitor.page.on("websocket", lambda ws: ws.on("framesent", lambda frame: sent.append(frame)))
    page = visitor.open("/play?example=hexaaquairon-ii")
    component(page)
    settle(page, sent)
    first = step(page)
    spectrum, stage = page.locator(".motion-spectrum"), page.locator(".motion-stage")
    before = [pixels(e.screenshot()) for e in (spectrum, stage)]
    assert drawn_bond(page) == pytest.approx(2.12, abs=0.01)

    # structure and spectrum follow at once, and nothing is asked of the server meanwhile
    sent.clear()
    page.evaluate("() => { window.asked = performance.getEntriesByType('resource').length; }")
    slide(page, first + 20)
    wait_step(page, first + 20)
    assert drawn_bond(page) == pytest.approx(2.12 + 20 * 0.02, abs=0.01)
    slide(page, first + 20.5)  # between two steps
    page.wait_for_timeout(200)
    assert drawn_bond(page) == pytest.approx(2.12 + 20.5 * 0.02, abs=0.006)
    assert page.evaluate("() => performance.getEntriesByType('resource').length - asked") == 0
    assert sent == []
    for old, element in zip(before, (spectrum, stage), strict=True):
        changed = np.abs(pixels(element.screenshot()) - old).max(axis=-1) > 30
        assert changed.mean() > 0.005
    assert "value" not in page.url

    # far out the verdict speaks up, with its reason
    slide(page, first + 25)
    page.locator('.motion[data-rank="2"]').wait_for()
    assert page.locator(".motion-badge").inner_text() == "Outside the training data"
    assert len(page.locator(".motion-reason").inner_text()) > 20

    # keys, from wherever the focus is
    page.locator("body").press("0")
    wait_step(page, first)
    page.locator(".motion-slider").press("ArrowRight")
    wait_step(page, first + 1)
    page.locator(".motion-slider").press("Shift+ArrowRight")
    wait_step(page, first + 6)
    spoken = page.locator(".motion-slider").get_attribute("aria-valuetext")
    assert spoken == "+0.12 \u00c5, mean Fe\u2013O 2.24 \u00c5, Within the training data"
    page.wait_for_url("**value=0.12*")  # let go, it is in the link
    assert page.locator(".motion-spectrum").get_attribute("aria-label").startswith("Predicted")

    # it plays and pauses
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(f"() => Number(({HOST}).dataset.step) > {first + 8}")
    page.get_by_role("button", name="Pause").press("Space")
    rest = step(page)
    page.wait_for_timeout(300)
    assert step(page) == rest
    assert rest > first + 8


def test_a_motion_is_chosen_and_its_link_opens_it(visit):  # noqa: F811
    page = visit(dark=True).open("/play?example=ferrocene&move=ligand:2&value=0.1")
    component(page)
    page.get_by_text("Cp ring 2 (\u03b75), Fe\u2013centre").first.wait_for()
    assert page.locator(".motion-value b").inner_text() == "+0.10 \u00c5"
    page.get_by_role("combobox", name="Motion").click()
    page.get_by_role("option", name="Swap the metal").click()
    page.locator(".motion-label", has_text="The metal swapped").wait_for()
    page.locator(".motion-slider").press("ArrowRight")
    page.wait_for_url("**value=Co*")
    page.get_by_role("link", name="Models").click()
    page.get_by_text("Held-out scores").first.wait_for()
    page.get_by_role("link", name="Play").click()
    component(page)
    assert page.locator(".motion-value b").inner_text() == "Co"
    page.wait_for_url("**value=Co*")
    page.reload()
    component(page)
    assert page.locator(".motion-value b").inner_text() == "Co"


def test_the_saved_page_works_alone(visit, browser, tmp_path):  # noqa: F811
    page = visit().open("/play?example=titanium-tetrachloride&move=all&value=0.2")
    component(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save as a page that works offline").click()
    assert waiting.value.suggested_filename.endswith(".html")
    file = tmp_path / "motion.html"
    file.write_bytes(Path(waiting.value.path()).read_bytes())
    page.close()

    context = browser.new_context(offline=True, viewport={"width": 390, "height": 844})
    alone, wrong, asked = context.new_page(), [], []
    alone.on("pageerror", lambda error: wrong.append(str(error)))
    alone.on("request", lambda request: asked.append(request.url))
    try:
        alone.goto(file.as_uri())
        component(alone)
        opened = step(alone)
        assert alone.locator(".motion-value b").inner_text() == "+0.20 \u00c5"
        length = drawn_bond(alone)
        alone.locator("body").press("ArrowLeft")
        wait_step(alone, opened - 1)
        assert drawn_bond(alone) == pytest.approx(length - 0.02, abs=0.003)
        assert np.ptp(pixels(alone.locator(".motion-spectrum").screenshot())) > 100
        assert alone.evaluate("document.documentElement.scrollWidth") <= 390
        assert wrong == []
        assert asked == [file.as_uri()]
    finally:
        context.close()


def test_the_page_fits_a_phone(visit):  # noqa: F811
    page = visit(size=(390, 844)).open("/play?example=iron-tris-bipyridine")
    component(page)
    page.wait_for_timeout(500)
    widths = page.evaluate(
        """() => [document.documentElement, document.querySelector('[data-testid=stMain]')]
            .map((e) => e.scrollWidth - e.clientWidth)"""
    )
    assert max(widths) <= 0
    box = page.locator(".motion-spectrum").bounding_box()
    assert box["y"] + box["height"] < 844  # in the first screen

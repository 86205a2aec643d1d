"""What follows the structure in view, in a real browser: features, windows, atoms, the map."""

from __future__ import annotations

import re

import pytest

from tests.pages.test_browser import (  # noqa: F401  (fixtures)
    browser,
    chromium_path,
    server,
    upload,
    viewer_atoms,
    visit,
    wait_spectrum,
    xyz,
)
from tests.pages.test_browser_importance import chart, drag, wait_chart
from xanes_core.model.registry import load_model
from xanes_core.structures.examples import load_example

pytestmark = pytest.mark.browser

MAIN = "[data-testid=stMain]"


def said(page) -> str:
    return page.locator(MAIN).inner_text()


FIELDS = f"{MAIN} input[aria-label$='(eV)']"


def bounds(page) -> list[str]:
    """What the number fields of the windows show."""
    fields = page.locator(FIELDS)
    return fields.evaluate_all("(fields) => fields.map((field) => field.value)")


def test_a_peak_that_networks_disagree_on_is_told_with_what_the_others_see(visit):  # noqa: F811
    page = visit().open("/?example=nickel-tetracarbonyl&model=feff10-3d")
    wait_spectrum(page)
    page.get_by_text("a second maximum at 18.8 eV in 3 of 20 networks").wait_for()
    assert "38.8 \u00b1 0.2" in said(page)
    assert "17 of 20" in said(page)


def test_after_a_drag_every_number_is_of_the_new_window(visit):  # noqa: F811
    page = visit().open("/importance?example=ferrocene&windows=30:45")
    stored = load_model("feff10-3d-ms").importance
    for low, high in ((10, 18), (24, 40)):
        drag(page, "map", low, high, 0.2)
        page.wait_for_url(re.compile(rf"windows={low}(\.5)?%3A"))
        got = re.search(r"windows=([\d.]+)%3A([\d.]+)", page.url)
        low_ev, high_ev = (float(bound) for bound in got.groups())
        told = f"{low_ev:g} to {high_ev:g} eV"
        page.get_by_text(re.compile(rf"mean over {re.escape(told)}: .\d\.\d+ edge")).wait_for()
        page.wait_for_function(  # fields of the window before go a moment later
            """([fields, wanted]) => [...document.querySelectorAll(fields)]
                .map((field) => field.value).join() === wanted""",
            arg=[FIELDS, f"{low_ev:g},{high_ev:g}"],
        )
        # captions of bars, legend and effect; no former window is left anywhere
        assert said(page).count(told) == 3
        assert set(re.findall(r"[\d.]+ to [\d.]+ eV", said(page))) == {told}
        expected = 1e3 * stored["Fe_distance"].window(low_ev, high_ev).mean
        page.wait_for_timeout(500)
        drawn = chart(page, "distances").evaluate(
            "(e) => Array.from(e._fullData.filter((t) => t.type === 'bar').at(-1).y)"
        )
        assert drawn == pytest.approx(expected.tolist())
        for key in ("map", "effect"):
            shaded = chart(page, key).evaluate(
                "(e) => e.layout.shapes.map((s) => [s.x0, s.x1]).find(([a, b]) => a !== b)"
            )
            assert shaded == [low_ev, high_ev]


def test_a_drag_on_the_windows_page_leaves_nothing_of_the_window_before(visit):  # noqa: F811
    page = visit().open("/windows?example=ferrocene&windows=1:3,white-line")
    wait_chart(page, "windows_difference")
    drag(page, "windows_spectrum", 40.0, 50.0, 0.5)
    page.wait_for_url(re.compile(r"windows=(40|39.5|40.5)%3A"))
    page.get_by_text(re.compile(r"white line minus (40|39.5|40.5) to")).first.wait_for()
    page.wait_for_timeout(500)
    assert "1 to 3 eV" not in said(page)
    names = chart(page, "windows_distances").evaluate("(e) => e._fullData.map((t) => t.name)")
    assert "1 to 3 eV" not in names
    assert bounds(page)[0].startswith(("39.5", "40"))


def test_windows_follow_the_structure_that_is_chosen_in_the_sidebar(visit):  # noqa: F811
    page = visit().open("/importance?example=ferrocene")
    wait_chart(page, "effect")
    page.get_by_text("No pre-edge: this spectrum shows no pre-edge peak").wait_for()
    before = bounds(page)
    page.get_by_role("radio", name="Ti", exact=True).click()
    page.get_by_text("No pre-edge").wait_for(state="hidden")
    page.wait_for_timeout(1000)
    assert bounds(page) != before
    assert "windows=" not in page.url, "presets that are shown at first need no link"


def test_the_atom_that_was_clicked_has_a_halo(visit):  # noqa: F811
    page = visit().open("/importance?example=ferrocene")
    assert viewer_atoms(page) == 21
    wait_chart(page, "effect")
    view = page.locator(".viewer3d")
    view.evaluate("(e) => e.pick3d(15)")
    page.get_by_text("C (atom 16) taken out, mean over").wait_for()
    page.locator('.viewer3d[data-highlight="1"]').wait_for()
    assert view.evaluate("(e) => e.scene3d.highlight") == [15]


def test_a_guessed_charge_is_confirmed_before_a_relaxation(visit):  # noqa: F811
    page = visit().open("/")
    upload(page, ("mine.xyz", xyz(load_example("titanium-tetrachloride"))))
    wait_spectrum(page)
    page.get_by_role("link", name="Theory").click()
    page.get_by_role("tab", name="Relax").click()
    run = page.get_by_role("button", name="Relax with GFN2-xTB")
    page.get_by_text("the structure states none, so it is taken as neutral").wait_for()
    assert run.is_disabled()
    page.get_by_text("Charge and multiplicity are right").click()
    run.click()
    page.get_by_text("Coordination number 4, then 4").wait_for()
    page.locator("[data-testid=stDataFrame]").first.wait_for()


def test_the_map_opens_on_the_structure_in_view_and_its_views_are_linked(visit):  # noqa: F811
    page = visit().open("/models?model=feff10-3d&section=map&example=ferrocene")
    page.set_default_timeout(150_000)  # map, structure, table and spectra on a busy machine
    near = page.locator(".st-key-nearest_feff10-3d").get_by_role("radio")
    wait_chart(page, "near_feff10-3d")
    first, second = (near.nth(i).inner_text().split(",")[0] for i in (0, 1))
    page.locator("strong", has_text=first).wait_for()
    star = "(e) => e._fullData.filter((t) => t.marker?.symbol === 'star').map((t) => t.name)"
    assert chart(page, "map_feff10-3d").evaluate(star) == ["Ferrocene, Fe(C\u2085H\u2085)\u2082"]
    near.nth(1).click()
    page.locator("strong", has_text=second).wait_for()
    wide = "(e) => e._fullData.filter((t) => t.line?.width > 3).map((t) => t.name)"
    page.wait_for_timeout(1500)
    assert chart(page, "near_feff10-3d").evaluate(wide) == [second]
    assert viewer_atoms(page) > 10

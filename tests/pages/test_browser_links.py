"""Links, Back and Forward, reloads and a phone's sidebar in a real browser: nothing gets lost."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.pages.test_browser import (  # noqa: F401  (fixtures)
    browser,
    chromium_path,
    network_curve,
    server,
    upload,
    visit,
    wait_spectrum,
    xyz,
)
from xanes_core.structures.examples import load_example

pytestmark = pytest.mark.browser
#: What a person touches on each page, and what then stands in the link.
TOUCHED = {
    "Spectral windows": ("Absolute", None),
    "Theory": ("Energy", "axis=absolute"),
    "Feature importance": ("Single features", None),
    "Predict": ("Labels", None),
    "Models": ("Accuracy", "section=accuracy"),
}


def parameters(page) -> dict[str, str]:
    return {name: texts[0] for name, texts in parse_qs(urlsplit(page.url).query).items()}


def shows(page, title: str, structure: str) -> None:
    """Wait until a page shows the structure, and the work on it has ended."""
    page.get_by_role("heading", level=1).wait_for()
    page.wait_for_function("(title) => document.title.startsWith(title)", arg=title)
    if title != "Models":
        page.locator("[data-testid=stMain]").get_by_text(structure).first.wait_for()
    settled(page)


def go(page, title: str) -> None:
    page.locator(".st-key-navigation").get_by_role("link", name=title, exact=True).click()


def pick(page, element: str) -> None:
    page.locator(".st-key-element").get_by_text(element, exact=True).click()


def settled(page) -> None:
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def drop(page, content: bytes) -> None:
    upload(page, ("<b>run</b> $x$.xyz", content))
    wait_spectrum(page)


def test_what_is_in_view_lives_through_pages_controls_back_and_new_tabs(visit):  # noqa: F811
    page = visit().open("/predict?example=ferrocene&element=Fe")
    wait_spectrum(page)
    seen = [("Predict", page.url)]
    for title, (control, told) in TOUCHED.items():
        go(page, title)
        shows(page, title, "Ferrocene")
        page.wait_for_url("**example=ferrocene**")
        page.wait_for_timeout(700)  # the page has said all that its address is to say
        seen.append((title, page.url))
        page.get_by_text(control, exact=True).first.click()
        if told:
            page.wait_for_url(f"**{told}**")
            seen.append((title, page.url))
        shows(page, title, "Ferrocene")
        assert "example=ferrocene" in page.url
        assert page.get_by_role("heading", level=1).count() == 1
    links = page.locator(".st-key-navigation a").evaluate_all("(all) => all.map((a) => a.href)")
    assert len(links) >= len(TOUCHED)
    assert all("example=ferrocene" in link and "axis=absolute" in link for link in links)

    for title, address in reversed(seen[:-1]):
        page.go_back()
        page.wait_for_url(address)
        shows(page, title, "Ferrocene")
        page.wait_for_timeout(700)
        if title == "Models":
            page.get_by_role("radio", name="Card", checked=True).wait_for()
    wait_spectrum(page)
    assert network_curve(page)["x"][0] == pytest.approx(-15.0)  # relative again, as at first
    for title, address in seen[1:5]:
        page.go_forward()
        page.wait_for_url(address)
        shows(page, title, "Ferrocene")

    tab = visit().open("/" + next(a for a in links if "/theory" in a).split("/", 3)[3])
    shows(tab, "Theory", "Ferrocene")


def test_back_returns_to_structure_absorber_model_and_to_nothing(visit):  # noqa: F811
    page = visit().open("/predict")
    pick(page, "V")
    wait_spectrum(page)
    first = network_curve(page)["y"]
    page.get_by_text("fdmnes-v is outside").wait_for()
    page.locator(".st-key-model input").click()
    page.get_by_role("option", name="fdmnes-v").click()
    page.wait_for_url("**model=fdmnes-v**")
    pick(page, "Fe")
    page.wait_for_url("**example=ferrocene**")
    page.go_back()
    page.wait_for_url("**model=fdmnes-v**")
    page.get_by_text("Vanadium hexacarbonyl").first.wait_for()
    page.go_back()
    page.wait_for_url(re.compile(r"example=vanadium-hexacarbonyl$"))
    page.wait_for_function(
        """(y) => { const drawn = document.querySelector('.st-key-spectrum .js-plotly-plot');
        return Math.abs(drawn._fullData.find((t) => t.name.startsWith('Network')).y[90] - y) < 1e-9;
        }""",
        arg=first[90],
    )  # fmt: skip
    page.go_back()
    page.wait_for_url(re.compile("/predict$"))
    settled(page)
    page.locator(".st-key-spectrum .js-plotly-plot").first.wait_for(state="detached")
    assert parameters(page) == {}
    page.go_forward()
    wait_spectrum(page)
    page.reload()
    wait_spectrum(page)
    assert network_curve(page)["y"] == first


def test_a_reload_says_which_files_are_missing_and_a_drop_brings_all_back(visit):  # noqa: F811
    pair, far = load_example("ferrocene"), load_example("nickel-tetracarbonyl")
    far.positions += [30.0, 0.0, 0.0]
    frames = [pair + far, pair + far]
    frames[1].positions[1:21] *= 1.03
    content = b"".join(xyz(frame) for frame in frames)
    page = visit().open("/predict")
    drop(page, content)
    page.locator("[class*=st-key-absorber_] input").click()
    page.get_by_role("option", name=re.compile("Ni")).click()
    page.wait_for_url("**absorber=**")
    page.get_by_role("slider", name="Frame").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**frame=2**")
    settled(page)
    wait_spectrum(page)
    before = network_curve(page)

    page.reload()
    said = page.get_by_text("Not here:")
    said.wait_for()
    assert "<b>run</b> $x$.xyz" in said.inner_text()
    assert parameters(page)["frame"] == "2"
    go(page, "Theory")  # the link waits, whatever page the reader goes to
    page.get_by_text("Not here:").wait_for()
    go(page, "Predict")
    page.get_by_role("heading", name="Predict").wait_for()
    settled(page)
    drop(page, content)
    said.wait_for(state="hidden")
    assert network_curve(page) == before
    assert before["name"].endswith("Ni")


def test_on_a_phone_the_sidebar_closes_after_a_choice(visit):  # noqa: F811
    page = visit(size=(390, 844)).open("/predict")

    def unfold() -> None:
        page.locator("[data-testid=stExpandSidebarButton]").click()
        page.locator("[data-testid=stSidebar][data-collapsed=false]").wait_for()

    page.get_by_role("heading", name="Predict").wait_for()
    settled(page)
    unfold()
    pick(page, "Fe")
    page.locator("[data-testid=stSidebar][data-collapsed=true]").wait_for(state="attached")
    wait_spectrum(page)
    unfold()
    upload(page, ("mine.xyz", xyz(load_example("nickel-tetracarbonyl"))))
    page.locator("[data-testid=stSidebar][data-collapsed=true]").wait_for(state="attached")
    unfold()
    go(page, "Models")
    page.locator("[data-testid=stSidebar][data-collapsed=true]").wait_for(state="attached")
    page.get_by_text("Held-out scores").first.wait_for()

"""Many frames, a zip, other spectra on top and missing hydrogens, in a real browser."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.pages.test_browser import (  # noqa: F401  (fixtures)
    browser,
    chromium_path,
    network_curve,
    server,
    upload,
    viewer_atoms,
    visit,
    wait_spectrum,
    xyz,
)
from xanes_core.structures.examples import load_example

pytestmark = pytest.mark.browser

FERROCENE = load_example("ferrocene")


def breathing(count):
    for i in range(count):
        atoms = FERROCENE.copy()
        atoms.positions *= 1 + 0.05 * i / count
        yield atoms


def drawn(page, key: str):
    """What a chart holds: names, first energies and shapes, as the browser has them."""
    page.locator(f".st-key-{key} .js-plotly-plot .main-svg").first.wait_for()
    return page.evaluate(
        """(key) => {
            const found = document.querySelector(`.st-key-${key} .js-plotly-plot`);
            return {
                names: found._fullData.map((t) => t.name),
                x: found._fullData.map((t) => (t.x && t.x.length ? [t.x[0], t.x.at(-1)] : null)),
                range: found._fullLayout.xaxis.range,
                frames: (found._transitionData._frames || []).length,
            };
        }""",
        key,
    )


def wait_frame(page, condition: str) -> int:
    """Wait until the number on the slider of frames meets a condition on ``n``."""
    page.wait_for_function(
        f"""() => {{
            const value = document.querySelector("[data-testid=stSliderThumbValue]");
            const n = value ? Number(value.textContent) : 0;
            return {condition};
        }}"""
    )
    return int(page.locator("[data-testid=stSliderThumbValue]").first.inner_text())


def click_line(page, line: int) -> None:
    """Click the line of the table, counted from 0, on its first cell."""
    table = page.locator(".st-key-batch_table [data-testid=stDataFrame]")
    page.wait_for_timeout(700)
    table.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    box = table.bounding_box()
    page.mouse.click(box["x"] + 60, box["y"] + 35 * (line + 1) + 17)


def test_frames_are_shown_played_and_picked_from_the_table(visit):  # noqa: F811
    count = 30
    page = visit().open()
    upload(page, ("run.xyz", b"".join(xyz(a) for a in breathing(count))))
    wait_spectrum(page)
    page.get_by_text(f"{count} predicted, 0 failed.").wait_for()
    page.locator(".st-key-batch_running").wait_for(state="detached")
    first = network_curve(page)["y"]
    click_line(page, 7)
    wait_frame(page, "n === 8")
    page.wait_for_timeout(1000)
    assert network_curve(page)["y"] != first
    assert viewer_atoms(page) == len(FERROCENE)
    for name, key, says in (
        ("All", "frames_all_xanes", "Frame 8, in view"),
        ("Mean", "frames_mean_xanes", f"Mean of {count} frames"),
    ):
        page.get_by_role("radio", name=name, exact=True).click()
        page.wait_for_function(  # until the chart that stood there before has gone
            """([key, says]) => (document.querySelector(`.st-key-${key} .js-plotly-plot`)
                ?._fullData || []).some((trace) => trace.name === says)""",
            arg=[key, says],
        )
    page.get_by_role("radio", name="Play", exact=True).click()
    chart = page.locator(".st-key-frames_play_xanes")
    chart.locator(".slider-group").wait_for()
    assert drawn(page, "frames_play_xanes")["frames"] == count
    chart.locator(".updatemenu-button", has_text="Play").click()
    page.wait_for_function(
        """() => Number(document.querySelector('.st-key-frames_play_xanes .js-plotly-plot')
            ._fullLayout._currentFrame) > 12"""
    )
    chart.locator(".updatemenu-button", has_text="Pause").click()
    # the structure and its numbers follow where it stopped
    assert wait_frame(page, "n > 8") <= count


def test_a_zip_is_listed_and_hydrogens_are_added_to_what_lacks_them(visit):  # noqa: F811
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a/bare.xyz", xyz(FERROCENE[FERROCENE.numbers != 1]))
        archive.writestr("b/<i>whole</i>.xyz", xyz(FERROCENE))
    page = visit().open()
    upload(page, ("set.zip", buffer.getvalue()))
    wait_spectrum(page)
    page.get_by_text("2 predicted, 0 failed").wait_for()
    assert viewer_atoms(page) == 11
    page.get_by_role("button", name="Add hydrogens").click()
    page.locator(".viewer3d[data-atoms='21']").wait_for()
    page.get_by_text("3 predicted, 0 failed").wait_for()
    assert page.get_by_text("Hydrogens are missing").count() == 0


def test_an_example_and_a_measured_spectrum_lie_on_top_and_go_along(visit):  # noqa: F811
    page = visit().open("/?example=ferrocene")
    wait_spectrum(page)
    page.locator(".st-key-overlay input").fill("bis(acetylacetonato)copper")
    page.get_by_role("option").first.click()
    page.locator(".legendtext", has_text="Cu edge").wait_for()
    page.keyboard.press("Escape")  # an open list hides the rest of the page from assistants
    curve = network_curve(page)
    rows = [f"{7112.0 + e + 2:.4f},{m:.6f}" for e, m in zip(curve["x"], curve["y"], strict=True)]
    upload(page, ("scan.csv", ("energy,norm\n" + "\n".join(rows)).encode()), which=1)
    page.get_by_text("Misfit").wait_for()
    page.get_by_role("button", name="Fit the shift").first.click()
    page.get_by_text("is moved by").wait_for()
    page.wait_for_timeout(1500)  # until the buttons below it are those of this spectrum
    found = drawn(page, "spectrum")
    at = next(i for i, name in enumerate(found["names"]) if "Cu edge" in name and found["x"][i])
    np.testing.assert_allclose(found["x"][at], [-15.0, 60.0])
    assert any(name.startswith("predicted") for name in found["names"])
    for label, read in (("CSV", read_csv), ("JSON", read_json)):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=label, exact=True).click()
        shift, scale = read(Path(waiting.value.path()).read_text())
        assert shift == pytest.approx(-2.0, abs=0.1)
        assert scale == 1.0


def read_csv(text: str) -> tuple[float, float]:
    row = next(csv.DictReader(io.StringIO(text)))
    return float(row["overlaid_shift_ev"]), float(row["overlaid_scale"])


def read_json(text: str) -> tuple[float, float]:
    told = json.loads(text)["overlaid"]
    return told["shift_ev"], told["scale"]

"""The Models page in a real browser: a click on the map, the structure it shows, the downloads."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.pages.test_browser import (  # noqa: F401  (fixtures)
    ROOT,
    browser,
    chromium_path,
    server,
    viewer_atoms,
    visit,
)
from xanes_core.dataset.training_set import load_training_set
from xanes_core.model.registry import list_models, models_folder

KEY = "feff10-3d"
pytestmark = pytest.mark.browser
needs_report = pytest.mark.skipif(
    not (models_folder() / KEY / "report.npz").is_file(), reason="the model came without a report"
)


def click_record(page, name: str) -> None:
    """Click the point of a record on the map; no other point may lie on top of it."""
    chart = page.locator(f".st-key-map_{KEY} .js-plotly-plot")
    chart.locator(".scatterlayer .point").first.wait_for()
    chart.scroll_into_view_if_needed()
    page.wait_for_timeout(800)
    x, y = chart.evaluate(
        """(drawn, name) => {
            const {xaxis, yaxis, _size} = drawn._fullLayout;
            for (const trace of drawn._fullData) {
                const i = (trace.text || []).findIndex?.((t) => t.startsWith(name + ":"));
                if (i < 0) continue;
                return [xaxis.l2p(trace.x[i]) + _size.l, yaxis.l2p(trace.y[i]) + _size.t];
            }
        }""",
        name,
    )
    box = chart.bounding_box()
    page.mouse.move(box["x"] + x - 20, box["y"] + y)
    page.mouse.move(box["x"] + x, box["y"] + y, steps=4)
    page.wait_for_timeout(300)
    page.mouse.click(box["x"] + x, box["y"] + y)


def loneliest_record(page) -> str:
    """Name of the record that is farthest from all others on the map."""
    chart = page.locator(f".st-key-map_{KEY} .js-plotly-plot")
    chart.locator(".scatterlayer .point").first.wait_for()
    return chart.evaluate(
        """(drawn) => {
            const {xaxis, yaxis} = drawn._fullLayout;
            const points = drawn._fullData.filter((t) => Array.isArray(t.text)).flatMap((t) =>
                t.text.map((told, i) => [told, xaxis.l2p(t.x[i]), yaxis.l2p(t.y[i])]));
            const room = ([, x, y], i) => Math.min(...points.map(([, u, v], j) =>
                i === j ? Infinity : Math.hypot(x - u, y - v)));
            const rooms = points.map(room);
            return points[rooms.indexOf(Math.max(...rooms))][0].split(":")[0];
        }"""
    )


@needs_report
def test_a_click_on_the_map_shows_the_structure_of_the_record(visit):  # noqa: F811
    records = load_training_set(ROOT / "data" / "feff10")
    atoms = {str(n): len(a) for n, a in zip(records.names, records.structures, strict=True)}
    page = visit().open(f"/models?model={KEY}&section=map&example=ferrocene")
    page.set_default_timeout(150_000)  # map, structure and spectrum at once on a busy machine
    viewer_atoms(page)
    name = loneliest_record(page)
    click_record(page, name)
    page.locator("strong", has_text=name).wait_for()
    page.get_by_text(f"{atoms[name]} atoms").wait_for()
    page.wait_for_timeout(500)
    assert viewer_atoms(page) == atoms[name]
    spectrum = page.locator(".st-key-mapped_spectrum .js-plotly-plot")
    spectrum.locator(".scatterlayer .js-line").first.wait_for()
    names = spectrum.evaluate("(e) => e._fullData.map((t) => t.name)")
    assert {"theory", "network, not trained on it"} <= set(names)


def test_card_and_metrics_come_as_files(visit):  # noqa: F811
    page = visit().open(f"/models?model={KEY}")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Card (JSON)").click()
    assert waiting.value.suggested_filename == f"{KEY}_card.json"
    (card,) = [c for c in list_models() if c.key == KEY]
    assert json.loads(Path(waiting.value.path()).read_text(encoding="utf-8")) == card.to_dict()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Metrics (CSV)").click()
    with open(waiting.value.path(), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["model", "element", "metric", "value", "unit", "n"]
    scores = card.metrics["held_out"]["all"]
    assert (float(rows[0]["value"]), int(rows[0]["n"])) == (scores["mse"], scores["n"])


@needs_report
@pytest.mark.parametrize("section", ["accuracy", "predictions", "map"])
def test_a_phone_scrolls_down_but_never_sideways(visit, section):  # noqa: F811
    page = visit(size=(390, 844)).open(f"/models?section={section}&example=ferrocene")
    page.locator(".js-plotly-plot .main-svg, table").first.wait_for()
    page.wait_for_timeout(700)
    widths = page.evaluate(
        """() => [document.documentElement, document.querySelector('[data-testid=stMain]')]
            .map((e) => e.scrollWidth - e.clientWidth)"""
    )
    assert max(widths) <= 0

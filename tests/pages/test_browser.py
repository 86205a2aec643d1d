"""What a person does, in a real browser: nothing may leave the machine, nothing may complain."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.places import PROJECT
from xanes_core.plots.viewer_script import viewer_ready
from xanes_core.structures.examples import load_example

pytestmark = pytest.mark.browser

ROOT = PROJECT
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--enable-unsafe-swiftshader",
]
WAIT_MS = 60_000
#: Streamlit's own client looks for its server under the page's path first and takes the 404.
PROBES = re.compile(r"/_stcore/(health|host-config)$")
ALLOWED_WITHOUT = "XANES_SKIP_BROWSER"


def need(present: bool, sentence: str) -> None:
    if present:
        return
    if os.environ.get(ALLOWED_WITHOUT):
        pytest.skip(sentence)
    pytest.fail(f"{sentence} Set {ALLOWED_WITHOUT}=1 to skip the browser tests.", pytrace=False)


@pytest.fixture(scope="module")
def chromium_path() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    need(found is not None, "chromium is missing: `make test` run as root installs it.")
    need(
        viewer_ready(),
        "static/3Dmol-min.js is missing: `python -m xanes_core.plots.viewer_script` fetches it.",
    )
    return found


class Server:
    """The app on a free port, as `make run` starts it."""

    def __init__(self, log: Path, folder: Path = ROOT) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._log = log.open("wb")
        command = [sys.executable, "-m", "streamlit", "run", "serve.py"]
        command += [f"--server.port={port}", "--server.address=127.0.0.1"]
        self._process = subprocess.Popen(
            command, cwd=folder, stdout=self._log, stderr=subprocess.STDOUT
        )
        try:
            self._wait(log)
        except BaseException:
            self.stop()
            raise

    def _wait(self, log: Path) -> None:
        for _ in range(300):
            if self._process.poll() is not None:
                pytest.fail(f"the server stopped at its start: {log.read_text()[-800:]}")
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        pytest.fail(f"the server did not start within a minute: {log.read_text()[-800:]}")

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory, chromium_path):
    made = Server(tmp_path_factory.mktemp("server") / "log")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def browser(chromium_path):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield made
        made.close()


class Visitor:
    """A page that keeps account of requests and complaints."""

    def __init__(self, browser, url: str, *, dark: bool = False, size=(1280, 800)) -> None:
        self.url = url
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.foreign, self.complaints, self.failed = [], [], []
        self.context.on("request", self._request)
        self.page.on("response", self._response)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("websocket", lambda ws: self._check(ws.url))

    def _request(self, request) -> None:
        self._check(request.url)

    def _check(self, url: str) -> None:
        own = (self.url, self.url.replace("http", "ws", 1), "data:", "blob:")
        if not url.startswith(own):
            self.foreign.append(url)

    def _response(self, response) -> None:
        if response.status >= 400 and not PROBES.search(response.url):
            self.failed.append(f"{response.status} {response.url}")

    def _console(self, message) -> None:
        # a failed load is judged by its response, where its address is known
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def open(self, path: str = "/"):
        self.page.goto(self.url + path)
        return self.page

    def assert_quiet(self) -> None:
        assert self.foreign == []
        assert self.failed == []
        assert self.complaints == []


@pytest.fixture
def visit(server, browser):
    made = []

    def start(**options) -> Visitor:
        made.append(Visitor(browser, server.url, **options))
        return made[-1]

    yield start
    for visitor in made:
        visitor.context.close()
    for visitor in made:
        visitor.assert_quiet()


def plot(page):
    return page.locator(".st-key-spectrum .js-plotly-plot")


def wait_spectrum(page) -> None:
    plot(page).locator(".scatterlayer .js-line").first.wait_for()


def network_curve(page, key: str = "spectrum"):
    return page.evaluate(
        """(key) => {
            const drawn = document.querySelector(`.st-key-${key} .js-plotly-plot`);
            const line = drawn._fullData.find((t) => t.name.startsWith('Network'));
            return {x: Array.from(line.x), y: Array.from(line.y), name: line.name};
        }""",
        key,
    )


def viewer_atoms(page) -> int:
    """Atoms in the model that 3Dmol.js holds, once it has drawn."""
    host = page.locator(".viewer3d[data-atoms]")
    host.wait_for()
    return host.evaluate("(e) => e.viewer3d.getModel().selectedAtoms({}).length")


def xyz(atoms, comment: str = "") -> bytes:
    rows = zip(atoms.get_chemical_symbols(), atoms.positions, strict=True)
    body = "\n".join(f"{s} {x:.6f} {y:.6f} {z:.6f}" for s, (x, y, z) in rows)
    return f"{len(atoms)}\n{comment}\n{body}\n".encode()


def upload(page, *files, which: int = 0) -> None:
    payload = [{"name": n, "mimeType": "text/plain", "buffer": data} for n, data in files]
    page.locator("input[type=file]").nth(which).set_input_files(payload)


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


@pytest.mark.parametrize("path", ["/models", "/?example=ferrocene"])
def test_a_deep_link_works_as_the_first_request_after_a_start(browser, tmp_path, path):
    server = Server(tmp_path / "log")
    visitor = Visitor(browser, server.url)
    try:
        page = visitor.open(path)
        expected = "Held-out scores" if path == "/models" else "Ferrocene"
        page.get_by_text(expected).first.wait_for()
        page.wait_for_timeout(500)
        assert page.get_by_text("Page not found").count() == 0
        assert page.url.startswith(server.url + path.split("?")[0])
        visitor.assert_quiet()
    finally:
        visitor.context.close()
        server.stop()


def test_an_example_is_one_click_from_its_spectrum_and_its_atoms(visit):
    page = visit().open()
    page.locator(".st-key-start_Fe button").first.click()
    wait_spectrum(page)
    curve = network_curve(page)
    assert len(curve["x"]) == 226
    assert curve["x"][0] == pytest.approx(-15.0)
    example = re.search(r"example=([\w-]+)", page.url).group(1)
    assert viewer_atoms(page) == len(load_example(example))


def test_shells_and_labels_are_drawn_on_demand(visit):
    page = visit().open("/?example=ferrocene")
    wait_spectrum(page)
    assert viewer_atoms(page) == 21
    stage = page.locator(".viewer3d-stage")
    before = pixels(stage.screenshot())
    page.get_by_role("button", name="2.5 \u00c5").click()
    page.locator('.viewer3d[data-shells="1"]').wait_for()
    page.wait_for_timeout(300)
    after = pixels(stage.screenshot())
    changed = np.abs(before - after).max(axis=-1) > 5
    assert changed.mean() > 0.05
    page.get_by_text("Labels").click()
    page.locator('.viewer3d[data-labels="11"]').wait_for()


def test_an_upload_is_predicted_and_its_download_is_the_agreed_csv(visit):
    page = visit().open()
    upload(page, ("mine.xyz", xyz(load_example("ferrocene"))))
    wait_spectrum(page)
    assert viewer_atoms(page) == 21
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV", exact=True).click()
    lines = Path(waiting.value.path()).read_text().splitlines()
    assert lines[0] == "energy_ev,energy_rel_ev,mu,std,lower,upper"
    assert len(lines) == 227
    assert waiting.value.suggested_filename == "mine.xyz_Fe_K.csv"


@pytest.mark.parametrize(
    ("button", "start"), [("PNG", b"\x89PNG"), ("SVG", b"<?xml"), ("XDI", b"# XDI/1.0")]
)
def test_the_other_downloads_are_what_they_say(visit, button, start):
    page = visit().open("/?example=ferrocene")
    wait_spectrum(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button, exact=True).click()
    assert Path(waiting.value.path()).read_bytes().startswith(start)


def choose_spectra(page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()


def test_emission_is_drawn_and_downloaded_beside_absorption(visit):
    page = visit(dark=True, size=(390, 900)).open("/?example=ferrocene")
    wait_spectrum(page)
    choose_spectra(page, "XES")
    # below .first: while one figure replaces another, both stand there for a moment
    page.locator(".st-key-emission .scatterlayer .js-line").first.wait_for()
    page.get_by_text("Emission (area 1, 1/eV)").first.wait_for()
    page.get_by_text("\u03bc(E) / edge step").first.wait_for(state="hidden")
    assert "spectrum=xes" in page.url
    curve = network_curve(page, "emission")
    assert len(curve["x"]) == 181
    assert np.trapezoid(curve["y"], curve["x"]) == pytest.approx(1, abs=0.1)
    # by its own name: the button of the absorption stands there until the redraw has come to it
    button = page.locator(".st-key-download_xes_csv").get_by_role("button", name="CSV", exact=True)
    with page.expect_download() as waiting:
        button.click()
    lines = Path(waiting.value.path()).read_text().splitlines()
    assert lines[0].startswith("energy_ev,energy_rel_ev,emission,")
    assert len(lines) == 182
    choose_spectra(page, "both")
    page.get_by_text("\u03bc(E) / edge step").first.wait_for()
    page.get_by_text("Emission (area 1, 1/eV)").first.wait_for()


def test_a_download_clicked_during_a_redraw_is_not_lost(visit):
    page = visit().open("/?example=ferrocene")
    wait_spectrum(page)
    click = """([keys, delay]) => new Promise(done => setTimeout(() => {
        const there = keys.map(key => document.querySelector(`.st-key-${key} button`));
        const button = there.find(found => found);
        button?.click();
        done(Boolean(button));
    }, delay))"""
    keys = ["download_csv", "download_xes_csv"]
    for name, delay in (("XES", 250), ("XANES", 450), ("XES", 650)):
        page.locator(f".st-key-{keys[name == 'XANES']} button").first.wait_for()
        page.wait_for_timeout(1500)  # the page rests, so that the redraw is the one that follows
        with page.expect_download() as waiting:
            choose_spectra(page, name)
            assert page.evaluate(click, [keys, delay])
        assert waiting.value.path().read_text().startswith("energy_ev,")


def test_several_files_make_one_zip_with_a_line_for_the_broken_one(visit):
    page = visit().open()
    atoms = load_example("ferrocene")
    upload(page, ("a.xyz", xyz(atoms)), ("b.xyz", xyz(atoms)), ("bad.xyz", b"5\n\nFe 0 0 0\n"))
    wait_spectrum(page)
    page.get_by_text("bad.xyz").first.wait_for()
    assert page.locator("[data-testid=stAlert]").filter(has_text="bad.xyz").count() == 1
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download all as zip").click()
    with zipfile.ZipFile(waiting.value.path()) as archive:
        names = set(archive.namelist())
        failures = list(csv.DictReader(io.StringIO(archive.read("failures.csv").decode())))
        summary = list(csv.DictReader(io.StringIO(archive.read("summary.csv").decode())))
    assert names == {"spectra/a.xyz.csv", "spectra/b.xyz.csv", "summary.csv", "failures.csv"}
    assert [row["name"] for row in failures] == ["bad.xyz"]
    assert [row["name"] for row in summary] == ["a.xyz", "b.xyz"]


def test_no_text_of_an_upload_runs_or_renders(visit):
    page = visit().open()
    attack = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
    name = "[a](http://127.0.0.1) <img src=x onerror=hacked=1> $x$.xyz"
    content = xyz(load_example("ferrocene"), attack)
    upload(page, (name, content), ("<i>two</i> $y$.xyz", content), ("<b>bad</b>.xyz", b"3\n"))
    wait_spectrum(page)
    assert viewer_atoms(page) == 21
    page.locator(".st-key-overlay input").click()
    page.get_by_role("option", name="<i>two</i> $y$.xyz").click()
    page.locator(".legendtext", has_text="<i>two</i> $y$.xyz").wait_for()
    page.get_by_text("<b>bad</b>.xyz").first.wait_for()
    assert page.evaluate("() => window.hacked") is None
    assert page.locator("main img[src=x], section img[src=x]").count() == 0
    assert page.locator(".katex").count() == 0
    assert page.locator("[data-testid=stMain] a[href*='127.0.0.1']").count() == 0


def test_a_spectrum_of_ones_own_goes_on_top_with_its_misfit(visit):
    page = visit().open("/?example=ferrocene")
    wait_spectrum(page)
    curve = network_curve(page)
    rows = [f"{7112.0 + e:.4f},{m:.6f}" for e, m in zip(curve["x"], curve["y"], strict=True)]
    upload(page, ("scan.csv", ("energy,norm\n" + "\n".join(rows)).encode()), which=1)
    page.get_by_text("Misfit").wait_for()
    page.locator(".legendtext", has_text="scan.csv").wait_for()
    page.get_by_text("100 %").first.wait_for()


def test_work_survives_a_switch_of_pages(visit):
    page = visit().open()
    upload(page, ("mine.xyz", xyz(load_example("ferrocene"))))
    wait_spectrum(page)
    before = network_curve(page)["y"]
    page.get_by_role("link", name="Models").click()
    page.get_by_text("Held-out scores").first.wait_for()
    page.get_by_role("link", name="Predict").click()
    wait_spectrum(page)
    assert network_curve(page)["y"] == before
    page.get_by_text("Kept: mine.xyz").wait_for()


def test_settings_travel_in_the_link(visit):
    page = visit().open("/?element=V")
    wait_spectrum(page)
    page.get_by_text("Energy", exact=True).click()
    page.wait_for_url("**axis=absolute**")
    link = page.url.split("/", 3)[3]
    other = visit().open("/" + link)
    wait_spectrum(other)
    other.locator(".st-key-spectrum .xtitle", has_text=re.compile(r"^Energy \(eV\)$")).wait_for()
    assert network_curve(other)["x"][0] == pytest.approx(5465.0 - 15.0)


@pytest.mark.parametrize("dark", [False, True])
def test_both_themes_show_ink_that_stands_out(visit, dark):
    page = visit(dark=dark).open("/?example=ferrocene")
    wait_spectrum(page)
    background = page.locator("[data-testid=stApp]").evaluate(
        "(e) => getComputedStyle(e).backgroundColor"
    )
    ink = page.locator(".st-key-spectrum .xtitle").evaluate("(e) => getComputedStyle(e).fill")
    assert contrast(background, ink) > 7.0


def contrast(one: str, two: str) -> float:
    """Contrast ratio of two CSS colours (WCAG 2.1)."""

    def luminance(colour: str) -> float:
        channels = [int(c) / 255 for c in re.findall(r"\d+", colour)[:3]]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_structure_and_spectrum_share_the_first_screen(visit):
    page = visit().open("/?example=ferrocene")
    wait_spectrum(page)
    viewer_atoms(page)
    page.wait_for_timeout(500)
    view, figure = page.locator(".viewer3d").bounding_box(), plot(page).bounding_box()
    assert view["x"] + view["width"] <= figure["x"]
    assert view["y"] + view["height"] <= 800
    assert figure["y"] + figure["height"] <= 800


@pytest.mark.parametrize("path", ["/?example=ferrocene", "/", "/models"])
def test_a_phone_scrolls_down_but_never_sideways(visit, path):
    page = visit(size=(390, 844)).open(path)
    if "example" in path:
        wait_spectrum(page)
        viewer_atoms(page)
    else:
        page.locator("h1").first.wait_for()
    page.wait_for_timeout(700)
    widths = page.evaluate(
        """() => [document.documentElement, document.querySelector('[data-testid=stMain]')]
            .map((e) => e.scrollWidth - e.clientWidth)"""
    )
    assert max(widths) <= 0


def test_without_the_script_the_page_says_so_and_shows_a_plainer_view(visit):
    visitor = visit()
    visitor.context.route("**/3Dmol-min.js", lambda route: route.fulfill(body=""))
    page = visitor.open("/?example=ferrocene")
    wait_spectrum(page)
    page.get_by_text("Plain 3D view: the browser could not start the viewer").wait_for()
    page.locator(".st-key-structure_view_plotly .js-plotly-plot").wait_for()


def test_without_webgl_the_page_says_so(visit):
    visitor = visit()
    visitor.page.add_init_script(
        "const get = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {"
        " return kind.startsWith('webgl') ? null : get.call(this, kind, ...rest); };"
    )
    page = visitor.open("/?example=ferrocene")
    wait_spectrum(page)
    page.get_by_text("This browser has no WebGL").wait_for()

import io
import re
import threading

import numpy as np
import pytest
from matplotlib import rcParams
from PIL import Image

from tests.predictions import made_prediction
from xanes_core.errors import SpectrumError
from xanes_core.plots.images import plain_text, spectrum_image
from xanes_core.plots.spectrum import Curve, prediction_curve
from xanes_core.spectra.kinds import XES

E = np.linspace(7100.0, 7160.0, 61)


def curves():
    return [prediction_curve(made_prediction()), Curve("scan", E, np.ones_like(E), "measurement")]


def test_a_png_has_the_size_and_resolution_asked_for():
    image = Image.open(io.BytesIO(spectrum_image(curves(), e0_ev=7112.0, size_in=(4, 3), dpi=100)))
    assert image.format == "PNG"
    assert image.size == (400, 300)


def test_the_network_is_drawn_in_its_blue():
    data = spectrum_image(curves()[:1], e0_ev=7112.0, size_in=(4, 3), dpi=100)
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).reshape(-1, 3)
    assert (np.abs(pixels.astype(int) - (0, 114, 178)).max(axis=1) < 12).sum() > 100


def test_an_svg_carries_its_letters_and_asks_nobody_for_a_font():
    text = spectrum_image(curves(), e0_ev=7112.0, image_format="svg").decode()
    assert text.startswith("<?xml")
    assert "<text" not in text
    assert "@font-face" not in text
    assert "<script" not in text
    assert "#0072b2" in text


def test_an_svg_is_the_same_every_time():
    def body():
        return re.sub(r"<metadata>.*?</metadata>", "", svg(), flags=re.DOTALL)

    def svg():
        return spectrum_image(curves(), e0_ev=7112.0, image_format="svg").decode()

    assert body() == body()


def test_emission_is_drawn_with_another_title_of_its_axis():
    options = {"e0_ev": 7112.0, "size_in": (4, 3), "dpi": 60}
    assert spectrum_image(curves(), **options, kind=XES) != spectrum_image(curves(), **options)


@pytest.mark.parametrize("name", ["$x_1$ <b>.xyz", "_hidden.xyz", "100 $", "a\\frac$", "$\\bad{$"])
def test_any_file_name_can_be_a_legend_entry(name):
    curve = Curve(name, E, np.ones_like(E), "other")
    assert spectrum_image([curve], e0_ev=7112.0, title=name, dpi=60)[:4] == b"\x89PNG"


def test_dollars_and_underscores_stay_text():
    assert plain_text("$x$") == r"\$x\$"
    assert plain_text("_x") == " _x"


def test_settings_of_matplotlib_are_left_alone_by_threads():
    before = dict(rcParams)
    made = []
    work = [
        threading.Thread(target=lambda: made.append(spectrum_image(curves(), e0_ev=0.0, dpi=50)))
        for _ in range(3)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert len(set(made)) == 1
    assert len(made) == 3
    assert dict(rcParams) == before


def test_an_unknown_format_is_refused():
    with pytest.raises(SpectrumError, match="'png' or 'svg'"):
        spectrum_image(curves(), e0_ev=0.0, image_format="pdf")


def test_nothing_to_draw_is_refused():
    with pytest.raises(SpectrumError, match="no curve"):
        spectrum_image([], e0_ev=0.0)

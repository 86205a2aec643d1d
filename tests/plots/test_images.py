import csv
import io
import re
import threading

import numpy as np
import pytest
from matplotlib import rcParams
from PIL import Image

from tests.predictions import made_prediction
from xanes_core.errors import SpectrumError
from xanes_core.plots.images import (
    ascii_text,
    figure_csv,
    figure_image,
    plain_text,
    printed_text,
)
from xanes_core.plots.spectrum import (
    ENERGY_LABELS,
    Curve,
    EnergyAxis,
    prediction_curve,
    spectrum_figure,
)
from xanes_core.spectra.kinds import XANES, XES

E = np.linspace(7100.0, 7160.0, 61)


def curves():
    return [prediction_curve(made_prediction()), Curve("scan", E, np.ones_like(E), "measurement")]


def spectrum_image(curves, image_format="png", *, e0_ev=7112.0, kind=XANES, **options):
    figure = spectrum_figure(curves, EnergyAxis(e0_ev), kind=kind)
    return figure_image(figure, image_format, **options)


def test_a_png_has_the_size_and_resolution_asked_for():
    image = Image.open(io.BytesIO(spectrum_image(curves(), size_in=(4, 3), dpi=100)))
    assert image.format == "PNG"
    assert image.size == (400, 300)


def test_the_network_is_drawn_in_its_blue():
    data = spectrum_image(curves()[:1], size_in=(4, 3), dpi=100)
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).reshape(-1, 3)
    assert (np.abs(pixels.astype(int) - (0, 114, 178)).max(axis=1) < 12).sum() > 100


def test_an_svg_carries_its_letters_and_asks_nobody_for_a_font():
    text = spectrum_image(curves(), "svg").decode()
    assert text.startswith("<?xml")
    assert "<text" not in text
    assert "@font-face" not in text
    assert "<script" not in text
    assert "#0072b2" in text


def test_an_svg_is_the_same_every_time():
    def body():
        return re.sub(r"<metadata>.*?</metadata>", "", svg(), flags=re.DOTALL)

    def svg():
        return spectrum_image(curves(), "svg").decode()

    assert body() == body()


def test_emission_is_drawn_with_another_title_of_its_axis():
    options = {"size_in": (4, 3), "dpi": 60}
    assert spectrum_image(curves(), **options, kind=XES) != spectrum_image(curves(), **options)


@pytest.mark.parametrize("name", ["$x_1$ <b>.xyz", "_hidden.xyz", "100 $", "a\\frac$", "$\\bad{$"])
def test_any_file_name_can_be_a_legend_entry(name):
    curve = Curve(name, E, np.ones_like(E), "other")
    assert spectrum_image([curve], dpi=60)[:4] == b"\x89PNG"


def test_names_are_printed_and_listed_by_their_letters():
    figure = spectrum_figure([Curve("a & <b>.txt", E, np.ones_like(E), "other")], EnergyAxis(0.0))
    (row, *_) = csv.DictReader(io.StringIO(figure_csv(figure)))
    assert row["series"] == "a & <b>.txt"
    escaped = figure_image(figure, dpi=60)
    figure.data[0].name = "a & <b>.txt"
    assert figure_image(figure, dpi=60) == escaped


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
        spectrum_image(curves(), "pdf", e0_ev=0.0)


def test_nothing_to_draw_is_refused():
    with pytest.raises(SpectrumError, match="no curve"):
        spectrum_image([], e0_ev=0.0)


def test_letters_of_axes_are_set_with_their_subscripts():
    assert printed_text("Distance r<sub>ij</sub> (\u00c5)") == "Distance r$_{ij}$ (\u00c5)"
    assert printed_text("n<sup>-0.37</sup>, a<br>b") == "n$^{-0.37}$, a\nb"
    assert printed_text("x &lt;sub&gt; $y$") == r"x <sub> \$y\$"


def test_every_letter_of_a_download_is_in_the_font_it_is_set_in():
    from matplotlib import font_manager, ft2font

    face = ft2font.FT2Font(font_manager.findfont("DejaVu Sans"))
    known = face.get_charmap()
    titles = [
        *ENERGY_LABELS.values(),
        XANES.label,
        XES.label,
        XES.mse_label,
        "\u00c5 G\u00b2 G\u2074",
    ]
    assert [c for title in titles for c in title if ord(c) not in known] == []


def test_tables_spell_their_axes_in_ascii():
    text = figure_csv(spectrum_figure(curves(), EnergyAxis(0.0)))
    assert text.isascii()
    assert "1 mu(E) / edge step" in text
    assert ascii_text("Distance r<sub>ij</sub> (\u00c5), G\u00b2") == "Distance r_ij (A), G^2"

"""The reader's own spectra over a prediction: several files, several scans, columns, ranges."""

from __future__ import annotations

import numpy as np
import pytest

from tests.pages.test_pages import figure, linked, trace
from tests.spectra.look_alikes import ENERGY, I0, IT, MU, RAW, REL, athena_perl, table
from xanes_core.constants import K_EDGE_EV


def texts(elements):
    return " ".join(e.value for e in elements).replace("\\", "").replace("*", "")


def dropped(*files, **link):
    at = linked(example="ferrocene", **link)
    at.file_uploader[1].set_value([(name, data, "text/plain") for name, data in files])
    at.run()
    assert not at.exception
    return at


def scan(factor=1.0):
    return table("# energy i0 itrans irefer\n", ENERGY, I0, IT, IT * np.exp(-factor))


def names(at):
    return [t["name"] for t in figure(at)["data"]]


def box(elements, label):
    return next(e for e in elements if e.label == label)


PROJECT = athena_perl(
    [("oxide <b>", {"bkg_z": "Fe"}, ENERGY, RAW), ("foil", {"bkg_z": "Fe"}, ENERGY, MU)]
).encode()


def test_several_files_and_several_groups_lie_over_the_prediction():
    at = dropped(("scan.dat", scan()), ("two.prj", PROJECT))
    groups = next(m for m in at.multiselect if "2 spectra" in m.label)
    groups.set_value(groups.options).run()
    assert not at.exception
    assert {"scan.dat", "two.prj: oxide &lt;b&gt;", "two.prj: foil"} <= set(names(at))
    own = {t["name"]: t["line"]["color"] for t in figure(at)["data"] if "." in t["name"]}
    assert len(set(own.values())) == len(own)
    radio = box(at.radio, "Compared and set below")
    assert len(radio.options) == 3
    # each keeps what is set for it
    at.number_input(key="spectrum_shift_ev").set_value(2.5).run()
    radio.set_value(radio.options[1] if radio.index == 0 else radio.options[0]).run()
    assert at.number_input(key="spectrum_shift_ev").value == 0.0
    shifted = trace(at, "scan.dat")
    np.testing.assert_allclose(shifted.x, ENERGY + 2.5 - K_EDGE_EV["Fe"])
    assert "moved" not in texts(at.markdown).split("Misfit")[1].split("edge steps")[0]


def test_name_colour_and_removal_of_one_spectrum():
    at = dropped(("a.dat", scan()), ("b.dat", scan(2.0)))
    box(at.text_input, "Name in the legend").set_value("sample <i>1</i>").run()
    at.color_picker[0].set_value("#12ab34").run()
    assert not at.exception
    mine = next(t for t in figure(at)["data"] if t["name"] == "sample &lt;i&gt;1&lt;/i&gt;")
    assert mine["line"]["color"] == "#12ab34"
    box(at.button, "Remove this spectrum").click().run()
    assert not at.exception
    assert not any("sample" in name for name in names(at))
    assert any(name == "b.dat" for name in names(at))
    box(at.button, "Remove the spectrum").click().run()
    assert not any(name == "b.dat" for name in names(at))


def test_what_is_read_is_said_in_one_line_and_changed():
    at = dropped(("scan.dat", scan(2.0)))
    assert "Read energies from energy (eV), transmission ln(i0/itrans)." in texts(at.caption)
    signal = box(at.selectbox, "Signal")
    assert "reference: ln(itrans/irefer)" in signal.options
    signal.set_value("i0").run()
    assert "energies from energy (eV), absorption from i0" in texts(at.caption)
    box(at.selectbox, "Signal").set_value("\0own").run()
    box(at.button_group, "Kind of signal").set_value("reference").run()
    assert not at.exception
    box(at.selectbox, "Beam before it").set_value("i0").run()
    box(at.selectbox, "Beam behind it").set_value("itrans").run()
    assert not at.exception
    assert "reference ln(i0/itrans)" in texts(at.caption)
    preview = at.dataframe[0].value
    assert list(preview.columns) == ["energy", "ln(i0/itrans)"]
    np.testing.assert_allclose(preview["ln(i0/itrans)"].astype(float), RAW[:5], rtol=1e-3)


def test_a_file_whose_columns_nobody_named_is_read_once_they_are_chosen():
    angles = np.degrees(np.arcsin(12398.419843320026 / (2 * 3.1356 * ENERGY)))
    at = dropped(("odd.dat", table("# steps signal\n", angles, MU)))
    assert "odd.dat" in texts(at.warning)
    box(at.selectbox, "Energy column").set_value("steps").run()
    box(at.selectbox, "Unit").set_value("deg").run()
    box(at.selectbox, "Crystal").set_value("Si(111)").run()
    assert not at.exception
    assert "energies from steps (degrees)" in texts(at.caption)
    np.testing.assert_allclose(trace(at, "odd.dat").x, ENERGY - K_EDGE_EV["Fe"], atol=0.02)


def test_e0_and_ranges_are_edited_and_drawn():
    at = dropped(("scan.dat", scan()))
    e0 = box(at.number_input, "E\u2080 (eV)")
    assert e0.value == pytest.approx(7112.0 + 8.0, abs=1.5)
    e0.set_value(7115.0).run()
    box(at.slider, "Pre-edge line (eV from E\u2080)").set_value((-90.0, -30.0)).run()
    at.segmented_control(key="curve").set_value("normalisation").run()
    assert not at.exception
    assert at.query_params["curve"] in ("normalisation", ["normalisation"])
    layout = figure(at)["layout"]
    bands = [s for s in layout["shapes"] if s["type"] == "rect"]
    zero = 7115.0 - K_EDGE_EV["Fe"]
    assert (bands[0]["x0"], bands[0]["x1"]) == pytest.approx((zero - 90.0, zero - 30.0))
    (line,) = [s for s in layout["shapes"] if s["type"] == "line"]
    assert line["x0"] == pytest.approx(zero)
    assert "7115.0 eV" in layout["annotations"][0]["text"]
    np.testing.assert_allclose(trace(at, "scan.dat").y, RAW, atol=1e-6)
    # without a spectrum that is normalised here the view is gone, without a complaint
    box(at.button, "Remove the spectrum").click().run()
    assert not at.exception
    assert not at.info
    assert at.segmented_control(key="curve").value == "mu"


def test_slopes_of_all_are_drawn_and_the_band_is_not():
    at = dropped(("flat.csv", table("energy,norm\n", ENERGY, MU, separator=",")), curve="slope")
    assert figure(at)["layout"]["yaxis"]["title"]["text"] == "d\u03bc/dE (1/eV)"
    assert not any("band" in name or "predicted" in name for name in names(at))
    steep = trace(at, "flat.csv")
    wanted = np.gradient(MU, REL)
    inner = (REL > -10) & (REL < 50)
    np.testing.assert_allclose(np.array(steep.y)[inner], wanted[inner], atol=0.03)
    assert "The band is left out" in texts(at.caption)


def test_the_element_of_a_file_is_held_against_that_of_the_page():
    raw = table("# Element.symbol: Co\n# energy mu\n", ENERGY, MU)
    at = dropped(("co.dat", raw))
    assert "The file says that it is of Co, this page shows Fe" in texts(at.warning)
    zinc = table("# Element.symbol: Zn\n# energy mu\n", ENERGY + 2547.0, MU)
    assert "the file itself names Zn" in texts(dropped(("zn.dat", zinc)).warning)


def test_one_bad_file_takes_no_other_with_it():
    at = dropped(("bad.dat", b"nothing"), ("good.dat", scan()))
    assert "bad.dat" in texts(at.warning)
    assert "good.dat" in names(at)
    box(at.button, "Remove the file").click().run()
    assert not at.warning
